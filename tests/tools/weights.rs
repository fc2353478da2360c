//! Weights, choices and pairs through the tools: figures against formulas written out here, conditions that cannot hold
//! refused with their numbers.

use serde_json::{Value, json};

use crate::research::{Desk, MARKET, close, number, over};

const START: &str = "2022-01-01";
const END: &str = "2024-12-31";

/// Closes of a symbol, row by row, as get_history has them.
async fn closes(desk: &Desk, symbols: &[&str]) -> Vec<Vec<f64>> {
    let mut ask = over(symbols, START, END);
    ask["fill_forward"] = json!(false);
    let bars = desk.ok("get_history", ask).await;
    let bars = desk.kept(&bars).await;
    let of = |symbol: &&str| bars["result"][*symbol]["close"].as_array().unwrap().iter().map(number).collect();
    symbols.iter().map(of).collect()
}

fn returns(closes: &[f64]) -> Vec<f64> {
    closes.windows(2).map(|two| two[1] / two[0] - 1.0).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn cov(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / (x.len() as f64 - 1.0)
}

#[tokio::test]
async fn equal_weights_left_alone_daily_and_monthly_are_three_results() {
    let desk = Desk::synthetic().await;
    let prices = closes(&desk, &["KO", "MSFT"]).await;
    let mut ask = over(&["KO", "MSFT"], START, END);
    ask["rebalance_frequency"] = json!("none");
    let alone = desk.ok("optimize_equal_weight_portfolio", ask.clone()).await;
    let growth = |p: &[f64]| p.last().unwrap() / p[0];
    let expected = 0.5 * growth(&prices[0]) + 0.5 * growth(&prices[1]) - 1.0;
    close(&alone["performance_metrics"]["total_return"], expected, 1e-10);
    close(&alone["contributions"]["KO"], 0.5 * (growth(&prices[0]) - 1.0), 1e-10);
    ask["rebalance_frequency"] = json!("daily");
    let daily = desk.ok("optimize_equal_weight_portfolio", ask.clone()).await;
    let (a, b) = (returns(&prices[0]), returns(&prices[1]));
    let expected: f64 = a.iter().zip(&b).map(|(a, b)| 1.0 + 0.5 * (a + b)).product::<f64>() - 1.0;
    close(&daily["performance_metrics"]["total_return"], expected, 1e-10);
    ask["rebalance_frequency"] = json!("monthly");
    ask["cost_bps"] = json!(10);
    let monthly = desk.ok("optimize_equal_weight_portfolio", ask.clone()).await;
    // Three years have 36 month ends; at the last row nothing is traded.
    assert_eq!(monthly["n_rebalances"], 35);
    assert!(number(&monthly["turnover"]) < number(&daily["turnover"]) && 0.0 < number(&monthly["costs"]));
    let parts: f64 = monthly["contributions"].as_object().unwrap().values().map(number).sum();
    let total = number(&monthly["performance_metrics"]["total_return"]);
    assert!((parts + number(&monthly["contribution_of_costs"]) - total).abs() < 1e-10);
    close(&monthly["buy_and_hold_total_return"], number(&alone["performance_metrics"]["total_return"]), 1e-12);
    ask["cost_bps"] = json!(-1);
    assert!(desk.refused("optimize_equal_weight_portfolio", ask).await.contains("-1"));
}

#[tokio::test]
async fn weights_of_two_assets_equal_their_closed_forms() {
    let desk = Desk::synthetic().await;
    let prices = closes(&desk, &["KO", "MSFT"]).await;
    let (a, b) = (returns(&prices[0]), returns(&prices[1]));
    let (va, vb, vab) = (cov(&a, &a), cov(&b, &b), cov(&a, &b));
    let mut ask = over(&["KO", "MSFT"], START, END);
    ask["method"] = json!("min_variance, risk_parity, hrp, min_cvar");
    let found = desk.ok("optimize_portfolio", ask.clone()).await;
    let weight = |method: &str| found["methods"][method]["optimized_weights"]["KO"].clone();
    close(&weight("min_variance"), ((vb - vab) / (va + vb - 2.0 * vab)).clamp(0.0, 1.0), 1e-8);
    close(&weight("risk_parity"), vb.sqrt() / (va.sqrt() + vb.sqrt()), 1e-8);
    close(&weight("hrp"), vb / (va + vb), 1e-8);
    // Brute force: no weight on a grid has a smaller tail loss.
    let shortfall = |w: f64| {
        let mut r: Vec<f64> = a.iter().zip(&b).map(|(a, b)| w * a + (1.0 - w) * b).collect();
        r.sort_by(f64::total_cmp);
        let tail = 0.05 * r.len() as f64;
        let whole = (tail + 1e-12).floor() as usize;
        -(r[..whole].iter().sum::<f64>() + (tail - whole as f64) * r[whole]) / tail
    };
    let best = number(&found["methods"]["min_cvar"]["conditional_value_at_risk"]);
    close(&json!(shortfall(number(&weight("min_cvar")))), best, 1e-9);
    assert!((0..=200).all(|i| best <= shortfall(f64::from(i) / 200.0) + 1e-9));
    // One method alone stands at the top.
    ask["method"] = json!("min_variance");
    let alone = desk.ok("optimize_portfolio", ask).await;
    assert_eq!(alone["optimized_weights"], found["methods"]["min_variance"]["optimized_weights"]);
}

#[tokio::test]
async fn books_sum_to_their_halves_without_beta_and_stay_near_a_start() {
    let desk = Desk::synthetic().await;
    let symbols = ["KO", "PEP", "MSFT", "GOOGL", "AMZN", "PG"];
    let mut ask = over(&symbols, START, END);
    ask["method"] = json!("min_cvar");
    ask["short_symbols"] = json!(["KO", "MSFT", "PG"]);
    ask["beta_neutral_to"] = json!("SPY");
    let found = desk.ok("optimize_portfolio", ask.clone()).await;
    assert!(number(&found["net_exposure"]).abs() < 1e-7 && (number(&found["gross_exposure"]) - 2.0).abs() < 1e-7);
    assert!(number(&found["beta"]).abs() < 1e-6, "{}", found["beta"]);
    let weights = found["optimized_weights"].as_object().unwrap();
    assert!(["KO", "MSFT", "PG"].iter().all(|symbol| number(&weights[*symbol]) <= 1e-9));
    let mut near = over(&symbols, START, END);
    near["method"] = json!("min_cvar");
    near["start_from"] = json!("hrp");
    near["max_deviation"] = json!(0.03);
    let near = desk.ok("optimize_portfolio", near).await;
    let start = desk.ok("optimize_portfolio", over(&symbols, START, END)).await;
    for symbol in symbols {
        let (w, h) = (number(&near["optimized_weights"][symbol]), number(&start["optimized_weights"][symbol]));
        assert!((w - h).abs() < 0.03 + 1e-7, "{symbol}: {w} against {h}");
    }
    // A book that is longer than it is short, near the calmest books of the same sides.
    ask["beta_neutral_to"] = Value::Null;
    (ask["gross"], ask["net"], ask["max_weight"]) = (json!(1.6), json!(0.4), json!(0.7));
    let long = desk.ok("optimize_portfolio", ask.clone()).await;
    close(&long["net_exposure"], 0.4, 1e-7);
    close(&long["gross_exposure"], 1.6, 1e-7);
    assert_eq!(long["bounds"], json!({"min_weight": -0.7, "max_weight": 0.7}));
    ask["max_deviation"] = json!(0.05);
    let near = desk.ok("optimize_portfolio", ask.clone()).await;
    (ask["max_deviation"], ask["method"]) = (Value::Null, json!("min_variance"));
    let start = desk.ok("optimize_portfolio", ask.clone()).await;
    for symbol in symbols {
        let (w, h) = (number(&near["optimized_weights"][symbol]), number(&start["optimized_weights"][symbol]));
        assert!((w - h).abs() < 0.05 + 1e-7, "{symbol}: {w} against {h}");
    }
    (ask["start_from"], ask["max_deviation"]) = (json!("hrp"), json!(0.05));
    assert!(desk.refused("optimize_portfolio", ask.clone()).await.contains("knows no short book"));
    (ask["start_from"], ask["max_deviation"]) = (Value::Null, Value::Null);
    ask["net"] = json!(1.6);
    let text = desk.refused("optimize_portfolio", ask.clone()).await;
    assert!(text.contains("net exposure must lie between -1.6 and 1.6, found 1.6"), "{text}");
    let mut alone = over(&symbols, START, END);
    alone["net"] = json!(0.4);
    assert!(desk.refused("optimize_portfolio", alone).await.contains("name short_symbols"));
    ask["short_symbols"] = json!(["TSLA"]);
    assert!(desk.refused("optimize_portfolio", ask).await.contains("TSLA"));
}

#[tokio::test]
async fn the_best_ratio_under_a_volatility_is_the_best_ratio_where_that_does_not_bind() {
    let desk = Desk::synthetic().await;
    let symbols = ["KO", "MSFT", "PG", "GOOGL"];
    let found = async |target: Option<f64>| {
        let mut ask = over(&symbols, START, END);
        ask["method"] = json!("max_sharpe");
        if let Some(target) = target {
            ask["target_volatility"] = json!(target);
        }
        desk.ok("optimize_portfolio", ask).await
    };
    let free = found(None).await;
    let loose = found(Some(1.0)).await;
    assert_eq!(loose["optimized_weights"], free["optimized_weights"]);
    let volatility = number(&free["volatility"]);
    let tight = found(Some(0.97 * volatility)).await;
    close(&tight["volatility"], 0.97 * volatility, 1e-6);
    assert!(number(&tight["sharpe_ratio"]) <= number(&free["sharpe_ratio"]) + 1e-9);
}

#[tokio::test]
async fn conditions_that_cannot_hold_are_refused_with_numbers() {
    let desk = Desk::synthetic().await;
    let with = |name: &str, value: Value| {
        let mut ask = over(&["KO", "MSFT", "PG"], START, END);
        ask["method"] = json!("min_variance");
        ask[name] = value;
        ask
    };
    let text = desk.refused("optimize_portfolio", with("max_weight", json!(0.2))).await;
    assert!(text.contains("0.2") && text.contains("3 assets"), "{text}");
    let text = desk.refused("optimize_portfolio", with("method", json!("markowitz"))).await;
    assert!(text.contains("min_variance"), "{text}");
    let mut tight = with("method", json!("min_cvar"));
    tight["target_volatility"] = json!(0.0001);
    let text = desk.refused("optimize_portfolio", tight).await;
    assert!(text.contains("exclude each other"), "{text}");
    assert!(desk.refused("optimize_portfolio", with("confidence", json!(1.5))).await.contains("confidence"));
    let mut calm = with("method", json!("max_sharpe"));
    calm["target_volatility"] = json!(0.0001);
    let text = desk.refused("optimize_portfolio", calm).await;
    assert!(text.contains("target_volatility=0.0001 a year") && text.contains("252 bars a year"), "{text}");
    // What would have no effect is no argument.
    assert!(desk.refused("optimize_portfolio", with("start_from", json!("hrp"))).await.contains("max_deviation"));
    let mut books = with("min_weight", json!(0.05));
    books["method"] = json!("min_cvar");
    books["short_symbols"] = json!(["KO"]);
    assert!(desk.refused("optimize_portfolio", books).await.contains("min_weight"));
}

#[tokio::test]
async fn few_assets_follow_an_index_and_the_figures_are_those_of_the_weights() {
    let desk = Desk::synthetic().await;
    let symbols = ["KO", "PEP", "MSFT", "GOOGL", "AMZN", "PG", "JPM"];
    let ask = json!({"portfolio_symbols": symbols, "benchmark_symbol": "spy", "start_date": START, "end_date": END, "max_weight": 0.5});
    let found = desk.ok("sparse_optimization", ask.clone()).await;
    let weights = found["optimized_weights"].as_object().unwrap();
    let sum: f64 = weights.values().map(number).sum();
    assert!((sum - 1.0).abs() < 1e-9 && weights.values().all(|w| number(w) <= 0.5 + 1e-9));
    let all: Vec<&str> = symbols.iter().copied().chain(["SPY"]).collect();
    let r: Vec<Vec<f64>> = closes(&desk, &all).await.iter().map(|p| returns(p)).collect();
    let fitted = found["in_sample"]["rows"].as_u64().unwrap() as usize;
    let behind = |row: usize| -> f64 {
        let own: f64 = symbols.iter().zip(&r).map(|(s, r)| weights.get(*s).map_or(0.0, number) * r[row]).sum();
        r[symbols.len()][row] - own
    };
    let n_out = r[0].len() - fitted;
    let out: Vec<f64> = (fitted..r[0].len()).map(behind).collect();
    assert_eq!(found["hold_out"]["rows"], n_out);
    close(&found["tracking_error"], cov(&out, &out).sqrt() * 252f64.sqrt(), 1e-8);
    let huber = |e: f64| {
        if e <= 0.0 {
            0.0
        } else if e <= 1e-4 {
            e * e
        } else {
            1e-4 * (2.0 * e - 1e-4)
        }
    };
    let loss = (0..fitted).map(|row| huber(behind(row))).sum::<f64>() / fitted as f64;
    close(&found["objective"]["loss"], loss, 1e-8);
    // A price far above any loss decides alone, and the answer says so.
    let mut dear = ask.clone();
    dear["lambda_param"] = json!(10.0);
    let dear = desk.ok("sparse_optimization", dear).await;
    assert!(dear["cautions"][0].as_str().unwrap().contains("drowns the loss"));
    let mut itself = ask.clone();
    itself["benchmark_symbol"] = json!("KO");
    assert!(desk.refused("sparse_optimization", itself).await.contains("KO"));
    let mut tight = ask;
    tight["max_weight"] = json!(0.1);
    assert!(
        desk.refused("sparse_optimization", tight).await.contains("0.1"),
        "7 assets of a tenth do not make a whole"
    );
}

#[tokio::test]
async fn the_chosen_set_is_the_best_of_all_sets() {
    let desk = Desk::synthetic().await;
    let symbols = ["KO", "PEP", "MSFT", "GOOGL", "AMZN", "PG"];
    let mut ask = over(&symbols, START, END);
    ask["num_assets"] = json!(3);
    let found = desk.ok("select_uncorrelated_assets", ask.clone()).await;
    let r: Vec<Vec<f64>> = closes(&desk, &symbols).await.iter().map(|p| returns(p)).collect();
    let rho = |i: usize, j: usize| (cov(&r[i], &r[j]) / (cov(&r[i], &r[i]) * cov(&r[j], &r[j])).sqrt()).abs();
    let mut best = (f64::INFINITY, vec![]);
    for i in 0..6 {
        for j in i + 1..6 {
            for k in j + 1..6 {
                let value = (rho(i, j) + rho(i, k) + rho(j, k)) / 3.0;
                if value < best.0 {
                    best = (value, vec![symbols[i], symbols[j], symbols[k]]);
                }
            }
        }
    }
    assert_eq!(found["selected_assets"], json!(best.1));
    close(&found["avg_abs_correlation"], best.0, 1e-10);
    ask["num_assets"] = json!(9);
    assert!(desk.refused("select_uncorrelated_assets", ask).await.contains('9'));
}

#[tokio::test]
async fn a_screen_measures_and_gives_the_reason_of_each_failure() {
    let desk = Desk::synthetic().await;
    let r: Vec<Vec<f64>> = closes(&desk, &["KO", "MSFT", "SPY"]).await.iter().map(|p| returns(p)).collect();
    let volatility = |r: &[f64]| cov(r, r).sqrt() * 252f64.sqrt();
    let between = 0.5 * (volatility(&r[0]) + volatility(&r[1]));
    let mut ask = over(&["KO", "MSFT"], START, END);
    ask["max_volatility"] = json!(between);
    let found = desk.ok("screen_assets_by_criteria", ask.clone()).await;
    let calmer = if volatility(&r[0]) < volatility(&r[1]) { "KO" } else { "MSFT" };
    assert_eq!(found["passed_assets"], json!([calmer]));
    close(&found["assets"][0]["volatility"], volatility(&r[0]), 1e-10);
    let other = if calmer == "KO" { 1 } else { 0 };
    assert!(found["assets"][other]["failed"][0].as_str().unwrap().starts_with("volatility"));
    ask["max_correlation"] = json!(0.9);
    assert!(desk.refused("screen_assets_by_criteria", ask.clone()).await.contains("benchmark_symbol"));
    ask["benchmark_symbol"] = json!("SPY");
    let found = desk.ok("screen_assets_by_criteria", ask).await;
    let rho = cov(&r[0], &r[2]) / (cov(&r[0], &r[0]) * cov(&r[2], &r[2])).sqrt();
    close(&found["assets"][0]["correlation"], rho, 1e-10);
    let none = over(&["KO"], START, END);
    assert!(desk.refused("screen_assets_by_criteria", none).await.contains("no criterion"));
}

/// Raw levels of the last day, and facts by the day they were known: a row published later is not seen.
#[tokio::test]
async fn a_screen_takes_raw_prices_and_facts_as_they_were_known() {
    let folder = tempfile::tempdir().unwrap();
    let facts = "symbol,available_date,sector,cap\nKO,2015-01-01,Staples,1e9\nKO,2099-01-01,Energy,9e9\nMSFT,2015-01-01,Tech,5e9\nZZZZ,2015-01-01,Staples,5e9\n";
    std::fs::write(folder.path().join("facts.csv"), facts).unwrap();
    let roots = folder.path().to_str().unwrap();
    let desk = Desk::with(&["--data-folder", MARKET.path().to_str().unwrap(), "--file-roots", roots]).await;
    let mut ask = over(&["KO", "MSFT"], START, END);
    ask["min_price"] = json!(0.0);
    let found = desk.ok("screen_assets_by_criteria", ask.clone()).await;
    assert_eq!(found["n_passed"], 2, "{found}");
    let price = number(&found["assets"][0]["price"]);
    let volume = number(&found["assets"][0]["dollar_volume"]);
    assert!(0.0 < price && price < volume);
    ask["min_price"] = json!(price * 1.000_001);
    let found = desk.ok("screen_assets_by_criteria", ask.clone()).await;
    assert!(found["assets"][0]["failed"][0].as_str().unwrap().starts_with("price"), "{found}");
    (ask["min_price"], ask["min_dollar_volume"]) = (Value::Null, json!(volume * 1.000_001));
    let found = desk.ok("screen_assets_by_criteria", ask.clone()).await;
    assert!(found["assets"][0]["failed"][0].as_str().unwrap().starts_with("dollar volume"), "{found}");
    // By the file alone: the later row of KO is not known yet, and ZZZZ has no prices.
    let path = folder.path().join("facts.csv");
    let mut ask = json!({"start_date": START, "end_date": END, "attributes": path.to_str().unwrap()});
    ask["attribute_filters"] = json!(["sector = Staples"]);
    let found = desk.ok("screen_assets_by_criteria", ask.clone()).await;
    assert_eq!(found["passed_assets"], json!(["KO"]), "{found}");
    assert_eq!(found["n_screened"], 3);
    ask["attribute_filters"] = json!(["sector = Energy"]);
    assert!(desk.refused("screen_assets_by_criteria", ask.clone()).await.contains("none of 3 symbols"));
    ask["attribute_filters"] = json!(["size > 3"]);
    assert!(desk.refused("screen_assets_by_criteria", ask.clone()).await.contains("no column `size`"));
    ask["attributes"] = Value::Null;
    assert!(desk.refused("screen_assets_by_criteria", ask).await.contains("need attributes"));
}

#[tokio::test]
async fn trades_of_a_pair_add_up_and_never_look_ahead() {
    let desk = Desk::synthetic().await;
    let ask = json!({"symbol1": "KO", "symbol2": "PEP", "fit_start": "2015-01-01", "fit_end": "2019-12-31",
        "start_date": "2020-01-01", "end_date": "2024-12-31", "entry_z": 1.5, "max_holding": "3*half_life"});
    let found = desk.ok("backtest_pairs_strategy", ask.clone()).await;
    let total = number(&found["performance_metrics"]["total_return"]);
    let kept = desk.kept(&found).await;
    let trades = kept["result"]["trades"].as_array().unwrap();
    assert_eq!(trades.len() as u64, found["n_trades"].as_u64().unwrap());
    assert!(3 < trades.len(), "a cointegrated pair trades in five years");
    let profits: f64 = trades.iter().map(|trade| number(&trade["profit"])).sum();
    assert!((profits - total).abs() < 1e-9, "{profits} {total}");
    let part = &found["attribution"][0];
    let parts = number(&part["leg_symbol1"]) + number(&part["leg_symbol2"]) + number(&part["costs"]);
    assert!((parts - total).abs() < 1e-9 && number(&part["costs"]) < 0.0);
    // A signal is filled on a later day, and the relation is that of the fit window alone.
    assert!(trades.iter().all(|trade| trade["signal"].as_str() < trade["opened"].as_str()));
    let test = desk
        .ok(
            "test_cointegration",
            json!({"symbol1": "KO", "symbol2": "PEP", "start_date": "2015-01-01", "end_date": "2019-12-31"}),
        )
        .await;
    close(&found["fit"][0]["hedge_ratio"], -number(&test["cointegrating_vector"]["PEP"]), 1e-10);
    let mut same = ask.clone();
    same["fill"] = json!("same_close");
    let same = desk.ok("backtest_pairs_strategy", same).await;
    assert!(same["summary"].as_str().unwrap().contains("OPTIMISTIC") && same["optimistic"] == true);
    let mut far = ask.clone();
    (far["entry_z"], far["stop_z"]) = (json!(50), json!(60));
    let far = desk.ok("backtest_pairs_strategy", far).await;
    assert_eq!((&far["n_trades"], &far["performance_metrics"]["total_return"]), (&json!(0), &json!(0.0)));
    let mut ahead = ask.clone();
    ahead["fit_end"] = json!("2020-01-01");
    assert!(desk.refused("backtest_pairs_strategy", ahead).await.contains("looks ahead"));
    assert!(far["summary"].as_str().unwrap().starts_with("Nothing was traded"), "{far}");
    // A year of trading after five of fitting: refits learn from the fit window, so trading begins at once.
    let mut short = ask.clone();
    (short["refit"], short["end_date"]) = (json!(20), json!("2020-12-31"));
    let short = desk.ok("backtest_pairs_strategy", short).await;
    assert_eq!(short["fit_rows"], found["fit_rows"]);
    assert!(number(&short["n_trades"]) > 0.0, "{short}");
    assert!(short["trades"][0]["signal"].as_str().unwrap() < "2020-04-01", "no second warm-up: {short}");
    let mut moving = ask;
    moving["hedge"] = json!("kalman");
    desk.ok("backtest_pairs_strategy", moving).await;
}
