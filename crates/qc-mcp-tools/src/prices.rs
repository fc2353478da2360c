//! The only bridge from stored prices to statistics: a source and a question in, a checked panel and its
//! provenance out.
//!
//! History is read without fill-forward, so no statistic ever sees an invented row. Symbols meet on their trading
//! day (daily bars) or on the same instant (finer bars); rows in which a symbol has no bar are dropped or refused,
//! as the caller chose, and counted. A day on which *no* symbol has a bar although the exchange was open is a gap
//! too: it stays as a hole that no return spans. What is computed from the panel is left to others.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, date},
};
use qc_data::{
    Aligned, BarSize, FactorState, Field, Gap, History, HistoryRequest, LocalTime, Normalization, Resolution,
    SymbolHistory, Window, history,
};
use qc_quant::{Dropped, Index, MissingPolicy, Panel};
use serde::Serialize;

use crate::{
    error::{Kind, ToolError, Topic},
    quantbook::{OpenSource, Subscription},
};

/// Most symbols one analysis takes. A correlation of 1000 columns is half a million pairs.
pub(crate) const MAX_SYMBOLS: usize = 1000;

/// Open days without a bar at the end of the window beyond which a tail counts as stale.
const STALE_DAYS: usize = 3;

/// Fraction of dropped rows beyond which a warning is given.
const MANY_DROPPED: f64 = 0.2;

/// A daily log return of unadjusted prices beyond which a split is likely.
const LIKELY_SPLIT: f64 = 0.4;

/// Gaps listed by date for one answer; the rest is counted.
const MAX_GAPS: usize = 5;

/// What an analysis wants to read.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Tickers, upper case, each once, in the caller's order.
    pub(crate) symbols: Vec<String>,
    /// Days of the exchange or moments, as asked.
    pub(crate) window: Window,
    /// Bars.
    pub(crate) bars: BarSize,
    /// Adjustment asked for.
    pub(crate) normalization: Normalization,
    /// What to do with rows in which a symbol has no bar.
    pub(crate) missing: MissingPolicy,
}

impl Question {
    /// Adds a symbol that is not asked for yet.
    pub(crate) fn also(&mut self, symbol: Option<&str>) {
        if let Some(symbol) = symbol
            && !self.symbols.iter().any(|known| known == symbol)
        {
            self.symbols.push(symbol.to_owned());
        }
    }

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
}

/// Where the numbers of an answer come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Provenance {
    /// `lean`, `demo`, or the folder's path below its root.
    pub(crate) source: String,
    /// Whether the folder declares itself synthetic.
    pub(crate) synthetic: bool,
    /// What was really done to the prices of all symbols; `NONE` where there was nothing to adjust with.
    pub(crate) adjustment: String,
    /// Symbols whose adjustment differs from the one above, with theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) adjustment_differs: Vec<SymbolNote>,
    /// Bars.
    pub(crate) resolution: String,
    /// Column of the bars.
    pub(crate) field: &'static str,
    /// First row used.
    pub(crate) first_date: String,
    /// Last row used.
    pub(crate) last_date: String,
    /// Rows of prices used.
    pub(crate) rows_used: usize,
    /// Rows left out.
    pub(crate) rows_dropped: RowsDropped,
    /// Stretches of open days without any bar, the longest first, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) gaps: Vec<SymbolGap>,
    /// How many such stretches there are in all.
    pub(crate) n_gaps: usize,
    /// Symbols whose data stops before the end of the window.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) stale_tails: Vec<StaleTail>,
    /// What the reader of the files noticed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// Rows left out and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RowsDropped {
    /// How many, because at least one symbol has no bar there.
    pub(crate) count: usize,
    /// As a fraction of all rows.
    pub(crate) fraction: f64,
    /// The first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<String>,
    /// The symbol that lacks most, and how many rows it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mostly: Option<SymbolNote>,
}

