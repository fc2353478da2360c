//! The account through the tools.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn tells_organisation_and_credit_and_nothing_of_the_card() {
    let session = Session::start().await;
    let account = session.ok("read_account", json!({})).await;
    assert_eq!(account["organization_id"], seed::ORGANIZATION_ID);
    assert!(account["credit_balance_qcc"].is_number(), "{account}");
    assert!(account.get("card").is_none());
}

#[tokio::test]
async fn organisations_are_listed_with_their_plan() {
    let session = Session::start().await;
    let list = session.ok("list_organizations", json!({})).await;
    let first = &list["organizations"][0];
    assert_eq!((&first["organization_id"], &first["preferred"]), (&json!(seed::ORGANIZATION_ID), &json!(true)));
    assert_eq!(first["plan"], "Team", "{list}");
}

#[tokio::test]
async fn the_overview_shows_credit_nodes_and_what_runs() {
    let session = Session::start().await;
    let quiet = session.ok("account_overview", json!({})).await;
    assert!(quiet["credit_balance_qcc"].is_number() && quiet.get("not_readable").is_none(), "{quiet}");
    assert_eq!((&quiet["running_backtests"], &quiet["nodes"]["backtest"]["free"]), (&json!([]), &json!(2)), "{quiet}");
    assert_eq!((&quiet["quotas"]["plan"], &quiet["quotas"]["file_kb"]), (&json!("Team"), &json!(128)));
    assert_eq!(quiet["projects"], 2);

    let compile = session.ok("compile_project", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    let arguments =
        json!({"project_id": seed::PAIR_PROJECT_ID, "compile_id": compile["compile_id"], "backtest_name": "at work"});
    let started = session.ok("create_backtest", arguments).await;
    let busy = session.ok("account_overview", json!({})).await;
    assert_eq!(busy["running_backtests"][0]["backtest_id"], started["backtest_id"], "{busy}");
    assert_eq!(busy["running_backtests"][0]["project_id"], seed::PAIR_PROJECT_ID);
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_named_and_the_rest_is_shown() {
    let session = Session::start().await;
    session.sim.faults().always("nodes/read", qc_sim::Fault::HtmlOk);
    let seen = session.ok("account_overview", json!({})).await;
    assert_eq!(seen["not_readable"], json!(["nodes"]), "{seen}");
    assert_eq!(seen["projects"], 2);

    // Nobody is told that nothing runs because the list could not be read.
    session.sim.faults().always("live/list", qc_sim::Fault::HtmlOk);
    session.sim.faults().always("projects/read", qc_sim::Fault::HtmlOk);
    session.sim.faults().always("object/list", qc_sim::Fault::HtmlOk);
    let blind = session.ok("account_overview", json!({})).await;
    let summary = blind["summary"].as_str().unwrap();
    assert!(summary.contains("live algorithms run COULD NOT BE READ"), "{summary}");
    assert!(summary.contains("projects and what runs in them could not be read"), "{summary}");
    assert!(!summary.contains(" 0 "), "{summary}");
    assert_eq!((&blind["running_live"], &blind["projects"]), (&json!(null), &json!(null)), "{blind}");
    assert_eq!(blind["not_readable"], json!(["nodes", "live", "projects", "object store"]), "{blind}");
}
