//! Work of this server that outlives the request that asked for it: a call of a tool, driven apart from its request.
//!
//! A call that ends while somebody waits leaves no trace. One that lasts longer becomes a record under its caller: tool,
//! arguments, status, step, the lease of the process that drives it, in the end the answer. The lease is renewed while
//! the work goes on; when it lapses (the process was killed, the computer slept), whoever asks for the job next drives
//! it anew, with the request's own credentials and under the mode of then. Only a tool that changes nothing is done
//! again; any other is `interrupted`, and says so.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, CallToolResponse, CallToolResult, JsonObject},
    service::RequestContext,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Status, Step, handle, once};
use crate::{
    caller::Caller,
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    server::QcServer,
    shelf::Access,
    store::{self, Store as _},
};

/// How long a process may be silent before another drives its work.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How often the lease is renewed.
const RENEWED: Duration = Duration::from_secs(10);
/// How often a step is written down, and cancelling by another process noticed.
const NOTED: Duration = Duration::from_secs(2);
/// How often the work of another process is looked at.
const GLANCE: Duration = Duration::from_millis(250);
/// How long the same call is the same job.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);
/// How long one piece of work may last, and with it the credentials of its request.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// The most jobs one caller has going on in this process.
const MOST: usize = 8;
/// How the names of the records begin that lead from a call to its job.
const SAME: &str = "same-";
/// The argument that says how long to wait; it is no part of the work.
pub(crate) const WAIT_ARGUMENT: &str = "wait_seconds";

/// Who drives a job, and until when nobody else does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    holder: String,
    until: Timestamp,
}

/// What is written down of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The tool that does it.
    pub(crate) tool: String,
    arguments: JsonObject,
    /// How far it is.
    pub(crate) status: Status,
    /// Where it stands.
    pub(crate) step: Step,
    /// When it was begun.
    pub(crate) began: Timestamp,
    /// When something was written down last.
    pub(crate) changed: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<Lease>,
    /// What the tool answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<CallToolResult>,
}

impl Record {
    fn is_lapsed(&self, now: Timestamp) -> bool {
        !self.status.is_over() && self.lease.as_ref().is_none_or(|lease| lease.until <= now)
    }

    fn is_held_by(&self, holder: &str) -> bool {
        !self.status.is_over() && self.lease.as_ref().is_some_and(|lease| lease.holder == holder)
    }
}

/// From a call to its job.
#[derive(Debug, Serialize, Deserialize)]
struct Same {
    at: Timestamp,
    id: String,
}

/// Work that this process drives.
#[derive(Debug)]
pub(super) struct Driven {
    steps: watch::Receiver<crate::ctx::Step>,
    answer: watch::Receiver<Option<Arc<CallToolResult>>>,
    stop: CancellationToken,
    /// The name of its record, once it has one. Held while the record is made or ended, so that neither is missed.
    id: Mutex<Option<String>>,
}

impl Driven {
    fn id(&self) -> MutexGuard<'_, Option<String>> {
        self.id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self) -> Step {
        let (done, total, name) = self.steps.borrow().clone();
        Step { name, done, total }
    }

    /// Waits for the answer until `until`, telling `progress` every step.
    async fn wait(&self, until: Instant, progress: &Progress) -> Option<Arc<CallToolResult>> {
        let (mut answer, mut steps) = (self.answer.clone(), self.steps.clone());
        loop {
            if let Some(answer) = answer.borrow_and_update().clone() {
                return Some(answer);
            }
            tokio::select! {
                biased;
                changed = answer.changed() => if changed.is_err() { return answer.borrow().clone() },
                () = tokio::time::sleep_until(until) => return None,
                Ok(()) = steps.changed() => {
                    let (done, total, name) = steps.borrow_and_update().clone();
                    progress.report(done, total, name);
                }
            }
        }
    }
}

/// What became of a call that was begun.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It ended in time.
    Answer(CallToolResult),
    /// It goes on as a job.
    Job(String, Box<Record>),
}

