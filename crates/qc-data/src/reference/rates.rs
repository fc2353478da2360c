//! Rates by day: the short-term interest rate, margins of futures, funding of perpetual futures.
//!
//! Source: LEAN, `Common/Data/InterestRateProvider.cs`, `Common/Securities/Future/MarginRequirementsEntry.cs`,
//! `Common/Data/Market/MarginInterestRate.cs`.

use crate::bars;
use crate::error::{Error, Result};
use crate::folder::DataFolder;
use crate::lines::{figure, parse_lines, read, without, word};
use crate::maps::parse_day;
use crate::symbol::{Security, SecurityType};
use crate::time::{LocalTime, date_of_day, days_since_epoch};
use jiff::civil::Date;
use serde::Serialize;

const INTEREST: &str = "alternative/interest-rate/usa/interest-rate.csv";

/// LEAN's rate where there is no file: one percent a year.
const WITHOUT_FILE: f64 = 0.01;

/// The short-term interest rate as change points, carried forward.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InterestRate {
    /// From this day on this rate, as a fraction a year; ascending.
    pub points: Vec<(Date, f64)>,
    /// Whether the folder has the file; without it LEAN assumes one percent.
    pub from_file: bool,
}

impl InterestRate {
    /// The rate on a day, as a fraction a year: of the last change before, or the first one.
    pub fn on(&self, day: Date) -> f64 {
        let after = self.points.partition_point(|(from, _)| *from <= day);
        self.points.get(after.saturating_sub(1)).map_or(WITHOUT_FILE, |(_, rate)| *rate)
    }

    /// The mean over all calendar days from `first` to `last`, both included, as LEAN's Sharpe ratio takes it.
    pub fn mean(&self, first: Date, last: Date) -> f64 {
        let (first, last) = (days_since_epoch(first) as i32, days_since_epoch(last.max(first)) as i32);
        let sum: f64 = (first..=last).map(|day| self.on(date_of_day(day))).sum();
        sum / f64::from(last - first + 1)
    }
}

/// The short-term interest rate of a folder.
///
/// # Errors
/// A damaged file.
pub fn interest_rate(folder: &DataFolder) -> Result<InterestRate> {
    let rows = read(folder, INTEREST, |path, text| {
        let rows = parse_lines(path, &without(text, |line, _| line == 0), |cells| {
            let day = word(cells).and_then(|text| text.parse::<Date>().ok()).ok_or("a date YYYY-MM-DD")?;
            Ok((day, cells.number(0)? / 100.0))
        })?;
        ascending(path, rows)
    })?;
    Ok(InterestRate { from_file: rows.is_some(), points: rows.map(|rows| rows.to_vec()).unwrap_or_default() })
}

/// What must be deposited for one contract, in the currency of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Margin {
    /// From this day on.
    pub from: Date,
    /// To open a position.
    pub initial: f64,
    /// To keep it.
    pub maintenance: f64,
}

/// Margins of a future from day to day, ascending; empty when the folder has none.
///
/// # Errors
/// A damaged file; [`Error::Unsupported`] for anything but a future.
pub fn margins(folder: &DataFolder, future: &Security) -> Result<Vec<Margin>> {
    of_type(future, SecurityType::Future, "margins")?;
    let path = format!("future/{}/margins/{}.csv", future.market, future.sid.symbol());
    let rows = read(folder, &path, |path, text| {
        let rows = parse_lines(path, &without(text, |line, _| line == 0), |cells| {
            let from = word(cells).and_then(|day| parse_day(&day)).ok_or("a date YYYYMMDD")?;
            Ok((from, Margin { from, initial: cells.number(0)?, maintenance: cells.number(0)? }))
        })?;
        Ok(ascending(path, rows)?.into_iter().map(|(_, margin)| margin).collect())
    })?;
    Ok(rows.map(|rows| rows.to_vec()).unwrap_or_default())
}

/// What the holder of a perpetual future pays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FundingRate {
    /// When it is paid, UTC.
    pub time: LocalTime,
    /// Fraction of the position's value; negative when the holder is paid.
    pub rate: f64,
}

/// Funding of a perpetual future, ascending; empty when the folder has none.
///
/// # Errors
/// A damaged file; [`Error::Unsupported`] for anything but a crypto future.
pub fn funding(folder: &DataFolder, future: &Security) -> Result<Vec<FundingRate>> {
    of_type(future, SecurityType::CryptoFuture, "funding")?;
    let symbol = future.sid.symbol().to_ascii_lowercase();
    let path = format!("cryptofuture/{}/margin_interest/{symbol}.csv", future.market);
    let rows = read(folder, &path, |path, text| {
        let rows = parse_lines(path, text, |cells| {
            let time = bars::stamp(cells.raw()).ok_or("a time YYYYMMDD HH:mm:ss")?;
            Ok((time, FundingRate { time: LocalTime(time), rate: figure(cells)?.ok_or("a number")? }))
        })?;
        Ok(ascending(path, rows)?.into_iter().map(|(_, rate)| rate).collect())
    })?;
    Ok(rows.map(|rows| rows.to_vec()).unwrap_or_default())
}

fn of_type(security: &Security, wanted: SecurityType, what: &str) -> Result<()> {
    if security.security_type == wanted {
        return Ok(());
    }
    Err(Error::Unsupported { what: what.to_owned(), by: security.security_type.to_string() })
}

fn ascending<K: Ord, T>(path: &str, rows: Vec<(K, T)>) -> Result<Vec<(K, T)>> {
    if rows.is_sorted_by(|(a, _), (b, _)| a <= b) {
        return Ok(rows);
    }
    Err(Error::Damaged { file: path.to_owned(), problem: "its days are not ascending" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn rates_are_carried_forward_and_the_first_one_back() {
        let rate =
            InterestRate { points: vec![(date(2003, 1, 9), 0.0225), (date(2003, 6, 26), 0.02)], from_file: true };
        assert_eq!(rate.on(date(1999, 1, 1)), 0.0225);
        assert_eq!(rate.on(date(2003, 6, 25)), 0.0225);
        assert_eq!(rate.on(date(2024, 1, 1)), 0.02);
        // One day at 2.25 percent, one at 2.
        assert!((rate.mean(date(2003, 6, 25), date(2003, 6, 26)) - 0.02125).abs() < 1e-15);
        let none = InterestRate { points: Vec::new(), from_file: false };
        assert_eq!(none.on(date(2020, 1, 1)), 0.01);
    }
}
