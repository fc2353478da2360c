//! How a portfolio with given weights did: return, risk, ratios, and beside a benchmark.

use qc_quant::{
    Panel,
    performance::{Performance, PerformanceOptions, RiskFree, equity_curve, summary},
    portfolio::{self, Policy, turnover},
    returns,
};
use qc_report::{
    chart::Picture,
    csv::{Cell, Table},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, label, maybe, number, percent, pictures};
use crate::{
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::Found,
};

/// What happens to the weights between bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum PolicyArg {
    /// Traded back to them at every bar.
    #[default]
    ConstantWeights,
    /// Bought once and left alone.
    BuyAndHold,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Symbols of the portfolio, upper case, in the order of the weights.
    pub(crate) symbols: Vec<String>,
    /// One weight per symbol, used as given.
    pub(crate) weights: Vec<f64>,
    /// Benchmark, if any; a column of the same prices.
    pub(crate) benchmark: Option<String>,
    /// What happens to weights between bars.
    pub(crate) policy: PolicyArg,
    /// Observations a year.
    pub(crate) periods_per_year: f64,
}

/// Refuses weights that do not belong to the symbols.
///
/// # Errors
/// Another number of weights than symbols, a weight that is no number, all weights zero.
pub(crate) fn check_weights(symbols: &[String], weights: &[f64]) -> Result<(), ToolError> {
    let wrong = |message: String| Err(ToolError::argument(message));
    if symbols.len() != weights.len() {
        return wrong(format!(
            "weights must hold one number per symbol: {} symbols, {} weights",
            symbols.len(),
            weights.len()
        ));
    }
    if !weights.iter().all(|weight| weight.is_finite()) {
        return wrong("weights must be finite numbers".to_owned());
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        return wrong("all weights are zero".to_owned());
    }
    Ok(())
}

/// Symbols and weights as a result holds them, or in the caller's order where they are named.
///
/// # Errors
/// A symbol without a weight, or a weight that would be left out.
pub(crate) fn weights_of(symbols: &[String], found: &[(String, f64)]) -> Result<(Vec<String>, Vec<f64>), ToolError> {
    if symbols.is_empty() {
        return Ok(found.iter().filter(|(_, weight)| *weight != 0.0).cloned().unzip());
    }
    let mut weights = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        let known = found.iter().find(|(name, _)| name.eq_ignore_ascii_case(symbol.trim()));
        let message = || {
            format!(
                "{symbol} has no weight there: {}",
                super::names(&found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>())
            )
        };
        weights.push(known.ok_or_else(|| ToolError::argument(message()))?.1);
    }
    let is_named = |name: &str| symbols.iter().any(|symbol| symbol.trim().eq_ignore_ascii_case(name));
    if let Some((name, weight)) = found.iter().find(|(name, weight)| *weight != 0.0 && !is_named(name)) {
        return Err(ToolError::argument(format!(
            "symbols lack {name}, which has the weight {weight}: leave symbols out to take all"
        )));
    }
    Ok((symbols.to_vec(), weights))
}

