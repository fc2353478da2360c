//! From a file's columns to a [`Table`]: which column holds the dates, how symbols are arranged, what is a number.

use super::dates::{self, DateFormat, Unclear};
use super::numbers::{self, DecimalMark, Evidence};
use super::{Found, MAX_CELLS, MAX_SPREAD, RawCells, RawColumn, RawTable, Shape, Table, TableColumn, TableOptions};
use crate::error::{Error, Result, shown};
use crate::time::{DAY, HOUR, LocalTime, Zone};
use jiff::tz::TimeZone;
use std::collections::HashMap;

/// Names of date columns, the likeliest first. pandas leaves the name of an index empty.
const DATE_NAMES: [&str; 9] =
    ["date", "datetime", "time", "timestamp", "day", "index", "", "unnamed: 0", "__index_level_0__"];
/// Names of columns that name the symbol of a row.
const SYMBOL_NAMES: [&str; 5] = ["symbol", "ticker", "sid", "asset", "instrument"];
/// The fields that LEAN knows, with the names people give them.
const FIELD_NAMES: [(&str, &[&str]); 5] = [
    ("open", &["open", "o", "px_open"]),
    ("high", &["high", "h", "px_high"]),
    ("low", &["low", "l", "px_low"]),
    ("close", &["close", "c", "last", "price", "px_last"]),
    ("volume", &["volume", "v", "vol", "px_volume"]),
];
/// Texts that stand for no number.
const MISSING: [&str; 9] = ["", "nan", "na", "n/a", "null", "none", "-", "#n/a", "."];

/// Arranges the columns of a file.
pub(super) fn arrange(name: &str, mut raw: RawTable, options: &TableOptions) -> Result<Table> {
    let damaged = |problem| Error::Damaged { file: name.to_owned(), problem };
    let missing = |what: &'static str, column: &str| Error::BadName {
        what,
        name: shown(column),
        reason: "the file has no such column",
    };
    let at = match &options.date_column {
        Some(column) => position(&raw, column).ok_or_else(|| missing("date column", column))?,
        None => date_position(&raw).ok_or_else(|| damaged("no column looks like dates; say which one it is"))?,
    };
    let dates = raw.columns.remove(at);
    let n_rows = dates.cells.len();
    if raw.columns.iter().any(|column| column.cells.len() != n_rows) {
        return Err(damaged("its columns differ in length"));
    }
    let (times, utc, format) = times(name, &raw, at, &dates, options.date_format)?;
    let date_column = at + 1;
    let symbol_at = match &options.symbol_column {
        Some(column) => Some(position(&raw, column).ok_or_else(|| missing("symbol column", column))?),
        None => SYMBOL_NAMES.iter().find_map(|name| {
            position(&raw, name).filter(|at| raw.columns.get(*at).is_some_and(|c| matches!(c.cells, RawCells::Text(_))))
        }),
    };
    let mut notes = Vec::new();
    if utc && says_no_clock(&dates) && are_days_elsewhere(&times) {
        let told = "times are moments of UTC and the file names no other clock: a midnight of a zone east of it falls on the day before";
        notes.push(told.to_owned());
    }
    let symbols = symbol_at.map(|at| raw.columns.remove(at));
    let removed = [Some(at), symbol_at.map(|s| if at <= s { s + 1 } else { s })];
    let numbers = numbers(name, &mut raw, &removed, options.decimal_mark, &mut notes)?;
    if numbers.is_empty() {
        return Err(damaged("it has no column of numbers"));
    }
    let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = stem.split('.').next().unwrap_or(stem).to_ascii_uppercase();
    let (shape, mut table) = match symbols {
        Some(symbols) => (Shape::Long, long(name, &raw, (&times, date_column), &symbols, numbers)?),
        None => {
            let fields = numbers
                .iter()
                .any(|(column, _)| matches!(field_of(column).as_str(), "open" | "high" | "low" | "close"));
            let shape = if fields { Shape::Fields } else { Shape::Wide };
            let symbol = options.symbol.clone().unwrap_or(stem);
            let columns = numbers.into_iter().map(|(column, values)| match shape {
                Shape::Fields => TableColumn { symbol: symbol.clone(), field: field_of(&column), values },
                _ => TableColumn { symbol: column, field: "close".to_owned(), values },
            });
            let columns = columns.collect();
            (shape, sorted(name, &raw, (&times, date_column), columns, &mut notes)?)
        }
    };
    if shape == Shape::Long && !times.is_sorted() {
        notes.push("rows were sorted by time".to_owned());
    }
    for column in &table.columns {
        let symbol = &column.symbol;
        if 64 < symbol.len() || symbol.chars().any(char::is_control) || (symbol.is_empty() && shape != Shape::Fields) {
            return Err(Error::BadName {
                what: "symbol",
                name: shown(symbol),
                reason: "it is empty, too long, or holds control characters",
            });
        }
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = table.columns.iter().find(|c| !seen.insert((c.symbol.to_ascii_uppercase(), c.field.clone()))) {
        return Err(Error::BadName { what: "column", name: shown(&twice.symbol), reason: "it is there twice" });
    }
    table.origin = name.to_owned();
    table.time_zone = utc.then_some(TimeZone::UTC);
    table.found = Found {
        shape,
        date_format: format.to_string(),
        date_column: dates.name,
        separator: raw.separator,
        n_rows,
        notes,
    };
    Ok(table)
}

