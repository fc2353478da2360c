//! Backtests: the whole answer, and the line of a list.
//!
//! Source: API description, `BacktestResult`; LEAN's `Backtest.cs`; lean-cli's `QCBacktest` for what counts as
//! finished.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::{BacktestId, OptimizationId, OrganizationId, ProjectId};
use crate::model::{AlgorithmPerformance, Chart, Statistics};
use crate::wire::{Map, date, flag, list, map, number, object, text};

/// How far a backtest is, in the service's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct BacktestStatus(pub String);

impl BacktestStatus {
    /// Waiting for a node.
    pub const IN_QUEUE: &'static str = "In Queue...";
    /// Finished without an error.
    pub const COMPLETED: &'static str = "Completed.";
    /// Stopped by an error of the algorithm.
    pub const RUNTIME_ERROR: &'static str = "Runtime Error";

    /// The words without the dots at their end.
    #[must_use]
    pub fn words(&self) -> &str {
        self.0.trim().trim_end_matches('.')
    }

    /// Whether the service calls it completed.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.words().eq_ignore_ascii_case("completed")
    }

    /// Whether the algorithm failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.words().to_ascii_lowercase().contains("error")
    }

    /// Whether it waits for a node.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.words().to_ascii_lowercase().starts_with("in queue")
    }

    /// The share in `Running: 12%`, as a fraction.
    #[must_use]
    pub fn running(&self) -> Option<f64> {
        let (word, rest) = self.words().split_once(':')?;
        let percent: f64 = rest.trim().trim_end_matches('%').trim().parse().ok()?;
        word.eq_ignore_ascii_case("running").then_some(percent / 100.0)
    }
}

impl<'de> Deserialize<'de> for BacktestStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::string(deserializer).map(Self)
    }
}

impl From<&str> for BacktestStatus {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}

impl fmt::Display for BacktestStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A backtest as `backtests/read` and `backtests/create` give it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backtest {
    /// The backtest.
    pub backtest_id: BacktestId,
    /// Its project.
    pub project_id: Option<ProjectId>,
    /// The organization whose node ran it.
    pub organization_id: Option<OrganizationId>,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// A note.
    #[serde(deserialize_with = "text::option")]
    pub note: Option<String>,
    /// How far it is.
    pub status: BacktestStatus,
    /// Whether the service is done with it; see [`Backtest::is_finished`].
    #[serde(deserialize_with = "flag::or_false")]
    pub completed: bool,
    /// How far it is, 0 to 1.
    #[serde(deserialize_with = "number::option")]
    pub progress: Option<f64>,
    /// What stopped it.
    #[serde(deserialize_with = "text::option")]
    pub error: Option<String>,
    /// Where in the code.
    #[serde(deserialize_with = "text::option")]
    pub stacktrace: Option<String>,
    /// Whether it failed in `initialize`.
    #[serde(deserialize_with = "flag::or_false")]
    pub has_initialize_error: bool,
    /// When it was asked for.
    #[serde(with = "date::spaced")]
    pub created: Option<Timestamp>,
    /// The first simulated day.
    #[serde(with = "date::spaced")]
    pub backtest_start: Option<Timestamp>,
    /// The last simulated day.
    #[serde(with = "date::spaced")]
    pub backtest_end: Option<Timestamp>,
    /// Simulated trading days.
    #[serde(deserialize_with = "number::option_integer")]
    pub tradeable_dates: Option<i64>,
    /// The optimization it belongs to.
    #[serde(deserialize_with = "text_id")]
    pub optimization_id: Option<OptimizationId>,
    /// The snapshot of the code.
    #[serde(deserialize_with = "number::option_integer")]
    pub snapshot_id: Option<i64>,
    /// The node that ran it.
    #[serde(deserialize_with = "text::option")]
    pub node_name: Option<String>,
    /// The parameters it ran with.
    #[serde(deserialize_with = "map::of_texts")]
    pub parameter_set: Map<String>,
    /// The service's judgement of how much was tried.
    #[serde(deserialize_with = "object::option")]
    pub research_guide: Option<ResearchGuide>,
    /// The charts it has; names only, until read one by one.
    #[serde(deserialize_with = "map::of")]
    pub charts: Map<Chart>,
    /// Figures of rolling windows, by `M1_yyyymmdd`, `M3_`, `M6_`, `M12_`.
    #[serde(deserialize_with = "map::of")]
    pub rolling_window: Map<AlgorithmPerformance>,
    /// Statistics as LEAN shows them while running.
    pub runtime_statistics: Statistics,
    /// Statistics of the finished run.
    pub statistics: Statistics,
    /// Figures of the whole run; may come a little later than the rest.
    #[serde(deserialize_with = "object::option")]
    pub total_performance: Option<AlgorithmPerformance>,
    /// The last day the optimizer was shown.
    #[serde(with = "date::spaced")]
    pub out_of_sample_max_end_date: Option<Timestamp>,
    /// Days kept from the optimizer.
    #[serde(deserialize_with = "number::option_integer")]
    pub out_of_sample_days: Option<i64>,
    /// Figures of the machine.
    #[serde(deserialize_with = "map::of_texts", skip_serializing_if = "Map::is_empty")]
    pub server_statistics: Map<String>,
    /// What the service noticed about the run.
    #[serde(deserialize_with = "list::of", skip_serializing_if = "Vec::is_empty")]
    pub analysis: Vec<AnalysisItem>,
}

