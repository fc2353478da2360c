//! What takes long: the same answer on any number of threads, and an end soon after nobody waits.

use std::fmt::Debug;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use qc_quant::cointegration::{all_pairs, engle_granger};
use qc_quant::dynamics::{kalman_hedge, markov_switching};
use qc_quant::pairs_backtest::account::{self, AccountOptions, Hedge, PairRule};
use qc_quant::performance::sweep;
use qc_quant::portfolio::constraints::Constraints;
use qc_quant::portfolio::mean_variance::Bounds;
use qc_quant::portfolio::sparse_tracking::{self, Measure, Penalty, TrackingOptions};
use qc_quant::portfolio::{hrp, min_cvar, target_volatility};
use qc_quant::resample::block_bootstrap::{self, AlphaOptions};
use qc_quant::stats::correlation::{self, Aggregate, Method};
use qc_quant::stats::distance_correlation;
use qc_quant::testing::{noise, pair, random_walk};
use qc_quant::{Error, Index, Panel, Progress, Series, Silent, covariance, pca};

/// What a computation answers, printed in full: two answers are the same when every digit is.
type Printed = Result<String, Error>;

fn printed<T: Debug>(answer: Result<T, Error>) -> Printed {
    answer.map(|answer| format!("{answer:?}"))
}

/// A name, and the computation on inputs of a size with a callback.
type Task = (&'static str, fn(usize, &dyn Progress) -> Printed);

fn returns(rows: usize, n: usize) -> Panel {
    let market = noise(1, rows);
    let column = |i: u64| market.iter().zip(noise(100 + i, rows)).map(|(m, e)| 0.01 * (0.6 * m + e)).collect();
    Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(rows), (0..n as u64).map(column).collect())
        .unwrap()
}

fn walks(rows: usize, n: usize) -> Panel {
    let columns = (0..n as u64).map(|seed| random_walk(seed, rows)).collect();
    Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(rows), columns).unwrap()
}

fn index_of(assets: &Panel) -> Series {
    let (rows, n) = (assets.n_rows(), assets.n_symbols() as f64);
    let e = noise(7, rows);
    let values = (0..rows).map(|t| assets.columns().map(|c| c[t]).sum::<f64>() / n + 0.001 * e[t]).collect();
    Series::new("index", Index::Rows(rows), values).unwrap()
}

fn tracking(size: usize, penalty: Penalty, progress: &dyn Progress) -> Printed {
    let assets = returns(40 + 10 * size, 4 + size);
    let options = TrackingOptions { measure: Measure::Hdr { huber: 5e-4 }, penalty, ..Default::default() };
    printed(sparse_tracking::fit(&assets, &index_of(&assets), &options, progress))
}

fn spread_account(size: usize, progress: &dyn Progress) -> Printed {
    let rows = 60 + 20 * size;
    let (y, x) = pair(3, rows);
    let price = |v: Vec<f64>| v.into_iter().map(|p| (0.01 * p).exp()).collect();
    let close = Panel::new(vec!["Y".into(), "X".into()], Index::Rows(rows), vec![price(y), price(x)]).unwrap();
    let rule = PairRule {
        y: "Y".into(),
        x: "X".into(),
        hedge: Hedge::Fixed { beta: 1.3, alpha: 0.0 },
        entry: 1.2,
        exit: 0.1,
        stop: 4.0,
        lookback: 20,
        confirm_bars: 1,
        max_holding: None,
    };
    let options = AccountOptions { fill: account::Fill::NextClose, ..Default::default() };
    printed(account::run(&close, None, &[rule], &options, progress))
}

