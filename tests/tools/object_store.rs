//! The object store through the tools.

use std::time::Duration;

use qc_sim::{Fault, JobTimes, SimOptions, Tier};
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn a_text_is_stored_described_listed_and_replaced() {
    let session = Session::start().await;
    let stored = session.ok("upload_object", json!({"key": "/models/a.json", "content": "{\"w\": 1}"})).await;
    assert_eq!((&stored["bytes"], &stored["replaced"]), (&json!(8), &json!(false)), "{stored}");
    let seen = session.ok("read_object_properties", json!({"key": "models/a.json"})).await;
    assert_eq!((&seen["bytes"], &seen["untrusted_preview"]), (&json!(8), &json!("{\"w\": 1}")), "{seen}");
    let list = session.ok("list_object_store_files", json!({})).await;
    assert_eq!(
        (&list["objects"][0]["untrusted_key"], &list["objects"][0]["is_folder"]),
        (&json!("models"), &json!(true))
    );
    let list = session.ok("list_object_store_files", json!({"path": "/models/"})).await;
    assert_eq!(list["objects"][0]["bytes"], 8, "{list}");
    let again = session.ok("upload_object", json!({"key": "models/a.json", "object_data": ""})).await;
    assert_eq!((&again["bytes"], &again["replaced"]), (&json!(0), &json!(true)), "{again}");
    let text = session.err("read_object_properties", json!({"key": "models/none"})).await;
    assert!(text.contains("list_object_store_files"), "{text}");
}

