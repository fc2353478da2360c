//! Whose session is whose, for clients of the older revisions: an id alone opens nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::Principal;

/// A session without use for so long is over (rmcp ends it after five minutes).
const IDLE: Duration = Duration::from_secs(600);
/// The most sessions at a time.
const MOST: usize = 1_000;
/// The most of one caller, so that nobody takes all.
const MOST_OF_ONE: usize = 250;

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

    /// Whether this caller may begin one more.
    pub(crate) fn has_room(&self, principal: Principal) -> bool {
        has_room(&mut self.owners.lock().unwrap_or_else(PoisonError::into_inner), principal)
    }

    /// Notes a session that was begun; `false` if there is no room for it, and it has to end.
    pub(crate) fn begin(&self, session: &str, principal: Principal) -> bool {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = owners.contains_key(session);
        if !is_known && !has_room(&mut owners, principal) {
            return false;
        }
        owners.entry(session.to_owned()).or_insert((principal, Instant::now()));
        true
    }

    pub(crate) fn end(&self, session: &str) {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }
}

fn has_room(owners: &mut HashMap<String, (Principal, Instant)>, principal: Principal) -> bool {
    let fits = |owners: &HashMap<String, (Principal, Instant)>| {
        owners.len() < MOST && owners.values().filter(|(owner, _)| *owner == principal).count() < MOST_OF_ONE
    };
    if fits(owners) {
        return true;
    }
    owners.retain(|_, (_, last)| last.elapsed() < IDLE);
    fits(owners)
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
    }

    #[test]
    fn one_caller_has_not_all_and_all_have_so_many() {
        let sessions = Sessions::default();
        for i in 0..MOST_OF_ONE {
            assert!(sessions.has_room([1; 32]) && sessions.begin(&format!("1-{i}"), [1; 32]));
        }
        assert!(!sessions.has_room([1; 32]) && !sessions.begin("more", [1; 32]));
        assert!(!sessions.belongs("more", [1; 32]));
        for i in 0..MOST - MOST_OF_ONE {
            let other = [u8::try_from(2 + i / MOST_OF_ONE).unwrap(); 32];
            assert!(sessions.has_room(other) && sessions.begin(&format!("o-{i}"), other));
        }
        assert!(!sessions.has_room([9; 32]));
    }
}
