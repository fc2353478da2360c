//! Walks the open days of a window, opens the file that is right for each, and takes the rows that count.
//!
//! This is LEAN's `Engine/DataFeeds/SubscriptionDataReader.cs` with `DateChangeTimeKeeper.cs`, including what it does
//! around renames: a new file is entered ten days before the rename, rows that end before it are skipped only once a
//! row was given, and rows are never given twice.

use super::budget::{self, Budget};
use super::fill::OpenHours;
use super::naming::{self, Naming};
use super::source::{self, Place};
use super::stream::Stream;
use crate::bars::{BarFile, Format, Kind};
use crate::error::Result;
use crate::folder::{DataFolder, OpenFolder};
use crate::futures;
use crate::hours::ExchangeHours;
use crate::maps::MapFile;
use crate::symbol::{Resolution, Security};
use crate::time::{DAY, LocalTime, date_of_day, days_from_civil};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How long before a rename a new file is entered.
const LEAD: i64 = 10 * DAY;

/// From so many days on their folder is listed once instead of looking for each file.
const MANY_DAYS: usize = 64;

/// Everything that is known about a request for one security before a file is opened.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) folder: &'a DataFolder,
    /// What the answer may still hold.
    pub(super) budget: &'a Budget,
    pub(super) security: &'a Security,
    pub(super) hours: &'a ExchangeHours,
    /// Names by day.
    pub(super) map: &'a MapFile,
    pub(super) naming: &'a Naming,
    /// Days on which the security is traded, in days since 1970.
    pub(super) listed: std::ops::RangeInclusive<i32>,
    pub(super) resolution: Resolution,
    /// Window on the exchange's clock: `start < end of bar <= end`.
    pub(super) start: LocalTime,
    pub(super) end: LocalTime,
    /// The window's start, moved to the first day with factors and the first day of trading.
    pub(super) limited_start: LocalTime,
    /// Whether bars are repeated where some are missing: closed hours count for that.
    pub(super) fill_forward: bool,
    /// Daily bars begin and end with the session.
    pub(super) strict: bool,
    pub(super) extended: bool,
    /// Days of the data's clock on which there may be data, in days since 1970.
    pub(super) data_days: &'a [i32],
}

/// A folder of files of days.
struct Shelf {
    /// `None` where there is no such folder.
    open: Option<OpenFolder>,
    /// What lies in it, if it was listed.
    names: Option<HashSet<String>>,
}

/// What ended the walk through a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Exhausted,
    NextFile,
    End,
}

