//! The files of a folder: names, sizes and ages, bytes within limits, entries of zips.

use super::{DataFolder, FileStamp, watch::Watch};
use crate::error::{Error, Result};
use crate::zip;
use cap_std::fs::{Dir, File, Metadata};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Text files larger than this are not read (the real market-hours database has 3 MB, a coarse file 0.4 MB).
const MAX_TEXT_BYTES: u64 = 256 << 20;

impl DataFolder {
    /// Size and age of a file or folder; `None` when it does not exist.
    pub(crate) fn stamp(&self, path: &str) -> Result<Option<FileStamp>> {
        self.note(path);
        match self.inner.dir.metadata(path) {
            Ok(meta) => Ok(Some(stamp_of(&meta))),
            Err(error) => absent_is_none(path, error),
        }
    }

    /// Remembers a path that is looked at, if this handle does.
    pub(super) fn note(&self, path: &str) {
        if let Some(watch) = &self.watch {
            watch.note(path);
        }
    }

    /// The names in a folder, sorted; empty when the folder does not exist.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.each_name(path, |name, _| {
            names.push(name);
            Ok(())
        })?;
        names.sort();
        Ok(names)
    }

    /// The names in a folder with size and age of each, sorted; empty when the folder does not exist.
    pub(crate) fn listing(&self, path: &str) -> Result<Vec<(String, FileStamp)>> {
        let mut found = Vec::new();
        self.each_name(path, |name, entry| {
            let meta = entry.metadata().map_err(|error| io(path, &error))?;
            let stamp = match meta.is_symlink() {
                true => self.stamp(&format!("{path}/{name}"))?,
                false => Some(stamp_of(&meta)),
            };
            found.extend(stamp.map(|stamp| (name, stamp)));
            Ok(())
        })?;
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    fn each_name(&self, path: &str, mut take: impl FnMut(String, &cap_std::fs::DirEntry) -> Result<()>) -> Result<()> {
        let entries = match self.inner.dir.read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return absent_is_none::<()>(path, error).map(drop),
        };
        for entry in entries {
            let entry = entry.map_err(|error| io(path, &error))?;
            if let Ok(name) = entry.file_name().into_string() {
                take(name, &entry)?;
            }
        }
        Ok(())
    }

    /// The bytes of a file of at most `limit` bytes; `None` when it does not exist.
    pub(crate) fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(found) = self.find(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        found.read_into(limit, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// Opens a file; `None` when it does not exist.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Found>> {
        self.note(path);
        found_in(&self.inner.dir, path, path.to_owned())
    }

    /// Opens a folder of many files; `None` when it does not exist.
    pub(crate) fn open_folder(&self, path: &str) -> Result<Option<OpenFolder>> {
        match self.inner.dir.open_dir(path) {
            Ok(dir) => Ok(Some(OpenFolder { dir, path: path.to_owned(), watch: self.watch.clone() })),
            Err(error) => absent_is_none(path, error),
        }
    }

    /// A text file; `None` when it does not exist.
    pub(crate) fn read_text(&self, path: &str) -> Result<Option<String>> {
        let Some(bytes) = self.read(path, MAX_TEXT_BYTES)? else { return Ok(None) };
        utf8(path, bytes).map(Some)
    }

    /// Unpacks an entry of a zip (the first one if none is named) as (name, bytes); `None` when it does not exist.
    pub(crate) fn read_zip(&self, path: &str, entry: Option<&str>) -> Result<Option<(String, Vec<u8>)>> {
        let Some(bytes) = self.read(path, zip::MAX_ZIP_BYTES)? else { return Ok(None) };
        let entries = zip::entries(path, &bytes)?;
        let Some(found) = wanted(&entries, entry) else { return Ok(None) };
        Ok(Some((found.name.clone(), zip::unpack(path, &bytes, found)?)))
    }

    /// Unpacks all entries of a zip, one after the other; what they hold together is limited before the first is.
    pub(crate) fn each_entry(&self, path: &str, mut take: impl FnMut(&str, Vec<u8>) -> Result<()>) -> Result<()> {
        let Some(bytes) = self.read(path, zip::MAX_ZIP_BYTES)? else { return Ok(()) };
        let entries = zip::entries(path, &bytes)?;
        zip::check_whole(path, bytes.len() as u64, &entries)?;
        for entry in entries.iter().filter(|entry| !entry.name.ends_with('/')) {
            take(&entry.name, zip::unpack(path, &bytes, entry)?)?;
        }
        Ok(())
    }
}

