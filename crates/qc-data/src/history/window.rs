//! The window of a request on an exchange's clock.
//!
//! Source: LEAN, `Common/Time.cs` (`GetStartTimeForTradeBars`), `Common/Util/LeanData.cs` (`UseStrictEndTime`).

use super::request::{HistoryRequest, Window};
use crate::error::{Error, Result};
use crate::hours::ExchangeHours;
use crate::symbol::{Resolution, Security, SecurityType};
use crate::time::{DAY, LocalTime, Zone};

/// Most bars that a request by periods may step back.
const MAX_PERIODS: usize = 10_000_000;

/// Nothing is counted back beyond the year 1800.
const EARLIEST: LocalTime = LocalTime(-62_091 * DAY);

/// Whether daily bars begin and end with the session instead of midnight.
pub(super) fn uses_strict_times(security: &Security, resolution: Resolution, hours: &ExchangeHours) -> bool {
    resolution == Resolution::Daily
        && !hours.always_open
        && match security.security_type {
            SecurityType::Forex | SecurityType::Base => false,
            SecurityType::Cfd => security.market.as_str() != "oanda",
            _ => true,
        }
}

/// Start (exclusive) and end (inclusive) of the window for the end of a bar.
pub(super) fn on_exchange_clock(
    request: &HistoryRequest,
    hours: &ExchangeHours,
    resolution: Resolution,
    strict: bool,
) -> Result<(LocalTime, LocalTime)> {
    let algorithm = || Zone::new(&request.algorithm_time_zone);
    let exchange = |at| hours.zone.local(algorithm().to_utc(LocalTime::from_datetime(at)));
    match request.window {
        Window::Range { start, end } if request.algorithm_time_zone == hours.time_zone => {
            Ok((LocalTime::from_datetime(start), LocalTime::from_datetime(end)))
        }
        Window::Range { start, end } => Ok((exchange(start), exchange(end))),
        Window::Dates { first, last } => {
            let end = LocalTime(LocalTime::midnight(last).0.saturating_add(DAY));
            Ok((LocalTime::midnight(first), end))
        }
        Window::Periods { count, end } => {
            if resolution == Resolution::Tick {
                return Err(Error::Unsupported { what: "a number of periods".into(), by: "ticks".into() });
            }
            if MAX_PERIODS < count {
                return Err(Error::TooMany { what: "periods", limit: MAX_PERIODS as u64, found: count as u64 });
            }
            let end = exchange(end);
            let extended = request.extended_market_hours && !resolution.one_file();
            Ok((step_back(hours, end, resolution, count, extended, strict), end))
        }
    }
}

/// The start that lies `count` open bars before `end`.
fn step_back(
    hours: &ExchangeHours,
    end: LocalTime,
    resolution: Resolution,
    count: usize,
    extended: bool,
    strict: bool,
) -> LocalTime {
    let step = resolution.nanos();
    let midnight = LocalTime::of_day_number(end.day());
    // Today's daily bar counts only once the session is over.
    let today_counts = strict
        && hours.is_date_open(end.day(), false)
        && hours.next_close(midnight, extended, false).is_some_and(|close| close <= end);
    let mut at = if today_counts { end } else { hours.round_down(end, step) };
    let (mut found, mut closed) = (0, 0);
    // A market without any session in a year has no bars to count.
    while found < count && closed < 366 * DAY / step && EARLIEST < at {
        let before = LocalTime(at.0.saturating_sub(step));
        if hours.is_open(before, at, extended) {
            (found, closed) = (found + 1, 0);
        } else {
            closed += 1;
        }
        at = before;
    }
    at
}
