//! A screen of all pairs of a universe: which are cointegrated after counting how many were asked, and how they behave.

use qc_data::BarSize;
use qc_quant::{
    Panel, Progress,
    cointegration::{
        all_pairs::{self, ScannedPair},
        engle_granger::{self, Options},
    },
    returns,
    stats::{
        correlation::{self, Aggregate, Method},
        distance_correlation,
    },
};
use qc_report::csv::{Cell, Table};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{basis, maybe, number, p_text};
use crate::{
    args::quote,
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::{Found, progress_of},
};

/// Level at which a pair passes.
pub(crate) const ALPHA: f64 = 0.05;
/// Pairs an answer shows.
const SHOWN: usize = 10;
/// MacKinnon's surface is not tabulated below this p-value.
const TABULATED: f64 = 1e-4;
/// Pairs that just failed, shown beside.
const MISSES: usize = 5;
/// Pairs times rows times 64 (a sort and its sums, a row) that distance correlation takes: some minutes of one core.
const MOST_DISTANCE: u64 = 20_000_000_000;

/// Which p-value decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Adjustment {
    /// Holm's: a wrong pair among all at most 5 times in 100.
    #[default]
    Holm,
    /// Benjamini and Hochberg's: at most 5 % of the pairs found are wrong.
    Bh,
    /// The pair's own p-value, as if no other had been asked.
    None,
}

impl Adjustment {
    fn of(self, pair: &ScannedPair) -> f64 {
        match self {
            Adjustment::Holm => pair.holm_p_value,
            Adjustment::Bh => pair.q_value,
            Adjustment::None => pair.pair_p_value,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Adjustment::Holm => "holm",
            Adjustment::Bh => "bh",
            Adjustment::None => "none",
        }
    }
}

/// What stands for all windows of a rolling distance correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum AggregateArg {
    /// The last window.
    #[default]
    Last,
    /// Median over windows.
    Median,
    /// Smallest of all windows.
    Min,
    /// Share of windows at or above min_distance_correlation; half of them must be.
    ShareAbove,
}

impl AggregateArg {
    fn name(self) -> &'static str {
        match self {
            AggregateArg::Last => "last",
            AggregateArg::Median => "median",
            AggregateArg::Min => "min",
            AggregateArg::ShareAbove => "share_above",
        }
    }
}

/// A length of time as a caller writes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Length {
    /// Trading days.
    Days(f64),
    /// Bars.
    Bars(f64),
}

impl Length {
    /// Reads `7d` (trading days), `40bars` or a bare number of bars.
    ///
    /// # Errors
    /// Anything else, and what is not above zero.
    pub(crate) fn read(argument: &str, text: &str) -> Result<Length, ToolError> {
        let text = text.trim().to_ascii_lowercase();
        let of = |digits: &str, make: fn(f64) -> Length| {
            digits.trim().parse::<f64>().ok().filter(|value| 0.0 < *value && value.is_finite()).map(make)
        };
        let found = if let Some(digits) = text.strip_suffix("bars").or_else(|| text.strip_suffix("bar")) {
            of(digits, Length::Bars)
        } else if let Some(digits) = text.strip_suffix('d') {
            of(digits, Length::Days)
        } else {
            of(&text, Length::Bars)
        };
        let wrong = || {
            ToolError::argument(format!(
                "{argument} must be a length above 0 such as 7d or 40bars, found `{}`",
                quote(&text)
            ))
        };
        found.ok_or_else(wrong)
    }

    fn bars(self, bars_per_day: f64) -> f64 {
        match self {
            Length::Days(days) => days * bars_per_day,
            Length::Bars(bars) => bars,
        }
    }

    fn whole(self, bars_per_day: f64) -> usize {
        self.bars(bars_per_day).round().max(1.0) as usize
    }
}

/// Windows over which distance correlation is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Windows {
    /// Returns of one window.
    pub(crate) window: Length,
    /// Returns from one window's end to the next one's.
    pub(crate) step: Length,
    /// What stands for all of them.
    pub(crate) aggregate: AggregateArg,
}

/// Reads window, step and aggregate: none without a window.
///
/// # Errors
/// A step or aggregate without a window, a window without the filter it serves, what is no length of time.
pub(crate) fn windows_of(
    window: Option<&str>,
    step: Option<&str>,
    aggregate: Option<AggregateArg>,
    has_filter: bool,
) -> Result<Option<Windows>, ToolError> {
    let Some(window) = window else {
        if step.is_some() || aggregate.is_some() {
            return Err(ToolError::argument("step and aggregate need a window, such as 60d"));
        }
        return Ok(None);
    };
    if !has_filter {
        return Err(ToolError::argument("window needs min_distance_correlation: the figure it is compared with"));
    }
    let window = Length::read("window", window)?;
    let step = step.map_or(Ok(Length::Bars(1.0)), |text| Length::read("step", text))?;
    Ok(Some(Windows { window, step, aggregate: aggregate.unwrap_or_default() }))
}

