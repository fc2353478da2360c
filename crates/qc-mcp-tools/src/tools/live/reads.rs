//! Reading live algorithms: the deployment, its holdings, orders, trades, insights, charts and logs.

use qc_api::{
    endpoints::live::{ListLive, ReadLiveChart, ReadLivePortfolio},
    ids::DeployId,
    model::{LiveStatus, LiveSummary},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::told;
use crate::{
    Reply, ToolError, Untrusted,
    args::{ProjectArg, quote},
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{
        backtest::{self, Insights, Orders, Trades},
        find,
        live::{self, LiveList},
    },
    reply,
    server::QcServer,
    tools::backtests::{moment, series},
};

/// How old what the service answers about a running algorithm may be, in seconds.
const PARTS_AGE: u32 = 600;
const LOGS_AGE: u32 = 300;
/// Most rows of one page.
const PAGE: i64 = 100;
/// Log lines shown unless the caller asks for others, and at most.
const TAIL: i64 = 50;
const MOST_LOG_LINES: i64 = 1000;

/// Arguments of `read_live_algorithm`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Default the newest
    deploy_id: Option<String>,
}

/// Arguments of `list_live_algorithms`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ListArgs {
    /// Running, Stopped, RuntimeError or Liquidated
    status: Option<String>,
    /// Launched from: date or Unix seconds
    start: Option<String>,
    /// Launched until
    end: Option<String>,
}

/// Arguments of `read_live_portfolio`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PortfolioArgs {
    /// Project id or name
    project_id: ProjectArg,
}

/// Arguments of the lists.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RowsArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// First row, from 0
    #[schemars(range(min = 0))]
    start: Option<i64>,
    /// Row after the last, at most start + 100; default start + 100
    #[schemars(range(min = 1))]
    end: Option<i64>,
    /// All as CSV
    all: Option<bool>,
}

/// Arguments of `read_live_chart`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ChartArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Chart name, e.g. Strategy Equity
    name: String,
    /// Points per series; default 100
    #[schemars(range(min = 1, max = 10000))]
    count: Option<i64>,
    /// From: date or Unix seconds; default the launch
    start: Option<String>,
    /// To; default now
    end: Option<String>,
}

/// Arguments of `read_live_logs`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct LogArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Deployment; default the newest
    algorithm_id: Option<String>,
    /// First line, from 0
    #[schemars(range(min = 0))]
    start_line: Option<i64>,
    /// Line after the last
    #[schemars(range(min = 1))]
    end_line: Option<i64>,
    /// Last n lines; default 50
    #[schemars(range(min = 1, max = 1000))]
    tail: Option<i64>,
    /// Only lines that hold this text
    query: Option<String>,
}

/// A word of the service: plain if nothing could be hidden in it.
fn name(word: Option<&str>) -> Value {
    word.map_or(Value::Null, reply::ticker)
}

#[tool_router(router = live_read, vis = "pub(crate)")]
impl QcServer {
    /// Read a project's live algorithm: status, paper or real money, statistics, names of charts, its error.
    #[tool(title = "Read live algorithm")]
    async fn read_live_algorithm(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let deploy_id = args.deploy_id.as_deref().map(find::valid_id).transpose()?.map(DeployId);
        let (live, money) = live::read(&ctx.door, project_id, deploy_id).await?;
        let status = live::status(live.status.as_ref());
        let charts: Vec<Untrusted> =
            live.charts.iter().take(50).map(|(name, _)| Untrusted::new(name.as_str()).shortened(80)).collect();
        let mut reply =
            told(&ctx, format!("project {project_id}: {status}, {} money", live::word(money))).data(json!({
                "project_id": project_id,
                "deploy_id": live.deploy_id,
                "status": status,
                "money": live::word(money),
                "brokerage": name(live.brokerage.as_deref()),
                "launched": live.launched,
                "stopped": live.stopped,
                "statistics": backtest::figures(&live.runtime_statistics),
                "charts": charts,
            }));
        if let Some(message) = live.message.as_deref().filter(|message| !message.is_empty()) {
            reply = reply.field("message", Untrusted::new(message).shortened(1500));
        }
        Ok(reply.next("read_live_logs, read_live_portfolio"))
    }

