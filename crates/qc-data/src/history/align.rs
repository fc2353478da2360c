//! Several symbols on one index.

use super::columns::Field;
use super::result::{Aligned, History, SymbolHistory};
use crate::symbol::{BarSize, Resolution};
use crate::time::{DAY, LocalTime, Zone};
use jiff::tz::TimeZone;

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
    // A key decides which rows of different symbols meet; the stamp is what the row shows.
    let keyed: Vec<Vec<(i64, LocalTime, usize)>> =
        history.series.iter().map(|series| keys(series, by_day, shared_zone, keep_filled)).collect();
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
    Aligned {
        symbols: history.series.iter().map(|series| series.security.ticker.clone()).collect(),
        field,
        dates: times.iter().map(|at| at.trading_date()).collect(),
        times,
        time_zone,
        columns,
    }
}

/// Key, stamp and row of every row that counts, ascending by key.
fn keys(series: &SymbolHistory, by_day: bool, shared_zone: bool, keep_filled: bool) -> Vec<(i64, LocalTime, usize)> {
    let zone = (!by_day && !shared_zone).then(|| Zone::new(&series.time_zone));
    let mut keyed: Vec<(i64, LocalTime, usize)> = series
        .times
        .iter()
        .zip(&series.is_filled)
        .enumerate()
        .filter(|(_, (_, filled))| keep_filled || !**filled)
        .map(|(row, (at, _))| match &zone {
            _ if by_day => (at.0.saturating_sub(1).div_euclid(DAY), *at, row),
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
