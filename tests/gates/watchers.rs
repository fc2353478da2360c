//! A watcher of loss: agreed to by a human, true to its limit, blind never means safe, a restart goes on, and it ends with
//! its deployment.

use std::{path::Path, time::Duration};

use qc_sim::{Fault, SimOptions};
use serde_json::{Value, json};
use support::session::Session;

use crate::{
    human::{Asked, ERAS, Era, Will},
    live::{PAIR, PAPER, REAL, live_changes, run},
};

/// A limit that the fees of the first order reach: the simulator's prices stand still.
const REACHED: f64 = 0.000_01;

async fn session(folder: &Path, more: &[&str]) -> Session {
    let folder = folder.display().to_string();
    let flags = ["--toolsets", "all", "--guard-seconds", "1", "--state-dir", &folder];
    let flags: Vec<&str> = flags.iter().chain(more).copied().collect();
    Session::with(&flags, SimOptions::default()).await
}

fn ask(max_loss: f64) -> Value {
    json!({"project_id": PAIR, "max_loss": max_loss, "basis": "deployment", "place": "watcher", "accept_client_lifetime": true})
}

/// What live_status says of the guard, once `wanted` says so.
async fn guard(session: &Session, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..100 {
        let seen = session.ok("live_status", json!({"project_id": PAIR})).await;
        last = seen["live"][0].clone();
        if wanted(&last["guard"]) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the guard stays {last}");
}

fn is(word: &'static str) -> impl Fn(&Value) -> bool {
    move |guard| guard["guard"] == word && !guard["looked"].is_null()
}

fn audit(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("audit.jsonl")).unwrap_or_default()
}

#[tokio::test]
async fn a_human_agrees_to_limit_and_sale_or_nothing_is_watched() {
    let home = tempfile::tempdir().unwrap();
    let session = session(home.path(), &[]).await;
    run(&session, PAIR, PAPER).await;
    // Nobody can be asked.
    let text = session.err("guard_live_algorithm", ask(5.0)).await;
    assert!(text.contains("consent"), "{text}");
    let human = Asked::connect(&session.server, Era::Legacy, Will::Decline).await;
    human.err("guard_live_algorithm", ask(5.0)).await;
    for (name, value, word) in [("unit", json!("sigma"), "percent"), ("accept_client_lifetime", json!(false), "stdio")]
    {
        let mut bad = ask(5.0);
        bad[name] = value;
        let text = session.err("guard_live_algorithm", bad).await;
        assert!(text.contains(word) && text.contains("nothing is watched"), "{text}");
    }
    let seen = session.ok("live_status", json!({"project_id": PAIR})).await;
    assert!(seen["live"][0]["guard"].is_null(), "{seen}");
    for era in ERAS {
        let human = Asked::connect(&session.server, era, Will::Yes).await;
        let told = human.ok("guard_live_algorithm", ask(5.0)).await;
        assert!(told["reaction"].as_str().unwrap().contains("every 1 s"), "{told}");
        let question = human.questions().concat();
        assert!(question.contains("5 %") && question.contains("without asking again"), "{question}");
        let row = guard(&session, is("active")).await;
        assert_eq!((&row["guard"]["max_loss_percent"], &row["flags"]), (&json!(5.0), &json!([])), "{row}");
    }
    // Less protection is asked too; nothing was ever sold.
    let none = json!({"project_id": PAIR, "max_loss": 5, "place": "none"});
    let text = session.err("guard_live_algorithm", none.clone()).await;
    assert!(text.contains("consent"), "{text}");
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    human.ok("guard_live_algorithm", none).await;
    let seen = session.ok("live_status", json!({"project_id": PAIR})).await;
    assert!(seen["live"][0]["guard"].is_null(), "{seen}");
    assert!(live_changes(&session.sim.journal()).is_empty());
}

