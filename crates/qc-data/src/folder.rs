//! A LEAN data folder: where things lie in it, which security a ticker means, and what has been read already.

mod companies;
mod files;
mod shelve;
mod watch;

pub use shelve::MAX_FILE_BYTES;
pub use watch::FileRead;

pub(crate) use files::{Archive, Found, OpenFolder, Packed, Rooms, io, open_or_make};

use crate::cache::{self, Cache};
use crate::chain;
use crate::error::{Error, Result};
use crate::futures;
use crate::hours::HoursDatabase;
use crate::maps::MapIndex;
use crate::pool::Store;
use crate::reference;
use crate::sid::Sid;
use crate::symbol::{self, Market, Security, SecurityType, SymbolQuery, check_name};
use crate::time::END_OF_TIME;
use cap_std::fs::Dir;
use jiff::civil::Date;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Name of the file that says: this folder holds an invented market.
pub const SYNTHETIC_MARKER: &str = "synthetic.json";

/// A LEAN data folder, opened so that nothing outside of it can be reached. Cheap to clone.
///
/// Files are read when they are needed and kept, within a limit in bytes, until they change on disk.
#[derive(Clone)]
pub struct DataFolder {
    inner: Arc<Inner>,
    /// Remembers what is looked at, in a handle that was asked to.
    watch: Option<Arc<watch::Watch>>,
}

struct Inner {
    dir: Dir,
    name: String,
    synthetic: bool,
    /// Map files by their folder.
    maps: Mutex<HashMap<String, KnownMaps>>,
    /// Counts questions: within one, map files are looked at once.
    round: AtomicU64,
    hours: Mutex<Option<(FileStamp, Arc<HoursDatabase>)>>,
    cache: Cache,
    rooms: Rooms,
    hashes: watch::Hashes,
    store: Arc<Store>,
    derived: Mutex<Option<Arc<Dir>>>,
}

