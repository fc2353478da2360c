//! Names of things: security types, markets, resolutions, normalisations, and a [`Security`] that unites them.

use crate::error::{Error, Result, shown};
use crate::sid::Sid;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

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

/// The step at which data is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// Every trade and quote.
    Tick,
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One hour.
    Hour,
    /// One day.
    Daily,
}

impl Resolution {
    /// All resolutions, finest first.
    pub const ALL: [Resolution; 5] =
        [Resolution::Tick, Resolution::Second, Resolution::Minute, Resolution::Hour, Resolution::Daily];

    /// Folder name: `daily`.
    pub fn folder(self) -> &'static str {
        match self {
            Resolution::Tick => "tick",
            Resolution::Second => "second",
            Resolution::Minute => "minute",
            Resolution::Hour => "hour",
            Resolution::Daily => "daily",
        }
    }

    /// Bars as they are stored at this step.
    pub fn into_bars(self) -> BarSize {
        BarSize::Stored(self)
    }

    /// Length of a bar in nanoseconds; 0 for ticks.
    pub(crate) fn nanos(self) -> i64 {
        match self {
            Resolution::Tick => 0,
            Resolution::Second => crate::time::SECOND,
            Resolution::Minute => crate::time::MINUTE,
            Resolution::Hour => crate::time::HOUR,
            Resolution::Daily => crate::time::DAY,
        }
    }

    /// Whether one file holds the whole history (hour and daily) instead of one day.
    pub(crate) fn one_file(self) -> bool {
        matches!(self, Resolution::Hour | Resolution::Daily)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

impl FromStr for Resolution {
    type Err = Error;

    fn from_str(text: &str) -> Result<Resolution> {
        let wanted = text.trim().to_ascii_lowercase();
        Resolution::ALL.into_iter().find(|r| r.folder() == wanted).ok_or_else(|| Error::Unknown {
            what: "resolution",
            text: shown(text),
            known: "Tick, Second, Minute, Hour, Daily",
        })
    }
}

/// The bars a caller wants: stored ones, or bars consolidated from the next finer stored resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
#[non_exhaustive]
pub enum BarSize {
    /// Bars as stored.
    Stored(Resolution),
    /// Bars of this many seconds.
    Seconds(u32),
    /// Bars of this many minutes.
    Minutes(u32),
    /// Bars of this many hours.
    Hours(u32),
    /// One bar a calendar week (Monday to Sunday).
    Weekly,
    /// One bar a calendar month.
    Monthly,
}

impl BarSize {
    /// The stored resolution that is read for these bars.
    pub fn source(self) -> Resolution {
        match self {
            BarSize::Stored(resolution) => resolution,
            BarSize::Seconds(_) => Resolution::Second,
            BarSize::Minutes(_) => Resolution::Minute,
            BarSize::Hours(_) => Resolution::Minute,
            BarSize::Weekly | BarSize::Monthly => Resolution::Daily,
        }
    }
}

impl From<Resolution> for BarSize {
    fn from(resolution: Resolution) -> BarSize {
        BarSize::Stored(resolution)
    }
}

impl From<BarSize> for String {
    fn from(size: BarSize) -> String {
        size.to_string()
    }
}

impl fmt::Display for BarSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BarSize::Stored(resolution) => resolution.fmt(f),
            BarSize::Seconds(n) => write!(f, "{n}s"),
            BarSize::Minutes(n) => write!(f, "{n}m"),
            BarSize::Hours(n) => write!(f, "{n}h"),
            BarSize::Weekly => f.write_str("weekly"),
            BarSize::Monthly => f.write_str("monthly"),
        }
    }
}

impl FromStr for BarSize {
    type Err = Error;

