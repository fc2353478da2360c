//! The tool that compares a deployment with a backtest.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Reply, ToolError,
    args::{BacktestArg, ProjectArg},
    ctx::Ctx,
    flows::{
        find,
        live::reconcile::{self, Verdict},
    },
    reply,
    server::QcServer,
};

/// Arguments of `reconcile_live`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReconcileArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest to compare with; default latest
    backtest_id: Option<BacktestArg>,
}

#[tool_router(router = reconciling_read, vis = "pub(crate)")]
impl QcServer {
    /// Is live doing what the backtest said? Right orders, the same days, inside the backtest's envelope: three answers, each with its figures or why it cannot be told.
    #[tool(title = "Reconcile live")]
    async fn reconcile_live(&self, Parameters(args): Parameters<ReconcileArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let wanted = args.backtest_id.unwrap_or_else(|| BacktestArg("latest".to_owned()));
        let backtest_id = find::backtest(&ctx.door, project_id, &wanted).await?;
        let found = reconcile::reconcile(&ctx, project_id, backtest_id.clone()).await?;
        let days = found.days.as_ref().map_or(Verdict::CannotTell, |days| days.verdict);
        let inside = found.envelope.as_ref().map_or(Verdict::CannotTell, |envelope| envelope.verdict);
        let word = |verdict: Verdict| match verdict {
            Verdict::Yes => "yes",
            Verdict::No => "NO",
            Verdict::CannotTell => "cannot tell",
        };
        let summary = format!(
            "right orders: {}; the same days: {}; inside the backtest's envelope: {}",
            word(found.orders.verdict),
            word(days),
            word(inside)
        );
        let mut cautions = Vec::new();
        if found.orders.common_days == 0 {
            cautions.push("the backtest ends before the deployment begins: orders and days cannot be compared. Run it again up to today".to_owned());
        }
        if found.envelope.is_none() {
            cautions.push(format!(
                "{} days of the deployment are too few, or too many for the backtest's length, for an envelope",
                found.live_days
            ));
        } else if found.live_days < 60 {
            cautions
                .push(format!("{} days are few: bad luck and a broken strategy look alike for long", found.live_days));
        }
        cautions.push(
            "fills are matched by New York day, security and side; whether the code is the same is not compared"
                .to_owned(),
        );
        let summary = if ctx.door.is_simulated() { format!("SIMULATED: {summary}") } else { summary };
        let strangers: Vec<_> = found.orders.strangers.iter().take(20).map(|name| reply::ticker(name)).collect();
        Ok(Reply::new(summary)
            .data(json!({
                "project_id": project_id, "deploy_id": found.live.deploy_id, "launched": found.live.launched,
                "backtest_id": backtest_id, "backtest_end": found.backtest.backtest_end, "live_days": found.live_days,
                "orders": found.orders, "days": found.days, "envelope": found.envelope,
            }))
            .field("securities_the_backtest_never_traded", strangers)
            .field("cautions", cautions)
            .next(if found.orders.common_days == 0 { "run_backtest" } else { "live_status" }))
    }
}
