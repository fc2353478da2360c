//! Running algorithms: what a project's last deployment is and whether it moves real money, its parts page by page, and
//! ending it.

use std::time::Duration;

use qc_api::{
    brokerage::Money,
    endpoints::live::{
        LiquidateLive, ListLive, ReadLive, ReadLiveChart, ReadLiveInsights, ReadLiveLogs, ReadLiveOrders,
        ReadLiveTrades, StopLive,
    },
    ids::{DeployId, ProjectId},
    model::{Chart, ClosedTrade, Insight, LiveAlgorithm, LiveStatus, LiveSummary, Order},
};

use super::patience::Patience;
use crate::{
    ctx::{Ctx, Progress},
    error::{Kind, ToolError, Topic},
    flows::backtest::{Insights, Orders, PAGE, Paged, Trades},
    gate::{Deed, Door, Permit, money},
};

pub(crate) mod connected;
pub(crate) mod deploy;
pub(crate) mod hours;
pub(crate) mod reconcile;
pub(crate) mod status;

/// Most log lines the service gives at once.
pub(crate) const LOG_PAGE: i64 = 250;
/// How long a list or chart that loads is waited for, and between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(5);
/// Most rows of one list.
const MOST_ROWS: usize = 100_000;

/// The last deployment of a project, or a given one.
pub(crate) async fn read(
    door: &Door,
    project_id: ProjectId,
    deploy_id: Option<DeployId>,
) -> Result<(LiveAlgorithm, Money), ToolError> {
    let live = door.send(&ReadLive { project_id, deploy_id }).await?;
    let id = live.deploy_id.as_ref().map(DeployId::as_str);
    let money = money::of_running(door, project_id, id, live.brokerage.as_deref()).await;
    Ok((live, money))
}

/// Deployments, newest first, each with what it moves.
pub(crate) async fn list(door: &Door, request: &ListLive) -> Result<Vec<(LiveSummary, Money)>, ToolError> {
    let mut live = door.send(request).await?.live;
    live.sort_by_key(|live| std::cmp::Reverse(live.launched));
    let mut known = Vec::with_capacity(live.len());
    for live in live {
        let id = live.deploy_id.as_ref().map(DeployId::as_str);
        let money = money::of_running(door, live.project_id, id, live.brokerage.as_deref()).await;
        known.push((live, money));
    }
    Ok(known)
}

/// The word for money in answers.
pub(crate) fn word(money: Money) -> &'static str {
    match money {
        Money::Paper => "paper",
        Money::Real => "real",
    }
}

/// A status in the service's word, or ours for one we do not know.
pub(crate) fn status(status: Option<&LiveStatus>) -> &str {
    match status {
        Some(status) if LiveStatus::KNOWN.contains(status) => status.as_str(),
        Some(_) => "other",
        None => "unknown",
    }
}

/// The waiting for something that the service is still loading.
struct Loading {
    patience: Patience,
}

impl Loading {
    async fn begin(door: &Door) -> Result<Loading, ToolError> {
        Ok(Loading { patience: Patience::begin(door, LONGEST_WAIT).await? })
    }

    /// Pauses before the next look.
    async fn pause(
        &mut self,
        door: &Door,
        progress: &Progress,
        what: &str,
        share: Option<f64>,
    ) -> Result<(), ToolError> {
        let (waited, most) = (self.patience.passed(door).await?, self.patience.most());
        if most <= waited {
            let done = 100.0 * share.unwrap_or_default();
            let message = format!("{what} still load after {} s ({done:.0} %)", waited.as_secs());
            return Err(ToolError::new(Kind::NotReady, Topic::General, message));
        }
        progress.report(waited.as_secs_f64(), Some(most.as_secs_f64()), format!("{what} load"));
        door.sleep(PAUSE).await
    }
}

