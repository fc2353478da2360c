//! Statistics and portfolio mathematics for research on market data.
//!
//! Pure functions: no input or output, no clock, no environment, no logging, no global state. The
//! same input gives the same answer, whatever the number of threads.
//!
//! # Conventions
//! - **Shapes.** T rows (oldest first) by N symbols in a [`Panel`], checked once when it is made.
//! - **Missing values** are settled when the panel is made ([`MissingPolicy`]); no method sees one.
//! - **Units.** Rates are fractions per period (0.01 is one percent); annual figures multiply by
//!   `periods_per_year`. Prices and returns are plain numbers in the caller's currency.
//! - **Sample moments.** Variances and covariances divide by T - 1 unless a method says otherwise.
//! - **Errors.** No function returns NaN or infinity. What cannot be computed is an [`Error`] with
//!   the figures that show why, or `None` where one figure of many is undefined.

// Kernels check shapes once at their door and then index; every such door is in this crate.
#![allow(clippy::indexing_slicing)]

pub mod cointegration;
pub mod covariance;
pub mod dynamics;
pub mod error;
mod linalg;
pub mod mean_reversion;
pub mod panel;
pub mod pca;
pub mod performance;
pub mod portfolio;
pub mod progress;
pub mod resample;
pub mod returns;
pub mod stats;
pub mod testing;
pub mod unit_root;

pub use error::{Error, Result};
pub use panel::{Dropped, Index, Label, MissingPolicy, Panel, Series};
pub use progress::{Progress, Silent};
