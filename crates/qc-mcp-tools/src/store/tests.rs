//! What both homes promise: every test runs against memory and against a file.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::*;
use crate::{keys::Key, private::Folder};

pub(super) const R: Kind = Kind::Research;

/// A home under test, on a clock that moves when the test says so.
struct Home {
    name: &'static str,
    store: Arc<dyn Store>,
    bytes: Box<dyn Fn() -> usize>,
    seconds: Arc<AtomicI64>,
    _folder: Option<tempfile::TempDir>,
}

fn clock(seconds: &Arc<AtomicI64>) -> impl Fn() -> Timestamp + Send + Sync + 'static {
    let seconds = seconds.clone();
    move || Timestamp::from_second(seconds.load(Ordering::SeqCst)).unwrap()
}

pub(super) fn open(folder: &Path, key: &Key, limits: Limits, seconds: &Arc<AtomicI64>) -> SqliteStore {
    let path = Folder::open(folder).unwrap().prepare("state.db").unwrap();
    SqliteStore::open(&path, key, limits, clock(seconds)).unwrap()
}

/// Both homes, empty.
fn homes(limits: Limits) -> Vec<Home> {
    let seconds = Arc::new(AtomicI64::new(1_000));
    let memory = Arc::new(MemoryStore::with_clock(limits, clock(&seconds)));
    let same = memory.clone();
    let first = Home { name: "memory", store: memory, bytes: Box::new(move || same.bytes()), seconds, _folder: None };
    let folder = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicI64::new(1_000));
    let file = Arc::new(open(folder.path(), &Key::of_secret(b"k"), limits, &seconds));
    let same = file.clone();
    let second =
        Home { name: "file", store: file, bytes: Box::new(move || same.bytes()), seconds, _folder: Some(folder) };
    vec![first, second]
}

fn small(bytes: usize, callers: usize) -> Vec<Home> {
    homes(Limits { callers, bytes, lasting_bytes: 4 * bytes, record_bytes: bytes, records: 3 })
}

fn names(store: &dyn Store, caller: &str) -> Vec<String> {
    store.list(caller, R).unwrap().into_iter().map(|record| record.name).collect()
}

#[test]
fn a_strangers_record_answers_like_an_unknown_one() {
    for Home { store, .. } in homes(Limits::default()) {
        store.put("a", R, "x", vec![1], None).unwrap();
        assert_eq!(store.get("b", R, "x").unwrap(), store.get("b", R, "never").unwrap());
        assert_eq!(store.get("a", Kind::Workbook, "x").unwrap(), None);
        assert!(!store.remove("b", R, "x").unwrap());
        assert_eq!(&*store.get("a", R, "x").unwrap().unwrap().body, &[1]);
    }
}

#[test]
fn a_result_vanishes_when_its_time_is_over() {
    for Home { store, seconds, bytes, .. } in small(100, 10) {
        store.put("a", R, "x", vec![1, 2], Some(SignedDuration::from_secs(60))).unwrap();
        seconds.store(1_059, Ordering::SeqCst);
        assert!(store.get("a", R, "x").unwrap().is_some());
        seconds.store(1_060, Ordering::SeqCst);
        assert!(store.get("a", R, "x").unwrap().is_none());
        assert!(store.list("a", R).unwrap().is_empty());
        store.put("b", R, "y", vec![0; 99], None).unwrap();
        assert_eq!(bytes(), 99, "what is over makes room");
    }
}

#[test]
fn the_oldest_result_of_the_largest_holder_makes_room() {
    for Home { name, store, bytes, .. } in small(100, 10) {
        store.put("small", R, "s", vec![0; 20], None).unwrap();
        store.put("big", R, "1", vec![0; 30], None).unwrap();
        store.put("big", R, "2", vec![0; 30], None).unwrap();
        store.put("big", R, "3", vec![0; 40], None).unwrap();
        assert_eq!(names(&*store, "big"), ["2", "3"], "{name}: the oldest of the caller that holds most");
        assert_eq!(names(&*store, "small"), ["s"]);
        assert_eq!(bytes(), 90);
    }
}

#[test]
fn results_never_make_a_workbook_go() {
    for Home { store, .. } in small(100, 10) {
        store.put("me", Kind::Workbook, "pairs", vec![0; 60], None).unwrap();
        for name in ["1", "2", "3"] {
            store.put("me", R, name, vec![0; 30], None).unwrap();
        }
        assert!(store.get("me", Kind::Workbook, "pairs").unwrap().is_some());
        assert_eq!(names(&*store, "me"), ["3"]);
    }
}

