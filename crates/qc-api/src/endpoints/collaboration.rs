//! Other people on a project, and the lock that says who edits.
//!
//! The service names the same things differently in each of these calls; the field names here follow it.
//!
//! Source: API description, `/projects/collaboration/*`; QuantConnect's MCP server and its tests.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, Reach, table};
use crate::endpoints::Done;
use crate::ids::ProjectId;
use crate::model::{Collaborator, Permission};
use crate::wire::{flag, list};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] =
    table![CreateCollaborator, ReadCollaborators, UpdateCollaborator, DeleteCollaborator, AcquireLock,];

/// Lets somebody into a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateCollaborator {
    /// The project.
    pub project_id: ProjectId,
    /// The user's public id, such as `mia-ai`.
    pub collaborator_user_id: String,
    /// Whether the user may deploy and stop.
    pub collaboration_live_control: bool,
    /// Whether the user may change the code.
    pub collaboration_write: bool,
}

impl Endpoint for CreateCollaborator {
    const PATH: &'static str = "projects/collaboration/create";
    const EFFECT: Effect = Effect::Create;
    const REACH: Reach = Reach::People;
    const PAYLOAD: &'static [&'static str] = &["collaborators"];
    type Reply = CollaboratorsReply;
}

/// Reads who may see a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadCollaborators {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for ReadCollaborators {
    const PATH: &'static str = "projects/collaboration/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["collaborators"];
    type Reply = CollaboratorsReply;
}

/// Changes what somebody may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateCollaborator {
    /// The project.
    pub project_id: ProjectId,
    /// The user's public id.
    pub collaborator_user_id: String,
    /// Whether the user may deploy and stop.
    pub live_control: bool,
    /// Whether the user may change the code.
    pub write: bool,
}

impl Endpoint for UpdateCollaborator {
    const PATH: &'static str = "projects/collaboration/update";
    const EFFECT: Effect = Effect::Update;
    const REACH: Reach = Reach::People;
    const PAYLOAD: &'static [&'static str] = &["collaborators"];
    type Reply = CollaboratorsReply;
}

/// Takes somebody out of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteCollaborator {
    /// The project.
    pub project_id: ProjectId,
    /// The user's public id.
    pub collaborator_id: String,
}

impl Endpoint for DeleteCollaborator {
    const PATH: &'static str = "projects/collaboration/delete";
    const EFFECT: Effect = Effect::Delete;
    const REACH: Reach = Reach::People;
    const PAYLOAD: &'static [&'static str] = &["collaborators"];
    type Reply = CollaboratorsReply;
}

/// The owner and everybody else on a project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CollaboratorsReply {
    /// Everybody, the owner included.
    #[serde(deserialize_with = "list::of")]
    pub collaborators: Vec<Collaborator>,
    /// Whether the caller may deploy and stop (only when reading).
    #[serde(deserialize_with = "flag::option", skip_serializing_if = "Option::is_none")]
    pub user_live_control: Option<bool>,
    /// What the caller may do with the code (only when reading).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_permissions: Option<Permission>,
}

/// Takes the edit lock of a shared project; afterwards read the files, then edit. No release is documented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcquireLock {
    /// The project.
    pub project_id: ProjectId,
    /// The editing program.
    pub code_source_id: String,
}

impl Endpoint for AcquireLock {
    const PATH: &'static str = "projects/collaboration/lock/acquire";
    const EFFECT: Effect = Effect::Update;
    type Reply = Done;
}
