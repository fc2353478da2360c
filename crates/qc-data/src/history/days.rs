//! The days of the data's clock on which there may be data for a window.

use crate::hours::ExchangeHours;
use crate::time::LocalTime;

/// As [`data_days`], but only the first (not before `listed`) and the last of them: enough where one file holds all.
pub(super) fn data_days_ends(
    hours: &ExchangeHours,
    start: LocalTime,
    end: LocalTime,
    listed: i32,
    extended: bool,
) -> Vec<i32> {
    if !hours.same_clock {
        return data_days(hours, start, end, extended);
    }
    let begins_open = hours.is_open(start, LocalTime::of_day_number(start.day() + 1), extended);
    let is_open = |day: &i32| if *day == start.day() { begins_open } else { hours.is_date_open(*day, extended) };
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
