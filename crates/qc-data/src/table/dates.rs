//! How dates are written: found out from all cells of a column, or declared.

use crate::time::{DAY, HOUR, MINUTE, SECOND, days_from_civil};
use std::fmt;
use std::str::FromStr;

/// The order of year, month and day, and what stands between them; or a count since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DateFormat {
    /// `2024-01-31`, also with `/` or `.`, and with a time behind.
    YearMonthDay(char),
    /// `31.01.2024`, also with `/` or `-`.
    DayMonthYear(char),
    /// `01/31/2024`, also with `-` or `.`.
    MonthDayYear(char),
    /// `20240131`, also with a time behind.
    Compact,
    /// Seconds since 1970-01-01 UTC.
    EpochSeconds,
    /// Milliseconds since 1970-01-01 UTC.
    EpochMilliseconds,
    /// Microseconds since 1970-01-01 UTC.
    EpochMicroseconds,
    /// Nanoseconds since 1970-01-01 UTC.
    EpochNanoseconds,
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DateFormat::YearMonthDay(c) => write!(f, "YYYY{c}MM{c}DD"),
            DateFormat::DayMonthYear(c) => write!(f, "DD{c}MM{c}YYYY"),
            DateFormat::MonthDayYear(c) => write!(f, "MM{c}DD{c}YYYY"),
            DateFormat::Compact => f.write_str("YYYYMMDD"),
            DateFormat::EpochSeconds => f.write_str("epoch seconds"),
            DateFormat::EpochMilliseconds => f.write_str("epoch milliseconds"),
            DateFormat::EpochMicroseconds => f.write_str("epoch microseconds"),
            DateFormat::EpochNanoseconds => f.write_str("epoch nanoseconds"),
        }
    }
}

impl FromStr for DateFormat {
    type Err = crate::Error;

    /// Reads what [`DateFormat`] prints: `YYYY-MM-DD`, `DD/MM/YYYY`, `MM/DD/YYYY`, `YYYYMMDD`, `epoch seconds`.
    fn from_str(text: &str) -> crate::Result<DateFormat> {
        let wanted = text.trim().to_ascii_uppercase();
        let mut known = vec![DateFormat::Compact];
        for c in ['-', '/', '.'] {
            known.extend([DateFormat::YearMonthDay(c), DateFormat::DayMonthYear(c), DateFormat::MonthDayYear(c)]);
        }
        known.extend([
            DateFormat::EpochSeconds,
            DateFormat::EpochMilliseconds,
            DateFormat::EpochMicroseconds,
            DateFormat::EpochNanoseconds,
        ]);
        known.into_iter().find(|format| format.to_string().to_ascii_uppercase() == wanted).ok_or_else(|| {
            crate::Error::Unknown {
                what: "date format",
                text: crate::error::shown(text),
                known: "YYYY-MM-DD, YYYY/MM/DD, DD.MM.YYYY, DD/MM/YYYY, MM/DD/YYYY, YYYYMMDD, epoch seconds, epoch milliseconds, epoch microseconds, epoch nanoseconds",
            }
        })
    }
}

/// Why the format of a column is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// No format reads the cell with this index.
    NoDate(usize),
    /// Both orders of day and month read every cell.
    TwoWays,
}

/// Finds the one format that reads all cells.
pub(crate) fn detect(cells: &[String]) -> Result<DateFormat, Unclear> {
    let Some(first) = cells.first() else { return Err(Unclear::NoDate(0)) };
    let mut candidates: Vec<DateFormat> = Vec::new();
    for c in ['-', '/', '.'] {
        candidates.extend([DateFormat::YearMonthDay(c), DateFormat::DayMonthYear(c)]);
        // Nobody writes months first with points.
        candidates.extend((c != '.').then_some(DateFormat::MonthDayYear(c)));
    }
    candidates.push(DateFormat::Compact);
    candidates.extend(epoch(first));
    let mut reached = 0;
    candidates.retain(|format| {
        let bad = cells.iter().position(|cell| parse(cell, *format).is_none());
        reached = reached.max(bad.unwrap_or(0));
        bad.is_none()
    });
    match candidates[..] {
        [] => Err(Unclear::NoDate(reached)),
        [one] => Ok(one),
        _ => Err(Unclear::TwoWays),
    }
}

