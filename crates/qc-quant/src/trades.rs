//! What closed trades say about a strategy: where the money came from, how long it was held, how far it ran before.
//!
//! A trade is one round trip. Profits here are *net* unless a name says otherwise: the broker's fees of opening and
//! closing are taken off first, so a trade that only paid its fees is a loss.
//!
//! Groups (by security, month, side, holding time) add up to the whole: every trade is in one group of each kind.
//!
//! Source: profit factor and payoff ratio as Pardo (2008), *The Evaluation and Optimization of Trading Strategies*,
//! ch. 12; excursions as Sweeney (1997), *Maximum Adverse Excursion*, ch. 2; the round trips of [`fifo`] as LEAN's
//! `Common/Statistics/TradeBuilder.cs` matches fills (`FillGroupingMethod.FillToFill`, first in, first out).

mod fifo;

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::panel::Label;
use crate::stats::moments::{quantile_sorted, std_dev};

pub use fifo::{Fill, Lot, Matched, fifo};

/// Which way a trade bet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Bought first.
    Long,
    /// Sold first.
    Short,
}

/// One round trip.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    /// The security.
    pub symbol: String,
    /// Which way it bet.
    pub side: Side,
    /// When it was opened, in seconds since 1970 on the clock whose months are meant.
    pub entry: i64,
    /// When it was closed, on the same clock.
    pub exit: i64,
    /// Profit or loss before fees, in the account's currency.
    pub profit: f64,
    /// Fees of opening and closing, positive.
    pub fees: f64,
    /// Worst paper result while it was open, zero or below, if known.
    pub adverse: Option<f64>,
    /// Best paper result while it was open, zero or above, if known.
    pub favourable: Option<f64>,
}

impl Trade {
    /// Profit or loss after fees.
    pub fn net(&self) -> f64 {
        self.profit - self.fees
    }
}

/// Figures of some trades together, in the account's currency.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Group {
    /// How many.
    pub n_trades: usize,
    /// Those with a net profit.
    pub n_wins: usize,
    /// Those with a net loss; what came out at zero is neither.
    pub n_losses: usize,
    /// Sum of net profits and losses.
    pub net: f64,
    /// Sum of net profits.
    pub gains: f64,
    /// Sum of net losses, zero or below.
    pub losses: f64,
    /// Fees, already taken off.
    pub fees: f64,
    /// Largest net profit, or smallest loss where there is none.
    pub best: f64,
    /// Largest net loss, or smallest profit where there is none.
    pub worst: f64,
    /// Seconds held, summed.
    pub seconds: f64,
}

impl Group {
    fn add(&mut self, trade: &Trade) {
        let net = trade.net();
        (self.best, self.worst) = match self.n_trades {
            0 => (net, net),
            _ => (self.best.max(net), self.worst.min(net)),
        };
        self.n_trades += 1;
        self.n_wins += usize::from(0.0 < net);
        self.n_losses += usize::from(net < 0.0);
        self.net += net;
        self.gains += net.max(0.0);
        self.losses += net.min(0.0);
        self.fees += trade.fees;
        self.seconds += (trade.exit - trade.entry) as f64;
    }

    /// Share of wins among wins and losses.
    pub fn hit_rate(&self) -> Option<f64> {
        let n = self.n_wins + self.n_losses;
        (0 < n).then(|| self.n_wins as f64 / n as f64)
    }

    /// Gains over losses; `None` without a loss.
    pub fn profit_factor(&self) -> Option<f64> {
        (self.losses < 0.0).then(|| self.gains / -self.losses)
    }

    /// Mean net result of a trade (the expectancy).
    pub fn mean(&self) -> Option<f64> {
        (0 < self.n_trades).then(|| self.net / self.n_trades as f64)
    }

    /// Mean win.
    pub fn mean_win(&self) -> Option<f64> {
        (0 < self.n_wins).then(|| self.gains / self.n_wins as f64)
    }

    /// Mean loss, below zero.
    pub fn mean_loss(&self) -> Option<f64> {
        (0 < self.n_losses).then(|| self.losses / self.n_losses as f64)
    }

    /// Mean win over mean loss (the payoff ratio).
    pub fn payoff(&self) -> Option<f64> {
        Some(self.mean_win()? / -self.mean_loss()?)
    }

    /// Mean time held, in seconds.
    pub fn mean_seconds(&self) -> Option<f64> {
        (0 < self.n_trades).then(|| self.seconds / self.n_trades as f64)
    }
}

/// How long a trade was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holding {
    /// Below an hour.
    Minutes,
    /// An hour up to a day.
    Hours,
    /// A day up to a week.
    Days,
    /// A week up to 30 days.
    Weeks,
    /// 30 days and more.
    Months,
}

