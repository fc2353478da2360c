//! What the server says about itself.

use qc_mcp_tools::{QcServer, Settings, Transport, Upstream};
use rmcp::model::CallToolRequestParams;
use serde_json::json;
use support::session::{Session, connect, object};

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
async fn callers_from_elsewhere_learn_no_path_of_this_computer() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing-here");
    let place = missing.to_str().unwrap();
    let token = ["--auth-token", "0123456789abcdef0123456789abcdef"];
    for (host, token, transport, told) in [
        ("0.0.0.0", &token[..], Transport::Http, false),
        // A token on loopback says that a proxy may stand in front.
        ("127.0.0.1", &token[..], Transport::Http, false),
        ("127.0.0.1", &[], Transport::Http, true),
        ("127.0.0.1", &[], Transport::Stdio, true),
    ] {
        let flags = ["--host", host, "--data-folder", place];
        let settings = Settings::isolated(transport, flags.iter().chain(token).copied()).unwrap();
        let server = QcServer::new(settings, Upstream::Configured).unwrap();
        let client = connect(&server).await;
        let call = async |tool: &'static str, arguments: serde_json::Value| {
            let request = CallToolRequestParams::new(tool).with_arguments(object(arguments));
            serde_json::to_string(&client.call_tool(request).await.unwrap()).unwrap()
        };
        let status = call("get_server_status", json!({})).await;
        assert_eq!(status.contains(place), told, "{host}: {status}");
        let refused = call("describe_data", json!({})).await;
        assert!(refused.contains("cannot be opened"), "{refused}");
        assert_eq!(refused.contains(place), told, "{host}: {refused}");
    }
}

#[tokio::test]
async fn a_section_alone_is_shown_alone() {
    let session = Session::start().await;
    let status = session.ok("get_server_status", json!({"section": "GUARDS"})).await;
    assert!(status.get("guards").is_some() && status.get("account").is_none());
    let text = session.err("get_server_status", json!({"section": "gaurds"})).await;
    assert!(text.contains("one of all, server, account, guards, data, system, metrics"), "{text}");
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
