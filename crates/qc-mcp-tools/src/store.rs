//! State behind one trait: research workbooks and research results kept per caller, and what the guards must not
//! forget: counters, spent confirmations, deployments known to be paper.
//!
//! A record is a name and some bytes under a caller's key; what the bytes mean is left to those who put them there
//! (`quantbook.rs` for workbooks, `desk.rs` for results, `gate/` for the guards). A stranger's record answers exactly
//! like one that was never there. There are two homes, [`MemoryStore`] and [`SqliteStore`], and nobody can tell them
//! apart before the process ends: the trait has no reference into their inside, changes go through [`Store::update`].

use std::{fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};

mod memory;
mod sqlite;
#[cfg(test)]
mod tests;

pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

/// What kind of thing a record is; names are unique within a caller and a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A named research workbook: source and subscriptions.
    Workbook,
    /// The full result of an analysis, named by its random id.
    Research,
    /// A saved list of symbols.
    SymbolList,
    /// A handle of long work.
    Job,
    /// How often something was done lately, or how much was spent.
    Counter,
    /// A confirmation that was used.
    Spent,
    /// What was previewed and may be done once.
    Preview,
    /// What this server deployed.
    Deployment,
    /// Which code a compile or a backtest is of.
    Code,
    /// A start that is made once, or which job a call became.
    Start,
    /// What a folder and a project were when they were last the same.
    Sync,
    /// A watcher of loss.
    Watch,
}

/// How a kind of record is kept when there is little room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// The oldest makes room.
    Result,
    /// Cannot be computed again: never makes room, so it has a limit of its own.
    Lasting,
    /// The guards': small, ends by its own time and is never forgotten before.
    Guard,
}

impl Kind {
    fn class(self) -> Class {
        match self {
            Kind::Research => Class::Result,
            Kind::Workbook | Kind::SymbolList | Kind::Job | Kind::Sync | Kind::Watch => Class::Lasting,
            Kind::Counter | Kind::Spent | Kind::Preview | Kind::Deployment | Kind::Code | Kind::Start => Class::Guard,
        }
    }

    /// Whether a missing record would allow more than the record itself: then one that was tampered with is an error,
    /// never an absence.
    fn is_limit(self) -> bool {
        matches!(self, Kind::Counter | Kind::Spent)
    }

    /// How long a record of [`Store::update`] is kept after its last change; `None` for ever.
    fn lives(self) -> Option<SignedDuration> {
        match self {
            Kind::Counter => Some(SignedDuration::from_hours(25)),
            Kind::Spent | Kind::Preview | Kind::Start => Some(SignedDuration::from_mins(30)),
            Kind::Deployment => Some(SignedDuration::from_hours(24 * 400)),
            Kind::Code => Some(SignedDuration::from_hours(24 * 60)),
            Kind::Job => Some(SignedDuration::from_hours(24 * 7)),
            Kind::Workbook | Kind::Research | Kind::SymbolList | Kind::Sync | Kind::Watch => None,
        }
    }

    /// The number that stands for it in a file; never reused.
    fn number(self) -> i64 {
        match self {
            Kind::Workbook => 1,
            Kind::Research => 2,
            Kind::SymbolList => 3,
            Kind::Job => 4,
            Kind::Counter => 5,
            Kind::Spent => 6,
            Kind::Preview => 7,
            Kind::Deployment => 8,
            Kind::Code => 9,
            Kind::Start => 10,
            Kind::Sync => 11,
            Kind::Watch => 12,
        }
    }
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
    /// A record of the guards was not written by this server.
    #[error(
        "a record of what was done already was changed by another hand; it is in the state folder, and what it limits is refused"
    )]
    Forged,
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

    /// Changes one record in one step: no other change of it comes in between, of any process. `None` from `change`
    /// removes it.
    ///
    /// # Errors
    /// As [`Store::put`], and [`StoreError::TooMany`] if the change would make one record more than
    /// [`Limits::records`] of that kind.
    fn update(&self, caller: &str, kind: Kind, name: &str, change: Change<'_>) -> Result<(), StoreError>;
}

/// How much a home keeps.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Callers; the one not heard of for longest is forgotten first, but for what the guards keep.
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

impl Limits {
    /// What a home in memory keeps: a server that serves many for long shall need little. A lasting home takes four times
    /// as much.
    #[must_use]
    pub fn in_memory() -> Self {
        const MB: usize = 1 << 20;
        Limits { bytes: 48 * MB, lasting_bytes: 32 * MB, ..Limits::default() }
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
