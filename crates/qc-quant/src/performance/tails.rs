//! Value at risk and expected shortfall from the returns themselves.

use crate::error::{Error, Result};
use crate::panel::require_finite;
use crate::stats::moments::quantile;

/// Loss that is exceeded in a share `1 - confidence` of periods, as a positive fraction: -quantile (linear).
///
/// # Errors
/// [`Error::OutOfRange`] for a confidence outside (0, 1), [`Error::TooFewRows`], [`Error::NotFinite`].
pub fn value_at_risk(returns: &[f64], confidence: f64) -> Result<f64> {
    check(returns, confidence)?;
    Ok(-quantile(returns, 1.0 - confidence)?)
}

/// Mean loss of the worst share `1 - confidence` of periods, as a positive fraction.
///
/// The exact tail mean: when `(1 - confidence) T` is no whole number the next loss counts with the
/// fraction that is left, so that the figure is what Rockafellar and Uryasev's minimisation gives.
/// Source: Rockafellar and Uryasev (2002), Journal of Banking and Finance 26(7), 1443-1471.
///
/// # Errors
/// As [`value_at_risk`].
///
/// ```
/// # use qc_quant::performance::tails::conditional_value_at_risk;
/// let returns = [-0.1, -0.05, 0.0, 0.01, 0.02];
/// let cvar = conditional_value_at_risk(&returns, 0.7)?; // the worst 1.5 of 5: one whole, half of the next
/// assert!((cvar - (0.1 + 0.5 * 0.05) / 1.5).abs() < 1e-15);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn conditional_value_at_risk(returns: &[f64], confidence: f64) -> Result<f64> {
    check(returns, confidence)?;
    let mut sorted = returns.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(tail_mean(&sorted, confidence))
}

/// Tail mean of losses of returns sorted upwards.
pub(crate) fn tail_mean(sorted: &[f64], confidence: f64) -> f64 {
    let count = (1.0 - confidence) * sorted.len() as f64;
    let whole = ((count + 1e-12).floor() as usize).min(sorted.len()); // 0.05 * 100 is a little less than 5
    let mut total = -sorted[..whole].iter().sum::<f64>();
    if let Some(next) = sorted.get(whole) {
        total -= (count - whole as f64) * next;
    }
    total / count
}

fn check(returns: &[f64], confidence: f64) -> Result<()> {
    if !(0.0 < confidence && confidence < 1.0) {
        return Err(Error::out_of_range("confidence", 0.0, 1.0, confidence));
    }
    if returns.is_empty() {
        return Err(Error::too_few_rows("a tail", 1, 0));
    }
    require_finite("returns", returns)
}
