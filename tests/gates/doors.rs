//! Every tool, by its name and by every other name, in every mode, while real money runs and nobody can be asked: no
//! grave request leaves by any of these doors.

use std::collections::BTreeSet;

use qc_api::{Cost, Effect, Reach};
use qc_mcp_tools::tools::ALIASES;
use qc_sim::{SimOptions, seed};
use serde_json::{Map, Value, json};
use support::session::Session;

use crate::live::{PAIR, REAL, run};

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

/// Paths of requests that must not leave without a human.
fn grave() -> BTreeSet<&'static str> {
    let rows = qc_api::endpoints().filter(|row| {
        let changes = row.effect != Effect::Read;
        let live = changes && row.reach == Reach::Live;
        live || (changes && (row.reach == Reach::People || row.cost == Cost::Credit))
            || matches!(row.path, "projects/delete" | "files/delete")
    });
    rows.map(|row| row.path).collect()
}

#[tokio::test]
async fn no_grave_request_leaves_by_any_door_in_any_mode() {
    let grave = grave();
    assert!(8 <= grave.len(), "{grave:?}");
    for mode in ["read-only", "research", "paper", "live"] {
        let flags = [
            "--mode",
            mode,
            "--toolsets",
            "all",
            "--allow-live-orgs",
            seed::ORGANIZATION_ID,
            "--allow-broadcast-orgs",
            seed::ORGANIZATION_ID,
            "--spend-per-day",
            "1000",
        ];
        let session = Session::with(&flags, SimOptions::default()).await;
        run(&session, PAIR, REAL).await;
        let tools = session.tools().await;
        let mut doors: Vec<(&'static str, Value)> = Vec::new();
        for tool in &tools {
            let given = arguments(&serde_json::to_value(&*tool.input_schema).unwrap());
            doors.push((String::leak(tool.name.to_string()), given.clone()));
            doors.extend(ALIASES.iter().filter(|alias| alias.new == tool.name).map(|alias| (alias.old, given.clone())));
        }
        assert!(30 < doors.len(), "{mode}: {} doors", doors.len());
        for (door, given) in doors {
            let _ = session.try_call(door, given).await;
            let sent = session.sim.journal().changes();
            let bad: Vec<&str> =
                sent.iter().map(|entry| entry.path.as_str()).filter(|path| grave.contains(path)).collect();
            assert!(bad.is_empty(), "mode {mode}: {door} sent {bad:?}");
            assert!(mode != "read-only" || sent.is_empty(), "{door} sent {sent:?}");
        }
    }
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
