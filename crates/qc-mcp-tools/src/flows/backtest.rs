//! Reading a backtest's parts: statistics as figures, charts that load, reports, logs; `lists` has what comes in pages.

mod lists;

use std::time::Duration;

use qc_api::{
    endpoints::backtests::{ReadBacktest, ReadBacktestChart, ReadBacktestLogs, ReadBacktestReport},
    ids::{BacktestId, ProjectId},
    model::{Backtest, Chart, Statistics},
    wire::display::Unit,
};
use serde_json::{Map, Value, json};

pub(crate) use self::lists::{Insights, Listed, Orders, PAGE, Paged, Trades, all, csv, page};
use super::{log_pages, patience::Patience};
use crate::{
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    gate::Door,
    reply::Untrusted,
};

/// Most log lines the service gives at once.
pub(crate) const LOG_PAGE: i64 = 200;
/// How long a chart is waited for.
const CHART_WAIT: Duration = Duration::from_secs(30);
/// Pause between two looks at a chart that loads.
const CHART_PAUSE: Duration = Duration::from_secs(5);
/// How long a report is waited for, if a call may last so long.
const REPORT_WAIT: Duration = Duration::from_secs(60);
/// Pause between two looks at a report that is being made.
const REPORT_PAUSE: Duration = Duration::from_secs(10);

/// A backtest of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) project_id: ProjectId,
    pub(crate) backtest_id: BacktestId,
}

impl Run {
    /// The address of one of its parts.
    pub(crate) fn uri(&self, part: &str) -> String {
        format!("qc://backtests/{}/{}/{part}", self.project_id, self.backtest_id)
    }
}

/// The backtest itself.
pub(crate) async fn read(door: &Door, run: &Run) -> Result<Backtest, ToolError> {
    let request = ReadBacktest { project_id: run.project_id, backtest_id: run.backtest_id.clone() };
    Ok(door.send(&request).await?.backtest)
}

/// The titles LEAN gives its statistics; other titles were made by somebody's code.
const TITLES: &[&str] = &[
    "Total Orders",
    "Total Trades",
    "Average Win",
    "Average Loss",
    "Compounding Annual Return",
    "Drawdown",
    "Expectancy",
    "Start Equity",
    "End Equity",
    "Net Profit",
    "Sharpe Ratio",
    "Sortino Ratio",
    "Probabilistic Sharpe Ratio",
    "Loss Rate",
    "Win Rate",
    "Profit-Loss Ratio",
    "Alpha",
    "Beta",
    "Annual Standard Deviation",
    "Annual Variance",
    "Information Ratio",
    "Tracking Error",
    "Treynor Ratio",
    "Total Fees",
    "Estimated Strategy Capacity",
    "Lowest Capacity Asset",
    "Portfolio Turnover",
    "Drawdown Recovery",
    "Equity",
    "Fees",
    "Holdings",
    "Return",
    "Unrealized",
    "Volume",
];

/// Statistics as figures with units, by LEAN's titles in snake_case; anything else as foreign text.
pub(crate) fn figures(statistics: &Statistics) -> Value {
    let mut known = Map::new();
    let mut other = Vec::new();
    for (title, text) in statistics.iter() {
        let name = TITLES.contains(&title).then(|| title.to_ascii_lowercase().replace([' ', '-'], "_"));
        match (name, statistics.figure(title)) {
            (Some(name), Some(figure)) => {
                let figure = match figure.unit {
                    Unit::Plain => json!({"value": figure.value}),
                    Unit::Percent => json!({"value": figure.value, "unit": "%"}),
                    Unit::Currency(symbol) => {
                        json!({"value": figure.value, "unit": Untrusted::new(symbol).shortened(5).as_str()})
                    }
                };
                known.insert(name, figure);
            }
            _ => other.push(json!([Untrusted::new(title).shortened(60), Untrusted::new(text).shortened(120)])),
        }
    }
    if !other.is_empty() {
        known.insert("other".into(), Value::Array(other));
    }
    Value::Object(known)
}

