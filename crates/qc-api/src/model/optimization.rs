//! Optimizations: the grid, the results, and what they cost.
//!
//! Source: API description; LEAN's `OptimizationBacktestJsonConverter`; lean-cli's cost rule.

use std::fmt;

use jiff::Timestamp;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{OptimizationId, ProjectId};
use crate::model::{Point, Statistics};
use crate::wire::open_enum::open_enum;
use crate::wire::{Map, date, list, map, number, object, text};

open_enum! {
    /// What an optimization makes best.
    pub enum OptimizationTarget {
        /// The Sharpe ratio.
        SharpeRatio = "TotalPerformance.PortfolioStatistics.SharpeRatio",
        /// The compounding annual return.
        CompoundingAnnualReturn = "TotalPerformance.PortfolioStatistics.CompoundingAnnualReturn",
        /// The probabilistic Sharpe ratio.
        ProbabilisticSharpeRatio = "TotalPerformance.PortfolioStatistics.ProbabilisticSharpeRatio",
        /// The drawdown.
        Drawdown = "TotalPerformance.PortfolioStatistics.Drawdown",
    }
}

open_enum! {
    /// Which way is better.
    pub enum TargetDirection {
        /// Smaller.
        Min = "min",
        /// Larger.
        Max = "max",
    }
}

open_enum! {
    /// The comparison of a constraint.
    pub enum ConstraintOperator {
        /// At most.
        LessOrEqual = "LessOrEqual",
        /// Below.
        Less = "Less",
        /// At least.
        GreaterOrEqual = "GreaterOrEqual",
        /// Above.
        Greater = "Greater",
        /// Other than.
        NotEqual = "NotEqual",
        /// Exactly.
        Equals = "Equals" | "Equal",
    }
}

open_enum! {
    /// How far an optimization is.
    pub enum OptimizationStatus {
        /// Waiting.
        New = "new",
        /// At work.
        Running = "running" | "active",
        /// Done.
        Completed = "completed",
        /// Ended by somebody.
        Aborted = "aborted",
    }
}

impl OptimizationStatus {
    /// Whether nothing more will come.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }
}

open_enum! {
    /// A model of node for optimizations.
    pub enum OptimizationNode {
        /// 2 cores, 8 GB.
        O2_8 = "O2-8",
        /// 4 cores, 12 GB.
        O4_12 = "O4-12",
        /// 8 cores, 16 GB.
        O8_16 = "O8-16",
    }
}

impl OptimizationNode {
    /// USD per hour of one node (lean-cli's table); `None` for a model this version does not know.
    #[must_use]
    pub fn price_per_hour(&self) -> Option<f64> {
        match self {
            Self::O2_8 => Some(0.15),
            Self::O4_12 => Some(0.30),
            Self::O8_16 => Some(0.60),
            Self::Other(_) => None,
        }
    }

    /// How many may run at once.
    #[must_use]
    pub fn most_parallel(&self) -> Option<i64> {
        match self {
            Self::O2_8 => Some(24),
            Self::O4_12 => Some(12),
            Self::O8_16 => Some(6),
            Self::Other(_) => None,
        }
    }

    /// How many run at once unless told otherwise.
    #[must_use]
    pub fn usual_parallel(&self) -> Option<i64> {
        self.most_parallel().map(|most| most / 2)
    }
}

/// A parameter to vary, or in answers one that was fixed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OptimizationParameter {
    /// Its name.
    #[serde(alias = "key", deserialize_with = "text::string")]
    pub name: String,
    /// The smallest value.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest value.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The distance between values; positive.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// The smallest distance a refinement may use.
    #[serde(alias = "min-step", deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub min_step: Option<f64>,
    /// The value of a parameter that was fixed.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl OptimizationParameter {
    /// A parameter from `min` to `max` by `step`.
    ///
    /// # Errors
    /// In words, when the bounds are in the wrong order, the step is not positive or something is not finite.
    pub fn range(name: impl Into<String>, min: f64, max: f64, step: f64) -> Result<Self, String> {
        let name = name.into();
        if ![min, max, step].iter().all(|value| value.is_finite()) {
            return Err(format!("the bounds and the step of {name} must be finite"));
        }
        if max < min {
            return Err(format!("{name} goes from {min} to {max}, which is downwards"));
        }
        if step <= 0.0 {
            return Err(format!("the step of {name} must be positive, found {step}"));
        }
        Ok(Self { name, min: Some(min), max: Some(max), step: Some(step), ..Self::default() })
    }

    /// How many values it takes: `round((max - min) / step) + 1`, as lean-cli counts; 1 for a fixed one.
    #[must_use]
    pub fn values(&self) -> f64 {
        match (self.min, self.max, self.step) {
            (Some(min), Some(max), Some(step)) if 0.0 < step && min <= max => {
                ((max - min) / step).round_ties_even() + 1.0
            }
            _ => 1.0,
        }
    }
}

