//! Standard errors of the Sharpe ratio and of alpha that allow for autocorrelation and changing variance.

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::stats::distribution::student_two_sided;
use crate::stats::hac::{automatic_lags, bartlett_variance};
use crate::stats::moments::{central, covariance, mean, std_dev, variance, varies};

/// Standard error of the Sharpe ratio per period, robust to autocorrelation; `None` below two rows or without variation.
///
/// # Definition
/// SR = μ/σ is a function of two means, of r and of (r - μ)². By the delta method its error is the mean of
/// ψ(t) = (r - μ)/σ - SR/2 ((r - μ)²/σ² - 1); the long-run variance of ψ has Bartlett weights and
/// floor(4 (T/100)^(2/9)) lags unless `lags` are given.
///
/// # Source
/// Lo (2002), Financial Analysts Journal 58(4), 36-52, with the estimator of Newey and West (1987).
/// Family `sharpe_hac`.
///
/// ```
/// # use qc_quant::{performance::{robust, sharpe}, testing::noise};
/// let e = noise(1, 2000);
/// let smoothed: Vec<f64> = (1..2000).map(|t| 0.1 + e[t] + 0.9 * e[t - 1]).collect(); // stale prices
/// let plain = sharpe::estimate(&smoothed).unwrap().standard_error;
/// assert!(1.2 * plain < robust::sharpe_standard_error(&smoothed, None).unwrap());
/// ```
pub fn sharpe_standard_error(excess: &[f64], lags: Option<usize>) -> Option<f64> {
    let n = excess.len();
    if n < 2 || !varies(excess) {
        return None;
    }
    let lags = lags.unwrap_or_else(|| automatic_lags(n));
    let (average, ratio) = (mean(excess), mean(excess) / std_dev(excess));
    let population = central(excess)[0];
    let influence = |r: &f64| {
        let d = r - average;
        d / population.sqrt() - 0.5 * ratio * (d * d / population - 1.0)
    };
    let psi: Vec<f64> = excess.iter().map(influence).collect();
    let error = (bartlett_variance(&psi, lags).max(0.0) / n as f64).sqrt();
    error.is_finite().then_some(error)
}

/// Jensen's alpha per period with its Newey-West error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alpha {
    /// Intercept of the regression of excess returns on the benchmark's, per period.
    pub alpha: f64,
    /// Slope.
    pub beta: f64,
    /// Newey-West standard error of the intercept, times n/(n - 2) in variance.
    pub standard_error: f64,
    /// Intercept over standard error.
    pub t: f64,
    /// Two-sided p-value, Student with n - 2 degrees of freedom.
    pub p_value: f64,
    /// Newey-West standard error of the slope.
    pub beta_standard_error: f64,
    /// Autocovariances counted.
    pub lags: usize,
}

