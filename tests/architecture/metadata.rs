//! What `cargo metadata` says about the workspace, once per run, without touching the network.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::process::Command;
use std::sync::LazyLock;
use support::paths::workspace_root;

/// The resolved graph for this machine: packages of other platforms may not have been downloaded.
pub(crate) static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    MetadataCommand::new()
        .manifest_path(workspace_root().join("Cargo.toml"))
        .other_options(["--locked", "--offline", "--filter-platform", &host()].map(str::to_owned))
        .exec()
        .unwrap()
});

/// A dependency as one member declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) kind: DependencyKind,
    pub(crate) optional: bool,
    pub(crate) requirement: String,
}

/// The members of the workspace.
pub(crate) fn members() -> Vec<&'static Package> {
    METADATA.workspace_packages()
}

/// Every dependency that a member declares.
pub(crate) fn edges() -> Vec<Edge> {
    members()
        .into_iter()
        .flat_map(|member| {
            member.dependencies.iter().map(|dependency| Edge {
                from: member.name.to_string(),
                to: dependency.name.clone(),
                kind: dependency.kind,
                optional: dependency.optional,
                requirement: dependency.req.to_string(),
            })
        })
        .collect()
}

/// A normal dependency, for the self-tests.
pub(crate) fn edge(from: &str, to: &str) -> Edge {
    Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        kind: DependencyKind::Normal,
        optional: false,
        requirement: "^1".to_owned(),
    }
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}
