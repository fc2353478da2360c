//! What a folder knows about companies and contracts: names, factors, rolls, and the hours in which they are traded.
//!
//! QuantConnect delivers map and factor files of a market as `map_files_YYYYMMDD.zip` and `factor_files_YYYYMMDD.zip`;
//! the newest of each counts, loose files add what it does not have.

use super::files::{plain_name, utf8};
use super::{DataFolder, FileStamp, KnownMaps};
use crate::error::{Error, Result};
use crate::factors::{FactorFile, RollFile};
use crate::hours::{self, ExchangeHours, HoursDatabase};
use crate::maps::{MapFile, MapIndex, Names, is_ticker};
use crate::sid::Sid;
use crate::symbol::{Market, Security, SecurityType};
use crate::zip;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// A zip of factor files with its directory.
struct Master {
    path: String,
    stamp: FileStamp,
    bytes: Vec<u8>,
    by_name: HashMap<String, zip::Entry>,
}

impl DataFolder {
    /// A new question: files that answers are looked up in (not those of prices, which are looked at each time) may
    /// have changed since the last one.
    pub(crate) fn look_again(&self) {
        self.inner.round.fetch_add(1, Ordering::Relaxed);
    }

    /// The map file of a security; an empty one when there is none.
    pub(crate) fn map_file(&self, security: &Security) -> Result<Arc<MapFile>> {
        let index = self.map_index(security.security_type, &security.market)?;
        let map = map_in(&index, security)?;
        self.note_map(security.security_type, &security.market, &map);
        Ok(map)
    }

    /// Remembers a loose map file that an answer rests on.
    pub(super) fn note_map(&self, security_type: SecurityType, market: &Market, map: &MapFile) {
        if self.watch.is_some() {
            self.note(&format!("{}/{market}/map_files/{}.csv", security_type.folder(), map.permtick));
        }
    }

