//! QuantConnect in memory: a simulator of the REST API and a small synthetic market.

mod error;
pub mod market;

pub use error::{Error, Result};
