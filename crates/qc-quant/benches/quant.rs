//! How long the statistics take; sizes stand in the ids, inputs come from fixed seeds.
//!
//! `cargo bench -p qc-quant` runs them all, `cargo bench -p qc-quant -- pca` those whose id holds "pca".
//! Ids ending in `1 thread` run in a pool of one, the others in the machine's.

// a benchmark that cannot make its input stops
#![allow(clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use qc_quant::cointegration::{all_pairs, engle_granger};
use qc_quant::performance::{self, PerformanceOptions};
use qc_quant::stats::correlation::{self, Method};
use qc_quant::stats::distance_correlation;
use qc_quant::testing::{noise, pair, random_walk};
use qc_quant::unit_root::adf;
use qc_quant::{Index, Panel, Silent, pca};

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
    for (rows, n) in [(252, 50), (1260, 500)] {
        let panel = returns(rows, n);
        group
            .bench_function(format!("pca {rows}x{n}"), |b| b.iter(|| pca::fit(black_box(&panel), &Default::default())));
        let ten = pca::PcaOptions { n_components: Some(10), ..Default::default() };
        group.bench_function(format!("pca {rows}x{n} k=10"), |b| b.iter(|| pca::fit(black_box(&panel), &ten)));
    }
    let panel = returns(1260, 500);
    for (name, method) in [("pearson", Method::Pearson), ("spearman", Method::Spearman)] {
        group.bench_function(format!("{name} 1260x500"), |b| b.iter(|| correlation::matrix(black_box(&panel), method)));
        let pool = one_thread();
        group.bench_function(format!("{name} 1260x500, 1 thread"), |b| {
            b.iter(|| pool.install(|| correlation::matrix(black_box(&panel), method)));
        });
    }
}

fn distance(c: &mut Criterion) {
    let (x, y) = (noise(1, 1000), noise(2, 1000));
    c.bench_function("distance correlation 1000", |b| b.iter(|| distance_correlation::test(black_box(&x), &y)));
    let panel = returns(1000, 2);
    c.bench_function("rolling distance correlation 941 windows of 60", |b| {
        b.iter(|| correlation::rolling(black_box(&panel), "S0", "S1", Method::Distance, 60, 1));
    });
}

fn cointegration(c: &mut Criterion) {
    let (y, x) = pair(7, 1260);
    let options = engle_granger::Options::default();
    c.bench_function("engle-granger 1260 aic, one direction", |b| {
        b.iter(|| engle_granger::test_values(black_box(&y), &[&x], &options));
    });
    c.bench_function("adf 1260 aic", |b| b.iter(|| adf::test(black_box(&x), &Default::default())));
    let mut group = c.benchmark_group("pairs");
    group.sample_size(20);
    let panel = prices(1260, 50);
    group.bench_function("engle-granger 1225 pairs, both directions", |b| {
        b.iter(|| all_pairs::scan(black_box(&panel), &options, &Silent));
    });
    let pool = one_thread();
    group.bench_function("engle-granger 1225 pairs, both directions, 1 thread", |b| {
        b.iter(|| pool.install(|| all_pairs::scan(black_box(&panel), &options, &Silent)));
    });
}

fn figures(c: &mut Criterion) {
    let panel = returns(1260, 2);
    let options = PerformanceOptions::default();
    c.bench_function("performance 1260 with benchmark", |b| {
        b.iter(|| performance::summary(black_box(panel.column(0)), Some(panel.column(1)), &options));
    });
}

criterion_group!(benches, linear, distance, cointegration, figures);
criterion_main!(benches);
