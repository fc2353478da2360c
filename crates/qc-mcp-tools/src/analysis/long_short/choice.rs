//! The portfolio of one day, from what was known on it.

use jiff::civil::Date;
use qc_quant::{
    portfolio::{hrp, scheduled, terciles},
    stats::moments::{mean, std_dev, variance},
};

use super::{
    Ask, Combine, FEWEST, LOOKBACK, MOST_GROSS, Signal, Sizing, attributes, attributes::Condition, date_at, steps,
};
use crate::{error::ToolError, prices::Ragged};

/// One choice.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) row: usize,
    /// One weight for each symbol of the question.
    pub(super) weights: Vec<f64>,
    pub(super) n_eligible: usize,
    pub(super) n_long: usize,
    pub(super) n_short: usize,
    pub(super) beta: Option<f64>,
    pub(super) volatility: f64,
}

/// The portfolio of a row, or why there is none.
pub(super) fn choose(
    ragged: &Ragged,
    ask: &Ask,
    dates: &[Date],
    row: usize,
    periods: f64,
) -> Result<Result<Choice, String>, ToolError> {
    let panel = &ragged.prices.panel;
    let day = date_at(dates, row);
    let allowed: Vec<String> = match (&ask.facts, ask.filters.is_empty()) {
        (Some(facts), false) => {
            let conditions = Condition::read_all(&ask.filters, &facts.names)?;
            let judged = attributes::judge(facts, &conditions, &ask.symbols, day);
            judged.into_iter().filter(|one| one.failed.is_empty()).map(|one| one.symbol).collect()
        }
        _ => ask.symbols.clone(),
    };
    let members = match &ask.membership {
        Some(membership) => match membership.on(day) {
            Ok(members) => Some(members),
            Err(why) => return Ok(Err(why)),
        },
        None => None,
    };
    let belongs = |name: &String| members.as_ref().is_none_or(|members| members.contains(name.as_str()));
    // On each day only what was traded for a year and is traded still.
    let is_there = |name: &str| ragged.seen(name).is_some_and(|(first, last)| first + LOOKBACK <= row && row <= last);
    let names: Vec<&String> =
        ask.symbols.iter().filter(|name| allowed.contains(name) && belongs(name) && is_there(name)).collect();
    let needed = FEWEST * ask.quantiles;
    if names.len() < needed {
        return Ok(Err(format!("{} names are eligible, {needed} are needed", names.len())));
    }
    let mut ranks = Vec::with_capacity(ask.signals.len());
    for signal in &ask.signals {
        let mut scores = Vec::with_capacity(names.len());
        for name in &names {
            let known = ask.facts.as_ref().and_then(|facts| facts.known(name, day));
            let fact = match signal {
                Signal::Attribute(column, _) => known.and_then(|known| known.get(column)),
                _ => None,
            };
            scores.push(signal.score(panel.column_of(name)?, row, fact));
        }
        ranks.push(scores);
    }
    let (long, short) = match legs(&ranks, ask) {
        Some(legs) => legs,
        None => return Ok(Err("a leg has fewer than two names".to_owned())),
    };
    let fewest = long.len().min(short.len());
    if let Some(cap) = ask.max_weight.filter(|cap| cap * (fewest as f64) < 1.0 - 1e-9) {
        let needed = (1.0 / cap).ceil();
        return Ok(Err(format!(
            "a leg of {fewest} names cannot keep each at max_weight {cap} of it: {needed} names are needed, or a max_weight of {:.4}",
            1.0 / fewest as f64
        )));
    }
    let past = |name: &str| -> Result<Vec<f64>, ToolError> {
        Ok(steps(panel.column_of(name)?.get(row - LOOKBACK..=row).unwrap_or_default()))
    };
    let market = ask.benchmark.as_deref().map(past).transpose()?;
    let sized = |leg: &[usize]| -> Result<Vec<(String, f64)>, ToolError> {
        let leg: Vec<String> = leg.iter().filter_map(|at| names.get(*at)).map(|name| (*name).clone()).collect();
        let shares = match ask.sizing {
            Sizing::Equal => vec![1.0 / leg.len() as f64; leg.len()],
            Sizing::Hrp => {
                let window = panel.select(&leg)?.slice(row - LOOKBACK..row + 1)?;
                hrp::fit(&qc_quant::returns::simple(&window)?, hrp::Linkage::default())?.weights
            }
        };
        let shares = match ask.max_weight {
            Some(cap) => scheduled::capped(&shares, cap)?,
            None => shares,
        };
        Ok(leg.into_iter().zip(shares).collect())
    };
    let (long, short) = (sized(&long)?, sized(&short)?);
    let beta_of = |leg: &[(String, f64)]| -> Result<Option<f64>, ToolError> {
        let Some(market) = &market else { return Ok(None) };
        let mut beta = 0.0;
        for (name, share) in leg {
            beta += share * slope(&past(name)?, market);
        }
        Ok(Some(beta))
    };
    let (beta_long, beta_short) = (beta_of(&long)?, beta_of(&short)?);
    let (mut up, mut down) = (0.5 * ask.gross, 0.5 * ask.gross);
    if let (true, Some(a), Some(b)) = (ask.is_beta_neutral, beta_long, beta_short) {
        if a <= 0.0 || b <= 0.0 {
            return Ok(Err(format!("betas of the legs are {a:.2} and {b:.2}: no sizes of them cancel out")));
        }
        (up, down) = (ask.gross * b / (a + b), ask.gross * a / (a + b));
    }
    let mut weights = vec![0.0; ask.symbols.len()];
    for (leg, size) in [(&long, up), (&short, -down)] {
        for (name, share) in leg {
            if let Some(weight) = ask.symbols.iter().position(|known| known == name).and_then(|at| weights.get_mut(at))
            {
                *weight += size * share;
            }
        }
    }
    let mut own = vec![0.0; LOOKBACK];
    for (name, weight) in ask.symbols.iter().zip(&weights).filter(|(_, weight)| **weight != 0.0) {
        for (sum, step) in own.iter_mut().zip(past(name)?) {
            *sum += weight * step;
        }
    }
    let mut volatility = std_dev(&own) * periods.sqrt();
    let mut beta = beta_long.zip(beta_short).map(|(a, b)| up * a - down * b);
    if let Some(target) = ask.target_volatility.filter(|_| 0.0 < volatility) {
        let gross: f64 = weights.iter().map(|weight: &f64| weight.abs()).sum();
        let scale = (target / volatility).min(MOST_GROSS / gross);
        weights.iter_mut().for_each(|weight| *weight *= scale);
        volatility *= scale;
        beta = beta.map(|beta| beta * scale);
    }
    Ok(Ok(Choice { row, weights, n_eligible: names.len(), n_long: long.len(), n_short: short.len(), beta, volatility }))
}

