//! Budgets and the audit: counted over processes and restarts, written before anything leaves, and never in the way of
//! ending an algorithm.

use std::{fs, path::Path, time::Duration};

use qc_api::endpoints::compile::CreateCompile;
use qc_sim::{SimOptions, seed};
use serde_json::{Value, json};
use support::session::Session;

use crate::{
    human::{Asked, Era, Will},
    live::{PAIR, REAL, live_changes, run},
};

const TOKEN: &str = seed::TOKEN;

/// Flags of a server that keeps its state in `folder`.
fn flags(folder: &Path) -> [String; 4] {
    ["--toolsets".into(), "all".into(), "--state-dir".into(), folder.display().to_string()]
}

async fn session(folder: &Path, more: &[&str]) -> Session {
    let flags = flags(folder);
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Session::with(&flags, SimOptions { backtests_per_minute: None, ..SimOptions::default() }).await
}

async fn backtest(session: &Session) -> Value {
    let client = session.sim.client().unwrap();
    let compile = client.send(&CreateCompile { project_id: PAIR.into() }).await.unwrap();
    session.sim.clock().advance(Duration::from_secs(20));
    json!({"project_id": PAIR, "compile_id": compile.compile_id, "backtest_name": "b"})
}

fn audit(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("audit.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn backtests_are_counted_over_processes_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ["--backtests-per-minute", "2", "--backtests-per-day", "3"];
    let first = session(folder.path(), &limits).await;
    let arguments = backtest(&first).await;
    first.sim.journal().clear();
    // The same start again would be the same backtest.
    let named = |arguments: &serde_json::Value, name: &str| {
        let mut named = arguments.clone();
        named["backtest_name"] = json!(name);
        named
    };
    first.ok("create_backtest", named(&arguments, "1")).await;
    first.sim.clock().advance(Duration::from_secs(50));
    first.ok("create_backtest", named(&arguments, "2")).await;
    let text = first.err("create_backtest", named(&arguments, "3")).await;
    assert!(text.contains("QC_MCP_BACKTESTS_PER_MINUTE") && text.contains("nothing was sent"), "{text}");
    assert_eq!(first.sim.journal().of("backtests/create").len(), 2);
    // Another process of the same account, with a world of its own at the same time of day.
    let second = session(folder.path(), &limits).await;
    let arguments = backtest(&second).await;
    second.sim.journal().clear();
    second.sim.clock().advance(Duration::from_secs(130));
    second.ok("create_backtest", named(&arguments, "4")).await;
    second.sim.clock().advance(Duration::from_secs(130));
    let text = second.err("create_backtest", named(&arguments, "5")).await;
    assert!(text.contains("3 backtests were started within the last day"), "{text}");
    assert_eq!(second.sim.journal().of("backtests/create").len(), 1);
    let status = second.ok("get_server_status", json!({"section": "guards"})).await;
    assert_eq!(
        (&status["guards"]["used"]["backtests_last_day"], &status["guards"]["state"]),
        (&json!(3), &json!("file"))
    );
}

#[tokio::test]
async fn memory_says_that_it_counts_from_zero() {
    let session = Session::start().await;
    let status = session.ok("get_server_status", json!({"section": "guards"})).await;
    assert!(status["guards"]["state"].as_str().unwrap().contains("begin at zero"), "{status}");
}

#[tokio::test]
async fn the_audit_says_what_was_permitted_asked_refused_and_done_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), &[]).await;
    run(&session, PAIR, REAL).await;
    let arguments = backtest(&session).await;
    session.ok("create_backtest", arguments).await;
    session.err("stop_live_algorithm", json!({"project_id": PAIR})).await;
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    human.ok("liquidate_live_algorithm", json!({"project_id": PAIR})).await;
    let config: Value = serde_json::from_str(REAL).unwrap();
    let deploy = json!({"project_id": PAIR, "compile_id": "a-b", "node_id": "LN-1", "brokerage_config": config});
    session.err("create_live_algorithm", deploy).await;
    let lines = audit(folder.path());
    let seen: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line["event"].as_str().unwrap(), line["endpoint"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        seen,
        [
            ("permitted", "backtests/create"),
            ("done", "backtests/create"),
            ("refused", "live/update/stop"),
            ("asked", "live/update/liquidate"),
            ("permitted", "live/update/liquidate"),
            ("done", "live/update/liquidate"),
            ("refused", "live/create"),
        ]
    );
    assert_eq!(
        (&lines[3]["project"], &lines[3]["money"], &lines[3]["tool"]),
        (&json!(PAIR), &json!("real"), &json!("liquidate_live_algorithm"))
    );
    for entry in fs::read_dir(folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for secret in [TOKEN, "planted-broker-token"] {
            assert!(!text.contains(secret), "{secret} in the state folder");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn without_an_audit_nothing_gated_is_done_but_ending_is() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path(), &[]).await;
    run(&session, PAIR, r#"{"id": "QuantConnectBrokerage"}"#).await;
    let arguments = backtest(&session).await;
    // A folder where the file should be: nobody, root included, can append to it.
    fs::create_dir_all(folder.path().join("audit.jsonl")).unwrap();
    session.sim.journal().clear();
    let text = session.err("create_backtest", arguments).await;
    assert!(text.contains("the audit cannot be written") && text.contains("nothing was sent"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    assert_eq!(live_changes(&session.sim.journal()), ["live/update/stop"]);
}

#[tokio::test]
async fn a_state_folder_that_cannot_be_used_stops_no_ending_of_paper() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let session = session(file.path(), &[]).await;
    run(&session, PAIR, r#"{"id": "QuantConnectBrokerage"}"#).await;
    let arguments = backtest(&session).await;
    session.sim.journal().clear();
    let text = session.err("create_backtest", arguments).await;
    assert!(text.contains("QC_MCP_STATE_DIR"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    assert_eq!(live_changes(&session.sim.journal()), ["live/update/stop"]);
}

#[tokio::test]
async fn deleting_what_real_money_runs_from_needs_a_human_and_other_deletes_do_not() {
    let session = Session::start().await;
    run(&session, PAIR, REAL).await;
    for (tool, arguments) in [
        ("delete_project", json!({"project_id": PAIR})),
        ("delete_file", json!({"project_id": PAIR, "name": "main.py"})),
    ] {
        let text = session.err(tool, arguments).await;
        assert!(text.contains("consent") && text.contains("nothing was sent"), "{text}");
    }
    assert!(session.sim.journal().changes().is_empty());
    session.ok("delete_project", json!({"project_id": seed::BASKET_PROJECT_ID})).await;
    session.sim.journal().clear();
    let human = Asked::connect(&session.server, Era::Legacy, Will::Yes).await;
    // Edits stay free: what runs is the compile, not the files.
    session.ok("create_file", json!({"project_id": PAIR, "name": "more.py", "content": "x = 1"})).await;
    human.ok("delete_file", json!({"project_id": PAIR, "name": "more.py"})).await;
    assert!(human.questions()[0].contains("REAL MONEY") && human.questions()[0].contains("file \"more.py\""));
    session.sim.faults().always("live/list", qc_sim::Fault::HtmlPage);
    session.err("delete_project", json!({"project_id": PAIR})).await;
    assert!(session.sim.journal().of("projects/delete").is_empty(), "if the list cannot be read, ask");
}
