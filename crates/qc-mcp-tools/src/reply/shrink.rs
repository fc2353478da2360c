//! How an answer is kept below its cap: the heaviest list, map or text is halved until the rest fits, and what was cut
//! is said.

use serde_json::{Map, Value, json};

/// Members of the answer that are never cut.
const KEPT: [&str; 5] = ["summary", "truncated", "next", "resources", "columns"];

/// Members up to which a map is a set of facts, each of another kind, and no list by name.
const FACTS: usize = 40;
/// The same when nothing else is left to be cut.
const FEW: usize = 12;

/// What was cut from one place.
struct Cut {
    /// Names on the way to it, divided by dots.
    path: String,
    /// Members before and after; none for a text.
    counts: Option<(usize, usize)>,
    /// Which members are left.
    which: &'static str,
}

/// Halves the heaviest list, map or text until the JSON fits, and says so in `truncated`.
pub(super) fn shrink(structured: &mut Value, cap: usize) {
    /// More halvings than any answer below 2 GB needs.
    const MOST: usize = 256;
    let mut cuts: Vec<Cut> = Vec::new();
    for _ in 0..MOST {
        if structured.to_string().len() <= cap {
            break;
        }
        let found = [FACTS, FEW].into_iter().find_map(|facts| halve_heaviest(structured, "", facts));
        let Some(mut cut) = found else { break };
        if let Some(at) = cuts.iter().position(|known| known.path == cut.path) {
            let before = cuts.remove(at);
            if let (Some((all, _)), Some((_, left))) = (before.counts, cut.counts) {
                cut.counts = Some((all, left));
            }
        }
        cuts.push(cut);
        let notes: Vec<String> = cuts.iter().map(said).collect();
        if let Some(map) = structured.as_object_mut() {
            map.insert("truncated".into(), json!(notes));
        }
    }
}

fn said(cut: &Cut) -> String {
    match cut.counts {
        Some((all, left)) => {
            format!(
                "{}: the {} {left} of {all} shown; ask with a limit or read the linked resource",
                cut.path, cut.which
            )
        }
        None => format!("{}: text cut", cut.path),
    }
}

/// Cuts the heaviest list, map of more than `facts` members or text below `here` to a half.
fn halve_heaviest(here: &mut Value, path: &str, facts: usize) -> Option<Cut> {
    match here {
        Value::Object(map) => {
            let mut sizes: Vec<(String, usize)> = map
                .iter()
                .filter(|(key, _)| !(path.is_empty() && KEPT.contains(&key.as_str())) && key.as_str() != "columns")
                .map(|(key, value)| (key.clone(), value.to_string().len()))
                .collect();
            sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
            let all: usize = sizes.iter().map(|(key, size)| key.len() + size).sum();
            let heaviest = sizes.first().map_or(0, |(_, size)| *size);
            // No member stands out: the map is a list by name.
            if !path.is_empty() && facts < map.len() && heaviest.saturating_mul(4) < all {
                return Some(halve_map(map, path));
            }
            sizes.iter().find_map(|(key, _)| {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                halve_heaviest(map.get_mut(key)?, &inner, facts)
            })
        }
        Value::Array(items) if items.len() == 1 => halve_heaviest(items.first_mut()?, path, facts),
        Value::Array(items) if 1 < items.len() => {
            let n = items.len();
            items.truncate(n / 2);
            Some(Cut { path: path.to_owned(), counts: Some((n, n / 2)), which: "first" })
        }
        Value::String(text) if 200 < text.len() => {
            *text = super::cut(text, text.len() / 2);
            Some(Cut { path: path.to_owned(), counts: None, which: "first" })
        }
        _ => None,
    }
}

/// Keeps half of a map: of numbers the largest in size, else the first; their order stays.
fn halve_map(map: &mut Map<String, Value>, path: &str) -> Cut {
    let n = map.len();
    let left = n / 2;
    let is_numeric = map.values().all(|value| value.is_number() || value.is_null());
    if is_numeric {
        let size = |value: &Value| value.as_f64().map_or(-1.0, f64::abs);
        let mut order: Vec<(String, f64)> = map.iter().map(|(key, value)| (key.clone(), size(value))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let kept: std::collections::HashSet<String> = order.into_iter().take(left).map(|(key, _)| key).collect();
        map.retain(|key, _| kept.contains(key));
    } else {
        let mut at = 0;
        map.retain(|_, _| {
            at += 1;
            at <= left
        });
    }
    Cut { path: path.to_owned(), counts: Some((n, left)), which: if is_numeric { "largest" } else { "first" } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_of_many_numbers_keep_the_largest_and_say_how_many_there_were() {
        let weights: Map<String, Value> = (0..500).map(|i| (format!("S{i:03}"), json!(f64::from(i) / 1e3))).collect();
        let mut answer = json!({"summary": "x", "weights": weights, "volatility": 0.1});
        shrink(&mut answer, 4_000);
        assert!(answer.to_string().len() <= 4_000, "{}", answer.to_string().len());
        let left = answer["weights"].as_object().unwrap();
        assert!(left.contains_key("S499") && !left.contains_key("S000"));
        let note = answer["truncated"][0].as_str().unwrap();
        assert!(note.starts_with(&format!("weights: the largest {} of 500 shown", left.len())), "{note}");
        assert_eq!(answer["volatility"], 0.1);
    }

    #[test]
    fn several_rules_with_many_weights_are_all_cut_and_their_facts_stay() {
        let weights: Map<String, Value> =
            (0..1000).map(|i| (format!("S{i:03}"), json!(1.0 / f64::from(i + 7)))).collect();
        let rule = json!({"optimized_weights": weights, "risk_contributions": weights, "volatility": 0.2});
        let mut answer = json!({"summary": "x", "methods": {"a": rule, "b": rule, "c": rule, "d": rule, "e": rule},
            "provenance": {"source": "lean", "adjustment": "NONE"}});
        shrink(&mut answer, 20_000);
        assert!(answer.to_string().len() <= 20_000);
        for rule in ["a", "b", "c", "d", "e"] {
            assert_eq!(answer["methods"][rule]["volatility"], 0.2);
        }
        assert_eq!(answer["provenance"]["adjustment"], "NONE");
    }

    #[test]
    fn matrices_by_name_and_lists_of_rows_are_cut_to_fit() {
        let row: Map<String, Value> = (0..60).map(|i| (format!("S{i}"), json!(0.123_456_789))).collect();
        let matrix: Map<String, Value> = (0..60).map(|i| (format!("S{i}"), Value::Object(row.clone()))).collect();
        let mut answer = json!({"summary": "x", "matrix": matrix, "rows": vec![json!([1, 2, "three"]); 4000]});
        shrink(&mut answer, 5_000);
        assert!(answer.to_string().len() <= 5_000, "{}", answer.to_string().len());
        assert!(answer["rows"].as_array().unwrap().len() < 4000);
    }
}
