//! The only place that turns a caller's string into a path.
//!
//! Reading resolves beneath the folders of `QC_MCP_FILE_ROOTS`, writing makes new files beneath
//! `QC_MCP_OUTPUT_DIR`. Both open *beneath* a folder handle (cap-std), so a link that leaves the folder is refused
//! by the open call itself and not by comparing strings. Outside the roots an existing and a missing file answer
//! alike, so that nobody can ask this server what exists on the machine.
//!
//! What a file means is left to the caller; so is the order of roots, which comes from the settings.

pub(crate) mod synced;

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::{Arc, OnceLock},
};

use cap_std::{ambient_authority, fs::Dir};

/// Places whose files are devices or views of the kernel, never data, even beneath a configured root.
const NOT_DATA: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// Longest path a caller may send, in bytes (PATH_MAX of Linux).
const MAX_PATH_BYTES: usize = 4096;

/// Names Windows reserves for devices, refused everywhere so that a folder can move between machines.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Why a path was not opened. The display says what was wrong; which call helps is said by `hint.rs`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// Outside every root, or not there, or a link that leaves its root: one answer for all three.
    #[error("`{path}` is not a file or folder below the folders this server may read (setting QC_MCP_FILE_ROOTS)")]
    Outside {
        /// The caller's string, shortened and without control characters.
        path: String,
    },
    /// No root is configured at all (the default over HTTP).
    #[error("this server may read no local files (setting QC_MCP_FILE_ROOTS is empty)")]
    NoRoots,
    /// A name that no caller may use, wherever it points.
    #[error("`{path}` is not an acceptable path: {reason}")]
    Name {
        /// The caller's string, shortened and without control characters.
        path: String,
        /// Which rule it broke.
        reason: &'static str,
    },
    /// Below a root, but something else than what was asked for.
    #[error("`{path}` is {found}, not {wanted}")]
    Kind {
        /// The caller's string, shortened and without control characters.
        path: String,
        /// What lies there.
        found: &'static str,
        /// What was needed.
        wanted: &'static str,
    },
    /// No folder to write to is configured.
    #[error("this server may write no files (setting QC_MCP_OUTPUT_DIR is empty)")]
    NoOutput,
    /// The file to be made is there already; nothing is ever overwritten.
    #[error("`{path}` exists already and is never overwritten")]
    Exists {
        /// The caller's string, shortened and without control characters.
        path: String,
    },
    /// More bytes than are read.
    #[error("`{path}` holds {found} bytes, at most {limit} are read")]
    TooLarge {
        /// The caller's string, shortened and without control characters.
        path: String,
        /// Bytes of the file.
        found: u64,
        /// Most bytes.
        limit: u64,
    },
    /// The system refused; the kind is told, the path of the system is not.
    #[error("`{path}` could not be opened: {kind}")]
    Io {
        /// The caller's string, shortened and without control characters.
        path: String,
        /// The system's kind of error.
        kind: io::ErrorKind,
    },
    /// A configured root cannot be opened. Its path is the operator's business and not told.
    #[error("the folder of {setting} cannot be opened: {kind}")]
    Configured {
        /// Which setting named it.
        setting: &'static str,
        /// The system's kind of error.
        kind: io::ErrorKind,
    },
}

/// The folders a caller's path may lie in, and the one folder new files go to. Nothing is opened before it is used.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    read: Arc<[PathBuf]>,
    /// A folder that is made while the server runs: the market of the demo.
    late: Arc<OnceLock<PathBuf>>,
    output: Option<PathBuf>,
}

/// A root while a path is looked up beneath it.
struct Root {
    path: PathBuf,
    dir: Dir,
}

/// A file below a root, opened for reading.
#[derive(Debug)]
pub struct OpenFile {
    /// The handle; it is a regular file.
    pub file: std::fs::File,
    /// Size in bytes when it was opened.
    pub bytes: u64,
    /// Path relative to its root, safe to show.
    pub shown: String,
}

/// A file below a root, read.
#[derive(Debug)]
pub struct ReadFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// When it was last changed, where the system says so.
    pub changed: Option<std::time::SystemTime>,
    /// Path relative to its root, safe to show.
    pub shown: String,
}

/// A folder below a root, opened as a capability.
#[derive(Debug)]
pub struct OpenFolder {
    /// The handle; everything opened through it stays beneath it.
    pub dir: Dir,
    /// Path relative to its root (`.` for a root itself), safe to show.
    pub shown: String,
    /// Where it lies, for caches keyed by place. Not for answers.
    pub path: PathBuf,
}

