//! Makes answers look as PHP sends them: `[]` for empty maps, space dates, decimals as text, `\/` for `/`.
//!
//! Works on finished JSON, so that endpoints stay typed. The list follows the oddities that clients have reported of
//! the real service; each has one switch in [`Quirks`], and all are on by default.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Which oddities are laid over the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirks {
    /// Empty maps are sent as `[]`.
    pub empty_maps_as_lists: bool,
    /// Dates of the web side are `YYYY-MM-DD HH:MM:SS` in UTC; those written by LEAN stay ISO with a `Z`.
    pub space_dates: bool,
    /// Decimals in `totalPerformance` and `rollingWindow` are text with at most four places.
    pub decimals_as_text: bool,
    /// `/` is written `\/`.
    pub escaped_slashes: bool,
    /// `hasGpu` is 0 or 1.
    pub flags_as_numbers: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            empty_maps_as_lists: true,
            space_dates: true,
            decimals_as_text: true,
            escaped_slashes: true,
            flags_as_numbers: true,
        }
    }
}

impl Quirks {
    /// Clean JSON: what a reader of the documentation would expect.
    pub const NONE: Self = Self {
        empty_maps_as_lists: false,
        space_dates: false,
        decimals_as_text: false,
        escaped_slashes: false,
        flags_as_numbers: false,
    };

    /// The bytes of an answer.
    pub(crate) fn render(&self, mut answer: Value) -> String {
        self.walk("", &mut answer, false);
        let text = answer.to_string();
        // A slash occurs in JSON only inside text, so that replacing all of them is exact.
        if self.escaped_slashes { text.replace('/', "\\/") } else { text }
    }

    fn walk(&self, key: &str, value: &mut Value, in_performance: bool) {
        match value {
            Value::Object(map) if map.is_empty() && self.empty_maps_as_lists => *value = Value::Array(Vec::new()),
            Value::Object(map) => {
                for (key, value) in map {
                    let inside = in_performance || PERFORMANCE_KEYS.contains(&key.as_str());
                    self.walk(key, value, inside);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(key, item, in_performance)),
            Value::String(text) if WEB_DATES.contains(&key) => {
                if let Some(other) = if self.space_dates { space_date(text) } else { iso_date(text) } {
                    *text = other;
                }
            }
            Value::Number(number) if in_performance && self.decimals_as_text && number.is_f64() => {
                *value = Value::String(four_places(number.as_f64().unwrap_or_default()));
            }
            Value::Bool(flag) if self.flags_as_numbers && key == "hasGpu" => *value = Value::from(u8::from(*flag)),
            _ => {}
        }
    }
}

/// Members whose decimals LEAN writes as text.
const PERFORMANCE_KEYS: [&str; 4] = ["tradeStatistics", "portfolioStatistics", "rollingWindow", "closedTrades"];

/// Members whose dates the web side writes itself.
const WEB_DATES: [&str; 10] = [
    "created",
    "modified",
    "launched",
    "stopped",
    "requested",
    "lastLiveDeployment",
    "outOfSampleMaxEndDate",
    "backtestStart",
    "backtestEnd",
    "date",
];

/// `2023-01-01T00:00:00Z` to `2023-01-01 00:00:00`; other text stays as it is.
fn space_date(text: &str) -> Option<String> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// The way back, for clean answers.
fn iso_date(text: &str) -> Option<String> {
    let at = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().to_string())
}

/// At most four decimal places, no trailing zeros, as LEAN's rounding converter writes them.
fn four_places(number: f64) -> String {
    let text = format!("{number:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_maps_become_lists_at_every_depth() {
        let text = Quirks::default().render(json!({ "a": {}, "b": [{ "parameterSet": {} }] }));
        assert_eq!(text, r#"{"a":[],"b":[{"parameterSet":[]}]}"#);
    }

    #[test]
    fn web_dates_lose_their_t_and_engine_dates_keep_it() {
        let text =
            Quirks::default().render(json!({ "created": "2024-03-01T10:20:30Z", "entryTime": "2024-03-01T10:20:30Z" }));
        assert_eq!(text, r#"{"created":"2024-03-01 10:20:30","entryTime":"2024-03-01T10:20:30Z"}"#);
    }

    #[test]
    fn performance_decimals_become_text_but_counts_do_not() {
        let text =
            Quirks::default().render(json!({ "portfolioStatistics": { "sharpeRatio": 1.23456, "n": 3 }, "x": 0.5 }));
        assert_eq!(text, r#"{"portfolioStatistics":{"sharpeRatio":"1.2346","n":3},"x":0.5}"#);
    }

    #[test]
    fn slashes_are_escaped_and_still_the_same_text() {
        let text = Quirks::default().render(json!({ "name": "a/b" }));
        assert_eq!(text, r#"{"name":"a\/b"}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({ "name": "a/b" }));
    }

    #[test]
    fn without_quirks_the_answer_stays_as_it_is() {
        let answer = json!({ "a": {}, "created": "2024-03-01T10:20:30Z", "hasGpu": true });
        assert_eq!(serde_json::from_str::<Value>(&Quirks::NONE.render(answer.clone())).unwrap(), answer);
        let dressed = Quirks::NONE.render(json!({ "created": "2024-03-01 10:20:30" }));
        assert_eq!(dressed, r#"{"created":"2024-03-01T10:20:30Z"}"#);
    }
}
