//! Does a price, or the spread of two, come back: where it stands now, and what four tests say about it.
//!
//! Every symbol is judged on its own history: a young or delisted one shortens nobody else's.

use qc_quant::{
    Panel,
    cointegration::engle_granger,
    dynamics::kalman_hedge::{self, KalmanOptions},
    mean_reversion::{half_life, zscore},
    returns,
    stats::multiple,
    unit_root::{Trend, adf, kpss, variance_ratio},
};
use qc_report::chart::{Form, Pane, Picture, Trace};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{label, maybe, number, p_text, pictures};
use crate::{
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::{self, Prices, Question},
    quantbook::OpenSource,
    study::{Found, progress_of},
};

/// The level at which tests decide.
const ALPHA: f64 = 0.05;
/// Horizons of the variance ratio, in bars.
const HORIZONS: [usize; 4] = [2, 5, 10, 20];
/// Symbols an answer shows in full.
const BRIEF_SYMBOLS: usize = 6;
/// Why a residual has no p-value of this test.
const KPSS_OF_RESIDUAL: &str = "the spread is the residual of a regression, which has critical values of its own (Shin 1994: .314 instead of .463 at 5 %); cointegration_pvalue is the test of it";

/// How two symbols become one spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hedge {
    /// Each symbol by itself.
    #[default]
    None,
    /// The first on the second, least squares of log prices.
    Ols,
    /// A hedge ratio that moves: the z-score is that of the filter's last prediction error.
    Kalman,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// Closes over which mean and deviation are taken, the last one included.
    pub(crate) lookback: usize,
    /// How two symbols become a spread.
    pub(crate) hedge: Hedge,
    /// Size of z beyond which there is a signal.
    pub(crate) entry_z: f64,
}

/// Loads every symbol by itself and judges it; with a hedge also the spread of two, first.
///
/// # Errors
/// A symbol without data, a lookback longer than its history, and what qc-quant refuses.
pub(crate) fn run(
    source: &OpenSource,
    question: &Question,
    ask: Ask,
    stop: &Stop,
) -> Result<(Prices, Found), ToolError> {
    if ask.hedge != Hedge::None && question.symbols.len() != 2 {
        let message = format!("a hedge makes one spread of two symbols, found {}", question.symbols.len());
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, message));
    }
    if !(0.0 < ask.entry_z && ask.entry_z.is_finite()) {
        return Err(ToolError::argument(format!("entry_z must be above 0, found {}", ask.entry_z)));
    }
    if let Some(own) = question.own.first() {
        let prices = prices::load(source, question)?;
        let values = prices.panel.column_of(&own.name)?.to_vec();
        let at = label(prices.panel.last_label());
        // Of a regression's residual the regression's own p-value: an ordinary one rejects far too often.
        let null = Judging { cointegration: own.cointegration_p_value, is_intraday: false };
        let mut report = judge(&own.name, &values, &values, &at, ask, null)?;
        if let (Some(report), Some(_)) = (report.as_object_mut(), own.cointegration_p_value) {
            let note = "cointegration_pvalue is that of the whole window of the result the spread comes from";
            report.insert("pvalue_of".into(), json!(note));
        }
        let drawn = Drawn::of(&own.name, "spread", &prices.panel, &values, ask)?;
        let mut found = shape(&prices, vec![(own.name.clone(), report)], ask);
        found.summary = found.summary.replace("closes, tests on log prices", "values, tests on the values as they are");
        found.picture = Some(picture(&[drawn], ask, pictures::below(&found.summary)));
        return Ok((prices, found));
    }
    let mut drawn: Vec<Drawn> = Vec::new();
    let mut reports: Vec<(String, Value)> = Vec::new();
    let mut parts: Vec<Prices> = Vec::new();
    if ask.hedge != Hedge::None {
        let both = prices::load(source, question)?;
        let report = if ask.hedge == Hedge::Ols { spread(&both, ask) } else { moving_spread(&both.panel, ask, stop) };
        let (name, report, shown) = report?;
        reports.push((name, report));
        drawn.push(shown);
        parts.push(both);
    } else {
        for (i, symbol) in question.symbols.iter().enumerate() {
            if !stop.step(i as f64 / question.symbols.len() as f64) {
                return Err(ToolError::new(Kind::Cancelled, Topic::General, "cancelled between two symbols"));
            }
            let alone = prices::load(source, &Question { symbols: vec![symbol.clone()], ..question.clone() })?;
            let logs = returns::log_prices(&alone.panel)?;
            let at = label(alone.panel.last_label());
            let kind = Judging { cointegration: None, is_intraday: alone.is_intraday() };
            let report = judge(symbol, alone.panel.column(0), logs.column(0), &at, ask, kind)?;
            reports.push((symbol.clone(), report));
            drawn.push(Drawn::of(symbol, "close", &alone.panel, alone.panel.column(0), ask)?);
            parts.push(alone);
        }
    }
    let prices = Prices::joined(parts)?;
    adjust(&mut reports);
    let mut found = shape(&prices, reports, ask);
    found.picture = Some(picture(&drawn, ask, pictures::below(&found.summary)));
    Ok((prices, found))
}

