//! Reading a backtest's parts: statistics as figures, whole lists page by page, charts that load, logs.

use std::time::Duration;

use qc_api::{
    Endpoint,
    endpoints::backtests::{
        ReadBacktest, ReadBacktestChart, ReadBacktestInsights, ReadBacktestLogs, ReadBacktestOrders,
        ReadBacktestReport, ReadBacktestTrades,
    },
    ids::{BacktestId, ProjectId},
    model::{
        Backtest, Chart, ClosedTrade, Insight, InsightDirection, InsightKind, Order, OrderDirection, OrderStatus,
        OrderType, Statistics, TradeDirection,
    },
    wire::display::Unit,
};
use qc_report::csv::{Cell, Table};
use serde_json::{Map, Value, json};

use crate::{
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    gate::Door,
    reply::{Untrusted, is_untrusted},
};

/// Most rows the service gives at once, of orders, insights and trades.
pub(crate) const PAGE: i64 = 100;
/// Most log lines the service gives at once.
pub(crate) const LOG_PAGE: i64 = 200;
/// Most rows that are walked in one go.
const MOST_ROWS: usize = 50_000;
/// How long a chart is waited for.
const CHART_WAIT: Duration = Duration::from_secs(30);
/// Pause between two looks at a chart that loads.
const CHART_PAUSE: Duration = Duration::from_secs(5);
/// How long a report is waited for.
const REPORT_WAIT: Duration = Duration::from_secs(60);
/// Pause between two looks at a report that is being made.
const REPORT_PAUSE: Duration = Duration::from_secs(10);

/// A backtest of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) project_id: ProjectId,
    pub(crate) backtest_id: BacktestId,
}

impl Run {
    /// The address of one of its parts.
    pub(crate) fn uri(&self, part: &str) -> String {
        format!("qc://backtests/{}/{}/{part}", self.project_id, self.backtest_id)
    }
}

/// The backtest itself.
pub(crate) async fn read(door: &Door, run: &Run) -> Result<Backtest, ToolError> {
    let request = ReadBacktest { project_id: run.project_id, backtest_id: run.backtest_id.clone() };
    Ok(door.send(&request).await?.backtest)
}

/// The titles LEAN gives its statistics; other titles were made by somebody's code.
const TITLES: &[&str] = &[
    "Total Orders",
    "Total Trades",
    "Average Win",
    "Average Loss",
    "Compounding Annual Return",
    "Drawdown",
    "Expectancy",
    "Start Equity",
    "End Equity",
    "Net Profit",
    "Sharpe Ratio",
    "Sortino Ratio",
    "Probabilistic Sharpe Ratio",
    "Loss Rate",
    "Win Rate",
    "Profit-Loss Ratio",
    "Alpha",
    "Beta",
    "Annual Standard Deviation",
    "Annual Variance",
    "Information Ratio",
    "Tracking Error",
    "Treynor Ratio",
    "Total Fees",
    "Estimated Strategy Capacity",
    "Lowest Capacity Asset",
    "Portfolio Turnover",
    "Drawdown Recovery",
    "Equity",
    "Fees",
    "Holdings",
    "Return",
    "Unrealized",
    "Volume",
];

/// Statistics as figures with units, by LEAN's titles in snake_case; anything else as foreign text.
pub(crate) fn figures(statistics: &Statistics) -> Value {
    let mut known = Map::new();
    let mut other = Vec::new();
    for (title, text) in statistics.iter() {
        let name = TITLES.contains(&title).then(|| title.to_ascii_lowercase().replace([' ', '-'], "_"));
        match (name, statistics.figure(title)) {
            (Some(name), Some(figure)) => {
                let figure = match figure.unit {
                    Unit::Plain => json!({"value": figure.value}),
                    Unit::Percent => json!({"value": figure.value, "unit": "%"}),
                    Unit::Currency(symbol) => {
                        json!({"value": figure.value, "unit": Untrusted::new(symbol).shortened(5).as_str()})
                    }
                };
                known.insert(name, figure);
            }
            _ => other.push(json!([Untrusted::new(title).shortened(60), Untrusted::new(text).shortened(120)])),
        }
    }
    if !other.is_empty() {
        known.insert("other".into(), Value::Array(other));
    }
    Value::Object(known)
}

