//! What a source holds, as a caller reads it: the whole folder, one symbol, or a symbol that is not there.

mod absent;
mod folder;

use qc_data::{BarSize, Resolution, SecurityType, SymbolQuery, describe::SymbolDescription};
use serde_json::{Map, Value, json};

use self::absent::absent;
pub(crate) use self::{absent::stored_as, folder::whole};
use crate::{
    error::ToolError,
    prices::in_source,
    quantbook::{OpenSource, Subscription, Workbook},
    reply::{self, Reply},
    symbols::{self, Symbols},
};

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
    notes: Vec<String>,
}

/// Looks symbols up and refuses those of which nothing is stored at the bars asked for.
///
/// # Errors
/// [`Kind::NotFound`] naming the symbol and what the source has.
pub(crate) fn look_up(source: &OpenSource, symbols: &Symbols, bars: BarSize) -> Result<Looked, ToolError> {
    let mut found = Vec::with_capacity(symbols.names.len());
    for query in symbols.queries() {
        let described = source.folder.describe_symbol(&query)?;
        if !described.stored.iter().any(|stored| stored.resolution == bars.source()) {
            return Err(in_source(absent(source, &described, Some(bars))?, source));
        }
        found.push(described);
    }
    let synthetic = source.folder.is_synthetic();
    Ok(Looked { found, bars, source: source.label.clone(), synthetic, notes: symbols.notes.clone() })
}

/// As [`look_up`], leaving out symbols of which nothing is stored at the bars asked for.
///
/// # Errors
/// Damaged files.
pub(crate) fn look_up_held(source: &OpenSource, symbols: &Symbols, bars: BarSize) -> Result<Looked, ToolError> {
    let mut left_out = Vec::new();
    let mut found = Vec::with_capacity(symbols.names.len());
    for query in symbols.queries() {
        let described = source.folder.describe_symbol(&query)?;
        if described.stored.iter().any(|stored| stored.resolution == bars.source()) {
            found.push(described);
        } else {
            left_out.push(format!("{} has no {} bars and was left out", described.security.ticker, bars.source()));
        }
    }
    /// Symbols named that were left out; the rest is counted.
    const NAMED: usize = 20;
    let more = left_out.len().saturating_sub(NAMED);
    left_out.truncate(NAMED);
    let mut notes = symbols.notes.clone();
    notes.extend(left_out);
    if 0 < more {
        notes.push(format!("{more} more have no {} bars and were left out", bars.source()));
    }
    Ok(Looked { found, bars, source: source.label.clone(), synthetic: source.folder.is_synthetic(), notes })
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
            future: None,
        };
        self.found.iter().map(of).collect()
    }

    /// The answer of a tool that added them to `book`.
    pub(crate) fn reply(&self, book: &Workbook, n_new: usize) -> Reply {
        /// Names in one sentence; the rest is counted.
        const NAMED: usize = 12;
        let mut tickers: Vec<&str> =
            self.found.iter().map(|found| found.security.ticker.as_str()).take(NAMED).collect();
        let more = format!("{} more", self.found.len().saturating_sub(NAMED));
        if NAMED < self.found.len() {
            tickers.push(&more);
        }
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
                "security_type": found.security.security_type,
                "market": reply::ticker(found.security.market.as_str()),
                "resolution": self.bars.to_string(),
                "first": stored.map(|stored| stored.first.to_string()),
                "last": stored.map(|stored| stored.last.to_string()),
                "adjustable": is_adjustable(found),
            })
        };
        let rows: Vec<Value> = self.found.iter().map(of).collect();
        let mut reply =
            Reply::new(summary).field("instance_name", &book.name).field("source", &self.source).field("added", rows);
        if !self.notes.is_empty() {
            reply = reply.field("notes", &self.notes);
        }
        reply
    }
}

/// Whether the folder has what prices are adjusted with: factors of a share, or of a continuous future.
fn is_adjustable(found: &SymbolDescription) -> bool {
    match found.security.security_type {
        SecurityType::Equity => found.unadjusted.is_none(),
        other => other == SecurityType::Future && found.security.sid.underlying().is_none(),
    }
}

/// One symbol: stored bars, names, splits, dividends, gaps. A plain ticker that is no share here is looked for among
/// the other types.
///
/// # Errors
/// Damaged files; a symbol of which nothing is stored, with the ways to get it.
pub(crate) fn one(source: &OpenSource, name: &str, meant: Option<SymbolQuery>) -> Result<Reply, ToolError> {
    let is_plain = meant.is_none();
    let query = meant.unwrap_or_else(|| SymbolQuery::new(name, SecurityType::Equity));
    let mut described = source.folder.describe_symbol(&query)?;
    let kinds = if is_plain { symbols::kinds_of(&source.folder, name)? } else { Vec::new() };
    if described.stored.is_empty()
        && let Some((security_type, market)) = kinds.first()
    {
        let market = Some(market.clone());
        let query = SymbolQuery::Ticker { ticker: name.to_owned(), security_type: *security_type, market, date: None };
        described = source.folder.describe_symbol(&query)?;
    }
    if described.stored.is_empty() {
        return Err(in_source(absent(source, &described, None)?, source));
    }
    let security = &described.security;
    let ticker = &security.ticker;
    let is_this =
        |kind: &SecurityType, market: &str| *kind == security.security_type && market == security.market.as_str();
    let also: Vec<String> = kinds
        .iter()
        .filter(|(kind, market)| !is_this(kind, market))
        .map(|(kind, market)| format!("{kind}:{market}:{name}"))
        .collect();
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
            let has_contracts = 0 < stored.contracts;
            let mut facts = Map::new();
            facts.insert("resolution".into(), json!(stored.resolution));
            facts.insert("first".into(), json!(stored.first.to_string()));
            facts.insert("last".into(), json!(stored.last.to_string()));
            facts.insert(counted.into(), json!(stored.count));
            if has_contracts {
                facts.insert("contracts".into(), json!(stored.contracts));
            } else if counted == "bars" {
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
    let is_share = security.security_type == SecurityType::Equity;
    let events = format!("; {} splits, {} dividends", described.splits.len(), described.dividends.len());
    let adjust = match &described.unadjusted {
        None if is_share => format!("; prices can be adjusted{events}"),
        None => String::new(),
        Some(reason) => format!("; prices cannot be adjusted: {reason}{events}"),
    };
    let kind = if is_share { String::new() } else { format!(" ({} of {})", security.security_type, security.market) };
    let synthetic = if source.folder.is_synthetic() { " SYNTHETIC data, not real prices." } else { "" };
    let summary = format!("{ticker}{kind}: {}{adjust}.{synthetic}", spans.join(", "));
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
    let mut reply = Reply::new(summary)
        .field("symbol", ticker)
        .field("sid", reply::identifier(&security.sid.to_string()))
        .field("security_type", security.security_type)
        .field("market", reply::ticker(security.market.as_str()))
        .field("source", &source.label)
        .field("synthetic", source.folder.is_synthetic())
        .field("stored", stored);
    if !also.is_empty() {
        reply = reply.field("also_stored_as", also);
    }
    if is_share {
        reply = reply
            .field("unadjusted", &described.unadjusted)
            .field("listed", described.listed.map(|day| day.to_string()))
            .field("delisted", described.delisted.map(|day| day.to_string()))
            .field("tickers", names)
            .field("n_splits", described.splits.len())
            .field("splits", splits)
            .field("n_dividends", described.dividends.len())
            .field("dividends", dividends);
    }
    Ok(reply)
}
