//! What an optimization costs.
//!
//! Source: lean-cli's `optimizer_config_manager.py`.

use serde::Serialize;

use super::{OptimizationNode, OptimizationParameter};

/// What an optimization will cost, by lean-cli's rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OptimizationCost {
    /// Backtests in the grid.
    pub backtests: f64,
    /// Node-hours in all.
    pub node_hours: f64,
    /// Hours until the end.
    pub hours: f64,
    /// USD.
    pub usd: f64,
}

impl OptimizationCost {
    /// The cost of running `parameters` on `parallel` nodes of a model, when one backtest takes `seconds`.
    ///
    /// n = product of the values; hours = max(0.1, ceil2((30 + 1.5 * seconds) * n / 3600)); until the end
    /// ceil2(hours / parallel); USD = max(0.01, ceil2(price * hours)), where ceil2 rounds up to two decimals.
    /// `None` for a model without a known price, a number that is not finite, or no nodes.
    ///
    /// ```
    /// use qc_api::model::{OptimizationCost, OptimizationNode, OptimizationParameter};
    ///
    /// let grid = [OptimizationParameter::range("fast", 10.0, 50.0, 10.0)?];
    /// let cost = OptimizationCost::of(&grid, 60.0, &OptimizationNode::O2_8, 2).ok_or("no price")?;
    /// // 5 backtests of (30 + 90) s are 0.1666.. h, rounded up 0.17 h, at 0.15 USD rounded up 0.03 USD
    /// assert_eq!((cost.backtests, cost.node_hours, cost.hours, cost.usd), (5.0, 0.17, 0.09, 0.03));
    /// # Ok::<(), String>(())
    /// ```
    #[must_use]
    pub fn of(
        parameters: &[OptimizationParameter],
        seconds: f64,
        node: &OptimizationNode,
        parallel: i64,
    ) -> Option<Self> {
        let price = node.price_per_hour()?;
        if parallel < 1 || !seconds.is_finite() || seconds < 0.0 {
            return None;
        }
        let backtests: f64 = parameters.iter().map(OptimizationParameter::values).product();
        let node_hours = ceil2((30.0 + 1.5 * seconds) * backtests / 3600.0).max(0.1);
        #[allow(clippy::cast_precision_loss)] // at most 24 nodes
        let hours = ceil2(node_hours / parallel as f64);
        let usd = ceil2(price * node_hours).max(0.01);
        usd.is_finite().then_some(Self { backtests, node_hours, hours, usd })
    }
}

/// Rounds up to two decimals, forgiving what binary fractions leave over.
fn ceil2(value: f64) -> f64 {
    let cents = value * 100.0;
    let nearest = cents.round();
    if (cents - nearest).abs() < 1e-9 * nearest.abs().max(1.0) { nearest / 100.0 } else { cents.ceil() / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sweeps_cost_a_tenth_of_an_hour() {
        let grid = [OptimizationParameter::range("a", 1.0, 1.0, 1.0).unwrap()];
        let cost = OptimizationCost::of(&grid, 1.0, &OptimizationNode::O8_16, 3).unwrap();
        assert_eq!((cost.node_hours, cost.hours, cost.usd), (0.1, 0.04, 0.06));
        assert_eq!(OptimizationCost::of(&grid, 1.0, &OptimizationNode::O8_16, 0), None);
        assert_eq!(OptimizationCost::of(&grid, 1.0, &OptimizationNode::from("O99"), 1), None);
    }
}
