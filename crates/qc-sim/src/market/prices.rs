//! Draws the prices: a market factor, sector factors, companies, partners and twins bound by a spread, and funds of them
//! all.
//!
//! Everything follows from the seed. Each random stream has its own generator, so a new name leaves the others as
//! they were. Raw prices are built forward from total returns, which makes the adjusted series carry exactly the
//! structure that was drawn (a dividend does not disturb a cointegrated pair).

use jiff::civil::Date;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::calendar::Session;
use super::intraday::{self, Shape};
use super::listings::{Holds, LISTINGS, Listing, Sector, Source};

/// Trading days in a year, to turn yearly rates into daily ones.
const DAYS_PER_YEAR: f64 = 252.0;
/// Log growth of the market factor per year.
const MARKET_GROWTH: f64 = 0.07;
/// Long-run daily standard deviation of the market factor and of each sector factor.
const MARKET_SIGMA: f64 = 0.009;
const SECTOR_SIGMA: f64 = 0.006;
/// GARCH(1,1) weights: quiet and nervous months follow each other as in real markets.
const SHOCK: f64 = 0.08;
const MEMORY: f64 = 0.90;

/// One bar in dollars and shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: f64,
}

/// What happened to the shares before the open of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Action {
    /// The last trading day before it, which is the date LEAN's factor files use.
    pub(crate) last_before: Date,
    /// Raw close of that day.
    pub(crate) reference: f64,
    /// Dollars per share; 0 for a split.
    pub(crate) dividend: f64,
    /// New shares per old share; 1 for a dividend.
    pub(crate) split: f64,
}

/// Raw prices of one security: bar `i` belongs to session `i`.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) listing: &'static Listing,
    pub(crate) days: Vec<Bar>,
    /// (session, starting hour, bar); empty unless asked for.
    pub(crate) hours: Vec<(usize, i8, Bar)>,
    /// Of twins and those they follow: (session, quarter of an hour, bar); empty unless asked for.
    pub(crate) quarters: Vec<(usize, usize, Bar)>,
    pub(crate) actions: Vec<Action>,
}

/// Draws the whole market; hour bars are kept from `hours_from` on.
pub(super) fn draw(seed: u64, sessions: &[Session], hours_from: Option<Date>) -> Vec<Series> {
    let returns = Returns::draw(seed, sessions);
    LISTINGS
        .iter()
        .zip(&returns.by_listing)
        .map(|(listing, own)| {
            let leader = match listing.source {
                Source::Twin { of, .. } => LISTINGS.iter().position(|l| l.ticker == of),
                _ => None,
            };
            let leader = leader.and_then(|i| returns.by_listing.get(i)).map(Vec::as_slice);
            path(seed, listing, Drawn { own, leader }, sessions, hours_from)
        })
        .collect()
}

/// Returns of a listing, and of the one it is a twin of.
#[derive(Clone, Copy)]
struct Drawn<'a> {
    own: &'a [f64],
    leader: Option<&'a [f64]>,
}

/// Log total returns per listing, session by session.
struct Returns {
    by_listing: Vec<Vec<f64>>,
}

impl Returns {
    fn draw(seed: u64, sessions: &[Session]) -> Self {
        let n = sessions.len();
        let market = clustered(&mut stream(seed, "market"), n, MARKET_SIGMA, MARKET_GROWTH / DAYS_PER_YEAR);
        let sectors: Vec<Vec<f64>> = Sector::ALL
            .iter()
            .map(|sector| clustered(&mut stream(seed, &format!("{sector:?}")), n, SECTOR_SIGMA, 0.0))
            .collect();
        let mut by_listing: Vec<Vec<f64>> = Vec::with_capacity(LISTINGS.len());
        for listing in LISTINGS {
            let mut rng = stream(seed, listing.ticker);
            let mut returns = match listing.source {
                Source::Company { beta, own, growth } => {
                    let empty = Vec::new();
                    let sector = Sector::ALL.iter().position(|s| *s == listing.sector).and_then(|i| sectors.get(i));
                    let sector = sector.unwrap_or(&empty);
                    market
                        .iter()
                        .zip(sector)
                        .map(|(m, s)| growth / DAYS_PER_YEAR + beta * m + s + own * normal(&mut rng))
                        .collect()
                }
                Source::Partner { of, spread, half_life } | Source::Twin { of, spread, half_life } => {
                    let leader = LISTINGS.iter().position(|l| l.ticker == of).and_then(|i| by_listing.get(i));
                    partner(&mut rng, leader.map_or(&[][..], Vec::as_slice), spread, half_life)
                }
                Source::Fund(holds) => fund(holds, &by_listing, sessions),
            };
            // The first bar starts at the listed price.
            if let Some(first) = returns.first_mut() {
                *first = 0.0;
            }
            if let Some(last) = listing.delisted {
                returns.truncate(sessions.partition_point(|s| s.date <= last));
            }
            by_listing.push(returns);
        }
        Self { by_listing }
    }
}

/// The leader's returns plus the change of a mean-reverting log spread (a discrete Ornstein-Uhlenbeck process).
fn partner(rng: &mut Xoshiro256PlusPlus, leader: &[f64], spread: f64, half_life: f64) -> Vec<f64> {
    let keep = 0.5_f64.powf(1.0 / half_life);
    let shock = spread * (1.0 - keep * keep).sqrt();
    let mut level = 0.0;
    leader
        .iter()
        .map(|r| {
            let next = keep * level + shock * normal(rng);
            let change = next - level;
            level = next;
            r + change
        })
        .collect()
}

