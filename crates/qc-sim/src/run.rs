//! One simulated backtest: buy and hold, in equal weights, of the symbols named in the code, on the synthetic market.
//!
//! The code is read, not run. Prices are adjusted for splits and dividends. Orders go out at the first open, after
//! each change of month if the code asks for a monthly schedule, on a delisting, and at the last close, where every
//! position is closed so that each entry has its exit. Everything a backtest reports (statistics, charts, orders,
//! trades, insights, logs) is derived from the one [`Run`], and therefore agrees.

pub(crate) mod charts;
mod risk;
pub(crate) mod statistics;
pub(crate) mod trades;

use jiff::civil::{Date, DateTime, date};
use jiff::{Timestamp, tz::TimeZone};

use crate::code::Program;
use crate::market::listings::Listing;
use crate::market::{self, Adjusted, Market};

/// LEAN's start when the code names none is 1998; the market begins later.
const DEFAULT_CASH: f64 = 100_000.0;
/// The part of the portfolio LEAN keeps back for fees when it turns a weight into shares.
const BUFFER: f64 = 0.0025;
/// The benchmark of every run, as in LEAN.
const BENCHMARK: &str = "SPY";

/// How a run trades.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) tickers: Vec<String>,
    pub(crate) first: Date,
    pub(crate) last: Date,
    pub(crate) cash: f64,
    pub(crate) rebalances_monthly: bool,
    pub(crate) emits_insights: bool,
    /// Part of the portfolio that is bought, 0.5 to 1; see [`invested`].
    pub(crate) invested: f64,
}

impl Plan {
    /// The plan the code asks for, cut to the days the market has.
    pub(crate) fn of(program: &Program, parameters: &[(String, String)]) -> Self {
        let given = |name: &str| -> Option<Date> {
            let (_, value) = parameters.iter().find(|(known, _)| program.is_dated_by_parameters && known == name)?;
            value.parse().ok()
        };
        let (start, end) = (given("start_date").or(program.start), given("end_date").or(program.end));
        Self {
            tickers: program.tickers.clone(),
            first: start.unwrap_or(market::FIRST_DAY).max(market::FIRST_DAY),
            last: end.unwrap_or(market::LAST_DAY).min(market::LAST_DAY),
            cash: program.cash.unwrap_or(DEFAULT_CASH),
            rebalances_monthly: program.rebalances_monthly,
            emits_insights: program.emits_insights,
            invested: invested(parameters),
        }
    }
}

/// What parameters do here: as the code is not run, they can only change how much is bought. Each set of values has
/// its own part, from a half to all (FNV-1a of names and values), so that a sweep finds something to compare.
fn invested(parameters: &[(String, String)]) -> f64 {
    if parameters.is_empty() {
        return 1.0;
    }
    let others = parameters.iter().filter(|(name, _)| !["start_date", "end_date"].contains(&name.as_str()));
    let mut sorted: Vec<String> = others.map(|(name, value)| format!("{name}={value};")).collect();
    sorted.sort_unstable();
    let hash = sorted
        .concat()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    0.5 + 0.01 * (hash % 51) as f64
}

/// Why an order was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Entry,
    Rebalance,
    Delisting,
    Close,
}

/// A filled order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fill {
    /// Counted from 1.
    pub(crate) order: i64,
    pub(crate) ticker: usize,
    pub(crate) at: Timestamp,
    /// Position of the day in [`Run::days`].
    pub(crate) day: usize,
    /// Shares; negative when sold.
    pub(crate) quantity: f64,
    pub(crate) price: f64,
    pub(crate) fee: f64,
    pub(crate) reason: Reason,
}

/// The portfolio at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Day {
    pub(crate) date: Date,
    /// The close, when the day is valued.
    pub(crate) at: Timestamp,
    /// The open of the day.
    pub(crate) opened: Timestamp,
    pub(crate) equity_at_open: f64,
    pub(crate) equity: f64,
    /// Value of the shares held overnight.
    pub(crate) holdings: f64,
    /// Dollars bought and sold on this day.
    pub(crate) turnover: f64,
    /// Close of the benchmark.
    pub(crate) benchmark: f64,
}