/// A series to be drawn: its values and what it is judged by, row by row.
struct Drawn {
    name: String,
    labels: Vec<String>,
    pane: Pane,
}

impl Drawn {
    /// A series judged by the mean and deviation of the last rows.
    fn of(name: &str, y_label: &'static str, panel: &Panel, values: &[f64], ask: Ask) -> Result<Self, ToolError> {
        let pane = pictures::banded(name, y_label, values, zscore::bands(values, ask.lookback)?);
        Ok(Drawn { name: name.to_owned(), labels: pictures::labels(panel.index()), pane })
    }

    /// How many standard deviations each row lies from its centre.
    fn scores(&self) -> impl Iterator<Item = (&String, f64)> {
        let values = self.pane.traces.iter().take(1).flat_map(|trace| trace.values.iter());
        self.labels.iter().zip(values.zip(&self.pane.bands)).filter_map(|(label, (value, band))| {
            let (centre, deviation) = (*band)?;
            Some((label, ((*value)? - centre) / deviation))
        })
    }
}

/// One series in its bands, or the z-scores of several.
fn picture(drawn: &[Drawn], ask: Ask, subtitle: String) -> Picture {
    if let [only] = drawn {
        let title = format!("{} with 1 and 2 standard deviations around where it is expected", only.name);
        return pictures::alone(title, subtitle, only.labels.clone(), only.pane.clone());
    }
    // Each symbol has rows of its own; together they stand on all of them.
    let mut labels: Vec<String> = drawn.iter().flat_map(|one| one.labels.iter().cloned()).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut traces = Vec::new();
    for one in drawn.iter().take(pictures::MOST_LINES) {
        let mut values = vec![None; labels.len()];
        for (label, z) in one.scores() {
            if let Some(slot) = labels.binary_search(label).ok().and_then(|row| values.get_mut(row)) {
                *slot = Some(z);
            }
        }
        traces.push(Trace { name: one.name.clone(), values, form: Form::Line });
    }
    let levels = vec![-ask.entry_z, ask.entry_z];
    let pane = Pane { y_label: "z-score".to_owned(), traces, levels, ..Pane::default() };
    let title = format!("z-scores over {} closes, and the size that is a signal", ask.lookback);
    pictures::alone(title, subtitle, labels, pane)
}

/// What is judged: which p-value speaks against a random walk, and whether a day has several bars.
#[derive(Clone, Copy)]
struct Judging {
    /// Of a residual its Engle-Granger p-value; an ordinary series is tested by ADF.
    cointegration: Option<f64>,
    is_intraday: bool,
}

