//! Which files hold a security's bars, and reading one of them.
//!
//! Source: LEAN, `Common/Util/LeanData.cs` (`GenerateRelativeZipFilePath`, `GenerateZipEntryName`).

use super::naming::{self, Naming};
use crate::bars::{BarFile, Format, Kind};
use crate::error::{Error, Result};
use crate::folder::{Archive, DataFolder, Found, OpenFolder, Packed};
use crate::futures;
use crate::symbol::{Resolution, Security, SecurityType};
use crate::time::date_of_day;
use crate::write::digits;
use std::sync::Arc;

/// Which kinds of ticks QuantBook reads for a type, trades first.
fn tick_kinds(security_type: SecurityType) -> &'static [Kind] {
    match security_type {
        SecurityType::Equity => &[Kind::TickTrade { skip: 2 }, Kind::TickQuote { sizes: true, skip: 2 }],
        SecurityType::Future | SecurityType::Option | SecurityType::IndexOption | SecurityType::FutureOption => {
            &[Kind::TickTrade { skip: 2 }, Kind::TickQuote { sizes: true, skip: 1 }]
        }
        SecurityType::Crypto | SecurityType::CryptoFuture => {
            &[Kind::TickTrade { skip: 0 }, Kind::TickQuote { sizes: true, skip: 0 }]
        }
        SecurityType::Forex | SecurityType::Cfd => &[Kind::TickQuote { sizes: false, skip: 0 }],
        _ => &[Kind::TickTrade { skip: 2 }],
    }
}

/// Which kinds of bars QuantBook reads for a type and resolution, trades first.
pub(super) fn kinds(security_type: SecurityType, resolution: Resolution) -> &'static [Kind] {
    match security_type {
        _ if resolution == Resolution::Tick => tick_kinds(security_type),
        SecurityType::Equity if resolution.one_file() => &[Kind::Trade],
        SecurityType::Index | SecurityType::Base | SecurityType::Commodity => &[Kind::Trade],
        SecurityType::Forex | SecurityType::Cfd => &[Kind::Quote],
        _ => &[Kind::Trade, Kind::Quote],
    }
}

/// Whether prices are stored as integers in ten-thousandths.
pub(super) fn scaled(security_type: SecurityType) -> bool {
    matches!(security_type, SecurityType::Equity | SecurityType::Option | SecurityType::IndexOption)
}

/// One file of bars, and the entry in it where the first one is not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) zip: String,
    pub(super) entry: Option<String>,
}

/// Where the bars of a day (or, for hour and daily bars, all bars) lie.
///
/// `name` is what the day's map row says, lower case: a ticker, or the contract a continuous future follows.
pub(super) fn place(
    security: &Security,
    naming: &Naming,
    name: &str,
    resolution: Resolution,
    kind: &str,
    day: i32,
) -> Place {
    let base = format!("{}/{}/{resolution}", security.security_type.folder(), security.market);
    let date = || digits(date_of_day(day));
    let contract_file = |root: &str, month: &str| {
        if resolution.one_file() {
            return Place {
                zip: format!("{base}/{root}_{kind}.zip"),
                entry: Some(format!("{root}_{kind}_{month}.csv")),
            };
        }
        let date = date();
        let entry = Some(format!("{date}_{root}_{resolution}_{kind}_{month}.csv"));
        Place { zip: format!("{base}/{root}/{date}_{kind}.zip"), entry }
    };
    match naming {
        Naming::Contract(month) => contract_file(name, month),
        Naming::Continuous { .. } => match naming::contract_of(name) {
            Some(sid) => contract_file(&sid.symbol().to_ascii_lowercase(), &futures::contract_month(&sid)),
            // Before the first contract of the map file there is nothing to follow.
            None => contract_file(name, "none"),
        },
        Naming::Option { folder, style, terms } => {
            let below = folder.as_ref().map_or_else(|| name.to_owned(), |month| format!("{name}/{month}"));
            if resolution.one_file() {
                let year = date_of_day(day).year();
                let base = if folder.is_some() { format!("{base}/{below}") } else { base };
                let entry = Some(format!("{name}_{kind}_{style}_{terms}.csv"));
                return Place { zip: format!("{base}/{name}_{year:04}_{kind}_{style}.zip"), entry };
            }
            let date = date();
            let entry = Some(format!("{date}_{name}_{resolution}_{kind}_{style}_{terms}.csv"));
            Place { zip: format!("{base}/{below}/{date}_{kind}_{style}.zip"), entry }
        }
        Naming::Ticker if resolution.one_file() => {
            let crypto = security.security_type == SecurityType::Crypto;
            let zip = if crypto { format!("{base}/{name}_{kind}.zip") } else { format!("{base}/{name}.zip") };
            Place { zip, entry: None }
        }
        Naming::Ticker => Place { zip: format!("{base}/{name}/{}_{kind}.zip", date()), entry: None },
    }
}

/// Reads a file of bars, from memory if it was read before; `None` when there is no such file or entry.
///
/// `below` is the file's folder, where it is open already.
pub(super) fn read(
    folder: &DataFolder,
    below: Option<&OpenFolder>,
    place: &Place,
    format: Format,
) -> Result<Option<Arc<BarFile>>> {
    let found = match (below, place.zip.rsplit_once('/')) {
        (Some(below), Some((_, name))) => below.find(name)?,
        _ => folder.find(&place.zip)?,
    };
    let Some(found) = found else { return Ok(None) };
    let (kind, stamp) = (format.kind.name(), found.stamp);
    let name = match &place.entry {
        Some(entry) => format!("{}#{entry}:{kind}", place.zip),
        None => format!("{}:{kind}", place.zip),
    };
    if let Some(known) = folder.cache().get::<BarFile>(&name, stamp) {
        return Ok(Some(known));
    }
    let parse = |packed: Packed<'_>| {
        let entry = packed.name();
        BarFile::unpack(packed, format)?.map_err(|bad| Error::Cell {
            file: format!("{}#{entry}", place.zip),
            line: bad.line,
            column: bad.column,
            expected: bad.expected,
        })
    };
    let file = match &place.entry {
        None => found.first_entry(folder.rooms(), parse)?,
        Some(entry) => archive(folder, &place.zip, found)?.entry(folder.rooms(), entry, parse)?,
    };
    let Some(file) = file.map(Arc::new) else { return Ok(None) };
    folder.cache().put(name, stamp, file.clone(), file.bytes());
    Ok(Some(file))
}

/// The zip of many contracts: read once, then asked for one contract after the other.
fn archive(folder: &DataFolder, path: &str, found: Found) -> Result<Arc<Archive>> {
    let (name, stamp) = (format!("{path}#directory"), found.stamp);
    if let Some(known) = folder.cache().get::<Archive>(&name, stamp) {
        return Ok(known);
    }
    let archive = Arc::new(found.archive()?);
    folder.cache().put(name, stamp, archive.clone(), archive.size());
    Ok(archive)
}
