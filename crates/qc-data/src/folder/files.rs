//! The files of a folder: names, sizes and ages, bytes within limits, entries of zips.

use super::{DataFolder, FileStamp};
use crate::error::{Error, Result};
use crate::zip;
use cap_std::fs::{Dir, Metadata};
use std::path::Path;

/// Text files larger than this are not read (the real market-hours database has 3 MB, a coarse file 0.4 MB).
const MAX_TEXT_BYTES: u64 = 256 << 20;

impl DataFolder {
    /// Size and age of a file or folder; `None` when it does not exist.
    pub(crate) fn stamp(&self, path: &str) -> Result<Option<FileStamp>> {
        match self.inner.dir.metadata(path) {
            Ok(meta) => Ok(Some(stamp_of(&meta))),
            Err(error) => absent_is_none(path, error),
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
        Ok(self.read_stamped(path, limit)?.map(|(bytes, _)| bytes))
    }

    /// As [`DataFolder::read`], with size and age of the very file that was read.
    pub(crate) fn read_stamped(&self, path: &str, limit: u64) -> Result<Option<(Vec<u8>, FileStamp)>> {
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
        Ok(Some((bytes, stamp_of(&meta))))
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

/// The entry of this name, or the first one.
pub(crate) fn wanted<'a>(entries: &'a [zip::Entry], name: Option<&str>) -> Option<&'a zip::Entry> {
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
