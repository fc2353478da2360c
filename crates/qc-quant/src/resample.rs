//! Resampling of dependent data.

pub mod block_length;
