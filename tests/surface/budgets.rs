//! Sizes a client pays for on every request: bytes of tools/list, of one tool, of the instructions.

use crate::{everything, server};
use qc_mcp_tools::QcServer;
use rmcp::ServerHandler;
use serde_json::json;

/// Bytes of the `tools` member as it travels.
fn bytes(server: &QcServer) -> usize {
    let tools: Vec<_> = server.tools().map(|(_, tool)| tool).collect();
    json!({"tools": tools}).to_string().len()
}

#[test]
fn the_core_list_has_at_most_20_tools_and_20_kb() {
    let core = server(&["--toolsets", "core"]);
    let (n_tools, n) = (core.tools().count(), bytes(&core));
    assert!(n_tools <= 20 && n <= 20_000, "{n_tools} tools, {n} bytes");
    // Each name of the list is a tool, and an algorithm can be written, run and looked at with them.
    assert_eq!(n_tools, 20);
    for tool in ["edit_file", "run_backtest", "compare_backtests", "wait_for_job", "read_backtest_logs"] {
        assert!(core.tools().any(|(facts, _)| facts.name == tool), "{tool}");
    }
}

/// Bytes of the tools of whole jobs, of the tear sheet and of the long-short portfolio, which are counted apart.
fn of_whole_jobs(server: &QcServer) -> usize {
    let whole = server
        .tools()
        .filter(|(facts, _)| {
            facts.group.id() == "workflows"
                || ["create_tear_sheet", "build_long_short_portfolio"].contains(&facts.name.as_str())
        })
        .map(|(_, tool)| tool);
    let tools: Vec<_> = whole.collect();
    json!(tools).to_string().len()
}

#[test]
fn the_default_list_stays_below_64_kb_and_without_whole_jobs_below_50() {
    let server = server(&["--mode", "live", "--allow-live-orgs", "abc"]);
    let (n, whole) = (bytes(&server), of_whole_jobs(&server));
    assert!(n <= 64_000 && n - whole <= 50_000, "{n} bytes, {whole} of them of whole jobs");
}

#[test]
fn the_whole_list_stays_below_105_kb_and_without_whole_jobs_below_90() {
    let server = server(&["--toolsets", "all", "--mode", "live", "--allow-live-orgs", "abc"]);
    let (n, whole) = (bytes(&server), of_whole_jobs(&server));
    assert!(n <= 105_000 && n - whole <= 90_000, "{n} bytes, {whole} of them of whole jobs");
}

#[test]
fn the_list_that_finds_others_is_four_tools_and_the_status_in_5_kb() {
    for mode in ["read-only", "paper", "live"] {
        let discover = server(&["--toolsets", "discover", "--mode", mode, "--allow-live-orgs", "abc"]);
        let (n_tools, n) = (discover.tools().count(), bytes(&discover));
        assert!(n_tools == 5 && n <= 5_000, "{mode}: {n_tools} tools, {n} bytes");
    }
}

#[test]
fn no_tool_weighs_more_than_3_kb() {
    for (facts, tool) in everything().tools() {
        let n = serde_json::to_string(tool).unwrap().len();
        assert!(n <= 3_000, "{} has {n} bytes", facts.name);
    }
}

#[test]
fn instructions_fit_where_clients_cut_them() {
    // Hosts cut at about 2 kB; what matters most stands first.
    let info = everything().get_info();
    let n = info.instructions.unwrap().len();
    assert!(n <= 2_048, "{n} bytes");
}
