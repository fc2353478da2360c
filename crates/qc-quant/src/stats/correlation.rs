//! Correlation of columns: Pearson, Spearman, Kendall and distance correlation, with p-values and summaries.

mod rolling;
mod summary;

use nalgebra::DMatrix;
use rayon::prelude::*;

pub use self::rolling::{Aggregate, Rolling, rolling, rolling_watched};
pub use self::summary::{Pair, Summary};
use super::distance_correlation::{self, Column, Scratch};
use super::distribution::student_two_sided;
use super::kendall;
use super::moments::{ColumnMoments, standardise_into};
use crate::covariance;
use crate::error::{Error, Result};
use crate::lanes::dot;
use crate::linalg::gram_with;
use crate::panel::{Panel, require_finite, require_variation};
use crate::progress::{Counter, Progress, Silent};

/// Values of a table below which a second thread costs more than it saves.
const PARALLEL_VALUES: usize = 100_000;

/// Columns one thread takes at least.
const COLUMNS_AT_LEAST: usize = 32;

/// Which dependence is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// Linear dependence. p: t with T - 2 degrees of freedom.
    #[default]
    Pearson,
    /// Monotone dependence: Pearson of average ranks. p: t with T - 2 degrees of freedom.
    Spearman,
    /// Concordance, tau-b. p: normal with tie correction.
    Kendall,
    /// Any dependence; never negative. p: t-test on the bias-corrected statistic.
    Distance,
}

/// Correlations of all pairs of columns of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrelationMatrix {
    /// What was measured.
    pub method: Method,
    /// Symbols in the caller's order: row and column names of `values`.
    pub symbols: Vec<String>,
    /// Rows used.
    pub n_obs: usize,
    /// Symmetric, diagonal exactly 1, within [-1, 1].
    pub values: DMatrix<f64>,
    /// p-values of the methods whose p-value does not follow from the correlation alone.
    stored_p: Option<DMatrix<f64>>,
}

/// A correlation and its p-value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    /// The correlation.
    pub value: f64,
    /// Two-sided p-value of no dependence.
    pub p_value: f64,
}

/// Correlates all columns of a panel of returns.
///
/// p-values suppose independent rows; levels of prices are not independent, so correlate returns.
///
/// # Errors
/// [`Error::TooFewSymbols`] below two, [`Error::TooFewRows`] below three rows (five for distance
/// correlation), [`Error::Constant`] naming the symbol.
///
/// # Source
/// Checked against numpy, scipy.stats and dcor: families `correlation` and `correlation_missing`.
///
/// # Example: units do not matter
/// ```
/// use qc_quant::{Index, Panel, stats::correlation::{Method, matrix}, testing::noise};
/// let (a, b) = (noise(1, 50), noise(2, 50));
/// let percent: Vec<f64> = b.iter().map(|r| 100.0 * r).collect();
/// let of = |b| matrix(&Panel::new(vec!["A".into(), "B".into()], Index::Rows(50), vec![a.clone(), b])?, Method::Spearman);
/// assert_eq!(of(b.clone())?.values, of(percent)?.values);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn matrix(panel: &Panel, method: Method) -> Result<CorrelationMatrix> {
    matrix_watched(panel, method, &Silent)
}

