//! Bulk texts just made for a link (a CSV of every order), kept for some minutes so that reading the link does
//! not walk the pages again. A mere cache: a link read later, or by another process, is made anew.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::caller::CallerKey;

/// How long a text is kept of what no longer changes.
pub(crate) const LIFE: Duration = Duration::from_secs(600);
/// How long a text is kept of what still grows: as long as it takes to follow the link.
pub(crate) const BRIEF: Duration = Duration::from_secs(30);
/// The most bytes kept of all callers together.
const MOST_BYTES: usize = 32 << 20;

#[derive(Debug)]
struct Entry {
    owner: CallerKey,
    uri: String,
    text: Arc<str>,
    until: Instant,
}

/// The kept texts, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    entries: Mutex<VecDeque<Entry>>,
}

impl Kept {
    /// Keeps `text` for `owner`, for [`LIFE`] or [`BRIEF`]; older ones make room.
    pub(crate) fn put(&self, owner: &CallerKey, uri: String, text: String, life: Duration) {
        if MOST_BYTES < text.len() {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        entries.retain(|entry| now < entry.until && !(entry.owner == *owner && entry.uri == uri));
        entries.push_back(Entry { owner: owner.clone(), uri, text: text.into(), until: now + life });
        while MOST_BYTES < entries.iter().map(|entry| entry.text.len()).sum() {
            entries.pop_front();
        }
    }

    /// What `owner` was given under `uri` lately.
    pub(crate) fn get(&self, owner: &CallerKey, uri: &str) -> Option<Arc<str>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .find(|entry| entry.owner == *owner && entry.uri == uri && Instant::now() < entry.until)
            .map(|entry| entry.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_finds_nothing() {
        let kept = Kept::default();
        kept.put(&CallerKey::new("a"), "qc://x".into(), "text".into(), LIFE);
        assert_eq!(kept.get(&CallerKey::new("a"), "qc://x").as_deref(), Some("text"));
        assert_eq!(kept.get(&CallerKey::new("b"), "qc://x"), None);
    }

    #[test]
    fn what_still_grows_is_soon_made_anew() {
        let kept = Kept::default();
        kept.put(&CallerKey::owner(), "qc://x".into(), "text".into(), Duration::ZERO);
        assert_eq!(kept.get(&CallerKey::owner(), "qc://x"), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let kept = Kept::default();
        let big = "x".repeat(MOST_BYTES / 2);
        for uri in ["1", "2", "3"] {
            kept.put(&CallerKey::owner(), uri.into(), big.clone(), LIFE);
        }
        assert!(kept.get(&CallerKey::owner(), "1").is_none());
        assert!(kept.get(&CallerKey::owner(), "3").is_some());
    }
}
