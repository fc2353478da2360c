//! Jobs as the protocol's tasks, subscriptions to them, and the level from which a client hears how calls ended.
#![allow(deprecated, reason = "clients of the older revisions subscribe and set levels so")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use qc_mcp_tools::QcServer;
use qc_sim::{SimOptions, seed};
use rmcp::ServiceExt;
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities, ClientConfig, GetTaskParams,
        Implementation, LoggingLevel, LoggingMessageNotificationParam, ProtocolVersion,
        ResourceUpdatedNotificationParam, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
        TaskPayload, TaskStatus, UnsubscribeRequestParams,
    },
    service::{ClientLifecycleMode, ClientServiceExt, NotificationContext, RunningService},
};
use serde_json::{Value, json};
use support::session::{Session, object};

use crate::research::MARKET;

const PROJECT: i64 = seed::PAIR_PROJECT_ID;
const IN_TIME: Duration = Duration::from_secs(30);

/// A client that takes tasks and writes down what it hears.
#[derive(Clone, Default)]
struct Listener {
    takes_tasks: bool,
    updated: Arc<Mutex<Vec<String>>>,
    logged: Arc<Mutex<Vec<Value>>>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let takes = ClientCapabilities::builder().enable_tasks().build();
        let capabilities = if self.takes_tasks { takes } else { ClientCapabilities::default() };
        ClientConfig::new(capabilities, Implementation::new("listener", "1"))
    }

    async fn on_resource_updated(&self, params: ResourceUpdatedNotificationParam, _: NotificationContext<RoleClient>) {
        self.updated.lock().unwrap().push(params.uri);
    }

    async fn on_logging_message(&self, params: LoggingMessageNotificationParam, _: NotificationContext<RoleClient>) {
        self.logged.lock().unwrap().push(params.data);
    }
}

async fn connect(server: &QcServer, listener: &Listener, modern: bool) -> RunningService<RoleClient, Listener> {
    let (near, far) = tokio::io::duplex(64 << 10);
    let server = server.clone();
    tokio::spawn(async move {
        if let Ok(running) = server.serve(far).await {
            let _ = running.waiting().await;
        }
    });
    let lifecycle = match modern {
        true => ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] },
        false => ClientLifecycleMode::Initialize,
    };
    listener.clone().serve_with_lifecycle(near, lifecycle).await.expect("the handshake succeeds")
}

fn takes_tasks() -> Listener {
    Listener { takes_tasks: true, ..Listener::default() }
}

async fn researcher() -> Session {
    let folder = MARKET.path().to_str().unwrap();
    Session::with(&["--toolsets", "all", "--data-folder", folder], SimOptions::default()).await
}

fn request(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(tool).with_arguments(object(arguments))
}

fn scan() -> Value {
    let symbols = ["KO", "PEP", "CVX", "XOM", "SPY", "QQQ", "EEM", "MSFT"];
    json!({"symbols": symbols, "start_date": "2015-01-02", "end_date": "2025-12-31", "wait_seconds": 0})
}

