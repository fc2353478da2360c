//! From a grid of parameters to a report of the best, and from a run to where its money came from.

use serde_json::{Value, json};

use crate::story::{Story, over};

const CODE: &str = "from AlgorithmImports import *\n\nclass Momentum(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(datetime.strptime(self.get_parameter(\"start_date\", \"2018-01-01\"), \"%Y-%m-%d\"))\n        \
    self.set_end_date(datetime.strptime(self.get_parameter(\"end_date\", \"2022-12-31\"), \"%Y-%m-%d\"))\n        \
    self.set_cash(100000)\n        self.lookback = int(self.get_parameter(\"lookback\", 20))\n        \
    self.top = int(self.get_parameter(\"top\", 3))\n        for ticker in [\"SPY\", \"KO\", \"AAPL\"]:\n            \
    self.add_equity(ticker)\n        self.schedule.on(self.date_rules.month_start(\"SPY\"), self.time_rules.at(10, 0), self.trade)\n\n    \
    def trade(self):\n        for ticker in [\"SPY\", \"KO\", \"AAPL\"]:\n            self.set_holdings(ticker, 0.3)\n";

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

const PAIRS: &str = "from AlgorithmImports import *\nfrom alpha import signal\nfrom risk import size\n\n\
    class DynamicPairs(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(datetime.strptime(self.get_parameter(\"start_date\", \"2022-01-03\"), \"%Y-%m-%d\"))\n        \
    self.set_end_date(datetime.strptime(self.get_parameter(\"end_date\", \"2023-12-29\"), \"%Y-%m-%d\"))\n        \
    self.set_cash(100000)\n        self.entry_z = float(self.get_parameter(\"entry_z\", 2))\n        \
    self.lookback = int(self.get_parameter(\"lookback\", 60))\n        self.hedge = self.get_parameter(\"hedge\", \"OLS\")\n        \
    for ticker in [\"KO\", \"PEP\"]:\n            self.add_equity(ticker)\n\n    def on_data(self, data):\n        \
    if not self.portfolio.invested:\n            for ticker in [\"KO\", \"PEP\"]:\n                \
    self.set_holdings(ticker, size(signal(self, ticker)))\n";
const ALPHA: &str = "def signal(algorithm, ticker):\n    return 1.0\n";
const RISK: &str = "def size(signal):\n    return 0.2 * signal\n";

/// "Spin up an experiment suite": the third example of the model project. The grid of its `config.yaml` is the argument of
/// the sweep, for QuantConnect keeps code and notebooks, not YAML; the image is built and pushed by the user.
#[tokio::test]
async fn an_experiment_suite_from_a_project_to_a_guarded_deployment_is_eight_calls() {
    let out = tempfile::tempdir().unwrap();
    let story = Story::begin(&["--demo", "--output-dir", out.path().to_str().unwrap()]).await;
    let name = "DynamicPairs_Kalman";
    let files = json!({"main.py": PAIRS, "alpha.py": ALPHA, "risk.py": RISK});
    over(&story, story.ok("run_backtest", json!({"project": name, "files": files})).await).await;
    let sweep = |drawdown: i64| {
        json!({"project_id": name, "metric": "information ratio", "constraints": [format!("drawdown < {drawdown}")], "top": 3,
            "grid": {"entry_z": [1.5, 2.0, 2.5], "lookback": [30, 60, 90], "hedge": ["OLS", "Kalman"]},
            "start_date": "2022-01-03", "end_date": "2023-12-29", "test_start": "2024-01-02", "test_end": "2024-12-31"})
    };
    // The simulator trades all it has whatever the code says: no run falls by less than ten percent, and that is the answer.
    let none = over(&story, story.ok("parameter_sweep", sweep(10)).await).await;
    assert!(none["summary"].as_str().unwrap().contains("none meets the conditions"), "{none}");
    assert_eq!(none["test_backtests"], json!([]), "nothing is tried that nobody asked for");
    // With another condition the same runs count; only the best three are tried on the year after.
    let swept = over(&story, story.ok("parameter_sweep", sweep(25)).await).await;
    assert_eq!((&swept["combinations"], &swept["already_there"]), (&json!(18), &json!(18)), "{swept}");
    let columns = swept["ranking"]["columns"].as_array().unwrap();
    let at = |name: &str| columns.iter().position(|column| column == name).unwrap_or_else(|| panic!("{columns:?}"));
    let rows = swept["ranking"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "the top three: {swept}");
    assert!(
        rows.iter().all(|row| row[at("drawdown")].as_f64().unwrap() < 25.0 && row[at("test")].is_number()),
        "{swept}"
    );
    // Placeholders trade alike whatever the parameters, and the answer says so.
    assert!(swept.to_string().contains("same equity as another"), "{swept}");
    let report =
        json!({"project_id": name, "backtest_id": rows[0][at("backtest_id")], "save_as": "summary.html, summary.pdf"});
    let report = story.call("backtest_report", report).await;
    assert!(report.0.content.iter().any(|content| content.as_image().is_some()), "charts: {}", report.text());
    let page = std::fs::read_to_string(out.path().join("summary.html")).unwrap();
    for word in ["Rolling Sharpe", "Exposure", "Returns by month"] {
        assert!(page.to_lowercase().contains(&word.to_lowercase()), "{word}");
    }
    let image = story.ok("export_strategy", json!({"kind": "dockerfile"})).await;
    assert!(image["content"].as_str().unwrap().contains("FROM "), "{image}");
    let guard = json!({"project_id": name, "max_loss": 3, "unit": "sigma", "basis": "previous_close", "write": true});
    story.ok("guard_live_algorithm", guard).await;
    let preview = story.ok("deploy_live", json!({"project_id": name})).await;
    let go = json!({"project_id": name, "confirm_token": preview["confirm_token"]});
    assert_eq!(story.ok("deploy_live", go).await["money"], "paper");
    story.took(8, 14_000);
}
