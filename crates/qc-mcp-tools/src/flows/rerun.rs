//! What differs between two results of the same question: numbers, and the files they rest on.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Differences shown one by one.
const SHOWN: usize = 20;
/// Files that differ, shown by name.
const FILES_SHOWN: usize = 20;
/// Fields of a kept result that differ between any two runs.
const OF_THE_RUN: &[&str] = &["id", "created", "version", "data", "arguments"];

/// A value that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Change {
    /// Where it stands in the result, as a JSON pointer.
    pub(crate) at: String,
    /// What it was; nothing where it is new.
    pub(crate) before: Value,
    /// What it is; nothing where it is gone.
    pub(crate) now: Value,
}

/// How two kept results differ.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(crate) struct Differences {
    /// Values of the result that differ.
    pub(crate) n_changed: usize,
    /// The first of them.
    pub(crate) changed: Vec<Change>,
    /// The largest difference of two numbers, as a fraction of the larger.
    pub(crate) largest_relative_change: f64,
    /// Files that changed, came or went, as far as they are listed.
    pub(crate) files_changed: Vec<String>,
    /// How many of them there are.
    pub(crate) n_files_changed: usize,
    /// Whether all files read are the same as then; nothing if the older result names none.
    pub(crate) same_data: Option<bool>,
    /// Whether the same version of this server computed both.
    pub(crate) same_version: bool,
}

/// Compares two kept results as they are stored.
pub(crate) fn differences(before: &Value, now: &Value) -> Differences {
    let mut found = Differences { same_version: before.get("version") == now.get("version"), ..Differences::default() };
    for name in keys(before, now) {
        if !OF_THE_RUN.contains(&name.as_str()) {
            let none = Value::Null;
            let (a, b) = (before.get(name).unwrap_or(&none), now.get(name).unwrap_or(&none));
            compare(&format!("/{}", escaped(name)), a, b, &mut found);
        }
    }
    let hash = |result: &Value| result.pointer("/data/sha256").and_then(Value::as_str).map(str::to_owned);
    found.same_data = hash(before).map(|hash_then| Some(hash_then) == hash(now));
    let (then, today) = (files(before), files(now));
    let mut names: Vec<&String> = then.keys().chain(today.keys()).collect();
    names.sort();
    names.dedup();
    if found.same_data == Some(false) {
        let changed = names.into_iter().filter(|name| then.get(*name) != today.get(*name));
        let changed: Vec<&String> = changed.collect();
        found.n_files_changed = changed.len();
        found.files_changed = changed.into_iter().take(FILES_SHOWN).cloned().collect();
    }
    found
}

fn files(result: &Value) -> BTreeMap<String, Value> {
    let listed = result.pointer("/data/files").and_then(Value::as_array);
    let of = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.clone()));
    listed.into_iter().flatten().filter_map(of).collect()
}

fn keys<'a>(before: &'a Value, now: &'a Value) -> Vec<&'a String> {
    let of = |value: &'a Value| value.as_object().into_iter().flat_map(|all| all.keys());
    let mut names: Vec<&String> =
        of(before).chain(of(now).filter(|name| before.get(name.as_str()).is_none())).collect();
    names.dedup();
    names
}

fn compare(at: &str, before: &Value, now: &Value, found: &mut Differences) {
    match (before, now) {
        (Value::Object(_), Value::Object(_)) => {
            for name in keys(before, now) {
                let none = Value::Null;
                let (a, b) = (before.get(name).unwrap_or(&none), now.get(name).unwrap_or(&none));
                compare(&format!("{at}/{}", escaped(name)), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{at}/{i}"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => {
            if let (Some(x), Some(y)) = (a.as_f64(), b.as_f64()) {
                let scale = x.abs().max(y.abs());
                let share = if 0.0 < scale { (x - y).abs() / scale } else { 0.0 };
                found.largest_relative_change = found.largest_relative_change.max(share);
            }
            found.n_changed += 1;
            if found.changed.len() < SHOWN {
                found.changed.push(Change { at: at.to_owned(), before: brief(a), now: brief(b) });
            }
        }
    }
}

/// Numbers and flags as they are; of everything else what it is.
fn brief(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => format!("text of {} bytes", text.len()).into(),
        Value::Array(all) => format!("{} values", all.len()).into(),
        Value::Object(all) => format!("{} fields", all.len()).into(),
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_is_the_same_whatever_its_id() {
        let of = |id: &str| json!({"id": id, "version": "1", "data": {"sha256": "x", "files": []}, "result": {"a": [1, 2.5]}});
        let found = differences(&of("1"), &of("2"));
        assert_eq!((found.n_changed, found.same_data, found.same_version), (0, Some(true), true));
    }

    #[test]
    fn numbers_files_and_shapes_that_changed_are_named() {
        let before = json!({"version": "1", "result": {"a/b": 2.0, "rows": [1, 2], "gone": true},
            "data": {"sha256": "x", "files": [["a.zip", "1"], ["b.zip", "2"]]}});
        let now = json!({"version": "2", "result": {"a/b": 2.5, "rows": [1, 2, 3], "new": "text"},
            "data": {"sha256": "y", "files": [["a.zip", "1"], ["b.zip", "3"], ["c.zip", "4"]]}});
        let found = differences(&before, &now);
        let at: Vec<&str> = found.changed.iter().map(|change| change.at.as_str()).collect();
        assert_eq!(at, ["/result/a~1b", "/result/rows", "/result/gone", "/result/new"]);
        assert_eq!(found.largest_relative_change, 0.2);
        assert_eq!(found.files_changed, ["b.zip", "c.zip"]);
        assert_eq!((found.same_data, found.same_version), (Some(false), false));
        // An older result without hashes says nothing of its files.
        assert_eq!(differences(&json!({"result": 1}), &now).same_data, None);
    }
}
