//! A small synthetic market: a seeded LEAN data folder of US equities, and the same prices for simulated backtests.
//!
//! No price in it is real. The folder says so in `synthetic.json`, which `qc_data` reports with every answer.
//! It is made so that research has something to find: KO and PEP are cointegrated, so are XOM and CVX; AAPL, AMZN,
//! GOOGL and WMT split; most names pay dividends; FB becomes META; TWTR is delisted; SPY, QQQ and EEM are funds whose
//! holdings are listed, URTH holds them all; CL and KMB move together from one quarter of an hour to the next. Daily bars
//! from [`FIRST_DAY`], hour bars from [`FIRST_HOUR_DAY`], minute bars of six names from [`FIRST_MINUTE_DAY`], all to
//! [`LAST_DAY`]; [`tables`] beside them.

pub(crate) mod calendar;
pub(crate) mod files;
mod intraday;
pub(crate) mod listings;
pub(crate) mod prices;
pub mod tables;

pub use files::{write, write_minutes};
use jiff::civil::{Date, date};
use qc_data::folder::SYNTHETIC_MARKER;
use qc_data::time::END_OF_TIME;

use self::calendar::Session;
use self::listings::{LISTINGS, Listing, Source};
use self::prices::{Bar, Series};

/// The day of the first daily bar.
pub const FIRST_DAY: Date = date(2015, 1, 2);
/// The day of the first hour bar.
pub const FIRST_HOUR_DAY: Date = date(2023, 1, 3);
/// The day of the first minute bar; [`write_minutes`] adds earlier ones, from [`FIRST_HOUR_DAY`] on.
pub const FIRST_MINUTE_DAY: Date = date(2025, 10, 1);
/// The day of the last bar.
pub const LAST_DAY: Date = date(2025, 12, 31);
/// The seed behind the demo, the examples and the documentation.
pub const DEMO_SEED: u64 = 7;
/// Name of the file in the folder's root that says its prices are drawn, not observed.
pub const MARKER: &str = SYNTHETIC_MARKER;
/// Pairs bound by a spread that comes back.
pub const COINTEGRATED_PAIRS: [(&str, &str); 2] = [("KO", "PEP"), ("CVX", "XOM")];
/// Names with minute bars: consumer staples, among them the twins CL and KMB.
pub const MINUTE_TICKERS: [&str; 6] = ["PEP", "KO", "PG", "WMT", "CL", "KMB"];
/// Funds whose constituents are listed in the folder.
pub const FUNDS: [&str; 4] = ["SPY", "QQQ", "EEM", "URTH"];

/// The tickers of the market, as they are called today.
pub fn tickers() -> impl Iterator<Item = &'static str> {
    LISTINGS.iter().map(|listing| listing.ticker)
}

/// All prices of the market, in memory.
#[derive(Debug, Clone)]
pub struct Market {
    seed: u64,
    sessions: Vec<Session>,
    series: Vec<Series>,
}

/// Daily bars of one security from a day on, adjusted for splits and dividends up to the end of the market.
#[derive(Debug, Clone)]
pub(crate) struct Adjusted {
    pub(crate) listing: &'static Listing,
    /// One bar per session of the window; shorter when the company was delisted inside it.
    pub(crate) bars: Vec<Bar>,
}

/// A row of a factor file: it holds for days up to and including `date`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FactorRow {
    pub(crate) date: Date,
    pub(crate) price_factor: f64,
    pub(crate) split_factor: f64,
    pub(crate) reference: f64,
}

/// The holdings of a fund on one day.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    pub(crate) listing: &'static Listing,
    pub(crate) weight: f64,
    pub(crate) shares: f64,
    pub(crate) value: f64,
}

impl Market {
    /// Draws the daily prices that belong to a seed.
    pub fn new(seed: u64) -> Self {
        Self::draw(seed, None)
    }

    fn draw(seed: u64, hours_from: Option<Date>) -> Self {
        let sessions = calendar::sessions(FIRST_DAY, LAST_DAY);
        let series = prices::draw(seed, &sessions, hours_from);
        Self { seed, sessions, series }
    }

