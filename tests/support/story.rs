//! What a user does with the tools, told once and played through any MCP client: a whole backtest, a look at a pair.
//! The server must run with `--demo`, so the figures come from the simulator and its synthetic market.

use qc_mcp_tools::{QcServer, Settings, Upstream, UpstreamWorld};
use qc_sim::{Sim, SimOptions};
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{Peer, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, Transport};
use rmcp::{RoleClient, ServiceExt};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A client of rmcp's own, without handlers.
pub type Client = RunningService<RoleClient, ()>;

/// Long enough for a backtest of the simulator, which takes a second or two of real time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A strategy short enough to read; the simulator takes the symbols from it.
const ALGORITHM: &str = r#"from AlgorithmImports import *

class BuyAndHold(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2022, 1, 3)
        self.set_end_date(2023, 12, 29)
        self.set_cash(100000)
        self.add_equity("SPY", Resolution.DAILY)

    def on_data(self, data):
        if not self.portfolio.invested:
            self.set_holdings("SPY", 1)
"#;

/// Parameters of a call that keeps a freshly started server busy: the market has to be made first.
pub fn slow_call() -> Value {
    json!({"name": "calculate_correlation_matrix",
        "arguments": {"symbols": ["SPY", "QQQ", "KO", "PEP"], "start_date": "2016-01-04", "end_date": "2024-12-31"}})
}

/// A client over HTTP, with the bearer token if the server asks for one.
pub fn over_http(url: &str, token: Option<&str>) -> impl Transport<RoleClient> + use<> {
    // Plain HTTP on loopback, but the client library wants to know how it would do TLS before it starts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = StreamableHttpClientTransportConfig::with_uri(url);
    if let Some(token) = token {
        config = config.auth_header(token);
    }
    StreamableHttpClientTransport::from_config(config)
}

/// Calls a tool.
///
/// # Panics
/// If the protocol fails; a tool's own error is a result.
pub async fn call(client: &Peer<RoleClient>, name: &str, arguments: Value) -> CallToolResult {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let request = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
    client.call_tool(request).await.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Calls a tool that must succeed, and returns its facts.
///
/// # Panics
/// If the tool fails, with what it said.
pub async fn facts(client: &Peer<RoleClient>, name: &str, arguments: Value) -> Value {
    let result = call(client, name, arguments.clone()).await;
    assert_ne!(result.is_error, Some(true), "{name} {arguments}: {}", text(&result));
    let facts = result.structured_content.clone();
    facts.unwrap_or_else(|| panic!("{name} answers with text alone: {}", text(&result)))
}

/// All text of an answer.
pub fn text(result: &CallToolResult) -> String {
    let blocks = result.content.iter().filter_map(|block| block.as_text());
    blocks.map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// The first value under `key`, however deep it lies.
///
/// # Panics
/// If there is none.
pub fn field<'a>(facts: &'a Value, key: &str) -> &'a Value {
    find(facts, key).unwrap_or_else(|| panic!("no `{key}` in {facts:#}"))
}

fn find<'a>(facts: &'a Value, key: &str) -> Option<&'a Value> {
    match facts {
        Value::Object(map) => map.get(key).or_else(|| map.values().find_map(|value| find(value, key))),
        Value::Array(items) => items.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}

