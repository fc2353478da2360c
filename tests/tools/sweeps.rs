//! Sweeps against the simulator: what is run once, what is refused before anything runs, what is told about luck.

use qc_sim::SimOptions;
use serde_json::{Value, json};
use support::session::Session;

const CODE: &str = "from AlgorithmImports import *\n\nclass Mine(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(datetime.strptime(self.get_parameter(\"start_date\", \"2021-01-01\"), \"%Y-%m-%d\"))\n        \
    self.set_end_date(datetime.strptime(self.get_parameter(\"end_date\", \"2022-12-31\"), \"%Y-%m-%d\"))\n        \
    self.set_cash(100000)\n        self.lookback = int(self.get_parameter(\"lookback\", 20))\n        \
    self.stop = float(self.get_parameter(\"stop\", 0.1))\n        self.spy = self.add_equity(\"SPY\").symbol\n\n    \
    def on_data(self, data):\n        if not self.portfolio.invested:\n            self.set_holdings(self.spy, 0.5)\n";

async fn project(session: &Session, name: &str, code: &str) -> Value {
    let made = session.ok("create_project", json!({"name": name})).await;
    let ask = json!({"project_id": made["project_id"], "name": "main.py", "content": code});
    session.ok("update_file_content", ask).await;
    made["project_id"].clone()
}

fn sent(session: &Session, path: &str) -> usize {
    session.sim.journal().of(path).len()
}

