//! Recorded texts: snapshots (one file per case in a folder) and generated pages or parts of pages.
//!
//! `UPDATE=1` (set by `cargo accept`) writes what came out; look at the diff before committing it. Without it a
//! difference fails and prints the diff. A file that is missing is written on a developer's machine and fails on a build
//! server. A file in a snapshot folder that no case asked for always fails: it documents something that is gone.

use crate::paths::{in_ci, workspace_root};
use serde_json::Value;
use similar::TextDiff;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// How recorded and new text are reconciled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Write what came out (`UPDATE=1`).
    Accept,
    /// Compare; a missing file is written (a developer's machine).
    Compare,
    /// Compare; a missing file fails (a build server).
    Strict,
}

impl Mode {
    /// The mode that the environment asks for.
    pub fn from_env() -> Mode {
        let update = env::var("UPDATE").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
        match (update, in_ci()) {
            (true, _) => Mode::Accept,
            (false, true) => Mode::Strict,
            (false, false) => Mode::Compare,
        }
    }
}

/// One folder of snapshots. Hand in every case, then call [`Snapshots::finish`].
#[derive(Debug)]
pub struct Snapshots {
    folder: PathBuf,
    mode: Mode,
    seen: BTreeSet<PathBuf>,
    complaints: Vec<String>,
}

impl Snapshots {
    /// Opens a folder given relative to the workspace root, such as `tests/surface/snapshots`.
    pub fn open(folder: &str) -> Snapshots {
        Snapshots::open_at(workspace_root().join(folder), Mode::from_env())
    }

    fn open_at(folder: PathBuf, mode: Mode) -> Snapshots {
        Snapshots { folder, mode, seen: BTreeSet::new(), complaints: Vec::new() }
    }

    /// Compares `value` with `<name>.json`: keys sorted, two spaces of indentation, a final newline.
    pub fn json(&mut self, name: &str, value: &Value) {
        self.text(&format!("{name}.json"), &pretty(value));
    }

    /// Compares `text` with the file `name`.
    pub fn text(&mut self, name: &str, text: &str) {
        let path = self.folder.join(name);
        if !self.seen.insert(path.clone()) {
            self.complaints.push(format!("two cases are named {name}"));
            return;
        }
        self.complaints.extend(reconcile(&path, text, self.mode).err());
    }

    /// Fails if a case differed, or if the folder holds a file that no case asked for.
    ///
    /// # Panics
    /// With all complaints at once.
    pub fn finish(mut self) {
        for path in files_below(&self.folder) {
            if self.seen.contains(&path) {
                continue;
            }
            let name = path.strip_prefix(&self.folder).unwrap_or(&path).display().to_string();
            match self.mode {
                Mode::Accept => fs::remove_file(&path).unwrap(),
                _ => self.complaints.push(format!("orphan: no case is named {name}; `cargo accept` removes it")),
            }
        }
        assert!(self.complaints.is_empty(), "\n{}\n", self.complaints.join("\n\n"));
    }
}

/// Checks a page that is generated as a whole, such as `docs/tools.md`.
///
/// # Panics
/// If the page in the repository differs and the mode is not to accept it.
pub fn generated_page(relative: &str, text: &str) {
    if let Err(complaint) = reconcile(&workspace_root().join(relative), text, Mode::from_env()) {
        panic!("\n{complaint}\n");
    }
}

/// Checks the part of a page between `<!-- begin generated: NAME -->` and `<!-- end generated: NAME -->`.
///
/// # Panics
/// If the markers are missing, or the part differs and the mode is not to accept it.
pub fn generated_part(relative: &str, name: &str, text: &str) {
    let path = workspace_root().join(relative);
    let page = fs::read_to_string(&path).unwrap();
    let new = replace_part(&page, name, text).unwrap_or_else(|| panic!("{relative} has no markers for `{name}`"));
    if let Err(complaint) = reconcile(&path, &new, Mode::from_env()) {
        panic!("\n{complaint}\n");
    }
}

