//! Files of factor returns as they are published, all as the same [`Factors`].
//!
//! | Layout | Known by | Numbers |
//! |---|---|---|
//! | Ken French's library | a preamble, dates as `192607` or `19260701`, tables below each other, a copyright line | percent, -99.99 and -999 for none |
//! | AQR's data sets saved as CSV | a preamble, a header that begins with `DATE`, `01/31/1957` | fractions, or with a percent sign |
//! | A table of the user's own | a header and rows of dates and numbers (or Parquet) | fractions, unless said otherwise |
//!
//! Of several tables in one file the first is read (the monthly or daily one; Ken French's annual averages come after
//! it), and the answer says so. A cell that is no number is an error with its place, never the end of a table.

use jiff::civil::Date;

use super::dates::{self, DateFormat, Unclear};
use super::{MAX_CELLS, MAX_COLUMNS, MAX_FILE_BYTES, Table, TableOptions, numbers, parquet};
use crate::error::{Error, Result};
use crate::time::LocalTime;

/// Texts that stand for no number.
const MISSING: [&str; 8] = ["", "nan", "na", "n/a", "null", "none", "-", "."];
/// Ken French's codes for no number, as they are compared.
const NO_NUMBER: [f64; 3] = [-99.99, -999.0, -999.99];

/// Whose way of writing a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Ken French's data library.
    KenFrench,
    /// AQR's data sets.
    Aqr,
    /// A header and rows.
    Own,
}

/// How factor returns are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorUnit {
    /// 1 is one percent.
    Percent,
    /// 0.01 is one percent.
    Fraction,
}

/// How often there is a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorFrequency {
    /// Each trading day.
    Daily,
    /// Each week; a row's date ends it.
    Weekly,
    /// Each calendar month.
    Monthly,
    /// Less often than each month.
    Slower,
}

/// Returns of factors, as fractions.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors {
    /// How the file was written.
    pub layout: Layout,
    /// How its numbers were.
    pub unit: FactorUnit,
    /// How often there is a row.
    pub frequency: FactorFrequency,
    /// The day of each row, ascending; of months the last calendar day.
    pub dates: Vec<Date>,
    /// The factors, each as long as `dates`.
    pub columns: Vec<FactorColumn>,
    /// What was done beyond reading: tables left out, rows sorted.
    pub notes: Vec<String>,
}

/// One factor.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorColumn {
    /// Its name in the file.
    pub name: String,
    /// Returns as fractions; NaN where there is none.
    pub values: Vec<f64>,
}

impl Factors {
    /// Reads the bytes of a file.
    ///
    /// ```
    /// use qc_data::table::factors::{FactorFrequency, Factors};
    /// let text = "Made for an example.\n\n,Mkt-RF,RF\n202001,  -0.11,   0.13\n202002,  -8.13,   0.12\n\n Annual\n,Mkt-RF,RF\n2020, 23.66, 0.45\n";
    /// let factors = Factors::read("f.csv", text.as_bytes(), None)?;
    /// assert_eq!((factors.frequency, factors.dates.len()), (FactorFrequency::Monthly, 2));
    /// assert!((factors.columns[0].values[1] + 0.0813).abs() < 1e-15);
    /// # Ok::<(), qc_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Cell`] with line and column for a cell that is no number or no date, [`Error::Damaged`] for a file
    /// without a table or with a date twice, [`Error::TooLarge`] and [`Error::TooMany`] as for [`Table::read`].
    pub fn read(name: &str, bytes: &[u8], unit: Option<FactorUnit>) -> Result<Factors> {
        if MAX_FILE_BYTES < bytes.len() as u64 {
            return Err(Error::TooLarge { file: name.to_owned(), limit: MAX_FILE_BYTES, found: bytes.len() as u64 });
        }
        if parquet::is_one(bytes) {
            return of_table(name, &Table::read(name, bytes, &TableOptions::default())?, unit);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| damaged(name, "it is not UTF-8 text"))?;
        Block::find(name, text)?.finish(name, unit)
    }

