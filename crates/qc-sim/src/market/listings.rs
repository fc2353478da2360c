//! The names of the synthetic market and the numbers behind each: data only, no price in it is real.
//!
//! Tickers, first trading days, renames and split days follow the real listings, so that identifiers look familiar
//! and the usual examples work. Every price, volume, dividend and weight comes out of the random generator.

use jiff::civil::{Date, date};

/// Companies that move together beyond the market as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sector {
    Technology,
    Staples,
    Banks,
    Energy,
    Emerging,
}

impl Sector {
    pub(crate) const ALL: [Self; 5] = [Self::Technology, Self::Staples, Self::Banks, Self::Energy, Self::Emerging];
}

/// Where a security's returns come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// The market, the sector and the company itself.
    Company {
        /// Response to the market's daily return.
        beta: f64,
        /// Daily standard deviation of the company's own part.
        own: f64,
        /// Yearly growth beyond what the market gives.
        growth: f64,
    },
    /// Another company times a spread that always comes back: the two are cointegrated.
    Partner {
        of: &'static str,
        /// Standard deviation of the log spread.
        spread: f64,
        /// Trading days after which half of a deviation is gone.
        half_life: f64,
    },
    /// Another company times a spread that comes back within hours: the two move together minute by minute.
    Twin {
        of: &'static str,
        /// Standard deviation of the log spread.
        spread: f64,
        /// Trading days after which half of a deviation is gone.
        half_life: f64,
    },
    /// A fund holding the listed companies by capitalisation.
    Fund(Holds),
}

/// What a fund holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Every sector but emerging markets.
    Home,
    /// One sector.
    Only(Sector),
    /// All of them: the index of the world.
    World,
}

/// One security of the market.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing {
    /// Last ticker, upper case.
    pub(crate) ticker: &'static str,
    /// First trading day: part of the identifier, earlier than the first bar.
    pub(crate) first: Date,
    /// Tickers before the last one, each with the last day it was used.
    pub(crate) renames: &'static [(Date, &'static str)],
    /// Last trading day of a company that is gone.
    pub(crate) delisted: Option<Date>,
    /// Price at the first bar, in dollars.
    pub(crate) price: f64,
    /// Dollars traded on an ordinary day.
    pub(crate) turnover: f64,
    /// Shares outstanding in millions, after all splits: weighs the funds.
    pub(crate) shares: f64,
    /// Whether funds hold it.
    pub(crate) is_held: bool,
    pub(crate) sector: Sector,
    pub(crate) source: Source,
    /// Quarterly dividend as a fraction of the price.
    pub(crate) dividend: f64,
    /// First day at the new price, new shares per old share.
    pub(crate) splits: &'static [(Date, f64)],
}

const OLD: Date = date(1998, 1, 2);

const BASE: Listing = Listing {
    ticker: "",
    first: OLD,
    renames: &[],
    delisted: None,
    price: 50.0,
    turnover: 1.0e9,
    shares: 1000.0,
    is_held: true,
    sector: Sector::Technology,
    source: Source::Fund(Holds::Home),
    dividend: 0.0,
    splits: &[],
};

const fn company(beta: f64, own: f64, growth: f64) -> Source {
    Source::Company { beta, own, growth }
}

