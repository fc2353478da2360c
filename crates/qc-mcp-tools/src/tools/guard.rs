//! A limit of loss, written into an algorithm's own code.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError,
    args::ProjectArg,
    ctx::Ctx,
    flows::{
        find,
        guard::{self, Basis, Limit, Unit},
        running,
    },
    server::QcServer,
};

/// Days of the standard deviation unless the caller says otherwise.
const SIGMA_WINDOW: u32 = 60;

/// In what the limit is given.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum UnitArg {
    #[default]
    Percent,
    Sigma,
}

/// From what a loss is counted.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
enum BasisArg {
    #[default]
    PreviousClose,
    Deployment,
    Peak,
}

/// Arguments of `guard_live_algorithm`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct GuardArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// E.g. 5
    max_loss: f64,
    /// percent of the basis (default), or daily standard deviations of what is held
    unit: Option<UnitArg>,
    /// What the loss is counted from; default the close before
    basis: Option<BasisArg>,
    /// Days for sigma; default 60
    sigma_window: Option<u32>,
    /// Default false: only show the change
    write: Option<bool>,
}

#[tool_router(router = guard_update, vis = "pub(crate)")]
impl QcServer {
    /// Add a limit of loss to a Python project's code before it is deployed: it looks every minute, sells everything and quits. Shows the change; write=true makes it.
    #[tool(title = "Guard against loss")]
    async fn guard_live_algorithm(
        &self,
        Parameters(args): Parameters<GuardArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let limit = Limit {
            max_loss: args.max_loss,
            unit: match args.unit.unwrap_or_default() {
                UnitArg::Percent => Unit::Percent,
                UnitArg::Sigma => Unit::Sigma,
            },
            basis: match args.basis.unwrap_or_default() {
                BasisArg::PreviousClose => Basis::PreviousClose,
                BasisArg::Deployment => Basis::Deployment,
                BasisArg::Peak => Basis::Peak,
            },
            sigma_window: args.sigma_window.unwrap_or(SIGMA_WINDOW),
        };
        limit.check()?;
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let change = guard::plan(&ctx.door, project_id, &limit).await?;
        let added: Vec<Value> = change.added.iter().map(|(line, text)| json!({"line": line, "text": text})).collect();
        let facts = |reply: Reply| {
            reply.data(json!({
                "project_id": project_id,
                "main.py": added,
                "new_file": guard::FILE,
                "limits": "it looks once a minute, so a fall between two looks goes past the limit; deployment and peak count anew after a restart; checked against LEAN's stubs and a stand-in, not run in LEAN: backtest it",
            }))
        };
        if args.write != Some(true) {
            let reply = facts(Reply::new("preview: two lines and a file would be added; nothing was written"));
            return Ok(reply.next("show this to the user; if they agree, the same call with write=true"));
        }
        guard::write(&ctx.door, &change).await?;
        let reply = facts(Reply::new(
            "the guard is in the code; it watches what is deployed from now on, not what runs already",
        ));
        let reply = running::noted(&ctx.door, project_id, reply).await;
        Ok(reply.next("run_backtest, then deploy_live"))
    }
}
