//! Facts about companies by the day from which they were known: sector, capitalisation, book-to-market.
//!
//! A row names a symbol, the day on which its facts became available, and the facts. What was known on a day is the last
//! row that was available by then, so that nothing is seen before it was published.

use jiff::civil::Date;

use super::{MAX_FILE_BYTES, RawCells, RawTable, csv, dates, numbers, parquet};
use crate::error::{Error, Result};
use crate::time::LocalTime;

/// Columns that may name the day from which a row was known.
const AVAILABLE: [&str; 3] = ["available_date", "available", "date_available"];
/// Columns that may name the symbol.
const SYMBOL: [&str; 2] = ["symbol", "ticker"];
/// Texts that stand for nothing.
const MISSING: [&str; 7] = ["", "nan", "na", "n/a", "null", "none", "-"];

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A number.
    Number(f64),
    /// A word.
    Text(String),
}

/// The facts of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributes {
    /// Their names, as the file writes them.
    pub names: Vec<String>,
    /// By symbol, then by day.
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    symbol: String,
    available: Date,
    facts: Vec<Option<Fact>>,
}

impl Attributes {
    /// Reads the bytes of a CSV or Parquet file with the columns `symbol` and `available_date`.
    ///
    /// ```
    /// use qc_data::table::attributes::{Attributes, Fact};
    /// let text = "symbol,available_date,sector,book_to_market\nKO,2020-02-24,Staples,0.08\nKO,2021-02-25,Staples,0.09\n";
    /// let facts = Attributes::read("a.csv", text.as_bytes())?;
    /// let then = facts.known("ko", jiff::civil::date(2020, 12, 31)).unwrap();
    /// assert_eq!(then.get("book_to_market"), Some(&Fact::Number(0.08)));
    /// assert!(facts.known("KO", jiff::civil::date(2020, 1, 1)).is_none());
    /// # Ok::<(), qc_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Damaged`] without those two columns or with a symbol twice on one day, [`Error::Cell`] for a date that is
    /// none, [`Error::TooLarge`] beyond 256 MB.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Attributes> {
        if MAX_FILE_BYTES < bytes.len() as u64 {
            let (limit, found) = (MAX_FILE_BYTES, bytes.len() as u64);
            return Err(Error::TooLarge { file: name.to_owned(), limit, found });
        }
        let raw = if parquet::is_one(bytes) { parquet::read(name, bytes)? } else { csv::read(name, bytes, &[])? };
        let damaged = |problem| Error::Damaged { file: name.to_owned(), problem };
        let find = |names: &[&str]| {
            raw.columns.iter().position(|column| names.iter().any(|name| column.name.trim().eq_ignore_ascii_case(name)))
        };
        let symbol = find(&SYMBOL).ok_or_else(|| damaged("it has no column named symbol"))?;
        let available = find(&AVAILABLE).ok_or_else(|| damaged("it has no column named available_date"))?;
        let days = days(name, &raw, available)?;
        let kept: Vec<usize> = (0..raw.columns.len()).filter(|at| *at != symbol && *at != available).collect();
        let names: Vec<String> =
            kept.iter().filter_map(|at| raw.columns.get(*at)).map(|column| column.name.trim().to_owned()).collect();
        let mut rows: Vec<Row> = days
            .into_iter()
            .enumerate()
            .filter_map(|(row, available)| {
                let facts = kept.iter().map(|at| fact(&raw, *at, row)).collect();
                let Some(Fact::Text(symbol)) = word(&raw, symbol, row) else { return None };
                Some(Row { symbol: symbol.to_ascii_uppercase(), available, facts })
            })
            .collect();
        rows.sort_by(|a, b| (&a.symbol, a.available).cmp(&(&b.symbol, b.available)));
        if rows.windows(2).any(|pair| matches!(pair, [a, b] if a.symbol == b.symbol && a.available == b.available)) {
            return Err(damaged("a symbol has two rows of one day"));
        }
        Ok(Attributes { names, rows })
    }

    /// All symbols, each once, in alphabetical order.
    pub fn symbols(&self) -> Vec<&str> {
        let mut symbols: Vec<&str> = self.rows.iter().map(|row| row.symbol.as_str()).collect();
        symbols.dedup();
        symbols
    }

    /// What was known of a symbol at the end of a day; `None` before its first row.
    pub fn known(&self, symbol: &str, day: Date) -> Option<Known<'_>> {
        let symbol = symbol.trim().to_ascii_uppercase();
        let after = self.rows.partition_point(|row| (row.symbol.as_str(), row.available) <= (symbol.as_str(), day));
        let row = self.rows.get(after.checked_sub(1)?)?;
        (row.symbol == symbol).then_some(Known { names: &self.names, row })
    }
}