/// Map files of a market as they were when they were read.
struct KnownMaps {
    /// The question at which they were looked at last.
    round: u64,
    /// All files of the folder, with size and age of each.
    files: Vec<(String, FileStamp)>,
    /// The dated zip among them that counts.
    master: Option<String>,
    index: Arc<MapIndex>,
}

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
        let inner = Inner {
            dir,
            name: name.into(),
            synthetic,
            maps: Mutex::default(),
            round: AtomicU64::new(0),
            hours: Mutex::default(),
            cache: Cache::new(cache::DEFAULT_LIMIT_BYTES),
            rooms: Rooms::default(),
            hashes: watch::Hashes::default(),
            store: Arc::default(),
            derived: Mutex::default(),
        };
        DataFolder { inner: Arc::new(inner), watch: None }
    }

    /// The name under which it was opened.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether the folder declares itself invented (it holds `synthetic.json`); answers must say so.
    pub fn is_synthetic(&self) -> bool {
        self.inner.synthetic
    }

    /// Sets how many bytes of parsed files are kept (64 MB unless set).
    pub fn set_cache_limit(&self, bytes: usize) {
        self.inner.cache.set_limit(bytes);
    }

    /// How many bytes of parsed files are kept at the moment.
    pub fn cached_bytes(&self) -> usize {
        self.inner.cache.bytes()
    }

    /// Another handle of the folder itself, for writing.
    pub(crate) fn dir(&self) -> Result<Dir> {
        self.inner.dir.try_clone().map_err(|error| io(".", &error))
    }

    /// Keeps consolidated bars in this folder (made if need be), so that they are made once for all programs.
    ///
    /// Files there are found again by request and by size and time of every source file. At most 2 GB are kept.
    ///
    /// # Errors
    /// [`Error::Folder`] when it cannot be made or opened.
    pub fn keep_derived_in(&self, path: impl AsRef<Path>) -> Result<()> {
        let dir = open_or_make(path.as_ref())?;
        self.keep_derived(dir);
        Ok(())
    }

    /// As [`DataFolder::keep_derived_in`] for a folder that somebody else opened.
    pub fn keep_derived(&self, dir: Dir) {
        *self.inner.derived.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(dir));
    }

    pub(crate) fn derived(&self) -> Option<Arc<Dir>> {
        self.inner.derived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.inner.store
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.inner.rooms
    }

    /// Which security a query means: a ticker, or an identifier such as `ES VMKLFZIH2MTD`.
    ///
    /// A ticker without map file stands for itself, so this says nothing about whether there is data. The ticker of an
    /// option is that of its underlying (`SPY`, `SPXW`, `ES`) and means the whole chain; a contract is named by its
    /// identifier.
    ///
    /// # Errors
    /// [`Error::BadName`] for a ticker or market that cannot be part of a file name; errors of damaged map files.
    pub fn resolve(&self, query: &SymbolQuery) -> Result<Security> {
        self.look_again();
        self.resolved(query)
    }

    /// As [`DataFolder::resolve`] within a question.
    pub(crate) fn resolved(&self, query: &SymbolQuery) -> Result<Security> {
        let (ticker, security_type, market, date) = match query {
            SymbolQuery::Security(security) => return Ok(security.clone()),
            SymbolQuery::Ticker { ticker, security_type, market, date } => {
                (ticker.trim().to_ascii_uppercase(), *security_type, market.as_deref(), *date)
            }
        };
        if ticker.contains(' ')
            && let Ok(sid) = ticker.parse::<Sid>()
        {
            return self.security(&sid, date);
        }
        check_name("symbol", &ticker.to_ascii_lowercase())?;
        let market = match (market, security_type) {
            (Some(market), _) => Market::new(market)?,
            // A future is traded in one place, and so are the options on it.
            (None, SecurityType::Future | SecurityType::FutureOption) => {
                let known = reference::market_of(self, &ticker, security_type)?;
                Market::new(known.as_deref().unwrap_or(security_type.default_market()))?
            }
            (None, _) => Market::new(security_type.default_market())?,
        };
        let sid = match security_type {
            SecurityType::Equity => self.equity_sid(&ticker, &market, date)?,
            SecurityType::Option => {
                let underlying = self.equity_sid(&ticker, &market, date)?;
                let root = underlying.symbol().to_owned();
                Sid::chain(&root, security_type, market.as_str(), underlying)?
            }
            SecurityType::IndexOption => {
                let index = Sid::plain(symbol::index_of(&ticker), SecurityType::Index, market.as_str())?;
                Sid::chain(&ticker, security_type, market.as_str(), index)?
            }
            SecurityType::FutureOption => {
                let future = Sid::plain(symbol::future_of(&ticker), SecurityType::Future, market.as_str())?;
                Sid::chain(&ticker, security_type, market.as_str(), future)?
            }
            _ => Sid::plain(&ticker, security_type, market.as_str())?,
        };
        Ok(Security { ticker, security_type, market, sid })
    }

    fn equity_sid(&self, ticker: &str, market: &Market, date: Option<Date>) -> Result<Sid> {
        match self.map_index(SecurityType::Equity, market)?.resolve(ticker, date.unwrap_or(END_OF_TIME))? {
            Some(map) => {
                self.note_map(SecurityType::Equity, market, &map);
                Sid::equity(&map.first_ticker().to_ascii_uppercase(), map.first_date(), market.as_str())
            }
            None => Sid::equity(ticker, crate::sid::DEFAULT_DATE, market.as_str()),
        }
    }

    /// The security with this identifier, shown under the ticker it has on `date` (`None`: its last one).
    ///
    /// Contracts are shown as LEAN shows them: `ES20Z13`, `TWX   140621C00042500`.
    ///
    /// # Errors
    /// Errors of damaged map files.
    pub fn security(&self, sid: &Sid, date: Option<Date>) -> Result<Security> {
        let market = Market::new(sid.market())?;
        let security_type = sid.security_type();
        let mut security =
            Security { ticker: sid.symbol().to_ascii_uppercase(), security_type, market, sid: sid.clone() };
        check_name("symbol", &security.ticker.to_ascii_lowercase())?;
        let dated = crate::sid::DEFAULT_DATE < sid.date();
        match security_type {
            SecurityType::Equity => {
                let map = self.map_file(&security)?;
                let day = date.unwrap_or(map.delisting_date());
                if let Some(ticker) = map.ticker_on(day, None) {
                    security.ticker = ticker.to_ascii_uppercase();
                }
            }
            SecurityType::Future if dated => security.ticker = futures::contract_ticker(sid),
            SecurityType::Option if dated => {
                let underlying = sid.underlying().map(|of| self.security(of, date)).transpose()?;
                let root = underlying.map_or_else(|| security.ticker.clone(), |of| of.ticker);
                security.ticker = chain::option_ticker(&root, sid);
            }
            SecurityType::IndexOption | SecurityType::FutureOption if dated => {
                security.ticker = chain::option_ticker(&security.ticker, sid);
            }
            _ => {}
        }
        Ok(security)
    }
}
