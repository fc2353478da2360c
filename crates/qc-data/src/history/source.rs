//! Which files hold a security's bars, and reading one of them.
//!
//! Source: LEAN, `Common/Util/LeanData.cs` (`GenerateRelativeZipFilePath`, `GenerateZipEntryName`).

use crate::bars::{BarFile, Format, Kind};
use crate::error::Result;
use crate::folder::DataFolder;
use crate::symbol::{Resolution, Security, SecurityType};
use crate::time::date_of_day;
use crate::write::digits;
use std::sync::Arc;

/// Which kinds of ticks QuantBook reads for a type, trades first.
fn tick_kinds(security_type: SecurityType) -> &'static [Kind] {
    match security_type {
        SecurityType::Equity => &[Kind::TickTrade { skip: 2 }, Kind::TickQuote { sizes: true, skip: 2 }],
        SecurityType::Future => &[Kind::TickTrade { skip: 2 }, Kind::TickQuote { sizes: true, skip: 1 }],
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
/// `name` is the mapped ticker of the day, lower case; `contract` the month of a future's contract, or `perp`.
pub(super) fn place(
    security: &Security,
    name: &str,
    contract: Option<&str>,
    resolution: Resolution,
    kind: &str,
    day: i32,
) -> Place {
    let base = format!("{}/{}/{resolution}", security.security_type.folder(), security.market);
    let date = || digits(date_of_day(day));
    match (security.security_type, contract) {
        (SecurityType::Future | SecurityType::CryptoFuture, Some(contract)) => {
            if resolution.one_file() {
                Place { zip: format!("{base}/{name}_{kind}.zip"), entry: Some(format!("{name}_{kind}_{contract}.csv")) }
            } else {
                let date = date();
                Place {
                    zip: format!("{base}/{name}/{date}_{kind}.zip"),
                    entry: Some(format!("{date}_{name}_{resolution}_{kind}_{contract}.csv")),
                }
            }
        }
        (SecurityType::Crypto, _) if resolution.one_file() => {
            Place { zip: format!("{base}/{name}_{kind}.zip"), entry: None }
        }
        _ if resolution.one_file() => Place { zip: format!("{base}/{name}.zip"), entry: None },
        _ => Place { zip: format!("{base}/{name}/{}_{kind}.zip", date()), entry: None },
    }
}

/// Reads a file of bars, from memory if it was read before; `None` when there is no such file or entry.
pub(super) fn read(folder: &DataFolder, place: &Place, format: Format) -> Result<Option<Arc<BarFile>>> {
    let kind = format.kind.name();
    let name = match &place.entry {
        Some(entry) => format!("{}#{entry}:{kind}", place.zip),
        None => format!("{}:{kind}", place.zip),
    };
    let Some(stamp) = folder.stamp(&place.zip)? else { return Ok(None) };
    if let Some(known) = folder.cache().get::<BarFile>(&name, stamp) {
        return Ok(Some(known));
    }
    let Some((entry, text)) = folder.read_zip(&place.zip, place.entry.as_deref())? else { return Ok(None) };
    let file = Arc::new(BarFile::parse(&format!("{}#{entry}", place.zip), &text, format)?);
    folder.cache().put(name, stamp, file.clone(), file.bytes());
    Ok(Some(file))
}
