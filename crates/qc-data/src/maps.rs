//! Map files: which company used which ticker until when.
//!
//! A row `YYYYMMDD,ticker` says: this ticker was used *up to and including* this day. The first row is the first
//! trading day, the last one the day of delisting (2050-12-31: still listed). The file's name (permtick) identifies
//! the company; `x.1.csv` is an older company that used ticker x.
//! Source: LEAN, `Common/Data/Auxiliary/MapFile.cs`, `MapFileResolver.cs`.

use crate::error::{Error, Result};
use crate::sid::{DEFAULT_DATE, Sid};
use crate::symbol::SecurityType;
use crate::time::END_OF_TIME;
use jiff::civil::{Date, date};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The first day LEAN knows; the first date of a file without rows.
const BEGINNING: Date = date(1998, 1, 1);

/// One row of a map file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MapRow {
    /// Last day on which the ticker was used.
    pub(crate) date: Date,
    /// Ticker in lower case; of a continuous future the contract's identifier.
    pub(crate) ticker: Arc<str>,
    /// Futures: the mapping mode (0-3) for which the row holds.
    pub(crate) mode: Option<u8>,
}

impl MapRow {
    /// Reads a row; of one that is damaged the column and what was expected there.
    fn parse(line: &str) -> std::result::Result<MapRow, (usize, &'static str)> {
        let mut cells = line.split(',');
        let date = cells.next().and_then(parse_day).ok_or((1, "a date YYYYMMDD"))?;
        let ticker = cells.next().map(str::trim).filter(|cell| is_ticker(cell)).ok_or((2, "a ticker"))?;
        let mode = match cells.nth(1).map(str::trim) {
            None | Some("") => None,
            // An unknown mode never matches, so such a row is skipped in look-ups.
            Some(mode) => Some(mode.parse().unwrap_or(u8::MAX)),
        };
        Ok(MapRow { date, ticker: ticker.to_ascii_lowercase().into(), mode })
    }
}

/// All names of one company.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MapFile {
    /// File name without extension, lower case.
    pub(crate) permtick: String,
    /// Rows by date.
    rows: Vec<MapRow>,
    /// What is wrong with the first row that cannot be read.
    damage: Option<Error>,
}

impl MapFile {
    /// Reads the rows of `permtick`'s file.
    ///
    /// # Errors
    /// [`Error::Cell`] for a date that is none or a missing ticker.
    pub(crate) fn parse(permtick: &str, file: &str, text: &str) -> Result<MapFile> {
        let read = MapFile::of_market(permtick, file, Ok(text.to_owned()));
        match read.damage {
            Some(damage) => Err(damage),
            None => Ok(read),
        }
    }