fn position(raw: &RawTable, name: &str) -> Option<usize> {
    raw.columns.iter().position(|column| column.name.trim().eq_ignore_ascii_case(name.trim()))
}

/// A column with a usual name, else the first one that reads as dates.
fn date_position(raw: &RawTable) -> Option<usize> {
    let named = DATE_NAMES.iter().find_map(|name| position(raw, name));
    named.or_else(|| {
        raw.columns.iter().position(|column| match &column.cells {
            RawCells::Text(cells) => cells.len() < 2 || matches!(dates::detect(cells), Ok(_) | Err(Unclear::TwoWays)),
            RawCells::Times { .. } => true,
            RawCells::Numbers(_) | RawCells::Other(_) => false,
        })
    })
}

/// The moments of all rows, whether they are UTC, and how they were written.
fn times(
    name: &str,
    raw: &RawTable,
    at: usize,
    dates: &RawColumn,
    declared: Option<DateFormat>,
) -> Result<(Vec<i64>, bool, DateFormat)> {
    let bad = |row: usize, expected| {
        Err(Error::Cell { file: name.to_owned(), line: raw.line(row), column: at + 1, expected })
    };
    if let RawCells::Times { cells, utc, zone } = &dates.cells {
        if let Some(row) = cells.iter().position(|at| !dates::is_known(*at)) {
            return bad(row, "a date of the years 1700 to 2200");
        }
        let format = declared.unwrap_or(DateFormat::YearMonthDay('-'));
        if let Some(zone) = zone {
            let zone = Zone::new(zone);
            let local: Vec<i64> = cells.iter().map(|at| zone.local(*at).as_nanos()).collect();
            // Midnights of a clock are its days.
            if local.iter().all(|at| at.rem_euclid(DAY) == 0) {
                return Ok((local, false, format));
            }
        }
        return Ok((cells.clone(), *utc, format));
    }
    let detected = match &dates.cells {
        RawCells::Text(cells) => dates::detect(cells),
        RawCells::Numbers(numbers) => {
            if let Some(row) = numbers.iter().position(|n| n.fract() != 0.0 || !n.is_finite() || 9e18 < n.abs()) {
                return bad(row, "a date as a whole number");
            }
            dates::detect_numbers(numbers)
        }
        _ => Err(Unclear::NoDate(0)),
    };
    let format = match declared.map_or(detected, Ok) {
        Ok(format) => format,
        Err(Unclear::NoDate(row)) => return bad(row, "a date in the form of the other rows, or a known form"),
        Err(Unclear::TwoWays) => {
            return bad(0, "dates that read in one way only; say whether days or months come first");
        }
    };
    let parsed: Vec<Option<(i64, Option<i64>)>> = match &dates.cells {
        RawCells::Text(cells) => cells.iter().map(|cell| dates::parse(cell, format)).collect(),
        RawCells::Numbers(cells) => cells.iter().map(|cell| dates::parse_number(*cell, format)).collect(),
        _ => Vec::new(),
    };
    if let Some(row) = parsed.iter().position(Option::is_none) {
        return bad(row, "a date in the declared form");
    }
    let moments: Vec<(i64, Option<i64>)> = parsed.into_iter().flatten().collect();
    let with_offset = moments.iter().filter(|(_, offset)| offset.is_some()).count();
    if with_offset != 0 && with_offset != moments.len() {
        return Err(Error::Damaged {
            file: name.to_owned(),
            problem: "some times carry an offset from UTC and some do not",
        });
    }
    // Midnights of a clock that is not UTC are days of that clock, in summer time and in winter time.
    let days = moments.iter().all(|(local, _)| local.rem_euclid(DAY) == 0)
        && moments.iter().any(|(_, offset)| offset.is_some_and(|offset| offset != 0));
    let moment = |(local, offset): (i64, Option<i64>)| if days { local } else { local - offset.unwrap_or(0) };
    let out = moments.into_iter().map(moment).collect();
    Ok((out, with_offset != 0 && !days, format))
}

/// Whether nothing says on which clock the moments of UTC were read before.
fn says_no_clock(dates: &RawColumn) -> bool {
    match &dates.cells {
        RawCells::Times { zone, .. } => zone.is_none(),
        RawCells::Text(cells) => cells.first().is_some_and(|cell| cell.trim_end().ends_with(['Z', 'z'])),
        _ => true,
    }
}

