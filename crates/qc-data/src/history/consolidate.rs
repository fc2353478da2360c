//! Bars of any size from finer stored ones: `15m`, `4h`, `weekly`.
//!
//! Bars begin at the opening of the exchange and never run across a close: the last bar of a session may be short, is
//! kept and marked. Where a session runs on over midnight bars begin anew every 24 hours after its opening; a market
//! that never closes opens at midnight. A week runs from Monday to Sunday, a month by the calendar; both are made of
//! daily bars. A bar is stamped with its end: the nominal one inside a session, the close for a short one, the end of the
//! last daily bar for weeks and months.
//!
//! First price, highest, lowest, last, sum of volumes; of sizes and open interest the last. Where any trade happened,
//! minutes without trade (which show the middle of bid and ask) do not count for open, high, low and close. A bar is
//! marked as filled when every bar it is made of was.

use super::columns::{Columns, Field};
use super::result::{SymbolHistory, TickerRun};
use crate::hours::ExchangeHours;
use crate::symbol::BarSize;
use crate::time::{DAY, HOUR, LocalTime, MINUTE, SECOND};
use std::ops::Range;

/// A bar to be made: the rows it is made of, its end, and whether it is shorter than asked for.
struct Bucket {
    rows: Range<usize>,
    end: LocalTime,
    short: bool,
}

/// Makes bars of the wanted size.
pub(super) fn consolidate(
    fine: SymbolHistory,
    size: BarSize,
    hours: &ExchangeHours,
    extended: bool,
    step: i64,
    window: (LocalTime, LocalTime),
) -> SymbolHistory {
    let buckets = match size {
        BarSize::Stored(_) => return fine,
        BarSize::Seconds(n) => by_session(&fine.times, hours, extended, i64::from(n) * SECOND, step),
        BarSize::Minutes(n) => by_session(&fine.times, hours, extended, i64::from(n) * MINUTE, step),
        BarSize::Hours(n) => by_session(&fine.times, hours, extended, i64::from(n) * HOUR, step),
        BarSize::Weekly => by_calendar(&fine.times, hours, window, week),
        BarSize::Monthly => by_calendar(&fine.times, hours, window, month),
    };
    let traded =
        fine.columns.get(Field::Volume).map(|volume| volume.iter().map(|v| !v.is_nan()).collect::<Vec<bool>>());
    let all_traded = traded.as_ref().is_none_or(|traded| traded.iter().all(|traded| *traded));
    let list = fine
        .columns
        .iter()
        .map(|(field, cells)| {
            let of_trades = matches!(field, Field::Open | Field::High | Field::Low | Field::Close);
            let traded = traded.as_deref().filter(|_| of_trades && !all_traded);
            (field, buckets.iter().map(|bucket| merge(field, cells, bucket, traded)).collect())
        })
        .collect();
    let filled = |bucket: &Bucket| fine.is_filled.get(bucket.rows.clone()).is_some_and(|rows| rows.iter().all(|f| *f));
    let mut tickers: Vec<TickerRun> = Vec::new();
    if fine.tickers.len() == 1 {
        tickers.clone_from(&fine.tickers);
    } else {
        for (row, bucket) in buckets.iter().enumerate() {
            let ticker = fine.ticker_at(bucket.rows.end.saturating_sub(1));
            if tickers.last().is_none_or(|run| run.ticker != ticker) {
                tickers.push(TickerRun { row, ticker: ticker.to_owned() });
            }
        }
    }
    let is_filled: Vec<bool> = buckets.iter().map(filled).collect();
    let times: Vec<LocalTime> = buckets.iter().map(|bucket| bucket.end).collect();
    let real = || times.iter().zip(&is_filled).filter(|(_, filled)| !**filled).map(|(at, _)| *at);
    SymbolHistory {
        first_real: real().next(),
        last_real: real().next_back(),
        columns: Columns::new(list),
        is_short: buckets.iter().map(|bucket| bucket.short).collect(),
        times,
        is_filled,
        tickers,
        ..fine
    }
}

/// The value of one column of a bar.
fn merge(field: Field, cells: &[f64], bucket: &Bucket, traded: Option<&[bool]>) -> f64 {
    let cells = cells.get(bucket.rows.clone()).unwrap_or_default();
    let traded = traded.and_then(|traded| traded.get(bucket.rows.clone())).filter(|traded| traded.contains(&true));
    let mut out = f64::NAN;
    for (index, cell) in cells.iter().enumerate() {
        if cell.is_nan() || traded.is_some_and(|traded| traded.get(index) == Some(&false)) {
            continue;
        }
        out = match field {
            _ if out.is_nan() => *cell,
            Field::Open | Field::BidOpen | Field::AskOpen => out,
            Field::High | Field::BidHigh | Field::AskHigh => out.max(*cell),
            Field::Low | Field::BidLow | Field::AskLow => out.min(*cell),
            Field::Volume | Field::Quantity => out + cell,
            _ => *cell,
        };
    }
    out
}

