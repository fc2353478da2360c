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
    /// Nothing to draw.
    #[error("{what} has no values to draw")]
    Empty {
        /// What was to be drawn.
        what: &'static str,
    },
    /// A number that has no place on a scale.
    #[error("{what} has no finite value in row {row}")]
    NotFinite {
        /// What was to be drawn.
        what: &'static str,
        /// Index of the value, from 0.
        row: usize,
    },
    /// Labels and values do not belong together.
    #[error("{what} needs {needed} values, found {found}")]
    Length {
        /// What was to be drawn.
        what: &'static str,
        /// Values needed.
        needed: usize,
        /// Values that came.
        found: usize,
    },
    /// More than one picture can show.
    #[error("at most {limit} {what} fit into one picture, found {found}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most.
        limit: usize,
        /// How many came.
        found: usize,
    },
    /// The renderer refused a picture.
    #[error("the picture cannot be rendered: {reason}")]
    Picture {
        /// What it said.
        reason: String,
    },
    /// The place it was written to failed.
    #[error("writing failed: {0}")]
    Io(#[from] std::io::Error),
}

/// This crate's result.
pub type Result<T> = std::result::Result<T, Error>;
