//! What a sweep is asked for: the grid as combinations, conditions on figures, windows of dates.

use jiff::{ToSpan as _, civil::Date};
use qc_api::model::ProjectFile;
use serde_json::{Map, Value};

use crate::{args::quote, error::ToolError};

/// The parameters that carry a window to the code.
pub(crate) const START: &str = "start_date";
pub(crate) const END: &str = "end_date";
/// Values that one parameter may have.
const MOST_VALUES: usize = 1_000;

/// One set of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Combination {
    /// A text for each parameter, as the service takes it.
    pub(crate) values: Vec<String>,
    /// Where each stands: the number itself, or the position in its list.
    pub(crate) place: Vec<f64>,
}

/// The grid: names of parameters and all combinations of their values, the last parameter changing fastest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    pub(crate) names: Vec<String>,
    pub(crate) combinations: Vec<Combination>,
}

/// Reads a grid: a list of values, or `{min, max, step}`, for each parameter.
///
/// # Errors
/// No parameter, no values, values that are neither text nor number, more than `most` combinations.
pub(crate) fn grid(given: &Map<String, Value>, most: usize) -> Result<Grid, ToolError> {
    let wrong = |message: String| Err(ToolError::argument(format!("{message}; nothing was sent")));
    if given.is_empty() {
        return wrong(
            "the grid is empty: name a parameter with its values, such as {\"lookback\": [20, 50, 100]}".into(),
        );
    }
    let mut lists: Vec<Vec<(String, f64)>> = Vec::with_capacity(given.len());
    let mut n = 1_usize;
    for (name, value) in given {
        if name.trim().is_empty() || [START, END].contains(&name.as_str()) {
            return wrong(format!("`{}` cannot be a parameter of the grid", quote(name)));
        }
        let values = values(name, value)?;
        n = n.saturating_mul(values.len());
        lists.push(values);
    }
    if most < n {
        return wrong(format!(
            "the grid has {n} combinations, at most {most} are run (QC_MCP_SWEEP_SIZE): fewer values, or create_optimization"
        ));
    }
    let mut combinations = vec![Combination { values: Vec::new(), place: Vec::new() }];
    for list in &lists {
        let longer = |before: &Combination| -> Vec<Combination> {
            let with = |(text, place): &(String, f64)| {
                let mut one = before.clone();
                one.values.push(text.clone());
                one.place.push(*place);
                one
            };
            list.iter().map(with).collect()
        };
        combinations = combinations.iter().flat_map(longer).collect();
    }
    Ok(Grid { names: given.keys().cloned().collect(), combinations })
}

fn values(name: &str, value: &Value) -> Result<Vec<(String, f64)>, ToolError> {
    let wrong = || {
        let message = format!(
            "`{}` wants a list of texts or numbers, or {{min, max, step}} with a step above zero; nothing was sent",
            quote(name)
        );
        ToolError::argument(message)
    };
    let items = match value {
        Value::Array(items) => items.clone(),
        Value::Object(range) => {
            let of = |key: &str| range.get(key).and_then(Value::as_f64).filter(|value| value.is_finite());
            let (Some(min), Some(max), Some(step)) = (of("min"), of("max"), of("step")) else { return Err(wrong()) };
            let steps = ((max - min) / step + 1e-9).floor();
            if !(0.0 < step && 0.0 <= steps && steps < MOST_VALUES as f64) {
                return Err(wrong());
            }
            // Steps are counted, so that no rounding adds up; digits beyond the twelfth are rounding.
            let at = |k: usize| ((min + k as f64 * step) * 1e12).round() / 1e12;
            (0..=steps as usize).map(|k| Value::from(at(k))).collect()
        }
        one @ (Value::String(_) | Value::Number(_) | Value::Bool(_)) => vec![one.clone()],
        Value::Null => return Err(wrong()),
    };
    let mut found: Vec<(String, f64)> = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let text = match item {
            Value::String(text) if !text.is_empty() => text.clone(),
            Value::Number(number) => number_text(number),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err(wrong()),
        };
        let place = text.parse::<f64>().ok().filter(|place| place.is_finite()).unwrap_or(position as f64);
        if !found.iter().any(|(known, _)| *known == text) {
            found.push((text, place));
        }
    }
    if found.is_empty() || MOST_VALUES < found.len() { Err(wrong()) } else { Ok(found) }
}

/// `20.0` as `20`: algorithms read whole numbers with `int`.
fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => format!("{value:.0}"),
        _ => number.to_string(),
    }
}

/// A condition on a figure of a run, such as `drawdown < 10`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) figure: String,
    pub(crate) text: String,
    below: bool,
    inclusive: bool,
    value: f64,
}

impl Condition {
    pub(crate) fn holds(&self, value: f64) -> bool {
        match (self.below, self.inclusive) {
            (true, true) => value <= self.value,
            (true, false) => value < self.value,
            (false, true) => self.value <= value,
            (false, false) => self.value < value,
        }
    }
}

