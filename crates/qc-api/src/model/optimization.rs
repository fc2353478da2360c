//! Optimizations: what is asked for, and what came of it.
//!
//! Source: API description; LEAN's `OptimizationBacktestJsonConverter`.

mod cost;
mod statistics;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{OptimizationId, ProjectId};
use crate::model::{Point, Statistics};
use crate::wire::open_enum::open_enum;
use crate::wire::{Map, date, list, map, number, object, text};

pub use cost::OptimizationCost;
pub use statistics::OptimizationStatistics;

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
    #[serde(serialize_with = "statistics::numbered")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_counts_both_ends() {
        let grid = OptimizationParameter::range("a", 0.0, 1.0, 0.1).unwrap();
        assert_eq!(grid.values(), 11.0);
        assert!(OptimizationParameter::range("a", 1.0, 0.0, 0.1).is_err());
        assert!(OptimizationParameter::range("a", 0.0, 1.0, 0.0).is_err());
        assert!(OptimizationParameter::range("a", f64::NAN, 1.0, 0.1).is_err());
    }
}
