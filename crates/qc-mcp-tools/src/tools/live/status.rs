//! How what runs live does, in one answer.

use qc_api::{
    ids::ProjectId,
    model::{LiveSummary, OrderDirection},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{page, told};
use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    flows::{
        backtest,
        live::{
            self,
            hours::Calendar,
            status::{self, Ask, Flag, Status},
        },
    },
    quantbook::Source,
    reply,
    server::QcServer,
    study, watch,
};

/// How old what the service answers may be, in seconds, as its documentation says.
const PARTS_AGE: u32 = 600;
const LOGS_AGE: u32 = 300;
/// Holdings and open orders shown of one deployment.
const ROWS: usize = 20;
/// Log lines and open hours without a trade unless the caller says otherwise; most lines.
const LINES: i64 = 10;
const MOST_LINES: i64 = 100;
const NO_TRADE_HOURS: f64 = 24.0;
/// The answer may be longer than others when much runs.
const LONGEST: usize = 60_000;

/// Arguments of `live_status`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct StatusArgs {
    /// Project id or name; default everything that runs
    project_id: Option<ProjectArg>,
    /// Last log lines of each; default 10
    #[schemars(range(min = 0, max = 100))]
    log_lines: Option<i64>,
    /// Flag those without a trade for so many open market hours; default 24
    #[schemars(range(min = 0))]
    no_trade_hours: Option<f64>,
}

#[tool_router(router = live_status_read, vis = "pub(crate)")]
impl QcServer {
    /// How a project's deployment, or everything that runs, does: state, equity, profit today, holdings, open orders, last log lines, and flags for what needs a look.
    #[tool(title = "Live status")]
    async fn live_status(&self, Parameters(args): Parameters<StatusArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let log_lines = args.log_lines.unwrap_or(LINES);
        let no_trade_hours = args.no_trade_hours.unwrap_or(NO_TRADE_HOURS);
        if !((0..=MOST_LINES).contains(&log_lines) && no_trade_hours.is_finite() && 0.0 <= no_trade_hours) {
            return Err(ToolError::argument(format!(
                "log_lines is 0 to {MOST_LINES} and no_trade_hours at least 0; nothing was sent"
            )));
        }
        let project_id = status::project(&ctx.door, args.project_id.as_ref()).await?;
        let mut found =
            status::review(&ctx, project_id, &Ask { log_lines, no_trade_hours, calendar: calendar(self, &ctx).await })
                .await?;
        guards(&ctx, &mut found.looked_at).await;
        let n_flagged = found.looked_at.iter().filter(|seen| !seen.flags.is_empty()).count() + found.unread.len();
        let summary = match (found.looked_at.as_slice(), found.unread.len()) {
            ([], 0) => "nothing runs live".to_owned(),
            ([one], 0) if project_id.is_some() => {
                format!("project {}: {}", one.project_id, live::status(one.live.status.as_ref()))
            }
            (many, unread) => format!("{} running, {n_flagged} of them need a look", many.len() + unread),
        };
        let mut answer = told(&ctx, summary).field("live", found.looked_at.iter().map(row).collect::<Vec<_>>());
        if !found.unread.is_empty() {
            let unread: Vec<Value> = found
                .unread
                .iter()
                .map(|(id, error)| json!({"project_id": id, "error": Untrusted::new(error.text()).shortened(200), "page": page(*id)}))
                .collect();
            answer = answer.field("unread", unread);
        }
        if !found.ended.is_empty() {
            answer = answer.field("ended_within_a_day", found.ended.iter().map(ended).collect::<Vec<_>>());
        }
        if 0 < found.left_out {
            answer =
                answer.field("left_out", format!("{} older deployments; name a project to see it", found.left_out));
        }
        if found.looked_at.iter().any(|seen| seen.idle_hours.is_some()) {
            let mut counted: Vec<&str> = found.looked_at.iter().filter_map(|seen| seen.counted).collect();
            counted.sort_unstable();
            counted.dedup();
            answer = answer.field("assumed", counted);
        }
        answer = answer
            .field("snapshot_age_seconds_at_most", json!({"holdings, orders, equity": PARTS_AGE, "log": LOGS_AGE}))
            .allow(LONGEST);
        for seen in &found.looked_at {
            if log_lines < seen.n_log_lines {
                let uri = format!("qc://live/{}/logs.txt", seen.project_id);
                answer = answer.link(uri, format!("log of {}", seen.project_id), "text/plain");
            }
        }
        Ok(if n_flagged == 0 {
            answer
        } else {
            answer.next("read_live_logs, or stop_live_algorithm if the user wants it")
        })
    }
}

/// The calendar of the data folder, where the server has one.
async fn calendar(server: &QcServer, ctx: &Ctx) -> Calendar {
    let source = study::open_source(server, ctx, &Source::Auto).await;
    Calendar::of(source.ok().map(|source| source.folder))
}

