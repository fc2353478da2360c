//! Backtests: start, read the result, list, and read charts, orders, insights, trades and logs.

use qc_api::{
    endpoints::backtests::{CreateBacktest, DeleteBacktest, ListBacktests, UpdateBacktest, UpdateBacktestTags},
    ids::CompileId,
    model::Backtest,
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::{self, BacktestArg, ProjectArg},
    ctx::Ctx,
    flows::{
        backtest::{self, Insights, LOG_PAGE, Listed, Orders, PAGE, Paged, Run, Trades},
        code, find,
        start_backtest::{self, Started},
    },
    gate::Deed,
    jobs::{self, Cloud},
    server::{QcServer, TASK_PATIENCE},
};

mod report;
mod shown;

use shown::{chart_request, picture, state};
pub(super) use shown::{moment, result, row, series};

/// Backtests in a list unless the caller asks for more.
const LISTED: usize = 20;
/// Points per series of a picture, unless the caller asks for more.
const PICTURE_POINTS: i64 = 1000;
/// Log lines shown unless the caller asks for others.
const TAIL: i64 = 50;
/// Most log lines in one answer.
const MOST_LOG_LINES: i64 = 1000;

/// Arguments of `create_backtest`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CreateArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Id from compile_project
    compile_id: String,
    /// Name of the run
    backtest_name: String,
    /// Parameters of the algorithm, name to value
    parameters: Option<Map<String, Value>>,
    /// Also wait so long for the result; default 0
    #[schemars(range(min = 0))]
    wait_seconds: Option<f64>,
}

/// Arguments of `read_backtest`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id or latest
    backtest_id: BacktestArg,
    /// Name of a chart to read too
    chart: Option<String>,
}

/// Arguments of `list_backtests`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ListArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Show Sharpe ratio, return, drawdown; default true
    include_statistics: Option<bool>,
    /// Most backtests shown; default 20
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
}

/// Forms of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum Format {
    /// Numbers.
    Data,
    /// A picture.
    Png,
}

/// Arguments of `read_backtest_chart`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ChartArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id or latest
    backtest_id: BacktestArg,
    /// Chart name, e.g. Strategy Equity
    name: String,
    /// Points per series; default 100
    #[schemars(range(min = 1, max = 10000))]
    count: Option<i64>,
    /// From: date or Unix seconds; default the backtest's start
    start: Option<String>,
    /// To; default the backtest's end
    end: Option<String>,
    /// Default data
    format: Option<Format>,
}

/// Arguments of the lists.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RowsArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id or latest
    backtest_id: BacktestArg,
    /// First row, from 0
    #[schemars(range(min = 0))]
    start: Option<i64>,
    /// Row after the last, at most start + 100; default start + 100
    #[schemars(range(min = 1))]
    end: Option<i64>,
    /// Read every page and link a CSV
    all: Option<bool>,
}

/// Arguments of `read_backtest_logs`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct LogArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id or latest
    backtest_id: BacktestArg,
    /// Only lines that hold this text
    query: Option<String>,
    /// First line, from 0
    #[schemars(range(min = 0))]
    start: Option<i64>,
    /// Line after the last
    #[schemars(range(min = 1))]
    end: Option<i64>,
    /// Last n lines; default 50
    #[schemars(range(min = 1, max = 1000))]
    tail: Option<i64>,
}

/// Arguments of `update_backtest`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct UpdateArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id or latest
    backtest_id: BacktestArg,
    /// New name
    name: Option<String>,
    /// New note
    note: Option<String>,
    /// All tags it shall have
    tags: Option<Vec<String>>,
}

/// Arguments of `delete_backtest`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DeleteArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id or latest
    backtest_id: BacktestArg,
}

