//! Several symbols on one index.

use super::columns::Field;
use super::result::{Aligned, History, SymbolHistory};
use crate::symbol::{BarSize, Resolution};
use crate::time::{DAY, LocalTime, Zone, date_of_day};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rayon::prelude::*;

/// One field of all symbols on the union of their times.
pub(super) fn align(history: &History, field: Field, keep_filled: bool) -> Aligned {
    let by_day = matches!(history.bars, BarSize::Stored(Resolution::Daily) | BarSize::Weekly | BarSize::Monthly);
    let shared_zone = history.series.windows(2).all(|pair| match pair {
        [a, b] => a.time_zone == b.time_zone,
        _ => true,
    });
    let time_zone = match history.series.first() {
        Some(first) if shared_zone => first.time_zone.clone(),
        _ => TimeZone::UTC,
    };
    let symbols = history.series.iter().map(|series| series.security.ticker.clone()).collect();
    if by_day && let Some((days, times, columns)) = align_days(history, field, keep_filled, shared_zone) {
        let dates = days.into_iter().map(date_of_day).collect();
        return Aligned { symbols, field, dates, times, time_zone, columns };
    }
    if let [only] = history.series.as_slice()
        && (keep_filled || !only.is_filled.contains(&true))
        && only.times.is_sorted()
    {
        // One symbol is its own index.
        let column = only.columns.get(field).map_or_else(|| vec![f64::NAN; only.times.len()], <[f64]>::to_vec);
        let (times, column) = once(only.times.clone(), column);
        let dates = trading_dates(&times);
        return Aligned { symbols, field, dates, times, time_zone, columns: vec![column] };
    }
    // A key decides which rows of different symbols meet; the stamp is what the row shows.
    let keyed: Vec<Vec<(i64, LocalTime, usize)>> =
        history.series.iter().map(|series| keys(series, shared_zone, keep_filled)).collect();
    let (row_keys, times) = union(&keyed);
    let columns = history
        .series
        .iter()
        .zip(&keyed)
        .map(|(series, keyed)| {
            let mut column = vec![f64::NAN; row_keys.len()];
            let Some(values) = series.columns.get(field) else { return column };
            let mut row = 0;
            for (key, _, source) in keyed {
                while row_keys.get(row).is_some_and(|at| at < key) {
                    row += 1;
                }
                if let (Some(cell), Some(value)) = (column.get_mut(row), values.get(*source)) {
                    *cell = *value;
                }
            }
            column
        })
        .collect();
    Aligned { symbols, field, dates: trading_dates(&times), times, time_zone, columns }
}

/// Of rows of one moment the last one, as where symbols meet. Rows move up in place, each whether it stays or not: many ticks
/// share a moment, and which do nobody can guess.
fn once(mut times: Vec<LocalTime>, mut column: Vec<f64>) -> (Vec<LocalTime>, Vec<f64>) {
    if times.is_sorted_by(|a, b| a < b) {
        return (times, column);
    }
    let mut kept = 0;
    for row in 0..times.len() {
        let (Some(at), Some(value)) = (times.get(row).copied(), column.get(row).copied()) else { break };
        let is_last = times.get(row + 1) != Some(&at);
        if let (Some(to), Some(cell)) = (times.get_mut(kept), column.get_mut(kept)) {
            (*to, *cell) = (at, value);
        }
        kept += usize::from(is_last);
    }
    times.truncate(kept);
    column.truncate(kept);
    (times, column)
}

/// The trading day of each row; rows of one day follow each other, so the calendar is asked once for each.
fn trading_dates(times: &[LocalTime]) -> Vec<Date> {
    let mut known: Option<(i64, Date)> = None;
    let date = |at: &LocalTime| {
        let day = at.0.saturating_sub(1).div_euclid(DAY);
        match known {
            Some((of, date)) if of == day => date,
            _ => known.insert((day, at.trading_date())).1,
        }
    };
    times.iter().map(date).collect()
}

/// The longest span of days that is aligned by a table of days: more than four centuries.
const MAX_SPAN: i64 = 150_000;

/// Days since 1970, stamps and columns of daily rows.
type Days = (Vec<i32>, Vec<LocalTime>, Vec<Vec<f64>>);

