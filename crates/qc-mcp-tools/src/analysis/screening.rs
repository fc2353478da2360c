//! Which assets meet given limits: on returns over the dates they share, on raw price and dollar volume of the last day, on
//! facts of a file as they were known on that day. What cannot be evaluated fails the asset, with the reason.

use std::collections::HashMap;

use jiff::civil::Date;
use qc_data::table::attributes::Attributes;
use qc_quant::{
    portfolio::screen::{self, Criteria, Screened},
    returns,
};
use serde_json::{Map, Value, json};

use super::{
    attributes::{self, Condition, Judged},
    basis, maybe, names, number,
};
use crate::{
    error::{Kind, ToolError, Topic},
    prices::{Prices, RawLevel},
    study::Found,
};

/// Assets an answer shows in full.
const SHOWN: usize = 20;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Every symbol, in the caller's order.
    pub(crate) symbols: Vec<String>,
    /// What is known of each from a file, and which conditions it fails.
    pub(crate) facts: Option<Vec<Judged>>,
    /// Ticker for the limit on correlation.
    pub(crate) benchmark: Option<String>,
    /// Limits on returns.
    pub(crate) criteria: Criteria,
    /// Least raw price on the last day.
    pub(crate) min_price: Option<f64>,
    /// Least raw price times volume on the last day.
    pub(crate) min_dollar_volume: Option<f64>,
    /// The day on which everything must have been known.
    pub(crate) as_of: Date,
}

impl Ask {
    /// Refuses a question without a criterion, and limits that cannot be.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`].
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        let Criteria { min_return, max_volatility, min_sharpe, max_correlation, .. } = self.criteria;
        let limits = [min_return, max_volatility, min_sharpe, max_correlation, self.min_price, self.min_dollar_volume];
        if limits.iter().all(Option::is_none) && self.facts.is_none() {
            return Err(ToolError::argument(
                "no criterion is given: name one of min_return, max_volatility, min_sharpe, max_correlation, min_price, min_dollar_volume, attribute_filters",
            ));
        }
        if max_correlation.is_some() && self.benchmark.is_none() {
            return Err(ToolError::argument("max_correlation needs a benchmark_symbol to correlate with"));
        }
        for (name, limit) in [("min_price", self.min_price), ("min_dollar_volume", self.min_dollar_volume)] {
            if let Some(limit) = limit.filter(|limit| !(0.0 <= *limit && limit.is_finite())) {
                return Err(ToolError::argument(format!("{name} must be at least 0, found {limit}")));
            }
        }
        Ok(())
    }

    /// Whether raw prices are needed.
    pub(crate) fn wants_levels(&self) -> bool {
        self.min_price.is_some() || self.min_dollar_volume.is_some()
    }
}

/// Judges `symbols` by the facts of a file and keeps those that meet all conditions.
///
/// # Errors
/// Conditions that are none, and a file by which nobody passes.
pub(crate) fn by_facts(
    facts: &Attributes,
    filters: &[String],
    symbols: &[String],
    as_of: Date,
) -> Result<(Vec<Judged>, Vec<String>), ToolError> {
    let conditions = Condition::read_all(filters, &facts.names)?;
    let judged = attributes::judge(facts, &conditions, symbols, as_of);
    let left: Vec<String> = judged.iter().filter(|one| one.failed.is_empty()).map(|one| one.symbol.clone()).collect();
    if left.is_empty() {
        let first = judged.first().and_then(|one| one.failed.first()).cloned().unwrap_or_default();
        let message = format!("none of {} symbols meets attribute_filters on {as_of} ({first})", judged.len());
        return Err(ToolError::new(Kind::NotFound, Topic::Symbol, message));
    }
    Ok((judged, left))
}

