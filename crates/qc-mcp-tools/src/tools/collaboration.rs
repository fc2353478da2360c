//! Other people on a project, and the lock that says who edits. Letting people in, changing their rights and taking them
//! out needs a human's consent.

use qc_api::{
    endpoints::collaboration::{CreateCollaborator, DeleteCollaborator, ReadCollaborators, UpdateCollaborator},
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
    gate::Deed,
    server::QcServer,
    settings::Mode,
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

/// Arguments of `create_project_collaborator`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CreateArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Public id of the person, e.g. mia-ai
    collaborator_user_id: String,
    /// May change the code; default false
    collaboration_write: Option<bool>,
    /// May deploy and stop; default false, true only in mode live
    collaboration_live_control: Option<bool>,
}

/// Arguments of `update_project_collaborator`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct UpdateArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Public id of the person
    collaborator_user_id: String,
    /// May change the code
    write: bool,
    /// May deploy and stop; true only in mode live
    live_control: bool,
}

/// Arguments of `delete_project_collaborator`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DeleteArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Public id of the person
    collaborator_id: String,
}

#[tool_router(router = collaboration_create, vis = "pub(crate)")]
impl QcServer {
    /// Let a person into a project. A human must consent at the client; else it is done on quantconnect.com.
    #[tool(title = "Add collaborator")]
    async fn create_project_collaborator(
        &self,
        Parameters(args): Parameters<CreateArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let write = args.collaboration_write.unwrap_or(false);
        let live = args.collaboration_live_control.unwrap_or(false);
        let request = CreateCollaborator {
            project_id: find::project(&ctx.door, &args.project_id).await?,
            collaborator_user_id: public_id(&args.collaborator_user_id)?,
            collaboration_live_control: live,
            collaboration_write: write,
        };
        let deed = right(Deed::new("let a person into a project", &request).project(request.project_id), write, live)
            .foreign("person", Untrusted::new(request.collaborator_user_id.as_str()));
        self.check_live_control(&ctx, &deed, live)?;
        let permit = ctx.permit(deed).await?;
        let found = ctx.door.send_with(permit, &request).await?;
        Ok(changed(request.project_id, "a person was let in", &found.collaborators))
    }
}

#[tool_router(router = collaboration_grant, vis = "pub(crate)")]
impl QcServer {
    /// Change what a person may do in a project. A human must consent at the client.
    #[tool(title = "Update collaborator")]
    async fn update_project_collaborator(
        &self,
        Parameters(args): Parameters<UpdateArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let request = UpdateCollaborator {
            project_id: find::project(&ctx.door, &args.project_id).await?,
            collaborator_user_id: public_id(&args.collaborator_user_id)?,
            live_control: args.live_control,
            write: args.write,
        };
        let deed = Deed::new("change what a person may do in a project", &request).project(request.project_id);
        let deed = right(deed, args.write, args.live_control)
            .foreign("person", Untrusted::new(request.collaborator_user_id.as_str()));
        self.check_live_control(&ctx, &deed, args.live_control)?;
        let permit = ctx.permit(deed).await?;
        let found = ctx.door.send_with(permit, &request).await?;
        Ok(changed(request.project_id, "a person's rights are changed", &found.collaborators))
    }
}

#[tool_router(router = collaboration_delete, vis = "pub(crate)")]
impl QcServer {
    /// Take a person out of a project. A human must consent at the client.
    #[tool(title = "Remove collaborator")]
    async fn delete_project_collaborator(
        &self,
        Parameters(args): Parameters<DeleteArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let request = DeleteCollaborator {
            project_id: find::project(&ctx.door, &args.project_id).await?,
            collaborator_id: public_id(&args.collaborator_id)?,
        };
        let deed = Deed::new("take a person out of a project", &request)
            .project(request.project_id)
            .foreign("person", Untrusted::new(request.collaborator_id.as_str()));
        let permit = ctx.permit(deed).await?;
        let found = ctx.door.send_with(permit, &request).await?;
        Ok(changed(request.project_id, "a person was taken out", &found.collaborators))
    }
}

impl QcServer {
    /// Whoever may deploy may trade: that right is given in mode `live` alone.
    fn check_live_control(&self, ctx: &Ctx, deed: &Deed, live: bool) -> Result<(), ToolError> {
        // The caller's mode, which may be lower than the server's.
        let mode = ctx.door.mode();
        if !live || mode == Mode::Live {
            return Ok(());
        }
        let why = format!("mode {} gives nobody the right to deploy and stop; that takes QC_MCP_MODE=live", mode.id());
        Err(ctx.refuse_early(deed, &why))
    }
}

/// What the person may do, as lines that a human must see.
fn right(deed: Deed, write: bool, live: bool) -> Deed {
    let word = |yes: bool| if yes { "yes" } else { "no" };
    deed.needs_human()
        .line(format!("may change the code: {}", word(write)))
        .line(format!("may deploy and stop live algorithms: {}", word(live)))
}

/// The name of a person in addresses.
fn public_id(text: &str) -> Result<String, ToolError> {
    find::valid_id(text)
}

fn changed(project_id: qc_api::ids::ProjectId, what: &str, collaborators: &[Collaborator]) -> Reply {
    Reply::new(format!("project {project_id}: {what}"))
        .field("project_id", project_id)
        .field("collaborators", people(collaborators))
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
