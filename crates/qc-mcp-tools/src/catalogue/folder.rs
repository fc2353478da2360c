//! The whole folder in one answer: first and last bar, gaps, splits and dividends of every symbol.

use std::collections::{BTreeMap, BTreeSet};

use qc_data::{
    SecurityType,
    describe::{DamagedSymbol, FolderDescription, FolderInventory},
};
use serde_json::{Value, json};

use super::is_adjustable;
use crate::{
    error::{Kind, ToolError, Topic},
    quantbook::OpenSource,
    reply,
    sheet::Sheet,
};

/// Symbols named per holding; the rest is counted.
const MAX_SYMBOLS: usize = 30;
/// Names of files listed that are no tickers, and damaged files.
const MAX_NAMED: usize = 12;
/// Symbols up to which every file is looked into; beyond that only names are listed.
const MAX_INVENTORY: usize = 5_000;

const COLUMNS: [&str; 13] = [
    "symbol",
    "security_type",
    "market",
    "resolution",
    "first",
    "last",
    "bars_or_days",
    "gaps",
    "longest_gap_days",
    "longest_gap_from",
    "splits",
    "dividends",
    "adjustable",
];

/// Everything in the source: one row for each symbol and resolution.
///
/// # Errors
/// A folder without any market data; a folder that cannot be listed.
pub(crate) fn whole(source: &OpenSource, limit: usize) -> Result<Sheet, ToolError> {
    let listed = source.folder.describe()?;
    let mut symbols: Vec<&String> = listed.shelves.iter().flat_map(|shelf| &shelf.tickers).collect();
    symbols.sort_unstable();
    symbols.dedup();
    if symbols.is_empty() {
        let message = format!("source `{}` holds no market data in LEAN's layout", source.label);
        return Err(ToolError::new(Kind::NotConfigured, Topic::DataFolder, message));
    }
    let places: usize = listed.shelves.iter().map(|shelf| shelf.tickers.len()).sum();
    let inventory = if places <= MAX_INVENTORY { Some(source.folder.inventory()?) } else { None };
    let synthetic = if listed.synthetic { " SYNTHETIC data, not real prices." } else { "" };
    let mut warnings = Vec::new();
    let mut facts = json!({
        "source": source.label,
        "synthetic": listed.synthetic,
        "n_symbols": symbols.len(),
        "holdings": holdings(&listed),
    });
    let (rows, told) = match &inventory {
        Some(inventory) => {
            if let Some(facts) = facts.as_object_mut() {
                facts.extend(totals(inventory));
            }
            if !inventory.damaged.is_empty() {
                warnings.push(format!("{} symbols have files that cannot be read", inventory.damaged.len()));
            }
            (rows(inventory), span(inventory))
        }
        None => {
            warnings.push(format!(
                "the folder holds {places} symbols by resolution, and files are looked into up to {MAX_INVENTORY}: name a symbol to see its dates"
            ));
            (Vec::new(), String::new())
        }
    };
    Ok(Sheet {
        summary: format!("Source `{}` holds {} symbols{told}.{synthetic}", source.label, symbols.len()),
        facts,
        name: "inventory",
        columns: COLUMNS.map(|name| json!(name)).to_vec(),
        rows,
        limit,
        shows_last: false,
        warnings,
        provenance: json!({"source": source.label, "synthetic": listed.synthetic, "counts": "bars of hour and daily data, days of finer data; gaps are open days without a bar between the first and the last"}),
        next: Some("`describe_data` with a symbol shows its names, splits, dividends and gaps by date"),
    })
}

/// How many symbols there are of each resolution, and all of them.
type Held<'a> = (serde_json::Map<String, Value>, BTreeSet<&'a String>);