/// Creates a project, writes a file, compiles, runs a backtest, reads statistics, a chart and the orders.
///
/// # Panics
/// If a step fails or its figures do not fit together.
pub async fn backtest(client: &Peer<RoleClient>) {
    let made = facts(client, "create_project", json!({"name": "Story of a backtest", "language": "Py"})).await;
    let project = field(&made, "project_id").clone();
    let file = json!({"project_id": project, "name": "main.py", "content": ALGORITHM});
    facts(client, "create_file", file).await;
    let compiled = facts(client, "compile_project", json!({"project_id": project})).await;
    let compile = field(&compiled, "compile_id").clone();
    let started = facts(
        client,
        "create_backtest",
        json!({"project_id": project, "compile_id": compile, "backtest_name": "first"}),
    )
    .await;
    let backtest = json!({"project_id": project, "backtest_id": field(&started, "backtest_id")});

    let begun = Instant::now();
    let done = loop {
        let seen = facts(client, "read_backtest", backtest.clone()).await;
        if field(&seen, "status") == "completed" {
            break seen;
        }
        assert!(begun.elapsed() < PATIENCE, "the backtest does not end: {seen:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(field(&done, "statistics").as_object().is_some_and(|map| !map.is_empty()), "{done:#}");

    let mut chart = backtest.clone();
    chart["name"] = json!("Strategy Equity");
    let chart = facts(client, "read_backtest_chart", chart).await;
    assert!(chart.to_string().contains("Equity"), "{chart:#}");

    let orders = facts(client, "read_backtest_orders", backtest).await;
    assert!(orders.to_string().contains("SPY"), "{orders:#}");
}

/// Asks the two questions of the README's first page.
///
/// # Panics
/// If an answer lacks its figures, or does not say that the market is synthetic.
pub async fn research(client: &Peer<RoleClient>) {
    let pair = json!({"symbol1": "KO", "symbol2": "PEP", "start_date": "2016-01-04", "end_date": "2023-12-29"});
    let answer = facts(client, "test_cointegration", pair).await;
    assert_eq!(field(&answer, "is_cointegrated"), &json!(true), "{answer:#}");
    assert!(answer.to_string().contains("synthetic"), "{answer:#}");

    let basket = json!({"symbols": ["GOOGL", "AMZN", "MSFT"], "start_date": "2023-01-03", "end_date": "2023-12-29"});
    let answer = facts(client, "perform_pca_analysis", basket).await;
    let ratios = field(&answer, "explained_variance_ratio").as_array().unwrap();
    let sum: f64 = ratios.iter().filter_map(Value::as_f64).sum();
    // Three ratios of a correlation matrix, each rounded to what the answer shows.
    assert!((sum - 1.0).abs() < 1e-3 && ratios.len() == 3, "{answer:#}");
}

/// The same list and the same answers as the server in this process gives.
///
/// # Panics
/// If they differ.
pub async fn same_as_in_process(client: &Peer<RoleClient>) {
    let here = in_process().await;
    let mut lists = Vec::new();
    for client in [client, here.peer()] {
        lists.push(serde_json::to_value(client.list_all_tools().await.unwrap()).unwrap());
    }
    assert_eq!(lists[0], lists[1], "the lists of tools differ");

    let questions = [
        (
            "test_cointegration",
            json!({"symbol1": "KO", "symbol2": "PEP", "start_date": "2020-01-02", "end_date": "2022-12-30"}),
        ),
        (
            "calculate_correlation_matrix",
            json!({"symbols": ["SPY", "QQQ"], "start_date": "2022-01-03", "end_date": "2022-12-30"}),
        ),
        ("read_project", json!({})),
        ("read_backtest", json!({"project_id": 1, "backtest_id": "none"})),
        (
            "test_cointegration",
            json!({"symbol1": "KO", "symbol2": "NOPE", "start_date": "2020-01-02", "end_date": "2022-12-30"}),
        ),
    ];
    for (name, arguments) in questions {
        let there = call(client, name, arguments.clone()).await;
        let here = call(&here, name, arguments.clone()).await;
        assert_eq!(steady(&there), steady(&here), "{name} {arguments}");
    }
}

/// What differs between two worlds that are otherwise the same: handles of results, and when a world was made.
const NEW_EACH_TIME: [&str; 3] = ["resources", "research_id", "modified"];

/// An answer without what is new each time.
fn steady(result: &CallToolResult) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, _| !NEW_EACH_TIME.contains(&key.as_str()));
                map.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut facts = result.structured_content.clone().unwrap_or_default();
    strip(&mut facts);
    json!({"error": result.is_error, "facts": facts, "text": if result.is_error == Some(true) { without_nonces(&text(result)) } else { String::new() }})
}

/// A text whose fences around foreign words lost the number that is drawn anew for each.
fn without_nonces(text: &str) -> String {
    let mut parts = text.split("untrusted-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| said + "untrusted-" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

/// The server of this process, with the demo's world, behind a pipe in memory.
pub async fn in_process() -> Client {
    let upstream = Upstream::Lazy(Arc::new(|| Box::pin(world())));
    let settings = Settings::isolated(qc_mcp_tools::Transport::Stdio, ["--demo"]).unwrap();
    let server = QcServer::new(settings, upstream).unwrap();
    let (far, near) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let running = server.serve(far).await.unwrap();
        running.waiting().await
    });
    ().serve(near).await.unwrap()
}

async fn world() -> Result<UpstreamWorld, String> {
    let sim = Sim::start_with(SimOptions::demo()).await.map_err(|error| error.to_string())?;
    Ok(UpstreamWorld {
        base_url: sim.base_url().to_owned(),
        credentials: sim.credentials().map_err(|error| error.to_string())?,
        clock: sim.clock(),
        data_folder: sim.data_folder().map(Path::to_path_buf),
        keep_alive: Box::new(sim),
    })
}