/// Something said about one symbol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SymbolNote {
    /// The ticker.
    pub(crate) symbol: String,
    /// What is said.
    pub(crate) note: String,
}

/// Open days of one symbol without a bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SymbolGap {
    /// The ticker.
    pub(crate) symbol: String,
    /// First open day without a bar.
    pub(crate) first: Date,
    /// Last open day without a bar.
    pub(crate) last: Date,
    /// Open days in between, both included.
    pub(crate) open_days: usize,
}

/// Data that stops before the end of the window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StaleTail {
    /// The ticker.
    pub(crate) symbol: String,
    /// Day of its last bar.
    pub(crate) last_bar: String,
    /// Open days from there to the end of the window.
    pub(crate) open_days_missing: usize,
}

/// Reads the closes of all symbols and aligns them.
///
/// Blocking and parallel inside: call it on the pool of `compute.rs`.
///
/// # Errors
/// A symbol without a bar in the window ([`Kind::NotFound`], with what the folder has instead), too few complete
/// rows, damaged files.
pub(crate) fn load(source: &OpenSource, question: &Question) -> Result<Prices, ToolError> {
    let request = HistoryRequest::new(question.symbols.iter(), question.window, question.bars)
        .normalized(question.normalization)
        .filled_forward(false);
    let history = history::load(&source.folder, &request)?;
    history.require_rows().map_err(|error| in_source(error.into(), source))?;
    let mut aligned = history.align(Field::Close);
    let holes = insert_common_holes(&mut aligned, &history);
    let index = index_of(&aligned, question.bars);
    let days = aligned.dates.clone();
    let (panel, dropped) = Panel::with_missing(aligned.symbols, index, aligned.columns, question.missing)?;

    let dropped = without_holes(dropped, holes);
    let provenance = describe(source, &history, &days, &panel, &dropped);
    let warnings = warn(&history, &panel, &dropped, &provenance);
    let subscriptions = subscriptions(&history);
    Ok(Prices { panel, provenance, warnings, subscriptions })
}

