//! A question (symbols, window, resolution, adjustment) and its answer: rows per symbol, and all symbols aligned.
//!
//! The steps are LEAN's, in its order: find the window on the exchange's clock, walk the open days, read the file of
//! each day's ticker (`reader`), scale (`scale`), fill forward and filter (`fill`), join trades and quotes (`join`).

mod align;
mod budget;
mod columns;
mod consolidate;
mod days;
mod fill;
mod gaps;
mod join;
mod naming;
mod prepare;
mod reader;
mod request;
mod result;
mod scale;
mod source;
mod stream;
mod walk;
mod window;

pub use columns::{Columns, Field};
pub(crate) use request::new_york;
pub use request::{Followed, HistoryRequest, MappingMode, Window};
pub use result::{Adjustment, Aligned, FactorState, Gap, History, Note, SymbolHistory, TickerRun};

use crate::bars::Kind;
use crate::derived::{self, Key};
use crate::error::{Error, Result};
use crate::folder::DataFolder;
use crate::symbol::{BarSize, Normalization, Resolution, Security, SecurityType, SymbolQuery};
use budget::Budget;
use prepare::Prepared;
use rayon::prelude::*;

/// Most symbols of one request.
const MAX_SYMBOLS: usize = 5_000;

/// Reads history for all symbols of the request, in parallel on the caller's rayon pool.
///
/// A symbol without data gives a [`SymbolHistory`] without rows; call [`History::require_rows`] to make that an error.
///
/// # Errors
/// Damaged files, unusable names, an empty window, a normalisation that the security type does not have,
/// more than 5000 symbols, a type or resolution that is not read, an answer of more than 250 million numbers.
pub fn load(folder: &DataFolder, request: &HistoryRequest) -> Result<History> {
    folder.look_again();
    answer(folder, request)
}

/// As [`load`] within a question.
pub(crate) fn answer(folder: &DataFolder, request: &HistoryRequest) -> Result<History> {
    request.window.check()?;
    if MAX_SYMBOLS < request.symbols.len() {
        let found = request.symbols.len() as u64;
        return Err(Error::TooMany { what: "symbols of a request", limit: MAX_SYMBOLS as u64, found });
    }
    let budget = Budget::new();
    let read = |query: &SymbolQuery, alone: bool| {
        budget.check()?;
        symbol_history(folder, request, folder.resolved(query)?, (&budget, alone))
    };
    // Symbols that are made from files of days are made one after the other, each by all threads: what they are made from is
    // several times as large as what is made.
    let by_days = !matches!(request.bars, BarSize::Stored(_)) && !request.bars.source().one_file();
    let mut results: Vec<Result<Option<SymbolHistory>>> = match by_days {
        true => request.symbols.iter().map(|query| read(query, false)).collect(),
        false => request.symbols.par_iter().map(|query| read(query, false)).collect(),
    };
    for (query, result) in request.symbols.iter().zip(&mut results) {
        // Its fine bars did not fit beside those of others.
        if let Ok(None) = result {
            *result = read(query, true);
        }
    }
    let series: Vec<SymbolHistory> = budget::all(results)?.into_iter().flatten().collect();
    let notes = series.iter().flat_map(gaps::notes).collect();
    Ok(History { series, notes, bars: request.bars, asked: request.window.days(), synthetic: folder.is_synthetic() })
}

/// The history of one symbol; `None` where it must be read again with nothing else beside it.
fn symbol_history(
    folder: &DataFolder,
    request: &HistoryRequest,
    security: Security,
    (budget, alone): (&Budget, bool),
) -> Result<Option<SymbolHistory>> {
    let own = request.meant_for(&security.sid);
    let request = own.as_ref().unwrap_or(request);
    match request.bars {
        BarSize::Stored(resolution) => {
            stored(folder, &Prepared::new(folder, request, security, resolution)?, request, budget).map(Some)
        }
        size => {
            let Some(mut made) = consolidated(folder, request, security, size, (budget, alone))? else {
                return Ok(None);
            };
            made.columns.retain(&request.fields);
            budget.take(made.n_rows(), made.columns.iter().len())?;
            Ok(Some(made))
        }
    }
}

/// Bars as they are stored.
fn stored(
    folder: &DataFolder,
    prepared: &Prepared,
    request: &HistoryRequest,
    budget: &Budget,
) -> Result<SymbolHistory> {
    let plan = prepared.plan(folder, budget);
    let (identity, hours) = (&prepared.identity, &prepared.hours);
    let equity = prepared.security.security_type == SecurityType::Equity;
    let (adjustment, usable) = prepared.adjustment();
    let mode = prepared.normalization;
    let scaling = scale::Scaling::new(usable, mode, hours, &identity.map, prepared.first_day(), prepared.end_day());
    let read = |kind: &Kind| -> Result<stream::Stream> {
        let kind = *kind;
        let mut stream = plan.read(kind)?;
        if equity && mode != Normalization::Raw {
            scaling.apply(&mut stream, kind);
        }
        if let (Some((_, Some(file))), Some(mapping)) = (&prepared.rolls, identity.mapping) {
            scale::roll(&mut stream, kind, file, mode, mapping as u8, request.contract_depth);
        }
        fill::finish(&plan, kind, stream)
    };
    let kinds = prepared.kinds();
    let (mut trades, mut quotes, mut interest) = (None, None, None);
    let read = budget::all(kinds.par_iter().map(read).collect())?;
    for (kind, stream) in kinds.iter().zip(read) {
        let slot = match kind {
            Kind::Quote | Kind::TickQuote { .. } => &mut quotes,
            Kind::OpenInterest => &mut interest,
            _ => &mut trades,
        };
        *slot = Some(stream);
    }
    let mut joined = match prepared.resolution {
        Resolution::Tick => join::ticks_as_shown(join::join_ticks(trades, quotes)),
        _ => join::join(trades, quotes),
    };
    if let Some(interest) = interest {
        joined = join::add_interest(joined, interest);
    }
    joined.columns.retain(&request.fields);
    let real = || joined.times.iter().zip(&joined.filled).filter(|(_, filled)| !**filled).map(|(at, _)| *at);
    let (first_real, last_real) = (real().next(), real().next_back());
    let absence = if joined.times.is_empty() { Some(gaps::absence(&plan)?) } else { None };
    let gaps = gaps::find(&plan, &joined.times, &joined.filled);
    Ok(SymbolHistory {
        time_zone: hours.time_zone.clone(),
        is_short: vec![false; joined.times.len()],
        times: joined.times,
        columns: joined.columns,
        is_filled: joined.filled,
        tickers: joined.tickers,
        adjustment,
        first_real,
        last_real,
        gaps,
        absence,
        security: prepared.security.clone(),
    })
}

