//! Where this server keeps what must last: a folder with one file of records, the audit beside it, and the key with
//! which both are sealed. Found at first use, so that a start touches no disk.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    keys::Key,
    private::Folder,
    settings::{Settings, StateFolder},
    store::{Change, Kind, Limits, MemoryStore, Record, SqliteStore, Store, StoreError},
};

/// The file of records.
const RECORDS: &str = "state.db";
/// The file of the key, where the settings give none.
const KEY: &str = "key";

/// The server's state. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct State {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    chosen: Option<StateFolder>,
    given_key: Option<Key>,
    opened: OnceLock<Opened>,
}

/// What was found at first use.
#[derive(Debug)]
struct Opened {
    folder: Option<Folder>,
    /// Why there is no folder although one was named.
    failure: Option<String>,
    key: Option<Key>,
    store: Box<dyn Store>,
}

impl State {
    /// State as the settings have it; opens nothing.
    pub(crate) fn new(settings: &Settings) -> State {
        let given_key = settings.state_key.as_ref().map(|key| Key::of_secret(key.reveal().as_bytes()));
        State { inner: Arc::new(Inner { chosen: settings.state_folder(), given_key, opened: OnceLock::new() }) }
    }

    /// The folder, unless state is kept in memory.
    ///
    /// # Errors
    /// Why the folder that the settings name cannot be used.
    pub(crate) fn folder(&self) -> Result<Option<&Folder>, StoreError> {
        let opened = self.opened();
        match &opened.failure {
            Some(reason) => Err(StoreError::Home(reason.clone())),
            None => Ok(opened.folder.as_ref()),
        }
    }

    /// The server's key.
    ///
    /// # Errors
    /// When the folder of the settings cannot be used, or the system has no randomness.
    pub(crate) fn key(&self) -> Result<&Key, StoreError> {
        self.folder()?;
        self.opened().key.as_ref().ok_or_else(|| StoreError::NoRandom("a key could not be made".into()))
    }

    /// Whether what is kept ends with this process.
    pub(crate) fn is_memory(&self) -> bool {
        self.opened().folder.is_none()
    }

    fn opened(&self) -> &Opened {
        self.inner.opened.get_or_init(|| self.inner.open())
    }
}

impl Inner {
    fn open(&self) -> Opened {
        let Some(StateFolder { path, is_named }) = &self.chosen else { return self.in_memory(None) };
        match self.in_folder(path) {
            Ok(opened) => opened,
            Err(error) if *is_named => {
                tracing::error!(%error, "the folder of QC_MCP_STATE_DIR cannot be used");
                self.in_memory(Some(format!("the folder of QC_MCP_STATE_DIR cannot be used: {error}")))
            }
            // What was counted lies there and cannot be read: beginning at zero would undo it.
            Err(error) if path.join(RECORDS).exists() => {
                tracing::error!(%error, "the state folder in the home folder cannot be used");
                self.in_memory(Some(format!("the state folder in the home folder cannot be used: {error}; move it away, or name another in QC_MCP_STATE_DIR")))
            }
            Err(error) => {
                tracing::warn!(%error, "no state folder in the home folder; what is kept ends with this process");
                self.in_memory(None)
            }
        }
    }

    fn in_memory(&self, failure: Option<String>) -> Opened {
        let key = self.given_key.clone().or_else(Key::random);
        let store: Box<dyn Store> = match &failure {
            Some(reason) => Box::new(Unusable(reason.clone())),
            None => Box::new(MemoryStore::default()),
        };
        Opened { folder: None, failure, key, store }
    }

    fn in_folder(&self, path: &Path) -> Result<Opened, String> {
        let folder = Folder::open(path).map_err(|error| error.to_string())?;
        let key = match &self.given_key {
            Some(key) => key.clone(),
            None => {
                let fresh = Key::random().ok_or("the system has no randomness for a key")?;
                let kept = folder.read_or_make(KEY, fresh.to_hex().as_bytes());
                Key::of_secret(&zeroize::Zeroizing::new(kept.map_err(|error| error.to_string())?))
            }
        };
        let file = folder.prepare(RECORDS).map_err(|error| error.to_string())?;
        for beside in ["-wal", "-shm"] {
            folder.refuse_link(&format!("{RECORDS}{beside}")).map_err(|error| error.to_string())?;
        }
        let store =
            SqliteStore::open(&file, &key, Limits::default(), Timestamp::now).map_err(|error| error.to_string())?;
        Ok(Opened { folder: Some(folder), failure: None, key: Some(key), store: Box::new(store) })
    }
}

