//! Follows an index with few assets.

mod measure;
mod search;

pub use self::measure::Measure;
use self::search::{PATH, Task};
use super::mean_variance::Bounds;
use crate::error::{Error, Result};
use crate::panel::{Panel, Series};
use crate::progress::{Counter, Progress};
use crate::returns::require_periods_per_year;
use crate::solve::support::Chosen;
pub use crate::solve::tracker::Stage;
use crate::solve::tracker::{MOST_NEWTON, Tracking, stages};
use crate::stats::moments::{covariance, mean, std_dev, variance};

/// How much every asset held costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Penalty {
    /// λ as given, in units of the loss: what holding one asset may save to be worth it. 0 holds what fits best.
    Lambda(f64),
    /// λ chosen for this many assets.
    Assets(usize),
    /// λ by the loss on the hold-out: the largest within one standard error of the best.
    HoldOut,
}

/// Options of [`fit`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackingOptions {
    /// What counts as a miss.
    pub measure: Measure,
    /// Largest weight of an asset.
    pub max_weight: f64,
    /// The price of an asset.
    pub penalty: Penalty,
    /// Where the penalty's logarithm bends: far below any weight that matters.
    pub p: f64,
    /// Share of rows at the end that are not fitted but measured on; 0 fits all.
    pub hold_out: f64,
    /// Rows per year, for annual figures.
    pub periods_per_year: f64,
}

impl Default for TrackingOptions {
    /// Tracking error, at most half in one asset, λ by the hold-out of the last fifth.
    fn default() -> Self {
        Self {
            measure: Measure::Ete,
            max_weight: 0.5,
            penalty: Penalty::HoldOut,
            p: 1e-7,
            hold_out: 0.2,
            periods_per_year: 252.0,
        }
    }
}

/// How closely weights followed the index over some rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracked {
    /// Rows.
    pub n_obs: usize,
    /// Mean loss.
    pub loss: f64,
    /// Sample standard deviation of the difference of returns, per year.
    pub tracking_error_annual: f64,
    /// Mean portfolio less benchmark return, times periods per year.
    pub active_return_annual: f64,
    /// Slope of the portfolio on the benchmark; `None` when the benchmark does not vary.
    pub beta: Option<f64>,
}

/// One λ of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathPoint {
    /// λ.
    pub lambda: f64,
    /// Assets held.
    pub assets: usize,
    /// Mean loss on the rows fitted.
    pub loss: f64,
    /// Mean loss on the hold-out, where it decides.
    pub hold_out_loss: Option<f64>,
}

/// Answer of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct SparseTracking {
    /// Symbols in the caller's order.
    pub symbols: Vec<String>,
    /// Weights in that order, zero for assets not held; they sum to 1.
    pub weights: Vec<f64>,
    /// Assets held.
    pub assets: usize,
    /// λ used.
    pub lambda: f64,
    /// Mean loss on the rows fitted.
    pub loss: f64,
    /// λ Σ ln(1 + w/p) / ln(1 + max_weight/p).
    pub penalty: f64,
    /// Bound on how far the loss is above the least possible on the assets held.
    pub duality_gap: f64,
    /// Objective values by stage of p, from the start that led to the answer; empty without penalty.
    pub trace: Vec<Stage>,
    /// On the rows fitted.
    pub in_sample: Tracked,
    /// On the rows held out, if there are any.
    pub hold_out: Option<Tracked>,
    /// The values of λ that were compared, if λ was searched for.
    pub path: Vec<PathPoint>,
}

