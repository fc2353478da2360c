//! An entry of the market-hours database to be written, and the calendar of US stock exchanges by rule.

use crate::symbol::SecurityType;
use crate::time::{HOUR, MINUTE};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use serde_json::{Map, Value, json};

/// What may be traded in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Before the regular session.
    PreMarket,
    /// The regular session.
    Market,
    /// After the regular session.
    PostMarket,
}

/// A stretch of the day in which the exchange is open; nanoseconds since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// First moment.
    pub start: i64,
    /// Last moment; 24 hours for midnight at the end of the day.
    pub end: i64,
    /// Regular or extended.
    pub state: SessionState,
}

/// One entry of the market-hours database.
#[derive(Debug, Clone, PartialEq)]
pub struct HoursEntry {
    /// Type of the securities it is for.
    pub security_type: SecurityType,
    /// Their market.
    pub market: String,
    /// A ticker, or `[*]` for all.
    pub symbol: String,
    /// The clock of the files.
    pub data_time_zone: String,
    /// The clock of the exchange.
    pub exchange_time_zone: String,
    /// Sessions of Sunday to Saturday.
    pub week: [Vec<Session>; 7],
    /// Days without trading.
    pub holidays: Vec<Date>,
    /// Days that end early, with the time of day in nanoseconds.
    pub early_closes: Vec<(Date, i64)>,
}

/// A day on which the exchange is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenDay {
    /// The day.
    pub date: Date,
    /// Regular opening in nanoseconds since midnight.
    pub open: i64,
    /// Regular close in nanoseconds since midnight.
    pub close: i64,
}

impl HoursEntry {
    /// US shares: 9:30 to 16:00 New York, 13:00 on early closes, extended from 4:00 to 20:00.
    ///
    /// Holidays follow the rules of today for the given years (both included), so they suit invented markets;
    /// they leave out single closures such as state funerals.
    pub fn us_equity(first_year: i16, last_year: i16) -> HoursEntry {
        let session = |start, end, state| Session { start, end, state };
        let open = vec![
            session(4 * HOUR, 9 * HOUR + 30 * MINUTE, SessionState::PreMarket),
            session(9 * HOUR + 30 * MINUTE, 16 * HOUR, SessionState::Market),
            session(16 * HOUR, 20 * HOUR, SessionState::PostMarket),
        ];
        let mut holidays = Vec::new();
        let mut early_closes = Vec::new();
        for year in first_year..=last_year {
            us_year(year, &mut holidays, &mut early_closes);
        }
        HoursEntry {
            security_type: SecurityType::Equity,
            market: "usa".to_owned(),
            symbol: "[*]".to_owned(),
            data_time_zone: "America/New_York".to_owned(),
            exchange_time_zone: "America/New_York".to_owned(),
            week: [vec![], open.clone(), open.clone(), open.clone(), open.clone(), open, vec![]],
            holidays,
            early_closes,
        }
    }

    /// Always open, on UTC: crypto currencies.
    pub fn always_open(security_type: SecurityType, market: &str) -> HoursEntry {
        let day = vec![Session { start: 0, end: 24 * HOUR, state: SessionState::Market }];
        HoursEntry {
            security_type,
            market: market.to_owned(),
            symbol: "[*]".to_owned(),
            data_time_zone: "UTC".to_owned(),
            exchange_time_zone: "UTC".to_owned(),
            week: std::array::from_fn(|_| day.clone()),
            holidays: Vec::new(),
            early_closes: Vec::new(),
        }
    }

    /// The days with a regular session between two days, both included.
    pub fn open_days(&self, first: Date, last: Date) -> Vec<OpenDay> {
        let mut days = Vec::new();
        let mut at = first;
        while at <= last {
            let sessions = self.week.get(at.weekday().to_sunday_zero_offset() as usize).map_or(&[][..], Vec::as_slice);
            let regular: Vec<&Session> = sessions.iter().filter(|s| s.state == SessionState::Market).collect();
            if let (Some(begin), Some(end), false) = (regular.first(), regular.last(), self.holidays.contains(&at)) {
                let early = self.early_closes.iter().find(|(day, _)| *day == at).map(|(_, close)| *close);
                days.push(OpenDay { date: at, open: begin.start, close: early.unwrap_or(end.end) });
            }
            let Ok(next) = at.tomorrow() else { break };
            at = next;
        }
        days
    }

    /// The name of the entry: `Equity-usa-[*]`.
    pub fn key(&self) -> String {
        format!("{}-{}-{}", self.security_type.title(), self.market, self.symbol)
    }

    /// The text of a database of these entries.
    pub(crate) fn database(entries: &[HoursEntry]) -> String {
        let entries: Map<String, Value> = entries.iter().map(|entry| (entry.key(), entry.to_json())).collect();
        format!("{:#}\n", serde_json::json!({ "entries": entries }))
    }

