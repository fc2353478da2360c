//! Every tool, by its name and by every other name, through the call and the pipeline of `discover`, in every mode and
//! for callers who asked for a lower one, while real money runs and nobody can be asked: no gated request leaves by any
//! of these doors that may not.

use std::collections::BTreeSet;

use qc_api::{Cost, Effect, EndpointInfo, Reach};
use qc_mcp_tools::tools::ALIASES;
use qc_sim::{SimOptions, seed};
use rmcp::model::Tool;
use serde_json::{Map, Value, json};
use support::session::Session;

use crate::{
    callers::Guest,
    live::{PAIR, REAL, run},
};

/// Arguments as plausible as they can be told from names and types.
fn arguments(schema: &Value) -> Value {
    let mut all = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let value = match name.as_str() {
            "project_id" => json!(PAIR),
            "project_ids" => json!(["all"]),
            "organization_id" => json!(seed::ORGANIZATION_ID),
            "name" | "old_file_name" => json!("main.py"),
            "new_name" => json!("other.py"),
            "backtest_id" => json!("latest"),
            "brokerage" => json!("alpaca"),
            "brokerage_config" => serde_json::from_str(REAL).unwrap(),
            "command" => json!({"$type": "LiquidateCommand"}),
            "confirm_token" => json!("0123456789abcdef0123456789abcdef.ffffffffffff.00000000000000000000000000000000"),
            "credentials_profile" | "data_providers" | "notification" | "parameters" => continue,
            _ => match (property["type"].as_str(), property["enum"].get(0)) {
                (_, Some(first)) => first.clone(),
                (Some("integer" | "number"), _) => json!(2),
                (Some("boolean"), _) => json!(true),
                (Some("array"), _) => json!(["KO"]),
                (Some("object"), _) => json!({}),
                _ => json!("LN-1"),
            },
        };
        all.insert(name.clone(), value);
    }
    Value::Object(all)
}

/// How a tool is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By its own name, or another.
    Name,
    /// Through the call or the pipeline of `discover`.
    Through,
}

/// Whether a row is gated: nothing of it leaves but by a permit.
fn is_gated(row: &EndpointInfo) -> bool {
    let changes = row.effect != Effect::Read;
    (changes && (matches!(row.reach, Reach::Live | Reach::People) || row.cost != Cost::Nothing))
        || row.effect == Effect::Delete
        || ["object/set", "projects/library/delete", "live/auth0/authorize", "live/auth0/read"].contains(&row.path)
}

/// Whether a gated request may leave while real money runs from the project at hand and nobody can be asked.
fn may_leave(path: &str, mode: &str, way: Way) -> bool {
    let writes = mode != "read-only";
    match path {
        // A node that waits for work, within the budget; a key that was free before.
        "backtests/create" | "object/set" => writes,
        // What no running algorithm reads.
        "backtests/delete" | "optimizations/delete" => writes && way == Way::Name,
        // An address for the user to sign in at.
        "live/auth0/authorize" => ["paper", "live"].contains(&mode) && way == Way::Name,
        _ => false,
    }
}

/// Every door to every tool of this list: its name, other names, the call and the pipeline.
fn doors(tools: &[Tool]) -> Vec<(&'static str, Value, Way)> {
    let mut doors = Vec::new();
    for tool in tools {
        let name: &'static str = String::leak(tool.name.to_string());
        let given = arguments(&serde_json::to_value(&*tool.input_schema).unwrap());
        let others = ALIASES.iter().filter(|alias| alias.new == name).map(|alias| alias.old);
        for name in std::iter::once(name).chain(others) {
            let step = json!({"tool": name, "arguments": given});
            doors.push((name, given.clone(), Way::Name));
            doors.push(("call_tool", step.clone(), Way::Through));
            doors.push(("run_pipeline", json!({"steps": [{"tool": "list_projects"}, step]}), Way::Through));
        }
    }
    doors
}

/// Refuses anything gated in the journal that may not be there, and forgets the rest.
fn inspect(session: &Session, mode: &str, way: Way, door: &str, given: &Value) {
    let gated: BTreeSet<&str> = qc_api::endpoints().filter(|row| is_gated(row)).map(|row| row.path).collect();
    assert!(14 <= gated.len(), "{gated:?}");
    for entry in session.sim.journal().entries() {
        let path = entry.path.as_str();
        let fine = !gated.contains(path) || may_leave(path, mode, way);
        assert!(fine, "mode {mode}: {path} left by {door} {given}");
    }
    let changes = session.sim.journal().changes();
    assert!(mode != "read-only" || changes.is_empty(), "{door} sent {changes:?}");
    session.sim.journal().clear();
}

/// A session in which everything is switched on that settings can switch on, and real money runs.
async fn open_session(mode: &str) -> Session {
    let flags = [
        "--mode",
        mode,
        "--toolsets",
        "all,discover",
        "--allow-live-orgs",
        seed::ORGANIZATION_ID,
        "--allow-broadcast-orgs",
        seed::ORGANIZATION_ID,
        "--spend-per-day",
        "1000",
    ];
    let session = Session::with(&flags, SimOptions::default()).await;
    run(&session, PAIR, REAL).await;
    session
}

