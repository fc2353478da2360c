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
        live::{CreateLive, CreateLiveReply, ListLive},
        nodes::ReadProjectNodes,
    },
    ids::{CompileId, NodeId, ProjectId, VersionId},
    model::{BacktestSummary, LiveStatus, LiveSummary, Node, Notifications, Project},
    wire::Map,
};
use serde::{Deserialize, Serialize};

use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    flows::{
        code::{self, Built, Code},
        live::connected::{Accounts, Connected},
    },
    gate::{Deed, Door, Preview, money, shown_id},
    reply::Untrusted,
    settings::Mode,
};

/// What is to be deployed, as the caller wants it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) project_id: ProjectId,
    /// The compile that the caller knows; deployed is the preview's own in any case.
    pub(crate) compile_id: Option<CompileId>,
    /// A free live node is chosen if there is none.
    pub(crate) node_id: Option<NodeId>,
    pub(crate) brokerage: Brokerage,
    /// Where the brokerage's keys come from when the request is sent, if they did not come with the call.
    pub(crate) connected: Option<Connected>,
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
    node_id: String,
    code: String,
    organization: String,
    /// The newest deployment of the project.
    latest: Option<String>,
    /// A keyed hash of the accounts that were connected.
    accounts: Option<String>,
    /// The same accounts as they are shown.
    shown_accounts: Vec<String>,
    /// A keyed hash of all that is to be sent: a profile or a name may mean something else by now.
    request: String,
}

/// What a preview shows.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) preview: Preview,
    pub(crate) compile_id: CompileId,
    pub(crate) code: Code,
    pub(crate) project: Project,
    pub(crate) node: Node,
    pub(crate) last: Option<LiveSummary>,
    pub(crate) backtest: Option<BacktestSummary>,
    /// The connected accounts, hidden but for their last characters.
    pub(crate) accounts: Vec<String>,
    /// This server knows that the newest backtest ran this code.
    pub(crate) same_code: bool,
    /// The caller's compile is of other code than the project's as it is now.
    pub(crate) other_code: bool,
}

impl Wanted {
    fn request(&self, compile_id: CompileId) -> CreateLive {
        self.request_of(self.brokerage.clone(), compile_id)
    }