/// A list the service gives in pages.
pub(crate) trait Paged {
    /// One row.
    type Row: Send;
    /// The request of one page.
    type Request: Endpoint;
    /// The name in links and messages.
    const NAME: &'static str;
    /// The page from `start` up to `end`.
    fn page(run: &Run, start: i64, end: i64) -> Self::Request;
    /// Its rows, and how many there are in all as far as the service says.
    fn rows(reply: <Self::Request as Endpoint>::Reply) -> (Vec<Self::Row>, Option<i64>);
    /// The columns of its CSV.
    const COLUMNS: &'static [&'static str];
    /// Those of them that hold somebody else's text.
    const FOREIGN: &'static [&'static str];
    /// One row for a table in an answer.
    fn values(row: &Self::Row) -> Value;
}

/// One page.
pub(crate) async fn page<P: Paged>(
    door: &Door,
    run: &Run,
    start: i64,
    end: i64,
) -> Result<(Vec<P::Row>, Option<i64>), ToolError> {
    Ok(P::rows(door.send(&P::page(run, start, end)).await?))
}

/// Every row, page by page.
pub(crate) async fn all<P: Paged>(door: &Door, run: &Run, progress: &Progress) -> Result<Vec<P::Row>, ToolError> {
    let mut rows: Vec<P::Row> = Vec::new();
    loop {
        let start = i64::try_from(rows.len()).unwrap_or(i64::MAX - PAGE);
        let (more, total) = page::<P>(door, run, start, start + PAGE).await?;
        let n = i64::try_from(more.len()).unwrap_or(PAGE);
        rows.extend(more);
        if MOST_ROWS < rows.len() {
            return Err(ToolError::new(
                Kind::TooLarge,
                Topic::General,
                format!("the backtest has more than {MOST_ROWS} {}", P::NAME),
            ));
        }
        #[allow(clippy::cast_precision_loss)] // below MOST_ROWS
        progress.report(rows.len() as f64, total.map(|total| total as f64), format!("{} {} read", rows.len(), P::NAME));
        // `length` is the total in some answers and the page's own count in others.
        if n < PAGE || total.is_some_and(|total| n < total && total <= start + n) {
            return Ok(rows);
        }
    }
}

/// Rows as a CSV file; columns of free text are named `untrusted_*`.
pub(crate) fn csv<P: Paged>(rows: &[P::Row]) -> Result<String, ToolError> {
    let names = P::COLUMNS.iter().map(|name| match P::FOREIGN.contains(name) {
        true => format!("untrusted_{name}"),
        false => (*name).to_owned(),
    });
    let names: Vec<String> = names.collect();
    let mut table = Table::new(names.iter().map(String::as_str));
    for row in rows {
        let values = P::values(row);
        let cells: Vec<Value> = values.as_array().cloned().unwrap_or_default();
        let texts: Vec<String> = cells.iter().map(crate::reply::plain_text).collect();
        let row = cells.iter().zip(&texts).zip(P::COLUMNS).map(|((value, text), column)| match value {
            Value::Null => Cell::Missing,
            // A word we do not know, in a column of known words.
            Value::String(_) if is_untrusted(value) && !P::FOREIGN.contains(column) => Cell::Text("other"),
            Value::Bool(flag) => Cell::Flag(*flag),
            Value::Number(n) => {
                n.as_i64().map_or_else(|| n.as_f64().map_or(Cell::Missing, Cell::Number), Cell::Integer)
            }
            _ => Cell::Foreign(text),
        });
        table.row(row).map_err(|error| ToolError::new(Kind::Internal, Topic::General, error.to_string()))?;
    }
    Ok(table.into_string())
}

fn time(at: Option<jiff::Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::String(at.to_string()))
}

fn foreign(text: Option<&str>) -> Value {
    text.filter(|text| !text.is_empty()).map_or(Value::Null, |text| json!(Untrusted::new(text).shortened(120)))
}

/// A word of the service: plain if we know it.
fn word<T: PartialEq + ToString>(word: Option<&T>, known: &[T]) -> Value {
    match word {
        None => Value::Null,
        Some(word) if known.contains(word) => json!(word.to_string()),
        Some(word) => json!(Untrusted::new(word.to_string()).shortened(40)),
    }
}

/// The orders of a backtest.
pub(crate) struct Orders;

