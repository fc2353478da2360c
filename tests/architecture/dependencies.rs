//! Who may know whom: arrows between the crates, and which outside crate may stand in which room.

use crate::metadata::{Edge, edge, edges, members};
use crate::{falls, stands};
use cargo_metadata::DependencyKind;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use support::paths::workspace_root;

/// The crates of the workspace that a crate may know. Tests and examples may know all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("qc-api", &[]),
    ("qc-data", &[]),
    ("qc-quant", &[]),
    ("qc-report", &[]),
    ("qc-sim", &["qc-api", "qc-data", "qc-quant"]),
    ("qc-mcp-tools", &["qc-api", "qc-data", "qc-quant", "qc-report"]),
    ("qc-mcp-stdio", &["qc-mcp-tools", "qc-sim"]),
    ("qc-mcp-http", &["qc-mcp-tools", "qc-sim"]),
];

/// Outside crates that belong to certain rooms.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("rmcp", &["qc-mcp-tools", "qc-mcp-stdio", "qc-mcp-http"]),
    ("axum", &["qc-sim", "qc-mcp-http"]),
    ("reqwest", &["qc-api"]),
    ("rustls", &["qc-api", "qc-mcp-http"]),
    ("hyper", &[]),
    ("ureq", &[]),
    ("clap", &["qc-mcp-tools", "qc-mcp-stdio", "qc-mcp-http"]),
    ("schemars", &["qc-mcp-tools"]),
    ("rusqlite", &["qc-mcp-tools"]),
    ("sysinfo", &["qc-mcp-tools"]),
    ("tracing-subscriber", &["qc-mcp-stdio", "qc-mcp-http"]),
    ("tokio", &["qc-api", "qc-sim", "qc-mcp-tools", "qc-mcp-stdio", "qc-mcp-http"]),
    ("zip", &["qc-data"]),
    ("flate2", &["qc-data"]),
    ("csv", &["qc-data"]),
    ("parquet", &["qc-data"]),
    ("faer", &["qc-quant"]),
    ("linfa", &["qc-quant"]),
    ("linfa-reduction", &[]),
    ("argmin", &["qc-quant"]),
    ("clarabel", &["qc-quant"]),
    ("nalgebra", &["qc-quant"]),
    ("ndarray", &["qc-quant"]),
    ("statrs", &["qc-quant"]),
    ("kodama", &["qc-quant"]),
    ("pulp", &["qc-quant"]),
];

/// All that pure mathematics needs; a new entry here is a decision, not an oversight.
const QUANT_MAY_USE: &[&str] = &[
    "argmin",
    "argmin-math",
    "clarabel",
    "faer",
    "jiff",
    "kodama",
    "libm",
    "linfa",
    "nalgebra",
    "ndarray",
    "pulp",
    "rand",
    "rand_distr",
    "rand_xoshiro",
    "rayon",
    "statrs",
    "thiserror",
];

/// Packages that see everything: they are what the walls are looked at from.
const GUESTS: &[&str] = &["qc-tests", "qc-examples"];

fn normal(edges: &[Edge]) -> impl Iterator<Item = &Edge> {
    edges.iter().filter(|edge| edge.kind != DependencyKind::Development && !GUESTS.contains(&edge.from.as_str()))
}

fn arrows(edges: &[Edge]) -> Vec<String> {
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    normal(edges)
        .filter(|edge| known.contains(edge.to.as_str()))
        .filter(|edge| {
            let allowed = ARROWS.iter().find(|(name, _)| *name == edge.from).map(|(_, to)| *to).unwrap_or_default();
            !allowed.contains(&edge.to.as_str())
        })
        .map(|edge| format!("{} must not know {}", edge.from, edge.to))
        .collect()
}

fn rooms(edges: &[Edge]) -> Vec<String> {
    let strays = normal(edges).filter_map(|edge| {
        let (_, rooms) = ONLY_IN.iter().find(|(name, _)| *name == edge.to)?;
        (!rooms.contains(&edge.from.as_str())).then(|| format!("{} does not belong in {}", edge.to, edge.from))
    });
    let impure = normal(edges)
        .filter(|edge| edge.from == "qc-quant" && !QUANT_MAY_USE.contains(&edge.to.as_str()))
        .map(|edge| format!("qc-quant is pure mathematics; {} is not on its list", edge.to));
    strays.chain(impure).collect()
}