/// Returns of a basket held by capitalisation, never traded; a delisted member is sold into the others.
fn fund(holds: Holds, by_listing: &[Vec<f64>], sessions: &[Session]) -> Vec<f64> {
    let mut members: Vec<(f64, &[f64])> = LISTINGS
        .iter()
        .zip(by_listing)
        .filter(|(listing, _)| listing.belongs_to(holds))
        .map(|(listing, returns)| (capital_at_start(listing), returns.as_slice()))
        .collect();
    (0..sessions.len())
        .map(|day| {
            members.retain(|(_, returns)| day < returns.len());
            let before: f64 = members.iter().map(|(value, _)| value).sum();
            for (value, returns) in &mut members {
                *value *= returns.get(day).copied().unwrap_or(0.0).exp();
            }
            let after: f64 = members.iter().map(|(value, _)| value).sum();
            (after / before).ln()
        })
        .collect()
}

/// Capitalisation at the first bar; `shares` counts shares after all splits, the price is before them.
fn capital_at_start(listing: &Listing) -> f64 {
    let splits: f64 = listing.splits.iter().map(|(_, ratio)| ratio).product();
    listing.price * listing.shares / splits
}

/// Turns returns into raw daily (and hour) bars, paying dividends and splitting on the way.
fn path(
    seed: u64,
    listing: &'static Listing,
    drawn: Drawn<'_>,
    sessions: &[Session],
    hours_from: Option<Date>,
) -> Series {
    let mut rng = stream(seed, &format!("{} intraday", listing.ticker));
    let offset = i8::try_from(LISTINGS.iter().position(|l| l.ticker == listing.ticker).unwrap_or(0) % 18).unwrap_or(0);
    let mut series = Series {
        listing,
        days: Vec::with_capacity(drawn.own.len()),
        hours: Vec::new(),
        quarters: Vec::new(),
        actions: Vec::new(),
    };
    let mut spread = 0.0;
    let mut level = listing.price;
    let mut before: Option<Session> = None;
    for (index, (session, total)) in sessions.iter().zip(drawn.own).enumerate() {
        if let Some(before) = before {
            let reference = cents(level);
            if listing.dividend > 0.0 && is_ex_date(before.date, session.date, 5 + offset) {
                let dividend = cents(reference * listing.dividend);
                series.actions.push(Action { last_before: before.date, reference, dividend, split: 1.0 });
                level -= dividend;
            }
            if let Some((_, split)) = listing.splits.iter().find(|(day, _)| before.date < *day && *day <= session.date)
            {
                series.actions.push(Action { last_before: before.date, reference, dividend: 0.0, split: *split });
                level /= split;
            }
        }
        before = Some(*session);
        let close = level * total.exp();
        let keep = hours_from.is_some_and(|from| from <= session.date);
        // Outside the years of hour bars two steps give a day its high and low at a third of the cost. Which days those
        // are must not depend on what is kept, or the daily bars would.
        let has_hours = super::FIRST_HOUR_DAY <= session.date;
        let hours = usize::from(session.hours().count() as u16);
        let shape = Shape { sigma: 0.6 * total.abs() + 0.006, turnover: listing.turnover };
        let led = drawn.leader.and_then(|leader| leader.get(index)).copied();
        let apart = led.map_or(0.0, |led| total - led);
        let bars = if has_hours && listing.has_quarters() {
            let day = intraday::Day { seed, listing, date: session.date, quarters: session.quarters() };
            let points = day.points(*total, led.map(|led| (led, spread)));
            let quarters = intraday::bars(&mut rng, level, &points, shape);
            let bars = intraday::hours_of(&quarters);
            if keep {
                series.quarters.extend(quarters.into_iter().enumerate().map(|(quarter, bar)| (index, quarter, bar)));
            }
            bars
        } else {
            let points = intraday::walk(&mut rng, *total, shape.sigma, if has_hours { hours } else { 2 });
            intraday::bars(&mut rng, level, &points, shape)
        };
        spread += apart;
        if let Some(day) = intraday::merged(&bars) {
            series.days.push(day);
        }
        if keep {
            series.hours.extend(session.hours().zip(&bars).map(|(hour, bar)| (index, hour, *bar)));
        }
        level = close;
    }
    series
}

/// Dividends fall on the first session from `day` of the last month of each quarter.
fn is_ex_date(before: Date, today: Date, day: i8) -> bool {
    let due = |date: Date| date.month() % 3 == 0 && day <= date.day();
    due(today) && !(due(before) && before.month() == today.month() && before.year() == today.year())
}

/// Daily returns whose variance follows a GARCH(1,1) process around `sigma` squared.
fn clustered(rng: &mut Xoshiro256PlusPlus, n: usize, sigma: f64, growth: f64) -> Vec<f64> {
    let long_run = sigma * sigma;
    let mut variance = long_run;
    (0..n)
        .map(|_| {
            let shock = variance.sqrt() * normal(rng);
            variance = long_run * (1.0 - SHOCK - MEMORY) + SHOCK * shock * shock + MEMORY * variance;
            growth + shock
        })
        .collect()
}

/// Prices are quoted in cents, one cent at least.
pub(super) fn cents(price: f64) -> f64 {
    ((price * 100.0).round() / 100.0).max(0.01)
}

pub(super) fn normal(rng: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(rng)
}

/// An independent generator per name (FNV-1a of the name mixed with the seed).
pub(super) fn stream(seed: u64, name: &str) -> Xoshiro256PlusPlus {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    Xoshiro256PlusPlus::seed_from_u64(hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