#[tool_router(router = backtests_create, vis = "pub(crate)")]
impl QcServer {
    /// Start a backtest of a compiled project; returns its id and a job for wait_for_job at once. The same start within ten minutes is the same run.
    #[tool(title = "Create backtest")]
    async fn create_backtest(&self, Parameters(args): Parameters<CreateArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let compile_id = CompileId(find::valid_id(&args.compile_id)?);
        let parameters = parameters(args.parameters.unwrap_or_default())?;
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let request = CreateBacktest { project_id, compile_id, backtest_name: args.backtest_name, parameters };
        let Started { backtest, before } = start_backtest::start(&ctx, &request).await?;
        if before.is_none() {
            code::note_backtest(&ctx.door, project_id, &request.compile_id, &backtest.backtest_id).await;
        }
        let work = Cloud::Backtest { project_id, backtest_id: backtest.backtest_id.clone() };
        if args.wait_seconds.is_some_and(|seconds| 0.0 < seconds) {
            let patience = if ctx.tasks { TASK_PATIENCE } else { jobs::patience(self.settings(), args.wait_seconds) };
            return super::jobs::waited(&ctx, &work, patience).await;
        }
        let id = &backtest.backtest_id;
        let mut reply = Reply::new(match before {
            Some(ago) => format!(
                "backtest {id} was started {} s ago with the same arguments; nothing new was started",
                ago.as_secs()
            ),
            None => format!("backtest {id} started"),
        })
        .data(json!({"project_id": project_id, "backtest_id": id, "status": state(&backtest), "progress": backtest.share_done()}));
        if before.is_some() {
            reply = reply.field("started_before", true);
        }
        Ok(reply.field("job", ctx.door.handle(&work)?).next("wait_for_job"))
    }
}

#[tool_router(router = backtests_read, vis = "pub(crate)")]
impl QcServer {
    /// Read a backtest: status, progress, statistics as numbers with units, names of charts; a failed run with its error.
    #[tool(title = "Read backtest")]
    async fn read_backtest(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let run = run(&ctx, &args.project_id, &args.backtest_id).await?;
        let backtest = backtest::read(&ctx.door, &run).await?;
        let reply = result(&run, &backtest);
        let Some(name) = args.chart else { return Ok(reply) };
        let request = chart_request(&run, &backtest, name, PAGE, None, None)?;
        let chart = backtest::chart(&ctx.door, &request, &ctx.progress).await?;
        Ok(reply.field("chart", series(&chart)))
    }

    /// List a project's backtests, newest first, with their main figures.
    #[tool(title = "List backtests")]
    async fn list_backtests(&self, Parameters(args): Parameters<ListArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let with_figures = args.include_statistics.unwrap_or(true);
        let mut list =
            ctx.door.send(&ListBacktests { project_id, include_statistics: Some(with_figures) }).await?.backtests;
        list.sort_by_key(|backtest| std::cmp::Reverse(backtest.created));
        let total = list.len();
        let limit = args.limit.and_then(|limit| usize::try_from(limit).ok());
        let rows: Vec<Value> =
            list.iter().take(limit.unwrap_or(LISTED)).map(|summary| row(summary, with_figures)).collect();
        let reply = Reply::new(match total {
            0 => format!("project {project_id} has no backtests yet; `compile_project`, then `create_backtest`"),
            _ => format!("{} of {total} backtests of project {project_id}, newest first", rows.len()),
        })
        .data(json!({"project_id": project_id, "total": total, "backtests": rows}));
        Ok(if limit.is_some() { reply.allow(100_000) } else { reply })
    }

    /// Read one chart of a backtest as series of [time, value], or as a picture. read_backtest lists the names.
    #[tool(title = "Read backtest chart")]
    async fn read_backtest_chart(&self, Parameters(args): Parameters<ChartArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let run = run(&ctx, &args.project_id, &args.backtest_id).await?;
        let backtest = match (&args.start, &args.end) {
            (Some(_), Some(_)) => Backtest::default(),
            _ => backtest::read(&ctx.door, &run).await?,
        };
        let is_picture = args.format == Some(Format::Png);
        let count = args.count.unwrap_or(if is_picture { PICTURE_POINTS } else { PAGE });
        let request = chart_request(&run, &backtest, args.name, count, args.start.as_deref(), args.end.as_deref())?;
        let chart = backtest::chart(&ctx.door, &request, &ctx.progress).await?;
        if is_picture {
            return picture(self, &ctx, &run, &request, &chart).await;
        }
        let n_points: usize = chart.series.iter().map(|(_, series)| series.values.len()).sum();
        let summary = match n_points {
            0 => "the chart has no points in that range; widen start and end, or read another chart (`read_backtest` lists them)".to_owned(),
            _ => format!("{} series, {n_points} points; times are Unix seconds", chart.series.iter().count()),
        };
        let link = run.uri(&format!("charts/{}", crate::resources::encode(&request.name)));
        let reply = Reply::new(summary)
            .data(series(&chart))
            .field("start", request.start)
            .field("end", request.end)
            .link(link, "chart", "application/json");
        Ok(if args.count.is_some() { reply.allow(200_000) } else { reply })
    }

    /// Read orders of a backtest: 100 at a time, or all of them as a CSV.
    #[tool(title = "Read backtest orders")]
    async fn read_backtest_orders(&self, Parameters(args): Parameters<RowsArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        rows::<Orders>(self, &ctx, &args).await
    }

