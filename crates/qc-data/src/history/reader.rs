//! Walks the open days of a window, opens the file that is right for each, and takes the rows that count.
//!
//! This is LEAN's `Engine/DataFeeds/SubscriptionDataReader.cs` with `DateChangeTimeKeeper.cs`, including what it does
//! around renames: a new file is entered ten days before the rename, rows that end before it are skipped only once a
//! row was given, and rows are never given twice.

use super::budget::{self, Budget};
use super::columns::Field;
use super::naming::{self, Naming};
use super::source::{self, Place};
use super::stream::Stream;
use super::walk::{Flow, Walk};
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

/// Fewer files of days than this are read at once.
const MIN_BATCH: usize = 16;
/// Files of days that are read at once, for each thread.
const FILES_A_THREAD: usize = 8;

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
    /// Days whose files are opened.
    pub(super) mapped: std::ops::RangeInclusive<i32>,
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
    /// Columns asked for; none named means all.
    pub(super) fields: &'a [Field],
}

/// A folder of files of days.
struct Shelf {
    /// `None` where there is no such folder.
    open: Option<OpenFolder>,
    /// What lies in it, if it was listed.
    names: Option<HashSet<String>>,
}

/// A name under which a file of a day is read, from and until which time of the exchange.
#[derive(Debug)]
struct Part {
    day: i32,
    name: String,
    from: Option<LocalTime>,
    until: Option<LocalTime>,
}

