//! Live trading: deploy, end, command, connect an account. Every tool here describes its deed to the guards first.

use qc_api::{
    brokerage::Money,
    endpoints::{
        connections::{AuthorizeConnection, Connection},
        live::ListLive,
        live_commands::{BroadcastLiveCommand, CreateLiveCommand},
        projects::ReadProjects,
    },
    ids::{OrganizationId, ProjectId},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{
        find,
        live::{self, End, Target, deploy},
    },
    gate::{self, Deed, Opened},
    server::QcServer,
};

mod reads;
mod status;
mod wanted;

use wanted::{CreateArgs, DeployArgs};

/// Arguments of what ends an algorithm.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct EndArgs {
    /// Project id or name
    project_id: ProjectArg,
}

/// How to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Stop and keep the holdings.
    Stop,
    /// Sell everything, then stop.
    Liquidate,
}

/// Arguments of `stop_live_algorithms`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct EndManyArgs {
    /// Project ids, or ["all"]
    project_ids: Vec<String>,
    /// stop keeps holdings, liquidate sells them
    action: Action,
}

/// Arguments of `create_live_command`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CommandArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// JSON object; without $type it goes to the algorithm as it is
    command: Map<String, Value>,
}

/// Arguments of `broadcast_live_command`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct BroadcastArgs {
    /// Organisation; the settings must name it
    organization_id: String,
    /// JSON object for every running algorithm
    command: Map<String, Value>,
    /// Project left out
    exclude_project_id: Option<i64>,
}

/// Arguments of `authorize_connection`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct AuthorizeArgs {
    /// alpaca, tradestation, charlesschwab or tastytrade
    brokerage: String,
}

#[tool_router(router = live_live, vis = "pub(crate)")]
impl QcServer {
    /// Deploy a project live. Without confirm_token: compiles and previews node, code, brokerage, paper or real money; show the user, then call again with the token and the same arguments.
    #[tool(title = "Deploy live")]
    async fn create_live_algorithm(
        &self,
        Parameters(args): Parameters<CreateArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let token = args.confirm_token.clone();
        let (wanted, typed) = args.wanted(&ctx).await?;
        let Some(token) = token else {
            let shown = deploy::preview(&ctx, &wanted).await?;
            return Ok(wanted::preview_reply(&ctx, &wanted, &shown, typed, "create_live_algorithm"));
        };
        deployed(&ctx, &wanted, &token, "read_live_algorithm until it is Running, then read_live_logs").await
    }

    /// Stop a project's live algorithm; its holdings are kept. Real money needs the user's consent.
    #[tool(title = "Stop live algorithm")]
    async fn stop_live_algorithm(&self, Parameters(args): Parameters<EndArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        end_one(&ctx, &args.project_id, End::Stop).await
    }

    /// Sell everything a project's live algorithm holds and stop it. Real money needs the user's consent.
    #[tool(title = "Liquidate live algorithm")]
    async fn liquidate_live_algorithm(
        &self,
        Parameters(args): Parameters<EndArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        end_one(&ctx, &args.project_id, End::Liquidate).await
    }

