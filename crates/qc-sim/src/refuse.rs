//! The sentences with which the real service says no, and the few answers that are not sentences.
//!
//! Those marked (seen) are documented verbatim; the others are worded like them, because only the fact that the
//! service refuses is documented. Clients must match by substring.

/// Why an endpoint did not do what was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// HTTP 200, `success: false`, this sentence.
    Said(String),
    /// HTTP 500 with an empty body.
    Wordless,
}

/// What an endpoint gives back.
pub(crate) type Answer<T> = std::result::Result<T, Refusal>;

fn said(sentence: impl Into<String>) -> Refusal {
    Refusal::Said(sentence.into())
}

/// (seen) A required member is missing or of the wrong kind.
pub(crate) fn invalid_argument() -> Refusal {
    said("Invalid argument")
}

/// (seen, as a prefix) The signature does not fit the account's token.
pub(crate) fn hash_does_not_match(user: &str, timestamp: &str) -> String {
    format!("Hash doesn't match. UserID: {user}, Timestamp: {timestamp}")
}

/// (seen: both halves) The signature fits, but its time does not.
pub(crate) fn timestamp_too_old(timestamp: &str, window_seconds: i64) -> String {
    format!("Hash doesn't match. timestamp is too old for hash: {timestamp}, valid for {window_seconds} seconds")
}

/// (seen, as a prefix) No such account.
pub(crate) fn user_not_valid(user: &str) -> String {
    format!("UserID not valid: {user}")
}

/// (seen) Data files of which there are none are answered without a word.
pub(crate) fn wordless() -> Refusal {
    Refusal::Wordless
}

pub(crate) fn unknown_path(path: &str) -> Refusal {
    said(format!("Endpoint not found: {path}"))
}

pub(crate) fn project_not_found(id: i64) -> Refusal {
    said(format!("Project ID {id} not found"))
}

pub(crate) fn project_name_taken(name: &str) -> Refusal {
    said(format!("Project name already exists: {name}"))
}

pub(crate) fn project_name_invalid(name: &str) -> Refusal {
    said(format!("Project name not valid: {name}"))
}

pub(crate) fn organization_not_found(id: &str) -> Refusal {
    said(format!("Organization ID {id} not found"))
}

/// (seen, in part) Another editor holds the lock, or the account may only read.
pub(crate) fn no_write_permission() -> Refusal {
    said("You do not have write permission for this project")
}

/// The right exists beside that to write; the sentence is worded like its.
pub(crate) fn no_live_control() -> Refusal {
    said("You do not have live control permission for this project")
}

pub(crate) fn collaborator_not_found(id: &str) -> Refusal {
    said(format!("Collaborator not found: {id}"))
}

pub(crate) fn library_not_found(id: i64) -> Refusal {
    said(format!("Library project ID {id} not found"))
}

pub(crate) fn data_not_found(path: &str) -> Refusal {
    said(format!("Data file not found: {path}"))
}

pub(crate) fn module_not_bought(product: i64) -> Refusal {
    said(format!("The organization does not own product {product}"))
}

pub(crate) fn data_issue_not_valid(reason: &str) -> Refusal {
    said(format!("Data issue not valid: {reason}"))
}

/// (seen) The search failed; what made it fail is not known, here it is a request for nothing.
pub(crate) fn nothing_to_search() -> Refusal {
    said("Failed to process request data, please try again shortly.")
}

/// Nobody has signed in at the brokerage yet.
pub(crate) fn not_authorized(brokerage: &str) -> Refusal {
    said(format!("No authorization found for {brokerage}"))
}

pub(crate) fn not_enough_credit(needed: f64, has: f64) -> Refusal {
    said(format!("Not enough credit: needed {needed:.2} QCC, balance {has:.2} QCC"))
}

pub(crate) fn optimization_not_found(id: &str) -> Refusal {
    said(format!("Optimization not found: {id}"))
}

pub(crate) fn optimization_finished(id: &str) -> Refusal {
    said(format!("Optimization {id} is not running"))
}

pub(crate) fn optimization_parameters_not_valid(reason: &str) -> Refusal {
    said(format!("Optimization parameters not valid: {reason}"))
}

