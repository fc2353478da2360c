//! Long the best and short the worst of a universe by signals known on each day, sized, capped, made neutral to a
//! benchmark, held to the next date.

use jiff::civil::Date;
use qc_data::table::attributes::{Attributes, Fact};
use qc_quant::{
    Panel,
    performance::{PerformanceOptions, RiskFree, summary},
    portfolio::{
        hrp,
        scheduled::{self, Target},
        terciles,
    },
    stats::moments::{mean, std_dev, variance},
};
use qc_report::csv::{Cell, Table};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{attributes, attributes::Condition, basis, maybe, no_table, number, percent, pictures, steps};
use crate::{
    error::{Kind, ToolError, Topic},
    prices::Ragged,
    study::Found,
};

/// Rows of a year, which momentum, betas and risks look back.
pub(crate) const LOOKBACK: usize = 252;
/// Rows of a month, which momentum leaves out.
const MONTH: usize = 21;
/// Rows of the volatility that is a signal.
const QUARTER: usize = 63;
/// Fewest names of a leg.
const FEWEST: usize = 2;
/// Largest gross exposure that a target of volatility leads to.
const MOST_GROSS: f64 = 4.0;

/// How signals become one choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Combine {
    /// By the mean of the ranks.
    #[default]
    MeanRank,
    /// Best, or worst, by every signal.
    Intersection,
}

/// How a leg is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sizing {
    /// Alike.
    #[default]
    Equal,
    /// By hierarchical risk parity.
    Hrp,
}

/// When the choice is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Again {
    /// Never: on as_of alone.
    None,
    /// On the last row of each month.
    #[default]
    Monthly,
    /// Of each quarter.
    Quarterly,
}

/// What a name is ranked by; larger is better.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Signal {
    /// Return of the year but for its last month.
    Momentum,
    /// Loss of the last month.
    Reversal,
    /// How little it moved in a quarter.
    Volatility,
    /// A column of the attributes file, its sign turned where a minus stands before it.
    Attribute(String, f64),
}

impl Signal {
    /// Reads signals.
    ///
    /// # Errors
    /// A word that is none, a column the file has not.
    pub(crate) fn read_all(texts: &[String], facts: Option<&Attributes>) -> Result<Vec<Signal>, ToolError> {
        let read = |text: &String| {
            let name = text.trim();
            match name.to_ascii_lowercase().as_str() {
                "momentum_12_1" | "momentum" => return Ok(Signal::Momentum),
                "reversal" => return Ok(Signal::Reversal),
                "volatility" => return Ok(Signal::Volatility),
                _ => {}
            }
            let (column, sign) = name.strip_prefix('-').map_or((name, 1.0), |column| (column, -1.0));
            let known = facts.and_then(|facts| facts.names.iter().find(|known| known.eq_ignore_ascii_case(column)));
            known.map(|known| Signal::Attribute(known.clone(), sign)).ok_or_else(|| {
                let columns =
                    facts.map_or_else(|| "no attributes file was given".to_owned(), |facts| facts.names.join(", "));
                ToolError::argument(format!(
                    "`{}` is no signal: momentum_12_1, volatility, reversal, or a column of attributes ({columns})",
                    crate::args::quote(text)
                ))
            })
        };
        let signals: Vec<Signal> = texts.iter().map(read).collect::<Result<_, ToolError>>()?;
        if signals.is_empty() { Err(ToolError::argument("signals are empty: name one at least")) } else { Ok(signals) }
    }

    fn name(&self) -> String {
        match self {
            Signal::Momentum => "momentum_12_1".to_owned(),
            Signal::Reversal => "reversal".to_owned(),
            Signal::Volatility => "volatility".to_owned(),
            Signal::Attribute(name, sign) if *sign < 0.0 => format!("-{name}"),
            Signal::Attribute(name, _) => name.clone(),
        }
    }

