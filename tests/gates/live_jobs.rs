//! Whole jobs around live trading: deployed in two calls under the same guards, and watched in one that changes nothing.

use std::time::Duration;

use qc_sim::Fault;
use serde_json::{Value, json};
use support::session::Session;

use crate::live::{BASKET, PAIR, PAPER, REAL, deployment, live_changes, live_session, run, with};

fn of(answer: &Value, project: i64) -> &Value {
    let rows = answer["live"].as_array().unwrap();
    rows.iter().find(|row| row["project_id"] == project).unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn paper_is_deployed_in_two_calls_on_a_node_and_compile_chosen_by_the_preview() {
    let session = Session::start().await;
    let arguments = json!({"project_id": PAIR});
    let untested = session.ok("deploy_live", arguments.clone()).await;
    assert!(untested["newest_backtest"].as_str().unwrap().starts_with("none"), "{untested}");
    session.ok("run_backtest", json!({"project": PAIR})).await;
    let preview = session.ok("deploy_live", arguments.clone()).await;
    assert!(preview["summary"].as_str().unwrap().contains("nothing is deployed yet: paper"), "{preview}");
    for fact in ["money_because", "brokerage", "code_sha256", "compile_id", "cash", "holdings", "confirm_token"] {
        assert!(!preview[fact].is_null(), "{fact}: {preview}");
    }
    assert!(preview["node"]["node_id"].as_str().is_some_and(|id| !id.is_empty()), "{preview}");
    assert_eq!(preview["newest_backtest"]["code"], "this code", "{preview}");
    assert!(preview["next"].as_str().unwrap().contains("deploy_live again"), "{preview}");
    assert!(live_changes(&session.sim.journal()).is_empty(), "a preview deploys nothing");
    let go = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    let deployed = session.ok("deploy_live", go.clone()).await;
    let sent = session.sim.journal().of("live/create");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].body["compileId"], preview["compile_id"]);
    assert_eq!(sent[0].body["nodeId"], preview["node"]["node_id"]);
    assert!(deployed["deploy_id"].is_string() && deployed["money"] == "paper", "{deployed}");
    // The token was for one use, and of this tool alone.
    session.err("deploy_live", go).await;
    assert_eq!(session.sim.journal().of("live/create").len(), 1);
}

#[tokio::test]
async fn a_preview_of_one_tool_is_no_consent_for_the_other() {
    let session = Session::start().await;
    let preview = session.ok("deploy_live", json!({"project_id": PAIR})).await;
    let other = deployment(&session, PAIR, PAPER).await;
    let token = preview["confirm_token"].as_str().unwrap();
    let text = session.err("create_live_algorithm", with(&other, "confirm_token", token)).await;
    assert!(text.contains("confirm_token"), "{text}");
    assert!(live_changes(&session.sim.journal()).is_empty());
}

#[tokio::test]
async fn a_changed_file_makes_the_preview_void() {
    let session = Session::start().await;
    let arguments = json!({"project_id": PAIR});
    let preview = session.ok("deploy_live", arguments.clone()).await;
    let text = "from AlgorithmImports import *\n\nclass Other(QCAlgorithm):\n    def initialize(self):\n        self.add_equity(\"KO\")\n";
    session.ok("update_file_content", json!({"project_id": PAIR, "name": "main.py", "content": text})).await;
    let go = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    let text = session.err("deploy_live", go).await;
    assert!(text.contains("files were changed after the preview"), "{text}");
    assert!(live_changes(&session.sim.journal()).is_empty());
}

#[tokio::test]
async fn an_unknown_profile_and_a_project_that_runs_are_refused_with_nothing_sent() {
    let session = Session::start().await;
    session.err("deploy_live", json!({"project_id": PAIR, "credentials_profile": "none"})).await;
    assert!(session.sim.journal().changes().is_empty());
    run(&session, PAIR, PAPER).await;
    let text = session.err("deploy_live", json!({"project_id": PAIR})).await;
    assert!(text.contains("stop it first"), "{text}");
    assert!(live_changes(&session.sim.journal()).is_empty());
}

