//! Projects through the tools.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn create_read_rename_delete() {
    let session = Session::start().await;
    let created = session.ok("create_project", json!({"name": "Momentum", "language": "py"})).await;
    let id = created["project_id"].as_i64().unwrap();
    assert_eq!(created["untrusted_name"], "Momentum");

    let read = session.ok("read_project", json!({"project": "momentum"})).await;
    assert_eq!((read["project_id"].as_i64(), &read["language"]), (Some(id), &json!("Py")));

    session
        .ok("update_project", json!({"projectId": id.to_string(), "name": "Momentum 2", "description": "fast"}))
        .await;
    let read = session.ok("read_project", json!({"project_id": id})).await;
    assert_eq!((&read["untrusted_name"], &read["untrusted_description"]), (&json!("Momentum 2"), &json!("fast")));

    session.ok("update_project", json!({"project_id": id, "description": ""})).await;
    let read = session.ok("read_project", json!({"project_id": id})).await;
    assert_eq!(read["untrusted_description"], "", "a description can be taken away again");

    session.ok("delete_project", json!({"project_id": "Momentum 2"})).await;
    let text = session.err("read_project", json!({"project": "Momentum 2"})).await;
    assert!(text.contains("no project is named `Momentum 2`") && text.contains("list_projects"), "{text}");
}

#[tokio::test]
async fn a_taken_name_says_the_real_one() {
    let session = Session::start().await;
    session.ok("create_project", json!({"name": "Twice"})).await;
    let second = session.ok("create_project", json!({"name": "Twice"})).await;
    assert!(second["summary"].as_str().unwrap().contains("was taken"), "{second}");
    assert_ne!(second["untrusted_name"], "Twice");
}

#[tokio::test]
async fn lists_search_and_limit() {
    let session = Session::start().await;
    let all = session.ok("read_project", json!({})).await;
    assert_eq!(all["total"], 2);
    let one = session.ok("list_projects", json!({"search": "STAPLES", "limit": "5"})).await;
    assert_eq!(one["projects"][0]["project_id"], seed::PAIR_PROJECT_ID);
    let none = session.ok("list_projects", json!({"search": "nothing like it"})).await;
    assert!(none["summary"].as_str().unwrap().contains("without search"), "{none}");
}

#[tokio::test]
async fn an_unknown_project_names_the_next_call() {
    let session = Session::start().await;
    let text = session.err("read_project", json!({"project_id": 1})).await;
    assert!(text.contains("hint: call `list_projects`"), "{text}");
}

#[tokio::test]
async fn nothing_to_change_sends_nothing() {
    let session = Session::start().await;
    let text = session.err("update_project", json!({"project_id": seed::PAIR_PROJECT_ID, "name": ""})).await;
    assert!(text.contains("nothing was sent"), "{text}");
    assert!(session.sim.journal().is_empty());
}
