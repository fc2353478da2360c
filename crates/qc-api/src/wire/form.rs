//! Form bodies with PHP's brackets: `parameters[0][key]=fast`, as lean-cli sends them.

use serde_json::{Map, Value};

/// Writes a JSON object as form pairs in order. Null members are left out; an empty list or map is sent as
/// `name=`, which the service reads as "clear".
#[must_use]
pub fn encode(body: &Value) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    if let Value::Object(members) = body {
        for (name, value) in members {
            push(&mut pairs, name.clone(), value);
        }
    }
    pairs
}

fn push(pairs: &mut Vec<(String, String)>, name: String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => pairs.push((name, flag.to_string())),
        Value::Number(number) => pairs.push((name, number.to_string())),
        Value::String(text) => pairs.push((name, text.clone())),
        Value::Array(list) if list.is_empty() => pairs.push((name, String::new())),
        Value::Object(members) if members.is_empty() => pairs.push((name, String::new())),
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                push(pairs, format!("{name}[{at}]"), value);
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                push(pairs, format!("{name}[{key}]"), value);
            }
        }
    }
}

/// Reads form pairs back into JSON: brackets become nesting, keys 0, 1, 2 a list, every leaf a text.
///
/// Nesting deeper than 16 is flattened into the innermost key, so that hostile names cannot exhaust the stack.
#[must_use]
pub fn decode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Value {
    let mut root = Map::new();
    for (name, value) in pairs {
        insert(&mut root, &keys_of(name), value);
    }
    Value::Object(root.into_iter().map(|(key, value)| (key, listed(value))).collect())
}

/// Puts a leaf at the place its keys name. An empty key means the next position.
fn insert(place: &mut Map<String, Value>, keys: &[String], value: &str) {
    let Some((key, deeper)) = keys.split_first() else { return };
    let key = if key.is_empty() { place.len().to_string() } else { key.clone() };
    if deeper.is_empty() {
        place.insert(key, Value::String(value.to_owned()));
        return;
    }
    let inner = place.entry(key).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = Value::Object(Map::new()); // a later nested name wins over an earlier plain one
    }
    if let Value::Object(inner) = inner {
        insert(inner, deeper, value);
    }
}

fn keys_of(name: &str) -> Vec<String> {
    const DEEPEST: usize = 16;
    let Some((head, rest)) = name.split_once('[') else { return vec![name.to_owned()] };
    let mut keys = vec![head.to_owned()];
    keys.extend(rest.trim_end_matches(']').splitn(DEEPEST, "][").map(str::to_owned));
    keys
}

/// Turns maps whose keys are 0, 1, 2 in order into lists, at every depth.
fn listed(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let is_list = !members.is_empty() && members.keys().enumerate().all(|(at, key)| *key == at.to_string());
    if is_list {
        Value::Array(members.into_iter().map(|(_, value)| listed(value)).collect())
    } else {
        Value::Object(members.into_iter().map(|(key, value)| (key, listed(value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_go_out_and_come_back() {
        let body = json!({"projectId": "1", "parameters": [{"key": "a", "value": "2"}], "command": {"Symbol": "SPY"}});
        let pairs = encode(&body);
        assert_eq!(pairs[1], ("parameters[0][key]".to_owned(), "a".to_owned()));
        let back = decode(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        assert_eq!(back, body);
    }

    #[test]
    fn null_is_left_out_and_empty_clears() {
        assert_eq!(encode(&json!({"a": null, "b": []})), [("b".to_owned(), String::new())]);
    }
}
