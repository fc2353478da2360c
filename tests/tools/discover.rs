//! The four tools that stand for all others.

use qc_sim::{SimOptions, seed};
use serde_json::{Value, json};
use support::session::Session;

const PROJECT: i64 = seed::PAIR_PROJECT_ID;

async fn session(flags: &[&str]) -> Session {
    Session::with(&[&["--toolsets", "discover"], flags].concat(), SimOptions::default()).await
}

#[tokio::test]
async fn a_tool_is_found_described_and_called() {
    let session = session(&[]).await;
    let names: Vec<String> = session.tools().await.iter().map(|tool| tool.name.to_string()).collect();
    assert_eq!(names, ["call_tool", "describe_tools", "get_server_status", "run_pipeline", "search_tools"]);
    let found = session.ok("search_tools", json!({"query": "are two symbols cointegrated?"})).await;
    let names: Vec<&str> = found["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(names.contains(&"test_cointegration"), "{names:?}");
    let about = session.ok("describe_tools", json!({"names": ["read_project", "create_compile"]})).await;
    assert!(about["tools"][0]["arguments"]["properties"]["project_id"].is_object(), "{about}");
    assert_eq!(about["tools"][1]["name"], "compile_project");
    let read =
        session.ok("call_tool", json!({"tool": "read_project", "arguments": {"project": "Pair of Staples"}})).await;
    assert_eq!(read["project_id"], PROJECT, "{read}");
    let all = session.ok("search_tools", json!({})).await;
    assert!(50 < all["names"].as_array().unwrap().len());
}

#[tokio::test]
async fn a_pipeline_hands_results_on_and_only_the_last_comes_back() {
    let session = session(&[]).await;
    let steps = json!([
        {"tool": "create_compile", "arguments": {"project_id": PROJECT}},
        {"tool": "read_compilation_result", "arguments": {"project_id": PROJECT, "compile_id": {"from": "/1/compile_id"}}},
        {"tool": "read_project", "arguments": {"project_id": {"from": "/2/project_id"}}},
    ]);
    let last = session.ok("run_pipeline", json!({"steps": steps})).await;
    assert_eq!(last["untrusted_name"], "Pair of Staples", "{last}");
    assert!(last.get("compile_id").is_none());
}

#[tokio::test]
async fn a_pipeline_stops_at_the_first_error_and_names_the_step() {
    let session = session(&[]).await;
    let steps = json!([
        {"tool": "read_project", "arguments": {"project_id": 1}},
        {"tool": "create_project", "arguments": {"name": "never"}},
    ]);
    let text = session.err("run_pipeline", json!({"steps": steps})).await;
    assert!(text.contains("step 1 of 2") && text.contains("list_projects"), "{text}");
    assert!(session.sim.journal().of("projects/create").is_empty());
    // A step that cannot be called is found before the first one is.
    let steps = json!([
        {"tool": "create_project", "arguments": {"name": "never"}},
        {"tool": "creat_file", "arguments": {"project_id": PROJECT, "name": "a.py", "content": ""}},
    ]);
    let text = session.err("run_pipeline", json!({"steps": steps})).await;
    assert!(text.contains("create_file"), "{text}");
    assert!(session.sim.journal().of("projects/create").is_empty());
    // What was done before a wrong place of a result is said.
    let steps = json!([
        {"tool": "create_project", "arguments": {"name": "made"}},
        {"tool": "read_project", "arguments": {"project_id": {"from": "/1/projct_id"}}},
    ]);
    let text = session.err("run_pipeline", json!({"steps": steps})).await;
    assert!(text.contains("step 2 of 2") && text.contains("step 1 IS DONE"), "{text}");
    assert_eq!(session.sim.journal().of("projects/create").len(), 1);
    for (steps, part) in [
        (json!([]), "1 to 16"),
        (Value::Array(vec![json!({"tool": "read_project"}); 17]), "1 to 16"),
        (json!([{"tool": "read_project", "arguments": {"project_id": {"from": "/1/x"}}}]), "earlier step"),
        (json!([{"tool": "red_project"}]), "did you mean `read_project`"),
    ] {
        session.sim.journal().clear();
        let text = session.err("run_pipeline", json!({"steps": steps})).await;
        assert!(text.contains(part), "{part}: {text}");
        assert!(session.sim.journal().is_empty());
    }
}

#[tokio::test]
async fn what_deletes_spends_or_reaches_others_is_not_reached_in_any_mode() {
    for mode in ["read-only", "paper"] {
        let all = Session::with(&["--toolsets", "all", "--mode", mode], SimOptions::default()).await;
        let session =
            Session::with(&["--toolsets", "discover,projects,files", "--mode", mode], SimOptions::default()).await;
        for (facts, _) in all.server.tools() {
            let grave = ["delete", "live"].contains(&facts.access.id())
                || qc_mcp_tools::tools::RESERVED.contains(&facts.name.as_str());
            if grave {
                let arguments = json!({"tool": facts.name, "arguments": {"project_id": PROJECT, "name": "main.py"}});
                session.err("call_tool", arguments.clone()).await;
                session.err("run_pipeline", json!({"steps": [arguments]})).await;
                session.err("describe_tools", json!({"names": [facts.name]})).await;
            }
        }
        assert!(session.sim.journal().is_empty(), "{mode}");
        if mode == "paper" {
            let text = session.err("call_tool", json!({"tool": "delete_file"})).await;
            assert!(text.contains("by its own name"), "{text}");
            session.ok("delete_file", json!({"project_id": PROJECT, "name": "research.ipynb"})).await;
        }
    }
}

#[tokio::test]
async fn the_mode_holds_behind_the_call_too() {
    let session = session(&["--mode", "read-only"]).await;
    let text = session.err("call_tool", json!({"tool": "create_project", "arguments": {"name": "x"}})).await;
    assert!(text.contains("there is no tool `create_project`"), "{text}");
    assert!(session.try_call("create_project", json!({"name": "x"})).await.is_err(), "not listed, not callable");
    assert!(session.sim.journal().is_empty());
    session.ok("call_tool", json!({"tool": "read_project"})).await;
}

#[tokio::test]
async fn a_tool_does_not_reach_itself() {
    let session = session(&[]).await;
    for tool in ["call_tool", "run_pipeline", "search_tools"] {
        let text = session.err("call_tool", json!({"tool": tool, "arguments": {}})).await;
        assert!(text.contains("by its own name"), "{text}");
    }
}
