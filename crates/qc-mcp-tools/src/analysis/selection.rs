//! Choosing assets: those that go least together, and those that meet given limits.

use qc_quant::{
    portfolio::{
        screen::{self, Criteria},
        select_uncorrelated::{self, Search},
    },
    returns,
    stats::correlation::{self, Method},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, maybe, names, number};
use crate::{error::ToolError, prices::Prices, study::Found};

/// Assets an answer shows in full.
const SHOWN: usize = 40;

/// What makes a set of assets good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum SelectMethod {
    /// Least mean size of correlation within the set.
    #[default]
    LowestCorrelation,
    /// Least mean signed correlation within the set: opposites are welcome.
    LowestSigned,
    /// Least mean size of correlation with the whole universe, one by one.
    UniverseRank,
}

/// Chooses `wanted` of the symbols of `prices`.
///
/// # Errors
/// Fewer than two or more than there are, a symbol that does not vary.
pub(crate) fn select(prices: &Prices, wanted: usize, method: SelectMethod) -> Result<Found, ToolError> {
    let simple = returns::simple(&prices.panel)?;
    let matrix = correlation::matrix(&simple, Method::Pearson)?;
    let n = matrix.symbols.len();
    let absolute = method != SelectMethod::LowestSigned;
    let to_universe = select_uncorrelated::mean_to_universe(&matrix.values, absolute);
    let (chosen, search) = if method == SelectMethod::UniverseRank {
        if !(2..=n).contains(&wanted) {
            return Err(ToolError::argument(format!(
                "num_assets must lie between 2 and the {n} symbols, found {wanted}"
            )));
        }
        let mut order: Vec<usize> = (0..n).collect();
        let rank = |i: &usize| to_universe.get(*i).copied().unwrap_or(f64::MAX);
        order.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
        order.truncate(wanted);
        order.sort_unstable();
        (order, "ranked one by one, not as a set")
    } else {
        let found = select_uncorrelated::within_set(&matrix.values, wanted, absolute)?;
        let how = match found.search {
            Search::Exhaustive => "all sets were compared",
            Search::Exchange => "greedy, then exchanges: a local optimum",
        };
        (found.chosen, how)
    };
    let of = |i: usize, j: usize| matrix.values.get((i, j)).copied().unwrap_or(f64::NAN);
    let mean_of = |positions: &[usize], absolute: bool| -> f64 {
        let mut values = Vec::new();
        for (at, &i) in positions.iter().enumerate() {
            for &j in positions.iter().skip(at + 1) {
                values.push(if absolute { of(i, j).abs() } else { of(i, j) });
            }
        }
        qc_quant::stats::moments::mean(&values)
    };
    let everyone: Vec<usize> = (0..n).collect();
    let name = |i: usize| matrix.symbols.get(i).cloned().unwrap_or_default();
    let selected: Vec<String> = chosen.iter().map(|i| name(*i)).collect();
    let within = mean_of(&chosen, absolute);
    let mut summary = format!(
        "{} go least together: mean {}correlation {within:.3} within the set, {:.3} among all {n}.",
        names(&selected),
        if absolute { "absolute " } else { "" },
        mean_of(&everyone, absolute)
    );
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns", simple.n_rows()));
    let mut brief = Map::new();
    brief.insert("selected_assets".into(), json!(selected));
    brief.insert("num_assets".into(), json!(selected.len()));
    brief.insert("method".into(), json!(method));
    brief.insert("search".into(), json!(search));
    brief.insert("avg_correlation".into(), number(mean_of(&chosen, false)));
    brief.insert("avg_abs_correlation".into(), number(mean_of(&chosen, true)));
    brief.insert("universe_avg_abs_correlation".into(), number(mean_of(&everyone, true)));
    let row = |i: usize, others: &[usize]| -> (String, Value) {
        (name(i), Value::Object(others.iter().map(|j| (name(*j), number(of(i, *j)))).collect()))
    };
    if chosen.len() <= 10 {
        brief.insert("correlation_matrix".into(), Value::Object(chosen.iter().map(|i| row(*i, &chosen)).collect()));
    }
    brief.insert("n_observations".into(), json!(matrix.n_obs));
    let mut more = Map::new();
    more.insert("correlation_matrix".into(), Value::Object(chosen.iter().map(|i| row(*i, &chosen)).collect()));
    let ranks = (0..n).map(|i| (name(i), number(to_universe.get(i).copied().unwrap_or(f64::NAN))));
    more.insert("mean_correlation_with_universe".into(), Value::Object(ranks.collect()));
    let next = Some("optimize_portfolio or optimize_equal_weight_portfolio with selected_assets");
    Ok(Found { summary, brief, more, next, ..Found::default() })
}

