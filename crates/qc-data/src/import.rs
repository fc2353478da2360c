//! A user's table becomes part of a LEAN folder in one call, in LEAN's own layout.
//!
//! Nothing is ever replaced: when a file that would be written exists, nothing at all is written. Prices of shares are
//! stored in ten-thousandths, as LEAN stores them; what that rounds is counted. No factor file is written, so prices are
//! used as they are and every answer says that they are not adjusted by the folder.

use crate::error::{Error, Result};
use crate::folder::DataFolder;
use crate::history::Field;
use crate::symbol::{Market, Resolution, SecurityType, SymbolQuery, check_name};
use crate::table::Table;
use crate::time::{DAY, HOUR, LocalTime, MINUTE, SECOND};
use crate::write::{HoursEntry, LeanWriter, TradeBar};
use jiff::civil::Date;
use serde::Serialize;

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
    /// Prices that were rounded to ten-thousandths.
    pub rounded: usize,
    /// Day of the first bar.
    pub first: Option<Date>,
    /// Day of the last bar.
    pub last: Option<Date>,
}

impl DataFolder {
    /// Writes a table as bars of this folder.
    ///
    /// A column `close` is needed for each symbol; open, high and low are the close and volume is zero where the table
    /// does not have them. A folder without market-hours database gets one: US share hours by rule, crypto always open.
    ///
    /// # Errors
    /// [`Error::Io`] when a file exists already or cannot be written; [`Error::Unsupported`] for a step of time that
    /// LEAN does not store, for prices below zero, or for a security type other than equity, crypto and index;
    /// [`Error::BadName`] for a symbol that cannot be a file name.
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
        let writer = LeanWriter::from_dir(self.dir()?);
        let mut notes = Vec::new();
        let symbols: Vec<String> = table.symbols().iter().map(|symbol| symbol.trim().to_ascii_uppercase()).collect();
        for symbol in &symbols {
            check_name("symbol", &symbol.to_ascii_lowercase())?;
            let place = target(kind, &market, &symbol.to_ascii_lowercase(), resolution);
            if self.stamp(&place)?.is_some() {
                return Err(Error::Io { file: place, reason: "it exists already and is never replaced".into() });
            }
        }
        if self.stamp(crate::hours::FILE)?.is_none() {
            let crypto = ["coinbase", "binance", "bitfinex", "kraken"];
            let mut entries = vec![HoursEntry::us_equity(1990, 2060)];
            entries.push(HoursEntry { security_type: SecurityType::Index, ..HoursEntry::us_equity(1990, 2060) });
            entries.extend(crypto.map(|market| HoursEntry::always_open(SecurityType::Crypto, market)));
            writer.market_hours(&entries)?;
            notes.push(
                "the folder had no market-hours database; one was written with US hours and holidays by rule"
                    .to_owned(),
            );
        }
        let mut all: Vec<(String, Vec<TradeBar>, ImportedSymbol)> = Vec::new();
        for (symbol, ticker) in table.symbols().into_iter().zip(&symbols) {
            let query = SymbolQuery::Ticker {
                ticker: ticker.clone(),
                security_type: kind,
                market: Some(market.to_string()),
                date: None,
            };
            let hours = self.hours(&self.resolve(&query)?)?;
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
                let cell = |column: Option<&[f64]>, otherwise: f64| {
                    column.and_then(|column| column.get(row)).copied().filter(|v| !v.is_nan()).unwrap_or(otherwise)
                };
                let local = match &table.time_zone {
                    // A day is a day on any clock.
                    Some(zone) if resolution != Resolution::Daily => {
                        hours.data_zone.local(crate::time::Zone::new(zone).to_utc(*at))
                    }
                    _ => *at,
                };
                let start = match (resolution, options.stamp) {
                    (Resolution::Daily, _) => LocalTime(i64::from(local.day()) * DAY),
                    (_, Stamp::Start) => local,
                    (_, Stamp::End) => LocalTime(local.0 - resolution.nanos()),
                };
                if *close < 0.0 {
                    return Err(Error::Unsupported { what: "a price below zero".into(), by: ticker.clone() });
                }
                let bar = TradeBar {
                    time: start,
                    open: cell(open, *close),
                    high: cell(high, *close),
                    low: cell(low, *close),
                    close: *close,
                    volume: cell(volume, 0.0),
                };
                told.on_closed_days += usize::from(!hours.is_date_open(start.day(), false));
                let exact = |price: f64| (price * 1e4 - (price * 1e4).round()).abs() < 1e-6;
                told.rounded += usize::from(kind == SecurityType::Equity && !exact(*close));
                bars.push(bar);
            }
            told.rows = bars.len();
            told.first = bars.first().map(|bar| bar.time.date());
            told.last = bars.last().map(|bar| bar.time.date());
            all.push((ticker.clone(), bars, told));
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
