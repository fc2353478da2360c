//! Four tools that stand for all others, for clients that take few: find, describe, call, run several in a row. They
//! reach what reads, creates and changes; what deletes, trades, spends or reaches other people must be offered and
//! called by its own name.

use rmcp::{
    RoleServer,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, JsonObject},
    schemars::JsonSchema,
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError,
    ctx::Ctx,
    flows::pipeline,
    server::{QcServer, Reached},
};

/// Tools found unless the caller asks for more.
const FOUND: usize = 8;
/// Most tools described at once.
const MOST_DESCRIBED: usize = 20;

/// Arguments of `search_tools`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct SearchArgs {
    /// Words of what you want to do, e.g. cointegration pairs; omit to list all names
    query: Option<String>,
    /// Most tools shown; default 8
    #[schemars(range(min = 1, max = 200))]
    limit: Option<i64>,
}

/// Arguments of `describe_tools`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DescribeArgs {
    /// Names from search_tools
    names: Vec<String>,
}

/// Arguments of `call_tool`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CallArgs {
    /// Name from search_tools
    tool: String,
    /// Its arguments, as describe_tools shows them
    arguments: Option<JsonObject>,
}

/// One step of a pipeline.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct StepArg {
    /// Name from search_tools
    tool: String,
    /// Its arguments; a value {"from": "/1/compile_id"} is taken from the result of step 1
    arguments: Option<JsonObject>,
}

/// Arguments of `run_pipeline`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PipelineArgs {
    /// At most 16 calls [{tool, arguments}], one after the other
    steps: Vec<StepArg>,
}

#[tool_router(router = discover_read, vis = "pub(crate)")]
impl QcServer {
    /// Find tools by words: names with one line each. Then describe_tools, then call_tool.
    #[tool(title = "Search tools")]
    async fn search_tools(&self, Parameters(args): Parameters<SearchArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let Some(query) = args.query.as_deref().map(str::trim).filter(|query| !query.is_empty()) else {
            let names: Vec<&str> = self.reachable(&ctx.caller).map(|(facts, _)| facts.name.as_str()).collect();
            return Ok(Reply::new(format!("{} tools", names.len())).field("names", names));
        };
        let words: Vec<String> =
            query.split(|c: char| !c.is_alphanumeric()).filter(|word| 1 < word.len()).map(str::to_lowercase).collect();
        let mut hits: Vec<(usize, Value)> = self
            .reachable(&ctx.caller)
            .filter_map(|(facts, tool)| {
                let about = tool.description.as_deref().unwrap_or_default();
                let score = score(&words, &facts.name, facts.group.id(), about);
                let row =
                    json!({"name": facts.name, "about": about, "group": facts.group.id(), "access": facts.access.id()});
                (0 < score).then_some((score, row))
            })
            .collect();
        hits.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let limit = args.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(FOUND);
        let total = hits.len();
        let rows: Vec<Value> = hits.into_iter().take(limit).map(|(_, row)| row).collect();
        Ok(match rows.len() {
            0 => Reply::new("no tool has those words; leave query out to list all names"),
            n => Reply::new(format!("{n} of {total} tools, best first")).field("tools", rows).next("describe_tools"),
        })
    }

    /// Show description, arguments and access of tools by name.
    #[tool(title = "Describe tools")]
    async fn describe_tools(&self, Parameters(args): Parameters<DescribeArgs>) -> Result<Reply, ToolError> {
        if args.names.is_empty() || MOST_DESCRIBED < args.names.len() {
            return Err(ToolError::argument(format!("{} names; give 1 to {MOST_DESCRIBED}", args.names.len())));
        }
        let mut rows = Vec::new();
        for name in &args.names {
            let (facts, tool) = self.reachable_tool(name)?;
            rows.push(json!({
                "name": facts.name,
                "description": tool.description,
                "access": facts.access.id(),
                "arguments": &*tool.input_schema,
            }));
        }
        Ok(Reply::new(format!("{} tool(s)", rows.len())).field("tools", rows).next("call_tool"))
    }
}

