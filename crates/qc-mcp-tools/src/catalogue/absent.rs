//! A symbol of which nothing is stored: what there is instead, and every way to get it with its price.

use qc_data::{BarSize, DataFolder, Security, SecurityType, describe::SymbolDescription};

use crate::{
    error::{Kind, ToolError, Topic},
    quantbook::OpenSource,
    reply, symbols,
};

/// Symbols named when one is unknown.
const MAX_NAMED: usize = 12;

/// QuantConnect's prices by file, from its price list of 2025; `price_data_download` tells the current ones.
const PRICES: &str = "about 100 QCC (1 USD) a symbol of daily bars, 300 of hour bars, 5 a day of minute or second bars";

/// Nothing is stored of a symbol at these bars (`None`: at any).
pub(super) fn absent(
    source: &OpenSource,
    described: &SymbolDescription,
    bars: Option<BarSize>,
) -> Result<ToolError, ToolError> {
    let security = &described.security;
    let ticker = &security.ticker;
    let mut message = match bars {
        Some(bars) if bars != BarSize::Stored(bars.source()) => {
            format!("the source holds no {} data for {ticker}, of which {bars} bars are made", bars.source())
        }
        Some(bars) => format!("the source holds no {bars} data for {ticker}"),
        None => format!("the source holds no data for {ticker}"),
    };
    if let Some(other) = described.stored.first() {
        message.push_str(&format!("; it has {} bars from {} to {}", other.resolution, other.first, other.last));
    } else if let Some(other) = stored_as(&source.folder, security)? {
        message.push_str(&other);
    } else {
        message.push_str(&format!("; {}", what_there_is(&source.folder, security.security_type)?));
    }
    message.push_str(&format!(
        ". Ways to get it: (1) buy it: `price_data_download` tells today's price, `download_data` buys into the folder ({PRICES}; lean-cli's command is `lean data download`); \
         (2) `import_data` of a CSV or Parquet file of your own (free); (3) LEAN-format zips of another provider put into the folder; \
         (4) a workbook on another folder (`initialize_quantbook` with source)"
    ));
    Ok(ToolError::new(Kind::NotFound, Topic::Symbol, message))
}

/// Under which other types a ticker is stored, as the end of a sentence; `None` if under none, or under its own too.
///
/// # Errors
/// When the folder cannot be listed.
pub(crate) fn stored_as(folder: &DataFolder, security: &Security) -> Result<Option<String>, ToolError> {
    let kinds = symbols::kinds_of(folder, &security.ticker)?;
    if kinds.contains(&(security.security_type, security.market.to_string())) {
        return Ok(None);
    }
    let others: Vec<String> =
        kinds.iter().map(|(kind, market)| format!("{kind}:{market}:{}", security.ticker)).collect();
    Ok((!others.is_empty()).then(|| format!("; the ticker is stored as another type, write {}", others.join(" or "))))
}

/// The symbols of a type in one phrase, for messages about one that is not among them.
fn what_there_is(folder: &DataFolder, wanted: SecurityType) -> Result<String, ToolError> {
    let described = folder.describe()?;
    let mut symbols: Vec<String> = described
        .shelves
        .into_iter()
        .filter(|holding| holding.security_type == wanted)
        .flat_map(|holding| holding.tickers)
        .filter(|name| reply::is_ticker(name))
        .collect();
    symbols.sort_unstable();
    symbols.dedup();
    let n = symbols.len();
    symbols.truncate(MAX_NAMED);
    let more = if MAX_NAMED < n { ", ..." } else { "" };
    let kind = if wanted == SecurityType::Equity { "equities".to_owned() } else { format!("symbols of type {wanted}") };
    Ok(if n == 0 {
        format!("it has no {kind} at all")
    } else {
        format!("it has {n} {kind}: {}{more}", symbols.join(", "))
    })
}
