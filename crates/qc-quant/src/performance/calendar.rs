//! Returns of calendar months and years.

use jiff::civil::Date;

use crate::error::{Error, Result};
use crate::panel::{Label, require_finite};

/// The return of a calendar month or year: as much of it as the series has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// The year.
    pub year: i16,
    /// The month, 1 to 12; 0 for the whole year.
    pub month: i8,
    /// Compounded return, a fraction.
    pub value: f64,
}

/// Compounds returns within calendar months. A return belongs to the month of the date it ends on.
///
/// # Shapes and units
/// `dates`: n dates on which returns end, increasing; `returns`: n simple returns. A month without a date is not in the
/// answer; the first and last may be partial.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotIncreasing`], [`Error::NotFinite`], [`Error::TooFewRows`] without rows.
///
/// ```
/// use jiff::civil::date;
/// use qc_quant::performance::calendar::months;
/// let found = months(&[date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)], &[0.5, -0.5, 0.1])?;
/// assert_eq!((found[0].month, found[0].value, found[1].month), (1, -0.25, 2));
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn months(dates: &[Date], returns: &[f64]) -> Result<Vec<Period>> {
    compounded(dates, returns, |date| (date.year(), date.month()))
}

/// As [`months`], for years.
///
/// # Errors
/// As [`months`].
pub fn years(dates: &[Date], returns: &[f64]) -> Result<Vec<Period>> {
    compounded(dates, returns, |date| (date.year(), 0))
}

fn compounded(dates: &[Date], returns: &[f64], of: impl Fn(&Date) -> (i16, i8)) -> Result<Vec<Period>> {
    if returns.is_empty() {
        return Err(Error::TooFewRows { what: "a calendar of returns".into(), needed: 1, found: 0 });
    }
    if dates.len() != returns.len() {
        let what = "rows of returns and dates".into();
        return Err(Error::ShapeMismatch { what, expected: returns.len(), found: dates.len() });
    }
    require_finite("returns", returns)?;
    if let Some(row) = (1..dates.len()).find(|row| dates[*row] <= dates[row - 1]) {
        return Err(Error::NotIncreasing { row, at: Label::Date(dates[row]), before: Label::Date(dates[row - 1]) });
    }
    let mut periods: Vec<Period> = Vec::new();
    for (date, value) in dates.iter().zip(returns) {
        let (year, month) = of(date);
        match periods.last_mut() {
            Some(last) if (last.year, last.month) == (year, month) => {
                last.value = (1.0 + last.value) * (1.0 + value) - 1.0
            }
            _ => periods.push(Period { year, month, value: *value }),
        }
    }
    match periods.iter().find(|period| !period.value.is_finite()) {
        None => Ok(periods),
        Some(period) => Err(Error::Degenerate {
            what: "a calendar of returns".into(),
            reason: format!("{}-{:02} compounds beyond any number", period.year, period.month),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{ToSpan, civil::date};

    #[test]
    fn months_compound_to_years_and_years_to_the_whole() {
        let dates: Vec<Date> = (0..900_i64).map(|day| date(2021, 11, 15).checked_add(day.days()).unwrap()).collect();
        let returns = crate::testing::noise(3, 900).into_iter().map(|value| value / 100.0).collect::<Vec<_>>();
        let growth = |values: &[f64]| values.iter().fold(1.0, |all, value| all * (1.0 + value));
        let (months, years) = (months(&dates, &returns).unwrap(), years(&dates, &returns).unwrap());
        assert_eq!((months.len(), years.len(), (months[0].year, months[0].month)), (31, 4, (2021, 11)));
        for year in &years {
            let own: Vec<f64> =
                months.iter().filter(|month| month.year == year.year).map(|month| month.value).collect();
            assert!((growth(&own) - 1.0 - year.value).abs() < 1e-12);
        }
        let all: Vec<f64> = years.iter().map(|year| year.value).collect();
        assert!((growth(&all) - growth(&returns)).abs() < 1e-12);
    }

    #[test]
    fn rows_that_do_not_belong_together_are_refused() {
        let days = [date(2024, 1, 2), date(2024, 1, 1)];
        assert!(matches!(months(&days, &[0.1, 0.2]), Err(Error::NotIncreasing { row: 1, .. })));
        assert!(matches!(months(&days, &[0.1]), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(months(&[], &[]), Err(Error::TooFewRows { .. })));
        assert!(matches!(months(&days[..1], &[f64::NAN]), Err(Error::NotFinite { .. })));
    }
}