impl Holding {
    /// The class of a number of seconds.
    pub fn of(seconds: i64) -> Holding {
        const HOUR: i64 = 3_600;
        const DAY: i64 = 24 * HOUR;
        match seconds {
            ..HOUR => Holding::Minutes,
            HOUR..DAY => Holding::Hours,
            DAY..604_800 => Holding::Days,
            604_800..2_592_000 => Holding::Weeks,
            _ => Holding::Months,
        }
    }
}

/// How far trades ran for and against the account before they were closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Excursions {
    /// Trades with both figures.
    pub n_trades: usize,
    /// Mean worst paper result, zero or below.
    pub mean_adverse: f64,
    /// Mean best paper result, zero or above.
    pub mean_favourable: f64,
    /// Worst paper result of all.
    pub worst_adverse: f64,
    /// Worst paper result that nine tenths of the winners stayed above: a stop tighter than this would have cut them.
    pub adverse_of_winners: Option<f64>,
    /// Profit before fees of the winners over their best paper results: how much of the way was kept.
    pub kept: Option<f64>,
}

/// Answer of [`analyze`].
#[derive(Debug, Clone, PartialEq)]
pub struct TradeAnalysis {
    /// All trades.
    pub all: Group,
    /// By security, largest net result in size first.
    pub by_symbol: Vec<(String, Group)>,
    /// By (year, month) of closing, oldest first.
    pub by_month: Vec<((i64, u8), Group)>,
    /// By side, long first.
    pub by_side: Vec<(Side, Group)>,
    /// By time held, shortest first.
    pub by_holding: Vec<(Holding, Group)>,
    /// Longest run of wins, by time of closing; what came out at zero ends no run.
    pub longest_winning_run: usize,
    /// Longest run of losses.
    pub longest_losing_run: usize,
    /// Median time held, in seconds.
    pub median_seconds: f64,
    /// Mean net result over its standard error: below about 2 the mean may be luck. `None` below two trades, or when all
    /// came out alike.
    pub t_statistic: Option<f64>,
    /// What the five best trades made, as a share of the whole net profit; `None` without a net profit.
    pub share_of_best_five: Option<f64>,
    /// Paper results, where trades tell them.
    pub excursions: Option<Excursions>,
}

/// Sums up closed trades. Their order does not matter.
///
/// # Errors
/// [`Error::TooFewRows`] without trades, [`Error::NotFinite`] for a figure that is no number (the row is the trade's
/// index), [`Error::OutOfRange`] for a trade that was closed before it was opened.
///
/// ```
/// use qc_quant::trades::{Side, Trade, analyze};
/// let trade = |exit, profit| Trade {
///     symbol: "SPY".into(), side: Side::Long, entry: 0, exit, profit, fees: 1.0, adverse: None, favourable: None,
/// };
/// let found = analyze(&[trade(60, 11.0), trade(7_200, -4.0), trade(90_000, 1.0)])?;
/// assert_eq!((found.all.net, found.all.n_wins, found.all.n_losses), (5.0, 1, 1)); // the third paid its fees
/// assert_eq!(found.all.profit_factor(), Some(2.0)); // 10 against 5
/// assert_eq!(found.by_holding.len(), 3);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn analyze(trades: &[Trade]) -> Result<TradeAnalysis> {
    if trades.is_empty() {
        return Err(Error::TooFewRows { what: "an analysis of trades".into(), needed: 1, found: 0 });
    }
    check(trades)?;
    let mut order: Vec<&Trade> = trades.iter().collect();
    order.sort_by_key(|trade| trade.exit);
    let mut all = Group::default();
    let mut by_symbol: HashMap<&str, Group> = HashMap::new();
    let mut by_month: Vec<((i64, u8), Group)> = Vec::new();
    let mut by_side: [Group; 2] = Default::default();
    let mut by_holding: [Group; 5] = Default::default();
    for trade in &order {
        all.add(trade);
        by_symbol.entry(&trade.symbol).or_default().add(trade);
        let month = month_of(trade.exit);
        match by_month.last_mut() {
            Some((last, group)) if *last == month => group.add(trade),
            _ => {
                let mut group = Group::default();
                group.add(trade);
                by_month.push((month, group));
            }
        }
        by_side[trade.side as usize].add(trade);
        by_holding[Holding::of(trade.exit - trade.entry) as usize].add(trade);
    }
    let mut by_symbol: Vec<(String, Group)> =
        by_symbol.into_iter().map(|(symbol, group)| (symbol.to_owned(), group)).collect();
    by_symbol.sort_by(|a, b| b.1.net.abs().total_cmp(&a.1.net.abs()).then_with(|| a.0.cmp(&b.0)));
    let mut seconds: Vec<f64> = trades.iter().map(|trade| (trade.exit - trade.entry) as f64).collect();
    seconds.sort_by(f64::total_cmp);
    let mut nets: Vec<f64> = order.iter().map(|trade| trade.net()).collect();
    let (longest_winning_run, longest_losing_run) = runs(&nets);
    let t_statistic = match nets.len() {
        ..2 => None,
        n => Some(std_dev(&nets)).filter(|sd| 0.0 < *sd).map(|sd| all.net / n as f64 / (sd / (n as f64).sqrt())),
    };
    nets.sort_by(|a, b| b.total_cmp(a));
    let best: f64 = nets.iter().take(5).sum();
    Ok(TradeAnalysis {
        share_of_best_five: (0.0 < all.net).then(|| best / all.net),
        by_symbol,
        by_month,
        by_side: present([Side::Long, Side::Short], by_side),
        by_holding: present(
            [Holding::Minutes, Holding::Hours, Holding::Days, Holding::Weeks, Holding::Months],
            by_holding,
        ),
        longest_winning_run,
        longest_losing_run,
        median_seconds: quantile_sorted(&seconds, 0.5)?,
        t_statistic,
        excursions: excursions(trades),
        all,
    })
}

