//! The tool that says why a backtest failed, traded nothing or looks odd.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::{BacktestArg, ProjectArg},
    ctx::Ctx,
    flows::{
        backtest::Run,
        diagnose::{self, Weight},
        find,
    },
    server::QcServer,
};

/// Arguments of `diagnose_backtest`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DiagnoseArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id; default latest
    backtest_id: Option<BacktestArg>,
}

#[tool_router(router = diagnosing_read, vis = "pub(crate)")]
impl QcServer {
    /// Why did a backtest fail, trade nothing or look too good? Error with the code around it, end of the log, odd figures, parameters the code never reads.
    #[tool(title = "Diagnose backtest")]
    async fn diagnose_backtest(
        &self,
        Parameters(args): Parameters<DiagnoseArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let wanted = args.backtest_id.unwrap_or_else(|| BacktestArg("latest".to_owned()));
        let backtest_id = find::backtest(&ctx.door, project_id, &wanted).await?;
        let run = Run { project_id, backtest_id };
        let (found, diagnosis) = diagnose::diagnose(&ctx, &run).await?;
        let id = crate::gate::shown_id(run.backtest_id.as_str()).to_owned();
        let summary = match diagnosis.findings.first() {
            None => format!("nothing odd was found in backtest {id}; that is no proof"),
            Some(first) => format!("{} finding(s) in backtest {id}; first: {}", diagnosis.findings.len(), first.text),
        };
        let is_failed = diagnosis.findings.iter().any(|finding| finding.weight == Weight::Error);
        let findings: Vec<Value> = diagnosis
            .findings
            .iter()
            .map(|finding| json!({"weight": finding.weight, "rule": finding.rule, "what": finding.text}))
            .collect();
        let mut reply = Reply::new(summary)
            .field("project_id", project_id)
            .field("backtest_id", &run.backtest_id)
            .field("findings", findings);
        if let Some(error) = found.failure() {
            reply = reply.field("error", Untrusted::new(error).shortened(1500));
        }
        if !diagnosis.places.is_empty() {
            reply = reply.field("places", &diagnosis.places);
        }
        let log: Vec<Untrusted> =
            diagnosis.log_tail.iter().map(|line| Untrusted::new(line.as_str()).shortened(300)).collect();
        if !log.is_empty() {
            reply = reply.field("log_tail", log);
        }
        Ok(reply.next(if is_failed { "edit_file" } else { "compare_backtests" }))
    }
}
