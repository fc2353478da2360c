//! What a mode leaves out is not there, by any name, and nothing is sent.

use qc_sim::{SimOptions, seed};
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn read_only_has_no_tool_that_changes_the_account() {
    let session = Session::with(&["--mode", "read-only", "--toolsets", "all"], SimOptions::default()).await;
    for (facts, _) in session.server.tools() {
        let here = ["system", "auth", "discover", "quantbook", "data", "analysis", "portfolio", "universe"]
            .contains(&facts.group.id());
        assert!(facts.access.id() == "read" || here, "{} is offered", facts.name);
    }
    for tool in [
        "create_project",
        "compile_project",
        "create_compile",
        "update_file_contents",
        "delete_file",
        "create_backtest",
    ] {
        let arguments = json!({"project_id": seed::PAIR_PROJECT_ID, "name": "x.py", "content": "x", "compile_id": "a", "backtest_name": "b"});
        let error = session.try_call(tool, arguments).await.unwrap_err();
        assert!(error.to_string().contains("unknown tool"), "{tool}: {error}");
    }
    assert!(session.sim.journal().is_empty());
    session.ok("read_project", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
}

#[tokio::test]
async fn a_group_that_is_not_wanted_is_not_there() {
    let session = Session::with(&["--toolsets", "projects"], SimOptions::default()).await;
    let groups: std::collections::BTreeSet<&str> = session.server.tools().map(|(facts, _)| facts.group.id()).collect();
    assert_eq!(groups.into_iter().collect::<Vec<_>>(), ["projects", "system"]);
    assert!(session.try_call("read_file", json!({"project_id": 1})).await.is_err());
}

#[tokio::test]
async fn without_credentials_nothing_leaves() {
    let session = Session::configured(&["--toolsets", "all"], SimOptions::default()).await;
    for (tool, arguments) in [
        ("read_project", json!({})),
        ("create_project", json!({"name": "x"})),
        ("compile_project", json!({"project_id": 1})),
        ("read_backtest", json!({"project_id": 1, "backtest_id": "latest"})),
    ] {
        let text = session.err(tool, arguments).await;
        assert!(text.contains("no QuantConnect credentials are set; nothing was sent"), "{tool}: {text}");
    }
    assert!(session.sim.journal().is_empty());
}
