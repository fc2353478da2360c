//! Compiles through the tools.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn waits_for_success_and_names_the_next_call() {
    let session = Session::start().await;
    let done = session.ok("compile_project", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    assert_eq!((&done["state"], &done["next"]), (&json!("BuildSuccess"), &json!("create_backtest")));
    assert_eq!(session.sim.journal().of("compile/create").len(), 1);
    let again = session
        .ok("read_compile", json!({"project_id": seed::PAIR_PROJECT_ID, "compile_id": done["compile_id"]}))
        .await;
    assert_eq!(again["state"], "BuildSuccess");
}

#[tokio::test]
async fn without_waiting_it_answers_at_once() {
    let session = Session::start().await;
    let started = session.ok("create_compile", json!({"project_id": seed::PAIR_PROJECT_ID, "wait": false})).await;
    assert_eq!((&started["state"], &started["next"]), (&json!("InQueue"), &json!("wait_for_job")));
    assert!(session.sim.journal().of("compile/read").is_empty());
}

#[tokio::test]
async fn errors_name_file_and_line_with_the_source_around_them() {
    let session = Session::start().await;
    let id = session.ok("create_project", json!({"name": "Broken"})).await["project_id"].as_i64().unwrap();
    let code =
        "from AlgorithmImports import *\n\nclass A(QCAlgorithm):\n    def initialize(self)\n        self.set_cash(1)\n";
    session.ok("update_file_content", json!({"project_id": id, "name": "main.py", "content": code})).await;
    let result = session.ok("compile_project", json!({"project_id": id})).await;
    assert_eq!(result["state"], "BuildError", "{result}");
    let error = &result["errors"][0];
    let place = error["untrusted_place"].as_str().unwrap();
    assert!(place.starts_with("main.py:"), "{error}");
    assert!(error["untrusted_source"].as_str().unwrap().contains("> "), "{error}");
    assert_eq!(result["next"], "edit_file");
}

#[tokio::test]
async fn an_unknown_compile_names_the_next_call() {
    let session = Session::start().await;
    let text = session
        .err("read_compilation_result", json!({"project_id": seed::PAIR_PROJECT_ID, "compile_id": "0123-4567"}))
        .await;
    assert!(text.contains("compile_project"), "{text}");
    let text = session
        .err("read_compilation_result", json!({"project_id": seed::PAIR_PROJECT_ID, "compile_id": "../x"}))
        .await;
    assert!(text.contains("is no id"), "{text}");
}

#[tokio::test]
async fn errors_of_a_build_are_told_even_when_the_code_cannot_be_read() {
    let session = Session::start().await;
    let id = session.ok("create_project", json!({"name": "Broken"})).await["project_id"].as_i64().unwrap();
    let code = "class A(QCAlgorithm):\n    def initialize(self)\n        self.set_cash(1)\n";
    session.ok("update_file_content", json!({"project_id": id, "name": "main.py", "content": code})).await;
    session.sim.faults().always("files/read", qc_sim::Fault::ServerError);
    let result = session.ok("compile_project", json!({"project_id": id})).await;
    assert!(result["errors"][0]["untrusted_place"].as_str().unwrap().starts_with("main.py:"), "{result}");
    assert!(result["errors"][0].get("untrusted_source").is_none(), "{result}");
}

#[tokio::test]
async fn a_compile_that_cannot_be_read_keeps_its_handle() {
    let session = Session::start().await;
    session.sim.faults().always("compile/read", qc_sim::Fault::ServerError);
    let begun = session.ok("compile_project", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    assert!(begun["summary"].as_str().unwrap().contains("cannot be read"), "{begun}");
    session.sim.faults().clear();
    let done = session.ok("wait_for_job", json!({"job": begun["job"]})).await;
    assert_eq!(done["state"], "BuildSuccess", "{done}");
}
