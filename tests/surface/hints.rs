//! The whole table of hints in one file, so that its wording is reviewed like code.

use qc_mcp_tools::hint::TABLE;
use support::snapshot::Snapshots;

#[test]
fn hints_are_as_accepted() {
    let lines: Vec<String> = TABLE
        .iter()
        .map(|row| format!("{:<17} {:<12} {}", row.kind.id(), format!("{:?}", row.topic), row.text))
        .collect();
    let mut snapshots = Snapshots::open("tests/surface/hints");
    snapshots.text("hints.txt", &format!("{}\n", lines.join("\n")));
    snapshots.finish();
}

#[test]
fn a_hint_is_one_plain_action() {
    for row in TABLE {
        let first = row.text.chars().next().unwrap();
        assert!(first.is_lowercase() && !row.text.ends_with('.') && !row.text.contains('!'), "{}", row.text);
        let lower = row.text.to_lowercase();
        assert!(!lower.contains("sorry") && !lower.contains("please"), "{}", row.text);
    }
}
