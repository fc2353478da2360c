//! The table of contents: every tool stands on one of these shelves, and nowhere else.

use rmcp::handler::server::tool::ToolRouter;

use crate::{
    server::QcServer,
    shelf::{Access, Group, Shelf},
};

mod account;
mod analysis;
mod assist;
mod auth;
mod backtests;
mod clean_up;
mod collaboration;
mod comparing;
mod compile;
mod data;
mod diagnosing;
mod discover;
mod downloads;
mod exporting;
mod files;
mod guard;
mod jobs;
mod libraries;
mod live;
mod long_short;
mod nodes;
mod object_store;
mod optimizations;
mod portfolio;
mod projects;
mod quantbook;
mod reconciling;
mod reports;
mod rerun;
mod sweeping;
mod syncing;
mod system;
mod trading;
mod universe;
mod workflows;

pub(crate) use rerun::NAME as RERUN;
pub(crate) use sweeping::NAME as SWEEP;

pub(crate) use jobs::{going_on, page as job_page, shown};

/// The only registration.
pub const SHELVES: &[Shelf] = &[
    shelf(Group::System, Access::Read, QcServer::system_read),
    shelf(Group::Auth, Access::Read, QcServer::auth_read),
    shelf(Group::Auth, Access::Update, QcServer::auth_update),
    shelf(Group::Auth, Access::Delete, QcServer::auth_delete),
    shelf(Group::Account, Access::Read, QcServer::account_read),
    shelf(Group::Account, Access::Read, QcServer::downloads_read),
    shelf(Group::Account, Access::Create, QcServer::downloads_create),
    shelf(Group::Projects, Access::Read, QcServer::projects_read),
    shelf(Group::Projects, Access::Read, QcServer::nodes_read),
    shelf(Group::Projects, Access::Read, QcServer::collaboration_read),
    shelf(Group::Projects, Access::Create, QcServer::projects_create),
    shelf(Group::Projects, Access::Update, QcServer::projects_update),
    shelf(Group::Projects, Access::Create, QcServer::collaboration_create),
    shelf(Group::Projects, Access::Update, QcServer::collaboration_grant),
    shelf(Group::Projects, Access::Delete, QcServer::collaboration_delete),
    shelf(Group::Projects, Access::Update, QcServer::nodes_update),
    shelf(Group::Projects, Access::Update, QcServer::libraries_update),
    shelf(Group::Projects, Access::Update, QcServer::collaboration_update),
    shelf(Group::Projects, Access::Delete, QcServer::projects_delete),
    shelf(Group::Files, Access::Read, QcServer::files_read),
    shelf(Group::Files, Access::Create, QcServer::files_create),
    shelf(Group::Files, Access::Update, QcServer::files_update),
    shelf(Group::Files, Access::Delete, QcServer::files_delete),
    shelf(Group::Compile, Access::Read, QcServer::compile_read),
    shelf(Group::Compile, Access::Create, QcServer::compile_create),
    shelf(Group::Backtests, Access::Read, QcServer::backtests_read),
    shelf(Group::Backtests, Access::Read, QcServer::report_read),
    shelf(Group::Backtests, Access::Create, QcServer::backtests_create),
    shelf(Group::Backtests, Access::Update, QcServer::backtests_update),
    shelf(Group::Backtests, Access::Delete, QcServer::backtests_delete),
    shelf(Group::Optimizations, Access::Read, QcServer::optimizations_read),
    shelf(Group::Optimizations, Access::Create, QcServer::optimizations_create),
    shelf(Group::Optimizations, Access::Update, QcServer::optimizations_update),
    shelf(Group::Optimizations, Access::Delete, QcServer::optimizations_delete),
    shelf(Group::ObjectStore, Access::Read, QcServer::object_store_read),
    shelf(Group::ObjectStore, Access::Create, QcServer::object_store_create),
    shelf(Group::ObjectStore, Access::Update, QcServer::object_store_update),
    shelf(Group::ObjectStore, Access::Delete, QcServer::object_store_delete),
    shelf(Group::Live, Access::Read, QcServer::live_read),
    shelf(Group::Live, Access::Live, QcServer::live_live),
    shelf(Group::Assist, Access::Read, QcServer::assist_read),
    shelf(Group::Assist, Access::Read, QcServer::lint_read),
    shelf(Group::Quantbook, Access::Read, QcServer::quantbook_read),
    shelf(Group::Quantbook, Access::Create, QcServer::quantbook_create),
    shelf(Group::Quantbook, Access::Delete, QcServer::quantbook_delete),
    shelf(Group::Data, Access::Read, QcServer::data_read),
    shelf(Group::Data, Access::Read, QcServer::lists_read),
    shelf(Group::Data, Access::Read, QcServer::other_read),
    shelf(Group::Data, Access::Update, QcServer::data_update),
    shelf(Group::Data, Access::Update, QcServer::other_update),
    shelf(Group::Data, Access::Update, QcServer::lists_update),
    shelf(Group::Universe, Access::Read, QcServer::universe_read),
    shelf(Group::Universe, Access::Update, QcServer::universe_update),
    shelf(Group::Analysis, Access::Read, QcServer::analysis_read),
    shelf(Group::Portfolio, Access::Read, QcServer::portfolio_read),
    shelf(Group::Portfolio, Access::Read, QcServer::sheets_read),
    shelf(Group::Portfolio, Access::Read, QcServer::long_short_read),
    shelf(Group::Universe, Access::Read, QcServer::universe_choice),
    shelf(Group::Workflows, Access::Read, QcServer::jobs_read),
    shelf(Group::Workflows, Access::Read, QcServer::rerun_read),
    shelf(Group::Workflows, Access::Read, QcServer::comparing_read),
    shelf(Group::Workflows, Access::Read, QcServer::diagnosing_read),
    shelf(Group::Workflows, Access::Read, QcServer::trading_read),
    shelf(Group::Workflows, Access::Read, QcServer::reports_read),
    shelf(Group::Workflows, Access::Read, QcServer::exporting_read),
    shelf(Group::Workflows, Access::Create, QcServer::sweeping_create),
    shelf(Group::Workflows, Access::Update, QcServer::workflows_update),
    shelf(Group::Workflows, Access::Read, QcServer::live_status_read),
    shelf(Group::Workflows, Access::Read, QcServer::reconciling_read),
    shelf(Group::Workflows, Access::Live, QcServer::deploy_live_live),
    shelf(Group::Workflows, Access::Delete, QcServer::clean_up_delete),
    shelf(Group::Workflows, Access::Update, QcServer::guard_update),
    shelf(Group::Workflows, Access::Update, QcServer::syncing_update),
    shelf(Group::Discover, Access::Read, QcServer::discover_read),
    shelf(Group::Discover, Access::Create, QcServer::discover_create),
];

