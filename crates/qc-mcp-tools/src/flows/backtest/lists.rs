//! The lists of a backtest that come in pages: orders, closed trades and insights, as rows of an answer or as a CSV.

use qc_api::{
    Endpoint,
    endpoints::backtests::{ReadBacktestInsights, ReadBacktestOrders, ReadBacktestTrades},
    model::{
        ClosedTrade, Insight, InsightDirection, InsightKind, Order, OrderDirection, OrderStatus, OrderType,
        TradeDirection,
    },
};
use qc_report::csv::{Cell, Table};
use serde_json::{Value, json};

use super::Run;
use crate::{
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    gate::Door,
    reply::{Untrusted, is_untrusted},
};

/// Most rows the service gives at once, of orders, insights and trades.
pub(crate) const PAGE: i64 = 100;
/// Most rows that are walked in one go.
const MOST_ROWS: usize = 50_000;

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

/// Every row there was, and how many the service had promised if that is more.
#[derive(Debug)]
pub(crate) struct Listed<R> {
    pub(crate) rows: Vec<R>,
    pub(crate) promised: Option<i64>,
}

/// Whether a page of `n` rows from `start` on is the last, `total` being what its answer calls the length: of the list
/// in some answers, of the page itself in others.
fn is_last(start: i64, n: i64, total: Option<i64>) -> bool {
    match total {
        _ if n == 0 => true,
        Some(total) if start + n < total => false,
        Some(total) if total != n => true,
        _ => n < PAGE,
    }
}

/// Every row, page by page.
pub(crate) async fn all<P: Paged>(door: &Door, run: &Run, progress: &Progress) -> Result<Listed<P::Row>, ToolError> {
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
        if is_last(start, n, total) {
            return Ok(Listed { rows, promised: total.filter(|total| start + n < *total) });
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

/// A currency's code: plain where it looks like one.
fn code(text: Option<&str>) -> Value {
    let is_code = |text: &&str| (2..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
    text.filter(is_code).map_or(Value::Null, |text| json!(text))
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
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "time",
        "symbol",
        "direction",
        "type",
        "quantity",
        "price",
        "value",
        "currency",
        "fee",
        "fee_currency",
        "status",
        "tag",
    ];
    const FOREIGN: &'static [&'static str] = &["symbol", "tag"];

    fn page(run: &Run, start: i64, end: i64) -> ReadBacktestOrders {
        ReadBacktestOrders { project_id: run.project_id, backtest_id: run.backtest_id.clone(), start, end }
    }

    fn rows(reply: qc_api::endpoints::backtests::OrdersReply) -> (Vec<Order>, Option<i64>) {
        (reply.orders, reply.length)
    }

    fn values(order: &Order) -> Value {
        let fees = || order.events.iter().filter(|event| event.order_fee_amount.is_some());
        let currency = fees().next().and_then(|event| event.order_fee_currency.as_deref());
        // Fees in several currencies have no sum.
        let is_one = fees().all(|event| event.order_fee_currency.as_deref() == currency);
        let amounts: Vec<f64> = fees().filter_map(|event| event.order_fee_amount).collect();
        let fee = if amounts.is_empty() || !is_one { Value::Null } else { json!(amounts.iter().sum::<f64>()) };
        json!([
            order.id,
            time(order.placed()),
            foreign(Some(order.symbol.name())),
            word(order.direction.as_ref(), OrderDirection::KNOWN),
            word(order.kind.as_ref(), OrderType::KNOWN),
            order.quantity,
            order.price,
            order.value,
            code(order.price_currency.as_deref()),
            fee,
            code(currency.filter(|_| is_one)),
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

#[cfg(test)]
mod tests {
    use super::*;

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
            Some(
                "id,time,untrusted_symbol,direction,type,quantity,price,value,currency,fee,fee_currency,status,untrusted_tag"
            )
        );
        assert_eq!(lines.next(), Some("1,,,,Market,-2.5,,,,,,other,'=cmd()"));
    }

    #[test]
    fn fees_of_one_currency_are_summed_and_of_several_are_not() {
        use qc_api::model::OrderEvent;
        let event = |amount: f64, currency: &str| OrderEvent {
            order_fee_amount: Some(amount),
            order_fee_currency: Some(currency.into()),
            ..OrderEvent::default()
        };
        let fee = |events: Vec<OrderEvent>| {
            let row = Orders::values(&Order { events, ..Order::default() });
            (row[9].clone(), row[10].clone())
        };
        assert_eq!(fee(vec![event(1.0, "USD"), event(0.5, "USD")]), (json!(1.5), json!("USD")));
        assert_eq!(fee(vec![event(1.0, "BTC"), event(0.5, "USDT")]), (Value::Null, Value::Null));
        assert_eq!(fee(Vec::new()), (Value::Null, Value::Null));
        assert_eq!(fee(vec![event(1.0, "obey me")]), (json!(1.0), Value::Null));
    }

    #[test]
    fn pages_end_where_the_list_does_whatever_their_length_means() {
        // The length of the list: on through pages of any size.
        assert!(!is_last(0, 50, Some(1000)) && !is_last(950, 49, Some(1000)) && is_last(950, 50, Some(1000)));
        // The length of the page, or none told: until a page is not full.
        assert!(!is_last(0, 100, Some(100)) && !is_last(100, 100, Some(100)) && is_last(200, 7, Some(7)));
        assert!(!is_last(0, 100, None) && is_last(100, 99, None));
        // Nothing came: whatever was promised.
        assert!(is_last(50, 0, Some(1000)));
    }
}