impl Prices {
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
            into.notes.extend(from.notes);
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

fn describe(source: &OpenSource, history: &History, days: &[Date], panel: &Panel, dropped: &Dropped) -> Provenance {
    let adjustments: Vec<String> = history.series.iter().map(adjustment_of).collect();
    let common = most_common(&adjustments);
    let adjustment_differs = history
        .series
        .iter()
        .zip(&adjustments)
        .filter(|(_, adjustment)| **adjustment != common)
        .map(|(series, adjustment)| SymbolNote { symbol: series.security.ticker.clone(), note: adjustment.clone() })
        .collect();
    let mut gaps: Vec<SymbolGap> = Vec::new();
    let mut stale_tails = Vec::new();
    for series in &history.series {
        let symbol = &series.security.ticker;
        for gap in &series.gaps {
            if !gap.is_tail {
                let symbol = symbol.clone();
                gaps.push(SymbolGap { symbol, first: gap.first, last: gap.last, open_days: gap.n_days });
            }
        }
        stale_tails.extend(stale_tail(series, days));
    }
    gaps.sort_by_key(|gap| (std::cmp::Reverse(gap.open_days), gap.first));
    let n_gaps = gaps.len();
    gaps.truncate(MAX_GAPS);
    let notes = history.notes.iter().map(|note| match &note.symbol {
        Some(symbol) => format!("{symbol}: {}", note.text),
        None => note.text.clone(),
    });
    Provenance {
        source: source.label.clone(),
        synthetic: history.synthetic,
        adjustment: common,
        adjustment_differs,
        resolution: history.bars.to_string(),
        field: Field::Close.name(),
        first_date: panel.first_label().to_string(),
        last_date: panel.last_label().to_string(),
        rows_used: panel.n_rows(),
        rows_dropped: RowsDropped {
            count: dropped.rows,
            fraction: dropped.fraction,
            first: dropped.first.filter(|_| 0 < dropped.rows).map(|label| label.to_string()),
            mostly: dropped
                .worst()
                .map(|(symbol, rows)| SymbolNote { symbol: symbol.to_owned(), note: format!("lacks {rows} rows") }),
        },
        gaps,
        n_gaps,
        stale_tails,
        notes: notes.collect(),
    }
}

/// The tail of a symbol whose data stops more than [`STALE_DAYS`] open days before the end: the exchange's calendar
/// says so, or (for a security that was delisted, which the calendar forgives) the days on which the others traded.
fn stale_tail(series: &SymbolHistory, days: &[Date]) -> Option<StaleTail> {
    let last = series.last_real?.trading_date();
    let of_calendar = series.gaps.iter().find(|gap| gap.is_tail).map_or(0, |gap| gap.n_days);
    let mut later: Vec<&Date> = days.iter().filter(|day| last < **day).collect();
    later.dedup();
    let open_days_missing = of_calendar.max(later.len());
    let symbol = series.security.ticker.clone();
    (STALE_DAYS < open_days_missing).then(|| StaleTail { symbol, last_bar: last.to_string(), open_days_missing })
}

fn most_common(all: &[String]) -> String {
    let count = |wanted: &str| all.iter().filter(|one| one.as_str() == wanted).count();
    let mut best: Option<&String> = None;
    for one in all {
        if best.is_none_or(|known| count(known) < count(one)) {
            best = Some(one);
        }
    }
    best.cloned().unwrap_or_else(|| "NONE".to_owned())
}

fn warn(history: &History, panel: &Panel, dropped: &Dropped, provenance: &Provenance) -> Vec<String> {
    let mut warnings = Vec::new();
    if provenance.synthetic {
        warnings.push("SYNTHETIC data: a generated market, not real prices".to_owned());
    }
    for series in &history.series {
        let symbol = &series.security.ticker;
        let unadjusted = matches!(
            series.adjustment.factors,
            FactorState::Missing(_) | FactorState::Broken(_) | FactorState::NotNeeded
        );
        match &series.adjustment.factors {
            FactorState::Missing(_) | FactorState::Broken(_) => {
                warnings.push(format!("{symbol}: prices are not adjusted: {}", series.adjustment));
            }
            _ => {}
        }
        if unadjusted && let Some((day, size)) = likely_split(series) {
            warnings.push(format!(
                "{symbol}: a move of {:+.0} % on {day} in unadjusted prices may be a split",
                100.0 * size
            ));
        }
    }
    for tail in &provenance.stale_tails {
        warnings.push(format!(
            "{}: the last bar is of {}, {} open days before the end asked for",
            tail.symbol, tail.last_bar, tail.open_days_missing
        ));
    }
    if MANY_DROPPED < dropped.fraction {
        let who = dropped.worst().map_or(String::new(), |(symbol, rows)| format!("; {symbol} lacks {rows}"));
        warnings.push(format!(
            "{} of {} rows were dropped because a symbol has no bar there{who}",
            dropped.rows,
            dropped.rows + panel.n_rows()
        ));
    }
    warnings
}

/// The largest jump beyond [`LIKELY_SPLIT`] in the closes of one symbol, as a simple return.
fn likely_split(series: &SymbolHistory) -> Option<(Date, f64)> {
    let closes = series.closes()?;
    let mut largest: Option<(Date, f64)> = None;
    for ((before, now), at) in closes.iter().zip(closes.iter().skip(1)).zip(series.times.iter().skip(1)) {
        let log = (now / before).ln();
        if log.is_finite() && LIKELY_SPLIT < log.abs() && largest.is_none_or(|(_, most)| most.ln_1p().abs() < log.abs())
        {
            largest = Some((at.trading_date(), log.exp_m1()));
        }
    }
    largest
}

/// Reads symbols as an analysis takes them: upper case, each once.
///
/// # Errors
/// None at all, one given twice, more than [`MAX_SYMBOLS`], or a form that is not taken yet.
pub(crate) fn parse_symbols(given: &[String]) -> Result<Vec<String>, ToolError> {
    let wrong = |message: String| Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, message));
    if given.is_empty() {
        return wrong("symbols is empty: at least one ticker is needed".to_owned());
    }
    if MAX_SYMBOLS < given.len() {
        let message = format!("{} symbols were given, at most {MAX_SYMBOLS} are taken at once", given.len());
        return Err(ToolError::new(Kind::TooLarge, Topic::Symbol, message));
    }
    let mut symbols: Vec<String> = Vec::with_capacity(given.len());
    for text in given {
        let symbol = text.trim().to_ascii_uppercase();
        if symbol.is_empty() {
            return wrong("one of the symbols is empty".to_owned());
        }
        for prefix in ["ETF:", "LIST:", "FILE:", "QC:"] {
            if symbol.starts_with(prefix) {
                let message = format!(
                    "symbols of the form `{}...` are not taken yet: name the tickers",
                    prefix.to_ascii_lowercase()
                );
                return Err(ToolError::not_yet(message, Topic::Symbol));
            }
        }
        if symbols.contains(&symbol) {
            return wrong(format!("symbol {symbol} is given more than once"));
        }
        symbols.push(symbol);
    }
    Ok(symbols)
}

