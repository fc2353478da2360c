//! How running algorithms do, each at one look: state, equity and today's profit, holdings, open orders, the end of the
//! log, and what a human should look at. What cannot be read of one is named there and loses none of the others.

use futures::{StreamExt as _, future::join4, stream};
use jiff::{SignedDuration, Timestamp};
use qc_api::{
    brokerage::Money,
    endpoints::live::{ListLive, ReadLiveChart, ReadLiveOrders, ReadLivePortfolio},
    ids::{DeployId, ProjectId},
    model::{Chart, LiveAlgorithm, LiveStatus, LiveSummary, Order, OrderStatus, Portfolio},
};

use super::hours::{self, Calendar, Week};
use crate::{
    ctx::{Ctx, Progress},
    error::{Kind, ToolError},
    flows::find,
    gate::Door,
};

/// Deployments looked into at most, and how many at a time.
pub(crate) const MOST: usize = 20;
const AT_A_TIME: usize = 4;
/// Rows of one page of orders, and pages walked when the service does not say how many there are.
const PAGE: i64 = 100;
const MOST_PAGES: i64 = 20;
/// The chart of the equity, how far back it is read for yesterday's close, and in how many points.
pub(crate) const EQUITY: &str = "Strategy Equity";
/// The series of the equity in it.
pub(crate) const SERIES: &str = "Equity";
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 7);
const POINTS: i64 = 1_000;
/// Deployments that ended within this are named beside those that run.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// What a human should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    /// An error of the algorithm ended it.
    RuntimeError,
    /// It has ended otherwise.
    Stopped,
    /// It neither runs nor starts nor has ended: it waits for somebody.
    Waits,
    /// It ran for long enough without a trade.
    NoTrade,
    /// Its watcher is dead, sees nothing, or sells.
    Guard,
}

impl Flag {
    /// The word in answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Flag::RuntimeError => "runtime_error",
            Flag::Stopped => "stopped",
            Flag::Waits => "waits",
            Flag::NoTrade => "no_trade",
            Flag::Guard => "guard",
        }
    }
}

/// Profit since the last point of the equity before today (New York time).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Today {
    pub(crate) profit: f64,
    /// The equity it is counted from, and when that was.
    pub(crate) from: f64,
    pub(crate) since: Timestamp,
}

/// One deployment.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) project_id: ProjectId,
    pub(crate) live: LiveAlgorithm,
    pub(crate) is_real: bool,
    pub(crate) equity: Option<f64>,
    pub(crate) up: Option<SignedDuration>,
    pub(crate) today: Option<Today>,
    pub(crate) portfolio: Option<Portfolio>,
    pub(crate) open_orders: Vec<Order>,
    pub(crate) last_trade: Option<Timestamp>,
    /// Open market hours since the last trade, or since it was started.
    pub(crate) idle_hours: Option<f64>,
    /// How open hours were counted.
    pub(crate) counted: Option<&'static str>,
    pub(crate) log: Vec<String>,
    pub(crate) n_log_lines: i64,
    pub(crate) flags: Vec<Flag>,
    /// Its watcher, as answers say it.
    pub(crate) guard: Option<serde_json::Value>,
    /// Parts that could not be read.
    pub(crate) missing: Vec<&'static str>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Review {
    pub(crate) looked_at: Vec<Status>,
    /// Deployments of which not even the state could be read.
    pub(crate) unread: Vec<(ProjectId, ToolError)>,
    /// Running ones beyond [`MOST`].
    pub(crate) left_out: usize,
    /// Those that ended within a day.
    pub(crate) ended: Vec<LiveSummary>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) log_lines: i64,
    pub(crate) no_trade_hours: f64,
    pub(crate) calendar: Calendar,
}

/// The newest deployment of a project, whatever became of it; or all that run, or may run, in the account.
pub(crate) async fn review(ctx: &Ctx, project: Option<ProjectId>, ask: &Ask) -> Result<Review, ToolError> {
    let door = &ctx.door;
    let now = door.now().await?;
    if let Some(project_id) = project {
        // One project was asked for: that it cannot be read is the answer.
        let seen = look(door, project_id, None, ask, now).await?;
        return Ok(Review { looked_at: vec![seen], ..Review::default() });
    }
    let (mut running, ended): (Vec<LiveSummary>, Vec<LiveSummary>) = {
        let live = door.send(&ListLive::default()).await?.live;
        live.into_iter().partition(|live| !live.status.as_ref().is_some_and(LiveStatus::is_terminal))
    };
    running.sort_by_key(|live| std::cmp::Reverse(live.launched));
    let left_out = running.len().saturating_sub(MOST);
    running.truncate(MOST);
    let lately = |live: &LiveSummary| live.stopped.is_some_and(|at| now.duration_since(at) <= LATELY);
    let n = running.len();
    let mut review = Review { left_out, ended: ended.into_iter().filter(lately).collect(), ..Review::default() };
    let looks = running.into_iter().map(|summary| async move {
        (summary.project_id, look(door, summary.project_id, summary.deploy_id.clone(), ask, now).await)
    });
    let mut looks = stream::iter(looks).buffered(AT_A_TIME);
    while let Some((project_id, seen)) = looks.next().await {
        match seen {
            Ok(seen) => review.looked_at.push(seen),
            Err(error) => review.unread.push((project_id, error)),
        }
        let done = review.looked_at.len() + review.unread.len();
        ctx.progress.report(done as f64, Some(n as f64), format!("{done} of {n} deployments read"));
    }
    // What needs a human stands first.
    review.looked_at.sort_by_key(|seen| seen.flags.is_empty());
    Ok(review)
}

