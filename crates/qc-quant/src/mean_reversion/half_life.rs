//! Half-life of a deviation, from a first-order autoregression.

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::stats::moments::mean;

/// Answer of [`estimate`]; times are in periods of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HalfLife {
    /// λ in Δx(t) = a + λ x(t-1) + e(t).
    pub lambda: f64,
    /// φ = 1 + λ.
    pub phi: f64,
    /// a.
    pub intercept: f64,
    /// Standard error of λ.
    pub lambda_standard_error: f64,
    /// t ratio of λ; its law under a random walk is Dickey and Fuller's, not Student's.
    pub lambda_t: f64,
    /// ln .5 / ln φ; `None` when φ <= 0 (a deviation is over within one period) or φ >= 1 (it does not revert).
    pub half_life: Option<f64>,
    /// Standard error of the half-life by the delta method.
    pub half_life_standard_error: Option<f64>,
    /// φ corrected for its downward bias, φ + (1 + 3φ)/n.
    pub phi_corrected: f64,
    /// Half-life from the corrected φ; `None` when that is 1 or more: the sample cannot tell it from a random walk.
    pub half_life_corrected: Option<f64>,
    /// Rows of the regression, T - 1.
    pub n_obs: usize,
}

/// Estimates in how many periods half of a deviation from the mean is given back.
///
/// Always read with an ADF (or Engle-Granger) p-value: a random walk has a finite estimate too.
///
/// # Definition
/// Least squares of Δx(t) on 1 and x(t-1). The exact discrete ln .5 / ln φ, not -ln 2 / λ, which
/// belongs to continuous time.
///
/// # Errors
/// [`Error::TooFewRows`] below five, [`Error::Constant`], [`Error::NotFinite`], [`Error::Degenerate`]
/// when the regression fits exactly.
///
/// # Source
/// Kendall (1954), Biometrika 41, 403-404 (bias). Checked against statsmodels: family `half_life`.
///
/// ```
/// use qc_quant::{mean_reversion::half_life, testing::noise};
/// let mut x = 0.0; // an AR(1) of .9: half-life 6.6
/// let series: Vec<f64> = noise(3, 4000).iter().map(|e| { x = 0.9 * x + e; x }).collect();
/// let found = half_life::estimate(&series)?;
/// assert!((found.half_life.unwrap() - 0.5f64.ln() / 0.9f64.ln()).abs() < 3.0 * found.half_life_standard_error.unwrap());
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn estimate(values: &[f64]) -> Result<HalfLife> {
    require_finite("series", values)?;
    let t = values.len();
    if t < 5 {
        return Err(Error::too_few_rows("a half-life", 5, t));
    }
    require_variation("series", values)?;
    let level = &values[..t - 1];
    require_variation("series without its last row", level)?;
    let changes: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let n = changes.len() as f64;
    let (centre, drift) = (mean(level), mean(&changes));
    let (mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0);
    for (x, y) in level.iter().zip(&changes) {
        sxx += (x - centre).powi(2);
        sxy += (x - centre) * (y - drift);
        syy += (y - drift).powi(2);
    }
    let lambda = sxy / sxx;
    let rss: f64 = level.iter().zip(&changes).map(|(x, y)| (y - drift - lambda * (x - centre)).powi(2)).sum();
    if rss <= 1e-24 * (syy + sxx) {
        return Err(Error::degenerate("half-life", "the regression fits exactly"));
    }
    let standard_error = (rss / (n - 2.0) / sxx).sqrt();
    let phi = 1.0 + lambda;
    let life = |phi: f64| (0.0 < phi && phi < 1.0).then(|| 0.5_f64.ln() / phi.ln()).filter(|life| life.is_finite());
    let phi_corrected = phi + (1.0 + 3.0 * phi) / n;
    Ok(HalfLife {
        lambda,
        phi,
        intercept: drift - lambda * centre,
        lambda_standard_error: standard_error,
        lambda_t: lambda / standard_error,
        half_life: life(phi),
        half_life_standard_error: life(phi).map(|life| life / phi.ln().abs() / phi * standard_error),
        phi_corrected,
        half_life_corrected: life(phi_corrected),
        n_obs: changes.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oscillation_and_explosion_have_no_half_life() {
        let swinging: Vec<f64> =
            (0..30).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 } + 0.01 * f64::from(t % 3)).collect();
        assert_eq!(estimate(&swinging).unwrap().half_life, None);
        let exploding: Vec<f64> = (0..30).map(|t| 1.1_f64.powi(t) + 0.001 * f64::from(t % 3)).collect();
        assert_eq!(estimate(&exploding).unwrap().half_life, None);
    }

    #[test]
    fn refuses_constants_and_exact_fits() {
        assert!(matches!(estimate(&[1.0; 9]), Err(Error::Constant { .. })));
        let decaying: Vec<f64> = (0..20).map(|t| 0.5_f64.powi(t)).collect();
        assert!(matches!(estimate(&decaying), Err(Error::Degenerate { .. })));
    }
}