/// Share of windows that must reach the level when the share decides.
const SHARE: f64 = 0.5;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// How the test is made.
    pub(crate) options: Options,
    /// Which p-value decides.
    pub(crate) adjustment: Adjustment,
    /// Level at which it decides.
    pub(crate) alpha: f64,
    /// Least distance correlation of simple returns.
    pub(crate) min_distance_correlation: Option<f64>,
    /// Windows over which it is followed; none for all rows at once.
    pub(crate) windows: Option<Windows>,
    /// Longest half-life, as the caller wrote it.
    pub(crate) max_half_life: Option<Length>,
    /// Largest Hurst exponent of the spread.
    pub(crate) max_hurst: Option<f64>,
    /// Whether the bars are daily, finer or longer.
    pub(crate) bars: BarSize,
}

/// One pair and what the filters found of it.
struct Judged<'a> {
    pair: &'a ScannedPair,
    distance: Option<f64>,
    half_life: Option<f64>,
    hurst: Option<f64>,
    /// The first filter it failed.
    failed: Option<&'static str>,
}

/// Scans all pairs of the log prices of `prices` and shapes the answer.
///
/// # Errors
/// A scan above the limit, limits that cannot be, and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: &Ask, stop: &Stop) -> Result<Found, ToolError> {
    if !(0.0 < ask.alpha && ask.alpha < 1.0) {
        return Err(ToolError::argument(format!("alpha must lie between 0 and 1, found {}", ask.alpha)));
    }
    for (name, value) in [("min_distance_correlation", ask.min_distance_correlation), ("max_hurst", ask.max_hurst)] {
        if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
            return Err(ToolError::argument(format!("{name} must lie between 0 and 1, found {value}")));
        }
    }
    let logs = returns::log_prices(&prices.panel)?;
    let n = logs.n_symbols();
    if ask.min_distance_correlation.is_some() && ask.windows.is_none() {
        let work = (n * n.saturating_sub(1) / 2) as u64 * (logs.n_rows() as u64) * 64;
        if MOST_DISTANCE < work {
            let message = format!(
                "distance correlation of {} pairs over {} rows is {work} steps, the limit is {MOST_DISTANCE}: ask fewer symbols or leave min_distance_correlation out",
                n * n.saturating_sub(1) / 2,
                logs.n_rows()
            );
            return Err(ToolError::new(Kind::TooLarge, Topic::Symbol, message));
        }
    }
    let bars_per_day = prices.bars_per_day(ask.bars);
    let progress = progress_of(stop);
    // The distances come first: what is too much to ask of them is refused before anything is computed.
    let distances = Distances::measure(prices, ask, bars_per_day, &progress)?;
    let scan = all_pairs::scan(&logs, &ask.options, &progress)?;
    let mut judged: Vec<Judged<'_>> = Vec::with_capacity(scan.pairs.len());
    for pair in &scan.pairs {
        let distance = distances.of(pair)?;
        judged.push(judge(pair, distance, ask, &logs, bars_per_day));
        if stop.is_requested() {
            return Err(ToolError::new(Kind::Cancelled, Topic::General, "cancelled between two pairs"));
        }
    }
    shape(prices, &logs, &scan, judged, &distances, ask)
}

/// Distance correlation of every pair, where it is asked.
enum Distances {
    None,
    Whole(correlation::CorrelationMatrix),
    Rolling(distance_correlation::RollingPairs),
}

impl Distances {
    fn measure(prices: &Prices, ask: &Ask, bars_per_day: f64, progress: &dyn Progress) -> Result<Distances, ToolError> {
        let Some(least) = ask.min_distance_correlation else { return Ok(Distances::None) };
        let returns = returns::simple(&prices.panel)?;
        let Some(Windows { window, step, aggregate }) = ask.windows else {
            return Ok(Distances::Whole(correlation::matrix_watched(&returns, Method::Distance, progress)?));
        };
        let aggregate = match aggregate {
            AggregateArg::Last => Aggregate::Last,
            AggregateArg::Median => Aggregate::Median,
            AggregateArg::Min => Aggregate::Min,
            // At the level counts as above it, as in the other aggregates.
            AggregateArg::ShareAbove => Aggregate::ShareAbove(least.next_down()),
        };
        let (window, step) = (window.whole(bars_per_day), step.whole(bars_per_day));
        Ok(Distances::Rolling(distance_correlation::rolling_pairs(&returns, window, step, aggregate, progress)?))
    }