/// Adds what watches each deployment; a watcher that should be looked at is a flag.
async fn guards(ctx: &Ctx, seen: &mut [Status]) {
    let Ok(watches) = watch::all(&ctx.door).await else { return };
    for one in seen {
        let watch = watches.iter().find(|watch| watch.project_id == one.project_id);
        let Some(watch) = watch.filter(|watch| Some(&watch.deploy_id) == one.live.deploy_id.as_ref()) else { continue };
        if watch.needs_a_look() {
            one.flags.push(Flag::Guard);
        }
        one.guard = Some(watch.told());
    }
}

/// One deployment.
fn row(seen: &Status) -> Value {
    let live = &seen.live;
    let number = |value: Option<f64>| value.filter(|value| value.is_finite());
    let mut row = json!({
        "project_id": seen.project_id,
        "project": live.project_name.as_deref().map(|name| Untrusted::new(name).shortened(80)),
        "deploy_id": live.deploy_id,
        "status": live::status(live.status.as_ref()),
        "flags": seen.flags.iter().map(|flag| Flag::word(*flag)).collect::<Vec<_>>(),
        "money": if seen.is_real { "real" } else { "paper" },
        "brokerage": live.brokerage.as_deref().map(reply::ticker),
        "launched": live.launched,
        "stopped": live.stopped,
        "up_hours": seen.up.map(|up| (up.as_secs_f64() / 36.0).round() / 100.0),
        "equity": number(seen.equity),
        "last_trade": seen.last_trade,
        "open_hours_without_trade": seen.idle_hours.map(|hours| (hours * 100.0).round() / 100.0),
        "statistics": backtest::figures(&live.runtime_statistics),
    });
    let Some(fields) = row.as_object_mut() else { return row };
    if let Some(today) = seen.today {
        let share = if today.from == 0.0 { None } else { number(Some(100.0 * today.profit / today.from)) };
        fields.insert(
            "today".into(),
            json!({"profit": number(Some(today.profit)), "percent": share, "since": today.since}),
        );
    }
    if let Some(guard) = &seen.guard {
        fields.insert("guard".into(), guard.clone());
    }
    if let Some(portfolio) = &seen.portfolio {
        let rows: Vec<Value> = portfolio
            .holdings
            .iter()
            .take(ROWS)
            .map(|(sid, held)| json!([reply::identifier(sid), held.quantity, held.market_value, held.unrealized]))
            .collect();
        fields.insert("n_holdings".into(), json!(portfolio.holdings.iter().count()));
        fields
            .insert("holdings".into(), json!({"columns": ["symbol", "quantity", "value", "unrealized"], "rows": rows}));
        let cash: Vec<Value> =
            portfolio.cash.iter().map(|(currency, cash)| json!([reply::ticker(currency), cash.amount])).collect();
        fields.insert("cash".into(), json!(cash));
    }
    if !seen.missing.contains(&"orders") {
        let orders: Vec<Value> = seen
            .open_orders
            .iter()
            .take(ROWS)
            .map(|order| {
                let side = match order.direction {
                    Some(OrderDirection::Buy) => "buy",
                    Some(OrderDirection::Sell) => "sell",
                    _ => "other",
                };
                json!([order.id, reply::ticker(&order.symbol.value), side, order.quantity, order.placed()])
            })
            .collect();
        fields.insert("n_open_orders".into(), json!(seen.open_orders.len()));
        if !orders.is_empty() {
            let columns = ["id", "symbol", "side", "quantity", "placed"];
            fields.insert("open_orders".into(), json!({"columns": columns, "rows": orders}));
        }
    }
    if let Some(message) = live.message.as_deref().filter(|message| !message.is_empty()) {
        fields.insert("message".into(), json!(Untrusted::new(message).shortened(500)));
    }
    if !seen.log.is_empty() {
        let lines: Vec<Untrusted> = seen.log.iter().map(|line| Untrusted::new(line.as_str()).shortened(300)).collect();
        fields.insert("log".into(), json!(lines));
    }
    if !seen.missing.is_empty() {
        fields.insert("could_not_be_read".into(), json!(seen.missing));
    }
    if !seen.flags.is_empty() {
        fields.insert("page".into(), json!(page(seen.project_id)));
    }
    row
}

/// A deployment that ended lately.
fn ended(live: &LiveSummary) -> Value {
    let project_id: ProjectId = live.project_id;
    let mut row = json!({
        "project_id": project_id,
        "deploy_id": live.deploy_id,
        "status": live::status(live.status.as_ref()),
        "stopped": live.stopped,
    });
    if let (Some(error), Some(row)) = (live.error.as_deref().filter(|error| !error.is_empty()), row.as_object_mut()) {
        row.insert("error".into(), json!(Untrusted::new(error).shortened(200)));
    }
    row
}
