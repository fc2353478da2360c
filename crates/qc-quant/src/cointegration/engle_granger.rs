//! Engle and Granger's two-step test of cointegration.

mod first_step;

use rayon::prelude::*;

use self::first_step::first_step;
use crate::error::{Error, Result};
use crate::mean_reversion::half_life;
use crate::panel::{Panel, require_finite, require_variation};
use crate::progress::{Counter, Progress, Silent};
use crate::stats::moments::{mean, std_dev};
use crate::unit_root::dickey_fuller::{self, Workspace};
use crate::unit_root::{CriticalValues, LagRule, Trend, mackinnon, resolve_max_lags};

/// Share of unexplained variance below which two series count as the same one.
///
/// 1 - R² of 100 sqrt(machine epsilon), the threshold of statsmodels' `coint`.
pub const COLLINEAR: f64 = 100.0 * 1.490_116_119_384_765_6e-8;

/// Most windows times their rows that [`rolling`] takes on: some minutes on two cores.
pub const MOST_STEPS: u64 = 5_000_000_000;

/// Rows beyond the lags and terms that the test asks for.
const SPARE_ROWS: usize = 20;

/// Below this p-value the response surface is extrapolated: simulations say little there.
pub const EXTRAPOLATED_BELOW: f64 = 1e-4;

/// Options of the tests in this module; the default is a constant, lags by AIC, 5 percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Deterministic terms of the first step; the residual's regression has none.
    pub trend: Trend,
    /// How lagged differences of the residual are counted.
    pub lags: LagRule,
    /// Largest lag a rule may choose; `None` takes Schwert's ceil(12 (T/100)^(1/4)).
    pub max_lags: Option<usize>,
    /// Level at which [`PairTest::is_cointegrated`] decides.
    pub alpha: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { trend: Trend::Constant, lags: LagRule::Aic, max_lags: None, alpha: 0.05 }
    }
}

/// Answer of one regression and its test: `dependent` on `regressors`.
#[derive(Debug, Clone, PartialEq)]
pub struct EngleGranger {
    /// Symbol on the left.
    pub dependent: String,
    /// Symbols on the right, in the caller's order.
    pub regressors: Vec<String>,
    /// t ratio of γ in the residual's Dickey-Fuller regression.
    pub statistic: f64,
    /// p-value of "not cointegrated" (arch's response surfaces, asymptotic).
    pub p_value: f64,
    /// Whether the p-value lies where the surface is extrapolated, below [`EXTRAPOLATED_BELOW`].
    pub p_value_extrapolated: bool,
    /// p-value after MacKinnon (1994), tabulated up to five regressors.
    pub p_value_mackinnon_1994: Option<f64>,
    /// Critical values for this sample size.
    pub critical_values: CriticalValues,
    /// Coefficient of each regressor, in units of `dependent` per unit of regressor.
    pub slopes: Vec<f64>,
    /// Constant of the first step, when the trend has one.
    pub constant: Option<f64>,
    /// Coefficient of t = 1..T, when the trend has one.
    pub linear: Option<f64>,
    /// Coefficient of t², when the trend has one.
    pub quadratic: Option<f64>,
    /// R² of the first step beyond its deterministic terms.
    pub r_squared: f64,
    /// 1 + γ: the residual's estimated root.
    pub rho: f64,
    /// Periods in which half of a deviation is given back, ln .5 / ln ρ; `None` unless 0 < ρ < 1.
    pub half_life: Option<f64>,
    /// Mean of the residual (0 when the trend has a constant).
    pub residual_mean: f64,
    /// Sample standard deviation of the residual.
    pub residual_std: f64,
    /// Residual of the first step, one per row: the spread.
    pub residual: Vec<f64>,
    /// Lagged differences used.
    pub lags: usize,
    /// Largest lag searched.
    pub max_lags: usize,
    /// Rows in the residual's regression, T - lags - 1.
    pub n_obs: usize,
    /// Deterministic terms of the first step.
    pub trend: Trend,
}

impl EngleGranger {
    /// 1, minus the slopes, minus the deterministic coefficients: the combination that is tested.
    pub fn cointegrating_vector(&self) -> Vec<f64> {
        let deterministic = [self.constant, self.linear, self.quadratic].into_iter().flatten();
        std::iter::once(1.0).chain(self.slopes.iter().map(|b| -b)).chain(deterministic.map(|c| -c)).collect()
    }
}

