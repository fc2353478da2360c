//! Engle and Granger's test of two log prices: verdict, spread, both directions, and whether it holds through time.

use jiff::civil::Date;
use qc_quant::{
    Index, Panel,
    cointegration::engle_granger::{self, EngleGranger, Options, PairTest},
    returns,
    stats::moments,
    unit_root::{LagRule, Trend},
};
use qc_report::csv::{Cell, Table};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, label, maybe, number, p_text, pictures};
use crate::{
    args::quote,
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::{Found, progress_of},
};

/// The level at which a test decides.
const ALPHA: f64 = 0.05;
/// Windows of a rolling test; more are spaced out.
const MAX_WINDOWS: usize = 250;

/// Deterministic terms of the first regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
pub(crate) enum TrendArg {
    /// None.
    N,
    /// Constant.
    #[default]
    C,
    /// Constant and linear trend.
    Ct,
    /// Constant, linear and quadratic trend.
    Ctt,
}

impl TrendArg {
    fn trend(self) -> Trend {
        match self {
            TrendArg::N => Trend::None,
            TrendArg::C => Trend::Constant,
            TrendArg::Ct => Trend::Linear,
            TrendArg::Ctt => Trend::Quadratic,
        }
    }
}

/// What a test is asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    /// Deterministic terms.
    pub(crate) trend: TrendArg,
    /// How lags are found, as the caller wrote it.
    pub(crate) lags: Option<String>,
    /// Rows of a window that moves through time.
    pub(crate) rolling_window: Option<usize>,
    /// First day of the second part, if the sample is to be split at a date.
    pub(crate) split_date: Option<Date>,
    /// Rows over which the current z-score is taken; all if absent.
    pub(crate) lookback_period: Option<usize>,
}

impl Ask {
    /// The test's options.
    ///
    /// # Errors
    /// Lags that are none.
    pub(crate) fn options(&self) -> Result<Options, ToolError> {
        let lags = match self.lags.as_deref().map(str::trim) {
            None | Some("") => LagRule::Aic,
            Some(text) => match text.to_ascii_lowercase().as_str() {
                "aic" => LagRule::Aic,
                "bic" => LagRule::Bic,
                "t-stat" | "tstat" | "t_stat" => LagRule::TStat,
                digits => LagRule::Fixed(digits.parse().map_err(|_| {
                    let found = quote(text);
                    ToolError::argument(format!(
                        "lags must be aic, bic, t-stat or a whole number from 0, found `{found}`"
                    ))
                })?),
            },
        };
        Ok(Options { trend: self.trend.trend(), lags, alpha: ALPHA, ..Options::default() })
    }
}

/// Tests the two log prices of `prices` (its first symbol on its second) and shapes the answer.
///
/// # Errors
/// A lag rule, split or window that cannot be, and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: &Ask, stop: &Stop) -> Result<Found, ToolError> {
    let options = ask.options()?;
    let logs = returns::log_prices(&prices.panel)?;
    let [a, b] = logs.symbols() else {
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, "cointegration takes two symbols"));
    };
    let pair = engle_granger::pair(&logs, a, b, &options)?;
    let mut found = shape(prices, &logs, &pair, ask)?;
    if let Some(date) = ask.split_date {
        found.brief.insert("split".into(), split(&logs, &options, date)?);
    }
    if let Some(window) = ask.rolling_window {
        let (brief, full) = rolling(&logs, &options, window, stop)?;
        found.brief.insert("rolling".into(), brief);
        found.more.insert("rolling".into(), full);
    }
    Ok(found)
}