/// A folder of many files, opened once: each of them is then found by its name alone.
#[derive(Debug)]
pub(crate) struct OpenFolder {
    dir: Dir,
    path: String,
    watch: Option<Arc<Watch>>,
}

impl OpenFolder {
    /// Opens a file of the folder; `None` when it does not exist.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Found>> {
        let path = format!("{}/{name}", self.path);
        if let Some(watch) = &self.watch {
            watch.note(&path);
        }
        found_in(&self.dir, name, path)
    }
}

/// A file that is open, with size and age.
pub(crate) struct Found {
    file: File,
    path: String,
    pub(crate) stamp: FileStamp,
}

impl Found {
    /// The open file.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Its bytes, at most `limit`; what `bytes` held is gone.
    pub(crate) fn read_into(self, limit: u64, bytes: &mut Vec<u8>) -> Result<()> {
        use std::io::Read;
        let too_large = |found| Error::TooLarge { file: self.path.clone(), limit, found };
        if limit < self.stamp.size {
            return Err(too_large(self.stamp.size));
        }
        bytes.clear();
        bytes.reserve(self.stamp.size as usize + 1);
        self.file.take(limit + 1).read_to_end(bytes).map_err(|error| io(&self.path, &error))?;
        if limit < bytes.len() as u64 {
            return Err(too_large(bytes.len() as u64));
        }
        Ok(())
    }

    /// Gives its first entry as a zip to `read`; `None` when it has none.
    pub(crate) fn first_entry<T>(self, rooms: &Rooms, read: impl FnOnce(Packed<'_>) -> Result<T>) -> Result<Option<T>> {
        let path = self.path.clone();
        rooms.with(|room| {
            self.read_into(zip::MAX_ZIP_BYTES, &mut room.packed)?;
            let entries = zip::entries(&path, &room.packed)?;
            let Some(entry) = wanted(&entries, None) else { return Ok(None) };
            let Room { packed, text, inflater } = room;
            read(Packed { path: &path, bytes: packed, entry, text, inflater }).map(Some)
        })
    }

    /// Reads all of it as a zip of many entries.
    pub(crate) fn archive(self) -> Result<Archive> {
        let path = self.path.clone();
        let mut bytes = Vec::new();
        self.read_into(zip::MAX_ZIP_BYTES, &mut bytes)?;
        let mut by_name = HashMap::new();
        for entry in zip::entries(&path, &bytes)? {
            by_name.entry(entry.name.to_ascii_lowercase()).or_insert(entry);
        }
        Ok(Archive { path, bytes, by_name })
    }
}

/// A zip of many entries with its directory, such as a year of all contracts of an option.
pub(crate) struct Archive {
    path: String,
    bytes: Vec<u8>,
    /// By name in lower case.
    by_name: HashMap<String, zip::Entry>,
}

impl Archive {
    /// Gives an entry, whatever the case of its name, to `read`; `None` when it is not there.
    pub(crate) fn entry<T>(
        &self,
        rooms: &Rooms,
        name: &str,
        read: impl FnOnce(Packed<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(entry) = self.by_name.get(&name.to_ascii_lowercase()) else { return Ok(None) };
        rooms.with(|room| {
            let Room { text, inflater, .. } = room;
            read(Packed { path: &self.path, bytes: &self.bytes, entry, text, inflater }).map(Some)
        })
    }

    /// About how much memory it takes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.by_name.len() * 240
    }
}

/// An entry of a zip that is there and not unpacked yet.
pub(crate) struct Packed<'a> {
    path: &'a str,
    bytes: &'a [u8],
    entry: &'a zip::Entry,
    text: &'a mut Vec<u8>,
    inflater: &'a mut zip::Inflater,
}