    fn of(&self, pair: &ScannedPair) -> Result<Option<f64>, ToolError> {
        Ok(match self {
            Distances::None => None,
            Distances::Whole(matrix) => Some(matrix.get(&pair.a, &pair.b)?),
            Distances::Rolling(pairs) => pairs.get(&pair.a, &pair.b)?,
        })
    }

    fn n_windows(&self) -> usize {
        if let Distances::Rolling(pairs) = self { pairs.n_windows } else { 1 }
    }
}

fn judge<'a>(pair: &'a ScannedPair, distance: Option<f64>, ask: &Ask, logs: &Panel, bars_per_day: f64) -> Judged<'a> {
    let mut found = Judged { pair, distance, half_life: None, hurst: None, failed: None };
    let is_share = ask.windows.is_some_and(|windows| windows.aggregate == AggregateArg::ShareAbove);
    if let Some(least) = ask.min_distance_correlation.map(|least| if is_share { SHARE } else { least })
        && distance.is_none_or(|distance| distance < least)
    {
        found.failed = Some("min_distance_correlation");
    } else if ask.alpha <= ask.adjustment.of(pair) {
        found.failed = Some("cointegration");
    }
    // The spread is made again only for the few pairs that came so far.
    if found.failed.is_none() {
        found.measure(ask, logs, 1.5 < bars_per_day);
        if let Some(most) = ask.max_half_life.map(|most| most.bars(bars_per_day))
            && found.half_life.is_none_or(|half_life| most < half_life)
        {
            found.failed = Some("max_half_life");
        } else if let Some(most) = ask.max_hurst
            && found.hurst.is_none_or(|hurst| most < hurst)
        {
            found.failed = Some("max_hurst");
        }
    }
    found
}

impl Judged<'_> {
    /// Makes the spread and measures how it comes back: half-life, and the generalised Hurst exponent over lags up to twice
    /// of it (at least 20 bars).
    fn measure(&mut self, ask: &Ask, logs: &Panel, is_intraday: bool) {
        let pair = self.pair;
        let turned = pair.reverse.p_value < pair.forward.p_value;
        let (y, x) = if turned { (&pair.b, &pair.a) } else { (&pair.a, &pair.b) };
        let Ok(test) = engle_granger::test(logs, y, &[x], &ask.options) else { return };
        self.half_life = test.half_life;
        self.hurst = super::hurst_of(&test.residual, test.half_life, is_intraday).ok().map(|found| found.hurst);
    }
}

