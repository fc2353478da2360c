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
//!
//! # Methods
//! | Question | Where |
//! |---|---|
//! | Few directions behind many returns | [`pca`] |
//! | Dependence of two or many columns | [`stats::correlation`], [`stats::distance_correlation`] |
//! | Is there a unit root | [`unit_root::adf`], [`unit_root::kpss`], [`unit_root::phillips_perron`], [`unit_root::variance_ratio`] |
//! | Are prices tied together | [`cointegration::engle_granger`], [`cointegration::all_pairs`], [`cointegration::johansen`] |
//! | How a series returns to its mean | [`mean_reversion::half_life`], [`mean_reversion::hurst`], [`mean_reversion::zscore`] |
//! | Exposure to factors | [`stats::ols`] |
//! | Relations that change | [`dynamics::kalman_hedge`], [`dynamics::break_test`], [`dynamics::markov_switching`] |
//! | Covariance for few rows, or for recent ones | [`covariance`], [`covariance::ewma`] |
//! | Weights | [`portfolio::mean_variance`], [`portfolio::target_volatility`], [`portfolio::risk_parity`], [`portfolio::hrp`], [`portfolio::min_cvar`], [`portfolio::beta_neutral`], [`portfolio::sparse_tracking`] |
//! | Conditions on weights | [`portfolio::constraints`] |
//! | Which assets | [`portfolio::screen`], [`portfolio::select_uncorrelated`], [`portfolio::terciles`] |
//! | What a rule would have earned | [`portfolio::rebalance`], [`portfolio::scheduled`], [`portfolio::turnover`], [`pairs_backtest`], [`pairs_backtest::account`] |
//! | How a strategy did | [`performance`], [`performance::sweep`], [`performance::robust`], [`performance::deflated_sharpe`] |
//! | Where the money came from | [`trades`] |
//! | Inference by resampling | [`resample::block_bootstrap`], [`resample::block_length`] |
//! | Going on in linfa | [`interop`] |
//! | Scans of many hypotheses | [`stats::multiple`] |

// Kernels check shapes once at their door and then index; every such door is in this crate.
#![allow(clippy::indexing_slicing)]

pub mod cointegration;
pub mod covariance;
pub mod dynamics;
pub mod error;
pub mod interop;
mod lanes;
mod linalg;
pub mod mean_reversion;
pub mod pairs_backtest;
pub mod panel;
pub mod pca;
pub mod performance;
pub mod portfolio;
pub mod progress;
pub mod resample;
pub mod returns;
mod solve;
pub mod stats;
pub mod testing;
pub mod trades;
pub mod unit_root;

pub use error::{Error, Result};
pub use panel::{Dropped, Index, Label, MissingPolicy, Panel, Series};
pub use progress::{Progress, Silent};
