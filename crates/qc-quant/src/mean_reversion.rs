//! How fast, how strongly and how far a series returns to its mean.

pub mod half_life;
pub mod hurst;
pub mod zscore;
