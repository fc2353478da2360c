//! Assembles the shelves into one server, and holds what all calls share. `handler` speaks MCP for it, `upstream` is
//! QuantConnect's side.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt;
use qc_api::{Client, Credentials, SystemClock};
use rmcp::{
    ErrorData, RoleServer,
    handler::server::tool::{ToolCallContext, ToolRouter},
    model::{CallToolRequestParams, CallToolResponse, JsonObject, Tool},
    service::RequestContext,
};
use tokio::sync::OnceCell;

use crate::{
    caller::{Caller, CallerKey, Origin, Typed},
    coerce,
    ctx::Ctx,
    desk::{Desk, DeskConfig},
    error::{Kind, ToolError, Topic},
    flows::{files::Written, running::Running},
    gate::Call,
    jobs::{self, Jobs},
    kept::Kept,
    keys::Key,
    metrics::Metrics,
    resources, schema,
    settings::{Mode, Settings},
    shelf::{Access, Group, Shelf},
    state::State,
    tools,
    visitor::{Accepted, Visitor},
};

mod follow;
mod handler;
mod offered;
mod reach;
mod tasks;
mod upstream;

pub(crate) use handler::explain_argument_errors;
pub(crate) use reach::Reached;
pub(crate) use tasks::{PATIENCE as TASK_PATIENCE, are_wanted as tasks_are_wanted};
pub(crate) use upstream::World;
pub use upstream::{StartWorld, Upstream, UpstreamWorld};

/// What the server knows about one of its tools.
#[derive(Debug, Clone)]
pub struct ToolFacts {
    /// Its name.
    pub name: String,
    /// Its family.
    pub group: Group,
    /// What it may change.
    pub access: Access,
    accepted: Arc<JsonObject>,
}

impl ToolFacts {
    /// Whether a call may go on as a job when it takes long: it computes here and changes nothing, or each of its steps may
    /// be taken again.
    pub(crate) fn may_take_long(&self) -> bool {
        let computes_here = self.group.is_research() || self.name == tools::RERUN;
        self.name == tools::SWEEP || (self.access == Access::Read && computes_here && self.takes(jobs::WAIT_ARGUMENT))
    }

    /// Whether a call that was interrupted may be made again and does nothing twice.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.access == Access::Read || self.name == tools::SWEEP
    }

    /// Whether it takes an argument, listed or not.
    pub fn takes(&self, argument: &str) -> bool {
        let properties = self.accepted.get("properties").and_then(serde_json::Value::as_object);
        properties.is_some_and(|properties| properties.contains_key(argument))
    }
}

/// Why a server could not be assembled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// Two tools of one name.
    #[error("two tools are named `{0}`")]
    DuplicateTool(String),
    /// An alias that is a tool's name, or leads to no tool.
    #[error("the alias `{0}` is a tool's name or leads to no tool")]
    BadAlias(String),
    /// The state folder lies where callers may name files.
    #[error(
        "QC_MCP_STATE_DIR lies in a folder that tools may read or write; name one outside of them, or a hidden one"
    )]
    ExposedState,
}

/// The MCP server. Cloning is cheap; all clones are one server.
#[derive(Clone)]
pub struct QcServer {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    upstream: Upstream,
    world: OnceCell<World>,
    clients: crate::clients::Clients,
    typed: Typed,
    accepted: Accepted,
    spare_key: std::sync::OnceLock<Key>,
    router: ToolRouter<QcServer>,
    listed: Vec<Tool>,
    facts: BTreeMap<String, ToolFacts>,
    /// Tools that can be called without being listed.
    reachable: BTreeMap<String, ToolFacts>,
    metrics: Metrics,
    desk: Desk,
    state: State,
    kept: Kept,
    written: Written,
    jobs: Jobs,
    followed: follow::Followed,
    running: Running,
    watchers: crate::watch::Watchers,
    started: Instant,
}

impl std::fmt::Debug for QcServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QcServer")
            .field("tools", &self.inner.facts.len())
            .field("upstream", &self.inner.upstream)
            .finish_non_exhaustive()
    }
}

