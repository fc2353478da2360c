//! The tool that brings a folder and a project to the same files.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    flows::{
        find, running,
        sync::{self, Ask, Direction, Plan, Side},
    },
    server::QcServer,
};

/// Arguments of `sync_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct SyncArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Folder of this computer, below the folders this server may read
    folder: String,
    /// both (default), push or pull
    direction: Option<Direction>,
    /// Side that wins where both changed: local or cloud. Without: such files are left
    prefer: Option<Side>,
    /// Delete files of the project that were synced and are gone here. Default: false
    delete: Option<bool>,
    /// Name of the plan that was shown, to do it
    plan: Option<String>,
}

#[tool_router(router = syncing_update, vis = "pub(crate)")]
impl QcServer {
    /// Bring a local folder and a project to the same files, three ways by hash: first a plan, then the same call with that plan. Conflicts are listed, files here are never deleted, ignore files are obeyed.
    #[tool(title = "Sync project")]
    async fn sync_project(&self, Parameters(args): Parameters<SyncArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let folder = self.desk().open_folder(&args.folder)?;
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let ask = Ask {
            project_id,
            direction: args.direction.unwrap_or_default(),
            prefer: args.prefer,
            delete: args.delete.unwrap_or(false),
        };
        let place = folder.path.to_string_lossy().into_owned();
        let (plan, outcomes) = match args.plan.as_deref().map(str::trim).filter(|plan| !plan.is_empty()) {
            None => (sync::plan(&ctx, &folder.dir, &place, ask).await?, None),
            Some(id) => {
                let (plan, outcomes) = sync::apply(&ctx, &folder.dir, &place, ask, id).await?;
                (plan, Some(outcomes))
            }
        };
        let n = plan.n_changes();
        let n_left = plan.steps.len() - n;
        let failed = outcomes.iter().flatten().filter(|outcome| outcome.is_err()).count();
        let summary = match (&outcomes, n) {
            (_, 0) if n_left == 0 => format!("project {project_id} and the folder have the same {} files", plan.same),
            (None, _) => format!(
                "{n} file(s) would change, {n_left} would be left, {} are the same; nothing was done",
                plan.same
            ),
            (Some(_), _) if 0 < failed => format!("{} of {n} file(s) changed, {failed} FAILED", n - failed),
            (Some(_), _) => format!("{n} file(s) changed, {n_left} were left, {} were the same", plan.same),
        };
        let mut reply = Reply::new(summary)
            .field("project_id", project_id)
            .field("files", rows(&plan, outcomes.as_deref()))
            .field("same", plan.same)
            .field("ignored", plan.ignored);
        if !plan.cautions.is_empty() {
            reply = reply.field("cautions", &plan.cautions);
        }
        if outcomes.is_none() {
            return Ok(match n {
                0 => reply,
                _ => reply.field("plan", &plan.id).next("show this to the user; then the same call with plan"),
            });
        }
        let sends = plan.steps.iter().any(|step| {
            matches!(step.action, sync::Action::CreateThere | sync::Action::UpdateThere | sync::Action::DeleteThere)
        });
        Ok(if sends { running::noted(&ctx.door, project_id, reply.next("run_backtest")).await } else { reply })
    }
}

fn rows(plan: &Plan, outcomes: Option<&[Result<(), String>]>) -> Vec<Value> {
    let row = |(at, step): (usize, &sync::Step)| {
        let mut row = json!({"name": Untrusted::new(step.name.as_str()).shortened(120), "action": step.action});
        let Some(map) = row.as_object_mut() else { return row };
        if let Some(why) = &step.why {
            map.insert("why".into(), json!(why));
        }
        if let Some(Err(why)) = outcomes.and_then(|all| all.get(at)) {
            map.insert("failed".into(), json!(Untrusted::new(why.as_str()).shortened(200)));
        }
        row
    };
    plan.steps.iter().enumerate().map(row).collect()
}
