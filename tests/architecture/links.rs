//! Pages lead to pages that exist, and hold no trace of a merge.

use crate::{falls, stands};
use std::fs;
use std::path::{Path, PathBuf};
use support::paths::workspace_root;

/// `page: target` of every relative link that leads nowhere. Links in code blocks are text, not links.
fn dead_links(page: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut in_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let target = line[at + 2..].split(')').next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if !outside && !path.is_empty() && !exists(&folder.join(path)) {
                found.push(format!("{page}: {target}"));
            }
        }
    }
    found
}

/// `page:line` where a merge left both sides standing.
fn merge_marks(page: &str, text: &str) -> Vec<String> {
    let marks = [["<"; 7].concat(), [">"; 7].concat()];
    let begins = |line: &str| marks.iter().any(|mark| line.starts_with(mark.as_str()));
    (1..).zip(text.lines()).filter(|(_, line)| begins(line)).map(|(number, _)| format!("{page}:{number}")).collect()
}

fn pages() -> Vec<PathBuf> {
    let root = workspace_root();
    let mut found = vec![root.join("README.md")];
    for folder in ["docs", "docs/decisions", "tests", "examples"] {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    found
}

#[test]
fn pages_lead_to_pages_that_exist() {
    let root = workspace_root();
    let dead = pages().into_iter().flat_map(|page| {
        let shown = page.strip_prefix(&root).unwrap().display().to_string();
        dead_links(&shown, &fs::read_to_string(&page).unwrap(), |target| root.join(target).exists())
    });
    stands(dead.collect());
}

#[test]
fn pages_hold_no_trace_of_a_merge() {
    let root = workspace_root();
    let marks = pages().into_iter().flat_map(|page| {
        let shown = page.strip_prefix(&root).unwrap().display().to_string();
        merge_marks(&shown, &fs::read_to_string(&page).unwrap())
    });
    stands(marks.collect());
}

#[test]
fn planted_breaches_are_noticed() {
    falls(merge_marks("docs/a.md", &format!("text\n{} one side\n", "<".repeat(7))), "docs/a.md:2");
    let nothing_exists = |_: &Path| false;
    falls(dead_links("docs/a.md", "see [b](b.md#part)", nothing_exists), "docs/a.md: b.md#part");
    stands(dead_links("a.md", "[x](https://example.com) [y](#here)\n```\n[z](z.md)\n```", nothing_exists));
    stands(dead_links("docs/a.md", "[b](../b.md)", |path| path == Path::new("docs/../b.md")));
}