/// The groups that have trades.
fn present<K, const N: usize>(names: [K; N], groups: [Group; N]) -> Vec<(K, Group)> {
    names.into_iter().zip(groups).filter(|(_, group)| 0 < group.n_trades).collect()
}

fn check(trades: &[Trade]) -> Result<()> {
    for (row, trade) in trades.iter().enumerate() {
        let known = [Some(trade.profit), Some(trade.fees), trade.adverse, trade.favourable];
        if !known.into_iter().flatten().all(f64::is_finite) {
            return Err(Error::NotFinite { symbol: trade.symbol.clone(), row, at: Label::Row(row) });
        }
        if trade.exit < trade.entry {
            let what = format!("the closing of trade {row} after its opening, in seconds");
            let found = trade.exit.saturating_sub(trade.entry) as f64;
            return Err(Error::OutOfRange { what, min: 0.0, max: f64::MAX, found });
        }
    }
    Ok(())
}

/// Longest runs of wins and of losses.
fn runs(nets: &[f64]) -> (usize, usize) {
    let longest = |is: fn(f64) -> bool| {
        let (mut longest, mut now) = (0, 0);
        for net in nets.iter().filter(|net| **net != 0.0) {
            now = if is(*net) { now + 1 } else { 0 };
            longest = longest.max(now);
        }
        longest
    };
    (longest(|net| 0.0 < net), longest(|net| net < 0.0))
}

fn excursions(trades: &[Trade]) -> Option<Excursions> {
    let known: Vec<(&Trade, f64, f64)> =
        trades.iter().filter_map(|trade| Some((trade, trade.adverse?, trade.favourable?))).collect();
    if known.is_empty() {
        return None;
    }
    let n = known.len() as f64;
    let winners = || known.iter().filter(|(trade, ..)| 0.0 < trade.net());
    let mut of_winners: Vec<f64> = winners().map(|(_, adverse, _)| *adverse).collect();
    of_winners.sort_by(f64::total_cmp);
    let ways: f64 = winners().map(|(.., favourable)| favourable).sum();
    Some(Excursions {
        n_trades: known.len(),
        mean_adverse: known.iter().map(|(_, adverse, _)| adverse).sum::<f64>() / n,
        mean_favourable: known.iter().map(|(.., favourable)| favourable).sum::<f64>() / n,
        worst_adverse: known.iter().map(|(_, adverse, _)| *adverse).fold(0.0, f64::min),
        adverse_of_winners: quantile_sorted(&of_winners, 0.1).ok(),
        kept: (0.0 < ways).then(|| winners().map(|(trade, ..)| trade.profit).sum::<f64>() / ways),
    })
}

