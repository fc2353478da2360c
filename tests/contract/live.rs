//! Live algorithms against the simulator: paper only, and nothing ever leaves the process.

use std::time::Duration;

use qc_api::Client;
use qc_api::brokerage::Brokerage;
use qc_api::endpoints::live::{
    CreateLive, LiquidateLive, ListLive, ReadLive, ReadLiveChart, ReadLiveLogs, ReadLiveOrders, ReadLivePortfolio,
    ReadLiveTrades, StopLive,
};
use qc_api::endpoints::live_commands::{BroadcastLiveCommand, CreateLiveCommand};
use qc_api::endpoints::nodes::ReadProjectNodes;
use qc_api::endpoints::projects::ReadProjects;
use qc_api::ids::{DeployId, ProjectId};
use qc_api::model::{LiveStatus, Order};
use qc_api::wire::Map;
use qc_sim::{Sim, seed};
use serde_json::json;

use crate::{algorithm, built, project_with, sentence, session};

pub(crate) const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

pub(crate) async fn request(sim: &Sim, client: &Client, project_id: ProjectId) -> CreateLive {
    let nodes = client.send(&ReadProjectNodes { project_id }).await.unwrap().nodes;
    CreateLive {
        version_id: (-1).into(),
        project_id,
        compile_id: built(sim, client, project_id).await,
        node_id: nodes.free_live().unwrap().id.clone(),
        brokerage: Brokerage::paper(),
        data_providers: Map::new(),
        automatic_redeploy: None,
        notification: None,
        parameters: Map::new(),
        signature: None,
    }
}

/// Deploys and waits until it runs.
pub(crate) async fn deployed(sim: &Sim, client: &Client, project_id: ProjectId) -> DeployId {
    let request = request(sim, client, project_id).await;
    let id = client.send(&request).await.unwrap().deployment().unwrap().clone();
    sim.clock().advance(Duration::from_secs(60));
    id
}

pub(crate) async fn status(client: &Client, project_id: ProjectId) -> LiveStatus {
    client.send(&ReadLive { project_id, deploy_id: None }).await.unwrap().status.unwrap()
}

pub(crate) async fn orders(sim: &Sim, client: &Client, project_id: ProjectId) -> Vec<Order> {
    let request = ReadLiveOrders { project_id, start: 0, end: 1000 };
    let first = client.send(&request).await.unwrap();
    if first.progress.is_none() {
        return first.orders;
    }
    sim.clock().advance(Duration::from_secs(10));
    client.send(&request).await.unwrap().orders
}

