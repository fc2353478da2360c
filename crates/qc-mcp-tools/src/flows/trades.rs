//! Where a backtest's money came from: its closed trades summed up, and whether they explain what the account gained.

use jiff::{Timestamp, tz::TimeZone};
use qc_api::model::{Backtest, ClosedTrade, Order, OrderStatus, TradeDirection};
use qc_quant::trades::{self, Fill, Matched, Side, Trade, TradeAnalysis};
use serde::Serialize;

use super::backtest::{self, Listed, Orders, Run, Trades};
use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
};

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) backtest: Backtest,
    /// `None` where nothing was closed.
    pub(crate) analysis: Option<TradeAnalysis>,
    pub(crate) trades: Vec<Trade>,
    pub(crate) source: Source,
    pub(crate) reconciled: Reconciled,
    pub(crate) cautions: Vec<String>,
}

/// Where the round trips come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The service's own list.
    ClosedTrades,
    /// Matched here from the fills of orders, first in, first out.
    FilledOrders,
}

/// What the account gained, and which part of it trades explain; in the account's currency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Reconciled {
    pub(crate) start_equity: Option<f64>,
    pub(crate) end_equity: Option<f64>,
    /// End less start.
    pub(crate) change: Option<f64>,
    /// Closed trades, after their fees.
    pub(crate) closed_trades: f64,
    /// Paper result of what is open at the end, as the service says.
    pub(crate) open_positions: Option<f64>,
    /// Fees of what is open: all fees less those of closed trades.
    pub(crate) open_fees: Option<f64>,
    /// Change less all of these: dividends, interest, money that was added, prices of the last valuation.
    pub(crate) unexplained: Option<f64>,
}

/// Reads and sums up.
///
/// # Errors
/// What the service says; [`Kind::NotFound`] for a backtest without closed trades and without filled orders.
pub(crate) async fn analyze(ctx: &Ctx, run: &Run) -> Result<Found, ToolError> {
    let backtest = backtest::read(&ctx.door, run).await?;
    let mut cautions = Vec::new();
    if !backtest.is_finished() && backtest.failure().is_none() {
        cautions.push("the backtest still runs: these are the trades so far".to_owned());
    }
    if backtest.failure().is_some() {
        cautions.push("the backtest ended with an error: these are the trades up to it".to_owned());
    }
    let Listed { rows, promised } = backtest::all::<Trades>(&ctx.door, run, &ctx.progress).await?;
    if let Some(promised) = promised {
        cautions.push(format!("the service spoke of {promised} trades and gave {}", rows.len()));
    }
    let n_closed = rows.len();
    let trades: Vec<Trade> = rows.iter().filter_map(trade_of).collect();
    if trades.len() < n_closed {
        cautions
            .push(format!("{} of {n_closed} trades lack times or a profit and are left out", n_closed - trades.len()));
    }
    let (trades, source) = if trades.is_empty() {
        let orders = backtest::all::<Orders>(&ctx.door, run, &ctx.progress).await?.rows;
        let (matched, n_filled) = matched(&orders, &mut cautions)?;
        if n_filled == 0 {
            let message = format!("the backtest has no closed trades and no filled orders ({} orders)", orders.len());
            return Err(ToolError::new(Kind::NotFound, Topic::Backtest, message));
        }
        (matched.closed, Source::FilledOrders)
    } else {
        (trades, Source::ClosedTrades)
    };
    let analysis = if trades.is_empty() { None } else { Some(trades::analyze(&trades)?) };
    let reconciled = reconcile(&backtest, analysis.as_ref());
    Ok(Found { backtest, analysis, trades, source, reconciled, cautions })
}

/// A moment as seconds on the clock of New York: a trade that closes with the session counts for that day's month.
fn seconds(at: Timestamp, zone: &TimeZone) -> i64 {
    at.as_second() + i64::from(zone.to_offset(at).seconds())
}

fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC)
}

fn trade_of(row: &ClosedTrade) -> Option<Trade> {
    let zone = new_york();
    let names: Vec<&str> = row.securities().map(|symbol| symbol.name()).collect();
    let at = |time: Option<Timestamp>| time.map(|at| seconds(at, &zone));
    let (entry, exit) = (at(row.entry_time)?, at(row.exit_time)?);
    Some(Trade {
        symbol: names.join(" "),
        side: if row.direction == Some(TradeDirection::Short) { Side::Short } else { Side::Long },
        entry,
        exit: exit.max(entry),
        profit: row.profit_loss.filter(|profit| profit.is_finite())?,
        fees: row.total_fees.filter(|fees| fees.is_finite()).unwrap_or_default(),
        adverse: row.mae.filter(|way| way.is_finite()),
        favourable: row.mfe.filter(|way| way.is_finite()),
    })
}

