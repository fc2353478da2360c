//! Engle-Granger over all pairs of a panel, with p-values adjusted for having looked at them all.

use rayon::prelude::*;

use super::engle_granger::{self, COLLINEAR, Options, pair_p_value};
use crate::error::{Error, Result};
use crate::lanes::dot;
use crate::panel::Panel;
use crate::progress::{Counter, Progress};
use crate::stats::multiple::{benjamini_hochberg, holm};
use crate::unit_root::dickey_fuller::{self, Workspace};
use crate::unit_root::{Trend, mackinnon};

/// One direction of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Direction {
    /// t ratio of the residual's Dickey-Fuller regression.
    pub statistic: f64,
    /// p-value of "not cointegrated".
    pub p_value: f64,
    /// Coefficient of the right-hand series.
    pub slope: f64,
    /// Residual's estimated root, 1 + γ.
    pub rho: f64,
    /// Lagged differences used.
    pub lags: usize,
}

/// One pair of a scan.
#[derive(Debug, Clone, PartialEq)]
pub struct ScannedPair {
    /// First symbol in the panel's order.
    pub a: String,
    /// Second symbol.
    pub b: String,
    /// `a` regressed on `b`.
    pub forward: Direction,
    /// `b` regressed on `a`.
    pub reverse: Direction,
    /// min(1, 2 min of both p-values).
    pub pair_p_value: f64,
    /// `pair_p_value` after Holm's adjustment over all pairs tested.
    pub holm_p_value: f64,
    /// Benjamini and Hochberg's q-value over all pairs tested.
    pub q_value: f64,
    /// Whether exactly one direction rejects at alpha.
    pub direction_sensitive: bool,
}

/// Answer of [`scan`].
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// All pairs tested, in the panel's order: (0,1), (0,2), ..., (1,2), ...
    pub pairs: Vec<ScannedPair>,
    /// Pairs left out because the two series are collinear, or a residual is degenerate.
    pub skipped: Vec<(String, String, Error)>,
    /// Rows used.
    pub n_rows: usize,
    /// Level used.
    pub alpha: f64,
}

impl Scan {
    /// Pairs that stay below alpha after Holm's adjustment, smallest p first.
    pub fn cointegrated(&self) -> Vec<&ScannedPair> {
        let mut found: Vec<&ScannedPair> = self.pairs.iter().filter(|pair| pair.holm_p_value < self.alpha).collect();
        found.sort_by(|a, b| a.pair_p_value.total_cmp(&b.pair_p_value));
        found
    }
}

/// Most pairs times rows that a scan takes on: some minutes on two cores.
pub const MOST_STEPS: u64 = 5_000_000_000;

/// Tests every pair of a panel of (log) prices in both directions.
///
/// Scanning 100 symbols looks at 4950 pairs; 250 of them reject at 5 percent by luck alone. The
/// Holm-adjusted p-value says which stand after that; the q-value bounds the share of false finds.
///
/// # Definition
/// As [`engle_granger::pair`] with one regressor, each series detrended and scaled once.
///
/// # Errors
/// [`Error::TooFewSymbols`], [`Error::TooFewRows`], [`Error::Constant`], [`Error::OutOfRange`] as in
/// [`engle_granger::test`]; [`Error::Degenerate`] when no pair could be tested; [`Error::TooMuchWork`],
/// [`Error::Cancelled`].
///
/// # Source
/// Checked against arch: family `engle_granger_all_pairs`.
///
/// # Example: the pair that belongs together is found
/// ```
/// use qc_quant::{Index, Panel, Silent, cointegration::all_pairs, testing};
/// let (y, x) = testing::pair(7, 400);
/// let symbols = ["Y", "X", "W"].map(String::from).to_vec();
/// let panel = Panel::new(symbols, Index::Rows(400), vec![y, x, testing::random_walk(99, 400)])?;
/// let scan = all_pairs::scan(&panel, &Default::default(), &Silent)?;
/// assert_eq!((scan.cointegrated()[0].a.as_str(), scan.cointegrated()[0].b.as_str()), ("Y", "X"));
/// assert!(scan.pairs.iter().all(|pair| pair.pair_p_value <= pair.holm_p_value));
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn scan(panel: &Panel, options: &Options, progress: &dyn Progress) -> Result<Scan> {
    let (n_rows, n) = (panel.n_rows(), panel.n_symbols());
    if n < 2 {
        return Err(Error::TooFewSymbols { what: "a scan of pairs".into(), needed: 2, found: n });
    }
    Error::limit_work("a scan of pairs (pairs times rows)", MOST_STEPS, &[n, (n - 1) / 2 + 1, n_rows])?;
    let max_lags = engle_granger::check(n_rows, 1, options)?;
    panel.require_variation()?;
    let columns: Vec<Prepared> = panel
        .symbols()
        .iter()
        .zip(panel.columns())
        .map(|(s, c)| Prepared::new(s, c, options.trend))
        .collect::<Result<_>>()?;
    let positions: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
    let counter = Counter::new(progress, positions.len())?;
    let tested: Vec<Result<(Direction, Direction)>> = positions
        .par_iter()
        .map_init(Scratch::default, |scratch, &(i, j)| {
            let found = both(&columns[i], &columns[j], options, max_lags, scratch);
            counter.advance(1)?;
            Ok(found)
        })
        .collect::<Result<_>>()?;

    let (mut pairs, mut skipped) = (Vec::with_capacity(positions.len()), Vec::new());
    for (&(i, j), found) in positions.iter().zip(tested) {
        let (a, b) = (panel.symbols()[i].clone(), panel.symbols()[j].clone());
        match found {
            Ok((forward, reverse)) => pairs.push(ScannedPair {
                a,
                b,
                forward,
                reverse,
                pair_p_value: pair_p_value(forward.p_value, reverse.p_value),
                holm_p_value: 1.0,
                q_value: 1.0,
                direction_sensitive: (forward.p_value < options.alpha) != (reverse.p_value < options.alpha),
            }),
            Err(error) => skipped.push((a, b, error)),
        }
    }
    if pairs.is_empty() {
        let reason = skipped.first().map_or_else(String::new, |(_, _, error)| error.to_string());
        return Err(Error::degenerate("a scan of pairs", format!("no pair could be tested ({reason})")));
    }
    let p: Vec<f64> = pairs.iter().map(|pair| pair.pair_p_value).collect();
    for ((pair, adjusted), q) in pairs.iter_mut().zip(holm(&p)).zip(benjamini_hochberg(&p)) {
        pair.holm_p_value = adjusted;
        pair.q_value = q;
    }
    Ok(Scan { pairs, skipped, n_rows, alpha: options.alpha })
}