/// A new file under the output folder.
#[derive(Debug)]
pub struct NewFile {
    /// The handle, empty and open for writing.
    pub file: std::fs::File,
    /// Path relative to the output folder, safe to show.
    pub shown: String,
}

/// What a new file will hold; decides its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma separated values.
    Csv,
    /// One JSON value.
    Json,
    /// A picture of dots.
    Png,
    /// A picture of lines and text.
    Svg,
    /// A page.
    Html,
    /// Pages for print.
    Pdf,
}

impl Format {
    /// The extension without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Png => "png",
            Format::Svg => "svg",
            Format::Html => "html",
            Format::Pdf => "pdf",
        }
    }
}

impl Roots {
    /// The configured folders: those to read below, and the one new files are made in.
    pub fn new(read: Vec<PathBuf>, output: Option<PathBuf>) -> Self {
        Roots { read: read.into(), late: Arc::default(), output }
    }

    /// From now on reads below this folder too, for everybody who shares these roots; the first such folder stays.
    pub fn also_read(&self, folder: &Path) {
        self.late.get_or_init(|| folder.to_path_buf());
    }

    /// Whether any local file may be read.
    pub fn can_read(&self) -> bool {
        self.readable().next().is_some()
    }

    fn readable(&self) -> impl Iterator<Item = &PathBuf> {
        self.read.iter().chain(self.late.get())
    }

    /// Whether new files may be written.
    pub fn can_write(&self) -> bool {
        self.output.is_some()
    }

    /// Opens a regular file below one of the roots.
    ///
    /// # Errors
    /// [`RootsError::Outside`] for anything that is not below a root, there or not; [`RootsError::Kind`] for a
    /// folder, a pipe or a device below a root.
    pub fn open_file(&self, text: &str) -> Result<OpenFile, RootsError> {
        let place = self.find(text)?;
        place.expect_kind(text, Kind::File)?;
        let file = place.root.dir.open(&place.inside).map_err(|error| refusal(text, &error))?;
        let metadata = file.metadata().map_err(|error| refusal(text, &error))?;
        if !metadata.is_file() {
            return Err(RootsError::Kind { path: shorten(text), found: "not a regular file", wanted: "a file" });
        }
        Ok(OpenFile { bytes: metadata.len(), shown: place.shown(), file: file.into_std() })
    }

