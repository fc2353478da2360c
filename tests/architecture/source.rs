//! The sources as the checks see them: program text without comments, without the contents of literals, and without the
//! unit tests at the bottom of a file, so that a word in a sentence is never mistaken for a call.

use std::fs;
use std::path::Path;
use support::paths::workspace_root;

/// One Rust file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Relative to the workspace root, with forward slashes.
    pub(crate) path: String,
    /// As it stands on disk.
    pub(crate) text: String,
    /// Comments and the insides of literals blanked, unit tests cut; lines keep their numbers.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), code: without_tests(&blank(text)) }
    }

    /// `path:line` of every place where `pattern` stands as whole words; spaces around `::` do not hide it.
    pub(crate) fn places_of(&self, pattern: &str) -> Vec<String> {
        let lines = self.code.lines().enumerate();
        lines
            .filter(|(_, line)| contains_word(line, pattern))
            .map(|(number, _)| format!("{}:{}", self.path, number + 1))
            .collect()
    }
}

/// All Rust files of the crates, the binaries, the examples and the tests.
pub(crate) fn all() -> Vec<Source> {
    below("").into_iter().filter(|source| !source.path.starts_with("target/")).collect()
}

/// The Rust files below a folder such as `crates/qc-quant/src`.
pub(crate) fn below(folder: &str) -> Vec<Source> {
    let root = workspace_root();
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths);
    paths.sort();
    let relative = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
    let read = |path: &std::path::PathBuf| {
        let mut source = Source::new(&relative(path), &fs::read_to_string(path).unwrap());
        let parent = path.parent().map(|folder| folder.with_extension("rs"));
        let parent = parent.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        if source.path.ends_with("/tests.rs") && declares_tests(&parent) {
            source.code = "\n".repeat(source.text.lines().count());
        }
        source
    };
    paths.iter().map(read).collect()
}

/// Whether the unit tests of a file stand in a file of their own.
fn declares_tests(parent: &str) -> bool {
    parent.contains("#[cfg(test)]\nmod tests;")
}

fn collect(folder: &Path, paths: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') && name != "node_modules" {
                collect(&path, paths);
            }
        } else if name.ends_with(".rs") {
            paths.push(path);
        }
    }
}

/// Whether `pattern` stands in `line` and is not part of a longer name.
pub(crate) fn contains_word(line: &str, pattern: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let opens = pattern.starts_with(is_name);
    let closes = pattern.ends_with(is_name);
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + pattern.len()..].chars().next();
        let longer = (opens && before.is_some_and(is_name)) || (closes && after.is_some_and(is_name));
        !longer
    })
}

/// Blanks comments and what stands between quotes.
fn blank(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let previous = at.checked_sub(1).map(|before| characters[before]);
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => quoted(rest),
            ['r', '"' | '#', ..] if !previous.is_some_and(|c| c.is_alphanumeric() || c == '_') => raw_string(rest),
            ['\'', ..] => character(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(characters[at]);
            at += 1;
            continue;
        }
        out.extend(rest[..length].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at += length;
    }
    out
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0; // r#name
    }
    let mut at = 2 + hashes;
    while at < rest.len() {
        if rest[at] == '"' && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

/// A character literal; a lifetime is none.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => rest.iter().skip(3).position(|c| *c == '\'').map_or(0, |found| found + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// Cuts every module under `#[cfg(test)]` out of blanked text.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let body = &rest[at..];
        let end = item_end(body);
        kept.extend(body[..end].chars().filter(|c| *c == '\n'));
        rest = &body[end..];
    }
    kept.push_str(rest);
    kept
}

/// Where the item that an attribute stands on ends: at its closing brace, or at its semicolon.
fn item_end(body: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    body.len()
}

#[test]
fn comments_literals_and_tests_are_no_code() {
    let text = r##"//! println!
fn f<'a>(x: &'a str) -> char { /* exit(1) /* deep */ */ g("std::fs \" quoted", r#"env::var"#, '"', '\'') }
#[cfg(test)]
mod tests { fn t() { rayon::join(a, b) } }
fn last() { faer::solve() }
"##;
    let source = Source::new("x.rs", text);
    for hidden in ["println!", "exit", "std::fs", "env::var", "rayon"] {
        assert_eq!(source.places_of(hidden), Vec::<String>::new(), "{hidden}");
    }
    assert_eq!(source.places_of("faer"), ["x.rs:5"]);
    assert_eq!(source.places_of("g"), ["x.rs:2"]);
}

#[test]
fn unit_tests_in_a_file_of_their_own_are_no_code_if_only_tests_build_it() {
    assert!(declares_tests("fn f() {}\n\n#[cfg(test)]\nmod tests;\n"));
    assert!(!declares_tests("mod tests;\n") && !declares_tests("#[cfg(test)]\nmod tests { }\n"));
    let tests = below("crates/qc-mcp-tools/src/jobs/here");
    assert!(tests.iter().any(|source| source.path.ends_with("here/tests.rs") && source.code.trim().is_empty()));
}

#[test]
fn a_pattern_is_found_as_a_whole_word_only() {
    assert!(contains_word("let x = env::var(\"A\");", "env::var"));
    assert!(!contains_word("let x = env::variable();", "env::var"));
    assert!(!contains_word("eprintln!()", "println!"));
    assert!(contains_word("now();", "now("));
}
