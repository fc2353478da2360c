//! Everything a deployment shows comes from one book: holdings, cash, orders, trades, insights, chart, log, statistics and
//! the row of the list are checked against each other.

use std::time::Duration;

use qc_api::Client;
use qc_api::brokerage::Brokerage;
use qc_api::endpoints::live::{
    CreateLive, LiquidateLive, ListLive, ReadLive, ReadLiveChart, ReadLiveInsights, ReadLiveLogs, ReadLivePortfolio,
    ReadLiveTrades, StopLive,
};
use qc_api::endpoints::live_commands::CreateLiveCommand;
use qc_api::ids::ProjectId;
use qc_api::model::{ClosedTrade, Insight, LiveAlgorithm, LiveStatus, Order, OrderStatus, OrderType, Point, Portfolio};
use qc_sim::{Sim, seed};
use serde_json::{Value, json};

use crate::live::{PAIR, deployed, orders, request, status};
use crate::{algorithm, project_with, session};

const BASKET: ProjectId = ProjectId(seed::BASKET_PROJECT_ID);

/// What is shown of the last deployment of a project.
struct Shown {
    live: LiveAlgorithm,
    portfolio: Portfolio,
    orders: Vec<Order>,
    trades: Vec<ClosedTrade>,
    insights: Vec<Insight>,
    points: Vec<Point>,
    log: Vec<String>,
    listed: f64,
}

async fn shown(sim: &Sim, client: &Client, project_id: ProjectId) -> Shown {
    let orders = orders(sim, client, project_id).await;
    let chart = ReadLiveChart { project_id, name: "Strategy Equity".into(), count: 1000, start: 0, end: 4_000_000_000 };
    client.send(&chart).await.unwrap();
    sim.clock().advance(Duration::from_secs(10));
    let chart = client.send(&chart).await.unwrap().chart.unwrap();
    let live = client.send(&ReadLive { project_id, deploy_id: None }).await.unwrap();
    let trades = ReadLiveTrades { project_id, deploy_id: live.deploy_id.clone(), start: 0, end: 1000 };
    let insights = ReadLiveInsights { project_id, start: 0, end: 100, algorithm_id: live.deploy_id.clone() };
    let list = client.send(&ListLive { project_id: Some(project_id), ..ListLive::default() }).await.unwrap();
    Shown {
        portfolio: client.send(&ReadLivePortfolio { project_id }).await.unwrap().portfolio.unwrap(),
        trades: client.send(&trades).await.unwrap().trades,
        insights: client.send(&insights).await.unwrap().insights,
        log: log(client, project_id).await,
        listed: list.live[0].equity.unwrap(),
        points: chart.series["Equity"].values.clone(),
        orders,
        live,
    }
}

async fn log(client: &Client, project_id: ProjectId) -> Vec<String> {
    let algorithm_id = client.send(&ReadLive { project_id, deploy_id: None }).await.unwrap().deploy_id.unwrap();
    let logs = ReadLiveLogs {
        project_id,
        algorithm_id,
        start_line: 0,
        end_line: 250,
        format: "json".into(),
        deployment_logs: Some(true),
        query: None,
    };
    client.send(&logs).await.unwrap().logs
}

#[track_caller]
fn same(what: &str, a: f64, b: f64) {
    assert!((a - b).abs() < 0.01, "{what}: {a} {b}");
}

fn order(ticker: &str, kind: &str, quantity: f64, limit: f64, stop: f64) -> Value {
    json!({ "$type": "OrderCommand", "symbol": { "value": ticker }, "order_type": kind, "quantity": quantity,
        "limit_price": limit, "stop_price": stop, "tag": "by hand" })
}

async fn send(sim: &Sim, client: &Client, project_id: ProjectId, command: Value) {
    client.send(&CreateLiveCommand { project_id, command }).await.unwrap();
    sim.clock().advance(Duration::from_secs(60));
}

fn check(shown: &Shown, start: f64) {
    let filled: Vec<&Order> = shown.orders.iter().filter(|o| o.status == Some(OrderStatus::Filled)).collect();
    let fees: f64 = filled.iter().flat_map(|order| &order.events).filter_map(|event| event.order_fee_amount).sum();
    let spent: f64 = filled.iter().filter_map(|order| order.value).sum();
    let held: f64 = shown.portfolio.holdings.values().map(|holding| holding.market_value).sum();
    let cash = shown.portfolio.cash["USD"].amount;
    same("cash", cash, start - spent - fees);
    for (sid, holding) in &shown.portfolio.holdings {
        let of_it = filled.iter().filter(|order| order.symbol.id == *sid);
        same(sid, holding.quantity, of_it.filter_map(|order| order.quantity).sum());
    }
    let equity = cash + held;
    let runtime = |name: &str| shown.live.runtime_statistics.figure(name).unwrap().value;
    same("equity", runtime("Equity"), equity);
    same("list", shown.listed, equity);
    same("fees", runtime("Fees").abs(), fees);
    same("holdings", runtime("Holdings"), held);
    same("net profit", runtime("Net Profit"), equity - start);
    same("chart", shown.points.last().and_then(Point::value).unwrap(), equity);
    let Point::Candle { open, .. } = shown.points[0] else { panic!("{:?}", shown.points[0]) };
    same("chart's beginning", open.unwrap(), start);
    let lines = |word: &str| shown.log.iter().filter(|line| line.contains(word)).count();
    assert_eq!(lines(" Bought ") + lines(" Sold "), filled.len(), "{:#?}", shown.log);
    for trade in &shown.trades {
        assert!(trade.order_ids.iter().all(|id| filled.iter().any(|order| order.id == *id)));
        assert_eq!(trade.orders.len(), 2);
    }
    for insight in &shown.insights {
        let bought = filled.iter().find(|order| Some(&order.symbol.id) == insight.symbol.as_ref()).unwrap();
        assert_eq!((insight.reference, insight.generated_time), (bought.price, bought.time));
    }
}

