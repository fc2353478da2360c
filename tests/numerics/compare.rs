//! Expected against computed values, each within the tolerance of its case.

use serde_json::{Map, Value, json};

use crate::golden::Case;

/// Relative and absolute part; a value may differ by `abs + rel * |expected|`.
#[derive(Clone, Copy)]
pub struct Tolerance {
    pub rel: f64,
    pub abs: f64,
}

/// What holds where a case says nothing (specification, section 0).
const DEFAULT: Tolerance = Tolerance { rel: 1e-8, abs: 1e-10 };

/// An entry that is a bound and no value.
#[derive(Clone, Copy)]
pub enum Bound {
    /// The computed value may be smaller, and larger by this factor.
    AtMost { factor: f64 },
    /// The computed value may be larger, and smaller by this much.
    AtLeast { less: f64 },
}

/// Tolerances of a case: one for all, or by entry.
pub struct Tolerances {
    all: Tolerance,
    by_entry: Vec<(String, Tolerance)>,
    renamed: &'static [(&'static str, &'static str)],
    where_silent: &'static [(&'static str, Tolerance)],
    bounds: &'static [(&'static str, Bound)],
}

impl Tolerances {
    pub fn of(
        case: &Case,
        renamed: &'static [(&'static str, &'static str)],
        where_silent: &'static [(&'static str, Tolerance)],
        bounds: &'static [(&'static str, Bound)],
    ) -> Self {
        let empty = Map::new();
        let entries = case.tol.as_object().unwrap_or(&empty);
        let all = tolerance(&case.tol).unwrap_or(DEFAULT);
        let by_entry = entries.iter().filter_map(|(key, value)| Some((key.clone(), tolerance(value)?))).collect();
        Self { all, by_entry, renamed, where_silent, bounds }
    }

    /// Whether the value at a pointer is a bound.
    fn bound(&self, pointer: &str) -> Option<Bound> {
        let entry = pointer.rsplit('/').next()?;
        self.bounds.iter().find(|(name, _)| *name == entry).map(|(_, bound)| *bound)
    }

    /// Tolerance of the value at a pointer: that of the innermost entry of its path that has one.
    fn at(&self, pointer: &str) -> Tolerance {
        for entry in pointer.rsplit('/') {
            let name = self.renamed.iter().find(|(from, _)| *from == entry).map_or(entry, |(_, to)| to);
            if let Some((_, found)) = self.by_entry.iter().find(|(key, _)| key == name) {
                return *found;
            }
            if let Some((_, found)) = self.where_silent.iter().find(|(key, _)| key == &entry) {
                return *found;
            }
        }
        self.all
    }
}

fn tolerance(value: &Value) -> Option<Tolerance> {
    let part = |key: &str| value.get(key).and_then(Value::as_f64);
    match (part("rel"), part("abs")) {
        (None, None) => None,
        (rel, abs) => Some(Tolerance { rel: rel.unwrap_or(0.0), abs: abs.unwrap_or(0.0) }),
    }
}

/// Where the values differ by more than allowed, or one is missing.
pub fn complaints(expected: &Value, actual: &Value, tolerances: &Tolerances, remarks: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for leaf in leaves(expected, remarks) {
        let (want, have) = (expected.pointer(&leaf).unwrap_or(&Value::Null), actual.pointer(&leaf));
        let allowed = tolerances.at(&leaf);
        let same = match (want, have) {
            (Value::Number(want), Some(Value::Number(have))) => {
                let (want, have) = (want.as_f64().unwrap_or(f64::NAN), have.as_f64().unwrap_or(f64::NAN));
                match tolerances.bound(&leaf) {
                    Some(Bound::AtMost { factor }) => have <= want * factor,
                    Some(Bound::AtLeast { less }) => want - less <= have,
                    None => (have - want).abs() <= allowed.abs + allowed.rel * want.abs(),
                }
            }
            // an empty list or object, a text, true, false, null: the same thing
            (want, Some(have)) => want == have,
            (_, None) => false,
        };
        if !same {
            let have = have.map_or("nothing".to_owned(), ToString::to_string);
            found.push(format!("{leaf}: expected {want}, computed {have} (rel {}, abs {})", allowed.rel, allowed.abs));
        }
    }
    too_long(expected, actual, "", remarks, &mut found);
    found
}

