//! Principal components of returns: the few directions in which many assets move together.

use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::lanes::extremes;
use crate::linalg::{gram_alone, gram_alone_with, outer_gram, product, symmetric_eigen};
use crate::panel::{Index, Panel};
use crate::stats::moments::{ColumnMoments, centre_into, divide};

/// What is decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// The correlation matrix: every asset counts alike, whatever its volatility.
    #[default]
    Correlation,
    /// The sample covariance matrix: volatile assets dominate.
    Covariance,
}

/// Options of [`fit`]; the default is the correlation matrix and all components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PcaOptions {
    /// Which matrix.
    pub mode: Mode,
    /// Number of components kept; `None` keeps as many as the rank.
    pub n_components: Option<usize>,
}

/// Answer of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// Which matrix was decomposed.
    pub mode: Mode,
    /// Symbols in the caller's order: the rows of `loadings`.
    pub symbols: Vec<String>,
    /// Rows (returns) used.
    pub n_obs: usize,
    /// Number of components with variance: at most N, T - 1.
    pub rank: usize,
    /// Variance of each kept component, largest first.
    pub eigenvalues: Vec<f64>,
    /// Each kept eigenvalue as a share of the variance of *all* components.
    pub ratio: Vec<f64>,
    /// Running sum of `ratio`.
    pub cumulative: Vec<f64>,
    /// Unit vectors, symbols by components; in each the loading of largest size is positive.
    pub loadings: DMatrix<f64>,
    /// Sum of all eigenvalues: N in correlation mode, total variance per period in covariance mode.
    pub total_variance: f64,
    /// exp of the entropy of the variance shares of all components: 1 when one factor explains everything, at most N.
    pub effective_bets: f64,
    /// Marchenko and Pastur's upper edge, (1 + sqrt(N/T))²: what the largest eigenvalue of pure noise tends to.
    /// Only in correlation mode.
    pub noise_edge: Option<f64>,
    /// Mean of each symbol, removed before.
    pub means: Vec<f64>,
    /// Divisor of each symbol: its standard deviation (T - 1) in correlation mode, else 1.
    pub scales: Vec<f64>,
}

/// Most rows times symbols times the lesser of both that are taken on: some seconds.
pub const MOST_STEPS: u64 = 50_000_000_000;

/// Finds the orthogonal directions that explain most of the variance of a panel of returns.
///
/// # Shapes and units
/// `returns`: T rows by N symbols. Loadings are unit vectors; a component's variance per period is
/// its eigenvalue (in units of correlation, or of squared returns).
///
/// # Definition
/// Z = returns less their means, and in correlation mode divided by their sample standard
/// deviations. Eigenvalues of Z'Z/(T-1), taken from ZZ'/(T-1) when N > T. Values below T N ε times
/// the largest are zero; rank = min(N, T - 1, number above zero). Components beyond the rank are
/// rounding noise and are not returned.
///
/// # When not to use it
/// Eigenvalues close to each other leave their vectors undetermined: only the plane they span
/// means something. On levels of prices the first component is the trend.
///
/// # Errors
/// [`Error::TooFewSymbols`] below two, [`Error::TooFewRows`] below three rows, [`Error::Constant`]
/// in correlation mode, [`Error::Degenerate`] when nothing varies, [`Error::OutOfRange`] when more
/// components are wanted than the rank.
///
/// # Source
/// Jolliffe (2002), Principal Component Analysis, 2nd ed., ch. 2-3; Marčenko and Pastur (1967);
/// Meucci (2009), Risk 22(5), 74-79 (effective bets). Checked against scikit-learn: family `pca`.
///
/// # Example: two assets that always move together are one bet
/// ```
/// use qc_quant::{Index, Panel, pca, testing::noise};
/// let a = noise(1, 100);
/// let twice = a.iter().map(|r| 2.0 * r).collect();
/// let returns = Panel::new(vec!["A".into(), "B".into()], Index::Rows(100), vec![a, twice])?;
/// let pca = pca::fit(&returns, &Default::default())?;
/// assert_eq!(pca.rank, 1);
/// assert!((pca.ratio[0] - 1.0).abs() < 1e-12 && (pca.effective_bets - 1.0).abs() < 1e-9);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn fit(returns: &Panel, options: &PcaOptions) -> Result<Pca> {
    let (n_obs, n) = (returns.n_rows(), returns.n_symbols());
    if n < 2 {
        return Err(Error::TooFewSymbols { what: "principal components".into(), needed: 2, found: n });
    }
    if n_obs < 3 {
        return Err(Error::too_few_rows("principal components", 3, n_obs));
    }
    let small = n.min(n_obs);
    Error::limit_work("principal components (rows times symbols times the lesser)", MOST_STEPS, &[n_obs, n, small])?;
    if options.mode == Mode::Correlation {
        returns.require_variation()?;
    }
    let df = (n_obs - 1) as f64;
    let (z, means, scales, matrix) = match (n <= n_obs).then(|| without_copy(returns, options.mode)).flatten() {
        Some((means, scales, matrix)) => (Vec::new(), means, scales, matrix),
        None => {
            let (z, means, scales) = standardise(returns, options.mode);
            let matrix = if n <= n_obs { gram_alone(&z, n_obs, n, df) } else { outer_gram(&z, n_obs, n, df) };
            (z, means, scales, matrix)
        }
    };
    if !matrix.trace().is_finite() {
        return Err(Error::degenerate("principal components", "the values are too large to be squared"));
    }
    let (all, vectors) = symmetric_eigen(&matrix)?;
    let largest = all.first().copied().unwrap_or(0.0);
    let floor = n_obs as f64 * n as f64 * f64::EPSILON * largest;
    let all: Vec<f64> = all.into_iter().map(|value| if value <= floor { 0.0 } else { value }).collect();
    let rank = all.iter().filter(|value| 0.0 < **value).count().min(n).min(n_obs - 1);
    if rank == 0 {
        return Err(Error::degenerate("principal components", format!("none of the {n} symbols varies")));
    }
    let kept = options.n_components.unwrap_or(rank);
    if !(1..=rank).contains(&kept) {
        let what = format!("n_components ({n} symbols and {n_obs} rows have rank {rank})");
        return Err(Error::out_of_range(what, 1.0, rank as f64, kept as f64));
    }
    let mut loadings = match n <= n_obs {
        true if kept == n => vectors,
        true => vectors.columns(0, kept).into_owned(),
        false => from_dual(&z, &vectors, &all, n_obs, n, kept),
    };
    fix_signs(&mut loadings);

    let total: f64 = all[..rank].iter().sum();
    let eigenvalues = all[..kept].to_vec();
    let ratio: Vec<f64> = eigenvalues.iter().map(|value| value / total).collect();
    let cumulative = ratio.iter().scan(0.0, |sum, share| {
        *sum += share;
        Some(sum.min(1.0))
    });
    let entropy: f64 = all[..rank].iter().map(|value| value / total).map(|share| -share * share.ln()).sum();
    let noise_edge = (options.mode == Mode::Correlation).then(|| (1.0 + (n as f64 / n_obs as f64).sqrt()).powi(2));
    Ok(Pca {
        mode: options.mode,
        symbols: returns.symbols().to_vec(),
        n_obs,
        rank,
        cumulative: cumulative.collect(),
        ratio,
        eigenvalues,
        loadings,
        total_variance: total,
        effective_bets: entropy.exp(),
        noise_edge,
        means,
        scales,
    })
}