    /// One factor; upper and lower case do not matter.
    pub fn column(&self, name: &str) -> Option<&FactorColumn> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name.trim()))
    }
}

fn damaged(name: &str, problem: &'static str) -> Error {
    Error::Damaged { file: name.to_owned(), problem }
}

/// How the first cell of a row says when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// `192607` or `1926-07`.
    Month,
    /// `19260701`.
    Day,
    /// `1926`.
    Year,
    /// Anything else with digits in front and a mark in between.
    Other,
}

fn key_of(cell: &str) -> Option<Key> {
    let cell = cell.trim();
    let digits = cell.bytes().all(|b| b.is_ascii_digit());
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    let years = |year: i64| (1700..=2200).contains(&year);
    let months = |month: i64| (1..=12).contains(&month);
    match (digits, cell.len()) {
        (true, 4) if years(number(cell.get(..4))) => Some(Key::Year),
        (true, 6) if years(number(cell.get(..4))) && months(number(cell.get(4..))) => Some(Key::Month),
        (true, 8) if years(number(cell.get(..4))) && months(number(cell.get(4..6))) => Some(Key::Day),
        (true, _) => None,
        (false, 7) if cell.as_bytes().get(4) == Some(&b'-') && months(number(cell.get(5..))) => Some(Key::Month),
        _ => {
            let begins = cell.bytes().next().is_some_and(|b| b.is_ascii_digit());
            let marks = cell.bytes().filter(|b| b"-/.".contains(b)).count();
            let fine = cell.bytes().all(|b| b.is_ascii_digit() || b"-/.:TZ+ ".contains(&b));
            (begins && fine && 2 <= marks && 8 <= cell.len()).then_some(Key::Other)
        }
    }
}

/// The cells of a line: parted by the mark the file uses, or by blanks where it uses none.
fn cells(line: &str, separator: Option<char>) -> Vec<&str> {
    match separator {
        Some(mark) => line.split(mark).map(|cell| cell.trim().trim_matches('"').trim()).collect(),
        None => line.split_whitespace().collect(),
    }
}

/// The first table of a file, as text.
struct Block<'a> {
    key: Key,
    has_preamble: bool,
    names: Vec<&'a str>,
    first_of_header: &'a str,
    /// Line number (from 1) and cells of each row.
    rows: Vec<(usize, Vec<&'a str>)>,
    notes: Vec<String>,
}