/// [`matrix`] with a progress callback, for distance correlation or Kendall of many symbols.
///
/// # Errors
/// As [`matrix`], and [`Error::Cancelled`].
pub fn matrix_watched(panel: &Panel, method: Method, progress: &dyn Progress) -> Result<CorrelationMatrix> {
    let (n_obs, n) = (panel.n_rows(), panel.n_symbols());
    if n < 2 {
        return Err(Error::TooFewSymbols { what: "a correlation matrix".into(), needed: 2, found: n });
    }
    require_rows(method, n_obs)?;
    match method {
        Method::Pearson | Method::Spearman => covariance::limit(panel)?,
        Method::Kendall | Method::Distance => {
            Error::limit_work("correlations (pairs times rows)", MOST_STEPS, &[n, (n - 1) / 2 + 1, n_obs])?;
        }
    }
    let (values, stored_p) = match method {
        Method::Pearson => {
            let moments = column_moments(panel.values(), n_obs);
            for ((symbol, column), of) in panel.symbols().iter().zip(panel.columns()).zip(&moments) {
                if !of.surely_varies(n_obs) {
                    require_variation(symbol, column)?;
                }
            }
            (linear(panel.values(), &moments, n_obs), None)
        }
        Method::Spearman => {
            panel.require_variation()?;
            let ranks: Vec<Vec<f64>> =
                panel.columns().collect::<Vec<_>>().par_iter().map(|c| average_ranks(c)).collect();
            let ranks = ranks.concat();
            (linear(&ranks, &column_moments(&ranks, n_obs), n_obs), None)
        }
        Method::Kendall => {
            panel.require_variation()?;
            let columns: Vec<&[f64]> = panel.columns().collect();
            let (values, p) = by_pairs(n, progress, || (), |(), i, j| kendall::tau_b(columns[i], columns[j]))?;
            (values, Some(p))
        }
        Method::Distance => {
            panel.require_variation()?;
            let columns: Vec<Column> = panel.columns().collect::<Vec<_>>().par_iter().map(|c| Column::new(c)).collect();
            let (values, p) = by_pairs(n, progress, Scratch::default, |scratch, i, j| {
                let d = distance_correlation::between(&columns[i], &columns[j], scratch);
                (d.correlation, d.p_value)
            })?;
            (values, Some(p))
        }
    };
    Ok(CorrelationMatrix { method, symbols: panel.symbols().to_vec(), n_obs, values, stored_p })
}

/// Most pairs (or windows) times rows of distance and rank correlations that are taken on: some minutes on two cores.
pub const MOST_STEPS: u64 = 2_000_000_000;

/// Correlates two columns.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::TooFewRows`], [`Error::Constant`], [`Error::NotFinite`].
///
/// ```
/// use qc_quant::stats::correlation::{Method, pair};
/// let cubes: Vec<f64> = (1..=9).map(|v| f64::from(v * v * v)).collect();
/// let line: Vec<f64> = (1..=9).map(f64::from).collect();
/// assert_eq!(pair(&line, &cubes, Method::Kendall)?.value, 1.0); // monotone
/// assert!(pair(&line, &cubes, Method::Pearson)?.value < 0.95); // but not linear
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn pair(x: &[f64], y: &[f64], method: Method) -> Result<Correlation> {
    if x.len() != y.len() {
        return Err(Error::ShapeMismatch { what: "rows of x and y".into(), expected: x.len(), found: y.len() });
    }
    require_finite("x", x)?;
    require_finite("y", y)?;
    require_rows(method, x.len())?;
    require_variation("x", x)?;
    require_variation("y", y)?;
    Ok(pair_checked(x, y, method, &mut Buffers::default()))
}

/// Ranks from 1, ties share their mean rank.
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut keyed: Vec<(f64, u32)> = values.iter().copied().zip(0u32..).collect();
    keyed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < keyed.len() {
        let mut end = start + 1;
        while end < keyed.len() && keyed[end].0 == keyed[start].0 {
            end += 1;
        }
        let rank = (start + end + 1) as f64 / 2.0; // mean of start + 1 ..= end
        keyed[start..end].iter().for_each(|&(_, row)| ranks[row as usize] = rank);
        start = end;
    }
    ranks
}

#[derive(Debug, Default)]
struct Buffers {
    x: Vec<f64>,
    y: Vec<f64>,
    distance: Scratch,
}

fn pair_checked(x: &[f64], y: &[f64], method: Method, buffers: &mut Buffers) -> Correlation {
    let n = x.len();
    match method {
        Method::Pearson => {
            buffers.x.resize(n, 0.0);
            buffers.y.resize(n, 0.0);
            standardise_into(x, &mut buffers.x);
            standardise_into(y, &mut buffers.y);
            let value = dot(&buffers.x, &buffers.y).clamp(-1.0, 1.0);
            Correlation { value, p_value: p_from_t(value, n) }
        }
        Method::Spearman => pair_checked(&average_ranks(x), &average_ranks(y), Method::Pearson, buffers),
        Method::Kendall => {
            let (value, p_value) = kendall::tau_b(x, y);
            Correlation { value, p_value }
        }
        Method::Distance => {
            let d = distance_correlation::between(&Column::new(x), &Column::new(y), &mut buffers.distance);
            Correlation { value: d.correlation, p_value: d.p_value }
        }
    }
}

