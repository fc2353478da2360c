//! Names of things: security types, markets, resolutions, normalisations, and a [`Security`] that unites them.

mod bars;
mod kinds;
mod normalization;

pub use bars::{BarSize, Resolution};
pub use kinds::SecurityType;
pub use normalization::Normalization;

use crate::error::{Error, Result, shown};
use crate::sid::Sid;
use jiff::civil::Date;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A market, by LEAN's lower-case name: `usa`, `oanda`, `cme`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Market(Arc<str>);

impl Serialize for Market {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Market {
    /// Takes a market's name; upper case is accepted.
    ///
    /// # Errors
    /// [`Error::BadName`] when it cannot be a folder name.
    pub fn new(name: &str) -> Result<Market> {
        let name = name.trim().to_ascii_lowercase();
        check_name("market", &name)?;
        Ok(Market(name.into()))
    }

    /// The lower-case name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a caller names a security: a ticker (as of a date), or a security resolved before.
#[derive(Debug, Clone, PartialEq)]
pub enum SymbolQuery {
    /// A ticker.
    Ticker {
        /// The ticker, any case.
        ticker: String,
        /// Its type.
        security_type: SecurityType,
        /// Its market; `None` for the type's usual one.
        market: Option<String>,
        /// The day on which the ticker meant the security; `None` for today's meaning.
        date: Option<Date>,
    },
    /// A resolved security.
    Security(Security),
}

impl SymbolQuery {
    /// A ticker of this type in its usual market, as it is used today.
    pub fn new(ticker: impl Into<String>, security_type: SecurityType) -> SymbolQuery {
        SymbolQuery::Ticker { ticker: ticker.into(), security_type, market: None, date: None }
    }

    /// The name to show: the ticker in upper case.
    pub fn name(&self) -> String {
        match self {
            SymbolQuery::Ticker { ticker, .. } => ticker.trim().to_ascii_uppercase(),
            SymbolQuery::Security(security) => security.ticker.clone(),
        }
    }
}

impl From<&str> for SymbolQuery {
    fn from(ticker: &str) -> SymbolQuery {
        SymbolQuery::new(ticker, SecurityType::Equity)
    }
}

impl From<String> for SymbolQuery {
    fn from(ticker: String) -> SymbolQuery {
        SymbolQuery::new(ticker, SecurityType::Equity)
    }
}

impl From<&String> for SymbolQuery {
    fn from(ticker: &String) -> SymbolQuery {
        SymbolQuery::new(ticker.as_str(), SecurityType::Equity)
    }
}

impl From<&Security> for SymbolQuery {
    fn from(security: &Security) -> SymbolQuery {
        SymbolQuery::Security(security.clone())
    }
}

impl From<Security> for SymbolQuery {
    fn from(security: Security) -> SymbolQuery {
        SymbolQuery::Security(security)
    }
}

/// A security that is known by identity, not only by a ticker that may have been used by others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Security {
    /// The ticker as asked for, upper case.
    pub ticker: String,
    /// What kind of thing it is.
    pub security_type: SecurityType,
    /// Where it is traded.
    pub market: Market,
    /// LEAN's identifier.
    pub sid: Sid,
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ticker)
    }
}

/// The index that an index option is written on, where its own name differs.
///
/// Source: LEAN, `Common/Securities/IndexOption/IndexOptionSymbol.cs` (`MapToUnderlying`).
pub(crate) fn index_of(ticker: &str) -> &str {
    match ticker {
        "SPXW" => "SPX",
        "VIXW" => "VIX",
        "NDXP" | "NQX" => "NDX",
        "RUTW" => "RUT",
        other => other,
    }
}

/// The future that an option on a future is written on, where its own name differs.
///
/// Source: LEAN, `Common/Securities/FutureOption/FuturesOptionsSymbolMappings.cs`.
pub(crate) fn future_of(ticker: &str) -> &str {
    match ticker {
        "OZL" => "ZL",
        "OZB" => "ZB",
        "OZC" => "ZC",
        "OZN" => "ZN",
        "OZS" => "ZS",
        "OZT" => "ZT",
        "OZW" => "ZW",
        "OG" => "GC",
        "HXE" => "HG",
        "SO" => "SI",
        "LO" => "CL",
        "HCO" => "HCL",
        "OH" => "HO",
        "ON" => "NG",
        "PAO" => "PA",
        "PO" => "PL",
        "OB" => "RB",
        "YYM" => "YM",
        "QNE" => "NQ",
        other => other,
    }
}

/// Refuses names that cannot safely be one component of a path.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if 64 < name.len() {
        "it is longer than 64 characters"
    } else if name.starts_with('.') {
        "it starts with a dot"
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+=@!$&()#~^ ".contains(&b)) {
        "it holds a character that no symbol has"
    } else {
        return Ok(());
    };
    Err(Error::BadName { what, name: shown(name), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        for name in ["..", "../spy", "a/b", "a\\b", "", "c:", "a\0b", ".hidden"] {
            assert!(check_name("symbol", name).is_err(), "{name:?}");
        }
        for name in ["spy", "brk.b", "tap.a", "fb.1", "eurusd"] {
            assert!(check_name("symbol", name).is_ok(), "{name:?}");
        }
    }
}
