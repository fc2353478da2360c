//! What a folder holds: symbols, resolutions, first and last bar, corporate actions, gaps, what is unadjusted.

mod inventory;

pub use inventory::{DamagedSymbol, FolderInventory};

use crate::bars::{BarFile, Format, Kind};
use crate::error::{Error, Result};
use crate::factors::{FactorFile, day_of};
use crate::folder::DataFolder;
use crate::history::{self, Gap, HistoryRequest, Window};
use crate::maps::parse_day;
use crate::symbol::{Normalization, Resolution, Security, SecurityType, SymbolQuery};
use crate::time::{END_OF_TIME, date_of_day};
use jiff::civil::Date;
use rayon::prelude::*;
use serde::Serialize;

/// Everything in a folder that has the layout of price data.
#[derive(Debug, Clone, Serialize)]
pub struct FolderDescription {
    /// Whether the folder declares itself invented.
    pub synthetic: bool,
    /// One per type, market and resolution.
    pub shelves: Vec<Shelf>,
}

/// The symbols stored for a type, market and resolution.
#[derive(Debug, Clone, Serialize)]
pub struct Shelf {
    /// Type of the securities.
    pub security_type: SecurityType,
    /// Their market.
    pub market: String,
    /// Step of the bars.
    pub resolution: Resolution,
    /// Tickers in upper case, sorted: the names of files or folders.
    pub tickers: Vec<String>,
}

/// What the folder holds of one security.
#[derive(Debug, Clone, Serialize)]
pub struct SymbolDescription {
    /// Which security.
    pub security: Security,
    /// What is stored, finest resolution last.
    pub stored: Vec<Stored>,
    /// Tickers it used, each with its last day; the last one with the day of delisting, or none while listed.
    pub names: Vec<Name>,
    /// First day of trading, if a map file says so.
    pub listed: Option<Date>,
    /// Day of delisting, if a map file says so.
    pub delisted: Option<Date>,
    /// Splits that the factor file implies, oldest first.
    pub splits: Vec<Split>,
    /// Cash dividends that the factor file implies, oldest first; not adjusted for later splits.
    pub dividends: Vec<CashDividend>,
    /// Why prices cannot be adjusted, if they cannot.
    pub unadjusted: Option<String>,
}

/// Bars of one resolution.
#[derive(Debug, Clone, Serialize)]
pub struct Stored {
    /// Step of the bars.
    pub resolution: Resolution,
    /// Day of the first bar of this very security.
    pub first: Date,
    /// Day of the last bar.
    pub last: Date,
    /// Number of bars (hour and daily) or of files (finer ones).
    pub count: usize,
    /// Options and futures: how many contracts there are bars of (hour and daily); 0 for everything else.
    pub contracts: usize,
    /// Open days without a bar in between (hour and daily bars).
    pub gaps: Vec<Gap>,
}

/// A ticker and the last day it was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Name {
    /// The ticker.
    pub ticker: String,
    /// Last day; `None` while in use.
    pub until: Option<Date>,
}

/// A split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Split {
    /// First day of trading at the new price.
    pub date: Date,
    /// New shares for one old one (0.125 for a reverse split of eight to one).
    pub shares_per_share: f64,
}

/// A cash dividend.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CashDividend {
    /// First day of trading without it.
    pub date: Date,
    /// Cash per share of that day, in the share's currency.
    pub amount: f64,
}

impl DataFolder {
    /// Lists what price data there is. Reads names only, so it is quick for large folders too.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when a folder cannot be listed.
    pub fn describe(&self) -> Result<FolderDescription> {
        let mut shelves = Vec::new();
        for security_type in SecurityType::ALL {
            for market in self.list(security_type.folder())? {
                for resolution in Resolution::ALL {
                    let shelf = self.shelf(security_type, &market, resolution)?;
                    if !shelf.tickers.is_empty() {
                        shelves.push(shelf);
                    }
                }
            }
        }
        Ok(FolderDescription { synthetic: self.is_synthetic(), shelves })
    }

    /// The symbols stored for a type, market and resolution.
    pub(crate) fn shelf(&self, security_type: SecurityType, market: &str, resolution: Resolution) -> Result<Shelf> {
        let names = self.list(&format!("{}/{market}/{resolution}", security_type.folder()))?;
        let mut tickers: Vec<String> = names.iter().filter_map(|name| ticker_of(name, security_type)).collect();
        tickers.sort();
        tickers.dedup();
        Ok(Shelf { security_type, market: market.to_owned(), resolution, tickers })
    }

