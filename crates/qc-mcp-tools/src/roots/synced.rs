//! The local side of a sync: which files of a folder belong to a project, read and written through the folder's handle,
//! so that nothing outside of it is reached.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read as _, Write as _},
    path::Path,
};

pub(crate) use cap_std::fs::Dir;
use cap_std::fs::OpenOptions;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::{
    error::{Kind, ToolError, Topic},
    flows::files,
};

/// Most entries of a folder that are looked at, and how deep.
const MOST_ENTRIES: usize = 20_000;
const DEEPEST: usize = 12;
/// Most files that are synced, and the largest.
const MOST_FILES: usize = 500;
pub(crate) const MOST_BYTES: u64 = 1 << 20;
/// Files whose lines say what is left out.
const IGNORE_FILES: [&str; 2] = [".gitignore", ".leanignore"];
/// Folders that hold no code of a project.
const NEVER: [&str; 7] = ["__pycache__", "node_modules", "backtests", "live", "optimizations", "data", "storage"];
/// Names that Windows keeps for devices.
const RESERVED: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Local {
    /// Text by name, folders separated by `/`.
    pub(crate) files: BTreeMap<String, String>,
    /// Files that belong to a project by their kind and cannot be synced, with the reason.
    pub(crate) refused: Vec<(String, String)>,
    /// How many were left out by an ignore file.
    pub(crate) n_ignored: usize,
}

/// Reads the files of a folder that belong to a project.
///
/// # Errors
/// A folder that cannot be read or holds too much.
pub(crate) fn read(dir: &Dir) -> Result<Local, ToolError> {
    let mut local = Local::default();
    let mut rules = Rules::default();
    let mut n_entries = 0;
    walk(dir, "", 0, &mut rules, &mut local, &mut n_entries)?;
    Ok(local)
}

/// The lines of ignore files, those of deeper folders last.
#[derive(Default)]
struct Rules {
    of: Vec<(String, Gitignore)>,
}

impl Rules {
    fn add(&mut self, dir: &Dir, prefix: &str) {
        for name in IGNORE_FILES {
            let Ok(text) = dir.read_to_string(name) else { continue };
            let mut builder = GitignoreBuilder::new("");
            for line in text.lines().take(5_000) {
                // A line that is no pattern leaves nothing out.
                drop(builder.add_line(None, line));
            }
            if let Ok(rules) = builder.build() {
                self.of.push((prefix.to_owned(), rules));
            }
        }
    }

    fn ignores(&self, name: &str, is_folder: bool) -> bool {
        let mut ignored = false;
        for (prefix, rules) in &self.of {
            let Some(inside) = name.strip_prefix(prefix.as_str()) else { continue };
            let found = rules.matched(Path::new(inside), is_folder);
            if !found.is_none() {
                ignored = found.is_ignore();
            }
        }
        ignored
    }
}

fn walk(
    dir: &Dir,
    prefix: &str,
    depth: usize,
    rules: &mut Rules,
    local: &mut Local,
    n_entries: &mut usize,
) -> Result<(), ToolError> {
    rules.add(dir, prefix);
    let too_large = |what: String| ToolError::new(Kind::TooLarge, Topic::Path, what);
    let entries = dir.entries().map_err(|error| unreadable(&error))?;
    let mut names: Vec<(String, bool, bool)> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&error))?;
        *n_entries += 1;
        if MOST_ENTRIES < *n_entries {
            return Err(too_large(format!("the folder has more than {MOST_ENTRIES} entries: name the project's own")));
        }
        let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
        // Links and hidden files are never sent.
        if !name.starts_with('.') && !kind.is_symlink() {
            names.push((name, kind.is_dir(), kind.is_file()));
        }
    }
    names.sort();
    for (name, is_folder, is_file) in names {
        let full = format!("{prefix}{name}");
        if rules.ignores(&full, is_folder) {
            local.n_ignored += 1;
            continue;
        }
        if is_folder {
            if NEVER.contains(&name.as_str()) || DEEPEST <= depth {
                continue;
            }
            let inner = dir.open_dir(&name).map_err(|error| unreadable(&error))?;
            walk(&inner, &format!("{full}/"), depth + 1, rules, local, n_entries)?;
        } else if is_file && files::check_name(&full).is_ok() {
            match text_of(dir, &name) {
                Ok(text) => {
                    local.files.insert(full, text);
                }
                Err(why) => local.refused.push((full, why)),
            }
            if MOST_FILES < local.files.len() {
                return Err(too_large(format!("the folder has more than {MOST_FILES} files of code")));
            }
        }
    }
    Ok(())
}

/// The text of a file of the folder.
pub(crate) fn text_of(dir: &Dir, name: &str) -> Result<String, String> {
    let file = dir.open(name).map_err(|error| format!("it cannot be read: {}", error.kind()))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("it cannot be read: {}", error.kind()))?;
    if MOST_BYTES < bytes.len() as u64 {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())
}

fn unreadable(error: &std::io::Error) -> ToolError {
    ToolError::new(Kind::BadData, Topic::Path, format!("the folder cannot be read: {}", error.kind()))
}