/// As [`detect`] for whole numbers: `20240131`, or counts since 1970.
pub(crate) fn detect_numbers(cells: &[f64]) -> Result<DateFormat, Unclear> {
    let Some(first) = cells.first() else { return Err(Unclear::NoDate(0)) };
    let format = epoch(&whole(*first)).unwrap_or(DateFormat::Compact);
    match cells.iter().position(|cell| parse_number(*cell, format).is_none()) {
        None => Ok(format),
        Some(row) => Err(Unclear::NoDate(row)),
    }
}

/// As [`parse`] for a whole number.
pub(crate) fn parse_number(cell: f64, format: DateFormat) -> Option<(i64, Option<i64>)> {
    parse(&whole(cell), format)
}

fn whole(cell: f64) -> String {
    format!("{}", cell as i64)
}

/// Whether a moment lies in the years 1700 to 2200.
pub(crate) fn is_known(nanos: i64) -> bool {
    KNOWN_YEARS.contains(&nanos.div_euclid(DAY))
}

/// By the number of digits: ten are seconds (2001 to 2286), thirteen milliseconds and so on.
fn epoch(cell: &str) -> Option<DateFormat> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.len() {
        9 | 10 => Some(DateFormat::EpochSeconds),
        12 | 13 => Some(DateFormat::EpochMilliseconds),
        15 | 16 => Some(DateFormat::EpochMicroseconds),
        18 | 19 => Some(DateFormat::EpochNanoseconds),
        _ => None,
    }
}

/// Nanoseconds since 1970 on the clock that the cell shows, and how far that clock is ahead of UTC where it is said.
pub(crate) fn parse(cell: &str, format: DateFormat) -> Option<(i64, Option<i64>)> {
    let cell = cell.trim();
    let count = |unit: i64| {
        let nanos = cell.parse::<i64>().ok()?.checked_mul(unit)?;
        is_known(nanos).then_some((nanos, Some(0)))
    };
    let (day, rest) = match format {
        DateFormat::EpochSeconds => return count(SECOND),
        DateFormat::EpochMilliseconds => return count(SECOND / 1_000),
        DateFormat::EpochMicroseconds => return count(1_000),
        DateFormat::EpochNanoseconds => return count(1),
        DateFormat::Compact => {
            let (date, rest) = cell.split_at_checked(8)?;
            let number = |range: std::ops::Range<usize>, digits| digits_of(date.get(range)?, digits, digits);
            (day(number(0..4, 4)?, number(4..6, 2)?, number(6..8, 2)?)?, rest)
        }
        DateFormat::YearMonthDay(c) => {
            let (year, rest) = number_before(cell, c, 4, 4)?;
            let (month, rest) = number_before(rest, c, 1, 2)?;
            let (of_month, rest) = number_in_front(rest, 2)?;
            (day(year, month, of_month)?, rest)
        }
        DateFormat::DayMonthYear(c) | DateFormat::MonthDayYear(c) => {
            let (first, rest) = number_before(cell, c, 1, 2)?;
            let (second, rest) = number_before(rest, c, 1, 2)?;
            let (year, rest) = number_in_front(rest, 4)?;
            let days_first = matches!(format, DateFormat::DayMonthYear(_));
            let (month, of_month) = if days_first { (second, first) } else { (first, second) };
            (day(year, month, of_month).filter(|_| 1_000 <= year)?, rest)
        }
    };
    let (of_day, offset) = time_of_day(rest)?;
    Some((day.checked_mul(DAY)?.checked_add(of_day)?, offset))
}

/// Days since 1970 of the years 1700 to 2200; data of other years is damage.
const KNOWN_YEARS: std::ops::Range<i64> = -98_615..84_371;

fn day(year: i64, month: i64, of_month: i64) -> Option<i64> {
    let date =
        jiff::civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(of_month).ok()?);
    date.ok().filter(|_| (1700..=2200).contains(&year)).map(|_| days_from_civil(year, month, of_month))
}

