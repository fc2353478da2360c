//! Backtests: run, read in pieces, label, delete.
//!
//! Source: API description, `/backtests/*`; `trades` and `read/log` from the documentation of 2026; `tags/update`
//! from LEAN's `Api.cs`.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Cost, Effect, Endpoint, EndpointInfo, table};
use crate::endpoints::Done;
use crate::ids::{BacktestId, CompileId, ProjectId};
use crate::model::{Backtest, BacktestSummary, ChartReply, ClosedTrade, Insight, Order};
use crate::wire::{Map, flag, list, map, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![
    CreateBacktest,
    ReadBacktest,
    ListBacktests,
    ReadBacktestChart,
    ReadBacktestOrders,
    ReadBacktestInsights,
    ReadBacktestTrades,
    ReadBacktestLogs,
    ReadBacktestReport,
    UpdateBacktest,
    UpdateBacktestTags,
    DeleteBacktest,
];

/// Starts a backtest of a compiled project. Answers at once, long before the run ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateBacktest {
    /// The project.
    pub project_id: ProjectId,
    /// The compiled code.
    pub compile_id: CompileId,
    /// A name for the run.
    pub backtest_name: String,
    /// Values of the algorithm's parameters; nested values are refused by the service.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "map::of_texts")]
    pub parameters: Map<String>,
}

impl Endpoint for CreateBacktest {
    const PATH: &'static str = "backtests/create";
    const EFFECT: Effect = Effect::Create;
    const COST: Cost = Cost::Node;
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120); // observed to take more than a minute
    const PAYLOAD: &'static [&'static str] = &["backtest"];
    type Reply = BacktestReply;

    fn check(reply: &BacktestReply) -> Result<(), &'static str> {
        if reply.backtest.backtest_id.as_str().is_empty() { Err("the answer names no backtest id") } else { Ok(()) }
    }
}

/// Reads a backtest: status, statistics, names of charts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadBacktest {
    /// The project.
    pub project_id: ProjectId,
    /// The backtest.
    pub backtest_id: BacktestId,
}

impl Endpoint for ReadBacktest {
    const PATH: &'static str = "backtests/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["backtest"];
    type Reply = BacktestReply;
}

/// A backtest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BacktestReply {
    /// The backtest.
    pub backtest: Backtest,
    /// Whether it runs under the debugger.
    #[serde(deserialize_with = "flag::or_false")]
    pub debugging: bool,
}

/// Lists the backtests of a project, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListBacktests {
    /// The project.
    pub project_id: ProjectId,
    /// Whether to give the figures of each.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "flag::option")]
    pub include_statistics: Option<bool>,
}

impl Endpoint for ListBacktests {
    const PATH: &'static str = "backtests/list";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["backtests"];
    type Reply = BacktestsReply;
}

/// The backtests of a project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BacktestsReply {
    /// The backtests, newest first.
    #[serde(deserialize_with = "list::of")]
    pub backtests: Vec<BacktestSummary>,
    /// How many there are.
    #[serde(deserialize_with = "number::option_integer")]
    pub count: Option<i64>,
}

/// Reads a chart. The service may need a while: then the answer says `loading`, and the same request is
/// repeated every 5 s ([`crate::poll::Schedule::CHART`]).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadBacktestChart {
    /// The project.
    pub project_id: ProjectId,
    /// The backtest.
    pub backtest_id: BacktestId,
    /// The chart, such as `Strategy Equity`.
    pub name: String,
    /// How many points are wanted; the service resamples to it.
    #[serde(deserialize_with = "number::integer")]
    pub count: i64,
    /// The first moment, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub start: Option<i64>,
    /// The last moment, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub end: Option<i64>,
}

impl Endpoint for ReadBacktestChart {
    const PATH: &'static str = "backtests/chart/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["chart", "progress"];
    type Reply = ChartReply;
}

/// Declares a request for a window of a backtest's rows: `start` included, `end` not, from 0.
macro_rules! window {
    ($(#[$meta:meta])* $name:ident, $path:literal, $payload:expr, $reply:ty) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The project.
            pub project_id: ProjectId,
            /// The backtest.
            pub backtest_id: BacktestId,
            /// The first position, from 0.
            #[serde(default, deserialize_with = "number::integer")]
            pub start: i64,
            /// The position after the last.
            #[serde(deserialize_with = "number::integer")]
            pub end: i64,
        }

        impl Endpoint for $name {
            const PATH: &'static str = $path;
            const EFFECT: Effect = Effect::Read;
            const PAYLOAD: &'static [&'static str] = $payload;
            type Reply = $reply;
        }
    };
}

