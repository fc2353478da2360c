//! The real `qc-mcp-stdio`: nothing but the protocol on stdout, an end in time, no secrets in the log, and a whole
//! backtest driven by rmcp's own client.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise, in its helpers too")]

use rmcp::ServiceExt;
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::process::{Process, command};
use support::story;

const PROGRAM: &str = env!("CARGO_BIN_EXE_qc-mcp-stdio");

/// What a client waits before it kills a server that does not end.
const IN_TIME: Duration = Duration::from_secs(1);

fn demo() -> Process {
    Process::start(PROGRAM, &["--demo"], &[])
}

fn call(name: &str, arguments: Value) -> Value {
    json!({"name": name, "arguments": arguments})
}

#[test]
fn says_nothing_but_the_protocol_on_stdout() {
    let mut server = Process::start(PROGRAM, &["--demo"], &[("LOG_LEVEL", "TRACE")]);
    let opened = server.initialize();
    assert_eq!(opened["result"]["protocolVersion"], "2025-11-25");
    let listed = server.ask(1, "tools/list", json!({}));
    assert!(!listed["result"]["tools"].as_array().unwrap().is_empty());
    // A tool that works, one that fails, one that does not exist, a method that does not exist: messages all the same.
    server.ask(2, "tools/call", call("list_quantbook_instances", json!({})));
    let failed = server.ask(3, "tools/call", call("read_backtest", json!({"project_id": 1, "backtest_id": "nope"})));
    assert_eq!(failed["result"]["isError"], true, "{failed}");
    assert_eq!(server.ask(4, "tools/call", call("no_such_tool", json!({})))["error"]["code"], -32602);
    assert_eq!(server.ask(5, "no/such/method", json!({}))["error"]["code"], -32601);
    // What follows the last answer is checked too: `hang_up` parses every remaining line.
    let (_, status, _) = server.hang_up();
    assert!(status.success(), "{status}");
}

#[test]
fn speaks_the_revision_without_a_handshake_too() {
    let mut server = demo();
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let listed = server.ask(1, "tools/list", json!({"_meta": meta}));
    assert!(!listed["result"]["tools"].as_array().unwrap().is_empty(), "{listed}");
    let discovered = server.ask(2, "server/discover", json!({"_meta": meta}));
    assert!(discovered["result"]["supportedVersions"].to_string().contains("2025-11-25"), "{discovered}");
}

#[test]
fn ends_within_a_second_of_the_end_of_input() {
    let mut idle = demo();
    idle.initialize();
    let (took, status, _) = idle.hang_up();
    assert!(took < IN_TIME && status.success(), "idle: {took:?}, {status}");

    let (took, status, _) = demo().hang_up();
    assert!(took < IN_TIME && status.success(), "never spoken to: {took:?}, {status}");

    let mut busy = demo();
    busy.initialize();
    busy.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": story::slow_call()}));
    let (took, status, _) = busy.hang_up();
    assert!(took < IN_TIME && status.success(), "busy: {took:?}, {status}");
}

#[test]
fn ends_within_a_second_of_sigterm() {
    let mut idle = demo();
    idle.initialize();
    let (took, status, _) = idle.terminate();
    assert!(took < IN_TIME && status.success(), "idle: {took:?}, {status}");

    let mut busy = demo();
    busy.initialize();
    busy.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": story::slow_call()}));
    let (took, status, _) = busy.terminate();
    assert!(took < IN_TIME && status.success(), "busy: {took:?}, {status}");
}

