//! Did the law of a return change: at a known day, at an unknown one, or back and forth between two states.

use jiff::civil::Date;
use qc_quant::{
    Panel,
    dynamics::{
        break_test,
        markov_switching::{self, MarkovOptions},
    },
    performance::equity_curve,
    returns,
    stats::moments,
};
use qc_report::chart::{Line, Mark, Pane, Picture, Trace, Unit};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, label, maybe, number, p_text, percent, pictures};
use crate::{
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::{Found, progress_of},
};

/// Level at which a test decides.
const ALPHA: f64 = 0.05;
/// Share of the sample left out at each end of a search.
const TRIM: f64 = 0.15;

/// Which change is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegimeMethod {
    /// One change of the mean (or of alpha and beta) at an unknown row; at a known day with break_date.
    #[default]
    SupF,
    /// Two states with a mean and a volatility each, against one.
    Markov,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// The series' symbol.
    pub(crate) series: String,
    /// Regressor beside the constant, if any.
    pub(crate) benchmark: Option<String>,
    /// Which change.
    pub(crate) method: RegimeMethod,
    /// First day of the second part, if it is known.
    pub(crate) break_date: Option<Date>,
    /// Resamples of the test of two states.
    pub(crate) replicates: usize,
    /// Seed of the resamples.
    pub(crate) seed: u64,
    /// Whether the caller named either of the two.
    pub(crate) is_resampled: bool,
    /// Observations a year.
    pub(crate) periods_per_year: f64,
}

/// Tests the simple returns of the series and shapes the answer.
///
/// # Errors
/// Options that exclude each other, and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: &Ask, stop: &Stop) -> Result<Found, ToolError> {
    let all = returns::simple(&prices.panel)?;
    match ask.method {
        RegimeMethod::Markov if ask.break_date.is_some() || ask.benchmark.is_some() => {
            Err(ToolError::argument("method=markov takes neither break_date nor benchmark_symbol"))
        }
        RegimeMethod::Markov => markov(prices, &all, ask, stop),
        RegimeMethod::SupF if ask.is_resampled => {
            Err(ToolError::argument("replicates and seed belong to method=markov; sup_f draws nothing"))
        }
        RegimeMethod::SupF => breaks(prices, &all, ask),
    }
}

