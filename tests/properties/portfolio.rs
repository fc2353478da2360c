//! What holds for all portfolios, regimes and accounts: units, order, conditions, and no better neighbour.

use proptest::prelude::*;
use qc_quant::dynamics::markov_switching::{self, MarkovOptions};
use qc_quant::pairs_backtest::account::{self, AccountOptions, Fill, Hedge, PairRule};
use qc_quant::performance::tails::conditional_value_at_risk;
use qc_quant::portfolio::constraints::{Constraints, Side};
use qc_quant::portfolio::hrp::{self, LeafOrder, Linkage};
use qc_quant::portfolio::mean_variance::Bounds;
use qc_quant::portfolio::sparse_tracking::{self, Measure, Penalty, TrackingOptions};
use qc_quant::portfolio::{min_cvar, target_volatility};
use qc_quant::testing::{noise, pair};
use qc_quant::unit_root::{Trend, phillips_perron};
use qc_quant::{Index, Panel, Series, Silent, covariance};

fn market(seed: u64, rows: usize, n: usize) -> Panel {
    let common = noise(seed, rows);
    let own = |i: usize| noise(seed + 31 + i as u64, rows);
    let columns =
        (0..n).map(|i| common.iter().zip(own(i)).map(|(m, e)| 0.01 * (m * (0.6 + i as f64 / 9.0) + e)).collect());
    Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(rows), columns.collect()).unwrap()
}

/// Random weights between zero and a cap that sum to one.
fn feasible(seed: u64, n: usize, cap: f64) -> Vec<f64> {
    let mut w: Vec<f64> = noise(seed, n).iter().map(|e| e.abs()).collect();
    for _ in 0..200 {
        let sum: f64 = w.iter().sum();
        w.iter_mut().for_each(|w| *w = (*w / sum).min(cap));
    }
    w
}

