//! Writes LEAN data folders from bars: demo markets, imported tables, test fixtures.
//!
//! Every file is made new: an existing file is never replaced. The layout is LEAN's own, so LEAN reads it too.
//! Source: LEAN, `Common/Util/LeanData.cs` (`GenerateLine`, `GenerateZipFileName`, `GenerateZipEntryName`).

mod calendar;

pub use calendar::{HoursEntry, OpenDay, Session, SessionState};

use crate::error::{Error, Result};
use crate::folder::{SYNTHETIC_MARKER, io, open_or_make};
use crate::symbol::{Market, Resolution, SecurityType, check_name};
use crate::time::{LocalTime, MINUTE};
use cap_std::fs::{Dir, OpenOptions};
use jiff::civil::Date;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

/// One trade bar to be written. Prices in currency units, volume in shares or contracts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TradeBar {
    /// Beginning of the bar on the data's clock (midnight for a daily bar; hour bars begin on the full hour).
    pub time: LocalTime,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Shares, contracts or coins traded.
    pub volume: f64,
}

/// A row of a map file: `ticker` was used up to and including `date`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapFileRow {
    /// Last day of the ticker; in the first row the first trading day.
    pub date: Date,
    /// The ticker.
    pub ticker: String,
    /// LEAN's letter of the primary exchange: `N`, `P`, `Q`.
    pub exchange: String,
}

/// A row of a factor file: the factors hold up to and including `date`, the last day before the event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FactorFileRow {
    /// Last trading day before the dividend or split takes effect.
    pub date: Date,
    /// Product of all later dividends' factors.
    pub price_factor: f64,
    /// Product of all later splits' factors (0.5 for two new shares for one).
    pub split_factor: f64,
    /// Close of that day, as traded; 0 in the last row.
    pub reference_price: f64,
}

/// A member of an exchange traded fund on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Constituent {
    /// Ticker of the day.
    pub ticker: String,
    /// LEAN's identifier, printed.
    pub sid: String,
    /// Day of the holder's report.
    pub last_update: Option<Date>,
    /// Fraction of the fund (0.05 = five percent).
    pub weight: Option<f64>,
    /// Shares held.
    pub shares_held: Option<f64>,
    /// Value held, in the fund's currency.
    pub market_value: Option<f64>,
}

/// Writes files of a LEAN data folder.
#[derive(Debug)]
pub struct LeanWriter {
    dir: Dir,
}

impl LeanWriter {
    /// Makes the folder if need be and writes into it.
    ///
    /// # Errors
    /// [`Error::Folder`] when it cannot be made or opened.
    pub fn create(path: impl AsRef<Path>) -> Result<LeanWriter> {
        Ok(LeanWriter { dir: open_or_make(path.as_ref())? })
    }

    /// Writes into a folder that somebody else opened.
    pub fn from_dir(dir: Dir) -> LeanWriter {
        LeanWriter { dir }
    }

    /// Says that this market is invented (`synthetic.json`); every answer from the folder will repeat it.
    pub fn synthetic(&self, generator: &str, seed: u64) -> Result<()> {
        let marker = serde_json::json!({ "synthetic": true, "generator": generator, "seed": seed });
        self.file(SYNTHETIC_MARKER, format!("{marker:#}\n").as_bytes())
    }

