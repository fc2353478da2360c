//! What the points of a grid came to, and which of them is the best.

use std::sync::Arc;

use qc_api::endpoints::optimizations::CreateOptimization;
use qc_api::model::{
    Constraint, ConstraintOperator, OptimizationBacktest, OptimizationStatistics, OptimizationTarget,
    PortfolioStatistics, TargetDirection,
};

use super::point_name;
use crate::code;
use crate::endpoints::compile;
use crate::market::Market;
use crate::refuse::{self, Answer};
use crate::report::Report;
use crate::run::charts;
use crate::world::{Call, Optimization, World};

/// A point and its figures.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) shown: OptimizationBacktest,
    /// `None` when its code raised.
    figures: Option<PortfolioStatistics>,
}

impl Outcome {
    pub(super) fn is_failed(&self) -> bool {
        self.figures.is_none()
    }

    /// The figure the optimization goes by, if the point counts: it ran, and keeps all constraints.
    fn value(&self, request: &CreateOptimization) -> Option<f64> {
        let figures = self.figures.as_ref()?;
        if request.constraints.iter().all(|constraint| is_kept(constraint, figures)) {
            figure(&request.target, figures)
        } else {
            None
        }
    }
}

/// The outcomes of the whole grid, in its order.
pub(super) fn all(world: &World, call: &Call<'_>, optimization: &Optimization) -> Answer<Arc<Vec<Outcome>>> {
    let missing = || refuse::compile_not_found(&optimization.compile);
    let compile = world.compiles.get(&optimization.compile).ok_or_else(missing)?;
    let results = optimization.results.get_or_init(|| {
        let program = code::read(&compile::sources(&compile.files), |word| Market::find(word).is_some());
        let market = call.market();
        let points = optimization.points.iter().enumerate();
        let outcomes =
            points.map(|(at, (id, values))| outcome(at, id, values, &Report::of(id, &program, values, &market)));
        Arc::new(outcomes.collect())
    });
    Ok(Arc::clone(results))
}

/// The best of the first so many points, if any counts.
pub(super) fn best<'a>(request: &CreateOptimization, outcomes: &'a [Outcome], done: usize) -> Option<&'a Outcome> {
    let counted = outcomes.iter().take(done).filter_map(|outcome| Some((outcome.value(request)?, outcome)));
    let better = |value: f64| if request.target_to == TargetDirection::Min { -value } else { value };
    counted.max_by(|(a, _), (b, _)| better(*a).total_cmp(&better(*b))).map(|(_, outcome)| outcome)
}

/// The first point that reaches the value asked for: the search ends with its round.
pub(super) fn reaching(request: &CreateOptimization, outcomes: &[Outcome]) -> Option<usize> {
    let wanted = request.target_value?;
    let reaches =
        |value: f64| if request.target_to == TargetDirection::Min { value <= wanted } else { wanted <= value };
    outcomes.iter().position(|outcome| outcome.value(request).is_some_and(reaches))
}

/// Refuses targets and comparisons the service does not name.
pub(super) fn check(target: &OptimizationTarget, constraints: &[Constraint]) -> Answer<()> {
    let unknown = |word: &str| Err(refuse::optimization_parameters_not_valid(&format!("unknown: {word}")));
    for target in [target].into_iter().chain(constraints.iter().map(|constraint| &constraint.target)) {
        if let OptimizationTarget::Other(word) = target {
            return unknown(word);
        }
    }
    match constraints.iter().find_map(|constraint| match &constraint.operator {
        ConstraintOperator::Other(word) => Some(word),
        _ => None,
    }) {
        Some(word) => unknown(word),
        None => Ok(()),
    }
}

/// Figures are fractions here, as LEAN compares them: a drawdown of 5% is 0.05.
fn is_kept(constraint: &Constraint, figures: &PortfolioStatistics) -> bool {
    let Some(value) = figure(&constraint.target, figures) else { return false };
    let limit = constraint.target_value;
    match constraint.operator {
        ConstraintOperator::LessOrEqual => value <= limit,
        ConstraintOperator::Less => value < limit,
        ConstraintOperator::GreaterOrEqual => limit <= value,
        ConstraintOperator::Greater => limit < value,
        ConstraintOperator::NotEqual => value != limit,
        ConstraintOperator::Equals => value == limit,
        ConstraintOperator::Other(_) => false,
    }
}

fn figure(target: &OptimizationTarget, figures: &PortfolioStatistics) -> Option<f64> {
    match target {
        OptimizationTarget::SharpeRatio => figures.sharpe_ratio,
        OptimizationTarget::CompoundingAnnualReturn => figures.compounding_annual_return,
        OptimizationTarget::ProbabilisticSharpeRatio => figures.probabilistic_sharpe_ratio,
        OptimizationTarget::Drawdown => figures.drawdown,
        OptimizationTarget::Other(_) => None,
    }
}

fn outcome(at: usize, id: &str, values: &[(String, String)], report: &Report) -> Outcome {
    let failed = report.failure.is_some();
    let curve = report.charts.get("Strategy Equity").map(|chart| charts::sampled(chart, 100, 0, i64::MAX));
    let days = &report.run.days;
    let shown = OptimizationBacktest {
        name: point_name(at),
        id: id.to_owned(),
        host_name: None,
        progress: Some(1.0),
        exit_code: Some(i64::from(failed)),
        statistics: OptimizationStatistics(
            report
                .statistics
                .iter()
                .filter(|_| !failed)
                .filter_map(|(title, text)| Some((title.to_owned(), Some(bare(text)?))))
                .collect(),
        ),
        parameter_set: values.iter().cloned().collect(),
        equity: curve
            .filter(|_| !failed)
            .and_then(|mut chart| chart.series.shift_remove("Equity"))
            .map(|series| series.values)
            .unwrap_or_default(),
        start_date: days.first().map(|day| day.opened),
        end_date: days.last().map(|day| day.at),
        out_of_sample_days: Some(0),
    };
    Outcome { shown, figures: report.performance.portfolio_statistics.clone().filter(|_| !failed) }
}

/// `77.188%` and `$12.50` as bare numbers, in the units of the text.
fn bare(text: &str) -> Option<f64> {
    text.trim_matches(['%', '$', ' ']).parse().ok()
}