/// What a result must fulfil.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Constraint {
    /// The statistic.
    pub target: OptimizationTarget,
    /// The comparison.
    pub operator: ConstraintOperator,
    /// The value compared with.
    #[serde(alias = "target-value", deserialize_with = "number::float")]
    pub target_value: f64,
}

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

/// What an optimization was asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Criterion {
    /// What is to become best.
    pub target: Option<OptimizationTarget>,
    /// Which way is better.
    pub extremum: Option<TargetDirection>,
    /// The value that ends the search.
    #[serde(deserialize_with = "number::option")]
    pub target_value: Option<f64>,
}

/// An optimization in a list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OptimizationSummary {
    /// The optimization.
    pub optimization_id: OptimizationId,
    /// Its project.
    pub project_id: Option<ProjectId>,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// How far it is.
    pub status: Option<OptimizationStatus>,
    /// The model of node it runs on.
    pub node_type: Option<OptimizationNode>,
    /// What it was asked for.
    #[serde(deserialize_with = "object::option")]
    pub criterion: Option<Criterion>,
    /// When it was asked for.
    #[serde(with = "date::spaced")]
    pub created: Option<Timestamp>,
    /// Probabilistic Sharpe ratio of the best.
    #[serde(deserialize_with = "number::option")]
    pub psr: Option<f64>,
    /// Sharpe ratio of the best.
    #[serde(deserialize_with = "number::option")]
    pub sharpe_ratio: Option<f64>,
    /// Orders of the best.
    #[serde(deserialize_with = "number::option_integer")]
    pub trades: Option<i64>,
    /// The project it was cloned from.
    #[serde(deserialize_with = "number::option_integer")]
    pub clone_id: Option<i64>,
    /// Days kept from the optimizer.
    #[serde(deserialize_with = "number::option_integer")]
    pub out_of_sample_days: Option<i64>,
    /// The last day the optimizer was shown.
    #[serde(with = "date::spaced")]
    pub out_of_sample_max_end_date: Option<Timestamp>,
    /// The grid.
    #[serde(deserialize_with = "list::of")]
    pub parameters: Vec<OptimizationParameter>,
}

/// An optimization with its backtests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Optimization {
    /// The optimization.
    pub optimization_id: OptimizationId,
    /// The snapshot of the code.
    #[serde(deserialize_with = "number::option_integer")]
    pub snapshot_id: Option<i64>,
    /// Its project.
    pub project_id: Option<ProjectId>,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// How far it is.
    pub status: Option<OptimizationStatus>,
    /// The model of node it runs on.
    pub node_type: Option<OptimizationNode>,
    /// How many nodes at once.
    #[serde(deserialize_with = "number::option_integer")]
    pub parallel_nodes: Option<i64>,
    /// What it was asked for.
    #[serde(deserialize_with = "object::option")]
    pub criterion: Option<Criterion>,
    /// Counts and times: Completed, Failed, Running, In Queue, Average Length, Total Runtime, Total, Consumed.
    pub runtime_statistics: Statistics,
    /// What a result must fulfil.
    #[serde(deserialize_with = "list::of")]
    pub constraints: Vec<Constraint>,
    /// The grid.
    #[serde(deserialize_with = "list::of")]
    pub parameters: Vec<OptimizationParameter>,
    /// The backtests by id.
    #[serde(deserialize_with = "map::of")]
    pub backtests: Map<OptimizationBacktest>,
    /// The strategy.
    #[serde(deserialize_with = "text::option")]
    pub strategy: Option<String>,
    /// When it was asked for.
    #[serde(with = "date::spaced")]
    pub requested: Option<Timestamp>,
    /// What was to become best, in words.
    #[serde(deserialize_with = "text::option")]
    pub optimization_target: Option<String>,
    /// The value that ends the search.
    #[serde(deserialize_with = "number::option")]
    pub target_value: Option<f64>,
    /// Days kept from the optimizer.
    #[serde(deserialize_with = "number::option_integer")]
    pub out_of_sample_days: Option<i64>,
    /// The last day the optimizer was shown.
    #[serde(with = "date::spaced")]
    pub out_of_sample_max_end_date: Option<Timestamp>,
    /// The service's own analysis of the results.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub analysis: serde_json::Value,
}

impl Optimization {
    /// The share of backtests that ended, once the service counts all three: (Completed + Failed) / Total.
    #[must_use]
    pub fn share_done(&self) -> Option<f64> {
        let count = |title| self.runtime_statistics.figure(title).map(|figure| figure.value);
        let total = count("Total").filter(|total| 0.0 < *total)?;
        Some((count("Completed")? + count("Failed")?) / total)
    }
}

