//! Libraries: projects whose code another project uses.

use qc_api::endpoints::Done;
use qc_api::endpoints::libraries::{AddLibrary, RemoveLibrary};
use qc_api::model::Library;

use crate::refuse::{self, Answer};
use crate::world::{Call, Project, World};

pub(crate) fn add(world: &mut World, call: &Call<'_>, request: AddLibrary) -> Answer<Done> {
    let library =
        world.project(call, request.library_id.0).map_err(|_| refuse::library_not_found(request.library_id.0))?.id;
    let project = world.project_mut(call, request.project_id.0)?;
    if project.id == library {
        return Err(refuse::library_not_found(library));
    }
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

/// The libraries of a project as the service shows them.
pub(crate) fn of(world: &World, project: &Project) -> Answer<Vec<Library>> {
    let mut libraries = Vec::new();
    for library in project.libraries.iter().filter_map(|id| world.projects.get(id)) {
        libraries.push(Library {
            project_id: library.id.into(),
            library_name: library.name.clone(),
            owner_name: world.account(library.owner)?.name.clone(),
            access: true,
        });
    }
    Ok(libraries)
}
