//! Ranks the trials of a parameter sweep, discounted for how many there were.

use kodama::{Method, linkage};

use super::deflated_sharpe::{Deflated, deflate};
use super::sharpe::estimate;
use crate::error::{Error, Result};
use crate::panel::require_finite;
use crate::stats::correlation::{self, Method as Correlation};

/// One trial: where it stands in the space of parameters, and what it returned.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// One value per parameter, in the same order for all trials.
    pub parameters: Vec<f64>,
    /// Returns per period, on the same rows for all trials.
    pub returns: Vec<f64>,
}

/// One trial in the ranking; ratios are per period.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Position among the trials given.
    pub trial: usize,
    /// Sharpe ratio.
    pub sharpe: f64,
    /// Probability that the true ratio is positive, as if it had been the only trial.
    pub probability_positive: f64,
    /// Mean Sharpe ratio of the trials one step away in one parameter; `None` without such trials.
    pub neighbours: Option<f64>,
    /// How many neighbours there are.
    pub n_neighbours: usize,
}

/// Answer of [`rank`].
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// Trials by falling Sharpe ratio; the earlier one on ties.
    pub ranked: Vec<Ranked>,
    /// The best one, deflated by the number of trials.
    pub deflated: Deflated,
    /// The same by the number of groups of trials that move together: the kinder figure.
    pub deflated_by_groups: Option<Deflated>,
    /// Groups of trials: average linkage on sqrt((1 - ρ)/2), cut where the correlation is one half.
    pub groups: usize,
}

/// Most trials times trials times rows that are compared.
pub const MOST_STEPS: u64 = 5_000_000_000;

/// Distance at which groups are cut, sqrt((1 - ½)/2).
const CUT: f64 = 0.5;

/// Ranks trials by Sharpe ratio and says how much of the best one is luck.
///
/// A maximum among bad neighbours is an accident of the sample: compare `sharpe` with `neighbours`.
///
/// # Errors
/// [`Error::TooFewSymbols`] below two trials, [`Error::ShapeMismatch`] for other rows or parameters,
/// [`Error::NotFinite`], [`Error::Degenerate`] for a trial whose returns do not vary, [`Error::TooMuchWork`].
///
/// # Source
/// Bailey and López de Prado (2014), Journal of Portfolio Management 40(5), 94-107; groups after López de
/// Prado and Lewis (2019), Quantitative Finance 19(9), 1555-1565, with a fixed cut for their search.
///
/// ```
/// use qc_quant::{performance::sweep::{Trial, rank}, testing::noise};
/// let trials: Vec<Trial> = (0..9)
///     .map(|i| Trial { parameters: vec![f64::from(i / 3), f64::from(i % 3)], returns: noise(i as u64, 250) })
///     .collect();
/// let found = rank(&trials)?;
/// assert_eq!(found.ranked.iter().find(|one| one.trial == 4).unwrap().n_neighbours, 4); // the middle of the grid
/// assert_eq!(found.groups, 9); // nothing moves together
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn rank(trials: &[Trial]) -> Result<Sweep> {
    let n = trials.len();
    let Some(first) = trials.first() else {
        return Err(Error::TooFewSymbols { what: "a parameter sweep".into(), needed: 2, found: 0 });
    };
    let (rows, width) = (first.returns.len(), first.parameters.len());
    for (number, trial) in trials.iter().enumerate() {
        for (what, expected, found) in
            [("returns", rows, trial.returns.len()), ("parameters", width, trial.parameters.len())]
        {
            if expected != found {
                return Err(Error::ShapeMismatch { what: format!("{what} of trial {number}"), expected, found });
            }
        }
        require_finite(&format!("parameters of trial {number}"), &trial.parameters)?;
    }
    Error::limit_work("a parameter sweep (trials squared times rows)", MOST_STEPS, &[n, n, rows])?;
    let series: Vec<&[f64]> = trials.iter().map(|trial| trial.returns.as_slice()).collect();
    let deflated = deflate(&series, None)?;
    let levels: Vec<Vec<f64>> = (0..width)
        .map(|parameter| {
            let mut values: Vec<f64> = trials.iter().map(|trial| trial.parameters[parameter]).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.dedup();
            values
        })
        .collect();
    let place = |trial: &Trial| -> Vec<usize> {
        trial.parameters.iter().zip(&levels).map(|(v, levels)| levels.partition_point(|level| level < v)).collect()
    };
    let places: Vec<Vec<usize>> = trials.iter().map(place).collect();
    let steps = |a: &[usize], b: &[usize]| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).sum::<usize>();
    let mut ranked = Vec::with_capacity(n);
    for (trial, returns) in series.iter().enumerate() {
        let near: Vec<f64> =
            (0..n).filter(|&other| steps(&places[trial], &places[other]) == 1).map(|o| deflated.sharpe[o]).collect();
        let found = estimate(returns)
            .ok_or_else(|| Error::degenerate("parameter sweep", format!("trial {trial} does not vary")))?;
        ranked.push(Ranked {
            trial,
            sharpe: found.per_period,
            probability_positive: found.probability_positive,
            neighbours: (!near.is_empty()).then(|| near.iter().sum::<f64>() / near.len() as f64),
            n_neighbours: near.len(),
        });
    }
    ranked.sort_by(|a, b| b.sharpe.total_cmp(&a.sharpe));
    let groups = groups(&series)?;
    let deflated_by_groups = if 1 < groups { Some(deflate(&series, Some(groups as f64))?) } else { None };
    Ok(Sweep { ranked, deflated, deflated_by_groups, groups })
}

