//! The only bridge from stored prices to statistics: a source and a question in, a checked panel and its
//! provenance out.
//!
//! History is read without fill-forward, so no statistic ever sees an invented row. Symbols meet on their trading
//! day (daily bars) or on the same instant (finer bars); rows in which a symbol has no bar are dropped or refused,
//! as the caller chose, and counted. A day on which *no* symbol has a bar although the exchange was open is a gap
//! too: it stays as a hole that no return spans. What is computed from the panel is left to others.

mod arguments;
mod beside;
mod pace;
mod provenance;

use std::collections::{HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use qc_data::{
    Aligned, BarSize, Field, Gap, History, HistoryRequest, LocalTime, Normalization, Resolution, SymbolHistory,
    SymbolQuery, Window, history,
};
use qc_quant::{Dropped, Index, MissingPolicy, Panel};

pub(crate) use self::arguments::{parse_day, parse_window};
use self::pace::Pace;
pub(crate) use self::provenance::Provenance;
use self::provenance::{MAX_GAPS, SymbolNote, describe, warn};
use crate::{
    error::{Kind, ToolError, Topic},
    own::{Frequency, OwnSeries},
    quantbook::{OpenSource, Subscription},
    symbols,
};

/// What an analysis wants to read.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Tickers, upper case, each once, in the caller's order.
    pub(crate) symbols: Vec<String>,
    /// What the names mean that are more than the ticker of a US equity.
    pub(crate) meant: HashMap<String, SymbolQuery>,
    /// Names of which no bars are wanted at any price: without any they are left out.
    pub(crate) grouped: HashSet<String>,
    /// What the forms in the caller's symbols stood for.
    pub(crate) notes: Vec<String>,
    /// Series of the caller's own that stand beside the symbols.
    pub(crate) own: Vec<OwnSeries>,
    /// What the reader should not overlook of them.
    pub(crate) warnings: Vec<String>,
    /// Days of the exchange or moments, as asked.
    pub(crate) window: Window,
    /// Bars.
    pub(crate) bars: BarSize,
    /// Adjustment asked for; none for the usual one of each type of security.
    pub(crate) normalization: Option<Normalization>,
    /// What to do with rows in which a symbol has no bar.
    pub(crate) missing: MissingPolicy,
}

impl Question {
    /// The same question, unless it names fewer symbols than the method takes.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`] with both numbers.
    pub(crate) fn at_least(self, needed: usize, what: &str) -> Result<Self, ToolError> {
        let found = self.symbols.len();
        if needed <= found {
            return Ok(self);
        }
        let message = format!("{what} needs at least {needed} symbols, found {found} ({})", self.symbols.join(", "));
        Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, message))
    }
}

/// Closes of all symbols on one index, and where they come from.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    /// Closes: finite, above nothing in particular; methods check what they need.
    pub(crate) panel: Panel,
    /// Where the numbers come from and what was left out.
    pub(crate) provenance: Provenance,
    /// What the reader should not overlook, in our own words.
    pub(crate) warnings: Vec<String>,
    /// The securities read, to be added to the workbook.
    pub(crate) subscriptions: Vec<Subscription>,
    /// How often there is a row, where a series of the caller's own decides it.
    pub(crate) frequency: Option<Frequency>,
    /// Observations and trading days a year where the securities are traded.
    pub(crate) pace: Option<Pace>,
}

/// Reads the closes of all symbols and aligns them.
///
/// Blocking and parallel inside: call it on the pool of `compute.rs`.
///
/// # Errors
/// A symbol without a bar in the window ([`Kind::NotFound`], with what the folder has instead), too few complete
/// rows, damaged files.
pub(crate) fn load(source: &OpenSource, question: &Question) -> Result<Prices, ToolError> {
    if !question.own.is_empty() {
        return beside::load(source, question);
    }
    Ok(load_with(source, question, None)?.0)
}