/// Most numbers (rows times assets) that are fitted.
pub const MOST_CELLS: u64 = 20_000_000;
/// Finds few weights, none above a cap, that follow a benchmark.
///
/// # Shapes and units
/// `returns` and `benchmark`: simple returns of the same rows. Loss and λ are in squared returns.
///
/// # Definition
/// min mean φ(r - Xw) + λ Σ ln(1 + w/p) / ln(1 + u/p), Σw = 1, 0 <= w <= u. The penalty counts assets, nearly; it is
/// concave, so the answer is a local optimum: reweighting from two starts, a refit without penalty on
/// the assets found, then assets leave, are exchanged or enter while that helps. With λ = 0 the
/// problem is convex and the answer exact.
///
/// # When not to use it
/// The assets that track a sample best are partly those whose noise happened to fit: read `hold_out`.
///
/// # Errors
/// [`Error::Infeasible`] when the cap is too low for the assets, [`Error::OutOfRange`] for options,
/// [`Error::TooFewRows`], [`Error::IndexMismatch`], [`Error::ShapeMismatch`], [`Error::TooMuchWork`],
/// [`Error::Cancelled`].
///
/// # Source
/// Benidis, Feng and Palomar (2018), IEEE Transactions on Signal Processing 66(1), 155-170. Checked
/// against cvxpy: family `sparse_tracking`.
///
/// ```
/// use qc_quant::portfolio::sparse_tracking::{Measure, Penalty, TrackingOptions, fit};
/// use qc_quant::{Index, Panel, Series, Silent, testing::noise};
/// let columns: Vec<Vec<f64>> = (0..6).map(|i| noise(i, 250).iter().map(|e| 0.01 * e).collect()).collect();
/// let index = columns[1].iter().zip(&columns[4]).map(|(a, b)| 0.3 * a + 0.7 * b).collect();
/// let returns = Panel::new((0..6).map(|i| format!("S{i}")).collect(), Index::Rows(250), columns)?;
/// let options = TrackingOptions { penalty: Penalty::Lambda(1e-7), max_weight: 0.8, ..Default::default() };
/// let found = fit(&returns, &Series::new("index", Index::Rows(250), index)?, &options, &Silent)?;
/// assert_eq!(found.assets, 2);
/// assert!((found.weights[4] - 0.7).abs() < 1e-9 && found.hold_out.is_some());
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn fit(
    returns: &Panel,
    benchmark: &Series,
    options: &TrackingOptions,
    progress: &dyn Progress,
) -> Result<SparseTracking> {
    let fitted = check(returns, benchmark, options)?;
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    let rows = |from: usize, to: usize| -> Vec<f64> { returns.columns().flat_map(|c| c[from..to].to_vec()).collect() };
    let (x, r) = (rows(0, fitted), &benchmark.values()[..fitted]);
    let (x_out, r_out) = (rows(fitted, t), &benchmark.values()[fitted..]);
    let lambdas = match options.penalty {
        Penalty::Lambda(_) => 1,
        Penalty::Assets(_) => 16,
        Penalty::HoldOut => PATH + 1,
    };
    let counter = Counter::new(progress, 2 * lambdas * stages(options.p).len())?;
    let (measure, cap, p) = (options.measure, options.max_weight, options.p);
    let base = Tracking { x: &x, r, measure, cap, lambda: 0.0, p, counter: Some(&counter) };
    let held_out = Tracking { x: &x_out, r: r_out, ..base };
    let mut everything = vec![1.0 / n as f64; n];
    let all: Vec<usize> = (0..n).collect();
    let best_fit = base.fit(&all, |_| 0.0, &mut everything, MOST_NEWTON, f64::INFINITY)?;
    let task = Task { base, best: everything };
    let mut path = Vec::new();
    let (lambda, chosen, trace) = match options.penalty {
        Penalty::Lambda(0.0) => {
            let support: Vec<usize> = (0..n).filter(|&i| 0.0 < task.best[i]).collect();
            let weights = task.best.clone();
            let (loss, gap) = (best_fit.value, best_fit.gap);
            (0.0, Chosen { support, weights, loss, objective: loss, gap }, Vec::new())
        }
        Penalty::Lambda(lambda) => {
            let (chosen, trace) = task.solve(lambda)?;
            (lambda, chosen, trace)
        }
        Penalty::Assets(wanted) => task.with_assets(wanted, best_fit.value, &mut path)?,
        Penalty::HoldOut => {
            let lambda = task.by_hold_out(&held_out, best_fit.value, &mut path)?;
            let (chosen, trace) = task.solve(lambda)?;
            (lambda, chosen, trace)
        }
    };
    let weights = chosen.weights;
    Ok(SparseTracking {
        symbols: returns.symbols().to_vec(),
        assets: chosen.support.len(),
        lambda,
        loss: chosen.loss,
        penalty: chosen.objective - chosen.loss,
        duality_gap: chosen.gap,
        trace,
        in_sample: tracked(&base, &weights, options.periods_per_year),
        hold_out: (fitted < t).then(|| tracked(&held_out, &weights, options.periods_per_year)),
        path,
        weights,
    })
}