const fn shelf(group: Group, access: Access, tools: fn() -> ToolRouter<QcServer>) -> Shelf {
    Shelf { group, access, tools }
}

/// Tools that spend credit or reach other people: like those that delete or trade, they are called by their own listed
/// name alone, never by another or through the tools that find others.
pub const RESERVED: &[&str] = &[
    "create_optimization",
    "download_data",
    "create_project_collaborator",
    "update_project_collaborator",
    "delete_project_collaborator",
];

/// Another name under which a tool may be called; not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alias {
    /// The other name.
    pub old: &'static str,
    /// The tool.
    pub new: &'static str,
}

const fn alias(old: &'static str, new: &'static str) -> Alias {
    Alias { old, new }
}

/// Names of the official server that differ from ours. Tools that delete, spend or touch live runs have none.
pub const ALIASES: &[Alias] = &[
    alias("create_compile", "compile_project"),
    alias("read_compile", "read_compilation_result"),
    alias("update_file_contents", "update_file_content"),
    alias("read_object_store_file_job_id", "download_object"),
    alias("read_object_store_file_download_url", "download_object"),
    alias("read_mcp_server_version", "get_server_status"),
    alias("read_latest_mcp_server_version", "get_server_status"),
];

/// The tool a name means.
pub(crate) fn resolve(name: &str) -> &str {
    ALIASES.iter().find(|alias| alias.old == name).map_or(name, |alias| alias.new)
}
