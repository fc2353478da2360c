//! A watcher of loss: while this server runs it looks at one deployment every so often, and has it sell everything and
//! stop when it has lost as much as a human agreed to at its set-up.
//!
//! It is a record, sealed by the account, and a loop of this process that holds the record's lease. After a restart the
//! loop goes on from the record: it looks at once and writes down how long nobody looked. It belongs to one deployment and
//! ends with it. What it cannot read is an alarm, never "no loss"; what it cannot sell it tries again until the deployment
//! has ended.

mod drive;
mod judge;

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use qc_api::{
    brokerage::Money,
    ids::{DeployId, ProjectId},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    error::ToolError,
    flows::guard::Basis,
    gate::Door,
    reply::Untrusted,
    store::{self, Store as _},
};

/// Under this owner all records lie, so that a server that starts finds them; who set one up stands in it.
const OWNER: &str = "watchers";

/// What is watched, and what was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// Who set it up.
    caller: String,
    pub(crate) project_id: ProjectId,
    pub(crate) deploy_id: DeployId,
    pub(crate) is_real: bool,
    /// Percent of the basis.
    pub(crate) max_loss: f64,
    pub(crate) basis: Basis,
    pub(crate) armed: Timestamp,
    #[serde(default)]
    status: Status,
    /// The highest equity seen.
    #[serde(default)]
    peak: Option<f64>,
    #[serde(default)]
    equity: Option<f64>,
    /// Percent of the basis at the last look that saw something.
    #[serde(default)]
    loss: Option<f64>,
    #[serde(default)]
    looked: Option<Timestamp>,
    /// Since when nothing could be read, and why.
    #[serde(default)]
    blind: Option<(Timestamp, String)>,
    /// The longest time in which nobody looked.
    #[serde(default)]
    gap: Option<(Timestamp, Timestamp)>,
    /// How often selling was asked for, when last, and what failed last.
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    sent: Option<Timestamp>,
    #[serde(default)]
    failure: Option<String>,
    #[serde(default)]
    ended: Option<(Timestamp, String)>,
    #[serde(default)]
    lease: Option<Lease>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Active,
    /// The limit was reached: it is being sold.
    Tripped,
    /// There is nothing to watch any more.
    Ended,
}

/// Who looks, and until when nobody else does; on this computer's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    holder: String,
    until: Timestamp,
}

/// Watchers that this process drives.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    driven: Mutex<HashSet<String>>,
}

impl Watchers {
    /// Notes that a loop drives it; `false` if one does already.
    fn begin(&self, name: &str) -> bool {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned())
    }

    fn end(&self, name: &str) {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl Watch {
    /// A watch of a deployment from now on.
    pub(crate) fn new(
        door: &Door,
        (project_id, deploy_id, money): (ProjectId, DeployId, Money),
        (max_loss, basis): (f64, Basis),
        armed: Timestamp,
    ) -> Watch {
        Watch {
            caller: door.caller_key().to_owned(),
            project_id,
            deploy_id,
            is_real: money == Money::Real,
            max_loss,
            basis,
            armed,
            status: Status::Active,
            peak: None,
            equity: None,
            loss: None,
            looked: None,
            blind: None,
            gap: None,
            attempts: 0,
            sent: None,
            failure: None,
            ended: None,
            lease: None,
        }
    }

    fn name(&self) -> String {
        self.project_id.to_string()
    }

    /// Whether it still has something to do.
    pub(crate) fn is_over(&self) -> bool {
        self.status == Status::Ended
    }

    /// Whether somebody should look at it: all but a watch that sees and has nothing to do.
    pub(crate) fn needs_a_look(&self) -> bool {
        self.word() != "active" && !self.is_over()
    }

    /// How it is, in a word. Whether a process looks at it is told by its lease.
    fn word(&self) -> &'static str {
        let is_driven = self.lease.as_ref().is_some_and(|lease| Timestamp::now() < lease.until);
        match self.status {
            Status::Ended => "ended",
            _ if !is_driven => "dead",
            Status::Tripped => "tripped",
            Status::Active if self.blind.is_some() => "blind",
            Status::Active => "active",
        }
    }

    /// What an answer says about it.
    pub(crate) fn told(&self) -> Value {
        let word = self.word();
        let mut told = json!({
            "guard": word, "place": "watcher", "deploy_id": self.deploy_id, "max_loss_percent": self.max_loss,
            "basis": self.basis.word(), "armed": self.armed, "looked": self.looked, "loss_percent": self.loss,
        });
        let mut add = |name: &str, value: Value| {
            if let Some(told) = told.as_object_mut() {
                told.insert(name.to_owned(), value);
            }
        };
        if word == "dead" {
            add("dead_since", json!(self.looked.unwrap_or(self.armed)));
            add("why", json!("no server drives it: it looks only while the server that has it runs"));
        }
        if let Some((since, why)) = &self.blind {
            add("blind_since", json!(since));
            add("cannot_see", json!(why));
        }
        if let Some((from, to)) = &self.gap {
            add("longest_gap", json!({"from": from, "to": to}));
        }
        if 0 < self.attempts {
            add("sell_requests", json!(self.attempts));
        }
        if let Some(failure) = &self.failure {
            add("untrusted_failure", json!(Untrusted::new(failure.as_str()).shortened(200)));
        }
        if let Some((at, why)) = &self.ended {
            add("ended", json!({"at": at, "why": why}));
        }
        told
    }
}

/// The watchers of the account, whoever set them up.
///
/// # Errors
/// Without credentials, or when state fails.
pub(crate) async fn all(door: &Door) -> Result<Vec<Watch>, ToolError> {
    let account = door.account().await?;
    let records = door.state().list(OWNER, store::Kind::Watch)?;
    Ok(records.iter().filter_map(|record| account.open(&record.body)).collect())
}

/// Keeps a watch in the place of any other of its project.
///
/// # Errors
/// As [`all`].
pub(crate) async fn keep(door: &Door, watch: &Watch) -> Result<(), ToolError> {
    let body = door.account().await?.seal(watch)?;
    Ok(door.state().put(OWNER, store::Kind::Watch, &watch.name(), body, None)?)
}

/// Forgets the watch of a project; whether there was one.
///
/// # Errors
/// When state fails.
pub(crate) fn forget(door: &Door, project_id: ProjectId) -> Result<bool, ToolError> {
    Ok(door.state().remove(OWNER, store::Kind::Watch, &project_id.to_string())?)
}
