//! How long the statistics take; sizes stand in the ids, inputs come from fixed seeds.
//!
//! `cargo bench -p qc-quant` runs them all, `cargo bench -p qc-quant -- pca` those whose id holds "pca".
//! Ids ending in `1 thread` run in a pool of one, the others in the machine's. Inputs come from
//! `$QC_BENCH_DATA/<name>.f64` (row by row, little-endian) when that is set, so that other programs can time the same.

// a benchmark that cannot make its input stops, and reads where its input lies
#![allow(clippy::expect_used, clippy::disallowed_methods, clippy::indexing_slicing, clippy::print_stderr)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use qc_quant::cointegration::{all_pairs, engle_granger, johansen};
use qc_quant::covariance;
use qc_quant::dynamics::{break_test, kalman_hedge, markov_switching};
use qc_quant::mean_reversion::hurst;
use qc_quant::pairs_backtest::account::{self, AccountOptions, Fill, Hedge, PairRule};
use qc_quant::performance::{self, PerformanceOptions, drawdown, robust};
use qc_quant::portfolio::constraints::Constraints;
use qc_quant::portfolio::mean_variance::{Bounds, min_variance};
use qc_quant::portfolio::rebalance::{self, Rule};
use qc_quant::portfolio::sparse_tracking::{self, Measure, Penalty, TrackingOptions};
use qc_quant::portfolio::{hrp, min_cvar, risk_parity};
use qc_quant::resample::block_bootstrap::{self, AlphaOptions};
use qc_quant::stats::correlation::{self, Aggregate, Method};
use qc_quant::stats::distance_correlation;
use qc_quant::stats::ols::{self, Errors};
use qc_quant::testing::{noise, pair, random_walk};
use qc_quant::trades as round_trips;
use qc_quant::unit_root::adf;
use qc_quant::{Index, Panel, Series, Silent, pca};

/// Returns with one common factor, as stocks have.
fn returns(n_rows: usize, n: usize) -> Panel {
    let market = noise(1, n_rows);
    let column = |seed| {
        let own = noise(1000 + seed, n_rows);
        market.iter().zip(own).map(|(m, e)| 0.01 * (0.6 * m + e)).collect()
    };
    Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(n_rows), (0..n as u64).map(column).collect())
        .expect("a valid panel")
}

fn prices(n_rows: usize, n: usize) -> Panel {
    let columns = (0..n as u64).map(|seed| random_walk(seed, n_rows)).collect();
    Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(n_rows), columns).expect("a valid panel")
}

fn one_thread() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool")
}

fn linear(c: &mut Criterion) {
    let mut group = c.benchmark_group("linear");
    group.sample_size(30);
    for (name, rows, n) in [("r252x50", 252, 50), ("r1260x500", 1260, 500)] {
        let panel = shared(name, rows, n);
        group
            .bench_function(format!("pca {rows}x{n}"), |b| b.iter(|| pca::fit(black_box(&panel), &Default::default())));
        let ten = pca::PcaOptions { n_components: Some(10), ..Default::default() };
        group.bench_function(format!("pca {rows}x{n} k=10"), |b| b.iter(|| pca::fit(black_box(&panel), &ten)));
    }
    let panel = shared("r1260x500", 1260, 500);
    for (name, method) in [("pearson", Method::Pearson), ("spearman", Method::Spearman)] {
        group.bench_function(format!("{name} 1260x500"), |b| b.iter(|| correlation::matrix(black_box(&panel), method)));
        let pool = one_thread();
        group.bench_function(format!("{name} 1260x500, 1 thread"), |b| {
            b.iter(|| pool.install(|| correlation::matrix(black_box(&panel), method)));
        });
    }
}

fn distance(c: &mut Criterion) {
    let panel = shared("x1000", 1000, 2);
    let (x, y) = (panel.column(0), panel.column(1));
    c.bench_function("distance correlation 1000", |b| b.iter(|| distance_correlation::test(black_box(x), y)));
    c.bench_function("rolling distance correlation 941 windows of 60", |b| {
        b.iter(|| correlation::rolling(black_box(&panel), "S0", "S1", Method::Distance, 60, 1));
    });
}