impl Paged for Orders {
    type Row = Order;
    type Request = ReadBacktestOrders;
    const NAME: &'static str = "orders";
    const COLUMNS: &'static [&'static str] =
        &["id", "time", "symbol", "direction", "type", "quantity", "price", "value", "fee", "status", "tag"];
    const FOREIGN: &'static [&'static str] = &["symbol", "tag"];

    fn page(run: &Run, start: i64, end: i64) -> ReadBacktestOrders {
        ReadBacktestOrders { project_id: run.project_id, backtest_id: run.backtest_id.clone(), start, end }
    }

    fn rows(reply: qc_api::endpoints::backtests::OrdersReply) -> (Vec<Order>, Option<i64>) {
        (reply.orders, reply.length)
    }

    fn values(order: &Order) -> Value {
        let fees: Vec<f64> = order.events.iter().filter_map(|event| event.order_fee_amount).collect();
        let fee = if fees.is_empty() { Value::Null } else { json!(fees.iter().sum::<f64>()) };
        json!([
            order.id,
            time(order.placed()),
            foreign(Some(order.symbol.name())),
            word(order.direction.as_ref(), OrderDirection::KNOWN),
            word(order.kind.as_ref(), OrderType::KNOWN),
            order.quantity,
            order.price,
            order.value,
            fee,
            word(order.status.as_ref(), OrderStatus::KNOWN),
            foreign(order.tag.as_deref()),
        ])
    }
}

/// The closed trades of a backtest.
pub(crate) struct Trades;

impl Paged for Trades {
    type Row = ClosedTrade;
    type Request = ReadBacktestTrades;
    const NAME: &'static str = "trades";
    const COLUMNS: &'static [&'static str] = &[
        "symbol",
        "direction",
        "quantity",
        "entry_time",
        "entry_price",
        "exit_time",
        "exit_price",
        "profit_loss",
        "fees",
        "mae",
        "mfe",
        "seconds",
        "is_win",
    ];
    const FOREIGN: &'static [&'static str] = &["symbol"];

    fn page(run: &Run, start: i64, end: i64) -> ReadBacktestTrades {
        ReadBacktestTrades { project_id: run.project_id, backtest_id: run.backtest_id.clone(), start, end }
    }

    fn rows(reply: qc_api::endpoints::backtests::TradesReply) -> (Vec<ClosedTrade>, Option<i64>) {
        (reply.trades, reply.length)
    }

    fn values(trade: &ClosedTrade) -> Value {
        let symbols: Vec<&str> = trade.securities().map(|symbol| symbol.name()).collect();
        json!([
            foreign(Some(&symbols.join(" "))),
            word(trade.direction.as_ref(), TradeDirection::KNOWN),
            trade.quantity,
            time(trade.entry_time),
            trade.entry_price,
            time(trade.exit_time),
            trade.exit_price,
            trade.profit_loss,
            trade.total_fees,
            trade.mae,
            trade.mfe,
            trade.duration.map(|duration| duration.as_secs()),
            trade.is_win,
        ])
    }
}

/// The insights of a backtest.
pub(crate) struct Insights;

impl Paged for Insights {
    type Row = Insight;
    type Request = ReadBacktestInsights;
    const NAME: &'static str = "insights";
    const COLUMNS: &'static [&'static str] = &[
        "generated",
        "close",
        "symbol",
        "type",
        "direction",
        "period_seconds",
        "magnitude",
        "confidence",
        "weight",
        "source",
        "tag",
    ];
    const FOREIGN: &'static [&'static str] = &["symbol", "source", "tag"];

    fn page(run: &Run, start: i64, end: i64) -> ReadBacktestInsights {
        ReadBacktestInsights { project_id: run.project_id, backtest_id: run.backtest_id.clone(), start, end }
    }

    fn rows(reply: qc_api::endpoints::backtests::InsightsReply) -> (Vec<Insight>, Option<i64>) {
        (reply.insights, reply.length)
    }

    fn values(insight: &Insight) -> Value {
        json!([
            time(insight.generated_time),
            time(insight.close_time),
            foreign(insight.ticker.as_deref().or(insight.symbol.as_deref())),
            word(insight.kind.as_ref(), InsightKind::KNOWN),
            word(insight.direction.as_ref(), InsightDirection::KNOWN),
            insight.period,
            insight.magnitude,
            insight.confidence,
            insight.weight,
            foreign(insight.source_model.as_deref()),
            foreign(insight.tag.as_deref()),
        ])
    }
}

