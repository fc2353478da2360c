//! The Sharpe ratio, its standard error, and the probability that the true one is positive.

use crate::stats::distribution::normal_cdf;
use crate::stats::moments::{central, mean, std_dev, varies};

/// A Sharpe ratio per period and how well the sample determines it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sharpe {
    /// Mean over sample standard deviation of excess returns, per period (not annualised).
    pub per_period: f64,
    /// Standard error of the per-period ratio for independent, not necessarily normal, returns.
    pub standard_error: f64,
    /// Probability that the true ratio exceeds zero (probabilistic Sharpe ratio).
    pub probability_positive: f64,
}

/// Sharpe ratio of excess returns; `None` below two rows or when they do not vary.
///
/// Standard error: sqrt((1 - g3 SR + (g4 - 1)/4 SR²) / (n - 1)) with the population skewness g3 and
/// kurtosis g4; PSR = Φ(SR / SE).
///
/// Source: Mertens (2002); Bailey and López de Prado (2012), Journal of Risk 15(2), 3-44.
///
/// ```
/// # use qc_quant::performance::sharpe::estimate;
/// let sharpe = estimate(&[0.01, -0.005, 0.02, 0.0]).unwrap();
/// // mean .00625, sum of squared deviations 3.6875e-4
/// assert!((sharpe.per_period - 0.00625 / (3.6875e-4_f64 / 3.0).sqrt()).abs() < 1e-12);
/// assert!(0.5 < sharpe.probability_positive);
/// assert_eq!(estimate(&[0.001; 6]), None); // no variation, no ratio
/// ```
pub fn estimate(excess: &[f64]) -> Option<Sharpe> {
    let n = excess.len();
    if n < 2 || !varies(excess) {
        return None;
    }
    let per_period = mean(excess) / std_dev(excess);
    let [m2, m3, m4] = central(excess);
    let (skew, kurtosis) = (m3 / m2.powf(1.5), m4 / (m2 * m2));
    // the bracket is a variance, positive whenever kurtosis >= 1 + skew²; rounding may undercut it
    let bracket = 1.0 - skew * per_period + (kurtosis - 1.0) / 4.0 * per_period * per_period;
    let standard_error = (bracket.max(0.0) / (n - 1) as f64).sqrt();
    let probability_positive = if 0.0 < standard_error {
        normal_cdf(per_period / standard_error)
    } else {
        f64::from(u8::from(0.0 < per_period))
    };
    let found = Sharpe { per_period, standard_error, probability_positive };
    (per_period.is_finite() && standard_error.is_finite()).then_some(found)
}