/// Every security, companies first, partners after the company they follow, funds last.
pub(crate) const LISTINGS: &[Listing] = &[
    Listing {
        ticker: "PEP",
        price: 95.0,
        shares: 1370.0,
        sector: Sector::Staples,
        source: company(0.55, 0.008, 0.02),
        dividend: 0.0068,
        ..BASE
    },
    Listing {
        ticker: "KO",
        price: 42.0,
        shares: 4300.0,
        sector: Sector::Staples,
        source: Source::Partner { of: "PEP", spread: 0.02, half_life: 5.0 },
        dividend: 0.0075,
        ..BASE
    },
    Listing {
        ticker: "PG",
        price: 91.0,
        shares: 2350.0,
        sector: Sector::Staples,
        source: company(0.5, 0.008, 0.02),
        dividend: 0.0062,
        ..BASE
    },
    Listing {
        ticker: "WMT",
        price: 86.0,
        shares: 8000.0,
        sector: Sector::Staples,
        source: company(0.6, 0.010, 0.05),
        dividend: 0.0045,
        splits: &[(date(2024, 2, 26), 3.0)],
        ..BASE
    },
    Listing {
        ticker: "GOOGL",
        first: date(2004, 8, 19),
        renames: &[(date(2014, 4, 2), "GOOG")],
        price: 530.0,
        turnover: 3.0e9,
        shares: 12100.0,
        source: company(1.1, 0.012, 0.03),
        splits: &[(date(2022, 7, 18), 20.0)],
        ..BASE
    },
    Listing {
        ticker: "AMZN",
        price: 310.0,
        turnover: 4.0e9,
        shares: 10500.0,
        source: company(1.2, 0.014, 0.04),
        splits: &[(date(2022, 6, 6), 20.0)],
        ..BASE
    },
    Listing {
        ticker: "MSFT",
        price: 47.0,
        turnover: 4.0e9,
        shares: 7430.0,
        source: company(1.1, 0.010, 0.03),
        dividend: 0.0030,
        ..BASE
    },
    Listing {
        ticker: "AAPL",
        price: 109.0,
        turnover: 6.0e9,
        shares: 15000.0,
        source: company(1.2, 0.012, 0.03),
        dividend: 0.0022,
        splits: &[(date(2020, 8, 31), 4.0)],
        ..BASE
    },
    Listing {
        ticker: "META",
        first: date(2012, 5, 18),
        renames: &[(date(2022, 6, 8), "FB")],
        price: 78.0,
        turnover: 3.0e9,
        shares: 2520.0,
        source: company(1.2, 0.017, 0.03),
        ..BASE
    },
    Listing {
        ticker: "TWTR",
        first: date(2013, 11, 7),
        delisted: Some(date(2022, 10, 27)),
        price: 36.0,
        shares: 765.0,
        source: company(1.1, 0.022, -0.02),
        ..BASE
    },
    Listing {
        ticker: "IBM",
        price: 160.0,
        shares: 920.0,
        source: company(0.85, 0.010, -0.01),
        dividend: 0.0100,
        ..BASE
    },
    Listing {
        ticker: "JPM",
        price: 62.0,
        shares: 2870.0,
        sector: Sector::Banks,
        source: company(1.1, 0.009, 0.05),
        dividend: 0.0065,
        ..BASE
    },
    Listing {
        ticker: "BAC",
        price: 18.0,
        shares: 7800.0,
        sector: Sector::Banks,
        source: company(1.2, 0.011, 0.02),
        dividend: 0.0055,
        ..BASE
    },
    Listing {
        ticker: "XOM",
        price: 92.0,
        shares: 4000.0,
        sector: Sector::Energy,
        source: company(0.9, 0.010, -0.01),
        dividend: 0.0100,
        ..BASE
    },
    Listing {
        ticker: "CVX",
        price: 112.0,
        shares: 1850.0,
        sector: Sector::Energy,
        source: Source::Partner { of: "XOM", spread: 0.025, half_life: 8.0 },
        dividend: 0.0100,
        ..BASE
    },
    Listing {
        ticker: "TSM",
        price: 22.0,
        shares: 5190.0,
        sector: Sector::Emerging,
        source: company(0.9, 0.013, 0.05),
        dividend: 0.0050,
        ..BASE
    },
    Listing {
        ticker: "BABA",
        first: date(2014, 9, 19),
        price: 103.0,
        turnover: 2.0e9,
        shares: 2400.0,
        sector: Sector::Emerging,
        source: company(0.8, 0.020, -0.03),
        ..BASE
    },
    Listing {
        ticker: "SPY",
        price: 205.0,
        turnover: 3.0e10,
        shares: 920.0,
        source: Source::Fund(Holds::Home),
        dividend: 0.0040,
        ..BASE
    },
    Listing {
        ticker: "QQQ",
        first: date(1999, 3, 10),
        price: 102.0,
        turnover: 1.5e10,
        shares: 480.0,
        source: Source::Fund(Holds::Only(Sector::Technology)),
        dividend: 0.0016,
        ..BASE
    },
    Listing {
        ticker: "EEM",
        first: date(2003, 4, 14),
        price: 39.0,
        turnover: 1.5e9,
        shares: 650.0,
        sector: Sector::Emerging,
        source: Source::Fund(Holds::Only(Sector::Emerging)),
        ..BASE
    },
    // Two that no fund holds, so that the funds are what they were before these came.
    Listing {
        ticker: "CL",
        price: 69.0,
        shares: 820.0,
        is_held: false,
        sector: Sector::Staples,
        source: company(0.5, 0.008, 0.02),
        dividend: 0.0060,
        ..BASE
    },
    Listing {
        ticker: "KMB",
        price: 115.0,
        shares: 340.0,
        is_held: false,
        sector: Sector::Staples,
        source: Source::Twin { of: "CL", spread: 0.004, half_life: 0.5 },
        dividend: 0.0080,
        ..BASE
    },
    Listing {
        ticker: "URTH",
        first: date(2012, 1, 12),
        price: 71.0,
        turnover: 2.0e7,
        shares: 30.0,
        source: Source::Fund(Holds::World),
        dividend: 0.0040,
        ..BASE
    },
];

impl Listing {
    pub(crate) fn is_fund(&self) -> bool {
        matches!(self.source, Source::Fund(_))
    }

    /// Whether its days are drawn by quarters of an hour: twins, and those they follow.
    pub(crate) fn has_quarters(&self) -> bool {
        let is_twin_of_it = |other: &Listing| matches!(other.source, Source::Twin { of, .. } if of == self.ticker);
        matches!(self.source, Source::Twin { .. }) || LISTINGS.iter().any(is_twin_of_it)
    }

    /// Whether a fund holds this company.
    pub(crate) fn belongs_to(&self, fund: Holds) -> bool {
        let fits = match fund {
            Holds::Home => self.sector != Sector::Emerging,
            Holds::Only(sector) => self.sector == sector,
            Holds::World => true,
        };
        self.is_held && !self.is_fund() && fits
    }

    /// The ticker in use on `day`, upper case.
    pub(crate) fn ticker_on(&self, day: Date) -> &'static str {
        self.renames.iter().find(|(last, _)| day <= *last).map_or(self.ticker, |(_, ticker)| ticker)
    }

    /// The first ticker the company ever had: the name inside its identifier.
    pub(crate) fn first_ticker(&self) -> &'static str {
        self.ticker_on(self.first)
    }

    /// Whether `ticker` names this security, today or in the past.
    pub(crate) fn answers_to(&self, ticker: &str) -> bool {
        self.ticker.eq_ignore_ascii_case(ticker) || self.renames.iter().any(|(_, old)| old.eq_ignore_ascii_case(ticker))
    }
}