/// Measures every asset of `symbols` and compares with the limits.
///
/// # Errors
/// No limit at all, a limit on correlation without benchmark, and what qc-quant refuses.
pub(crate) fn screen(
    prices: &Prices,
    symbols: &[String],
    benchmark: Option<&str>,
    criteria: &Criteria,
    periods_per_year: f64,
) -> Result<Found, ToolError> {
    let limits = [criteria.min_return, criteria.max_volatility, criteria.min_sharpe, criteria.max_correlation];
    if limits.iter().all(Option::is_none) {
        return Err(ToolError::argument(
            "no criterion is given: name one of min_return, max_volatility, min_sharpe, max_correlation",
        ));
    }
    if criteria.max_correlation.is_some() && benchmark.is_none() {
        return Err(ToolError::argument("max_correlation needs a benchmark_symbol to correlate with"));
    }
    let all = returns::simple(&prices.panel)?;
    let other = benchmark.map(|symbol| all.series(symbol)).transpose()?;
    let found = screen::assets(&all.select(&prices.present(symbols))?, other.as_ref(), criteria, periods_per_year)?;
    let passed: Vec<String> =
        found.iter().filter(|asset| asset.failed.is_empty()).map(|asset| asset.symbol.clone()).collect();
    let mut summary = format!(
        "{} of {} assets pass{}{}.",
        passed.len(),
        found.len(),
        if passed.is_empty() { "" } else { ": " },
        names(&passed)
    );
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns, the dates all have in common", all.n_rows()));
    let figures = |asset: &screen::Screened| {
        let mut facts = json!({
            "symbol": asset.symbol,
            "annualized_return": maybe(asset.annual_return),
            "volatility": number(asset.volatility),
            "sharpe_ratio": maybe(asset.sharpe),
            "passed": asset.failed.is_empty(),
        });
        if let Some(facts) = facts.as_object_mut() {
            if benchmark.is_some() {
                facts.insert("correlation".into(), maybe(asset.correlation));
            }
            if !asset.failed.is_empty() {
                facts.insert("failed".into(), json!(asset.failed));
            }
        }
        facts
    };
    let mut brief = Map::new();
    brief.insert("passed_assets".into(), json!(passed));
    brief.insert("n_passed".into(), json!(passed.len()));
    brief.insert("n_screened".into(), json!(found.len()));
    brief.insert("assets".into(), found.iter().take(SHOWN).map(figures).collect());
    brief.insert(
        "criteria".into(),
        json!({"min_return": criteria.min_return, "max_volatility": criteria.max_volatility,
            "min_sharpe": criteria.min_sharpe, "max_correlation": criteria.max_correlation, "benchmark_symbol": benchmark}),
    );
    brief.insert("periods_per_year".into(), number(periods_per_year));
    brief.insert("n_observations".into(), json!(all.n_rows()));
    let mut more = Map::new();
    more.insert("assets".into(), found.iter().map(figures).collect());
    more.insert(
        "units".into(),
        json!({"annualized_return": "geometric fraction", "volatility": "annual, sample", "correlation": "signed, with the benchmark",
            "failed": "a criterion that cannot be evaluated fails the asset"}),
    );
    Ok(Found { summary, brief, more, ..Found::default() })
}
