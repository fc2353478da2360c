//! The KPSS test, whose null is the opposite of ADF's: the series *is* stationary.

mod tables;

use super::{CriticalValues, Trend, dickey_fuller};
use crate::error::{Error, Result};
use crate::lanes::dot;
use crate::panel::{require_finite, require_variation};
use crate::stats::hac::bartlett_variance;

/// How many autocovariances the long-run variance counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bandwidth {
    /// From the data, Hobijn, Franses and Ooms (1998).
    #[default]
    Auto,
    /// This many.
    Fixed(usize),
}

/// Answer of [`test()`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kpss {
    /// Scaled sum of squared partial sums; large values speak against stationarity.
    pub statistic: f64,
    /// p-value of "stationary", interpolated in a simulated table; .0001 and 1 are its ends.
    pub p_value: f64,
    /// Critical values: the statistic rejects *above* them.
    pub critical_values: CriticalValues,
    /// Autocovariances counted.
    pub lags: usize,
    /// Constant, or constant and trend.
    pub trend: Trend,
}

/// Tests whether a series is stationary around a constant or a linear trend.
///
/// Read beside [`super::adf`]: one rejects and the other does not, and the answer is clear; both
/// reject: a break or long memory; neither: the sample says nothing.
///
/// # Definition
/// u = residual of y on the deterministic terms, S its partial sums: Σ S(t)² / (T² λ), λ the
/// Bartlett long-run variance of u (divided by T). Automatic lags: int(1.1447 (s1/s0)^(2/3) T^(1/3)).
///
/// # Errors
/// [`Error::OutOfRange`] for a trend other than constant or linear, or more lags than rows;
/// [`Error::TooFewRows`] below ten, [`Error::Constant`], [`Error::Degenerate`], [`Error::NotFinite`].
///
/// # Source
/// Kwiatkowski, Phillips, Schmidt and Shin (1992), Journal of Econometrics 54, 159-178. Checked
/// against arch and statsmodels: family `kpss`.
///
/// ```
/// use qc_quant::{testing, unit_root::{Trend, kpss}};
/// let walk = kpss::test(&testing::random_walk(1, 500), Trend::Constant, Default::default())?;
/// let noise = kpss::test(&testing::noise(1, 500), Trend::Constant, Default::default())?;
/// assert!(walk.p_value < 0.01 && 0.05 < noise.p_value);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn test(values: &[f64], trend: Trend, bandwidth: Bandwidth) -> Result<Kpss> {
    let n = values.len();
    require_finite("series", values)?;
    let table: &[[f64; 2]] = match trend {
        Trend::Constant => &tables::CONSTANT,
        Trend::Linear => &tables::TREND,
        _ => return Err(Error::out_of_range("trend terms of the KPSS test", 1.0, 2.0, trend.terms() as f64)),
    };
    if n < 10 {
        return Err(Error::too_few_rows("the KPSS test", 10, n));
    }
    require_variation("series", values)?;
    let mut u = values.to_vec();
    let first = u[0];
    u.iter_mut().for_each(|value| *value -= first);
    let whole = dot(&u, &u);
    dickey_fuller::detrend(&mut u, trend, &mut Vec::new());
    if dot(&u, &u) <= 1e-20 * whole {
        return Err(Error::degenerate("series", "nothing but its trend"));
    }
    let lags = match bandwidth {
        Bandwidth::Auto => automatic_lags(&u),
        Bandwidth::Fixed(lags) => lags,
    };
    Error::limit_work("the KPSS test (rows times lags)", super::MOST_STEPS, &[n, lags])?;
    if n <= lags {
        return Err(Error::out_of_range("lags of the KPSS test", 0.0, (n - 1) as f64, lags as f64));
    }
    let long_run = bartlett_variance(&u, lags);
    if long_run <= 0.0 {
        return Err(Error::degenerate("long-run variance", format!("{long_run:.1e} with {lags} lags")));
    }
    let mut partial = 0.0;
    let squares: f64 = u
        .iter()
        .map(|value| {
            partial += value;
            partial * partial
        })
        .sum();
    let statistic = squares / (n as f64 * n as f64 * long_run);
    let at = |percent: f64| quantile(table, percent);
    Ok(Kpss {
        statistic,
        p_value: p_value(table, statistic),
        critical_values: CriticalValues { one_percent: at(1.0), five_percent: at(5.0), ten_percent: at(10.0) },
        lags,
        trend,
    })
}

