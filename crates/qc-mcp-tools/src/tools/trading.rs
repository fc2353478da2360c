//! The tool that says where a backtest's money came from.

use qc_quant::trades::{Group, Holding, Side, Trade, TradeAnalysis};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError,
    args::{BacktestArg, ProjectArg},
    ctx::Ctx,
    flows::{backtest::Run, find, trades},
    reply,
    server::QcServer,
};

/// Securities shown unless the caller says how many.
const TOP: i64 = 10;
/// Months shown.
const MONTHS: usize = 36;

/// Arguments of `analyze_trades`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct TradesArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id; default latest
    backtest_id: Option<BacktestArg>,
    /// Securities shown; default 10
    #[schemars(range(min = 1, max = 200))]
    top: Option<i64>,
}

#[tool_router(router = trading_read, vis = "pub(crate)")]
impl QcServer {
    /// Where did a backtest's money come from? Profit after fees by security, month, side and holding time, MAE and MFE, and whether it adds up to the equity.
    #[tool(title = "Analyze trades")]
    async fn analyze_trades(&self, Parameters(args): Parameters<TradesArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let wanted = args.backtest_id.unwrap_or_else(|| BacktestArg("latest".to_owned()));
        let backtest_id = find::backtest(&ctx.door, project_id, &wanted).await?;
        let run = Run { project_id, backtest_id };
        let found = trades::analyze(&ctx, &run).await?;
        let top = usize::try_from(args.top.unwrap_or(TOP)).unwrap_or_default();
        let id = crate::gate::shown_id(run.backtest_id.as_str()).to_owned();
        let mut cautions = found.cautions;
        let mut reply = match &found.analysis {
            None => Reply::new(format!("backtest {id} closed no trade; what it bought is still held")),
            Some(analysis) => {
                cautions.extend(worries(analysis));
                shown(Reply::new(summary(&id, analysis)), analysis, &found.trades, top)
            }
        };
        if let (Some(rest), Some(change)) = (found.reconciled.unexplained, found.reconciled.change)
            && 0.01 * change.abs().max(1.0) < rest.abs()
        {
            cautions.push(format!(
                "{rest:.2} of the change of {change:.2} is in no trade: dividends, interest, money added or open positions"
            ));
        }
        reply = reply
            .field("project_id", project_id)
            .field("backtest_id", &run.backtest_id)
            .field("currency", "the account's")
            .field("round_trips_from", found.source)
            .field("reconciliation", &found.reconciled)
            .field("cautions", cautions)
            .field("start", found.backtest.backtest_start)
            .field("end", found.backtest.backtest_end)
            .link(run.uri("trades.csv"), "trades.csv", "text/csv")
            .link(run.uri("orders.csv"), "orders.csv", "text/csv")
            .next("backtest_report");
        Ok(if args.top.is_some() { reply.allow(60_000) } else { reply })
    }
}

fn summary(id: &str, analysis: &TradeAnalysis) -> String {
    let all = &analysis.all;
    let rate = all.hit_rate().map_or_else(String::new, |rate| format!(", {:.0} % won", 100.0 * rate));
    let factor = all.profit_factor().map_or_else(String::new, |factor| format!(", profit factor {factor:.2}"));
    format!(
        "backtest {id}: {} closed trades made {:.2} after {:.2} of fees{rate}{factor}",
        all.n_trades, all.net, all.fees
    )
}

/// What makes figures of trades look better, or surer, than they are.
fn worries(analysis: &TradeAnalysis) -> Vec<String> {
    let mut worries = Vec::new();
    if analysis.all.n_trades < 30 {
        worries.push(format!("{} trades are few: shares and means of so few say little", analysis.all.n_trades));
    } else if analysis.t_statistic.is_some_and(|t| t.abs() < 2.0) && 0.0 < analysis.all.net {
        worries.push("the mean profit of a trade is within two standard errors of zero: it may be luck".to_owned());
    }
    if let Some(share) = analysis.share_of_best_five.filter(|share| 0.5 < *share && 30 <= analysis.all.n_trades) {
        worries.push(format!("the five best trades made {:.0} % of the net profit", 100.0 * share));
    }
    worries
}

