//! Where the numbers of an answer come from: what was read, adjusted, left out, and what the reader should not overlook.

use jiff::civil::Date;
use qc_data::{FactorState, Field, History, SymbolHistory};
use qc_quant::{Dropped, Panel};
use serde::Serialize;

use super::adjustment_of;
use crate::{
    own::{Frequency, Origin},
    quantbook::OpenSource,
};

/// Open days without a bar at the end of the window beyond which a tail counts as stale.
const STALE_DAYS: usize = 3;

/// Fraction of dropped rows beyond which a warning is given.
const MANY_DROPPED: f64 = 0.2;

/// A daily log return of unadjusted prices beyond which a split is likely.
const LIKELY_SPLIT: f64 = 0.4;

/// Gaps listed by date for one answer; the rest is counted.
pub(super) const MAX_GAPS: usize = 5;

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
    /// Series of the caller's own, and where they come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) own_series: Vec<Origin>,
    /// What the reader of the files noticed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

impl Provenance {
    /// Of series of the caller's own alone.
    pub(super) fn of_own(panel: &Panel, frequency: Frequency) -> Self {
        Provenance {
            source: "series of the caller's own".to_owned(),
            synthetic: false,
            adjustment: "NONE (no prices were read)".to_owned(),
            adjustment_differs: Vec::new(),
            resolution: frequency.name().to_owned(),
            field: "value",
            first_date: panel.first_label().to_string(),
            last_date: panel.last_label().to_string(),
            rows_used: panel.n_rows(),
            rows_dropped: RowsDropped { count: 0, fraction: 0.0, first: None, mostly: None },
            gaps: Vec::new(),
            n_gaps: 0,
            stale_tails: Vec::new(),
            own_series: Vec::new(),
            notes: Vec::new(),
        }
    }
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

pub(super) fn describe(
    source: &OpenSource,
    history: &History,
    days: &[Date],
    panel: &Panel,
    dropped: &Dropped,
) -> Provenance {
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
        own_series: Vec::new(),
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

pub(super) fn warn(history: &History, panel: &Panel, dropped: &Dropped, provenance: &Provenance) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(items: &[&str]) -> Vec<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn the_most_common_adjustment_speaks_for_all() {
        let all = strings(&["Adjusted", "NONE (x)", "Adjusted"]);
        assert_eq!(most_common(&all), "Adjusted");
        assert_eq!(most_common(&strings(&["a", "b"])), "a", "ties go to the first");
    }
}
