//! Exchange sessions: when a market is open on a day, and the arithmetic LEAN does with it.
//!
//! Source: LEAN, `Common/Securities/SecurityExchangeHours.cs`, `LocalMarketHours.cs`, `Common/Util/LeanData.cs`.

mod database;

pub(crate) use database::{FILE, HoursDatabase};

use crate::time::{DAY, LocalTime, Zone};
use jiff::tz::TimeZone;
use std::collections::HashMap;

/// A stretch of a day in which the exchange is open. Times in nanoseconds since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Segment {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Regular session; otherwise before or after it.
    pub(crate) regular: bool,
}

/// The sessions of one day.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct DayHours {
    pub(crate) segments: Vec<Segment>,
}

impl DayHours {
    /// Whether any session, regular unless `extended`, touches the interval; an empty interval is a moment.
    fn is_open(&self, start: i64, end: i64, extended: bool) -> bool {
        self.segments.iter().any(|s| {
            (extended || s.regular)
                && if start == end { s.start <= start && start < s.end } else { s.start < end && start < s.end }
        })
    }

    /// Whether a moment lies in a session; the first session that holds it decides.
    fn is_open_at(&self, time: i64, extended: bool) -> bool {
        let holding = self.segments.iter().find(|s| s.start <= time && time < s.end);
        holding.is_some_and(|s| extended || s.regular)
    }

    /// Length of the regular sessions.
    fn regular_duration(&self) -> i64 {
        self.segments.iter().filter(|s| s.regular).map(|s| s.end - s.start).sum()
    }

    /// First opening and last close of the regular sessions.
    fn session(&self) -> Option<(i64, i64)> {
        let mut regular = self.segments.iter().filter(|s| s.regular);
        let first = regular.next()?;
        Some((first.start, regular.next_back().unwrap_or(first).end))
    }

    /// Start of the first open stretch after `time` that does not merely continue an earlier one.
    fn market_open(&self, time: i64, extended: bool, day_before: Option<i64>) -> Option<i64> {
        let mut before = day_before.map(|end| end - DAY);
        for s in &self.segments {
            let counts = s.regular || extended;
            if time < s.end && counts && before != Some(s.start) {
                return Some(s.start);
            }
            if counts {
                before = Some(s.end);
            }
        }
        None
    }

    /// End of the open stretch after `time`: the first one, or the last one of the day.
    fn market_close(&self, time: i64, extended: bool, last: bool, day_after: Option<i64>) -> Option<i64> {
        let mut found = None;
        for (index, s) in self.segments.iter().enumerate() {
            if s.end <= time || !(s.regular || extended) {
                continue;
            }
            if last {
                found = Some(s.end);
                continue;
            }
            let next = match self.segments.get(index + 1) {
                Some(next) if next.regular || extended => Some(next.start),
                Some(_) => None,
                None => day_after.map(|start| start + DAY),
            };
            if next != Some(s.end) {
                return Some(s.end);
            }
        }
        found
    }
}

/// First and last day of the table of days, in days since 1970: 1990-01-01 and 2060-12-31.
const TABLE: std::ops::RangeInclusive<i32> = 7_305..=33_237;

/// The sessions of a security for every day, its clock and the clock of its files.
#[derive(Debug)]
pub(crate) struct ExchangeHours {
    pub(crate) time_zone: TimeZone,
    pub(crate) zone: Zone,
    pub(crate) data_zone: Zone,
    /// Whether files and exchange show the same time.
    pub(crate) same_clock: bool,
    /// Open day and night, all week.
    pub(crate) always_open: bool,
    /// Distinct days; the first seven are Sunday to Saturday.
    days: Vec<DayHours>,
    /// For each day of [`TABLE`] an index into `days`.
    table: Vec<u16>,
    /// First opening and last close of the regular sessions, for each of `days`.
    sessions: Vec<Option<(i64, i64)>>,
    /// Whether some regular session begins at midnight, so that midnight belongs to the day that begins.
    pub(crate) opens_at_midnight: bool,
    /// Days with a regular session before each day of [`TABLE`].
    open_days_before: Vec<u32>,
    early_closes: HashMap<i32, i64>,
    holidays: std::collections::HashSet<i32>,
}

