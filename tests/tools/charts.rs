//! `chart=true`: does every research tool that has something to draw send one legible picture beside its numbers, keep the
//! same as SVG, write it to a file, and send none unasked?

use resvg::tiny_skia::Pixmap;
use serde_json::{Value, json};

use crate::{
    pictures::dark,
    research::{Desk, over},
};

fn asked(mut arguments: Value) -> Value {
    arguments["chart"] = json!(true);
    arguments
}

fn pair(start: &str, end: &str) -> Value {
    json!({"symbol1": "KO", "symbol2": "PEP", "start_date": start, "end_date": end})
}

/// Each tool with something to draw, with arguments for the synthetic market.
fn drawing() -> Vec<(&'static str, &'static str, Value)> {
    let (start, end) = ("2023-01-03", "2024-12-31");
    let both = || over(&["KO", "PEP"], start, end);
    let with = |mut base: Value, more: Value| {
        for (name, value) in more.as_object().unwrap() {
            base[name] = value.clone();
        }
        base
    };
    vec![
        ("pca", "perform_pca_analysis", over(&["GOOGL", "AMZN", "MSFT", "KO"], start, end)),
        (
            "correlation",
            "calculate_correlation_matrix",
            over(&["GOOGL", "AMZN", "MSFT", "KO", "PEP", "SPY"], start, end),
        ),
        ("cointegration", "test_cointegration", pair(start, end)),
        ("johansen", "test_johansen_cointegration", both()),
        ("kalman", "estimate_kalman_hedge_ratio", pair(start, end)),
        ("reversion-one", "analyze_mean_reversion", over(&["KO"], start, end)),
        ("reversion-many", "analyze_mean_reversion", over(&["KO", "PEP", "MSFT"], start, end)),
        ("reversion-spread", "analyze_mean_reversion", with(both(), json!({"hedge": "ols"}))),
        ("reversion-kalman", "analyze_mean_reversion", with(both(), json!({"hedge": "kalman"}))),
        (
            "performance",
            "calculate_portfolio_performance",
            with(both(), json!({"weights": [0.6, 0.4], "benchmark_symbol": "SPY"})),
        ),
        ("equal", "optimize_equal_weight_portfolio", both()),
        (
            "optimize",
            "optimize_portfolio",
            with(over(&["KO", "PEP", "MSFT", "AMZN"], start, end), json!({"method": "hrp,min_variance,max_sharpe"})),
        ),
        (
            "sparse",
            "sparse_optimization",
            json!({"portfolio_symbols": ["KO", "PEP", "MSFT", "AMZN", "GOOGL"], "benchmark_symbol": "SPY", "max_weight": 0.5, "start_date": start, "end_date": end}),
        ),
        (
            "pairs",
            "backtest_pairs_strategy",
            json!({"symbol1": "KO", "symbol2": "PEP", "fit_start": "2022-01-03", "fit_end": "2022-12-30", "start_date": start, "end_date": end, "entry_z": 1.5}),
        ),
        ("regime", "test_regime_change", json!({"series": "KO", "start_date": start, "end_date": end})),
        (
            "regime-known",
            "test_regime_change",
            json!({"series": "KO", "benchmark_symbol": "SPY", "break_date": "2024-01-02", "start_date": start, "end_date": end}),
        ),
        (
            "bootstrap",
            "bootstrap_alpha",
            json!({"series": "KO", "benchmark": "SPY", "start_date": start, "end_date": end}),
        ),
        ("history", "get_history", both()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_with_something_to_draw_sends_one_legible_picture() {
    let desk = Desk::synthetic().await;
    for (name, tool, arguments) in drawing() {
        let (plain, none) = desk.drawn(tool, arguments.clone()).await;
        assert!(none.is_none() && plain.get("chart").is_none(), "{name}: no picture unasked");
        let (answer, png) = desk.drawn(tool, asked(arguments)).await;
        let png = png.unwrap_or_else(|| panic!("{name}: {}", answer["chart"]));
        if let Some(folder) = std::env::var_os("QC_TEST_PICTURES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("tool-{name}.png")), &png).unwrap();
        }
        let facts = &answer["chart"];
        assert!(png.len() <= 150_000 && facts["png_bytes"] == json!(png.len()), "{name}: {} bytes", png.len());
        let pixels = Pixmap::decode_png(&png).unwrap();
        assert_eq!((&facts["width"], &facts["height"]), (&json!(pixels.width()), &json!(pixels.height())), "{name}");
        assert!(300 < dark(&pixels, 20..900, 15..45), "{name}: a title");
        assert!(200 < dark(&pixels, 20..900, 46..70), "{name}: a line below it");
        assert!(100 < dark(&pixels, 22..90, 84..pixels.height() - 60), "{name}: numbers or names on the left");
        let svg = facts["svg"].as_str().unwrap_or_else(|| panic!("{name}: {facts}"));
        assert!(answer["resources"].as_array().unwrap().contains(&json!(svg)));
        let (text, mime) = desk.text(svg).await.unwrap();
        assert!(text.starts_with("<svg ") && mime.as_deref() == Some("image/svg+xml"), "{name}");
        assert!(text.contains("SYNTHETIC data"), "{name}: the picture says that the data is synthetic");
        // The numbers are the same with and without.
        let (mut with, mut without) = (answer.clone(), plain.clone());
        for one in [&mut with, &mut without] {
            ["chart", "research_id", "resources"].iter().for_each(|key| {
                one.as_object_mut().unwrap().remove(*key);
            });
        }
        assert_eq!(with, without, "{name}");
    }
}

#[tokio::test]
async fn a_tool_with_nothing_to_draw_says_so() {
    let desk = Desk::synthetic().await;
    let (start, end) = ("2024-01-02", "2024-12-31");
    for (tool, arguments) in
        [("find_cointegrated_pairs", over(&["KO", "PEP", "MSFT"], start, end)), ("describe_data", json!({}))]
    {
        let (answer, png) = desk.drawn(tool, asked(arguments)).await;
        assert!(png.is_none());
        assert_eq!(answer["chart"], "none: this result has nothing to draw", "{tool}");
    }
}

#[tokio::test]
async fn a_picture_goes_to_a_file_and_behind_a_link_that_no_stranger_reads() {
    let output = tempfile::tempdir().unwrap();
    let (folder, out) = (crate::research::MARKET.path().to_str().unwrap(), output.path().to_str().unwrap());
    let desk = Desk::with(&["--data-folder", folder, "--output-dir", out]).await;
    let save = |name: &str| {
        let mut ask = over(&["KO", "PEP", "MSFT"], "2024-01-02", "2024-12-31");
        ask["save_as"] = json!(name);
        ask
    };
    let (answer, png) = desk.drawn("perform_pca_analysis", save("scree.svg")).await;
    assert!(png.is_none(), "a file is asked for, no picture in the answer");
    assert_eq!(answer["saved_as"], "scree.svg");
    let svg = std::fs::read_to_string(output.path().join("scree.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("PC1"));
    let (answer, png) = desk.drawn("perform_pca_analysis", asked(save("pictures/scree.png"))).await;
    let file = std::fs::read(output.path().join("pictures/scree.png")).unwrap();
    assert_eq!(Some(file), png, "the file holds the picture of the answer");
    assert_eq!(answer["saved_as"], "pictures/scree.png");

    let id = answer["research_id"].as_str().unwrap();
    let stranger = Desk::synthetic().await;
    assert!(desk.text(&format!("qc://research/{id}/chart.svg")).await.is_some());
    assert!(stranger.text(&format!("qc://research/{id}/chart.svg")).await.is_none());
    assert!(desk.resource(&format!("qc://research/{id}.svg")).await.is_none(), "one address for one thing");

    let mut ask = over(&["KO", "PEP"], "2024-01-02", "2024-12-31");
    ask["save_as"] = json!("pairs.png");
    let text = desk.refused("find_cointegrated_pairs", ask).await;
    assert!(text.contains("no picture to save"), "{text}");
    assert!(!output.path().join("pairs.png").exists());
}

#[tokio::test]
async fn the_members_of_a_fund_are_drawn_as_a_heat_map() {
    let desk = Desk::synthetic().await;
    let (answer, png) = desk
        .drawn("calculate_correlation_matrix", asked(over(&["etf:SPY@2024-06-03"], "2024-01-02", "2024-12-31")))
        .await;
    assert!(png.is_some() && answer["chart"]["title"].as_str().unwrap().contains("Pearson"), "{}", answer["chart"]);
}
