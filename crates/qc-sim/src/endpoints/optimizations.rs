//! Optimizations: a backtest per point of a grid, paid from the organization's credit.

use std::sync::Arc;
use std::time::Duration;

use qc_api::endpoints::Done;
use qc_api::endpoints::compile::CompileState;
use qc_api::endpoints::optimizations::{
    AbortOptimization, CreateOptimization, DeleteOptimization, Estimate, EstimateOptimization, EstimateReply,
    GRID_SEARCH, ListOptimizations, OptimizationReply, OptimizationsReply, ReadOptimization, UpdateOptimization,
};
use qc_api::model::{
    self, Criterion, OptimizationBacktest, OptimizationNode, OptimizationParameter, OptimizationStatistics,
    OptimizationStatus, OptimizationSummary, OptimizationTarget, Statistics, TargetDirection,
};

use crate::clock::later;
use crate::code;
use crate::endpoints::compile;
use crate::market::Market;
use crate::refuse::{self, Answer};
use crate::run::{Plan, Run, charts, statistics, trades};
use crate::world::{Backtest, Call, Optimization, World};

/// Points of a grid the simulator computes at most.
const LARGEST_GRID: usize = 1000;
/// QCC per dollar.
const QCC_PER_DOLLAR: f64 = 100.0;

/// The time is that of one backtest.
pub(crate) fn estimate(world: &mut World, call: &Call<'_>, request: EstimateOptimization) -> Answer<EstimateReply> {
    let project = world.project(call, request.project_id.0)?;
    grid(&request.parameters)?;
    let balance = world.organization_of(project)?.credit;
    // Whole seconds, whole credits.
    let time = call.jobs.optimization_step.as_secs_f64().ceil();
    let balance = balance.floor();
    Ok(EstimateReply { estimate: Estimate { estimate_id: world.draw_id(), time: Some(time), balance: Some(balance) } })
}

pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateOptimization) -> Answer<OptimizationsReply> {
    let compile = world.compile(call, request.project_id.0, request.compile_id.as_str())?;
    if compile::state(compile, call) != CompileState::BuildSuccess {
        return Err(refuse::compile_not_successful(&compile.id));
    }
    let compile = compile.id.clone();
    if request.strategy != GRID_SEARCH {
        return Err(refuse::optimization_parameters_not_valid("only grid search runs in the cloud"));
    }
    let most = request.node_type.most_parallel().ok_or_else(refuse::invalid_argument)?;
    if request.parallel_nodes < 1 || most < request.parallel_nodes {
        return Err(refuse::optimization_parameters_not_valid(&format!("parallelNodes must be 1 to {most}")));
    }
    let grid = grid(&request.parameters)?;
    let price = request.estimated_cost.max(0.0) * QCC_PER_DOLLAR;
    let about = format!("Optimization {}", request.name);
    world.organization_of_mut(call, request.project_id.0)?.spend(call.now, price, about)?;
    let optimization = Optimization {
        id: format!("O-{}", world.draw_id()),
        project: request.project_id.0,
        compile,
        name: request.name.clone(),
        created: call.now,
        aborted: None,
        snapshot: world.draw_number(),
        points: grid.into_iter().map(|values| (world.draw_id(), values)).collect(),
        step: call.jobs.optimization_step.as_secs_f64(),
        results: Default::default(),
        request,
    };
    let summary = summary(world, call, &optimization)?;
    for (at, (id, values)) in optimization.points.iter().enumerate() {
        let backtest = point(&optimization, at, id, values, world.draw_number());
        world.backtests.insert(id.clone(), backtest);
    }
    world.optimizations.insert(optimization.id.clone(), optimization);
    Ok(OptimizationsReply { optimizations: vec![summary] })
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadOptimization) -> Answer<OptimizationReply> {
    let optimization = find(world, call, request.optimization_id.as_str())?;
    let done = done(optimization, call);
    let results = results(world, call, optimization)?;
    let request = &optimization.request;
    Ok(OptimizationReply {
        optimization: model::Optimization {
            optimization_id: optimization.id.as_str().into(),
            snapshot_id: Some(optimization.snapshot),
            project_id: Some(optimization.project.into()),
            name: optimization.name.clone(),
            status: Some(status(optimization, call)),
            node_type: Some(request.node_type.clone()),
            parallel_nodes: Some(request.parallel_nodes),
            criterion: Some(criterion(request)),
            runtime_statistics: progress(optimization, done),
            constraints: request.constraints.clone(),
            parameters: request.parameters.clone(),
            backtests: results.iter().take(done).map(|result| (result.id.clone(), result.clone())).collect(),
            strategy: Some(request.strategy.clone()),
            requested: Some(optimization.created),
            optimization_target: Some(request.target.as_str().to_owned()),
            target_value: request.target_value,
            out_of_sample_days: Some(0),
            ..model::Optimization::default()
        },
    })
}

