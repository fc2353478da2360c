//! Under which licences the dependencies may be used, and where they come from.

use crate::metadata::METADATA;
use crate::{falls, stands};
use std::fs;
use support::paths::workspace_root;

/// Permissive, or weak copyleft by file. `.deny.toml` holds the same list.
const ALLOWED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "MPL-2.0",
];

/// The one place that packages may come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Whether a licence expression can be met with the allowed licences. `OR` is a choice, `AND` is not; the old `/` means
/// `OR`.
fn acceptable(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = any_of(&mut words);
    met && words.is_empty()
}

fn any_of(words: &mut Vec<&str>) -> bool {
    let mut met = all_of(words);
    while words.last() == Some(&"OR") {
        words.pop();
        met |= all_of(words);
    }
    met
}

fn all_of(words: &mut Vec<&str>) -> bool {
    let mut met = one(words);
    while words.last() == Some(&"AND") {
        words.pop();
        met &= one(words);
    }
    met
}

fn one(words: &mut Vec<&str>) -> bool {
    match words.pop() {
        Some("(") => {
            let met = any_of(words);
            words.pop() == Some(")") && met
        }
        Some(name) if words.last() == Some(&"WITH") => {
            words.pop();
            let exception = words.pop().unwrap_or_default();
            ALLOWED.contains(&format!("{name} WITH {exception}").as_str())
        }
        Some(name) => ALLOWED.contains(&name),
        None => false,
    }
}

fn licences<'a>(packages: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Vec<String> {
    packages
        .filter(|(_, licence)| !licence.is_some_and(acceptable))
        .map(|(name, licence)| format!("{name} is under {}", licence.unwrap_or("no stated licence")))
        .collect()
}

fn sources(lock: &str) -> Vec<String> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("source = "))
        .filter(|source| source.trim_matches('"') != REGISTRY)
        .map(|source| format!("a package comes from {source}"))
        .collect()
}

fn allowed_in_deny_file(text: &str) -> Vec<String> {
    let list = text.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).map(|(list, _)| list);
    let mut listed: Vec<_> = list.unwrap_or_default().split('"').skip(1).step_by(2).collect();
    let mut expected = ALLOWED.to_vec();
    listed.sort_unstable();
    expected.sort_unstable();
    if listed == expected { Vec::new() } else { vec![format!(".deny.toml allows {listed:?}, this test {expected:?}")] }
}

#[test]
fn every_licence_is_allowed() {
    let packages = METADATA.packages.iter().map(|package| (package.name.as_str(), package.license.as_deref()));
    stands(licences(packages));
}

#[test]
fn every_package_comes_from_the_registry_or_from_here() {
    stands(sources(&fs::read_to_string(workspace_root().join("Cargo.lock")).unwrap()));
}

#[test]
fn cargo_deny_is_told_the_same_list() {
    stands(allowed_in_deny_file(&fs::read_to_string(workspace_root().join(".deny.toml")).unwrap()));
}

#[test]
fn planted_breaches_are_noticed() {
    falls(licences([("gnu", Some("GPL-3.0"))].into_iter()), "gnu is under GPL-3.0");
    falls(licences([("both", Some("MIT AND GPL-3.0"))].into_iter()), "both is under");
    falls(licences([("silent", None)].into_iter()), "silent is under no stated licence");
    falls(sources("source = \"git+https://example.com/x\""), "git+https");
    falls(allowed_in_deny_file("allow = [\"GPL-3.0\"]"), "GPL-3.0");
}

#[test]
fn expressions_are_read_as_choices_and_demands() {
    for good in
        ["MIT/Apache-2.0", "GPL-2.0 OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(acceptable(good), "{good}");
    }
    for bad in ["", "MIT AND", "(MIT", "MIT MIT", "Apache-2.0 WITH Other-exception", "MIT AND (GPL-2.0 OR LGPL-2.1)"] {
        assert!(!acceptable(bad), "{bad}");
    }
}
