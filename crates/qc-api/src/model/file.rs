//! A file of a project.
//!
//! Source: API description, `ProjectFile`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ProjectId;
use crate::wire::{date, flag, number, text};

/// A file of a project or of a library it uses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectFile {
    /// The file's number; absent in some answers.
    #[serde(deserialize_with = "number::option_integer")]
    pub id: Option<i64>,
    /// The project it belongs to.
    pub project_id: Option<ProjectId>,
    /// The name; `/` separates folders.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// The text of the file.
    #[serde(deserialize_with = "text::string")]
    pub content: String,
    /// When it was last changed.
    #[serde(with = "date::spaced")]
    pub modified: Option<Timestamp>,
    /// Whether it is open in the web editor.
    #[serde(deserialize_with = "flag::or_false")]
    pub open: bool,
    /// Whether it comes from a library.
    #[serde(deserialize_with = "flag::or_false")]
    pub is_library: bool,
}
