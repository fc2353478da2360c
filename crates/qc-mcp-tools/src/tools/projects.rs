//! Projects: create, read, list, change, delete.

use qc_api::{
    endpoints::projects::{CreateProject, DeleteProject, ReadProjects, UpdateProject},
    ids::OrganizationId,
    model::{Language, Project},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    error::{Kind, Topic},
    flows::find,
    gate::Deed,
    server::QcServer,
};

/// Projects in a list unless the caller asks for more.
const LISTED: usize = 20;

/// Languages of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
enum LanguageArg {
    /// Python.
    Py,
    /// C#.
    #[serde(rename = "C#")]
    CSharp,
}

/// Arguments of `create_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CreateArgs {
    /// Name; / makes folders
    name: String,
    /// Default Py
    language: Option<LanguageArg>,
    /// Organisation; default yours
    organization_id: Option<String>,
}

/// Arguments of `read_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Project id or name; omit to list projects
    project_id: Option<ProjectArg>,
}

/// Arguments of `list_projects`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ListArgs {
    /// Part of the name
    search: Option<String>,
    /// Most projects shown; default 20
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
}

/// Arguments of `update_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct UpdateArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// New name
    name: Option<String>,
    /// New description; may be empty
    #[schemars(extend("x-empty-ok" = true))]
    description: Option<String>,
}

/// Arguments of `delete_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DeleteArgs {
    /// Project id or name
    project_id: ProjectArg,
}

#[tool_router(router = projects_read, vis = "pub(crate)")]
impl QcServer {
    /// Read one project: name, language, dates, parameters, libraries, collaborators. Without project_id it lists projects.
    #[tool(title = "Read project")]
    async fn read_project(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let Some(wanted) = &args.project_id else {
            return Ok(list(find::all_projects(&ctx.door).await?, None, LISTED));
        };
        let id = find::project(&ctx.door, wanted).await?;
        let projects = ctx.door.send(&ReadProjects::one(id)).await?.projects;
        let Some(project) = projects.into_iter().find(|project| project.project_id == id) else {
            return Err(ToolError::new(Kind::NotFound, Topic::Project, format!("there is no project {id}")));
        };
        Ok(Reply::new(format!("project {id}")).data(details(&project)).next("read_file"))
    }

    /// List projects, newest change first: id, name, language, dates.
    #[tool(title = "List projects")]
    async fn list_projects(&self, Parameters(args): Parameters<ListArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let limit = args.limit.and_then(|limit| usize::try_from(limit).ok());
        let reply = list(find::all_projects(&ctx.door).await?, args.search.as_deref(), limit.unwrap_or(LISTED));
        Ok(if limit.is_some() { reply.allow(100_000) } else { reply })
    }
}

#[tool_router(router = projects_create, vis = "pub(crate)")]
impl QcServer {
    /// Create a project with QuantConnect's template files. A taken name gets a number; the answer says the real one.
    #[tool(title = "Create project")]
    async fn create_project(&self, Parameters(args): Parameters<CreateArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let name = args.name.trim();
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ToolError::argument("`name` is empty or holds control characters"));
        }
        let request = CreateProject {
            name: name.to_owned(),
            language: match args.language {
                Some(LanguageArg::CSharp) => Language::CSharp,
                _ => Language::Python,
            },
            organization_id: args.organization_id.map(OrganizationId),
        };
        let projects = ctx.door.send(&request).await?.projects;
        let Some(project) = projects.first() else {
            return Err(ToolError::new(Kind::BadAnswer, Topic::Project, "projects/create named no project"));
        };
        let renamed = if project.name == name { "" } else { "; the name was taken, QuantConnect chose another" };
        Ok(Reply::new(format!("created project {}{renamed}", project.project_id))
            .data(details(project))
            .next("create_file"))
    }
}

#[tool_router(router = projects_update, vis = "pub(crate)")]
impl QcServer {
    /// Change a project's name or description.
    #[tool(title = "Update project")]
    async fn update_project(&self, Parameters(args): Parameters<UpdateArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        if args.name.is_none() && args.description.is_none() {
            return Err(ToolError::argument("give `name` or `description`, or both; nothing was sent"));
        }
        let id = find::project(&ctx.door, &args.project_id).await?;
        let changed: Vec<&str> = [("name", args.name.is_some()), ("description", args.description.is_some())]
            .iter()
            .filter(|(_, there)| *there)
            .map(|(what, _)| *what)
            .collect();
        let summary = format!("project {id}: {} changed", changed.join(" and "));
        ctx.door
            .send(&UpdateProject {
                project_id: id,
                name: args.name,
                description: args.description,
                ..UpdateProject::default()
            })
            .await?;
        Ok(Reply::new(summary).field("project_id", id).field("changed", changed))
    }
}

#[tool_router(router = projects_delete, vis = "pub(crate)")]
impl QcServer {
    /// Delete a project: QuantConnect moves it to its Recycle Bin folder.
    #[tool(title = "Delete project")]
    async fn delete_project(&self, Parameters(args): Parameters<DeleteArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let id = find::project(&ctx.door, &args.project_id).await?;
        let request = DeleteProject { project_id: id };
        let permit = ctx.permit(Deed::new("delete the project", &request).project(id)).await?;
        ctx.door.send_with(permit, &request).await?;
        Ok(Reply::new(format!("project {id} is deleted; it may be listed under Recycle Bin for a while"))
            .field("project_id", id))
    }
}

/// The newest `limit` projects whose name holds `search`.
fn list(mut projects: Vec<Project>, search: Option<&str>, limit: usize) -> Reply {
    if let Some(search) = search {
        let search = search.to_lowercase();
        projects.retain(|project| project.name.to_lowercase().contains(&search));
    }
    projects.sort_by_key(|project| std::cmp::Reverse(project.modified));
    let total = projects.len();
    let rows: Vec<Value> = projects
        .iter()
        .take(limit)
        .map(|project| {
            json!({
                "project_id": project.project_id,
                "name": Untrusted::new(project.name.as_str()).shortened(120),
                "language": project.language.as_ref().map(language),
                "modified": project.modified,
            })
        })
        .collect();
    let summary = match (total, search) {
        (0, Some(_)) => "no project has a name like that; `list_projects` without search shows all".to_owned(),
        (0, None) => "the account has no projects yet; `create_project` makes one".to_owned(),
        _ => format!("{} of {total} projects, newest change first", rows.len()),
    };
    Reply::new(summary).field("total", total).field("projects", rows)
}

/// The facts of one project.
fn details(project: &Project) -> Value {
    let parameters: Vec<Value> = project
        .parameters
        .iter()
        .map(|parameter| json!([Untrusted::new(parameter.key.as_str()), Untrusted::new(parameter.value.as_str())]))
        .collect();
    let libraries: Vec<Value> = project
        .libraries
        .iter()
        .map(|library| json!({"project_id": library.project_id, "name": Untrusted::new(library.library_name.as_str())}))
        .collect();
    json!({
        "project_id": project.project_id,
        "name": Untrusted::new(project.name.as_str()),
        "description": Untrusted::new(project.description.as_str()).shortened(500),
        "language": project.language.as_ref().map(language),
        "created": project.created,
        "modified": project.modified,
        "organization_id": project.organization_id,
        "parameters": parameters,
        "libraries": libraries,
        "collaborators": project.collaborators.len(),
    })
}

/// The language in the service's word, or our word for one we do not know.
fn language(language: &Language) -> &str {
    if Language::KNOWN.contains(language) { language.as_str() } else { "other" }
}
