//! Optimizations through the tools.

use qc_api::{
    endpoints::{
        compile::CreateCompile,
        optimizations::{CreateOptimization, GRID_SEARCH},
    },
    model::{OptimizationNode, OptimizationParameter, OptimizationTarget, TargetDirection},
};
use qc_sim::{Fault, seed};
use serde_json::{Value, json};
use std::time::Duration;
use support::session::Session;

const PROJECT: i64 = seed::PAIR_PROJECT_ID;

fn grid() -> Value {
    json!({"project_id": PROJECT, "parameters": [{"name": "lookback", "min": 10, "max": 30, "step": 10}]})
}

/// An optimization started past the tools, which do not spend without being asked.
async fn started(session: &Session) -> String {
    let client = session.sim.client().unwrap();
    let compile = client.send(&CreateCompile { project_id: PROJECT.into() }).await.unwrap();
    session.sim.clock().advance(Duration::from_secs(60));
    let request = CreateOptimization {
        project_id: PROJECT.into(),
        name: "Grid".into(),
        target: OptimizationTarget::SharpeRatio,
        target_to: TargetDirection::Max,
        target_value: None,
        strategy: GRID_SEARCH.into(),
        compile_id: compile.compile_id,
        parameters: vec![OptimizationParameter::range("lookback", 10.0, 30.0, 10.0).unwrap()],
        constraints: Vec::new(),
        estimated_cost: 0.1,
        node_type: OptimizationNode::O2_8,
        parallel_nodes: 1,
    };
    let made = client.send(&request).await.unwrap().optimizations;
    made[0].optimization_id.to_string()
}

#[tokio::test]
async fn an_estimate_tells_time_cost_and_balance_and_spends_nothing() {
    let session = Session::start().await;
    let before = session.ok("read_account", json!({})).await["credit_balance_qcc"].clone();
    let estimate = session.ok("estimate_optimization_time", grid()).await;
    assert_eq!(estimate["backtests"], 3.0, "{estimate}");
    assert!(0.0 < estimate["cost_qcc"].as_f64().unwrap() && estimate["balance_qcc"].is_number(), "{estimate}");
    assert_eq!(estimate["parameters"][0]["untrusted_name"], "lookback");
    assert_eq!(session.ok("read_account", json!({})).await["credit_balance_qcc"], before);
    assert!(session.sim.journal().changes().is_empty());
}

#[tokio::test]
async fn the_official_servers_arguments_are_understood() {
    let session = Session::start().await;
    let model = json!({"model": {
        "projectId": PROJECT, "name": "Grid", "strategy": GRID_SEARCH, "targetTo": "min",
        "target": "TotalPerformance.PortfolioStatistics.Drawdown",
        "parameters": [{"name": "lookback", "min": 10, "max": 30, "step": 10}],
        "constraints": [{"target": "TotalPerformance.PortfolioStatistics.SharpeRatio", "operator": "greater", "targetValue": 1}],
    }});
    let estimate = session.ok("estimate_optimization_time", model).await;
    assert_eq!((&estimate["target"], &estimate["target_to"]), (&json!("drawdown"), &json!("min")), "{estimate}");
}

