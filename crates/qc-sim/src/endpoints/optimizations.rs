//! Optimizations: a backtest per point of a grid, paid from the organization's credit.

mod grid;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

use qc_api::endpoints::Done;
use qc_api::endpoints::compile::CompileState;
use qc_api::endpoints::optimizations::{
    AbortOptimization, CreateOptimization, DeleteOptimization, Estimate, EstimateOptimization, EstimateReply,
    GRID_SEARCH, ListOptimizations, OptimizationReply, OptimizationsReply, ReadOptimization, UpdateOptimization,
};
use qc_api::model::{
    self, Criterion, OptimizationCost, OptimizationNode, OptimizationStatus, OptimizationSummary, Statistics,
};

use self::grid::grid;
pub(crate) use self::outcome::Outcome;
use crate::clock::later;
use crate::endpoints::{backtests, compile};
use crate::refuse::{self, Answer};
use crate::world::{Backtest, Call, Optimization, World};

/// QCC per dollar.
const QCC_PER_DOLLAR: f64 = 100.0;

/// The time is that of one backtest.
pub(crate) fn estimate(world: &mut World, call: &Call<'_>, request: EstimateOptimization) -> Answer<EstimateReply> {
    let project = world.project(call, request.project_id.0)?;
    grid(&request.parameters)?;
    outcome::check(&request.target, &request.constraints)?;
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
    world.project_to_change(call, request.project_id.0)?;
    if request.strategy != GRID_SEARCH {
        return Err(refuse::optimization_parameters_not_valid("only grid search runs in the cloud"));
    }
    let most = request.node_type.most_parallel().ok_or_else(refuse::invalid_argument)?;
    if request.parallel_nodes < 1 || most < request.parallel_nodes {
        return Err(refuse::optimization_parameters_not_valid(&format!("parallelNodes must be 1 to {most}")));
    }
    let grid = grid(&request.parameters)?;
    outcome::check(&request.target, &request.constraints)?;
    let price = price(&request, call.jobs.optimization_step.as_secs_f64());
    let about = format!("Optimization {}", request.name);
    world.organization_of_mut(call, request.project_id.0)?.spend(call.now, price, about)?;
    let mut optimization = Optimization {
        id: format!("O-{}", world.draw_id()),
        project: request.project_id.0,
        compile,
        name: request.name.clone(),
        created: call.now,
        aborted: None,
        snapshot: world.draw_number(),
        points: grid.into_iter().map(|values| (world.draw_id(), values)).collect(),
        runs: None,
        step: call.jobs.optimization_step.as_secs_f64(),
        results: Default::default(),
        request,
    };
    if optimization.request.target_value.is_some() {
        let outcomes = outcome::all(world, call, &optimization)?;
        let reached = outcome::reaching(&optimization.request, &outcomes);
        optimization.runs = reached.map(|at| (at / parallel(&optimization) + 1) * parallel(&optimization));
    }
    let summary = summary(world, call, &optimization)?;
    for (at, (id, values)) in optimization.points.iter().enumerate().take(to_run(&optimization)) {
        let backtest = point(&optimization, at, id, values, world.draw_number());
        world.backtests.insert(id.clone(), backtest);
    }
    world.optimizations.insert(optimization.id.clone(), optimization);
    Ok(OptimizationsReply { optimizations: vec![summary] })
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadOptimization) -> Answer<OptimizationReply> {
    let optimization = find(world, call, request.optimization_id.as_str())?;
    let done = done(optimization, call);
    let outcomes = outcome::all(world, call, optimization)?;
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
            runtime_statistics: progress(optimization, &outcomes, done),
            constraints: request.constraints.clone(),
            parameters: request.parameters.clone(),
            backtests: outcomes.iter().take(done).map(|o| (o.shown.id.clone(), o.shown.clone())).collect(),
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
    // What has finished stays; of the others nothing was logged.
    world.backtests.retain(|_, b| b.optimization.as_ref() != Some(&id) || b.finished <= call.now);
    Ok(Done {})
}

pub(crate) fn delete(world: &mut World, call: &Call<'_>, request: DeleteOptimization) -> Answer<Done> {
    let id = find_mut(world, call, request.optimization_id.as_str())?.id.clone();
    let of_it = world.backtests.values().filter(|backtest| backtest.optimization.as_ref() == Some(&id));
    for backtest in of_it.map(|backtest| backtest.id.clone()).collect::<Vec<_>>() {
        backtests::forget(world, call, &backtest)?;
    }
    world.optimizations.remove(&id);
    Ok(Done {})
}

