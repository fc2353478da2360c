//! The symbol properties database and the security database.
//!
//! Source: LEAN, `Common/Securities/SymbolPropertiesDatabase.cs`, `Common/SecurityDefinitionSymbolResolver.cs`.

use crate::error::Result;
use crate::folder::DataFolder;
use crate::lines::{figure, parse_lines, read, without, word};
use crate::sid::Sid;
use crate::symbol::{Security, SecurityType};
use serde::Serialize;

const PROPERTIES: &str = "symbol-properties/symbol-properties-database.csv";
const SECURITIES: &str = "symbol-properties/security-database.csv";

/// How a security is quoted and traded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolProperties {
    /// LEAN's name of the market.
    pub market: String,
    /// The symbol, or `[*]` where the row is the market's usual one.
    pub symbol: String,
    /// What it is.
    pub security_type: SecurityType,
    /// A line about it.
    pub description: Option<String>,
    /// Currency of its prices.
    pub quote_currency: String,
    /// Value of one point of price of one contract, in the quote currency.
    pub contract_multiplier: f64,
    /// Smallest change of the price.
    pub minimum_price_variation: Option<f64>,
    /// Quantities are multiples of this.
    pub lot_size: Option<f64>,
    /// What the market itself calls it.
    pub market_ticker: Option<String>,
    /// Smallest order.
    pub minimum_order_size: Option<f64>,
    /// Prices are quoted in this part of the currency (100: in cents).
    pub price_magnifier: f64,
    /// Strikes are quoted in this part of the currency.
    pub strike_multiplier: f64,
}

/// Identifiers that others use for a security.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecurityIds {
    /// LEAN's identifier.
    pub sid: Sid,
    /// North American securities.
    pub cusip: Option<String>,
    /// Bloomberg's open identifier.
    pub figi: Option<String>,
    /// London Stock Exchange.
    pub sedol: Option<String>,
    /// ISO 6166.
    pub isin: Option<String>,
    /// The filer's number at the SEC.
    pub cik: Option<String>,
}

/// How a security is quoted and traded: its own row, else its market's; `None` when there is neither.
///
/// # Errors
/// A damaged database.
pub fn properties(folder: &DataFolder, security: &Security) -> Result<Option<SymbolProperties>> {
    let Some(rows) = read(folder, PROPERTIES, parse_properties)? else { return Ok(None) };
    let of_market =
        rows.iter().filter(|row| row.security_type == security.security_type && row.market == security.market.as_str());
    let (name, root) = (&security.ticker, security.sid.symbol());
    let own =
        of_market.clone().find(|row| row.symbol.eq_ignore_ascii_case(name) || row.symbol.eq_ignore_ascii_case(root));
    Ok(own.or_else(|| of_market.clone().find(|row| row.symbol == "[*]")).cloned())
}

/// The market of a symbol that is traded in one known place, such as the root of a future.
pub(crate) fn market_of(folder: &DataFolder, symbol: &str, security_type: SecurityType) -> Result<Option<String>> {
    let Some(rows) = read(folder, PROPERTIES, parse_properties)? else { return Ok(None) };
    let found = rows.iter().find(|row| row.security_type == security_type && row.symbol.eq_ignore_ascii_case(symbol));
    Ok(found.map(|row| row.market.clone()))
}

/// What others call a security; `None` when the folder does not know.
///
/// # Errors
/// A damaged database.
pub fn security_ids(folder: &DataFolder, sid: &Sid) -> Result<Option<SecurityIds>> {
    let Some(rows) = read(folder, SECURITIES, parse_securities)? else { return Ok(None) };
    Ok(rows.iter().find(|row| row.sid == *sid).cloned())
}

fn parse_properties(path: &str, text: &str) -> Result<Vec<SymbolProperties>> {
    let mut header = false;
    let text = without(text, |_, line| {
        let comment = line.trim().is_empty() || line.starts_with('#');
        let first = !comment && !header;
        header |= first;
        comment || first
    });
    let rows = parse_lines(path, &text, |cells| {
        let market = word(cells).ok_or("a market")?.to_ascii_lowercase();
        // A few coins have names beyond ASCII, which no file is named by; their rows are left out, and so are those of
        // types that this version does not know.
        let symbol = word(cells);
        let security_type = word(cells).ok_or("a security type")?.parse().ok();
        let description = word(cells);
        let quote_currency = word(cells).ok_or("a currency")?;
        let contract_multiplier = figure(cells)?.ok_or("a number")?;
        let minimum_price_variation = figure(cells)?;
        let lot_size = figure(cells)?;
        let market_ticker = word(cells);
        let minimum_order_size = figure(cells)?;
        let price_magnifier = figure(cells)?.unwrap_or(1.0);
        let strike_multiplier = figure(cells)?.unwrap_or(1.0);
        let (Some(symbol), Some(security_type)) = (symbol, security_type) else { return Ok(None) };
        Ok(Some(SymbolProperties {
            market,
            symbol,
            security_type,
            description,
            quote_currency,
            contract_multiplier,
            minimum_price_variation,
            lot_size,
            market_ticker,
            minimum_order_size,
            price_magnifier,
            strike_multiplier,
        }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

fn parse_securities(path: &str, text: &str) -> Result<Vec<SecurityIds>> {
    parse_lines(path, &without(text, |_, line| line.starts_with('#')), |cells| {
        let sid = word(cells).and_then(|text| text.parse().ok()).ok_or("a security identifier")?;
        let [cusip, figi, sedol, isin, cik] = std::array::from_fn(|_| word(cells));
        Ok(SecurityIds { sid, cusip, figi, sedol, isin, cik })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn comments_blank_lines_and_the_header_are_skipped_and_damage_is_named() {
        let text = "# note\n\nmarket,symbol,type,description,quote_currency,multiplier,step,lot\n\ncbot,KE,future,Wheat,USD,5000,0.0025,1,,1,100\n";
        let rows = parse_properties("p", text).unwrap();
        assert_eq!(
            (rows[0].contract_multiplier, rows[0].price_magnifier, rows[0].strike_multiplier),
            (5000.0, 100.0, 1.0)
        );
        let error = parse_properties("p", &text.replace("5000", "many")).unwrap_err();
        assert!(matches!(error, Error::Cell { line: 5, column: 6, .. }), "{error}");
    }
}
