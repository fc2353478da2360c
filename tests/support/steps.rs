//! Commands run one after the other, their output streamed, with a closing line of times. Stops at the first failure.

use crate::paths::workspace_root;
use std::env;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// One cargo command with a name for the closing line.
#[derive(Debug, Clone)]
pub struct Step {
    /// What the closing line calls it.
    pub name: &'static str,
    /// The arguments to cargo.
    pub arguments: &'static [&'static str],
    /// Environment variables set for this step alone.
    pub environment: &'static [(&'static str, &'static str)],
}

/// Runs the steps in order in the workspace root and prints `<title>: passed in 61 s (format 1 s, ...)`.
pub fn run(title: &str, steps: &[Step]) -> ExitCode {
    let mut times = Vec::new();
    for step in steps {
        println!("\n== {}: cargo {}", step.name, step.arguments.join(" "));
        let begun = Instant::now();
        let outcome = cargo(step).status();
        times.push((step.name, begun.elapsed()));
        match outcome {
            Ok(status) if status.success() => {}
            Ok(status) => return closing(title, &format!("failed at {} ({status})", step.name), &times, 1),
            Err(error) => return closing(title, &format!("could not start {} ({error})", step.name), &times, 1),
        }
    }
    closing(title, "passed", &times, 0)
}

fn cargo(step: &Step) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(step.arguments).current_dir(workspace_root());
    // `cargo run` describes this very program to it; the commands below are not about this program.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME" {
            command.env_remove(name);
        }
    }
    command.envs(step.environment.iter().copied());
    command
}

fn closing(title: &str, outcome: &str, times: &[(&str, Duration)], code: u8) -> ExitCode {
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    let each: Vec<_> = times.iter().map(|(name, time)| format!("{name} {} s", time.as_secs())).collect();
    println!("\n{title}: {outcome} in {} s ({})", total.as_secs(), each.join(", "));
    ExitCode::from(code)
}
