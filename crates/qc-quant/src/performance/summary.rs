//! All point figures of one series of simple returns.

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_squarable};
use crate::returns::require_periods_per_year;
use crate::stats::moments::{excess_kurtosis, mean, quantile_sorted, skewness, std_dev, varies};

use super::benchmark::{BenchmarkStatistics, against};
use super::drawdown::{Drawdown, deepest, equity_curve, underwater};
use super::sharpe;
use super::tails::tail_mean;

/// The riskless rate that excess returns are measured from, per period.
#[derive(Debug, Clone, PartialEq)]
pub enum RiskFree {
    /// The same rate every period (an annual rate divided by periods per year, no compounding).
    Constant(f64),
    /// One rate for each return.
    Series(Vec<f64>),
}

impl Default for RiskFree {
    fn default() -> Self {
        Self::Constant(0.0)
    }
}

impl RiskFree {
    /// Whether it is zero throughout.
    pub fn is_zero(&self) -> bool {
        match self {
            Self::Constant(rate) => *rate == 0.0,
            Self::Series(rates) => rates.iter().all(|rate| *rate == 0.0),
        }
    }

    /// Returns less the rate.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when the series has another length, [`Error::NotFinite`].
    pub fn excess(&self, returns: &[f64]) -> Result<Vec<f64>> {
        match self {
            Self::Constant(rate) => {
                require_finite("risk-free rate", &[*rate])?;
                Ok(returns.iter().map(|r| r - rate).collect())
            }
            Self::Series(rates) => {
                if rates.len() != returns.len() {
                    let what = "rows of returns and risk-free rates".into();
                    return Err(Error::ShapeMismatch { what, expected: returns.len(), found: rates.len() });
                }
                require_finite("risk-free rate", rates)?;
                Ok(returns.iter().zip(rates).map(|(r, rate)| r - rate).collect())
            }
        }
    }
}

/// Options of [`summary`].
#[derive(Debug, Clone, PartialEq)]
pub struct PerformanceOptions {
    /// Observations per year: 252 for daily returns of US equities, 52 weekly, 12 monthly.
    pub periods_per_year: f64,
    /// Riskless rate per period.
    pub risk_free: RiskFree,
    /// Least acceptable return per period, for downside deviation, Sortino and omega.
    pub mar: f64,
    /// Confidence of value at risk, for example 0.95.
    pub confidence: f64,
}

impl Default for PerformanceOptions {
    /// Daily returns, no riskless rate, everything below zero counts as downside, 95 percent.
    fn default() -> Self {
        Self { periods_per_year: 252.0, risk_free: RiskFree::default(), mar: 0.0, confidence: 0.95 }
    }
}

/// Point figures of a series of returns. `None` is undefined; `warnings` say why.
#[derive(Debug, Clone, PartialEq)]
pub struct Performance {
    /// Number of returns.
    pub n_obs: usize,
    /// prod(1 + r) - 1.
    pub total_return: f64,
    /// Geometric annual return, (1 + total)^(periods per year / n) - 1; `None` when that is beyond any number.
    pub cagr: Option<f64>,
    /// Mean return times periods per year.
    pub mean_annual: f64,
    /// Sample standard deviation times the root of periods per year.
    pub volatility: f64,
    /// Annualised Sharpe ratio of excess returns.
    pub sharpe: Option<f64>,
    /// Annualised Sharpe ratio without a riskless rate, when one was given.
    pub sharpe_without_rate: Option<f64>,
    /// Standard error of `sharpe` for independent returns.
    pub sharpe_standard_error: Option<f64>,
    /// Standard error of `sharpe` that allows for autocorrelation; see [`super::robust`].
    pub sharpe_standard_error_robust: Option<f64>,
    /// Probability that the true Sharpe ratio is positive.
    pub sharpe_probability_positive: Option<f64>,
    /// Root of the mean over *all* returns of min(r - MAR, 0)², annualised.
    pub downside_deviation: f64,
    /// (mean - MAR) * periods per year over downside deviation.
    pub sortino: Option<f64>,
    /// Deepest fall of the equity curve that starts at 1.
    pub max_drawdown: Drawdown,
    /// CAGR over the size of the deepest fall.
    pub calmar: Option<f64>,
    /// Root of the mean squared fraction below the running peak, over the points after each return.
    pub ulcer_index: f64,
    /// Share of positive returns among those that are not zero.
    pub hit_rate: Option<f64>,
    /// Skewness, corrected for bias.
    pub skewness: Option<f64>,
    /// Excess kurtosis, corrected for bias.
    pub excess_kurtosis: Option<f64>,
    /// Loss per period exceeded with probability 1 - confidence, positive.
    pub value_at_risk: f64,
    /// Mean loss of the worst 1 - confidence of periods, positive.
    pub conditional_value_at_risk: f64,
    /// Largest return of one period.
    pub best: f64,
    /// Smallest return of one period.
    pub worst: f64,
    /// Sum of gains over sum of losses.
    pub profit_factor: Option<f64>,
    /// Sum of returns above MAR over sum of shortfalls below it.
    pub omega: Option<f64>,
    /// Against the benchmark, when one was given.
    pub benchmark: Option<BenchmarkStatistics>,
    /// Why figures are missing, and what else a reader must know.
    pub warnings: Vec<String>,
}

