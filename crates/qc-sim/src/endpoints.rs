//! What each endpoint does, one file per resource, named as in `qc_api::endpoints`.
//!
//! Every function takes the world, what is known about the call, and the decoded request; it gives the reply the
//! client decodes, or a [`crate::refuse::Refusal`].

pub(crate) mod account;
pub(crate) mod assist;
pub(crate) mod backtests;
pub(crate) mod collaboration;
pub(crate) mod community;
pub(crate) mod compile;
pub(crate) mod connections;
pub(crate) mod data;
pub(crate) mod files;
pub(crate) mod lean;
pub(crate) mod libraries;
pub(crate) mod live;
pub(crate) mod nodes;
pub(crate) mod object_store;
pub(crate) mod optimizations;
pub(crate) mod organizations;
pub(crate) mod projects;