fn automatic_lags(u: &[f64]) -> usize {
    let n = u.len();
    let covariances = (n as f64).powf(2.0 / 9.0) as usize;
    let mut s0 = dot(u, u) / n as f64;
    let mut s1 = 0.0;
    for lag in 1..=covariances {
        let product = dot(&u[lag..], &u[..n - lag]) / (n as f64 / 2.0);
        s0 += product;
        s1 += lag as f64 * product;
    }
    if s0 <= 0.0 {
        return 0;
    }
    let ratio = s1 / s0;
    let gamma = 1.1447 * (ratio * ratio).powf(1.0 / 3.0);
    ((gamma * (n as f64).powf(1.0 / 3.0)) as usize).min(n)
}

/// Linear interpolation of p (falling) in the statistic (rising).
fn p_value(table: &[[f64; 2]], statistic: f64) -> f64 {
    let above = table.partition_point(|row| row[1] < statistic);
    let percent = match (above.checked_sub(1).and_then(|i| table.get(i)), table.get(above)) {
        (Some([p0, x0]), Some([p1, x1])) => p0 + (p1 - p0) * (statistic - x0) / (x1 - x0),
        (Some([p, _]), None) | (None, Some([p, _])) => *p,
        (None, None) => 100.0,
    };
    percent / 100.0
}

/// Statistic at a percentage that the table holds or brackets.
fn quantile(table: &[[f64; 2]], percent: f64) -> f64 {
    let below = table.partition_point(|row| percent < row[0]);
    let (Some([p1, x1]), before) = (table.get(below), below.checked_sub(1).and_then(|i| table.get(i))) else {
        return table.last().map_or(0.0, |row| row[1]);
    };
    match before {
        Some([p0, x0]) if p1 != p0 => x0 + (x1 - x0) * (percent - p0) / (p1 - p0),
        _ => *x1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kwiatkowski, Phillips, Schmidt and Shin (1992), table 1: upper tail 10, 5, 2.5 and 1 percent. Ours are
    /// from a later and larger simulation (arch).
    #[test]
    fn the_published_critical_values_have_their_p_values() {
        for (table, printed) in
            [(&tables::CONSTANT[..], [0.347, 0.463, 0.574, 0.739]), (&tables::TREND[..], [0.119, 0.146, 0.176, 0.216])]
        {
            for (statistic, p) in printed.into_iter().zip([0.1, 0.05, 0.025, 0.01]) {
                let own = p_value(table, statistic);
                assert!((own - p).abs() < 0.0025, "{statistic}: {own} {p}");
            }
        }
    }

    #[test]
    fn the_table_ends_bound_the_p_value() {
        assert_eq!(p_value(&tables::CONSTANT, 1e9), tables::CONSTANT.last().unwrap()[0] / 100.0);
        assert_eq!(p_value(&tables::CONSTANT, 0.0), tables::CONSTANT[0][0] / 100.0);
    }

    #[test]
    fn refuses_other_trends_and_constants() {
        assert!(matches!(test(&[1.0; 20], Trend::None, Bandwidth::Auto), Err(Error::OutOfRange { .. })));
        assert!(matches!(test(&[1.0; 20], Trend::Constant, Bandwidth::Auto), Err(Error::Constant { .. })));
        let line: Vec<f64> = (0..30).map(f64::from).collect();
        assert!(matches!(test(&line, Trend::Linear, Bandwidth::Auto), Err(Error::Degenerate { .. })));
    }
}
