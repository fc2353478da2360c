//! The real `qc-mcp-http`: who is answered and who is turned away, which addresses it serves, how it ends, no secrets in
//! the log, and a whole backtest driven by rmcp's own client.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use rmcp::ServiceExt;
use rmcp::service::ClientServiceExt;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use support::process::{Process, forms_of};
use support::story;

mod server;

use server::{PROGRAM, Server, initialize, post};

/// An idle server has nothing to drain.
const IN_TIME: Duration = Duration::from_secs(1);

#[test]
fn turns_away_strange_hosts_and_origins_on_every_route() {
    let server = Server::start(&[], &[]);
    let port = server.address.port();
    let (local, evil) = (format!("Host: localhost:{port}"), format!("Host: evil.com:{port}"));
    assert_eq!(server.post(&initialize(), &[&local]).status, 200);
    for headers in [
        vec![evil.as_str()],
        vec!["Host: localhost.evil.com"],
        vec![local.as_str(), "Origin: https://evil.com"],
        vec![local.as_str(), "Origin: null"],
        vec![local.as_str(), "Origin: http://localhost"],
    ] {
        assert_eq!(server.post(&initialize(), &headers).status, 403, "{headers:?}");
        assert_eq!(server.get("/health", &headers).status, 403, "{headers:?}");
        assert_eq!(server.get("/elsewhere", &headers).status, 403, "{headers:?}");
    }
}

#[test]
fn health_says_ok_and_nothing_else_and_no_answer_opens_the_door_to_browsers() {
    let server = Server::start(&[], &[]);
    let health = server.get("/health", &["Host: 127.0.0.1"]);
    assert_eq!((health.status, health.body.as_str()), (200, "ok"));
    for answer in [health, server.post(&initialize(), &[])] {
        assert!(!answer.headers.contains("access-control"), "{}", answer.headers);
    }
    assert_eq!(server.get("/elsewhere", &["Host: 127.0.0.1"]).status, 404);
}

#[test]
fn a_listed_origin_is_answered() {
    let server = Server::start(&["--allowed-origins", "https://app.example.com"], &[]);
    assert_eq!(server.post(&initialize(), &["Origin: https://app.example.com"]).status, 200);
    assert_eq!(server.post(&initialize(), &["Origin: http://app.example.com"]).status, 403);
}

#[test]
fn asks_for_the_token_where_one_is_set() {
    let server = Server::start(&[], &[("QC_MCP_AUTH_TOKEN", "a-token-of-at-least-thirty-two-characters")]);
    let refused = server.post(&initialize(), &[]);
    assert_eq!(refused.status, 401);
    assert!(refused.headers.contains("www-authenticate: bearer"), "{}", refused.headers);
    assert_eq!(server.post(&initialize(), &["Authorization: Bearer wrong"]).status, 401);
    let right = "Authorization: Bearer a-token-of-at-least-thirty-two-characters";
    assert_eq!(server.post(&initialize(), &[right]).status, 200);
    assert_eq!(server.get("/health", &["Host: 127.0.0.1"]).status, 200);
}

#[test]
fn refuses_to_serve_other_machines_without_a_token() {
    for host in ["0.0.0.0", "::"] {
        let mut process = Process::start(PROGRAM, &["--demo", "--port", "0", "--host", host], &[]);
        let (_, status, _) = process.ending();
        assert!(!status.success(), "{host}");
        let log = process.log();
        assert!(log.contains("QC_MCP_AUTH_TOKEN") && !log.contains("listening"), "{host}: {log}");
    }
    let token = [("QC_MCP_AUTH_TOKEN", "a-token-of-at-least-thirty-two-characters")];
    let server = Server::start(&["--host", "0.0.0.0"], &token);
    assert!(server.address.ip().is_unspecified());
}

/// 32 bytes.
const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";

#[test]
fn refuses_settings_that_would_let_everybody_in() {
    for (arguments, named) in [
        (vec!["--allowed-hosts", ","], "ALLOWED_HOSTS"),
        (vec!["--allowed-hosts", "*"], "host name"),
        (vec!["--allowed-origins", "null"], "origin"),
        (vec!["--mode", "live"], "QC_MCP_ALLOW_LIVE_ORGS"),
        (vec!["--mode", "live", "--allow-live-orgs", "abc"], "QC_MCP_STATE_KEY"),
        (vec!["--mode", "live", "--allow-live-orgs", "abc", "--state-key", KEY], "32 characters"),
        (vec!["--transport", "stdio"], "qc-mcp-stdio"),
        (vec!["--path", "/health"], "/health"),
    ] {
        let arguments: Vec<&str> = ["--demo", "--port", "0"].iter().copied().chain(arguments).collect();
        let mut process = Process::start(PROGRAM, &arguments, &[]);
        let (_, status, said) = process.ending();
        assert!(!status.success() && said.is_empty(), "{arguments:?}: {status}");
        assert!(process.log().contains(named), "{arguments:?} should name {named}: {}", process.log());
    }
}