/// JSON as snapshots hold it: keys sorted on every level, indented, with a final newline.
pub fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(&sorted(value)).unwrap();
    text.push('\n');
    text
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&map[key]))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn replace_part(page: &str, name: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- begin generated: {name} -->\n");
    let end = format!("<!-- end generated: {name} -->");
    let from = page.find(&begin)? + begin.len();
    let to = from + page[from..].find(&end)?;
    Some(format!("{}{}\n{}", &page[..from], text.trim_end(), &page[to..]))
}

fn reconcile(path: &Path, new: &str, mode: Mode) -> Result<(), String> {
    let new = format!("{}\n", new.trim_end_matches('\n'));
    let shown = path.strip_prefix(workspace_root()).unwrap_or(path).display();
    let old = fs::read_to_string(path).ok();
    if old.as_deref() == Some(&new) {
        return Ok(());
    }
    match (old, mode) {
        (None, Mode::Strict) => return Err(format!("{shown} is missing; run `cargo accept` and commit it")),
        (Some(old), Mode::Compare | Mode::Strict) => {
            let diff = TextDiff::from_lines(&old, &new);
            let diff = diff.unified_diff().context_radius(2).header("recorded", "now").to_string();
            return Err(format!("{shown} differs; if the change is meant, run `cargo accept`\n{diff}"));
        }
        (_, Mode::Accept) | (None, Mode::Compare) => {}
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, new).unwrap();
    Ok(())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn fails(snapshots: Snapshots) -> String {
        let panic = catch_unwind(AssertUnwindSafe(|| snapshots.finish())).expect_err("finish() should have failed");
        panic.downcast_ref::<String>().unwrap().clone()
    }

    fn run(folder: &Path, mode: Mode, cases: &[(&str, Value)]) -> Snapshots {
        let mut snapshots = Snapshots::open_at(folder.to_path_buf(), mode);
        for (name, value) in cases {
            snapshots.json(name, value);
        }
        snapshots
    }

    #[test]
    fn keys_are_sorted_on_every_level_and_the_file_ends_in_a_newline() {
        let text = pretty(&json!({"b": [{"z": 1, "a": 2}], "a": null}));
        assert_eq!(text, "{\n  \"a\": null,\n  \"b\": [\n    {\n      \"a\": 2,\n      \"z\": 1\n    }\n  ]\n}\n");
    }

    #[test]
    fn a_missing_file_is_written_at_home_and_fails_on_a_build_server() {
        let folder = tempfile::tempdir().unwrap();
        let case = [("one", json!({"a": 1}))];
        assert!(fails(run(folder.path(), Mode::Strict, &case)).contains("one.json is missing"));
        run(folder.path(), Mode::Compare, &case).finish();
        run(folder.path(), Mode::Strict, &case).finish();
    }

    #[test]
    fn a_difference_fails_with_its_diff_until_it_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), Mode::Accept, &[("one", json!({"a": 1}))]).finish();
        let case = [("one", json!({"a": 2}))];
        let said = fails(run(folder.path(), Mode::Compare, &case));
        assert!(said.contains("-  \"a\": 1") && said.contains("+  \"a\": 2"), "{said}");
        run(folder.path(), Mode::Accept, &case).finish();
        run(folder.path(), Mode::Strict, &case).finish();
    }

    #[test]
    fn an_orphan_fails_in_every_mode_but_accept_which_removes_it() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), Mode::Accept, &[("gone", json!(1)), ("kept", json!(2))]).finish();
        let kept = [("kept", json!(2))];
        for mode in [Mode::Compare, Mode::Strict] {
            assert!(fails(run(folder.path(), mode, &kept)).contains("no case is named gone.json"));
        }
        run(folder.path(), Mode::Accept, &kept).finish();
        run(folder.path(), Mode::Strict, &kept).finish();
    }

    #[test]
    fn a_part_is_replaced_between_its_markers_only() {
        let page = "top\n<!-- begin generated: x -->\nold\n<!-- end generated: x -->\nbottom\n";
        let new = replace_part(page, "x", "new\n").unwrap();
        assert_eq!(new, page.replace("old", "new"));
        assert_eq!(replace_part(page, "y", "new"), None);
    }
}
