//! Index tracking: the convex fit on a given set of assets, and the concave penalty by reweighting.
//!
//! [`Tracking`] is an argmin problem (cost: loss plus penalty) and [`Reweighting`] our argmin solver for
//! it. A step of the solver replaces the penalty by its tangent, d(i) = λ / ((p + w(i)) ln(1 + u/p)), and
//! moves w towards the minimum of the convex rest by a few Newton steps; p shrinks by stages. Every
//! step lowers the true objective of its stage, because the tangent lies above a concave penalty.

use argmin::core::{CostFunction, Executor, IterState, KV, Problem as Counted, Solver, TerminationReason};
use argmin::core::{Error as Stop, TerminationStatus};
use nalgebra::{DMatrix, DVector};

use super::qp::Problem;
use crate::error::{Error, Result};
use crate::lanes::dot;
use crate::linalg::gram;
use crate::portfolio::sparse_tracking::Measure;
use crate::progress::Counter;

/// Returns to follow, assets to follow them with, and what counts as a miss.
#[derive(Clone, Copy)]
pub(crate) struct Tracking<'a> {
    /// Returns of the assets, column-major, T by n.
    pub(crate) x: &'a [f64],
    /// Returns of the benchmark.
    pub(crate) r: &'a [f64],
    pub(crate) measure: Measure,
    /// Largest weight.
    pub(crate) cap: f64,
    pub(crate) lambda: f64,
    /// Where the penalty's logarithm bends; the last stage's.
    pub(crate) p: f64,
    /// Asked before every Newton step whether anybody still waits.
    pub(crate) counter: Option<&'a Counter<'a>>,
}

/// What a convex fit ends with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    /// Mean loss plus linear part.
    pub(crate) value: f64,
    /// Bound on the distance to the minimum (Frank and Wolfe's gap).
    pub(crate) gap: f64,
}

/// Gap, relative to the value, at which a fit is finished.
const FINISHED: f64 = 1e-10;
/// Newton steps of a fit that is to be finished.
pub(crate) const MOST_NEWTON: usize = 200;
/// Newton steps per reweighting: the weights of the penalty move on anyway.
const NEWTON_PER_TANGENT: usize = 2;
/// Assets that may enter at once.
const MOST_ENTERING: usize = 32;
/// Weights below this are none.
const NO_WEIGHT: f64 = 1e-9;

impl<'a> Tracking<'a> {
    pub(crate) fn n_assets(&self) -> usize {
        self.x.len() / self.r.len()
    }

