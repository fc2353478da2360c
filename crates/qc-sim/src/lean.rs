//! The versions of LEAN the simulated cloud offers: invented hashes, plausible numbers.

use jiff::Timestamp;
use qc_api::model::LeanVersion;

/// Id of the newest version, which a project uses unless pinned.
pub(crate) const LATEST: i64 = 17_500;
/// Its name as it stands in build logs.
pub(crate) const LATEST_NAME: &str = "2.5.0.0.17500";

/// Newest first.
pub(crate) fn versions() -> Vec<LeanVersion> {
    [(LATEST, "2025-12-15T12:00:00Z"), (LATEST - 1, "2025-12-01T12:00:00Z"), (LATEST - 2, "2025-11-17T12:00:00Z")]
        .into_iter()
        .map(|(id, created)| LeanVersion {
            id: id.into(),
            created: created.parse::<Timestamp>().ok(),
            description: "Simulated release".to_owned(),
            lean_hash: Some(format!("{id:040x}")),
            lean_cloud_hash: Some(format!("{:040x}", id + 1)),
            name: format!("v{id}"),
            reference: Some(format!("refs/tags/{id}")),
            public: true,
        })
        .collect()
}
