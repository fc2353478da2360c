//! The market's files for whoever buys data: the folder that was asked for, or a temporary one made at first need.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::market;

/// Files below this folder of the market are for sale.
const FOR_SALE: &str = "equity";

/// The files of one market, by their paths below the data folder, with slashes.
#[derive(Debug)]
pub(crate) struct Shelf {
    seed: u64,
    /// A folder that holds the market already.
    given: Option<PathBuf>,
    made: OnceLock<Option<TempDir>>,
    files: OnceLock<BTreeMap<String, PathBuf>>,
}

impl Shelf {
    pub(crate) fn new(seed: u64, given: Option<PathBuf>) -> Self {
        Self { seed, given, made: OnceLock::new(), files: OnceLock::new() }
    }

    /// The files whose path begins so.
    pub(crate) fn beginning_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.files().keys().map(String::as_str).filter(move |path| path.starts_with(prefix))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.files().contains_key(path)
    }

    /// A file's content. Only listed paths are opened: nothing a caller sends becomes a path of this computer.
    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.files().get(path)?).ok()
    }

    fn files(&self) -> &BTreeMap<String, PathBuf> {
        self.files.get_or_init(|| {
            let mut files = BTreeMap::new();
            if let Some(folder) = self.folder() {
                collect(&folder.join(FOR_SALE), FOR_SALE, &mut files);
            }
            files
        })
    }

    fn folder(&self) -> Option<&Path> {
        if let Some(folder) = &self.given {
            return Some(folder);
        }
        let make = || {
            let folder = tempfile::Builder::new().prefix("qc-sim-").tempdir();
            let written = folder.map_err(|error| error.to_string()).and_then(|folder| {
                market::write(folder.path(), self.seed).map(|_| folder).map_err(|error| error.to_string())
            });
            written.map_err(|error| tracing::warn!(%error, "the market could not be written")).ok()
        };
        self.made.get_or_init(make).as_ref().map(TempDir::path)
    }
}

fn collect(folder: &Path, name: &str, files: &mut BTreeMap<String, PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            collect(&path, &name, files);
        } else {
            files.insert(name, path);
        }
    }
}
