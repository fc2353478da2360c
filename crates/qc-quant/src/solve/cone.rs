//! Convex quadratic programs with linear rows and a cap on a norm, by clarabel.
//!
//! The general way for what the special methods of this crate do not take; also their witness in tests.

use std::sync::{Mutex, mpsc};

use clarabel::algebra::CscMatrix;
use clarabel::solver::SupportedConeT::{NonnegativeConeT, SecondOrderConeT, ZeroConeT};
use clarabel::solver::{DefaultInfo, DefaultSettings, DefaultSolution, DefaultSolver, IPSolver, SolverStatus};
use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::progress::Counter;

/// A row of coefficients by position, and its right-hand side. Positions left out are zero.
pub(crate) type Sparse = (Vec<(usize, f64)>, f64);

/// Minimise ½ x'Px + q'x subject to rows and |Fx| <= r.
pub(crate) struct Program<'a> {
    pub(crate) what: &'a str,
    /// Quadratic part of the first variables; the others have none.
    pub(crate) p: Option<&'a DMatrix<f64>>,
    pub(crate) q: &'a [f64],
    pub(crate) equal: Vec<Sparse>,
    pub(crate) at_most: Vec<Sparse>,
    /// Matrix F over the first variables, and the radius r.
    pub(crate) ball: Option<(&'a DMatrix<f64>, f64)>,
}

/// The point found, its value and the gap to the bound that the dual problem proves.
pub(crate) struct Optimum {
    pub(crate) x: Vec<f64>,
    pub(crate) gap: f64,
    pub(crate) steps: usize,
}

/// Most steps of the interior-point method.
pub(crate) const MOST_STEPS: usize = 300;

const TOLERANCE: f64 = 1e-11;
/// What still counts as solved where rounding ends progress early.
const REDUCED: f64 = 1e-8;

impl Program<'_> {
    /// Solves it; `counter` hears of each step and may end it.
    pub(crate) fn solve(&self, counter: &Counter<'_>) -> Result<Optimum> {
        let n = self.q.len();
        let (mut rows, mut cols, mut values, mut right) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (entries, value) in self.equal.iter().chain(&self.at_most) {
            for &(col, coefficient) in entries.iter().filter(|(_, c)| *c != 0.0) {
                rows.push(right.len());
                cols.push(col);
                values.push(coefficient);
            }
            right.push(*value);
        }
        let mut cones = vec![ZeroConeT(self.equal.len()), NonnegativeConeT(self.at_most.len())];
        if let Some((factor, radius)) = self.ball {
            // (r, Fx) lies in the cone: the first row is r itself
            right.push(radius);
            for row in 0..factor.nrows() {
                for col in 0..factor.ncols() {
                    if factor[(row, col)] != 0.0 {
                        rows.push(right.len());
                        cols.push(col);
                        values.push(-factor[(row, col)]);
                    }
                }
                right.push(0.0);
            }
            cones.push(SecondOrderConeT(1 + factor.nrows()));
        }
        let a = CscMatrix::new_from_triplets(right.len(), n, rows, cols, values);
        let (mut rows, mut cols, mut values) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(p) = self.p {
            for col in 0..p.ncols() {
                for row in 0..=col {
                    rows.push(row);
                    cols.push(col);
                    values.push(p[(row, col)]);
                }
            }
        }
        let p = CscMatrix::new_from_triplets(n, n, rows, cols, values);
        let settings = DefaultSettings {
            verbose: false,
            max_threads: 1,
            max_iter: MOST_STEPS as u32,
            tol_gap_abs: TOLERANCE,
            tol_gap_rel: TOLERANCE,
            tol_feas: TOLERANCE,
            reduced_tol_gap_abs: REDUCED,
            reduced_tol_gap_rel: REDUCED,
            reduced_tol_feas: REDUCED,
            ..DefaultSettings::default()
        };
        let found = watched(counter, |hear| {
            let mut solver = DefaultSolver::new(&p, self.q, &a, &right, &cones, settings)
                .map_err(|error| Error::degenerate(self.what, error.to_string()))?;
            solver.set_termination_callback(hear);
            solver.solve();
            Ok(solver.solution)
        })?;
        match found.status {
            SolverStatus::Solved | SolverStatus::AlmostSolved => Ok(Optimum {
                x: found.x.clone(),
                gap: (found.obj_val - found.obj_val_dual).abs(),
                steps: found.iterations as usize,
            }),
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => Err(Error::Infeasible {
                what: format!("all conditions of {} together", self.what),
                reason: format!("{} equalities and {} limits exclude each other", self.equal.len(), self.at_most.len()),
            }),
            SolverStatus::DualInfeasible | SolverStatus::AlmostDualInfeasible => {
                Err(Error::degenerate(self.what, "the conditions leave it without a minimum"))
            }
            _ => Err(Error::NotConverged {
                what: self.what.to_owned(),
                steps: found.iterations as usize,
                residual: finite(found.r_prim.max(found.r_dual)),
                tolerance: REDUCED,
            }),
        }
    }
}

