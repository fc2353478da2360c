//! What is done with rows in which a value is missing, and what that left out.

use super::Label;

/// What to do with rows in which a value is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingPolicy {
    /// Refuse, naming the symbol and the first missing row.
    #[default]
    Error,
    /// Keep complete rows only, and remember the holes: no return spans a dropped row.
    DropRows,
    /// Keep complete rows only; a return may span dropped rows.
    DropRowsAllowGaps,
}

/// What [`crate::Panel::with_missing`] left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// Number of rows left out.
    pub rows: usize,
    /// Label of the first row left out.
    pub first: Option<Label>,
    /// For each symbol, in the caller's order, the number of rows in which it had no value.
    pub by_symbol: Vec<(String, usize)>,
    /// Rows left out as a fraction of all rows.
    pub fraction: f64,
}

impl Dropped {
    /// The symbol that was missing most often, if any was.
    pub fn worst(&self) -> Option<(&str, usize)> {
        let mut worst: Option<(&str, usize)> = None;
        for (symbol, count) in &self.by_symbol {
            if worst.is_none_or(|(_, most)| most < *count) && 0 < *count {
                worst = Some((symbol, *count));
            }
        }
        worst
    }
}
