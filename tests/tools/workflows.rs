//! Whole jobs in one call, against the simulator: what is sent, what is not sent twice, what is told.

use std::time::Duration;

use qc_sim::{Fault, SimOptions};
use serde_json::{Value, json};
use support::session::Session;

const CODE: &str = "from AlgorithmImports import *\n\nclass Mine(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(2022, 1, 1)\n        self.set_end_date(2022, 12, 31)\n        self.set_cash(100000)\n        \
    self.lookback = int(self.get_parameter(\"lookback\", 20))\n        self.spy = self.add_equity(\"SPY\").symbol\n\n    \
    def on_data(self, data):\n        if not self.portfolio.invested:\n            self.set_holdings(self.spy, 0.5)\n";

fn ask(name: &str) -> Value {
    json!({"project": name, "files": {"main.py": CODE}, "parameters": {"lookback": 30}, "name": "first"})
}

fn sent(session: &Session, path: &str) -> usize {
    session.sim.journal().of(path).len()
}

/// The answer once the run is over.
async fn over(session: &Session, mut answer: Value) -> Value {
    for _ in 0..20 {
        if ["completed", "failed"].contains(&answer["status"].as_str().unwrap_or_default()) {
            return answer;
        }
        answer = session.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    panic!("it never ended: {answer}");
}

#[tokio::test]
async fn one_call_makes_the_project_writes_compiles_runs_and_answers() {
    let session = Session::start().await;
    let first = session.ok("run_backtest", ask("Fresh")).await;
    assert_eq!(first["wrote"]["new_project"], true, "{first}");
    assert!(first["compile_id"].is_string() && first["page"].as_str().unwrap().contains("/project/"), "{first}");
    assert!(first["code_sha256"].as_str().is_some_and(|hash| hash.len() == 64), "{first}");
    let done = over(&session, first.clone()).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert!(done["statistics"]["sharpe_ratio"]["value"].is_number(), "{done}");
    assert_eq!(done["untrusted_name"], "first");
    for path in ["projects/create", "compile/create", "backtests/create"] {
        assert_eq!(sent(&session, path), 1, "{path}");
    }
    // The same call again: nothing is written, compiled or started.
    let writes = sent(&session, "files/create") + sent(&session, "files/update");
    let again = session.ok("run_backtest", ask("Fresh")).await;
    assert_eq!(again["backtest_id"], first["backtest_id"]);
    assert_eq!((&again["wrote"]["unchanged"], &again["wrote"]["new_project"]), (&json!(1), &json!(false)), "{again}");
    assert!(again["started_before_seconds"].is_number(), "{again}");
    assert_eq!(sent(&session, "files/create") + sent(&session, "files/update"), writes);
    for path in ["projects/create", "compile/create", "backtests/create"] {
        assert_eq!(sent(&session, path), 1, "{path}");
    }
    // Other parameters are another run of the same compile.
    let mut other = ask("Fresh");
    other["parameters"] = json!({"lookback": 60});
    let other = session.ok("run_backtest", other).await;
    assert_ne!(other["backtest_id"], first["backtest_id"]);
    assert_eq!((sent(&session, "compile/create"), sent(&session, "backtests/create")), (1, 2));
    assert_eq!(other["code_sha256"], first["code_sha256"]);
}

#[tokio::test]
async fn an_edit_is_written_compiled_and_run_and_the_rest_is_left_alone() {
    let session = Session::start().await;
    let first = session.ok("run_backtest", ask("Edited")).await;
    over(&session, first.clone()).await;
    let edit = json!({"project": "Edited", "name": "half",
        "edits": [{"name": "main.py", "old_text": "self.spy, 0.5", "new_text": "self.spy, 0.25"}]});
    let half = session.ok("run_backtest", edit.clone()).await;
    assert_eq!(half["wrote"]["untrusted_updated"][0], "main.py", "{half}");
    assert_ne!(half["code_sha256"], first["code_sha256"]);
    assert_eq!((sent(&session, "compile/create"), sent(&session, "backtests/create")), (2, 2));
    let file = session.call("read_file", json!({"project_id": "Edited", "name": "main.py"})).await;
    assert!(file.text().contains("self.spy, 0.25"), "{}", file.text());
    // The snippet is gone now: refused, with nothing compiled.
    let text = session.err("run_backtest", edit).await;
    assert!(text.contains("does not occur"), "{text}");
    assert_eq!(sent(&session, "compile/create"), 2);
}

#[tokio::test]
async fn code_that_does_not_compile_is_told_with_its_place_and_nothing_is_started() {
    let session = Session::start().await;
    let mut broken = ask("Broken");
    broken["files"]["main.py"] = json!(CODE.replace("def initialize(self):", "def initialize(self)"));
    let answer = session.ok("run_backtest", broken).await;
    assert_eq!((&answer["state"], &answer["next"]), (&json!("BuildError"), &json!("edit_file")), "{answer}");
    assert!(answer["errors"][0]["untrusted_place"].as_str().unwrap().starts_with("main.py:"), "{answer}");
    assert_eq!(answer["wrote"]["new_project"], true);
    assert_eq!(sent(&session, "backtests/create"), 0);
}

#[tokio::test]
async fn a_run_that_fails_is_told_with_the_code_and_the_end_of_the_log() {
    let session = Session::start().await;
    let mut failing = ask("Failing");
    failing["files"]["main.py"] =
        json!(CODE.replace("        self.set_cash(100000)\n", "        raise ValueError(\"no such thing\")\n"));
    let mut answer = session.ok("run_backtest", failing.clone()).await;
    for _ in 0..20 {
        if answer["status"] == "failed" {
            break;
        }
        session.sim.clock().advance(Duration::from_secs(30));
        answer = session.ok("run_backtest", failing.clone()).await;
    }
    assert_eq!(answer["status"], "failed", "{answer}");
    assert!(answer["untrusted_error"].as_str().unwrap().contains("no such thing"), "{answer}");
    assert!(answer["places"][0]["untrusted_source"].as_str().unwrap().contains("raise ValueError"), "{answer}");
    let log = answer["untrusted_log_tail"].to_string();
    assert!(log.contains("no such thing"), "{answer}");
    assert_eq!(sent(&session, "backtests/create"), 1);
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_the_same_run() {
    let session = Session::start().await;
    for (n, fault) in [Fault::ResetAfter, Fault::CutBody, Fault::ServerErrorAfter].into_iter().enumerate() {
        session.sim.faults().once("backtests/create", fault.clone());
        let mut ask = ask("Lost");
        ask["name"] = json!(format!("run {n}"));
        let first = session.ok("run_backtest", ask.clone()).await;
        let again = session.ok("run_backtest", ask).await;
        assert_eq!(first["backtest_id"], again["backtest_id"], "{fault:?}");
        assert_eq!(sent(&session, "backtests/create"), n + 1, "{fault:?}");
        session.sim.clock().advance(Duration::from_secs(300));
    }
}

#[tokio::test]
async fn two_equal_calls_at_once_are_one_project_one_compile_and_one_run() {
    let session = Session::start().await;
    session.sim.faults().once("projects/create", Fault::Slow(Duration::from_millis(400)));
    session.sim.faults().once("compile/create", Fault::Slow(Duration::from_millis(400)));
    let (one, two) = tokio::join!(session.ok("run_backtest", ask("Twice")), session.ok("run_backtest", ask("Twice")));
    assert_eq!((&one["project_id"], &one["backtest_id"]), (&two["project_id"], &two["backtest_id"]), "{one} {two}");
    for path in ["projects/create", "compile/create", "backtests/create"] {
        assert_eq!(sent(&session, path), 1, "{path}");
    }
}

#[tokio::test]
async fn what_was_done_before_a_failure_is_said() {
    let session = Session::start().await;
    session.sim.faults().once("compile/create", Fault::Refuse("No compiler is free".into()));
    let text = session.err("run_backtest", ask("Half done")).await;
    assert!(text.contains("was created") && text.contains("main.py written"), "{text}");
    // Asked again it goes on from there.
    let answer = session.ok("run_backtest", ask("Half done")).await;
    assert_eq!(
        (&answer["wrote"]["new_project"], &answer["wrote"]["unchanged"]),
        (&json!(false), &json!(1)),
        "{answer}"
    );
    assert_eq!(sent(&session, "projects/create"), 1);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    let session = Session::start().await;
    for (arguments, part) in [
        (json!({"project": "X", "files": {"../main.py": "a"}}), "no file name"),
        (json!({"project": "X", "files": {"data.csv": "a"}}), ".py"),
        (json!({"project": "X", "files": {"main.py": " "}}), "is empty"),
        (json!({"project": "X", "files": {"main.py": "a"}, "parameters": {"n": [1]}}), "text or a number"),
        (json!({"project": "X", "edits": [{"name": "../x.py", "old_text": "a", "new_text": "b"}]}), "no file name"),
        (json!({"project": -3}), "no project id"),
    ] {
        let text = session.err("run_backtest", arguments).await;
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(session.sim.journal().is_empty());
    // A name that is nobody's makes no project without files.
    let text = session.err("run_backtest", json!({"project": "Nobody's"})).await;
    assert!(text.contains("no project is named"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
}

#[tokio::test]
async fn a_mode_that_only_reads_has_no_such_tool() {
    let session = Session::with(&["--mode", "read-only"], SimOptions::default()).await;
    assert!(session.try_call("run_backtest", ask("x")).await.is_err());
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn backtests_are_compared_with_the_first_in_figures_parameters_code_and_days() {
    let session = Session::start().await;
    let first = over(&session, session.ok("run_backtest", ask("Compared")).await).await;
    let mut other = ask("Compared");
    (other["parameters"], other["name"]) = (json!({"lookback": 60, "unused": "x"}), json!("second"));
    let second = over(&session, session.ok("run_backtest", other).await).await;
    let edit = json!({"project": "Compared", "name": "third", "parameters": {"lookback": 30},
        "edits": [{"name": "main.py", "old_text": "2022, 1, 1", "new_text": "2022, 7, 1"}]});
    let third = over(&session, session.ok("run_backtest", edit).await).await;
    session.sim.journal().clear();
    let found = session.ok("compare_backtests", json!({"project": "Compared"})).await;
    assert!(session.sim.journal().changes().is_empty());
    let ids: Vec<&Value> = found["backtests"].as_array().unwrap().iter().map(|row| &row["backtest_id"]).collect();
    assert_eq!(ids, [&first["backtest_id"], &second["backtest_id"], &third["backtest_id"]], "oldest first");
    let code: Vec<&Value> = found["backtests"].as_array().unwrap().iter().map(|row| &row["code"]).collect();
    assert_eq!(code, ["as the first", "as the first", "other than the first"]);
    // Every figure is the one that each backtest's own answer has.
    let rows = found["figures"].as_array().unwrap();
    assert!(15 < rows.len(), "{found}");
    for row in rows {
        let name = row["figure"].as_str().unwrap();
        for (at, own) in [&first, &second, &third].into_iter().enumerate() {
            assert_eq!(row["values"][at], own["statistics"][name]["value"], "{name}");
        }
        if let (Some(a), Some(b)) = (row["values"][0].as_f64(), row["values"][2].as_f64()) {
            assert!((row["less_first"][2].as_f64().unwrap() - (b - a)).abs() < 1e-6, "{row}");
        }
    }
    let best = rows.iter().find(|row| row["figure"] == "sharpe_ratio").unwrap()["values"].as_array().unwrap();
    let largest =
        best.iter().enumerate().max_by(|a, b| a.1.as_f64().unwrap().total_cmp(&b.1.as_f64().unwrap())).unwrap();
    let named = ids.iter().position(|id| **id == found["best"]["sharpe_ratio"]).unwrap();
    assert_eq!(best[named], *largest.1, "{found}");
    let differ = found["parameters_that_differ"].as_array().unwrap();
    assert_eq!(differ.len(), 2, "{found}");
    assert_eq!(differ[0]["untrusted_name"], "lookback");
    assert_eq!(differ[1]["untrusted_values"], json!([null, "x", null]), "{found}");
    let days = &found["correlation_of_daily_returns"];
    for at in 0..3 {
        assert!((days[at][at].as_f64().unwrap() - 1.0).abs() < 1e-9, "{days}");
    }
    assert_eq!(days[0][2], days[2][0]);
    let cautions = found["cautions"].to_string();
    assert!(cautions.contains("different dates") && cautions.contains("best of several"), "{cautions}");
    // By name, in the caller's order.
    let pair = session
        .ok(
            "compare_backtests",
            json!({"project": "Compared", "backtests": [second["backtest_id"], first["backtest_id"]]}),
        )
        .await;
    assert_eq!(pair["backtests"][0]["backtest_id"], second["backtest_id"]);
    for (arguments, part) in [
        (json!({"project": "Compared", "backtests": [first["backtest_id"]]}), "2 to 10"),
        (json!({"project": "Compared", "backtests": [first["backtest_id"], first["backtest_id"]]}), "named twice"),
        (json!({"project": "Compared", "backtests": ["latest", third["backtest_id"]]}), "named twice"),
        (json!({"project": "Compared", "backtests": ["a", "b"], "last": 3}), "not both"),
    ] {
        let text = session.err("compare_backtests", arguments).await;
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = session.err("compare_backtests", json!({"project": qc_sim::seed::PAIR_PROJECT_ID, "last": 11})).await;
    assert!(text.contains("10"), "{text}");
}

#[tokio::test]
async fn a_comparison_goes_on_without_an_equity_that_cannot_be_read() {
    let session = Session::start().await;
    over(&session, session.ok("run_backtest", ask("Gap")).await).await;
    let mut other = ask("Gap");
    other["parameters"] = json!({"lookback": 60});
    over(&session, session.ok("run_backtest", other).await).await;
    session.sim.faults().always("backtests/chart/read", Fault::Refuse("No chart".into()));
    let found = session.ok("compare_backtests", json!({"project": "Gap", "last": 2})).await;
    assert!(found["figures"].as_array().is_some_and(|rows| 15 < rows.len()), "{found}");
    assert!(found["cautions"].to_string().contains("not in the correlations"), "{found}");
}

fn rules(found: &Value) -> Vec<&str> {
    found["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_diagnosis_names_the_error_the_figures_and_what_nobody_reads() {
    let session = Session::start().await;
    let mut failing = ask("Diagnosed");
    failing["files"]["main.py"] =
        json!(CODE.replace("        self.set_cash(100000)\n", "        raise KeyError(\"SPY\")\n"));
    let run = session.ok("run_backtest", failing).await;
    over_or_failed(&session, run).await;
    let found = session.ok("diagnose_backtest", json!({"project": "Diagnosed"})).await;
    assert_eq!(rules(&found)[0], "failed", "{found}");
    assert!(found["places"][0]["untrusted_source"].as_str().unwrap().contains("raise KeyError"), "{found}");
    assert!(!found["untrusted_log_tail"].as_array().unwrap().is_empty(), "{found}");
    // A run of the mended code whose parameter nobody reads.
    let mut mended = ask("Diagnosed");
    (mended["parameters"], mended["name"]) = (json!({"speed": 3}), json!("mended"));
    let run = session.ok("run_backtest", mended).await;
    over(&session, run.clone()).await;
    session.sim.journal().clear();
    let found =
        session.ok("diagnose_backtest", json!({"project": "Diagnosed", "backtest_id": run["backtest_id"]})).await;
    assert!(rules(&found).contains(&"unread_parameter") && !rules(&found).contains(&"failed"), "{found}");
    assert!(found["summary"].as_str().unwrap().contains("finding(s)"), "{found}");
    assert!(session.sim.journal().changes().is_empty());
    // The code of the failed run is another one by now.
    let text = session.err("diagnose_backtest", json!({"project": "Diagnosed", "backtest_id": "../x"})).await;
    assert!(text.contains("is no id"), "{text}");
    let text = session.err("diagnose_backtest", json!({"project": "Nobody's"})).await;
    assert!(text.contains("no project is named"), "{text}");
}

/// Waits for the end of a run, good or bad.
async fn over_or_failed(session: &Session, mut answer: Value) {
    for _ in 0..20 {
        if ["completed", "failed"].contains(&answer["status"].as_str().unwrap_or_default()) {
            return;
        }
        answer = session.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    panic!("it never ended: {answer}");
}
