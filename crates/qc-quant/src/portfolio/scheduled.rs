//! An account that trades to given weights on given rows and leaves them alone between.

use crate::error::{Error, Result};
use crate::panel::{Panel, require_finite};

/// Weights from the close of a row on.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Row of the prices at whose close it is traded.
    pub row: usize,
    /// One weight per symbol, as shares of the account; what they leave of 1 is cash without interest.
    pub weights: Vec<f64>,
}

/// Answer of [`simulate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduled {
    /// Value of 1 from the row of the first target on, one per row, after costs.
    pub values: Vec<f64>,
    /// For each target ½ Σ |target - what had become of the weights before|, cash included.
    pub turnover: Vec<f64>,
    /// What trading cost in all, in units of the starting value.
    pub costs: f64,
    /// What became of the weights by the last row.
    pub last_weights: Vec<f64>,
}

/// Trades to each target at the close of its row; positions drift between.
///
/// A symbol whose price stays the same (a delisted one at its last price) earns nothing: it is as good as cash until the
/// next target.
///
/// # Shapes and units
/// `prices`: T rows of prices above zero. `cost_bps`: cost of what is bought and sold, basis points of its value.
///
/// # Errors
/// [`Error::TooFewRows`] without targets, [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::OutOfRange`] for rows
/// that are not in the prices or do not increase, and for an account that loses everything.
///
/// ```
/// use qc_quant::{Index, Panel, portfolio::scheduled::{Target, simulate}};
/// let prices = Panel::new(vec!["A".into(), "B".into()], Index::Rows(3), vec![vec![1.0, 2.0, 2.0], vec![1.0, 1.0, 0.5]])?;
/// let target = Target { row: 0, weights: vec![0.5, -0.5] };
/// let found = simulate(&prices, &[target], 0.0)?;
/// assert_eq!(found.values, [1.0, 1.5, 1.75]); // A gains a half, then B's half falls
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn simulate(prices: &Panel, targets: &[Target], cost_bps: f64) -> Result<Scheduled> {
    let (rows, n) = (prices.n_rows(), prices.n_symbols());
    let Some(first) = targets.first() else {
        return Err(Error::TooFewRows { what: "a schedule of weights".into(), needed: 1, found: 0 });
    };
    if !(0.0..10_000.0).contains(&cost_bps) {
        return Err(Error::out_of_range("cost in basis points", 0.0, 10_000.0, cost_bps));
    }
    prices.require_positive()?;
    for (at, target) in targets.iter().enumerate() {
        if target.weights.len() != n {
            let what = "weights, one per symbol".into();
            return Err(Error::ShapeMismatch { what, expected: n, found: target.weights.len() });
        }
        require_finite("weights", &target.weights)?;
        let least = if at == 0 { 0 } else { targets[at - 1].row + 1 };
        if target.row < least || rows <= target.row {
            return Err(Error::out_of_range("row of a target", least as f64, rows as f64 - 1.0, target.row as f64));
        }
    }
    let cost = cost_bps / 1e4;
    let mut held = vec![0.0; n];
    let mut cash = 1.0;
    let mut values = Vec::with_capacity(rows - first.row);
    let (mut turnover, mut costs) = (Vec::with_capacity(targets.len()), 0.0);
    let mut next = targets.iter().peekable();
    for row in first.row..rows {
        if first.row < row {
            for (i, position) in held.iter_mut().enumerate() {
                let column = prices.column(i);
                *position *= column[row] / column[row - 1];
            }
        }
        let mut value: f64 = cash + held.iter().sum::<f64>();
        if value <= 0.0 {
            return Err(Error::out_of_range("value of the account", f64::MIN_POSITIVE, f64::MAX, value));
        }
        if let Some(target) = next.next_if(|target| target.row == row) {
            let traded: f64 = held.iter().zip(&target.weights).map(|(now, weight)| (weight * value - now).abs()).sum();
            let cash_traded = ((1.0 - target.weights.iter().sum::<f64>()) * value - cash).abs();
            turnover.push(0.5 * (traded + cash_traded) / value);
            let paid = cost * traded;
            costs += paid;
            value -= paid;
            for (position, weight) in held.iter_mut().zip(&target.weights) {
                *position = weight * value;
            }
            cash = value - held.iter().sum::<f64>();
        }
        values.push(value);
    }
    let last = values.last().copied().unwrap_or(1.0);
    Ok(Scheduled { values, turnover, costs, last_weights: held.into_iter().map(|position| position / last).collect() })
}

