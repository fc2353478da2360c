//! Where things lie: the workspace root, and the data that a test may be given from outside.
//!
//! `QC_TEST_SHARED` names a folder with data that may not be in the repository (a LEAN data folder, further golden
//! files). Tests that want it skip without it, and say so on the terminal even when the test runner hides their output.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
pub fn workspace_root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// The path in environment variable `name`; a relative one counts from the workspace root, not from where the runner
/// happens to stand.
///
/// # Panics
/// If the variable is set but nothing lies there: a mistyped path must not look like a skipped test.
pub fn path_from_env(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty())?;
    let path = workspace_root().join(value);
    assert!(path.exists(), "{name} is set, but there is nothing at {}", path.display());
    Some(path)
}

/// `QC_TEST_SHARED/relative`, or `None` after saying why the calling test skips.
///
/// # Panics
/// If `QC_TEST_SHARED` is set but the folder, or `relative` in it, is missing.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let Some(folder) = path_from_env("QC_TEST_SHARED") else {
        skipping(&format!("QC_TEST_SHARED is not set, so {relative} is not there to test with"));
        return None;
    };
    let path = folder.join(relative);
    assert!(path.exists(), "QC_TEST_SHARED is set, but {} is missing", path.display());
    Some(path)
}

/// Says on the terminal that the current test skips, past the runner's capture of `println!`.
pub fn skipping(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}

/// Whether this runs on a build server, where nothing may be accepted by just writing it.
pub fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn an_unset_variable_is_no_path() {
        assert_eq!(path_from_env("QC_TEST_A_NAME_NOBODY_SETS"), None);
    }
}