impl Plan<'_> {
    /// The name under which files of a day lie: a ticker, or the contract of a continuous future.
    fn name_on(&self, day: i32) -> String {
        let name = self.map.ticker_on(date_of_day(day), None).map_or(self.security.sid.symbol(), |ticker| ticker);
        match self.naming {
            Naming::Continuous { depth } if 0 < *depth => {
                let deeper = naming::contract_of(name).and_then(|sid| futures::deeper(&sid, *depth, self.hours));
                deeper.map_or_else(|| name.to_owned(), |sid| sid.to_string())
            }
            _ => name.to_owned(),
        }
    }

    /// What a row of a day is shown as.
    fn shown_as(&self, name: &str) -> String {
        match self.naming {
            Naming::Option { .. } => self.security.ticker.clone(),
            _ => name.to_ascii_uppercase(),
        }
    }

    fn place(&self, name: &str, kind: Kind, day: i32) -> Place {
        source::place(self.security, self.naming, &name.to_ascii_lowercase(), self.resolution, kind.name(), day)
    }

    /// How long a row of a kind lasts; open interest is a figure of a moment.
    fn step(&self, kind: Kind) -> i64 {
        if kind == Kind::OpenInterest && !self.strict { 0 } else { self.resolution.nanos() }
    }

    /// The files that one kind of bar is read from, whether they are there or not.
    pub(super) fn files(&self, kind: Kind) -> Vec<String> {
        if self.resolution.one_file() {
            return self.uses().iter().map(|(day, name)| self.place(name, kind, *day).zip).collect();
        }
        let days = self.data_days.iter().filter(|day| self.listed.contains(day));
        days.map(|day| self.place(&self.name_on(*day), kind, *day).zip).collect()
    }

    /// Reads all rows of one kind of bar.
    pub(super) fn read(&self, kind: Kind) -> Result<Stream> {
        if *self.listed.end() < self.limited_start.day() {
            return Ok(Stream::default());
        }
        if self.resolution.one_file() { self.read_whole(kind) } else { self.read_days(kind) }
    }

    /// Hour and daily bars: one file for as long as a ticker was used.
    fn read_whole(&self, kind: Kind) -> Result<Stream> {
        let format = Format { kind, scaled: source::scaled(self.security.security_type), day: None };
        let mut uses = self.uses().into_iter().peekable();
        let mut walk: Option<Walk<'_>> = None;
        while let Some((first_day, name)) = uses.next() {
            self.budget.check()?;
            let Some(file) = source::read(self.folder, None, &self.place(&name, kind, first_day), format)? else {
                continue;
            };
            let n_rows = self.rows_of_window(&file, kind);
            self.budget.take(n_rows, file.columns.len())?;
            let until = uses.peek().map(|(day, _)| self.hours.to_exchange(LocalTime::of_day_number(*day)));
            let walk = walk.get_or_insert_with(|| Walk::new(self, kind, file.columns.len(), n_rows));
            walk.now = walk.now.max(LocalTime::of_day_number(first_day));
            let frontier = LocalTime::of_day_number(first_day).0.saturating_sub(LEAD);
            // LEAN takes one row more; where no row is that late it reads from the beginning.
            let beyond = match file.ascending {
                true => Some(file.times.partition_point(|time| *time <= frontier)).filter(|at| *at < file.times.len()),
                false => file.times.iter().position(|time| frontier < *time),
            };
            let first = beyond.map_or(0, |index| index.saturating_sub(1));
            if walk.take(&file, first, until, &self.shown_as(&name)) == Flow::End {
                break;
            }
        }
        Ok(walk.map(|walk| walk.stream).unwrap_or_default())
    }

    /// At most so many rows of a file lie in the window; clocks differ by less than a day.
    fn rows_of_window(&self, file: &BarFile, kind: Kind) -> usize {
        let from = self.limited_start.0.saturating_sub(self.step(kind)).saturating_sub(DAY);
        let to = self.end.0.saturating_add(DAY);
        let before = |end: i64| file.times.partition_point(|time| *time < end);
        match file.ascending {
            true => before(to.saturating_add(1)).saturating_sub(before(from)),
            false => file.times.iter().filter(|time| (from..=to).contains(time)).count(),
        }
    }

    /// From which open day on which name is used, for the days of the window. Options have a file for each year.
    fn uses(&self) -> Vec<(i32, String)> {
        let Some(first) = self.data_days.iter().find(|day| self.listed.contains(day)).copied() else {
            return Vec::new();
        };
        let last = self.data_days.last().copied().unwrap_or(first);
        let mut changes: Vec<i32> =
            self.map.rows().iter().map(|row| crate::factors::day_number(row.date) + 1).collect();
        let year = |day: i32| i64::from(date_of_day(day).year());
        let yearly = matches!(self.naming, Naming::Option { .. });
        if yearly {
            changes.extend((year(first) + 1..=year(last)).map(|year| days_from_civil(year, 1, 1) as i32));
            changes.sort_unstable();
        }
        let mut uses = vec![(first, self.name_on(first))];
        for mut day in changes {
            if day <= first || last < day {
                continue;
            }
            while day <= last && !self.hours.is_date_open(day, self.extended) {
                day += 1;
            }
            let name = self.name_on(day);
            let known =
                uses.last().is_some_and(|(since, known)| *known == name && (!yearly || year(*since) == year(day)));
            if day <= last && !known && self.listed.contains(&day) {
                uses.push((day, name));
            }
        }
        uses
    }

    /// The folders in which the files of these days lie.
    fn shelves(&self, kind: Kind, days: &[i32]) -> Result<HashMap<String, Shelf>> {
        let mut shelves = HashMap::new();
        let mut name = None;
        for day in days {
            // Days of one name lie together.
            let today = self.name_on(*day);
            if name.as_ref() == Some(&today) {
                continue;
            }
            let zip = self.place(&today, kind, *day).zip;
            name = Some(today);
            let Some((folder, _)) = zip.rsplit_once('/') else { continue };
            if shelves.contains_key(folder) {
                continue;
            }
            let open = self.folder.open_folder(folder)?;
            let names = match (MANY_DAYS <= days.len(), &open) {
                (true, Some(_)) => Some(self.folder.list(folder)?.into_iter().collect()),
                _ => None,
            };
            shelves.insert(folder.to_owned(), Shelf { open, names });
        }
        Ok(shelves)
    }

    /// Finer bars: one file a day.
    fn read_days(&self, kind: Kind) -> Result<Stream> {
        let days: Vec<i32> = self.data_days.iter().copied().filter(|day| self.listed.contains(day)).collect();
        let shelves = self.shelves(kind, &days)?;
        let read = |day: &i32| {
            self.budget.check()?;
            let place = self.place(&self.name_on(*day), kind, *day);
            let shelf = place.zip.rsplit_once('/').and_then(|(folder, name)| Some((shelves.get(folder)?, name)));
            let Some((Shelf { open: Some(open), names }, name)) = shelf else { return Ok(None) };
            if names.as_ref().is_some_and(|names| !names.contains(name)) {
                return Ok(None);
            }
            let format = Format { kind, scaled: source::scaled(self.security.security_type), day: Some(*day) };
            let file = source::read(self.folder, Some(open), &place, format)?;
            if let Some(file) = &file {
                self.budget.take(file.times.len(), file.columns.len())?;
            }
            Ok(file)
        };
        let files: Vec<Option<Arc<BarFile>>> = budget::all(days.par_iter().map(read).collect())?;
        let n_rows = files.iter().flatten().map(|file| file.times.len()).sum();
        let Some(n_columns) = files.iter().flatten().map(|file| file.columns.len()).next() else {
            return Ok(Stream::default());
        };
        let mut walk = Walk::new(self, kind, n_columns, n_rows);
        for (day, file) in days.iter().zip(files) {
            let Some(file) = file else { continue };
            if walk.previous_end.is_some_and(|end| i64::from(*day) * DAY < self.hours.to_data(end).0) {
                continue;
            }
            // Rows that do not belong to the file's own day are ignored.
            let tomorrow = (i64::from(*day) + 1) * DAY;
            let own = file.times.iter().position(|time| tomorrow <= *time).unwrap_or(file.times.len());
            if walk.take_rows(&file, 0..own, None, &self.shown_as(&self.name_on(*day))) == Flow::End {
                break;
            }
        }
        Ok(walk.stream)
    }
}