    /// Under which names files of a share lie.
    pub(crate) fn names(&self, security: &Security) -> Result<Names> {
        let index = self.map_index(security.security_type, &security.market)?;
        let map = map_in(&index, security)?;
        self.note_map(security.security_type, &security.market, &map);
        Ok(Names::new(index, map, [security.sid.symbol(), &security.ticker]))
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

    /// All map files of a market, read again when one of them changed since the last question.
    pub(crate) fn map_index(&self, security_type: SecurityType, market: &Market) -> Result<Arc<MapIndex>> {
        let folder = format!("{}/{market}/map_files", security_type.folder());
        let round = self.inner.round.load(Ordering::Relaxed);
        let maps = || self.inner.maps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = maps().get(&folder)
            && known.round == round
        {
            known.master.iter().for_each(|master| self.note(master));
            return Ok(known.index.clone());
        }
        let files = self.listing(&folder)?;
        if let Some(known) = maps().get_mut(&folder)
            && known.files == files
        {
            known.round = round;
            known.master.iter().for_each(|master| self.note(master));
            return Ok(known.index.clone());
        }
        // All files are read for one question; it rests on those of its own securities alone.
        let unwatched = DataFolder { inner: self.inner.clone(), watch: None };
        let mut parsed = Vec::new();
        let mut in_master = HashSet::new();
        let master = newest_master(&folder, "map_files", files.iter().map(|(name, _)| name));
        if let Some(master) = &master {
            self.note(master);
            unwatched.each_entry(master, |name, bytes| {
                let permtick = plain_name(name).strip_suffix(".csv").filter(|name| is_ticker(name));
                let Some(permtick) = permtick else { return Ok(()) };
                in_master.insert(permtick.to_ascii_lowercase());
                let place = format!("{master}#{name}");
                parsed.push(MapFile::of_market(permtick, &place, utf8(&place, bytes)));
                Ok(())
            })?;
        }
        for (name, _) in &files {
            // The dated zip is the whole market; loose files add what it does not have.
            let permtick = name.strip_suffix(".csv").filter(|name| is_ticker(name));
            if let Some(permtick) = permtick.filter(|name| !in_master.contains(*name)) {
                let path = format!("{folder}/{name}");
                let text = match unwatched.read_text(&path) {
                    // What cannot be read at the moment is no damage of the file.
                    Err(error @ Error::Io { .. }) => return Err(error),
                    text => text.map(Option::unwrap_or_default),
                };
                parsed.push(MapFile::of_market(permtick, &path, text));
            }
        }
        let index = Arc::new(MapIndex::new(parsed));
        maps().insert(folder, KnownMaps { round, files, master, index: index.clone() });
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

    /// How many hours the regular sessions of a market were open between two moments, by the market-hours database; none if
    /// they are the wrong way round. `symbol` matters where one has hours of its own.
    ///
    /// # Errors
    /// [`Error::Missing`] without the database, [`Error::NoHours`] when the market is not in it, an unusable name of a market.
    pub fn open_hours(
        &self,
        (security_type, market, symbol): (SecurityType, &str, &str),
        from: jiff::Timestamp,
        to: jiff::Timestamp,
    ) -> Result<f64> {
        let market = crate::symbol::Market::new(market)?;
        Ok(self.hours_database()?.hours(security_type, market.as_str(), symbol)?.open_hours(from, to))
    }

    /// The factor file of a company with its path (`zip#entry` in a security master); `None` when there is none.
    pub(crate) fn factor_file(&self, security: &Security, map: &MapFile) -> Result<(String, Option<Arc<FactorFile>>)> {
        let permtick = if map.is_empty() { security.sid.symbol().to_ascii_lowercase() } else { map.permtick.clone() };
        let shelf = format!("{}/{}/factor_files", security.security_type.folder(), security.market);
        if let Some(master) = self.factor_master(&shelf)?
            && let Some(entry) = master.by_name.get(&format!("{permtick}.csv"))
        {
            let path = format!("{}#{}", master.path, entry.name);
            if let Some(known) = self.cache().get::<FactorFile>(&path, master.stamp) {
                return Ok((path, Some(known)));
            }
            let text = utf8(&path, zip::unpack(&path, &master.bytes, entry)?)?;
            let file = Arc::new(FactorFile::parse(&text));
            self.cache().put(path.clone(), master.stamp, file.clone(), text.len() * 2 + 256);
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

    /// The newest zip of factor files of a market.
    fn factor_master(&self, shelf: &str) -> Result<Option<Arc<Master>>> {
        // A folder of factor files changes when a zip comes or goes, so its own age says whether to look again.
        let Some(folder) = self.stamp(shelf)? else { return Ok(None) };
        let key = format!("{shelf}#newest");
        let newest = match self.cache().get::<Option<String>>(&key, folder) {
            Some(known) => known,
            None => {
                let names = self.list(shelf)?;
                let found = Arc::new(newest_master(shelf, "factor_files", names.iter()));
                self.cache().put(key, folder, found.clone(), 256);
                found
            }
        };
        let Some(path) = newest.as_ref() else { return Ok(None) };
        let Some(stamp) = self.stamp(path)? else { return Ok(None) };
        let name = format!("{path}#directory");
        if let Some(known) = self.cache().get::<Master>(&name, stamp) {
            return Ok(Some(known));
        }
        let Some(bytes) = self.read(path, zip::MAX_ZIP_BYTES)? else { return Ok(None) };
        let entries = zip::entries(path, &bytes)?;
        let by_name = entries.into_iter().map(|entry| (plain_name(&entry.name).to_owned(), entry)).collect();
        let master = Arc::new(Master { path: path.clone(), stamp, bytes, by_name });
        let size = master.bytes.len() + master.by_name.len() * 160;
        self.cache().put(name, stamp, master.clone(), size);
        Ok(Some(master))
    }
}

/// The map file of a security in an index; an empty one when there is none.
fn map_in(index: &MapIndex, security: &Security) -> Result<Arc<MapFile>> {
    let sid = &security.sid;
    let found = index.resolve(sid.symbol(), sid.date())?;
    Ok(found.unwrap_or_else(|| Arc::new(MapFile::empty(sid.symbol()))))
}

/// The newest `{kind}_YYYYMMDD.zip` of a folder.
fn newest_master<'a>(folder: &str, kind: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let dated = names.filter(|name| {
        let day = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_')?.strip_suffix(".zip"));
        day.and_then(crate::maps::parse_day).is_some()
    });
    dated.max().map(|name| format!("{folder}/{name}"))
}