/// Measures the portfolio on the simple returns of `prices` against a riskless `annual_rate` (a fraction) and shapes the
/// answer.
///
/// # Errors
/// What qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: &Ask, annual_rate: f64) -> Result<Found, ToolError> {
    let present = |symbol: &String| prices.panel.symbols().contains(symbol);
    let (held, absent): (Vec<_>, Vec<_>) =
        ask.symbols.iter().cloned().zip(ask.weights.iter().copied()).partition(|(symbol, _)| present(symbol));
    let (symbols, weights): (Vec<String>, Vec<f64>) = held.into_iter().unzip();
    let ask = &Ask { symbols, weights, ..ask.clone() };
    let all = returns::simple(&prices.panel)?;
    let held = all.select(&ask.symbols)?;
    let rate = annual_rate / ask.periods_per_year;
    let policy = match ask.policy {
        PolicyArg::ConstantWeights => Policy::ConstantWeights,
        PolicyArg::BuyAndHold => Policy::BuyAndHold,
    };
    let portfolio = portfolio::returns(&held, &ask.weights, policy, rate)?;
    let benchmark = ask.benchmark.as_deref().map(|symbol| all.column_of(symbol)).transpose()?;
    let options = PerformanceOptions {
        periods_per_year: ask.periods_per_year,
        risk_free: RiskFree::Constant(rate),
        ..PerformanceOptions::default()
    };
    let found = summary(portfolio.values(), benchmark, &options)?;
    let beside = benchmark.map(|values| summary(values, None, &options)).transpose()?;
    let turnover = match policy {
        Policy::ConstantWeights => {
            let drift = turnover::drift(&held, std::slice::from_ref(&ask.weights), rate, ask.periods_per_year).ok();
            drift.map_or(
                Value::Null,
                |drift| json!({"per_bar": number(drift.per_period), "annual": number(drift.annual)}),
            )
        }
        Policy::BuyAndHold => json!({"per_bar": 0.0, "annual": 0.0}),
    };
    let mut found = shape(prices, ask, &all, portfolio.values(), &found, beside.as_ref())?;
    found.brief.insert("turnover".into(), turnover);
    found.brief.insert("risk_free_rate".into(), number(annual_rate));
    found.brief.insert("gaps".into(), json!("a return spans rows that are left out, so that the path is whole"));
    if !absent.is_empty() {
        let weight: f64 = absent.iter().map(|(_, weight)| weight).sum();
        let caution = format!(
            "{} symbols have no bar in the window; their weights, {weight:.4} in sum, are counted as cash",
            absent.len()
        );
        match found.brief.get_mut("cautions").and_then(Value::as_array_mut) {
            Some(cautions) => cautions.push(json!(caution)),
            None => {
                found.brief.insert("cautions".into(), json!([caution]));
            }
        }
    }
    Ok(found)
}

