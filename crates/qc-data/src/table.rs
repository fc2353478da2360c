//! The user's own tables: CSV and Parquet files, long or wide, and inline arrays, all as the same [`Table`].
//!
//! A *wide* file has one column for each symbol (`date,SPY,IWM`) or, for a single symbol, one for each field
//! (`date,open,high,low,close,volume`). A *long* file names the symbol in a column of its own
//! (`date,symbol,close`). Which one it is, the separator and the way dates are written are found out and said in
//! [`Table::found`]. What can be read in two ways is refused, not guessed: `01/02/2020` needs to be told whether months
//! or days come first, unless some other row decides it.

pub mod attributes;
mod csv;
mod dates;
pub mod factors;
mod numbers;
mod parquet;
mod shape;

pub use dates::DateFormat;
pub use numbers::DecimalMark;

use crate::error::{Error, Result};
use crate::history::{Aligned, Field};
use crate::time::{DAY, LocalTime};
use jiff::tz::TimeZone;
use serde::Serialize;

/// Most cells of a table: rows times columns.
pub(crate) const MAX_CELLS: u64 = 100_000_000;
/// A long file of more than ten million cells when it is spread out may not have more than this many for each row.
pub(crate) const MAX_SPREAD: u64 = 1_000;
/// Largest file.
pub(crate) const MAX_FILE_BYTES: u64 = 256 << 20;
/// Most columns.
pub(crate) const MAX_COLUMNS: usize = 20_000;

/// Numbers on one ascending index of times.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Where it came from, for people.
    pub origin: String,
    /// Times, ascending, each once; on `time_zone`'s clock where the file says one, else on its own.
    pub times: Vec<LocalTime>,
    /// UTC where the file's times carry an offset or are counted from 1970; `None` where they are plain clock times.
    pub time_zone: Option<TimeZone>,
    /// The numbers, each column as long as `times`; a missing cell is NaN.
    pub columns: Vec<TableColumn>,
    /// How the file was understood.
    pub found: Found,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    /// The symbol it belongs to, as written; empty for a column that belongs to none (a factor, an index).
    pub symbol: String,
    /// What it is, lower case: `close`, `volume`, or the file's own name for it.
    pub field: String,
    /// The numbers.
    pub values: Vec<f64>,
}

/// How a file was understood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// Long, wide, or the fields of one symbol.
    pub shape: Shape,
    /// How dates are written, as `YYYY-MM-DD`.
    pub date_format: String,
    /// The column that holds the dates.
    pub date_column: String,
    /// The separator of a CSV file.
    pub separator: Option<char>,
    /// Rows of the file.
    pub n_rows: usize,
    /// What was done beyond reading: rows sorted, columns left out.
    pub notes: Vec<String>,
}

/// How symbols are arranged in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A column names the symbol of each row.
    Long,
    /// A column for each symbol.
    Wide,
    /// The columns are fields (open, high, low, close, volume) of one symbol.
    Fields,
}

/// What a caller declares about a file; everything is found out where nothing is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableOptions {
    /// The column that holds dates or times.
    pub date_column: Option<String>,
    /// How they are written.
    pub date_format: Option<DateFormat>,
    /// The column that names symbols; makes the file long.
    pub symbol_column: Option<String>,
    /// The symbol of a file whose columns are fields; else the name of the file.
    pub symbol: Option<String>,
    /// How numbers are written.
    pub decimal_mark: Option<DecimalMark>,
    /// Names of the columns of a CSV file that has no header.
    pub header: Vec<String>,
}

impl Table {
    /// Reads the bytes of a CSV or Parquet file; a Parquet file is known by its first and last bytes.
    ///
    /// ```
    /// use qc_data::table::{Shape, Table, TableOptions};
    /// let text = "Date,SPY,IWM\n2024-01-02,472.65,196.35\n2024-01-03,468.79,191.88\n";
    /// let table = Table::read("prices.csv", text.as_bytes(), &TableOptions::default())?;
    /// assert_eq!((table.found.shape, table.found.date_format.as_str()), (Shape::Wide, "YYYY-MM-DD"));
    /// assert_eq!(table.column("IWM", "close").unwrap(), [196.35, 191.88]);
    /// # Ok::<(), qc_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Cell`] with line and column for a cell that is no number or no date, [`Error::Damaged`] for a file that
    /// cannot be a table, [`Error::TooLarge`] and [`Error::TooMany`] beyond 256 MB, 20,000 columns or 100 million cells,
    /// [`Error::Unsupported`] for what a Parquet file may hold and is not read: nested columns, decimals, Zstandard.
    pub fn read(name: &str, bytes: &[u8], options: &TableOptions) -> Result<Table> {
        if MAX_FILE_BYTES < bytes.len() as u64 {
            let (limit, found) = (MAX_FILE_BYTES, bytes.len() as u64);
            return Err(Error::TooLarge { file: name.to_owned(), limit, found });
        }
        if parquet::is_one(bytes) {
            return shape::arrange(name, parquet::read(name, bytes)?, options);
        }
        if name.to_ascii_lowercase().ends_with(".parquet") {
            return Err(Error::Damaged { file: name.to_owned(), problem: "it is no Parquet file" });
        }
        shape::arrange(name, csv::read(name, bytes, &options.header)?, options)
    }

