//! Backtests: queue, run by the clock, read in pieces, label, delete.

mod shown;

use std::sync::Arc;
use std::time::Duration;

use qc_api::endpoints::Done;
use qc_api::endpoints::backtests::{
    BacktestReply, BacktestsReply, CreateBacktest, DeleteBacktest, InsightsReply, ListBacktests, LogsReply,
    OrdersReply, ReadBacktest, ReadBacktestChart, ReadBacktestInsights, ReadBacktestLogs, ReadBacktestOrders,
    ReadBacktestReport, ReadBacktestTrades, ReportReply, TradesReply, UpdateBacktest, UpdateBacktestTags,
};
use qc_api::endpoints::compile::CompileState;
use qc_api::model::{BacktestStatus, BacktestSummary, ChartReply};

use self::shown::{document, shown, summary};
use crate::clock::later;
use crate::code;
use crate::endpoints::compile;
use crate::market::Market;
use crate::refuse::{self, Answer};
use crate::report::Report;
use crate::run::charts;
use crate::world::{Backtest, Call, Machine, World};

/// Rows of orders, insights or trades one answer may hold.
const ROWS: i64 = 100;
/// Lines of a log one answer may hold.
const LINES: i64 = 200;
/// The window in which an organization's log quota is counted.
const HOURS_OF_LOG_QUOTA: i64 = 24;
/// The node model of the free plan, whose backtests wait longer.
const FREE_MODEL: &str = "B-MICRO";

/// How far a backtest is.
enum Progress {
    Queued,
    /// Fraction done.
    Running(f64),
    Done,
}

pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateBacktest) -> Answer<BacktestReply> {
    let compile = world.compile(call, request.project_id.0, request.compile_id.as_str())?;
    if compile::state(compile, call) != CompileState::BuildSuccess {
        return Err(refuse::compile_not_successful(&compile.id));
    }
    let (project, compile) = (compile.project, compile.id.clone());
    world.project_to_change(call, project)?;
    if request.backtest_name.trim().is_empty() {
        return Err(refuse::name_not_valid());
    }
    let Machine { name: node, sku, .. } = free_node(world, call, project)?;
    throttle(world, call)?;
    let delay = if sku == FREE_MODEL { call.jobs.free_node_delay } else { Duration::ZERO };
    let started = later(call.now, call.jobs.backtest_queue + delay);
    let backtest = Backtest {
        id: world.draw_id(),
        project,
        compile,
        name: request.backtest_name,
        note: None,
        tags: Vec::new(),
        parameters: request.parameters.into_iter().collect(),
        created: call.now,
        started,
        finished: later(started, call.jobs.backtest_run),
        snapshot: world.draw_number(),
        node,
        charts_asked: Default::default(),
        report_asked: None,
        optimization: None,
        report: Default::default(),
    };
    let reply = BacktestReply { backtest: shown(world, call, &backtest)?, debugging: false };
    world.backtests.insert(backtest.id.clone(), backtest);
    world.starts.push((call.now, call.user));
    Ok(reply)
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadBacktest) -> Answer<BacktestReply> {
    let backtest = world.backtest(call, request.project_id.0, request.backtest_id.as_str())?;
    Ok(BacktestReply { backtest: shown(world, call, backtest)?, debugging: false })
}

/// Newest first.
pub(crate) fn list(world: &mut World, call: &Call<'_>, request: ListBacktests) -> Answer<BacktestsReply> {
    let project = world.project(call, request.project_id.0)?.id;
    let with_statistics = request.include_statistics.unwrap_or(false);
    let mut of_project: Vec<&Backtest> = world.backtests.values().filter(|b| b.project == project).collect();
    of_project.sort_by_key(|backtest| std::cmp::Reverse((backtest.created, backtest.snapshot)));
    let backtests: Vec<BacktestSummary> = of_project
        .into_iter()
        .map(|backtest| summary(world, call, backtest, with_statistics))
        .collect::<Answer<_>>()?;
    Ok(BacktestsReply { count: i64::try_from(backtests.len()).ok(), backtests })
}

