//! Correlation of two symbols over windows that move through time.

use rayon::prelude::*;

use super::{Buffers, MOST_STEPS, Method, pair_checked, require_rows};
use crate::error::{Error, Result};
use crate::panel::{Label, Panel, require_variation};
use crate::progress::{Counter, Progress, Silent};
use crate::stats::moments::quantile;

/// A correlation computed over a window that moves through time.
#[derive(Debug, Clone, PartialEq)]
pub struct Rolling {
    /// Label of the last row of each window.
    pub ends: Vec<Label>,
    /// Correlation in each window; `None` where a column is constant in it.
    pub values: Vec<Option<f64>>,
}

/// What stands for all windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// The last window.
    Last,
    /// Median over windows.
    Median,
    /// Smallest value.
    Min,
    /// Share of windows above a level.
    ShareAbove(f64),
}

impl Rolling {
    /// One figure for all windows; `None` where there is none.
    pub fn aggregate(&self, aggregate: Aggregate) -> Option<f64> {
        match aggregate {
            Aggregate::Last => self.last(),
            Aggregate::Median => self.median(),
            Aggregate::Min => self.min(),
            Aggregate::ShareAbove(level) => self.share_above(level),
        }
    }

    /// The values there are.
    fn known(&self) -> Vec<f64> {
        self.values.iter().flatten().copied().collect()
    }

    /// Value of the last window.
    pub fn last(&self) -> Option<f64> {
        self.values.last().copied().flatten()
    }

    /// Median over windows.
    pub fn median(&self) -> Option<f64> {
        quantile(&self.known(), 0.5).ok()
    }

    /// Smallest value over windows.
    pub fn min(&self) -> Option<f64> {
        self.known().into_iter().reduce(f64::min)
    }

    /// Share of windows whose value lies above a threshold.
    pub fn share_above(&self, threshold: f64) -> Option<f64> {
        let known = self.known();
        let above = known.iter().filter(|value| threshold < **value).count();
        (!known.is_empty()).then(|| above as f64 / known.len() as f64)
    }
}

/// Correlates two symbols over windows of `window` rows, one window every `step` rows from the first on.
///
/// # Errors
/// [`Error::TooFewRows`] when the panel is shorter than the window or the window too short for the
/// method, [`Error::OutOfRange`] for a step of 0, [`Error::UnknownSymbol`], [`Error::TooMuchWork`].
pub fn rolling(panel: &Panel, a: &str, b: &str, method: Method, window: usize, step: usize) -> Result<Rolling> {
    rolling_watched(panel, a, b, method, window, step, &Silent)
}

/// [`rolling`] with a progress callback; a step is a window.
///
/// # Errors
/// As [`rolling`], and [`Error::Cancelled`].
pub fn rolling_watched(
    panel: &Panel,
    a: &str,
    b: &str,
    method: Method,
    window: usize,
    step: usize,
    progress: &dyn Progress,
) -> Result<Rolling> {
    let (x, y) = (panel.column_of(a)?, panel.column_of(b)?);
    if step == 0 {
        return Err(Error::out_of_range("step", 1.0, panel.n_rows() as f64, 0.0));
    }
    require_rows(method, window)?;
    if panel.n_rows() < window {
        return Err(Error::too_few_rows("a window", window, panel.n_rows()));
    }
    let ends: Vec<usize> = (window..=panel.n_rows()).step_by(step).collect();
    Error::limit_work("rolling correlations (windows times their rows)", MOST_STEPS, &[ends.len(), window])?;
    let counter = Counter::new(progress, ends.len())?;
    let values = ends
        .par_iter()
        .map_init(Buffers::default, |buffers, &end| {
            let (x, y) = (&x[end - window..end], &y[end - window..end]);
            let known = require_variation("", x).is_ok() && require_variation("", y).is_ok();
            let value = known.then(|| pair_checked(x, y, method, buffers).value);
            counter.advance(1).map(|()| value)
        })
        .collect::<Result<_>>()?;
    Ok(Rolling { ends: ends.iter().map(|end| panel.index().label(end - 1)).collect(), values })
}