/// A column without its deterministic terms and of unit length.
struct Prepared {
    name: String,
    unit: Vec<f64>,
    norm: f64,
    /// Sum of squares around the mean, in units of the squared norm: 1 unless there is no constant.
    variation: f64,
}

impl Prepared {
    fn new(name: &str, column: &[f64], trend: Trend) -> Result<Self> {
        let mut unit = column.to_vec();
        let mut basis = Vec::new();
        for _ in 0..2 {
            dickey_fuller::detrend(&mut unit, trend, &mut basis);
        }
        let norm = dot(&unit, &unit).sqrt();
        let whole = crate::stats::moments::variance(column) * (column.len() - 1) as f64;
        if norm * norm <= 1e-20 * whole || norm == 0.0 {
            let reason = format!("{name} is nothing but its trend ({trend})");
            return Err(Error::degenerate("a scan of pairs", reason));
        }
        unit.iter_mut().for_each(|value| *value /= norm);
        let variation = if trend == Trend::None { whole / (norm * norm) } else { 1.0 };
        Ok(Self { name: name.to_owned(), unit, norm, variation })
    }
}

#[derive(Default)]
struct Scratch {
    residual: Vec<f64>,
    workspace: Workspace,
}

fn both(
    a: &Prepared,
    b: &Prepared,
    options: &Options,
    max_lags: usize,
    scratch: &mut Scratch,
) -> Result<(Direction, Direction)> {
    let together = dot(&a.unit, &b.unit);
    Ok((one(a, b, together, options, max_lags, scratch)?, one(b, a, together, options, max_lags, scratch)?))
}

fn one(
    y: &Prepared,
    x: &Prepared,
    together: f64,
    options: &Options,
    max_lags: usize,
    scratch: &mut Scratch,
) -> Result<Direction> {
    let unexplained = (1.0 - together * together) / y.variation;
    if unexplained <= COLLINEAR {
        let reason = format!("{} is collinear with {}: 1 - R² is {unexplained:.1e}", y.name, x.name);
        return Err(Error::degenerate("Engle-Granger regression", reason));
    }
    scratch.residual.clear();
    scratch.residual.extend(y.unit.iter().zip(&x.unit).map(|(y, x)| y - together * x));
    let fit = dickey_fuller::regress(&scratch.residual, Trend::None, options.lags, max_lags, &mut scratch.workspace)?;
    Ok(Direction {
        statistic: fit.statistic,
        p_value: mackinnon::engle_granger_p_value(fit.statistic, options.trend, 1)?,
        slope: together * y.norm / x.norm,
        rho: 1.0 + fit.gamma,
        lags: fit.lags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::progress::Silent;
    use crate::testing::random_walk;

    fn panel() -> Panel {
        let symbols = (0..5).map(|i| format!("S{i}")).collect();
        Panel::new(symbols, Index::Rows(300), (0..5).map(|seed| random_walk(seed, 300)).collect()).unwrap()
    }

    #[test]
    fn equals_the_test_of_each_pair() {
        for trend in [Trend::None, Trend::Constant, Trend::Linear] {
            let options = Options { trend, ..Default::default() };
            let scan = scan(&panel(), &options, &Silent).unwrap();
            assert_eq!(scan.pairs.len(), 10);
            for found in &scan.pairs {
                let single = engle_granger::pair(&panel(), &found.a, &found.b, &options).unwrap();
                assert!((single.forward.statistic - found.forward.statistic).abs() < 1e-9);
                assert!((single.reverse.slopes[0] - found.reverse.slope).abs() < 1e-10);
                assert!((single.pair_p_value - found.pair_p_value).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn more_pairs_than_anyone_waits_for_are_refused_with_their_number() {
        let column: Vec<f64> = (0..100).map(f64::from).collect();
        let symbols = (0..11_000).map(|i| format!("S{i}")).collect();
        let many = Panel::new(symbols, Index::Rows(100), vec![column; 11_000]).unwrap();
        let error = scan(&many, &Options::default(), &Silent).unwrap_err();
        assert!(matches!(error, Error::TooMuchWork { limit: MOST_STEPS, .. }), "{error}");
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| scan(&panel(), &Options::default(), &Silent).unwrap())
        };
        assert_eq!(on(1), on(2));
    }

    #[test]
    fn collinear_pairs_are_listed_and_do_not_stop_the_scan() {
        let walk = random_walk(1, 200);
        let twice = walk.iter().map(|v| 2.0 * v).collect();
        let symbols = vec!["A".into(), "B".into(), "C".into()];
        let panel = Panel::new(symbols, Index::Rows(200), vec![walk, twice, random_walk(2, 200)]).unwrap();
        let scan = scan(&panel, &Options::default(), &Silent).unwrap();
        assert_eq!((scan.pairs.len(), scan.skipped.len()), (2, 1));
        assert_eq!(scan.skipped[0].1, "B");
    }
}
