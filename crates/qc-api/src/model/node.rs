//! Nodes: the machines an organization rents.
//!
//! Source: API description, `Node`; LEAN's `Nodes.cs`.

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, ProjectId};
use crate::wire::{flag, list, number, object, text};

/// A machine for backtests, research or live trading.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Node {
    /// The node.
    pub id: NodeId,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// Its model, such as `B2-8`: kind, cores, memory in GB.
    #[serde(deserialize_with = "text::string")]
    pub sku: String,
    /// What it is, in words.
    #[serde(deserialize_with = "text::option")]
    pub description: Option<String>,
    /// Clock rate in GHz.
    #[serde(deserialize_with = "number::option")]
    pub speed: Option<f64>,
    /// What it costs.
    #[serde(deserialize_with = "object::option")]
    pub price: Option<NodePrice>,
    /// Cores.
    #[serde(deserialize_with = "number::option_integer")]
    pub cpu: Option<i64>,
    /// Memory in GB.
    #[serde(deserialize_with = "number::option")]
    pub ram: Option<f64>,
    /// Who uses it now.
    #[serde(deserialize_with = "text::option")]
    pub used_by: Option<String>,
    /// That user's page.
    #[serde(deserialize_with = "text::option")]
    pub user_profile: Option<String>,
    /// The project that runs on it.
    #[serde(deserialize_with = "text::option")]
    pub project_name: Option<String>,
    /// The project that runs on it.
    pub project_id: Option<ProjectId>,
    /// Whether something runs on it.
    #[serde(deserialize_with = "flag::or_false")]
    pub busy: bool,
    /// Securities it may handle.
    #[serde(deserialize_with = "number::option_integer")]
    pub assets: Option<i64>,
    /// The computer it lies on.
    #[serde(deserialize_with = "text::option")]
    pub host: Option<String>,
    /// Whether the project may use it.
    #[serde(deserialize_with = "flag::or_false")]
    pub active: bool,
    /// Whether it has a graphics card; the service writes 0 and 1.
    #[serde(deserialize_with = "flag::or_false")]
    pub has_gpu: bool,
}

/// The price of a node, in USD.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodePrice {
    /// Per month.
    #[serde(deserialize_with = "number::option")]
    pub monthly: Option<f64>,
    /// Per year.
    #[serde(deserialize_with = "number::option")]
    pub yearly: Option<f64>,
}

/// Nodes by what they are for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Nodes {
    /// For backtests.
    #[serde(deserialize_with = "list::of")]
    pub backtest: Vec<Node>,
    /// For research notebooks.
    #[serde(deserialize_with = "list::of")]
    pub research: Vec<Node>,
    /// For live trading.
    #[serde(deserialize_with = "list::of")]
    pub live: Vec<Node>,
}

impl Nodes {
    /// A live node that is free and has no graphics card: the cheapest choice for a deployment.
    #[must_use]
    pub fn free_live(&self) -> Option<&Node> {
        self.live.iter().find(|node| !node.busy && !node.has_gpu)
    }
}