/// Weights of one sign that sum to at most 1, none above `cap`: what is cut off goes to the others in proportion. Where all
/// are at the cap the rest is left.
///
/// # Errors
/// [`Error::OutOfRange`] for a cap outside of 0 to 1 or a weight below zero, [`Error::NotFinite`].
///
/// ```
/// use qc_quant::portfolio::scheduled::capped;
/// assert_eq!(capped(&[0.6, 0.2, 0.2], 0.4)?, [0.4, 0.30000000000000004, 0.30000000000000004]);
/// assert_eq!(capped(&[0.7, 0.3], 0.1)?, [0.1, 0.1]);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn capped(weights: &[f64], cap: f64) -> Result<Vec<f64>> {
    require_finite("weights", weights)?;
    if !(0.0 < cap && cap <= 1.0) {
        return Err(Error::out_of_range("largest weight", f64::MIN_POSITIVE, 1.0, cap));
    }
    if let Some(weight) = weights.iter().find(|weight| **weight < 0.0) {
        return Err(Error::out_of_range("a weight to be capped", 0.0, 1.0, *weight));
    }
    let mut found = weights.to_vec();
    // Each round fixes one weight at least.
    for _ in 0..weights.len() {
        let over: f64 = found.iter().map(|weight| (weight - cap).max(0.0)).sum();
        let below: f64 = found.iter().filter(|weight| **weight < cap).sum();
        if over <= 1e-15 {
            break;
        }
        let grow = if 0.0 < below { 1.0 + over / below } else { 1.0 };
        for weight in &mut found {
            *weight = if *weight < cap { *weight * grow } else { cap };
        }
    }
    Ok(found.into_iter().map(|weight| weight.min(cap)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Index;
    use crate::portfolio::rebalance::{self, Rule};

    #[test]
    fn one_target_is_buy_and_hold() {
        let columns: Vec<Vec<f64>> = (1..4).map(|seed| crate::testing::random_walk(seed, 200)).collect();
        let columns = columns.into_iter().map(|c| c.into_iter().map(|v| (v / 20.0).exp()).collect()).collect();
        let prices = Panel::new(vec!["A".into(), "B".into(), "C".into()], Index::Rows(200), columns).unwrap();
        let weights = vec![0.5, 0.3, 0.2];
        let held = rebalance::simulate(&prices, &weights, Rule::None, 0.0).unwrap();
        let found = simulate(&prices, &[Target { row: 0, weights: weights.clone() }], 0.0).unwrap();
        for (a, b) in found.values.iter().zip(&held.values) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        // Daily targets are daily rebalancing; a cost of 10 basis points is paid on what is traded.
        let daily: Vec<Target> = (0..200).map(|row| Target { row, weights: weights.clone() }).collect();
        let found = simulate(&prices, &daily, 0.0).unwrap();
        let other = rebalance::simulate(&prices, &weights, Rule::Daily, 0.0).unwrap();
        assert!((found.values[199] - other.values[199]).abs() < 1e-9 * other.values[199]);
        let paid = simulate(&prices, &daily[..1], 10.0).unwrap();
        assert!((paid.values[0] - 0.999).abs() < 1e-15 && (paid.costs - 0.001).abs() < 1e-15);
        assert!((paid.turnover[0] - 1.0).abs() < 1e-15, "everything was cash before");
    }

    #[test]
    fn targets_that_cannot_be_are_refused() {
        let prices = Panel::new(vec!["A".into()], Index::Rows(3), vec![vec![1.0, 2.0, 9.0]]).unwrap();
        let at = |row, weight| Target { row, weights: vec![weight] };
        assert!(matches!(simulate(&prices, &[], 0.0), Err(Error::TooFewRows { .. })));
        assert!(matches!(simulate(&prices, &[at(3, 1.0)], 0.0), Err(Error::OutOfRange { .. })));
        assert!(matches!(simulate(&prices, &[at(1, 1.0), at(1, 1.0)], 0.0), Err(Error::OutOfRange { .. })));
        assert!(matches!(simulate(&prices, &[at(0, f64::NAN)], 0.0), Err(Error::NotFinite { .. })));
        assert!(matches!(simulate(&prices, &[at(0, -1.0)], 0.0), Err(Error::OutOfRange { .. })), "everything is lost");
        let wide = Target { row: 0, weights: vec![1.0, 0.0] };
        assert!(matches!(simulate(&prices, &[wide], 0.0), Err(Error::ShapeMismatch { .. })));
    }

    #[test]
    fn no_weight_is_above_the_cap_and_nothing_is_lost_while_there_is_room() {
        for (weights, cap) in [(vec![0.5, 0.3, 0.1, 0.1], 0.3), (vec![0.9, 0.05, 0.05], 0.35), (vec![0.25; 4], 0.25)] {
            let found = capped(&weights, cap).unwrap();
            assert!(found.iter().all(|weight| *weight <= cap), "{found:?}");
            assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{found:?}");
        }
        assert!(capped(&[0.5, -0.5], 0.3).is_err() && capped(&[1.0], 0.0).is_err());
    }
}
