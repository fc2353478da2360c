//! Assembles the shelves into one server and speaks MCP for them: lists, calls, resources, prompts. Every call
//! passes here once: alias, argument repair, the tool, panics caught, outcome counted.

mod reach;

use std::{any::Any, collections::BTreeMap, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Instant};

use futures::{FutureExt, future::BoxFuture};
use qc_api::{Client, Clock, Credentials, SystemClock};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::tool::{ToolCallContext, ToolRouter},
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, GetPromptRequestParams, GetPromptResponse, Implementation,
        JsonObject, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use tokio::sync::OnceCell;

use crate::{
    caller::{Caller, CallerKey, Origin, Typed},
    coerce,
    ctx::Ctx,
    desk::{Desk, DeskConfig},
    error::{Kind, ToolError, Topic},
    flows::files::Written,
    gate::Call,
    kept::Kept,
    metrics::{Metrics, Outcome},
    prompts, resources, schema,
    settings::Settings,
    shelf::{Access, Group, Shelf},
    state::State,
    tools,
};

/// How long a client may keep the list of tools: it never changes while the server runs.
const LIST_TTL_MS: u64 = 3_600_000;

/// Where QuantConnect is.
pub enum Upstream {
    /// At the settings' address, with the settings' credentials.
    Configured,
    /// Made at first use (the demo world); the error is shown to the caller.
    Lazy(StartWorld),
}

/// Starts a world.
pub type StartWorld = Arc<dyn Fn() -> BoxFuture<'static, Result<UpstreamWorld, String>> + Send + Sync>;

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Upstream::Configured => "Configured",
            Upstream::Lazy(_) => "Lazy",
        })
    }
}

/// A QuantConnect of one's own, such as the simulator.
pub struct UpstreamWorld {
    /// Address of the API.
    pub base_url: String,
    /// Credentials it accepts.
    pub credentials: Credentials,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Its market as a LEAN folder, if it has one.
    pub data_folder: Option<PathBuf>,
    /// Kept as long as the server lives.
    pub keep_alive: Box<dyn Any + Send + Sync>,
}

impl std::fmt::Debug for UpstreamWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamWorld")
            .field("base_url", &self.base_url)
            .field("data_folder", &self.data_folder)
            .finish_non_exhaustive()
    }
}