/// The facts of one symbol on one day.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    names: &'a [String],
    row: &'a Row,
}

impl<'a> Known<'a> {
    /// One fact; upper and lower case do not matter. `None` where the file has none.
    pub fn get(&self, name: &str) -> Option<&'a Fact> {
        let at = self.names.iter().position(|known| known.eq_ignore_ascii_case(name.trim()))?;
        self.row.facts.get(at)?.as_ref()
    }

    /// From which day on these facts were known.
    pub fn available(&self) -> Date {
        self.row.available
    }
}

/// The day of each row.
fn days(name: &str, raw: &RawTable, column: usize) -> Result<Vec<Date>> {
    let bad = |row: usize, expected| {
        let line = raw.line(row);
        Error::Cell { file: name.to_owned(), line, column: column + 1, expected }
    };
    let damaged = || Error::Damaged { file: name.to_owned(), problem: "its available_date holds no dates" };
    match raw.columns.get(column).map(|column| &column.cells) {
        Some(RawCells::Text(cells)) => {
            let format = match dates::detect(cells) {
                Ok(format) => format,
                Err(dates::Unclear::NoDate(row)) => return Err(bad(row, "a date in the form of the other rows")),
                Err(dates::Unclear::TwoWays) => {
                    return Err(bad(0, "dates that read in one way only; write them as YYYY-MM-DD"));
                }
            };
            let of = |(row, cell): (usize, &String)| {
                let parsed = dates::parse(cell, format).ok_or_else(|| bad(row, "a date"))?;
                Ok(LocalTime::from_nanos(parsed.0).date())
            };
            cells.iter().enumerate().map(of).collect()
        }
        Some(RawCells::Times { cells, .. }) => {
            let of = |(row, nanos): (usize, &i64)| {
                if *nanos == i64::MIN { Err(bad(row, "a date")) } else { Ok(LocalTime::from_nanos(*nanos).date()) }
            };
            cells.iter().enumerate().map(of).collect()
        }
        _ => Err(damaged()),
    }
}

/// A cell as it is written.
fn word(raw: &RawTable, column: usize, row: usize) -> Option<Fact> {
    match &raw.columns.get(column)?.cells {
        RawCells::Text(cells) => {
            let text = cells.get(row)?.trim();
            (!MISSING.contains(&text.to_ascii_lowercase().as_str())).then(|| Fact::Text(text.to_owned()))
        }
        RawCells::Numbers(cells) => cells.get(row).filter(|value| value.is_finite()).map(|value| Fact::Number(*value)),
        _ => None,
    }
}

/// A cell as a number where it reads as one.
fn fact(raw: &RawTable, column: usize, row: usize) -> Option<Fact> {
    let found = word(raw, column, row)?;
    let Fact::Text(text) = &found else { return Some(found) };
    Some(numbers::read(text, numbers::DecimalMark::Point).map_or(found.clone(), Fact::Number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const FILE: &str =
        "Ticker;available_date;Sector;cap\nB;2021-03-01;Banks;\nA;2020-01-10;Energy;1e9\nA;2021-01-10;Energy;2e9\n";

    #[test]
    fn a_day_knows_what_was_published_by_then_and_nothing_later() {
        let facts = Attributes::read("a.csv", FILE.as_bytes()).unwrap();
        assert_eq!((facts.symbols(), facts.names.len()), (vec!["A", "B"], 2));
        let cap = |day| facts.known("a", day).and_then(|known| known.get("CAP").cloned());
        assert_eq!(cap(date(2020, 1, 9)), None);
        assert_eq!(cap(date(2020, 1, 10)), Some(Fact::Number(1e9)));
        assert_eq!(cap(date(2021, 1, 9)), Some(Fact::Number(1e9)));
        assert_eq!(cap(date(2030, 1, 1)), Some(Fact::Number(2e9)));
        let bank = facts.known("B", date(2021, 3, 1)).unwrap();
        assert_eq!((bank.get("sector"), bank.get("cap")), (Some(&Fact::Text("Banks".to_owned())), None));
        assert!(facts.known("AA", date(2030, 1, 1)).is_none() && facts.known("C", date(2030, 1, 1)).is_none());
    }

    #[test]
    fn what_is_no_such_file_is_said() {
        for text in [
            "symbol,sector\nA,Energy\n",
            "available_date,sector\n2020-01-01,Energy\n",
            "symbol,available_date,x\nA,soon,1\n",
            "symbol,available_date,x\nA,2020-01-01,1\na,2020-01-01,2\n",
        ] {
            assert!(Attributes::read("a.csv", text.as_bytes()).is_err(), "{text}");
        }
    }
}
