//! Few assets that follow a benchmark: weights, how closely they follow it, and on rows they were not fitted to.

use qc_quant::{
    performance::equity_curve,
    portfolio::{
        self, Policy,
        sparse_tracking::{self, Measure, Penalty, Tracked, TrackingOptions},
    },
    returns,
};
use qc_report::{
    chart::{Mark, Picture},
    csv::{Cell, Table},
};
use serde_json::{Map, Value, json};

use super::{basis, label, maybe, number, percent, pictures};
use crate::{
    compute::Stop,
    error::ToolError,
    prices::Prices,
    study::{Found, progress_of},
};

/// The model's penalty_param: at exactly this value nothing was asked.
pub(crate) const PENALTY_UNSET: f64 = 0.5;
/// The model's lambda_param: at exactly this value nothing was asked.
pub(crate) const LAMBDA_UNSET: f64 = 0.01;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Symbols to choose from.
    pub(crate) symbols: Vec<String>,
    /// What is followed.
    pub(crate) benchmark: String,
    /// Largest weight.
    pub(crate) max_weight: f64,
    /// Where the penalty bends; the contract's default means unset.
    pub(crate) penalty_param: f64,
    /// Size of a return from which on misses count straight.
    pub(crate) huber_param: f64,
    /// Price of an asset; the contract's default means unset.
    pub(crate) lambda_param: f64,
    /// Observations a year.
    pub(crate) periods_per_year: f64,
}

