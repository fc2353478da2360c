//! How much memory does a computation take while it runs, and does that grow as its input does?
//!
//! Each size runs in a process of its own, which says by how much its largest resident size (`VmHWM`) exceeds what it held
//! when the input was ready: one allocator's leftovers never hide another run's needs. Linux only, hence ignored by default:
//! `cargo test -p qc-tests --test numerics memory -- --ignored --nocapture`. Results in `docs/numerics.md`.

use std::io::Write;
use std::process::Command;

use qc_quant::cointegration::all_pairs;
use qc_quant::resample::block_bootstrap::{self, AlphaOptions};
use qc_quant::stats::correlation::{self, Aggregate, Method};
use qc_quant::stats::distance_correlation;
use qc_quant::testing::{noise, random_walk};
use qc_quant::{Index, Panel, Silent, pca};

/// Names the task and the number of rows for the process that is measured.
const ASKED: &str = "QC_TEST_MEMORY";
const SYMBOLS: usize = 100;
const ROWS: usize = 2_500;

fn panel(rows: usize, column: impl Fn(u64) -> Vec<f64>) -> Panel {
    let names = (0..SYMBOLS).map(|i| format!("S{i}")).collect();
    Panel::new(names, Index::Rows(rows), (0..SYMBOLS as u64).map(column).collect()).unwrap()
}

/// Kilobytes of one line of `/proc/self/status`.
fn kilobytes(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find(|text| text.starts_with(line)).unwrap();
    found.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The input first, then what it costs: kilobytes of the input, and those the computation takes beside it.
fn measured<T>(bytes: usize, compute: impl FnOnce() -> T) -> (u64, u64) {
    let before = kilobytes("VmRSS:");
    let answer = compute();
    let peak = kilobytes("VmHWM:");
    drop(answer);
    (bytes as u64 / 1024, peak.saturating_sub(before))
}

fn run(task: &str, rows: usize) -> (u64, u64) {
    let cells = rows * SYMBOLS * size_of::<f64>();
    match task {
        "components" => {
            let input = panel(rows, |seed| noise(seed, rows));
            measured(cells, || pca::fit(&input, &Default::default()).unwrap())
        }
        "pearson" | "spearman" => {
            let method = if task == "pearson" { Method::Pearson } else { Method::Spearman };
            let input = panel(rows, |seed| noise(seed, rows));
            measured(cells, || correlation::matrix(&input, method).unwrap())
        }
        "all pairs of Engle-Granger" => {
            let input = panel(rows, |seed| random_walk(seed, rows));
            measured(cells, || all_pairs::scan(&input, &Default::default(), &Silent).unwrap())
        }
        "rolling distance correlations" => {
            let input = panel(rows, |seed| noise(seed, rows));
            measured(cells, || distance_correlation::rolling_pairs(&input, 60, 5, Aggregate::Last, &Silent).unwrap())
        }
        "bootstrap of alpha" => {
            let (y, x) = (noise(1, SYMBOLS * rows), noise(2, SYMBOLS * rows));
            let options = AlphaOptions { mean_block: 5.0, replicates: 99, seed: 3 };
            measured(2 * cells, || block_bootstrap::alpha(&y, &x, &options, &Silent).unwrap())
        }
        other => panic!("no task {other}"),
    }
}

const TASKS: [&str; 6] = [
    "components",
    "pearson",
    "spearman",
    "all pairs of Engle-Granger",
    "rolling distance correlations",
    "bootstrap of alpha",
];

/// The process that is measured: does one task and says what it took.
#[test]
#[ignore = "run by memory_grows_as_the_input_does"]
fn one_memory_measurement() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let (task, rows) = asked.rsplit_once('|').unwrap();
    let (input, beside) = run(task, rows.parse().unwrap());
    let _ = writeln!(std::io::stderr(), "MEASURED {input} {beside}");
}

#[test]
#[ignore = "measures memory of other processes; its result stands in docs/numerics.md"]
fn memory_grows_as_the_input_does() {
    if !std::path::Path::new("/proc/self/status").is_file() {
        return;
    }
    let itself = std::env::current_exe().unwrap();
    let mut out = std::io::stderr();
    for task in TASKS {
        let mut each: Vec<(u64, u64)> = Vec::new();
        for factor in [1, 2, 4] {
            let child = Command::new(&itself)
                .args(["memory::one_memory_measurement", "--exact", "--ignored", "--nocapture"])
                .env(ASKED, format!("{task}|{}", factor * ROWS))
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&child.stderr).into_owned();
            let line = text.lines().find_map(|line| line.split("MEASURED ").nth(1)).unwrap_or_else(|| panic!("{text}"));
            let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap());
            each.push((numbers.next().unwrap(), numbers.next().unwrap()));
        }
        let shown: Vec<String> = each
            .iter()
            .map(|(input, beside)| format!("{:.1}: {:.1}", *input as f64 / 1024.0, *beside as f64 / 1024.0))
            .collect();
        let _ = writeln!(out, "| {task} | {} |", shown.join(" | "));
        // A fixed part (threads, tables of p-values), and at most a few times the input.
        for (input, beside) in each {
            assert!(beside < 12 * 1024 + 8 * input, "{task}: {beside} kB beside an input of {input} kB");
        }
    }
}
