//! Trading the spreads of pairs from one account: the relation from a window that ends before the test begins.

use jiff::civil::Date;
use qc_quant::{
    Panel,
    cointegration::engle_granger,
    dynamics::kalman_hedge::{self, KalmanOptions},
    mean_reversion::{half_life, zscore},
    pairs_backtest::{
        Reason,
        account::{self, AccountOptions, Fill, Hedge, PairRule},
    },
    performance::{PerformanceOptions, summary},
    returns,
};
use qc_report::{
    chart::{Form, Pane, Picture, Trace},
    csv::{Cell, Table},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{label, maybe, number, percent, pictures};
use crate::{
    args::quote,
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::{Found, progress_of},
};

/// Trades an answer shows.
const SHOWN: usize = 8;

/// When orders are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum FillArg {
    /// The next bar's open.
    #[default]
    NextOpen,
    /// The next bar's close.
    NextClose,
    /// The close that gave the signal: optimistic.
    SameClose,
}

/// Where slope and constant come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
pub(crate) enum HedgeArg {
    /// Least squares on the fit window.
    #[default]
    Ols,
    /// A filter, with variances of greatest likelihood on the fit window.
    Kalman,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Pairs, the one bought first.
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) entry: f64,
    pub(crate) exit: f64,
    pub(crate) stop: f64,
    pub(crate) lookback: usize,
    pub(crate) confirm_bars: usize,
    /// As the caller wrote it: bars, or `3*half_life`.
    pub(crate) max_holding: Option<String>,
    pub(crate) hedge: HedgeArg,
    /// Bars between new fits, if the hedge is fitted again.
    pub(crate) refit: Option<usize>,
    pub(crate) fill: FillArg,
    pub(crate) cost_bps: f64,
    pub(crate) max_pair_nav: f64,
    pub(crate) max_gross: f64,
    pub(crate) periods_per_year: f64,
    /// Last day that is fitted on.
    pub(crate) fit_end: Date,
    /// First day that is traded.
    pub(crate) start: Date,
}

/// Reads pairs: `KO/PEP`, or two symbols; each in any form that one symbol has, such as `crypto:BTCUSD/crypto:ETHUSD`.
///
/// # Errors
/// Both forms or none, a text that is no pair, a symbol paired with itself.
pub(crate) fn pairs_of(
    pairs: Option<&[String]>,
    symbol1: Option<&str>,
    symbol2: Option<&str>,
) -> Result<Vec<(String, String)>, ToolError> {
    let wrong = |message: &str| Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, message));
    let plain = |text: &str| {
        let text = text.trim();
        if text.contains([':', ' ']) { text.to_owned() } else { text.to_ascii_uppercase() }
    };
    let found: Vec<(String, String)> = match (pairs, symbol1, symbol2) {
        (None, Some(a), Some(b)) => vec![(plain(a), plain(b))],
        (Some(pairs), None, None) if !pairs.is_empty() => {
            // A colon divides two tickers only where nothing else does: it also stands behind a type.
            let split = |pair: &String| {
                let parts = pair.split_once('/').or_else(|| pair.split_once(',')).or_else(|| pair.split_once(':'));
                parts.map(|(a, b)| (plain(a), plain(b)))
            };
            match pairs.iter().map(split).collect::<Option<Vec<_>>>() {
                Some(found) => found,
                None => {
                    let stray =
                        pairs.iter().find(|pair| split(pair).is_none()).map(|pair| quote(pair)).unwrap_or_default();
                    return wrong(&format!("pairs must look like [\"KO/PEP\", \"XOM/CVX\"], found `{stray}`"));
                }
            }
        }
        _ => return wrong("give symbol1 and symbol2, or pairs such as [\"KO/PEP\"]"),
    };
    match found.iter().find(|(a, b)| a == b || a.is_empty() || b.is_empty()) {
        Some((a, _)) => wrong(&format!("a pair needs two different symbols, found `{a}` twice or one left out")),
        None => Ok(found),
    }
}

/// The pairs by the names of their prices, where `given` are the texts of all pairs and `names` what they mean.
///
/// # Errors
/// A form that stands for several symbols.
pub(crate) fn by_name(
    pairs: &[(String, String)],
    given: &[String],
    names: &[String],
) -> Result<Vec<(String, String)>, ToolError> {
    let several = || {
        let message = "each side of a pair must be one symbol, not a fund, list or file of several";
        ToolError::new(Kind::InvalidArgument, Topic::Symbol, message)
    };
    if given.len() != names.len() {
        return Err(several());
    }
    let name = |text: &String| {
        given.iter().zip(names).find(|(given, _)| *given == text).map(|(_, name)| name.clone()).ok_or_else(several)
    };
    pairs.iter().map(|(y, x)| Ok((name(y)?, name(x)?))).collect()
}

