//! Long work by its handle: wait for it, see how far it is, give it up.

use std::time::Duration;

use rmcp::{
    RoleServer, handler::server::wrapper::Parameters, model::CallToolResult, schemars::JsonSchema,
    service::RequestContext, tool, tool_router,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{backtests, compile, optimizations};
use crate::{
    Reply, ToolError,
    ctx::Ctx,
    jobs::{self, Cloud, JobId, Look, Record, Seen, Status},
    server::QcServer,
};

/// Arguments of `wait_for_job`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct WaitArgs {
    /// Handle, from the field job of another answer
    job: String,
    /// Seconds to wait; default 45, 0 looks once
    #[schemars(range(min = 0))]
    wait_seconds: Option<f64>,
    /// Give the job up instead
    cancel: Option<bool>,
}

#[tool_router(router = jobs_read, vis = "pub(crate)")]
impl QcServer {
    /// Wait for long work by its job handle. Returns the answer the tool would have given once it is done, else how far it is: then call again.
    #[tool(title = "Wait for job")]
    async fn wait_for_job(
        &self,
        Parameters(args): Parameters<WaitArgs>,
        ctx: Ctx,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let patience = jobs::patience(self.settings(), args.wait_seconds);
        let gives_up = args.cancel == Some(true);
        match ctx.door.job(&args.job)? {
            JobId::Cloud(work) if gives_up => Ok(goes_on(args.job.trim(), &work).into_result()),
            JobId::Cloud(work) => Ok(waited(&ctx, &work, patience).await?.into_result()),
            JobId::Here(id) if gives_up => Ok(without(&id, &self.give_up(ctx.caller_key(), &id)?).into_result()),
            JobId::Here(id) => Ok(match self.wait_for(&context, &id, Instant::now() + patience).await? {
                Look::Answer(answer) => answer,
                Look::Without(record) => without(&id, &record).into_result(),
            }),
        }
    }
}

/// Waits for work at QuantConnect and answers as [`shown`]. Where it cannot be read for now, it goes on all the same, and
/// its handle is not lost.
pub(super) async fn waited(ctx: &Ctx, work: &Cloud, patience: Duration) -> Result<Reply, ToolError> {
    match jobs::wait(&ctx.door, work, patience, &ctx.progress).await {
        Ok(seen) => shown(ctx, work, &seen).await,
        Err(error) if error.retryable => {
            Ok(Reply::new(format!("{} was started; how far it is cannot be read: {}", work.name(), error.message))
                .field("status", "unknown")
                .field("job", ctx.door.handle(work)?)
                .next("wait_for_job"))
        }
        Err(error) => Err(error),
    }
}

/// The answer for work at QuantConnect in any state: that of the tool that reads it, with its handle.
pub(crate) async fn shown(ctx: &Ctx, work: &Cloud, seen: &Seen) -> Result<Reply, ToolError> {
    let reply = match seen {
        Seen::Backtest(run, backtest) => backtests::result(run, backtest),
        Seen::Compile(project_id, reply) => compile::report(ctx, *project_id, (**reply).clone()).await?,
        Seen::Optimization(found) => optimizations::result(found, optimizations::LISTED),
    };
    match seen.status().is_over() {
        true => Ok(reply),
        false => Ok(reply.field("job", ctx.door.handle(work)?).next("wait_for_job")),
    }
}

/// The page of a job: how far it is, without its answer. Looks once and drives nothing.
pub(crate) async fn page(server: &QcServer, ctx: &Ctx, handle: &str) -> Result<Value, ToolError> {
    Ok(match ctx.door.job(handle)? {
        JobId::Cloud(work) => {
            let seen = jobs::look(&ctx.door, &work).await?;
            let (status, step) = (seen.status(), seen.step());
            json!({"job": handle, "what": work.name(), "status": status, "step": step.name, "progress": step.share()})
        }
        JobId::Here(id) => {
            let record = server.record(ctx.caller_key(), &id)?;
            json!({
                "job": handle,
                "what": record.tool,
                "status": record.status,
                "step": record.step.name,
                "progress": record.step.share(),
                "began": record.began,
            })
        }
    })
}

/// The answer for work at QuantConnect that is not wanted: nothing here stops it.
fn goes_on(handle: &str, work: &Cloud) -> Reply {
    Reply::new(format!("nothing was stopped: {} goes on at QuantConnect; {}", work.name(), work.ends_by()))
        .field("job", handle)
        .field("left_running", [work.name()])
}

/// The answer for a call that has become a job.
pub(crate) fn going_on(id: &str, record: &Record) -> Reply {
    without(id, record)
}

/// The answer for a job without one.
fn without(id: &str, record: &Record) -> Reply {
    let tool = &record.tool;
    let share = record.step.share();
    let far = share.map_or_else(String::new, |share| format!(", {:.0} % done", 100.0 * share));
    let summary = match record.status {
        Status::Cancelled => format!("{tool} was given up; nothing of it goes on at QuantConnect"),
        Status::Interrupted => format!(
            "{tool} was interrupted: the process that did it ended; look what it had done before calling it again"
        ),
        Status::Done | Status::Failed => format!("{tool} is over"),
        Status::Queued | Status::Running => format!("{tool} goes on{far}; wait_for_job waits for its answer"),
    };
    let mut reply = Reply::new(summary)
        .field("job", jobs::of_record(id))
        .field("tool", tool)
        .field("status", record.status)
        .field("began", record.began);
    if !record.status.is_over() {
        reply = reply.field("step", &record.step.name).field("progress", share).next("wait_for_job");
    }
    reply
}
