//! How much one answer may hold: numbers are counted before room is made for them.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// Most numbers of an answer, times included: two gigabytes.
const MAX_CELLS: u64 = 250_000_000;

/// What an answer has taken so far.
#[derive(Debug)]
pub(super) struct Budget {
    taken: AtomicU64,
    limit: u64,
}

impl Budget {
    pub(super) fn new() -> Budget {
        Budget { taken: AtomicU64::new(0), limit: MAX_CELLS }
    }

    #[cfg(test)]
    pub(super) fn of(limit: u64) -> Budget {
        Budget { taken: AtomicU64::new(0), limit }
    }

    /// Takes room for rows of some columns and their times.
    ///
    /// # Errors
    /// [`Error::TooMany`] when all that was taken goes beyond the limit.
    pub(super) fn take(&self, n_rows: usize, n_columns: usize) -> Result<()> {
        let cells = (n_rows as u64).saturating_mul(n_columns as u64 + 1);
        let found = self.taken.fetch_add(cells, Ordering::Relaxed).saturating_add(cells);
        if self.limit < found {
            return Err(Error::TooMany { what: "numbers of one history", limit: self.limit, found });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_adds_up() {
        let budget = Budget::of(100);
        assert_eq!(budget.take(10, 4), Ok(()));
        assert_eq!(budget.take(10, 4), Ok(()));
        assert_eq!(budget.take(1, 0), Err(Error::TooMany { what: "numbers of one history", limit: 100, found: 101 }));
        assert!(Budget::of(100).take(usize::MAX, 9).is_err());
    }
}
