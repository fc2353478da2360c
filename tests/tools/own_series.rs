//! Results that are passed on without retyping them: kept results, own backtests and columns of files as series,
//! benchmarks, spreads and weights, and factor files against statsmodels' figures.

use std::{path::Path, time::Duration};

use qc_sim::seed;
use serde_json::{Value, json};
use support::session::Session;

use crate::research::{Desk, MARKET, close, number, over};

const START: &str = "2023-01-03";
const END: &str = "2024-12-31";

async fn with_files(folder: &Path) -> Desk {
    let roots = folder.to_str().unwrap();
    Desk::with(&["--data-folder", MARKET.path().to_str().unwrap(), "--file-roots", roots]).await
}

fn research(answer: &Value) -> String {
    format!("qc://research/{}", answer["research_id"].as_str().unwrap())
}

#[tokio::test]
async fn a_kept_equity_is_a_series_and_a_benchmark_and_a_stranger_s_is_unknown() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO", "PEP"], START, END);
    ask["weights"] = json!([1.0, 0.0]);
    let whole = desk.ok("calculate_portfolio_performance", ask.clone()).await;
    let own = research(&whole);
    // The equity of KO alone against the market is what KO itself is against it.
    let args = |series: &str| json!({"series": series, "benchmark": "SPY", "start_date": START, "end_date": END, "block_length": 5, "replicates": 199});
    let (by_result, by_ticker) =
        (desk.ok("bootstrap_alpha", args(&own)).await, desk.ok("bootstrap_alpha", args("KO")).await);
    for name in ["alpha", "beta", "t_statistic", "pvalue"] {
        close(&by_result[name], number(&by_ticker[name]), 1e-9);
    }
    let origin = &by_result["provenance"]["own_series"][0];
    assert_eq!(
        (&origin["from"], &origin["taken"]),
        (&json!(own), &json!("equity.value of calculate_portfolio_performance"))
    );
    assert_eq!(by_result["provenance"]["synthetic"], true);

    let regime = desk.ok("test_regime_change", json!({"series": own, "start_date": START, "end_date": END})).await;
    let same = desk.ok("test_regime_change", json!({"series": "KO", "start_date": START, "end_date": END})).await;
    assert_eq!(regime["break_date"], same["break_date"]);
    close(&regime["sup_wald_statistic"], number(&same["sup_wald_statistic"]), 1e-7);

    ask["benchmark_symbol"] = json!(own);
    let compared = desk.ok("calculate_portfolio_performance", ask.clone()).await;
    close(&compared["benchmark_comparison"]["beta"], 1.0, 1e-9);
    ask["symbols"] = json!([own, "PEP"]);
    ask["weights"] = json!([0.5, 0.5]);
    let mixed = desk.ok("calculate_portfolio_performance", ask.clone()).await;
    let mut plain = over(&["KO", "PEP"], START, END);
    plain["weights"] = json!([0.5, 0.5]);
    let plain = desk.ok("calculate_portfolio_performance", plain).await;
    close(&mixed["performance_metrics"]["total_return"], number(&plain["performance_metrics"]["total_return"]), 1e-9);

    let stranger = Desk::synthetic().await;
    let refused = stranger.refused("bootstrap_alpha", args(&own)).await;
    let never = stranger.refused("bootstrap_alpha", args("qc://research/00000000000000000000000000000000")).await;
    assert_eq!(refused, never, "another's result is as unknown as one that never was");
    let text = desk.refused("bootstrap_alpha", args("qc://projects/1")).await;
    assert!(text.contains("names no series"), "{text}");
    let text = desk.refused("bootstrap_alpha", args(&format!("{own}#hedge_ratio"))).await;
    assert!(text.contains("holds the series equity.value"), "{text}");
}

