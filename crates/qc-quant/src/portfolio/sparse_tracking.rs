//! Follows an index with few assets.

use rayon::prelude::*;

use super::mean_variance::Bounds;
use crate::error::{Error, Result};
use crate::panel::{Panel, Series};
use crate::progress::{Counter, Progress};
use crate::returns::require_periods_per_year;
use crate::solve::support::{Chosen, Count};
pub use crate::solve::tracker::Stage;
use crate::solve::tracker::{MOST_NEWTON, Tracking, stages};
use crate::stats::moments::{covariance, mean, std_dev, variance};

/// What counts as missing the index; e = benchmark less portfolio, above zero where the portfolio fell behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// Empirical tracking error, e².
    Ete,
    /// Downside risk, e² for e > 0: doing better than the index is no miss.
    Dr,
    /// Huber's loss of e: M (2|e| - M) beyond M, so that single days do not decide.
    Hete {
        /// M, per period.
        huber: f64,
    },
    /// Huber's loss of e > 0.
    Hdr {
        /// M, per period.
        huber: f64,
    },
}

impl Measure {
    /// The loss of one period.
    pub fn value(self, e: f64) -> f64 {
        let beyond = |e: f64, m: f64| if e <= m { e * e } else { m * (2.0 * e - m) };
        match self {
            Self::Ete => e * e,
            Self::Dr => e.max(0.0) * e.max(0.0),
            Self::Hete { huber } => beyond(e.abs(), huber),
            Self::Hdr { huber } => beyond(e.max(0.0), huber),
        }
    }

    /// Its derivative.
    pub fn slope(self, e: f64) -> f64 {
        match self {
            Self::Ete => 2.0 * e,
            Self::Dr => 2.0 * e.max(0.0),
            Self::Hete { huber } => 2.0 * e.clamp(-huber, huber),
            Self::Hdr { huber } => 2.0 * e.clamp(0.0, huber),
        }
    }

    /// Whether the loss is curved (second derivative 2) rather than straight at e.
    pub(crate) fn is_curved(self, e: f64) -> bool {
        match self {
            Self::Ete => true,
            Self::Dr => 0.0 < e,
            Self::Hete { huber } => e.abs() <= huber,
            Self::Hdr { huber } => 0.0 < e && e <= huber,
        }
    }
}

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
/// Values of λ on the path of a search.
const PATH: usize = 12;

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
    let base = Tracking { x: &x, r, measure: options.measure, cap: options.max_weight, lambda: 0.0, p: options.p };
    let held_out = Tracking { x: &x_out, r: r_out, ..base };
    let lambdas = match options.penalty {
        Penalty::Lambda(_) => 1,
        Penalty::Assets(_) => 16,
        Penalty::HoldOut => PATH + 1,
    };
    let counter = Counter::new(progress, 2 * lambdas * stages(options.p).len())?;
    let mut everything = vec![1.0 / n as f64; n];
    let all: Vec<usize> = (0..n).collect();
    let best_fit = base.fit(&all, |_| 0.0, &mut everything, MOST_NEWTON, f64::INFINITY)?;
    let task = Task { base, best: everything, counter: &counter };
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

struct Task<'a> {
    base: Tracking<'a>,
    /// Weights that fit best without penalty.
    best: Vec<f64>,
    counter: &'a Counter<'a>,
}

