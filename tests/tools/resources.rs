//! The resources and the prompt, through a client.

use qc_sim::seed;
use rmcp::model::GetPromptRequestParams;
use serde_json::{Value, json};
use support::session::{Session, object};

async fn page(session: &Session, uri: &str) -> Value {
    serde_json::from_str(&session.read(uri).await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_five_system_pages_hold_real_figures() {
    let session = Session::start().await;
    session.ok("get_server_status", json!({})).await;
    session.err("read_project", json!({"project_id": 1})).await;

    let info = page(&session, "resource://system/info").await;
    assert!(1_000_000 < info["memory"]["total_bytes"].as_u64().unwrap(), "{info}");
    let status = page(&session, "resource://quantconnect/server/status").await;
    assert_eq!(status["server"]["mode"], "paper");
    let summary = page(&session, "resource://quantconnect/tools/summary").await;
    assert_eq!(summary["total"].as_u64().unwrap() as usize, session.tools().await.len());
    let metrics = page(&session, "resource://quantconnect/performance/metrics").await;
    assert_eq!((&metrics["calls"], &metrics["errors"]), (&json!(2), &json!(1)), "{metrics}");
    let processes = page(&session, "resource://system/processes/3").await;
    let rows = processes["processes"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.len() <= 3);
    for row in rows {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["pid", "name", "cpu_percent", "memory_bytes"]);
    }
}

#[tokio::test]
async fn pages_and_templates_are_listed() {
    let session = Session::start().await;
    let fixed = session.client.list_all_resources().await.unwrap();
    assert_eq!(fixed.len(), 4);
    let templates = session.client.list_all_resource_templates().await.unwrap();
    assert!(templates.iter().any(|template| template.uri_template == "resource://system/processes/{limit}"));
    assert!(
        templates
            .iter()
            .any(|template| template.uri_template == "qc://backtests/{project_id}/{backtest_id}/orders.csv")
    );
}

#[tokio::test]
async fn project_pages_read_through_the_door() {
    let session = Session::start().await;
    let project = page(&session, &format!("qc://projects/{}", seed::PAIR_PROJECT_ID)).await;
    assert_eq!(project["untrusted_name"], "Pair of Staples");
    let code = session.read(&format!("qc://projects/{}/files/main.py", seed::PAIR_PROJECT_ID)).await.unwrap();
    assert!(code.contains("QCAlgorithm"));
}

#[tokio::test]
async fn pages_of_groups_that_are_not_offered_do_not_exist() {
    let session = Session::with(&["--toolsets", "system,data"], qc_sim::SimOptions::default()).await;
    let templates = session.client.list_all_resource_templates().await.unwrap();
    let listed: Vec<&str> = templates.iter().map(|template| template.uri_template.as_str()).collect();
    assert_eq!(
        listed,
        [
            "resource://system/processes/{limit}",
            "qc://research/{id}",
            "qc://research/{id}/chart.svg",
            "qc://research/{id}/tear_sheet.html"
        ]
    );
    session.sim.journal().clear();
    for uri in [format!("qc://projects/{}", seed::PAIR_PROJECT_ID), "qc://backtests/1/x".to_owned()] {
        assert!(session.read(&uri).await.unwrap_err().to_string().contains("no resource"), "{uri}");
    }
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn unknown_addresses_and_bad_limits_are_refused() {
    let session = Session::start().await;
    for uri in [
        "qc://nothing",
        "file:///etc/passwd",
        "resource://system/processes/0",
        "resource://system/processes/many",
        "qc://research/0123",
    ] {
        assert!(session.read(uri).await.is_err(), "{uri}");
    }
    session.ok("get_server_status", json!({})).await;
}

#[tokio::test]
async fn the_test_of_a_pair_begins_after_its_fit() {
    let session = Session::start().await;
    let arguments = object(json!({"symbols": "KO,PEP"}));
    let request = GetPromptRequestParams::new("statistical_arbitrage").with_arguments(arguments);
    let text = serde_json::to_string(&session.client.get_prompt(request).await.unwrap().messages).unwrap();
    assert!(text.contains("fit_end=2022-12-31, start_date=the day after 2022-12-31"), "{text}");
}

#[tokio::test]
async fn the_prompt_fills_its_arguments() {
    let session = Session::start().await;
    let prompts = session.client.list_all_prompts().await.unwrap();
    assert!(prompts.iter().any(|prompt| prompt.name == "pair_analysis"));
    let arguments = object(json!({"symbol1": "KO", "symbol2": "PEP"}));
    let filled = session
        .client
        .get_prompt(GetPromptRequestParams::new("pair_analysis").with_arguments(arguments))
        .await
        .unwrap();
    let text = serde_json::to_string(&filled.messages).unwrap();
    assert!(text.contains("KO") && text.contains("PEP") && !text.contains("{symbol1}"));
    let error = session.client.get_prompt(GetPromptRequestParams::new("pair_analysis")).await.unwrap_err();
    assert!(error.to_string().contains("symbol1"), "{error}");
}