#[tool_router(router = discover_create, vis = "pub(crate)")]
impl QcServer {
    /// Call a tool that search_tools found; the answer is that tool's own.
    #[tool(name = "call_tool", title = "Call a tool")]
    async fn call_one(
        &self,
        Parameters(args): Parameters<CallArgs>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        Ok(self.reach(&args.tool, args.arguments.unwrap_or_default(), context).await?.into_answer())
    }

    /// Call several tools in a row; only the last answer comes back. Stops at the first error and says which step.
    #[tool(title = "Run a pipeline")]
    async fn run_pipeline(
        &self,
        Parameters(args): Parameters<PipelineArgs>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let steps: Vec<(String, JsonObject)> =
            args.steps.into_iter().map(|step| (step.tool, step.arguments.unwrap_or_default())).collect();
        pipeline::check(&steps)?;
        // Nothing is begun that cannot be gone through: names are looked up before the first step.
        for (tool, _) in &steps {
            self.reachable_tool(tool)?;
        }
        let mut results: Vec<Value> = Vec::new();
        let mut last = None;
        for (at, (tool, arguments)) in steps.iter().enumerate() {
            let answer = match pipeline::filled(arguments, &results, at + 1) {
                Ok(arguments) => self.reach(tool, arguments, context.clone()).await,
                Err(error) => Err(error),
            };
            let answer = match answer {
                Ok(Reached::GoesOn(handle)) if at + 1 < steps.len() => {
                    return Ok(waiting(at + 1, steps.len(), tool, handle));
                }
                answer => answer.map_or_else(ToolError::into_result, Reached::into_answer),
            };
            if answer.is_error == Some(true) {
                return Ok(failed(at + 1, steps.len(), tool, answer));
            }
            results.push(result(&answer));
            last = Some(answer);
        }
        last.ok_or_else(|| ToolError::argument("`steps` is empty"))
    }
}

/// How well words fit a tool: its name counts most.
fn score(words: &[String], name: &str, group: &str, about: &str) -> usize {
    let about = about.to_lowercase();
    let parts: Vec<&str> = name.split('_').collect();
    words
        .iter()
        .map(|word| {
            let stem = word.strip_suffix('s').filter(|stem| 3 < stem.len()).unwrap_or(word);
            let whole = usize::from(parts.contains(&stem) || parts.contains(&word.as_str()));
            8 * whole
                + 4 * usize::from(name.contains(stem))
                + 2 * usize::from(group.contains(stem))
                + usize::from(about.contains(stem))
        })
        .sum()
}

/// What later steps may take from an answer: its structured content, or its text.
fn result(answer: &CallToolResult) -> Value {
    match &answer.structured_content {
        Some(content) => content.clone(),
        None => {
            let texts: Vec<&str> =
                answer.content.iter().filter_map(|block| block.as_text()).map(|text| text.text.as_str()).collect();
            json!({"text": texts.join("\n")})
        }
    }
}

/// The handle of a step that goes on as a job, and what has become of the steps after it.
fn waiting(step: usize, of: usize, tool: &str, mut handle: CallToolResult) -> CallToolResult {
    let rest = match of - step {
        1 => format!("step {of} is not begun"),
        _ => format!("steps {} to {of} are not begun", step + 1),
    };
    let place = format!(
        "step {step} of {of}, `{}`, goes on as a job and {rest}: wait_for_job gives its answer, with which the rest \
         can be run:",
        crate::args::quote(tool)
    );
    handle.content.insert(0, rmcp::model::ContentBlock::text(place));
    handle
}

/// The error of a step, with its place in front; its own text stays as it is.
fn failed(step: usize, of: usize, tool: &str, mut answer: CallToolResult) -> CallToolResult {
    let before = match step {
        1 => "nothing was done before it".to_owned(),
        2 => "step 1 IS DONE, do not repeat it".to_owned(),
        _ => format!("steps 1 to {} ARE DONE, do not repeat them", step - 1),
    };
    let place = format!("step {step} of {of}, `{}`, failed; {before}:", crate::args::quote(tool));
    answer.content.insert(0, rmcp::model::ContentBlock::text(place));
    answer
}
