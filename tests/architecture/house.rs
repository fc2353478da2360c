//! Order in the house: every file says what it is for, long files are listed, cargo is always run `--locked`.

use crate::source::{Source, all};
use crate::{falls, stands};
use std::fs;
use std::path::Path;
use support::paths::{skipping, workspace_root};

/// Past this many lines a file may hold two subjects.
const LONG: usize = 400;

/// The first thing in a file is a comment on what it is for: a sentence, not a title.
fn module_comments(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| {
            let first = source.text.lines().next().unwrap_or_default();
            let comment = first.strip_prefix("//! ").unwrap_or_default();
            comment.split_whitespace().count() < 3
        })
        .map(|source| format!("{}: the first line should be `//!` and say what the file is for", source.path))
        .collect()
}

fn long_files(sources: &[Source]) -> Vec<String> {
    let mut long: Vec<_> = sources.iter().map(|source| (source.text.lines().count(), &source.path)).collect();
    long.retain(|(lines, _)| LONG < *lines);
    long.sort_unstable_by(|a, b| b.cmp(a));
    long.into_iter().map(|(lines, path)| format!("{lines:5} {path}")).collect()
}

/// Cargo commands in scripts that could silently take other versions than `Cargo.lock` names.
fn unlocked(name: &str, text: &str) -> Vec<String> {
    let resolving = ["run", "build", "test", "clippy", "doc", "bench", "check", "install"];
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with('#') && !line.contains("--locked"))
        .filter(|(_, line)| resolving.iter().any(|command| line.contains(&format!("cargo {command} "))))
        .map(|(number, line)| format!("{name}:{}: without --locked: {}", number + 1, line.trim()))
        .collect()
}

fn scripts() -> Vec<(String, String)> {
    let root = workspace_root();
    let mut found = Vec::new();
    for folder in [".ci", ".github/workflows", "tests/foreign", ".cargo"] {
        for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
            let path = entry.path();
            if let Ok(text) = fs::read_to_string(&path) {
                found.push((path.strip_prefix(&root).unwrap().display().to_string(), text));
            }
        }
    }
    found
}

/// Actions of strangers and write access have no place in the workflow.
fn risky_workflow(text: &str) -> Vec<String> {
    let mut found: Vec<_> = text
        .lines()
        .filter(|line| line.trim_start().trim_start_matches("- ").starts_with("uses:"))
        .map(|line| format!("an action instead of a plain step: {}", line.trim()))
        .collect();
    if !text.contains("permissions:\n  contents: read\n") {
        found.push("the workflow's token is not read-only".to_owned());
    }
    found
}

#[test]
fn every_file_says_what_it_is_for() {
    stands(module_comments(&all()));
}

#[test]
fn long_files_are_listed() {
    let long = long_files(&all());
    if !long.is_empty() {
        skipping(&format!("nothing fails for length, but these files pass {LONG} lines:\n{}", long.join("\n")));
    }
}

#[test]
fn scripts_use_the_locked_versions() {
    let scripts = scripts();
    assert!(scripts.iter().any(|(name, _)| Path::new(name).starts_with(".ci")), "found no script to check");
    for (name, text) in scripts {
        stands(unlocked(&name, &text));
    }
}

#[test]
fn the_workflow_runs_plain_steps_with_a_read_only_token() {
    stands(risky_workflow(&fs::read_to_string(workspace_root().join(".github/workflows/ci.yml")).unwrap()));
}

#[test]
fn planted_breaches_are_noticed() {
    falls(module_comments(&[Source::new("a.rs", "use std::fs;\n")]), "a.rs");
    falls(module_comments(&[Source::new("b.rs", "//! helpers\n")]), "b.rs");
    falls(long_files(&[Source::new("c.rs", &"\n".repeat(LONG + 1))]), "401 c.rs");
    falls(unlocked("run", "set -e\ncargo test --workspace\n"), "run:2");
    falls(risky_workflow("permissions:\n  contents: read\n      - uses: some/action@v1\n"), "some/action");
    falls(risky_workflow("on: push\n"), "read-only");
}
