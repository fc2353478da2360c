//! What a client hears without asking: that a job it subscribed to has moved, and, where it set a level, how calls ended.
//! Older clients subscribe and unsubscribe within a session; newer ones listen for as long as one request lasts.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
#[allow(deprecated)] // what clients of the older revisions use
use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
use rmcp::{
    ErrorData, RoleServer,
    model::{ProtocolVersion, ResourceUpdatedNotificationParam, SubscriptionFilter},
    service::{Peer, RequestContext, SubscriptionContext, SubscriptionSink},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::QcServer;
use crate::{ctx::Ctx, metrics::Outcome, resources, tools};

/// How often a job of this server is looked at, and how often work at QuantConnect.
const GLANCE_HERE: Duration = Duration::from_secs(1);
const GLANCE_CLOUD: Duration = Duration::from_secs(5);
/// The most jobs one session follows.
const MOST: usize = 32;
/// The most sessions whose level is remembered.
const MOST_LEVELS: usize = 1_000;

/// A session: its caller, and the id it has over HTTP.
type Session = (String, String);

/// Who hears that a job has moved.
enum Ear {
    /// A session of the older revisions.
    Session(Peer<RoleServer>),
    /// A request that listens.
    Stream(SubscriptionSink),
}

impl Ear {
    /// Tells; `false` if nobody is there any more.
    async fn hears(&self, uri: &str) -> bool {
        match self {
            Ear::Session(peer) => {
                peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await.is_ok()
            }
            Ear::Stream(sink) => sink.notify_resource_updated(uri).await.is_ok(),
        }
    }
}

/// What sessions asked to hear.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    jobs: Mutex<HashMap<Session, HashMap<String, CancellationToken>>>,
    #[allow(deprecated)] // clients of the older revisions set it
    levels: Mutex<HashMap<Session, LoggingLevel>>,
}

impl Followed {
    /// Notes that a session follows an address; the token ends it. `None` if it follows too many.
    fn add(&self, session: &Session, uri: &str) -> Option<CancellationToken> {
        let mut all = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(session.clone()).or_default();
        own.retain(|_, token| !token.is_cancelled());
        if MOST <= own.len() && !own.contains_key(uri) {
            return None;
        }
        let token = CancellationToken::new();
        if let Some(before) = own.insert(uri.to_owned(), token.clone()) {
            before.cancel();
        }
        Some(token)
    }

    fn remove(&self, session: &Session, uri: &str) {
        let mut all = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(session) {
            if let Some(token) = own.remove(uri) {
                token.cancel();
            }
            if own.is_empty() {
                all.remove(session);
            }
        }
    }
}

