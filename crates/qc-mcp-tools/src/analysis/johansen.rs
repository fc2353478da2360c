//! Johansen's test: how many relations hold several log prices together.

use qc_quant::{
    Panel,
    cointegration::johansen::{self, Case, Johansen, JohansenOptions},
    returns,
    stats::moments,
};
use qc_report::chart::Picture;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, maybe, names, number, p_text, pictures};
use crate::{error::ToolError, prices::Prices, study::Found};

/// Deterministic terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaseArg {
    /// None.
    None,
    /// Constant inside the relation: spreads with a mean.
    #[default]
    RestrictedConstant,
    /// Constant anywhere: prices drift.
    UnrestrictedConstant,
    /// Trend inside the relation.
    RestrictedTrend,
    /// Trend anywhere.
    UnrestrictedTrend,
}

impl CaseArg {
    fn case(self) -> Case {
        match self {
            CaseArg::None => Case::None,
            CaseArg::RestrictedConstant => Case::RestrictedConstant,
            CaseArg::UnrestrictedConstant => Case::UnrestrictedConstant,
            CaseArg::RestrictedTrend => Case::RestrictedTrend,
            CaseArg::UnrestrictedTrend => Case::UnrestrictedTrend,
        }
    }

    fn name(self) -> &'static str {
        match self {
            CaseArg::None => "none",
            CaseArg::RestrictedConstant => "restricted_constant",
            CaseArg::UnrestrictedConstant => "unrestricted_constant",
            CaseArg::RestrictedTrend => "restricted_trend",
            CaseArg::UnrestrictedTrend => "unrestricted_trend",
        }
    }
}

/// Lagged differences from one of the two ways to say it; one if neither was given.
///
/// # Errors
/// Both given, or a number below its least.
pub(crate) fn lagged_differences(lags: Option<i64>, var_order: Option<i64>) -> Result<usize, ToolError> {
    let wrong = |message: String| Err(ToolError::argument(message));
    match (lags, var_order) {
        (Some(_), Some(_)) => wrong("give lags (lagged differences) or var_order (= lags + 1), not both".to_owned()),
        (Some(lags), None) => match usize::try_from(lags) {
            Ok(lags) => Ok(lags),
            Err(_) => wrong(format!("lags must be at least 0, found {lags}")),
        },
        (None, Some(order)) => match usize::try_from(order.saturating_sub(1)) {
            Ok(lags) => Ok(lags),
            Err(_) => wrong(format!("var_order must be at least 1, found {order}")),
        },
        (None, None) => Ok(1),
    }
}

/// Tests the log prices of `prices` and shapes the answer.
///
/// # Errors
/// What qc-quant refuses.
pub(crate) fn run(prices: &Prices, lags: usize, case: CaseArg) -> Result<Found, ToolError> {
    let logs = returns::log_prices(&prices.panel)?;
    let options = JohansenOptions { case: case.case(), lagged_differences: lags, ..JohansenOptions::default() };
    let found = johansen::test(&logs, &options)?;
    let shaped = shape(prices, &found, lags, case);
    let picture = Some(first_relation(&logs, &found, pictures::below(&shaped.summary)));
    Ok(Found { picture, ..shaped })
}

/// The relation that holds best, through time.
fn first_relation(logs: &Panel, found: &Johansen, subtitle: String) -> Picture {
    let mut values = vec![0.0; logs.n_rows()];
    for (i, column) in logs.columns().enumerate() {
        let weight = found.beta.get((i, 0)).copied().unwrap_or_default();
        values.iter_mut().zip(column).for_each(|(value, price)| *value += weight * price);
    }
    let band = Some((moments::mean(&values), moments::std_dev(&values)));
    let bands = vec![band; values.len()];
    let pane = pictures::banded("first vector times log prices", "log price", &values, bands);
    let title = format!("First relation of {}, bands of 1 and 2 standard deviations", names(logs.symbols()));
    pictures::alone(title, subtitle, pictures::labels(logs.index()), pane)
}

