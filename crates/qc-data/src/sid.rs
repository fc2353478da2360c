//! LEAN's security identifier: `AAPL R735QTJ8XC9X`, the first ticker and a base-36 number that packs the rest.
//!
//! Source: LEAN, `Common/SecurityIdentifier.cs` (layout of the number) and `Common/Market.cs` (market codes).

use crate::error::{Error, Result, shown};
use crate::symbol::SecurityType;
use jiff::civil::{Date, date};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The day from which LEAN counts days (OLE automation's zero); also the date of a security without map file.
pub const DEFAULT_DATE: Date = date(1899, 12, 30);

/// Where each field starts in the packed number, and how many values it has.
const TYPE: (u64, u64) = (1, 100);
const MARKET: (u64, u64) = (100, 1_000);
const STRIKE_SCALE: (u64, u64) = (100_000, 100);
const STRIKE: (u64, u64) = (10_000_000, 1_000_000);
const STYLE: (u64, u64) = (10_000_000_000_000, 10);
const DAYS: (u64, u64) = (100_000_000_000_000, 100_000);
const RIGHT: (u64, u64) = (10_000_000_000_000_000_000, 10);

/// Bit 19 of the packed strike marks a negative one.
const NEGATIVE: u64 = 1 << 19;
/// The first packed strike that does not fit beside the sign bit.
const STRIKE_LIMIT: i128 = 475_712;

/// Markets with LEAN's codes.
const MARKETS: [(&str, u64); 39] = [
    ("empty", 0),
    ("usa", 1),
    ("fxcm", 2),
    ("oanda", 3),
    ("dukascopy", 4),
    ("bitfinex", 5),
    ("cmeglobex", 6),
    ("nymex", 7),
    ("cbot", 8),
    ("ice", 9),
    ("cboe", 10),
    ("india", 11),
    ("kraken", 13),
    ("bittrex", 14),
    ("bithumb", 15),
    ("binance", 16),
    ("poloniex", 17),
    ("coinone", 18),
    ("hitbtc", 19),
    ("okcoin", 20),
    ("bitstamp", 21),
    ("comex", 22),
    ("cme", 23),
    ("sgx", 24),
    ("hkfe", 25),
    ("nyseliffe", 26),
    ("cfe", 33),
    ("ftx", 34),
    ("ftxus", 35),
    ("binanceus", 36),
    ("bybit", 37),
    ("coinbase", 38),
    ("interactivebrokers", 39),
    ("eurex", 40),
    ("ose", 41),
    ("dydx", 42),
    ("krx", 43),
    ("gdax", 12),
    ("coinbase", 12),
];

/// A security identifier.
///
/// ```
/// use qc_data::{Sid, SecurityType};
/// let sid: Sid = "AAPL R735QTJ8XC9X".parse()?;
/// assert_eq!(sid.security_type(), SecurityType::Equity);
/// assert_eq!(sid.market(), "usa");
/// assert_eq!(sid.date(), jiff::civil::date(1998, 1, 2));
/// assert_eq!(Sid::equity("AAPL", sid.date(), "usa")?, sid);
/// # Ok::<(), qc_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sid {
    symbol: Arc<str>,
    properties: u64,
    underlying: Option<Arc<Sid>>,
}

/// Call or put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionRight {
    /// The right to buy.
    Call,
    /// The right to sell.
    Put,
}

/// When an option may be exercised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionStyle {
    /// Any day until expiry.
    American,
    /// At expiry only.
    European,
}

/// A strike price, exact: `digits` times ten to the power of `exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Strike {
    /// Significant digits with sign, no trailing zeros.
    pub digits: i64,
    /// Power of ten.
    pub exponent: i32,
}

impl Strike {
    /// In currency units.
    pub fn as_f64(self) -> f64 {
        if self.exponent < 0 {
            self.digits as f64 / 10f64.powi(-self.exponent)
        } else {
            self.digits as f64 * 10f64.powi(self.exponent)
        }
    }
}

impl FromStr for Strike {
    type Err = Error;

    /// Reads a plain decimal number, such as `47.5` or `-50`.
    fn from_str(text: &str) -> Result<Strike> {
        let bad = || Error::Sid { reason: "the strike is not a decimal number of at most 18 digits" };
        let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || 18 < digits.len() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let mut strike =
            Strike { digits: sign * digits.parse::<i64>().map_err(|_| bad())?, exponent: -(fraction.len() as i32) };
        if strike.digits == 0 {
            return Ok(Strike::default());
        }
        while strike.digits % 10 == 0 {
            strike.digits /= 10;
            strike.exponent += 1;
        }
        Ok(strike)
    }
}

