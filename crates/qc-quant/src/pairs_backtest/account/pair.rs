//! One pair of an account: its hedge ratio and z at each close, its position, and the orders it gives.

use super::super::Reason;
use super::{Attribution, Hedge, PairRule};
use crate::dynamics::kalman_hedge;
use crate::error::Result;
use crate::panel::Panel;
use crate::stats::moments::{covariance, mean, std_dev, variance, varies};

/// Which price of a row.
#[derive(Clone, Copy)]
pub(super) enum Price {
    Close,
    Fill,
}

#[derive(Clone, Copy)]
pub(super) enum Order {
    Open { side: i8, signal: usize, z: f64, beta: f64 },
    Close(Reason),
}

#[derive(Clone, Copy)]
pub(super) struct Position {
    pub(super) side: i8,
    pub(super) signal: usize,
    pub(super) opened: usize,
    pub(super) z: f64,
    pub(super) beta: f64,
    pub(super) alpha: f64,
    pub(super) shares: [f64; 2],
    pub(super) entry: [f64; 2],
    pub(super) gross: f64,
    pub(super) cost: f64,
}

pub(super) struct Pair<'a> {
    rule: &'a PairRule,
    close: [&'a [f64]; 2],
    fill: [&'a [f64]; 2],
    /// Slope and intercept in force at each row; `None` before there are any.
    pub(super) coefficients: Vec<Option<[f64; 2]>>,
    /// z of a filter, which does not depend on the position.
    filtered: Option<Vec<f64>>,
    pub(super) position: Option<Position>,
    pub(super) order: Option<Order>,
    pub(super) locked: bool,
    pub(super) beyond: (i8, usize),
    pub(super) attribution: Attribution,
}

impl<'a> Pair<'a> {
    pub(super) fn new(close: &'a Panel, fills: &'a Panel, rule: &'a PairRule) -> Result<Self> {
        let columns =
            |panel: &'a Panel| -> Result<[&'a [f64]; 2]> { Ok([panel.column_of(&rule.y)?, panel.column_of(&rule.x)?]) };
        let closes = columns(close)?;
        let n = close.n_rows();
        let (mut filtered, mut coefficients) = (None, vec![None; n]);
        match rule.hedge {
            Hedge::Fixed { beta, alpha } => coefficients.fill(Some([beta, alpha])),
            Hedge::Kalman(options) => {
                let log = |symbol: &str| {
                    let series = close.series(symbol)?;
                    let logs = series.values().iter().map(|price| price.ln()).collect();
                    crate::panel::Series::new(symbol, close.index().clone(), logs)
                };
                let found = kalman_hedge::filter(&log(&rule.y)?, &log(&rule.x)?, &options)?;
                for (row, slot) in coefficients.iter_mut().enumerate().skip(rule.lookback) {
                    *slot = Some([found.beta[row], found.alpha[row]]);
                }
                filtered = Some(found.z());
            }
            Hedge::Refit { window, every } => {
                let mut now = None;
                for (row, slot) in coefficients.iter_mut().enumerate() {
                    if window <= row + 1 && (row + 1 - window) % every == 0 {
                        now = regress(closes, row + 1 - window..row + 1).or(now);
                    }
                    *slot = now;
                }
            }
        }
        Ok(Self {
            rule,
            close: closes,
            fill: columns(fills)?,
            coefficients,
            filtered,
            position: None,
            order: None,
            locked: false,
            beyond: (0, 0),
            attribution: Attribution::default(),
        })
    }

    pub(super) fn price(&self, leg: usize, row: usize, price: Price) -> f64 {
        match price {
            Price::Close => self.close[leg][row],
            Price::Fill => self.fill[leg][row],
        }
    }

    pub(super) fn worth(&self, row: usize, price: Price) -> f64 {
        let of = |p: &Position| (0..2).map(|leg| p.shares[leg] * self.price(leg, row, price)).sum::<f64>();
        self.position.as_ref().map_or(0.0, of)
    }

    pub(super) fn gross(&self, row: usize, price: Price) -> f64 {
        let of = |p: &Position| (0..2).map(|leg| (p.shares[leg] * self.price(leg, row, price)).abs()).sum::<f64>();
        self.position.as_ref().map_or(0.0, of)
    }

    /// z at a close with the coefficients of the open position, or those in force.
    fn z(&self, row: usize) -> Option<f64> {
        let [beta, alpha] = match self.position {
            Some(position) if self.filtered.is_none() => [position.beta, position.alpha],
            _ => self.coefficients[row]?,
        };
        if let Some(filtered) = &self.filtered {
            return Some(filtered[row]);
        }
        let lookback = self.rule.lookback;
        let from = (row + 1).checked_sub(lookback)?;
        let spread: Vec<f64> =
            (from..=row).map(|t| self.close[0][t].ln() - beta * self.close[1][t].ln() - alpha).collect();
        let last = *spread.last()?;
        let deviation = std_dev(&spread);
        (varies(&spread) && 0.0 < deviation).then(|| (last - mean(&spread)) / deviation)
    }

    /// Gives an order at a close, to be filled `later` rows on.
    pub(super) fn decide(&mut self, row: usize, may_open: bool, later: usize) {
        let PairRule { entry, exit, stop, confirm_bars, max_holding, .. } = *self.rule;
        let z = self.z(row);
        if let Some(z) = z {
            self.locked = self.locked && entry <= z.abs();
            let side = if entry <= z.abs() { if z < 0.0 { 1 } else { -1 } } else { 0 };
            self.beyond = if side == self.beyond.0 { (side, self.beyond.1 + 1) } else { (side, 1) };
        }
        match (self.position, z) {
            (Some(position), z) => {
                let towards = z.map(|z| f64::from(position.side) * z);
                let reason = match towards {
                    Some(towards) if towards <= -stop => Some(Reason::Stop),
                    Some(towards) if -exit <= towards => Some(Reason::Exit),
                    _ => max_holding
                        .filter(|most| position.opened.saturating_add(*most) <= row + later)
                        .map(|_| Reason::Time),
                };
                self.order = reason.map(Order::Close);
            }
            (None, Some(z)) if may_open && !self.locked => {
                let (side, bars) = self.beyond;
                let beta = self.coefficients[row].map(|[beta, _]| beta);
                if let (true, Some(beta)) = (side != 0 && confirm_bars <= bars, beta) {
                    self.order = Some(Order::Open { side, signal: row, z, beta });
                }
            }
            _ => {}
        }
    }

    /// The data end: what is open closes, what is not stays so.
    pub(super) fn finish(&mut self) {
        self.order = match (self.position, self.order) {
            (None, _) => None,
            (Some(_), Some(Order::Close(reason))) => Some(Order::Close(reason)),
            (Some(_), _) => Some(Order::Close(Reason::End)),
        };
    }
}

/// Slope and intercept of ln y on ln x over some rows; `None` when x does not vary.
fn regress(close: [&[f64]; 2], rows: std::ops::Range<usize>) -> Option<[f64; 2]> {
    let log = |leg: usize| close[leg][rows.clone()].iter().map(|price| price.ln()).collect::<Vec<_>>();
    let (y, x) = (log(0), log(1));
    if !varies(&x) {
        return None;
    }
    let beta = covariance(&y, &x) / variance(&x);
    Some([beta, mean(&y) - beta * mean(&x)])
}