    pub(crate) fn column(&self, i: usize) -> &'a [f64] {
        let t = self.r.len();
        &self.x[i * t..(i + 1) * t]
    }

    /// Benchmark less portfolio: above zero where the portfolio fell behind.
    pub(crate) fn residuals(&self, w: &[f64]) -> Vec<f64> {
        let mut e = self.r.to_vec();
        for (i, weight) in w.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
            e.iter_mut().zip(self.column(i)).for_each(|(e, x)| *e -= weight * x);
        }
        e
    }

    pub(crate) fn loss(&self, w: &[f64]) -> f64 {
        self.mean_loss(&self.residuals(w))
    }

    fn mean_loss(&self, e: &[f64]) -> f64 {
        e.iter().map(|e| self.measure.value(*e)).sum::<f64>() / e.len() as f64
    }

    /// λ Σ ln(1 + w/p) / ln(1 + u/p).
    pub(crate) fn penalty(&self, w: &[f64], p: f64) -> f64 {
        self.lambda * w.iter().map(|w| (w.max(0.0) / p).ln_1p()).sum::<f64>() / (self.cap / p).ln_1p()
    }

    pub(crate) fn objective(&self, w: &[f64]) -> f64 {
        self.loss(w) + self.penalty(w, self.p)
    }

    /// Minimises mean loss + d'w over the weights of `allowed` (rising positions), from `w`, in at most `most` Newton steps.
    ///
    /// `enough`: stops early, unfinished, once the minimum is proven to lie above.
    pub(crate) fn fit(
        &self,
        allowed: &[usize],
        d: impl Fn(usize) -> f64,
        w: &mut [f64],
        most: usize,
        enough: f64,
    ) -> Result<Fit> {
        let t = self.r.len();
        let size = allowed.iter().map(|&i| dot(self.column(i), self.column(i))).sum::<f64>()
            * (2.0 / (t as f64 * allowed.len() as f64));
        let size = if 0.0 < size { size } else { 1.0 };
        let mut e = self.residuals(w);
        let mut damping = 1e-3;
        let linear = |w: &[f64]| allowed.iter().map(|&i| d(i) * w[i]).sum::<f64>();
        let mut found = Fit { value: self.mean_loss(&e) + linear(w), gap: f64::MAX };
        let mut slopes = vec![0.0; t];
        let mut packed = Vec::new();
        for step in 0..=most {
            if let Some(counter) = self.counter {
                counter.advance(0)?;
            }
            slopes.iter_mut().zip(&e).for_each(|(s, e)| *s = self.measure.slope(*e));
            let gradient: Vec<f64> = allowed.iter().map(|&i| d(i) - dot(self.column(i), &slopes) / t as f64).collect();
            let here: f64 = allowed.iter().zip(&gradient).map(|(&i, g)| g * w[i]).sum();
            found.gap = (here - self.least_linear(&gradient)).max(0.0);
            let finished = found.gap <= FINISHED * found.value.abs() + 1e-18;
            if finished || enough < found.value - found.gap || step == most {
                return Ok(found);
            }
            // assets that are held, and those that most want to be
            let mut entering: Vec<usize> =
                (0..allowed.len()).filter(|&k| w[allowed[k]] == 0.0 && gradient[k] < here).collect();
            if MOST_ENTERING < entering.len() {
                entering.sort_by(|&a, &b| gradient[a].total_cmp(&gradient[b]).then(a.cmp(&b)));
                entering.truncate(MOST_ENTERING);
            }
            let mut working: Vec<usize> = (0..allowed.len()).filter(|&k| 0.0 < w[allowed[k]]).chain(entering).collect();
            working.sort_unstable();
            let k = working.len();
            let curved: Vec<usize> = (0..t).filter(|&row| self.measure.is_curved(e[row])).collect();
            packed.clear();
            for &at in &working {
                let column = self.column(allowed[at]);
                if curved.len() == t {
                    packed.extend_from_slice(column);
                } else {
                    packed.extend(curved.iter().map(|&row| column[row]));
                }
            }
            let mut p = if curved.is_empty() {
                DMatrix::zeros(k, k)
            } else {
                gram(&packed, curved.len(), k, 0.5 * t as f64 * size)
            };
            let ridge = if curved.len() == t { 1e-12 } else { damping };
            (0..k).for_each(|i| p[(i, i)] += ridge);
            let now = DVector::from_fn(k, |i, _| w[allowed[working[i]]]);
            let q = DVector::from_fn(k, |i, _| gradient[working[i]] / size) - &p * &now;
            let ones = DVector::from_element(k, 1.0);
            let (lower, upper) = (vec![0.0; k], vec![self.cap; k]);
            let b = now.sum();
            let problem = Problem { p: &p, q: &q, a: &ones, b, lower: &lower, upper: &upper };
            let goal = problem.solve_near(now.as_slice())?;
            let step_by = &goal - &now;
            let mut moved = vec![0.0; t];
            for (i, by) in step_by.iter().enumerate().filter(|(_, by)| **by != 0.0) {
                moved.iter_mut().zip(self.column(allowed[working[i]])).for_each(|(m, x)| *m -= by * x);
            }
            let along: f64 = working.iter().zip(step_by.iter()).map(|(&at, by)| d(allowed[at]) * by).sum();
            let length = self.line_search(&e, &moved, along);
            for (i, &at) in working.iter().enumerate() {
                let weight = &mut w[allowed[at]];
                *weight = if length == 1.0 { goal[i] } else { (now[i] + length * step_by[i]).clamp(0.0, self.cap) };
            }
            e = self.residuals(w);
            let value = self.mean_loss(&e) + linear(w);
            damping = if length < 0.3 { (damping * 10.0).min(10.0) } else { (damping * 0.1).max(1e-9) };
            let gained = found.value - value;
            found.value = value;
            if gained <= 1e-15 * value.abs() && found.gap <= 1e-7 * value.abs() {
                return Ok(found); // rounding is all that is left
            }
        }
        Ok(found)
    }

    /// Least of a linear function over the feasible weights: the smallest coefficients filled to the cap.
    fn least_linear(&self, gradient: &[f64]) -> f64 {
        let mut sorted = gradient.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (mut left, mut total) = (1.0_f64, 0.0);
        for g in sorted {
            let share = left.min(self.cap);
            total += share * g;
            left -= share;
            if left <= 0.0 {
                break;
            }
        }
        total
    }

    /// The step in [0, 1] at which the convex loss along a line is least.
    fn line_search(&self, e: &[f64], moved: &[f64], along: f64) -> f64 {
        let t = e.len() as f64;
        let slope = |s: f64| {
            let rows = e.iter().zip(moved);
            rows.map(|(e, m)| self.measure.slope(e + s * m) * m).sum::<f64>() / t + along
        };
        let (at_start, at_end) = (slope(0.0), slope(1.0));
        if at_end <= 0.0 || 0.0 <= at_start {
            return 1.0;
        }
        let (mut low, mut high, mut f_low, mut f_high) = (0.0, 1.0, at_start, at_end);
        for round in 0..40 {
            // the slope rises piece by piece linearly: chords find the root, halving guards them
            let chord = low - f_low * (high - low) / (f_high - f_low);
            let s = if round % 3 == 2 { 0.5 * (low + high) } else { chord };
            let f = slope(s);
            if f.abs() <= 1e-3 * at_start.abs() {
                return s;
            }
            if f < 0.0 {
                (low, f_low) = (s, f);
            } else {
                (high, f_high) = (s, f);
            }
        }
        0.5 * (low + high)
    }

    /// Runs the reweighting from a starting point; the weights it ends with and its trace.
    pub(crate) fn reweight(&self, start: Vec<f64>) -> Result<(Vec<f64>, Vec<Stage>)> {
        let solver = Reweighting { stages: stages(self.p), stage: 0, trace: Vec::new() };
        let run = Executor::new(*self, solver)
            .configure(|state| state.param(start).max_iters(MOST_TANGENTS))
            .timer(false)
            .ctrlc(false)
            .run();
        let mut result = run.map_err(|stop| match stop.downcast::<Error>() {
            Ok(own) => own,
            Err(other) => Error::degenerate("sparse tracking", other.to_string()),
        })?;
        let w = result.state.take_param().or_else(|| result.state.take_best_param());
        let w = w.ok_or_else(|| Error::degenerate("sparse tracking", "the solver ended without weights"))?;
        Ok((w, result.solver.trace))
    }
}