/// Reads conditions.
///
/// # Errors
/// A text that is none.
pub(crate) fn conditions(texts: &[String]) -> Result<Vec<Condition>, ToolError> {
    let read = |text: &String| -> Option<Condition> {
        let at = text.find(['<', '>'])?;
        let (figure, rest) = text.split_at(at);
        let below = rest.starts_with('<');
        let rest = rest.get(1..)?;
        let (inclusive, number) = rest.strip_prefix('=').map_or((false, rest), |number| (true, number));
        let value: f64 = number.trim().trim_end_matches('%').trim().parse().ok()?;
        let figure = figure_name(figure);
        let known = value.is_finite() && !figure.is_empty();
        known.then(|| Condition {
            text: format!("{figure} {} {value}", rest_sign(below, inclusive)),
            figure,
            below,
            inclusive,
            value,
        })
    };
    texts
        .iter()
        .map(|text| {
            read(text).ok_or_else(|| {
                let message = format!(
                    "`{}` is no condition: write a figure, < or >, and a number, such as \"drawdown < 10\" (percent where \
                     the figure has percent); nothing was sent",
                    quote(text)
                );
                ToolError::argument(message)
            })
        })
        .collect()
}

fn rest_sign(below: bool, inclusive: bool) -> &'static str {
    match (below, inclusive) {
        (true, true) => "<=",
        (true, false) => "<",
        (false, true) => ">=",
        (false, false) => ">",
    }
}

/// A figure's name as answers have it: `Max Drawdown` is `drawdown`.
pub(crate) fn figure_name(text: &str) -> String {
    let name = text.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    match name.as_str() {
        "max_drawdown" | "maximum_drawdown" => "drawdown".to_owned(),
        "sharpe" => "sharpe_ratio".to_owned(),
        "cagr" | "annual_return" => "compounding_annual_return".to_owned(),
        "psr" => "probabilistic_sharpe_ratio".to_owned(),
        _ => name,
    }
}

/// Whether less of a figure is better.
pub(crate) fn is_better_small(figure: &str) -> bool {
    const SMALL: &[&str] = &[
        "drawdown",
        "annual_standard_deviation",
        "annual_variance",
        "tracking_error",
        "portfolio_turnover",
        "loss_rate",
        "total_fees",
        "drawdown_recovery",
    ];
    SMALL.contains(&figure)
}

/// Dates that runs are chosen on, and dates the best of them are tried on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Window {
    pub(crate) train: Option<(Date, Date)>,
    pub(crate) test: Option<(Date, Date)>,
}

/// The windows of a sweep: one, or for a walk forward `n` of them, each trained on one part of the dates and tried on the
/// next.
///
/// # Errors
/// Dates that are none, in a wrong order, or too short for that many windows.
pub(crate) fn windows(
    train: (Option<&str>, Option<&str>),
    test: (Option<&str>, Option<&str>),
    walk_forward: Option<usize>,
) -> Result<Vec<Window>, ToolError> {
    let (train, test) = (span("start_date", "end_date", train)?, span("test_start", "test_end", test)?);
    if let (Some((_, end)), Some((start, _))) = (train, test)
        && start <= end
    {
        let message =
            format!("test_start {start} lies within the dates the sweep is chosen on, up to {end}; nothing was sent");
        return Err(ToolError::argument(message));
    }
    let Some(n) = walk_forward else {
        if test.is_some() && train.is_none() {
            let message = "test_start without start_date and end_date: what the runs are chosen on would hold the test; nothing was sent";
            return Err(ToolError::argument(message));
        }
        return Ok(vec![Window { train, test }]);
    };
    let (Some((first, last)), None) = (train, test) else {
        let message =
            "walk_forward takes start_date and end_date, which it parts itself, and no test dates; nothing was sent";
        return Err(ToolError::argument(message));
    };
    let days = i64::from((last - first).get_days()) + 1;
    let parts = n as i64 + 1;
    if days / parts < 20 {
        let message = format!("{days} days are too few for {n} windows of 20 days and more; nothing was sent");
        return Err(ToolError::argument(message));
    }
    let edge = |part: i64| first.saturating_add((days * part / parts).days());
    let until = |part: i64| edge(part).saturating_sub(1.day());
    let window = |part: i64| Window {
        train: Some((edge(part), until(part + 1))),
        test: Some((edge(part + 1), until(part + 2))),
    };
    Ok((0..parts - 1).map(window).collect())
}

