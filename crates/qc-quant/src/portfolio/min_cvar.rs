//! Weights with the smallest expected shortfall, under general linear conditions.

use nalgebra::{DMatrix, DVector};

use super::constraints::Constraints;
use crate::covariance;
use crate::error::{Error, Result};
use crate::panel::Panel;
use crate::performance::tails::tail_mean;
use crate::progress::{Counter, Progress, Silent};
use crate::solve::cone::{self, Program, Sparse};
use crate::solve::cvar::{self, Shortfall};
use crate::stats::moments::mean;

/// Answer of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct MinCvar {
    /// Symbols in the caller's order.
    pub symbols: Vec<String>,
    /// Weights in that order. Other weights may reach the same shortfall; the shortfall is the answer.
    pub weights: Vec<f64>,
    /// Expected shortfall per period, exact for these weights: mean loss of the worst share 1 - confidence.
    pub cvar: f64,
    /// Loss at which that tail begins, per period.
    pub value_at_risk: f64,
    /// Mean return per period.
    pub mean: f64,
    /// Sample standard deviation per period.
    pub volatility: f64,
    /// Distance of `cvar` to the bound that the dual problem proves.
    pub duality_gap: f64,
    /// Steps of the interior-point method.
    pub steps: usize,
}

/// Finds the weights whose worst share `1 - confidence` of periods loses least on average.
///
/// # Definition
/// min over w, a of a + Σ max(-x(t)'w - a, 0) / ((1 - confidence) T), x(t) simple returns, under
/// `constraints`. A volatility cap uses the covariance in the constraints, else the sample's of the same rows.
///
/// # When not to use it
/// The tail of T rows holds (1 - confidence) T observations: with few of them the weights chase single
/// days. Nothing is said about losses beyond the worst row.
///
/// # Errors
/// [`Error::OutOfRange`] for a confidence outside (0, 1), [`Error::TooFewRows`] when the tail holds less than
/// one row, [`Error::Infeasible`], [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::NotConverged`],
/// [`Error::TooMuchWork`].
///
/// # Source
/// Rockafellar and Uryasev (2000), Journal of Risk 2(3), 21-41; (2002), Journal of Banking and Finance
/// 26(7), 1443-1471. Checked against cvxpy: family `min_cvar`.
///
/// ```
/// use qc_quant::{Index, Panel, portfolio::{constraints::Constraints, mean_variance::Bounds, min_cvar}};
/// // B loses a tenth as much as A whenever A loses
/// let a = vec![-0.1, 0.1, -0.05, 0.2, 0.0, -0.02, 0.03, 0.01, 0.04, -0.03];
/// let b = a.iter().map(|r| 0.1 * r).collect();
/// let returns = Panel::new(vec!["A".into(), "B".into()], Index::Rows(10), vec![a, b])?;
/// let found = min_cvar::fit(&returns, 0.8, &Constraints::invested(2, Bounds::LONG_ONLY)?)?;
/// assert!(found.weights[1] > 1.0 - 1e-9);
/// assert!((found.cvar - 0.0075).abs() < 1e-9); // mean of .01 and .005
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn fit(returns: &Panel, confidence: f64, constraints: &Constraints) -> Result<MinCvar> {
    fit_watched(returns, confidence, constraints, &Silent)
}

/// Most rows times symbols squared that a step of the interior-point method takes on: about a second.
pub const MOST_STEPS: u64 = 5_000_000_000;
/// Most rows times symbols under a cap on volatility, whose solver is a general one: some seconds.
pub const MOST_CONIC: u64 = 1_000_000;