/// Both directions of one pair.
#[derive(Debug, Clone, PartialEq)]
pub struct PairTest {
    /// The first symbol regressed on the second.
    pub forward: EngleGranger,
    /// The second regressed on the first.
    pub reverse: EngleGranger,
    /// min(1, 2 min(p forward, p reverse)): the p-value of the pair, whichever direction is preferred.
    pub pair_p_value: f64,
    /// Whether one direction rejects at alpha and the other does not.
    pub direction_sensitive: bool,
    /// Whether `pair_p_value` lies below alpha.
    pub is_cointegrated: bool,
    /// p-values of the forward test on the first and the second half of the rows, where they are long enough.
    pub halves: [Option<f64>; 2],
    /// The level used.
    pub alpha: f64,
}

impl PairTest {
    /// The direction with the smaller p-value (the forward one on ties).
    pub fn preferred(&self) -> &EngleGranger {
        if self.reverse.p_value < self.forward.p_value { &self.reverse } else { &self.forward }
    }
}

/// p-value of the forward test over a window that ends at a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Row after the last row of the window.
    pub end: usize,
    /// p-value, `None` where the window is degenerate (a constant or collinear stretch).
    pub p_value: Option<f64>,
}

/// Tests whether a series is cointegrated with one to eleven others.
///
/// Regresses `y` on the `x` (and the deterministic terms) and tests the residual for a unit root. A
/// small p-value says the residual comes back, so the spread can be traded. The answer depends on
/// which series stands on the left; [`pair`] runs both.
///
/// # Shapes and units
/// `panel`: T log prices (or prices), oldest first. Slopes are in units of y per unit of x.
///
/// # Definition
/// First step by QR of detrended columns. Statistic: t ratio of γ in Δu(t) = γ u(t-1) +
/// Σ φ(i) Δu(t-i) + e(t), no deterministic terms, variance RSS/(n - lags - 1). p-value: response
/// surface for N = 1 + number of regressors stochastic trends, *not* the plain ADF table, which
/// would reject far too often on an estimated residual.
///
/// # Assumptions and when not to use it
/// Every series has a unit root and there is one stable relation over the whole sample. With more
/// than one possible relation use Johansen; over a break, look at the halves.
///
/// # Errors
/// [`Error::UnknownSymbol`], [`Error::DuplicateSymbol`] for a series against itself,
/// [`Error::TooFewRows`] below 3 + lags + terms + 20, [`Error::Constant`], [`Error::Degenerate`]
/// when the series are collinear (1 - R² below 1.49e-6), [`Error::OutOfRange`] for more than
/// eleven regressors, a `max_lags` beyond the rows, or an alpha outside (0, 1).
///
/// # Source
/// Engle and Granger (1987), Econometrica 55(2), 251-276; MacKinnon (2010), Queen's working paper
/// 1227. Checked against arch 8.0 and statsmodels: family `engle_granger`.
///
/// # Example: the result does not depend on the currency unit
/// ```
/// use qc_quant::{Index, Panel, cointegration::engle_granger, testing};
/// let (y, x) = testing::pair(7, 500);
/// let scaled = |v: &[f64]| v.iter().map(|p| p * 100.0).collect::<Vec<_>>();
/// let panel = |y, x| Panel::new(vec!["Y".into(), "X".into()], Index::Rows(500), vec![y, x]);
/// let a = engle_granger::test(&panel(y.clone(), x.clone())?, "Y", &["X"], &Default::default())?;
/// let b = engle_granger::test(&panel(scaled(&y), scaled(&x))?, "Y", &["X"], &Default::default())?;
/// assert!((a.statistic - b.statistic).abs() < 1e-9 && a.p_value < 0.01);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn test<S: AsRef<str>>(panel: &Panel, y: &str, x: &[S], options: &Options) -> Result<EngleGranger> {
    let mut names = vec![y];
    names.extend(x.iter().map(AsRef::as_ref));
    let selection = panel.select(&names)?;
    test_selection(&selection, options)
}

/// [`test()`] on bare columns, named y, x1, x2, ... in errors.
///
/// # Errors
/// As [`test()`], and [`Error::ShapeMismatch`], [`Error::NotFinite`].
pub fn test_values(y: &[f64], x: &[&[f64]], options: &Options) -> Result<EngleGranger> {
    let names: Vec<String> = std::iter::once("y".to_owned()).chain((1..=x.len()).map(|i| format!("x{i}"))).collect();
    for (name, column) in names.iter().zip(std::iter::once(&y).chain(x)) {
        require_finite(name, column)?;
        if column.len() != y.len() {
            let what = format!("rows of {name}");
            return Err(Error::ShapeMismatch { what, expected: y.len(), found: column.len() });
        }
    }
    let columns: Vec<&[f64]> = std::iter::once(y).chain(x.iter().copied()).collect();
    run(&names, &columns, options)
}