/// What is known once QuantConnect's side is set up.
pub(crate) struct World {
    pub(crate) base_url: String,
    pub(crate) clock: Arc<dyn Clock>,
    /// The credentials every caller has unless they gave others.
    pub(crate) credentials: Option<(Credentials, Origin)>,
    /// The market that came with the world.
    pub(crate) data_folder: Option<PathBuf>,
    _keep_alive: Option<Box<dyn Any + Send + Sync>>,
}

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
                router,
                listed,
                facts,
                reachable,
                metrics: Metrics::default(),
                kept: Kept::default(),
                written: Written::default(),
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

    /// The pages it offers.
    fn pages(&self) -> impl Iterator<Item = &'static resources::Page> {
        resources::PAGES.iter().filter(|page| page.is_offered(self.settings()))
    }

    /// Calls, errors and times since the start.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Bulk texts behind links just given.
    pub(crate) fn kept(&self) -> &Kept {
        &self.inner.kept
    }

    /// The files written through this server.
    pub(crate) fn written(&self) -> &Written {
        &self.inner.written
    }

    /// The full result of an analysis, as JSON.
    pub(crate) async fn research_result(&self, ctx: &Ctx, id: &str) -> Result<String, ToolError> {
        self.desk().research(ctx.caller.key.as_str(), id)
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

    /// Who sent a request.
    pub(crate) fn caller(&self, _context: &RequestContext<RoleServer>) -> Caller {
        Caller { key: CallerKey::owner() }
    }

    /// QuantConnect's side, set up at first use.
    pub(crate) async fn world(&self) -> Result<&World, ToolError> {
        self.inner.world.get_or_try_init(|| self.start_world()).await
    }

    async fn start_world(&self) -> Result<World, ToolError> {
        match &self.inner.upstream {
            Upstream::Configured => {
                let settings = &self.inner.settings;
                Ok(World {
                    base_url: settings.api_url.clone(),
                    clock: Arc::new(SystemClock),
                    credentials: own_credentials(settings)?,
                    data_folder: None,
                    _keep_alive: None,
                })
            }
            Upstream::Lazy(start) => {
                let world = start().await.map_err(|reason| {
                    ToolError::new(Kind::Internal, Topic::General, "the demo world did not start").said(reason)
                })?;
                Ok(World {
                    base_url: world.base_url,
                    clock: world.clock,
                    credentials: Some((world.credentials, Origin::Demo)),
                    data_folder: world.data_folder,
                    _keep_alive: Some(world.keep_alive),
                })
            }
        }
    }

    /// The credentials a caller's requests are signed with, and where they came from.
    pub(crate) async fn credentials(&self, caller: &Caller) -> Result<Option<(Credentials, Origin)>, ToolError> {
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

    async fn run(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
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
    let highest = settings.mode.highest();
    let harmless = shelf.group.stays_here() && shelf.access <= Access::Delete;
    shelf.access <= highest || harmless
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

impl ServerHandler for QcServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build())
            .with_server_info(
                Implementation::new("quantconnect-mcp", env!("CARGO_PKG_VERSION")).with_title("QuantConnect"),
            )
            .with_instructions(include_str!("instructions.md"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.inner.listed.clone())
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let fixed = self.pages().filter(|page| !page.is_template()).map(resources::Page::resource).collect();
        Ok(ListResourcesResult::with_all_items(fixed).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = self.pages().filter(|page| page.is_template()).map(resources::Page::template).collect();
        Ok(ListResourceTemplatesResult::with_all_items(templates)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let ctx = Ctx::new(self, &context);
        let read = AssertUnwindSafe(resources::read(self, &ctx, &request.uri)).catch_unwind();
        let outcome = tokio::select! {
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the read was cancelled", None)),
            outcome = read => outcome,
        };
        let (page, text) = match outcome {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if error.kind == Kind::NotFound => {
                return Err(ErrorData::resource_not_found(error.text(), None));
            }
            Ok(Err(error)) if error.kind == Kind::InvalidArgument => {
                return Err(ErrorData::invalid_params(error.text(), None));
            }
            Ok(Err(error)) => return Err(ErrorData::internal_error(error.text(), None)),
            Err(_) => return Err(ErrorData::internal_error("internal error in this resource", None)),
        };
        let contents = ResourceContents::text(text, request.uri).with_mime_type(page.mime_type);
        Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(0).with_cache_scope(CacheScope::Private).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let listed = prompts::PROMPTS.iter().map(prompts::Template::listed).collect();
        Ok(ListPromptsResult::with_all_items(listed).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request.name, &request.arguments.unwrap_or_default()).map(Into::into)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let name = tools::resolve(name);
        self.inner.facts.get(name).and_then(|_| self.inner.router.get(name)).cloned()
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(facts) = self.inner.facts.get(tools::resolve(&request.name)) else {
            return Err(self.unknown_tool(&request.name));
        };
        let started = Instant::now();
        let outcome = match coerce::coerce(&facts.accepted, request.arguments.take().unwrap_or_default()) {
            Ok(arguments) => {
                if facts.access != Access::Read || facts.group == Group::Live {
                    let (state, responses) = (request.request_state.take(), request.input_responses.take());
                    context.extensions.insert(Arc::new(Call::new(&facts.name, &arguments, state, responses)));
                }
                request.arguments = Some(arguments);
                request.name = facts.name.clone().into();
                self.run(request, context).await.map(explain_argument_errors)
            }
            Err(error) => Ok(error.into_result().into()),
        };
        let took = started.elapsed();
        let what = Outcome::of(&outcome);
        self.inner.metrics.record(&facts.name, what, took);
        tracing::info!(tool = facts.name, outcome = what.id(), ms = took.as_millis() as u64, "tool call");
        outcome
    }
}

/// Whether a tool answered an error.
fn is_error(response: &CallToolResponse) -> bool {
    matches!(response, CallToolResponse::Complete(result) if result.is_error == Some(true))
}

/// rmcp answers arguments that serde refuses with its own text; give it our form.
fn explain_argument_errors(response: CallToolResponse) -> CallToolResponse {
    const PREFIX: &str = "failed to deserialize parameters:";
    if let CallToolResponse::Complete(result) = &response
        && result.is_error == Some(true)
        && let Some(rest) =
            result.content.first().and_then(|block| block.as_text()).and_then(|text| text.text.strip_prefix(PREFIX))
    {
        return ToolError::argument(format!("arguments do not fit the schema:{rest}")).into_result().into();
    }
    response
}
