//! Versions of LEAN, and the Python environments it runs in.
//!
//! Source: API description, `/lean/versions/read`; lean-cli for environments.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::model::LeanVersion;
use crate::wire::{flag, list, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![ReadLeanVersions, ReadLeanEnvironments];

/// Reads the versions of LEAN a project may run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadLeanVersions {}

impl Endpoint for ReadLeanVersions {
    const PATH: &'static str = "lean/versions/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["versions"];
    type Reply = LeanVersionsReply;
}

/// Versions of LEAN.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeanVersionsReply {
    /// The versions.
    #[serde(deserialize_with = "list::of")]
    pub versions: Vec<LeanVersion>,
}

/// Reads the Python environments a project may run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadLeanEnvironments {}

impl Endpoint for ReadLeanEnvironments {
    const PATH: &'static str = "lean/environments/read";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["environments"];
    type Reply = LeanEnvironmentsReply;
}

/// Python environments.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeanEnvironmentsReply {
    /// The environments.
    #[serde(deserialize_with = "list::of")]
    pub environments: Vec<LeanEnvironment>,
}

/// A Python environment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LeanEnvironment {
    /// Its number, for `lean_environment` of a project.
    #[serde(deserialize_with = "number::option_integer")]
    pub id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// Where it lies.
    #[serde(deserialize_with = "text::option")]
    pub path: Option<String>,
    /// What is in it.
    #[serde(deserialize_with = "text::option")]
    pub description: Option<String>,
    /// Whether everybody may use it.
    #[serde(deserialize_with = "flag::or_false")]
    pub public: bool,
}