/// The spread of two log prices, judged on its own.
fn spread(both: &Prices, ask: Ask) -> Result<(String, Value, Drawn), ToolError> {
    let logs = returns::log_prices(&both.panel)?;
    let [a, b] = logs.symbols() else {
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, "a spread takes two symbols"));
    };
    let test = engle_granger::test(&logs, a, &[b], &engle_granger::Options::default())?;
    let name = format!("{a}-{b}");
    let at = label(both.panel.last_label());
    let kind = Judging { cointegration: Some(test.p_value), is_intraday: both.is_intraday() };
    let mut report = judge(&name, &test.residual, &test.residual, &at, ask, kind)?;
    if let Some(report) = report.as_object_mut() {
        report.insert("hedge_ratio".into(), maybe(test.slopes.first().copied()));
        report.insert(
            "spread".into(),
            json!(format!("ln {a} - {:.4} ln {b} - constant", test.slopes.first().copied().unwrap_or_default())),
        );
    }
    let drawn = Drawn::of(&format!("spread {name}"), "log price", &logs, &test.residual, ask)?;
    Ok((name, report, drawn))
}

/// The spread of two log prices under a hedge ratio that moves, with the variances of greatest likelihood: how far the
/// last row lies from what the rows before it predict.
fn moving_spread(both: &Panel, ask: Ask, stop: &Stop) -> Result<(String, Value, Drawn), ToolError> {
    let logs = returns::log_prices(both)?;
    let [a, b] = logs.symbols() else {
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, "a spread takes two symbols"));
    };
    let (y, x) = (logs.series(a)?, logs.series(b)?);
    let options = kalman_hedge::estimate_watched(&y, &x, &KalmanOptions::default(), &progress_of(stop))?;
    let found = kalman_hedge::filter(&y, &x, &options)?;
    let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
    // The last row is judged by what was known before it.
    let known =
        |values: &[f64]| values.len().checked_sub(2).and_then(|row| values.get(row)).copied().unwrap_or(f64::NAN);
    let (z, beta, alpha) = (last(&found.z()), known(&found.beta), known(&found.alpha));
    let signal = signal_of(z, ask.entry_z);
    let name = format!("{a}-{b}");
    let report = json!({
        "symbol": name,
        "spread": format!("ln {a} - {beta:.4} ln {b} - {alpha:.4}, slope and constant as the rows before the last had them"),
        "last": number(last(&found.innovation)),
        "last_at": label(both.last_label()),
        "std": number(last(&found.innovation_variance).sqrt()),
        "z_score": number(z),
        "is_mean_reversion_signal": signal != "none",
        "signal": signal,
        "hedge_ratio": number(beta),
        "intercept": number(alpha),
        "hedge_ratio_after_last_row": number(last(&found.beta)),
        "hedge_ratio_after_last_row_std_error": number(found.covariance[0][0].sqrt()),
        "intercept_after_last_row": number(last(&found.alpha)),
        "variances": "of greatest likelihood over the whole window, the last row included",
        "delta": number(options.delta),
        "observation_variance": number(options.observation_variance),
        "log_likelihood": number(found.log_likelihood),
        "half_life_bars": Value::Null,
        "verdict": "not tested: the errors of a filter come back by construction; hedge=ols tests the relation",
        "rows": logs.n_rows(),
    });
    let shown = format!("prediction error of {name}");
    let pane = pictures::errors(&shown, "log price", &found.innovation, &found.innovation_variance);
    let drawn = Drawn { name: shown, labels: pictures::labels(logs.index()), pane };
    Ok((name, report, drawn))
}

/// What a z-score beyond the entry asks for.
fn signal_of(z: f64, entry_z: f64) -> &'static str {
    if entry_z < z {
        "short"
    } else if z < -entry_z {
        "long"
    } else {
        "none"
    }
}