/// The walk through the rows of one or more files.
struct Walk<'a> {
    plan: &'a Plan<'a>,
    /// Length of a row in nanoseconds.
    step: i64,
    stream: Stream,
    /// LEAN's clock on its way through the data.
    now: LocalTime,
    /// End of the last row met that was not skipped.
    previous_end: Option<LocalTime>,
    /// Whether a row was given.
    given: bool,
    delisted_after: i32,
    /// Rows that will not be shown are not copied where nothing else needs them.
    drops: bool,
}

impl<'a> Walk<'a> {
    fn new(plan: &'a Plan<'a>, kind: Kind, n_columns: usize, n_rows: usize) -> Walk<'a> {
        let drops = !plan.strict && !plan.fill_forward && kind != Kind::OpenInterest;
        Walk {
            plan,
            step: plan.step(kind),
            stream: Stream { is_final: drops, ..Stream::with_capacity(n_columns, n_rows) },
            drops,
            now: LocalTime(i64::MIN),
            previous_end: None,
            given: false,
            delisted_after: *plan.listed.end(),
        }
    }

    fn take(&mut self, file: &Arc<BarFile>, first: usize, until: Option<LocalTime>, ticker: &str) -> Flow {
        self.take_rows(file, first..file.times.len(), until, ticker)
    }

    /// Takes the rows that count, up to the first one at or after `until`.
    fn take_rows(
        &mut self,
        file: &Arc<BarFile>,
        rows: std::ops::Range<usize>,
        until: Option<LocalTime>,
        ticker: &str,
    ) -> Flow {
        let (plan, hours) = (self.plan, self.plan.hours);
        let step = self.step;
        let quick = plan.strict && hours.same_clock && !hours.opens_at_midnight;
        let drops = self.drops;
        let mut open = OpenHours::new(hours, plan.extended);
        let mut last_beat: Option<i64> = None;
        let mut run = rows.start..rows.start; // accepted rows that still have to be copied
        let mut flow = Flow::Exhausted;
        let times = file.times.get(rows.clone()).unwrap_or_default();
        // Within this stretch of the data's clock the exchange's is ahead by the third number.
        let mut steady = (i64::MAX, i64::MIN, 0);
        for (row, data_time) in rows.clone().zip(times) {
            if *data_time < steady.0 || steady.1 <= *data_time {
                steady = hours.steady(*data_time).unwrap_or((i64::MAX, i64::MIN, 0));
            }
            let is_steady = steady.0 <= *data_time && *data_time < steady.1;
            let start =
                if is_steady { LocalTime(data_time + steady.2) } else { hours.to_exchange(LocalTime(*data_time)) };
            let end = LocalTime(start.0 + step);
            if until.is_some_and(|until| until <= start) {
                flow = Flow::NextFile;
                break;
            }
            self.now = self.now.max(start);
            let later = self.previous_end.is_some_and(|previous| previous < end) && plan.limited_start <= end;
            if quick && file.ascending && self.given && later && self.now == start {
                self.stream.copy(file, run, ticker);
                return self.take_sessions(file, row..rows.end, until, ticker);
            }
            // Several ticks may share a moment, several bars may not.
            let repeated = 0 < step && self.previous_end.is_some_and(|previous| end <= previous);
            if (self.given && end < self.now) || repeated {
                continue;
            }
            if end < plan.limited_start {
                self.previous_end = Some(end);
                continue;
            }
            if plan.end < start || self.delisted_after < start.day() {
                flow = Flow::End;
                break;
            }
            self.given = true;
            self.previous_end = Some(end);
            let span = match plan.strict {
                false => Some((start, end)),
                true if quick => hours.session(start.day()),
                true => hours.daily_calendar(end).filter(|(_, close)| start <= *close),
            };
            let Some((start, end)) = span.filter(|(_, end)| !plan.strict || plan.start <= *end) else { continue };
            let shown = match step {
                _ if !drops => true,
                0 => plan.start <= end && end <= plan.end && open.hold(end),
                _ => plan.start < end && end <= plan.end && open.touch(start, end),
            };
            if !shown {
                continue;
            }
            // Bars that begin where bars begin keep their beginning.
            let on_beat = last_beat.is_some_and(|last| data_time - last == step) || data_time % step.max(1) == 0;
            last_beat = on_beat.then_some(*data_time);
            self.stream.is_final &= drops && is_steady && on_beat;
            self.stream.starts.push(start);
            self.stream.ends.push(end);
            if run.end != row {
                self.stream.copy(file, run, ticker);
                run = row..row;
            }
            run.end = row + 1;
        }
        self.stream.copy(file, run, ticker);
        flow
    }

    /// As [`Walk::take_rows`] for daily bars that ascend, from a row on behind which LEAN's clock skips nothing.
    fn take_sessions(
        &mut self,
        file: &Arc<BarFile>,
        rows: std::ops::Range<usize>,
        until: Option<LocalTime>,
        ticker: &str,
    ) -> Flow {
        let (plan, hours) = (self.plan, self.plan.hours);
        let times = file.times.get(rows.clone()).unwrap_or_default();
        let is_next = |time: i64| until.is_some_and(|until| until.0 <= time);
        let is_over = |time: i64| plan.end.0 < time || self.delisted_after < LocalTime(time).day();
        let n_taken = times.partition_point(|time| !is_next(*time) && !is_over(*time));
        let taken = times.get(..n_taken).unwrap_or_default();
        let mut run = rows.start..rows.start;
        for (row, time) in (rows.start..).zip(taken) {
            let session = hours.session(LocalTime(*time).day());
            if let Some((start, end)) = session.filter(|(_, end)| plan.start <= *end) {
                self.stream.starts.push(start);
                self.stream.ends.push(end);
                run.end = row + 1;
            } else {
                self.stream.copy(file, run, ticker);
                run = row + 1..row + 1;
            }
        }
        self.stream.copy(file, run, ticker);
        if let Some(last) = taken.last() {
            self.now = self.now.max(LocalTime(*last));
            self.previous_end = Some(LocalTime(last + self.step));
        }
        match times.get(n_taken) {
            None => Flow::Exhausted,
            Some(time) if is_next(*time) => Flow::NextFile,
            Some(_) => Flow::End,
        }
    }
}

