//! The research desk: what every research tool stands on, in one place to be handed around.
//!
//! Workbooks and results in the store, files below the roots, computations on the pool. The desk is made when the
//! server is made and opens nothing by itself: folders, threads and the synthetic market come with the first
//! question that needs them. What a result means is left to the tools; here it is only kept and found again.

use std::{path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use qc_data::FileRead;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::{
    compute::{Compute, Stop},
    error::{Kind, ToolError, Topic},
    quantbook::{CacheConfig, Workbooks},
    reply,
    roots::{Format, Roots},
    store::{self, MemoryStore, Store},
};

/// How long a research result is kept without being asked for again.
const RESULT_LIVES: SignedDuration = SignedDuration::from_hours(24);

/// How the desk is furnished; everything comes from the settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeskConfig {
    /// Folders callers may name files in.
    pub(crate) file_roots: Vec<PathBuf>,
    /// Folder new files go to; `None` in modes that write nothing.
    pub(crate) output_dir: Option<PathBuf>,
    /// What is kept of files that were read.
    pub(crate) cache: CacheConfig,
    /// Where state lives; `None` for memory.
    pub(crate) store: Option<Arc<dyn Store>>,
}

/// Workbooks, results, files and threads. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn Store>,
    books: Workbooks,
    roots: Roots,
    compute: Compute,
}

/// A result on its way into the store.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    /// The tool that made it.
    pub(crate) tool: &'static str,
    /// The arguments it was called with, defaults filled in.
    pub(crate) arguments: Value,
    /// Seed of random numbers, where a method draws any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// Where the numbers come from.
    pub(crate) provenance: Value,
    /// The files that were read.
    pub(crate) data: DataRead,
    /// What the reader should not overlook.
    pub(crate) warnings: Vec<String>,
    /// The full result.
    pub(crate) result: Value,
}

/// The files of a data folder that an answer rests on.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DataRead {
    /// How many.
    pub(crate) n_files: usize,
    /// SHA-256 over path and hash of each of them, in order: the same number means the same data.
    pub(crate) sha256: String,
    /// Path below the folder and SHA-256 of each, sorted, as many as are listed.
    pub(crate) files: Vec<(String, String)>,
}

/// Files listed by name; `sha256` is of all of them.
const MOST_FILES_LISTED: usize = 2_000;

impl DataRead {
    /// Of the files read.
    pub(crate) fn of(files: &[FileRead]) -> Self {
        let mut all = Sha256::new();
        for file in files {
            all.update(file.path.as_bytes());
            all.update([0]);
            all.update(file.sha256);
        }
        let listed = files.iter().take(MOST_FILES_LISTED);
        DataRead {
            n_files: files.len(),
            sha256: hex::encode(all.finalize()),
            files: listed.map(|file| (file.path.clone(), hex::encode(file.sha256))).collect(),
        }
    }
}

/// A kept result's id and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// 128 random bits, hexadecimal.
    pub(crate) id: String,
    /// `qc://research/{id}`.
    pub(crate) uri: String,
}

impl Desk {
    /// Furnishes a desk; opens nothing.
    pub(crate) fn new(config: DeskConfig) -> Self {
        let roots = Roots::new(config.file_roots, config.output_dir);
        let store = config.store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let books = Workbooks::new(store.clone(), roots.clone(), config.cache);
        Desk { inner: Arc::new(Inner { store, books, roots, compute: Compute::default() }) }
    }

    /// The workbooks.
    pub(crate) fn books(&self) -> &Workbooks {
        &self.inner.books
    }

