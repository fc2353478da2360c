//! The market-hours database: found entry by entry, each read only when a security asks for it.
//!
//! The real file has 3 MB and 549 entries; a request needs one or two. So the file is only scanned for where
//! entries begin and end, and an entry is parsed at its first use.
//! Source: LEAN, `Common/Util/MarketHoursDatabaseJsonConverter.cs`.

use super::{DayHours, ExchangeHours, HoursRules, Segment};
use crate::error::{Error, Result};
use crate::symbol::{SecurityType, future_of, index_of};
use crate::time::{DAY, HOUR, MINUTE, SECOND, days_from_civil, time_zone};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the database lies in a data folder.
pub(crate) const FILE: &str = "market-hours/market-hours-database.json";

/// The market-hours database of a folder.
#[derive(Debug)]
pub(crate) struct HoursDatabase {
    text: String,
    entries: HashMap<String, Range<usize>>,
    parsed: Mutex<HashMap<String, Arc<ExchangeHours>>>,
}

/// An entry as written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    data_time_zone: Cow<'a, str>,
    #[serde(borrow)]
    exchange_time_zone: Cow<'a, str>,
    #[serde(default, borrow)]
    sunday: Vec<Hours<'a>>,
    #[serde(default, borrow)]
    monday: Vec<Hours<'a>>,
    #[serde(default, borrow)]
    tuesday: Vec<Hours<'a>>,
    #[serde(default, borrow)]
    wednesday: Vec<Hours<'a>>,
    #[serde(default, borrow)]
    thursday: Vec<Hours<'a>>,
    #[serde(default, borrow)]
    friday: Vec<Hours<'a>>,
    #[serde(default, borrow)]
    saturday: Vec<Hours<'a>>,
    #[serde(default, borrow)]
    holidays: Vec<Cow<'a, str>>,
    #[serde(default, borrow)]
    early_closes: HashMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(default, borrow)]
    late_opens: HashMap<Cow<'a, str>, Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Hours<'a> {
    #[serde(borrow)]
    start: Cow<'a, str>,
    #[serde(borrow)]
    end: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
}

impl HoursDatabase {
    /// Scans the database for its entries.
    pub(crate) fn new(text: String) -> Result<HoursDatabase> {
        let entries = scan(&text)?;
        Ok(HoursDatabase { text, entries, parsed: Mutex::default() })
    }

    /// The hours of a security: its own entry, else its market's.
    ///
    /// # Errors
    /// [`Error::NoHours`] when neither is there; errors of a damaged entry.
    pub(crate) fn hours(&self, security_type: SecurityType, market: &str, symbol: &str) -> Result<Arc<ExchangeHours>> {
        let (mut tried, mut symbol) = (security_type, symbol);
        loop {
            for symbol in [symbol, "[*]"] {
                let key = format!("{}-{market}-{symbol}", tried.title());
                if let Some(range) = self.entries.get(&key.to_ascii_lowercase()) {
                    return self.entry(key, tried, market, symbol, range.clone());
                }
            }
            // Options on futures without an entry keep the hours of the future.
            if tried != SecurityType::FutureOption {
                return Err(Error::NoHours { key: format!("{}-{market}-[*]", security_type.title()) });
            }
            (tried, symbol) = (SecurityType::Future, future_of(symbol));
        }
    }

    fn entry(
        &self,
        key: String,
        security_type: SecurityType,
        market: &str,
        symbol: &str,
        range: Range<usize>,
    ) -> Result<Arc<ExchangeHours>> {
        let parsed = || self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed().get(&key) {
            return Ok(known.clone());
        }
        let entry = self.parse(range.clone())?;
        let rules = self.resolved(&entry, &range, (security_type, market, symbol))?;
        let zone = |id: &str| time_zone(id).ok_or_else(|| self.damaged(&range, "a time zone"));
        let hours = ExchangeHours::new(zone(&entry.exchange_time_zone)?, zone(&entry.data_time_zone)?, rules);
        let hours = Arc::new(hours);
        parsed().insert(key, hours.clone());
        Ok(hours)
    }