    /// Stop or liquidate several live algorithms, or all, with one question to the user for exactly that list.
    #[tool(title = "Stop live algorithms")]
    async fn stop_live_algorithms(
        &self,
        Parameters(args): Parameters<EndManyArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let end = if args.action == Action::Stop { End::Stop } else { End::Liquidate };
        let Several { targets, idle } = several(&ctx, &args.project_ids).await.map_err(|error| by_hand(error, &[]))?;
        if targets.is_empty() {
            let reply = told(&ctx, "nothing runs there; nothing was sent").field("results", json!([]));
            return Ok(reply.field("not_running", idle));
        }
        let projects: Vec<ProjectId> = targets.iter().map(|target| target.project_id).collect();
        let outcomes = live::end(&ctx, &targets, end).await.map_err(|error| by_hand(error, &projects))?;
        let n_done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let rows: Vec<Value> = targets
            .iter()
            .zip(&outcomes)
            .map(|(target, outcome)| {
                let mut row = json!({
                    "project_id": target.project_id,
                    "deploy_id": target.deploy_id,
                    "money": live::word(target.money),
                    "done": outcome.is_ok(),
                });
                if let (Err(error), Some(row)) = (outcome, row.as_object_mut()) {
                    row.insert("answer_lost".into(), json!(error.kind == Kind::MaybeCreated));
                    row.insert("error".into(), json!(Untrusted::new(error.text()).shortened(300)));
                    row.insert("page".into(), json!(page(target.project_id)));
                }
                row
            })
            .collect();
        let verb = if end == End::Stop { "stopped" } else { "told to liquidate" };
        let is_lost =
            |outcome: &&Result<(), ToolError>| matches!(outcome, Err(error) if error.kind == Kind::MaybeCreated);
        let n_lost = outcomes.iter().filter(is_lost).count();
        let mut summary = format!("{n_done} algorithms {verb}");
        if 0 < n_lost {
            summary.push_str(&format!(", {n_lost} perhaps, for the answer was LOST: look at them first"));
        }
        if n_done + n_lost < targets.len() {
            summary.push_str(&format!(", {} FAILED: see their pages", targets.len() - n_done - n_lost));
        }
        let mut reply = told(&ctx, summary).field("results", rows);
        if !idle.is_empty() {
            reply = reply.field("not_running", idle);
        }
        Ok(reply.next("list_live_algorithms to see that they ended"))
    }

    /// Send a command to a project's running algorithm. For real money the user is asked each time.
    #[tool(title = "Send live command")]
    async fn create_live_command(
        &self,
        Parameters(args): Parameters<CommandArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let Some(target) = live::target(&ctx.door, project_id).await? else { return Err(nothing_runs(project_id)) };
        let request = CreateLiveCommand { project_id, command: Value::Object(args.command) };
        let mut deed = Deed::new("send a command", &request).project(project_id).money(target.money);
        if let Some(id) = &target.deploy_id {
            deed = deed.deployment(id.as_str());
        }
        let deed = deed.organization(organization(&ctx, project_id).await?).payload(&request.command);
        let permit = ctx.permit(deed).await?;
        ctx.door.send_with(permit, &request).await?;
        Ok(told(&ctx, "the command was sent; whether the algorithm acts on it shows in its logs")
            .data(json!({"project_id": project_id, "deploy_id": target.deploy_id, "money": live::word(target.money)}))
            .next("read_live_logs"))
    }

    /// Send a command to every running algorithm of an organisation. Off unless the settings name it; counts as real money.
    #[tool(title = "Broadcast live command")]
    async fn broadcast_live_command(
        &self,
        Parameters(args): Parameters<BroadcastArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let organization_id = OrganizationId(find::valid_id(&args.organization_id)?);
        let request = BroadcastLiveCommand {
            organization_id: organization_id.clone(),
            command: Value::Object(args.command),
            exclude_project_id: args.exclude_project_id.map(ProjectId),
        };
        // Whose algorithms run in the organisation, and with which money, only their owners can list: it counts as real.
        let deed = Deed::new("broadcast a command", &request)
            .organization(organization_id.as_str())
            .payload(&request.command)
            .line("it reaches every running algorithm of the organisation, also those of other members");
        let permit = ctx.permit(deed).await?;
        ctx.door.send_with(permit, &request).await?;
        Ok(told(&ctx, "the command was sent to every running algorithm of the organisation")
            .field("organization_id", organization_id)
            .next("read_live_logs"))
    }

