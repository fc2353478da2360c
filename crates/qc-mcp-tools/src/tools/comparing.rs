//! The tool that puts backtests of a project side by side: figures, parameters, code, days.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    flows::{
        compare::{self, One},
        find,
    },
    server::QcServer,
};

/// Backtests compared unless the caller names them or says how many.
const LAST: i64 = 5;

/// Arguments of `compare_backtests`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CompareArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Two to ten ids, or latest; the others are compared with the first
    backtests: Option<Vec<String>>,
    /// Instead: the newest that ended well; default 5
    #[schemars(range(min = 2, max = 10))]
    last: Option<i64>,
}

#[tool_router(router = comparing_read, vis = "pub(crate)")]
impl QcServer {
    /// Compare backtests of a project: figures side by side, which parameters and code differ, correlation of daily returns.
    #[tool(title = "Compare backtests")]
    async fn compare_backtests(&self, Parameters(args): Parameters<CompareArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        if args.backtests.is_some() && args.last.is_some() {
            return Err(ToolError::argument("give backtests or last, not both; nothing was sent"));
        }
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let last = usize::try_from(args.last.unwrap_or(LAST)).unwrap_or_default();
        let runs = compare::read(&ctx, project_id, args.backtests.as_deref(), last).await?;
        let first = runs.first().and_then(|one| one.code.as_ref());
        let row = |one: &One| {
            json!({
                "backtest_id": one.backtest.backtest_id,
                "name": Untrusted::new(one.backtest.name.as_str()).shortened(80),
                "created": one.backtest.created,
                "start": one.backtest.backtest_start,
                "end": one.backtest.backtest_end,
                "code": match (&one.code, first) {
                    (Some(own), Some(first)) if own == first => "as the first",
                    (Some(_), Some(_)) => "other than the first",
                    _ => "unknown: not compiled through this server",
                },
            })
        };
        let rows: Vec<Value> = runs.iter().map(row).collect();
        let different: Vec<Value> = compare::parameters(&runs)
            .into_iter()
            .map(|(name, values)| {
                let shown = |value: Option<String>| value.map(|text| Untrusted::new(text.as_str()).shortened(80));
                let values: Vec<Option<Untrusted>> = values.into_iter().map(shown).collect();
                json!({"name": Untrusted::new(name.as_str()).shortened(80), "values": values})
            })
            .collect();
        let best = |name: &str, largest: bool| -> Option<(String, f64)> {
            let known = runs.iter().filter_map(|one| Some((one, compare::figure(one, name)?)));
            let best = known.max_by(|a, b| if largest { a.1.total_cmp(&b.1) } else { b.1.total_cmp(&a.1) });
            best.map(|(one, value)| (one.backtest.backtest_id.to_string(), value))
        };
        let summary = match best("sharpe_ratio", true) {
            Some((id, value)) => {
                format!(
                    "{} backtests of project {project_id}; best Sharpe ratio {value} in {}",
                    runs.len(),
                    crate::gate::shown_id(&id)
                )
            }
            None => format!("{} backtests of project {project_id}", runs.len()),
        };
        let of = |name: &str, largest: bool| best(name, largest).map(|(id, _)| crate::gate::shown_id(&id).to_owned());
        Ok(Reply::new(summary)
            .field("project_id", project_id)
            .field("backtests", rows)
            .field("figures", compare::figures(&runs))
            .field(
                "best",
                json!({
                    "sharpe_ratio": of("sharpe_ratio", true),
                    "net_profit": of("net_profit", true),
                    "drawdown": of("drawdown", false),
                }),
            )
            .field("parameters_that_differ", different)
            .field("correlation_of_daily_returns", compare::correlations(&runs))
            .field("cautions", compare::cautions(&runs))
            .next("read_backtest_trades"))
    }
}
