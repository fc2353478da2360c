//! A question (symbols, window, resolution, adjustment) and its answer: rows per symbol, and all symbols aligned.
//!
//! The steps are LEAN's, in its order: find the window on the exchange's clock, walk the open days, read the file of
//! each day's ticker (`reader`), scale (`scale`), fill forward and filter (`fill`), join trades and quotes (`join`).

mod align;
mod columns;
mod fill;
mod gaps;
mod join;
mod naming;
mod reader;
mod request;
mod result;
mod scale;
mod source;
mod stream;
mod window;

pub use columns::{Columns, Field};
pub use request::{HistoryRequest, MappingMode, Window};
pub use result::{Adjustment, Aligned, FactorState, Gap, History, Note, SymbolHistory, TickerRun};

use crate::bars::Kind;
use crate::error::{Error, Result};
use crate::factors::{FactorFile, RollFile, day_number};
use crate::folder::DataFolder;
use crate::maps::MapFile;
use crate::symbol::{BarSize, Normalization, Resolution, Security, SecurityType};
use crate::time::{DAY, LocalTime};
use naming::Identity;
use rayon::prelude::*;
use reader::Plan;
use std::sync::Arc;

/// Most symbols of one request.
const MAX_SYMBOLS: usize = 5_000;

/// Reads history for all symbols of the request, in parallel on the caller's rayon pool.
///
/// A symbol without data gives a [`SymbolHistory`] without rows; call [`History::require_rows`] to make that an error.
///
/// # Errors
/// Damaged files, unusable names, an empty window, a normalisation that the security type does not have,
/// more than 5000 symbols, a type or resolution that is not read.
pub fn load(folder: &DataFolder, request: &HistoryRequest) -> Result<History> {
    request.window.check()?;
    if MAX_SYMBOLS < request.symbols.len() {
        let found = request.symbols.len() as u64;
        return Err(Error::TooMany { what: "symbols of a request", limit: MAX_SYMBOLS as u64, found });
    }
    let series: Vec<SymbolHistory> = request
        .symbols
        .par_iter()
        .map(|query| symbol_history(folder, request, folder.resolve(query)?))
        .collect::<Result<_>>()?;
    let notes = series.iter().flat_map(gaps::notes).collect();
    Ok(History { series, notes, bars: request.bars, asked: request.window.days(), synthetic: folder.is_synthetic() })
}

