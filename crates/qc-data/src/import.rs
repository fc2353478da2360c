//! A user's table becomes part of a LEAN folder in one call, in LEAN's own layout.
//!
//! Nothing is ever replaced: when a file that would be written exists, nothing at all is written. Prices of shares are
//! stored in ten-thousandths, as LEAN stores them; what that rounds is counted. No factor file is written, so prices are
//! used as they are and every answer says that they are not adjusted by the folder.

use crate::error::{Error, Result};
use crate::folder::DataFolder;
use crate::history::Field;
use crate::hours::HoursDatabase;
use crate::maps::is_ticker;
use crate::symbol::{Market, Resolution, SecurityType, check_name};
use crate::table::Table;
use crate::time::{DAY, HOUR, LocalTime, MINUTE, SECOND, Zone};
use crate::write::{HoursEntry, LeanWriter, TradeBar};
use jiff::civil::Date;
use serde::Serialize;
use std::sync::Arc;

/// What the time of a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stamp {
    /// The beginning of the bar, as most providers write it.
    #[default]
    Start,
    /// Its end.
    End,
}

/// How to import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Shares unless said otherwise; crypto and indices are possible too.
    pub security_type: SecurityType,
    /// The type's usual market unless said otherwise.
    pub market: Option<String>,
    /// Step of the bars; found from the times when not said.
    pub resolution: Option<Resolution>,
    /// What the times of intraday rows mean.
    pub stamp: Stamp,
}

impl Default for ImportOptions {
    fn default() -> ImportOptions {
        ImportOptions { security_type: SecurityType::Equity, market: None, resolution: None, stamp: Stamp::Start }
    }
}