#[tokio::test]
async fn at_the_limit_it_sells_without_another_question_and_tries_until_it_has() {
    for brokerage in [PAPER, REAL] {
        let home = tempfile::tempdir().unwrap();
        let live = ["--mode", "live", "--allow-live-orgs", "5cad178b20a1d52567b534553413b691"];
        let session = session(home.path(), &live).await;
        run(&session, PAIR, brokerage).await;
        session.sim.faults().once("live/update/liquidate", Fault::Refuse("not now".into()));
        let human = Asked::connect(&session.server, Era::Legacy, Will::Yes).await;
        human.ok("guard_live_algorithm", ask(REACHED)).await;
        let row = guard(&session, is("ended")).await;
        assert_eq!(row["guard"]["sell_requests"], 2, "{row}");
        assert_eq!(live_changes(&session.sim.journal()), ["live/update/liquidate"; 2]);
        assert_eq!(human.questions().len(), 1);
        let audit = audit(home.path());
        for word in [
            "a human agreed to it at set-up; lost",
            "refused by QuantConnect",
            "the watcher ended",
            "the limit is 0.00001 %",
        ] {
            assert!(audit.contains(word), "{word}: {audit}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_alarm_and_another_deployment_is_not_watched() {
    let home = tempfile::tempdir().unwrap();
    let session = session(home.path(), &[]).await;
    run(&session, PAIR, PAPER).await;
    let human = Asked::connect(&session.server, Era::Legacy, Will::Yes).await;
    human.ok("guard_live_algorithm", ask(5.0)).await;
    guard(&session, is("active")).await;
    session.sim.faults().always("live/chart/read", Fault::HtmlPage);
    let row = guard(&session, is("blind")).await;
    assert!(row["flags"].as_array().unwrap().contains(&json!("guard")), "{row}");
    assert!(row["guard"]["cannot_see"].as_str().unwrap().contains("equity"), "{row}");
    assert_eq!(audit(home.path()).matches("the watcher cannot see").count(), 1, "once, not at every look");
    session.sim.faults().clear();
    guard(&session, is("active")).await;
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    run(&session, PAIR, PAPER).await;
    for _ in 0..50 {
        if audit(home.path()).contains("the watcher ended") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(audit(home.path()).contains("the watcher ended"), "{}", audit(home.path()));
    let seen = session.ok("live_status", json!({"project_id": PAIR})).await;
    assert!(seen["live"][0]["guard"].is_null(), "the new deployment has no guard: {seen}");
}

#[tokio::test]
async fn a_restart_looks_at_once_and_tells_how_long_nobody_did() {
    let home = tempfile::tempdir().unwrap();
    let first = session(home.path(), &[]).await;
    run(&first, PAIR, PAPER).await;
    let human = Asked::connect(&first.server, Era::Legacy, Will::Yes).await;
    human.ok("guard_live_algorithm", ask(5.0)).await;
    guard(&first, is("active")).await;
    // Nobody looks for an hour; the clock of the simulator jumps.
    first.sim.clock().advance(Duration::from_secs(3_600));
    let folder = home.path().display().to_string();
    let flags = ["--toolsets", "all", "--guard-seconds", "1", "--state-dir", &folder];
    let second = Session::beside(first.sim.clone(), &flags).await;
    second.server.resume_watchers().await;
    let row = guard(&second, |guard| guard["guard"] == "active" && guard["longest_gap"].is_object()).await;
    assert!(audit(home.path()).contains("nobody looked for 36"), "{row} {}", audit(home.path()));
    assert!(live_changes(&second.sim.journal()).is_empty());
    // A mode that may sell nothing says so instead of selling.
    let human = Asked::connect(&second.server, Era::Legacy, Will::Yes).await;
    human.ok("guard_live_algorithm", ask(5.0)).await;
    let flags = [&flags[..], &["--mode", "read-only"]].concat();
    let third = Session::beside(first.sim.clone(), &flags).await;
    third.server.resume_watchers().await;
    guard(&third, is("active")).await;
    assert!(live_changes(&third.sim.journal()).is_empty());
}