/// Measures every asset and compares with the limits.
///
/// # Errors
/// What qc-quant refuses.
pub(crate) fn run(
    prices: &Prices,
    levels: &HashMap<String, RawLevel>,
    ask: &Ask,
    periods_per_year: f64,
) -> Result<Found, ToolError> {
    let all = returns::simple(&prices.panel)?;
    let other = ask.benchmark.as_deref().map(|symbol| all.series(symbol)).transpose()?;
    let held = all.select(&prices.present(&ask.symbols))?;
    let measured = screen::assets(&held, other.as_ref(), &ask.criteria, periods_per_year)?;
    let facts = ask.facts.as_deref().unwrap_or_default();
    let mut rows: Vec<Value> = Vec::with_capacity(ask.symbols.len());
    let mut passed: Vec<String> = Vec::new();
    for symbol in &ask.symbols {
        let known = facts.iter().find(|one| one.symbol == *symbol);
        let figures = measured.iter().find(|asset| asset.symbol == *symbol);
        let mut failed: Vec<String> = known.map(|one| one.failed.clone()).unwrap_or_default();
        // Of what the file rules out no prices were read.
        let is_ruled_out = !failed.is_empty();
        match figures {
            Some(figures) => failed.extend(figures.failed.iter().cloned()),
            None if !is_ruled_out => failed.push("no bar in the window".to_owned()),
            None => {}
        }
        let level = levels.get(symbol);
        if !is_ruled_out && ask.wants_levels() {
            failed.extend(by_level(level, ask));
        }
        if failed.is_empty() {
            passed.push(symbol.clone());
        }
        rows.push(row(symbol, figures, level, known, failed, ask));
    }
    let mut summary = format!(
        "{} of {} assets pass{}{}.",
        passed.len(),
        ask.symbols.len(),
        if passed.is_empty() { "" } else { ": " },
        names(&passed)
    );
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns, the dates all have in common", all.n_rows()));
    let criteria = &ask.criteria;
    let mut brief = Map::new();
    brief.insert("passed_assets".into(), json!(passed));
    brief.insert("n_passed".into(), json!(passed.len()));
    brief.insert("n_screened".into(), json!(ask.symbols.len()));
    brief.insert("assets".into(), rows.iter().take(SHOWN).cloned().collect());
    brief.insert(
        "criteria".into(),
        json!({"min_return": criteria.min_return, "max_volatility": criteria.max_volatility,
            "min_sharpe": criteria.min_sharpe, "max_correlation": criteria.max_correlation,
            "benchmark_symbol": ask.benchmark, "min_price": ask.min_price, "min_dollar_volume": ask.min_dollar_volume}),
    );
    brief.insert("as_of".into(), json!(ask.as_of.to_string()));
    brief.insert("periods_per_year".into(), number(periods_per_year));
    brief.insert("n_observations".into(), json!(all.n_rows()));
    let mut more = Map::new();
    more.insert("assets".into(), Value::Array(rows));
    more.insert(
        "units".into(),
        json!({"annualized_return": "geometric fraction", "volatility": "annual, sample", "correlation": "signed, with the benchmark",
            "price": "raw close of the last day not after as_of", "dollar_volume": "raw close times volume of that day",
            "attributes": "the last row whose available_date is not after as_of",
            "failed": "a criterion that cannot be evaluated fails the asset"}),
    );
    Ok(Found { summary, brief, more, ..Found::default() })
}

/// The limits on raw price and dollar volume that an asset fails.
fn by_level(level: Option<&RawLevel>, ask: &Ask) -> Vec<String> {
    let Some(level) = level else { return vec![format!("price: no bar in the ten days up to {}", ask.as_of)] };
    let mut failed = Vec::new();
    if let Some(least) = ask.min_price.filter(|least| level.close < *least) {
        failed.push(format!("price {} is below {least}", level.close));
    }
    if let Some(least) = ask.min_dollar_volume {
        match level.volume.map(|volume| volume * level.close) {
            None => failed.push("dollar volume: its bars have no volume".to_owned()),
            Some(traded) if traded < least => failed.push(format!("dollar volume {traded:.0} is below {least}")),
            Some(_) => {}
        }
    }
    failed
}

fn row(
    symbol: &str,
    figures: Option<&Screened>,
    level: Option<&RawLevel>,
    known: Option<&Judged>,
    failed: Vec<String>,
    ask: &Ask,
) -> Value {
    let mut facts = json!({"symbol": symbol, "passed": failed.is_empty()});
    let Some(row) = facts.as_object_mut() else { return facts };
    if let Some(figures) = figures {
        row.insert("annualized_return".into(), maybe(figures.annual_return));
        row.insert("volatility".into(), number(figures.volatility));
        row.insert("sharpe_ratio".into(), maybe(figures.sharpe));
        if ask.benchmark.is_some() {
            row.insert("correlation".into(), maybe(figures.correlation));
        }
    }
    if let Some(level) = level {
        row.insert("price".into(), number(level.close));
        row.insert("dollar_volume".into(), maybe(level.volume.map(|volume| volume * level.close)));
        row.insert("price_date".into(), json!(level.day.to_string()));
    }
    if let Some(known) = known {
        row.insert("attributes".into(), known.facts.clone());
    }
    if !failed.is_empty() {
        row.insert("failed".into(), json!(failed));
    }
    facts
}
