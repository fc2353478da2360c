//! Help with code through the tools.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn a_clean_project_is_told_so_and_the_next_call_is_a_compile() {
    let session = Session::start().await;
    let clean = session.ok("check_syntax", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    assert_eq!((&clean["state"], &clean["n_remarks"]), (&json!("End"), &json!(0)), "{clean}");
    assert_eq!(clean["next"], "compile_project");
}

#[tokio::test]
async fn a_mistake_in_given_files_is_named_by_place() {
    let session = Session::start().await;
    let files = json!([{"name": "main.py", "content": "x = 1\n\ndef f()\n    pass\n"}]);
    let found = session.ok("check_syntax", json!({"files": files})).await;
    assert_eq!((&found["state"], &found["next"]), (&json!("Error"), &json!("edit_file")), "{found}");
    assert!(found["untrusted_remarks"][0].as_str().unwrap().starts_with("main.py:3:0"), "{found}");
}

#[tokio::test]
async fn needs_files_or_a_project_and_not_both() {
    let session = Session::start().await;
    let file = json!([{"name": "main.py", "content": ""}]);
    for (args, part) in [
        (json!({}), "none came"),
        (json!({"files": []}), "none came"),
        (json!({"files": file, "project_id": seed::PAIR_PROJECT_ID}), "both came"),
        (json!({"files": file, "language": "cobol"}), "neither Py nor C#"),
    ] {
        let text = session.err("check_syntax", args).await;
        assert!(text.contains(part), "{text}");
    }
    assert!(session.sim.journal().of("ai/tools/syntax-check").is_empty());
}
