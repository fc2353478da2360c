//! What it takes to trade back to target weights after every period.

use crate::error::{Error, Result};
use crate::panel::{Panel, require_finite};
use crate::returns::require_periods_per_year;

/// Answer of [`drift`].
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// ½ Σ |target - drifted weight| at the end of each period, cash included.
    pub by_period: Vec<f64>,
    /// Their mean; periods without a trade count.
    pub per_period: f64,
    /// Mean times periods per year.
    pub annual: f64,
}

/// Turnover of weights that are traded back to `targets` at the end of every period.
///
/// # Shapes and units
/// `simple`: T simple returns of N assets. `targets`: one row of weights for all periods, or T rows, the
/// weights held *during* each period; the trade after period t goes to the weights of t + 1 (or
/// back to the same ones after the last). What is not invested is cash at `cash_rate` and is traded too.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::OutOfRange`] for periods per year,
/// [`Error::Degenerate`] when the portfolio loses everything.
///
/// ```
/// use qc_quant::{Index, Panel, portfolio::turnover::drift};
/// let r = Panel::new(vec!["A".into(), "B".into()], Index::Rows(2), vec![vec![0.1, 0.0], vec![-0.1, 0.0]])?;
/// let found = drift(&r, &[vec![0.5, 0.5]], 0.0, 252.0)?;
/// assert!((found.by_period[0] - 0.05).abs() < 1e-15); // .55 and .45 of 1, back to .5 and .5
/// assert_eq!(found.by_period[1], 0.0);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn drift(simple: &Panel, targets: &[Vec<f64>], cash_rate: f64, periods_per_year: f64) -> Result<Drift> {
    let (t, n) = (simple.n_rows(), simple.n_symbols());
    require_periods_per_year(periods_per_year)?;
    require_finite("cash rate", &[cash_rate])?;
    if targets.len() != 1 && targets.len() != t {
        let what = "rows of target weights (one, or one per period)".into();
        return Err(Error::ShapeMismatch { what, expected: t, found: targets.len() });
    }
    for row in targets {
        if row.len() != n {
            let what = "target weights, one per symbol".into();
            return Err(Error::ShapeMismatch { what, expected: n, found: row.len() });
        }
        require_finite("target weights", row)?;
    }
    let at = |row: usize| &targets[row.min(targets.len() - 1)];
    let mut by_period = Vec::with_capacity(t);
    for row in 0..t {
        let (held, wanted) = (at(row), at(row + 1));
        let cash = (1.0 - held.iter().sum::<f64>()) * (1.0 + cash_rate);
        let grown: Vec<f64> = held.iter().zip(simple.columns()).map(|(w, r)| w * (1.0 + r[row])).collect();
        let value = cash + grown.iter().sum::<f64>();
        if value <= 0.0 {
            let at = simple.index().label(row);
            return Err(Error::degenerate("turnover", format!("the portfolio falls to {value:.3e} at {at}")));
        }
        let traded: f64 = grown.iter().zip(wanted).map(|(have, want)| (want - have / value).abs()).sum();
        let in_cash = (1.0 - wanted.iter().sum::<f64>() - cash / value).abs();
        by_period.push(0.5 * (traded + in_cash));
    }
    let per_period = by_period.iter().sum::<f64>() / t as f64;
    Ok(Drift { by_period, per_period, annual: per_period * periods_per_year })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    fn returns() -> Panel {
        let column = |seed| noise(seed, 40).iter().map(|e| 0.01 * e).collect();
        Panel::new(vec!["A".into(), "B".into()], Index::Rows(40), vec![column(1), column(2)]).unwrap()
    }

    #[test]
    fn equal_returns_need_no_trade_and_a_switch_needs_a_whole_one() {
        let same = Panel::new(vec!["A".into(), "B".into()], Index::Rows(2), vec![vec![0.1, 0.2]; 2]).unwrap();
        assert!(drift(&same, &[vec![0.3, 0.7]], 0.0, 252.0).unwrap().per_period < 1e-15);
        let found = drift(&same, &[vec![1.0, 0.0], vec![0.0, 1.0]], 0.0, 252.0).unwrap();
        assert!((found.by_period[0] - 1.0).abs() < 1e-12 && found.by_period[1].abs() < 1e-12);
        assert!((found.annual - 126.0).abs() < 1e-9);
    }

    #[test]
    fn daily_rebalancing_trades_the_same_as_the_simulation() {
        let simple = returns();
        let prices: Vec<Vec<f64>> = simple
            .columns()
            .map(|c| {
                let mut price = 1.0;
                std::iter::once(1.0)
                    .chain(c.iter().map(|r| {
                        price *= 1.0 + r;
                        price
                    }))
                    .collect()
            })
            .collect();
        let prices = Panel::new(vec!["A".into(), "B".into()], Index::Rows(41), prices).unwrap();
        let rule = crate::portfolio::rebalance::Rule::Daily;
        let other = crate::portfolio::rebalance::simulate(&prices, &[0.4, 0.6], rule, 0.0).unwrap();
        let own = drift(&simple, &[vec![0.4, 0.6]], 0.0, 252.0).unwrap();
        let without_last: f64 = own.by_period[..39].iter().sum(); // the simulation's last row never trades
        assert!((without_last - other.turnover).abs() < 1e-12);
    }

    #[test]
    fn bad_shapes_and_ruin_are_refused() {
        let simple = returns();
        assert!(matches!(drift(&simple, &[vec![1.0]], 0.0, 252.0), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(drift(&simple, &vec![vec![0.5, 0.5]; 3], 0.0, 252.0), Err(Error::ShapeMismatch { .. })));
        assert!(matches!(drift(&simple, &[vec![0.5, f64::NAN]], 0.0, 252.0), Err(Error::NotFinite { .. })));
        let lost = Panel::new(vec!["A".into()], Index::Rows(2), vec![vec![-1.0, 0.0]]).unwrap();
        assert!(matches!(drift(&lost, &[vec![1.0]], 0.0, 252.0), Err(Error::Degenerate { .. })));
    }
}