pub(crate) fn list(world: &mut World, call: &Call<'_>, request: ListOptimizations) -> Answer<OptimizationsReply> {
    let project = world.project(call, request.project_id.0)?.id;
    let mut of_project: Vec<&Optimization> = world.optimizations.values().filter(|o| o.project == project).collect();
    of_project.sort_by_key(|optimization| std::cmp::Reverse((optimization.created, optimization.snapshot)));
    let optimizations = of_project.into_iter().map(|o| summary(world, call, o)).collect::<Answer<_>>()?;
    Ok(OptimizationsReply { optimizations })
}

pub(crate) fn update(world: &mut World, call: &Call<'_>, request: UpdateOptimization) -> Answer<Done> {
    if request.name.trim().is_empty() {
        return Err(refuse::name_not_valid());
    }
    find_mut(world, call, request.optimization_id.as_str())?.name = request.name;
    Ok(Done {})
}

pub(crate) fn abort(world: &mut World, call: &Call<'_>, request: AbortOptimization) -> Answer<Done> {
    let optimization = find_mut(world, call, request.optimization_id.as_str())?;
    if status(optimization, call).is_finished() {
        return Err(refuse::optimization_finished(&optimization.id));
    }
    optimization.aborted = Some(call.now);
    let id = optimization.id.clone();
    // What has finished stays.
    world.backtests.retain(|_, b| b.optimization.as_ref() != Some(&id) || b.finished <= call.now);
    Ok(Done {})
}

pub(crate) fn delete(world: &mut World, call: &Call<'_>, request: DeleteOptimization) -> Answer<Done> {
    let id = find(world, call, request.optimization_id.as_str())?.id.clone();
    world.optimizations.remove(&id);
    world.backtests.retain(|_, backtest| backtest.optimization.as_ref() != Some(&id));
    Ok(Done {})
}

fn find<'a>(world: &'a World, call: &Call<'_>, id: &str) -> Answer<&'a Optimization> {
    let missing = || refuse::optimization_not_found(id);
    let optimization = world.optimizations.get(id).ok_or_else(missing)?;
    world.project(call, optimization.project).map_err(|_| missing())?;
    Ok(optimization)
}

fn find_mut<'a>(world: &'a mut World, call: &Call<'_>, id: &str) -> Answer<&'a mut Optimization> {
    find(world, call, id)?;
    world.optimizations.get_mut(id).ok_or_else(|| refuse::optimization_not_found(id))
}

