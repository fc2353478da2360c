//! Starts that are made once: what costs something and is asked for again with the same arguments within ten minutes is
//! the same work, not another. Before the request leaves its claim is written down, so that after a lost answer or a
//! killed process somebody looks for what came of it instead of sending it again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    caller::Account,
    error::ToolError,
    gate::Door,
    state::State,
    store::{Kind, Store as _},
};

/// How long the same start is the same work.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);
/// How the names of claims begin.
const PREFIX: &str = "once-";

/// What is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claim {
    at: Timestamp,
    made: Option<String>,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// Nobody asked for it lately: it is to be started now.
    Mine(Timestamp),
    /// It was started, and this came of it.
    Made {
        /// The id of what was made.
        id: String,
        /// When it was asked for.
        at: Timestamp,
    },
    /// It was asked for, and nobody wrote down what came of it.
    Pending(Timestamp),
}

/// One start. Dropped before [`Once::leaves`] was said, it was never asked for.
#[derive(Debug)]
pub(crate) struct Once {
    state: State,
    caller: String,
    account: Account,
    name: String,
    mine: bool,
}

impl Once {
    /// The start of a kind of work with these arguments, by the caller behind `door`.
    ///
    /// # Errors
    /// As [`Door::account`].
    pub(crate) async fn new(door: &Door, kind: &str, arguments: &impl Serialize) -> Result<Once, ToolError> {
        let mut hash = Sha256::new();
        hash.update((kind.len() as u64).to_be_bytes());
        hash.update(kind);
        hash.update(serde_json::to_vec(arguments).unwrap_or_default());
        let hash = hex::encode(hash.finalize());
        Ok(Once {
            state: door.state().clone(),
            caller: door.caller_key().to_owned(),
            account: door.account().await?,
            name: format!("{PREFIX}{}", hash.get(..32).unwrap_or_default()),
            mine: false,
        })
    }

    /// Claims it, unless somebody did lately.
    ///
    /// # Errors
    /// When state cannot be kept.
    pub(crate) fn claim(&mut self, now: Timestamp) -> Result<Claimed, ToolError> {
        let mut found = Claimed::Mine(now);
        let fresh = self.account.seal(&Claim { at: now, made: None })?;
        let account = &self.account;
        self.state.update(&self.caller, Kind::Start, &self.name, &mut |before| {
            let known: Option<Claim> = before.and_then(|body| account.open(body));
            match known.filter(|claim| claim.at <= now && now.duration_since(claim.at) < REMEMBERED) {
                Some(Claim { at, made: Some(id) }) => found = Claimed::Made { id, at },
                Some(Claim { at, made: None }) => found = Claimed::Pending(at),
                None => return Some(fresh.clone()),
            }
            before.map(<[u8]>::to_vec)
        })?;
        self.mine = matches!(found, Claimed::Mine(_));
        Ok(found)
    }

    /// The request leaves now: from here on only an answer tells whether it was carried out.
    pub(crate) fn leaves(&mut self) {
        self.mine = false;
    }

    /// Writes down what came of it.
    ///
    /// # Errors
    /// When state cannot be kept.
    pub(crate) fn made(&mut self, id: &str, at: Timestamp) -> Result<(), ToolError> {
        self.mine = false;
        let body = self.account.seal(&Claim { at, made: Some(id.to_owned()) })?;
        Ok(self.state.update(&self.caller, Kind::Start, &self.name, &mut |_| Some(body.clone()))?)
    }

    /// Forgets it: it was refused, or what it made is gone.
    ///
    /// # Errors
    /// When state cannot be kept.
    pub(crate) fn release(&mut self) -> Result<(), ToolError> {
        self.mine = false;
        self.state.remove(&self.caller, Kind::Start, &self.name)?;
        Ok(())
    }

    /// Whether another start of this caller made `id`.
    ///
    /// # Errors
    /// When state cannot be read.
    pub(crate) fn is_of_another(&self, id: &str) -> Result<bool, ToolError> {
        let records = self.state.list(&self.caller, Kind::Start)?;
        let others = records.iter().filter(|record| record.name.starts_with(PREFIX) && record.name != self.name);
        Ok(others
            .filter_map(|record| self.account.open::<Claim>(&record.body))
            .any(|claim| claim.made.as_deref() == Some(id)))
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        if self.mine
            && let Err(error) = self.state.remove(&self.caller, Kind::Start, &self.name)
        {
            tracing::warn!(%error, "a start that was given up could not be forgotten");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        caller::Account,
        keys::Key,
        settings::{Settings, Transport},
    };

    fn once(state: &State, name: &str) -> Once {
        let credentials = qc_api::Credentials::new("7", "token").unwrap();
        Once {
            state: state.clone(),
            caller: "me".into(),
            account: Account::new(&Key::of_secret(b"k"), &credentials),
            name: format!("{PREFIX}{name}"),
            mine: false,
        }
    }

    fn state() -> State {
        State::new(&Settings::isolated(Transport::Stdio, Vec::<&str>::new()).unwrap())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn the_same_start_is_the_same_work_for_ten_minutes() {
        let state = state();
        let mut first = once(&state, "a");
        assert_eq!(first.claim(at(0)).unwrap(), Claimed::Mine(at(0)));
        first.leaves();
        assert_eq!(once(&state, "a").claim(at(1)).unwrap(), Claimed::Pending(at(0)));
        first.made("b1", at(0)).unwrap();
        assert_eq!(once(&state, "a").claim(at(599)).unwrap(), Claimed::Made { id: "b1".into(), at: at(0) });
        assert!(once(&state, "b").is_of_another("b1").unwrap() && !first.is_of_another("b1").unwrap());
        assert_eq!(once(&state, "a").claim(at(600)).unwrap(), Claimed::Mine(at(600)));
    }

    #[test]
    fn a_busy_week_of_starts_is_no_reason_to_refuse_the_next() {
        let state = state();
        for n in 0..1_000 {
            let mut one = once(&state, &n.to_string());
            assert_eq!(one.claim(at(n)).unwrap(), Claimed::Mine(at(n)));
            one.made(&format!("b{n}"), at(n)).unwrap();
        }
        assert!(once(&state, "next").is_of_another("b0").unwrap());
    }

    #[test]
    fn a_start_given_up_before_it_left_was_never_asked_for() {
        let state = state();
        let mut given_up = once(&state, "a");
        given_up.claim(at(0)).unwrap();
        drop(given_up);
        let mut left = once(&state, "a");
        assert_eq!(left.claim(at(1)).unwrap(), Claimed::Mine(at(1)));
        left.leaves();
        drop(left);
        assert_eq!(once(&state, "a").claim(at(2)).unwrap(), Claimed::Pending(at(1)));
    }
}