/// How loud a level is.
#[allow(deprecated)] // what clients of the older revisions use
fn rank(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

/// The handle in a job's address.
fn handle_in(uri: &str) -> Option<String> {
    let (page, values) = resources::find(uri)?;
    if page.uri == resources::JOB { values.into_iter().next() } else { None }
}

fn is_over(page: &Value) -> bool {
    !matches!(page["status"].as_str(), Some("queued" | "running"))
}

impl QcServer {
    fn session(&self, context: &RequestContext<RoleServer>) -> Session {
        let parts = context.extensions.get::<http::request::Parts>();
        let id = parts.and_then(|parts| parts.headers.get("mcp-session-id")?.to_str().ok());
        (self.caller(context).key.as_str().to_owned(), id.unwrap_or_default().to_owned())
    }

    /// What a subscription may follow: jobs alone, for nothing else here changes by itself.
    pub(super) fn followable(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.pages().find(|page| page.uri == resources::JOB)?;
        let wanted = requested.resource_subscriptions.iter().flatten();
        let jobs: Vec<String> = wanted.filter(|uri| handle_in(uri).is_some()).take(MOST).cloned().collect();
        let mut accepted = SubscriptionFilter::new();
        if !jobs.is_empty() {
            accepted.resource_subscriptions = Some(jobs);
        }
        Some(accepted)
    }

    /// Tells a listening client about its jobs until it stops listening or all are over.
    pub(super) async fn tell(&self, context: &SubscriptionContext) {
        let ctx = Ctx::new(self, context.request_context());
        if self.welcome(&ctx.caller).await.is_ok() {
            let uris = context.accepted().resource_subscriptions.clone().unwrap_or_default();
            let of = |uri: String| self.clone().follow(ctx.clone(), uri, Ear::Stream(context.sink().clone()));
            let mut all: FuturesUnordered<_> = uris.into_iter().map(of).collect();
            tokio::select! {
                () = context.cancelled() => return,
                () = async { while all.next().await.is_some() {} } => {}
            }
        }
        context.cancelled().await;
    }

    /// Subscribes a session of the older revisions to a job.
    pub(super) async fn subscribe_to(&self, uri: &str, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let ctx = Ctx::new(self, &context);
        let unknown =
            || ErrorData::resource_not_found("only jobs can be followed, qc://jobs/{job}", Some(json!({"uri": uri})));
        let handle = handle_in(uri).ok_or_else(unknown)?;
        self.welcome(&ctx.caller).await.map_err(|error| ErrorData::internal_error(error.text(), None))?;
        tools::job_page(self, &ctx, &handle).await.map_err(|_| unknown())?;
        let session = self.session(&context);
        let Some(token) = self.followed().add(&session, uri) else {
            return Err(ErrorData::invalid_params(format!("{MOST} jobs are followed already"), None));
        };
        let told = self.clone().follow(ctx, uri.to_owned(), Ear::Session(context.peer.clone()));
        tokio::spawn(async move {
            tokio::select! {
                () = token.cancelled() => return,
                () = told => {}
            }
            token.cancel();
        });
        Ok(())
    }

    /// Ends such a subscription.
    pub(super) fn unsubscribe_from(&self, uri: &str, context: &RequestContext<RoleServer>) {
        self.followed().remove(&self.session(context), uri);
    }

    /// Looks at a job until it is over, and tells each move.
    async fn follow(self, ctx: Ctx, uri: String, ear: Ear) {
        let Some(handle) = handle_in(&uri) else { return };
        let glance = if handle.starts_with("work.") { GLANCE_HERE } else { GLANCE_CLOUD };
        let mut last = None;
        loop {
            match tools::job_page(&self, &ctx, &handle).await {
                Ok(page) => {
                    let moved = last.as_ref().is_some_and(|last| *last != page);
                    if moved && !ear.hears(&uri).await {
                        return;
                    }
                    if is_over(&page) {
                        return;
                    }
                    last = Some(page);
                }
                Err(error) if error.retryable => {}
                Err(_) => return,
            }
            tokio::time::sleep(glance).await;
        }
    }

    /// From which level on a session of the older revisions hears how calls ended.
    #[allow(deprecated)] // what clients of the older revisions use
    pub(super) fn set_log_level(&self, level: LoggingLevel, context: &RequestContext<RoleServer>) {
        let mut levels = self.followed().levels.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_LEVELS <= levels.len() {
            levels.clear();
        }
        levels.insert(self.session(context), level);
    }

    /// Tells a session that set a level how a call ended: tool, outcome and time, nothing of what was said.
    #[allow(deprecated)] // what clients of the older revisions use
    pub(super) async fn tell_outcome(
        &self,
        context: &RequestContext<RoleServer>,
        tool: &str,
        outcome: Outcome,
        took: Duration,
    ) {
        let level = if outcome == Outcome::Done { LoggingLevel::Info } else { LoggingLevel::Warning };
        let wanted = {
            let levels = self.followed().levels.lock().unwrap_or_else(PoisonError::into_inner);
            if levels.is_empty() { None } else { levels.get(&self.session(context)).copied() }
        };
        let is_older = context.protocol_version().is_some_and(|version| version < ProtocolVersion::V_2026_07_28);
        if is_older && wanted.is_some_and(|wanted| rank(wanted) <= rank(level)) {
            let said = json!({"tool": tool, "outcome": outcome.id(), "ms": took.as_millis() as u64});
            let message = LoggingMessageNotificationParam::new(level, said).with_logger("tools");
            // Whoever went away hears nothing.
            let _ = context.peer.notify_logging_message(message).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_follows_so_many_jobs_and_ends_what_it_follows_no_more() {
        let (followed, me) = (Followed::default(), ("me".to_owned(), String::new()));
        let first = followed.add(&me, "qc://jobs/0").unwrap();
        for n in 1..MOST {
            assert!(followed.add(&me, &format!("qc://jobs/{n}")).is_some());
        }
        assert!(followed.add(&me, "qc://jobs/more").is_none());
        let other = ("me".to_owned(), "session".to_owned());
        assert!(followed.add(&other, "qc://jobs/0").is_some() && !first.is_cancelled());
        followed.remove(&other, "qc://jobs/0");
        assert!(!first.is_cancelled());
        followed.remove(&me, "qc://jobs/0");
        assert!(first.is_cancelled() && followed.add(&me, "qc://jobs/more").is_some());
    }

    #[test]
    fn only_jobs_can_be_followed() {
        assert_eq!(handle_in("qc://jobs/work.12").as_deref(), Some("work.12"));
        for uri in ["qc://research/12", "qc://jobs/", "qc://jobs/a/b", "resource://system/info", ""] {
            assert_eq!(handle_in(uri), None, "{uri}");
        }
    }
}
