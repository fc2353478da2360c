//! Repeats the last bar where bars are missing in open hours, and keeps the rows that lie in the window.
//!
//! Source: LEAN, `Engine/DataFeeds/Enumerators/FillForwardEnumerator.cs`, `QuoteBarFillForwardEnumerator.cs`,
//! `SubscriptionFilterEnumerator.cs`, `Engine/DataFeeds/SubscriptionData.cs`.

use super::reader::Plan;
use super::stream::{Picked, Stream};
use crate::bars::Kind;
use crate::error::Result;
use crate::hours::ExchangeHours;
use crate::symbol::Resolution;
use crate::time::LocalTime;

/// Fills if asked, filters by open hours and window, and sets final times.
///
/// # Errors
/// [`crate::Error::TooMany`] when filling would make more rows than an answer may have.
pub(super) fn finish(plan: &Plan<'_>, kind: Kind, mut stream: Stream) -> Result<Stream> {
    let fill_forward = plan.fill_forward;
    let plain = |row: usize, stream: &Stream| Picked {
        source: row,
        start: stream.start(row),
        end: stream.ends.get(row).copied().unwrap_or_default(),
        filled: false,
    };
    if kind == Kind::OpenInterest {
        return Ok(finish_interest(plan, &stream));
    }
    if plan.resolution == Resolution::Tick {
        return Ok(finish_ticks(plan, stream));
    }
    // Daily bars that were laid on sessions are in open hours; if all lie in the window there is nothing to do.
    let inside = |at: Option<&LocalTime>| at.is_none_or(|at| plan.start < *at && *at <= plan.end);
    if plan.strict && !fill_forward && inside(stream.ends.first()) && inside(stream.ends.last()) {
        return Ok(stream);
    }
    if !fill_forward && (stream.is_final || is_final(plan, &stream)) {
        return Ok(stream);
    }
    let mut rows: Vec<Picked> = Vec::with_capacity(stream.n_rows());
    if fill_forward {
        if kind == Kind::Quote {
            copy_missing_sides(&mut stream);
        }
        let fill_end = fill_end(plan);
        if 0 < stream.n_rows() {
            let steps = plan.hours.count_steps(stream.start(0), fill_end, plan.resolution.nanos(), plan.extended);
            plan.budget.take(steps.saturating_sub(stream.n_rows()), stream.columns.len())?;
        }
        for row in 0..stream.n_rows() {
            let next = plain(row, &stream);
            if let Some(previous) = rows.last().copied() {
                fill(plan, previous, Some(next), fill_end, &mut rows);
            }
            rows.push(next);
        }
        if let Some(previous) = rows.last().copied() {
            fill(plan, previous, None, fill_end, &mut rows);
        }
        fill_to_follower(plan, stream.followed_by, &mut rows);
    } else {
        rows.extend((0..stream.n_rows()).map(|row| plain(row, &stream)));
    }
    let hours = plan.hours;
    rows.retain_mut(|row| {
        let keep = plan.start < row.end && row.end <= plan.end && hours.is_open(row.start, row.end, plan.extended);
        if keep && !plan.strict {
            round_start(plan, row);
        }
        keep
    });
    if rows.len() == stream.n_rows() && !fill_forward && rows.iter().zip(&stream.ends).all(|(row, end)| row.end == *end)
    {
        return Ok(stream);
    }
    let mut out = stream.select(&rows);
    if kind == Kind::Trade
        && let Some(volume) = out.columns.get_mut(4)
    {
        for (cell, filled) in volume.iter_mut().zip(&out.filled) {
            if *filled {
                *cell = 0.0;
            }
        }
    }
    Ok(out)
}

/// Knows whether bars lie in open hours; sessions and breaks are long, so one look serves many rows.
#[derive(Debug)]
pub(super) struct OpenHours<'a> {
    hours: &'a ExchangeHours,
    extended: bool,
    open: (LocalTime, LocalTime),
    closed: (LocalTime, LocalTime),
}

/// A stretch that holds nothing.
const NEVER: (LocalTime, LocalTime) = (LocalTime(i64::MAX), LocalTime(i64::MIN));