impl Plan<'_> {
    /// The name under which files of a day lie: a ticker, or the contract of a continuous future.
    fn name_on(&self, day: i32) -> String {
        let told = self.map.ticker_on(date_of_day(day), None).or_else(|| self.last_name());
        let name = told.map_or(self.security.sid.symbol(), |ticker| ticker);
        match self.naming {
            Naming::Continuous { depth } if 0 < *depth => {
                let deeper = naming::contract_of(name).and_then(|sid| futures::deeper(&sid, *depth, self.hours));
                deeper.map_or_else(|| name.to_owned(), |sid| sid.to_string())
            }
            _ => name.to_owned(),
        }
    }

    /// The contract that a continuous future stays with behind the last row of its map, if it was followed before.
    fn last_name(&self) -> Option<&Arc<str>> {
        let last = self.map.rows().last().filter(|_| matches!(self.naming, Naming::Continuous { .. }))?;
        (self.start.day() <= crate::factors::day_number(last.date)).then_some(&last.ticker)
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
    pub(super) fn step(&self, kind: Kind) -> i64 {
        if kind == Kind::OpenInterest && !self.strict { 0 } else { self.resolution.nanos() }
    }

    /// The files that one kind of bar is read from, whether they are there or not.
    pub(super) fn files(&self, kind: Kind) -> Vec<String> {
        if self.resolution.one_file() {
            return self.uses().iter().map(|(day, name)| self.place(name, kind, *day).zip).collect();
        }
        self.parts_of_days().iter().map(|part| self.place(&part.name, kind, part.day).zip).collect()
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
        let format = Format { kind, scaled: source::scaled(self.security.security_type), day: None, shared: true };
        let mut uses = self.uses().into_iter().peekable();
        let mut walk: Option<Walk<'_>> = None;
        while let Some((first_day, name)) = uses.next() {
            self.budget.check()?;
            let Some(file) = source::read(self.folder, None, &self.place(&name, kind, first_day), format)? else {
                continue;
            };
            let n_rows = self.rows_of_window(&file, kind);
            self.budget.take(n_rows, file.columns.len())?;
            // The exchange's date decides; a daily bar that begins the evening before already belongs to it.
            let until = uses.peek().map(|(day, _)| LocalTime::of_day_number(*day)).map(|midnight| {
                if self.resolution == Resolution::Daily { self.hours.to_exchange(midnight) } else { midnight }
            });
            let walk = walk.get_or_insert_with(|| Walk::new(self, kind, n_rows));
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
        let Some(first) = self.data_days.iter().find(|day| self.mapped.contains(day)).copied() else {
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

    /// What is read, for every day of the window.
    fn parts_of_days(&self) -> Vec<Part> {
        let days = self.data_days.iter().copied().filter(|day| self.mapped.contains(day));
        days.enumerate().flat_map(|(at, day)| self.parts(day, at == 0)).collect()
    }

    /// What is read of the file of a day of the data's clock: a continuous future turns to its next contract at the
    /// exchange's midnight, which may lie inside the day.
    fn parts(&self, day: i32, is_first: bool) -> Vec<Part> {
        let whole = |name| vec![Part { day, name, from: None, until: None }];
        if self.hours.same_clock || !matches!(self.naming, Naming::Continuous { .. }) {
            return whole(self.name_on(day));
        }
        let is_open = |day: &i32| self.hours.is_date_open(*day, self.extended);
        let begins = self.hours.to_exchange(LocalTime::of_day_number(day)).day();
        // LEAN learns a new name on an open date; the first day begins with its own.
        let told = (begins - 15..=begins).rev().find(is_open).unwrap_or(begins);
        let name = self.name_on(if is_first && told != begins { day } else { told });
        if !is_open(&(begins + 1)) {
            return whole(name);
        }
        let next = self.name_on(begins + 1);
        if next == name {
            return whole(name);
        }
        let midnight = Some(LocalTime::of_day_number(begins + 1));
        vec![Part { day, name, from: None, until: midnight }, Part { day, name: next, from: midnight, until: None }]
    }

    /// The folders in which the files of these days lie.
    fn shelves(&self, kind: Kind, parts: &[Part]) -> Result<HashMap<String, Shelf>> {
        let mut shelves = HashMap::new();
        let mut name = None;
        for Part { day, name: today, .. } in parts {
            // Days of one name lie together.
            if name == Some(today) {
                continue;
            }
            let zip = self.place(today, kind, *day).zip;
            name = Some(today);
            let Some((folder, _)) = zip.rsplit_once('/') else { continue };
            if shelves.contains_key(folder) {
                continue;
            }
            let open = self.folder.open_folder(folder)?;
            let names = match (MANY_DAYS <= parts.len(), &open) {
                (true, Some(_)) => Some(self.folder.list(folder)?.into_iter().collect()),
                _ => None,
            };
            shelves.insert(folder.to_owned(), Shelf { open, names });
        }
        Ok(shelves)
    }

    /// Finer bars: one file a day.
    fn read_days(&self, kind: Kind) -> Result<Stream> {
        let of_days = self.parts_of_days();
        let shelves = self.shelves(kind, &of_days)?;
        // Where there are files enough for all threads none of them is cut. Some days of a short window may have none, and
        // its last file would be waited for.
        let n_threads = rayon::current_num_threads();
        let shared = of_days.len() < FILES_A_THREAD * n_threads;
        let read = |part: &Part| {
            self.budget.check()?;
            let place = self.place(&part.name, kind, part.day);
            let shelf = place.zip.rsplit_once('/').and_then(|(folder, name)| Some((shelves.get(folder)?, name)));
            let Some((Shelf { open: Some(open), names }, name)) = shelf else { return Ok(None) };
            if names.as_ref().is_some_and(|names| !names.contains(name)) {
                return Ok(None);
            }
            let format =
                Format { kind, scaled: source::scaled(self.security.security_type), day: Some(part.day), shared };
            let file = source::read(self.folder, Some(open), &place, format)?;
            if let Some(file) = &file {
                self.budget.take(file.times.len(), file.columns.len())?;
            }
            Ok(file)
        };
        let mut walk: Option<Walk<'_>> = None;
        // What was taken over is let go before more is read.
        let batch = MIN_BATCH.max(FILES_A_THREAD * n_threads);
        let mut flow = Flow::Exhausted;
        for (index, some) in of_days.chunks(batch).enumerate() {
            let files: Vec<Option<Arc<BarFile>>> = budget::all(some.par_iter().map(read).collect())?;
            let n_rows: usize = files.iter().flatten().map(|file| file.times.len()).sum();
            let n_left = of_days.len() - index * batch;
            if walk.is_none() && 0 < n_rows {
                // The days to come are about as long as those that are here.
                let more = n_rows.saturating_mul(n_left - some.len()) / some.len().max(1);
                walk = Some(Walk::new(self, kind, n_rows + more + more / 16));
            }
            let Some(walk) = &mut walk else { continue };
            for (part, file) in some.iter().zip(files) {
                // A contract that was left at midnight is followed at once; else a day is not entered behind its beginning.
                let turned = part.from.is_some() && flow == Flow::NextFile;
                flow = Flow::Exhausted;
                let day = i64::from(part.day);
                if !turned && walk.previous_end.is_some_and(|end| day * DAY < self.hours.to_data(end).0) {
                    continue;
                }
                if let Some(from) = part.from {
                    walk.now = walk.now.max(from);
                }
                let Some(file) = file else { continue };
                // Rows that do not belong to the file's own day are ignored.
                let tomorrow = (day + 1) * DAY;
                let own = file.times.iter().position(|time| tomorrow <= *time).unwrap_or(file.times.len());
                flow = walk.take_rows(&file, 0..own, part.until, &self.shown_as(&part.name));
                if flow == Flow::End {
                    return Ok(std::mem::take(&mut walk.stream));
                }
            }
        }
        Ok(walk.map(|walk| walk.stream).unwrap_or_default())
    }
}
