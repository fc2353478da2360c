//! The series that a kept result holds.

use jiff::{Timestamp, civil::Date};
use serde_json::Value;

use super::{OwnSeries, day_of, settle};
use crate::error::{Kind, ToolError, Topic};

/// Series that are meant where a result is named without one, the likeliest first.
const USUAL: [&str; 3] = ["equity.value", "spread_series.spread", "path.spread"];

/// One series of a result.
struct Part<'a> {
    name: String,
    at: &'a [Value],
    values: &'a [Value],
}

/// The series of a kept result, as JSON text: the one named `part`, else the usual one.
pub(super) fn series(text: &str, id: &str, part: Option<&str>, is_returns: bool) -> Result<OwnSeries, ToolError> {
    let record: Value = serde_json::from_str(text).unwrap_or_default();
    let parts = parts(record.get("result").unwrap_or(&Value::Null));
    let named = |wanted: &str| {
        parts
            .iter()
            .find(|part| part.name == wanted)
            .or_else(|| parts.iter().find(|part| part.name.split('.').any(|word| word == wanted)))
    };
    let found = match part {
        Some(wanted) => named(wanted),
        None => {
            USUAL.iter().find_map(|name| named(name)).or(if let [only] = parts.as_slice() { Some(only) } else { None })
        }
    };
    let tool = record.get("tool").and_then(Value::as_str).unwrap_or("an analysis");
    let Some(found) = found else {
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        let message = if names.is_empty() {
            format!("the result of {tool} holds no series over time")
        } else {
            format!("the result of {tool} holds the series {}: name one as qc://research/ID#NAME", names.join(", "))
        };
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Argument, message));
    };
    let mut days: Vec<(Date, f64)> = Vec::new();
    for (at, value) in found.at.iter().zip(found.values) {
        let (Some(day), Some(value)) = (at.as_str().and_then(day), value.as_f64()) else { continue };
        days.push((day, value));
    }
    let is_in_order = days.is_sorted_by_key(|row| row.0);
    let days = settle(days, is_returns)?;
    if days.len() < 2 || !is_in_order {
        let message =
            format!("the series {} has values on {} days, two in their order are needed", found.name, days.len());
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Argument, message));
    }
    let short: String = id.chars().take(8).collect();
    let (from, taken) =
        (Value::String(format!("qc://research/{id}")), Value::String(format!("{} of {tool}", found.name)));
    let synthetic = record.pointer("/provenance/synthetic").and_then(Value::as_bool).unwrap_or(false);
    let is_residual = found.name == "spread_series.spread";
    let p_value = record.pointer("/result/cointegration_pvalue").and_then(Value::as_f64).filter(|_| is_residual);
    let series = OwnSeries::new(format!("result-{short}"), from, taken, days, synthetic);
    Ok(OwnSeries { cointegration_p_value: p_value, ..series })
}

/// Lists of numbers beside a list of moments `at`, named `member.list`.
fn parts(result: &Value) -> Vec<Part<'_>> {
    let Some(members) = result.as_object() else { return Vec::new() };
    let mut parts = Vec::new();
    for (member, inner) in members {
        let Some(at) = inner.get("at").and_then(Value::as_array) else { continue };
        for (name, values) in inner.as_object().into_iter().flatten().filter(|(name, _)| name.as_str() != "at") {
            if let Some(values) = values.as_array().filter(|values| values.len() == at.len()) {
                parts.push(Part { name: format!("{member}.{name}"), at, values });
            }
        }
    }
    parts
}

/// The trading day of a label: a date, or a moment.
fn day(text: &str) -> Option<Date> {
    match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => Some(day),
        _ => day_of(text.parse::<Timestamp>().ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> String {
        json!({
            "tool": "test_cointegration",
            "provenance": {"synthetic": true},
            "result": {
                "cointegration_pvalue": 0.03,
                "spread_series": {"at": ["2024-01-02", "2024-01-03", "2024-01-04"], "spread": [0.1, null, -0.2]},
                "path": {"at": ["2024-01-02", "2024-01-03"], "hedge_ratio": [1.0, 1.1], "z_score": [0.5, 0.6]},
            },
        })
        .to_string()
    }

    #[test]
    fn the_usual_series_is_found_and_others_by_name() {
        let spread = series(&record(), "0123456789abcdef", None, false).unwrap();
        assert_eq!(
            (spread.values.as_slice(), spread.cointegration_p_value, spread.synthetic),
            (&[0.1, -0.2][..], Some(0.03), true)
        );
        assert_eq!(spread.name, "result-01234567");
        let ratio = series(&record(), "0123456789abcdef", Some("hedge_ratio"), false).unwrap();
        assert_eq!((ratio.values.as_slice(), ratio.cointegration_p_value), (&[1.0, 1.1][..], None));
        let error = series(&record(), "0123456789abcdef", Some("equity"), false).unwrap_err();
        assert!(error.message.contains("spread_series.spread, path.hedge_ratio"), "{error}");
    }
}
