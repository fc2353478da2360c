//! Every request the simulator saw, in order: the proof that a refused call sent nothing and that nothing was sent twice.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use qc_api::Effect;
use serde_json::Value;

/// A handle on the record; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<Entry>>>);

/// One request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Simulated time of arrival.
    pub at: Timestamp,
    /// Path below `/api/v2/`, without slashes at its ends, such as `backtests/create`.
    pub path: String,
    /// The endpoint that answered; differs from `path` when an unknown path fell through to its parent.
    pub served_by: Option<&'static str>,
    /// What that endpoint does to the account, as the client declares it; `None` for an unknown path.
    pub effect: Option<Effect>,
    /// The decoded body or query. Bytes of an upload are replaced by their number.
    pub body: Value,
    /// Account that signed the request; `None` when the signature was missing or wrong.
    pub user: Option<String>,
    /// The world was asked: false when credentials or a fault ended the request before its endpoint.
    pub reached: bool,
    /// The endpoint did what was asked (`success: true`), whatever became of the answer on the way back.
    pub accepted: bool,
    /// How often the endpoint did what was asked: 2 when a fault repeated the request and both were accepted.
    pub done: usize,
    /// Fault that was laid over the answer.
    pub fault: Option<&'static str>,
    /// Why it was refused, in the service's words plus, for an undecodable body, where it failed.
    pub refusal: Option<String>,
}

impl Entry {
    /// Whether the request carried a valid signature.
    pub fn is_authenticated(&self) -> bool {
        self.user.is_some()
    }

    /// Whether the request changed something, or would have if it had been accepted.
    pub fn is_change(&self) -> bool {
        self.effect.is_some_and(|effect| effect != Effect::Read)
    }
}

impl Journal {
    /// Everything seen so far, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        crate::lock(&self.0).clone()
    }

    /// The paths seen so far, oldest first.
    pub fn paths(&self) -> Vec<String> {
        crate::lock(&self.0).iter().map(|entry| entry.path.clone()).collect()
    }

    /// Number of requests seen.
    pub fn len(&self) -> usize {
        crate::lock(&self.0).len()
    }

    /// Whether nothing was sent at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was seen after the first `seen` requests, oldest first: what one step of a test has sent.
    pub fn since(&self, seen: usize) -> Vec<Entry> {
        crate::lock(&self.0).get(seen..).unwrap_or_default().to_vec()
    }

    /// Requests to one path, oldest first.
    pub fn of(&self, path: &str) -> Vec<Entry> {
        crate::lock(&self.0).iter().filter(|entry| entry.path == path).cloned().collect()
    }

    /// Requests that did more than read.
    pub fn changes(&self) -> Vec<Entry> {
        crate::lock(&self.0).iter().filter(|entry| entry.is_change()).cloned().collect()
    }

    /// Forgets what was seen, so that a test can look at one step alone.
    pub fn clear(&self) {
        crate::lock(&self.0).clear();
    }

    pub(crate) fn push(&self, entry: Entry) {
        crate::lock(&self.0).push(entry);
    }
}
