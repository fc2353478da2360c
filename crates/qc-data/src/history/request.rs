//! What is asked: symbols, window, bars, adjustment.

use super::columns::Field;
use crate::error::{Error, Result};
use crate::sid::Sid;
use crate::symbol::{BarSize, Normalization, SecurityType, SymbolQuery};
use crate::time::LocalTime;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The part of time that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Window {
    /// QuantBook's start and end on the algorithm's clock (New York unless set): rows with `start < end of bar <= end`.
    Range {
        /// Exclusive for the end of a bar.
        start: DateTime,
        /// Inclusive for the end of a bar.
        end: DateTime,
    },
    /// Days of the exchange, both included: what people mean by "from .. to".
    Dates {
        /// First day.
        first: Date,
        /// Last day.
        last: Date,
    },
    /// QuantBook's `history(symbol, n)`: the last `count` bars of open time before `end` on the algorithm's clock.
    Periods {
        /// How many bars to step back.
        count: usize,
        /// QuantBook's present.
        end: DateTime,
    },
}

impl Window {
    /// Days of the exchange, both included.
    pub fn dates(first: Date, last: Date) -> Window {
        Window::Dates { first, last }
    }

    /// QuantBook's start and end.
    pub fn range(start: DateTime, end: DateTime) -> Window {
        Window::Range { start, end }
    }

    /// Refuses a window that ends before it begins, or lies where no market was or will be.
    pub(crate) fn check(&self) -> Result<()> {
        let ends = match *self {
            Window::Range { start, end } => [start.date(), end.date()],
            Window::Dates { first, last } => [first, last],
            Window::Periods { end, .. } => [end.date(), end.date()],
        };
        if ends.iter().any(|day| !(1800..=2200).contains(&day.year())) {
            return Err(Error::Unsupported { what: "a day before 1800 or after 2200".into(), by: "a window".into() });
        }
        match *self {
            Window::Range { start, end } if end <= start => Err(Error::EmptyWindow { start, end }),
            Window::Dates { first, last } if last < first => {
                Err(Error::EmptyWindow { start: first.into(), end: last.into() })
            }
            Window::Periods { count: 0, end } => Err(Error::EmptyWindow { start: end, end }),
            _ => Ok(()),
        }
    }

    /// The days the window touches, for messages.
    pub fn days(&self) -> (Date, Date) {
        match *self {
            Window::Range { start, end } => (start.date(), LocalTime::from_datetime(end).trading_date()),
            Window::Dates { first, last } => (first, last),
            Window::Periods { end, .. } => (end.date(), end.date()),
        }
    }
}

/// Which contract a continuous future follows. The numbers are LEAN's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MappingMode {
    /// The front contract until its last trading day.
    LastTradingDay = 0,
    /// The next contract from the first day of the expiry month.
    FirstDayMonth = 1,
    /// The contract with the larger open interest.
    #[default]
    OpenInterest = 2,
    /// As `OpenInterest`, among contracts of the same month of the year.
    OpenInterestAnnual = 3,
}

impl std::str::FromStr for MappingMode {
    type Err = Error;

    /// LEAN's name or number, in any case, with or without lines and blanks between words.
    fn from_str(text: &str) -> Result<MappingMode> {
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        Ok(match plain.as_str() {
            "lasttradingday" | "0" => MappingMode::LastTradingDay,
            "firstdaymonth" | "1" => MappingMode::FirstDayMonth,
            "openinterest" | "2" => MappingMode::OpenInterest,
            "openinterestannual" | "3" => MappingMode::OpenInterestAnnual,
            _ => {
                let known = "LastTradingDay, FirstDayMonth, OpenInterest, OpenInterestAnnual";
                return Err(Error::Unknown { what: "mapping mode", text: crate::error::shown(text), known });
            }
        })
    }
}

/// How one continuous future is followed; what is `None` is as the request says for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Followed {
    /// Which contract is followed.
    pub mapping: Option<MappingMode>,
    /// How the prices of its contracts are made to meet.
    pub normalization: Option<Normalization>,
    /// How many contracts behind the front one: 0 front, 1 next, ...
    pub contract_depth: Option<usize>,
}