/// [`fit`] with a progress callback; a step is one of the interior-point method, which takes 20 to 40 of the 100 it may
/// (300 of the general one, with a cap on volatility).
///
/// # Errors
/// As [`fit`], and [`Error::Cancelled`].
pub fn fit_watched(
    returns: &Panel,
    confidence: f64,
    constraints: &Constraints,
    progress: &dyn Progress,
) -> Result<MinCvar> {
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    if !(0.0 < confidence && confidence < 1.0) {
        return Err(Error::out_of_range("confidence", 0.0, 1.0, confidence));
    }
    let tail = (1.0 - confidence) * t as f64;
    if tail < 1.0 - 1e-9 {
        let needed = (1.0 / (1.0 - confidence) - 1e-9).ceil() as usize;
        return Err(Error::too_few_rows(format!("expected shortfall at {confidence}"), needed, t));
    }
    constraints.check(n)?;
    if let Some(given) = constraints.covariance.as_ref().filter(|given| given.shape() != (n, n)) {
        let what = "rows of the covariance of a volatility cap".into();
        return Err(Error::ShapeMismatch { what, expected: n, found: given.nrows() });
    }
    let what = "minimum expected shortfall (rows times symbols squared)";
    Error::limit_work(what, MOST_STEPS, &[t, n, n])?;
    if constraints.max_volatility.is_some() {
        let what = "minimum expected shortfall under a volatility cap (rows times symbols)";
        Error::limit_work(what, MOST_CONIC, &[t, n])?;
    }
    let most = if constraints.max_volatility.is_some() { cone::MOST_STEPS } else { cvar::MOST_STEPS };
    let counter = Counter::new(progress, most)?;
    let scale = returns.values().iter().map(|r| r.abs()).sum::<f64>() / returns.values().len() as f64;
    if scale == 0.0 {
        return Err(Error::degenerate("minimum expected shortfall", "all returns are zero"));
    }
    let inner = if constraints.max_volatility.is_none() {
        interior(returns, tail, scale, constraints, &counter)?
    } else {
        None
    };
    let (raw, gap, steps) = match inner {
        Some(found) => found,
        None if MOST_CONIC < t.saturating_mul(n) as u64 => {
            let size = format!("{t} rows of {n} symbols");
            let reason =
                format!("the iteration stalls on {size}, too many to prove that the conditions exclude each other");
            return Err(Error::degenerate("minimum expected shortfall", reason));
        }
        None => general(returns, tail, scale, constraints, &counter)?,
    };
    let weights: Vec<f64> = (0..n).map(|i| raw[i].clamp(constraints.lower[i], constraints.upper[i])).collect();
    Ok(describe(returns, confidence, weights, gap * scale, steps))
}

fn describe(returns: &Panel, confidence: f64, weights: Vec<f64>, duality_gap: f64, steps: usize) -> MinCvar {
    let mut values = vec![0.0; returns.n_rows()];
    for (column, w) in returns.columns().zip(&weights) {
        values.iter_mut().zip(column).for_each(|(sum, r)| *sum += w * r);
    }
    let (average, volatility) = (mean(&values), crate::stats::moments::std_dev(&values));
    values.sort_unstable_by(f64::total_cmp);
    let last = (((1.0 - confidence) * values.len() as f64 - 1e-12).floor() as usize).min(values.len() - 1);
    MinCvar {
        symbols: returns.symbols().to_vec(),
        weights,
        cvar: tail_mean(&values, confidence),
        value_at_risk: -values[last],
        mean: average,
        volatility,
        duality_gap,
        steps,
    }
}