window! {
    /// Reads orders, at most 100 at a time.
    ReadBacktestOrders, "backtests/orders/read", &["orders"], OrdersReply
}
window! {
    /// Reads insights, at most 100 at a time.
    ReadBacktestInsights, "backtests/read/insights", &["insights"], InsightsReply
}
window! {
    /// Reads closed trades with their orders; asked for at most 100 at a time, for no limit is documented.
    ReadBacktestTrades, "backtests/trades/read", &["trades"], TradesReply
}

/// Orders.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrdersReply {
    /// The orders.
    #[serde(deserialize_with = "list::of")]
    pub orders: Vec<Order>,
    /// How many there are (the documentation leaves open whether in all or here).
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
}

/// Insights.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct InsightsReply {
    /// The insights.
    #[serde(deserialize_with = "list::of")]
    pub insights: Vec<Insight>,
    /// How many there are (the documentation leaves open whether in all or here).
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
}

/// Closed trades.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TradesReply {
    /// The trades.
    #[serde(deserialize_with = "list::of")]
    pub trades: Vec<ClosedTrade>,
    /// How many there are in all.
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
}

/// Reads log lines, at most 200 at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadBacktestLogs {
    /// The project.
    pub project_id: ProjectId,
    /// The backtest.
    pub backtest_id: BacktestId,
    /// The first line, from 0.
    #[serde(default, deserialize_with = "number::integer")]
    pub start: i64,
    /// The line after the last.
    #[serde(deserialize_with = "number::integer")]
    pub end: i64,
    /// Only lines that hold this text, whatever its case. Empty for all; the member must be sent.
    #[serde(default, deserialize_with = "text::string")]
    pub query: String,
}

impl Endpoint for ReadBacktestLogs {
    const PATH: &'static str = "backtests/read/log";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["logs", "BacktestLogs"];
    type Reply = LogsReply;
}

/// Log lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogsReply {
    /// The lines.
    #[serde(alias = "BacktestLogs", deserialize_with = "list::of_texts")]
    pub logs: Vec<String>,
    /// How many lines match in all.
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
}

/// Reads the service's own report, an HTML page. It is made on demand: repeat every 10 s
/// ([`crate::poll::Schedule::REPORT`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadBacktestReport {
    /// The project.
    pub project_id: ProjectId,
    /// The backtest.
    pub backtest_id: BacktestId,
}

impl Endpoint for ReadBacktestReport {
    const PATH: &'static str = "backtests/read/report";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["report", "generating"];
    type Reply = ReportReply;
}

/// A report, or the word that it is being made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportReply {
    /// The page, once it is there.
    #[serde(deserialize_with = "text::option")]
    pub report: Option<String>,
    /// Whether it is still being made.
    #[serde(deserialize_with = "flag::or_false")]
    pub generating: bool,
}

/// Changes the name or the note of a backtest; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBacktest {
    /// The project.
    pub project_id: ProjectId,
    /// The backtest.
    pub backtest_id: BacktestId,
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new note; the empty text wipes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Endpoint for UpdateBacktest {
    const PATH: &'static str = "backtests/update";
    const EFFECT: Effect = Effect::Update;
    type Reply = Done;
}

/// Gives a backtest new labels in place of the old ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateBacktestTags {
    /// The project.
    pub project_id: ProjectId,
    /// The backtest.
    pub backtest_id: BacktestId,
    /// The labels; none clears them.
    #[serde(default, deserialize_with = "list::of_texts")]
    pub tags: Vec<String>,
}

impl Endpoint for UpdateBacktestTags {
    const PATH: &'static str = "backtests/tags/update";
    const EFFECT: Effect = Effect::Update;
    type Reply = Done;
}

/// Deletes a backtest; a running one is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteBacktest {
    /// The project.
    pub project_id: ProjectId,
    /// The backtest.
    pub backtest_id: BacktestId,
}

impl Endpoint for DeleteBacktest {
    const PATH: &'static str = "backtests/delete";
    const EFFECT: Effect = Effect::Delete;
    type Reply = Done;
}
