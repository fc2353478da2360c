//! "Test and refine a pairs-trading idea": a screen, two tests and a simulation on bars of a quarter of an hour.

use qc_sim::market::{DEMO_SEED, FIRST_HOUR_DAY, tables::ATTRIBUTES, write_minutes};
use serde_json::json;

use crate::story::{Story, over};

/// The second example of the model project, sentence by sentence.
#[tokio::test]
async fn from_a_sector_to_a_pair_its_trades_and_what_they_prove() {
    let story = Story::begin(&["--demo", "--toolsets", "all"]).await;
    let folder = story.session.sim.data_folder().unwrap().to_path_buf();
    tokio::task::spawn_blocking(move || write_minutes(&folder, DEMO_SEED, FIRST_HOUR_DAY)).await.unwrap().unwrap();
    // Universe: staples, capitalisation above 5 billion, price above 10.
    let screen = json!({"attributes": ATTRIBUTES, "attribute_filters": ["sector in Staples", "market_cap > 5e9"],
        "min_price": 10, "start_date": "2022-01-01", "end_date": "2022-12-30"});
    let screen = story.ok("screen_assets_by_criteria", screen).await;
    assert_eq!(screen["passed_assets"], json!(["CL", "KMB", "KO", "PEP", "PG", "WMT"]), "{screen}");
    // Steps 1 and 3, with the Engle-Granger test in the place of step 2.
    let (first, last) = ("2023-01-02", "2025-06-30");
    let scan = json!({"symbols": screen["passed_assets"], "resolution": "15m", "start_date": first, "end_date": last,
        "min_distance_correlation": 0.8, "window": "60d", "step": "5d", "aggregate": "median", "max_half_life": "7d",
        "max_hurst": 0.4});
    let scan = over(&story, story.ok("find_cointegrated_pairs", scan).await).await;
    // Of 15 pairs the one remains that the generator binds: half of a deviation is gone after half a day.
    assert_eq!((&scan["n_pairs"], &scan["n_passed"]), (&json!(15), &json!(1)), "{scan}");
    let pair = &scan["pairs"][0];
    assert_eq!((&pair["symbol1"], &pair["symbol2"]), (&json!("KMB"), &json!("CL")), "{scan}");
    let of = |name: &str| pair[name].as_f64().unwrap();
    assert!(0.8 <= of("distance_correlation") && of("spread_hurst") < 0.4, "{pair}");
    assert!((of("half_life_days") - 0.5).abs() < 0.1 && (of("hedge_ratio") - 1.0).abs() < 0.01, "{pair}");
    assert_eq!(scan["funnel"].as_array().unwrap().len(), 5, "{scan}");
    // Step 2: Johansen with two lagged differences.
    let johansen =
        json!({"symbols": ["CL", "KMB"], "lags": 2, "resolution": "15m", "start_date": first, "end_date": last});
    let johansen = story.ok("test_johansen_cointegration", johansen).await;
    let none = &johansen["tests"][0];
    assert!(none["trace_critical_values"]["5%"].as_f64() < none["trace_statistic"].as_f64(), "{johansen}");
    assert_eq!(johansen["var_order"], 3, "{johansen}");
    // Step 4, entries, exits and limits.
    let trade = json!({"pairs": ["CL/KMB"], "resolution": "15m", "hedge": "kalman", "fit_start": first,
        "fit_end": "2023-12-29", "start_date": "2024-01-02", "end_date": last, "entry_z": 2, "confirm_bars": 2, "exit_z": 0,
        "max_holding": "3*half_life", "stop_z": 4, "max_pair_nav": 0.03, "max_gross": 3, "cost_bps": 1});
    let trade = over(&story, story.ok("backtest_pairs_strategy", trade).await).await;
    let trades = trade["trades"].as_array().unwrap();
    assert!(10 < trade["n_trades"].as_u64().unwrap() && !trades.is_empty(), "{trade}");
    let limit = trade["fit"][0]["max_holding_bars"].as_f64().unwrap();
    let half_life = trade["fit"][0]["half_life_bars"].as_f64().unwrap();
    assert!((limit - 3.0 * half_life).abs() <= 1.0, "{trade}");
    for one in trades {
        assert!((one["gross"].as_f64().unwrap() / 0.03 - 1.0).abs() < 0.01, "{one}");
        assert!(2.0 <= one["z_entry"].as_f64().unwrap().abs(), "{one}");
    }
    let (sum, total) = (&trade["attribution"][0]["profit"], &trade["performance_metrics"]["total_return"]);
    assert!((sum.as_f64().unwrap() - total.as_f64().unwrap()).abs() < 1e-9, "{trade}");
    // What it proves: alpha by the bootstrap, regimes by the likelihood ratio.
    let id = format!("qc://research/{}", trade["research_id"].as_str().unwrap());
    let alpha = json!({"series": id, "benchmark": "SPY", "start_date": "2024-01-02", "end_date": last});
    let alpha = story.ok("bootstrap_alpha", alpha).await;
    assert!((0.0..=1.0).contains(&alpha["pvalue"].as_f64().unwrap()) && alpha["replicates"] == 5000, "{alpha}");
    let regimes = json!({"series": id, "method": "markov", "start_date": "2024-01-02", "end_date": last});
    let regimes = story.ok("test_regime_change", regimes).await;
    assert!(0.0 <= regimes["likelihood_ratio"].as_f64().unwrap() && regimes["pvalue"].is_number(), "{regimes}");
    story.took(6, 22_000);
}
