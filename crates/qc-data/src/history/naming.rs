//! Under which name the bars of a day lie: the ticker of the day, a contract, the contract a continuous future follows.
//!
//! Source: LEAN, `Common/Util/LeanData.cs` (`GenerateRelativeZipFilePath`, `GenerateZipEntryName`),
//! `Common/Extensions.cs` (`GetDelistingDate`), `Common/Securities/Option/OptionSymbol.cs`.

use super::request::{HistoryRequest, MappingMode};
use crate::error::{Error, Result};
use crate::factors::day_number;
use crate::folder::DataFolder;
use crate::futures;
use crate::hours::ExchangeHours;
use crate::maps::MapFile;
use crate::sid::{OptionRight, OptionStyle, Sid};
use crate::symbol::{Security, SecurityType};
use crate::time::END_OF_TIME;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// How the files of a security are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Naming {
    /// By the ticker of the day.
    Ticker,
    /// An entry for the month of a contract, or `perp`.
    Contract(String),
    /// An entry for the month of the contract that the map file names.
    Continuous {
        /// How many contracts behind that one.
        depth: usize,
    },
    /// An entry for the terms of an option; the folder may have one more level, the month of the underlying contract.
    Option {
        /// Month of the underlying contract, for options on futures.
        folder: Option<String>,
        /// `american` or `european`.
        style: &'static str,
        /// `call_1000000_20160115`.
        terms: String,
    },
}

impl Naming {
    /// Whether files hold several contracts of which one is meant.
    pub(super) fn is_contract(&self) -> bool {
        !matches!(self, Naming::Ticker)
    }
}

/// Who a security is from day to day.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) naming: Naming,
    /// Names by day: of a company, of an option's underlying, of a continuous future.
    pub(super) map: Arc<MapFile>,
    /// Days on which it is traded, in days since 1970.
    pub(super) listed: RangeInclusive<i32>,
    /// Days whose files are opened: a continuous future goes on with its last contract, but not in files of later days.
    pub(super) mapped: RangeInclusive<i32>,
    /// The mapping mode of a continuous future.
    pub(super) mapping: Option<MappingMode>,
}

impl Identity {
    pub(super) fn new(
        folder: &DataFolder,
        security: &Security,
        request: &HistoryRequest,
        hours: &ExchangeHours,
    ) -> Result<Identity> {
        let sid = &security.sid;
        let dated = crate::sid::DEFAULT_DATE < sid.date();
        let for_ever = i32::MIN..=day_number(END_OF_TIME);
        let until = |last: i32| i32::MIN..=last;
        let unnamed = || Arc::new(MapFile::empty(sid.symbol()));
        let plain = |naming, listed: RangeInclusive<i32>| Identity {
            naming,
            map: unnamed(),
            mapped: listed.clone(),
            listed,
            mapping: None,
        };
        Ok(match security.security_type {
            SecurityType::Equity => {
                let map = folder.map_file(security)?;
                let listed = if map.is_empty() { for_ever } else { map.listed_days() };
                Identity { naming: Naming::Ticker, map, mapped: listed.clone(), listed, mapping: None }
            }
            SecurityType::CryptoFuture if !dated => plain(Naming::Contract("perp".to_owned()), for_ever),
            SecurityType::CryptoFuture => plain(Naming::Contract(futures::month_after(sid.date(), 0)), for_ever),
            SecurityType::Future if dated => {
                plain(Naming::Contract(futures::contract_month(sid)), until(day_number(sid.date())))
            }
            SecurityType::Future => {
                let mapping = request.mapping.unwrap_or_else(|| MappingMode::usual(security.market.as_str()));
                let all_modes = folder.future_map(security)?;
                let (map, mapped) = (all_modes.of_mode(mapping as u8), all_modes.listed_days());
                let naming = Naming::Continuous { depth: request.contract_depth };
                if 0 < request.contract_depth && !known_depth(&map, request.contract_depth, hours) {
                    let what = format!("contract depth {}", request.contract_depth);
                    return Err(Error::Unsupported {
                        what,
                        by: format!("{security}: its rule of expiry is not known"),
                    });
                }
                Identity { naming, map: Arc::new(map), listed: for_ever, mapped, mapping: Some(mapping) }
            }
            kind if kind.is_option() => {
                let Some(underlying) = sid.underlying().filter(|_| dated) else {
                    let what = format!("history of the chain {security}");
                    return Err(Error::Unsupported { what, by: "a canonical option; name its contracts".into() });
                };
                let map = match kind {
                    SecurityType::Option => folder.map_file(&folder.security(underlying, None)?)?,
                    _ => unnamed(),
                };
                let month = (kind == SecurityType::FutureOption).then(|| futures::contract_month(underlying));
                let listed = until(last_trading_day(kind, sid, hours));
                Identity { naming: option_naming(sid, month), map, mapped: listed.clone(), listed, mapping: None }
            }
            _ => plain(Naming::Ticker, for_ever),
        })
    }
}

impl Identity {
    /// Whether contracts are counted.
    pub(super) fn has_interest(&self) -> bool {
        self.naming.is_contract()
    }
}

impl MappingMode {
    /// What LEAN follows in a market when nobody says otherwise.
    fn usual(market: &str) -> MappingMode {
        match market {
            "hkfe" | "eurex" | "ice" => MappingMode::LastTradingDay,
            _ => MappingMode::OpenInterest,
        }
    }
}

/// Whether contracts behind the mapped ones can be named.
fn known_depth(map: &MapFile, depth: usize, hours: &ExchangeHours) -> bool {
    let contract = map.rows().iter().rev().find_map(|row| contract_of(&row.ticker));
    contract.is_none_or(|sid| futures::deeper(&sid, depth, hours).is_some())
}

/// The contract that a row of a future's map file names.
pub(super) fn contract_of(name: &str) -> Option<Sid> {
    name.contains(' ').then(|| name.to_ascii_uppercase().parse().ok()).flatten()
}

/// How the entries of an option contract are named.
fn option_naming(sid: &Sid, folder: Option<String>) -> Naming {
    let right = match sid.right() {
        OptionRight::Call => "call",
        OptionRight::Put => "put",
    };
    let style = match sid.style() {
        OptionStyle::American => "american",
        OptionStyle::European => "european",
    };
    // The strike is written in ten-thousandths, whatever the scale of the prices.
    let strike = (sid.strike().as_f64() * 10_000.0).round() as i64;
    let terms = format!("{right}_{strike}_{}", crate::write::digits(sid.date()));
    Naming::Option { folder, style, terms }
}

/// The last open day up to an option's expiry (standard contracts of the time before 2015 expire on a Saturday).
fn last_trading_day(kind: SecurityType, sid: &Sid, hours: &ExchangeHours) -> i32 {
    let expiry = day_number(sid.date());
    match kind {
        SecurityType::IndexOption => expiry,
        _ => (expiry - 15..=expiry).rev().find(|day| hours.is_date_open(*day, false)).unwrap_or(expiry),
    }
}
