//! The table of groups in the README is what the shelves say.

use qc_mcp_tools::{QcServer, Settings, Transport, Upstream, reference};
use support::snapshot::generated_part;

#[test]
fn the_readme_lists_every_group() {
    let settings = Settings::isolated(
        Transport::Stdio,
        ["--toolsets", "all,discover", "--mode", "live", "--allow-live-orgs", "abc"],
    )
    .unwrap();
    let server = QcServer::new(settings, Upstream::Configured).unwrap();
    generated_part("README.md", "groups", &reference::groups_table(&server));
}
