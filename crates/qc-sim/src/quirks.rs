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
    /// Decimals in `totalPerformance`, `rollingWindow` and the scores of insights are text with at most four places.
    pub decimals_as_text: bool,
    /// `/` is written `\/`.
    pub escaped_slashes: bool,
    /// `hasGpu` is 0 or 1.
    pub flags_as_numbers: bool,
    /// Statistics of an optimization's backtests come as a list by position; those without a position are missing.
    pub numbered_statistics_as_lists: bool,
    /// `notifyInsights`, `notifyOrderEvents` and `autoRestart` of a project's live form are text, as before 2026.
    pub form_flags_as_text: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            empty_maps_as_lists: true,
            space_dates: true,
            decimals_as_text: true,
            escaped_slashes: true,
            flags_as_numbers: true,
            numbered_statistics_as_lists: true,
            form_flags_as_text: true,
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
        numbered_statistics_as_lists: false,
        form_flags_as_text: false,
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
            Value::Object(map) if self.numbered_statistics_as_lists && key == "statistics" && map.contains_key("0") => {
                let last = map.keys().filter_map(|at| at.parse::<usize>().ok()).max().unwrap_or_default();
                *value = (0..=last).map(|at| map.remove(&at.to_string()).unwrap_or_default()).collect();
            }
            Value::Object(map) => {
                if key == "backtest" && self.empty_maps_as_lists {
                    // The one map of a backtest that never is a list: the official command line decodes it as a map.
                    map.entry("runtimeStatistics").and_modify(null_if_empty);
                }
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
            Value::Number(number)
                if self.decimals_as_text && number.is_f64() && (in_performance || INSIGHT_DECIMALS.contains(&key)) =>
            {
                *value = Value::String(four_places(number.as_f64().unwrap_or_default()));
            }
            Value::Bool(flag) if self.flags_as_numbers && key == "hasGpu" => *value = Value::from(u8::from(*flag)),
            Value::Bool(flag) if self.form_flags_as_text && FORM_FLAGS.contains(&key) => {
                *value = Value::from(flag.to_string());
            }
            _ => {}
        }
    }
}

/// Members whose decimals LEAN writes as text.
const PERFORMANCE_KEYS: [&str; 4] = ["tradeStatistics", "portfolioStatistics", "rollingWindow", "closedTrades"];

/// Members of insights whose decimals LEAN writes as text.
const INSIGHT_DECIMALS: [&str; 5] = ["magnitude", "confidence", "scoreDirection", "scoreMagnitude", "estimatedValue"];

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

/// Members of a live form that were text for years.
const FORM_FLAGS: [&str; 3] = ["notifyInsights", "notifyOrderEvents", "autoRestart"];

fn null_if_empty(value: &mut Value) {
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        *value = Value::Null;
    }
}

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
    fn runtime_statistics_of_a_backtest_are_missing_rather_than_a_list() {
        let backtest = json!({ "backtest": { "runtimeStatistics": {}, "statistics": {} } });
        assert_eq!(Quirks::default().render(backtest), r#"{"backtest":{"runtimeStatistics":null,"statistics":[]}}"#);
    }

    #[test]
    fn numbered_statistics_become_a_list_with_nulls_for_gaps() {
        let answer = json!({ "statistics": { "0": 1.5, "10": 3, "2": 2, "My Own": 5 } });
        let text = Quirks::default().render(answer.clone());
        assert_eq!(text, r#"{"statistics":[1.5,null,2,null,null,null,null,null,null,null,3]}"#);
        assert_eq!(Quirks::NONE.render(answer), r#"{"statistics":{"0":1.5,"10":3,"2":2,"My Own":5}}"#);
        let titled = json!({ "statistics": { "Sharpe Ratio": "1" } });
        assert_eq!(Quirks::default().render(titled), r#"{"statistics":{"Sharpe Ratio":"1"}}"#);
    }

    #[test]
    fn flags_of_a_live_form_are_text() {
        let text = Quirks::default().render(json!({ "liveForm": { "autoRestart": true, "notifyInsights": false } }));
        assert_eq!(text, r#"{"liveForm":{"autoRestart":"true","notifyInsights":"false"}}"#);
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
