//! The table of groups in the README is what the shelves say.

use qc_mcp_tools::shelf::Group;
use qc_mcp_tools::{QcServer, Settings, Transport, Upstream};
use std::fmt::Write;
use support::snapshot::generated_part;

#[test]
fn the_readme_lists_every_group_with_its_tools() {
    let settings = Settings::isolated(Transport::Stdio, ["--toolsets", "all", "--mode", "live"]).unwrap();
    let server = QcServer::new(settings, Upstream::Configured).unwrap();
    let mut table = String::from("| Group | What | Tools |\n|---|---|---|\n");
    for group in Group::ALL {
        let names: Vec<_> = server
            .tools()
            .filter(|(facts, _)| facts.group == *group)
            .map(|(facts, _)| format!("`{}`", facts.name))
            .collect();
        if names.is_empty() {
            continue;
        }
        let off = if group.in_default() { "" } else { " (not in the default set)" };
        writeln!(table, "| {} (`{}`) | {}{off} | {} |", group.title(), group.id(), group.about(), names.join(", "))
            .unwrap();
    }
    generated_part("README.md", "groups", &table);
}
