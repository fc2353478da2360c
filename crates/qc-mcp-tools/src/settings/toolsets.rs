//! `QC_MCP_TOOLSETS`: which tools are offered. Sets are made of tools, not of groups alone, so that a short list holds
//! the tools of the contract and nothing that nobody asked for.

use crate::{prompts, shelf::Group};

/// The smallest useful list, for clients that take few tools.
const CORE: &[&str] = &[
    "get_server_status",
    "read_project",
    "read_file",
    "edit_file",
    "run_backtest",
    "wait_for_job",
    "read_backtest",
    "read_backtest_logs",
    "compare_backtests",
    "analyze_trades",
    "backtest_report",
    "parameter_sweep",
    "live_status",
    "stop_live_algorithm",
    "search_quantconnect",
    "get_history",
    "test_cointegration",
    "perform_pca_analysis",
    "optimize_portfolio",
    "calculate_portfolio_performance",
];

/// The tools whose names and arguments are promised not to change.
const PROMISED: &[&str] = &[
    "configure_quantconnect_auth",
    "validate_quantconnect_auth",
    "get_auth_status",
    "test_quantconnect_api",
    "clear_quantconnect_auth",
    "create_project",
    "read_project",
    "update_project",
    "create_file",
    "read_file",
    "update_file_content",
    "update_file_name",
    "compile_project",
    "read_compilation_result",
    "create_backtest",
    "read_backtest",
    "read_backtest_chart",
    "read_backtest_orders",
    "read_backtest_insights",
    "create_live_algorithm",
    "read_live_algorithm",
    "list_live_algorithms",
    "read_live_logs",
    "liquidate_live_algorithm",
    "stop_live_algorithm",
    "initialize_quantbook",
    "list_quantbook_instances",
    "get_quantbook_info",
    "remove_quantbook_instance",
    "add_equity",
    "add_multiple_equities",
    "get_history",
    "add_alternative_data",
    "get_alternative_data_history",
    "perform_pca_analysis",
    "test_cointegration",
    "analyze_mean_reversion",
    "calculate_correlation_matrix",
    "sparse_optimization",
    "calculate_portfolio_performance",
    "optimize_equal_weight_portfolio",
    "get_etf_constituents",
    "add_etf_universe_securities",
    "select_uncorrelated_assets",
    "screen_assets_by_criteria",
];

/// Tools that answers of the promised ones send a caller to, so that no hint leads nowhere.
const COMPANIONS: &[&str] = &["edit_file", "list_backtests", "list_projects", "read_backtest_logs", "describe_data"];

/// The value of `QC_MCP_TOOLSETS`: every tool that one of its sets holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolsets(Vec<Set>);

/// One word of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    /// The promised tools, their companions, workflows and what the prompts name.
    Default,
    /// At most 20 tools.
    Core,
    /// Every tool but the four that find others.
    All,
    /// The tools of one group.
    Group(Group),
}

impl Set {
    fn offers(self, group: Group, tool: &str) -> bool {
        match self {
            Set::Default => {
                PROMISED.contains(&tool)
                    || COMPANIONS.contains(&tool)
                    || group == Group::Workflows
                    || (group != Group::Discover && prompts::name(tool))
            }
            Set::Core => CORE.contains(&tool),
            Set::All => group != Group::Discover,
            Set::Group(wanted) => group == wanted,
        }
    }

    /// Whether any tool of the group may be among its own.
    fn touches(self, group: Group) -> bool {
        match self {
            Set::Default => group.in_default(),
            Set::Core => CORE_GROUPS.contains(&group),
            Set::All => true,
            // Whatever it finds may link to a resource.
            Set::Group(Group::Discover) => true,
            Set::Group(wanted) => group == wanted,
        }
    }

    fn id(self) -> &'static str {
        match self {
            Set::Default => "default",
            Set::Core => "core",
            Set::All => "all",
            Set::Group(group) => group.id(),
        }
    }
}

/// The groups that tools of the core list stand in.
const CORE_GROUPS: &[Group] = &[
    Group::System,
    Group::Projects,
    Group::Files,
    Group::Backtests,
    Group::Live,
    Group::Assist,
    Group::Data,
    Group::Analysis,
    Group::Portfolio,
    Group::Workflows,
];

impl Toolsets {
    /// Whether a tool of this group is offered. What the server says about itself always is.
    pub fn offers(&self, group: Group, tool: &str) -> bool {
        group == Group::System || self.0.iter().any(|set| set.offers(group, tool))
    }

    /// Whether any tool of the group may be offered.
    pub fn contains(&self, group: Group) -> bool {
        group == Group::System || self.0.iter().any(|set| set.touches(group))
    }

    /// Whether tools that are not listed can be found and called by those that are.
    pub(crate) fn discovers(&self) -> bool {
        self.0.contains(&Set::Group(Group::Discover))
    }

    /// The value as the user would write it.
    pub fn id(&self) -> String {
        self.0.iter().map(|set| set.id()).collect::<Vec<_>>().join(",")
    }
}

/// Reads the value; a typo refuses to start and lists the known words.
pub(super) fn parse_toolsets(text: &str) -> Result<Toolsets, String> {
    let mut sets = Vec::new();
    for word in text.split(',').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()) {
        sets.push(match word.as_str() {
            "default" => Set::Default,
            "core" => Set::Core,
            "all" => Set::All,
            other => match Group::from_id(other) {
                Some(group) => Set::Group(group),
                None => {
                    let known: Vec<&str> = Group::ALL.iter().map(|group| group.id()).collect();
                    return Err(format!("unknown toolset `{other}`; known: default, core, all, {}", known.join(", ")));
                }
            },
        });
    }
    if sets.is_empty() {
        sets.push(Set::Default);
    }
    sets.sort_unstable();
    sets.dedup();
    Ok(Toolsets(sets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_add_up_and_a_typo_lists_what_is_known() {
        let sets = parse_toolsets(" Core, portfolio,core ").unwrap();
        assert_eq!(sets.id(), "core,portfolio");
        assert!(sets.offers(Group::Portfolio, "sparse_optimization") && sets.offers(Group::Files, "edit_file"));
        assert!(!sets.offers(Group::Files, "delete_file"));
        assert!(parse_toolsets("cor").unwrap_err().contains("default, core, all, system"));
        assert_eq!(parse_toolsets("").unwrap().id(), "default");
    }

    #[test]
    fn the_tools_that_find_others_are_there_only_by_their_own_name() {
        for text in ["default", "core", "all"] {
            assert!(!parse_toolsets(text).unwrap().offers(Group::Discover, "call_tool"), "{text}");
        }
        let discover = parse_toolsets("discover").unwrap();
        assert!(discover.offers(Group::Discover, "call_tool") && discover.discovers());
        assert!(!discover.offers(Group::Files, "read_file"));
    }
}
