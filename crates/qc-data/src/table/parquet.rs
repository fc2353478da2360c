//! Parquet files as pandas, polars and DuckDB write them: a flat table of numbers, texts, days and moments.
//!
//! What is read: plain and dictionary encodings, pages of both versions, uncompressed, Snappy and gzip. Everything else is
//! refused by its name. How much a page unpacks to, and how many cells it holds, is known from its head before room is
//! made: a small file may say one cell a million times, so the room of cells is bounded by the size of the file too.
//! Source: Apache Parquet, `parquet.thrift` and `Encodings.md`.

mod pages;
mod thrift;
mod zones;

use super::{MAX_CELLS, MAX_COLUMNS, RawCells, RawColumn, RawTable};
use crate::error::{Error, Result};
use crate::time::DAY;
use jiff::tz::TimeZone;
use pages::{Cells, MISSING_TIME};
use thrift::Value;

/// First and last bytes of a file.
const MAGIC: &[u8] = b"PAR1";
/// Largest footer: 20,000 columns take some two megabytes.
const MAX_FOOTER: usize = 16 << 20;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Physical {
    Int32,
    Int64,
    /// Whole numbers that are never below zero.
    Unsigned32,
    Unsigned64,
    /// Nanoseconds of a day and its Julian number: moments of old files.
    Int96,
    Float,
    Double,
    Bytes,
}

/// What a column's cells mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Number,
    /// Days since 1970.
    Day,
    /// A moment in parts of a second of so many nanoseconds, of UTC or of a clock that is not named.
    Moment {
        nanos: i64,
        utc: bool,
    },
    /// Times of day, which are neither dates nor prices.
    OfDay,
    Text,
}

/// A column as the footer has it.
struct Column<'a> {
    name: &'a str,
    physical: Physical,
    meaning: Meaning,
    /// Whether cells may be missing.
    optional: bool,
}

/// Whether the bytes are a Parquet file.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) && bytes.ends_with(MAGIC)
}

/// Reads all columns of a file.
pub(crate) fn read(name: &str, bytes: &[u8]) -> Result<RawTable> {
    let damaged = |problem| Error::Damaged { file: name.to_owned(), problem };
    let footer = footer(bytes).ok_or_else(|| damaged("it has no Parquet footer"))?;
    if MAX_FOOTER < footer.len() {
        let (limit, found) = (MAX_FOOTER as u64, footer.len() as u64);
        return Err(Error::TooLarge { file: format!("{name} (its footer)"), limit, found });
    }
    let (meta, _) = thrift::read(footer).ok_or_else(|| damaged("its footer cannot be read"))?;
    let columns = schema(&meta)?.ok_or_else(|| damaged("its schema cannot be read"))?;
    let n_rows = meta.int(3).and_then(|rows| u64::try_from(rows).ok()).ok_or_else(|| damaged("it counts no rows"))?;
    let found = n_rows.saturating_mul(columns.len() as u64);
    if MAX_CELLS < found {
        return Err(Error::TooMany { what: "cells of a table", limit: MAX_CELLS, found });
    }
    let groups = meta.list(4).unwrap_or_default();
    let rows_of = |group: &Value<'_>| group.int(3).and_then(|rows| u64::try_from(rows).ok());
    let counted = groups.iter().try_fold(0_u64, |sum, group| sum.checked_add(rows_of(group)?));
    if counted != Some(n_rows) {
        return Err(damaged("its parts do not hold as many rows as it says"));
    }
    let mut room = pages::Room::new(bytes.len());
    let mut out: Vec<Cells> = columns.iter().map(|column| Cells::new(column.meaning)).collect();
    for group in groups {
        let rows = rows_of(group).unwrap_or(0) as usize;
        let chunks = group.list(1).unwrap_or_default();
        if chunks.len() != columns.len() {
            return Err(damaged("a part has another number of columns"));
        }
        for ((chunk, column), cells) in chunks.iter().zip(&columns).zip(&mut out) {
            let meta = chunk.field(3).ok_or_else(|| damaged("a column is not in this file"))?;
            let chunk = pages::Chunk::new(meta, (column.physical, column.meaning), column.optional, rows)
                .ok_or_else(|| damaged("a column's place cannot be read"))?;
            chunk.read(name, bytes, &mut room, cells)?;
        }
    }
    let clocks = zones::of_columns(&meta);
    let columns = columns.iter().zip(out).map(|(column, cells)| {
        let zone = clocks.iter().find(|(name, _)| name == column.name).map(|(_, zone)| zone.clone());
        RawColumn { name: column.name.to_owned(), cells: meant(cells, column.meaning, zone) }
    });
    Ok(RawTable { columns: columns.collect(), lines: Vec::new(), separator: None })
}