/// As [`load`], with the opens of the same bars beside the closes.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_with_opens(source: &OpenSource, question: &Question) -> Result<(Prices, Panel), ToolError> {
    if !question.own.is_empty() {
        return Err(ToolError::argument("a series of your own has no opens: name symbols alone, or trade at closes"));
    }
    let nothing = || ToolError::new(Kind::Internal, Topic::General, "no opens were read");
    let (prices, opens) = load_with(source, question, Some(Field::Open))?;
    Ok((prices, opens.ok_or_else(nothing)?))
}

/// Raw close and volume of one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RawLevel {
    /// The day.
    pub(crate) day: Date,
    /// Close as it was traded.
    pub(crate) close: f64,
    /// Shares traded; `None` where bars have none.
    pub(crate) volume: Option<f64>,
}

/// The last raw daily close and volume of each symbol, at most ten days before the end of the question's window.
///
/// # Errors
/// As [`load`], but for symbols without bars, which are left out.
pub(crate) fn raw_levels(
    source: &OpenSource,
    question: &Question,
    day: Date,
) -> Result<HashMap<String, RawLevel>, ToolError> {
    const DAYS: i64 = 10;
    let symbols = question.symbols.iter().map(|name| symbols::query(&question.meant, name));
    let window = Window::dates(day.saturating_sub(jiff::Span::new().days(DAYS)), day);
    let bars = BarSize::Stored(Resolution::Daily);
    let mut request = HistoryRequest::new(symbols, window, bars).filled_forward(false);
    request.normalization = Some(Normalization::Raw);
    request.fields = vec![Field::Close, Field::Volume];
    let history = history::load(&source.folder, &request)?;
    let (closes, volumes) = (history.align(Field::Close), history.align(Field::Volume));
    let mut found = HashMap::new();
    for (symbol, column) in closes.symbols.iter().zip(&closes.columns) {
        let last = column.iter().zip(&closes.dates).rev().find(|(close, _)| close.is_finite());
        let Some((close, day)) = last else { continue };
        let at = volumes.symbols.iter().position(|name| name == symbol).and_then(|at| volumes.columns.get(at));
        let row = volumes.dates.iter().rposition(|known| known == day);
        let volume = at.zip(row).and_then(|(column, row)| column.get(row)).copied().filter(|volume| volume.is_finite());
        found.insert(symbol.clone(), RawLevel { day: *day, close: *close, volume });
    }
    Ok(found)
}

/// Closes, and another field of the same bars if one is asked.
fn load_with(
    source: &OpenSource,
    question: &Question,
    beside: Option<Field>,
) -> Result<(Prices, Option<Panel>), ToolError> {
    let symbols = question.symbols.iter().map(|name| symbols::query(&question.meant, name));
    let mut request = HistoryRequest::new(symbols, question.window, question.bars).filled_forward(false);
    request.normalization = question.normalization;
    request.fields = [Some(Field::Close), beside].into_iter().flatten().collect();
    source.follow(&mut request, false);
    let mut history = history::load(&source.folder, &request)?;
    let left_out = leave_out(&mut history, &question.grouped);
    history.require_rows().map_err(|error| in_source(error.into(), source))?;
    let mut aligned = history.align(Field::Close);
    let holes = insert_common_holes(&mut aligned, &history);
    let index = index_of(&aligned, question.bars);
    let days = aligned.dates.clone();
    let (panel, dropped) = Panel::with_missing(aligned.symbols, index, aligned.columns, question.missing)?;
    let other = match beside {
        Some(field) => {
            let mut aligned = history.align(field);
            insert_common_holes(&mut aligned, &history);
            let index = index_of(&aligned, question.bars);
            Some(Panel::with_missing(aligned.symbols, index, aligned.columns, question.missing)?.0)
        }
        None => None,
    };

    let dropped = without_holes(dropped, holes);
    let mut provenance = describe(source, &history, &days, &panel, &dropped);
    provenance.notes.extend(question.notes.iter().cloned());
    provenance.notes.extend(left_out);
    let mut warnings = warn(&history, &panel, &dropped, &provenance);
    warnings.extend(question.warnings.iter().cloned());
    if pace::is_mixed(&history) {
        warnings.push("securities traded at different hours: bars of one day end at different moments, and rows are those all have; periods_per_year is that of the slowest".to_owned());
    }
    let (subscriptions, pace) = (subscriptions(&history), pace::of(&history, question.bars));
    Ok((Prices { panel, provenance, warnings, subscriptions, frequency: None, pace }, other))
}

