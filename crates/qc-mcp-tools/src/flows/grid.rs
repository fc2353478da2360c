//! What an optimization is asked for, from a caller's words: target, grid, constraints, nodes; and what it costs.

use qc_api::model::{
    Constraint, ConstraintOperator, OptimizationBacktest, OptimizationCost, OptimizationNode, OptimizationParameter,
    OptimizationTarget, TargetDirection,
};
use serde_json::{Value, json};

use crate::{args::quote, error::ToolError, reply::Untrusted};

/// QCC per US dollar.
pub(crate) const QCC_PER_USD: f64 = 100.0;
/// Backtests of one optimization, more than which nobody means.
const MOST_POINTS: f64 = 10_000.0;

/// The statistic of a word such as `sharpe_ratio`, `Drawdown` or the service's own dotted name.
pub(crate) fn target(word: &str) -> Result<OptimizationTarget, ToolError> {
    let plain = |text: &str| -> String {
        let last = text.trim().rsplit('.').next().unwrap_or_default();
        last.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    let wanted = plain(word);
    OptimizationTarget::KNOWN.iter().find(|known| plain(known.as_str()) == wanted).cloned().ok_or_else(|| {
        let known: Vec<&str> = OptimizationTarget::KNOWN.iter().map(short).collect();
        ToolError::argument(format!("`{}` is no target; known: {}", quote(word), known.join(", ")))
    })
}

/// Our word for a target.
pub(crate) fn short(target: &OptimizationTarget) -> &'static str {
    match target {
        OptimizationTarget::SharpeRatio => "sharpe_ratio",
        OptimizationTarget::CompoundingAnnualReturn => "compounding_annual_return",
        OptimizationTarget::ProbabilisticSharpeRatio => "probabilistic_sharpe_ratio",
        OptimizationTarget::Drawdown => "drawdown",
        OptimizationTarget::Other(_) => "other",
    }
}

/// Which way is better; a drawdown is better small.
pub(crate) fn direction(word: Option<&str>, target: &OptimizationTarget) -> Result<TargetDirection, ToolError> {
    match word.map(|word| word.trim().to_lowercase()).as_deref() {
        Some("max") => Ok(TargetDirection::Max),
        Some("min") => Ok(TargetDirection::Min),
        Some(other) => Err(ToolError::argument(format!("target_to is max or min, found `{}`", quote(other)))),
        None if *target == OptimizationTarget::Drawdown => Ok(TargetDirection::Min),
        None => Ok(TargetDirection::Max),
    }
}

/// A model of node; the smallest one unless told otherwise.
pub(crate) fn node(word: Option<&str>) -> Result<OptimizationNode, ToolError> {
    let node = word.map_or(OptimizationNode::O2_8, |word| OptimizationNode::from_word(word.trim()));
    if OptimizationNode::KNOWN.contains(&node) {
        return Ok(node);
    }
    let known: Vec<&str> = OptimizationNode::KNOWN.iter().map(OptimizationNode::as_str).collect();
    Err(ToolError::argument(format!("`{}` is no node_type; known: {}", quote(node.as_str()), known.join(", "))))
}

/// How many nodes at once, within what the model allows.
pub(crate) fn parallel(wanted: Option<i64>, node: &OptimizationNode) -> Result<i64, ToolError> {
    let most = node.most_parallel().unwrap_or(1);
    match wanted.or_else(|| node.usual_parallel()).unwrap_or(1) {
        n if (1..=most).contains(&n) => Ok(n),
        n => Err(ToolError::argument(format!("parallel_nodes {n} of {}: 1 to {most} are possible", node.as_str()))),
    }
}

/// A parameter of the grid.
pub(crate) fn parameter(name: &str, min: f64, max: f64, step: f64) -> Result<OptimizationParameter, ToolError> {
    if name.trim().is_empty() {
        return Err(ToolError::argument("a parameter of the grid has no name"));
    }
    OptimizationParameter::range(name.trim(), min, max, step)
        .map_err(|_| ToolError::argument(format!("`{}`: min {min}, max {max}, step {step} span nothing", quote(name))))
}