fn shown(reply: Reply, analysis: &TradeAnalysis, trades: &[Trade], top: usize) -> Reply {
    let columns = ["trades", "net", "hit_rate", "profit_factor", "fees", "mean_days"];
    let named = |first: &'static str| -> Vec<&str> { std::iter::once(first).chain(columns).collect() };
    let symbols =
        analysis.by_symbol.iter().take(top).map(|(symbol, group)| row(reply::ticker(symbol), group)).collect();
    let skipped = analysis.by_month.len().saturating_sub(MONTHS);
    let months = analysis.by_month.iter().skip(skipped);
    let months = months.map(|((year, month), group)| row(json!(format!("{year}-{month:02}")), group)).collect();
    let sides = analysis.by_side.iter().map(|(side, group)| row(json!(side_name(*side)), group)).collect();
    let holdings = analysis.by_holding.iter().map(|(held, group)| row(json!(holding_name(*held)), group)).collect();
    let all = &analysis.all;
    let mut reply = reply
        .field(
            "all",
            json!({
                "trades": all.n_trades, "wins": all.n_wins, "losses": all.n_losses, "hit_rate": all.hit_rate(),
                "net": cents(all.net), "gains": cents(all.gains), "gross_losses": cents(all.losses), "fees": cents(all.fees),
                "profit_factor": all.profit_factor().map(short), "mean": all.mean().map(cents),
                "mean_win": all.mean_win().map(cents), "mean_loss": all.mean_loss().map(cents),
                "payoff": all.payoff().map(short), "best": cents(all.best), "worst": cents(all.worst),
                "t_statistic": analysis.t_statistic.map(short), "share_of_best_five": analysis.share_of_best_five.map(short),
                "longest_winning_run": analysis.longest_winning_run, "longest_losing_run": analysis.longest_losing_run,
                "mean_days": all.mean_seconds().map(days), "median_days": days(analysis.median_seconds),
            }),
        )
        .table("by_symbol", &named("symbol"), symbols)
        .table("by_month", &named("month"), months)
        .table("by_side", &named("side"), sides)
        .table("by_holding_time", &named("held"), holdings);
    if top < analysis.by_symbol.len() {
        reply = reply.field("more_symbols", analysis.by_symbol.len() - top);
    }
    if 0 < skipped {
        reply = reply.field("earlier_months", skipped);
    }
    if let Some(way) = &analysis.excursions {
        reply = reply.field(
            "excursions",
            json!({
                "trades": way.n_trades, "mean_adverse": cents(way.mean_adverse), "mean_favourable": cents(way.mean_favourable),
                "worst_adverse": cents(way.worst_adverse), "adverse_of_winners_p10": way.adverse_of_winners.map(cents),
                "share_kept_by_winners": way.kept.map(short),
            }),
        );
    }
    let mut order: Vec<&Trade> = trades.iter().collect();
    order.sort_by(|a, b| b.net().total_cmp(&a.net()));
    let one = |trade: &&Trade| {
        json!([
            reply::ticker(&trade.symbol),
            side_name(trade.side),
            moment(trade.entry),
            moment(trade.exit),
            cents(trade.net())
        ])
    };
    let of = ["symbol", "side", "entry", "exit", "net"];
    let best: Vec<Value> = order.iter().filter(|trade| 0.0 < trade.net()).take(3).map(one).collect();
    let worst: Vec<Value> = order.iter().rev().filter(|trade| trade.net() < 0.0).take(3).map(one).collect();
    reply.table("best_trades", &of, best).table("worst_trades", &of, worst)
}

fn row(name: Value, group: &Group) -> Value {
    json!([
        name,
        group.n_trades,
        cents(group.net),
        group.hit_rate().map(short),
        group.profit_factor().map(short),
        cents(group.fees),
        group.mean_seconds().map(days)
    ])
}

fn cents(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn short(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn days(seconds: f64) -> f64 {
    (seconds / 864.0).round() / 100.0
}

/// A moment of New York's clock.
fn moment(seconds: i64) -> Option<String> {
    let at = jiff::Timestamp::from_second(seconds).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    Some(at.strftime("%Y-%m-%d %H:%M").to_string())
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Long => "long",
        Side::Short => "short",
    }
}

fn holding_name(held: Holding) -> &'static str {
    match held {
        Holding::Minutes => "below an hour",
        Holding::Hours => "below a day",
        Holding::Days => "below a week",
        Holding::Weeks => "below 30 days",
        Holding::Months => "30 days and more",
    }
}