/// Prices of symbols that need not all be there on every day: where a symbol has no bar its last price stands, before its
/// first the first, so that it earns nothing there.
#[derive(Debug)]
pub(crate) struct Ragged {
    /// Complete by what is said above.
    pub(crate) prices: Prices,
    /// First and last row with a bar, of each column.
    rows: Vec<(usize, usize)>,
}

impl Ragged {
    /// First and last row on which a symbol has a bar; `None` for one that was left out.
    pub(crate) fn seen(&self, symbol: &str) -> Option<(usize, usize)> {
        let at = self.prices.panel.symbols().iter().position(|known| known == symbol)?;
        self.rows.get(at).copied()
    }
}

/// As [`load`], for symbols that come and go.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_ragged(source: &OpenSource, question: &Question) -> Result<Ragged, ToolError> {
    if !question.own.is_empty() {
        return Err(ToolError::argument("a series of your own cannot be chosen from: name symbols alone"));
    }
    let symbols = question.symbols.iter().map(|name| symbols::query(&question.meant, name));
    let mut request = HistoryRequest::new(symbols, question.window, question.bars).filled_forward(false);
    request.normalization = question.normalization;
    request.fields = vec![Field::Close];
    source.follow(&mut request, false);
    let mut history = history::load(&source.folder, &request)?;
    let left_out = leave_out(&mut history, &question.grouped);
    history.require_rows().map_err(|error| in_source(error.into(), source))?;
    let mut aligned = history.align(Field::Close);
    let index = index_of(&aligned, question.bars);
    let days = aligned.dates.clone();
    let mut rows = Vec::with_capacity(aligned.columns.len());
    for column in &mut aligned.columns {
        let first = column.iter().position(|price| price.is_finite()).unwrap_or(0);
        let last = column.iter().rposition(|price| price.is_finite()).unwrap_or(0);
        rows.push((first, last));
        let mut price = column.get(first).copied().unwrap_or(f64::NAN);
        for cell in column.iter_mut() {
            if cell.is_finite() { price = *cell } else { *cell = price }
        }
    }
    let (panel, dropped) = Panel::with_missing(aligned.symbols, index, aligned.columns, question.missing)?;
    let mut provenance = describe(source, &history, &days, &panel, &dropped);
    provenance.notes.extend(question.notes.iter().cloned());
    provenance.notes.extend(left_out);
    let mut warnings = warn(&history, &panel, &dropped, &provenance);
    warnings.extend(question.warnings.iter().cloned());
    let (subscriptions, pace) = (subscriptions(&history), pace::of(&history, question.bars));
    Ok(Ragged { prices: Prices { panel, provenance, warnings, subscriptions, frequency: None, pace }, rows })
}

/// Leaves out those of a fund, list or file that have no bar in the window, unless none has; answers what to say of it.
pub(crate) fn leave_out(history: &mut History, grouped: &HashSet<String>) -> Option<String> {
    /// Symbols named in one note.
    const NAMED: usize = 10;
    let is_empty = |series: &SymbolHistory| series.times.is_empty() && grouped.contains(&series.security.ticker);
    let mut names: Vec<String> =
        history.series.iter().filter(|series| is_empty(series)).map(|series| series.security.ticker.clone()).collect();
    if names.is_empty() || names.len() == history.series.len() {
        return None;
    }
    history.series.retain(|series| !is_empty(series));
    let n = names.len();
    names.truncate(NAMED);
    let more = if NAMED < n { ", ..." } else { "" };
    Some(format!("{n} symbols have no bar in the window and are left out: {}{more}", names.join(", ")))
}

