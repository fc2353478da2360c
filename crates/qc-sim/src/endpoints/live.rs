//! Live algorithms: deployed, started by the clock, watched, stopped. No brokerage is ever contacted.
//!
//! A simulated deployment holds the symbols named in the code, in equal weights, at the last prices of the synthetic
//! market, where they stay. It answers to stop, liquidation and order commands; everything else is only logged.

mod book;
mod command;
mod reads;

use qc_api::brokerage::Brokerage;
use qc_api::endpoints::Done;
use qc_api::endpoints::compile::CompileState;
use qc_api::endpoints::live::{
    CreateLive, CreateLiveReply, LiquidateLive, ListLive, LiveListReply, ReadLive, StopLive,
};
use qc_api::endpoints::live_commands::{BroadcastLiveCommand, CreateLiveCommand};
use qc_api::model::{Chart, LiveAlgorithm, LiveStatus, LiveSummary, Statistics};
use serde_json::Value;

pub(crate) use self::reads::{chart, insights, logs, orders, portfolio, trades};
use crate::clock::later;
use crate::code::{self, Program};
use crate::endpoints::{compile, lean};
use crate::market::Market;
use crate::refuse::{self, Answer};
use crate::run::statistics;
use crate::world::{Call, Deployment, World};

/// What a deployment may be given at the start of one currency or one security.
const LARGEST: f64 = 1e12;

pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateLive) -> Answer<CreateLiveReply> {
    let compile = world.compile(call, request.project_id.0, request.compile_id.as_str())?;
    if compile::state(compile, call) != CompileState::BuildSuccess {
        return Err(refuse::compile_not_successful(&compile.id));
    }
    let compile = compile.id.clone();
    let project = world.project_to_control(call, request.project_id.0)?.id;
    let organization = world.organization_of(world.project(call, project)?)?;
    let node = organization.live_nodes.iter().find(|machine| machine.id == request.node_id.as_str());
    let node = node.ok_or_else(|| refuse::node_not_found(request.node_id.as_str()))?.name.clone();
    let mut active = world.deployments.values().filter(|deployment| deployment.is_active(call.now));
    if active.clone().any(|deployment| deployment.node == node) {
        return Err(refuse::node_busy(&node));
    }
    if active.any(|deployment| deployment.project == project) {
        return Err(refuse::already_live(project));
    }
    let announced = request.notification.iter().flat_map(|notification| &notification.events);
    let announces = announced.map(|event| event.as_str().to_owned()).collect();
    let cash: Vec<(String, f64)> =
        request.brokerage.cash().iter().map(|cash| (cash.currency.to_uppercase(), cash.amount)).collect();
    let holdings = request.brokerage.holdings().to_vec();
    let amounts = cash.iter().map(|(_, amount)| *amount);
    let mut amounts = amounts.chain(holdings.iter().flat_map(|held| [held.quantity, held.average_price]));
    if amounts.any(|amount| !amount.is_finite() || LARGEST < amount.abs()) {
        return Err(refuse::invalid_argument());
    }
    let fails = program_of(world, &compile)?.raises.is_some();
    let deployment = Deployment {
        id: format!("L-{}", world.draw_id()),
        project,
        compile,
        node,
        brokerage: request.brokerage.id().to_owned(),
        is_paper: request.brokerage.money() == qc_api::brokerage::Money::Paper,
        cash,
        holdings,
        fails,
        launched: call.now,
        running: later(call.now, call.jobs.live_start),
        ended: None,
        commands: Vec::new(),
        number: world.draw_number(),
        asked: Default::default(),
        announces,
        restarts: request.automatic_redeploy.unwrap_or(false),
    };
    let version = request.version_id.0;
    let reply = CreateLiveReply {
        project_id: Some(project.into()),
        deploy_id: Some(deployment.id.as_str().into()),
        version_id: Some(if version < 0 { lean::LATEST } else { version }.into()),
        source: Some("api-v2".to_owned()),
        response_code: Some("0".to_owned()),
        live: Some(shown(world, call, &deployment)?),
    };
    world.deployments.insert(deployment.id.clone(), deployment);
    Ok(reply)
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadLive) -> Answer<LiveAlgorithm> {
    let deployment = find(world, call, request.project_id.0, request.deploy_id.as_ref().map(AsRef::as_ref))?;
    shown(world, call, deployment)
}