impl QcServer {
    /// Assembles the shelves that the settings admit. Touches no network, no file and no clock.
    ///
    /// # Errors
    /// [`AssembleError`] when the shelves contradict each other.
    pub fn new(settings: Settings, upstream: Upstream) -> Result<Self, AssembleError> {
        let mut router = ToolRouter::new();
        let mut facts = BTreeMap::new();
        let mut reachable = BTreeMap::new();
        for shelf in tools::SHELVES.iter().filter(|shelf| admits(&settings, shelf)) {
            for mut route in (shelf.tools)() {
                let name = route.attr.name.to_string();
                let is_listed = settings.toolsets.offers(shelf.group, &name);
                let is_reachable = reach::is_reachable(&settings, shelf, &name);
                if !is_listed && !is_reachable {
                    continue;
                }
                let forms = schema::forms(&route.attr.input_schema);
                route.attr.input_schema = forms.listed;
                route.attr.annotations = Some(shelf.access.annotations(None, shelf.group.reaches_account()));
                route.attr.description = route.attr.description.map(|text| one_paragraph(&text).into());
                let known = ToolFacts {
                    name: name.clone(),
                    group: shelf.group,
                    access: shelf.access,
                    accepted: forms.accepted,
                };
                if router.has_route(&name) {
                    return Err(AssembleError::DuplicateTool(name));
                }
                if is_reachable {
                    reachable.insert(name.clone(), known.clone());
                }
                if is_listed {
                    facts.insert(name, known);
                }
                router.add_route(route);
            }
        }
        let mut listed = router.list_all();
        listed.retain(|tool| facts.contains_key(tool.name.as_ref()));
        if settings.state_is_exposed() {
            return Err(AssembleError::ExposedState);
        }
        let state = State::new(&settings);
        let server = QcServer {
            inner: Arc::new(Inner {
                desk: Desk::new(DeskConfig {
                    file_roots: settings.readable_folders(),
                    output_dir: settings.writable_folder(),
                    cache: settings.cache(),
                    store: Some(Arc::new(state.clone())),
                }),
                state,
                settings,
                upstream,
                world: OnceCell::new(),
                clients: crate::clients::Clients::default(),
                typed: Typed::default(),
                accepted: Accepted::default(),
                spare_key: std::sync::OnceLock::new(),
                router,
                listed,
                facts,
                reachable,
                metrics: Metrics::default(),
                kept: Kept::default(),
                written: Written::default(),
                jobs: Jobs::default(),
                followed: follow::Followed::default(),
                running: Running::default(),
                watchers: crate::watch::Watchers::default(),
                started: Instant::now(),
            }),
        };
        match tools::ALIASES.iter().find(|alias| server.inner.facts.contains_key(alias.old)) {
            Some(alias) => Err(AssembleError::BadAlias(alias.old.into())),
            None => Ok(server),
        }
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The tools it offers, by name.
    pub fn tools(&self) -> impl Iterator<Item = (&ToolFacts, &Tool)> {
        self.inner.listed.iter().filter_map(|tool| Some((self.inner.facts.get(tool.name.as_ref())?, tool)))
    }

    /// The tools it offers to a caller, whose request may have asked for less.
    pub(crate) fn all_offered(&self, caller: &Caller) -> impl Iterator<Item = (&ToolFacts, &Tool)> {
        self.tools().filter(move |(facts, _)| self.offers(caller, facts))
    }

    /// The pages it offers.
    fn pages(&self) -> impl Iterator<Item = &'static resources::Page> {
        resources::PAGES.iter().filter(|page| page.is_offered(self.settings()))
    }

    /// Calls, errors and times since the start.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The counts of this server in Prometheus' text format: nothing in them says who called or about what.
    pub fn prometheus(&self) -> String {
        let mut page = self.inner.metrics.prometheus(self.inner.settings.serves.id());
        for (name, about, value) in [
            ("qc_mcp_uptime_seconds", "Time since the start.", self.inner.started.elapsed().as_secs()),
            ("qc_mcp_resident_memory_bytes", "Memory of this process.", crate::machine::own_memory()),
        ] {
            page.push_str(&format!("# HELP {name} {about}\n# TYPE {name} gauge\n{name} {value}\n"));
        }
        page
    }

    /// Bulk texts behind links just given.
    pub(crate) fn kept(&self) -> &Kept {
        &self.inner.kept
    }

    /// The files written through this server.
    pub(crate) fn written(&self) -> &Written {
        &self.inner.written
    }

    /// The work this process drives.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    /// What sessions asked to hear.
    fn followed(&self) -> &follow::Followed {
        &self.inner.followed
    }

    /// The full result of an analysis, as JSON.
    pub(crate) async fn research_result(&self, ctx: &Ctx, id: &str) -> Result<String, ToolError> {
        self.desk().research(ctx.caller.key.as_str(), id)
    }

    /// What was seen of running algorithms lately.
    pub(crate) fn running(&self) -> &Running {
        &self.inner.running
    }

    /// Watchers of loss that this process drives.
    pub(crate) fn watchers(&self) -> &crate::watch::Watchers {
        &self.inner.watchers
    }