impl Task<'_> {
    fn at(&self, lambda: f64) -> Tracking<'_> {
        Tracking { lambda, ..self.base }
    }

    /// Reweights from both starts and refits; the better one first.
    fn reweighted(&self, lambda: f64) -> Result<Vec<(Chosen, Vec<Stage>)>> {
        let problem = self.at(lambda);
        let n = problem.n_assets();
        let starts = [vec![1.0 / n as f64; n], self.best.clone()];
        let mut found: Vec<(Chosen, Vec<Stage>)> = starts
            .into_par_iter()
            .map(|start| {
                let (w, trace) = problem.reweight(start, Some(self.counter))?;
                Ok((problem.refit_near(&w)?, trace))
            })
            .collect::<Result<_>>()?;
        found.sort_by(|a, b| a.0.objective.total_cmp(&b.0.objective));
        found.dedup_by(|b, a| a.0.support == b.0.support);
        Ok(found)
    }

    /// The best weights for a λ: both starts, refit, exchanges.
    fn solve(&self, lambda: f64) -> Result<(Chosen, Vec<Stage>)> {
        let problem = self.at(lambda);
        let improved: Vec<(Chosen, Vec<Stage>)> = self
            .reweighted(lambda)?
            .into_par_iter()
            .map(|(chosen, trace)| Ok((problem.improve(chosen, Count::Free, self.counter)?, trace)))
            .collect::<Result<_>>()?;
        let best = improved.into_iter().reduce(|a, b| if b.0.objective < a.0.objective { b } else { a });
        best.ok_or_else(|| Error::degenerate("sparse tracking", "no start led to an answer"))
    }

    /// Halves the interval of λ until the number of assets is the one wanted, then exchanges among sets of that size.
    fn with_assets(&self, wanted: usize, loss: f64, path: &mut Vec<PathPoint>) -> Result<(f64, Chosen, Vec<Stage>)> {
        let (mut low, mut high) = (1e-6 * loss.max(1e-18), 1e3 * loss.max(1e-18));
        let mut nearest: Option<(f64, Chosen, Vec<Stage>)> = None;
        for _ in 0..14 {
            let lambda = (low * high).sqrt();
            let Some((chosen, trace)) = self.reweighted(lambda)?.into_iter().next() else { break };
            let assets = chosen.support.len();
            path.push(PathPoint { lambda, assets, loss: chosen.loss, hold_out_loss: None });
            // few too many can be taken out one by one; too few are of no use
            if wanted <= assets && nearest.as_ref().is_none_or(|(_, best, _)| assets <= best.support.len()) {
                nearest = Some((lambda, chosen, trace));
            }
            match assets {
                _ if assets == wanted => break,
                _ if assets < wanted => high = lambda,
                _ => low = lambda,
            }
        }
        let (lambda, mut chosen, trace) = match nearest {
            Some(found) => found,
            None => (0.0, self.at(0.0).refit_near(&self.best)?, Vec::new()),
        };
        let problem = self.at(lambda);
        while wanted < chosen.support.len() {
            self.counter.advance(0)?;
            let fewer = problem.drop_one(&chosen)?;
            chosen = fewer.ok_or_else(|| Error::degenerate("sparse tracking", "no asset can leave"))?;
        }
        Ok((lambda, problem.improve(chosen, Count::Kept, self.counter)?, trace))
    }

    /// The largest λ whose loss on the hold-out is within one standard error of the least.
    fn by_hold_out(&self, held_out: &Tracking<'_>, loss: f64, path: &mut Vec<PathPoint>) -> Result<f64> {
        let loss = loss.max(1e-18);
        let mut compared = Vec::new(); // λ, mean loss on the hold-out, its standard error
        for step in 0..PATH {
            // from a thousandth of the least loss to three times of it
            let lambda = loss * 10.0_f64.powf(-3.0 + 3.5 * step as f64 / (PATH - 1) as f64);
            let Some((chosen, _)) = self.reweighted(lambda)?.into_iter().next() else { continue };
            let losses: Vec<f64> =
                held_out.residuals(&chosen.weights).iter().map(|e| held_out.measure.value(*e)).collect();
            let out = mean(&losses);
            let assets = chosen.support.len();
            path.push(PathPoint { lambda, assets, loss: chosen.loss, hold_out_loss: Some(out) });
            compared.push((lambda, out, std_dev(&losses) / (losses.len() as f64).sqrt()));
        }
        let best = compared.iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let Some(&(best, least, error)) = best else {
            return Err(Error::degenerate("sparse tracking", "an empty path"));
        };
        let within = compared.iter().filter(|(_, out, _)| *out <= least + error);
        Ok(within.map(|(lambda, _, _)| *lambda).fold(best, f64::max))
    }
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
                let problem = Tracking { x: &x, r: index.values(), measure, cap: 0.5, lambda, p: 1e-7 };
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
