//! A LEAN data folder: where things lie in it, which security a ticker means, and what has been read already.

use crate::error::{Error, Result};
use crate::maps::{MapFile, MapIndex};
use crate::sid::Sid;
use crate::symbol::{Market, Security, SecurityType, SymbolQuery, check_name};
use crate::time::END_OF_TIME;
use cap_std::fs::Dir;
use jiff::civil::Date;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Name of the file that says: this folder holds an invented market.
pub const SYNTHETIC_MARKER: &str = "synthetic.json";

/// Text files larger than this are not read (the real market-hours database has 3 MB, a coarse file 0.4 MB).
const MAX_TEXT_BYTES: u64 = 256 << 20;

/// A LEAN data folder, opened so that nothing outside of it can be reached. Cheap to clone.
///
/// Files are read when they are needed and kept, within a limit in bytes, until they change on disk.
#[derive(Clone)]
pub struct DataFolder {
    inner: Arc<Inner>,
}

struct Inner {
    dir: Dir,
    name: String,
    synthetic: bool,
    maps: Mutex<MapIndices>,
}

/// Map files by their folder, with the folder's time of last change.
type MapIndices = HashMap<String, (Option<SystemTime>, Arc<MapIndex>)>;

impl fmt::Debug for DataFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataFolder").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

/// What a file is like without reading it: enough to know whether it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileStamp {
    /// Size in bytes.
    pub(crate) size: u64,
    /// Time of last change.
    pub(crate) modified: Option<SystemTime>,
}

