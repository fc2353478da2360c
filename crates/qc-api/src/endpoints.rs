//! Every path of the service as a request type, one file per resource.
//!
//! Each file holds its requests, their answers, what each call does ([`crate::Endpoint`]) and a table of its
//! rows; [`endpoints`] walks all tables.

pub mod account;
pub mod assist;
pub mod backtests;
pub mod collaboration;
pub mod community;
pub mod compile;
pub mod connections;
pub mod data;
pub mod files;
pub mod lean;
pub mod libraries;
pub mod live;
pub mod live_commands;
pub mod nodes;
pub mod object_store;
pub mod optimizations;
pub mod organizations;
pub mod projects;

use serde::{Deserialize, Serialize};

use crate::endpoint::EndpointInfo;

/// The tables of the resource files, by resource.
pub const ENDPOINTS: &[(&str, &[EndpointInfo])] = &[
    ("account", account::ENDPOINTS),
    ("organizations", organizations::ENDPOINTS),
    ("projects", projects::ENDPOINTS),
    ("collaboration", collaboration::ENDPOINTS),
    ("nodes", nodes::ENDPOINTS),
    ("libraries", libraries::ENDPOINTS),
    ("files", files::ENDPOINTS),
    ("compile", compile::ENDPOINTS),
    ("backtests", backtests::ENDPOINTS),
    ("optimizations", optimizations::ENDPOINTS),
    ("live", live::ENDPOINTS),
    ("live_commands", live_commands::ENDPOINTS),
    ("connections", connections::ENDPOINTS),
    ("object_store", object_store::ENDPOINTS),
    ("lean", lean::ENDPOINTS),
    ("data", data::ENDPOINTS),
    ("assist", assist::ENDPOINTS),
    ("community", community::ENDPOINTS),
];

/// Every endpoint this crate knows, in the order of [`ENDPOINTS`].
///
/// ```
/// let paths: Vec<_> = qc_api::endpoints::endpoints().map(|endpoint| endpoint.path).collect();
/// assert!(paths.contains(&"backtests/create"));
/// ```
pub fn endpoints() -> impl Iterator<Item = &'static EndpointInfo> {
    ENDPOINTS.iter().flat_map(|(_, rows)| rows.iter())
}

/// The answer of calls that say nothing but success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Done {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Effect;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_paths_are_clean() {
        let mut names = BTreeSet::new();
        for row in endpoints() {
            assert!(names.insert(row.name), "{} stands twice", row.name);
            assert!(!row.path.starts_with('/') && !row.path.ends_with('/'), "{}", row.path);
        }
    }

    #[test]
    fn only_reads_and_updates_are_repeatable() {
        for row in endpoints().filter(|row| row.repeatable) {
            assert!(matches!(row.effect, Effect::Read | Effect::Update), "{}", row.name);
        }
    }

    #[test]
    fn a_row_made_from_a_type_equals_the_row_of_the_table() {
        let row = EndpointInfo::of::<backtests::CreateBacktest>();
        assert_eq!(endpoints().find(|it| it.name == "CreateBacktest"), Some(&row));
    }
}
