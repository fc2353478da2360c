//! Symbols as callers write them: tickers, tickers with a type, identifiers, and the forms that stand for many.
//!
//! | Written | Means |
//! |---|---|
//! | `SPY` | the US equity; a ticker that the workbook holds as something else means that |
//! | `forex:EURUSD`, `crypto:binance:BTCUSDT` | a ticker of another type, in its usual or the named market |
//! | `SPY R735QTJ8XC9X` | the security with that identifier, whatever it is called today |
//! | `etf:SPY@2020-12-01` | the members of the fund as they were known at the beginning of that day |
//! | `chain:SPY@2020-12-01`, `chain:future:cme:ES@2020-12-01` | the contracts listed on that day |
//! | `list:NAME` | a list saved before |
//! | `file:PATH` | the symbols in a file: one a line, or the column `symbol` (or `ticker`) of a CSV |
//!
//! A name that comes from a file is taken only if it is nothing but a ticker, so every name here may be printed.

mod set;
mod text;

use std::collections::HashMap;

use jiff::civil::Date;
use qc_data::{DataFolder, Security, SecurityType, Sid, SymbolQuery};

use self::set::By;
pub(crate) use self::set::Symbols;
use crate::{
    args::quote,
    chains,
    desk::Desk,
    error::{Kind, ToolError, Topic},
    funds, lists, prices,
    quantbook::{OpenSource, Subscription},
    reply::is_ticker,
};

/// Most symbols one question takes. A correlation of 1000 columns is half a million pairs.
pub(crate) const MAX_SYMBOLS: usize = 1000;

/// Most funds, lists and files in one question; each is read.
const MAX_GROUPS: usize = 10;

/// Largest file of symbols, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where symbols are looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lookup<'a> {
    /// Files and saved lists.
    pub(crate) desk: &'a Desk,
    /// Whose lists.
    pub(crate) caller: &'a str,
    /// Where identifiers and funds are resolved.
    pub(crate) source: &'a OpenSource,
    /// What the workbook holds.
    pub(crate) held: &'a [Subscription],
}

/// The security that a name means.
pub(crate) fn query(meant: &HashMap<String, SymbolQuery>, name: &str) -> SymbolQuery {
    meant.get(name).cloned().unwrap_or_else(|| SymbolQuery::new(name, SecurityType::Equity))
}

/// A security in a form that reads back as the same: its ticker, its ticker with type and market, or its identifier.
pub(crate) fn written(name: &str, query: &SymbolQuery) -> String {
    match query {
        SymbolQuery::Ticker { ticker, security_type, market, .. } => match market {
            None if *security_type == SecurityType::Equity => format!("equity:{name}"),
            None => format!("{security_type}:{}", ticker.to_ascii_uppercase()),
            Some(market) => format!("{security_type}:{market}:{}", ticker.to_ascii_uppercase()),
        },
        SymbolQuery::Security(security) => security.sid.to_string(),
    }
}

