//! A limit of loss, written into an algorithm's own code.

use qc_api::endpoints::live::{LiquidateLive, ReadLive};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError,
    args::ProjectArg,
    caller::Origin,
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{
        find,
        guard::{self, Basis, Limit, Unit},
        live, running,
    },
    gate::Deed,
    server::QcServer,
    settings::Transport,
    watch::{self, Watch},
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

/// Where the guard is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum Place {
    #[default]
    Algorithm,
    Watcher,
    None,
}

/// Arguments of `guard_live_algorithm`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct GuardArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// E.g. 5
    max_loss: f64,
    /// percent (default), or daily standard deviations
    unit: Option<UnitArg>,
    /// Default: the close before
    basis: Option<BasisArg>,
    /// Days for sigma; default 60
    #[schemars(extend("x-hidden" = true))]
    sigma_window: Option<u32>,
    /// Default: only show the change
    write: Option<bool>,
    /// algorithm (default): in its code; watcher: by this server while it runs, once the user agreed; none ends it
    place: Option<Place>,
    /// watcher over stdio: it dies with the client
    #[schemars(extend("x-hidden" = true))]
    accept_client_lifetime: Option<bool>,
}

#[tool_router(router = guard_update, vis = "pub(crate)")]
impl QcServer {
    /// Add a limit of loss to a Python project's code: it looks every minute, sells everything and quits. Shows the change; write=true makes it.
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
        match args.place.unwrap_or_default() {
            Place::Algorithm => {}
            Place::Watcher => return watched(self, &ctx, &args, &limit).await,
            Place::None => return unwatched(&ctx, &args.project_id).await,
        }
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

/// Sets up a watcher of the deployment that runs; the human agrees to the limit and to what follows from it.
async fn watched(server: &QcServer, ctx: &Ctx, args: &GuardArgs, limit: &Limit) -> Result<Reply, ToolError> {
    let no = |why: &str| Err(ToolError::argument(format!("{why}; nothing was sent and nothing is watched")));
    let settings = server.settings();
    if limit.unit == Unit::Sigma {
        return no(
            "a watcher takes percent: standard deviations of what is held are known in the algorithm (place=algorithm)",
        );
    }
    if settings.serves == Transport::Stdio && args.accept_client_lifetime != Some(true) {
        return no(
            "over stdio a watcher lives no longer than the client that started this server: put the guard into the code (place=algorithm), or say accept_client_lifetime=true once the user knows that",
        );
    }
    if let Some((_, Origin::Headers | Origin::Tool)) = server.credentials(&ctx.caller).await? {
        return no("a watcher needs credentials that outlive the request: those of the server's settings");
    }
    let project_id = find::project(&ctx.door, &args.project_id).await?;
    let nothing = || {
        ToolError::new(Kind::NotFound, Topic::Live, format!("nothing runs in project {project_id}; nothing is watched"))
    };
    let target = live::target(&ctx.door, project_id).await?.ok_or_else(nothing)?;
    let deploy_id = target.deploy_id.clone().ok_or_else(|| {
        ToolError::new(
            Kind::BadAnswer,
            Topic::Live,
            "the deployment cannot be read, so it cannot be watched; try again",
        )
    })?;
    let pace = settings.guard_seconds;
    let basis = limit.basis.word();
    let request = LiquidateLive { project_id };
    let deed = Deed::new("watch it, and sell everything and stop at a limit of loss", &request)
        .project(project_id)
        .deployment(deploy_id.as_str())
        .money(target.money)
        .line(format!("limit: {} % lost, counted from {basis}", limit.max_loss))
        .line(format!("it looks every {pace} s, at prices up to 10 minutes old, and only while this server runs"))
        .line("at the limit it sells everything and stops the algorithm without asking again")
        .needs_human();
    // The consent is kept as the sealed record; nothing is sent now.
    drop(ctx.permit(deed).await?);
    let watch = Watch::new(
        &ctx.door,
        (project_id, deploy_id.clone(), target.money),
        (limit.max_loss, limit.basis),
        ctx.door.now().await?,
    );
    watch::keep(&ctx.door, &watch).await?;
    server.keep_watch(&watch, true);
    let lasts = match (settings.serves == Transport::Stdio, ctx.door.state().is_memory()) {
        (true, false) => {
            "until the client ends this server; it goes on when a server with the same state folder starts"
        }
        (_, true) => "until this server ends: without a state folder (QC_MCP_STATE_DIR) it is forgotten then",
        (false, false) => {
            "it goes on after a restart of this server, which looks at once and tells how long nobody did"
        }
    };
    Ok(Reply::new(format!(
        "deployment {deploy_id} is watched: at {} % lost from {basis} everything is sold and it stops, without another question",
        limit.max_loss
    ))
    .data(json!({
        "project_id": project_id, "deploy_id": deploy_id, "money": live::word(target.money), "max_loss_percent": limit.max_loss,
        "basis": basis, "reaction": format!("looks every {pace} s at figures up to 10 minutes old: a fall between goes past the limit"),
        "lasts": lasts, "ends": "with this deployment; another one of the project is not watched",
    }))
    .next("live_status shows it: active, blind, tripped or dead"))
}

/// Ends the watcher of a project; less protection is for a human to decide.
async fn unwatched(ctx: &Ctx, project: &ProjectArg) -> Result<Reply, ToolError> {
    let project_id = find::project(&ctx.door, project).await?;
    let known = watch::all(&ctx.door).await?;
    if !known.iter().any(|watch| watch.project_id == project_id) {
        return Ok(Reply::new("no watcher is set up for this project").field("project_id", project_id));
    }
    let request = ReadLive { project_id, deploy_id: None };
    let deed = Deed::new("end the watcher of its loss; nothing is sold", &request).project(project_id).needs_human();
    drop(ctx.permit(deed).await?);
    watch::forget(&ctx.door, project_id)?;
    Ok(Reply::new("the watcher was ended; nothing was sold").field("project_id", project_id))
}