fn breaks(prices: &Prices, all: &Panel, ask: &Ask) -> Result<Found, ToolError> {
    let y = all.column_of(&ask.series)?;
    let ones = vec![1.0; y.len()];
    let mut columns: Vec<&[f64]> = vec![&ones];
    if let Some(benchmark) = &ask.benchmark {
        columns.push(all.column_of(benchmark)?);
    }
    let known = ask.break_date.map(|day| row_of(all, day)).transpose()?;
    let mut brief = Map::new();
    let (row, verdict, p) = match known {
        Some(row) => {
            let found = break_test::chow(y, &columns, row)?;
            brief.insert("test".into(), json!("chow"));
            brief.insert("f_statistic".into(), number(found.f));
            brief.insert("wald_statistic".into(), number(found.wald));
            brief.insert("f_pvalue".into(), number(found.f_p_value));
            brief.insert("robust_wald_statistic".into(), number(found.robust_wald));
            brief.insert("pvalue".into(), number(found.robust_p_value));
            brief.insert(
                "likelihood_ratio_mean".into(),
                json!({"statistic": number(found.lr_mean), "pvalue": number(found.lr_mean_p_value)}),
            );
            brief.insert(
                "likelihood_ratio_mean_and_variance".into(),
                json!({"statistic": number(found.lr_mean_variance), "pvalue": number(found.lr_mean_variance_p_value)}),
            );
            brief.insert("cautions".into(), json!(["the likelihood ratios suppose normal, independent returns: fat tails and volatility that clusters make them reject without any change; they do not decide"]));
            let changed = found.robust_p_value < ALPHA;
            brief.insert("is_regime_change".into(), json!(changed));
            let verdict = if changed { "changed" } else { "is not shown to have changed" };
            (row, verdict, p_text(found.robust_p_value))
        }
        None => {
            let found = break_test::sup_wald(y, &columns, TRIM)?;
            brief.insert("test".into(), json!("sup_wald"));
            brief.insert("sup_wald_statistic".into(), number(found.statistic));
            let (p, break_row) = match found.robust {
                Some(robust) => {
                    brief.insert("robust_statistic".into(), number(robust.statistic));
                    brief.insert("pvalue".into(), number(robust.p_value));
                    brief.insert("equal_variance_pvalue".into(), number(found.p_value));
                    (robust.p_value, robust.break_row)
                }
                None => {
                    brief.insert("pvalue".into(), number(found.p_value));
                    brief.insert(
                        "cautions".into(),
                        json!(["too many rows for variances of their own on both sides: pvalue supposes one variance"]),
                    );
                    (found.p_value, found.break_row)
                }
            };
            brief.insert("average_statistic".into(), number(found.average));
            brief.insert("exponential_statistic".into(), number(found.exponential));
            let (first, last) = found.candidates;
            brief.insert("searched".into(), json!({"first": label(all.index().label(first)), "last": label(all.index().label(last.min(all.n_rows() - 1)))}));
            let changed = p < ALPHA;
            brief.insert("is_regime_change".into(), json!(changed));
            // Beyond it the formula for the tail says no more.
            const KNOWN: f64 = 0.3;
            if KNOWN < p {
                brief.insert("pvalue".into(), Value::Null);
                brief.insert("pvalue_above".into(), number(KNOWN));
            }
            let said = if KNOWN < p { format!("p > {KNOWN}") } else { p_text(p) };
            (break_row, if changed { "changed" } else { "is not shown to have changed" }, said)
        }
    };
    let what = if ask.benchmark.is_some() { "Relation to the benchmark" } else { "Mean return" };
    let at = label(all.index().label(row));
    let is_change = brief.get("is_regime_change") == Some(&Value::Bool(true));
    let from = if is_change { "most likely from" } else { "the largest difference is" };
    let mut summary = format!("{what} of {} {verdict} ({p}; {from} {at} on).", ask.series);
    if known.is_some() {
        summary = format!("{what} of {} {verdict} at {at} ({p}).", ask.series);
    }
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns", all.n_rows()));
    brief.insert("break_date".into(), json!(at));
    let part = |rows: std::ops::Range<usize>| {
        let values = y.get(rows).unwrap_or_default();
        json!({"rows": values.len(), "mean_annual_return": number(moments::mean(values) * ask.periods_per_year),
            "volatility": number(moments::std_dev(values) * ask.periods_per_year.sqrt())})
    };
    brief.insert("before".into(), part(0..row));
    brief.insert("from".into(), part(row..y.len()));
    brief.insert("series".into(), json!(ask.series));
    brief.insert("benchmark_symbol".into(), json!(ask.benchmark));
    brief.insert("n_observations".into(), json!(y.len()));
    let mut more = Map::new();
    more.insert(
        "units".into(),
        json!({
            "sup_wald_statistic": "largest Wald statistic over the rows searched; Andrews' test",
            "pvalue": "each side with a variance of its own (White); Estrella's formula for an unknown row (good to .005 below .1), F for a known day",
            "f_pvalue": "supposes one variance on both sides; so does equal_variance_pvalue",
            "volatility": "annual, sample",
        }),
    );
    let text = match (known, is_change) {
        (Some(_), _) => format!("tested: {at}"),
        (None, true) => format!("most likely: {at}"),
        (None, false) => format!("largest difference: {at}"),
    };
    let title = match &ask.benchmark {
        Some(benchmark) => {
            format!("Returns of {} and the row where their relation to {benchmark} may have changed", ask.series)
        }
        None => format!("Returns of {} and the row where their mean may have changed", ask.series),
    };
    let mut picture = returns_of(all, ask, y, title, pictures::below(&summary));
    picture.marks.push(Mark { row, text });
    let picture = Some(Picture::Line(picture));
    Ok(Found { summary, brief, more, picture, ..Found::default() })
}

/// Growth of the series, and its returns below.
fn returns_of(all: &Panel, ask: &Ask, y: &[f64], title: String, subtitle: String) -> Line {
    let grown = equity_curve(y);
    let growth = Trace::line(ask.series.as_str(), grown.get(1..).unwrap_or_default());
    let each = Trace::line("return per bar", y);
    Line {
        title,
        subtitle,
        labels: pictures::labels(all.index()),
        panes: vec![
            Pane { y_label: "value of 1".to_owned(), traces: vec![growth], ..Pane::default() },
            Pane { y_label: "return".to_owned(), unit: Unit::Percent, traces: vec![each], ..Pane::default() },
        ],
        marks: Vec::new(),
    }
}