/// What an entry of the database says, before it is laid out by day.
#[derive(Debug, Default)]
pub(crate) struct HoursRules {
    pub(crate) week: [DayHours; 7],
    pub(crate) holidays: Vec<i32>,
    pub(crate) early_closes: HashMap<i32, i64>,
    pub(crate) late_opens: HashMap<i32, i64>,
}

impl ExchangeHours {
    pub(crate) fn new(time_zone: TimeZone, data_time_zone: TimeZone, rules: HoursRules) -> ExchangeHours {
        let zone = Zone::new(&time_zone);
        let data_zone = if data_time_zone == time_zone { zone.clone() } else { Zone::new(&data_time_zone) };
        let mut days: Vec<DayHours> = rules.week.to_vec();
        let closed = days.len() as u16;
        days.push(DayHours::default());
        let mut table: Vec<u16> = TABLE.map(|day| weekday(day) as u16).collect();
        let slot = |day: i32| usize::try_from(day - TABLE.start()).unwrap_or(usize::MAX);
        for day in rules.early_closes.keys().chain(rules.late_opens.keys()) {
            let Some(usual) = rules.week.get(weekday(*day)) else { continue };
            let special = special_day(usual, rules.early_closes.get(day).copied(), rules.late_opens.get(day).copied());
            let known = days.iter().position(|d| *d == special).unwrap_or_else(|| {
                days.push(special);
                days.len() - 1
            });
            if let Some(cell) = table.get_mut(slot(*day)) {
                *cell = known as u16;
            }
        }
        for day in &rules.holidays {
            if let Some(cell) = table.get_mut(slot(*day)) {
                *cell = closed;
            }
        }
        let sessions: Vec<Option<(i64, i64)>> = days.iter().map(DayHours::session).collect();
        let mut open_days = 0;
        let open_days_before = table
            .iter()
            .map(|index| {
                let before = open_days;
                open_days += u32::from(days.get(usize::from(*index)).is_some_and(|day| 0 < day.regular_duration()));
                before
            })
            .collect();
        let all_day = Segment { start: 0, end: DAY, regular: true };
        ExchangeHours {
            same_clock: zone.same_as(&data_zone),
            always_open: rules.week.iter().all(|day| day.segments == [all_day]),
            time_zone,
            zone,
            data_zone,
            opens_at_midnight: sessions.iter().flatten().any(|(open, _)| *open <= 0),
            sessions,
            open_days_before,
            days,
            table,
            early_closes: rules.early_closes,
            holidays: rules.holidays.into_iter().collect(),
        }
    }

    /// The sessions of a day. Days outside 1990-2060 follow the plain week.
    pub(crate) fn day(&self, day: i32) -> &DayHours {
        static CLOSED: DayHours = DayHours { segments: Vec::new() };
        self.days.get(self.kind_of_day(day)).unwrap_or(&CLOSED)
    }

    fn kind_of_day(&self, day: i32) -> usize {
        let kind = usize::try_from(day - TABLE.start()).ok().and_then(|slot| self.table.get(slot));
        kind.map_or(weekday(day), |kind| usize::from(*kind))
    }

    /// How many days with a regular session there are from one day to another, both included (1990-2060).
    pub(crate) fn count_open_days(&self, first: i32, last: i32) -> usize {
        let before = |day: i32| {
            let slot = usize::try_from(day - TABLE.start()).unwrap_or(0).min(self.open_days_before.len() - 1);
            self.open_days_before.get(slot).copied().unwrap_or(0)
        };
        before(last.saturating_add(1)).saturating_sub(before(first)) as usize
    }

