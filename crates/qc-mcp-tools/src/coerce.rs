//! Argument tolerance: one pass over the JSON by the tool's own schema, before serde sees it. Clients wrap,
//! rename and stringify arguments; a model misspells them. What can be meant only one way is repaired, the
//! rest is an error that names the argument, what it wants and what came.

use rmcp::model::JsonObject;
use serde_json::{Map, Value};

use crate::{
    error::{Kind, ToolError, Topic},
    schema::{BY_NAME, BY_SOURCE, EMPTY_OK},
};

/// The most bytes of text all arguments of one call may hold.
pub(crate) const MAX_BYTES: usize = 4 << 20;
/// The most levels arguments may nest.
const MAX_DEPTH: usize = 32;
/// The most characters of a caller's value that an error repeats.
const QUOTED: usize = 40;

/// Repairs `arguments` by `schema`, the accepted form of the tool's input schema.
pub(crate) fn coerce(schema: &JsonObject, arguments: JsonObject) -> Result<JsonObject, ToolError> {
    let size: usize = arguments.iter().map(|(key, value)| key.len() + weight(value, 0)).sum();
    if MAX_BYTES < size {
        return Err(ToolError::new(
            Kind::TooLarge,
            Topic::Argument,
            format!("the arguments hold {size} bytes, at most {MAX_BYTES} are taken"),
        ));
    }
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();

    let mut out = JsonObject::new();
    for (key, value) in unwrap_model(properties, arguments) {
        let name = known_name(properties, &key)?;
        if value.is_null() {
            continue;
        }
        let property = properties.get(name).unwrap_or(&Value::Null);
        if value == "" && property.get(EMPTY_OK).is_none() {
            continue;
        }
        let fitted = fit(name, property, value)?;
        if out.get(name).is_some_and(|other| *other != fitted) {
            return Err(ToolError::argument(format!(
                "`{name}` came twice under different names and with different values; give it once"
            )));
        }
        out.insert(name.to_owned(), fitted);
    }
    let missing: Vec<&str> = required.iter().copied().filter(|name| !out.contains_key(*name)).collect();
    if !missing.is_empty() {
        return Err(ToolError::argument(format!("missing {}", missing.join(", "))));
    }
    Ok(out)
}

/// Bytes of text below a value; a value nested too deep counts as too large.
fn weight(value: &Value, depth: usize) -> usize {
    if MAX_DEPTH < depth {
        return MAX_BYTES + 1;
    }
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| weight(item, depth + 1)).fold(0, usize::saturating_add),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| key.len().saturating_add(weight(item, depth + 1)))
            .fold(0, usize::saturating_add),
        _ => 8,
    }
}

/// `{"model": {...}}` -> `{...}`: the official server nests every argument in one object of that name.
fn unwrap_model(properties: &Map<String, Value>, mut arguments: JsonObject) -> JsonObject {
    if arguments.len() == 1 && !properties.contains_key("model") {
        match arguments.remove("model") {
            Some(Value::Object(inner)) => return inner,
            Some(Value::String(text)) => match serde_json::from_str(&text) {
                Ok(Value::Object(inner)) => return inner,
                _ => {
                    arguments.insert("model".into(), Value::String(text));
                }
            },
            Some(other) => {
                arguments.insert("model".into(), other);
            }
            None => {}
        }
    }
    arguments
}

/// The property a caller's key means: itself, its snake_case form, or the id that goes by a name.
fn known_name<'a>(properties: &'a Map<String, Value>, key: &str) -> Result<&'a str, ToolError> {
    let exact = |wanted: &str| properties.keys().find(|name| *name == wanted).map(String::as_str);
    if let Some(name) = exact(key).or_else(|| exact(&snake(key))) {
        return Ok(name);
    }
    // `project` is taken wherever `project_id` is.
    let id = format!("{}_id", snake(key));
    if let Some(name) = exact(&id)
        && properties.get(name).is_some_and(|property| property.get(BY_NAME).is_some())
    {
        return Ok(name);
    }
    let key: String = key.chars().take(QUOTED).filter(|c| !c.is_control()).collect();
    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
    Err(ToolError::argument(match nearest(&key, &known) {
        Some(near) => format!("unknown argument `{key}`, did you mean `{near}`? known: {}", known.join(", ")),
        None if known.is_empty() => format!("unknown argument `{key}`; this tool takes none"),
        None => format!("unknown argument `{key}`; known: {}", known.join(", ")),
    }))
}