fn shape(
    prices: &Prices,
    logs: &Panel,
    scan: &all_pairs::Scan,
    mut judged: Vec<Judged<'_>>,
    distances: &Distances,
    ask: &Ask,
) -> Result<Found, ToolError> {
    judged.sort_by(|a, b| a.pair.pair_p_value.total_cmp(&b.pair.pair_p_value));
    // The near misses that are shown are measured too.
    judged
        .iter_mut()
        .filter(|found| found.failed.is_some())
        .take(MISSES)
        .filter(|found| found.half_life.is_none())
        .for_each(|found| found.measure(ask, logs, prices.is_intraday()));
    let bars_per_day = prices.bars_per_day(ask.bars);
    let row = |found: &Judged<'_>| -> Value {
        let pair = found.pair;
        let turned = pair.reverse.p_value < pair.forward.p_value;
        let (y, x, best) = if turned { (&pair.b, &pair.a, &pair.reverse) } else { (&pair.a, &pair.b, &pair.forward) };
        let mut facts = json!({
            "symbol1": y, "symbol2": x,
            "pair_pvalue": number(pair.pair_p_value),
            "p_holm": number(pair.holm_p_value),
            "q_bh": number(pair.q_value),
            "cointegration_statistic": number(best.statistic),
            "hedge_ratio": number(best.slope),
            "half_life_bars": maybe(found.half_life),
            "half_life_days": maybe(found.half_life.map(|bars| bars / bars_per_day)),
            "direction_sensitive": pair.direction_sensitive,
        });
        if let Some(facts) = facts.as_object_mut() {
            // Twice the smaller of both directions: that one lies beyond the tabulated tail.
            if pair.pair_p_value < 2.0 * TABULATED {
                facts.insert("pvalue_extrapolated".into(), json!(true));
            }
            if found.hurst.is_some() {
                facts.insert("spread_hurst".into(), maybe(found.hurst));
            }
            if found.distance.is_some() {
                facts.insert("distance_correlation".into(), maybe(found.distance));
            }
            if let Some(failed) = found.failed {
                facts.insert("failed".into(), json!(failed));
            }
        }
        facts
    };
    // The funnel: pairs left after each filter that was asked, in the order of the filters.
    let mut left = judged.len();
    let mut funnel = vec![json!({"after": "all pairs", "left": left + scan.skipped.len()})];
    if !scan.skipped.is_empty() {
        funnel.push(json!({"after": "pairs that can be tested", "left": left}));
    }
    let asked = [
        ("min_distance_correlation", ask.min_distance_correlation.is_some()),
        ("cointegration", true),
        ("max_half_life", ask.max_half_life.is_some()),
        ("max_hurst", ask.max_hurst.is_some()),
    ];
    for (filter, _) in asked.into_iter().filter(|(_, asked)| *asked) {
        left -= judged.iter().filter(|found| found.failed == Some(filter)).count();
        funnel.push(json!({"after": filter, "left": left}));
    }
    let passed: Vec<&Judged<'_>> = judged.iter().filter(|found| found.failed.is_none()).collect();
    let misses: Vec<Value> = judged.iter().filter(|found| found.failed.is_some()).take(MISSES).map(row).collect();
    let mut summary = format!(
        "{} of {} pairs of {} symbols pass at {} ({}).",
        passed.len(),
        judged.len(),
        prices.panel.n_symbols(),
        ask.alpha,
        match ask.adjustment {
            Adjustment::Holm => "Holm's adjustment for all pairs asked",
            Adjustment::Bh => "share of false finds, Benjamini and Hochberg",
            Adjustment::None => "NOT adjusted for the number of pairs",
        }
    );
    if let Some(first) = judged.first() {
        summary.push_str(&format!(
            " Smallest p: {} and {}, {}.",
            first.pair.a,
            first.pair.b,
            p_text(first.pair.pair_p_value)
        ));
    }
    summary.push('\n');
    summary.push_str(&basis(prices, "log prices", scan.n_rows));
    let mut brief = Map::new();
    brief.insert("n_pairs".into(), json!(judged.len()));
    brief.insert("n_passed".into(), json!(passed.len()));
    brief.insert("pairs".into(), passed.iter().take(SHOWN).map(|found| row(found)).collect());
    brief.insert("funnel".into(), Value::Array(funnel));
    brief.insert("nearest_misses".into(), Value::Array(misses));
    brief.insert("adjust".into(), json!(ask.adjustment.name()));
    brief.insert("alpha".into(), number(ask.alpha));
    if !scan.skipped.is_empty() {
        let of = |(a, b, error): &(String, String, qc_quant::Error)| json!({"symbol1": a, "symbol2": b, "reason": error.to_string()});
        brief.insert("skipped".into(), scan.skipped.iter().take(SHOWN).map(of).collect());
    }
    if let Some(Windows { window, step, aggregate }) = ask.windows {
        let about = json!({"window_returns": window.whole(bars_per_day), "step": step.whole(bars_per_day), "n_windows": distances.n_windows(), "aggregate": aggregate.name()});
        brief.insert("rolling_distance_correlation".into(), about);
    }
    brief.insert("n_observations".into(), json!(scan.n_rows));
    brief.insert("prices".into(), json!("natural logarithms"));
    let mut more = Map::new();
    /// Pairs a kept result holds.
    const KEPT: usize = 5_000;
    more.insert("pairs".into(), passed.iter().take(KEPT).map(|found| row(found)).collect());
    more.insert("all_pairs".into(), judged.iter().take(KEPT).map(row).collect());
    more.insert(
        "units".into(),
        json!({
            "pair_pvalue": "min(1, 2 min of both directions)", "hedge_ratio": "log price of symbol1 per log price of symbol2",
            "half_life_bars": "bars until half of a deviation is given back, of a first-order autoregression of the spread; days are trading days; measured of pairs that are cointegrated and of the near misses shown",
            "distance_correlation": "of simple returns: of all rows, or as rolling_distance_correlation says; share_above is the share of windows at or above min_distance_correlation, 0.5 passes",
            "nearest_misses": "smallest p-values among the pairs that failed, with the first filter they failed",
        }),
    );
    let mut table = Table::new(["symbol1", "symbol2", "pair_pvalue", "p_holm", "q_bh", "half_life_bars", "failed"]);
    for found in judged.iter().take(100_000) {
        let pair = found.pair;
        table
            .row([
                Cell::Text(&pair.a),
                Cell::Text(&pair.b),
                Cell::Number(pair.pair_p_value),
                Cell::Number(pair.holm_p_value),
                Cell::Number(pair.q_value),
                found.half_life.map_or(Cell::Missing, Cell::Number),
                Cell::Text(found.failed.unwrap_or("")),
            ])
            .map_err(super::no_table)?;
    }
    let next =
        (!passed.is_empty()).then_some("backtest_pairs_strategy with a fit window that ends before the test window");
    Ok(Found { summary, brief, more, table: Some(table), next, ..Found::default() })
}
