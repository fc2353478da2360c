//! Planted secrets are looked for in every answer and every log line, at the loudest level.

use qc_mcp_tools::{Settings, Transport, logs};
use qc_sim::{Fault, SimOptions, seed};
use serde_json::json;
use std::{
    io::Write,
    sync::{Arc, Mutex},
};
use support::session::Session;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

const PLANTED: &str = "planted-secret-7f3a9c0d51e8";

/// Log lines of this process, as text.
#[derive(Clone, Default)]
pub(crate) struct Lines(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;
    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_in_any_answer_or_log_line_at_trace() {
    let lines = Lines::default();
    let loud = Settings::isolated(Transport::Stdio, ["--log-level", "TRACE"]).unwrap();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(logs::filter(&loud)))
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    // For the whole process: what the neighbours log is searched as well.
    let _ = tracing::subscriber::set_global_default(subscriber);

    let session = Session::configured(&["--toolsets", "all"], SimOptions::default()).await;
    let mut answers = String::new();
    for (tool, arguments) in [
        ("configure_quantconnect_auth", json!({"user_id": "123456", "api_token": PLANTED})),
        ("validate_quantconnect_auth", json!({})),
        ("get_auth_status", json!({})),
        ("get_server_status", json!({})),
        ("configure_quantconnect_auth", json!({"user_id": "nobody", "api_token": PLANTED})),
        ("configure_quantconnect_auth", json!({"user_id": "123456", "apiTokn": PLANTED})),
        ("configure_quantconnect_auth", json!({"user_id": "123456", "api_token": {"nested": PLANTED}})),
        ("configure_quantconnect_auth", json!({"user_id": "123456", "api_token": seed::TOKEN})),
        ("validate_quantconnect_auth", json!({})),
        ("read_project", json!({})),
        ("clear_quantconnect_auth", json!({})),
        ("configure_quantconnect_auth", json!({"user_id": "123456", "api_token": seed::TOKEN})),
    ] {
        answers.push_str(&serde_json::to_string(&session.call(tool, arguments).await.0).unwrap());
    }
    for fault in [Fault::HtmlPage, Fault::ServerError, Fault::Reset, Fault::Unauthorized] {
        session.sim.faults().always("authenticate", fault);
        answers
            .push_str(&serde_json::to_string(&session.call("validate_quantconnect_auth", json!({})).await.0).unwrap());
        session.sim.faults().clear();
    }
    answers.push_str(&session.read("resource://quantconnect/server/status").await.unwrap());

    let logs = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(logs.contains("tool call"), "the log was not captured: {logs}");
    for secret in [PLANTED, seed::TOKEN, "Basic ", "Authorization"] {
        for (place, text) in [("an answer", &answers), ("a log line", &logs)] {
            let found = text.find(secret).map(|at| &text[at.saturating_sub(80)..(at + 80).min(text.len())]);
            assert!(found.is_none(), "{secret} in {place}: {}", found.unwrap_or_default());
        }
    }
}
