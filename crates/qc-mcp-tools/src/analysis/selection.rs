//! Choosing assets: those that go least together.

use qc_quant::{
    portfolio::select_uncorrelated::{self, Search},
    returns,
    stats::correlation::{self, Method},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, names, number};
use crate::{error::ToolError, prices::Prices, study::Found};

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
