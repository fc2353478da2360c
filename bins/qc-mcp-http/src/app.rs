//! The routes: the MCP endpoint, `/health`, `/metrics` and the metadata of tokens, behind the front door; and the rules on
//! which address may be served at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use qc_mcp_tools::QcServer;
use qc_mcp_tools::settings::{Mode, Settings};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::body::MAX_BODY_BYTES;
use crate::front::{self, Front, HEALTH, METRICS};

/// A comment line this often keeps proxies from closing a stream that waits for a slow answer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A token shorter than this can be guessed by a patient machine.
const TOKEN_CHARACTERS: usize = 32;

/// Whether this address may be served with these settings.
///
/// # Errors
/// The address is reachable from other machines and anybody could call; or mode `live` without a strong token.
pub(crate) fn may_serve(settings: &Settings, bound: SocketAddr) -> Result<(), String> {
    let length = settings.auth_token.as_ref().map(|token| token.reveal().chars().count());
    let by_issuer = settings.issuer().is_some();
    let is_open = length.is_none_or(|length| length == 0) && !by_issuer && !settings.team.by_headers();
    let is_local = bound.ip().to_canonical().is_loopback();
    if !is_local && is_open {
        return Err(format!(
            "{bound} can be reached from other machines, so QC_MCP_AUTH_TOKEN must be set \
             ({TOKEN_CHARACTERS} random characters or more), or MCP_HOST must be 127.0.0.1"
        ));
    }
    if !is_local && settings.team.tls_cert.is_none() {
        warn!(
            "{bound} can be reached from other machines without TLS; set QC_MCP_TLS_CERT, or put a proxy with TLS in front"
        );
    }
    if settings.mode == Mode::Live && !by_issuer && length.is_none_or(|length| length < TOKEN_CHARACTERS) {
        return Err(format!(
            "mode live over HTTP needs QC_MCP_AUTH_TOKEN with at least {TOKEN_CHARACTERS} characters, has {}",
            length.unwrap_or_default()
        ));
    }
    if let Some(length) = length.filter(|length| *length < TOKEN_CHARACTERS) {
        warn!("QC_MCP_AUTH_TOKEN has {length} characters; at least {TOKEN_CHARACTERS} random ones are advised");
    }
    Ok(())
}

/// The whole application. Cancelling `requests` ends the calls that are still running.
///
/// # Errors
/// A list of hosts or origins that cannot be used, or a path that is taken.
pub(crate) fn build(server: QcServer, requests: CancellationToken) -> Result<Router, String> {
    let sessions = Arc::new(LocalSessionManager::default());
    let front = Arc::new(Front::new(server.clone(), Arc::clone(&sessions))?);
    let settings = server.settings().clone();
    let path = settings.path.trim_end_matches('/');
    if path == HEALTH || path == METRICS || path.starts_with("/.well-known/") {
        return Err(format!("MCP_PATH is {path}, which the server needs for itself; choose another"));
    }
    // Unless sessions are asked for, every request stands alone, so that copies of this server can stand behind one address.
    // The front door has checked host and origin by its own, stricter rules when rmcp is reached.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(settings.http_sessions)
        .with_json_response(true)
        .with_sse_keep_alive(Some(KEEP_ALIVE))
        .with_max_request_body_bytes(MAX_BODY_BYTES)
        .with_cancellation_token(requests)
        .disable_allowed_hosts();
    let counts = server.clone();
    let metrics = async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4")], counts.prometheus());
    let mcp = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let mut routes = Router::new()
        .route(HEALTH, get(async || "ok"))
        .route(METRICS, get(metrics))
        .route_service(&format!("{path}/"), mcp.clone());
    if let Some((paths, document)) = front.metadata() {
        for path in paths {
            let document = document.clone();
            routes = routes.route(&path, get(async move || ([(CONTENT_TYPE, "application/json")], document)));
        }
    }
    if !path.is_empty() {
        routes = routes.route_service(path, mcp);
    }
    Ok(routes.layer(from_fn_with_state(front, front::pass)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qc_mcp_tools::Transport;

    fn settings(flags: &[&str]) -> Settings {
        Settings::isolated(Transport::Http, flags.iter().copied()).unwrap()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn loopback_needs_no_token() {
        for bound in ["127.0.0.1:8000", "127.9.9.9:1", "[::1]:8000", "[::ffff:127.0.0.1]:8000"] {
            assert_eq!(may_serve(&settings(&[]), address(bound)), Ok(()), "{bound}");
        }
    }

    #[test]
    fn another_address_needs_a_token() {
        for bound in ["0.0.0.0:8000", "[::]:8000", "10.0.0.1:8000", "[::ffff:10.0.0.1]:8000"] {
            let refusal = may_serve(&settings(&[]), address(bound)).unwrap_err();
            assert!(refusal.contains("QC_MCP_AUTH_TOKEN"), "{refusal}");
            assert!(may_serve(&settings(&["--auth-token", ""]), address(bound)).is_err());
            assert_eq!(may_serve(&settings(&["--auth-token", "t"]), address(bound)), Ok(()));
        }
    }

    #[test]
    fn credentials_of_each_request_or_an_issuer_are_a_door_too() {
        let bound = address("0.0.0.0:8000");
        assert_eq!(may_serve(&settings(&["--credentials", "headers"]), bound), Ok(()));
        let issued = [
            "--jwt-issuer",
            "https://id.example.com",
            "--jwt-audience",
            "https://qc.example.com/mcp",
            "--jwks-url",
            "https://id.example.com/keys",
        ];
        assert_eq!(may_serve(&settings(&issued), bound), Ok(()));
        let key = "k".repeat(32);
        let live = ["--credentials", "headers", "--mode", "live", "--allow-live-orgs", "abc", "--state-key", &key];
        assert!(may_serve(&settings(&live), bound).is_err());
    }

    #[test]
    fn mode_live_needs_a_strong_token_even_on_loopback() {
        let bound = address("127.0.0.1:8000");
        let key = "k".repeat(32);
        let live = ["--mode", "live", "--allow-live-orgs", "abc", "--state-key", &key];
        let with = |more: &[&str]| settings(&[&live[..], more].concat());
        let refusal = may_serve(&with(&[]), bound).unwrap_err();
        assert!(refusal.contains("at least 32 characters, has 0"), "{refusal}");
        let short = "x".repeat(31);
        assert!(may_serve(&with(&["--auth-token", &short]), bound).is_err());
        let long = "x".repeat(32);
        assert_eq!(may_serve(&with(&["--auth-token", &long]), bound), Ok(()));
    }
}