    /// The entry as LEAN writes it.
    pub(crate) fn to_json(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("dataTimeZone".into(), self.data_time_zone.clone().into());
        entry.insert("exchangeTimeZone".into(), self.exchange_time_zone.clone().into());
        let names = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
        for (name, sessions) in names.into_iter().zip(&self.week) {
            let sessions: Vec<Value> = sessions
                .iter()
                .map(|s| {
                    let state = match s.state {
                        SessionState::PreMarket => "premarket",
                        SessionState::Market => "market",
                        SessionState::PostMarket => "postmarket",
                    };
                    json!({ "start": clock(s.start), "end": clock(s.end), "state": state })
                })
                .collect();
            entry.insert(name.into(), sessions.into());
        }
        entry.insert("holidays".into(), self.holidays.iter().map(|day| us_date(*day)).collect());
        let early: Map<String, Value> =
            self.early_closes.iter().map(|(day, close)| (us_date(*day), clock(*close).into())).collect();
        entry.insert("earlyCloses".into(), early.into());
        entry.insert("lateOpens".into(), json!({}));
        entry.into()
    }
}

/// `HH:mm:ss`, midnight at the end of the day as `1.00:00:00`.
fn clock(of_day: i64) -> String {
    if 24 * HOUR <= of_day {
        return "1.00:00:00".to_owned();
    }
    format!("{:02}:{:02}:{:02}", of_day / HOUR, of_day / MINUTE % 60, of_day / 1_000_000_000 % 60)
}

/// `M/d/yyyy`.
fn us_date(day: Date) -> String {
    format!("{}/{}/{}", day.month(), day.day(), day.year())
}

/// The holidays and early closes of the New York Stock Exchange in one year, by its rule 7.2.
fn us_year(year: i16, holidays: &mut Vec<Date>, early_closes: &mut Vec<(Date, i64)>) {
    let nth =
        |month, weekday, n| Date::new(year, month, 1).and_then(|first| first.nth_weekday_of_month(n, weekday)).ok();
    let new_year = date(year, 1, 1);
    // On a Saturday New Year's Day is not made up for; the other fixed holidays are moved to Friday or Monday.
    if new_year.weekday() != Weekday::Saturday {
        holidays.push(observed(new_year));
    }
    holidays.extend(nth(1, Weekday::Monday, 3)); // Martin Luther King
    holidays.extend(nth(2, Weekday::Monday, 3)); // Washington
    holidays.extend(easter(year).checked_sub(2.days()).ok()); // Good Friday
    holidays.extend(nth(5, Weekday::Monday, -1)); // Memorial Day
    if 2022 <= year {
        holidays.push(observed(date(year, 6, 19))); // Juneteenth
    }
    holidays.push(observed(date(year, 7, 4)));
    holidays.extend(nth(9, Weekday::Monday, 1)); // Labor Day
    let thanksgiving = nth(11, Weekday::Thursday, 4);
    holidays.extend(thanksgiving);
    holidays.push(observed(date(year, 12, 25)));
    let eves = [Some(date(year, 7, 3)), thanksgiving.and_then(|day| day.tomorrow().ok()), Some(date(year, 12, 24))];
    for eve in eves.into_iter().flatten() {
        let weekend = matches!(eve.weekday(), Weekday::Saturday | Weekday::Sunday);
        if !weekend && !holidays.contains(&eve) {
            early_closes.push((eve, 13 * HOUR));
        }
    }
}

/// Saturday's holiday is kept on Friday, Sunday's on Monday.
fn observed(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => day.yesterday().unwrap_or(day),
        Weekday::Sunday => day.tomorrow().unwrap_or(day),
        _ => day,
    }
}

/// Easter Sunday (anonymous Gregorian algorithm, Nature 1876).
fn easter(year: i16) -> Date {
    let y = i64::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let (month, day) = ((h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
    Date::new(year, month as i8, day as i8).unwrap_or(date(2000, 4, 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holidays_by_rule_are_those_of_the_exchange() {
        let hours = HoursEntry::us_equity(2019, 2024);
        let of =
            |year| hours.holidays.iter().filter(|d| d.year() == year).map(|d| (d.month(), d.day())).collect::<Vec<_>>();
        assert_eq!(of(2019), [(1, 1), (1, 21), (2, 18), (4, 19), (5, 27), (7, 4), (9, 2), (11, 28), (12, 25)]);
        assert_eq!(of(2021), [(1, 1), (1, 18), (2, 15), (4, 2), (5, 31), (7, 5), (9, 6), (11, 25), (12, 24)]);
        assert_eq!(of(2022), [(1, 17), (2, 21), (4, 15), (5, 30), (6, 20), (7, 4), (9, 5), (11, 24), (12, 26)]);
        let early: Vec<Date> = hours.early_closes.iter().map(|(d, _)| *d).filter(|d| d.year() == 2024).collect();
        assert_eq!(early, [date(2024, 7, 3), date(2024, 11, 29), date(2024, 12, 24)]);
        assert_eq!(hours.open_days(date(2019, 1, 1), date(2019, 12, 31)).len(), 252);
    }
}