    /// Give the page where the user signs in to connect a brokerage account. Opens no browser; the tokens stay at QuantConnect.
    #[tool(title = "Connect a brokerage")]
    async fn authorize_connection(
        &self,
        Parameters(args): Parameters<AuthorizeArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let brokerage = Connection::from(args.brokerage.trim());
        if !Connection::KNOWN.contains(&brokerage) {
            let known: Vec<&str> = Connection::KNOWN.iter().map(Connection::as_str).collect();
            return Err(ToolError::argument(format!("`brokerage` is one of {}; nothing was sent", known.join(", "))));
        }
        let opened = || {
            told(&ctx, "the user's client has the sign-in page; nothing of it is known here")
                .field("brokerage", brokerage.as_str())
                .next("create_live_algorithm, once the user has signed in")
        };
        if ctx.ask.was_opened().await? {
            return Ok(opened());
        }
        let request = AuthorizeConnection { brokerage: brokerage.clone() };
        let permit = ctx.permit(Deed::new("ask for a sign-in page", &request)).await?;
        let page = ctx.door.send_with(permit, &request).await?;
        let Some(url) = wanted::sign_in_page(&request.brokerage, page.location.expose(), ctx.door.is_simulated())
        else {
            return Err(ToolError::new(
                Kind::BadAnswer,
                Topic::Live,
                "the sign-in page lies on no host of that brokerage or of QuantConnect; it is not shown",
            ));
        };
        let text = format!("Sign in at {} to connect your account to QuantConnect", brokerage.as_str());
        if ctx.ask.open(&text, &url).await? == Opened::Yes {
            return Ok(opened());
        }
        Ok(told(&ctx, "the user opens this page and signs in; it is a key, so it is for them alone")
            .data(json!({"brokerage": request.brokerage.as_str(), "url": url}))
            .next("create_live_algorithm, once the user has signed in"))
    }
}

#[tool_router(router = deploy_live_live, vis = "pub(crate)")]
impl QcServer {
    /// Deploy a project in two calls: the first compiles it, picks a free node and previews everything; show it to the user, then call again with confirm_token. Paper unless a profile says otherwise.
    #[tool(title = "Deploy, previewed")]
    async fn deploy_live(&self, Parameters(args): Parameters<DeployArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let token = args.confirm_token.clone();
        let wanted = args.wanted(&ctx).await?;
        match token {
            Some(token) => deployed(&ctx, &wanted, &token, "live_status").await,
            None => {
                let shown = deploy::preview(&ctx, &wanted).await?;
                Ok(wanted::preview_reply(&ctx, &wanted, &shown, false, "deploy_live"))
            }
        }
    }
}

/// Deploys what was previewed.
async fn deployed(ctx: &Ctx, wanted: &deploy::Wanted, token: &str, next: &str) -> Result<Reply, ToolError> {
    let reply = deploy::go(ctx, wanted, token).await?;
    let deploy_id = reply.deployment().map(ToString::to_string).unwrap_or_default();
    let money = live::word(wanted.brokerage.money());
    Ok(told(ctx, format!("deployed {deploy_id} with {money} money; it takes some minutes to run"))
        .data(json!({"project_id": wanted.project_id, "deploy_id": deploy_id, "money": money, "page": page(wanted.project_id)}))
        .next(next))
}

/// A reply that says first when QuantConnect is simulated.
fn told(ctx: &Ctx, summary: impl AsRef<str>) -> Reply {
    let summary = summary.as_ref();
    Reply::new(if ctx.door.is_simulated() { format!("SIMULATED: {summary}") } else { summary.to_owned() })
}

/// The project's page on the web.
fn page(project_id: ProjectId) -> String {
    format!("https://www.quantconnect.com/project/{project_id}")
}

fn nothing_runs(project_id: ProjectId) -> ToolError {
    let message = format!("nothing runs in project {project_id}; nothing was sent");
    ToolError::new(Kind::NotFound, Topic::Live, message)
}

