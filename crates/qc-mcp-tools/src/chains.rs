//! The chain of an option or future on a day, as a table: nearest expiry first, then nearest to the underlying's price.

use jiff::civil::Date;
use qc_data::{
    Security, SecurityType, SymbolQuery,
    chain::{self, Chain, ChainFilter, Contract},
    sid::OptionRight,
};
use serde_json::{Value, json};

use crate::{
    error::{Kind, ToolError, Topic},
    funds::{OLD_DAYS, STALE_DAYS, weekdays},
    quantbook::OpenSource,
    reply,
    sheet::{Sheet, number},
};

/// Expiries listed; the rest is counted.
const MAX_EXPIRIES: usize = 40;

/// Figures of the file that are no numbers, named in one answer.
const MAX_NOTES: usize = 5;

/// Types that have chains, in the order in which a plain ticker is looked for.
const WITH_CHAINS: [SecurityType; 4] =
    [SecurityType::Option, SecurityType::IndexOption, SecurityType::Future, SecurityType::FutureOption];

/// What `get_chain` asks.
#[derive(Debug, Clone)]
pub(crate) struct ChainQuestion {
    /// Ticker of the underlying or root.
    pub(crate) name: String,
    /// What the caller said the ticker means.
    pub(crate) meant: Option<SymbolQuery>,
    /// Type of the contracts, if the caller said it.
    pub(crate) security_type: Option<SecurityType>,
    /// Contracts known at the beginning of this day.
    pub(crate) day: Date,
    /// Which contracts.
    pub(crate) filter: ChainFilter,
    /// Rows to show.
    pub(crate) limit: usize,
    /// Whether a file of any age will do.
    pub(crate) allow_stale: bool,
}

/// Reads the chain.
///
/// # Errors
/// As [`find`].
pub(crate) fn read(source: &OpenSource, question: &ChainQuestion) -> Result<Sheet, ToolError> {
    let (found, expired) = find(source, question)?;
    Ok(sheet(source, question, &found, expired))
}

/// The contracts of a chain that were listed on a day, nearest expiry first, and where they come from in our own words.
///
/// # Errors
/// As [`find`].
pub(crate) fn contracts(
    source: &OpenSource,
    name: String,
    meant: Option<SymbolQuery>,
    day: Date,
) -> Result<(Vec<Security>, Vec<String>), ToolError> {
    let filter = ChainFilter::default();
    let question =
        ChainQuestion { name, meant, security_type: None, day, filter, limit: usize::MAX, allow_stale: false };
    let (found, expired) = find(source, &question)?;
    let n_unnamed = found.contracts.iter().filter(|contract| contract.security.is_none()).count();
    let mut notes = vec![format!(
        "contracts of {} on {day} are those of the file of {} ({} of them)",
        question.name,
        found.file_date,
        found.contracts.len()
    )];
    if 0 < expired {
        notes.push(format!("{expired} contracts of the file had expired before {day} and are left out"));
    }
    if 0 < n_unnamed {
        notes.push(format!("{n_unnamed} contracts of {} cannot be named and are left out", question.name));
    }
    Ok((found.contracts.into_iter().filter_map(|contract| contract.security).collect(), notes))
}

/// Finds the chain and leaves out what had expired; how many contracts that were.
///
/// # Errors
/// A symbol without a chain before the day, a file that is more than 60 weekdays older than the day unless that is
/// allowed, contracts that have all expired since, a filter that no contract passes, damaged files.
fn find(source: &OpenSource, question: &ChainQuestion) -> Result<(Chain, usize), ToolError> {
    let everything = ChainFilter::default();
    for query in candidates(question)? {
        let Some(mut found) = chain::on(&source.folder, &query, question.day, &question.filter)? else { continue };
        let age = weekdays(found.file_date, question.day);
        if STALE_DAYS < age && !question.allow_stale {
            let message = format!(
                "the newest chain of {} before {} is of {}, {age} weekdays earlier; at most {STALE_DAYS} are taken",
                question.name, question.day, found.file_date
            );
            return Err(ToolError::new(Kind::BadData, Topic::Chain, message));
        }
        let n = found.contracts.len();
        // A contract still trades on its last day.
        found.contracts.retain(|contract| contract.expiry.is_none_or(|expiry| question.day <= expiry));
        let expired = n - found.contracts.len();
        if found.contracts.is_empty() && 0 < expired {
            let message = format!(
                "all {expired} contracts of {} in the file of {} that pass the filters had expired before {}",
                question.name, found.file_date, question.day
            );
            return Err(ToolError::new(Kind::NotFound, Topic::Chain, message));
        }
        if found.contracts.is_empty() {
            let all = chain::on(&source.folder, &query, question.day, &everything)?;
            let n = all.map_or(0, |all| all.contracts.len());
            let message = format!(
                "none of the {n} contracts of {} in the file of {} passes the filters",
                question.name, found.file_date
            );
            return Err(ToolError::new(Kind::NotFound, Topic::Chain, message));
        }
        return Ok((found, expired));
    }
    let message = format!(
        "source `{}` has no chain of {} from before {} (options, index options, futures and options on futures were looked for)",
        source.label, question.name, question.day
    );
    Err(ToolError::new(Kind::NotFound, Topic::Chain, message))
}