    /// At most so many bars of `step` nanoseconds lie in open hours from one time to another (days counted whole).
    pub(crate) fn count_steps(&self, first: LocalTime, last: LocalTime, step: i64, extended: bool) -> usize {
        let step = step.max(1);
        let of_kind: Vec<i64> = self
            .days
            .iter()
            .map(|day| {
                let mut open = day.segments.iter().filter(|s| s.regular || extended);
                if DAY <= step {
                    // One bar for a day; a day may lie in two days of another clock.
                    let n = if self.same_clock { 1 } else { 2 };
                    return if open.next().is_some() { n } else { 0 };
                }
                // A bar that begins before the opening counts too, so each stretch is rounded up on both sides.
                open.map(|s| ((s.end - s.start).max(0) / step + 2).min(DAY / step + 2)).sum()
            })
            .collect();
        let days = first.day()..=last.day();
        let steps: i64 = days.map(|day| of_kind.get(self.kind_of_day(day)).copied().unwrap_or(0)).sum();
        usize::try_from(steps).unwrap_or(0)
    }

    /// Whether the exchange has a regular session that day, or any session if `extended`.
    pub(crate) fn is_date_open(&self, day: i32, extended: bool) -> bool {
        let kind = self.kind_of_day(day);
        if !extended {
            return self.sessions.get(kind).is_some_and(Option::is_some);
        }
        self.days.get(kind).is_some_and(|day| !day.segments.is_empty())
    }

    /// The open stretch of the day of `start` that touches the interval, sessions without a break taken as one.
    pub(crate) fn stretch_of_day(
        &self,
        start: LocalTime,
        end: LocalTime,
        extended: bool,
    ) -> Option<(LocalTime, LocalTime)> {
        let midnight = i64::from(start.day()) * DAY;
        let (from, to) = (start.0 - midnight, (end.0 - midnight).max(start.0 - midnight + 1));
        let mut stretch: Option<(i64, i64)> = None;
        for s in self.day(start.day()).segments.iter().filter(|s| s.regular || extended) {
            stretch = match stretch {
                Some((open, close)) if close == s.start => Some((open, s.end)),
                Some((open, close)) if open < to && from < close => {
                    return Some((LocalTime(midnight + open), LocalTime(midnight + close)));
                }
                _ => Some((s.start, s.end)),
            };
        }
        let (open, close) = stretch.filter(|(open, close)| *open < to && from < *close)?;
        Some((LocalTime(midnight + open), LocalTime(midnight + close)))
    }

    /// The closed stretch around an interval within one day in which no session that counts is open.
    pub(crate) fn closed_stretch(
        &self,
        start: LocalTime,
        end: LocalTime,
        extended: bool,
    ) -> Option<(LocalTime, LocalTime)> {
        let midnight = i64::from(start.day()) * DAY;
        let (from, to) = (start.0 - midnight, end.0 - midnight);
        if DAY < to || to <= from {
            return None;
        }
        let mut gap = (0, DAY);
        for s in self.day(start.day()).segments.iter().filter(|s| s.regular || extended) {
            if s.end <= from {
                gap.0 = gap.0.max(s.end);
            } else if to <= s.start {
                gap.1 = gap.1.min(s.start);
            } else {
                return None;
            }
        }
        Some((LocalTime(midnight + gap.0), LocalTime(midnight + gap.1)))
    }

    /// The session that holds a moment, if it counts and no other one reaches into it.
    pub(crate) fn session_around(&self, at: LocalTime, extended: bool) -> Option<(LocalTime, LocalTime)> {
        let segments = &self.day(at.day()).segments;
        let (time, midnight) = (at.of_day(), LocalTime::of_day_number(at.day()).0);
        let index = segments.iter().position(|s| s.start <= time && time < s.end)?;
        let session = segments.get(index).filter(|s| s.regular || extended)?;
        let alone = segments.iter().take(index).all(|earlier| earlier.end <= session.start);
        alone.then_some((LocalTime(midnight + session.start), LocalTime(midnight + session.end)))
    }

    /// Whether every regular session begins on a full hour.
    pub(crate) fn opens_on_the_hour(&self) -> bool {
        self.sessions.iter().flatten().all(|(open, _)| open % crate::time::HOUR == 0)
    }

