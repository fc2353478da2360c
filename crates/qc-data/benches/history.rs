//! How long reading takes: what pandas' `read_csv` is measured on, and folders that the bench writes itself.
//!
//! The sample folder is `$QC_TEST_SHARED/data/lean`; without it only the written folders are measured. `cold` starts
//! each round with nothing parsed (the operating system has the files in memory), `warm` has parsed them before.
//! What cannot be undercut is measured beside them: `inflate` unpacks the zips of the case into fresh memory and touches
//! nothing, `inflate and scan` also looks at every byte for the ends of cells and lines and keeps nothing, `copy` makes one
//! copy of the columns and times of the answer. For the written folders `inflate` only unpacks the same zips with the same library on the same threads and touches nothing. Peer of the first
//! group: `benches/peer_pandas.py`, same machine, same names.
//!
//! Written folders lie in the system's temporary folder and are kept, so that the second run begins at once.

#![allow(missing_docs)]
#![allow(clippy::disallowed_methods, reason = "a bench is told by its surroundings where the data is")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may stop at the first surprise")]

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::civil::{Date, date};
use qc_data::write::{HoursEntry, LeanWriter, TradeBar};
use qc_data::{
    BarSize, DataFolder, Field, HistoryRequest, LocalTime, Resolution, SecurityType, SymbolQuery, Window, history,
};
use rayon::prelude::*;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The allocator of the HTTP program. The system's gives large columns back and takes them page by page again, which is a third
/// of a cold read.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn sample() -> Option<PathBuf> {
    let shared = std::env::var_os("QC_TEST_SHARED")?;
    Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(shared).join("data/lean"))
}

fn read(folder: &DataFolder, request: &HistoryRequest) -> usize {
    let history = history::load(folder, request).unwrap();
    let field = if request.bars == BarSize::Stored(Resolution::Tick) { Field::LastPrice } else { Field::Close };
    black_box(history.align(field)).n_rows()
}

fn days(first: &str, last: &str) -> Window {
    Window::dates(first.parse().unwrap(), last.parse().unwrap())
}

/// The cases that the peer reads too.
fn against_pandas(c: &mut Criterion) {
    let Some(path) = sample() else {
        println!("QC_TEST_SHARED is not set: there is no LEAN folder to measure with");
        return;
    };
    let folder = DataFolder::open(&path).unwrap();
    let description = folder.describe().unwrap();
    let daily = description.shelves.iter().find(|shelf| {
        shelf.security_type == SecurityType::Equity && shelf.market == "usa" && shelf.resolution == Resolution::Daily
    });
    let mut extended = HistoryRequest::new(["SPY"], days("2013-10-04", "2013-10-18"), Resolution::Minute);
    extended.extended_market_hours = true;
    let euro = SymbolQuery::new("EURUSD", SecurityType::Forex);
    let cases = [
        (
            "daily US shares",
            HistoryRequest::new(&daily.unwrap().tickers, days("1998-01-01", "2021-03-31"), Resolution::Daily),
        ),
        ("SPY minutes", extended),
        ("SPY seconds", HistoryRequest::new(["SPY"], days("2013-10-07", "2013-10-11"), Resolution::Second)),
        ("IBM ticks", HistoryRequest::new(["IBM"], days("2013-10-07", "2013-10-11"), Resolution::Tick)),
        ("EURUSD hours", HistoryRequest::new([euro], days("2002-01-01", "2022-12-31"), Resolution::Hour)),
    ];
    let below = |part: &str, days: std::ops::RangeInclusive<&str>| -> Vec<PathBuf> {
        let is_meant = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            days.contains(&name.get(..8).unwrap_or(name))
        };
        zips(&path.join(part)).into_iter().filter(is_meant).collect()
    };
    let files = [
        zips(&path.join("equity/usa/daily")),
        below("equity/usa/minute/spy", "20131004"..="20131018"),
        below("equity/usa/second/spy", "20131007"..="20131011"),
        below("equity/usa/tick/ibm", "20131007"..="20131011"),
        vec![path.join("forex/oanda/hour/eurusd.zip")],
    ];
    for ((name, request), files) in cases.into_iter().zip(files) {
        if !asked_for(name) {
            continue;
        }
        println!("{name}: {} rows, {} files of {} bytes", read(&folder, &request), files.len(), inflate(&files));
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        group.bench_function("cold", |b| b.iter(|| read(&DataFolder::open(&path).unwrap(), &request)));
        group.bench_function("warm", |b| b.iter(|| read(&folder, &request)));
        group.bench_function("inflate", |b| b.iter(|| inflate(&files)));
        group.bench_function("inflate and scan", |b| b.iter(|| inflate_and_scan(&files)));
        let answer = history::load(&folder, &request).unwrap();
        group.bench_function("copy", |b| b.iter(|| copy(&answer)));
        group.finish();
    }
}

