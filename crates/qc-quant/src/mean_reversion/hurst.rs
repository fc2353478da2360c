//! Two named estimators of Hurst's exponent; there is no single "Hurst".

use statrs::function::gamma::ln_gamma;

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::stats::moments::{mean, std_dev};

/// Answer of [`structure`].
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Slope of the log moment on the log lag, over q: .5 for a random walk, towards 0 for a stationary series, above .5 for trends.
    pub hurst: f64,
    /// Intercept of that line.
    pub intercept: f64,
    /// R² of that line: well below 1 means there is no single exponent.
    pub r_squared: f64,
    /// ln mean |x(t + lag) - x(t)|^q for each lag.
    pub log_moments: Vec<f64>,
    /// Smallest and largest lag used.
    pub lags: (usize, usize),
}

/// Answer of [`rescaled_range`].
#[derive(Debug, Clone, PartialEq)]
pub struct RescaledRange {
    /// Window lengths.
    pub windows: Vec<usize>,
    /// Mean rescaled range of each.
    pub ranges: Vec<f64>,
    /// Raw slope of log range on log length; biased upwards in samples of this size.
    pub raw: f64,
    /// 10 to the intercept of that line.
    pub constant: f64,
    /// Slope after dividing by Anis and Lloyd's expectation under independence, plus .5: the figure to read.
    pub corrected: f64,
}

/// Most rows times lags that are taken on.
pub const MOST_STEPS: u64 = 20_000_000_000;

/// Generalised Hurst exponent of *levels*: how fast the q-th moment of changes grows with the horizon.
///
/// # Shapes and units
/// `levels`: log prices or a spread. Default in practice: q = 2, lags 1 to 20; on spreads up to
/// twice the half-life.
///
/// # Errors
/// [`Error::OutOfRange`] for q outside (0, 4] or lags that are not 1 <= min < max < T,
/// [`Error::TooFewRows`] when fewer than ten changes are left at the largest lag, [`Error::Degenerate`]
/// when all changes at some lag are zero, [`Error::NotFinite`].
///
/// # Source
/// Di Matteo, Aste and Dacorogna (2005), Journal of Banking and Finance 29, 827-851. Family `hurst_ghe`.
///
/// ```
/// use qc_quant::{mean_reversion::hurst, testing};
/// let walk = hurst::structure(&testing::random_walk(2, 3000), 2.0, 1, 20)?;
/// let noise = hurst::structure(&testing::noise(2, 3000), 2.0, 1, 20)?;
/// assert!((walk.hurst - 0.5).abs() < 0.06 && noise.hurst < 0.05);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn structure(levels: &[f64], q: f64, min_lag: usize, max_lag: usize) -> Result<Structure> {
    require_finite("series", levels)?;
    let t = levels.len();
    if !(0.0 < q && q <= 4.0) {
        return Err(Error::out_of_range("q", 0.0, 4.0, q));
    }
    if min_lag == 0 || max_lag <= min_lag {
        return Err(Error::out_of_range("max_lag", (min_lag + 1) as f64, t as f64, max_lag as f64));
    }
    if t < max_lag + 10 {
        return Err(Error::too_few_rows(format!("a Hurst exponent with lags up to {max_lag}"), max_lag + 10, t));
    }
    Error::limit_work("a Hurst exponent (rows times lags)", MOST_STEPS, &[t, max_lag - min_lag])?;
    let mut log_moments = Vec::new();
    for lag in min_lag..=max_lag {
        let changes = levels[lag..].iter().zip(levels).map(|(now, then)| (now - then).abs());
        let total: f64 = if q == 2.0 { changes.map(|c| c * c).sum() } else { changes.map(|c| c.powf(q)).sum() };
        if total <= 0.0 {
            return Err(Error::degenerate("Hurst exponent", format!("nothing changes over {lag} rows")));
        }
        if !total.is_finite() {
            let what = format!("changes over {lag} rows are too large to be raised to the power {q}");
            return Err(Error::degenerate("Hurst exponent", what));
        }
        log_moments.push((total / (t - lag) as f64).ln());
    }
    let log_lags: Vec<f64> = (min_lag..=max_lag).map(|lag| (lag as f64).ln()).collect();
    let (slope, intercept) = line(&log_lags, &log_moments);
    let centre = mean(&log_moments);
    let (mut rest, mut whole) = (0.0, 0.0);
    for (x, y) in log_lags.iter().zip(&log_moments) {
        rest += (y - intercept - slope * x).powi(2);
        whole += (y - centre).powi(2);
    }
    let r_squared = if 0.0 < whole { 1.0 - rest / whole } else { 0.0 };
    Ok(Structure { hurst: slope / q, intercept, r_squared, log_moments, lags: (min_lag, max_lag) })
}

