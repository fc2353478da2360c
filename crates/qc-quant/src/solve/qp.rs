//! Convex quadratic programs with one equality and bounds, solved to the last digits by active sets.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::error::{Error, Result};

/// Minimise ½ w'Pw + q'w subject to a'w = b and lower <= w <= upper.
pub(crate) struct Problem<'a> {
    pub(crate) p: &'a DMatrix<f64>,
    pub(crate) q: &'a DVector<f64>,
    pub(crate) a: &'a DVector<f64>,
    pub(crate) b: f64,
    pub(crate) lower: &'a [f64],
    pub(crate) upper: &'a [f64],
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Free,
    Lower,
    Upper,
}

/// Rounds of guessing the whole active set at once before single steps take over.
const GUESSES: usize = 40;

/// Smallest violation of a bound or a sign that counts.
const TOLERANCE: f64 = 1e-12;

impl Problem<'_> {
    /// The minimiser. `P` is positive semidefinite of unit scale and the bounds admit a solution.
    pub(crate) fn solve(&self) -> Result<DVector<f64>> {
        if let Some(found) = self.by_guessing(vec![State::Free; self.q.len()]) {
            return Ok(found);
        }
        self.by_steps()
    }

    /// The same, guessing first that the bounds at which `near` stands stay the ones that bind.
    pub(crate) fn solve_near(&self, near: &[f64]) -> Result<DVector<f64>> {
        let side = |(i, value): (usize, &f64)| match *value {
            value if value <= self.lower[i] => State::Lower,
            value if self.upper[i] <= value => State::Upper,
            _ => State::Free,
        };
        if let Some(found) = self.by_guessing(near.iter().enumerate().map(side).collect()) {
            return Ok(found);
        }
        self.solve()
    }

    /// Solves on the free set, moves every violated bound in and the worst wrong sign out, until nothing moves.
    fn by_guessing(&self, mut state: Vec<State>) -> Option<DVector<f64>> {
        let n = self.q.len();
        for _ in 0..GUESSES {
            let (w, nu) = self.on_free_set(&state, None)?;
            let mut moved = false;
            for i in 0..n {
                if state[i] == State::Free && w[i] < self.lower[i] - TOLERANCE {
                    state[i] = State::Lower;
                    moved = true;
                } else if state[i] == State::Free && self.upper[i] + TOLERANCE < w[i] {
                    state[i] = State::Upper;
                    moved = true;
                }
            }
            if moved {
                continue;
            }
            match self.worst_sign(&w, nu, &state) {
                None => return Some(self.clamp(w)),
                Some(i) => state[i] = State::Free,
            }
        }
        None
    }

    /// The textbook primal method: feasible throughout, one bound in or out per step.
    fn by_steps(&self) -> Result<DVector<f64>> {
        let n = self.q.len();
        let mut w = self.feasible()?;
        let mut state: Vec<State> =
            (0..n).map(|i| if self.lower[i] == self.upper[i] { State::Lower } else { State::Free }).collect();
        let most = 100 * (n + 10);
        for _ in 0..most {
            let degenerate = || Error::degenerate("quadratic program", "singular on its free set");
            let (target, nu) = self.on_free_set(&state, Some(&w)).ok_or_else(degenerate)?;
            let (mut length, mut blocking) = (1.0, None);
            for i in (0..n).filter(|&i| state[i] == State::Free) {
                let step = target[i] - w[i];
                let (room, side) = if step < 0.0 {
                    (self.lower[i] - w[i], State::Lower)
                } else {
                    (self.upper[i] - w[i], State::Upper)
                };
                if room.abs() < step.abs() * length {
                    length = room / step;
                    blocking = Some((i, side));
                }
            }
            let before = w.clone();
            w += (&target - before) * length;
            if let Some((i, side)) = blocking {
                w[i] = if side == State::Lower { self.lower[i] } else { self.upper[i] };
                state[i] = side;
                continue;
            }
            match self.worst_sign(&w, nu, &state) {
                None => return Ok(self.clamp(w)),
                Some(i) => state[i] = State::Free,
            }
        }
        Err(Error::NotConverged {
            what: "quadratic program".into(),
            steps: most,
            residual: f64::MAX,
            tolerance: TOLERANCE,
        })
    }

    /// Minimiser with the bound variables fixed (at their bounds, or where `at` has them), and the multiplier of the equality.
    fn on_free_set(&self, state: &[State], at: Option<&DVector<f64>>) -> Option<(DVector<f64>, f64)> {
        let n = state.len();
        let free: Vec<usize> = (0..n).filter(|&i| state[i] == State::Free).collect();
        let mut w = DVector::from_fn(n, |i, _| match (state[i], at) {
            (State::Free, _) => 0.0,
            (_, Some(at)) => at[i],
            (State::Lower, None) => self.lower[i],
            (State::Upper, None) => self.upper[i],
        });
        let gradient = self.p * &w + self.q;
        let missing = self.b - self.a.dot(&w);
        let m = free.len();
        if m == 0 {
            return (missing.abs() < 1e-9).then_some((w, 0.0));
        }
        let pf = DMatrix::from_fn(m, m, |i, j| self.p[(free[i], free[j])]);
        let gf = DVector::from_fn(m, |i, _| gradient[free[i]]);
        let af = DVector::from_fn(m, |i, _| self.a[free[i]]);
        let (step, nu) =
            match Cholesky::new(pf.clone()).filter(|c| pivots_hold(&c.l_dirty().diagonal(), &pf.diagonal())) {
                Some(factor) => {
                    let (u, v) = (factor.solve(&af), factor.solve(&gf));
                    let nu = -(missing + af.dot(&v)) / af.dot(&u);
                    let mut step = -(&v + &u * nu);
                    // one refinement against the rounding of the factor
                    let rest = -(&pf * &step + &gf + &af * nu);
                    let gap = missing - af.dot(&step);
                    let r = factor.solve(&rest);
                    let more = (af.dot(&r) - gap) / af.dot(&u);
                    step += r - &u * more;
                    (step, nu + more)
                }
                None => {
                    let mut kkt = DMatrix::zeros(m + 1, m + 1);
                    kkt.view_mut((0, 0), (m, m)).copy_from(&pf);
                    for i in 0..m {
                        kkt[(i, m)] = af[i];
                        kkt[(m, i)] = af[i];
                    }
                    let mut right = DVector::zeros(m + 1);
                    right.rows_mut(0, m).copy_from(&(-&gf));
                    right[m] = missing;
                    let scale = kkt.amax();
                    let found = kkt.svd(true, true).solve(&right, 1e-11 * scale).ok()?;
                    (found.rows(0, m).into_owned(), found[m])
                }
            };
        for (i, &position) in free.iter().enumerate() {
            w[position] = step[i];
        }
        w.iter().all(|value| value.is_finite()).then_some((w, nu))
    }

    /// The variable at a bound that most wants to leave it.
    fn worst_sign(&self, w: &DVector<f64>, nu: f64, state: &[State]) -> Option<usize> {
        let reduced = self.p * w + self.q + self.a * nu;
        let floor = TOLERANCE * reduced.amax().max(1.0);
        let mut worst = (floor, None);
        for (i, side) in state.iter().enumerate() {
            let wrong = match side {
                State::Lower if self.lower[i] < self.upper[i] => -reduced[i],
                State::Upper => reduced[i],
                _ => continue,
            };
            if worst.0 < wrong {
                worst = (wrong, Some(i));
            }
        }
        worst.1
    }

    /// Some point between the bounds on the equality, for coefficients a that are all positive.
    fn feasible(&self) -> Result<DVector<f64>> {
        let n = self.q.len();
        let (low, high): (f64, f64) =
            (0..n).fold((0.0, 0.0), |(l, h), i| (l + self.a[i] * self.lower[i], h + self.a[i] * self.upper[i]));
        if self.a.iter().any(|a| *a <= 0.0) || !(low <= self.b && self.b <= high) {
            return Err(Error::Infeasible {
                what: "the bounds".into(),
                reason: format!("{} is outside {low} to {high}", self.b),
            });
        }
        let share = if low < high { (self.b - low) / (high - low) } else { 0.0 };
        Ok(DVector::from_fn(n, |i, _| self.lower[i] + share * (self.upper[i] - self.lower[i])))
    }

    fn clamp(&self, mut w: DVector<f64>) -> DVector<f64> {
        for i in 0..w.len() {
            w[i] = w[i].clamp(self.lower[i], self.upper[i]);
        }
        w
    }
}

