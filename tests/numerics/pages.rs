//! Does `docs/numerics.md` say of every method what it answers, how, when not, where it comes from and who checked it?

use std::collections::BTreeSet;

use crate::FAMILIES;

fn page() -> String {
    std::fs::read_to_string(support::paths::workspace_root().join("docs/numerics.md")).unwrap()
}

/// Sections that are no methods.
const OTHER: &[&str] = &[
    "Conventions",
    "Conditions on weights",
    "What is where",
    "Published values",
    "Size of the tests",
    "How long it takes",
    "The neighbour linfa",
    "Work, progress, threads",
    "What is refused",
    "Where common tools go wrong",
];

/// What a section of a method holds; alternatives are as good.
const PARTS: &[&[&str]] = &[
    &["**Question.**"],
    &["**Definition.**"],
    &["**Assumptions"],
    &["**When not.**"],
    &["**Source.**"],
    &["**Tolerance and witness.**"],
];

fn sections(page: &str) -> Vec<(&str, &str)> {
    page.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap_or((section, ""))).collect()
}

#[test]
fn every_method_has_all_parts_of_a_section() {
    let page = page();
    let mut wrong = Vec::new();
    for (title, text) in sections(&page).into_iter().filter(|(title, _)| !OTHER.contains(title)) {
        for part in PARTS.iter().filter(|part| !part.iter().any(|word| text.contains(word))) {
            wrong.push(format!("{title}: {}", part[0]));
        }
    }
    assert!(wrong.is_empty(), "missing in docs/numerics.md:\n{}", wrong.join("\n"));
}

/// The table "What is where" names every file of the crate that has a public function, and every golden family.
#[test]
fn every_file_and_family_is_on_the_page() {
    let page = page();
    let sections = sections(&page);
    let (_, table) = sections.iter().find(|(title, _)| *title == "What is where").unwrap();
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with("| ")).map(|line| line.split(" | ").collect()).collect();
    let words = |column: usize| -> BTreeSet<&str> {
        let cells = rows.iter().skip(1).filter_map(|row| row.get(column));
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
    };
    let (code, families) = (words(1), words(2));
    let files: BTreeSet<String> = crate::bad_input::public_functions()
        .into_iter()
        .filter_map(|name| name.split_once("::").map(|(file, _)| file.to_owned()))
        .collect();
    let not_methods = ["testing", "unit_root"]; // makers of data; a count of lags
    let missing: Vec<_> =
        files.iter().filter(|file| !code.contains(file.as_str()) && !not_methods.contains(&file.as_str())).collect();
    assert!(missing.is_empty(), "files in no row of the table: {missing:?}");
    let root = support::paths::workspace_root().join("crates/qc-quant/src");
    let gone: Vec<_> = code.iter().filter(|file| !root.join(format!("{file}.rs")).is_file()).collect();
    assert!(gone.is_empty(), "rows without a file: {gone:?}");
    let unnamed: Vec<_> = FAMILIES
        .iter()
        .map(|family| family.algo)
        .filter(|algo| *algo != "validation" && !families.contains(algo))
        .collect();
    assert!(unnamed.is_empty(), "families in no row of the table: {unnamed:?}");
    let titles: BTreeSet<&str> = sections.iter().map(|(title, _)| *title).collect();
    let unknown: Vec<_> = rows
        .iter()
        .skip(1)
        .filter_map(|row| row.first())
        .flat_map(|cell| cell.trim_start_matches("| ").split("; "))
        .filter(|title| !titles.contains(title))
        .collect();
    assert!(unknown.is_empty(), "rows of no section: {unknown:?}");
}