/// A security that was traded.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    pub(crate) listing: &'static Listing,
    pub(crate) prices: Adjusted,
}

/// Everything that happened.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) assets: Vec<Asset>,
    /// Tickers in the code the market does not have.
    pub(crate) unknown: Vec<String>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) days: Vec<Day>,
    /// Equity when the first day opened.
    pub(crate) start_equity: f64,
}

impl Run {
    /// Trades the plan.
    pub(crate) fn of(plan: Plan, market: &Market) -> Self {
        let window = market.window(plan.first, plan.last);
        let mut assets = Vec::new();
        let mut unknown = Vec::new();
        for ticker in &plan.tickers {
            let prices = Market::find(ticker).and_then(|listing| market.adjusted(listing, window.clone()));
            match prices {
                Some(prices) if !prices.bars.is_empty() => {
                    let known = assets.iter().any(|asset: &Asset| asset.listing.ticker == prices.listing.ticker);
                    if !known {
                        assets.push(Asset { listing: prices.listing, prices });
                    }
                }
                _ => unknown.push(ticker.clone()),
            }
        }
        let benchmark = Market::find(BENCHMARK).and_then(|listing| market.adjusted(listing, window.clone()));
        let sessions = market.sessions().get(window).unwrap_or_default();
        let mut book = Book { cash: plan.cash, held: vec![0.0; assets.len()], fills: Vec::new() };
        let mut days: Vec<Day> = Vec::with_capacity(sessions.len());
        for (day, session) in sessions.iter().enumerate() {
            let opened = new_york(session.date, 9, 30);
            let at = new_york(session.date, if session.ends_early { 13 } else { 16 }, 0);
            let is_last = day + 1 == sessions.len();
            let new_month = days.last().is_some_and(|before| before.date.month() != session.date.month());
            // A run of a single day would buy at the open and sell at the close of the same bar: allowed, and odd.
            if day == 0 {
                book.rebalance(&assets, day, opened, plan.invested, Reason::Entry);
            } else if plan.rebalances_monthly && new_month {
                book.rebalance(&assets, day, opened, plan.invested, Reason::Rebalance);
            }
            let equity_at_open = book.value(&assets, day, |bar| bar.open);
            for (index, asset) in assets.iter().enumerate() {
                let ends = day + 1 == asset.prices.bars.len();
                if is_last || ends {
                    book.close(&assets, index, day, at, if is_last { Reason::Close } else { Reason::Delisting });
                }
            }
            let equity = book.value(&assets, day, |bar| bar.close);
            days.push(Day {
                date: session.date,
                at,
                opened,
                equity_at_open,
                equity,
                holdings: equity - book.cash,
                turnover: book
                    .fills
                    .iter()
                    .rev()
                    .take_while(|fill| fill.day == day)
                    .map(|fill| (fill.quantity * fill.price).abs())
                    .sum(),
                benchmark: benchmark.as_ref().and_then(|b| b.bars.get(day)).map_or(0.0, |bar| bar.close),
            });
        }
        Self { start_equity: plan.cash, plan, assets, unknown, fills: book.fills, days }
    }

