//! State behind one trait: research workbooks and research results, kept per caller.
//!
//! A record is a name and some bytes under a caller's key; what the bytes mean is left to those who put them there
//! (`quantbook.rs` for workbooks, `kept.rs` for results). A stranger's record answers exactly like one that was
//! never there. The home in this file is memory; a home in a file can take its place without anybody noticing,
//! which is why the trait has no reference into its inside and changes go through [`Store::update`].

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

/// What kind of thing a record is; names are unique within a caller and a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A named research workbook: source and subscriptions.
    Workbook,
    /// The full result of an analysis, named by its random id.
    Research,
    /// A saved list of symbols.
    SymbolList,
}

/// One kept thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Name within its caller and kind.
    pub name: String,
    /// What was kept.
    pub body: Arc<[u8]>,
    /// When it was first put.
    pub created: Timestamp,
    /// When it was last put or changed.
    pub changed: Timestamp,
    /// When it vanishes by itself.
    pub expires: Option<Timestamp>,
}

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// One record over the limit of a single record.
    #[error("a result of {found} bytes is larger than the {limit} bytes one kept result may have")]
    TooLarge {
        /// Bytes of the record.
        found: usize,
        /// Most bytes of one record.
        limit: usize,
    },
    /// Too many records of one kind for one caller.
    #[error("{found} are kept already, {limit} is the most")]
    TooMany {
        /// Records of the kind.
        found: usize,
        /// Most records of the kind.
        limit: usize,
    },
    /// Workbooks and lists, which never make room by themselves, would take too much of what is kept.
    #[error("workbooks and symbol lists would take {found} bytes, {limit} is the most")]
    Full {
        /// Bytes they would take.
        found: usize,
        /// Most bytes they may take.
        limit: usize,
    },
    /// The system gave no random bytes for an id.
    #[error("the system has no random numbers for an id: {0}")]
    NoRandom(String),
    /// The file behind a lasting home failed.
    #[error("kept state cannot be read or written: {0}")]
    Home(String),
}

/// A change of one record: what is there (if anything) in, what shall be there (if anything) out.
pub type Change<'a> = &'a mut dyn FnMut(Option<&[u8]>) -> Option<Vec<u8>>;

/// Where state lives. Every call names the caller; there is no way to ask across callers.
pub trait Store: Send + Sync + fmt::Debug {
    /// Keeps `body` under a name, replacing what was there; it vanishes after `lives` if given.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a body that alone is over the limit, [`StoreError::Full`] when a workbook or list
    /// would take more than [`Limits::lasting_bytes`]; older results make room otherwise.
    fn put(
        &self,
        caller: &str,
        kind: Kind,
        name: &str,
        body: Vec<u8>,
        lives: Option<SignedDuration>,
    ) -> Result<(), StoreError>;

    /// The record of that name, unless it expired.
    ///
    /// # Errors
    /// [`StoreError::Home`] only.
    fn get(&self, caller: &str, kind: Kind, name: &str) -> Result<Option<Record>, StoreError>;

    /// All records of a kind, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Home`] only.
    fn list(&self, caller: &str, kind: Kind) -> Result<Vec<Record>, StoreError>;

    /// Removes a record; `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError::Home`] only.
    fn remove(&self, caller: &str, kind: Kind, name: &str) -> Result<bool, StoreError>;

    /// Changes one record in one step: no other change of it comes in between. `None` from `change` removes it.
    ///
    /// # Errors
    /// As [`Store::put`], and [`StoreError::TooMany`] if the change would make one record more than
    /// [`Limits::records`] of that kind.
    fn update(&self, caller: &str, kind: Kind, name: &str, change: Change<'_>) -> Result<(), StoreError>;
}

/// How much the memory home keeps.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Callers; the one not heard of for longest is forgotten first.
    pub callers: usize,
    /// Bytes of all records together; the oldest result of whoever holds most goes first. Workbooks and lists, which
    /// cannot be computed again, never make room.
    pub bytes: usize,
    /// Bytes of all workbooks and lists together; one caller's may take a quarter of that.
    pub lasting_bytes: usize,
    /// Bytes of one record.
    pub record_bytes: usize,
    /// Records of one kind of one caller, where the kind does not expire by itself.
    pub records: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MB: usize = 1 << 20;
        Limits { callers: 1000, bytes: 256 * MB, lasting_bytes: 128 * MB, record_bytes: 32 * MB, records: 200 }
    }
}

