//! Questions about pairs.

use serde_json::json;

use crate::story::Story;

/// "Are Coca-Cola (KO) and Pepsi (PEP) cointegrated? Run the test for the period from 2023 to 2024. If they are, analyze
/// their mean-reversion properties with a 20-day lookback."
#[tokio::test]
async fn two_companies_are_one_question_and_a_second_for_the_way_back() {
    let story = Story::begin(&[]).await;
    let window = ("2023-01-01", "2024-12-31");
    let pair = story
        .ok(
            "test_cointegration",
            json!({"symbol1": "KO", "symbol2": "PEP", "start_date": window.0, "end_date": window.1}),
        )
        .await;
    // Whoever asks gets the verdict with its p, in both directions and both halves, and the spread's half-life.
    assert_eq!(pair["is_cointegrated"], true, "{pair}");
    assert!(pair["cointegration_pvalue"].as_f64().unwrap() < 0.05);
    assert_eq!(pair["provenance"]["synthetic"], true);
    let back = story
        .ok(
            "analyze_mean_reversion",
            json!({"symbols": ["KO", "PEP"], "hedge": "ols", "lookback_period": 20, "start_date": window.0, "end_date": window.1}),
        )
        .await;
    let text = back.to_string();
    assert!(text.contains("half_life_bars") && text.contains("20"), "{text}");
    story.took(2, 12_000);
}

/// "Add GOOGL, AMZN, and MSFT, then run a PCA analysis on them for 2023."
#[tokio::test]
async fn components_of_three_names_need_no_adding_first() {
    let story = Story::begin(&[]).await;
    let found = story
        .ok(
            "perform_pca_analysis",
            json!({"symbols": ["GOOGL", "AMZN", "MSFT"], "start_date": "2023-01-01", "end_date": "2023-12-31"}),
        )
        .await;
    let ratios: Vec<f64> =
        found["explained_variance_ratio"].as_array().unwrap().iter().map(|ratio| ratio.as_f64().unwrap()).collect();
    assert_eq!(ratios.len(), 3);
    assert!((ratios.iter().sum::<f64>() - 1.0).abs() < 1e-12 && 1.0 / 3.0 < ratios[0], "{ratios:?}");
    story.took(1, 6_000);
}
