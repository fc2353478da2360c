//! What every tool is given: who asks, the door to QuantConnect, a way to ask the human, progress and
//! cancellation. The same on both transports.

use std::sync::Arc;

use rmcp::{
    Peer, RoleServer,
    handler::server::{common::FromContextPart, tool::ToolCallContext},
    model::{ProgressNotificationParam, ProtocolVersion},
    service::{ElicitationError, RequestContext},
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    caller::Caller,
    error::{Kind, ToolError, Topic},
    gate::Door,
    server::QcServer,
};

/// The context of one call.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// Who asks.
    pub caller: Caller,
    /// Their way to QuantConnect.
    pub door: Door,
    /// A way to ask the human at the client.
    pub ask: Ask,
    /// Where to say how far the work is.
    pub progress: Progress,
    /// Cancelled when the client no longer wants the answer.
    pub cancel: CancellationToken,
}

impl Ctx {
    pub(crate) fn new(server: &QcServer, context: &RequestContext<RoleServer>) -> Self {
        let caller = server.caller(context);
        Ctx {
            door: Door::new(server.clone(), caller.clone()),
            caller,
            ask: Ask::new(context),
            progress: Progress::new(context),
            cancel: context.ct.clone(),
        }
    }
}

impl Ctx {
    /// The name under which everything of this caller is kept.
    pub fn caller_key(&self) -> &str {
        self.caller.key.as_str()
    }
}

impl FromContextPart<ToolCallContext<'_, QcServer>> for Ctx {
    fn from_context_part(context: &mut ToolCallContext<'_, QcServer>) -> Result<Self, rmcp::ErrorData> {
        Ok(Ctx::new(context.service, &context.request_context))
    }
}

/// The client's human. Nothing but an explicit yes is a yes.
#[derive(Debug, Clone)]
pub struct Ask {
    peer: Peer<RoleServer>,
    can_ask: bool,
}

/// The form of a question: one box to tick.
#[derive(Debug, Serialize, Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Confirmation {
    /// Tick to go ahead
    confirm: bool,
}
rmcp::elicit_safe!(Confirmation);

impl Ask {
    fn new(context: &RequestContext<RoleServer>) -> Self {
        let has_form = context.client_capabilities().is_some_and(|capabilities| capabilities.elicitation.is_some());
        let legacy = context.protocol_version().is_some_and(|version| version < ProtocolVersion::V_2026_07_28);
        Ask { peer: context.peer.clone(), can_ask: has_form && legacy }
    }

    /// Asks `question` and returns only after an explicit yes.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] when the client cannot ask, or the human did not say yes.
    pub async fn confirm(&self, question: &str) -> Result<(), ToolError> {
        if !self.can_ask {
            return Err(ToolError::new(
                Kind::Forbidden,
                Topic::General,
                "this needs a human's consent, and this client cannot ask its human",
            ));
        }
        match self.peer.elicit::<Confirmation>(question.to_owned()).await {
            Ok(Some(Confirmation { confirm: true })) => Ok(()),
            Ok(_) | Err(ElicitationError::UserDeclined | ElicitationError::UserCancelled) => {
                Err(ToolError::new(Kind::Forbidden, Topic::General, "the human did not consent; nothing was sent"))
            }
            Err(_) => Err(ToolError::new(
                Kind::Forbidden,
                Topic::General,
                "the client could not ask its human; nothing was sent",
            )),
        }
    }
}

/// How far, of how much, and in which words.
type Step = (f64, Option<f64>, String);

/// Progress of one call. Says nothing unless the client asked for it; never blocks; may be used from any thread.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    steps: Option<Arc<watch::Sender<Step>>>,
}

impl Progress {
    fn new(context: &RequestContext<RoleServer>) -> Self {
        let Some(token) = context.meta.get_progress_token() else { return Progress::default() };
        let peer = context.peer.clone();
        let (sender, mut receiver) = watch::channel::<Step>((0.0, None, String::new()));
        tokio::spawn(async move {
            let mut last = f64::NEG_INFINITY;
            while receiver.changed().await.is_ok() {
                let (done, total, message) = receiver.borrow_and_update().clone();
                // The protocol wants every notification to be further than the one before.
                if done <= last {
                    continue;
                }
                last = done;
                let mut step = ProgressNotificationParam::new(token.clone(), done).with_message(message);
                step.total = total;
                if peer.notify_progress(step).await.is_err() {
                    break;
                }
            }
        });
        Progress { steps: Some(Arc::new(sender)) }
    }

    /// Says how far the work is: our own words and numbers only. Steps that follow too fast are skipped.
    pub fn report(&self, done: f64, total: Option<f64>, message: impl Into<String>) {
        if let Some(steps) = &self.steps {
            steps.send_replace((done, total, message.into()));
        }
    }
}