/// Number of groups of series that move together.
fn groups(series: &[&[f64]]) -> Result<usize> {
    let n = series.len();
    let mut distances = Vec::with_capacity(n * (n - 1) / 2);
    for i in 0..n {
        for j in i + 1..n {
            let rho = correlation::pair(series[i], series[j], Correlation::Pearson)?.value;
            distances.push(((1.0 - rho) / 2.0).clamp(0.0, 1.0).sqrt());
        }
    }
    let tree = linkage(&mut distances, n, Method::Average);
    Ok(n - tree.steps().iter().filter(|step| step.dissimilarity <= CUT).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn trial(parameters: &[f64], returns: Vec<f64>) -> Trial {
        Trial { parameters: parameters.to_vec(), returns }
    }

    #[test]
    fn copies_are_one_group_and_deflate_less() {
        let base = noise(1, 300);
        let near = |seed, shift: f64| base.iter().zip(noise(seed, 300)).map(|(b, e)| shift + b + 0.1 * e).collect();
        let other = noise(50, 300);
        let trials: Vec<Trial> = (0..6)
            .map(|i| trial(&[f64::from(i)], if i < 5 { near(10 + i as u64, 0.1) } else { other.clone() }))
            .collect();
        let found = rank(&trials).unwrap();
        assert_eq!(found.groups, 2);
        assert!(found.deflated.deflated < found.deflated_by_groups.unwrap().deflated);
        assert!(found.ranked.windows(2).all(|pair| pair[1].sharpe <= pair[0].sharpe));
    }

    #[test]
    fn a_spike_has_poor_neighbours() {
        let lift = |seed, by: f64| noise(seed, 250).iter().map(|e| e + by).collect();
        let trials: Vec<Trial> =
            (0..5).map(|i| trial(&[f64::from(i) * 10.0], lift(i as u64, if i == 2 { 0.5 } else { 0.0 }))).collect();
        let best = &rank(&trials).unwrap().ranked[0];
        assert_eq!((best.trial, best.n_neighbours), (2, 2));
        assert!(best.neighbours.unwrap() < 0.4 * best.sharpe);
    }

    #[test]
    fn other_shapes_and_flat_trials_are_refused() {
        assert!(matches!(rank(&[]), Err(Error::TooFewSymbols { .. })));
        let a = trial(&[1.0], noise(1, 50));
        let short = trial(&[2.0], noise(1, 49));
        assert!(matches!(rank(&[a.clone(), short]), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(rank(&[a.clone(), trial(&[], noise(1, 50))]), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(rank(&[a, trial(&[2.0], vec![0.01; 50])]), Err(Error::Degenerate { .. })));
    }
}
