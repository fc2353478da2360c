//! What a simulated deployment holds and has ordered. Prices are the last ones of the synthetic market and stand still,
//! so that equity is lost to fees alone.

use std::collections::VecDeque;

use jiff::Timestamp;
use qc_api::model::{ClosedTrade, Insight, LiveStatus, TradeDirection};

use super::command::Wanted;
use super::program;
use crate::clock::later;
use crate::market::listings::Listing;
use crate::market::{LAST_DAY, Market};
use crate::refuse::Answer;
use crate::report::{View, symbol};
use crate::run::{Plan, fee};
use crate::ticket::{Fate, Ticket};
use crate::world::{Call, Deployment, World};

/// The currency of the account.
pub(super) const DOLLARS: &str = "USD";
/// The part of the portfolio that a target weight leaves for fees.
const BUFFER: f64 = 0.0025;
/// Holdings may be worth this many times the equity, as LEAN allows for shares on margin.
const LEVERAGE: f64 = 2.0;
/// How long an insight of a deployment lasts.
const INSIGHT: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What a deployment holds, and every order it sent.
pub(super) struct Book {
    /// By currency, dollars first. Only dollars count: the synthetic market has no exchange rates.
    pub(super) cash: Vec<(String, f64)>,
    pub(super) positions: Vec<Position>,
    /// In the order in which they were sent.
    pub(super) orders: Vec<Ticket>,
    /// What it was worth at the start, in dollars.
    pub(super) start_equity: f64,
    /// Holdings it was given for which the market has no prices: they are left out.
    pub(super) unknown: Vec<String>,
    emits_insights: bool,
    /// Orders of the code itself: those behind them came by command.
    of_the_code: usize,
    /// Shares it started with, by position: they have no order.
    given: Vec<f64>,
}

pub(super) struct Position {
    pub(super) listing: &'static Listing,
    pub(super) quantity: f64,
    pub(super) price: f64,
    /// Mean price paid for what is held.
    pub(super) average: f64,
}

impl Position {
    fn add(&mut self, quantity: f64) {
        let held = self.quantity + quantity;
        if self.quantity * quantity >= 0.0 && held != 0.0 {
            self.average = (self.quantity * self.average + quantity * self.price) / held;
        } else if self.quantity.signum() != held.signum() {
            // Turned round: what is held now was bought or sold just now.
            self.average = self.price;
        }
        self.quantity = held;
    }

    pub(super) fn value(&self) -> f64 {
        self.quantity * self.price
    }

    pub(super) fn unrealized(&self) -> f64 {
        self.quantity * (self.price - self.average)
    }
}

impl Book {
    pub(super) fn dollars(&self) -> f64 {
        self.cash.iter().find(|(currency, _)| currency == DOLLARS).map_or(0.0, |(_, amount)| *amount)
    }

    pub(super) fn holdings(&self) -> f64 {
        self.positions.iter().map(Position::value).sum()
    }

    pub(super) fn equity(&self) -> f64 {
        self.dollars() + self.holdings()
    }

    pub(super) fn fees(&self) -> f64 {
        self.orders.iter().map(Ticket::fee).sum()
    }

    /// The equity after each moment at which it changed.
    pub(super) fn curve(&self) -> Vec<(Timestamp, f64)> {
        let mut equity = self.start_equity;
        let mut curve: Vec<(Timestamp, f64)> = Vec::new();
        for order in self.orders.iter().filter(|order| order.filled() != 0.0) {
            equity -= order.fee();
            match curve.last_mut().filter(|(at, _)| *at == order.at) {
                Some((_, last)) => *last = equity,
                None => curve.push((order.at, equity)),
            }
        }
        curve
    }

    /// The place of a security, if the market has it.
    fn place(&mut self, market: &Market, ticker: &str) -> Option<usize> {
        let listing = Market::find(ticker)?;
        if let Some(at) = self.positions.iter().position(|position| position.listing.ticker == listing.ticker) {
            return Some(at);
        }
        let price = market.adjusted(listing, market.window(LAST_DAY, LAST_DAY))?.bars.first()?.close;
        self.positions.push(Position { listing, quantity: 0.0, price, average: price });
        self.given.push(0.0);
        Some(self.positions.len() - 1)
    }

