//! The files of a project.
//!
//! Every request takes `code_source_id`, the name of the editing program; left out, the client fills in
//! [`crate::Config::code_source`].
//!
//! Source: API description, `/files/*`; QuantConnect's MCP server and its tests.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::endpoints::Done;
use crate::ids::ProjectId;
use crate::model::ProjectFile;
use crate::wire::list;

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] =
    table![CreateFile, ReadFiles, UpdateFileContent, RenameFile, PatchFiles, DeleteFile];

/// Makes a file. Fails when the name is taken or the content is the empty text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateFile {
    /// The project.
    pub project_id: ProjectId,
    /// The name; `/` separates folders.
    pub name: String,
    /// Its text; left out, the service writes a default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The editing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_source_id: Option<String>,
}

impl Endpoint for CreateFile {
    const PATH: &'static str = "files/create";
    const EFFECT: Effect = Effect::Create;
    const NAMES_SOURCE: bool = true;
    type Reply = Done;
}

/// Reads one file, or all of a project with those of its libraries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadFiles {
    /// The project.
    pub project_id: ProjectId,
    /// One file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The reading program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_source_id: Option<String>,
}

impl Endpoint for ReadFiles {
    const PATH: &'static str = "files/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["files"];
    const NAMES_SOURCE: bool = true;
    type Reply = FilesReply;
}

/// Files of a project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FilesReply {
    /// The files.
    #[serde(deserialize_with = "list::of")]
    pub files: Vec<ProjectFile>,
}

/// Gives a file new content. The empty text is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateFileContent {
    /// The project.
    pub project_id: ProjectId,
    /// The file.
    pub name: String,
    /// Its new text.
    pub content: String,
    /// The editing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_source_id: Option<String>,
}

impl Endpoint for UpdateFileContent {
    const PATH: &'static str = "files/update";
    const EFFECT: Effect = Effect::Update;
    const NAMES_SOURCE: bool = true;
    type Reply = Done;
}

/// Gives a file a new name. Not repeated after a failure: the old name may be gone by then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenameFile {
    /// The project.
    pub project_id: ProjectId,
    /// The file.
    pub name: String,
    /// Its new name.
    pub new_name: String,
    /// The editing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_source_id: Option<String>,
}

impl Endpoint for RenameFile {
    const PATH: &'static str = "files/update";
    const EFFECT: Effect = Effect::Update;
    const REPEATABLE: bool = false;
    const NAMES_SOURCE: bool = true;
    type Reply = Done;
}

/// Applies a unified diff as `git diff` writes it; it may touch several files and must match exactly.
///
/// Not repeated after a failure: a patch once applied does not match again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PatchFiles {
    /// The project.
    pub project_id: ProjectId,
    /// The diff, with `diff --git`, `---`, `+++` and `@@` lines.
    pub patch: String,
    /// The editing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_source_id: Option<String>,
}

impl Endpoint for PatchFiles {
    const PATH: &'static str = "files/patch";
    const EFFECT: Effect = Effect::Update;
    const REPEATABLE: bool = false;
    const NAMES_SOURCE: bool = true;
    type Reply = Done;
}

/// Deletes a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteFile {
    /// The project.
    pub project_id: ProjectId,
    /// The file.
    pub name: String,
    /// The editing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_source_id: Option<String>,
}

impl Endpoint for DeleteFile {
    const PATH: &'static str = "files/delete";
    const EFFECT: Effect = Effect::Delete;
    const NAMES_SOURCE: bool = true;
    type Reply = Done;
}
