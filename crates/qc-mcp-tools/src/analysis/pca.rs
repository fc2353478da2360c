//! Principal components of simple returns.

use qc_quant::{
    pca::{self, Mode, Pca, PcaOptions},
    returns,
};
use qc_report::{
    chart::{Picture, Scree},
    csv::{Cell, Table},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, names, number, percent, pictures};
use crate::{
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::Found,
};

/// Weights an answer shows; more are in the kept result.
const BRIEF_WEIGHTS: usize = 120;
/// Components an answer shows when there are too many weights.
const BRIEF_COMPONENTS: usize = 3;
/// Weights per component an answer shows when there are too many.
const BRIEF_PER_COMPONENT: usize = 10;

/// Which matrix is decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
pub(crate) enum PcaMode {
    /// Every symbol counts alike.
    #[default]
    Correlation,
    /// Volatile symbols count more.
    Covariance,
}

impl PcaMode {
    fn method(self) -> Mode {
        match self {
            PcaMode::Correlation => Mode::Correlation,
            PcaMode::Covariance => Mode::Covariance,
        }
    }

    fn name(self) -> &'static str {
        match self {
            PcaMode::Correlation => "correlation",
            PcaMode::Covariance => "covariance",
        }
    }

    fn other(self) -> PcaMode {
        match self {
            PcaMode::Correlation => PcaMode::Covariance,
            PcaMode::Covariance => PcaMode::Correlation,
        }
    }
}

/// Fits the components of the simple returns of `prices` and shapes the answer.
///
/// # Errors
/// Fewer returns than symbols + 1 (unless the caller says how many components are wanted), and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, mode: PcaMode, n_components: Option<usize>) -> Result<Found, ToolError> {
    let returns = returns::simple(&prices.panel)?;
    let (rows, n) = (returns.n_rows(), returns.n_symbols());
    if n_components.is_none() && rows <= n {
        let message = format!(
            "principal components of {n} symbols need at least {} rows of returns, found {rows} (give n_components up to {} to take fewer components than symbols)",
            n + 1,
            rows.saturating_sub(1).max(1)
        );
        return Err(ToolError::new(Kind::TooFewRows, Topic::General, message));
    }
    let fitted = pca::fit(&returns, &PcaOptions { mode: mode.method(), n_components })?;
    let other = pca::fit(&returns, &PcaOptions { mode: mode.other().method(), n_components: Some(1) });
    Ok(shape(prices, mode, &fitted, other.ok().as_ref()))
}