pub(crate) async fn held(client: &Client, project_id: ProjectId) -> Vec<String> {
    let portfolio = client.send(&ReadLivePortfolio { project_id }).await.unwrap().portfolio.unwrap();
    portfolio.holdings.keys().map(|id| id.split(' ').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_deployment_starts_holds_and_is_liquidated() {
    let (sim, client) = session().await;
    let request = request(&sim, &client, PAIR).await;
    let created = client.send(&request).await.unwrap();
    assert!(created.version_id.unwrap().0 > 0, "the newest version is named by its number");
    assert!(status(&client, PAIR).await.is_starting());
    sim.clock().advance(Duration::from_secs(60));
    assert_eq!(status(&client, PAIR).await, LiveStatus::Running);
    let shown = client.send(&ReadLive { project_id: PAIR, deploy_id: None }).await.unwrap().brokerage;
    let listed = client.send(&ListLive::default()).await.unwrap().live.remove(0).brokerage;
    assert_eq!((shown.as_deref(), listed.as_deref()), (Some("PaperBrokerage"), Some("PaperBrokerage")));
    assert_eq!(held(&client, PAIR).await, ["KO", "PEP"]);
    assert_eq!(orders(&sim, &client, PAIR).await.len(), 2);
    client.send(&LiquidateLive { project_id: PAIR }).await.unwrap();
    let ended = client.send(&ReadLive { project_id: PAIR, deploy_id: None }).await.unwrap();
    assert_eq!(ended.status, Some(LiveStatus::Liquidated));
    assert!(ended.stopped.is_some());
    assert!(held(&client, PAIR).await.is_empty());
    assert_eq!(orders(&sim, &client, PAIR).await.len(), 4);
    assert!(client.send(&StopLive { project_id: PAIR }).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn closed_positions_are_trades_that_agree_with_the_orders() {
    let (sim, client) = session().await;
    let deploy_id = deployed(&sim, &client, PAIR).await;
    let trades = |deploy_id| ReadLiveTrades { project_id: PAIR, deploy_id, start: 0, end: 1000 };
    assert_eq!(client.send(&trades(None)).await.unwrap().length, Some(0));
    let sell =
        json!({ "$type": "OrderCommand", "symbol": { "value": "KO" }, "order_type": "market", "quantity": "-5" });
    client.send(&CreateLiveCommand { project_id: PAIR, command: sell }).await.unwrap();
    sim.clock().advance(Duration::from_secs(600));
    client.send(&LiquidateLive { project_id: PAIR }).await.unwrap();
    let closed = client.send(&trades(Some(deploy_id))).await.unwrap().trades;
    let sold: Vec<(&str, bool)> =
        closed.iter().map(|trade| (trade.symbols[0].value.as_str(), trade.quantity == Some(5.0))).collect();
    assert_eq!(sold, [("KO", true), ("KO", false), ("PEP", false)]);
    // What the trades cost is what all orders cost, and every order belongs to a trade.
    let orders = orders(&sim, &client, PAIR).await;
    let fees: f64 = orders.iter().flat_map(|order| &order.events).filter_map(|event| event.order_fee_amount).sum();
    let paid: f64 = closed.iter().filter_map(|trade| trade.total_fees).sum();
    assert!((fees - paid).abs() < 1e-6, "{fees} {paid}");
    assert!(orders.iter().all(|order| closed.iter().any(|trade| trade.order_ids.contains(&order.id))));
}

#[tokio::test]
async fn stopping_keeps_the_positions_and_frees_the_node() {
    let (sim, client) = session().await;
    deployed(&sim, &client, PAIR).await;
    let nodes = client.send(&ReadProjectNodes { project_id: PAIR }).await.unwrap().nodes;
    assert_eq!(nodes.live.iter().filter(|node| node.busy).count(), 1);
    client.send(&StopLive { project_id: PAIR }).await.unwrap();
    assert_eq!(status(&client, PAIR).await, LiveStatus::Stopped);
    assert_eq!(held(&client, PAIR).await.len(), 2);
    let nodes = client.send(&ReadProjectNodes { project_id: PAIR }).await.unwrap().nodes;
    assert!(nodes.live.iter().all(|node| !node.busy));
    let list = |status| ListLive { status: Some(status), ..ListLive::default() };
    assert_eq!(client.send(&list(LiveStatus::Stopped)).await.unwrap().live.len(), 1);
    assert!(client.send(&list(LiveStatus::Running)).await.unwrap().live.is_empty());
}

#[tokio::test]
async fn what_was_never_deployed_or_is_busy_is_refused() {
    let (sim, client) = session().await;
    let never = sentence(client.send(&ReadLive { project_id: PAIR, deploy_id: None }).await);
    assert!(never.contains("No live deployment found"), "{never}");
    let request = request(&sim, &client, PAIR).await;
    client.send(&request).await.unwrap();
    assert!(sentence(client.send(&request).await).contains("busy"));
    let unknown = CreateLive { node_id: "LN-nope".into(), ..request.clone() };
    assert!(client.send(&unknown).await.unwrap_err().is_not_found());
    let unbuilt = CreateLive { compile_id: "nope".into(), ..request };
    assert!(client.send(&unbuilt).await.is_err());
    assert!(client.send(&ReadLivePortfolio { project_id: ProjectId(-1) }).await.is_err());
}

#[tokio::test]
async fn an_order_command_trades_once_it_runs_and_is_lost_before() {
    let (sim, client) = session().await;
    let request = request(&sim, &client, PAIR).await;
    client.send(&request).await.unwrap();
    let command =
        json!({ "$type": "OrderCommand", "symbol": { "value": "IBM" }, "order_type": "market", "quantity": "5" });
    let send = CreateLiveCommand { project_id: PAIR, command };
    client.send(&send).await.unwrap();
    sim.clock().advance(Duration::from_secs(60));
    assert_eq!(held(&client, PAIR).await.len(), 2);
    client.send(&send).await.unwrap();
    assert_eq!(held(&client, PAIR).await, ["KO", "PEP", "IBM"].map(str::to_owned).to_vec());
    let everywhere = BroadcastLiveCommand {
        organization_id: seed::ORGANIZATION_ID.into(),
        command: json!({ "note": "hello" }),
        exclude_project_id: Some(PAIR),
    };
    client.send(&everywhere).await.unwrap();
    let included = BroadcastLiveCommand { exclude_project_id: None, ..everywhere };
    client.send(&included).await.unwrap();
    let deployment = client.send(&ReadLive { project_id: PAIR, deploy_id: None }).await.unwrap().deploy_id.unwrap();
    let logs = ReadLiveLogs {
        project_id: PAIR,
        algorithm_id: deployment,
        start_line: 0,
        end_line: 250,
        format: "json".into(),
        deployment_logs: None,
        query: Some("command received".into()),
    };
    assert_eq!(client.send(&logs).await.unwrap().length, Some(2));
    assert!(sentence(client.send(&ReadLiveLogs { end_line: 251, ..logs }).await).contains("250 or less"));
}

#[tokio::test]
async fn an_algorithm_that_raises_fails_while_live() {
    let (sim, client) = session().await;
    let code = algorithm(&["self.add_equity(\"KO\")", "raise ValueError(\"no luck\")"]);
    let project_id = project_with(&client, "Raises", &code).await;
    deployed(&sim, &client, project_id).await;
    let read = client.send(&ReadLive { project_id, deploy_id: None }).await.unwrap();
    assert_eq!(read.status, Some(LiveStatus::RuntimeError));
    assert!(read.stopped.is_some() && read.message.unwrap().contains("no luck"));
    assert!(held(&client, project_id).await.is_empty());
    let failed = ListLive { status: Some(LiveStatus::RuntimeError), ..ListLive::default() };
    assert_eq!(client.send(&failed).await.unwrap().live.len(), 1);
    assert!(sentence(client.send(&StopLive { project_id }).await).contains("No live deployment found"));
    // Neither its node nor its project is blocked by it.
    let nodes = client.send(&ReadProjectNodes { project_id }).await.unwrap().nodes;
    assert!(nodes.live.iter().all(|node| !node.busy));
    let project = client.send(&ReadProjects::one(project_id)).await.unwrap().projects.remove(0);
    assert!(!project.code_running);
    let again = CreateLive { node_id: nodes.live[0].id.clone(), ..request(&sim, &client, project_id).await };
    client.send(&again).await.unwrap();
    assert!(client.send(&ReadProjects::one(project_id)).await.unwrap().projects[0].code_running);
}

#[tokio::test]
async fn the_equity_chart_loads_and_is_read() {
    let (sim, client) = session().await;
    deployed(&sim, &client, PAIR).await;
    let request =
        ReadLiveChart { project_id: PAIR, name: "Strategy Equity".into(), count: 100, start: 0, end: 4_000_000_000 };
    assert_eq!(client.send(&request).await.unwrap().status.as_deref(), Some("loading"));
    sim.clock().advance(Duration::from_secs(10));
    let chart = client.send(&request).await.unwrap().chart.unwrap();
    assert_eq!(chart.series["Equity"].values.len(), 2);
}