/// Estimates alpha and beta of excess returns against excess benchmark returns, with errors robust to
/// autocorrelation and changing variance.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::TooFewRows`] below four, [`Error::Constant`] for the benchmark,
/// [`Error::NotFinite`], [`Error::OutOfRange`] for lags beyond the rows, [`Error::Degenerate`] when the
/// benchmark explains the returns exactly.
///
/// # Source
/// Newey and West (1987), Econometrica 55(3), 703-708; equals [`crate::stats::ols`] on one factor.
pub fn alpha(excess: &[f64], benchmark: &[f64], lags: Option<usize>) -> Result<Alpha> {
    let n = excess.len();
    if benchmark.len() != n {
        let what = "rows of returns and benchmark".into();
        return Err(Error::ShapeMismatch { what, expected: n, found: benchmark.len() });
    }
    if n < 4 {
        return Err(Error::too_few_rows("alpha with a robust error", 4, n));
    }
    require_finite("returns", excess)?;
    require_finite("benchmark", benchmark)?;
    require_variation("benchmark", benchmark)?;
    let lags = lags.unwrap_or_else(|| automatic_lags(n));
    if n <= lags {
        return Err(Error::out_of_range("lags of the standard error", 0.0, (n - 1) as f64, lags as f64));
    }
    Error::limit_work("alpha's robust error (rows times lags)", crate::unit_root::MOST_STEPS, &[n, lags])?;
    let size = n as f64;
    let beta = covariance(excess, benchmark) / variance(benchmark);
    let (own, other) = (mean(excess), mean(benchmark));
    let intercept = own - beta * other;
    let spread = variance(benchmark) * (size - 1.0);
    // both estimates are sums over rows of a weight times the residual
    let residual = |t: usize| excess[t] - intercept - beta * benchmark[t];
    let slope_weight = |t: usize| (benchmark[t] - other) / spread;
    let error = |weight: &dyn Fn(usize) -> f64| {
        let scores: Vec<f64> = (0..n).map(|t| weight(t) * residual(t)).collect();
        (bartlett_variance(&scores, lags).max(0.0) * size * size / (size - 2.0)).sqrt()
    };
    let standard_error = error(&|t| 1.0 / size - other * slope_weight(t));
    let beta_standard_error = error(&slope_weight);
    let floor = 1e-14 * std_dev(excess).max(f64::MIN_POSITIVE);
    if !(floor < standard_error && standard_error.is_finite()) {
        return Err(Error::degenerate("alpha with a robust error", "the benchmark explains the returns exactly"));
    }
    let t = intercept / standard_error;
    Ok(Alpha {
        alpha: intercept,
        beta,
        standard_error,
        t,
        p_value: student_two_sided(t, size - 2.0),
        beta_standard_error,
        lags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::{Index, Panel, Series};
    use crate::stats::ols::{self, Errors};
    use crate::testing::noise;

    #[test]
    fn alpha_equals_the_general_regression() {
        let (f, e) = (noise(1, 300), noise(2, 300));
        let y: Vec<f64> = f.iter().zip(&e).map(|(f, e)| 0.1 + 0.8 * f + e).collect();
        let own = alpha(&y, &f, Some(6)).unwrap();
        let factor = Panel::new(vec!["F".into()], Index::Rows(300), vec![f]).unwrap();
        let fit = ols::fit(&Series::new("y", Index::Rows(300), y).unwrap(), &factor).unwrap();
        let other = fit.inference(Errors::HacLags { lags: 6, corrected: true }).unwrap();
        assert!((own.standard_error / other.standard_errors[0] - 1.0).abs() < 1e-10);
        assert!((own.beta_standard_error / other.standard_errors[1] - 1.0).abs() < 1e-10);
        assert!((own.p_value - other.p_values[0]).abs() < 1e-10);
    }

    #[test]
    fn without_autocorrelation_the_sharpe_errors_agree() {
        let r: Vec<f64> = noise(3, 4000).iter().map(|e| 0.05 + e).collect();
        let plain = crate::performance::sharpe::estimate(&r).unwrap().standard_error;
        let robust = sharpe_standard_error(&r, None).unwrap();
        assert!((robust / plain - 1.0).abs() < 0.1, "{robust} {plain}");
        // and without lags they are the same formula, up to n - 1 for n
        let none = sharpe_standard_error(&r, Some(0)).unwrap();
        assert!((none / plain - 1.0).abs() < 1e-3, "{none} {plain}");
    }

    #[test]
    fn undefined_errors_are_none_or_refused() {
        assert_eq!(sharpe_standard_error(&[0.01; 30], None), None);
        assert_eq!(sharpe_standard_error(&[0.01], None), None);
        let f = noise(1, 30);
        assert!(matches!(alpha(&f, &f, None), Err(Error::Degenerate { .. })));
        assert!(matches!(alpha(&f, &[1.0; 30], None), Err(Error::Constant { .. })));
        assert!(matches!(alpha(&f, &f[..20], None), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(alpha(&f, &noise(2, 30), Some(30)), Err(Error::OutOfRange { .. })));
    }
}
