//! Trading one spread by its z-score, close by close; several from one account in [`account`].

pub mod account;

use crate::error::{Error, Result};
use crate::mean_reversion::zscore;
use crate::panel::Series;

/// The rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairsOptions {
    /// Slope of the spread ln y - slope ln x - intercept.
    pub beta: f64,
    /// Intercept of the spread.
    pub alpha: f64,
    /// |z| at which a position is opened.
    pub entry: f64,
    /// z at which it is closed: a long one at z >= -exit, a short one at z <= exit.
    pub exit: f64,
    /// |z| against the position at which it is given up, above `entry`.
    pub stop: f64,
    /// Rows of the rolling mean and standard deviation, the current one included.
    pub lookback: usize,
    /// Cost of each side of each leg in basis points of what is traded.
    pub cost_bps: f64,
}

/// Why a position was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The spread came back.
    Exit,
    /// It went too far.
    Stop,
    /// It was held for as long as the rule allows.
    Time,
    /// The data ended.
    End,
}

/// One position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trade {
    /// Row at whose close it was opened.
    pub entry: usize,
    /// Row at whose close it was closed.
    pub exit: usize,
    /// 1 long the spread (long y, short β x), -1 short it.
    pub side: i8,
    /// Why it was closed.
    pub reason: Reason,
    /// Return on the capital at entry, costs included.
    pub profit: f64,
    /// z at entry.
    pub z_entry: f64,
    /// z at exit; `None` where the spread was flat when the data ended.
    pub z_exit: Option<f64>,
}

/// Answer of [`run`].
#[derive(Debug, Clone, PartialEq)]
pub struct PairsBacktest {
    /// Positions in order.
    pub trades: Vec<Trade>,
    /// Capital at each close, 1 before the first trade.
    pub capital: Vec<f64>,
    /// z-score at each close; `None` before the lookback is full or where the spread is flat.
    pub z: Vec<Option<f64>>,
}

/// Runs the rule on prices of two series on the same rows.
///
/// Fills at the same close that gives the signal: optimistic, and to be labelled so. `beta` and
/// `alpha` must come from rows before these, or the answer looks ahead.
///
/// # Definition
/// Flat: z <= -entry buys, z >= entry sells the spread; gross exposure 1, weights 1/(1+|β|) and
/// -β/(1+|β|) of the capital at entry, shares held until the exit. After a stop no entry until
/// |z| < entry has been seen. Never an exit and an entry at the same close; none at the last.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::IndexMismatch`], [`Error::NotPositive`], [`Error::OutOfRange`] unless
/// 0 <= exit < entry < stop and 0 <= cost, [`Error::TooFewRows`] unless rows exceed the lookback,
/// [`Error::Degenerate`] when the capital is lost.
///
/// # Source
/// Gatev, Goetzmann and Rouwenhorst (2006), Review of Financial Studies 19(3), 797-827, for the idea; exact
/// rule above; family `pairs_backtest`.
///
/// ```
/// use qc_quant::{Index, Series, pairs_backtest::{PairsOptions, run}, testing::pair};
/// let (y, x) = pair(7, 600);
/// let price = |v: Vec<f64>| v.iter().map(|p| (0.01 * p).exp()).collect();
/// let (y, x) = (Series::new("Y", Index::Rows(600), price(y))?, Series::new("X", Index::Rows(600), price(x))?);
/// let options = PairsOptions { beta: 1.3, alpha: 0.005, entry: 1.5, exit: 0.0, stop: 6.0, lookback: 40, cost_bps: 0.0 };
/// let found = run(&y, &x, &options)?;
/// assert!(1.0 < found.capital[599] && 10 < found.trades.len()); // a spread built to return pays
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn run(y: &Series, x: &Series, options: &PairsOptions) -> Result<PairsBacktest> {
    check(y, x, options)?;
    let PairsOptions { beta, alpha, entry, exit, stop, lookback, cost_bps } = *options;
    let (y, x) = (y.values(), x.values());
    let n = y.len();
    let spread: Vec<f64> = y.iter().zip(x).map(|(y, x)| y.ln() - beta * x.ln() - alpha).collect();
    let mut z = vec![None; lookback - 1];
    z.extend(zscore::rolling(&spread, lookback)?);
    let cost = cost_bps / 10_000.0;
    let (weight_y, weight_x) = (1.0 / (1.0 + beta.abs()), -beta / (1.0 + beta.abs()));
    let mut found = PairsBacktest { trades: Vec::new(), capital: Vec::with_capacity(n), z };
    let mut cash = 1.0; // capital while flat
    let mut locked = false;
    let mut open: Option<Open> = None;
    for t in 0..n {
        let mut now = match open {
            None => cash,
            Some(Open { side, at, capital, .. }) => {
                let gain = f64::from(side) * (weight_y * (y[t] / y[at] - 1.0) + weight_x * (x[t] / x[at] - 1.0));
                capital * (1.0 - cost + gain)
            }
        };
        let z = found.z[t];
        locked = locked && z.is_none_or(|z| entry <= z.abs());
        match open {
            Some(position) => {
                // below zero: the spread is where it was bought
                let towards = z.map(|z| f64::from(position.side) * z);
                let reason = match towards {
                    Some(towards) if towards <= -stop => Some(Reason::Stop),
                    Some(towards) if -exit <= towards => Some(Reason::Exit),
                    _ => (t + 1 == n).then_some(Reason::End),
                };
                if let Some(reason) = reason {
                    let gross = weight_y * y[t] / y[position.at] + weight_x.abs() * x[t] / x[position.at];
                    now -= position.capital * cost * gross;
                    cash = now;
                    found.trades.push(Trade {
                        entry: position.at,
                        exit: t,
                        side: position.side,
                        reason,
                        profit: now / position.capital - 1.0,
                        z_entry: position.z,
                        z_exit: z,
                    });
                    open = None;
                    locked = reason == Reason::Stop;
                }
            }
            None => {
                if let Some(z) = z.filter(|z| !locked && t + 1 < n && entry <= z.abs()) {
                    let side = if z < 0.0 { 1 } else { -1 };
                    open = Some(Open { side, at: t, capital: cash, z });
                    now = cash * (1.0 - cost);
                }
            }
        }
        if now <= 0.0 {
            return Err(Error::degenerate("pairs backtest", format!("the capital is lost at row {t}")));
        }
        found.capital.push(now);
    }
    Ok(found)
}