/// Newest first.
pub(crate) fn list(world: &mut World, call: &Call<'_>, request: ListLive) -> Answer<LiveListReply> {
    if let Some(project) = request.project_id {
        world.project(call, project.0)?;
    }
    let mut deployments: Vec<&Deployment> = world
        .deployments
        .values()
        .filter(|deployment| request.project_id.is_none_or(|project| project.0 == deployment.project))
        .filter(|deployment| world.project(call, deployment.project).is_ok())
        .filter(|deployment| request.start.is_none_or(|start| start <= deployment.launched))
        .filter(|deployment| request.end.is_none_or(|end| deployment.launched <= end))
        .collect();
    deployments.sort_by_key(|deployment| std::cmp::Reverse((deployment.launched, deployment.number)));
    let mut live = Vec::new();
    for deployment in deployments {
        let status = status(call, deployment);
        if request.status.as_ref().is_some_and(|wanted| *wanted != status) {
            continue;
        }
        live.push(LiveSummary {
            project_id: deployment.project.into(),
            deploy_id: Some(deployment.id.as_str().into()),
            error: if status == LiveStatus::RuntimeError { error(world, deployment)? } else { None },
            status: Some(status),
            launched: Some(deployment.launched),
            stopped: deployment.end(call.now).map(|(at, _)| at),
            brokerage: Some(brokerage(deployment).to_owned()),
            subscription: Some(String::new()),
            equity: Some(book::of(world, call, deployment)?.equity()),
            environment: Some(if deployment.is_paper { "paper" } else { "live" }.to_owned()),
            description: Some(String::new()),
            leagues: Vec::new(),
        });
    }
    Ok(LiveListReply { live })
}

pub(crate) fn stop(world: &mut World, call: &Call<'_>, request: StopLive) -> Answer<Done> {
    end(world, call, request.project_id.0, LiveStatus::Stopped)
}

pub(crate) fn liquidate(world: &mut World, call: &Call<'_>, request: LiquidateLive) -> Answer<Done> {
    end(world, call, request.project_id.0, LiveStatus::Liquidated)
}

/// A command sent before the algorithm runs is accepted and lost, as at the real service.
pub(crate) fn command(world: &mut World, call: &Call<'_>, request: CreateLiveCommand) -> Answer<Done> {
    if !request.command.is_object() {
        return Err(refuse::invalid_argument());
    }
    let id = active(world, call, request.project_id.0)?;
    deliver(world, call, &id, request.command);
    Ok(Done {})
}

pub(crate) fn broadcast(world: &mut World, call: &Call<'_>, request: BroadcastLiveCommand) -> Answer<Done> {
    if !request.command.is_object() {
        return Err(refuse::invalid_argument());
    }
    let organization = world.organization(call, Some(request.organization_id.as_str()))?.id.clone();
    let in_organization = |id: i64| world.projects.get(&id).is_some_and(|project| project.organization == organization);
    let ids: Vec<String> = world
        .deployments
        .values()
        .filter(|d| d.is_active(call.now) && in_organization(d.project))
        .filter(|d| request.exclude_project_id.is_none_or(|excluded| excluded.0 != d.project))
        .map(|deployment| deployment.id.clone())
        .collect();
    for id in ids {
        deliver(world, call, &id, request.command.clone());
    }
    Ok(Done {})
}

fn deliver(world: &mut World, call: &Call<'_>, id: &str, command: Value) {
    if let Some(deployment) = world.deployments.get_mut(id).filter(|deployment| deployment.running <= call.now) {
        deployment.commands.push((call.now, command));
    }
}

/// The deployment named, or the newest of the project.
fn find<'a>(world: &'a World, call: &Call<'_>, project: i64, id: Option<&str>) -> Answer<&'a Deployment> {
    world.project(call, project)?;
    world
        .deployments
        .values()
        .filter(|deployment| deployment.project == project && id.is_none_or(|id| id == deployment.id))
        .max_by_key(|deployment| (deployment.launched, deployment.number))
        .ok_or_else(|| refuse::no_live_deployment(project))
}

