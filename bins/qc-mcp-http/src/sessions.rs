//! Whose session is whose, for clients of the older revisions: an id alone opens nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::Principal;

/// A session without use for so long is over (rmcp ends it after five minutes).
const IDLE: Duration = Duration::from_secs(600);
/// The most sessions at a time.
const MOST: usize = 1_000;

/// The sessions that were begun here.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    owners: Mutex<HashMap<String, (Principal, Instant)>>,
}

impl Sessions {
    /// Whether the session was begun by this caller; a stranger's answers like one that never was.
    pub(crate) fn belongs(&self, session: &str, principal: Principal) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get_mut(session) {
            Some((owner, last)) if *owner == principal => {
                *last = Instant::now();
                true
            }
            _ => false,
        }
    }

    /// Whether one more may be begun.
    pub(crate) fn has_room(&self) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() < MOST {
            return true;
        }
        owners.retain(|_, (_, last)| last.elapsed() < IDLE);
        owners.len() < MOST
    }

    pub(crate) fn begin(&self, session: &str, principal: Principal) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.entry(session.to_owned()).or_insert((principal, Instant::now()));
    }

    pub(crate) fn end(&self, session: &str) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_belongs_to_who_began_it() {
        let sessions = Sessions::default();
        sessions.begin("a", [1; 32]);
        assert!(sessions.belongs("a", [1; 32]) && !sessions.belongs("a", [2; 32]) && !sessions.belongs("b", [1; 32]));
        sessions.begin("a", [2; 32]);
        assert!(sessions.belongs("a", [1; 32]));
        sessions.end("a");
        assert!(!sessions.belongs("a", [1; 32]));
        for i in 0..MOST {
            assert!(sessions.has_room());
            sessions.begin(&i.to_string(), [1; 32]);
        }
        assert!(!sessions.has_room());
    }
}
