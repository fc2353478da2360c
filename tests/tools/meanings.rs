//! What a name means: one security under two names, two under one, other arguments than `symbols`, members without bars.

use serde_json::{Value, json};

use crate::research::{Desk, close, number, over};

const START: &str = "2022-01-01";
const END: &str = "2024-12-31";

async fn sample() -> Option<Desk> {
    Some(Desk::over(&support::paths::shared("data/lean")?).await)
}

fn with(mut ask: Value, more: &[(&str, Value)]) -> Value {
    for (name, value) in more {
        ask[*name] = value.clone();
    }
    ask
}

#[tokio::test]
async fn a_benchmark_takes_every_form_of_a_symbol() {
    let desk = Desk::synthetic().await;
    desk.ok("save_symbol_list", json!({"name": "market", "symbols": ["SPY"]})).await;
    desk.ok("save_symbol_list", json!({"name": "two", "symbols": ["SPY", "PG"]})).await;
    let ask = with(over(&["KO", "MSFT"], START, END), &[("weights", json!([0.5, 0.5]))]);
    let plain =
        desk.ok("calculate_portfolio_performance", with(ask.clone(), &[("benchmark_symbol", json!("spy"))])).await;
    for form in ["equity:SPY", "list:market"] {
        let found =
            desk.ok("calculate_portfolio_performance", with(ask.clone(), &[("benchmark_symbol", json!(form))])).await;
        assert_eq!(found["benchmark_comparison"], plain["benchmark_comparison"], "{form}");
    }
    let many =
        desk.refused("calculate_portfolio_performance", with(ask, &[("benchmark_symbol", json!("list:two"))])).await;
    assert!(many.contains("benchmark_symbol must be one symbol, found a form that stands for 2"), "{many}");

    let books = with(
        over(&["KO", "PEP", "MSFT", "PG"], START, END),
        &[
            ("method", json!("min_cvar")),
            ("short_symbols", json!(["equity:KO", "PG"])),
            ("beta_neutral_to", json!("equity:SPY")),
        ],
    );
    let found = desk.ok("optimize_portfolio", books).await;
    assert!(number(&found["beta"]).abs() < 1e-6 && number(&found["optimized_weights"]["KO"]) <= 1e-9, "{found}");
    let itself = with(
        json!({"portfolio_symbols": ["KO", "SPY"], "start_date": START, "end_date": END}),
        &[("benchmark_symbol", json!("equity:SPY"))],
    );
    assert!(desk.refused("sparse_optimization", itself).await.contains("would follow itself"));
}

#[tokio::test]
async fn a_benchmark_is_what_the_workbook_or_the_type_says() {
    let Some(desk) = sample().await else { return };
    let ask = |benchmark: &str| {
        with(
            over(&["AAPL"], "2007-01-03", "2007-12-31"),
            &[("weights", json!([1])), ("benchmark_symbol", json!(benchmark))],
        )
    };
    let typed = desk.ok("calculate_portfolio_performance", ask("forex:EURUSD")).await;
    desk.ok("add_security", json!({"symbol": "EURUSD", "security_type": "forex", "market": "oanda"})).await;
    let held = desk.ok("calculate_portfolio_performance", ask("EURUSD")).await;
    assert_eq!(held["benchmark_comparison"], typed["benchmark_comparison"]);
    assert!(held["provenance"]["notes"].to_string().contains("EURUSD means forex of oanda"), "{}", held["provenance"]);
    // A share of the same name would be another security.
    let both = with(ask("forex:EURUSD"), &[("symbols", json!(["equity:EURUSD"]))]);
    assert!(desk.refused("calculate_portfolio_performance", both).await.contains("another security than EURUSD"));
}

#[tokio::test]
async fn one_security_under_two_names_counts_once() {
    // FB became META in 2022.
    let desk = Desk::synthetic().await;
    let twice = desk.refused("calculate_correlation_matrix", over(&["FB", "META"], START, END)).await;
    assert!(twice.contains("FB and META are the same security"), "{twice}");
    desk.ok("save_symbol_list", json!({"name": "new", "symbols": ["META", "PEP"]})).await;
    desk.ok("save_symbol_list", json!({"name": "old", "symbols": ["FB", "MSFT"]})).await;
    let found = desk.ok("optimize_equal_weight_portfolio", over(&["list:new", "list:old"], "2024-01-02", END)).await;
    let names: Vec<&String> = found["contributions"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["META", "PEP", "MSFT"]);
    let notes = found["provenance"]["notes"].to_string();
    assert!(notes.contains("META and FB are one security: it counts once, as META"), "{notes}");
    // A benchmark under its other name is the asset itself.
    let itself =
        json!({"portfolio_symbols": ["META", "PEP"], "benchmark_symbol": "FB", "start_date": START, "end_date": END});
    assert!(desk.refused("sparse_optimization", itself).await.contains("would follow itself"));
}