/// Variables: weights, then |trades| when turnover is capped, then the threshold.
fn interior(
    returns: &Panel,
    tail: f64,
    scale: f64,
    constraints: &Constraints,
    counter: &Counter<'_>,
) -> Result<Option<(Vec<f64>, f64, usize)>> {
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    let trades = if constraints.turnover.is_some() { n } else { 0 };
    let m = n + trades + 1;
    let mut xi = DMatrix::zeros(t, m);
    for (i, column) in returns.columns().enumerate() {
        xi.column_mut(i).iter_mut().zip(column).for_each(|(to, r)| *to = r / scale);
    }
    xi.column_mut(m - 1).fill(1.0);
    let mut lower = vec![f64::NEG_INFINITY; m];
    let mut upper = vec![f64::INFINITY; m];
    let mut equal: Vec<(Vec<f64>, f64)> = Vec::new();
    let mut at_most: Vec<(Vec<f64>, f64)> = Vec::new();
    for i in 0..n {
        if constraints.upper[i] - constraints.lower[i] < 1e-12 {
            let mut row = vec![0.0; m];
            row[i] = 1.0;
            equal.push((row, constraints.lower[i]));
        } else {
            (lower[i], upper[i]) = (constraints.lower[i], constraints.upper[i]);
        }
    }
    let wide = |row: &[f64]| {
        let size = row.iter().fold(0.0, |most: f64, c| most.max(c.abs())).max(f64::MIN_POSITIVE);
        (row.iter().map(|c| c / size).chain(std::iter::repeat_n(0.0, m - n)).collect::<Vec<_>>(), size)
    };
    for row in &constraints.equal {
        let (coefficients, size) = wide(&row.coefficients);
        equal.push((coefficients, row.value / size));
    }
    for row in &constraints.at_most {
        let (coefficients, size) = wide(&row.coefficients);
        at_most.push((coefficients, row.value / size));
    }
    if let Some(turnover) = &constraints.turnover {
        let mut total = vec![0.0; m];
        for (i, held) in turnover.from.iter().enumerate() {
            for sign in [1.0, -1.0] {
                let mut row = vec![0.0; m];
                (row[i], row[n + i]) = (sign, -1.0);
                at_most.push((row, sign * held));
            }
            total[n + i] = 0.5;
            lower[n + i] = 0.0;
        }
        at_most.push((total, turnover.at_most));
    }
    let mut q = DVector::zeros(m);
    q[m - 1] = 1.0;
    let stack = |rows: &[(Vec<f64>, f64)]| {
        let matrix = DMatrix::from_fn(rows.len(), m, |i, j| rows[i].0[j]);
        (matrix, DVector::from_fn(rows.len(), |i, _| rows[i].1))
    };
    let ((a, b), (g, h)) = (stack(&equal), stack(&at_most));
    let problem = Shortfall { xi: &xi, q: &q, c: 1.0 / tail, lower: &lower, upper: &upper, a: &a, b: &b, g: &g, h: &h };
    // what this method cannot finish, the general one settles or proves impossible
    let found = match problem.solve(counter) {
        Ok(found) => found,
        Err(Error::NotConverged { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(found.map(|found| (found.v.as_slice()[..n].to_vec(), found.gap, found.steps)))
}

/// The same problem with one variable per shortfall, for a cap on the norm and as the judge of impossible conditions.
fn general(
    returns: &Panel,
    tail: f64,
    scale: f64,
    constraints: &Constraints,
    counter: &Counter<'_>,
) -> Result<(Vec<f64>, f64, usize)> {
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    let (equal, mut at_most) = rows(constraints);
    let trades = if constraints.turnover.is_some() { n } else { 0 };
    let threshold = n + trades;
    for row in 0..t {
        let mut entries: Vec<(usize, f64)> = (0..n).map(|i| (i, -returns.column(i)[row] / scale)).collect();
        entries.extend([(threshold, -1.0), (threshold + 1 + row, -1.0)]);
        at_most.push((entries, 0.0));
        at_most.push((vec![(threshold + 1 + row, -1.0)], 0.0));
    }
    let mut q = vec![0.0; threshold + 1 + t];
    q[threshold] = 1.0;
    q[threshold + 1..].fill(1.0 / tail);
    let factor = match constraints.max_volatility {
        Some(cap) => {
            let root = match &constraints.covariance {
                Some(covariance) => root(covariance)?,
                None => root(&covariance::sample(returns)?)?,
            };
            Some((root / scale, cap / scale))
        }
        None => None,
    };
    let ball = factor.as_ref().map(|(factor, radius)| (factor, *radius));
    let program = Program { what: "minimum expected shortfall", p: None, q: &q, equal, at_most, ball };
    let found = program.solve(counter)?;
    Ok((found.x[..n].to_vec(), found.gap, found.steps))
}

/// Bounds, rows and trading cap for the general solver; variables after the weights are |trades|.
pub(crate) fn rows(constraints: &Constraints) -> (Vec<Sparse>, Vec<Sparse>) {
    let n = constraints.lower.len();
    let sparse =
        |row: &super::constraints::Row| (row.coefficients.iter().copied().enumerate().collect::<Vec<_>>(), row.value);
    let equal = constraints.equal.iter().map(sparse).collect();
    let mut at_most: Vec<Sparse> = constraints.at_most.iter().map(sparse).collect();
    for i in 0..n {
        at_most.push((vec![(i, -1.0)], -constraints.lower[i]));
        at_most.push((vec![(i, 1.0)], constraints.upper[i]));
    }
    if let Some(turnover) = &constraints.turnover {
        for (i, held) in turnover.from.iter().enumerate() {
            at_most.push((vec![(i, 1.0), (n + i, -1.0)], *held));
            at_most.push((vec![(i, -1.0), (n + i, -1.0)], -held));
        }
        at_most.push(((0..n).map(|i| (n + i, 0.5)).collect(), turnover.at_most));
    }
    (equal, at_most)
}

/// F with F'F = S, from the eigenvectors so that a singular S has one too.
pub(crate) fn root(covariance: &DMatrix<f64>) -> Result<DMatrix<f64>> {
    let (values, vectors) = crate::linalg::symmetric_eigen(covariance)?;
    let mut factor = vectors.transpose();
    for (i, value) in values.iter().enumerate() {
        factor.row_mut(i).scale_mut(value.max(0.0).sqrt());
    }
    Ok(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::portfolio::constraints::{Side, Turnover};
    use crate::portfolio::mean_variance::Bounds;
    use crate::testing::noise;

    fn returns(rows: usize, n: usize) -> Panel {
        let market = noise(1, rows);
        let column = |i: usize| {
            let own = noise(10 + i as u64, rows);
            market.iter().zip(own).map(|(m, e)| 0.01 * ((0.5 + 0.1 * i as f64) * m + e)).collect()
        };
        Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(rows), (0..n).map(column).collect()).unwrap()
    }

    /// Both methods on the same conditions: the same shortfall.
    #[test]
    fn the_structured_method_equals_the_general_one() {
        let panel = returns(300, 8);
        let sides: Vec<Side> = (0..8).map(|i| if i % 2 == 0 { Side::Long } else { Side::Short }).collect();
        let betas: Vec<f64> = (0..8).map(|i| 0.5 + 0.1 * f64::from(i)).collect();
        let base = Constraints::invested(8, Bounds { lower: 0.0, upper: 0.3 }).unwrap();
        let held = Turnover { from: vec![0.125; 8], at_most: 0.1 };
        let cases = [
            base.clone(),
            base.clone().group("sector", &[0, 1, 2], 0.2, 0.4).unwrap(),
            Constraints { turnover: Some(held), ..base.clone() },
            base.around(&[0.125; 8], 0.05).unwrap(),
            Constraints::books(&sides, 2.0, 0.6).unwrap().neutral_to("beta", &betas).unwrap(),
        ];
        for (case, constraints) in cases.iter().enumerate() {
            let own = fit(&panel, 0.9, constraints).unwrap();
            let (x, _, _) = general(&panel, 30.0, 0.01, constraints, &Counter::new(&Silent, 300).unwrap()).unwrap();
            let other = describe(&panel, 0.9, x, 0.0, 0);
            assert!((own.cvar / other.cvar - 1.0).abs() < 1e-8, "{case}: {} {}", own.cvar, other.cvar);
            assert!(own.duality_gap < 1e-9, "{case}: {}", own.duality_gap);
            for row in &constraints.equal {
                let sum: f64 = row.coefficients.iter().zip(&own.weights).map(|(c, w)| c * w).sum();
                assert!((sum - row.value).abs() < 1e-9, "{case}: {}", row.name);
            }
        }
    }

    #[test]
    fn a_volatility_cap_binds() {
        let panel = returns(300, 6);
        let base = Constraints::invested(6, Bounds::LONG_ONLY).unwrap();
        let free = fit(&panel, 0.95, &base).unwrap();
        let c = covariance::sample(&panel).unwrap();
        let w = crate::portfolio::mean_variance::min_variance(&c, Some(Bounds::LONG_ONLY)).unwrap();
        let w = DVector::from_vec(w);
        let least = w.dot(&(&c * &w)).sqrt();
        let cap = 0.5 * (least + free.volatility);
        assert!(least < 0.9999 * free.volatility);
        let found = fit(&panel, 0.95, &Constraints { max_volatility: Some(cap), ..base.clone() }).unwrap();
        assert!((found.volatility / cap - 1.0).abs() < 1e-7 && free.cvar < found.cvar, "{found:?} {cap}");
        let none = Constraints { max_volatility: Some(0.99 * least), ..base };
        assert!(matches!(fit(&panel, 0.95, &none), Err(Error::Infeasible { .. })));
    }

    #[test]
    fn conditions_that_exclude_each_other_are_infeasible() {
        let base = Constraints::invested(4, Bounds::LONG_ONLY).unwrap();
        let both = base.group("a", &[0, 1], 0.7, 1.0).unwrap().group("b", &[2, 3], 0.7, 1.0).unwrap();
        assert!(matches!(fit(&returns(100, 4), 0.9, &both), Err(Error::Infeasible { .. })));
    }

    #[test]
    fn an_empty_tail_is_refused() {
        let base = Constraints::invested(2, Bounds::LONG_ONLY).unwrap();
        assert!(matches!(fit(&returns(50, 2), 0.99, &base), Err(Error::TooFewRows { needed: 100, found: 50, .. })));
        assert!(matches!(fit(&returns(50, 2), 1.0, &base), Err(Error::OutOfRange { .. })));
        assert!(matches!(fit(&returns(50, 3), 0.9, &base), Err(Error::ShapeMismatch { .. })));
    }
}