impl<'a> Block<'a> {
    fn find(name: &str, text: &'a str) -> Result<Self> {
        let lines: Vec<(usize, &str)> = text.lines().enumerate().map(|(at, line)| (at + 1, line)).collect();
        // The mark that parts the cells of the first line which looks like a row.
        let marks = [Some(','), Some(';'), Some('\t'), None];
        let is_row = |line: &str, mark: Option<char>| {
            let cells = cells(line, mark);
            let (Some(first), rest) = (cells.first(), cells.get(1..).unwrap_or_default()) else { return false };
            // The first row of changes has no number; a title has words.
            let is_cell = |cell: &&str| number(cell.strip_suffix('%').unwrap_or(cell)).is_ok();
            key_of(first).is_some() && !rest.is_empty() && rest.iter().all(is_cell)
        };
        let found = lines.iter().enumerate().find_map(|(at, (_, line))| {
            let mark = marks.into_iter().find(|mark| is_row(line, *mark))?;
            Some((at, mark))
        });
        let (start, mark) = found.ok_or_else(|| damaged(name, "it has no row of a date and numbers"))?;
        let first = lines.get(start).map(|(_, line)| cells(line, mark)).unwrap_or_default();
        let key = first.first().and_then(|cell| key_of(cell)).unwrap_or(Key::Other);
        let header = lines.get(..start).unwrap_or_default().iter().rposition(|(_, line)| !line.trim().is_empty());
        let header = header.ok_or_else(|| damaged(name, "it has no header: the first line names the columns"))?;
        let titles = lines.get(header).map(|(_, line)| cells(line, mark)).unwrap_or_default();
        let (first_of_header, names) = match first.len() {
            width if titles.len() == width => {
                (titles.first().copied().unwrap_or_default(), titles.get(1..).unwrap_or_default().to_vec())
            }
            // Parted by blanks, the empty title of the dates is not there.
            width if mark.is_none() && titles.len() + 1 == width => ("", titles),
            _ => return Err(damaged(name, "its header has another number of cells than its first row")),
        };
        if MAX_COLUMNS < names.len() {
            return Err(Error::TooMany {
                what: "columns of a table",
                limit: MAX_COLUMNS as u64,
                found: names.len() as u64,
            });
        }
        let has_preamble = lines.get(..header).unwrap_or_default().iter().any(|(_, line)| !line.trim().is_empty());
        let mut block = Block { key, has_preamble, names, first_of_header, rows: Vec::new(), notes: Vec::new() };
        let is_library = block.layout() == Layout::KenFrench;
        let mut end = lines.len();
        for (at, (line, text)) in lines.iter().enumerate().skip(start) {
            if text.trim().is_empty() {
                if is_library {
                    end = at;
                    break;
                }
                continue;
            }
            let cells = cells(text, mark);
            if cells.first().and_then(|cell| key_of(cell)) != Some(key) {
                if is_library {
                    end = at;
                    break;
                }
                let expected = "a date in the form of the other rows";
                return Err(Error::Cell { file: name.to_owned(), line: *line, column: 1, expected });
            }
            let width = block.names.len() + 1;
            // A separator at the end of every line is common.
            let trailing = cells.len() == width + 1 && cells.last().is_some_and(|cell| cell.is_empty());
            if cells.len() != width && !trailing {
                let expected = "as many cells as the header has";
                return Err(Error::Cell {
                    file: name.to_owned(),
                    line: *line,
                    column: cells.len().min(width) + 1,
                    expected,
                });
            }
            block.rows.push((*line, cells));
            if MAX_CELLS < (block.rows.len() * width) as u64 {
                let found = (block.rows.len() * width) as u64;
                return Err(Error::TooMany { what: "cells of a table", limit: MAX_CELLS, found });
            }
        }
        let rest: Vec<(usize, Key)> = lines
            .get(end..)
            .unwrap_or_default()
            .iter()
            .filter_map(|(line, text)| Some((*line, key_of(cells(text, mark).first()?)?)))
            .collect();
        let years = rest.iter().filter(|(_, key)| *key == Key::Year).count();
        if 0 < years {
            block.notes.push(format!("{years} annual rows after the table are left out"));
        }
        if years < rest.len() {
            let line = rest.iter().find(|(_, key)| *key != Key::Year).map_or(0, |(line, _)| *line);
            block
                .notes
                .push(format!("the file holds more tables: the first is read, those from line {line} on are not"));
        }
        Ok(block)
    }

    fn layout(&self) -> Layout {
        let compact = matches!(self.key, Key::Month | Key::Day);
        // The library's files tell what they are above the table; a table of one's own with an unnamed index does not.
        if compact && self.first_of_header.is_empty() && self.has_preamble {
            Layout::KenFrench
        } else if self.has_preamble && self.first_of_header.eq_ignore_ascii_case("date") {
            Layout::Aqr
        } else {
            Layout::Own
        }
    }

