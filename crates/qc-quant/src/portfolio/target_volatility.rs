//! Weights under general conditions: the least variance, and the largest mean at a given risk.

use nalgebra::{DMatrix, DVector};

use super::constraints::Constraints;
use super::mean_variance::scaled;
use super::min_cvar::{root, rows};
use crate::error::{Error, Result};
use crate::panel::require_finite;
use crate::progress::{Counter, Progress, Silent};
use crate::solve::cone::{self, Program};

/// Weights of least variance under linear conditions, a cap on trading included.
///
/// For bounds alone [`super::mean_variance::min_variance`] is exact to the last digits and faster; this one
/// takes groups, neutrality and books as well. A cap on volatility in the conditions is not looked at.
///
/// # Errors
/// [`Error::Infeasible`], [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::Degenerate`],
/// [`Error::NotConverged`].
///
/// # Source
/// Markowitz (1952). Checked against the active-set method where both apply, and by optimality conditions.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::{constraints::Constraints, mean_variance::Bounds, target_volatility::min_variance};
/// let independent = DMatrix::from_diagonal_element(4, 4, 0.01);
/// let base = Constraints::invested(4, Bounds::LONG_ONLY)?;
/// let w = min_variance(&independent, &base.group("tech", &[0, 1], 0.0, 0.2)?)?;
/// assert!((w[0] - 0.1).abs() < 1e-7 && (w[3] - 0.4).abs() < 1e-7);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn min_variance(covariance: &DMatrix<f64>, constraints: &Constraints) -> Result<Vec<f64>> {
    min_variance_watched(covariance, constraints, &Silent)
}

/// [`min_variance`] with a progress callback; a step is one of the interior-point method, which takes 10 to 30.
///
/// # Errors
/// As [`min_variance`], and [`Error::Cancelled`].
pub fn min_variance_watched(
    covariance: &DMatrix<f64>,
    constraints: &Constraints,
    progress: &dyn Progress,
) -> Result<Vec<f64>> {
    calmest(covariance, constraints, &Counter::new(progress, cone::MOST_STEPS)?)
}

fn calmest(covariance: &DMatrix<f64>, constraints: &Constraints, counter: &Counter<'_>) -> Result<Vec<f64>> {
    let (s, _) = scaled(covariance)?;
    let n = s.nrows();
    constraints.check(n)?;
    let (equal, at_most) = rows(constraints);
    let q = vec![0.0; n + trades(constraints)];
    let program = Program { what: "minimum variance", p: Some(&s), q: &q, equal, at_most, ball: None };
    Ok(within(constraints, &program.solve(counter)?.x))
}

/// Answer of [`max_return`].
#[derive(Debug, Clone, PartialEq)]
pub struct TargetVolatility {
    /// Weights in the order of the covariance matrix.
    pub weights: Vec<f64>,
    /// Expected return per period.
    pub expected: f64,
    /// Standard deviation per period, at most the target.
    pub volatility: f64,
    /// Least standard deviation that the other conditions allow.
    pub least_volatility: f64,
}

/// Largest expected return at a standard deviation of at most `constraints.max_volatility`.
///
/// # Shapes and units
/// `expected`: N per period; `covariance`: N by N per period; the target per period too (an annual one over the
/// root of periods per year).
///
/// # When not to use it
/// Sample means decide, and they are the least certain input: see [`super::mean_variance::max_sharpe`].
///
/// # Errors
/// [`Error::Infeasible`] naming the least attainable volatility when the target is below it;
/// [`Error::OutOfRange`] without a target; otherwise as [`min_variance`].
///
/// # Source
/// Markowitz (1952), solved as a second-order cone program. Checked by its Lagrangian: unit tests.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::{constraints::Constraints, mean_variance::Bounds, target_volatility::max_return};
/// // one safe and one risky asset, independent: the target fixes how much of the risky one
/// let s = DMatrix::from_diagonal(&nalgebra::DVector::from_vec(vec![1e-8, 1e-4]));
/// let base = Constraints::invested(2, Bounds::LONG_ONLY)?;
/// let found = max_return(&[0.0, 0.001], &s, &Constraints { max_volatility: Some(0.005), ..base })?;
/// assert!((found.weights[1] - 0.5).abs() < 1e-4 && (found.volatility - 0.005).abs() < 1e-9);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn max_return(expected: &[f64], covariance: &DMatrix<f64>, constraints: &Constraints) -> Result<TargetVolatility> {
    max_return_watched(expected, covariance, constraints, &Silent)
}

/// [`max_return`] with a progress callback; a step is one of the interior-point method, which runs twice.
///
/// # Errors
/// As [`max_return`], and [`Error::Cancelled`].
pub fn max_return_watched(
    expected: &[f64],
    covariance: &DMatrix<f64>,
    constraints: &Constraints,
    progress: &dyn Progress,
) -> Result<TargetVolatility> {
    let (s, mean_variance) = scaled(covariance)?;
    let n = s.nrows();
    if expected.len() != n {
        return Err(Error::ShapeMismatch { what: "expected returns".into(), expected: n, found: expected.len() });
    }
    require_finite("expected returns", expected)?;
    constraints.check(n)?;
    let Some(target) = constraints.max_volatility else {
        return Err(Error::out_of_range("target volatility", f64::MIN_POSITIVE, f64::MAX, 0.0));
    };
    let deviation = |w: &[f64]| {
        let v = DVector::from_column_slice(w);
        v.dot(&(covariance * &v)).max(0.0).sqrt()
    };
    let counter = Counter::new(progress, 2 * cone::MOST_STEPS)?;
    let calmest = calmest(covariance, constraints, &counter)?;
    let least = deviation(&calmest);
    let answer = |weights: Vec<f64>| TargetVolatility {
        expected: weights.iter().zip(expected).map(|(w, e)| w * e).sum(),
        volatility: deviation(&weights),
        least_volatility: least,
        weights,
    };
    if target < least * (1.0 - 1e-9) {
        return Err(Error::Infeasible {
            what: format!("a volatility of {target} per period"),
            reason: format!("the least attainable one is {least}"),
        });
    }
    if target <= least * (1.0 + 1e-9) {
        return Ok(answer(calmest)); // the calmest portfolio is the only one
    }
    let largest = expected.iter().fold(0.0, |most: f64, e| most.max(e.abs()));
    let mut q = vec![0.0; n + trades(constraints)];
    q.iter_mut().zip(expected).for_each(|(q, e)| *q = -e / largest.max(f64::MIN_POSITIVE));
    let (equal, at_most) = rows(constraints);
    let factor = root(&s)?;
    let ball = Some((&factor, target / mean_variance.sqrt()));
    let program = Program { what: "target volatility", p: None, q: &q, equal, at_most, ball };
    Ok(answer(within(constraints, &program.solve(&counter)?.x)))
}