/// What was written.
#[derive(Debug, Clone, Serialize)]
pub struct Imported {
    /// Step of the bars.
    pub resolution: Resolution,
    /// Type of the securities.
    pub security_type: SecurityType,
    /// Their market.
    pub market: Market,
    /// One for each symbol of the table.
    pub symbols: Vec<ImportedSymbol>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// What was written of one symbol.
#[derive(Debug, Clone, Serialize)]
pub struct ImportedSymbol {
    /// The ticker.
    pub ticker: String,
    /// Bars written.
    pub rows: usize,
    /// Rows of the table without a price.
    pub without_price: usize,
    /// Bars on days on which the exchange is closed by the folder's calendar; LEAN does not show them.
    pub on_closed_days: usize,
    /// Bars with a price that was rounded to ten-thousandths.
    pub rounded: usize,
    /// Day of the first bar.
    pub first: Option<Date>,
    /// Day of the last bar.
    pub last: Option<Date>,
}

impl DataFolder {
    /// Writes a table as bars of this folder.
    ///
    /// A column `close` is needed for each symbol; where the table does not have them the open is the close, high and low
    /// are the highest and lowest of what there is, and volume is zero. A folder without market-hours database gets one: US
    /// share hours by rule, crypto always open.
    ///
    /// # Errors
    /// [`Error::Io`] when a file exists already or cannot be written; [`Error::Unsupported`] for a step of time that
    /// LEAN does not store, for rows that do not begin where a bar of that step begins or that stand for longer bars (they
    /// would be shown before they were known), for bars that cannot be (a price or volume below zero, a high below another
    /// price), or for a security type other than equity, crypto and index; [`Error::BadName`] for a symbol that cannot be a
    /// file name. Nothing is written then.
    pub fn import(&self, table: &Table, options: &ImportOptions) -> Result<Imported> {
        let kind = options.security_type;
        if !matches!(kind, SecurityType::Equity | SecurityType::Crypto | SecurityType::Index) {
            return Err(Error::Unsupported { what: "an import".into(), by: kind.to_string() });
        }
        let market = Market::new(options.market.as_deref().unwrap_or(kind.default_market()))?;
        let resolution = match options.resolution {
            Some(resolution) => resolution,
            None => step(table)?,
        };
        if resolution == Resolution::Tick {
            return Err(Error::Unsupported { what: "an import of ticks".into(), by: "tables, which hold bars".into() });
        }
        let symbols: Vec<String> = table.symbols().iter().map(|symbol| symbol.trim().to_ascii_uppercase()).collect();
        for symbol in &symbols {
            check_name("symbol", &symbol.to_ascii_lowercase())?;
            // Later errors name it, so it is a ticker and no sentence.
            if symbol.contains(' ') || !is_ticker(symbol) {
                let reason = "it is no ticker of one word of at most 20 characters";
                return Err(Error::BadName { what: "symbol", name: crate::error::shown(symbol), reason });
            }
        }
        let mut notes = Vec::new();
        check_step(table, resolution, &mut notes)?;
        let writer = LeanWriter::from_dir(self.dir()?);
        for symbol in &symbols {
            let place = target(kind, &market, &symbol.to_ascii_lowercase(), resolution);
            if self.stamp(&place)?.is_some() {
                return Err(Error::Io { file: place, reason: "it exists already and is never replaced".into() });
            }
        }
        let own_hours = self.stamp(crate::hours::FILE)?.is_none().then(usual_hours);
        let database = match &own_hours {
            Some(entries) => Arc::new(HoursDatabase::new(HoursEntry::database(entries))?),
            None => self.hours_database()?,
        };
        let daily = table.is_daily();
        let clock = table.time_zone.as_ref().map(Zone::new);
        let mut all: Vec<(String, Vec<TradeBar>, ImportedSymbol)> = Vec::new();
        for (symbol, ticker) in table.symbols().into_iter().zip(&symbols) {
            let hours = database.hours(kind, market.as_str(), ticker)?;
            let close = table.column(symbol, "close").ok_or_else(|| Error::BadName {
                what: "symbol",
                name: crate::error::shown(symbol),
                reason: "the table has no column close for it",
            })?;
            let field = |field: Field| table.column(symbol, field.name());
            let (open, high, low, volume) =
                (field(Field::Open), field(Field::High), field(Field::Low), field(Field::Volume));
            let mut told = ImportedSymbol {
                ticker: ticker.clone(),
                rows: 0,
                without_price: 0,
                on_closed_days: 0,
                rounded: 0,
                first: None,
                last: None,
            };
            let mut bars = Vec::with_capacity(close.len());
            for (row, (at, close)) in table.times.iter().zip(close).enumerate() {
                if close.is_nan() {
                    told.without_price += 1;
                    continue;
                }
                let cell = |column: Option<&[f64]>| {
                    column.and_then(|column| column.get(row)).copied().filter(|value| !value.is_nan())
                };
                let prices = Prices { open: cell(open), high: cell(high), low: cell(low), close: *close };
                let local = match &clock {
                    // A day is a day on any clock; a moment that stands for one lies in a day of the exchange's clock.
                    Some(zone) if !(resolution == Resolution::Daily && daily) => {
                        hours.data_zone.local(zone.to_utc(*at))
                    }
                    _ => *at,
                };
                let start = match (resolution, options.stamp) {
                    (Resolution::Daily, _) => LocalTime::of_day_number(local.day()),
                    (_, Stamp::Start) => local,
                    (_, Stamp::End) => LocalTime(local.0 - resolution.nanos()),
                };
                if start.of_day() % resolution.nanos() != 0 {
                    let what = format!("a bar that begins at {start}");
                    let by = format!("{ticker}: {resolution} bars begin on the full {resolution} of the data's clock");
                    return Err(Error::Unsupported { what, by });
                }
                let impossible = |reason: &str| Error::Unsupported {
                    what: format!("a bar of {ticker} at {at} with {reason}"),
                    by: "an import".to_owned(),
                };
                let bar = prices.bar(start, cell(volume).unwrap_or(0.0)).map_err(impossible)?;
                told.on_closed_days += usize::from(!hours.is_date_open(start.day(), false));
                let exact = |price: &f64| (price * 1e4 - (price * 1e4).round()).abs() < 1e-6;
                let all_exact = [bar.open, bar.high, bar.low, bar.close].iter().all(exact);
                told.rounded += usize::from(kind == SecurityType::Equity && !all_exact);
                bars.push(bar);
            }
            if let Some([_, again]) = bars.windows(2).find(|pair| matches!(pair, [a, b] if b.time <= a.time)) {
                let what = format!("a second bar of {ticker} at {}", again.time);
                return Err(Error::Unsupported { what, by: "an import".to_owned() });
            }
            told.rows = bars.len();
            told.first = bars.first().map(|bar| bar.time.date());
            told.last = bars.last().map(|bar| bar.time.date());
            all.push((ticker.clone(), bars, told));
        }
        if let Some(entries) = own_hours {
            writer.market_hours(&entries)?;
            notes.push(
                "the folder had no market-hours database; one was written with US hours and holidays by rule"
                    .to_owned(),
            );
        }
        let mut out = Vec::with_capacity(all.len());
        for (ticker, bars, told) in all {
            writer.trade_bars(kind, market.as_str(), &ticker, resolution, &bars)?;
            out.push(told);
        }
        if out.iter().any(|symbol| 0 < symbol.rounded) {
            notes.push("LEAN stores share prices in ten-thousandths; finer prices were rounded".to_owned());
        }
        if out.iter().any(|symbol| 0 < symbol.on_closed_days) {
            notes.push("rows on days on which the exchange is closed are stored but never shown".to_owned());
        }
        Ok(Imported { resolution, security_type: kind, market, symbols: out, notes })
    }
}

/// The hours of a folder that has none.
fn usual_hours() -> Vec<HoursEntry> {
    let crypto = ["coinbase", "binance", "bitfinex", "kraken"];
    let mut entries = vec![HoursEntry::us_equity(1990, 2060)];
    entries.push(HoursEntry { security_type: SecurityType::Index, ..HoursEntry::us_equity(1990, 2060) });
    entries.extend(crypto.map(|market| HoursEntry::always_open(SecurityType::Crypto, market)));
    entries
}

/// The prices of a row.
struct Prices {
    open: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    close: f64,
}

/// Prices that other programs adjusted differ in their last digits; this much of a price is no contradiction.
const NEARLY: f64 = 1e-6;

impl Prices {
    /// The bar, if there can be such a bar.
    fn bar(&self, time: LocalTime, volume: f64) -> Result<TradeBar, &'static str> {
        let close = self.close;
        let open = self.open.unwrap_or(close);
        let given = [Some(open), self.high, self.low, Some(close)].into_iter().flatten();
        let (lowest, highest) =
            given.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), price| (low.min(price), high.max(price)));
        if !lowest.is_finite() || !highest.is_finite() {
            return Err("a price that is not finite");
        }
        if lowest < 0.0 {
            return Err("a price below zero");
        }
        if self.high.is_some_and(|high| high < highest - highest * NEARLY) {
            return Err("a high below another price");
        }
        if self.low.is_some_and(|low| lowest + lowest * NEARLY < low) {
            return Err("a low above another price");
        }
        if !volume.is_finite() || volume < 0.0 {
            return Err("a volume below zero or not finite");
        }
        Ok(TradeBar { time, open, high: highest, low: lowest, close, volume })
    }
}

