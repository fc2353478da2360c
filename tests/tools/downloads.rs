//! Data files bought into the data folder: priced, previewed, paid once, stored whole, never over another file.

use qc_mcp_tools::{QcServer, Settings, Transport, Upstream};
use qc_sim::{Fault, FolderMode, SimOptions};
use serde_json::{Value, json};
use support::session::{Answer, Session};

/// A server over an empty data folder, and a simulator that sells its own.
async fn shop(spend: &str) -> (tempfile::TempDir, Session) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap().to_owned();
    let flags = ["--toolsets", "all", "--data-folder", &folder, "--spend-per-day", spend];
    let options = SimOptions { folder: FolderMode::Temporary, ..SimOptions::default() };
    let session = Session::with(&flags, options).await;
    (home, session)
}

fn with(arguments: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut arguments = arguments.clone();
    arguments[name] = value.into();
    arguments
}

#[tokio::test]
async fn a_quote_tells_files_and_cost_and_buys_nothing() {
    let (home, session) = shop("0").await;
    let quote = session.ok("price_data_download", json!({"symbols": ["KO", "PEP", "NOSUCH"]})).await;
    // A file of days each, and map and factor files, which cost nothing at the simulator.
    assert_eq!((&quote["cost_qcc"], &quote["cost_usd"]), (&json!(2.0), &json!(0.02)), "{quote}");
    assert_eq!(quote["not_found"], json!(["equity:usa:NOSUCH"]), "{quote}");
    assert_eq!(quote["symbols"]["rows"][0][4], 1.0, "{quote}");
    assert!(quote["balance_qcc"].is_number(), "{quote}");
    assert!(session.sim.journal().of("data/read").is_empty());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_was_previewed_is_bought_once_and_can_be_read_at_once() {
    let (home, session) = shop("10").await;
    let ask = json!({"symbols": ["KO"]});
    let before = session.ok("read_account", json!({})).await["credit_balance_qcc"].as_f64().unwrap();
    let preview = session.ok("download_data", ask.clone()).await;
    assert!(session.sim.journal().of("data/read").is_empty(), "{preview}");
    let go = with(&ask, "confirm_token", preview["confirm_token"].clone());
    let done = session.ok("download_data", go.clone()).await;
    let n = preview["files_to_buy"].as_u64().unwrap();
    assert_eq!(
        (done["stored"].as_u64(), &done["left"], &done["cost_qcc"]),
        (Some(n), &json!(0), &json!(1.0)),
        "{done}"
    );
    let after = session.ok("read_account", json!({})).await["credit_balance_qcc"].as_f64().unwrap();
    assert_eq!(before - after, 1.0);
    let zip = std::fs::read(home.path().join("equity/usa/daily/ko.zip")).unwrap();
    let sold = std::fs::read(session.sim.data_folder().unwrap().join("equity/usa/daily/ko.zip")).unwrap();
    assert_eq!(zip, sold);
    // The token is spent, and nothing is left to buy.
    let text = session.err("download_data", go).await;
    assert!(text.contains("confirm_token"), "{text}");
    let again = session.ok("download_data", ask).await;
    assert_eq!((&again["files_to_buy"], again.get("confirm_token")), (&json!(0), None), "{again}");
    assert_eq!(session.sim.journal().of("data/read").len() as u64, n);
}

#[tokio::test]
async fn without_a_budget_nothing_is_previewed_or_bought() {
    let (_home, session) = shop("0.5").await;
    let text = session.err("download_data", json!({"symbols": ["KO"]})).await;
    assert!(text.contains("QC_MCP_SPEND_PER_DAY") && text.contains("1.00 QCC"), "{text}");
    assert!(session.sim.journal().of("data/read").is_empty());
}

#[tokio::test]
async fn a_token_is_for_these_files_alone() {
    let (_home, session) = shop("10").await;
    let preview = session.ok("download_data", json!({"symbols": ["KO"]})).await;
    let other = json!({"symbols": ["PEP"], "confirm_token": preview["confirm_token"]});
    let text = session.err("download_data", other).await;
    assert!(text.contains("confirm_token"), "{text}");
    assert!(session.sim.journal().of("data/read").is_empty());
}

#[tokio::test]
async fn a_lost_purchase_is_said_and_not_sent_again() {
    let (home, session) = shop("10").await;
    let ask = json!({"symbols": ["KO"]});
    let preview = session.ok("download_data", ask.clone()).await;
    session.sim.faults().once("data/read", Fault::ResetAfter);
    let text = session.err("download_data", with(&ask, "confirm_token", preview["confirm_token"].clone())).await;
    assert!(text.contains("may have been carried out"), "{text}");
    assert_eq!(session.sim.journal().of("data/read").len(), 1);
    assert!(!home.path().join("equity/usa/daily/ko.zip").exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_stored_stops_it_and_is_named() {
    let (home, session) = shop("10").await;
    // Where the folder of factor files should be lies a file.
    std::fs::create_dir_all(home.path().join("equity/usa")).unwrap();
    std::fs::write(home.path().join("equity/usa/factor_files"), "x").unwrap();
    let ask = json!({"symbols": ["KO", "PEP"]});
    let preview = session.ok("download_data", ask.clone()).await;
    let all = preview["files_to_buy"].as_u64().unwrap();
    let done = session.ok("download_data", with(&ask, "confirm_token", preview["confirm_token"].clone())).await;
    let stored = done["stored"].as_u64().unwrap();
    assert_eq!(done["untrusted_paid_and_not_stored"], "equity/usa/factor_files/ko.csv", "{done}");
    assert_eq!((stored + 1 + done["left"].as_u64().unwrap(), done["cost_qcc"].as_f64()), (all, Some(1.0)), "{done}");
    assert_eq!(session.sim.journal().of("data/read").len() as u64, stored + 1);
    assert!(done["stopped_by"].is_string(), "{done}");
}

#[tokio::test]
async fn wrong_words_are_refused_before_anything_is_asked() {
    let (_home, session) = shop("10").await;
    for (arguments, word) in [
        (json!({"symbols": []}), "1 to 50"),
        (json!({"symbols": ["KO"], "resolution": "Minute"}), "start_date and end_date"),
        (json!({"symbols": ["KO"], "data_type": "ticks"}), "data_type must be"),
        (json!({"symbols": ["../../etc"]}), "not a ticker"),
        (json!({"symbols": ["KO"], "start_date": "2020-02-01", "end_date": "2020-01-01"}), "is before"),
        (json!({"symbols": ["KO"], "start_date": "2020-02-01"}), "come together"),
        (json!({"symbols": ["stock:KO"]}), "stock"),
    ] {
        let text = session.err("price_data_download", arguments.clone()).await;
        assert!(text.contains(word), "{arguments}: {text}");
    }
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn a_server_of_several_people_buys_nothing_into_its_folder() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap().to_owned();
    let key = "k".repeat(40);
    let flags = ["--toolsets", "all", "--data-folder", &folder, "--host", "0.0.0.0", "--auth-token", &key];
    let settings = Settings::isolated(Transport::Http, flags).unwrap();
    assert!(!settings.caller_is_here());
    let server = QcServer::new(settings, Upstream::Configured).unwrap();
    let client = support::session::connect(&server).await;
    let arguments = json!({"symbols": ["KO"]}).as_object().cloned().unwrap();
    let request = rmcp::model::CallToolRequestParams::new("price_data_download").with_arguments(arguments);
    let answer = Answer(client.call_tool(request).await.unwrap());
    assert!(answer.is_error() && answer.text().contains("serves others"), "{}", answer.text());
}
