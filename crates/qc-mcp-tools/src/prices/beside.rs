//! Series of the caller's own beside closes: rows are the days the series have in common, closes are taken at them.

use std::collections::BTreeMap;

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use qc_data::{BarSize, Field, HistoryRequest, Resolution, Window, history};
use qc_quant::{Index, Panel};

use super::{
    Prices, Provenance, Question, in_source, leave_out,
    provenance::{describe, warn},
    subscriptions,
};
use crate::{
    error::{Kind, ToolError, Topic},
    own::{Frequency, OwnSeries},
    quantbook::OpenSource,
    symbols,
};

/// Days by which a close may be older than a week, month or quarter it stands for.
const STALE_DAYS: i64 = 8;

/// Reads the closes of the symbols, if there are any, at the days of the own series.
pub(super) fn load(source: &OpenSource, question: &Question) -> Result<Prices, ToolError> {
    if question.bars != BarSize::Stored(Resolution::Daily) {
        let message = "a series of your own has a value a day at most: leave resolution out";
        return Err(ToolError::argument(message));
    }
    let (first, last) = match question.window {
        Window::Dates { first, last } => (first, last),
        Window::Range { start, end } => (start.date(), end.date()),
        _ => return Err(ToolError::argument("a series of your own needs a first and a last day")),
    };
    let mut days = common_days(&question.own, first, last)?;
    let frequency = Frequency::of(&days);
    let mut names = Vec::new();
    let mut columns: Vec<Vec<f64>> = Vec::new();
    let mut read = None;
    if !question.symbols.is_empty() {
        let queries = question.symbols.iter().map(|name| symbols::query(&question.meant, name));
        // The close of a month may be that of the days before its last.
        let begin = if frequency == Frequency::Daily { first } else { first.saturating_sub(STALE_DAYS.days()) };
        let mut request = HistoryRequest::new(queries, Window::dates(begin, last), question.bars).filled_forward(false);
        request.normalization = question.normalization;
        source.follow(&mut request, false);
        let mut history = history::load(&source.folder, &request)?;
        let left_out = leave_out(&mut history, &question.grouped);
        history.require_rows().map_err(|error| in_source(error.into(), source))?;
        let aligned = history.align(Field::Close);
        // A weekend on which nothing beside it is traded is no gap: the next return spans it.
        days.retain(|day| {
            let is_weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            !is_weekend || frequency != Frequency::Daily || aligned.dates.binary_search(day).is_ok()
        });
        for (name, closes) in aligned.symbols.iter().zip(&aligned.columns) {
            names.push(name.clone());
            columns.push(at_days(&days, frequency, &aligned.dates, closes));
        }
        read = Some((history, aligned.dates, left_out));
    }
    for own in &question.own {
        let known: BTreeMap<Date, f64> = own.within(first, last).collect();
        names.push(own.name.clone());
        columns.push(days.iter().map(|day| known.get(day).copied().unwrap_or(f64::NAN)).collect());
    }
    let (panel, dropped) = Panel::with_missing(names, Index::Dates(days), columns, question.missing)?;
    let (mut provenance, mut warnings, read_from) = match &read {
        Some((history, dates, left_out)) => {
            let mut provenance = describe(source, history, dates, &panel, &dropped);
            provenance.notes.extend(left_out.iter().cloned());
            // Rows are those of the series, however often prices were read.
            frequency.name().clone_into(&mut provenance.resolution);
            let warnings = warn(history, &panel, &dropped, &provenance);
            (provenance, warnings, subscriptions(history))
        }
        None => (Provenance::of_own(&panel, frequency), Vec::new(), Vec::new()),
    };
    provenance.notes.extend(question.notes.iter().cloned());
    provenance.own_series = question.own.iter().map(|own| own.origin.clone()).collect();
    if question.own.iter().any(|own| own.synthetic) && !provenance.synthetic {
        provenance.synthetic = true;
        warnings.push("SYNTHETIC data: a series was made from a generated market, not real prices".to_owned());
    }
    Ok(Prices { panel, provenance, warnings, subscriptions: read_from, frequency: Some(frequency), pace: None })
}

/// The days that all series have between `first` and `last`.
fn common_days(own: &[OwnSeries], first: Date, last: Date) -> Result<Vec<Date>, ToolError> {
    let mut days: Option<Vec<Date>> = None;
    for series in own {
        let theirs: Vec<Date> = series.within(first, last).map(|(day, _)| day).collect();
        days = Some(match days {
            None => theirs,
            Some(known) => known.into_iter().filter(|day| theirs.binary_search(day).is_ok()).collect(),
        });
    }
    let days = days.unwrap_or_default();
    if 2 <= days.len() {
        return Ok(days);
    }
    let spans: Vec<String> = own
        .iter()
        .map(|series| format!("{} of {} to {}", series.name, series.origin.first_date, series.origin.last_date))
        .collect();
    let message =
        format!("{} days of {first} to {last} have a value of {}, 2 are needed", days.len(), spans.join(" and of "));
    Err(ToolError::new(Kind::TooFewRows, Topic::Dates, message))
}

/// The close at each day; of a longer period the last one not too old.
fn at_days(days: &[Date], frequency: Frequency, dates: &[Date], closes: &[f64]) -> Vec<f64> {
    let value = |row: usize| closes.get(row).copied().unwrap_or(f64::NAN);
    days.iter()
        .map(|day| {
            if frequency == Frequency::Daily {
                return dates.binary_search(day).map_or(f64::NAN, value);
            }
            let after = dates.partition_point(|known| known <= day);
            let oldest = day.saturating_sub(STALE_DAYS.days());
            let rows = (0..after).rev().take_while(|row| dates.get(*row).is_some_and(|known| oldest < *known));
            rows.map(value).find(|close| close.is_finite()).unwrap_or(f64::NAN)
        })
        .collect()
}
