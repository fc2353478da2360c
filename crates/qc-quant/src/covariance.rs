//! Covariance matrices of returns: the sample's own, and shrunk ones for when T is not large against N.

pub mod ewma;

use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::linalg::{gram, outer_gram};
use crate::panel::Panel;
use crate::stats::moments::centre_into;

/// Answer of [`ledoit_wolf`] and [`oas`].
#[derive(Debug, Clone, PartialEq)]
pub struct Shrunk {
    /// Symbols in the caller's order: row and column names.
    pub symbols: Vec<String>,
    /// (1 - shrinkage) S + shrinkage μ I, S divided by T, μ the mean variance.
    pub covariance: DMatrix<f64>,
    /// Weight of the target, between 0 and 1.
    pub shrinkage: f64,
}

/// Sample covariance matrix (divides by T - 1).
///
/// # Errors
/// [`Error::TooFewRows`] below two rows (a panel has them), [`Error::Degenerate`] for values too large to be squared.
pub fn sample(returns: &Panel) -> Result<DMatrix<f64>> {
    limit(returns)?;
    let (z, t, n) = centred(returns);
    if t < 2 {
        return Err(Error::too_few_rows("a covariance matrix", 2, t));
    }
    squarable(gram(&z, t, n, (t - 1) as f64))
}

/// Ledoit and Wolf's covariance, shrunk towards equal variances without correlation.
///
/// Asymptotically the best mix in mean squared error, positive definite even when T <= N. Divides
/// by T, as scikit-learn does.
///
/// # Errors
/// [`Error::TooFewRows`] below three, [`Error::Degenerate`] when nothing varies or values are too large to be squared.
///
/// # Source
/// Ledoit and Wolf (2004), Journal of Multivariate Analysis 88, 365-411. Checked against
/// scikit-learn: family `shrinkage`.
///
/// ```
/// use qc_quant::{Index, Panel, covariance, testing::noise};
/// let columns = (0..30).map(|seed| noise(seed, 20)).collect(); // more symbols than rows
/// let symbols = (0..30).map(|i| format!("S{i}")).collect();
/// let shrunk = covariance::ledoit_wolf(&Panel::new(symbols, Index::Rows(20), columns)?)?;
/// assert!(0.5 < shrunk.shrinkage && shrunk.covariance.cholesky().is_some());
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn ledoit_wolf(returns: &Panel) -> Result<Shrunk> {
    let (z, t, n) = shrinkable(returns)?;
    let (rows, size) = (t as f64, n as f64);
    let s = squarable(gram(&z, t, n, rows))?;
    let mu = s.trace() / size;
    // mean over rows of |z z' - S|², from |z|⁴ and |S|²
    let fourth: f64 = (0..t).map(|row| (0..n).map(|col| z[col * t + row].powi(2)).sum::<f64>().powi(2)).sum::<f64>();
    let squared = s.norm_squared();
    let beta = (fourth / rows - squared) / rows / size;
    let delta = (squared - size * mu * mu) / size;
    let shrinkage = if delta <= 0.0 { 1.0 } else { (beta.min(delta) / delta).clamp(0.0, 1.0) };
    Ok(shrink(returns, s, mu, shrinkage))
}

/// Chen, Wiesel, Eldar and Hero's oracle approximating shrinkage, for normal returns.
///
/// # Errors
/// As [`ledoit_wolf`].
///
/// # Source
/// Chen et al. (2010), IEEE Transactions on Signal Processing 58(10), 5016-5029, as in scikit-learn.
pub fn oas(returns: &Panel) -> Result<Shrunk> {
    let (z, t, n) = shrinkable(returns)?;
    let (rows, size) = (t as f64, n as f64);
    let s = squarable(gram(&z, t, n, rows))?;
    let mu = s.trace() / size;
    let alpha = s.norm_squared() / (size * size);
    let (numerator, denominator) = (alpha + mu * mu, (rows + 1.0) * (alpha - mu * mu / size));
    let shrinkage = if denominator <= 0.0 { 1.0 } else { (numerator / denominator).min(1.0) };
    Ok(shrink(returns, s, mu, shrinkage))
}

/// Smallest eigenvalue over largest; at or below zero for a singular matrix. For error messages and warnings.
pub fn reciprocal_condition(covariance: &DMatrix<f64>) -> f64 {
    let values = covariance.clone().symmetric_eigenvalues();
    let largest = values.amax();
    if 0.0 < largest { values.min() / largest } else { 0.0 }
}