fn portfolio_returns(panel: &Panel, w: &[f64]) -> Vec<f64> {
    (0..panel.n_rows()).map(|t| panel.columns().zip(w).map(|(c, w)| w * c[t]).sum()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_feasible_portfolio_has_a_smaller_shortfall(seed in 0u64..1_000_000, scale in 0.01f64..100.0) {
        let panel = market(seed, 150, 7);
        let conditions = Constraints::invested(7, Bounds { lower: 0.0, upper: 0.3 }).unwrap();
        let found = min_cvar::fit(&panel, 0.9, &conditions).unwrap();
        prop_assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!(found.weights.iter().all(|w| (0.0..=0.3).contains(w)));
        for other in 0..20 {
            let r = portfolio_returns(&panel, &feasible(seed + other, 7, 0.3));
            prop_assert!(found.cvar <= conditional_value_at_risk(&r, 0.9).unwrap() + 1e-9);
        }
        let scaled = panel.columns().map(|c| c.iter().map(|r| scale * r).collect()).collect();
        let scaled = Panel::new(panel.symbols().to_vec(), panel.index().clone(), scaled).unwrap();
        let other = min_cvar::fit(&scaled, 0.9, &conditions).unwrap();
        prop_assert!((other.cvar / (scale * found.cvar) - 1.0).abs() < 1e-7);
        let turned = panel.select(&["S3", "S0", "S6", "S1", "S5", "S2", "S4"]).unwrap();
        prop_assert!((min_cvar::fit(&turned, 0.9, &conditions).unwrap().cvar / found.cvar - 1.0).abs() < 1e-7);
    }

    #[test]
    fn books_keep_their_signs_sums_and_neutrality(seed in 0u64..1_000_000, gross in 0.5f64..3.0) {
        let panel = market(seed, 120, 8);
        let sides: Vec<Side> = (0..8).map(|i| if i % 2 == 0 { Side::Long } else { Side::Short }).collect();
        let betas: Vec<f64> = (0..8).map(|i| 0.6 + f64::from(i) / 9.0).collect();
        let conditions = Constraints::books(&sides, gross, gross).unwrap().neutral_to("beta", &betas).unwrap();
        let c = covariance::sample(&panel).unwrap();
        let variance = target_volatility::min_variance(&c, &conditions).unwrap();
        for w in [min_cvar::fit(&panel, 0.9, &conditions).unwrap().weights, variance] {
            let long: f64 = w.iter().step_by(2).sum();
            let short: f64 = w.iter().skip(1).step_by(2).sum();
            let beta: f64 = w.iter().zip(&betas).map(|(w, b)| w * b).sum();
            prop_assert!((long - gross / 2.0).abs() < 1e-7 && (short + gross / 2.0).abs() < 1e-7 && beta.abs() < 1e-7);
            let signed = |(i, w): (usize, &f64)| if i % 2 == 0 { 0.0 <= *w } else { *w <= 0.0 };
            prop_assert!(w.iter().enumerate().all(signed));
        }
    }

    #[test]
    fn tracking_weights_keep_their_conditions_and_no_exchange_helps(seed in 0u64..1_000_000, power in -8.0f64..-5.0) {
        let panel = market(seed, 160, 9);
        let e = noise(seed + 999, 160);
        let index = (0..160).map(|t| panel.columns().map(|c| c[t]).sum::<f64>() / 9.0 + 0.001 * e[t]).collect();
        let index = Series::new("index", Index::Rows(160), index).unwrap();
        for measure in [Measure::Ete, Measure::Dr, Measure::Hete { huber: 0.002 }, Measure::Hdr { huber: 0.002 }] {
            let options = TrackingOptions {
                measure,
                max_weight: 0.4,
                penalty: Penalty::Lambda(10f64.powf(power)),
                hold_out: 0.0,
                ..Default::default()
            };
            let found = sparse_tracking::fit(&panel, &index, &options, &Silent).unwrap();
            prop_assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(found.weights.iter().all(|w| (0.0..=0.4 + 1e-12).contains(w)));
            prop_assert_eq!(found.assets, found.weights.iter().filter(|w| 1e-6 < **w).count());
            // weight moved from one held asset to another never lowers the loss: it is least on the assets held
            let loss = |w: &[f64]| {
                let r = portfolio_returns(&panel, w);
                index.values().iter().zip(r).map(|(b, r)| measure.value(b - r)).sum::<f64>() / 160.0
            };
            let held: Vec<usize> = (0..9).filter(|&i| 1e-6 < found.weights[i]).collect();
            for &from in &held {
                for &to in &held {
                    let step = 1e-4_f64.min(found.weights[from]).min(0.4 - found.weights[to]);
                    let mut moved = found.weights.clone();
                    moved[from] -= step;
                    moved[to] += step;
                    prop_assert!(found.loss <= loss(&moved) * (1.0 + 1e-9));
                }
            }
        }
    }

    #[test]
    fn risk_parity_trees_are_invested_whatever_the_order(seed in 0u64..1_000_000) {
        let panel = market(seed, 80, 11);
        for linkage in [Linkage::Single, Linkage::Average, Linkage::Complete, Linkage::Ward] {
            for order in [LeafOrder::Tree, LeafOrder::ByBranch, LeafOrder::Optimal] {
                let found = hrp::fit_ordered(&panel, linkage, order).unwrap();
                prop_assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                prop_assert!(found.weights.iter().all(|w| 0.0 < *w));
                let mut leaves = found.leaf_order.clone();
                leaves.sort_unstable();
                prop_assert_eq!(leaves, (0..11).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn fading_covariances_are_positive_semidefinite(seed in 0u64..1_000_000, half_life in 2.0f64..200.0) {
        let c = covariance::ewma::covariance(&market(seed, 60, 5), half_life).unwrap();
        prop_assert_eq!(&c, &c.transpose());
        prop_assert!(-1e-14 < c.symmetric_eigenvalues().min());
    }

    #[test]
    fn regimes_follow_the_units_of_the_series(seed in 0u64..1_000_000, scale in 0.01f64..100.0, shift in -5f64..5.0) {
        let e = noise(seed, 150);
        let y: Vec<f64> = (0..150).map(|t| if t / 50 == 1 { 3.0 * e[t] } else { e[t] }).collect();
        let moved: Vec<f64> = y.iter().map(|v| shift + scale * v).collect();
        let options = MarkovOptions { replicates: 0, seed: 0 };
        let (a, b) = (markov_switching::fit(&y, &options, &Silent).unwrap(), markov_switching::fit(&moved, &options, &Silent).unwrap());
        prop_assert!((a.likelihood_ratio - b.likelihood_ratio).abs() < 1e-5);
        prop_assert!(0.0 <= a.likelihood_ratio);
        prop_assert!(a.path.smoothed.iter().all(|p| (p[0] + p[1] - 1.0).abs() < 1e-9 && (0.0..=1.0).contains(&p[0])));
    }

    #[test]
    fn phillips_perron_ignores_units_and_origin(seed in 0u64..1_000_000, scale in 0.01f64..100.0, shift in -50f64..50.0) {
        let y = qc_quant::testing::random_walk(seed, 120);
        let moved: Vec<f64> = y.iter().map(|v| shift + scale * v).collect();
        for trend in [Trend::Constant, Trend::Linear] {
            let test = |v: &[f64]| phillips_perron::test(v, trend, None).unwrap();
            let (a, b) = (test(&y), test(&moved));
            prop_assert!((a.tau - b.tau).abs() < 1e-6 * (1.0 + a.tau.abs()) && (a.rho - b.rho).abs() < 1e-5 * (1.0 + a.rho.abs()));
            prop_assert!((0.0..=1.0).contains(&a.tau_p_value) && (0.0..=1.0).contains(&a.rho_p_value));
        }
    }

    #[test]
    fn an_account_adds_up_and_ignores_currency(seed in 0u64..1_000_000, scale in 0.01f64..100.0) {
        let (y, x) = pair(seed, 200);
        let prices = |v: &[f64], by: f64| v.iter().map(|p| by * (0.01 * p).exp()).collect::<Vec<_>>();
        let panel = |by: f64| Panel::new(vec!["Y".into(), "X".into()], Index::Rows(200), vec![prices(&y, by), prices(&x, by)]).unwrap();
        let rule = PairRule {
            y: "Y".into(),
            x: "X".into(),
            hedge: Hedge::Fixed { beta: 1.3, alpha: 0.0 },
            entry: 1.2,
            exit: 0.1,
            stop: 3.5,
            lookback: 25,
            confirm_bars: 1,
            max_holding: None,
        };
        let options = AccountOptions { fill: Fill::NextClose, ..Default::default() };
        let run = |by: f64| account::run(&panel(by), None, std::slice::from_ref(&rule), &options, &Silent).unwrap();
        let (a, b) = (run(1.0), run(scale));
        prop_assert!(a.value.iter().zip(&b.value).all(|(a, b)| (a - b).abs() < 1e-9));
        let parts: f64 = a.by_pair.iter().map(|part| part.y + part.x + part.costs).sum();
        prop_assert!((a.value[199] - 1.0 - parts).abs() < 1e-12);
    }
}
