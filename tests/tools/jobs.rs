//! Long work by its handle: waited for, started once, given up, and unknown to everybody else.

use std::time::Duration;

use qc_sim::{Fault, SimOptions, seed};
use serde_json::{Value, json};
use support::session::Session;

use crate::research::MARKET;

const PROJECT: i64 = seed::PAIR_PROJECT_ID;

async fn researcher() -> Session {
    let folder = MARKET.path().to_str().unwrap();
    Session::with(&["--toolsets", "all", "--data-folder", folder], SimOptions::default()).await
}

fn scan() -> Value {
    json!({"symbols": ["KO", "PEP", "CVX", "XOM", "SPY", "QQQ"], "start_date": "2018-01-02", "end_date": "2024-12-31"})
}

fn at_once(mut arguments: Value) -> Value {
    arguments["wait_seconds"] = json!(0);
    arguments
}

/// A start of a backtest of a compiled project.
async fn start(session: &Session, name: &str) -> Value {
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    json!({"project_id": PROJECT, "compile_id": compile["compile_id"], "backtest_name": name})
}

fn creates(session: &Session) -> usize {
    session.sim.journal().of("backtests/create").len()
}

#[tokio::test]
async fn a_long_analysis_becomes_a_job_whose_answer_is_the_tools_own() {
    let session = researcher().await;
    let direct = session.ok("find_cointegrated_pairs", scan()).await;
    let mut fewer = scan();
    fewer["alpha"] = json!(0.05);
    let begun = session.ok("find_cointegrated_pairs", at_once(fewer)).await;
    assert_eq!((&begun["status"], &begun["next"]), (&json!("running"), &json!("wait_for_job")), "{begun}");
    let waited = session.ok("wait_for_job", json!({"job": begun["job"]})).await;
    for same in ["summary", "provenance", "funnel", "pairs"] {
        assert_eq!(waited[same], direct[same], "{same}");
    }
    assert!(session.read(waited["resources"][0].as_str().unwrap()).await.is_ok(), "{waited}");
    let again = session.ok("wait_for_job", json!({"job": begun["job"]})).await;
    assert_eq!(again, waited, "the answer is kept");
}

#[tokio::test]
async fn a_long_analysis_is_a_job_behind_another_tool_too() {
    let folder = MARKET.path().to_str().unwrap();
    let session = Session::with(&["--toolsets", "discover", "--data-folder", folder], SimOptions::default()).await;
    let call = |tool: &str, arguments: Value| json!({"tool": tool, "arguments": arguments});
    let begun = session.ok("call_tool", call("find_cointegrated_pairs", at_once(scan()))).await;
    assert_eq!((&begun["status"], &begun["next"]), (&json!("running"), &json!("wait_for_job")), "{begun}");
    let waited = session.ok("call_tool", call("wait_for_job", json!({"job": begun["job"]}))).await;
    assert!(waited["pairs"].is_array() && waited["research_id"].is_string(), "{waited}");
    // What follows such a step is not begun with its handle in place of its answer.
    let mut other = at_once(scan());
    other["alpha"] = json!(0.01);
    let after = call("read_project", json!({"project_id": PROJECT}));
    let steps = json!([call("list_projects", json!({})), call("find_cointegrated_pairs", other.clone()), after]);
    session.sim.journal().clear();
    let answer = session.call("run_pipeline", json!({"steps": steps})).await;
    assert!(
        answer.text().contains("step 2 of 3") && answer.text().contains("step 3 is not begun"),
        "{}",
        answer.text()
    );
    assert_eq!(session.sim.journal().of("projects/read").len(), 1, "the list alone");
    let job = answer.structured()["job"].clone();
    session.ok("call_tool", call("wait_for_job", json!({"job": job}))).await;
    // The last step may go on as a job.
    other["alpha"] = json!(0.02);
    let last = session.ok("run_pipeline", json!({"steps": [call("find_cointegrated_pairs", other)]})).await;
    assert!(last["job"].is_string(), "{last}");
}

#[tokio::test]
async fn the_same_call_is_the_same_job_and_another_is_not() {
    let session = researcher().await;
    let one = session.ok("find_cointegrated_pairs", at_once(scan())).await;
    let two = session.ok("find_cointegrated_pairs", at_once(scan())).await;
    // It may have ended in between: then the same call has its answer.
    assert!(two["job"] == one["job"] || two.get("provenance").is_some(), "{two}");
    let mut other = scan();
    other["alpha"] = json!(0.01);
    let other = session.ok("find_cointegrated_pairs", at_once(other)).await;
    assert_ne!(other["job"], one["job"]);
    let done = session.ok("wait_for_job", json!({"job": one["job"]})).await;
    let same = session.ok("find_cointegrated_pairs", scan()).await;
    assert_eq!(same["research_id"], done["research_id"], "within ten minutes it is not computed again");
}

