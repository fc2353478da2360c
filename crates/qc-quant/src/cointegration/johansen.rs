//! Johansen's test: how many independent relations tie a set of price series together.

use nalgebra::{Cholesky, DMatrix};
use statrs::distribution::{ContinuousCDF, Gamma};

use crate::error::{Error, Result};
use crate::panel::Panel;

/// Most series that are tested together.
pub const MOST_SERIES: usize = 12;

/// Deterministic terms, and whether they stand inside the relation (restricted) or drive the series too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Case {
    /// No deterministic term.
    None,
    /// A constant in the relation only: spreads with a mean, prices without drift.
    #[default]
    RestrictedConstant,
    /// A constant anywhere: prices may drift.
    UnrestrictedConstant,
    /// A trend in the relation, drift in the prices.
    RestrictedTrend,
    /// A trend anywhere.
    UnrestrictedTrend,
}

/// Options of [`test()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JohansenOptions {
    /// Deterministic terms.
    pub case: Case,
    /// Lagged differences; the order of the VAR in levels is one more.
    pub lagged_differences: usize,
    /// Level of the sequential trace test.
    pub alpha: f64,
}

impl Default for JohansenOptions {
    fn default() -> Self {
        Self { case: Case::default(), lagged_differences: 1, alpha: 0.05 }
    }
}

/// Tests of one rank: "at most r relations".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// r.
    pub rank: usize,
    /// Trace statistic, -T Σ ln(1 - λ) over the eigenvalues after the r-th.
    pub trace: f64,
    /// Its p-value.
    pub trace_p: f64,
    /// Critical values of the trace at 10, 5 and 1 percent: it rejects *above* them.
    pub trace_critical: [f64; 3],
    /// Maximum eigenvalue statistic, -T ln(1 - λ(r + 1)).
    pub max_eigenvalue: f64,
    /// Its p-value.
    pub max_eigenvalue_p: f64,
    /// Its critical values at 10, 5 and 1 percent.
    pub max_eigenvalue_critical: [f64; 3],
}

/// Answer of [`test()`].
#[derive(Debug, Clone, PartialEq)]
pub struct Johansen {
    /// Symbols in the caller's order.
    pub symbols: Vec<String>,
    /// Squared canonical correlations, largest first.
    pub eigenvalues: Vec<f64>,
    /// One test per rank 0, 1, ..., n - 1.
    pub tests: Vec<RankTest>,
    /// Number of relations: the first rank whose trace test does not reject at alpha (n when all do).
    pub rank: usize,
    /// Relations by columns, each with a one at the symbol in `normalised_on`; rows are the symbols, then the restricted
    /// term if any.
    pub beta: DMatrix<f64>,
    /// Speed with which each symbol (row) corrects each relation (column), under the same normalisation.
    pub adjustment: DMatrix<f64>,
    /// Position of the symbol on which each relation is normalised: the first, or where that takes no part in a
    /// relation after the first, the one with the largest coefficient.
    pub normalised_on: Vec<usize>,
    /// Rows after lags.
    pub n_obs: usize,
    /// Options used.
    pub options: JohansenOptions,
    /// Reinsel and Ahn's small-sample factor (T - n k)/T, k the order of the VAR: multiply statistics by it to be cautious.
    pub small_sample_factor: f64,
}

/// Most rows times the square of the lagged columns that are taken on.
pub const MOST_STEPS: u64 = 10_000_000_000;

