//! Universes by day: the members of an exchange traded fund, and coarse fundamentals of all shares.
//!
//! A file of day D is known to the market at the beginning of day D + 1; on open days without a file the last one
//! is repeated. Source: LEAN, `Common/Data/UniverseSelection/ETFConstituentUniverse.cs`,
//! `Common/Data/Fundamental/..`, `QuantBook.UniverseHistory`.

use crate::error::{Error, Result};
use crate::folder::DataFolder;
use crate::history::Window;
use crate::lines::{parse_lines, read, word};
use crate::maps::{Claim, is_ticker, parse_day};
use crate::sid::Sid;
use crate::symbol::{Market, Resolution, Security, SecurityType, SymbolQuery, check_name};
use crate::time::{DAY, LocalTime, date_of_day};
use crate::write::{Constituent, digits};
use jiff::civil::Date;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

/// What was known about a universe at the beginning of a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection<T> {
    /// From when it was known, on the exchange's clock: midnight after the day of the file.
    pub time: LocalTime,
    /// Day of the file.
    pub file_date: Date,
    /// Repeated from an earlier file because the day has none.
    pub is_filled: bool,
    /// The members.
    pub members: Arc<Vec<T>>,
}

/// What the coarse file of a day says of one share.
#[derive(Debug, Clone, PartialEq)]
pub struct Coarse {
    /// LEAN's identifier.
    pub sid: Sid,
    /// Ticker of the day.
    pub ticker: String,
    /// Close as traded.
    pub price: f64,
    /// Shares traded.
    pub volume: f64,
    /// Value traded, in dollars.
    pub dollar_volume: f64,
    /// Whether QuantConnect has company data of the share.
    pub has_fundamental_data: bool,
    /// Dividends' factor of the day; 1 in old files.
    pub price_factor: f64,
    /// Splits' factor of the day; 1 in old files.
    pub split_factor: f64,
}

/// A member of a named universe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Ticker of the day.
    pub ticker: String,
    /// LEAN's identifier.
    pub sid: Sid,
}

impl Coarse {
    /// The close scaled for splits and dividends.
    pub fn adjusted_price(&self) -> f64 {
        self.price * self.price_factor * self.split_factor
    }
}

/// The members of a fund for every open day of a window, until its delisting.
///
/// # Errors
/// Damaged files, an empty window, [`Error::Unsupported`] for a window by periods.
pub fn etf_history(folder: &DataFolder, etf: &Security, window: Window) -> Result<Vec<Collection<Constituent>>> {
    folder.look_again();
    let (names, map) = (folder.names(etf)?, folder.map_file(etf)?);
    let base = format!("equity/{}/universes/etf", etf.market);
    collections(folder, etf, (window, map.listed_days()), |day| {
        let date = date_of_day(day);
        let ticker = map.ticker_on(date, None).map_or(etf.sid.symbol(), |ticker| ticker).to_ascii_lowercase();
        // After its delisting a fund's ticker may be another fund's.
        if names.claim(&ticker, date).is_none() {
            return Ok(None);
        }
        let path = format!("{base}/{ticker}/{}.csv", digits(date));
        read(folder, &path, parse_constituents)
    })
}

/// The last members of a fund that were known at the beginning of a day; `None` if there is no earlier file.
///
/// # Errors
/// Damaged files.
pub fn etf_on(folder: &DataFolder, etf: &Security, day: Date) -> Result<Option<Collection<Constituent>>> {
    folder.look_again();
    let names = folder.names(etf)?;
    let mut latest: Option<(Date, Claim, String)> = None;
    for name in names.all() {
        let base = format!("equity/{}/universes/etf/{name}", etf.market);
        for file in folder.list(&base)? {
            let Some(date) = file.strip_suffix(".csv").and_then(parse_day).filter(|date| *date < day) else { continue };
            let Some(claim) = names.claim(name, date) else { continue };
            if latest.as_ref().is_none_or(|(known, by, _)| (*known, *by) < (date, claim)) {
                latest = Some((date, claim, format!("{base}/{file}")));
            }
        }
    }
    let Some((file_date, _, path)) = latest else { return Ok(None) };
    let Some(members) = read(folder, &path, parse_constituents)? else { return Ok(None) };
    let time = LocalTime(LocalTime::midnight(file_date).0 + DAY);
    Ok(Some(Collection { time, file_date, is_filled: file_date.tomorrow().is_ok_and(|known| known < day), members }))
}

