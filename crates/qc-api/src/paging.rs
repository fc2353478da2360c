//! Walking long lists piece by piece.
//!
//! Most lists are cut by position: rows from `start` (included) to `end` (not), at most so many at a time. Whether
//! their `length` counts all rows or only those given is not documented for every list, so a walk goes on until a
//! window comes back short and the rows seen reach `length`. The object store is cut into numbered pages.
//!
//! | Request | Rows at a time | `length` is |
//! |---|---|---|
//! | [`ReadBacktestOrders`], [`ReadBacktestInsights`] | 100 | not documented |
//! | [`ReadBacktestTrades`] | 100 (no limit is documented) | all rows |
//! | [`ReadBacktestLogs`] | 200 lines | all lines that match |
//! | [`ReadLiveOrders`], [`ReadLiveTrades`] | 1000 | not documented; all rows |
//! | [`ReadLiveInsights`] | 100 | not documented |
//! | [`ReadLiveLogs`] | 250 lines | lines of all deployments |
//! | [`ReadProjects`] | 100 (no limit is documented) | - |
//! | [`ListDataIssues`] | 20 (the default; no limit is documented) | all that match |
//! | [`ListObjects`] | what the service puts on a page | number of pages |
//!
//! Everything else comes whole: lists of backtests, optimizations, deployments, files, nodes, and the paths of
//! [`crate::endpoints::data::ListData`].

mod objects;

use futures::stream::{Stream, StreamExt as _, TryStreamExt as _, try_unfold};

use crate::endpoint::Endpoint;
use crate::endpoints::backtests::{
    InsightsReply, LogsReply, OrdersReply, ReadBacktestInsights, ReadBacktestLogs, ReadBacktestOrders,
    ReadBacktestTrades, TradesReply,
};
use crate::endpoints::community::{DataIssue, DataIssuesReply, ListDataIssues};
use crate::endpoints::live::{
    LiveInsightsReply, LiveLogsReply, LiveOrdersReply, LiveTradesReply, ReadLiveInsights, ReadLiveLogs, ReadLiveOrders,
    ReadLiveTrades,
};
#[cfg(doc)]
use crate::endpoints::object_store::ListObjects;
use crate::endpoints::projects::{ProjectsReply, ReadProjects};
use crate::error::{Error, Result};
use crate::model::{ClosedTrade, Insight, Order, Project};
use crate::poll::Progress;

pub use objects::object_pages;

