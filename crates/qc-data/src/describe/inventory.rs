//! Everything in a folder in one call: first and last bar, splits and dividends, and gaps of each symbol.

use super::{Stored, SymbolDescription};
use crate::bars::stamp;
use crate::error::Result;
use crate::factors::day_of;
use crate::folder::DataFolder;
use crate::maps::parse_day;
use crate::symbol::{Resolution, Security, SecurityType, SymbolQuery};
use crate::time::date_of_day;
use jiff::civil::Date;
use rayon::prelude::*;
use serde::Serialize;

/// What a folder holds.
#[derive(Debug, Clone, Serialize)]
pub struct FolderInventory {
    /// Whether the folder declares itself invented.
    pub synthetic: bool,
    /// One for each security with prices, by type, market and ticker.
    pub symbols: Vec<SymbolDescription>,
    /// Symbols whose files cannot be read, with the reason.
    pub damaged: Vec<DamagedSymbol>,
}

/// A symbol whose files cannot be read.
#[derive(Debug, Clone, Serialize)]
pub struct DamagedSymbol {
    /// Its type.
    pub security_type: SecurityType,
    /// Its market.
    pub market: String,
    /// Its ticker.
    pub ticker: String,
    /// Which file, line and column.
    pub problem: String,
}

impl DataFolder {
    /// Describes every symbol of the folder, in parallel. A damaged file spoils its own symbol only.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when the folder itself cannot be listed.
    pub fn inventory(&self) -> Result<FolderInventory> {
        self.look_again();
        let description = self.describe()?;
        let mut wanted: Vec<(SecurityType, String, String)> = Vec::new();
        for shelf in description.shelves {
            for ticker in shelf.tickers {
                wanted.push((shelf.security_type, shelf.market.clone(), ticker));
            }
        }
        wanted.sort();
        wanted.dedup();
        let described: Vec<Result<SymbolDescription, DamagedSymbol>> = wanted
            .into_par_iter()
            .map(|(security_type, market, ticker)| {
                let query = SymbolQuery::Ticker {
                    ticker: ticker.clone(),
                    security_type,
                    market: Some(market.clone()),
                    date: None,
                };
                let damaged = |problem: String| DamagedSymbol { security_type, market, ticker, problem };
                self.described(&query).map_err(|error| damaged(error.to_string()))
            })
            .collect();
        let (mut symbols, mut damaged) = (Vec::new(), Vec::new());
        for one in described {
            match one {
                Ok(symbol) => symbols.push(symbol),
                Err(problem) => damaged.push(problem),
            }
        }
        Ok(FolderInventory { synthetic: description.synthetic, symbols, damaged })
    }

    /// Whether there is any file of bars of a share, under any of its tickers. Looks at names only.
    ///
    /// # Errors
    /// Errors of damaged map files, a folder that cannot be looked into.
    pub fn has_bars(&self, share: &Security) -> Result<bool> {
        let base = format!("{}/{}", share.security_type.folder(), share.market);
        for name in self.names(share)?.all() {
            for resolution in Resolution::ALL {
                let ending = if resolution.one_file() { ".zip" } else { "" };
                if self.stamp(&format!("{base}/{resolution}/{name}{ending}"))?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What is stored of all contracts of an option or future at one resolution.
    pub(super) fn stored_contracts(
        &self,
        security_type: SecurityType,
        market: &str,
        root: &str,
        resolution: Resolution,
    ) -> Result<Option<Stored>> {
        let root = root.to_ascii_lowercase();
        let shelf = format!("{}/{market}/{resolution}", security_type.folder());
        let mut range: Option<(Date, Date)> = None;
        let mut add = |day: Date| range = Some(range.map_or((day, day), |(a, b)| (a.min(day), b.max(day))));
        let (mut count, mut contracts) = (0, std::collections::BTreeSet::new());
        let mut places: Vec<String> = Vec::new();
        for name in self.list(&shelf)? {
            if name.starts_with(&format!("{root}_")) && name.ends_with(".zip") {
                places.push(format!("{shelf}/{name}"));
            }
        }
        // Finer bars, and options on futures, lie in folders below.
        let mut folders = vec![format!("{shelf}/{root}")];
        if security_type == SecurityType::FutureOption {
            folders =
                self.list(&format!("{shelf}/{root}"))?.iter().map(|month| format!("{shelf}/{root}/{month}")).collect();
        }
        let mut days = std::collections::BTreeSet::new();
        for folder in folders {
            for name in self.list(&folder)? {
                match name.get(..8).and_then(parse_day) {
                    Some(day) if !resolution.one_file() => drop(days.insert(day)),
                    _ if resolution.one_file() && name.ends_with(".zip") => places.push(format!("{folder}/{name}")),
                    _ => {}
                }
            }
        }
        days.iter().for_each(|day| add(*day));
        for place in places {
            self.each_entry(&place, |entry, text| {
                let lines = || text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let day = |line: Option<&[u8]>| {
                    let cell = line?.split(|byte| *byte == b',').next()?;
                    Some(date_of_day(day_of(stamp(cell)?)))
                };
                day(lines().next()).into_iter().for_each(&mut add);
                day(lines().next_back()).into_iter().for_each(&mut add);
                count += lines().count();
                contracts.insert(contract_part(entry));
                Ok(())
            })?;
        }
        if !resolution.one_file() {
            count = days.len();
        }
        Ok(range.map(|(first, last)| Stored {
            resolution,
            first,
            last,
            count,
            contracts: contracts.len(),
            gaps: Vec::new(),
        }))
    }
}

/// The part of an entry's name that tells contracts apart, whatever kind of bar it holds.
fn contract_part(entry: &str) -> String {
    entry.replace("_trade_", "_").replace("_quote_", "_").replace("_openinterest_", "_")
}