    /// Says what the folder holds of one security: ranges, names, splits, dividends, gaps.
    ///
    /// # Errors
    /// Those of [`history::load`], and of damaged map files.
    pub fn describe_symbol(&self, query: &SymbolQuery) -> Result<SymbolDescription> {
        self.look_again();
        self.described(query)
    }

    /// As [`DataFolder::describe_symbol`] within a question.
    pub(crate) fn described(&self, query: &SymbolQuery) -> Result<SymbolDescription> {
        let security = self.resolved(query)?;
        let mut stored = Vec::new();
        for resolution in Resolution::ALL.into_iter().rev() {
            stored.extend(self.stored(&security, resolution)?);
        }
        let mut out = SymbolDescription {
            security: security.clone(),
            stored,
            names: Vec::new(),
            listed: None,
            delisted: None,
            splits: Vec::new(),
            dividends: Vec::new(),
            unadjusted: None,
        };
        if security.security_type == SecurityType::Equity {
            self.corporate_actions(&security, &mut out)?;
        }
        Ok(out)
    }

    /// As [`DataFolder::describe_symbol`] for every ticker of a shelf, in parallel.
    ///
    /// # Errors
    /// Those of [`DataFolder::describe_symbol`].
    pub fn describe_shelf(&self, shelf: &Shelf) -> Result<Vec<SymbolDescription>> {
        let query = |ticker: &String| SymbolQuery::Ticker {
            ticker: ticker.clone(),
            security_type: shelf.security_type,
            market: Some(shelf.market.clone()),
            date: None,
        };
        self.look_again();
        shelf.tickers.par_iter().map(|ticker| self.described(&query(ticker))).collect()
    }

    fn stored(&self, security: &Security, resolution: Resolution) -> Result<Option<Stored>> {
        let chained = matches!(security.security_type, SecurityType::Future | SecurityType::CryptoFuture);
        if security.security_type.is_option() || (chained && security.sid.date() <= crate::sid::DEFAULT_DATE) {
            let root = match security.security_type {
                SecurityType::Option => security.ticker.as_str(),
                _ => security.sid.symbol(),
            };
            return self.stored_contracts(security.security_type, security.market.as_str(), root, resolution);
        }
        if !resolution.one_file() {
            let days = self.days(security, resolution)?;
            let range = days.first().copied().zip(days.last().copied());
            return Ok(range.map(|(first, last)| Stored {
                resolution,
                first,
                last,
                count: days.len(),
                contracts: 0,
                gaps: Vec::new(),
            }));
        }
        let Some((first, last)) = self.whole_range(security)? else { return Ok(None) };
        let request =
            HistoryRequest::new([SymbolQuery::Security(security.clone())], Window::dates(first, last), resolution)
                .normalized(Normalization::Raw);
        let history = history::answer(self, &request)?;
        Ok(history.series.into_iter().next().and_then(|series| {
            let (first, last) = (series.first_real?.trading_date(), series.last_real?.trading_date());
            let gaps = series.gaps.iter().filter(|gap| !gap.is_tail).copied().collect();
            Some(Stored { resolution, first, last, count: series.n_rows(), contracts: 0, gaps })
        }))
    }