fn shape(prices: &Prices, found: &Johansen, lags: usize, case: CaseArg) -> Found {
    let n = found.symbols.len();
    let first = found.tests.first();
    let is_full = found.rank == n;
    let mut summary = if is_full {
        format!("{} look stationary at 5 % each by itself (rank {n} of {n}), not only together", names(&found.symbols))
    } else {
        let most = n.saturating_sub(1);
        format!("{} of at most {most} cointegrating relations among {} at 5 %", found.rank, names(&found.symbols))
    };
    if let Some(first) = first {
        summary.push_str(&format!(" (no relation at all: trace {:.2}, {})", first.trace, p_text(first.trace_p)));
    }
    summary.push_str(".\n");
    summary.push_str(&basis(prices, "log prices", prices.panel.n_rows()));

    let levels = |values: [f64; 3]| {
        let [ten, five, one] = values;
        json!({"10%": number(ten), "5%": number(five), "1%": number(one)})
    };
    let tests: Vec<Value> = found
        .tests
        .iter()
        .map(|test| {
            json!({
                "at_most": test.rank,
                "trace_statistic": number(test.trace),
                "trace_pvalue": number(test.trace_p),
                "trace_critical_values": levels(test.trace_critical),
                "max_eigenvalue_statistic": number(test.max_eigenvalue),
                "max_eigenvalue_pvalue": number(test.max_eigenvalue_p),
                "max_eigenvalue_critical_values": levels(test.max_eigenvalue_critical),
            })
        })
        .collect();
    let mut rows: Vec<String> = found.symbols.clone();
    match case {
        CaseArg::RestrictedConstant => rows.push("const".to_owned()),
        CaseArg::RestrictedTrend => rows.push("trend".to_owned()),
        _ => {}
    }
    let relation = |column: usize| -> Value {
        let pairs =
            rows.iter().enumerate().map(|(row, name)| (name.clone(), maybe(found.beta.get((row, column)).copied())));
        Value::Object(pairs.collect())
    };
    let speed = |column: usize| -> Value {
        let pairs = found
            .symbols
            .iter()
            .enumerate()
            .map(|(row, name)| (name.clone(), maybe(found.adjustment.get((row, column)).copied())));
        Value::Object(pairs.collect())
    };
    let mut brief = Map::new();
    brief.insert("is_cointegrated".into(), json!(0 < found.rank));
    brief.insert("rank".into(), json!(found.rank));
    brief.insert("lags".into(), json!(lags));
    brief.insert("var_order".into(), json!(lags + 1));
    brief.insert("case".into(), json!(case.name()));
    brief.insert("tests".into(), Value::Array(tests));
    brief.insert("eigenvalues".into(), json!(found.eigenvalues));
    let shown = found.rank.clamp(1, n);
    brief.insert("cointegrating_vectors".into(), (0..shown).map(relation).collect());
    let on = found.normalised_on.iter().take(shown).map(|at| json!(found.symbols.get(*at)));
    brief.insert("normalised_on".into(), on.collect());
    brief.insert("adjustment_speeds".into(), (0..shown).map(speed).collect());
    brief.insert("n_observations".into(), json!(found.n_obs));
    brief.insert("small_sample_factor".into(), number(found.small_sample_factor));
    brief.insert("prices".into(), json!("natural logarithms"));
    if is_full {
        let caution = "as many relations as series mean that no series wanders: seldom so of prices; a longer window or another case may say otherwise";
        brief.insert("cautions".into(), json!([caution]));
    }
    let mut more = Map::new();
    more.insert("cointegrating_vectors".into(), (0..n).map(relation).collect());
    more.insert("normalised_on".into(), found.normalised_on.iter().map(|at| json!(found.symbols.get(*at))).collect());
    more.insert("adjustment_speeds".into(), (0..n).map(speed).collect());
    more.insert(
        "units".into(),
        json!({
            "tests": "cointegrated at a level if the statistic lies above the critical value; p-values by Doornik's gamma approximation",
            "cointegrating_vectors": "log price of the symbol in normalised_on = 1 (the first, unless it takes no part); strongest relation first",
            "adjustment_speeds": "share of a deviation corrected per bar",
            "small_sample_factor": "multiply statistics by it to be cautious (Reinsel and Ahn)",
        }),
    );
    Found { summary, brief, more, ..Found::default() }
}