/// Every combination of the values, the last parameter turning fastest.
fn grid(parameters: &[OptimizationParameter]) -> Answer<Vec<Vec<(String, String)>>> {
    let wrong = |reason: &str| refuse::optimization_parameters_not_valid(reason);
    if parameters.is_empty() {
        return Err(wrong("there are none"));
    }
    let mut grid: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for parameter in parameters {
        let values: Vec<String> = match (&parameter.value, parameter.min, parameter.max, parameter.step) {
            (Some(value), None, None, None) => vec![value.clone()],
            (_, Some(min), Some(max), Some(step)) if min <= max && 0.0 < step => {
                if parameter.min_step.is_some_and(|least| step < least) {
                    return Err(wrong("a step is smaller than its minStep"));
                }
                let n = ((max - min) / step).round_ties_even();
                if n < 0.0 || LARGEST_GRID as f64 <= n {
                    return Err(wrong("the grid is too large"));
                }
                (0..=n as usize).map(|at| format!("{}", ((min + at as f64 * step) * 1e9).round() / 1e9)).collect()
            }
            _ => return Err(wrong(&format!("{} needs min <= max and a step above 0", parameter.name))),
        };
        if LARGEST_GRID < grid.len() * values.len() {
            return Err(wrong("the grid is too large"));
        }
        grid = grid
            .iter()
            .flat_map(|point| {
                values.iter().map(|value| {
                    let mut point = point.clone();
                    point.push((parameter.name.clone(), value.clone()));
                    point
                })
            })
            .collect();
    }
    Ok(grid)
}

/// A point of the grid as a backtest of its own, which can be read like any other.
fn point(optimization: &Optimization, at: usize, id: &str, values: &[(String, String)], snapshot: i64) -> Backtest {
    let parallel = usize::try_from(optimization.request.parallel_nodes).unwrap_or(1).max(1);
    let rounds = |rounds: usize| Duration::from_secs_f64(optimization.step.max(0.0) * rounds as f64);
    Backtest {
        id: id.to_owned(),
        project: optimization.project,
        compile: optimization.compile.clone(),
        name: point_name(at),
        note: None,
        tags: Vec::new(),
        parameters: values.to_vec(),
        created: optimization.created,
        started: later(optimization.created, rounds(at / parallel)),
        finished: later(optimization.created, rounds(at / parallel + 1)),
        snapshot,
        node: format!("{} optimization node {}", optimization.request.node_type.as_str(), at % parallel + 1),
        charts_asked: Default::default(),
        report_asked: None,
        optimization: Some(optimization.id.clone()),
        report: Default::default(),
    }
}

fn point_name(at: usize) -> String {
    format!("Point {}", at + 1)
}

/// How many points are computed by now.
fn done(optimization: &Optimization, call: &Call<'_>) -> usize {
    let until = optimization.aborted.unwrap_or(call.now);
    let passed = until.duration_since(optimization.created).as_secs_f64();
    let rounds = if optimization.step <= 0.0 { f64::MAX } else { passed / optimization.step };
    let parallel = usize::try_from(optimization.request.parallel_nodes).unwrap_or(1);
    (rounds as usize).saturating_mul(parallel).min(optimization.points.len())
}

fn status(optimization: &Optimization, call: &Call<'_>) -> OptimizationStatus {
    let done = done(optimization, call);
    if done == optimization.points.len() {
        OptimizationStatus::Completed
    } else if optimization.aborted.is_some() {
        OptimizationStatus::Aborted
    } else if call.now <= optimization.created {
        OptimizationStatus::New
    } else {
        OptimizationStatus::Running
    }
}

fn criterion(request: &CreateOptimization) -> Criterion {
    Criterion {
        target: Some(request.target.clone()),
        extremum: Some(request.target_to.clone()),
        target_value: request.target_value,
    }
}

fn progress(optimization: &Optimization, done: usize) -> Statistics {
    let total = optimization.points.len();
    let parallel = usize::try_from(optimization.request.parallel_nodes).unwrap_or(1);
    let running = if optimization.aborted.is_some() { 0 } else { parallel.min(total - done) };
    let seconds = optimization.step as usize;
    let clock = |seconds: usize| format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    [
        ("Completed", done.to_string()),
        ("Failed", "0".to_owned()),
        ("Running", running.to_string()),
        ("In Queue", (total - done - running).to_string()),
        ("Average Length", clock(seconds)),
        ("Total Runtime", clock(seconds * done)),
        ("Total", total.to_string()),
        ("Consumed", format!("{:.2} QCC", optimization.request.estimated_cost * QCC_PER_DOLLAR)),
    ]
    .into_iter()
    .map(|(title, text)| (title.to_owned(), text))
    .collect()
}