    /// The ticker behind a fill.
    pub(crate) fn listing(&self, fill: &Fill) -> Option<&'static Listing> {
        self.assets.get(fill.ticker).map(|asset| asset.listing)
    }

    /// Equity at the end, or the cash when no day was traded.
    pub(crate) fn end_equity(&self) -> f64 {
        self.days.last().map_or(self.start_equity, |day| day.equity)
    }

    /// Fees paid, in dollars.
    pub(crate) fn fees(&self) -> f64 {
        self.fills.iter().map(|fill| fill.fee).sum()
    }

    /// Dollars bought and sold.
    pub(crate) fn volume(&self) -> f64 {
        self.fills.iter().map(|fill| (fill.quantity * fill.price).abs()).sum()
    }

    /// Daily simple returns of the equity, the first against the starting cash.
    pub(crate) fn returns(&self) -> Vec<f64> {
        changes(self.start_equity, self.days.iter().map(|day| day.equity))
    }

    /// Daily simple returns of the benchmark; the first day has none and counts as 0.
    pub(crate) fn benchmark_returns(&self) -> Vec<f64> {
        changes(self.days.first().map_or(1.0, |day| day.benchmark), self.days.iter().map(|day| day.benchmark))
    }

    /// What the run would have logged.
    pub(crate) fn logs(&self) -> Vec<String> {
        let mut logs = Vec::new();
        let start = stamp(self.plan.first.to_datetime(jiff::civil::Time::midnight()));
        logs.push(format!("{start} Launching analysis for a simulated backtest with LEAN Engine (simulator)"));
        logs.push(format!(
            "{start} The code was not run: this is buy and hold, in equal weights, of the symbols named in it, on a synthetic \
             market. Every position is closed at the end. No price is real."
        ));
        if self.plan.invested < 1.0 {
            let percent = (100.0 * self.plan.invested).round();
            logs.push(format!(
                "{start} Parameters change nothing but the part of the portfolio that is bought: {percent}% here."
            ));
        }
        for ticker in &self.unknown {
            logs.push(format!(
                "{start} {ticker}: no data in the synthetic market from {} to {}",
                self.plan.first, self.plan.last
            ));
        }
        for fill in &self.fills {
            let Some(listing) = self.listing(fill) else { continue };
            let side = if 0.0 < fill.quantity { "Bought" } else { "Sold" };
            let at = stamp(fill.at.to_zoned(TimeZone::UTC).datetime());
            let shares = fill.quantity.abs();
            logs.push(format!("{at} {side} {shares} {} at {:.4}, order {}", listing.ticker, fill.price, fill.order));
        }
        let end = self.days.last().map_or(start, |day| stamp(day.at.to_zoned(TimeZone::UTC).datetime()));
        logs.push(format!("{end} Algorithm completed: {} orders, equity {:.2}", self.fills.len(), self.end_equity()));
        logs
    }
}

struct Book {
    cash: f64,
    held: Vec<f64>,
    fills: Vec<Fill>,
}

impl Book {
    fn value(&self, assets: &[Asset], day: usize, price: impl Fn(&market::prices::Bar) -> f64) -> f64 {
        let shares: f64 = self
            .held
            .iter()
            .zip(assets)
            .filter_map(|(held, asset)| asset.prices.bars.get(day).map(|bar| held * price(bar)))
            .sum();
        self.cash + shares
    }

    /// Brings every security that trades on this day to the same weight, sales first.
    fn rebalance(&mut self, assets: &[Asset], day: usize, at: Timestamp, invested: f64, reason: Reason) {
        let value = self.value(assets, day, |bar| bar.open);
        let trading: Vec<(usize, f64)> = assets
            .iter()
            .enumerate()
            .filter_map(|(index, asset)| asset.prices.bars.get(day).map(|bar| (index, bar.open)))
            .collect();
        let weight = invested * (1.0 - BUFFER) / trading.len().max(1) as f64;
        let mut orders: Vec<(usize, f64, f64)> = trading
            .into_iter()
            .map(|(index, price)| {
                (index, price, (value * weight / price).floor() - self.held.get(index).copied().unwrap_or(0.0))
            })
            .filter(|(.., quantity)| *quantity != 0.0)
            .collect();
        orders.sort_by(|a, b| a.2.total_cmp(&b.2));
        for (index, price, quantity) in orders {
            self.fill(index, day, at, quantity, price, reason);
        }
    }

    fn close(&mut self, assets: &[Asset], index: usize, day: usize, at: Timestamp, reason: Reason) {
        let held = self.held.get(index).copied().unwrap_or(0.0);
        if let Some(bar) = assets.get(index).and_then(|asset| asset.prices.bars.get(day)).filter(|_| held != 0.0) {
            self.fill(index, day, at, -held, bar.close, reason);
        }
    }