#[test]
fn workbooks_never_fill_the_store() {
    for Home { name, store, .. } in homes(Limits { lasting_bytes: 80, ..Limits::default() }) {
        let put = |caller: &str, kind, size| store.put(caller, kind, "x", vec![0; size], None);
        let grow = |caller: &str, size| store.update(caller, Kind::SymbolList, "list", &mut |_| Some(vec![0; size]));
        put("a", Kind::Workbook, 15).unwrap();
        let error = grow("a", 6).unwrap_err();
        assert!(matches!(error, StoreError::Full { found: 21, limit: 20 }), "{name}, one caller: {error}");
        put("a", Kind::Workbook, 5).unwrap();
        grow("a", 15).unwrap();
        for caller in ["b", "c", "d"] {
            put(caller, Kind::Workbook, 20).unwrap();
        }
        let error = put("e", Kind::Workbook, 1).unwrap_err();
        assert!(matches!(error, StoreError::Full { found: 81, limit: 80 }), "{name}, all callers: {error}");
        put("e", R, 500).unwrap();
        assert_eq!(store.get("a", Kind::Workbook, "x").unwrap().unwrap().body.len(), 5);
    }
}

#[test]
fn one_record_over_the_limit_is_refused_with_both_figures() {
    for Home { store, .. } in small(10, 2) {
        let error = store.put("a", R, "x", vec![0; 11], None).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { found: 11, limit: 10 }), "{error}");
    }
}

#[test]
fn of_a_thousand_callers_a_hundred_are_left() {
    for Home { name, store, bytes, .. } in homes(Limits { callers: 100, ..Limits::default() }) {
        for caller in 0..1_000 {
            store.put(&format!("caller {caller}"), R, "x", vec![0; 8], None).unwrap();
        }
        assert_eq!(bytes(), 800, "{name}");
        assert!(store.get("caller 999", R, "x").unwrap().is_some());
        assert!(store.get("caller 0", R, "x").unwrap().is_none());
    }
}

#[test]
fn ten_thousand_callers_leave_a_thousand() {
    let store = MemoryStore::default();
    for caller in 0..10_000 {
        store.put(&format!("caller {caller}"), R, "x", vec![0; 8], None).unwrap();
    }
    assert_eq!(store.bytes(), 8_000);
}

#[test]
fn what_guards_count_outlives_a_crowd_of_callers_and_a_full_store() {
    for Home { name, store, .. } in homes(Limits { callers: 3, bytes: 600, ..Limits::default() }) {
        store.update("me", Kind::Counter, "spent", &mut |_| Some(vec![7])).unwrap();
        store.put("me", R, "x", vec![0; 8], None).unwrap();
        for caller in 0..20 {
            store.put(&format!("caller {caller}"), R, "x", vec![0; 90], None).unwrap();
        }
        assert!(store.get("me", R, "x").unwrap().is_none(), "{name}");
        assert_eq!(store.get("me", Kind::Counter, "spent").unwrap().map(|kept| kept.body[0]), Some(7), "{name}");
        for spent in 0..10 {
            store.update("me", Kind::Spent, &spent.to_string(), &mut |_| Some(vec![1])).unwrap();
        }
    }
}

#[test]
fn a_counter_ends_a_day_after_its_last_change() {
    for Home { name, store, seconds, .. } in homes(Limits::default()) {
        for hours in [0, 24, 48] {
            seconds.store(1_000 + hours * 3600, Ordering::SeqCst);
            let mut seen = None;
            let mut add = |before: Option<&[u8]>| {
                seen = before.map(<[u8]>::len);
                Some(vec![0; before.map_or(0, <[u8]>::len) + 1])
            };
            store.update("me", Kind::Counter, "spent", &mut add).unwrap();
            assert_eq!(seen.unwrap_or_default() as i64, hours / 24, "{name}");
        }
        seconds.store(1_000 + 74 * 3600, Ordering::SeqCst);
        assert!(store.get("me", Kind::Counter, "spent").unwrap().is_none(), "{name}");
    }
}

#[test]
fn updating_sees_what_is_there_keeps_the_first_date_and_counts() {
    for Home { store, seconds, .. } in small(1000, 2) {
        for name in ["a", "b", "c"] {
            store.update("me", Kind::Workbook, name, &mut |_| Some(vec![1])).unwrap();
        }
        let full = store.update("me", Kind::Workbook, "d", &mut |_| Some(vec![1]));
        assert!(matches!(full, Err(StoreError::TooMany { found: 3, limit: 3 })));
        let created = store.get("me", Kind::Workbook, "a").unwrap().unwrap().created;
        seconds.fetch_add(5, Ordering::SeqCst);
        store
            .update("me", Kind::Workbook, "a", &mut |before| {
                let mut body = before.unwrap().to_vec();
                body.push(2);
                Some(body)
            })
            .unwrap();
        let after = store.get("me", Kind::Workbook, "a").unwrap().unwrap();
        assert_eq!((&*after.body, after.created), (&[1_u8, 2][..], created));
        assert_eq!(after.changed.duration_since(created).as_secs(), 5);
        store.update("me", Kind::Workbook, "a", &mut |_| None).unwrap();
        assert!(store.get("me", Kind::Workbook, "a").unwrap().is_none());
    }
}

#[test]
fn ids_are_128_bits_and_differ() {
    let (a, b) = (new_id().unwrap(), new_id().unwrap());
    assert_eq!((a.len(), b.len()), (32, 32));
    assert_ne!(a, b);
}
