//! A client and a server in this process over one simulator: what a tool test starts with.

use qc_mcp_tools::{QcServer, Settings, Transport, Upstream, UpstreamWorld};
use qc_sim::{ClockMode, Sim, SimOptions};
use rmcp::{
    RoleClient, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, JsonObject, ReadResourceRequestParams, ResourceContents,
        Tool,
    },
    service::{RunningService, ServiceError},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The most bytes on their way between the two ends.
const PIPE_BYTES: usize = 64 << 10;

/// One client's session with a server that works on a simulator of its own.
pub struct Session {
    /// The far end: journal, faults, clock.
    pub sim: Arc<Sim>,
    /// The near end.
    pub client: RunningService<RoleClient, ()>,
    /// The server between them.
    pub server: QcServer,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Session {
    /// A session with default settings and a simulator in virtual time, without a data folder.
    pub async fn start() -> Session {
        Session::with(&["--toolsets", "all"], SimOptions::default()).await
    }

    /// A session with these flags and this simulator.
    pub async fn with(flags: &[&str], options: SimOptions) -> Session {
        let sim = Arc::new(Sim::start_with(options).await.expect("the simulator starts"));
        Session::beside(sim, flags).await
    }

    /// A session with another server over a simulator that runs already: the program started again.
    pub async fn beside(sim: Arc<Sim>, flags: &[&str]) -> Session {
        let world = sim.clone();
        let upstream = Upstream::Lazy(Arc::new(move || {
            let sim = world.clone();
            Box::pin(async move {
                Ok(UpstreamWorld {
                    base_url: sim.base_url().to_owned(),
                    credentials: sim.credentials().map_err(|error| error.to_string())?,
                    clock: sim.clock(),
                    data_folder: sim.data_folder().map(Into::into),
                    keep_alive: Box::new(sim),
                })
            })
        }));
        Session::over(sim, flags, upstream).await
    }

    /// A session whose server reaches the simulator as it would reach QuantConnect: by address, without credentials,
    /// by this computer's clock.
    pub async fn configured(flags: &[&str], options: SimOptions) -> Session {
        let options = SimOptions { clock: ClockMode::Real, ..options };
        let sim = Arc::new(Sim::start_with(options).await.expect("the simulator starts"));
        let url = sim.base_url().to_owned();
        let flags: Vec<&str> = flags.iter().copied().chain(["--api-url", &url]).collect();
        Session::over(sim, &flags, Upstream::Configured).await
    }

    async fn over(sim: Arc<Sim>, flags: &[&str], upstream: Upstream) -> Session {
        let settings = Settings::isolated(Transport::Stdio, flags.iter().copied()).expect("the flags are right");
        let server = QcServer::new(settings, upstream).expect("the server assembles");
        let client = connect(&server).await;
        Session { sim, client, server }
    }

    /// Calls a tool; a protocol error fails the test.
    ///
    /// # Panics
    /// On a protocol error.
    pub async fn call(&self, tool: &'static str, arguments: Value) -> Answer {
        self.try_call(tool, arguments).await.unwrap_or_else(|error| panic!("{tool}: {error}"))
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// On a protocol error, such as an unknown tool.
    pub async fn try_call(&self, tool: &'static str, arguments: Value) -> Result<Answer, ServiceError> {
        let request = CallToolRequestParams::new(tool).with_arguments(object(arguments));
        self.client.call_tool(request).await.map(Answer)
    }

    /// Calls a tool that must succeed, and gives its structured content.
    ///
    /// # Panics
    /// When the tool answers an error, or text that differs from its structured content.
    pub async fn ok(&self, tool: &'static str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments).await;
        assert!(!answer.is_error(), "{tool}: {}", answer.text());
        answer.checked()
    }

    /// Calls a tool that must fail, and gives its text.
    ///
    /// # Panics
    /// When the tool succeeds.
    pub async fn err(&self, tool: &'static str, arguments: Value) -> String {
        let answer = self.call(tool, arguments).await;
        assert!(answer.is_error(), "{tool} should have failed: {}", answer.text());
        answer.text()
    }

    /// Reads a resource as text.
    ///
    /// # Errors
    /// When the server refuses it.
    pub async fn read(&self, uri: &str) -> Result<String, ServiceError> {
        let result = self.client.read_resource(ReadResourceRequestParams::new(uri)).await?;
        Ok(result
            .contents
            .iter()
            .map(|content| match content {
                ResourceContents::TextResourceContents { text, .. } => text.clone(),
                other => panic!("not text: {other:?}"),
            })
            .collect())
    }

    /// The tools that the server lists.
    ///
    /// # Panics
    /// When listing fails.
    pub async fn tools(&self) -> Vec<Tool> {
        self.client.list_all_tools().await.expect("tools/list answers")
    }
}

/// Another client of the same server.
///
/// # Panics
/// When the handshake fails.
pub async fn connect(server: &QcServer) -> RunningService<RoleClient, ()> {
    let (near, far) = tokio::io::duplex(PIPE_BYTES);
    let server = server.clone();
    tokio::spawn(async move {
        if let Ok(running) = server.serve(far).await {
            let _ = running.waiting().await;
        }
    });
    ().serve(near).await.expect("the handshake succeeds")
}

/// A JSON object from a value.
///
/// # Panics
/// When the value is no object.
pub fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(map) => map,
        other => panic!("arguments must be an object, not {other}"),
    }
}

/// What a tool answered.
#[derive(Debug, Clone)]
pub struct Answer(pub CallToolResult);

impl Answer {
    /// Whether it is a tool error.
    pub fn is_error(&self) -> bool {
        self.0.is_error == Some(true)
    }

    /// All its text.
    pub fn text(&self) -> String {
        self.0
            .content
            .iter()
            .filter_map(ContentBlock::as_text)
            .map(|text| text.text.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Its structured content, or null.
    pub fn structured(&self) -> Value {
        self.0.structured_content.clone().unwrap_or_default()
    }

    /// The addresses it links to.
    pub fn links(&self) -> Vec<String> {
        self.0.content.iter().filter_map(ContentBlock::as_resource_link).map(|link| link.uri.clone()).collect()
    }

    /// The structured content, after checking that the text says the same: the summary, then the same JSON.
    ///
    /// # Panics
    /// When they differ.
    pub fn checked(&self) -> Value {
        let structured = self.structured();
        if structured.is_null() {
            return structured;
        }
        let text = self.text();
        let summary = structured["summary"].as_str().unwrap_or_default();
        assert!(text.starts_with(summary), "the text does not begin with the summary: {text}");
        if structured != json!({"summary": summary}) {
            let line = text.lines().rfind(|line| line.starts_with('{')).unwrap_or_default();
            assert_eq!(
                serde_json::from_str::<Value>(line).unwrap_or_default(),
                structured,
                "text and structured content differ"
            );
        }
        structured
    }
}
