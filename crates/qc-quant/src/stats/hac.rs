//! Long-run variances that allow for autocorrelation: Bartlett weights (Newey and West).

use crate::lanes::dot;

/// Newey and West's rule of thumb for the number of lags: floor(4 (T/100)^(2/9)).
pub fn automatic_lags(n_rows: usize) -> usize {
    (4.0 * (n_rows as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize
}

/// Bartlett long-run variance of a column as it stands (no mean removed), divided by its length.
pub(crate) fn bartlett_variance(u: &[f64], lags: usize) -> f64 {
    let n = u.len();
    let mut total = dot(u, u);
    for lag in 1..=lags.min(n.saturating_sub(1)) {
        let weight = 1.0 - lag as f64 / (lags + 1) as f64;
        total += 2.0 * weight * dot(&u[lag..], &u[..n - lag]);
    }
    total / n as f64
}