/// What a look at a job found.
#[derive(Debug)]
pub(crate) enum Look {
    /// Its answer.
    Answer(CallToolResult),
    /// It goes on, was cancelled, or interrupted.
    Without(Box<Record>),
}

fn lost() -> ToolError {
    ToolError::new(Kind::Internal, Topic::General, "the work ended without an answer")
}

/// The name of the record that leads from a call to its job.
fn name_of(tool: &str, arguments: &JsonObject) -> String {
    let mut hash = Sha256::new();
    hash.update((tool.len() as u64).to_be_bytes());
    hash.update(tool);
    let mut names: Vec<&String> = arguments.keys().filter(|name| *name != WAIT_ARGUMENT).collect();
    names.sort_unstable();
    for name in names {
        let value = arguments.get(name).map(Value::to_string).unwrap_or_default();
        for part in [name.as_bytes(), value.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let hash = hex::encode(hash.finalize());
    format!("{SAME}{}", hash.get(..32).unwrap_or_default())
}

impl QcServer {
    /// Calls a tool and waits `patience` for its answer; after that it goes on as a job. The same call within ten
    /// minutes of one that became a job is that job.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] if the request is given up before it became a job, which stops the work; when too many jobs
    /// go on.
    pub(crate) async fn begin(
        &self,
        caller: &Caller,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
        patience: Duration,
    ) -> Result<Begun, ToolError> {
        let cancel = context.ct.clone();
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ToolError::new(Kind::Cancelled, Topic::General, "the call was cancelled")),
            begun = self.begin_or_join(caller, request, context, Instant::now() + patience) => begun,
        }
    }

    async fn begin_or_join(
        &self,
        caller: &Caller,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
        until: Instant,
    ) -> Result<Begun, ToolError> {
        let owner = caller.key.as_str();
        let (tool, arguments) = (request.name.to_string(), request.arguments.unwrap_or_default());
        let same = name_of(&tool, &arguments);
        if let Some(id) = self.job_of(owner, &same)? {
            return Ok(match self.wait_for(&context, &id, until).await? {
                Look::Answer(answer) => Begun::Answer(answer),
                Look::Without(record) => Begun::Job(id, record),
            });
        }
        let progress = Progress::new(&context);
        let work = self.drive(owner, &tool, arguments.clone(), context, None);
        // Until it is a job, it ends with its request.
        let stop = work.stop.clone().drop_guard();
        if let Some(answer) = work.wait(until, &progress).await {
            return Ok(Begun::Answer(Arc::unwrap_or_clone(answer)));
        }
        if MOST <= self.jobs().count(owner) {
            let message = format!("{MOST} jobs of yours go on already, so this one was given up");
            return Err(ToolError::new(Kind::RateLimited, Topic::Job, message));
        }
        let begun = self.keep(owner, &work, tool, arguments, &same)?;
        stop.disarm();
        Ok(begun)
    }

    /// Makes work that goes on a job, unless it has just ended.
    fn keep(
        &self,
        owner: &str,
        work: &Arc<Driven>,
        tool: String,
        arguments: JsonObject,
        same: &str,
    ) -> Result<Begun, ToolError> {
        let mut kept = work.id();
        if let Some(answer) = work.answer.borrow().clone() {
            return Ok(Begun::Answer(Arc::unwrap_or_clone(answer)));
        }
        let (id, now) = (store::new_id()?, Timestamp::now());
        let record = Record {
            tool,
            arguments,
            status: Status::Running,
            step: work.step(),
            began: now,
            changed: now,
            lease: Some(self.lease(now)),
            answer: None,
        };
        self.write(owner, &id, &record)?;
        let pointer = serde_json::to_vec(&Same { at: now, id: id.clone() }).map_err(|_| lost())?;
        self.state().update(owner, store::Kind::Job, same, &mut |_| Some(pointer.clone()))?;
        *kept = Some(id.clone());
        self.jobs().add(owner, &id, work.clone());
        Ok(Begun::Job(id, Box::new(record)))
    }

    /// Looks at a job until it has an answer or the time is over, and drives it if nobody does.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a job that this caller does not have; [`Kind::Forbidden`] when it would have to be driven
    /// and the mode of now does not offer its tool.
    pub(crate) async fn wait_for(
        &self,
        context: &RequestContext<RoleServer>,
        id: &str,
        until: Instant,
    ) -> Result<Look, ToolError> {
        let caller = self.caller(context);
        let owner = caller.key.as_str();
        let progress = Progress::new(context);
        loop {
            if let Some(work) = self.jobs().get(owner, id) {
                if let Some(answer) = work.wait(until, &progress).await {
                    return Ok(Look::Answer(Arc::unwrap_or_clone(answer)));
                }
                let mut record = self.record(owner, id)?;
                record.step = work.step();
                return Ok(Look::Without(Box::new(record)));
            }
            let record = self.record(owner, id)?;
            if let Some(answer) = record.answer {
                return Ok(Look::Answer(answer));
            }
            if record.is_lapsed(Timestamp::now()) {
                self.resume(&caller, context, id, &record)?;
                continue;
            }
            progress.report(record.step.done, record.step.total, record.step.name.clone());
            let left = until.saturating_duration_since(Instant::now());
            if record.status.is_over() || left.is_zero() {
                return Ok(Look::Without(Box::new(record)));
            }
            tokio::time::sleep(GLANCE.min(left)).await;
        }
    }

    /// Gives a job up; a job that is over stays as it is.
    ///
    /// # Errors
    /// As [`QcServer::wait_for`].
    pub(crate) fn give_up(&self, owner: &str, id: &str) -> Result<Record, ToolError> {
        self.record(owner, id)?;
        let record = self.change(owner, id, |record| {
            if !record.status.is_over() {
                record.status = Status::Cancelled;
                record.lease = None;
            }
        })?;
        if let Some(work) = self.jobs().get(owner, id) {
            work.stop.cancel();
        }
        record.ok_or_else(handle::unknown)
    }

    /// A job of a caller.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub(crate) fn record(&self, owner: &str, id: &str) -> Result<Record, ToolError> {
        let found = self.state().get(owner, store::Kind::Job, id)?;
        let record = found.and_then(|found| serde_json::from_slice(&found.body).ok());
        record.ok_or_else(handle::unknown)
    }

    /// The jobs of a caller, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn records(&self, owner: &str) -> Result<Vec<(String, Record)>, ToolError> {
        let found = self.state().list(owner, store::Kind::Job)?;
        let jobs = found.into_iter().filter(|record| !once::is_claim(&record.name) && !record.name.starts_with(SAME));
        Ok(jobs.filter_map(|found| Some((found.name, serde_json::from_slice(&found.body).ok()?))).collect())
    }

    /// Takes a lapsed lease and does the work again, if that does nothing twice.
    fn resume(
        &self,
        caller: &Caller,
        context: &RequestContext<RoleServer>,
        id: &str,
        record: &Record,
    ) -> Result<(), ToolError> {
        let owner = caller.key.as_str();
        let Some(facts) = self.callable(caller, &record.tool) else {
            let message = format!("the job waits: {} is not offered in this mode; nothing was sent", record.tool);
            return Err(ToolError::new(Kind::Forbidden, Topic::General, message));
        };
        caller.permits(facts)?;
        let (now, lease) = (Timestamp::now(), self.lease(Timestamp::now()));
        let repeatable = facts.access == Access::Read;
        let taken = self.change(owner, id, |record| {
            if record.is_lapsed(now) {
                match repeatable {
                    true => record.lease = Some(lease.clone()),
                    false => record.status = Status::Interrupted,
                }
            }
        })?;
        // Somebody may have been faster.
        if taken.is_some_and(|record| record.lease == Some(lease)) {
            tracing::info!(tool = record.tool, caller = caller.key.prefix(), "a job is driven again");
            self.drive(owner, &record.tool, record.arguments.clone(), context.clone(), Some(id));
        }
        Ok(())
    }

    /// Starts the work, apart from the request; `id` is its record's, where it has one already.
    fn drive(
        &self,
        owner: &str,
        tool: &str,
        arguments: JsonObject,
        mut context: RequestContext<RoleServer>,
        id: Option<&str>,
    ) -> Arc<Driven> {
        let (progress, steps) = Progress::watched();
        let (done, answer) = watch::channel(None);
        let stop = CancellationToken::new();
        context.ct = stop.clone();
        context.extensions.insert(progress);
        let work = Arc::new(Driven { steps, answer, stop: stop.clone(), id: Mutex::new(id.map(str::to_owned)) });
        if let Some(id) = id {
            self.jobs().add(owner, id, work.clone());
        }
        let (server, owner, driven) = (self.clone(), owner.to_owned(), work.clone());
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        tokio::spawn(async move {
            let outcome = tokio::select! {
                outcome = tokio::time::timeout(LONGEST, server.run(request, context)) => outcome,
                () = server.hold(&owner, &driven) => {
                    stop.cancel();
                    Ok(Ok(ToolError::new(Kind::Cancelled, Topic::Job, "the job was given up").into_result().into()))
                }
            };
            let answer = match outcome {
                Ok(outcome) => answer_of(outcome),
                Err(_) => ToolError::new(Kind::Cancelled, Topic::Job, "the job took longer than 24 h").into_result(),
            };
            let kept = driven.id();
            if let Some(id) = kept.as_deref() {
                server.end(&owner, id, &answer);
                server.jobs().remove(&owner, id);
            }
            done.send_replace(Some(Arc::new(answer)));
        });
        work
    }

    /// Renews the lease and writes steps down; ends when the job is no longer this process's.
    async fn hold(&self, owner: &str, work: &Driven) {
        let mut renewed = Instant::now();
        let mut noted = Step::default();
        loop {
            tokio::time::sleep(NOTED).await;
            let Some(id) = work.id().clone() else { continue };
            let step = work.step();
            let is_due = RENEWED <= renewed.elapsed();
            if is_due || step != noted {
                let holder = self.jobs().holder.clone();
                let lease = self.lease(Timestamp::now());
                let changed = self.change(owner, &id, |record| {
                    if record.is_held_by(&holder) {
                        record.lease = Some(lease.clone());
                        record.step = step.clone();
                    }
                });
                match changed {
                    Ok(Some(record)) if record.is_held_by(&holder) => {
                        (renewed, noted) = (Instant::now(), step);
                        continue;
                    }
                    // A store that fails now may work again before the lease lapses.
                    Err(error) => tracing::warn!(%error, "the lease of a job could not be renewed"),
                    Ok(_) => return,
                }
            }
            if self.record(owner, &id).is_ok_and(|record| !record.is_held_by(&self.jobs().holder)) {
                return;
            }
        }
    }

    /// Writes the answer down, unless the job was given up or is another's by now.
    fn end(&self, owner: &str, id: &str, answer: &CallToolResult) {
        let holder = &self.jobs().holder;
        let status = if answer.is_error == Some(true) { Status::Failed } else { Status::Done };
        let ended = self.change(owner, id, |record| {
            if record.is_held_by(holder) {
                record.status = status;
                record.lease = None;
                record.answer = Some(answer.clone());
            }
        });
        if let Err(error) = ended {
            tracing::error!(%error, "the answer of a job could not be kept");
        }
    }

    /// The job that a call lately became, unless it came to nothing.
    fn job_of(&self, owner: &str, same: &str) -> Result<Option<String>, ToolError> {
        let Some(found) = self.state().get(owner, store::Kind::Job, same)? else { return Ok(None) };
        let now = Timestamp::now();
        let lately = |same: &Same| same.at <= now && now.duration_since(same.at) < REMEMBERED;
        let known = serde_json::from_slice(&found.body).ok().filter(lately).map(|same| same.id);
        let is_good = |id: &String| {
            let record = self.record(owner, id);
            record.is_ok_and(|record| matches!(record.status, Status::Queued | Status::Running | Status::Done))
        };
        Ok(known.filter(is_good))
    }

    fn lease(&self, now: Timestamp) -> Lease {
        Lease { holder: self.jobs().holder.clone(), until: now.checked_add(LEASE).unwrap_or(Timestamp::MAX) }
    }

    fn write(&self, owner: &str, id: &str, record: &Record) -> Result<(), ToolError> {
        let body = serde_json::to_vec(record).map_err(|_| lost())?;
        Ok(self.state().update(owner, store::Kind::Job, id, &mut |_| Some(body.clone()))?)
    }

    /// Changes a record in one step for all processes; answers what it is now.
    fn change(&self, owner: &str, id: &str, mut change: impl FnMut(&mut Record)) -> Result<Option<Record>, ToolError> {
        let mut after = None;
        self.state().update(owner, store::Kind::Job, id, &mut |before| {
            let mut record: Record = serde_json::from_slice(before?).ok()?;
            change(&mut record);
            record.changed = Timestamp::now();
            let body = serde_json::to_vec(&record).ok();
            after = Some(record);
            body
        })?;
        Ok(after)
    }
}

