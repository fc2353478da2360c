//! A hedge ratio that moves: a two-state Kalman filter.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::panel::{Series, require_finite, require_variation};
use crate::progress::{Counter, Progress, Silent};
use crate::solve::minimise::rough;
use crate::stats::moments::variance;

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

/// Most rows times passes that an estimate of the variances takes on.
pub const MOST_STEPS: u64 = 1_000_000_000;
/// Passes over the data by each of the searches.
const PASSES: u64 = 200;

/// Chooses δ and the observation variance that make the series most likely; the other options stay as given.
///
/// # Definition
/// Greatest log likelihood over ln(δ/(1 - δ)) and ln R, by Nelder and Mead from three starts: R a tenth, a
/// hundredth and a thousandth of the variance of y. The first rows, which only learn the state, count too.
///
/// # When not to use it
/// A relation that does not move has its maximum at δ = 0: the search then ends at its lower limit of about 1e-13.
///
/// # Errors
/// As [`filter`]; [`Error::TooFewRows`] below 30, [`Error::Constant`], [`Error::TooMuchWork`].
///
/// # Source
/// Harvey (1989), section 3.4.
///
/// ```
/// use qc_quant::{Index, Series, dynamics::kalman_hedge, testing};
/// let (y, x) = testing::pair(7, 800);
/// let series = |name: &str, v| Series::new(name, Index::Rows(800), v);
/// let (y, x) = (series("Y", y)?, series("X", x)?);
/// let given = kalman_hedge::KalmanOptions::default();
/// let best = kalman_hedge::estimate(&y, &x, &given)?;
/// assert!(kalman_hedge::filter(&y, &x, &given)?.log_likelihood < kalman_hedge::filter(&y, &x, &best)?.log_likelihood);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn estimate(y: &Series, x: &Series, options: &KalmanOptions) -> Result<KalmanOptions> {
    estimate_watched(y, x, options, &Silent)
}

/// As [`estimate`], reporting each filter that was run; `progress` may stop it.
///
/// # Errors
/// As [`estimate`], and [`Error::Cancelled`].
pub fn estimate_watched(
    y: &Series,
    x: &Series,
    options: &KalmanOptions,
    progress: &dyn Progress,
) -> Result<KalmanOptions> {
    filter(y, x, options)?; // refuses what cannot be filtered at all
    if y.len() < 30 {
        return Err(Error::too_few_rows("variances of a Kalman filter", 30, y.len()));
    }
    require_variation(y.name(), y.values())?;
    Error::limit_work("variances of a Kalman filter (rows times passes)", MOST_STEPS, &[y.len(), 3 * PASSES as usize])?;
    let spread = variance(y.values());
    let decode = |at: &[f64]| {
        let delta = 1.0 / (1.0 + (-at[0].clamp(-30.0, 30.0)).exp());
        KalmanOptions { delta, observation_variance: spread * at[1].clamp(-40.0, 10.0).exp(), ..*options }
    };
    // Two filters a pass at most, from each start.
    let counter = Counter::new(progress, 6 * PASSES as usize)?;
    let cost = |at: &[f64]| {
        if counter.advance(1).is_err() {
            return f64::INFINITY; // nobody waits: what is left of the search costs nothing
        }
        filter(y, x, &decode(at)).map_or(f64::INFINITY, |found| -found.log_likelihood)
    };
    let starts = [[-7.0, -2.3], [-9.0, -4.6], [-12.0, -6.9]];
    let found = starts.into_par_iter().filter_map(|start| rough(cost, start.to_vec(), 1.0, PASSES)).collect::<Vec<_>>();
    counter.advance(0)?;
    let best = found.into_iter().reduce(|a, b| if b.value < a.value { b } else { a });
    best.map(|best| decode(&best.at))
        .ok_or_else(|| Error::degenerate("Kalman filter", "no variances give a likelihood"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::{noise, random_walk};

    /// Simulated with known variances: the estimate is near, and no point around it is more likely.
    #[test]
    fn the_estimate_is_a_maximum_near_the_truth() {
        let n = 1500;
        let (x, walk, e) = (random_walk(1, n), random_walk(2, n), noise(3, n));
        let y = (0..n).map(|t| (1.0 + 0.02 * walk[t]) * x[t] + 0.5 * e[t]).collect();
        let series = |name: &str, v: Vec<f64>| Series::new(name, Index::Rows(n), v).unwrap();
        let (y, x) = (series("Y", y), series("X", x));
        let best = estimate(&y, &x, &KalmanOptions::default()).unwrap();
        assert!((best.delta.ln() - 4e-4_f64.ln()).abs() < 0.7, "{}", best.delta);
        assert!((best.observation_variance / 0.25 - 1.0).abs() < 0.3, "{}", best.observation_variance);
        let at = |options: KalmanOptions| filter(&y, &x, &options).unwrap().log_likelihood;
        let top = at(best);
        for factor in [0.9, 0.99, 1.01, 1.1] {
            assert!(at(KalmanOptions { delta: best.delta * factor, ..best }) <= top + 1e-4);
            assert!(
                at(KalmanOptions { observation_variance: best.observation_variance * factor, ..best }) <= top + 1e-4
            );
        }
    }

    #[test]
    fn the_estimate_stops_when_nobody_waits() {
        use std::ops::ControlFlow;
        use std::sync::atomic::{AtomicUsize, Ordering};
        let series = |seed| Series::new("s", Index::Rows(300), random_walk(seed, 300)).unwrap();
        let calls = AtomicUsize::new(0);
        let stop = |done: usize, _: usize| {
            calls.fetch_add(1, Ordering::Relaxed);
            if done < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let found = estimate_watched(&series(1), &series(2), &KalmanOptions::default(), &stop);
        assert!(matches!(found, Err(Error::Cancelled { .. })), "{found:?}");
        assert!(5 <= calls.load(Ordering::Relaxed));
        assert_eq!(
            estimate_watched(&series(1), &series(2), &KalmanOptions::default(), &Silent).unwrap(),
            estimate(&series(1), &series(2), &KalmanOptions::default()).unwrap()
        );
    }

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