#[tokio::test]
async fn all_that_is_shown_of_a_deployment_agrees() {
    let (sim, client) = session().await;
    deployed(&sim, &client, BASKET).await;
    check(&shown(&sim, &client, BASKET).await, 250_000.0);
    let some = shown(&sim, &client, BASKET).await;
    assert_eq!((some.insights.len(), some.orders.len(), some.trades.len()), (4, 4, 0));
    assert!(some.insights.iter().all(|insight| !insight.score_final));
    assert!(some.orders.iter().all(|order| order.kind == Some(OrderType::Market)), "{:?}", some.orders);
    let ticker = some.orders[0].symbol.value.clone();
    send(&sim, &client, BASKET, order(&ticker, "market", -3.0, 0.0, 0.0)).await;
    sim.clock().advance(Duration::from_secs(48 * 3600));
    client.send(&LiquidateLive { project_id: BASKET }).await.unwrap();
    let end = shown(&sim, &client, BASKET).await;
    check(&end, 250_000.0);
    assert!(end.portfolio.holdings.is_empty() && end.insights.iter().all(|insight| insight.score_final));
    assert_eq!((end.orders.len(), end.trades.len()), (9, 5));
    // The one that was touched ended then, the others after a day.
    let periods: Vec<f64> = end.insights.iter().filter_map(|insight| insight.period).collect();
    assert!(periods[0] < 86_400.0 && periods[1..].iter().all(|period| *period == 86_400.0), "{periods:?}");
    // Code that says nothing of insights has none.
    deployed(&sim, &client, PAIR).await;
    assert!(shown(&sim, &client, PAIR).await.insights.is_empty());
}

#[tokio::test]
async fn orders_have_the_type_that_was_asked_for_and_wait_for_their_price() {
    let (sim, client) = session().await;
    deployed(&sim, &client, PAIR).await;
    let first = &orders(&sim, &client, PAIR).await[0];
    let (ticker, price) = (first.symbol.value.clone(), first.price.unwrap());
    for (kind, quantity, limit, stop) in [
        ("market", -1.0, 0.0, 0.0),
        ("limit", 2.0, 0.5 * price, 0.0),
        ("limit", -3.0, 0.5 * price, 0.0),
        ("stop_market", 4.0, 0.0, 2.0 * price),
        ("stop_market", -5.0, 0.0, 2.0 * price),
        ("stop_limit", -6.0, 3.0 * price, 2.0 * price),
        ("market_on_open", 7.0, 0.0, 0.0),
        ("market", 1e9, 0.0, 0.0),
        ("market", 0.4, 0.0, 0.0),
    ] {
        send(&sim, &client, PAIR, order(&ticker, kind, quantity, limit, stop)).await;
    }
    let sent = shown(&sim, &client, PAIR).await;
    check(&sent, 100_000.0);
    use {OrderStatus as S, OrderType as T};
    let told: Vec<(T, S)> =
        sent.orders[2..].iter().map(|order| (order.kind.clone().unwrap(), order.status.clone().unwrap())).collect();
    assert_eq!(
        told,
        [
            (T::Market, S::Filled),
            (T::Limit, S::Submitted),
            (T::Limit, S::Filled),
            (T::StopMarket, S::Submitted),
            (T::StopMarket, S::Filled),
            (T::StopLimit, S::Submitted),
            (T::MarketOnOpen, S::Invalid),
            (T::Market, S::Invalid),
            (T::Market, S::Invalid),
        ]
    );
    let waits = &sent.orders[3];
    assert_eq!((waits.limit_price, waits.price, waits.last_fill_time), (Some(0.5 * price), Some(0.0), None));
    assert_eq!((waits.tag.as_deref(), waits.events.len()), (Some("by hand"), 1));
    let refused = sent.orders[9].events[0].message.clone().unwrap();
    assert!(refused.contains("Insufficient buying power"), "{refused}");
    assert!(sent.log.iter().any(|line| line.contains("Order Error: ids: [10], Insufficient buying power")));
    // What still waits is cancelled before everything is sold.
    client.send(&LiquidateLive { project_id: PAIR }).await.unwrap();
    let end = shown(&sim, &client, PAIR).await;
    check(&end, 100_000.0);
    let statuses: Vec<Option<S>> = [3, 5, 7].map(|at: usize| end.orders[at].status.clone()).into();
    assert_eq!(statuses, vec![Some(S::Canceled); 3]);
    assert!(end.orders[3].canceled_time.is_some() && end.portfolio.holdings.is_empty());
}