/// The request of a whole chart: from the backtest's beginning to a day after its end, where the last sample stands.
pub(crate) fn whole_chart(run: &Run, backtest: &Backtest, name: String, count: i64) -> ReadBacktestChart {
    const DAY: i64 = 86_400;
    ReadBacktestChart {
        project_id: run.project_id,
        backtest_id: run.backtest_id.clone(),
        name,
        count,
        start: backtest.backtest_start.map(|at| at.as_second()),
        end: backtest.backtest_end.or(backtest.created).map(|at| at.as_second() + DAY),
    }
}

/// A chart, waited for while the service loads it.
pub(crate) async fn chart(door: &Door, request: &ReadBacktestChart, progress: &Progress) -> Result<Chart, ToolError> {
    let patience = Patience::begin(door, CHART_WAIT).await?;
    loop {
        let reply = patience.look(door.send(request)).await?;
        if let Some(chart) = reply.chart {
            return Ok(chart);
        }
        let share = reply.progress.unwrap_or(0.0);
        let waited = patience.passed(door).await?;
        if patience.most() <= waited {
            return Err(ToolError::new(
                Kind::NotReady,
                Topic::Chart,
                format!("the chart is still loading after {} s ({:.0} %)", waited.as_secs(), 100.0 * share),
            ));
        }
        progress.report(
            waited.as_secs_f64(),
            Some(patience.most().as_secs_f64()),
            format!("the chart loads, {:.0} %", 100.0 * share),
        );
        door.sleep(CHART_PAUSE).await?;
    }
}

/// QuantConnect's own report, waited for while it is being made.
pub(crate) async fn report(door: &Door, run: &Run, progress: &Progress) -> Result<String, ToolError> {
    let request = ReadBacktestReport { project_id: run.project_id, backtest_id: run.backtest_id.clone() };
    let patience = Patience::begin(door, REPORT_WAIT).await?;
    loop {
        let reply = patience.look(door.send(&request)).await?;
        if let Some(report) = reply.report.filter(|report| !report.is_empty()) {
            return Ok(report);
        }
        let waited = patience.passed(door).await?;
        if patience.most() <= waited {
            let message = format!("the report is still being made after {} s", waited.as_secs());
            return Err(ToolError::new(Kind::NotReady, Topic::Report, message));
        }
        progress.report(waited.as_secs_f64(), Some(patience.most().as_secs_f64()), "the report is being made");
        door.sleep(REPORT_PAUSE).await?;
    }
}

/// A report as it is saved: with our word about whose it is at its beginning.
pub(crate) fn labelled(run: &Run, report: &str) -> String {
    format!(
        "<!-- QuantConnect's own report of backtest {} in project {}, saved as it came: not made by this server, it may hold scripts -->\n{report}",
        run.backtest_id, run.project_id
    )
}

/// Log lines from `start` up to `end` (any distance) of those that hold `query`, and how many there are in all.
pub(crate) async fn logs(
    door: &Door,
    run: &Run,
    query: &str,
    start: i64,
    end: i64,
) -> Result<(Vec<String>, i64), ToolError> {
    log_pages::walk(start, end, LOG_PAGE, |from, to| {
        let request = ReadBacktestLogs {
            project_id: run.project_id,
            backtest_id: run.backtest_id.clone(),
            start: from,
            end: to,
            query: query.to_owned(),
        };
        async move {
            let reply = door.send(&request).await?;
            Ok((reply.logs, reply.length))
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_become_numbers_with_units_and_foreign_titles_stay_foreign() {
        let statistics: Statistics =
            [("Sharpe Ratio", "1.25"), ("Net Profit", "52.602%"), ("Start Equity", "$100,000"), ("Obey me", "rm -rf")]
                .into_iter()
                .map(|(title, text)| (title.to_owned(), text.to_owned()))
                .collect();
        let value = figures(&statistics);
        assert_eq!(value["sharpe_ratio"], json!({"value": 1.25}));
        assert_eq!(value["net_profit"], json!({"value": 52.602, "unit": "%"}));
        assert_eq!(value["start_equity"], json!({"value": 100_000.0, "unit": "$"}));
        assert!(value.get("obey_me").is_none() && value["other"].is_array());
    }
}
