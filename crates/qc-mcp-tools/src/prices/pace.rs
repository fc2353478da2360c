//! How many observations and trading days a year has where the securities of a question are traded.

use qc_data::{BarSize, History, Resolution, SecurityType};

use super::periods_per_year;

/// Observations and trading days of a year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Observations a year.
    pub(crate) per_year: f64,
    /// Trading days a year.
    pub(crate) days: f64,
}

/// Fewest days between the first and the last bar from which a year's bars are counted.
const COUNTED_FROM: f64 = 60.0;
const DAYS_OF_YEAR: f64 = 365.25;

/// The pace at which all securities of `history` have bars together: that of the slowest.
///
/// US sessions have their usual number of bars, crypto trades around the clock. For the others (forex, futures, contracts
/// for difference) the bars read are counted, as their sessions differ by market.
pub(super) fn of(history: &History, bars: BarSize) -> Option<Pace> {
    let each = history.series.iter().filter(|series| !series.times.is_empty()).filter_map(|series| {
        match series.security.security_type {
            SecurityType::Crypto | SecurityType::CryptoFuture => around_the_clock(bars),
            SecurityType::Forex | SecurityType::Cfd | SecurityType::Future => {
                let days: Vec<jiff::civil::Date> = series.times.iter().map(|at| at.date()).collect();
                counted(&days).or_else(|| session(bars))
            }
            _ => session(bars),
        }
    });
    each.min_by(|a, b| a.per_year.total_cmp(&b.per_year))
}

/// Whether the securities are traded at different hours, so that bars of one day end at different moments.
pub(super) fn is_mixed(history: &History) -> bool {
    let kind = |security_type: SecurityType| match security_type {
        SecurityType::Crypto | SecurityType::CryptoFuture => 0,
        SecurityType::Forex | SecurityType::Cfd => 1,
        SecurityType::Future => 2,
        _ => 3,
    };
    let mut kinds = history.series.iter().map(|series| kind(series.security.security_type));
    kinds.next().is_some_and(|first| kinds.any(|other| other != first))
}

/// Sessions of a US exchange.
fn session(bars: BarSize) -> Option<Pace> {
    Some(Pace { per_year: periods_per_year(bars)?, days: 252.0 })
}

fn around_the_clock(bars: BarSize) -> Option<Pace> {
    const DAYS: f64 = 365.0;
    const SECONDS: f64 = 86_400.0;
    let of_seconds = |seconds: f64| DAYS * (SECONDS / seconds).ceil();
    let per_year = match bars {
        BarSize::Stored(Resolution::Tick) => return None,
        BarSize::Stored(Resolution::Second) => of_seconds(1.0),
        BarSize::Stored(Resolution::Minute) => of_seconds(60.0),
        BarSize::Stored(Resolution::Hour) => of_seconds(3600.0),
        BarSize::Seconds(n) => of_seconds(f64::from(n)),
        BarSize::Minutes(n) => of_seconds(60.0 * f64::from(n)),
        BarSize::Hours(n) => of_seconds(3600.0 * f64::from(n)),
        BarSize::Weekly => 52.0,
        BarSize::Monthly => 12.0,
        _ => DAYS,
    };
    Some(Pace { per_year, days: DAYS })
}

/// Bars and days with bars a year, of the day of each bar; `None` where they span too little to say.
fn counted(days: &[jiff::civil::Date]) -> Option<Pace> {
    let (first, last) = (days.first()?, days.last()?);
    let span = f64::from(first.until(*last).ok()?.get_days());
    if span < COUNTED_FROM {
        return None;
    }
    let mut distinct = days.to_vec();
    distinct.dedup();
    let years = span / DAYS_OF_YEAR;
    let rate = |count: usize| ((count - 1) as f64 / years).round();
    Some(Pace { per_year: rate(days.len()), days: rate(distinct.len()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{ToSpan, civil::date};

    #[test]
    fn crypto_has_a_bar_each_hour_of_each_day() {
        let of = |text: &str| around_the_clock(text.parse().unwrap()).map(|pace| pace.per_year);
        assert_eq!((of("daily"), of("hour"), of("15m")), (Some(365.0), Some(8760.0), Some(35_040.0)));
        assert_eq!((of("weekly"), of("tick")), (Some(52.0), None));
    }

    #[test]
    fn other_markets_are_counted_where_there_is_enough_to_count() {
        let all: Vec<_> = (0..730).map(|day| date(2020, 1, 1).checked_add(day.days()).unwrap()).collect();
        let without_saturday: Vec<_> =
            all.iter().copied().filter(|day| day.weekday() != jiff::civil::Weekday::Saturday).collect();
        assert_eq!(counted(&without_saturday), Some(Pace { per_year: 313.0, days: 313.0 }));
        let twice: Vec<_> = without_saturday.iter().flat_map(|day| [*day, *day]).collect();
        assert_eq!(counted(&twice).unwrap().per_year, 627.0);
        assert_eq!(counted(&all[..59]), None);
    }
}
