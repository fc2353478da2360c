//! `docs/api-coverage.md`: every endpoint with who knows it: client, simulator, tools.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use qc_api::{Cost, ENDPOINTS, Effect, EndpointInfo, Reach};
use qc_sim::Sim;
use support::paths::workspace_root;
use support::snapshot::generated_page;

use crate::coverage::NOT_SERVED;

/// Endpoints without a tool of their own, by path, each with its reason.
const NO_TOOL: &[(&str, &str)] = &[
    ("community/data-library/issues/create", "publishes to everybody, so it stays with a human"),
    ("community/data-library/issues/list", "belongs to the report above"),
    ("services/terminal-news", "news is not work"),
];

/// Flows and tool files that are not named after a group, each with the group of their tools.
const GROUPS: &[(&str, &str)] = &[
    ("backtest", "backtests"),
    ("backtest_picture", "backtests"),
    ("clean_up", "workflows"),
    ("code", "compile"),
    ("collaboration", "projects"),
    ("compare", "workflows"),
    ("compile", "compile"),
    ("diagnose", "workflows"),
    ("downloads", "account"),
    ("export", "workflows"),
    ("files", "files"),
    ("find", "projects"),
    ("grid", "optimizations"),
    ("guard", "workflows"),
    ("libraries", "projects"),
    ("lint", "assist"),
    ("live", "live"),
    ("lock", "projects"),
    ("log_pages", "backtests"),
    ("nodes", "projects"),
    ("objects", "object_store"),
    ("overview", "account"),
    ("patience", "workflows"),
    ("pipeline", "discover"),
    ("report", "workflows"),
    ("rerun", "workflows"),
    ("run_backtest", "workflows"),
    ("running", "live"),
    ("start_backtest", "backtests"),
    ("sweep", "workflows"),
    ("sync", "workflows"),
    ("trades", "workflows"),
];

/// The source of every tool file and flow, by group.
fn tool_sources() -> Vec<(String, String)> {
    let folder = workspace_root().join("crates/qc-mcp-tools/src");
    let mut sources = Vec::new();
    for place in ["tools", "flows"] {
        for entry in fs::read_dir(folder.join(place)).into_iter().flatten().flatten() {
            let name = entry.path().file_stem().unwrap().to_string_lossy().into_owned();
            let group = match (GROUPS.iter().find(|(file, _)| *file == name), place) {
                (Some((_, group)), _) => (*group).to_owned(),
                (None, "tools") => name,
                (None, _) => panic!("flow {name} has no group"),
            };
            // A folder holds the parts of the file beside it.
            let parts = fs::read_dir(entry.path()).into_iter().flatten().flatten().map(|part| part.path());
            for path in parts.chain([entry.path()]).filter(|path| path.is_file()) {
                sources.push((group.clone(), fs::read_to_string(path).unwrap_or_default()));
            }
        }
    }
    sources.sort();
    sources
}

/// The groups whose source names the request type as a whole word.
fn groups(request: &str, sources: &[(String, String)]) -> String {
    let names = |text: &str| {
        text.match_indices(request).any(|(at, _)| {
            let part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
            !part(text[..at].chars().next_back()) && !part(text[at + request.len()..].chars().next())
        })
    };
    let groups: BTreeSet<&str> =
        sources.iter().filter(|(_, text)| names(text)).map(|(name, _)| name.as_str()).collect();
    groups.into_iter().collect::<Vec<_>>().join(", ")
}

/// Why no tool sends a request so far.
fn why_not_yet(row: &EndpointInfo) -> &'static str {
    if row.reach == Reach::Secret {
        "its answer is a key, and the tool that keeps it back is not written"
    } else if row.effect != Effect::Read && (row.reach != Reach::None || row.cost == Cost::Credit) {
        "the door refuses it until the guard of what it costs or reaches stands"
    } else {
        "the tool is not written; Rust programs can send it"
    }
}

fn cautions(row: &EndpointInfo) -> String {
    let cost = match row.cost {
        Cost::Nothing => None,
        Cost::Node => Some("node"),
        Cost::Credit => Some("credit"),
    };
    let reach = match row.reach {
        Reach::None => None,
        Reach::Live => Some("live"),
        Reach::People => Some("people"),
        Reach::Secret => Some("secret"),
    };
    let words: Vec<&str> = [cost, reach].into_iter().flatten().collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

fn page() -> String {
    let served: BTreeSet<&str> = Sim::served_paths().into_iter().collect();
    let sources = tool_sources();
    let mut text = String::from(
        "# Coverage of the API\n\nGenerated; `cargo accept` rewrites it. Effect, cost and reach are the columns the door \
         decides by; a repeated call is one that may be sent again after a failure.\n",
    );
    for (resource, rows) in ENDPOINTS {
        let _ = write!(
            text,
            "\n## {resource}\n\n| Path | Client | Effect | Cost, reach | Repeated | Simulator | Tools |\n|---|---|---|---|---|---|---|\n"
        );
        for row in *rows {
            let simulator = match NOT_SERVED.iter().find(|(path, _)| *path == row.path) {
                _ if served.contains(row.path) => "yes".to_owned(),
                Some((_, reason)) => format!("no: {reason}"),
                None => "no".to_owned(),
            };
            let tools = match (groups(row.name, &sources), NO_TOOL.iter().find(|(path, _)| *path == row.path)) {
                (groups, _) if !groups.is_empty() => groups,
                (_, Some((_, reason))) => format!("none: {reason}"),
                _ => format!("not yet: {}", why_not_yet(row)),
            };
            let effect = format!("{:?}", row.effect).to_lowercase();
            let repeated = if row.repeatable { "yes" } else { "no" };
            let (path, name) = (row.path, row.name);
            let _ = writeln!(
                text,
                "| `{path}` | `{name}` | {effect} | {} | {repeated} | {simulator} | {tools} |",
                cautions(row)
            );
        }
    }
    text
}

#[test]
fn the_coverage_page_says_what_is_there() {
    generated_page("docs/api-coverage.md", &page());
}
