//! The longer ways of the client over the simulator: waiting for work, walking lists, fetching files. Time is
//! virtual, so the minutes here take none.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::Duration;

use futures::TryStreamExt as _;
use qc_api::brokerage::Brokerage;
use qc_api::endpoints::backtests::{
    CreateBacktest, ReadBacktest, ReadBacktestChart, ReadBacktestInsights, ReadBacktestLogs, ReadBacktestOrders,
    ReadBacktestReport, ReadBacktestTrades,
};
use qc_api::endpoints::compile::{CompileState, CreateCompile, ReadCompile};
use qc_api::endpoints::live::{
    CreateLive, ReadLive, ReadLiveChart, ReadLiveInsights, ReadLiveLogs, ReadLiveOrders, ReadLiveTrades, StopLive,
};
use qc_api::endpoints::nodes::ReadProjectNodes;
use qc_api::endpoints::object_store::{ListObjects, SetObject};
use qc_api::endpoints::optimizations::{CreateOptimization, GRID_SEARCH, ReadOptimization};
use qc_api::endpoints::projects::{CreateProject, ReadProjects};
use qc_api::ids::{BacktestId, CompileId, DeployId, ProjectId};
use qc_api::model::{
    Language, LiveStatus, OptimizationNode, OptimizationParameter, OptimizationStatus, OptimizationTarget,
    TargetDirection,
};
use qc_api::wire::Map;
use qc_api::{Client, Clock, Error};
use qc_sim::{Fault, Sim, SimOptions, Tier, seed};
use serde_json::Value;

use crate::{algorithm, project_with, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);
const BASKET: ProjectId = ProjectId(seed::BASKET_PROJECT_ID);

async fn compiled(client: &Client, project_id: ProjectId) -> CompileId {
    let compile_id = client.send(&CreateCompile { project_id }).await.unwrap().compile_id;
    let reply = client.wait(&ReadCompile { project_id, compile_id }).await.unwrap();
    assert_eq!(reply.state, CompileState::BuildSuccess);
    reply.compile_id
}

async fn begun(client: &Client, project_id: ProjectId) -> ReadBacktest {
    let compile_id = compiled(client, project_id).await;
    let request = CreateBacktest { project_id, compile_id, backtest_name: "Run".into(), ..CreateBacktest::default() };
    let backtest_id = client.send(&request).await.unwrap().backtest.backtest_id;
    ReadBacktest { project_id, backtest_id }
}

async fn run(client: &Client, project_id: ProjectId) -> BacktestId {
    let read = begun(client, project_id).await;
    assert!(client.wait(&read).await.unwrap().backtest.is_finished());
    read.backtest_id
}

/// Deploys to paper and waits until it runs.
async fn deployed(client: &Client, project_id: ProjectId) -> DeployId {
    let node_id = client.send(&ReadProjectNodes { project_id }).await.unwrap().nodes.free_live().unwrap().id.clone();
    let request = CreateLive {
        version_id: (-1).into(),
        project_id,
        compile_id: compiled(client, project_id).await,
        node_id,
        brokerage: Brokerage::paper(),
        data_providers: Map::new(),
        automatic_redeploy: None,
        notification: None,
        parameters: Map::new(),
        signature: None,
    };
    client.send(&request).await.unwrap();
    let live = client.wait(&ReadLive { project_id, deploy_id: None }).await.unwrap();
    assert_eq!(live.status, Some(LiveStatus::Running));
    live.deploy_id.unwrap()
}

/// The windows that were asked for at a path.
fn windows(sim: &Sim, path: &str, start: &str, end: &str) -> Vec<(i64, i64)> {
    let number = |body: &Value, name: &str| body[name].as_i64().unwrap();
    sim.journal().of(path).iter().map(|entry| (number(&entry.body, start), number(&entry.body, end))).collect()
}

#[tokio::test]
async fn a_backtest_is_followed_to_its_end_step_by_step() {
    let (sim, client) = session().await;
    let read = begun(&client, PAIR).await;
    let before = sim.clock().now();
    let mut steps = Vec::new();
    let reply = client.wait_with(&read, None, |step| steps.push(step.clone())).await.unwrap();
    assert!(reply.backtest.status.is_completed() && reply.backtest.total_performance.is_some());
    // Five seconds in the queue and thirty at work, on the simulator's clock.
    let took = sim.clock().now().duration_since(before).as_secs();
    assert!((35..=40).contains(&took), "{took} s");
    assert_eq!(steps[0].state, "In Queue...");
    let shares: Vec<f64> = steps.iter().filter_map(|step| step.share).collect();
    assert!(shares.is_sorted() && shares.iter().any(|share| 0.2 < *share && *share < 1.0), "{shares:?}");
    let asked = sim.journal().of("backtests/read").len();
    assert_eq!(asked, steps.len() + 1, "every look but the last is reported");
}

