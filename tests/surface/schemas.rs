//! Every schema is one that all hosts take: flat, one type each, described; every tool has its four hints.

use crate::everything;
use serde_json::Value;

#[test]
fn names_are_short_snake_case_and_unique() {
    let server = everything();
    let mut names: Vec<&str> = server.tools().map(|(facts, _)| facts.name.as_str()).collect();
    for name in &names {
        assert!(
            name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{name}"
        );
    }
    let n = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), n);
}

#[test]
fn descriptions_are_there_and_at_most_three_sentences() {
    for (facts, tool) in everything().tools() {
        let text = tool.description.as_deref().unwrap_or_default();
        assert!(20 <= text.len() && text.len() <= 400, "{}: {} characters", facts.name, text.len());
        let sentences = text
            .split(['.', '?'])
            .filter(|part| part.starts_with(' ') || text.starts_with(*part))
            .filter(|part| !part.trim().is_empty())
            .count();
        assert!(sentences <= 3, "{}: {sentences} sentences", facts.name);
        assert!(tool.title.as_deref().is_some_and(|title| !title.is_empty()), "{} has no title", facts.name);
    }
}

#[test]
fn schemas_are_flat_and_every_property_is_described() {
    for (facts, tool) in everything().tools() {
        let schema = Value::Object((*tool.input_schema).clone());
        assert_eq!(schema["type"], "object", "{}", facts.name);
        let text = schema.to_string();
        for word in ["\"$ref\"", "\"$defs\"", "\"$schema\"", "\"anyOf\"", "\"oneOf\"", "\"allOf\"", "\"null\"", "\"x-"]
        {
            assert!(!text.contains(word), "{}: {word} in {text}", facts.name);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["type"].is_string(), "{}.{name} has no single type", facts.name);
            assert!(
                property["description"].as_str().is_some_and(|text| 3 < text.len()),
                "{}.{name} is not described",
                facts.name
            );
            assert!(property.get("title").is_none(), "{}.{name} has a title", facts.name);
            assert!(property.get("format").is_none(), "{}.{name} has a format", facts.name);
            // An object or a list of objects inside is a free map at most, never a nested form.
            assert!(property.get("properties").is_none(), "{}.{name} is nested", facts.name);
        }
        assert!(tool.output_schema.is_none(), "{} has an output schema", facts.name);
    }
}

#[test]
fn all_four_hints_are_set_and_follow_the_shelf() {
    for (facts, tool) in everything().tools() {
        let hints = tool.annotations.as_ref().unwrap();
        let all = [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint];
        assert!(all.iter().all(Option::is_some), "{}", facts.name);
        assert_eq!(hints.read_only_hint, Some(facts.access.id() == "read"), "{}", facts.name);
        assert_eq!(hints.destructive_hint, Some(["delete", "live"].contains(&facts.access.id())), "{}", facts.name);
    }
}

#[test]
fn required_arguments_are_among_the_properties() {
    for (facts, tool) in everything().tools() {
        for name in tool.input_schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let name = name.as_str().unwrap();
            assert!(tool.input_schema["properties"].get(name).is_some(), "{}: {name}", facts.name);
        }
    }
}