fn require_rows(method: Method, n_rows: usize) -> Result<()> {
    match method {
        Method::Distance => distance_correlation::require_rows(n_rows),
        _ if n_rows < 3 => Err(Error::too_few_rows("a correlation", 3, n_rows)),
        _ => Ok(()),
    }
}

fn p_from_t(correlation: f64, n_obs: usize) -> f64 {
    let df = n_obs as f64 - 2.0;
    let rest = (1.0 - correlation) * (1.0 + correlation);
    if rest <= 0.0 {
        return 0.0;
    }
    student_two_sided(correlation * (df / rest).sqrt(), df)
}

/// Moments of the columns of a column-major table.
fn column_moments(values: &[f64], n_rows: usize) -> Vec<ColumnMoments> {
    if values.len() < PARALLEL_VALUES {
        values.chunks_exact(n_rows).map(ColumnMoments::of).collect()
    } else {
        values.par_chunks_exact(n_rows).with_min_len(COLUMNS_AT_LEAST).map(ColumnMoments::of).collect()
    }
}

/// Pearson correlation of the columns of a column-major table.
///
/// Returns hardly need centring: the product of the raw table, less that of the means, is as exact and saves a copy of
/// the table. Any other table is centred and scaled first.
fn linear(values: &[f64], moments: &[ColumnMoments], n_rows: usize) -> DMatrix<f64> {
    let n = moments.len();
    let mut matrix = if moments.iter().all(|of| of.is_as_good_as_centred(n_rows)) {
        let means: Vec<f64> = moments.iter().map(|of| of.mean * (n_rows as f64).sqrt()).collect();
        let scales: Vec<f64> = moments.iter().map(|of| of.squares.sqrt().recip()).collect();
        gram_with(values, n_rows, n, |i, j, product| {
            ((product - means[i] * means[j]) * (scales[i] * scales[j])).clamp(-1.0, 1.0)
        })
    } else {
        let mut standard = vec![0.0; values.len()];
        let standardise = |(column, out): (&[f64], &mut [f64])| {
            standardise_into(column, out);
        };
        if values.len() < PARALLEL_VALUES {
            values.chunks_exact(n_rows).zip(standard.chunks_exact_mut(n_rows)).for_each(standardise);
        } else {
            values.par_chunks_exact(n_rows).zip(standard.par_chunks_exact_mut(n_rows)).for_each(standardise);
        }
        gram_with(&standard, n_rows, n, |_, _, product| product.clamp(-1.0, 1.0))
    };
    matrix.fill_diagonal(1.0);
    matrix
}

