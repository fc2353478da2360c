//! Live algorithms: deployed, started by the clock, watched, stopped. No brokerage is ever contacted.
//!
//! A simulated deployment holds the symbols named in the code, in equal weights, at the last prices of the synthetic
//! market, where they stay. It answers to stop, liquidation and order commands; everything else is only logged.

mod book;

use qc_api::brokerage::Brokerage;
use qc_api::endpoints::Done;
use qc_api::endpoints::compile::CompileState;
use qc_api::endpoints::live::{
    CreateLive, CreateLiveReply, LiquidateLive, ListLive, LiveInsightsReply, LiveListReply, LiveLogsReply,
    LiveOrdersReply, LiveTradesReply, ReadLive, ReadLiveChart, ReadLiveInsights, ReadLiveLogs, ReadLiveOrders,
    ReadLivePortfolio, ReadLiveTrades, StopLive,
};
use qc_api::endpoints::live_commands::{BroadcastLiveCommand, CreateLiveCommand};
use qc_api::model::{
    Cash, Chart, ChartReply, Holding, LiveAlgorithm, LiveStatus, LiveSummary, Order, Point, Portfolio, PortfolioReply,
    Series, SeriesKind, Statistics,
};
use serde_json::Value;

use crate::clock::later;
use crate::code::{self, Program};
use crate::endpoints::backtests::page;
use crate::endpoints::{compile, lean};
use crate::market::Market;
use crate::refuse::{self, Answer};
use crate::report::{live_order, symbol};
use crate::run::statistics;
use crate::world::{Call, Deployment, World};

/// Rows of orders, trades or insights one answer may hold.
const ROWS: i64 = 1000;
/// Lines of the log one answer may hold.
const LINES: i64 = 250;

pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateLive) -> Answer<CreateLiveReply> {
    let compile = world.compile(call, request.project_id.0, request.compile_id.as_str())?;
    if compile::state(compile, call) != CompileState::BuildSuccess {
        return Err(refuse::compile_not_successful(&compile.id));
    }
    let compile = compile.id.clone();
    let project = world.project_mut(call, request.project_id.0)?.id;
    let organization = world.organization_of(world.project(call, project)?)?;
    let node = organization.live_nodes.iter().find(|machine| machine.id == request.node_id.as_str());
    let node = node.ok_or_else(|| refuse::node_not_found(request.node_id.as_str()))?.name.clone();
    let runs = |deployment: &&Deployment| deployment.ended.is_none();
    if world.deployments.values().filter(runs).any(|deployment| deployment.node == node) {
        return Err(refuse::node_busy(&node));
    }
    if world.deployments.values().filter(runs).any(|deployment| deployment.project == project) {
        return Err(refuse::already_live(project));
    }
    let announced = request.notification.iter().flat_map(|notification| &notification.events);
    let announces = announced.map(|event| event.as_str().to_owned()).collect();
    let cash = request.brokerage.cash().iter().map(|cash| cash.amount).sum::<f64>();
    let deployment = Deployment {
        id: format!("L-{}", world.draw_id()),
        project,
        compile,
        node,
        brokerage: request.brokerage.id().to_owned(),
        is_paper: request.brokerage.money() == qc_api::brokerage::Money::Paper,
        cash: (0.0 < cash).then_some(cash),
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
        let status = status(world, call, deployment)?;
        if request.status.as_ref().is_some_and(|wanted| *wanted != status) {
            continue;
        }
        live.push(LiveSummary {
            project_id: deployment.project.into(),
            deploy_id: Some(deployment.id.as_str().into()),
            error: (status == LiveStatus::RuntimeError).then(|| "Runtime Error".to_owned()),
            status: Some(status),
            launched: Some(deployment.launched),
            stopped: deployment.ended.as_ref().map(|ended| ended.0),
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

pub(crate) fn portfolio(world: &mut World, call: &Call<'_>, request: ReadLivePortfolio) -> Answer<PortfolioReply> {
    let deployment = find(world, call, request.project_id.0, None)?;
    let book = book::of(world, call, deployment)?;
    let holdings = book.positions.iter().filter(|position| position.quantity != 0.0).map(|position| {
        let symbol = symbol(position.listing);
        let holding = Holding {
            average_price: position.price,
            quantity: position.quantity,
            market_price: position.price,
            market_value: position.quantity * position.price,
            ..Holding::default()
        };
        (symbol.id, holding)
    });
    let dollars = Cash {
        symbol: "USD".to_owned(),
        amount: book.cash,
        conversion_rate: Some(1.0),
        currency_symbol: Some("$".to_owned()),
        value_in_account_currency: Some(book.cash),
        security_symbols: Vec::new(),
    };
    let cash = [("USD".to_owned(), dollars)].into_iter().collect();
    Ok(PortfolioReply { portfolio: Some(Portfolio { holdings: holdings.collect(), cash }) })
}

/// Only the equity is drawn, from the first moment to now.
pub(crate) fn chart(world: &mut World, call: &Call<'_>, request: ReadLiveChart) -> Answer<ChartReply> {
    if request.end <= request.start {
        return Err(refuse::range_not_valid(request.start, request.end));
    }
    if request.name != "Strategy Equity" {
        find(world, call, request.project_id.0, None)?;
        return Err(refuse::chart_not_found(&request.name));
    }
    if let Some(progress) = loading(world, call, request.project_id.0, "chart")? {
        return Ok(ChartReply { chart: None, progress: Some(progress), status: Some("loading".to_owned()) });
    }
    let deployment = find(world, call, request.project_id.0, None)?;
    let equity = book::of(world, call, deployment)?.equity();
    let ended = deployment.ended.as_ref().map_or(call.now, |ended| ended.0);
    let points = [deployment.running, ended.max(deployment.running)];
    let inside = |at: &jiff::Timestamp| request.start <= at.as_second() && at.as_second() <= request.end;
    let values = points.into_iter().filter(|at| *at <= call.now && inside(at)).map(|at| Point::Candle {
        x: at.as_second() as f64,
        open: Some(equity),
        high: Some(equity),
        low: Some(equity),
        close: Some(equity),
    });
    let series = Series {
        name: "Equity".to_owned(),
        unit: "$".to_owned(),
        index: Some(0),
        kind: Some(SeriesKind::Candle),
        values: values.collect(),
        ..Series::default()
    };
    let chart =
        Chart { name: request.name, series: [("Equity".to_owned(), series)].into_iter().collect(), ..Chart::default() };
    Ok(ChartReply { chart: Some(chart), progress: None, status: None })
}

pub(crate) fn orders(world: &mut World, call: &Call<'_>, request: ReadLiveOrders) -> Answer<LiveOrdersReply> {
    page(None::<&[Order]>, request.start, request.end, ROWS)?;
    if let Some(progress) = loading(world, call, request.project_id.0, "orders")? {
        let status = Some("loading".to_owned());
        return Ok(LiveOrdersReply { progress: Some(progress), status, ..LiveOrdersReply::default() });
    }
    let deployment = find(world, call, request.project_id.0, None)?;
    let book = book::of(world, call, deployment)?;
    let orders: Vec<Order> = book
        .fills
        .iter()
        .filter_map(|fill| Some(live_order(&deployment.id, book.positions.get(fill.ticker)?.listing, fill)))
        .collect();
    let (orders, length) = page(Some(&orders), request.start, request.end, ROWS)?;
    Ok(LiveOrdersReply { orders, length, progress: None, status: None })
}

/// Closed positions of the named deployment, or of all of the project.
pub(crate) fn trades(world: &mut World, call: &Call<'_>, request: ReadLiveTrades) -> Answer<LiveTradesReply> {
    let project = request.project_id.0;
    find(world, call, project, request.deploy_id.as_ref().map(AsRef::as_ref))?;
    let wanted =
        |d: &&Deployment| d.project == project && request.deploy_id.as_ref().is_none_or(|id| id.as_str() == d.id);
    let mut deployments: Vec<&Deployment> = world.deployments.values().filter(wanted).collect();
    deployments.sort_by_key(|deployment| (deployment.launched, deployment.number));
    let mut trades = Vec::new();
    for deployment in deployments {
        trades.extend(book::closed_trades(deployment, &book::of(world, call, deployment)?));
    }
    let (trades, length) = page(Some(&trades), request.start, request.end, ROWS)?;
    Ok(LiveTradesReply { trades, length })
}

/// Simulated live algorithms emit no insights.
pub(crate) fn insights(world: &mut World, call: &Call<'_>, request: ReadLiveInsights) -> Answer<LiveInsightsReply> {
    find(world, call, request.project_id.0, None)?;
    let (insights, length) = page(None, request.start, request.end, ROWS)?;
    Ok(LiveInsightsReply { insights, length })
}

/// The lines of all deployments of the project, one after the other.
pub(crate) fn logs(world: &mut World, call: &Call<'_>, request: ReadLiveLogs) -> Answer<LiveLogsReply> {
    let wanted = find(world, call, request.project_id.0, Some(request.algorithm_id.as_str()))?;
    let mut deployments: Vec<&Deployment> =
        world.deployments.values().filter(|deployment| deployment.project == wanted.project).collect();
    deployments.sort_by_key(|deployment| (deployment.launched, deployment.number));
    let mut lines = Vec::new();
    let mut offset = 0;
    for deployment in deployments {
        let of_this = log_of(world, call, deployment)?;
        if deployment.id == wanted.id {
            offset = lines.len();
        } else if request.deployment_logs == Some(true) {
            continue;
        }
        lines.extend(of_this);
    }
    let query = request.query.unwrap_or_default().to_lowercase();
    lines.retain(|line: &String| line.to_lowercase().contains(&query));
    let (logs, length) = page(Some(&lines), request.start_line, request.end_line, LINES)?;
    Ok(LiveLogsReply { logs, length, deployment_offset: i64::try_from(offset).ok() })
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
        .filter(|d| d.ended.is_none() && in_organization(d.project))
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
    if !world.project(call, project)?.is_live_controlled_by(call.user) {
        return Err(refuse::no_write_permission());
    }
    if deployment.ended.is_some() || status(world, call, deployment)?.is_terminal() {
        return Err(refuse::no_live_deployment(project));
    }
    Ok(deployment.id.clone())
}

fn end(world: &mut World, call: &Call<'_>, project: i64, status: LiveStatus) -> Answer<Done> {
    let id = active(world, call, project)?;
    if let Some(deployment) = world.deployments.get_mut(&id) {
        deployment.ended = Some((call.now, status.as_str().to_owned()));
    }
    Ok(Done {})
}

/// The first request makes the service fetch the data; until then it says how far it is.
fn loading(world: &mut World, call: &Call<'_>, project: i64, what: &str) -> Answer<Option<f64>> {
    let id = find(world, call, project, None)?.id.clone();
    let Some(deployment) = world.deployments.get_mut(&id) else { return Ok(None) };
    let asked = *deployment.asked.entry(what.to_owned()).or_insert(call.now);
    let ready = later(asked, call.jobs.chart);
    Ok((call.now < ready).then_some(0.5))
}

/// The brokerage as a deployment shows it: QuantConnect's own goes by another name once it runs.
fn brokerage(deployment: &Deployment) -> &str {
    if deployment.brokerage == Brokerage::paper().id() { "PaperBrokerage" } else { &deployment.brokerage }
}

fn program(world: &World, deployment: &Deployment) -> Answer<Program> {
    let missing = || refuse::compile_not_found(&deployment.compile);
    let compile = world.compiles.get(&deployment.compile).ok_or_else(missing)?;
    Ok(code::read(&compile::sources(&compile.files), |word| Market::find(word).is_some()))
}

fn status(world: &World, call: &Call<'_>, deployment: &Deployment) -> Answer<LiveStatus> {
    if let Some((_, status)) = &deployment.ended {
        return Ok(LiveStatus::from_word(status));
    }
    if deployment.running <= call.now {
        let failed = program(world, deployment)?.raises.is_some();
        return Ok(if failed { LiveStatus::RuntimeError } else { LiveStatus::Running });
    }
    let whole = deployment.running.duration_since(deployment.launched).as_secs_f64();
    let passed = call.now.duration_since(deployment.launched).as_secs_f64();
    Ok(match passed / whole {
        share if share < 0.3 => LiveStatus::InQueue,
        share if share < 0.6 => LiveStatus::LoggingIn,
        _ => LiveStatus::Initializing,
    })
}

fn log_of(world: &World, call: &Call<'_>, deployment: &Deployment) -> Answer<Vec<String>> {
    let line = |at: jiff::Timestamp, text: &str| format!("{} {text}", at.strftime("%Y-%m-%d %H:%M:%S"));
    let mut lines = vec![line(
        deployment.launched,
        &format!(
            "Launching {} (simulated: the code is not run, no brokerage is contacted, prices are synthetic)",
            deployment.id
        ),
    )];
    if call.now < deployment.running {
        return Ok(lines);
    }
    match program(world, deployment)?.raises {
        Some(raise) => lines.push(line(deployment.running, &format!("Runtime Error: {}", raise.message))),
        None => lines.push(line(deployment.running, "Algorithm is running")),
    }
    let book = book::of(world, call, deployment)?;
    for fill in &book.fills {
        let ticker = book.positions.get(fill.ticker).map_or("", |position| position.listing.ticker);
        let side = if 0.0 < fill.quantity { "Bought" } else { "Sold" };
        lines.push(line(fill.at, &format!("{side} {} {ticker} at {:.2}", fill.quantity.abs(), fill.price)));
    }
    for (at, command) in &deployment.commands {
        lines.push(line(*at, &format!("Command received: {command}")));
    }
    if let Some((at, status)) = &deployment.ended {
        lines.push(line(*at, &format!("Algorithm ended: {status}")));
    }
    Ok(lines)
}

fn shown(world: &World, call: &Call<'_>, deployment: &Deployment) -> Answer<LiveAlgorithm> {
    let status = status(world, call, deployment)?;
    let book = book::of(world, call, deployment)?;
    let project = world.project(call, deployment.project)?;
    let invested = book.equity() - book.cash;
    let fees: f64 = book.fills.iter().map(|fill| fill.fee).sum();
    let volume: f64 = book.fills.iter().map(|fill| (fill.quantity * fill.price).abs()).sum();
    let runtime: Statistics = [
        ("Equity", statistics::money(book.equity())),
        ("Fees", format!("-{}", statistics::money(fees))),
        ("Holdings", statistics::money(invested)),
        ("Net Profit", statistics::money(-fees)),
        ("Unrealized", statistics::money(0.0)),
        ("Volume", statistics::money(volume)),
    ]
    .into_iter()
    .map(|(title, text)| (title.to_owned(), text))
    .collect();
    let started = deployment.running <= call.now;
    let name = "Strategy Equity".to_owned();
    let charts = [(name.clone(), Chart { name, ..Chart::default() })];
    Ok(LiveAlgorithm {
        message: (status == LiveStatus::RuntimeError).then(|| "Runtime Error".to_owned()),
        deploy_id: Some(deployment.id.as_str().into()),
        status: Some(status),
        clone_id: Some(0),
        launched: Some(deployment.launched),
        stopped: deployment.ended.as_ref().map(|ended| ended.0),
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
