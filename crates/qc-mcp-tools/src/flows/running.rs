//! Which projects running algorithms are made of, for the word of warning in the answer of an edit. A look at the list
//! is believed for a minute, so that a series of edits does not ask each time; the guards never ask here.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use qc_api::{endpoints::projects::ReadProjects, ids::ProjectId};

use crate::{
    Reply,
    caller::CallerKey,
    error::ToolError,
    gate::{Door, money},
};

/// How long a look at the list is believed.
const BELIEVED: Duration = Duration::from_secs(60);
/// The most callers remembered.
const MOST: usize = 1_000;

/// Said where an edit touches what runs live.
pub(crate) const NOTE: &str = "an algorithm runs live from this project or uses it as a library: its running code is \
                               unchanged, but a redeploy or an automatic restart may take this edit";

/// The projects that running algorithms are made of, by caller.
#[derive(Debug, Default)]
pub(crate) struct Running {
    seen: Mutex<HashMap<CallerKey, (Instant, HashSet<ProjectId>)>>,
}

impl Running {
    fn get(&self, caller: &CallerKey, project: ProjectId) -> Option<bool> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, projects) = seen.get(caller)?;
        (at.elapsed() < BELIEVED).then(|| projects.contains(&project))
    }

    fn put(&self, caller: &CallerKey, projects: HashSet<ProjectId>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        if seen.len() < MOST {
            seen.insert(caller.clone(), (Instant::now(), projects));
        }
    }

    /// Forgets what was seen for a caller, who has just deployed or ended something.
    pub(crate) fn forget(&self, caller: &CallerKey) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(caller);
    }
}

/// The answer of an edit, with the note if what was edited runs live. A list that cannot be read adds the note too: the
/// edit is done, and a word too many does no harm.
pub(crate) async fn noted(door: &Door, project: ProjectId, reply: Reply) -> Reply {
    match is_running(door, project).await {
        Ok(false) => reply,
        Ok(true) => reply.field("live", NOTE),
        Err(_) => reply.field("live", "whether an algorithm runs live from this project could not be read"),
    }
}

async fn is_running(door: &Door, project: ProjectId) -> Result<bool, ToolError> {
    let (seen, caller) = door.seen_running();
    if let Some(known) = seen.get(caller, project) {
        return Ok(known);
    }
    let mut projects = HashSet::new();
    for live in money::running(door).await? {
        if projects.insert(live.project_id) {
            let own = door.send(&ReadProjects::one(live.project_id)).await?.projects;
            projects.extend(own.iter().flat_map(|project| &project.libraries).map(|library| library.project_id));
        }
    }
    let known = projects.contains(&project);
    seen.put(caller, projects);
    Ok(known)
}
