//! What the rows of a panel are: dates, ends of bars, or numbers.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::error::{Error, Result};

/// What the rows of a panel are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    /// Trading dates, the exchange's own (daily data).
    Dates(Vec<Date>),
    /// Ends of bars as instants, each with the exchange's trading date (intraday data).
    Instants {
        /// End of each bar.
        at: Vec<Timestamp>,
        /// Trading date to which each bar belongs.
        trading_date: Vec<Date>,
    },
    /// Nothing but row numbers, counted from 0.
    Rows(usize),
}

impl Index {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Dates(dates) => dates.len(),
            Self::Instants { at, .. } => at.len(),
            Self::Rows(n) => *n,
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Label of a row; a row past the end is labelled by its number.
    pub fn label(&self, row: usize) -> Label {
        match self {
            Self::Dates(dates) => dates.get(row).map_or(Label::Row(row), |date| Label::Date(*date)),
            Self::Instants { at, .. } => at.get(row).map_or(Label::Row(row), |at| Label::Instant(*at)),
            Self::Rows(_) => Label::Row(row),
        }
    }

    /// Trading date of a row, where rows have one.
    pub fn trading_date(&self, row: usize) -> Option<Date> {
        match self {
            Self::Dates(dates) => dates.get(row).copied(),
            Self::Instants { trading_date, .. } => trading_date.get(row).copied(),
            Self::Rows(_) => None,
        }
    }

    /// The rows named, in that order. Row numbers are renumbered from 0.
    pub(super) fn pick(&self, rows: &[usize]) -> Self {
        let dates = |from: &[Date]| rows.iter().filter_map(|&row| from.get(row).copied()).collect::<Vec<_>>();
        match self {
            Self::Dates(from) => Self::Dates(dates(from)),
            Self::Instants { at, trading_date } => Self::Instants {
                at: rows.iter().filter_map(|&row| at.get(row).copied()).collect(),
                trading_date: dates(trading_date),
            },
            Self::Rows(_) => Self::Rows(rows.len()),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Self::Instants { at, trading_date } = self
            && at.len() != trading_date.len()
        {
            let what = "trading dates of the index".into();
            return Err(Error::ShapeMismatch { what, expected: at.len(), found: trading_date.len() });
        }
        let first_fall = match self {
            Self::Dates(dates) => dates.windows(2).position(|pair| pair[1] <= pair[0]),
            Self::Instants { at, .. } => at.windows(2).position(|pair| pair[1] <= pair[0]),
            Self::Rows(_) => None,
        };
        match first_fall {
            Some(row) => Err(Error::NotIncreasing { row: row + 1, at: self.label(row + 1), before: self.label(row) }),
            None => Ok(()),
        }
    }
}

/// The name of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// A trading date.
    Date(Date),
    /// The end of a bar.
    Instant(Timestamp),
    /// A row number, counted from 0.
    Row(usize),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => date.fmt(f),
            Self::Instant(at) => at.fmt(f),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}
