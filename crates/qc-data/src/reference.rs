//! Reference data of a folder: what is not a price but is needed beside prices.
//!
//! | Question | Function |
//! |---|---|
//! | contract multiplier, price step, quote currency | [`properties`] |
//! | CUSIP, FIGI, SEDOL, ISIN, CIK of a security | [`security_ids`] |
//! | short-term interest rate on a day | [`interest_rate`] |
//! | how many shares could be sold short, and at which fee | [`shortable`] |
//! | margin of a future | [`margins`] |
//! | funding rate of a perpetual future | [`funding`] |
//!
//! A file that is not there gives `None` or an empty list, never an error; a damaged one is an error with its place.

mod properties;
mod rates;
mod shorts;

pub use properties::{SecurityIds, SymbolProperties, properties, security_ids};
pub use rates::{FundingRate, InterestRate, Margin, funding, interest_rate, margins};
pub use shorts::{Shortable, shortable, shortable_on};

pub(crate) use properties::market_of;
