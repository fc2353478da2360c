//! Does the simulator serve what the client knows, and does each call do what it declares?

use std::collections::BTreeSet;

use qc_api::{Effect, EndpointInfo, endpoints};
use qc_sim::Sim;
use serde_json::json;

use crate::session;

/// Paths the simulator does not serve, each with its reason.
const NOT_SERVED: &[(&str, &str)] = &[
    ("user/read", "not simulated yet"),
    ("organizations/read", "not simulated yet"),
    ("organizations/list", "not simulated yet"),
    ("organizations/encryption/keys/list", "not simulated yet"),
    ("projects/collaboration/create", "not simulated yet"),
    ("projects/collaboration/read", "not simulated yet"),
    ("projects/collaboration/update", "not simulated yet"),
    ("projects/collaboration/delete", "not simulated yet"),
    ("projects/collaboration/lock/acquire", "not simulated yet"),
    ("nodes/read", "not simulated yet"),
    ("projects/nodes/read", "not simulated yet"),
    ("projects/nodes/update", "not simulated yet"),
    ("projects/library/create", "not simulated yet"),
    ("projects/library/delete", "not simulated yet"),
    ("optimizations/estimate", "not simulated yet"),
    ("optimizations/create", "not simulated yet"),
    ("optimizations/read", "not simulated yet"),
    ("optimizations/list", "not simulated yet"),
    ("optimizations/update", "not simulated yet"),
    ("optimizations/abort", "not simulated yet"),
    ("optimizations/delete", "not simulated yet"),
    ("live/create", "not simulated yet"),
    ("live/read", "not simulated yet"),
    ("live/list", "not simulated yet"),
    ("live/portfolio/read", "not simulated yet"),
    ("live/chart/read", "not simulated yet"),
    ("live/orders/read", "not simulated yet"),
    ("live/trades/read", "not simulated yet"),
    ("live/insights/read", "not simulated yet"),
    ("live/logs/read", "not simulated yet"),
    ("live/update/stop", "not simulated yet"),
    ("live/update/liquidate", "not simulated yet"),
    ("live/commands/create", "not simulated yet"),
    ("live/commands/broadcast", "not simulated yet"),
    ("live/auth0/authorize", "not simulated yet"),
    ("live/auth0/read", "not simulated yet"),
    ("object/set", "not simulated yet"),
    ("object/get", "not simulated yet"),
    ("object/properties", "not simulated yet"),
    ("object/list", "not simulated yet"),
    ("object/delete", "not simulated yet"),
    ("lean/versions/read", "not simulated yet"),
    ("lean/environments/read", "not simulated yet"),
    ("data/read", "not simulated yet"),
    ("data/list", "not simulated yet"),
    ("data/prices", "not simulated yet"),
    ("market/data/list", "not simulated yet"),
    ("modules/list", "not simulated yet"),
    ("modules/read", "not simulated yet"),
    ("ai/tools/complete", "not simulated yet"),
    ("ai/tools/error-enhance", "not simulated yet"),
    ("ai/tools/pep8-convert", "not simulated yet"),
    ("ai/tools/search", "not simulated yet"),
    ("ai/tools/backtest-init", "not simulated yet"),
    ("ai/tools/syntax-check", "not simulated yet"),
    ("community/data-library/issues/create", "not simulated yet"),
    ("community/data-library/issues/list", "not simulated yet"),
    ("services/terminal-news", "not simulated yet"),
];

#[test]
fn every_path_the_client_knows_is_served_or_listed_with_a_reason() {
    let served: BTreeSet<&str> = Sim::served_paths().into_iter().collect();
    let known: BTreeSet<&str> = endpoints().map(|endpoint| endpoint.path).collect();
    let listed: BTreeSet<&str> = NOT_SERVED.iter().map(|(path, _)| *path).collect();
    let lacking: Vec<_> = known.difference(&served).filter(|path| !listed.contains(*path)).collect();
    assert!(lacking.is_empty(), "the simulator lacks {lacking:?}");
    let stale: Vec<_> = listed.intersection(&served).collect();
    assert!(stale.is_empty(), "served by now, take them off the list: {stale:?}");
    let unknown: Vec<_> = served.difference(&known).collect();
    assert!(unknown.is_empty(), "the client does not know {unknown:?}");
}

#[tokio::test]
async fn the_journal_shows_the_effect_each_call_declares() {
    let (sim, client) = session().await;
    for info in endpoints().filter(|info| Sim::served_paths().contains(&info.path)) {
        sim.journal().clear();
        // An empty request is refused nearly everywhere: what counts is what the simulator took it for.
        let _ = client.send_raw(info, &body_for(info)).await;
        let entries = sim.journal().of(info.path);
        assert!(!entries.is_empty(), "{} sent nothing", info.name);
        for entry in entries {
            assert_eq!((entry.served_by, entry.effect), (Some(info.path), Some(info.effect)), "{}", info.name);
            assert!(entry.reached && entry.is_authenticated(), "{}", info.name);
        }
    }
}

/// Members that tell apart the requests sharing a path.
fn body_for(info: &EndpointInfo) -> serde_json::Value {
    match info.name {
        "RenameFile" => json!({ "newName": "x.py" }),
        _ => json!({}),
    }
}

#[test]
fn reading_paths_are_declared_as_reading() {
    for info in endpoints() {
        // Every call of data/read may buy a file.
        if info.path != "data/read" && (info.path.ends_with("/read") || info.path.ends_with("/list")) {
            assert_eq!(info.effect, Effect::Read, "{}", info.path);
        }
    }
}

#[tokio::test]
async fn an_unknown_path_falls_through_to_its_parent() {
    let (sim, client) = session().await;
    let mut wrong = *endpoints().find(|info| info.path == "backtests/read").unwrap();
    wrong.path = "backtests/read/logs";
    let _ = client.send_raw(&wrong, &json!({})).await;
    assert_eq!(sim.journal().entries()[0].served_by, Some("backtests/read"));
}