    /// A window that holds every bar a security can have.
    fn whole_range(&self, security: &Security) -> Result<Option<(Date, Date)>> {
        let map = self.map_file(security)?;
        let mut range: Option<(Date, Date)> = None;
        let mut tickers = vec![security.ticker.clone()];
        tickers.extend(map.rows().iter().map(|row| row.ticker.to_string()));
        tickers.sort_by_key(|ticker| ticker.to_ascii_lowercase());
        tickers.dedup_by_key(|ticker| ticker.to_ascii_lowercase());
        for ticker in tickers {
            for resolution in [Resolution::Daily, Resolution::Hour] {
                let of = Security { ticker: ticker.clone(), ..security.clone() };
                if let Some((first, last)) = self::range(self, &of, resolution)? {
                    range = Some(range.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
                }
            }
        }
        Ok(range)
    }

    /// The days for which there is a file of fine bars of this very security.
    fn days(&self, security: &Security, resolution: Resolution) -> Result<Vec<Date>> {
        if security.security_type != SecurityType::Equity {
            return self.days_under(security, &security.ticker, resolution);
        }
        let names = self.names(security)?;
        let mut days = Vec::new();
        for name in names.all() {
            let theirs = self.days_under(security, name, resolution)?;
            days.extend(theirs.into_iter().filter(|day| names.claim(name, *day).is_some()));
        }
        days.sort();
        days.dedup();
        Ok(days)
    }

    /// The days for which there is a file of fine bars under a name, whoever had it.
    fn days_under(&self, security: &Security, name: &str, resolution: Resolution) -> Result<Vec<Date>> {
        let name = name.to_ascii_lowercase();
        let shelf = format!("{}/{}/{resolution}/{name}", security.security_type.folder(), security.market);
        let mut days: Vec<Date> = self.list(&shelf)?.iter().filter_map(|name| parse_day(name.get(..8)?)).collect();
        days.dedup();
        Ok(days)
    }

    fn corporate_actions(&self, security: &Security, out: &mut SymbolDescription) -> Result<()> {
        let map = self.map_file(security)?;
        let listed = |date: Date| (date < END_OF_TIME).then_some(date);
        if let Some(first) = map.rows().first() {
            out.listed = Some(first.date);
            out.delisted = listed(map.delisting_date());
        }
        for row in map.rows().iter().skip(1) {
            let ticker = row.ticker.to_ascii_uppercase();
            match out.names.last_mut() {
                Some(last) if last.ticker == ticker => last.until = listed(row.date),
                _ => out.names.push(Name { ticker, until: listed(row.date) }),
            }
        }
        let (path, factors) = self.factor_file(security, &map)?;
        match factors {
            None => out.unadjusted = Some(format!("there is no factor file {path}")),
            Some(file) => match file.broken_at_line {
                Some(line) => out.unadjusted = Some(format!("the factor file cannot be read at {path}, line {line}")),
                None => self.events(security, &file, out)?,
            },
        }
        Ok(())
    }

    fn events(&self, security: &Security, factors: &FactorFile, out: &mut SymbolDescription) -> Result<()> {
        let hours = self.hours(security)?;
        let next_open = |day: i32| (day + 1..day + 15).find(|day| hours.is_date_open(*day, false)).unwrap_or(day + 1);
        let splits = factors.splits().into_iter();
        out.splits = splits
            .map(|(before, shares_per_share)| Split { date: date_of_day(next_open(before)), shares_per_share })
            .collect();
        let dividends = factors.dividends().into_iter().filter(|dividend| dividend.amount != 0.0);
        out.dividends =
            dividends.map(|d| CashDividend { date: date_of_day(next_open(d.before)), amount: d.amount }).collect();
        Ok(())
    }
}

/// The ticker that a file or folder of a shelf stands for; `None` for anything else.
fn ticker_of(name: &str, security_type: SecurityType) -> Option<String> {
    let stem = match name.strip_suffix(".zip") {
        Some(stem) => stem,
        None if name.contains('.') && !security_type.is_equity_like() => return None,
        None => name,
    };
    // Crypto and futures add the kind of bar, options also year and style.
    let ticker = if security_type.is_equity_like() { stem } else { stem.split('_').next()? };
    (!ticker.is_empty() && !name.ends_with(".csv") && !name.ends_with(".md")).then(|| ticker.to_ascii_uppercase())
}

/// First and last day for which there is data of a security at a resolution, whatever company used the ticker.
pub(crate) fn range(folder: &DataFolder, security: &Security, resolution: Resolution) -> Result<Option<(Date, Date)>> {
    let base = format!("{}/{}/{resolution}", security.security_type.folder(), security.market);
    let ticker = security.ticker.to_ascii_lowercase();
    let kind = security.security_type;
    if kind.is_option() || kind == SecurityType::Future {
        // The range of all contracts: what lies in the folder for this root at all.
        let root = match (kind, security.sid.underlying()) {
            (SecurityType::Option, Some(underlying)) => folder.security(underlying, None)?.ticker,
            _ => security.sid.symbol().to_owned(),
        };
        let stored = folder.stored_contracts(kind, security.market.as_str(), &root, resolution)?;
        return Ok(stored.map(|stored| (stored.first, stored.last)));
    }
    if resolution.one_file() {
        for name in ["", "_trade", "_quote"] {
            let path = format!("{base}/{ticker}{name}.zip");
            let Some((entry, text)) = folder.read_zip(&path, None)? else { continue };
            let kind = if BarFile::looks_like_quotes(&text) { Kind::Quote } else { Kind::Trade };
            let file =
                BarFile::parse(&text, Format { kind, scaled: false, day: None, shared: false }).map_err(|bad| {
                    Error::Cell {
                        file: format!("{path}#{entry}"),
                        line: bad.line,
                        column: bad.column,
                        expected: bad.expected,
                    }
                })?;
            let day = |time: Option<&i64>| time.map(|time| date_of_day(day_of(*time)));
            return Ok(day(file.times.first()).zip(day(file.times.last())));
        }
        return Ok(None);
    }
    let days = folder.days_under(security, &security.ticker, resolution)?;
    Ok(days.first().copied().zip(days.last().copied()))
}
