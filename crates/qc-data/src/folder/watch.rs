//! Which files an answer rests on: a handle of the folder that remembers what is looked at through it, and a hash of each.

use super::{DataFolder, FileStamp, io};
use crate::error::Result;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

/// Hashes kept, so that a file which did not change is read for its hash once.
const MOST_HASHES: usize = 200_000;
/// Bytes read at a time.
const BLOCK: usize = 256 << 10;

/// A file that was looked at, and what it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    /// Path below the folder, with `/`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, as they lie on disk.
    pub sha256: [u8; 32],
}

/// Paths looked at through one handle and its clones.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    paths: Mutex<BTreeSet<String>>,
}

impl Watch {
    /// Remembers a path.
    pub(crate) fn note(&self, path: &str) {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if !paths.contains(path) {
            paths.insert(path.to_owned());
        }
    }
}

/// Hashes by path, each with the state of the file it was taken of.
#[derive(Debug, Default)]
pub(crate) struct Hashes {
    known: Mutex<HashMap<String, (FileStamp, [u8; 32])>>,
}

impl DataFolder {
    /// Another handle of this folder, which remembers what is looked at through it and through its clones.
    ///
    /// What was parsed before stays shared; a file that is answered from memory counts as looked at.
    #[must_use]
    pub fn watched(&self) -> DataFolder {
        DataFolder { inner: self.inner.clone(), watch: Some(Arc::default()) }
    }

    /// The files looked at through this handle since [`DataFolder::watched`] made it, sorted by path: bars, map and factor
    /// files, market hours. Empty for a handle that does not remember.
    ///
    /// Files are read for their hash, once for each state of a file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when a file cannot be read.
    pub fn files_read(&self) -> Result<Vec<FileRead>> {
        let Some(watch) = &self.watch else { return Ok(Vec::new()) };
        let paths = watch.paths.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            files.extend(self.hashed(path)?);
        }
        Ok(files)
    }

    /// `None` for folders and for what is gone.
    fn hashed(&self, path: String) -> Result<Option<FileRead>> {
        let inner = &self.inner;
        let is_file = inner.dir.metadata(&path).is_ok_and(|meta| meta.is_file());
        let Some(found) = (if is_file { super::files::found_in(&inner.dir, &path, path.clone())? } else { None })
        else {
            return Ok(None);
        };
        let known = || inner.hashes.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = found.stamp;
        if let Some((then, sha256)) = known().get(&path)
            && *then == stamp
        {
            return Ok(Some(FileRead { path, bytes: stamp.size, sha256: *sha256 }));
        }
        let (mut file, mut hasher, mut block) = (found.into_file(), Sha256::new(), vec![0; BLOCK]);
        loop {
            let n = file.read(&mut block).map_err(|error| io(&path, &error))?;
            if n == 0 {
                break;
            }
            hasher.update(block.get(..n).unwrap_or_default());
        }
        let sha256: [u8; 32] = hasher.finalize().into();
        let mut known = known();
        if MOST_HASHES <= known.len() {
            known.clear();
        }
        known.insert(path.clone(), (stamp, sha256));
        Ok(Some(FileRead { path, bytes: stamp.size, sha256 }))
    }
}
