//! Correlation of simple returns: the matrix, the pairs that stand out, and how they moved through time.

use qc_quant::{
    Panel, returns,
    stats::{
        correlation::{self, CorrelationMatrix, Method, Pair},
        moments, multiple,
    },
};
use qc_report::{
    chart::{HeatMap, Picture},
    csv::{Cell, Table},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, label, maybe, names, number, pictures};
use crate::{
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::{Found, progress_of},
};

/// Symbols up to which the answer shows the whole matrix.
const BRIEF_SYMBOLS: usize = 10;
/// Pairs shown at either end, and assets summarised, beyond that.
const BRIEF_PAIRS: usize = 5;
/// Symbols whose pairs are followed through time.
const ROLLING_SYMBOLS: usize = 10;
/// Pairs times rows that the methods without matrix algebra (kendall, distance) take: some ten seconds of one core.
const MAX_WORK: usize = 50_000_000;
/// Windows kept of one rolling correlation.
const MAX_WINDOWS: usize = 2_000;

/// Which dependence is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
pub(crate) enum CorrelationMethod {
    /// Linear.
    #[default]
    Pearson,
    /// Of ranks.
    Spearman,
    /// Concordance, tau-b.
    Kendall,
    /// Any dependence, 0 to 1.
    Distance,
}

impl CorrelationMethod {
    fn method(self) -> Method {
        match self {
            CorrelationMethod::Pearson => Method::Pearson,
            CorrelationMethod::Spearman => Method::Spearman,
            CorrelationMethod::Kendall => Method::Kendall,
            CorrelationMethod::Distance => Method::Distance,
        }
    }

    fn name(self) -> &'static str {
        match self {
            CorrelationMethod::Pearson => "pearson",
            CorrelationMethod::Spearman => "spearman",
            CorrelationMethod::Kendall => "kendall",
            CorrelationMethod::Distance => "distance",
        }
    }
}

/// Correlates the simple returns of `prices` and shapes the answer; with `rolling`, every pair also over windows of
/// that many rows.
///
/// # Errors
/// More work than [`MAX_WORK`], a window for too many symbols, and what qc-quant refuses.
pub(crate) fn run(
    prices: &Prices,
    method: CorrelationMethod,
    rolling: Option<usize>,
    stop: &Stop,
) -> Result<Found, ToolError> {
    let returns = returns::simple(&prices.panel)?;
    let n = returns.n_symbols();
    let n_pairs = n * n.saturating_sub(1) / 2;
    within_work(method, n_pairs, returns.n_rows())?;
    let matrix = correlation::matrix_watched(&returns, method.method(), &progress_of(stop))?;
    let mut found = shape(prices, method, &matrix, returns.n_rows());
    if let Some(window) = rolling {
        let (brief, full) = through_time(&returns, method, window, stop)?;
        found.brief.insert("rolling".into(), brief);
        found.more.insert("rolling".into(), full);
    }
    Ok(found)
}

/// Refuses more pairs (counted once per window) than the methods without matrix algebra take.
fn within_work(method: CorrelationMethod, n_pairs: usize, n_rows: usize) -> Result<(), ToolError> {
    let work = n_pairs.saturating_mul(n_rows);
    if !matches!(method, CorrelationMethod::Kendall | CorrelationMethod::Distance) || work <= MAX_WORK {
        return Ok(());
    }
    let message = format!(
        "{n_pairs} pairs of {n_rows} rows are {work} steps, at most {MAX_WORK} are taken at once for {}: ask for fewer symbols or a smaller window",
        method.name()
    );
    Err(ToolError::new(Kind::TooLarge, Topic::General, message))
}

