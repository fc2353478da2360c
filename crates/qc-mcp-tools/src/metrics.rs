//! Counts of what the tools did since the start: calls, errors, times. No caller, project or argument in them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rmcp::{ErrorData, model::CallToolResponse};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With an answer.
    Done,
    /// With a tool error.
    ToolError,
    /// With a protocol error.
    ProtocolError,
}

impl Outcome {
    pub(crate) fn of(result: &Result<CallToolResponse, ErrorData>) -> Self {
        match result {
            Ok(CallToolResponse::Complete(result)) if result.is_error == Some(true) => Outcome::ToolError,
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::ProtocolError,
        }
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Outcome::Done => "ok",
            Outcome::ToolError => "tool_error",
            Outcome::ProtocolError => "protocol_error",
        }
    }
}

/// The counts of one tool.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Calls.
    pub(crate) calls: u64,
    /// Calls that ended with an error.
    pub(crate) errors: u64,
    /// Time of all calls together.
    pub(crate) total: Duration,
    /// Time of the slowest call.
    pub(crate) slowest: Duration,
}

/// Counts by tool.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    by_tool: Mutex<BTreeMap<String, Counts>>,
}

impl Metrics {
    pub(crate) fn record(&self, tool: &str, outcome: Outcome, took: Duration) {
        let mut by_tool = self.by_tool.lock().unwrap_or_else(PoisonError::into_inner);
        if !by_tool.contains_key(tool) {
            by_tool.insert(tool.to_owned(), Counts::default());
        }
        if let Some(counts) = by_tool.get_mut(tool) {
            counts.calls += 1;
            counts.errors += u64::from(outcome != Outcome::Done);
            counts.total += took;
            counts.slowest = counts.slowest.max(took);
        }
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<String, Counts> {
        self.by_tool.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
