//! The protocol's tasks, over jobs: a task's id is a job's handle, so tasks have owners, outlive the process, and are the
//! same thing to every copy of the server. A client that declared tasks gets one for a call that takes long; any other
//! gets the handle in a plain answer.

use jiff::Timestamp;
use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolResponse, CallToolResult, CreateTaskResult, DetailedTask, GetTaskResult, JsonObject, Task, TaskPayload,
        TaskStatus,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::QcServer;
use crate::{
    ctx::Ctx,
    error::{Kind, ToolError},
    jobs::{self, JobId, Look, Record, Seen, Status},
    tools,
};

/// How long a client that has tasks waits before it gets one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// How often work of this server is worth a look, and how often work at QuantConnect.
const POLL_HERE_MS: u64 = 1_000;
const POLL_CLOUD_MS: u64 = 5_000;
/// How long a record is kept.
const KEPT_MS: u64 = 7 * 24 * 3_600_000;

/// Whether the client of a request takes tasks.
pub(crate) fn are_wanted(context: &RequestContext<RoleServer>) -> bool {
    context.client_capabilities().is_some_and(|client| client.supports_tasks())
}

/// The task that stands for a job of this server.
pub(super) fn of_record(id: &str, record: &Record) -> Task {
    Task::new(jobs::of_record(id), TaskStatus::Working, record.began.to_string(), record.changed.to_string())
        .with_ttl_ms(KEPT_MS)
        .with_poll_interval_ms(POLL_HERE_MS)
        .with_status_message(format!("{}: {}", record.tool, record.step.name))
}

/// The task that stands for work at QuantConnect.
fn of_cloud(handle: &str, began: Option<Timestamp>, said: String) -> Task {
    let now = Timestamp::now();
    Task::new(handle, TaskStatus::Working, began.unwrap_or(now).to_string(), now.to_string())
        .with_poll_interval_ms(POLL_CLOUD_MS)
        .with_status_message(said)
}

/// A tool's answer that names unfinished work, as the task that stands for that work.
pub(super) fn instead_of(answer: CallToolResponse) -> CallToolResponse {
    if let CallToolResponse::Complete(result) = &answer
        && result.is_error != Some(true)
        && let Some(facts) = &result.structured_content
        && let Some(handle) = facts.get("job").and_then(Value::as_str)
    {
        let said = facts.get("summary").and_then(Value::as_str).unwrap_or_default().to_owned();
        return CallToolResponse::Task(CreateTaskResult::new(of_cloud(handle, None, said)));
    }
    answer
}

fn unknown() -> ErrorData {
    ErrorData::invalid_params("there is no task with that id", None)
}

fn refused(error: ToolError) -> ErrorData {
    match error.kind {
        Kind::NotFound => unknown(),
        _ => ErrorData::internal_error(error.text(), None),
    }
}

fn object(value: impl serde::Serialize) -> JsonObject {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => JsonObject::new(),
    }
}

fn completed(result: &CallToolResult) -> TaskPayload {
    TaskPayload::Completed { result: object(result) }
}

impl QcServer {
    /// How far a task is, with its answer once there is one.
    pub(super) async fn look_at_task(
        &self,
        handle: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let ctx = Ctx::new(self, context);
        self.welcome(&ctx.caller).await.map_err(refused)?;
        let task = match ctx.door.job(handle).map_err(refused)? {
            JobId::Here(id) => {
                let look = self.wait_for(context, &id, Instant::now()).await.map_err(refused)?;
                let record = self.record(ctx.caller_key(), &id).map_err(refused)?;
                let payload = match &look {
                    Look::Answer(answer) => completed(answer),
                    Look::Without(record) => match record.status {
                        Status::Cancelled => TaskPayload::Cancelled,
                        Status::Interrupted => {
                            let message = "the process that did it ended; look what it had done";
                            TaskPayload::Failed { error: object(json!({"code": -32603, "message": message})) }
                        }
                        _ => TaskPayload::Working,
                    },
                };
                DetailedTask::new(of_record(&id, &record), payload)
            }
            JobId::Cloud(work) => {
                let seen = jobs::look(&ctx.door, &work).await.map_err(refused)?;
                let began = match &seen {
                    Seen::Backtest(_, backtest) => backtest.created,
                    Seen::Compile(..) | Seen::Optimization(_) => None,
                };
                let payload = match seen.status().is_over() {
                    true => {
                        let reply = tools::shown(&ctx, &work, &seen).await.map_err(refused)?;
                        completed(&reply.into_result())
                    }
                    false => TaskPayload::Working,
                };
                DetailedTask::new(of_cloud(handle, began, format!("{}: {}", work.name(), seen.status().id())), payload)
            }
        };
        Ok(GetTaskResult::new(task))
    }

    /// Gives a task up. Work at QuantConnect goes on: it has its own tools to end it.
    pub(super) async fn give_up_task(
        &self,
        handle: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let ctx = Ctx::new(self, context);
        self.welcome(&ctx.caller).await.map_err(refused)?;
        match ctx.door.job(handle).map_err(refused)? {
            JobId::Here(id) => self.give_up(ctx.caller_key(), &id).map(|_| ()).map_err(refused),
            JobId::Cloud(work) => {
                tracing::info!(work = work.name(), "a task was given up; its work goes on at QuantConnect");
                Ok(())
            }
        }
    }

    /// A task that is known; none of them ever asks for input.
    pub(super) async fn know_task(&self, handle: &str, context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let ctx = Ctx::new(self, context);
        self.welcome(&ctx.caller).await.map_err(refused)?;
        match ctx.door.job(handle).map_err(refused)? {
            JobId::Here(id) => self.record(ctx.caller_key(), &id).map(|_| ()).map_err(refused),
            JobId::Cloud(_) => Ok(()),
        }
    }
}
