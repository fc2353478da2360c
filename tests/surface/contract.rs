//! The promised names: every tool of the contract takes the promised arguments and asks for no others, and every name of
//! the official server leads to a tool that takes that server's arguments.

use crate::everything;
use qc_mcp_tools::{QcServer, prompts, server::ToolFacts, tools};
use serde_json::Value;

/// Tools of the contract with their arguments; those that may be left out end with `?`.
const PROMISED: &[(&str, &str)] = &[
    ("configure_quantconnect_auth", "user_id api_token organization_id?"),
    ("validate_quantconnect_auth", ""),
    ("get_auth_status", ""),
    ("test_quantconnect_api", "endpoint? method?"),
    ("clear_quantconnect_auth", ""),
    ("create_project", "name language? organization_id?"),
    ("read_project", "project_id?"),
    ("update_project", "project_id name? description?"),
    ("create_file", "project_id name content"),
    ("read_file", "project_id name? start_line? end_line?"),
    ("update_file_content", "project_id name content"),
    ("update_file_name", "project_id old_file_name new_name"),
    ("compile_project", "project_id wait?"),
    ("read_compilation_result", "project_id compile_id"),
    ("create_backtest", "project_id compile_id backtest_name parameters?"),
    ("read_backtest", "project_id backtest_id chart?"),
    ("read_backtest_chart", "project_id backtest_id name count? start? end? format?"),
    ("read_backtest_orders", "project_id backtest_id start? end?"),
    ("read_backtest_insights", "project_id backtest_id start? end?"),
    (
        "create_live_algorithm",
        "project_id compile_id node_id brokerage_config data_providers? version_id? automatic_redeploy? notification? parameters?",
    ),
    ("read_live_algorithm", "project_id deploy_id?"),
    ("list_live_algorithms", "status? start? end?"),
    ("read_live_logs", "project_id algorithm_id? start_line? end_line? tail? query?"),
    ("liquidate_live_algorithm", "project_id"),
    ("stop_live_algorithm", "project_id"),
    ("initialize_quantbook", "instance_name? source?"),
    ("list_quantbook_instances", ""),
    ("get_quantbook_info", "instance_name?"),
    ("remove_quantbook_instance", "instance_name"),
    ("add_equity", "ticker resolution? instance_name?"),
    ("add_multiple_equities", "tickers resolution? instance_name?"),
    (
        "get_history",
        "symbols start_date end_date resolution? fields? normalization? fill_forward? extended_market_hours? limit? instance_name?",
    ),
    ("add_alternative_data", "data_type symbol instance_name?"),
    ("get_alternative_data_history", "data_type symbols start_date end_date instance_name?"),
    ("perform_pca_analysis", "symbols start_date end_date n_components? mode? resolution? instance_name?"),
    (
        "test_cointegration",
        "symbol1 symbol2 start_date end_date rolling_window? split_date? lookback_period? trend? lags? resolution? instance_name?",
    ),
    (
        "analyze_mean_reversion",
        "symbols start_date end_date lookback_period? hedge? entry_z? resolution? instance_name?",
    ),
    ("calculate_correlation_matrix", "symbols start_date end_date method? rolling? resolution? instance_name?"),
    (
        "sparse_optimization",
        "portfolio_symbols benchmark_symbol start_date end_date max_iterations? tolerance? max_weight? penalty_param? huber_param? lambda_param? resolution? instance_name?",
    ),
    (
        "calculate_portfolio_performance",
        "symbols weights start_date end_date benchmark_symbol? resolution? instance_name?",
    ),
    ("optimize_equal_weight_portfolio", "symbols start_date end_date rebalance_frequency? resolution? instance_name?"),
    ("get_etf_constituents", "etf_ticker date instance_name?"),
    ("add_etf_universe_securities", "etf_ticker date resolution? instance_name?"),
    ("select_uncorrelated_assets", "symbols start_date end_date num_assets? method? resolution? instance_name?"),
    (
        "screen_assets_by_criteria",
        "symbols start_date end_date min_return? max_volatility? min_sharpe? max_correlation? benchmark_symbol? resolution? instance_name?",
    ),
];