#[tokio::test]
async fn weights_come_from_a_result_by_method_and_from_a_file() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("weights.csv"), "symbol,mine\nKO,0.25\nPEP,0.75\n").unwrap();
    let desk = with_files(files.path()).await;
    let mut ask = over(&["KO", "PEP", "MSFT"], START, END);
    ask["method"] = json!("hrp,min_variance");
    let found = desk.ok("optimize_portfolio", ask).await;
    let from = research(&found);
    let measure = |weights: &str| json!({"weights": weights, "start_date": START, "end_date": END});
    let whole = desk.ok("calculate_portfolio_performance", measure(&format!("{from}#hrp"))).await;
    for symbol in ["KO", "PEP", "MSFT"] {
        close(&whole["weights"][symbol], number(&found["methods"]["hrp"]["optimized_weights"][symbol]), 1e-12);
    }
    let text = desk.refused("calculate_portfolio_performance", measure(&from)).await;
    assert!(text.contains("hrp, min_variance"), "{text}");
    let own = desk.ok("calculate_portfolio_performance", measure("file:weights.csv#mine")).await;
    assert_eq!(own["weights"], json!({"KO": 0.25, "PEP": 0.75}));
    let mut few = measure("file:weights.csv#mine");
    few["symbols"] = json!(["KO"]);
    let text = desk.refused("calculate_portfolio_performance", few).await;
    assert!(text.contains("PEP"), "{text}");
    let text = desk
        .refused("calculate_portfolio_performance", json!({"weights": [1.0], "start_date": START, "end_date": END}))
        .await;
    assert!(text.contains("symbols"), "{text}");
}

#[tokio::test]
async fn a_kept_spread_is_judged_with_the_p_value_of_its_regression() {
    let desk = Desk::synthetic().await;
    let pair = desk
        .ok("test_cointegration", json!({"symbol1": "KO", "symbol2": "PEP", "start_date": START, "end_date": END}))
        .await;
    let ask = |spread: &str| json!({"spread": spread, "start_date": START, "end_date": END});
    let judged = desk.ok("analyze_mean_reversion", ask(&research(&pair))).await;
    let report = &judged["reports"][0];
    close(&report["cointegration_pvalue"], number(&pair["cointegration_pvalue"]), 1e-12);
    assert!(report.get("adf_pvalue").is_none(), "{report}");
    close(&report["last"], number(&pair["spread_last"]), 1e-12);
    assert_eq!(report["rows"], pair["n_observations"]);
    let mut both = ask(&research(&pair));
    both["symbols"] = json!(["KO"]);
    assert!(desk.refused("analyze_mean_reversion", both).await.contains("not both"));
}

#[tokio::test]
async fn a_column_of_a_file_is_a_level_or_returns_and_months_count_as_months() {
    let files = tempfile::tempdir().unwrap();
    let (mut level, mut rows, mut months) = (100.0, String::from("date,nav,ret\n"), String::from("date,fund\n"));
    let mut day = jiff::civil::date(2023, 1, 3);
    let mut i = 0;
    while day < jiff::civil::date(2025, 1, 1) {
        let step = 0.01 * (f64::from(i) * 1.7).sin() + 0.0004;
        level *= 1.0 + step;
        rows.push_str(&format!("{day},{level},{step}\n"));
        if day.tomorrow().unwrap().month() != day.month() {
            months.push_str(&format!("{day},{level}\n"));
        }
        (day, i) = (day.tomorrow().unwrap(), i + 1);
    }
    std::fs::write(files.path().join("fund.csv"), rows).unwrap();
    std::fs::write(files.path().join("months.csv"), months).unwrap();
    let desk = with_files(files.path()).await;
    let ask = |series: &str| json!({"series": series, "start_date": START, "end_date": END});
    let nav = desk.ok("test_regime_change", ask("file:fund.csv#nav")).await;
    assert_eq!(nav["provenance"]["own_series"][0]["from"], "fund.csv");
    let ret = desk.ok("test_regime_change", ask("returns:file:fund.csv#ret")).await;
    assert!((number(&nav["n_observations"]) - number(&ret["n_observations"])).abs() <= 1.0);
    let monthly = desk
        .ok("bootstrap_alpha", json!({"series": "file:months.csv#fund", "benchmark": "SPY", "start_date": START, "end_date": END, "replicates": 199}))
        .await;
    assert_eq!((&monthly["periods_per_year"], &monthly["n_observations"]), (&json!(12.0), &json!(23)), "{monthly}");
    let text = desk.refused("test_regime_change", ask("file:fund.csv")).await;
    assert!(text.contains("file:PATH#COLUMN"), "{text}");
    let text = desk.refused("test_regime_change", ask("file:/etc/passwd#x")).await;
    assert!(text.contains("folders this server may read"), "{text}");
}

