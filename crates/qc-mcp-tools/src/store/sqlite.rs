//! The home in a file: survives the process and is shared by several. Nothing is held between calls but the open
//! file; each call is one transaction, and SQLite's write-ahead log lets readers and one writer work side by side.
//!
//! Each record carries a keyed hash of itself. One that does not fit was not written by this server or a copy of it:
//! it is reported and counts as absent where that is the safer case, and is an error where it is not.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::{Change, Class, Kind, Limits, Record, Store, StoreError};
use crate::keys::Key;

/// How long a call waits for another process to finish its own.
const PATIENCE: Duration = Duration::from_secs(5);
/// That a caller was heard of is written down at most this often.
const HEARD_EVERY_MS: i64 = 60_000;
/// The form of the tables; a file of another form is not touched.
const FORM: i64 = 1;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS records (
        id INTEGER PRIMARY KEY,
        caller TEXT NOT NULL,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        class INTEGER NOT NULL,
        size INTEGER NOT NULL,
        created INTEGER NOT NULL,
        changed INTEGER NOT NULL,
        expires INTEGER,
        hash BLOB NOT NULL,
        body BLOB NOT NULL,
        UNIQUE (caller, kind, name)
    );
    CREATE INDEX IF NOT EXISTS sizes ON records (class, caller, size);
    CREATE TABLE IF NOT EXISTS callers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, heard INTEGER NOT NULL);
";

/// The home in one SQLite file.
pub struct SqliteStore {
    limits: Limits,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    key: Key,
    connection: Mutex<Connection>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Home(error.to_string())
    }
}

/// A record as it lies in the file.
struct Row1 {
    id: i64,
    created: i64,
    changed: i64,
    expires: Option<i64>,
    name: String,
    hash: Vec<u8>,
    body: Vec<u8>,
}

const COLUMNS: &str = "id, created, changed, expires, name, hash, body";

impl Row1 {
    fn read(row: &Row<'_>) -> rusqlite::Result<Row1> {
        Ok(Row1 {
            id: row.get(0)?,
            created: row.get(1)?,
            changed: row.get(2)?,
            expires: row.get(3)?,
            name: row.get(4)?,
            hash: row.get(5)?,
            body: row.get(6)?,
        })
    }
}

impl SqliteStore {
    /// Opens the file at `path`, which exists (an empty file is fine) and is no link.
    pub(crate) fn open(
        path: &Path,
        key: &Key,
        limits: Limits,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "trusted_schema", "OFF")?;
        let form = |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get(0));
        let mut found: i64 = form(&connection)?;
        if found == 0 {
            let tables = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tables.execute_batch(TABLES)?;
            tables.pragma_update(None, "user_version", FORM)?;
            tables.commit()?;
            found = form(&connection)?;
        }
        if found != FORM {
            return Err(StoreError::Home(format!("the state file has form {found}, this version knows form {FORM}")));
        }
        Ok(SqliteStore { limits, now: Box::new(now), key: key.derive("records"), connection: Mutex::new(connection) })
    }

    /// Bytes kept at the moment, for all callers.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let sum: i64 =
            connection.query_row("SELECT coalesce(sum(size), 0) FROM records", [], |row| row.get(0)).unwrap();
        usize::try_from(sum).unwrap()
    }

    /// One transaction; whatever `work` did is undone when it fails.
    fn with<T>(&self, work: impl FnOnce(&Call<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // A panic inside a transaction drops it, which undoes it: the connection behind a poisoned lock is whole.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = (self.now)().as_millisecond();
        let call = Call { tx: &tx, key: &self.key, limits: &self.limits, now };
        let done = work(&call)?;
        tx.commit()?;
        Ok(done)
    }

    /// A look that changes nothing but, now and then, when the caller was heard of.
    fn look<T>(&self, caller: &str, work: impl FnOnce(&Call<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let now = (self.now)().as_millisecond();
        let call = Call { tx: &tx, key: &self.key, limits: &self.limits, now };
        let done = work(&call)?;
        let heard: Option<i64> =
            tx.query_row("SELECT heard FROM callers WHERE name = ?1", [caller], |row| row.get(0)).optional()?;
        tx.commit()?;
        if heard.is_some_and(|heard| heard + HEARD_EVERY_MS <= now) {
            connection.execute("UPDATE callers SET heard = ?2 WHERE name = ?1", params![caller, now])?;
        }
        Ok(done)
    }
}

impl Store for SqliteStore {
    fn put(
        &self,
        caller: &str,
        kind: Kind,
        name: &str,
        body: Vec<u8>,
        lives: Option<SignedDuration>,
    ) -> Result<(), StoreError> {
        self.with(|call| {
            call.check_size(&body)?;
            let before = call.find(caller, kind, name)?;
            let before_bytes = before.as_ref().map_or(0, |row| row.body.len());
            call.check_room(caller, kind, before_bytes, body.len())?;
            let created = before.map_or(call.now, |row| row.created);
            call.keep(caller, kind, name, &body, created, call.after(lives))
        })
    }

    fn get(&self, caller: &str, kind: Kind, name: &str) -> Result<Option<Record>, StoreError> {
        self.look(caller, |call| Ok(call.find(caller, kind, name)?.and_then(record)))
    }

    fn list(&self, caller: &str, kind: Kind) -> Result<Vec<Record>, StoreError> {
        self.look(caller, |call| {
            let mut rows = call.tx.prepare(&format!(
                "SELECT {COLUMNS} FROM records WHERE caller = ?1 AND kind = ?2 AND (expires IS NULL OR ?3 < expires) ORDER BY id"
            ))?;
            let rows = rows.query_map(params![caller, kind.number(), call.now], Row1::read)?;
            let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(rows.into_iter().filter(|row| call.is_ours(caller, kind, row)).filter_map(record).collect())
        })
    }

    fn remove(&self, caller: &str, kind: Kind, name: &str) -> Result<bool, StoreError> {
        self.with(|call| {
            let was_there = call.find(caller, kind, name)?.is_some();
            call.remove(caller, kind, name)?;
            Ok(was_there)
        })
    }

    fn update(&self, caller: &str, kind: Kind, name: &str, change: Change<'_>) -> Result<(), StoreError> {
        self.with(|call| {
            let before = call.find(caller, kind, name)?;
            let Some(body) = change(before.as_ref().map(|row| row.body.as_slice())) else {
                return call.remove(caller, kind, name);
            };
            call.check_size(&body)?;
            if before.is_none() && kind.class() != Class::Guard {
                let found = call.count(caller, kind)?;
                if self.limits.records <= found {
                    return Err(StoreError::TooMany { found, limit: self.limits.records });
                }
            }
            let before_bytes = before.as_ref().map_or(0, |row| row.body.len());
            call.check_room(caller, kind, before_bytes, body.len())?;
            let expires = match kind.lives() {
                Some(lives) => call.after(Some(lives)),
                None => before.as_ref().and_then(|row| row.expires),
            };
            let created = before.map_or(call.now, |row| row.created);
            call.keep(caller, kind, name, &body, created, expires)
        })
    }
}

fn record(row: Row1) -> Option<Record> {
    let at = |ms: i64| Timestamp::from_millisecond(ms).ok();
    Some(Record {
        name: row.name,
        body: row.body.into(),
        created: at(row.created)?,
        changed: at(row.changed)?,
        expires: row.expires.and_then(at),
    })
}

/// What one call works with.
struct Call<'a> {
    tx: &'a Transaction<'a>,
    key: &'a Key,
    limits: &'a Limits,
    now: i64,
}

