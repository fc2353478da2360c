//! Matches the fills of a run into closed trades, first in, first out.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{Fill, Run};

/// A position that was opened and closed. Long only, as the simulator never sells short.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClosedTrade {
    pub(crate) ticker: usize,
    pub(crate) entered: Timestamp,
    pub(crate) entry_price: f64,
    pub(crate) exited: Timestamp,
    pub(crate) exit_price: f64,
    /// Shares, always positive.
    pub(crate) quantity: f64,
    /// Dollars before fees.
    pub(crate) profit: f64,
    /// Dollars: the shares' part of the fees of both orders.
    pub(crate) fees: f64,
    /// Worst and best unrealised result on the way, in dollars: at most and at least 0.
    pub(crate) mae: f64,
    pub(crate) mfe: f64,
    /// Best unrealised result minus the final one.
    pub(crate) end_drawdown: f64,
    pub(crate) entry_order: i64,
    pub(crate) exit_order: i64,
}

impl ClosedTrade {
    /// Whether the trade earned something, by LEAN's rule: after fees.
    pub(crate) fn is_win(&self) -> bool {
        self.fees < self.profit
    }
}

/// Every closed trade, in order of its exit.
pub(crate) fn closed(run: &Run) -> Vec<ClosedTrade> {
    let mut open: Vec<VecDeque<(Fill, f64)>> = vec![VecDeque::new(); run.assets.len()];
    let mut trades = Vec::new();
    for fill in &run.fills {
        let Some(lots) = open.get_mut(fill.ticker) else { continue };
        if 0.0 < fill.quantity {
            lots.push_back((fill.clone(), fill.quantity));
            continue;
        }
        let mut left = -fill.quantity;
        while 0.0 < left {
            let Some((entry, remaining)) = lots.front_mut() else { break };
            let quantity = left.min(*remaining);
            trades.push(trade(run, entry, fill, quantity));
            *remaining -= quantity;
            left -= quantity;
            if *remaining <= 0.0 {
                lots.pop_front();
            }
        }
    }
    trades
}

fn trade(run: &Run, entry: &Fill, exit: &Fill, quantity: f64) -> ClosedTrade {
    let bars =
        run.assets.get(entry.ticker).and_then(|asset| asset.prices.bars.get(entry.day..=exit.day)).unwrap_or_default();
    // A sale at the open does not live through its day.
    let sold_at_open = run.days.get(exit.day).is_some_and(|day| exit.at <= day.opened);
    let lived = if sold_at_open { bars.split_last().map_or(bars, |(_, before)| before) } else { bars };
    let low = lived.iter().map(|bar| bar.low).fold(exit.price.min(entry.price), f64::min);
    let high = lived.iter().map(|bar| bar.high).fold(exit.price.max(entry.price), f64::max);
    let profit = (exit.price - entry.price) * quantity;
    let mfe = (high - entry.price) * quantity;
    ClosedTrade {
        ticker: entry.ticker,
        entered: entry.at,
        entry_price: entry.price,
        exited: exit.at,
        exit_price: exit.price,
        quantity,
        profit,
        fees: entry.fee * quantity / entry.quantity.abs() + exit.fee * quantity / exit.quantity.abs(),
        mae: (low - entry.price) * quantity,
        mfe,
        end_drawdown: mfe - profit,
        entry_order: entry.order,
        exit_order: exit.order,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::{Plan, Run};
    use super::*;
    use crate::market::Market;

    #[test]
    fn profits_less_fees_are_the_change_of_equity() {
        let plan = Plan {
            tickers: vec!["KO".into(), "AAPL".into(), "SPY".into()],
            first: date(2019, 1, 2),
            last: date(2022, 12, 30),
            cash: 50_000.0,
            rebalances_monthly: true,
            emits_insights: false,
            invested: 1.0,
        };
        let run = Run::of(plan, &Market::new(7));
        let trades = closed(&run);
        let earned: f64 = trades.iter().map(|trade| trade.profit - trade.fees).sum();
        assert!((earned - (run.end_equity() - 50_000.0)).abs() < 1e-6);
        assert!(trades.iter().all(|trade| trade.mae <= 0.0 && 0.0 <= trade.mfe && trade.entered < trade.exited));
    }
}