/// A constraint such as `drawdown`, `<=`, 0.2.
pub(crate) fn constraint(of: &str, operator: &str, value: f64) -> Result<Constraint, ToolError> {
    let operator = match operator.trim() {
        "<=" => ConstraintOperator::LessOrEqual,
        "<" => ConstraintOperator::Less,
        ">=" => ConstraintOperator::GreaterOrEqual,
        ">" => ConstraintOperator::Greater,
        "!=" => ConstraintOperator::NotEqual,
        "==" | "=" => ConstraintOperator::Equals,
        word => ConstraintOperator::from_word(word),
    };
    if !ConstraintOperator::KNOWN.contains(&operator) {
        return Err(ToolError::argument(format!(
            "`{}` is no operator; known: <=, <, >=, >, ==, != or the service's words",
            quote(operator.as_str())
        )));
    }
    let target = target(of)?;
    check_value(&target, value)?;
    Ok(Constraint { target, operator, target_value: value })
}

/// Whether the service tells a target's figures in percents; what it compares with are fractions all the same.
pub(crate) fn is_percent(target: &OptimizationTarget) -> bool {
    matches!(
        target,
        OptimizationTarget::CompoundingAnnualReturn
            | OptimizationTarget::ProbabilisticSharpeRatio
            | OptimizationTarget::Drawdown
    )
}

/// Refuses a value that can only be meant in percents: no drawdown and no probability is above 1.
pub(crate) fn check_value(target: &OptimizationTarget, value: f64) -> Result<(), ToolError> {
    let is_share = matches!(target, OptimizationTarget::ProbabilisticSharpeRatio | OptimizationTarget::Drawdown);
    if is_share && 1.0 < value.abs() {
        return Err(ToolError::argument(format!(
            "{} {value} is no fraction: 20 % is 0.2; nothing was sent",
            short(target)
        )));
    }
    Ok(())
}

/// Whether a backtest of an optimization ended well.
pub(crate) fn is_done(run: &OptimizationBacktest) -> bool {
    run.exit_code.is_none_or(|code| code == 0) && run.progress.is_none_or(|share| 1.0 <= share)
}

/// Whether the figures of a backtest fulfil all constraints; a figure that is not told fulfils none.
pub(crate) fn fulfils(run: &OptimizationBacktest, constraints: &[Constraint]) -> bool {
    constraints.iter().all(|constraint| {
        let scale = if is_percent(&constraint.target) { 0.01 } else { 1.0 };
        let Some(value) = title(&constraint.target).and_then(|title| run.statistics.figure(title)) else {
            return false;
        };
        let (value, wanted) = (value * scale, constraint.target_value);
        // Percents are rounded to some digits.
        let is_same = (value - wanted).abs() < 1e-9;
        match constraint.operator {
            ConstraintOperator::LessOrEqual => value < wanted || is_same,
            ConstraintOperator::Less => value < wanted && !is_same,
            ConstraintOperator::GreaterOrEqual => wanted < value || is_same,
            ConstraintOperator::Greater => wanted < value && !is_same,
            ConstraintOperator::NotEqual => !is_same,
            ConstraintOperator::Equals => is_same,
            // A comparison this version does not know may or may not hold.
            _ => true,
        }
    })
}

/// The title of a target's figure.
pub(crate) fn title(target: &OptimizationTarget) -> Option<&'static str> {
    Some(match target {
        OptimizationTarget::SharpeRatio => "Sharpe Ratio",
        OptimizationTarget::CompoundingAnnualReturn => "Compounding Annual Return",
        OptimizationTarget::ProbabilisticSharpeRatio => "Probabilistic Sharpe Ratio",
        OptimizationTarget::Drawdown => "Drawdown",
        _ => return None,
    })
}

/// Constraints as they are shown: values as fractions.
pub(crate) fn shown_constraints(constraints: &[Constraint]) -> Vec<Value> {
    let word = |operator: &ConstraintOperator| match ConstraintOperator::KNOWN.contains(operator) {
        true => operator.as_str().to_owned(),
        false => "other".to_owned(),
    };
    let of = |one: &Constraint| json!({"target": short(&one.target), "operator": word(&one.operator), "target_value": one.target_value});
    constraints.iter().map(of).collect()
}

/// The number of backtests of a grid, refused when nobody can mean it.
pub(crate) fn points(grid: &[OptimizationParameter]) -> Result<f64, ToolError> {
    if grid.is_empty() {
        return Err(ToolError::argument("`parameters` is empty; give at least one {name, min, max, step}"));
    }
    let points: f64 = grid.iter().map(OptimizationParameter::values).product();
    if MOST_POINTS < points {
        return Err(ToolError::argument(format!(
            "the grid has {points:.0} points, at most {MOST_POINTS:.0} are taken; widen the steps"
        )));
    }
    Ok(points)
}

