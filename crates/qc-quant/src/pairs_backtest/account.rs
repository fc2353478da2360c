//! Trading several spreads from one account, filled at the next open, the next close or the same close.

mod book;
mod check;
mod pair;

use self::book::Account;
use self::check::check;
use self::pair::{Pair, Price};
use super::Reason;
use crate::dynamics::kalman_hedge::KalmanOptions;
use crate::error::{Error, Result};
use crate::panel::Panel;
use crate::progress::{Counter, Progress};

/// At which price an order given at a close is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fill {
    /// The next row's open; needs opening prices.
    #[default]
    NextOpen,
    /// The next row's close.
    NextClose,
    /// The close that gave the signal: nobody gets it, so label the result optimistic.
    SameClose,
}

/// Where slope and intercept of a spread come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hedge {
    /// From earlier rows than these, given once.
    Fixed {
        /// Slope of ln y on ln x.
        beta: f64,
        /// Intercept.
        alpha: f64,
    },
    /// Least squares on the last `window` rows, anew every `every` rows, the first time at row `window` - 1; nothing
    /// trades before it. Rows before [`AccountOptions::first_row`] are fitted on like the others.
    Refit {
        /// Rows of each fit.
        window: usize,
        /// Rows between fits.
        every: usize,
    },
    /// A filter that follows both; z is its innovation over its standard deviation.
    Kalman(KalmanOptions),
}

/// One spread and its rule.
#[derive(Debug, Clone, PartialEq)]
pub struct PairRule {
    /// Symbol bought when the spread is bought.
    pub y: String,
    /// Symbol sold against it.
    pub x: String,
    /// The spread ln y - slope ln x - intercept.
    pub hedge: Hedge,
    /// |z| at which a position is opened.
    pub entry: f64,
    /// z at which it is closed, below `entry`.
    pub exit: f64,
    /// |z| against the position at which it is given up, above `entry`.
    pub stop: f64,
    /// Rows of the rolling mean and standard deviation, and of the filter's warm-up.
    pub lookback: usize,
    /// Closes in a row beyond `entry` before a position is opened.
    pub confirm_bars: usize,
    /// Rows after which a position is closed in any case.
    pub max_holding: Option<usize>,
}

/// The account.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccountOptions {
    /// When orders are filled.
    pub fill: Fill,
    /// Cost of each side of each leg in basis points of what is traded.
    pub cost_bps: f64,
    /// Gross exposure of one pair at entry, as a share of the account's value.
    pub max_pair_nav: f64,
    /// Gross exposure of all pairs at an entry, as a share of the account's value; entries of one row that ask for
    /// more are cut by one factor.
    pub max_gross: f64,
    /// First row that is traded; from those before it lookbacks, refits and filters learn.
    pub first_row: usize,
}

impl Default for AccountOptions {
    fn default() -> Self {
        Self { fill: Fill::NextOpen, cost_bps: 5.0, max_pair_nav: 0.2, max_gross: 1.0, first_row: 0 }
    }
}

/// One position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccountTrade {
    /// Which rule, in the caller's order.
    pub pair: usize,
    /// Row of the signal to open.
    pub signal: usize,
    /// Row of the fill that opened it.
    pub opened: usize,
    /// Row of the fill that closed it.
    pub closed: usize,
    /// 1 long the spread, -1 short it.
    pub side: i8,
    /// Why it was closed.
    pub reason: Reason,
    /// Slope at entry.
    pub beta: f64,
    /// Gross exposure at entry, in units of the starting value.
    pub gross: f64,
    /// Money won, costs included, in units of the starting value.
    pub profit: f64,
    /// z at the signal to open.
    pub z_entry: f64,
}

/// Where the money of one pair came from, in units of the starting value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Attribution {
    /// Gains of the y leg.
    pub y: f64,
    /// Gains of the x leg.
    pub x: f64,
    /// Costs, negative.
    pub costs: f64,
    /// Positions closed.
    pub trades: usize,
}

/// Answer of [`run`].
#[derive(Debug, Clone, PartialEq)]
pub struct AccountBacktest {
    /// Value of the account at each close from [`AccountOptions::first_row`] on, 1 before the first trade.
    pub value: Vec<f64>,
    /// Gross exposure at the same closes, in units of the starting value.
    pub gross: Vec<f64>,
    /// Positions in the order in which they were closed; their rows are the panel's.
    pub trades: Vec<AccountTrade>,
    /// By rule, in the caller's order; with the sum of all parts the value ends at 1 plus that.
    pub by_pair: Vec<Attribution>,
    /// Whether fills were taken at the close that gave the signal.
    pub optimistic: bool,
}

/// Most rows times the lookback and the refitted rows per row of all pairs that are taken on.
pub const MOST_STEPS: u64 = 2_000_000_000;