    /// Reads a regular file of at most `most` bytes below one of the roots.
    ///
    /// # Errors
    /// As [`Roots::open_file`]; [`RootsError::TooLarge`] for a larger file.
    pub fn read_file(&self, text: &str, most: u64) -> Result<ReadFile, RootsError> {
        use io::Read as _;
        let open = self.open_file(text)?;
        let too_large = |found| RootsError::TooLarge { path: shorten(text), found, limit: most };
        if most < open.bytes {
            return Err(too_large(open.bytes));
        }
        let changed = open.file.metadata().and_then(|metadata| metadata.modified()).ok();
        let mut bytes = Vec::new();
        open.file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| refusal(text, &error))?;
        if most < bytes.len() as u64 {
            return Err(too_large(bytes.len() as u64));
        }
        Ok(ReadFile { bytes, changed, shown: open.shown })
    }

    /// Opens a folder below one of the roots, or a root itself.
    ///
    /// # Errors
    /// As [`Roots::open_file`], with a file where a folder was wanted as [`RootsError::Kind`].
    pub fn open_folder(&self, text: &str) -> Result<OpenFolder, RootsError> {
        let place = self.find(text)?;
        place.expect_kind(text, Kind::Folder)?;
        let dir = if place.inside.as_os_str().is_empty() || place.inside == Path::new(".") {
            place.root.dir.try_clone()
        } else {
            place.root.dir.open_dir(&place.inside)
        };
        let dir = dir.map_err(|error| refusal(text, &error))?;
        Ok(OpenFolder { dir, shown: place.shown(), path: place.root.path.join(&place.inside) })
    }

    /// Makes a new file below the output folder; folders named on the way are made.
    ///
    /// A name without extension gets the format's; another extension is refused.
    ///
    /// # Errors
    /// [`RootsError::NoOutput`] without the setting, [`RootsError::Exists`] if the name is taken,
    /// [`RootsError::Name`] for a name that could leave the folder or hide in it.
    pub fn create(&self, text: &str, format: Format) -> Result<NewFile, RootsError> {
        let output = self.output.as_deref().ok_or(RootsError::NoOutput)?;
        let mut inside = checked_name(text)?;
        if inside.is_absolute() {
            inside = inside.strip_prefix(output).map(Path::to_path_buf).map_err(|_| RootsError::Name {
                path: shorten(text),
                reason: "new files lie below the output folder (setting QC_MCP_OUTPUT_DIR): give a relative name",
            })?;
        }
        refuse_hidden(text, &inside)?;
        match inside.extension().and_then(|e| e.to_str()) {
            None => {
                inside.set_extension(format.extension());
            }
            Some(found) if found.eq_ignore_ascii_case(format.extension()) => {}
            Some(_) => {
                return Err(RootsError::Name {
                    path: shorten(text),
                    reason: match format {
                        Format::Csv => "this result is written as .csv",
                        Format::Json => "this result is written as .json",
                        Format::Png => "this picture is written as .png",
                        Format::Svg => "this picture is written as .svg",
                        Format::Html => "this page is written as .html",
                        Format::Pdf => "these pages are written as .pdf",
                    },
                });
            }
        }
        let configured = |error: io::Error| RootsError::Configured { setting: "QC_MCP_OUTPUT_DIR", kind: error.kind() };
        Dir::create_ambient_dir_all(output, ambient_authority()).map_err(configured)?;
        let dir = Dir::open_ambient_dir(output, ambient_authority()).map_err(configured)?;
        if let Some(parent) = inside.parent().filter(|p| !p.as_os_str().is_empty()) {
            dir.create_dir_all(parent).map_err(|error| refusal(text, &error))?;
        }
        let mut options = cap_std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        let file = dir.open_with(&inside, &options).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => RootsError::Exists { path: shorten(text) },
            _ => refusal(text, &error),
        })?;
        Ok(NewFile { file: file.into_std(), shown: inside.to_string_lossy().into_owned() })
    }

    /// Finds the root that holds `text` and the path beneath it with every link resolved.
    fn find(&self, text: &str) -> Result<Place, RootsError> {
        if !self.can_read() {
            return Err(RootsError::NoRoots);
        }
        let wanted = checked_name(text)?;
        for configured in self.readable() {
            // A root that is not there (yet) holds nothing.
            let Ok(path) = configured.canonicalize() else { continue };
            let inside = if wanted.is_absolute() {
                match wanted.strip_prefix(&path).or_else(|_| wanted.strip_prefix(configured)) {
                    Ok(inside) => inside.to_path_buf(),
                    Err(_) => continue,
                }
            } else {
                wanted.clone()
            };
            let inside = if inside.as_os_str().is_empty() { PathBuf::from(".") } else { inside };
            // Only what lies beneath the root is the caller's choice; the root itself may be hidden.
            refuse_hidden(text, &inside)?;
            let Ok(dir) = Dir::open_ambient_dir(&path, ambient_authority()) else { continue };
            // Resolves links beneath the handle and fails on one that leaves it.
            let Ok(resolved) = dir.canonicalize(&inside) else { continue };
            if is_hidden(&resolved) || is_kernel(&path.join(&resolved)) {
                continue;
            }
            return Ok(Place { root: Root { path, dir }, inside: resolved });
        }
        Err(RootsError::Outside { path: shorten(text) })
    }
}

struct Place {
    root: Root,
    inside: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

impl Place {
    /// Looks before opening: opening a pipe would wait for its other end.
    fn expect_kind(&self, text: &str, wanted: Kind) -> Result<(), RootsError> {
        let at = if self.inside.as_os_str().is_empty() { Path::new(".") } else { self.inside.as_path() };
        let metadata = self.root.dir.metadata(at).map_err(|error| refusal(text, &error))?;
        let found = if metadata.is_dir() {
            "a folder"
        } else if metadata.is_file() {
            "a file"
        } else {
            "a pipe, socket or device"
        };
        let fits = match wanted {
            Kind::File => metadata.is_file(),
            Kind::Folder => metadata.is_dir(),
        };
        if fits {
            return Ok(());
        }
        let wanted = if wanted == Kind::File { "a file" } else { "a folder" };
        Err(RootsError::Kind { path: shorten(text), found, wanted })
    }