/// Fits the weights and shapes the answer.
///
/// # Errors
/// A benchmark among the assets, bounds that cannot hold, and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: &Ask, stop: &Stop) -> Result<Found, ToolError> {
    if ask.symbols.contains(&ask.benchmark) {
        let message = format!("benchmark_symbol {} is one of portfolio_symbols: it would follow itself", ask.benchmark);
        return Err(ToolError::argument(message));
    }
    let all = returns::simple(&prices.panel)?;
    let (assets, benchmark) = (all.select(&prices.present(&ask.symbols))?, all.series(&ask.benchmark)?);
    let given_lambda = ask.lambda_param != LAMBDA_UNSET;
    let options = TrackingOptions {
        measure: Measure::Hdr { huber: ask.huber_param },
        max_weight: ask.max_weight,
        penalty: if given_lambda { Penalty::Lambda(ask.lambda_param) } else { Penalty::HoldOut },
        p: if ask.penalty_param == PENALTY_UNSET { TrackingOptions::default().p } else { ask.penalty_param },
        periods_per_year: ask.periods_per_year,
        ..TrackingOptions::default()
    };
    let found = sparse_tracking::fit(&assets, &benchmark, &options, &progress_of(stop))?;
    let mut held: Vec<(&String, f64)> =
        found.symbols.iter().zip(&found.weights).map(|(symbol, weight)| (symbol, *weight)).collect();
    held.retain(|(_, weight)| 0.0 < *weight);
    held.sort_by(|a, b| b.1.total_cmp(&a.1));
    let best = found.hold_out.as_ref().unwrap_or(&found.in_sample);
    let where_from = match (&found.hold_out, given_lambda) {
        (Some(_), true) => "on rows not fitted",
        (Some(_), false) => "on the rows that chose lambda (optimistic: a later window tells)",
        (None, _) => "in sample",
    };
    let mut summary = format!(
        "{} of {} assets follow {} with a tracking error of {} a year {where_from}.",
        found.assets,
        found.symbols.len(),
        ask.benchmark,
        percent(best.tracking_error_annual)
    );
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns", all.n_rows()));
    let mut cautions: Vec<String> = Vec::new();
    if given_lambda && found.loss < found.penalty {
        cautions.push(format!(
            "the penalty ({:.2e}) drowns the loss ({:.2e}): lambda_param {} decides the weights, not the benchmark; leave it out to have it found on the hold-out",
            found.penalty, found.loss, ask.lambda_param
        ));
    }
    if ask.penalty_param != PENALTY_UNSET && options.p != TrackingOptions::default().p {
        cautions.push(format!(
            "penalty_param {} is obeyed: the penalty counts weights below it as parts of an asset, so small weights stay; {:e} counts assets",
            ask.penalty_param,
            TrackingOptions::default().p
        ));
    }
    let weights: Map<String, Value> =
        held.iter().map(|(symbol, weight)| ((*symbol).clone(), number(*weight))).collect();
    let tracked = |found: &Tracked| {
        json!({
            "rows": found.n_obs,
            "tracking_error": number(found.tracking_error_annual),
            "active_return": number(found.active_return_annual),
            "beta": maybe(found.beta),
            "loss": number(found.loss),
        })
    };
    let mut brief = Map::new();
    brief.insert("optimized_weights".into(), Value::Object(weights));
    brief.insert("n_assets".into(), json!(found.assets));
    brief.insert("tracking_error".into(), number(best.tracking_error_annual));
    brief.insert("benchmark_symbol".into(), json!(ask.benchmark));
    brief.insert("in_sample".into(), tracked(&found.in_sample));
    brief.insert("hold_out".into(), found.hold_out.as_ref().map_or(Value::Null, &tracked));
    brief.insert("objective".into(), json!({"loss": number(found.loss), "penalty": number(found.penalty)}));
    if found.hold_out.is_some() {
        let role = if given_lambda { "independent" } else { "chose lambda, so its figures are optimistic" };
        brief.insert("hold_out_role".into(), json!(role));
    }
    brief.insert("lambda".into(), number(found.lambda));
    brief.insert("lambda_by".into(), json!(if given_lambda { "given" } else { "loss on the hold-out" }));
    brief.insert("penalty_param".into(), number(options.p));
    brief.insert("huber_param".into(), number(ask.huber_param));
    brief.insert("max_weight".into(), number(ask.max_weight));
    brief.insert("periods_per_year".into(), number(ask.periods_per_year));
    if !cautions.is_empty() {
        brief.insert("cautions".into(), json!(cautions));
    }
    let mut more = Map::new();
    let all_weights: Map<String, Value> =
        found.symbols.iter().zip(&found.weights).map(|(symbol, weight)| (symbol.clone(), number(*weight))).collect();
    more.insert("all_weights".into(), Value::Object(all_weights));
    more.insert("duality_gap".into(), number(found.duality_gap));
    let path = found.path.iter().map(|at| {
        json!({"lambda": number(at.lambda), "n_assets": at.assets, "loss": number(at.loss), "hold_out_loss": maybe(at.hold_out_loss)})
    });
    more.insert("lambda_path".into(), path.collect());
    more.insert(
        "units".into(),
        json!({
            "tracking_error": "annual, sample standard deviation of portfolio less benchmark",
            "objective": "squared simple returns per bar: Huber's loss of what the portfolio falls behind by",
            "hold_out": "the last fifth of the rows: no weight is fitted on them, but without lambda_param they choose lambda",
        }),
    );
    let mut table = Table::new(["symbol", "weight"]);
    for (symbol, weight) in found.symbols.iter().zip(&found.weights) {
        table.row([Cell::Text(symbol), Cell::Number(*weight)]).map_err(super::no_table)?;
    }
    let own = portfolio::returns(&assets, &found.weights, Policy::ConstantWeights, 0.0)?;
    let (own, market) = (equity_curve(own.values()), equity_curve(benchmark.values()));
    let mut below_axis = vec![pictures::short(&label(prices.panel.first_label()))];
    below_axis.extend(pictures::labels(all.index()));
    let curves: [(&str, &[f64]); 2] = [("tracking portfolio", &own), (&ask.benchmark, &market)];
    let title = format!("Growth of {} assets that follow {}", found.assets, ask.benchmark);
    let line = pictures::below_sample(&summary, prices.panel.n_rows(), all.n_rows());
    let mut picture = pictures::growth(title, line, below_axis, &curves);
    if let Some(held_out) = &found.hold_out {
        let row = own.len().saturating_sub(held_out.n_obs);
        picture.marks.push(Mark { row, text: "held out from here".to_owned() });
    }
    let picture = Some(Picture::Line(picture));
    let next = Some("calculate_portfolio_performance with these weights and the benchmark on a later window");
    Ok(Found { summary, brief, more, table: Some(table), next, picture, ..Found::default() })
}
