//! Statistics through the tools: figures against independent witnesses, provenance, and care with bad questions.
//!
//! Figures of the LEAN sample folder were computed outside of this project: adjusted closes with pandas from the zips
//! and factor files, then arch 8.0.0 and statsmodels 0.15.0 on log closes, scikit-learn 1.9 on simple returns.

use serde_json::{Value, json};

use crate::research::{Desk, close, market_copy, number, over};

/// Figures of two independent programs on the same closes: rounding of sums over some thousand rows.
const WITNESS: f64 = 1e-8;

fn pair(a: &str, b: &str, start: &str, end: &str) -> Value {
    json!({"symbol1": a, "symbol2": b, "start_date": start, "end_date": end})
}

#[tokio::test]
async fn uso_and_bno_agree_with_arch_and_statsmodels() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    let found = desk.ok("test_cointegration", pair("USO", "BNO", "2011-01-01", "2015-12-31")).await;
    assert_eq!(found["is_cointegrated"], true);
    close(&found["cointegration_statistic"], -3.817_550_571_838_455, WITNESS);
    close(&found["cointegration_pvalue"], 0.013_041_394_226_469_273, WITNESS);
    close(&found["critical_values"]["5%"], -3.342_401_307_092_375, WITNESS);
    close(&found["cointegrating_vector"]["BNO"], -1.003_815_516_612_951, WITNESS);
    close(&found["cointegrating_vector"]["const"], -1.952_702_190_658_25, WITNESS);
    close(&found["spread_std"], 0.085_381_485_059_948_64, WITNESS);
    close(&found["z_score"], 0.121_438_352_485_684_44, WITNESS);
    close(&found["reverse"]["cointegration_statistic"], -3.623_732_729_052_696, WITNESS);
    close(&found["reverse"]["cointegration_pvalue"], 0.023_218_714_438_343_64, WITNESS);
    close(&found["pvalue_halves"]["first"], 0.387_096_472_038_537_8, WITNESS);
    close(&found["pvalue_halves"]["second"], 0.202_671_686_354_496_06, WITNESS);
    assert!(found["summary"].as_str().unwrap().contains("Neither half of the window shows it alone"));
    assert_eq!(found["lags"], 0);
    assert!(found["spread_hurst"].is_number());
    assert_eq!(found["spread_adf_pvalue"], Value::Null);
    assert_eq!(found["provenance"]["adjustment"], "Adjusted");
    assert_eq!(found["provenance"]["first_date"], "2011-01-03");
    assert_eq!(found["provenance"]["last_date"], "2015-12-31");
    assert_eq!(found["provenance"]["rows_used"], 1258);
    let kept = desk.kept(&found).await;
    close(&kept["result"]["pvalue_mackinnon_1994"], 0.012_842_808_324_307_661, WITNESS); // statsmodels' p
    assert_eq!(kept["result"]["spread_series"]["spread"].as_array().unwrap().len(), 1258);
}

#[tokio::test]
async fn spy_and_iwm_are_not_shown_to_be_cointegrated() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    let found = desk.ok("test_cointegration", pair("SPY", "IWM", "2015-01-01", "2019-12-31")).await;
    assert_eq!(found["is_cointegrated"], false);
    close(&found["cointegration_statistic"], -1.500_129_037_625_078, WITNESS);
    close(&found["cointegration_pvalue"], 0.759_894_868_925_517_6, WITNESS);
    close(&found["reverse"]["cointegration_statistic"], -1.841_428_080_974_341_7, WITNESS);
    close(&found["pvalue_halves"]["first"], 0.759_747_239_235_05, WITNESS);
    assert!(found["summary"].as_str().unwrap().contains("not shown to be cointegrated"));
}

