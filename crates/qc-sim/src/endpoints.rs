//! What each endpoint does, one file per resource, named as in `qc_api::endpoints`.
//!
//! Every function takes the world, what is known about the call, and the decoded request; it gives the reply the
//! client decodes, or a [`crate::refuse::Refusal`].

pub(crate) mod account;
pub(crate) mod backtests;
pub(crate) mod compile;
pub(crate) mod files;
pub(crate) mod projects;