fn symbol_history(folder: &DataFolder, request: &HistoryRequest, security: Security) -> Result<SymbolHistory> {
    let normalization = request.normalization_for(security.security_type)?;
    let resolution = supported(&security, request.bars)?;
    let hours = folder.hours(&security)?;
    let identity = Identity::new(folder, &security, request, &hours)?;
    let map = &identity.map;
    let equity = security.security_type == SecurityType::Equity;
    let factors = if equity { Some(folder.factor_file(&security, map)?) } else { None };
    let rolls = if identity.mapping.is_some() { Some(folder.roll_file(&security)?) } else { None };
    let strict = request.strict_daily_end_times && window::uses_strict_times(&security, resolution, &hours);
    let (start, end) = window::on_exchange_clock(request, &hours, resolution, strict)?;
    let extended = request.extended_market_hours && !resolution.one_file();
    let limited_start = limited_start(start, map, factors.as_ref().and_then(|(_, file)| file.as_deref()), equity);
    let plan = Plan {
        folder,
        security: &security,
        hours: &hours,
        map,
        naming: &identity.naming,
        listed: identity.listed.clone(),
        resolution,
        start,
        end,
        limited_start,
        strict,
        extended,
        data_days: match resolution.one_file() {
            true => reader::data_days_ends(&hours, start, end, *identity.listed.start()),
            false => reader::data_days(&hours, start, end, extended),
        },
    };
    let (adjustment, usable) = adjustment(normalization, factors.as_ref(), rolls.as_ref());
    // ScaledRaw scales to the last day: of a request by days the last one asked for, else the day of the end.
    let end_day = match request.window {
        Window::Dates { last, .. } => day_number(last),
        _ => end.day(),
    };
    let first_day = plan.data_days.first().copied();
    let scaling = scale::Scaling::new(usable, normalization, &hours, map, first_day, end_day);
    let mut streams = [None, None, None];
    let interest = [Kind::OpenInterest];
    let wanted = source::kinds(security.security_type, resolution).iter();
    for kind in wanted.chain(interest.iter().filter(|_| request.open_interest && identity.has_interest())).copied() {
        let [trades, quotes, interest] = &mut streams;
        let slot = match kind {
            Kind::Quote | Kind::TickQuote { .. } => quotes,
            Kind::OpenInterest => interest,
            _ => trades,
        };
        let mut stream = plan.read(kind)?;
        if equity && normalization != Normalization::Raw {
            scaling.apply(&mut stream, kind);
        }
        if let (Some((_, Some(file))), Some(mapping)) = (&rolls, identity.mapping) {
            scale::roll(&mut stream, kind, file, normalization, mapping as u8, request.contract_depth);
        }
        *slot = Some(fill::finish(&plan, kind, request.fill_forward, stream));
    }
    let [trades, quotes, interest] = streams;
    let mut joined = match resolution {
        Resolution::Tick => join::join_ticks(trades, quotes),
        _ => join::join(trades, quotes),
    };
    if let Some(interest) = interest {
        joined = join::add_interest(joined, interest);
    }
    let real = || joined.times.iter().zip(&joined.filled).filter(|(_, filled)| !**filled).map(|(at, _)| *at);
    let (first_real, last_real) = (real().next(), real().next_back());
    let absence = if joined.times.is_empty() { Some(gaps::absence(&plan)?) } else { None };
    let gaps = gaps::find(&plan, &joined.times, &joined.filled);
    Ok(SymbolHistory {
        time_zone: hours.time_zone.clone(),
        times: joined.times,
        columns: joined.columns,
        is_filled: joined.filled,
        tickers: joined.tickers,
        adjustment,
        first_real,
        last_real,
        gaps,
        absence,
        security,
    })
}

/// The stored resolution to read.
fn supported(security: &Security, bars: BarSize) -> Result<Resolution> {
    let unsupported = || Error::Unsupported { what: format!("{bars} history"), by: security.security_type.to_string() };
    let BarSize::Stored(resolution) = bars else { return Err(unsupported()) };
    Ok(resolution)
}

/// LEAN gives no prices before the first row of the factor file or before the first day of trading, in any mode.
fn limited_start(start: LocalTime, map: &MapFile, factors: Option<&FactorFile>, equity: bool) -> LocalTime {
    if !equity {
        return start;
    }
    let midnight = |day: i32| LocalTime(i64::from(day) * DAY);
    let by_factors = factors.and_then(FactorFile::first_day).map_or(start, midnight);
    start.max(by_factors).max(midnight(day_number(map.first_date())))
}

/// What can be done to prices with the factor file that is there, if one is.
fn adjustment<'a>(
    asked: Normalization,
    factors: Option<&'a (String, Option<Arc<FactorFile>>)>,
    rolls: Option<&(String, Option<Arc<RollFile>>)>,
) -> (Adjustment, Option<&'a FactorFile>) {
    let raw = |factors| Adjustment { asked, applied: Normalization::Raw, factors };
    let read = |path: &str| Adjustment { asked, applied: asked, factors: FactorState::Read(path.to_owned()) };
    let broken = |path: &str, line: usize| raw(FactorState::Broken(format!("{path}, line {line}")));
    let missing = |path: &str| raw(FactorState::Missing(path.to_owned()));
    if asked == Normalization::Raw {
        return (raw(FactorState::NotNeeded), None);
    }
    match (factors, rolls) {
        (Some((path, Some(file))), _) => match file.broken_at_line {
            Some(line) => (broken(path, line), None),
            None => (read(path), Some(file)),
        },
        (_, Some((path, Some(file)))) => match file.broken_at_line {
            Some(line) => (broken(path, line), None),
            None => (read(path), None),
        },
        (Some((path, None)), _) | (_, Some((path, None))) => (missing(path), None),
        (None, None) => (raw(FactorState::NotNeeded), None),
    }
}
