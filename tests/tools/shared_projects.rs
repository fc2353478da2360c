//! Nodes, libraries, other people and the edit lock of a project through the tools.

use qc_api::endpoints::collaboration::{AcquireLock, CreateCollaborator};
use qc_sim::seed;
use serde_json::json;
use support::session::Session;

const PROJECT: i64 = seed::PAIR_PROJECT_ID;

/// Shares the project with the second account, which then holds its lock.
async fn shared() -> Session {
    let session = Session::start().await;
    let invite = CreateCollaborator {
        project_id: PROJECT.into(),
        collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
        collaboration_live_control: false,
        collaboration_write: true,
    };
    session.sim.client().unwrap().send(&invite).await.unwrap();
    let other = session.sim.client_of(seed::COLLABORATOR_ID, seed::COLLABORATOR_TOKEN).unwrap();
    other.send(&AcquireLock { project_id: PROJECT.into(), code_source_id: "their editor".into() }).await.unwrap();
    session.sim.journal().clear();
    session
}

#[tokio::test]
async fn nodes_are_chosen_by_id_and_unknown_ones_are_refused_before_sending() {
    let session = Session::start().await;
    let before = session.ok("read_project_nodes", json!({"project_id": PROJECT})).await;
    assert_eq!(before["auto_select_node"], true, "{before}");
    let node = before["nodes"][0]["node_id"].as_str().unwrap().to_owned();
    let after = session.ok("update_project_nodes", json!({"project_id": PROJECT, "nodes": [node]})).await;
    assert_eq!((&after["auto_select_node"], &after["nodes"][0]["chosen"]), (&json!(false), &json!(true)), "{after}");
    session.sim.journal().clear();
    let text = session.err("update_project_nodes", json!({"project_id": PROJECT, "nodes": ["nowhere"]})).await;
    assert!(text.contains("no node `nowhere`") && text.contains(&node), "{text}");
    assert!(session.sim.journal().of("projects/nodes/update").is_empty());
    let free = session.ok("update_project_nodes", json!({"project_id": PROJECT, "nodes": []})).await;
    assert_eq!(free["auto_select_node"], true);
}

#[tokio::test]
async fn a_library_is_added_and_removed_by_name() {
    let session = Session::start().await;
    let arguments = json!({"project_id": PROJECT, "library_id": "Technology Basket"});
    session.ok("add_project_library", arguments.clone()).await;
    let read = session.ok("read_project", json!({"project_id": PROJECT})).await;
    assert_eq!(read["libraries"][0]["project_id"], seed::BASKET_PROJECT_ID, "{read}");
    session.ok("remove_project_library", arguments.clone()).await;
    let text = session.err("remove_project_library", arguments).await;
    assert!(text.contains("found nothing of that id"), "{text}");
    let text = session.err("add_project_library", json!({"project_id": PROJECT, "library_id": PROJECT})).await;
    assert!(text.contains("its own library"), "{text}");
}

#[tokio::test]
async fn people_are_shown_without_their_addresses() {
    let session = shared().await;
    let read = session.ok("read_project_collaborators", json!({"project_id": PROJECT})).await;
    let people = read["collaborators"].as_array().unwrap();
    assert_eq!(people.len(), 2, "{read}");
    assert_eq!((&people[1]["untrusted_user_id"], &people[1]["live_control"]), (&json!("second-user"), &json!(false)));
    assert!(!read.to_string().contains('@'), "{read}");
}

#[tokio::test]
async fn a_write_refused_for_the_lock_takes_it_once_and_says_so() {
    let session = shared().await;
    let arguments = json!({"project_id": PROJECT, "name": "research.ipynb", "content": "{}"});
    let first = session.ok("update_file_content", arguments.clone()).await;
    assert_eq!(first["lock_taken"], true, "{first}");
    assert!(first["summary"].as_str().unwrap().contains("read the file again"), "{first}");
    let second = session.ok("update_file_content", arguments).await;
    assert!(second.get("lock_taken").is_none(), "{second}");
    assert_eq!(session.sim.journal().of("projects/collaboration/lock/acquire").len(), 1);
}

#[tokio::test]
async fn an_edit_reads_the_file_again_after_taking_the_lock() {
    let session = shared().await;
    let file = session.call("read_file", json!({"project_id": PROJECT, "name": "main.py"})).await.text();
    let line = file.lines().find(|line| line.contains("set_start_date")).unwrap().trim().to_owned();
    session.sim.journal().clear();
    let arguments =
        json!({"project_id": PROJECT, "name": "main.py", "old_text": line, "new_text": format!("{line}  # x")});
    let edited = session.ok("edit_file", arguments).await;
    assert_eq!(edited["lock_taken"], true, "{edited}");
    assert_eq!(session.sim.journal().of("files/read").len(), 2);
}

#[tokio::test]
async fn the_lock_can_be_taken_by_hand() {
    let session = shared().await;
    session.ok("lock_project_with_collaborators", json!({"project_id": PROJECT, "codeSourceId": "mine"})).await;
    let file = session.ok("create_file", json!({"project_id": PROJECT, "name": "a.py", "content": "x = 1"})).await;
    assert!(file.get("lock_taken").is_none(), "{file}");
}

#[tokio::test]
async fn nobody_is_let_in_changed_or_taken_out_without_a_human() {
    let session = shared().await;
    for (tool, arguments) in [
        ("create_project_collaborator", json!({"project_id": PROJECT, "collaborator_user_id": "second-user"})),
        (
            "create_project_collaborator",
            json!({"project_id": PROJECT, "collaborator_user_id": "second-user", "collaboration_live_control": true}),
        ),
        (
            "update_project_collaborator",
            json!({"project_id": PROJECT, "collaborator_user_id": "second-user", "write": true, "live_control": false}),
        ),
        ("delete_project_collaborator", json!({"project_id": PROJECT, "collaborator_id": "second-user"})),
    ] {
        let text = session.err(tool, arguments).await;
        assert!(text.contains("nothing was sent") && text.contains("quantconnect.com"), "{tool}: {text}");
        assert!(session.sim.journal().changes().is_empty(), "{tool}");
    }
}
