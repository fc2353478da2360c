//! Bad input and a bad far end: each a clear tool error, and the server keeps serving.

use qc_sim::{Fault, SimOptions, seed};
use serde_json::{Value, json};
use support::session::Session;

#[tokio::test]
async fn ten_megabytes_of_arguments() {
    let session = Session::start().await;
    let text = session.err("read_project", json!({"project_id": "x".repeat(10 << 20)})).await;
    assert!(text.contains("10485760 bytes") || text.contains("the arguments hold"), "{}", &text[..200.min(text.len())]);
    assert!(text.len() < 500);
    assert!(session.sim.journal().is_empty());
    session.ok("read_project", json!({})).await;
}

#[tokio::test]
async fn html_instead_of_json() {
    let session = Session::start().await;
    session.sim.faults().always("projects/read", Fault::HtmlOk);
    let text = session.err("read_project", json!({})).await;
    assert!(text.contains("projects/read answered no JSON") && text.contains("<untrusted-"), "{text}");
    session.sim.faults().clear();
    session.ok("read_project", json!({})).await;
}

#[tokio::test]
async fn a_failing_service() {
    let session = Session::start().await;
    session.sim.faults().always("projects/read", Fault::ServerError);
    let answer = session.call("read_project", json!({})).await;
    assert!(answer.is_error());
    let meta = serde_json::to_value(answer.0.meta.clone().unwrap()).unwrap();
    assert_eq!(meta["quantconnect/error"]["retryable"], true, "{}", answer.text());
    session.sim.faults().clear();
    session.ok("read_project", json!({})).await;
}

