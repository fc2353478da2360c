//! Chains: which contracts of an option or future there were on a day, with the figures of that day.
//!
//! A file of day D is known at the beginning of day D + 1. Prices are in the currency of the contract (never scaled),
//! greeks as the file has them (theta per day). Source: LEAN, `Common/Data/UniverseSelection/OptionUniverse.cs`,
//! `FuturesChainUniverse.cs`, `FutureUniverse.cs`.

mod files;

use crate::error::{Error, Result};
use crate::folder::DataFolder;
use crate::futures;
use crate::history::{self, History, HistoryRequest, Note};
use crate::lines::read;
use crate::sid::{OptionRight, OptionStyle, OptionTerms, Sid};
use crate::symbol::{Security, SecurityType, SymbolQuery};
use crate::time::{DAY, LocalTime};
use files::{RawContract, Row, Shelf, newest};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::HashSet;

/// Most contracts whose history is read at once.
const MAX_CONTRACTS: usize = 5_000;

/// The contracts of a chain as they were known at the beginning of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chain {
    /// The option or future without terms.
    pub canonical: Security,
    /// Day of the file; the figures are of that day.
    pub file_date: Date,
    /// What the options are written on, where the file says so. One for each underlying contract.
    pub underlying: Vec<UnderlyingBar>,
    /// The contracts, in the order of the file.
    pub contracts: Vec<Contract>,
    /// What the reader should know: figures that are no numbers and therefore absent, by file, line and column.
    pub notes: Vec<Note>,
}

/// The bar of the underlying.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UnderlyingBar {
    /// First price of the day.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Shares or contracts traded.
    pub volume: f64,
}

/// One contract of a chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contract {
    /// The contract; `None` for a future whose day of expiry follows a rule that is not known.
    pub security: Option<Security>,
    /// Month of a future's contract (of an option on a future: of the future), `YYYYMM`.
    pub month: Option<String>,
    /// Last day of the contract, where known.
    pub expiry: Option<Date>,
    /// Strike price of an option, in the currency of the underlying.
    pub strike: Option<f64>,
    /// Call or put.
    pub right: Option<OptionRight>,
    /// Open, high, low and close of the day: of options the middle of bid and ask.
    pub open: Option<f64>,
    /// Highest.
    pub high: Option<f64>,
    /// Lowest.
    pub low: Option<f64>,
    /// Last.
    pub close: Option<f64>,
    /// Contracts traded.
    pub volume: Option<f64>,
    /// Contracts open.
    pub open_interest: Option<f64>,
    /// Fraction a year (0.25 = 25 percent).
    pub implied_volatility: Option<f64>,
    /// Change of the option per change of the underlying.
    pub delta: Option<f64>,
    /// Change of delta per change of the underlying.
    pub gamma: Option<f64>,
    /// Change of the option per point of volatility.
    pub vega: Option<f64>,
    /// Change of the option per day.
    pub theta: Option<f64>,
    /// Change of the option per point of the interest rate.
    pub rho: Option<f64>,
}

/// Which contracts are wanted; an empty filter takes all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ChainFilter {
    /// Calls or puts only.
    pub right: Option<OptionRight>,
    /// Not expiring before this day.
    pub expiry_from: Option<Date>,
    /// Not expiring after this day.
    pub expiry_to: Option<Date>,
    /// Lowest strike.
    pub strike_from: Option<f64>,
    /// Highest strike.
    pub strike_to: Option<f64>,
}

impl ChainFilter {
    fn takes(&self, contract: &Contract) -> bool {
        let right = self.right.is_none_or(|right| contract.right == Some(right));
        let from = self.expiry_from.is_none_or(|from| contract.expiry.is_some_and(|day| from <= day));
        let to = self.expiry_to.is_none_or(|to| contract.expiry.is_some_and(|day| day <= to));
        let low = self.strike_from.is_none_or(|low| contract.strike.is_some_and(|strike| low <= strike));
        let high = self.strike_to.is_none_or(|high| contract.strike.is_some_and(|strike| strike <= high));
        right && from && to && low && high
    }
}

/// The chain of an option or future as it was known at the beginning of `day`; `None` when there is no earlier file.
///
/// ```no_run
/// # use qc_data::{DataFolder, SecurityType, SymbolQuery, chain};
/// let folder = DataFolder::open("./data")?;
/// let query = SymbolQuery::new("SPY", SecurityType::Option);
/// let chain = chain::on(&folder, &query, "2024-01-05".parse()?, &chain::ChainFilter::default())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Damaged files; [`Error::Unsupported`] for a type that has no chain.
pub fn on(folder: &DataFolder, query: &SymbolQuery, day: Date, filter: &ChainFilter) -> Result<Option<Chain>> {
    let canonical = folder.resolve(query)?;
    let Some((file_date, shelves)) = newest(folder, &canonical, day)? else { return Ok(None) };
    let mut chain = Chain { canonical, file_date, underlying: Vec::new(), contracts: Vec::new(), notes: Vec::new() };
    for shelf in &shelves {
        let path = format!("{}/{}.csv", shelf.base, crate::write::digits(file_date));
        let Some(rows) = read(folder, &path, shelf.parse())? else { continue };
        for row in rows.iter() {
            match row {
                Row::Underlying(bar) => chain.underlying.push(*bar),
                Row::Contract(row) => {
                    let contract = identify(folder, &chain.canonical, shelf, row, file_date)?;
                    if filter.takes(&contract) {
                        let symbol = contract.security.as_ref().map(|security| security.ticker.clone());
                        chain.notes.extend(row.unread.map(|place| Note { symbol, text: unread(&path, place) }));
                        chain.contracts.push(contract);
                    }
                }
            }
        }
    }
    Ok(Some(chain))
}