fn simulator_only_as_demo(edges: &[Edge]) -> Vec<String> {
    normal(edges)
        .filter(|edge| edge.to == "qc-sim" && !edge.optional)
        .map(|edge| format!("{} takes qc-sim unconditionally; only `--demo` may, behind its feature", edge.from))
        .collect()
}

fn one_version(edges: &[Edge]) -> Vec<String> {
    let mut requirements: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for edge in edges {
        requirements.entry(&edge.to).or_default().insert(&edge.requirement);
    }
    requirements
        .into_iter()
        .filter(|(_, found)| 1 < found.len())
        .map(|(name, found)| format!("{name} is asked for as {found:?}; the root manifest names one version"))
        .collect()
}

/// Lines of a manifest's dependency tables that do not take their version from the workspace.
fn own_versions(name: &str, manifest: &str) -> Vec<String> {
    let mut table = "";
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            table = line;
        } else if table.ends_with("dependencies]")
            && !line.is_empty()
            && !line.starts_with('#')
            && !line.contains("workspace = true")
        {
            found.push(format!("{name}: `{line}` should take its version from the workspace"));
        }
    }
    found
}

fn inherits_lints(name: &str, manifest: &str) -> Vec<String> {
    if manifest.replace(['\n', ' '], "").contains("[lints]workspace=true") {
        return Vec::new();
    }
    vec![format!("{name} does not inherit the workspace's lints")]
}

#[test]
fn crates_know_only_whom_they_may() {
    stands(arrows(&edges()));
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    stands(rooms(&edges()));
}

#[test]
fn the_simulator_is_never_an_unconditional_dependency() {
    stands(simulator_only_as_demo(&edges()));
}

#[test]
fn each_dependency_has_one_version_and_it_stands_in_the_root_manifest() {
    stands(one_version(&edges()));
    for member in members() {
        let manifest = fs::read_to_string(&member.manifest_path).unwrap();
        stands(own_versions(&member.name, &manifest));
    }
}

#[test]
fn every_crate_and_binary_inherits_the_lints() {
    for member in members() {
        let manifest = fs::read_to_string(&member.manifest_path).unwrap();
        if !GUESTS.contains(&member.name.as_str()) {
            stands(inherits_lints(&member.name, &manifest));
        }
    }
}

#[test]
fn every_member_is_in_the_table_of_arrows() {
    let known: BTreeSet<_> = ARROWS.iter().map(|(name, _)| *name).chain(GUESTS.iter().copied()).collect();
    let there: BTreeSet<_> = members().into_iter().map(|member| member.name.as_str()).collect();
    assert_eq!(there, known);
    assert!(workspace_root().join("Cargo.lock").exists());
}

#[test]
fn planted_breaches_are_noticed() {
    falls(arrows(&[edge("qc-quant", "qc-data")]), "qc-quant must not know qc-data");
    falls(arrows(&[edge("qc-mcp-tools", "qc-sim")]), "qc-mcp-tools must not know qc-sim");
    falls(rooms(&[edge("qc-data", "rmcp")]), "rmcp does not belong in qc-data");
    falls(rooms(&[edge("qc-quant", "serde")]), "serde is not on its list");
    falls(simulator_only_as_demo(&[edge("qc-mcp-http", "qc-sim")]), "qc-mcp-http takes qc-sim");
    let mut older = edge("qc-api", "serde");
    older.requirement = "^0.9".to_owned();
    falls(one_version(&[edge("qc-data", "serde"), older]), "serde is asked for as");
    falls(own_versions("x", "[dependencies]\nserde = \"1\""), "serde = \"1\"");
    falls(inherits_lints("x", "[package]\nname = \"x\""), "x does not inherit");
}

#[test]
fn what_is_allowed_passes() {
    let optional = Edge { optional: true, ..edge("qc-mcp-http", "qc-sim") };
    let for_tests = Edge { kind: DependencyKind::Development, ..edge("qc-api", "qc-sim") };
    let allowed = [optional, for_tests, edge("qc-mcp-tools", "rmcp"), edge("qc-quant", "faer")];
    stands(arrows(&allowed));
    stands(rooms(&allowed));
    stands(simulator_only_as_demo(&allowed));
    stands(own_versions("x", "[dependencies]\nserde.workspace = true\n\n[features]\ndefault = []"));
}