pub(crate) fn chart(world: &mut World, call: &Call<'_>, request: ReadBacktestChart) -> Answer<ChartReply> {
    let (project, id) = (request.project_id.0, request.backtest_id.as_str());
    let start = request.start.unwrap_or(0);
    // The official client sends 0 and 0 for "all of it".
    let end = request.end.filter(|end| *end != 0 || start != 0).unwrap_or(i64::MAX);
    if end <= start {
        return Err(refuse::range_not_valid(start, end));
    }
    let count = usize::try_from(request.count).ok().filter(|count| 0 < *count).ok_or_else(refuse::invalid_argument)?;
    let report = finished(world, call, world.backtest(call, project, id)?)?;
    let Some(chart) = report.as_ref().and_then(|report| report.charts.get(&request.name)) else {
        return Err(refuse::chart_not_found(&request.name));
    };
    // The first request makes the service prepare the chart.
    let asked = *world.backtest_mut(call, project, id)?.charts_asked.entry(request.name).or_insert(call.now);
    let ready = later(asked, call.jobs.chart);
    if call.now < ready {
        let progress = share(asked, ready, call);
        return Ok(ChartReply { chart: None, progress: Some(progress), status: Some("loading".to_owned()) });
    }
    Ok(ChartReply { chart: Some(charts::sampled(chart, count, start, end)), progress: None, status: None })
}

pub(crate) fn orders(world: &mut World, call: &Call<'_>, request: ReadBacktestOrders) -> Answer<OrdersReply> {
    let report = finished(world, call, world.backtest(call, request.project_id.0, request.backtest_id.as_str())?)?;
    let (orders, length) = page(report.as_ref().map(|r| r.orders.as_slice()), request.start, request.end, ROWS)?;
    Ok(OrdersReply { orders, length })
}

pub(crate) fn insights(world: &mut World, call: &Call<'_>, request: ReadBacktestInsights) -> Answer<InsightsReply> {
    let report = finished(world, call, world.backtest(call, request.project_id.0, request.backtest_id.as_str())?)?;
    let (insights, length) = page(report.as_ref().map(|r| r.insights.as_slice()), request.start, request.end, ROWS)?;
    Ok(InsightsReply { insights, length })
}

pub(crate) fn trades(world: &mut World, call: &Call<'_>, request: ReadBacktestTrades) -> Answer<TradesReply> {
    let report = finished(world, call, world.backtest(call, request.project_id.0, request.backtest_id.as_str())?)?;
    let (trades, length) = page(report.as_ref().map(|r| r.trades.as_slice()), request.start, request.end, ROWS)?;
    Ok(TradesReply { trades, length })
}

pub(crate) fn logs(world: &mut World, call: &Call<'_>, request: ReadBacktestLogs) -> Answer<LogsReply> {
    let backtest = world.backtest(call, request.project_id.0, request.backtest_id.as_str())?;
    let report = finished(world, call, backtest)?;
    let mut room = room_for_logs(world, call, backtest)?;
    let query = request.query.to_lowercase();
    let lines: Vec<String> = report
        .iter()
        .flat_map(|report| &report.logs)
        .take_while(|line| {
            let fits = line.len() < room;
            room = room.saturating_sub(line.len() + 1);
            fits
        })
        .filter(|line| line.to_lowercase().contains(&query))
        .cloned()
        .collect();
    let (logs, length) = page(Some(&lines), request.start, request.end, LINES)?;
    Ok(LogsReply { logs, length })
}

