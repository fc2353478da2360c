//! Do tests that claim five percent reject five percent of true nulls? Simulated, a minute of work, ignored by default:
//! `cargo test --release -p qc-tests --test numerics calibration -- --ignored --nocapture`.
//! The figures it prints stand in `docs/numerics.md`.

use std::io::Write;

use qc_quant::cointegration::engle_granger;
use qc_quant::cointegration::johansen::{self, JohansenOptions};
use qc_quant::dynamics::break_test;
use qc_quant::dynamics::markov_switching::{self, MarkovOptions};
use qc_quant::resample::block_bootstrap::{self, AlphaOptions};
use qc_quant::testing::{noise, random_walk};
use qc_quant::unit_root::{LagRule, Trend, adf, phillips_perron};
use qc_quant::{Index, Panel, Silent};

/// Share of `trials` in which the p-value of a seed is at most five percent, and its standard error under the claim.
fn size(trials: u64, p_value: impl Fn(u64) -> f64) -> (f64, f64) {
    let hits = (0..trials).filter(|seed| p_value(10_000 * seed + 17) <= 0.05).count();
    (hits as f64 / trials as f64, (0.05 * 0.95 / trials as f64).sqrt())
}

#[test]
#[ignore = "a minute of simulation; its result stands in docs/numerics.md"]
fn five_percent_means_five_percent() {
    let n = 500;
    let fixed = LagRule::Fixed(1);
    let walks = |seed: u64, k: u64| (0..k).map(|i| random_walk(seed + 1000 * i, n)).collect::<Vec<_>>();
    let on_panel = |columns: Vec<Vec<f64>>| {
        let names = (0..columns.len()).map(|i| format!("S{i}")).collect();
        Panel::new(names, Index::Rows(n), columns).unwrap()
    };
    let results = [
        (
            "adf, constant, one lag, T = 500",
            4000,
            size(4000, |seed| {
                let options = adf::AdfOptions { trend: Trend::Constant, lags: fixed, max_lags: None };
                adf::test(&random_walk(seed, n), &options).unwrap().p_value
            }),
        ),
        (
            "phillips-perron tau, constant, T = 500",
            4000,
            size(4000, |seed| phillips_perron::test(&random_walk(seed, n), Trend::Constant, None).unwrap().tau_p_value),
        ),
        (
            "engle-granger, two walks, one lag, T = 500",
            4000,
            size(4000, |seed| {
                let walks = walks(seed, 2);
                let options = engle_granger::Options { lags: fixed, ..Default::default() };
                engle_granger::test_values(&walks[0], &[&walks[1]], &options).unwrap().p_value
            }),
        ),
        (
            "johansen trace, two walks, restricted constant, T = 500",
            4000,
            size(4000, |seed| {
                let found = johansen::test(&on_panel(walks(seed, 2)), &JohansenOptions::default()).unwrap();
                found.tests[0].trace_p
            }),
        ),
        (
            "bootstrap of alpha, independent rows, T = 200, B = 499",
            1500,
            size(1500, |seed| {
                let (r, f) = (noise(seed, 200), noise(seed + 5000, 200));
                let options = AlphaOptions { mean_block: 1.0, replicates: 499, seed };
                block_bootstrap::alpha(&r, &f, &options, &Silent).unwrap().p_two_sided
            }),
        ),
        (
            "sup-Wald, mean of noise, trim .15, T = 500",
            4000,
            size(4000, |seed| break_test::sup_wald(&noise(seed, n), &[&vec![1.0; n]], 0.15).unwrap().p_value),
        ),
        (
            "markov switching against one regime, T = 100, B = 199",
            400,
            size(400, |seed| {
                let options = MarkovOptions { replicates: 199, seed };
                markov_switching::fit(&noise(seed, 100), &options, &Silent).unwrap().p_value.unwrap()
            }),
        ),
    ];
    let mut out = std::io::stderr();
    let mut wrong = Vec::new();
    for (name, trials, (share, error)) in results {
        let distance = (share - 0.05) / error;
        let _ = writeln!(out, "{name}: {:.2} % of {trials} ({distance:+.1} standard errors)", 100.0 * share);
        if 3.0 < distance.abs() {
            wrong.push(format!("{name}: {share}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