/// A list that is longer than expected is wrong as well, on every level.
fn too_long(expected: &Value, actual: &Value, pointer: &str, remarks: &[&str], found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Array(want), Value::Array(have)) => {
            if !want.is_empty() && want.len() < have.len() {
                found.push(format!("{pointer}: expected {} entries, computed {}", want.len(), have.len()));
            }
            for (position, (want, have)) in want.iter().zip(have).enumerate() {
                too_long(want, have, &format!("{pointer}/{position}"), remarks, found);
            }
        }
        (Value::Object(want), Value::Object(have)) => {
            for (key, want) in want.iter().filter(|(key, _)| !remarks.contains(&key.as_str())) {
                if let Some(have) = have.get(key) {
                    too_long(want, have, &format!("{pointer}/{key}"), remarks, found);
                }
            }
        }
        _ => {}
    }
}

/// Pointers to all values that are neither a list nor an object (or are an empty one), remarks left out.
pub fn leaves(value: &Value, remarks: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, String::new(), remarks, &mut found);
    found
}

fn collect(value: &Value, pointer: String, remarks: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Array(list) if !list.is_empty() => {
            for (position, entry) in list.iter().enumerate() {
                collect(entry, format!("{pointer}/{position}"), remarks, found);
            }
        }
        Value::Object(entries) if !entries.is_empty() => {
            for (key, entry) in entries.iter().filter(|(key, _)| !remarks.contains(&key.as_str())) {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(entry, format!("{pointer}/{key}"), remarks, found);
            }
        }
        _ if pointer.is_empty() => {}
        _ => found.push(pointer),
    }
}

/// Changes one value by twenty times what its tolerance allows, a bound so that nothing can keep it.
pub fn disturb(value: &mut Value, leaf: &str, tolerances: &Tolerances) {
    let allowed = tolerances.at(leaf);
    let Some(target) = value.pointer_mut(leaf) else { panic!("{leaf} is not there") };
    *target = match target.as_f64() {
        Some(number) if matches!(tolerances.bound(leaf), Some(Bound::AtMost { .. })) => json!(0.3 * number),
        Some(number) if matches!(tolerances.bound(leaf), Some(Bound::AtLeast { .. })) => json!(number + 1.0),
        Some(number) => json!(number + 20.0 * (allowed.abs + allowed.rel * number.abs()).max(1e-13)),
        None => json!("something else"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_value_a_longer_list_and_a_null_are_seen() {
        let case = Case { id: "x".into(), algo: "x".into(), inputs: json!({}), expected: json!({}), tol: json!({}) };
        let tolerances = Tolerances::of(&case, &[], &[], &[]);
        let expected = json!({"a": 1.0, "b": [1, 2], "c": null});
        assert!(complaints(&expected, &json!({"a": 1.0, "b": [1, 2], "c": null}), &tolerances, &[]).is_empty());
        assert_eq!(complaints(&expected, &json!({"b": [1, 2], "c": null}), &tolerances, &[]).len(), 1);
        assert_eq!(complaints(&expected, &json!({"a": 1, "b": [1, 2, 3], "c": null}), &tolerances, &[]).len(), 1);
        let matrix = json!({"m": [[1, 2], [3, 4]]});
        assert_eq!(complaints(&matrix, &json!({"m": [[1, 2], [3, 4], [5, 6]]}), &tolerances, &[]).len(), 1);
        assert_eq!(complaints(&matrix, &json!({"m": [[1, 2], [3, 4, 5]]}), &tolerances, &[]).len(), 1);
        assert_eq!(complaints(&expected, &json!({"a": 1, "b": [1, 2], "c": 0.0}), &tolerances, &[]).len(), 1);
        assert_eq!(complaints(&expected, &json!({"a": 1.1, "b": [1, 2], "c": null}), &tolerances, &["a"]).len(), 0);
    }
}
