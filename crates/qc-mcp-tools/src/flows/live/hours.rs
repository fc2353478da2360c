//! How long a market was open between two moments, for the question whether an algorithm should have traded by now.
//!
//! The exchange's calendar lies in a data folder that a deployment does not need. Where this server has one, its
//! market-hours database counts; without it the plain week of US equities does, holidays taken as open, and answers say so.

use jiff::{
    Timestamp,
    civil::{Date, Weekday, time},
    tz::TimeZone,
};
use qc_data::{DataFolder, SecurityType};

/// The clock of US exchanges.
const ZONE: &str = "America/New_York";

/// Which week is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Week {
    /// 9:30 to 16:00 New York time, Monday to Friday.
    UsEquity,
    /// Day and night, all week.
    AlwaysOpen,
}

impl Week {
    /// The week of a deployment's kinds of securities, as the service names them.
    pub(crate) fn of(security_types: Option<&str>) -> Week {
        let has = |word: &str| security_types.is_some_and(|types| types.to_ascii_lowercase().contains(word));
        if has("crypto") && !has("equity") && !has("option") { Week::AlwaysOpen } else { Week::UsEquity }
    }

    /// What is assumed without a market-hours database, in words.
    fn assumption(self) -> &'static str {
        match self {
            Week::UsEquity => {
                "open hours are those of US equities, 9:30 to 16:00 New York time, Monday to Friday; holidays count as open"
            }
            Week::AlwaysOpen => "crypto is open day and night",
        }
    }
}

/// Where open hours come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calendar {
    folder: Option<DataFolder>,
}

impl Calendar {
    /// The calendar of a data folder, if there is one.
    pub(crate) fn of(folder: Option<DataFolder>) -> Calendar {
        Calendar { folder }
    }

    /// Open hours from one moment to another, and how they were counted, in words.
    pub(crate) fn between(&self, from: Timestamp, to: Timestamp, week: Week) -> (f64, &'static str) {
        let counted = self.folder.as_ref().filter(|_| week == Week::UsEquity).and_then(|folder| {
            // Any share stands for its market.
            let hours = folder.open_hours((SecurityType::Equity, "usa", "spy"), from, to);
            hours.inspect_err(|error| tracing::debug!(%error, "the market-hours database cannot be used")).ok()
        });
        match counted {
            Some(hours) => {
                (hours, "open hours are those of US equities by the market-hours database of the data folder")
            }
            None => (between(from, to, week), week.assumption()),
        }
    }
}

/// Open hours from one moment to another; none if they are the wrong way round.
pub(crate) fn between(from: Timestamp, to: Timestamp, week: Week) -> f64 {
    let hours =
        |from: Timestamp, to: Timestamp| if from < to { to.duration_since(from).as_secs_f64() / 3600.0 } else { 0.0 };
    let Some(zone) = zone().filter(|_| week == Week::UsEquity && from < to) else { return hours(from, to) };
    let last = to.to_zoned(zone.clone()).date();
    let mut day = from.to_zoned(zone.clone()).date();
    let mut open = 0.0;
    while day <= last {
        if let Some((opens, closes)) = session(day, &zone) {
            open += hours(from.max(opens), to.min(closes));
        }
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    open
}

/// Midnight in New York before a moment: when the day began whose profit is "today's".
pub(crate) fn start_of_day(now: Timestamp) -> Timestamp {
    let start = zone().and_then(|zone| now.to_zoned(zone).start_of_day().ok());
    start.map_or(now, |start| start.timestamp())
}

fn zone() -> Option<TimeZone> {
    TimeZone::get(ZONE).ok()
}

fn session(day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        return None;
    }
    let at = |hour, minute| {
        let zoned = day.to_datetime(time(hour, minute, 0, 0)).to_zoned(zone.clone());
        zoned.ok().map(|zoned| zoned.timestamp())
    };
    Some((at(9, 30)?, at(16, 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(from: &str, to: &str, week: Week) -> f64 {
        between(from.parse().unwrap(), to.parse().unwrap(), week)
    }

    #[test]
    fn nights_and_weekends_do_not_count() {
        // Friday 15:00 to Monday 10:30 in New York, summer time: one hour and one hour.
        assert_eq!(open("2024-06-07T19:00:00Z", "2024-06-10T14:30:00Z", Week::UsEquity), 2.0);
        assert_eq!(open("2024-06-08T00:00:00Z", "2024-06-09T23:00:00Z", Week::UsEquity), 0.0);
        // A whole week, over the change of clocks.
        assert_eq!(open("2024-03-08T12:00:00Z", "2024-03-15T12:00:00Z", Week::UsEquity), 5.0 * 6.5);
        assert_eq!(open("2024-06-08T00:00:00Z", "2024-06-09T23:00:00Z", Week::AlwaysOpen), 47.0);
        assert_eq!(open("2024-06-10T00:00:00Z", "2024-06-09T00:00:00Z", Week::UsEquity), 0.0);
    }

    #[test]
    fn with_a_database_holidays_and_early_closes_count_as_they_were() {
        let home = tempfile::tempdir().unwrap();
        let writer = qc_data::write::LeanWriter::create(home.path()).unwrap();
        writer.market_hours(&[qc_data::write::HoursEntry::us_equity(2020, 2030)]).unwrap();
        let calendar = Calendar::of(Some(DataFolder::open(home.path()).unwrap()));
        let of = |calendar: &Calendar, from: &str, to: &str, week| {
            calendar.between(from.parse().unwrap(), to.parse().unwrap(), week)
        };
        // 2024-07-03 closes at 13:00 and the 4th is a holiday: one hour and one hour.
        let (from, to) = ("2024-07-03T16:00:00Z", "2024-07-05T14:30:00Z");
        let (hours, how) = of(&calendar, from, to, Week::UsEquity);
        assert!((hours - 2.0).abs() < 1e-9 && how.contains("database"), "{hours} {how}");
        let (plain, how) = of(&Calendar::default(), from, to, Week::UsEquity);
        assert!((plain - 11.5).abs() < 1e-9 && how.contains("holidays count as open"), "{plain} {how}");
        assert_eq!(of(&calendar, from, to, Week::AlwaysOpen).0, 46.5);
        assert_eq!(of(&calendar, to, from, Week::UsEquity).0, 0.0);
        // Over the change of clocks a session is as long as ever.
        let (hours, _) = of(&calendar, "2024-03-08T12:00:00Z", "2024-03-15T12:00:00Z", Week::UsEquity);
        assert!((hours - 5.0 * 6.5).abs() < 1e-9, "{hours}");
    }

    #[test]
    fn the_week_follows_what_is_traded() {
        assert_eq!(Week::of(Some("Crypto")), Week::AlwaysOpen);
        for types in [Some("Equity, Crypto"), Some("Equity"), None] {
            assert_eq!(Week::of(types), Week::UsEquity);
        }
    }
}