    fn send(&mut self, place: usize, quantity: f64, at: Timestamp, wanted: &Wanted) {
        let Some(position) = self.positions.get(place) else { return };
        let (listing, price) = (position.listing, position.price);
        let fate = match self.problem(position, quantity, wanted) {
            Some(problem) => Fate::Invalid(problem),
            None if wanted.is_met(quantity, price) => Fate::Filled { fee: fee(quantity, price) },
            None => Fate::Open,
        };
        if let (Fate::Filled { fee }, Some(position)) = (&fate, self.positions.get_mut(place)) {
            position.add(quantity);
            if let Some((_, dollars)) = self.cash.first_mut() {
                *dollars -= quantity * price + fee;
            }
        }
        self.orders.push(Ticket {
            id: i64::try_from(self.orders.len() + 1).unwrap_or(i64::MAX),
            listing,
            at,
            quantity,
            price,
            kind: wanted.kind.clone(),
            limit: wanted.limit,
            stop: wanted.stop,
            tag: wanted.tag.clone(),
            fate,
        });
    }

    /// Why LEAN would not send such an order.
    fn problem(&self, position: &Position, quantity: f64, wanted: &Wanted) -> Option<String> {
        if quantity == 0.0 {
            return Some("Unable to submit an order of quantity 0: shares are traded whole".to_owned());
        }
        if let Some(problem) = wanted.problem() {
            return Some(problem);
        }
        let all: f64 = self.positions.iter().map(|held| held.value().abs()).sum();
        let before = position.value().abs();
        let after = ((position.quantity + quantity) * position.price).abs();
        let (needed, limit) = (all - before + after, LEVERAGE * self.equity());
        (before < after && limit < needed).then(|| {
            format!("Insufficient buying power: holdings of {needed:.2} USD, at most {limit:.2} USD are possible")
        })
    }

    fn market_order(&mut self, place: usize, quantity: f64, at: Timestamp, tag: &str) {
        if quantity != 0.0 {
            self.send(place, quantity, at, &Wanted { tag: tag.to_owned(), ..Wanted::market() });
        }
    }

    fn sell_everything(&mut self, at: Timestamp) {
        for order in self.orders.iter_mut().filter(|order| order.fate == Fate::Open) {
            order.fate = Fate::Canceled(at);
        }
        for place in 0..self.positions.len() {
            let held = self.positions.get(place).map_or(0.0, |position| position.quantity);
            self.market_order(place, -held, at, "Liquidated");
        }
    }
}

pub(super) fn of(world: &World, call: &Call<'_>, deployment: &Deployment) -> Answer<Book> {
    let program = program(world, deployment)?;
    let plan = Plan::of(&program, &[]);
    let market = call.market();
    let mut book = Book {
        cash: vec![(DOLLARS.to_owned(), if deployment.cash.is_empty() { plan.cash } else { 0.0 })],
        positions: Vec::new(),
        orders: Vec::new(),
        start_equity: 0.0,
        unknown: Vec::new(),
        emits_insights: program.emits_insights,
        of_the_code: 0,
        given: Vec::new(),
    };
    for (currency, amount) in &deployment.cash {
        match book.cash.iter_mut().find(|(known, _)| known == currency) {
            Some((_, sum)) => *sum += amount,
            None => book.cash.push((currency.clone(), *amount)),
        }
    }
    for given in &deployment.holdings {
        let Some(place) = book.place(&market, &given.symbol.to_uppercase()) else {
            book.unknown.push(given.symbol.clone());
            continue;
        };
        if let Some(position) = book.positions.get_mut(place) {
            position.quantity = given.quantity;
            position.average = given.average_price;
        }
        if let Some(lot) = book.given.get_mut(place) {
            *lot = given.quantity;
        }
    }
    book.start_equity = book.equity();
    if !deployment.has_run(call.now) {
        return Ok(book);
    }
    if !deployment.fails {
        let places: Vec<usize> = plan.tickers.iter().filter_map(|ticker| book.place(&market, ticker)).collect();
        let share = book.equity().max(0.0) * (1.0 - BUFFER) / places.len().max(1) as f64;
        for place in places {
            let Some(position) = book.positions.get(place) else { continue };
            let wanted = (share / position.price).floor() - position.quantity;
            book.market_order(place, wanted, deployment.running, "");
        }
    }
    book.of_the_code = book.orders.len();
    for (at, command) in &deployment.commands {
        if let Some(order) = Wanted::read(command)
            && let Some(place) = book.place(&market, &order.ticker)
        {
            book.send(place, order.quantity.trunc(), *at, &order);
        }
    }
    if let Some((at, LiveStatus::Liquidated)) = deployment.end(call.now) {
        book.sell_everything(at);
    }
    Ok(book)
}

