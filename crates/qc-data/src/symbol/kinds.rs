//! What kind of thing is traded, with LEAN's numbers and names.

use crate::error::{Error, Result, shown};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What kind of thing is traded. The numbers are LEAN's own (they are part of security identifiers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SecurityType {
    /// Custom data and indices of QuantConnect's own making.
    Base = 0,
    /// Shares and exchange traded funds.
    Equity = 1,
    /// Options on shares.
    Option = 2,
    /// Physical commodities.
    Commodity = 3,
    /// Currency pairs.
    Forex = 4,
    /// Futures, single contracts and continuous.
    Future = 5,
    /// Contracts for difference.
    Cfd = 6,
    /// Crypto currencies, spot.
    Crypto = 7,
    /// Options on futures.
    FutureOption = 8,
    /// Indices.
    Index = 9,
    /// Options on indices.
    IndexOption = 10,
    /// Perpetual and dated crypto futures.
    CryptoFuture = 11,
}

/// Every security type with LEAN's lower-case folder name and the name used in the market-hours database.
const TYPES: [(SecurityType, &str, &str); 12] = [
    (SecurityType::Base, "base", "Base"),
    (SecurityType::Equity, "equity", "Equity"),
    (SecurityType::Option, "option", "Option"),
    (SecurityType::Commodity, "commodity", "Commodity"),
    (SecurityType::Forex, "forex", "Forex"),
    (SecurityType::Future, "future", "Future"),
    (SecurityType::Cfd, "cfd", "Cfd"),
    (SecurityType::Crypto, "crypto", "Crypto"),
    (SecurityType::FutureOption, "futureoption", "FutureOption"),
    (SecurityType::Index, "index", "Index"),
    (SecurityType::IndexOption, "indexoption", "IndexOption"),
    (SecurityType::CryptoFuture, "cryptofuture", "CryptoFuture"),
];

impl SecurityType {
    /// All types, by number.
    pub const ALL: [SecurityType; 12] = [
        SecurityType::Base,
        SecurityType::Equity,
        SecurityType::Option,
        SecurityType::Commodity,
        SecurityType::Forex,
        SecurityType::Future,
        SecurityType::Cfd,
        SecurityType::Crypto,
        SecurityType::FutureOption,
        SecurityType::Index,
        SecurityType::IndexOption,
        SecurityType::CryptoFuture,
    ];

    /// Whether files are named by the ticker alone, so that the ticker may hold dots and underscores.
    pub(crate) fn is_equity_like(self) -> bool {
        matches!(self, SecurityType::Equity | SecurityType::Index | SecurityType::Forex | SecurityType::Cfd)
    }

    /// Folder name: `equity`, `futureoption`.
    pub fn folder(self) -> &'static str {
        TYPES.iter().find(|(t, ..)| *t == self).map_or("base", |(_, folder, _)| folder)
    }

    /// Name in the market-hours database: `Equity`, `FutureOption`.
    pub fn title(self) -> &'static str {
        TYPES.iter().find(|(t, ..)| *t == self).map_or("Base", |(.., title)| title)
    }

    /// The type with this number.
    pub(crate) fn from_code(code: u64) -> Option<SecurityType> {
        TYPES.iter().map(|(t, ..)| *t).find(|t| *t as u64 == code)
    }

    /// Whether this is any kind of option.
    pub fn is_option(self) -> bool {
        matches!(self, SecurityType::Option | SecurityType::IndexOption | SecurityType::FutureOption)
    }

    /// The market LEAN assumes when none is named.
    pub fn default_market(self) -> &'static str {
        match self {
            SecurityType::Forex | SecurityType::Cfd => "oanda",
            SecurityType::Crypto => "coinbase",
            SecurityType::CryptoFuture => "binance",
            SecurityType::Future | SecurityType::FutureOption => "cme",
            _ => "usa",
        }
    }
}

impl fmt::Display for SecurityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

impl FromStr for SecurityType {
    type Err = Error;

    fn from_str(text: &str) -> Result<SecurityType> {
        let plain: String = text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
        TYPES.iter().find(|(_, folder, _)| *folder == plain).map(|(t, ..)| *t).ok_or_else(|| Error::Unknown {
            what: "security type",
            text: shown(text),
            known: "base, equity, option, commodity, forex, future, cfd, crypto, futureoption, index, indexoption, cryptofuture",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_its_own_names() {
        for (kind, folder, title) in TYPES {
            assert_eq!(folder.parse::<SecurityType>().unwrap(), kind);
            assert_eq!(title.parse::<SecurityType>().unwrap(), kind);
        }
    }
}