    /// Hour bars are needed for the folder only.
    fn without_hours(mut self) -> Self {
        for series in &mut self.series {
            series.hours = Vec::new();
            series.quarters = Vec::new();
        }
        self
    }

    /// The seed the prices were drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Trading days of the market.
    pub(crate) fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// Positions of the sessions from `first` to `last`, both included.
    pub(crate) fn window(&self, first: Date, last: Date) -> std::ops::Range<usize> {
        let start = self.sessions.partition_point(|session| session.date < first);
        let end = self.sessions.partition_point(|session| session.date <= last);
        start..end.max(start)
    }

    /// The security a ticker names, under its present or an earlier name.
    pub(crate) fn find(ticker: &str) -> Option<&'static Listing> {
        LISTINGS.iter().find(|listing| listing.answers_to(ticker))
    }

    /// Adjusted bars of one security in a window of sessions.
    pub(crate) fn adjusted(&self, listing: &Listing, window: std::ops::Range<usize>) -> Option<Adjusted> {
        let series = self.series.iter().find(|series| series.listing.ticker == listing.ticker)?;
        let factors = factor_rows(series);
        let days = series.days.get(window.start..window.end.min(series.days.len()))?;
        let sessions = self.sessions.get(window)?;
        let bars = days
            .iter()
            .zip(sessions)
            .map(|(bar, session)| {
                let factor = factors
                    .iter()
                    .find(|row| session.date <= row.date)
                    .map_or(1.0, |row| row.price_factor * row.split_factor);
                Bar {
                    open: bar.open * factor,
                    high: bar.high * factor,
                    low: bar.low * factor,
                    close: bar.close * factor,
                    volume: (bar.volume / factor).round(),
                }
            })
            .collect();
        Some(Adjusted { listing: series.listing, bars })
    }

    /// What a fund holds at the close of a session, heaviest first.
    pub(crate) fn holdings(&self, fund: &Listing, session: usize) -> Vec<Holding> {
        let Source::Fund(holds) = fund.source else { return Vec::new() };
        let Some(day) = self.sessions.get(session).map(|session| session.date) else { return Vec::new() };
        let mut holdings: Vec<Holding> = self
            .series
            .iter()
            .filter(|series| series.listing.belongs_to(holds))
            .filter_map(|series| {
                let listing = series.listing;
                let later: f64 = listing.splits.iter().filter(|(ex, _)| day < *ex).map(|(_, ratio)| ratio).product();
                let shares = (listing.shares * 1e4 / later).round();
                Some(Holding { listing, weight: 0.0, shares, value: shares * series.days.get(session)?.close })
            })
            .collect();
        let total: f64 = holdings.iter().map(|holding| holding.value).sum();
        for holding in &mut holdings {
            holding.weight = holding.value / total;
        }
        holdings.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        holdings
    }
}

/// The factor file of a security, oldest row first.
pub(crate) fn factor_rows(series: &Series) -> Vec<FactorRow> {
    let mut rows = vec![FactorRow { date: END_OF_TIME, price_factor: 1.0, split_factor: 1.0, reference: 0.0 }];
    let (mut price_factor, mut split_factor) = (1.0, 1.0);
    for action in series.actions.iter().rev() {
        price_factor *= 1.0 - action.dividend / action.reference;
        split_factor /= action.split;
        let row = FactorRow { date: action.last_before, price_factor, split_factor, reference: action.reference };
        match rows.last_mut() {
            // A dividend and a split on one day share a row, which then carries both.
            Some(same) if same.date == row.date => *same = row,
            _ => rows.push(row),
        }
    }
    // The first row bounds the history: without it a reader that follows LEAN finds no prices at all.
    if series.actions.first().is_none_or(|first| FIRST_DAY < first.last_before) {
        rows.push(FactorRow { date: FIRST_DAY, price_factor, split_factor, reference: 1.0 });
    }
    rows.reverse();
    rows
}

#[cfg(test)]
mod tests {
    use qc_quant::cointegration::engle_granger;

    use super::*;