/// Fits on the rows of `prices` up to `ask.fit_end`, trades those from `ask.start` on (opens on the same rows in
/// `opens`), and shapes the answer.
///
/// # Errors
/// Rules that cannot be, and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, opens: Option<&Panel>, ask: &Ask, stop: &Stop) -> Result<Found, ToolError> {
    let windows = Windows::of(&prices.panel, ask)?;
    let logs = returns::log_prices(&prices.panel.slice(0..windows.fitted)?)?;
    let mut rules = Vec::with_capacity(ask.pairs.len());
    let mut fits = Vec::with_capacity(ask.pairs.len());
    for (y, x) in &ask.pairs {
        let relation = engle_granger::test(&logs, y, &[x], &engle_granger::Options::default())?;
        let beta = relation.slopes.first().copied().unwrap_or_default();
        let alpha = relation.constant.unwrap_or_default();
        let life = half_life::estimate(&relation.residual)?.half_life;
        let hedge = match (ask.hedge, ask.refit) {
            (HedgeArg::Ols, None) => Hedge::Fixed { beta, alpha },
            (HedgeArg::Ols, Some(every)) => Hedge::Refit { window: windows.fitted, every },
            // The filter runs over the fit window too, so it knows the relation when trading begins.
            (HedgeArg::Kalman, None) => Hedge::Kalman(kalman_hedge::estimate_watched(
                &logs.series(y)?,
                &logs.series(x)?,
                &KalmanOptions::default(),
                &progress_of(stop),
            )?),
            (HedgeArg::Kalman, Some(_)) => {
                return Err(ToolError::argument("refit goes with hedge=ols; a Kalman hedge moves by itself"));
            }
        };
        let max_holding = ask.max_holding.as_deref().map(|text| holding(text, life)).transpose()?;
        let is_fixed = matches!(hedge, Hedge::Fixed { .. });
        let mut facts = json!({
            "symbol1": y, "symbol2": x,
            "cointegration_pvalue": number(relation.p_value), "half_life_bars": maybe(life), "max_holding_bars": max_holding,
        });
        // What moves is named after what it is, and each trade says the ratio it was made with.
        let (slope, constant) =
            if is_fixed { ("hedge_ratio", "intercept") } else { ("ols_hedge_ratio", "ols_intercept") };
        if let Some(facts) = facts.as_object_mut() {
            facts.insert(slope.into(), number(beta));
            facts.insert(constant.into(), number(alpha));
            if let Hedge::Kalman(options) = &hedge {
                facts.insert("delta".into(), number(options.delta));
                facts.insert("observation_variance".into(), number(options.observation_variance));
            }
        }
        fits.push(Fitted { facts, relation: is_fixed.then_some((beta, alpha)) });
        rules.push(PairRule {
            y: y.clone(),
            x: x.clone(),
            hedge,
            entry: ask.entry,
            exit: ask.exit,
            stop: ask.stop,
            lookback: ask.lookback,
            confirm_bars: ask.confirm_bars,
            max_holding,
        });
    }
    let fill = match ask.fill {
        FillArg::NextOpen => Fill::NextOpen,
        FillArg::NextClose => Fill::NextClose,
        FillArg::SameClose => Fill::SameClose,
    };
    let options = AccountOptions {
        fill,
        cost_bps: ask.cost_bps,
        max_pair_nav: ask.max_pair_nav,
        max_gross: ask.max_gross,
        first_row: windows.first,
    };
    let found = account::run(&prices.panel, opens, &rules, &options, &progress_of(stop))?;
    shape(prices, &windows, ask, &found, fits)
}

/// Which rows are fitted on and which are traded.
struct Windows {
    /// Rows of the fit window, the first ones.
    fitted: usize,
    /// First row that is traded.
    first: usize,
}

impl Windows {
    fn of(panel: &Panel, ask: &Ask) -> Result<Self, ToolError> {
        let before = |is_before: &dyn Fn(Date) -> bool| {
            (0..panel.n_rows()).take_while(|row| panel.index().trading_date(*row).is_some_and(is_before)).count()
        };
        let (fitted, first) = (before(&|day| day <= ask.fit_end), before(&|day| day < ask.start));
        for (rows, what) in [(fitted, "fit_start to fit_end"), (panel.n_rows() - first, "start_date to end_date")] {
            if rows < 2 {
                let message = format!("{what} holds {rows} bars that all symbols share; at least 2 are needed");
                return Err(ToolError::new(Kind::TooFewRows, Topic::Symbol, message));
            }
        }
        Ok(Windows { fitted, first })
    }
}

/// What the fit window said of a pair.
struct Fitted {
    /// For the answer.
    facts: Value,
    /// Slope and constant, where they stay what they are.
    relation: Option<(f64, f64)>,
}

