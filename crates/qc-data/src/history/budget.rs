//! How much one answer may hold: numbers are counted before room is made for them.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most numbers of an answer, times included: two gigabytes.
const MAX_CELLS: u64 = 250_000_000;

/// What an answer has taken so far.
#[derive(Debug)]
pub(super) struct Budget {
    /// What all that share the limit have taken.
    taken: Arc<AtomicU64>,
    limit: u64,
    /// What was taken here and is given back at the end; `None` where it stays taken.
    passing: Option<AtomicU64>,
}

impl Budget {
    pub(super) fn new() -> Budget {
        Budget { taken: Arc::default(), limit: MAX_CELLS, passing: None }
    }

    #[cfg(test)]
    pub(super) fn of(limit: u64) -> Budget {
        Budget { taken: Arc::default(), limit, passing: None }
    }

    /// Room under the same limit that is given back when the part goes.
    pub(super) fn part(&self) -> Budget {
        Budget { taken: self.taken.clone(), limit: self.limit, passing: Some(AtomicU64::new(0)) }
    }

    /// Takes room for rows of some columns and their times.
    ///
    /// # Errors
    /// [`Error::TooMany`] when all that was taken goes beyond the limit.
    pub(super) fn take(&self, n_rows: usize, n_columns: usize) -> Result<()> {
        let cells = (n_rows as u64).saturating_mul(n_columns as u64 + 1);
        if let Some(passing) = &self.passing {
            passing.fetch_add(cells, Ordering::Relaxed);
        }
        let found = self.taken.fetch_add(cells, Ordering::Relaxed).saturating_add(cells);
        if self.limit < found {
            return Err(Error::TooMany { what: "numbers of one history", limit: self.limit, found });
        }
        Ok(())
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        if let Some(passing) = &mut self.passing {
            self.taken.fetch_sub(*passing.get_mut(), Ordering::Relaxed);
        }
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

    #[test]
    fn parts_share_the_limit_and_give_back() {
        let budget = Budget::of(100);
        let (one, other) = (budget.part(), budget.part());
        assert_eq!(one.take(60, 0), Ok(()));
        assert!(other.take(50, 0).is_err(), "two at once do not fit");
        drop((one, other));
        assert_eq!(budget.part().take(100, 0), Ok(()), "one after the other do");
        assert_eq!(budget.take(100, 0), Ok(()));
        assert!(budget.part().take(1, 0).is_err(), "what the answer holds stays taken");
    }
}