#[tokio::test]
async fn a_file_is_uploaded_only_from_beneath_the_roots() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weights.bin"), [0u8, 159, 146, 150]).unwrap();
    let root = folder.path().to_str().unwrap();
    let session = Session::with(&["--toolsets", "all", "--file-roots", root], SimOptions::default()).await;
    let stored = session.ok("upload_object", json!({"key": "w", "path": "weights.bin"})).await;
    assert_eq!(stored["bytes"], 4, "{stored}");
    session.sim.journal().clear();
    for path in ["/etc/passwd", "../weights.bin", ".env"] {
        session.err("upload_object", json!({"key": "w", "path": path})).await;
    }
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn keys_that_name_the_whole_store_or_leave_it_send_nothing() {
    let session = Session::start().await;
    for key in ["/", "..", "a/../b", "a//b", "a\u{0}b"] {
        session.err("upload_object", json!({"key": key, "content": "x"})).await;
        session.err("download_object", json!({"keys": [key]})).await;
        session.err("read_object_properties", json!({"key": key})).await;
    }
    for arguments in [json!({"key": "a"}), json!({"key": "a", "content": "x", "path": "y"})] {
        session.err("upload_object", arguments).await;
    }
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn nothing_is_replaced_while_it_cannot_be_told_what_runs() {
    let session = Session::start().await;
    session.ok("upload_object", json!({"key": "a", "content": "1"})).await;
    session.sim.faults().always("live/list", qc_sim::Fault::HtmlOk);
    session.sim.journal().clear();
    let text = session.err("upload_object", json!({"key": "a", "content": "2"})).await;
    assert!(text.contains("consent") && text.contains("nothing was sent"), "{text}");
    assert!(session.sim.journal().of("object/set").is_empty());
    session.ok("upload_object", json!({"key": "b", "content": "2"})).await;
}

#[tokio::test]
async fn a_download_that_the_plan_forbids_is_explained() {
    let session = Session::start().await;
    session.ok("upload_object", json!({"key": "a", "content": "1"})).await;
    let text = session.err("download_object", json!({"keys": ["a"]})).await;
    assert!(text.contains("only Institution plans") && text.contains("read_object_properties"), "{text}");
}

#[tokio::test]
async fn a_download_gives_its_link_in_the_answer_alone() {
    let session =
        Session::with(&["--toolsets", "all"], SimOptions { tier: Tier::Institution, ..SimOptions::default() }).await;
    session.ok("upload_object", json!({"key": "a/b", "content": "1"})).await;
    let answer = session.ok("download_object", json!({"keys": ["a"]})).await;
    let link = answer["untrusted_link"].as_str().unwrap();
    assert!(link.contains("/download/"), "{answer}");
    let metrics = session.read("resource://quantconnect/performance/metrics").await.unwrap();
    assert!(!metrics.contains("/download/"));
    let text = session.err("download_object", json!({"keys": ["a"], "job_id": "1"})).await;
    assert!(text.contains("both came"), "{text}");
}

#[tokio::test]
async fn a_folder_is_deleted_only_when_said_and_within_the_budget() {
    let session = Session::start().await;
    for key in ["models/a", "models/b/c", "models/b/d"] {
        session.ok("upload_object", json!({"key": key, "content": "1"})).await;
    }
    let text = session.err("delete_object", json!({"key": "models"})).await;
    assert!(text.contains("3 object(s)") && text.contains("recursive=true"), "{text}");
    assert!(session.sim.journal().of("object/delete").is_empty());
    let gone = session.ok("delete_object", json!({"key": "models/b", "recursive": true})).await;
    assert_eq!(gone["deleted"], 2, "{gone}");
    let gone = session.ok("delete_object", json!({"key": "models/a"})).await;
    assert_eq!(gone["deleted"], 1, "{gone}");
    let text = session.err("delete_object", json!({"key": "models"})).await;
    assert!(text.contains("nothing under"), "{text}");
    for i in 0..21 {
        session.ok("upload_object", json!({"key": format!("many/{i}"), "content": "1"})).await;
    }
    session.sim.journal().clear();
    session.err("delete_object", json!({"key": "many", "recursive": true})).await;
    assert!(session.sim.journal().of("object/delete").is_empty(), "21 are more than one call may delete");
}

#[tokio::test]
async fn a_refusal_in_unknown_words_is_an_absence_only_where_the_folder_does_not_list_the_key() {
    let session = Session::start().await;
    session.ok("upload_object", json!({"key": "models/a.json", "content": "1"})).await;
    session.sim.faults().always("object/properties", Fault::Refuse("Es gibt da nichts".into()));
    let stored = session.ok("upload_object", json!({"key": "models/new.json", "content": "22"})).await;
    assert_eq!((&stored["bytes"], &stored["replaced"]), (&json!(2), &json!(false)), "{stored}");
    // What the folder lists is there, whatever the service says of it: nothing is replaced unseen.
    session.sim.journal().clear();
    let text = session.err("upload_object", json!({"key": "models/a.json", "content": "333"})).await;
    assert!(text.contains("Es gibt da nichts"), "{text}");
    assert!(session.sim.journal().entries().iter().all(|entry| entry.path != "object/set"), "it was replaced");
}

#[tokio::test]
async fn a_download_whose_look_fails_keeps_its_job() {
    let slow = JobTimes { download: Duration::from_secs(120), ..JobTimes::REALISTIC };
    let session = Session::with(
        &["--toolsets", "all"],
        SimOptions { tier: Tier::Institution, jobs: Some(slow), ..SimOptions::default() },
    )
    .await;
    session.ok("upload_object", json!({"key": "a", "content": "1"})).await;
    let first = session.ok("download_object", json!({"keys": ["a"]})).await;
    let job = first.as_object().unwrap().iter().find(|(name, _)| name.ends_with("job_id")).unwrap().1.clone();
    session.sim.faults().always("object/get", Fault::HtmlPage);
    let unknown = session.ok("download_object", json!({"job_id": job})).await;
    assert!(
        unknown.to_string().contains(job.as_str().unwrap()) && unknown.get("untrusted_link").is_none(),
        "{unknown}"
    );
    session.sim.faults().clear();
    let mut again = json!({});
    for _ in 0..4 {
        again = session.ok("download_object", json!({"job_id": job})).await;
    }
    assert!(again["untrusted_link"].as_str().unwrap().contains("/download/"), "{again}");
}