/// Computations that hear a callback. Size 10 takes a moment, size 100 a good part of a second or more.
const WATCHED: &[Task] = &[
    ("all pairs", |size, progress| {
        printed(all_pairs::scan(&walks(100 + 2 * size, 4 + size), &Default::default(), progress))
    }),
    ("rolling engle-granger", |size, progress| {
        let panel = walks(150 + 20 * size, 2);
        printed(engle_granger::rolling_watched(&panel, "S0", "S1", &Default::default(), 120, 1, progress))
    }),
    ("distance correlations", |size, progress| {
        printed(correlation::matrix_watched(&returns(200 + 5 * size, 4 + size), Method::Distance, progress))
    }),
    ("kendall's correlations", |size, progress| {
        printed(correlation::matrix_watched(&returns(200 + 5 * size, 4 + size), Method::Kendall, progress))
    }),
    ("rolling distance correlation", |size, progress| {
        printed(correlation::rolling_watched(
            &returns(300 + 20 * size, 2),
            "S0",
            "S1",
            Method::Distance,
            200,
            1,
            progress,
        ))
    }),
    ("expected shortfall", |size, progress| {
        let n = 5 + size;
        let conditions = Constraints::invested(n, Bounds { lower: 0.0, upper: 0.4 }).unwrap();
        printed(min_cvar::fit_watched(&returns(100 + 30 * size, n), 0.9, &conditions, progress))
    }),
    ("expected shortfall under a volatility cap", |size, progress| {
        let n = 5 + size / 3;
        let base = Constraints::invested(n, Bounds { lower: 0.0, upper: 0.4 }).unwrap();
        let capped = Constraints { max_volatility: Some(0.02), ..base };
        printed(min_cvar::fit_watched(&returns(100 + 10 * size, n), 0.9, &capped, progress))
    }),
    ("largest return under a volatility cap", |size, progress| {
        let n = 5 + size;
        let held = returns(100 + 10 * size, n);
        let mean: Vec<f64> = held.columns().map(qc_quant::stats::moments::mean).collect();
        let base = Constraints::invested(n, Bounds { lower: 0.0, upper: 0.4 }).unwrap();
        let capped = Constraints { max_volatility: Some(0.02), ..base };
        let covariance = covariance::sample(&held).unwrap();
        printed(target_volatility::max_return_watched(&mean, &covariance, &capped, progress))
    }),
    ("least variance under conditions", |size, progress| {
        let n = 5 + size;
        let base = Constraints::invested(n, Bounds { lower: 0.0, upper: 0.4 }).unwrap();
        let covariance = covariance::sample(&returns(100 + 10 * size, n)).unwrap();
        printed(target_volatility::min_variance_watched(&covariance, &base, progress))
    }),
    ("rolling distance correlations of all pairs", |size, progress| {
        let found = distance_correlation::rolling_pairs(
            &returns(160 + 10 * size, 3 + size / 3),
            60,
            1,
            Aggregate::Median,
            progress,
        );
        printed(found)
    }),
    ("sparse tracking, λ given", |size, progress| tracking(size, Penalty::Lambda(2e-7), progress)),
    ("sparse tracking, number of assets", |size, progress| tracking(size, Penalty::Assets(4), progress)),
    ("sparse tracking, λ by hold-out", |size, progress| tracking(size, Penalty::HoldOut, progress)),
    ("bootstrap of alpha", |size, progress| {
        let rows = 100 + 20 * size;
        let options = AlphaOptions { mean_block: 5.0, replicates: 1000 + 100 * size, seed: 3 };
        printed(block_bootstrap::alpha(&noise(1, rows), &noise(2, rows), &options, progress))
    }),
    ("regimes, with bootstrap", |size, progress| {
        let options = markov_switching::MarkovOptions { replicates: 199, seed: 3 };
        printed(markov_switching::fit(&noise(1, 50 + 2 * size), &options, progress))
    }),
    ("regimes of a long series", |size, progress| {
        let options = markov_switching::MarkovOptions { replicates: 0, seed: 3 };
        printed(markov_switching::fit(&noise(1, 50 + 200 * size), &options, progress))
    }),
    ("account of pairs", spread_account),
];

