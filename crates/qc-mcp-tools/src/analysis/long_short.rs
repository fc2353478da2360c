//! Long the best and short the worst of a universe by signals known on each day, sized, capped, made neutral to a
//! benchmark, held to the next date.

mod choice;
mod signal;

use jiff::civil::Date;
use qc_data::table::attributes::Attributes;
use qc_quant::{
    Panel,
    performance::{PerformanceOptions, RiskFree, summary},
    portfolio::scheduled::{self, Target},
    stats::moments::mean,
};
use qc_report::csv::{Cell, Table};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::choice::{Choice, choose};
pub(crate) use self::signal::Signal;
use super::{attributes, basis, maybe, no_table, number, percent, pictures, steps};
use crate::{
    error::{Kind, ToolError, Topic},
    membership::Membership,
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
    /// Who belonged to the universe when, where that changes.
    pub(crate) membership: Option<Membership>,
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
    let mut found = scheduled::simulate(&traded, &held, ask.cost_bps)?;
    // The account begins with 1 before the first purchase, so that what that cost is in the first return.
    if let Some(first) = found.values.first_mut() {
        *first = 1.0;
    }
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
    if let Some(membership) = &ask.membership {
        brief.insert("universe".into(), membership.told());
    }
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
