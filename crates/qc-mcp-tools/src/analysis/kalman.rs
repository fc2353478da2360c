//! A hedge ratio that moves: a filter follows slope and constant of one log price on another.

use qc_quant::{
    dynamics::kalman_hedge::{self, KalmanOptions},
    returns,
};
use qc_report::{
    chart::{Line, Pane, Picture, Trace},
    csv::{Cell, Table},
};
use serde_json::{Map, Value, json};

use super::{basis, label, number, pictures};
use crate::{
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::{Found, progress_of},
};

/// What is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ask {
    /// How freely slope and constant walk; of greatest likelihood if absent.
    pub(crate) delta: Option<f64>,
    /// Variance of the noise around the relation; of greatest likelihood if absent.
    pub(crate) observation_variance: Option<f64>,
}

/// Filters the two log prices of `prices`, its first symbol on its second, and shapes the answer.
///
/// # Errors
/// Only one of the two variances given, and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: Ask, stop: &Stop) -> Result<Found, ToolError> {
    let logs = returns::log_prices(&prices.panel)?;
    let [a, b] = logs.symbols() else {
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, "a hedge ratio takes two symbols"));
    };
    let (y, x) = (logs.series(a)?, logs.series(b)?);
    let start = KalmanOptions::default();
    let (options, estimated) = match (ask.delta, ask.observation_variance) {
        (Some(delta), Some(observation_variance)) => (KalmanOptions { delta, observation_variance, ..start }, false),
        (None, None) => (kalman_hedge::estimate_watched(&y, &x, &start, &progress_of(stop))?, true),
        _ => {
            return Err(ToolError::argument(
                "give both delta and observation_variance, or neither to have them estimated",
            ));
        }
    };
    let found = kalman_hedge::filter(&y, &x, &options)?;
    let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
    let z = found.z();
    let beta_error = found.covariance[0][0].sqrt();
    let lowest = found.beta.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = found.beta.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut summary = format!(
        "Hedge ratio of {a} on {b} is {:.4} (standard error {beta_error:.4}) after the last row; the last price lies {:+.2} standard deviations from what the rows before it predicted.",
        last(&found.beta),
        last(&z)
    );
    summary.push('\n');
    summary.push_str(&basis(prices, "log prices", logs.n_rows()));

    let labels: Vec<String> = (0..logs.n_rows()).map(|row| label(logs.index().label(row))).collect();
    let mut brief = Map::new();
    brief.insert("symbol1".into(), json!(a));
    brief.insert("symbol2".into(), json!(b));
    brief.insert("hedge_ratio".into(), number(last(&found.beta)));
    brief.insert("hedge_ratio_std_error".into(), number(beta_error));
    brief.insert("intercept".into(), number(last(&found.alpha)));
    brief.insert("intercept_std_error".into(), number(found.covariance[1][1].sqrt()));
    brief.insert("z_score".into(), number(last(&z)));
    brief.insert("spread_last".into(), number(last(&found.innovation)));
    brief.insert("spread_std".into(), number(last(&found.innovation_variance).sqrt()));
    brief.insert("hedge_ratio_range".into(), json!({"lowest": number(lowest), "highest": number(highest)}));
    brief.insert("delta".into(), number(options.delta));
    brief.insert("observation_variance".into(), number(options.observation_variance));
    let of = if estimated { "of greatest likelihood over the whole window, the last row included" } else { "as given" };
    brief.insert("variances".into(), json!(of));
    brief.insert("log_likelihood".into(), number(found.log_likelihood));
    brief.insert("n_observations".into(), json!(logs.n_rows()));
    brief.insert("prices".into(), json!("natural logarithms"));
    let list = |values: &[f64]| -> Value { values.iter().map(|value| number(*value)).collect() };
    let mut more = Map::new();
    more.insert(
        "path".into(),
        json!({"at": labels, "hedge_ratio": list(&found.beta), "intercept": list(&found.alpha),
            "spread": list(&found.innovation), "z_score": list(&z)}),
    );
    more.insert(
        "units".into(),
        json!({
            "hedge_ratio": "log price of symbol1 per log price of symbol2, after seeing the row",
            "spread_last": "log price less what the rows before it predict, no look-ahead",
            "z_score": "spread over its predicted standard deviation",
            "delta": "the state's noise is delta / (1 - delta) per bar",
        }),
    );
    let mut table = Table::new(["at", "hedge_ratio", "intercept", "spread", "z_score"]);
    for (at, (((beta, alpha), e), z)) in
        labels.iter().zip(found.beta.iter().zip(&found.alpha).zip(&found.innovation).zip(&z))
    {
        table
            .row([Cell::Text(at), Cell::Number(*beta), Cell::Number(*alpha), Cell::Number(*e), Cell::Number(*z)])
            .map_err(super::no_table)?;
    }
    let error = pictures::errors(
        "log price less what the rows before predicted",
        "log price",
        &found.innovation,
        &found.innovation_variance,
    );
    let ratio = Pane {
        y_label: "hedge ratio".to_owned(),
        traces: vec![Trace::line("hedge ratio", &found.beta)],
        ..Pane::default()
    };
    let picture = Line {
        title: format!("Kalman filter of {a} on {b}: error of its prediction, and the hedge ratio"),
        subtitle: pictures::below(&summary),
        labels: labels.iter().map(|label| pictures::short(label)).collect(),
        panes: vec![error, ratio],
        marks: Vec::new(),
    };
    let picture = Some(Picture::Line(picture));
    let next = Some("test_cointegration says whether the two belong together at all");
    Ok(Found { summary, brief, more, table: Some(table), next, picture, ..Found::default() })
}
