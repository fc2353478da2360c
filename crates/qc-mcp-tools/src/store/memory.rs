//! The home in memory: gone when the process ends.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{Change, Class, Kind, Limits, Record, Store, StoreError};

/// The home in memory: gone when the process ends.
pub struct MemoryStore {
    limits: Limits,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    callers: HashMap<String, Shelf>,
    /// Counts calls; decides who was heard of last, also within one tick of the clock.
    clock: u64,
}

#[derive(Default)]
struct Shelf {
    records: BTreeMap<(Kind, String), Kept>,
    bytes: usize,
    heard: u64,
}

struct Kept {
    record: Record,
    order: u64,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new(Limits::in_memory())
    }
}

impl MemoryStore {
    /// An empty store on the system's clock.
    pub fn new(limits: Limits) -> Self {
        MemoryStore::with_clock(limits, Timestamp::now)
    }

    /// An empty store on another clock.
    pub fn with_clock(limits: Limits, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        MemoryStore { limits, now: Box::new(now), state: Mutex::default() }
    }

    /// Bytes kept at the moment, for all callers.
    pub fn bytes(&self) -> usize {
        self.with(|state, _| state.callers.values().map(|shelf| shelf.bytes).sum())
    }

    fn with<T>(&self, work: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        // Every change is whole before the lock is given back, so a poisoned lock holds a whole state.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut state, (self.now)())
    }
}

impl Store for MemoryStore {
    fn put(
        &self,
        caller: &str,
        kind: Kind,
        name: &str,
        body: Vec<u8>,
        lives: Option<SignedDuration>,
    ) -> Result<(), StoreError> {
        self.with(|state, now| {
            if self.limits.record_bytes < body.len() {
                return Err(StoreError::TooLarge { found: body.len(), limit: self.limits.record_bytes });
            }
            state.check_room(caller, kind, name, body.len(), &self.limits)?;
            let expires = lives.and_then(|lives| now.checked_add(lives).ok());
            state.keep(caller, kind, name, body, now, expires, &self.limits);
            Ok(())
        })
    }

    fn get(&self, caller: &str, kind: Kind, name: &str) -> Result<Option<Record>, StoreError> {
        self.with(|state, now| {
            let Some(shelf) = state.hear(caller, now) else { return Ok(None) };
            Ok(shelf.records.get(&(kind, name.to_owned())).map(|kept| kept.record.clone()))
        })
    }

    fn list(&self, caller: &str, kind: Kind) -> Result<Vec<Record>, StoreError> {
        self.with(|state, now| {
            let Some(shelf) = state.hear(caller, now) else { return Ok(Vec::new()) };
            let mut found: Vec<&Kept> =
                shelf.records.iter().filter(|((k, _), _)| *k == kind).map(|(_, kept)| kept).collect();
            found.sort_by_key(|kept| kept.order);
            Ok(found.into_iter().map(|kept| kept.record.clone()).collect())
        })
    }

    fn remove(&self, caller: &str, kind: Kind, name: &str) -> Result<bool, StoreError> {
        self.with(|state, now| {
            let Some(shelf) = state.hear(caller, now) else { return Ok(false) };
            Ok(shelf.take(kind, name).is_some())
        })
    }

    fn update(&self, caller: &str, kind: Kind, name: &str, change: Change<'_>) -> Result<(), StoreError> {
        self.with(|state, now| {
            let (before, count) = match state.hear(caller, now) {
                Some(shelf) => (
                    shelf.records.get(&(kind, name.to_owned())).map(|kept| kept.record.clone()),
                    shelf.records.keys().filter(|(k, _)| *k == kind).count(),
                ),
                None => (None, 0),
            };
            let Some(body) = change(before.as_ref().map(|record| &*record.body)) else {
                if let Some(shelf) = state.callers.get_mut(caller) {
                    shelf.take(kind, name);
                }
                return Ok(());
            };
            if self.limits.record_bytes < body.len() {
                return Err(StoreError::TooLarge { found: body.len(), limit: self.limits.record_bytes });
            }
            if before.is_none() && kind.class() != Class::Guard && self.limits.records <= count {
                return Err(StoreError::TooMany { found: count, limit: self.limits.records });
            }
            state.check_room(caller, kind, name, body.len(), &self.limits)?;
            let expires = match kind.lives() {
                Some(lives) => now.checked_add(lives).ok(),
                None => before.and_then(|record| record.expires),
            };
            state.keep(caller, kind, name, body, now, expires, &self.limits);
            Ok(())
        })
    }
}

impl State {
    /// The caller's shelf without what expired; notes that the caller was heard of.
    fn hear(&mut self, caller: &str, now: Timestamp) -> Option<&mut Shelf> {
        self.clock += 1;
        let shelf = self.callers.get_mut(caller)?;
        shelf.heard = self.clock;
        shelf.drop_expired(now);
        Some(shelf)
    }

