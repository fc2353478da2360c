//! Solvers for the optimisation problems of portfolios, and for likelihoods.

pub(crate) mod cone;
pub(crate) mod cvar;
pub(crate) mod minimise;
pub(crate) mod qp;
pub(crate) mod support;
pub(crate) mod tracker;
