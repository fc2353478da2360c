//! Minimum variance and maximum Sharpe ratio under bounds.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::covariance::reciprocal_condition;
use crate::error::{Error, Result};
use crate::panel::require_finite;
use crate::solve::qp::Problem;

/// Smallest and largest weight of every asset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Smallest weight.
    pub lower: f64,
    /// Largest weight.
    pub upper: f64,
}

impl Bounds {
    /// Nothing short, nothing above the whole.
    pub const LONG_ONLY: Self = Self { lower: 0.0, upper: 1.0 };

    /// Checks that `n` weights within the bounds can sum to 1.
    ///
    /// # Errors
    /// [`Error::Infeasible`] naming the bound, [`Error::OutOfRange`] when lower exceeds upper, [`Error::NotFinite`].
    pub fn check(&self, n: usize) -> Result<()> {
        require_finite("bounds", &[self.lower, self.upper])?;
        if self.upper < self.lower {
            return Err(Error::out_of_range("upper bound", self.lower, f64::MAX, self.upper));
        }
        let (low, high) = (n as f64 * self.lower, n as f64 * self.upper);
        let infeasible = |bound: &str, value: f64, total: f64| Error::Infeasible {
            what: format!("{bound} bound {value} for {n} assets"),
            reason: format!("weights would sum to {total}, not to 1"),
        };
        if 1.0 + 1e-12 < low {
            return Err(infeasible("lower", self.lower, low));
        }
        if high < 1.0 - 1e-12 {
            return Err(infeasible("upper", self.upper, high));
        }
        Ok(())
    }
}

/// Most symbols, cubed, that weights are computed for: some seconds a solution.
pub const MOST_STEPS: u64 = 20_000_000_000;

/// Weights that sum to 1 with the smallest variance; `None` bounds allow any weight.
///
/// # Shapes and units
/// `covariance`: N by N per period, symmetric; weights in its order.
///
/// # Errors
/// [`Error::Infeasible`] when the bounds cannot be met, [`Error::Degenerate`] for a singular
/// covariance without bounds (T <= N: shrink it), [`Error::ShapeMismatch`], [`Error::NotFinite`].
///
/// # Source
/// Markowitz (1952). Solved by active sets to the last digits; checked against cvxpy: family `min_variance`.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::mean_variance::{Bounds, min_variance};
/// let independent = DMatrix::from_row_slice(2, 2, &[0.01, 0.0, 0.0, 0.03]);
/// let w = min_variance(&independent, Some(Bounds::LONG_ONLY))?;
/// assert!((w[0] - 0.75).abs() < 1e-12); // inverse to variance
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn min_variance(covariance: &DMatrix<f64>, bounds: Option<Bounds>) -> Result<Vec<f64>> {
    let (scaled, _) = scaled(covariance)?;
    let n = scaled.nrows();
    let ones = DVector::from_element(n, 1.0);
    let Some(bounds) = bounds else {
        let condition = reciprocal_condition(&scaled);
        let factor = Cholesky::new(scaled).filter(|_| 1e-12 < condition).ok_or_else(|| {
            let reason =
                format!("singular (smallest over largest eigenvalue {condition:.1e}); shrink it or set bounds");
            Error::degenerate("covariance matrix", reason)
        })?;
        let w = factor.solve(&ones);
        let sum = w.sum();
        return Ok(w.iter().map(|value| value / sum).collect());
    };
    bounds.check(n)?;
    let (lower, upper) = (vec![bounds.lower; n], vec![bounds.upper; n]);
    let zero = DVector::zeros(n);
    let problem = Problem { p: &scaled, q: &zero, a: &ones, b: 1.0, lower: &lower, upper: &upper };
    Ok(problem.solve()?.iter().copied().collect())
}