/// Runs the rules on prices from one account.
///
/// # Shapes and units
/// `close` (and `open`, for fills at the open): T prices of each symbol on the same rows. Shares are set at
/// entry and held; the legs of a gross exposure of 1 are 1/(1 + |β|) and -β/(1 + |β|).
///
/// # Definition
/// Signals use rows up to and including the close at which they are given. Stops lock a pair until |z| has been
/// below `entry`. Closing orders of a row are filled before opening ones. What is open at the last row is
/// closed at its close.
///
/// # When not to use it
/// Costs of borrowing and dividends of the short leg are not charged; prices must be adjusted alike.
///
/// # Errors
/// [`Error::UnknownSymbol`], [`Error::ShapeMismatch`] or [`Error::IndexMismatch`] for opens on other rows,
/// [`Error::NotPositive`], [`Error::OutOfRange`] for a rule or option, [`Error::TooFewRows`],
/// [`Error::Degenerate`] when the account is lost, [`Error::TooMuchWork`], [`Error::Cancelled`].
///
/// # Source
/// With one pair, fills at the same close and a gross of 1 it equals [`super::run`], family `pairs_backtest`.
pub fn run(
    close: &Panel,
    open: Option<&Panel>,
    rules: &[PairRule],
    options: &AccountOptions,
    progress: &dyn Progress,
) -> Result<AccountBacktest> {
    let fills = check(close, open, rules, options)?;
    let n = close.n_rows();
    let mut pairs = rules.iter().map(|rule| Pair::new(close, fills, rule)).collect::<Result<Vec<_>>>()?;
    let counter = Counter::new(progress, n)?;
    let later = usize::from(options.fill != Fill::SameClose);
    let mut account = Account { cash: 1.0, cost: options.cost_bps / 10_000.0, trades: Vec::new() };
    let traded = n - options.first_row;
    let (mut value, mut gross) = (Vec::with_capacity(traded), Vec::with_capacity(traded));
    for row in 0..n {
        if row < options.first_row {
            pairs.iter_mut().for_each(|pair| pair.decide(row, false, later));
            counter.advance(1)?;
            continue;
        }
        if options.fill == Fill::NextOpen {
            account.fill(&mut pairs, row, options, Price::Fill);
        }
        if options.fill == Fill::NextClose {
            account.fill(&mut pairs, row, options, Price::Close);
        }
        for pair in &mut pairs {
            pair.decide(row, row + 1 + later < n, later);
        }
        if row + 1 == n {
            pairs.iter_mut().for_each(Pair::finish);
            account.fill(&mut pairs, row, options, Price::Close);
        } else if options.fill == Fill::SameClose {
            account.fill(&mut pairs, row, options, Price::Close);
        }
        let now = account.cash + pairs.iter().map(|pair| pair.worth(row, Price::Close)).sum::<f64>();
        if now <= 0.0 || now.is_nan() {
            let at = close.index().label(row);
            return Err(Error::degenerate("pairs account", format!("its value falls to {now:.3e} at {at}")));
        }
        value.push(now);
        gross.push(pairs.iter().map(|pair| pair.gross(row, Price::Close)).sum());
        counter.advance(1)?;
    }
    Ok(AccountBacktest {
        value,
        gross,
        trades: account.trades,
        by_pair: pairs.into_iter().map(|pair| pair.attribution).collect(),
        optimistic: options.fill == Fill::SameClose,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs_backtest::{self, PairsOptions};
    use crate::panel::Index;
    use crate::progress::Silent;
    use crate::testing::{noise, pair};
    use std::ops::ControlFlow;

    fn market(n: usize) -> (Panel, Panel) {
        let mut columns = Vec::new();
        for seed in [3, 8] {
            let (y, x) = pair(seed, n);
            columns.extend([y, x].map(|v| v.iter().map(|p| 100.0 * (0.01 * p).exp()).collect::<Vec<f64>>()));
        }
        let open = columns.iter().enumerate().map(|(i, close)| {
            let gap = noise(70 + i as u64, n);
            (0..n).map(|t| close[t.saturating_sub(1)] * (1.0 + 0.001 * gap[t])).collect()
        });
        let names = || ["Y0", "X0", "Y1", "X1"].map(str::to_owned).to_vec();
        let open = Panel::new(names(), Index::Rows(n), open.collect()).unwrap();
        (Panel::new(names(), Index::Rows(n), columns).unwrap(), open)
    }

    fn rule(number: usize) -> PairRule {
        PairRule {
            y: format!("Y{number}"),
            x: format!("X{number}"),
            hedge: Hedge::Fixed { beta: 1.3, alpha: 0.0 },
            entry: 1.5,
            exit: 0.2,
            stop: 2.6,
            lookback: 30,
            confirm_bars: 1,
            max_holding: None,
        }
    }

    const ALONE: AccountOptions =
        AccountOptions { fill: Fill::SameClose, cost_bps: 10.0, max_pair_nav: 1.0, max_gross: 1.0, first_row: 0 };

    #[test]
    fn one_pair_at_the_same_close_equals_the_simple_backtest() {
        let (close, _) = market(400);
        let own = run(&close, None, &[rule(0)], &ALONE, &Silent).unwrap();
        let options =
            PairsOptions { beta: 1.3, alpha: 0.0, entry: 1.5, exit: 0.2, stop: 2.6, lookback: 30, cost_bps: 10.0 };
        let (y, x) = (close.series("Y0").unwrap(), close.series("X0").unwrap());
        let other = pairs_backtest::run(&y, &x, &options).unwrap();
        assert_eq!(own.trades.len(), other.trades.len());
        for (a, b) in own.trades.iter().zip(&other.trades) {
            assert_eq!((a.opened, a.closed, a.side, a.reason), (b.entry, b.exit, b.side, b.reason));
        }
        assert!(own.value.iter().zip(&other.capital).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(own.optimistic && 10 < own.trades.len());
    }

    #[test]
    fn legs_and_costs_add_up_to_what_the_account_made() {
        let (close, open) = market(500);
        // noise of the size of these spreads, or z never leaves the middle
        let quick = KalmanOptions { delta: 1e-6, observation_variance: 1e-4, ..Default::default() };
        let hedges = [Hedge::Refit { window: 100, every: 20 }, Hedge::Kalman(quick)];
        for hedge in hedges {
            let rules = [rule(0), PairRule { hedge, entry: 1.0, stop: 4.0, ..rule(1) }];
            let found = run(&close, Some(&open), &rules, &AccountOptions::default(), &Silent).unwrap();
            let parts: f64 = found.by_pair.iter().map(|part| part.y + part.x + part.costs).sum();
            assert!((found.value[499] - 1.0 - parts).abs() < 1e-12, "{hedge:?}");
            let trades: f64 = found.trades.iter().map(|trade| trade.profit).sum();
            assert!((trades - parts).abs() < 1e-12 && !found.optimistic);
            assert!(found.trades.iter().any(|trade| trade.pair == 1), "{hedge:?}");
            assert!(found.trades.iter().all(|trade| trade.opened == trade.signal + 1));
        }
    }

    #[test]
    fn nothing_later_changes_what_was_done_before() {
        let (close, open) = market(400);
        let hedges = [Hedge::Refit { window: 60, every: 10 }, Hedge::Kalman(KalmanOptions::default())];
        for hedge in hedges {
            let rules = [PairRule { hedge, ..rule(0) }, rule(1)];
            let on = |rows: usize| {
                let (close, open) = (close.slice(0..rows).unwrap(), open.slice(0..rows).unwrap());
                run(&close, Some(&open), &rules, &AccountOptions::default(), &Silent).unwrap().value
            };
            assert_eq!(on(400)[..298], on(300)[..298], "{hedge:?}");
        }
    }

    #[test]
    fn gross_exposure_is_cut_by_one_factor() {
        let (close, open) = market(400);
        let twins = [rule(0), PairRule { entry: 1.4, ..rule(0) }, rule(0)];
        let options = AccountOptions { max_pair_nav: 0.6, max_gross: 0.9, cost_bps: 0.0, ..AccountOptions::default() };
        let found = run(&close, Some(&open), &twins, &options, &Silent).unwrap();
        // at an entry the gross is at most 0.9 of the value; afterwards it drifts with prices
        assert!(found.trades.iter().all(|trade| trade.gross <= 0.6 * 1.5));
        let same: Vec<_> = found.trades.iter().filter(|t| t.opened == found.trades[0].opened).collect();
        assert!(2 <= same.len() && same.windows(2).all(|t| (t[0].gross - t[1].gross).abs() < 1e-12));
    }

    #[test]
    fn confirmation_waits_and_time_ends_positions() {
        let (close, open) = market(400);
        let plain = run(&close, Some(&open), &[rule(0)], &AccountOptions::default(), &Silent).unwrap();
        let patient = PairRule { confirm_bars: 3, ..rule(0) };
        let patient = run(&close, Some(&open), &[patient], &AccountOptions::default(), &Silent).unwrap();
        assert!(patient.trades.len() < plain.trades.len());
        for fill in [Fill::NextOpen, Fill::NextClose, Fill::SameClose] {
            for most in [1, 2, 5] {
                let brief = PairRule { max_holding: Some(most), ..rule(0) };
                let options = AccountOptions { fill, ..AccountOptions::default() };
                let brief = run(&close, Some(&open), &[brief], &options, &Silent).unwrap();
                let timed: Vec<_> = brief.trades.iter().filter(|trade| trade.reason == Reason::Time).collect();
                assert!(
                    !timed.is_empty() && timed.iter().all(|trade| trade.closed - trade.opened == most),
                    "{fill:?} {most}"
                );
                assert!(brief.trades.iter().all(|trade| trade.closed - trade.opened <= most));
            }
        }
    }

    #[test]
    fn what_is_known_before_the_first_traded_row_is_used_and_not_traded() {
        let (close, open) = market(400);
        let options = AccountOptions { first_row: 150, ..AccountOptions::default() };
        let refit = PairRule { hedge: Hedge::Refit { window: 150, every: 10 }, ..rule(0) };
        let found = run(&close, Some(&open), std::slice::from_ref(&refit), &options, &Silent).unwrap();
        assert_eq!((found.value.len(), found.gross.len()), (250, 250));
        assert_eq!((found.value[0], found.gross[0]), (1.0, 0.0));
        let first = found.trades.iter().map(|trade| trade.signal).min().unwrap();
        assert!((150..180).contains(&first), "no second warm-up inside the traded rows: {first}");
        assert!(found.trades.iter().all(|trade| 150 < trade.opened && trade.closed < 400));
        // The slope of a position is the one of the last 150 rows at the last refit, also where those rows were not traded.
        for trade in &found.trades {
            let fitted = 149 + (trade.signal - 149) / 10 * 10;
            let log = |symbol: &str| -> Vec<f64> {
                close.column_of(symbol).unwrap()[fitted + 1 - 150..=fitted].iter().map(|price| price.ln()).collect()
            };
            let (y, x) = (log("Y0"), log("X0"));
            let (my, mx) = (y.iter().sum::<f64>() / 150.0, x.iter().sum::<f64>() / 150.0);
            let sxy: f64 = y.iter().zip(&x).map(|(y, x)| (y - my) * (x - mx)).sum();
            let sxx: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
            assert!((trade.beta - sxy / sxx).abs() < 1e-9, "{} {}", trade.beta, sxy / sxx);
        }
        // Rows after the first traded one are traded alike when what lies before them is traded too.
        let whole =
            run(&close, Some(&open), std::slice::from_ref(&refit), &AccountOptions::default(), &Silent).unwrap();
        let last = |trades: &[AccountTrade]| trades.last().map(|trade| (trade.signal, trade.side)).unwrap();
        assert_eq!(last(&found.trades), last(&whole.trades));
        for wrong in [399, 400, usize::MAX] {
            let options = AccountOptions { first_row: wrong, ..AccountOptions::default() };
            let error = run(&close, Some(&open), std::slice::from_ref(&refit), &options, &Silent).unwrap_err();
            assert!(matches!(error, Error::OutOfRange { .. }), "{error}");
        }
    }

    #[test]
    fn refits_count_as_work() {
        let (close, _) = market(3000);
        let rules = vec![PairRule { hedge: Hedge::Refit { window: 1500, every: 1 }, ..rule(0) }; 500];
        let refused = check(&close, None, &rules, &ALONE).unwrap_err();
        assert!(matches!(refused, Error::TooMuchWork { found: 2_295_000_000, .. }), "{refused}");
        let seldom = vec![PairRule { hedge: Hedge::Refit { window: 1500, every: 100 }, ..rule(0) }; 500];
        assert!(check(&close, None, &seldom, &ALONE).is_ok());
    }

    #[test]
    fn bad_rules_are_refused_and_a_stop_is_heard() {
        let (close, open) = market(100);
        let with = |rule: PairRule| run(&close, Some(&open), &[rule], &AccountOptions::default(), &Silent).unwrap_err();
        assert!(matches!(with(PairRule { x: "Z".into(), ..rule(0) }), Error::UnknownSymbol { .. }));
        for itself in ["Y0", "y0", " Y0 "] {
            assert!(
                matches!(with(PairRule { x: itself.into(), ..rule(0) }), Error::DuplicateSymbol { .. }),
                "{itself}"
            );
        }
        assert!(matches!(with(PairRule { stop: 1.0, ..rule(0) }), Error::OutOfRange { .. }));
        assert!(matches!(with(PairRule { lookback: 100, ..rule(0) }), Error::OutOfRange { .. }));
        assert!(matches!(with(PairRule { entry: f64::NAN, ..rule(0) }), Error::OutOfRange { .. }));
        let without = run(&close, None, &[rule(0)], &AccountOptions::default(), &Silent);
        assert!(matches!(without, Err(Error::Degenerate { .. })));
        let stop = |done: usize, _: usize| if done < 9 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let stopped = run(&close, Some(&open), &[rule(0)], &AccountOptions::default(), &stop);
        assert!(matches!(stopped, Err(Error::Cancelled { .. })));
    }
}
