//! A LEAN data folder: where things lie in it, which security a ticker means, and what has been read already.

use crate::cache::{self, Cache};
use crate::chain;
use crate::error::{Error, Result};
use crate::factors::{FactorFile, RollFile};
use crate::futures;
use crate::hours::{self, ExchangeHours, HoursDatabase};
use crate::maps::{MapFile, MapIndex};
use crate::reference;
use crate::sid::Sid;
use crate::symbol::{self, Market, Security, SecurityType, SymbolQuery, check_name};
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
    hours: Mutex<Option<(FileStamp, Arc<HoursDatabase>)>>,
    cache: Cache,
    derived: Mutex<Option<Arc<Dir>>>,
}

/// Map files by their folder, with the folder's time of last change.
type MapIndices = HashMap<String, (Option<SystemTime>, Arc<MapIndex>)>;

impl fmt::Debug for DataFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataFolder").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

/// A zip of factor files with its directory.
struct Master {
    bytes: Vec<u8>,
    by_name: HashMap<String, crate::zip::Entry>,
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
            hours: Mutex::default(),
            cache: Cache::new(cache::DEFAULT_LIMIT_BYTES),
            derived: Mutex::default(),
        };
        DataFolder { inner: Arc::new(inner) }
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
        let path = path.as_ref();
        let refused = |error: std::io::Error| Error::Folder {
            path: path.display().to_string(),
            reason: error.kind().to_string(),
        };
        let authority = cap_std::ambient_authority();
        Dir::create_ambient_dir_all(path, authority).map_err(refused)?;
        let dir = Dir::open_ambient_dir(path, authority).map_err(refused)?;
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

    /// Which security a query means: a ticker, or an identifier such as `ES VMKLFZIH2MTD`.
    ///
    /// A ticker without map file stands for itself, so this says nothing about whether there is data. The ticker of an
    /// option is that of its underlying (`SPY`, `SPXW`, `ES`) and means the whole chain; a contract is named by its
    /// identifier.
    ///
    /// # Errors
    /// [`Error::BadName`] for a ticker or market that cannot be part of a file name; errors of damaged map files.
    pub fn resolve(&self, query: &SymbolQuery) -> Result<Security> {
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
        match self.map_index(SecurityType::Equity, market)?.resolve(ticker, date.unwrap_or(END_OF_TIME)) {
            Some(map) => Sid::equity(&map.first_ticker().to_ascii_uppercase(), map.first_date(), market.as_str()),
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

    /// The map file of a security; an empty one when there is none.
    pub(crate) fn map_file(&self, security: &Security) -> Result<Arc<MapFile>> {
        let index = self.map_index(security.security_type, &security.market)?;
        let sid = &security.sid;
        Ok(index.resolve(sid.symbol(), sid.date()).unwrap_or_else(|| Arc::new(MapFile::empty(sid.symbol()))))
    }

    /// Which contracts a continuous future follows; an empty file when there is none.
    pub(crate) fn future_map(&self, security: &Security) -> Result<Arc<MapFile>> {
        let root = security.sid.symbol().to_ascii_lowercase();
        let path = format!("future/{}/map_files/{root}.csv", security.market);
        let Some(stamp) = self.stamp(&path)? else { return Ok(Arc::new(MapFile::empty(&root))) };
        if let Some(known) = self.cache().get::<MapFile>(&path, stamp) {
            return Ok(known);
        }
        let text = self.read_text(&path)?.unwrap_or_default();
        let file = Arc::new(MapFile::parse(&root, &path, &text)?);
        self.cache().put(path, stamp, file.clone(), text.len() * 3 + 256);
        Ok(file)
    }

    /// How the contracts of a continuous future are made to meet, with the file's path; `None` when there is none.
    pub(crate) fn roll_file(&self, security: &Security) -> Result<(String, Option<Arc<RollFile>>)> {
        let root = security.sid.symbol().to_ascii_lowercase();
        let path = format!("future/{}/factor_files/{root}.csv", security.market);
        let Some(stamp) = self.stamp(&path)? else { return Ok((path, None)) };
        if let Some(known) = self.cache().get::<RollFile>(&path, stamp) {
            return Ok((path, Some(known)));
        }
        let Some(text) = self.read_text(&path)? else { return Ok((path, None)) };
        let file = Arc::new(RollFile::parse(&text));
        self.cache().put(path.clone(), stamp, file.clone(), text.len() + 256);
        Ok((path, Some(file)))
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
        let mut known = std::collections::HashSet::new();
        if let Some(master) = self.newest_master(&folder, "map_files")? {
            for (name, bytes) in self.read_zip_whole(&master)? {
                let Some(permtick) = plain_name(&name).strip_suffix(".csv") else { continue };
                let text = utf8(&master, bytes)?;
                known.insert(permtick.to_ascii_lowercase());
                files.push(MapFile::parse(permtick, &format!("{master}#{name}"), &text)?);
            }
        }
        if stamp.is_some() {
            for name in self.list(&folder)? {
                // The dated zip is the whole market; loose files add what it does not have.
                if let Some(permtick) = name.strip_suffix(".csv").filter(|name| !known.contains(*name)) {
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

    /// The market-hours database, read again when its file changed.
    pub(crate) fn hours_database(&self) -> Result<Arc<HoursDatabase>> {
        let missing = || Error::Missing { file: hours::FILE.to_owned() };
        let stamp = self.stamp(hours::FILE)?.ok_or_else(missing)?;
        let mut kept = self.inner.hours.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, database)) = kept.as_ref()
            && *known == stamp
        {
            return Ok(database.clone());
        }
        let text = self.read_text(hours::FILE)?.ok_or_else(missing)?;
        let database = Arc::new(HoursDatabase::new(text)?);
        *kept = Some((stamp, database.clone()));
        Ok(database)
    }

    /// The sessions of a security.
    pub(crate) fn hours(&self, security: &Security) -> Result<Arc<ExchangeHours>> {
        let symbol = match security.security_type {
            SecurityType::Option => security.sid.underlying().map_or(security.ticker.as_str(), Sid::symbol),
            SecurityType::IndexOption | SecurityType::FutureOption | SecurityType::Future | SecurityType::Base => {
                security.sid.symbol()
            }
            _ => &security.ticker,
        };
        self.hours_database()?.hours(security.security_type, security.market.as_str(), symbol)
    }

    /// The factor file of a company with its path; `None` when there is none.
    pub(crate) fn factor_file(&self, security: &Security, map: &MapFile) -> Result<(String, Option<Arc<FactorFile>>)> {
        let permtick = if map.is_empty() { security.sid.symbol().to_ascii_lowercase() } else { map.permtick.clone() };
        let shelf = format!("{}/{}/factor_files", security.security_type.folder(), security.market);
        if let Some((path, stamp, text)) = self.master_factors(&shelf, &permtick)? {
            if let Some(known) = self.cache().get::<FactorFile>(&path, stamp) {
                return Ok((path, Some(known)));
            }
            let file = Arc::new(FactorFile::parse(&text));
            self.cache().put(path.clone(), stamp, file.clone(), text.len() * 2 + 256);
            return Ok((path, Some(file)));
        }
        let path = format!("{shelf}/{permtick}.csv");
        let Some(stamp) = self.stamp(&path)? else { return Ok((path, None)) };
        if let Some(known) = self.cache().get::<FactorFile>(&path, stamp) {
            return Ok((path, Some(known)));
        }
        let Some(text) = self.read_text(&path)? else { return Ok((path, None)) };
        let file = Arc::new(FactorFile::parse(&text));
        self.cache().put(path.clone(), stamp, file.clone(), text.len() * 2 + 256);
        Ok((path, Some(file)))
    }

    /// Unpacks an entry of a zip (the first one if none is named) as (name, bytes); `None` when it does not exist.
    pub(crate) fn read_zip(&self, path: &str, entry: Option<&str>) -> Result<Option<(String, Vec<u8>)>> {
        let Some(bytes) = self.read(path, crate::zip::MAX_ZIP_BYTES)? else { return Ok(None) };
        let entries = crate::zip::entries(path, &bytes)?;
        let found = match entry {
            Some(name) => entries.iter().find(|e| e.name.eq_ignore_ascii_case(name)),
            None => entries.iter().find(|e| !e.name.ends_with('/')),
        };
        let Some(found) = found else { return Ok(None) };
        Ok(Some((found.name.clone(), crate::zip::unpack(path, &bytes, found)?)))
    }

    /// Unpacks all entries of a zip; none when there is no such file.
    pub(crate) fn read_zip_whole(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let Some(bytes) = self.read(path, crate::zip::MAX_ZIP_BYTES)? else { return Ok(Vec::new()) };
        let entries = crate::zip::entries(path, &bytes)?;
        let files = entries.iter().filter(|entry| !entry.name.ends_with('/'));
        files.map(|entry| Ok((entry.name.clone(), crate::zip::unpack(path, &bytes, entry)?))).collect()
    }

    /// The newest `{kind}_YYYYMMDD.zip` of a folder: how QuantConnect delivers its security master.
    fn newest_master(&self, folder: &str, kind: &str) -> Result<Option<String>> {
        let names = self.list(folder)?;
        let dated = names.iter().filter(|name| {
            let day = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_')?.strip_suffix(".zip"));
            day.and_then(crate::maps::parse_day).is_some()
        });
        Ok(dated.max().map(|name| format!("{folder}/{name}")))
    }

    /// A factor file from the security master of a market, with its place; `None` when there is none in it.
    fn master_factors(&self, folder: &str, permtick: &str) -> Result<Option<(String, FileStamp, String)>> {
        let Some(path) = self.newest_master(folder, "factor_files")? else { return Ok(None) };
        let Some(stamp) = self.stamp(&path)? else { return Ok(None) };
        let name = format!("{path}#directory");
        let master = match self.cache().get::<Master>(&name, stamp) {
            Some(known) => known,
            None => {
                let Some(bytes) = self.read(&path, crate::zip::MAX_ZIP_BYTES)? else { return Ok(None) };
                let entries = crate::zip::entries(&path, &bytes)?;
                let by_name = entries.into_iter().map(|entry| (plain_name(&entry.name).to_owned(), entry)).collect();
                let master = Arc::new(Master { bytes, by_name });
                let size = master.bytes.len() + master.by_name.len() * 160;
                self.cache().put(name, stamp, master.clone(), size);
                master
            }
        };
        let Some(entry) = master.by_name.get(&format!("{permtick}.csv")) else { return Ok(None) };
        let text = utf8(&path, crate::zip::unpack(&path, &master.bytes, entry)?)?;
        Ok(Some((format!("{path}#{}", entry.name), stamp, text)))
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
        utf8(path, bytes).map(Some)
    }
}

/// The name of an entry without the folders before it.
fn plain_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn utf8(path: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::Damaged { file: path.to_owned(), problem: "it is not UTF-8 text" })
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