#[tokio::test]
async fn pca_agrees_with_scikit_learn_in_both_modes() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    let mut ask = over(&["AAPL", "BAC", "IBM", "AIG"], "2010-01-01", "2014-12-31");
    let found = desk.ok("perform_pca_analysis", ask.clone()).await;
    assert_eq!(found["n_observations"], 1257);
    for (i, ratio) in
        [0.552_574_126_391_323_9, 0.189_286_398_177_235_4, 0.153_128_418_403_750_13, 0.105_011_057_029_690_71]
            .iter()
            .enumerate()
    {
        close(&found["explained_variance_ratio"][i], *ratio, WITNESS);
    }
    close(&found["eigenvalues"][0], 2.210_296_505_557_295_6, WITNESS);
    close(&found["component_weights"]["PC1"]["BAC"], 0.539_537_203_357_820_2, WITNESS);
    close(&found["component_weights"]["PC2"]["AAPL"], 0.728_978_031_139_029_6, WITNESS);
    close(&found["component_weights"]["PC4"]["AIG"], -0.687_306_218_123_380_3, WITNESS);
    close(&found["first_component_share"]["covariance"], 0.632_648_827_051_127_3, WITNESS);
    ask["mode"] = json!("covariance");
    let found = desk.ok("perform_pca_analysis", ask).await;
    close(&found["explained_variance_ratio"][0], 0.632_648_827_051_127_3, WITNESS);
    close(&found["eigenvalues"][3], 9.642_487_065_971_548e-5, WITNESS);
    close(&found["component_weights"]["PC1"]["AIG"], 0.659_534_411_576_824, WITNESS);
    assert!(found["summary"].as_str().unwrap().contains("63.3 %"), "{}", found["summary"]);
    assert!(found["summary"].as_str().unwrap().contains("55.3 % in correlation mode"), "{}", found["summary"]);
}

#[tokio::test]
async fn correlations_agree_with_pandas() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    let mut ask = over(&["AAPL", "BAC", "IBM", "AIG"], "2010-01-01", "2014-12-31");
    let found = desk.ok("calculate_correlation_matrix", ask.clone()).await;
    // pandas prints ten digits.
    close(&found["correlation_matrix"]["BAC"]["AIG"], 0.579_086_051_9, 1e-9);
    close(&found["correlation_matrix"]["AAPL"]["AIG"], 0.320_130_915_6, 1e-9);
    assert_eq!(found["correlation_matrix"]["IBM"]["IBM"], 1.0);
    ask["method"] = json!("Spearman");
    let found = desk.ok("calculate_correlation_matrix", ask).await;
    close(&found["correlation_matrix"]["IBM"]["AIG"], 0.437_665_310_6, 1e-9);
}

#[tokio::test]
async fn the_synthetic_pair_is_cointegrated_and_says_it_is_synthetic() {
    let desk = Desk::synthetic().await;
    let found = desk.ok("test_cointegration", pair("KO", "PEP", "2015-01-01", "2024-12-31")).await;
    assert_eq!(found["is_cointegrated"], true, "{}", found["summary"]);
    assert_eq!(found["provenance"]["synthetic"], true);
    assert!(found["warnings"][0].as_str().unwrap().contains("SYNTHETIC"));
    assert!(found["summary"].as_str().unwrap().contains("SYNTHETIC"));
    let swapped = desk.ok("test_cointegration", pair("PEP", "KO", "2015-01-01", "2024-12-31")).await;
    assert_eq!(swapped["reverse"]["cointegration_pvalue"], found["cointegration_pvalue"]);
    assert_eq!(swapped["pair_pvalue"], found["pair_pvalue"]);
}

