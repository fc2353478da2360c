//! Deploying: what is previewed is what is deployed.
//!
//! The preview compiles for itself: it reads all files, libraries included, compiles, reads them again and refuses if
//! they differ. What goes live is that compile, on that node, with those settings; a second call names the preview's
//! token, and everything that could have changed in between is looked at again.

use qc_api::{
    brokerage::{Brokerage, DataProvider, Money},
    endpoints::{
        backtests::ListBacktests,
        compile::CompileState,
        files::ReadFiles,
        live::{CreateLive, CreateLiveReply, ListLive},
        nodes::ReadProjectNodes,
        projects::ReadProjects,
    },
    ids::{CompileId, NodeId, ProjectId, VersionId},
    model::{BacktestSummary, LiveStatus, LiveSummary, Node, Notifications, Project},
    wire::Map,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    flows::compile,
    gate::{Deed, Door, Preview, money},
    reply::Untrusted,
    settings::Mode,
};

/// What is to be deployed, as the caller wants it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) project_id: ProjectId,
    pub(crate) compile_id: CompileId,
    pub(crate) node_id: NodeId,
    pub(crate) brokerage: Brokerage,
    pub(crate) data_providers: Map<DataProvider>,
    pub(crate) version_id: VersionId,
    pub(crate) automatic_redeploy: Option<bool>,
    pub(crate) notification: Option<Notifications>,
    pub(crate) parameters: Map<String>,
}

/// What a preview keeps for the deployment: nothing of the brokerage's settings, which come again with the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    compile_id: String,
    code: String,
    organization: String,
    /// The newest deployment of the project.
    latest: Option<String>,
}

/// What a preview shows.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) preview: Preview,
    pub(crate) compile_id: CompileId,
    /// Hash of the code, and of how many files it is.
    pub(crate) code: String,
    pub(crate) n_files: usize,
    pub(crate) project: Project,
    pub(crate) node: Node,
    pub(crate) last: Option<LiveSummary>,
    pub(crate) backtest: Option<BacktestSummary>,
    /// The caller's compile is of other code than the project's as it is now.
    pub(crate) other_code: bool,
}

impl Wanted {
    fn request(&self, compile_id: CompileId) -> CreateLive {
        CreateLive {
            version_id: self.version_id,
            project_id: self.project_id,
            compile_id,
            node_id: self.node_id.clone(),
            brokerage: self.brokerage.clone(),
            data_providers: self.data_providers.clone(),
            automatic_redeploy: self.automatic_redeploy,
            notification: self.notification.clone(),
            parameters: self.parameters.clone(),
            signature: None,
        }
    }

    fn deed(&self, request: &CreateLive) -> Deed {
        let mut deed = Deed::new("deploy", request)
            .money(self.brokerage.money())
            .project(self.project_id)
            .account(self.brokerage.masked_account())
            .node(self.node_id.as_str())
            .line(format!("brokerage {}, compile {}", self.brokerage.id(), request.compile_id));
        if let Some(notification) = self.notification.as_ref().filter(|it| !it.targets.is_empty()) {
            deed = deed.line(format!("{} others hear of its orders or insights", notification.targets.len()));
        }
        if self.automatic_redeploy == Some(true) {
            deed = deed.line("QuantConnect starts it again by itself after a failure");
        }
        deed
    }

    /// Refuses what the mode refuses whatever else is true, before anything is sent.
    fn refuse_early(&self, ctx: &Ctx) -> Result<(), ToolError> {
        let settings = ctx.door.settings();
        if self.brokerage.money() == Money::Real && settings.mode != Mode::Live {
            let deed = self.deed(&self.request(self.compile_id.clone()));
            let why = format!(
                "mode {} does not allow live/create: {} trades real money, or these settings do not say for certain that it does not; that takes QC_MCP_MODE=live and QC_MCP_ALLOW_LIVE_ORGS",
                settings.mode.id(),
                self.brokerage.id()
            );
            return Err(ctx.refuse_early(&deed, &why));
        }
        Ok(())
    }

    /// Refuses real money for an organisation that the settings do not name.
    fn check_organization(&self, ctx: &Ctx, organization: &str) -> Result<(), ToolError> {
        let settings = ctx.door.settings();
        if self.brokerage.money() == Money::Real && !settings.allow_live_orgs.iter().any(|id| id == organization) {
            let deed = self.deed(&self.request(self.compile_id.clone()));
            let why = "the project belongs to an organisation that QC_MCP_ALLOW_LIVE_ORGS does not name";
            return Err(ctx.refuse_early(&deed, why));
        }
        Ok(())
    }
}

