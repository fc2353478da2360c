//! Round trips made of fills: what is closed first is what was opened first.

use std::collections::{HashMap, VecDeque};

use super::{Side, Trade};
use crate::error::{Error, Result};
use crate::panel::Label;

/// One execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    /// The security.
    pub symbol: String,
    /// When, in seconds since 1970.
    pub time: i64,
    /// Units, negative where they were sold.
    pub quantity: f64,
    /// Price of a unit.
    pub price: f64,
    /// Fee, positive.
    pub fee: f64,
    /// What a move of 1 in the price of one unit is worth, in the account's currency: 1 for shares.
    pub multiplier: f64,
}

/// What is still open of one fill.
#[derive(Debug, Clone, PartialEq)]
pub struct Lot {
    /// The security.
    pub symbol: String,
    /// When it was opened, in seconds since 1970.
    pub entry: i64,
    /// Units, negative where they were sold short.
    pub quantity: f64,
    /// Price it was opened at.
    pub price: f64,
    /// The part of the fee of opening that belongs to it.
    pub fee: f64,
    /// As in [`Fill`].
    pub multiplier: f64,
}

/// Answer of [`fifo`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matched {
    /// Round trips in the order of their closing; paper results are not known.
    pub closed: Vec<Trade>,
    /// What is open at the end, in the order of its opening.
    pub open: Vec<Lot>,
}

/// Less than this share of a fill is rounding, not a rest.
const DUST: f64 = 1e-9;

/// Matches fills of the same security, first in, first out. A fill that is larger than what is open closes it and opens the
/// rest on the other side. Fees go with the units.
///
/// # Errors
/// [`Error::NotFinite`] for a figure that is no number (the row is the fill's index), [`Error::OutOfRange`] for times
/// that go back.
///
/// ```
/// use qc_quant::trades::{Fill, fifo};
/// let fill = |time, quantity, price| Fill { symbol: "A".into(), time, quantity, price, fee: 1.0, multiplier: 1.0 };
/// let found = fifo(&[fill(0, 10.0, 100.0), fill(60, -4.0, 103.0), fill(120, -10.0, 99.0)])?;
/// // 4 made 3 each, 6 lost 1 each, and 4 are sold short at 99.
/// assert_eq!(found.closed.iter().map(|trade| trade.profit).collect::<Vec<_>>(), [12.0, -6.0]);
/// assert_eq!((found.open[0].quantity, found.open[0].price), (-4.0, 99.0));
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn fifo(fills: &[Fill]) -> Result<Matched> {
    let mut open: HashMap<&str, VecDeque<Lot>> = HashMap::new();
    let mut closed = Vec::new();
    let mut before = i64::MIN;
    for (row, fill) in fills.iter().enumerate() {
        if ![fill.quantity, fill.price, fill.fee, fill.multiplier].into_iter().all(f64::is_finite) {
            return Err(Error::NotFinite { symbol: fill.symbol.clone(), row, at: Label::Row(row) });
        }
        if fill.time < before {
            let what = format!("seconds of fill {row} behind the one before");
            let found = fill.time.saturating_sub(before) as f64;
            return Err(Error::OutOfRange { what, min: 0.0, max: f64::MAX, found });
        }
        before = fill.time;
        let lots = open.entry(&fill.symbol).or_default();
        let mut left = fill.quantity;
        let dust = DUST * fill.quantity.abs();
        while dust < left.abs()
            && let Some(lot) = lots.front_mut()
            && 0.0 < -lot.quantity * left
        {
            let units = left.abs().min(lot.quantity.abs());
            let fee_of_opening = lot.fee * units / lot.quantity.abs();
            let sign = lot.quantity.signum();
            closed.push(Trade {
                symbol: fill.symbol.clone(),
                side: if 0.0 < sign { Side::Long } else { Side::Short },
                entry: lot.entry,
                exit: fill.time,
                profit: sign * units * (fill.price - lot.price) * lot.multiplier,
                fees: fee_of_opening + fill.fee * units / fill.quantity.abs(),
                adverse: None,
                favourable: None,
            });
            lot.fee -= fee_of_opening;
            lot.quantity -= sign * units;
            left += sign * units;
            if lot.quantity.abs() <= DUST * units {
                lots.pop_front();
            }
        }
        if dust < left.abs() {
            lots.push_back(Lot {
                symbol: fill.symbol.clone(),
                entry: fill.time,
                quantity: left,
                price: fill.price,
                fee: fill.fee * left.abs() / fill.quantity.abs(),
                multiplier: fill.multiplier,
            });
        }
    }
    let mut open: Vec<Lot> = open.into_values().flatten().collect();
    open.sort_by(|a, b| a.entry.cmp(&b.entry).then_with(|| a.symbol.cmp(&b.symbol)));
    Ok(Matched { closed, open })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cash_of_all_fills_is_profit_less_what_is_open() {
        // Any walk of fills: cash paid and received equals realised profit plus the cost of what is open.
        let mut state = 42_u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let fills: Vec<Fill> = (0..4_000)
            .map(|i| Fill {
                symbol: format!("S{}", random(5)),
                time: i / 3,
                quantity: (random(21) as f64 - 10.0) / 3.0,
                price: 50.0 + random(100) as f64 / 7.0,
                fee: random(100) as f64 / 100.0,
                multiplier: 50.0,
            })
            .collect();
        let found = fifo(&fills).unwrap();
        let cash: f64 = fills.iter().map(|fill| -fill.quantity * fill.price * 50.0).sum();
        let profit: f64 = found.closed.iter().map(|trade| trade.profit).sum();
        let cost: f64 = found.open.iter().map(|lot| lot.quantity * lot.price * 50.0).sum();
        assert!((cash - (profit - cost)).abs() < 1e-6, "{cash} {profit} {cost}");
        let paid: f64 = fills.iter().filter(|fill| fill.quantity != 0.0).map(|fill| fill.fee).sum();
        let told: f64 = found.closed.iter().map(|trade| trade.fees).sum::<f64>()
            + found.open.iter().map(|lot| lot.fee).sum::<f64>();
        assert!((paid - told).abs() < 1e-6, "{paid} {told}");
        for symbol in 0..5 {
            let of = |lot: &&Lot| lot.symbol == format!("S{symbol}");
            let signs: Vec<bool> = found.open.iter().filter(of).map(|lot| 0.0 < lot.quantity).collect();
            assert!(signs.windows(2).all(|two| two[0] == two[1]), "never long and short at once");
        }
    }

    #[test]
    fn times_that_go_back_and_no_numbers_are_refused() {
        let fill = |time, price| Fill { symbol: "A".into(), time, quantity: 1.0, price, fee: 0.0, multiplier: 1.0 };
        assert!(matches!(fifo(&[fill(1, 1.0), fill(0, 1.0)]), Err(Error::OutOfRange { .. })));
        assert!(matches!(fifo(&[fill(0, f64::NAN)]), Err(Error::NotFinite { row: 0, .. })));
        assert_eq!(fifo(&[]).unwrap(), Matched::default());
    }
}