impl<'a> OpenHours<'a> {
    pub(super) fn new(hours: &'a ExchangeHours, extended: bool) -> OpenHours<'a> {
        OpenHours { hours, extended, open: NEVER, closed: NEVER }
    }

    /// Whether a bar touches open hours.
    #[inline]
    pub(super) fn touch(&mut self, start: LocalTime, end: LocalTime) -> bool {
        if self.open.0 <= start && end <= self.open.1 && start < end {
            return true;
        }
        if self.closed.0 <= start && end <= self.closed.1 && start < end {
            return false;
        }
        self.look(start, end)
    }

    fn look(&mut self, start: LocalTime, end: LocalTime) -> bool {
        if let Some(open) = self.hours.stretch_of_day(start, end, self.extended) {
            self.open = open;
        } else if let Some(closed) = self.hours.closed_stretch(start, end, self.extended) {
            self.closed = closed;
        }
        self.hours.is_open(start, end, self.extended)
    }

    /// Where the session ends that was last looked at, if it holds this bar or moment.
    pub(super) fn close_of(&self, start: LocalTime, end: LocalTime) -> Option<LocalTime> {
        let (open, close) = self.open;
        (open <= start && end <= close && start < close).then_some(close)
    }

    /// Whether a moment lies in open hours.
    #[inline]
    pub(super) fn hold(&mut self, at: LocalTime) -> bool {
        if self.open.0 <= at && at < self.open.1 {
            return true;
        }
        match self.hours.session_around(at, self.extended) {
            Some(session) => {
                self.open = session;
                true
            }
            None => self.hours.is_open(at, at, self.extended),
        }
    }
}

/// Whether every row lies in the window and in open hours and begins where it shall, as nearly always.
fn is_final(plan: &Plan<'_>, stream: &Stream) -> bool {
    let (hours, step) = (plan.hours, plan.resolution.nanos());
    let mut open = OpenHours::new(hours, plan.extended);
    stream.ends.iter().enumerate().all(|(row, end)| {
        let start = &stream.start(row);
        let begins_right = plan.strict
            || (end.0 - start.0 == step && {
                let data = hours.to_data(*start);
                data.0.rem_euclid(step.max(1)) == 0 && hours.to_exchange(data) == *start
            });
        start < end && plan.start < *end && *end <= plan.end && begins_right && open.touch(*start, *end)
    })
}

/// Ticks are never filled; they count in open hours, both ends of the window included.
fn finish_ticks(plan: &Plan<'_>, stream: Stream) -> Stream {
    let mut open = OpenHours::new(plan.hours, plan.extended);
    let mut counts = |at: LocalTime| plan.start <= at && at <= plan.end && open.hold(at);
    if stream.ends.iter().all(|at| counts(*at)) {
        return stream;
    }
    let rows: Vec<Picked> = stream
        .ends
        .iter()
        .enumerate()
        .filter(|(_, at)| counts(**at))
        .map(|(source, at)| Picked { source, start: *at, end: *at, filled: false })
        .collect();
    stream.select(&rows)
}

/// Open interest is told before the session, so only the window counts; it is never filled.
fn finish_interest(plan: &Plan<'_>, stream: &Stream) -> Stream {
    let rows: Vec<Picked> = stream
        .ends
        .iter()
        .enumerate()
        .filter(|(_, at)| plan.start < **at && **at <= plan.end)
        .map(|(source, end)| Picked { source, start: stream.start(source), end: *end, filled: false })
        .collect();
    stream.select(&rows)
}

/// A bar without bid (or ask) keeps the last bar's bid (or ask); its size stays as it is.
fn copy_missing_sides(stream: &mut Stream) {
    for side in stream.columns.chunks_mut(5) {
        for column in side.iter_mut().take(4) {
            let mut last = f64::NAN;
            for cell in column.iter_mut() {
                if cell.is_nan() {
                    *cell = last;
                } else {
                    last = *cell;
                }
            }
        }
    }
}

/// The last moment to which bars are repeated: the end of the window, or of the day of delisting.
fn fill_end(plan: &Plan<'_>) -> LocalTime {
    let delisted = *plan.listed.end();
    // LEAN learns of the delisting on the first open day after it, if that is still in the window.
    let told =
        (delisted + 1..=plan.end.day().min(delisted.saturating_add(15))).any(|day| plan.hours.is_date_open(day, false));
    if told { plan.end.min(LocalTime::of_day_number(delisted + 1)) } else { plan.end }
}

/// Repeats the last bar twice behind the delisting where the file goes on with another company in the window.
///
/// LEAN's filler looks at the bar before the last one when it asks whether the share is gone (`FillForwardEnumerator`,
/// `MoveNext`), so it stops two bars late if something follows.
fn fill_to_follower(plan: &Plan<'_>, follower: Option<(LocalTime, LocalTime)>, rows: &mut Vec<Picked>) {
    let (Some((start, end)), Some(previous)) = (follower, rows.last().copied()) else { return };
    // Two bars lie well within a month.
    let until = plan.end.min(LocalTime::of_day_number(plan.listed.end().saturating_add(31)));
    let mut late = Vec::new();
    fill(plan, previous, Some(Picked { source: previous.source, start, end, filled: false }), until, &mut late);
    rows.extend(late.into_iter().take(2));
}

/// Pushes the bars that repeat `previous` until `next`, or until the end of the window.
fn fill(plan: &Plan<'_>, previous: Picked, next: Option<Picked>, fill_end: LocalTime, rows: &mut Vec<Picked>) {
    if plan.strict {
        fill_days(plan, previous, next, fill_end, rows)
    } else {
        fill_steps(plan, previous, next, fill_end, rows)
    }
}

/// Daily bars: one for each open day in between.
fn fill_days(plan: &Plan<'_>, previous: Picked, next: Option<Picked>, fill_end: LocalTime, rows: &mut Vec<Picked>) {
    let mut at = previous.end;
    loop {
        let Some(open) = plan.hours.next_open(at, false) else { return };
        let Some((start, end)) = plan.hours.daily_calendar(open) else { return };
        let beyond = match next {
            Some(next) => next.end <= end || fill_end < end,
            None => fill_end < end,
        };
        if beyond || end <= at {
            return;
        }
        rows.push(Picked { source: previous.source, start, end, filled: true });
        at = end;
    }
}

/// Finer bars, and daily bars of markets without sessions.
fn fill_steps(plan: &Plan<'_>, previous: Picked, next: Option<Picked>, fill_end: LocalTime, rows: &mut Vec<Picked>) {
    let (hours, step) = (plan.hours, plan.resolution.nanos());
    let utc = |time: LocalTime| hours.zone.to_utc(time);
    let next_start = next.map(|next| utc(next.start));
    // In the common case the next bar follows at once.
    if next_start.is_some_and(|start| start - utc(previous.start) <= step) {
        return;
    }
    let limit = match next {
        Some(next) => utc(next.start) + step,
        None => i64::MAX,
    };
    let mut last = previous;
    loop {
        if last.filled
            && let Some(next) = next
        {
            let rounded = utc(hours.round_down(next.start, utc(next.end) - utc(next.start)));
            if rounded - utc(last.start) <= step {
                return;
            }
        }
        if next_start.is_some_and(|start| start - utc(last.start) <= step) {
            return;
        }
        let after = LocalTime(last.end.0 + step);
        let candidates = [
            hours.is_open(last.end, after, plan.extended).then_some(last.end),
            hours.next_open(last.end, plan.extended),
        ];
        let mut pushed = false;
        for start in candidates.into_iter().flatten() {
            let end_utc = utc(hours.round_down(start, step)) + step;
            if limit <= end_utc {
                return;
            }
            let end = hours.zone.local(end_utc);
            if fill_end < end {
                return;
            }
            if hours.is_open(LocalTime(end.0 - step), end, plan.extended) && last.end < end {
                let start = hours.zone.local(end_utc - step);
                last = Picked { source: previous.source, start, end, filled: true };
                rows.push(last);
                pushed = true;
                break;
            }
        }
        if !pushed {
            return;
        }
    }
}

/// Rounds a bar's start down on the data's clock, stepping back while the exchange is closed.
fn round_start(plan: &Plan<'_>, row: &mut Picked) {
    let hours = plan.hours;
    let mut span = row.end.0 - row.start.0;
    let period = span;
    if span <= 0 || (hours.same_clock && row.start.0.rem_euclid(span) == 0) {
        return;
    }
    if span != plan.resolution.nanos() {
        span = hours.zone.to_utc(row.end) - hours.zone.to_utc(row.start);
    }
    let mut data = hours.to_data(row.start).0;
    for _ in 0..100_000 {
        let start = hours.to_exchange(LocalTime(data - data.rem_euclid(span.max(1))));
        if hours.is_open(start, LocalTime(start.0 + span), plan.extended) {
            *row = Picked { start, end: LocalTime(start.0 + period), ..*row };
            return;
        }
        data -= span;
    }
}