impl Pca {
    /// Number of components kept.
    pub fn n_components(&self) -> usize {
        self.eigenvalues.len()
    }

    /// Loadings of a component (0-based) with their symbols.
    pub fn component(&self, component: usize) -> impl Iterator<Item = (&str, f64)> {
        let column =
            (component < self.n_components()).then(|| self.loadings.column(component).iter().copied().collect());
        let values: Vec<f64> = column.unwrap_or_default();
        self.symbols.iter().map(String::as_str).zip(values)
    }

    /// Number of kept eigenvalues above the noise edge; `None` in covariance mode.
    pub fn above_noise(&self) -> Option<usize> {
        self.noise_edge.map(|edge| self.eigenvalues.iter().filter(|value| edge < **value).count())
    }

    /// Returns of the components (PC1, PC2, ...) on a panel with the same symbols, in any order.
    ///
    /// # Errors
    /// [`Error::UnknownSymbol`] when a symbol of the fit is missing.
    pub fn factor_returns(&self, returns: &Panel) -> Result<Panel> {
        let (n_rows, n, k) = (returns.n_rows(), self.symbols.len(), self.n_components());
        let mut z = Vec::with_capacity(n_rows * n);
        for ((symbol, mean), scale) in self.symbols.iter().zip(&self.means).zip(&self.scales) {
            z.extend(returns.column_of(symbol)?.iter().map(|value| (value - mean) / scale));
        }
        let scores = product(&z, self.loadings.as_slice(), n_rows, n, k);
        let names = (1..=k).map(|number| format!("PC{number}")).collect();
        let columns = scores.column_iter().map(|column| column.iter().copied().collect()).collect();
        let index: Index = returns.index().clone();
        Panel::new(names, index, columns)
    }
}