    /// As [`MapFile::parse`] for one file of many: that it cannot be read is an error for those who ask for this
    /// company, not for the others of its market.
    pub(crate) fn of_market(permtick: &str, file: &str, text: Result<String>) -> MapFile {
        let mut rows = Vec::new();
        let (text, mut damage) = text.map_or_else(|error| (String::new(), Some(error)), |text| (text, None));
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            match MapRow::parse(line) {
                Ok(row) => rows.push(row),
                Err((column, expected)) => {
                    let file = || file.to_owned();
                    damage.get_or_insert_with(|| Error::Cell { file: file(), line: index + 1, column, expected });
                }
            }
        }
        rows.sort_by_key(|row| row.date);
        rows.dedup();
        MapFile { permtick: permtick.to_ascii_lowercase(), rows, damage }
    }

    /// The map file of a security that has none: always listed, always under this ticker.
    pub(crate) fn empty(ticker: &str) -> MapFile {
        MapFile { permtick: ticker.to_ascii_lowercase(), rows: Vec::new(), damage: None }
    }

    /// The rows of one mapping mode of a continuous future, and those that hold for all modes.
    pub(crate) fn of_mode(&self, mode: u8) -> MapFile {
        let rows = self.rows.iter().filter(|row| row.mode.is_none_or(|of| of == mode));
        let rows = rows.map(|row| MapRow { mode: None, ..row.clone() }).collect();
        MapFile { permtick: self.permtick.clone(), rows, damage: None }
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows by date.
    pub(crate) fn rows(&self) -> &[MapRow] {
        &self.rows
    }

    /// First trading day.
    pub(crate) fn first_date(&self) -> Date {
        self.rows.first().map_or(BEGINNING, |row| row.date)
    }

    /// Last trading day; 2050-12-31 while listed.
    pub(crate) fn delisting_date(&self) -> Date {
        self.rows.last().map_or(END_OF_TIME, |row| row.date)
    }

    /// First and last day of trading in days since 1970; for ever where there are no rows.
    pub(crate) fn listed_days(&self) -> std::ops::RangeInclusive<i32> {
        match (self.rows.first(), self.rows.last()) {
            (Some(first), Some(last)) => crate::factors::day_number(first.date)..=crate::factors::day_number(last.date),
            _ => i32::MIN..=i32::MAX,
        }
    }

    /// The ticker on `day`, `None` after the last row.
    pub(crate) fn ticker_on(&self, day: Date, mode: Option<u8>) -> Option<&Arc<str>> {
        let first = self.rows.partition_point(|row| row.date < day);
        let mut later = self.rows.iter().skip(first);
        later.find(|row| row.mode.is_none() || row.mode == mode).map(|row| &row.ticker)
    }

    /// The ticker on the first day, without a trailing `.1` that tells companies apart.
    pub(crate) fn first_ticker(&self) -> &str {
        let ticker = self.rows.first().map_or(self.permtick.as_str(), |row| &row.ticker);
        match ticker.rsplit_once('.') {
            Some((name, number)) if !name.is_empty() && number.parse::<u32>().is_ok() => name,
            _ => ticker,
        }
    }
}

/// Whether a cell is a ticker of one word, or the identifier of a contract (`ES VMKLFZIH2MTD`): what these files say is
/// shown to users, so nothing else may stand in them.
pub(crate) fn is_ticker(cell: &str) -> bool {
    const LONGEST: usize = 20;
    match cell.contains(' ') {
        false => cell.len() <= LONGEST && crate::symbol::check_name("ticker", cell).is_ok(),
        true => cell.to_ascii_uppercase().parse::<Sid>().is_ok_and(|sid| sid.security_type() == SecurityType::Future),
    }
}

/// All map files of a market, searchable by ticker.
#[derive(Debug, Default)]
pub(crate) struct MapIndex {
    by_permtick: HashMap<String, Arc<MapFile>>,
    /// Ticker -> (last day of use -> permtick).
    by_ticker: HashMap<Arc<str>, BTreeMap<Date, String>>,
    /// What is wrong with the first damaged file: a ticker that nobody claims may stand in it.
    damage: Option<Error>,
}

impl MapIndex {
    /// Indexes the files. Where two claim the same ticker until the same day, the alphabetically first keeps it.
    pub(crate) fn new(mut files: Vec<MapFile>) -> MapIndex {
        files.sort_by(|a, b| a.permtick.cmp(&b.permtick));
        let mut index = MapIndex::default();
        for file in files {
            index.damage = index.damage.or_else(|| file.damage.clone());
            for row in &file.rows {
                let uses = index.by_ticker.entry(row.ticker.clone()).or_default();
                uses.entry(row.date).or_insert_with(|| file.permtick.clone());
            }
            index.by_permtick.insert(file.permtick.clone(), Arc::new(file));
        }
        index
    }

    /// The company that `ticker` meant on `day`, or `None`.
    ///
    /// # Errors
    /// What is wrong with the file of that company; for a ticker that no file claims, with any file that is damaged.
    pub(crate) fn resolve(&self, ticker: &str, day: Date) -> Result<Option<Arc<MapFile>>> {
        match self.company(ticker, day) {
            Some(file) => file.damage.clone().map_or_else(|| Ok(Some(file.clone())), Err),
            None => self.damage.clone().map_or(Ok(None), Err),
        }
    }

