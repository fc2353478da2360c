//! Argument pieces that many tools share: a project by id or name, a backtest by id or `latest`, dates.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::civil::Date;
use rmcp::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::error::{Kind, ToolError, Topic};

/// The most characters of a caller's value that an error repeats.
const QUOTED: usize = 40;

/// A project, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ProjectArg {
    /// Its id.
    Id(i64),
    /// Its name.
    Name(String),
}

impl JsonSchema for ProjectArg {
    fn schema_name() -> Cow<'static, str> {
        "Project".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "x-by-name": true})
    }
}

/// The editing program that callers of the official server name; ours is named in any case.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(crate) struct EditorArg {
    /// Editing program; ours whatever is said
    #[serde(rename = "code_source_id")]
    #[schemars(extend("x-hidden" = true))]
    _code_source_id: Option<String>,
}

/// A backtest: its id, or `latest`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct BacktestArg(pub String);

impl BacktestArg {
    /// Whether the newest one is meant.
    pub fn is_latest(&self) -> bool {
        self.0.trim().eq_ignore_ascii_case("latest")
    }
}

impl JsonSchema for BacktestArg {
    fn schema_name() -> Cow<'static, str> {
        "Backtest".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// Weights: a list of numbers, numbers by ticker as answers show them, or where they are to be had
/// (`qc://research/{id}`, `file:PATH#COLUMN`).
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum WeightsArg {
    /// The numbers.
    Numbers(Vec<f64>),
    /// The numbers by ticker.
    Named(BTreeMap<String, f64>),
    /// Where they are.
    From(String),
}

impl WeightsArg {
    /// Tickers and weights of those that are named.
    pub(crate) fn pairs(named: &BTreeMap<String, f64>) -> Vec<(String, f64)> {
        named.iter().map(|(name, weight)| (name.trim().to_ascii_uppercase(), *weight)).collect()
    }
}

impl JsonSchema for WeightsArg {
    fn schema_name() -> Cow<'static, str> {
        "Weights".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": {"type": "number"}, "x-by-source": true})
    }
}

/// A range of days, both included; the days are the exchange's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
}

/// The window from `start_date` to `end_date`.
///
/// # Errors
/// [`Kind::InvalidArgument`] for text that is no date, and for a start after the end.
pub fn window(start_date: &str, end_date: &str) -> Result<Window, ToolError> {
    let first = date("start_date", start_date)?;
    let last = date("end_date", end_date)?;
    if last < first {
        return Err(ToolError::new(
            Kind::InvalidArgument,
            Topic::Dates,
            format!("start_date {first} lies after end_date {last}"),
        ));
    }
    Ok(Window { first, last })
}

/// A day, from `2020-01-31`, `2020/1/31`, `20200131`, or anything longer that begins so and goes on with a time.
///
/// # Errors
/// [`Kind::InvalidArgument`] naming the argument.
pub fn date(name: &str, text: &str) -> Result<Date, ToolError> {
    let wrong = || {
        ToolError::new(
            Kind::InvalidArgument,
            Topic::Dates,
            format!("`{name}` wants a date such as 2020-01-31, got `{}`", quote(text)),
        )
    };
    let day = text.trim().split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['-', '/']).collect();
    let (year, month, of_month) = match parts.as_slice() {
        [year, month, of_month] => (*year, *month, *of_month),
        [digits] if digits.len() == 8 && digits.is_ascii() => {
            let (year, rest) = digits.split_at(4);
            let (month, of_month) = rest.split_at(2);
            (year, month, of_month)
        }
        _ => return Err(wrong()),
    };
    let all_digits =
        [year, month, of_month].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !all_digits || year.len() != 4 {
        return Err(wrong());
    }
    let number = |part: &str| part.parse::<i16>().map_err(|_| wrong());
    let small = |part: &str| part.parse::<i8>().map_err(|_| wrong());
    Date::new(number(year)?, small(month)?, small(of_month)?).map_err(|_| wrong())
}

/// A short, printable form of what the caller sent.
pub fn quote(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(QUOTED).collect();
    if QUOTED < text.chars().count() {
        short.push('…');
    }
    short
}

/// The words of a JSON error about settings that may be secret: names of members, never a value, no place in the text.
pub(crate) fn words_without_values(error: &str) -> String {
    let words = error.split_once(" at line ").map_or(error, |(words, _)| words);
    if words.contains("invalid type") || words.contains("invalid value") {
        return "a member has the wrong type".into();
    }
    crate::reply::Untrusted::new(words).shortened(400).as_str().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_usual_spellings() {
        let want = Date::new(2020, 1, 31).unwrap();
        for text in ["2020-01-31", " 2020-1-31 ", "2020/01/31", "20200131", "2020-01-31T15:30:00Z", "2020-01-31 15:30"]
        {
            assert_eq!(date("start_date", text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_named() {
        for text in ["", "yesterday", "2020-02-30", "31-01-2020", "2020-01", "20-01-31", "2020-１-31"] {
            let error = date("start_date", text).unwrap_err();
            assert!(error.message.starts_with("`start_date` wants a date"), "{text}: {error}");
        }
    }

    #[test]
    fn inverted_dates_are_refused_with_both() {
        let error = window("2020-02-01", "2020-01-01").unwrap_err();
        assert_eq!(error.message, "start_date 2020-02-01 lies after end_date 2020-01-01");
    }
}