/// The traded spread of a single pair whose relation does not move, in the bands that decide, with its trades.
fn drawn_spread(
    prices: &Prices,
    first: usize,
    ask: &Ask,
    found: &account::AccountBacktest,
    fits: &[Fitted],
) -> Result<Option<Pane>, ToolError> {
    let ([(y, x)], [Fitted { relation: Some((beta, alpha)), .. }]) = (ask.pairs.as_slice(), fits) else {
        return Ok(None);
    };
    let logs = returns::log_prices(&prices.panel)?;
    let (own, other) = (logs.column_of(y)?, logs.column_of(x)?);
    let spread: Vec<f64> = own.iter().zip(other).map(|(own, other)| own - beta * other - alpha).collect();
    // Rows before the first traded one give the first bands their past; they are not drawn.
    let mut pane = pictures::banded(
        &format!("ln {y} - {beta:.4} ln {x} - constant"),
        "log price",
        spread.get(first..).unwrap_or_default(),
        zscore::bands(&spread, ask.lookback)?.split_off(first),
    );
    let at = |rows: Vec<usize>, name: &str| {
        let mut values = vec![None; spread.len() - first];
        for row in rows {
            let slot = row.checked_sub(first).and_then(|traded| values.get_mut(traded));
            if let (Some(slot), Some(value)) = (slot, spread.get(row)) {
                *slot = Some(*value);
            }
        }
        Trace { name: name.to_owned(), values, form: Form::Dots }
    };
    pane.traces.push(at(found.trades.iter().map(|trade| trade.opened).collect(), "opened"));
    pane.traces.push(at(found.trades.iter().map(|trade| trade.closed).collect(), "closed"));
    Ok(Some(pane))
}

/// A longest holding: bars, or a multiple of the fit window's half-life.
fn holding(text: &str, half_life: Option<f64>) -> Result<usize, ToolError> {
    let word = text.trim().to_ascii_lowercase().replace(' ', "");
    let wrong = || {
        let found = quote(text);
        ToolError::argument(format!(
            "max_holding must be a number of bars from 1, or a multiple such as 3*half_life, found `{found}`"
        ))
    };
    let bars = if let Some(factor) = word.strip_suffix("*half_life") {
        let factor: f64 = factor.parse().map_err(|_| wrong())?;
        let life = half_life.ok_or_else(|| {
            ToolError::new(
                Kind::Degenerate,
                Topic::General,
                "the spread has no half-life in the fit window: give max_holding in bars",
            )
        })?;
        (factor * life).ceil()
    } else {
        word.trim_end_matches("bars").parse().map_err(|_| wrong())?
    };
    if (1.0..=1e9).contains(&bars) { Ok(bars as usize) } else { Err(wrong()) }
}

