//! Documents from research results: what a person opens in another program.
//!
//! This crate computes nothing: it is given numbers and text and writes them down, as tables in CSV ([`csv`]), as
//! pictures ([`chart`]) and as a tear sheet ([`tear_sheet`]).
//!
//! ```
//! use qc_report::csv::{Cell, Table};
//!
//! let mut table = Table::new(["symbol", "weight"]);
//! table.row([Cell::Text("KO"), Cell::Number(0.25)])?;
//! assert_eq!(table.to_string(), "symbol,weight\nKO,0.25\n");
//! # Ok::<(), qc_report::Error>(())
//! ```

pub mod chart;
pub mod csv;
mod error;
pub mod tear_sheet;

pub use error::{Error, Result};
