//! How much one answer may hold: numbers are counted before room is made for them.
//!
//! Whether an answer is refused does not depend on how many threads read it: what it holds is counted over all symbols, the
//! finer bars that a symbol is made from are counted for that symbol alone. All symbols that are made at the same time share
//! the limit a second time; one that does not fit beside the others is made again by itself.

use crate::error::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Most numbers of an answer, times included: two gigabytes.
const MAX_CELLS: u64 = 250_000_000;
/// What is counted, for errors.
const WHAT: &str = "numbers of one history";

/// What an answer has taken so far.
#[derive(Debug)]
pub(super) struct Budget {
    /// What the answer holds, of all symbols.
    taken: AtomicU64,
    /// Finer bars that are held at the moment, of all symbols.
    passing: Arc<AtomicU64>,
    limit: u64,
    /// Set for the finer bars of one symbol.
    part: Option<Part>,
}

/// Finer bars of one symbol.
#[derive(Debug)]
struct Part {
    /// Whether nothing else is read at the same time.
    alone: bool,
    crowded: AtomicBool,
}

impl Budget {
    pub(super) fn new() -> Budget {
        Budget::of(MAX_CELLS)
    }

    pub(super) fn of(limit: u64) -> Budget {
        Budget { taken: AtomicU64::new(0), passing: Arc::default(), limit, part: None }
    }

    /// Room for the finer bars of one symbol, given back when the part goes.
    pub(super) fn part(&self, alone: bool) -> Budget {
        let part = Part { alone, crowded: AtomicBool::new(false) };
        Budget { taken: AtomicU64::new(0), passing: self.passing.clone(), limit: self.limit, part: Some(part) }
    }

    /// Whether a refusal came from other symbols that were read at the same time: read alone it may fit.
    pub(super) fn is_crowded(&self) -> bool {
        self.part.as_ref().is_some_and(|part| part.crowded.load(Ordering::Relaxed))
    }

    /// Takes room for rows of some columns and their times.
    ///
    /// # Errors
    /// [`Error::TooMany`] when all that was taken goes beyond the limit. Counting stops there, so the number found is the
    /// first one that is too many.
    pub(super) fn take(&self, n_rows: usize, n_columns: usize) -> Result<()> {
        let cells = (n_rows as u64).saturating_mul(n_columns as u64 + 1);
        let taken = add(&self.taken, cells);
        // What goes is given back whole, so it is counted whole, also where it is too much by itself.
        let passing = self.part.as_ref().map(|part| (part, add(&self.passing, cells)));
        if self.limit < taken {
            return Err(self.refusal());
        }
        match passing {
            Some((part, passing)) if self.limit < passing && !part.alone => {
                part.crowded.store(true, Ordering::Relaxed);
                Err(self.refusal())
            }
            _ => Ok(()),
        }
    }

    /// Whether it is refused already, so that nothing more need be read.
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub(super) fn check(&self) -> Result<()> {
        match self.limit < self.taken.load(Ordering::Relaxed) || self.is_crowded() {
            true => Err(self.refusal()),
            false => Ok(()),
        }
    }

    fn refusal(&self) -> Error {
        Error::TooMany { what: WHAT, limit: self.limit, found: self.limit.saturating_add(1) }
    }

    /// Whether an error is the refusal of a budget.
    pub(super) fn refused(error: &Error) -> bool {
        matches!(error, Error::TooMany { what: WHAT, .. })
    }
}

/// Adds and says what there is now; never beyond what can be counted.
fn add(sum: &AtomicU64, cells: u64) -> u64 {
    let added = sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| Some(taken.saturating_add(cells)));
    added.unwrap_or_default().saturating_add(cells)
}

/// All that was read, or the error that does not depend on which thread was first: a refusal before all others, else the
/// first by place.
pub(super) fn all<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    if let Some(error) = results.iter().filter_map(|result| result.as_ref().err()).find(|error| Budget::refused(error))
    {
        return Err(error.clone());
    }
    results.into_iter().collect()
}

impl Drop for Budget {
    fn drop(&mut self) {
        if self.part.is_some() {
            let taken = *self.taken.get_mut();
            let given = |passing: u64| Some(passing.saturating_sub(taken));
            let _ = self.passing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, given);
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
    fn parts_that_do_not_fit_beside_others_fit_alone() {
        let budget = Budget::of(100);
        let (one, other) = (budget.part(false), budget.part(false));
        assert_eq!(one.take(60, 0), Ok(()));
        assert!(other.take(50, 0).is_err(), "two at once do not fit");
        assert_eq!((one.is_crowded(), other.is_crowded()), (false, true));
        drop((one, other));
        let alone = budget.part(true);
        assert_eq!(alone.take(100, 0), Ok(()), "one after the other do");
        assert!(alone.take(1, 0).is_err() && !alone.is_crowded(), "too many by itself is too many in any order");
        drop(alone);
        assert_eq!(budget.take(100, 0), Ok(()));
        assert_eq!(budget.part(false).take(100, 0), Ok(()), "finer bars do not count as the answer");
    }

    #[test]
    fn what_is_refused_stops_reading_and_gives_back_no_more_than_it_took() {
        let budget = Budget::of(100);
        let (one, other) = (budget.part(false), budget.part(false));
        assert_eq!((one.take(40, 0), one.check()), (Ok(()), Ok(())));
        assert!(one.take(90, 0).is_err() && one.check().is_err(), "too many by itself");
        drop(one);
        assert_eq!(other.take(60, 0), Ok(()));
        assert!(budget.part(false).take(60, 0).is_err(), "the other one still holds its rows");
        assert!(budget.take(101, 0).is_err() && budget.check().is_err());
    }

    #[test]
    fn the_error_is_the_same_whoever_comes_first() {
        let damaged = || Error::Damaged { file: "a".to_owned(), problem: "x" };
        let refused = || Budget::of(0).take(1, 0).unwrap_err();
        assert_eq!(all(vec![Ok(1), Err(damaged()), Err(refused())]), Err(refused()));
        assert_eq!(all(vec![Ok(1), Err(damaged()), Ok(2)]), Err(damaged()));
        assert_eq!(all(vec![Ok(1), Ok(2)]), Ok(vec![1, 2]));
    }
}