impl Lookup<'_> {
    /// Reads all symbols of a question.
    ///
    /// # Errors
    /// None at all, one given twice, more than [`MAX_SYMBOLS`], a form that is none, a fund, list or file that is not there.
    pub(crate) fn read(&self, given: &[String]) -> Result<Symbols, ToolError> {
        if given.is_empty() {
            return Err(wrong("symbols is empty: at least one ticker is needed".to_owned()));
        }
        let groups = given.iter().filter(|text| is_group(text)).count();
        if MAX_GROUPS < groups {
            let message = format!("{groups} funds, lists and files are named, at most {MAX_GROUPS} are taken at once");
            return Err(ToolError::new(Kind::TooLarge, Topic::Symbol, message));
        }
        let mut symbols = Symbols::default();
        for text in given {
            check_count(given.len().max(symbols.names.len()))?;
            match Form::of(text)? {
                Form::One(text) => self.put(&mut symbols, text, By::Caller)?,
                Form::Members(fund, day) => {
                    let members = funds::members(self.source, fund, day, false)?;
                    symbols.notes.extend(members.notes());
                    symbols.notes.extend(members.without_prices(self.source));
                    symbols.warnings.extend(members.age_warning());
                    symbols.join_members(&members, self.source)?;
                }
                Form::Chain(root, day) => {
                    let (name, meant) = self.one(root)?;
                    let (contracts, notes) = chains::contracts(self.source, name, meant, day)?;
                    check_chain(contracts.len())?;
                    symbols.notes.extend(notes);
                    for contract in contracts {
                        check_name(&contract)?;
                        symbols.put(&self.source.folder, contract.ticker.clone(), Some(contract.into()), By::Group)?;
                    }
                }
                Form::List(name) => {
                    for text in lists::get(self.desk, self.caller, name)?.symbols {
                        self.put(&mut symbols, &text, By::Group)?;
                    }
                }
                Form::File(path) => {
                    for text in self.file(path)? {
                        self.put(&mut symbols, &text, By::Group)?;
                    }
                }
            }
        }
        check_count(symbols.names.len())?;
        if symbols.names.is_empty() {
            return Err(wrong("the forms in symbols stand for no symbol at all".to_owned()));
        }
        Ok(symbols)
    }

    /// Adds one symbol, and says so where the workbook gives a plain ticker another meaning than the share.
    fn put(&self, symbols: &mut Symbols, text: &str, by: By) -> Result<(), ToolError> {
        let (name, query) = self.one(text)?;
        if let (Some(SymbolQuery::Security(held)), false) = (&query, text.trim().contains([' ', ':'])) {
            symbols
                .notes
                .push(format!("{name} means {} of {}, as the workbook holds it", held.security_type, held.market));
        }
        symbols.put(&self.source.folder, name, query, by)
    }

    /// One symbol: its name, and what it means unless that is the US equity of that ticker.
    ///
    /// # Errors
    /// A text that is no symbol, an unknown type, a damaged identifier.
    pub(crate) fn one(&self, text: &str) -> Result<(String, Option<SymbolQuery>), ToolError> {
        let text = text.trim();
        if text.contains(' ') {
            let sid = text
                .to_ascii_uppercase()
                .parse::<Sid>()
                .map_err(|_| wrong(format!("`{}` is neither a ticker nor a security identifier", quote(text))))?;
            let security = self.source.folder.security(&sid, None)?;
            check_name(&security)?;
            return Ok((security.ticker.clone(), Some(security.into())));
        }
        if let Some((kind, rest)) = text.split_once(':') {
            let (market, ticker) = match rest.split_once(':') {
                Some((market, ticker)) => (Some(market), ticker),
                None => (None, rest),
            };
            return typed(ticker, kind.parse()?, market);
        }
        let name = text.to_ascii_uppercase();
        if name.is_empty() {
            return Err(wrong("one of the symbols is empty".to_owned()));
        }
        let theirs = || self.held.iter().filter(|held| held.ticker == name);
        let is_equity = |held: &Subscription| held.security_type == SecurityType::Equity.folder();
        match theirs().next_back() {
            Some(held) if !theirs().any(is_equity) => {
                let query = held.sid.parse::<Sid>().ok().map(|sid| self.source.folder.security(&sid, None));
                Ok((name, query.transpose()?.map(SymbolQuery::from)))
            }
            _ => Ok((name, None)),
        }
    }

    /// The symbols in a file of the caller.
    fn file(&self, path: &str) -> Result<Vec<String>, ToolError> {
        let text = self.desk.read_text(path, MAX_FILE_BYTES)?;
        text::in_text(&text).map_err(|line| {
            let message = format!(
                "line {line} of the file holds no symbol: one a line is wanted, or a CSV with a column `symbol` or `ticker`"
            );
            ToolError::new(Kind::BadData, Topic::SymbolForm, message)
        })
    }
}

/// A ticker with a type and perhaps a market.
///
/// # Errors
/// A ticker or market that cannot be a name.
pub(crate) fn typed(
    ticker: &str,
    security_type: SecurityType,
    market: Option<&str>,
) -> Result<(String, Option<SymbolQuery>), ToolError> {
    let name = ticker.trim().to_ascii_uppercase();
    let market = market.map(str::trim).filter(|market| !market.is_empty()).map(str::to_ascii_lowercase);
    let is_name = |text: &str| is_ticker(text) && !text.contains('/') && !text.starts_with('.');
    if !is_name(&name) || market.as_deref().is_some_and(|market| !is_name(market)) {
        return Err(wrong(format!("`{}` is not a ticker", quote(ticker))));
    }
    if security_type == SecurityType::Equity && market.as_deref().is_none_or(|market| market == "usa") {
        return Ok((name, None));
    }
    let query = SymbolQuery::Ticker { ticker: name.clone(), security_type, market, date: None };
    Ok((name, Some(query)))
}