impl Prices {
    /// Observations a year: the caller's, else those of the rows where a series of their own decides, else those of the
    /// market the securities are traded in, else the usual ones.
    pub(crate) fn periods_per_year(&self, given: Option<f64>, usual: f64) -> f64 {
        let found = self.frequency.map(Frequency::per_year).or(self.pace.map(|pace| pace.per_year));
        given.or(found).unwrap_or(usual)
    }

    /// Whether a trading day has several bars, so that neighbouring ones share the bounce between bid and ask.
    pub(crate) fn is_intraday(&self) -> bool {
        self.pace.is_some_and(|pace| 1.5 * pace.days < pace.per_year)
    }

    /// Bars of one trading day; below one for weekly and monthly bars.
    pub(crate) fn bars_per_day(&self, bars: BarSize) -> f64 {
        let pace = self.pace.or_else(|| periods_per_year(bars).map(|per_year| Pace { per_year, days: 252.0 }));
        pace.map_or(1.0, |pace| pace.per_year / pace.days)
    }

    /// Those of some names that have prices: members of a fund, list or file without any were left out.
    pub(crate) fn present(&self, names: &[String]) -> Vec<String> {
        names.iter().filter(|name| self.panel.symbols().contains(name)).cloned().collect()
    }

    /// One answer's account of prices that were loaded symbol by symbol; the panel is the first one's.
    ///
    /// # Errors
    /// Without any part.
    pub(crate) fn joined(parts: Vec<Prices>) -> Result<Prices, ToolError> {
        let mut parts = parts.into_iter();
        let nothing = || ToolError::new(Kind::Internal, Topic::General, "no prices were loaded");
        let mut all = parts.next().ok_or_else(nothing)?;
        for part in parts {
            let from = part.provenance;
            let into = &mut all.provenance;
            if from.adjustment != into.adjustment
                && let Some(added) = part.subscriptions.first()
            {
                into.adjustment_differs.push(SymbolNote { symbol: added.ticker.clone(), note: from.adjustment });
            }
            into.first_date = into.first_date.clone().min(from.first_date);
            into.last_date = into.last_date.clone().max(from.last_date);
            into.rows_used += from.rows_used;
            into.n_gaps += from.n_gaps;
            into.gaps.extend(from.gaps);
            into.gaps.sort_by_key(|gap| (std::cmp::Reverse(gap.open_days), gap.first));
            into.gaps.truncate(MAX_GAPS);
            into.stale_tails.extend(from.stale_tails);
            let new: Vec<String> = from.notes.into_iter().filter(|note| !into.notes.contains(note)).collect();
            into.notes.extend(new);
            let new: Vec<String> =
                part.warnings.into_iter().filter(|warning| !all.warnings.contains(warning)).collect();
            all.warnings.extend(new);
            all.subscriptions.extend(part.subscriptions);
        }
        Ok(all)
    }
}

/// Observations a year on a US exchange: 252 sessions of 390 minutes, cut into bars from the opening on, the short last
/// one counted; stored hour bars are seven a day, less what early closes take. Ticks have no such number.
pub(crate) fn periods_per_year(bars: BarSize) -> Option<f64> {
    const DAYS: f64 = 252.0;
    /// Seconds of a session.
    const SESSION: f64 = 390.0 * 60.0;
    let of_seconds = |seconds: f64| Some(DAYS * (SESSION / seconds).ceil());
    match bars {
        BarSize::Stored(Resolution::Tick) => None,
        BarSize::Stored(Resolution::Second) => of_seconds(1.0),
        BarSize::Stored(Resolution::Minute) => of_seconds(60.0),
        BarSize::Stored(Resolution::Hour) => Some(1753.0),
        BarSize::Seconds(n) => of_seconds(f64::from(n)),
        BarSize::Minutes(n) => of_seconds(60.0 * f64::from(n)),
        BarSize::Hours(n) => of_seconds(3600.0 * f64::from(n)),
        BarSize::Weekly => Some(52.0),
        BarSize::Monthly => Some(12.0),
        _ => Some(DAYS),
    }
}

