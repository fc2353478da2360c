//! What every tool is given: who asks, the door to QuantConnect, a way to ask the human, progress and
//! cancellation. The same on both transports.

use std::sync::Arc;

use rmcp::{
    RoleServer,
    handler::server::{common::FromContextPart, tool::ToolCallContext},
    model::ProgressNotificationParam,
    service::RequestContext,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    caller::Caller,
    gate::{Ask, Call, Door},
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
    /// What the guards bind tokens and questions to; only calls of tools that change something have it.
    pub(crate) call: Option<Arc<Call>>,
    /// Whether the client takes a task for work that goes on.
    pub(crate) tasks: bool,
}

impl Ctx {
    pub(crate) fn new(server: &QcServer, context: &RequestContext<RoleServer>) -> Self {
        let caller = server.caller(context);
        let door = Door::new(server.clone(), caller.clone());
        let call = context.extensions.get::<Arc<Call>>().cloned();
        Ctx {
            ask: Ask::new(context, &door, call.clone()),
            door,
            caller,
            call,
            progress: context.extensions.get::<Progress>().cloned().unwrap_or_else(|| Progress::new(context)),
            cancel: context.ct.clone(),
            tasks: crate::server::tasks_are_wanted(context),
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

/// How far, of how much, and in which words.
pub(crate) type Step = (f64, Option<f64>, String);

/// Progress of one call. Says nothing unless the client asked for it; never blocks; may be used from any thread.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    steps: Option<Arc<watch::Sender<Step>>>,
}

impl Progress {
    /// Progress of a request, told to its client.
    pub(crate) fn new(context: &RequestContext<RoleServer>) -> Self {
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

    /// Progress of work that goes on apart from its request, and where it can be followed.
    pub(crate) fn watched() -> (Self, watch::Receiver<Step>) {
        let (sender, receiver) = watch::channel::<Step>((0.0, None, String::new()));
        (Progress { steps: Some(Arc::new(sender)) }, receiver)
    }

    /// Says how far the work is: our own words and numbers only. Steps that follow too fast are skipped.
    pub fn report(&self, done: f64, total: Option<f64>, message: impl Into<String>) {
        if let Some(steps) = &self.steps {
            steps.send_replace((done, total, message.into()));
        }
    }
}