/// The rest behind a date: nothing, or `T` or a space with `HH:MM[:SS[.fraction]]`, perhaps `Z` or `+HH:MM`.
fn time_of_day(rest: &str) -> Option<(i64, Option<i64>)> {
    if rest.is_empty() {
        return Some((0, None));
    }
    let rest = rest.strip_prefix(['T', ' '])?;
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        None => (rest, None),
        Some(at) => {
            let (clock, zone) = rest.split_at_checked(at)?;
            if matches!(zone, "Z" | "z") {
                (clock, Some(0))
            } else {
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
                let digits = if digits.len() == 2 { format!("{digits}00") } else { digits };
                let hours = digits_of(digits.get(..2)?, 2, 2)?;
                let minutes = digits_of(digits.get(2..)?, 2, 2)?;
                (clock, Some(sign * (hours * HOUR + minutes * MINUTE)))
            }
        }
    };
    let mut parts = clock.trim_end().split(':');
    let hour = digits_of(parts.next()?, 1, 2).filter(|hour| *hour <= 23)?;
    let minute = digits_of(parts.next()?, 2, 2).filter(|minute| *minute <= 59)?;
    let mut nanos = hour * HOUR + minute * MINUTE;
    if let Some(seconds) = parts.next() {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
        nanos += digits_of(whole, 2, 2).filter(|second| *second <= 59)? * SECOND;
        if !fraction.is_empty() {
            let digits = digits_of(fraction, 1, 9)?;
            nanos += digits * 10_i64.pow(9 - fraction.len() as u32);
        }
    }
    parts.next().is_none().then_some((nanos, offset))
}

fn number_before(text: &str, end: char, low: usize, high: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_once(end)?;
    Some((digits_of(number, low, high)?, rest))
}

fn number_in_front(text: &str, high: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(length)?;
    Some((digits_of(number, if high == 4 { 4 } else { 1 }, high)?, rest))
}

fn digits_of(text: &str, low: usize, high: usize) -> Option<i64> {
    let fits = (low..=high).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::LocalTime;

    fn found(cells: &[&str]) -> Result<String, Unclear> {
        let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        detect(&cells).map(|format| format.to_string())
    }

    #[test]
    fn one_row_decides_between_days_and_months() {
        assert_eq!(found(&["01/02/2020", "13/02/2020"]), Ok("DD/MM/YYYY".into()));
        assert_eq!(found(&["01/02/2020", "01/13/2020"]), Ok("MM/DD/YYYY".into()));
        assert_eq!(found(&["01/02/2020", "03/04/2020"]), Err(Unclear::TwoWays));
        assert_eq!(found(&["13/02/2020", "01/13/2020"]), Err(Unclear::NoDate(1)));
    }

    #[test]
    fn each_form_gives_the_same_moment() {
        let expected = "2024-01-31 13:45:00".parse::<LocalTime>().unwrap().0;
        for (cell, format, utc) in [
            ("2024-01-31 13:45:00", "YYYY-MM-DD", false),
            ("2024-01-31T13:45", "YYYY-MM-DD", false),
            ("2024-01-31T14:45:00+01:00", "YYYY-MM-DD", true),
            ("2024-01-31T13:45:00.000Z", "YYYY-MM-DD", true),
            ("20240131 13:45", "YYYYMMDD", false),
            ("31.01.2024 13:45", "DD.MM.YYYY", false),
            ("1706708700", "epoch seconds", true),
            ("1706708700000", "epoch milliseconds", true),
        ] {
            let name = found(&[cell]).unwrap();
            assert_eq!(name, format, "{cell}");
            let format = detect(&[cell.to_owned()]).unwrap();
            let (local, offset) = parse(cell, format).unwrap();
            assert_eq!((local - offset.unwrap_or(0), offset.is_some()), (expected, utc), "{cell}");
        }
        assert_eq!("dd/mm/yyyy".parse::<DateFormat>().unwrap(), DateFormat::DayMonthYear('/'));
    }

    #[test]
    fn moments_of_other_centuries_are_no_dates() {
        assert_eq!(KNOWN_YEARS.start, days_from_civil(1700, 1, 1));
        assert_eq!(KNOWN_YEARS.end, days_from_civil(2201, 1, 1));
        for cell in ["9223372036854775807", "-9223372036854775807"] {
            assert_eq!(parse(cell, DateFormat::EpochNanoseconds), None);
        }
        assert_eq!(parse("99999999999", DateFormat::EpochSeconds), None);
    }

    #[test]
    fn days_that_are_not_in_the_calendar_are_no_dates() {
        for cell in ["2023-02-29", "2024-13-01", "20240230", "2024-01-31 25:00", "31.31.2024", "x", "", "2024-01-31x"] {
            assert!(found(&[cell]).is_err(), "{cell}");
        }
    }
}
