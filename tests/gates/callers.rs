//! Callers who come by HTTP, played in this process: what the front door knows about a request is put into it as it would
//! be there. A lowered mode holds everywhere; tokens, previews and profiles are their caller's alone.

use std::sync::Arc;

use qc_mcp_tools::{
    QcServer, Settings, Transport, Upstream, UpstreamWorld,
    visitor::{Visitor, Who},
};
use qc_sim::{Sim, SimOptions, seed};
use rmcp::{
    ErrorData, RoleClient, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerConfig, Tool,
    },
    service::{RequestContext, RunningService, ServiceError},
};
use serde_json::{Value, json};
use support::session::{Answer, Session, object};

use crate::live::{LIVE, PAIR, REAL, deployment, live_changes, with};

/// A server as one visitor sees it.
#[derive(Clone)]
struct Seen {
    server: QcServer,
    visitor: Arc<Visitor>,
}

impl Seen {
    fn brought(&self, mut context: RequestContext<RoleServer>) -> RequestContext<RoleServer> {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.extensions.insert(self.visitor.clone());
        context.extensions.insert(parts);
        context
    }
}

impl ServerHandler for Seen {
    fn get_info(&self) -> ServerConfig {
        self.server.get_info()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.server.get_tool(name)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.server.list_tools(request, self.brought(context)).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.server.call_tool(request, self.brought(context)).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.server.read_resource(request, self.brought(context)).await
    }
}

/// A visitor's client.
pub(crate) struct Guest(RunningService<RoleClient, ()>);

impl Guest {
    pub(crate) async fn connect(server: &QcServer, visitor: Visitor) -> Guest {
        let (near, far) = tokio::io::duplex(64 << 10);
        let seen = Seen { server: server.clone(), visitor: Arc::new(visitor) };
        tokio::spawn(async move {
            if let Ok(running) = seen.serve(far).await {
                let _ = running.waiting().await;
            }
        });
        Guest(().serve(near).await.expect("the handshake succeeds"))
    }

    /// One who asked for a lower mode.
    pub(crate) async fn lowered(server: &QcServer, mode: &str) -> Guest {
        let visitor = Visitor::new(Who::Owner, "r".into()).with_ceiling(mode).unwrap();
        Guest::connect(server, visitor).await
    }

    pub(crate) async fn try_call(&self, tool: &'static str, arguments: Value) -> Result<Answer, ServiceError> {
        let request = CallToolRequestParams::new(tool).with_arguments(object(arguments));
        self.0.call_tool(request).await.map(Answer)
    }

    async fn ok(&self, tool: &'static str, arguments: Value) -> Value {
        let answer = self.try_call(tool, arguments).await.unwrap();
        assert!(!answer.is_error(), "{tool}: {}", answer.text());
        answer.checked()
    }

    async fn err(&self, tool: &'static str, arguments: Value) -> String {
        let answer = self.try_call(tool, arguments).await.unwrap();
        assert!(answer.is_error(), "{tool} should have failed: {}", answer.text());
        answer.text()
    }

    pub(crate) async fn tools(&self) -> Vec<Tool> {
        self.0.list_all_tools().await.unwrap()
    }
}

/// A server of several tenants, each with credentials of their own.
async fn team(flags: &[&str]) -> (Arc<Sim>, QcServer) {
    let sim = Arc::new(Sim::start_with(SimOptions::default()).await.unwrap());
    let world = sim.clone();
    let upstream = Upstream::Lazy(Arc::new(move || {
        let sim = world.clone();
        Box::pin(async move {
            Ok(UpstreamWorld {
                base_url: sim.base_url().to_owned(),
                credentials: sim.credentials().map_err(|error| error.to_string())?,
                clock: sim.clock(),
                data_folder: None,
                keep_alive: Box::new(sim),
            })
        })
    }));
    let flags = ["--toolsets", "all", "--credentials", "headers"].into_iter().chain(flags.iter().copied());
    let settings = Settings::isolated(Transport::Http, flags).unwrap();
    (sim, QcServer::new(settings, upstream).unwrap())
}

fn ann() -> Visitor {
    let visitor = Visitor::new(Who::Owner, "ann".into());
    visitor.with_credentials(&seed::USER_ID.to_string(), seed::TOKEN, None).unwrap()
}

fn bob() -> Visitor {
    let visitor = Visitor::new(Who::Owner, "bob".into());
    visitor.with_credentials(&seed::COLLABORATOR_ID.to_string(), seed::COLLABORATOR_TOKEN, None).unwrap()
}

