//! Tables beside the prices, in the layouts in which they are published: facts about the companies by the day they were
//! known, five factors as Ken French's library writes them, quality minus junk as AQR does. All follow from the prices
//! and the seed; none is real.

use std::fmt::Write as _;
use std::path::Path;

use jiff::civil::{Date, date};

use super::listings::Listing;
use super::prices::{Series, normal, stream};
use super::{FIRST_DAY, LAST_DAY, Market};
use crate::error::{Error, Result};

/// Facts by the day they were known: symbol, available_date, sector, market_cap, book_to_market, profitability, investment.
pub const ATTRIBUTES: &str = "tables/attributes.csv";
/// Daily factors in percent: Mkt-RF, SMB, HML, RMW, CMA, RF.
pub const FIVE_FACTORS: &str = "tables/five_factors_daily.csv";
/// Daily quality minus junk, as fractions: USA, Global.
pub const QUALITY: &str = "tables/qmj_daily.csv";

/// Return of a day without risk.
const DAILY_RATE: f64 = 0.000_08;
/// A share of the companies that makes one end of a factor.
const END: usize = 3;

/// What a company reported for a year.
#[derive(Debug, Clone, Copy)]
struct Facts {
    available: Date,
    market_cap: f64,
    book_to_market: f64,
    profitability: f64,
    investment: f64,
}

/// Writes the three tables below `dir`.
pub(super) fn write(dir: &Path, market: &Market) -> Result<()> {
    let known: Vec<(&Series, Vec<Facts>)> = market
        .series
        .iter()
        .filter(|series| !series.listing.is_fund())
        .map(|series| (series, reports(market, series)))
        .collect();
    for (name, text) in [
        (ATTRIBUTES, attributes(&known)),
        (FIVE_FACTORS, five_factors(market, &known)),
        (QUALITY, quality(market, &known)),
    ] {
        let path = dir.join(name);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        written.map_err(|source| Error::File { path, source })?;
    }
    Ok(())
}

/// One report a year: of the first day, and of each year's end on some day of the February after it.
fn reports(market: &Market, series: &Series) -> Vec<Facts> {
    let listing = series.listing;
    let mut rng = stream(market.seed, &format!("{} reports", listing.ticker));
    let mut book = 0.35 * (0.7 * normal(&mut rng)).exp() * capital(series, 0, FIRST_DAY);
    let profitability = 0.25 + 0.12 * normal(&mut rng);
    let investment = 0.08 + 0.06 * normal(&mut rng);
    let mut facts = Vec::new();
    for year in FIRST_DAY.year()..=LAST_DAY.year() {
        let late = 10 + (normal(&mut rng).abs() * 5.0).min(17.0) as i8;
        let day = if year == FIRST_DAY.year() { FIRST_DAY } else { date(year, 2, late) };
        let at = market.sessions.partition_point(|session| session.date < day);
        if series.days.len() <= at {
            break;
        }
        let market_cap = capital(series, at.saturating_sub(1), day);
        facts.push(Facts {
            available: day,
            market_cap,
            book_to_market: book / market_cap,
            profitability: profitability + 0.02 * normal(&mut rng),
            investment: investment + 0.02 * normal(&mut rng),
        });
        book *= (0.05 + 0.04 * normal(&mut rng)).exp();
    }
    facts
}

/// Dollars all shares are worth at the close of a session; on `day` the splits up to it have happened.
fn capital(series: &Series, session: usize, day: Date) -> f64 {
    let later: f64 = series.listing.splits.iter().filter(|(ex, _)| day < *ex).map(|(_, ratio)| ratio).product();
    series.days.get(session).map_or(0.0, |bar| bar.close) * series.listing.shares * 1e6 / later
}

