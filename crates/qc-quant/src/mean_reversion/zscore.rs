//! How many standard deviations the last value of a series stands from its recent mean.

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::stats::moments::{mean, std_dev};

/// Answer of [`last`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZScore {
    /// The last value.
    pub value: f64,
    /// Mean of the last `lookback` values, the last one included.
    pub mean: f64,
    /// Their sample standard deviation.
    pub std_dev: f64,
    /// (value - mean) / standard deviation.
    pub z: f64,
    /// Largest size that z can take with this lookback, (L - 1)/sqrt(L): an entry threshold above it never triggers.
    pub bound: f64,
}

/// z-score of the last value over the last `lookback` values, itself included.
///
/// # Errors
/// [`Error::OutOfRange`] for a lookback below 3, [`Error::TooFewRows`] when the series is shorter,
/// [`Error::Constant`] when the window does not vary, [`Error::NotFinite`].
///
/// ```
/// use qc_quant::mean_reversion::zscore;
/// let found = zscore::last(&[9.0, 1.0, 2.0, 3.0], 3)?;
/// assert_eq!((found.mean, found.z), (2.0, 1.0));
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn last(values: &[f64], lookback: usize) -> Result<ZScore> {
    let n = values.len();
    if lookback < 3 {
        return Err(Error::out_of_range("lookback", 3.0, n as f64, lookback as f64));
    }
    if n < lookback {
        return Err(Error::too_few_rows("a z-score", lookback, n));
    }
    require_finite("series", values)?;
    let window = &values[n - lookback..];
    require_variation("the last rows of the series", window)?;
    let (value, centre, deviation) = (window[lookback - 1], mean(window), std_dev(window));
    let bound = (lookback as f64 - 1.0) / (lookback as f64).sqrt();
    Ok(ZScore { value, mean: centre, std_dev: deviation, z: (value - centre) / deviation, bound })
}

/// z-scores of every row from `lookback - 1` on, each over the `lookback` rows that end there; `None` where flat.
///
/// # Errors
/// As [`last`], a flat window excepted.
pub fn rolling(values: &[f64], lookback: usize) -> Result<Vec<Option<f64>>> {
    require_finite("series", values)?;
    if lookback < 3 {
        return Err(Error::out_of_range("lookback", 3.0, values.len() as f64, lookback as f64));
    }
    if values.len() < lookback {
        return Err(Error::too_few_rows("a z-score", lookback, values.len()));
    }
    Ok(values.windows(lookback).map(|window| last(window, lookback).ok().map(|found| found.z)).collect())
}

/// Mean and sample standard deviation of the `lookback` values that end at each row; `None` before there are so many,
/// and where the window is flat.
///
/// # Errors
/// As [`last`], a flat window excepted.
///
/// ```
/// use qc_quant::mean_reversion::zscore;
/// let bands = zscore::bands(&[1.0, 2.0, 3.0, 5.0], 3)?;
/// assert_eq!(&bands[..3], [None, None, Some((2.0, 1.0))]);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn bands(values: &[f64], lookback: usize) -> Result<Vec<Option<(f64, f64)>>> {
    require_finite("series", values)?;
    last(values, lookback).map(|_| ()).or_else(|error| match error {
        Error::Constant { .. } => Ok(()),
        other => Err(other),
    })?;
    let of = |row: usize| {
        let window = values.get((row + 1).checked_sub(lookback)?..=row)?;
        last(window, lookback).ok().map(|found| (found.mean, found.std_dev))
    };
    Ok((0..values.len()).map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_exceeds_the_bound() {
        let mut values = vec![0.0; 9];
        values.push(1e6);
        let found = last(&values, 10).unwrap();
        assert!((found.z - found.bound).abs() < 1e-12);
    }

    #[test]
    fn a_flat_window_is_refused_and_none_when_rolling() {
        assert!(matches!(last(&[1.0, 2.0, 2.0, 2.0], 3), Err(Error::Constant { .. })));
        assert_eq!(rolling(&[1.0, 2.0, 2.0, 2.0], 3).unwrap()[1], None);
    }
}
