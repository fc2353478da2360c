//! What a simulated deployment holds: the symbols named in the code, in equal weights, and what commands added to them.

use std::collections::VecDeque;

use qc_api::model::{ClosedTrade, LiveStatus, TradeDirection};
use serde_json::Value;

use super::program;
use crate::market::listings::Listing;
use crate::market::{LAST_DAY, Market};
use crate::refuse::Answer;
use crate::report::{live_order, symbol};
use crate::run::{Fill, Plan, Reason, fee};
use crate::world::{Call, Deployment, World};

/// What a deployment holds, and every order it sent.
pub(super) struct Book {
    pub(super) cash: f64,
    pub(super) positions: Vec<Position>,
    pub(super) fills: Vec<Fill>,
}

pub(super) struct Position {
    pub(super) listing: &'static Listing,
    pub(super) quantity: f64,
    pub(super) price: f64,
}

impl Book {
    pub(super) fn equity(&self) -> f64 {
        self.cash + self.positions.iter().map(|position| position.quantity * position.price).sum::<f64>()
    }

    fn fill(&mut self, ticker: usize, quantity: f64, at: jiff::Timestamp, reason: Reason) {
        let Some(position) = self.positions.get_mut(ticker).filter(|_| quantity != 0.0) else { return };
        let (price, fee) = (position.price, fee(quantity, position.price));
        position.quantity += quantity;
        self.cash -= quantity * price + fee;
        let order = i64::try_from(self.fills.len() + 1).unwrap_or(i64::MAX);
        self.fills.push(Fill { order, ticker, at, day: 0, quantity, price, fee, reason });
    }
}

pub(super) fn of(world: &World, call: &Call<'_>, deployment: &Deployment) -> Answer<Book> {
    let program = program(world, deployment)?;
    let plan = Plan::of(&program, &[]);
    let mut book = Book { cash: deployment.cash.unwrap_or(plan.cash), positions: Vec::new(), fills: Vec::new() };
    if call.now < deployment.running || deployment.ended.as_ref().is_some_and(|ended| ended.0 < deployment.running) {
        return Ok(book);
    }
    let market = call.market();
    let last = market.window(LAST_DAY, LAST_DAY);
    let add = |book: &mut Book, ticker: &str| -> Option<usize> {
        let listing = Market::find(ticker)?;
        if let Some(at) = book.positions.iter().position(|position| position.listing.ticker == listing.ticker) {
            return Some(at);
        }
        let price = market.adjusted(listing, last.clone())?.bars.first()?.close;
        book.positions.push(Position { listing, quantity: 0.0, price });
        Some(book.positions.len() - 1)
    };
    if program.raises.is_none() {
        let found: Vec<usize> = plan.tickers.iter().filter_map(|ticker| add(&mut book, ticker)).collect();
        let share = book.cash * 0.9975 / found.len().max(1) as f64;
        for ticker in found {
            let price = book.positions.get(ticker).map_or(1.0, |position| position.price);
            book.fill(ticker, (share / price).floor(), deployment.running, Reason::Entry);
        }
    }
    for (at, command) in &deployment.commands {
        let text = |value: &Value| value.as_str().map(str::to_owned).or_else(|| value.as_f64().map(|n| n.to_string()));
        let name = command.get("symbol").and_then(|s| s.get("value").or_else(|| s.get("id"))).and_then(Value::as_str);
        let ticker = name.and_then(|name| name.split(' ').next());
        let quantity = command.get("quantity").and_then(text).and_then(|text| text.parse::<f64>().ok());
        let is_order = command.get("$type").and_then(Value::as_str) == Some("OrderCommand");
        if let (true, Some(ticker), Some(quantity)) = (is_order, ticker, quantity.filter(|q| q.is_finite()))
            && let Some(place) = add(&mut book, ticker)
        {
            book.fill(place, quantity, *at, Reason::Rebalance);
        }
    }
    if let Some((at, status)) = &deployment.ended
        && LiveStatus::from_word(status) == LiveStatus::Liquidated
    {
        for ticker in 0..book.positions.len() {
            let held = book.positions.get(ticker).map_or(0.0, |position| position.quantity);
            book.fill(ticker, -held, *at, Reason::Close);
        }
    }
    Ok(book)
}

/// Purchases and the sales that closed them, first in, first out. Prices stand still, so that only fees are lost.
pub(super) fn closed_trades(deployment: &Deployment, book: &Book) -> Vec<ClosedTrade> {
    let mut trades = Vec::new();
    for (ticker, position) in book.positions.iter().enumerate() {
        let mut open: VecDeque<(&Fill, f64)> = VecDeque::new();
        for fill in book.fills.iter().filter(|fill| fill.ticker == ticker) {
            let mut left = fill.quantity;
            // Each lot of the other side that is still open is closed, the oldest first.
            while left != 0.0
                && let Some((entry, remaining)) = open.front_mut().filter(|(_, r)| r.signum() != left.signum())
            {
                let part = left.abs().min(remaining.abs());
                trades.push(closed_trade(deployment, position, entry, fill, part));
                *remaining -= part * remaining.signum();
                left -= part * left.signum();
                if *remaining == 0.0 {
                    open.pop_front();
                }
            }
            if left != 0.0 {
                open.push_back((fill, left));
            }
        }
    }
    trades
}

fn closed_trade(deployment: &Deployment, position: &Position, entry: &Fill, exit: &Fill, quantity: f64) -> ClosedTrade {
    let sign = entry.quantity.signum();
    let profit = sign * quantity * (exit.price - entry.price);
    let fees = [entry, exit].iter().map(|fill| fill.fee * quantity / fill.quantity.abs()).sum::<f64>();
    let orders = [entry, exit].map(|fill| live_order(&deployment.id, position.listing, fill));
    ClosedTrade {
        symbols: vec![symbol(position.listing)],
        entry_time: Some(entry.at),
        entry_price: Some(entry.price),
        direction: Some(if 0.0 < sign { TradeDirection::Long } else { TradeDirection::Short }),
        quantity: Some(quantity),
        exit_time: Some(exit.at),
        exit_price: Some(exit.price),
        profit_loss: Some(profit),
        total_fees: Some(fees),
        mae: Some(0.0),
        mfe: Some(0.0),
        duration: Some(exit.at.duration_since(entry.at)),
        end_trade_drawdown: Some(0.0),
        is_win: Some(fees < profit),
        order_ids: vec![entry.order, exit.order],
        orders: orders.into(),
        ..ClosedTrade::default()
    }
}
