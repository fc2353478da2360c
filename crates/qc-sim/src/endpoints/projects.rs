//! Projects: create, read, update, delete.

use qc_api::endpoints::Done;
use qc_api::endpoints::projects::{CreateProject, DeleteProject, ProjectsReply, ReadProjects, UpdateProject};
use qc_api::model::{self, Language, LiveForm};
use serde_json::json;

use crate::endpoints::{collaboration, files, lean, libraries};
use crate::refuse::{self, Answer};
use crate::seed;
use crate::world::{Call, Deployment, File, Project, World};

/// Where deleted projects go.
const BIN: &str = "Recycle Bin/";

/// A taken name does not fail: the new project gets a number behind its name.
pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateProject) -> Answer<ProjectsReply> {
    let organization = world.organization(call, request.organization_id.as_ref().map(AsRef::as_ref))?.id.clone();
    let name = valid_name(&request.name)?;
    let name = free_name(world, call.user, name);
    let (language, main, content, notebook) = match request.language {
        Language::Python => ("Py", "main.py", seed::DEFAULT_PYTHON, "research.ipynb"),
        Language::CSharp => ("C#", "Main.cs", seed::DEFAULT_CSHARP, "Research.ipynb"),
        Language::Other(_) => return Err(refuse::invalid_argument()),
    };
    let id = world.draw_number();
    let channel = format!("P{id}-{}", world.draw_id());
    let files = [(main, content), (notebook, seed::NOTEBOOK)].map(|(name, content)| File {
        id: world.draw_number(),
        name: name.to_owned(),
        content: content.to_owned(),
        modified: call.now,
    });
    let project = Project {
        id,
        organization,
        owner: call.user,
        name,
        language: language.to_owned(),
        created: call.now,
        modified: call.now,
        files: files.into(),
        lean_environment: lean::DEFAULT_ENVIRONMENT,
        channel,
        ..Project::default()
    };
    let reply = ProjectsReply { projects: vec![shown(world, call, &project)?], versions: lean::versions() };
    world.projects.insert(id, project);
    Ok(reply)
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadProjects) -> Answer<ProjectsReply> {
    let mut projects: Vec<&Project> = match request.project_id {
        Some(id) => vec![world.project(call, id.0)?],
        None => world.projects.values().filter(|project| project.is_seen_by(call.user)).collect(),
    };
    if let Some(organization) = &request.organization_id {
        projects.retain(|project| project.organization == organization.as_str());
    }
    if request.start.is_some() || request.end.is_some() {
        let start = request.start.unwrap_or(0);
        let end = request.end.unwrap_or(i64::MAX);
        if start < 0 || end <= start {
            return Err(refuse::range_not_valid(start, end));
        }
        let place = |at: i64| usize::try_from(at).unwrap_or(usize::MAX).min(projects.len());
        projects = projects.get(place(start)..place(end)).unwrap_or_default().to_vec();
    }
    let projects = projects.into_iter().map(|project| shown(world, call, project)).collect::<Answer<_>>()?;
    Ok(ProjectsReply { projects, versions: lean::versions() })
}

/// A taken name fails here, unlike in [`create`].
pub(crate) fn update(world: &mut World, call: &Call<'_>, request: UpdateProject) -> Answer<Done> {
    let id = request.project_id.0;
    world.project_mut(call, id)?;
    world.check_lock(call, id, request.code_source_id.as_deref())?;
    if let Some(name) = &request.name {
        let name = valid_name(name)?;
        if world.projects.values().any(|other| other.id != id && other.owner == call.user && other.name == name) {
            return Err(refuse::project_name_taken(name));
        }
    }
    let mut replaced = None;
    if let Some(files) = &request.files {
        let quotas = call.quotas(world.organization_of(world.project(call, id)?)?);
        if quotas.files < files.len() {
            return Err(refuse::too_many_files(quotas.files));
        }
        let mut new: Vec<File> = Vec::with_capacity(files.len());
        for file in files {
            if new.iter().any(|other| other.name == file.name) {
                return Err(refuse::file_exists(&file.name));
            }
            files::check_content(&file.content)?;
            files::check_name(&file.name)?;
            files::check_size(quotas, &file.name, &file.content)?;
            new.push(File {
                id: world.draw_number(),
                name: file.name.clone(),
                content: file.content.clone(),
                modified: call.now,
            });
        }
        replaced = Some(new);
    }
    // Those it has already may belong to others: a collaborator saves what its owner chose.
    let known = world.project(call, id)?.libraries.clone();
    for library in request.libraries.iter().flatten().filter(|library| !known.contains(&library.0)) {
        libraries::usable(world, call, id, library.0)?;
    }
    let project = world.project_mut(call, id)?;
    project.name = request.name.map_or_else(|| project.name.clone(), |name| name.trim_start_matches('/').to_owned());
    project.description = request.description.unwrap_or_else(|| project.description.clone());
    if let Some(parameters) = request.parameters {
        project.parameters = parameters.into_iter().map(|parameter| (parameter.key, parameter.value)).collect();
    }
    if let Some(version) = request.version_id {
        project.lean_version = Some(version.0).filter(|version| 0 <= *version);
    }
    if let Some(libraries) = request.libraries {
        project.libraries.clear();
        for library in libraries {
            if !project.libraries.contains(&library.0) {
                project.libraries.push(library.0);
            }
        }
    }
    project.lean_environment = request.lean_environment.unwrap_or(project.lean_environment);
    project.files = replaced.unwrap_or_else(|| std::mem::take(&mut project.files));
    project.modified = call.now;
    Ok(Done {})
}

