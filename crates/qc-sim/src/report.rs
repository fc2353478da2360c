//! What a finished backtest shows of its [`Run`], in the shapes the service answers with.

use jiff::Timestamp;
use qc_api::model::{
    AlgorithmPerformance, Chart, ClosedTrade, Insight, InsightDirection, InsightKind, Order, OrderType, Statistics,
    Symbol, TradeDirection,
};
use qc_api::wire::Map;

use crate::code::{Program, Raise};
use crate::market::listings::Listing;
use crate::market::{Market, files};
use crate::run::trades::{self, ClosedTrade as Closed};
use crate::run::{Fill, Plan, Reason, Run, charts, statistics};
use crate::ticket::{Fate, Ticket};

/// Everything the service can be asked about one run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) run: Run,
    pub(crate) orders: Vec<Order>,
    pub(crate) trades: Vec<ClosedTrade>,
    pub(crate) insights: Vec<Insight>,
    pub(crate) logs: Vec<String>,
    pub(crate) charts: Map<Chart>,
    pub(crate) statistics: Statistics,
    pub(crate) runtime_statistics: Statistics,
    pub(crate) performance: AlgorithmPerformance,
    pub(crate) rolling: Map<AlgorithmPerformance>,
    pub(crate) failure: Option<Raise>,
}

impl Report {
    /// Trades the program on the market; a program that raises trades nothing.
    pub(crate) fn of(id: &str, program: &Program, parameters: &[(String, String)], market: &Market) -> Self {
        let mut plan = Plan::of(program, parameters);
        if program.raises.is_some() {
            plan.tickers.clear();
        }
        let run = Run::of(plan, market);
        let closed = trades::closed(&run);
        let orders: Vec<Order> = run.fills.iter().filter_map(|fill| order(id, &run, fill)).collect();
        let trades = closed.iter().filter_map(|trade| closed_trade(id, &run, trade, &orders)).collect();
        let mut logs = run.logs();
        if let Some(raise) = &program.raises {
            logs.truncate(2);
            logs.push(format!("{} Runtime Error: {}", log_time(&run), raise.message));
        }
        let figures = statistics::of(&run, &closed);
        Self {
            orders,
            trades,
            insights: insights(id, &run),
            logs,
            charts: charts::of(&run),
            statistics: figures.display(&run),
            runtime_statistics: figures.runtime(&run),
            performance: figures.performance(&run, &closed),
            rolling: statistics::rolling(&run),
            failure: program.raises.clone(),
            run,
        }
    }

    /// What the log takes of a quota.
    pub(crate) fn log_bytes(&self) -> usize {
        self.logs.iter().map(|line| line.len() + 1).sum()
    }

    /// The line in the code and the message, as the service prints them.
    pub(crate) fn error(&self) -> Option<(String, String)> {
        let raise = self.failure.as_ref()?;
        let error = format!(
            "Runtime Error: {}\n  at {}\n in {}: line {}",
            raise.message, raise.function, raise.file, raise.line
        );
        let trace = format!("{}\n  at {}\n    in {}: line {}", raise.message, raise.function, raise.file, raise.line);
        Some((error, trace))
    }
}

fn log_time(run: &Run) -> String {
    format!("{} 00:00:00", run.plan.first)
}

/// A security as LEAN names it.
pub(crate) fn symbol(listing: &Listing) -> Symbol {
    Symbol {
        value: listing.ticker.to_owned(),
        id: files::sid(listing).unwrap_or_default(),
        permtick: Some(listing.ticker.to_owned()),
        underlying: None,
    }
}

/// The order behind a fill.
fn order(algorithm: &str, run: &Run, fill: &Fill) -> Option<Order> {
    let (kind, tag) = match fill.reason {
        Reason::Entry | Reason::Rebalance => (OrderType::MarketOnOpen, ""),
        Reason::Delisting => (OrderType::MarketOnClose, "Liquidate from delisting"),
        Reason::Close => (OrderType::MarketOnClose, "Liquidated"),
    };
    let ticket = Ticket {
        id: fill.order,
        listing: run.listing(fill)?,
        at: fill.at,
        quantity: fill.quantity,
        price: fill.price,
        kind,
        limit: None,
        stop: None,
        tag: tag.to_owned(),
        fate: Fate::Filled { fee: fill.fee },
    };
    Some(ticket.shown(algorithm))
}