/// Rescaled range of *increments* (log returns) over windows of growing length.
///
/// # Definition
/// Windows int(10^(1 + k/4)) below T - 1, and T; in each, range of the cumulated deviations over the
/// sample standard deviation, averaged over windows that do not overlap.
///
/// # Errors
/// [`Error::TooFewRows`] below 100, [`Error::Constant`], [`Error::Degenerate`] when no window of some
/// length varies, [`Error::NotFinite`].
///
/// # Source
/// Anis and Lloyd (1976), Biometrika 63, 111-116. Checked against the package hurst: family `hurst_rs`.
pub fn rescaled_range(increments: &[f64]) -> Result<RescaledRange> {
    require_finite("increments", increments)?;
    let n = increments.len();
    if n < 100 {
        return Err(Error::too_few_rows("the rescaled range", 100, n));
    }
    require_variation("increments", increments)?;
    let (start, end) = (1.0_f64, ((n - 1) as f64).log10());
    let count = ((end - start) / 0.25).ceil() as usize; // numpy's arange
    let mut windows: Vec<usize> = (0..count).map(|k| 10_f64.powf(start + 0.25 * k as f64) as usize).collect();
    windows.push(n);
    let mut ranges = Vec::with_capacity(windows.len());
    for &window in &windows {
        let found: Vec<f64> = increments.chunks_exact(window).filter_map(range).collect();
        if found.is_empty() {
            return Err(Error::degenerate("rescaled range", format!("no window of {window} rows varies")));
        }
        ranges.push(mean(&found));
    }
    let lengths: Vec<f64> = windows.iter().map(|&window| (window as f64).log10()).collect();
    let logs: Vec<f64> = ranges.iter().map(|range| range.log10()).collect();
    let (raw, intercept) = line(&lengths, &logs);
    let excess: Vec<f64> = logs.iter().zip(&windows).map(|(log, &w)| log - expected(w).log10()).collect();
    let corrected = line(&lengths, &excess).0 + 0.5;
    Ok(RescaledRange { windows, ranges, raw, constant: 10_f64.powf(intercept), corrected })
}

/// Range of cumulated deviations over the sample standard deviation; `None` when there is no variation.
fn range(window: &[f64]) -> Option<f64> {
    let centre = mean(window);
    let (mut sum, mut low, mut high) = (0.0_f64, f64::INFINITY, f64::NEG_INFINITY);
    for value in window {
        sum += value - centre;
        low = low.min(sum);
        high = high.max(sum);
    }
    let deviation = std_dev(window);
    (0.0 < deviation && low < high).then(|| (high - low) / deviation)
}

/// Anis and Lloyd's expectation of the rescaled range of `n` independent normal values.
fn expected(n: usize) -> f64 {
    let m = n as f64;
    let scale = (ln_gamma((m - 1.0) / 2.0) - ln_gamma(m / 2.0)).exp() / std::f64::consts::PI.sqrt();
    scale * (1..n).map(|i| ((n - i) as f64 / i as f64).sqrt()).sum::<f64>()
}

/// Slope and intercept of the least-squares line.
fn line(x: &[f64], y: &[f64]) -> (f64, f64) {
    let (mx, my) = (mean(x), mean(y));
    let (mut sxx, mut sxy) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        sxx += (x - mx).powi(2);
        sxy += (x - mx) * (y - my);
    }
    let slope = sxy / sxx;
    (slope, my - slope * mx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn independent_increments_are_near_one_half_after_correction() {
        let found = rescaled_range(&noise(5, 4096)).unwrap();
        assert!((found.corrected - 0.5).abs() < 0.08, "{}", found.corrected);
        assert!(found.corrected < found.raw); // the raw slope is biased upwards
    }

    #[test]
    fn a_line_has_exponent_one() {
        let line: Vec<f64> = (0..200).map(f64::from).collect();
        let found = structure(&line, 2.0, 1, 20).unwrap();
        assert!((found.hurst - 1.0).abs() < 1e-12 && (found.r_squared - 1.0).abs() < 1e-12);
    }

    #[test]
    fn refuses_short_and_flat_input() {
        assert!(matches!(structure(&[1.0; 50], 2.0, 1, 20), Err(Error::Degenerate { .. })));
        assert!(matches!(structure(&noise(1, 25), 2.0, 1, 20), Err(Error::TooFewRows { needed: 30, .. })));
        assert!(matches!(rescaled_range(&noise(1, 50)), Err(Error::TooFewRows { needed: 100, .. })));
    }
}