/// The organisation a project belongs to, as the service says; empty, which nothing allows, if it does not.
async fn organization(ctx: &Ctx, project_id: ProjectId) -> Result<String, ToolError> {
    let projects = ctx.door.send(&ReadProjects::one(project_id)).await?.projects;
    let project = projects.into_iter().find(|project| project.project_id == project_id);
    Ok(project.and_then(|project| project.organization_id).map(|id| id.to_string()).unwrap_or_default())
}

async fn end_one(ctx: &Ctx, project: &ProjectArg, end: End) -> Result<Reply, ToolError> {
    let project_id = find::project(&ctx.door, project).await.map_err(|error| by_hand(error, &[]))?;
    // Whatever goes wrong from here on, the user must know where to do it by hand.
    let here = |error| by_hand(error, &[project_id]);
    let Some(target) = live::target(&ctx.door, project_id).await.map_err(here)? else {
        return Err(nothing_runs(project_id));
    };
    for outcome in live::end(ctx, std::slice::from_ref(&target), end).await.map_err(here)? {
        outcome.map_err(here)?;
    }
    Ok(told(ctx, format!("the algorithm of project {project_id} is {}", end.done()))
        .data(json!({"project_id": project_id, "deploy_id": target.deploy_id, "money": live::word(target.money)}))
        .next("read_live_algorithm to see that it ended"))
}

/// An error of what should have ended algorithms, with the pages where a human can end them, if it does not name them.
fn by_hand(error: ToolError, projects: &[ProjectId]) -> ToolError {
    const HOST: &str = "https://www.quantconnect.com/";
    let is_question = error.message == gate::ASKING;
    if error.message.contains(HOST) || is_question {
        return error;
    }
    let mut pages: Vec<String> = projects.iter().take(20).map(|id| page(*id)).collect();
    if pages.is_empty() {
        pages.push(format!("{HOST}terminal"));
    }
    ToolError { message: format!("{}; a human can do it at {}", error.message, pages.join(" ")), ..error }
}

/// What `stop_live_algorithms` is to end, and which of the projects named do not run.
#[derive(Debug)]
struct Several {
    targets: Vec<Target>,
    idle: Vec<ProjectId>,
}

/// The running algorithms of these projects, or all.
async fn several(ctx: &Ctx, wanted: &[String]) -> Result<Several, ToolError> {
    let all = matches!(wanted, [only] if only.trim().eq_ignore_ascii_case("all"));
    let mut ids = Vec::new();
    for word in wanted.iter().filter(|_| !all) {
        let arg = word.trim().parse().map_or_else(|_| ProjectArg::Name(word.clone()), ProjectArg::Id);
        let id = find::project(&ctx.door, &arg).await?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if !all && ids.is_empty() {
        return Err(ToolError::argument("`project_ids` is empty; name projects, or [\"all\"]; nothing was sent"));
    }
    let listed = match live::list(&ctx.door, &ListLive::default()).await {
        Ok(listed) => listed,
        Err(error) if all => return Err(error),
        // What is named can be ended although the list cannot be read; it counts as real money.
        Err(_) => {
            let unread = |project_id| Target { project_id, deploy_id: None, money: Money::Real };
            return Ok(Several { targets: ids.into_iter().map(unread).collect(), idle: Vec::new() });
        }
    };
    let ended = |target: &qc_api::model::LiveSummary| target.status.as_ref().is_some_and(|it| it.is_terminal());
    let mut targets: Vec<Target> = Vec::new();
    for (live, money) in listed.into_iter().filter(|(live, _)| !ended(live)) {
        if !all && !ids.contains(&live.project_id) {
            continue;
        }
        match targets.iter_mut().find(|target| target.project_id == live.project_id) {
            // Two that run from one project end together: if one of them moves real money, the deed does.
            Some(target) if money == Money::Real => target.money = Money::Real,
            Some(_) => {}
            None => targets.push(Target { project_id: live.project_id, deploy_id: live.deploy_id, money }),
        }
    }
    let idle = ids.into_iter().filter(|id| targets.iter().all(|target| target.project_id != *id)).collect();
    Ok(Several { targets, idle })
}