/// History of all contracts that pass the filter on any open day of the request's days.
///
/// The chain is looked up at each open day, the contracts are united in the order of first appearance, then read as
/// plain history. `request.symbols` is not used.
///
/// # Errors
/// Those of [`on`] and [`history::load`]; [`Error::TooMany`] beyond 5000 contracts.
pub fn history(
    folder: &DataFolder,
    query: &SymbolQuery,
    filter: &ChainFilter,
    request: &HistoryRequest,
) -> Result<History> {
    let canonical = folder.resolve(query)?;
    let hours = folder.hours(&canonical)?;
    let (first, last) = request.window.days();
    let mut seen = HashSet::new();
    let mut symbols: Vec<SymbolQuery> = Vec::new();
    let mut read: Option<Date> = None;
    let mut notes: Vec<Note> = Vec::new();
    for day in crate::factors::day_number(first)..=crate::factors::day_number(last) {
        if !hours.is_date_open(day, false) {
            continue;
        }
        let canonical = SymbolQuery::Security(canonical.clone());
        let Some(chain) = on(folder, &canonical, crate::time::date_of_day(day), filter)? else { continue };
        if read.replace(chain.file_date) == Some(chain.file_date) {
            continue;
        }
        notes.extend(chain.notes);
        for security in chain.contracts.into_iter().filter_map(|contract| contract.security) {
            if seen.insert(security.sid.clone()) {
                symbols.push(security.into());
            }
        }
        if MAX_CONTRACTS < symbols.len() {
            let found = symbols.len() as u64;
            return Err(Error::TooMany { what: "contracts of a chain", limit: MAX_CONTRACTS as u64, found });
        }
    }
    let mut history = history::load(folder, &HistoryRequest { symbols, ..request.clone() })?;
    history.notes.extend(notes);
    Ok(history)
}

/// What is said about a figure that is no number.
fn unread(path: &str, (line, column): (usize, usize)) -> String {
    format!("a greek in {path}, line {line}, column {column} is no number; it is left out")
}

/// Gives the contract of a line its identifier.
fn identify(
    folder: &DataFolder,
    canonical: &Security,
    shelf: &Shelf,
    row: &RawContract,
    day: Date,
) -> Result<Contract> {
    let market = canonical.market.as_str();
    let (root, kind) = (canonical.sid.symbol(), canonical.security_type);
    let (sid, expiry) = match row.terms {
        None => {
            let expiry = future_expiry(folder, canonical, root, &row.expiry)?;
            (expiry.map(|day| Sid::future(root, day, market)).transpose()?, expiry)
        }
        Some((expiry, strike, right)) => {
            let style = if kind == SecurityType::IndexOption { OptionStyle::European } else { OptionStyle::American };
            let underlying = match (&shelf.month, canonical.sid.underlying()) {
                (Some(month), Some(future)) => {
                    let of = Security { sid: future.clone(), ticker: future.symbol().to_owned(), ..canonical.clone() };
                    let of = Security { security_type: SecurityType::Future, ..of };
                    let day = future_expiry(folder, &of, future.symbol(), month)?;
                    day.map(|day| Sid::future(future.symbol(), day, market)).transpose()?
                }
                (None, Some(underlying)) => Some(underlying.clone()),
                _ => None,
            };
            let terms = OptionTerms { expiry, strike, right, style };
            (underlying.map(|of| Sid::option(root, kind, market, terms, of)).transpose()?, Some(expiry))
        }
    };
    let security = sid.map(|sid| folder.security(&sid, Some(day))).transpose()?;
    let month = shelf.month.clone().or_else(|| row.terms.is_none().then(|| row.expiry.clone()));
    let [open, high, low, close, volume, open_interest, implied_volatility, delta, gamma, vega, theta, rho] =
        row.numbers;
    Ok(Contract {
        security,
        month,
        expiry,
        strike: row.terms.map(|(_, strike, _)| strike.as_f64()),
        right: row.terms.map(|(.., right)| right),
        open,
        high,
        low,
        close,
        volume,
        open_interest,
        implied_volatility,
        delta,
        gamma,
        vega,
        theta,
        rho,
    })
}

/// When the contract of a month expires: by rule, else as the future's map file has it.
fn future_expiry(folder: &DataFolder, future: &Security, root: &str, month: &str) -> Result<Option<Date>> {
    let hours = folder.hours(future)?;
    if let Some(day) = futures::expiry(root, month, &hours) {
        return Ok(Some(day));
    }
    let map = folder.future_map(future)?;
    let contracts = map.rows().iter().filter(|row| row.ticker.contains(' '));
    let mut sids = contracts.filter_map(|row| row.ticker.to_ascii_uppercase().parse::<Sid>().ok());
    Ok(sids.find(|sid| futures::contract_month(sid) == month).map(|sid| sid.date()))
}

impl Chain {
    /// From when the chain was known: midnight after the day of the file, on the exchange's clock.
    pub fn known_from(&self) -> LocalTime {
        LocalTime(LocalTime::midnight(self.file_date).0 + DAY)
    }
}

/// An option's name as LEAN and the exchanges show it: `TWX   140621C00042500`.
pub(crate) fn option_ticker(root: &str, sid: &Sid) -> String {
    let (day, right) = (sid.date(), if sid.right() == OptionRight::Call { 'C' } else { 'P' });
    let strike = (sid.strike().as_f64() * 1_000.0).round() as i64;
    format!("{root:<6}{:02}{:02}{:02}{right}{strike:08}", day.year().rem_euclid(100), day.month(), day.day())
}