#[tokio::test]
async fn a_fund_and_its_member_may_stand_in_either_order() {
    let desk = Desk::synthetic().await;
    let known = crate::symbols::first_file("qqq").1;
    let form = format!("etf:QQQ@{known}");
    let of = |answer: &Value| {
        let mut names: Vec<String> =
            answer["symbols"].as_array().unwrap().iter().map(|s| s["symbol"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let before = desk.ok("get_history", over(&["MSFT", &form], "2016-01-04", "2016-01-08")).await;
    let after = desk.ok("get_history", over(&[&form, "MSFT"], "2016-01-04", "2016-01-08")).await;
    assert_eq!(of(&before), of(&after));
    let twice = desk.refused("get_history", over(&[&form, "MSFT", "msft"], "2016-01-04", "2016-01-08")).await;
    assert!(twice.contains("MSFT is given more than once"), "{twice}");
}

#[tokio::test]
async fn members_without_bars_are_left_out_of_every_method() {
    let desk = Desk::synthetic().await;
    desk.ok("save_symbol_list", json!({"name": "mine", "symbols": ["KO", "PEP", "MSFT", "ZZZZ"]})).await;
    let ask = over(&["list:mine"], START, END);
    let says = |answer: &Value| {
        let notes = answer["provenance"]["notes"].to_string();
        assert!(notes.contains("left out: ZZZZ"), "{notes}");
    };
    says(&desk.ok("optimize_portfolio", ask.clone()).await);
    says(
        &desk
            .ok(
                "optimize_portfolio",
                with(ask.clone(), &[("method", json!("min_cvar")), ("short_symbols", json!(["KO", "ZZZZ"]))]),
            )
            .await,
    );
    says(&desk.ok("select_uncorrelated_assets", with(ask.clone(), &[("num_assets", json!(2))])).await);
    says(&desk.ok("screen_assets_by_criteria", with(ask.clone(), &[("max_volatility", json!(0.9))])).await);
    let sparse = json!({"portfolio_symbols": ["list:mine"], "benchmark_symbol": "SPY", "start_date": START, "end_date": END, "max_weight": 0.9});
    says(&desk.ok("sparse_optimization", sparse).await);
    let weights = with(ask, &[("weights", json!([0.3, 0.3, 0.2, 0.2]))]);
    let found = desk.ok("calculate_portfolio_performance", weights).await;
    says(&found);
    assert!(found["cautions"].to_string().contains("0.2000 in sum, are counted as cash"), "{}", found["cautions"]);
    close(&found["cash_weight"], 0.2, 1e-12);
}

#[tokio::test]
async fn both_sides_of_a_pair_take_every_form_of_a_symbol() {
    let desk = Desk::synthetic().await;
    let ask = |pairs: Value| {
        json!({"pairs": pairs, "fit_start": "2022-01-03", "fit_end": "2022-12-30", "start_date": "2023-01-03",
            "end_date": "2023-12-29"})
    };
    let plain = desk.ok("backtest_pairs_strategy", ask(json!(["KO/PEP", "MSFT/GOOGL"]))).await;
    let typed = desk.ok("backtest_pairs_strategy", ask(json!(["equity:KO/pep", "equity:usa:MSFT,GOOGL"]))).await;
    assert_eq!(typed["performance_metrics"], plain["performance_metrics"]);
    assert_eq!(typed["n_trades"], plain["n_trades"]);
    desk.ok("save_symbol_list", json!({"name": "two", "symbols": ["KO", "PG"]})).await;
    let many = desk.refused("backtest_pairs_strategy", ask(json!(["list:two/PEP"]))).await;
    assert!(many.contains("each side of a pair must be one symbol"), "{many}");
}

#[tokio::test]
async fn constituents_of_another_month_are_a_warning_of_the_answer() {
    let Some(desk) = sample().await else { return };
    // The newest file is of 2020-12-01: ten weekdays.
    let found =
        desk.ok("calculate_correlation_matrix", over(&["etf:SPY@2020-12-15"], "2020-06-01", "2020-12-01")).await;
    assert!(
        found["warnings"].to_string().contains("2020-12-01, 10 weekdays before 2020-12-15"),
        "{}",
        found["warnings"]
    );
}

#[tokio::test]
async fn contracts_that_have_expired_are_no_part_of_a_chain() {
    let Some(desk) = sample().await else { return };
    let ask = |day: &str| json!({"symbol": "SPY", "date": day});
    // Nine of the twenty contracts of 2024-01-08 expire on the 9th, on which they still trade.
    let on = desk.ok("get_chain", ask("2024-01-09")).await;
    assert_eq!((on["n_contracts"].as_u64(), on["n_expired"].as_u64()), (Some(20), Some(0)));
    // The newest file is of the 9th: 23 contracts, of which one expires after the 19th of January.
    let newest = desk.ok("get_chain", ask("2024-02-01")).await;
    assert_eq!((newest["n_contracts"].as_u64(), newest["n_expired"].as_u64()), (Some(1), Some(22)));
    assert_eq!(newest["expiries"], json!([["2024-09-30", 1]]));
    assert!(newest["warnings"].to_string().contains("22 contracts of the file had expired before 2024-02-01"));
    let old = desk.refused("get_chain", ask("2024-06-28")).await;
    assert!(old.contains("at most 60 are taken") && old.contains("allow_stale"), "{old}");
}