#[derive(Clone, Copy)]
struct Open {
    side: i8,
    at: usize,
    capital: f64,
    z: f64,
}

fn check(y: &Series, x: &Series, options: &PairsOptions) -> Result<()> {
    y.require_same_rows(x)?;
    for series in [y, x] {
        if let Some(row) = series.values().iter().position(|price| *price <= 0.0) {
            return Err(Error::NotPositive {
                symbol: series.name().to_owned(),
                row,
                at: series.index().label(row),
                value: series.values()[row],
            });
        }
    }
    let PairsOptions { beta, alpha, entry, exit, stop, lookback, cost_bps } = *options;
    for (what, value, min, max) in [
        ("beta", beta, f64::MIN, f64::MAX),
        ("alpha", alpha, f64::MIN, f64::MAX),
        ("exit", exit, 0.0, f64::MAX),
        ("entry", entry, exit, f64::MAX),
        ("stop", stop, entry, f64::MAX),
        ("cost in basis points", cost_bps, 0.0, 10_000.0),
    ] {
        if !(min <= value && value <= max) {
            return Err(Error::out_of_range(what, min, max, value));
        }
    }
    if entry <= exit || stop <= entry {
        return Err(Error::out_of_range("entry between exit and stop", exit, stop, entry));
    }
    if lookback < 3 {
        return Err(Error::out_of_range("lookback", 3.0, y.len() as f64 - 1.0, lookback as f64));
    }
    if y.len() <= lookback {
        return Err(Error::too_few_rows("a pairs backtest", lookback.saturating_add(1), y.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::pair;

    fn prices(n: usize) -> (Series, Series) {
        let (y, x) = pair(3, n);
        let series = |name: &str, v: Vec<f64>| {
            Series::new(name, Index::Rows(n), v.iter().map(|p| (0.01 * p).exp()).collect()).unwrap()
        };
        (series("Y", y), series("X", x))
    }

    const RULE: PairsOptions =
        PairsOptions { beta: 1.3, alpha: 0.0, entry: 1.5, exit: 0.2, stop: 2.5, lookback: 30, cost_bps: 10.0 };

    #[test]
    fn costs_only_ever_take() {
        let (y, x) = prices(400);
        let dear = run(&y, &x, &RULE).unwrap();
        let free = run(&y, &x, &PairsOptions { cost_bps: 0.0, ..RULE }).unwrap();
        assert_eq!(dear.trades.len(), free.trades.len());
        assert!(dear.trades.iter().zip(&free.trades).all(|(d, f)| d.profit < f.profit));
    }

    #[test]
    fn nothing_later_changes_what_was_done_before() {
        let (y, x) = prices(400);
        let short = |s: &Series| Series::new(s.name(), Index::Rows(300), s.values()[..300].to_vec()).unwrap();
        let (long, cut) = (run(&y, &x, &RULE).unwrap(), run(&short(&y), &short(&x), &RULE).unwrap());
        assert_eq!(long.capital[..299], cut.capital[..299]);
    }

    #[test]
    fn what_is_open_when_the_spread_is_flat_closes_with_the_data() {
        // noise, a fall that opens a position, then no movement for longer than the lookback
        let y = crate::testing::noise(4, 60).iter().map(|e| (0.001 * e).exp()).chain([0.9; 60]).collect();
        let y = Series::new("Y", Index::Rows(120), y).unwrap();
        let x = Series::new("X", Index::Rows(120), vec![1.0; 120]).unwrap();
        let rule = PairsOptions { beta: 0.0, entry: 4.0, exit: 0.0, stop: 10.0, ..RULE };
        let found = run(&y, &x, &rule).unwrap();
        let last = found.trades.last().unwrap();
        assert_eq!((last.exit, last.reason, last.z_exit), (119, Reason::End, None));
        assert!(found.capital[119] < found.capital[118]); // it pays to get out
    }

    #[test]
    fn refuses_a_stop_inside_the_entry() {
        let (y, x) = prices(100);
        assert!(matches!(run(&y, &x, &PairsOptions { stop: 1.0, ..RULE }), Err(Error::OutOfRange { .. })));
        assert!(matches!(run(&y, &x, &PairsOptions { lookback: 100, ..RULE }), Err(Error::TooFewRows { .. })));
        assert!(matches!(run(&y, &x, &PairsOptions { lookback: 0, ..RULE }), Err(Error::OutOfRange { .. })));
    }
}
