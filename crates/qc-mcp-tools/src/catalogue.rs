//! What a source holds, as a caller reads it: the whole folder, one symbol, or a ticker that is not there.

use qc_data::{BarSize, DataFolder, Resolution, SecurityType, SymbolQuery, describe::SymbolDescription};
use serde_json::{Map, Value, json};

use crate::{
    error::{Kind, ToolError, Topic},
    prices::in_source,
    quantbook::{OpenSource, Subscription, Workbook},
    reply::{self, Reply},
};

/// Symbols listed per holding; the rest is counted.
const MAX_SYMBOLS: usize = 60;
/// Symbols named when one is unknown.
const MAX_NAMED: usize = 12;
/// Events listed of each kind, the newest.
const MAX_EVENTS: usize = 12;
/// Gaps listed, the longest.
const MAX_GAPS: usize = 10;

/// Securities found for tickers.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    found: Vec<SymbolDescription>,
    bars: BarSize,
    source: String,
    synthetic: bool,
}

/// Describes the whole source, or one symbol of it.
///
/// # Errors
/// Damaged files; a symbol of which nothing is stored is described too, as an error with ways to get it.
pub(crate) fn describe(source: &OpenSource, symbol: Option<&str>) -> Result<Reply, ToolError> {
    match symbol {
        None => whole(source),
        Some(symbol) => one(source, symbol),
    }
}

/// Looks tickers up and refuses those of which nothing is stored at the bars asked for.
///
/// # Errors
/// [`Kind::NotFound`] naming the ticker and what the source has.
pub(crate) fn look_up(source: &OpenSource, tickers: &[String], bars: BarSize) -> Result<Looked, ToolError> {
    let mut found = Vec::with_capacity(tickers.len());
    for ticker in tickers {
        let described = source.folder.describe_symbol(&query(ticker))?;
        if !described.stored.iter().any(|stored| stored.resolution == bars.source()) {
            return Err(in_source(absent(source, &described, Some(bars))?, source));
        }
        found.push(described);
    }
    let synthetic = source.folder.is_synthetic();
    Ok(Looked { found, bars, source: source.label.clone(), synthetic })
}

impl Looked {
    /// The securities, as a workbook keeps them.
    pub(crate) fn subscriptions(&self) -> Vec<Subscription> {
        let added = jiff::Timestamp::now();
        let of = |found: &SymbolDescription| Subscription {
            ticker: found.security.ticker.clone(),
            security_type: found.security.security_type.to_string(),
            market: found.security.market.to_string(),
            resolution: self.bars.to_string(),
            sid: found.security.sid.to_string(),
            added,
        };
        self.found.iter().map(of).collect()
    }

    /// The answer of a tool that added them to `book`.
    pub(crate) fn reply(&self, book: &Workbook, n_new: usize) -> Reply {
        let tickers: Vec<&str> = self.found.iter().map(|found| found.security.ticker.as_str()).collect();
        let again = self.found.len() - n_new;
        let again = if again == 0 { String::new() } else { format!(" ({again} there already)") };
        let synthetic = if self.synthetic { " SYNTHETIC data, not real prices." } else { "" };
        let summary = format!(
            "Added {} to workbook `{}`{again}; it holds {} securities.{synthetic}",
            tickers.join(", "),
            book.name,
            book.subscriptions.len()
        );
        let of = |found: &SymbolDescription| {
            let stored = found.stored.iter().find(|stored| stored.resolution == self.bars.source());
            json!({
                "symbol": found.security.ticker,
                "sid": reply::identifier(&found.security.sid.to_string()),
                "resolution": self.bars.to_string(),
                "first": stored.map(|stored| stored.first.to_string()),
                "last": stored.map(|stored| stored.last.to_string()),
                "adjustable": found.unadjusted.is_none(),
            })
        };
        let rows: Vec<Value> = self.found.iter().map(of).collect();
        Reply::new(summary).field("instance_name", &book.name).field("source", &self.source).field("added", rows)
    }
}

fn query(ticker: &str) -> SymbolQuery {
    SymbolQuery::new(ticker, SecurityType::Equity)
}

/// The whole folder: symbols by type, market and resolution.
fn whole(source: &OpenSource) -> Result<Reply, ToolError> {
    let described = source.folder.describe()?;
    let mut symbols: Vec<&String> = described.shelves.iter().flat_map(|shelf| &shelf.tickers).collect();
    symbols.sort_unstable();
    symbols.dedup();
    if symbols.is_empty() {
        let message = format!("source `{}` holds no market data in LEAN's layout", source.label);
        return Err(ToolError::new(Kind::NotConfigured, Topic::DataFolder, message));
    }
    let holdings: Vec<Value> = described
        .shelves
        .iter()
        .map(|holding| {
            let (plain, odd): (Vec<&String>, Vec<&String>) =
                holding.tickers.iter().partition(|name| reply::is_ticker(name));
            let shown: Vec<&String> = plain.into_iter().take(MAX_SYMBOLS).collect();
            let mut facts = json!({
                "security_type": holding.security_type,
                "market": reply::ticker(&holding.market),
                "resolution": holding.resolution,
                "n_symbols": holding.tickers.len(),
                "symbols": shown,
            });
            let more = holding.tickers.len().saturating_sub(shown.len() + odd.len());
            if let Some(facts) = facts.as_object_mut() {
                if 0 < more {
                    facts.insert("symbols_not_shown".into(), json!(more));
                }
                if !odd.is_empty() {
                    let names = odd.into_iter().take(MAX_NAMED).map(|name| reply::ticker(name));
                    facts.insert("odd_file_names".into(), names.collect());
                }
            }
            facts
        })
        .collect();
    let synthetic = if described.synthetic { " SYNTHETIC data, not real prices." } else { "" };
    let summary = format!("Source `{}` holds {} symbols.{synthetic}", source.label, symbols.len());
    Ok(Reply::new(summary)
        .field("source", &source.label)
        .field("synthetic", described.synthetic)
        .field("holdings", holdings)
        .next("`describe_data` with a symbol shows its dates, splits, dividends and gaps"))
}

