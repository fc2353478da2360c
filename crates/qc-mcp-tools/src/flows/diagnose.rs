//! Why a backtest failed, traded nothing or looks odd: what its error, log, figures, parameters and code say, in our words.
//!
//! The sentences of LEAN that are known here stand in its `Common/Messages` and `Engine`; a sentence that is not known is shown
//! and not explained.

use qc_api::{
    endpoints::files::ReadFiles,
    ids::ProjectId,
    model::{Backtest, ProjectFile},
};
use serde::Serialize;

use super::{
    backtest::{self, Run},
    code,
    compile::BuildError,
    run_backtest,
};
use crate::{ctx::Ctx, error::ToolError};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Weight {
    /// It stopped the run.
    Error,
    /// The figures cannot mean what they seem to.
    Warning,
    /// Worth a look.
    Note,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    /// The rule, in one word.
    pub(crate) rule: &'static str,
    /// What it means and what to do.
    pub(crate) text: String,
}

fn finding(weight: Weight, rule: &'static str, text: impl Into<String>) -> Finding {
    Finding { weight, rule, text: text.into() }
}

/// Parts of LEAN's sentences, in lower case, and what is behind them.
const SENTENCES: &[(&str, &str, &str)] = &[
    (
        "longer than",
        "time",
        "a single step took longer than LEAN allows (10 minutes): train or compute less in one call, or train in self.train",
    ),
    (
        "memory usage maxed out",
        "memory",
        "the node's memory was full: keep fewer bars and windows, subscribe to less, or take a larger node",
    ),
    (
        "insufficient buying power",
        "buying_power",
        "orders were refused for lack of buying power: sell before you buy, leave a buffer, or size with calculate_order_quantity",
    ),
    (
        "does not have an accurate price",
        "no_price",
        "an order came before the first bar of its security: warm up, or check that data holds it and has_data is true",
    ),
    (
        "was not found in your security list",
        "unknown_symbol",
        "an order or read names a symbol that was never added: add it in initialize, or check the universe's changes",
    ),
    (
        "division by zero",
        "division",
        "something was divided by zero: indicators before they are ready, or prices of zero",
    ),
    ("keyerror", "key", "a slice or dictionary was asked for a symbol it has no bar of: test `symbol in data` first"),
    ("nonetype", "none", "a value was None: a bar that is missing, or history that is empty; test before use"),
    (
        "list index out of range",
        "index",
        "a list is shorter than the index: history may hold fewer rows than asked for",
    ),
    ("error parsing", "data_format", "a custom data row could not be parsed: check reader against the file"),
];

/// All that was looked at.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) findings: Vec<Finding>,
    pub(crate) places: Vec<BuildError>,
    pub(crate) log_tail: Vec<String>,
}

/// Looks at a backtest, its log and its code.
///
/// # Errors
/// When the backtest cannot be read; what cannot be read beside it is left out.
pub(crate) async fn diagnose(ctx: &Ctx, run: &Run) -> Result<(Backtest, Diagnosis), ToolError> {
    let found = backtest::read(&ctx.door, run).await?;
    let (places, log_tail) = run_backtest::failure(ctx, run.project_id, &found).await;
    let mut findings = of_text(&found, &log_tail);
    findings.extend(of_figures(&found));
    let request = ReadFiles { project_id: run.project_id, ..ReadFiles::default() };
    if let Ok(read) = ctx.door.send(&request).await {
        findings.extend(of_parameters(&found, &read.files));
    }
    findings.extend(of_code(ctx, run.project_id, run).await);
    findings.sort_by_key(|finding| finding.weight);
    Ok((found, Diagnosis { findings, places, log_tail }))
}

/// What error and log say.
fn of_text(found: &Backtest, log: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let failure = found.failure().unwrap_or_default();
    if !failure.is_empty() {
        let place = if found.has_initialize_error { "in initialize" } else { "while it ran" };
        findings.push(finding(
            Weight::Error,
            "failed",
            format!("the run stopped {place}; its error and the code around it stand beside"),
        ));
    } else if !found.is_finished() {
        findings.push(finding(
            Weight::Note,
            "running",
            "it still runs: what is missing may come; wait_for_job waits for it",
        ));
    }
    let texts = [failure, found.stacktrace.as_deref().unwrap_or_default()];
    let said: Vec<String> = texts.into_iter().chain(log.iter().map(String::as_str)).map(str::to_lowercase).collect();
    for (part, rule, text) in SENTENCES {
        if said.iter().any(|line| line.contains(part) && (*rule != "time" || line.contains("single time loop"))) {
            let weight = if failure.to_lowercase().contains(part) { Weight::Error } else { Weight::Warning };
            findings.push(finding(weight, rule, *text));
        }
    }
    findings
}

