//! Libraries: projects whose code another project uses.

use qc_api::endpoints::Done;
use qc_api::endpoints::libraries::{AddLibrary, RemoveLibrary};
use qc_api::model::Library;

use crate::refuse::{self, Answer};
use crate::world::{Call, Project, World};

pub(crate) fn add(world: &mut World, call: &Call<'_>, request: AddLibrary) -> Answer<Done> {
    let library = usable(world, call, request.project_id.0, request.library_id.0)?;
    let project = world.project_mut(call, request.project_id.0)?;
    if !project.libraries.contains(&library) {
        project.libraries.push(library);
    }
    Ok(Done {})
}

pub(crate) fn remove(world: &mut World, call: &Call<'_>, request: RemoveLibrary) -> Answer<Done> {
    let library = request.library_id.0;
    let project = world.project_mut(call, request.project_id.0)?;
    if !project.libraries.contains(&library) {
        return Err(refuse::library_not_found(library));
    }
    project.libraries.retain(|other| *other != library);
    Ok(Done {})
}

/// Whether the caller may make a project use this library: one it may read, and another one.
pub(crate) fn usable(world: &World, call: &Call<'_>, project: i64, library: i64) -> Answer<i64> {
    let missing = || refuse::library_not_found(library);
    let found = world.project(call, library).map_err(|_| missing())?.id;
    if found == project { Err(missing()) } else { Ok(found) }
}

/// The libraries of a project as the service shows them to the caller.
pub(crate) fn of(world: &World, call: &Call<'_>, project: &Project) -> Answer<Vec<Library>> {
    let mut libraries = Vec::new();
    for library in project.libraries.iter().filter_map(|id| world.projects.get(id)) {
        libraries.push(Library {
            project_id: library.id.into(),
            library_name: library.name.clone(),
            owner_name: world.account(library.owner)?.name.clone(),
            access: library.is_seen_by(call.user),
        });
    }
    Ok(libraries)
}
