//! Several calls in a row: how many there may be, and how one takes values from the results before it.

use serde_json::{Map, Value};

use crate::{args::quote, error::ToolError};

/// Most steps.
const MOST_STEPS: usize = 16;
/// The only member of a value that is taken from an earlier result.
const FROM: &str = "from";
/// Most levels of a step's arguments.
const MOST_LEVELS: usize = 16;

/// Refuses no steps and too many.
pub(crate) fn check(steps: &[(String, Map<String, Value>)]) -> Result<(), ToolError> {
    match steps.len() {
        1..=MOST_STEPS => Ok(()),
        n => Err(ToolError::argument(format!("{n} steps; a pipeline has 1 to {MOST_STEPS}; nothing was called"))),
    }
}

/// The arguments of step `step` with every `{"from": "/1/compile_id"}` replaced by what stands there: the number of an
/// earlier step, then a JSON pointer into its result.
pub(crate) fn filled(
    arguments: &Map<String, Value>,
    results: &[Value],
    step: usize,
) -> Result<Map<String, Value>, ToolError> {
    arguments.iter().map(|(name, value)| Ok((name.clone(), fill(value, results, step, 0)?))).collect()
}

fn fill(value: &Value, results: &[Value], step: usize, level: usize) -> Result<Value, ToolError> {
    if MOST_LEVELS < level {
        return Err(ToolError::argument(format!("the arguments of step {step} nest more than {MOST_LEVELS} levels")));
    }
    match value {
        Value::Object(map) => match (map.len(), map.get(FROM)) {
            (1, Some(Value::String(pointer))) => taken(pointer, results, step),
            _ => {
                let filled = map.iter().map(|(key, inner)| Ok((key.clone(), fill(inner, results, step, level + 1)?)));
                Ok(Value::Object(filled.collect::<Result<_, ToolError>>()?))
            }
        },
        Value::Array(items) => {
            let filled = items.iter().map(|inner| fill(inner, results, step, level + 1));
            Ok(Value::Array(filled.collect::<Result<_, ToolError>>()?))
        }
        other => Ok(other.clone()),
    }
}

fn taken(pointer: &str, results: &[Value], step: usize) -> Result<Value, ToolError> {
    let wrong = |why: String| {
        Err(ToolError::argument(format!("step {step} takes `{}`: {why}; it was not called", quote(pointer))))
    };
    let rest = pointer.strip_prefix('/').unwrap_or_default();
    let (number, inside) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let earlier = number.parse::<usize>().ok().filter(|number| (1..step).contains(number));
    let Some(result) = earlier.and_then(|number| results.get(number - 1)) else {
        return wrong(format!(
            "it must begin with / and the number of an earlier step, 1 to {}",
            step.saturating_sub(1)
        ));
    };
    if let Some(cut) = cut_place(result, inside) {
        return wrong(format!(
            "the answer of step {number} was too large and holds a part of `{cut}` only; ask that step for less, or for a file or kept result"
        ));
    }
    match result.pointer(inside) {
        Some(value) => Ok(value.clone()),
        None => {
            let members: Vec<&str> = result.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
            wrong(format!("the result of step {number} has no such place; its members: {}", members.join(", ")))
        }
    }
}

/// The place of an answer that was cut to fit, if it lies on the way to what is taken or below it.
fn cut_place<'a>(result: &'a Value, inside: &str) -> Option<&'a str> {
    let wanted: Vec<&str> = inside.split('/').filter(|part| !part.is_empty()).collect();
    let notes = result.get("truncated").and_then(Value::as_array)?;
    notes.iter().filter_map(Value::as_str).find_map(|note| {
        let place = note.split(':').next()?;
        place.split('.').zip(&wanted).all(|(cut, wanted)| cut == *wanted).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled_with(arguments: Value, results: &[Value]) -> Result<Value, ToolError> {
        filled(arguments.as_object().unwrap(), results, results.len() + 1).map(Value::Object)
    }

    #[test]
    fn values_come_from_earlier_results_at_any_depth() {
        let results = [json!({"compile_id": "c", "list": [{"id": 7}]})];
        let arguments = json!({"a": {"from": "/1/compile_id"}, "b": [{"c": {"from": "/1/list/0/id"}}], "d": 1});
        assert_eq!(filled_with(arguments, &results).unwrap(), json!({"a": "c", "b": [{"c": 7}], "d": 1}));
    }

    #[test]
    fn places_that_are_not_there_are_named() {
        let results = [json!({"compile_id": "c"})];
        for (pointer, part) in [
            ("/1/compile", "its members: compile_id"),
            ("/2/x", "1 to 1"),
            ("/0/x", "1 to 1"),
            ("compile_id", "must begin with /"),
        ] {
            let error = filled_with(json!({"a": {"from": pointer}}), &results).unwrap_err();
            assert!(error.message.contains(part), "{pointer}: {error}");
        }
    }

    #[test]
    fn what_was_cut_is_not_taken_for_the_whole() {
        let cut =
            json!({"n": 500, "a": {"weights": [1, 2]}, "truncated": ["a.weights: the first 2 of 500 shown; ..."]});
        for pointer in ["/1/a/weights", "/1/a", "/1/a/weights/0", "/1"] {
            let error = filled_with(json!({"x": {"from": pointer}}), std::slice::from_ref(&cut)).unwrap_err();
            assert!(error.message.contains("holds a part of `a.weights`"), "{pointer}: {error}");
        }
        assert_eq!(filled_with(json!({"x": {"from": "/1/n"}}), &[cut]).unwrap(), json!({"x": 500}));
    }

    #[test]
    fn an_object_that_only_looks_alike_stays() {
        let value = json!({"a": {"from": 1}, "b": {"from": "/1/x", "to": 2}});
        assert_eq!(filled_with(value.clone(), &[]).unwrap(), value);
    }

    #[test]
    fn none_and_seventeen_steps_are_refused() {
        let step = ("read_project".to_owned(), Map::new());
        assert!(check(&[]).is_err() && check(&vec![step.clone(); 17]).is_err());
        assert!(check(&vec![step; 16]).is_ok());
    }
}