#[tokio::test]
async fn everything_that_runs_is_shown_in_one_call_that_changes_nothing() {
    let session = live_session().await;
    run(&session, PAIR, REAL).await;
    run(&session, BASKET, PAPER).await;
    let answer = session.ok("live_status", json!({"log_lines": 2})).await;
    assert!(session.sim.journal().changes().is_empty(), "it only reads");
    let (pair, basket) = (of(&answer, PAIR), of(&answer, BASKET));
    assert_eq!((&pair["money"], &basket["money"]), (&json!("real"), &json!("paper")));
    for row in [pair, basket] {
        assert_eq!((&row["status"], &row["flags"]), (&json!("Running"), &json!([])), "{row}");
        assert!(row["equity"].as_f64().is_some_and(|equity| 0.0 < equity), "{row}");
        assert!(row["today"]["profit"].is_number() && row["up_hours"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["holdings"]["rows"].is_array() && row["n_open_orders"].is_number(), "{row}");
        assert!(row["untrusted_log"].as_array().is_some_and(|log| log.len() <= 2), "{row}");
        assert!(row["could_not_be_read"].is_null(), "{row}");
    }
    assert_eq!(answer["snapshot_age_seconds_at_most"]["log"], 300);
    assert!(answer["assumed"][0].as_str().unwrap().contains("US equities"), "{answer}");
}

#[tokio::test]
async fn long_without_a_trade_stopped_and_failed_are_flagged() {
    let session = live_session().await;
    run(&session, PAIR, PAPER).await;
    // Six and a half open hours a day: 24 of them are over within a week.
    session.sim.clock().advance(Duration::from_secs(7 * 24 * 3600));
    let answer = session.ok("live_status", json!({})).await;
    let row = of(&answer, PAIR);
    assert_eq!(row["flags"], json!(["no_trade"]), "{row}");
    assert!(24.0 <= row["open_hours_without_trade"].as_f64().unwrap(), "{row}");
    assert!(row["page"].as_str().unwrap().contains("/project/"));
    assert!(answer["summary"].as_str().unwrap().contains("1 running, 1 of them need a look"), "{answer}");
    let patient = session.ok("live_status", json!({"no_trade_hours": 1000})).await;
    assert_eq!(of(&patient, PAIR)["flags"], json!([]));
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    let one = session.ok("live_status", json!({"project_id": PAIR})).await;
    assert_eq!(of(&one, PAIR)["flags"], json!(["stopped"]), "{one}");
    let all = session.ok("live_status", json!({})).await;
    assert_eq!((&all["live"], &all["ended_within_a_day"][0]["project_id"]), (&json!([]), &json!(PAIR)), "{all}");
}

#[tokio::test]
async fn a_part_or_a_deployment_that_cannot_be_read_loses_none_of_the_others() {
    let session = live_session().await;
    run(&session, PAIR, PAPER).await;
    run(&session, BASKET, PAPER).await;
    session.sim.faults().always("live/portfolio/read", Fault::HtmlPage);
    let answer = session.ok("live_status", json!({})).await;
    for project in [PAIR, BASKET] {
        let row = of(&answer, project);
        assert_eq!((&row["could_not_be_read"], &row["status"]), (&json!(["holdings"]), &json!("Running")), "{row}");
        assert!(row["holdings"].is_null(), "what is not known is not shown as none: {row}");
    }
    session.sim.faults().clear();
    session.sim.faults().always("live/read", Fault::HtmlPage);
    let answer = session.ok("live_status", json!({})).await;
    assert_eq!(answer["unread"].as_array().map(Vec::len), Some(2), "{answer}");
    assert!(answer["summary"].as_str().unwrap().contains("2 of them need a look"), "{answer}");
}

#[tokio::test]
async fn code_written_beside_what_runs_says_so() {
    let session = live_session().await;
    run(&session, PAIR, REAL).await;
    let file = session.call("read_file", json!({"project_id": PAIR, "name": "main.py"})).await;
    assert!(file.text().contains("class "), "{}", file.text());
    let edit =
        json!({"project": PAIR, "edits": [{"name": "main.py", "old_text": "class ", "new_text": "# edited\nclass "}]});
    let answer = session.ok("run_backtest", edit).await;
    assert!(answer["live"].as_str().unwrap().contains("may take this edit"), "{answer}");
    assert!(live_changes(&session.sim.journal()).is_empty(), "what runs was not touched");
    let again = session.ok("run_backtest", json!({"project": PAIR})).await;
    assert!(again.get("live").is_none(), "nothing was written: {again}");
}

#[tokio::test]
async fn a_deployment_is_compared_with_a_backtest_and_nothing_changes() {
    let session = Session::start().await;
    let mut run = session.ok("run_backtest", json!({"project": PAIR})).await;
    while run["status"] != "completed" {
        run = session.ok("wait_for_job", json!({"job": run["job"]})).await;
    }
    let text = session.err("reconcile_live", json!({"project_id": PAIR})).await;
    assert!(text.contains("deployment") || text.contains("deployed") || text.contains("live"), "{text}");
    let preview = session.ok("deploy_live", json!({"project_id": PAIR})).await;
    let go = with(&json!({"project_id": PAIR}), "confirm_token", preview["confirm_token"].as_str().unwrap());
    session.ok("deploy_live", go).await;
    session.sim.clock().advance(Duration::from_secs(20 * 86_400));
    let before = live_changes(&session.sim.journal()).len();
    let found = session.ok("reconcile_live", json!({"project_id": PAIR})).await;
    // The simulator's deployments begin behind the end of its market: no day is in common, and it says so.
    assert_eq!(found["orders"]["common_days"], 0, "{found}");
    assert!(found["summary"].as_str().unwrap().starts_with("SIMULATED: right orders: "), "{found}");
    assert!(found["days"].is_null() && found["cautions"].to_string().contains("Run it again up to today"), "{found}");
    let envelope = &found["envelope"];
    if !envelope.is_null() {
        let share = envelope["share_of_windows_below"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&share) && 20 <= envelope["windows"].as_u64().unwrap(), "{found}");
    }
    assert_eq!(found["backtest_id"], run["backtest_id"]);
    assert_eq!(live_changes(&session.sim.journal()).len(), before, "reading changes nothing");
}
