//! What is written down of a job: its record under its caller, and for ten minutes which call led to it.

use jiff::{SignedDuration, Timestamp};
use rmcp::model::{CallToolResult, JsonObject};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Status, Step, handle};
use crate::{
    error::{Kind, ToolError, Topic},
    server::QcServer,
    store::{self, Store as _},
};

/// How long the same call is the same job.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);
/// The argument that says how long to wait; it is no part of the work.
pub(crate) const WAIT_ARGUMENT: &str = "wait_seconds";
/// The most jobs one caller's records are kept of; the oldest that are over make room.
const MOST_KEPT: usize = 100;

/// Who drives a job, and until when nobody else does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) holder: String,
    pub(super) until: Timestamp,
}

/// What is written down of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The tool that does it.
    pub(crate) tool: String,
    pub(super) arguments: JsonObject,
    /// How far it is.
    pub(crate) status: Status,
    /// Where it stands.
    pub(crate) step: Step,
    /// When it was begun.
    pub(crate) began: Timestamp,
    /// When something was written down last.
    pub(crate) changed: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lease: Option<Lease>,
    /// What the tool answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<CallToolResult>,
}

impl Record {
    pub(super) fn is_lapsed(&self, now: Timestamp) -> bool {
        !self.status.is_over() && self.lease.as_ref().is_none_or(|lease| lease.until <= now)
    }

    pub(super) fn is_held_by(&self, holder: &str) -> bool {
        !self.status.is_over() && self.lease.as_ref().is_some_and(|lease| lease.holder == holder)
    }
}

/// From a call to its job.
#[derive(Debug, Serialize, Deserialize)]
struct Same {
    at: Timestamp,
    id: String,
}

fn lost() -> ToolError {
    ToolError::new(Kind::Internal, Topic::General, "the work ended without an answer")
}