fn cointegration(c: &mut Criterion) {
    let two = cointegrated();
    let (y, x) = (two.column(0), two.column(1));
    let options = engle_granger::Options::default();
    c.bench_function("engle-granger 1260 aic, one direction", |b| {
        b.iter(|| engle_granger::test_values(black_box(y), &[x], &options));
    });
    c.bench_function("adf 1260 aic", |b| b.iter(|| adf::test(black_box(y), &Default::default())));
    let mut group = c.benchmark_group("pairs");
    group.sample_size(20);
    let panel = log_prices(1260, 50);
    group.bench_function("engle-granger 1225 pairs, both directions", |b| {
        b.iter(|| all_pairs::scan(black_box(&panel), &options, &Silent));
    });
    let pool = one_thread();
    group.bench_function("engle-granger 1225 pairs, both directions, 1 thread", |b| {
        b.iter(|| pool.install(|| all_pairs::scan(black_box(&panel), &options, &Silent)));
    });
}

fn figures(c: &mut Criterion) {
    let assets = shared("r1260x100", 1260, 100);
    let own: Vec<f64> = (0..1260).map(|t| assets.columns().map(|c| c[t]).sum::<f64>() / 100.0).collect();
    let index = tracked(&assets);
    let options = PerformanceOptions::default();
    c.bench_function("performance 1260 with benchmark", |b| {
        b.iter(|| performance::summary(black_box(&own), Some(index.values()), &options));
    });
    c.bench_function("tear sheet 1260: performance, robust errors, drawdowns", |b| {
        b.iter(|| {
            let curve = performance::equity_curve(black_box(&own));
            let found = performance::summary(&own, Some(index.values()), &options);
            (found, robust::alpha(&own, index.values(), None), drawdown::table(&curve, 5), drawdown::underwater(&curve))
        });
    });
}

/// Returns by name from the folder of the shared inputs, or simulated.
fn shared(name: &str, n_rows: usize, n: usize) -> Panel {
    let Ok(folder) = std::env::var("QC_BENCH_DATA") else { return returns(n_rows, n) };
    let bytes = std::fs::read(format!("{folder}/{name}.f64")).expect("an input file");
    let (values, _) = bytes.as_chunks::<8>();
    let at = |row: usize, col: usize| f64::from_le_bytes(values[row * n + col]);
    let columns = (0..n).map(|col| (0..n_rows).map(|row| at(row, col)).collect()).collect();
    Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(n_rows), columns).expect("a valid panel")
}

/// Fifty or fewer log prices.
fn log_prices(n_rows: usize, n: usize) -> Panel {
    if std::env::var("QC_BENCH_DATA").is_err() {
        return prices(n_rows, n);
    }
    let all = shared("logp1260x50", n_rows, 50);
    all.select(&all.symbols()[..n]).expect("the first columns")
}

/// A pair that is tied together, y first.
fn cointegrated() -> Panel {
    if std::env::var("QC_BENCH_DATA").is_ok() {
        return shared("pair1260", 1260, 2);
    }
    let (y, x) = pair(7, 1260);
    Panel::new(vec!["S0".into(), "S1".into()], Index::Rows(1260), vec![y, x]).expect("a valid panel")
}

/// The benchmark to track: the mean of the assets and a little noise.
fn tracked(assets: &Panel) -> Series {
    let rows = assets.n_rows();
    let values = if std::env::var("QC_BENCH_DATA").is_ok() {
        shared("bench1260", rows, 1).column(0).to_vec()
    } else {
        let e = noise(7, rows);
        let mean = |t: usize| assets.columns().map(|c| c[t]).sum::<f64>() / assets.n_symbols() as f64;
        (0..rows).map(|t| mean(t) + 0.001 * e[t]).collect()
    };
    Series::new("benchmark", Index::Rows(rows), values).expect("a valid series")
}