fn shape(prices: &Prices, logs: &Panel, pair: &PairTest, ask: &Ask) -> Result<Found, ToolError> {
    let test = &pair.forward;
    let (a, b) = (test.dependent.clone(), test.regressors.join(", "));
    let is_cointegrated = test.p_value < ALPHA;
    let verdict = if is_cointegrated { "are cointegrated" } else { "are not shown to be cointegrated" };
    let mut summary = format!(
        "{a} and {b} {verdict} ({a} on {b}: statistic {:.3}, {}; pair {}).",
        test.statistic,
        p_text(test.p_value),
        p_text(pair.pair_p_value)
    );
    if pair.direction_sensitive {
        summary.push_str(" The verdict differs between the two directions.");
    }
    if is_cointegrated && pair.halves.iter().all(|half| half.is_some_and(|p| ALPHA <= p)) {
        summary.push_str(" Neither half of the window shows it alone: the relation may not hold steadily.");
    }
    summary.push('\n');
    summary.push_str(&basis(prices, "log prices", logs.n_rows()));

    let z = current_z(test, ask.lookback_period)?;
    let mut brief = Map::new();
    brief.insert("symbol1".into(), json!(a));
    brief.insert("symbol2".into(), json!(b));
    brief.insert("is_cointegrated".into(), json!(is_cointegrated));
    brief.extend(figures(test));
    brief.insert("pair_pvalue".into(), number(pair.pair_p_value));
    brief.insert("direction_sensitive".into(), json!(pair.direction_sensitive));
    let [first, second] = pair.halves;
    brief.insert("pvalue_halves".into(), json!({"first": maybe(first), "second": maybe(second)}));
    brief.insert("spread".into(), json!(formula(test)));
    brief.insert("spread_mean".into(), number(test.residual_mean));
    brief.insert("spread_std".into(), number(test.residual_std));
    brief.insert("spread_last".into(), maybe(test.residual.last().copied()));
    brief.insert("z_score".into(), maybe(z));
    brief.insert("half_life_bars".into(), maybe(test.half_life));
    brief.insert(
        "spread_hurst".into(),
        maybe(super::hurst_of(&test.residual, test.half_life, prices.is_intraday()).ok().map(|found| found.hurst)),
    );
    brief.insert("spread_adf_pvalue".into(), Value::Null);
    brief.insert("spread_is_stationary".into(), Value::Null);
    brief.insert(
        "spread_adf_reason".into(),
        json!("an ordinary ADF p-value of an estimated residual rejects far too often; cointegration_pvalue is the right one"),
    );
    let mut reverse = Map::new();
    reverse.insert(
        "regression".into(),
        json!(format!("{} on {}", pair.reverse.dependent, pair.reverse.regressors.join(", "))),
    );
    reverse.insert("is_cointegrated".into(), json!(pair.reverse.p_value < ALPHA));
    reverse.extend(figures(&pair.reverse));
    brief.insert("reverse".into(), Value::Object(reverse));
    brief.insert("n_observations".into(), json!(logs.n_rows()));
    brief.insert("prices".into(), json!("natural logarithms"));

    let mut more = Map::new();
    more.insert("spread_series".into(), series(logs, &test.residual));
    more.insert("r_squared".into(), number(test.r_squared));
    more.insert("pvalue_mackinnon_1994".into(), maybe(test.p_value_mackinnon_1994));
    more.insert("max_lags".into(), json!(test.max_lags));
    more.insert("alpha".into(), json!(ALPHA));
    more.insert("units".into(), json!({
        "cointegrating_vector": "log price of symbol1 = 1; the spread is its product with (log prices, const, trend)",
        "spread_mean": "log price", "spread_std": "log price, sample (n - 1)",
        "z_score": "(last spread - mean) / sample std over lookback_period rows, all if not given; in sample: hedge ratio, mean and deviation are of a window that holds the last row",
        "spread_hurst": "generalised exponent of the spread, q = 2: 0.5 random walk, below it comes back",
        "half_life_bars": "bars until half of a deviation is given back, ln 0.5 / ln phi of a first-order autoregression of the spread",
        "cointegration_pvalue": "MacKinnon response surface for two series; below 0.0001 extrapolated",
    }));
    let pane = pictures::banded(
        &formula(test),
        "log price",
        &test.residual,
        vec![Some((test.residual_mean, test.residual_std)); test.residual.len()],
    );
    let title = format!("Spread of {a} and {b}, bands of 1 and 2 standard deviations");
    let picture = Some(pictures::alone(title, pictures::below(&summary), pictures::labels(logs.index()), pane));
    let next = is_cointegrated.then_some("pass rolling_window=250 or split_date to see whether it held throughout");
    Ok(Found { summary, brief, more, table: table(logs, &test.residual).ok(), next, picture, ..Found::default() })
}

/// The figures of one direction.
fn figures(test: &EngleGranger) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("cointegration_statistic".into(), number(test.statistic));
    facts.insert("cointegration_pvalue".into(), number(test.p_value));
    if test.p_value_extrapolated {
        facts.insert("pvalue_extrapolated".into(), json!(true));
    }
    let critical = test.critical_values.named().map(|(level, value)| (level.to_owned(), number(value)));
    facts.insert("critical_values".into(), Value::Object(critical.into_iter().collect()));
    facts.insert("cointegrating_vector".into(), vector(test));
    facts.insert("lags".into(), json!(test.lags));
    facts.insert("trend".into(), json!(test.trend.code()));
    facts.insert("rho".into(), number(test.rho));
    facts
}

/// `{symbol1: 1, symbol2: -slope, const: -constant, trend: ..}`.
fn vector(test: &EngleGranger) -> Value {
    let mut names: Vec<String> = vec![test.dependent.clone()];
    names.extend(test.regressors.iter().cloned());
    let terms = [("const", test.constant), ("trend", test.linear), ("trend_squared", test.quadratic)];
    names.extend(terms.into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name.to_owned()));
    let pairs = names.into_iter().zip(test.cointegrating_vector()).map(|(name, value)| (name, number(value)));
    Value::Object(pairs.collect())
}

/// The spread in words: `ln USO - 1.0038 ln BNO + 1.9527`.
fn formula(test: &EngleGranger) -> String {
    let signed = |value: f64| if value < 0.0 { format!("- {:.4}", -value) } else { format!("+ {value:.4}") };
    let mut text = format!("ln {}", test.dependent);
    for (symbol, slope) in test.regressors.iter().zip(&test.slopes) {
        text.push_str(&format!(" {} ln {symbol}", signed(-slope)));
    }
    for (value, unit) in [(test.constant, ""), (test.linear, " t"), (test.quadratic, " t^2")] {
        if let Some(value) = value {
            text.push_str(&format!(" {}{unit}", signed(-value)));
        }
    }
    text
}

