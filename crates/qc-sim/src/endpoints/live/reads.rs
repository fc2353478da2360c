//! What is shown of a deployment: holdings, curve, orders, trades, insights and log, all from one [`super::book`].

use jiff::{SignedDuration, Timestamp};
use qc_api::endpoints::live::{
    LiveInsightsReply, LiveLogsReply, LiveOrdersReply, LiveTradesReply, ReadLiveChart, ReadLiveInsights, ReadLiveLogs,
    ReadLiveOrders, ReadLivePortfolio, ReadLiveTrades,
};
use qc_api::model::{Cash, Chart, ChartReply, Holding, Order, Point, Portfolio, PortfolioReply, Series, SeriesKind};

use super::book::{self, DOLLARS};
use super::{error, find};
use crate::clock::later;
use crate::endpoints::backtests::page;
use crate::refuse::{self, Answer};
use crate::report::symbol;
use crate::run::charts;
use crate::ticket::Fate;
use crate::world::{Call, Deployment, World};

/// Rows of orders, trades or insights one answer may hold.
const ROWS: i64 = 1000;
/// Lines of the log one answer may hold.
const LINES: i64 = 250;
/// Lines of the log that are kept of a project, and for how long (documented); the oldest go first.
const KEPT_LINES: usize = 100_000;
const KEPT_DAYS: i64 = 365;
/// The only chart that is drawn.
pub(super) const EQUITY: &str = "Strategy Equity";

pub(crate) fn portfolio(world: &mut World, call: &Call<'_>, request: ReadLivePortfolio) -> Answer<PortfolioReply> {
    let deployment = find(world, call, request.project_id.0, None)?;
    let book = book::of(world, call, deployment)?;
    let holdings = book.positions.iter().filter(|position| position.quantity != 0.0).map(|position| {
        let paid = (position.quantity * position.average).abs();
        let holding = Holding {
            average_price: position.average,
            quantity: position.quantity,
            market_price: position.price,
            market_value: position.value(),
            unrealized: position.unrealized(),
            unrealized_percent: if paid == 0.0 { 0.0 } else { 100.0 * position.unrealized() / paid },
            ..Holding::default()
        };
        (symbol(position.listing).id, holding)
    });
    let cash = book.cash.iter().map(|(currency, amount)| {
        // No exchange rates: other currencies are there, and count as nothing.
        let rate = if currency == DOLLARS { 1.0 } else { 0.0 };
        let cash = Cash {
            symbol: currency.clone(),
            amount: *amount,
            conversion_rate: Some(rate),
            currency_symbol: Some(if currency == DOLLARS { "$" } else { currency }.to_owned()),
            value_in_account_currency: Some(rate * amount),
            security_symbols: Vec::new(),
        };
        (currency.clone(), cash)
    });
    let portfolio = Portfolio { holdings: holdings.collect(), cash: cash.collect() };
    Ok(PortfolioReply { portfolio: Some(portfolio) })
}

