//! Phillips and Perron's test: a Dickey-Fuller regression without lags, corrected for autocorrelation afterwards.

use nalgebra::{DMatrix, DVector};

use super::dickey_fuller::orthonormal_trend;
use super::{CriticalValues, Trend, mackinnon};
use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::stats::hac::bartlett_variance;

/// Answer of [`test()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhillipsPerron {
    /// Z tau: the t ratio, corrected. Small values speak against a unit root.
    pub tau: f64,
    /// MacKinnon's (1994) p-value of "there is a unit root" for `tau`.
    pub tau_p_value: f64,
    /// Critical values of `tau`.
    pub tau_critical_values: CriticalValues,
    /// Z rho: T (ρ - 1), corrected.
    pub rho: f64,
    /// Its p-value.
    pub rho_p_value: f64,
    /// Critical values of `rho`.
    pub rho_critical_values: CriticalValues,
    /// Autocovariances in the long-run variance.
    pub lags: usize,
    /// Rows of the regression, T - 1.
    pub n_obs: usize,
    /// Deterministic terms.
    pub trend: Trend,
}

/// Tests whether a series has a unit root, allowing errors that are autocorrelated or change in variance.
///
/// # Shapes and units
/// `values`: T levels, oldest first. `trend`: none, a constant or a linear trend.
///
/// # Definition
/// y(t) = deterministic + ρ y(t-1) + u(t); t ratio and T (ρ - 1) corrected by the Bartlett long-run variance of
/// u with `lags` autocovariances (default ceil(12 (T/100)^(1/4))).
///
/// # When not to use it
/// Negatively autocorrelated changes (bid-ask bounce) make it reject far too often; the ADF test with
/// chosen lags does not suffer so much.
///
/// # Errors
/// [`Error::TooFewRows`], [`Error::OutOfRange`] for lags beyond the rows or a quadratic trend, [`Error::Constant`],
/// [`Error::NotFinite`], [`Error::Degenerate`] for a series without residual variance.
///
/// # Source
/// Phillips and Perron (1988), Biometrika 75(2), 335-346; MacKinnon (1994, 2010). Checked against arch:
/// family `phillips_perron`.
///
/// ```
/// use qc_quant::{testing::{noise, random_walk}, unit_root::{Trend, phillips_perron}};
/// assert!(phillips_perron::test(&noise(1, 300), Trend::Constant, None)?.tau_p_value < 1e-6);
/// assert!(0.1 < phillips_perron::test(&random_walk(1, 300), Trend::Constant, None)?.tau_p_value);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn test(values: &[f64], trend: Trend, lags: Option<usize>) -> Result<PhillipsPerron> {
    let rows = values.len();
    if trend == Trend::Quadratic {
        return Err(Error::out_of_range("trend terms of Phillips-Perron", 0.0, 2.0, trend.terms() as f64));
    }
    let needed = trend.terms() + 10;
    if rows < needed {
        return Err(Error::too_few_rows("Phillips-Perron", needed, rows));
    }
    require_finite("series", values)?;
    require_variation("series", values)?;
    let lags = lags.unwrap_or_else(|| (12.0 * (rows as f64 / 100.0).powf(0.25)).ceil() as usize);
    if rows - 1 <= lags {
        return Err(Error::out_of_range("lags of Phillips-Perron", 0.0, (rows - 2) as f64, lags as f64));
    }
    Error::limit_work("Phillips-Perron (rows times lags)", super::MOST_STEPS, &[rows, lags])?;
    let n = rows - 1;
    let (size, k) = (n as f64, trend.terms() + 1);
    // unit scale and a near origin keep the small regression well conditioned; no statistic depends on them
    let (origin, spread) = if trend == Trend::None { (0.0, deviation(values)) } else { (values[0], deviation(values)) };
    let y: Vec<f64> = values.iter().map(|v| (v - origin) / spread).collect();
    let mut basis = Vec::new();
    orthonormal_trend(n, trend.terms(), &mut basis);
    let design = DMatrix::from_fn(n, k, |row, col| if col == 0 { y[row] } else { basis[(col - 1) * n + row] });
    let response = DVector::from_fn(n, |row, _| y[row + 1] - y[row]);
    let degenerate = || Error::degenerate("Phillips-Perron", "the levels are nothing but their trend");
    let qr = design.clone().qr();
    let r = qr.r();
    if (0..k).any(|i| r[(i, i)].abs() < 1e-10 * r.amax()) {
        return Err(degenerate());
    }
    let b = r.solve_upper_triangular(&(qr.q().transpose() * &response)).ok_or_else(degenerate)?;
    let u = &response - &design * &b;
    let unit = DVector::from_fn(k, |i, _| f64::from(u8::from(i == 0)));
    let inverse = r.transpose().solve_lower_triangular(&unit).ok_or_else(degenerate)?.norm_squared();
    let s2 = u.norm_squared() / (size - k as f64);
    let gamma0 = u.norm_squared() / size;
    let long_run = bartlett_variance(u.as_slice(), lags);
    if !(1e-20 < s2 && 0.0 < long_run) {
        return Err(Error::degenerate("Phillips-Perron", "the regression leaves no residual variance"));
    }
    let (gamma, variance) = (b[0], inverse * s2); // gamma = ρ - 1
    let sigma = variance.sqrt();
    let excess = long_run - gamma0;
    let tau = (gamma0 / long_run).sqrt() * gamma / sigma - 0.5 * excess / long_run.sqrt() * (size * sigma / s2.sqrt());
    let rho = size * gamma - 0.5 * (size * size * variance / s2) * excess;
    Ok(PhillipsPerron {
        tau,
        tau_p_value: mackinnon::p_value_1994(tau, trend, 1)?,
        tau_critical_values: mackinnon::critical_values_2010(trend, n),
        rho,
        rho_p_value: mackinnon::z_p_value(rho, trend),
        rho_critical_values: mackinnon::z_critical_values(trend, n),
        lags,
        n_obs: n,
        trend,
    })
}

