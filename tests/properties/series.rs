//! What must not change when a series is measured in other units, from another origin, or in another order of symbols.

use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use qc_quant::cointegration::johansen::{self, Case, JohansenOptions};
use qc_quant::dynamics::break_test;
use qc_quant::dynamics::kalman_hedge::{self, KalmanOptions};
use qc_quant::mean_reversion::{half_life, hurst, zscore};
use qc_quant::portfolio::mean_variance::{Bounds, max_sharpe, min_variance};
use qc_quant::portfolio::{beta_neutral, hrp, risk_parity};
use qc_quant::resample::block_bootstrap::{self, AlphaOptions};
use qc_quant::resample::block_length;
use qc_quant::stats::moments::mean;
use qc_quant::stats::ols::{self, Errors};
use qc_quant::testing::{noise, random_walk};
use qc_quant::unit_root::{Trend, kpss, variance_ratio};
use qc_quant::{Index, Panel, Series, Silent, covariance};

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

fn panel(columns: Vec<Vec<f64>>) -> Panel {
    let symbols = (0..columns.len()).map(|i| format!("S{i}")).collect();
    Panel::new(symbols, Index::Rows(columns[0].len()), columns).unwrap()
}

fn returns(seed: u64, rows: usize, n: u64) -> Panel {
    let market = noise(seed, rows);
    let column = |i: u64| market.iter().zip(noise(seed + 9 + i, rows)).map(|(m, e)| 0.01 * (0.5 * m + e)).collect();
    panel((0..n).map(column).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stationarity_and_reversion_ignore_units_and_origin(seed in 0u64..1_000_000, scale in 0.01f64..100.0, shift in -50f64..50.0) {
        let y = random_walk(seed, 200);
        let moved: Vec<f64> = y.iter().map(|v| shift + scale * v).collect();
        for trend in [Trend::Constant, Trend::Linear] {
            let test = |v: &[f64]| kpss::test(v, trend, kpss::Bandwidth::Auto).unwrap();
            let (a, b) = (test(&y), test(&moved));
            prop_assert!(close(a.statistic, b.statistic, 1e-7) && a.lags == b.lags && (0.0..=1.0).contains(&a.p_value));
        }
        for q in [2, 5, 10] {
            let (a, b) = (variance_ratio::test(&y, q).unwrap(), variance_ratio::test(&moved, q).unwrap());
            prop_assert!(close(a.ratio, b.ratio, 1e-7) && close(a.statistic, b.statistic, 1e-6) && 0.0 < a.ratio);
        }
        let (a, b) = (half_life::estimate(&y).unwrap(), half_life::estimate(&moved).unwrap());
        prop_assert!(close(a.phi, b.phi, 1e-8));
        let of = |v: &[f64]| hurst::structure(v, 2.0, 1, 20).unwrap().hurst;
        prop_assert!(close(of(&y), of(&moved), 1e-8) && of(&y) < 1.0);
        let of = |v: &[f64]| zscore::last(v, 30).unwrap();
        prop_assert!(close(of(&y).z, of(&moved).z, 1e-7) && of(&y).z.abs() <= of(&y).bound);
    }

    #[test]
    fn the_rescaled_range_ignores_units_and_the_mean_of_increments(seed in 0u64..1_000_000, scale in 0.01f64..100.0, shift in -5f64..5.0) {
        let y = noise(seed, 300);
        let moved: Vec<f64> = y.iter().map(|v| shift + scale * v).collect();
        let (a, b) = (hurst::rescaled_range(&y).unwrap(), hurst::rescaled_range(&moved).unwrap());
        prop_assert!(close(a.corrected, b.corrected, 1e-8) && a.corrected < a.raw);
        let (a, b) = (block_length::optimal(&y).unwrap(), block_length::optimal(&moved).unwrap());
        prop_assert!(close(a.stationary, b.stationary, 1e-7) && 0.0 < a.stationary && a.stationary <= a.circular);
    }

    #[test]
    fn johansen_ignores_units_and_the_order_of_symbols(seed in 0u64..1_000_000, scale in 0.01f64..100.0) {
        let walks: Vec<Vec<f64>> = (0..3).map(|i| random_walk(seed + i, 150)).collect();
        let mut scaled = walks.clone();
        scaled[1].iter_mut().for_each(|v| *v *= scale);
        for case in [Case::None, Case::RestrictedConstant, Case::UnrestrictedConstant, Case::RestrictedTrend, Case::UnrestrictedTrend] {
            let options = JohansenOptions { case, ..Default::default() };
            let (a, b) = (johansen::test(&panel(walks.clone()), &options).unwrap(), johansen::test(&panel(scaled.clone()), &options).unwrap());
            let turned = panel(walks.clone()).select(&["S2", "S0", "S1"]).unwrap();
            let c = johansen::test(&turned, &options).unwrap();
            for ((a, b), c) in a.tests.iter().zip(&b.tests).zip(&c.tests) {
                prop_assert!(close(a.trace, b.trace, 1e-7) && close(a.trace, c.trace, 1e-7), "{case:?}");
                prop_assert!((0.0..=1.0).contains(&a.trace_p) && a.max_eigenvalue <= a.trace + 1e-9);
            }
        }
    }

    #[test]
    fn a_regression_follows_its_units(seed in 0u64..1_000_000, scale in 0.01f64..100.0, shift in -5f64..5.0) {
        let (x, e) = (noise(seed, 120), noise(seed + 1, 120));
        let y: Vec<f64> = x.iter().zip(&e).map(|(x, e)| 1.0 + 0.5 * x + e).collect();
        let fit = |x: &[f64]| ols::fit(&Series::new("y", Index::Rows(120), y.clone()).unwrap(), &panel(vec![x.to_vec()])).unwrap();
        let moved: Vec<f64> = x.iter().map(|v| shift + scale * v).collect();
        let (a, b) = (fit(&x), fit(&moved));
        prop_assert!(close(a.coefficients[1], b.coefficients[1] * scale, 1e-8) && close(a.r_squared, b.r_squared, 1e-9));
        for kind in [Errors::Classical, Errors::Hc0, Errors::Hc1, Errors::Hc3, Errors::Hac] {
            prop_assert!(close(a.inference(kind).unwrap().t[1], b.inference(kind).unwrap().t[1], 1e-6), "{kind:?}");
        }
        // residuals are orthogonal to what was fitted
        let product: f64 = a.residuals.iter().zip(&x).map(|(e, x)| e * x).sum();
        prop_assert!(product.abs() < 1e-10 * 120.0);
    }

    #[test]
    fn breaks_ignore_units_and_find_no_more_than_the_best_split(seed in 0u64..1_000_000, scale in 0.01f64..100.0) {
        let (y, x, ones) = (noise(seed, 100), noise(seed + 1, 100), vec![1.0; 100]);
        let scaled: Vec<f64> = y.iter().map(|v| 3.0 + scale * v).collect();
        let (a, b) = (break_test::sup_wald(&y, &[&ones, &x], 0.15).unwrap(), break_test::sup_wald(&scaled, &[&ones, &x], 0.15).unwrap());
        prop_assert!(close(a.statistic, b.statistic, 1e-6) && a.break_row == b.break_row);
        for row in [20, 50, 80] {
            prop_assert!(break_test::chow(&y, &[&ones, &x], row).unwrap().wald <= a.statistic * (1.0 + 1e-9));
        }
    }

    #[test]
    fn a_moving_hedge_follows_its_units(seed in 0u64..1_000_000, scale in 0.1f64..10.0) {
        let (x, e) = (random_walk(seed, 150), noise(seed + 1, 150));
        let y: Vec<f64> = x.iter().zip(&e).map(|(x, e)| 1.2 * x + e).collect();
        let series = |v: &[f64]| Series::new("s", Index::Rows(150), v.to_vec()).unwrap();
        let of = |y: &[f64], r: f64, p: f64| {
            let options = KalmanOptions { observation_variance: r, initial_covariance: [[p, 0.0], [0.0, p]], ..Default::default() };
            kalman_hedge::filter(&series(y), &series(&x), &options).unwrap()
        };
        let a = of(&y, 1.0, 1.0);
        prop_assert!(a.innovation_variance.iter().all(|f| 0.0 < *f));
        // y twice as variable relative to the state's noise is no change of units; the filter is linear in y, though
        let doubled: Vec<f64> = y.iter().map(|v| scale * v).collect();
        let b = of(&doubled, 1.0, 1.0);
        prop_assert!(a.beta.iter().zip(&b.beta).all(|(a, b)| close(scale * a, *b, 1e-9)));
        prop_assert!(a.innovation_variance == b.innovation_variance);
    }

    #[test]
    fn a_bootstrap_follows_its_units(seed in 0u64..1_000_000, scale in 0.01f64..100.0) {
        let (f, e) = (noise(seed, 120), noise(seed + 1, 120));
        let r: Vec<f64> = f.iter().zip(&e).map(|(f, e)| 0.1 + f + e).collect();
        let scaled: Vec<f64> = r.iter().map(|v| scale * v).collect();
        let options = AlphaOptions { mean_block: 4.0, replicates: 199, seed };
        let of = |r: &[f64]| block_bootstrap::alpha(r, &f, &options, &Silent).unwrap();
        let (a, b) = (of(&r), of(&scaled));
        prop_assert!(close(a.alpha * scale, b.alpha, 1e-9) && close(a.t, b.t, 1e-8));
        prop_assert!((a.p_two_sided - b.p_two_sided).abs() <= 1.5 / 200.0); // a tie may fall either way
    }

    /// Optimality: the gradient is the same for all weights between their bounds, no smaller at the lower and no larger at the upper.
    #[test]
    fn least_variance_meets_its_conditions(seed in 0u64..1_000_000, cap in 0.25f64..0.9, scale in 0.001f64..1000.0) {
        let c = covariance::sample(&returns(seed, 60, 6)).unwrap();
        let bounds = Bounds { lower: 0.0, upper: cap };
        let w = min_variance(&c, Some(bounds)).unwrap();
        let v = DVector::from_column_slice(&w);
        let gradient = &c * &v / v.dot(&(&c * &v));
        let inside: Vec<f64> = (0..6).filter(|&i| 1e-9 < w[i] && w[i] < cap - 1e-9).map(|i| gradient[i]).collect();
        let level = if inside.is_empty() { 1.0 } else { mean(&inside) };
        prop_assert!(inside.iter().all(|g| close(*g, level, 1e-8)));
        for i in 0..6 {
            prop_assert!(1e-9 < w[i] || inside.is_empty() || level - 1e-8 <= gradient[i]);
            prop_assert!(w[i] < cap - 1e-9 || inside.is_empty() || gradient[i] <= level + 1e-8);
        }
        let other = min_variance(&(&c * scale), Some(bounds)).unwrap();
        prop_assert!(w.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-8));
    }

    #[test]
    fn weights_ignore_the_unit_of_variance_and_follow_their_symbols(seed in 0u64..1_000_000, scale in 0.001f64..1000.0) {
        let r = returns(seed, 80, 5);
        let c = covariance::sample(&r).unwrap();
        let equal = risk_parity::weights(&c, &[0.2; 5]).unwrap();
        let shares = risk_parity::contributions(&c, &equal).unwrap();
        prop_assert!(shares.iter().all(|s| (s - 0.2).abs() < 1e-10));
        let expected: Vec<f64> = (0..5).map(|i| 0.001 * (1.0 + i as f64)).collect();
        let best = max_sharpe(&expected, &c, 0.0, Bounds::LONG_ONLY).unwrap();
        let scaled = &c * scale;
        let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-7);
        prop_assert!(near(&equal, &risk_parity::weights(&scaled, &[0.2; 5]).unwrap()));
        prop_assert!(near(&best, &max_sharpe(&expected, &scaled, 0.0, Bounds::LONG_ONLY).unwrap()));
        // another order of symbols
        let order = [3, 0, 4, 1, 2];
        let turned = DMatrix::from_fn(5, 5, |i, j| c[(order[i], order[j])]);
        let back = risk_parity::weights(&turned, &[0.2; 5]).unwrap();
        prop_assert!((0..5).all(|i| (back[i] - equal[order[i]]).abs() < 1e-9));
        // the order of leaves, and so the halving, knows the order of symbols; the unit it does not
        let larger = panel(r.columns().map(|column| column.iter().map(|v| scale * v).collect()).collect());
        let (a, b) = (hrp::fit(&r, hrp::Linkage::Single).unwrap(), hrp::fit(&larger, hrp::Linkage::Single).unwrap());
        prop_assert!(near(&a.weights, &b.weights) && (a.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn shrinkage_lies_between_its_ends_and_follows_units(seed in 0u64..1_000_000, scale in 0.01f64..100.0) {
        let r = returns(seed, 30, 8);
        let scaled = panel(r.columns().map(|c| c.iter().map(|v| scale * v).collect()).collect());
        for fit in [covariance::ledoit_wolf, covariance::oas] {
            let (a, b) = (fit(&r).unwrap(), fit(&scaled).unwrap());
            prop_assert!((0.0..=1.0).contains(&a.shrinkage) && close(a.shrinkage, b.shrinkage, 1e-9));
            prop_assert!((&a.covariance * (scale * scale) - &b.covariance).amax() <= 1e-9 * b.covariance.amax());
            prop_assert!(0.0 < a.covariance.symmetric_eigenvalues().min());
        }
    }

    #[test]
    fn a_neutral_book_is_neutral(seed in 0u64..1_000_000, gross in 0.1f64..5.0) {
        let c = covariance::sample(&returns(seed, 60, 6)).unwrap();
        let (scores, betas) = (noise(seed, 6), noise(seed + 3, 6));
        let w = beta_neutral::weights(&scores, &betas, &c, gross).unwrap();
        let along = |b: &[f64]| w.iter().zip(b).map(|(w, b)| w * b).sum::<f64>();
        prop_assert!(along(&[1.0; 6]).abs() < 1e-9 * gross && along(&betas).abs() < 1e-8 * gross);
        prop_assert!(close(w.iter().map(|w| w.abs()).sum::<f64>(), gross, 1e-9) && 0.0 < along(&scores));
    }
}
