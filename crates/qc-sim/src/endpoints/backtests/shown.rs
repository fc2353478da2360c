//! A backtest as the service shows it: whole, as a row of a list, and as a report.

use qc_api::model::{self, BacktestSummary, Chart, ResearchGuide};

use super::{finished, status};
use crate::clock::later;
use crate::refuse::Answer;
use crate::report::Report;
use crate::world::{Backtest, Call, World};

/// A backtest as the service shows it.
pub(super) fn shown(world: &World, call: &Call<'_>, backtest: &Backtest) -> Answer<model::Backtest> {
    let project = world.project(call, backtest.project)?;
    let report = finished(world, call, backtest)?;
    let (status, progress) = status(backtest, call, report.as_deref());
    let n_backtests = world.backtests.values().filter(|other| other.project == backtest.project).count();
    let mut shown = model::Backtest {
        backtest_id: backtest.id.as_str().into(),
        project_id: Some(backtest.project.into()),
        organization_id: Some(project.organization.as_str().into()),
        name: backtest.name.clone(),
        note: backtest.note.clone(),
        optimization_id: backtest.optimization.as_deref().map(Into::into),
        status,
        completed: report.is_some(),
        progress: Some(progress),
        created: Some(backtest.created),
        snapshot_id: Some(backtest.snapshot),
        node_name: Some(backtest.node.clone()),
        parameter_set: backtest.parameters.iter().cloned().collect(),
        research_guide: Some(ResearchGuide {
            minutes: Some(1.0),
            backtest_count: i64::try_from(n_backtests).ok(),
            parameters: i64::try_from(backtest.parameters.len()).ok(),
        }),
        out_of_sample_days: Some(0),
        ..model::Backtest::default()
    };
    let Some(report) = report else { return Ok(shown) };
    let run = &report.run;
    shown.backtest_start = Some(crate::run::new_york(run.plan.first, 0, 0));
    shown.backtest_end = Some(crate::run::new_york(run.plan.last, 23, 59));
    shown.tradeable_dates = i64::try_from(run.days.len()).ok();
    if let Some((error, trace)) = report.error() {
        shown.error = Some(error);
        shown.stacktrace = Some(trace);
        shown.has_initialize_error = report.failure.as_ref().is_some_and(|raise| raise.in_initialize);
        return Ok(shown);
    }
    // An optimization is complete when it knows the figures of its points, so that these are never late.
    if backtest.optimization.is_none() && call.now < later(backtest.finished, call.jobs.statistics) {
        return Ok(shown);
    }
    let name_only = |name: &String| (name.clone(), Chart { name: name.clone(), ..Chart::default() });
    shown.charts = report.charts.keys().map(name_only).collect();
    shown.statistics = report.statistics.clone();
    shown.runtime_statistics = report.runtime_statistics.clone();
    shown.total_performance = Some(report.performance.clone());
    shown.rolling_window = report.rolling.clone();
    Ok(shown)
}

pub(super) fn summary(
    world: &World,
    call: &Call<'_>,
    backtest: &Backtest,
    with_statistics: bool,
) -> Answer<BacktestSummary> {
    let report = finished(world, call, backtest)?;
    let (status, progress) = status(backtest, call, report.as_deref());
    let mut summary = BacktestSummary {
        backtest_id: backtest.id.as_str().into(),
        status,
        name: backtest.name.clone(),
        optimization_id: backtest.optimization.as_deref().map(Into::into),
        created: Some(backtest.created),
        progress: Some(progress),
        tradeable_dates: report.as_ref().and_then(|report| i64::try_from(report.run.days.len()).ok()),
        parameter_set: backtest.parameters.iter().cloned().collect(),
        snapshot_id: Some(backtest.snapshot),
        tags: backtest.tags.clone(),
        ..BacktestSummary::default()
    };
    let Some(report) = report else { return Ok(summary) };
    if let Some((error, trace)) = report.error() {
        summary.error = Some(error);
        summary.stacktrace = Some(trace);
        return Ok(summary);
    }
    if let (true, Some(figures)) = (with_statistics, &report.performance.portfolio_statistics) {
        let percent = |fraction: Option<f64>| fraction.map(|fraction| (1e5 * fraction).round() / 1e3);
        summary.sharpe_ratio = figures.sharpe_ratio;
        summary.alpha = figures.alpha;
        summary.beta = figures.beta;
        summary.compounding_annual_return = percent(figures.compounding_annual_return);
        summary.drawdown = percent(figures.drawdown);
        summary.loss_rate = percent(figures.loss_rate);
        summary.net_profit = percent(figures.total_net_profit);
        summary.parameters = i64::try_from(backtest.parameters.len()).ok();
        summary.psr = percent(figures.probabilistic_sharpe_ratio);
        summary.security_types = Some("Equity".to_owned());
        summary.sortino_ratio = figures.sortino_ratio;
        summary.trades = i64::try_from(report.orders.len()).ok();
        summary.treynor_ratio = figures.treynor_ratio;
        summary.win_rate = percent(figures.win_rate);
    }
    Ok(summary)
}

/// A plain page with the statistics; the real report has pictures in it.
pub(super) fn document(name: &str, report: &Report) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let rows: String = report
        .statistics
        .iter()
        .map(|(title, value)| format!("<tr><td>{}</td><td>{}</td></tr>\n", escaped(title), escaped(value)))
        .collect();
    format!(
        "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body>\n<h1>{0}</h1>\n<p>Simulated: the code was not run, the \
         market is synthetic.</p>\n<table>\n{rows}</table>\n</body></html>\n",
        escaped(name)
    )
}