    /// List live algorithms, newest first: project, status, paper or real money, equity.
    #[tool(title = "List live algorithms")]
    async fn list_live_algorithms(&self, Parameters(args): Parameters<ListArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        const DAY: i64 = 86_400;
        let at = |name: &str, text: Option<&str>, in_day: i64| -> Result<Option<jiff::Timestamp>, ToolError> {
            let Some(text) = text else { return Ok(None) };
            let seconds = moment(name, text, in_day)?;
            let at = jiff::Timestamp::from_second(seconds);
            at.map(Some).map_err(|_| ToolError::argument(format!("`{name}` is out of range")))
        };
        let status = match args.status.as_deref().map(str::trim) {
            Some(word) => {
                let known = LiveStatus::KNOWN.iter().find(|known| known.as_str().eq_ignore_ascii_case(word));
                Some(known.cloned().ok_or_else(|| {
                    ToolError::argument(format!(
                        "`status` is Running, Stopped, RuntimeError or Liquidated, got `{}`",
                        quote(word)
                    ))
                })?)
            }
            None => None,
        };
        let request = ListLive {
            project_id: None,
            status,
            start: at("start", args.start.as_deref(), 0)?,
            end: at("end", args.end.as_deref(), DAY - 1)?,
        };
        let list = live::list(&ctx.door, &request).await?;
        let n_running = list.iter().filter(|(live, _)| live.status == Some(LiveStatus::Running)).count();
        let rows: Vec<Value> = list.iter().map(|(summary, money)| row(summary, live::word(*money))).collect();
        let summary = match rows.len() {
            0 => "no live algorithms there".to_owned(),
            n => format!("{n} deployments, newest first, {n_running} of them running"),
        };
        Ok(told(&ctx, summary).field("total", rows.len()).field("live", rows))
    }

    /// Read what a live algorithm holds: positions and cash, up to ten minutes old.
    #[tool(title = "Read live portfolio")]
    async fn read_live_portfolio(
        &self,
        Parameters(args): Parameters<PortfolioArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let Some(portfolio) = ctx.door.send(&ReadLivePortfolio { project_id }).await?.portfolio else {
            return Err(ToolError::new(Kind::NotReady, Topic::Live, "the service has no portfolio of it yet"));
        };
        let holdings: Vec<Value> = portfolio
            .holdings
            .iter()
            .map(|(sid, held)| {
                json!([
                    reply::identifier(sid),
                    held.quantity,
                    held.average_price,
                    held.market_price,
                    held.market_value,
                    held.unrealized
                ])
            })
            .collect();
        let cash: Vec<Value> = portfolio
            .cash
            .iter()
            .map(|(currency, cash)| json!([reply::ticker(currency), cash.amount, cash.value_in_account_currency]))
            .collect();
        Ok(told(&ctx, format!("{} holdings, cash in {} currencies, up to 10 minutes old", holdings.len(), cash.len()))
            .data(json!({"project_id": project_id, "snapshot_age_seconds_at_most": PARTS_AGE}))
            .table(
                "holdings",
                &["symbol", "quantity", "average_price", "market_price", "market_value", "unrealized"],
                holdings,
            )
            .table("cash", &["currency", "amount", "in_account_currency"], cash))
    }

    /// Read orders of a live algorithm, 100 at a time, up to ten minutes old.
    #[tool(title = "Read live orders")]
    async fn read_live_orders(&self, Parameters(args): Parameters<RowsArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        rows::<Orders>(self, &ctx, &args).await
    }

    /// Read closed trades of a live algorithm, 100 at a time.
    #[tool(title = "Read live trades")]
    async fn read_live_trades(&self, Parameters(args): Parameters<RowsArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        rows::<Trades>(self, &ctx, &args).await
    }

    /// Read insights of a live algorithm, 100 at a time.
    #[tool(title = "Read live insights")]
    async fn read_live_insights(&self, Parameters(args): Parameters<RowsArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        rows::<Insights>(self, &ctx, &args).await
    }

    /// Read one chart of a live algorithm as series of [time, value]. read_live_algorithm lists the names.
    #[tool(title = "Read live chart")]
    async fn read_live_chart(&self, Parameters(args): Parameters<ChartArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        const DAY: i64 = 86_400;
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let start = match &args.start {
            Some(text) => moment("start", text, 0)?,
            None => live::read(&ctx.door, project_id, None).await?.0.launched.map_or(0, |at| at.as_second()),
        };
        let end = match &args.end {
            Some(text) => moment("end", text, DAY - 1)?,
            None => ctx.door.now().await?.as_second(),
        };
        if end < start {
            return Err(ToolError::argument(format!("start ({start}) lies after end ({end}), in Unix seconds")));
        }
        let request = ReadLiveChart { project_id, name: args.name, count: args.count.unwrap_or(PAGE), start, end };
        let chart = live::chart(&ctx.door, &ctx.progress, &request).await?;
        let n_points: usize = chart.series.iter().map(|(_, series)| series.values.len()).sum();
        let reply =
            told(&ctx, format!("{} series, {n_points} points; times are Unix seconds", chart.series.iter().count()))
                .data(series(&chart))
                .field("snapshot_age_seconds_at_most", PARTS_AGE);
        Ok(if args.count.is_some() { reply.allow(200_000) } else { reply })
    }