fn trades(constraints: &Constraints) -> usize {
    if constraints.turnover.is_some() { constraints.lower.len() } else { 0 }
}

/// The weights of a solution, the last digit's breach of a bound removed.
fn within(constraints: &Constraints, x: &[f64]) -> Vec<f64> {
    let bounds = constraints.lower.iter().zip(&constraints.upper);
    x.iter().zip(bounds).map(|(x, (low, high))| x.clamp(*low, *high)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolio::constraints::{Side, Turnover};
    use crate::portfolio::mean_variance::{self, Bounds};
    use crate::testing::noise;

    fn covariance(n: usize) -> DMatrix<f64> {
        let x = DMatrix::from_vec(80, n, noise(4, 80 * n));
        x.transpose() * &x * (1e-4 / 80.0)
    }

    #[test]
    fn equals_the_active_set_method_within_bounds() {
        let c = covariance(8);
        let bounds = Bounds { lower: 0.02, upper: 0.2 };
        let own = min_variance(&c, &Constraints::invested(8, bounds).unwrap()).unwrap();
        let exact = mean_variance::min_variance(&c, Some(bounds)).unwrap();
        assert!(own.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 1e-6), "{own:?} {exact:?}");
    }

    /// No small feasible move earns more without more risk: all exchanges of two weights along the frontier.
    #[test]
    fn no_portfolio_on_a_grid_earns_more_at_the_same_risk() {
        let c = covariance(3);
        let mu = [0.001, 0.0004, -0.0002];
        let base = Constraints::invested(3, Bounds::LONG_ONLY).unwrap();
        let least =
            max_return(&mu, &c, &Constraints { max_volatility: Some(1.0), ..base.clone() }).unwrap().least_volatility;
        let target = least * 1.2;
        let found = max_return(&mu, &c, &Constraints { max_volatility: Some(target), ..base.clone() }).unwrap();
        assert!((found.volatility / target - 1.0).abs() < 1e-7);
        for i in 0..=200 {
            for j in 0..=200 - i {
                let w =
                    DVector::from_vec(vec![f64::from(i) / 200.0, f64::from(j) / 200.0, f64::from(200 - i - j) / 200.0]);
                if w.dot(&(&c * &w)).sqrt() <= target {
                    assert!(w.dot(&DVector::from_column_slice(&mu)) <= found.expected + 1e-10);
                }
            }
        }
        let none = max_return(&mu, &c, &Constraints { max_volatility: Some(least * 0.9), ..base }).unwrap_err();
        assert!(none.to_string().contains(&format!("{least}")), "{none}");
    }

    #[test]
    fn books_neutrality_and_a_cap_on_trading_hold() {
        let c = covariance(6);
        let sides = [Side::Long, Side::Short, Side::Long, Side::Short, Side::Long, Side::Short];
        let betas = [1.0, 1.1, 0.9, 0.8, 1.2, 1.0];
        let books = Constraints::books(&sides, 1.0, 0.4).unwrap().neutral_to("beta", &betas).unwrap();
        let w = min_variance(&c, &books).unwrap();
        assert!(w.iter().zip(betas).map(|(w, b)| w * b).sum::<f64>().abs() < 1e-8);
        assert!((w.iter().step_by(2).sum::<f64>() - 0.5).abs() < 1e-8);
        let held = Turnover { from: vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0], at_most: 0.3 };
        let base = Constraints::invested(6, Bounds::LONG_ONLY).unwrap();
        let w = min_variance(&c, &Constraints { turnover: Some(held), ..base.clone() }).unwrap();
        assert!((w[0] - 0.7).abs() < 1e-6, "{w:?}"); // the cap binds: all of the 0.3 leaves the first asset
        let contradiction = base.group("a", &[0, 1], 0.6, 1.0).unwrap().group("b", &[2, 3], 0.6, 1.0).unwrap();
        assert!(matches!(min_variance(&c, &contradiction), Err(Error::Infeasible { .. })));
    }

    #[test]
    fn a_missing_target_and_wrong_shapes_are_refused() {
        let c = covariance(3);
        let base = Constraints::invested(3, Bounds::LONG_ONLY).unwrap();
        assert!(matches!(max_return(&[0.0; 3], &c, &base), Err(Error::OutOfRange { .. })));
        let capped = Constraints { max_volatility: Some(0.1), ..base };
        assert!(matches!(max_return(&[0.0; 2], &c, &capped), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(max_return(&[f64::NAN; 3], &c, &capped), Err(Error::NotFinite { .. })));
    }
}
