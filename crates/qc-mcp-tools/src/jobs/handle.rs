//! The texts of handles. One of work at QuantConnect names the work's kind and ids and is sealed with the server's key
//! for its caller; one of work of this server is a random id, which only its caller's records have.

use qc_api::ids::{BacktestId, CompileId, OptimizationId, ProjectId};

use crate::{
    error::{Kind, ToolError, Topic},
    flows::find,
    gate::Door,
    keys::Key,
};

/// Bytes of the hash in a handle.
const HASH: usize = 16;
/// How a handle of this server's own work begins.
const HERE: &str = "work";

/// Work that goes on at QuantConnect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cloud {
    /// A backtest.
    Backtest {
        /// Its project.
        project_id: ProjectId,
        /// The run.
        backtest_id: BacktestId,
    },
    /// A compile.
    Compile {
        /// Its project.
        project_id: ProjectId,
        /// The build.
        compile_id: CompileId,
    },
    /// An optimization.
    Optimization {
        /// The run.
        optimization_id: OptimizationId,
    },
}

impl Cloud {
    /// Kind, project (0 if the id is enough) and id.
    fn parts(&self) -> (&'static str, i64, &str) {
        match self {
            Cloud::Backtest { project_id, backtest_id } => ("backtest", project_id.0, &backtest_id.0),
            Cloud::Compile { project_id, compile_id } => ("compile", project_id.0, &compile_id.0),
            Cloud::Optimization { optimization_id } => ("optimization", 0, &optimization_id.0),
        }
    }

    fn of_parts(kind: &str, project: i64, id: String) -> Option<Cloud> {
        let project_id = ProjectId(project);
        Some(match kind {
            "backtest" => Cloud::Backtest { project_id, backtest_id: BacktestId(id) },
            "compile" => Cloud::Compile { project_id, compile_id: CompileId(id) },
            "optimization" => Cloud::Optimization { optimization_id: OptimizationId(id) },
            _ => return None,
        })
    }

    /// What it is and which, in our own words.
    pub(crate) fn name(&self) -> String {
        let (kind, _, id) = self.parts();
        format!("{kind} {id}")
    }

    /// How a human or a model ends it.
    pub(crate) fn ends_by(&self) -> &'static str {
        match self {
            Cloud::Backtest { .. } => "`delete_backtest` stops and deletes it",
            Cloud::Compile { .. } => "a compile ends by itself within seconds",
            Cloud::Optimization { .. } => "`abort_optimization` stops it",
        }
    }
}

/// What a handle stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JobId {
    /// Work at QuantConnect.
    Cloud(Cloud),
    /// Work of this server: the name of its record.
    Here(String),
}

/// The handle of a record.
pub(crate) fn of_record(id: &str) -> String {
    format!("{HERE}.{id}")
}

fn seal(key: &Key, caller: &str, work: &Cloud) -> String {
    let (kind, project, id) = work.parts();
    let hash = key.hash(&[caller.as_bytes(), kind.as_bytes(), &project.to_be_bytes(), id.as_bytes()]);
    format!("{kind}.{project}.{id}.{}", hex::encode(hash.get(..HASH).unwrap_or_default()))
}

fn open(key: &Key, caller: &str, text: &str) -> Option<JobId> {
    let words: Vec<&str> = text.trim().split('.').collect();
    match words.as_slice() {
        [HERE, id] if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Some(JobId::Here((*id).to_owned()))
        }
        [kind, project, id, hash] => {
            let project: i64 = project.parse().ok()?;
            let id = find::valid_id(id).ok()?;
            let hash = hex::decode(hash).ok().filter(|hash| hash.len() == HASH)?;
            let parts: [&[u8]; 4] = [caller.as_bytes(), kind.as_bytes(), &project.to_be_bytes(), id.as_bytes()];
            let is_ours = key.verifies(&parts, &hash);
            if is_ours { Cloud::of_parts(kind, project, id).map(JobId::Cloud) } else { None }
        }
        _ => None,
    }
}

/// The one answer for a handle that never was, is over, or is somebody else's.
pub(super) fn unknown() -> ToolError {
    ToolError::new(Kind::NotFound, Topic::Job, "there is no job with that handle")
}

impl Door {
    /// The handle of work at QuantConnect, for this caller.
    ///
    /// # Errors
    /// When state cannot be used, so that there is no key.
    pub(crate) fn handle(&self, work: &Cloud) -> Result<String, ToolError> {
        Ok(seal(&self.state().key()?.derive("job"), self.caller_key(), work))
    }

    /// What a handle stands for.
    ///
    /// # Errors
    /// [`Kind::NotFound`], the same for every text that is no handle of this caller.
    pub(crate) fn job(&self, text: &str) -> Result<JobId, ToolError> {
        open(&self.state().key()?.derive("job"), self.caller_key(), text).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Cloud; 3] {
        let project_id = ProjectId(7);
        [
            Cloud::Backtest { project_id, backtest_id: BacktestId("0ab-1".into()) },
            Cloud::Compile { project_id, compile_id: CompileId("c1-d2".into()) },
            Cloud::Optimization { optimization_id: OptimizationId("O-1".into()) },
        ]
    }

    #[test]
    fn a_handle_opens_for_its_caller_under_its_key_alone() {
        let key = Key::of_secret(b"k");
        for work in all() {
            let text = seal(&key, "me", &work);
            assert_eq!(open(&key, "me", &text), Some(JobId::Cloud(work.clone())));
            assert_eq!(open(&key, "you", &text), None);
            assert_eq!(open(&Key::of_secret(b"other"), "me", &text), None);
        }
    }

    #[test]
    fn a_changed_handle_is_unknown() {
        let key = Key::of_secret(b"k");
        for work in all() {
            let text = seal(&key, "me", &work);
            for n in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[n] = if changed[n] == b'7' { b'8' } else { b'7' };
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(open(&key, "me", &changed), None, "{changed}");
            }
        }
        for broken in
            ["", "work.", "work.xyz", "backtest.7.a", "backtest.x.a.00", "nothing.7.a.00112233445566778899aabbccddeeff"]
        {
            assert_eq!(open(&key, "me", broken), None, "{broken}");
        }
    }
}