    /// Writes trade bars of one ticker, ascending: one zip for hour and daily bars, one zip a day for finer ones.
    ///
    /// # Errors
    /// [`Error::BadName`], [`Error::Io`] (also when the file exists), [`Error::Unsupported`] for ticks, for
    /// quote-only types, for bars that are not ascending, and for prices that are not finite or do not fit.
    pub fn trade_bars(
        &self,
        security_type: SecurityType,
        market: &str,
        ticker: &str,
        resolution: Resolution,
        bars: &[TradeBar],
    ) -> Result<()> {
        let market = Market::new(market)?;
        let ticker = ticker.trim().to_ascii_lowercase();
        check_name("symbol", &ticker)?;
        let suffix = match (security_type, resolution) {
            (SecurityType::Equity | SecurityType::Index, Resolution::Hour | Resolution::Daily) => "",
            (SecurityType::Crypto, Resolution::Hour | Resolution::Daily) => "_trade",
            (
                SecurityType::Equity | SecurityType::Index | SecurityType::Crypto,
                Resolution::Minute | Resolution::Second,
            ) => "",
            _ => return Err(unsupported("writing trade bars", format!("{security_type} {resolution}"))),
        };
        if !bars.is_sorted_by(|a, b| a.time < b.time) {
            return Err(unsupported("writing bars that are not ascending", ticker));
        }
        let scale = if security_type == SecurityType::Equity { 10_000.0 } else { 1.0 };
        let base = format!("{}/{market}/{resolution}", security_type.folder());
        if resolution.one_file() {
            let mut text = String::with_capacity(bars.len() * 48);
            for bar in bars {
                let (date, of_day) = (bar.time.date(), bar.time.of_day());
                let (hour, minute) = (of_day / (60 * MINUTE), of_day / MINUTE % 60);
                let _ = write!(text, "{} {hour:02}:{minute:02},", digits(date));
                line(&mut text, bar, scale, &ticker)?;
            }
            return self.zip(&format!("{base}/{ticker}{suffix}.zip"), &format!("{ticker}.csv"), &text);
        }
        for day in bars.chunk_by(|a, b| a.time.day() == b.time.day()) {
            let Some(first) = day.first() else { continue };
            let date = digits(first.time.date());
            let mut text = String::with_capacity(day.len() * 40);
            for bar in day {
                let _ = write!(text, "{},", bar.time.of_day() / 1_000_000);
                line(&mut text, bar, scale, &ticker)?;
            }
            let entry = format!("{date}_{ticker}_{resolution}_trade.csv");
            self.zip(&format!("{base}/{ticker}/{date}_trade.zip"), &entry, &text)?;
        }
        Ok(())
    }

    /// Writes the map file of a company; `permtick` is its last ticker (or `x.1` for an older user of ticker x).
    pub fn map_file(&self, market: &str, permtick: &str, rows: &[MapFileRow]) -> Result<()> {
        let mut text = String::new();
        for row in rows {
            check_name("symbol", &row.ticker)?;
            let _ = write!(text, "{},{}", digits(row.date), row.ticker.to_ascii_lowercase());
            if !row.exchange.is_empty() {
                check_name("exchange", &row.exchange)?;
                let _ = write!(text, ",{}", row.exchange);
            }
            text.push('\n');
        }
        self.company_file(market, "map_files", permtick, &text)
    }

    /// Writes the factor file of a company. The last row must be dated 2050-12-31 with factors 1.
    pub fn factor_file(&self, market: &str, permtick: &str, rows: &[FactorFileRow]) -> Result<()> {
        let mut text = String::new();
        for row in rows {
            let numbers = [row.price_factor, row.split_factor, row.reference_price];
            if !numbers.iter().all(|v| v.is_finite() && 0.0 <= *v) {
                return Err(unsupported("writing factors that are negative or not finite", permtick.to_owned()));
            }
            let plain = |value: f64, decimals| trimmed(value, decimals);
            let _ = writeln!(
                text,
                "{},{},{},{}",
                digits(row.date),
                plain(row.price_factor, 9),
                plain(row.split_factor, 9),
                plain(row.reference_price, 4)
            );
        }
        self.company_file(market, "factor_files", permtick, &text)
    }

    /// Writes the members of a fund on a day (known to the market the day after).
    pub fn etf_constituents(&self, market: &str, etf: &str, date: Date, members: &[Constituent]) -> Result<()> {
        let market = Market::new(market)?;
        let etf = etf.trim().to_ascii_lowercase();
        check_name("symbol", &etf)?;
        let number = |value: Option<f64>| value.filter(|v| v.is_finite()).map_or(String::new(), |v| trimmed(v, 10));
        let mut text = String::new();
        for member in members {
            check_name("symbol", &member.ticker)?;
            let sid: crate::Sid = member.sid.parse()?;
            let _ = writeln!(
                text,
                "{},{sid},{},{},{},{}",
                member.ticker.to_ascii_uppercase(),
                member.last_update.map_or(String::new(), digits),
                number(member.weight),
                number(member.shares_held),
                number(member.market_value)
            );
        }
        self.file(&format!("equity/{market}/universes/etf/{etf}/{}.csv", digits(date)), text.as_bytes())
    }

