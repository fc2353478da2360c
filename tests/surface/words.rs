//! Every tool named in a hint, a prompt, a description or the instructions exists.

use crate::everything;
use qc_mcp_tools::{hint, prompts, tools};
use rmcp::ServerHandler;
use serde_json::Value;
use std::collections::BTreeSet;

/// Words with an underscore that are neither a tool nor an argument: values, and members of answers.
const OTHER: &[&str] = &[
    // Values that an argument takes, and what a multiple is of.
    "half_life",
    "lowest_correlation",
    "max_sharpe",
    "min_cvar",
    "min_variance",
    "risk_parity",
    "sup_f",
    "sharpe_ratio",
    "compounding_annual_return",
    "probabilistic_sharpe_ratio",
    // A method of algorithms, and a style of names.
    "snake_case",
    "get_parameter",
    "drop_rows",
    "save_as",
    "risk_free_rate",
    "periods_per_year",
    "next_open",
    "object_store",
    "is_filled",
    "constant_weights",
    "restricted_constant",
    "interest_rate",
    "etf_weights",
    // Columns of a file of the caller.
    "available_date",
    "market_cap",
];

/// The words in `text` that look like names of tools or arguments.
fn names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| {
            word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()) && !word.ends_with('_'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_name_in_our_texts_exists() {
    let server = everything();
    let mut known: BTreeSet<String> = OTHER.iter().map(|word| (*word).to_owned()).collect();
    let mut texts: Vec<(String, String)> = Vec::new();
    for (facts, tool) in server.tools() {
        known.insert(facts.name.clone());
        let properties = tool.input_schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut text = tool.description.as_deref().unwrap_or_default().to_owned();
        for (name, property) in properties {
            known.insert(name);
            text.push(' ');
            text.push_str(property["description"].as_str().unwrap_or_default());
        }
        texts.push((facts.name.clone(), text));
    }
    texts.extend(hint::TABLE.iter().map(|row| (format!("hint {:?}", row.kind), row.text.to_owned())));
    texts.extend(prompts::PROMPTS.iter().map(|prompt| (format!("prompt {}", prompt.name), prompt.text.to_owned())));
    texts.push(("instructions".into(), server.get_info().instructions.unwrap_or_default()));
    let missing: Vec<String> = texts
        .iter()
        .flat_map(|(place, text)| {
            names(text).into_iter().filter(|name| !known.contains(name)).map(move |name| format!("{place}: {name}"))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn aliases_lead_to_tools_and_never_to_dangerous_ones() {
    let server = everything();
    for alias in tools::ALIASES {
        let (facts, _) =
            server.tools().find(|(facts, _)| facts.name == alias.new).unwrap_or_else(|| panic!("{alias:?}"));
        assert!(!["delete", "live"].contains(&facts.access.id()), "{alias:?}");
        assert!(server.tools().all(|(facts, _)| facts.name != alias.old), "{alias:?} is listed");
    }
}

#[test]
fn names_are_found_in_text() {
    assert_eq!(
        names("call `list_projects`, or read_file. X_Y").into_iter().collect::<Vec<_>>(),
        ["list_projects", "read_file"]
    );
}