/// Orders from `start` up to `end`, and how many there are.
pub(crate) async fn orders(
    door: &Door,
    progress: &Progress,
    request: &ReadLiveOrders,
) -> Result<(Vec<Order>, Option<i64>), ToolError> {
    let mut loading = Loading::begin(door).await?;
    loop {
        let reply = door.send(request).await?;
        match reply.loading() {
            Some(done) => loading.pause(door, progress, "orders", done.share).await?,
            None => return Ok((reply.orders, reply.length)),
        }
    }
}

/// A chart.
pub(crate) async fn chart(door: &Door, progress: &Progress, request: &ReadLiveChart) -> Result<Chart, ToolError> {
    let mut loading = Loading::begin(door).await?;
    loop {
        let reply = door.send(request).await?;
        match reply.chart {
            Some(chart) => return Ok(chart),
            None => loading.pause(door, progress, "the points of the chart", reply.progress).await?,
        }
    }
}

/// Closed trades from `start` up to `end`, and how many there are.
pub(crate) async fn trades(
    door: &Door,
    request: &ReadLiveTrades,
) -> Result<(Vec<ClosedTrade>, Option<i64>), ToolError> {
    let reply = door.send(request).await?;
    Ok((reply.trades, reply.length))
}

/// Insights from `start` up to `end`, and how many there are.
pub(crate) async fn insights(
    door: &Door,
    request: &ReadLiveInsights,
) -> Result<(Vec<Insight>, Option<i64>), ToolError> {
    let reply = door.send(request).await?;
    Ok((reply.insights, reply.length))
}

/// What is listed of a running algorithm page by page, in the columns of a backtest's list.
pub(crate) trait LiveList: Paged {
    /// The page from `start` up to `end`, and how many rows there are.
    fn fetch(
        door: &Door,
        progress: &Progress,
        project_id: ProjectId,
        start: i64,
        end: i64,
    ) -> impl Future<Output = Result<(Vec<Self::Row>, Option<i64>), ToolError>> + Send;
}

impl LiveList for Orders {
    async fn fetch(
        door: &Door,
        progress: &Progress,
        project_id: ProjectId,
        start: i64,
        end: i64,
    ) -> Result<(Vec<Order>, Option<i64>), ToolError> {
        orders(door, progress, &ReadLiveOrders { project_id, start, end }).await
    }
}

impl LiveList for Trades {
    async fn fetch(
        door: &Door,
        _: &Progress,
        project_id: ProjectId,
        start: i64,
        end: i64,
    ) -> Result<(Vec<ClosedTrade>, Option<i64>), ToolError> {
        trades(door, &ReadLiveTrades { project_id, deploy_id: None, start, end }).await
    }
}

impl LiveList for Insights {
    async fn fetch(
        door: &Door,
        _: &Progress,
        project_id: ProjectId,
        start: i64,
        end: i64,
    ) -> Result<(Vec<Insight>, Option<i64>), ToolError> {
        insights(door, &ReadLiveInsights { project_id, start, end, algorithm_id: None }).await
    }
}

/// Every row, page by page: until a page is empty, or as many came as there are said to be.
pub(crate) async fn all<L: LiveList>(
    door: &Door,
    progress: &Progress,
    project_id: ProjectId,
) -> Result<Vec<L::Row>, ToolError> {
    let mut rows: Vec<L::Row> = Vec::new();
    loop {
        let start = i64::try_from(rows.len()).unwrap_or(i64::MAX - PAGE);
        let (more, total) = L::fetch(door, progress, project_id, start, start + PAGE).await?;
        let is_last = more.is_empty() || total.is_none() && (more.len() as i64) < PAGE;
        rows.extend(more);
        if MOST_ROWS < rows.len() {
            let message = format!("the algorithm has more than {MOST_ROWS} {}", L::NAME);
            return Err(ToolError::new(Kind::TooLarge, Topic::Live, message));
        }
        progress.report(start as f64, None, format!("{} {} read", rows.len(), L::NAME));
        // A total that equals the first page may be the page's own count: an empty page tells.
        if is_last || total.is_some_and(|total| total <= start) {
            return Ok(rows);
        }
    }
}