fn span(from: &str, to: &str, (start, end): (Option<&str>, Option<&str>)) -> Result<Option<(Date, Date)>, ToolError> {
    let date = |name: &str, text: &str| {
        let read = text.trim().parse::<Date>();
        read.map_err(|_| {
            ToolError::argument(format!("{name} wants YYYY-MM-DD, found `{}`; nothing was sent", quote(text)))
        })
    };
    match (start, end) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) => {
            let (start, end) = (date(from, start)?, date(to, end)?);
            match start < end {
                true => Ok(Some((start, end))),
                false => Err(ToolError::argument(format!("{from} {start} is not before {to} {end}; nothing was sent"))),
            }
        }
        _ => Err(ToolError::argument(format!("{from} and {to} come together; nothing was sent"))),
    }
}

/// Those of `names` that no code of the project asks for.
pub(crate) fn unread<'n>(files: &[ProjectFile], names: &'n [String]) -> Vec<&'n String> {
    let is_code = |file: &&ProjectFile| file.name.ends_with(".py") || file.name.ends_with(".cs");
    let code: Vec<&ProjectFile> = files.iter().filter(is_code).collect();
    // A parameter may be read by a name that is made up at run time.
    let all = |file: &&ProjectFile| file.content.contains("get_parameters(") || file.content.contains("GetParameters(");
    if code.is_empty() || code.iter().any(all) {
        return Vec::new();
    }
    let is_named = |name: &str| {
        let quoted = [format!("\"{name}\""), format!("'{name}'")];
        code.iter().any(|file| quoted.iter().any(|text| file.content.contains(text)))
    };
    names.iter().filter(|name| !is_named(name)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    fn of(value: Value) -> Result<Grid, ToolError> {
        grid(value.as_object().unwrap(), 100)
    }

    #[test]
    fn a_grid_has_every_combination_once() {
        let found = of(json!({"a": [20, 20.0, 50], "b": {"min": 0.1, "max": 0.3, "step": 0.1}, "c": "x"})).unwrap();
        assert_eq!(found.names, ["a", "b", "c"]);
        let values: Vec<Vec<&str>> =
            found.combinations.iter().map(|one| one.values.iter().map(String::as_str).collect()).collect();
        assert_eq!(values.len(), 6);
        assert_eq!((&values[0], &values[5]), (&vec!["20", "0.1", "x"], &vec!["50", "0.3", "x"]));
        assert_eq!(found.combinations[5].place, [50.0, 0.3, 0.0]);
        for bad in [
            json!({}),
            json!({"a": []}),
            json!({"a": [null]}),
            json!({"a": {"min": 1, "max": 2}}),
            json!({"a": {"min": 1, "max": 2, "step": 0}}),
            json!({"a": {"min": 3, "max": 2, "step": 1}}),
            json!({"start_date": [1]}),
        ] {
            assert!(of(bad.clone()).unwrap_err().message.contains("nothing was sent"), "{bad}");
        }
        let many: Vec<i64> = (0..11).collect();
        assert!(of(json!({"a": many, "b": many})).unwrap_err().message.contains("121 combinations"));
    }

    #[test]
    fn conditions_are_read_and_hold() {
        let found = conditions(&["Max Drawdown < 10 %".into(), "sharpe >= 1".into()]).unwrap();
        assert_eq!((found[0].figure.as_str(), found[1].figure.as_str()), ("drawdown", "sharpe_ratio"));
        assert!(found[0].holds(9.9) && !found[0].holds(10.0) && found[1].holds(1.0) && !found[1].holds(0.9));
        for bad in ["drawdown", "< 3", "drawdown < much"] {
            assert!(conditions(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn windows_follow_each_other() {
        let walk = windows((Some("2020-01-01"), Some("2020-12-31")), (None, None), Some(3)).unwrap();
        assert_eq!(walk.len(), 3);
        assert_eq!(walk[0].train.unwrap().0, date(2020, 1, 1));
        assert_eq!(walk[2].test.unwrap().1, date(2020, 12, 31));
        for pair in walk.windows(2) {
            assert_eq!(pair[0].test, pair[1].train, "what was tried is learnt from next");
        }
        let one =
            windows((Some("2020-01-01"), Some("2020-06-30")), (Some("2020-07-01"), Some("2020-12-31")), None).unwrap();
        assert_eq!(one.len(), 1);
        for (train, test, walk) in [
            ((Some("2020-01-01"), None), (None, None), None),
            ((Some("2020-01-01"), Some("2020-06-30")), (Some("2020-06-30"), Some("2020-12-31")), None),
            ((None, None), (Some("2020-06-30"), Some("2020-12-31")), None),
            ((None, None), (None, None), Some(2)),
            ((Some("2020-01-01"), Some("2020-01-31")), (None, None), Some(3)),
            ((Some("x"), Some("2020-01-31")), (None, None), None),
            ((Some("2021-01-01"), Some("2020-01-31")), (None, None), None),
        ] {
            assert!(windows(train, test, walk).is_err(), "{train:?} {test:?} {walk:?}");
        }
    }
}
