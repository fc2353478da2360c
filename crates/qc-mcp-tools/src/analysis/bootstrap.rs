//! Is the alpha of a series more than luck: its regression on a benchmark, resampled in blocks.

use qc_quant::{
    Series,
    performance::equity_curve,
    resample::{
        block_bootstrap::{self, AlphaOptions},
        block_length,
    },
    returns,
    stats::ols,
};
use qc_report::chart::Picture;
use serde_json::{Map, json};

use super::{basis, label, number, p_text, percent, pictures};
use crate::{
    compute::Stop,
    error::ToolError,
    prices::Prices,
    study::{Found, progress_of},
};

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// The series' symbol.
    pub(crate) series: String,
    /// What it is measured against.
    pub(crate) benchmark: String,
    /// Mean length of a block; found from the residual if absent.
    pub(crate) block_length: Option<f64>,
    /// Resamples.
    pub(crate) replicates: usize,
    /// Seed.
    pub(crate) seed: u64,
    /// Observations a year.
    pub(crate) periods_per_year: f64,
}

/// Resamples the excess returns over `annual_rate` and shapes the answer.
///
/// # Errors
/// What qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: &Ask, annual_rate: f64, stop: &Stop) -> Result<Found, ToolError> {
    let all = returns::simple(&prices.panel)?;
    let rate = annual_rate / ask.periods_per_year;
    let excess = |symbol: &str| -> Result<Vec<f64>, ToolError> {
        Ok(all.column_of(symbol)?.iter().map(|value| value - rate).collect())
    };
    let (own, market) = (excess(&ask.series)?, excess(&ask.benchmark)?);
    let (length, found_by) = match ask.block_length {
        Some(length) => (length, "given"),
        None => {
            let y = Series::new(ask.series.as_str(), all.index().clone(), own.clone())?;
            let fit = ols::fit(&y, &all.select(&[&ask.benchmark])?)?;
            let best = block_length::optimal(&fit.residuals)?.stationary;
            (best.clamp(1.0, own.len() as f64), "Politis and White's rule on the residual")
        }
    };
    let options = AlphaOptions { mean_block: length, replicates: ask.replicates, seed: ask.seed };
    let found = block_bootstrap::alpha(&own, &market, &options, &progress_of(stop))?;
    let year = ask.periods_per_year;
    let real = found.p_two_sided < 0.05;
    let verdict = if real { "is more than luck explains" } else { "is not told from luck" };
    let mut summary = format!(
        "Alpha of {} against {} is {} a year and {verdict} at 5 % ({}, {} resamples in blocks of {length:.1}).",
        ask.series,
        ask.benchmark,
        percent(found.alpha * year),
        p_text(found.p_two_sided),
        found.replicates
    );
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns", all.n_rows()));
    let mut brief = Map::new();
    brief.insert("series".into(), json!(ask.series));
    brief.insert("benchmark_symbol".into(), json!(ask.benchmark));
    brief.insert("alpha".into(), number(found.alpha * year));
    brief.insert("alpha_per_bar".into(), number(found.alpha));
    brief.insert("alpha_std_error".into(), number(found.standard_error * year));
    brief.insert("beta".into(), number(found.beta));
    brief.insert("t_statistic".into(), number(found.t));
    brief.insert("pvalue".into(), number(found.p_two_sided));
    brief.insert("pvalue_one_sided".into(), number(found.p_one_sided));
    brief.insert("is_significant".into(), json!(real));
    brief.insert("replicates".into(), json!(found.replicates));
    brief.insert("mean_block_length".into(), number(length));
    brief.insert("block_length_by".into(), json!(found_by));
    brief.insert("seed".into(), json!(ask.seed));
    brief.insert("risk_free_rate".into(), number(annual_rate));
    brief.insert("periods_per_year".into(), number(year));
    brief.insert("n_observations".into(), json!(own.len()));
    let mut more = Map::new();
    more.insert(
        "units".into(),
        json!({
            "alpha": "annual, arithmetic: intercept per bar times periods_per_year; excess returns on excess returns",
            "alpha_std_error": "White's (HC0), annual",
            "pvalue": "stationary bootstrap of the studentised intercept, (1 + #|t*| >= |t|) / (B + 1)",
            "mean_block_length": "bars",
        }),
    );
    let (series, market) = (all.column_of(&ask.series)?, all.column_of(&ask.benchmark)?);
    let (series, market) = (equity_curve(series), equity_curve(market));
    let mut below_axis = vec![pictures::short(&label(prices.panel.first_label()))];
    below_axis.extend(pictures::labels(all.index()));
    let curves: [(&str, &[f64]); 2] = [(&ask.series, &series), (&ask.benchmark, &market)];
    let title = format!("Growth of {} and of {}", ask.series, ask.benchmark);
    let line = pictures::below_sample(&summary, prices.panel.n_rows(), all.n_rows());
    let picture = Some(Picture::Line(pictures::growth(title, line, below_axis, &curves)));
    Ok(Found { summary, brief, more, picture, ..Found::default() })
}
