//! Makes input schemas portable: what Claude, OpenAI, Gemini and strict JSON Schema clients all take. No
//! references, unions, nulls, titles or formats; hidden and tolerant properties leave the listed schema but
//! stay known to [`crate::coerce`].

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

/// Marks a property that is accepted but not listed (the shared research arguments).
pub(crate) const HIDDEN: &str = "x-hidden";
/// Marks a required text that may be empty.
pub(crate) const EMPTY_OK: &str = "x-empty-ok";
/// Marks a list that may also be named: a kept result or a file that holds it.
pub(crate) const BY_SOURCE: &str = "x-by-source";
/// Marks an id that may also be given as a name.
pub(crate) const BY_NAME: &str = "x-by-name";

/// The most levels a schema may nest; deeper means a recursive type.
const MAX_DEPTH: usize = 16;

/// Both forms of a tool's input schema.
pub(crate) struct Forms {
    /// What clients are shown.
    pub(crate) listed: Arc<JsonObject>,
    /// What is accepted: the listed one, hidden properties and the `x-` marks.
    pub(crate) accepted: Arc<JsonObject>,
}

/// Tidies the schema that schemars wrote.
pub(crate) fn forms(raw: &JsonObject) -> Forms {
    let mut accepted = raw.clone();
    let defs = match accepted.remove("$defs") {
        Some(Value::Object(defs)) => defs,
        _ => Map::new(),
    };
    accepted.remove("$schema");
    tidy(&mut accepted, &defs, 0);
    accepted.entry("properties").or_insert_with(|| json!({}));
    let mut listed = accepted.clone();
    hide(&mut listed);
    Forms { listed: Arc::new(listed), accepted: Arc::new(accepted) }
}

fn tidy(schema: &mut Map<String, Value>, defs: &Map<String, Value>, depth: usize) {
    if MAX_DEPTH < depth {
        return;
    }
    inline_reference(schema, defs);
    schema.remove("title");
    let unsigned = schema.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint"));
    if unsigned && schema.get("minimum").and_then(Value::as_f64) == Some(0.0) {
        schema.remove("minimum");
    }
    schema.remove("format");
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    drop_null_type(schema);
    if drop_null_branch(schema) {
        return tidy(schema, defs, depth + 1);
    }
    fold_constants(schema);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut() {
            tidy_value(property, defs, depth + 1);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(key) {
            tidy_value(inner, defs, depth + 1);
        }
    }
    if schema.get("items") == Some(&json!({})) {
        schema.remove("items");
    }
    if schema.get("additionalProperties").is_some_and(|inner| inner == &json!({}) || inner.is_boolean()) {
        schema.remove("additionalProperties");
    }
}

fn tidy_value(value: &mut Value, defs: &Map<String, Value>, depth: usize) {
    match value {
        Value::Bool(_) => *value = json!({}),
        Value::Object(map) => tidy(map, defs, depth),
        _ => {}
    }
}

/// `{"$ref": "#/$defs/X", ...}` -> the members of X, own members first.
fn inline_reference(schema: &mut Map<String, Value>, defs: &Map<String, Value>) {
    for _ in 0..MAX_DEPTH {
        let Some(Value::String(reference)) = schema.remove("$ref") else { return };
        let Some(Value::Object(target)) = reference.strip_prefix("#/$defs/").and_then(|name| defs.get(name)) else {
            return;
        };
        for (key, value) in target {
            schema.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// `"type": ["x", "null"]` -> `"type": "x"`: an optional property is simply not in `required`.
fn drop_null_type(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get("type") {
        let kept: Vec<Value> = types.iter().filter(|kind| *kind != "null").cloned().collect();
        if let [only] = kept.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// `anyOf: [X, null]` -> X. Returns whether it did, because X may need tidying itself.
fn drop_null_branch(schema: &mut Map<String, Value>) -> bool {
    for key in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get(key) else { continue };
        let kept: Vec<&Value> =
            branches.iter().filter(|branch| branch.get("type").and_then(Value::as_str) != Some("null")).collect();
        if let [Value::Object(only)] = kept.as_slice() {
            let only = only.clone();
            schema.remove(key);
            for (name, value) in only {
                schema.entry(name).or_insert(value);
            }
            return true;
        }
    }
    false
}

/// Documented unit variants (`oneOf` of constants) -> one `enum`.
fn fold_constants(schema: &mut Map<String, Value>) {
    for key in ["oneOf", "anyOf"] {
        let Some(Value::Array(branches)) = schema.get(key) else { continue };
        let mut values = Vec::new();
        for branch in branches {
            match (branch.get("const"), branch.get("enum")) {
                (Some(constant), _) => values.push(constant.clone()),
                (None, Some(Value::Array(several))) => values.extend(several.iter().cloned()),
                _ => return,
            }
        }
        schema.remove(key);
        schema.insert("type".into(), "string".into());
        schema.insert("enum".into(), Value::Array(values));
    }
    if let Some(constant) = schema.remove("const") {
        schema.insert("enum".into(), json!([constant]));
    }
}

/// Drops hidden properties and our own marks.
fn hide(schema: &mut Map<String, Value>) {
    let mut hidden = Vec::new();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.retain(|name, property| {
            let stays = property.get(HIDDEN) != Some(&Value::Bool(true));
            if !stays {
                hidden.push(name.clone());
            }
            stays
        });
        for property in properties.values_mut() {
            if let Value::Object(map) = property {
                map.remove(EMPTY_OK);
                map.remove(BY_NAME);
                map.remove(BY_SOURCE);
            }
        }
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| !hidden.iter().any(|gone| name == gone));
        if required.is_empty() {
            schema.remove("required");
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::schemars::{self, JsonSchema};

    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    enum Mode {
        /// one
        Fast,
        /// two
        Slow,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Args {
        /// An id.
        id: u64,
        /// A mode.
        mode: Option<Mode>,
        /// Texts.
        names: Option<Vec<String>>,
        anything: Option<serde_json::Value>,
        #[schemars(extend("x-hidden" = true))]
        secret: Option<f64>,
        #[schemars(extend("x-empty-ok" = true))]
        text: String,
    }

    fn raw() -> JsonObject {
        match serde_json::to_value(schemars::schema_for!(Args)).unwrap() {
            Value::Object(map) => map,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn listed_schema_has_no_reference_union_null_title_or_format() {
        let text = serde_json::to_string(&*forms(&raw()).listed).unwrap();
        for word in ["$ref", "$defs", "$schema", "anyOf", "oneOf", "null", "format", "x-", "minimum"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }

    #[test]
    fn documented_variants_become_one_enum() {
        let forms = forms(&raw());
        assert_eq!(
            forms.listed["properties"]["mode"],
            json!({"description": "A mode.", "type": "string", "enum": ["Fast", "Slow"]})
        );
        assert_eq!(forms.listed["required"], json!(["id", "text"]));
    }

    #[test]
    fn hidden_properties_are_accepted_but_not_listed() {
        let forms = forms(&raw());
        assert!(forms.listed["properties"].get("secret").is_none());
        assert_eq!(forms.accepted["properties"]["secret"]["type"], "number");
    }
}
