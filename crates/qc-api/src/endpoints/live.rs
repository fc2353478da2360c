//! Live trading: deploy, watch, stop.
//!
//! Deploying, stopping with sale and commands may move real money; [`crate::brokerage`] says when a deployment is
//! certainly a paper one.
//!
//! Source: API description, `/live/*`; `trades` and the newer members of logs and insights from the documentation of
//! 2026.

use serde::{Deserialize, Serialize};

use crate::brokerage::{Brokerage, DataProvider};
use crate::endpoint::{Cost, Effect, Endpoint, EndpointInfo, Reach, table};
use crate::endpoints::Done;
use crate::ids::{CompileId, DeployId, NodeId, ProjectId, VersionId};
use crate::model::{
    ChartReply, ClosedTrade, Insight, LiveAlgorithm, LiveStatus, LiveSummary, Notifications, Order, PortfolioReply,
};
use crate::poll::Progress;
use crate::wire::{Map, date, flag, list, map, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![
    CreateLive,
    ReadLive,
    ListLive,
    ReadLivePortfolio,
    ReadLiveChart,
    ReadLiveOrders,
    ReadLiveTrades,
    ReadLiveInsights,
    ReadLiveLogs,
    StopLive,
    LiquidateLive,
];

/// Deploys compiled code to a live node and a brokerage. Credentials are not checked here: a wrong one shows
/// later, in [`ReadLive`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateLive {
    /// The LEAN version, as text; -1 for the newest.
    #[serde(serialize_with = "as_text")]
    pub version_id: VersionId,
    /// The project.
    pub project_id: ProjectId,
    /// The compiled code.
    pub compile_id: CompileId,
    /// The node.
    pub node_id: NodeId,
    /// The brokerage with its settings.
    pub brokerage: Brokerage,
    /// Sources of data by name, in order of precedence.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "map::of")]
    pub data_providers: Map<DataProvider>,
    /// Whether the service starts it again after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "flag::option")]
    pub automatic_redeploy: Option<bool>,
    /// Who hears of orders and insights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Notifications>,
    /// Values of the algorithm's parameters.
    #[serde(default, skip_serializing_if = "Map::is_empty", deserialize_with = "map::of_texts")]
    pub parameters: Map<String>,
    /// The signature of the code: the second half of the compile id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The service takes the version as text and answers it as a number.
fn as_text<S: serde::Serializer>(version: &VersionId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(version)
}

impl Endpoint for CreateLive {
    const PATH: &'static str = "live/create";
    const EFFECT: Effect = Effect::Create;
    const COST: Cost = Cost::Node;
    const REACH: Reach = Reach::Live;
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);
    const PAYLOAD: &'static [&'static str] = &["deployId", "live"];
    type Reply = CreateLiveReply;

    fn check(reply: &CreateLiveReply) -> Result<(), &'static str> {
        if reply.deployment().is_some() { Ok(()) } else { Err("the answer names no deployment") }
    }
}

/// A new deployment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateLiveReply {
    /// The project.
    pub project_id: Option<ProjectId>,
    /// The deployment.
    pub deploy_id: Option<DeployId>,
    /// The LEAN version.
    pub version_id: Option<VersionId>,
    /// Who asked: `api-v2`.
    #[serde(deserialize_with = "text::option")]
    pub source: Option<String>,
    /// A code of the service.
    #[serde(deserialize_with = "text::option")]
    pub response_code: Option<String>,
    /// The deployment as it is now.
    #[serde(deserialize_with = "crate::wire::object::option")]
    pub live: Option<LiveAlgorithm>,
}

impl CreateLiveReply {
    /// The deployment, whichever member names it.
    #[must_use]
    pub fn deployment(&self) -> Option<&DeployId> {
        let inner = self.live.as_ref().and_then(|live| live.deploy_id.as_ref());
        self.deploy_id.as_ref().or(inner).filter(|id| !id.as_str().is_empty())
    }
}

/// Reads the last deployment of a project, or a given one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLive {
    /// The project.
    pub project_id: ProjectId,
    /// The deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_id: Option<DeployId>,
}

impl Endpoint for ReadLive {
    const PATH: &'static str = "live/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["status", "deployId"];
    type Reply = LiveAlgorithm;
}

/// Lists deployments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListLive {
    /// Only of this project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// Only with this status: Running, Stopped, RuntimeError or Liquidated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<LiveStatus>,
    /// Launched from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "date::unix")]
    pub start: Option<jiff::Timestamp>,
    /// Launched until this moment.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "date::unix")]
    pub end: Option<jiff::Timestamp>,
}

impl Endpoint for ListLive {
    const PATH: &'static str = "live/list";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["live"];
    type Reply = LiveListReply;
}

/// Deployments.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveListReply {
    /// The deployments.
    #[serde(deserialize_with = "list::of")]
    pub live: Vec<LiveSummary>,
}

/// Reads what a deployment holds, as of at most ten minutes ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLivePortfolio {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for ReadLivePortfolio {
    const PATH: &'static str = "live/portfolio/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["portfolio"];
    type Reply = PortfolioReply;
}

/// Reads a chart of a deployment; like [`crate::endpoints::backtests::ReadBacktestChart`] it may be loading.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLiveChart {
    /// The project.
    pub project_id: ProjectId,
    /// The chart.
    pub name: String,
    /// How many points are wanted.
    #[serde(deserialize_with = "number::integer")]
    pub count: i64,
    /// The first moment, Unix seconds.
    #[serde(deserialize_with = "number::integer")]
    pub start: i64,
    /// The last moment, Unix seconds.
    #[serde(deserialize_with = "number::integer")]
    pub end: i64,
}