    /// As [`MapIndex::resolve`], whether its file is damaged or not.
    fn company(&self, ticker: &str, day: Date) -> Option<&Arc<MapFile>> {
        let ticker = ticker.to_ascii_lowercase();
        let uses = self.by_ticker.get(ticker.as_str());
        let permtick = uses
            .and_then(|uses| uses.range(day..).next().or_else(|| uses.iter().next_back()))
            .map_or(ticker.as_str(), |(_, permtick)| permtick.as_str());
        let file = self.by_permtick.get(permtick)?;
        // The days of a damaged file are not known.
        (file.damage.is_some() || file.first_date() <= day || day == DEFAULT_DATE).then_some(file)
    }
}

/// How a file named by a ticker comes to belong to a company on a day; the later, the surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Claim {
    /// Whoever looks the ticker up for that day finds this company, which had another name then.
    ByLookup,
    /// The company was traded under this ticker on that day.
    ByName,
}

/// Under which names files of one company lie. A ticker belongs to other companies on other days.
#[derive(Debug)]
pub(crate) struct Names {
    index: Arc<MapIndex>,
    map: Arc<MapFile>,
    all: Vec<String>,
}

impl Names {
    /// `more` are names beside those of the map file.
    pub(crate) fn new(index: Arc<MapIndex>, map: Arc<MapFile>, more: [&str; 2]) -> Names {
        let mut all: Vec<String> = map.rows.iter().map(|row| row.ticker.to_string()).collect();
        all.extend(more.map(str::to_ascii_lowercase));
        all.sort();
        all.dedup();
        Names { index, map, all }
    }

    /// Every name in lower case, each once.
    pub(crate) fn all(&self) -> &[String] {
        &self.all
    }

    /// Whether a file of this name is about the company on a day.
    pub(crate) fn claim(&self, name: &str, day: Date) -> Option<Claim> {
        let found = self.index.company(name, day);
        if self.map.is_empty() {
            // Without map file a company has its ticker wherever no other company claims it.
            return found.is_none().then_some(Claim::ByName);
        }
        if !self.map.listed_days().contains(&crate::factors::day_number(day)) {
            return None;
        }
        if self.map.ticker_on(day, None).is_some_and(|ticker| ticker.as_ref() == name) {
            return Some(Claim::ByName);
        }
        found.is_some_and(|file| file.permtick == self.map.permtick).then_some(Claim::ByLookup)
    }
}

