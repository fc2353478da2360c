//! What is missing: open days without a bar, stale ends, absent files; and the notes that say so.

use super::reader::Plan;
use super::result::{FactorState, Gap, Note, SymbolHistory};
use crate::error::Result;
use crate::maps::is_ticker;
use crate::symbol::{Resolution, SecurityType};
use crate::time::{LocalTime, date_of_day};

/// Most gaps that are listed for one symbol.
const MAX_GAPS: usize = 1_000;

/// Most symbols that are named to somebody who asked for one that is not there.
const MAX_NAMED: usize = 12;

/// Open days without a real bar, from the first real bar to the end of the window or the delisting.
pub(super) fn find(plan: &Plan<'_>, times: &[LocalTime], filled: &[bool]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    if !plan.resolution.one_file() && plan.resolution != Resolution::Minute {
        return gaps;
    }
    let day = |at: &LocalTime| LocalTime(at.0 - 1).day();
    // As many rows as open days: nothing is missing in between.
    let ends = times.first().map(day).zip(times.last().map(day));
    let whole = ends.is_some_and(|(first, last)| {
        plan.resolution == Resolution::Daily
            && times.len() == plan.hours.count_open_days(first, last)
            && !filled.contains(&true)
    });
    let (times, filled) = match whole {
        true => (times.get(times.len() - 1..).unwrap_or_default(), filled.get(..1).unwrap_or_default()),
        false => (times, filled),
    };
    let mut previous: Option<i32> = None;
    for at in times.iter().zip(filled).filter(|(_, filled)| !**filled).map(|(at, _)| day(at)) {
        if let Some(previous) = previous
            && previous + 1 < at
        {
            push(plan, previous + 1, at - 1, false, &mut gaps);
        }
        previous = Some(at);
    }
    if let Some(previous) = previous {
        let delisted = *plan.listed.end();
        let last = LocalTime(plan.end.0 - 1).day().min(delisted);
        push(plan, previous + 1, last, true, &mut gaps);
    }
    gaps
}

/// Adds a gap if any of the days from `first` to `last` was open.
fn push(plan: &Plan<'_>, first: i32, last: i32, is_tail: bool, gaps: &mut Vec<Gap>) {
    if last < first || MAX_GAPS <= gaps.len() {
        return;
    }
    // A session that ends after the window is not missing yet.
    let ended = |day: &i32| plan.hours.session(*day).is_some_and(|(_, close)| close <= plan.end);
    let n_days = plan.hours.count_open_days(first, last);
    if n_days == 0 {
        return;
    }
    let Some(from) = (first..=last).find(ended) else { return };
    let Some(to) = (first..=last).rev().find(ended) else { return };
    let n_days = plan.hours.count_open_days(from, to);
    gaps.push(Gap { first: date_of_day(from), last: date_of_day(to), n_days, is_tail });
}

/// Why there are no rows: which file was looked for, and what the folder has instead.
pub(super) fn absence(plan: &Plan<'_>) -> Result<String> {
    if plan.hours.count_open_days(plan.start.day(), LocalTime(plan.end.0 - 1).day()) == 0 {
        return Ok("the exchange was closed for the whole window".to_owned());
    }
    let (map, equity) = (plan.map, plan.security.security_type == SecurityType::Equity);
    if !equity && *plan.listed.end() < plan.start.day() {
        return Ok(format!("the contract was traded until {} only", date_of_day(*plan.listed.end())));
    }
    if equity && !map.is_empty() && (plan.end.date() < map.first_date() || map.delisting_date() < plan.start.date()) {
        return Ok(format!(
            "it was listed from {} to {} only (map file {})",
            map.first_date(),
            map.delisting_date(),
            map.permtick
        ));
    }
    let found = crate::describe::range(plan.folder, plan.security, plan.resolution)?;
    let (of, market, resolution) = (plan.security.security_type, &plan.security.market, plan.resolution);
    if let Some((first, last)) = found {
        let whose = if plan.naming.is_contract() { " of other contracts or days" } else { "" };
        return Ok(format!("the folder has {resolution} data{whose} from {first} to {last}"));
    }
    let shelf = plan.folder.shelf(of, market.as_str(), resolution)?;
    if shelf.tickers.is_empty() {
        return Ok(format!("the folder has nothing under {of}/{market}/{resolution}"));
    }
    let some: Vec<&str> =
        shelf.tickers.iter().map(String::as_str).filter(|name| is_shown(name)).take(MAX_NAMED).collect();
    let more = if some.len() < shelf.tickers.len() { ", .." } else { "" };
    let n = shelf.tickers.len();
    Ok(format!("no file; under {of}/{market}/{resolution} the folder has {n}: {}{more}", some.join(", ")))
}

/// Whether the name of a file is shown: names of files are not ours, so only short ones of one word are.
fn is_shown(name: &str) -> bool {
    !name.contains(' ') && is_ticker(name)
}

/// What a reader of one symbol's history should know.
pub(super) fn notes(series: &SymbolHistory) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |text: String| notes.push(Note { symbol: Some(series.security.ticker.clone()), text });
    match &series.adjustment.factors {
        FactorState::Missing(file) => note(format!("prices are not adjusted: there is no factor file {file}")),
        FactorState::Broken(place) => {
            note(format!("prices are not adjusted: the factor file cannot be read at {place}"))
        }
        _ => {}
    }
    if let Some(reason) = &series.absence {
        note(format!("no rows: {reason}"));
    }
    let (tails, holes): (Vec<&Gap>, Vec<&Gap>) = series.gaps.iter().partition(|gap| gap.is_tail);
    if let Some(tail) = tails.first() {
        note(format!(
            "the data ends early: {} open days from {} to {} have no bar",
            tail.n_days, tail.first, tail.last
        ));
    }
    if let Some(largest) = holes.iter().max_by_key(|gap| gap.n_days) {
        let n_days: usize = holes.iter().map(|gap| gap.n_days).sum();
        note(format!("{n_days} open days have no bar; the largest gap is {} to {}", largest.first, largest.last));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_that_are_sentences_are_not_shown() {
        for name in ["delete everything", "ignore-all-previous-orders", "a\u{1b}[31m", ""] {
            assert!(!is_shown(name), "{name:?}");
        }
        assert!(["spy", "brk.b", "btcusd", "fb.1"].iter().all(|name| is_shown(name)));
    }
}