/// The name of the record that leads from a call to its job.
pub(super) fn name_of(tool: &str, arguments: &JsonObject) -> String {
    let mut hash = Sha256::new();
    hash.update((tool.len() as u64).to_be_bytes());
    hash.update(tool);
    let mut names: Vec<&String> = arguments.keys().filter(|name| *name != WAIT_ARGUMENT).collect();
    names.sort_unstable();
    for name in names {
        let value = arguments.get(name).map(Value::to_string).unwrap_or_default();
        for part in [name.as_bytes(), value.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let hash = hex::encode(hash.finalize());
    format!("same-{}", hash.get(..32).unwrap_or_default())
}

impl QcServer {
    /// A job of a caller.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub(crate) fn record(&self, owner: &str, id: &str) -> Result<Record, ToolError> {
        let found = self.state().get(owner, store::Kind::Job, id)?;
        let record = found.and_then(|found| serde_json::from_slice(&found.body).ok());
        record.ok_or_else(handle::unknown)
    }

    /// The jobs of a caller, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn records(&self, owner: &str) -> Result<Vec<(String, Record)>, ToolError> {
        let found = self.state().list(owner, store::Kind::Job)?;
        Ok(found
            .into_iter()
            .filter_map(|found| Some((found.name, serde_json::from_slice(&found.body).ok()?)))
            .collect())
    }

    /// Makes room for one more job: the oldest that are over are forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn forget_oldest(&self, owner: &str) -> Result<(), ToolError> {
        let records = self.records(owner)?;
        let excess = (records.len() + 1).saturating_sub(MOST_KEPT);
        for (id, _) in records.iter().filter(|(_, record)| record.status.is_over()).take(excess) {
            self.state().remove(owner, store::Kind::Job, id)?;
        }
        Ok(())
    }

    /// Writes down which job a call became.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn remember(&self, owner: &str, same: &str, id: &str, now: Timestamp) -> Result<(), ToolError> {
        let pointer = serde_json::to_vec(&Same { at: now, id: id.to_owned() }).map_err(|_| lost())?;
        Ok(self.state().update(owner, store::Kind::Start, same, &mut |_| Some(pointer.clone()))?)
    }

    /// The job that a call lately became, unless it came to nothing.
    pub(super) fn job_of(&self, owner: &str, same: &str) -> Result<Option<String>, ToolError> {
        let Some(found) = self.state().get(owner, store::Kind::Start, same)? else { return Ok(None) };
        let now = Timestamp::now();
        let lately = |same: &Same| same.at <= now && now.duration_since(same.at) < REMEMBERED;
        let known = serde_json::from_slice(&found.body).ok().filter(lately).map(|same| same.id);
        let is_good = |id: &String| {
            let record = self.record(owner, id);
            record.is_ok_and(|record| matches!(record.status, Status::Queued | Status::Running | Status::Done))
        };
        Ok(known.filter(is_good))
    }

    pub(super) fn write(&self, owner: &str, id: &str, record: &Record) -> Result<(), ToolError> {
        let body = serde_json::to_vec(record).map_err(|_| lost())?;
        Ok(self.state().update(owner, store::Kind::Job, id, &mut |_| Some(body.clone()))?)
    }

    /// Changes a record in one step for all processes; answers what it is now.
    pub(super) fn change(
        &self,
        owner: &str,
        id: &str,
        mut change: impl FnMut(&mut Record),
    ) -> Result<Option<Record>, ToolError> {
        let mut after = None;
        self.state().update(owner, store::Kind::Job, id, &mut |before| {
            let mut record: Record = serde_json::from_slice(before?).ok()?;
            change(&mut record);
            record.changed = Timestamp::now();
            let body = serde_json::to_vec(&record).ok();
            after = Some(record);
            body
        })?;
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Settings, Transport, Upstream};

    fn arguments(value: Value) -> JsonObject {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn the_same_call_is_told_by_tool_and_arguments_but_not_by_how_long_it_waits() {
        let one = name_of("a", &arguments(json!({"x": 1, "y": "2", "wait_seconds": 3})));
        assert_eq!(one, name_of("a", &arguments(json!({"y": "2", "x": 1}))));
        assert_ne!(one, name_of("b", &arguments(json!({"y": "2", "x": 1}))));
        assert_ne!(one, name_of("a", &arguments(json!({"y": 2, "x": 1}))));
        assert_ne!(one, name_of("a", &arguments(json!({"x": 1, "y": "2", "z": true}))));
    }

    #[test]
    fn a_lease_lapses_and_what_is_over_has_none() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let later = now.checked_add(SignedDuration::from_secs(30)).unwrap();
        let mut record = Record {
            tool: "t".into(),
            arguments: JsonObject::new(),
            status: Status::Running,
            step: Step::default(),
            began: now,
            changed: now,
            lease: Some(Lease { holder: "h".into(), until: later }),
            answer: None,
        };
        assert!(!record.is_lapsed(now) && record.is_lapsed(later));
        assert!(record.is_held_by("h") && !record.is_held_by("g"));
        record.status = Status::Done;
        assert!(!record.is_lapsed(later) && !record.is_held_by("h"));
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap().status, Status::Done);
    }

    #[test]
    fn jobs_that_are_over_make_room_and_those_that_go_on_do_not() {
        let settings = Settings::isolated(Transport::Stdio, Vec::<&str>::new()).unwrap();
        let server = QcServer::new(settings, Upstream::Configured).unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let record = |status| Record {
            tool: "t".into(),
            arguments: JsonObject::new(),
            status,
            step: Step::default(),
            began: now,
            changed: now,
            lease: None,
            answer: None,
        };
        for i in 0..300 {
            server.forget_oldest("me").unwrap();
            let status = if i < 3 { Status::Running } else { Status::Done };
            server.write("me", &format!("job {i}"), &record(status)).unwrap();
        }
        let kept: Vec<String> = server.records("me").unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(kept.len(), MOST_KEPT);
        assert_eq!(kept[..4], ["job 0", "job 1", "job 2", "job 203"]);
        assert_eq!(kept[MOST_KEPT - 1], "job 299");
    }
}
