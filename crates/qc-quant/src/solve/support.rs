//! Which assets to track with: refits on a set, and exchanges that lower the objective.

use rayon::prelude::*;

use super::tracker::Tracking;
use crate::error::{Error, Result};
use crate::lanes::dot;

/// A set of assets with the weights that track best on it, the penalty left out of the fit.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// Positions with weight, rising.
    pub(crate) support: Vec<usize>,
    pub(crate) weights: Vec<f64>,
    pub(crate) loss: f64,
    /// Loss plus penalty.
    pub(crate) objective: f64,
    /// Bound on how far the loss is above the least on this set.
    pub(crate) gap: f64,
}

/// Weights above this make an asset part of the set.
const HELD: f64 = 1e-6;
/// Assets that leave, and that enter, in the trials of one round: those with the least weight and the steepest gain.
const TRIALS: usize = 5;
/// Assets tried for leaving without replacement.
const DROPS: usize = 8;
const MOST_ROUNDS: usize = 200;
/// Share of the penalty at the start of a refit that is taken for granted when a hopeless one is cut short.
const SURE: f64 = 0.97;

/// Whether exchanges may change the number of assets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Free,
    Kept,
}

impl Tracking<'_> {
    /// Least loss on the set that holds weight in `near`, completed when the cap needs more assets.
    pub(crate) fn refit_near(&self, near: &[f64]) -> Result<Chosen> {
        let mut order: Vec<usize> = (0..near.len()).collect();
        order.sort_by(|&a, &b| near[b].total_cmp(&near[a]).then(a.cmp(&b)));
        let held = near.iter().filter(|w| HELD < **w).count();
        let needed = (1.0 / self.cap - 1e-9).ceil() as usize;
        let mut support: Vec<usize> = order.into_iter().take(held.max(needed)).collect();
        support.sort_unstable();
        let found = self.refit(&support, near, f64::INFINITY)?;
        found.ok_or_else(|| Error::degenerate("sparse tracking", "a refit without limit was cut short"))
    }

    /// Least loss on a set; `None` once its objective is bound to exceed `enough`.
    pub(crate) fn refit(&self, support: &[usize], near: &[f64], enough: f64) -> Result<Option<Chosen>> {
        let mut weights = self.spread(support, near);
        let likely = SURE * self.penalty(&weights, self.p);
        let fit = self.fit(support, |_| 0.0, &mut weights, super::tracker::MOST_NEWTON, enough - likely)?;
        let objective = fit.value + self.penalty(&weights, self.p);
        if enough.is_finite() && enough <= objective {
            return Ok(None);
        }
        let support = (0..weights.len()).filter(|&i| HELD < weights[i]).collect();
        Ok(Some(Chosen { support, loss: fit.value, objective, gap: fit.gap, weights }))
    }

    /// The weights of `near` on the set, with what is missing spread over the room below the cap.
    fn spread(&self, support: &[usize], near: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.n_assets()];
        support.iter().for_each(|&i| weights[i] = near[i].clamp(0.0, self.cap));
        let missing = 1.0 - weights.iter().sum::<f64>();
        let room: f64 = support.iter().map(|&i| self.cap - weights[i]).sum();
        if 0.0 < missing && 0.0 < room {
            let share = (missing / room).min(1.0);
            support.iter().for_each(|&i| weights[i] += share * (self.cap - weights[i]));
        }
        weights
    }

    /// Lets assets leave, be exchanged or enter while that lowers the objective.
    pub(crate) fn improve(&self, start: Chosen, count: Count) -> Result<Chosen> {
        let mut best = start;
        for _ in 0..MOST_ROUNDS {
            let mut smallest = best.support.clone();
            smallest.sort_by(|&a, &b| best.weights[a].total_cmp(&best.weights[b]).then(a.cmp(&b)));
            let without = |leaving: usize| best.support.iter().copied().filter(move |&i| i != leaving);
            if count == Count::Free && 1.0 <= (best.support.len() - 1) as f64 * self.cap + 1e-12 {
                let drops = smallest.iter().take(DROPS).map(|&leaving| without(leaving).collect()).collect();
                if let Some(better) = self.best_of(drops, &best)? {
                    best = better;
                    continue;
                }
            }
            let entering = self.steepest_outside(&best);
            let mut sets: Vec<Vec<usize>> = Vec::new();
            for &leaving in smallest.iter().take(TRIALS) {
                for &new in &entering {
                    let mut set: Vec<usize> = without(leaving).chain([new]).collect();
                    set.sort_unstable();
                    sets.push(set);
                }
            }
            if count == Count::Free {
                for &new in &entering {
                    let mut set: Vec<usize> = best.support.iter().copied().chain([new]).collect();
                    set.sort_unstable();
                    sets.push(set);
                }
            }
            match self.best_of(sets, &best)? {
                Some(better) => best = better,
                None => break,
            }
        }
        Ok(best)
    }

    /// The best refit among sets, if it improves on `current`; the first of equals.
    fn best_of(&self, sets: Vec<Vec<usize>>, current: &Chosen) -> Result<Option<Chosen>> {
        let enough = current.objective * (1.0 - 1e-9);
        let tried: Vec<Option<Chosen>> =
            sets.into_par_iter().map(|set| self.refit(&set, &current.weights, enough)).collect::<Result<_>>()?;
        Ok(tried.into_iter().flatten().reduce(|a, b| if b.objective < a.objective { b } else { a }))
    }

    /// Assets outside the set along which the loss falls most.
    fn steepest_outside(&self, chosen: &Chosen) -> Vec<usize> {
        let slopes: Vec<f64> = self.residuals(&chosen.weights).iter().map(|e| self.measure.slope(*e)).collect();
        let mut outside: Vec<(f64, usize)> = (0..self.n_assets())
            .filter(|i| !chosen.support.contains(i))
            .map(|i| (-dot(self.column(i), &slopes), i))
            .collect();
        outside.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        outside.into_iter().take(TRIALS).map(|(_, i)| i).collect()
    }

    /// The asset whose leaving costs least, taken out; for reaching a wanted number.
    pub(crate) fn drop_one(&self, chosen: &Chosen) -> Result<Option<Chosen>> {
        let mut best: Option<Chosen> = None;
        for &leaving in &chosen.support {
            let set: Vec<usize> = chosen.support.iter().copied().filter(|&i| i != leaving).collect();
            let enough = best.as_ref().map_or(f64::INFINITY, |found| found.objective);
            if let Some(found) = self.refit(&set, &chosen.weights, enough)? {
                best = Some(found);
            }
        }
        Ok(best)
    }
}