    /// The rules of an entry with what it inherits. LEAN's order: of holidays, early closes and late opens an option takes
    /// those of its underlying where it has none, with all that the underlying inherits; then its market's entry is added.
    fn resolved(
        &self,
        entry: &Entry<'_>,
        range: &Range<usize>,
        (security_type, market, symbol): (SecurityType, &str, &str),
    ) -> Result<HoursRules> {
        let mut rules = self.rules(entry, range)?;
        if let Some((underlying, root)) = underlying_of(security_type, symbol) {
            let above = match self.rules_of(underlying, market, root)? {
                None if root != "[*]" => self.rules_of(underlying, market, "[*]")?,
                found => found,
            }
            .unwrap_or_default();
            if rules.holidays.is_empty() {
                rules.holidays = above.holidays;
            }
            if rules.early_closes.is_empty() {
                rules.early_closes = above.early_closes;
            }
            if rules.late_opens.is_empty() {
                rules.late_opens = above.late_opens;
            }
        }
        if symbol != "[*]"
            && let Some(above) = self.rules_of(security_type, market, "[*]")?
        {
            rules.holidays.extend(above.holidays);
            for (day, close) in above.early_closes {
                rules.early_closes.entry(day).or_insert(close);
            }
            for (day, open) in above.late_opens {
                rules.late_opens.entry(day).or_insert(open);
            }
        }
        Ok(rules)
    }

    /// As [`HoursDatabase::resolved`] by key; `None` where there is no such entry.
    fn rules_of(&self, security_type: SecurityType, market: &str, symbol: &str) -> Result<Option<HoursRules>> {
        let key = format!("{}-{market}-{symbol}", security_type.title()).to_ascii_lowercase();
        let Some(range) = self.entries.get(&key) else { return Ok(None) };
        self.resolved(&self.parse(range.clone())?, range, (security_type, market, symbol)).map(Some)
    }

    fn parse(&self, range: Range<usize>) -> Result<Entry<'_>> {
        let text = self.text.get(range.clone()).unwrap_or_default();
        serde_json::from_str(text).map_err(|error| {
            let above = self.text.get(..range.start).unwrap_or_default();
            let line = above.lines().count().max(1) + error.line() - 1;
            Error::Cell { file: FILE.into(), line, column: error.column(), expected: "an entry of market hours" }
        })
    }

    fn rules(&self, entry: &Entry<'_>, range: &Range<usize>) -> Result<HoursRules> {
        let bad_day = || self.damaged(range, "a date M/D/YYYY");
        let bad_time = || self.damaged(range, "a time of day HH:MM:SS");
        let week = [
            &entry.sunday,
            &entry.monday,
            &entry.tuesday,
            &entry.wednesday,
            &entry.thursday,
            &entry.friday,
            &entry.saturday,
        ];
        let mut rules = HoursRules::default();
        for (day, hours) in rules.week.iter_mut().zip(week) {
            let mut segments = Vec::with_capacity(hours.len());
            for h in hours {
                let regular = match h.state.to_ascii_lowercase().as_str() {
                    "market" => true,
                    "premarket" | "postmarket" => false,
                    "closed" => continue,
                    _ => return Err(self.damaged(range, "premarket, market, postmarket or closed")),
                };
                let (start, end) = (of_day(&h.start).ok_or_else(bad_time)?, of_day(&h.end).ok_or_else(bad_time)?);
                segments.push(Segment { start, end, regular });
            }
            *day = DayHours { segments };
        }
        for day in &entry.holidays {
            rules.holidays.push(us_day(day).ok_or_else(bad_day)?);
        }
        for (map, into) in [(&entry.early_closes, &mut rules.early_closes), (&entry.late_opens, &mut rules.late_opens)]
        {
            for (day, time) in map {
                into.insert(us_day(day).ok_or_else(bad_day)?, of_day(time).ok_or_else(bad_time)?);
            }
        }
        Ok(rules)
    }

    fn damaged(&self, range: &Range<usize>, expected: &'static str) -> Error {
        let line = self.text.get(..range.start).unwrap_or_default().lines().count().max(1);
        Error::Cell { file: FILE.into(), line, column: 1, expected }
    }
}

/// From what an option without holidays of its own takes them: type and name of its underlying.
fn underlying_of(security_type: SecurityType, symbol: &str) -> Option<(SecurityType, &str)> {
    match security_type {
        SecurityType::Option => Some((SecurityType::Equity, symbol)),
        SecurityType::IndexOption => Some((SecurityType::Index, index_of(symbol))),
        SecurityType::FutureOption => Some((SecurityType::Future, future_of(symbol))),
        _ => None,
    }
}