#[tokio::test]
async fn a_short_analysis_is_no_job() {
    let session = researcher().await;
    let ask = json!({"symbol1": "KO", "symbol2": "PEP", "start_date": "2022-01-03", "end_date": "2023-12-29"});
    let first = session.ok("test_cointegration", ask.clone()).await;
    assert!(first.get("job").is_none(), "{first}");
    let second = session.ok("test_cointegration", ask).await;
    assert_ne!(first["research_id"], second["research_id"], "it is computed when it is asked for");
}

#[tokio::test]
async fn a_job_that_fails_answers_the_tools_error() {
    let session = researcher().await;
    let mut unknown = scan();
    unknown["symbols"] = json!(["KO", "NOSUCHTICKER"]);
    let direct = session.err("find_cointegrated_pairs", unknown.clone()).await;
    let answer = session.call("find_cointegrated_pairs", at_once(unknown)).await;
    let text = match answer.is_error() {
        true => answer.text(),
        false => session.err("wait_for_job", json!({"job": answer.structured()["job"]})).await,
    };
    assert_eq!(text, direct);
}

#[tokio::test]
async fn a_job_that_is_given_up_stops_and_stays_so() {
    let session = researcher().await;
    let symbols = ["KO", "PEP", "CVX", "XOM", "SPY", "QQQ", "EEM", "MSFT", "AMZN", "GOOGL", "WMT"];
    let ask = json!({"symbols": symbols, "start_date": "2015-01-02", "end_date": "2025-12-31", "lags": "aic", "wait_seconds": 0});
    let begun = session.ok("find_cointegrated_pairs", ask).await;
    let given_up = session.ok("wait_for_job", json!({"job": begun["job"], "cancel": true})).await;
    assert_eq!(given_up["status"], "cancelled", "{given_up}");
    assert!(given_up["summary"].as_str().unwrap().contains("nothing of it goes on"), "{given_up}");
    // Whoever waited is told, and so is who asks later.
    for _ in 0..2 {
        let after = session.call("wait_for_job", json!({"job": begun["job"], "wait_seconds": 5})).await;
        assert!(after.text().contains("given up") || after.text().contains("cancelled"), "{}", after.text());
    }
}

#[tokio::test]
async fn a_backtest_is_waited_for_and_answers_as_read_backtest_does() {
    let session = Session::start().await;
    let started = session.ok("create_backtest", start(&session, "first").await).await;
    assert_eq!(started["next"], "wait_for_job");
    let looked = session.ok("wait_for_job", json!({"job": started["job"], "wait_seconds": 0})).await;
    assert_eq!(looked["job"], started["job"], "{looked}");
    assert!(["queued", "running"].contains(&looked["status"].as_str().unwrap()), "{looked}");
    let mut done = looked;
    for _ in 0..20 {
        done = session.ok("wait_for_job", json!({"job": started["job"]})).await;
        if done["status"] == "completed" {
            break;
        }
    }
    let read = session.ok("read_backtest", json!({"project_id": PROJECT, "backtest_id": started["backtest_id"]})).await;
    assert_eq!(done, read);
    assert!(done["statistics"]["sharpe_ratio"]["value"].is_number(), "{done}");
    assert_eq!(creates(&session), 1);
}

#[tokio::test]
async fn create_backtest_waits_when_it_is_told_to() {
    let session = Session::start().await;
    let mut ask = start(&session, "waited").await;
    ask["wait_seconds"] = json!(50);
    let mut seen = session.ok("create_backtest", ask.clone()).await;
    for _ in 0..20 {
        if seen["status"] == "completed" {
            break;
        }
        seen = session.ok("create_backtest", ask.clone()).await;
    }
    assert!(seen["statistics"].is_object(), "{seen}");
    assert_eq!(creates(&session), 1);
}

#[tokio::test]
async fn the_same_start_within_ten_minutes_is_the_same_backtest() {
    let session = Session::start().await;
    let ask = start(&session, "twice").await;
    let first = session.ok("create_backtest", ask.clone()).await;
    let second = session.ok("create_backtest", ask.clone()).await;
    assert_eq!((&second["backtest_id"], &second["job"]), (&first["backtest_id"], &first["job"]));
    assert_eq!(second["started_before"], true, "{second}");
    assert_eq!(creates(&session), 1);

    let mut other = ask.clone();
    other["parameters"] = json!({"lookback": 20});
    assert_ne!(session.ok("create_backtest", other).await["backtest_id"], first["backtest_id"]);
    assert_eq!(creates(&session), 2);

    session.sim.clock().advance(Duration::from_secs(601));
    assert_ne!(session.ok("create_backtest", ask).await["backtest_id"], first["backtest_id"]);
    assert_eq!(creates(&session), 3);
}

