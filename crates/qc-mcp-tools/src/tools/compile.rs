//! Compiles: start and wait, or read what became of one.

use qc_api::{
    endpoints::compile::{CompileReply, CompileState, ReadCompile},
    ids::{CompileId, ProjectId},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;

use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    flows::{code, compile, find},
    jobs::{self, Cloud, Seen},
    server::{QcServer, TASK_PATIENCE},
};

/// Log lines shown of a build.
const LOG_LINES: usize = 20;

/// Arguments of `compile_project`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CompileArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Wait for the result; default true
    wait: Option<bool>,
}

/// Arguments of `read_compilation_result`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Id from compile_project
    compile_id: String,
}

#[tool_router(router = compile_create, vis = "pub(crate)")]
impl QcServer {
    /// Compile a project and wait for the result. Errors come as file:line with the source around them; on success use the compile_id in create_backtest.
    #[tool(title = "Compile project")]
    async fn compile_project(&self, Parameters(args): Parameters<CompileArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let id = find::project(&ctx.door, &args.project_id).await?;
        let waits = args.wait.unwrap_or(true);
        let before = if waits { code::before(&ctx.door, id).await } else { None };
        let started = compile::start(&ctx.door, id).await?;
        let compile_id = started.compile_id.clone();
        let work = Cloud::Compile { project_id: id, compile_id: compile_id.clone() };
        let seen = Seen::Compile(id, Box::new(started));
        let shown = if waits && !seen.status().is_over() {
            let patience = if ctx.tasks { TASK_PATIENCE } else { jobs::patience(self.settings(), None) };
            super::jobs::waited(&ctx, &work, patience).await
        } else {
            super::jobs::shown(&ctx, &work, &seen).await
        };
        code::note_compile(&ctx.door, id, &compile_id, before).await;
        shown
    }
}

#[tool_router(router = compile_read, vis = "pub(crate)")]
impl QcServer {
    /// Read the state of a compile: InQueue, BuildSuccess, or BuildError with errors as file:line.
    #[tool(title = "Read compile result")]
    async fn read_compilation_result(
        &self,
        Parameters(args): Parameters<ReadArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let id = find::project(&ctx.door, &args.project_id).await?;
        let compile_id = CompileId(find::valid_id(&args.compile_id)?);
        let result = ctx.door.send(&ReadCompile { project_id: id, compile_id }).await?;
        report(&ctx, id, result).await
    }
}

/// The answer for a compile in any state.
pub(super) async fn report(ctx: &Ctx, id: ProjectId, result: CompileReply) -> Result<Reply, ToolError> {
    let errors = compile::errors(&ctx.door, id, &result).await?;
    let (summary, next) = match &result.state {
        CompileState::BuildSuccess => (format!("project {id} compiled"), "create_backtest"),
        CompileState::BuildError => (format!("project {id} did not compile: {} error(s)", errors.len()), "edit_file"),
        CompileState::InQueue => (format!("project {id} is still compiling"), "read_compilation_result"),
        _ => (format!("project {id}: the compile is in a state this version does not know"), "read_compilation_result"),
    };
    let mut reply = Reply::new(summary)
        .field("project_id", id)
        .field("compile_id", &result.compile_id)
        .field("state", if CompileState::KNOWN.contains(&result.state) { result.state.as_str() } else { "other" });
    if !errors.is_empty() {
        reply = reply.field("errors", &errors);
    }
    let log: Vec<Untrusted> = result
        .logs
        .iter()
        .rev()
        .take(LOG_LINES)
        .rev()
        .map(|line| Untrusted::new(line.as_str()).shortened(300))
        .collect();
    if errors.is_empty() && !log.is_empty() {
        reply = reply.field("log", log);
    }
    Ok(reply.next(next))
}
