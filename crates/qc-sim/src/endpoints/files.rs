//! Files of a project: create, read, rename, change, patch, delete.

use qc_api::endpoints::Done;
use qc_api::endpoints::files::{
    CreateFile, DeleteFile, FilesReply, PatchFiles, ReadFiles, RenameFile, UpdateFileContent,
};
use qc_api::model::ProjectFile;

use crate::refuse::{self, Answer};
use crate::world::{Call, File, Project, Quotas, World};
use crate::{patch, seed};

/// File types the documentation lists; the rule is from there and was not seen enforced.
pub(crate) const EXTENSIONS: [&str; 5] = [".py", ".cs", ".ipynb", ".css", ".html"];

pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateFile) -> Answer<Done> {
    world.check_lock(call, request.project_id.0, request.code_source_id.as_deref())?;
    let project = world.project(call, request.project_id.0)?;
    let quotas = call.quotas(world.organization_of(project)?);
    check_name(&request.name)?;
    if project.files.iter().any(|file| file.name == request.name) {
        return Err(refuse::file_exists(&request.name));
    }
    if quotas.files <= project.files.len() {
        return Err(refuse::too_many_files(quotas.files));
    }
    // Without content a default body is made; empty content is refused.
    let content = request.content.unwrap_or_else(|| default_body(&request.name));
    check_content(&content)?;
    check_size(quotas, &request.name, &content)?;
    let file = File { id: world.draw_number(), name: request.name, content, modified: call.now };
    let project = world.project_mut(call, request.project_id.0)?;
    project.files.push(file);
    project.modified = call.now;
    Ok(Done {})
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadFiles) -> Answer<FilesReply> {
    let project = world.project(call, request.project_id.0)?;
    let files: Vec<ProjectFile> = project
        .files
        .iter()
        .filter(|file| request.name.as_ref().is_none_or(|name| *name == file.name))
        .map(|file| shown(project, file))
        .chain(of_libraries(world, call, project, request.name.as_deref()))
        .collect();
    match request.name {
        Some(name) if files.is_empty() => Err(refuse::file_not_found(&name)),
        _ => Ok(FilesReply { files }),
    }
}

pub(crate) fn rename(world: &mut World, call: &Call<'_>, request: RenameFile) -> Answer<Done> {
    world.check_lock(call, request.project_id.0, request.code_source_id.as_deref())?;
    check_name(&request.new_name)?;
    let project = world.project_mut(call, request.project_id.0)?;
    if project.files.iter().any(|file| file.name == request.new_name) {
        return Err(refuse::file_exists(&request.new_name));
    }
    let file = project.file_mut(&request.name)?;
    file.name = request.new_name;
    file.modified = call.now;
    project.modified = call.now;
    Ok(Done {})
}

pub(crate) fn update(world: &mut World, call: &Call<'_>, request: UpdateFileContent) -> Answer<Done> {
    world.check_lock(call, request.project_id.0, request.code_source_id.as_deref())?;
    let project = world.project(call, request.project_id.0)?;
    let quotas = call.quotas(world.organization_of(project)?);
    check_content(&request.content)?;
    check_size(quotas, &request.name, &request.content)?;
    let project = world.project_mut(call, request.project_id.0)?;
    let file = project.file_mut(&request.name)?;
    file.content = request.content;
    file.modified = call.now;
    project.modified = call.now;
    Ok(Done {})
}

/// Applies a git-style diff, all of it or nothing.
pub(crate) fn patch(world: &mut World, call: &Call<'_>, request: PatchFiles) -> Answer<Done> {
    world.check_lock(call, request.project_id.0, request.code_source_id.as_deref())?;
    let quotas = call.quotas(world.organization_of(world.project(call, request.project_id.0)?)?);
    let changes = patch::parse(&request.patch).map_err(|reason| refuse::patch_not_valid(&reason))?;
    let project = world.project_mut(call, request.project_id.0)?;
    // A diff may come back to a file: what it did there before is what it finds.
    let mut changed: Vec<(&str, String)> = Vec::new();
    for change in &changes {
        let wrong = |reason: &str| refuse::patch_not_valid(reason);
        let file = project.file_mut(&change.file).map_err(|_| wrong(&format!("{} does not exist", change.file)))?;
        let before = changed.iter().position(|(name, _)| *name == change.file);
        let text = before.and_then(|at| changed.get(at)).map_or(file.content.as_str(), |(_, text)| text);
        let content = patch::apply(change, text).map_err(|reason| wrong(&reason))?;
        check_content(&content)?;
        check_size(quotas, &change.file, &content)?;
        if let Some(at) = before {
            changed.remove(at);
        }
        changed.push((&change.file, content));
    }
    for (name, content) in changed {
        let file = project.file_mut(name)?;
        file.content = content;
        file.modified = call.now;
    }
    project.modified = call.now;
    Ok(Done {})
}

pub(crate) fn delete(world: &mut World, call: &Call<'_>, request: DeleteFile) -> Answer<Done> {
    world.check_lock(call, request.project_id.0, request.code_source_id.as_deref())?;
    let project = world.project_mut(call, request.project_id.0)?;
    project.file_mut(&request.name)?;
    project.files.retain(|file| file.name != request.name);
    project.modified = call.now;
    Ok(Done {})
}

pub(crate) fn check_content(content: &str) -> Answer<()> {
    if content.is_empty() { Err(refuse::file_content_not_valid(content)) } else { Ok(()) }
}

pub(crate) fn check_size(quotas: Quotas, name: &str, content: &str) -> Answer<()> {
    if content.len() <= quotas.file_kb * 1024 { Ok(()) } else { Err(refuse::file_too_large(name, quotas.file_kb)) }
}

pub(crate) fn check_name(name: &str) -> Answer<()> {
    let sound = name.split('/').all(|step| !step.trim().is_empty() && step != "." && step != "..");
    if !sound || name.contains(['\\', '\0']) {
        return Err(refuse::file_name_not_valid(name));
    }
    if EXTENSIONS.iter().any(|extension| name.ends_with(extension)) {
        return Ok(());
    }
    Err(refuse::file_extension_not_allowed(name))
}

fn default_body(name: &str) -> String {
    if name.ends_with(".ipynb") {
        return seed::NOTEBOOK.to_owned();
    }
    let comment = if name.ends_with(".cs") { "//" } else { "#" };
    format!("{comment} Your New {} File\n", if name.ends_with(".cs") { "C#" } else { "Python" })
}

/// A library's files appear in the projects that use it, below a folder named like the library, for those who may
/// read the library.
fn of_libraries(world: &World, call: &Call<'_>, project: &Project, name: Option<&str>) -> Vec<ProjectFile> {
    let libraries = project.libraries.iter().filter_map(|id| world.projects.get(id));
    let libraries = libraries.filter(|library| library.is_seen_by(call.user));
    libraries
        .flat_map(|library| {
            library.files.iter().map(|file| ProjectFile {
                name: format!("{}/{}", library.name, file.name),
                is_library: true,
                ..shown(library, file)
            })
        })
        .filter(|file| name.is_none_or(|name| name == file.name))
        .collect()
}

fn shown(project: &Project, file: &File) -> ProjectFile {
    ProjectFile {
        id: Some(file.id),
        project_id: Some(project.id.into()),
        name: file.name.clone(),
        content: file.content.clone(),
        modified: Some(file.modified),
        open: false,
        is_library: false,
    }
}
