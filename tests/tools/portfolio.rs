//! Portfolios through the tools: figures against naive formulas, weights used as given, bad weights refused.

use serde_json::{Value, json};

use crate::research::{Desk, close, number, over};

fn ask(weights: Value) -> Value {
    let mut ask = over(&["KO", "MSFT"], "2022-01-01", "2024-12-31");
    ask["weights"] = weights;
    ask
}

#[tokio::test]
async fn figures_equal_naive_formulas_on_the_closes_of_get_history() {
    let desk = Desk::synthetic().await;
    let mut with = ask(json!([0.6, 0.4]));
    with["benchmark_symbol"] = json!("spy");
    let found = desk.ok("calculate_portfolio_performance", with).await;
    let mut bars = over(&["KO", "MSFT", "SPY"], "2022-01-01", "2024-12-31");
    bars["fill_forward"] = json!(false);
    let bars = desk.ok("get_history", bars).await;
    let bars = desk.kept(&bars).await;
    let returns = |symbol: &str| -> Vec<f64> {
        let closes: Vec<f64> = bars["result"][symbol]["close"].as_array().unwrap().iter().map(number).collect();
        closes.windows(2).map(|two| two[1] / two[0] - 1.0).collect()
    };
    let (ko, msft, spy) = (returns("KO"), returns("MSFT"), returns("SPY"));
    let r: Vec<f64> = ko.iter().zip(&msft).map(|(a, b)| 0.6 * a + 0.4 * b).collect();
    let n = r.len() as f64;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let cov = |x: &[f64], y: &[f64]| {
        let (mx, my) = (mean(x), mean(y));
        x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / (n - 1.0)
    };
    let total: f64 = r.iter().map(|r| 1.0 + r).product::<f64>() - 1.0;
    let metrics = &found["performance_metrics"];
    close(&metrics["total_return"], total, 1e-10);
    close(&metrics["annualized_return"], (1.0 + total).powf(252.0 / n) - 1.0, 1e-10);
    close(&metrics["volatility"], cov(&r, &r).sqrt() * 252f64.sqrt(), 1e-10);
    close(&metrics["sharpe_ratio"], mean(&r) / cov(&r, &r).sqrt() * 252f64.sqrt(), 1e-10);
    close(&found["benchmark_comparison"]["beta"], cov(&r, &spy) / cov(&spy, &spy), 1e-9);
    let (mut value, mut peak, mut deepest) = (1.0_f64, 1.0_f64, 0.0_f64);
    for r in &r {
        value *= 1.0 + r;
        peak = peak.max(value);
        deepest = deepest.min(value / peak - 1.0);
    }
    close(&metrics["max_drawdown"], deepest, 1e-10);
    assert_eq!(found["n_observations"], r.len());
    assert_eq!(found["periods_per_year"], 252.0);
    let kept = desk.kept(&found).await;
    assert_eq!(kept["result"]["equity"]["value"].as_array().unwrap().len(), r.len() + 1);
}

#[tokio::test]
async fn weights_are_used_as_given_and_the_rest_is_cash() {
    let desk = Desk::synthetic().await;
    let full = desk.ok("calculate_portfolio_performance", ask(json!([0.5, 0.5]))).await;
    let half = desk.ok("calculate_portfolio_performance", ask(json!([0.25, 0.25]))).await;
    close(&half["performance_metrics"]["volatility"], 0.5 * number(&full["performance_metrics"]["volatility"]), 1e-9);
    assert_eq!(half["cash_weight"], 0.5);
    let hedged = desk.ok("calculate_portfolio_performance", ask(json!("[1, -1]"))).await;
    assert_eq!((&hedged["net_exposure"], &hedged["gross_exposure"]), (&json!(0.0), &json!(2.0)));
}

#[tokio::test]
async fn weights_that_do_not_fit_are_refused_with_both_numbers() {
    let desk = Desk::synthetic().await;
    let text = desk.refused("calculate_portfolio_performance", ask(json!([1.0]))).await;
    assert!(text.contains("2 symbols, 1 weights"), "{text}");
    let text = desk.refused("calculate_portfolio_performance", ask(json!([0, 0]))).await;
    assert!(text.contains("all weights are zero"), "{text}");
    let mut with = ask(json!([0.5, 0.5]));
    with["benchmark_symbol"] = json!("ZZZZ");
    assert!(desk.refused("calculate_portfolio_performance", with).await.contains("ZZZZ"));
}

#[tokio::test]
async fn the_folders_interest_rate_is_the_mean_over_the_window() {
    let market = crate::research::market_copy();
    let file = market.path().join("alternative/interest-rate/usa");
    let _ = std::fs::remove_dir_all(&file);
    let desk = Desk::over(market.path()).await;
    let mut with = ask(json!([0.6, 0.4]));
    with["risk_free_rate"] = json!("lean");
    let text = desk.refused("calculate_portfolio_performance", with.clone()).await;
    assert!(text.contains("no interest-rate file"), "{text}");

    std::fs::create_dir_all(&file).unwrap();
    std::fs::write(file.join("interest-rate.csv"), "Date,Rate\n2020-01-01,2.0\n2023-07-03,4.0\n").unwrap();
    let found = desk.ok("calculate_portfolio_performance", with.clone()).await;
    // 2022-01-03 to 2024-12-31: 546 days at 2 %, 548 at 4 %.
    close(&found["risk_free_rate"], (546.0 * 0.02 + 548.0 * 0.04) / 1094.0, 1e-12);
    with["risk_free_rate"] = found["risk_free_rate"].clone();
    let given = desk.ok("calculate_portfolio_performance", with).await;
    assert_eq!(given["performance_metrics"], found["performance_metrics"]);
}
