//! Optimizations as they are shown: one with its backtests, best first, and a line of the list.

use qc_api::model::{
    Optimization, OptimizationBacktest, OptimizationStatus, OptimizationSummary, OptimizationTarget, TargetDirection,
};
use serde_json::{Map, Value, json};

use crate::{
    Reply, Untrusted,
    flows::{find, grid},
};

fn status(status: Option<&OptimizationStatus>) -> &str {
    match status {
        Some(OptimizationStatus::Other(_)) => "other",
        Some(known) => known.as_str(),
        None => "not told",
    }
}

/// One line of the list.
pub(super) fn row(one: &OptimizationSummary) -> Value {
    json!({
        "optimization_id": one.optimization_id,
        "name": Untrusted::new(one.name.as_str()).shortened(80),
        "status": status(one.status.as_ref()),
        "created": one.created,
        "best_sharpe_ratio": one.sharpe_ratio,
        "best_probabilistic_sharpe_ratio_percent": one.psr,
        "best_total_orders": one.trades,
    })
}

/// The statistics of a table of backtests: title, column.
const COLUMNS: [(&str, &str); 5] = [
    ("Sharpe Ratio", "sharpe_ratio"),
    ("Compounding Annual Return", "compounding_annual_return_percent"),
    ("Drawdown", "drawdown_percent"),
    ("Probabilistic Sharpe Ratio", "probabilistic_sharpe_ratio_percent"),
    ("Total Orders", "total_orders"),
];

pub(in crate::tools) fn result(found: &Optimization, limit: usize) -> Reply {
    let criterion = found.criterion.clone().unwrap_or_default();
    let target = criterion.target.unwrap_or(OptimizationTarget::SharpeRatio);
    let title = grid::title(&target).unwrap_or("Sharpe Ratio");
    let is_min = criterion.extremum == Some(TargetDirection::Min);
    let mut runs: Vec<&OptimizationBacktest> = found.backtests.iter().map(|(_, run)| run).collect();
    let counts_for = |run: &OptimizationBacktest| grid::is_done(run) && grid::fulfils(run, &found.constraints);
    // Those that count first, best first.
    runs.sort_by(|a, b| {
        let key = |run: &OptimizationBacktest| {
            let figure = run.statistics.figure(title);
            (!counts_for(run), figure.map_or(f64::INFINITY, |value| if is_min { value } else { -value }))
        };
        let ((a_out, a), (b_out, b)) = (key(a), key(b));
        a_out.cmp(&b_out).then(a.total_cmp(&b))
    });
    let rows: Vec<Value> = runs.iter().take(limit).map(|run| backtest(run, counts_for(run))).collect();
    let state = status(found.status.as_ref());
    let share = found.share_done();
    let done = share.map_or_else(String::new, |share| format!(", {:.0} % done", 100.0 * share));
    let best = runs.first().filter(|run| counts_for(run)).and_then(|run| run.statistics.figure(title));
    let unit = if grid::is_percent(&target) { " %" } else { "" };
    let best = best.map_or_else(String::new, |best| format!("; best {} {best}{unit}", grid::short(&target)));
    let left_out = runs.iter().filter(|run| !counts_for(run)).count();
    let best = match left_out {
        0 => best,
        n => format!("{best}; {n} backtests do not count: unfinished, failed, or outside the constraints"),
    };
    let over = found.status.as_ref().is_some_and(OptimizationStatus::is_finished);
    let mut counts = Map::new();
    for count in ["Completed", "Failed", "Running", "In Queue", "Total"] {
        if let Some(figure) = found.runtime_statistics.figure(count) {
            counts.insert(count.to_lowercase().replace(' ', "_"), json!(figure.value));
        }
    }
    Reply::new(format!("optimization {} is {state}{done}{best}", found.optimization_id))
        .data(json!({
            "optimization_id": found.optimization_id,
            "project_id": found.project_id,
            "name": Untrusted::new(found.name.as_str()).shortened(80),
            "status": state,
            "progress": share,
            "requested": found.requested,
            "target": grid::short(&target),
            "target_to": if is_min { "min" } else { "max" },
            "counts": counts,
            "parameters": grid::shown(&found.parameters),
            "constraints": grid::shown_constraints(&found.constraints),
            "n_backtests": runs.len(),
            "backtests": rows,
        }))
        .next(if over { "read_backtest" } else { "read_optimization" })
}

/// One backtest of an optimization.
fn backtest(run: &OptimizationBacktest, counts: bool) -> Value {
    let parameters: Vec<Value> = run
        .parameter_set
        .iter()
        .map(|(name, value)| {
            json!([Untrusted::new(name.as_str()).shortened(60), Untrusted::new(value.as_str()).shortened(40)])
        })
        .collect();
    let mut row = json!({
        "backtest_id": find::valid_id(&run.id).ok(),
        "progress": run.progress,
        "counts": counts,
        "failed": run.exit_code.is_some_and(|code| code != 0),
        "parameters": parameters,
    });
    if let Some(map) = row.as_object_mut() {
        for (title, column) in COLUMNS {
            map.insert(column.to_owned(), json!(run.statistics.figure(title)));
        }
    }
    row
}