/// Year and month of a moment.
///
/// Source: Hinnant (2013), "chrono-compatible low-level date algorithms", `civil_from_days`.
fn month_of(seconds: i64) -> (i64, u8) {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153; // March is 0
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(symbol: &str, side: Side, (entry, exit): (i64, i64), profit: f64) -> Trade {
        let (adverse, favourable) = (Some(profit.min(0.0) - 1.0), Some(profit.max(0.0) + 1.0));
        Trade { symbol: symbol.into(), side, entry, exit, profit, fees: 0.5, adverse, favourable }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (seconds, month) in [
            (0, (1970, 1)),
            (-1, (1969, 12)),
            (951_782_400, (2000, 2)), // 29 February
            (951_868_800, (2000, 3)),
            (4_107_542_399, (2100, 2)), // no 29 February
            (4_107_542_400, (2100, 3)),
            (1_735_689_599, (2024, 12)),
        ] {
            assert_eq!(month_of(seconds), month, "{seconds}");
        }
    }

    #[test]
    fn groups_add_up_to_the_whole_in_any_order() {
        const DAY: i64 = 86_400;
        let mut trades: Vec<Trade> = (0..500)
            .map(|i: i64| {
                let side = if i % 3 == 0 { Side::Short } else { Side::Long };
                let profit = ((i * 7_919) % 201 - 100) as f64 / 4.0;
                trade(&format!("S{}", i % 7), side, (i * DAY / 5, i * DAY / 5 + (i % 40) * DAY / 3), profit)
            })
            .collect();
        let found = analyze(&trades).unwrap();
        let sum = |groups: Vec<&Group>| -> (usize, f64, f64, f64) {
            let of = |figure: fn(&Group) -> f64| groups.iter().map(|group| figure(group)).sum::<f64>();
            (groups.iter().map(|g| g.n_trades).sum(), of(|g| g.net), of(|g| g.fees), of(|g| g.gains + g.losses))
        };
        let whole = sum(vec![&found.all]);
        assert_eq!((whole.0, whole.2), (500, 250.0));
        for groups in [
            found.by_symbol.iter().map(|(_, group)| group).collect::<Vec<_>>(),
            found.by_month.iter().map(|(_, group)| group).collect(),
            found.by_side.iter().map(|(_, group)| group).collect(),
            found.by_holding.iter().map(|(_, group)| group).collect(),
        ] {
            assert_eq!(sum(groups), whole);
        }
        assert!(found.by_month.windows(2).all(|two| two[0].0 < two[1].0), "each month once, in order");
        trades.reverse();
        let again = analyze(&trades).unwrap();
        assert_eq!(
            (again.all.net, &again.by_symbol, &again.excursions),
            (found.all.net, &found.by_symbol, &found.excursions)
        );
    }

    #[test]
    fn figures_by_hand() {
        // Net: 10, -5, -5, 20, 0.
        let list = [10.5, -4.5, -4.5, 20.5, 0.5];
        let trades: Vec<Trade> =
            list.iter().zip(0..).map(|(profit, i)| trade("A", Side::Long, (i, i + 10 * i), *profit)).collect();
        let found = analyze(&trades).unwrap();
        let all = &found.all;
        assert_eq!((all.n_wins, all.n_losses, all.net, all.fees, all.best, all.worst), (2, 2, 20.0, 2.5, 20.0, -5.0));
        assert_eq!((all.hit_rate(), all.profit_factor(), all.payoff()), (Some(0.5), Some(3.0), Some(3.0)));
        assert_eq!((all.mean(), found.longest_winning_run, found.longest_losing_run), (Some(4.0), 1, 2));
        // Mean 4; squares of the distances 36, 81, 81, 256, 16: variance 470 / 4, standard error sqrt(117.5 / 5).
        assert!((found.t_statistic.unwrap() - 4.0 / 23.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!((found.share_of_best_five, found.median_seconds), (Some(1.0), 20.0));
        let excursions = found.excursions.unwrap();
        assert_eq!((excursions.worst_adverse, excursions.adverse_of_winners), (-5.5, Some(-1.0)));
        // Winners made 31 before fees of ways of 11.5 and 21.5.
        assert!((excursions.kept.unwrap() - 31.0 / 33.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_trade_is_refused() {
        assert!(matches!(analyze(&[]), Err(Error::TooFewRows { .. })));
        let good = trade("A", Side::Long, (5, 9), 1.0);
        let backwards = Trade { exit: 4, ..good.clone() };
        assert!(matches!(analyze(&[good.clone(), backwards]), Err(Error::OutOfRange { found: -1.0, .. })));
        for bad in [
            Trade { profit: f64::NAN, ..good.clone() },
            Trade { fees: f64::INFINITY, ..good.clone() },
            Trade { adverse: Some(f64::NAN), ..good.clone() },
        ] {
            assert!(matches!(analyze(&[good.clone(), bad]), Err(Error::NotFinite { row: 1, .. })));
        }
        let alike = analyze(&[good.clone(), good]).unwrap();
        assert_eq!((alike.t_statistic, alike.all.profit_factor()), (None, None));
    }
}
