//! A kept result computed again: the same tool, arguments and seed, and what is different now.

use rmcp::{
    RoleServer, handler::server::wrapper::Parameters, model::CallToolResult, schemars::JsonSchema,
    service::RequestContext, tool, tool_router,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Reply, ToolError,
    ctx::Ctx,
    error::{Kind, Topic},
    flows::rerun::{Differences, differences},
    server::QcServer,
};

/// The tool's name.
pub(crate) const NAME: &str = "rerun_research";

/// Arguments that belong to the first run's answer, not to its result.
const OF_THE_ANSWER: &[&str] = &["save_as", "chart", "wait_seconds"];

/// Arguments of `rerun_research`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RerunArgs {
    /// Id of a kept result, from an earlier answer
    id: String,
    /// Seconds to wait before the answer is a job for wait_for_job. Default: 45
    #[allow(dead_code, reason = "read by the server before the tool is called")]
    #[schemars(extend("x-hidden" = true))]
    wait_seconds: Option<f64>,
}

#[tool_router(router = rerun_read, vis = "pub(crate)")]
impl QcServer {
    /// Compute a kept result again with the same arguments and seed, and say what changed: numbers, data files, version.
    #[tool(title = "Rerun research")]
    async fn rerun_research(
        &self,
        Parameters(args): Parameters<RerunArgs>,
        ctx: Ctx,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let id = args.id.trim().trim_start_matches("qc://research/");
        let before = self.kept_result(&ctx, id)?;
        let tool = before.get("tool").and_then(Value::as_str).unwrap_or_default();
        let mut arguments = before.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default();
        arguments.retain(|name, value| !value.is_null() && !OF_THE_ANSWER.contains(&name.as_str()));
        let answer = self.research_again(tool, arguments, context).await?;
        if answer.is_error == Some(true) {
            return Ok(answer);
        }
        let found = answer.structured_content.as_ref().and_then(|content| content.get("research_id"));
        let Some(new_id) = found.and_then(Value::as_str) else {
            let message = format!("{tool} ran again; its result is too large to keep, so it was not compared");
            return Ok(Reply::new(message).field("tool", tool).into_result());
        };
        let now = self.kept_result(&ctx, new_id)?;
        let differ = differences(&before, &now);
        Ok(Reply::new(summary(tool, &differ))
            .data(&differ)
            .field("tool", tool)
            .field("arguments", now.get("arguments"))
            .field("created_before", before.get("created"))
            .field("research_id", new_id)
            .link(format!("qc://research/{new_id}"), format!("{tool} result"), "application/json")
            .into_result())
    }
}

impl QcServer {
    fn kept_result(&self, ctx: &Ctx, id: &str) -> Result<Value, ToolError> {
        let text = self.desk().research(ctx.caller_key(), id)?;
        let damaged = |_| ToolError::new(Kind::BadData, Topic::Research, "the kept result cannot be read");
        serde_json::from_str(&text).map_err(damaged)
    }
}

fn summary(tool: &str, differ: &Differences) -> String {
    let data = match differ.same_data {
        Some(true) => "on the same data files".to_owned(),
        Some(false) => format!("on data of which {} file(s) changed", differ.n_files_changed.max(1)),
        None => "the earlier result does not name its data files".to_owned(),
    };
    let version = if differ.same_version { "" } else { ", by another version of this server" };
    match differ.n_changed {
        0 => format!("{tool} gives the same result again, {data}{version}"),
        n => format!(
            "{tool}: {n} value(s) differ, at most by {:.3} % of a number; {data}{version}",
            100.0 * differ.largest_relative_change
        ),
    }
}