fn markov(prices: &Prices, all: &Panel, ask: &Ask, stop: &Stop) -> Result<Found, ToolError> {
    let y = all.column_of(&ask.series)?;
    let options = MarkovOptions { replicates: ask.replicates, seed: ask.seed };
    let found = markov_switching::fit(y, &options, &progress_of(stop))?;
    let (regimes, year) = (&found.regimes, ask.periods_per_year);
    let shares = regimes.long_run_share();
    let durations = regimes.expected_duration();
    let state = |i: usize| {
        let at = |values: &[f64; 2]| values.get(i).copied().unwrap_or(f64::NAN);
        json!({
            "mean_annual_return": number(at(&regimes.mean) * year),
            "volatility": number(at(&regimes.std_dev) * year.sqrt()),
            "stay_probability": number(at(&regimes.stay)),
            "expected_bars": maybe(durations.get(i).copied().flatten()),
            "long_run_share": maybe(shares.as_ref().map(&at)),
        })
    };
    let wild_now = found.path.filtered.last().map_or(f64::NAN, |p| p[1]);
    let two = found.p_value.map(|p| p < ALPHA);
    let verdict = match (two, found.p_value) {
        (Some(true), Some(p)) => {
            format!("is better described by two states than by one normal law, which is rejected ({})", p_text(p))
        }
        (Some(false), Some(p)) => format!("is not shown to need more than one normal law ({})", p_text(p)),
        _ => "was described by two states, untested".to_owned(),
    };
    let [calm, wild] = regimes.std_dev;
    let mut summary = format!(
        "{} {verdict}: volatility {} and {} a year; the wilder one holds now with probability {}.",
        ask.series,
        percent(calm * year.sqrt()),
        percent(wild * year.sqrt()),
        percent(wild_now)
    );
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns", all.n_rows()));
    let mut brief = Map::new();
    brief.insert("series".into(), json!(ask.series));
    brief.insert("test".into(), json!("markov_switching"));
    brief.insert("is_regime_change".into(), json!(two));
    brief.insert("pvalue".into(), maybe(found.p_value));
    brief.insert("likelihood_ratio".into(), number(found.likelihood_ratio));
    brief.insert("replicates".into(), json!(found.replicates));
    brief.insert("seed".into(), json!(ask.seed));
    brief.insert("regimes".into(), json!([state(0), state(1)]));
    brief.insert("excess_kurtosis".into(), maybe(moments::excess_kurtosis(y)));
    brief.insert("cautions".into(), json!(["rejected is one law of normal, independent returns: fat tails or volatility that clusters reject it too, without two states"]));
    brief.insert("current_probability".into(), json!([number(1.0 - wild_now), number(wild_now)]));
    brief.insert("n_observations".into(), json!(y.len()));
    let mut more = Map::new();
    let labels: Vec<String> = (0..all.n_rows()).map(|row| label(all.index().label(row))).collect();
    let second = |path: &[[f64; 2]]| -> Vec<Value> { path.iter().map(|p| number(p[1])).collect() };
    more.insert(
        "probability_of_second_regime".into(),
        json!({"at": labels, "filtered": second(&found.path.filtered), "smoothed": second(&found.path.smoothed)}),
    );
    more.insert(
        "units".into(),
        json!({"pvalue": "parametric bootstrap of the likelihood ratio, which has no chi-squared law",
            "filtered": "what could be known at the row", "smoothed": "knows the future, for description only"}),
    );
    let title = format!("Returns of {} and the probability of its wilder state", ask.series);
    let mut picture = returns_of(all, ask, y, title, pictures::below(&summary));
    let now: Vec<f64> = found.path.filtered.iter().map(|p| p[1]).collect();
    let later: Vec<f64> = found.path.smoothed.iter().map(|p| p[1]).collect();
    picture.panes.push(Pane {
        y_label: "probability".to_owned(),
        unit: Unit::Percent,
        traces: vec![Trace::line("known at the row", &now), Trace::line("knowing the future", &later)],
        ..Pane::default()
    });
    let picture = Some(Picture::Line(picture));
    Ok(Found { summary, brief, more, picture, ..Found::default() })
}

/// The first row of `day` or later, with rows on both sides.
fn row_of(all: &Panel, day: Date) -> Result<usize, ToolError> {
    let n = all.n_rows();
    let row = (0..n).find(|row| all.index().trading_date(*row).is_some_and(|at| day <= at)).unwrap_or(n);
    if row == 0 || row == n {
        let message = format!("break_date {day} leaves {row} returns before it and {} from it on", n - row);
        return Err(ToolError::new(Kind::TooFewRows, Topic::Dates, message));
    }
    Ok(row)
}