#[tokio::test]
async fn an_own_backtest_is_a_series_through_the_door() {
    let flags = ["--toolsets", "all", "--data-folder", MARKET.path().to_str().unwrap()];
    let session = Session::with(&flags, qc_sim::SimOptions::default()).await;
    let project = seed::PAIR_PROJECT_ID;
    let compile = session.ok("compile_project", json!({"project_id": project})).await;
    let arguments = json!({"project_id": project, "compile_id": compile["compile_id"], "backtest_name": "first run"});
    let id = session.ok("create_backtest", arguments).await["backtest_id"].as_str().unwrap().to_owned();
    for _ in 0..100 {
        session.sim.clock().advance(Duration::from_secs(5));
        let read = session.ok("read_backtest", json!({"project_id": project, "backtest_id": id})).await;
        if read["status"] == "completed" && read.get("statistics").is_some() {
            break;
        }
    }
    let ask = |series: String| json!({"series": series, "benchmark": "SPY", "start_date": "2022-12-01", "end_date": END, "replicates": 199});
    for series in [format!("qc://backtests/{project}/{id}"), "backtest:Pair of Staples/latest".to_owned()] {
        let found = session.ok("bootstrap_alpha", ask(series)).await;
        assert_eq!(found["provenance"]["own_series"][0]["from"], json!(format!("qc://backtests/{project}/{id}")));
        assert!(400.0 < number(&found["n_observations"]), "{found}");
    }
    assert!(!session.sim.journal().of("backtests/chart/read").is_empty());
    let text = session.err("bootstrap_alpha", ask(format!("qc://backtests/{project}/nobody"))).await;
    assert!(text.contains("hint:"), "{text}");
}

/// statsmodels' figures of one regression against an answer.
fn compare(exposure: &Value, expected: &Value, names: &[&str], year: f64) {
    let list = |name: &str, i: usize| number(&expected[name][i]);
    // Both solve the same equations by QR in double precision.
    const CLOSE: f64 = 1e-8;
    assert_eq!(exposure["n_observations"], expected["rows"], "{exposure}");
    assert_eq!(exposure["newey_west_lags"], expected["lags"]);
    close(&exposure["alpha"], list("coefficients", 0) * year, CLOSE);
    close(&exposure["alpha_std_error"], list("std_errors", 0) * year, CLOSE);
    close(&exposure["alpha_t_statistic"], list("t", 0), CLOSE);
    close(&exposure["alpha_pvalue"], list("p", 0), CLOSE);
    close(&exposure["r_squared"], number(&expected["r2"]), CLOSE);
    for (i, name) in names.iter().enumerate() {
        let beta = &exposure["betas"][*name];
        close(&beta["beta"], list("coefficients", i + 1), CLOSE);
        close(&beta["std_error"], list("std_errors", i + 1), CLOSE);
        close(&beta["t_statistic"], list("t", i + 1), CLOSE);
        assert!((number(&beta["pvalue"]) - list("p", i + 1)).abs() < 1e-10);
    }
}