#[tokio::test]
async fn cash_keeps_its_currency_and_holdings_are_taken_over() {
    let (sim, client) = session().await;
    let paper = json!({ "id": "QuantConnectBrokerage",
        "cash": [{ "currency": "USD", "amount": 20_000 }, { "currency": "EUR", "amount": 7_000 },
            { "currency": "USD", "amount": 1_000 }],
        "holdings": [{ "symbolId": "IBM R735QTJ8XC9X", "symbol": "IBM", "quantity": 10, "averagePrice": 1 },
            { "symbolId": "NOPE 1", "symbol": "NOPE", "quantity": 1, "averagePrice": 1 }] });
    let brokerage = Brokerage::from_json(&paper.to_string()).unwrap();
    let create = CreateLive { brokerage, ..request(&sim, &client, PAIR).await };
    client.send(&create).await.unwrap();
    let held = client.send(&ReadLivePortfolio { project_id: PAIR }).await.unwrap().portfolio.unwrap();
    let ibm = held.holdings.values().next().unwrap().clone();
    assert_eq!((held.holdings.len(), ibm.quantity, ibm.average_price), (1, 10.0, 1.0));
    same("unrealized", ibm.unrealized, 10.0 * (ibm.market_price - 1.0));
    let euros = &held.cash["EUR"];
    assert_eq!((held.cash["USD"].amount, euros.amount), (21_000.0, 7_000.0));
    assert_eq!((euros.conversion_rate, euros.value_in_account_currency), (Some(0.0), Some(0.0)));
    sim.clock().advance(Duration::from_secs(60));
    let running = shown(&sim, &client, PAIR).await;
    let worth = 21_000.0 + ibm.market_value;
    same(
        "start",
        running
            .points
            .first()
            .map(|point| if let Point::Candle { open, .. } = point { open.unwrap() } else { 0.0 })
            .unwrap(),
        worth,
    );
    let lost = running.live.runtime_statistics.figure("Fees").unwrap().value.abs();
    same("equity", running.live.runtime_statistics.figure("Equity").unwrap().value, worth - lost);
    same("unrealized", running.live.runtime_statistics.figure("Unrealized").unwrap().value, ibm.unrealized);
    for word in ["7000.00 EUR count as nothing", "NOPE is left out"] {
        assert!(running.log.iter().any(|line| line.contains(word)), "{:#?}", running.log);
    }
    // What it was given is sold without a trade: there is no order that bought it.
    client.send(&LiquidateLive { project_id: PAIR }).await.unwrap();
    let end = shown(&sim, &client, PAIR).await;
    assert!(end.portfolio.holdings.is_empty() && end.orders.iter().any(|order| order.symbol.value == "IBM"));
    assert!(!end.trades.is_empty() && end.trades.iter().all(|trade| trade.symbols[0].value != "IBM"));
}

#[tokio::test]
async fn what_was_stopped_before_it_ran_never_ran() {
    let (sim, client) = session().await;
    client.send(&request(&sim, &client, PAIR).await).await.unwrap();
    client.send(&StopLive { project_id: PAIR }).await.unwrap();
    sim.clock().advance(Duration::from_secs(600));
    assert_eq!(status(&client, PAIR).await, LiveStatus::Stopped);
    let shown = shown(&sim, &client, PAIR).await;
    assert!(shown.orders.is_empty() && shown.points.is_empty() && shown.portfolio.holdings.is_empty());
    assert!(!shown.log.iter().any(|line| line.contains("is running")), "{:?}", shown.log);
    assert!(shown.log.last().unwrap().ends_with("Algorithm ended: Stopped"), "{:?}", shown.log);
    // Code that would have raised was stopped all the same.
    let code = algorithm(&["self.add_equity(\"KO\")", "raise ValueError(\"no luck\")"]);
    let project_id = project_with(&client, "Raises", &code).await;
    client.send(&request(&sim, &client, project_id).await).await.unwrap();
    client.send(&StopLive { project_id }).await.unwrap();
    sim.clock().advance(Duration::from_secs(600));
    assert_eq!(status(&client, project_id).await, LiveStatus::Stopped);
    assert!(!log(&client, project_id).await.iter().any(|line| line.contains("no luck")));
}

#[tokio::test]
async fn the_log_goes_back_a_year() {
    let (sim, client) = session().await;
    deployed(&sim, &client, PAIR).await;
    client.send(&StopLive { project_id: PAIR }).await.unwrap();
    assert!(!log(&client, PAIR).await.is_empty());
    sim.clock().advance(Duration::from_secs(364 * 86_400));
    assert!(!log(&client, PAIR).await.is_empty());
    sim.clock().advance(Duration::from_secs(2 * 86_400));
    assert!(log(&client, PAIR).await.is_empty());
}