/// The names of the official server with its arguments, in snake_case.
const OFFICIAL: &[(&str, &str)] = &[
    ("read_account", "organization_id"),
    ("create_project", "name language organization_id"),
    ("read_project", "project_id"),
    ("list_projects", ""),
    ("update_project", "project_id name description"),
    ("delete_project", "project_id"),
    ("create_project_collaborator", "project_id collaborator_user_id collaboration_live_control collaboration_write"),
    ("read_project_collaborators", "project_id"),
    ("update_project_collaborator", "project_id collaborator_user_id live_control write"),
    ("delete_project_collaborator", "project_id collaborator_id"),
    ("lock_project_with_collaborators", "project_id code_source_id"),
    ("read_project_nodes", "project_id"),
    ("update_project_nodes", "project_id nodes"),
    ("create_compile", "project_id"),
    ("read_compile", "project_id compile_id"),
    ("create_file", "project_id name content"),
    ("read_file", "project_id name"),
    ("update_file_name", "project_id name new_name"),
    ("update_file_contents", "project_id name content"),
    ("patch_file", "project_id patch"),
    ("delete_file", "project_id name"),
    ("create_backtest", "project_id compile_id backtest_name parameters"),
    ("read_backtest", "project_id backtest_id"),
    ("list_backtests", "project_id include_statistics"),
    ("read_backtest_chart", "project_id backtest_id name count start end"),
    ("read_backtest_orders", "project_id backtest_id start end"),
    ("read_backtest_insights", "project_id backtest_id start end"),
    ("update_backtest", "project_id backtest_id name note"),
    ("delete_backtest", "project_id backtest_id"),
    (
        "estimate_optimization_time",
        "project_id name target target_to target_value strategy compile_id parameters constraints",
    ),
    (
        "create_optimization",
        "project_id name target target_to target_value strategy compile_id parameters constraints estimated_cost node_type parallel_nodes",
    ),
    ("read_optimization", "optimization_id"),
    ("list_optimizations", "project_id"),
    ("update_optimization", "optimization_id name"),
    ("abort_optimization", "optimization_id"),
    ("delete_optimization", "optimization_id"),
    ("authorize_connection", "brokerage"),
    ("create_live_algorithm", "version_id project_id compile_id node_id brokerage data_providers"),
    ("read_live_algorithm", "project_id deploy_id"),
    ("list_live_algorithms", "status start end"),
    ("read_live_chart", "project_id name count start end"),
    ("read_live_logs", "project_id algorithm_id start_line end_line"),
    ("read_live_portfolio", "project_id"),
    ("read_live_orders", "project_id start end"),
    ("read_live_insights", "project_id start end"),
    ("stop_live_algorithm", "project_id"),
    ("liquidate_live_algorithm", "project_id"),
    ("create_live_command", "project_id command"),
    ("broadcast_live_command", "organization_id command"),
    ("upload_object", "organization_id key object_data"),
    ("read_object_properties", "organization_id key"),
    ("list_object_store_files", "organization_id path"),
    ("read_object_store_file_job_id", "organization_id keys"),
    ("read_object_store_file_download_url", "organization_id job_id"),
    ("delete_object", "organization_id key"),
    ("read_lean_versions", ""),
    ("check_initialization_errors", "language files"),
    ("complete_code", "language sentence response_size_limit"),
    ("enhance_error_message", "language error"),
    ("update_code_to_pep8", "files"),
    ("check_syntax", "language files"),
    ("search_quantconnect", "language criteria"),
    ("read_mcp_server_version", ""),
    ("read_latest_mcp_server_version", ""),
];

fn tool<'a>(server: &'a QcServer, name: &str) -> Option<(&'a ToolFacts, &'a rmcp::model::Tool)> {
    let meant = tools::ALIASES.iter().find(|alias| alias.old == name).map_or(name, |alias| alias.new);
    server.tools().find(|(facts, _)| facts.name == meant)
}

#[test]
fn the_promised_tools_take_the_promised_arguments_and_need_no_others() {
    let server = everything();
    for (name, arguments) in PROMISED {
        let (facts, tool) = tool(&server, name).unwrap_or_else(|| panic!("{name} is not there"));
        for argument in arguments.split_whitespace() {
            assert!(facts.takes(argument.trim_end_matches('?')), "{name} does not take {argument}");
        }
        let needed: Vec<&str> = arguments.split_whitespace().filter(|argument| !argument.ends_with('?')).collect();
        for required in tool.input_schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(needed.contains(&required.as_str().unwrap()), "{name} wants {required} too");
        }
    }
}

#[test]
fn every_official_name_leads_to_a_tool_that_takes_its_arguments() {
    let server = everything();
    assert_eq!(OFFICIAL.len(), 64);
    for (name, arguments) in OFFICIAL {
        let (facts, _) = tool(&server, name).unwrap_or_else(|| panic!("{name} leads nowhere"));
        for argument in arguments.split_whitespace() {
            assert!(facts.takes(argument), "{name} does not take {argument}");
        }
    }
}

#[test]
fn aliases_never_lead_to_what_deletes_trades_spends_or_reaches_others() {
    let server = everything();
    for alias in tools::ALIASES {
        let (facts, _) = tool(&server, alias.new).unwrap();
        assert!(!["delete", "live"].contains(&facts.access.id()), "{alias:?}");
        assert!(!tools::RESERVED.contains(&alias.new), "{alias:?}");
    }
}

#[test]
fn the_default_list_holds_the_promise_and_what_the_prompts_name() {
    let (all, default) = (everything(), crate::server(&["--mode", "live", "--allow-live-orgs", "abc"]));
    let listed: Vec<&str> = default.tools().map(|(facts, _)| facts.name.as_str()).collect();
    for (name, _) in PROMISED {
        assert!(listed.contains(name), "{name}");
    }
    for (facts, _) in all.tools() {
        for prompt in prompts::PROMPTS.iter().filter(|prompt| prompt.text.contains(&format!("`{}`", facts.name))) {
            assert!(listed.contains(&facts.name.as_str()), "prompt {} names {}", prompt.name, facts.name);
        }
    }
}
