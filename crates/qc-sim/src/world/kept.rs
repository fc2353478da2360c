//! The world as a file: written beside and moved into place, for its owner's eyes alone, for it holds tokens.

use std::io::Write;
use std::path::Path;

use super::World;
use crate::error::{Error, Result};

impl World {
    /// Reads a saved world.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        serde_json::from_str(&text).map_err(|error| Error::World { path: path.to_owned(), message: error.to_string() })
    }

    /// Writes the world beside its file and moves it there: whoever reads sees the old one or the new one, also after
    /// a crash. What a crash left beside it is written over.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let text = serde_json::to_string(self).map_err(|error| failed(error.into()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = format!("{name}.new");
        std::fs::remove_file(folder.join(&beside)).ok();
        // Made so that nobody but the owner may read it.
        let mut file = tempfile::Builder::new().prefix(&beside).rand_bytes(0).tempfile_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_data().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tier, seed};

    fn world() -> World {
        seed::world(7, Tier::Team, "2026-01-05T14:30:00Z".parse().unwrap())
    }

    #[test]
    fn what_is_saved_is_read_again_whatever_a_crash_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("world.json");
        std::fs::write(home.path().join("world.json.new"), "{\"half\":").unwrap();
        world().save(&path).unwrap();
        let again = World::load(&path).unwrap();
        assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(world()).unwrap());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "something is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("world.json");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        // Also when a file of the same name was open to all.
        std::fs::write(&path, "{}").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        world().save(&path).unwrap();
        assert_eq!(mode(), 0o600);
        world().save(&path).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_written_leaves_the_old_world() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("world.json");
        world().save(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        // A folder stands where the new file would be made.
        std::fs::create_dir(home.path().join("world.json.new")).unwrap();
        assert!(world().save(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}
