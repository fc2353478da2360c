//! Buy and hold between rebalances: what a rule of trading back to target weights earns and trades.

use jiff::civil::Date;

use crate::error::{Error, Result};
use crate::panel::{Panel, require_finite};
use crate::performance::drawdown::{self, Drawdown};

/// When weights are traded back to target: at the close of the last trading day of each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rule {
    /// Never.
    #[default]
    None,
    /// Every day.
    Daily,
    /// ISO weeks.
    Weekly,
    /// Calendar months.
    Monthly,
    /// Calendar quarters.
    Quarterly,
    /// Calendar years.
    Yearly,
}

/// Answer of [`simulate`].
#[derive(Debug, Clone, PartialEq)]
pub struct Rebalanced {
    /// Value of 1 invested at the close of the first row, one per row.
    pub values: Vec<f64>,
    /// Rows at whose close weights were traded back.
    pub rebalanced_at: Vec<usize>,
    /// Sum over rebalances of ½ Σ |target - drifted weight|.
    pub turnover: f64,
    /// What trading cost in all, in units of the starting value.
    pub costs: f64,
    /// Deepest fall of `values`.
    pub max_drawdown: Drawdown,
    /// What each symbol added to the total return, in the caller's order; with `cash_and_costs` they sum to it.
    pub contributions: Vec<f64>,
    /// Costs, as a (negative) contribution.
    pub cash_and_costs: f64,
}

/// Holds target weights from the close of the first row, trading back by a rule.
///
/// The target is set at the close of the first row without cost; the last row never trades (there is
/// no later return). Contributions link each period's gains by the value before it, which adds up
/// exactly: the gain of a holding in money is its contribution.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::OutOfRange`] for weights that do not sum to 1
/// or negative costs, [`Error::NotPositive`], [`Error::Degenerate`] for a calendar rule on row numbers or
/// when the value falls to zero.
///
/// # Source
/// Definition in `docs/numerics.md`; family `rebalance`.
///
/// ```
/// use qc_quant::{Index, Panel, portfolio::rebalance::{Rule, simulate}};
/// let prices = Panel::new(vec!["A".into(), "B".into()], Index::Rows(3), vec![vec![1.0, 2.0, 1.0], vec![1.0, 1.0, 1.0]])?;
/// assert_eq!(simulate(&prices, &[0.5, 0.5], Rule::None, 0.0)?.values[2], 1.0);
/// assert_eq!(simulate(&prices, &[0.5, 0.5], Rule::Daily, 0.0)?.values[2], 1.125); // sold half of the gain in time
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn simulate(prices: &Panel, weights: &[f64], rule: Rule, cost_bps: f64) -> Result<Rebalanced> {
    let (t, n) = (prices.n_rows(), prices.n_symbols());
    if weights.len() != n {
        return Err(Error::ShapeMismatch { what: "weights, one per symbol".into(), expected: n, found: weights.len() });
    }
    require_finite("weights", weights)?;
    let sum: f64 = weights.iter().sum();
    if 1e-9 < (sum - 1.0).abs() {
        return Err(Error::out_of_range("sum of weights", 1.0, 1.0, sum));
    }
    if !(0.0..10_000.0).contains(&cost_bps) {
        return Err(Error::out_of_range("cost in basis points", 0.0, 10_000.0, cost_bps));
    }
    prices.require_positive()?;
    let mut held = weights.to_vec();
    let mut contributions = vec![0.0; n];
    let (mut values, mut rebalanced_at) = (vec![1.0], Vec::new());
    let (mut turnover, mut costs) = (0.0, 0.0);
    for row in 1..t {
        for ((holding, gained), column) in held.iter_mut().zip(&mut contributions).zip(prices.columns()) {
            let before = *holding;
            *holding *= column[row] / column[row - 1];
            *gained += *holding - before;
        }
        let mut value: f64 = held.iter().sum();
        if value <= 0.0 {
            let at = prices.index().label(row);
            return Err(Error::degenerate("rebalanced portfolio", format!("its value falls to {value:.3e} at {at}")));
        }
        if row + 1 < t && trades(prices, rule, row)? {
            let traded: f64 = held.iter().zip(weights).map(|(holding, w)| (w - holding / value).abs()).sum();
            turnover += 0.5 * traded;
            let cost = cost_bps / 10_000.0 * traded * value;
            costs += cost;
            value -= cost;
            held.iter_mut().zip(weights).for_each(|(holding, w)| *holding = w * value);
            rebalanced_at.push(row);
        }
        values.push(value);
    }
    let max_drawdown = drawdown::deepest(&values)?;
    Ok(Rebalanced { values, rebalanced_at, turnover, costs, max_drawdown, contributions, cash_and_costs: -costs })
}

/// Whether the row is the last of its period.
fn trades(prices: &Panel, rule: Rule, row: usize) -> Result<bool> {
    let period = |date: Date| match rule {
        Rule::None => (0, 0),
        Rule::Daily => (date.year(), date.day_of_year()),
        Rule::Weekly => {
            let week = date.iso_week_date();
            (week.year(), i16::from(week.week()))
        }
        Rule::Monthly => (date.year(), i16::from(date.month())),
        Rule::Quarterly => (date.year(), i16::from((date.month() - 1) / 3)),
        Rule::Yearly => (date.year(), 0),
    };
    match rule {
        Rule::None => return Ok(false),
        Rule::Daily if prices.index().trading_date(row).is_none() => return Ok(true),
        _ => {}
    }
    match (prices.index().trading_date(row), prices.index().trading_date(row + 1)) {
        (Some(today), Some(tomorrow)) => Ok(period(today) != period(tomorrow)),
        _ => Err(Error::degenerate("rebalancing by the calendar", "the rows have no dates")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    #[test]
    fn contributions_and_costs_add_up_to_the_total() {
        let column = |seed| {
            noise(seed, 60)
                .iter()
                .scan(100.0, |p, e| {
                    *p *= 1.0 + 0.01 * e;
                    Some(*p)
                })
                .collect()
        };
        let prices = Panel::new(vec!["A".into(), "B".into()], Index::Rows(60), vec![column(1), column(2)]).unwrap();
        let found = simulate(&prices, &[0.6, 0.4], Rule::Daily, 10.0).unwrap();
        let sum = found.contributions.iter().sum::<f64>() + found.cash_and_costs;
        assert!((sum - (found.values[59] - 1.0)).abs() < 1e-12);
        assert!(0.0 < found.costs && found.rebalanced_at.len() == 58);
    }

    #[test]
    fn a_calendar_rule_needs_dates() {
        let prices = Panel::new(vec!["A".into()], Index::Rows(3), vec![vec![1.0, 2.0, 3.0]]).unwrap();
        assert!(matches!(simulate(&prices, &[1.0], Rule::Monthly, 0.0), Err(Error::Degenerate { .. })));
        assert!(matches!(simulate(&prices, &[0.9], Rule::None, 0.0), Err(Error::OutOfRange { .. })));
    }
}