    /// Whether the exchange keeps a holiday.
    pub(crate) fn is_holiday(&self, day: i32) -> bool {
        self.holidays.contains(&day)
    }

    /// Whether the exchange is open at any moment between two times; at the moment if they are equal.
    pub(crate) fn is_open(&self, start: LocalTime, end: LocalTime, extended: bool) -> bool {
        if start == end {
            return self.day(start.day()).is_open_at(start.of_day(), extended);
        }
        let mut at = start;
        let mut day_end = LocalTime(i64::from(start.day() + 1) * DAY - 1);
        loop {
            let until = end.min(day_end);
            // LEAN's day ends one tick before midnight.
            if self.day(at.day()).is_open(at.of_day(), at.of_day() + (until.0 - at.0), extended) {
                return true;
            }
            at = LocalTime::of_day_number(at.day() + 1);
            day_end = LocalTime(day_end.0 + DAY);
            if end.min(day_end) <= at {
                return false;
            }
        }
    }

    /// The next opening after a time, looking 15 days ahead.
    pub(crate) fn next_open(&self, after: LocalTime, extended: bool) -> Option<LocalTime> {
        let mut at = after;
        let limit = i64::from(after.day() + 15) * DAY;
        let mut before = self.day(after.day() - 1).segments.last().map(|s| s.end);
        while at.0 < limit {
            let day = at.day();
            let hours = self.day(day);
            if hours.segments.is_empty() || self.holidays.contains(&day) {
                before = None;
            } else {
                if let Some(open) = hours.market_open(at.of_day(), extended, before) {
                    let open = LocalTime(i64::from(day) * DAY + open);
                    if after < open {
                        return Some(open);
                    }
                }
                before = if self.early_closes.contains_key(&day) { None } else { hours.segments.last().map(|s| s.end) };
            }
            at = LocalTime::of_day_number(day + 1);
        }
        None
    }

    /// The next close after a time (the first, or the last one of that day), looking 15 days ahead.
    pub(crate) fn next_close(&self, after: LocalTime, extended: bool, last: bool) -> Option<LocalTime> {
        let mut at = after;
        let limit = i64::from(after.day() + 15) * DAY;
        while at.0 < limit {
            let day = at.day();
            let hours = self.day(day);
            if !hours.segments.is_empty() {
                let following = (!self.early_closes.contains_key(&(day + 1)))
                    .then(|| self.day(day + 1).segments.first().map(|s| s.start))
                    .flatten();
                if let Some(close) = hours.market_close(at.of_day(), extended, last, following) {
                    let close = LocalTime(i64::from(day) * DAY + close);
                    if after < close {
                        return Some(close);
                    }
                }
            }
            at = LocalTime::of_day_number(day + 1);
        }
        None
    }

    /// The first regular opening of the latest day that opened at or before a time.
    fn first_open_of_day(&self, time: LocalTime) -> Option<LocalTime> {
        for back in 0..9 {
            let day = time.day() - back;
            let midnight = i64::from(day) * DAY;
            let opened = self.day(day).segments.iter().find(|s| s.regular && midnight + s.start <= time.0);
            if let Some(segment) = opened {
                return Some(LocalTime(midnight + segment.start));
            }
        }
        None
    }

    /// First opening and last close of the trading day that a time belongs to (LEAN's daily calendar).
    pub(crate) fn daily_calendar(&self, time: LocalTime) -> Option<(LocalTime, LocalTime)> {
        let open = self.first_open_of_day(time)?;
        Some((open, self.next_close(open, false, true)?))
    }

    /// Regular opening and last close of a day, if it has a regular session.
    pub(crate) fn session(&self, day: i32) -> Option<(LocalTime, LocalTime)> {
        let (open, close) = (*self.sessions.get(self.kind_of_day(day))?)?;
        let midnight = i64::from(day) * DAY;
        Some((LocalTime(midnight + open), LocalTime(midnight + close)))
    }