/// Whether the rows of UTC look like days of another clock: one a day, at its midnight in summer time or winter time.
fn are_days_elsewhere(times: &[i64]) -> bool {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let hours = |at: &i64| at.rem_euclid(DAY);
    let (earliest, latest) = (sorted.iter().map(hours).min(), sorted.iter().map(hours).max());
    let same_hour = matches!((earliest, latest), (Some(low), Some(high)) if 10 * HOUR <= low && high - low <= HOUR);
    same_hour && sorted.windows(2).all(|pair| matches!(pair, [a, b] if 22 * HOUR <= b - a))
}

/// The columns of numbers with their names. Columns of text alone are left out and named.
fn numbers(
    name: &str,
    raw: &mut RawTable,
    removed: &[Option<usize>],
    declared: Option<DecimalMark>,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, Vec<f64>)>> {
    let columns = std::mem::take(&mut raw.columns);
    let raw = &*raw;
    let bad = |index: usize, row: usize, expected| {
        // The number of the cell in the file, counting the columns that were taken out before it.
        let mut column = index;
        let mut before: Vec<usize> = removed.iter().flatten().copied().collect();
        before.sort_unstable();
        before.iter().for_each(|taken| column += usize::from(*taken <= column));
        Err(Error::Cell { file: name.to_owned(), line: raw.line(row), column: column + 1, expected })
    };
    // Semicolons are what programs write where the comma is the decimal mark.
    let points = raw.separator != Some(';');
    let marks: Vec<Evidence> = columns
        .iter()
        .map(|column| match (&column.cells, declared) {
            (_, Some(mark)) => Evidence::Is(mark),
            (RawCells::Text(cells), None) => numbers::evidence(cells, points),
            (_, None) => Evidence::None,
        })
        .collect();
    // What the other columns say, where they agree.
    let says = |mark| marks.contains(&Evidence::Is(mark));
    let of_file = match (says(DecimalMark::Point), says(DecimalMark::Comma)) {
        (true, false) => Some(DecimalMark::Point),
        (false, true) => Some(DecimalMark::Comma),
        _ => None,
    };
    let is_missing = |cell: &str| MISSING.contains(&cell.trim().to_ascii_lowercase().as_str());
    let mut out = Vec::new();
    let mut used: Vec<DecimalMark> = Vec::new();
    for (index, (column, evidence)) in columns.into_iter().zip(&marks).enumerate() {
        let title = column.name.trim().to_owned();
        let cells = match column.cells {
            RawCells::Numbers(values) => {
                if let Some(row) = values.iter().position(|value| value.is_infinite()) {
                    return bad(index, row, "a finite number");
                }
                out.push((title, values));
                continue;
            }
            RawCells::Text(cells) => cells,
            RawCells::Times { .. } | RawCells::Other(_) => {
                notes.push(format!("column {} holds times and was left out", index + 1));
                continue;
            }
        };
        let reads = |cell: &String| {
            is_missing(cell)
                || [DecimalMark::Point, DecimalMark::Comma].iter().any(|m| numbers::read(cell, *m).is_some())
        };
        let mark = match (evidence, of_file) {
            (Evidence::Is(mark), _) => *mark,
            // A column that holds other texts too is no column of numbers.
            (Evidence::Torn(_) | Evidence::Open(_) | Evidence::Points(_), _) if !cells.iter().all(reads) => {
                DecimalMark::Point
            }
            (Evidence::Torn(row), _) => {
                return bad(index, *row, "a number written as the others of its column");
            }
            (Evidence::Open(_) | Evidence::Points(_), Some(mark)) => mark,
            // Where nothing speaks for commas a point between commas or tabs is a decimal point.
            (Evidence::Points(_), None) if !says(DecimalMark::Comma) => DecimalMark::Point,
            (Evidence::Open(row) | Evidence::Points(row), None) => {
                return bad(index, *row, "a number that reads in one way only; say what parts whole and fraction");
            }
            (Evidence::None, _) => DecimalMark::Point,
        };
        let number = |cell: &String| if is_missing(cell) { Some(f64::NAN) } else { numbers::read(cell, mark) };
        let values: Vec<Option<f64>> = cells.iter().map(number).collect();
        match values.iter().position(Option::is_none) {
            None => {
                if cells.iter().any(|cell| cell.contains(',')) && !used.contains(&mark) {
                    used.push(mark);
                }
                out.push((title, values.into_iter().flatten().collect()));
            }
            Some(_) if values.iter().zip(&cells).all(|(value, cell)| value.is_none() || is_missing(cell)) => {
                notes.push(format!("column {} holds no numbers and was left out", index + 1));
            }
            Some(row) => return bad(index, row, "a number"),
        }
    }
    notes.extend(used.iter().map(|mark| format!("numbers are written as {mark}")));
    Ok(out)
}