/// Why a name from the cloud is not written here; `None` if it may be.
pub(crate) fn refusal(name: &str) -> Option<&'static str> {
    if files::check_name(name).is_err() {
        return Some("no name of a project's file");
    }
    if name.contains(':') {
        return Some("it holds a colon");
    }
    for part in name.split('/') {
        let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
        if part.starts_with('.') {
            return Some("it is hidden");
        }
        if RESERVED.contains(&stem.as_str()) || part.ends_with([' ', '.']) {
            return Some("Windows cannot have a file of that name");
        }
        if part.contains(['<', '>', '"', '|', '?', '*']) {
            return Some("Windows cannot have a file of that name");
        }
    }
    None
}

/// Writes a file: a new one, or in place of text that is still `before`.
///
/// # Errors
/// A file that is there and should not be, or has changed.
pub(crate) fn write(dir: &Dir, name: &str, before: Option<&str>, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("it cannot be written: {}", error.kind());
    if let Some((folder, _)) = name.rsplit_once('/') {
        dir.create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let put = |path: &str| -> std::io::Result<()> {
        let mut file = dir.open_with(path, &options)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    let Some(before) = before else {
        return put(name).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => "a file of that name has appeared".to_owned(),
            _ => failed(error),
        });
    };
    if dir.symlink_metadata(name).map_err(failed)?.is_symlink() {
        return Err("it is a link".to_owned());
    }
    if text_of(dir, name)? != before {
        return Err("it has changed since the plan".to_owned());
    }
    let beside = beside(dir, name, &put).map_err(failed)?;
    dir.rename(&beside, dir, name).map_err(|error| {
        drop(dir.remove_file(&beside));
        failed(error)
    })
}

/// Writes the new text beside the file it shall replace, so that a full disk loses nothing; what an end in the middle left
/// there is stepped over. Answers its name.
fn beside(dir: &Dir, name: &str, put: &dyn Fn(&str) -> std::io::Result<()>) -> std::io::Result<String> {
    const TRIES: usize = 100;
    let mut n = 1;
    loop {
        let beside = if n == 1 { format!("{name}.new") } else { format!("{name}.new{n}") };
        match put(&beside) {
            Ok(()) => return Ok(beside),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && n < TRIES => n += 1,
            Err(error) => {
                if error.kind() != ErrorKind::AlreadyExists {
                    drop(dir.remove_file(&beside));
                }
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    fn folder() -> (tempfile::TempDir, Dir) {
        let home = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(home.path(), ambient_authority()).unwrap();
        (home, dir)
    }

    #[test]
    fn only_code_that_nobody_left_out_is_read() {
        let (home, dir) = folder();
        let put = |name: &str, text: &[u8]| {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for name in ["main.py", "lib/alpha.py", "lib/old/x.py", "secret.py", "keep/secret.py", "data/x.py", "notes.txt"]
        {
            put(name, b"x");
        }
        put(".gitignore", b"secret.py\n!keep/secret.py\n# note\n");
        put("lib/.leanignore", b"old/\n");
        put(".hidden.py", b"x");
        put("lean.json", b"{}");
        put("odd.py", b"\xff\xfe");
        put("big.py", &vec![b'x'; MOST_BYTES as usize + 1]);
        #[cfg(unix)]
        std::os::unix::fs::symlink(home.path().join("main.py"), home.path().join("link.py")).unwrap();
        let local = read(&dir).unwrap();
        let names: Vec<&str> = local.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["keep/secret.py", "lib/alpha.py", "main.py"]);
        let refused: Vec<&str> = local.refused.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(refused, ["big.py", "odd.py"]);
        assert_eq!(local.n_ignored, 2);
    }

    #[test]
    fn names_from_the_cloud_that_leave_hide_or_cannot_be_are_refused() {
        for name in [
            "../x.py",
            "/x.py",
            "a/../x.py",
            "c:/x.py",
            ".x.py",
            "a/.b/x.py",
            "con.py",
            "a/NUL.py",
            "x .py/y.py ",
            "a?.py",
            "x.sh",
        ] {
            assert!(refusal(name).is_some(), "{name}");
        }
        for name in ["main.py", "a/b c.py", "Überblick.py"] {
            assert_eq!(refusal(name), None, "{name}");
        }
    }

    #[test]
    fn nothing_is_replaced_that_is_not_what_it_was() {
        let (home, dir) = folder();
        write(&dir, "a/b.py", None, "one").unwrap();
        assert!(write(&dir, "a/b.py", None, "two").unwrap_err().contains("appeared"));
        assert!(write(&dir, "a/b.py", Some("other"), "two").unwrap_err().contains("changed"));
        write(&dir, "a/b.py", Some("one"), "two").unwrap();
        assert_eq!(std::fs::read_to_string(home.path().join("a/b.py")).unwrap(), "two");
        assert_eq!(std::fs::read_dir(home.path().join("a")).unwrap().count(), 1, "nothing is left beside it");
        // What a crash left is in nobody's way.
        std::fs::write(home.path().join("a/b.py.new"), "half").unwrap();
        write(&dir, "a/b.py", Some("two"), "three").unwrap();
        assert_eq!(std::fs::read_to_string(home.path().join("a/b.py")).unwrap(), "three");
        assert!(write(&dir, "../out.py", None, "x").is_err());
    }
}