/// Everything an option's identifier holds beside its symbol and underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionTerms {
    /// Last day of the contract.
    pub expiry: Date,
    /// Strike price.
    pub strike: Strike,
    /// Call or put.
    pub right: OptionRight,
    /// American or European.
    pub style: OptionStyle,
}

impl Sid {
    /// A share or fund, by its first ticker and first trading date ([`DEFAULT_DATE`] without map file).
    pub fn equity(first_ticker: &str, first_date: Date, market: &str) -> Result<Sid> {
        Sid::pack(first_ticker, SecurityType::Equity, market, first_date, None, None)
    }

    /// A security that is told apart by ticker, type and market alone: forex, cfd, crypto, index, continuous future.
    pub fn plain(ticker: &str, security_type: SecurityType, market: &str) -> Result<Sid> {
        Sid::pack(ticker, security_type, market, DEFAULT_DATE, None, None)
    }

    /// One future contract.
    pub fn future(symbol: &str, expiry: Date, market: &str) -> Result<Sid> {
        Sid::pack(symbol, SecurityType::Future, market, expiry, None, None)
    }

    /// One option contract of `security_type` on `underlying`.
    pub fn option(
        symbol: &str,
        security_type: SecurityType,
        market: &str,
        terms: OptionTerms,
        underlying: Sid,
    ) -> Result<Sid> {
        Sid::pack(symbol, security_type, market, terms.expiry, Some(terms), Some(underlying))
    }

    /// All contracts on `underlying`: LEAN's canonical option.
    pub fn chain(symbol: &str, security_type: SecurityType, market: &str, underlying: Sid) -> Result<Sid> {
        let style =
            if security_type == SecurityType::IndexOption { OptionStyle::European } else { OptionStyle::American };
        let terms = OptionTerms { expiry: DEFAULT_DATE, strike: Strike::default(), right: OptionRight::Call, style };
        Sid::pack(symbol, security_type, market, DEFAULT_DATE, Some(terms), Some(underlying))
    }

    fn pack(
        symbol: &str,
        security_type: SecurityType,
        market: &str,
        day: Date,
        terms: Option<OptionTerms>,
        underlying: Option<Sid>,
    ) -> Result<Sid> {
        check_symbol(symbol)?;
        let code = market_code(market).ok_or(Error::Sid { reason: "the market is not known" })?;
        let days = u64::try_from(
            crate::time::days_since_epoch(day).saturating_sub(crate::time::days_since_epoch(DEFAULT_DATE)),
        )
        .ok()
        .filter(|days| *days < DAYS.1)
        .ok_or(Error::Sid { reason: "the date lies before 1899-12-30 or after 2173" })?;
        let mut properties = security_type as u64 + code * MARKET.0 + days * DAYS.0;
        if let Some(terms) = terms {
            let (scale, strike) = pack_strike(terms.strike)?;
            properties += scale * STRIKE_SCALE.0 + strike * STRIKE.0;
            properties += u64::from(terms.style == OptionStyle::European) * STYLE.0;
            let right = u64::from(terms.right == OptionRight::Put) * RIGHT.0;
            // Days and right together do not fit in 64 bits for every day.
            properties = properties
                .checked_add(right)
                .ok_or(Error::Sid { reason: "a put that expires after 2131 does not fit in an identifier" })?;
        }
        let symbol = if security_type == SecurityType::Base { symbol.to_owned() } else { symbol.to_ascii_uppercase() };
        Ok(Sid { symbol: symbol.into(), properties, underlying: underlying.map(Arc::new) })
    }

    /// The first ticker (equity), the pair, or the contract's root.
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// What kind of thing it is.
    pub fn security_type(&self) -> SecurityType {
        SecurityType::from_code(self.field(TYPE)).unwrap_or(SecurityType::Base)
    }

    /// The market's lower-case name. The retired code of GDAX reads as `coinbase`.
    pub fn market(&self) -> &'static str {
        market_name(self.field(MARKET)).unwrap_or("empty")
    }

    /// First trading date (equity), expiry (future, option), else [`DEFAULT_DATE`].
    pub fn date(&self) -> Date {
        crate::time::date_of_day((self.field(DAYS) as i64 + crate::time::days_since_epoch(DEFAULT_DATE)) as i32)
    }

    /// The strike price; zero for everything that is not an option.
    pub fn strike(&self) -> Strike {
        let packed = self.field(STRIKE);
        let negative = packed & NEGATIVE != 0;
        let digits = (packed & !NEGATIVE) as i64;
        if digits == 0 {
            return Strike::default();
        }
        let mut strike =
            Strike { digits: if negative { -digits } else { digits }, exponent: self.field(STRIKE_SCALE) as i32 - 6 };
        while strike.digits % 10 == 0 {
            strike.digits /= 10;
            strike.exponent += 1;
        }
        strike
    }

    /// Call or put; call for everything that is not an option.
    pub fn right(&self) -> OptionRight {
        if self.field(RIGHT) == 0 { OptionRight::Call } else { OptionRight::Put }
    }

    /// American or European; American for everything that is not an option.
    pub fn style(&self) -> OptionStyle {
        if self.field(STYLE) == 0 { OptionStyle::American } else { OptionStyle::European }
    }

    /// What the contract is written on.
    pub fn underlying(&self) -> Option<&Sid> {
        self.underlying.as_deref()
    }

    fn field(&self, (offset, width): (u64, u64)) -> u64 {
        self.properties / offset % width
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.symbol, base36(self.properties))?;
        self.underlying.as_ref().map_or(Ok(()), |underlying| write!(f, "|{underlying}"))
    }
}

