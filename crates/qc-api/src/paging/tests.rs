//! Every row once, whatever `length` means, and no request more than needed.

use std::cell::RefCell;

use super::*;
use crate::ids::{BacktestId, ProjectId};

type Meaning = fn(total: i64, given: i64) -> Option<i64>;
const TOTAL: Meaning = |total, _| Some(total);
const GIVEN: Meaning = |_, given| Some(given);
const NONE: Meaning = |_, _| None;

fn logs() -> ReadBacktestLogs {
    ReadBacktestLogs { project_id: ProjectId(1), backtest_id: BacktestId::from("b"), ..ReadBacktestLogs::default() }
}

/// A list of `total` lines whose `length` has this meaning.
async fn walk(total: i64, most: usize, length: Meaning) -> (Vec<String>, Vec<(i64, i64)>) {
    let asked = RefCell::new(Vec::new());
    let rows = collect(logs(), 0, most, |request: ReadBacktestLogs| {
        asked.borrow_mut().push((request.start, request.end));
        let logs: Vec<_> = (request.start..request.end.min(total)).map(|line| line.to_string()).collect();
        let given = i64::try_from(logs.len()).unwrap();
        async move { Ok(LogsReply { logs, length: length(total, given) }) }
    })
    .await
    .unwrap();
    (rows, asked.into_inner())
}

#[tokio::test]
async fn every_row_comes_once_whatever_length_means() {
    for length in [TOTAL, GIVEN, NONE] {
        for total in [0, 1, 199, 200, 201, 400, 450] {
            let (rows, asked) = walk(total, usize::MAX, length).await;
            assert_eq!(rows, (0..total).map(|line| line.to_string()).collect::<Vec<_>>());
            assert!(asked.iter().all(|(start, end)| end - start == 200), "{asked:?}");
        }
    }
}

#[tokio::test]
async fn asks_no_further_than_wanted_or_than_length_says() {
    let (rows, asked) = walk(1_000, 250, TOTAL).await;
    assert_eq!((rows.len(), asked), (250, vec![(0, 200), (200, 400)]));
    assert_eq!(walk(400, usize::MAX, TOTAL).await.1.len(), 2, "400 of 400 were seen: the length counts all");
    assert_eq!(walk(400, usize::MAX, GIVEN).await.1.len(), 3, "200 in a window of 200 may go on");
}

/// A server that gives the same rows whatever the window.
async fn stuck<E: Paged>(request: E, reply: E::Reply) -> Result<Vec<E::Item>>
where
    E::Reply: Clone,
{
    collect(request, 0, 100_000, |_| async { Ok(reply.clone()) }).await
}

#[tokio::test]
async fn a_server_that_heeds_no_positions_is_an_error_not_a_walk_without_end() {
    let orders: Vec<Order> = (0..100).map(|id| Order { id, ..Order::default() }).collect();
    for length in [None, Some(100), Some(500)] {
        let reply = OrdersReply { orders: orders.clone(), length };
        let error = stuck(ReadBacktestOrders::default(), reply).await.unwrap_err();
        assert!(error.to_string().contains("the rows from 100 on are those from 0 on"), "{error}");
    }
    let same = LogsReply { logs: vec!["tick".into(); 200], length: None };
    assert!(stuck(logs(), same).await.is_err());
}

#[tokio::test]
async fn equal_log_lines_are_kept_as_far_as_length_promises_them() {
    let same = LogsReply { logs: vec!["tick".into(); 200], length: Some(600) };
    assert_eq!(stuck(logs(), same).await.unwrap().len(), 600);
}

#[tokio::test]
async fn a_server_that_gives_everything_at_once_is_asked_once() {
    let asked = RefCell::new(0);
    let orders: Vec<Order> = (0..250).map(|id| Order { id, ..Order::default() }).collect();
    let rows = collect(ReadBacktestOrders::default(), 0, usize::MAX, |_| {
        *asked.borrow_mut() += 1;
        let orders = orders.clone();
        async move { Ok(OrdersReply { orders, length: None }) }
    })
    .await
    .unwrap();
    assert_eq!((rows.len(), asked.into_inner()), (250, 1));
}

#[tokio::test]
async fn orders_that_are_still_loading_are_not_taken_for_none() {
    let loading = LiveOrdersReply { progress: Some(0.4), status: Some("loading".into()), ..Default::default() };
    let error = stuck(ReadLiveOrders::default(), loading).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("loading"), "{error}");
    let none = LiveOrdersReply { length: Some(0), ..Default::default() };
    assert_eq!(stuck(ReadLiveOrders::default(), none).await.unwrap(), []);
}

#[test]
fn windows_are_as_wide_as_the_service_allows() {
    fn window<E: Paged + serde::Serialize>(request: &E) -> serde_json::Value {
        serde_json::to_value(request.window(E::LIMIT, 2 * E::LIMIT)).unwrap()
    }
    let live_logs = ReadLiveLogs { start_line: 7, format: "json".into(), ..ReadLiveLogs::default() };
    for (asked, members, limit) in [
        (window(&ReadBacktestOrders::default()), ("start", "end"), 100),
        (window(&ReadBacktestInsights::default()), ("start", "end"), 100),
        (window(&ReadBacktestTrades::default()), ("start", "end"), 100),
        (window(&ReadBacktestLogs::default()), ("start", "end"), 200),
        (window(&ReadLiveOrders::default()), ("start", "end"), 1000),
        (window(&ReadLiveTrades::default()), ("start", "end"), 1000),
        (window(&ReadLiveInsights::default()), ("start", "end"), 100),
        (window(&live_logs), ("startLine", "endLine"), 250),
        (window(&ReadProjects::default()), ("start", "end"), 100),
        (window(&ListDataIssues::default()), ("start", "end"), 20),
    ] {
        assert_eq!((&asked[members.0], &asked[members.1]), (&limit.into(), &(2 * limit).into()), "{asked}");
    }
    assert_eq!(live_logs.start(), 7);
}