/// What the figures say of a run that ended.
fn of_figures(found: &Backtest) -> Vec<Finding> {
    if found.failure().is_some() || !found.is_finished() {
        return Vec::new();
    }
    let figures = backtest::figures(&found.statistics);
    let of = |name: &str| figures.get(name)?.get("value")?.as_f64();
    let mut findings = Vec::new();
    match of("total_orders") {
        Some(0.0) => findings.push(finding(
            Weight::Warning,
            "no_orders",
            "it sent no order: a condition that is never true, indicators that are never ready (warm up), a universe that \
             stays empty, or dates without data; log the condition's parts on some days, not the prices",
        )),
        Some(orders) if orders < 10.0 => findings.push(finding(
            Weight::Note,
            "few_orders",
            format!("{orders} orders are too few for ratios and win rates to say anything"),
        )),
        _ => {}
    }
    if let (Some(start), Some(end)) = (of("start_equity"), of("end_equity"))
        && let Some(fees) = of("total_fees")
    {
        let profit = end - start;
        if end <= 0.0 {
            findings.push(finding(Weight::Warning, "ruined", format!("it ended with {end}: the account was lost")));
        }
        if 0.0 < profit && profit < fees {
            let text =
                format!("fees of {fees} are more than the profit of {profit:.2}: a little more cost turns the result");
            findings.push(finding(Weight::Warning, "fees", text));
        }
    }
    if let Some(drawdown) = of("drawdown").filter(|drawdown| 50.0 < *drawdown) {
        findings.push(finding(
            Weight::Warning,
            "drawdown",
            format!("at its worst it lost {drawdown} % from a peak: few would have stayed"),
        ));
    }
    if let Some(sharpe) = of("sharpe_ratio").filter(|sharpe| 3.0 < *sharpe) {
        let text = format!(
            "a Sharpe ratio of {sharpe} is rare: look for data of the same bar in a decision, fills at prices already gone, or a universe that knows who survived"
        );
        findings.push(finding(Weight::Warning, "too_good", text));
    }
    if let Some(likely) = of("probabilistic_sharpe_ratio").filter(|likely| *likely < 50.0)
        && of("sharpe_ratio").is_some_and(|sharpe| 0.5 < sharpe)
    {
        let text = format!(
            "the chance that the true Sharpe ratio beats LEAN's benchmark of 1 a year is {likely} %: more days or a steadier result are needed"
        );
        findings.push(finding(Weight::Note, "uncertain", text));
    }
    findings
}

/// Parameters that the code never asks for.
fn of_parameters(found: &Backtest, files: &[ProjectFile]) -> Vec<Finding> {
    let names: Vec<String> = found.parameter_set.iter().map(|(name, _)| name.clone()).collect();
    let unread = super::sweep::plan::unread(files, &names);
    let unread: Vec<String> = unread.into_iter().map(|name| format!("`{}`", crate::args::quote(name))).collect();
    if unread.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "the code never names the parameter(s) {}: whatever their values, the run is the same",
        unread.join(", ")
    );
    vec![finding(Weight::Warning, "unread_parameter", text)]
}

/// Whether the code is still what was run.
async fn of_code(ctx: &Ctx, project_id: ProjectId, run: &Run) -> Option<Finding> {
    let then = code::of_backtest(&ctx.door, project_id, &run.backtest_id).await?;
    let project = code::project(&ctx.door, project_id).await.ok()?;
    let now = code::read(&ctx.door, &project).await.ok()?;
    (now.hash != then)
        .then(|| finding(Weight::Note, "other_code", "the project's code has changed since: places may have moved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(statistics: &[(&str, &str)]) -> Backtest {
        let of = |rows: &[(&str, &str)]| {
            rows.iter().map(|(title, text)| ((*title).to_owned(), (*text).to_owned())).collect()
        };
        // A run that ended has both lists.
        let (statistics, runtime_statistics) = (of(&[statistics, &[("Beta", "1")]].concat()), of(&[("Return", "0 %")]));
        Backtest { completed: true, progress: Some(1.0), statistics, runtime_statistics, ..Backtest::default() }
    }

    fn rules(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn figures_that_cannot_be_trusted_are_named() {
        let of = |statistics: &[(&str, &str)]| {
            rules(&of_figures(&ended(statistics))).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of(&[("Total Orders", "0")]), ["no_orders"]);
        assert_eq!(of(&[("Total Orders", "4"), ("Sharpe Ratio", "4.1")]), ["few_orders", "too_good"]);
        let poor = [
            ("Total Orders", "400"),
            ("Start Equity", "100000"),
            ("End Equity", "100900"),
            ("Total Fees", "$1800.00"),
            ("Drawdown", "61.2%"),
        ];
        assert_eq!(of(&poor), ["fees", "drawdown"]);
        let fine = [
            ("Total Orders", "400"),
            ("Start Equity", "100000"),
            ("End Equity", "120000"),
            ("Total Fees", "$800.00"),
            ("Drawdown", "12%"),
            ("Sharpe Ratio", "1.1"),
        ];
        assert!(of(&fine).is_empty());
    }

    #[test]
    fn leans_sentences_are_known_in_error_and_log() {
        let failed = Backtest {
            error: Some("Algorithm took longer than 10 minutes on a single time loop.".into()),
            ..ended(&[])
        };
        assert_eq!(rules(&of_text(&failed, &[])), ["failed", "time"]);
        let log = ["2024-01-02 Order Error: ids: [1], Insufficient buying power to complete order".to_owned()];
        let found = of_text(&ended(&[]), &log);
        assert_eq!((rules(&found), found[0].weight), (vec!["buying_power"], Weight::Warning));
        assert!(of_text(&ended(&[]), &["it took longer than thought".to_owned()]).is_empty());
    }

    #[test]
    fn a_parameter_nobody_reads_is_named() {
        let mut run = ended(&[]);
        for name in ["fast", "slow"] {
            run.parameter_set.insert(name.to_owned(), "1".to_owned());
        }
        let file =
            |content: &str| ProjectFile { name: "main.py".into(), content: content.into(), ..ProjectFile::default() };
        let found = of_parameters(&run, &[file("self.get_parameter('fast', 1)")]);
        assert!(found[0].text.contains("`slow`") && !found[0].text.contains("`fast`"), "{found:?}");
        assert!(of_parameters(&run, &[file("self.get_parameters()")]).is_empty());
        assert!(of_parameters(&run, &[]).is_empty(), "code that is not known says nothing");
    }
}