/// The first request starts the work; until it is done the answer says `generating`.
pub(crate) fn report(world: &mut World, call: &Call<'_>, request: ReadBacktestReport) -> Answer<ReportReply> {
    let (project, id) = (request.project_id.0, request.backtest_id.as_str());
    let Some(report) = finished(world, call, world.backtest(call, project, id)?)? else {
        return Err(refuse::backtest_not_finished(id));
    };
    let backtest = world.backtest_mut(call, project, id)?;
    let asked = *backtest.report_asked.get_or_insert(call.now);
    if call.now < later(asked, call.jobs.report) {
        return Ok(ReportReply { report: None, generating: true });
    }
    Ok(ReportReply { report: Some(document(&backtest.name, &report)), generating: false })
}

/// Changes only what is sent; an empty note wipes the note.
pub(crate) fn update(world: &mut World, call: &Call<'_>, request: UpdateBacktest) -> Answer<Done> {
    if request.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        return Err(refuse::name_not_valid());
    }
    world.project_to_change(call, request.project_id.0)?;
    let backtest = world.backtest_mut(call, request.project_id.0, request.backtest_id.as_str())?;
    backtest.name = request.name.unwrap_or_else(|| backtest.name.clone());
    backtest.note = request.note.or_else(|| backtest.note.take()).filter(|note| !note.is_empty());
    Ok(Done {})
}

pub(crate) fn update_tags(world: &mut World, call: &Call<'_>, request: UpdateBacktestTags) -> Answer<Done> {
    world.project_to_change(call, request.project_id.0)?;
    world.backtest_mut(call, request.project_id.0, request.backtest_id.as_str())?.tags = request.tags;
    Ok(Done {})
}

/// Also the way to stop one that runs.
pub(crate) fn delete(world: &mut World, call: &Call<'_>, request: DeleteBacktest) -> Answer<Done> {
    world.project_to_change(call, request.project_id.0)?;
    let id = world.backtest(call, request.project_id.0, request.backtest_id.as_str())?.id.clone();
    forget(world, call, &id)?;
    Ok(Done {})
}

/// Removes a backtest; what it logged stays used of the organization's quota.
pub(crate) fn forget(world: &mut World, call: &Call<'_>, id: &str) -> Answer<()> {
    let Some(backtest) = world.backtests.get(id) else { return Ok(()) };
    let (project, at) = (backtest.project, backtest.finished);
    let logged = finished(world, call, backtest)?.map(|report| report.log_bytes());
    world.organization_of_mut(call, project)?.logged.extend(logged.map(|bytes| (at, bytes)));
    world.backtests.remove(id);
    Ok(())
}

/// Bytes of log the plan has left for a backtest: its own quota, and what is left of the organization's for 24 hours.
fn room_for_logs(world: &World, call: &Call<'_>, backtest: &Backtest) -> Answer<usize> {
    let organization = world.organization_of(world.project(call, backtest.project)?)?;
    let quotas = call.quotas(organization);
    let own = quotas.log_kb.map_or(usize::MAX, |kb| kb * 1024);
    let Some(daily) = quotas.daily_log_kb.map(|kb| kb * 1024) else { return Ok(own) };
    let recent = |at: jiff::Timestamp| {
        at <= backtest.finished && backtest.finished.duration_since(at).as_hours() < HOURS_OF_LOG_QUOTA
    };
    // Of those that finish at one moment one comes first.
    let earlier = |b: &Backtest| recent(b.finished) && (b.finished, &b.id) < (backtest.finished, &backtest.id);
    let mut used: usize =
        organization.logged.iter().filter(|(at, _)| recent(*at)).map(|(_, bytes)| own.min(*bytes)).sum();
    let of_organization = |project| world.projects.get(&project).is_some_and(|p| p.organization == organization.id);
    for other in world.backtests.values().filter(|b| earlier(b) && of_organization(b.project)) {
        used += finished(world, call, other)?.map_or(0, |report| own.min(report.log_bytes()));
    }
    Ok(own.min(daily.saturating_sub(used)))
}

fn progress(backtest: &Backtest, call: &Call<'_>) -> Progress {
    if backtest.finished <= call.now {
        Progress::Done
    } else if call.now < backtest.started {
        Progress::Queued
    } else {
        Progress::Running(share(backtest.started, backtest.finished, call))
    }
}