    fn closes(market: &Market, ticker: &str) -> Vec<f64> {
        let listing = Market::find(ticker).unwrap();
        let bars = market.adjusted(listing, market.window(FIRST_DAY, LAST_DAY)).unwrap().bars;
        bars.iter().map(|bar| bar.close).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_market_and_another_seed_another() {
        let (a, b, c) = (Market::new(7), Market::new(7), Market::new(8));
        assert_eq!(closes(&a, "KO"), closes(&b, "KO"));
        assert_ne!(closes(&a, "KO"), closes(&c, "KO"));
    }

    #[test]
    fn keeping_hour_bars_leaves_the_daily_bars_as_they_are() {
        let (daily, hourly) = (Market::new(7), Market::draw(7, Some(FIRST_HOUR_DAY)));
        for (a, b) in daily.series.iter().zip(&hourly.series) {
            assert_eq!(a.days, b.days, "{}", a.listing.ticker);
        }
    }

    #[test]
    fn a_split_is_invisible_in_adjusted_prices_and_plain_in_raw_ones() {
        let market = Market::new(7);
        let split = market.window(date(2022, 7, 18), date(2022, 7, 18)).start;
        let series = market.series.iter().find(|s| s.listing.ticker == "GOOGL").unwrap();
        let raw = series.days[split].open / series.days[split - 1].close;
        assert!((0.04..0.06).contains(&raw), "{raw}");
        let adjusted = closes(&market, "GOOGL");
        let change = adjusted[split] / adjusted[split - 1];
        assert!((0.9..1.1).contains(&change), "{change}");
    }

    #[test]
    fn every_bar_is_possible() {
        for series in &Market::draw(7, Some(FIRST_HOUR_DAY)).series {
            let all = series.days.iter().chain(series.hours.iter().map(|(.., bar)| bar));
            for bar in all {
                assert!(bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high, "{bar:?}");
                assert!(0.0 < bar.low && 0.0 < bar.volume, "{bar:?}");
            }
        }
    }

    #[test]
    fn weights_of_a_fund_sum_to_one_and_the_delisted_member_leaves() {
        let market = Market::new(7);
        let spy = Market::find("SPY").unwrap();
        let members = |day| market.holdings(spy, market.window(FIRST_DAY, day).end - 1);
        for day in [date(2016, 3, 31), LAST_DAY] {
            let sum: f64 = members(day).iter().map(|holding| holding.weight).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
        let holds = |day| members(day).iter().any(|holding| holding.listing.ticker == "TWTR");
        assert!(holds(date(2022, 9, 30)) && !holds(date(2022, 12, 30)));
    }

    /// The p-value of the pair, in both directions, on adjusted closes between two days.
    fn p_value(market: &Market, a: &str, b: &str, first: Date, last: Date) -> f64 {
        let closes = |ticker| {
            let bars = market.adjusted(Market::find(ticker).unwrap(), market.window(first, last)).unwrap().bars;
            bars.iter().map(|bar| bar.close).collect::<Vec<f64>>()
        };
        let (a, b) = (closes(a), closes(b));
        let options = engle_granger::Options::default();
        let test = |y: &[f64], x: &[f64]| engle_granger::test_values(y, &[x], &options).unwrap().p_value;
        engle_granger::pair_p_value(test(&a, &b), test(&b, &a))
    }

    #[test]
    fn the_bound_pairs_are_cointegrated_whatever_the_seed() {
        for seed in [DEMO_SEED, 1, 2, 3] {
            let market = Market::new(seed);
            for (a, b) in COINTEGRATED_PAIRS {
                for (first, last) in [(FIRST_DAY, LAST_DAY), (date(2023, 1, 1), date(2024, 12, 31))] {
                    let p = p_value(&market, a, b, first, last);
                    assert!(p < 0.01, "{a} and {b}, seed {seed}, from {first}: {p}");
                }
            }
        }
    }

    #[test]
    fn others_are_not_cointegrated_in_the_demo_market() {
        let market = Market::new(DEMO_SEED);
        for (a, b) in [("GOOGL", "MSFT"), ("KO", "XOM"), ("JPM", "BAC"), ("SPY", "EEM")] {
            for (first, last) in [(FIRST_DAY, LAST_DAY), (date(2023, 1, 1), date(2024, 12, 31))] {
                let p = p_value(&market, a, b, first, last);
                assert!(0.10 < p, "{a} and {b} from {first}: {p}");
            }
        }
    }
}