/// A home that was named and cannot be used: nothing is kept, and everybody who asks is told.
#[derive(Debug)]
struct Unusable(String);

impl Unusable {
    fn error<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Home(self.0.clone()))
    }
}

impl Store for Unusable {
    fn put(&self, _: &str, _: Kind, _: &str, _: Vec<u8>, _: Option<SignedDuration>) -> Result<(), StoreError> {
        self.error()
    }

    fn get(&self, _: &str, _: Kind, _: &str) -> Result<Option<Record>, StoreError> {
        self.error()
    }

    fn list(&self, _: &str, _: Kind) -> Result<Vec<Record>, StoreError> {
        self.error()
    }

    fn remove(&self, _: &str, _: Kind, _: &str) -> Result<bool, StoreError> {
        self.error()
    }

    fn update(&self, _: &str, _: Kind, _: &str, _: Change<'_>) -> Result<(), StoreError> {
        self.error()
    }
}

impl Store for State {
    fn put(
        &self,
        caller: &str,
        kind: Kind,
        name: &str,
        body: Vec<u8>,
        lives: Option<SignedDuration>,
    ) -> Result<(), StoreError> {
        self.opened().store.put(caller, kind, name, body, lives)
    }

    fn get(&self, caller: &str, kind: Kind, name: &str) -> Result<Option<Record>, StoreError> {
        self.opened().store.get(caller, kind, name)
    }

    fn list(&self, caller: &str, kind: Kind) -> Result<Vec<Record>, StoreError> {
        self.opened().store.list(caller, kind)
    }

    fn remove(&self, caller: &str, kind: Kind, name: &str) -> Result<bool, StoreError> {
        self.opened().store.remove(caller, kind, name)
    }

    fn update(&self, caller: &str, kind: Kind, name: &str, change: Change<'_>) -> Result<(), StoreError> {
        self.opened().store.update(caller, kind, name, change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Transport;

    fn state(flags: &[&str]) -> State {
        State::new(&Settings::isolated(Transport::Stdio, flags.iter().copied()).unwrap())
    }

    #[test]
    fn without_a_folder_state_is_memory_with_a_key_of_its_own() {
        let (one, two) = (state(&[]), state(&[]));
        assert!(one.is_memory() && one.folder().unwrap().is_none());
        assert_ne!(one.key().unwrap().hash(&[]), two.key().unwrap().hash(&[]));
    }

    #[test]
    fn copies_share_a_folder_its_key_and_its_records() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let flags = ["--state-dir", path.to_str().unwrap()];
        let (one, two) = (state(&flags), state(&flags));
        assert!(!path.exists(), "nothing is opened before it is needed");
        assert_eq!(one.key().unwrap().hash(&[]), two.key().unwrap().hash(&[]));
        one.put("me", Kind::Workbook, "w", vec![1], None).unwrap();
        assert!(two.get("me", Kind::Workbook, "w").unwrap().is_some());
        let named = state(&["--state-dir", path.to_str().unwrap(), "--state-key", &"k".repeat(32)]);
        assert_ne!(named.key().unwrap().hash(&[]), one.key().unwrap().hash(&[]));
    }

    #[test]
    fn a_damaged_file_in_the_home_folder_is_no_fresh_start() {
        let home = tempfile::tempdir().unwrap();
        let mut settings = Settings::isolated(Transport::Stdio, Vec::<&str>::new()).unwrap();
        settings.home = Some(home.path().to_path_buf());
        let folder = home.path().join(".quantconnect-mcp");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(
            folder.join("state.db"),
            "this is no database, and it is longer than its header of 100 bytes".repeat(9),
        )
        .unwrap();
        let state = State::new(&settings);
        let error = state.get("me", Kind::Counter, "usage").unwrap_err().to_string();
        assert!(error.contains("cannot be used") && error.contains("QC_MCP_STATE_DIR"), "{error}");
        assert!(state.key().is_err());
    }

    #[test]
    fn a_named_folder_that_cannot_be_used_is_told_by_every_call() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let state = state(&["--state-dir", file.to_str().unwrap()]);
        let error = state.put("me", Kind::Workbook, "w", vec![1], None).unwrap_err().to_string();
        assert!(error.contains("QC_MCP_STATE_DIR"), "{error}");
        assert!(state.key().is_err() && state.folder().is_err());
    }
}
