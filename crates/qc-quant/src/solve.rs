//! Solvers for the optimisation problems of portfolios.

pub(crate) mod qp;