    /// The name under which this process holds leases.
    pub(crate) fn holder(&self) -> &str {
        self.inner.jobs.holder()
    }

    /// Workbooks, kept results, files and threads of research.
    pub(crate) fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    /// What lasts: records, key, audit.
    pub(crate) fn state(&self) -> &State {
        &self.inner.state
    }

    /// When it was assembled.
    pub(crate) fn started(&self) -> Instant {
        self.inner.started
    }

    /// Credentials typed in a tool.
    pub(crate) fn typed(&self) -> &Typed {
        &self.inner.typed
    }

    /// Whether QuantConnect is played in this process.
    pub(crate) fn is_demo(&self) -> bool {
        matches!(self.inner.upstream, Upstream::Lazy(_))
    }

    /// Who sent a request. Where callers are told apart, one that did not come through the front door is nobody's.
    pub(crate) fn caller(&self, context: &RequestContext<RoleServer>) -> Caller {
        let visitor = match Visitor::of(context) {
            Some(visitor) => visitor,
            None if self.inner.settings.team.tells_apart() => Arc::new(Visitor::unknown()),
            None => return Caller::owner(),
        };
        Caller { key: self.key_of(&visitor), visitor: Some(visitor) }
    }

    /// The name of everything a visitor owns.
    pub(crate) fn key_of(&self, visitor: &Visitor) -> CallerKey {
        match self.inner.state.key() {
            Ok(key) => visitor.key(key),
            // Whoever asks for state is told why there is none; until then callers are told apart in this process.
            Err(_) => match self.inner.spare_key.get().cloned().or_else(Key::random) {
                Some(key) => visitor.key(self.inner.spare_key.get_or_init(|| key)),
                None => visitor.key(&Key::of_secret(b"no randomness")),
            },
        }
    }

    /// Callers whose credentials QuantConnect accepted.
    pub(crate) fn accepted(&self) -> &Accepted {
        &self.inner.accepted
    }

    /// Whether a tool exists for this caller, whose request may have asked for a lower mode.
    fn offers(&self, caller: &Caller, facts: &ToolFacts) -> bool {
        reaches(facts.group, facts.access, caller.mode(&self.inner.settings))
    }

    /// A tool by its name, if it exists for this caller.
    pub(crate) fn offered(&self, caller: &Caller, name: &str) -> Option<&ToolFacts> {
        self.inner.facts.get(name).filter(|facts| self.offers(caller, facts))
    }

    /// QuantConnect's side, set up at first use.
    pub(crate) async fn world(&self) -> Result<&World, ToolError> {
        self.inner.world.get_or_try_init(|| self.start_world()).await
    }

    async fn start_world(&self) -> Result<World, ToolError> {
        match &self.inner.upstream {
            Upstream::Configured => {
                let settings = &self.inner.settings;
                let own = if settings.team.by_headers() { None } else { own_credentials(settings)? };
                Ok(World {
                    base_url: settings.api_url.clone(),
                    clock: Arc::new(SystemClock),
                    credentials: own,
                    data_folder: None,
                    _keep_alive: None,
                })
            }
            Upstream::Lazy(start) => {
                let world = start().await.map_err(|reason| {
                    ToolError::new(Kind::Internal, Topic::General, "the demo world did not start").said(reason)
                })?;
                if let Some(folder) = &world.data_folder {
                    self.inner.desk.also_read(folder);
                }
                Ok(World {
                    base_url: world.base_url,
                    clock: world.clock,
                    credentials: (!self.inner.settings.team.by_headers()).then_some((world.credentials, Origin::Demo)),
                    data_folder: world.data_folder,
                    _keep_alive: Some(world.keep_alive),
                })
            }
        }
    }

    /// The credentials a caller's requests are signed with, and where they came from.
    pub(crate) async fn credentials(&self, caller: &Caller) -> Result<Option<(Credentials, Origin)>, ToolError> {
        if self.inner.settings.team.by_headers() {
            let own = caller.visitor.as_ref().and_then(|visitor| visitor.credentials());
            return Ok(own.map(|credentials| (credentials.clone(), Origin::Headers)));
        }
        if let Some(typed) = self.inner.typed.get(&caller.key) {
            return Ok(Some((typed, Origin::Tool)));
        }
        Ok(self.world().await?.credentials.clone())
    }

    /// The client that signs for a caller.
    pub(crate) async fn client(&self, caller: &Caller) -> Result<Client, ToolError> {
        let Some((credentials, _)) = self.credentials(caller).await? else {
            return Err(ToolError::new(
                Kind::NotConfigured,
                Topic::Credentials,
                "no QuantConnect credentials are set; nothing was sent",
            ));
        };
        let world = self.world().await?;
        self.inner.clients.get(credentials, world, &self.inner.settings)
    }

