//! Form bodies with PHP's brackets: `parameters[0][key]=fast`, as lean-cli sends them.

use serde_json::Value;

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
    let mut root = Place::default();
    for (name, value) in pairs.into_iter().filter(|(name, _)| !name.is_empty()) {
        root.insert(&keys_of(name), value);
    }
    Value::Object(root.members.into_iter().map(|(key, node)| (key, node.listed())).collect())
}

/// An array of PHP while it is being filled.
#[derive(Default)]
struct Place {
    members: indexmap::IndexMap<String, Node>,
    /// The position after the largest so far: where an empty key goes.
    next: u64,
}

enum Node {
    Text(String),
    Place(Place),
}

impl Place {
    /// Puts a leaf at the place its keys name.
    fn insert(&mut self, keys: &[String], value: &str) {
        let Some((key, deeper)) = keys.split_first() else { return };
        let key = if key.is_empty() { self.next.to_string() } else { key.clone() };
        if let Some(position) = key.parse::<u64>().ok().filter(|position| position.to_string() == key) {
            self.next = self.next.max(position.saturating_add(1));
        }
        if deeper.is_empty() {
            self.members.insert(key, Node::Text(value.to_owned()));
            return;
        }
        let inner = self.members.entry(key).or_insert_with(|| Node::Place(Self::default()));
        if matches!(inner, Node::Text(_)) {
            *inner = Node::Place(Self::default()); // a later nested name wins over an earlier plain one
        }
        if let Node::Place(inner) = inner {
            inner.insert(deeper, value);
        }
    }
}

impl Node {
    /// Turns places whose keys are 0, 1, 2 in order into lists, at every depth.
    fn listed(self) -> Value {
        let members = match self {
            Self::Text(text) => return Value::String(text),
            Self::Place(place) => place.members,
        };
        let is_list = !members.is_empty() && members.keys().enumerate().all(|(at, key)| *key == at.to_string());
        if is_list {
            Value::Array(members.into_values().map(Self::listed).collect())
        } else {
            Value::Object(members.into_iter().map(|(key, node)| (key, node.listed())).collect())
        }
    }
}

fn keys_of(name: &str) -> Vec<String> {
    const DEEPEST: usize = 16;
    let Some((head, rest)) = name.split_once('[') else { return vec![name.to_owned()] };
    let mut keys = vec![head.to_owned()];
    keys.extend(rest.trim_end_matches(']').splitn(DEEPEST, "][").map(str::to_owned));
    keys
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
    fn an_empty_key_is_the_position_after_the_largest() {
        for (pairs, expected) in [
            (vec![("a[]", "x"), ("a[]", "y")], json!({"a": ["x", "y"]})),
            (vec![("a[1]", "x"), ("a[]", "y")], json!({"a": {"1": "x", "2": "y"}})),
            (vec![("a[5]", "x"), ("a[1]", "z"), ("a[]", "y")], json!({"a": {"5": "x", "1": "z", "6": "y"}})),
            (vec![("a[1]", "x"), ("a[0]", "y"), ("a[]", "z")], json!({"a": {"1": "x", "0": "y", "2": "z"}})),
            (vec![("a[k]", "x"), ("a[]", "y"), ("a[]", "z")], json!({"a": {"k": "x", "0": "y", "1": "z"}})),
            (vec![("", "x"), ("b", "y")], json!({"b": "y"})),
        ] {
            assert_eq!(decode(pairs.clone()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn null_is_left_out_and_empty_clears() {
        assert_eq!(encode(&json!({"a": null, "b": []})), [("b".to_owned(), String::new())]);
    }
}