    /// Read insights of a backtest: 100 at a time, or all of them as a CSV.
    #[tool(title = "Read backtest insights")]
    async fn read_backtest_insights(
        &self,
        Parameters(args): Parameters<RowsArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        rows::<Insights>(self, &ctx, &args).await
    }

    /// Read closed trades of a backtest: 100 at a time, or all of them as a CSV.
    #[tool(title = "Read backtest trades")]
    async fn read_backtest_trades(&self, Parameters(args): Parameters<RowsArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        rows::<Trades>(self, &ctx, &args).await
    }

    /// Read log lines of a backtest: the last 50, a range, or those that hold a text.
    #[tool(title = "Read backtest logs")]
    async fn read_backtest_logs(&self, Parameters(args): Parameters<LogArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        if args.tail.is_some() && (args.start.is_some() || args.end.is_some()) {
            return Err(ToolError::argument("give `tail`, or `start` and `end`, not both; nothing was sent"));
        }
        let run = run(&ctx, &args.project_id, &args.backtest_id).await?;
        let query = args.query.unwrap_or_default();
        let (start, end) = match (args.start, args.end, args.tail) {
            (Some(start), end, _) => (start, end.unwrap_or(start.saturating_add(LOG_PAGE))),
            (None, Some(end), _) => ((end - TAIL).max(0), end),
            (None, None, tail) => {
                // The total is only told by an answer: look at one line, then at the last ones.
                let (_, total) = backtest::logs(&ctx.door, &run, &query, 0, 1).await?;
                ((total - tail.unwrap_or(TAIL)).max(0), total.max(1))
            }
        };
        if end <= start || MOST_LOG_LINES < end - start {
            return Err(ToolError::argument(format!(
                "lines {start} to {end}: give a start below the end, at most {MOST_LOG_LINES} apart"
            )));
        }
        let (lines, total) = backtest::logs(&ctx.door, &run, &query, start, end).await?;
        if lines.is_empty() {
            let why = if query.is_empty() {
                "no log lines there: the algorithm logged nothing, or the backtest is not finished"
            } else {
                "no log line holds that text; leave query out"
            };
            return Ok(Reply::new(why)
                .data(json!({"project_id": run.project_id, "backtest_id": run.backtest_id, "total": total}))
                .next("read_backtest"));
        }
        let n = lines.len();
        let reply =
            Reply::new(format!("log lines {start} to {} of {total}", start + i64::try_from(n).unwrap_or_default()))
                .body(Untrusted::new(lines.join("\n")))
                .link(run.uri("logs.txt"), "logs.txt", "text/plain");
        Ok(if args.tail.is_some() || args.end.is_some() { reply.allow(100_000) } else { reply })
    }
}

#[tool_router(router = backtests_update, vis = "pub(crate)")]
impl QcServer {
    /// Change a backtest's name, note or tags; what is not given stays.
    #[tool(title = "Update backtest")]
    async fn update_backtest(&self, Parameters(args): Parameters<UpdateArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        if args.name.is_none() && args.note.is_none() && args.tags.is_none() {
            return Err(ToolError::argument("give `name`, `note` or `tags`; nothing was sent"));
        }
        let Run { project_id, backtest_id } = run(&ctx, &args.project_id, &args.backtest_id).await?;
        let mut changed = Vec::new();
        if args.name.is_some() || args.note.is_some() {
            changed.extend(
                [("name", args.name.is_some()), ("note", args.note.is_some())]
                    .iter()
                    .filter(|(_, is)| *is)
                    .map(|(what, _)| *what),
            );
            let backtest_id = backtest_id.clone();
            ctx.door.send(&UpdateBacktest { project_id, backtest_id, name: args.name, note: args.note }).await?;
        }
        if let Some(tags) = args.tags {
            let request = UpdateBacktestTags { project_id, backtest_id: backtest_id.clone(), tags };
            ctx.door.send(&request).await.map_err(|error| match changed.as_slice() {
                [] => error,
                done => {
                    let message = format!("{} changed, the tags did not: {}", done.join(" and "), error.message);
                    ToolError { message, ..error }
                }
            })?;
            changed.push("tags");
        }
        Ok(Reply::new(format!("backtest {backtest_id}: {} changed", changed.join(", ")))
            .data(json!({"project_id": project_id, "backtest_id": backtest_id, "changed": changed})))
    }
}

