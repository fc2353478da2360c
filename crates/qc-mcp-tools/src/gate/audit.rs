//! The record of what was asked, refused, permitted and done: one line of JSON each, appended to a file that only its
//! owner reads. It holds our words, numbers and ids; no credentials, code, file contents or payloads (their hash and
//! size instead).

use jiff::Timestamp;
use qc_api::brokerage::Money;
use serde::Serialize;

use super::deed::Deed;
use crate::{settings::Mode, state::State};

/// The file in the state folder.
const FILE: &str = "audit.jsonl";
/// Bytes of one file, and how many files are kept.
const MOST_BYTES: u64 = 10 << 20;
const FILES: u32 = 10;
/// Bytes of one line.
const MOST_LINE: usize = 4096;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A human was asked.
    Asked,
    /// It may be done; it is about to be sent.
    Permitted,
    /// It may not be done; nothing was sent.
    Refused,
    /// QuantConnect answered.
    Done,
    /// QuantConnect refused, or could not be reached.
    Failed,
    /// Nobody knows whether it was done.
    Unknown,
    /// Something about it changed; nothing was sent.
    Noted,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    at: Timestamp,
    event: Event,
    mode: &'static str,
    tool: &'a str,
    caller: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deploy_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<Money>,
    #[serde(skip_serializing_if = "is_zero")]
    estimate_qcc: f64,
    #[serde(skip_serializing_if = "is_none")]
    objects: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_bytes: Option<usize>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    simulated: bool,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn is_none(value: &u32) -> bool {
    *value == 0
}

/// Who did it, where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) mode: Mode,
    pub(crate) tool: &'a str,
    pub(crate) caller: &'a str,
    pub(crate) simulated: bool,
}

/// Appends a line.
///
/// # Errors
/// When it could not be written: the deed must not be done then.
pub(crate) fn write(
    state: &State,
    scene: Scene<'_>,
    event: Event,
    deed: Option<&Deed>,
    reason: &str,
) -> Result<(), String> {
    let reason: String = reason.chars().take(500).collect();
    let line = Line {
        at: Timestamp::now(),
        event,
        mode: scene.mode.id(),
        tool: scene.tool,
        caller: scene.caller,
        endpoint: deed.map(|deed| deed.endpoint.path),
        project: deed.and_then(|deed| deed.project).map(|project| project.0),
        deploy_id: deed.and_then(|deed| deed.deploy_id.as_deref()),
        organization: deed.and_then(|deed| deed.organization.as_deref()),
        account: deed.and_then(|deed| deed.account.as_deref()),
        node: deed.and_then(|deed| deed.node.as_deref()),
        money: deed.and_then(|deed| deed.money),
        estimate_qcc: deed.and_then(|deed| deed.estimate).unwrap_or(0.0),
        objects: deed.map_or(0, |deed| deed.objects),
        // The body of a deployment holds keys of a brokerage: a plain hash of it could be searched.
        body_sha256: deed.filter(|deed| deed.endpoint.path != "live/create").map(|deed| hex::encode(deed.body)),
        body_bytes: deed.map(|deed| deed.bytes),
        reason: &reason,
        simulated: scene.simulated,
    };
    let mut text = serde_json::to_string(&line).map_err(|error| error.to_string())?;
    if MOST_LINE <= text.len() {
        text = serde_json::to_string(&Line {
            reason: "cut",
            deploy_id: None,
            organization: None,
            account: None,
            node: None,
            ..line
        })
        .map_err(|error| error.to_string())?;
    }
    text.push('\n');
    match state.folder().map_err(|error| error.to_string())? {
        Some(folder) => folder.append_line(FILE, text.as_bytes(), MOST_BYTES, FILES).map_err(|error| error.to_string()),
        None if scene.mode == Mode::Live && !scene.simulated => {
            Err("there is no state folder for the audit; set QC_MCP_STATE_DIR".into())
        }
        None => {
            tracing::info!(target: "audit", "{}", text.trim_end());
            Ok(())
        }
    }
}
