//! Whole jobs in one call.

use std::collections::BTreeMap;

use qc_api::ids::ProjectId;
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{backtests, compile};
use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    flows::{
        code,
        run_backtest::{self, Ask, Came, Edit, Wrote},
        running,
    },
    gate,
    jobs::{self, Cloud, Seen},
    server::{QcServer, TASK_PATIENCE},
};

/// Remarks on the code shown beside a run.
const REMARKS: usize = 10;

/// One change of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct EditArg {
    /// File
    name: String,
    /// Text that occurs once
    old_text: String,
    /// What stands there then
    new_text: String,
}

/// Arguments of `run_backtest`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RunArgs {
    /// Project id or name; a new name with files makes a project
    project_id: ProjectArg,
    /// Whole files, name to content
    files: Option<BTreeMap<String, String>>,
    /// [{name, old_text, new_text}]
    edits: Option<Vec<EditArg>>,
    /// Parameters of the algorithm, name to value
    parameters: Option<Map<String, Value>>,
    /// Name of the run
    name: Option<String>,
    /// Seconds to wait for the result; default 45
    #[schemars(range(min = 0))]
    wait_seconds: Option<f64>,
}

#[tool_router(router = workflows_update, vis = "pub(crate)")]
impl QcServer {
    /// Write files that differ, compile, run a backtest and wait: statistics, or the error with the code around it and the end of the log. The same call within ten minutes is the same run.
    #[tool(title = "Run a backtest")]
    async fn run_backtest(&self, Parameters(args): Parameters<RunArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let edits = args.edits.unwrap_or_default().into_iter();
        let edit = |edit: EditArg| Edit { name: edit.name, old_text: edit.old_text, new_text: edit.new_text };
        let ask = Ask {
            project: args.project_id,
            files: args.files.unwrap_or_default(),
            edits: edits.map(edit).collect(),
            parameters: backtests::parameters(args.parameters.unwrap_or_default())?,
            name: args.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
        };
        let (project_id, wrote, came) = run_backtest::run(&ctx, ask).await?;
        let (started, compile_id) = match came {
            Came::ToCompile(reply) => {
                let is_over = reply.state.is_finished();
                let work = Cloud::Compile { project_id, compile_id: reply.compile_id.clone() };
                let shown = compile::report(&ctx, project_id, *reply).await?;
                let shown =
                    if is_over { shown } else { shown.field("job", ctx.door.handle(&work)?).next("wait_for_job") };
                return Ok(noted(&ctx, project_id, told(shown, &wrote), &wrote).await);
            }
            Came::ToRun(started, compile_id) => (started, compile_id),
        };
        let work = Cloud::Backtest { project_id, backtest_id: started.backtest.backtest_id.clone() };
        let patience = if ctx.tasks { TASK_PATIENCE } else { jobs::patience(self.settings(), args.wait_seconds) };
        let mut reply = match jobs::wait(&ctx.door, &work, patience, &ctx.progress).await {
            Ok(Seen::Backtest(run, backtest)) => {
                let mut reply = backtests::result(&run, &backtest);
                if backtest.failure().is_some() {
                    let (places, log) = run_backtest::failure(&ctx, project_id, &backtest).await;
                    if !places.is_empty() {
                        reply = reply.field("places", places);
                    }
                    let log: Vec<Untrusted> =
                        log.iter().map(|line| Untrusted::new(line.as_str()).shortened(300)).collect();
                    reply = reply.field("log_tail", log);
                }
                match Seen::Backtest(run, backtest).status().is_over() {
                    true => reply,
                    false => reply.field("job", ctx.door.handle(&work)?).next("wait_for_job"),
                }
            }
            Ok(_) => Reply::new("the backtest was started"),
            Err(error) if error.retryable => {
                Reply::new(format!("the backtest was started; how far it is cannot be read: {}", error.message))
                    .field("project_id", project_id)
                    .field("backtest_id", &started.backtest.backtest_id)
                    .field("job", ctx.door.handle(&work)?)
                    .next("wait_for_job")
            }
            Err(error) => return Err(error),
        };
        reply = reply.field("compile_id", &compile_id).field("page", gate::page(Some(project_id)));
        if let Some(hash) = code::of_backtest(&ctx.door, project_id, &started.backtest.backtest_id).await {
            reply = reply.field("code_sha256", hash);
        }
        if let Some(ago) = started.before {
            reply = reply.field("started_before_seconds", ago.as_secs());
        }
        Ok(noted(&ctx, project_id, told(reply, &wrote), &wrote).await)
    }
}

/// The answer, with a word where an algorithm runs beside code that was written.
async fn noted(ctx: &Ctx, project_id: ProjectId, reply: Reply, wrote: &Wrote) -> Reply {
    match wrote.is_new_project || wrote.created.len() + wrote.updated.len() == 0 {
        true => reply,
        false => running::noted(&ctx.door, project_id, reply).await,
    }
}

/// The answer, with what was done to the project.
fn told(reply: Reply, wrote: &Wrote) -> Reply {
    let names = |list: &[String]| -> Vec<Untrusted> {
        list.iter().map(|name| Untrusted::new(name.as_str()).shortened(120)).collect()
    };
    let mut reply = reply.field(
        "wrote",
        json!({
            "new_project": wrote.is_new_project,
            "created": names(&wrote.created),
            "updated": names(&wrote.updated),
            "unchanged": wrote.unchanged,
        }),
    );
    if wrote.lock_taken {
        reply = reply.field("lock_taken", true);
    }
    let remarks: Vec<Value> = wrote
        .remarks
        .iter()
        .take(REMARKS)
        .map(|(name, finding)| {
            let file = Untrusted::new(name.as_str()).shortened(120);
            json!({"rule": finding.rule, "file": file, "line": finding.line, "what": finding.text})
        })
        .collect();
    if remarks.is_empty() { reply } else { reply.field("remarks", remarks) }
}
