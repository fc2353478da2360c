//! The account's cash: orders filled, costs charged, positions booked.

use super::super::Reason;
use super::pair::{Order, Pair, Position, Price};
use super::{AccountOptions, AccountTrade};

pub(super) struct Account {
    pub(super) cash: f64,
    pub(super) cost: f64,
    pub(super) trades: Vec<AccountTrade>,
}

impl Account {
    /// Fills all orders at prices of a row: closing ones first, then opening ones, cut by one factor if need be.
    pub(super) fn fill(&mut self, pairs: &mut [Pair<'_>], row: usize, options: &AccountOptions, price: Price) {
        for (number, pair) in pairs.iter_mut().enumerate() {
            if let (Some(Order::Close(reason)), Some(position)) = (pair.order, pair.position) {
                pair.order = None;
                self.close(number, pair, position, reason, row, price);
            }
        }
        let value = self.cash + pairs.iter().map(|pair| pair.worth(row, price)).sum::<f64>();
        let held: f64 = pairs.iter().map(|pair| pair.gross(row, price)).sum();
        let asking = pairs.iter().filter(|pair| matches!(pair.order, Some(Order::Open { .. }))).count();
        let wanted = asking as f64 * options.max_pair_nav * value;
        let room = (options.max_gross * value - held).max(0.0);
        let factor = if room < wanted { room / wanted } else { 1.0 };
        for pair in pairs {
            if let Some(Order::Open { side, signal, z, beta }) = pair.order.take() {
                let gross = factor * options.max_pair_nav * value;
                if gross <= 1e-9 * value {
                    continue;
                }
                let entry = [pair.price(0, row, price), pair.price(1, row, price)];
                let legs = [1.0 / (1.0 + beta.abs()), -beta / (1.0 + beta.abs())];
                let shares = [0, 1].map(|leg| f64::from(side) * gross * legs[leg] / entry[leg]);
                let cost = self.cost * gross;
                self.cash -= shares[0] * entry[0] + shares[1] * entry[1] + cost;
                pair.attribution.costs -= cost;
                let alpha = pair.coefficients[signal].map_or(0.0, |[_, alpha]| alpha);
                pair.position =
                    Some(Position { side, signal, opened: row, z, beta, alpha, shares, entry, gross, cost });
            }
        }
    }

    fn close(
        &mut self,
        number: usize,
        pair: &mut Pair<'_>,
        position: Position,
        reason: Reason,
        row: usize,
        price: Price,
    ) {
        let now = [pair.price(0, row, price), pair.price(1, row, price)];
        let gains = [0, 1].map(|leg| position.shares[leg] * (now[leg] - position.entry[leg]));
        let cost = self.cost * pair.gross(row, price);
        self.cash += pair.worth(row, price) - cost;
        pair.attribution.y += gains[0];
        pair.attribution.x += gains[1];
        pair.attribution.costs -= cost;
        pair.attribution.trades += 1;
        pair.position = None;
        pair.locked = reason == Reason::Stop;
        pair.beyond = (0, 0);
        self.trades.push(AccountTrade {
            pair: number,
            signal: position.signal,
            opened: position.opened,
            closed: row,
            side: position.side,
            reason,
            beta: position.beta,
            gross: position.gross,
            profit: gains[0] + gains[1] - cost - position.cost,
            z_entry: position.z,
        });
    }
}
