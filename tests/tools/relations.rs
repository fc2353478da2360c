//! Screens of pairs, moving hedge ratios, breaks and alphas through the tools, against recursions and brute force
//! written out here.

use serde_json::{Value, json};

use crate::research::{Desk, close, number, over};

const START: &str = "2020-01-01";
const END: &str = "2024-12-31";

async fn closes(desk: &Desk, symbol: &str) -> Vec<f64> {
    let mut ask = over(&[symbol], START, END);
    ask["fill_forward"] = json!(false);
    let bars = desk.ok("get_history", ask).await;
    let bars = desk.kept(&bars).await;
    bars["result"][symbol]["close"].as_array().unwrap().iter().map(number).collect()
}

async fn returns(desk: &Desk, symbol: &str) -> Vec<f64> {
    closes(desk, symbol).await.windows(2).map(|two| two[1] / two[0] - 1.0).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn series(symbol: &str) -> Value {
    json!({"series": symbol, "start_date": START, "end_date": END})
}

/// The windows of a screen are those of calculate_correlation_matrix, and each aggregate is what it says.
#[tokio::test]
async fn rolling_distance_correlation_decides_by_last_median_least_or_share() {
    let desk = Desk::synthetic().await;
    let mut matrix = over(&["KO", "PEP"], "2018-01-01", END);
    (matrix["method"], matrix["rolling"]) = (json!("distance"), json!(60));
    let matrix = desk.ok("calculate_correlation_matrix", matrix).await;
    let kept = desk.kept(&matrix).await;
    let windows = kept["result"]["rolling"]["pairs"][0]["values"].as_array().unwrap();
    let mut values: Vec<f64> = windows.iter().map(number).collect();
    let last = *values.last().unwrap();
    let level = 0.5 * (last + values.iter().copied().fold(1.0, f64::min));
    let share = values.iter().filter(|value| level <= **value).count() as f64 / values.len() as f64;
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 { values[middle] } else { 0.5 * (values[middle - 1] + values[middle]) };
    for (aggregate, expected) in [("last", last), ("median", median), ("min", values[0]), ("share_above", share)] {
        let mut ask = over(&["KO", "PEP"], "2018-01-01", END);
        (ask["window"], ask["aggregate"]) = (json!("60d"), json!(aggregate));
        ask["min_distance_correlation"] = json!(level);
        let found = desk.ok("find_cointegrated_pairs", ask).await;
        let pair = found["pairs"].as_array().unwrap().first().unwrap_or(&found["nearest_misses"][0]);
        close(&pair["distance_correlation"], expected, 1e-7);
        assert_eq!(found["rolling_distance_correlation"]["n_windows"], values.len());
        let least = if aggregate == "share_above" { 0.5 } else { level };
        let left = found["funnel"][1]["left"].as_u64().unwrap();
        assert_eq!(left, u64::from(least <= expected), "{aggregate}: {found}");
    }
}

#[tokio::test]
async fn a_screen_finds_the_planted_pair_and_counts_what_it_asked() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO", "PEP", "MSFT", "AMZN"], "2015-01-01", END);
    ask["max_half_life"] = json!("250d");
    let found = desk.ok("find_cointegrated_pairs", ask.clone()).await;
    assert_eq!(found["n_pairs"], 6);
    let first = &found["pairs"][0];
    let mut names = [first["symbol1"].as_str().unwrap(), first["symbol2"].as_str().unwrap()];
    names.sort_unstable();
    assert_eq!(names, ["KO", "PEP"]);
    let test = desk
        .ok(
            "test_cointegration",
            json!({"symbol1": "KO", "symbol2": "PEP", "start_date": "2015-01-01", "end_date": END}),
        )
        .await;
    close(&first["pair_pvalue"], number(&test["pair_pvalue"]), 1e-9);
    // Holm: the smallest of six p-values counts six times.
    close(&first["p_holm"], (6.0 * number(&test["pair_pvalue"])).min(1.0), 1e-9);
    let funnel: Vec<u64> =
        found["funnel"].as_array().unwrap().iter().map(|step| step["left"].as_u64().unwrap()).collect();
    assert_eq!((funnel[0], *funnel.last().unwrap()), (6, found["n_passed"].as_u64().unwrap()));
    assert!(funnel.windows(2).all(|two| two[1] <= two[0]));
    assert!(found["nearest_misses"][0]["failed"].is_string());
    ask["max_half_life"] = json!("0.01bars");
    assert_eq!(desk.ok("find_cointegrated_pairs", ask.clone()).await["n_passed"], 0);
    ask["max_half_life"] = json!("soon");
    assert!(desk.refused("find_cointegrated_pairs", ask.clone()).await.contains("7d or 40bars"));
    ask["max_half_life"] = Value::Null;
    for (name, value) in [("min_distance_correlation", 5.0), ("max_hurst", -1.0)] {
        let mut ask = ask.clone();
        ask[name] = json!(value);
        let text = desk.refused("find_cointegrated_pairs", ask).await;
        assert!(text.contains(&format!("{name} must lie between 0 and 1, found {value}")), "{text}");
    }
    for wrong in [json!({"step": "5d"}), json!({"aggregate": "min"}), json!({"window": "60d"})] {
        let mut ask = ask.clone();
        ask.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert!(desk.refused("find_cointegrated_pairs", ask).await.contains("need"));
    }
    ask["symbols"] = json!(["KO"]);
    assert!(desk.refused("find_cointegrated_pairs", ask).await.contains("at least 2"));
}