    fn finish(self, name: &str, unit: Option<FactorUnit>) -> Result<Factors> {
        let layout = self.layout();
        let given = match layout {
            Layout::KenFrench => FactorUnit::Percent,
            _ => FactorUnit::Fraction,
        };
        let unit = unit.unwrap_or(given);
        let factor = if unit == FactorUnit::Percent { 100.0 } else { 1.0 };
        let dates = self.dates(name)?;
        let mut columns: Vec<FactorColumn> =
            self.names.iter().map(|title| FactorColumn { name: (*title).to_owned(), values: Vec::new() }).collect();
        for (line, cells) in &self.rows {
            for (at, column) in columns.iter_mut().enumerate() {
                let cell = cells.get(at + 1).copied().unwrap_or_default();
                let value = match cell.strip_suffix('%') {
                    Some(percent) => number(percent.trim()).map(|value| value / 100.0),
                    None => number(cell).map(|value| {
                        let none =
                            layout == Layout::KenFrench && NO_NUMBER.iter().any(|code| (value - code).abs() < 1e-9);
                        if none { f64::NAN } else { value / factor }
                    }),
                };
                let bad = |()| Error::Cell { file: name.to_owned(), line: *line, column: at + 2, expected: "a number" };
                column.values.push(value.map_err(bad)?);
            }
        }
        assemble(name, layout, unit, dates, columns, self.notes)
    }

    /// The day of each row.
    fn dates(&self, name: &str) -> Result<Vec<Date>> {
        let bad = |row: usize, expected| {
            let line = self.rows.get(row).map_or(0, |(line, _)| *line);
            Error::Cell { file: name.to_owned(), line, column: 1, expected }
        };
        let first: Vec<String> =
            self.rows.iter().map(|(_, cells)| (*cells.first().unwrap_or(&"")).to_owned()).collect();
        match self.key {
            Key::Month => {
                let of = |(row, cell): (usize, &String)| {
                    let digits: String = cell.chars().filter(char::is_ascii_digit).collect();
                    let year = digits.get(..4).and_then(|text| text.parse().ok());
                    let month = digits.get(4..).and_then(|text| text.parse().ok());
                    let day = year.zip(month).and_then(|(year, month)| Date::new(year, month, 1).ok());
                    day.map(Date::last_of_month).ok_or_else(|| bad(row, "a month"))
                };
                first.iter().enumerate().map(of).collect()
            }
            _ => {
                let format = match (self.key, dates::detect(&first)) {
                    (Key::Day, _) => DateFormat::Compact,
                    (_, Ok(format)) => format,
                    (_, Err(Unclear::NoDate(row))) => return Err(bad(row, "a date in the form of the other rows")),
                    (_, Err(Unclear::TwoWays)) => {
                        return Err(bad(0, "dates that read in one way only; write them as YYYY-MM-DD"));
                    }
                };
                let of = |(row, cell): (usize, &String)| {
                    let parsed = dates::parse(cell, format).ok_or_else(|| bad(row, "a date"))?;
                    Ok(LocalTime::from_nanos(parsed.0).date())
                };
                first.iter().enumerate().map(of).collect()
            }
        }
    }
}

/// A number; NaN for none.
fn number(cell: &str) -> std::result::Result<f64, ()> {
    if MISSING.contains(&cell.trim().to_ascii_lowercase().as_str()) {
        return Ok(f64::NAN);
    }
    numbers::read(cell, numbers::DecimalMark::Point).ok_or(())
}

/// A table of any other reader: a column for each factor.
fn of_table(name: &str, table: &Table, unit: Option<FactorUnit>) -> Result<Factors> {
    let unit = unit.unwrap_or(FactorUnit::Fraction);
    let factor = if unit == FactorUnit::Percent { 100.0 } else { 1.0 };
    let columns = table.columns.iter().map(|column| FactorColumn {
        name: if column.field == "close" { column.symbol.clone() } else { column.field.clone() },
        values: column.values.iter().map(|value| value / factor).collect(),
    });
    let dates = table.times.iter().map(|at| at.date()).collect();
    assemble(name, Layout::Own, unit, dates, columns.collect(), table.found.notes.clone())
}

