//! Invariances of the statistics: what must not change when units, order or origin of the data do.

use proptest::prelude::*;
use qc_quant::cointegration::{all_pairs, engle_granger};
use qc_quant::pca::{self, Mode, PcaOptions};
use qc_quant::performance::{self, PerformanceOptions, RiskFree};
use qc_quant::portfolio::{self, Policy};
use qc_quant::stats::correlation::{self, Method};
use qc_quant::stats::{distance_correlation, multiple};
use qc_quant::testing::{noise, pair, random_walk};
use qc_quant::unit_root::{LagRule, Trend, adf};
use qc_quant::{Index, Panel, Silent, returns};

fn panel(columns: Vec<Vec<f64>>) -> Panel {
    let symbols = (0..columns.len()).map(|i| format!("S{i}")).collect();
    let rows = columns[0].len();
    Panel::new(symbols, Index::Rows(rows), columns).unwrap()
}

fn factor_returns(seed: u64, rows: usize, n: usize) -> Vec<Vec<f64>> {
    let market = noise(seed, rows);
    let own = |i: usize| noise(seed + 77 + i as u64, rows);
    (0..n).map(|i| market.iter().zip(own(i)).map(|(m, e)| 0.01 * (m * (0.5 + i as f64 / 4.0) + e)).collect()).collect()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

const METHODS: [Method; 4] = [Method::Pearson, Method::Spearman, Method::Kendall, Method::Distance];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn correlation_ignores_units_and_origin(seed in 0u64..1_000_000, scale in 0.001f64..1000.0, shift in -10f64..10.0) {
        let (x, y) = (noise(seed, 90), noise(seed + 1, 90));
        let moved: Vec<f64> = x.iter().map(|v| shift + scale * v).collect();
        for method in METHODS {
            let (a, b) = (correlation::pair(&x, &y, method).unwrap(), correlation::pair(&moved, &y, method).unwrap());
            prop_assert!(close(a.value, b.value, 1e-9), "{method:?} {} {}", a.value, b.value);
            prop_assert!((-1.0..=1.0).contains(&a.value) && (0.0..=1.0).contains(&a.p_value));
        }
    }

    #[test]
    fn correlation_is_symmetric_and_follows_its_symbols(seed in 0u64..1_000_000) {
        let panel = panel(factor_returns(seed, 60, 4));
        let turned = panel.select(&["S2", "S0", "S3", "S1"]).unwrap();
        for method in METHODS {
            let (a, b) = (correlation::matrix(&panel, method).unwrap(), correlation::matrix(&turned, method).unwrap());
            prop_assert_eq!(&a.values, &a.values.transpose());
            prop_assert!(close(a.get("S1", "S2").unwrap(), b.get("S1", "S2").unwrap(), 1e-12));
        }
    }

    #[test]
    fn rank_correlations_ignore_monotone_changes(seed in 0u64..1_000_000) {
        let (x, y) = (noise(seed, 70), noise(seed + 1, 70));
        let bent: Vec<f64> = x.iter().map(|v| v.exp()).collect();
        for method in [Method::Spearman, Method::Kendall] {
            let (a, b) = (correlation::pair(&x, &y, method).unwrap(), correlation::pair(&bent, &y, method).unwrap());
            prop_assert!(close(a.value, b.value, 1e-13));
        }
    }

    #[test]
    fn distance_correlation_sees_an_even_function(seed in 0u64..1_000_000) {
        let x = noise(seed, 200);
        let y: Vec<f64> = x.iter().map(|v| v * v).collect();
        let found = distance_correlation::test(&x, &y).unwrap();
        prop_assert!(0.3 < found.correlation && found.p_value < 1e-6);
        prop_assert!(found.bias_corrected_squared < found.correlation * found.correlation);
    }

    #[test]
    fn pca_in_correlation_mode_ignores_units(seed in 0u64..1_000_000, scale in 0.01f64..100.0) {
        let columns = factor_returns(seed, 80, 5);
        let mut scaled = columns.clone();
        scaled[3].iter_mut().for_each(|v| *v *= scale);
        let (a, b) = (pca::fit(&panel(columns), &PcaOptions::default()).unwrap(), pca::fit(&panel(scaled), &PcaOptions::default()).unwrap());
        prop_assert!(a.eigenvalues.iter().zip(&b.eigenvalues).all(|(a, b)| close(*a, *b, 1e-11)));
        prop_assert!(close(a.total_variance, 5.0, 1e-12));
    }

    #[test]
    fn pca_loadings_travel_with_their_symbols(seed in 0u64..1_000_000) {
        let panel = panel(factor_returns(seed, 80, 5));
        let turned = panel.select(&["S4", "S1", "S0", "S3", "S2"]).unwrap();
        let fit = |panel| pca::fit(panel, &PcaOptions { mode: Mode::Covariance, n_components: Some(1) }).unwrap();
        let (a, b) = (fit(&panel), fit(&turned));
        for (symbol, loading) in a.component(0) {
            let other = b.component(0).find(|(name, _)| *name == symbol).unwrap().1;
            prop_assert!(close(loading, other, 1e-9), "{symbol}");
        }
    }

    #[test]
    fn pca_variances_add_up(seed in 0u64..1_000_000, rows in 4usize..40) {
        let panel = panel(factor_returns(seed, rows, 9));
        let fit = pca::fit(&panel, &PcaOptions { mode: Mode::Covariance, n_components: None }).unwrap();
        let total: f64 = panel.columns().map(qc_quant::stats::moments::variance).sum();
        prop_assert!(close(fit.total_variance / total, 1.0, 1e-11));
        prop_assert!(fit.rank <= (rows - 1).min(9));
        prop_assert!((1.0 - 1e-9..=9.0 + 1e-9).contains(&fit.effective_bets));
    }

    #[test]
    fn pca_agrees_with_linfa(seed in 0u64..1_000_000) {
        use linfa::DatasetBase;
        use linfa::traits::Fit;
        let (rows, n) = (60, 4);
        let columns = factor_returns(seed, rows, n);
        let records = ndarray::Array2::from_shape_fn((rows, n), |(row, col)| columns[col][row]);
        let witness = linfa_reduction::Pca::params(n).fit(&DatasetBase::from(records)).unwrap();
        let own = pca::fit(&panel(columns), &PcaOptions { mode: Mode::Covariance, n_components: None }).unwrap();
        // its singular values are right, its explained variances divide by k - 1
        for (value, singular) in own.eigenvalues.iter().zip(witness.singular_values()) {
            prop_assert!(close(value / (singular * singular / (rows - 1) as f64), 1.0, 1e-7));
        }
        let first = witness.components().row(0).to_owned();
        let along: f64 = own.loadings.column(0).iter().zip(&first).map(|(a, b)| a * b).sum();
        prop_assert!(close(along.abs(), 1.0, 1e-7));
    }

    #[test]
    fn adf_ignores_units_and_origin(seed in 0u64..1_000_000, scale in 0.01f64..100.0, shift in -100f64..100.0) {
        let y = random_walk(seed, 150);
        let moved: Vec<f64> = y.iter().map(|v| shift + scale * v).collect();
        for trend in [Trend::Constant, Trend::Linear, Trend::Quadratic] {
            let options = adf::AdfOptions { trend, lags: LagRule::Fixed(3), max_lags: None };
            let (a, b) = (adf::test(&y, &options).unwrap(), adf::test(&moved, &options).unwrap());
            prop_assert!(close(a.statistic, b.statistic, 1e-8), "{trend}");
        }
    }

    #[test]
    fn adf_with_a_trend_ignores_an_added_trend(seed in 0u64..1_000_000, slope in -1f64..1.0) {
        let y = random_walk(seed, 150);
        let tilted: Vec<f64> = y.iter().enumerate().map(|(t, v)| v + slope * t as f64).collect();
        let options = adf::AdfOptions { trend: Trend::Linear, ..Default::default() };
        let (a, b) = (adf::test(&y, &options).unwrap(), adf::test(&tilted, &options).unwrap());
        prop_assert!(close(a.statistic, b.statistic, 1e-8) && a.lags == b.lags);
    }

    #[test]
    fn engle_granger_ignores_units_and_origin(seed in 0u64..1_000_000, scale in 0.01f64..100.0, shift in -10f64..10.0) {
        let (y, x) = pair(seed, 160);
        let moved: Vec<f64> = x.iter().map(|v| shift + scale * v).collect();
        let a = engle_granger::test_values(&y, &[&x], &Default::default()).unwrap();
        let b = engle_granger::test_values(&y, &[&moved], &Default::default()).unwrap();
        prop_assert!(close(a.statistic, b.statistic, 1e-8) && a.lags == b.lags);
        prop_assert!(close(a.slopes[0], b.slopes[0] * scale, 1e-9));
    }

    #[test]
    fn engle_granger_ignores_the_order_of_regressors(seed in 0u64..1_000_000) {
        let (y, x) = pair(seed, 160);
        let z = random_walk(seed + 5, 160);
        let a = engle_granger::test_values(&y, &[&x, &z], &Default::default()).unwrap();
        let b = engle_granger::test_values(&y, &[&z, &x], &Default::default()).unwrap();
        prop_assert!(close(a.statistic, b.statistic, 1e-9) && close(a.slopes[0], b.slopes[1], 1e-9));
    }

    #[test]
    fn a_scan_adjusts_upwards_and_keeps_order(seed in 0u64..1_000_000) {
        let panel = panel((0..5).map(|i| random_walk(seed + i, 120)).collect());
        let scan = all_pairs::scan(&panel, &Default::default(), &Silent).unwrap();
        for pair in &scan.pairs {
            prop_assert!(pair.pair_p_value <= pair.q_value && pair.q_value <= pair.holm_p_value && pair.holm_p_value <= 1.0);
        }
    }

    #[test]
    fn adjusted_p_values_do_not_depend_on_order(mut p in prop::collection::vec(0f64..1.0, 1..30)) {
        let mut forward = multiple::holm(&p);
        p.reverse();
        let mut backward = multiple::holm(&p);
        forward.sort_by(f64::total_cmp);
        backward.sort_by(f64::total_cmp);
        prop_assert_eq!(forward, backward);
    }

    #[test]
    fn performance_compounds_and_splits(seed in 0u64..1_000_000, cut in 5usize..95) {
        let r: Vec<f64> = noise(seed, 100).iter().map(|v| 0.01 * v).collect();
        let whole = performance::summary(&r, None, &PerformanceOptions::default()).unwrap();
        let (first, second) = (returns::compound(&r[..cut]), returns::compound(&r[cut..]));
        prop_assert!(close(whole.total_return, (1.0 + first) * (1.0 + second) - 1.0, 1e-13));
        prop_assert!(whole.conditional_value_at_risk >= whole.value_at_risk - 1e-15);
        prop_assert!((-1.0..=0.0).contains(&whole.max_drawdown.depth));
    }

    #[test]
    fn sharpe_ignores_leverage_and_drawdown_grows_with_it(seed in 0u64..1_000_000, leverage in 1.1f64..3.0) {
        let r: Vec<f64> = noise(seed, 120).iter().map(|v| 0.005 * v).collect();
        let geared: Vec<f64> = r.iter().map(|v| leverage * v).collect();
        let of = |r: &[f64]| performance::summary(r, None, &PerformanceOptions::default()).unwrap();
        let (a, b) = (of(&r), of(&geared));
        prop_assert!(close(a.sharpe.unwrap(), b.sharpe.unwrap(), 1e-10));
        prop_assert!(close(a.sortino.unwrap(), b.sortino.unwrap(), 1e-10));
        prop_assert!(b.max_drawdown.depth <= a.max_drawdown.depth);
    }

    #[test]
    fn beta_is_linear_in_the_strategy(seed in 0u64..1_000_000, a in -2f64..2.0, b in -2f64..2.0) {
        let (market, x, y) = (noise(seed, 60), noise(seed + 1, 60), noise(seed + 2, 60));
        let mixed: Vec<f64> = x.iter().zip(&y).map(|(x, y)| a * x + b * y).collect();
        let beta = |r: &[f64]| performance::against(r, &market, &RiskFree::default(), 252.0).unwrap().beta;
        prop_assert!(close(beta(&mixed), a * beta(&x) + b * beta(&y), 1e-10));
    }

    #[test]
    fn buy_and_hold_equals_the_sum_of_its_parts(seed in 0u64..1_000_000, w in 0.05f64..0.9) {
        let columns: Vec<Vec<f64>> = factor_returns(seed, 50, 2);
        let held = portfolio::returns(&panel(columns.clone()), &[w, 1.0 - w], Policy::BuyAndHold, 0.0).unwrap();
        let parts = w * (1.0 + returns::compound(&columns[0])) + (1.0 - w) * (1.0 + returns::compound(&columns[1]));
        prop_assert!(close(returns::compound(held.values()), parts - 1.0, 1e-12));
    }
}