    /// Writes the market-hours database with these entries.
    pub fn market_hours(&self, entries: &[HoursEntry]) -> Result<()> {
        self.file("market-hours/market-hours-database.json", HoursEntry::database(entries).as_bytes())
    }

    /// Writes the symbol properties of types that need no more than LEAN's defaults for shares.
    pub fn symbol_properties(&self, types: &[(SecurityType, &str)]) -> Result<()> {
        let mut text = String::from(
            "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,lot_size,market_ticker,minimum_order_size,price_magnifier,strike_multiplier\n",
        );
        for (security_type, market) in types {
            let market = Market::new(market)?;
            let _ = writeln!(text, "{market},[*],{security_type},,USD,1,0.01,1");
        }
        self.file("symbol-properties/symbol-properties-database.csv", text.as_bytes())
    }

    /// Writes the short-term interest rate as change points, in percent a year.
    pub fn interest_rate(&self, points: &[(Date, f64)]) -> Result<()> {
        let mut text = String::from("date,rate\n");
        for (date, percent) in points {
            let _ = writeln!(text, "{date},{}", trimmed(*percent, 4));
        }
        self.file("alternative/interest-rate/usa/interest-rate.csv", text.as_bytes())
    }

    fn company_file(&self, market: &str, kind: &str, permtick: &str, text: &str) -> Result<()> {
        let market = Market::new(market)?;
        let permtick = permtick.trim().to_ascii_lowercase();
        check_name("symbol", &permtick)?;
        self.file(&format!("equity/{market}/{kind}/{permtick}.csv"), text.as_bytes())
    }

    fn zip(&self, path: &str, entry: &str, text: &str) -> Result<()> {
        let failed = |_| Error::Damaged { file: path.to_owned(), problem: "the zip could not be written" };
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(entry, options).map_err(failed)?;
        zip.write_all(text.as_bytes()).map_err(|error| io(path, &error))?;
        let bytes = zip.finish().map_err(failed)?.into_inner();
        self.file(path, &bytes)
    }

    /// Makes a new file, and the folders above it.
    fn file(&self, path: &str, bytes: &[u8]) -> Result<()> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.dir.create_dir_all(folder).map_err(|error| io(path, &error))?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = self.dir.open_with(path, &options).map_err(|error| io(path, &error))?;
        file.write_all(bytes).map_err(|error| io(path, &error))
    }
}

/// A zip in memory that holds these entries, in order.
///
/// # Errors
/// [`Error::Damaged`] when an entry's name cannot stand in a zip or the whole grows too large.
pub fn zip_of<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>> {
    let failed = |_| Error::Damaged { file: "zip in memory".to_owned(), problem: "the zip could not be written" };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in entries {
        zip.start_file(name, options).map_err(failed)?;
        zip.write_all(bytes).map_err(|error| io("zip in memory", &error))?;
    }
    Ok(zip.finish().map_err(failed)?.into_inner())
}

/// These bytes as gzip, such as an HTTP answer may carry.
///
/// # Errors
/// [`Error::Damaged`] never in memory; what the compressor says is passed on.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| io("gzip in memory", &error);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).map_err(failed)?;
    gzip.finish().map_err(failed)
}

/// The cells of a bar after its time, and the end of the line.
fn line(text: &mut String, bar: &TradeBar, scale: f64, ticker: &str) -> Result<()> {
    for price in [bar.open, bar.high, bar.low, bar.close] {
        let scaled = price * scale;
        if !scaled.is_finite() || 9e15 < scaled.abs() {
            return Err(unsupported("writing prices that are not finite or too large", ticker.to_owned()));
        }
        if scale == 1.0 {
            let _ = write!(text, "{},", trimmed(price, 8));
        } else {
            let _ = write!(text, "{},", scaled.round() as i64);
        }
    }
    if !bar.volume.is_finite() || bar.volume < 0.0 || 9e15 < bar.volume {
        return Err(unsupported("writing volumes that are negative, not finite or too large", ticker.to_owned()));
    }
    let _ = writeln!(text, "{}", trimmed(bar.volume, 8));
    Ok(())
}

fn unsupported(what: &str, by: String) -> Error {
    Error::Unsupported { what: what.to_owned(), by }
}

/// `YYYYMMDD`.
pub(crate) fn digits(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

/// A plain decimal number without trailing zeros; LEAN's readers know no exponents.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