    fn fill(&mut self, index: usize, day: usize, at: Timestamp, quantity: f64, price: f64, reason: Reason) {
        let Some(held) = self.held.get_mut(index) else { return };
        let fee = fee(quantity, price);
        *held += quantity;
        self.cash -= quantity * price + fee;
        let order = i64::try_from(self.fills.len() + 1).unwrap_or(i64::MAX);
        self.fills.push(Fill { order, ticker: index, at, day, quantity, price, fee, reason });
    }
}

/// Interactive Brokers' fee for US shares as LEAN models it: half a cent per share, at least a dollar, at most 0.5%.
pub(crate) fn fee(quantity: f64, price: f64) -> f64 {
    let shares = quantity.abs();
    let fee = (0.005 * shares).max(1.0).min(0.005 * shares * price);
    (fee * 100.0).round() / 100.0
}

fn changes(mut before: f64, values: impl Iterator<Item = f64>) -> Vec<f64> {
    values
        .map(|value| {
            let change = if before == 0.0 { 0.0 } else { value / before - 1.0 };
            before = value;
            change
        })
        .collect()
}

/// A wall-clock time in New York as an instant.
pub(crate) fn new_york(day: Date, hour: i8, minute: i8) -> Timestamp {
    let local = day.at(hour, minute, 0, 0);
    TimeZone::get("America/New_York")
        .ok()
        .and_then(|zone| zone.to_timestamp(local).ok())
        .unwrap_or_else(|| date(1970, 1, 1).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or_default())
}

fn stamp(at: DateTime) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn plan(tickers: &[&str]) -> Plan {
        Plan {
            tickers: tickers.iter().map(|t| (*t).to_owned()).collect(),
            first: date(2020, 1, 2),
            last: date(2021, 12, 31),
            cash: 100_000.0,
            rebalances_monthly: false,
            emits_insights: false,
            invested: 1.0,
        }
    }

    #[test]
    fn equity_is_cash_plus_what_the_fills_left() {
        let run = Run::of(plan(&["KO", "GOOGL"]), &Market::new(7));
        let cash = run.fills.iter().fold(100_000.0, |cash, fill| cash - fill.quantity * fill.price - fill.fee);
        assert_eq!(run.fills.len(), 4);
        assert!((run.end_equity() - cash).abs() < 1e-6, "{} {cash}", run.end_equity());
        assert_eq!(run.days.len(), 505);
    }

    #[test]
    fn a_delisted_company_is_sold_on_its_last_day() {
        let plan = Plan { first: date(2022, 1, 3), last: date(2023, 12, 29), ..plan(&["TWTR", "KO"]) };
        let run = Run::of(plan, &Market::new(7));
        let sold = run.fills.iter().find(|fill| fill.reason == Reason::Delisting).unwrap();
        assert_eq!(run.days[sold.day].date, date(2022, 10, 27));
        assert_eq!(run.listing(sold).unwrap().ticker, "TWTR");
    }

    #[test]
    fn a_monthly_schedule_restores_the_weights_each_month() {
        let run = Run::of(Plan { rebalances_monthly: true, ..plan(&["KO", "GOOGL"]) }, &Market::new(7));
        assert!(40 < run.fills.len(), "{}", run.fills.len());
        let bought: f64 = run.fills.iter().map(|fill| fill.quantity).sum();
        assert_eq!(bought, 0.0);
    }

    #[test]
    fn parameters_change_how_much_is_bought_and_their_order_does_not_matter() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (a, b) = (pair("fast", "10"), pair("slow", "50"));
        assert_eq!(invested(&[a.clone(), b.clone()]), invested(&[b, a.clone()]));
        assert_ne!(invested(std::slice::from_ref(&a)), invested(&[pair("fast", "11")]));
        assert!((0.5..=1.0).contains(&invested(&[a])));
    }

    #[test]
    fn without_symbols_the_cash_stays() {
        let run = Run::of(plan(&["NOPE"]), &Market::new(7));
        assert_eq!(
            (run.fills.len(), run.end_equity(), run.unknown.as_slice()),
            (0, 100_000.0, &["NOPE".to_owned()][..])
        );
    }
}
