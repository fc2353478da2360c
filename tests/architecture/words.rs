//! The repository speaks of the product alone: no paths of the machine it was written on, no working notes.

use crate::source::contains_word;
use crate::{falls, stands};
use std::fs;
use std::path::Path;
use support::paths::workspace_root;

/// The words, in two halves so that this file does not hold them itself.
const HALVES: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/fa", "rm/"),
    (".lib", "rary"),
    ("sub", "agent"),
    ("before", "-stop"),
    ("work", "tree"),
    ("INTER", "FACES.md"),
    ("RULES", ".md"),
];

const READABLE: &[&str] = &["rs", "md", "toml", "yml", "yaml", "json", "py", "sh", "txt", "csv"];

fn mentions(path: &str, text: &str) -> Vec<String> {
    let words: Vec<String> = HALVES.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in &words {
            // A path as part of a longer one, such as a URL's, is something else.
            let inside_longer = word.starts_with('/')
                && line
                    .match_indices(word.as_str())
                    .all(|(at, _)| line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '.'));
            if contains_word(line, word) && !inside_longer {
                found.push(format!("{path}:{}: `{word}`", number + 1));
            }
        }
    }
    found
}

fn readable_files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if ![".git", "target", "node_modules", ".venv"].contains(&name.as_str()) {
                readable_files(&path, found);
            }
            continue;
        }
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
        let script = path.ends_with(".ci/run");
        let readable = script || ending.is_some_and(|ending| READABLE.contains(&ending.as_str()));
        if readable && let Ok(text) = fs::read_to_string(&path) {
            let shown = path.strip_prefix(workspace_root()).unwrap().display().to_string();
            found.push((shown, text));
        }
    }
}

#[test]
fn nothing_speaks_of_the_workplace() {
    let mut files = Vec::new();
    readable_files(&workspace_root(), &mut files);
    assert!(20 < files.len(), "found only {} files to read", files.len());
    stands(files.iter().flat_map(|(path, text)| mentions(path, text)).collect());
}

#[test]
fn planted_breaches_are_noticed() {
    for (a, b) in HALVES {
        falls(mentions("a.md", &format!("see {a}{b} here")), "a.md:1");
    }
    stands(mentions("a.md", &format!("https://example.com{}{}x", "/wo", "rk/")));
}