/// The answer in what a call gave.
fn answer_of(outcome: Result<CallToolResponse, ErrorData>) -> CallToolResult {
    match outcome.map(crate::server::explain_argument_errors) {
        Ok(CallToolResponse::Complete(result)) => result,
        Ok(_) => ToolError::new(Kind::Forbidden, Topic::Consent, "a job cannot ask its human").into_result(),
        Err(error) => ToolError::argument(error.message.to_string()).into_result(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: Value) -> JsonObject {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn the_same_call_is_told_by_tool_and_arguments_but_not_by_how_long_it_waits() {
        let one = name_of("a", &arguments(json!({"x": 1, "y": "2", "wait_seconds": 3})));
        assert_eq!(one, name_of("a", &arguments(json!({"y": "2", "x": 1}))));
        assert_ne!(one, name_of("b", &arguments(json!({"y": "2", "x": 1}))));
        assert_ne!(one, name_of("a", &arguments(json!({"y": 2, "x": 1}))));
        assert_ne!(one, name_of("a", &arguments(json!({"x": 1, "y": "2", "z": true}))));
    }

    #[test]
    fn a_lease_lapses_and_what_is_over_has_none() {
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let later = now.checked_add(LEASE).unwrap();
        let mut record = Record {
            tool: "t".into(),
            arguments: JsonObject::new(),
            status: Status::Running,
            step: Step::default(),
            began: now,
            changed: now,
            lease: Some(Lease { holder: "h".into(), until: later }),
            answer: None,
        };
        assert!(!record.is_lapsed(now) && record.is_lapsed(later));
        assert!(record.is_held_by("h") && !record.is_held_by("g"));
        record.status = Status::Done;
        assert!(!record.is_lapsed(later) && !record.is_held_by("h"));
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap().status, Status::Done);
    }

    /// A QuantConnect at which nobody ever answers, but which knows whether somebody came.
    fn nobody() -> (std::net::TcpListener, crate::Upstream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let base_url = format!("http://{}/api/v2", listener.local_addr().unwrap());
        let start: crate::server::StartWorld = Arc::new(move || {
            let base_url = base_url.clone();
            Box::pin(async move {
                Ok(crate::UpstreamWorld {
                    base_url,
                    credentials: qc_api::Credentials::new("7", "token").unwrap(),
                    clock: Arc::new(qc_api::SystemClock),
                    data_folder: None,
                    keep_alive: Box::new(()),
                })
            })
        });
        (listener, crate::Upstream::Lazy(start))
    }

    fn left_behind(tool: &str, arguments: Value, held: bool) -> Record {
        let now = Timestamp::now();
        let until = if held { now.checked_add(LEASE).unwrap() } else { now };
        Record {
            tool: tool.into(),
            arguments: arguments.as_object().cloned().unwrap(),
            status: Status::Running,
            step: Step { name: "begun".into(), done: 1.0, total: Some(4.0) },
            began: now,
            changed: now,
            lease: Some(Lease { holder: "another process".into(), until }),
            answer: None,
        }
    }

    /// What `wait_for_job` says of a record that another process left behind, and how often QuantConnect was called.
    async fn asked(flags: &[&str], owner: &str, record: &Record, arguments: Value) -> (Value, usize, QcServer) {
        use rmcp::ServiceExt as _;
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
        let (listener, upstream) = nobody();
        let flags = ["--toolsets", "all"].iter().chain(flags);
        let settings = crate::Settings::isolated(crate::Transport::Stdio, flags).unwrap();
        let server = QcServer::new(settings, upstream).unwrap();
        server.write(owner, ID, record).unwrap();
        let (near, far) = tokio::io::duplex(1 << 20);
        let serving = server.clone();
        tokio::spawn(async move { serving.serve(far).await.unwrap().waiting().await });
        let (read, mut write) = tokio::io::split(near);
        let mut call = json!({"job": handle::of_record(ID)});
        call.as_object_mut().unwrap().extend(arguments.as_object().cloned().unwrap());
        let opening =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}});
        for message in [
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening}),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "wait_for_job", "arguments": call}}),
        ] {
            write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        }
        let mut lines = BufReader::new(read).lines();
        loop {
            let line = lines.next_line().await.unwrap().expect("an answer");
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == 2 {
                let calls = std::iter::from_fn(|| listener.accept().ok()).count();
                return (answer["result"].clone(), calls, server);
            }
        }
    }

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn text(result: &Value) -> &str {
        result["content"][0]["text"].as_str().unwrap()
    }

    fn create() -> Value {
        json!({"project_id": 1, "compile_id": "0123-4567", "backtest_name": "x"})
    }

    #[tokio::test]
    async fn what_would_be_done_twice_is_not_taken_up_again() {
        let record = left_behind("create_backtest", create(), false);
        let (result, calls, _) = asked(&[], "owner", &record, json!({})).await;
        assert_eq!(result["structuredContent"]["status"], "interrupted", "{result}");
        assert!(text(&result).contains("look what it had done"), "{result}");
        assert_eq!(calls, 0);
    }

    #[tokio::test]
    async fn a_job_is_taken_up_under_the_mode_of_then() {
        let record = left_behind("create_backtest", create(), false);
        let (result, calls, server) = asked(&["--mode", "read-only"], "owner", &record, json!({})).await;
        assert!(result["isError"] == true && text(&result).contains("not offered in this mode"), "{result}");
        assert_eq!((calls, server.record("owner", ID).unwrap().status), (0, Status::Running), "it waits");
    }

    #[tokio::test]
    async fn what_another_process_drives_is_only_looked_at() {
        let record = left_behind("find_cointegrated_pairs", json!({}), true);
        let (result, calls, server) = asked(&[], "owner", &record, json!({"wait_seconds": 0})).await;
        let facts = &result["structuredContent"];
        assert_eq!((&facts["status"], &facts["progress"]), (&json!("running"), &json!(0.25)), "{result}");
        assert_eq!((calls, server.jobs().count("owner")), (0, 0));
    }

    #[tokio::test]
    async fn a_lapsed_job_that_only_computes_is_done_again() {
        let ask = json!({"symbols": ["KO", "PEP"], "start_date": "2020-01-02", "end_date": "2020-12-31"});
        let record = left_behind("find_cointegrated_pairs", ask, false);
        let (result, calls, server) = asked(&[], "owner", &record, json!({})).await;
        // It ran: this server has no data folder, and that is the tool's own answer.
        assert!(result["isError"] == true && text(&result).contains("data folder"), "{result}");
        assert_eq!((calls, server.record("owner", ID).unwrap().status), (0, Status::Failed));
    }

    #[tokio::test]
    async fn a_strangers_job_is_unknown() {
        let record = left_behind("find_cointegrated_pairs", json!({}), true);
        for arguments in [json!({}), json!({"cancel": true})] {
            let (result, calls, server) = asked(&[], "somebody else", &record, arguments).await;
            assert!(result["isError"] == true && text(&result).contains("no job with that handle"), "{result}");
            assert_eq!((calls, server.record("somebody else", ID).unwrap().status), (0, Status::Running));
        }
    }
}