/// Computes the point figures of a series of simple returns, and against a benchmark.
///
/// # Shapes and units
/// `returns`: n simple returns per period, oldest first; the equity curve starts at 1 before the
/// first of them. `benchmark`: n returns of the same periods.
///
/// # Assumptions and when not to use it
/// Returns are those of one fully specified portfolio; see `portfolio` for weights. The plain standard
/// error supposes independent returns; under autocorrelation (smoothed or stale prices) read the robust one.
///
/// # Errors
/// [`Error::TooFewRows`] below two returns, [`Error::NotFinite`], [`Error::OutOfRange`] for
/// periods per year or confidence, [`Error::ShapeMismatch`], [`Error::Constant`] (benchmark),
/// [`Error::Degenerate`] for returns that cannot be squared or compounded.
///
/// # Source
/// Definitions in `docs/numerics.md`; checked against empyrical where it defines them alike:
/// families `performance` and `performance_edge`.
///
/// # Example: a loss on the first day is a drawdown
/// ```
/// use qc_quant::performance::{PerformanceOptions, summary};
/// let found = summary(&[-0.5, 0.01, 0.01, 0.004, 0.002], None, &PerformanceOptions::default())?;
/// assert_eq!(found.max_drawdown.depth, -0.5);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn summary(returns: &[f64], benchmark: Option<&[f64]>, options: &PerformanceOptions) -> Result<Performance> {
    let PerformanceOptions { periods_per_year: ppy, ref risk_free, mar, confidence } = *options;
    let n = returns.len();
    if n < 2 {
        return Err(Error::too_few_rows("performance", 2, n));
    }
    require_finite("returns", returns)?;
    require_squarable("returns", returns)?;
    require_periods_per_year(ppy)?;
    require_finite("mar", &[mar])?;
    if !(0.0 < confidence && confidence < 1.0) {
        return Err(Error::out_of_range("confidence", 0.0, 1.0, confidence));
    }
    let mut warnings = Vec::new();
    let curve = equity_curve(returns);
    if let Some(point) = curve.iter().position(|value| *value <= 0.0) {
        warnings.push(format!(
            "the value falls to zero after return {point} of {n}; later returns have nothing to work on"
        ));
    }
    let last = curve.last().copied().unwrap_or(1.0);
    if !last.is_finite() {
        return Err(Error::degenerate("performance", format!("the value exceeds every number within {n} returns")));
    }
    let max_drawdown = deepest(&curve)?;
    let below = underwater(&curve);
    let cagr = Some(last.powf(ppy / n as f64) - 1.0).filter(|rate| rate.is_finite());
    if cagr.is_none() {
        warnings.push(format!("cagr: {last:.3e} in {n} periods has no finite annual equivalent"));
    }
    let excess = risk_free.excess(returns)?;
    let ratio = sharpe::estimate(&excess);
    if ratio.is_none() {
        warnings.push("sharpe: returns do not vary".to_owned());
    }
    let plain = if risk_free.is_zero() { None } else { sharpe::estimate(returns) };
    let sum = |f: &dyn Fn(f64) -> f64| returns.iter().map(|r| f(*r)).sum::<f64>();
    let downside = (sum(&|r| (r - mar).min(0.0).powi(2)) / n as f64).sqrt() * ppy.sqrt();
    let sortino = (0.0 < downside).then(|| (mean(returns) - mar) * ppy / downside);
    if sortino.is_none() {
        warnings.push("sortino: no return lies below the least acceptable one".to_owned());
    }
    let losses = sum(&|r| (-r).max(0.0));
    let shortfall = sum(&|r| (mar - r).max(0.0));
    if losses == 0.0 {
        warnings.push("profit factor and calmar: no period lost".to_owned());
    }
    let moved = returns.iter().filter(|r| **r != 0.0).count();
    let mut sorted = returns.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let finite = |value: f64| Some(value).filter(|v| v.is_finite());
    Ok(Performance {
        n_obs: n,
        total_return: last - 1.0,
        cagr,
        mean_annual: mean(returns) * ppy,
        volatility: if varies(returns) { std_dev(returns) * ppy.sqrt() } else { 0.0 },
        sharpe: ratio.map(|found| found.per_period * ppy.sqrt()),
        sharpe_without_rate: plain.map(|found| found.per_period * ppy.sqrt()),
        sharpe_standard_error: ratio.map(|found| found.standard_error * ppy.sqrt()),
        sharpe_standard_error_robust: ratio
            .and_then(|_| super::robust::sharpe_standard_error(&excess, None))
            .map(|error| error * ppy.sqrt()),
        sharpe_probability_positive: ratio.map(|found| found.probability_positive),
        downside_deviation: downside,
        sortino: sortino.and_then(finite),
        calmar: cagr.filter(|_| max_drawdown.depth < 0.0).and_then(|rate| finite(rate / -max_drawdown.depth)),
        max_drawdown,
        ulcer_index: (below[1..].iter().map(|depth| depth * depth).sum::<f64>() / n as f64).sqrt(),
        hit_rate: (0 < moved).then(|| returns.iter().filter(|r| 0.0 < **r).count() as f64 / moved as f64),
        skewness: skewness(returns),
        excess_kurtosis: excess_kurtosis(returns),
        value_at_risk: -quantile_sorted(&sorted, 1.0 - confidence)?,
        conditional_value_at_risk: tail_mean(&sorted, confidence),
        best: sorted[n - 1],
        worst: sorted[0],
        profit_factor: (0.0 < losses).then(|| sum(&|r| r.max(0.0)) / losses).and_then(finite),
        omega: (0.0 < shortfall).then(|| sum(&|r| (r - mar).max(0.0)) / shortfall).and_then(finite),
        benchmark: benchmark.map(|other| against(returns, other, risk_free, ppy)).transpose()?,
        warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_ratios_are_none_and_explained() {
        let found = summary(&[0.001; 6], None, &PerformanceOptions::default()).unwrap();
        assert_eq!((found.sharpe, found.sortino, found.calmar, found.skewness), (None, None, None, None));
        assert_eq!((found.volatility, found.profit_factor), (0.0, None));
        assert!(found.warnings.iter().any(|warning| warning.starts_with("sharpe")));
    }

    #[test]
    fn ruin_is_final() {
        let found = summary(&[0.1, -1.0, 5.0], None, &PerformanceOptions::default()).unwrap();
        assert_eq!((found.total_return, found.cagr), (-1.0, Some(-1.0)));
        assert!(found.warnings[0].contains("after return 2 of 3"));
    }

    #[test]
    fn an_enormous_year_is_none_and_not_infinity() {
        let found = summary(&[9.0, 9.0], None, &PerformanceOptions { periods_per_year: 2000.0, ..Default::default() });
        assert_eq!(found.unwrap().cagr, None);
    }

    #[test]
    fn returns_that_are_no_returns_are_refused() {
        for size in [1e-170, 1e100, 1e200] {
            let returns = [1.0, 2.0, 1.0, 3.0].map(|r| size * r);
            let found = summary(&returns, None, &PerformanceOptions::default());
            assert!(matches!(found, Err(Error::Degenerate { .. })), "{found:?}");
            let found = against(&returns, &[0.01, -0.02, 0.03, 0.01], &RiskFree::default(), 252.0);
            assert!(matches!(found, Err(Error::Degenerate { .. })), "{found:?}");
        }
        let found = summary(&[9e60; 10], None, &PerformanceOptions::default());
        assert!(matches!(found, Err(Error::Degenerate { .. })), "{found:?}");
    }

    #[test]
    fn both_sharpe_ratios_are_there_when_rates_are() {
        let rates = RiskFree::Series(vec![0.001, 0.002, 0.001]);
        let options = PerformanceOptions { risk_free: rates, ..Default::default() };
        let found = summary(&[0.01, -0.01, 0.02], None, &options).unwrap();
        assert!(found.sharpe.unwrap() < found.sharpe_without_rate.unwrap());
    }
}
