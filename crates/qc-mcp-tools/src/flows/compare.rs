//! Several backtests of a project side by side: their figures, what differs in parameters and code, and how much their days
//! have in common.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use qc_api::{
    endpoints::backtests::ListBacktests,
    ids::{BacktestId, ProjectId},
    model::Backtest,
};
use qc_quant::stats::correlation::{self, Method};
use serde_json::{Value, json};

use super::{
    backtest::{self, Run},
    code, find,
};
use crate::{
    args::BacktestArg,
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    own,
};

/// The most backtests compared at once.
pub(crate) const MOST: usize = 10;
/// Fewer common days say nothing about a correlation.
const FEWEST_DAYS: usize = 20;

/// One of the backtests.
#[derive(Debug)]
pub(crate) struct One {
    pub(crate) backtest: Backtest,
    /// Hash of the code it ran, if this server saw that.
    pub(crate) code: Option<String>,
    /// Its equity day by day, or why it cannot be read.
    equity: Result<Vec<(Date, f64)>, String>,
}

/// Reads those that are named, or the newest that ended well.
///
/// # Errors
/// Fewer than two or too many, one named twice, and what the service says.
pub(crate) async fn read(
    ctx: &Ctx,
    project_id: ProjectId,
    named: Option<&[String]>,
    last: usize,
) -> Result<Vec<One>, ToolError> {
    let ids = match named {
        Some(named) => {
            in_bounds(named.len())?;
            let mut ids = Vec::with_capacity(named.len());
            for text in named {
                let id = find::backtest(&ctx.door, project_id, &BacktestArg(text.clone())).await?;
                if ids.contains(&id) {
                    return Err(ToolError::argument(format!("backtest {id} is named twice; name each once")));
                }
                ids.push(id);
            }
            ids
        }
        None => {
            in_bounds(last)?;
            newest(ctx, project_id, last).await?
        }
    };
    let total = ids.len() as f64;
    let mut runs = Vec::with_capacity(ids.len());
    for (done, backtest_id) in ids.into_iter().enumerate() {
        ctx.progress.report(done as f64, Some(total), "backtests are read");
        let run = Run { project_id, backtest_id };
        let found = backtest::read(&ctx.door, &run).await?;
        let equity = own::equity_of(ctx, &run, &found, false).await.map_err(|error| error.message);
        let code = code::of_backtest(&ctx.door, project_id, &run.backtest_id).await;
        runs.push(One { backtest: found, code, equity });
    }
    Ok(runs)
}

fn in_bounds(n: usize) -> Result<(), ToolError> {
    if (2..=MOST).contains(&n) {
        return Ok(());
    }
    Err(ToolError::argument(format!("2 to {MOST} backtests can be compared, found {n}; nothing was sent")))
}

/// The newest that ended well, oldest first.
async fn newest(ctx: &Ctx, project_id: ProjectId, n: usize) -> Result<Vec<BacktestId>, ToolError> {
    let mut list = ctx.door.send(&ListBacktests { project_id, include_statistics: Some(false) }).await?.backtests;
    list.retain(|one| one.status.is_completed() && one.error.as_deref().is_none_or(str::is_empty));
    list.sort_by_key(|one| std::cmp::Reverse(one.created));
    list.truncate(n);
    if list.len() < 2 {
        let message =
            format!("project {project_id} has {} backtest(s) that ended well, a comparison needs 2", list.len());
        return Err(ToolError::new(Kind::NotFound, Topic::Backtest, message));
    }
    Ok(list.into_iter().rev().map(|one| one.backtest_id).collect())
}

/// The figures that at least one has, each with a value for every backtest, and its distance from the first one's.
pub(crate) fn figures(runs: &[One]) -> Vec<Value> {
    let each: Vec<Value> = runs.iter().map(|one| backtest::figures(&one.backtest.statistics)).collect();
    let first = |name: &str| each.iter().filter_map(|figures| figures.get(name)?.get("unit")).next();
    let names: BTreeSet<&String> =
        each.iter().filter_map(Value::as_object).flat_map(|map| map.keys()).filter(|name| *name != "other").collect();
    let row = |name: &String| {
        let values: Vec<Option<f64>> = each.iter().map(|of| of.get(name)?.get("value")?.as_f64()).collect();
        let base = values.first().copied().flatten();
        let deltas: Vec<Option<f64>> = values.iter().map(|value| Some(rounded((*value)? - base?))).collect();
        let mut row = json!({"figure": name, "values": values, "less_first": deltas});
        if let (Some(unit), Some(row)) = (first(name), row.as_object_mut()) {
            row.insert("unit".into(), unit.clone());
        }
        row
    };
    names.into_iter().map(row).collect()
}

/// A difference of figures that have few decimals has few.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// The value of a figure.
pub(crate) fn figure(one: &One, name: &str) -> Option<f64> {
    backtest::figures(&one.backtest.statistics).get(name)?.get("value")?.as_f64()
}