/// Refuses rows that stand for longer bars than they would be stored as: the end of such a bar was not known yet.
///
/// Two things tell: a step beyond the resolution that divides all times, and one that most rows of a symbol keep within
/// their days, so that a row off the beat hides nothing.
fn check_step(table: &Table, resolution: Resolution, notes: &mut Vec<String>) -> Result<()> {
    let apart = table.times.windows(2).filter_map(|pair| match pair {
        [a, b] => Some(b.0 - a.0),
        _ => None,
    });
    let shared = apart.clone().fold(0, greatest_common_divisor);
    let n_rows = table.n_rows();
    if n_rows < 3 {
        return Ok(());
    }
    if resolution == Resolution::Daily {
        let days = apart.min().unwrap_or(shared) / DAY;
        if resolution.nanos() < shared && 5 <= days {
            notes.push(format!(
                "rows are at least {days} days apart: each is stored as the bar of its own day, so bars of weeks or months must be dated by their last day"
            ));
        }
        return Ok(());
    }
    let usual: Vec<(&str, Usual)> = table
        .columns
        .iter()
        .filter(|column| column.field == Field::Close.name())
        .map(|column| {
            let times = table.times.iter().zip(&column.values).filter(|(_, price)| !price.is_nan()).map(|(at, _)| *at);
            (column.symbol.as_str(), usual_step(times))
        })
        .filter(|(_, usual)| FEW_STEPS <= usual.n_steps)
        .collect();
    let is_longer = |usual: &Usual| usual.step.is_some_and(|step| resolution.nanos() < step);
    let n_longer = usual.iter().filter(|(_, usual)| is_longer(usual)).count();
    let n_judged = usual.len();
    // A share that was hardly traded may look like longer bars by chance; most shares do not, and few do without exception or
    // over many rows.
    let found = usual.iter().find(|(_, usual)| {
        is_longer(usual) && (usual.always || MANY_STEPS <= usual.n_steps || n_judged < 2 * n_longer)
    });
    let longer = match found {
        _ if resolution.nanos() < shared => Some((String::new(), shared)),
        Some((symbol, Usual { step: Some(step), .. })) => Some((format!(" ({})", crate::error::shown(symbol)), *step)),
        _ => None,
    };
    match longer {
        None => Ok(()),
        Some((symbol, step)) => Err(Error::Unsupported {
            what: format!("bars of {} seconds as {resolution} bars{symbol}", step / SECOND),
            by: "an import: each would be shown before it was known".to_owned(),
        }),
    }
}

