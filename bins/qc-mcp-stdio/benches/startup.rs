//! From starting the process to the answer of `tools/list`, and the memory it holds then. Budgets fail the run.
//!
//! `cargo bench --locked -p qc-mcp-stdio` (an optimised build; figures of a debug build mean nothing).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement may stop at the first surprise"
)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Starts measured; the median is judged, so that a busy moment of the machine does not decide.
const STARTS: usize = 41;

/// Time from process start to the answer.
const TIME_BUDGET: Duration = Duration::from_millis(10);

/// Resident memory after the answer, in KiB.
const MEMORY_BUDGET: u64 = 15 * 1024;

const OPENING: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"#,
    r#""clientInfo":{"name":"bench","version":"0"}}}"#,
    "\n",
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    "\n",
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#,
    "\n",
);

fn main() -> ExitCode {
    let mut within = true;
    for arguments in [&[][..], &["--demo"], &["--toolsets", "all"]] {
        let (mut times, mut memory): (Vec<_>, Vec<_>) = (0..STARTS).map(|_| start(arguments)).unzip();
        times.sort_unstable();
        memory.sort_unstable();
        let (time, slow, memory) = (times[STARTS / 2], times[STARTS * 9 / 10], memory[STARTS / 2]);
        println!(
            "startup {arguments:?}: tools/list after {:.1} ms (nine in ten within {:.1} ms), {:.1} MiB resident",
            time.as_secs_f64() * 1e3,
            slow.as_secs_f64() * 1e3,
            memory as f64 / 1024.0
        );
        within &= time <= TIME_BUDGET && memory <= MEMORY_BUDGET;
    }
    println!("budget: {} ms, {} MiB", TIME_BUDGET.as_millis(), MEMORY_BUDGET / 1024);
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(arguments: &[&str]) -> (Duration, u64) {
    let begun = Instant::now();
    let mut server = command().args(arguments).spawn().unwrap();
    let mut stdin = server.stdin.take().unwrap();
    stdin.write_all(OPENING.as_bytes()).unwrap();
    let mut answers = BufReader::new(server.stdout.take().unwrap()).lines();
    while !answers.next().unwrap().unwrap().contains("\"tools\":[") {}
    let took = begun.elapsed();
    let resident = resident(server.id());
    drop(stdin);
    server.wait().unwrap();
    (took, resident)
}

#[allow(clippy::disallowed_methods, reason = "the program under measurement has to be started")]
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qc-mcp-stdio"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).env_clear();
    command
}

/// Resident memory in KiB; 0 where /proc does not tell.
fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}
