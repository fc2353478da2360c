//! A question (symbols, window, resolution, adjustment) and its answer: rows per symbol, and all symbols aligned.

mod align;
mod columns;
mod request;
mod result;

pub use columns::{Columns, Field};
pub use request::{HistoryRequest, MappingMode, Window};
pub use result::{Adjustment, Aligned, FactorState, Gap, History, Note, SymbolHistory, TickerRun};

use crate::error::Result;
use crate::folder::DataFolder;

/// Reads history for all symbols of the request, in parallel.
///
/// A symbol without data gives a [`SymbolHistory`] without rows; call [`History::require_rows`] to make that an error.
///
/// # Errors
/// Damaged files, unusable names, an empty window, a normalisation that the security type does not have.
pub fn load(folder: &DataFolder, request: &HistoryRequest) -> Result<History> {
    let _ = (folder, request);
    Err(crate::Error::Unsupported { what: "history".into(), by: "this build".into() })
}
