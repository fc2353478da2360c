//! Libraries: projects whose code another project uses.
//!
//! Source: lean-cli's `project_client.py`.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::endpoints::Done;
use crate::ids::ProjectId;

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![AddLibrary, RemoveLibrary];

/// Lets a project use a library. Asking twice changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddLibrary {
    /// The project.
    pub project_id: ProjectId,
    /// The library's project.
    pub library_id: ProjectId,
}

impl Endpoint for AddLibrary {
    const PATH: &'static str = "projects/library/create";
    const EFFECT: Effect = Effect::Update;
    type Reply = Done;
}

/// Ends a project's use of a library; the library stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveLibrary {
    /// The project.
    pub project_id: ProjectId,
    /// The library's project.
    pub library_id: ProjectId,
}

impl Endpoint for RemoveLibrary {
    const PATH: &'static str = "projects/library/delete";
    const EFFECT: Effect = Effect::Update;
    const REPEATABLE: bool = false; // a second removal may find nothing to remove
    type Reply = Done;
}
