//! Relations that change through time.

pub mod break_test;
pub mod kalman_hedge;
pub mod markov_switching;
