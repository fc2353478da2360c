//! The versions of LEAN the simulated cloud offers: invented hashes, plausible numbers.

use jiff::Timestamp;
use qc_api::endpoints::lean::{
    LeanEnvironment, LeanEnvironmentsReply, LeanVersionsReply, ReadLeanEnvironments, ReadLeanVersions,
};
use qc_api::model::LeanVersion;

use crate::refuse::Answer;
use crate::world::{Call, World};

/// Id of the newest version, which a project uses unless pinned.
pub(crate) const LATEST: i64 = 17_500;
/// Its name as it stands in build logs.
pub(crate) const LATEST_NAME: &str = "2.5.0.0.17500";

/// The environment a new project has.
pub(crate) const DEFAULT_ENVIRONMENT: i64 = 1;

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

pub(crate) fn read_versions(_: &mut World, _: &Call<'_>, _: ReadLeanVersions) -> Answer<LeanVersionsReply> {
    Ok(LeanVersionsReply { versions: versions() })
}

pub(crate) fn environments(_: &mut World, _: &Call<'_>, _: ReadLeanEnvironments) -> Answer<LeanEnvironmentsReply> {
    let environments =
        [(DEFAULT_ENVIRONMENT, "Foundation", "Default environment"), (2, "Foundation-Pomegranate", "With pomegranate")];
    let shown = |(id, name, description): (i64, &str, &str)| LeanEnvironment {
        id: Some(id),
        name: name.to_owned(),
        path: None,
        description: Some(description.to_owned()),
        public: true,
    };
    Ok(LeanEnvironmentsReply { environments: environments.map(shown).into() })
}