/// The securities of a history as a workbook keeps them.
pub(crate) fn subscriptions(history: &History) -> Vec<Subscription> {
    let added = Timestamp::now();
    let of = |series: &SymbolHistory| Subscription {
        ticker: series.security.ticker.clone(),
        security_type: series.security.security_type.to_string(),
        market: series.security.market.to_string(),
        resolution: history.bars.to_string(),
        sid: series.security.sid.to_string(),
        added,
        future: None,
    };
    history.series.iter().map(of).collect()
}

/// What was really done to prices, for one symbol: the name of the adjustment, or `NONE` and why.
pub(crate) fn adjustment_of(series: &SymbolHistory) -> String {
    series.adjustment.to_string()
}

/// Adds which source was asked to an error that is about its content.
pub(crate) fn in_source(error: ToolError, source: &OpenSource) -> ToolError {
    let message = format!("{} (source `{}`)", error.message, source.label);
    ToolError { message, ..error }
}

/// Puts one empty row where no symbol has a bar although every exchange was open, so that no return spans it.
/// Answers how many rows were put.
fn insert_common_holes(aligned: &mut Aligned, history: &History) -> usize {
    let inside = |gaps: &[Gap], day: Date| gaps.iter().any(|gap| !gap.is_tail && gap.first <= day && day <= gap.last);
    let starts = history.series.iter().flat_map(|series| series.gaps.iter()).map(|gap| gap.first);
    let mut days: Vec<Date> =
        starts.filter(|day| history.series.iter().all(|series| inside(&series.gaps, *day))).collect();
    days.sort_unstable();
    days.dedup();
    days.retain(|day| aligned.dates.binary_search(day).is_err());
    for day in &days {
        let row = aligned.dates.partition_point(|known| known < day);
        aligned.dates.insert(row, *day);
        aligned.times.insert(row, LocalTime::from_datetime(day.at(12, 0, 0, 0)));
        for column in &mut aligned.columns {
            column.insert(row, f64::NAN);
        }
    }
    days.len()
}

/// The holes we put in ourselves are gaps, not dropped rows.
fn without_holes(mut dropped: Dropped, holes: usize) -> Dropped {
    if dropped.rows == 0 {
        return dropped;
    }
    let all = (dropped.rows as f64 / dropped.fraction).round();
    dropped.rows -= holes.min(dropped.rows);
    dropped.fraction = if dropped.rows == 0 { 0.0 } else { dropped.rows as f64 / (all - holes as f64) };
    for (_, missing) in &mut dropped.by_symbol {
        *missing -= holes.min(*missing);
    }
    dropped
}

/// Daily and longer bars are labelled by their trading day, finer ones by the instant they end.
fn index_of(aligned: &Aligned, bars: BarSize) -> Index {
    match bars {
        BarSize::Stored(Resolution::Daily) | BarSize::Weekly | BarSize::Monthly => Index::Dates(aligned.dates.clone()),
        _ => Index::Instants { at: aligned.timestamps(), trading_date: aligned.dates.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_a_year_count_the_bars_of_a_session() {
        let of = |text: &str| periods_per_year(text.parse().unwrap());
        assert_eq!((of("2h"), of("120m")), (Some(1008.0), Some(1008.0)), "the same bars under two names");
        assert_eq!((of("15m"), of("7m"), of("1440m")), (Some(6552.0), Some(14_112.0), Some(252.0)));
        assert_eq!((of("minute"), of("hour"), of("30s")), (Some(98_280.0), Some(1753.0), Some(196_560.0)));
        assert_eq!((of("daily"), of("weekly"), of("tick")), (Some(252.0), Some(52.0), None));
    }
}