/// One backtest of an optimization.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OptimizationBacktest {
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// The backtest.
    #[serde(deserialize_with = "text::string")]
    pub id: String,
    /// The machine it ran on.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// How far it is, 0 to 1.
    #[serde(deserialize_with = "number::option")]
    pub progress: Option<f64>,
    /// 0 when it went well.
    #[serde(deserialize_with = "number::option_integer")]
    pub exit_code: Option<i64>,
    /// Its statistics by title; percent statistics in percents and without a sign.
    #[serde(serialize_with = "numbered")]
    pub statistics: OptimizationStatistics,
    /// The parameters it ran with.
    #[serde(deserialize_with = "map::of_texts")]
    pub parameter_set: Map<String>,
    /// Its equity curve.
    #[serde(deserialize_with = "crate::model::chart::points")]
    pub equity: Vec<Point>,
    /// The first simulated day.
    #[serde(with = "date::spaced")]
    pub start_date: Option<Timestamp>,
    /// The last simulated day.
    #[serde(with = "date::spaced")]
    pub end_date: Option<Timestamp>,
    /// Days kept from the optimizer.
    #[serde(deserialize_with = "number::option_integer")]
    pub out_of_sample_days: Option<i64>,
}

/// The statistics of one backtest of an optimization, by title.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OptimizationStatistics(pub Map<Option<f64>>);

impl OptimizationStatistics {
    /// The figure of a title such as `Sharpe Ratio`.
    #[must_use]
    pub fn figure(&self, title: &str) -> Option<f64> {
        self.0.get(title).copied().flatten()
    }
}

/// The titles by position: old answers hold an array, newer ones a map by the position's number.
const TITLES: [&str; 25] = [
    "Alpha",
    "Annual Standard Deviation",
    "Annual Variance",
    "Average Loss",
    "Average Win",
    "Beta",
    "Compounding Annual Return",
    "Drawdown",
    "Estimated Strategy Capacity",
    "Expectancy",
    "Information Ratio",
    "Loss Rate",
    "Net Profit",
    "Probabilistic Sharpe Ratio",
    "Profit-Loss Ratio",
    "Sharpe Ratio",
    "Total Fees",
    "Total Orders",
    "Tracking Error",
    "Treynor Ratio",
    "Win Rate",
    "Sortino Ratio",
    "Start Equity",
    "End Equity",
    "Drawdown Recovery",
];

fn title_of(key: &str) -> String {
    let position = key.parse::<usize>().ok();
    position.and_then(|at| TITLES.get(at)).map_or_else(|| key.to_owned(), |title| (*title).to_owned())
}

/// Writes the map by position, as newer answers do.
fn numbered<S: Serializer>(statistics: &OptimizationStatistics, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(statistics.0.iter().map(|(title, value)| {
        let position = TITLES.iter().position(|known| known == title);
        (position.map_or_else(|| title.clone(), |at| at.to_string()), value)
    }))
}

impl<'de> Deserialize<'de> for OptimizationStatistics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatisticsVisitor)
    }
}

/// A number in a place where serde wants a type.
struct Figure(Option<f64>);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number::option(deserializer).map(Self)
    }
}

struct StatisticsVisitor;

impl<'de> Visitor<'de> for StatisticsVisitor {
    type Value = OptimizationStatistics;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("statistics by position or by title")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut statistics = Map::new();
        while let Some((key, Figure(value))) = access.next_entry::<String, Figure>()? {
            statistics.insert(title_of(&key), value);
        }
        Ok(OptimizationStatistics(statistics))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut statistics = Map::new();
        while let Some(Figure(value)) = access.next_element()? {
            statistics.insert(title_of(&statistics.len().to_string()), value);
        }
        Ok(OptimizationStatistics(statistics))
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(OptimizationStatistics::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_read_by_position_and_by_number() {
        let by_position = r#"{"statistics":[0.1,null,"0.3"]}"#;
        let by_number = r#"{"statistics":{"0":"0.1","1":null,"2":0.3,"My Own":5}}"#;
        for json in [by_position, by_number] {
            let backtest: OptimizationBacktest = serde_json::from_str(json).unwrap();
            assert_eq!(backtest.statistics.figure("Alpha"), Some(0.1), "{json}");
            assert_eq!(backtest.statistics.figure("Annual Standard Deviation"), None);
            assert_eq!(backtest.statistics.figure("Annual Variance"), Some(0.3));
        }
    }

    #[test]
    fn the_grid_counts_both_ends() {
        let grid = OptimizationParameter::range("a", 0.0, 1.0, 0.1).unwrap();
        assert_eq!(grid.values(), 11.0);
        assert!(OptimizationParameter::range("a", 1.0, 0.0, 0.1).is_err());
        assert!(OptimizationParameter::range("a", 0.0, 1.0, 0.0).is_err());
        assert!(OptimizationParameter::range("a", f64::NAN, 1.0, 0.1).is_err());
    }

    #[test]
    fn small_sweeps_cost_a_tenth_of_an_hour() {
        let grid = [OptimizationParameter::range("a", 1.0, 1.0, 1.0).unwrap()];
        let cost = OptimizationCost::of(&grid, 1.0, &OptimizationNode::O8_16, 3).unwrap();
        assert_eq!((cost.node_hours, cost.hours, cost.usd), (0.1, 0.04, 0.06));
        assert_eq!(OptimizationCost::of(&grid, 1.0, &OptimizationNode::O8_16, 0), None);
        assert_eq!(OptimizationCost::of(&grid, 1.0, &OptimizationNode::from("O99"), 1), None);
    }
}