/// Whether no pivot of a Cholesky factor vanishes against its diagonal entry.
fn pivots_hold(factor: &DVector<f64>, diagonal: &DVector<f64>) -> bool {
    factor.iter().zip(diagonal.iter()).all(|(pivot, whole)| 1e-12 * whole < pivot * pivot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn both_methods_agree_and_satisfy_the_conditions() {
        for seed in 0..20 {
            let n = 12;
            let x = DMatrix::from_vec(30, n, noise(seed, 30 * n));
            let p = x.transpose() * &x / 30.0;
            let q = DVector::from_vec(noise(seed + 100, n)) * 0.2;
            let (a, lower, upper) = (DVector::from_element(n, 1.0), vec![0.0; n], vec![0.2; n]);
            let problem = Problem { p: &p, q: &q, a: &a, b: 1.0, lower: &lower, upper: &upper };
            let (guess, steps) = (problem.by_guessing(vec![State::Free; n]), problem.by_steps().unwrap());
            if let Some(guess) = guess {
                assert!((guess - &steps).amax() < 1e-10, "{seed}");
            }
            let near = problem.solve_near(&vec![1.0 / n as f64; n]).unwrap();
            let nearer = problem.solve_near(steps.as_slice()).unwrap();
            assert!((near - &steps).amax() < 1e-10 && (nearer - &steps).amax() < 1e-10, "{seed}");
            assert!((steps.sum() - 1.0).abs() < 1e-12);
            // no feasible exchange between two weights lowers the objective
            let gradient = &p * &steps + &q;
            for i in 0..n {
                for j in 0..n {
                    if 1e-9 < steps[i] && steps[j] < 0.2 - 1e-9 {
                        assert!(gradient[i] <= gradient[j] + 1e-9, "{seed}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_singular_matrix_within_bounds_is_solved() {
        let x = DMatrix::from_vec(4, 8, noise(1, 32));
        let p = x.transpose() * &x;
        let (q, a) = (DVector::zeros(8), DVector::from_element(8, 1.0));
        let problem = Problem { p: &p, q: &q, a: &a, b: 1.0, lower: &[0.0; 8], upper: &[1.0; 8] };
        let w = problem.solve().unwrap();
        assert!((w.sum() - 1.0).abs() < 1e-9 && w.iter().all(|v| (0.0..=1.0).contains(v)));
    }
}