#[tool_router(router = backtests_delete, vis = "pub(crate)")]
impl QcServer {
    /// Delete a backtest, or stop one that is running. There is no undo.
    #[tool(title = "Delete backtest")]
    async fn delete_backtest(&self, Parameters(args): Parameters<DeleteArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let Run { project_id, backtest_id } = run(&ctx, &args.project_id, &args.backtest_id).await?;
        let request = DeleteBacktest { project_id, backtest_id: backtest_id.clone() };
        let permit = ctx.permit(Deed::new("delete a backtest", &request).project(project_id)).await?;
        ctx.door.send_with(permit, &request).await?;
        Ok(Reply::new(format!("backtest {backtest_id} is deleted"))
            .data(json!({"project_id": project_id, "backtest_id": backtest_id})))
    }
}

/// The backtest that the arguments name.
async fn run(ctx: &Ctx, project: &ProjectArg, backtest: &BacktestArg) -> Result<Run, ToolError> {
    let project_id = find::project(&ctx.door, project).await?;
    Ok(Run { project_id, backtest_id: find::backtest(&ctx.door, project_id, backtest).await? })
}

/// A page of rows, or all of them as a CSV.
async fn rows<P: Paged>(server: &QcServer, ctx: &Ctx, args: &RowsArgs) -> Result<Reply, ToolError> {
    let run = run(ctx, &args.project_id, &args.backtest_id).await?;
    let name = P::NAME;
    let part = format!("{name}.csv");
    if args.all == Some(true) {
        let Listed { rows, promised } = backtest::all::<P>(&ctx.door, &run, &ctx.progress).await?;
        let csv = backtest::csv::<P>(&rows)?;
        let uri = run.uri(&part);
        let less = promised.map_or_else(String::new, |all| format!(" (the service spoke of {all} and gave no more)"));
        let reply = Reply::new(format!("{} {name}{less}, {} bytes of CSV behind the link", rows.len(), csv.len()))
            .data(json!({"project_id": run.project_id, "backtest_id": run.backtest_id, "count": rows.len()}))
            .link(&uri, part, "text/csv");
        // What still runs makes more rows: its link is made anew soon.
        let is_over =
            backtest::read(&ctx.door, &run).await.is_ok_and(|found| found.failure().is_some() || found.is_finished());
        server.kept().put(&ctx.caller.key, uri, csv, if is_over { crate::kept::LIFE } else { crate::kept::BRIEF });
        return Ok(reply);
    }
    let start = args.start.unwrap_or(0);
    let end = args.end.unwrap_or(start.saturating_add(PAGE));
    if end <= start || PAGE < end.saturating_sub(start) {
        return Err(ToolError::argument(format!(
            "start {start} and end {end}: give a start below the end, at most {PAGE} apart, or all=true"
        )));
    }
    let (rows, total) = backtest::page::<P>(&ctx.door, &run, start, end).await?;
    let values: Vec<Value> = rows.iter().map(P::values).collect();
    let shown = start + i64::try_from(values.len()).unwrap_or_default();
    let summary = match (values.len(), total) {
        (0, _) if start == 0 => {
            format!("the backtest has no {name}: it made none, or it is not finished (`read_backtest` tells)")
        }
        (0, _) => format!("no {name} from {start} on; the list is shorter"),
        // A full page whose length is its own size: the list may be longer.
        (n, Some(total)) if start == 0 && total == shown && i64::try_from(n) == Ok(PAGE) => {
            format!("{name} 0 to {shown}, perhaps more: ask from start={shown} on, or all=true")
        }
        (_, Some(total)) if shown <= total => format!("{name} {start} to {shown} of {total}"),
        _ => format!("{name} {start} to {shown}"),
    };
    let asked = args.start.is_some() || args.end.is_some();
    let reply = Reply::new(summary)
        .data(json!({"project_id": run.project_id, "backtest_id": run.backtest_id}))
        .table(name, P::COLUMNS, values)
        .link(run.uri(&part), part, "text/csv");
    Ok(if asked { reply.allow(40_000) } else { reply })
}

/// Parameters as the service takes them.
pub(super) fn parameters(given: Map<String, Value>) -> Result<qc_api::wire::Map<String>, ToolError> {
    let mut parameters = qc_api::wire::Map::default();
    for (name, value) in given {
        let text = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => {
                let message = format!("parameter `{}` wants a text or a number; nothing was sent", args::quote(&name));
                return Err(ToolError::argument(message));
            }
        };
        parameters.insert(name, text);
    }
    Ok(parameters)
}