fn snake(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    let mut lower = false;
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            if lower {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
            lower = false;
        } else {
            out.push(if c == '-' || c == ' ' { '_' } else { c });
            lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        }
    }
    out
}

/// The known word within a small edit distance of `word`.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = snake(word);
    let best = known.iter().map(|candidate| (distance(&word, candidate), *candidate)).min_by_key(|(d, _)| *d)?;
    (best.0 <= 1 + word.len() / 4).then_some(best.1)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (cb, above) in b.iter().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(ca != *cb));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Makes `value` of the type that `property` states.
fn fit(name: &str, property: &Value, value: Value) -> Result<Value, ToolError> {
    let value = match property.get("type").and_then(Value::as_str) {
        Some("integer") if property.get(BY_NAME).is_some() => by_name(name, value)?,
        Some("integer") => integer(name, value)?,
        Some("number") => number(name, value)?,
        Some("boolean") => boolean(name, value)?,
        Some("string") => string(name, property, value)?,
        Some("array") if property.get(BY_SOURCE).is_some() && source_of(&value).is_some() => {
            source_of(&value).unwrap_or_default()
        }
        Some("array") => array(name, property, value)?,
        Some("object") => object(name, value)?,
        _ => value,
    };
    in_range(name, property, &value)?;
    Ok(value)
}

fn wrong(name: &str, wants: &str, value: &Value) -> ToolError {
    let got = match value {
        Value::String(text) => {
            let short: String = text.chars().take(QUOTED).filter(|c| !c.is_control()).collect();
            format!("text `{short}`{}", if short.len() < text.len() { " (cut)" } else { "" })
        }
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    };
    ToolError::argument(format!("`{name}` wants {wants}, got {got}"))
}

fn by_name(name: &str, value: Value) -> Result<Value, ToolError> {
    match integer(name, value.clone()) {
        Ok(id) => Ok(id),
        Err(error) => value.as_str().map(|text| Value::String(text.trim().to_owned())).ok_or(error),
    }
}

fn integer(name: &str, value: Value) -> Result<Value, ToolError> {
    let parsed = match &value {
        Value::Number(n) => n.as_i64().or_else(|| whole(n.as_f64()?)),
        Value::String(text) => text.trim().parse::<i64>().ok().or_else(|| whole(text.trim().parse().ok()?)),
        _ => None,
    };
    parsed.map(Value::from).ok_or_else(|| wrong(name, "an integer", &value))
}

/// The integer a float stands for, if it is one.
fn whole(x: f64) -> Option<i64> {
    // 2^53: beyond it not every integer has its own float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)]
    (x.fract() == 0.0 && x.abs() <= EXACT).then_some(x as i64)
}

fn number(name: &str, value: Value) -> Result<Value, ToolError> {
    let parsed = match &value {
        Value::Number(_) => return Ok(value),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|x| x.is_finite()),
        _ => None,
    };
    parsed.and_then(serde_json::Number::from_f64).map(Value::Number).ok_or_else(|| wrong(name, "a number", &value))
}

fn boolean(name: &str, value: Value) -> Result<Value, ToolError> {
    let parsed = match &value {
        Value::Bool(_) => return Ok(value),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        Value::Number(n) => match n.as_i64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            _ => None,
        },
        _ => None,
    };
    parsed.map(Value::Bool).ok_or_else(|| wrong(name, "true or false", &value))
}

