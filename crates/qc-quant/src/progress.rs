//! How a long computation reports where it stands and learns that nobody waits for it any more.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// Receives the progress of a computation and may stop it.
///
/// Called from worker threads, often; an implementation should be cheap. Answering
/// [`ControlFlow::Break`] makes the computation return [`Error::Cancelled`] soon after. Closures
/// `Fn(done, total) -> ControlFlow<()>` implement it; [`Silent`] never stops anything.
///
/// ```
/// use std::ops::ControlFlow;
/// use qc_quant::progress::Progress;
/// let half = |done: usize, total: usize| if 2 * done < total { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
/// assert!(half.report(1, 10).is_continue());
/// assert!(half.report(5, 10).is_break());
/// ```
pub trait Progress: Sync {
    /// `done` of `total` steps are finished.
    fn report(&self, done: usize, total: usize) -> ControlFlow<()>;
}

impl<F: Fn(usize, usize) -> ControlFlow<()> + Sync> Progress for F {
    fn report(&self, done: usize, total: usize) -> ControlFlow<()> {
        self(done, total)
    }
}

/// Progress that nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _done: usize, _total: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Counts finished steps across threads and turns a stop into [`Error::Cancelled`].
pub(crate) struct Counter<'a> {
    progress: &'a dyn Progress,
    done: AtomicUsize,
    total: usize,
}

impl<'a> Counter<'a> {
    pub(crate) fn new(progress: &'a dyn Progress, total: usize) -> Result<Self> {
        let counter = Self { progress, done: AtomicUsize::new(0), total };
        counter.advance(0)?;
        Ok(counter)
    }

    /// Adds `steps` finished steps; an error when the caller wants to stop.
    pub(crate) fn advance(&self, steps: usize) -> Result<()> {
        let done = self.done.fetch_add(steps, Ordering::Relaxed) + steps;
        match self.progress.report(done.min(self.total), self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled { done, total: self.total }),
        }
    }
}
