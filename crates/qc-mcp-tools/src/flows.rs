//! Work of several calls, behind the door and without a word of MCP: finding what a name means, waiting for a
//! compile, walking pages. Tools and resources share it.

pub(crate) mod backtest;
pub(crate) mod backtest_picture;
pub(crate) mod clean_up;
pub(crate) mod code;
pub(crate) mod compare;
pub(crate) mod compile;
pub(crate) mod diagnose;
pub(crate) mod downloads;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod find;
pub(crate) mod grid;
pub(crate) mod guard;
pub(crate) mod lint;
pub(crate) mod live;
pub(crate) mod lock;
pub(crate) mod log_pages;
pub(crate) mod objects;
pub(crate) mod overview;
pub(crate) mod patience;
pub(crate) mod pipeline;
pub(crate) mod report;
pub(crate) mod rerun;
pub(crate) mod run_backtest;
pub(crate) mod running;
pub(crate) mod start_backtest;
pub(crate) mod sweep;
pub(crate) mod sync;
pub(crate) mod trades;