/// Symbols by type and market, with how many there are of each resolution.
fn holdings(listed: &FolderDescription) -> Vec<Value> {
    let mut places: BTreeMap<(SecurityType, &str), Held<'_>> = BTreeMap::new();
    for shelf in &listed.shelves {
        let (counts, names) = places.entry((shelf.security_type, shelf.market.as_str())).or_default();
        counts.insert(shelf.resolution.to_string(), json!(shelf.tickers.len()));
        names.extend(&shelf.tickers);
    }
    let of = |((security_type, market), (counts, names)): ((SecurityType, &str), (_, BTreeSet<&String>))| {
        let (plain, odd): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| reply::is_ticker(name));
        let shown: Vec<&String> = plain.into_iter().take(MAX_SYMBOLS).collect();
        let more = names.len().saturating_sub(shown.len() + odd.len());
        let mut facts = json!({
            "security_type": security_type,
            "market": reply::ticker(market),
            "n_symbols": names.len(),
            "by_resolution": Value::Object(counts),
            "symbols": shown,
        });
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
    };
    places.into_iter().map(of).collect()
}

/// Figures of the whole folder.
fn totals(inventory: &FolderInventory) -> serde_json::Map<String, Value> {
    let symbols = &inventory.symbols;
    let with_gaps = symbols.iter().filter(|one| one.stored.iter().any(|stored| !stored.gaps.is_empty())).count();
    let unadjusted = symbols.iter().filter(|one| one.unadjusted.is_some()).count();
    let mut facts = serde_json::Map::new();
    facts.insert("n_splits".into(), json!(symbols.iter().map(|one| one.splits.len()).sum::<usize>()));
    facts.insert("n_dividends".into(), json!(symbols.iter().map(|one| one.dividends.len()).sum::<usize>()));
    facts.insert("n_symbols_with_gaps".into(), json!(with_gaps));
    facts.insert("n_shares_unadjusted".into(), json!(unadjusted));
    if !inventory.damaged.is_empty() {
        let damaged = |one: &DamagedSymbol| json!({"symbol": reply::ticker(&one.ticker), "security_type": one.security_type, "problem": reply::Untrusted::new(one.problem.as_str())});
        facts.insert("damaged".into(), inventory.damaged.iter().take(MAX_NAMED).map(damaged).collect());
    }
    facts
}

/// First and last bar by resolution, in half a sentence.
fn span(inventory: &FolderInventory) -> String {
    let mut spans = BTreeMap::new();
    for stored in inventory.symbols.iter().flat_map(|one| &one.stored) {
        let span = spans.entry(stored.resolution).or_insert((stored.first, stored.last));
        *span = (span.0.min(stored.first), span.1.max(stored.last));
    }
    let spans: Vec<String> =
        spans.iter().rev().map(|(resolution, (first, last))| format!("{resolution} {first} to {last}")).collect();
    if spans.is_empty() { String::new() } else { format!(": {}", spans.join(", ")) }
}

/// One row for each symbol and resolution.
fn rows(inventory: &FolderInventory) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for one in &inventory.symbols {
        let is_share = one.security.security_type == SecurityType::Equity;
        for stored in &one.stored {
            let longest = stored.gaps.iter().max_by_key(|gap| (gap.n_days, std::cmp::Reverse(gap.first)));
            let has_gaps = stored.resolution >= qc_data::Resolution::Hour && stored.contracts == 0;
            let events = |n: usize| if is_share { json!(n) } else { Value::Null };
            rows.push(vec![
                reply::ticker(&one.security.ticker),
                json!(one.security.security_type),
                reply::ticker(one.security.market.as_str()),
                json!(stored.resolution),
                json!(stored.first.to_string()),
                json!(stored.last.to_string()),
                json!(stored.count),
                if has_gaps { json!(stored.gaps.len()) } else { Value::Null },
                json!(longest.map(|gap| gap.n_days)),
                json!(longest.map(|gap| gap.first.to_string())),
                events(one.splits.len()),
                events(one.dividends.len()),
                json!(is_adjustable(one)),
            ]);
        }
    }
    rows
}
