//! A tool on a reading shelf never makes QuantConnect create, change or delete anything.

use qc_sim::seed;
use serde_json::{Map, Value, json};
use std::time::Duration;
use support::session::Session;

/// A plausible value for an argument, by its name and type.
fn plausible(name: &str, schema: &Value) -> Value {
    match name {
        "project_id" => json!(seed::PAIR_PROJECT_ID),
        "backtest_id" => json!("latest"),
        "name" => json!("main.py"),
        "start_date" => json!("2021-01-04"),
        "end_date" | "date" => json!("2021-06-30"),
        "symbol" | "symbol1" | "ticker" => json!("KO"),
        "symbol2" => json!("PEP"),
        "symbols" | "tickers" => json!(["KO", "PEP"]),
        _ => match (schema["type"].as_str(), schema["enum"].get(0)) {
            (_, Some(first)) => first.clone(),
            (Some("integer" | "number"), _) => json!(2),
            (Some("boolean"), _) => json!(false),
            (Some("array"), _) => json!(["x"]),
            (Some("object"), _) => json!({}),
            _ => json!("default"),
        },
    }
}

#[tokio::test]
async fn reading_tools_cause_no_change() {
    let session = Session::start().await;
    // Something to read: a finished backtest.
    let compile = session.ok("compile_project", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    let arguments =
        json!({"project_id": seed::PAIR_PROJECT_ID, "compile_id": compile["compile_id"], "backtest_name": "x"});
    session.ok("create_backtest", arguments).await;
    session.sim.clock().advance(Duration::from_secs(300));
    session.sim.journal().clear();

    let reading: Vec<(&'static str, Value)> = session
        .server
        .tools()
        .filter(|(facts, _)| facts.access.id() == "read")
        .map(|(facts, tool)| {
            (&*Box::leak(facts.name.clone().into_boxed_str()), Value::Object((*tool.input_schema).clone()))
        })
        .collect();
    assert!(10 <= reading.len());
    for (name, schema) in &reading {
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for all in [false, true] {
            let arguments: Map<String, Value> = properties
                .iter()
                .filter(|(key, _)| all || required.contains(&key.as_str()))
                .map(|(key, property)| (key.clone(), plausible(key, property)))
                .collect();
            session.call(name, Value::Object(arguments)).await;
            let changes = session.sim.journal().changes();
            assert!(
                changes.is_empty(),
                "{name} caused {:?}",
                changes.iter().map(|entry| &entry.path).collect::<Vec<_>>()
            );
        }
    }
    assert!(!session.sim.journal().is_empty(), "nothing was read either");
}
