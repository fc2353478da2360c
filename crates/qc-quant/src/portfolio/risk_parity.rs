//! Weights whose shares of the risk are given in advance.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::mean_variance::scaled;
use crate::error::{Error, Result};

/// Long-only weights that sum to 1 and contribute to the variance in proportion to `budgets`.
///
/// Equal budgets are "risk parity". Each budget is above zero; they are rescaled to sum to 1.
///
/// # Definition
/// Newton on the strictly convex ½ x'Sx - Σ b(i) ln x(i); w = x / Σ x; contribution w(i)(Sw)(i) / w'Sw = b(i).
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::OutOfRange`] for a budget that is not positive,
/// [`Error::Degenerate`] for a covariance that is not positive definite on the way,
/// [`Error::NotConverged`].
///
/// # Source
/// Spinu (2013); Maillard, Roncalli and Teïletche (2010). Checked against skfolio: family `risk_parity`.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::risk_parity::weights;
/// let c = DMatrix::from_row_slice(2, 2, &[0.01, 0.005, 0.005, 0.04]);
/// let w = weights(&c, &[0.5, 0.5])?;
/// assert!((w[0] / w[1] - 2.0).abs() < 1e-12); // two assets: inverse to volatility
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn weights(covariance: &DMatrix<f64>, budgets: &[f64]) -> Result<Vec<f64>> {
    let (s, _) = scaled(covariance)?;
    let n = s.nrows();
    if budgets.len() != n {
        return Err(Error::ShapeMismatch { what: "risk budgets".into(), expected: n, found: budgets.len() });
    }
    if let Some(bad) = budgets.iter().find(|b| !(0.0 < **b && b.is_finite())) {
        return Err(Error::out_of_range("risk budget", f64::MIN_POSITIVE, f64::MAX, *bad));
    }
    let sum: f64 = budgets.iter().sum();
    let b = DVector::from_fn(n, |i, _| budgets[i] / sum);
    let value =
        |x: &DVector<f64>| 0.5 * x.dot(&(&s * x)) - b.iter().zip(x.iter()).map(|(b, x)| b * x.ln()).sum::<f64>();
    let mut x = DVector::from_fn(n, |i, _| (b[i] / s[(i, i)]).sqrt());
    let mut residual = f64::MAX;
    let most = 200;
    for _ in 0..most {
        let sx = &s * &x;
        let now = sx.component_mul(&x).iter().zip(b.iter()).map(|(c, b)| (c / b - 1.0).abs()).fold(0.0, f64::max);
        if now <= 1e-14 || (now < 1e-11 && residual <= now) {
            return Ok((&x / x.sum()).iter().copied().collect());
        }
        residual = now;
        let gradient = DVector::from_fn(n, |i, _| sx[i] - b[i] / x[i]);
        let mut hessian = s.clone();
        for i in 0..n {
            hessian[(i, i)] += b[i] / (x[i] * x[i]);
        }
        let factor = Cholesky::new(hessian).ok_or_else(|| {
            let condition = crate::covariance::reciprocal_condition(&s);
            let reason = format!("not positive semidefinite (smallest over largest eigenvalue {condition:.1e})");
            Error::degenerate("covariance matrix of risk parity", reason)
        })?;
        let step = -factor.solve(&gradient);
        let slope = gradient.dot(&step);
        let (mut length, start) = (1.0, value(&x));
        loop {
            let next = &x + &step * length;
            if next.iter().all(|v| 0.0 < *v) && value(&next) <= start + 1e-4 * length * slope + 1e-15 * start.abs() {
                x = next;
                break;
            }
            length *= 0.5;
            if length < 1e-12 {
                return Err(Error::NotConverged {
                    what: "risk parity".into(),
                    steps: most,
                    residual,
                    tolerance: 1e-14,
                });
            }
        }
    }
    Err(Error::NotConverged { what: "risk parity".into(), steps: most, residual, tolerance: 1e-14 })
}

/// Share of each asset in the variance of a portfolio; they sum to 1.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::Degenerate`] when the portfolio has no variance.
pub fn contributions(covariance: &DMatrix<f64>, weights: &[f64]) -> Result<Vec<f64>> {
    if weights.len() != covariance.nrows() || covariance.nrows() != covariance.ncols() {
        return Err(Error::ShapeMismatch {
            what: "weights".into(),
            expected: covariance.nrows(),
            found: weights.len(),
        });
    }
    let w = DVector::from_column_slice(weights);
    let sw = covariance * &w;
    let variance = w.dot(&sw);
    if !(0.0 < variance && variance.is_finite()) {
        return Err(Error::degenerate(
            "risk contributions",
            format!("the variance of the portfolio is {variance:.1e}"),
        ));
    }
    Ok(w.iter().zip(sw.iter()).map(|(w, s)| w * s / variance).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn contributions_equal_budgets() {
        let x = DMatrix::from_vec(80, 6, noise(4, 480));
        let c = x.transpose() * &x * 1e-6;
        let budgets = [0.1, 0.1, 0.2, 0.2, 0.3, 0.1];
        let w = weights(&c, &budgets).unwrap();
        for (share, budget) in contributions(&c, &w).unwrap().iter().zip(budgets) {
            assert!((share - budget).abs() < 1e-12);
        }
    }

    #[test]
    fn a_budget_of_zero_is_refused() {
        assert!(matches!(weights(&DMatrix::identity(2, 2), &[1.0, 0.0]), Err(Error::OutOfRange { .. })));
    }
}