/// The deployment of a project that has not ended, for those who may control it.
fn active(world: &World, call: &Call<'_>, project: i64) -> Answer<String> {
    let deployment = find(world, call, project, None)?;
    world.project_to_control(call, project)?;
    if deployment.is_active(call.now) { Ok(deployment.id.clone()) } else { Err(refuse::no_live_deployment(project)) }
}

fn end(world: &mut World, call: &Call<'_>, project: i64, status: LiveStatus) -> Answer<Done> {
    let id = active(world, call, project)?;
    if let Some(deployment) = world.deployments.get_mut(&id) {
        deployment.ended = Some((call.now, status.as_str().to_owned()));
    }
    Ok(Done {})
}

/// The brokerage as a deployment shows it: QuantConnect's own goes by another name once it runs.
fn brokerage(deployment: &Deployment) -> &str {
    if deployment.brokerage == Brokerage::paper().id() { "PaperBrokerage" } else { &deployment.brokerage }
}

fn program(world: &World, deployment: &Deployment) -> Answer<Program> {
    program_of(world, &deployment.compile)
}

fn program_of(world: &World, compile: &str) -> Answer<Program> {
    let compile = world.compiles.get(compile).ok_or_else(|| refuse::compile_not_found(compile))?;
    Ok(code::read(&compile::sources(&compile.files), |word| Market::find(word).is_some()))
}

/// What an algorithm that raises says.
fn error(world: &World, deployment: &Deployment) -> Answer<Option<String>> {
    Ok(program(world, deployment)?.raises.map(|raise| format!("Runtime Error: {}", raise.message)))
}

fn status(call: &Call<'_>, deployment: &Deployment) -> LiveStatus {
    if let Some((_, status)) = deployment.end(call.now) {
        return status;
    }
    if deployment.running <= call.now {
        return LiveStatus::Running;
    }
    let whole = deployment.running.duration_since(deployment.launched).as_secs_f64();
    let passed = call.now.duration_since(deployment.launched).as_secs_f64();
    match passed / whole {
        share if share < 0.3 => LiveStatus::InQueue,
        share if share < 0.6 => LiveStatus::LoggingIn,
        _ => LiveStatus::Initializing,
    }
}

fn shown(world: &World, call: &Call<'_>, deployment: &Deployment) -> Answer<LiveAlgorithm> {
    let status = status(call, deployment);
    let book = book::of(world, call, deployment)?;
    let message = if status == LiveStatus::RuntimeError { error(world, deployment)? } else { None };
    let project = world.project(call, deployment.project)?;
    let unrealized: f64 = book.positions.iter().map(|position| position.unrealized()).sum();
    let earned = book.equity() - book.start_equity;
    let volume: f64 = book.orders.iter().map(|order| (order.filled() * order.price).abs()).sum();
    let share = if book.start_equity == 0.0 { 0.0 } else { 100.0 * earned / book.start_equity };
    let runtime: Statistics = [
        ("Equity", statistics::money(book.equity())),
        ("Fees", format!("-{}", statistics::money(book.fees()))),
        ("Holdings", statistics::money(book.holdings())),
        ("Net Profit", statistics::money(earned)),
        ("Return", format!("{share:.2} %")),
        ("Unrealized", statistics::money(unrealized)),
        ("Volume", statistics::money(volume)),
    ]
    .into_iter()
    .map(|(title, text)| (title.to_owned(), text))
    .collect();
    let started = deployment.has_run(call.now);
    let name = reads::EQUITY.to_owned();
    let charts = [(name.clone(), Chart { name, ..Chart::default() })];
    Ok(LiveAlgorithm {
        message,
        deploy_id: Some(deployment.id.as_str().into()),
        status: Some(status),
        clone_id: Some(0),
        launched: Some(deployment.launched),
        stopped: deployment.end(call.now).map(|(at, _)| at),
        brokerage: Some(brokerage(deployment).to_owned()),
        security_types: Some("Equity".to_owned()),
        datacenter: Some("SIM".to_owned()),
        description: Some(project.description.clone()),
        runtime_statistics: if started { runtime } else { Statistics::default() },
        charts: charts.into_iter().filter(|_| started).collect(),
        project_name: Some(project.name.clone()),
        ..LiveAlgorithm::default()
    })
}