impl DataFolder {
    /// The funds of a market whose members the folder holds, upper case, sorted: names of folders.
    ///
    /// # Errors
    /// An unusable name of a market, a folder that cannot be listed.
    pub fn funds(&self, market: &str) -> Result<Vec<String>> {
        let names = self.list(&format!("equity/{}/universes/etf", Market::new(market)?))?;
        // What is no ticker is no fund: files of the system, notes.
        Ok(names.iter().filter(|name| is_ticker(name)).map(|name| name.to_ascii_uppercase()).collect())
    }
}

/// Coarse fundamentals of all US shares for every open day of a window.
///
/// # Errors
/// Damaged files, an empty window, [`Error::Unsupported`] for a window by periods.
pub fn coarse_history(folder: &DataFolder, window: Window) -> Result<Vec<Collection<Coarse>>> {
    let any = folder.resolve(&"SPY".into())?;
    collections(folder, &any, (window, EVER), |day| {
        let path = format!("equity/usa/fundamental/coarse/{}.csv", digits(date_of_day(day)));
        read(folder, &path, parse_coarse)
    })
}

/// What the coarse files of a window say of one share, day by day; no more than one day is held at a time.
///
/// When `go_on` answers no, reading ends and the rows so far are the answer.
///
/// # Errors
/// As [`coarse_history`].
pub(crate) fn coarse_of(
    folder: &DataFolder,
    sid: &Sid,
    window: Window,
    go_on: &dyn Fn() -> bool,
) -> Result<Vec<(LocalTime, Coarse)>> {
    let any = folder.resolve(&"SPY".into())?;
    let mut rows = Vec::new();
    let read = |day| {
        let path = format!("equity/usa/fundamental/coarse/{}.csv", digits(date_of_day(day)));
        read(folder, &path, parse_coarse)
    };
    each(folder, &any, (window, EVER), read, |day| {
        if !day.is_filled
            && let Some(row) = day.members.iter().find(|row| row.sid == *sid)
        {
            rows.push((day.time, row.clone()));
        }
        if go_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}

/// The members of a named universe (`equity/{market}/universes/{resolution}/{name}`) for every open day of a window.
///
/// A file with `NONE,NONE 0` says that nothing is selected.
///
/// # Errors
/// Damaged files, unusable names, an empty window, [`Error::Unsupported`] for a window by periods.
pub fn constituent_history(
    folder: &DataFolder,
    market: &str,
    resolution: Resolution,
    name: &str,
    window: Window,
) -> Result<Vec<Collection<Member>>> {
    let market = Market::new(market)?;
    let name = name.trim().to_ascii_lowercase();
    check_name("universe", &name)?;
    let any = folder.resolve(&SymbolQuery::Ticker {
        ticker: "SPY".to_owned(),
        security_type: SecurityType::Equity,
        market: Some(market.to_string()),
        date: None,
    })?;
    collections(folder, &any, (window, EVER), |day| {
        let path = format!("equity/{market}/universes/{resolution}/{name}/{}.csv", digits(date_of_day(day)));
        read(folder, &path, parse_members)
    })
}

/// The days of what is never delisted.
const EVER: RangeInclusive<i32> = i32::MIN..=i32::MAX;

/// One collection for each open day whose midnight after lies in the window, missing files repeated within `listed`.
fn collections<T>(
    folder: &DataFolder,
    security: &Security,
    asked: (Window, RangeInclusive<i32>),
    read: impl Fn(i32) -> Result<Option<Arc<Vec<T>>>>,
) -> Result<Vec<Collection<T>>> {
    let mut out = Vec::new();
    each(folder, security, asked, read, |collection| {
        out.push(collection);
        ControlFlow::Continue(())
    })?;
    Ok(out)
}

/// As [`collections`], handing one after the other to `take` until that breaks.
fn each<T>(
    folder: &DataFolder,
    security: &Security,
    (window, listed): (Window, RangeInclusive<i32>),
    read: impl Fn(i32) -> Result<Option<Arc<Vec<T>>>>,
    mut take: impl FnMut(Collection<T>) -> ControlFlow<()>,
) -> Result<()> {
    window.check()?;
    let hours = folder.hours(security)?;
    let (start, end) = match window {
        // Universes of shares keep New York's clock, as QuantBook does.
        Window::Range { start, end } => (LocalTime::from_datetime(start), LocalTime::from_datetime(end)),
        Window::Dates { first, last } => {
            let (from, to) = (LocalTime::midnight(first).0, LocalTime::midnight(last).0);
            (LocalTime(from.saturating_sub(1)), LocalTime(to.saturating_add(DAY - 1)))
        }
        Window::Periods { .. } => {
            return Err(Error::Unsupported { what: "a number of periods".into(), by: "universes".into() });
        }
    };
    let mut last: Option<(i32, Arc<Vec<T>>)> = None;
    // A file known exactly at the start is not given, but may be repeated.
    for day in start.day() - 1..end.day() {
        let time = LocalTime::of_day_number(day + 1);
        if time < start || !listed.contains(&day) || !hours.is_date_open(day, false) {
            continue;
        }
        let found = read(day)?;
        let is_filled = found.is_none();
        if let Some(members) = found {
            last = Some((day, members));
        }
        if let (Some((file_day, members)), true) = (&last, start < time && time <= end) {
            let one = Collection { time, file_date: date_of_day(*file_day), is_filled, members: members.clone() };
            if take(one).is_break() {
                break;
            }
        }
    }
    Ok(())
}

/// `ticker,SID,last_update,weight,shares_held,market_value`, the last four optional.
fn parse_constituents(path: &str, text: &str) -> Result<Vec<Constituent>> {
    parse_lines(path, text, |cells| {
        let ticker = word(cells).ok_or("a ticker")?;
        let sid: Sid = word(cells).and_then(|text| text.parse().ok()).ok_or("a security identifier")?;
        let last_update = match word(cells) {
            None => None,
            Some(day) => Some(parse_day(&day).ok_or("a date YYYYMMDD")?),
        };
        Ok(Constituent {
            ticker,
            sid: sid.to_string(),
            last_update,
            weight: cells.optional(0)?,
            shares_held: cells.optional(0)?,
            market_value: cells.optional(0)?,
        })
    })
}

/// `ticker,SID`; `NONE,NONE 0` stands for nobody.
fn parse_members(path: &str, text: &str) -> Result<Vec<Member>> {
    let rows = parse_lines(path, text, |cells| {
        let ticker = word(cells).ok_or("a ticker")?;
        let sid = word(cells).ok_or("a security identifier")?;
        if sid == "NONE 0" {
            return Ok(None);
        }
        Ok(Some(Member { ticker, sid: sid.parse().map_err(|_| "a security identifier")? }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// `SID,ticker,close,volume,dollar volume[,has fundamental data[,price factor,split factor]]`.
fn parse_coarse(path: &str, text: &str) -> Result<Vec<Coarse>> {
    parse_lines(path, text, |cells| {
        let sid: Sid = word(cells).and_then(|text| text.parse().ok()).ok_or("a security identifier")?;
        Ok(Coarse {
            sid,
            ticker: word(cells).ok_or("a ticker")?,
            price: cells.number(0)?,
            volume: cells.number(0)?,
            dollar_volume: cells.number(0)?,
            has_fundamental_data: word(cells).is_some_and(|word| word.eq_ignore_ascii_case("true")),
            price_factor: cells.optional(0)?.unwrap_or(1.0),
            split_factor: cells.optional(0)?.unwrap_or(1.0),
        })
    })
}