/// (seen, in part) The project was never deployed, or nothing of it runs.
pub(crate) fn no_live_deployment(project: i64) -> Refusal {
    said(format!("No live deployment found for project {project}"))
}

/// (seen) A brokerage that is no map, as a form makes of nested settings.
pub(crate) fn brokerage_not_an_array() -> Refusal {
    said("Brokerage data must be an array")
}

pub(crate) fn node_not_found(id: &str) -> Refusal {
    said(format!("Node not found: {id}"))
}

pub(crate) fn node_busy(name: &str) -> Refusal {
    said(format!("Node {name} is busy"))
}

pub(crate) fn already_live(project: i64) -> Refusal {
    said(format!("Project {project} is already running live"))
}

/// (seen) Downloads need an institution's plan.
pub(crate) fn export_not_enabled() -> Refusal {
    said("Organization does not have derivative export enabled")
}

pub(crate) fn object_not_found(key: &str) -> Refusal {
    said(format!("Object not found: {key}"))
}

pub(crate) fn object_key_not_valid(key: &str) -> Refusal {
    said(format!("Object key not valid: {key}"))
}

/// (seen, as a prefix) Empty content.
pub(crate) fn file_content_not_valid(content: &str) -> Refusal {
    said(format!("File content not valid. content: {content}"))
}

pub(crate) fn file_not_found(name: &str) -> Refusal {
    said(format!("File not found: {name}"))
}

pub(crate) fn file_exists(name: &str) -> Refusal {
    said(format!("File already exists: {name}"))
}

pub(crate) fn file_name_not_valid(name: &str) -> Refusal {
    said(format!("File name not valid: {name}"))
}

/// The rule is from the documentation; the sentence is not.
pub(crate) fn file_extension_not_allowed(name: &str) -> Refusal {
    said(format!("File extension not supported: {name} (documented are .py, .cs, .ipynb, .css and .html)"))
}

/// The quota is documented; the sentence is not.
pub(crate) fn too_many_files(limit: usize) -> Refusal {
    said(format!("The project has reached the maximum of {limit} files of your organization's plan"))
}

/// The quota is documented; the sentence is not.
pub(crate) fn file_too_large(name: &str, limit_kb: usize) -> Refusal {
    said(format!("File {name} is larger than {limit_kb} KB, the maximum of your organization's plan"))
}

pub(crate) fn patch_not_valid(reason: &str) -> Refusal {
    said(format!("Patch not valid: {reason}"))
}

pub(crate) fn compile_not_found(id: &str) -> Refusal {
    said(format!("Compile ID not found: {id}"))
}

pub(crate) fn compile_not_successful(id: &str) -> Refusal {
    said(format!("Compile ID {id} has not been built successfully"))
}

pub(crate) fn backtest_not_found(id: &str) -> Refusal {
    said(format!("Backtest not found: {id}"))
}

pub(crate) fn backtest_not_finished(id: &str) -> Refusal {
    said(format!("Backtest {id} has not completed yet"))
}

pub(crate) fn name_not_valid() -> Refusal {
    said("Name not valid")
}

/// (seen) Every backtest node is busy.
pub(crate) fn no_spare_nodes() -> Refusal {
    said(
        "There are no spare nodes available in your cluster. To launch a new backtest please stop an existing running \
         backtest or add more compute nodes to your organization.",
    )
}

/// (seen) The throttle of `backtests/create`.
pub(crate) fn too_many_backtests() -> Refusal {
    said("Too many backtest requests; please slow down.")
}

pub(crate) fn chart_not_found(name: &str) -> Refusal {
    said(format!("Chart not found: {name}"))
}

/// A window that is empty or runs backwards.
pub(crate) fn range_not_valid(start: i64, end: i64) -> Refusal {
    said(format!("Range not valid: start {start}, end {end}"))
}

/// A window wider than the endpoint allows.
pub(crate) fn range_too_wide(start: i64, end: i64, limit: i64) -> Refusal {
    said(format!("Range not valid: end - start must be {limit} or less, got {}", end.saturating_sub(start)))
}