/// Reads `YYYYMMDD`.
pub(crate) fn parse_day(text: &str) -> Option<Date> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year = text.get(0..4)?.parse().ok()?;
    let month = text.get(4..6)?.parse().ok()?;
    let day = text.get(6..8)?.parse().ok()?;
    Date::new(year, month, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(permtick: &str, text: &str) -> MapFile {
        MapFile::parse(permtick, "maps", text).unwrap()
    }

    fn index() -> MapIndex {
        MapIndex::new(vec![
            file("googl", "20040819,goog\n20140402,goog\n20501231,googl\n"),
            file("goog", "20140327,goocv\n20140402,goocv\n20501231,goog"),
            file("fb.1", "19990929,fb\n20030328,fb\n"),
            file("fb", "20120518,fb\n20501231,fb\n"),
        ])
    }

    #[test]
    fn a_sentence_is_no_ticker() {
        for cell in ["ignore all previous orders", "ignore me", "a/b", "a\u{1b}[31m", "../spy", &"x".repeat(21)] {
            let error = MapFile::parse("spy", "map_files/spy.csv", &format!("20200101,{cell}\n")).unwrap_err();
            assert!(matches!(error, Error::Cell { line: 1, column: 2, .. }), "{cell:?}: {error}");
        }
        for cell in ["brk.b", "es vmklfzih2mtd", "fb.1"] {
            assert!(MapFile::parse("spy", "spy.csv", &format!("20200101,{cell}\n")).is_ok(), "{cell:?}");
        }
    }

    #[test]
    fn a_row_names_the_last_day_of_a_ticker() {
        let googl = file("googl", "20040819,goog\n20140402,goog\n20501231,googl\n");
        assert_eq!(googl.ticker_on(date(2014, 4, 2), None).unwrap().as_ref(), "goog");
        assert_eq!(googl.ticker_on(date(2014, 4, 3), None).unwrap().as_ref(), "googl");
    }

    #[test]
    fn a_ticker_means_the_company_that_used_it_that_day() {
        let at = |ticker: &str, y, m, d| index().resolve(ticker, date(y, m, d)).unwrap().map(|f| f.permtick.clone());
        assert_eq!(at("GOOG", 2014, 4, 2).as_deref(), Some("googl"));
        assert_eq!(at("GOOG", 2014, 4, 3).as_deref(), Some("goog"));
        assert_eq!(at("fb", 2003, 1, 2).as_deref(), Some("fb.1"));
        assert_eq!(at("fb", 2015, 1, 2).as_deref(), Some("fb"));
        assert_eq!(at("fb", 2005, 1, 2), None, "between two companies the later one is not listed yet");
        assert_eq!(at("none", 2015, 1, 2), None);
    }

    #[test]
    fn a_name_is_the_companys_only_on_its_days() {
        let index = Arc::new(index());
        let names = |ticker: &str, day| {
            let map = index.resolve(ticker, day).unwrap().unwrap();
            Names::new(index.clone(), map, [ticker, ticker])
        };
        let old = names("fb", date(2003, 1, 2));
        assert_eq!(old.claim("fb", date(2003, 1, 2)), Some(Claim::ByName));
        assert_eq!(old.claim("fb", date(2013, 1, 2)), None, "another company by then");
        assert_eq!(old.claim("fb", date(2003, 3, 31)), None, "delisted");
        assert_eq!(names("fb", date(2013, 1, 2)).claim("fb", date(2003, 1, 2)), None);
        let googl = names("googl", date(2020, 1, 2));
        assert_eq!(googl.claim("goog", date(2014, 4, 2)), Some(Claim::ByName));
        assert_eq!(googl.claim("goog", date(2014, 4, 3)), None);
        assert_eq!(googl.claim("googl", date(2014, 4, 2)), Some(Claim::ByLookup), "filed under its later name");
        assert_eq!(googl.all(), ["goog", "googl"]);
    }

    #[test]
    fn the_number_of_a_permtick_is_not_part_of_the_first_ticker() {
        assert_eq!(file("vxx.1", "20090130,vxx.1\n20190129,vxx.1").first_ticker(), "vxx");
        assert_eq!(file("tap.a", "19980102,tap.a\n20501231,tap.a").first_ticker(), "tap.a");
    }

    #[test]
    fn a_damaged_file_is_an_error_for_its_company_alone() {
        let damaged = MapFile::of_market("pep", "maps/pep.csv", Ok("20200101,do this now\n20501231,pep\n".into()));
        let index = MapIndex::new(vec![damaged, file("ko", "19980102,ko\n20501231,ko\n")]);
        assert!(index.resolve("ko", date(2020, 1, 2)).unwrap().is_some());
        assert!(index.resolve("old", date(2020, 1, 2)).is_err(), "nobody's ticker may be one that could not be read");
        for day in [date(1998, 1, 2), date(2020, 1, 2), END_OF_TIME] {
            let error = index.resolve("pep", day).unwrap_err();
            assert!(matches!(error, Error::Cell { line: 1, column: 2, .. }), "{error}");
        }
    }

    #[test]
    fn damaged_rows_name_line_and_column() {
        let error = MapFile::parse("x", "maps/x.csv", "20040819,goog\n2004x819,goog").unwrap_err();
        assert_eq!(error, Error::Cell { file: "maps/x.csv".into(), line: 2, column: 1, expected: "a date YYYYMMDD" });
        assert!(MapFile::parse("x", "maps/x.csv", "20040819").is_err());
    }
}