/// Symmetric matrices of value and p from a function of two positions, pairs in parallel.
fn by_pairs<S: Send>(
    n: usize,
    progress: &dyn Progress,
    scratch: impl Fn() -> S + Sync + Send,
    f: impl Fn(&mut S, usize, usize) -> (f64, f64) + Sync + Send,
) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
    let counter = Counter::new(progress, pairs.len())?;
    let found: Vec<(f64, f64)> = pairs
        .par_iter()
        .map_init(scratch, |scratch, &(i, j)| {
            let found = f(scratch, i, j);
            counter.advance(1).map(|()| found)
        })
        .collect::<Result<_>>()?;
    let (mut values, mut p) = (DMatrix::identity(n, n), DMatrix::zeros(n, n));
    for (&(i, j), (value, p_value)) in pairs.iter().zip(found) {
        values[(i, j)] = value;
        values[(j, i)] = value;
        p[(i, j)] = p_value;
        p[(j, i)] = p_value;
    }
    Ok((values, p))
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    fn panel(n: usize) -> Panel {
        let symbols = (0..n).map(|i| format!("S{i}")).collect();
        Panel::new(symbols, Index::Rows(60), (0..n as u64).map(|seed| noise(seed, 60)).collect()).unwrap()
    }

    #[test]
    fn names_the_constant_symbol() {
        let flat = Panel::new(vec!["A".into(), "B".into()], Index::Rows(3), vec![vec![1.0, 2.0, 3.0], vec![4.0; 3]]);
        let error = matrix(&flat.unwrap(), Method::Pearson).unwrap_err();
        assert!(matches!(error, Error::Constant { ref symbol, .. } if symbol == "B"), "{error}");
    }

    #[test]
    fn one_symbol_is_refused() {
        assert!(matches!(matrix(&panel(1), Method::Pearson), Err(Error::TooFewSymbols { needed: 2, found: 1, .. })));
    }

    #[test]
    fn every_method_agrees_with_its_pair() {
        let panel = panel(4);
        for method in [Method::Pearson, Method::Spearman, Method::Kendall, Method::Distance] {
            let all = matrix(&panel, method).unwrap();
            let one = pair(panel.column(1), panel.column(3), method).unwrap();
            assert!((all.values[(1, 3)] - one.value).abs() < 1e-14, "{method:?}");
            assert!((all.p_value(1, 3) - one.p_value).abs() < 1e-12, "{method:?}");
        }
    }

    #[test]
    fn pairs_are_sorted_by_sign_and_by_strength() {
        let rising: Vec<f64> = noise(1, 60);
        let falling = rising.iter().map(|v| -v).collect();
        let symbols = vec!["A".into(), "B".into(), "C".into()];
        let panel = Panel::new(symbols, Index::Rows(60), vec![rising, falling, noise(2, 60)]).unwrap();
        let matrix = matrix(&panel, Method::Pearson).unwrap();
        let opposite = |value: f64| (-1.0..=-1.0 + 2.0 * f64::EPSILON).contains(&value);
        assert!(opposite(matrix.pairs().last().unwrap().value));
        assert!(opposite(matrix.pairs_by_strength()[0].value));
        let lowest = &matrix.summaries()[0].lowest;
        assert!(lowest.0 == "B" && opposite(lowest.1), "{lowest:?}");
    }

    #[test]
    fn a_long_scan_can_be_stopped() {
        let stop = |done: usize, _| if done < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        assert!(matches!(matrix_watched(&panel(6), Method::Distance, &stop), Err(Error::Cancelled { total: 15, .. })));
    }

    #[test]
    fn raw_products_are_as_exact_as_centred_ones_and_levels_are_centred() {
        let (n_rows, n) = (500, 6);
        let returns: Vec<f64> = noise(5, n_rows * n).iter().map(|v| 0.0004 + 0.01 * v).collect();
        let levels: Vec<f64> = returns.iter().map(|v| v + 1.0).collect();
        let moments = |values: &[f64]| column_moments(values, n_rows);
        assert!(moments(&returns).iter().all(|of| of.is_as_good_as_centred(n_rows)));
        assert!(!moments(&levels).iter().any(|of| of.is_as_good_as_centred(n_rows)));
        let raw = linear(&returns, &moments(&returns), n_rows);
        for i in 0..n {
            for j in 0..i {
                let column = |k: usize| &returns[k * n_rows..(k + 1) * n_rows];
                let exact = pair(column(i), column(j), Method::Pearson).unwrap().value;
                assert!((raw[(i, j)] - exact).abs() < 1e-15, "{i} {j}");
                assert_eq!(raw[(i, j)].to_bits(), raw[(j, i)].to_bits());
            }
        }
        let centred = linear(&levels, &moments(&levels), n_rows);
        assert!((raw - centred).amax() < 1e-12);
    }

    #[test]
    fn rolling_windows_end_where_they_say() {
        let panel = panel(2);
        let rolling = rolling(&panel, "S0", "S1", Method::Pearson, 20, 10).unwrap();
        assert_eq!(rolling.ends.first(), Some(&crate::panel::Label::Row(19)));
        let first = pair(&panel.column(0)[..20], &panel.column(1)[..20], Method::Pearson).unwrap();
        assert_eq!(rolling.values[0], Some(first.value));
        assert_eq!(rolling.values.len(), 5);
    }
}
