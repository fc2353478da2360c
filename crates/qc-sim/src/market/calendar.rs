//! The trading days of the market: those of the New York Stock Exchange.

use jiff::civil::{Date, date};
use qc_data::write::HoursEntry;

/// Closed by proclamation, beside the rules: days of mourning for presidents Bush (2018) and Carter (2025).
const SPECIAL_CLOSURES: [Date; 2] = [date(2018, 12, 5), date(2025, 1, 9)];

/// One day of regular trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) date: Date,
    pub(crate) ends_early: bool,
}

impl Session {
    /// The full hours in which LEAN's hour bars of this day start (the bar of 9 holds 09:30 to 10:00).
    pub(crate) fn hours(self) -> std::ops::Range<i8> {
        9..if self.ends_early { 13 } else { 16 }
    }

    /// How many quarters of an hour the exchange is open.
    pub(crate) fn quarters(self) -> usize {
        if self.ends_early { 14 } else { 26 }
    }
}

/// Market hours of US shares, with some years to spare on both sides of the bars.
pub(super) fn hours() -> HoursEntry {
    let mut entry = HoursEntry::us_equity(1998, 2030);
    entry.holidays.extend(SPECIAL_CLOSURES);
    entry.holidays.sort_unstable();
    entry
}

/// Every trading day from `first` to `last`, both included.
pub(super) fn sessions(first: Date, last: Date) -> Vec<Session> {
    let hours = hours();
    let early: Vec<Date> = hours.early_closes.iter().map(|(day, _)| *day).collect();
    hours
        .open_days(first, last)
        .into_iter()
        .map(|day| Session { date: day.date, ends_early: early.contains(&day.date) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_years_have_as_many_sessions_as_the_exchange_held() {
        // From the exchange's calendars; 2018 and 2025 had a day of mourning each.
        for (year, n) in [(2015, 252), (2016, 252), (2018, 251), (2020, 253), (2021, 252), (2024, 252), (2025, 250)] {
            assert_eq!(sessions(date(year, 1, 1), date(year, 12, 31)).len(), n, "{year}");
        }
    }

    #[test]
    fn a_day_that_ends_early_has_four_hour_bars() {
        let days = sessions(date(2024, 7, 2), date(2024, 7, 5));
        assert_eq!(days.iter().map(|day| day.hours().count()).collect::<Vec<_>>(), [7, 4, 7]);
    }
}