/// Everything about one deployment; only its state must be readable.
async fn look(
    door: &Door,
    project_id: ProjectId,
    deploy_id: Option<DeployId>,
    ask: &Ask,
    now: Timestamp,
) -> Result<Status, ToolError> {
    let (live, money) = super::read(door, project_id, deploy_id).await?;
    let id = live.deploy_id.clone().unwrap_or_default();
    let request = ReadLivePortfolio { project_id };
    let (portfolio, orders, log, curve) = join4(
        door.send(&request),
        recent_orders(door, project_id),
        tail(door, project_id, &id, ask.log_lines),
        curve(door, project_id, now),
    )
    .await;
    let mut seen = Status { project_id, is_real: money == Money::Real, ..Status::default() };
    match portfolio.map(|reply| reply.portfolio) {
        Ok(Some(portfolio)) => seen.portfolio = Some(portfolio),
        _ => seen.missing.push("holdings"),
    }
    let end = live.stopped.unwrap_or(now);
    seen.up = live.launched.map(|launched| end.duration_since(launched));
    let week = Week::of(live.security_types.as_deref());
    match orders {
        Ok(orders) => {
            seen.last_trade = last_trade(&orders, live.launched);
            let idle = seen.last_trade.or(live.launched).map(|since| ask.calendar.between(since, end, week));
            (seen.idle_hours, seen.counted) = idle.unzip();
            seen.open_orders = orders.into_iter().filter(is_open).collect();
        }
        Err(_) => seen.missing.push("orders"),
    }
    match log {
        Ok((lines, total)) => (seen.log, seen.n_log_lines) = (lines, total),
        Err(_) => seen.missing.push("log"),
    }
    seen.equity = live.runtime_statistics.figure("Equity").map(|figure| figure.value);
    match curve {
        Ok(chart) => {
            let points = closes(&chart);
            seen.equity = seen.equity.or_else(|| points.last().map(|(_, value)| *value));
            seen.today = today(&points, hours::start_of_day(end));
        }
        Err(_) => seen.missing.push("profit of today"),
    }
    seen.flags = flags(live.status.as_ref(), seen.idle_hours, ask.no_trade_hours);
    seen.live = live;
    Ok(seen)
}

fn flags(status: Option<&LiveStatus>, idle_hours: Option<f64>, no_trade_hours: f64) -> Vec<Flag> {
    let mut flags = Vec::new();
    match status {
        Some(LiveStatus::RuntimeError | LiveStatus::DeployError) => flags.push(Flag::RuntimeError),
        Some(status) if status.is_terminal() => flags.push(Flag::Stopped),
        Some(LiveStatus::Running) => {
            if idle_hours.is_some_and(|idle| no_trade_hours <= idle) {
                flags.push(Flag::NoTrade);
            }
        }
        Some(status) if status.is_starting() => {}
        _ => flags.push(Flag::Waits),
    }
    flags
}

/// The newest orders. The service says how many there are, but may mean those of the page.
async fn recent_orders(door: &Door, project_id: ProjectId) -> Result<Vec<Order>, ToolError> {
    let page = |start: i64| async move {
        let request = ReadLiveOrders { project_id, start, end: start + PAGE };
        super::orders(door, &Progress::default(), &request).await
    };
    let (mut orders, total) = page(0).await?;
    if let Some(total) = total.filter(|total| PAGE < *total) {
        let (last, _) = page(total - PAGE).await?;
        return Ok(last);
    }
    let mut start = PAGE;
    while orders.len() as i64 == start && start < PAGE * MOST_PAGES {
        let (more, _) = page(start).await?;
        orders.extend(more);
        start += PAGE;
    }
    if orders.len() as i64 == PAGE * MOST_PAGES {
        // More than was walked: the newest are not known, and old ones must not pass for them.
        return Err(ToolError::new(Kind::TooLarge, crate::error::Topic::Live, "too many orders to find the newest"));
    }
    Ok(orders)
}

