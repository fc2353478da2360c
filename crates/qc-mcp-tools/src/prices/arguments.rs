//! Dates as callers write them.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, date},
};
use qc_data::Window;

use crate::error::{Kind, ToolError, Topic};

/// Reads a start and an end: days of the exchange (both included), or moments as RFC 3339.
///
/// A moment without an offset is meant on New York's clock, as QuantBook means it.
///
/// # Errors
/// [`Kind::InvalidArgument`] for what is no date, and for an end before its start.
pub(crate) fn parse_window(start: &str, end: &str) -> Result<Window, ToolError> {
    let wrong = |message: String| ToolError::new(Kind::InvalidArgument, Topic::Dates, message);
    let first = parse_moment(start).ok_or_else(|| wrong(not_a_date("start_date", start)))?;
    let last = parse_moment(end).ok_or_else(|| wrong(not_a_date("end_date", end)))?;
    let reversed = || wrong(format!("end_date {} is before start_date {}", end.trim(), start.trim()));
    match (first, last) {
        (Moment::Day(first), Moment::Day(last)) if last < first => Err(reversed()),
        (Moment::Day(first), Moment::Day(last)) => Ok(Window::dates(first, last)),
        (first, last) => {
            let start = match first {
                Moment::Day(day) => day.to_datetime(jiff::civil::Time::midnight()),
                Moment::At(at) => at,
            };
            // A date-only end means the end of that day.
            let end = match last {
                Moment::Day(day) => {
                    day.checked_add(1.day()).map_err(|_| reversed())?.to_datetime(jiff::civil::Time::midnight())
                }
                Moment::At(at) => at,
            };
            if end <= start { Err(reversed()) } else { Ok(Window::range(start, end)) }
        }
    }
}

/// Reads one day, `YYYY-MM-DD`.
///
/// # Errors
/// [`Kind::InvalidArgument`] naming the argument.
pub(crate) fn parse_day(argument: &str, text: &str) -> Result<Date, ToolError> {
    match parse_moment(text) {
        Some(Moment::Day(day)) => Ok(day),
        Some(Moment::At(at)) => Ok(at.date()),
        None => Err(ToolError::new(Kind::InvalidArgument, Topic::Dates, not_a_date(argument, text))),
    }
}

#[derive(Clone, Copy)]
enum Moment {
    Day(Date),
    At(DateTime),
}

fn parse_moment(text: &str) -> Option<Moment> {
    /// Years in which no market data lies; a typing error more likely than a wish.
    const FIRST: Date = date(1700, 1, 1);
    const LAST: Date = date(2200, 1, 1);
    let text = text.trim();
    let moment = if let Ok(day) = text.parse::<Date>()
        && text.len() == 10
    {
        Moment::Day(day)
    } else if let Ok(at) = text.parse::<Timestamp>() {
        Moment::At(at.to_zoned(jiff::tz::TimeZone::get("America/New_York").ok()?).datetime())
    } else {
        let at = text.parse::<DateTime>().ok()?;
        if text.len() <= 10 {
            return None;
        }
        Moment::At(at)
    };
    let day = match moment {
        Moment::Day(day) => day,
        Moment::At(at) => at.date(),
    };
    (FIRST <= day && day <= LAST).then_some(moment)
}

fn not_a_date(argument: &str, text: &str) -> String {
    let shown: String = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(30).collect();
    format!("{argument} `{shown}` is not a date")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_both_included() {
        let window = parse_window("2015-01-02", "2015-12-31").unwrap();
        assert_eq!(window, Window::dates(date(2015, 1, 2), date(2015, 12, 31)));
        assert!(parse_window("2015-01-02", "2015-01-02").is_ok(), "one day is a window");
    }

    #[test]
    fn a_date_only_end_beside_a_moment_is_the_end_of_that_day() {
        let window = parse_window("2013-10-07T09:30:00", "2013-10-07").unwrap();
        assert_eq!(window, Window::range(date(2013, 10, 7).at(9, 30, 0, 0), date(2013, 10, 8).at(0, 0, 0, 0)));
        let utc = parse_window("2013-10-07T13:30:00Z", "2013-10-07T20:00:00Z").unwrap();
        assert_eq!(utc, Window::range(date(2013, 10, 7).at(9, 30, 0, 0), date(2013, 10, 7).at(16, 0, 0, 0)));
    }

    #[test]
    fn inverted_and_impossible_dates_name_the_argument() {
        let inverted = parse_window("2015-12-31", "2015-01-02").unwrap_err();
        assert_eq!(inverted.message, "end_date 2015-01-02 is before start_date 2015-12-31");
        for text in ["2015-02-30", "yesterday", "20150102", "2015-1-2", "0001-01-01", ""] {
            let error = parse_window(text, "2015-12-31").unwrap_err();
            assert!(error.message.starts_with("start_date"), "{error}");
        }
    }
}