    /// Hours of the regular sessions between two moments.
    pub(crate) fn open_hours(&self, from: jiff::Timestamp, to: jiff::Timestamp) -> f64 {
        let local = |at: jiff::Timestamp| self.zone.local(i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX));
        let (from, to) = (local(from), local(to));
        let open = (from.day()..=to.day())
            .filter_map(|day| self.session(day))
            .map(|(opens, closes)| (to.0.min(closes.0) - from.0.max(opens.0)).max(0))
            .sum::<i64>();
        open as f64 / 3.6e12
    }

    /// From which time of the data's clock to which the exchange's clock is ahead by the same, there and back again; `None`
    /// where that is not simple.
    pub(crate) fn steady(&self, data: i64) -> Option<(i64, i64, i64)> {
        if self.same_clock {
            return Some((i64::MIN, i64::MAX, 0));
        }
        let ahead = self.data_zone.fixed()?;
        let (from, to, offset) = self.zone.steady(data.checked_sub(ahead)?)?;
        Some((from.saturating_add(ahead), to.saturating_add(ahead), offset - ahead))
    }

    /// Data time to exchange time.
    pub(crate) fn to_exchange(&self, data: LocalTime) -> LocalTime {
        if self.same_clock { data } else { self.zone.local(self.data_zone.to_utc(data)) }
    }

    /// Exchange time to data time.
    pub(crate) fn to_data(&self, exchange: LocalTime) -> LocalTime {
        if self.same_clock { exchange } else { self.data_zone.local(self.zone.to_utc(exchange)) }
    }

    /// Rounds an exchange time down to a multiple of `step` on the data's clock.
    pub(crate) fn round_down(&self, exchange: LocalTime, step: i64) -> LocalTime {
        let data = self.to_data(exchange);
        self.to_exchange(LocalTime(data.0 - data.0.rem_euclid(step.max(1))))
    }
}

/// A day with an early close, a late open or both.
fn special_day(usual: &DayHours, early_close: Option<i64>, late_open: Option<i64>) -> DayHours {
    let mut segments = usual.segments.clone();
    let early = early_close.map(|close| {
        let mut kept = Vec::new();
        for (index, s) in segments.iter().enumerate() {
            if s.start <= close && close <= s.end {
                kept.push(Segment { end: close, ..*s });
                break;
            }
            if close < s.start {
                // LEAN also drops the segment before the first that starts later.
                kept.truncate(index.saturating_sub(1));
                break;
            }
            kept.push(*s);
        }
        kept
    });
    let resumes = matches!((early_close, late_open), (Some(close), Some(open)) if close < open);
    if let (Some(early), false) = (&early, resumes) {
        segments = early.clone();
    }
    let Some(open) = late_open else { return DayHours { segments } };
    let mut late = Vec::new();
    let mut rest = 0;
    for (index, s) in segments.iter().enumerate() {
        if s.start <= open && open <= s.end {
            late.push(Segment { start: open, ..*s });
            rest = index + 1;
            break;
        }
        if open < s.start {
            rest = index;
            break;
        }
    }
    late.extend(segments.iter().skip(rest));
    match (early, resumes || early_close == late_open) {
        (Some(mut early), true) => {
            early.extend(late);
            DayHours { segments: early }
        }
        _ => DayHours { segments: late },
    }
}

/// Day of the week, 0 for Sunday.
fn weekday(day: i32) -> usize {
    (day + 4).rem_euclid(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbol::SecurityType;
    use crate::write::HoursEntry;

    #[test]
    fn a_day_has_one_daily_bar_however_many_sessions() {
        let entries = [HoursEntry::us_equity(2020, 2030)];
        let database = HoursDatabase::new(HoursEntry::database(&entries)).unwrap();
        let hours = database.hours(SecurityType::Equity, "usa", "SPY").unwrap();
        let at = |text: &str| text.parse::<LocalTime>().unwrap();
        // Monday to Sunday.
        let (first, last) = (at("2024-03-04"), at("2024-03-10"));
        for extended in [false, true] {
            assert_eq!(hours.count_steps(first, last, DAY, extended), 5, "{extended}");
        }
        assert!(5 * 390 <= hours.count_steps(first, last, crate::time::MINUTE, false));
    }
}