fn shape(
    prices: &Prices,
    ask: &Ask,
    all: &Panel,
    portfolio: &[f64],
    found: &Performance,
    beside: Option<&Performance>,
) -> Result<Found, ToolError> {
    let (cagr, sharpe) = (found.cagr.map_or("undefined".to_owned(), percent), show(found.sharpe));
    let mut text = format!(
        "Total return {}, {cagr} a year, volatility {} a year, Sharpe {sharpe}, deepest fall {}.",
        percent(found.total_return),
        percent(found.volatility),
        percent(found.max_drawdown.depth)
    );
    if let (Some(symbol), Some(beside), Some(against)) = (&ask.benchmark, beside, &found.benchmark) {
        text.push_str(&format!(
            " {symbol} returned {}; beta {:.2}, alpha {} a year.",
            percent(beside.total_return),
            against.beta,
            percent(against.alpha_annual)
        ));
    }
    text.push('\n');
    text.push_str(&basis(prices, "simple returns", found.n_obs));

    // Point 0 of the equity curve is the first price, point i the end of return i - 1.
    let at = |point: usize| match point.checked_sub(1) {
        None => label(prices.panel.first_label()),
        Some(row) => label(all.index().label(row)),
    };
    let fall = &found.max_drawdown;
    let net: f64 = ask.weights.iter().sum();
    let gross: f64 = ask.weights.iter().map(|weight| weight.abs()).sum();
    let mut brief = Map::new();
    brief.insert(
        "performance_metrics".into(),
        json!({
            "total_return": number(found.total_return),
            "annualized_return": maybe(found.cagr),
            "mean_annual_return": number(found.mean_annual),
            "volatility": number(found.volatility),
            "sharpe_ratio": maybe(found.sharpe),
            "sharpe_ratio_without_rate": maybe(found.sharpe_without_rate),
            "sharpe_standard_error": maybe(found.sharpe_standard_error_robust),
            "sharpe_standard_error_independent": maybe(found.sharpe_standard_error),
            "sharpe_probability_positive": maybe(found.sharpe_probability_positive),
            "sortino_ratio": maybe(found.sortino),
            "downside_deviation": number(found.downside_deviation),
            "max_drawdown": number(fall.depth),
            "max_drawdown_peak": at(fall.peak),
            "max_drawdown_trough": at(fall.trough),
            "max_drawdown_recovery": fall.recovery.map(at),
            "calmar_ratio": maybe(found.calmar),
            "value_at_risk_95": number(found.value_at_risk),
            "conditional_value_at_risk_95": number(found.conditional_value_at_risk),
            "hit_rate": maybe(found.hit_rate),
            "skewness": maybe(found.skewness),
            "excess_kurtosis": maybe(found.excess_kurtosis),
            "profit_factor": maybe(found.profit_factor),
            "omega_ratio": maybe(found.omega),
            "ulcer_index": number(found.ulcer_index),
            "best": number(found.best),
            "worst": number(found.worst),
        }),
    );
    if let (Some(symbol), Some(beside), Some(against)) = (&ask.benchmark, beside, &found.benchmark) {
        brief.insert(
            "benchmark_comparison".into(),
            json!({
                "benchmark_symbol": symbol,
                "benchmark_total_return": number(beside.total_return),
                "benchmark_annualized_return": maybe(beside.cagr),
                "benchmark_volatility": number(beside.volatility),
                "benchmark_sharpe_ratio": maybe(beside.sharpe),
                "excess_total_return": number(found.total_return - beside.total_return),
                "beta": number(against.beta),
                "alpha": number(against.alpha_annual),
                "alpha_std_error": maybe(against.alpha_standard_error),
                "alpha_t": maybe(against.alpha_t),
                "alpha_pvalue": maybe(against.alpha_p_value),
                "correlation": maybe(against.correlation),
                "tracking_error": number(against.tracking_error),
                "information_ratio": maybe(against.information_ratio),
                "up_capture": maybe(against.up_capture),
                "down_capture": maybe(against.down_capture),
            }),
        );
    }
    let weights = ask.symbols.iter().zip(&ask.weights).map(|(symbol, weight)| (symbol.clone(), number(*weight)));
    brief.insert("weights".into(), Value::Object(weights.collect()));
    brief.insert("net_exposure".into(), number(net));
    brief.insert("gross_exposure".into(), number(gross));
    brief.insert("cash_weight".into(), number(1.0 - net));
    brief.insert("policy".into(), json!(ask.policy));
    brief.insert("periods_per_year".into(), number(ask.periods_per_year));
    brief.insert("n_observations".into(), json!(found.n_obs));
    if !found.warnings.is_empty() {
        brief.insert("cautions".into(), json!(found.warnings));
    }

    let curve = equity_curve(portfolio);
    let mut more = Map::new();
    let points: Vec<String> = (0..curve.len()).map(at).collect();
    more.insert("equity".into(), json!({"at": points, "value": curve.iter().map(|v| number(*v)).collect::<Vec<_>>()}));
    more.insert(
        "units".into(),
        json!({
            "annualized_return": "geometric; returns are fractions",
            "volatility": "sample, annual", "downside_deviation": "annual, over all returns",
            "value_at_risk_95": "loss per bar, positive", "alpha": "Jensen's, annual, arithmetic; its error is Newey and West's",
            "sharpe_standard_error": "allows for autocorrelation; sharpe_standard_error_independent supposes independent returns",
            "turnover": "half of what is bought and sold to restore the weights, cash included, a year and a bar",
            "weights": "as given; what they leave of 1 is cash at the riskless rate, never rescaled",
            "equity": "value of 1 invested before the first return",
        }),
    );
    let market = ask.benchmark.as_deref().map(|symbol| all.column_of(symbol)).transpose()?.map(equity_curve);
    let mut curves: Vec<(&str, &[f64])> = vec![("portfolio", &curve)];
    if let (Some(symbol), Some(market)) = (&ask.benchmark, &market) {
        curves.push((symbol, market));
    }
    let title = match &ask.benchmark {
        Some(symbol) => format!("Growth of the portfolio and of {symbol}"),
        None => "Growth of the portfolio".to_owned(),
    };
    let below_axis = points.iter().map(|point| pictures::short(point)).collect();
    let picture = Some(Picture::Line(pictures::growth(title, pictures::below(&text), below_axis, &curves)));
    Ok(Found { summary: text, brief, more, table: table(&points, &curve)?, picture, ..Found::default() })
}

fn show(value: Option<f64>) -> String {
    value.map_or("undefined".to_owned(), |value| format!("{value:.2}"))
}

/// The equity curve as a table.
fn table(points: &[String], curve: &[f64]) -> Result<Option<Table>, ToolError> {
    let mut table = Table::new(["at", "equity"]);
    for (at, value) in points.iter().zip(curve) {
        table
            .row([Cell::Text(at), Cell::Number(*value)])
            .map_err(|error| ToolError::new(Kind::Internal, Topic::General, error.to_string()))?;
    }
    Ok(Some(table))
}