#[test]
fn answers_in_json_without_sessions_and_caps_the_body() {
    let server = Server::start(&["--path", "/tools/mcp"], &[]);
    assert_eq!(server.path, "/tools/mcp");
    let opened = server.post(&initialize(), &[]);
    assert!(opened.headers.contains("content-type: application/json"), "{}", opened.headers);
    assert!(!opened.headers.contains("mcp-session-id"), "{}", opened.headers);
    let listed = server.post(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}), &[]);
    assert!(listed.body.contains("\"tools\""), "{}", listed.body);

    let large = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call",
        "params": {"name": "create_file", "arguments": {"content": "x".repeat(10 * 1024 * 1024)}}});
    assert_eq!(server.post(&large, &[]).status, 413);
    assert_eq!(server.get("/health", &["Host: 127.0.0.1"]).status, 200);
}

#[test]
fn ends_on_sigterm_and_finishes_what_is_running() {
    let mut idle = Server::start(&[], &[]);
    idle.post(&initialize(), &[]);
    let (took, status, said) = idle.process.terminate();
    assert!(took < IN_TIME && status.success() && said.is_empty(), "{took:?}, {status}");

    let mut busy = Server::start(&[], &[]);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": story::slow_call()});
    let address = busy.address;
    let asking = std::thread::spawn(move || post(address, "/mcp", &call, &[]));
    std::thread::sleep(Duration::from_millis(50));
    busy.process.signal("TERM");
    let answer = asking.join().unwrap();
    assert!(answer.body.contains("\"result\""), "{answer:?}");
    let (_, status, _) = busy.process.ending();
    assert!(status.success(), "{status}");
}

#[test]
fn no_secret_reaches_the_log_at_its_loudest() {
    let (user, token) = ("270181", "planted-0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    let bearer = "bearer-9988776655443322110099887766554433";
    let typed = "typed-00112233445566778899aabbccddeeff";
    let environment = [
        ("QUANTCONNECT_USER_ID", user),
        ("QUANTCONNECT_API_TOKEN", token),
        ("QC_API_URL", "http://127.0.0.1:9/api/v2"),
        ("QC_MCP_AUTH_TOKEN", bearer),
        ("LOG_LEVEL", "TRACE"),
    ];
    let mut process = Process::start(PROGRAM, &["--port", "0"], &environment);
    let line = process.logged("listening on http://");
    let address: SocketAddr = line.split_once("http://").unwrap().1.split('/').next().unwrap().parse().unwrap();
    let server = Server { process, address, path: "/mcp".to_owned() };
    let right = format!("Authorization: Bearer {bearer}");
    let mut said = String::new();
    let calls = [
        json!({"name": "validate_quantconnect_auth", "arguments": {}}),
        json!({"name": "configure_quantconnect_auth", "arguments": {"user_id": user, "api_token": typed}}),
        json!({"name": "configure_quantconnect_auth", "arguments": {"user_id": user, "api_tokn": typed}}),
        json!({"name": "get_auth_status", "arguments": {}}),
    ];
    for params in calls {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let answer = server.post(&call, &[&right]);
        assert_eq!(answer.status, 200, "{answer:?}");
        said.push_str(&answer.body);
    }
    server.post(&initialize(), &["Authorization: Bearer almost-9988776655443322110099887766554433"]);
    server.post(&initialize(), &[&right, "Origin: https://evil.com"]);
    let log = server.process.log();
    for secret in [token, typed, bearer, "almost-99887766"] {
        for form in forms_of(user, secret) {
            assert!(!log.contains(&form), "the log holds {form}:\n{log}");
            assert!(!said.contains(&form), "an answer holds {form}:\n{said}");
        }
    }
}

#[tokio::test]
async fn a_whole_backtest_through_rmcps_own_client() {
    let server = Server::start(&[], &[]);
    let client = ().serve(story::over_http(&server.url(), None)).await.unwrap();
    story::backtest(&client).await;
    story::research(&client).await;
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn lists_and_answers_as_the_server_in_process_does() {
    let server = Server::start(&[], &[]);
    let client = ().serve(story::over_http(&server.url(), None)).await.unwrap();
    story::same_as_in_process(&client).await;
}

#[tokio::test]
async fn the_revision_without_a_handshake_is_served_too() {
    let server = Server::start(&[], &[("QC_MCP_AUTH_TOKEN", "a-token-of-at-least-thirty-two-characters")]);
    let mode = rmcp::service::ClientLifecycleMode::Discover {
        preferred_versions: vec![rmcp::model::ProtocolVersion::V_2026_07_28],
    };
    let transport = story::over_http(&server.url(), Some("a-token-of-at-least-thirty-two-characters"));
    let client = ().serve_with_lifecycle(transport, mode).await.unwrap();
    assert!(!client.list_all_tools().await.unwrap().is_empty());
    story::research(&client).await;
}