/// Finds the members of the object under `entries`: lower-case key and the range of its value.
///
/// Three megabytes are looked through for every folder that is opened. No text of a JSON file goes over the end of a line,
/// so lines without brackets, nearly all, are not looked at twice; a file that is laid out in an unusual way is read again
/// with all of its lines.
fn scan(text: &str) -> Result<HashMap<String, Range<usize>>> {
    match Scan::of_lines_with_brackets(text) {
        Some(entries) => Ok(entries),
        None => Scan::of_everything(text),
    }
}

/// Where a walk through the brackets of the database stands.
#[derive(Default)]
struct Scan {
    entries: HashMap<String, Range<usize>>,
    depth: usize,
    /// Within the object under "entries".
    inside: bool,
    /// The text read last outside of entries: none at the beginning of a part.
    key: Option<Range<usize>>,
    /// Key and beginning of the entry that is open.
    entry: (String, usize),
}

/// Why a part of the text cannot be read.
enum Wrong {
    OpenText,
    OpenBracket,
    NoKey,
}

impl Scan {
    fn of_everything(text: &str) -> Result<HashMap<String, Range<usize>>> {
        let damaged = |problem| Error::Damaged { file: FILE.into(), problem };
        let mut scan = Scan { key: Some(0..0), ..Scan::default() };
        scan.read(text, 0..text.len()).map_err(|wrong| match wrong {
            Wrong::OpenText => damaged("a text does not end"),
            Wrong::OpenBracket | Wrong::NoKey => damaged("a bracket closes nothing"),
        })?;
        if scan.depth != 0 {
            return Err(damaged("it is cut off"));
        }
        Ok(scan.entries)
    }

    /// Reads only lines with brackets; `None` where that does not do: an object whose key stands on another line, and any
    /// damage.
    fn of_lines_with_brackets(text: &str) -> Option<HashMap<String, Range<usize>>> {
        let bytes = text.as_bytes();
        let mut scan = Scan::default();
        let mut from = 0;
        while let Some(at) = next_bracket(bytes, from) {
            let begin = bytes.get(from..at)?.iter().rposition(|byte| *byte == b'\n').map_or(from, |end| from + end + 1);
            let end = bytes.get(at..)?.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end);
            scan.key = None;
            scan.read(text, begin..end).ok()?;
            from = end;
        }
        (scan.depth == 0).then_some(scan.entries)
    }

    /// Takes the brackets and keys of a part of the text that begins outside of texts.
    fn read(&mut self, text: &str, part: Range<usize>) -> Result<(), Wrong> {
        let bytes = text.as_bytes().get(..part.end).unwrap_or_default();
        let mut from = part.start;
        // Each of the four brackets with these bits set is 0x7f; a few letters are too, and are looked at again.
        let marks = |word: u64| zeros((word | every(0x26)) ^ every(0x7f)) | zeros(word ^ every(b'"'));
        while let Some(at) = find(bytes, from, marks, |byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']')) {
            from = at + 1;
            match bytes.get(at) {
                Some(b'"') => {
                    let end = end_of_text(bytes, at + 1).ok_or(Wrong::OpenText)?;
                    if self.depth <= 2 {
                        self.key = Some(at + 1..end);
                    }
                    from = end + 1;
                }
                Some(b'{' | b'[') => {
                    self.depth += 1;
                    if self.depth == 2 {
                        self.inside = self.key(text)? == "entries";
                    } else if self.depth == 3 && self.inside {
                        self.entry = (self.key(text)?.to_ascii_lowercase(), at);
                    }
                }
                _ => {
                    if self.depth == 3 && self.inside {
                        let (name, begin) = std::mem::take(&mut self.entry);
                        self.entries.insert(name, begin..at + 1);
                    }
                    self.depth = self.depth.checked_sub(1).ok_or(Wrong::OpenBracket)?;
                }
            }
        }
        Ok(())
    }

    fn key<'t>(&self, text: &'t str) -> Result<&'t str, Wrong> {
        let key = self.key.clone().ok_or(Wrong::NoKey)?;
        Ok(text.get(key).unwrap_or_default())
    }
}

/// The first bracket from `from` on; sixty-four bytes at a time, as most have none.
fn next_bracket(bytes: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 64;
    let is = |byte: &u8| matches!(byte | 0x20, b'{' | b'}');
    let rest = bytes.get(from..)?;
    let mut at = from;
    for block in rest.chunks(BLOCK) {
        // Without a branch for each byte the compiler looks at many of them at once.
        if block.iter().fold(false, |any, byte| any | is(byte)) {
            return Some(at + block.iter().position(is)?);
        }
        at += block.len();
    }
    None
}