fn is_open(order: &Order) -> bool {
    use OrderStatus as S;
    let open = [S::New, S::Submitted, S::PartiallyFilled, S::UpdateSubmitted, S::CancelPending];
    order.status.as_ref().is_some_and(|status| open.contains(status))
}

/// The newest execution of this deployment.
fn last_trade(orders: &[Order], launched: Option<Timestamp>) -> Option<Timestamp> {
    let filled = orders
        .iter()
        .filter(|order| matches!(order.status, Some(OrderStatus::Filled | OrderStatus::PartiallyFilled)))
        .filter_map(|order| order.last_fill_time.or_else(|| order.placed()));
    filled.filter(|at| launched.is_none_or(|launched| launched <= *at)).max()
}

/// The last lines of the log, and how many there are.
async fn tail(door: &Door, project_id: ProjectId, id: &DeployId, n: i64) -> Result<(Vec<String>, i64), ToolError> {
    // How many there are is only told by an answer.
    let (_, total) = super::logs(door, project_id, id, None, 0, 1).await?;
    if total == 0 || n == 0 {
        return Ok((Vec::new(), total));
    }
    super::logs(door, project_id, id, None, (total - n).max(0), total).await
}

async fn curve(door: &Door, project_id: ProjectId, now: Timestamp) -> Result<Chart, ToolError> {
    let start = now.checked_sub(LOOK_BACK).unwrap_or(Timestamp::UNIX_EPOCH).as_second();
    let request = ReadLiveChart { project_id, name: EQUITY.into(), count: POINTS, start, end: now.as_second() };
    super::chart(door, &Progress::default(), &request).await
}

/// The equity over time, oldest first.
pub(crate) fn closes(chart: &Chart) -> Vec<(f64, f64)> {
    use qc_api::model::Point;
    let Some(series) = chart.series.get(SERIES) else { return Vec::new() };
    let mut points: Vec<(f64, f64)> = series
        .values
        .iter()
        .filter_map(|point| match point {
            Point::Candle { x, close, .. } => Some((*x, (*close)?)),
            Point::Value { x, y } | Point::Dot { x, y, .. } => Some((*x, (*y)?)),
            Point::Tuple(_) => None,
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// What was earned since the last point before a moment; since the first one if it began after that moment.
pub(crate) fn today(points: &[(f64, f64)], start: Timestamp) -> Option<Today> {
    let start = start.as_second() as f64;
    let (at, from) = points.iter().rev().find(|(at, _)| *at < start).or(points.first())?;
    let (_, last) = points.last()?;
    Some(Today { profit: last - from, from: *from, since: Timestamp::from_second(*at as i64).ok()? })
}

/// The project a caller named.
pub(crate) async fn project(
    door: &Door,
    wanted: Option<&crate::args::ProjectArg>,
) -> Result<Option<ProjectId>, ToolError> {
    match wanted {
        Some(wanted) => Ok(Some(find::project(door, wanted).await?)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_follow_the_state_and_the_time_without_a_trade() {
        let of = |status: LiveStatus, idle| flags(Some(&status), Some(idle), 24.0);
        assert_eq!(of(LiveStatus::Running, 23.9), []);
        assert_eq!(of(LiveStatus::Running, 24.0), [Flag::NoTrade]);
        assert_eq!(of(LiveStatus::RuntimeError, 0.0), [Flag::RuntimeError]);
        assert_eq!(of(LiveStatus::Liquidated, 99.0), [Flag::Stopped]);
        assert_eq!(of(LiveStatus::PendingInput, 0.0), [Flag::Waits]);
        assert_eq!(of(LiveStatus::Initializing, 99.0), []);
        assert_eq!(flags(None, None, 24.0), [Flag::Waits]);
    }

    #[test]
    fn the_profit_of_today_counts_from_the_last_point_before_it() {
        let start = Timestamp::from_second(1_000).unwrap();
        let points = [(800.0, 99.0), (900.0, 100.0), (1_000.0, 101.0), (1_100.0, 104.0)];
        let found = today(&points, start).unwrap();
        assert_eq!((found.profit, found.from, found.since.as_second()), (4.0, 100.0, 900));
        // It began today: from its first point.
        assert_eq!(today(&points[2..], start).unwrap().profit, 3.0);
        assert_eq!(today(&[], start), None);
    }

    #[test]
    fn trades_of_an_earlier_deployment_are_not_its_own() {
        let at = |second| Timestamp::from_second(second).ok();
        let order = |second, status| Order { last_fill_time: at(second), status: Some(status), ..Order::default() };
        let orders = [order(10, OrderStatus::Filled), order(20, OrderStatus::Filled), order(30, OrderStatus::Canceled)];
        assert_eq!(last_trade(&orders, at(15)), at(20));
        assert_eq!(last_trade(&orders, at(25)), None);
        assert!(is_open(&order(1, OrderStatus::Submitted)) && !is_open(&orders[2]));
    }
}
