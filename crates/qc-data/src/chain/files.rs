//! Where the files of chains lie, and what a line of them says.

use crate::error::{Error, Result};
use crate::folder::DataFolder;
use crate::lines::{parse_lines, without, word};
use crate::maps::{Claim, Names, parse_day};
use crate::sid::{OptionRight, Strike};
use crate::symbol::{Security, SecurityType};
use jiff::civil::Date;

use super::UnderlyingBar;

/// Place of the implied volatility among the numbers of a contract; the greeks follow.
const FIRST_FIGURE: usize = 6;

/// A folder of chain files.
pub(super) struct Shelf {
    pub(super) base: String,
    /// Ticker of the share, for options on shares.
    ticker: Option<String>,
    /// Month of the underlying contract, for options on futures.
    pub(super) month: Option<String>,
    options: bool,
}

impl Shelf {
    pub(super) fn parse(&self) -> fn(&str, &str) -> Result<Vec<Row>> {
        if self.options { parse_options } else { parse_futures }
    }
}

/// A line of a chain file.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    Underlying(UnderlyingBar),
    Contract(Box<RawContract>),
}

/// The cells of a contract.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawContract {
    /// Options: `YYYYMMDD`; futures: the contract month `YYYYMM`.
    pub(super) expiry: String,
    pub(super) terms: Option<(Date, Strike, OptionRight)>,
    /// Open, high, low, close, volume, open interest, volatility, delta, gamma, vega, theta, rho.
    pub(super) numbers: [Option<f64>; 12],
    /// Line and cell of the first figure behind the open interest that is no number.
    pub(super) unread: Option<(usize, usize)>,
}

/// The day of the newest file before `day`, and the shelves that hold it; contracts of older files are not listed any more.
pub(super) fn newest(folder: &DataFolder, canonical: &Security, day: Date) -> Result<Option<(Date, Vec<Shelf>)>> {
    let names = match (canonical.security_type, canonical.sid.underlying()) {
        (SecurityType::Option, Some(share)) => Some(folder.names(&folder.security(share, None)?)?),
        _ => None,
    };
    let mut found: Vec<(Date, Claim, Shelf)> = Vec::new();
    for shelf in shelves(folder, canonical, names.as_ref())? {
        let files = folder.list(&shelf.base)?;
        let dates = files.iter().filter_map(|name| name.strip_suffix(".csv").and_then(parse_day));
        // A ticker belongs to other companies on other days; so does the folder of its chains.
        let claim = |date: Date| match (&names, &shelf.ticker) {
            (Some(names), Some(ticker)) => names.claim(ticker, date),
            _ => Some(Claim::ByName),
        };
        let ours = dates.filter(|date| *date < day).filter_map(|date| Some((date, claim(date)?)));
        if let Some((date, claim)) = ours.max() {
            found.push((date, claim, shelf));
        }
    }
    let Some(newest) = found.iter().map(|(date, claim, _)| (*date, *claim)).max() else { return Ok(None) };
    found.retain(|(date, claim, _)| (*date, *claim) == newest);
    Ok(Some((newest.0, found.into_iter().map(|(.., shelf)| shelf).collect())))
}

/// Where the chain files of an option or future lie.
fn shelves(folder: &DataFolder, canonical: &Security, names: Option<&Names>) -> Result<Vec<Shelf>> {
    let market = &canonical.market;
    let base = format!("{}/{market}/universes", canonical.security_type.folder());
    let root = canonical.sid.symbol().to_ascii_lowercase();
    let one = |base, options| vec![Shelf { base, ticker: None, month: None, options }];
    Ok(match canonical.security_type {
        // The folder is named by the ticker of the day, so every name of the company is looked at.
        SecurityType::Option => {
            let names = names.map(Names::all).unwrap_or_default().iter();
            let shelf = |name: &String| Shelf {
                base: format!("{base}/{name}"),
                ticker: Some(name.clone()),
                month: None,
                options: true,
            };
            names.map(shelf).collect()
        }
        SecurityType::IndexOption => one(format!("{base}/{root}"), true),
        SecurityType::Future => one(format!("{base}/{root}"), false),
        SecurityType::FutureOption => {
            let months = folder.list(&format!("{base}/{root}"))?;
            let months = months.into_iter().filter(|name| name.len() == 6 && name.bytes().all(|b| b.is_ascii_digit()));
            let shelf = |month: String| Shelf {
                base: format!("{base}/{root}/{month}"),
                ticker: None,
                month: Some(month),
                options: true,
            };
            months.map(shelf).collect()
        }
        other => return Err(Error::Unsupported { what: "a chain".into(), by: other.to_string() }),
    })
}

/// `expiry,strike,right,open,high,low,close,volume,open interest[,volatility,delta,gamma,vega,theta,rho]`.
fn parse_options(path: &str, text: &str) -> Result<Vec<Row>> {
    parse_lines(path, &without(text, |_, line| line.starts_with('#')), |cells| {
        let expiry = word(cells);
        let strike = word(cells);
        let right = word(cells);
        let mut numbers = [None; 12];
        let mut unread = None;
        for (index, number) in numbers.iter_mut().enumerate() {
            *number = match cells.optional(0) {
                // LEAN looks at volatility and greeks when somebody asks for them; the contract is there all the same.
                Err(_) if FIRST_FIGURE <= index => {
                    unread = unread.or(Some((cells.line(), cells.column())));
                    None
                }
                other => other?,
            };
        }
        let Some(expiry) = expiry else {
            let [open, high, low, close, volume, ..] = numbers.map(|number| number.unwrap_or(0.0));
            return Ok(Row::Underlying(UnderlyingBar { open, high, low, close, volume }));
        };
        let day = parse_day(&expiry).ok_or("a date YYYYMMDD")?;
        let strike: Strike = strike.and_then(|text| text.parse().ok()).ok_or("a strike price")?;
        let right = match right.as_deref() {
            Some("C" | "c") => OptionRight::Call,
            Some("P" | "p") => OptionRight::Put,
            _ => return Err("C or P"),
        };
        Ok(Row::Contract(Box::new(RawContract { expiry, terms: Some((day, strike, right)), numbers, unread })))
    })
}

/// `contract month,open,high,low,close,volume,open interest`.
fn parse_futures(path: &str, text: &str) -> Result<Vec<Row>> {
    parse_lines(path, &without(text, |_, line| line.starts_with('#')), |cells| {
        let month = word(cells).filter(|month| month.len() == 6 && month.bytes().all(|b| b.is_ascii_digit()));
        let expiry = month.ok_or("a contract month YYYYMM")?;
        let mut numbers = [None; 12];
        for number in numbers.iter_mut().take(6) {
            *number = cells.optional(0)?;
        }
        Ok(Row::Contract(Box::new(RawContract { expiry, terms: None, numbers, unread: None })))
    })
}