/// Bars made from finer ones, from disk if they were made before; `None` where the finer ones have no room beside others.
fn consolidated(
    folder: &DataFolder,
    request: &HistoryRequest,
    security: Security,
    size: BarSize,
    (budget, alone): (&Budget, bool),
) -> Result<Option<SymbolHistory>> {
    let make = |resolution: Resolution| -> Result<Option<SymbolHistory>> {
        let fine = HistoryRequest {
            bars: BarSize::Stored(resolution),
            symbols: Vec::new(),
            fields: Vec::new(),
            ..request.clone()
        };
        let prepared = Prepared::new(folder, &fine, security.clone(), resolution)?;
        let key = match folder.derived() {
            Some(_) => Some(Key::new(&describe(&prepared, request, size), &prepared.sources(folder)?)),
            None => None,
        };
        if let (Some(dir), Some(key)) = (folder.derived(), &key)
            && let Some(known) = derived::load(&dir, key, || empty(&prepared))
        {
            return Ok(Some(known));
        }
        let part = budget.part(alone);
        let stored = match stored(folder, &prepared, &fine, &part) {
            Err(_) if part.is_crowded() => return Ok(None),
            other => other?,
        };
        let hours = &prepared.hours;
        let window = (prepared.start, prepared.end);
        let made = consolidate::consolidate(stored, size, hours, prepared.extended, resolution.nanos(), window);
        if let (Some(dir), Some(key)) = (folder.derived(), &key)
            && !made.times.is_empty()
        {
            derived::store(&dir, key, &made);
        }
        Ok(Some(made))
    };
    let Some(made) = make(size.source())? else { return Ok(None) };
    // Hour bars will do where sessions open on the hour and nothing finer is stored.
    if made.times.is_empty() && matches!(size, BarSize::Hours(_)) && folder.hours(&security)?.opens_on_the_hour() {
        let Some(by_hours) = make(Resolution::Hour)? else { return Ok(None) };
        if !by_hours.times.is_empty() {
            return Ok(Some(by_hours));
        }
    }
    Ok(Some(made))
}

/// Everything in a request that changes the answer for one security.
fn describe(prepared: &Prepared, request: &HistoryRequest, size: BarSize) -> String {
    format!(
        "{} {} {size} {} {} {} {} {} {} {} {} {:?} {} {}",
        prepared.security.sid,
        prepared.security.ticker,
        prepared.resolution,
        prepared.normalization,
        prepared.start,
        prepared.end,
        prepared.end_day(),
        prepared.extended,
        request.fill_forward,
        request.strict_daily_end_times,
        prepared.identity.mapping,
        request.contract_depth,
        request.open_interest,
    )
}

/// An answer without rows, for what is found on disk.
fn empty(prepared: &Prepared) -> SymbolHistory {
    SymbolHistory {
        security: prepared.security.clone(),
        time_zone: prepared.hours.time_zone.clone(),
        times: Vec::new(),
        columns: Columns::default(),
        is_filled: Vec::new(),
        is_short: Vec::new(),
        tickers: Vec::new(),
        adjustment: prepared.adjustment().0,
        first_real: None,
        last_real: None,
        gaps: Vec::new(),
        absence: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, LocalTime};
    use crate::write::{HoursEntry, LeanWriter, TradeBar};
    use jiff::civil::date;

    #[test]
    fn a_week_of_a_long_file_takes_the_room_of_a_week() {
        let dir = tempfile::tempdir().unwrap();
        let writer = LeanWriter::create(dir.path()).unwrap();
        writer.market_hours(&[HoursEntry::us_equity(1990, 2060)]).unwrap();
        let first = LocalTime::midnight(date(2020, 1, 6)).0;
        let bars: Vec<TradeBar> = (0..200)
            .flat_map(|week| (0..5).map(move |day| LocalTime(first + (7 * week + day) * DAY)))
            .map(|time| TradeBar { time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0 })
            .collect();
        writer.trade_bars(SecurityType::Equity, "usa", "aaa", Resolution::Daily, &bars).unwrap();
        let folder = DataFolder::open(dir.path()).unwrap();
        let window = Window::dates(date(2022, 3, 7), date(2022, 3, 11));
        let request = HistoryRequest::new(["AAA"], window, Resolution::Daily).normalized(Normalization::Raw);
        let security = || folder.resolve(&"AAA".into()).unwrap();
        let read = symbol_history(&folder, &request, security(), (&Budget::of(60), false)).unwrap().unwrap();
        assert_eq!(read.n_rows(), 5);
        assert!(
            symbol_history(&folder, &request, security(), (&Budget::of(20), false)).is_err(),
            "five rows of six numbers"
        );
    }
}