/// One series: `values` for the z-score, `levels` (log prices, or the spread itself) for the tests.
fn judge(name: &str, values: &[f64], levels: &[f64], at: &str, ask: Ask, null: Judging) -> Result<Value, ToolError> {
    let z = zscore::last(values, ask.lookback)?;
    let life = half_life::estimate(levels)?;
    let (p, p_name) = match null.cointegration {
        None => (adf::test(levels, &adf::AdfOptions::default())?.p_value, "adf_pvalue"),
        Some(p) => (p, "cointegration_pvalue"),
    };
    let stationary = kpss::test(levels, Trend::Constant, kpss::Bandwidth::Auto)?;
    let exponent = super::hurst_of(levels, life.half_life, null.is_intraday)?;
    let horizons: Vec<usize> = HORIZONS.into_iter().filter(|lags| 4 * lags < levels.len()).collect();
    let ratios = variance_ratio::test_several(levels, &horizons)?;
    let rejects = p < ALPHA;
    let is_residual = null.cointegration.is_some();
    let verdict = match (rejects, stationary.p_value < ALPHA) {
        (true, _) if is_residual => "comes back (no cointegration is rejected)",
        (false, _) if is_residual => "unclear: no cointegration is not rejected",
        (true, false) => "comes back (the unit root is rejected, stationarity is not)",
        (false, true) => "does not come back (stationarity is rejected, the unit root is not)",
        (true, true) => "unclear: both are rejected (a break or long memory)",
        (false, false) => "unclear: neither is rejected (the sample says little)",
    };
    let signal = signal_of(z.z, ask.entry_z);
    let mut facts = Map::new();
    facts.insert("symbol".into(), json!(name));
    facts.insert("last".into(), number(z.value));
    facts.insert("last_at".into(), json!(at));
    facts.insert("mean".into(), number(z.mean));
    facts.insert("std".into(), number(z.std_dev));
    facts.insert("z_score".into(), number(z.z));
    facts.insert("is_mean_reversion_signal".into(), json!(signal != "none"));
    facts.insert("signal".into(), json!(signal));
    facts.insert("verdict".into(), json!(verdict));
    facts.insert(p_name.into(), number(p));
    if is_residual {
        facts.insert("kpss_pvalue".into(), Value::Null);
        facts.insert("kpss_pvalue_is_null_because".into(), json!(KPSS_OF_RESIDUAL));
    } else {
        facts.insert("kpss_pvalue".into(), number(stationary.p_value));
    }
    facts.insert("half_life_bars".into(), maybe(life.half_life));
    facts.insert("half_life_std_error".into(), maybe(life.half_life_standard_error));
    facts.insert("half_life_corrected_bars".into(), maybe(life.half_life_corrected));
    facts.insert("hurst".into(), number(exponent.hurst));
    facts.insert("hurst_r_squared".into(), number(exponent.r_squared));
    let of = |(ratio, holm): &(variance_ratio::VarianceRatio, f64)| json!({"bars": ratio.lags, "ratio": number(ratio.ratio), "p_value": number(ratio.p_value), "p_holm": number(*holm)});
    facts.insert("variance_ratios".into(), ratios.iter().map(of).collect());
    facts.insert("rows".into(), json!(levels.len()));
    if z.bound < ask.entry_z {
        let note = format!(
            "z cannot exceed {:.2} with {} closes: entry_z {} never triggers",
            z.bound, ask.lookback, ask.entry_z
        );
        facts.insert("caution".into(), json!(note));
    }
    Ok(Value::Object(facts))
}

/// Of several symbols, adds p-values that allow for their number.
fn adjust(reports: &mut [(String, Value)]) {
    let raw: Vec<f64> =
        reports.iter().filter_map(|(_, report)| report.get("adf_pvalue").and_then(Value::as_f64)).collect();
    if raw.len() < 2 || raw.len() != reports.len() {
        return;
    }
    let adjusted = multiple::holm(&raw).into_iter().zip(multiple::benjamini_hochberg(&raw));
    for ((_, report), (holm, q)) in reports.iter_mut().zip(adjusted) {
        if let Some(report) = report.as_object_mut() {
            report.insert("adf_p_holm".into(), number(holm));
            report.insert("adf_q_bh".into(), number(q));
        }
    }
}

