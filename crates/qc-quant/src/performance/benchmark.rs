//! A strategy against a benchmark: beta, alpha, tracking error and capture.

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_squarable, require_variation};
use crate::returns::require_periods_per_year;
use crate::stats::moments::{covariance, mean, std_dev, variance, varies};

use super::summary::RiskFree;

/// Figures of a strategy against a benchmark; annual ones are multiplied by periods per year (or its root).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BenchmarkStatistics {
    /// Rows both have.
    pub n_obs: usize,
    /// Sample covariance over the benchmark's sample variance, both of returns less the risk-free rate.
    pub beta: f64,
    /// Jensen's alpha per year, arithmetic: (mean excess - beta * mean excess of the benchmark) * periods per year.
    pub alpha_annual: f64,
    /// Newey-West standard error of the annual alpha; `None` below four rows or for an exact fit.
    pub alpha_standard_error: Option<f64>,
    /// Alpha over that error.
    pub alpha_t: Option<f64>,
    /// Two-sided p-value of no alpha, robust to autocorrelation and changing variance.
    pub alpha_p_value: Option<f64>,
    /// Sample correlation; `None` when the strategy does not vary.
    pub correlation: Option<f64>,
    /// Annualised sample standard deviation of the difference of returns.
    pub tracking_error: f64,
    /// Annualised mean difference over tracking error; `None` when the difference does not vary.
    pub information_ratio: Option<f64>,
    /// Mean return over the benchmark's mean, in periods in which the benchmark rose; `None` without such periods.
    pub up_capture: Option<f64>,
    /// The same in periods in which it fell.
    pub down_capture: Option<f64>,
}

/// Compares simple returns with those of a benchmark over the same periods.
///
/// # Errors
/// [`Error::Degenerate`] for returns that cannot be squared, [`Error::ShapeMismatch`], [`Error::TooFewRows`] below two,
/// [`Error::Constant`] for a benchmark
/// that does not vary (itself or less the risk-free rate), [`Error::NotFinite`], [`Error::OutOfRange`] for periods per year.
///
/// # Source
/// Jensen (1968), Journal of Finance 23(2), 389-416; checked against empyrical: family `performance`.
///
/// ```
/// use qc_quant::performance::{RiskFree, against};
/// let market = [0.01, -0.02, 0.015, 0.0];
/// let doubled: Vec<f64> = market.iter().map(|r| 2.0 * r).collect();
/// let found = against(&doubled, &market, &RiskFree::default(), 252.0)?;
/// assert!((found.beta - 2.0).abs() < 1e-12 && found.alpha_annual.abs() < 1e-12);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn against(
    returns: &[f64],
    benchmark: &[f64],
    risk_free: &RiskFree,
    periods_per_year: f64,
) -> Result<BenchmarkStatistics> {
    if returns.len() != benchmark.len() {
        let what = "rows of returns and benchmark".into();
        return Err(Error::ShapeMismatch { what, expected: returns.len(), found: benchmark.len() });
    }
    if returns.len() < 2 {
        return Err(Error::too_few_rows("benchmark statistics", 2, returns.len()));
    }
    require_finite("returns", returns)?;
    require_finite("benchmark", benchmark)?;
    require_squarable("returns", returns)?;
    require_periods_per_year(periods_per_year)?;
    require_variation("benchmark", benchmark)?;
    let excess = risk_free.excess(returns)?;
    let excess_benchmark = risk_free.excess(benchmark)?;
    require_variation("benchmark less the risk-free rate", &excess_benchmark)?;
    // of excess returns, as the intercept and its error are: a rate that varies moves both sides
    let beta = covariance(&excess, &excess_benchmark) / variance(&excess_benchmark);
    let robust = super::robust::alpha(&excess, &excess_benchmark, None).ok();
    let active: Vec<f64> = returns.iter().zip(benchmark).map(|(r, b)| r - b).collect();
    let active_varies = varies(&active) && 0.0 < variance(&active);
    let deviation = if active_varies { std_dev(&active) } else { 0.0 };
    Ok(BenchmarkStatistics {
        n_obs: returns.len(),
        beta,
        alpha_annual: (mean(&excess) - beta * mean(&excess_benchmark)) * periods_per_year,
        alpha_standard_error: robust.map(|found| found.standard_error * periods_per_year),
        alpha_t: robust.map(|found| found.t),
        alpha_p_value: robust.map(|found| found.p_value),
        correlation: varies(returns)
            .then(|| (covariance(returns, benchmark) / (std_dev(returns) * std_dev(benchmark))).clamp(-1.0, 1.0)),
        tracking_error: deviation * periods_per_year.sqrt(),
        information_ratio: active_varies.then(|| mean(&active) / deviation * periods_per_year.sqrt()),
        up_capture: capture(returns, benchmark, |b| 0.0 < b),
        down_capture: capture(returns, benchmark, |b| b < 0.0),
    })
}

fn capture(returns: &[f64], benchmark: &[f64], counts: impl Fn(f64) -> bool) -> Option<f64> {
    let chosen = returns.iter().zip(benchmark).filter(|(_, b)| counts(**b));
    let (own, other, n) = chosen.fold((0.0, 0.0, 0), |(own, other, n), (r, b)| (own + r, other + b, n + 1));
    (0 < n).then(|| own / other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn alpha_and_its_error_come_from_one_regression_when_the_rate_varies() {
        let (f, e, steps) = (noise(1, 300), noise(2, 300), noise(3, 300));
        let market: Vec<f64> = f.iter().map(|f| 0.01 * f).collect();
        let own: Vec<f64> = market.iter().zip(&e).map(|(m, e)| 0.001 + 0.8 * m + 0.005 * e).collect();
        let rate = RiskFree::Series(steps.iter().map(|s| 0.002 + 0.004 * s).collect());
        let found = against(&own, &market, &rate, 252.0).unwrap();
        let (a, b) = (rate.excess(&own).unwrap(), rate.excess(&market).unwrap());
        let regression = crate::performance::robust::alpha(&a, &b, None).unwrap();
        assert!((found.beta - regression.beta).abs() < 1e-12);
        assert!((found.alpha_annual / 252.0 - regression.alpha).abs() < 1e-12);
        let t = found.alpha_annual / found.alpha_standard_error.unwrap();
        assert!((t - found.alpha_t.unwrap()).abs() < 1e-9, "{t} {:?}", found.alpha_t);
    }

    #[test]
    fn a_benchmark_that_is_the_rate_is_refused() {
        let market = noise(1, 30);
        let found = against(&noise(2, 30), &market, &RiskFree::Series(market.clone()), 252.0);
        assert!(matches!(found, Err(Error::Constant { .. })));
    }

    #[test]
    fn a_strategy_equal_to_its_benchmark_has_no_information_ratio() {
        let r = [0.01, -0.02, 0.03];
        let found = against(&r, &r, &RiskFree::default(), 252.0).unwrap();
        assert_eq!((found.tracking_error, found.information_ratio), (0.0, None));
        assert_eq!((found.up_capture, found.down_capture), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn refuses_a_flat_benchmark_and_other_lengths() {
        assert!(matches!(against(&[0.1, 0.2], &[0.0, 0.0], &RiskFree::default(), 252.0), Err(Error::Constant { .. })));
        assert!(matches!(
            against(&[0.1, 0.2], &[0.0], &RiskFree::default(), 252.0),
            Err(Error::ShapeMismatch { expected: 2, found: 1, .. })
        ));
    }
}
