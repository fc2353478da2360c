//! The augmented Dickey-Fuller test of one series.

use super::dickey_fuller::{self, Workspace};
use super::{CriticalValues, LagRule, Trend, mackinnon, resolve_max_lags};
use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};

/// Options of [`test()`]. The default is a constant and the lag of least AIC, as in arch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AdfOptions {
    /// Deterministic terms inside the test regression.
    pub trend: Trend,
    /// How lagged differences are counted.
    pub lags: LagRule,
    /// Largest lag a rule may choose; `None` takes [`super::default_max_lags`].
    pub max_lags: Option<usize>,
}

/// Answer of [`test()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adf {
    /// t ratio of γ; small (very negative) values speak against a unit root.
    pub statistic: f64,
    /// MacKinnon's (1994) asymptotic p-value of "there is a unit root".
    pub p_value: f64,
    /// MacKinnon's (2010) critical values for this number of observations.
    pub critical_values: CriticalValues,
    /// γ: how much of the level is given back in one period (0 for a unit root).
    pub gamma: f64,
    /// Lagged differences used.
    pub lags: usize,
    /// Largest lag that was searched (equal to `lags` when fixed).
    pub max_lags: usize,
    /// Rows in the final regression, T - lags - 1.
    pub n_obs: usize,
    /// Deterministic terms used.
    pub trend: Trend,
}

/// Tests whether a series has a unit root (is a random walk, perhaps with drift).
///
/// A small p-value says that the series returns to its mean (or trend). A large one says only that
/// the sample does not show it; see KPSS for the opposite null. Not for residuals of an estimated
/// relation: their p-values come from [`crate::cointegration::engle_granger`].
///
/// # Shapes and units
/// `values`: T levels (log prices, a spread with *given* weights), oldest first.
///
/// # Definition
/// Statistic: t ratio of γ in Δy(t) = deterministic + γ y(t-1) + Σ φ(i) Δy(t-i) + e(t), variance
/// RSS / (n - k). Lags compared on the common sample T - 1 - max_lags, then re-fitted on all rows.
///
/// # Errors
/// [`Error::TooFewRows`] when the lags leave no degree of freedom, [`Error::OutOfRange`] for a
/// `max_lags` beyond [`super::lag_limit`], [`Error::Constant`], [`Error::NotFinite`],
/// [`Error::Degenerate`] for a series that is nothing but its trend or that its lags fit exactly.
///
/// # Source
/// Said and Dickey (1984), Biometrika 71(3), 599-607; MacKinnon (1994, 2010). Checked against arch 8.0
/// and statsmodels: family `adf` of `tests/golden/quant`.
///
/// # Example: adding a constant or changing the unit changes nothing
/// ```
/// use qc_quant::{testing, unit_root::adf};
/// let y = testing::random_walk(1, 300);
/// let moved: Vec<f64> = y.iter().map(|v| 100.0 + 3.0 * v).collect();
/// let (a, b) = (adf::test(&y, &Default::default())?, adf::test(&moved, &Default::default())?);
/// assert!((a.statistic - b.statistic).abs() < 1e-8 && a.lags == b.lags);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn test(values: &[f64], options: &AdfOptions) -> Result<Adf> {
    let AdfOptions { trend, lags: rule, max_lags } = *options;
    require_finite("series", values)?;
    let max_lags = resolve_max_lags("the ADF test", values.len(), trend, rule, max_lags, 0)?;
    require_variation("series", values)?;
    let mut level = values.to_vec();
    let mut workspace = Workspace::default();
    if trend != Trend::None {
        let first = level[0];
        level.iter_mut().for_each(|value| *value -= first);
        let before = level.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        dickey_fuller::detrend(&mut level, trend, &mut Vec::new());
        let after = level.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        if after <= 1e-10 * before {
            let reason = format!("nothing but its trend: largest deviation {after:.1e} of a range of {before:.1e}");
            return Err(Error::degenerate("series", reason));
        }
    }
    let fit = dickey_fuller::regress(&level, trend, rule, max_lags, &mut workspace)?;
    Ok(Adf {
        statistic: fit.statistic,
        p_value: mackinnon::p_value_1994(fit.statistic, trend, 1)?,
        critical_values: mackinnon::critical_values_2010(trend, fit.n_obs),
        gamma: fit.gamma,
        lags: fit.lags,
        max_lags,
        n_obs: fit.n_obs,
        trend,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_walk;

    #[test]
    fn refuses_when_lags_leave_no_degree_of_freedom() {
        let options = AdfOptions { lags: LagRule::Fixed(5), ..Default::default() };
        let error = test(&random_walk(1, 13), &options).unwrap_err();
        assert!(matches!(error, Error::TooFewRows { needed: 14, found: 13, .. }), "{error}");
        assert!(test(&random_walk(1, 14), &options).is_ok());
    }

    #[test]
    fn refuses_constant_trending_and_missing_input() {
        assert!(matches!(test(&[2.5; 50], &AdfOptions::default()), Err(Error::Constant { .. })));
        let line: Vec<f64> = (0..50).map(f64::from).collect();
        let options = AdfOptions { trend: Trend::Linear, ..Default::default() };
        assert!(matches!(test(&line, &options), Err(Error::Degenerate { .. })));
        let mut holed = random_walk(1, 50);
        holed[7] = f64::NAN;
        assert!(matches!(test(&holed, &AdfOptions::default()), Err(Error::NotFinite { row: 7, .. })));
    }

    #[test]
    fn refuses_more_lags_than_rows_allow() {
        let options = AdfOptions { max_lags: Some(30), ..Default::default() };
        assert!(matches!(test(&random_walk(1, 50), &options), Err(Error::OutOfRange { .. })));
    }
}
