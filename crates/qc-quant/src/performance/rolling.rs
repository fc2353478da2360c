//! Figures over a window that moves.

use super::summary::RiskFree;
use crate::error::{Error, Result};
use crate::panel::require_finite;
use crate::returns::require_periods_per_year;
use crate::stats::moments::{mean, std_dev, varies};

/// Most rows times window.
pub const MOST_STEPS: u64 = 2_000_000_000;

/// Annualised Sharpe ratio of the last `window` returns, for each row; `None` before the window is full and where nothing
/// varies in it.
///
/// # Shapes and units
/// `returns`: n simple returns per period; the answer has n values. Standard deviations are sample ones, as in
/// [`super::summary()`].
///
/// # Errors
/// [`Error::OutOfRange`] for a window below 2, [`Error::TooFewRows`] with fewer returns than the window,
/// [`Error::NotFinite`], [`Error::ShapeMismatch`] for riskless rates of another length, [`Error::TooMuchWork`].
///
/// # Source
/// Sharpe (1994), Journal of Portfolio Management 21(1), 49-58, over each window.
///
/// ```
/// use qc_quant::performance::{RiskFree, rolling::sharpe};
/// let found = sharpe(&[0.01, 0.03, 0.03, 0.03], 2, 1.0, &RiskFree::default())?;
/// assert!((found[1].unwrap() - 2_f64.sqrt()).abs() < 1e-12); // mean 0.02 over a deviation of 0.01 √2
/// assert_eq!((found[0], found[3]), (None, None));
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn sharpe(returns: &[f64], window: usize, periods_per_year: f64, risk_free: &RiskFree) -> Result<Vec<Option<f64>>> {
    require_periods_per_year(periods_per_year)?;
    require_finite("returns", returns)?;
    if window < 2 {
        let what = "rows of a rolling Sharpe ratio".into();
        return Err(Error::OutOfRange { what, min: 2.0, max: f64::MAX, found: window as f64 });
    }
    if returns.len() < window {
        let what = format!("a Sharpe ratio over {window} rows");
        return Err(Error::TooFewRows { what, needed: window, found: returns.len() });
    }
    let steps = returns.len() as u64 * window as u64;
    if MOST_STEPS < steps {
        let what = "a rolling Sharpe ratio".into();
        return Err(Error::TooMuchWork { what, limit: MOST_STEPS, found: steps });
    }
    let excess = risk_free.excess(returns)?;
    let year = periods_per_year.sqrt();
    let of = |rows: &[f64]| varies(rows).then(|| mean(rows) / std_dev(rows) * year).filter(|ratio| ratio.is_finite());
    let mut found = vec![None; window - 1];
    found.extend(excess.windows(window).map(of));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::performance::{PerformanceOptions, summary};

    #[test]
    fn each_window_is_the_summary_of_its_rows() {
        let returns: Vec<f64> = crate::testing::noise(5, 300).into_iter().map(|value| value / 50.0).collect();
        let rate = RiskFree::Constant(0.0001);
        let found = sharpe(&returns, 60, 252.0, &rate).unwrap();
        let options = PerformanceOptions { risk_free: rate, ..PerformanceOptions::default() };
        for row in [59, 100, 299] {
            let own = summary(&returns[row - 59..=row], None, &options).unwrap().sharpe;
            assert!((found[row].unwrap() - own.unwrap()).abs() < 1e-12, "{row}");
        }
        assert_eq!(found.iter().filter(|value| value.is_none()).count(), 59);
    }

    #[test]
    fn windows_that_cannot_be_are_refused() {
        let rate = RiskFree::default();
        assert!(matches!(sharpe(&[0.1, 0.2], 1, 252.0, &rate), Err(Error::OutOfRange { .. })));
        assert!(matches!(sharpe(&[0.1, 0.2], 3, 252.0, &rate), Err(Error::TooFewRows { .. })));
        assert!(matches!(sharpe(&[0.1, f64::NAN], 2, 252.0, &rate), Err(Error::NotFinite { .. })));
    }
}