impl Backtest {
    /// What stopped it, if something did.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        let said = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        if said(&self.error) {
            return self.error.as_deref();
        }
        if said(&self.stacktrace) {
            return self.stacktrace.as_deref();
        }
        self.status.is_error().then_some(self.status.words())
    }

    /// Whether nothing more will come but, perhaps, [`Backtest::total_performance`].
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.failure().is_some()
            || (self.completed && !self.runtime_statistics.is_empty() && !self.statistics.is_empty())
    }

    /// How far it is, from the member or from the words `Running: 12%`.
    #[must_use]
    pub fn share_done(&self) -> Option<f64> {
        self.progress.or_else(|| self.status.running())
    }
}

/// Reads an identifier that may be null or empty.
fn text_id<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(text::option(deserializer)?.filter(|text| !text.is_empty()).map(T::from))
}

/// The service's judgement of how much was tried on a project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResearchGuide {
    /// Minutes spent.
    #[serde(deserialize_with = "number::option")]
    pub minutes: Option<f64>,
    /// Backtests run.
    #[serde(deserialize_with = "number::option_integer")]
    pub backtest_count: Option<i64>,
    /// Parameters detected.
    #[serde(deserialize_with = "number::option_integer")]
    pub parameters: Option<i64>,
}

/// Something the service noticed about a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalysisItem {
    /// The check.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// What is wrong.
    #[serde(deserialize_with = "text::string")]
    pub issue: String,
    /// An example.
    pub sample: serde_json::Value,
    /// How often.
    #[serde(deserialize_with = "number::option_integer")]
    pub count: Option<i64>,
    /// What may help.
    #[serde(deserialize_with = "list::of_texts")]
    pub solutions: Vec<String>,
}