#[tokio::test]
async fn a_deadline_ends_the_waiting_and_not_the_work() {
    let (sim, client) = session().await;
    let read = begun(&client, PAIR).await;
    let before = sim.clock().now();
    let error = client.wait_with(&read, Some(Duration::from_secs(7)), |_| {}).await.unwrap_err();
    let Error::DeadlinePassed { waited, last } = &error else { panic!("{error}") };
    assert_eq!(*waited, Duration::from_secs(7));
    assert!(last.starts_with("Running"), "{last}");
    assert_eq!(sim.clock().now().duration_since(before).as_secs(), 7);
    assert!(client.wait(&read).await.unwrap().backtest.status.is_completed());
}

#[tokio::test]
async fn waiting_survives_what_a_read_survives() {
    let (sim, client) = session().await;
    let read = begun(&client, PAIR).await;
    sim.faults().times("backtests/read", Fault::ServerError, 2);
    sim.faults().once("backtests/read", Fault::CutBody);
    assert!(client.wait(&read).await.unwrap().backtest.status.is_completed());
    assert_eq!(sim.faults().pending(), 0);
}

#[tokio::test]
async fn code_that_fails_ends_the_waiting_with_its_error() {
    let (_sim, client) = session().await;
    let code = algorithm(&["self.add_equity(\"KO\")", "raise ValueError(\"no luck\")"]);
    let project_id = project_with(&client, "Raises", &code).await;
    let read = begun(&client, project_id).await;
    let backtest = client.wait(&read).await.unwrap().backtest;
    assert!(backtest.failure().unwrap().contains("no luck"), "{:?}", backtest.failure());
    let broken = project_with(&client, "Does not build", "class Test(QCAlgorithm:\n").await;
    let compile_id = client.send(&CreateCompile { project_id: broken }).await.unwrap().compile_id;
    let reply = client.wait(&ReadCompile { project_id: broken, compile_id }).await.unwrap();
    assert_eq!(reply.state, CompileState::BuildError);
}