/// Computations in parallel that end soon by themselves.
const BRIEF: &[Task] = &[
    ("principal components", |size, _| printed(pca::fit(&returns(100 + 10 * size, 60 + size), &Default::default()))),
    ("pearson", |size, _| printed(correlation::matrix(&returns(300 + 10 * size, 60 + 5 * size), Method::Pearson))),
    ("spearman", |size, _| printed(correlation::matrix(&returns(300 + 10 * size, 60 + 5 * size), Method::Spearman))),
    ("covariance", |size, _| printed(covariance::ledoit_wolf(&returns(300, 60 + 5 * size)))),
    ("hierarchical risk parity", |size, _| printed(hrp::fit(&returns(300, 60 + 5 * size), hrp::Linkage::Average))),
    ("variances of a Kalman filter", |size, _| {
        let rows = 100 + 10 * size;
        let (y, x) = pair(5, rows);
        let series = |name: &str, v| Series::new(name, Index::Rows(rows), v).unwrap();
        printed(kalman_hedge::estimate(&series("y", y), &series("x", x), &Default::default()))
    }),
    ("sweep", |size, _| {
        let trial = |i: u64| sweep::Trial { parameters: vec![i as f64], returns: noise(i, 120) };
        printed(sweep::rank(&(0..10 + size as u64).map(trial).collect::<Vec<_>>()))
    }),
];

#[test]
fn one_two_and_eight_threads_give_the_same_digits() {
    for (name, task) in WATCHED.iter().chain(BRIEF) {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| task(10, &Silent)).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let one = on(1);
        for threads in [2, 8] {
            assert_eq!(one, on(threads), "{name} on {threads} threads");
        }
    }
}

/// Stopped at the n-th word of progress, whenever that is: cancelled, and little is said afterwards.
#[test]
fn a_stop_is_heard_at_any_word() {
    for (name, task) in WATCHED {
        let words = AtomicUsize::new(0);
        let count = |_: usize, _: usize| {
            words.fetch_add(1, Ordering::Relaxed);
            ControlFlow::Continue(())
        };
        task(10, &count).unwrap_or_else(|error| panic!("{name}: {error}"));
        let all = words.load(Ordering::Relaxed);
        assert!(10 <= all, "{name} says only {all} words");
        for stop_at in [1, 2, all / 2, all] {
            words.store(0, Ordering::Relaxed);
            let stop = |_: usize, _: usize| {
                if words.fetch_add(1, Ordering::Relaxed) + 1 < stop_at {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            // one thread, on which words come in one order
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let answer = pool.install(|| task(10, &stop));
            assert!(matches!(answer, Err(Error::Cancelled { .. })), "{name} stopped at word {stop_at}: {answer:?}");
            let after = words.load(Ordering::Relaxed) - stop_at.min(words.load(Ordering::Relaxed));
            assert!(after <= 12, "{name}: {after} words after a stop at word {stop_at} of {all}");
        }
    }
}

/// The longest silence between two words of progress is the longest that a stop can wait; measured, hence ignored by
/// default: `cargo test -p qc-tests --test numerics silence -- --ignored --nocapture`. Results in `docs/numerics.md`.
#[test]
#[ignore = "measures time; its result stands in docs/numerics.md"]
fn no_silence_is_longer_than_fifty_milliseconds() {
    let mut out = std::io::stderr();
    let mut wrong = Vec::new();
    for (name, task) in WATCHED {
        let begun = Instant::now();
        let now = || begun.elapsed().as_micros() as u64;
        let (last, longest) = (AtomicU64::new(0), AtomicU64::new(0));
        let listen = |done: usize, _: usize| {
            let at = now();
            let before = last.swap(at, Ordering::Relaxed);
            if 0 < done || 0 < before {
                longest.fetch_max(at.saturating_sub(before), Ordering::Relaxed);
            }
            ControlFlow::Continue(())
        };
        task(100, &listen).unwrap_or_else(|error| panic!("{name}: {error}"));
        let silence = longest.load(Ordering::Relaxed).max(now() - last.load(Ordering::Relaxed)) as f64 / 1000.0;
        let _ = writeln!(out, "| {name} | {:.2} s | {silence:.1} ms |", now() as f64 / 1e6);
        if 50.0 < silence {
            wrong.push(format!("{name}: {silence:.1} ms"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
