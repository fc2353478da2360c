//! Whole files that come from elsewhere in LEAN's layout: put into the folder as they are, never over another.

use super::DataFolder;
use crate::error::{Error, Result};
use crate::folder::files::io;
use crate::zip;
use cap_std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest file taken, in bytes: what is larger could not be read again.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

impl DataFolder {
    /// Whether a file of the folder is there, by its path below it (`equity/usa/daily/spy.zip`).
    ///
    /// # Errors
    /// [`Error::BadName`] for a path that is none of LEAN's; [`Error::Io`] when it cannot be looked at.
    pub fn has_file(&self, path: &str) -> Result<bool> {
        check_path(path)?;
        Ok(self.stamp(path)?.is_some())
    }

    /// Puts a file into the folder as it is, with the folders above it. It is there whole or not at all, and a file that
    /// is there already is never replaced.
    ///
    /// # Errors
    /// [`Error::BadName`] for a path that is none of LEAN's; [`Error::Damaged`] for a `.zip` that is no zip or whose
    /// entries unpack to too much; [`Error::Io`] when a file of that name is there or nothing can be written.
    pub fn add_file(&self, path: &str, bytes: &[u8]) -> Result<()> {
        check_path(path)?;
        if path.ends_with(".zip") {
            zip::entries(path, bytes)?;
        }
        let dir = self.dir()?;
        if let Some((folder, _)) = path.rsplit_once('/') {
            dir.create_dir_all(folder).map_err(|error| io(path, &error))?;
        }
        // Written beside and then linked to its name, which fails where the name is taken.
        // Each call writes beside under a name of its own.
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let beside = format!("{path}.{}-{}.part", std::process::id(), CALLS.fetch_add(1, Ordering::Relaxed));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let written = dir.open_with(&beside, &options).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        let placed = written.and_then(|()| match dir.hard_link(&beside, &dir, path) {
            // Disks without links: nobody else's file is there, so the name may be taken.
            Err(_) if dir.metadata(path).is_err() => dir.rename(&beside, &dir, path),
            linked => linked,
        });
        // What is left beside is never read: no reader asks for such a name.
        let _ = dir.remove_file(&beside);
        placed.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::Io { file: path.to_owned(), reason: "it exists already and is never replaced".into() }
            }
            _ => io(path, &error),
        })
    }
}

/// Refuses what is no path of plain, visible names below the folder.
fn check_path(path: &str) -> Result<()> {
    const LONGEST: usize = 200;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    if path.len() <= LONGEST && path.split('/').count() >= 2 && path.split('/').all(plain) {
        return Ok(());
    }
    let reason = "it is no relative path of plain names such as equity/usa/daily/spy.zip";
    Err(Error::BadName { what: "file", name: crate::error::shown(path), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::zip_of;

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(home.path()).unwrap();
        (home, folder)
    }

    #[test]
    fn a_file_is_added_whole_and_never_replaced() {
        let (home, folder) = folder();
        let path = "equity/usa/daily/ko.zip";
        let zip = zip_of([("ko.csv", &b"20200102 00:00,1,1,1,1,1\n"[..])]).unwrap();
        assert!(!folder.has_file(path).unwrap());
        folder.add_file(path, &zip).unwrap();
        assert!(folder.has_file(path).unwrap());
        let again = folder.add_file(path, &zip_of([("ko.csv", &b"x"[..])]).unwrap()).unwrap_err();
        assert!(again.to_string().contains("never replaced"), "{again}");
        assert_eq!(std::fs::read(home.path().join(path)).unwrap(), zip);
        let left: Vec<_> = std::fs::read_dir(home.path().join("equity/usa/daily")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn what_is_no_zip_or_no_path_is_refused_and_nothing_is_left() {
        let (home, folder) = folder();
        let damaged = folder.add_file("equity/usa/daily/ko.zip", b"<html>").unwrap_err();
        assert!(matches!(damaged, Error::Damaged { .. }), "{damaged}");
        for bad in ["", "ko.zip", "/etc/passwd", "a/../b.zip", "a//b", ".hidden/b", "a/b ", "a\\b/c", "a/b.", "c:/b"] {
            assert!(matches!(folder.add_file(bad, b""), Err(Error::BadName { .. })), "{bad}");
        }
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