/// A random name of 128 bits, as 32 hexadecimal digits.
///
/// # Errors
/// [`StoreError::NoRandom`] if the system has no randomness.
pub fn new_id() -> Result<String, StoreError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::NoRandom(error.to_string()))?;
    Ok(hex::encode(bytes))
}

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
        MemoryStore::new(Limits::default())
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
            if before.is_none() && self.limits.records <= count {
                return Err(StoreError::TooMany { found: count, limit: self.limits.records });
            }
            state.check_room(caller, kind, name, body.len(), &self.limits)?;
            let expires = before.and_then(|record| record.expires);
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
        if kind == Kind::Research || size <= before {
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
        while limits.callers < self.callers.len() {
            let quietest = self.callers.iter().min_by_key(|(_, shelf)| shelf.heard).map(|(name, _)| name.clone());
            let Some(name) = quietest else { break };
            self.callers.remove(&name);
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
        let lasting = self.records.iter().filter(|((kind, _), _)| *kind != Kind::Research);
        lasting.map(|(_, kept)| kept.record.body.len()).sum()
    }

    /// The oldest result that is not the record `newest`.
    fn oldest_result(&self, newest: u64) -> Option<String> {
        let results = self.records.iter().filter(|((kind, _), kept)| *kind == Kind::Research && kept.order != newest);
        results.min_by_key(|(_, kept)| kept.order).map(|((_, name), _)| name.clone())
    }

    fn drop_expired(&mut self, now: Timestamp) {
        let over = |record: &Record| record.expires.is_some_and(|at| at <= now);
        self.bytes -= self.records.values().filter(|k| over(&k.record)).map(|k| k.record.body.len()).sum::<usize>();
        self.records.retain(|_, kept| !over(&kept.record));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const R: Kind = Kind::Research;

    fn small(bytes: usize, callers: usize) -> MemoryStore {
        MemoryStore::new(Limits { callers, bytes, lasting_bytes: 4 * bytes, record_bytes: bytes, records: 3 })
    }

    fn names(store: &MemoryStore, caller: &str) -> Vec<String> {
        store.list(caller, R).unwrap().into_iter().map(|record| record.name).collect()
    }

    #[test]
    fn a_strangers_record_answers_like_an_unknown_one() {
        let store = MemoryStore::default();
        store.put("a", R, "x", vec![1], None).unwrap();
        assert_eq!(store.get("b", R, "x").unwrap(), store.get("b", R, "never").unwrap());
        assert_eq!(store.get("a", Kind::Workbook, "x").unwrap(), None);
        assert!(!store.remove("b", R, "x").unwrap());
        assert_eq!(&*store.get("a", R, "x").unwrap().unwrap().body, &[1]);
    }

    #[test]
    fn a_result_vanishes_when_its_time_is_over() {
        let seconds = Arc::new(AtomicI64::new(1_000));
        let clock = seconds.clone();
        let store = MemoryStore::with_clock(Limits::default(), move || {
            Timestamp::from_second(clock.load(Ordering::SeqCst)).unwrap()
        });
        store.put("a", R, "x", vec![1, 2], Some(SignedDuration::from_secs(60))).unwrap();
        seconds.store(1_059, Ordering::SeqCst);
        assert!(store.get("a", R, "x").unwrap().is_some());
        seconds.store(1_060, Ordering::SeqCst);
        assert!(store.get("a", R, "x").unwrap().is_none());
        assert_eq!(store.bytes(), 0);
    }

    #[test]
    fn the_oldest_result_of_the_largest_holder_makes_room() {
        let store = small(100, 10);
        store.put("small", R, "s", vec![0; 20], None).unwrap();
        store.put("big", R, "1", vec![0; 30], None).unwrap();
        store.put("big", R, "2", vec![0; 30], None).unwrap();
        store.put("big", R, "3", vec![0; 40], None).unwrap();
        assert_eq!(names(&store, "big"), ["2", "3"], "the oldest of the caller that holds most");
        assert_eq!(names(&store, "small"), ["s"]);
        assert_eq!(store.bytes(), 90);
    }

    #[test]
    fn results_never_make_a_workbook_go() {
        let store = small(100, 10);
        store.put("me", Kind::Workbook, "pairs", vec![0; 60], None).unwrap();
        for name in ["1", "2", "3"] {
            store.put("me", R, name, vec![0; 30], None).unwrap();
        }
        assert!(store.get("me", Kind::Workbook, "pairs").unwrap().is_some());
        assert_eq!(names(&store, "me"), ["3"]);
    }

    #[test]
    fn workbooks_never_fill_the_store() {
        let limits = Limits { lasting_bytes: 80, ..Limits::default() };
        let store = MemoryStore::new(limits);
        let put = |caller: &str, kind, size| store.put(caller, kind, "x", vec![0; size], None);
        let grow = |caller: &str, size| store.update(caller, Kind::SymbolList, "list", &mut |_| Some(vec![0; size]));
        put("a", Kind::Workbook, 15).unwrap();
        let error = grow("a", 6).unwrap_err();
        assert!(matches!(error, StoreError::Full { found: 21, limit: 20 }), "one caller: {error}");
        put("a", Kind::Workbook, 5).unwrap();
        grow("a", 15).unwrap();
        for caller in ["b", "c", "d"] {
            put(caller, Kind::Workbook, 20).unwrap();
        }
        let error = put("e", Kind::Workbook, 1).unwrap_err();
        assert!(matches!(error, StoreError::Full { found: 81, limit: 80 }), "all callers: {error}");
        put("e", R, 500).unwrap();
        assert_eq!(store.get("a", Kind::Workbook, "x").unwrap().unwrap().body.len(), 5);
    }

    #[test]
    fn one_record_over_the_limit_is_refused_with_both_figures() {
        let store = small(10, 2);
        let error = store.put("a", R, "x", vec![0; 11], None).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { found: 11, limit: 10 }), "{error}");
    }

    #[test]
    fn ten_thousand_callers_leave_a_thousand() {
        let store = MemoryStore::default();
        for caller in 0..10_000 {
            store.put(&format!("caller {caller}"), R, "x", vec![0; 8], None).unwrap();
        }
        assert_eq!(store.bytes(), 8_000);
        assert!(store.get("caller 9999", R, "x").unwrap().is_some());
        assert!(store.get("caller 0", R, "x").unwrap().is_none());
    }

    #[test]
    fn updating_sees_what_is_there_keeps_the_first_date_and_counts() {
        let store = small(1000, 2);
        for name in ["a", "b", "c"] {
            store.update("me", Kind::Workbook, name, &mut |_| Some(vec![1])).unwrap();
        }
        let full = store.update("me", Kind::Workbook, "d", &mut |_| Some(vec![1]));
        assert!(matches!(full, Err(StoreError::TooMany { found: 3, limit: 3 })));
        let created = store.get("me", Kind::Workbook, "a").unwrap().unwrap().created;
        store
            .update("me", Kind::Workbook, "a", &mut |before| {
                let mut body = before.unwrap().to_vec();
                body.push(2);
                Some(body)
            })
            .unwrap();
        let after = store.get("me", Kind::Workbook, "a").unwrap().unwrap();
        assert_eq!((&*after.body, after.created), (&[1_u8, 2][..], created));
        store.update("me", Kind::Workbook, "a", &mut |_| None).unwrap();
        assert!(store.get("me", Kind::Workbook, "a").unwrap().is_none());
    }

    #[test]
    fn ids_are_128_bits_and_differ() {
        let (a, b) = (new_id().unwrap(), new_id().unwrap());
        assert_eq!((a.len(), b.len()), (32, 32));
        assert_ne!(a, b);
    }
}