/// The backtests of the whole grid.
fn results(world: &World, call: &Call<'_>, optimization: &Optimization) -> Answer<Arc<Vec<OptimizationBacktest>>> {
    let missing = || refuse::compile_not_found(&optimization.compile);
    let compile = world.compiles.get(&optimization.compile).ok_or_else(missing)?;
    let results = optimization.results.get_or_init(|| {
        let program = code::read(&compile::sources(&compile.files), |word| Market::find(word).is_some());
        let market = call.market();
        let results = optimization.points.iter().enumerate().map(|(at, (id, values))| {
            let run = Run::of(Plan::of(&program, values), &market);
            result(at, id, values, &run)
        });
        Arc::new(results.collect())
    });
    Ok(Arc::clone(results))
}

fn result(at: usize, id: &str, values: &[(String, String)], run: &Run) -> OptimizationBacktest {
    let figures = statistics::of(run, &trades::closed(run)).display(run);
    let charts = charts::of(run);
    let curve = charts.get("Strategy Equity").map(|chart| charts::sampled(chart, 100, 0, i64::MAX));
    OptimizationBacktest {
        name: point_name(at),
        id: id.to_owned(),
        host_name: None,
        progress: Some(1.0),
        exit_code: Some(0),
        statistics: OptimizationStatistics(
            figures.iter().filter_map(|(title, text)| Some((title.to_owned(), Some(bare(text)?)))).collect(),
        ),
        parameter_set: values.iter().cloned().collect(),
        equity: curve.and_then(|mut chart| chart.series.shift_remove("Equity")).map(|s| s.values).unwrap_or_default(),
        start_date: run.days.first().map(|day| day.opened),
        end_date: run.days.last().map(|day| day.at),
        out_of_sample_days: Some(0),
    }
}

/// `77.188%` and `$12.50` as bare numbers, in the units of the text.
fn bare(text: &str) -> Option<f64> {
    text.trim_matches(['%', '$', ' ']).parse().ok()
}

fn summary(world: &World, call: &Call<'_>, optimization: &Optimization) -> Answer<OptimizationSummary> {
    let done = done(optimization, call);
    let all = if done == 0 { Arc::default() } else { results(world, call, optimization)? };
    let request = &optimization.request;
    let title = match request.target {
        OptimizationTarget::CompoundingAnnualReturn => "Compounding Annual Return",
        OptimizationTarget::ProbabilisticSharpeRatio => "Probabilistic Sharpe Ratio",
        OptimizationTarget::Drawdown => "Drawdown",
        _ => "Sharpe Ratio",
    };
    let key = |result: &&OptimizationBacktest| {
        let value = result.statistics.figure(title).unwrap_or(0.0);
        if request.target_to == TargetDirection::Min { -value } else { value }
    };
    let best = all.iter().take(done).max_by(|a, b| key(a).total_cmp(&key(b)));
    let figure = |title: &str| best.and_then(|best| best.statistics.figure(title));
    Ok(OptimizationSummary {
        optimization_id: optimization.id.as_str().into(),
        project_id: Some(optimization.project.into()),
        name: optimization.name.clone(),
        status: Some(status(optimization, call)),
        node_type: Some(OptimizationNode::from_word(request.node_type.as_str())),
        criterion: Some(criterion(request)),
        created: Some(optimization.created),
        psr: figure("Probabilistic Sharpe Ratio"),
        sharpe_ratio: figure("Sharpe Ratio"),
        trades: figure("Total Orders").map(|orders| orders as i64),
        out_of_sample_days: Some(0),
        parameters: request.parameters.clone(),
        ..OptimizationSummary::default()
    })
}
