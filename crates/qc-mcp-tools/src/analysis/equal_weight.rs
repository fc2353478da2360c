//! Equal weights, traded back by a rule: value, turnover, costs, and what each symbol added.

use qc_quant::{
    covariance,
    performance::{PerformanceOptions, RiskFree, summary},
    portfolio::{
        self,
        rebalance::{self, Rule},
    },
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
use crate::{error::ToolError, prices::Prices, study::Found};

/// When weights are traded back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frequency {
    /// Never.
    None,
    /// Every trading day.
    Daily,
    /// ISO weeks.
    Weekly,
    /// Calendar months.
    #[default]
    Monthly,
    /// Calendar quarters.
    Quarterly,
    /// Calendar years.
    Yearly,
}

impl Frequency {
    fn rule(self) -> Rule {
        match self {
            Frequency::None => Rule::None,
            Frequency::Daily => Rule::Daily,
            Frequency::Weekly => Rule::Weekly,
            Frequency::Monthly => Rule::Monthly,
            Frequency::Quarterly => Rule::Quarterly,
            Frequency::Yearly => Rule::Yearly,
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// When weights are traded back.
    pub(crate) frequency: Frequency,
    /// Cost of what is traded, in basis points.
    pub(crate) cost_bps: f64,
    /// Observations a year.
    pub(crate) periods_per_year: f64,
}

/// Simulates and shapes the answer.
///
/// # Errors
/// What qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: Ask, annual_rate: f64) -> Result<Found, ToolError> {
    let n = prices.panel.n_symbols();
    let weights = vec![1.0 / n as f64; n];
    let found = rebalance::simulate(&prices.panel, &weights, ask.frequency.rule(), ask.cost_bps)?;
    let untouched = rebalance::simulate(&prices.panel, &weights, Rule::None, 0.0)?;
    let own = super::steps(&found.values);
    let options = PerformanceOptions {
        periods_per_year: ask.periods_per_year,
        risk_free: RiskFree::Constant(annual_rate / ask.periods_per_year),
        ..PerformanceOptions::default()
    };
    let measured = summary(&own, None, &options)?;
    let covariance = covariance::sample(&returns::simple(&prices.panel)?)?;
    let diversification = portfolio::diversification_ratio(&covariance, &weights)?;
    let total = found.values.last().copied().unwrap_or(1.0) - 1.0;
    let held = untouched.values.last().copied().unwrap_or(1.0) - 1.0;
    let mut text = format!(
        "Equal weights of {n} symbols traded back {} times returned {} (left alone {}), volatility {} a year, turnover {:.2}.",
        found.rebalanced_at.len(),
        percent(total),
        percent(held),
        percent(measured.volatility),
        found.turnover
    );
    text.push('\n');
    text.push_str(&basis(prices, "prices", prices.panel.n_rows()));
    let labels: Vec<String> = (0..prices.panel.n_rows()).map(|row| label(prices.panel.index().label(row))).collect();
    let at = |row: usize| labels.get(row).cloned().unwrap_or_default();
    let by_symbol = |values: &[f64]| -> Value {
        let pairs = prices.panel.symbols().iter().zip(values).map(|(symbol, value)| (symbol.clone(), number(*value)));
        Value::Object(pairs.collect())
    };
    let years = own.len() as f64 / ask.periods_per_year;
    let mut brief = Map::new();
    brief.insert("rebalance_frequency".into(), json!(ask.frequency));
    brief.insert("optimized_weights".into(), by_symbol(&weights));
    brief.insert(
        "performance_metrics".into(),
        json!({
            "total_return": number(total),
            "annualized_return": maybe(measured.cagr),
            "volatility": number(measured.volatility),
            "sharpe_ratio": maybe(measured.sharpe),
            "max_drawdown": number(found.max_drawdown.depth),
            "max_drawdown_peak": at(found.max_drawdown.peak),
            "max_drawdown_trough": at(found.max_drawdown.trough),
        }),
    );
    brief.insert("buy_and_hold_total_return".into(), number(held));
    brief.insert("n_rebalances".into(), json!(found.rebalanced_at.len()));
    brief.insert("turnover".into(), number(found.turnover));
    brief.insert("annual_turnover".into(), number(found.turnover / years));
    brief.insert("cost_bps".into(), number(ask.cost_bps));
    brief.insert("costs".into(), number(found.costs));
    brief.insert("contributions".into(), by_symbol(&found.contributions));
    brief.insert("contribution_of_costs".into(), number(found.cash_and_costs));
    brief.insert("diversification_ratio".into(), number(diversification));
    brief.insert("periods_per_year".into(), number(ask.periods_per_year));
    brief.insert("risk_free_rate".into(), number(annual_rate));
    brief.insert("n_observations".into(), json!(own.len()));
    let mut more = Map::new();
    more.insert("rebalance_dates".into(), found.rebalanced_at.iter().map(|row| json!(at(*row))).collect());
    more.insert(
        "equity".into(),
        json!({"at": labels, "value": found.values.iter().map(|value| number(*value)).collect::<Vec<_>>()}),
    );
    more.insert(
        "units".into(),
        json!({
            "turnover": "sum over rebalances of half the absolute change of weights",
            "costs": "in units of the starting value", "contributions": "of the total return; with costs they add up to it",
            "rebalance_frequency": "traded at the close of the last trading day of each period, the last row never",
        }),
    );
    let curves: [(&str, &[f64]); 2] =
        [("traded back", &found.values), ("left alone, without costs", &untouched.values)];
    let below_axis = labels.iter().map(|label| pictures::short(label)).collect();
    let title = format!("Growth of {n} symbols held in equal weights");
    let picture = Some(Picture::Line(pictures::growth(title, pictures::below(&text), below_axis, &curves)));
    let mut table = Table::new(["at", "equity"]);
    for (at, value) in labels.iter().zip(&found.values) {
        table.row([Cell::Text(at), Cell::Number(*value)]).map_err(super::no_table)?;
    }
    Ok(Found { summary: text, brief, more, table: Some(table), picture, ..Found::default() })
}
