//! What accounts let the service do: compiles, backtests, optimizations, deployments.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use qc_api::brokerage::StartHolding;
use qc_api::endpoints::optimizations::CreateOptimization;
use qc_api::model::LiveStatus;
use serde::{Deserialize, Serialize};

use crate::code::BuildError;
use crate::endpoints::optimizations::Outcome;
use crate::report::Report;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Compile {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) created: Timestamp,
    pub(crate) ready: Timestamp,
    pub(crate) signature: String,
    /// The code as it was: later edits do not change what a backtest runs.
    pub(crate) files: Vec<(String, String)>,
    pub(crate) errors: Vec<BuildError>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Backtest {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) compile: String,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) created: Timestamp,
    /// First progress.
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
    pub(crate) snapshot: i64,
    pub(crate) node: String,
    /// When each chart was first asked for.
    pub(crate) charts_asked: BTreeMap<String, Timestamp>,
    /// When the report was first asked for.
    pub(crate) report_asked: Option<Timestamp>,
    /// The optimization it is a point of; such a backtest runs on nodes of its own.
    #[serde(default)]
    pub(crate) optimization: Option<String>,
    /// Follows from code, parameters and market; computed when first needed.
    #[serde(skip)]
    pub(crate) report: OnceLock<Arc<Report>>,
}

/// A live algorithm. Settings of its brokerage are checked and forgotten: they are secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) compile: String,
    pub(crate) node: String,
    pub(crate) brokerage: String,
    pub(crate) is_paper: bool,
    /// Cash to start with, by currency; none leaves it to the code.
    #[serde(default)]
    pub(crate) cash: Vec<(String, f64)>,
    /// Shares to start with.
    #[serde(default)]
    pub(crate) holdings: Vec<StartHolding>,
    /// The code raises: it ends as soon as it runs.
    #[serde(default)]
    pub(crate) fails: bool,
    pub(crate) launched: Timestamp,
    /// When it has started up.
    pub(crate) running: Timestamp,
    /// When and how somebody ended it; see [`Deployment::end`].
    pub(crate) ended: Option<(Timestamp, String)>,
    /// Commands it received while it ran.
    pub(crate) commands: Vec<(Timestamp, serde_json::Value)>,
    /// Orders deployments of the same moment.
    pub(crate) number: i64,
    /// When charts and orders were first asked for.
    pub(crate) asked: BTreeMap<String, Timestamp>,
    /// What is announced: `orderEvent`, `insight`.
    #[serde(default)]
    pub(crate) announces: Vec<String>,
    #[serde(default)]
    pub(crate) restarts: bool,
}

/// A search over a grid of parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Optimization {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) compile: String,
    pub(crate) name: String,
    pub(crate) request: CreateOptimization,
    pub(crate) created: Timestamp,
    pub(crate) aborted: Option<Timestamp>,
    pub(crate) snapshot: i64,
    /// One entry per point of the grid: an identifier and the values.
    pub(crate) points: Vec<(String, Vec<(String, String)>)>,
    /// How many points are run at most: fewer than there are when one of them reaches the value asked for.
    #[serde(default)]
    pub(crate) runs: Option<usize>,
    /// Seconds per backtest, as the clock stood at the start.
    pub(crate) step: f64,
    /// Follows from code, parameters and market; computed when first needed.
    #[serde(skip)]
    pub(crate) results: OnceLock<Arc<Vec<Outcome>>>,
}

impl Deployment {
    /// When and how it has ended by now, by somebody's will or by an error of its own.
    pub(crate) fn end(&self, now: Timestamp) -> Option<(Timestamp, LiveStatus)> {
        match &self.ended {
            Some((at, status)) => Some((*at, LiveStatus::from_word(status))),
            None if self.fails && self.running <= now => Some((self.running, LiveStatus::RuntimeError)),
            None => None,
        }
    }

    /// Whether it holds its node and its project.
    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        self.end(now).is_none()
    }

    /// Whether it has run by now: it may have been ended before.
    pub(crate) fn has_run(&self, now: Timestamp) -> bool {
        self.running <= now && self.ended.as_ref().is_none_or(|(at, _)| self.running <= *at)
    }
}