/// LEAN's name of a field, else the file's own in lower case.
fn field_of(column: &str) -> String {
    let plain = column.trim().to_ascii_lowercase();
    let known = FIELD_NAMES.iter().find(|(_, names)| names.contains(&plain.as_str()));
    known.map_or(plain, |(field, _)| (*field).to_owned())
}

/// Rows in the order of time, each time once.
fn sorted(
    name: &str,
    raw: &RawTable,
    (times, column): (&[i64], usize),
    mut columns: Vec<TableColumn>,
    notes: &mut Vec<String>,
) -> Result<Table> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    let time = |row: &usize| times.get(*row).copied().unwrap_or_default();
    if !times.is_sorted() {
        order.sort_by_key(time);
        notes.push("rows were sorted by time".to_owned());
        for column in &mut columns {
            column.values = order.iter().map(|row| column.values.get(*row).copied().unwrap_or(f64::NAN)).collect();
        }
    }
    let twice = order.windows(2).find(|pair| matches!(pair, [a, b] if time(a) == time(b)));
    if let Some([_, row]) = twice {
        let line = raw.line(*row);
        return Err(Error::Cell { file: name.to_owned(), line, column, expected: "a time that no other row has" });
    }
    Ok(table(order.iter().map(time).collect(), columns))
}

/// A column for each symbol and field.
fn long(
    name: &str,
    raw: &RawTable,
    (times, column): (&[i64], usize),
    symbols: &RawColumn,
    numbers: Vec<(String, Vec<f64>)>,
) -> Result<Table> {
    let RawCells::Text(symbols) = &symbols.cells else {
        return Err(Error::Damaged { file: name.to_owned(), problem: "its column of symbols holds no texts" });
    };
    let mut names: Vec<&str> = Vec::new();
    let mut index_of: HashMap<&str, usize> = HashMap::new();
    let keys: Vec<usize> = symbols
        .iter()
        .map(|symbol| {
            *index_of.entry(symbol.trim()).or_insert_with(|| {
                names.push(symbol.trim());
                names.len() - 1
            })
        })
        .collect();
    let mut all: Vec<i64> = times.to_vec();
    all.sort_unstable();
    all.dedup();
    let cells = (all.len() as u64).saturating_mul(names.len() as u64).saturating_mul(numbers.len() as u64);
    // Rows that meet nowhere would be nearly all holes.
    let spread = (times.len() as u64).saturating_mul(numbers.len() as u64).saturating_mul(MAX_SPREAD);
    let limit = MAX_CELLS.min(spread.max(10_000_000));
    if limit < cells {
        return Err(Error::TooMany { what: "cells of a table", limit, found: cells });
    }
    let rows: Vec<usize> = times.iter().map(|time| all.partition_point(|at| at < time)).collect();
    let mut taken = vec![false; all.len() * names.len()];
    for (at, (row, key)) in rows.iter().zip(&keys).enumerate() {
        if let Some(taken) = taken.get_mut(key * all.len() + row)
            && std::mem::replace(taken, true)
        {
            let line = raw.line(at);
            let expected = "a time and symbol that no other row has";
            return Err(Error::Cell { file: name.to_owned(), line, column, expected });
        }
    }
    let mut columns: Vec<TableColumn> = Vec::with_capacity(names.len() * numbers.len());
    for symbol in &names {
        for (column, _) in &numbers {
            let values = vec![f64::NAN; all.len()];
            let field = if numbers.len() == 1 { single_field(column) } else { field_of(column) };
            columns.push(TableColumn { symbol: (*symbol).to_owned(), field, values });
        }
    }
    for (field, (_, values)) in numbers.iter().enumerate() {
        for ((row, key), value) in rows.iter().zip(&keys).zip(values) {
            let cell = columns.get_mut(key * numbers.len() + field).and_then(|column| column.values.get_mut(*row));
            if let Some(cell) = cell {
                *cell = *value;
            }
        }
    }
    Ok(table(all, columns))
}

/// The only number of a long file is its price, whatever it is called.
fn single_field(column: &str) -> String {
    match field_of(column).as_str() {
        "value" | "px" | "adj close" | "adj_close" | "adjclose" => "close".to_owned(),
        other => other.to_owned(),
    }
}

fn table(times: Vec<i64>, columns: Vec<TableColumn>) -> Table {
    let found = Found {
        shape: Shape::Wide,
        date_format: String::new(),
        date_column: String::new(),
        separator: None,
        n_rows: 0,
        notes: Vec::new(),
    };
    let times = times.into_iter().map(LocalTime).collect();
    Table { origin: String::new(), times, time_zone: None, columns, found }
}
