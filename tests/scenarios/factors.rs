//! "Build a global equity long/short portfolio": from the members of three funds to a portfolio that is shown, coded and
//! sent to a deployment.

use serde_json::json;

use crate::story::{Story, over};

const FIVE_FACTORS: &str = qc_sim::market::tables::FIVE_FACTORS;

/// The first example of the model project, sentence by sentence. The synthetic market has 17 companies, so that a leg has
/// five names and a cap of 5 % of it cannot hold (which the answer to it says); the cap here is 30 %.
#[tokio::test]
async fn from_three_funds_to_a_rebalance_in_a_project_and_a_command_to_it() {
    let out = tempfile::tempdir().unwrap();
    let story = Story::begin(&["--demo", "--toolsets", "all", "--output-dir", out.path().to_str().unwrap()]).await;
    // 1, 2: members as of 2024-12-31, their loadings on five factors and on quality minus junk.
    let members: Vec<String> = ["QQQ", "SPY", "EEM"].iter().map(|fund| format!("etf:{fund}@2024-12-31")).collect();
    let ask = |factors: &str| json!({"symbols": members, "factors": factors, "start_date": "2022-01-01", "end_date": "2024-12-31"});
    let five = story.ok("calculate_factor_exposures", ask(FIVE_FACTORS)).await;
    let quality = story.ok("calculate_factor_exposures", ask(qc_sim::market::tables::QUALITY)).await;
    for (found, columns) in [(&five, 5), (&quality, 2)] {
        // The answer shows eight of the 16 companies that are traded still; the kept result has them all.
        let shown = found["exposures"].as_array().unwrap();
        assert!(shown.len() == 8 && found["summary"].as_str().unwrap().contains("And 13 more"), "{found}");
        for one in shown {
            assert_eq!(one["betas"].as_object().unwrap().len(), columns, "{one}");
            assert_eq!(one["n_observations"], 753, "{one}");
        }
    }
    // The generator gives Apple a beta of 1.2 to the market's own part, which the index follows.
    let apple = five["exposures"].as_array().unwrap().iter().find(|one| one["series"] == "AAPL").unwrap();
    let beta = apple["betas"]["Mkt-RF"]["beta"].as_f64().unwrap();
    assert!((1.0..1.5).contains(&beta), "{beta}");
    // 3, 4, 5: value and momentum in terciles, hierarchical risk parity in each book, neutral, ten percent.
    let universe = ["etf:QQQ", "etf:SPY", "etf:EEM"];
    let book = json!({"universe": universe, "signals": ["book_to_market", "momentum_12_1"],
        "attributes": qc_sim::market::tables::ATTRIBUTES, "sizing": "hrp", "max_weight": 0.3, "beta_neutral_to": "SPY",
        "target_volatility": 0.1, "cost_bps": 5, "start_date": "2023-01-01", "end_date": "2024-12-31"});
    let mut narrow = book.clone();
    narrow["max_weight"] = json!(0.05);
    let text = story.session.err("build_long_short_portfolio", narrow).await;
    assert!(text.contains("0.05"), "{text}");
    let built = story.ok("build_long_short_portfolio", book).await;
    assert!(!built["summary"].as_str().unwrap().contains("IN-SAMPLE"), "{built}");
    assert!(built["volatility_before"].as_f64().unwrap() <= 0.1 + 1e-9, "{built}");
    assert!(built["turnover_per_choice"].is_number() && built["beta_before"].as_f64().unwrap().abs() < 1e-9, "{built}");
    let id = format!("qc://research/{}", built["research_id"].as_str().unwrap());
    let weights = built["optimized_weights"].as_object().unwrap();
    let (long, short): (Vec<&String>, Vec<&String>) =
        weights.keys().partition(|name| 0.0 < weights[*name].as_f64().unwrap());
    // 5: the same books by the least expected shortfall at 95 %.
    let all: Vec<&String> = weights.keys().collect();
    let least = json!({"symbols": all, "short_symbols": short, "method": "min_cvar", "confidence": 0.95, "max_weight": 0.25, "gross": 1,
        "target_volatility": 0.1, "start_date": "2022-01-01", "end_date": "2024-12-31"});
    let least = story.ok("optimize_portfolio", least).await;
    let books =
        least["methods"]["min_cvar"]["weights"].as_object().or_else(|| least["optimized_weights"].as_object()).unwrap();
    let total = |names: &[&String]| names.iter().map(|name| books[*name].as_f64().unwrap()).sum::<f64>();
    assert!((total(&long) + total(&short)).abs() < 1e-6 && 0.0 < total(&long), "{least}");
    // 6, 7: against the world, as PDF and CSV.
    let sheet = json!({"series": id, "start_date": "2023-01-01", "end_date": "2024-12-31", "benchmark_symbol": "URTH",
        "save_as": "world.pdf, world.csv"});
    let sheet = story.ok("create_tear_sheet", sheet).await;
    for name in ["annualized_return", "volatility", "sharpe_ratio", "sortino_ratio", "max_drawdown", "hit_rate"] {
        assert!(sheet["performance_metrics"][name].is_number(), "{name}: {sheet}");
    }
    assert!(sheet["benchmark_comparison"]["beta"].is_number(), "{sheet}");
    assert!(std::fs::read(out.path().join("world.pdf")).unwrap().starts_with(b"%PDF"));
    assert!(std::fs::read_to_string(out.path().join("world.csv")).unwrap().lines().count() > 500);
    // 8: the rebalance as code in a project, run once, deployed to paper, and told to rebalance.
    let code = json!({"kind": "target_weights", "weights": id, "start_date": "2024-01-02", "end_date": "2024-12-31"});
    let code = story.ok("export_strategy", code).await;
    let run = json!({"project": "Global long short", "files": {"main.py": code["content"]}});
    let done = over(&story, story.ok("run_backtest", run).await).await;
    let preview = story.ok("deploy_live", json!({"project_id": "Global long short"})).await;
    let go = json!({"project_id": "Global long short", "confirm_token": preview["confirm_token"]});
    story.ok("deploy_live", go).await;
    let told = json!({"project_id": done["project_id"], "command": {"rebalance": true}});
    story.ok("create_live_command", told).await;
    story.took(10, 40_000);
}
