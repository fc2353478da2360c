//! Reads LEAN data folders and the user's own tables as QuantBook would.
//!
//! The front door is [`DataFolder`]: open a folder, name symbols, ask for [`history`].
//!
//! ```no_run
//! use qc_data::{DataFolder, HistoryRequest, Resolution, Window, history, Field};
//!
//! let folder = DataFolder::open("./data")?;
//! let request = HistoryRequest::new(["SPY", "IWM"], Window::dates("2015-01-02".parse()?, "2019-12-31".parse()?), Resolution::Daily);
//! let closes = history::load(&folder, &request)?.align(Field::Close);
//! println!("{} rows x {} symbols", closes.n_rows(), closes.symbols.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Rules this crate keeps:
//! * Time stamps are the *end* of a bar on the exchange's own clock ([`LocalTime`]), as QuantBook indexes them.
//! * Prices are in the currency of the security, volumes in shares or contracts, both as `f64`; a missing cell is NaN.
//! * Missing data is not an error: no file, no rows. Whoever needs rows calls [`History::require_rows`].
//! * Damaged data is an [`Error`] with file, line and column, never the content of the cell and never a panic.

pub mod alternative;
mod bars;
mod cache;
pub mod chain;
mod decimal;
mod derived;
pub mod describe;
mod error;
mod factors;
pub mod folder;
mod futures;
pub mod history;
mod hours;
pub mod import;
mod lines;
mod maps;
mod pool;
pub mod quantbook;
pub mod reference;
pub mod sid;
pub mod symbol;
pub mod table;
pub mod time;
pub mod universe;
pub mod write;
mod zip;

pub use error::{Error, Result};
pub use folder::{DataFolder, FileRead};
pub use history::{
    Adjustment, Aligned, Columns, FactorState, Field, Followed, Gap, History, HistoryRequest, MappingMode, Note,
    SymbolHistory, Window,
};
pub use quantbook::{QuantBook, Span};
pub use sid::Sid;
pub use symbol::{BarSize, Market, Normalization, Resolution, Security, SecurityType, SymbolQuery};
pub use table::Table;
pub use time::LocalTime;