    /// Forgets the client that signed with credentials no longer in use, and the credentials with it.
    pub(crate) fn forget_client(&self, credentials: &Credentials) {
        self.inner.clients.forget(credentials);
    }

    /// The LEAN data folder of research tools, and who named it.
    pub(crate) async fn data_folder(&self) -> Result<crate::settings::DataFolderChoice, ToolError> {
        if self.inner.settings.data_folder.is_none()
            && self.is_demo()
            && let Some(path) = &self.world().await?.data_folder
        {
            return Ok(crate::settings::DataFolderChoice { path: path.clone(), origin: "--demo".into() });
        }
        Ok(self.inner.settings.data_folder_choice())
    }

    /// Calls a tool; a panic in it is an answer too.
    pub(crate) async fn run(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // The folder for new files is the settings'; a request that asked for less than they allow writes none.
        let saves = request.arguments.as_ref().and_then(|arguments| arguments.get("save_as"));
        if saves.is_some_and(|name| !name.is_null()) && self.caller(&context).mode(self.settings()) == Mode::ReadOnly {
            let error = ToolError::new(Kind::Forbidden, Topic::Output, "mode read-only writes no files");
            return Ok(error.into_result().into());
        }
        let cancel = context.ct.clone();
        let guarded = context.extensions.get::<Arc<Call>>().cloned();
        let call =
            AssertUnwindSafe(self.inner.router.call(ToolCallContext::new(self, request, context))).catch_unwind();
        tokio::select! {
            () = cancel.cancelled() => Ok(ToolError::new(Kind::Cancelled, Topic::General, "the call was cancelled").into_result().into()),
            outcome = call => match outcome {
                // A tool that stopped because its human has to be asked: the question is the answer.
                Ok(Ok(answer)) => Ok(match guarded.filter(|_| is_error(&answer)).and_then(|call| call.take_question()) {
                    Some(question) => question.into(),
                    None => answer,
                }),
                Ok(Err(error)) => Err(error),
                Err(_) => Ok(ToolError::new(Kind::Internal, Topic::General, "internal error in this tool").into_result().into()),
            },
        }
    }

    /// Why a name is no tool here.
    fn unknown_tool(&self, name: &str) -> ErrorData {
        let short: String = name.chars().take(64).filter(|c| !c.is_control()).collect();
        let known: Vec<&str> = self.inner.facts.keys().map(String::as_str).collect();
        let near = coerce::nearest(&short, &known).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
        ErrorData::invalid_params(format!("unknown tool `{short}`{near}"), None)
    }
}

/// Whether the mode goes as high as a shelf. Shelves that change only this server (sign-in, workbooks) exist in every
/// mode.
fn admits(settings: &Settings, shelf: &Shelf) -> bool {
    reaches(shelf.group, shelf.access, settings.mode)
}

/// Whether a mode goes as high as a shelf.
fn reaches(group: Group, access: Access, mode: Mode) -> bool {
    access <= mode.highest() || (group.stays_here() && access <= Access::Delete)
}

/// The settings' credentials, else lean-cli's.
fn own_credentials(settings: &Settings) -> Result<Option<(Credentials, Origin)>, ToolError> {
    if let (Some(user), Some(token)) = (&settings.user_id, &settings.api_token) {
        let credentials = make_credentials(user, token.reveal(), settings.organization_id.as_deref())?;
        return Ok(Some((credentials, Origin::Settings)));
    }
    let Some(file) = settings.lean_cli_file() else { return Ok(None) };
    let found = Credentials::from_lean_cli(&file)?;
    Ok(found.map(|credentials| (with_organization(credentials, settings.organization_id.as_deref()), Origin::LeanCli)))
}

fn with_organization(credentials: Credentials, organization: Option<&str>) -> Credentials {
    match organization {
        Some(id) => credentials.with_organization(id),
        None => credentials,
    }
}

/// Credentials from their parts; errors never repeat the token.
pub(crate) fn make_credentials(user: &str, token: &str, organization: Option<&str>) -> Result<Credentials, ToolError> {
    let credentials = Credentials::new(user, token).map_err(|_| {
        ToolError::new(
            Kind::Unauthorized,
            Topic::Credentials,
            "user id must be a number and the API token must not be empty",
        )
    })?;
    Ok(with_organization(credentials, organization))
}

/// A doc comment as one paragraph.
fn one_paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a tool answered an error.
fn is_error(response: &CallToolResponse) -> bool {
    matches!(response, CallToolResponse::Complete(result) if result.is_error == Some(true))
}