#[tokio::test]
async fn what_nobody_can_mean_is_refused_before_sending() {
    let session = Session::start().await;
    let one = |name: &str, value: Value| {
        let mut arguments = grid();
        arguments[name] = value;
        arguments
    };
    for (arguments, part) in [
        (one("parameters", json!([])), "at least one"),
        (one("parameters", json!([{"name": "a", "min": 2, "max": 1, "step": 1}])), "span nothing"),
        (one("parameters", json!([{"name": "a", "min": 0, "max": 1e9, "step": 1}])), "at most 10000"),
        (one("target", json!("beta")), "is no target"),
        (one("node_type", json!("O1-1")), "known: O2-8"),
        (one("parallel_nodes", json!(99)), "1 to 24"),
        (one("strategy", json!("EulerSearch")), "only the grid search"),
    ] {
        let text = session.err("estimate_optimization_time", arguments).await;
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn an_optimization_is_listed_read_best_first_renamed_and_stopped() {
    let session = Session::start().await;
    let id = started(&session).await;
    let running = session.ok("read_optimization", json!({"optimization_id": id})).await;
    assert!(["new", "running"].contains(&running["status"].as_str().unwrap()), "{running}");
    session.sim.clock().advance(Duration::from_secs(3_600));
    let done = session.ok("read_optimization", json!({"optimization_id": id, "limit": 2})).await;
    assert_eq!((&done["status"], &done["n_backtests"]), (&json!("completed"), &json!(3)), "{done}");
    let runs = done["backtests"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs[1]["sharpe_ratio"].as_f64() <= runs[0]["sharpe_ratio"].as_f64(), "{done}");
    assert_eq!(runs[0]["untrusted_parameters"][0][0], "lookback");
    session.ok("update_optimization", json!({"optimization_id": id, "name": "Renamed"})).await;
    let list = session.ok("list_optimizations", json!({"project_id": PROJECT})).await;
    assert_eq!(list["optimizations"][0]["untrusted_name"], "Renamed", "{list}");
    let text = session.err("abort_optimization", json!({"optimization_id": id})).await;
    assert!(text.contains("read_optimization"), "{text}");
    let second = started(&session).await;
    session.ok("abort_optimization", json!({"optimization_id": second})).await;
    let read = session.ok("read_optimization", json!({"optimization_id": second})).await;
    assert_eq!(read["status"], "aborted", "{read}");
    let text = session.err("read_optimization", json!({"optimization_id": "O-none"})).await;
    assert!(text.contains("list_optimizations"), "{text}");
}

#[tokio::test]
async fn an_optimization_is_previewed_then_started_once_and_deleted() {
    let session = Session::with(&["--toolsets", "all", "--spend-per-day", "1000"], qc_sim::SimOptions::default()).await;
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    let mut arguments = grid();
    arguments["compile_id"] = compile["compile_id"].clone();
    arguments["estimated_cost"] = json!(0);
    let preview = session.ok("create_optimization", arguments.clone()).await;
    assert!(session.sim.journal().of("optimizations/create").is_empty());
    arguments["confirm_token"] = preview["confirm_token"].clone();
    let mut other = arguments.clone();
    other["parallel_nodes"] = json!(1);
    session.err("create_optimization", other).await;
    assert!(session.sim.journal().of("optimizations/create").is_empty());
    let started = session.ok("create_optimization", arguments.clone()).await;
    session.err("create_optimization", arguments).await;
    let sent = session.sim.journal().of("optimizations/create");
    assert_eq!((sent.len(), &sent[0].body["estimatedCost"]), (1, &preview["cost_usd"]), "{started}");
    session.ok("delete_optimization", json!({"optimization_id": started["optimization_id"]})).await;
    let list = session.ok("list_optimizations", json!({"project_id": PROJECT})).await;
    assert_eq!(list["total"], 0);
}

/// A previewed start, ready to be sent.
async fn confirmed(session: &Session, name: &str) -> Value {
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    let mut arguments = grid();
    arguments["compile_id"] = compile["compile_id"].clone();
    arguments["name"] = json!(name);
    arguments["confirm_token"] = session.ok("create_optimization", arguments.clone()).await["confirm_token"].clone();
    arguments
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_found_and_never_sent_again() {
    let flags = ["--toolsets", "all", "--spend-per-day", "10000"];
    let session = Session::with(&flags, qc_sim::SimOptions::default()).await;
    let creates = || session.sim.journal().of("optimizations/create").len();
    for fault in [Fault::ResetAfter, Fault::CutBody, Fault::ServerErrorAfter] {
        let arguments = confirmed(&session, &format!("lost to a {}", fault.name())).await;
        let before = creates();
        session.sim.faults().once("optimizations/create", fault.clone());
        let started = session.ok("create_optimization", arguments.clone()).await;
        assert_eq!(creates(), before + 1, "{fault:?}");
        let id = &started["optimization_id"];
        let listed = session.ok("list_optimizations", json!({"project_id": PROJECT})).await;
        let own = |row: &&Value| row["untrusted_name"] == arguments["name"];
        let own: Vec<&Value> = listed["optimizations"].as_array().unwrap().iter().filter(own).collect();
        assert_eq!((own.len(), &own[0]["optimization_id"]), (1, id), "{fault:?}: {listed}");
        assert!(started["job"].is_string(), "{started}");
        // The token is spent: the same call cannot pay twice.
        session.err("create_optimization", arguments).await;
        assert_eq!(creates(), before + 1, "{fault:?}");
        // Nodes are few.
        session.sim.clock().advance(Duration::from_secs(3_600));
    }
    // One that never arrived is not found, said to be in doubt, and not sent again either.
    let arguments = confirmed(&session, "gone").await;
    let before = creates();
    session.sim.faults().once("optimizations/create", Fault::Reset);
    let text = session.err("create_optimization", arguments.clone()).await;
    assert!(text.contains("may have been carried out") && text.contains("list_optimizations"), "{text}");
    let sent = creates();
    assert!(sent <= before + 1);
    session.err("create_optimization", arguments).await;
    assert_eq!(creates(), sent);
}

#[tokio::test]
async fn without_a_budget_the_preview_says_that_it_would_be_refused() {
    let session = Session::start().await;
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    let mut arguments = grid();
    arguments["compile_id"] = compile["compile_id"].clone();
    let preview = session.ok("create_optimization", arguments.clone()).await;
    assert!(preview["would_be_refused"].as_str().unwrap().contains("QC_MCP_SPEND_PER_DAY"), "{preview}");
    assert!(preview.get("confirm_token").is_none(), "{preview}");
    arguments["confirm_token"] = json!("0123456789abcdef0123456789abcdef.ff.00112233445566778899aabbccddeeff");
    session.err("create_optimization", arguments).await;
    assert!(session.sim.journal().of("optimizations/create").is_empty());
}

#[tokio::test]
async fn an_estimate_without_a_time_is_no_estimate() {
    let session = Session::start().await;
    let body = br#"{"estimate":{"estimateId":"x","balance":500},"success":true}"#.to_vec();
    session.sim.faults().once("optimizations/estimate", qc_sim::Fault::Body(body));
    let text = session.err("estimate_optimization_time", grid()).await;
    assert!(text.contains("told no time"), "{text}");
}
