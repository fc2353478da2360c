//! Cleaning up: deleted is exactly the list that was shown, and what is in use stays.

use std::time::Duration;

use qc_sim::{SimOptions, seed};
use serde_json::{Value, json};
use support::session::Session;

const DAYS: u64 = 40;

async fn session() -> Session {
    let flags = ["--toolsets", "all", "--mode", "paper", "--deletes-per-call", "2"];
    Session::with(&flags, SimOptions::default()).await
}

async fn made(session: &Session, names: &[&str]) -> Vec<i64> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(session.ok("create_project", json!({"name": name})).await["project_id"].as_i64().unwrap());
    }
    session.sim.clock().advance(Duration::from_secs(DAYS * 86_400));
    session.sim.journal().clear();
    ids
}

fn ids(answer: &Value) -> Vec<i64> {
    answer["items"].as_array().unwrap().iter().map(|row| row["project_id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn scratch_projects_are_listed_then_exactly_those_are_deleted() {
    let session = session().await;
    let made = made(&session, &["scratch 1", "Keeper", "tmp/test", "Clone of Pairs"]).await;
    let list = session.ok("clean_up_project", json!({})).await;
    assert!(session.sim.journal().changes().is_empty(), "a list deletes nothing");
    // No more than one call may delete, and the rest is counted.
    assert_eq!((list["items"].as_array().unwrap().len(), &list["beyond_one_call"]), (2, &json!(1)), "{list}");
    assert!(!ids(&list).contains(&made[1]), "{list}");
    // Without the plan, or with another one, nothing goes.
    session.err("clean_up_project", json!({"dry_run": false})).await;
    let text = session.err("clean_up_project", json!({"dry_run": false, "plan": "0123456789abcdef"})).await;
    assert!(text.contains("not the list that was shown"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    let go = json!({"dry_run": false, "plan": list["plan"]});
    let done = session.ok("clean_up_project", go.clone()).await;
    assert_eq!(ids(&done), ids(&list));
    assert!(done["items"].as_array().unwrap().iter().all(|row| row["deleted"] == true), "{done}");
    let sent: Vec<i64> =
        session.sim.journal().of("projects/delete").iter().map(|it| it.body["projectId"].as_i64().unwrap()).collect();
    assert_eq!(sent, ids(&list));
    // The same plan again: the list is another one by now.
    session.err("clean_up_project", go).await;
    assert_eq!(session.sim.journal().of("projects/delete").len(), 2);
}

#[tokio::test]
async fn what_was_touched_lately_is_not_listed() {
    let session = session().await;
    made(&session, &["scratch 1"]).await;
    let list = session.ok("clean_up_project", json!({"older_than_days": 365})).await;
    assert_eq!(list["items"], json!([]), "{list}");
    assert!(list["summary"].as_str().unwrap().contains("0 scratch projects"), "{list}");
}

#[tokio::test]
async fn old_backtests_of_a_project_go_but_the_newest_and_best_stay() {
    let session = session().await;
    let project = json!(seed::PAIR_PROJECT_ID);
    for lookback in [10, 20, 30] {
        let ask = json!({"project": project, "parameters": {"lookback": lookback}, "name": format!("run {lookback}")});
        session.ok("run_backtest", ask).await;
        session.sim.clock().advance(Duration::from_secs(600));
    }
    session.sim.clock().advance(Duration::from_secs(DAYS * 86_400));
    let before = session.ok("list_backtests", json!({"project_id": project})).await;
    let runs = before["backtests"].as_array().unwrap();
    let n = runs.len();
    assert_eq!(n, 3, "{before}");
    let all = session.ok("clean_up_project", json!({"project_id": project, "keep": 50})).await;
    assert_eq!(all["items"], json!([]), "the newest stay: {all}");
    let list = session.ok("clean_up_project", json!({"project_id": project, "keep": 0})).await;
    let old = list["items"].as_array().unwrap();
    assert_eq!(old.len(), n - 1, "the best one stays: {list}");
    let sharpe = |row: &Value| row["sharpe_ratio"].as_f64().unwrap_or(f64::MIN);
    let gone = old.iter().map(sharpe).fold(f64::MIN, f64::max);
    assert!(runs.iter().map(sharpe).any(|best| gone <= best), "{list}");
    session.sim.journal().clear();
    let go = json!({"project_id": project, "keep": 0, "dry_run": false, "plan": list["plan"]});
    let done = session.ok("clean_up_project", go).await;
    assert_eq!(session.sim.journal().of("backtests/delete").len(), old.len(), "{done}");
}