/// Fewer steps than this say nothing of what is usual.
const FEW_STEPS: usize = 4;
/// So many steps tell it of one symbol alone.
const MANY_STEPS: usize = 50;

/// How far apart the rows of a symbol are within their days.
struct Usual {
    n_steps: usize,
    /// What more than half of them are.
    step: Option<i64>,
    /// Whether all of them are.
    always: bool,
}

/// The step that more than half of the rows keep to the next row of their day; rows that are rarely traded keep none.
fn usual_step(times: impl Iterator<Item = LocalTime>) -> Usual {
    let mut counts: std::collections::HashMap<i64, usize> = std::collections::HashMap::new();
    let (mut before, mut n_steps): (Option<LocalTime>, usize) = (None, 0);
    for at in times {
        if let Some(before) = before.replace(at)
            && before.trading_date() == at.trading_date()
        {
            *counts.entry(at.0 - before.0).or_default() += 1;
            n_steps += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(step, count)| (*count, std::cmp::Reverse(*step)));
    let always = most.is_some_and(|(_, count)| n_steps == count);
    Usual { n_steps, step: most.filter(|(_, count)| n_steps < 2 * count).map(|(step, _)| step), always }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The file or folder that an import would make.
fn target(kind: SecurityType, market: &Market, ticker: &str, resolution: Resolution) -> String {
    let base = format!("{}/{market}/{resolution}", kind.folder());
    match (resolution.one_file(), kind) {
        (true, SecurityType::Crypto) => format!("{base}/{ticker}_trade.zip"),
        (true, _) => format!("{base}/{ticker}.zip"),
        (false, _) => format!("{base}/{ticker}"),
    }
}

/// The step that most rows keep.
fn step(table: &Table) -> Result<Resolution> {
    if table.is_daily() {
        return Ok(Resolution::Daily);
    }
    let mut counts: std::collections::BTreeMap<i64, usize> = std::collections::BTreeMap::new();
    for pair in table.times.windows(2) {
        if let [a, b] = pair {
            *counts.entry(b.0 - a.0).or_default() += 1;
        }
    }
    let usual = counts.into_iter().max_by_key(|(_, count)| *count).map(|(step, _)| step);
    match usual {
        Some(SECOND) => Ok(Resolution::Second),
        Some(MINUTE) => Ok(Resolution::Minute),
        Some(HOUR) => Ok(Resolution::Hour),
        Some(DAY) => Ok(Resolution::Daily),
        Some(other) => Err(Error::Unsupported {
            what: format!("an import of bars of {} seconds", other / SECOND),
            by: "LEAN folders, which hold seconds, minutes, hours and days".into(),
        }),
        None => Err(Error::Unsupported { what: "an import of one intraday row".into(), by: "LEAN folders".into() }),
    }
}