#[tokio::test]
async fn windows_splits_and_lags_go_through() {
    let desk = Desk::synthetic().await;
    let mut ask = pair("KO", "PEP", "2018-01-01", "2024-12-31");
    ask["rolling_window"] = json!(500);
    ask["split_date"] = json!("2021-06-15");
    ask["lookback_period"] = json!("20");
    ask["lags"] = json!(2);
    ask["trend"] = json!("CT");
    let found = desk.ok("test_cointegration", ask).await;
    assert_eq!((&found["lags"], &found["trend"]), (&json!(2), &json!("ct")));
    assert!(found["cointegrating_vector"]["trend"].is_number());
    assert_eq!(found["split"]["from"]["first"], "2021-06-15");
    assert_eq!(found["split"]["before"]["last"], "2021-06-14");
    let n_windows = found["rolling"]["n_windows"].as_u64().unwrap();
    assert!((100..=250).contains(&n_windows), "{n_windows}");
    let kept = desk.kept(&found).await;
    assert_eq!(kept["result"]["rolling"]["windows"].as_array().unwrap().len() as u64, n_windows);
    assert_eq!(kept["arguments"]["lookback_period"], 20);
    for lags in ["bic", "t-stat", "AIC"] {
        let mut ask = pair("KO", "PEP", "2018-01-01", "2024-12-31");
        ask["lags"] = json!(lags);
        desk.ok("test_cointegration", ask).await;
    }
}

#[tokio::test]
async fn loadings_stay_with_their_symbols_whatever_the_order() {
    let desk = Desk::synthetic().await;
    let one = desk.ok("perform_pca_analysis", over(&["MSFT", "AMZN", "GOOGL"], "2023-01-01", "2023-12-31")).await;
    let two = desk.ok("perform_pca_analysis", over(&["GOOGL", "MSFT", "AMZN"], "2023-01-01", "2023-12-31")).await;
    for symbol in ["MSFT", "AMZN", "GOOGL"] {
        close(&two["component_weights"]["PC1"][symbol], number(&one["component_weights"]["PC1"][symbol]), 1e-9);
    }
    let shares = one["explained_variance_ratio"].as_array().unwrap();
    let total: f64 = shares.iter().map(number).sum();
    assert!((total - 1.0).abs() < 1e-12, "all components explain everything: {total}");
    let unit: f64 = one["component_weights"]["PC1"].as_object().unwrap().values().map(|w| number(w).powi(2)).sum();
    assert!((unit - 1.0).abs() < 1e-12, "weights are unit vectors: {unit}");
}

#[tokio::test]
async fn correlation_equals_a_naive_formula_on_the_closes_of_get_history() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO", "MSFT"], "2023-01-01", "2023-12-31");
    let found = desk.ok("calculate_correlation_matrix", ask.clone()).await;
    ask["fill_forward"] = json!(false);
    let bars = desk.ok("get_history", ask).await;
    let bars = desk.kept(&bars).await;
    let returns = |symbol: &str| -> Vec<f64> {
        let closes: Vec<f64> = bars["result"][symbol]["close"].as_array().unwrap().iter().map(number).collect();
        closes.windows(2).map(|two| two[1] / two[0] - 1.0).collect()
    };
    let (x, y) = (returns("KO"), returns("MSFT"));
    let n = x.len() as f64;
    let mean = |v: &[f64]| v.iter().sum::<f64>() / n;
    let (mx, my) = (mean(&x), mean(&y));
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(&y).map(|(a, b)| f(a - mx, b - my)).sum::<f64>();
    let expected = sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    close(&found["correlation_matrix"]["KO"]["MSFT"], expected, 1e-10);
    assert_eq!(found["n_observations"], x.len());
}

#[tokio::test]
async fn many_symbols_stay_within_the_answer_and_the_rest_is_kept() {
    let desk = Desk::synthetic().await;
    let all: Vec<&str> =
        qc_sim::market::tickers().filter(|ticker| !["TWTR", "META", "FB"].contains(ticker)).take(25).collect();
    for tool in ["calculate_correlation_matrix", "perform_pca_analysis"] {
        let answer = desk.call(tool, over(&all, "2021-01-01", "2024-12-31")).await;
        assert!(!answer.is_error, "{}", answer.text);
        assert!(answer.text.len() < 8_000, "{tool}: {} bytes", answer.text.len());
    }
    let found = desk.ok("calculate_correlation_matrix", over(&all, "2021-01-01", "2024-12-31")).await;
    let kept = desk.kept(&found).await;
    assert_eq!(kept["result"]["correlation_matrix"].as_object().unwrap().len(), all.len());
    assert_eq!(kept["result"]["pairs"].as_array().unwrap().len(), all.len() * (all.len() - 1) / 2);
}

