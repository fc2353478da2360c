//! Relations that change through time.

pub mod kalman_hedge;
