//! The table of hints: what went wrong, and about what -> which call or setting repairs it. A hint names an
//! action; every tool it names in backticks exists (`tests/surface`), and the whole table is one golden file.

use crate::error::{Kind, Topic};

/// One row: for this kind and topic, say this.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What sort of thing went wrong.
    pub kind: Kind,
    /// What it is about.
    pub topic: Topic,
    /// What to do.
    pub text: &'static str,
}

const fn row(kind: Kind, topic: Topic, text: &'static str) -> Row {
    Row { kind, topic, text }
}

/// The hints, most specific topic wins; [`Topic::General`] is the fallback of its kind.
pub const TABLE: &[Row] = &[
    row(
        Kind::InvalidArgument,
        Topic::Argument,
        "correct the argument as the tool's schema describes it and call again",
    ),
    row(Kind::InvalidArgument, Topic::Dates, "give dates as YYYY-MM-DD, the start on or before the end"),
    row(
        Kind::InvalidArgument,
        Topic::Symbol,
        "name each symbol once, as a ticker such as SPY; `describe_data` lists what the folder holds",
    ),
    row(
        Kind::InvalidArgument,
        Topic::Snippet,
        "copy more of the surrounding lines into old_text so that it occurs exactly once; `read_file` shows the file",
    ),
    row(
        Kind::InvalidArgument,
        Topic::FileKind,
        "put the data into a Python module, into project parameters, or into the object store",
    ),
    row(Kind::InvalidArgument, Topic::Chart, "call `read_backtest`, which lists the names of the charts"),
    row(Kind::NotFound, Topic::Tool, "look for it with `search_tools`"),
    row(
        Kind::Forbidden,
        Topic::Tool,
        "call it by its own name; if it is not listed, ask the user to name its group in QC_MCP_TOOLSETS",
    ),
    row(Kind::NotFound, Topic::Project, "call `list_projects` to see names and ids"),
    row(Kind::NotFound, Topic::File, "call `read_file` without a name to list the project's files"),
    row(Kind::NotFound, Topic::Snippet, "call `read_file` and copy old_text from it exactly, white space included"),
    row(Kind::NotFound, Topic::Compile, "call `compile_project` and use the compile_id it returns"),
    row(Kind::NotFound, Topic::Backtest, "call `list_backtests` to see ids, or pass backtest_id=latest"),
    row(Kind::NotFound, Topic::Report, "call `list_backtests` to see ids, or pass backtest_id=latest"),
    row(Kind::NotFound, Topic::Optimization, "call `list_optimizations` to see ids"),
    row(
        Kind::NotFound,
        Topic::Job,
        "start the work again: a handle is known only to the caller who started it, for seven days at most",
    ),
    row(
        Kind::RateLimited,
        Topic::Job,
        "call `wait_for_job` for one of them first, with cancel=true if it is not wanted",
    ),
    row(Kind::TooLarge, Topic::Object, "name a folder further down"),
    row(Kind::NotFound, Topic::Object, "call `list_object_store_files` to see the keys"),
    row(Kind::NotFound, Topic::Chart, "call `read_backtest`, which lists the names of the charts"),
    row(Kind::NotFound, Topic::Symbol, "call `describe_data` to see which symbols and dates the folder holds"),
    row(
        Kind::NotFound,
        Topic::Workbook,
        "call `list_quantbook_instances`, or use instance_name=default, which always exists",
    ),
    row(Kind::NotFound, Topic::Research, "run the analysis again; results are kept for a limited time"),
    row(Kind::NotFound, Topic::Account, "call `get_auth_status` to see which account and organisation are in use"),
    row(Kind::Exists, Topic::File, "call `update_file_content` to replace it or `edit_file` to change a part"),
    row(
        Kind::NotConfigured,
        Topic::Credentials,
        "set QUANTCONNECT_USER_ID and QUANTCONNECT_API_TOKEN for the server, or call `configure_quantconnect_auth`",
    ),
    row(
        Kind::NotConfigured,
        Topic::DataFolder,
        "set QC_DATA_FOLDER to a LEAN data folder, or start the server with --demo for a synthetic market",
    ),
    row(Kind::Exists, Topic::Path, "choose another name; files are made new and never replaced"),
    row(Kind::InvalidArgument, Topic::Path, "give a plain relative path such as results/pca.json"),
    row(Kind::NotFound, Topic::Path, "ask the user to add the folder to QC_MCP_FILE_ROOTS, or name another one"),
    row(
        Kind::NotConfigured,
        Topic::Output,
        "leave save_as out and read the linked resource, or ask the user to set QC_MCP_OUTPUT_DIR",
    ),
    row(Kind::NotConfigured, Topic::Path, "ask the user to add the folder to QC_MCP_FILE_ROOTS"),
    row(
        Kind::Unauthorized,
        Topic::Credentials,
        "check user id and API token on quantconnect.com/account, then call `validate_quantconnect_auth`",
    ),
    row(
        Kind::Unauthorized,
        Topic::Clock,
        "set this computer's clock (time synchronisation), then call `validate_quantconnect_auth`",
    ),
    row(
        Kind::Forbidden,
        Topic::General,
        "call `get_server_status` to see the mode; only the person who starts the server can change it",
    ),
    row(
        Kind::Forbidden,
        Topic::Live,
        "call `get_server_status` to see mode and guards; paper trading (brokerage QuantConnectBrokerage) needs no more than mode paper",
    ),
    row(
        Kind::Forbidden,
        Topic::Budget,
        "wait until the time is over, or ask the person who starts the server to raise the setting named above",
    ),
    row(
        Kind::Forbidden,
        Topic::Consent,
        "ask the user to do it on quantconnect.com, or to connect with a client that can show questions",
    ),
    row(Kind::Forbidden, Topic::Preview, "call the tool again without confirm_token and show the user the new preview"),
    row(
        Kind::Forbidden,
        Topic::Audit,
        "ask the person who starts the server to set QC_MCP_STATE_DIR to a folder that can be written",
    ),
    row(Kind::NotFound, Topic::Live, "call `list_live_algorithms` to see which projects run"),
    row(Kind::MaybeCreated, Topic::Live, "call `list_live_algorithms` and see what runs there before anything else"),
    row(
        Kind::NotFound,
        Topic::Profile,
        "use a profile named above, or ask the person who starts the server to add it to QC_MCP_BROKERAGE_PROFILES",
    ),
    row(Kind::Refused, Topic::General, "read the reason above and change the request"),
    row(Kind::Refused, Topic::Compile, "call `compile_project` again and use the compile_id it returns"),
    row(
        Kind::Refused,
        Topic::Node,
        "wait for a running backtest to end (`list_backtests`) or stop one on quantconnect.com",
    ),
    row(
        Kind::Refused,
        Topic::Export,
        "only Institution plans with permission to export may download; `read_object_properties` shows how an object begins",
    ),
    row(
        Kind::Refused,
        Topic::Lock,
        "another person edits, or the account may only read: `read_project_collaborators` tells, `lock_project_with_collaborators` takes over",
    ),
    row(Kind::Refused, Topic::Optimization, "call `read_optimization` to see how far it is"),
    row(Kind::RateLimited, Topic::General, "wait a minute and call again"),
    row(
        Kind::Unavailable,
        Topic::General,
        "call again in a minute; `test_quantconnect_api` shows whether the service answers",
    ),
    row(
        Kind::BadAnswer,
        Topic::General,
        "call again once; if it persists the service or a proxy in between has changed, see the server log",
    ),
    row(Kind::MaybeCreated, Topic::General, "look first whether it was done; do not repeat the call before"),
    row(Kind::MaybeCreated, Topic::Project, "call `list_projects` and look for the name before creating it again"),
    row(
        Kind::MaybeCreated,
        Topic::File,
        "call `read_file` without a name and look for the file before creating it again",
    ),
    row(Kind::MaybeCreated, Topic::Compile, "call `compile_project` again; a second compile does no harm"),
    row(Kind::MaybeCreated, Topic::Backtest, "call `list_backtests` and look for the name before starting it again"),
    row(
        Kind::MaybeCreated,
        Topic::Optimization,
        "call `list_optimizations` and look for the name before starting it again",
    ),
    row(Kind::TooLarge, Topic::General, "ask for less: a smaller limit, fewer symbols or a shorter range"),
    row(Kind::TooLarge, Topic::Argument, "send the content in smaller pieces"),
    row(Kind::TooFewRows, Topic::General, "widen start_date or end_date, or use fewer symbols"),
    row(
        Kind::BadData,
        Topic::General,
        "repair or replace the file named above; `describe_data` shows what else the folder holds",
    ),
    row(
        Kind::BadData,
        Topic::Prices,
        "leave `missing` out to drop rows in which a symbol has no bar, or choose dates on which all trade",
    ),
    row(Kind::NotYet, Topic::DataFolder, "call `initialize_quantbook` with source=lean, demo or a LEAN folder"),
    row(Kind::NotYet, Topic::Argument, "leave the argument out, or use another value of its description"),
    row(
        Kind::InvalidArgument,
        Topic::SymbolForm,
        "write SPY, forex:EURUSD, an identifier, etf:SPY@2020-12-01, list:NAME or file:PATH",
    ),
    row(
        Kind::BadData,
        Topic::SymbolForm,
        "give a text file with one symbol a line, or a CSV with a column named symbol",
    ),
    row(Kind::NotFound, Topic::SymbolList, "call `list_symbol_lists`, or save one with `save_symbol_list`"),
    row(
        Kind::TooLarge,
        Topic::SymbolList,
        "save under a name that is in use, which replaces that list, or name fewer symbols",
    ),
    row(
        Kind::NotFound,
        Topic::Fund,
        "choose a later date or another fund; `describe_data` lists what the folder holds",
    ),
    row(
        Kind::BadData,
        Topic::Fund,
        "call `get_etf_constituents` with allow_stale=true to see them all the same, or choose a date nearer to the file",
    ),
    row(
        Kind::NotFound,
        Topic::DataKind,
        "name one of the kinds above in data_type; for a file give its path below alternative/ and its symbol",
    ),
    row(
        Kind::NotFound,
        Topic::Chain,
        "widen the filters, choose a later date, or give security_type; `describe_data` lists what the folder holds",
    ),
    row(
        Kind::BadData,
        Topic::Chain,
        "call `get_chain` with allow_stale=true to see it all the same, or choose a date nearer to the file",
    ),
    row(Kind::NotFound, Topic::Dates, "choose dates within the range above"),
    row(
        Kind::InvalidArgument,
        Topic::DataFolder,
        "use into=workbook, or a workbook on a LEAN folder of your own (`initialize_quantbook` with source)",
    ),
    row(Kind::TooLarge, Topic::Path, "give a smaller file, or a part of it"),
    row(Kind::BadData, Topic::Path, "repair the file, or name another one"),
    row(Kind::TooLarge, Topic::Symbol, "name fewer symbols"),
    row(Kind::TooFewRows, Topic::Dates, "move the date so that both parts have enough rows"),
    row(Kind::Degenerate, Topic::General, "drop constant or duplicate series, or change the range"),
    row(Kind::NotReady, Topic::General, "call again in some seconds"),
    row(Kind::NotReady, Topic::Backtest, "call `read_backtest` again in some seconds"),
    row(Kind::NotReady, Topic::Report, "call `read_backtest_report` again in a minute"),
    row(Kind::NotYet, Topic::Picture, "leave the argument out; the numbers are in the answer"),
    row(Kind::Cancelled, Topic::General, "work already started at QuantConnect goes on; look before starting it again"),
    row(Kind::Internal, Topic::General, "see the server log; the server keeps serving"),
];

/// The hint for `kind` and `topic`, or the one for `kind` alone.
pub fn find(kind: Kind, topic: Topic) -> Option<&'static str> {
    let of = |wanted: Topic| TABLE.iter().find(|row| row.kind == kind && row.topic == wanted).map(|row| row.text);
    of(topic).or_else(|| of(Topic::General))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_stands_twice() {
        let mut pairs: Vec<_> = TABLE.iter().map(|row| (row.kind, row.topic)).collect();
        let n = pairs.len();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(pairs.len(), n);
    }

    #[test]
    fn the_general_hint_is_the_fallback() {
        assert_eq!(find(Kind::RateLimited, Topic::Project), find(Kind::RateLimited, Topic::General));
        assert_eq!(find(Kind::NotFound, Topic::General), None);
    }
}