#[tokio::test]
async fn a_hedge_ratio_that_moves_equals_the_filter_written_out() {
    let desk = Desk::synthetic().await;
    let mut ask = json!({"symbol1": "KO", "symbol2": "PEP", "start_date": START, "end_date": END});
    let estimated = desk.ok("estimate_kalman_hedge_ratio", ask.clone()).await;
    ask["delta"] = json!(1e-4);
    ask["observation_variance"] = json!(1e-3);
    let found = desk.ok("estimate_kalman_hedge_ratio", ask.clone()).await;
    let (y, x) = (closes(&desk, "KO").await, closes(&desk, "PEP").await);
    // From a slope and constant of 0 with variance 1, predict then update.
    let (q, r) = (1e-4 / (1.0 - 1e-4), 1e-3);
    let (mut b, mut a, mut p) = (0.0, 0.0, [[1.0, 0.0], [0.0, 1.0]]);
    for (y, x) in y.iter().zip(&x) {
        let (y, x) = (y.ln(), x.ln());
        p[0][0] += q;
        p[1][1] += q;
        let ph = [p[0][0] * x + p[0][1], p[1][0] * x + p[1][1]];
        let f = x * ph[0] + ph[1] + r;
        let e = y - b * x - a;
        let k = [ph[0] / f, ph[1] / f];
        (b, a) = (b + k[0] * e, a + k[1] * e);
        p = [[p[0][0] - k[0] * ph[0], p[0][1] - k[0] * ph[1]], [p[1][0] - k[1] * ph[0], p[1][1] - k[1] * ph[1]]];
    }
    close(&found["hedge_ratio"], b, 1e-8);
    assert!(number(&found["log_likelihood"]) < number(&estimated["log_likelihood"]), "estimated means most likely");
    let kept = desk.kept(&found).await;
    assert_eq!(kept["result"]["path"]["hedge_ratio"].as_array().unwrap().len(), y.len());
    ask.as_object_mut().unwrap().remove("delta");
    assert!(desk.refused("estimate_kalman_hedge_ratio", ask).await.contains("both delta and observation_variance"));
}