fn share(from: jiff::Timestamp, to: jiff::Timestamp, call: &Call<'_>) -> f64 {
    let whole = to.duration_since(from).as_secs_f64();
    let passed = call.now.duration_since(from).as_secs_f64();
    // Progress is shown in steps of a percent.
    if whole <= 0.0 { 1.0 } else { (100.0 * passed / whole).floor().clamp(0.0, 99.0) / 100.0 }
}

/// The results, once the backtest is done.
fn finished(world: &World, call: &Call<'_>, backtest: &Backtest) -> Answer<Option<Arc<Report>>> {
    if !matches!(progress(backtest, call), Progress::Done) {
        return Ok(None);
    }
    let compile = world.compiles.get(&backtest.compile).ok_or_else(|| refuse::compile_not_found(&backtest.compile))?;
    let report = backtest.report.get_or_init(|| {
        let program = code::read(&compile::sources(&compile.files), |word| Market::find(word).is_some());
        Arc::new(Report::of(&backtest.id, &program, &backtest.parameters, &call.market()))
    });
    Ok(Some(Arc::clone(report)))
}

/// A node of the organization that runs nothing, among those chosen for the project if any are.
fn free_node(world: &World, call: &Call<'_>, project: i64) -> Answer<Machine> {
    let project = world.project(call, project)?;
    let chosen = |id: &String| project.nodes.is_empty() || project.nodes.contains(id);
    world
        .organization_of(project)?
        .backtest_nodes
        .iter()
        .find(|machine| chosen(&machine.id) && user_of_node(world, call, &machine.name).is_none())
        .cloned()
        .ok_or_else(refuse::no_spare_nodes)
}

/// The project whose backtest runs on a node.
pub(crate) fn user_of_node(world: &World, call: &Call<'_>, node: &str) -> Option<i64> {
    let runs = |backtest: &&Backtest| backtest.node == node && !matches!(progress(backtest, call), Progress::Done);
    world.backtests.values().find(runs).map(|backtest| backtest.project)
}

/// Counts what an account has started within the last minute, whether it is still there or not.
fn throttle(world: &mut World, call: &Call<'_>) -> Answer<()> {
    world.starts.retain(|(at, _)| call.now.duration_since(*at).as_secs() < 60);
    let Some(limit) = call.options.backtests_per_minute else { return Ok(()) };
    let recent = world.starts.iter().filter(|(_, user)| *user == call.user).count();
    if recent < limit { Ok(()) } else { Err(refuse::too_many_backtests()) }
}

/// Rows `start..end` and the number of all rows.
pub(crate) fn page<T: Clone>(rows: Option<&[T]>, start: i64, end: i64, limit: i64) -> Answer<(Vec<T>, Option<i64>)> {
    if start < 0 || end <= start {
        return Err(refuse::range_not_valid(start, end));
    }
    if limit < end - start {
        return Err(refuse::range_too_wide(start, end, limit));
    }
    let rows = rows.unwrap_or_default();
    let place = |at: i64| usize::try_from(at).unwrap_or(usize::MAX).min(rows.len());
    let page = rows.get(place(start)..place(end)).unwrap_or_default().to_vec();
    Ok((page, i64::try_from(rows.len()).ok()))
}

fn status(backtest: &Backtest, call: &Call<'_>, report: Option<&Report>) -> (BacktestStatus, f64) {
    match (progress(backtest, call), report) {
        (Progress::Queued, _) => (BacktestStatus::IN_QUEUE.into(), 0.0),
        (Progress::Running(share), _) => (format!("Running: {:.0}%", 100.0 * share).as_str().into(), share),
        (Progress::Done, Some(report)) if report.failure.is_some() => (BacktestStatus::RUNTIME_ERROR.into(), 1.0),
        (Progress::Done, _) => (BacktestStatus::COMPLETED.into(), 1.0),
    }
}