/// Runs a solver on a thread of its own, as it keeps its callback for as long as it likes and `counter` is only lent;
/// the solver waits at each step until `counter` has heard of it.
fn watched(
    counter: &Counter<'_>,
    solve: impl FnOnce(Box<dyn FnMut(&DefaultInfo<f64>) -> bool + Send + Sync>) -> Result<DefaultSolution<f64>> + Send,
) -> Result<DefaultSolution<f64>> {
    let (step, steps) = mpsc::channel::<()>();
    let (verdict, verdicts) = mpsc::channel::<bool>();
    let verdicts = Mutex::new(verdicts);
    let hear = move |_: &DefaultInfo<f64>| {
        let is_told = step.send(()).is_ok();
        let stops = verdicts.lock().ok().and_then(|verdicts| verdicts.recv().ok());
        !is_told || stops.unwrap_or(true)
    };
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || solve(Box::new(hear)));
        let mut stopped = None;
        while steps.recv().is_ok() {
            let stop = counter.advance(1);
            let is_over = stop.is_err();
            stopped = stopped.or(stop.err());
            if verdict.send(is_over).is_err() {
                break;
            }
        }
        let found = worker.join().map_err(|_| Error::degenerate("a conic program", "its solver failed"))?;
        stopped.map_or(found, Err)
    })
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Progress, Silent};
    use std::ops::ControlFlow;

    fn solved(program: &Program<'_>, progress: &dyn Progress) -> Result<Optimum> {
        program.solve(&Counter::new(progress, MOST_STEPS)?)
    }

    #[test]
    fn a_capped_norm_binds_where_geometry_says_and_can_be_stopped() {
        // least -x - y within a circle of radius 2: both sqrt 2
        let factor = DMatrix::identity(2, 2);
        let program = Program {
            what: "test",
            p: None,
            q: &[-1.0, -1.0],
            equal: Vec::new(),
            at_most: Vec::new(),
            ball: Some((&factor, 2.0)),
        };
        let found = solved(&program, &Silent).unwrap();
        let stop = |done: usize, _: usize| if done < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        assert!(matches!(solved(&program, &stop), Err(Error::Cancelled { done: 3, total: MOST_STEPS })));
        assert!(found.x.iter().all(|x| (x - 2.0_f64.sqrt()).abs() < 1e-8) && found.gap < 1e-8);
    }

    #[test]
    fn contradictions_and_missing_minima_are_told_apart() {
        let program = |at_most| Program { what: "test", p: None, q: &[1.0], equal: Vec::new(), at_most, ball: None };
        let contradiction = solved(&program(vec![(vec![(0, 1.0)], -1.0), (vec![(0, -1.0)], -1.0)]), &Silent);
        assert!(matches!(contradiction, Err(Error::Infeasible { .. })));
        assert!(matches!(solved(&program(vec![(vec![(0, 1.0)], -1.0)]), &Silent), Err(Error::Degenerate { .. })));
    }
}
