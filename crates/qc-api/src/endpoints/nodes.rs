//! The nodes of an organization, and which of them a project may use.
//!
//! Source: API description, `/projects/nodes/*`; `nodes/read` from lean-cli.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::ids::{NodeId, OrganizationId, ProjectId};
use crate::model::Nodes;
use crate::wire::{flag, list};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![ReadNodes, ReadProjectNodes, UpdateProjectNodes];

/// Reads all nodes of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadNodes {
    /// The organization.
    pub organization_id: OrganizationId,
}

impl Endpoint for ReadNodes {
    const PATH: &'static str = "nodes/read";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["backtest", "research", "live"];
    type Reply = Nodes;
}

/// Reads the nodes a project may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadProjectNodes {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for ReadProjectNodes {
    const PATH: &'static str = "projects/nodes/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["nodes"];
    type Reply = ProjectNodes;
}

/// Chooses the nodes a project may use; none lets the service choose. The service does not check the ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateProjectNodes {
    /// The project.
    pub project_id: ProjectId,
    /// The nodes.
    #[serde(default, deserialize_with = "list::of")]
    pub nodes: Vec<NodeId>,
}

impl Endpoint for UpdateProjectNodes {
    const PATH: &'static str = "projects/nodes/update";
    const EFFECT: Effect = Effect::Update;
    const PAYLOAD: &'static [&'static str] = &["nodes"];
    type Reply = ProjectNodes;
}

/// The nodes of a project; `active` ones are those it may use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectNodes {
    /// The nodes.
    pub nodes: Nodes,
    /// Whether the service chooses.
    #[serde(deserialize_with = "flag::or_false")]
    pub auto_select_node: bool,
}