impl DataFolder {
    /// Opens a folder by path.
    ///
    /// # Errors
    /// [`Error::Folder`] when it does not exist or is not a folder.
    pub fn open(path: impl AsRef<Path>) -> Result<DataFolder> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let dir = Dir::open_ambient_dir(path, cap_std::ambient_authority())
            .map_err(|error| Error::Folder { path: name.clone(), reason: error.kind().to_string() })?;
        Ok(DataFolder::from_dir(dir, name))
    }

    /// Takes a folder that somebody else opened; `name` is only shown to people.
    pub fn from_dir(dir: Dir, name: impl Into<String>) -> DataFolder {
        let synthetic = dir.is_file(SYNTHETIC_MARKER);
        DataFolder { inner: Arc::new(Inner { dir, name: name.into(), synthetic, maps: Mutex::default() }) }
    }

    /// The name under which it was opened.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether the folder declares itself invented (it holds `synthetic.json`); answers must say so.
    pub fn is_synthetic(&self) -> bool {
        self.inner.synthetic
    }

    /// Which security a query means.
    ///
    /// A ticker without map file stands for itself, so this says nothing about whether there is data.
    ///
    /// # Errors
    /// [`Error::BadName`] for a ticker or market that cannot be part of a file name; errors of damaged map files.
    pub fn resolve(&self, query: &SymbolQuery) -> Result<Security> {
        let (ticker, security_type, market, date) = match query {
            SymbolQuery::Security(security) => return Ok(security.clone()),
            SymbolQuery::Ticker { ticker, security_type, market, date } => {
                (ticker.trim().to_ascii_uppercase(), *security_type, market.as_deref(), date.unwrap_or(END_OF_TIME))
            }
        };
        check_name("symbol", &ticker.to_ascii_lowercase())?;
        let market = Market::new(market.unwrap_or(security_type.default_market()))?;
        let sid = if security_type == SecurityType::Equity {
            match self.map_index(security_type, &market)?.resolve(&ticker, date) {
                Some(map) => {
                    let first_ticker = map.first_ticker().to_ascii_uppercase();
                    Sid::equity(&first_ticker, map.first_date(), market.as_str())?
                }
                None => Sid::equity(&ticker, crate::sid::DEFAULT_DATE, market.as_str())?,
            }
        } else {
            Sid::plain(&ticker, security_type, market.as_str())?
        };
        Ok(Security { ticker, security_type, market, sid })
    }

    /// The security with this identifier, shown under the ticker it has on `date` (`None`: its last one).
    ///
    /// # Errors
    /// Errors of damaged map files.
    pub fn security(&self, sid: &Sid, date: Option<Date>) -> Result<Security> {
        let market = Market::new(sid.market())?;
        let security_type = sid.security_type();
        let mut security =
            Security { ticker: sid.symbol().to_ascii_uppercase(), security_type, market, sid: sid.clone() };
        if security_type == SecurityType::Equity {
            let map = self.map_file(&security)?;
            let day = date.unwrap_or(map.delisting_date());
            if let Some(ticker) = map.ticker_on(day, None) {
                security.ticker = ticker.to_ascii_uppercase();
            }
        }
        Ok(security)
    }

    /// The map file of a security; an empty one when there is none.
    pub(crate) fn map_file(&self, security: &Security) -> Result<Arc<MapFile>> {
        let index = self.map_index(security.security_type, &security.market)?;
        let sid = &security.sid;
        Ok(index.resolve(sid.symbol(), sid.date()).unwrap_or_else(|| Arc::new(MapFile::empty(sid.symbol()))))
    }

    /// All map files of a market, read again when the folder that holds them changed.
    pub(crate) fn map_index(&self, security_type: SecurityType, market: &Market) -> Result<Arc<MapIndex>> {
        let folder = format!("{}/{market}/map_files", security_type.folder());
        let stamp = self.stamp(&folder)?.and_then(|stamp| stamp.modified);
        if let Some((known, index)) = self.maps().get(&folder)
            && *known == stamp
        {
            return Ok(index.clone());
        }
        let mut files = Vec::new();
        if stamp.is_some() {
            for name in self.list(&folder)? {
                if let Some(permtick) = name.strip_suffix(".csv") {
                    let path = format!("{folder}/{name}");
                    let text = self.read_text(&path)?.unwrap_or_default();
                    files.push(MapFile::parse(permtick, &path, &text)?);
                }
            }
        }
        let index = Arc::new(MapIndex::new(files));
        self.maps().insert(folder, (stamp, index.clone()));
        Ok(index)
    }

    fn maps(&self) -> std::sync::MutexGuard<'_, MapIndices> {
        self.inner.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Size and age of a file or folder; `None` when it does not exist.
    pub(crate) fn stamp(&self, path: &str) -> Result<Option<FileStamp>> {
        match self.inner.dir.metadata(path) {
            Ok(meta) => {
                let modified = meta.modified().ok().map(cap_std::time::SystemTime::into_std);
                Ok(Some(FileStamp { size: meta.len(), modified }))
            }
            Err(error) => absent_is_none(path, error),
        }
    }

    /// The names in a folder, sorted; empty when the folder does not exist.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<String>> {
        let entries = match self.inner.dir.read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return absent_is_none::<Vec<String>>(path, error).map(Option::unwrap_or_default),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| io(path, &error))?;
            if let Ok(name) = entry.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The bytes of a file of at most `limit` bytes; `None` when it does not exist.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        use std::io::Read;
        let file = match self.inner.dir.open(path) {
            Ok(file) => file,
            Err(error) => return absent_is_none(path, error),
        };
        let meta = file.metadata().map_err(|error| io(path, &error))?;
        if !meta.is_file() {
            return Err(Error::Damaged { file: path.to_owned(), problem: "it is not a regular file" });
        }
        let too_large = |found| Error::TooLarge { file: path.to_owned(), limit, found };
        if limit < meta.len() {
            return Err(too_large(meta.len()));
        }
        let mut bytes = Vec::with_capacity(meta.len() as usize + 1);
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| io(path, &error))?;
        if limit < bytes.len() as u64 {
            return Err(too_large(bytes.len() as u64));
        }
        Ok(Some(bytes))
    }

    /// A text file; `None` when it does not exist.
    pub(crate) fn read_text(&self, path: &str) -> Result<Option<String>> {
        let Some(bytes) = self.read(path, MAX_TEXT_BYTES)? else { return Ok(None) };
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::Damaged { file: path.to_owned(), problem: "it is not UTF-8 text" })?;
        Ok(Some(text))
    }
}

/// A file that is not there is no error in a data folder.
fn absent_is_none<T>(path: &str, error: std::io::Error) -> Result<Option<T>> {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Ok(None),
        _ => Err(io(path, &error)),
    }
}

pub(crate) fn io(path: &str, error: &std::io::Error) -> Error {
    Error::Io { file: path.to_owned(), reason: error.kind().to_string() }
}