    /// Read log lines of a live algorithm: the last 50, a range, or those that hold a text; up to five minutes old.
    #[tool(title = "Read live logs")]
    async fn read_live_logs(&self, Parameters(args): Parameters<LogArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let algorithm_id = match args.algorithm_id.as_deref() {
            Some(id) => DeployId(find::valid_id(id)?),
            None => live::read(&ctx.door, project_id, None).await?.0.deploy_id.ok_or_else(|| {
                ToolError::new(Kind::NotFound, Topic::Live, format!("project {project_id} has no deployment"))
            })?,
        };
        let query = args.query.as_deref();
        let (start, end) = match (args.start_line, args.end_line, args.tail) {
            (Some(start), end, _) => (start, end.unwrap_or(start.saturating_add(live::LOG_PAGE))),
            (None, Some(end), None) => ((end - TAIL).max(0), end),
            (None, _, tail) => {
                // The total is only told by an answer: look at one line, then at the last ones.
                let (_, total) = live::logs(&ctx.door, project_id, &algorithm_id, query, 0, 1).await?;
                ((total - tail.unwrap_or(TAIL)).max(0), total.max(1))
            }
        };
        if end <= start || MOST_LOG_LINES < end - start {
            return Err(ToolError::argument(format!(
                "lines {start} to {end}: give a start below the end, at most {MOST_LOG_LINES} apart"
            )));
        }
        let (lines, total) = live::logs(&ctx.door, project_id, &algorithm_id, query, start, end).await?;
        let facts = json!({"project_id": project_id, "algorithm_id": algorithm_id, "total": total, "snapshot_age_seconds_at_most": LOGS_AGE});
        if lines.is_empty() {
            let why = if query.is_some() { "no log line holds that text" } else { "no log lines there yet" };
            return Ok(told(&ctx, why).data(facts).next("read_live_algorithm"));
        }
        let last = start + i64::try_from(lines.len()).unwrap_or_default();
        let reply = told(&ctx, format!("log lines {start} to {last} of {total}"))
            .data(facts)
            .body(Untrusted::new(lines.join("\n")));
        Ok(if args.tail.is_some() || args.end_line.is_some() { reply.allow(100_000) } else { reply })
    }
}

/// A deployment in a list.
fn row(live: &LiveSummary, money: &str) -> Value {
    let mut row = json!({
        "project_id": live.project_id,
        "deploy_id": live.deploy_id,
        "status": live::status(live.status.as_ref()),
        "money": money,
        "brokerage": name(live.brokerage.as_deref()),
        "launched": live.launched,
        "stopped": live.stopped,
        "equity": live.equity,
    });
    if let (Some(error), Some(row)) = (live.error.as_deref().filter(|error| !error.is_empty()), row.as_object_mut()) {
        row.insert("error".into(), json!(Untrusted::new(error).shortened(200)));
    }
    row
}

/// The rows asked for.
fn range(args: &RowsArgs) -> Result<(i64, i64), ToolError> {
    let start = args.start.unwrap_or(0);
    let end = args.end.unwrap_or(start.saturating_add(PAGE));
    if end <= start || PAGE < end.saturating_sub(start) {
        return Err(ToolError::argument(format!(
            "start {start} and end {end}: give a start below the end, at most {PAGE} apart, or all=true"
        )));
    }
    Ok((start, end))
}

/// A page of rows in the form of a backtest's, or all of them as a CSV.
async fn rows<L: LiveList>(server: &QcServer, ctx: &Ctx, args: &RowsArgs) -> Result<Reply, ToolError> {
    let (start, end) = range(args)?;
    let project_id = find::project(&ctx.door, &args.project_id).await?;
    let name = L::NAME;
    if args.all == Some(true) {
        if args.start.is_some() || args.end.is_some() {
            return Err(ToolError::argument("`all` reads every row; leave start and end out"));
        }
        let rows = live::all::<L>(&ctx.door, &ctx.progress, project_id).await?;
        let csv = backtest::csv::<L>(&rows)?;
        let uri = format!("qc://live/{project_id}/{name}.csv");
        let reply = told(ctx, format!("{} {name}, {} bytes of CSV behind the link", rows.len(), csv.len()))
            .data(json!({"project_id": project_id, "count": rows.len(), "snapshot_age_seconds_at_most": PARTS_AGE}))
            .link(&uri, format!("{name}.csv"), "text/csv");
        server.kept().put(&ctx.caller.key, uri, csv, crate::kept::BRIEF);
        return Ok(reply);
    }
    let (rows, total) = L::fetch(&ctx.door, &ctx.progress, project_id, start, end).await?;
    let values: Vec<Value> = rows.iter().map(L::values).collect();
    let shown = start + i64::try_from(values.len()).unwrap_or_default();
    let summary = match (values.len(), total) {
        (0, _) => format!("no {name} from {start} on"),
        (_, Some(total)) if shown < total => format!("{name} {start} to {shown} of {total}"),
        // The service may mean the rows of this page by its total.
        _ if shown == end => format!("{name} {start} to {shown}, there may be more"),
        _ => format!("{name} {start} to {shown}, the last"),
    };
    Ok(told(ctx, summary).field("project_id", project_id).field("snapshot_age_seconds_at_most", PARTS_AGE).table(
        name,
        L::COLUMNS,
        values,
    ))
}
