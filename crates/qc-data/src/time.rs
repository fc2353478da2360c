//! Wall-clock time as data files mean it: nanoseconds on some clock, without saying which.
//!
//! [`LocalTime`] is eight bytes, ordered and cheap to compute with; `jiff` does calendars and time zones.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Nanoseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// LEAN's "for ever": map and factor files of living securities end on this day.
pub const END_OF_TIME: Date = date(2050, 12, 31);

/// A moment on a wall clock (no time zone attached), in nanoseconds since 1970-01-01 00:00:00 of that clock.
///
/// Covers the years 1678 to 2261, more than any market.
///
/// ```
/// use qc_data::LocalTime;
/// let close: LocalTime = "2014-06-06 16:00:00".parse()?;
/// assert_eq!(close.date(), jiff::civil::date(2014, 6, 6));
/// assert_eq!(close.to_string(), "2014-06-06 16:00:00");
/// # Ok::<(), qc_data::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalTime(pub(crate) i64);

impl LocalTime {
    /// Midnight at the beginning of `date`.
    pub fn midnight(date: Date) -> LocalTime {
        LocalTime(days_since_epoch(date).saturating_mul(DAY))
    }

    /// Midnight at the beginning of the day that lies `day` days after 1970-01-01; beyond 1678-2261 the nearest moment.
    pub(crate) fn of_day_number(day: i32) -> LocalTime {
        LocalTime(i64::from(day).saturating_mul(DAY))
    }

    /// The same wall-clock moment as `datetime`; years outside 1678-2261 are clamped.
    pub fn from_datetime(datetime: DateTime) -> LocalTime {
        let time = datetime.time();
        let of_day = i64::from(time.hour()) * HOUR
            + i64::from(time.minute()) * MINUTE
            + i64::from(time.second()) * SECOND
            + i64::from(time.subsec_nanosecond());
        LocalTime(LocalTime::midnight(datetime.date()).0.saturating_add(of_day))
    }

    /// As a civil date and time.
    pub fn to_datetime(self) -> DateTime {
        let of_day = self.0.rem_euclid(DAY);
        let time = jiff::civil::Time::new(
            (of_day / HOUR) as i8,
            (of_day / MINUTE % 60) as i8,
            (of_day / SECOND % 60) as i8,
            (of_day % SECOND) as i32,
        )
        .unwrap_or_default();
        self.date().to_datetime(time)
    }

    /// The calendar day.
    pub fn date(self) -> Date {
        date_of_day(self.day())
    }

    /// The day that a bar *ending* at this moment belongs to: a bar that ends at midnight belongs to the day before.
    pub fn trading_date(self) -> Date {
        LocalTime(self.0.saturating_sub(1)).date()
    }

    /// Nanoseconds since 1970-01-01 00:00:00 of the same clock.
    pub fn as_nanos(self) -> i64 {
        self.0
    }

    /// From nanoseconds since 1970-01-01 00:00:00 of the same clock.
    pub fn from_nanos(nanos: i64) -> LocalTime {
        LocalTime(nanos)
    }

    /// Days since 1970-01-01.
    pub(crate) fn day(self) -> i32 {
        self.0.div_euclid(DAY) as i32
    }

    /// Nanoseconds since midnight.
    pub(crate) fn of_day(self) -> i64 {
        self.0.rem_euclid(DAY)
    }
}

/// Days since 1970-01-01 of a date.
pub(crate) fn days_since_epoch(date: Date) -> i64 {
    days_from_civil(i64::from(date.year()), i64::from(date.month()), i64::from(date.day()))
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// The date that lies `day` days after 1970-01-01.
pub(crate) fn date_of_day(day: i32) -> Date {
    let z = i64::from(day) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = doy - (153 * mp + 2) / 5 + 1;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    let y = yoe + era * 400 + i64::from(m <= 2);
    Date::new(y as i16, m as i8, d as i8).unwrap_or(if day < 0 { Date::MIN } else { Date::MAX })
}

/// A time zone prepared for converting millions of time stamps: its changes of offset, sorted.
#[derive(Debug)]
pub(crate) struct Zone {
    /// Instants (UTC nanoseconds) from which an offset holds, and that offset in nanoseconds. The first holds from ever.
    changes: Vec<(i64, i64)>,
    /// How many changes lay before the moment asked for last. Rows ascend, so it is nearly always right.
    last: AtomicUsize,
}

impl Clone for Zone {
    fn clone(&self) -> Zone {
        Zone { changes: self.changes.clone(), last: AtomicUsize::new(0) }
    }
}

impl Zone {
    /// Reads the changes of offset of the years 1900 to 2100.
    pub(crate) fn new(time_zone: &TimeZone) -> Zone {
        let first = Timestamp::from_second(-2_208_988_800).unwrap_or(Timestamp::UNIX_EPOCH);
        let last = Timestamp::from_second(4_102_444_800).unwrap_or(Timestamp::MAX);
        let offset = |at: Timestamp| i64::from(time_zone.to_offset(at).seconds()) * SECOND;
        let mut changes = vec![(i64::MIN / 2, offset(first))];
        for change in time_zone.following(first) {
            let at = change.timestamp();
            if last < at {
                break;
            }
            let seconds = i64::from(change.offset().seconds()) * SECOND;
            if changes.last().is_none_or(|(_, before)| *before != seconds) {
                changes.push((at.as_second().saturating_mul(SECOND), seconds));
            }
        }
        Zone { changes, last: AtomicUsize::new(0) }
    }

    /// How many changes come before a moment; `key` says when a change comes, on the clock of `at`.
    #[inline]
    fn before(&self, at: i64, key: impl Fn(&(i64, i64)) -> i64) -> usize {
        let guess = self.last.load(Ordering::Relaxed);
        let behind = |index: usize| self.changes.get(index).is_none_or(|change| at < key(change));
        let reached =
            |index: usize| index.checked_sub(1).and_then(|i| self.changes.get(i)).is_some_and(|c| key(c) <= at);
        if reached(guess) && behind(guess) {
            return guess;
        }
        let found = self.changes.partition_point(|change| key(change) <= at);
        self.last.store(found, Ordering::Relaxed);
        found
    }

    /// Whether the clock never changes and shows UTC.
    pub(crate) fn same_as(&self, other: &Zone) -> bool {
        self.changes == other.changes
    }

    /// UTC nanoseconds to this clock.
    pub(crate) fn local(&self, utc: i64) -> LocalTime {
        let after = self.before(utc, |(at, _)| *at);
        let offset = self.changes.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset);
        LocalTime(utc.saturating_add(offset))
    }

    /// From which moment of UTC to which this clock shows the same distance to UTC, with nothing that comes twice, and that
    /// distance: within, both clocks tell the same story.
    pub(crate) fn steady(&self, utc: i64) -> Option<(i64, i64, i64)> {
        let after = self.before(utc, |(at, _)| *at);
        let (from, offset) = *self.changes.get(after.checked_sub(1)?)?;
        let to = match self.changes.get(after) {
            Some((next, then)) => next - (offset - then).max(0),
            None => i64::MAX / 4,
        };
        Some((from, to, offset))
    }

    /// The distance to UTC of a clock that never changes.
    pub(crate) fn fixed(&self) -> Option<i64> {
        match self.changes.as_slice() {
            [(_, offset)] => Some(*offset),
            _ => None,
        }
    }

    /// This clock to UTC nanoseconds. Of an hour that comes twice the later one is meant; a skipped moment is the end
    /// of the gap, as in LEAN.
    pub(crate) fn to_utc(&self, local: LocalTime) -> i64 {
        let after = self.before(local.0, |(at, offset)| at.saturating_add(*offset));
        let offset = self.changes.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset);
        let utc = local.0.saturating_sub(offset);
        self.changes.get(after).map_or(utc, |(next, _)| utc.min(*next))
    }

    /// This clock to an instant.
    pub(crate) fn instant(&self, local: LocalTime) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.to_utc(local))).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The time zone of an identifier as market-hours databases write it: a tz database name, `UTC`, or `UTC-05`.
