//! The object store: bytes in, the same bytes out.

use std::time::Duration;

use qc_api::endpoints::object_store::{
    DeleteObject, ListObjects, ReadDownload, ReadObjectProperties, SetObject, StartDownload,
};
use qc_api::{Client, Effect};
use qc_sim::{Fault, Sim, SimOptions, Tier, seed};

use crate::by_hand::{ask, open};
use crate::{sentence, session};

async fn set(client: &Client, key: &str, data: &[u8]) {
    let request = SetObject { organization_id: seed::ORGANIZATION_ID.into(), key: key.into(), data: data.to_vec() };
    client.send(&request).await.unwrap();
}

async fn names(client: &Client, path: Option<&str>) -> Vec<(String, bool)> {
    let request =
        ListObjects { organization_id: seed::ORGANIZATION_ID.into(), path: path.map(str::to_owned), page: None };
    let objects = client.send(&request).await.unwrap().objects;
    objects.into_iter().map(|object| (object.key.clone(), object.is_folder())).collect()
}

#[tokio::test]
async fn objects_are_set_listed_described_and_deleted_with_their_folder() {
    let (sim, client) = session().await;
    set(&client, "models/a.txt", b"hello").await;
    set(&client, "models/deep/b.bin", &[0, 255, 7]).await;
    set(&client, "top.txt", b"x").await;
    let entry = |key: &str, folder| (key.to_owned(), folder);
    assert_eq!(names(&client, None).await, [entry("models", true), entry("top.txt", false)]);
    assert_eq!(names(&client, Some("models")).await, [entry("models/a.txt", false), entry("models/deep", true)]);
    let organization_id = || seed::ORGANIZATION_ID.into();
    let read = ReadObjectProperties { organization_id: organization_id(), key: "models/a.txt".into() };
    let metadata = client.send(&read).await.unwrap().metadata;
    // The MD5 of "hello", as any tool prints it.
    assert_eq!(metadata.md5.as_deref(), Some("5d41402abc4b2a76b9719d911017c592"));
    assert_eq!((metadata.size, metadata.preview.as_deref()), (Some(5), Some("hello")));
    let delete = DeleteObject { organization_id: organization_id(), key: "models".into() };
    client.send(&delete).await.unwrap();
    assert_eq!(names(&client, None).await, [entry("top.txt", false)]);
    assert!(client.send(&delete).await.unwrap_err().is_not_found());
    assert!(client.send(&read).await.unwrap_err().is_not_found());
    assert_eq!(sim.journal().of("object/set")[0].body["objectData"], "5 bytes");
    assert!(sim.journal().of("object/set").iter().all(|entry| entry.effect == Some(Effect::Update)));
}

#[tokio::test]
async fn a_download_gives_a_link_after_a_while_to_institutions_only() {
    let (_sim, client) = session().await;
    set(&client, "a.txt", b"hello").await;
    let start =
        StartDownload { organization_id: seed::ORGANIZATION_ID.into(), keys: vec!["a.txt".into(), "none".into()] };
    assert!(sentence(client.send(&start).await).contains("derivative export"));

    let sim = Sim::start_with(SimOptions { tier: Tier::Institution, ..SimOptions::default() }).await.unwrap();
    let client = sim.client().unwrap();
    set(&client, "a.txt", b"hello").await;
    let job = client.send(&start).await.unwrap();
    assert!(job.url.is_none());
    let poll = ReadDownload { organization_id: seed::ORGANIZATION_ID.into(), job_id: job.job_id };
    assert!(client.send(&poll).await.unwrap().url.is_none());
    sim.clock().advance(Duration::from_secs(10));
    let url = client.send(&poll).await.unwrap().url.unwrap();
    let file = open(url.expose()).await;
    assert_eq!(file.status, 200);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file.body)).unwrap();
    assert_eq!(std::io::read_to_string(zip.by_name("a.txt").unwrap()).unwrap(), "hello");
    assert_eq!(open(&format!("{}x", url.expose())).await.status, 403);
    assert_eq!(
        sim.journal().of("object/get").iter().map(|e| e.effect.unwrap()).collect::<Vec<_>>(),
        [Effect::Create, Effect::Read, Effect::Read]
    );
    let none = StartDownload { keys: vec!["none".into()], ..start };
    assert!(client.send(&none).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn another_organization_s_store_is_closed() {
    let (_sim, client) = session().await;
    let list = ListObjects { organization_id: " ".into(), path: None, page: None };
    assert!(client.send(&list).await.unwrap_err().is_not_found());
    let foreign = ListObjects { organization_id: seed::COLLABORATOR_ORGANIZATION_ID.into(), ..list };
    assert!(client.send(&foreign).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn large_objects_are_taken_and_larger_ones_than_the_web_server_takes_are_not() {
    let (sim, client) = session().await;
    // Beyond the two megabytes at which common web frameworks stop by themselves.
    let data: Vec<u8> = (0..5 << 20).map(|at: u32| at.to_le_bytes()[0] ^ at.to_le_bytes()[2]).collect();
    set(&client, "large.bin", &data).await;
    let read = ReadObjectProperties { organization_id: seed::ORGANIZATION_ID.into(), key: "large.bin".into() };
    let metadata = client.send(&read).await.unwrap().metadata;
    assert_eq!((metadata.size, metadata.mime.as_deref()), (Some(5 << 20), Some("application/octet-stream")));
    let huge =
        SetObject { key: "huge.bin".into(), data: vec![0; 65 << 20], organization_id: seed::ORGANIZATION_ID.into() };
    let refused = client.send(&huge).await.unwrap_err();
    assert!(format!("{refused:?}").contains("413"), "{refused:?}");
    assert!(sim.journal().of("object/set").iter().filter(|entry| entry.accepted).count() == 1);
    assert_eq!(names(&client, None).await.len(), 1);
}

/// Whoever sends all of it before reading gets the answer, not a reset connection; no fault is used up by it.
#[tokio::test]
async fn a_body_that_is_too_large_is_read_before_it_is_refused() {
    let (sim, _client) = session().await;
    sim.faults().once("object/set", Fault::ServerError);
    let body = vec![b'x'; 120 << 20];
    for kind in ["multipart/form-data; boundary=x", "application/json"] {
        let answer = ask(&sim, "POST /object/set", &[&format!("Content-Type: {kind}")], &body).await;
        assert_eq!(answer.status, 413, "{kind}: {}", answer.head);
    }
    assert_eq!(sim.faults().pending(), 1);
    assert!(sim.journal().entries().iter().all(|entry| entry.fault.is_none() && !entry.reached));
}