/// Looks at everything, compiles, and answers what would be deployed.
pub(crate) async fn preview(ctx: &Ctx, wanted: &Wanted) -> Result<Shown, ToolError> {
    wanted.refuse_early(ctx)?;
    let door = &ctx.door;
    let project = project(door, wanted.project_id).await?;
    let organization = organization_of(&project);
    wanted.check_organization(ctx, &organization)?;
    let last = last_deployment(ctx, wanted).await?;
    let node = node(door, wanted).await?;
    let (before, n_files) = code_hash(door, &project).await?;
    let started = compile::start(door, wanted.project_id).await?;
    let built = compile::wait(door, wanted.project_id, &started.compile_id, &ctx.progress).await?;
    if built.state != CompileState::BuildSuccess {
        let message = match built.state {
            CompileState::BuildError => "the project does not compile",
            _ => "the compile is not finished yet",
        };
        return Err(ToolError::new(Kind::Refused, Topic::Compile, format!("{message}; nothing was deployed")));
    }
    let (code, _) = code_hash(door, &project).await?;
    if code != before {
        let message = "the project's files changed while they were compiled; nothing was deployed";
        return Err(ToolError::new(Kind::Refused, Topic::Preview, message));
    }
    let compile_id = started.compile_id;
    let backtests = door.send(&ListBacktests { project_id: wanted.project_id, include_statistics: Some(true) }).await;
    let backtest = backtests.ok().and_then(|reply| reply.backtests.into_iter().max_by_key(|it| it.created));
    let seen = Seen {
        compile_id: compile_id.to_string(),
        code: code.clone(),
        organization,
        latest: last.as_ref().and_then(|last| last.deploy_id.as_ref()).map(ToString::to_string),
    };
    let preview = ctx.preview(&seen).await?;
    // The second half of a compile's id is the signature of its code.
    let signature = |id: &CompileId| id.as_str().split_once('-').map(|(_, code)| code.to_owned());
    let other_code = signature(&wanted.compile_id) != signature(&compile_id);
    Ok(Shown { preview, compile_id, code, n_files, project, node, last, backtest, other_code })
}

/// Deploys what was previewed under `token`.
pub(crate) async fn go(ctx: &Ctx, wanted: &Wanted, token: &str) -> Result<CreateLiveReply, ToolError> {
    wanted.refuse_early(ctx)?;
    let (seen, ticket) = ctx.redeem::<Seen>(token).await?;
    let door = &ctx.door;
    let organization = organization_of(&project(door, wanted.project_id).await?);
    wanted.check_organization(ctx, &organization)?;
    let last = last_deployment(ctx, wanted).await?;
    let latest = last.and_then(|last| last.deploy_id).map(|id| id.to_string());
    if latest != seen.latest || organization != seen.organization {
        let deed = wanted.deed(&wanted.request(wanted.compile_id.clone()));
        return Err(
            ctx.refuse_early(&deed, "the project was deployed after the preview, so it no longer shows what is")
        );
    }
    let request = wanted.request(CompileId(seen.compile_id));
    let deed = wanted.deed(&request).organization(organization).previewed(ticket);
    let permit = ctx.permit(deed).await?;
    let reply = door.send_with(permit, &request).await?;
    if let Some(deploy_id) = reply.deployment() {
        let money = wanted.brokerage.money();
        if let Err(error) = money::record(door, deploy_id.as_str(), wanted.project_id, money).await {
            tracing::warn!(%error, "the deployment could not be recorded; it counts as real money");
        }
    }
    Ok(reply)
}

async fn project(door: &Door, id: ProjectId) -> Result<Project, ToolError> {
    let projects = door.send(&ReadProjects::one(id)).await?.projects;
    projects
        .into_iter()
        .find(|project| project.project_id == id)
        .ok_or_else(|| ToolError::new(Kind::NotFound, Topic::Project, format!("no project {id}")))
}

/// The project's organisation; no name when the service tells none, which no setting allows.
fn organization_of(project: &Project) -> String {
    project.organization_id.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The newest deployment of the project, if it has ended; refuses a project whose last one may still run.
async fn last_deployment(ctx: &Ctx, wanted: &Wanted) -> Result<Option<LiveSummary>, ToolError> {
    let request = ListLive { project_id: Some(wanted.project_id), ..ListLive::default() };
    let live = ctx.door.send(&request).await?.live;
    if live.iter().any(|live| !live.status.as_ref().is_some_and(LiveStatus::is_terminal)) {
        let deed = wanted.deed(&wanted.request(wanted.compile_id.clone()));
        let why = "the project's last deployment has not certainly ended; stop it first (`stop_live_algorithm`)";
        return Err(ctx.refuse_early(&deed, why));
    }
    Ok(live.into_iter().max_by_key(|live| live.launched))
}

/// The node, if the project may use it and nothing runs on it.
async fn node(door: &Door, wanted: &Wanted) -> Result<Node, ToolError> {
    let nodes = door.send(&ReadProjectNodes { project_id: wanted.project_id }).await?.nodes.live;
    let free: Vec<&str> = nodes.iter().filter(|node| !node.busy).map(|node| node.id.as_str()).collect();
    let free = if free.is_empty() { "none".to_owned() } else { free.join(", ") };
    match nodes.iter().find(|node| node.id == wanted.node_id) {
        Some(node) if !node.busy => Ok(node.clone()),
        Some(_) => Err(ToolError::new(
            Kind::Refused,
            Topic::Node,
            format!("the node is busy; free live nodes of the project: {free}; nothing was deployed"),
        )),
        None => Err(ToolError::argument(format!(
            "`node_id` is no live node of the project; free live nodes: {free}; nothing was deployed"
        ))),
    }
}

/// One hash over all files of the project and of its libraries, by name, and how many files there are.
async fn code_hash(door: &Door, project: &Project) -> Result<(String, usize), ToolError> {
    let mut ids = vec![project.project_id];
    ids.extend(project.libraries.iter().map(|library| library.project_id));
    let mut hash = Sha256::new();
    let mut n_files = 0;
    for project_id in ids {
        let mut files = door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        n_files += files.len();
        hash.update(project_id.0.to_be_bytes());
        for file in &files {
            for text in [&file.name, &file.content] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
    }
    Ok((hex::encode(hash.finalize()), n_files))
}

/// The targets of notifications, as a human recognises them; keys stay hidden.
pub(crate) fn targets(notification: &Notifications) -> Vec<Untrusted> {
    notification.targets.iter().map(|target| Untrusted::new(format!("{target:?}")).shortened(120)).collect()
}