#[tokio::test]
async fn factor_exposures_are_those_of_statsmodels() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/factors");
    let expected: Value = serde_json::from_slice(&std::fs::read(golden.join("expected.json")).unwrap()).unwrap();
    let desk = with_files(&golden).await;
    let ask = |factors: &str, more: Value| {
        let mut ask = json!({"series": "file:fund.csv#FUND", "factors": factors, "start_date": "2015-01-01", "end_date": "2019-12-31", "chart": true});
        more.as_object().unwrap().iter().for_each(|(name, value)| ask[name] = value.clone());
        ask
    };
    let both = ["Mkt-RF", "SMB"];
    let (daily, png) = desk.drawn("calculate_factor_exposures", ask("daily.csv", json!({}))).await;
    compare(&daily["exposures"][0], &expected["daily"], &both, 252.0);
    assert!(png.is_some() && daily["factor_file"]["layout"] == "ken_french");
    let three = desk.ok("calculate_factor_exposures", ask("daily.csv", json!({"lags": 3}))).await;
    compare(&three["exposures"][0], &expected["daily_3_lags"], &both, 252.0);
    let monthly = desk.ok("calculate_factor_exposures", ask("monthly.csv", json!({}))).await;
    compare(&monthly["exposures"][0], &expected["monthly"], &both, 12.0);
    assert_eq!(monthly["exposures"][0]["rows_without_a_factor"], 1, "-99.99 is no number");
    assert!(monthly["factor_file"]["notes"][0].as_str().unwrap().contains("annual"));
    let quality = desk.ok("calculate_factor_exposures", ask("aqr.csv", json!({"factor_names": ["USA"]}))).await;
    compare(&quality["exposures"][0], &expected["aqr_usa_without_rate"], &["USA"], 12.0);
    assert_eq!(quality["factor_file"]["layout"], "aqr");
    let text = desk.refused("calculate_factor_exposures", ask("aqr.csv", json!({"factor_names": ["EUR"]}))).await;
    assert!(text.contains("Global"), "{text}");
}

#[tokio::test]
async fn factors_that_look_like_percent_are_asked_about_and_frequencies_must_meet() {
    let files = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/factors");
    std::fs::copy(golden.join("daily.csv"), files.path().join("daily.csv")).unwrap();
    let (mut own, mut months) = (String::from("date,value\n"), String::from("date,fund\n"));
    for i in 0..730 {
        let day = jiff::civil::date(2023, 1, 1).checked_add(jiff::Span::new().days(i)).unwrap();
        own.push_str(&format!("{day},{:.4}\n", (i as f64 * 0.9).sin()));
        if day.day() == 28 {
            months.push_str(&format!("{day},{:.3}\n", 100.0 + i as f64));
        }
    }
    std::fs::write(files.path().join("own.csv"), own).unwrap();
    std::fs::write(files.path().join("months.csv"), months).unwrap();
    let desk = with_files(files.path()).await;
    let ask = |more: Value| {
        let mut ask = json!({"symbols": ["KO", "MSFT"], "factors": "own.csv", "start_date": START, "end_date": END});
        more.as_object().unwrap().iter().for_each(|(name, value)| ask[name] = value.clone());
        ask
    };
    let text = desk.refused("calculate_factor_exposures", ask(json!({}))).await;
    assert!(text.contains("factor_unit=percent"), "{text}");
    let percent = desk.ok("calculate_factor_exposures", ask(json!({"factor_unit": "percent"}))).await;
    let fraction = desk.ok("calculate_factor_exposures", ask(json!({"factor_unit": "fraction"}))).await;
    assert_eq!(percent["exposures"].as_array().unwrap().len(), 2);
    let beta = |answer: &Value| number(&answer["exposures"][0]["betas"]["value"]["beta"]);
    assert!((beta(&percent) - 100.0 * beta(&fraction)).abs() < 1e-9 * beta(&percent).abs().max(1.0));
    let text = desk
        .refused("calculate_factor_exposures", json!({"series": "file:months.csv#fund", "factors": "own.csv", "factor_unit": "percent", "start_date": START, "end_date": END}))
        .await;
    assert!(text.contains("give the monthly file"), "{text}");
    let text = desk.refused("calculate_factor_exposures", ask(json!({"factors": "daily.csv"}))).await;
    assert!(text.contains("the factors are of 2015-01-01 to 2019-12-31"), "{text}");
    let text = desk.refused("calculate_factor_exposures", ask(json!({"series": "KO"}))).await;
    assert!(text.contains("one of the two"), "{text}");
}
