//! `cargo accept`: rewrites snapshots and generated pages from what the code says now. Read the diff before committing.

use std::process::ExitCode;
use support::steps::{Step, run};

const UPDATE: &[(&str, &str)] = &[("UPDATE", "1")];

const STEPS: &[Step] = &[
    Step {
        name: "tool list, tool pages, settings, README",
        arguments: &["test", "--locked", "--package", "qc-tests", "--test", "surface"],
        environment: UPDATE,
    },
    Step {
        name: "coverage of the API",
        arguments: &["test", "--locked", "--package", "qc-tests", "--test", "contract"],
        environment: UPDATE,
    },
];

fn main() -> ExitCode {
    let code = run("accept", STEPS);
    println!("now read `git diff`");
    code
}