/// Only the equity is drawn: when it began to run, at each order that was filled, and now or at the end.
pub(crate) fn chart(world: &mut World, call: &Call<'_>, request: ReadLiveChart) -> Answer<ChartReply> {
    if request.end <= request.start {
        return Err(refuse::range_not_valid(request.start, request.end));
    }
    let count = usize::try_from(request.count).ok().filter(|count| 0 < *count).ok_or_else(refuse::invalid_argument)?;
    if request.name != EQUITY {
        find(world, call, request.project_id.0, None)?;
        return Err(refuse::chart_not_found(&request.name));
    }
    if let Some(progress) = loading(world, call, request.project_id.0, "chart")? {
        return Ok(ChartReply { chart: None, progress: Some(progress), status: Some("loading".to_owned()) });
    }
    let deployment = find(world, call, request.project_id.0, None)?;
    let book = book::of(world, call, deployment)?;
    let mut points = Vec::new();
    if deployment.has_run(call.now) {
        points = book.curve();
        let now = deployment.end(call.now).map_or(call.now, |(at, _)| at);
        if points.first().is_none_or(|(at, _)| deployment.running < *at) {
            points.insert(0, (deployment.running, book.start_equity));
        }
        if points.last().is_none_or(|(at, _)| *at < now) {
            points.push((now, book.equity()));
        }
    }
    let mut before = book.start_equity;
    let values = points.into_iter().map(|(at, equity)| {
        let (open, close) = (before, equity);
        before = equity;
        Point::Candle {
            x: at.as_second() as f64,
            open: Some(open),
            high: Some(open.max(close)),
            low: Some(open.min(close)),
            close: Some(close),
        }
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
    let chart = charts::sampled(&chart, count, request.start, request.end);
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
    let orders: Vec<Order> = book.orders.iter().map(|order| order.shown(&deployment.id)).collect();
    let (orders, length) = page(Some(&orders), request.start, request.end, ROWS)?;
    Ok(LiveOrdersReply { orders, length, progress: None, status: None })
}

/// Closed positions of the named deployment, or of all of the project.
pub(crate) fn trades(world: &mut World, call: &Call<'_>, request: ReadLiveTrades) -> Answer<LiveTradesReply> {
    let project = request.project_id.0;
    find(world, call, project, request.deploy_id.as_ref().map(AsRef::as_ref))?;
    let mut trades = Vec::new();
    for deployment in in_order(world, project) {
        if request.deploy_id.as_ref().is_none_or(|id| id.as_str() == deployment.id) {
            trades.extend(book::closed_trades(deployment, &book::of(world, call, deployment)?));
        }
    }
    let (trades, length) = page(Some(&trades), request.start, request.end, ROWS)?;
    Ok(LiveTradesReply { trades, length })
}

pub(crate) fn insights(world: &mut World, call: &Call<'_>, request: ReadLiveInsights) -> Answer<LiveInsightsReply> {
    let id = request.algorithm_id.as_ref().map(AsRef::as_ref);
    let deployment = find(world, call, request.project_id.0, id)?;
    let insights = book::insights(deployment, &book::of(world, call, deployment)?, call.now);
    let (insights, length) = page(Some(&insights), request.start, request.end, ROWS)?;
    Ok(LiveInsightsReply { insights, length })
}

/// The lines of all deployments of the project, one after the other.
pub(crate) fn logs(world: &mut World, call: &Call<'_>, request: ReadLiveLogs) -> Answer<LiveLogsReply> {
    let wanted = find(world, call, request.project_id.0, Some(request.algorithm_id.as_str()))?;
    let mut lines = Vec::new();
    let mut offset = 0;
    for deployment in in_order(world, wanted.project) {
        if deployment.id == wanted.id {
            offset = lines.len();
        } else if request.deployment_logs == Some(true) {
            continue;
        }
        lines.extend(log_of(world, call, deployment)?);
    }
    let oldest = call.now.checked_sub(SignedDuration::from_hours(24 * KEPT_DAYS)).unwrap_or(Timestamp::MIN);
    let gone = forget(&mut lines, &stamp(oldest), KEPT_LINES);
    let query = request.query.unwrap_or_default().to_lowercase();
    lines.retain(|line: &String| line.to_lowercase().contains(&query));
    let (logs, length) = page(Some(&lines), request.start_line, request.end_line, LINES)?;
    Ok(LiveLogsReply { logs, length, deployment_offset: i64::try_from(offset.saturating_sub(gone)).ok() })
}

/// Takes away the lines before a moment and those that are too many, the oldest first; says how many.
fn forget(lines: &mut Vec<String>, oldest: &str, most: usize) -> usize {
    let old = lines.iter().take_while(|line| line.as_str() < oldest).count();
    let gone = old.max(lines.len().saturating_sub(most));
    lines.drain(..gone);
    gone
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The deployments of a project, the oldest first.
fn in_order(world: &World, project: i64) -> Vec<&Deployment> {
    let mut deployments: Vec<&Deployment> = world.deployments.values().filter(|d| d.project == project).collect();
    deployments.sort_by_key(|deployment| (deployment.launched, deployment.number));
    deployments
}

/// The first request makes the service fetch the data; until then it says how far it is.
fn loading(world: &mut World, call: &Call<'_>, project: i64, what: &str) -> Answer<Option<f64>> {
    let id = find(world, call, project, None)?.id.clone();
    let Some(deployment) = world.deployments.get_mut(&id) else { return Ok(None) };
    let asked = *deployment.asked.entry(what.to_owned()).or_insert(call.now);
    let ready = later(asked, call.jobs.chart);
    Ok((call.now < ready).then_some(0.5))
}

fn log_of(world: &World, call: &Call<'_>, deployment: &Deployment) -> Answer<Vec<String>> {
    let book = book::of(world, call, deployment)?;
    let mut lines: Vec<(Timestamp, String)> = vec![(
        deployment.launched,
        format!(
            "Launching {} (simulated: the code is not run, no brokerage is contacted, prices are synthetic)",
            deployment.id
        ),
    )];
    for (currency, amount) in book.cash.iter().filter(|(currency, _)| currency != DOLLARS) {
        let text = format!("{amount:.2} {currency} count as nothing: the synthetic market has no exchange rates");
        lines.push((deployment.launched, text));
    }
    for ticker in &book.unknown {
        lines.push((deployment.launched, format!("{ticker} is left out: the synthetic market has no prices of it")));
    }
    if deployment.has_run(call.now) {
        let said = error(world, deployment)?.unwrap_or_else(|| "Algorithm is running".to_owned());
        lines.push((deployment.running, said));
    }
    for (at, command) in &deployment.commands {
        lines.push((*at, format!("Command received: {command}")));
    }
    for order in &book.orders {
        let side = if 0.0 < order.quantity { "Bought" } else { "Sold" };
        let (shares, ticker) = (order.quantity.abs(), order.listing.ticker);
        let said = match &order.fate {
            Fate::Filled { .. } => format!("{side} {shares} {ticker} at {:.2}, order {}", order.price, order.id),
            Fate::Invalid(reason) => format!("Order Error: ids: [{}], {reason}", order.id),
            Fate::Open | Fate::Canceled(_) => format!("Order {} of {shares} {ticker} waits for its price", order.id),
        };
        lines.push((order.at, said));
        if let Fate::Canceled(at) = order.fate {
            lines.push((at, format!("Order {} is cancelled", order.id)));
        }
    }
    if let Some((at, status)) = deployment.end(call.now) {
        lines.push((at, format!("Algorithm ended: {}", status.as_str())));
    }
    // What happens at one moment stays in the order above.
    lines.sort_by_key(|(at, _)| *at);
    Ok(lines.into_iter().map(|(at, text)| format!("{} {text}", stamp(at))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_and_lines_beyond_the_most_are_forgotten() {
        let lines =
            || ["2024-01-01 00:00:00 a", "2025-01-01 00:00:00 b", "2026-01-01 00:00:00 c"].map(str::to_owned).to_vec();
        let left = |oldest, most| {
            let mut left = lines();
            let gone = forget(&mut left, oldest, most);
            assert_eq!(gone + left.len(), 3);
            left.len()
        };
        assert_eq!([left("2020", 9), left("2025-01-01 00:00:00", 9), left("2020", 1), left("2027", 9)], [3, 2, 1, 0]);
    }
}
