//! Cleaning up: what is listed first is what is deleted.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    flows::{
        clean_up::{self, Ask, Item, Plan},
        find,
    },
    server::QcServer,
};

/// Unless the caller says otherwise.
const DAYS: u32 = 30;
const KEEP: usize = 10;

/// Arguments of `clean_up_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CleanUpArgs {
    /// Its old backtests; without: the account's scratch projects
    project_id: Option<ProjectArg>,
    /// Default 30
    older_than_days: Option<u32>,
    /// Newest backtests that stay; default 10
    keep: Option<usize>,
    /// Default true: only list
    dry_run: Option<bool>,
    /// Name of the list that was shown, to delete it
    plan: Option<String>,
}

#[tool_router(router = clean_up_delete, vis = "pub(crate)")]
impl QcServer {
    /// List scratch projects (by name, untouched, not running), or a project's old backtests; with dry_run=false and the plan of that list, delete exactly those. Show the user first.
    #[tool(title = "Clean up")]
    async fn clean_up_project(&self, Parameters(args): Parameters<CleanUpArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let is_dry = args.dry_run.unwrap_or(true);
        let id = args.plan.as_deref().filter(|_| !is_dry);
        if !is_dry && id.is_none() {
            return Err(ToolError::argument(
                "dry_run=false needs `plan`, the name of the list that was shown; nothing was deleted",
            ));
        }
        let project = match &args.project_id {
            Some(project) => Some(find::project(&ctx.door, project).await?),
            None => None,
        };
        let older_than_days = args.older_than_days.unwrap_or(DAYS);
        let ask = Ask { project, older_than_days, keep: args.keep.unwrap_or(KEEP) };
        let what = if project.is_some() { "backtests" } else { "scratch projects" };
        let Some(id) = id else {
            let plan = clean_up::plan(&ctx, ask).await?;
            let n = plan.items.len();
            let reply = Reply::new(format!("{n} {what} older than {older_than_days} days may go; nothing was deleted"))
                .field("items", rows(&plan, None));
            let reply = reply.data(json!({"plan": plan.id, "beyond_one_call": plan.more, "stay": plan.stay}));
            return Ok(match n {
                0 => reply,
                _ => reply.next("show this to the user; if they agree, the same call with dry_run=false and this plan"),
            });
        };
        let (plan, outcomes) = clean_up::delete(&ctx, ask, id).await?;
        let n_done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let n_failed = outcomes.len() - n_done;
        let mut summary = format!("{n_done} {what} deleted");
        if 0 < n_failed {
            summary.push_str(&format!(", {n_failed} FAILED and may be there still"));
        }
        let reply =
            Reply::new(summary).field("items", rows(&plan, Some(&outcomes))).field("beyond_one_call", plan.more);
        Ok(if 0 < plan.more + n_failed { reply.next("clean_up_project again for a list of the rest") } else { reply })
    }
}

/// What may go, or went.
fn rows(plan: &Plan, outcomes: Option<&[Result<(), ToolError>]>) -> Vec<Value> {
    let row = |(i, item): (usize, &Item)| {
        let mut row = match item {
            Item::Project(project) => json!({
                "project_id": project.project_id,
                "name": Untrusted::new(project.name.as_str()).shortened(80),
                "modified": project.modified,
            }),
            Item::Backtest(project_id, run) => json!({
                "project_id": project_id,
                "backtest_id": run.backtest_id,
                "name": Untrusted::new(run.name.as_str()).shortened(80),
                "created": run.created,
                "sharpe_ratio": run.sharpe_ratio,
            }),
        };
        if let (Some(outcome), Some(row)) = (outcomes.and_then(|all| all.get(i)), row.as_object_mut()) {
            row.insert("deleted".into(), json!(outcome.is_ok()));
            if let Err(error) = outcome {
                row.insert("error".into(), json!(Untrusted::new(error.text()).shortened(200)));
            }
        }
        row
    };
    plan.items.iter().enumerate().map(row).collect()
}