/// A request for a window of a list.
pub trait Paged: Endpoint + Clone {
    /// One row.
    type Item: Clone + PartialEq + Send;
    /// Rows the service gives at most at a time.
    const LIMIT: i64;
    /// Whether no two rows of the list are equal. Log lines may be; what carries a number or an id is not.
    const DISTINCT: bool = true;
    /// The position this request begins at.
    fn start(&self) -> i64;
    /// The same request for another window.
    #[must_use]
    fn window(&self, start: i64, end: i64) -> Self;
    /// The rows of an answer, and `length`.
    fn rows(reply: Self::Reply) -> (Vec<Self::Item>, Option<i64>);
    /// How far the service is, when an answer has no rows because they are still being loaded.
    fn loading(_reply: &Self::Reply) -> Option<Progress> {
        None
    }
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

/// Where a walk is.
struct Walk<E: Paged> {
    next: Option<i64>,
    /// The first and the last row of the window before.
    before: Option<(E::Item, E::Item)>,
    request: E,
}

/// Every window of a list from position `start`, one after the other; nothing is asked before it is wanted.
///
/// `send` sends one request: `|request| client.send(request)` with an owned request, or anything that stands
/// before a client. Stops after an empty window, after a short one that reaches `length`, and after a full one
/// that reaches a `length` known to count all rows. [`crate::Client::rows`] is this with a client.
///
/// # Errors
/// Whatever `send` returns; [`Error::Shape`] when a window repeats the one before, for then the service does not
/// heed positions and the walk would not end; [`Error::DeadlinePassed`] when the rows are still being loaded (a
/// client's own [`crate::Client::rows`] waits for them).
pub fn pages<'a, E, S, Fut>(request: E, start: i64, send: S) -> impl Stream<Item = Result<Page<E::Item>>> + 'a
where
    E: Paged + 'a,
    S: Fn(E) -> Fut + 'a,
    Fut: Future<Output = Result<E::Reply>> + 'a,
{
    let walk = Walk { next: Some(start.max(0)), before: None, request };
    try_unfold((walk, send), |(mut walk, send)| async move {
        let Some(start) = walk.next else { return Ok(None) };
        let end = start.saturating_add(E::LIMIT);
        let reply = send(walk.request.window(start, end)).await?;
        if let Some(progress) = E::loading(&reply) {
            return Err(Error::DeadlinePassed { waited: std::time::Duration::ZERO, last: progress.state });
        }
        let (rows, length) = E::rows(reply);
        let given = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let seen = start.saturating_add(given);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let more_promised = length.is_some_and(|length| start < length) && !E::DISTINCT;
        if !more_promised && walk.before.as_ref().is_some_and(|(a, b)| (a, b) == (first, last)) {
            return Err(Error::Shape {
                endpoint: E::PATH.to_owned(),
                path: String::new(),
                message: format!("the rows from {start} on are those from {} on", start.saturating_sub(E::LIMIT)),
            });
        }
        walk.before = Some((first.clone(), last.clone()));
        let short = seen < end;
        let reached = length.is_none_or(|length| length <= seen);
        // A `length` other than the number of rows given can only count all rows.
        let counts_all = length.is_some_and(|length| length != given) && reached;
        // A server that gives more rows than asked for has given the whole list.
        walk.next = if (short && reached) || counts_all || end < seen { None } else { Some(seen) };
        Ok(Some((Page { start, rows, length }, (walk, send))))
    })
}

/// The rows of a list from position `start`, at most `most` of them.
///
/// # Errors
/// As [`pages`].
pub async fn collect<E, S, Fut>(request: E, start: i64, most: usize, send: S) -> Result<Vec<E::Item>>
where
    E: Paged,
    S: Fn(E) -> Fut,
    Fut: Future<Output = Result<E::Reply>>,
{
    rows(request, start, send).take(most).try_collect().await
}

/// The rows of a list from position `start`, one by one.
pub(crate) fn rows<'a, E, S, Fut>(request: E, start: i64, send: S) -> impl Stream<Item = Result<E::Item>> + 'a
where
    E: Paged + 'a,
    S: Fn(E) -> Fut + 'a,
    Fut: Future<Output = Result<E::Reply>> + 'a,
{
    pages(request, start, send).map_ok(|page| futures::stream::iter(page.rows).map(Ok)).try_flatten()
}

/// Says how a request with `start` and `end` and an answer with `length` are paged.
macro_rules! paged {
    ($request:ty, $reply:ident { $rows:ident: $item:ty }, $limit:literal $(, $more:item)*) => {
        impl Paged for $request {
            type Item = $item;
            const LIMIT: i64 = $limit;
            fn start(&self) -> i64 {
                self.start
            }
            fn window(&self, start: i64, end: i64) -> Self {
                Self { start, end, ..self.clone() }
            }
            fn rows(reply: $reply) -> (Vec<$item>, Option<i64>) {
                (reply.$rows, reply.length)
            }
            $($more)*
        }
    };
}

paged!(ReadBacktestOrders, OrdersReply { orders: Order }, 100);
paged!(ReadBacktestInsights, InsightsReply { insights: Insight }, 100);
paged!(ReadBacktestTrades, TradesReply { trades: ClosedTrade }, 100);
paged!(ReadBacktestLogs, LogsReply { logs: String }, 200, const DISTINCT: bool = false;);
paged!(
    ReadLiveOrders,
    LiveOrdersReply { orders: Order },
    1000,
    fn loading(reply: &LiveOrdersReply) -> Option<Progress> {
        reply.loading()
    }
);
paged!(ReadLiveTrades, LiveTradesReply { trades: ClosedTrade }, 1000);
paged!(ReadLiveInsights, LiveInsightsReply { insights: Insight }, 100);

impl Paged for ReadLiveLogs {
    type Item = String;
    const LIMIT: i64 = 250;
    const DISTINCT: bool = false;
    fn start(&self) -> i64 {
        self.start_line
    }
    fn window(&self, start: i64, end: i64) -> Self {
        Self { start_line: start, end_line: end, ..self.clone() }
    }
    fn rows(reply: LiveLogsReply) -> (Vec<String>, Option<i64>) {
        (reply.logs, reply.length)
    }
}

impl Paged for ListDataIssues {
    type Item = DataIssue;
    const LIMIT: i64 = 20;
    fn start(&self) -> i64 {
        self.start.unwrap_or_default()
    }
    fn window(&self, start: i64, end: i64) -> Self {
        Self { start: Some(start), end: Some(end), ..self.clone() }
    }
    fn rows(reply: DataIssuesReply) -> (Vec<DataIssue>, Option<i64>) {
        (reply.results, reply.results_found)
    }
}

impl Paged for ReadProjects {
    type Item = Project;
    const LIMIT: i64 = 100;
    fn start(&self) -> i64 {
        self.start.unwrap_or_default()
    }
    fn window(&self, start: i64, end: i64) -> Self {
        Self { project_id: None, start: Some(start), end: Some(end), ..self.clone() }
    }
    fn rows(reply: ProjectsReply) -> (Vec<Project>, Option<i64>) {
        (reply.projects, None)
    }
}

#[cfg(test)]
mod tests;