/// Daily rows meet through a table with a slot for each day; `None` where the span of days is absurd.
///
/// A row of one clock shows the first symbol's stamp. Stamps of several clocks are turned into UTC, and the latest one is
/// shown: before that moment the row was not known.
fn align_days(history: &History, field: Field, keep_filled: bool, shared_zone: bool) -> Option<Days> {
    let day = |at: &LocalTime| at.0.saturating_sub(1).div_euclid(DAY);
    let ends =
        || history.series.iter().flat_map(|series| [series.times.first(), series.times.last()]).flatten().map(day);
    let (Some(first), Some(last)) = (ends().min(), ends().max()) else {
        return Some((Vec::new(), Vec::new(), vec![Vec::new(); history.series.len()]));
    };
    if MAX_SPAN < last - first {
        return None;
    }
    let counts = |filled: &bool| keep_filled || !*filled;
    let mut stamps: Vec<Option<LocalTime>> = vec![None; (last - first + 1) as usize];
    for series in &history.series {
        let zone = (!shared_zone).then(|| Zone::new(&series.time_zone));
        for (at, filled) in series.times.iter().zip(&series.is_filled) {
            let slot = usize::try_from(day(at) - first).ok().and_then(|slot| stamps.get_mut(slot));
            let (true, Some(slot)) = (counts(filled), slot) else { continue };
            match &zone {
                None => *slot = slot.or(Some(*at)),
                Some(zone) => *slot = (*slot).max(Some(LocalTime(zone.to_utc(*at)))),
            }
        }
    }
    let mut row_of_day: Vec<u32> = Vec::with_capacity(stamps.len());
    let (mut days, mut times) = (Vec::with_capacity(stamps.len()), Vec::with_capacity(stamps.len()));
    for (slot, stamp) in (first..).zip(&stamps) {
        row_of_day.push(times.len() as u32);
        days.extend(stamp.map(|_| slot as i32));
        times.extend(stamp);
    }
    let column = |series: &SymbolHistory| {
        let mut column = vec![f64::NAN; times.len()];
        let values = series.columns.get(field).unwrap_or_default();
        for ((at, filled), value) in series.times.iter().zip(&series.is_filled).zip(values) {
            let row = usize::try_from(day(at) - first).ok().and_then(|slot| row_of_day.get(slot));
            if let (true, Some(cell)) = (counts(filled), row.and_then(|row| column.get_mut(*row as usize))) {
                *cell = *value;
            }
        }
        column
    };
    let columns = history.series.par_iter().map(column).collect();
    Some((days, times, columns))
}

/// Key, stamp and row of every row that counts, ascending by key.
fn keys(series: &SymbolHistory, shared_zone: bool, keep_filled: bool) -> Vec<(i64, LocalTime, usize)> {
    let zone = (!shared_zone).then(|| Zone::new(&series.time_zone));
    let mut keyed: Vec<(i64, LocalTime, usize)> = series
        .times
        .iter()
        .zip(&series.is_filled)
        .enumerate()
        .filter(|(_, (_, filled))| keep_filled || !**filled)
        .map(|(row, (at, _))| match &zone {
            Some(zone) => (zone.to_utc(*at), LocalTime(zone.to_utc(*at)), row),
            None => (at.0, *at, row),
        })
        .collect();
    if !keyed.is_sorted_by_key(|(key, ..)| *key) {
        keyed.sort_by_key(|(key, ..)| *key);
    }
    keyed
}

/// All keys once, ascending, each with the first symbol's stamp.
fn union(keyed: &[Vec<(i64, LocalTime, usize)>]) -> (Vec<i64>, Vec<LocalTime>) {
    let Some(longest) = keyed.iter().max_by_key(|keys| keys.len()) else { return (Vec::new(), Vec::new()) };
    // Start from the longest series; most others add nothing to it.
    let mut all: Vec<(i64, LocalTime)> = longest.iter().map(|(key, at, _)| (*key, *at)).collect();
    all.dedup_by_key(|(key, _)| *key);
    for keys in keyed {
        let mut at = 0;
        let mut missing = Vec::new();
        for (key, stamp, _) in keys {
            while all.get(at).is_some_and(|(known, _)| known < key) {
                at += 1;
            }
            if all.get(at).is_none_or(|(known, _)| known != key) {
                missing.push((*key, *stamp));
            }
        }
        if !missing.is_empty() {
            all.extend(missing);
            all.sort_by_key(|(key, _)| *key);
            all.dedup_by_key(|(key, _)| *key);
        }
    }
    all.into_iter().unzip()
}
