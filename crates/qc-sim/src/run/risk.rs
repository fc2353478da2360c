//! The bridge to `qc_quant::performance`: what the two curves say about return and risk.

use qc_quant::performance::{PerformanceOptions, summary};

/// Figures of daily returns; 0 where a figure does not exist (a flat curve has no Sharpe ratio), as LEAN reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Risk {
    /// Largest fall from a peak, as a positive fraction.
    pub(super) drawdown: f64,
    pub(super) sharpe: f64,
    pub(super) probabilistic_sharpe: f64,
    pub(super) sortino: f64,
    /// Per year.
    pub(super) alpha: f64,
    pub(super) beta: f64,
    /// Standard deviation per year.
    pub(super) deviation: f64,
    pub(super) information_ratio: f64,
    pub(super) tracking_error: f64,
    pub(super) treynor: f64,
    /// Daily loss exceeded on one day in a hundred, negative.
    pub(super) value_at_risk_99: f64,
    pub(super) value_at_risk_95: f64,
}

/// Computes the figures; both series hold one simple return per day.
pub(super) fn of(returns: &[f64], benchmark: &[f64]) -> Risk {
    let options = |confidence| PerformanceOptions { confidence, ..PerformanceOptions::default() };
    // A day or two, or a benchmark that stands still: nothing to say.
    let Ok(found) =
        summary(returns, Some(benchmark), &options(0.95)).or_else(|_| summary(returns, None, &options(0.95)))
    else {
        return Risk::default();
    };
    let far = summary(returns, None, &options(0.99)).map_or(0.0, |found| found.value_at_risk);
    let against = found.benchmark;
    let beta = against.map_or(0.0, |b| b.beta);
    Risk {
        drawdown: -found.max_drawdown.depth,
        sharpe: found.sharpe.unwrap_or(0.0),
        probabilistic_sharpe: found.sharpe_probability_positive.unwrap_or(0.0),
        sortino: found.sortino.unwrap_or(0.0),
        alpha: against.map_or(0.0, |b| b.alpha_annual),
        beta,
        deviation: found.volatility,
        information_ratio: against.and_then(|b| b.information_ratio).unwrap_or(0.0),
        tracking_error: against.map_or(0.0, |b| b.tracking_error),
        treynor: if beta == 0.0 { 0.0 } else { found.mean_annual / beta },
        value_at_risk_99: -far,
        value_at_risk_95: -found.value_at_risk,
    }
}