/// The answer once the sweep is over.
async fn over(session: &Session, mut answer: Value) -> Value {
    for _ in 0..60 {
        if answer.get("ranking").is_some() || answer.get("windows").is_some() {
            return answer;
        }
        answer = session.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    panic!("it never ended: {answer}");
}

#[tokio::test]
async fn every_combination_is_run_once_ranked_and_the_best_is_tried_on_other_dates() {
    let session = Session::start().await;
    let id = project(&session, "Grid", CODE).await;
    let ask = json!({"project_id": id, "grid": {"lookback": [20, 50, 100], "stop": {"min": 0.02, "max": 0.04, "step": 0.02}},
        "constraints": ["total_orders >= 1"], "start_date": "2020-01-01", "end_date": "2021-12-31",
        "test_start": "2022-01-01", "test_end": "2022-12-31", "top": 2});
    let found = over(&session, session.ok("parameter_sweep", ask.clone()).await).await;
    assert_eq!(
        (&found["combinations"], &found["runs"], &found["already_there"]),
        (&json!(6), &json!(8), &json!(0)),
        "{found}"
    );
    assert_eq!((sent(&session, "compile/create"), sent(&session, "backtests/create")), (1, 8));
    let ranking = &found["ranking"];
    let columns: Vec<&str> = ranking["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let at = |name: &str| columns.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{columns:?}"));
    let rows = ranking["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let figure = |row: &Value, name: &str| row[at(name)].as_f64().unwrap_or_else(|| panic!("{name}: {row}"));
    assert!(figure(&rows[1], "sharpe_ratio") <= figure(&rows[0], "sharpe_ratio"));
    assert!(rows.iter().all(|row| row[at("test")].is_number() && row[at("meets_conditions")] == true), "{found}");
    // Days' ratios agree with the service's figure, whose definition is another's, in their order of size.
    assert!(figure(&rows[0], "sharpe_of_days").is_finite() && figure(&rows[0], "probability_positive") <= 1.0);
    assert_eq!((&found["luck"]["trials"], &found["chosen_on"][0]), (&json!(6), &json!("2020-01-01")), "{found}");
    assert_eq!(found["decay"]["rows"].as_array().unwrap().len(), 2);
    let text = found.to_string();
    assert!(!text.contains("did not cover the dates"), "{text}");
    // All runs lie behind the link.
    let all = session.read(&format!("qc://research/{}", found["research_id"].as_str().unwrap())).await.unwrap();
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["result"]["windows"][0]["ranking"]["rows"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn asked_again_it_goes_on_with_what_is_there() {
    let session = Session::start().await;
    let id = project(&session, "Again", CODE).await;
    let few = json!({"project_id": id, "grid": {"lookback": [20, 50]}});
    over(&session, session.ok("parameter_sweep", few).await).await;
    assert_eq!(sent(&session, "backtests/create"), 2);
    // More values: the two that are there are read.
    let more = json!({"project_id": id, "grid": {"lookback": [20, 50, 100]}});
    let found = over(&session, session.ok("parameter_sweep", more).await).await;
    assert_eq!((sent(&session, "backtests/create"), &found["already_there"]), (3, &json!(2)), "{found}");
    assert!(found["cautions"].to_string().contains("on the days it is measured on"), "{found}");
}

#[tokio::test]
async fn a_walk_forward_tries_each_choice_on_the_next_dates() {
    let session = Session::start().await;
    let id = project(&session, "Walk", CODE).await;
    let ask = json!({"project_id": id, "grid": {"lookback": [20, 50]}, "start_date": "2020-01-01",
        "end_date": "2022-12-31", "walk_forward": 2, "metric": "drawdown"});
    let found = over(&session, session.ok("parameter_sweep", ask).await).await;
    assert_eq!((&found["runs"], &found["better"]), (&json!(6), &json!("small")), "{found}");
    let windows = found["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 2);
    assert_eq!(windows[0]["tried_on"], windows[1]["chosen_on"]);
    assert_eq!(found["decay"]["rows"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_would_be_in_vain_is_refused_before_anything_runs() {
    let session = Session::start().await;
    let id = project(&session, "Vain", CODE).await;
    let refused = |arguments: Value| {
        let session = &session;
        async move { session.err("parameter_sweep", arguments).await }
    };
    let text = refused(json!({"project_id": id, "grid": {"speed": [1, 2]}})).await;
    assert!(text.contains("never reads") && text.contains("speed") && text.contains("get_parameter"), "{text}");
    let many: Vec<i64> = (0..101).collect();
    assert!(refused(json!({"project_id": id, "grid": {"lookback": many}})).await.contains("QC_MCP_SWEEP_SIZE"));
    assert!(refused(json!({"project_id": id, "grid": {}})).await.contains("grid is empty"));
    let half = json!({"project_id": id, "grid": {"lookback": [1]}, "start_date": "2020-01-01"});
    assert!(refused(half).await.contains("come together"));
    let vague = json!({"project_id": id, "grid": {"lookback": [1]}, "constraints": ["small drawdown"]});
    assert!(refused(vague).await.contains("no condition"));
    assert_eq!((sent(&session, "compile/create"), sent(&session, "backtests/create")), (0, 0));
    // Dates that the code never reads.
    let fixed = project(&session, "Fixed", &CODE.replace("\"start_date\"", "\"begin\"")).await;
    let dated =
        json!({"project_id": fixed, "grid": {"lookback": [1]}, "start_date": "2020-01-01", "end_date": "2020-12-31"});
    assert!(refused(dated).await.contains("`start_date`"));
    assert_eq!(sent(&session, "backtests/create"), 0);
}

#[tokio::test]
async fn a_sweep_beyond_the_day_is_refused_as_a_whole() {
    let session = Session::with(&["--toolsets", "all", "--backtests-per-day", "3"], SimOptions::default()).await;
    let id = project(&session, "Budget", CODE).await;
    let text = session.err("parameter_sweep", json!({"project_id": id, "grid": {"lookback": [1, 2, 3, 4]}})).await;
    assert!(text.contains("QC_MCP_BACKTESTS_PER_DAY"), "{text}");
    assert_eq!(sent(&session, "backtests/create"), 0, "all or none");
}

#[tokio::test]
async fn busy_nodes_are_waited_for_and_a_start_that_was_refused_is_not_counted_again() {
    let session = Session::with(&["--toolsets", "all", "--backtests-per-day", "2"], SimOptions::default()).await;
    let id = project(&session, "Busy", CODE).await;
    let busy = "There are no spare nodes available in your cluster.";
    for _ in 0..3 {
        session.sim.faults().once("backtests/create", qc_sim::Fault::Refuse(busy.into()));
    }
    let ask = json!({"project_id": id, "grid": {"lookback": [20, 50]}});
    let found = over(&session, session.ok("parameter_sweep", ask).await).await;
    assert_eq!((&found["combinations"], &found["runs"]), (&json!(2), &json!(2)), "{found}");
    assert_eq!(sent(&session, "backtests/create"), 5, "three were refused");
    let status = session.ok("get_server_status", json!({"section": "guards"})).await;
    assert_eq!(status["guards"]["used"]["backtests_last_day"], 2, "{status}");
}
