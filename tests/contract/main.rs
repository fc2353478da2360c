//! Do client and simulator agree, resource by resource?
//!
//! Each file tells the story of one resource through the typed client against the simulator. [`coverage`] compares
//! what both know, [`faults`] what the client makes of a service that misbehaves.

mod account;
mod assist;
mod backtests;
mod by_hand;
mod chaos;
mod collaboration;
mod community;
mod compile;
mod connections;
mod coverage;
mod coverage_page;
mod data;
mod faults;
mod files;
mod follow;
mod hostile;
mod live;
mod live_agrees;
mod live_service;
mod load;
mod object_store;
mod one_run;
mod optimizations;
mod organizations;
mod persistence;
mod projects;
mod quirks;
mod quotas;
mod rules;
mod sentences;
mod wire;

use std::time::Duration;

use qc_api::endpoints::backtests::{CreateBacktest, ReadBacktest};
use qc_api::endpoints::compile::{CompileReply, CompileState, CreateCompile, ReadCompile};
use qc_api::endpoints::files::UpdateFileContent;
use qc_api::endpoints::optimizations::{CreateOptimization, GRID_SEARCH};
use qc_api::endpoints::projects::CreateProject;
use qc_api::ids::{BacktestId, CompileId, ProjectId};
use qc_api::model::{Backtest, Language, OptimizationNode, OptimizationParameter, OptimizationTarget, TargetDirection};
use qc_api::{Client, Credentials, Error};
use qc_sim::{Sim, seed};

/// A simulator and a client that share virtual time.
async fn session() -> (Sim, Client) {
    let sim = Sim::start().await.unwrap();
    let client = sim.client().unwrap();
    (sim, client)
}

/// A client of the second account.
fn second_client(sim: &Sim) -> Client {
    let user = seed::COLLABORATOR_ID.to_string();
    sim.client().unwrap().with_credentials(Credentials::new(user, seed::COLLABORATOR_TOKEN).unwrap()).unwrap()
}

/// What a Python project with this body of `initialize` looks like.
fn algorithm(lines: &[&str]) -> String {
    let body: String = lines.iter().map(|line| format!("        {line}\n")).collect();
    format!("from AlgorithmImports import *\n\nclass Test(QCAlgorithm):\n    def initialize(self):\n{body}")
}

/// A new Python project whose `main.py` holds this code.
async fn project_with(client: &Client, name: &str, code: &str) -> ProjectId {
    let request = CreateProject { name: name.into(), language: Language::Python, organization_id: None };
    let project_id = client.send(&request).await.unwrap().projects[0].project_id;
    let update =
        UpdateFileContent { project_id, name: "main.py".into(), content: code.into(), ..UpdateFileContent::default() };
    client.send(&update).await.unwrap();
    project_id
}

/// A search over two points, which costs 10 QCC.
fn grid(project_id: ProjectId, compile_id: CompileId) -> CreateOptimization {
    CreateOptimization {
        project_id,
        name: "Grid".into(),
        target: OptimizationTarget::SharpeRatio,
        target_to: TargetDirection::Max,
        target_value: None,
        strategy: GRID_SEARCH.into(),
        compile_id,
        parameters: vec![OptimizationParameter::range("a", 1.0, 2.0, 1.0).unwrap()],
        constraints: Vec::new(),
        estimated_cost: 0.1,
        node_type: OptimizationNode::O2_8,
        parallel_nodes: 1,
    }
}

/// Compiles and waits for the end, good or bad.
async fn compiled(sim: &Sim, client: &Client, project_id: ProjectId) -> CompileReply {
    let compile_id = client.send(&CreateCompile { project_id }).await.unwrap().compile_id;
    sim.clock().advance(Duration::from_secs(60));
    client.send(&ReadCompile { project_id, compile_id }).await.unwrap()
}

/// Compiles code that builds.
async fn built(sim: &Sim, client: &Client, project_id: ProjectId) -> CompileId {
    let reply = compiled(sim, client, project_id).await;
    assert_eq!(reply.state, CompileState::BuildSuccess, "{:?}", reply.logs);
    reply.compile_id
}

/// Runs a backtest to its end.
async fn backtested(sim: &Sim, client: &Client, project_id: ProjectId) -> Backtest {
    let compile_id = built(sim, client, project_id).await;
    let request = CreateBacktest { project_id, compile_id, backtest_name: "Run".into(), ..CreateBacktest::default() };
    let backtest_id = client.send(&request).await.unwrap().backtest.backtest_id;
    sim.clock().advance(Duration::from_secs(120));
    read(client, project_id, backtest_id).await
}

async fn read(client: &Client, project_id: ProjectId, backtest_id: BacktestId) -> Backtest {
    client.send(&ReadBacktest { project_id, backtest_id }).await.unwrap().backtest
}

/// The service's sentences of a refusal; fails for any other outcome.
#[track_caller]
fn sentence<T: std::fmt::Debug>(outcome: qc_api::Result<T>) -> String {
    match outcome {
        Err(Error::Refused { messages, .. }) => messages.join("; "),
        other => panic!("expected a refusal, found {other:?}"),
    }
}