    /// Reads `Daily`, `minute`, `15m`, `30s`, `4h`, `weekly`, `monthly`. `1m`, `1s`, `1h` mean the stored resolution.
    fn from_str(text: &str) -> Result<BarSize> {
        let wanted = text.trim().to_ascii_lowercase();
        if let Ok(resolution) = wanted.parse::<Resolution>() {
            return Ok(BarSize::Stored(resolution));
        }
        match wanted.as_str() {
            "weekly" => return Ok(BarSize::Weekly),
            "monthly" => return Ok(BarSize::Monthly),
            _ => {}
        }
        let unknown = || Error::Unknown {
            what: "resolution",
            text: shown(text),
            known: "Tick, Second, Minute, Hour, Daily, <n>s, <n>m, <n>h, weekly, monthly",
        };
        let digits: String = wanted.chars().take_while(char::is_ascii_digit).collect();
        let unit = wanted.get(digits.len()..).unwrap_or_default().trim();
        let count: u32 = digits.parse().map_err(|_| unknown())?;
        match (unit, count) {
            ("s", 1) => Ok(BarSize::Stored(Resolution::Second)),
            ("m", 1) => Ok(BarSize::Stored(Resolution::Minute)),
            ("h", 1) => Ok(BarSize::Stored(Resolution::Hour)),
            ("s", 2..=86_400) => Ok(BarSize::Seconds(count)),
            ("m", 2..=1_440) => Ok(BarSize::Minutes(count)),
            ("h", 2..=24) => Ok(BarSize::Hours(count)),
            _ => Err(unknown()),
        }
    }
}

/// How prices are adjusted for splits, dividends and futures rolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Normalization {
    /// As traded.
    Raw,
    /// Splits and dividends, scaled to today's prices.
    Adjusted,
    /// Splits only.
    SplitAdjusted,
    /// Splits, plus the cash dividends paid since the start of the request.
    TotalReturn,
    /// Splits and dividends, scaled to prices at the end of the request.
    ScaledRaw,
    /// Continuous futures: earlier contracts multiplied to meet the last one.
    BackwardsRatio,
    /// Continuous futures: earlier contracts shifted to meet the last one.
    BackwardsPanamaCanal,
    /// Continuous futures: later contracts shifted to meet the first one.
    ForwardPanamaCanal,
}

/// Every normalisation with LEAN's name.
const NORMALIZATIONS: [(Normalization, &str); 8] = [
    (Normalization::Raw, "Raw"),
    (Normalization::Adjusted, "Adjusted"),
    (Normalization::SplitAdjusted, "SplitAdjusted"),
    (Normalization::TotalReturn, "TotalReturn"),
    (Normalization::ScaledRaw, "ScaledRaw"),
    (Normalization::BackwardsRatio, "BackwardsRatio"),
    (Normalization::BackwardsPanamaCanal, "BackwardsPanamaCanal"),
    (Normalization::ForwardPanamaCanal, "ForwardPanamaCanal"),
];

impl Normalization {
    /// LEAN's name: `SplitAdjusted`.
    pub fn name(self) -> &'static str {
        NORMALIZATIONS.iter().find(|(n, _)| *n == self).map_or("Raw", |(_, name)| name)
    }
}

impl fmt::Display for Normalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Normalization {
    type Err = Error;

    /// Case and `_`, `-`, spaces do not matter.
    fn from_str(text: &str) -> Result<Normalization> {
        let plain: String = text.chars().filter(char::is_ascii_alphabetic).collect();
        NORMALIZATIONS.iter().find(|(_, name)| name.eq_ignore_ascii_case(&plain)).map(|(n, _)| *n).ok_or_else(|| {
            Error::Unknown {
                what: "normalization",
                text: shown(text),
                known: "Raw, Adjusted, SplitAdjusted, TotalReturn, ScaledRaw, BackwardsRatio, BackwardsPanamaCanal, ForwardPanamaCanal",
            }
        })
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
    fn bar_sizes_read_as_they_print() {
        for text in ["tick", "second", "minute", "hour", "daily", "15m", "30s", "4h", "weekly", "monthly"] {
            assert_eq!(text.parse::<BarSize>().unwrap().to_string(), text);
        }
        assert_eq!("1m".parse::<BarSize>().unwrap(), BarSize::Stored(Resolution::Minute));
        assert!("0m".parse::<BarSize>().is_err());
        assert!("-5m".parse::<BarSize>().is_err());
    }

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        for name in ["..", "../spy", "a/b", "a\\b", "", "c:", "a\0b", ".hidden"] {
            assert!(check_name("symbol", name).is_err(), "{name:?}");
        }
        for name in ["spy", "brk.b", "tap.a", "fb.1", "eurusd"] {
            assert!(check_name("symbol", name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn every_enum_reads_its_own_name() {
        for (kind, folder, title) in TYPES {
            assert_eq!(folder.parse::<SecurityType>().unwrap(), kind);
            assert_eq!(title.parse::<SecurityType>().unwrap(), kind);
        }
        for (normalization, name) in NORMALIZATIONS {
            assert_eq!(name.to_uppercase().parse::<Normalization>().unwrap(), normalization);
        }
    }
}