/// One symbol: stored bars, names, splits, dividends, gaps.
fn one(source: &OpenSource, symbol: &str) -> Result<Reply, ToolError> {
    let described = source.folder.describe_symbol(&query(symbol))?;
    if described.stored.is_empty() {
        return Err(in_source(absent(source, &described, None)?, source));
    }
    let ticker = &described.security.ticker;
    let stored: Vec<Value> = described
        .stored
        .iter()
        .map(|stored| {
            let mut longest: Vec<_> = stored.gaps.iter().collect();
            longest.sort_by_key(|gap| (std::cmp::Reverse(gap.n_days), gap.first));
            longest.truncate(MAX_GAPS);
            let gaps: Vec<Value> = longest
                .iter()
                .map(|gap| json!({"first": gap.first.to_string(), "last": gap.last.to_string(), "open_days": gap.n_days}))
                .collect();
            let counted = if matches!(stored.resolution, Resolution::Daily | Resolution::Hour) { "bars" } else { "days" };
            let mut facts = Map::new();
            facts.insert("resolution".into(), json!(stored.resolution));
            facts.insert("first".into(), json!(stored.first.to_string()));
            facts.insert("last".into(), json!(stored.last.to_string()));
            facts.insert(counted.into(), json!(stored.count));
            if counted == "bars" {
                facts.insert("n_gaps".into(), json!(stored.gaps.len()));
                facts.insert("longest_gaps".into(), Value::Array(gaps));
            }
            Value::Object(facts)
        })
        .collect();
    let spans: Vec<String> = described
        .stored
        .iter()
        .map(|stored| format!("{} {} to {}", stored.resolution, stored.first, stored.last))
        .collect();
    let adjust = match &described.unadjusted {
        None => "can be adjusted".to_owned(),
        Some(reason) => format!("cannot be adjusted: {reason}"),
    };
    let synthetic = if source.folder.is_synthetic() { " SYNTHETIC data, not real prices." } else { "" };
    let summary = format!(
        "{ticker}: {}; prices {adjust}; {} splits, {} dividends.{synthetic}",
        spans.join(", "),
        described.splits.len(),
        described.dividends.len()
    );
    let splits: Vec<Value> = described
        .splits
        .iter()
        .rev()
        .take(MAX_EVENTS)
        .map(|split| json!({"date": split.date.to_string(), "new_shares_per_share": split.shares_per_share}))
        .collect();
    let dividends: Vec<Value> = described
        .dividends
        .iter()
        .rev()
        .take(MAX_EVENTS)
        .map(|paid| json!({"date": paid.date.to_string(), "amount": paid.amount}))
        .collect();
    let names: Vec<Value> = described
        .names
        .iter()
        .map(|name| json!({"ticker": reply::ticker(&name.ticker), "until": name.until.map(|day| day.to_string())}))
        .collect();
    Ok(Reply::new(summary)
        .field("symbol", ticker)
        .field("sid", reply::identifier(&described.security.sid.to_string()))
        .field("source", &source.label)
        .field("synthetic", source.folder.is_synthetic())
        .field("stored", stored)
        .field("unadjusted", &described.unadjusted)
        .field("listed", described.listed.map(|day| day.to_string()))
        .field("delisted", described.delisted.map(|day| day.to_string()))
        .field("tickers", names)
        .field("n_splits", described.splits.len())
        .field("splits", splits)
        .field("n_dividends", described.dividends.len())
        .field("dividends", dividends))
}

/// Nothing is stored of a ticker: what there is instead, and every way to get it.
fn absent(source: &OpenSource, described: &SymbolDescription, bars: Option<BarSize>) -> Result<ToolError, ToolError> {
    let ticker = &described.security.ticker;
    let mut message = match bars {
        Some(bars) => format!("the source holds no {bars} data for {ticker}"),
        None => format!("the source holds no data for {ticker}"),
    };
    if let Some(other) = described.stored.first() {
        message.push_str(&format!("; it has {} bars from {} to {}", other.resolution, other.first, other.last));
    } else {
        message.push_str(&format!("; {}", what_there_is(&source.folder)?));
    }
    message.push_str(". Ways to get it: `lean data download` of QuantConnect's US Equities dataset (paid per file or by subscription, priced on quantconnect.com/datasets), ");
    message.push_str("LEAN-format zips from another provider put into the folder, or a workbook on another folder (`initialize_quantbook` with source)");
    Ok(ToolError::new(Kind::NotFound, Topic::Symbol, message))
}

/// The equities of a folder in one phrase, for messages about a symbol that is not among them.
pub(crate) fn what_there_is(folder: &DataFolder) -> Result<String, ToolError> {
    let described = folder.describe()?;
    let mut symbols: Vec<String> = described
        .shelves
        .into_iter()
        .filter(|holding| holding.security_type == SecurityType::Equity)
        .flat_map(|holding| holding.tickers)
        .filter(|name| reply::is_ticker(name))
        .collect();
    symbols.sort_unstable();
    symbols.dedup();
    let n = symbols.len();
    symbols.truncate(MAX_NAMED);
    let more = if MAX_NAMED < n { ", ..." } else { "" };
    Ok(if n == 0 {
        "it has no equities at all".to_owned()
    } else {
        format!("it has {n} equities: {}{more}", symbols.join(", "))
    })
}