fn shape(prices: &Prices, reports: Vec<(String, Value)>, ask: Ask) -> Found {
    let lines: Vec<String> = reports
        .iter()
        .take(3)
        .map(|(name, report)| {
            let z = report.get("z_score").and_then(Value::as_f64).unwrap_or_default();
            let p = report.get("adf_pvalue").or_else(|| report.get("cointegration_pvalue")).and_then(Value::as_f64);
            let verdict = report.get("verdict").and_then(Value::as_str).unwrap_or_default();
            format!("{name}: z {z:+.2}, {}{verdict}.", p.map_or(String::new(), |p| format!("{}, ", p_text(p))))
        })
        .collect();
    let more = reports.len().saturating_sub(lines.len());
    let more_text = if more == 0 { String::new() } else { format!(" And {more} more.") };
    let synthetic = if prices.provenance.synthetic { " SYNTHETIC data." } else { "" };
    let basis = match ask.hedge {
        Hedge::Kalman => "Errors of a Kalman filter of log prices".to_owned(),
        _ => format!("Mean and deviation of the last {} closes, tests on log prices", ask.lookback),
    };
    let summary =
        format!("{}{more_text}\n{basis}, adjustment {}.{synthetic}", lines.join(" "), prices.provenance.adjustment);
    let mut brief = Map::new();
    if ask.hedge != Hedge::Kalman {
        brief.insert("lookback_period".into(), json!(ask.lookback));
    }
    brief.insert("entry_z".into(), number(ask.entry_z));
    brief.insert("reports".into(), reports.iter().take(BRIEF_SYMBOLS).map(|(_, report)| report.clone()).collect());
    let signals: Vec<&str> = reports
        .iter()
        .filter(|(_, report)| report.get("is_mean_reversion_signal") == Some(&Value::Bool(true)))
        .map(|(name, _)| name.as_str())
        .collect();
    brief.insert("signals".into(), json!(signals));
    let p_of = |report: &Value, name: &str| report.get(name).and_then(Value::as_f64);
    let adjusted: Vec<f64> = reports.iter().filter_map(|(_, report)| p_of(report, "adf_p_holm")).collect();
    if !adjusted.is_empty() {
        let raw = reports.iter().filter(|(_, report)| p_of(report, "adf_pvalue").is_some_and(|p| p < ALPHA)).count();
        let held = adjusted.iter().filter(|p| **p < ALPHA).count();
        brief.insert(
            "unit_root_rejected".into(),
            json!({"of": adjusted.len(), "raw": raw, "by_chance": number(ALPHA * adjusted.len() as f64), "holm": held}),
        );
    }
    let mut full = Map::new();
    full.insert("reports".into(), reports.iter().map(|(_, report)| report.clone()).collect());
    full.insert(
        "units".into(),
        json!({
            "z_score": "(last - mean) / sample std of the last lookback_period closes, the last included",
            "half_life_bars": "bars until half of a deviation is given back; null: it does not come back",
            "adf_p_holm": "adf_pvalue adjusted for the number of symbols (Holm); adf_q_bh: share of false finds (Benjamini and Hochberg); verdict is of the raw one",
            "half_life_corrected_bars": "with the bias of a short sample taken out (Kendall); null: cannot be told from a random walk",
            "hurst": "generalised exponent of levels, q = 2: 0.5 random walk, below it comes back, above it trends; over lags from 1 bar (5 within a day, beyond the bounce of bid and ask) to twice the half-life",
            "variance_ratios": "1 for a random walk, below it reverts; robust p-values, adjusted for the horizons (Holm)",
        }),
    );
    Found { summary, brief, more: full, ..Found::default() }
}