/// Tests how many cointegrating relations there are among 1 to 12 series of (log) prices.
///
/// # Definition
/// Regress ΔY(t) and Y(t-1) (with the restricted term, if any) on lagged differences and
/// unrestricted terms; λ are the squared canonical correlations of the residuals, from the
/// symmetric problem S10 S00⁻¹ S01 v = λ S11 v by Cholesky. p-values: Doornik's gamma approximation;
/// critical values are its quantiles. Rank: sequential trace tests, stopping at the first that does
/// not reject.
///
/// # When not to use it
/// Short samples reject too often (see `small_sample_factor`); a break inside the sample.
///
/// # Errors
/// [`Error::OutOfRange`] for more than 12 series or an alpha outside (0, 1), [`Error::TooFewRows`],
/// [`Error::Constant`], [`Error::Degenerate`] for collinear series or a relation in which the first
/// symbol does not take part.
///
/// # Source
/// Johansen (1995), Likelihood-based inference in cointegrated vector autoregressive models; Doornik
/// (1998), Journal of Economic Surveys 12(5), 573-593. Checked against R's urca and statsmodels
/// (whose `k_ar_diff=0` is wrong and not matched): family `johansen`.
///
/// ```
/// use qc_quant::{Index, Panel, cointegration::johansen, testing};
/// let (y, x) = testing::pair(7, 500);
/// let prices = Panel::new(vec!["Y".into(), "X".into()], Index::Rows(500), vec![y, x])?;
/// let found = johansen::test(&prices, &Default::default())?;
/// assert_eq!(found.rank, 1);
/// assert!((found.beta[(1, 0)] + 1.3).abs() < 0.1); // y - 1.3 x was built in
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn test(levels: &Panel, options: &JohansenOptions) -> Result<Johansen> {
    let (t0, n) = (levels.n_rows(), levels.n_symbols());
    let k = options.lagged_differences;
    if MOST_SERIES < n {
        return Err(Error::out_of_range("series in Johansen's test", 1.0, MOST_SERIES as f64, n as f64));
    }
    if !(0.0 < options.alpha && options.alpha < 1.0) {
        return Err(Error::out_of_range("alpha", 0.0, 1.0, options.alpha));
    }
    let restricted = matches!(options.case, Case::RestrictedConstant | Case::RestrictedTrend);
    let free_terms = match options.case {
        Case::None | Case::RestrictedConstant => 0,
        Case::UnrestrictedConstant | Case::RestrictedTrend => 1,
        Case::UnrestrictedTrend => 2,
    };
    let width = n + usize::from(restricted);
    let needed = k.saturating_mul(n + 1).saturating_add(1 + width + free_terms + n + 5);
    if t0 < needed {
        return Err(Error::too_few_rows(format!("Johansen's test of {n} series with {k} lags"), needed, t0));
    }
    let lagged = n.saturating_mul(k.saturating_add(1));
    Error::limit_work("Johansen's test (rows times lagged columns squared)", MOST_STEPS, &[t0, lagged, lagged])?;
    levels.require_variation()?;
    let t = t0 - 1 - k;
    let change = |row: usize, col: usize| levels.column(col)[row + 1] - levels.column(col)[row];
    let z0 = DMatrix::from_fn(t, n, |row, col| change(row + k, col));
    let z1 = DMatrix::from_fn(t, width, |row, col| match col {
        col if col < n => levels.column(col)[row + k],
        _ if options.case == Case::RestrictedConstant => 1.0,
        _ => (row + 1) as f64,
    });
    let z2 = DMatrix::from_fn(t, n * k + free_terms, |row, col| match col {
        col if col < n * k => change(row + k - 1 - col / n, col % n),
        col if col == n * k => 1.0,
        _ => (row + 1) as f64 / t as f64,
    });
    let (r0, r1) = residuals(z0, z1, z2)?;
    let s00 = r0.transpose() * &r0 / t as f64;
    let s01 = r0.transpose() * &r1 / t as f64;
    // R1 = Q R: the canonical problem in Q is well scaled whatever the units of the levels
    let (q, scale) = orthonormalise(&r1, "levels")?;
    let c00 = Cholesky::new(s00.clone())
        .filter(|c| well_conditioned(&c.l()))
        .ok_or_else(|| Error::degenerate("Johansen's test", "the differences of the series are collinear"))?;
    let p = q.transpose() * &r0 / (t as f64).sqrt();
    let half = c00.l().solve_lower_triangular(&p.transpose()).unwrap_or_else(|| DMatrix::zeros(n, width));
    let (values, vectors) = crate::linalg::symmetric_eigen(&(half.transpose() * &half))?;
    let eigenvalues: Vec<f64> = values[..n].iter().map(|value| value.clamp(0.0, 1.0 - f64::EPSILON)).collect();
    // v = R⁻¹ w sqrt(T): S11-normalised relations
    let mut beta = scale
        .solve_upper_triangular(&vectors.columns(0, n).into_owned())
        .ok_or_else(|| Error::degenerate("Johansen's test", "the levels of the series are collinear"))?
        * (t as f64).sqrt();
    let mut adjustment = &s01 * &beta;
    let normalised_on = normalise(&mut beta, &mut adjustment);
    if normalised_on.first().is_some_and(|symbol| *symbol != 0) {
        let reason = format!("{} takes no part in the first relation", levels.symbols()[0]);
        return Err(Error::degenerate("Johansen's test", reason));
    }
    let logs: Vec<f64> = eigenvalues.iter().map(|value| -(t as f64) * (-value).ln_1p()).collect();
    let tests = (0..n)
        .map(|rank| {
            let trace: f64 = logs[rank..].iter().sum();
            let (trace_law, max_law) = (law(n - rank, options.case, true)?, law(n - rank, options.case, false)?);
            let critical = |law: &Gamma| [0.9, 0.95, 0.99].map(|level| law.inverse_cdf(level));
            Ok(RankTest {
                rank,
                trace,
                trace_p: trace_law.sf(trace),
                trace_critical: critical(&trace_law),
                max_eigenvalue: logs[rank],
                max_eigenvalue_p: max_law.sf(logs[rank]),
                max_eigenvalue_critical: critical(&max_law),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let rank = tests.iter().position(|test| options.alpha <= test.trace_p).unwrap_or(n);
    Ok(Johansen {
        symbols: levels.symbols().to_vec(),
        eigenvalues,
        tests,
        rank,
        beta,
        adjustment,
        normalised_on,
        n_obs: t,
        options: *options,
        small_sample_factor: (t as f64 - (n * (k + 1)) as f64) / t as f64,
    })
}

/// Puts a one at the first symbol of every relation, or at its largest where the first takes no part; where it stands.
fn normalise(beta: &mut DMatrix<f64>, adjustment: &mut DMatrix<f64>) -> Vec<usize> {
    let (symbols, relations) = adjustment.shape();
    (0..relations)
        .map(|col| {
            let largest = beta.column(col).rows(0, symbols).iamax();
            let on = if beta[(0, col)].abs() < 1e-10 * beta[(largest, col)].abs() { largest } else { 0 };
            let unit = beta[(on, col)];
            beta.column_mut(col).unscale_mut(unit);
            adjustment.column_mut(col).scale_mut(unit);
            on
        })
        .collect()
}

/// What the columns of `z2` leave of `z0` and `z1`.
fn residuals(z0: DMatrix<f64>, z1: DMatrix<f64>, z2: DMatrix<f64>) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    if z2.ncols() == 0 {
        return Ok((z0, z1));
    }
    let (q, _) = orthonormalise(&z2, "lagged differences")?;
    let clean = |mut z: DMatrix<f64>| {
        for _ in 0..2 {
            z -= &q * (q.transpose() * &z);
        }
        z
    };
    Ok((clean(z0), clean(z1)))
}

/// Q and R of a matrix with more rows than columns, columns scaled first; an error when it is singular.
fn orthonormalise(matrix: &DMatrix<f64>, what: &str) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let norms: Vec<f64> = matrix.column_iter().map(|column| column.norm()).collect();
    let singular = || Error::degenerate("Johansen's test", format!("the {what} of the series are collinear"));
    if norms.iter().any(|norm| *norm <= 0.0) {
        return Err(singular());
    }
    let mut scaled = matrix.clone();
    scaled.column_iter_mut().zip(&norms).for_each(|(mut column, norm)| column.unscale_mut(*norm));
    let qr = scaled.qr();
    let (q, mut r) = (qr.q(), qr.r());
    if !well_conditioned(&r) {
        return Err(singular());
    }
    r.column_iter_mut().zip(&norms).for_each(|(mut column, norm)| column.scale_mut(*norm));
    Ok((q, r))
}

/// Whether no diagonal entry of a triangular factor vanishes against its column or row.
fn well_conditioned(triangle: &DMatrix<f64>) -> bool {
    (0..triangle.nrows()).all(|i| {
        let whole = triangle.column(i).norm().max(triangle.row(i).norm());
        1e-9 * whole < triangle[(i, i)].abs()
    })
}

/// Doornik's (1998) gamma approximation of the limit law with `n` remaining common trends.
fn law(n: usize, case: Case, trace: bool) -> Result<Gamma> {
    let m = n as f64;
    let x = [m * m, m, 1.0, f64::from(u8::from(n == 1)), f64::from(u8::from(n == 2)), m.sqrt()];
    let at = |row: &[f64], x: &[f64]| row.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
    let c = case as usize;
    let (mean, variance) = if trace {
        (at(&TRACE_MEAN[c], &x), at(&TRACE_VARIANCE[c], &x))
    } else {
        (at(&MAX_MEAN[c], &x[1..]), at(&MAX_VARIANCE[c], &x[1..]))
    };
    Gamma::new(mean * mean / variance, mean / variance)
        .map_err(|error| Error::degenerate("Johansen's limit law", format!("{n} trends: {error}")))
}

// Doornik (1998), tables 7 and 8: coefficients of n², n, 1, (n = 1), (n = 2), sqrt(n) by case.
const TRACE_MEAN: [[f64; 6]; 5] = [
    [2.0, -1.0, 0.07, 0.07, 0.0, 0.0],
    [2.0, 2.01, 0.0, 0.06, 0.05, 0.0],
    [2.0, 1.05, -1.55, -0.5, -0.23, 0.0],
    [2.0, 4.05, 0.5, -0.23, -0.07, 0.0],
    [2.0, 2.85, -5.1, -0.1, -0.06, 1.35],
];
const TRACE_VARIANCE: [[f64; 6]; 5] = [
    [3.0, -0.33, -0.55, 0.0, 0.0, 0.0],
    [3.0, 3.6, 0.75, -0.4, -0.3, 0.0],
    [3.0, 1.8, 0.0, -2.8, -1.1, 0.0],
    [3.0, 5.7, 3.2, -1.3, -0.5, 0.0],
    [3.0, 4.0, 0.8, -5.8, -2.66, 0.0],
];
const MAX_MEAN: [[f64; 5]; 5] = [
    [6.0019, -2.7558, 0.67185, 0.1149, -2.7764],
    [5.9498, 0.43402, 0.04836, 0.018198, -2.3669],
    [5.8271, -1.6487, -1.6118, -0.25949, -1.5666],
    [5.8658, 2.5595, -0.34443, -0.077991, -1.7552],
    [5.6364, -0.90531, -3.5166, -0.47966, -0.21447],
];
const MAX_VARIANCE: [[f64; 5]; 5] = [
    [1.8806, -15.499, 1.1136, 0.070508, 14.714],
    [2.2231, -7.9064, 0.58592, -0.034324, 12.058],
    [2.0785, -9.7846, -3.368, -0.24528, 13.074],
    [1.9955, -5.5428, 1.2425, 0.41949, 12.841],
    [2.0899, -5.3303, -7.1523, -0.2526, 12.393],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::{pair, random_walk};

    fn panel(columns: Vec<Vec<f64>>) -> Panel {
        let symbols = (0..columns.len()).map(|i| format!("S{i}")).collect();
        Panel::new(symbols, Index::Rows(columns[0].len()), columns).unwrap()
    }

    /// p-values after MacKinnon, Haug and Michelis (1999) as printed by EViews, unrestricted constant: remaining trends,
    /// statistic, p, by trace and by largest eigenvalue (the five-variable example of html.scirp.org/file/_16-1531567_11.htm
    /// and two bivariate ones). Doornik's approximation is within .0025
    /// of them in the tail and .01 in the middle, where nothing is decided.
    #[test]
    fn p_values_are_those_that_are_printed_elsewhere() {
        let case = Case::UnrestrictedConstant;
        let near = |printed: f64| if printed < 0.15 { 0.0025 } else { 0.01 };
        let trace = [(2, 8.087059, 0.4562), (1, 0.612184, 0.4340), (2, 14.80961, 0.0632), (1, 3.150012, 0.0759)];
        let trace = trace.into_iter().chain([(2, 17.50142, 0.0246), (1, 1.119498, 0.2900)]);
        for (n, statistic, printed) in trace {
            let p = law(n, case, true).unwrap().sf(statistic);
            assert!((p - printed).abs() < near(printed), "trace {n} {statistic}: {p} {printed}");
        }
        let largest = [(5, 45.63027, 0.0013), (4, 42.57892, 0.0003), (3, 25.70559, 0.0106), (2, 7.474874, 0.4346)];
        for (n, statistic, printed) in largest.into_iter().chain([(2, 11.65960, 0.1241), (2, 16.38192, 0.0228)]) {
            let p = law(n, case, false).unwrap().sf(statistic);
            assert!((p - printed).abs() < near(printed), "largest {n} {statistic}: {p} {printed}");
        }
    }

    #[test]
    fn independent_walks_have_no_relation() {
        let found = test(&panel((10..13).map(|seed| random_walk(seed, 400)).collect()), &Default::default()).unwrap();
        assert_eq!(found.rank, 0);
    }

    #[test]
    fn without_lags_the_trace_is_the_likelihood_ratio() {
        let (y, x) = pair(1, 200);
        let found = test(
            &panel(vec![y.clone(), x.clone()]),
            &JohansenOptions { case: Case::None, lagged_differences: 0, ..Default::default() },
        )
        .unwrap();
        // T (ln |restricted| - ln |unrestricted|) of the regression of ΔY on Y(t-1)
        let levels = DMatrix::from_fn(199, 2, |row, col| if col == 0 { y[row] } else { x[row] });
        let changes =
            DMatrix::from_fn(199, 2, |row, col| if col == 0 { y[row + 1] - y[row] } else { x[row + 1] - x[row] });
        let b = (levels.transpose() * &levels).try_inverse().unwrap() * levels.transpose() * &changes;
        let rest = &changes - &levels * b;
        let ratio = (changes.transpose() * &changes).determinant() / (rest.transpose() * &rest).determinant();
        assert!((found.tests[0].trace - 199.0 * ratio.ln()).abs() < 1e-8);
    }

    #[test]
    fn a_relation_without_the_first_symbol_is_normalised_on_its_largest() {
        // rows: two symbols and a constant, which is no symbol however large it is
        let mut beta = DMatrix::from_row_slice(3, 2, &[4.0, 1e-14, -2.0, 5.0, 1.0, 50.0]);
        let mut adjustment = DMatrix::from_row_slice(2, 2, &[0.1, 0.2, 0.3, 0.4]);
        let (was, on) = (&adjustment * beta.rows(0, 2).transpose(), normalise(&mut beta, &mut adjustment));
        assert_eq!(on, [0, 1]);
        assert_eq!((beta[(0, 0)], beta[(1, 1)], beta[(2, 1)]), (1.0, 1.0, 10.0));
        assert!((was - &adjustment * beta.rows(0, 2).transpose()).amax() < 1e-12); // the product is what it was
        let found = test(&panel((10..13).map(|seed| random_walk(seed, 400)).collect()), &Default::default()).unwrap();
        assert!((0..3).all(|col| found.beta[(found.normalised_on[col], col)] == 1.0));
    }

    #[test]
    fn twins_are_refused() {
        let walk = random_walk(1, 200);
        let twin = walk.iter().map(|v| 2.0 * v).collect();
        assert!(matches!(test(&panel(vec![walk, twin]), &Default::default()), Err(Error::Degenerate { .. })));
    }

    #[test]
    fn critical_values_are_near_the_published_ones() {
        // MacKinnon, Haug and Michelis (1999), unrestricted constant, one trend: 3.84 at 5 percent
        let law = law(1, Case::UnrestrictedConstant, true).unwrap();
        assert!((law.sf(3.8415) - 0.05).abs() < 0.0025);
    }
}