#[tokio::test]
async fn a_service_that_is_not_there() {
    // Port 9 of this computer is closed: connections are refused at once.
    let session =
        Session::configured(&["--user-id", "123456", "--api-token", seed::TOKEN], SimOptions::default()).await;
    drop(session);
    let settings = qc_mcp_tools::Settings::isolated(
        qc_mcp_tools::Transport::Stdio,
        ["--user-id", "123456", "--api-token", seed::TOKEN, "--api-url", "http://127.0.0.1:9/api/v2"],
    )
    .unwrap();
    let server = qc_mcp_tools::QcServer::new(settings, qc_mcp_tools::Upstream::Configured).unwrap();
    let client = support::session::connect(&server).await;
    let request = rmcp::model::CallToolRequestParams::new("validate_quantconnect_auth");
    let answer = support::session::Answer(client.call_tool(request).await.unwrap());
    assert!(answer.is_error() && answer.text().contains("could not be reached"), "{}", answer.text());
    assert!(!client.list_all_tools().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lost_create_says_that_it_may_exist_and_is_sent_once() {
    let session = Session::start().await;
    session.sim.faults().once("projects/create", Fault::ResetAfter);
    let text = session.err("create_project", json!({"name": "Lost"})).await;
    assert!(text.contains("may have been carried out") && text.contains("list_projects"), "{text}");
    assert_eq!(session.sim.journal().of("projects/create").len(), 1);
}

#[tokio::test]
async fn too_many_requests() {
    let session = Session::start().await;
    session.sim.faults().once("backtests/create", Fault::RateLimited { retry_after: Some(7) });
    let compile = session.ok("compile_project", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    let arguments =
        json!({"project_id": seed::PAIR_PROJECT_ID, "compile_id": compile["compile_id"], "backtest_name": "x"});
    let text = session.err("create_backtest", arguments).await;
    assert!(text.contains("rate limited") && text.contains("7 s"), "{text}");
}

/// Feeds every tool what its schema does not want; whatever happens, it is a tool error with a hint, and nothing
/// that changes anything leaves.
#[tokio::test]
async fn hostile_values_for_every_argument_of_every_tool() {
    let session = Session::start().await;
    let hostile = [
        Value::Null,
        json!(""),
        json!("x".repeat(100_000)),
        json!("\u{0}\u{1b}[31m\u{202e}"),
        json!("../../etc/passwd"),
        json!(-1),
        json!(0),
        json!(1e300),
        json!([[[[]]]]),
        json!({"a": {"b": 1}}),
        json!(true),
    ];
    let tools = session.tools().await;
    for tool in &tools {
        let name: &'static str = Box::leak(tool.name.to_string().into_boxed_str());
        let properties: Vec<String> = tool
            .input_schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        for value in &hostile {
            let arguments: serde_json::Map<String, Value> =
                properties.iter().map(|key| (key.clone(), value.clone())).collect();
            session.sim.journal().clear();
            let answer = session.call(name, Value::Object(arguments)).await;
            if answer.is_error() {
                assert!(answer.text().contains("\nhint: "), "{name} {value:.60}: no hint: {}", answer.text());
                let sent = session.sim.journal().changes();
                assert!(sent.is_empty(), "{name} {value:.60}: refused, and yet sent {sent:?}");
                let meta = serde_json::to_value(answer.0.meta.clone().unwrap_or_default()).unwrap();
                let kind = meta["quantconnect/error"]["kind"].as_str().unwrap_or_default().to_owned();
                assert!(!kind.is_empty() && kind != "internal", "{name} {value:.60}: {}", answer.text());
                assert!(answer.text().len() < 30_000, "{name}: an error of {} bytes", answer.text().len());
            }
        }
    }
    session.ok("get_server_status", json!({})).await;
}

/// A value that fits a property, so that another one can be the only wrong one.
fn fitting(name: &str, schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match (name, schema["type"].as_str().unwrap_or_default()) {
        ("project_id" | "library_id", _) => json!(987_654_321),
        ("start_date" | "date" | "as_of" | "fit_start", _) => json!("2021-01-04"),
        ("end_date" | "fit_end", _) => json!("2021-06-30"),
        ("optimization_id", _) => json!("O-0123456789abcdef"),
        ("backtest_id" | "compile_id" | "deploy_id" | "algorithm_id" | "node_id" | "job_id", _) => {
            json!("0123456789abcdef")
        }
        ("weights", _) => json!([0.5, 0.5]),
        (_, "integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(2)),
        (_, "boolean") => json!(false),
        (_, "array") => match schema["items"]["type"].as_str() {
            Some("object") => {
                json!([{"name": "a.py", "content": "x = 1", "min": 1, "max": 2, "step": 1, "tool": "read_project"}])
            }
            _ => json!(["KO", "PEP"]),
        },
        (_, "object") => json!({}),
        _ => json!("KO"),
    }
}

/// One property at a time, from the tool's own schema: missing, of a wrong type, out of range; then an unknown name.
/// Each is refused by name before anything is sent.
#[tokio::test]
async fn each_argument_of_each_tool_missing_of_another_type_and_out_of_range() {
    let session = Session::start().await;
    let (mut n_missing, mut n_types, mut n_ranges) = (0, 0, 0);
    for tool in session.tools().await {
        let name: &'static str = Box::leak(tool.name.to_string().into_boxed_str());
        let properties = tool.input_schema["properties"].as_object().cloned().unwrap_or_default();
        let required: Vec<String> = tool
            .input_schema
            .get("required")
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        let fine: serde_json::Map<String, Value> = properties
            .iter()
            .filter(|(key, _)| required.contains(key))
            .map(|(key, schema)| (key.clone(), fitting(key, schema)))
            .collect();
        let refused = async |what: &str, key: &str, arguments: serde_json::Map<String, Value>| {
            session.sim.journal().clear();
            let text = session.err(name, Value::Object(arguments)).await;
            assert!(text.contains(key) && text.contains("\nhint: "), "{name}, {what} {key}: {text}");
            assert!(text.len() < 5_000, "{name}, {what} {key}: an error of {} bytes", text.len());
            let sent = session.sim.journal().paths();
            assert!(sent.is_empty(), "{name}, {what} {key}: {sent:?}");
        };
        for key in &required {
            let mut arguments = fine.clone();
            arguments.remove(key);
            refused("missing", key, arguments).await;
            n_missing += 1;
        }
        for (key, schema) in &properties {
            let wrong = match schema["type"].as_str().unwrap_or_default() {
                "integer" | "number" if key.ends_with("project_id") || key == "library_id" => json!([1]),
                "integer" | "number" => json!("a lot"),
                "boolean" => json!("perhaps"),
                // Numbers by ticker are weights; words by ticker are not.
                "array" => json!({"a": "b"}),
                "object" => json!("no object"),
                _ => json!({"a": 1}),
            };
            let mut arguments = fine.clone();
            arguments.insert(key.clone(), wrong);
            refused("wrong type of", key, arguments).await;
            n_types += 1;
            let mut bounds = Vec::new();
            bounds.extend(schema.get("minimum").and_then(Value::as_f64).map(|least| least - 1.0));
            bounds.extend(schema.get("maximum").and_then(Value::as_f64).map(|most| most + 1.0));
            for value in bounds {
                let mut arguments = fine.clone();
                #[allow(clippy::cast_possible_truncation)]
                arguments.insert(key.clone(), json!(value as i64));
                refused("out of range", key, arguments).await;
                n_ranges += 1;
            }
        }
        let mut arguments = fine.clone();
        arguments.insert("no_such_argument".into(), json!(1));
        refused("unknown", "no_such_argument", arguments).await;
    }
    assert!(50 < n_missing && 150 < n_types && 20 < n_ranges, "{n_missing}, {n_types}, {n_ranges}");
}

/// Texts of a megabyte, and numbers as text, in every argument that takes them.
#[tokio::test]
async fn megabytes_and_numbers_as_text() {
    let session = Session::start().await;
    let big = "x".repeat(1 << 20);
    for tool in session.tools().await {
        let name: &'static str = Box::leak(tool.name.to_string().into_boxed_str());
        let properties = tool.input_schema["properties"].as_object().cloned().unwrap_or_default();
        for (key, schema) in &properties {
            let mut arguments: serde_json::Map<String, Value> = properties
                .iter()
                .filter(|(key, _)| {
                    tool.input_schema.get("required").is_some_and(|list| list.as_array().unwrap().contains(&json!(key)))
                })
                .map(|(key, schema)| (key.clone(), fitting(key, schema)))
                .collect();
            match schema["type"].as_str().unwrap_or_default() {
                "string" => {
                    arguments.insert(key.clone(), json!(big));
                    let answer = session.call(name, Value::Object(arguments)).await;
                    assert!(answer.text().len() < 130_000, "{name}.{key}: {} bytes", answer.text().len());
                }
                "integer" | "number" => {
                    let number = fitting(key, schema);
                    arguments.insert(key.clone(), json!(number.to_string()));
                    let text = session.call(name, Value::Object(arguments)).await.text();
                    assert!(!text.contains(&format!("`{key}` wants")), "{name}.{key}: {text}");
                }
                _ => {}
            }
        }
    }
    session.ok("get_server_status", json!({})).await;
}
