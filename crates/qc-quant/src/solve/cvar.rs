//! The linear program of expected shortfall, by an interior-point method that knows its structure.
//!
//! Minimise q'v + c Σ z subject to z >= -Ξv, z >= 0 and linear rows on v. Each of the T shortfalls z
//! meets v in one row only, so that a Newton step reduces to a system of the order of v:
//! Ξ'DΞ plus diagonal and rows, and a small Schur complement for the equalities. Predictor and
//! corrector after Mehrotra (1992), SIAM Journal on Optimization 2(4), 575-601.

use nalgebra::{Cholesky, DMatrix, DVector};

use crate::error::{Error, Result};
use crate::lanes::dot;
use crate::linalg::gram;
use crate::progress::Counter;

/// The problem; T rows, m variables.
pub(crate) struct Shortfall<'a> {
    /// T by m: -Ξv is what a row loses beyond the threshold.
    pub(crate) xi: &'a DMatrix<f64>,
    /// Cost of v.
    pub(crate) q: &'a DVector<f64>,
    /// Cost of a unit of shortfall.
    pub(crate) c: f64,
    /// Bounds of v; infinite where there are none.
    pub(crate) lower: &'a [f64],
    pub(crate) upper: &'a [f64],
    pub(crate) a: &'a DMatrix<f64>,
    pub(crate) b: &'a DVector<f64>,
    /// G v <= h.
    pub(crate) g: &'a DMatrix<f64>,
    pub(crate) h: &'a DVector<f64>,
}

/// The point found and the duality gap left.
pub(crate) struct Solution {
    pub(crate) v: DVector<f64>,
    pub(crate) gap: f64,
    pub(crate) steps: usize,
}

pub(crate) const MOST_STEPS: usize = 100;
/// Gap and residuals at which the point is as good as the arithmetic allows.
const TOLERANCE: f64 = 1e-11;
/// Share of the way to the nearest bound that a step takes.
const SHORT_OF_BOUND: f64 = 0.995;

/// One family of conditions: slacks and multipliers, all positive.
struct Barrier {
    slack: Vec<f64>,
    dual: Vec<f64>,
    d_slack: Vec<f64>,
    d_dual: Vec<f64>,
    /// Right-hand sides of the complementarity equations.
    rho: Vec<f64>,
}

impl Barrier {
    fn new(slack: Vec<f64>, dual: Vec<f64>) -> Self {
        let zeros = vec![0.0; slack.len()];
        Self { d_slack: zeros.clone(), d_dual: zeros.clone(), rho: zeros, slack, dual }
    }

    fn complementarity(&self) -> f64 {
        dot(&self.slack, &self.dual)
    }

    /// Sets the target σμ - sλ - (ds dλ of the predictor, when there is one).
    fn aim(&mut self, target: f64, corrected: bool) {
        for i in 0..self.slack.len() {
            let second = if corrected { self.d_slack[i] * self.d_dual[i] } else { 0.0 };
            self.rho[i] = target - self.slack[i] * self.dual[i] - second;
        }
    }

    /// Largest steps that keep slacks and multipliers positive.
    fn room(&self) -> (f64, f64) {
        let longest = |values: &[f64], steps: &[f64]| {
            let bound = |(value, step): (&f64, &f64)| if *step < 0.0 { -value / step } else { f64::INFINITY };
            values.iter().zip(steps).map(bound).fold(f64::INFINITY, f64::min)
        };
        (longest(&self.slack, &self.d_slack), longest(&self.dual, &self.d_dual))
    }

    fn complementarity_after(&self, primal: f64, dual: f64) -> f64 {
        let at = |i: usize| (self.slack[i] + primal * self.d_slack[i]) * (self.dual[i] + dual * self.d_dual[i]);
        (0..self.slack.len()).map(at).sum()
    }

    fn step(&mut self, primal: f64, dual: f64) {
        for i in 0..self.slack.len() {
            self.slack[i] += primal * self.d_slack[i];
            self.dual[i] += dual * self.d_dual[i];
        }
    }
}

/// Families in this order: excess z + Ξv, shortfall z, lower bounds, upper bounds, rows.
const EXCESS: usize = 0;
const SHORT: usize = 1;
const LOWER: usize = 2;
const UPPER: usize = 3;
const ROWS: usize = 4;

