//! Portfolios of several assets: from weights to returns.

pub mod beta_neutral;
pub mod constraints;
pub mod hrp;
pub mod mean_variance;
pub mod min_cvar;
pub mod rebalance;
pub mod risk_parity;
pub mod scheduled;
pub mod screen;
pub mod select_uncorrelated;
pub mod sparse_tracking;
pub mod target_volatility;
pub mod terciles;
pub mod turnover;

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, Result};
use crate::panel::{Panel, Series, require_finite};

/// What happens to weights between periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Traded back to the given weights after every period.
    #[default]
    ConstantWeights,
    /// Bought once and left alone.
    BuyAndHold,
}

/// Returns of a portfolio with weights exactly as given.
///
/// Weights that sum to less than 1 leave the rest in cash at `cash_rate` per period; more than 1
/// borrows at it; weights are never rescaled. Under [`Policy::BuyAndHold`] a portfolio that has lost
/// everything returns 0 afterwards.
///
/// # Errors
/// [`Error::ShapeMismatch`] unless there is one weight per symbol, [`Error::NotFinite`].
///
/// ```
/// use qc_quant::{Index, Panel, portfolio::{Policy, returns}};
/// let r = Panel::new(vec!["A".into(), "B".into()], Index::Rows(2), vec![vec![0.1, 0.0], vec![0.0, 0.0]])?;
/// let half = returns(&r, &[0.5, 0.0], Policy::ConstantWeights, 0.01)?; // the other half earns one percent
/// assert!((half.values()[0] - 0.055).abs() < 1e-15);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn returns(simple: &Panel, weights: &[f64], policy: Policy, cash_rate: f64) -> Result<Series> {
    if weights.len() != simple.n_symbols() {
        let what = "weights, one per symbol".into();
        return Err(Error::ShapeMismatch { what, expected: simple.n_symbols(), found: weights.len() });
    }
    require_finite("weights", weights)?;
    require_finite("cash rate", &[cash_rate])?;
    let n_rows = simple.n_rows();
    let cash = 1.0 - weights.iter().sum::<f64>();
    let values = match policy {
        Policy::ConstantWeights => {
            let mut values = vec![cash * cash_rate; n_rows];
            for (column, weight) in simple.columns().zip(weights) {
                values.iter_mut().zip(column).for_each(|(sum, r)| *sum += weight * r);
            }
            values
        }
        Policy::BuyAndHold => {
            let mut held: Vec<f64> = weights.to_vec();
            let (mut in_cash, mut before) = (cash, 1.0);
            let mut values = Vec::with_capacity(n_rows);
            for row in 0..n_rows {
                if before <= 0.0 {
                    values.push(0.0);
                    continue;
                }
                in_cash *= 1.0 + cash_rate;
                held.iter_mut().zip(simple.columns()).for_each(|(value, column)| *value *= 1.0 + column[row]);
                let now = (in_cash + held.iter().sum::<f64>()).max(0.0);
                values.push(now / before - 1.0);
                before = now;
            }
            values
        }
    };
    Series::new("portfolio", simple.index().clone(), values)
}

/// Mean volatility of the holdings over the volatility of the portfolio, w'σ / sqrt(w'Sw): 1 for one asset, more the
/// less they move together. Long-only; with short positions it has no ceiling.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::Degenerate`] for a portfolio without variance.
///
/// # Source
/// Choueifaty and Coignard (2008), Journal of Portfolio Management 35(1), 40-51.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::diversification_ratio;
/// let independent = DMatrix::from_diagonal_element(4, 4, 0.04);
/// assert!((diversification_ratio(&independent, &[0.25; 4])? - 2.0).abs() < 1e-12); // root of four
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn diversification_ratio(covariance: &DMatrix<f64>, weights: &[f64]) -> Result<f64> {
    let (s, _) = mean_variance::scaled(covariance)?;
    if weights.len() != s.nrows() {
        let what = "weights, one per asset".into();
        return Err(Error::ShapeMismatch { what, expected: s.nrows(), found: weights.len() });
    }
    require_finite("weights", weights)?;
    let w = DVector::from_column_slice(weights);
    let variance = w.dot(&(&s * &w));
    if variance <= 1e-24 * w.norm_squared() {
        return Err(Error::degenerate("diversification ratio", "the portfolio has no variance"));
    }
    Ok(weights.iter().enumerate().map(|(i, w)| w * s[(i, i)].sqrt()).sum::<f64>() / variance.sqrt())
}

/// Standard deviation of a portfolio, sqrt(w'Sw), in the units of the covariance matrix.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::Degenerate`] for a matrix that is no covariance.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::volatility;
/// let s = DMatrix::from_row_slice(2, 2, &[0.04, 0.01, 0.01, 0.09]);
/// // 0.25 * 0.04 + 0.25 * 0.09 + 2 * 0.25 * 0.01
/// assert!((volatility(&s, &[0.5, 0.5])? - 0.0375f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn volatility(covariance: &DMatrix<f64>, weights: &[f64]) -> Result<f64> {
    if weights.len() != covariance.nrows() || covariance.nrows() != covariance.ncols() {
        let what = "weights, one per asset".into();
        return Err(Error::ShapeMismatch { what, expected: covariance.nrows(), found: weights.len() });
    }
    require_finite("weights", weights)?;
    require_finite("covariance matrix", covariance.as_slice())?;
    let w = DVector::from_column_slice(weights);
    let variance = w.dot(&(covariance * &w));
    if variance < -1e-12 * covariance.trace().abs() * w.norm_squared() {
        return Err(Error::degenerate("covariance matrix", format!("a portfolio has the variance {variance:.1e}")));
    }
    Ok(variance.max(0.0).sqrt())
}