/// As [`data_days`], but only the first (not before `listed`) and the last of them: enough where one file holds all.
pub(super) fn data_days_ends(hours: &ExchangeHours, start: LocalTime, end: LocalTime, listed: i32) -> Vec<i32> {
    if !hours.same_clock {
        return data_days(hours, start, end, false);
    }
    let begins_open = hours.is_open(start, LocalTime::of_day_number(start.day() + 1), false);
    let is_open = |day: &i32| if *day == start.day() { begins_open } else { hours.is_date_open(*day, false) };
    let from = start.day().max(listed);
    let first = (from..=end.day()).find(is_open);
    let last = first.and_then(|first| (first..=end.day()).rev().find(is_open));
    first.into_iter().chain(last).collect()
}

/// The days of the data's clock that hold an open moment of the window, as LEAN walks them.
pub(super) fn data_days(hours: &ExchangeHours, start: LocalTime, end: LocalTime, extended: bool) -> Vec<i32> {
    let mut days = Vec::new();
    let thru = LocalTime::of_day_number(end.day() + 1);
    let mut at = start;
    if hours.same_clock {
        // The usual case, and the same result: a part of the first day, then whole days.
        let second = start.day() + 1;
        if hours.is_open(start, LocalTime::of_day_number(second), extended) {
            days.push(start.day());
        }
        days.extend((second..=end.day()).filter(|day| hours.is_date_open(*day, extended)));
        return days;
    }
    while at < thru {
        let day = hours.to_data(at).day();
        let day_end = hours.to_exchange(LocalTime::of_day_number(day + 1)).min(thru);
        if hours.is_open(at, day_end, extended) {
            days.push(day);
        }
        if day_end <= at {
            break; // cannot happen with sane zones, must not hang with others
        }
        at = day_end;
    }
    days
}