/// Sample covariance over variance.
fn slope(own: &[f64], market: &[f64]) -> f64 {
    let (a, b) = (mean(own), mean(market));
    let products: f64 = own.iter().zip(market).map(|(x, y)| (x - a) * (y - b)).sum();
    products / (own.len().max(2) - 1) as f64 / variance(market)
}

/// Positions of the best and of the worst.
fn legs(scores: &[Vec<Option<f64>>], ask: &Ask) -> Option<(Vec<usize>, Vec<usize>)> {
    let buckets = |scores: &[Option<f64>]| terciles::sort(scores, ask.quantiles).ok().map(|found| found.bucket);
    let n = scores.first()?.len();
    let top = ask.quantiles - 1;
    let (long, short): (Vec<usize>, Vec<usize>) = match ask.combine {
        Combine::Intersection => {
            let all: Vec<Vec<Option<usize>>> = scores.iter().map(|scores| buckets(scores)).collect::<Option<_>>()?;
            let of = |bucket: usize| {
                (0..n).filter(|at| all.iter().all(|found| found.get(*at) == Some(&Some(bucket)))).collect()
            };
            (of(top), of(0))
        }
        Combine::MeanRank => {
            let ranked: Vec<Vec<Option<f64>>> = scores.iter().map(|scores| ranks(scores)).collect();
            let mean_rank = |at: usize| -> Option<f64> {
                let own: Vec<f64> =
                    ranked.iter().map(|ranks| ranks.get(at).copied().flatten()).collect::<Option<_>>()?;
                Some(mean(&own))
            };
            let found = buckets(&(0..n).map(mean_rank).collect::<Vec<_>>())?;
            let of = |bucket: usize| (0..n).filter(|at| found.get(*at) == Some(&Some(bucket))).collect();
            (of(top), of(0))
        }
    };
    (FEWEST <= long.len() && FEWEST <= short.len()).then_some((long, short))
}

