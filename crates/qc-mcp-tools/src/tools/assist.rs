//! Help with code: what QuantConnect's own checks say of it.

use qc_api::{
    endpoints::{
        assist::{AssistState, CheckSyntax},
        files::ReadFiles,
        projects::FileContent,
    },
    model::Language,
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;

use crate::{Reply, ToolError, Untrusted, args::ProjectArg, ctx::Ctx, flows::find, server::QcServer};

/// Remarks shown.
const MOST_REMARKS: usize = 50;

/// A file by name and content.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct FileArg {
    /// File name, e.g. main.py
    name: String,
    /// The whole content
    content: String,
}

/// Arguments of `check_syntax`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CheckArgs {
    /// Files to check; omit to check a project's
    files: Option<Vec<FileArg>>,
    /// Project id or name, instead of files
    project_id: Option<ProjectArg>,
    /// Py or C#; omit to tell by the file names
    language: Option<String>,
}

#[tool_router(router = assist_read, vis = "pub(crate)")]
impl QcServer {
    /// Look for mistakes in code without running it: QuantConnect's own syntax check of the files given, or of a project's files.
    #[tool(title = "Check syntax")]
    async fn check_syntax(&self, Parameters(args): Parameters<CheckArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let files = match (args.files, &args.project_id) {
            (Some(files), None) if !files.is_empty() => files.into_iter().map(content).collect(),
            (None, Some(project)) => of_project(&ctx, project).await?,
            (Some(_), Some(_)) => return Err(ToolError::argument("files and project_id both came; give one of them")),
            _ => return Err(ToolError::argument("needed files [{name, content}] or project_id; none came")),
        };
        let language = language(args.language.as_deref(), &files)?;
        let checked: Vec<Untrusted> =
            files.iter().map(|file| Untrusted::new(file.name.as_str()).shortened(120)).collect();
        let found = ctx.door.send(&CheckSyntax { language, files }).await?;
        let state = found.state.as_ref().filter(|state| AssistState::KNOWN.contains(state));
        let summary = match (state, found.payload.len()) {
            (Some(AssistState::End), 0) => {
                format!("no mistake found in {} file(s); the code was not run", checked.len())
            }
            (_, count) => format!("{count} remark(s) on {} file(s)", checked.len()),
        };
        let remarks: Vec<Untrusted> = found
            .payload
            .iter()
            .take(MOST_REMARKS)
            .map(|remark| Untrusted::new(remark.as_str()).shortened(400))
            .collect();
        let next = if remarks.is_empty() { "compile_project" } else { "edit_file" };
        Ok(Reply::new(summary)
            .field("state", state.map_or("other", AssistState::as_str))
            .field("files", checked)
            .field("n_remarks", found.payload.len())
            .field("remarks", remarks)
            .next(next))
    }
}

fn content(file: FileArg) -> FileContent {
    FileContent { name: file.name, content: file.content }
}

/// The code of a project; notebooks are left out, no compiler reads them.
async fn of_project(ctx: &Ctx, project: &ProjectArg) -> Result<Vec<FileContent>, ToolError> {
    let project_id = find::project(&ctx.door, project).await?;
    let files = ctx.door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
    let files: Vec<FileContent> = files
        .into_iter()
        .filter(|file| is_code(&file.name))
        .map(|file| FileContent { name: file.name, content: file.content })
        .collect();
    match files.is_empty() {
        true => Err(ToolError::argument(format!("project {project_id} has no .py or .cs file to check"))),
        false => Ok(files),
    }
}

fn is_code(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".py") || name.ends_with(".cs")
}

/// The language said, or the one the file names tell.
fn language(said: Option<&str>, files: &[FileContent]) -> Result<Language, ToolError> {
    match said.map(|said| said.trim().to_ascii_lowercase()).as_deref() {
        Some("py" | "python") => Ok(Language::Python),
        Some("c#" | "cs" | "csharp") => Ok(Language::CSharp),
        Some(other) => Err(ToolError::argument(format!("language {other:?} is neither Py nor C#"))),
        None if files.iter().any(|file| file.name.to_ascii_lowercase().ends_with(".cs")) => Ok(Language::CSharp),
        None => Ok(Language::Python),
    }
}