    fn shown(&self) -> String {
        if self.inside.as_os_str().is_empty() { ".".to_owned() } else { self.inside.to_string_lossy().into_owned() }
    }
}

/// Refuses what no path of a caller may contain, whether or not it would stay beneath a root.
fn checked_name(text: &str) -> Result<PathBuf, RootsError> {
    let refuse = |reason| Err(RootsError::Name { path: shorten(text), reason });
    if text.trim().is_empty() {
        return refuse("it is empty");
    }
    if MAX_PATH_BYTES < text.len() {
        return refuse("it is longer than 4096 bytes");
    }
    if text.chars().any(char::is_control) {
        return refuse("it holds a control character");
    }
    let path = PathBuf::from(text);
    for component in path.components() {
        match component {
            Component::ParentDir => return refuse("`..` is not allowed"),
            Component::Prefix(_) if !cfg!(windows) => return refuse("drive letters are not allowed"),
            Component::Normal(name) => {
                let Some(name) = name.to_str() else { return refuse("it is not UTF-8") };
                if name.contains([':', '\\']) {
                    return refuse("colons and backslashes are not allowed");
                }
                let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
                if RESERVED.contains(&stem.as_str()) {
                    return refuse("the name is reserved for a device");
                }
            }
            _ => {}
        }
    }
    Ok(path)
}

fn refuse_hidden(text: &str, inside: &Path) -> Result<(), RootsError> {
    let reason = "hidden files and folders are not allowed";
    if is_hidden(inside) { Err(RootsError::Name { path: shorten(text), reason }) } else { Ok(()) }
}

fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| matches!(part, Component::Normal(name) if name.to_string_lossy().starts_with('.')))
}

fn is_kernel(path: &Path) -> bool {
    NOT_DATA.iter().any(|place| path.starts_with(place))
}

/// What the system said, without its path; a missing permission answers like a missing file.
fn refusal(text: &str, error: &io::Error) -> RootsError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => RootsError::Outside { path: shorten(text) },
        kind => RootsError::Io { path: shorten(text), kind },
    }
}

