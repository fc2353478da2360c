//! Returns from prices, and compounding and annualising them.
//!
//! Portfolio arithmetic uses simple returns, which add up across assets; tests on one series
//! through time use log prices, whose differences add up across time.

use crate::error::{Error, Result};
use crate::panel::Panel;

/// Simple returns `P(t) / P(t-1) - 1` of a panel of prices; one row fewer, labelled by its end.
///
/// A return never spans a row that was dropped for missing values (see
/// [`MissingPolicy`](crate::panel::MissingPolicy)).
///
/// # Errors
/// [`Error::NotPositive`] for a price at or below zero, [`Error::TooFewRows`] when fewer than two
/// returns remain.
///
/// ```
/// use qc_quant::{Index, Panel, returns};
/// let prices = Panel::new(vec!["A".into()], Index::Rows(3), vec![vec![100.0, 110.0, 99.0]])?;
/// let r = returns::simple(&prices)?;
/// assert!((r.column(0)[0] - 0.1).abs() < 1e-15);
/// assert!((returns::compound(r.column(0)) - (99.0 / 100.0 - 1.0)).abs() < 1e-15);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn simple(prices: &Panel) -> Result<Panel> {
    prices.require_positive()?;
    prices.map_steps("prices", |before, now| now / before - 1.0)
}

/// Log returns `ln P(t) - ln P(t-1)` of a panel of prices; one row fewer, labelled by its end.
///
/// # Errors
/// As [`simple`].
pub fn log(prices: &Panel) -> Result<Panel> {
    prices.require_positive()?;
    prices.map_steps("prices", |before, now| (now / before).ln())
}

/// First differences of a panel of levels; one row fewer, labelled by its end.
///
/// # Errors
/// [`Error::TooFewRows`] when fewer than two differences remain.
pub fn differences(levels: &Panel) -> Result<Panel> {
    levels.map_steps("levels", |before, now| now - before)
}

/// Natural logarithms of a panel of prices.
///
/// # Errors
/// [`Error::NotPositive`] for a price at or below zero.
pub fn log_prices(prices: &Panel) -> Result<Panel> {
    prices.require_positive()?;
    Ok(prices.map(f64::ln))
}

/// Simple returns from one row of prices to a later one, for each pair of rows: months from daily prices.
///
/// ```
/// use qc_quant::returns;
/// assert_eq!(returns::over(&[1.0, 1.5, 3.0], &[(0, 2), (1, 2)])?, [2.0, 1.0]);
/// # Ok::<(), qc_quant::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`] for rows that are not there or not in their order, [`Error::Degenerate`] for a price that is not
/// above zero and for a return that is too large for a number.
pub fn over(prices: &[f64], spans: &[(usize, usize)]) -> Result<Vec<f64>> {
    let of = |(from, to): &(usize, usize)| {
        let (Some(before), Some(now)) = (prices.get(*from), prices.get(*to)) else {
            return Err(Error::out_of_range("row of a span", 0.0, prices.len() as f64, (*from).max(*to) as f64));
        };
        if to <= from {
            return Err(Error::out_of_range("end of a span", *from as f64, prices.len() as f64, *to as f64));
        }
        if !(0.0 < *before && 0.0 < *now && before.is_finite() && now.is_finite()) {
            return Err(Error::degenerate("return over several rows", "a price is not above zero"));
        }
        let gross = now / before;
        if gross.is_infinite() {
            return Err(Error::degenerate("return over several rows", "it is too large for a number"));
        }
        Ok(gross - 1.0)
    };
    spans.iter().map(of).collect()
}

/// Total return of simple returns held one after the other: `prod(1 + r) - 1`.
pub fn compound(returns: &[f64]) -> f64 {
    returns.iter().fold(1.0, |value, r| value * (1.0 + r)) - 1.0
}

/// Geometric annual return of a total return earned over `n_periods`.
///
/// `(1 + total)^(periods_per_year / n_periods) - 1`; a total loss stays -1.
///
/// # Errors
/// [`Error::OutOfRange`] for a total return below -1, no periods, or a rate that is not positive;
/// [`Error::Degenerate`] when the answer is too large for a number.
pub fn annualise(total: f64, n_periods: usize, periods_per_year: f64) -> Result<f64> {
    if !(-1.0 <= total && total.is_finite()) {
        return Err(Error::out_of_range("total return", -1.0, f64::MAX, total));
    }
    if n_periods == 0 {
        return Err(Error::too_few_rows("annualising", 1, 0));
    }
    require_periods_per_year(periods_per_year)?;
    let annual = (1.0 + total).powf(periods_per_year / n_periods as f64) - 1.0;
    if !annual.is_finite() {
        return Err(Error::degenerate("annual return", format!("{total} in {n_periods} periods overflows in a year")));
    }
    Ok(annual)
}

/// Largest number of periods per year that is accepted: every second of a year.
const MOST_PERIODS_PER_YEAR: f64 = 31_622_400.0;

pub(crate) fn require_periods_per_year(periods_per_year: f64) -> Result<()> {
    if 0.0 < periods_per_year && periods_per_year <= MOST_PERIODS_PER_YEAR {
        return Ok(());
    }
    Err(Error::out_of_range("periods_per_year", 0.0, MOST_PERIODS_PER_YEAR, periods_per_year))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;

    #[test]
    fn a_price_of_zero_is_named() {
        let prices = Panel::new(vec!["A".into()], Index::Rows(3), vec![vec![1.0, 0.0, 1.0]]).unwrap();
        assert!(matches!(log_prices(&prices), Err(Error::NotPositive { row: 1, .. })));
        assert!(matches!(simple(&prices), Err(Error::NotPositive { row: 1, .. })));
    }

    #[test]
    fn log_returns_are_logs_of_gross_simple_returns() {
        let prices = Panel::new(vec!["A".into()], Index::Rows(3), vec![vec![10.0, 11.0, 9.0]]).unwrap();
        let (simple, log) = (simple(&prices).unwrap(), log(&prices).unwrap());
        for (s, l) in simple.column(0).iter().zip(log.column(0)) {
            assert!((s.ln_1p() - l).abs() < 1e-15); // one rounding each
        }
    }

    #[test]
    fn a_return_over_rows_that_cannot_be_is_refused() {
        assert_eq!(over(&[], &[]).unwrap(), Vec::<f64>::new());
        for wrong in [(0, 3), (3, 0), (1, 1), (1, 0), (usize::MAX, 1)] {
            let error = over(&[1.0, 2.0, 3.0], &[wrong]).unwrap_err();
            assert!(matches!(error, Error::OutOfRange { .. }), "{wrong:?}: {error}");
        }
        for price in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300] {
            let error = over(&[price, 1e300], &[(0, 1)]).unwrap_err();
            assert!(matches!(error, Error::Degenerate { .. }), "{price}: {error}");
        }
    }

    #[test]
    fn a_total_loss_annualises_to_a_total_loss() {
        assert_eq!(annualise(-1.0, 10, 252.0), Ok(-1.0));
        assert!(annualise(-1.5, 10, 252.0).is_err());
    }

    #[test]
    fn one_price_pair_gives_no_panel_of_returns() {
        let prices = Panel::new(vec!["A".into()], Index::Rows(2), vec![vec![1.0, 2.0]]).unwrap();
        assert_eq!(
            simple(&prices).unwrap_err(),
            Error::too_few_rows("prices without a missing row between them", 3, 2)
        );
    }
}