fn shape(prices: &Prices, method: CorrelationMethod, matrix: &CorrelationMatrix, n_rows: usize) -> Found {
    let pairs = matrix.pairs();
    let p_values: Vec<f64> = pairs.iter().map(|pair| pair.p_value).collect();
    let adjusted = multiple::holm(&p_values);
    let ranked: Vec<(&Pair, f64)> = pairs.iter().zip(adjusted).collect();
    let summaries = matrix.summaries();

    let mut summary = match (ranked.first(), ranked.last()) {
        (Some((only, p)), Some(_)) if ranked.len() == 1 => format!(
            "{} and {}: {} correlation {:.3} ({}).",
            only.a,
            only.b,
            method.name(),
            only.value,
            super::p_text(*p)
        ),
        (Some((high, _)), Some((low, _))) => format!(
            "Highest {} correlation: {} and {} {:.3}; lowest: {} and {} {:.3}.",
            method.name(),
            high.a,
            high.b,
            high.value,
            low.a,
            low.b,
            low.value
        ),
        _ => String::new(),
    };
    summary.push('\n');
    summary.push_str(&format!("{}: {}", names(&matrix.symbols), basis(prices, "simple returns", n_rows)));

    let n = matrix.symbols.len();
    let mut brief = Map::new();
    brief.insert("method".into(), json!(method.name()));
    brief.insert("n_observations".into(), json!(matrix.n_obs));
    if n <= BRIEF_SYMBOLS {
        brief.insert("correlation_matrix".into(), as_object(matrix));
    } else {
        brief.insert("correlation_matrix_shown".into(), json!("in the linked resource, or pass save_as=name.csv"));
    }
    brief.insert("highest_correlations".into(), list(ranked.iter().take(BRIEF_PAIRS)));
    brief.insert("lowest_correlations".into(), list(ranked.iter().rev().take(BRIEF_PAIRS)));
    let mut strongest: Vec<&(&Pair, f64)> = ranked.iter().collect();
    strongest.sort_by(|a, b| b.0.value.abs().total_cmp(&a.0.value.abs()));
    brief.insert("strongest_correlations".into(), list(strongest.into_iter().take(BRIEF_PAIRS)));

    let of = |s: &correlation::Summary| {
        json!({
            "avg_correlation": number(s.mean),
            "avg_abs_correlation": number(s.mean_abs),
            "highest": {"symbol": s.highest.0, "correlation": number(s.highest.1)},
            "lowest": {"symbol": s.lowest.0, "correlation": number(s.lowest.1)},
        })
    };
    let assets: Map<String, Value> = summaries.iter().map(|s| (s.symbol.clone(), of(s))).collect();
    if n <= BRIEF_SYMBOLS {
        brief.insert("asset_correlations".into(), Value::Object(assets.clone()));
    }
    let values: Vec<f64> = pairs.iter().map(|pair| pair.value).collect();
    brief.insert("average_correlation".into(), number(moments::mean(&values)));
    brief.insert("returns".into(), json!("simple, per bar"));
    if matrix.n_obs <= n {
        let note = format!("{} returns for {n} symbols: the matrix is singular and must not be inverted", matrix.n_obs);
        brief.insert("caution".into(), json!(note));
    }

    let mut more = Map::new();
    more.insert("correlation_matrix".into(), as_object(matrix));
    more.insert("asset_correlations".into(), Value::Object(assets));
    more.insert("pairs".into(), list(ranked.iter()));
    more.insert(
        "units".into(),
        json!({
            "correlation": if method == CorrelationMethod::Distance { "0 (independent) to 1" } else { "-1 to 1" },
            "p_value": "two-sided, of no dependence, rows taken as independent",
            "p_holm": "p_value adjusted for the number of pairs (Holm)",
        }),
    );
    let picture = HeatMap {
        title: format!("{} correlation of simple returns", capital(method.name())),
        subtitle: pictures::below(&basis(prices, "simple returns", n_rows)),
        names: matrix.symbols.clone(),
        values: (0..n * n).map(|at| cell(matrix, at / n, at % n)).collect(),
    };
    let picture = Some(Picture::HeatMap(picture));
    Found { summary, brief, more, table: table(matrix).ok(), picture, ..Found::default() }
}

