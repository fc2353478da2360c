//! What can go wrong when a result is written down.

/// Why a document was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A row with more or fewer cells than the table has columns.
    #[error("row {row} has {found} cells, the table has {needed} columns")]
    Width {
        /// Index of the row, from 0.
        row: usize,
        /// Cells that came.
        found: usize,
        /// Columns of the table.
        needed: usize,
    },
    /// The place it was written to failed.
    #[error("writing failed: {0}")]
    Io(#[from] std::io::Error),
}

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;
