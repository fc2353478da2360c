//! Resampling of dependent data.

pub mod block_bootstrap;
pub mod block_length;