/// A chart, waited for while the service loads it.
pub(crate) async fn chart(door: &Door, request: &ReadBacktestChart, progress: &Progress) -> Result<Chart, ToolError> {
    let mut waited = Duration::ZERO;
    loop {
        let reply = door.send(request).await?;
        if let Some(chart) = reply.chart {
            return Ok(chart);
        }
        let share = reply.progress.unwrap_or(0.0);
        if CHART_WAIT <= waited {
            return Err(ToolError::new(
                Kind::NotReady,
                Topic::Chart,
                format!("the chart is still loading after {} s ({:.0} %)", waited.as_secs(), 100.0 * share),
            ));
        }
        progress.report(
            waited.as_secs_f64(),
            Some(CHART_WAIT.as_secs_f64()),
            format!("the chart loads, {:.0} %", 100.0 * share),
        );
        door.sleep(CHART_PAUSE).await?;
        waited += CHART_PAUSE;
    }
}

/// QuantConnect's own report, waited for while it is being made.
pub(crate) async fn report(door: &Door, run: &Run, progress: &Progress) -> Result<String, ToolError> {
    let request = ReadBacktestReport { project_id: run.project_id, backtest_id: run.backtest_id.clone() };
    let mut waited = Duration::ZERO;
    loop {
        let reply = door.send(&request).await?;
        if let Some(report) = reply.report.filter(|report| !report.is_empty()) {
            return Ok(report);
        }
        if REPORT_WAIT <= waited {
            let message = format!("the report is still being made after {} s", waited.as_secs());
            return Err(ToolError::new(Kind::NotReady, Topic::Report, message));
        }
        progress.report(waited.as_secs_f64(), Some(REPORT_WAIT.as_secs_f64()), "the report is being made");
        door.sleep(REPORT_PAUSE).await?;
        waited += REPORT_PAUSE;
    }
}

/// A report as it is saved: with our word about whose it is at its beginning.
pub(crate) fn labelled(run: &Run, report: &str) -> String {
    format!(
        "<!-- QuantConnect's own report of backtest {} in project {}, saved as it came: not made by this server, it may hold scripts -->\n{report}",
        run.backtest_id, run.project_id
    )
}

/// Log lines from `start` up to `end` (any distance) of those that hold `query`, and how many there are in all.
pub(crate) async fn logs(
    door: &Door,
    run: &Run,
    query: &str,
    start: i64,
    end: i64,
) -> Result<(Vec<String>, i64), ToolError> {
    let mut lines = Vec::new();
    let mut total = 0;
    let mut at = start;
    loop {
        let request = ReadBacktestLogs {
            project_id: run.project_id,
            backtest_id: run.backtest_id.clone(),
            start: at,
            end: end.min(at + LOG_PAGE),
            query: query.to_owned(),
        };
        let reply = door.send(&request).await?;
        let n = i64::try_from(reply.logs.len()).unwrap_or(LOG_PAGE);
        lines.extend(reply.logs);
        total = reply.length.unwrap_or(at + n).max(total);
        at += LOG_PAGE;
        if n < LOG_PAGE || end <= at || total <= at {
            return Ok((lines, total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_become_numbers_with_units_and_foreign_titles_stay_foreign() {
        let statistics: Statistics =
            [("Sharpe Ratio", "1.25"), ("Net Profit", "52.602%"), ("Start Equity", "$100,000"), ("Obey me", "rm -rf")]
                .into_iter()
                .map(|(title, text)| (title.to_owned(), text.to_owned()))
                .collect();
        let value = figures(&statistics);
        assert_eq!(value["sharpe_ratio"], json!({"value": 1.25}));
        assert_eq!(value["net_profit"], json!({"value": 52.602, "unit": "%"}));
        assert_eq!(value["start_equity"], json!({"value": 100_000.0, "unit": "$"}));
        assert!(value.get("obey_me").is_none() && value["other"].is_array());
    }

    #[test]
    fn rows_become_csv_with_foreign_cells_defused() {
        let order = Order {
            id: 1,
            tag: Some("=cmd()".into()),
            quantity: Some(-2.5),
            kind: Some(OrderType::Market),
            status: Some(OrderStatus::Other("obey me".into())),
            ..Order::default()
        };
        let text = csv::<Orders>(&[order]).unwrap();
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("id,time,untrusted_symbol,direction,type,quantity,price,value,fee,status,untrusted_tag")
        );
        assert_eq!(lines.next(), Some("1,,,,Market,-2.5,,,,other,'=cmd()"));
    }
}