    /// Whether a record of `size` bytes may be kept beside what never makes room. What shrinks is always kept.
    fn check_room(&self, caller: &str, kind: Kind, name: &str, size: usize, limits: &Limits) -> Result<(), StoreError> {
        let shelf = self.callers.get(caller);
        let before = shelf.and_then(|shelf| shelf.records.get(&(kind, name.to_owned())));
        let before = before.map_or(0, |kept| kept.record.body.len());
        if kind.class() != Class::Lasting || size <= before {
            return Ok(());
        }
        let own = shelf.map_or(0, Shelf::lasting_bytes) - before + size;
        let all = self.callers.values().map(Shelf::lasting_bytes).sum::<usize>() - before + size;
        for (found, limit) in [(own, limits.lasting_bytes / 4), (all, limits.lasting_bytes)] {
            if limit < found {
                return Err(StoreError::Full { found, limit });
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "one private place where a record is made")]
    fn keep(
        &mut self,
        caller: &str,
        kind: Kind,
        name: &str,
        body: Vec<u8>,
        now: Timestamp,
        expires: Option<Timestamp>,
        limits: &Limits,
    ) {
        self.clock += 1;
        let order = self.clock;
        let shelf = self.callers.entry(caller.to_owned()).or_default();
        shelf.heard = order;
        let created = shelf.take(kind, name).map_or(now, |kept| kept.record.created);
        shelf.bytes += body.len();
        let record = Record { name: name.to_owned(), body: body.into(), created, changed: now, expires };
        shelf.records.insert((kind, name.to_owned()), Kept { record, order });
        self.make_room(order, now, limits);
    }

    /// Forgets expired records, then the quietest callers, then the oldest results of whoever holds most.
    fn make_room(&mut self, newest: u64, now: Timestamp, limits: &Limits) {
        while limits.callers < self.callers.values().filter(|shelf| shelf.has_more_than_guards()).count() {
            let holders = self.callers.iter_mut().filter(|(_, shelf)| shelf.has_more_than_guards());
            let Some((_, quietest)) = holders.min_by_key(|(_, shelf)| shelf.heard) else { break };
            quietest.keep_guards();
        }
        if 2 * limits.callers < self.callers.len() {
            self.callers.retain(|_, shelf| {
                shelf.drop_expired(now);
                !shelf.records.is_empty()
            });
        }
        let total = |state: &State| state.callers.values().map(|shelf| shelf.bytes).sum::<usize>();
        if total(self) <= limits.bytes {
            return;
        }
        for shelf in self.callers.values_mut() {
            shelf.drop_expired(now);
        }
        while limits.bytes < total(self) {
            let holders = self.callers.values_mut().filter(|shelf| shelf.oldest_result(newest).is_some());
            let Some(shelf) = holders.max_by_key(|shelf| shelf.bytes) else { return };
            let Some(name) = shelf.oldest_result(newest) else { return };
            shelf.take(Kind::Research, &name);
        }
    }
}

impl Shelf {
    fn take(&mut self, kind: Kind, name: &str) -> Option<Kept> {
        let kept = self.records.remove(&(kind, name.to_owned()))?;
        self.bytes -= kept.record.body.len();
        Some(kept)
    }

    /// Bytes of what never makes room.
    fn lasting_bytes(&self) -> usize {
        let lasting = self.records.iter().filter(|((kind, _), _)| kind.class() == Class::Lasting);
        lasting.map(|(_, kept)| kept.record.body.len()).sum()
    }

    /// The oldest result that is not the record `newest`.
    fn oldest_result(&self, newest: u64) -> Option<String> {
        let results =
            self.records.iter().filter(|((kind, _), kept)| kind.class() == Class::Result && kept.order != newest);
        results.min_by_key(|(_, kept)| kept.order).map(|((_, name), _)| name.clone())
    }

    fn has_more_than_guards(&self) -> bool {
        self.records.keys().any(|(kind, _)| kind.class() != Class::Guard)
    }

    /// Forgets everything but what the guards keep.
    fn keep_guards(&mut self) {
        self.records.retain(|(kind, _), _| kind.class() == Class::Guard);
        self.bytes = self.records.values().map(|kept| kept.record.body.len()).sum();
    }

    fn drop_expired(&mut self, now: Timestamp) {
        let over = |record: &Record| record.expires.is_some_and(|at| at <= now);
        self.bytes -= self.records.values().filter(|k| over(&k.record)).map(|k| k.record.body.len()).sum::<usize>();
        self.records.retain(|_, kept| !over(&kept.record));
    }
}