/// Where the quote stands that ends the text which begins at `from`.
fn end_of_text(bytes: &[u8], mut from: usize) -> Option<usize> {
    let marks = |word: u64| zeros(word ^ every(b'"')) | zeros(word ^ every(b'\\'));
    loop {
        let at = find(bytes, from, marks, |byte| matches!(byte, b'"' | b'\\'))?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// The first byte from `from` on for which `is` holds; `maybe` marks the bytes of a word that are worth a look.
#[inline]
fn find(bytes: &[u8], from: usize, maybe: impl Fn(u64) -> u64, is: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = from;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let marked = maybe(u64::from_le_bytes(*word));
        if marked == 0 {
            at += 8;
            continue;
        }
        at += (marked.trailing_zeros() / 8) as usize;
        if bytes.get(at).is_some_and(|byte| is(*byte)) {
            return Some(at);
        }
        at += 1;
    }
    Some(at + bytes.get(at..)?.iter().position(|byte| is(*byte))?)
}

/// A word of eight times the same byte.
const fn every(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

/// The high bit of each byte that is zero; behind the first one others may be marked too.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(every(1)) & !word & every(0x80)
}

/// `M/d/yyyy` to days since 1970.
fn us_day(text: &str) -> Option<i32> {
    let mut parts = text.split('/');
    let mut part = |low: i64, high: i64| parts.next()?.parse::<i64>().ok().filter(|n| (low..=high).contains(n));
    let (month, day, year) = (part(1, 12)?, part(1, 31)?, part(1900, 2200)?);
    i32::try_from(days_from_civil(year, month, day)).ok()
}

/// `HH:mm`, `HH:mm:ss`, `1.00:00:00` or `1:00:00:00` to nanoseconds since midnight.
fn of_day(text: &str) -> Option<i64> {
    let text = text.replace('.', ":");
    let numbers: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if !numbers.iter().all(|number| (0..=86_400).contains(number)) {
        return None;
    }
    let time = match numbers[..] {
        [h, m] => h * HOUR + m * MINUTE,
        [h, m, s] => h * HOUR + m * MINUTE + s * SECOND,
        [d, h, m, s] => d * DAY + h * HOUR + m * MINUTE + s * SECOND,
        _ => return None,
    };
    (0..=DAY).contains(&time).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalTime;

    const SMALL: &str = r#"{"entries": {
        "Equity-usa-[*]": {"dataTimeZone": "America/New_York", "exchangeTimeZone": "America/New_York",
            "monday": [{"start": "04:00:00", "end": "09:30:00", "state": "premarket"},
                       {"start": "09:30:00", "end": "16:00:00", "state": "market"},
                       {"start": "16:00:00", "end": "20:00:00", "state": "postmarket"}],
            "holidays": ["1/1/2018"], "earlyCloses": {"12/24/2018": "13:00:00"}},
        "Equity-usa-ODD": {"dataTimeZone": "UTC", "exchangeTimeZone": "UTC-05",
            "monday": [{"start": "00:00:00", "end": "1.00:00:00", "state": "market"}],
            "holidays": ["1/8/2018"], "earlyCloses": {"12/24/2018": "11:00:00"}, "lateOpens": {"12/24/2018": "12:00:00"}}
    }}"#;

    fn hours(symbol: &str) -> Arc<ExchangeHours> {
        HoursDatabase::new(SMALL.into()).unwrap().hours(SecurityType::Equity, "usa", symbol).unwrap()
    }

    fn at(text: &str) -> LocalTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_security_without_entry_uses_its_markets() {
        let hours = hours("SPY");
        assert_eq!(hours.session(at("2018-01-08").day()), Some((at("2018-01-08 09:30:00"), at("2018-01-08 16:00:00"))));
        assert_eq!(hours.session(at("2018-01-01").day()), None, "holiday");
        assert_eq!(hours.session(at("2018-01-02").day()), None, "no hours on Tuesdays");
        let (open, close) = (at("2018-12-24 09:30:00"), at("2018-12-24 13:00:00"));
        assert_eq!(hours.daily_calendar(at("2018-12-25")), Some((open, close)));
    }

    #[test]
    fn an_entry_of_its_own_inherits_holidays_and_keeps_its_early_closes() {
        let hours = hours("odd");
        assert!(!hours.is_date_open(at("2018-01-01").day(), false), "inherited holiday");
        assert!(!hours.is_date_open(at("2018-01-08").day(), false), "own holiday");
        let open = |time: &str| hours.is_open(at(time), at(time), false);
        assert!(open("2018-12-24 10:59:59") && !open("2018-12-24 11:30:00") && open("2018-12-24 12:00:00"));
    }

    #[test]
    fn an_option_keeps_the_holidays_that_its_underlying_inherits() {
        let entry = |key: &str, more: &str| {
            format!(
                r#""{key}": {{"dataTimeZone": "UTC", "exchangeTimeZone": "UTC", "monday":
                    [{{"start": "09:30:00", "end": "16:00:00", "state": "market"}}]{more}}}"#
            )
        };
        let text = [
            entry("Index-usa-[*]", r#", "holidays": ["1/18/2021"], "earlyCloses": {"1/25/2021": "12:00:00"}"#),
            entry("Index-usa-SPX", ""),
            entry("IndexOption-usa-[*]", ""),
            entry("IndexOption-usa-SPXW", r#", "lateOpens": {"1/11/2021": "11:00:00"}"#),
        ];
        let database = HoursDatabase::new(format!(r#"{{"entries": {{{}}}}}"#, text.join(","))).unwrap();
        // SPXW is an option on SPX, whose own entry says nothing: the holiday stands in the entry of all indices.
        for symbol in ["SPXW", "SPX"] {
            let hours = database.hours(SecurityType::IndexOption, "usa", symbol).unwrap();
            assert!(!hours.is_date_open(at("2021-01-18").day(), false), "{symbol}");
            let (open, close) = (at("2021-01-25 09:30:00"), at("2021-01-25 12:00:00"));
            assert_eq!(
                hours.session(at("2021-01-25").day()),
                Some((open, close)),
                "{symbol}: late opens do not hide early closes"
            );
        }
    }

    #[test]
    fn brackets_and_quotes_are_found_wherever_they_stand() {
        // Letters that look like brackets, brackets inside texts, escaped quotes, at every distance from a word's edge.
        for shift in 0..17 {
            let space = " ".repeat(shift);
            let text = format!(
                "{space}{{\"Y_y\":1,{space}\"entries\":{space}{{\"A]\\\\\":{{\"}}\\\"]\":[{space}1]}},\"b\":{space}{{}}}}}}{space}"
            );
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
            let found = scan(&text).unwrap();
            let of = |key: &str| text.get(found[key].clone()).unwrap();
            assert_eq!((found.len(), of("b")), (2, "{}"), "{text}");
            assert_eq!(of("a]\\\\"), format!("{{\"}}\\\"]\":[{space}1]}}"), "{text}");
            // With an end of line at every place where one may stand, the same is found.
            for (sign, laid_out) in [(":", ":\n"), ("{", "{\n"), ("{", "\n{"), ("}", "\n}"), (",", ",\r\n")] {
                let text = text.replace("}\\\"]", "x").replace("A]", "A").replace(sign, laid_out);
                let found = scan(&text).unwrap();
                let of = |key: &str| text.get(found[key].clone()).unwrap().replace(['\r', '\n', ' '], "");
                assert_eq!((found.len(), of("b").as_str(), of("a\\\\").as_str()), (2, "{}", "{\"x\":[1]}"), "{text:?}");
            }
        }
    }

    #[test]
    fn times_of_day_beyond_all_bounds_are_no_times() {
        assert_eq!(
            (of_day("23:59:59"), of_day("1.00:00:00"), of_day("1:00:00:00")),
            (Some(DAY - SECOND), Some(DAY), Some(DAY))
        );
        for text in ["9223372036854775807:00", "106752.00:00:00", "-1:00", "00:00:9223372036854775807", "24:00:01", ""]
        {
            assert_eq!(of_day(text), None, "{text}");
        }
    }

    #[test]
    fn damage_is_named_by_line() {
        let error =
            HoursDatabase::new(SMALL.replace("13:00:00", "25:61")).unwrap().hours(SecurityType::Equity, "usa", "X");
        assert!(matches!(error, Err(Error::Cell { line: 2, .. })), "{error:?}");
        for cut in [1, 50, 200, SMALL.len() - 1] {
            assert!(HoursDatabase::new(SMALL[..cut].into()).is_err());
        }
        let none = HoursDatabase::new(SMALL.into()).unwrap().hours(SecurityType::Forex, "oanda", "EURUSD").unwrap_err();
        assert_eq!(none, Error::NoHours { key: "Forex-oanda-[*]".into() });
    }
}