/// Which chains a ticker may mean.
fn candidates(question: &ChainQuestion) -> Result<Vec<SymbolQuery>, ToolError> {
    let of = |security_type: SecurityType, market: Option<String>| SymbolQuery::Ticker {
        ticker: question.name.clone(),
        security_type,
        market,
        date: None,
    };
    let (kind, market) = match &question.meant {
        None => (None, None),
        Some(SymbolQuery::Ticker { security_type, market, .. }) => (Some(*security_type), market.clone()),
        Some(SymbolQuery::Security(security)) => (Some(security.security_type), Some(security.market.to_string())),
    };
    let own = kind.map(|kind| match kind {
        SecurityType::Equity => SecurityType::Option,
        SecurityType::Index => SecurityType::IndexOption,
        other => other,
    });
    let kind = question.security_type.or(own);
    // The market of what the workbook holds says nothing about another type of the same ticker.
    let market = market.filter(|_| kind == own);
    match kind {
        None => Ok(WITH_CHAINS.iter().map(|kind| of(*kind, None)).collect()),
        Some(kind) if WITH_CHAINS.contains(&kind) => Ok(vec![of(kind, market)]),
        Some(other) => {
            let message = format!("{other} has no chain; types with one are option, indexoption, future, futureoption");
            Err(ToolError::argument(message))
        }
    }
}

fn sheet(source: &OpenSource, question: &ChainQuestion, chain: &Chain, expired: usize) -> Sheet {
    let security_type = chain.canonical.security_type;
    let spot = chain.underlying.first().map(|bar| bar.close);
    let mut contracts: Vec<&Contract> = chain.contracts.iter().collect();
    let distance = |contract: &Contract| match (contract.strike, spot) {
        (Some(strike), Some(spot)) => (strike - spot).abs(),
        (strike, _) => strike.unwrap_or(0.0),
    };
    contracts.sort_by(|a, b| {
        (a.expiry, &a.month)
            .cmp(&(b.expiry, &b.month))
            .then(distance(a).total_cmp(&distance(b)))
            .then(a.strike.unwrap_or(0.0).total_cmp(&b.strike.unwrap_or(0.0)))
    });
    let mut expiries: Vec<(String, usize)> = Vec::new();
    for contract in &contracts {
        let label = contract.expiry.map(|day| day.to_string()).or_else(|| contract.month.clone()).unwrap_or_default();
        match expiries.last_mut() {
            Some(last) if last.0 == label => last.1 += 1,
            _ => expiries.push((label, 1)),
        }
    }
    let n_expiries = expiries.len();
    expiries.truncate(MAX_EXPIRIES);
    let (columns, rows) = table(&contracts);
    let age = weekdays(chain.file_date, question.day);
    let mut warnings = Vec::new();
    if OLD_DAYS < age {
        warnings.push(format!("the chain is of {}, {age} weekdays before {}", chain.file_date, question.day));
    }
    if 0 < expired {
        warnings.push(format!("{expired} contracts of the file had expired before {} and are left out", question.day));
    }
    if 1 < chain.underlying.len() {
        warnings.push(format!(
            "{} underlying contracts: strikes are sorted by their distance from the first one's close",
            chain.underlying.len()
        ));
    }
    warnings.extend(chain.notes.iter().take(MAX_NOTES).map(|note| note.text.clone()));
    if MAX_NOTES < chain.notes.len() {
        warnings.push(format!("and {} more figures that are no numbers", chain.notes.len() - MAX_NOTES));
    }
    let underlying: Vec<Value> = chain
        .underlying
        .iter()
        .map(|bar| json!({"open": number(bar.open), "high": number(bar.high), "low": number(bar.low), "close": number(bar.close), "volume": number(bar.volume)}))
        .collect();
    let at = spot.map_or_else(String::new, |spot| format!(", underlying at {spot}"));
    let synthetic = if source.folder.is_synthetic() { " SYNTHETIC data, not real prices." } else { "" };
    Sheet {
        summary: format!(
            "{} {security_type} chain known on {} (file of {}): {} contracts, {n_expiries} expiries{at}.{synthetic}",
            question.name,
            question.day,
            chain.file_date,
            contracts.len()
        ),
        facts: json!({
            "symbol": question.name,
            "security_type": security_type,
            "market": reply::ticker(chain.canonical.market.as_str()),
            "date": question.day.to_string(),
            "file_date": chain.file_date.to_string(),
            "age_weekdays": age,
            "n_expired": expired,
            "n_contracts": contracts.len(),
            "n_expiries": n_expiries,
            "expiries": expiries.iter().map(|(expiry, n)| json!([expiry, n])).collect::<Vec<_>>(),
            "underlying": underlying,
            "units": {"prices": "currency of the contract, of options the middle of bid and ask", "implied_volatility": "fraction a year", "theta": "per day"},
        }),
        name: "contracts",
        columns,
        rows,
        limit: question.limit,
        shows_last: false,
        warnings,
        provenance: json!({"source": source.label, "synthetic": source.folder.is_synthetic(), "file_date": chain.file_date.to_string(), "known_from": "the day after the file", "order": "expiry, then distance of the strike from the underlying's close"}),
        next: Some("`get_history` takes an identifier of the column sid in symbols"),
    }
}

