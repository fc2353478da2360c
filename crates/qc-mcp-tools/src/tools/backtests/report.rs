//! QuantConnect's own HTML report of a backtest, saved as it came and labelled as somebody else's.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Reply, ToolError,
    args::{BacktestArg, ProjectArg},
    ctx::Ctx,
    flows::backtest,
    reply::Untrusted,
    roots::Format,
    server::QcServer,
};

/// Arguments of `read_backtest_report`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReportArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id or latest
    backtest_id: BacktestArg,
    /// Name of a new file in the output folder, e.g. report.html
    save_as: Option<String>,
}

#[tool_router(router = report_read, vis = "pub(crate)")]
impl QcServer {
    /// Get QuantConnect's own HTML report of a finished backtest, as a file (save_as) or behind a link. It is not shown here.
    #[tool(title = "Read backtest report")]
    async fn read_backtest_report(
        &self,
        Parameters(args): Parameters<ReportArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let run = super::run(&ctx, &args.project_id, &args.backtest_id).await?;
        let report = backtest::report(&ctx.door, &run, &ctx.progress).await?;
        let facts = json!({
            "project_id": run.project_id,
            "backtest_id": run.backtest_id,
            "bytes": report.len(),
            "origin": "QuantConnect's own report, as it came; it may hold scripts and names from code",
        });
        if let Some(name) = &args.save_as {
            let saved = self.desk().save(name, Format::Html, backtest::labelled(&run, &report).as_bytes())?;
            return Ok(Reply::new(format!("QuantConnect's report, {} bytes, is saved", report.len()))
                .data(facts)
                .field("saved_as", saved));
        }
        let uri = run.uri("report.html");
        self.kept().put(&ctx.caller.key, uri.clone(), Untrusted::new(&report).fenced(), crate::kept::LIFE);
        Ok(Reply::new(format!("QuantConnect's report, {} bytes of HTML behind the link", report.len()))
            .data(facts)
            .link(uri, "report.html", "text/html"))
    }
}