/// Tests a pair in both directions.
///
/// # Errors
/// As [`test()`].
///
/// ```
/// use qc_quant::{Index, Panel, cointegration::engle_granger, testing};
/// let (y, x) = testing::pair(7, 500);
/// let panel = Panel::new(vec!["Y".into(), "X".into()], Index::Rows(500), vec![y, x])?;
/// let (there, back) = (
///     engle_granger::pair(&panel, "Y", "X", &Default::default())?,
///     engle_granger::pair(&panel, "X", "Y", &Default::default())?,
/// );
/// assert_eq!(there.pair_p_value, back.pair_p_value); // the pair has one p-value
/// assert!(there.is_cointegrated);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn pair(panel: &Panel, a: &str, b: &str, options: &Options) -> Result<PairTest> {
    let forward = test(panel, a, &[b], options)?;
    let reverse = test(panel, b, &[a], options)?;
    let pair_p_value = pair_p_value(forward.p_value, reverse.p_value);
    let (middle, end) = (panel.n_rows() / 2, panel.n_rows());
    let half = |rows| panel.slice(rows).and_then(|part| test(&part, a, &[b], options)).ok().map(|part| part.p_value);
    let alpha = options.alpha;
    Ok(PairTest {
        direction_sensitive: (forward.p_value < alpha) != (reverse.p_value < alpha),
        is_cointegrated: pair_p_value < alpha,
        halves: [half(0..middle), half(middle..end)],
        forward,
        reverse,
        pair_p_value,
        alpha,
    })
}

/// p-values of the forward test over windows of `window` rows, one every `step` rows.
///
/// # Errors
/// As [`test()`], [`Error::OutOfRange`] for a step of 0, and [`Error::TooMuchWork`].
pub fn rolling(panel: &Panel, a: &str, b: &str, options: &Options, window: usize, step: usize) -> Result<Vec<Window>> {
    rolling_watched(panel, a, b, options, window, step, &Silent)
}

/// [`rolling`] with a progress callback; a step is a window.
///
/// # Errors
/// As [`rolling`], and [`Error::Cancelled`].
pub fn rolling_watched(
    panel: &Panel,
    a: &str,
    b: &str,
    options: &Options,
    window: usize,
    step: usize,
    progress: &dyn Progress,
) -> Result<Vec<Window>> {
    let panel = panel.select(&[a, b])?;
    let n_rows = panel.n_rows();
    if step == 0 {
        return Err(Error::out_of_range("step", 1.0, n_rows as f64, 0.0));
    }
    if n_rows < window {
        return Err(Error::too_few_rows("a window", window, n_rows));
    }
    check(window, 1, options)?;
    let ends: Vec<usize> = (window..=n_rows).step_by(step).collect();
    Error::limit_work("rolling Engle-Granger tests (windows times their rows)", MOST_STEPS, &[ends.len(), window])?;
    let counter = Counter::new(progress, ends.len())?;
    ends.into_par_iter()
        .map(|end| {
            let found = match test_selection(&panel.slice(end - window..end)?, options) {
                Ok(found) => Window { end, p_value: Some(found.p_value) },
                Err(Error::Constant { .. } | Error::Degenerate { .. }) => Window { end, p_value: None },
                Err(error) => return Err(error),
            };
            counter.advance(1).map(|()| found)
        })
        .collect()
}

/// One p-value for a pair of which the better direction is taken.
pub fn pair_p_value(forward: f64, reverse: f64) -> f64 {
    (2.0 * forward.min(reverse)).min(1.0)
}

/// Checks options against the rows; returns the largest lag to search.
pub(crate) fn check(n_rows: usize, n_regressors: usize, options: &Options) -> Result<usize> {
    if !(0.0 < options.alpha && options.alpha < 1.0) {
        return Err(Error::out_of_range("alpha", 0.0, 1.0, options.alpha));
    }
    if !(1..=mackinnon::MOST_REGRESSORS).contains(&n_regressors) {
        let most = mackinnon::MOST_REGRESSORS as f64;
        return Err(Error::out_of_range("number of regressors", 1.0, most, n_regressors as f64));
    }
    let spare = SPARE_ROWS + options.trend.terms() + n_regressors - 1;
    resolve_max_lags("the Engle-Granger test", n_rows, Trend::None, options.lags, options.max_lags, spare)
}

fn test_selection(selection: &Panel, options: &Options) -> Result<EngleGranger> {
    let columns: Vec<&[f64]> = selection.columns().collect();
    run(selection.symbols(), &columns, options)
}

