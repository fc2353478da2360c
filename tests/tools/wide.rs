//! Many symbols at once: does every research tool keep its answer below 20 kB, say what it left out, and come to an end soon?

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use serde_json::{Value, json};

use crate::research::{Desk, MARKET};

/// No answer is larger (20 kB with its summary), unless more is asked for.
const CAP: usize = 20_480;
const START: &str = "2020-01-01";
const END: &str = "2022-12-31";

/// Prices of `n` symbols over `rows` weekdays: a market, noise, and every tenth tied to its neighbour.
fn prices(n: usize, rows: usize) -> String {
    let noise = |seed: u64| qc_quant::testing::noise(seed, rows);
    let market = noise(1);
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for i in 0..n {
        let own = noise(100 + i as u64);
        let column: Vec<f64> = if i % 10 == 1 {
            columns[i - 1].iter().zip(&own).map(|(price, e)| price * (0.01 * e).exp()).collect()
        } else {
            let mut level: f64 = 4.0;
            market
                .iter()
                .zip(&own)
                .map(|(m, e)| {
                    level += 0.006 * m + 0.01 * e;
                    level.exp()
                })
                .collect()
        };
        columns.push(column);
    }
    let mut text = String::from("date");
    (0..n).for_each(|i| write!(text, ",S{i:03}").unwrap());
    let mut day = jiff::civil::date(2020, 1, 1);
    for row in 0..rows {
        while matches!(day.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday) {
            day = day.tomorrow().unwrap();
        }
        write!(text, "\n{day}").unwrap();
        columns.iter().for_each(|column| write!(text, ",{:.6}", column[row]).unwrap());
        day = day.tomorrow().unwrap();
    }
    text
}

async fn desk(n: usize, rows: usize) -> (tempfile::TempDir, Desk) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.csv");
    std::fs::write(&path, prices(n, rows)).unwrap();
    let roots = folder.path().to_str().unwrap();
    let desk = Desk::with(&["--data-folder", MARKET.path().to_str().unwrap(), "--file-roots", roots]).await;
    desk.ok("initialize_quantbook", json!({"instance_name": "wide", "source": path.to_str().unwrap()})).await;
    (folder, desk)
}

/// Each tool that takes many symbols, with arguments for `n` of them.
fn questions(n: usize) -> Vec<(&'static str, Value)> {
    let names: Vec<String> = (0..n).map(|i| format!("S{i:03}")).collect();
    let over = |more: Value| {
        let mut ask = json!({"symbols": names, "start_date": START, "end_date": END, "instance_name": "wide"});
        more.as_object().unwrap().iter().for_each(|(name, value)| ask[name] = value.clone());
        ask
    };
    let equal = vec![1.0 / n as f64; n];
    vec![
        ("perform_pca_analysis", over(json!({}))),
        ("perform_pca_analysis", over(json!({"n_components": 5, "mode": "covariance"}))),
        ("calculate_correlation_matrix", over(json!({}))),
        ("calculate_correlation_matrix", over(json!({"method": "spearman"}))),
        ("analyze_mean_reversion", over(json!({}))),
        ("find_cointegrated_pairs", over(json!({}))),
        ("calculate_portfolio_performance", over(json!({"weights": equal}))),
        ("optimize_equal_weight_portfolio", over(json!({}))),
        ("optimize_portfolio", over(json!({"method": "hrp"}))),
        ("optimize_portfolio", over(json!({"method": "risk_parity"}))),
        ("optimize_portfolio", over(json!({"method": "min_variance"}))),
        ("optimize_portfolio", over(json!({"method": "max_sharpe"}))),
        ("optimize_portfolio", over(json!({"method": "min_cvar"}))),
        ("select_uncorrelated_assets", over(json!({"num_assets": 20}))),
        ("screen_assets_by_criteria", over(json!({"max_volatility": 0.3}))),
        (
            "sparse_optimization",
            json!({"portfolio_symbols": names[1..], "benchmark_symbol": "S000", "start_date": START, "end_date": END,
                "instance_name": "wide", "lambda_param": 1e-7, "max_weight": 0.5}),
        ),
    ]
}

async fn ask_all(n: usize, rows: usize) {
    let (_folder, desk) = desk(n, rows).await;
    let mut out = std::io::stderr();
    for (tool, ask) in questions(n) {
        let begun = Instant::now();
        let what = format!("{tool} {} {}", ask["method"], ask["mode"]);
        let answer = desk.call(tool, ask).await;
        let bytes = answer.text.len();
        let _ = writeln!(out, "| {what} | {n} | {:.2} s | {bytes} |", begun.elapsed().as_secs_f64());
        assert!(!answer.is_error, "{what}: {}", answer.text);
        assert!(bytes <= CAP, "{what}: {bytes} bytes");
        assert!(answer.data["research_id"].is_string() || answer.data["full_result"].is_string(), "{what}");
    }
}

#[tokio::test]
async fn answers_over_sixty_symbols_stay_small() {
    ask_all(60, 300).await;
}

/// `cargo test -p qc-tests --test tools five_hundred -- --ignored --nocapture` prints seconds and bytes of each call.
#[tokio::test]
#[ignore = "measures time; without optimisation the general solver takes minutes"]
async fn answers_over_five_hundred_symbols_stay_small() {
    ask_all(500, 700).await;
}
