//! What every suite shares, one module per subject; a suite picks what it needs.
//!
//! - [`data`]: the bodies of the fuzz targets of qc-data.
//! - [`paths`]: the workspace root, and the folders and files that a test may be given from outside.
//! - [`process`]: a real program, spoken to line by line or by raw HTTP.
//! - [`session`]: a client and a server in this process over one simulator.
//! - [`snapshot`]: recorded texts and JSON, generated pages, and how a change of them is accepted.
//! - [`story`]: what a user does with the tools, told through any MCP client.
//! - [`steps`]: commands run one after the other with their times, for `cargo gate` and `cargo accept`.
//! - [`wire`]: answers read without a connection, and the bodies of the fuzz targets.

pub mod data;
pub mod paths;
pub mod process;
pub mod session;
pub mod snapshot;
pub mod steps;
pub mod story;
pub mod wire;
