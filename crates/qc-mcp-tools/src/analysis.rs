//! From a statistic to what an answer shows of it: summary, the figures everybody needs, the rest for the kept result.
//!
//! The statistics are qc-quant's; the prices come through `prices.rs`. One file per method, named as the method's file
//! in qc-quant. Field names that the model project has are kept, with the meaning put right; units stand in `units`.

pub(crate) mod attributes;
pub(crate) mod bootstrap;
pub(crate) mod cointegration;
pub(crate) mod correlation;
pub(crate) mod equal_weight;
pub(crate) mod factors;
pub(crate) mod johansen;
pub(crate) mod kalman;
pub(crate) mod long_short;
pub(crate) mod mean_reversion;
pub(crate) mod optimize;
pub(crate) mod pairs_scan;
pub(crate) mod pairs_trading;
pub(crate) mod pca;
pub(crate) mod performance;
pub(crate) mod pictures;
pub(crate) mod regimes;
pub(crate) mod screening;
pub(crate) mod selection;
pub(crate) mod sparse;
pub(crate) mod tear_sheet;

use qc_quant::{
    Label,
    mean_reversion::hurst::{self, Structure},
};
use serde_json::{Number, Value};

use crate::{
    error::{Kind, ToolError, Topic},
    prices::Prices,
};

/// A finite number, else null: JSON has no NaN.
fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// A number that may be undefined.
fn maybe(value: Option<f64>) -> Value {
    value.map_or(Value::Null, number)
}

/// A fraction as percent with one decimal, for people.
fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

/// A p-value for people: three digits, and what lies below is called so.
fn p_text(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

/// Generalised Hurst exponent (q = 2) of levels, over lags up to twice their half-life and 20 bars at least; within a day
/// from five bars on, as neighbouring ones share the bounce between bid and ask, which looks like coming back.
fn hurst_of(levels: &[f64], half_life: Option<f64>, is_intraday: bool) -> Result<Structure, ToolError> {
    const LONGEST_AT_LEAST: f64 = 20.0;
    let shortest = if is_intraday { 5 } else { 1 };
    let longest = half_life.map_or(LONGEST_AT_LEAST, |half| (2.0 * half).ceil()).clamp(LONGEST_AT_LEAST, 1e6) as usize;
    Ok(hurst::structure(levels, 2.0, shortest, longest.min(levels.len() / 4).max(shortest + 1))?)
}

/// A row's label as text.
fn label(at: Label) -> String {
    at.to_string()
}

/// At most ten names, then a count.
fn names(symbols: &[String]) -> String {
    const MOST: usize = 10;
    let shown: Vec<&str> = symbols.iter().take(MOST).map(String::as_str).collect();
    match symbols.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What the figures were computed from, in half a line.
fn basis(prices: &Prices, what: &str, rows: usize) -> String {
    let from = &prices.provenance;
    let synthetic = if from.synthetic { " SYNTHETIC data." } else { "" };
    format!(
        "{rows} {} {what}, prices of {} to {}, adjustment {}.{synthetic}",
        from.resolution, from.first_date, from.last_date, from.adjustment
    )
}

/// Relative changes from one value of an account to the next.
fn steps(values: &[f64]) -> Vec<f64> {
    values.iter().zip(values.iter().skip(1)).map(|(before, now)| now / before - 1.0).collect()
}

/// A table that could not be written is our own mistake.
fn no_table(error: qc_report::Error) -> ToolError {
    ToolError::new(Kind::Internal, Topic::General, error.to_string())
}
