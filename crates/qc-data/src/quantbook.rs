//! A research notebook without QuantConnect's runtime: the calls of Python's `QuantBook`, in Rust.
//!
//! ```no_run
//! use qc_data::{QuantBook, Resolution};
//!
//! let mut qb = QuantBook::open("./data")?;
//! qb.set_start_date("2021-04-01".parse()?); // its present, as in Python
//! let spy = qb.add_equity("SPY", Resolution::Daily)?;
//! let bars = qb.history([&spy], 20, None)?;              // the last 20 daily bars
//! println!("{} closes, the last {:?}", bars.series[0].n_rows(), bars.series[0].closes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::chain::{self, Chain, ChainFilter};
use crate::describe::FolderInventory;
use crate::error::Result;
use crate::folder::DataFolder;
use crate::history::{self, History, HistoryRequest, MappingMode, Window};
use crate::symbol::{BarSize, Normalization, Resolution, Security, SecurityType, SymbolQuery};
use crate::time::LocalTime;
use crate::universe::{self, Collection};
use crate::write::Constituent;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use std::path::Path;

/// The part of time of a history, as QuantBook's overloads have it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Span {
    /// The last bars before the book's present.
    Periods(usize),
    /// From so long ago to the book's present.
    Duration(SignedDuration),
    /// From a start (exclusive) to an end (inclusive), New York time.
    Between(DateTime, DateTime),
}

impl From<usize> for Span {
    fn from(periods: usize) -> Span {
        Span::Periods(periods)
    }
}

impl From<SignedDuration> for Span {
    fn from(duration: SignedDuration) -> Span {
        Span::Duration(duration)
    }
}

impl From<(DateTime, DateTime)> for Span {
    fn from((start, end): (DateTime, DateTime)) -> Span {
        Span::Between(start, end)
    }
}

impl From<(Date, Date)> for Span {
    /// Midnight to midnight, as Python's `datetime(2021, 1, 4), datetime(2021, 1, 8)`: the last day is not included.
    fn from((start, end): (Date, Date)) -> Span {
        Span::Between(start.into(), end.into())
    }
}

/// A research workbook over a LEAN data folder. Defaults are QuantBook's: adjusted prices, filled forward.
#[derive(Debug, Clone)]
pub struct QuantBook {
    folder: DataFolder,
    /// Securities with the bars they were added at.
    subscriptions: Vec<(Security, BarSize)>,
    present: DateTime,
    /// Normalisation of all histories; `None` for the usual one of each type.
    pub normalization: Option<Normalization>,
    /// Repeat bars where there are none (QuantBook does). Such rows are marked in the answer.
    pub fill_forward: bool,
    /// Include hours before and after the session.
    pub extended_market_hours: bool,
    /// Which contract continuous futures follow.
    pub mapping: Option<MappingMode>,
    /// How many contracts behind the front one.
    pub contract_depth: usize,
}

impl QuantBook {
    /// Opens a LEAN data folder. The book's present is midnight of today in New York (before nine o'clock there:
    /// midnight of yesterday) until it is set.
    ///
    /// # Errors
    /// [`crate::Error::Folder`] when there is no such folder.
    pub fn open(folder: impl AsRef<Path>) -> Result<QuantBook> {
        Ok(QuantBook::over(DataFolder::open(folder)?))
    }

