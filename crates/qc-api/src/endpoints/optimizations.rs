//! Optimizations: many backtests over a grid of parameters, paid from credit.
//!
//! Source: API description, `/optimizations/*`; lean-cli's `optimization_client.py` and `optimizer_config_manager.py`
//! (prices, cost).

use serde::{Deserialize, Serialize};

use crate::endpoint::{Cost, Effect, Endpoint, EndpointInfo, table};
use crate::endpoints::Done;
use crate::ids::{CompileId, OptimizationId, ProjectId};
use crate::model::{
    Constraint, Optimization, OptimizationNode, OptimizationParameter, OptimizationSummary, OptimizationTarget,
    TargetDirection,
};
use crate::wire::{list, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![
    EstimateOptimization,
    CreateOptimization,
    ReadOptimization,
    ListOptimizations,
    UpdateOptimization,
    AbortOptimization,
    DeleteOptimization,
];

/// The only strategy the cloud runs: every point of the grid.
pub const GRID_SEARCH: &str = "QuantConnect.Optimizer.Strategies.GridSearchOptimizationStrategy";

/// Estimates what an optimization would take. The project needs an earlier backtest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EstimateOptimization {
    /// The project.
    pub project_id: ProjectId,
    /// A name.
    pub name: String,
    /// What is to become best.
    pub target: OptimizationTarget,
    /// Which way is better.
    pub target_to: TargetDirection,
    /// The value that ends the search.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub target_value: Option<f64>,
    /// The strategy: [`GRID_SEARCH`].
    pub strategy: String,
    /// The compiled code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile_id: Option<CompileId>,
    /// The grid; at least one parameter.
    #[serde(deserialize_with = "list::of")]
    pub parameters: Vec<OptimizationParameter>,
    /// What a result must fulfil.
    #[serde(default, deserialize_with = "list::of")]
    pub constraints: Vec<Constraint>,
    /// The model of node it would run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_type: Option<OptimizationNode>,
    /// How many nodes at once.
    #[serde(default, deserialize_with = "number::option_integer", skip_serializing_if = "Option::is_none")]
    pub parallel_nodes: Option<i64>,
}

impl Endpoint for EstimateOptimization {
    const PATH: &'static str = "optimizations/estimate";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["estimate"];
    type Reply = EstimateReply;
}

/// An estimate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EstimateReply {
    /// The estimate.
    pub estimate: Estimate,
}

/// What an optimization would take.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Estimate {
    /// The estimate's own id.
    #[serde(deserialize_with = "text::string")]
    pub estimate_id: String,
    /// Seconds one backtest takes, as lean-cli reads it; see [`crate::model::OptimizationCost`].
    #[serde(deserialize_with = "number::option")]
    pub time: Option<f64>,
    /// The organization's credit in QCC.
    #[serde(deserialize_with = "number::option")]
    pub balance: Option<f64>,
}

/// Starts an optimization; spends credit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOptimization {
    /// The project.
    pub project_id: ProjectId,
    /// A name.
    pub name: String,
    /// What is to become best.
    pub target: OptimizationTarget,
    /// Which way is better.
    pub target_to: TargetDirection,
    /// The value that ends the search.
    #[serde(default, deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub target_value: Option<f64>,
    /// The strategy: [`GRID_SEARCH`].
    pub strategy: String,
    /// The compiled code.
    pub compile_id: CompileId,
    /// The grid; at least one parameter.
    #[serde(deserialize_with = "list::of")]
    pub parameters: Vec<OptimizationParameter>,
    /// What a result must fulfil.
    #[serde(default, deserialize_with = "list::of")]
    pub constraints: Vec<Constraint>,
    /// The cost expected, in USD as [`crate::model::OptimizationCost`] gives it.
    #[serde(deserialize_with = "number::float")]
    pub estimated_cost: f64,
    /// The model of node it runs on.
    pub node_type: OptimizationNode,
    /// How many nodes at once.
    #[serde(deserialize_with = "number::integer")]
    pub parallel_nodes: i64,
}

impl Endpoint for CreateOptimization {
    const PATH: &'static str = "optimizations/create";
    const EFFECT: Effect = Effect::Create;
    const COST: Cost = Cost::Credit;
    const PAYLOAD: &'static [&'static str] = &["optimizations"];
    type Reply = OptimizationsReply;

    fn check(reply: &OptimizationsReply) -> Result<(), &'static str> {
        match reply.optimizations.first() {
            Some(first) if !first.optimization_id.as_str().is_empty() => Ok(()),
            _ => Err("the answer names no optimization id"),
        }
    }
}

/// Optimizations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OptimizationsReply {
    /// The optimizations.
    #[serde(deserialize_with = "list::of")]
    pub optimizations: Vec<OptimizationSummary>,
}

/// Reads an optimization with its backtests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadOptimization {
    /// The optimization.
    pub optimization_id: OptimizationId,
}

impl Endpoint for ReadOptimization {
    const PATH: &'static str = "optimizations/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["optimization"];
    type Reply = OptimizationReply;
}

/// An optimization.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OptimizationReply {
    /// The optimization.
    pub optimization: Optimization,
}

/// Lists the optimizations of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListOptimizations {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for ListOptimizations {
    const PATH: &'static str = "optimizations/list";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["optimizations"];
    type Reply = OptimizationsReply;
}

/// Gives an optimization a new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateOptimization {
    /// The optimization.
    pub optimization_id: OptimizationId,
    /// Its new name.
    pub name: String,
}

impl Endpoint for UpdateOptimization {
    const PATH: &'static str = "optimizations/update";
    const EFFECT: Effect = Effect::Update;
    type Reply = Done;
}

/// Ends a running optimization; what is finished stays. Fails when it has ended already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortOptimization {
    /// The optimization.
    pub optimization_id: OptimizationId,
}

impl Endpoint for AbortOptimization {
    const PATH: &'static str = "optimizations/abort";
    const EFFECT: Effect = Effect::Update;
    const REPEATABLE: bool = false; // the second of two fails, whoever sent the first
    type Reply = Done;
}

/// Deletes an optimization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteOptimization {
    /// The optimization.
    pub optimization_id: OptimizationId,
}

impl Endpoint for DeleteOptimization {
    const PATH: &'static str = "optimizations/delete";
    const EFFECT: Effect = Effect::Delete;
    type Reply = Done;
}