impl<'a> Packed<'a> {
    /// Its name as written.
    pub(crate) fn name(&self) -> &'a str {
        &self.entry.name
    }

    /// How many bytes it says it unpacks to.
    pub(crate) fn size(&self) -> u64 {
        self.entry.size
    }

    /// Unpacks all of it.
    pub(crate) fn text(self) -> Result<&'a [u8]> {
        zip::unpack_into(self.path, self.bytes, self.entry, self.inflater, self.text)?;
        Ok(self.text)
    }

    /// As [`zip::unpack_in_parts`].
    pub(crate) fn in_parts(self, length: usize, take: &mut dyn FnMut(Vec<u8>) -> Vec<u8>) -> Result<()> {
        zip::unpack_in_parts(self.path, self.bytes, self.entry, self.inflater, length, take)
    }
}

/// Room for a file and what it unpacks to.
#[derive(Debug, Default)]
struct Room {
    packed: Vec<u8>,
    text: Vec<u8>,
    inflater: zip::Inflater,
}

/// Rooms of a folder that are used again and again, one for each thread that reads at the same time.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    idle: Mutex<Vec<Room>>,
}

/// A larger room is not kept.
const KEPT_ROOM: usize = 8 << 20;
/// More rooms are not kept.
const KEPT_ROOMS: usize = 16;

impl Rooms {
    fn with<T>(&self, work: impl FnOnce(&mut Room) -> Result<T>) -> Result<T> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = idle().pop().unwrap_or_default();
        let done = work(&mut room);
        let mut idle = idle();
        if room.packed.capacity() + room.text.capacity() <= KEPT_ROOM && idle.len() < KEPT_ROOMS {
            idle.push(room);
        }
        done
    }
}

pub(super) fn found_in(dir: &Dir, name: &str, path: String) -> Result<Option<Found>> {
    let file = match dir.open(name) {
        Ok(file) => file,
        Err(error) => return absent_is_none(&path, error),
    };
    let meta = file.metadata().map_err(|error| io(&path, &error))?;
    if !meta.is_file() {
        return Err(Error::Damaged { file: path, problem: "it is not a regular file" });
    }
    Ok(Some(Found { file, path, stamp: stamp_of(&meta) }))
}

/// The entry of this name, or the first one.
fn wanted<'a>(entries: &'a [zip::Entry], name: Option<&str>) -> Option<&'a zip::Entry> {
    match name {
        Some(name) => entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name)),
        None => entries.iter().find(|entry| !entry.name.ends_with('/')),
    }
}

/// Opens a folder by path, making it and the folders above it if need be.
///
/// # Errors
/// [`Error::Folder`] when it cannot be made or opened.
pub(crate) fn open_or_make(path: &Path) -> Result<Dir> {
    let refused =
        |error: std::io::Error| Error::Folder { path: path.display().to_string(), reason: error.kind().to_string() };
    let authority = cap_std::ambient_authority();
    Dir::create_ambient_dir_all(path, authority).map_err(refused)?;
    Dir::open_ambient_dir(path, authority).map_err(refused)
}

/// The name of an entry without the folders before it.
pub(crate) fn plain_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

pub(crate) fn utf8(path: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::Damaged { file: path.to_owned(), problem: "it is not UTF-8 text" })
}

/// A file that is not there is no error in a data folder.
fn absent_is_none<T>(path: &str, error: std::io::Error) -> Result<Option<T>> {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Ok(None),
        _ => Err(io(path, &error)),
    }
}

fn stamp_of(meta: &Metadata) -> FileStamp {
    FileStamp { size: meta.len(), modified: meta.modified().ok().map(cap_std::time::SystemTime::into_std) }
}

pub(crate) fn io(path: &str, error: &std::io::Error) -> Error {
    Error::Io { file: path.to_owned(), reason: error.kind().to_string() }
}
