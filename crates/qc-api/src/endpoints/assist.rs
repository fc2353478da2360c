//! The service's tools for people who write algorithms: checks, completion, search.
//!
//! Their answers carry no `success`; `state` says whether something was found wrong.
//!
//! Source: API description, `/ai/tools/*`; QuantConnect's MCP server, `tools/ai.py`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::endpoints::projects::FileContent;
use crate::model::Language;
use crate::wire::open_enum::{open_code, open_enum};
use crate::wire::{Map, list, map, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] =
    table![CheckInitialization, CompleteCode, EnhanceError, ConvertPep8, CheckSyntax, SearchAssist];

/// These calls run the code or a model, so they take longer than others.
const TIMEOUT: Duration = Duration::from_secs(90);

open_enum! {
    /// How a tool ended.
    pub enum AssistState {
        /// Well.
        End = "End",
        /// With something wrong in the code.
        Error = "Error",
    }
}

/// Declares a request that sends a program's files, and its endpoint.
macro_rules! on_files {
    ($(#[$meta:meta])* $name:ident, $path:literal, $reply:ty) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// The language of the files.
            pub language: Language,
            /// The files, among them `main.py` or `Main.cs`.
            #[serde(deserialize_with = "list::of")]
            pub files: Vec<FileContent>,
        }

        impl Endpoint for $name {
            const PATH: &'static str = $path;
            const EFFECT: Effect = Effect::Read;
            const TIMEOUT: Duration = TIMEOUT;
            const PAYLOAD: &'static [&'static str] = &["payload", "state"];
            type Reply = $reply;
        }
    };
}

on_files! {
    /// Runs the first seconds of a backtest, to see whether the algorithm starts.
    CheckInitialization, "ai/tools/backtest-init", AssistText
}
on_files! {
    /// Looks for mistakes without running the code; `state` is `Error` when there are some.
    CheckSyntax, "ai/tools/syntax-check", AssistTexts
}

/// A tool's answer in one text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AssistText {
    /// How it ended.
    pub state: Option<AssistState>,
    /// The version of the tool.
    #[serde(deserialize_with = "text::option")]
    pub version: Option<String>,
    /// What it says.
    #[serde(deserialize_with = "text::string")]
    pub payload: String,
}

/// A tool's answer in several texts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AssistTexts {
    /// How it ended.
    pub state: Option<AssistState>,
    /// The version of the tool.
    #[serde(deserialize_with = "text::option")]
    pub version: Option<String>,
    /// What it says.
    #[serde(deserialize_with = "list::of_texts")]
    pub payload: Vec<String>,
}

/// Completes a line of code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteCode {
    /// The language.
    pub language: Language,
    /// The beginning of the line.
    pub sentence: String,
    /// How many proposals; 10 unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub response_size_limit: Option<i64>,
}

impl Endpoint for CompleteCode {
    const PATH: &'static str = "ai/tools/complete";
    const EFFECT: Effect = Effect::Read;
    const TIMEOUT: Duration = TIMEOUT;
    const PAYLOAD: &'static [&'static str] = &["payload", "state"];
    type Reply = AssistTexts;
}

/// Explains an error message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnhanceError {
    /// The language.
    pub language: Language,
    /// The error.
    pub error: CodeError,
}

/// An error of an algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeError {
    /// Its message.
    pub message: String,
    /// Where in the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stacktrace: Option<String>,
}

impl Endpoint for EnhanceError {
    const PATH: &'static str = "ai/tools/error-enhance";
    const EFFECT: Effect = Effect::Read;
    const TIMEOUT: Duration = TIMEOUT;
    const PAYLOAD: &'static [&'static str] = &["payload", "state"];
    type Reply = AssistText;
}

/// Rewrites Python files to the style of PEP 8, as the newer API names want it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvertPep8 {
    /// The files.
    #[serde(deserialize_with = "list::of")]
    pub files: Vec<FileContent>,
}

impl Endpoint for ConvertPep8 {
    const PATH: &'static str = "ai/tools/pep8-convert";
    const EFFECT: Effect = Effect::Read;
    const TIMEOUT: Duration = TIMEOUT;
    const PAYLOAD: &'static [&'static str] = &["payload", "state"];
    type Reply = ConvertedFiles;
}

/// Rewritten files.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConvertedFiles {
    /// How it ended.
    pub state: Option<AssistState>,
    /// The version of the tool.
    #[serde(deserialize_with = "text::option")]
    pub version: Option<String>,
    /// New text by file name.
    #[serde(deserialize_with = "map::of_texts")]
    pub payload: Map<String>,
}

open_enum! {
    /// Where to search.
    pub enum SearchPlace {
        /// The names of the API.
        Stubs = "Stubs",
        /// The forum.
        Forum = "Forum",
        /// The documentation.
        Docs = "Docs",
        /// Examples.
        Examples = "Examples",
    }
}

open_code! {
    /// Where a result was found.
    pub enum FoundIn {
        /// In the names of the API.
        Stubs = 0,
        /// In the forum.
        Forum = 1,
        /// In the documentation.
        Docs = 2,
        /// In an example.
        Examples = 3,
    }
}

/// Searches documentation, examples, forum and names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAssist {
    /// The language.
    pub language: Language,
    /// What to search; the results of each come together.
    #[serde(deserialize_with = "list::of")]
    pub criteria: Vec<SearchCriterion>,
}

/// What to search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchCriterion {
    /// The question.
    pub input: String,
    /// Where.
    #[serde(rename = "type")]
    pub place: SearchPlace,
    /// How many results.
    #[serde(deserialize_with = "number::integer")]
    pub count: i64,
}

impl Endpoint for SearchAssist {
    const PATH: &'static str = "ai/tools/search";
    const EFFECT: Effect = Effect::Read;
    const TIMEOUT: Duration = TIMEOUT;
    const PAYLOAD: &'static [&'static str] = &["retrivals", "retrievals"];
    type Reply = SearchReply;
}

/// Results of a search.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchReply {
    /// How it ended.
    pub state: Option<AssistState>,
    /// The version of the tool.
    #[serde(deserialize_with = "text::option")]
    pub version: Option<String>,
    /// The results; the service misspells the member's name.
    #[serde(rename = "retrivals", alias = "retrievals", deserialize_with = "list::of")]
    pub results: Vec<SearchResult>,
    /// The search's own number.
    #[serde(deserialize_with = "number::option_integer")]
    pub message_id: Option<i64>,
}

/// A result of a search.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchResult {
    /// Where it lies, as a Markdown link.
    #[serde(deserialize_with = "text::string")]
    pub url: String,
    /// How well it fits.
    #[serde(deserialize_with = "number::option")]
    pub score: Option<f64>,
    /// Its text.
    #[serde(deserialize_with = "text::string")]
    pub content: String,
    /// Where it was found.
    #[serde(rename = "type")]
    pub found_in: Option<FoundIn>,
}