/// First column on the others.
fn run(names: &[String], columns: &[&[f64]], options: &Options) -> Result<EngleGranger> {
    let n_rows = columns[0].len();
    let n_regressors = columns.len() - 1;
    let max_lags = check(n_rows, n_regressors, options)?;
    for (name, column) in names.iter().zip(columns) {
        require_variation(name, column)?;
    }
    let step = first_step(names, columns, options.trend)?;
    let mut workspace = Workspace::default();
    let fit = dickey_fuller::regress(&step.residual, Trend::None, options.lags, max_lags, &mut workspace)?;
    let p_value = mackinnon::engle_granger_p_value(fit.statistic, options.trend, n_regressors)?;
    let rho = 1.0 + fit.gamma;
    let [constant, linear, quadratic] = step.deterministic;
    Ok(EngleGranger {
        dependent: names[0].clone(),
        regressors: names[1..].to_vec(),
        statistic: fit.statistic,
        p_value,
        p_value_extrapolated: p_value < EXTRAPOLATED_BELOW,
        p_value_mackinnon_1994: mackinnon::p_value_1994(fit.statistic, options.trend, 1 + n_regressors).ok(),
        critical_values: mackinnon::engle_granger_critical_values(options.trend, n_regressors, fit.n_obs)?,
        slopes: step.slopes,
        constant,
        linear,
        quadratic,
        r_squared: step.r_squared,
        rho,
        half_life: half_life::estimate(&step.residual).ok().and_then(|found| found.half_life),
        residual_mean: mean(&step.residual),
        residual_std: std_dev(&step.residual),
        residual: step.residual,
        lags: fit.lags,
        max_lags,
        n_obs: fit.n_obs,
        trend: options.trend,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing;

    fn panel(columns: Vec<Vec<f64>>) -> Panel {
        let symbols = ["A", "B", "C"].iter().take(columns.len()).map(ToString::to_string).collect();
        Panel::new(symbols, Index::Rows(columns[0].len()), columns).unwrap()
    }

    #[test]
    fn a_series_with_itself_is_refused() {
        let (y, x) = testing::pair(1, 200);
        let twins = panel(vec![y.clone(), y.iter().map(|v| 2.0 * v + 1.0).collect(), x]);
        assert!(matches!(test(&twins, "A", &["A"], &Options::default()), Err(Error::DuplicateSymbol { .. })));
        let error = test(&twins, "A", &["B"], &Options::default()).unwrap_err();
        assert!(error.to_string().contains("A is collinear with B"), "{error}");
        let error = test(&twins, "C", &["A", "B"], &Options::default()).unwrap_err();
        assert!(error.to_string().contains("B is collinear with A"), "{error}");
    }

    #[test]
    fn residual_is_what_the_reported_coefficients_leave() {
        let (y, x) = testing::pair(2, 300);
        let y: Vec<f64> = y.iter().enumerate().map(|(t, v)| v + 0.01 * t as f64 + 1e-4 * (t * t) as f64).collect();
        let panel = panel(vec![y.clone(), x.clone(), testing::random_walk(9, 300)]);
        for trend in [Trend::None, Trend::Constant, Trend::Linear, Trend::Quadratic] {
            let fit = test(&panel, "A", &["B", "C"], &Options { trend, ..Default::default() }).unwrap();
            for row in [0, 17, 299] {
                let t = row as f64 + 1.0;
                let explained = fit.slopes[0] * x[row]
                    + fit.slopes[1] * panel.column(2)[row]
                    + fit.constant.unwrap_or(0.0)
                    + fit.linear.unwrap_or(0.0) * t
                    + fit.quadratic.unwrap_or(0.0) * t * t;
                assert!((y[row] - explained - fit.residual[row]).abs() < 1e-10, "{trend} {row}");
            }
        }
    }

    #[test]
    fn too_short_a_sample_says_how_many_rows_it_needs() {
        let (y, x) = testing::pair(1, 20);
        let error = test(&panel(vec![y, x]), "A", &["B"], &Options::default()).unwrap_err();
        assert!(matches!(error, Error::TooFewRows { needed: 24, found: 20, .. }), "{error}");
    }

    #[test]
    fn rolling_windows_equal_single_tests() {
        let (y, x) = testing::pair(5, 260);
        let panel = panel(vec![y, x]);
        let windows = rolling(&panel, "A", "B", &Options::default(), 120, 70).unwrap();
        assert_eq!(windows.iter().map(|w| w.end).collect::<Vec<_>>(), [120, 190, 260]);
        let single = test(&panel.slice(70..190).unwrap(), "A", &["B"], &Options::default()).unwrap();
        assert_eq!(windows[1].p_value, Some(single.p_value));
    }
}
