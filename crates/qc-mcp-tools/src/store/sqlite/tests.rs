//! What a file adds to a home: other processes, other keys, other hands.

use std::sync::{Arc, atomic::AtomicI64};

use super::{
    super::tests::{R, open},
    *,
};

#[test]
fn a_file_keeps_what_was_put_for_the_next_process_and_the_one_beside() {
    let folder = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicI64::new(1_000));
    let key = Key::of_secret(b"k");
    let one = open(folder.path(), &key, Limits::default(), &seconds);
    let two = open(folder.path(), &key, Limits::default(), &seconds);
    one.put("me", R, "x", vec![1], None).unwrap();
    assert_eq!(two.get("me", R, "x").unwrap(), one.get("me", R, "x").unwrap());
    drop((one, two));
    let later = open(folder.path(), &key, Limits::default(), &seconds);
    assert_eq!(&*later.get("me", R, "x").unwrap().unwrap().body, &[1]);
}

#[test]
fn two_processes_never_count_the_same_number() {
    let folder = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicI64::new(1_000));
    let key = Key::of_secret(b"k");
    let add = |store: &SqliteStore| {
        for _ in 0..50 {
            let mut more = |before: Option<&[u8]>| Some(vec![0; before.map_or(0, <[u8]>::len) + 1]);
            store.update("me", Kind::Counter, "n", &mut more).unwrap();
        }
    };
    let stores = [0, 1].map(|_| open(folder.path(), &key, Limits::default(), &seconds));
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| add(store));
        }
    });
    assert_eq!(stores[0].get("me", Kind::Counter, "n").unwrap().unwrap().body.len(), 100);
}

#[test]
fn a_record_changed_by_another_hand_counts_as_absent() {
    let folder = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicI64::new(1_000));
    let store = open(folder.path(), &Key::of_secret(b"k"), Limits::default(), &seconds);
    for name in ["body", "caller", "time", "fine"] {
        store.put("me", Kind::Deployment, name, b"real".to_vec(), None).unwrap();
    }
    let hand = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
    for change in [
        "UPDATE records SET body = x'7061706572' WHERE name = 'body'",
        "UPDATE records SET caller = 'you' WHERE name = 'caller'",
        "UPDATE records SET expires = 99999999999999 WHERE name = 'time'",
    ] {
        assert_eq!(hand.execute(change, []).unwrap(), 1);
    }
    assert_eq!(store.list("me", Kind::Deployment).unwrap().len(), 1);
    assert!(store.get("me", Kind::Deployment, "body").unwrap().is_none());
    assert!(store.get("you", Kind::Deployment, "caller").unwrap().is_none());
    assert!(store.get("me", Kind::Deployment, "fine").unwrap().is_some());
    let other = open(folder.path(), &Key::of_secret(b"another"), Limits::default(), &seconds);
    assert!(other.get("me", Kind::Deployment, "fine").unwrap().is_none(), "another server's key");
}

#[test]
fn a_limit_changed_by_another_hand_is_an_error_and_no_fresh_start() {
    let folder = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicI64::new(1_000));
    let store = open(folder.path(), &Key::of_secret(b"k"), Limits::default(), &seconds);
    for kind in [Kind::Counter, Kind::Spent] {
        store.put("me", kind, "n", b"10".to_vec(), None).unwrap();
    }
    let hand = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
    assert_eq!(hand.execute("UPDATE records SET body = x'30'", []).unwrap(), 2);
    for kind in [Kind::Counter, Kind::Spent] {
        assert!(matches!(store.get("me", kind, "n"), Err(StoreError::Forged)));
        let mut asked = false;
        let changed = store.update("me", kind, "n", &mut |_| {
            asked = true;
            Some(vec![1])
        });
        assert!(matches!(changed, Err(StoreError::Forged)) && !asked);
    }
}

#[cfg(unix)]
#[test]
fn the_file_and_what_lies_beside_it_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicI64::new(1_000));
    let store = open(folder.path(), &Key::of_secret(b"k"), Limits::default(), &seconds);
    store.put("me", R, "x", vec![1], None).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        seen += 1;
    }
    assert!(3 <= seen, "state.db, its log and its index");
}