/// Means, scales and the matrix to decompose, where returns need no centring ([`ColumnMoments`]); `None` elsewhere.
fn without_copy(returns: &Panel, mode: Mode) -> Option<(Vec<f64>, Vec<f64>, DMatrix<f64>)> {
    let (n_obs, n) = (returns.n_rows(), returns.n_symbols());
    let moments: Vec<ColumnMoments> = returns.columns().map(ColumnMoments::of).collect();
    if !moments.iter().all(|of| of.is_as_good_as_centred(n_obs)) {
        return None;
    }
    let df = (n_obs - 1) as f64;
    let scale = |of: &ColumnMoments| if mode == Mode::Covariance { 1.0 } else { (of.squares / df).sqrt() };
    let scales: Vec<f64> = moments.iter().map(scale).collect();
    let shares: Vec<f64> = scales.iter().map(|scale| 1.0 / (df.sqrt() * scale)).collect();
    let means: Vec<f64> = moments.iter().map(|of| of.mean).collect();
    let sums: Vec<f64> = means.iter().map(|mean| mean * (n_obs as f64).sqrt()).collect();
    let matrix = gram_alone_with(returns.values(), n_obs, n, |i, j, product| {
        (product - sums[i] * sums[j]) * (shares[i] * shares[j])
    });
    Some((means, scales, matrix))
}

fn standardise(returns: &Panel, mode: Mode) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let n_rows = returns.n_rows();
    let mut z = vec![0.0; n_rows * returns.n_symbols()];
    let (mut means, mut scales) = (Vec::new(), Vec::new());
    for (column, out) in returns.columns().zip(z.chunks_exact_mut(n_rows)) {
        means.push(centre_into(column, out));
        let scale = match mode {
            Mode::Covariance => 1.0,
            Mode::Correlation => (crate::lanes::dot(out, out) / (n_rows - 1) as f64).sqrt(),
        };
        if mode == Mode::Correlation {
            divide(out, scale);
        }
        scales.push(scale);
    }
    (z, means, scales)
}

/// Loadings from the eigenvectors of ZZ': v = Z'u / |Z'u|.
fn from_dual(z: &[f64], u: &DMatrix<f64>, values: &[f64], n_obs: usize, n: usize, kept: usize) -> DMatrix<f64> {
    let mut loadings = crate::linalg::transposed_product(z, &u.as_slice()[..n_obs * kept], n_obs, n, kept);
    for (mut column, value) in loadings.column_iter_mut().zip(values) {
        let norm = column.norm();
        let expected = ((n_obs - 1) as f64 * value).sqrt();
        column /= if 0.0 < norm { norm } else { expected };
    }
    loadings
}

/// Turns every column so that its loading of largest size (the first on ties) is positive.
fn fix_signs(loadings: &mut DMatrix<f64>) {
    let n = loadings.nrows();
    for column in loadings.as_mut_slice().chunks_exact_mut(n) {
        let (low, high) = extremes(column);
        let size = high.max(-low);
        if column.iter().find(|value| value.abs() == size).is_some_and(|first| *first < 0.0) {
            column.iter_mut().for_each(|value| *value = -*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn panel(n_rows: usize, n: usize) -> Panel {
        let symbols = (0..n).map(|i| format!("S{i}")).collect();
        let columns = (0..n).map(|i| noise(i as u64, n_rows).iter().map(|v| v * (1.0 + i as f64)).collect()).collect();
        Panel::new(symbols, Index::Rows(n_rows), columns).unwrap()
    }

    #[test]
    fn loadings_are_orthonormal_and_explain_everything() {
        for (rows, n) in [(80, 6), (5, 9)] {
            for mode in [Mode::Correlation, Mode::Covariance] {
                let pca = fit(&panel(rows, n), &PcaOptions { mode, n_components: None }).unwrap();
                assert_eq!(pca.rank, n.min(rows - 1));
                let gram = pca.loadings.transpose() * &pca.loadings;
                assert!((gram - DMatrix::identity(pca.rank, pca.rank)).amax() < 1e-12);
                assert!((pca.cumulative[pca.rank - 1] - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn asking_for_more_components_than_the_rank_states_the_rank() {
        let error = fit(&panel(4, 6), &PcaOptions { n_components: Some(4), ..Default::default() }).unwrap_err();
        assert!(error.to_string().contains("rank 3"), "{error}");
    }

    #[test]
    fn factor_returns_have_the_eigenvalues_as_variances_and_ignore_column_order() {
        let panel = panel(60, 4);
        let pca = fit(&panel, &PcaOptions::default()).unwrap();
        let turned = panel.select(&["S3", "S0", "S2", "S1"]).unwrap();
        let factors = pca.factor_returns(&turned).unwrap();
        for (column, eigenvalue) in factors.columns().zip(&pca.eigenvalues) {
            assert!((crate::stats::moments::variance(column) - eigenvalue).abs() < 1e-12);
        }
    }

    #[test]
    fn a_constant_symbol_is_named_in_correlation_mode() {
        let columns = vec![noise(1, 9), vec![0.5; 9]];
        let panel = Panel::new(vec!["A".into(), "FLAT".into()], Index::Rows(9), columns).unwrap();
        let error = fit(&panel, &PcaOptions::default()).unwrap_err();
        assert_eq!(error.symbol(), Some("FLAT"));
        let covariance = PcaOptions { mode: Mode::Covariance, n_components: None };
        assert_eq!(fit(&panel, &covariance).unwrap().rank, 1);
    }
}