/// Ranks as fractions of 1, ties at their middle; `None` where there is no score.
fn ranks(scores: &[Option<f64>]) -> Vec<Option<f64>> {
    let known: Vec<f64> = scores.iter().flatten().copied().collect();
    let rank = |score: &f64| {
        let below = known.iter().filter(|other| *other < score).count() as f64;
        let same = known.iter().filter(|other| *other == score).count() as f64;
        (below + 0.5 * same) / known.len() as f64
    };
    scores.iter().map(|score| score.as_ref().map(rank)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Again;
    use super::*;

    fn ask(combine: Combine) -> Ask {
        Ask {
            symbols: Vec::new(),
            signals: Vec::new(),
            combine,
            quantiles: 3,
            sizing: Sizing::Equal,
            max_weight: None,
            gross: 2.0,
            target_volatility: None,
            cost_bps: 0.0,
            again: Again::Monthly,
            as_of: None,
            start: Date::default(),
            benchmark: None,
            is_beta_neutral: false,
            facts: None,
            filters: Vec::new(),
            membership: None,
        }
    }

    #[test]
    fn the_best_and_the_worst_by_all_signals_are_the_legs() {
        let first: Vec<Option<f64>> = (0..9).map(|at| Some(f64::from(at))).collect();
        let second: Vec<Option<f64>> = (0..9).map(|at| Some(f64::from((at * 10) % 9))).collect();
        let (long, short) = legs(&[first.clone(), second.clone()], &ask(Combine::Intersection)).unwrap();
        assert_eq!((long, short), (vec![6, 7, 8], vec![0, 1, 2]), "the second signal is the first in other words");
        let against: Vec<Option<f64>> = first.iter().map(|score| score.map(|score| -score)).collect();
        assert!(legs(&[first.clone(), against], &ask(Combine::Intersection)).is_none());
        let (long, _) = legs(std::slice::from_ref(&first), &ask(Combine::MeanRank)).unwrap();
        assert_eq!(long, [6, 7, 8]);
        let holes: Vec<Option<f64>> = first.iter().enumerate().map(|(at, score)| score.filter(|_| at != 8)).collect();
        let (long, _) = legs(&[holes], &ask(Combine::MeanRank)).unwrap();
        assert_eq!(long, [6, 7], "a name without a score is in no leg");
    }

    #[test]
    fn signals_are_what_they_are_called() {
        let prices: Vec<f64> = (0..300).map(|at| 100.0 + f64::from(at)).collect();
        let of = |signal: Signal| signal.score(&prices, 299, None).unwrap();
        assert!((of(Signal::Momentum) - (378.0 / 147.0 - 1.0)).abs() < 1e-12);
        assert!((of(Signal::Reversal) - (1.0 - 399.0 / 378.0)).abs() < 1e-12);
        assert!(of(Signal::Volatility) < 0.0);
        assert!(Signal::Momentum.score(&prices, 200, None).is_none(), "too early");
        assert!((slope(&[0.1, 0.3, 0.2], &[0.05, 0.15, 0.1]) - 2.0).abs() < 1e-12);
        assert_eq!(
            ranks(&[Some(1.0), None, Some(1.0), Some(3.0)]),
            [Some(1.0 / 3.0), None, Some(1.0 / 3.0), Some(2.5 / 3.0)]
        );
    }
}