/// Log lines from `start` up to `end` (any distance), and how many there are in all.
pub(crate) async fn logs(
    door: &Door,
    project_id: ProjectId,
    algorithm_id: &DeployId,
    query: Option<&str>,
    start: i64,
    end: i64,
) -> Result<(Vec<String>, i64), ToolError> {
    super::log_pages::walk(start, end, LOG_PAGE, |from, to| {
        let request = ReadLiveLogs {
            project_id,
            algorithm_id: algorithm_id.clone(),
            start_line: from,
            end_line: to,
            format: "json".into(),
            deployment_logs: None,
            query: query.map(str::to_owned),
        };
        async move {
            let reply = door.send(&request).await?;
            Ok((reply.logs, reply.length))
        }
    })
    .await
}

/// How an algorithm is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It stops; what it holds is kept.
    Stop,
    /// Everything is sold, then it stops.
    Liquidate,
}

impl End {
    /// What was done, in words.
    pub(crate) fn done(self) -> &'static str {
        match self {
            End::Stop => "stopped; its holdings are kept",
            End::Liquidate => "told to sell everything and stop",
        }
    }

    fn deed(self, project_id: ProjectId) -> Deed {
        let deed = match self {
            End::Stop => Deed::new("stop, keep the holdings", &StopLive { project_id }),
            End::Liquidate => Deed::new("sell everything and stop", &LiquidateLive { project_id }),
        };
        deed.project(project_id)
    }
}

/// A running algorithm that is to be ended.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) project_id: ProjectId,
    pub(crate) deploy_id: Option<DeployId>,
    pub(crate) money: Money,
}

/// The running algorithm of a project; `None` when it has certainly ended. If it cannot be read, it counts as real
/// money, so that a human decides, but it can be ended.
pub(crate) async fn target(door: &Door, project_id: ProjectId) -> Result<Option<Target>, ToolError> {
    match read(door, project_id, None).await {
        Ok((live, _)) if live.status.as_ref().is_some_and(LiveStatus::is_terminal) => Ok(None),
        Ok((live, money)) => Ok(Some(Target { project_id, deploy_id: live.deploy_id, money })),
        Err(error) if matches!(error.kind, Kind::Refused | Kind::NotFound) => Err(error),
        Err(_) => Ok(Some(Target { project_id, deploy_id: None, money: Money::Real })),
    }
}

/// Ends these algorithms and no others, after one question if one of them moves real money. The outcome of each stands
/// at its place.
///
/// # Errors
/// When the human did not consent or the mode does not allow it: then none was touched.
pub(crate) async fn end(ctx: &Ctx, targets: &[Target], end: End) -> Result<Vec<Result<(), ToolError>>, ToolError> {
    let deeds = targets.iter().map(|target| {
        let deed = end.deed(target.project_id).money(target.money);
        match &target.deploy_id {
            Some(id) => deed.deployment(id.as_str()),
            None => deed.line(format!("the deployment of project {} could not be read", target.project_id)),
        }
    });
    let permits = ctx.permit_all(deeds.collect()).await?;
    // Side by side: in an emergency the last must not wait for the first.
    let sending =
        targets.iter().zip(permits).map(|(target, permit)| send_end(&ctx.door, target.project_id, end, permit));
    Ok(futures::future::join_all(sending).await)
}

async fn send_end(door: &Door, project_id: ProjectId, end: End, permit: Permit) -> Result<(), ToolError> {
    match end {
        End::Stop => match door.send_with(permit, &StopLive { project_id }).await {
            // A stop whose answer was lost is sent again, and the second one is refused: what has ended was stopped.
            Err(error) if matches!(error.kind, Kind::Refused | Kind::NotFound) && has_ended(door, project_id).await => {
                Ok(())
            }
            answer => answer.map(drop),
        },
        End::Liquidate => door.send_with(permit, &LiquidateLive { project_id }).await.map(drop),
    }
}

/// Whether nothing runs from a project, as far as that can be read.
async fn has_ended(door: &Door, project_id: ProjectId) -> bool {
    let running = money::running(door).await;
    running.is_ok_and(|running| running.iter().all(|live| live.project_id != project_id))
}