/// Number of rows that span the covariance of this panel: min(N, T - 1, its numerical rank).
pub fn rank(returns: &Panel) -> Result<usize> {
    let (z, t, n) = centred(returns);
    let small = if n <= t { gram(&z, t, n, 1.0) } else { outer_gram(&z, t, n, 1.0) };
    let (values, _) = crate::linalg::symmetric_eigen(&small)?;
    let floor = values.first().copied().unwrap_or(0.0) * t as f64 * n as f64 * f64::EPSILON;
    Ok(values.iter().filter(|value| floor < **value).count().min(t - 1))
}

/// Most rows times symbols squared that a covariance or correlation matrix takes on: some seconds.
pub const MOST_STEPS: u64 = 100_000_000_000;

pub(crate) fn limit(returns: &Panel) -> Result<()> {
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    Error::limit_work("a matrix of all symbols (rows times symbols squared)", MOST_STEPS, &[t, n, n])
}

fn centred(returns: &Panel) -> (Vec<f64>, usize, usize) {
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    let mut z = vec![0.0; t * n];
    for (column, out) in returns.columns().zip(z.chunks_exact_mut(t)) {
        centre_into(column, out);
    }
    (z, t, n)
}

/// Refuses variances whose squares are no numbers.
fn squarable(covariance: DMatrix<f64>) -> Result<DMatrix<f64>> {
    if covariance.norm_squared().is_finite() {
        return Ok(covariance);
    }
    Err(Error::degenerate("covariance matrix", "the values are too large for their variances to be squared"))
}

fn shrinkable(returns: &Panel) -> Result<(Vec<f64>, usize, usize)> {
    limit(returns)?;
    let (z, t, n) = centred(returns);
    if t < 3 {
        return Err(Error::too_few_rows("covariance shrinkage", 3, t));
    }
    if z.iter().all(|value| *value == 0.0) {
        return Err(Error::degenerate("covariance shrinkage", format!("none of the {n} symbols varies")));
    }
    Ok((z, t, n))
}

fn shrink(returns: &Panel, s: DMatrix<f64>, mu: f64, shrinkage: f64) -> Shrunk {
    let mut covariance = s * (1.0 - shrinkage);
    for i in 0..covariance.nrows() {
        covariance[(i, i)] += shrinkage * mu;
    }
    Shrunk { symbols: returns.symbols().to_vec(), covariance, shrinkage }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    #[test]
    fn values_too_large_to_be_squared_are_refused() {
        let columns = (0..3).map(|seed| crate::testing::noise(seed, 20).iter().map(|e| 1e200 * e).collect()).collect();
        let names = ["A", "B", "C"].map(str::to_owned).to_vec();
        let huge = Panel::new(names, crate::panel::Index::Rows(20), columns).unwrap();
        assert!(matches!(sample(&huge), Err(Error::Degenerate { .. })));
        assert!(matches!(ledoit_wolf(&huge), Err(Error::Degenerate { .. })));
        assert!(matches!(oas(&huge), Err(Error::Degenerate { .. })));
        for mode in [crate::pca::Mode::Covariance, crate::pca::Mode::Correlation] {
            let options = crate::pca::PcaOptions { mode, ..Default::default() };
            assert!(matches!(crate::pca::fit(&huge, &options), Err(Error::Degenerate { .. })));
        }
        for method in [crate::stats::correlation::Method::Pearson, crate::stats::correlation::Method::Distance] {
            for size in [1e-170, 1e200] {
                let (x, y) = (crate::testing::noise(1, 20), crate::testing::noise(2, 20));
                let x: Vec<f64> = x.iter().map(|e| size * e).collect();
                let found = crate::stats::correlation::pair(&x, &y, method);
                assert!(matches!(found, Err(Error::Degenerate { .. })), "{found:?}");
            }
        }
    }

    #[test]
    fn rank_is_that_of_the_rows() {
        let columns = (0..6).map(|seed| noise(seed, 4)).collect();
        let panel = Panel::new((0..6).map(|i| format!("S{i}")).collect(), Index::Rows(4), columns).unwrap();
        assert_eq!(rank(&panel).unwrap(), 3);
    }

    #[test]
    fn flat_returns_are_refused() {
        let flat = Panel::new(vec!["A".into()], Index::Rows(5), vec![vec![0.0; 5]]).unwrap();
        assert!(matches!(oas(&flat), Err(Error::Degenerate { .. })));
    }
}