fn portfolios(c: &mut Criterion) {
    let hundred = shared("r1260x100", 1260, 100);
    let cov = covariance::sample(&hundred).expect("a covariance");
    let mut group = c.benchmark_group("portfolio");
    group.sample_size(20);
    group.bench_function("hrp 100", |b| b.iter(|| hrp::fit(black_box(&hundred), Default::default())));
    let capped = Bounds { lower: 0.0, upper: 0.05 };
    group.bench_function("min variance 100 cap .05", |b| b.iter(|| min_variance(black_box(&cov), Some(capped))));
    group.bench_function("risk parity 100", |b| b.iter(|| risk_parity::weights(black_box(&cov), &[0.01; 100])));
    let fifty = shared("r1000x50", 1000, 50);
    let conditions = Constraints::invested(50, Bounds { lower: 0.0, upper: 0.1 }).expect("feasible");
    group.bench_function("min cvar 50x1000 cap .1", |b| {
        b.iter(|| min_cvar::fit(black_box(&fifty), 0.95, &conditions));
    });
    let index = tracked(&hundred);
    let given = |lambda| TrackingOptions {
        measure: Measure::Hdr { huber: 0.0005 },
        max_weight: 0.1,
        penalty: Penalty::Lambda(lambda),
        hold_out: 0.0,
        ..Default::default()
    };
    for (name, lambda) in [("lambda 2e-7", 2e-7), ("lambda 0", 0.0)] {
        group.bench_function(format!("sparse hdr 100x1260 {name}"), |b| {
            b.iter(|| sparse_tracking::fit(black_box(&hundred), &index, &given(lambda), &Silent));
        });
    }
    let searched = TrackingOptions { penalty: Penalty::HoldOut, hold_out: 0.2, ..given(0.0) };
    let counted = TrackingOptions { penalty: Penalty::Assets(20), ..given(0.0) };
    for (name, options) in [("by hold-out", searched), ("for 20 assets", counted)] {
        group.bench_function(format!("sparse hdr 100x1260 lambda {name}"), |b| {
            b.iter(|| sparse_tracking::fit(black_box(&hundred), &index, &options, &Silent));
        });
    }
    let found = sparse_tracking::fit(&hundred, &index, &given(2e-7), &Silent).expect("an answer");
    eprintln!("sparse hdr 100x1260: objective {:.4e}, {} assets", found.loss + found.penalty, found.assets);
    let shortfall = min_cvar::fit(&fifty, 0.95, &conditions).expect("an answer");
    eprintln!("min cvar 50x1000: {:.12}", shortfall.cvar);
}

fn series(c: &mut Criterion) {
    let hundred = shared("r1260x100", 1260, 100);
    let market = tracked(&hundred);
    let mut group = c.benchmark_group("series");
    group.sample_size(20);
    for replicates in [1000, 5000] {
        let options = AlphaOptions { mean_block: 8.0, replicates, seed: 1 };
        group.bench_function(format!("bootstrap alpha 1260 B={replicates}"), |b| {
            b.iter(|| block_bootstrap::alpha(black_box(market.values()), hundred.column(0), &options, &Silent));
        });
    }
    let factors = hundred.select(&["S0", "S1", "S2", "S3", "S4", "S5"]).expect("factors");
    group.bench_function("ols hac 1260x6", |b| {
        b.iter(|| ols::fit(black_box(&market), &factors).and_then(|fit| fit.inference(Errors::Hac)));
    });
    let two = cointegrated();
    let (y, x) = (two.series("S0").expect("y"), two.series("S1").expect("x"));
    group.bench_function("kalman 1260", |b| b.iter(|| kalman_hedge::filter(black_box(&y), &x, &Default::default())));
    group.bench_function("kalman 1260, variances estimated", |b| {
        b.iter(|| kalman_hedge::estimate(black_box(&y), &x, &Default::default()));
    });
    let fifty = shared("r1260x50", 1260, 50);
    group.bench_function("hurst r/s 1260", |b| b.iter(|| hurst::rescaled_range(black_box(fifty.column(0)))));
    let five = log_prices(1260, 5);
    let options = johansen::JohansenOptions { lagged_differences: 2, ..Default::default() };
    group.bench_function("johansen 1260x5 k=2", |b| b.iter(|| johansen::test(black_box(&five), &options)));
    let none = markov_switching::MarkovOptions { replicates: 0, seed: 0 };
    group.bench_function("markov switching 1260", |b| {
        b.iter(|| markov_switching::fit(black_box(hundred.column(0)), &none, &Silent));
    });
}

