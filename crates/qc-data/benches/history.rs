//! How long reading takes: all daily US shares of a LEAN folder, adjusted, full history, aligned.
//!
//! The folder is `$QC_TEST_SHARED/data/lean`; without it the bench says so and measures nothing.
//! `cold` starts each round with nothing parsed (the operating system has the files in memory), `warm` has parsed
//! them before, `inflate` only unpacks the same zips on the same threads. Peer: `benches/peer_pandas.py`.

#![allow(missing_docs)]
#![allow(clippy::disallowed_methods, reason = "a bench is told by its surroundings where the data is")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may stop at the first surprise")]

use criterion::{Criterion, criterion_group, criterion_main};
use qc_data::{DataFolder, Field, HistoryRequest, Resolution, SecurityType, Window, history};
use std::hint::black_box;
use std::path::PathBuf;

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("QC_TEST_SHARED")?;
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    Some(root.join(shared).join("data/lean"))
}

fn all_daily_shares(folder: &DataFolder) -> HistoryRequest {
    let description = folder.describe().unwrap();
    let shelf = description.shelves.iter().find(|shelf| {
        shelf.security_type == SecurityType::Equity && shelf.market == "usa" && shelf.resolution == Resolution::Daily
    });
    let tickers = &shelf.unwrap().tickers;
    let window = Window::dates("1998-01-01".parse().unwrap(), "2021-03-31".parse().unwrap());
    HistoryRequest::new(tickers, window, Resolution::Daily)
}

fn read(folder: &DataFolder, request: &HistoryRequest) -> usize {
    let history = history::load(folder, request).unwrap();
    black_box(history.align(Field::Close)).n_rows()
}

fn daily(c: &mut Criterion) {
    let Some(path) = folder() else {
        println!("QC_TEST_SHARED is not set: there is no LEAN folder to measure with");
        return;
    };
    let warm = DataFolder::open(&path).unwrap();
    let request = all_daily_shares(&warm);
    println!("{} shares, {} rows aligned", request.symbols.len(), read(&warm, &request));
    let mut group = c.benchmark_group(format!("daily US shares ({})", request.symbols.len()));
    group.bench_function("cold", |b| b.iter(|| read(&DataFolder::open(&path).unwrap(), &request)));
    group.bench_function("warm", |b| b.iter(|| read(&warm, &request)));
    group.finish();
}

criterion_group!(benches, daily);
criterion_main!(benches);
