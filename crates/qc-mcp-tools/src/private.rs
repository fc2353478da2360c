//! Files of this server's own: a folder that only its owner may enter, and in it files that only its owner may read.
//! Names are this program's, never a caller's. Links are not followed.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

/// How often, and for how long each time, a file that another process has just made is awaited to be whole.
const AWAITED: (u32, std::time::Duration) = (50, std::time::Duration::from_millis(10));
/// How often, and after which pause, the lock of a file that another process writes is tried: a process that hangs must
/// not keep others from ending an algorithm.
const LOCKED: (u32, std::time::Duration) = (200, std::time::Duration::from_millis(10));

/// A folder of this server's own.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder if need be and closes it to everybody else.
    ///
    /// # Errors
    /// When it is a link or no folder, or belongs to somebody else.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        make(path)?;
        let found = fs::symlink_metadata(path)?;
        if !found.is_dir() {
            return Err(io::Error::other("it is a link or no folder"));
        }
        close(path, &found)?;
        // Parents may be links (as /tmp is on some systems); what is opened from here on goes by the real path.
        Ok(Folder { path: fs::canonicalize(path)? })
    }

    /// The path of one of its files, which exists afterwards, closed to others and no link.
    ///
    /// # Errors
    /// When it is a link, no file, or cannot be made.
    pub(crate) fn prepare(&self, name: &str) -> io::Result<PathBuf> {
        drop(self.append(name)?);
        Ok(self.path.join(name))
    }

    /// Refuses a file of that name that is a link; a missing one is fine.
    ///
    /// # Errors
    /// When it is a link or no file.
    pub(crate) fn refuse_link(&self, name: &str) -> io::Result<()> {
        match fs::symlink_metadata(self.path.join(name)) {
            Ok(found) if found.is_file() => Ok(()),
            Ok(_) => Err(io::Error::other(format!("{name} is a link or no file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens a file for appending, made if need be.
    ///
    /// # Errors
    /// When it is a link, no file, or cannot be opened.
    pub(crate) fn append(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        match options().append(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other,
        }
        self.refuse_link(name)?;
        let file = options().append(true).open(&path)?;
        same(&file, &path)?;
        close_file(&file)?;
        Ok(file)
    }

    /// The content of a small file; made of `fresh` if it is not there yet. Of several processes that make it at the
    /// same time one does, and all get its content.
    ///
    /// # Errors
    /// When it is a link, no file, cannot be read, or stays shorter than `fresh`.
    pub(crate) fn read_or_make(&self, name: &str, fresh: &[u8]) -> io::Result<Vec<u8>> {
        let path = self.path.join(name);
        match self.make(&path, fresh) {
            Ok(()) => return Ok(fresh.to_vec()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let (tries, pause) = AWAITED;
        for _ in 0..tries {
            self.refuse_link(name)?;
            let file = options().read(true).open(&path)?;
            same(&file, &path)?;
            close_file(&file)?;
            let mut content = Vec::new();
            (&file).take(4096).read_to_end(&mut content)?;
            if fresh.len() <= content.len() {
                return Ok(content);
            }
            std::thread::sleep(pause);
        }
        Err(io::Error::other(format!("{name} is shorter than {} bytes", fresh.len())))
    }

    /// Makes a file that is whole from its first moment: written aside, then linked. Where there are no links it is
    /// written in its place.
    fn make(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let write = |path: &Path| {
            let mut file = options().write(true).create_new(true).open(path)?;
            file.write_all(content)?;
            file.sync_all()
        };
        if fs::symlink_metadata(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = crate::store::new_id().map_err(|error| io::Error::other(error.to_string()))?;
        let aside = self.path.join(format!("{id}.new"));
        let linked = write(&aside).and_then(|()| fs::hard_link(&aside, path));
        let _ = fs::remove_file(&aside);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => write(path),
            done => done,
        }
    }

    /// Appends `line` to a file that is put aside when it would grow over `most` bytes; `files` of them are kept.
    /// One process at a time does so.
    ///
    /// # Errors
    /// When anything of that fails, or another process holds the file for too long; the line is then not written.
    pub(crate) fn append_line(&self, name: &str, line: &[u8], most: u64, files: u32) -> io::Result<()> {
        let lock = self.append(&format!("{name}.lock"))?;
        locked(&lock)?;
        let mut file = self.append(name)?;
        if most < file.metadata()?.len() + line.len() as u64 {
            drop(file);
            for number in (1..files.saturating_sub(1)).rev() {
                self.rename(&format!("{name}.{number}"), &format!("{name}.{}", number + 1))?;
            }
            self.rename(name, &format!("{name}.1"))?;
            file = self.append(name)?;
        }
        file.write_all(line)?;
        file.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        match fs::rename(self.path.join(from), self.path.join(to)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

/// Locks a file, unless another process holds it for too long.
fn locked(file: &File) -> io::Result<()> {
    let (tries, pause) = LOCKED;
    for _ in 0..tries {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(pause),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds the file"))
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(unix)]
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes everybody else's rights away, which fails for who does not own the folder.
#[cfg(unix)]
fn close(path: &Path, found: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!("the state folder was open to other users of this computer; it is closed to them now");
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(unix)]
fn close_file(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

/// Whether what was opened is what stands at `path` now: a file swapped for a link in between is refused.
#[cfg(unix)]
fn same(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (opened, there) = (file.metadata()?, fs::symlink_metadata(path)?);
    if opened.is_file() && (opened.dev(), opened.ino()) == (there.dev(), there.ino()) {
        return Ok(());
    }
    Err(io::Error::other("the file was exchanged while it was opened"))
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(not(unix))]
fn make(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(not(unix))]
fn close(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn close_file(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn same(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folder_and_files_are_closed_to_others_also_when_they_were_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/deep");
        let folder = Folder::open(&path).unwrap();
        folder.append_line("a", b"1\n", 100, 3).unwrap();
        folder.read_or_make("key", b"12345").unwrap();
        assert_eq!((mode(&path), mode(&path.join("a")), mode(&path.join("key"))), (0o700, 0o600, 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(path.join("a"), fs::Permissions::from_mode(0o644)).unwrap();
        Folder::open(&path).unwrap().append_line("a", b"2\n", 100, 3).unwrap();
        assert_eq!((mode(&path), mode(&path.join("a"))), (0o700, 0o600));
        assert_eq!(folder.read_or_make("key", b"other").unwrap(), b"12345");
    }

    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, "keep").unwrap();
        let folder = Folder::open(&dir.path().join("state")).unwrap();
        symlink(&outside, folder.path.join("a")).unwrap();
        assert!(folder.append_line("a", b"1\n", 100, 3).is_err());
        assert!(folder.read_or_make("a", b"k").is_err());
        assert_eq!(fs::read_to_string(&outside).unwrap(), "keep");
        symlink(&folder.path, dir.path().join("link")).unwrap();
        assert!(Folder::open(&dir.path().join("link")).is_err());
    }

    #[test]
    fn a_process_that_hangs_with_the_file_keeps_nobody_waiting_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let held = folder.append("a.lock").unwrap();
        held.lock().unwrap();
        let error = folder.append_line("a", b"1\n", 100, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        held.unlock().unwrap();
        folder.append_line("a", b"1\n", 100, 3).unwrap();
    }

    #[test]
    fn a_full_file_is_put_aside_and_so_many_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        for number in 0..9 {
            folder.append_line("a", format!("{number}\n").as_bytes(), 4, 3).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!((read("a"), read("a.1"), read("a.2")), ("8\n".into(), "6\n7\n".into(), "4\n5\n".into()));
        assert!(!dir.path().join("a.3").exists());
    }
}
