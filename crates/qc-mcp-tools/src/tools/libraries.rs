//! Libraries of a project: other projects whose code it uses.

use qc_api::endpoints::libraries::{AddLibrary, RemoveLibrary};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;

use crate::{
    Reply, ToolError,
    args::ProjectArg,
    ctx::Ctx,
    flows::{find, running::noted},
    gate::Deed,
    server::QcServer,
};

/// Arguments of both tools.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct LibraryArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Id or name of the library's project
    library_id: ProjectArg,
}

#[tool_router(router = libraries_update, vis = "pub(crate)")]
impl QcServer {
    /// Let a project use another project as a library. Compile it afterwards.
    #[tool(title = "Add library")]
    async fn add_project_library(
        &self,
        Parameters(args): Parameters<LibraryArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let library_id = find::project(&ctx.door, &args.library_id).await?;
        if project_id == library_id {
            return Err(ToolError::argument(format!(
                "project {project_id} cannot be its own library; nothing was sent"
            )));
        }
        ctx.door.send(&AddLibrary { project_id, library_id }).await?;
        let reply = Reply::new(format!("project {project_id} uses library {library_id}"))
            .field("project_id", project_id)
            .field("library_id", library_id)
            .next("compile_project");
        Ok(noted(&ctx.door, project_id, reply).await)
    }

    /// End a project's use of a library; the library itself stays.
    #[tool(title = "Remove library")]
    async fn remove_project_library(
        &self,
        Parameters(args): Parameters<LibraryArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let library_id = find::project(&ctx.door, &args.library_id).await?;
        let request = RemoveLibrary { project_id, library_id };
        let deed = Deed::new("take a library from a project", &request)
            .project(project_id)
            .line(format!("library {library_id}"));
        ctx.door.send_with(ctx.permit(deed).await?, &request).await?;
        Ok(Reply::new(format!("project {project_id} no longer uses library {library_id}"))
            .field("project_id", project_id)
            .field("library_id", library_id)
            .next("compile_project"))
    }
}