#[test]
fn answers_what_was_asked_just_before_the_end_of_input() {
    let mut server = demo();
    server.initialize();
    server.send(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/list"}));
    let (_, _, rest) = server.hang_up();
    assert!(rest.iter().any(|message| message["id"] == 7), "{rest:?}");
}

#[test]
fn keeps_serving_after_lines_that_are_no_protocol() {
    let mut server = demo();
    server.initialize();
    server.write("this is not JSON\n\n{\"jsonrpc\":\"2.0\"}\n[1,2]\n{\"half\": \n");
    let listed = server.ask(9, "tools/list", json!({}));
    assert!(listed["result"]["tools"].is_array(), "{listed}");
}

#[test]
fn refuses_settings_it_does_not_understand_and_says_which() {
    for (arguments, environment, named) in [
        (vec!["--mode", "lve"], vec![], "lve"),
        (vec![], vec![("QC_MCP_TOOLSETS", "backtest")], "backtest"),
        (vec![], vec![("MCP_TRANSPORT", "streamable-http")], "qc-mcp-http"),
        (vec![], vec![("QC_API_URL", "http://example.com/api/v2")], "http"),
        (vec!["--no-such-flag"], vec![], "--no-such-flag"),
    ] {
        let mut server = Process::start(PROGRAM, &arguments, &environment);
        let (_, status, said) = server.ending();
        assert!(!status.success() && said.is_empty(), "{arguments:?} {environment:?}: {status}");
        let log = server.log();
        assert!(log.contains(named), "{arguments:?} {environment:?} should name {named}: {log}");
    }
}

/// The token of the environment and one typed by a tool, searched for in every form they could take.
#[test]
fn no_secret_reaches_the_log_at_its_loudest() {
    let (user, token) = ("270181", "planted-0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    let typed = "typed-00112233445566778899aabbccddeeff";
    // Nothing listens on port 9, so every call fails on its way, with all the errors of the layers below.
    let environment = [
        ("QUANTCONNECT_USER_ID", user),
        ("QUANTCONNECT_API_TOKEN", token),
        ("QC_API_URL", "http://127.0.0.1:9/api/v2"),
        ("LOG_LEVEL", "TRACE"),
    ];
    let mut server = Process::start(PROGRAM, &[], &environment);
    server.initialize();
    let mut said = String::new();
    let calls = [
        call("validate_quantconnect_auth", json!({})),
        call("read_project", json!({})),
        call("configure_quantconnect_auth", json!({"user_id": user, "api_token": typed})),
        call("get_auth_status", json!({})),
        call("validate_quantconnect_auth", json!({})),
        call("configure_quantconnect_auth", json!({"user_id": user, "api_tokn": typed})),
    ];
    for (id, params) in (1..).zip(calls) {
        said.push_str(&server.ask(id, "tools/call", params).to_string());
    }
    // A conversation that opens with a call carrying a token: the error must not quote it.
    let mut rude = Process::start(PROGRAM, &[], &environment);
    rude.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": call("configure_quantconnect_auth", json!({"user_id": user, "api_token": typed}))}));
    said.push_str(&rude.message().to_string());
    let (_, _, rest) = rude.hang_up();
    said.extend(rest.iter().map(Value::to_string));

    let log = format!("{}{}", server.log(), rude.log());
    assert!(log.contains("TRACE") || log.contains("DEBUG") || log.contains("INFO"), "the log is silent: {log}");
    for secret in [token, typed] {
        let forms = support::process::forms_of(user, secret);
        for form in &forms {
            assert!(!log.contains(form), "the log holds {form}:\n{log}");
            assert!(!said.contains(form), "an answer holds {form}:\n{said}");
        }
    }
}

#[tokio::test]
async fn a_whole_backtest_through_rmcps_own_client() {
    let command = tokio::process::Command::from(command(PROGRAM, &["--demo"], &[]));
    let client = ().serve(TokioChildProcess::new(command).unwrap()).await.unwrap();
    story::backtest(&client).await;
    story::research(&client).await;
    let begun = Instant::now();
    client.cancel().await.unwrap();
    assert!(begun.elapsed() < IN_TIME + IN_TIME, "took {:?} to end", begun.elapsed());
}

#[tokio::test]
async fn lists_and_answers_as_the_server_in_process_does() {
    let command = tokio::process::Command::from(command(PROGRAM, &["--demo"], &[]));
    let client = ().serve(TokioChildProcess::new(command).unwrap()).await.unwrap();
    story::same_as_in_process(&client).await;
}

/// A simulated QuantConnect beside the program, in real time, and the environment in which the program works on it.
async fn beside(state: &std::path::Path, data: &std::path::Path) -> (qc_sim::Sim, Vec<(&'static str, String)>) {
    let options = qc_sim::SimOptions { clock: qc_sim::ClockMode::Real, ..qc_sim::SimOptions::default() };
    let sim = qc_sim::Sim::start_with(options).await.unwrap();
    let environment = vec![
        ("QUANTCONNECT_USER_ID", qc_sim::seed::USER_ID.to_string()),
        ("QUANTCONNECT_API_TOKEN", qc_sim::seed::TOKEN.to_owned()),
        ("QC_API_URL", sim.base_url().to_owned()),
        ("QC_MCP_STATE_DIR", state.to_str().unwrap().to_owned()),
        ("QC_DATA_FOLDER", data.to_str().unwrap().to_owned()),
        ("QC_MCP_TOOLSETS", "all".to_owned()),
    ];
    (sim, environment)
}

fn facts(answer: &Value) -> &Value {
    let result = &answer["result"];
    assert_ne!(result["isError"], true, "{answer}");
    &result["structuredContent"]
}

/// Killed without a word between the start of the work and its end: what lives at QuantConnect is found by its handle
/// and by the same call, what was computed here is computed again, and nothing is started twice.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_outlive_a_server_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (state, data) = (folder.path().join("state"), folder.path().join("data"));
    std::fs::create_dir_all(&data).unwrap();
    qc_sim::market::write(&data, qc_sim::market::DEMO_SEED).unwrap();
    let (sim, environment) = beside(&state, &data).await;
    let owned = environment.clone();
    let start = move |toolsets: &'static str| {
        let mut environment: Vec<(&str, &str)> = owned.iter().map(|(name, value)| (*name, value.as_str())).collect();
        environment.retain(|(name, _)| *name != "QC_MCP_TOOLSETS");
        environment.push(("QC_MCP_TOOLSETS", toolsets));
        let mut server = Process::start(PROGRAM, &[], &environment);
        server.initialize();
        server
    };
    let project = qc_sim::seed::PAIR_PROJECT_ID;
    let symbols = ["KO", "PEP", "CVX", "XOM", "SPY", "QQQ", "EEM", "MSFT", "AMZN", "GOOGL", "WMT"];
    let scan = json!({"symbols": symbols, "start_date": "2015-01-02", "end_date": "2025-12-31", "wait_seconds": 0});
    let told = tokio::task::spawn_blocking(move || {
        let mut first = start("all");
        let compile = first.ask(1, "tools/call", call("compile_project", json!({"project_id": project})));
        let ask =
            json!({"project_id": project, "compile_id": facts(&compile)["compile_id"], "backtest_name": "outlives"});
        let started = first.ask(2, "tools/call", call("create_backtest", ask.clone()));
        let scanning = first.ask(3, "tools/call", call("find_cointegrated_pairs", scan));
        let (backtest, scan) = (facts(&started)["job"].clone(), facts(&scanning)["job"].clone());
        assert!(backtest.is_string() && scan.is_string(), "{started} {scanning}");
        first.signal("KILL");
        assert!(!first.ending().1.success());

        let mut second = start("all");
        let again = second.ask(1, "tools/call", call("create_backtest", ask));
        assert_eq!(facts(&again)["backtest_id"], facts(&started)["backtest_id"]);
        let done = second.ask(2, "tools/call", call("wait_for_job", json!({"job": backtest})));
        assert_eq!(facts(&done)["status"], "completed", "{done}");
        second.signal("KILL");
        second.ending();

        // A server that does not offer the tool does not do its work, not even to finish it.
        let mut third = start("core");
        let waits = third.ask(1, "tools/call", call("wait_for_job", json!({"job": scan, "wait_seconds": 40})));
        let text = waits["result"]["content"][0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains("not offered") || facts(&waits).get("funnel").is_some(), "{text}");
        third.hang_up();

        let mut fourth = start("all");
        let found = fourth.ask(1, "tools/call", call("wait_for_job", json!({"job": scan, "wait_seconds": 50})));
        assert!(facts(&found)["provenance"].is_object(), "{found}");
        fourth.hang_up();
    });
    told.await.unwrap();
    assert_eq!(sim.journal().of("backtests/create").len(), 1);
}

/// Killed in the middle of a sweep: the next server reads the runs that are there and starts only the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_outlives_a_server_that_is_killed() {
    const CODE: &str = "from AlgorithmImports import *\n\nclass Mine(QCAlgorithm):\n    def initialize(self):\n        \
        self.set_start_date(2022, 1, 1)\n        self.set_end_date(2022, 12, 31)\n        self.set_cash(100000)\n        \
        self.size = float(self.get_parameter(\"size\", 0.5))\n        self.add_equity(\"SPY\")\n        \
        self.set_holdings(\"SPY\", self.size)\n";
    const RUNS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let (state, data) = (folder.path().join("state"), folder.path().join("data"));
    std::fs::create_dir_all(&data).unwrap();
    let (sim, environment) = beside(&state, &data).await;
    let sim = std::sync::Arc::new(sim);
    let seen = sim.clone();
    let told = tokio::task::spawn_blocking(move || {
        let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let start = || {
            let mut server = Process::start(PROGRAM, &[], &environment);
            server.initialize();
            server
        };
        let mut first = start();
        let made = first.ask(1, "tools/call", call("create_project", json!({"name": "Killed"})));
        let project = facts(&made)["project_id"].clone();
        let file = json!({"project_id": project, "name": "main.py", "content": CODE});
        first.ask(2, "tools/call", call("update_file_content", file));
        let sizes: Vec<f64> = (1..=RUNS).map(|n| n as f64 / 10.0).collect();
        let ask = json!({"project_id": project, "grid": {"size": sizes}, "wait_seconds": 0});
        let job = facts(&first.ask(3, "tools/call", call("parameter_sweep", ask)))["job"].clone();
        assert!(job.is_string(), "{job}");
        let begun = Instant::now();
        while seen.journal().of("backtests/create").len() < 2 {
            assert!(begun.elapsed() < Duration::from_secs(60), "no run was started");
            std::thread::sleep(Duration::from_millis(20));
        }
        first.signal("KILL");
        first.ending();
        assert!(seen.journal().of("backtests/create").len() < RUNS, "it was over before it was killed");

        let mut second = start();
        let mut answer = json!({});
        for n in 1..=4 {
            answer = second.ask(n, "tools/call", call("wait_for_job", json!({"job": job, "wait_seconds": 50})));
            if facts(&answer).get("ranking").is_some() {
                break;
            }
        }
        let found = facts(&answer);
        assert_eq!(
            (&found["runs"], found["ranking"]["rows"].as_array().map(Vec::len)),
            (&json!(RUNS), Some(RUNS)),
            "{found}"
        );
        assert!(2 <= found["already_there"].as_u64().unwrap(), "{found}");
        second.hang_up();
    });
    told.await.unwrap();
    assert_eq!(sim.journal().of("backtests/create").len(), RUNS, "each run was started once");
    assert_eq!(sim.journal().of("compile/create").len(), 1);
}
