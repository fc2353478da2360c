//! What every suite shares, one module per subject; a suite picks what it needs.
//!
//! - [`paths`]: the workspace root, and the folders and files that a test may be given from outside.
//! - [`snapshot`]: recorded texts and JSON, generated pages, and how a change of them is accepted.
//! - [`steps`]: commands run one after the other with their times, for `cargo gate` and `cargo accept`.

pub mod paths;
pub mod snapshot;
pub mod steps;