#[tokio::test]
async fn a_lowered_mode_holds_where_the_servers_is_higher() {
    let session = Session::with(&LIVE, SimOptions::default()).await;
    let guest = Guest::lowered(&session.server, "paper").await;
    let config: Value = serde_json::from_str(REAL).unwrap();
    let deploy = json!({"project_id": PAIR, "compile_id": "a-b", "node_id": "LN-1", "brokerage_config": config});
    let text = guest.err("create_live_algorithm", deploy).await;
    assert!(text.contains("mode paper does not allow live/create"), "{text}");
    assert!(session.sim.journal().is_empty(), "refused before anything is read");
    let person = json!({"project_id": PAIR, "collaborator_user_id": "mia-ai", "collaboration_live_control": true});
    let text = guest.err("create_project_collaborator", person).await;
    assert!(text.contains("mode paper gives nobody the right to deploy"), "{text}");
    let person = json!({"project_id": PAIR, "collaborator_user_id": "mia-ai", "write": true, "live_control": true});
    let text = guest.err("update_project_collaborator", person).await;
    assert!(text.contains("mode paper gives nobody the right to deploy"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    let status = guest.ok("get_server_status", json!({})).await;
    assert_eq!((&status["server"]["mode"], &status["guards"]["mode"]), (&json!("paper"), &json!("paper")));
    assert!(status["guards"]["real_money"].as_str().unwrap().starts_with("refused"), "{status}");
    let reader = Guest::lowered(&session.server, "read-only").await;
    let status = reader.ok("get_server_status", json!({})).await;
    assert!(
        status["server"]["tools"].as_u64() < guest.ok("get_server_status", json!({})).await["server"]["tools"].as_u64()
    );
}

#[tokio::test]
async fn a_lowered_caller_finds_no_tool_above_the_mode() {
    let session = Session::with(&["--toolsets", "discover"], SimOptions::default()).await;
    let reader = Guest::lowered(&session.server, "read-only").await;
    let names = reader.ok("search_tools", json!({})).await["names"].to_string();
    assert!(names.contains("read_project") && !names.contains("create_project"), "{names}");
    let all = session.ok("search_tools", json!({})).await["names"].to_string();
    assert!(all.contains("create_project"));
}

#[tokio::test]
async fn a_caller_lowered_to_reading_writes_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--toolsets", "all", "--output-dir", folder.path().to_str().unwrap()];
    let session = Session::with(&flags, SimOptions::default()).await;
    let guest = Guest::lowered(&session.server, "read-only").await;
    let own = json!({"symbols": ["KO"], "weights": [1.0], "start_date": "2023-01-03", "end_date": "2023-03-31", "save_as": "a.json"});
    let answer = guest.try_call("calculate_portfolio_performance", own).await.unwrap();
    assert!(answer.is_error() && answer.text().contains("mode read-only writes no files"), "{}", answer.text());
    let import = json!({"path": "a.csv", "into": "folder"});
    let answer = guest.try_call("import_data", import).await.unwrap();
    assert!(answer.is_error(), "{}", answer.text());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_preview_is_its_callers_alone() {
    let (sim, server) = team(&[]).await;
    let session =
        Session { client: support::session::connect(&server).await, server: server.clone(), sim: sim.clone() };
    let (first, other) = (Guest::connect(&server, ann()).await, Guest::connect(&server, bob()).await);
    let arguments = deployment(&session, PAIR, r#"{"id": "QuantConnectBrokerage"}"#).await;
    let preview = first.ok("create_live_algorithm", arguments.clone()).await;
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    sim.journal().clear();
    let text = other.err("create_live_algorithm", confirmed.clone()).await;
    assert!(text.contains("confirm_token is unknown") || text.contains("nothing was sent"), "{text}");
    assert!(sim.journal().changes().is_empty());
    first.ok("create_live_algorithm", confirmed).await;
    assert_eq!(live_changes(&sim.journal()), ["live/create"]);
}

#[tokio::test]
async fn a_profile_is_for_the_callers_it_names() {
    let profiles = format!(
        r#"{{"ann": {{"brokerage": {{"id": "QuantConnectBrokerage"}}, "callers": ["user:{}"]}},
            "open": {{"brokerage": {{"id": "QuantConnectBrokerage"}}}}}}"#,
        seed::USER_ID
    );
    let (sim, server) = team(&["--brokerage-profiles", &profiles]).await;
    let session =
        Session { client: support::session::connect(&server).await, server: server.clone(), sim: sim.clone() };
    let mut arguments = deployment(&session, PAIR, r#"{"id": "QuantConnectBrokerage"}"#).await;
    arguments.as_object_mut().unwrap().remove("brokerage_config");
    let own = with(&arguments, "credentials_profile", "ann");
    let other = Guest::connect(&server, bob()).await;
    sim.journal().clear();
    for profile in ["ann", "open", "none"] {
        let text = other.err("create_live_algorithm", with(&arguments, "credentials_profile", profile)).await;
        assert!(text.contains(&format!("no profile `{profile}`; known: none")), "{text}");
    }
    assert!(sim.journal().changes().is_empty());
    Guest::connect(&server, ann()).await.ok("create_live_algorithm", own).await;
}