/// A soft delete: the project moves to the recycle bin.
pub(crate) fn delete(world: &mut World, call: &Call<'_>, request: DeleteProject) -> Answer<Done> {
    let project = world.project_mut(call, request.project_id.0)?;
    if project.owner != call.user {
        return Err(refuse::no_write_permission());
    }
    if project.in_bin {
        return Err(refuse::project_not_found(project.id));
    }
    project.in_bin = true;
    project.name = format!("{BIN}{}", project.name);
    project.modified = call.now;
    Ok(Done {})
}

fn valid_name(name: &str) -> Answer<&str> {
    let trimmed = name.trim_start_matches('/');
    // Folders are allowed, empty steps and steps up are not.
    let sound = trimmed.split('/').all(|step| !step.trim().is_empty() && step != "." && step != "..");
    if sound && trimmed.chars().count() <= 200 { Ok(trimmed) } else { Err(refuse::project_name_invalid(name)) }
}

fn free_name(world: &World, owner: i64, name: &str) -> String {
    let taken = |name: &str| world.projects.values().any(|project| project.owner == owner && project.name == name);
    if !taken(name) {
        return name.to_owned();
    }
    (1..).map(|number| format!("{name} {number}")).find(|name| !taken(name)).unwrap_or_default()
}

/// The settings of a deployment, as a form would be filled with them.
fn form(deployment: &Deployment) -> LiveForm {
    let announces = |event: &str| deployment.announces.iter().any(|announced| announced == event);
    LiveForm {
        brokerage_data: [
            ("authentication".to_owned(), json!({})),
            (deployment.brokerage.clone(), json!({ "id": deployment.brokerage })),
        ]
        .into_iter()
        .collect(),
        data_providers_data: vec![json!({ "id": "QuantConnectBrokerage" })],
        node: Some(deployment.node.clone()),
        notify_insights: announces("insight"),
        notify_order_events: announces("orderEvent"),
        auto_restart: deployment.restarts,
    }
}

/// A project as the service shows it to the caller.
fn shown(world: &World, call: &Call<'_>, project: &Project) -> Answer<model::Project> {
    let deployments = world.deployments.values().filter(|deployment| deployment.project == project.id);
    let last = deployments.max_by_key(|deployment| (deployment.launched, deployment.number));
    Ok(model::Project {
        project_id: project.id.into(),
        organization_id: Some(project.organization.as_str().into()),
        name: project.name.clone(),
        modified: Some(project.modified),
        created: Some(project.created),
        owner_id: Some(project.owner),
        language: Some(Language::from_word(&project.language)),
        collaborators: collaboration::of(world, project)?,
        lean_version_id: Some(project.lean_version.unwrap_or(lean::LATEST).into()),
        lean_pinned_to_master: project.lean_version.is_none(),
        owner: project.owner == call.user,
        description: project.description.clone(),
        channel_id: Some(project.channel.clone()),
        parameters: project
            .parameters
            .iter()
            .map(|(key, value)| model::Parameter { key: key.clone(), value: value.clone(), ..Default::default() })
            .collect(),
        libraries: libraries::of(world, call, project)?,
        last_live_deployment: last.map(|deployment| deployment.launched),
        live_form: last.map(form),
        code_running: last.is_some_and(|deployment| deployment.is_active(call.now)),
        lean_environment: Some(project.lean_environment),
        ..Default::default()
    })
}