    /// A book over a folder that is open already.
    pub fn over(folder: DataFolder) -> QuantBook {
        QuantBook {
            folder,
            subscriptions: Vec::new(),
            present: usual_present(jiff::Timestamp::now()),
            normalization: None,
            fill_forward: true,
            extended_market_hours: false,
            mapping: None,
            contract_depth: 0,
        }
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// Sets the book's present to midnight of a day: no history reaches beyond it.
    pub fn set_start_date(&mut self, day: Date) {
        self.present = day.into();
    }

    /// The book's present, New York time.
    pub fn time(&self) -> DateTime {
        self.present
    }

    /// Adds a share or fund of the US market.
    ///
    /// # Errors
    /// Those of [`DataFolder::resolve`].
    pub fn add_equity(&mut self, ticker: &str, resolution: impl Into<BarSize>) -> Result<Security> {
        self.add_security(SymbolQuery::new(ticker, SecurityType::Equity), resolution)
    }

    /// Adds a currency pair.
    ///
    /// # Errors
    /// Those of [`DataFolder::resolve`].
    pub fn add_forex(&mut self, pair: &str, resolution: impl Into<BarSize>) -> Result<Security> {
        self.add_security(SymbolQuery::new(pair, SecurityType::Forex), resolution)
    }

    /// Adds a crypto pair of Coinbase; use [`QuantBook::add_security`] for another market.
    ///
    /// # Errors
    /// Those of [`DataFolder::resolve`].
    pub fn add_crypto(&mut self, pair: &str, resolution: impl Into<BarSize>) -> Result<Security> {
        self.add_security(SymbolQuery::new(pair, SecurityType::Crypto), resolution)
    }

    /// Adds an index.
    ///
    /// # Errors
    /// Those of [`DataFolder::resolve`].
    pub fn add_index(&mut self, ticker: &str, resolution: impl Into<BarSize>) -> Result<Security> {
        self.add_security(SymbolQuery::new(ticker, SecurityType::Index), resolution)
    }

    /// Adds a continuous future by its root (`ES`), or a contract by its identifier.
    ///
    /// # Errors
    /// Those of [`DataFolder::resolve`].
    pub fn add_future(&mut self, root: &str, resolution: impl Into<BarSize>) -> Result<Security> {
        self.add_security(SymbolQuery::new(root, SecurityType::Future), resolution)
    }

    /// Adds anything.
    ///
    /// # Errors
    /// Those of [`DataFolder::resolve`].
    pub fn add_security(&mut self, query: impl Into<SymbolQuery>, resolution: impl Into<BarSize>) -> Result<Security> {
        let security = self.folder.resolve(&query.into())?;
        let bars = resolution.into();
        match self.subscriptions.iter_mut().find(|(known, _)| *known == security) {
            Some(known) => known.1 = bars,
            None => self.subscriptions.push((security.clone(), bars)),
        }
        Ok(security)
    }

    /// What was added, in order, with the bars of each.
    pub fn securities(&self) -> &[(Security, BarSize)] {
        &self.subscriptions
    }

    /// History as QuantBook gives it: rows with `start < end of bar <= end`, nothing beyond the book's present.
    ///
    /// `bars` is `None` for the bars the first of them was added at (minutes where it was not added), as in Python.
    ///
    /// # Errors
    /// Those of [`history::load`].
    pub fn history<S: Into<SymbolQuery>>(
        &self,
        symbols: impl IntoIterator<Item = S>,
        span: impl Into<Span>,
        bars: impl Into<Option<BarSize>>,
    ) -> Result<History> {
        let symbols: Vec<SymbolQuery> = symbols.into_iter().map(Into::into).collect();
        history::load(&self.folder, &self.request(symbols, span.into(), bars.into())?)
    }

    /// The request that a history of this book stands for.
    fn request(&self, symbols: Vec<SymbolQuery>, span: Span, bars: Option<BarSize>) -> Result<HistoryRequest> {
        let resolved = symbols.first().map(|query| self.folder.resolve(query)).transpose()?;
        let subscribed = self.subscriptions.iter().find(|(known, _)| Some(known) == resolved.as_ref());
        let usual = subscribed.map_or(BarSize::Stored(Resolution::Minute), |(_, bars)| *bars);
        let window = match span {
            Span::Periods(count) => Window::Periods { count, end: self.present },
            Span::Duration(duration) => {
                let start = LocalTime::from_datetime(self.present).0;
                let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
                Window::range(LocalTime(start.saturating_sub(nanos)).to_datetime(), self.present)
            }
            Span::Between(start, end) => Window::range(start, end.min(self.present)),
        };
        let mut request = HistoryRequest::new(symbols, window, bars.unwrap_or(usual));
        request.normalization = self.normalization;
        request.fill_forward = self.fill_forward;
        request.extended_market_hours = self.extended_market_hours;
        request.mapping = self.mapping;
        request.contract_depth = self.contract_depth;
        Ok(request)
    }

    /// The members of a fund for every open day of a window, as QuantBook's `universe_history` gives them.
    ///
    /// # Errors
    /// Damaged files, an empty window.
    pub fn universe(&self, etf: &str, start: Date, end: Date) -> Result<Vec<Collection<Constituent>>> {
        let etf = self.folder.resolve(&SymbolQuery::new(etf, SecurityType::Equity))?;
        let end = DateTime::from(end).min(self.present);
        universe::etf_history(&self.folder, &etf, Window::range(start.into(), end))
    }

    /// The contracts of an option or future that were known at the book's present.
    ///
    /// # Errors
    /// Those of [`chain::on`].
    pub fn chain(&self, of: impl Into<SymbolQuery>, filter: &ChainFilter) -> Result<Option<Chain>> {
        chain::on(&self.folder, &of.into(), self.present.date(), filter)
    }

    /// History of all contracts of an option that pass the filter on any open day of the span, as QuantBook's
    /// `option_history`.
    ///
    /// `bars` is `None` for the bars the option was added at (minutes where it was not added).
    ///
    /// # Errors
    /// Those of [`chain::history`].
    pub fn option_history(
        &self,
        of: impl Into<SymbolQuery>,
        filter: &ChainFilter,
        span: impl Into<Span>,
        bars: impl Into<Option<BarSize>>,
    ) -> Result<History> {
        self.chain_history(of.into(), filter, span.into(), bars.into())
    }

    /// History of all contracts of a future that were listed on any open day of the span, as QuantBook's `future_history`.
    ///
    /// # Errors
    /// Those of [`chain::history`].
    pub fn future_history(
        &self,
        root: impl Into<SymbolQuery>,
        filter: &ChainFilter,
        span: impl Into<Span>,
        bars: impl Into<Option<BarSize>>,
    ) -> Result<History> {
        self.chain_history(root.into(), filter, span.into(), bars.into())
    }

    fn chain_history(
        &self,
        of: SymbolQuery,
        filter: &ChainFilter,
        span: Span,
        bars: Option<BarSize>,
    ) -> Result<History> {
        let request = self.request(vec![of.clone()], span, bars)?;
        chain::history(&self.folder, &of, filter, &request)
    }

    /// Everything in the folder: first and last bar, splits and dividends, and gaps of each symbol.
    ///
    /// # Errors
    /// Those of [`DataFolder::inventory`].
    pub fn describe(&self) -> Result<FolderInventory> {
        self.folder.inventory()
    }
}

/// Midnight of today in New York; before nine o'clock of yesterday, as QuantBook has it.
fn usual_present(now: jiff::Timestamp) -> DateTime {
    let there = now.to_zoned(history::new_york()).datetime();
    let day = if there.hour() < 9 { there.date().yesterday().unwrap_or(there.date()) } else { there.date() };
    day.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_nine_in_new_york_the_present_is_yesterday() {
        let present = |now: &str| usual_present(now.parse().unwrap()).to_string();
        assert_eq!(present("2024-03-11T12:59:59Z"), "2024-03-10T00:00:00", "8:59:59 in summer time");
        assert_eq!(present("2024-03-11T13:00:00Z"), "2024-03-11T00:00:00");
        assert_eq!(present("2024-01-01T04:00:00Z"), "2023-12-31T00:00:00", "23:00 of the day before");
    }
}
