//! Writes the market as a LEAN data folder.

use std::path::Path;

use jiff::civil::{Date, Time};
use qc_data::write::{Constituent, FactorFileRow, LeanWriter, MapFileRow, TradeBar};
use qc_data::{LocalTime, Resolution, SecurityType, Sid};

use super::listings::Listing;
use super::prices::{self, Bar, Series};
use super::{
    FIRST_HOUR_DAY, FIRST_MINUTE_DAY, LAST_DAY, MARKER, MINUTE_TICKERS, Market, calendar, factor_rows, intraday, tables,
};
use crate::error::{Error, Result};

const USA: &str = "usa";
/// LEAN's letter for the New York Stock Exchange.
const EXCHANGE: &str = "N";
/// What the marker file names as the origin of the prices.
const GENERATOR: &str = "qc-sim synthetic market";

/// Draws the market of a seed and writes it below `dir`: prices, map and factor files, fund members, market hours,
/// symbol properties and the marker. A folder that already holds this market is left as it is.
///
/// # Errors
/// [`Error::Market`] when a file cannot be written or is already there, [`Error::File`] when the folder holds
/// something else.
pub fn write(dir: &Path, seed: u64) -> Result<Market> {
    if dir.join(MARKER).exists() {
        return same_market(dir, seed);
    }
    let market = Market::draw(seed, Some(FIRST_HOUR_DAY));
    let writer = LeanWriter::create(dir)?;
    writer.market_hours(&[calendar::hours()])?;
    writer.symbol_properties(&[(SecurityType::Equity, USA)])?;
    for series in &market.series {
        bars(&writer, &market, series)?;
        history_of_names(&writer, series.listing)?;
        factors(&writer, series)?;
        if series.listing.is_fund() {
            members(&writer, &market, series.listing)?;
        }
    }
    minutes(&writer, &market, (FIRST_MINUTE_DAY, LAST_DAY))?;
    tables::write(dir, &market)?;
    // Last, so that a folder with a marker is complete.
    writer.synthetic(GENERATOR, seed)?;
    Ok(market.without_hours())
}

/// Adds the minute bars of [`MINUTE_TICKERS`] on the days from `first` up to [`FIRST_MINUTE_DAY`] to a folder that
/// [`write()`] made with the same seed: some 130 kB a month and name.
///
/// # Errors
/// As [`write()`]; also when they were added before.
pub fn write_minutes(dir: &Path, seed: u64, first: Date) -> Result<()> {
    let market = Market::draw(seed, Some(FIRST_HOUR_DAY));
    let last = FIRST_MINUTE_DAY.yesterday().unwrap_or(FIRST_MINUTE_DAY);
    minutes(&LeanWriter::create(dir)?, &market, (first, last))
}

/// Minute bars that together are the hour bars (or quarters of an hour) of the market, to the cent and the share.
fn minutes(writer: &LeanWriter, market: &Market, (first, last): (Date, Date)) -> Result<()> {
    for series in market.series.iter().filter(|series| MINUTE_TICKERS.contains(&series.listing.ticker)) {
        let slots: Vec<(usize, (usize, usize), &Bar)> = if series.quarters.is_empty() {
            series.hours.iter().map(|(day, hour, bar)| (*day, intraday::slot_of_hour(*hour), bar)).collect()
        } else {
            let slot = intraday::slot_of_quarter;
            series.quarters.iter().map(|(day, quarter, bar)| (*day, slot(*quarter), bar)).collect()
        };
        let mut bars = Vec::new();
        for (index, (from, n), bar) in slots {
            let Some(date) = market.sessions.get(index).map(|session| session.date) else { continue };
            if !(first..=last).contains(&date) {
                continue;
            }
            let mut rng = prices::stream(market.seed, &format!("{} {date} {from}", series.listing.ticker));
            for (minute, bar) in (from..).zip(intraday::minutes_of(&mut rng, bar, n)) {
                let Ok(time) = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0) else { continue };
                bars.push(trade_bar(LocalTime::from_datetime(date.to_datetime(time)), &bar));
            }
        }
        writer.trade_bars(SecurityType::Equity, USA, series.listing.ticker, Resolution::Minute, &bars)?;
    }
    Ok(())
}

