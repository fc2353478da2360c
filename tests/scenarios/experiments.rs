//! From a grid of parameters to a report of the best, and from a run to where its money came from.

use serde_json::{Value, json};

use crate::story::Story;

const CODE: &str = "from AlgorithmImports import *\n\nclass Momentum(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(datetime.strptime(self.get_parameter(\"start_date\", \"2018-01-01\"), \"%Y-%m-%d\"))\n        \
    self.set_end_date(datetime.strptime(self.get_parameter(\"end_date\", \"2022-12-31\"), \"%Y-%m-%d\"))\n        \
    self.set_cash(100000)\n        self.lookback = int(self.get_parameter(\"lookback\", 20))\n        \
    self.top = int(self.get_parameter(\"top\", 3))\n        for ticker in [\"SPY\", \"KO\", \"AAPL\"]:\n            \
    self.add_equity(ticker)\n        self.schedule.on(self.date_rules.month_start(\"SPY\"), self.time_rules.at(10, 0), self.trade)\n\n    \
    def trade(self):\n        for ticker in [\"SPY\", \"KO\", \"AAPL\"]:\n            self.set_holdings(ticker, 0.3)\n";

/// The answer once it is no job any more; waiting is a call too.
async fn over(story: &Story, mut answer: Value) -> Value {
    while answer.get("job").is_some() && answer["status"] != "completed" {
        answer = story.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    answer
}

/// "Run a sweep over lookback and number of holdings, rank by information ratio with a drawdown below 40 %, test the top
/// three out of sample, and give me an executive summary with charts of the best."
#[tokio::test]
async fn a_sweep_its_test_and_a_report_of_the_best_are_four_calls() {
    let story = Story::begin(&[]).await;
    over(&story, story.ok("run_backtest", json!({"project": "Momentum", "files": {"main.py": CODE}})).await).await;
    let ask = json!({"project_id": "Momentum", "grid": {"lookback": [20, 60], "top": [2, 3]}, "metric": "information ratio",
        "constraints": ["drawdown < 40"], "start_date": "2018-01-01", "end_date": "2020-12-31",
        "test_start": "2021-01-01", "test_end": "2022-12-31"});
    let swept = over(&story, story.ok("parameter_sweep", ask).await).await;
    assert_eq!(
        (&swept["metric"], &swept["combinations"], &swept["runs"]),
        (&json!("information_ratio"), &json!(4), &json!(7))
    );
    let columns = swept["ranking"]["columns"].as_array().unwrap();
    let at = |name: &str| columns.iter().position(|column| column == name).unwrap_or_else(|| panic!("{columns:?}"));
    let rows = swept["ranking"]["rows"].as_array().unwrap();
    let ratio = |row: &Value| row[at("information_ratio")].as_f64().unwrap();
    assert!(rows.windows(2).all(|two| ratio(&two[1]) <= ratio(&two[0])), "{swept}");
    assert!(rows.iter().all(|row| row[at("drawdown")].as_f64().unwrap() < 40.0), "{swept}");
    assert_eq!(rows.iter().filter(|row| row[at("test")].is_number()).count(), 3, "the best three are tried");
    assert!(swept["luck"]["deflated_sharpe_probability"].is_number(), "{swept}");
    let best = rows[0][at("backtest_id")].clone();
    let answer = story.call("backtest_report", json!({"project_id": "Momentum", "backtest_id": best})).await;
    let report = answer.checked();
    assert_eq!(report["backtest_id"], best);
    assert!(
        report["performance_metrics"]["sharpe_ratio"].is_number() && report["returns_by_year"].is_object(),
        "{report}"
    );
    assert!(answer.0.content.iter().any(|content| content.as_image().is_some()), "a picture");
    let three: Vec<&Value> = rows.iter().take(3).map(|row| &row[at("backtest_id")]).collect();
    let compared = story.ok("compare_backtests", json!({"project_id": "Momentum", "backtests": three})).await;
    assert_eq!(compared["backtests"].as_array().unwrap().len(), 3);
    story.took(6, 24_000);
}

/// "Where did the money come from?"
#[tokio::test]
async fn where_the_money_came_from_is_one_call() {
    let story = Story::begin(&[]).await;
    over(&story, story.ok("run_backtest", json!({"project": "Momentum", "files": {"main.py": CODE}})).await).await;
    let found = story.ok("analyze_trades", json!({"project": "Momentum"})).await;
    let symbols = found["by_symbol"]["rows"].as_array().unwrap();
    assert_eq!(symbols.len(), 3, "{found}");
    let change = found["reconciliation"]["change"].as_f64().unwrap();
    let unexplained = found["reconciliation"]["unexplained"].as_f64().unwrap();
    assert!(unexplained.abs() <= 0.01 * change.abs().max(100.0), "{found}");
    story.took(3, 14_000);
}
