//! What the server says about itself.

use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn status_tells_mode_account_and_demo_with_the_token_masked() {
    let session = Session::start().await;
    let status = session.ok("get_server_status", json!({})).await;
    assert_eq!(status["server"]["mode"], "paper");
    assert_eq!(status["server"]["demo"], true);
    assert_eq!(status["account"]["user_id"], qc_sim::seed::USER_ID.to_string());
    let text = status.to_string();
    assert!(!text.contains(qc_sim::seed::TOKEN), "{text}");
}

#[tokio::test]
async fn a_section_alone_is_shown_alone() {
    let session = Session::start().await;
    let status = session.ok("get_server_status", json!({"section": "GUARDS"})).await;
    assert!(status.get("guards").is_some() && status.get("account").is_none());
    let text = session.err("get_server_status", json!({"section": "gaurds"})).await;
    assert!(text.contains("one of all, server, account, guards, data"), "{text}");
}

#[tokio::test]
async fn status_sends_nothing() {
    let session = Session::start().await;
    session.ok("get_server_status", json!({})).await;
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_that_names_the_nearest() {
    let session = Session::start().await;
    let error = session.try_call("read_backtests", json!({})).await.unwrap_err();
    assert!(error.to_string().contains("`read_backtest`"), "{error}");
}