#[tokio::test]
async fn a_break_at_an_unknown_day_is_the_largest_of_all_days() {
    let desk = Desk::synthetic().await;
    let found = desk.ok("test_regime_change", series("MSFT")).await;
    let r = returns(&desk, "MSFT").await;
    let n = r.len();
    let rss = |part: &[f64]| part.iter().map(|v| (v - mean(part)).powi(2)).sum::<f64>();
    let trim = (0.15 * n as f64).floor() as usize;
    let largest = (trim..=n - trim)
        .map(|row| {
            let split = rss(&r[..row]) + rss(&r[row..]);
            (rss(&r) - split) / (split / (n as f64 - 2.0))
        })
        .fold(0.0, f64::max);
    close(&found["sup_wald_statistic"], largest, 1e-8);
    let mut known = series("MSFT");
    known["break_date"] = found["break_date"].clone();
    let chow = desk.ok("test_regime_change", known).await;
    // With variances of their own on both sides: Welch's statistic at the day found.
    close(&chow["robust_wald_statistic"], number(&found["robust_statistic"]), 1e-8);
    // Knowing the day after having searched for it looks better than it is; above .3 no more is known.
    let searched = found["pvalue"].as_f64().unwrap_or_else(|| number(&found["pvalue_above"]));
    assert!(number(&chow["pvalue"]) <= searched);
    let mut early = series("MSFT");
    early["break_date"] = json!("2019-01-01");
    assert!(desk.refused("test_regime_change", early).await.contains("leaves 0 returns before it"));
}

#[tokio::test]
async fn two_states_are_described_and_excessive_work_is_refused_before_it_starts() {
    let desk = Desk::synthetic().await;
    let mut ask = series("MSFT");
    ask["method"] = json!("markov");
    ask["start_date"] = json!("2024-01-01");
    let found = desk.ok("test_regime_change", ask.clone()).await;
    assert!(number(&found["regimes"][0]["volatility"]) <= number(&found["regimes"][1]["volatility"]));
    assert_eq!(found["replicates"], 199);
    let now: f64 = found["current_probability"].as_array().unwrap().iter().map(number).sum();
    assert!((now - 1.0).abs() < 1e-9);
    ask["replicates"] = json!(90_000);
    ask["start_date"] = json!("2005-01-01");
    let text = desk.refused("test_regime_change", ask.clone()).await;
    assert!(text.contains("resamples"), "{text}");
    ask["benchmark_symbol"] = json!("SPY");
    assert!(desk.refused("test_regime_change", ask).await.contains("markov takes neither"));
}

#[tokio::test]
async fn an_alpha_is_the_intercept_and_its_p_value_repeats_with_the_seed() {
    let desk = Desk::synthetic().await;
    let mut ask = series("MSFT");
    ask["benchmark"] = json!("SPY");
    ask["replicates"] = json!(999);
    let found = desk.ok("bootstrap_alpha", ask.clone()).await;
    let (y, x) = (returns(&desk, "MSFT").await, returns(&desk, "SPY").await);
    let (my, mx) = (mean(&y), mean(&x));
    let beta = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>()
        / x.iter().map(|x| (x - mx).powi(2)).sum::<f64>();
    close(&found["beta"], beta, 1e-9);
    close(&found["alpha"], 252.0 * (my - beta * mx), 1e-7);
    assert_eq!(desk.ok("bootstrap_alpha", ask.clone()).await["pvalue"], found["pvalue"]);
    // Without dependence and with normal errors the p-value is near that of the t statistic: 999 resamples err by 3 * .016.
    let t = number(&found["t_statistic"]).abs();
    let normal = 2.0 * (1.0 - 0.5 * (1.0 + erf(t / 2f64.sqrt())));
    assert!((number(&found["pvalue"]) - normal).abs() < 0.08, "{} against {normal}", found["pvalue"]);
    ask["replicates"] = json!(1_000_000_000);
    assert!(desk.refused("bootstrap_alpha", ask.clone()).await.contains("1000000"));
    ask["replicates"] = json!(999);
    ask["benchmark"] = json!("MSFT");
    assert!(desk.refused("bootstrap_alpha", ask).await.contains("MSFT"));
}

/// Error function, Abramowitz and Stegun 7.1.26 (to 1.5e-7).
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly =
        ((((1.061_405_429 * t - 1.453_152_027) * t + 1.421_413_741) * t - 0.284_496_736) * t + 0.254_829_592) * t;
    1.0 - poly * (-x * x).exp()
}
