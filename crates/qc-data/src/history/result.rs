//! What is answered: rows per symbol, what was really done to them, and all symbols on one index.

use super::columns::{Columns, Field};
use crate::error::{Error, Result};
use crate::symbol::{BarSize, Normalization, Security};
use crate::time::LocalTime;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;

/// History of all symbols asked for, in their order.
#[derive(Debug, Clone)]
pub struct History {
    /// One per symbol; without rows when there is no data.
    pub series: Vec<SymbolHistory>,
    /// What the reader should know: missing factor files, stale tails, skipped entries.
    pub notes: Vec<Note>,
    /// The bars asked for.
    pub bars: BarSize,
    /// First and last day asked for.
    pub asked: (Date, Date),
    /// Whether the folder declares itself synthetic (a demo market).
    pub synthetic: bool,
}

/// Something worth knowing about the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Note {
    /// The symbol concerned, if one.
    pub symbol: Option<String>,
    /// One sentence in our own words.
    pub text: String,
}

/// History of one symbol.
#[derive(Debug, Clone)]
pub struct SymbolHistory {
    /// Which security.
    pub security: Security,
    /// The exchange's clock, on which `times` are meant.
    pub time_zone: TimeZone,
    /// End of each bar (of a tick its time), ascending.
    pub times: Vec<LocalTime>,
    /// The numbers, each column as long as `times`.
    pub columns: Columns,
    /// Rows repeated from an earlier bar. Same length as `times`.
    pub is_filled: Vec<bool>,
    /// Consolidated bars that are shorter than asked for: the last one of a session, and weeks or months that the window
    /// cuts off. Same length as `times`.
    pub is_short: Vec<bool>,
    /// From which row on which ticker was used.
    pub tickers: Vec<TickerRun>,
    /// What was really done to the prices.
    pub adjustment: Adjustment,
    /// First bar that was really in a file.
    pub first_real: Option<LocalTime>,
    /// Last bar that was really in a file.
    pub last_real: Option<LocalTime>,
    /// Open days without a bar between the first real bar and the end of the window (hour and daily bars).
    pub gaps: Vec<Gap>,
    /// What the folder has for this symbol when nothing lies in the window, in our own words.
    pub absence: Option<String>,
}

/// From which row on a ticker was used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TickerRun {
    /// First row.
    pub row: usize,
    /// Ticker in upper case; of a continuous future the contract's identifier.
    pub ticker: String,
}

/// What was really done to the prices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adjustment {
    /// What was asked for.
    pub asked: Normalization,
    /// What was done; `Raw` when there is nothing to adjust with.
    pub applied: Normalization,
    /// Where the factors came from.
    pub factors: FactorState,
}

/// Whether factors were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
#[non_exhaustive]
pub enum FactorState {
    /// Read from this file.
    Read(String),
    /// There is no such file: prices are as traded.
    Missing(String),
    /// The file cannot be read, so LEAN ignores it whole: prices are as traded.
    Broken(String),
    /// This type of security is never adjusted, or Raw was asked for.
    NotNeeded,
}

impl fmt::Display for Adjustment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.factors {
            FactorState::Read(_) => write!(f, "{}", self.applied),
            FactorState::Missing(file) => write!(f, "NONE (no factor file {file})"),
            FactorState::Broken(reason) => write!(f, "NONE (factor file unusable: {reason})"),
            FactorState::NotNeeded if self.asked == Normalization::Raw => f.write_str("Raw"),
            FactorState::NotNeeded => f.write_str("NONE (this type of security is never adjusted)"),
        }
    }
}

/// A stretch of open days without a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// First open day without a bar.
    pub first: Date,
    /// Last open day without a bar.
    pub last: Date,
    /// How many open days lack a bar.
    pub n_days: usize,
    /// Whether the gap reaches the end of the window: the data stops there.
    pub is_tail: bool,
}

impl SymbolHistory {
    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.times.len()
    }

    /// How many rows are repeated from an earlier bar.
    pub fn n_filled(&self) -> usize {
        self.is_filled.iter().filter(|filled| **filled).count()
    }

    /// The ticker of a row.
    pub fn ticker_at(&self, row: usize) -> &str {
        let runs = self.tickers.iter().take_while(|run| run.row <= row);
        runs.last().map_or(self.security.ticker.as_str(), |run| run.ticker.as_str())
    }

    /// The price that stands for a row: close, or last price of a tick.
    pub fn closes(&self) -> Option<&[f64]> {
        self.columns.get(Field::Close).or_else(|| self.columns.get(Field::LastPrice))
    }
}

impl History {
    /// Makes symbols without a row an error.
    ///
    /// # Errors
    /// [`Error::NoData`] for the first symbol without rows, saying what the folder has instead.
    pub fn require_rows(&self) -> Result<()> {
        let Some(empty) = self.series.iter().find(|series| series.times.is_empty()) else {
            return Ok(());
        };
        Err(Error::NoData {
            symbol: empty.security.ticker.clone(),
            resolution: self.bars.to_string(),
            first: self.asked.0,
            last: self.asked.1,
            found: empty.absence.clone().unwrap_or_else(|| "no file".to_owned()),
        })
    }

    /// One field of all symbols on the union of their times. Rows filled forward count as missing.
    ///
    /// Daily bars meet on their trading day (a currency's 20:00 and a share's 16:00 are the same day),
    /// finer bars on the same instant.
    pub fn align(&self, field: Field) -> Aligned {
        super::align::align(self, field, false)
    }

    /// As [`History::align`], keeping rows that were filled forward.
    pub fn align_filled(&self, field: Field) -> Aligned {
        super::align::align(self, field, true)
    }
}

/// One field of several symbols on one index.
#[derive(Debug, Clone)]
pub struct Aligned {
    /// Tickers as asked for, in the order of `columns`.
    pub symbols: Vec<String>,
    /// The field.
    pub field: Field,
    /// Time of each row on `time_zone`'s clock, ascending.
    pub times: Vec<LocalTime>,
    /// Trading day of each row.
    pub dates: Vec<Date>,
    /// The clock of `times`: the exchange's where all symbols share it, else UTC.
    pub time_zone: TimeZone,
    /// One per symbol, as long as `times`; NaN where the symbol has no bar.
    pub columns: Vec<Vec<f64>>,
}

impl Aligned {
    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.times.len()
    }

    /// The instants of all rows.
    pub fn timestamps(&self) -> Vec<jiff::Timestamp> {
        let zone = crate::time::Zone::new(&self.time_zone);
        self.times.iter().map(|at| zone.instant(*at)).collect()
    }
}