/// Every pair over windows that end one row later each: what it was last, in the middle and at its lowest.
fn through_time(
    returns: &Panel,
    method: CorrelationMethod,
    window: usize,
    stop: &Stop,
) -> Result<(Value, Value), ToolError> {
    let symbols = returns.symbols();
    if ROLLING_SYMBOLS < symbols.len() {
        let message =
            format!("rolling follows the pairs of at most {ROLLING_SYMBOLS} symbols, found {}", symbols.len());
        return Err(ToolError::new(Kind::TooLarge, Topic::Symbol, message));
    }
    let n_windows = returns.n_rows().saturating_sub(window) + 1;
    let step = n_windows.div_ceil(MAX_WINDOWS).max(1);
    let n_pairs = symbols.len() * symbols.len().saturating_sub(1) / 2;
    within_work(method, n_pairs.saturating_mul(n_windows.div_ceil(step)), window)?;
    // The last window is to end at the last row, whatever the step.
    let returns = &returns.slice(returns.n_rows().saturating_sub(window) % step..returns.n_rows())?;
    let (mut brief, mut full) = (Vec::new(), Vec::new());
    for (i, a) in symbols.iter().enumerate() {
        for b in symbols.iter().skip(i + 1) {
            if stop.is_requested() {
                return Err(ToolError::new(Kind::Cancelled, Topic::General, "cancelled between two pairs"));
            }
            let rolling =
                correlation::rolling_watched(returns, a, b, method.method(), window, step, &progress_of(stop))?;
            let facts = json!({
                "pair": [a, b],
                "last": maybe(rolling.last()),
                "median": maybe(rolling.median()),
                "min": maybe(rolling.min()),
            });
            let mut whole = facts.clone();
            if let Some(whole) = whole.as_object_mut() {
                whole.insert("ends".into(), rolling.ends.iter().map(|at| json!(label(*at))).collect());
                whole.insert("values".into(), rolling.values.iter().map(|value| maybe(*value)).collect());
            }
            brief.push(facts);
            full.push(whole);
        }
    }
    brief.sort_by(|a, b| last_of(a).total_cmp(&last_of(b)));
    let n_pairs = brief.len();
    brief.truncate(2 * BRIEF_PAIRS);
    let about = json!({"window_rows": window, "step_rows": step, "n_pairs": n_pairs, "pairs_with_lowest_last": brief});
    Ok((about, json!({"window_rows": window, "step_rows": step, "pairs": full})))
}

fn last_of(facts: &Value) -> f64 {
    facts.get("last").and_then(Value::as_f64).unwrap_or(f64::INFINITY)
}

fn list<'a>(pairs: impl Iterator<Item = &'a (&'a Pair, f64)>) -> Value {
    let of = |(pair, holm): &(&Pair, f64)| json!({"pair": [pair.a, pair.b], "correlation": number(pair.value), "p_value": number(pair.p_value), "p_holm": number(*holm)});
    pairs.map(of).collect()
}

/// `{symbol: {symbol: correlation}}`, in the caller's order.
fn as_object(matrix: &CorrelationMatrix) -> Value {
    let row = |i: usize| -> Value {
        let cells = matrix.symbols.iter().enumerate().map(|(j, symbol)| (symbol.clone(), number(cell(matrix, i, j))));
        Value::Object(cells.collect())
    };
    Value::Object(matrix.symbols.iter().enumerate().map(|(i, symbol)| (symbol.clone(), row(i))).collect())
}

fn cell(matrix: &CorrelationMatrix, i: usize, j: usize) -> f64 {
    matrix.values.get((i, j)).copied().unwrap_or(f64::NAN)
}

fn table(matrix: &CorrelationMatrix) -> qc_report::Result<Table> {
    let mut table = Table::new(std::iter::once("symbol").chain(matrix.symbols.iter().map(String::as_str)));
    for (i, symbol) in matrix.symbols.iter().enumerate() {
        let cells = (0..matrix.symbols.len()).map(|j| Cell::Number(cell(matrix, i, j)));
        table.row(std::iter::once(Cell::Foreign(symbol)).chain(cells))?;
    }
    Ok(table)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
