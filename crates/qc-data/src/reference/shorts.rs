//! How many shares could be sold short, and at which rates.
//!
//! Source: LEAN, `Common/Data/Shortable/LocalDiskShortableProvider.cs`.

use crate::error::Result;
use crate::folder::DataFolder;
use crate::lines::{parse_lines, read, without, word};
use crate::maps::{Claim, parse_day};
use crate::symbol::{Security, check_name};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a brokerage offers to lend of one share on one day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shortable {
    /// The day.
    pub date: Date,
    /// Shares; `None` where the brokerage says nothing, which LEAN takes as no limit.
    pub quantity: Option<f64>,
    /// Interest paid to the seller on the proceeds, as a fraction a year.
    pub rebate_rate: f64,
    /// Fee for the loan, as a fraction a year.
    pub fee_rate: f64,
}

/// What a brokerage offered to lend of a share, ascending by day; empty when the folder has no file.
///
/// # Errors
/// A damaged file, an unusable name of a brokerage.
pub fn shortable(folder: &DataFolder, brokerage: &str, security: &Security) -> Result<Vec<Shortable>> {
    let brokerage = brokerage.trim().to_ascii_lowercase();
    check_name("brokerage", &brokerage)?;
    folder.look_again();
    let names = folder.names(security)?;
    let mut by_day: BTreeMap<Date, (Claim, Shortable)> = BTreeMap::new();
    for name in names.all() {
        let path = format!("equity/{}/shortable/{brokerage}/symbols/{name}.csv", security.market);
        let Some(rows) = read(folder, &path, parse)? else { continue };
        for row in rows.iter() {
            // Rows of the days on which the ticker was another company's are not about this one.
            let Some(claim) = names.claim(name, row.date) else { continue };
            if by_day.get(&row.date).is_none_or(|(known, _)| *known <= claim) {
                by_day.insert(row.date, (claim, row.clone()));
            }
        }
    }
    Ok(by_day.into_values().map(|(_, row)| row).collect())
}

/// All shares a brokerage offered to lend on a day, as (ticker, quantity); empty when the folder has no file.
///
/// # Errors
/// A damaged file, an unusable name of a brokerage or market.
pub fn shortable_on(folder: &DataFolder, market: &str, brokerage: &str, day: Date) -> Result<Vec<(String, f64)>> {
    let brokerage = brokerage.trim().to_ascii_lowercase();
    check_name("brokerage", &brokerage)?;
    let market = crate::symbol::Market::new(market)?;
    let path = format!("equity/{market}/shortable/{brokerage}/dates/{}.csv", crate::write::digits(day));
    let rows = read(folder, &path, |path, text| {
        parse_lines(path, &without(text, |_, line| line.starts_with('#')), |cells| {
            Ok((word(cells).ok_or("a ticker")?, cells.number(0)?))
        })
    })?;
    Ok(rows.map(|rows| rows.to_vec()).unwrap_or_default())
}

/// `yyyymmdd,quantity[,rebate percent[,fee percent]]`.
fn parse(path: &str, text: &str) -> Result<Vec<Shortable>> {
    parse_lines(path, &without(text, |_, line| line.starts_with('#')), |cells| {
        let date = word(cells).and_then(|day| parse_day(&day)).ok_or("a date YYYYMMDD")?;
        let quantity = cells.optional(0)?;
        let rebate_rate = cells.optional(0)?.unwrap_or(0.0) / 100.0;
        Ok(Shortable { date, quantity, rebate_rate, fee_rate: cells.optional(0)?.unwrap_or(0.0) / 100.0 })
    })
}