fn shape(prices: &Prices, mode: PcaMode, fitted: &Pca, other: Option<&Pca>) -> Found {
    let first = fitted.ratio.first().copied().unwrap_or_default();
    let other_first = other.and_then(|other| other.ratio.first().copied());
    let beside =
        other_first.map_or(String::new(), |share| format!(" ({} in {} mode)", percent(share), mode.other().name()));
    let mut summary = format!(
        "The first component explains {} of the variance of {} in {} mode{beside}.",
        percent(first),
        names(&fitted.symbols),
        mode.name(),
    );
    if let (Some(above), Some(edge)) = (fitted.above_noise(), fitted.noise_edge) {
        summary.push_str(&format!(
            " {above} of {} eigenvalues lie above {edge:.2}, the most that noise alone would give.",
            fitted.n_components()
        ));
    }
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns", fitted.n_obs));

    let mut brief = Map::new();
    brief.insert("mode".into(), json!(mode.name()));
    brief.insert("n_components".into(), json!(fitted.n_components()));
    brief.insert("explained_variance_ratio".into(), json!(fitted.ratio));
    brief.insert("cumulative_variance_ratio".into(), json!(fitted.cumulative));
    brief.insert("total_variance_explained".into(), json!(fitted.cumulative.last()));
    brief.insert("eigenvalues".into(), json!(fitted.eigenvalues));
    let (weights, is_whole) = weights(fitted, true);
    brief.insert("component_weights".into(), weights);
    if !is_whole {
        let shown = format!(
            "the {BRIEF_PER_COMPONENT} largest of the first {BRIEF_COMPONENTS} components; all are in the linked resource"
        );
        brief.insert("component_weights_shown".into(), json!(shown));
    }
    brief.insert("n_observations".into(), json!(fitted.n_obs));
    brief.insert("rank".into(), json!(fitted.rank));
    brief.insert("effective_bets".into(), number(fitted.effective_bets));
    brief.insert("noise_edge".into(), super::maybe(fitted.noise_edge));
    brief.insert("first_component_share".into(), {
        let mut both = Map::new();
        both.insert(mode.name().into(), number(first));
        both.insert(mode.other().name().into(), super::maybe(other_first));
        Value::Object(both)
    });
    brief.insert("returns".into(), json!("simple, per bar"));

    let mut more = Map::new();
    more.insert("component_weights".into(), weights_of(fitted, fitted.n_components(), usize::MAX));
    more.insert("means".into(), by_symbol(fitted, &fitted.means));
    more.insert("scales".into(), by_symbol(fitted, &fitted.scales));
    more.insert("total_variance".into(), number(fitted.total_variance));
    more.insert("units".into(), json!({
        "explained_variance_ratio": "share of the variance of all components, 0 to 1",
        "eigenvalues": if mode == PcaMode::Correlation { "variance of a component of standardised returns" } else { "variance of a component, squared return per bar" },
        "component_weights": "unit vectors; the largest weight of each is positive",
        "effective_bets": "exp of the entropy of all variance shares, 1 to number of symbols",
        "noise_edge": "largest eigenvalue that uncorrelated returns would tend to (Marchenko-Pastur)",
    }));
    let picture = Scree {
        title: format!("Variance explained by the principal components of {} symbols", fitted.symbols.len()),
        subtitle: format!("{} In {} mode.", pictures::below(&summary), mode.name()),
        ratios: fitted.ratio.clone(),
        cumulative: fitted.cumulative.clone(),
    };
    let picture = Some(Picture::Scree(picture));
    Found { summary, brief, more, table: table(fitted).ok(), picture, ..Found::default() }
}

/// Component weights for the answer, and whether they are all.
fn weights(fitted: &Pca, brief: bool) -> (Value, bool) {
    let k = fitted.n_components();
    if brief && BRIEF_WEIGHTS < k * fitted.symbols.len() {
        return (weights_of(fitted, k.min(BRIEF_COMPONENTS), BRIEF_PER_COMPONENT), false);
    }
    (weights_of(fitted, k, usize::MAX), true)
}

/// `{PC1: {symbol: weight}}`, in the caller's order; with a limit the largest by size first.
fn weights_of(fitted: &Pca, n_components: usize, per_component: usize) -> Value {
    let mut all = Map::new();
    for component in 0..n_components {
        let mut weights: Vec<(&str, f64)> = fitted.component(component).collect();
        if per_component < weights.len() {
            weights.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
            weights.truncate(per_component);
        }
        let of: Map<String, Value> = weights.into_iter().map(|(symbol, w)| (symbol.to_owned(), number(w))).collect();
        all.insert(format!("PC{}", component + 1), Value::Object(of));
    }
    Value::Object(all)
}

fn by_symbol(fitted: &Pca, values: &[f64]) -> Value {
    let pairs = fitted.symbols.iter().zip(values).map(|(symbol, value)| (symbol.clone(), number(*value)));
    Value::Object(pairs.collect())
}

/// Components as rows: eigenvalue, shares, one column per symbol.
fn table(fitted: &Pca) -> qc_report::Result<Table> {
    let first = ["component", "eigenvalue", "explained_variance_ratio", "cumulative_variance_ratio"];
    let mut table = Table::new(first.into_iter().chain(fitted.symbols.iter().map(String::as_str)));
    for component in 0..fitted.n_components() {
        let name = format!("PC{}", component + 1);
        let at = |values: &[f64]| values.get(component).map_or(Cell::Missing, |value| Cell::Number(*value));
        let mut row = vec![Cell::Text(&name), at(&fitted.eigenvalues), at(&fitted.ratio), at(&fitted.cumulative)];
        row.extend(fitted.component(component).map(|(_, weight)| Cell::Number(weight)));
        table.row(row)?;
    }
    Ok(table)
}
