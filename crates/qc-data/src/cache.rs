//! What has been parsed already, bounded by bytes and forgotten when the file changes.
//!
//! The longest unused goes first. Values are shared by `Arc`: a result in a caller's hands stays valid.

use crate::folder::FileStamp;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Limit when nobody sets one: the daily history of some two hundred shares.
pub(crate) const DEFAULT_LIMIT_BYTES: usize = 64 << 20;

type Value = Arc<dyn Any + Send + Sync>;

/// Parsed files by name.
#[derive(Debug)]
pub(crate) struct Cache {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    entries: HashMap<String, Kept>,
    bytes: usize,
    limit: usize,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    stamp: FileStamp,
    value: Value,
    bytes: usize,
    used: u64,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Cache {
        Cache { state: Mutex::new(State { entries: HashMap::new(), bytes: 0, limit, clock: 0 }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the limit in bytes and forgets what no longer fits.
    pub(crate) fn set_limit(&self, limit: usize) {
        let mut state = self.state();
        state.limit = limit;
        state.shrink();
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes
    }

    /// What was parsed from this very state of the file.
    pub(crate) fn get<T: Any + Send + Sync>(&self, name: &str, stamp: FileStamp) -> Option<Arc<T>> {
        let mut state = self.state();
        state.clock += 1;
        let now = state.clock;
        let kept = state.entries.get_mut(name)?;
        if kept.stamp != stamp {
            return None;
        }
        kept.used = now;
        kept.value.clone().downcast().ok()
    }

    /// Keeps a value of about `bytes` bytes, unless it alone is larger than the limit.
    pub(crate) fn put<T: Any + Send + Sync>(&self, name: String, stamp: FileStamp, value: Arc<T>, bytes: usize) {
        let mut state = self.state();
        if state.limit < bytes {
            return;
        }
        state.clock += 1;
        let kept = Kept { stamp, value, bytes, used: state.clock };
        state.bytes += bytes;
        if let Some(old) = state.entries.insert(name, kept) {
            state.bytes -= old.bytes;
        }
        state.shrink();
    }
}

impl State {
    fn shrink(&mut self) {
        if self.bytes <= self.limit {
            return;
        }
        let mut by_age: Vec<(u64, String)> =
            self.entries.iter().map(|(name, kept)| (kept.used, name.clone())).collect();
        by_age.sort_unstable();
        for (_, name) in by_age {
            // A little more than needed goes, so that a full cache does not sort at every insertion.
            if self.bytes <= self.limit - self.limit / 8 {
                break;
            }
            if let Some(old) = self.entries.remove(&name) {
                self.bytes -= old.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(size: u64) -> FileStamp {
        FileStamp { size, modified: None }
    }

    #[test]
    fn a_changed_file_is_not_answered_from_memory() {
        let cache = Cache::new(1_000);
        cache.put("a".into(), stamp(1), Arc::new(1_u8), 10);
        assert_eq!(cache.get::<u8>("a", stamp(1)).as_deref(), Some(&1));
        assert_eq!(cache.get::<u8>("a", stamp(2)), None);
    }

    #[test]
    fn the_longest_unused_goes_first_and_the_limit_holds() {
        let cache = Cache::new(100);
        for name in 0..20_u8 {
            cache.put(name.to_string(), stamp(1), Arc::new(name), 10);
            assert!(cache.get::<u8>("0", stamp(1)).is_some(), "used all the time, so kept");
            assert!(cache.bytes() <= 100);
        }
        assert!(cache.get::<u8>("5", stamp(1)).is_none());
        cache.put("huge".into(), stamp(1), Arc::new(0_u8), 101);
        assert!(cache.get::<u8>("huge", stamp(1)).is_none());
    }
}