impl Endpoint for ReadLiveChart {
    const PATH: &'static str = "live/chart/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["chart", "progress"];
    type Reply = ChartReply;
}

/// Reads orders of a deployment, at most 1000 at a time; the snapshot is up to ten minutes old.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLiveOrders {
    /// The project.
    pub project_id: ProjectId,
    /// The first position, from 0.
    #[serde(default, deserialize_with = "number::integer")]
    pub start: i64,
    /// The position after the last.
    #[serde(deserialize_with = "number::integer")]
    pub end: i64,
}

impl Endpoint for ReadLiveOrders {
    const PATH: &'static str = "live/orders/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["orders", "progress"];
    type Reply = LiveOrdersReply;
}

/// Orders, or how far the service is with them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveOrdersReply {
    /// The orders.
    #[serde(deserialize_with = "list::of")]
    pub orders: Vec<Order>,
    /// How many there are.
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
    /// How far the service is, 0 to 1, while it is still loading them.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// `loading`, while it is.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl LiveOrdersReply {
    /// How far the service is, when this answer holds no orders because they are still being loaded.
    #[must_use]
    pub fn loading(&self) -> Option<Progress> {
        let says_so = self.progress.is_some() || self.status.as_deref() == Some("loading");
        (says_so && self.orders.is_empty() && self.length.is_none()).then(|| Progress {
            share: self.progress.filter(|share| (0.0..=1.0).contains(share)),
            state: self.status.clone().unwrap_or_else(|| "loading".to_owned()),
        })
    }
}

/// Reads closed trades with their orders, at most 1000 at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLiveTrades {
    /// The project.
    pub project_id: ProjectId,
    /// Only of this deployment; left out (never null) for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy_id: Option<DeployId>,
    /// The first position, from 0.
    #[serde(default, deserialize_with = "number::integer")]
    pub start: i64,
    /// The position after the last.
    #[serde(deserialize_with = "number::integer")]
    pub end: i64,
}

impl Endpoint for ReadLiveTrades {
    const PATH: &'static str = "live/trades/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["trades"];
    type Reply = LiveTradesReply;
}

/// Closed trades.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveTradesReply {
    /// The trades.
    #[serde(deserialize_with = "list::of")]
    pub trades: Vec<ClosedTrade>,
    /// How many there are in all.
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
}

/// Reads insights of a deployment, asked for at most 100 at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLiveInsights {
    /// The project.
    pub project_id: ProjectId,
    /// The first position, from 0.
    #[serde(default, deserialize_with = "number::integer")]
    pub start: i64,
    /// The position after the last.
    #[serde(deserialize_with = "number::integer")]
    pub end: i64,
    /// Only of this deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm_id: Option<DeployId>,
}

impl Endpoint for ReadLiveInsights {
    const PATH: &'static str = "live/insights/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["insights"];
    type Reply = LiveInsightsReply;
}

/// Insights.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveInsightsReply {
    /// The insights.
    #[serde(deserialize_with = "list::of")]
    pub insights: Vec<Insight>,
    /// How many there are.
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
}

/// Reads log lines, at most 250 at a time; the snapshot is up to five minutes old.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadLiveLogs {
    /// The project.
    pub project_id: ProjectId,
    /// The deployment.
    pub algorithm_id: DeployId,
    /// The first line, from 0.
    #[serde(default, deserialize_with = "number::integer")]
    pub start_line: i64,
    /// The line after the last.
    #[serde(deserialize_with = "number::integer")]
    pub end_line: i64,
    /// `json`.
    #[serde(default = "json")]
    pub format: String,
    /// Only lines of this deployment.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "flag::option")]
    pub deployment_logs: Option<bool>,
    /// Only lines that hold this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

fn json() -> String {
    "json".to_owned()
}

impl Endpoint for ReadLiveLogs {
    const PATH: &'static str = "live/logs/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["logs", "LiveLogs"];
    type Reply = LiveLogsReply;
}

/// Log lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveLogsReply {
    /// The lines.
    #[serde(alias = "LiveLogs", deserialize_with = "list::of_texts")]
    pub logs: Vec<String>,
    /// How many lines there are over all deployments.
    #[serde(deserialize_with = "number::option_integer")]
    pub length: Option<i64>,
    /// Where this deployment's lines begin.
    #[serde(deserialize_with = "number::option_integer")]
    pub deployment_offset: Option<i64>,
}

/// Stops a deployment and keeps what it holds.
///
/// Repeated after a failure like every plain update: a second stop of what has stopped changes nothing, and a stop that
/// got lost would leave an algorithm trading that somebody wanted to end. It names a project, not a deployment, so a
/// repetition also ends what was started there within the seconds in between; that errs on the side of standing still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopLive {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for StopLive {
    const PATH: &'static str = "live/update/stop";
    const EFFECT: Effect = Effect::Update;
    const REACH: Reach = Reach::Live;
    type Reply = Done;
}

/// Sells everything a deployment holds, then stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiquidateLive {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for LiquidateLive {
    const PATH: &'static str = "live/update/liquidate";
    const EFFECT: Effect = Effect::Delete;
    const REACH: Reach = Reach::Live;
    type Reply = Done;
}
