//! Minima of likelihoods: with a gradient by L-BFGS, without one by Nelder and Mead, both argmin's.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error as Stop, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::neldermead::NelderMead;
use argmin::solver::quasinewton::LBFGS;

/// Where a function was least, and its value there.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    pub(crate) at: Vec<f64>,
    pub(crate) value: f64,
}

/// Value and gradient at a point.
type Evaluated = (f64, Vec<f64>);

/// A function for argmin that remembers the best point seen: a line search that gives up loses nothing.
struct Remembering<'a, F> {
    function: &'a F,
    best: &'a RefCell<Option<Minimum>>,
    /// The last point with its value and gradient, which argmin asks for one after the other.
    last: RefCell<Option<(Vec<f64>, Evaluated)>>,
}

/// What stands for a value that cannot be computed.
const IMPOSSIBLE: f64 = 1e100;

impl<F> Remembering<'_, F> {
    fn note(&self, at: &[f64], value: f64) {
        let mut best = self.best.borrow_mut();
        if value.is_finite() && best.as_ref().is_none_or(|found| value < found.value) {
            *best = Some(Minimum { at: at.to_vec(), value });
        }
    }
}

impl<F: Fn(&[f64]) -> Evaluated> Remembering<'_, F> {
    fn evaluate(&self, at: &[f64]) -> Evaluated {
        if let Some((point, found)) = self.last.borrow().as_ref()
            && point == at
        {
            return found.clone();
        }
        let (value, gradient) = (self.function)(at);
        let sound = value.is_finite() && gradient.iter().all(|g| g.is_finite());
        let found = if sound { (value, gradient) } else { (IMPOSSIBLE, vec![0.0; at.len()]) };
        self.note(at, found.0);
        *self.last.borrow_mut() = Some((at.to_vec(), found.clone()));
        found
    }
}

/// A function with its gradient.
struct Smooth<'a, F>(Remembering<'a, F>);

impl<F: Fn(&[f64]) -> Evaluated> CostFunction for Smooth<'_, F> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, at: &Vec<f64>) -> Result<f64, Stop> {
        Ok(self.0.evaluate(at).0)
    }
}

impl<F: Fn(&[f64]) -> Evaluated> Gradient for Smooth<'_, F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, at: &Vec<f64>) -> Result<Vec<f64>, Stop> {
        Ok(self.0.evaluate(at).1)
    }
}

/// A function without gradient.
struct Rough<'a, F>(Remembering<'a, F>);

impl<F: Fn(&[f64]) -> f64> CostFunction for Rough<'_, F> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, at: &Vec<f64>) -> Result<f64, Stop> {
        let value = (self.0.function)(at);
        let value = if value.is_finite() { value } else { IMPOSSIBLE };
        self.0.note(at, value);
        Ok(value)
    }
}

/// A local minimum of a function that gives value and gradient, from a starting point; `None` if nothing was finite.
pub(crate) fn smooth(function: impl Fn(&[f64]) -> Evaluated, start: Vec<f64>, most: u64) -> Option<Minimum> {
    let best = RefCell::new(None);
    let problem = Smooth(Remembering { function: &function, best: &best, last: RefCell::new(None) });
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 6).with_tolerance_grad(1e-7).ok()?;
    let solver = solver.with_tolerance_cost(1e-12).ok()?;
    // a line search that finds no better point ends the run with an error; the best point stands
    let _ = Executor::new(problem, solver)
        .configure(|state| state.param(start).max_iters(most))
        .timer(false)
        .ctrlc(false)
        .run();
    best.into_inner()
}

/// A local minimum of a function without gradient, from a simplex of side `side` at the starting point.
pub(crate) fn rough(function: impl Fn(&[f64]) -> f64, start: Vec<f64>, side: f64, most: u64) -> Option<Minimum> {
    let best = RefCell::new(None);
    let problem = Rough(Remembering { function: &function, best: &best, last: RefCell::new(None) });
    let corner = |i: usize| {
        let mut at = start.clone();
        at[i] += side;
        at
    };
    let simplex = std::iter::once(start.clone()).chain((0..start.len()).map(corner)).collect();
    let solver = NelderMead::new(simplex).with_sd_tolerance(1e-10).ok()?;
    let _ = Executor::new(problem, solver).configure(|state| state.max_iters(most)).timer(false).ctrlc(false).run();
    best.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_find_the_valley_of_rosenbrock() {
        let value = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let with_gradient = |x: &[f64]| {
            let rise = x[1] - x[0] * x[0];
            (value(x), vec![-2.0 * (1.0 - x[0]) - 400.0 * x[0] * rise, 200.0 * rise])
        };
        for found in
            [smooth(with_gradient, vec![-1.2, 1.0], 200).unwrap(), rough(value, vec![-1.2, 1.0], 0.5, 500).unwrap()]
        {
            assert!(found.at.iter().all(|x| (x - 1.0).abs() < 1e-4), "{found:?}");
        }
    }

    #[test]
    fn a_function_without_values_has_no_minimum() {
        assert!(rough(|_| f64::NAN, vec![0.0], 1.0, 50).is_none_or(|found| found.value == IMPOSSIBLE));
    }
}