fn tracked(tracking: &Tracking<'_>, w: &[f64], periods_per_year: f64) -> Tracked {
    let e = tracking.residuals(w);
    let own: Vec<f64> = tracking.r.iter().zip(&e).map(|(r, e)| r - e).collect();
    let spread = variance(tracking.r);
    Tracked {
        n_obs: e.len(),
        loss: tracking.loss(w),
        tracking_error_annual: std_dev(&e) * periods_per_year.sqrt(),
        active_return_annual: -mean(&e) * periods_per_year,
        beta: (0.0 < spread).then(|| covariance(&own, tracking.r) / spread),
    }
}

/// Checks everything; the number of rows to fit.
fn check(returns: &Panel, benchmark: &Series, options: &TrackingOptions) -> Result<usize> {
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    let first = Series::new("returns", returns.index().clone(), returns.column(0).to_vec())?;
    first.require_same_rows(benchmark)?;
    require_periods_per_year(options.periods_per_year)?;
    if n < 2 {
        return Err(Error::TooFewSymbols { what: "tracking an index".into(), needed: 2, found: n });
    }
    Bounds { lower: 0.0, upper: options.max_weight }.check(n)?;
    let range = |what: &str, low: f64, high: f64, value: f64| {
        if low <= value && value <= high { Ok(()) } else { Err(Error::out_of_range(what, low, high, value)) }
    };
    range("largest weight", f64::MIN_POSITIVE, 1.0, options.max_weight)?;
    range("p of the penalty", 1e-12, 1.0, options.p)?;
    range("share held out", 0.0, 0.9, options.hold_out)?;
    if let Measure::Hete { huber } | Measure::Hdr { huber } = options.measure {
        range("huber parameter", f64::MIN_POSITIVE, f64::MAX, huber)?;
    }
    match options.penalty {
        Penalty::Lambda(lambda) => range("lambda", 0.0, 1e6, lambda)?,
        Penalty::Assets(wanted) => {
            let least = (1.0 / options.max_weight - 1e-9).ceil();
            range("number of assets", least, n as f64, wanted as f64)?;
        }
        Penalty::HoldOut => {}
    }
    let fitted = t - (t as f64 * options.hold_out).floor() as usize;
    if fitted < 20 {
        return Err(Error::too_few_rows("tracking an index", 20, fitted));
    }
    if options.penalty == Penalty::HoldOut && t - fitted < 10 {
        return Err(Error::too_few_rows("the hold-out that chooses lambda", 10, t - fitted));
    }
    Error::limit_work("sparse tracking (rows times assets)", MOST_CELLS, &[t, n])?;
    Ok(fitted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::progress::Silent;
    use crate::testing::noise;
    use std::ops::ControlFlow;

    const MEASURES: [Measure; 4] =
        [Measure::Ete, Measure::Dr, Measure::Hete { huber: 0.003 }, Measure::Hdr { huber: 0.003 }];

    fn market(rows: usize, n: usize) -> (Panel, Series) {
        let common = noise(1, rows);
        let columns: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let own = noise(50 + i as u64, rows);
                common.iter().zip(own).map(|(m, e)| 0.01 * (m + (0.4 + 0.1 * i as f64) * e)).collect()
            })
            .collect();
        let extra = noise(999, rows);
        let index = (0..rows).map(|t| columns.iter().map(|c| c[t]).sum::<f64>() / n as f64 + 0.001 * extra[t]);
        let index = Series::new("index", Index::Rows(rows), index.collect()).unwrap();
        (Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(rows), columns).unwrap(), index)
    }

    fn options(measure: Measure, lambda: f64) -> TrackingOptions {
        TrackingOptions { measure, penalty: Penalty::Lambda(lambda), hold_out: 0.0, ..Default::default() }
    }

    #[test]
    fn slopes_are_the_derivatives_of_the_losses() {
        for measure in MEASURES {
            for e in [-0.02, -0.001, 0.0005, 0.0029, 0.02] {
                let h = 1e-7;
                let difference = (measure.value(e + h) - measure.value(e - h)) / (2.0 * h);
                assert!((difference - measure.slope(e)).abs() < 1e-8, "{measure:?} {e}");
            }
        }
    }

    /// All sets of eight assets, each refitted: none may be better than the answer by more than one percent.
    #[test]
    fn no_set_of_assets_is_much_better() {
        let (returns, index) = market(200, 8);
        let x: Vec<f64> = returns.values().to_vec();
        for measure in MEASURES {
            for lambda in [1e-7, 1e-6, 1e-5] {
                let found = fit(&returns, &index, &options(measure, lambda), &Silent).unwrap();
                let problem = Tracking { x: &x, r: index.values(), measure, cap: 0.5, lambda, p: 1e-7, counter: None };
                let least = (1u32..256)
                    .filter(|set| 2 <= set.count_ones())
                    .map(|set| {
                        let support: Vec<usize> = (0..8).filter(|i| set >> i & 1 == 1).collect();
                        problem.refit(&support, &[0.0; 8], f64::INFINITY).unwrap().unwrap().objective
                    })
                    .fold(f64::INFINITY, f64::min);
                let own = found.loss + found.penalty;
                assert!(own <= least * 1.01, "{measure:?} {lambda}: {own} {least}");
            }
        }
    }

    #[test]
    fn the_objective_never_rises_within_a_stage() {
        let (returns, index) = market(300, 12);
        for measure in MEASURES {
            let found = fit(&returns, &index, &options(measure, 1e-6), &Silent).unwrap();
            assert_eq!(found.trace.len(), 11);
            for stage in &found.trace {
                assert!(stage.objective.windows(2).all(|pair| pair[1] <= pair[0]), "{measure:?} {}", stage.p);
            }
        }
    }

    #[test]
    fn without_penalty_the_gap_proves_the_optimum() {
        let (returns, index) = market(300, 12);
        for measure in MEASURES {
            let found = fit(&returns, &index, &options(measure, 0.0), &Silent).unwrap();
            assert!(found.duality_gap <= 1e-7 * found.loss, "{measure:?} {} {}", found.duality_gap, found.loss);
            assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_number_of_assets_is_met_and_the_hold_out_is_not_fitted() {
        let (returns, index) = market(300, 12);
        for wanted in [2, 5, 12] {
            let wanted_options = TrackingOptions { penalty: Penalty::Assets(wanted), ..Default::default() };
            let found = fit(&returns, &index, &wanted_options, &Silent).unwrap();
            assert_eq!((found.assets, found.in_sample.n_obs), (wanted, 240));
        }
        let searched = fit(&returns, &index, &TrackingOptions::default(), &Silent).unwrap();
        assert_eq!((searched.path.len(), searched.hold_out.unwrap().n_obs), (PATH, 60));
    }

    #[test]
    fn threads_change_no_bit_and_a_stop_is_heard() {
        let (returns, index) = market(250, 20);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(&returns, &index, &options(Measure::Hdr { huber: 0.001 }, 2e-7), &Silent).unwrap())
        };
        assert_eq!(on(1), on(3));
        let stop = |done: usize, _: usize| if done < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let stopped = fit(&returns, &index, &options(Measure::Ete, 1e-7), &stop);
        assert!(matches!(stopped, Err(Error::Cancelled { .. })));
    }

    #[test]
    fn bad_options_are_refused_with_their_figures() {
        let (returns, index) = market(60, 4);
        let with = |change: fn(&mut TrackingOptions)| {
            let mut options = TrackingOptions { hold_out: 0.2, ..Default::default() };
            change(&mut options);
            fit(&returns, &index, &options, &Silent).unwrap_err()
        };
        assert!(matches!(with(|o| o.max_weight = 0.2), Error::Infeasible { .. }));
        assert!(matches!(with(|o| o.penalty = Penalty::Assets(1)), Error::OutOfRange { min: 2.0, found: 1.0, .. }));
        assert!(matches!(with(|o| o.penalty = Penalty::Lambda(f64::NAN)), Error::OutOfRange { .. }));
        assert!(matches!(with(|o| o.measure = Measure::Hdr { huber: 0.0 }), Error::OutOfRange { .. }));
        assert!(matches!(with(|o| o.hold_out = 0.8), Error::TooFewRows { needed: 20, found: 12, .. }));
        assert!(matches!(with(|o| o.hold_out = 0.1), Error::TooFewRows { needed: 10, found: 6, .. }));
        let other = Series::new("index", Index::Rows(59), index.values()[..59].to_vec()).unwrap();
        assert!(fit(&returns, &other, &TrackingOptions::default(), &Silent).is_err());
    }
}