/// A backtest in a list. The figures are there when statistics were asked for and the run has them; rates are
/// in the scale of the display strings (percents), not in that of [`crate::model::PortfolioStatistics`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BacktestSummary {
    /// The backtest.
    pub backtest_id: BacktestId,
    /// How far it is.
    pub status: BacktestStatus,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// When it was asked for.
    #[serde(with = "date::spaced")]
    pub created: Option<Timestamp>,
    /// How far it is, 0 to 1.
    #[serde(deserialize_with = "number::option")]
    pub progress: Option<f64>,
    /// The optimization it belongs to.
    #[serde(deserialize_with = "text_id")]
    pub optimization_id: Option<OptimizationId>,
    /// Simulated trading days.
    #[serde(deserialize_with = "number::option_integer")]
    pub tradeable_dates: Option<i64>,
    /// The parameters it ran with.
    #[serde(deserialize_with = "map::of_texts")]
    pub parameter_set: Map<String>,
    /// The snapshot of the code.
    #[serde(deserialize_with = "number::option_integer")]
    pub snapshot_id: Option<i64>,
    /// Labels given to it.
    #[serde(deserialize_with = "list::of_texts")]
    pub tags: Vec<String>,
    /// What stopped it.
    #[serde(deserialize_with = "text::option")]
    pub error: Option<String>,
    /// Where in the code.
    #[serde(deserialize_with = "text::option")]
    pub stacktrace: Option<String>,
    /// Sharpe ratio.
    #[serde(deserialize_with = "number::option")]
    pub sharpe_ratio: Option<f64>,
    /// Alpha.
    #[serde(deserialize_with = "number::option")]
    pub alpha: Option<f64>,
    /// Beta.
    #[serde(deserialize_with = "number::option")]
    pub beta: Option<f64>,
    /// Compounding annual return.
    #[serde(deserialize_with = "number::option")]
    pub compounding_annual_return: Option<f64>,
    /// Largest fall.
    #[serde(deserialize_with = "number::option")]
    pub drawdown: Option<f64>,
    /// Share of losers.
    #[serde(deserialize_with = "number::option")]
    pub loss_rate: Option<f64>,
    /// Total return.
    #[serde(deserialize_with = "number::option")]
    pub net_profit: Option<f64>,
    /// How many parameters.
    #[serde(deserialize_with = "number::option_integer")]
    pub parameters: Option<i64>,
    /// Probabilistic Sharpe ratio.
    #[serde(deserialize_with = "number::option")]
    pub psr: Option<f64>,
    /// Kinds of securities; a number or a text.
    #[serde(deserialize_with = "text::option")]
    pub security_types: Option<String>,
    /// Sortino ratio.
    #[serde(deserialize_with = "number::option")]
    pub sortino_ratio: Option<f64>,
    /// Orders.
    #[serde(deserialize_with = "number::option_integer")]
    pub trades: Option<i64>,
    /// Treynor ratio.
    #[serde(deserialize_with = "number::option")]
    pub treynor_ratio: Option<f64>,
    /// Share of winners.
    #[serde(deserialize_with = "number::option")]
    pub win_rate: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_words_of_a_status() {
        assert!(BacktestStatus::from("Completed.").is_completed());
        assert!(BacktestStatus::from("In Queue...").is_queued());
        assert!(BacktestStatus::from("Runtime Error").is_error());
        assert_eq!(BacktestStatus::from("Running: 12%").running(), Some(0.12));
        assert_eq!(BacktestStatus::from("Running: _%").running(), None);
    }

    #[test]
    fn an_unfinished_backtest_reads_although_its_maps_are_lists() {
        let json = r#"{"backtestId":"b","completed":false,"statistics":[],"runtimeStatistics":[],"charts":[],
            "rollingWindow":[],"parameterSet":[],"totalPerformance":null,"status":"In Queue...","progress":0}"#;
        let backtest: Backtest = serde_json::from_str(json).unwrap();
        assert!(!backtest.is_finished());
        assert!(backtest.statistics.is_empty());
    }

    #[test]
    fn completed_without_statistics_is_not_finished() {
        let json = r#"{"backtestId":"b","completed":true,"statistics":[],"runtimeStatistics":{"Equity":"$1"}}"#;
        assert!(!serde_json::from_str::<Backtest>(json).unwrap().is_finished());
        let failed = r#"{"backtestId":"b","completed":false,"error":"oops"}"#;
        assert_eq!(serde_json::from_str::<Backtest>(failed).unwrap().failure(), Some("oops"));
    }
}
