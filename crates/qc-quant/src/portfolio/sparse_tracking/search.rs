//! The weights for a given price of an asset, and the search for that price.

use rayon::prelude::*;

use super::PathPoint;
use crate::error::{Error, Result};
use crate::solve::support::{Chosen, Count};
use crate::solve::tracker::{Stage, Tracking};
use crate::stats::moments::{mean, std_dev};

/// Values of λ on the path of a search.
pub(super) const PATH: usize = 12;

pub(super) struct Task<'a> {
    pub(super) base: Tracking<'a>,
    /// Weights that fit best without penalty.
    pub(super) best: Vec<f64>,
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
                let (w, trace) = problem.reweight(start)?;
                Ok((problem.refit_near(&w)?, trace))
            })
            .collect::<Result<_>>()?;
        found.sort_by(|a, b| a.0.objective.total_cmp(&b.0.objective));
        found.dedup_by(|b, a| a.0.support == b.0.support);
        Ok(found)
    }

    /// The best weights for a λ: both starts, refit, exchanges.
    pub(super) fn solve(&self, lambda: f64) -> Result<(Chosen, Vec<Stage>)> {
        let problem = self.at(lambda);
        let improved: Vec<(Chosen, Vec<Stage>)> = self
            .reweighted(lambda)?
            .into_par_iter()
            .map(|(chosen, trace)| Ok((problem.improve(chosen, Count::Free)?, trace)))
            .collect::<Result<_>>()?;
        let best = improved.into_iter().reduce(|a, b| if b.0.objective < a.0.objective { b } else { a });
        best.ok_or_else(|| Error::degenerate("sparse tracking", "no start led to an answer"))
    }

    /// Halves the interval of λ until the number of assets is the one wanted, then exchanges among sets of that size.
    pub(super) fn with_assets(
        &self,
        wanted: usize,
        loss: f64,
        path: &mut Vec<PathPoint>,
    ) -> Result<(f64, Chosen, Vec<Stage>)> {
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
            let fewer = problem.drop_one(&chosen)?;
            chosen = fewer.ok_or_else(|| Error::degenerate("sparse tracking", "no asset can leave"))?;
        }
        Ok((lambda, problem.improve(chosen, Count::Kept)?, trace))
    }

    /// The largest λ whose loss on the hold-out is within one standard error of the least.
    pub(super) fn by_hold_out(&self, held_out: &Tracking<'_>, loss: f64, path: &mut Vec<PathPoint>) -> Result<f64> {
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
