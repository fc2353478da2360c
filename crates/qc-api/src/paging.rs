//! Walking long lists window by window.
//!
//! The service gives rows from `start` (included) to `end` (not), at most so many at a time. Whether its
//! `length` counts all rows or only those given is not documented, so a walk goes on until a window comes back
//! short and the rows seen reach `length`.

use futures::stream::{Stream, StreamExt as _, TryStreamExt as _, try_unfold};

use crate::endpoint::Endpoint;
use crate::endpoints::backtests::{
    InsightsReply, LogsReply, OrdersReply, ReadBacktestInsights, ReadBacktestLogs, ReadBacktestOrders,
    ReadBacktestTrades, TradesReply,
};
use crate::endpoints::projects::{ProjectsReply, ReadProjects};
use crate::error::Result;
use crate::model::{ClosedTrade, Insight, Order, Project};

/// A request for a window of a list.
pub trait Paged: Endpoint + Clone {
    /// One row.
    type Item: Send;
    /// Rows the service gives at most at a time.
    const LIMIT: i64;
    /// The same request for another window.
    #[must_use]
    fn window(&self, start: i64, end: i64) -> Self;
    /// The rows of an answer, and `length`.
    fn rows(reply: Self::Reply) -> (Vec<Self::Item>, Option<i64>);
}

/// One window of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The position of the first row.
    pub start: i64,
    /// The rows.
    pub rows: Vec<T>,
    /// What the service says about the number of rows.
    pub length: Option<i64>,
}

/// Every window of a list from position `start`, one after the other; nothing is asked before it is wanted.
///
/// `send` sends one request: `|request| client.send(request)` with an owned request, or anything that stands
/// before a client. Stops after an empty window, after a short one that reaches `length`, and in any case when a
/// window brings nothing new.
pub fn pages<'a, E, S, Fut>(request: E, start: i64, send: S) -> impl Stream<Item = Result<Page<E::Item>>> + 'a
where
    E: Paged + 'a,
    S: Fn(E) -> Fut + 'a,
    Fut: Future<Output = Result<E::Reply>> + 'a,
{
    try_unfold((Some(start.max(0)), request, send), |(next, request, send)| async move {
        let Some(start) = next else { return Ok(None) };
        let end = start.saturating_add(E::LIMIT);
        let (rows, length) = E::rows(send(request.window(start, end)).await?);
        if rows.is_empty() {
            return Ok(None);
        }
        let seen = start.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        let short = seen < end;
        let reached = length.is_none_or(|length| length <= seen);
        // A server that gives more rows than asked for has given the whole list.
        let next = if (short && reached) || end < seen { None } else { Some(seen) };
        Ok(Some((Page { start, rows, length }, (next, request, send))))
    })
}

/// The rows of a list from position `start`, at most `most` of them.
///
/// # Errors
/// Whatever `send` returns.
pub async fn collect<E, S, Fut>(request: E, start: i64, most: usize, send: S) -> Result<Vec<E::Item>>
where
    E: Paged,
    S: Fn(E) -> Fut,
    Fut: Future<Output = Result<E::Reply>>,
{
    let rows = pages(request, start, send).map_ok(|page| futures::stream::iter(page.rows).map(Ok)).try_flatten();
    rows.take(most).try_collect().await
}

/// Says how a request with `start` and `end` and an answer with `length` are paged.
macro_rules! paged {
    ($request:ty, $reply:ident { $rows:ident: $item:ty }, $limit:literal) => {
        impl Paged for $request {
            type Item = $item;
            const LIMIT: i64 = $limit;
            fn window(&self, start: i64, end: i64) -> Self {
                Self { start, end, ..self.clone() }
            }
            fn rows(reply: $reply) -> (Vec<$item>, Option<i64>) {
                (reply.$rows, reply.length)
            }
        }
    };
}

paged!(ReadBacktestOrders, OrdersReply { orders: Order }, 100);
paged!(ReadBacktestInsights, InsightsReply { insights: Insight }, 100);
paged!(ReadBacktestTrades, TradesReply { trades: ClosedTrade }, 100);
paged!(ReadBacktestLogs, LogsReply { logs: String }, 200);

impl Paged for ReadProjects {
    type Item = Project;
    const LIMIT: i64 = 100;
    fn window(&self, start: i64, end: i64) -> Self {
        Self { project_id: None, start: Some(start), end: Some(end), ..self.clone() }
    }
    fn rows(reply: ProjectsReply) -> (Vec<Project>, Option<i64>) {
        (reply.projects, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BacktestId, ProjectId};
    use std::cell::RefCell;

    /// A list of `total` lines whose `length` is the total, the page, or missing.
    async fn walk(total: i64, most: usize, length: fn(i64, i64) -> Option<i64>) -> (Vec<String>, Vec<(i64, i64)>) {
        let asked = RefCell::new(Vec::new());
        let request = ReadBacktestLogs {
            project_id: ProjectId(1),
            backtest_id: BacktestId::from("b"),
            ..ReadBacktestLogs::default()
        };
        let rows = collect(request, 0, most, |request: ReadBacktestLogs| {
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
        let meanings: [fn(i64, i64) -> Option<i64>; 3] = [|total, _| Some(total), |_, given| Some(given), |_, _| None];
        for length in meanings {
            for total in [0, 1, 199, 200, 201, 450] {
                let (rows, asked) = walk(total, usize::MAX, length).await;
                assert_eq!(rows, (0..total).map(|line| line.to_string()).collect::<Vec<_>>());
                assert!(asked.iter().all(|(start, end)| end - start == 200), "{asked:?}");
            }
        }
    }

    #[tokio::test]
    async fn asks_no_further_than_wanted() {
        let (rows, asked) = walk(1_000, 250, |total, _| Some(total)).await;
        assert_eq!((rows.len(), asked), (250, vec![(0, 200), (200, 400)]));
    }
}