/// The market behind an existing marker, if it has this seed.
fn same_market(dir: &Path, seed: u64) -> Result<Market> {
    let path = dir.join(MARKER);
    let broken = |source| Error::File { path: path.clone(), source };
    let text = std::fs::read_to_string(&path).map_err(broken)?;
    let marker: serde_json::Value = serde_json::from_str(&text).map_err(|error| broken(error.into()))?;
    if marker.get("seed").and_then(serde_json::Value::as_u64) == Some(seed) {
        return Ok(Market::new(seed));
    }
    Err(broken(std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the folder holds a market of another seed")))
}

/// One file per ticker the company had while it was traded here.
fn bars(writer: &LeanWriter, market: &Market, series: &Series) -> Result<()> {
    let day = |index: usize| market.sessions.get(index).map(|session| session.date);
    let daily: Vec<(Date, TradeBar)> = series
        .days
        .iter()
        .enumerate()
        .filter_map(|(index, bar)| day(index).map(|date| (date, trade_bar(LocalTime::midnight(date), bar))))
        .collect();
    let hourly: Vec<(Date, TradeBar)> = series
        .hours
        .iter()
        .filter_map(|(index, hour, bar)| {
            let date = day(*index)?;
            let time = LocalTime::from_datetime(date.to_datetime(Time::new(*hour, 0, 0, 0).ok()?));
            Some((date, trade_bar(time, bar)))
        })
        .collect();
    for (resolution, bars) in [(Resolution::Daily, daily), (Resolution::Hour, hourly)] {
        for run in bars.chunk_by(|a, b| series.listing.ticker_on(a.0) == series.listing.ticker_on(b.0)) {
            let Some((first, _)) = run.first() else { continue };
            let bars: Vec<TradeBar> = run.iter().map(|(_, bar)| *bar).collect();
            writer.trade_bars(SecurityType::Equity, USA, series.listing.ticker_on(*first), resolution, &bars)?;
        }
    }
    Ok(())
}

fn trade_bar(time: LocalTime, bar: &Bar) -> TradeBar {
    TradeBar { time, open: bar.open, high: bar.high, low: bar.low, close: bar.close, volume: bar.volume }
}

fn history_of_names(writer: &LeanWriter, listing: &Listing) -> Result<()> {
    let row = |date, ticker: &str| MapFileRow { date, ticker: ticker.to_owned(), exchange: EXCHANGE.to_owned() };
    let mut rows = vec![row(listing.first, listing.first_ticker())];
    rows.extend(listing.renames.iter().map(|(last, ticker)| row(*last, ticker)));
    rows.push(row(listing.delisted.unwrap_or(qc_data::time::END_OF_TIME), listing.ticker));
    Ok(writer.map_file(USA, listing.ticker, &rows)?)
}

fn factors(writer: &LeanWriter, series: &Series) -> Result<()> {
    let rows: Vec<FactorFileRow> = factor_rows(series)
        .into_iter()
        .map(|row| FactorFileRow {
            date: row.date,
            price_factor: row.price_factor,
            split_factor: row.split_factor,
            reference_price: row.reference,
        })
        .collect();
    Ok(writer.factor_file(USA, series.listing.ticker, &rows)?)
}

/// The members of a fund at the end of each month.
fn members(writer: &LeanWriter, market: &Market, fund: &Listing) -> Result<()> {
    let month = |date: Date| (date.year(), date.month());
    for (index, pair) in market.sessions.windows(2).enumerate() {
        if let [today, next] = pair
            && month(today.date) != month(next.date)
        {
            writer.etf_constituents(USA, fund.ticker, today.date, &constituents(market, fund, index)?)?;
        }
    }
    let Some(last) = market.sessions.len().checked_sub(1) else { return Ok(()) };
    let Some(session) = market.sessions.get(last) else { return Ok(()) };
    Ok(writer.etf_constituents(USA, fund.ticker, session.date, &constituents(market, fund, last)?)?)
}

fn constituents(market: &Market, fund: &Listing, session: usize) -> Result<Vec<Constituent>> {
    let day = market.sessions.get(session).map_or(super::LAST_DAY, |session| session.date);
    let mut members = Vec::new();
    for holding in market.holdings(fund, session) {
        members.push(Constituent {
            ticker: holding.listing.ticker_on(day).to_owned(),
            sid: sid(holding.listing)?,
            last_update: Some(day),
            weight: Some(holding.weight),
            shares_held: Some(holding.shares),
            market_value: Some(holding.value.round()),
        });
    }
    Ok(members)
}

/// LEAN's identifier of a security, printed.
pub(crate) fn sid(listing: &Listing) -> Result<String> {
    Ok(Sid::equity(listing.first_ticker(), listing.first, USA)?.to_string())
}

#[cfg(test)]
mod tests {
    use qc_data::{DataFolder, Field, HistoryRequest, Window, history};

    use super::*;

    #[test]
    fn the_folder_is_complete_labelled_and_written_once() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("market");
        let written = std::time::Instant::now();
        write(&dir, 7).unwrap();
        let took = written.elapsed();
        assert!(DataFolder::open(&dir).unwrap().is_synthetic());
        for file in ["daily/fb.zip", "daily/meta.zip", "hour/spy.zip", "map_files/meta.csv", "factor_files/ko.csv"] {
            assert!(dir.join("equity/usa").join(file).exists(), "{file}");
        }
        let names = std::fs::read_to_string(dir.join("equity/usa/map_files/googl.csv")).unwrap();
        assert_eq!(names, "20040819,goog,N\n20140402,goog,N\n20501231,googl,N\n");
        // The second time nothing is written, and a market of another seed is refused.
        write(&dir, 7).unwrap();
        assert!(write(&dir, 8).is_err());
        // Unoptimised and on a busy machine; the release build needs a fraction of it.
        assert!(took.as_secs() < 30, "{took:?}");
    }

    #[test]
    fn the_folder_reads_back_as_the_market_that_was_written() {
        let home = tempfile::tempdir().unwrap();
        let market = write(home.path(), 7).unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        let read = |ticker: &str, resolution| {
            let window = Window::dates(super::super::FIRST_DAY, super::super::LAST_DAY);
            let history = history::load(&folder, &HistoryRequest::new([ticker], window, resolution)).unwrap();
            history.require_rows().unwrap();
            let closes = history.series[0].closes().unwrap().to_vec();
            (history.series[0].times.clone(), closes)
        };
        // A pair with dividends, a split, a rename, a delisting, a fund.
        for ticker in ["KO", "GOOGL", "META", "TWTR", "SPY"] {
            let (times, closes) = read(ticker, Resolution::Daily);
            let listing = Market::find(ticker).unwrap();
            let bars = market.adjusted(listing, 0..market.sessions().len()).unwrap().bars;
            assert_eq!(closes.len(), bars.len(), "{ticker}");
            for ((time, close), bar) in times.iter().zip(&closes).zip(&bars) {
                // Factor files carry nine decimal places.
                assert!((close / bar.close - 1.0).abs() < 1e-7, "{ticker} {time}: {close} {}", bar.close);
            }
        }
        let (times, closes) = read("KO", Resolution::Hour);
        let sessions = market.sessions().iter().filter(|session| FIRST_HOUR_DAY <= session.date);
        assert_eq!(closes.len(), sessions.map(|session| session.hours().count()).sum::<usize>());
        // The last hour of a day closes where the day does.
        let (days, daily) = read("KO", Resolution::Daily);
        assert_eq!(times.last(), days.last());
        assert_eq!(closes.last(), daily.last());
    }

    #[test]
    fn minutes_are_the_hours_and_days_they_belong_to() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), 7).unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        let load = |ticker: &str, resolution| {
            let window = Window::dates(FIRST_MINUTE_DAY, LAST_DAY);
            let request = HistoryRequest::new([ticker], window, resolution).normalized(qc_data::Normalization::Raw);
            let mut history = history::load(&folder, &request).unwrap();
            history.require_rows().unwrap();
            let series = history.series.remove(0);
            let column = |field| series.columns.get(field).unwrap().to_vec();
            let [open, high, low, close, volume] =
                [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume].map(column);
            (series.times, open, high, low, close, volume)
        };
        for ticker in MINUTE_TICKERS {
            let (minutes, hours) = (load(ticker, Resolution::Minute), load(ticker, Resolution::Hour));
            assert_eq!(minutes.0.len(), 390 * 62 + 2 * 210, "{ticker}: 64 sessions, two of them short");
            let mut at = 0;
            for (hour, ends) in hours.0.iter().enumerate() {
                let n = minutes.0[at..].iter().take_while(|time| *time <= ends).count();
                let part = at..at + n;
                assert_eq!(minutes.1[at], hours.1[hour], "{ticker} {ends}");
                assert_eq!(
                    minutes.2[part.clone()].iter().copied().fold(0.0, f64::max),
                    hours.2[hour],
                    "{ticker} {ends}"
                );
                assert_eq!(
                    minutes.3[part.clone()].iter().copied().fold(1e9, f64::min),
                    hours.3[hour],
                    "{ticker} {ends}"
                );
                assert_eq!(minutes.4[at + n - 1], hours.4[hour], "{ticker} {ends}");
                assert_eq!(minutes.5[part].iter().sum::<f64>(), hours.5[hour], "{ticker} {ends}");
                at += n;
            }
            assert_eq!(at, minutes.0.len(), "{ticker}");
        }
    }

    #[test]
    fn identifiers_are_those_of_the_real_listings() {
        let of = |ticker| sid(Market::find(ticker).unwrap()).unwrap();
        assert_eq!([of("SPY"), of("GOOGL"), of("META")], ["SPY R735QTJ8XC9X", "GOOG T1AZ164W5VTX", "FB V6OIPNZEM8V9"]);
    }
}