impl Shortfall<'_> {
    /// The minimiser, or `None` when the iteration stalls: the conditions may exclude each other.
    pub(crate) fn solve(&self, counter: &Counter<'_>) -> Result<Option<Solution>> {
        let (t, m) = self.xi.shape();
        let bounded = |bounds: &[f64]| (0..m).filter(|&i| bounds[i].is_finite()).collect::<Vec<_>>();
        let (low, high) = (bounded(self.lower), bounded(self.upper));
        let mut v = DVector::from_fn(m, |i, _| match (self.lower[i].is_finite(), self.upper[i].is_finite()) {
            (true, true) => 0.5 * (self.lower[i] + self.upper[i]),
            (true, false) => self.lower[i] + 1.0,
            (false, true) => self.upper[i] - 1.0,
            (false, false) => 0.0,
        });
        let mut nu = DVector::zeros(self.a.nrows());
        let margin = self.xi * &v;
        let spread = margin.iter().map(|value| value.abs()).sum::<f64>() / t as f64 + 1e-8;
        let mut z: Vec<f64> = margin.iter().map(|value| (-value).max(0.0) + spread).collect();
        let room = (self.h - self.g * &v).map(|value| value.max(spread));
        let even = |slack: &[f64]| slack.iter().map(|s| 0.5 * self.c * spread / s).collect::<Vec<_>>();
        let excess: Vec<f64> = z.iter().zip(margin.iter()).map(|(z, value)| z + value).collect();
        let below: Vec<f64> = low.iter().map(|&i| v[i] - self.lower[i]).collect();
        let above: Vec<f64> = high.iter().map(|&i| self.upper[i] - v[i]).collect();
        let rows = room.as_slice().to_vec();
        let halves = || vec![0.5 * self.c; t];
        let duals = [even(&below), even(&above), even(&rows)];
        let [d_below, d_above, d_rows] = duals;
        let mut families = [
            Barrier::new(excess, halves()),
            Barrier::new(z.clone(), halves()),
            Barrier::new(below, d_below),
            Barrier::new(above, d_above),
            Barrier::new(rows, d_rows),
        ];
        let count: usize = families.iter().map(|family| family.slack.len()).sum();
        let mut packed = vec![0.0; t * m];
        for step in 0..MOST_STEPS {
            counter.advance(1)?;
            let xi_v = self.xi * &v;
            let r_excess = DVector::from_fn(t, |i, _| z[i] + xi_v[i] - families[EXCESS].slack[i]);
            let r_z = DVector::from_fn(t, |i, _| self.c - families[EXCESS].dual[i] - families[SHORT].dual[i]);
            let r_a = self.a * &v - self.b;
            let r_g = self.h - self.g * &v - DVector::from_column_slice(&families[ROWS].slack);
            let mut r_v = self.q + self.a.transpose() * &nu
                - self.xi.transpose() * DVector::from_column_slice(&families[EXCESS].dual)
                + self.g.transpose() * DVector::from_column_slice(&families[ROWS].dual);
            low.iter().zip(&families[LOWER].dual).for_each(|(&i, dual)| r_v[i] -= dual);
            high.iter().zip(&families[UPPER].dual).for_each(|(&i, dual)| r_v[i] += dual);
            let gap: f64 = families.iter().map(Barrier::complementarity).sum();
            let value = (self.q.dot(&v) + self.c * z.iter().sum::<f64>()).abs();
            let scale = 1.0 + value;
            let infeasible = r_a.amax().max(max_abs(&r_g)).max(max_abs(&r_excess)) / scale;
            let stationary = r_v.amax().max(max_abs(&r_z) / self.c);
            if !(gap.is_finite() && infeasible.is_finite() && stationary.is_finite()) {
                return Ok(None);
            }
            if gap <= TOLERANCE * scale && infeasible <= 1e-10 && stationary <= 1e-9 {
                return Ok(Some(Solution { v, gap, steps: step }));
            }
            // Ξ'DΞ with D = d1 d2 / (d1 + d2)
            let ratio = |family: &Barrier, i: usize| family.dual[i] / family.slack[i];
            let d1: Vec<f64> = (0..t).map(|i| ratio(&families[EXCESS], i)).collect();
            let d2: Vec<f64> = (0..t).map(|i| ratio(&families[SHORT], i)).collect();
            let root: Vec<f64> = d1.iter().zip(&d2).map(|(a, b)| (a * b / (a + b)).sqrt()).collect();
            for (column, out) in self.xi.column_iter().zip(packed.chunks_exact_mut(t)) {
                out.iter_mut().zip(column.iter().zip(&root)).for_each(|(to, (x, w))| *to = x * w);
            }
            let mut system = gram(&packed, t, m, 1.0);
            low.iter().enumerate().for_each(|(at, &i)| system[(i, i)] += ratio(&families[LOWER], at));
            high.iter().enumerate().for_each(|(at, &i)| system[(i, i)] += ratio(&families[UPPER], at));
            if 0 < self.g.nrows() {
                let weights = DVector::from_fn(self.g.nrows(), |i, _| ratio(&families[ROWS], i));
                system += self.g.transpose() * DMatrix::from_diagonal(&weights) * self.g;
            }
            let floor = 1e-14 * system.diagonal().amax();
            (0..m).for_each(|i| system[(i, i)] += floor);
            let Some(factor) = Cholesky::new(system) else { return Ok(None) };
            let solved_a = factor.solve(&self.a.transpose());
            let mut schur = self.a * &solved_a;
            let floor = 1e-14 * schur.diagonal().amax().max(1e-300);
            (0..schur.nrows()).for_each(|i| schur[(i, i)] += floor);
            let Some(schur) = (if self.a.nrows() == 0 { Some(None) } else { Cholesky::new(schur).map(Some) }) else {
                return Ok(None);
            };
            let mu = gap / count as f64;
            let mut d_z = vec![0.0; t];
            let mut d_v = DVector::zeros(m);
            let mut d_nu = DVector::zeros(self.a.nrows());
            let (mut primal, mut dual) = (1.0, 1.0);
            let mut target = 0.0;
            for corrected in [false, true] {
                families.iter_mut().for_each(|family| family.aim(target, corrected));
                let mut right = -&r_v;
                let common: Vec<f64> = (0..t)
                    .map(|i| {
                        families[EXCESS].rho[i] / families[EXCESS].slack[i]
                            + families[SHORT].rho[i] / families[SHORT].slack[i]
                            - r_z[i]
                    })
                    .collect();
                let kappa = DVector::from_fn(t, |i, _| {
                    families[EXCESS].rho[i] / families[EXCESS].slack[i]
                        - d1[i] / (d1[i] + d2[i]) * common[i]
                        - root[i] * root[i] * r_excess[i]
                });
                right += self.xi.transpose() * kappa;
                for (at, &i) in low.iter().enumerate() {
                    right[i] += families[LOWER].rho[at] / families[LOWER].slack[at];
                }
                for (at, &i) in high.iter().enumerate() {
                    right[i] -= families[UPPER].rho[at] / families[UPPER].slack[at];
                }
                if 0 < self.g.nrows() {
                    let rows = &families[ROWS];
                    let pull =
                        DVector::from_fn(self.g.nrows(), |i, _| (rows.rho[i] - rows.dual[i] * r_g[i]) / rows.slack[i]);
                    right -= self.g.transpose() * pull;
                }
                let free = factor.solve(&right);
                d_nu = match &schur {
                    Some(schur) => schur.solve(&(self.a * &free + &r_a)),
                    None => DVector::zeros(0),
                };
                d_v = free - &solved_a * &d_nu;
                let xi_d = self.xi * &d_v;
                for i in 0..t {
                    let moved = xi_d[i] + r_excess[i];
                    d_z[i] = (common[i] - d1[i] * moved) / (d1[i] + d2[i]);
                    let d_excess = (common[i] + d2[i] * moved) / (d1[i] + d2[i]);
                    families[EXCESS].d_slack[i] = d_excess;
                    families[EXCESS].d_dual[i] =
                        (families[EXCESS].rho[i] - families[EXCESS].dual[i] * d_excess) / families[EXCESS].slack[i];
                    families[SHORT].d_slack[i] = d_z[i];
                    families[SHORT].d_dual[i] =
                        (families[SHORT].rho[i] - families[SHORT].dual[i] * d_z[i]) / families[SHORT].slack[i];
                }
                let row_moves = &r_g - self.g * &d_v;
                let moves = [
                    low.iter().map(|&i| d_v[i]).collect::<Vec<_>>(),
                    high.iter().map(|&i| -d_v[i]).collect(),
                    row_moves.as_slice().to_vec(),
                ];
                for (family, moves) in families[LOWER..].iter_mut().zip(moves) {
                    for (i, moved) in moves.into_iter().enumerate() {
                        family.d_slack[i] = moved;
                        family.d_dual[i] = (family.rho[i] - family.dual[i] * moved) / family.slack[i];
                    }
                }
                let (p, d) = families
                    .iter()
                    .map(Barrier::room)
                    .fold((f64::INFINITY, f64::INFINITY), |(p, d), (a, b)| (p.min(a), d.min(b)));
                let short = if corrected { SHORT_OF_BOUND } else { 1.0 };
                (primal, dual) = ((short * p).min(1.0), (short * d).min(1.0));
                if !corrected {
                    let after: f64 = families.iter().map(|f| f.complementarity_after(primal, dual)).sum();
                    target = mu * (after / gap).clamp(0.0, 1.0).powi(3);
                }
            }
            v.axpy(primal, &d_v, 1.0);
            nu.axpy(dual, &d_nu, 1.0);
            z.iter_mut().zip(&d_z).for_each(|(z, d)| *z += primal * d);
            families.iter_mut().for_each(|family| family.step(primal, dual));
            if primal.max(dual) < 1e-10 {
                return Ok(None);
            }
        }
        Err(Error::NotConverged {
            what: "minimum expected shortfall".into(),
            steps: MOST_STEPS,
            residual: families.iter().map(Barrier::complementarity).sum(),
            tolerance: TOLERANCE,
        })
    }
}

fn max_abs(values: &DVector<f64>) -> f64 {
    if values.is_empty() { 0.0 } else { values.amax() }
}
