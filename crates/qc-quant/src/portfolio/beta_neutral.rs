//! A long-short portfolio that follows a score and has neither net exposure nor beta.

use nalgebra::{DMatrix, DVector};

use super::mean_variance::scaled;
use crate::error::{Error, Result};
use crate::panel::require_finite;

/// Weights that maximise score'w - ½ w'Cw with Σw = 0 and β'w = 0, scaled to `gross` = Σ|w|.
///
/// C is the covariance over its mean variance, and scores are divided by the largest of their sizes,
/// so that only the directions of both matter.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::TooFewSymbols`] below three,
/// [`Error::OutOfRange`] for a gross that is not positive, [`Error::Degenerate`] when all betas or all
/// scores are alike or the covariance is singular.
///
/// # Source
/// Closed-form optimality conditions; checked against cvxpy: family `beta_neutral`.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::beta_neutral::weights;
/// let betas = [0.5, 1.0, 1.5, 1.2];
/// let w = weights(&[0.1, 0.3, -0.2, 0.0], &betas, &DMatrix::identity(4, 4), 2.0)?;
/// assert!(w.iter().sum::<f64>().abs() < 1e-12);
/// assert!(w.iter().zip(betas).map(|(w, b)| w * b).sum::<f64>().abs() < 1e-12);
/// assert!((w.iter().map(|w| w.abs()).sum::<f64>() - 2.0).abs() < 1e-12);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn weights(scores: &[f64], betas: &[f64], covariance: &DMatrix<f64>, gross: f64) -> Result<Vec<f64>> {
    let (c, _) = scaled(covariance)?;
    let n = c.nrows();
    for (what, values) in [("scores", scores), ("betas", betas)] {
        if values.len() != n {
            return Err(Error::ShapeMismatch { what: what.into(), expected: n, found: values.len() });
        }
        require_finite(what, values)?;
    }
    if n < 3 {
        return Err(Error::TooFewSymbols { what: "a beta-neutral portfolio".into(), needed: 3, found: n });
    }
    if !(0.0 < gross && gross.is_finite()) {
        return Err(Error::out_of_range("gross exposure", f64::MIN_POSITIVE, f64::MAX, gross));
    }
    let largest = scores.iter().fold(0.0, |most: f64, s| most.max(s.abs()));
    if largest == 0.0 {
        return Err(Error::degenerate("beta-neutral portfolio", "all scores are zero"));
    }
    let mut kkt = DMatrix::zeros(n + 2, n + 2);
    kkt.view_mut((0, 0), (n, n)).copy_from(&c);
    let mut right = DVector::zeros(n + 2);
    for i in 0..n {
        kkt[(i, n)] = 1.0;
        kkt[(n, i)] = 1.0;
        kkt[(i, n + 1)] = betas[i];
        kkt[(n + 1, i)] = betas[i];
        right[i] = scores[i] / largest;
    }
    let singular = || {
        let (least, most) = betas.iter().fold((f64::MAX, f64::MIN), |(l, m), b| (l.min(*b), m.max(*b)));
        let condition = crate::covariance::reciprocal_condition(&c);
        let reason = format!(
            "betas (from {least:.3e} to {most:.3e}) are all alike or the covariance is singular \
             (smallest over largest eigenvalue {condition:.1e})"
        );
        Error::degenerate("beta-neutral portfolio", reason)
    };
    let lu = kkt.clone().full_piv_lu();
    let mut found = lu.solve(&right).ok_or_else(singular)?;
    found += lu.solve(&(&right - &kkt * &found)).ok_or_else(singular)?;
    let size: f64 = found.rows(0, n).iter().map(|w| w.abs()).sum();
    let miss = (&kkt * &found - &right).amax();
    if !(1e-12 < size && size.is_finite() && miss < 1e-8) {
        return Err(singular());
    }
    Ok(found.rows(0, n).iter().map(|w| w * gross / size).collect())
}