#[tokio::test]
async fn a_result_too_large_to_keep_is_answered_all_the_same() {
    let market = crate::research::market_copy();
    let daily = market.path().join("equity/usa/daily");
    let names: Vec<String> = (0..700).map(|i| format!("Z{i:03}")).collect();
    for name in &names {
        std::fs::copy(daily.join("ko.zip"), daily.join(format!("{}.zip", name.to_lowercase()))).unwrap();
    }
    let desk = Desk::over(market.path()).await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut ask = over(&names, "2024-01-02", "2024-01-31");
    ask["normalization"] = json!("Raw");
    let found = desk.ok("calculate_correlation_matrix", ask).await;
    close(&found["average_correlation"], 1.0, 1e-9);
    assert!(found["full_result"].as_str().unwrap().contains("save_as"), "{}", found["summary"]);
    assert!(found.get("research_id").is_none());
}

#[tokio::test]
async fn rolling_work_without_matrix_algebra_is_bounded() {
    let desk = Desk::synthetic().await;
    let symbols = ["KO", "PEP", "MSFT", "AAPL", "AMZN", "GOOGL", "SPY", "JPM", "BAC", "CVX"];
    let mut ask = over(&symbols, "2016-01-01", "2024-12-31");
    ask["method"] = json!("kendall");
    ask["rolling"] = json!(1000);
    let text = desk.refused("calculate_correlation_matrix", ask).await;
    assert!(text.contains("at most 50000000") && text.contains("smaller window"), "{text}");
}

#[tokio::test]
async fn rolling_correlation_follows_each_pair() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO", "PEP", "MSFT"], "2023-01-01", "2023-12-31");
    ask["rolling"] = json!(60);
    ask["method"] = json!("distance");
    let found = desk.ok("calculate_correlation_matrix", ask).await;
    assert_eq!(found["rolling"]["n_pairs"], 3);
    let kept = desk.kept(&found).await;
    let windows = found["n_observations"].as_u64().unwrap() - 60 + 1;
    assert_eq!(kept["result"]["rolling"]["pairs"][0]["values"].as_array().unwrap().len() as u64, windows);
}

#[tokio::test]
async fn too_few_rows_or_symbols_say_how_many_are_needed() {
    let desk = Desk::synthetic().await;
    let twenty: Vec<&str> = qc_sim::market::tickers().take(20).collect();
    let rows = desk.refused("perform_pca_analysis", over(&twenty, "2020-01-02", "2020-01-06")).await;
    assert!(rows.contains("20 symbols need at least 21 rows of returns, found 2"), "{rows}");
    let one = desk.refused("perform_pca_analysis", over(&["KO"], "2024-01-02", "2024-12-31")).await;
    assert!(one.contains("at least 2 symbols, found 1 (KO)"), "{one}");
    let one = desk.refused("calculate_correlation_matrix", over(&["KO"], "2024-01-02", "2024-12-31")).await;
    assert!(one.contains("at least 2 symbols"), "{one}");
    let same = desk.refused("test_cointegration", pair("KO", "ko", "2020-01-01", "2024-12-31")).await;
    assert!(same.contains("KO is given more than once"), "{same}");
    let short = desk.refused("test_cointegration", pair("KO", "PEP", "2024-01-02", "2024-01-31")).await;
    assert!(short.contains("at least"), "{short}");
    let none = desk
        .refused("perform_pca_analysis", json!({"symbols": [], "start_date": "2024-01-02", "end_date": "2024-12-31"}))
        .await;
    assert!(none.contains("symbols is empty"), "{none}");
    let much = desk.refused("perform_pca_analysis", {
        let mut ask = over(&["KO", "PEP"], "2024-01-02", "2024-12-31");
        ask["n_components"] = json!(3);
        ask
    });
    let much = much.await;
    assert!(much.contains("n_components") && much.contains("found 3"), "{much}");
}