fn shape(
    prices: &Prices,
    windows: &Windows,
    ask: &Ask,
    found: &account::AccountBacktest,
    fits: Vec<Fitted>,
) -> Result<Found, ToolError> {
    // What the first traded row cost is part of the path: it begins with 1 before it.
    let path: Vec<f64> = std::iter::once(1.0).chain(found.value.iter().copied()).collect();
    let own = super::steps(&path);
    // Idle cash earns nothing in this account, so no riskless rate is taken off.
    let options = PerformanceOptions { periods_per_year: ask.periods_per_year, ..PerformanceOptions::default() };
    let measured = summary(&own, None, &options)?;
    let rows = prices.panel.n_rows();
    let labels: Vec<String> = (0..rows).map(|row| label(prices.panel.index().label(row))).collect();
    let at = |row: usize| labels.get(row).cloned().unwrap_or_default();
    let total = found.value.last().copied().unwrap_or(1.0) - 1.0;
    let optimistic = if found.optimistic { " OPTIMISTIC: filled at the close that gave the signal." } else { "" };
    let mut text = if found.trades.is_empty() {
        "Nothing was traded: no spread went beyond entry_z and came as far as a fill.".to_owned()
    } else {
        format!(
            "{} trades returned {} (volatility {} a year, Sharpe {}, deepest fall {}).{optimistic}",
            found.trades.len(),
            percent(total),
            percent(measured.volatility),
            measured.sharpe.map_or("undefined".to_owned(), |sharpe| format!("{sharpe:.2}")),
            percent(measured.max_drawdown.depth)
        )
    };
    let synthetic = if prices.provenance.synthetic { " SYNTHETIC data." } else { "" };
    let day = |row: usize| prices.panel.index().trading_date(row).map(|day| day.to_string()).unwrap_or_default();
    text.push_str(&format!(
        "\nFitted on {} to {}, traded on {} to {}, adjustment {}.{synthetic}",
        day(0),
        day(windows.fitted - 1),
        day(windows.first),
        day(rows - 1),
        prices.provenance.adjustment
    ));
    let reason = |reason: Reason| match reason {
        Reason::Exit => "exit",
        Reason::Stop => "stop",
        Reason::Time => "max_holding",
        Reason::End => "end_of_data",
    };
    let pair_name = |pair: usize| ask.pairs.get(pair).map(|(y, x)| format!("{y}/{x}")).unwrap_or_default();
    let trade = |trade: &account::AccountTrade| {
        json!({
            "pair": pair_name(trade.pair), "side": if trade.side < 0 { "short" } else { "long" },
            "signal": at(trade.signal), "opened": at(trade.opened), "closed": at(trade.closed),
            "reason": reason(trade.reason), "hedge_ratio": number(trade.beta), "gross": number(trade.gross),
            "z_entry": number(trade.z_entry), "profit": number(trade.profit),
        })
    };
    let by_pair: Vec<Value> = found
        .by_pair
        .iter()
        .enumerate()
        .map(|(pair, part)| {
            json!({"pair": pair_name(pair), "trades": part.trades, "leg_symbol1": number(part.y), "leg_symbol2": number(part.x),
                "costs": number(part.costs), "profit": number(part.y + part.x + part.costs)})
        })
        .collect();
    let won = found.trades.iter().filter(|trade| 0.0 < trade.profit).count();
    let mut brief = Map::new();
    brief.insert(
        "performance_metrics".into(),
        json!({
            "total_return": number(total), "annualized_return": maybe(measured.cagr), "volatility": number(measured.volatility),
            "sharpe_ratio": maybe(measured.sharpe), "max_drawdown": number(measured.max_drawdown.depth),
        }),
    );
    brief.insert("n_trades".into(), json!(found.trades.len()));
    brief.insert("n_trades_won".into(), json!(won));
    brief.insert("trades".into(), found.trades.iter().take(SHOWN).map(trade).collect());
    brief.insert("attribution".into(), Value::Array(by_pair));
    brief.insert("fit".into(), Value::Array(fits.iter().map(|fit| fit.facts.clone()).collect()));
    brief.insert(
        "rules".into(),
        json!({"entry_z": ask.entry, "exit_z": ask.exit, "stop_z": ask.stop, "lookback_period": ask.lookback,
            "confirm_bars": ask.confirm_bars, "hedge": ask.hedge, "refit": ask.refit, "fill": ask.fill, "cost_bps": ask.cost_bps,
            "max_pair_nav": ask.max_pair_nav, "max_gross": ask.max_gross}),
    );
    brief.insert("optimistic".into(), json!(found.optimistic));
    brief.insert("fit_rows".into(), json!(windows.fitted));
    brief.insert("n_observations".into(), json!(rows - windows.first));
    let mut more = Map::new();
    more.insert("trades".into(), found.trades.iter().map(trade).collect());
    let list = |values: &[f64]| -> Value { values.iter().map(|value| number(*value)).collect() };
    let traded = labels.get(windows.first..).unwrap_or_default();
    more.insert("equity".into(), json!({"at": traded, "value": list(&found.value), "gross": list(&found.gross)}));
    more.insert(
        "units".into(),
        json!({
            "profit": "in units of the starting value, costs included", "attribution": "the parts of all pairs add up to the total return",
            "gross": "exposure of both legs, in units of the starting value",
            "sharpe_ratio": "annual, without a riskless rate: the account's cash earns none",
            "hedge_ratio": "of a trade: the ratio it was opened with; ols_hedge_ratio of the fit window is where a ratio that moves began",
            "not_charged": "borrowing of the short leg and its dividends",
        }),
    );
    let mut picture = pictures::growth(
        format!(
            "Value of the account that trades {}",
            if ask.pairs.len() == 1 { pair_name(0) } else { format!("{} pairs", ask.pairs.len()) }
        ),
        pictures::below(&text),
        traded.iter().map(|label| pictures::short(label)).collect(),
        &[("account", &found.value)],
    );
    match drawn_spread(prices, windows.first, ask, found, &fits)? {
        Some(spread) => picture.panes.insert(0, spread),
        None => {
            let gross = Trace::line("gross exposure", &found.gross).drawn(Form::Area);
            picture.panes.push(Pane { y_label: "exposure".to_owned(), traces: vec![gross], ..Pane::default() });
        }
    }
    let picture = Some(Picture::Line(picture));
    let mut table = Table::new(["at", "equity", "gross"]);
    for (at, (value, gross)) in traded.iter().zip(found.value.iter().zip(&found.gross)) {
        table.row([Cell::Text(at), Cell::Number(*value), Cell::Number(*gross)]).map_err(super::no_table)?;
    }
    Ok(Found { summary: text, brief, more, table: Some(table), picture, ..Found::default() })
}
