//! Projects: make, read, change, delete.
//!
//! Source: API description, `/projects/*`; lean-cli's `project_client.py` for the rarer members of an update.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::endpoints::Done;
use crate::ids::{OrganizationId, ProjectId, VersionId};
use crate::model::{Language, LeanVersion, Project};
use crate::wire::{list, number};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![CreateProject, ReadProjects, UpdateProject, DeleteProject];

/// Makes a project with the service's two default files.
///
/// A taken name does not fail: the service appends a number, so the name in the answer counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateProject {
    /// The name; `/` separates folders.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Another organization than the preferred one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
}

impl Endpoint for CreateProject {
    const PATH: &'static str = "projects/create";
    const EFFECT: Effect = Effect::Create;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["projects"];
    type Reply = ProjectsReply;

    fn check(reply: &ProjectsReply) -> Result<(), &'static str> {
        match reply.projects.first() {
            Some(project) if project.project_id != ProjectId::default() => Ok(()),
            _ => Err("the answer names no project"),
        }
    }
}

/// Reads one project, a window of the list, or all projects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadProjects {
    /// One project; then no window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// The first position, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub start: Option<i64>,
    /// The position after the last.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub end: Option<i64>,
    /// Another organization than the preferred one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
}

impl ReadProjects {
    /// One project.
    #[must_use]
    pub fn one(project_id: ProjectId) -> Self {
        Self { project_id: Some(project_id), ..Self::default() }
    }
}

impl Endpoint for ReadProjects {
    const PATH: &'static str = "projects/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["projects"];
    type Reply = ProjectsReply;
}

/// Projects, and the LEAN versions they may run on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectsReply {
    /// The projects.
    #[serde(deserialize_with = "list::of")]
    pub projects: Vec<Project>,
    /// The versions of LEAN.
    #[serde(deserialize_with = "list::of", skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<LeanVersion>,
}

/// Changes what is given of a project and leaves the rest.
///
/// A taken name fails here, unlike in [`CreateProject`]. An empty text for the name is refused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateProject {
    /// The project.
    pub project_id: ProjectId,
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// New parameters in place of the old ones; an empty list clears them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<ParameterValue>>,
    /// The LEAN version to run on; -1 follows the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// The Python environment to run in.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub lean_environment: Option<i64>,
    /// New files in place of all old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileContent>>,
    /// New libraries in place of the old ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libraries: Option<Vec<ProjectId>>,
    /// The hash of the key to encrypt with; the empty text ends encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
    /// The editing program; subjects the change to the edit lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_source_id: Option<String>,
}

/// A parameter and its value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ParameterValue {
    /// Its name.
    pub key: String,
    /// Its value.
    #[serde(deserialize_with = "crate::wire::text::string")]
    pub value: String,
}

/// A file by name and content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileContent {
    /// Its name.
    pub name: String,
    /// Its text.
    pub content: String,
}

impl Endpoint for UpdateProject {
    const PATH: &'static str = "projects/update";
    const EFFECT: Effect = Effect::Update;
    type Reply = Done;
}

/// Deletes a project: the service moves it to its recycle bin, where lists may still show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteProject {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for DeleteProject {
    const PATH: &'static str = "projects/delete";
    const EFFECT: Effect = Effect::Delete;
    type Reply = Done;
}