/// Weights that sum to 1 with the largest ratio of expected excess return to standard deviation.
///
/// Expected returns estimated from a sample are the weak point: their standard errors are usually
/// larger than the differences that the weights chase.
///
/// # Definition
/// w(t) minimises ½ w'Sw - t e'w on the bounds; the best ratio is where t = w'Sw / e'w.
///
/// # Errors
/// [`Error::Degenerate`] when no portfolio within the bounds has a positive expected excess return;
/// otherwise as [`min_variance`].
///
/// # Source
/// Tobin (1958); checked against cvxpy: family `max_sharpe`.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::mean_variance::{Bounds, max_sharpe};
/// let independent = DMatrix::from_row_slice(2, 2, &[0.01, 0.0, 0.0, 0.01]);
/// let w = max_sharpe(&[0.002, 0.001], &independent, 0.0, Bounds::LONG_ONLY)?;
/// assert!((w[0] - 2.0 / 3.0).abs() < 1e-9); // proportional to S⁻¹ μ
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn max_sharpe(expected: &[f64], covariance: &DMatrix<f64>, risk_free: f64, bounds: Bounds) -> Result<Vec<f64>> {
    let (scaled, _) = scaled(covariance)?;
    let n = scaled.nrows();
    if expected.len() != n {
        return Err(Error::ShapeMismatch { what: "expected returns".into(), expected: n, found: expected.len() });
    }
    require_finite("expected returns", expected)?;
    require_finite("risk-free rate", &[risk_free])?;
    bounds.check(n)?;
    let excess = DVector::from_fn(n, |i, _| expected[i] - risk_free);
    let best = best_return(&excess, bounds);
    if best <= 0.0 {
        let reason = format!("no portfolio within the bounds earns more than the riskless rate (best {best:.3e})");
        return Err(Error::degenerate("maximum Sharpe ratio", reason));
    }
    let e = &excess / excess.amax();
    let (ones, lower, upper) = (DVector::from_element(n, 1.0), vec![bounds.lower; n], vec![bounds.upper; n]);
    // Neighbours along t have nearly the same bounds that bind: they are guessed first, and checked.
    let at = |t: f64, near: Option<&DVector<f64>>| {
        let q = &e * -t;
        let problem = Problem { p: &scaled, q: &q, a: &ones, b: 1.0, lower: &lower, upper: &upper };
        near.map_or_else(|| problem.solve(), |near| problem.solve_near(near.as_slice()))
    };
    // gap(t) = w'Sw - t e'w falls through zero at the best ratio
    let gap = |w: &DVector<f64>, t: f64| w.dot(&(&scaled * w)) - t * e.dot(w);
    let (mut low, mut w_low) = (0.0, at(0.0, None)?);
    let mut gap_low = gap(&w_low, 0.0);
    let (mut high, mut gap_high, mut w_high);
    let mut t = 1.0;
    let mut doublings = 0;
    loop {
        let w = at(t, Some(&w_low))?;
        let g = gap(&w, t);
        if g <= 0.0 {
            (high, gap_high, w_high) = (t, g, w);
            break;
        }
        (low, gap_low, w_low) = (t, g, w);
        t *= 4.0;
        doublings += 1;
        if 60 < doublings {
            return Err(Error::NotConverged {
                what: "maximum Sharpe ratio".into(),
                steps: 60,
                residual: g,
                tolerance: 0.0,
            });
        }
    }
    let ratio = |w: &DVector<f64>| e.dot(w) / w.dot(&(&scaled * w)).sqrt();
    for round in 0..200 {
        // the gap is linear while the set of bounds that bind stays the same, so the chord is exact in the end
        let chord = low + (high - low) * gap_low / (gap_low - gap_high);
        let middle = if round % 4 == 3 { 0.5 * (low + high) } else { chord };
        let middle = middle.clamp(low, high);
        let nearer = if middle - low < high - middle { &w_low } else { &w_high };
        let w = at(middle, Some(nearer))?;
        let g = gap(&w, middle);
        if 0.0 < g {
            (low, gap_low, w_low) = (middle, g, w);
        } else {
            (high, gap_high, w_high) = (middle, g, w);
        }
        if gap_low <= 1e-14 || -1e-14 <= gap_high || high - low <= 1e-14 * high {
            break;
        }
    }
    let w = if ratio(&w_low) < ratio(&w_high) { w_high } else { w_low };
    Ok(w.iter().copied().collect())
}

