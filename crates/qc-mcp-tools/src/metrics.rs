//! Counts of what the tools did since the start: calls, errors, times. No caller, project or argument in them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
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
    /// Those of them that ended with a protocol error.
    pub(crate) protocol_errors: u64,
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
            counts.protocol_errors += u64::from(outcome == Outcome::ProtocolError);
            counts.total += took;
            counts.slowest = counts.slowest.max(took);
        }
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<String, Counts> {
        self.by_tool.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counts in Prometheus' text format.
    pub(crate) fn prometheus(&self, transport: &str) -> String {
        let counts = self.snapshot();
        let mut page = String::from(
            "# HELP qc_mcp_tool_calls_total Tool calls that ended, by outcome.\n# TYPE qc_mcp_tool_calls_total counter\n",
        );
        for (tool, counts) in &counts {
            let done = counts.calls - counts.errors;
            let tool_errors = counts.errors - counts.protocol_errors;
            for (outcome, n) in [
                (Outcome::Done, done),
                (Outcome::ToolError, tool_errors),
                (Outcome::ProtocolError, counts.protocol_errors),
            ] {
                let outcome = outcome.id();
                let _ = writeln!(
                    page,
                    "qc_mcp_tool_calls_total{{tool=\"{tool}\",outcome=\"{outcome}\",transport=\"{transport}\"}} {n}"
                );
            }
        }
        page.push_str("# HELP qc_mcp_tool_call_seconds Time of tool calls.\n# TYPE qc_mcp_tool_call_seconds summary\n");
        for (tool, counts) in &counts {
            let labels = format!("{{tool=\"{tool}\",transport=\"{transport}\"}}");
            let _ = writeln!(page, "qc_mcp_tool_call_seconds_sum{labels} {}", counts.total.as_secs_f64());
            let _ = writeln!(page, "qc_mcp_tool_call_seconds_count{labels} {}", counts.calls);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_add_up_and_labels_are_tool_outcome_and_transport() {
        let metrics = Metrics::default();
        for outcome in [Outcome::Done, Outcome::Done, Outcome::ToolError, Outcome::ProtocolError] {
            metrics.record("get_history", outcome, Duration::from_millis(250));
        }
        let page = metrics.prometheus("stdio");
        for line in [
            "qc_mcp_tool_calls_total{tool=\"get_history\",outcome=\"ok\",transport=\"stdio\"} 2",
            "qc_mcp_tool_calls_total{tool=\"get_history\",outcome=\"tool_error\",transport=\"stdio\"} 1",
            "qc_mcp_tool_calls_total{tool=\"get_history\",outcome=\"protocol_error\",transport=\"stdio\"} 1",
            "qc_mcp_tool_call_seconds_sum{tool=\"get_history\",transport=\"stdio\"} 1",
            "qc_mcp_tool_call_seconds_count{tool=\"get_history\",transport=\"stdio\"} 4",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
        }
    }
}
