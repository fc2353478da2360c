//! p-values and critical values of Dickey-Fuller and Engle-Granger statistics.
//!
//! They are response surfaces fitted to simulations: no closed form exists. The numbers, their
//! sources and licence notices stand in the private module `tables`.

mod tables;

use self::tables::*;
use super::{CriticalValues, Trend};
use crate::error::{Error, Result};
use crate::stats::distribution::normal_cdf;

/// Most regressors for which arch's Engle-Granger surfaces exist.
pub const MOST_REGRESSORS: usize = 11;

/// p-value of a Dickey-Fuller t statistic with `n_series` stochastic trends under the null, after MacKinnon (1994).
///
/// `n_series` is 1 for a test of one series, and one more than the number of regressors for
/// Engle-Granger residuals; tabulated up to 6. Asymptotic.
///
/// # Errors
/// [`Error::OutOfRange`] for `n_series` outside 1..=6.
///
/// ```
/// use qc_quant::unit_root::{Trend, mackinnon};
/// // MacKinnon (2010), table 2: -2.86154 is the asymptotic 5 percent point with a constant.
/// let p = mackinnon::p_value_1994(-2.86154, Trend::Constant, 1)?;
/// assert!((p - 0.05).abs() < 5e-4);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn p_value_1994(statistic: f64, trend: Trend, n_series: usize) -> Result<f64> {
    if !(1..=6).contains(&n_series) {
        return Err(Error::out_of_range("series in MacKinnon's 1994 table", 1.0, 6.0, n_series as f64));
    }
    let (t, n) = (trend as usize, n_series - 1);
    Ok(surface(
        statistic,
        [TAU_MIN_1994[t][n], TAU_STAR_1994[t][n], TAU_MAX_1994[t][n]],
        &SMALL_P_1994[t][n],
        &LARGE_P_1994[t][n],
    ))
}

/// Critical values of the Dickey-Fuller t statistic of one series, after MacKinnon (2010).
///
/// `n_obs` is the number of rows in the regression.
pub fn critical_values_2010(trend: Trend, n_obs: usize) -> CriticalValues {
    let at = |level: usize| polynomial(&CRITICAL_2010[trend as usize][level], 1.0 / n_obs as f64);
    CriticalValues { one_percent: at(0), five_percent: at(1), ten_percent: at(2) }
}

/// p-value of the Engle-Granger statistic with `n_regressors` on the right, from arch's response surfaces.
///
/// # Errors
/// [`Error::OutOfRange`] for `n_regressors` outside 1..=11.
pub fn engle_granger_p_value(statistic: f64, trend: Trend, n_regressors: usize) -> Result<f64> {
    check_regressors(n_regressors)?;
    let (t, n) = (trend as usize, n_regressors - 1);
    Ok(surface(
        statistic,
        [EG_TAU_MIN[t][n], EG_TAU_STAR[t][n], EG_TAU_MAX[t][n]],
        &EG_SMALL_P[t][n],
        &EG_LARGE_P[t][n],
    ))
}

/// Critical values of the Engle-Granger statistic with `n_regressors` on the right; `n_obs` = T - lags - 1.
///
/// # Errors
/// [`Error::OutOfRange`] for `n_regressors` outside 1..=11.
pub fn engle_granger_critical_values(trend: Trend, n_regressors: usize, n_obs: usize) -> Result<CriticalValues> {
    check_regressors(n_regressors)?;
    let at = |level: usize| polynomial(&EG_CRITICAL[trend as usize][level][n_regressors - 1], 1.0 / n_obs as f64);
    Ok(CriticalValues { one_percent: at(0), five_percent: at(1), ten_percent: at(2) })
}

/// p-value of the normalised bias statistic (Phillips-Perron's Z alpha) of one series.
pub fn z_p_value(statistic: f64, trend: Trend) -> f64 {
    let t = trend as usize;
    if Z_MAX[t] < statistic {
        return 1.0;
    }
    if statistic < Z_MIN[t] {
        return 0.0;
    }
    if statistic <= Z_STAR[t] {
        return normal_cdf(polynomial(&Z_SMALL_P[t], statistic.abs().ln()));
    }
    normal_cdf(polynomial(&Z_LARGE_P[t], statistic))
}

/// Critical values of the normalised bias statistic of one series.
pub fn z_critical_values(trend: Trend, n_obs: usize) -> CriticalValues {
    let at = |level: usize| polynomial(&Z_CRITICAL[trend as usize][level], 1.0 / n_obs as f64);
    CriticalValues { one_percent: at(0), five_percent: at(1), ten_percent: at(2) }
}

fn check_regressors(n_regressors: usize) -> Result<()> {
    if (1..=MOST_REGRESSORS).contains(&n_regressors) {
        return Ok(());
    }
    Err(Error::out_of_range("number of regressors", 1.0, MOST_REGRESSORS as f64, n_regressors as f64))
}

/// The normal quantile of the p-value is a polynomial in the statistic, one for the left tail and one for the rest.
fn surface(statistic: f64, [min, star, max]: [f64; 3], small: &[f64], large: &[f64]) -> f64 {
    if max < statistic {
        1.0
    } else if statistic < min {
        0.0
    } else if statistic <= star {
        normal_cdf(polynomial(small, statistic))
    } else {
        normal_cdf(polynomial(large, statistic))
    }
}

/// Value at `x` of the polynomial with these coefficients, constant first.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |value, coefficient| value * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surfaces_answer_at_their_own_critical_values() {
        // Two fits of the same simulations: they agree to .0033 of the level for all 44 tables.
        for trend in [Trend::None, Trend::Constant, Trend::Linear, Trend::Quadratic] {
            for n in 1..=MOST_REGRESSORS {
                let critical = engle_granger_critical_values(trend, n, 1_000_000).unwrap();
                let p = engle_granger_p_value(critical.five_percent, trend, n).unwrap();
                assert!((p - 0.05).abs() < 0.0035, "{trend} {n}: {p}");
            }
        }
    }

    #[test]
    fn z_surface_agrees_with_its_critical_values() {
        for trend in [Trend::None, Trend::Constant, Trend::Linear, Trend::Quadratic] {
            let critical = z_critical_values(trend, 1_000_000);
            assert!((z_p_value(critical.five_percent, trend) - 0.05).abs() < 0.003, "{trend}");
        }
    }

    #[test]
    fn tables_end_where_they_end() {
        assert!(p_value_1994(-3.0, Trend::Constant, 7).is_err());
        assert!(engle_granger_p_value(-3.0, Trend::Constant, 12).is_err());
        assert_eq!(engle_granger_p_value(-100.0, Trend::Constant, 1), Ok(0.0));
        assert_eq!(engle_granger_p_value(100.0, Trend::Constant, 1), Ok(1.0));
    }
}
