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
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Status, Step, handle,
    record::{Lease, Record, name_of},
};
use crate::{
    caller::Caller,
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    gate::Call,
    server::QcServer,
    store,
};

/// How long a process may be silent before another drives its work.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How often the lease is renewed.
const RENEWED: Duration = Duration::from_secs(10);
/// How often a step is written down, and cancelling by another process noticed.
const NOTED: Duration = Duration::from_secs(2);
/// How often the work of another process is looked at.
const GLANCE: Duration = Duration::from_millis(250);
/// How long one piece of work may last, and with it the credentials of its request.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// The most jobs one caller has going on in this process.
const MOST: usize = 8;

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
        self.forget_oldest(owner)?;
        self.write(owner, &id, &record)?;
        self.remember(owner, same, &id, now)?;
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
        let repeatable = facts.is_repeatable();
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
            let context = context.clone();
            self.drive(owner, &record.tool, record.arguments.clone(), context, Some(id));
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
        // The guards see the tool that is driven, whoever drives it; a job asks nobody.
        context.extensions.insert(Arc::new(Call::new(tool, &arguments, None, None)));
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

    fn lease(&self, now: Timestamp) -> Lease {
        Lease { holder: self.jobs().holder.clone(), until: now.checked_add(LEASE).unwrap_or(Timestamp::MAX) }
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
mod tests;