/// The caller's own string as it may appear in a message: one line, at most 80 characters.
fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    let clean: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    if clean.chars().count() == MAX_CHARS { format!("{clean}...") } else { clean }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    struct House {
        _keep: tempdir::Temp,
        base: PathBuf,
        roots: Roots,
    }

    /// A folder that removes itself; the crate has no other need for a temp-folder library.
    mod tempdir {
        use std::path::PathBuf;

        pub(super) struct Temp(pub(super) PathBuf);

        impl Temp {
            pub(super) fn new(name: &str) -> Self {
                let path = std::env::temp_dir().join(format!("qc-roots-{name}-{}", std::process::id()));
                let _ = std::fs::remove_dir_all(&path);
                std::fs::create_dir_all(&path).unwrap();
                Temp(path.canonicalize().unwrap())
            }
        }

        impl Drop for Temp {
            fn drop(&mut self) {
                let _ = std::fs::remove_dir_all(&self.0);
            }
        }
    }

    fn house(name: &str) -> House {
        let keep = tempdir::Temp::new(name);
        let base = keep.0.clone();
        std::fs::create_dir_all(base.join("root/sub")).unwrap();
        std::fs::write(base.join("root/sub/a.csv"), "1,2\n").unwrap();
        std::fs::write(base.join("root/.env"), "secret").unwrap();
        std::fs::write(base.join("outside.csv"), "secret").unwrap();
        let roots = Roots::new(vec![base.join("root")], Some(base.join("out")));
        House { _keep: keep, base, roots }
    }

    fn outside(result: Result<OpenFile, RootsError>) -> String {
        match result {
            Err(error @ RootsError::Outside { .. }) => error.to_string(),
            other => panic!("expected Outside, got {other:?}"),
        }
    }

    #[test]
    fn opens_relative_and_absolute_paths_below_a_root() {
        let house = house("opens");
        let mut text = String::new();
        house.roots.open_file("sub/a.csv").unwrap().file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "1,2\n");
        let full = house.base.join("root/sub/a.csv");
        let open = house.roots.open_file(full.to_str().unwrap()).unwrap();
        assert_eq!((open.shown.as_str(), open.bytes), ("sub/a.csv", 4));
        assert_eq!(house.roots.open_folder("sub").unwrap().shown, "sub");
        assert_eq!(house.roots.open_folder(house.base.join("root").to_str().unwrap()).unwrap().shown, ".");
    }

    #[test]
    fn existing_and_missing_files_outside_answer_alike() {
        let house = house("alike");
        let there = house.base.join("outside.csv");
        let missing = house.base.join("missing.csv");
        let a = outside(house.roots.open_file(there.to_str().unwrap()));
        let b = outside(house.roots.open_file(missing.to_str().unwrap()));
        assert_eq!(a.replace("outside.csv", "X"), b.replace("missing.csv", "X"));
        assert!(a.contains("QC_MCP_FILE_ROOTS"), "{a}");
    }

    #[cfg(unix)]
    #[test]
    fn refuses_links_that_leave_the_root_or_reach_a_hidden_file() {
        use std::os::unix::fs::symlink;
        let house = house("links");
        symlink(house.base.join("outside.csv"), house.base.join("root/absolute.csv")).unwrap();
        symlink("../outside.csv", house.base.join("root/relative.csv")).unwrap();
        symlink("..", house.base.join("root/up")).unwrap();
        symlink(".env", house.base.join("root/visible.csv")).unwrap();
        symlink("sub/a.csv", house.base.join("root/inside.csv")).unwrap();
        for name in ["absolute.csv", "relative.csv", "up/outside.csv", "visible.csv"] {
            outside(house.roots.open_file(name));
        }
        assert_eq!(house.roots.open_file("inside.csv").unwrap().shown, "sub/a.csv");
    }

    #[test]
    fn refuses_parents_hidden_names_and_control_characters_by_name() {
        let house = house("names");
        for name in
            ["../outside.csv", "sub/../../outside.csv", ".env", "sub/.git/config", "a\nb", "", "c:\\x", "nul.csv"]
        {
            assert!(matches!(house.roots.open_file(name), Err(RootsError::Name { .. })), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn refuses_pipes_devices_and_folders_where_a_file_is_wanted() {
        let house = house("kinds");
        assert!(matches!(house.roots.open_file("sub"), Err(RootsError::Kind { found: "a folder", .. })));
        assert!(matches!(house.roots.open_folder("sub/a.csv"), Err(RootsError::Kind { found: "a file", .. })));
        let listener = std::os::unix::net::UnixListener::bind(house.base.join("root/sock")).unwrap();
        assert!(matches!(house.roots.open_file("sock"), Err(RootsError::Kind { .. })));
        drop(listener);
        let everything = Roots::new(vec![PathBuf::from("/")], None);
        outside(everything.open_file("/proc/self/environ"));
        outside(everything.open_file("/dev/zero"));
    }

    #[test]
    fn writes_new_files_only_with_the_extension_of_the_format() {
        let house = house("writes");
        let mut new = house.roots.create("runs/pca", Format::Csv).unwrap();
        new.file.write_all(b"x\n").unwrap();
        assert_eq!(new.shown, "runs/pca.csv");
        assert_eq!(std::fs::read(house.base.join("out/runs/pca.csv")).unwrap(), b"x\n");
        assert!(matches!(house.roots.create("runs/pca.csv", Format::Csv), Err(RootsError::Exists { .. })));
        assert!(matches!(house.roots.create("pca.sh", Format::Csv), Err(RootsError::Name { .. })));
        assert!(matches!(house.roots.create("../x.csv", Format::Csv), Err(RootsError::Name { .. })));
        assert!(matches!(house.roots.create("/tmp/x.csv", Format::Csv), Err(RootsError::Name { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn does_not_write_through_a_link_that_leaves_the_output_folder() {
        let house = house("writelink");
        std::fs::create_dir_all(house.base.join("out")).unwrap();
        std::os::unix::fs::symlink(&house.base, house.base.join("out/up")).unwrap();
        assert!(house.roots.create("up/new.csv", Format::Csv).is_err());
        assert!(!house.base.join("new.csv").exists());
    }

    #[test]
    fn a_root_may_itself_be_hidden() {
        let house = house("hidden");
        std::fs::create_dir_all(house.base.join(".secret")).unwrap();
        std::fs::write(house.base.join(".secret/a.csv"), "1").unwrap();
        let path = house.base.join(".secret/a.csv");
        let roots = Roots::new(vec![house.base.join(".secret")], None);
        assert_eq!(roots.open_file(path.to_str().unwrap()).unwrap().shown, "a.csv");
        assert!(house.roots.open_file(path.to_str().unwrap()).is_err());
    }

    #[test]
    fn without_settings_nothing_is_read_or_written() {
        let roots = Roots::default();
        assert!(matches!(roots.open_file("a.csv"), Err(RootsError::NoRoots)));
        assert!(matches!(roots.create("a.csv", Format::Csv), Err(RootsError::NoOutput)));
        assert!(!roots.can_read() && !roots.can_write());
    }
}