#[tokio::test]
async fn shared_arguments_are_checked() {
    let desk = Desk::synthetic().await;
    let base = over(&["KO", "PEP"], "2024-01-02", "2024-12-31");
    let with = |name: &str, value: Value| {
        let mut ask = base.clone();
        ask[name] = value;
        ask
    };
    for (name, value) in
        [("missing", json!("forward_fill")), ("periods_per_year", json!(-1)), ("risk_free_rate", json!("cheap"))]
    {
        let text = desk.refused("perform_pca_analysis", with(name, value)).await;
        assert!(text.contains(name), "{text}");
    }
    for (name, value) in [
        ("missing", json!("error")),
        ("periods_per_year", json!("252")),
        ("risk_free_rate", json!(0.02)),
        ("risk_free_rate", json!("lean")),
        ("normalization", json!("SplitAdjusted")),
        ("resolution", json!("hour")),
    ] {
        desk.ok("perform_pca_analysis", with(name, value)).await;
    }
}

#[tokio::test]
async fn a_symbol_that_stopped_trading_is_reported_not_filled() {
    let desk = Desk::synthetic().await;
    let found = desk.ok("calculate_correlation_matrix", over(&["TWTR", "MSFT"], "2020-01-01", "2024-12-31")).await;
    assert_eq!(found["provenance"]["stale_tails"][0]["symbol"], "TWTR", "{}", found["provenance"]);
    assert_eq!(found["provenance"]["stale_tails"][0]["last_bar"], "2022-10-27");
    assert!(0 < found["provenance"]["rows_dropped"]["count"].as_u64().unwrap());
    assert!(found["warnings"].to_string().contains("TWTR"));
    let mut strict = over(&["TWTR", "MSFT"], "2020-01-01", "2024-12-31");
    strict["missing"] = json!("error");
    let text = desk.refused("calculate_correlation_matrix", strict).await;
    assert!(text.contains("TWTR"), "{text}");
}

#[tokio::test]
async fn a_hole_in_all_symbols_is_a_gap_that_no_return_spans() {
    let whole = Desk::synthetic().await;
    let before = whole.ok("calculate_correlation_matrix", over(&["KO", "PEP"], "2024-01-01", "2024-12-31")).await;
    let copy = market_copy();
    for symbol in ["ko", "pep"] {
        crate::research::drop_days(copy.path(), symbol, "20240603", "20240614");
    }
    let desk = Desk::over(copy.path()).await;
    let after = desk.ok("calculate_correlation_matrix", over(&["KO", "PEP"], "2024-01-01", "2024-12-31")).await;
    // Ten closes are gone: ten returns end on them and one more would span the hole.
    let lost = before["n_observations"].as_u64().unwrap() - after["n_observations"].as_u64().unwrap();
    assert_eq!(lost, 11, "{}", after["provenance"]);
    assert_eq!(after["provenance"]["n_gaps"], 2);
    assert_eq!(after["provenance"]["gaps"][0]["open_days"], 10);
    assert_eq!(after["provenance"]["rows_dropped"]["count"], 0);
}

#[tokio::test]
async fn strangers_and_made_up_ids_find_nothing() {
    let desk = Desk::synthetic().await;
    assert!(desk.resource("qc://research/00000000000000000000000000000000").await.is_none());
    assert!(desk.resource("qc://research/../../etc/passwd").await.is_none());
}