const MODES: [&str; 4] = ["read-only", "research", "paper", "live"];

#[tokio::test]
async fn no_gated_request_leaves_by_any_door_in_any_mode() {
    // The doors of the highest mode are tried in every mode: what is not listed must not be callable either.
    let doors = doors(&open_session("live").await.tools().await);
    assert!(250 < doors.len(), "{} doors", doors.len());
    for mode in MODES {
        let session = open_session(mode).await;
        for (door, given, way) in &doors {
            let _ = session.try_call(door, given.clone()).await;
            inspect(&session, mode, *way, door, given);
        }
    }
}

#[tokio::test]
async fn no_gated_request_leaves_for_a_caller_who_asked_for_a_lower_mode() {
    let session = open_session("live").await;
    let doors = doors(&session.tools().await);
    for mode in MODES {
        let guest = Guest::lowered(&session.server, mode).await;
        let listed: BTreeSet<String> = guest.tools().await.iter().map(|tool| tool.name.to_string()).collect();
        let own: BTreeSet<String> =
            open_session(mode).await.tools().await.iter().map(|tool| tool.name.to_string()).collect();
        assert_eq!(listed, own, "{mode}: as if the server were in that mode");
        for (door, given, way) in &doors {
            let _ = guest.try_call(door, given.clone()).await;
            inspect(&session, mode, *way, door, given);
        }
    }
}

#[tokio::test]
async fn no_resource_changes_anything() {
    let session = open_session("live").await;
    let uris = qc_mcp_tools::resources::PAGES.iter().map(|page| {
        let uri = page.uri.replace("{project_id}", &PAIR.to_string()).replace("{backtest_id}", "latest");
        uri.replace("{name}", "main.py").replace("{limit}", "5").replace("{id}", &"0".repeat(32))
    });
    for uri in uris {
        let _ = session.read(&uri).await;
        assert!(session.sim.journal().changes().is_empty(), "{uri}");
    }
    assert!(!session.sim.journal().is_empty(), "nothing was read either");
}

#[tokio::test]
async fn tools_above_the_mode_are_not_there_by_any_name() {
    for mode in ["read-only", "research"] {
        let session = Session::with(&["--mode", mode, "--toolsets", "all"], SimOptions::default()).await;
        for tool in [
            "create_live_algorithm",
            "stop_live_algorithm",
            "liquidate_live_algorithm",
            "stop_live_algorithms",
            "create_live_command",
            "broadcast_live_command",
            "authorize_connection",
        ] {
            let error = session.try_call(tool, json!({"project_id": PAIR})).await.unwrap_err();
            assert!(error.to_string().contains("unknown tool"), "{tool}: {error}");
        }
        session.ok("list_live_algorithms", json!({})).await;
    }
}

#[test]
fn what_ends_spends_or_deletes_has_no_other_name() {
    let server = qc_mcp_tools::QcServer::new(
        qc_mcp_tools::Settings::isolated(
            qc_mcp_tools::Transport::Stdio,
            ["--toolsets", "all", "--mode", "live", "--allow-live-orgs", "abc"],
        )
        .unwrap(),
        qc_mcp_tools::Upstream::Configured,
    )
    .unwrap();
    for alias in ALIASES {
        let (facts, _) = server.tools().find(|(facts, _)| facts.name == alias.new).unwrap();
        assert!(!["delete", "live"].contains(&facts.access.id()), "{alias:?}");
    }
}

/// Work that outlives its call is computed here, by tools that change nothing; work at QuantConnect goes on there by
/// itself, and its handle can only be looked at. So a job that is taken up again, in whatever mode, has nothing to send
/// that a guard would have to hold. A sweep starts backtests, which need no human: where it is taken up again, mode and
/// budget are asked again for what is left of it.
#[tokio::test]
async fn no_tool_that_goes_on_as_a_job_sends_what_is_guarded() {
    const STARTS_AT_QUANTCONNECT: &[&str] =
        &["create_backtest", "run_backtest", "compile_project", "create_optimization", "parameter_sweep"];
    let session =
        Session::with(&["--toolsets", "all", "--mode", "live", "--allow-live-orgs", "abc"], SimOptions::default())
            .await;
    let mut n = 0;
    for (facts, _) in session.server.tools().filter(|(facts, _)| facts.takes("wait_seconds")) {
        let is_start = STARTS_AT_QUANTCONNECT.contains(&facts.name.as_str());
        assert!(
            is_start || facts.access.id() == "read" || !facts.group.reaches_account(),
            "{} takes wait_seconds and may {}",
            facts.name,
            facts.access.id()
        );
        n += 1;
    }
    assert!(20 < n, "{n} tools");
}