pub(crate) fn time_zone(id: &str) -> Option<TimeZone> {
    if id == "UTC" {
        return Some(TimeZone::UTC);
    }
    if let Some(hours) = id.strip_prefix("UTC").and_then(|rest| rest.parse::<i8>().ok()) {
        return Some(TimeZone::fixed(jiff::tz::Offset::from_hours(hours).ok()?));
    }
    TimeZone::get(id).ok()
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.to_datetime();
        let time = at.time();
        write!(f, "{} {:02}:{:02}:{:02}", at.date(), time.hour(), time.minute(), time.second())?;
        match time.subsec_nanosecond() {
            0 => Ok(()),
            n if n % 1_000_000 == 0 => write!(f, ".{:03}", n / 1_000_000),
            n if n % 1_000 == 0 => write!(f, ".{:06}", n / 1_000),
            n => write!(f, ".{n:09}"),
        }
    }
}

impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for LocalTime {
    type Err = crate::Error;

    /// Reads `2014-06-06 16:00:00`, `2014-06-06T16:00:00` or a date alone.
    fn from_str(text: &str) -> crate::Result<LocalTime> {
        let unknown =
            || crate::Error::Unknown { what: "time", text: crate::error::shown(text), known: "YYYY-MM-DD HH:MM:SS" };
        if let Ok(at) = text.parse::<DateTime>() {
            return Ok(LocalTime::from_datetime(at));
        }
        text.parse::<Date>().map(LocalTime::midnight).map_err(|_| unknown())
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_and_day_numbers_agree_with_jiff() {
        for day in (-90_000..90_000).step_by(37) {
            let ours = date_of_day(day);
            let span = jiff::Span::new().days(i64::from(day));
            assert_eq!(ours, date(1970, 1, 1).checked_add(span).unwrap());
            assert_eq!(days_since_epoch(ours), i64::from(day));
        }
    }

    #[test]
    fn hours_that_come_twice_or_never_follow_lean() {
        let zone = Zone::new(&time_zone("America/New_York").unwrap());
        let utc = |text: &str| zone.instant(text.parse().unwrap()).to_string();
        assert_eq!(utc("2013-11-03 01:30:00"), "2013-11-03T06:30:00Z"); // twice: the later one
        assert_eq!(utc("2014-03-09 02:30:00"), "2014-03-09T07:00:00Z"); // never: the end of the gap
        assert_eq!(utc("2014-07-01 12:00:00"), "2014-07-01T16:00:00Z");
        for local in ["2013-11-03 00:59:59", "2013-11-03 02:00:00", "2014-03-09 01:59:59", "2014-03-09 03:00:00"] {
            let local: LocalTime = local.parse().unwrap();
            assert_eq!(zone.local(zone.to_utc(local)), local);
        }
    }

    #[test]
    fn fixed_offsets_have_no_summer() {
        let zone = Zone::new(&time_zone("UTC-05").unwrap());
        assert_eq!(zone.instant("2014-07-01 00:00:00".parse().unwrap()).to_string(), "2014-07-01T05:00:00Z");
        assert!(time_zone("Mars/Olympus").is_none());
    }

    #[test]
    fn a_bar_that_ends_at_midnight_belongs_to_the_day_before() {
        assert_eq!(LocalTime::midnight(date(2018, 4, 2)).trading_date(), date(2018, 4, 1));
    }
}