    /// Takes inline arrays: dates as text in any known form, and one array for each symbol.
    ///
    /// # Errors
    /// [`Error::Damaged`] when lengths differ or dates cannot be read; the limits of [`Table::read`].
    pub fn inline(dates: &[String], columns: Vec<(String, Vec<f64>)>, options: &TableOptions) -> Result<Table> {
        let origin = "inline arrays";
        if columns.iter().any(|(_, values)| values.len() != dates.len()) {
            return Err(Error::Damaged { file: origin.to_owned(), problem: "arrays differ in length" });
        }
        let times = RawColumn { name: "date".to_owned(), cells: RawCells::Text(dates.to_vec()) };
        let rest = columns.into_iter().map(|(name, values)| RawColumn { name, cells: RawCells::Numbers(values) });
        let columns = std::iter::once(times).chain(rest).collect();
        let raw = RawTable { columns, lines: Vec::new(), separator: None };
        shape::arrange(origin, raw, &TableOptions { date_column: Some("date".to_owned()), ..options.clone() })
    }

    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.times.len()
    }

    /// The symbols, in the order of their first column.
    pub fn symbols(&self) -> Vec<&str> {
        let mut symbols: Vec<&str> = Vec::new();
        for column in &self.columns {
            if !symbols.contains(&column.symbol.as_str()) {
                symbols.push(&column.symbol);
            }
        }
        symbols
    }

    /// One column; upper and lower case do not matter.
    pub fn column(&self, symbol: &str, field: &str) -> Option<&[f64]> {
        let is = |column: &&TableColumn| {
            column.symbol.eq_ignore_ascii_case(symbol) && column.field.eq_ignore_ascii_case(field)
        };
        self.columns.iter().find(is).map(|column| column.values.as_slice())
    }

    /// Whether every row is a day without a time of day.
    pub fn is_daily(&self) -> bool {
        self.times.iter().all(|at| at.0.rem_euclid(DAY) == 0)
    }

    /// One field of all symbols that have it, as [`crate::History::align`] gives it. Times of a daily table are days.
    pub fn align(&self, field: Field) -> Aligned {
        let columns = self.columns.iter().filter(|column| column.field == field.name());
        let daily = self.is_daily();
        Aligned {
            symbols: columns.clone().map(|column| column.symbol.clone()).collect(),
            field,
            times: self.times.clone(),
            dates: self.times.iter().map(|at| if daily { at.date() } else { at.trading_date() }).collect(),
            time_zone: self.time_zone.clone().unwrap_or(TimeZone::UTC),
            columns: columns.map(|column| column.values.clone()).collect(),
        }
    }
}

/// A file's columns before anything is known about them.
#[derive(Debug)]
pub(crate) struct RawTable {
    pub(crate) columns: Vec<RawColumn>,
    /// The line on which each row begins, for errors; empty where rows are counted instead.
    pub(crate) lines: Vec<u32>,
    pub(crate) separator: Option<char>,
}

impl RawTable {
    /// The line of a row, counted from 1.
    pub(crate) fn line(&self, row: usize) -> usize {
        self.lines.get(row).map_or(row + 1, |line| *line as usize)
    }
}

#[derive(Debug)]
pub(crate) struct RawColumn {
    pub(crate) name: String,
    pub(crate) cells: RawCells,
}

/// Cells of one column.
#[derive(Debug)]
pub(crate) enum RawCells {
    Text(Vec<String>),
    Numbers(Vec<f64>),
    /// Nanoseconds since 1970, `i64::MIN` where there is none: of UTC, and perhaps of a clock that the file names, or of a
    /// clock that is not known.
    Times {
        cells: Vec<i64>,
        utc: bool,
        zone: Option<TimeZone>,
    },
    /// So many cells that are neither.
    Other(usize),
}

impl RawCells {
    pub(crate) fn len(&self) -> usize {
        match self {
            RawCells::Text(cells) => cells.len(),
            RawCells::Numbers(cells) => cells.len(),
            RawCells::Times { cells, .. } => cells.len(),
            RawCells::Other(n_cells) => *n_cells,
        }
    }
}