/// A walk that is the same on every machine.
fn walk(seed: u64) -> impl FnMut() -> f64 {
    let (mut state, mut price) = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, 100.0_f64);
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let step = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f64 / (1 << 24) as f64 - 0.5;
        price = (price * (1.0 + step / 100.0)).max(1.0);
        (price * 100.0).round() / 100.0
    }
}

fn bar(time: LocalTime, next: &mut impl FnMut() -> f64) -> TradeBar {
    let (open, close) = (next(), next());
    TradeBar {
        time,
        open,
        high: open.max(close) + 0.25,
        low: open.min(close) - 0.25,
        close,
        volume: (close * 1_000.0).round(),
    }
}

/// Writes a folder unless it is there.
fn written(name: &str, symbols: usize, (first, last): (Date, Date), resolution: Resolution) -> PathBuf {
    let path = std::env::temp_dir().join(format!("qc-data-bench-{name}"));
    if path.join("done").is_file() {
        return path;
    }
    drop(std::fs::remove_dir_all(&path));
    let writer = LeanWriter::create(&path).unwrap();
    let hours = HoursEntry::us_equity(first.year(), last.year());
    writer.market_hours(std::slice::from_ref(&hours)).unwrap();
    let open_days = hours.open_days(first, last);
    (0..symbols).into_par_iter().for_each(|symbol| {
        let mut next = walk(symbol as u64 + 1);
        let bars: Vec<TradeBar> = match resolution {
            Resolution::Daily => open_days.iter().map(|day| bar(LocalTime::midnight(day.date), &mut next)).collect(),
            _ => open_days
                .iter()
                .flat_map(|day| {
                    (day.open..day.close)
                        .step_by(60_000_000_000)
                        .map(|at| LocalTime::midnight(day.date).as_nanos() + at)
                })
                .map(|at| bar(LocalTime::from_nanos(at), &mut next))
                .collect(),
        };
        writer.trade_bars(SecurityType::Equity, "usa", &format!("s{symbol:03}"), resolution, &bars).unwrap();
    });
    std::fs::write(path.join("done"), "").unwrap();
    path
}

fn zips(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "zip") {
                found.push(path);
            }
        }
    }
    found
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(std::fs::read(path).unwrap())).unwrap();
    let mut entry = zip.by_index(0).unwrap();
    let mut text = Vec::with_capacity(entry.size() as usize);
    entry.read_to_end(&mut text).unwrap();
    text
}

fn inflate(zips: &[PathBuf]) -> usize {
    zips.par_iter().map(|path| black_box(unpacked(path)).len()).sum()
}

/// Unpacks and counts the ends of cells and lines, of one file by all threads.
fn inflate_and_scan(zips: &[PathBuf]) -> usize {
    let ends = |part: &[u8]| part.iter().filter(|byte| matches!(byte, b',' | b'\n')).count();
    zips.par_iter().map(|path| unpacked(path).par_chunks(1 << 19).map(ends).sum::<usize>()).sum()
}

