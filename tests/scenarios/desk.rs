//! From a universe to a portfolio that can be shown and run, and from code to a deployment that is watched.

use serde_json::json;

use crate::story::{Story, over};

const CODE: &str = "from AlgorithmImports import *\n\nclass Mine(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(2023, 1, 1)\n        self.set_end_date(2025, 12, 31)\n        self.set_cash(100000)\n        \
    self.spy = self.add_equity(\"SPY\").symbol\n\n    def on_data(self, data):\n        \
    if not self.portfolio.invested:\n            self.set_holdings(self.spy, 0.9)\n";

/// "Build a long/short portfolio by momentum and low volatility, beta neutral, HRP with caps, ten percent volatility; show me
/// the tear sheet as PDF and CSV, and push a monthly rebalance to a project."
#[tokio::test]
async fn a_long_short_portfolio_its_tear_sheet_and_its_code_are_four_calls() {
    let out = tempfile::tempdir().unwrap();
    let story = Story::begin(&["--demo", "--output-dir", out.path().to_str().unwrap()]).await;
    let universe = ["KO", "PEP", "CVX", "XOM", "AAPL", "MSFT", "AMZN", "GOOGL", "WMT", "PG", "JPM", "IBM"];
    let ask = json!({"universe": universe, "signals": ["momentum", "volatility"], "sizing": "hrp", "max_weight": 0.4,
        "beta_neutral_to": "SPY", "target_volatility": 0.1, "cost_bps": 5, "start_date": "2019-01-02", "end_date": "2023-12-29"});
    let built = story.ok("build_long_short_portfolio", ask).await;
    assert!(built["beta_before"].as_f64().unwrap().abs() < 1e-9, "{built}");
    for name in [
        "annualized_return",
        "volatility",
        "sharpe_ratio",
        "sortino_ratio",
        "max_drawdown",
        "hit_rate",
        "conditional_value_at_risk_95",
    ] {
        assert!(built["performance_metrics"][name].is_number(), "{name}: {built}");
    }
    assert!(built["turnover_per_choice"].as_f64().unwrap() > 0.0, "{built}");
    let id = format!("qc://research/{}", built["research_id"].as_str().unwrap());
    let sheet = json!({"series": id, "start_date": "2019-01-02", "end_date": "2023-12-29", "benchmark_symbol": "SPY",
        "save_as": "long-short.pdf, long-short.csv"});
    let sheet = story.ok("create_tear_sheet", sheet).await;
    assert_eq!(sheet["saved_as"], json!(["long-short.pdf", "long-short.csv"]));
    assert!(std::fs::read(out.path().join("long-short.pdf")).unwrap().starts_with(b"%PDF"));
    let code = story
        .ok(
            "export_strategy",
            json!({"kind": "target_weights", "weights": id, "max_loss": 0.15,
        "start_date": "2022-01-03", "end_date": "2023-12-29"}),
        )
        .await;
    let run = json!({"project": "Long short", "files": {"main.py": code["content"]}});
    let done = over(&story, story.ok("run_backtest", run).await).await;
    assert!(done["statistics"]["sharpe_ratio"]["value"].is_number(), "{done}");
    story.took(5, 26_000);
}

/// "Deploy it to paper with a stop at five percent loss, and tell me how everything that runs is doing: statistics, the last
/// hundred log lines, holdings, and whether something has not traded for a day."
#[tokio::test]
async fn a_guarded_paper_deployment_and_a_look_at_everything_are_five_calls() {
    let story = Story::begin(&[]).await;
    over(&story, story.ok("run_backtest", json!({"project": "Guarded", "files": {"main.py": CODE}})).await).await;
    let guard = json!({"project_id": "Guarded", "max_loss": 5, "basis": "deployment", "write": true});
    story.ok("guard_live_algorithm", guard).await;
    let preview = story.ok("deploy_live", json!({"project_id": "Guarded"})).await;
    assert!(preview["summary"].as_str().unwrap().contains("paper"), "{preview}");
    let go = json!({"project_id": "Guarded", "confirm_token": preview["confirm_token"]});
    assert_eq!(story.ok("deploy_live", go).await["money"], "paper");
    story.session.sim.clock().advance(std::time::Duration::from_secs(7 * 24 * 3_600));
    let seen = story.ok("live_status", json!({"log_lines": 100, "no_trade_hours": 24})).await;
    let rows = seen["live"].as_array().unwrap();
    let mine = rows.iter().find(|row| row["project_id"] == preview["project_id"]).unwrap_or_else(|| panic!("{seen}"));
    assert!(
        mine["equity"].is_number() && mine["holdings"]["rows"].is_array() && mine["untrusted_log"].is_array(),
        "{mine}"
    );
    // It bought once and holds: a week without a trade is said, counted by the calendar of the folder.
    assert_eq!(mine["flags"], json!(["no_trade"]), "{mine}");
    assert!(24.0 < mine["open_hours_without_trade"].as_f64().unwrap(), "{mine}");
    assert!(seen["assumed"][0].as_str().unwrap().contains("market-hours database"), "{seen}");
    story.took(6, 30_000);
}
