//! Questions over hundreds of symbols: no answer grows past its cap, what was cut is said, and all of it is kept.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::research::Desk;

/// The most bytes of JSON an answer has unless more is asked for.
const CAP: usize = 20_000;

/// A file of `n` symbols over 90 weekdays: seeded walks, no two alike.
fn prices(n: usize) -> String {
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    let mut text = String::from("date");
    for i in 0..n {
        write!(text, ",SYM{i:03}").unwrap();
    }
    let mut closes = vec![100.0; n];
    let mut day: jiff::civil::Date = "2024-01-02".parse().unwrap();
    for _ in 0..130 {
        if day.weekday().to_monday_zero_offset() < 5 {
            write!(text, "\n{day}").unwrap();
            let market = 0.01 * uniform();
            for close in &mut closes {
                *close *= 1.0 + market + 0.03 * uniform();
                write!(text, ",{close:.4}").unwrap();
            }
        }
        day = day.tomorrow().unwrap();
    }
    text.push('\n');
    text
}

#[tokio::test]
async fn answers_over_five_hundred_symbols_stay_below_the_cap_and_say_what_was_cut() {
    const MANY: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("many.csv"), prices(MANY)).unwrap();
    let place = folder.path().to_str().unwrap();
    let desk = Desk::with(&["--data-folder", place, "--file-roots", place]).await;
    desk.ok("import_data", json!({"path": "many.csv"})).await;
    let symbols: Vec<String> = (0..MANY).map(|i| format!("SYM{i:03}")).collect();
    let (few, one) = (&symbols[..60], vec![1.0 / MANY as f64; MANY]);
    let calls: [(&'static str, Value); 13] = [
        ("perform_pca_analysis", json!({"symbols": symbols, "n_components": 5})),
        ("calculate_correlation_matrix", json!({"symbols": symbols})),
        ("analyze_mean_reversion", json!({"symbols": symbols})),
        ("find_cointegrated_pairs", json!({"symbols": few})),
        ("optimize_portfolio", json!({"symbols": symbols, "method": "hrp, risk_parity"})),
        ("optimize_portfolio", json!({"symbols": symbols})),
        ("optimize_equal_weight_portfolio", json!({"symbols": symbols})),
        ("calculate_portfolio_performance", json!({"symbols": symbols, "weights": one})),
        ("sparse_optimization", json!({"portfolio_symbols": few, "benchmark_symbol": "SYM499"})),
        ("select_uncorrelated_assets", json!({"symbols": symbols, "num_assets": 200})),
        ("screen_assets_by_criteria", json!({"symbols": symbols, "max_volatility": 5})),
        ("get_history", json!({"symbols": symbols})),
        ("describe_data", json!({})),
    ];
    let mut wrong = Vec::new();
    for (tool, mut ask) in calls {
        if tool != "describe_data" {
            ask["start_date"] = json!("2024-01-02");
            ask["end_date"] = json!("2024-05-10");
        }
        let answer = desk.call(tool, ask).await;
        let size = answer.data.to_string().len();
        if answer.is_error || CAP < size {
            wrong.push(format!("{tool}: {size} bytes, {}", answer.text.lines().next().unwrap_or_default()));
            continue;
        }
        assert!(answer.data["provenance"].is_object(), "{tool} says where its prices come from");
        if answer.data["research_id"].is_string() {
            desk.kept(&answer.data).await;
        } else {
            assert!(answer.text.contains("save_as"), "{tool} says how to get the rest");
        }
        if tool.starts_with("optimize") {
            let cut = answer.data["truncated"].to_string();
            assert!(cut.contains(" of 500 shown") && cut.contains("largest"), "{tool}: {cut}");
            let kept = desk.kept(&answer.data).await["result"].to_string();
            assert!(symbols.iter().all(|symbol| kept.contains(symbol.as_str())), "{tool} keeps every weight");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