/// Copies every column and the times of an answer, each as it is.
fn copy(history: &qc_data::History) -> usize {
    let columns: Vec<&[f64]> =
        history.series.iter().flat_map(|series| series.columns.iter().map(|(_, cells)| cells)).collect();
    let cells: usize = columns.par_iter().map(|cells| black_box(cells.to_vec()).len()).sum();
    let times: usize = history.series.par_iter().map(|series| black_box(series.times.clone()).len()).sum();
    cells + times
}

/// Whether the filter of the command line, if there is one, may mean a group.
fn asked_for(name: &str) -> bool {
    // What is neither a switch nor the number behind one.
    let is_filter = |word: &String| !word.starts_with('-') && word.parse::<f64>().is_err();
    let mut words = std::env::args().skip(1).filter(is_filter).peekable();
    words.peek().is_none() || words.any(|word| word.starts_with(name) || name.contains(&word))
}

/// A figure of the kernel's about this process, in bytes.
fn status(figure: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure))?;
    Some(line.trim_start_matches(':').trim().trim_end_matches(" kB").trim().parse::<usize>().ok()? * 1024)
}

/// Prints how much memory reading takes at its highest, beside the columns that are the answer (Linux only; true for the
/// first group of a run, so name one). Nothing is kept of parsed files.
fn memory(name: &str, path: &Path, request: &HistoryRequest) {
    let folder = DataFolder::open(path).unwrap();
    folder.set_cache_limit(0);
    let Some(before) = status("VmRSS") else { return };
    if std::fs::write("/proc/self/clear_refs", "5").is_err() {
        return;
    }
    let history = history::load(&folder, request).unwrap();
    let (Some(peak), Some(now)) = (status("VmHWM"), status("VmRSS")) else { return };
    let columns: usize = history.series.iter().map(|s| s.n_rows() * 8 * (1 + s.columns.iter().len())).sum();
    let part = |bytes: usize| bytes.saturating_sub(before) as f64 / columns as f64;
    println!(
        "{name}: columns and times {:.1} MB, {:.2} times that at the highest, {:.2} times when done",
        columns as f64 / 1e6,
        part(peak),
        part(now)
    );
}

/// Folders of a research desk's size, against unpacking their zips.
fn against_inflating(c: &mut Criterion) {
    let cases = [
        (
            "500 symbols x 20 years of days",
            500,
            (date(2004, 1, 1), date(2023, 12, 31)),
            Resolution::Daily,
            BarSize::Stored(Resolution::Daily),
        ),
        (
            "1 symbol x 1 year of minutes",
            1,
            (date(2023, 1, 1), date(2023, 12, 31)),
            Resolution::Minute,
            BarSize::Stored(Resolution::Minute),
        ),
        (
            "33 symbols x 620 days to 15 minutes",
            33,
            (date(2021, 7, 1), date(2023, 12, 15)),
            Resolution::Minute,
            BarSize::Minutes(15),
        ),
    ];
    for (index, (name, symbols, (first, last), resolution, bars)) in cases.into_iter().enumerate() {
        // Nothing is written for a case that is not asked for.
        if !asked_for(name) {
            continue;
        }
        let path = written(&index.to_string(), symbols, (first, last), resolution);
        let zips = zips(&path);
        let tickers = (0..symbols).map(|symbol| format!("S{symbol:03}"));
        let request = HistoryRequest::new(tickers, Window::dates(first, last), bars);
        memory(name, &path, &request);
        let mut group = c.benchmark_group(name);
        group.sample_size(10);
        group.bench_function("inflate", |b| b.iter(|| inflate(&zips)));
        group.bench_function("read", |b| b.iter(|| read(&DataFolder::open(&path).unwrap(), &request)));
        if matches!(bars, BarSize::Minutes(_)) {
            let kept = std::env::temp_dir().join("qc-data-bench-kept");
            let open = || {
                let folder = DataFolder::open(&path).unwrap();
                folder.keep_derived_in(&kept).unwrap();
                folder
            };
            read(&open(), &request);
            group.bench_function("kept on disk", |b| b.iter(|| read(&open(), &request)));
        }
        group.finish();
    }
}

// Memory is measured where nothing was read before.
criterion_group!(benches, against_inflating, against_pandas);
criterion_main!(benches);