    /// The score of a name on a row, from what was known then.
    fn score(&self, prices: &[f64], row: usize, fact: Option<&Fact>) -> Option<f64> {
        let at = |back: usize| row.checked_sub(back).and_then(|row| prices.get(row)).copied();
        let score = match self {
            Signal::Momentum => at(MONTH)? / at(LOOKBACK)? - 1.0,
            Signal::Reversal => 1.0 - at(0)? / at(MONTH)?,
            Signal::Volatility => -std_dev(&steps(prices.get(row.checked_sub(QUARTER)?..=row)?)),
            Signal::Attribute(_, sign) => match fact? {
                Fact::Number(value) => sign * value,
                Fact::Text(_) => return None,
            },
        };
        Some(score).filter(|score| score.is_finite())
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Names to choose from.
    pub(crate) symbols: Vec<String>,
    pub(crate) signals: Vec<Signal>,
    pub(crate) combine: Combine,
    pub(crate) quantiles: usize,
    pub(crate) sizing: Sizing,
    /// Largest share of a leg.
    pub(crate) max_weight: Option<f64>,
    pub(crate) gross: f64,
    pub(crate) target_volatility: Option<f64>,
    pub(crate) cost_bps: f64,
    pub(crate) again: Again,
    /// The day of the choice where it is made once.
    pub(crate) as_of: Option<Date>,
    /// First day that is measured.
    pub(crate) start: Date,
    pub(crate) benchmark: Option<String>,
    pub(crate) is_beta_neutral: bool,
    pub(crate) facts: Option<Attributes>,
    pub(crate) filters: Vec<String>,
}

/// One choice.
#[derive(Debug, Clone)]
struct Choice {
    row: usize,
    /// One weight for each symbol of the question.
    weights: Vec<f64>,
    n_eligible: usize,
    n_long: usize,
    n_short: usize,
    beta: Option<f64>,
    volatility: f64,
}

/// Chooses, holds and measures.
///
/// # Errors
/// Too few rows before the first choice, too few names of a leg, what qc-quant refuses.
pub(crate) fn run(ragged: &Ragged, ask: &Ask, periods: f64, annual_rate: f64) -> Result<Found, ToolError> {
    let prices = &ragged.prices;
    let panel = &prices.panel;
    let dates: Vec<Date> = (0..panel.n_rows()).map(|row| date_of(panel, row)).collect::<Result<_, _>>()?;
    let rows = formation_rows(&dates, ask)?;
    let mut notes = Vec::new();
    let mut choices = Vec::new();
    for row in rows {
        match choose(ragged, ask, &dates, row, periods)? {
            Ok(choice) => choices.push(choice),
            Err(why) => notes.push(format!("{}: {why}; what was held stays", date_at(&dates, row))),
        }
    }
    let Some(first) = choices.first() else {
        let message = format!("no portfolio could be formed: {}", notes.first().cloned().unwrap_or_default());
        return Err(ToolError::new(Kind::TooFewRows, Topic::Symbol, message));
    };
    // What a close says is traded at the next one.
    let held: Vec<Target> = choices
        .iter()
        .filter(|choice| choice.row + 1 < panel.n_rows())
        .map(|choice| Target { row: choice.row + 1, weights: choice.weights.clone() })
        .collect();
    let in_sample = ask.again == Again::None && ask.start <= date_at(&dates, first.row);
    let held = if in_sample {
        // Measured over days before the choice: nobody could have held it, and the answer says so first.
        let row = dates.iter().position(|day| ask.start <= *day).unwrap_or(0);
        vec![Target { row, weights: first.weights.clone() }]
    } else {
        held
    };
    let traded = panel.select(&ask.symbols)?;
    let found = scheduled::simulate(&traded, &held, ask.cost_bps)?;
    let begin = held.first().map_or(0, |target| target.row);
    let returns = steps(&found.values);
    let options = PerformanceOptions {
        periods_per_year: periods,
        risk_free: RiskFree::Constant(annual_rate / periods),
        ..PerformanceOptions::default()
    };
    let market = ask.benchmark.as_deref().map(|name| panel.column_of(name)).transpose()?;
    let beside = market.map(|column| steps(column.get(begin..).unwrap_or_default()));
    let measured = summary(&returns, beside.as_deref(), &options)?;
    let last = choices.last().unwrap_or(first);
    let weights: Map<String, Value> = ask
        .symbols
        .iter()
        .zip(&last.weights)
        .filter(|(_, weight)| **weight != 0.0)
        .map(|(name, weight)| (name.clone(), number(*weight)))
        .collect();
    let mut text = String::new();
    if in_sample {
        text.push_str(&format!(
            "IN-SAMPLE: the portfolio was chosen on {} and is measured from {} on.\n",
            date_at(&dates, first.row),
            ask.start
        ));
    }
    text.push_str(&format!(
        "{} choice(s), {} long and {} short at the last: total return {}, {} a year, volatility {}, Sharpe {}, deepest fall {}.\n",
        choices.len(),
        last.n_long,
        last.n_short,
        percent(measured.total_return),
        measured.cagr.map_or_else(|| "undefined".to_owned(), percent),
        percent(measured.volatility),
        measured.sharpe.map_or_else(|| "undefined".to_owned(), |ratio| format!("{ratio:.2}")),
        percent(measured.max_drawdown.depth)
    ));
    text.push_str(&basis(prices, "simple returns", returns.len()));
    let turnover =
        if found.turnover.len() < 2 { None } else { Some(mean(found.turnover.get(1..).unwrap_or_default())) };
    let mut brief = Map::new();
    brief.insert("as_of".into(), json!(date_at(&dates, last.row).to_string()));
    brief.insert("optimized_weights".into(), Value::Object(weights));
    brief.insert("net_exposure".into(), number(last.weights.iter().sum()));
    brief.insert("gross_exposure".into(), number(last.weights.iter().map(|weight| weight.abs()).sum()));
    brief.insert("beta_before".into(), maybe(last.beta));
    brief.insert("volatility_before".into(), number(last.volatility));
    brief.insert(
        "performance_metrics".into(),
        json!({
            "total_return": number(measured.total_return), "annualized_return": maybe(measured.cagr),
            "volatility": number(measured.volatility), "sharpe_ratio": maybe(measured.sharpe),
            "sharpe_standard_error": maybe(measured.sharpe_standard_error_robust),
            "sortino_ratio": maybe(measured.sortino), "max_drawdown": number(measured.max_drawdown.depth),
            "hit_rate": maybe(measured.hit_rate), "value_at_risk_95": number(measured.value_at_risk),
            "conditional_value_at_risk_95": number(measured.conditional_value_at_risk),
        }),
    );
    if let (Some(name), Some(against)) = (&ask.benchmark, &measured.benchmark) {
        brief.insert(
            "benchmark_comparison".into(),
            json!({
                "benchmark_symbol": name, "beta": number(against.beta), "alpha": number(against.alpha_annual),
                "alpha_t": maybe(against.alpha_t), "correlation": maybe(against.correlation),
                "information_ratio": maybe(against.information_ratio),
            }),
        );
    }
    brief.insert("turnover_per_choice".into(), maybe(turnover));
    brief.insert("costs".into(), number(found.costs));
    brief.insert("signals".into(), json!(ask.signals.iter().map(Signal::name).collect::<Vec<_>>()));
    if !measured.warnings.is_empty() {
        brief.insert("cautions".into(), json!(measured.warnings));
    }
    if !notes.is_empty() {
        brief.insert("skipped".into(), json!({"count": notes.len(), "first": notes.first()}));
    }
    let labels: Vec<String> = dates.get(begin..).unwrap_or_default().iter().map(ToString::to_string).collect();
    let mut more = Map::new();
    more.insert(
        "equity".into(),
        json!({"at": labels, "value": found.values.iter().map(|v| number(*v)).collect::<Vec<_>>()}),
    );
    more.insert("choices".into(), json!(choices.iter().map(|choice| told(choice, ask, &dates)).collect::<Vec<_>>()));
    more.insert(
        "drifted_weights".into(),
        json!(
            ask.symbols
                .iter()
                .cloned()
                .zip(found.last_weights.iter().map(|w| number(*w)))
                .collect::<Map<String, Value>>()
        ),
    );
    more.insert(
        "units".into(),
        json!({
            "choices": "made on the close of their day from what was known then, traded at the next close",
            "beta_before": "of the weights over the year before the choice", "volatility_before": "annual, over that year",
            "turnover_per_choice": "half of what is bought and sold, cash included, the first purchase not counted",
        }),
    );
    let mut table = Table::new(["at", "equity"]);
    for (at, value) in labels.iter().zip(&found.values) {
        table.row([Cell::Text(at), Cell::Number(*value)]).map_err(no_table)?;
    }
    let title = "Growth of the long-short portfolio".to_owned();
    let curves: [(&str, &[f64]); 1] = [("long-short", &found.values)];
    let picture = pictures::growth(title, pictures::below(&text), labels, &curves);
    Ok(Found {
        summary: text,
        brief,
        more,
        table: Some(table),
        next: Some("create_tear_sheet"),
        picture: Some(qc_report::chart::Picture::Line(picture)),
        ..Found::default()
    })
}

fn told(choice: &Choice, ask: &Ask, dates: &[Date]) -> Value {
    let weights: Map<String, Value> = ask
        .symbols
        .iter()
        .zip(&choice.weights)
        .filter(|(_, weight)| **weight != 0.0)
        .map(|(name, weight)| (name.clone(), number(*weight)))
        .collect();
    json!({
        "day": date_at(dates, choice.row).to_string(), "eligible": choice.n_eligible, "long": choice.n_long,
        "short": choice.n_short, "beta_before": maybe(choice.beta), "volatility_before": number(choice.volatility),
        "weights": weights,
    })
}

fn date_of(panel: &Panel, row: usize) -> Result<Date, ToolError> {
    let text = panel.index().label(row).to_string();
    let day = text.get(..10).and_then(|day| day.parse().ok());
    day.ok_or_else(|| ToolError::new(Kind::BadData, Topic::General, "a row has no date"))
}

fn date_at(dates: &[Date], row: usize) -> Date {
    dates.get(row).copied().unwrap_or_default()
}

/// Rows on whose closes choices are made.
fn formation_rows(dates: &[Date], ask: &Ask) -> Result<Vec<usize>, ToolError> {
    let too_few = |found: usize| {
        let message = format!("{LOOKBACK} rows before the first choice are needed, the data has {found}: begin later");
        Err(ToolError::new(Kind::TooFewRows, Topic::Symbol, message))
    };
    if ask.again == Again::None {
        let day = ask.as_of.unwrap_or(ask.start);
        let row = dates.iter().rposition(|known| *known <= day).unwrap_or(0);
        return if row < LOOKBACK { too_few(row) } else { Ok(vec![row]) };
    }
    let period = |day: &Date| match ask.again {
        Again::Quarterly => (day.year(), (day.month() - 1) / 3),
        _ => (day.year(), day.month()),
    };
    let ends = |row: &usize| match (dates.get(*row), dates.get(*row + 1)) {
        (Some(day), Some(next)) => period(day) != period(next),
        _ => false,
    };
    let start = dates.iter().position(|day| ask.start <= *day).unwrap_or(dates.len());
    // The last close before the start is the first choice, so that all of the window is measured.
    let first = start.saturating_sub(1);
    if first < LOOKBACK {
        return too_few(first);
    }
    Ok(std::iter::once(first).chain((start..dates.len()).filter(ends)).collect())
}

/// The portfolio of a row, or why there is none.
fn choose(
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
    // On each day only what was traded for a year and is traded still.
    let is_there = |name: &str| ragged.seen(name).is_some_and(|(first, last)| first + LOOKBACK <= row && row <= last);
    let names: Vec<&String> = ask.symbols.iter().filter(|name| allowed.contains(name) && is_there(name)).collect();
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