fn backtests(c: &mut Criterion) {
    let mut group = c.benchmark_group("backtests");
    group.sample_size(20);
    let logs = log_prices(1260, 20);
    let columns = logs.columns().map(|c| c.iter().map(|p| (0.01 * p).exp()).collect()).collect();
    let close = Panel::new(logs.symbols().to_vec(), Index::Rows(1260), columns).expect("prices");
    let rule = |pair: usize| PairRule {
        y: format!("S{}", 2 * pair),
        x: format!("S{}", 2 * pair + 1),
        hedge: Hedge::Refit { window: 250, every: 20 },
        entry: 1.5,
        exit: 0.2,
        stop: 4.0,
        lookback: 40,
        confirm_bars: 1,
        max_holding: None,
    };
    let rules: Vec<PairRule> = (0..10).map(rule).collect();
    let options = AccountOptions { fill: Fill::NextClose, ..Default::default() };
    group.bench_function("10 pairs 1260, refitted", |b| {
        b.iter(|| account::run(black_box(&close), None, &rules, &options, &Silent));
    });
    let weights = [0.05; 20];
    group.bench_function("rebalanced 20x1260 daily", |b| {
        b.iter(|| rebalance::simulate(black_box(&close), &weights, Rule::Daily, 5.0));
    });
    let flow = noise(3, 1260);
    let ones = vec![1.0; 1260];
    group.bench_function("sup-Wald 1260x2", |b| {
        b.iter(|| break_test::sup_wald(black_box(&flow), &[&ones, logs.column(0)], 0.15))
    });
    group.bench_function("rolling engle-granger 1009 windows of 252", |b| {
        b.iter(|| engle_granger::rolling(black_box(&logs), "S0", "S1", &Default::default(), 252, 1));
    });
}

fn scans(c: &mut Criterion) {
    let mut group = c.benchmark_group("scans");
    group.sample_size(10);
    let returns = shared("r1260x500", 1260, 500);
    let summed = |c: &[f64]| {
        let mut level = 0.0;
        let add = |r: &f64| {
            level += r;
            level
        };
        c.iter().map(add).collect()
    };
    let columns = returns.columns().map(summed).collect();
    let panel = Panel::new(returns.symbols().to_vec(), Index::Rows(1260), columns).expect("log prices");
    let options = engle_granger::Options::default();
    group.bench_function("engle-granger 500x1260, 124750 pairs", |b| {
        b.iter(|| all_pairs::scan(black_box(&panel), &options, &Silent));
    });
    // As many as pass at 5 % where nothing is adjusted and nothing is bound: one in twenty has its spread made again.
    group.bench_function("screen 500x1260: engle-granger, then half-life and hurst of one pair in twenty", |b| {
        b.iter(|| {
            let found = all_pairs::scan(black_box(&panel), &options, &Silent).expect("a scan");
            let passed = found.pairs.iter().take(found.pairs.len() / 20);
            passed
                .filter_map(|pair| engle_granger::test(&panel, &pair.a, &[&pair.b], &options).ok())
                .filter_map(|test| hurst::structure(&test.residual, 2.0, 1, 20).ok())
                .count()
        });
    });
    let hundred = shared("r1260x500", 1260, 500).select(&panel.symbols()[..100]).expect("a hundred");
    group.bench_function("rolling distance correlation 100x1260, 4950 pairs, windows of 60", |b| {
        b.iter(|| distance_correlation::rolling_pairs(black_box(&hundred), 60, 1, Aggregate::Median, &Silent));
    });
}

fn trades(c: &mut Criterion) {
    let fills: Vec<round_trips::Fill> = (0..100_000_i64)
        .map(|i| round_trips::Fill {
            symbol: format!("S{}", i % 500),
            time: i * 600,
            quantity: if (i / 500) % 2 == 0 { 10.0 } else { -10.0 },
            price: 50.0 + (i * 7_919 % 1_000) as f64 / 100.0,
            fee: 1.0,
            multiplier: 1.0,
        })
        .collect();
    let closed = round_trips::fifo(&fills).expect("round trips").closed;
    let mut group = c.benchmark_group("trades");
    group.sample_size(20);
    group.bench_function("100000 fills to round trips", |b| b.iter(|| round_trips::fifo(black_box(&fills))));
    group.bench_function("50000 round trips summed up", |b| b.iter(|| round_trips::analyze(black_box(&closed))));
}

criterion_group!(benches, trades, linear, distance, cointegration, figures, portfolios, series, backtests, scans);
criterion_main!(benches);