/// QCC charged: what the caller expects, but not less than by the rule that callers reckon with.
fn price(request: &CreateOptimization, step: f64) -> f64 {
    let due = OptimizationCost::of(&request.parameters, step.ceil(), &request.node_type, request.parallel_nodes);
    request.estimated_cost.max(due.map_or(0.0, |due| due.usd)) * QCC_PER_DOLLAR
}

fn find<'a>(world: &'a World, call: &Call<'_>, id: &str) -> Answer<&'a Optimization> {
    let missing = || refuse::optimization_not_found(id);
    let optimization = world.optimizations.get(id).ok_or_else(missing)?;
    world.project(call, optimization.project).map_err(|_| missing())?;
    Ok(optimization)
}

/// An optimization of a project the caller may change.
fn find_mut<'a>(world: &'a mut World, call: &Call<'_>, id: &str) -> Answer<&'a mut Optimization> {
    let project = find(world, call, id)?.project;
    world.project_to_change(call, project)?;
    world.optimizations.get_mut(id).ok_or_else(|| refuse::optimization_not_found(id))
}

/// A point of the grid as a backtest of its own, which can be read like any other.
fn point(optimization: &Optimization, at: usize, id: &str, values: &[(String, String)], snapshot: i64) -> Backtest {
    let parallel = parallel(optimization);
    Backtest {
        id: id.to_owned(),
        project: optimization.project,
        compile: optimization.compile.clone(),
        name: point_name(at),
        note: None,
        tags: Vec::new(),
        parameters: values.to_vec(),
        created: optimization.created,
        started: after_rounds(optimization, at / parallel),
        finished: after_rounds(optimization, at / parallel + 1),
        snapshot,
        node: format!("{} optimization node {}", optimization.request.node_type.as_str(), at % parallel + 1),
        charts_asked: Default::default(),
        report_asked: None,
        optimization: Some(optimization.id.clone()),
        report: Default::default(),
    }
}

/// When so many points have been run on each node.
fn after_rounds(optimization: &Optimization, rounds: usize) -> jiff::Timestamp {
    later(optimization.created, Duration::from_secs_f64(optimization.step.max(0.0) * rounds as f64))
}

fn parallel(optimization: &Optimization) -> usize {
    usize::try_from(optimization.request.parallel_nodes).unwrap_or(1).max(1)
}

fn point_name(at: usize) -> String {
    format!("Point {}", at + 1)
}

/// How many points are run at the end: all of them, or as many as it takes to reach the value asked for.
fn to_run(optimization: &Optimization) -> usize {
    optimization.runs.unwrap_or(usize::MAX).min(optimization.points.len())
}

/// How many points are computed by now.
fn done(optimization: &Optimization, call: &Call<'_>) -> usize {
    let until = optimization.aborted.unwrap_or(call.now);
    let parallel = parallel(optimization);
    (0..to_run(optimization)).take_while(|at| after_rounds(optimization, at / parallel + 1) <= until).count()
}

fn status(optimization: &Optimization, call: &Call<'_>) -> OptimizationStatus {
    let done = done(optimization, call);
    if done == to_run(optimization) {
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

fn progress(optimization: &Optimization, outcomes: &[Outcome], done: usize) -> Statistics {
    let total = to_run(optimization);
    let failed = outcomes.iter().take(done).filter(|outcome| outcome.is_failed()).count();
    let parallel = parallel(optimization);
    let running = if optimization.aborted.is_some() { 0 } else { parallel.min(total - done) };
    let seconds = optimization.step as usize;
    let clock = |seconds: usize| format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    [
        ("Completed", (done - failed).to_string()),
        ("Failed", failed.to_string()),
        ("Running", running.to_string()),
        ("In Queue", (total - done - running).to_string()),
        ("Average Length", clock(seconds)),
        ("Total Runtime", clock(seconds * done)),
        ("Total", total.to_string()),
        ("Consumed", format!("{:.2} QCC", price(&optimization.request, optimization.step))),
    ]
    .into_iter()
    .map(|(title, text)| (title.to_owned(), text))
    .collect()
}

fn summary(world: &World, call: &Call<'_>, optimization: &Optimization) -> Answer<OptimizationSummary> {
    let done = done(optimization, call);
    let request = &optimization.request;
    let outcomes = if done == 0 { Arc::default() } else { outcome::all(world, call, optimization)? };
    let best = outcome::best(request, &outcomes, done);
    let figure = |title: &str| best.and_then(|best| best.shown.statistics.figure(title));
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