fn attributes(known: &[(&Series, Vec<Facts>)]) -> String {
    let mut text = String::from("symbol,available_date,sector,market_cap,book_to_market,profitability,investment\n");
    for (series, facts) in known {
        for fact in facts {
            let Listing { ticker, sector, .. } = series.listing;
            let _ = writeln!(
                text,
                "{ticker},{},{sector:?},{:.0},{:.4},{:.4},{:.4}",
                fact.available, fact.market_cap, fact.book_to_market, fact.profitability, fact.investment
            );
        }
    }
    text
}

/// Total return of a series on a session.
fn total_return(market: &Market, series: &Series, session: usize) -> Option<f64> {
    let yesterday = session.checked_sub(1)?;
    let (before, now) = (series.days.get(yesterday)?, series.days.get(session)?);
    let last_before = market.sessions.get(yesterday)?.date;
    let overnight = series.actions.iter().filter(|action| action.last_before == last_before);
    let (paid, split) =
        overnight.fold((0.0, 1.0), |(paid, split), action| (paid + action.dividend, split * action.split));
    Some((now.close * split + paid) / before.close - 1.0)
}

/// Mean return of the third with the largest figures less that of the third with the smallest, by what was known.
fn spread(
    market: &Market,
    known: &[(&Series, Vec<Facts>)],
    (day, session): (Date, usize),
    wanted: impl Fn(&Listing) -> bool,
    figure: impl Fn(&Facts) -> f64,
) -> f64 {
    let mut all: Vec<(f64, f64)> = known
        .iter()
        .filter(|(series, _)| wanted(series.listing))
        .filter_map(|(series, facts)| {
            let fact = facts.iter().rev().find(|fact| fact.available < day)?;
            Some((figure(fact), total_return(market, series, session)?))
        })
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = all.len() / END;
    let mean = |part: &[(f64, f64)]| part.iter().map(|(_, change)| change).sum::<f64>() / part.len().max(1) as f64;
    match (all.get(..n), all.get(all.len() - n..)) {
        (Some(low), Some(high)) if 0 < n => mean(high) - mean(low),
        _ => 0.0,
    }
}

fn five_factors(market: &Market, known: &[(&Series, Vec<Facts>)]) -> String {
    let mut text = String::from(
        "This file was drawn by a generator in the layout of a published library; no number in it is real.\nMissing data are indicated by -99.99 or -999.\n\n,Mkt-RF,SMB,HML,RMW,CMA,RF\n",
    );
    let home = |listing: &Listing| listing.belongs_to(super::listings::Holds::Home);
    let index = market.series.iter().find(|series| series.listing.ticker == "SPY");
    for (session, day) in market.sessions.iter().map(|session| session.date).enumerate().skip(1) {
        let at = (day, session);
        let whole = index.and_then(|index| total_return(market, index, session)).unwrap_or(0.0);
        let of = |figure: fn(&Facts) -> f64| spread(market, known, at, home, figure);
        let row = [
            whole - DAILY_RATE,
            of(|fact| -fact.market_cap),
            of(|fact| fact.book_to_market),
            of(|fact| fact.profitability),
            of(|fact| -fact.investment),
            DAILY_RATE,
        ];
        let _ = write!(text, "{}", day.strftime("%Y%m%d"));
        for value in row {
            let _ = write!(text, ", {:7.4}", value * 100.0);
        }
        text.push('\n');
    }
    text.push_str("\nDrawn from the seed of the market.\n");
    text
}

fn quality(market: &Market, known: &[(&Series, Vec<Facts>)]) -> String {
    let mut text = String::from(
        "Quality minus junk: drawn by a generator in the layout of a published data set; no number in it is real.\n\nDATE,USA,Global\n",
    );
    let figure = |fact: &Facts| fact.profitability - fact.investment;
    for (session, day) in market.sessions.iter().map(|session| session.date).enumerate().skip(1) {
        let home =
            spread(market, known, (day, session), |listing| listing.belongs_to(super::listings::Holds::Home), figure);
        let world = spread(market, known, (day, session), |_| true, figure);
        let _ = writeln!(text, "{},{home:.6},{world:.6}", day.strftime("%m/%d/%Y"));
    }
    text
}