#[tokio::test]
async fn charts_and_reports_are_waited_for() {
    let (sim, client) = session().await;
    let backtest_id = run(&client, PAIR).await;
    let request = ReadBacktestChart {
        project_id: PAIR,
        backtest_id: backtest_id.clone(),
        name: "Strategy Equity".into(),
        count: 1_000,
        ..ReadBacktestChart::default()
    };
    assert!(!client.wait(&request).await.unwrap().chart.unwrap().series.is_empty());
    assert_eq!(sim.journal().of("backtests/chart/read").len(), 2, "loading, five seconds later the chart");
    let report = client.wait(&ReadBacktestReport { project_id: PAIR, backtest_id }).await.unwrap();
    assert!(report.report.unwrap().contains("Sharpe Ratio"));
    let unknown = ReadBacktestChart { name: "No Such Chart".into(), ..request };
    assert!(client.wait(&unknown).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn every_list_of_a_backtest_comes_whole_and_once() {
    let (sim, client) = session().await;
    let backtest_id = run(&client, BASKET).await;
    let backtest =
        client.send(&ReadBacktest { project_id: BASKET, backtest_id: backtest_id.clone() }).await.unwrap().backtest;
    let id = || (BASKET, backtest_id.clone());

    let (project_id, backtest_id) = id();
    let orders = client.all(ReadBacktestOrders { project_id, backtest_id, ..Default::default() }).await.unwrap();
    assert!(100 < orders.len(), "one page is no walk: {}", orders.len());
    assert_eq!(backtest.statistics.text("Total Orders"), Some(orders.len().to_string().as_str()));
    assert_eq!(orders.iter().map(|order| order.id).collect::<BTreeSet<_>>().len(), orders.len());
    let asked = windows(&sim, "backtests/orders/read", "start", "end");
    assert!(
        asked.iter().enumerate().all(|(at, window)| *window == (100 * at as i64, 100 * at as i64 + 100)),
        "{asked:?}"
    );
    assert_eq!(asked.len(), orders.len().div_ceil(100));

    let (project_id, backtest_id) = id();
    let from_the_end = ReadBacktestOrders { project_id, backtest_id, start: orders.len() as i64 - 3, end: 0 };
    assert_eq!(client.all(from_the_end).await.unwrap(), orders[orders.len() - 3..]);

    let (project_id, backtest_id) = id();
    let trades = client.all(ReadBacktestTrades { project_id, backtest_id, ..Default::default() }).await.unwrap();
    assert_eq!(trades.len(), backtest.total_performance.unwrap().closed_trades.len());

    let (project_id, backtest_id) = id();
    let logs = ReadBacktestLogs { project_id, backtest_id, query: "bought".into(), ..Default::default() };
    let lines = client.all(logs.clone()).await.unwrap();
    assert_eq!(Some(lines.len() as i64), client.send(&ReadBacktestLogs { end: 1, ..logs }).await.unwrap().length);
    assert!(!lines.is_empty() && lines.iter().all(|line| line.to_lowercase().contains("bought")));

    let (project_id, backtest_id) = id();
    let insights = ReadBacktestInsights { project_id, backtest_id, ..Default::default() };
    let told = client.send(&ReadBacktestInsights { end: 1, ..insights.clone() }).await.unwrap().length;
    assert_eq!(Some(client.all(insights).await.unwrap().len() as i64), told);
}

#[tokio::test]
async fn rows_are_asked_for_as_they_are_wanted() {
    let (sim, client) = session().await;
    let backtest_id = run(&client, BASKET).await;
    let mut rows =
        std::pin::pin!(client.rows(ReadBacktestOrders { project_id: BASKET, backtest_id, start: 0, end: 0 }));
    for _ in 0..100 {
        assert!(rows.try_next().await.unwrap().is_some());
    }
    assert_eq!(sim.journal().of("backtests/orders/read").len(), 1);
    assert!(rows.try_next().await.unwrap().is_some());
    assert_eq!(sim.journal().of("backtests/orders/read").len(), 2);
}

#[tokio::test]
async fn a_walk_ends_with_the_first_refusal() {
    let (_sim, client) = session().await;
    let unknown = ReadBacktestOrders { project_id: PAIR, backtest_id: "nope".into(), ..Default::default() };
    assert!(client.all(unknown).await.unwrap_err().is_not_found());
    let chart = ReadLiveChart { project_id: PAIR, name: "Strategy Equity".into(), count: 1, start: 0, end: 1 };
    assert!(sentence(client.wait(&chart).await).contains("No live deployment found"));
}

#[tokio::test]
async fn more_projects_than_a_page_holds_are_all_listed() {
    let (sim, client) = session().await;
    for number in 0..101 {
        let name = format!("Project {number:03}");
        client.send(&CreateProject { name, language: Language::Python, organization_id: None }).await.unwrap();
    }
    let projects = client.all(ReadProjects::default()).await.unwrap();
    assert_eq!(projects.len(), 103);
    assert_eq!(projects.iter().map(|project| project.project_id).collect::<BTreeSet<_>>().len(), 103);
    assert_eq!(windows(&sim, "projects/read", "start", "end"), [(0, 100), (100, 200)]);
}

#[tokio::test]
async fn the_lists_of_a_deployment_are_waited_for_and_walked() {
    let (sim, client) = session().await;
    let algorithm_id = deployed(&client, PAIR).await;
    let orders = client.all(ReadLiveOrders { project_id: PAIR, ..Default::default() }).await.unwrap();
    assert_eq!(orders.len(), 2, "loading is not taken for an empty list");
    let asked = sim.journal().of("live/orders/read").len();
    assert!(2 <= asked, "the first answer says loading: {asked}");
    client.all(ReadLiveTrades { project_id: PAIR, ..Default::default() }).await.unwrap();
    client.all(ReadLiveInsights { project_id: PAIR, ..Default::default() }).await.unwrap();
    assert_eq!(windows(&sim, "live/trades/read", "start", "end")[0], (0, 1000));
    assert_eq!(windows(&sim, "live/insights/read", "start", "end")[0], (0, 100));
    let logs = ReadLiveLogs { project_id: PAIR, algorithm_id, format: "json".into(), ..Default::default() };
    let lines = client.all(logs).await.unwrap();
    assert!(!lines.is_empty());
    assert_eq!(windows(&sim, "live/logs/read", "startLine", "endLine")[0], (0, 250));
    let chart =
        ReadLiveChart { project_id: PAIR, name: "Strategy Equity".into(), count: 100, start: 0, end: 4_000_000_000 };
    assert!(client.wait(&chart).await.unwrap().chart.is_some());
    client.send(&StopLive { project_id: PAIR }).await.unwrap();
    let ended = client.wait(&ReadLive { project_id: PAIR, deploy_id: None }).await.unwrap();
    assert_eq!(ended.status, Some(LiveStatus::Stopped), "an end is an answer as well");
}

#[tokio::test]
async fn an_optimization_is_followed_to_its_last_point() {
    let (_sim, client) = session().await;
    run(&client, PAIR).await;
    let request = CreateOptimization {
        project_id: PAIR,
        name: "Grid".into(),
        target: OptimizationTarget::SharpeRatio,
        target_to: TargetDirection::Max,
        target_value: None,
        strategy: GRID_SEARCH.into(),
        compile_id: compiled(&client, PAIR).await,
        parameters: vec![OptimizationParameter::range("fast", 10.0, 40.0, 10.0).unwrap()],
        constraints: Vec::new(),
        estimated_cost: 0.1,
        node_type: OptimizationNode::O2_8,
        parallel_nodes: 1,
    };
    let optimization_id = client.send(&request).await.unwrap().optimizations.remove(0).optimization_id;
    let mut shares = Vec::new();
    let read = ReadOptimization { optimization_id };
    let done = client.wait_with(&read, None, |step| shares.extend(step.share)).await.unwrap().optimization;
    assert_eq!((done.status, done.backtests.len()), (Some(OptimizationStatus::Completed), 4));
    assert!(shares.is_sorted() && shares.contains(&0.5), "{shares:?}");
}

async fn set(client: &Client, key: &str, data: &[u8]) {
    let request = SetObject { organization_id: seed::ORGANIZATION_ID.into(), key: key.into(), data: data.to_vec() };
    client.send(&request).await.unwrap();
}

#[tokio::test]
async fn every_page_of_a_folder_is_listed() {
    let (sim, client) = session().await;
    for number in 0..205 {
        set(&client, &format!("many/{number:03}"), b"x").await;
    }
    let folder = ListObjects { organization_id: seed::ORGANIZATION_ID.into(), path: Some("many".into()), page: None };
    let keys: BTreeSet<_> = client.objects(folder).await.unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(keys.len(), 205);
    let pages: Vec<_> = sim.journal().of("object/list").iter().map(|entry| entry.body["page"].as_i64()).collect();
    assert_eq!(pages, [None, Some(2), Some(3)]);
}

#[tokio::test]
async fn objects_come_back_in_a_zip_as_they_were_stored() {
    let sim = Sim::start_with(SimOptions { tier: Tier::Institution, ..SimOptions::default() }).await.unwrap();
    let client = sim.client().unwrap();
    let large: Vec<u8> = (0..300_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    set(&client, "models/a.txt", b"hello").await;
    set(&client, "models/deep/b.bin", &large).await;
    set(&client, "other.txt", b"not asked for").await;
    let zip = client.download_objects(seed::ORGANIZATION_ID.into(), vec!["models".into()]).await.unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let mut found = Vec::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        found.push((entry.name().unwrap().into_owned(), bytes));
    }
    found.sort();
    assert_eq!(found, [("models/a.txt".to_owned(), b"hello".to_vec()), ("models/deep/b.bin".to_owned(), large)]);
    // One job, asked for until its link came; the link itself is no path of the API.
    let bodies: Vec<_> = sim.journal().of("object/get").iter().map(|entry| entry.body.clone()).collect();
    assert!(bodies[0].get("keys").is_some() && bodies[1..].iter().all(|body| body.get("jobId").is_some()));
    assert!(2 < bodies.len(), "{bodies:?}");
    let none = client.download_objects(seed::ORGANIZATION_ID.into(), vec!["none".into()]).await;
    assert!(none.unwrap_err().is_not_found());
}

#[tokio::test]
async fn without_the_right_to_export_nothing_is_fetched() {
    let (_sim, client) = session().await;
    set(&client, "a.txt", b"hello").await;
    let outcome = client.download_objects(seed::ORGANIZATION_ID.into(), vec!["a.txt".into()]).await;
    assert!(sentence(outcome).contains("derivative export"));
}
