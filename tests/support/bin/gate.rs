//! `cargo gate`: everything that must pass before a change lands. Formatting, lints, tests, documentation.

use std::process::ExitCode;
use support::steps::{Step, run};

const STEPS: &[Step] = &[
    Step { name: "format", arguments: &["fmt", "--all", "--check"], environment: &[] },
    Step {
        name: "lints",
        arguments: &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"],
        environment: &[],
    },
    Step { name: "tests", arguments: &["test", "--locked", "--workspace"], environment: &[] },
    Step {
        name: "documentation",
        arguments: &["doc", "--locked", "--workspace", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

fn main() -> ExitCode {
    run("gate", STEPS)
}
