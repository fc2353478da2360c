//! The Sharpe ratio of the best of many trials, discounted for having tried many.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{Error, Result};
use crate::panel::require_finite;
use crate::stats::distribution::normal_cdf;
use crate::stats::moments::{std_dev, variance};

use super::sharpe::estimate;

/// Euler and Mascheroni's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// Answer of [`deflate`]; ratios are per period.
#[derive(Debug, Clone, PartialEq)]
pub struct Deflated {
    /// Sharpe ratio of each trial.
    pub sharpe: Vec<f64>,
    /// Position of the largest.
    pub best: usize,
    /// Expected largest ratio of that many trials without any skill.
    pub expected_maximum: f64,
    /// Probability that the best trial's true ratio exceeds `expected_maximum`.
    pub deflated: f64,
    /// Number of trials counted.
    pub n_trials: f64,
}

/// Deflates the best Sharpe ratio among the return series of several trials.
///
/// # Definition
/// SR0 = sqrt(V) ((1 - γ) z(1 - 1/N) + γ z(1 - 1/(N e))), V the sample variance of the ratios over
/// trials; DSR = Φ((SR - SR0) / SE) with the standard error of [`super::sharpe`]. `n_trials`: number
/// of *independent* trials when it is known to differ from the number of series.
///
/// # Errors
/// [`Error::TooFewSymbols`] below two trials, [`Error::Degenerate`] for a trial whose returns do not
/// vary, [`Error::OutOfRange`] for `n_trials` of 1 or less, [`Error::NotFinite`].
///
/// # Source
/// Bailey and López de Prado (2014), Journal of Portfolio Management 40(5), 94-107. Family `deflated_sharpe`.
///
/// ```
/// use qc_quant::{performance::deflated_sharpe::deflate, testing::noise};
/// let trials: Vec<Vec<f64>> = (0..20).map(|seed| noise(seed, 250)).collect();
/// let found = deflate(&trials.iter().map(Vec::as_slice).collect::<Vec<_>>(), None)?;
/// assert!(found.deflated < 0.95); // the best of twenty lucky ones is no find
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn deflate(trials: &[&[f64]], n_trials: Option<f64>) -> Result<Deflated> {
    if trials.len() < 2 {
        return Err(Error::TooFewSymbols { what: "a deflated Sharpe ratio".into(), needed: 2, found: trials.len() });
    }
    let n = n_trials.unwrap_or(trials.len() as f64);
    if !(1.0 < n && n.is_finite()) {
        return Err(Error::out_of_range("n_trials", 1.0, f64::MAX, n));
    }
    let mut found = Vec::with_capacity(trials.len());
    for (number, returns) in trials.iter().enumerate() {
        require_finite(&format!("trial {number}"), returns)?;
        let reason = || format!("the returns of trial {number} do not vary");
        found.push(estimate(returns).ok_or_else(|| Error::degenerate("deflated Sharpe ratio", reason()))?);
    }
    let sharpe: Vec<f64> = found.iter().map(|one| one.per_period).collect();
    let best = (0..sharpe.len()).fold(0, |best, i| if sharpe[best] < sharpe[i] { i } else { best });
    // from the upper tail: one less a small chance is one once there are some 1e16 trials
    let z_above = |tail: f64| -Normal::standard().inverse_cdf(tail);
    let spread = variance(&sharpe).sqrt();
    let expected_maximum = spread * ((1.0 - GAMMA) * z_above(1.0 / n) + GAMMA * z_above(1.0 / n / std::f64::consts::E));
    let standard_error = found[best].standard_error;
    if standard_error <= 0.0 || std_dev(trials[best]) <= 0.0 {
        return Err(Error::degenerate("deflated Sharpe ratio", "the best trial has no standard error"));
    }
    let deflated = normal_cdf((sharpe[best] - expected_maximum) / standard_error);
    Ok(Deflated { sharpe, best, expected_maximum, deflated, n_trials: n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn any_number_of_trials_has_a_finite_answer() {
        let trials: Vec<Vec<f64>> = (0..5).map(|seed| noise(seed, 100)).collect();
        let trials: Vec<&[f64]> = trials.iter().map(Vec::as_slice).collect();
        let mut before = 0.0;
        for n in [2.0, 1e6, 1e15, 1e16, 2e16, 1e20, 1e100, 1e300, f64::MAX] {
            let found = deflate(&trials, Some(n)).unwrap();
            assert!(found.expected_maximum.is_finite() && before < found.expected_maximum, "{n}: {found:?}");
            assert!((0.0..=1.0).contains(&found.deflated));
            before = found.expected_maximum;
        }
        // scipy.stats.norm.isf(1e-20) and isf(1e-20 / e)
        let found = deflate(&trials, Some(1e20)).unwrap();
        let expected = (1.0 - GAMMA) * 9.262_340_089_798_408 + GAMMA * 9.368_492_428_151_729;
        assert!((found.expected_maximum / variance(&found.sharpe).sqrt() / expected - 1.0).abs() < 1e-12);
    }
}
