//! Other people on a project, and the lock that says who edits.

use qc_api::{
    endpoints::collaboration::ReadCollaborators,
    model::{Collaborator, Permission},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::{EditorArg, ProjectArg},
    ctx::Ctx,
    flows::{find, lock},
    server::QcServer,
};

/// Arguments of the tools that only name a project.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ProjectOnly {
    /// Project id or name
    project_id: ProjectArg,
    #[serde(flatten)]
    _editor: EditorArg,
}

#[tool_router(router = collaboration_read, vis = "pub(crate)")]
impl QcServer {
    /// Read who may see, change and deploy a project.
    #[tool(title = "Read collaborators")]
    async fn read_project_collaborators(
        &self,
        Parameters(args): Parameters<ProjectOnly>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let found = ctx.door.send(&ReadCollaborators { project_id }).await?;
        let mut reply = Reply::new(format!("project {project_id}: {} people", found.collaborators.len()))
            .field("project_id", project_id)
            .field("collaborators", people(&found.collaborators));
        if let Some(permission) = &found.user_permissions {
            reply = reply.field("your_permission", permission_word(permission));
        }
        if let Some(live) = found.user_live_control {
            reply = reply.field("your_live_control", live);
        }
        Ok(reply)
    }
}

#[tool_router(router = collaboration_update, vis = "pub(crate)")]
impl QcServer {
    /// Take the edit lock of a shared project, so that your edits are accepted. Read its files again before editing.
    #[tool(title = "Lock project")]
    async fn lock_project_with_collaborators(
        &self,
        Parameters(args): Parameters<ProjectOnly>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        lock::take(&ctx.door, project_id).await?;
        Ok(Reply::new(format!("project {project_id} is locked for this server; others may have edited it before"))
            .field("project_id", project_id)
            .next("read_file"))
    }
}

/// Everybody on a project; no e-mail address, nobody here needs it.
fn people(collaborators: &[Collaborator]) -> Vec<Value> {
    collaborators
        .iter()
        .map(|one| {
            json!({
                "user_id": one.public_id.as_deref().map(|id| Untrusted::new(id).shortened(60)),
                "name": Untrusted::new(one.name.as_str()).shortened(60),
                "owner": one.owner,
                "permission": one.permission.as_ref().map(permission_word),
                "live_control": one.live_control,
            })
        })
        .collect()
}

fn permission_word(permission: &Permission) -> &'static str {
    match permission {
        Permission::Read => "read",
        Permission::Write => "write",
        Permission::Other(_) => "other",
    }
}
