//! Handles for long work, so that no call has to last as long as the work does.
//!
//! Work at QuantConnect (a compile, a backtest, an optimization) goes on by itself: its handle carries the ids, sealed
//! for the caller who started it, and nothing is kept ([`cloud`]). Work of this server (a scan of pairs) is a call of a
//! tool whose answer outlives the request that asked for it ([`here`]): a record in the store with status, step and in
//! the end the answer, driven by the process that holds its lease. A process that ends loses nothing: whoever asks for
//! the job next takes a lapsed lease over. Starts that cost something are made once ([`once`]).
//!
//! A handle belongs to who started the work; to everybody else it is unknown.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

mod cloud;
mod handle;
mod here;
mod once;
mod record;

pub(crate) use cloud::{Seen, look, wait};
pub(crate) use handle::{Cloud, JobId, of_record};
pub(crate) use here::{Begun, Look};
pub(crate) use once::{Claimed, Once};
pub(crate) use record::{Record, WAIT_ARGUMENT};

use crate::{keys::Key, settings::Settings};

/// How long is waited unless the caller says otherwise.
const WAIT: Duration = Duration::from_secs(45);

/// How far work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It waits for a place.
    Queued,
    /// It goes on.
    Running,
    /// It has an answer.
    Done,
    /// Its answer is an error.
    Failed,
    /// It was given up because its caller said so.
    Cancelled,
    /// The process that did it ended, and doing it again might do it twice.
    Interrupted,
}

impl Status {
    /// Whether nothing more will come.
    pub(crate) fn is_over(self) -> bool {
        !matches!(self, Status::Queued | Status::Running)
    }

    /// The word for it.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running => "running",
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
            Status::Interrupted => "interrupted",
        }
    }
}

/// Where work stands: our own words and numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Step {
    /// What is being done.
    pub(crate) name: String,
    /// How much of it is done.
    pub(crate) done: f64,
    /// Of how much, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<f64>,
}

impl Step {
    /// The part done, 0 to 1.
    pub(crate) fn share(&self) -> Option<f64> {
        let total = self.total.filter(|total| 0.0 < *total)?;
        Some((self.done / total).clamp(0.0, 1.0))
    }
}

/// How long a call may wait: what it asks for, at most what the settings allow.
pub(crate) fn patience(settings: &Settings, asked: Option<f64>) -> Duration {
    let most = Duration::from_secs(u64::from(settings.max_wait_seconds));
    let asked =
        asked.filter(|seconds| seconds.is_finite()).map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1e6)));
    asked.unwrap_or(WAIT).min(most)
}

/// The work this process drives, and the name under which it holds leases.
#[derive(Debug)]
pub(crate) struct Jobs {
    holder: String,
    driven: Mutex<HashMap<(String, String), Arc<here::Driven>>>,
}

impl Default for Jobs {
    fn default() -> Self {
        let random = Key::random().unwrap_or_else(|| Key::of_secret(&std::process::id().to_be_bytes()));
        let name = random.hash(&[b"holder"]);
        Jobs { holder: hex::encode(name.get(..8).unwrap_or_default()), driven: Mutex::default() }
    }
}

impl Jobs {
    /// The name of this process in leases.
    pub(crate) fn holder(&self) -> &str {
        &self.holder
    }

    fn get(&self, caller: &str, id: &str) -> Option<Arc<here::Driven>> {
        let driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        driven.get(&(caller.to_owned(), id.to_owned())).cloned()
    }

    fn add(&self, caller: &str, id: &str, work: Arc<here::Driven>) {
        let mut driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        driven.insert((caller.to_owned(), id.to_owned()), work);
    }

    fn remove(&self, caller: &str, id: &str) {
        let mut driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        driven.remove(&(caller.to_owned(), id.to_owned()));
    }

    fn count(&self, caller: &str) -> usize {
        let driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        driven.keys().filter(|(owner, _)| owner == caller).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Transport;

    #[test]
    fn a_wait_is_what_was_asked_and_at_most_what_the_settings_allow() {
        let of = |flags: &[&str]| Settings::isolated(Transport::Stdio, flags.iter().copied()).unwrap();
        let (usual, short) = (of(&[]), of(&["--max-wait-seconds", "10"]));
        assert_eq!(patience(&usual, None), WAIT);
        assert_eq!(patience(&usual, Some(2.5)), Duration::from_millis(2_500));
        assert_eq!(patience(&usual, Some(1e9)), Duration::from_secs(50));
        assert_eq!(patience(&usual, Some(-1.0)), Duration::ZERO);
        assert_eq!(patience(&usual, Some(f64::NAN)), WAIT);
        assert_eq!(patience(&short, None), Duration::from_secs(10));
    }

    #[test]
    fn a_step_knows_its_share_only_of_a_known_whole() {
        let step = |done, total| Step { name: "x".into(), done, total };
        assert_eq!(step(1.0, Some(4.0)).share(), Some(0.25));
        assert_eq!(step(9.0, Some(4.0)).share(), Some(1.0));
        assert_eq!(step(9.0, None).share(), None);
        assert_eq!(step(9.0, Some(0.0)).share(), None);
    }
}