/// Bars of `length` nanoseconds within sessions.
fn by_session(times: &[LocalTime], hours: &ExchangeHours, extended: bool, length: i64, step: i64) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    // End of the bar that is being made; everything that begins before belongs to it.
    let mut until = LocalTime(i64::MIN);
    for (row, at) in times.iter().enumerate() {
        let start = LocalTime(at.0 - step);
        if start < until
            && let Some(last) = buckets.last_mut()
        {
            last.rows.end = row + 1;
            continue;
        }
        let (open, close) = stretch(hours, start, *at, extended);
        // A fine bar may begin before the opening (the hour bar from nine to ten); it counts as the first one.
        let inside = start.0.max(open.0) - open.0;
        let begin = open.0 + inside - inside.rem_euclid(length);
        let end = (begin + length).min(close.0).max(at.0.min(begin + length));
        until = LocalTime(end);
        buckets.push(Bucket { rows: row..row + 1, end: until, short: end - begin < length });
    }
    buckets
}

/// Opening and close of the open stretch around a bar, at most 24 hours long.
fn stretch(hours: &ExchangeHours, start: LocalTime, end: LocalTime, extended: bool) -> (LocalTime, LocalTime) {
    let midnight = LocalTime::of_day_number(start.day());
    if hours.always_open {
        return (midnight, LocalTime(midnight.0 + DAY));
    }
    let Some((mut open, mut close)) = hours.stretch_of_day(start, end, extended) else {
        return (midnight, LocalTime(midnight.0 + DAY));
    };
    // Back to the true opening, at most a week, where the day before ends at midnight without a break.
    for _ in 0..7 {
        if open.of_day() != 0 {
            break;
        }
        let before = LocalTime(open.0 - 1);
        match hours.stretch_of_day(before, before, extended) {
            Some((earlier, until)) if until == open && earlier < open => open = earlier,
            _ => break,
        }
    }
    for _ in 0..7 {
        if close.of_day() != 0 {
            break;
        }
        match hours.stretch_of_day(close, LocalTime(close.0 + 1), extended) {
            Some((from, later)) if from == close && close < later => close = later,
            _ => break,
        }
    }
    let days = (start.0 - open.0).max(0) / DAY;
    let open = LocalTime(open.0 + days * DAY);
    (open, close.min(LocalTime(open.0 + DAY)))
}

/// Bars of a calendar period made of daily ones; short where the window cuts off open days.
fn by_calendar(
    times: &[LocalTime],
    hours: &ExchangeHours,
    window: (LocalTime, LocalTime),
    period: fn(i32) -> Range<i32>,
) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut current = 0..0;
    for (row, at) in times.iter().enumerate() {
        let day = LocalTime(at.0 - 1).day();
        if current.contains(&day)
            && let Some(last) = buckets.last_mut()
        {
            (last.rows.end, last.end) = (row + 1, *at);
            continue;
        }
        current = period(day);
        let before = LocalTime::of_day_number(current.start);
        let first_day = window.0.day();
        let cut_before = before < window.0 && 0 < hours.count_open_days(current.start, first_day - 1);
        let last_day = LocalTime(window.1.0 - 1).day();
        let cut_after = last_day < current.end - 1 && 0 < hours.count_open_days(last_day + 1, current.end - 1);
        buckets.push(Bucket { rows: row..row + 1, end: *at, short: cut_before || cut_after });
    }
    buckets
}

/// Monday to Sunday around a day, in days since 1970 (which began on a Thursday).
fn week(day: i32) -> Range<i32> {
    let monday = day - (day + 3).rem_euclid(7);
    monday..monday + 7
}

/// The calendar month around a day.
fn month(day: i32) -> Range<i32> {
    let date = crate::time::date_of_day(day);
    let first = day - i32::from(date.day()) + 1;
    first..first + i32::from(date.days_in_month())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let day = |text: &str| text.parse::<LocalTime>().unwrap().day();
        assert_eq!(week(day("2024-03-10")), day("2024-03-04")..day("2024-03-11"), "a Sunday");
        assert_eq!(week(day("2024-03-11")).start, day("2024-03-11"));
        assert_eq!(month(day("2024-02-29")), day("2024-02-01")..day("2024-03-01"));
    }
}
