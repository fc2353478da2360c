//! Does the simulator serve what the client knows, and does each call do what it declares?

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use qc_api::{Effect, Encoding, EndpointInfo, endpoints};
use qc_sim::Sim;
use serde_json::json;
use support::paths::workspace_root;

use crate::session;

/// Paths the simulator does not serve, each with its reason.
pub(crate) const NOT_SERVED: &[(&str, &str)] = &[];

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

/// Files of this suite that look at many resources at once and tell no story of one.
const NO_STORIES: [&str; 6] = ["coverage.rs", "coverage_page.rs", "rules.rs", "hostile.rs", "chaos.rs", "main.rs"];

#[test]
fn every_request_that_is_served_appears_in_a_story() {
    let folder = workspace_root().join("tests/contract");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tells = |path: &PathBuf| {
        path.is_file() && !NO_STORIES.iter().any(|name| path.file_name().is_some_and(|file| file == *name))
    };
    let stories: Vec<String> = files.filter(tells).map(|path| fs::read_to_string(path).unwrap()).collect();
    let words: BTreeSet<&str> = stories
        .iter()
        .flat_map(|story| story.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .collect();
    let served = Sim::served_paths();
    let untold: Vec<_> =
        endpoints().filter(|info| served.contains(&info.path) && !words.contains(info.name)).map(|i| i.name).collect();
    assert!(untold.is_empty(), "no story in tests/contract tells of {untold:?}");
}

#[tokio::test]
async fn the_journal_shows_the_effect_each_call_declares() {
    let (sim, client) = session().await;
    // A multipart body has parts instead of members; its story is told in object_store.rs.
    let served = |info: &&EndpointInfo| Sim::served_paths().contains(&info.path);
    for info in endpoints().filter(served).filter(|info| info.encoding != Encoding::Multipart) {
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
        "ReadDownload" => json!({ "jobId": "x" }),
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