#[tokio::test]
async fn a_deleted_backtest_is_no_reason_not_to_start_it_again() {
    let session = Session::start().await;
    let ask = start(&session, "again").await;
    let first = session.ok("create_backtest", ask.clone()).await;
    let id = &first["backtest_id"];
    session.ok("delete_backtest", json!({"project_id": PROJECT, "backtest_id": id})).await;
    let second = session.ok("create_backtest", ask).await;
    assert_ne!(&second["backtest_id"], id);
    assert!(second.get("started_before").is_none(), "{second}");
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_found_and_not_sent_again() {
    let session = Session::start().await;
    let ask = start(&session, "lost").await;
    for fault in [Fault::ResetAfter, Fault::CutBody, Fault::ServerErrorAfter] {
        let mut ask = ask.clone();
        ask["backtest_name"] = json!(format!("lost to a {}", fault.name()));
        let before = creates(&session);
        // Time for the one before to end: there are few nodes.
        session.sim.clock().advance(Duration::from_secs(300));
        session.sim.faults().once("backtests/create", fault.clone());
        let started = session.ok("create_backtest", ask.clone()).await;
        assert_eq!(creates(&session), before + 1, "{fault:?}");
        assert_eq!(session.ok("create_backtest", ask).await["backtest_id"], started["backtest_id"], "{fault:?}");
        assert_eq!(creates(&session), before + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_start_that_nobody_can_find_is_doubtful_and_not_sent_again() {
    let session = Session::start().await;
    let ask = start(&session, "gone").await;
    session.sim.faults().once("backtests/create", Fault::Reset);
    let text = session.err("create_backtest", ask.clone()).await;
    assert!(text.contains("may have been carried out") && text.contains("list_backtests"), "{text}");
    let sent = creates(&session);
    let text = session.err("create_backtest", ask.clone()).await;
    assert!(text.contains("nothing was sent") && text.contains("another backtest_name"), "{text}");
    assert_eq!(creates(&session), sent);
    session.sim.clock().advance(Duration::from_secs(601));
    session.ok("create_backtest", ask).await;
    assert_eq!(creates(&session), sent + 1);
}

#[tokio::test]
async fn a_start_that_was_refused_may_be_asked_for_again() {
    let session = Session::start().await;
    let ask = start(&session, "refused").await;
    session.sim.faults().once("backtests/create", Fault::Refuse("No nodes are free".into()));
    session.err("create_backtest", ask.clone()).await;
    session.ok("create_backtest", ask).await;
}

#[tokio::test]
async fn two_equal_starts_at_once_make_one_backtest() {
    let session = Session::start().await;
    let ask = start(&session, "both").await;
    session.sim.faults().once("backtests/create", Fault::Slow(Duration::from_millis(400)));
    let (one, two) =
        tokio::join!(session.ok("create_backtest", ask.clone()), session.ok("create_backtest", ask.clone()));
    assert_eq!(one["backtest_id"], two["backtest_id"]);
    assert_eq!(creates(&session), 1);
}

#[tokio::test]
async fn giving_up_a_cloud_job_says_what_goes_on_and_sends_nothing() {
    let session = Session::start().await;
    let started = session.ok("create_backtest", start(&session, "on").await).await;
    session.sim.journal().clear();
    let answer = session.ok("wait_for_job", json!({"job": started["job"], "cancel": true})).await;
    let summary = answer["summary"].as_str().unwrap();
    assert!(summary.contains("goes on at QuantConnect") && summary.contains("delete_backtest"), "{summary}");
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn a_compile_that_is_not_waited_for_has_a_handle() {
    let session = Session::start().await;
    let begun = session.ok("compile_project", json!({"project_id": PROJECT, "wait": false})).await;
    let done = session.ok("wait_for_job", json!({"job": begun["job"]})).await;
    assert_eq!((&done["state"], &done["next"]), (&json!("BuildSuccess"), &json!("create_backtest")));
}

#[tokio::test]
async fn what_is_no_handle_is_unknown_and_names_no_reason() {
    let (session, other) = (Session::start().await, Session::start().await);
    let started = session.ok("create_backtest", start(&session, "mine").await).await;
    let mine = started["job"].as_str().unwrap();
    let nobody = session.err("wait_for_job", json!({"job": "work.0123456789abcdef0123456789abcdef"})).await;
    assert!(nobody.contains("no job with that handle") && nobody.contains("hint:"), "{nobody}");
    other.sim.journal().clear();
    // Another server has another key.
    assert_eq!(other.err("wait_for_job", json!({"job": mine})).await, nobody);
    for text in ["x", "backtest.1.2.3", "../..", &mine.replace("backtest", "compile")] {
        assert_eq!(other.err("wait_for_job", json!({"job": text})).await, nobody, "{text}");
    }
    assert!(other.sim.journal().is_empty());
}
