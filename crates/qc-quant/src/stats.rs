//! Statistics of one or many columns.

pub mod correlation;
pub mod distance_correlation;
pub(crate) mod distribution;
pub mod hac;
pub(crate) mod kendall;
pub mod moments;
pub mod multiple;
pub mod ols;