/// Round trips made of the fills of orders, and how many orders had any.
fn matched(orders: &[Order], cautions: &mut Vec<String>) -> Result<(Matched, usize), ToolError> {
    let zone = new_york();
    let mut fills: Vec<Fill> = orders.iter().filter_map(|order| fill_of(order, &zone)).collect();
    fills.sort_by_key(|fill| fill.time);
    if !fills.is_empty() {
        cautions.push(
            "the service listed no closed trades: round trips are matched here from filled orders, first in, first out"
                .to_owned(),
        );
    }
    let found = trades::fifo(&fills)?;
    if !found.open.is_empty() {
        cautions.push(format!("{} lot(s) are open at the end and are no closed trades", found.open.len()));
    }
    Ok((found, fills.len()))
}

fn fill_of(order: &Order, zone: &TimeZone) -> Option<Fill> {
    let is_filled = matches!(order.status, Some(OrderStatus::Filled | OrderStatus::PartiallyFilled));
    let executed: f64 = order.events.iter().filter_map(|event| event.fill_quantity).sum();
    let quantity = if executed == 0.0 { order.quantity? } else { executed };
    let price = order.price.filter(|price| price.is_finite() && *price != 0.0)?;
    let at = order.last_fill_time.or(order.placed())?;
    (is_filled && quantity != 0.0).then(|| Fill {
        symbol: order.symbol.name().to_owned(),
        time: seconds(at, zone),
        quantity,
        price,
        fee: order.events.iter().filter_map(|event| event.order_fee_amount).sum(),
        multiplier: multiplier(order, price),
    })
}

/// What a unit is worth beside its price, by the value of the order: 1 for shares, 50 for a future of 50 times an index.
fn multiplier(order: &Order, price: f64) -> f64 {
    /// Values are rounded, or of another moment's price.
    const NEAR_ONE: f64 = 0.05;
    let of = |value: f64, quantity: f64| (value / (quantity * price)).abs();
    let ratio = order.value.zip(order.quantity).map(|(value, quantity)| of(value, quantity));
    ratio.filter(|ratio| ratio.is_finite() && 0.0 < *ratio && NEAR_ONE < (ratio - 1.0).abs()).unwrap_or(1.0)
}

fn reconcile(backtest: &Backtest, analysis: Option<&TradeAnalysis>) -> Reconciled {
    let figures = backtest::figures(&backtest.statistics);
    let runtime = backtest::figures(&backtest.runtime_statistics);
    let of = |figures: &serde_json::Value, name: &str| figures.get(name)?.get("value")?.as_f64();
    let (start, end) = (of(&figures, "start_equity"), of(&figures, "end_equity"));
    let change = end.zip(start).map(|(end, start)| end - start);
    let (closed, paid) = analysis.map_or((0.0, 0.0), |found| (found.all.net, found.all.fees));
    let open_positions = of(&runtime, "unrealized");
    let open_fees = of(&figures, "total_fees").map(|all| (all - paid).max(0.0));
    let parts = closed + open_positions.unwrap_or_default() - open_fees.unwrap_or_default();
    Reconciled {
        start_equity: start,
        end_equity: end,
        change,
        closed_trades: closed,
        open_positions,
        open_fees,
        unexplained: change.map(|change| change - parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_months_are_those_of_new_york() {
        // The last session of January 2024 closes on 1 February in London's winter only at midnight; 1 am UTC is still January.
        let at: Timestamp = "2024-02-01T01:00:00Z".parse().unwrap();
        let trade =
            ClosedTrade { entry_time: Some(at), exit_time: Some(at), profit_loss: Some(1.0), ..ClosedTrade::default() };
        let found = trades::analyze(&[trade_of(&trade).unwrap()]).unwrap();
        assert_eq!(found.by_month[0].0, (2024, 1));
        assert!(trade_of(&ClosedTrade { profit_loss: None, ..trade }).is_none());
    }

    #[test]
    fn a_future_is_worth_its_multiple_and_rounding_is_none() {
        let order = |value: f64| Order { value: Some(value), quantity: Some(2.0), ..Order::default() };
        assert_eq!(multiplier(&order(10_000.0), 100.0), 50.0);
        assert_eq!(multiplier(&order(201.0), 100.0), 1.0);
        assert_eq!(multiplier(&Order::default(), 100.0), 1.0);
    }
}