/// Root mean square about the first value, never zero for a series that varies.
fn deviation(values: &[f64]) -> f64 {
    let first = values[0];
    (values.iter().map(|v| (v - first) * (v - first)).sum::<f64>() / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random_walk;

    #[test]
    fn neither_unit_nor_origin_matters() {
        let y = random_walk(5, 250);
        let moved: Vec<f64> = y.iter().map(|v| 1e5 + 40.0 * v).collect();
        for trend in [Trend::Constant, Trend::Linear] {
            let (a, b) = (test(&y, trend, None).unwrap(), test(&moved, trend, None).unwrap());
            assert!((a.tau - b.tau).abs() < 1e-7 && (a.rho - b.rho).abs() < 1e-6, "{trend}");
        }
    }

    #[test]
    fn without_lags_tau_is_the_dickey_fuller_ratio() {
        let y = random_walk(6, 200);
        let own = test(&y, Trend::Constant, Some(0)).unwrap();
        let options =
            crate::unit_root::adf::AdfOptions { lags: crate::unit_root::LagRule::Fixed(0), ..Default::default() };
        let adf = crate::unit_root::adf::test(&y, &options).unwrap();
        assert!((own.tau - adf.statistic).abs() < 1e-9);
    }

    #[test]
    fn bad_input_is_refused() {
        let y = random_walk(6, 40);
        assert!(matches!(test(&y[..10], Trend::Constant, None), Err(Error::TooFewRows { needed: 11, found: 10, .. })));
        assert!(matches!(test(&y, Trend::Quadratic, None), Err(Error::OutOfRange { .. })));
        assert!(matches!(test(&y, Trend::Constant, Some(39)), Err(Error::OutOfRange { .. })));
        assert!(matches!(test(&[2.0; 40], Trend::Constant, None), Err(Error::Constant { .. })));
        let line: Vec<f64> = (0..40).map(f64::from).collect();
        assert!(matches!(test(&line, Trend::Linear, None), Err(Error::Degenerate { .. })));
        assert!(matches!(test(&[f64::NAN; 40], Trend::Constant, None), Err(Error::NotFinite { .. })));
    }
}