/// How many standard deviations the last spread lies from its mean over the last `lookback` rows.
fn current_z(test: &EngleGranger, lookback: Option<usize>) -> Result<Option<f64>, ToolError> {
    let rows = test.residual.len();
    let window = match lookback {
        None => rows,
        Some(lookback) if (2..=rows).contains(&lookback) => lookback,
        Some(lookback) => {
            let message = format!("lookback_period must lie between 2 and the {rows} rows there are, found {lookback}");
            return Err(ToolError::argument(message));
        }
    };
    let recent = test.residual.get(rows - window..).unwrap_or_default();
    let (mean, std) = (moments::mean(recent), moments::std_dev(recent));
    Ok(recent.last().map(|last| (last - mean) / std).filter(|z| z.is_finite()))
}

/// p-values before a date and from it on.
fn split(logs: &Panel, options: &Options, date: Date) -> Result<Value, ToolError> {
    let n_rows = logs.n_rows();
    let row = (0..n_rows).find(|row| logs.index().trading_date(*row).is_some_and(|day| date <= day)).unwrap_or(n_rows);
    let [a, b] = logs.symbols() else { return Ok(Value::Null) };
    let part = |rows: std::ops::Range<usize>| -> Result<Value, ToolError> {
        if rows.len() < 2 {
            let message = format!("split_date {date} leaves {row} rows before it and {} from it on", n_rows - row);
            return Err(ToolError::new(Kind::TooFewRows, Topic::Dates, message));
        }
        let slice = logs.slice(rows)?;
        let pair = engle_granger::pair(&slice, a, b, options)?;
        Ok(json!({
            "rows": slice.n_rows(),
            "first": label(slice.first_label()),
            "last": label(slice.last_label()),
            "cointegration_statistic": number(pair.forward.statistic),
            "cointegration_pvalue": number(pair.forward.p_value),
            "cointegrating_vector": vector(&pair.forward),
            "pair_pvalue": number(pair.pair_p_value),
        }))
    };
    Ok(json!({"date": date.to_string(), "before": part(0..row)?, "from": part(row..n_rows)?}))
}

/// The test over windows that move through time: how often it rejects, and every p-value for the kept result.
fn rolling(logs: &Panel, options: &Options, window: usize, stop: &Stop) -> Result<(Value, Value), ToolError> {
    let [a, b] = logs.symbols() else { return Ok((Value::Null, Value::Null)) };
    if stop.is_requested() {
        return Err(ToolError::new(Kind::Cancelled, Topic::General, "cancelled before the rolling test"));
    }
    let n_windows = logs.n_rows().saturating_sub(window) + 1;
    let step = n_windows.div_ceil(MAX_WINDOWS).max(1);
    let windows = engle_granger::rolling_watched(logs, a, b, options, window, step, &progress_of(stop))?;
    let known: Vec<f64> = windows.iter().filter_map(|window| window.p_value).collect();
    let rejecting = known.iter().filter(|p| **p < ALPHA).count();
    let brief = json!({
        "window_rows": window,
        "step_rows": step,
        "n_windows": windows.len(),
        "n_windows_below_0.05": rejecting,
        "windows_overlap": step < window,
        "last_pvalue": maybe(windows.last().and_then(|window| window.p_value)),
        "min_pvalue": maybe(known.iter().copied().reduce(f64::min)),
        "max_pvalue": maybe(known.iter().copied().reduce(f64::max)),
    });
    let full: Vec<Value> = windows
        .iter()
        .map(|window| json!({"end": label(logs.index().label(window.end - 1)), "cointegration_pvalue": maybe(window.p_value)}))
        .collect();
    Ok((brief, json!({"window_rows": window, "step_rows": step, "windows": full})))
}

fn series(logs: &Panel, values: &[f64]) -> Value {
    let labels: Vec<String> = (0..logs.n_rows()).map(|row| label(logs.index().label(row))).collect();
    json!({"at": labels, "spread": values.iter().map(|value| number(*value)).collect::<Vec<_>>()})
}

/// One row per bar: both log prices and the spread.
fn table(logs: &Panel, spread: &[f64]) -> qc_report::Result<Table> {
    let heading = if matches!(logs.index(), Index::Dates(_)) { "date" } else { "at" };
    let names: Vec<String> = logs.symbols().iter().map(|symbol| format!("ln {symbol}")).collect();
    let columns = std::iter::once(heading).chain(names.iter().map(String::as_str)).chain(["spread"]);
    let mut table = Table::new(columns);
    for (row, value) in spread.iter().enumerate() {
        let at = label(logs.index().label(row));
        let prices = logs.columns().map(|column| column.get(row).map_or(Cell::Missing, |price| Cell::Number(*price)));
        table.row(std::iter::once(Cell::Text(&at)).chain(prices).chain([Cell::Number(*value)]))?;
    }
    Ok(table)
}