/// The bytes of the footer: in front of its length and the last mark.
fn footer(bytes: &[u8]) -> Option<&[u8]> {
    let body = bytes.strip_suffix(MAGIC)?;
    let (body, length) = body.split_last_chunk::<4>()?;
    let start = body.len().checked_sub(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    body.get(start..)
}

/// The columns of a flat schema; `None` where the footer makes no sense.
fn schema<'a>(meta: &Value<'a>) -> Result<Option<Vec<Column<'a>>>> {
    let unsupported =
        |what: &str| Error::Unsupported { what: format!("a Parquet file with {what}"), by: "tables".into() };
    let Some((_, elements)) = meta.list(2).and_then(<[_]>::split_first) else { return Ok(None) };
    if MAX_COLUMNS < elements.len() {
        let found = elements.len() as u64;
        return Err(Error::TooMany { what: "columns of a table", limit: MAX_COLUMNS as u64, found });
    }
    let mut columns = Vec::with_capacity(elements.len());
    for element in elements {
        if element.int(5).is_some_and(|children| children != 0) || element.int(3) == Some(2) {
            return Err(unsupported("columns within columns"));
        }
        let Some(name) = element.text(4) else { return Ok(None) };
        let physical = match element.int(1) {
            Some(1) => Physical::Int32,
            Some(2) => Physical::Int64,
            Some(3) => Physical::Int96,
            Some(4) => Physical::Float,
            Some(5) => Physical::Double,
            Some(6) => Physical::Bytes,
            Some(0) => return Err(unsupported("a column of flags")),
            Some(7) => return Err(unsupported("a column of fixed bytes")),
            _ => return Ok(None),
        };
        let logical = |id: i16| element.field(10).and_then(|logical| logical.field(id));
        if element.int(6) == Some(5) || logical(5).is_some() {
            return Err(unsupported("decimal numbers; write them as doubles"));
        }
        let unsigned = match (logical(10), element.int(6)) {
            (Some(whole), _) => whole.flag(2) == Some(false),
            (None, converted) => matches!(converted, Some(11..=14)),
        };
        let physical = match physical {
            Physical::Int32 if unsigned => Physical::Unsigned32,
            Physical::Int64 if unsigned => Physical::Unsigned64,
            other => other,
        };
        let meaning = match (physical, element.int(6)) {
            (Physical::Bytes, _) => Meaning::Text,
            (Physical::Int96, _) => Meaning::Moment { nanos: 1, utc: false },
            (Physical::Int32 | Physical::Int64, Some(7 | 8)) => Meaning::OfDay,
            (Physical::Int32 | Physical::Int64, _) if logical(7).is_some() => Meaning::OfDay,
            (Physical::Int32, Some(6)) => Meaning::Day,
            (Physical::Int32, _) if logical(6).is_some() => Meaning::Day,
            (Physical::Int64, converted) => match (logical(8), converted) {
                (Some(moment), _) => {
                    let unit = moment.field(2);
                    let is = |id| unit.is_some_and(|unit| unit.field(id).is_some());
                    let nanos = if is(1) {
                        1_000_000
                    } else if is(2) {
                        1_000
                    } else {
                        1
                    };
                    Meaning::Moment { nanos, utc: moment.flag(1).unwrap_or(false) }
                }
                (None, Some(9)) => Meaning::Moment { nanos: 1_000_000, utc: true },
                (None, Some(10)) => Meaning::Moment { nanos: 1_000, utc: true },
                _ => Meaning::Number,
            },
            _ => Meaning::Number,
        };
        columns.push(Column { name, physical, meaning, optional: element.int(3) == Some(1) });
    }
    Ok(Some(columns))
}

/// Cells as they are shown to the rest: texts, numbers, or nanoseconds since 1970.
fn meant(cells: Cells, meaning: Meaning, zone: Option<TimeZone>) -> RawCells {
    let scaled = |mut cells: Vec<i64>, unit: i64| {
        for cell in &mut cells {
            *cell = if *cell == MISSING_TIME { MISSING_TIME } else { cell.checked_mul(unit).unwrap_or(MISSING_TIME) };
        }
        cells
    };
    match (cells, meaning) {
        (Cells::Texts(texts), _) => RawCells::Text(texts),
        (Cells::Numbers(numbers), Meaning::OfDay) => RawCells::Other(numbers.len()),
        (Cells::Numbers(numbers), _) => RawCells::Numbers(numbers),
        (Cells::Times(times), Meaning::Moment { nanos, utc }) => {
            RawCells::Times { cells: scaled(times, nanos), utc, zone: zone.filter(|_| utc) }
        }
        (Cells::Times(times), _) => RawCells::Times { cells: scaled(times, DAY), utc: false, zone: None },
    }
}