fn string(name: &str, property: &Value, value: Value) -> Result<Value, ToolError> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(n) => n.to_string(),
        Value::Bool(flag) => flag.to_string(),
        // A list or object where a text is wanted: callers who send JSON where JSON text is taken.
        other => return Err(wrong(name, "text", &other)),
    };
    let Some(Value::Array(legal)) = property.get("enum") else { return Ok(Value::String(text)) };
    let words: Vec<&str> = legal.iter().filter_map(Value::as_str).collect();
    match words.iter().find(|word| word.eq_ignore_ascii_case(text.trim())) {
        Some(word) => Ok(Value::String((*word).to_owned())),
        None => Err(wrong(name, &format!("one of {}", words.join(", ")), &Value::String(text))),
    }
}

fn array(name: &str, property: &Value, value: Value) -> Result<Value, ToolError> {
    let items = property.get("items").cloned().unwrap_or_default();
    let list = match value {
        Value::Array(list) => list,
        Value::String(text) => match serde_json::from_str::<Value>(&text) {
            Ok(Value::Array(list)) => list,
            _ => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| Value::String(part.to_owned()))
                .collect(),
        },
        Value::Object(_) => return Err(wrong(name, "a list", &value)),
        single => vec![single],
    };
    list.into_iter().map(|item| fit(name, &items, item)).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

/// The text that names where a list is to be had, alone or as the only member of a list.
fn source_of(value: &Value) -> Option<Value> {
    if let Some(named) = named_of(value) {
        return Some(named);
    }
    let text = match value {
        Value::String(text) => text,
        Value::Array(items) => match items.as_slice() {
            [Value::String(text)] => text,
            _ => return None,
        },
        _ => return None,
    };
    crate::own::is_one(text).then(|| Value::String(text.trim().to_owned()))
}

/// Numbers by name, as an object or its text.
fn named_of(value: &Value) -> Option<Value> {
    let named = match value {
        Value::Object(_) => value.clone(),
        Value::String(text) if text.trim_start().starts_with('{') => serde_json::from_str(text).ok()?,
        _ => return None,
    };
    let numbers = named.as_object()?;
    (!numbers.is_empty() && numbers.values().all(Value::is_number)).then_some(named)
}

fn object(name: &str, value: Value) -> Result<Value, ToolError> {
    match value {
        Value::Object(_) => Ok(value),
        Value::String(text) => match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(map)) => Ok(Value::Object(map)),
            // Never repeated: it may hold what only an object's reader knows to be secret.
            _ => Err(ToolError::argument(format!(
                "`{name}` wants a JSON object, got a text of {} characters that is none",
                text.chars().count()
            ))),
        },
        // PHP and some clients write an empty object as an empty list.
        Value::Array(list) if list.is_empty() => Ok(Value::Object(Map::new())),
        other => Err(wrong(name, "a JSON object", &other)),
    }
}