#[tokio::test]
async fn the_spread_of_a_bound_pair_comes_back_and_a_trending_price_does_not() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO", "PEP"], "2018-01-01", "2024-12-31");
    ask["hedge"] = json!("ols");
    ask["lookback_period"] = json!(20);
    let found = desk.ok("analyze_mean_reversion", ask.clone()).await;
    let spread = &found["reports"][0];
    assert!(spread["verdict"].as_str().unwrap().contains("back"), "{spread}");
    assert!(number(&spread["cointegration_pvalue"]) < 0.05, "{spread}");
    assert!(number(&spread["hurst"]) < 0.4, "{spread}");
    ask["hedge"] = json!("none");
    let alone = desk.ok("analyze_mean_reversion", ask).await;
    assert_eq!(alone["reports"].as_array().unwrap().len(), 2);
    assert!(number(&alone["reports"][0]["hurst"]) > number(&spread["hurst"]));
}

#[tokio::test]
async fn a_z_score_is_that_of_the_last_closes_of_the_symbol_itself() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["TWTR", "MSFT"], "2021-01-01", "2024-12-31");
    ask["lookback_period"] = json!(30);
    let found = desk.ok("analyze_mean_reversion", ask).await;
    assert_eq!(found["reports"][0]["last_at"], "2022-10-27", "a delisted symbol is judged at its own last close");
    assert_eq!(found["reports"][1]["last_at"], "2024-12-31");
    let mut bars = over(&["MSFT"], "2024-10-01", "2024-12-31");
    bars["fill_forward"] = json!(false);
    let bars = desk.ok("get_history", bars).await;
    let bars = desk.kept(&bars).await;
    let closes: Vec<f64> = bars["result"]["MSFT"]["close"].as_array().unwrap().iter().map(number).collect();
    let last = &closes[closes.len() - 30..];
    let mean = last.iter().sum::<f64>() / 30.0;
    let std = (last.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 29.0).sqrt();
    close(&found["reports"][1]["z_score"], (last[29] - mean) / std, 1e-9);
}

#[tokio::test]
async fn johansen_finds_the_relation_that_was_built_in() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO", "PEP"], "2016-01-01", "2024-12-31");
    ask["lags"] = json!(2);
    let found = desk.ok("test_johansen_cointegration", ask.clone()).await;
    assert_eq!(found["rank"], 1, "{}", found["summary"]);
    assert_eq!((&found["lags"], &found["var_order"]), (&json!(2), &json!(3)));
    assert!(number(&found["cointegrating_vectors"][0]["PEP"]) < 0.0);
    assert_eq!(found["cointegrating_vectors"][0]["KO"], 1.0);
    ask["var_order"] = json!(3);
    let both = desk.refused("test_johansen_cointegration", ask).await;
    assert!(both.contains("not both"), "{both}");
}

#[tokio::test]
async fn a_moving_hedge_answers_its_own_z_score() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO", "PEP"], "2020-01-01", "2024-12-31");
    ask["hedge"] = json!("kalman");
    let found = desk.ok("analyze_mean_reversion", ask.clone()).await;
    let report = &found["reports"][0];
    close(&report["z_score"], number(&report["last"]) / number(&report["std"]), 1e-12);
    let mut bars = over(&["KO", "PEP"], "2020-01-01", "2024-12-31");
    bars["fill_forward"] = json!(false);
    let bars = desk.ok("get_history", bars).await;
    let bars = desk.kept(&bars).await;
    let log = |symbol: &str| number(bars["result"][symbol]["close"].as_array().unwrap().last().unwrap()).ln();
    let spread = log("KO") - number(&report["hedge_ratio"]) * log("PEP") - number(&report["intercept"]);
    assert!((spread - number(&report["last"])).abs() < 1e-9, "{report}");
    assert_eq!(report["symbol"], "KO-PEP");
    assert!(0.0 < number(&report["hedge_ratio"]) && number(&report["z_score"]).abs() < 6.0, "{report}");
    assert!(report.get("adf_pvalue").is_none() && report["half_life_bars"].is_null());
    ask["symbols"] = json!(["KO"]);
    assert!(desk.refused("analyze_mean_reversion", ask).await.contains("two symbols"));
}