/// Name of a column and its number in a contract.
type Figure = (&'static str, fn(&Contract) -> Option<f64>);

const FIGURES: [Figure; 13] = [
    ("strike", |contract| contract.strike),
    ("open", |contract| contract.open),
    ("high", |contract| contract.high),
    ("low", |contract| contract.low),
    ("close", |contract| contract.close),
    ("volume", |contract| contract.volume),
    ("open_interest", |contract| contract.open_interest),
    ("implied_volatility", |contract| contract.implied_volatility),
    ("delta", |contract| contract.delta),
    ("gamma", |contract| contract.gamma),
    ("vega", |contract| contract.vega),
    ("theta", |contract| contract.theta),
    ("rho", |contract| contract.rho),
];

/// All contracts, without the columns that hold nothing.
fn table(contracts: &[&Contract]) -> (Vec<Value>, Vec<Vec<Value>>) {
    let figures: Vec<&Figure> =
        FIGURES.iter().filter(|(_, of)| contracts.iter().any(|contract| of(contract).is_some())).collect();
    let has_right = contracts.iter().any(|contract| contract.right.is_some());
    let has_month = contracts.iter().any(|contract| contract.month.is_some());
    let mut columns = vec![json!("sid"), json!("expiry")];
    if has_month {
        columns.push(json!("month"));
    }
    if has_right {
        columns.push(json!("right"));
    }
    columns.extend(figures.iter().map(|(name, _)| json!(name)));
    let row = |contract: &&Contract| {
        let sid = contract.security.as_ref().map(|security| reply::identifier(&security.sid.to_string()));
        let mut cells = vec![sid.unwrap_or(Value::Null), json!(contract.expiry.map(|day| day.to_string()))];
        if has_month {
            cells.push(contract.month.as_deref().map_or(Value::Null, reply::ticker));
        }
        if has_right {
            cells.push(json!(contract.right.map(|right| if right == OptionRight::Call { "call" } else { "put" })));
        }
        cells.extend(figures.iter().map(|(_, of)| of(contract).map_or(Value::Null, number)));
        cells
    };
    let rows = contracts.iter().map(row).collect();
    (columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(meant: Option<&str>, security_type: Option<SecurityType>) -> ChainQuestion {
        let meant = meant.map(|text| {
            let (kind, market) = text.split_once(':').unwrap();
            SymbolQuery::Ticker {
                ticker: "ES".to_owned(),
                security_type: kind.parse().unwrap(),
                market: Some(market.to_owned()),
                date: None,
            }
        });
        ChainQuestion {
            name: "ES".to_owned(),
            meant,
            security_type,
            day: "2024-01-09".parse().unwrap(),
            filter: ChainFilter::default(),
            limit: 20,
            allow_stale: false,
        }
    }

    #[test]
    fn the_market_of_what_is_held_belongs_to_its_own_type() {
        let markets = |question: &ChainQuestion| -> Vec<Option<String>> {
            let of = |query: SymbolQuery| match query {
                SymbolQuery::Ticker { market, .. } => market,
                SymbolQuery::Security(_) => None,
            };
            candidates(question).unwrap().into_iter().map(of).collect()
        };
        let held = [Some("cme".to_owned())];
        assert_eq!(markets(&question(Some("future:cme"), None)), held);
        assert_eq!(markets(&question(Some("future:cme"), Some(SecurityType::Future))), held);
        assert_eq!(markets(&question(Some("future:cme"), Some(SecurityType::Option))), [None]);
        assert_eq!(markets(&question(Some("equity:usa"), None)), [Some("usa".to_owned())]);
    }
}