/// Largest e'w over the bounds with the weights summing to 1.
fn best_return(excess: &DVector<f64>, bounds: Bounds) -> f64 {
    let mut sorted: Vec<f64> = excess.iter().copied().collect();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let n = sorted.len() as f64;
    let mut left = 1.0 - n * bounds.lower;
    let mut total = bounds.lower * sorted.iter().sum::<f64>();
    for value in sorted {
        let more = left.min(bounds.upper - bounds.lower);
        total += more * value;
        left -= more;
    }
    total
}

/// The covariance over its mean variance, checked.
pub(crate) fn scaled(covariance: &DMatrix<f64>) -> Result<(DMatrix<f64>, f64)> {
    let n = covariance.nrows();
    if n == 0 || n != covariance.ncols() {
        return Err(Error::ShapeMismatch {
            what: "covariance matrix".into(),
            expected: n.max(1),
            found: covariance.ncols(),
        });
    }
    Error::limit_work("weights from a covariance matrix (symbols cubed)", MOST_STEPS, &[n, n, n])?;
    require_finite("covariance matrix", covariance.as_slice())?;
    let asymmetry = (covariance - covariance.transpose()).amax();
    let mean = covariance.trace() / n as f64;
    if mean <= 0.0 || covariance.diagonal().min() <= 0.0 {
        let least = covariance.diagonal().min();
        return Err(Error::degenerate("covariance matrix", format!("smallest variance is {least:.1e}")));
    }
    if 1e-9 * covariance.amax() < asymmetry {
        return Err(Error::degenerate("covariance matrix", format!("asymmetric by {asymmetry:.1e}")));
    }
    Ok((covariance / mean, mean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn covariance(seed: u64, rows: usize, n: usize) -> DMatrix<f64> {
        let x = DMatrix::from_vec(rows, n, noise(seed, rows * n));
        x.transpose() * &x * (1e-4 / rows as f64)
    }

    #[test]
    fn infeasible_bounds_name_the_bound() {
        let error = min_variance(&covariance(1, 50, 4), Some(Bounds { lower: 0.0, upper: 0.2 })).unwrap_err();
        assert!(error.to_string().contains("upper bound 0.2 for 4 assets"), "{error}");
        let error = min_variance(&covariance(1, 50, 4), Some(Bounds { lower: 0.3, upper: 1.0 })).unwrap_err();
        assert!(error.to_string().contains("lower bound 0.3"), "{error}");
    }

    #[test]
    fn a_singular_covariance_without_bounds_is_refused() {
        assert!(matches!(min_variance(&covariance(1, 4, 6), None), Err(Error::Degenerate { .. })));
    }

    #[test]
    fn wide_bounds_change_nothing() {
        let c = covariance(2, 60, 5);
        let (free, wide) =
            (min_variance(&c, None).unwrap(), min_variance(&c, Some(Bounds { lower: -9.0, upper: 9.0 })).unwrap());
        assert!(free.iter().zip(&wide).all(|(a, b)| (a - b).abs() < 1e-11));
    }

    #[test]
    fn max_sharpe_beats_every_grid_portfolio() {
        let (c, mu) = (covariance(3, 60, 3), [0.001, 0.0015, -0.0003]);
        let bounds = Bounds { lower: 0.0, upper: 0.7 };
        let ratio = |w: &[f64]| {
            let w = DVector::from_column_slice(w);
            DVector::from_column_slice(&mu).dot(&w) / w.dot(&(&c * &w)).sqrt()
        };
        let best = ratio(&max_sharpe(&mu, &c, 0.0, bounds).unwrap());
        for i in 0..=70 {
            for j in 0..=70 {
                let (a, b) = (f64::from(i) / 100.0, f64::from(j) / 100.0);
                let rest = 1.0 - a - b;
                if (0.0..=0.7).contains(&rest) {
                    assert!(ratio(&[a, b, rest]) <= best + 1e-12);
                }
            }
        }
    }

    #[test]
    fn losing_assets_have_no_best_ratio() {
        assert!(matches!(
            max_sharpe(&[-0.1, -0.2], &covariance(1, 9, 2), 0.0, Bounds::LONG_ONLY),
            Err(Error::Degenerate { .. })
        ));
    }
}
