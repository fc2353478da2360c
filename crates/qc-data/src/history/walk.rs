//! Takes the rows of files that count, in LEAN's order: what was given is never given again, what ends before it is skipped.
//!
//! Source: LEAN, `Engine/DataFeeds/SubscriptionDataReader.cs`.

use super::fill::OpenHours;
use super::join;
use super::reader::Plan;
use super::stream::Stream;
use crate::bars::{BarFile, Kind};
use crate::symbol::SecurityType;
use crate::time::{DAY, HOUR, LocalTime, MINUTE, SECOND};
use std::sync::Arc;

/// What ended the walk through a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Exhausted,
    NextFile,
    End,
}

/// The walk through the rows of one or more files.
pub(super) struct Walk<'a> {
    plan: &'a Plan<'a>,
    /// Length of a row in nanoseconds.
    step: i64,
    pub(super) stream: Stream,
    /// LEAN's clock on its way through the data.
    pub(super) now: LocalTime,
    /// End of the last row met that was not skipped.
    pub(super) previous_end: Option<LocalTime>,
    /// Whether a row was given.
    given: bool,
    delisted_after: i32,
    /// Rows that will not be shown are not copied where nothing else needs them.
    drops: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, kind: Kind, n_rows: usize) -> Walk<'a> {
        let drops = !plan.strict && !plan.fill_forward && kind != Kind::OpenInterest;
        Walk {
            plan,
            step: plan.step(kind),
            stream: Stream {
                is_final: drops,
                ..Stream::with_capacity(
                    plan.folder.store(),
                    &join::wanted(kind, plan.fields),
                    n_rows,
                    // Only sessions differ in length.
                    (!plan.strict).then(|| plan.step(kind)),
                )
            },
            drops,
            now: LocalTime(i64::MIN),
            previous_end: None,
            given: false,
            delisted_after: *plan.listed.end(),
        }
    }

    pub(super) fn take(&mut self, file: &Arc<BarFile>, first: usize, until: Option<LocalTime>, ticker: &str) -> Flow {
        self.take_rows(file, first..file.times.len(), until, ticker)
    }

    /// Takes the rows that count, up to the first one at or after `until`.
    pub(super) fn take_rows(
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
        let is_sorted = drops && (file.ascending || (step == 0 && times.is_sorted()));
        // Rows before this one are done with.
        let mut next = rows.start;
        for (row, data_time) in rows.clone().zip(times) {
            if row < next {
                continue;
            }
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
                self.note_follower(start);
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
            self.stream.push_times(start, end);
            if run.end != row {
                self.stream.copy(file, run, ticker);
                run = row..row;
            }
            run.end = row + 1;
            if is_sorted && is_steady {
                let times = file.times.get(row + 1..rows.end).unwrap_or_default();
                run.end += self.take_stretch(times, start, steady, until, &mut open);
                next = run.end;
                // The next row that is looked at stands behind this one, whatever its distance.
                last_beat = None;
            }
        }
        self.stream.copy(file, run, ticker);
        flow
    }

    /// Takes the rows behind a row that was taken which lie in the same session and window: nothing needs to be asked of
    /// them one by one. Times are sorted; answers how many there are.
    fn take_stretch(
        &mut self,
        times: &[i64],
        taken: LocalTime,
        steady: (i64, i64, i64),
        until: Option<LocalTime>,
        open: &mut OpenHours<'_>,
    ) -> usize {
        let (plan, step, ahead) = (self.plan, self.step, steady.2);
        let Some(close) = open.close_of(taken, LocalTime(taken.0 + step)) else { return 0 };
        // Bars end by the close and by the end of the window; ticks lie before the one and at most at the other.
        let by_close = if step == 0 { close.0 } else { close.0 - step + 1 };
        let delisted = (i64::from(self.delisted_after) + 1).saturating_mul(DAY);
        let by_end = plan.end.0.saturating_sub(step).saturating_add(1);
        let stop = [by_close, by_end, delisted, until.map_or(i64::MAX, |until| until.0)].into_iter().min();
        let stop = stop.unwrap_or(i64::MIN).saturating_sub(ahead).min(steady.1);
        let n_taken = times.partition_point(|time| *time < stop);
        let taken = times.get(..n_taken).unwrap_or_default();
        let Some(last) = taken.last() else { return 0 };
        self.stream.ends.extend(taken.iter().map(|time| LocalTime(time + ahead + step)));
        self.stream.is_final &= all_on_beat(taken, step);
        self.now = LocalTime(last + ahead);
        self.previous_end = Some(LocalTime(last + ahead + step));
        n_taken
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
                self.stream.push_times(start, end);
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
            Some(time) => {
                self.note_follower(LocalTime(*time));
                Flow::End
            }
        }
    }

    /// Keeps the bar that the walk ended at, if it lies in the window: what a delisted share's file goes on with.
    fn note_follower(&mut self, start: LocalTime) {
        let plan = self.plan;
        if !self.given || plan.end < start || plan.security.security_type != SecurityType::Equity {
            return;
        }
        let plain = (start, LocalTime(start.0 + self.step));
        self.stream.followed_by =
            Some(if plan.strict { plan.hours.session(start.day()).unwrap_or(plain) } else { plain });
    }
}

/// Whether all bars begin where bars of their length begin on the data's clock.
fn all_on_beat(times: &[i64], step: i64) -> bool {
    // What is divided by is named, so that nothing is divided.
    match step {
        0 => true,
        SECOND => times.iter().all(|time| time % SECOND == 0),
        MINUTE => times.iter().all(|time| time % MINUTE == 0),
        HOUR => times.iter().all(|time| time % HOUR == 0),
        other => times.iter().all(|time| time % other.max(1) == 0),
    }
}