impl CostFunction for Tracking<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, w: &Self::Param) -> std::result::Result<f64, Stop> {
        Ok(self.objective(w))
    }
}

/// Objective values of one stage of p; they never rise.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Where the logarithm of the penalty bends.
    pub p: f64,
    /// Loss plus penalty after each tangent.
    pub objective: Vec<f64>,
}

/// Our solver: tangents of the penalty, p by stages.
struct Reweighting {
    stages: Vec<f64>,
    stage: usize,
    trace: Vec<Stage>,
}

type Weights = IterState<Vec<f64>, (), (), (), (), f64>;

/// Tangents in all; eleven stages of at most sixty.
const MOST_TANGENTS: u64 = 660;
const TANGENTS_PER_STAGE: usize = 60;

impl<'t> Solver<Tracking<'t>, Weights> for Reweighting {
    fn name(&self) -> &str {
        "reweighting of the concave penalty"
    }

    fn next_iter(
        &mut self,
        problem: &mut Counted<Tracking<'t>>,
        mut state: Weights,
    ) -> std::result::Result<(Weights, Option<KV>), Stop> {
        let (Some(mut w), Some(tracking)) = (state.take_param(), problem.problem.as_ref()) else {
            return Err(Stop::from(Error::degenerate("sparse tracking", "a step without weights")));
        };
        let p = self.stages[self.stage];
        let last = self.stage + 1 == self.stages.len();
        let scale = tracking.lambda / (tracking.cap / p).ln_1p();
        // a weight at zero stays there once p is far below what a step could lift it to
        let allowed: Vec<usize> = (0..w.len()).filter(|&i| 1e-3 < p || 0.0 < w[i]).collect();
        let before = w.clone();
        let tangent = |i: usize| scale / (p + before[i]);
        tracking.fit(&allowed, tangent, &mut w, NEWTON_PER_TANGENT, f64::INFINITY)?;
        sweep(&mut w, tracking.cap);
        let objective = tracking.loss(&w) + tracking.penalty(&w, p);
        if self.trace.len() == self.stage {
            let start = tracking.loss(&before) + tracking.penalty(&before, p);
            self.trace.push(Stage { p, objective: vec![start] });
        }
        let values = &mut self.trace[self.stage].objective;
        let previous = values.last().copied().unwrap_or(objective);
        // cutting dust off may cost what rounding costs; then the stage is over
        let rose = previous < objective;
        if rose {
            w = before;
        } else {
            values.push(objective);
        }
        let settled = previous - objective <= if last { 1e-9 } else { 1e-5 } * objective.abs();
        if settled || TANGENTS_PER_STAGE < values.len() {
            self.stage += 1;
            if let Some(counter) = tracking.counter {
                counter.advance(1).map_err(Stop::from)?;
            }
        }
        let cost = if rose { previous } else { objective };
        Ok((state.param(w).cost(cost), None))
    }

    fn terminate(&mut self, _state: &Weights) -> TerminationStatus {
        if self.stage < self.stages.len() {
            TerminationStatus::NotTerminated
        } else {
            TerminationStatus::Terminated(TerminationReason::SolverConverged)
        }
    }
}

/// p from 0.1 downwards, slowly first: 10 to the power -(k^(i/10)) with k so that the last is the p wanted.
pub(crate) fn stages(p: f64) -> Vec<f64> {
    let digits = -p.log10();
    if digits <= 1.0 {
        return vec![p];
    }
    (0..=10).map(|i| 10.0_f64.powf(-digits.powf(f64::from(i) / 10.0))).collect()
}

/// Removes dust and gives what it weighed to the others, within the cap.
fn sweep(w: &mut [f64], cap: f64) {
    let mut dust = 0.0;
    for weight in w.iter_mut().filter(|weight| **weight < NO_WEIGHT) {
        dust += *weight;
        *weight = 0.0;
    }
    for weight in w.iter_mut().filter(|weight| 0.0 < **weight) {
        let more = dust.clamp(0.0, cap - *weight);
        *weight += more;
        dust -= more;
    }
}