    /// What is kept of all callers; every call names one.
    pub(crate) fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    /// Runs a blocking job on the pool: the caller's one at a time, given up when `cancel` fires.
    ///
    /// # Errors
    /// The job's own, or [`Kind::Cancelled`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        caller: &str,
        cancel: &CancellationToken,
        job: impl FnOnce(&Stop) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        self.inner.compute.run(caller, cancel, job).await?
    }

    /// As [`Desk::run`], with a [`Stop`] from which the caller reads how far the job is.
    ///
    /// # Errors
    /// As [`Desk::run`].
    pub(crate) async fn run_watched<T: Send + 'static>(
        &self,
        caller: &str,
        cancel: &CancellationToken,
        stop: Stop,
        job: impl FnOnce(&Stop) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        self.inner.compute.run_watched(caller, cancel, stop, job).await?
    }

    /// Keeps a result under a fresh id.
    ///
    /// # Errors
    /// When it is too large to keep, or the system has no randomness.
    pub(crate) fn keep(&self, caller: &str, finding: &Finding) -> Result<Kept, ToolError> {
        let id = store::new_id()?;
        let record = json!({
            "id": id,
            "created": Timestamp::now().to_string(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        let mut record = record;
        if let (Value::Object(record), Ok(Value::Object(finding))) = (&mut record, serde_json::to_value(finding)) {
            record.extend(finding);
        }
        let body = reply::settled(record).to_string().into_bytes();
        self.inner.store.put(caller, store::Kind::Research, &id, body, Some(RESULT_LIVES))?;
        let uri = format!("qc://research/{id}");
        Ok(Kept { id, uri })
    }

    /// Keeps the picture of a kept result beside it, as SVG, and answers its address.
    ///
    /// # Errors
    /// When it is too large to keep.
    pub(crate) fn keep_picture(&self, caller: &str, id: &str, svg: &str) -> Result<String, ToolError> {
        let body = svg.as_bytes().to_vec();
        self.inner.store.put(caller, store::Kind::Research, &picture_name(id), body, Some(RESULT_LIVES))?;
        Ok(format!("qc://research/{id}/chart.svg"))
    }

    /// The picture of a kept result, as SVG.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a result without one, and as [`Desk::research`].
    pub(crate) fn picture(&self, caller: &str, id: &str) -> Result<String, ToolError> {
        let record = match id.len() {
            32 => self.inner.store.get(caller, store::Kind::Research, &picture_name(id))?,
            _ => None,
        };
        let text = record.and_then(|record| String::from_utf8(record.body.to_vec()).ok());
        let none = "no kept picture with that id: one is made by an analysis with chart=true";
        text.ok_or_else(|| ToolError::new(Kind::NotFound, Topic::Research, none))
    }

    /// Keeps the page of a kept result beside it, as HTML, and answers its address.
    ///
    /// # Errors
    /// When it is too large to keep.
    pub(crate) fn keep_page(&self, caller: &str, id: &str, html: &str) -> Result<String, ToolError> {
        let body = html.as_bytes().to_vec();
        self.inner.store.put(caller, store::Kind::Research, &page_name(id), body, Some(RESULT_LIVES))?;
        Ok(format!("qc://research/{id}/tear_sheet.html"))
    }

    /// The page of a kept result, as HTML.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a result without one, and as [`Desk::research`].
    pub(crate) fn page(&self, caller: &str, id: &str) -> Result<String, ToolError> {
        let record = match id.len() {
            32 => self.inner.store.get(caller, store::Kind::Research, &page_name(id))?,
            _ => None,
        };
        let text = record.and_then(|record| String::from_utf8(record.body.to_vec()).ok());
        let none = "no kept tear sheet with that id: one is made by create_tear_sheet";
        text.ok_or_else(|| ToolError::new(Kind::NotFound, Topic::Research, none))
    }

    /// A kept result as JSON text.
    ///
    /// # Errors
    /// [`Kind::NotFound`], the same for a stranger's id, an expired one and one that never was.
    pub(crate) fn research(&self, caller: &str, id: &str) -> Result<String, ToolError> {
        let record = match id.len() {
            32 => self.inner.store.get(caller, store::Kind::Research, id)?,
            _ => None,
        };
        let text = record.and_then(|record| String::from_utf8(record.body.to_vec()).ok());
        text.ok_or_else(|| ToolError::new(Kind::NotFound, Topic::Research, "no kept research result with that id"))
    }

    /// Ids and tools of a caller's kept results, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn list_research(&self, caller: &str) -> Result<Vec<(Kept, String)>, ToolError> {
        let records = self.inner.store.list(caller, store::Kind::Research)?;
        let of = |record: store::Record| {
            let value: Value = serde_json::from_slice(&record.body).unwrap_or_default();
            let tool = value.get("tool").and_then(Value::as_str).unwrap_or("research").to_owned();
            (Kept { uri: format!("qc://research/{}", record.name), id: record.name }, tool)
        };
        Ok(records.into_iter().filter(|record| !record.name.contains('.')).map(of).collect())
    }

    /// The text of a file that a caller named, beneath the folders this server may read.
    ///
    /// # Errors
    /// As [`Roots::read_file`]; [`Kind::BadData`] for what is no text.
    pub(crate) fn read_text(&self, path: &str, most: u64) -> Result<String, ToolError> {
        let (bytes, _) = self.read_bytes(path, most)?;
        let no_text = || ToolError::new(Kind::BadData, Topic::Path, "the file is no text in UTF-8");
        String::from_utf8(bytes).map_err(|_| no_text())
    }

    /// The bytes of a file that a caller named, and its path below its root.
    ///
    /// # Errors
    /// As [`Roots::read_file`].
    pub(crate) fn read_bytes(&self, path: &str, most: u64) -> Result<(Vec<u8>, String), ToolError> {
        let read = self.inner.roots.read_file(path, most)?;
        Ok((read.bytes, read.shown))
    }

    /// Lets callers name files of the demo's market, which is made at the first call.
    pub(crate) fn also_read(&self, folder: &std::path::Path) {
        self.inner.roots.also_read(folder);
    }

    /// A folder that a caller named, beneath the folders this server may read.
    ///
    /// # Errors
    /// As [`Roots::open_folder`].
    pub(crate) fn open_folder(&self, path: &str) -> Result<crate::roots::OpenFolder, ToolError> {
        Ok(self.inner.roots.open_folder(path)?)
    }

    /// Writes `content` to a new file below the output folder and answers its name there.
    ///
    /// # Errors
    /// Without an output folder, for a name that is taken or not acceptable.
    pub(crate) fn save(&self, name: &str, format: Format, content: &[u8]) -> Result<String, ToolError> {
        use std::io::Write as _;
        let mut new = self.inner.roots.create(name, format)?;
        new.file.write_all(content).and_then(|()| new.file.sync_all()).map_err(|error| {
            ToolError::new(Kind::Internal, Topic::Path, format!("the new file could not be written: {}", error.kind()))
        })?;
        Ok(new.shown)
    }
}

/// Under this name the picture of a result is kept.
fn picture_name(id: &str) -> String {
    format!("{id}.svg")
}

/// Under this name its page is kept.
fn page_name(id: &str) -> String {
    format!("{id}.html")
}
