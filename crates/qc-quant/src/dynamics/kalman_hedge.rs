//! A hedge ratio that moves: a two-state Kalman filter.

use crate::error::{Error, Result};
use crate::panel::{Series, require_finite};

/// Options of [`filter`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KalmanOptions {
    /// How freely the state walks: its noise is δ/(1 - δ) per period, 0 < δ < 1.
    pub delta: f64,
    /// Variance of the observation noise, above 0.
    pub observation_variance: f64,
    /// Slope and intercept before the first row.
    pub initial_state: [f64; 2],
    /// Their covariance.
    pub initial_covariance: [[f64; 2]; 2],
}

impl Default for KalmanOptions {
    fn default() -> Self {
        Self {
            delta: 1e-4,
            observation_variance: 1e-3,
            initial_state: [0.0; 2],
            initial_covariance: [[1.0, 0.0], [0.0, 1.0]],
        }
    }
}

/// Answer of [`filter`], one entry per row.
#[derive(Debug, Clone, PartialEq)]
pub struct KalmanHedge {
    /// Slope after seeing the row.
    pub beta: Vec<f64>,
    /// Intercept after seeing the row.
    pub alpha: Vec<f64>,
    /// y less what the state *before* the row predicts: no look-ahead.
    pub innovation: Vec<f64>,
    /// Variance of the innovation.
    pub innovation_variance: Vec<f64>,
    /// Log-likelihood of the whole series.
    pub log_likelihood: f64,
    /// Covariance of slope and intercept after the last row.
    pub covariance: [[f64; 2]; 2],
}

impl KalmanHedge {
    /// Innovation over its standard deviation: the z-score to trade on.
    pub fn z(&self) -> Vec<f64> {
        self.innovation.iter().zip(&self.innovation_variance).map(|(e, f)| e / f.sqrt()).collect()
    }
}

/// Follows `y(t) = β(t) x(t) + α(t) + e(t)` with β and α random walks.
///
/// Every row first adds the state's noise to its covariance, then learns from the row (Joseph form).
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::IndexMismatch`], [`Error::OutOfRange`] for δ outside (0, 1), a
/// variance that is not positive or an initial covariance that is not positive semidefinite,
/// [`Error::NotFinite`], [`Error::Degenerate`] on overflow.
///
/// # Source
/// Harvey (1989), Forecasting, structural time series models and the Kalman filter, ch. 3. Checked
/// against pykalman: family `kalman_hedge`.
///
/// ```
/// use qc_quant::{Index, Series, dynamics::kalman_hedge, testing};
/// let (y, x) = testing::pair(7, 800);
/// let series = |name: &str, v| Series::new(name, Index::Rows(800), v);
/// let options = kalman_hedge::KalmanOptions { observation_variance: 2.0, ..Default::default() };
/// let found = kalman_hedge::filter(&series("Y", y)?, &series("X", x)?, &options)?;
/// assert!((found.beta[799] - 1.3).abs() < 0.4);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn filter(y: &Series, x: &Series, options: &KalmanOptions) -> Result<KalmanHedge> {
    y.require_same_rows(x)?;
    let KalmanOptions { delta, observation_variance: r, initial_state, initial_covariance: p0 } = *options;
    if !(0.0 < delta && delta < 1.0) {
        return Err(Error::out_of_range("delta", 0.0, 1.0, delta));
    }
    if !(0.0 < r && r.is_finite()) {
        return Err(Error::out_of_range("observation variance", f64::MIN_POSITIVE, f64::MAX, r));
    }
    require_finite("initial state", &initial_state)?;
    require_finite("initial covariance", p0.as_flattened())?;
    let determinant = p0[0][0] * p0[1][1] - p0[0][1] * p0[1][0];
    if p0[0][0] < 0.0 || p0[1][1] < 0.0 || determinant < 0.0 || p0[0][1] != p0[1][0] {
        return Err(Error::out_of_range("determinant of the initial covariance", 0.0, f64::MAX, determinant));
    }
    let n = y.len();
    let noise = delta / (1.0 - delta);
    let [mut beta, mut alpha] = initial_state;
    let [[mut a, mut b], [_, mut c]] = p0; // covariance [[a, b], [b, c]]
    let mut out = KalmanHedge {
        beta: Vec::with_capacity(n),
        alpha: Vec::with_capacity(n),
        innovation: Vec::with_capacity(n),
        innovation_variance: Vec::with_capacity(n),
        log_likelihood: 0.0,
        covariance: p0,
    };
    for (&y, &x) in y.values().iter().zip(x.values()) {
        a += noise;
        c += noise;
        let e = y - (beta * x + alpha);
        let (hx, h1) = (a * x + b, b * x + c); // P h
        let f = hx * x + h1 + r;
        let (kx, k1) = (hx / f, h1 / f);
        beta += kx * e;
        alpha += k1 * e;
        // (I - K h') P (I - K h')' + K K' r
        let (m00, m01, m10, m11) = (1.0 - kx * x, -kx, -k1 * x, 1.0 - k1);
        let (q00, q01) = (m00 * a + m01 * b, m00 * b + m01 * c);
        let (q10, q11) = (m10 * a + m11 * b, m10 * b + m11 * c);
        a = q00 * m00 + q01 * m01 + kx * kx * r;
        let off = (q00 * m10 + q01 * m11, q10 * m00 + q11 * m01);
        b = 0.5 * (off.0 + off.1) + kx * k1 * r;
        c = q10 * m10 + q11 * m11 + k1 * k1 * r;
        out.beta.push(beta);
        out.alpha.push(alpha);
        out.innovation.push(e);
        out.innovation_variance.push(f);
        out.log_likelihood -= 0.5 * ((2.0 * std::f64::consts::PI * f).ln() + e * e / f);
    }
    out.covariance = [[a, b], [b, c]];
    if !out.log_likelihood.is_finite() {
        return Err(Error::degenerate("Kalman filter", "the values overflow"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    #[test]
    fn the_innovation_knows_nothing_of_its_own_row() {
        let (x, mut y) = (noise(1, 50), noise(2, 50));
        let run = |y: Vec<f64>| {
            let series = |v| Series::new("s", Index::Rows(50), v).unwrap();
            filter(&series(y), &series(x.clone()), &KalmanOptions::default()).unwrap()
        };
        let before = run(y.clone());
        y[30] += 5.0;
        let after = run(y);
        assert_eq!(before.innovation[..30], after.innovation[..30]);
        assert!((after.innovation[30] - before.innovation[30] - 5.0).abs() < 1e-12);
    }

    #[test]
    fn refuses_options_out_of_range() {
        let s = Series::new("s", Index::Rows(9), noise(1, 9)).unwrap();
        for options in [
            KalmanOptions { delta: 1.0, ..Default::default() },
            KalmanOptions { observation_variance: 0.0, ..Default::default() },
            KalmanOptions { initial_covariance: [[1.0, 2.0], [2.0, 1.0]], ..Default::default() },
        ] {
            assert!(matches!(filter(&s, &s, &options), Err(Error::OutOfRange { .. })));
        }
    }
}
