//! Lo and MacKinlay's variance ratio: do returns over q periods vary q times as much as over one?

use crate::error::{Error, Result};
use crate::lanes::dot;
use crate::panel::{require_finite, require_variation};
use crate::stats::distribution::normal_two_sided;
use crate::stats::multiple::holm;

/// Answer of [`test()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VarianceRatio {
    /// Periods over which returns are summed.
    pub lags: usize,
    /// 1 for a random walk, below 1 for reversal, above for momentum.
    pub ratio: f64,
    /// Heteroskedasticity-robust z statistic of "ratio = 1".
    pub statistic: f64,
    /// Two-sided normal p-value.
    pub p_value: f64,
}

/// Compares the variance of q-period changes with q times that of one-period changes.
///
/// # Shapes and units
/// `levels`: T log prices or values of a spread, oldest first.
///
/// # Definition
/// Overlapping changes, drift removed, both variances corrected for bias; robust asymptotic
/// variance θ = Σ 4 (1 - k/q)² δ(k).
///
/// # When not to use it
/// For q that is not small against T: the statistic is then far from normal.
///
/// # Errors
/// [`Error::OutOfRange`] for `lags` below 2 or above T/2 - 1, [`Error::TooFewRows`], [`Error::Degenerate`]
/// when changes do not vary, [`Error::NotFinite`].
///
/// # Source
/// Lo and MacKinlay (1988), Review of Financial Studies 1(1), 41-66. Checked against arch: family `variance_ratio`.
///
/// ```
/// use qc_quant::{testing, unit_root::variance_ratio};
/// let reverting = variance_ratio::test(&testing::noise(1, 600), 5)?;
/// assert!(reverting.ratio < 0.5 && reverting.p_value < 0.001);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn test(levels: &[f64], lags: usize) -> Result<VarianceRatio> {
    let t = levels.len();
    require_finite("series", levels)?;
    if t < 10 {
        return Err(Error::too_few_rows("the variance ratio", 10, t));
    }
    if !(2..t / 2).contains(&lags) {
        return Err(Error::out_of_range("lags of the variance ratio", 2.0, (t / 2 - 1) as f64, lags as f64));
    }
    Error::limit_work("the variance ratio (rows times lags)", super::MOST_STEPS, &[t, lags])?;
    let changes: Vec<f64> = levels.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if require_variation("changes", &changes).is_err() {
        return Err(Error::degenerate("the variance ratio", "the series changes by the same amount every period"));
    }
    let n = changes.len() as f64;
    let q = lags as f64;
    let drift = (levels[t - 1] - levels[0]) / n;
    let squares: Vec<f64> = changes.iter().map(|change| (change - drift).powi(2)).collect();
    let total: f64 = squares.iter().sum();
    let one = total / (n - 1.0);
    let long: f64 = levels[lags..].iter().zip(levels).map(|(now, then)| (now - then - q * drift).powi(2)).sum();
    let ratio = long / (q * (n - q + 1.0) * (1.0 - q / n)) / one;
    let theta: f64 = (1..lags)
        .map(|k| {
            let delta = n * dot(&squares[k..], &squares[..squares.len() - k]) / (total * total);
            4.0 * (1.0 - k as f64 / q).powi(2) * delta
        })
        .sum();
    let statistic = n.sqrt() * (ratio - 1.0) / theta.sqrt();
    if !statistic.is_finite() {
        return Err(Error::degenerate("the variance ratio", "its asymptotic variance is zero"));
    }
    Ok(VarianceRatio { lags, ratio, statistic, p_value: normal_two_sided(statistic) })
}

/// Several horizons at once, with Holm-adjusted p-values in the same order.
///
/// # Errors
/// As [`test()`].
pub fn test_several(levels: &[f64], lags: &[usize]) -> Result<Vec<(VarianceRatio, f64)>> {
    let found = lags.iter().map(|&q| test(levels, q)).collect::<Result<Vec<_>>>()?;
    let adjusted = holm(&found.iter().map(|one| one.p_value).collect::<Vec<_>>());
    Ok(found.into_iter().zip(adjusted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_walk;

    #[test]
    fn refuses_lines_and_long_horizons() {
        let line: Vec<f64> = (0..40).map(f64::from).collect();
        assert!(matches!(test(&line, 2), Err(Error::Degenerate { .. })));
        assert!(matches!(test(&random_walk(1, 40), 20), Err(Error::OutOfRange { .. })));
        assert!(matches!(test(&random_walk(1, 40), 1), Err(Error::OutOfRange { .. })));
    }

    #[test]
    fn several_horizons_are_adjusted() {
        let found = test_several(&random_walk(4, 300), &[2, 5, 10]).unwrap();
        assert!(found.iter().all(|(one, adjusted)| one.p_value <= *adjusted));
    }
}