/// Waits until `holds`, or fails.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < IN_TIME, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_client_with_tasks_gets_one_and_its_result_is_the_tools_answer() {
    let session = researcher().await;
    let client = connect(&session.server, &takes_tasks(), true).await;
    let created = match client.call_tool_once(request("find_cointegrated_pairs", scan())).await.unwrap() {
        CallToolResponse::Task(created) => created.task,
        other => panic!("{other:?}"),
    };
    assert_eq!(created.status, TaskStatus::Working);
    assert!(created.poll_interval_ms.is_some() && created.ttl_ms.is_some(), "{created:?}");
    let begun = Instant::now();
    let task = loop {
        let task = client.get_task(GetTaskParams::new(&created.task_id)).await.unwrap().task;
        if task.status().is_terminal() {
            break task;
        }
        assert!(begun.elapsed() < IN_TIME * 4, "{task:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let TaskPayload::Completed { result } = &task.payload else { panic!("{task:?}") };
    assert_eq!(task.task.created_at, created.created_at);
    assert!(result["structuredContent"]["funnel"].is_object() || result["structuredContent"]["pairs"].is_array());
    // The same thing under its other name.
    let same = session.ok("wait_for_job", json!({"job": created.task_id})).await;
    assert_eq!(same, result["structuredContent"]);
}

#[tokio::test]
async fn a_client_without_tasks_gets_the_handle_and_may_not_ask_for_tasks() {
    let session = researcher().await;
    let client = connect(&session.server, &Listener::default(), true).await;
    match client.call_tool_once(request("find_cointegrated_pairs", scan())).await.unwrap() {
        CallToolResponse::Complete(result) => assert!(result.structured_content.unwrap()["job"].is_string()),
        other => panic!("{other:?}"),
    }
    assert!(client.get_task(GetTaskParams::new("work.0123456789abcdef0123456789abcdef")).await.is_err());
}

#[tokio::test]
async fn a_task_is_given_up_and_an_unknown_one_is_unknown() {
    let session = researcher().await;
    let client = connect(&session.server, &takes_tasks(), true).await;
    let CallToolResponse::Task(created) =
        client.call_tool_once(request("find_cointegrated_pairs", scan())).await.unwrap()
    else {
        panic!("no task");
    };
    client.cancel_task(CancelTaskParams::new(&created.task.task_id)).await.unwrap();
    let task = client.get_task(GetTaskParams::new(&created.task.task_id)).await.unwrap().task;
    assert!(matches!(task.status(), TaskStatus::Cancelled | TaskStatus::Completed), "{task:?}");
    let unknown = client.get_task(GetTaskParams::new("work.0123456789abcdef0123456789abcdef")).await.unwrap_err();
    assert!(unknown.to_string().contains("no task with that id"), "{unknown}");
    let strange = client.get_task(GetTaskParams::new("x")).await.unwrap_err();
    assert_eq!(strange.to_string(), unknown.to_string());
}

#[tokio::test]
async fn a_backtest_that_is_waited_for_is_a_task_of_the_cloud() {
    let session = Session::start().await;
    let client = connect(&session.server, &takes_tasks(), true).await;
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    let ask = json!({"project_id": PROJECT, "compile_id": compile["compile_id"], "backtest_name": "task", "wait_seconds": 30});
    let CallToolResponse::Task(created) = client.call_tool_once(request("create_backtest", ask)).await.unwrap() else {
        panic!("no task");
    };
    assert!(created.task.task_id.starts_with("backtest."), "{created:?}");
    session.sim.clock().advance(Duration::from_secs(600));
    let task = client.get_task(GetTaskParams::new(&created.task.task_id)).await.unwrap().task;
    let TaskPayload::Completed { result } = &task.payload else { panic!("{task:?}") };
    assert_eq!(result["structuredContent"]["status"], "completed");
    assert_eq!(session.sim.journal().of("backtests/create").len(), 1);
    // Giving the task up leaves the run at QuantConnect alone.
    client.cancel_task(CancelTaskParams::new(&created.task.task_id)).await.unwrap();
    assert!(session.sim.journal().of("backtests/delete").is_empty());
}

#[tokio::test]
async fn older_clients_subscribe_to_a_job_and_hear_it_move() {
    let session = Session::start().await;
    let listener = Listener::default();
    let client = connect(&session.server, &listener, false).await;
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    let ask = json!({"project_id": PROJECT, "compile_id": compile["compile_id"], "backtest_name": "followed"});
    let started = session.ok("create_backtest", ask).await;
    let uri = format!("qc://jobs/{}", started["job"].as_str().unwrap());
    let page: Value = serde_json::from_str(&session.read(&uri).await.unwrap()).unwrap();
    assert!(["queued", "running"].contains(&page["status"].as_str().unwrap()), "{page}");
    client.subscribe(SubscribeRequestParams::new(&uri)).await.unwrap();
    // The first look is soon; the next finds it over.
    tokio::time::sleep(Duration::from_millis(300)).await;
    session.sim.clock().advance(Duration::from_secs(600));
    until("no update came", || listener.updated.lock().unwrap().contains(&uri)).await;
    client.unsubscribe(UnsubscribeRequestParams::new(&uri)).await.unwrap();
    for unknown in ["qc://jobs/work.0123456789abcdef0123456789abcdef", "resource://system/info"] {
        assert!(client.subscribe(SubscribeRequestParams::new(unknown)).await.is_err(), "{unknown}");
    }
}

#[tokio::test]
async fn newer_clients_listen_to_a_job() {
    let session = researcher().await;
    let client = connect(&session.server, &Listener::default(), true).await;
    let begun = session.ok("find_cointegrated_pairs", scan()).await;
    let uri = format!("qc://jobs/{}", begun["job"].as_str().unwrap());
    let wanted = SubscriptionFilter::builder().resource_subscriptions([uri.clone(), "qc://research/1".into()]).build();
    let mut heard = client.listen(wanted).await.unwrap();
    assert_eq!(heard.acknowledged().resource_subscriptions.as_deref(), Some([uri].as_slice()));
    let first = tokio::time::timeout(IN_TIME * 4, heard.next()).await.expect("an update in time").unwrap();
    assert!(first.is_some());
    heard.cancel().await.unwrap();
}

#[tokio::test]
async fn a_client_that_set_a_level_hears_how_calls_ended_and_nothing_of_what_was_said() {
    let session = Session::start().await;
    let listener = Listener::default();
    let client = connect(&session.server, &listener, false).await;
    client.call_tool(request("list_quantbook_instances", json!({}))).await.unwrap();
    assert!(listener.logged.lock().unwrap().is_empty(), "nobody asked for it");
    client.set_level(SetLevelRequestParams::new(LoggingLevel::Warning)).await.unwrap();
    client.call_tool(request("list_quantbook_instances", json!({}))).await.unwrap();
    client.call_tool(request("read_project", json!({"project_id": 1}))).await.unwrap();
    until("no message came", || !listener.logged.lock().unwrap().is_empty()).await;
    let heard = listener.logged.lock().unwrap().clone();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!((&heard[0]["tool"], &heard[0]["outcome"]), (&json!("read_project"), &json!("tool_error")));
    assert_eq!(heard[0].as_object().unwrap().len(), 3, "{heard:?}");
}