/// What a grid costs when one backtest takes `seconds`, by lean-cli's rule.
pub(crate) fn cost(
    grid: &[OptimizationParameter],
    seconds: f64,
    node: &OptimizationNode,
    parallel: i64,
) -> Result<OptimizationCost, ToolError> {
    OptimizationCost::of(grid, seconds, node, parallel)
        .ok_or_else(|| ToolError::argument("no cost can be told for this grid and node"))
}

/// A grid as it is shown: the names are the caller's code's.
pub(crate) fn shown(grid: &[OptimizationParameter]) -> Vec<Value> {
    grid.iter()
        .map(|one| {
            json!({"name": Untrusted::new(one.name.as_str()).shortened(60), "min": one.min, "max": one.max, "step": one.step})
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_known_by_our_words_and_by_the_services() {
        for word in ["sharpe_ratio", "Sharpe Ratio", "TotalPerformance.PortfolioStatistics.SharpeRatio"] {
            assert_eq!(target(word).unwrap(), OptimizationTarget::SharpeRatio, "{word}");
        }
        assert!(target("beta").unwrap_err().message.contains("sharpe_ratio"));
    }

    #[test]
    fn a_drawdown_is_made_small_and_everything_else_large() {
        assert_eq!(direction(None, &OptimizationTarget::Drawdown).unwrap(), TargetDirection::Min);
        assert_eq!(direction(None, &OptimizationTarget::SharpeRatio).unwrap(), TargetDirection::Max);
        assert!(direction(Some("up"), &OptimizationTarget::SharpeRatio).is_err());
    }

    #[test]
    fn grids_that_span_nothing_or_too_much_are_refused() {
        assert!(parameter("a", 2.0, 1.0, 1.0).is_err() && parameter("", 1.0, 2.0, 1.0).is_err());
        assert!(points(&[]).is_err());
        assert!(points(&[parameter("a", 0.0, 1e6, 1.0).unwrap()]).is_err());
        assert_eq!(points(&[parameter("a", 0.0, 1.0, 0.5).unwrap()]).unwrap(), 3.0);
    }

    #[test]
    fn percents_where_fractions_are_meant_are_refused() {
        assert!(constraint("drawdown", "<=", 20.0).unwrap_err().message.contains("20 % is 0.2"));
        assert!(check_value(&OptimizationTarget::ProbabilisticSharpeRatio, 95.0).is_err());
        check_value(&OptimizationTarget::CompoundingAnnualReturn, 1.5).unwrap();
        check_value(&OptimizationTarget::SharpeRatio, 3.0).unwrap();
    }

    #[test]
    fn a_run_counts_when_it_ended_well_and_fulfils_the_constraints() {
        let run = |progress: f64, exit_code: i64, drawdown: f64| -> OptimizationBacktest {
            let value = json!({"progress": progress, "exitCode": exit_code, "statistics": {"Drawdown": drawdown}});
            serde_json::from_value(value).unwrap()
        };
        assert!(is_done(&run(1.0, 0, 1.0)) && !is_done(&run(0.05, 0, 1.0)) && !is_done(&run(1.0, 1, 1.0)));
        let most = [constraint("drawdown", "<=", 0.2).unwrap()];
        let told = run(1.0, 0, 20.0).statistics.figure("Drawdown");
        assert_eq!(told, Some(20.0), "percents");
        assert!(fulfils(&run(1.0, 0, 20.0), &most) && !fulfils(&run(1.0, 0, 20.1), &most));
        assert!(!fulfils(&run(1.0, 0, 20.0), &[constraint("sharpe_ratio", ">", 0.0).unwrap()]), "not told");
    }

    #[test]
    fn constraints_take_signs_and_words() {
        assert_eq!(constraint("drawdown", "<=", 0.2).unwrap().operator, ConstraintOperator::LessOrEqual);
        assert_eq!(constraint("drawdown", "greater", 0.2).unwrap().operator, ConstraintOperator::Greater);
        assert!(constraint("drawdown", "about", 0.2).is_err());
    }

    #[test]
    fn nodes_and_how_many_stay_within_the_table() {
        let small = node(None).unwrap();
        assert_eq!((small.as_str(), parallel(None, &small).unwrap()), ("O2-8", 12));
        assert!(
            node(Some("O1-1")).is_err() && parallel(Some(25), &small).is_err() && parallel(Some(0), &small).is_err()
        );
    }
}