fn in_range(name: &str, property: &Value, value: &Value) -> Result<(), ToolError> {
    let Some(x) = value.as_f64() else { return Ok(()) };
    let bound = |key: &str| property.get(key).and_then(Value::as_f64);
    let low = bound("minimum").is_some_and(|low| x < low) || bound("exclusiveMinimum").is_some_and(|low| x <= low);
    let high = bound("maximum").is_some_and(|high| high < x) || bound("exclusiveMaximum").is_some_and(|high| high <= x);
    if !low && !high {
        return Ok(());
    }
    let mut wants = Vec::new();
    for (key, words) in [
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
    ] {
        if let Some(limit) = bound(key) {
            wants.push(format!("{words} {limit}"));
        }
    }
    Err(wrong(name, &format!("a value {}", wants.join(" and ")), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> JsonObject {
        let schema = json!({
            "type": "object",
            "properties": {
                "project_id": {"type": "integer", "x-by-name": true},
                "backtest_name": {"type": "string"},
                "language": {"type": "string", "enum": ["Py", "C#"]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 100},
                "ratio": {"type": "number"},
                "wait": {"type": "boolean"},
                "symbols": {"type": "array", "items": {"type": "string"}},
                "parameters": {"type": "object"},
                "new_text": {"type": "string", "x-empty-ok": true}
            },
            "required": ["project_id"]
        });
        schema.as_object().unwrap().clone()
    }

    fn run(arguments: Value) -> Result<Value, String> {
        coerce(&schema(), arguments.as_object().unwrap().clone()).map(Value::Object).map_err(|error| error.message)
    }

    #[test]
    fn unwraps_a_lone_model_and_camel_case() {
        assert_eq!(
            run(json!({"model": {"projectId": "7", "backtestName": "a"}})),
            Ok(json!({"project_id": 7, "backtest_name": "a"}))
        );
        assert_eq!(run(json!({"model": "{\"projectId\": 7}"})), Ok(json!({"project_id": 7})));
    }

    #[test]
    fn texts_become_what_the_schema_wants() {
        let got = run(
            json!({"project_id": "7.0", "limit": "5", "ratio": "0.25", "wait": "False", "symbols": "[\"A\",\"B\"]", "parameters": "{\"a\":1}", "language": "py"}),
        );
        assert_eq!(
            got,
            Ok(
                json!({"project_id": 7, "limit": 5, "ratio": 0.25, "wait": false, "symbols": ["A", "B"], "parameters": {"a": 1}, "language": "Py"})
            )
        );
        assert_eq!(run(json!({"project_id": 7, "symbols": "SPY, IWM"})).unwrap()["symbols"], json!(["SPY", "IWM"]));
        assert_eq!(run(json!({"project_id": 7, "backtest_name": 12})).unwrap()["backtest_name"], "12");
    }

    #[test]
    fn empty_text_and_null_are_absent() {
        assert_eq!(run(json!({"project_id": 7, "backtest_name": "", "limit": null})), Ok(json!({"project_id": 7})));
        assert_eq!(run(json!({"project_id": 7, "new_text": ""})).unwrap()["new_text"], "");
        assert_eq!(run(json!({"project_id": ""})), Err("missing project_id".into()));
    }

    #[test]
    fn a_project_may_go_by_its_name() {
        assert_eq!(run(json!({"project": "My strategy"})), Ok(json!({"project_id": "My strategy"})));
        assert_eq!(run(json!({"project": "12"})), Ok(json!({"project_id": 12})));
    }

    #[test]
    fn one_argument_under_two_names_is_taken_only_if_they_agree() {
        let error = run(json!({"project": "alpha", "project_id": 42})).unwrap_err();
        assert!(error.contains("`project_id` came twice"), "{error}");
        assert_eq!(run(json!({"projectId": "42", "project_id": 42})), Ok(json!({"project_id": 42})));
        assert_eq!(run(json!({"project": "", "project_id": 42})), Ok(json!({"project_id": 42})));
    }

    #[test]
    fn a_text_where_an_object_is_wanted_is_not_repeated() {
        let error = run(json!({"project_id": 7, "parameters": "{'ib-password': 'hunter2'}"})).unwrap_err();
        assert!(error.contains("26 characters") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = run(json!({"project_id": 7, "backtest_nam": "x"})).unwrap_err();
        assert!(error.starts_with("unknown argument `backtest_nam`, did you mean `backtest_name`?"), "{error}");
    }

    #[test]
    fn wrong_types_and_ranges_name_the_argument() {
        assert_eq!(
            run(json!({"project_id": 7, "limit": 500})),
            Err("`limit` wants a value at least 1 and at most 100, got 500".into())
        );
        assert_eq!(
            run(json!({"project_id": 7, "limit": "many"})),
            Err("`limit` wants an integer, got text `many`".into())
        );
        assert_eq!(
            run(json!({"project_id": 7, "language": "Rust"})),
            Err("`language` wants one of Py, C#, got text `Rust`".into())
        );
    }

    #[test]
    fn ten_megabytes_are_refused_with_the_numbers() {
        let error = run(json!({"project_id": 7, "backtest_name": "x".repeat(10 << 20)})).unwrap_err();
        assert!(error.contains("10485"), "{error}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let mut value = json!(1);
        for _ in 0..100 {
            value = json!([value]);
        }
        assert!(run(json!({"project_id": 7, "parameters": {"a": value}})).is_err());
    }

    #[test]
    fn distance_is_levenshtein() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