/// Reads a start and an end: days of the exchange (both included), or moments as RFC 3339.
///
/// A moment without an offset is meant on New York's clock, as QuantBook means it.
///
/// # Errors
/// [`Kind::InvalidArgument`] for what is no date, and for an end before its start.
pub(crate) fn parse_window(start: &str, end: &str) -> Result<Window, ToolError> {
    let wrong = |message: String| ToolError::new(Kind::InvalidArgument, Topic::Dates, message);
    let first = parse_moment(start).ok_or_else(|| wrong(not_a_date("start_date", start)))?;
    let last = parse_moment(end).ok_or_else(|| wrong(not_a_date("end_date", end)))?;
    let reversed = || wrong(format!("end_date {} is before start_date {}", end.trim(), start.trim()));
    match (first, last) {
        (Moment::Day(first), Moment::Day(last)) if last < first => Err(reversed()),
        (Moment::Day(first), Moment::Day(last)) => Ok(Window::dates(first, last)),
        (first, last) => {
            let start = match first {
                Moment::Day(day) => day.to_datetime(jiff::civil::Time::midnight()),
                Moment::At(at) => at,
            };
            // A date-only end means the end of that day.
            let end = match last {
                Moment::Day(day) => {
                    day.checked_add(1.day()).map_err(|_| reversed())?.to_datetime(jiff::civil::Time::midnight())
                }
                Moment::At(at) => at,
            };
            if end <= start { Err(reversed()) } else { Ok(Window::range(start, end)) }
        }
    }
}

/// Reads one day, `YYYY-MM-DD`.
///
/// # Errors
/// [`Kind::InvalidArgument`] naming the argument.
pub(crate) fn parse_day(argument: &str, text: &str) -> Result<Date, ToolError> {
    match parse_moment(text) {
        Some(Moment::Day(day)) => Ok(day),
        Some(Moment::At(at)) => Ok(at.date()),
        None => Err(ToolError::new(Kind::InvalidArgument, Topic::Dates, not_a_date(argument, text))),
    }
}

#[derive(Clone, Copy)]
enum Moment {
    Day(Date),
    At(DateTime),
}

fn parse_moment(text: &str) -> Option<Moment> {
    /// Years in which no market data lies; a typing error more likely than a wish.
    const FIRST: Date = date(1700, 1, 1);
    const LAST: Date = date(2200, 1, 1);
    let text = text.trim();
    let moment = if let Ok(day) = text.parse::<Date>()
        && text.len() == 10
    {
        Moment::Day(day)
    } else if let Ok(at) = text.parse::<Timestamp>() {
        Moment::At(at.to_zoned(jiff::tz::TimeZone::get("America/New_York").ok()?).datetime())
    } else {
        let at = text.parse::<DateTime>().ok()?;
        if text.len() <= 10 {
            return None;
        }
        Moment::At(at)
    };
    let day = match moment {
        Moment::Day(day) => day,
        Moment::At(at) => at.date(),
    };
    (FIRST <= day && day <= LAST).then_some(moment)
}

