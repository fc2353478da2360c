//! What can go wrong in a computation: one enum, facts with numbers, no advice.

use crate::panel::Label;

/// Result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a computation was refused or gave up.
///
/// No function of this crate answers with NaN, infinity or an empty list instead of one of these.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There are fewer observations than the method needs.
    #[error("{what} needs at least {needed} rows, found {found}")]
    TooFewRows {
        /// The method or series that needs them.
        what: String,
        /// Smallest number of rows that works.
        needed: usize,
        /// Rows that were given.
        found: usize,
    },
    /// There are fewer symbols (columns) than the method needs.
    #[error("{what} needs at least {needed} symbols, found {found}")]
    TooFewSymbols {
        /// The method.
        what: String,
        /// Smallest number of symbols that works.
        needed: usize,
        /// Symbols that were given.
        found: usize,
    },
    /// Two inputs that must have the same length, shape or index do not.
    #[error("{what}: expected {expected}, found {found}")]
    ShapeMismatch {
        /// What was compared.
        what: String,
        /// Expected length.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// Two inputs of the same length stand on different dates.
    #[error("{left} and {right} stand on different rows: {left_at} against {right_at} at position {row}")]
    IndexMismatch {
        /// Name of the first input.
        left: String,
        /// Name of the second input.
        right: String,
        /// First position at which they differ, counted from 0.
        row: usize,
        /// Label of the first input there.
        left_at: Label,
        /// Label of the second input there.
        right_at: Label,
    },
    /// A value is missing, NaN or infinite.
    #[error("{symbol} has no finite value at {at} (row {row})")]
    NotFinite {
        /// Column in which it stands.
        symbol: String,
        /// Row, counted from 0.
        row: usize,
        /// Label of the row.
        at: Label,
    },
    /// A price that must be above zero (a logarithm or a ratio is taken) is not.
    #[error("{symbol} must be above zero for a return or logarithm, found {value} at {at} (row {row})")]
    NotPositive {
        /// Column in which it stands.
        symbol: String,
        /// Row, counted from 0.
        row: usize,
        /// Label of the row.
        at: Label,
        /// The value found.
        value: f64,
    },
    /// Dates or row numbers do not increase strictly.
    #[error("rows must increase strictly: {at} (row {row}) does not come after {before}")]
    NotIncreasing {
        /// First offending row, counted from 0.
        row: usize,
        /// Its label.
        at: Label,
        /// Label of the row before.
        before: Label,
    },
    /// A symbol stands twice (compared without case and surrounding space).
    #[error("symbol {symbol} is given more than once")]
    DuplicateSymbol {
        /// The symbol.
        symbol: String,
    },
    /// A symbol is not a column of the panel.
    #[error("symbol {symbol} is not among the {known} columns given")]
    UnknownSymbol {
        /// The symbol.
        symbol: String,
        /// Number of columns there are.
        known: usize,
    },
    /// A column does not vary, so that a variance that divides would be zero.
    #[error("{symbol} is constant at {value} over {rows} rows")]
    Constant {
        /// The column.
        symbol: String,
        /// Its value in the first row.
        value: f64,
        /// Number of rows.
        rows: usize,
    },
    /// The inputs determine no answer: collinear, singular or without any variation.
    #[error("{what}: {reason}")]
    Degenerate {
        /// The method or input.
        what: String,
        /// What makes it degenerate, with the number that shows it.
        reason: String,
    },
    /// An option lies outside its range.
    #[error("{what} must lie between {min} and {max}, found {found}")]
    OutOfRange {
        /// The option.
        what: String,
        /// Smallest allowed value.
        min: f64,
        /// Largest allowed value.
        max: f64,
        /// Value found.
        found: f64,
    },
    /// No point satisfies all constraints.
    #[error("no solution satisfies {what}: {reason}")]
    Infeasible {
        /// The constraints.
        what: String,
        /// The figure that shows it.
        reason: String,
    },
    /// An iteration ended before it reached its tolerance.
    #[error("{what} did not converge in {steps} steps: residual {residual:.3e}, tolerance {tolerance:.3e}")]
    NotConverged {
        /// The method.
        what: String,
        /// Steps taken.
        steps: usize,
        /// Residual reached.
        residual: f64,
        /// Residual wanted.
        tolerance: f64,
    },
    /// The request asks for more work than the method takes on at once.
    #[error("{what} would take {found} steps, the limit is {limit}")]
    TooMuchWork {
        /// The work, in words that say what a step is.
        what: String,
        /// Most steps that are taken on.
        limit: u64,
        /// Steps the request asks for.
        found: u64,
    },
    /// The caller stopped the computation through its progress callback.
    #[error("cancelled after {done} of {total} steps")]
    Cancelled {
        /// Steps done.
        done: usize,
        /// Steps in all.
        total: usize,
    },
}

impl Error {
    /// The symbol (column) the error is about, where it is about one.
    pub fn symbol(&self) -> Option<&str> {
        match self {
            Self::NotFinite { symbol, .. }
            | Self::NotPositive { symbol, .. }
            | Self::DuplicateSymbol { symbol }
            | Self::UnknownSymbol { symbol, .. }
            | Self::Constant { symbol, .. } => Some(symbol),
            _ => None,
        }
    }

    pub(crate) fn too_few_rows(what: impl Into<String>, needed: usize, found: usize) -> Self {
        Self::TooFewRows { what: what.into(), needed, found }
    }

    pub(crate) fn degenerate(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Degenerate { what: what.into(), reason: reason.into() }
    }

    /// Refuses work above a limit before it starts.
    pub(crate) fn limit_work(what: &str, limit: u64, factors: &[usize]) -> Result<()> {
        let found = factors.iter().fold(1u64, |steps, factor| steps.saturating_mul(*factor as u64));
        if found <= limit {
            return Ok(());
        }
        Err(Self::TooMuchWork { what: what.to_owned(), limit, found })
    }

    pub(crate) fn out_of_range(what: impl Into<String>, min: f64, max: f64, found: f64) -> Self {
        Self::OutOfRange { what: what.into(), min, max, found }
    }
}
