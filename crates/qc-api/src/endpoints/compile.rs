//! Compiling a project, which every backtest and deployment needs first.
//!
//! Source: API description, `/compile/*`; LEAN's `Compile.cs`.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::ids::{CompileId, ProjectId};
use crate::wire::open_enum::open_enum;
use crate::wire::{list, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![CreateCompile, ReadCompile];

open_enum! {
    /// How far a compile job is.
    pub enum CompileState {
        /// Waiting or at work.
        InQueue = "InQueue",
        /// Done; the compile id may be used.
        BuildSuccess = "BuildSuccess",
        /// The code has errors; the logs say which.
        BuildError = "BuildError",
    }
}

impl CompileState {
    /// Whether nothing more will come.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::BuildSuccess | Self::BuildError)
    }
}

impl Default for CompileState {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// Starts to compile a project as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateCompile {
    /// The project.
    pub project_id: ProjectId,
}

impl Endpoint for CreateCompile {
    const PATH: &'static str = "compile/create";
    const EFFECT: Effect = Effect::Create;
    const PAYLOAD: &'static [&'static str] = &["compileId"];
    type Reply = CompileReply;

    fn check(reply: &CompileReply) -> Result<(), &'static str> {
        if reply.compile_id.as_str().is_empty() { Err("the answer names no compile id") } else { Ok(()) }
    }
}

/// Reads how far a compile job is. A failed build is a successful answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadCompile {
    /// The project.
    pub project_id: ProjectId,
    /// The job.
    pub compile_id: CompileId,
}

impl Endpoint for ReadCompile {
    const PATH: &'static str = "compile/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["compileId", "state"];
    type Reply = CompileReply;
}

/// A compile job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompileReply {
    /// The job.
    pub compile_id: CompileId,
    /// How far it is.
    pub state: CompileState,
    /// The project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// What the compiler says, a line each.
    #[serde(deserialize_with = "list::of_texts")]
    pub logs: Vec<String>,
    /// Sentences beside a successful answer.
    #[serde(deserialize_with = "list::of_texts", skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// Parameters found in the code, by file.
    #[serde(deserialize_with = "list::of", skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<FileParameters>,
    /// The signature of the code.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The files in the order in which they were signed.
    #[serde(deserialize_with = "list::of_texts", skip_serializing_if = "Vec::is_empty")]
    pub signature_order: Vec<String>,
}

/// The parameters found in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FileParameters {
    /// The file.
    #[serde(deserialize_with = "text::string")]
    pub file: String,
    /// Its parameters.
    #[serde(deserialize_with = "list::of")]
    pub parameters: Vec<DetectedParameter>,
}

/// A parameter found in the code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DetectedParameter {
    /// The line, from 1.
    #[serde(deserialize_with = "number::option_integer")]
    pub line: Option<i64>,
    /// What it is used for.
    #[serde(rename = "type", deserialize_with = "text::string")]
    pub kind: String,
}