fn not_a_date(argument: &str, text: &str) -> String {
    let shown: String = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(30).collect();
    format!("{argument} `{shown}` is not a date")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn observations_a_year_count_the_bars_of_a_session() {
        let of = |text: &str| periods_per_year(text.parse().unwrap());
        assert_eq!((of("2h"), of("120m")), (Some(1008.0), Some(1008.0)), "the same bars under two names");
        assert_eq!((of("15m"), of("7m"), of("1440m")), (Some(6552.0), Some(14_112.0), Some(252.0)));
        assert_eq!((of("minute"), of("hour"), of("30s")), (Some(98_280.0), Some(1753.0), Some(196_560.0)));
        assert_eq!((of("daily"), of("weekly"), of("tick")), (Some(252.0), Some(52.0), None));
    }

    #[test]
    fn symbols_are_trimmed_upper_case_and_unique() {
        assert_eq!(parse_symbols(&strings(&[" spy", "BRK.B"])).unwrap(), ["SPY", "BRK.B"]);
        let twice = parse_symbols(&strings(&["SPY", "spy "])).unwrap_err();
        assert!(twice.message.contains("SPY is given more than once"), "{twice}");
        assert_eq!(parse_symbols(&[]).unwrap_err().kind, Kind::InvalidArgument);
        assert_eq!(parse_symbols(&strings(&["etf:SPY@2020-12-01"])).unwrap_err().kind, Kind::NotYet);
        let many: Vec<String> = (0..=MAX_SYMBOLS).map(|i| format!("S{i}")).collect();
        assert_eq!(parse_symbols(&many).unwrap_err().kind, Kind::TooLarge);
    }

    #[test]
    fn days_are_both_included() {
        let window = parse_window("2015-01-02", "2015-12-31").unwrap();
        assert_eq!(window, Window::dates(date(2015, 1, 2), date(2015, 12, 31)));
        assert!(parse_window("2015-01-02", "2015-01-02").is_ok(), "one day is a window");
    }

    #[test]
    fn a_date_only_end_beside_a_moment_is_the_end_of_that_day() {
        let window = parse_window("2013-10-07T09:30:00", "2013-10-07").unwrap();
        assert_eq!(window, Window::range(date(2013, 10, 7).at(9, 30, 0, 0), date(2013, 10, 8).at(0, 0, 0, 0)));
        let utc = parse_window("2013-10-07T13:30:00Z", "2013-10-07T20:00:00Z").unwrap();
        assert_eq!(utc, Window::range(date(2013, 10, 7).at(9, 30, 0, 0), date(2013, 10, 7).at(16, 0, 0, 0)));
    }

    #[test]
    fn inverted_and_impossible_dates_name_the_argument() {
        let inverted = parse_window("2015-12-31", "2015-01-02").unwrap_err();
        assert_eq!(inverted.message, "end_date 2015-01-02 is before start_date 2015-12-31");
        for text in ["2015-02-30", "yesterday", "20150102", "2015-1-2", "0001-01-01", ""] {
            let error = parse_window(text, "2015-12-31").unwrap_err();
            assert!(error.message.starts_with("start_date"), "{error}");
        }
    }

    #[test]
    fn the_most_common_adjustment_speaks_for_all() {
        let all = strings(&["Adjusted", "NONE (x)", "Adjusted"]);
        assert_eq!(most_common(&all), "Adjusted");
        assert_eq!(most_common(&strings(&["a", "b"])), "a", "ties go to the first");
    }
}