/// Rows in their order, each day once, and how often they come.
fn assemble(
    name: &str,
    layout: Layout,
    unit: FactorUnit,
    mut dates: Vec<Date>,
    mut columns: Vec<FactorColumn>,
    mut notes: Vec<String>,
) -> Result<Factors> {
    if !dates.is_sorted() {
        let mut order: Vec<usize> = (0..dates.len()).collect();
        order.sort_by_key(|row| dates.get(*row).copied());
        let picked = |values: &[f64]| order.iter().map(|row| values.get(*row).copied().unwrap_or(f64::NAN)).collect();
        for column in &mut columns {
            column.values = picked(&column.values);
        }
        dates.sort_unstable();
        notes.push("rows were sorted by date".to_owned());
    }
    if dates.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        return Err(damaged(name, "a date is there twice"));
    }
    let mut steps: Vec<i32> = dates
        .windows(2)
        .filter_map(|pair| if let [a, b] = pair { a.until(*b).ok().map(|span| span.get_days()) } else { None })
        .collect();
    steps.sort_unstable();
    let frequency = match steps.get(steps.len() / 2).copied().unwrap_or(1) {
        ..=4 => FactorFrequency::Daily,
        5..=15 => FactorFrequency::Weekly,
        16..=45 => FactorFrequency::Monthly,
        _ => FactorFrequency::Slower,
    };
    if frequency == FactorFrequency::Monthly {
        // Whatever day of it a month is dated by, the row is that month's.
        dates.iter_mut().for_each(|day| *day = day.last_of_month());
        if dates.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(damaged(name, "a month is there twice"));
        }
    }
    Ok(Factors { layout, unit, frequency, dates, columns, notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn read(text: &str) -> Result<Factors> {
        Factors::read("factors.csv", text.as_bytes(), None)
    }

    #[test]
    fn the_library_s_monthly_file_is_percent_with_codes_for_none_and_years_behind() {
        let text = "This file was made by a generator, like those of the library.\nMissing data are indicated by -99.99 or -999.\n\n,Mkt-RF,SMB,Mom   ,RF\n202001,   -0.11,   -3.11,  -99.99,    0.13\n202002,   -8.13,    1.07,   -0.36,    0.12\n202003,  -13.39,   -4.79, -999,    0.13\n\n  Annual Factors: January-December \n,Mkt-RF,SMB,Mom,RF\n  2019,   28.28,   -6.11,   6.37,    2.15\n  2020,   23.66,   13.18,   7.70,    0.45\n\nCopyright 2024\n";
        let found = read(text).unwrap();
        assert_eq!(
            (found.layout, found.unit, found.frequency),
            (Layout::KenFrench, FactorUnit::Percent, FactorFrequency::Monthly)
        );
        assert_eq!(found.dates, [date(2020, 1, 31), date(2020, 2, 29), date(2020, 3, 31)]);
        let names: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["Mkt-RF", "SMB", "Mom", "RF"]);
        let momentum = &found.column("mom").unwrap().values;
        assert!(momentum[0].is_nan() && (momentum[1] + 0.0036).abs() < 1e-15 && momentum[2].is_nan());
        assert_eq!(found.notes, ["2 annual rows after the table are left out"]);
    }

    #[test]
    fn the_library_s_daily_file_and_the_one_parted_by_blanks_are_read() {
        let daily = "Made by a generator.\n\n,Mkt-RF,RF\n20200102,    0.86,   0.006\n20200103,   -0.67,   0.006\n20200106,    0.36,   0.006\n\nCopyright\n";
        let found = read(daily).unwrap();
        assert_eq!((found.frequency, found.dates[2]), (FactorFrequency::Daily, date(2020, 1, 6)));
        let blanks = "Made by a generator.\n\n          Mkt-RF     SMB      RF\n202001   -0.11   -3.11    0.13\n202002   -8.13    1.07    0.12\n";
        let found = read(blanks).unwrap();
        assert_eq!((found.layout, found.columns.len()), (Layout::KenFrench, 3));
        assert!((found.columns[1].values[1] - 0.0107).abs() < 1e-15);
    }

    #[test]
    fn a_preamble_and_american_dates_are_fractions_with_blanks_for_none() {
        let text = "Quality minus junk, made by a generator\nSee the paper\n\nDATE,AUS,USA,Global\n01/31/1990,,0.0123,0.0100\n02/28/1990,-0.5%,-0.0023,1.25%\n03/30/1990,0.001,0.002,0.003\n";
        let found = read(text).unwrap();
        assert_eq!(
            (found.layout, found.unit, found.frequency),
            (Layout::Aqr, FactorUnit::Fraction, FactorFrequency::Monthly)
        );
        assert_eq!(found.dates[2], date(1990, 3, 31), "a month is a month, whichever day stands for it");
        assert!(found.columns[0].values[0].is_nan());
        assert_eq!((found.columns[0].values[1], found.columns[2].values[1]), (-0.005, 0.0125));
    }

    #[test]
    fn a_table_of_ones_own_with_an_unnamed_index_is_no_file_of_the_library() {
        // As pandas writes an index of months without a name: fractions, and nothing above.
        let found = read(",mom\n202001,0.0123\n202002,-0.004\n").unwrap();
        assert_eq!((found.layout, found.unit), (Layout::Own, FactorUnit::Fraction));
        assert!((found.columns[0].values[0] - 0.0123).abs() < 1e-15);
    }

    #[test]
    fn a_first_row_without_a_number_is_a_row() {
        // As pandas writes changes: the first one is missing.
        let found = read("date,mom\n2024-01-05,\n2024-01-08,0.01\n2024-01-09,0.02\n").unwrap();
        assert_eq!((found.columns[0].name.as_str(), found.dates.len()), ("mom", 3));
        assert!(found.columns[0].values[0].is_nan());
        let found = read("Made by a generator\n\nDATE,USA\n01/31/1990,\n02/28/1990,0.5%\n03/30/1990,0.001\n").unwrap();
        assert_eq!((found.layout, found.columns[0].name.as_str()), (Layout::Aqr, "USA"));
    }

    #[test]
    fn an_own_table_is_read_in_its_order_and_a_bad_cell_is_named() {
        let found = read("date;value;carry\n2024-01-08;0.01;-0.02\n2024-01-05;0.02;na\n").unwrap();
        assert_eq!((found.layout, found.frequency), (Layout::Own, FactorFrequency::Daily));
        assert_eq!((found.dates[0], found.columns[0].values[0]), (date(2024, 1, 5), 0.02));
        assert!(found.columns[1].values[0].is_nan());
        let bad = read("date,value\n2024-01-05,0.01\n2024-01-08,lots\n").unwrap_err();
        assert!(matches!(bad, Error::Cell { line: 3, column: 2, .. }), "{bad}");
        let bad = read(",Mkt-RF\n202001,1.0\n202002,x\n202003,2.0\n").unwrap_err();
        assert!(matches!(bad, Error::Cell { line: 3, column: 2, .. }), "not the end of the table: {bad}");
        let bad = read("date,value\n2024-01-05,0.01\nsum,3\n").unwrap_err();
        assert!(matches!(bad, Error::Cell { line: 3, column: 1, .. }), "{bad}");
        for text in [
            "",
            "a,b\n1,2\n",
            "2024-01-05,1\n2024-01-06,2\n",
            "date,a\n2024-01-05,1\n2024-01-05,2\n",
            "date,a,b\n2024-01-05,1\n",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn several_tables_below_each_other_are_said() {
        let text = "Portfolios\n\n  Value Weighted\n,Lo,Hi\n202001,1,2\n202002,3,4\n\n  Equal Weighted\n,Lo,Hi\n202001,5,6\n202002,7,8\n";
        let found = read(text).unwrap();
        assert_eq!(found.columns[1].values, [0.02, 0.04]);
        assert_eq!(found.notes, ["the file holds more tables: the first is read, those from line 10 on are not"]);
    }
}
