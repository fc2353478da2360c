//! Equity curves and what they lost from their peaks.

use crate::error::{Error, Result};
use crate::panel::require_finite;

/// One fall from a peak. Positions count points of the equity curve: 0 is the start, i is after return i - 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// Loss from the peak to the trough as a fraction, negative (-0.2 is 20 percent); 0 when nothing was lost.
    pub depth: f64,
    /// Point of the peak before the trough (the first, on ties).
    pub peak: usize,
    /// Point of the trough.
    pub trough: usize,
    /// First point at or after the trough that reaches the peak's value again; `None` while it is open.
    pub recovery: Option<usize>,
}

/// Value of 1 invested before the first return, after each return: one point more than returns.
///
/// After a value of 0 or less the curve stays at 0: nothing is left to invest.
///
/// ```
/// # use qc_quant::performance::equity_curve;
/// assert_eq!(equity_curve(&[0.5, -1.0, 0.3]), [1.0, 1.5, 0.0, 0.0]);
/// ```
pub fn equity_curve(returns: &[f64]) -> Vec<f64> {
    let mut value = 1.0_f64;
    let mut curve = Vec::with_capacity(returns.len() + 1);
    curve.push(value);
    for r in returns {
        value = (value * (1.0 + r)).max(0.0);
        curve.push(value);
    }
    curve
}

/// Fraction below the running peak at each point of a curve: 0 at a peak, negative below.
pub fn underwater(curve: &[f64]) -> Vec<f64> {
    let mut peak = f64::NEG_INFINITY;
    let below = |value: &f64| {
        peak = peak.max(*value);
        if 0.0 < peak { value / peak - 1.0 } else { 0.0 }
    };
    curve.iter().map(below).collect()
}

/// The deepest fall of a curve of positive start, the starting value counted as a peak.
///
/// # Errors
/// [`Error::TooFewRows`] for an empty curve, [`Error::NotFinite`], [`Error::OutOfRange`] when it
/// does not start above zero or a value is negative.
///
/// ```
/// use qc_quant::performance::drawdown::{deepest, equity_curve};
/// let fall = deepest(&equity_curve(&[-0.5, 0.5, 0.5]))?; // a loss on the first day is a loss
/// assert_eq!((fall.depth, fall.peak, fall.trough, fall.recovery), (-0.5, 0, 1, Some(3)));
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn deepest(curve: &[f64]) -> Result<Drawdown> {
    check(curve)?;
    let below = underwater(curve);
    let mut trough = 0;
    for (point, depth) in below.iter().enumerate() {
        if *depth < below[trough] {
            trough = point;
        }
    }
    let mut peak = 0;
    for point in 0..=trough {
        if curve[peak] < curve[point] {
            peak = point;
        }
    }
    let recovery = (trough..curve.len()).find(|&point| curve[peak] <= curve[point]);
    Ok(Drawdown { depth: below[trough], peak, trough, recovery })
}

/// All falls of a curve, deepest first, at most `most` of them.
///
/// A fall begins at the last point at a running peak and ends at the first point that reaches it again.
///
/// # Errors
/// As [`deepest`].
pub fn table(curve: &[f64], most: usize) -> Result<Vec<Drawdown>> {
    check(curve)?;
    let mut falls = Vec::new();
    let mut peak = 0;
    let mut open: Option<Drawdown> = None;
    for (point, value) in curve.iter().enumerate() {
        if curve[peak] <= *value {
            if let Some(mut fall) = open.take() {
                fall.recovery = Some(point);
                falls.push(fall);
            }
            peak = point;
            continue;
        }
        let depth = value / curve[peak] - 1.0;
        let fall = open.get_or_insert(Drawdown { depth, peak, trough: point, recovery: None });
        if depth < fall.depth {
            fall.depth = depth;
            fall.trough = point;
        }
    }
    falls.extend(open);
    falls.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    falls.truncate(most);
    Ok(falls)
}

fn check(curve: &[f64]) -> Result<()> {
    require_finite("equity curve", curve)?;
    let Some(&start) = curve.first() else {
        return Err(Error::too_few_rows("an equity curve", 1, 0));
    };
    let lowest = curve.iter().copied().fold(start, f64::min);
    if start <= 0.0 || lowest < 0.0 {
        return Err(Error::out_of_range("value of the equity curve", 0.0, f64::MAX, lowest.min(start)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_that_only_rises_has_no_fall() {
        let fall = deepest(&equity_curve(&[0.01, 0.02])).unwrap();
        assert_eq!(fall, Drawdown { depth: 0.0, peak: 0, trough: 0, recovery: Some(0) });
        assert!(table(&equity_curve(&[0.01, 0.02]), 5).unwrap().is_empty());
    }

    #[test]
    fn the_table_lists_separate_falls_deepest_first() {
        let falls = table(&[1.0, 0.9, 1.0, 1.1, 0.55, 0.7, 1.2, 1.1], 5).unwrap();
        assert_eq!(falls.len(), 3);
        assert_eq!(falls[0], Drawdown { depth: -0.5, peak: 3, trough: 4, recovery: Some(6) });
        assert_eq!(falls[0], deepest(&[1.0, 0.9, 1.0, 1.1, 0.55, 0.7, 1.2, 1.1]).unwrap());
        assert_eq!(falls[2].recovery, None);
    }
}