/// A ticker, its type and its market, of `SPY`, `forex:EURUSD` or `crypto:binance:BTCUSDT`: what names files without
/// looking into any folder.
///
/// # Errors
/// A text that is no ticker; a type that is none.
pub(crate) fn plain(text: &str) -> Result<(String, SecurityType, String), ToolError> {
    let mut words = text.trim().rsplitn(3, ':');
    let ticker = words.next().unwrap_or_default();
    let (kind, market) = match (words.next(), words.next()) {
        (None, _) => (SecurityType::Equity, None),
        (Some(kind), None) => (kind.parse()?, None),
        (Some(market), Some(kind)) => (kind.parse()?, Some(market)),
    };
    let (name, _) = typed(ticker, kind, market)?;
    Ok((name, kind, market.map_or(kind.default_market().to_owned(), str::to_ascii_lowercase)))
}

/// Whether a text stands for many symbols, which have to be read from somewhere.
fn is_group(text: &str) -> bool {
    let form = text.trim().split_once(':').map(|(form, _)| form.to_ascii_lowercase());
    form.is_some_and(|form| matches!(form.as_str(), "etf" | "chain" | "list" | "file"))
}

/// What a text in `symbols` is.
enum Form<'a> {
    One(&'a str),
    Members(&'a str, Date),
    Chain(&'a str, Date),
    List(&'a str),
    File(&'a str),
}

impl Form<'_> {
    fn of(text: &str) -> Result<Form<'_>, ToolError> {
        let text = text.trim();
        let Some((form, rest)) = text.split_once(':') else { return Ok(Form::One(text)) };
        match form.to_ascii_lowercase().as_str() {
            "etf" => {
                let form = || {
                    let message =
                        format!("`{}` names no day: members of a fund are written etf:SPY@2020-12-01", quote(text));
                    ToolError::new(Kind::InvalidArgument, Topic::SymbolForm, message)
                };
                let (fund, day) = rest.split_once('@').ok_or_else(form)?;
                Ok(Form::Members(fund.trim(), prices::parse_day("the day of an etf: symbol", day)?))
            }
            "chain" => {
                let form = || {
                    let message = format!(
                        "`{}` names no day: the contracts of a chain are written chain:SPY@2020-12-01",
                        quote(text)
                    );
                    ToolError::new(Kind::InvalidArgument, Topic::SymbolForm, message)
                };
                let (root, day) = rest.split_once('@').ok_or_else(form)?;
                Ok(Form::Chain(root.trim(), prices::parse_day("the day of a chain: symbol", day)?))
            }
            "list" => Ok(Form::List(rest.trim())),
            "file" => Ok(Form::File(rest.trim())),
            "qc" => {
                let message = "a kept result is no list of symbols: name the tickers";
                Err(ToolError::new(Kind::InvalidArgument, Topic::SymbolForm, message))
            }
            _ => Ok(Form::One(text)),
        }
    }
}

/// Refuses a security whose name, which a map file gave it, may not stand among our own words. The name of an option
/// has its terms behind a blank: `TWX   140621C00042500`.
fn check_name(security: &Security) -> Result<(), ToolError> {
    let mut words = security.ticker.split_ascii_whitespace();
    let fine = words.next().is_some_and(is_ticker)
        && words.next().is_none_or(|terms| terms.len() <= 20 && terms.starts_with(|c: char| c.is_ascii_digit()))
        && words.next().is_none();
    if fine {
        return Ok(());
    }
    let message = "the folder gives this identifier a name that is no ticker";
    Err(ToolError::new(Kind::BadData, Topic::General, message).said(security.ticker.as_str()))
}

/// Types and markets under which a folder holds a ticker, shares first.
///
/// # Errors
/// When the folder cannot be listed.
pub(crate) fn kinds_of(folder: &DataFolder, ticker: &str) -> Result<Vec<(SecurityType, String)>, ToolError> {
    let mut kinds: Vec<(SecurityType, String)> = folder
        .describe()?
        .shelves
        .into_iter()
        .filter(|shelf| is_ticker(&shelf.market) && shelf.tickers.iter().any(|known| known == ticker))
        .map(|shelf| (shelf.security_type, shelf.market))
        .collect();
    kinds.sort_by_key(|(kind, market)| (*kind != SecurityType::Equity, *kind as u8, market.clone()));
    kinds.dedup();
    Ok(kinds)
}

fn check_count(found: usize) -> Result<(), ToolError> {
    if found <= MAX_SYMBOLS {
        return Ok(());
    }
    let message = format!("{found} symbols were given, at most {MAX_SYMBOLS} are taken at once");
    Err(ToolError::new(Kind::TooLarge, Topic::Symbol, message))
}

/// A chain as a whole is a question of its own size.
fn check_chain(found: usize) -> Result<(), ToolError> {
    if found <= MAX_SYMBOLS {
        return Ok(());
    }
    let message = format!(
        "the chain has {found} contracts, at most {MAX_SYMBOLS} symbols are taken at once: choose some with get_chain and name their identifiers"
    );
    Err(ToolError::new(Kind::TooLarge, Topic::Symbol, message))
}

fn wrong(message: String) -> ToolError {
    ToolError::new(Kind::InvalidArgument, Topic::Symbol, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{desk::DeskConfig, quantbook::OpenSource};

    fn read(given: &[&str]) -> Result<Symbols, ToolError> {
        let folder = DataFolder::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        let source = OpenSource { folder, label: "lean".to_owned(), table: None, followed: Default::default() };
        let desk = Desk::new(DeskConfig::default());
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        Lookup { desk: &desk, caller: "me", source: &source, held: &[] }.read(&given)
    }

    #[test]
    fn symbols_are_trimmed_upper_case_and_unique() {
        assert_eq!(read(&[" spy", "BRK.B"]).unwrap().names, ["SPY", "BRK.B"]);
        let twice = read(&["SPY", "spy "]).unwrap_err();
        assert!(twice.message.contains("SPY is given more than once"), "{twice}");
        assert_eq!(read(&[]).unwrap_err().kind, Kind::InvalidArgument);
        let many: Vec<String> = (0..=MAX_SYMBOLS).map(|i| format!("S{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(read(&many).unwrap_err().kind, Kind::TooLarge);
    }

    #[test]
    fn a_type_and_a_market_stand_before_the_ticker() {
        let found = read(&["forex:eurusd", "crypto:Binance:BTCUSDT", "equity:SPY", "AMZN 2T"]).unwrap();
        assert_eq!(found.names, ["EURUSD", "BTCUSDT", "SPY", "AMZN"]);
        let written: Vec<String> = found.names.iter().map(|name| written(name, &query(&found.meant, name))).collect();
        assert_eq!(written, ["forex:EURUSD", "crypto:binance:BTCUSDT", "equity:SPY", "AMZN 2T"]);
        for text in [
            "bond:US10Y",
            "forex:../x",
            "forex:a:b:c",
            "not a symbol",
            "etf:SPY",
            "etf:SPY@soon",
            "chain:SPY",
            "chain:SPY@soon",
            "list:nobody",
        ] {
            let error = read(&[text]).unwrap_err();
            assert!(error.hint.is_some(), "{text}: {error}");
        }
    }

    #[test]
    fn a_saved_share_stays_the_share_whatever_the_workbook_holds_by_that_name() {
        let folder = DataFolder::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        let future = folder.resolve(&SymbolQuery::new("ES", SecurityType::Future)).unwrap();
        let source = OpenSource { folder, label: "lean".to_owned(), table: None, followed: Default::default() };
        let desk = Desk::new(DeskConfig::default());
        let held = [Subscription {
            ticker: "ES".to_owned(),
            security_type: "future".to_owned(),
            market: "cme".to_owned(),
            resolution: "daily".to_owned(),
            sid: future.sid.to_string(),
            added: jiff::Timestamp::UNIX_EPOCH,
            future: None,
        }];
        let read = |held: &[Subscription], text: &str| {
            Lookup { desk: &desk, caller: "me", source: &source, held }.read(&[text.to_owned()]).unwrap()
        };
        lists::save(&desk, "me", "mine", &read(&[], "ES")).unwrap();
        assert!(read(&held, "list:mine").meant.is_empty(), "the list was saved before there was a future");
        assert!(read(&held, "ES").notes[0].contains("ES means future of cme"));
    }

    #[test]
    fn two_securities_of_one_name_are_refused_or_noted() {
        let two = read(&["equity:ES", "future:ES"]).unwrap_err();
        assert!(two.message.contains("as two securities"), "{two}");
        let folder = DataFolder::open(env!("CARGO_MANIFEST_DIR")).unwrap();
        let future = SymbolQuery::new("ES", SecurityType::Future);
        let mut found = Symbols::default();
        found.put(&folder, "ES".to_owned(), Some(future.clone()), By::Group).unwrap();
        found.put(&folder, "ES".to_owned(), Some(future), By::Group).unwrap();
        assert!(found.notes.is_empty(), "the same twice is nothing to tell");
        found.put(&folder, "ES".to_owned(), None, By::Group).unwrap();
        assert!(found.notes[0].contains("two different securities are called ES"), "{:?}", found.notes);
        assert!(found.meant.contains_key("ES"), "the first stays");
        found.put(&folder, "ES".to_owned(), None, By::Caller).unwrap();
        assert!(found.meant.is_empty() && found.grouped.is_empty(), "the caller's own word counts");
        assert!(
            read(&["list:a"; MAX_GROUPS + 1]).is_err_and(|error| error.message.contains("11 funds, lists and files"))
        );
    }
}