/// A trade as the list of trades shows it, with its orders; see [`without_orders`] for the statistics.
fn closed_trade(algorithm: &str, run: &Run, trade: &Closed, orders: &[Order]) -> Option<ClosedTrade> {
    let listing = run.assets.get(trade.ticker)?.listing;
    let order_ids = vec![trade.entry_order, trade.exit_order];
    Some(ClosedTrade {
        id: Some(guid(algorithm, trade)),
        symbol: None,
        symbols: vec![symbol(listing)],
        entry_time: Some(trade.entered),
        entry_price: Some(trade.entry_price),
        direction: Some(TradeDirection::Long),
        quantity: Some(trade.quantity),
        exit_time: Some(trade.exited),
        exit_price: Some(trade.exit_price),
        profit_loss: Some(trade.profit),
        total_fees: Some(trade.fees),
        mae: Some(trade.mae),
        mfe: Some(trade.mfe),
        duration: Some(trade.exited.duration_since(trade.entered)),
        end_trade_drawdown: Some(trade.end_drawdown),
        is_win: Some(trade.is_win()),
        orders: orders.iter().filter(|order| order_ids.contains(&order.id)).cloned().collect(),
        order_ids,
    })
}

/// A trade as `totalPerformance` holds it: one symbol, no orders.
pub(crate) fn without_orders(run: &Run, trade: &Closed) -> Option<ClosedTrade> {
    let full = closed_trade("", run, trade, &[])?;
    Some(ClosedTrade { id: None, symbol: full.symbols.first().cloned(), symbols: Vec::new(), ..full })
}

/// A stable identifier in the form of a .NET guid.
fn guid(algorithm: &str, trade: &Closed) -> String {
    use sha2::{Digest, Sha256};
    let digits = hex::encode(Sha256::digest(format!("{algorithm}-{}-{}", trade.entry_order, trade.exit_order)));
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// One insight per purchase, if the code speaks of insights: up, until the position is next touched.
fn insights(algorithm: &str, run: &Run) -> Vec<Insight> {
    if !run.plan.emits_insights {
        return Vec::new();
    }
    let end = run.days.last().map(|day| day.at);
    run.fills
        .iter()
        .filter(|fill| 0.0 < fill.quantity)
        .filter_map(|fill| {
            let asset = run.assets.get(fill.ticker)?;
            let next = run.fills.iter().find(|other| other.ticker == fill.ticker && fill.at < other.at);
            let close = next.map(|other| other.at).or(end)?;
            let last = next.map_or(fill.price, |other| other.price);
            let view = View { order: fill.order, listing: asset.listing, from: fill.at, until: close };
            Some(view.insight(algorithm, [fill.price, last], true))
        })
        .collect()
}

/// What an insight is about.
pub(crate) struct View {
    /// The purchase it led to.
    pub(crate) order: i64,
    pub(crate) listing: &'static Listing,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl View {
    /// The insight that the price will rise, from the first of two prices to the second.
    pub(crate) fn insight(&self, algorithm: &str, [first, last]: [f64; 2], is_over: bool) -> Insight {
        let symbol = symbol(self.listing);
        Insight {
            id: guid_digits(&format!("{algorithm}-insight-{}", self.order)),
            source_model: Some("SimulatedAlphaModel".to_owned()),
            generated_time: Some(self.from),
            close_time: Some(self.until),
            symbol: Some(symbol.id),
            ticker: Some(symbol.value),
            kind: Some(InsightKind::Price),
            reference: Some(first),
            reference_final: Some(if is_over { last } else { 0.0 }),
            direction: Some(InsightDirection::Up),
            period: Some(self.until.duration_since(self.from).as_secs_f64()),
            score_final: is_over,
            score_direction: Some(f64::from(u8::from(is_over && first < last))),
            score_magnitude: Some(0.0),
            estimated_value: Some(0.0),
            ..Insight::default()
        }
    }
}

fn guid_digits(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let mut digits = hex::encode(Sha256::digest(text));
    digits.truncate(32);
    digits
}