    fn request_of(&self, brokerage: Brokerage, compile_id: CompileId) -> CreateLive {
        CreateLive {
            version_id: self.version_id,
            project_id: self.project_id,
            compile_id,
            node_id: self.node_id.clone().unwrap_or_default(),
            brokerage,
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
            .node(self.node_id.as_ref().map_or("chosen by the preview", |id| id.as_str()))
            .line(format!("brokerage {}, compile {}", self.brokerage.id(), shown_id(request.compile_id.as_str())));
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
        let mode = ctx.door.mode();
        if self.brokerage.money() == Money::Real && mode != Mode::Live {
            let deed = self.deed(&self.request(self.compile_id.clone().unwrap_or_default()));
            let why = format!(
                "mode {} does not allow live/create: {} trades real money, or these settings do not say for certain that it does not; that takes QC_MCP_MODE=live and QC_MCP_ALLOW_LIVE_ORGS",
                mode.id(),
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
            let deed = self.deed(&self.request(self.compile_id.clone().unwrap_or_default()));
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
    let project = code::project(door, wanted.project_id).await?;
    let organization = organization_of(&project);
    wanted.check_organization(ctx, &organization)?;
    let last = last_deployment(ctx, wanted).await?;
    let node = node(door, wanted).await?;
    let wanted = &Wanted { node_id: Some(node.id.clone()), ..wanted.clone() };
    let connected = match &wanted.connected {
        Some(connected) => Some(connected.accounts(ctx).await?),
        None => None,
    };
    let Built { reply: built, code } = code::build(door, wanted.project_id, &ctx.progress).await?;
    if built.state != CompileState::BuildSuccess {
        let message = match built.state {
            CompileState::BuildError => "the project does not compile",
            _ => "the compile is not finished yet",
        };
        return Err(ToolError::new(Kind::Refused, Topic::Compile, format!("{message}; nothing was deployed")));
    }
    let Some(code) = code else {
        let message =
            "the project's files changed while they were compiled, or could not be read; nothing was deployed";
        return Err(ToolError::new(Kind::Refused, Topic::Preview, message));
    };
    let compile_id = built.compile_id;
    let backtests = door.send(&ListBacktests { project_id: wanted.project_id, include_statistics: Some(true) }).await;
    let backtest = backtests.ok().and_then(|reply| reply.backtests.into_iter().max_by_key(|it| it.created));
    let same_code = match &backtest {
        Some(newest) => code::of_backtest(door, wanted.project_id, &newest.backtest_id).await,
        None => None,
    };
    let same_code = same_code.as_deref() == Some(code.hash.as_str());
    let shown_accounts = connected.as_ref().map(Accounts::masked).unwrap_or_default();
    let accounts = match &connected {
        Some(accounts) => Some(accounts.fingerprint(ctx).await?),
        None => None,
    };
    let request = fingerprint(door, &wanted.deed(&wanted.request(compile_id.clone()))).await?;
    let seen = Seen {
        compile_id: compile_id.to_string(),
        node_id: node.id.to_string(),
        code: code.hash.clone(),
        organization,
        accounts,
        shown_accounts: shown_accounts.clone(),
        request,
        latest: last.as_ref().and_then(|last| last.deploy_id.as_ref()).map(ToString::to_string),
    };
    let preview = ctx.preview(&seen).await?;
    // The second half of a compile's id is the signature of its code.
    let signature = |id: &CompileId| id.as_str().split_once('-').map(|(_, code)| code.to_owned());
    let other_code = wanted.compile_id.as_ref().is_some_and(|named| signature(named) != signature(&compile_id));
    Ok(Shown {
        accounts: shown_accounts,
        preview,
        compile_id,
        code,
        project,
        node,
        last,
        backtest,
        same_code,
        other_code,
    })
}

/// Deploys what was previewed under `token`.
pub(crate) async fn go(ctx: &Ctx, wanted: &Wanted, token: &str) -> Result<CreateLiveReply, ToolError> {
    wanted.refuse_early(ctx)?;
    let (seen, ticket) = ctx.redeem::<Seen>(token).await?;
    // A node that the preview chose is the one that it showed.
    let wanted = &Wanted { node_id: Some(NodeId(seen.node_id.clone())), ..wanted.clone() };
    let door = &ctx.door;
    let request = wanted.request(CompileId(seen.compile_id.clone()));
    let deed = wanted.deed(&request);
    let refuse = |why| Err(ctx.refuse_early(&deed, why));
    let project = code::project(door, wanted.project_id).await?;
    let organization = organization_of(&project);
    wanted.check_organization(ctx, &organization)?;
    if fingerprint(door, &deed).await? != seen.request || organization != seen.organization {
        return refuse(
            "what would be deployed is not what was previewed: a profile or a name means something else by now",
        );
    }
    if latest(ctx, wanted).await? != seen.latest {
        return refuse("the project was deployed after the preview, so it no longer shows what is");
    }
    if code::read(door, &project).await?.hash != seen.code {
        return refuse("the project's files were changed after the preview, so it no longer shows what they are");
    }
    let code = seen.code.get(..12).unwrap_or_default();
    // From here to the end of this call the keys of a connected account are in memory.
    let request = match (&wanted.connected, &seen.accounts) {
        (Some(connected), Some(accounts)) => {
            wanted.request_of(connected.with_keys(ctx, accounts).await?, CompileId(seen.compile_id.clone()))
        }
        _ => request,
    };
    let mut permitted = wanted.deed(&request);
    if !seen.shown_accounts.is_empty() {
        permitted = permitted.line(format!("connected accounts {}", seen.shown_accounts.join(", ")));
    }
    let permitted = permitted
        .line(format!("code {code}, {} parameters", wanted.parameters.iter().count()))
        .organization(organization)
        .previewed(ticket);
    let permit = ctx.permit(permitted).await?;
    // The human may have taken minutes.
    if wanted.brokerage.money() == Money::Real && latest(ctx, wanted).await? != seen.latest {
        return refuse("the project was deployed while the human was asked");
    }
    let reply = door.send_with(permit, &request).await?;
    if let Some(deploy_id) = reply.deployment() {
        let money = wanted.brokerage.money();
        if let Err(error) = money::record(door, deploy_id.as_str(), wanted.project_id, money).await {
            tracing::warn!(%error, "the deployment could not be recorded; it counts as real money");
        }
    }
    Ok(reply)
}

/// A keyed hash of a request that holds keys of a brokerage.
async fn fingerprint(door: &Door, deed: &Deed) -> Result<String, ToolError> {
    Ok(door.account().await?.fingerprint(deed.body()))
}

/// The id of the project's newest deployment, which has ended.
async fn latest(ctx: &Ctx, wanted: &Wanted) -> Result<Option<String>, ToolError> {
    Ok(last_deployment(ctx, wanted).await?.and_then(|last| last.deploy_id).map(|id| id.to_string()))
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
        let deed = wanted.deed(&wanted.request(wanted.compile_id.clone().unwrap_or_default()));
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
    let Some(wanted) = &wanted.node_id else {
        let chosen = nodes.iter().find(|node| !node.busy).cloned();
        return chosen.ok_or_else(|| {
            let message = format!("none of the project's {} live nodes is free; nothing was deployed", nodes.len());
            ToolError::new(Kind::Refused, Topic::Node, message)
        });
    };
    match nodes.iter().find(|node| node.id == *wanted) {
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

/// The targets of notifications, as a human recognises them; keys stay hidden.
pub(crate) fn targets(notification: &Notifications) -> Vec<Untrusted> {
    notification.targets.iter().map(|target| Untrusted::new(format!("{target:?}")).shortened(120)).collect()
}
