//! Commands to running algorithms. What a command does is up to the algorithm.
//!
//! Source: API description, `/live/commands/*`; LEAN's `ICommand` types.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::endpoint::{Effect, Endpoint, EndpointInfo, Reach, table};
use crate::endpoints::Done;
use crate::ids::{OrganizationId, ProjectId};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![CreateLiveCommand, BroadcastLiveCommand];

/// Sends a command to a running algorithm. It is lost unless the algorithm's log shows that it runs.
///
/// Without a member `$type` the command goes to `on_command`; `{"$type": "OrderCommand", ...}` places an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateLiveCommand {
    /// The project.
    pub project_id: ProjectId,
    /// The command: a JSON object.
    pub command: Value,
}

impl Endpoint for CreateLiveCommand {
    const PATH: &'static str = "live/commands/create";
    const EFFECT: Effect = Effect::Create;
    const REACH: Reach = Reach::Live;
    type Reply = Done;
}

/// Sends a command to every live algorithm of an organization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BroadcastLiveCommand {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The command: a JSON object.
    pub command: Value,
    /// A project that is left out, usually the sender's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_project_id: Option<ProjectId>,
}

impl Endpoint for BroadcastLiveCommand {
    const PATH: &'static str = "live/commands/broadcast";
    const EFFECT: Effect = Effect::Create;
    const REACH: Reach = Reach::Live;
    type Reply = Done;
}