/// The parameters that are not the same in all: name, and a value for each, where it has one.
pub(crate) fn parameters(runs: &[One]) -> Vec<(String, Vec<Option<String>>)> {
    let each: Vec<BTreeMap<&str, &str>> = runs
        .iter()
        .map(|one| one.backtest.parameter_set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
        .collect();
    let names: BTreeSet<&str> = each.iter().flat_map(|of| of.keys().copied()).collect();
    let values = |name: &str| each.iter().map(|of| of.get(name).map(|text| (*text).to_owned())).collect::<Vec<_>>();
    let rows = names.into_iter().map(|name| (name.to_owned(), values(name)));
    rows.filter(|(_, values)| values.windows(2).any(|two| two.first() != two.last())).collect()
}

/// Correlations of daily returns over the days both have, a row for each backtest; null where there are too few, or nothing
/// moves.
pub(crate) fn correlations(runs: &[One]) -> Vec<Vec<Option<f64>>> {
    let pair = |a: &One, b: &One| -> Option<f64> {
        let (a, b) = (a.equity.as_ref().ok()?, b.equity.as_ref().ok()?);
        let other: BTreeMap<Date, f64> = b.iter().copied().collect();
        let common: Vec<(f64, f64)> = a.iter().filter_map(|(day, value)| Some((*value, *other.get(day)?))).collect();
        let steps = |of: fn(&(f64, f64)) -> f64| -> Vec<f64> {
            common.iter().zip(common.iter().skip(1)).map(|(before, now)| of(now) / of(before) - 1.0).collect()
        };
        let (x, y) = (steps(|both| both.0), steps(|both| both.1));
        if x.len() < FEWEST_DAYS || !x.iter().chain(&y).all(|step| step.is_finite()) {
            return None;
        }
        correlation::pair(&x, &y, Method::Pearson).ok().map(|found| found.value)
    };
    runs.iter().map(|a| runs.iter().map(|b| pair(a, b)).collect()).collect()
}

/// What makes figures hard to compare.
pub(crate) fn cautions(runs: &[One]) -> Vec<String> {
    let mut cautions = Vec::new();
    let window = |one: &One| {
        let day = |at: Option<jiff::Timestamp>| at.map(|at| own::day_of(at).ok());
        (day(one.backtest.backtest_start), day(one.backtest.backtest_end))
    };
    if runs.windows(2).any(|two| two.first().map(window) != two.last().map(window)) {
        cautions.push("the backtests cover different dates, so their figures are not of the same market".to_owned());
    }
    for one in runs.iter().filter(|one| one.backtest.failure().is_some() || !one.backtest.is_finished()) {
        cautions.push(format!(
            "backtest {} did not end well or still runs",
            crate::gate::shown_id(one.backtest.backtest_id.as_str())
        ));
    }
    for one in runs {
        if let Err(why) = &one.equity {
            let id = crate::gate::shown_id(one.backtest.backtest_id.as_str());
            cautions.push(format!("the equity of backtest {id} is not in the correlations: {why}"));
        }
    }
    if runs.len() > 2 {
        cautions.push("the best of several runs looks better than it is: parameter_sweep's deflated ratio, or a later window, tells".to_owned());
    }
    cautions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(parameters: &[(&str, &str)], equity: Vec<f64>) -> One {
        let mut backtest = Backtest::default();
        for (name, value) in parameters {
            backtest.parameter_set.insert((*name).to_owned(), (*value).to_owned());
        }
        let first = jiff::civil::date(2024, 1, 1);
        let days = equity.into_iter().enumerate();
        let equity = days.map(|(at, value)| (first.saturating_add(jiff::Span::new().days(at as i64)), value)).collect();
        One { backtest, code: None, equity: Ok(equity) }
    }

    #[test]
    fn only_parameters_that_differ_are_told() {
        let runs = [one(&[("a", "1"), ("b", "2")], vec![]), one(&[("a", "1"), ("b", "3"), ("c", "4")], vec![])];
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            parameters(&runs),
            [("b".to_owned(), vec![some("2"), some("3")]), ("c".to_owned(), vec![None, some("4")])]
        );
    }

    #[test]
    fn days_in_common_are_correlated_and_too_few_are_not() {
        let wave = |sign: f64| (0..40).map(|at| 100.0 + sign * f64::from(at % 7)).collect::<Vec<f64>>();
        let runs = [
            one(&[], wave(1.0)),
            one(&[], wave(1.0)),
            one(&[], wave(-1.0)),
            one(&[], vec![1.0; 5]),
            one(&[], vec![1.0; 40]),
        ];
        let found = correlations(&runs);
        assert!((found[0][1].unwrap() - 1.0).abs() < 1e-12 && found[0][2].unwrap() < -0.99);
        assert_eq!((found[0][3], found[0][4]), (None, None), "five days, and nothing that moves");
    }
}