fn number(class: Class) -> i64 {
    match class {
        Class::Result => 0,
        Class::Lasting => 1,
        Class::Guard => 2,
    }
}

impl Call<'_> {
    fn after(&self, lives: Option<SignedDuration>) -> Option<i64> {
        lives.map(|lives| self.now.saturating_add(i64::try_from(lives.as_millis()).unwrap_or(i64::MAX)))
    }

    fn find(&self, caller: &str, kind: Kind, name: &str) -> Result<Option<Row1>, StoreError> {
        let mut find = self.tx.prepare(&format!(
            "SELECT {COLUMNS} FROM records WHERE caller = ?1 AND kind = ?2 AND name = ?3 AND (expires IS NULL OR ?4 < expires)"
        ))?;
        let row = find.query_row(params![caller, kind.number(), name, self.now], Row1::read).optional()?;
        match row {
            Some(row) if self.is_ours(caller, kind, &row) => Ok(Some(row)),
            Some(_) if kind.is_limit() => Err(StoreError::Forged),
            _ => Ok(None),
        }
    }

    /// The keyed hash of a record.
    fn parts<'b>(caller: &'b str, kind: &'b [u8; 8], name: &'b str, times: &'b [u8], body: &'b [u8]) -> [&'b [u8]; 5] {
        [caller.as_bytes(), kind, name.as_bytes(), times, body]
    }

    fn is_ours(&self, caller: &str, kind: Kind, row: &Row1) -> bool {
        let times = times(row.created, row.changed, row.expires);
        let kind_bytes = kind.number().to_be_bytes();
        let fine = row.hash.len() == 32
            && self.key.verifies(&Call::parts(caller, &kind_bytes, &row.name, &times, &row.body), &row.hash);
        if !fine {
            tracing::error!(
                ?kind,
                record = row.id,
                "a kept record was not written with this server's key; it is not used"
            );
        }
        fine
    }

    fn check_size(&self, body: &[u8]) -> Result<(), StoreError> {
        if self.limits.record_bytes < body.len() {
            return Err(StoreError::TooLarge { found: body.len(), limit: self.limits.record_bytes });
        }
        Ok(())
    }

    /// Whether a record of `size` bytes may be kept beside what never makes room. What shrinks is always kept.
    fn check_room(&self, caller: &str, kind: Kind, before: usize, size: usize) -> Result<(), StoreError> {
        if kind.class() != Class::Lasting || size <= before {
            return Ok(());
        }
        let lasting = number(Class::Lasting);
        let own = self.sum(
            "SELECT coalesce(sum(size), 0) FROM records WHERE class = ?1 AND caller = ?2",
            params![lasting, caller],
        )?;
        let all = self.sum("SELECT coalesce(sum(size), 0) FROM records WHERE class = ?1", params![lasting])?;
        let limit = self.limits.lasting_bytes;
        for (found, limit) in [(own, limit / 4), (all, limit)] {
            let found = (found + size).saturating_sub(before);
            if limit < found {
                return Err(StoreError::Full { found, limit });
            }
        }
        Ok(())
    }

    fn sum(&self, sql: &str, of: impl rusqlite::Params) -> Result<usize, StoreError> {
        let sum: i64 = self.tx.prepare(sql)?.query_row(of, |row| row.get(0))?;
        Ok(usize::try_from(sum).unwrap_or_default())
    }

    fn count(&self, caller: &str, kind: Kind) -> Result<usize, StoreError> {
        self.sum(
            "SELECT count(*) FROM records WHERE caller = ?1 AND kind = ?2 AND (expires IS NULL OR ?3 < expires)",
            params![caller, kind.number(), self.now],
        )
    }

    fn remove(&self, caller: &str, kind: Kind, name: &str) -> Result<(), StoreError> {
        self.tx.prepare("DELETE FROM records WHERE caller = ?1 AND kind = ?2 AND name = ?3")?.execute(params![
            caller,
            kind.number(),
            name
        ])?;
        Ok(())
    }

    fn keep(
        &self,
        caller: &str,
        kind: Kind,
        name: &str,
        body: &[u8],
        created: i64,
        expires: Option<i64>,
    ) -> Result<(), StoreError> {
        self.remove(caller, kind, name)?;
        let times = times(created, self.now, expires);
        let kind_bytes = kind.number().to_be_bytes();
        let hash = self.key.hash(&Call::parts(caller, &kind_bytes, name, &times, body));
        self.tx
            .prepare(
                "INSERT INTO records (caller, kind, name, class, size, created, changed, expires, hash, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                caller,
                kind.number(),
                name,
                number(kind.class()),
                i64::try_from(body.len()).unwrap_or(i64::MAX),
                created,
                self.now,
                expires,
                hash.as_slice(),
                body
            ])?;
        let newest = self.tx.last_insert_rowid();
        self.tx
            .prepare(
                "INSERT INTO callers (name, heard) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET heard = excluded.heard",
            )?
            .execute(params![caller, self.now])?;
        self.make_room(newest)
    }

    /// Forgets expired records, then the quietest callers, then the oldest results of whoever holds most.
    fn make_room(&self, newest: i64) -> Result<(), StoreError> {
        let guard = number(Class::Guard);
        let callers = self.sum("SELECT count(*) FROM callers", params![])?;
        if self.limits.callers < callers {
            self.tx.execute("DELETE FROM records WHERE expires <= ?1", [self.now])?;
            self.tx.execute(
                "DELETE FROM records WHERE class <> ?1 AND caller IN
                 (SELECT name FROM callers ORDER BY heard DESC, id DESC LIMIT -1 OFFSET ?2)",
                params![guard, i64::try_from(self.limits.callers).unwrap_or(i64::MAX)],
            )?;
            self.tx.execute(
                "DELETE FROM callers WHERE name IN (SELECT name FROM callers ORDER BY heard DESC, id DESC LIMIT -1 OFFSET ?1)",
                [i64::try_from(self.limits.callers).unwrap_or(i64::MAX)],
            )?;
        }
        let total = || self.sum("SELECT coalesce(sum(size), 0) FROM records", params![]);
        if total()? <= self.limits.bytes {
            return Ok(());
        }
        self.tx.execute("DELETE FROM records WHERE expires <= ?1 AND id <> ?2", params![self.now, newest])?;
        while self.limits.bytes < total()? {
            // Of the callers that have a result to give, the one that holds most of everything.
            let oldest: Option<i64> = self
                .tx
                .query_row(
                    "SELECT min(id) FROM records WHERE class = ?1 AND id <> ?2 AND caller =
                     (SELECT caller FROM records GROUP BY caller
                      HAVING sum(class = ?1 AND id <> ?2) > 0 ORDER BY sum(size) DESC LIMIT 1)",
                    params![number(Class::Result), newest],
                    |row| row.get(0),
                )
                .optional()?
                .flatten();
            let Some(oldest) = oldest else { return Ok(()) };
            self.tx.execute("DELETE FROM records WHERE id = ?1", [oldest])?;
        }
        Ok(())
    }
}

/// Times as they are hashed.
fn times(created: i64, changed: i64, expires: Option<i64>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(25);
    bytes.extend(created.to_be_bytes());
    bytes.extend(changed.to_be_bytes());
    if let Some(expires) = expires {
        bytes.extend(expires.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests;