impl FromStr for Sid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Sid> {
        if 400 < text.len() {
            return Err(Error::Sid { reason: "it is longer than 400 characters" });
        }
        let mut parsed: Option<Sid> = None;
        for part in text.rsplit('|') {
            let mut words = part.split(' ').filter(|word| !word.is_empty());
            let (Some(symbol), Some(number), None) = (words.next(), words.next(), words.next()) else {
                return Err(Error::Sid { reason: "each part is a symbol, a space and a base-36 number" });
            };
            check_symbol(symbol)?;
            let sid = Sid { symbol: symbol.into(), properties: from_base36(number)?, underlying: parsed.map(Arc::new) };
            if SecurityType::from_code(sid.field(TYPE)).is_none() {
                return Err(Error::Sid { reason: "the security type is not known" });
            }
            if market_name(sid.field(MARKET)).is_none() {
                return Err(Error::Sid { reason: "the market code is not known" });
            }
            parsed = Some(sid);
        }
        parsed.ok_or(Error::Sid { reason: "it is empty" })
    }
}

impl PartialOrd for Sid {
    fn partial_cmp(&self, other: &Sid) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sid {
    /// By the printed form, as LEAN orders them.
    fn cmp(&self, other: &Sid) -> std::cmp::Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl Serialize for Sid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// LEAN's code of a market.
fn market_code(name: &str) -> Option<u64> {
    MARKETS.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

/// The market with this code; 12 was GDAX, which is Coinbase today.
fn market_name(code: u64) -> Option<&'static str> {
    MARKETS.iter().rev().find(|(_, known)| *known == code).map(|(name, _)| *name)
}

/// Packs a strike as (scale, digits): the strike in millionths without its trailing zeros, truncated.
fn pack_strike(strike: Strike) -> Result<(u64, u64)> {
    const RANGE: Error = Error::Sid { reason: "the strike has more digits than an identifier holds (475711)" };
    if strike.digits == 0 {
        return Ok((0, 0));
    }
    let mut digits = i128::from(strike.digits);
    let mut scale = strike.exponent.saturating_add(6);
    while scale < 0 && digits != 0 {
        // Below a millionth LEAN truncates towards zero.
        digits /= 10;
        scale += 1;
    }
    if digits == 0 {
        return Ok((0, 0));
    }
    while digits % 10 == 0 {
        digits /= 10;
        scale = scale.saturating_add(1);
    }
    let size = digits.unsigned_abs();
    if STRIKE_LIMIT.unsigned_abs() <= size || STRIKE_SCALE.1 <= scale as u64 {
        return Err(RANGE);
    }
    let sign = if digits < 0 { NEGATIVE } else { 0 };
    Ok((scale as u64, size as u64 | sign))
}

/// A symbol inside an identifier: no space, no bar, printable.
fn check_symbol(symbol: &str) -> Result<()> {
    if symbol.is_empty() || 64 < symbol.len() || symbol.bytes().any(|b| b <= b' ' || b == b'|' || b == 0x7f) {
        return Err(Error::BadName {
            what: "symbol",
            name: shown(symbol),
            reason: "it is empty, too long, or holds a space, a bar or a control character",
        });
    }
    Ok(())
}

fn base36(mut value: u64) -> String {
    if value == 0 {
        return "0".to_owned();
    }
    let mut digits = Vec::with_capacity(13);
    while value != 0 {
        digits.push(char::from_digit((value % 36) as u32, 36).unwrap_or('0').to_ascii_uppercase());
        value /= 36;
    }
    digits.iter().rev().collect()
}

fn from_base36(text: &str) -> Result<u64> {
    const BAD: Error = Error::Sid { reason: "the number is not in base 36 (0-9, A-Z) or does not fit in 64 bits" };
    let mut value: u64 = 0;
    for c in text.chars() {
        let digit = c.to_digit(36).ok_or(BAD)?;
        value = value.checked_mul(36).and_then(|v| v.checked_add(u64::from(digit))).ok_or(BAD)?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(strike: &str) -> Result<Sid> {
        let terms = OptionTerms {
            expiry: date(2020, 5, 21),
            strike: strike.parse()?,
            right: OptionRight::Put,
            style: OptionStyle::European,
        };
        Sid::option("AAPL", SecurityType::Option, "usa", terms, "AAPL R735QTJ8XC9X".parse()?)
    }

    #[test]
    fn what_does_not_fit_in_an_identifier_is_an_error() {
        let terms = |expiry, exponent| OptionTerms {
            expiry,
            strike: Strike { digits: 1, exponent },
            right: OptionRight::Put,
            style: OptionStyle::European,
        };
        let put = |expiry, exponent| {
            let share: Sid = "AAPL R735QTJ8XC9X".parse().unwrap();
            Sid::option("AAPL", SecurityType::Option, "usa", terms(expiry, exponent), share)
        };
        assert!(put(date(2130, 1, 1), 0).is_ok());
        assert!(put(date(2140, 1, 1), 0).is_err(), "more than 64 bits");
        assert!(put(date(2130, 1, 1), i32::MAX).is_err());
        assert_eq!(put(date(2130, 1, 1), i32::MIN).unwrap().strike(), Strike::default(), "less than a millionth");
        assert_eq!(put(date(2130, 1, 1), 0).unwrap().to_string().parse::<Sid>().unwrap().date(), date(2130, 1, 1));
    }

    #[test]
    fn published_identifiers_are_built_from_their_parts() {
        assert_eq!(option("100").unwrap().to_string(), "AAPL 31DSP06V7XEQU|AAPL R735QTJ8XC9X");
        assert_eq!(option("0.01").unwrap().to_string(), "AAPL 31DSP06V7OU3Q|AAPL R735QTJ8XC9X");
        assert_eq!(Sid::plain("EURUSD", SecurityType::Forex, "oanda").unwrap().to_string(), "EURUSD 8G");
        assert_eq!(Sid::plain("BTCUSD", SecurityType::Crypto, "coinbase").unwrap().to_string(), "BTCUSD 2XR");
        assert_eq!(Sid::future("ES", date(2013, 12, 20), "cme").unwrap().to_string(), "ES VMKLFZIH2MTD");
        assert_eq!(Sid::equity("AMZN", DEFAULT_DATE, "usa").unwrap().to_string(), "AMZN 2T");
    }

    #[test]
    fn published_identifiers_round_trip() {
        for text in [
            "GOOCV W78ZEOEHV29Y|GOOCV VP83T1ZUHROL",
            "SPX YEBOD23D7ZOU|SPX 31",
            "OG XX67IKNPHUOW|GC XXZQX57AFQ8T",
            "BTCUSD XJ",
            "BTCBUSD 18N",
            "ADAUSDT 18R",
            "BTCUSD 38Z",
        ] {
            assert_eq!(text.parse::<Sid>().unwrap().to_string(), text);
        }
        let og: Sid = "OG XX67IKNPHUOW|GC XXZQX57AFQ8T".parse().unwrap();
        assert_eq!((og.strike().as_f64(), og.date()), (18.35, date(2022, 3, 28)));
        assert_eq!(og.underlying().unwrap().date(), date(2022, 4, 27));
    }

    #[test]
    fn the_retired_gdax_code_is_coinbase_but_another_key() {
        let old: Sid = "BTCUSD XJ".parse().unwrap();
        assert_eq!(old.market(), "coinbase");
        assert_ne!(old, Sid::plain("BTCUSD", SecurityType::Crypto, "coinbase").unwrap());
    }

    #[test]
    fn strikes_at_the_limit_round_trip_and_beyond_it_are_refused() {
        for strike in ["475711", "47.5711", "-50", "0.006425", "18.35", "-0.01"] {
            let sid = option(strike).unwrap();
            let again: Sid = sid.to_string().parse().unwrap();
            assert_eq!(again.strike(), strike.parse().unwrap(), "{strike}");
        }
        for strike in ["475712", "47.5712", "999999", "-475712", "-47.5712", "-999999"] {
            assert!(matches!(option(strike), Err(Error::Sid { .. })), "{strike}");
        }
    }

    #[test]
    fn any_text_is_answered_without_panic() {
        for text in ["", " ", "|", "A", "A B C", "A !", "A ZZZZZZZZZZZZZZZZ", "A 2T|", "é 2T|x", "A 99999", " 0"] {
            let _ = text.parse::<Sid>();
        }
        assert!("A ZZZZZZZZZZZZZZZZ".parse::<Sid>().is_err());
    }
}