/// A request for history.
///
/// [`HistoryRequest::new`] gives QuantBook's defaults, except that nothing is filled forward:
/// statistics must not see invented rows. Set `fill_forward` to get them, marked.
#[derive(Debug, Clone)]
pub struct HistoryRequest {
    /// Which securities, in the order of the answer.
    pub symbols: Vec<SymbolQuery>,
    /// Which part of time.
    pub window: Window,
    /// Stored bars, or bars to consolidate.
    pub bars: BarSize,
    /// Adjustment; `None` for the type's usual one (Adjusted for equities, BackwardsRatio for futures).
    pub normalization: Option<Normalization>,
    /// Repeat the last bar where bars are missing in open hours (QuantBook's default is true). Such rows are marked.
    pub fill_forward: bool,
    /// Include hours before and after the regular session. Daily bars keep the session's times; a number of hour bars is
    /// counted back over regular hours, as LEAN does.
    pub extended_market_hours: bool,
    /// Daily bars begin and end with the session (LEAN's `DailyPreciseEndTime`); false: midnight to midnight.
    pub strict_daily_end_times: bool,
    /// The clock on which `Window::Range` and `Window::Periods` are meant.
    pub algorithm_time_zone: TimeZone,
    /// Continuous futures: which contract is followed; `None` for the market's usual one.
    pub mapping: Option<MappingMode>,
    /// Continuous futures: 0 front, 1 next, ...
    pub contract_depth: usize,
    /// Continuous futures that are followed in a way of their own, whatever is said above.
    pub followed: Vec<(Sid, Followed)>,
    /// Futures and options: also the number of open contracts, as column `openinterest`. It is a figure of a moment,
    /// never filled forward and not bound to the hours of trading.
    pub open_interest: bool,
    /// Only these columns are made, which is faster than making all and using one; none named makes all.
    pub fields: Vec<Field>,
}

impl HistoryRequest {
    /// A request with QuantBook's defaults, without fill-forward.
    pub fn new<S: Into<SymbolQuery>>(
        symbols: impl IntoIterator<Item = S>,
        window: Window,
        bars: impl Into<BarSize>,
    ) -> HistoryRequest {
        HistoryRequest {
            symbols: symbols.into_iter().map(Into::into).collect(),
            window,
            bars: bars.into(),
            normalization: None,
            fill_forward: false,
            extended_market_hours: false,
            strict_daily_end_times: true,
            algorithm_time_zone: new_york(),
            mapping: None,
            contract_depth: 0,
            followed: Vec::new(),
            open_interest: false,
            fields: Vec::new(),
        }
    }

    /// The same request with another normalisation.
    pub fn normalized(mut self, normalization: Normalization) -> HistoryRequest {
        self.normalization = Some(normalization);
        self
    }

    /// The same request with missing bars filled forward and marked.
    pub fn filled_forward(mut self, fill_forward: bool) -> HistoryRequest {
        self.fill_forward = fill_forward;
        self
    }

    /// The same request for these columns alone.
    pub fn with_fields(mut self, fields: impl IntoIterator<Item = Field>) -> HistoryRequest {
        self.fields = fields.into_iter().collect();
        self
    }

    /// The same request with the number of open contracts.
    pub fn with_open_interest(mut self) -> HistoryRequest {
        self.open_interest = true;
        self
    }

    /// The request as it is meant for one security, where that differs.
    pub(crate) fn meant_for(&self, sid: &Sid) -> Option<HistoryRequest> {
        let (_, own) = self.followed.iter().find(|(followed, _)| followed == sid)?;
        Some(HistoryRequest {
            symbols: Vec::new(),
            followed: Vec::new(),
            mapping: own.mapping.or(self.mapping),
            normalization: own.normalization.or(self.normalization),
            contract_depth: own.contract_depth.unwrap_or(self.contract_depth),
            ..self.clone()
        })
    }

    /// The normalisation to use for a type of security.
    ///
    /// # Errors
    /// [`Error::Normalization`] when the one asked for has no meaning there.
    pub(crate) fn normalization_for(&self, security_type: SecurityType) -> Result<Normalization> {
        use Normalization as N;
        let asked = match (self.normalization, security_type) {
            (None, SecurityType::Future) => N::BackwardsRatio,
            (None, _) => N::Adjusted,
            (Some(asked), _) => asked,
        };
        let valid = match security_type {
            SecurityType::Future => {
                matches!(asked, N::Raw | N::BackwardsRatio | N::BackwardsPanamaCanal | N::ForwardPanamaCanal)
            }
            _ => !matches!(asked, N::BackwardsRatio | N::BackwardsPanamaCanal | N::ForwardPanamaCanal),
        };
        if !valid {
            return Err(Error::Normalization { normalization: asked, security_type });
        }
        Ok(asked)
    }
}

/// QuantBook's clock.
pub(crate) fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapping_modes_have_leans_names_and_numbers() {
        for (text, mode) in [
            ("LastTradingDay", MappingMode::LastTradingDay),
            ("first_day_month", MappingMode::FirstDayMonth),
            ("Open Interest", MappingMode::OpenInterest),
            ("3", MappingMode::OpenInterestAnnual),
        ] {
            assert_eq!(text.parse(), Ok(mode));
        }
        assert!("front".parse::<MappingMode>().is_err());
    }
}