/// Purchases and the sales that closed them, first in, first out. What it was given at the start has no order, and
/// selling it makes no trade.
pub(super) fn closed_trades(deployment: &Deployment, book: &Book) -> Vec<ClosedTrade> {
    let mut trades = Vec::new();
    for (position, given) in book.positions.iter().zip(&book.given) {
        let mut open: VecDeque<(Option<&Ticket>, f64)> = VecDeque::new();
        if *given != 0.0 {
            open.push_back((None, *given));
        }
        let filled = |order: &&Ticket| order.listing.ticker == position.listing.ticker && order.filled() != 0.0;
        for order in book.orders.iter().filter(filled) {
            let mut left = order.quantity;
            // Each lot of the other side that is still open is closed, the oldest first.
            while left != 0.0
                && let Some((entry, remaining)) = open.front_mut().filter(|(_, r)| r.signum() != left.signum())
            {
                let part = left.abs().min(remaining.abs());
                trades.extend(entry.map(|entry| closed_trade(deployment, entry, order, part)));
                *remaining -= part * remaining.signum();
                left -= part * left.signum();
                if *remaining == 0.0 {
                    open.pop_front();
                }
            }
            if left != 0.0 {
                open.push_back((Some(order), left));
            }
        }
    }
    trades
}

fn closed_trade(deployment: &Deployment, entry: &Ticket, exit: &Ticket, quantity: f64) -> ClosedTrade {
    let sign = entry.quantity.signum();
    let profit = sign * quantity * (exit.price - entry.price);
    let fees = [entry, exit].iter().map(|order| order.fee() * quantity / order.quantity.abs()).sum::<f64>();
    ClosedTrade {
        symbols: vec![symbol(entry.listing)],
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
        order_ids: vec![entry.id, exit.id],
        orders: [entry, exit].map(|order| order.shown(&deployment.id)).into(),
        ..ClosedTrade::default()
    }
}

/// One insight for each purchase of the code itself, if it speaks of insights: up for a day, or until the position is
/// next touched or the deployment ends.
pub(super) fn insights(deployment: &Deployment, book: &Book, now: Timestamp) -> Vec<Insight> {
    let end = deployment.end(now).map(|(at, _)| at);
    let bought = book.orders.iter().take(book.of_the_code).filter(|order| 0.0 < order.filled());
    bought
        .filter(|_| book.emits_insights)
        .map(|order| {
            let touched = |other: &&Ticket| other.listing.ticker == order.listing.ticker && order.at < other.at;
            let next = book.orders.iter().filter(|other| other.filled() != 0.0).find(touched).map(|other| other.at);
            let until = [next, end].into_iter().flatten().fold(later(order.at, INSIGHT), Timestamp::min);
            let view = View { order: order.id, listing: order.listing, from: order.at, until };
            view.insight(&deployment.id, [order.price, order.price], until <= now)
        })
        .collect()
}
