//! Clients whose human answers questions as the test says, in both eras of the protocol.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use qc_mcp_tools::QcServer;
use rmcp::{
    ClientHandler, ErrorData, RoleClient, ServiceExt,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationCapability, FormElicitationCapability, Implementation, ProtocolVersion, UrlElicitationCapability,
    },
    service::{ClientLifecycleMode, ClientServiceExt, RequestContext, RunningService},
};
use serde_json::{Value, json};
use support::session::{Answer, object};

/// What the human does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Will {
    Yes,
    Decline,
    Cancel,
    /// Accepts without the tick.
    Unticked,
    /// Accepts with something that is no tick.
    Odd,
}

/// How the client speaks, and what it can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Era {
    Legacy,
    Modern,
    /// Can open pages but show no form.
    UrlOnly,
    /// The same, by the newest protocol.
    ModernUrl,
}

pub(crate) const ERAS: [Era; 2] = [Era::Legacy, Era::Modern];

#[derive(Clone)]
pub(crate) struct Human {
    will: Will,
    era: Era,
    questions: Arc<Mutex<Vec<String>>>,
    pages: Arc<Mutex<Vec<String>>>,
    meanwhile: Option<Meanwhile>,
}

/// What happens in the world while the human reads the question.
pub(crate) type Meanwhile = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

impl ClientHandler for Human {
    fn get_info(&self) -> ClientConfig {
        let form = ElicitationCapability::new().with_form(FormElicitationCapability::default());
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(match self.era {
            Era::UrlOnly | Era::ModernUrl => ElicitationCapability::new().with_url(UrlElicitationCapability::default()),
            _ => form,
        });
        ClientConfig::new(capabilities, Implementation::new("human", "1"))
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        match request {
            ElicitRequestParams::FormElicitationParams { message, .. } => self.questions.lock().unwrap().push(message),
            // The page itself is opened by the client: it goes to no model.
            ElicitRequestParams::UrlElicitationParams { url, .. } => self.pages.lock().unwrap().push(url),
            other => panic!("an unknown question: {other:?}"),
        }
        if let Some(meanwhile) = &self.meanwhile {
            meanwhile().await;
        }
        let accept = |content: Value| ElicitResult::new(ElicitationAction::Accept).with_content(content);
        Ok(match self.will {
            Will::Yes => accept(json!({"confirm": true})),
            Will::Decline => ElicitResult::new(ElicitationAction::Decline),
            Will::Cancel => ElicitResult::new(ElicitationAction::Cancel),
            Will::Unticked => accept(json!({"confirm": false})),
            Will::Odd => accept(json!({"confirm": "true"})),
        })
    }
}

/// A session of such a client.
pub(crate) struct Asked {
    pub(crate) client: RunningService<RoleClient, Human>,
    questions: Arc<Mutex<Vec<String>>>,
    pages: Arc<Mutex<Vec<String>>>,
}

impl Asked {
    pub(crate) async fn connect(server: &QcServer, era: Era, will: Will) -> Asked {
        Asked::while_asked(server, era, will, None).await
    }

    /// A session whose human takes the time of `meanwhile` to answer.
    pub(crate) async fn while_asked(server: &QcServer, era: Era, will: Will, meanwhile: Option<Meanwhile>) -> Asked {
        let (near, far) = tokio::io::duplex(64 << 10);
        let server = server.clone();
        tokio::spawn(async move {
            if let Ok(running) = server.serve(far).await {
                let _ = running.waiting().await;
            }
        });
        let questions = Arc::new(Mutex::new(Vec::new()));
        let pages = Arc::new(Mutex::new(Vec::new()));
        let human = Human { will, era, questions: questions.clone(), pages: pages.clone(), meanwhile };
        let lifecycle = match era {
            Era::Modern | Era::ModernUrl => {
                ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
            }
            _ => ClientLifecycleMode::Initialize,
        };
        let client = human.serve_with_lifecycle(near, lifecycle).await.expect("the handshake succeeds");
        Asked { client, questions, pages }
    }

    pub(crate) async fn call(&self, tool: &'static str, arguments: Value) -> Answer {
        let request = CallToolRequestParams::new(tool).with_arguments(object(arguments));
        Answer(self.client.call_tool(request).await.unwrap_or_else(|error| panic!("{tool}: {error}")))
    }

    pub(crate) async fn ok(&self, tool: &'static str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments).await;
        assert!(!answer.is_error(), "{tool}: {}", answer.text());
        answer.checked()
    }

    pub(crate) async fn err(&self, tool: &'static str, arguments: Value) -> String {
        let answer = self.call(tool, arguments).await;
        assert!(answer.is_error(), "{tool} should have failed: {}", answer.text());
        answer.text()
    }

    /// The pages opened so far.
    pub(crate) fn pages(&self) -> Vec<String> {
        self.pages.lock().unwrap().clone()
    }

    /// The questions put so far.
    pub(crate) fn questions(&self) -> Vec<String> {
        self.questions.lock().unwrap().clone()
    }
}
