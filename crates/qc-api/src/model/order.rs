//! Orders and what happened to them.
//!
//! Source: API description, `Order`; LEAN's `OrderJsonConverter`, `SerializedOrderEvent`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{SecurityType, Symbol};
use crate::wire::open_enum::{open_code, open_enum};
use crate::wire::{Map, date, flag, list, map, number, object, text};

open_code! {
    /// The kind of an order.
    pub enum OrderType {
        /// At once, at any price.
        Market = 0,
        /// At a price or better.
        Limit = 1,
        /// At once when a price is passed.
        StopMarket = 2,
        /// At a price or better once another is passed.
        StopLimit = 3,
        /// In the opening auction.
        MarketOnOpen = 4,
        /// In the closing auction.
        MarketOnClose = 5,
        /// Exercise of an option.
        OptionExercise = 6,
        /// A limit once a price is touched.
        LimitIfTouched = 7,
        /// Several legs at once.
        ComboMarket = 8,
        /// Several legs at one net price.
        ComboLimit = 9,
        /// Several legs, each with its price.
        ComboLegLimit = 10,
        /// A stop that follows the price.
        TrailingStop = 11,
    }
}

open_code! {
    /// How far an order is.
    pub enum OrderStatus {
        /// Not yet sent.
        New = 0,
        /// Sent.
        Submitted = 1,
        /// Partly done.
        PartiallyFilled = 2,
        /// Done.
        Filled = 3,
        /// Withdrawn.
        Canceled = 5,
        /// No status.
        None = 6,
        /// Refused.
        Invalid = 7,
        /// Being withdrawn.
        CancelPending = 8,
        /// Changed.
        UpdateSubmitted = 9,
    }
}

open_code! {
    /// Which way an order goes.
    pub enum OrderDirection {
        /// Buy.
        Buy = 0,
        /// Sell.
        Sell = 1,
        /// Neither.
        Hold = 2,
    }
}

open_enum! {
    /// The direction in an order event.
    pub enum OrderEventDirection {
        /// Buy.
        Buy = "buy" | "0",
        /// Sell.
        Sell = "sell" | "1",
        /// Neither.
        Hold = "hold" | "2",
    }
}

open_enum! {
    /// The status in an order event.
    pub enum OrderEventStatus {
        /// Not yet sent.
        New = "new" | "0",
        /// Sent.
        Submitted = "submitted" | "1",
        /// Partly done.
        PartiallyFilled = "partiallyFilled" | "2",
        /// Done.
        Filled = "filled" | "3",
        /// Withdrawn.
        Canceled = "canceled" | "5",
        /// No status.
        None = "none" | "6",
        /// Refused.
        Invalid = "invalid" | "7",
        /// Being withdrawn.
        CancelPending = "cancelPending" | "8",
        /// Changed.
        UpdateSubmitted = "updateSubmitted" | "9",
    }
}

/// An order of a backtest or a live run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Order {
    /// Its number within the run, from 1.
    #[serde(alias = "Id", deserialize_with = "number::integer")]
    pub id: i64,
    /// The order it belongs to, or 0.
    #[serde(deserialize_with = "number::option_integer")]
    pub contingent_id: Option<i64>,
    /// The broker's identifiers.
    #[serde(deserialize_with = "list::of_texts")]
    pub broker_id: Vec<String>,
    /// What is traded.
    #[serde(alias = "Symbol")]
    pub symbol: Symbol,
    /// The limit, for kinds that have one.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<f64>,
    /// The stop, for kinds that have one.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<f64>,
    /// Whether the stop was passed.
    #[serde(deserialize_with = "flag::option", skip_serializing_if = "Option::is_none")]
    pub stop_triggered: Option<bool>,
    /// The price of execution, 0 before.
    #[serde(deserialize_with = "number::option")]
    pub price: Option<f64>,
    /// The currency of the price.
    #[serde(deserialize_with = "text::option")]
    pub price_currency: Option<String>,
    /// When it was placed; see [`Order::placed`].
    #[serde(with = "date::iso")]
    pub time: Option<Timestamp>,
    /// When it was made.
    #[serde(with = "date::iso")]
    pub created_time: Option<Timestamp>,
    /// When it was last executed.
    #[serde(with = "date::iso")]
    pub last_fill_time: Option<Timestamp>,
    /// When it was last changed.
    #[serde(with = "date::iso")]
    pub last_update_time: Option<Timestamp>,
    /// When it was withdrawn.
    #[serde(with = "date::iso")]
    pub canceled_time: Option<Timestamp>,
    /// How many units; negative sells.
    #[serde(deserialize_with = "number::option")]
    pub quantity: Option<f64>,
    /// Its kind.
    #[serde(rename = "type", alias = "Type")]
    pub kind: Option<OrderType>,
    /// How far it is; absent means withdrawn in old answers.
    #[serde(alias = "Status")]
    pub status: Option<OrderStatus>,
    /// A note of the algorithm.
    #[serde(deserialize_with = "text::option")]
    pub tag: Option<String>,
    /// The kind of security.
    pub security_type: Option<SecurityType>,
    /// Which way it goes.
    pub direction: Option<OrderDirection>,
    /// Quantity times price, in the account's currency.
    #[serde(deserialize_with = "number::option")]
    pub value: Option<f64>,
    /// The market when it was sent.
    #[serde(deserialize_with = "object::option")]
    pub order_submission_data: Option<OrderSubmissionData>,
    /// Whether it could be executed at once.
    #[serde(deserialize_with = "flag::option")]
    pub is_marketable: Option<bool>,
    /// Properties, some of them a broker's own.
    #[serde(deserialize_with = "map::of")]
    pub properties: Map<Value>,
    /// What happened to it, oldest first.
    #[serde(deserialize_with = "list::of")]
    pub events: Vec<OrderEvent>,
    /// How far a trailing stop follows: a fraction of the price where [`Order::trailing_percentage`] is set, else an
    /// amount in the price's currency.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub trailing_amount: Option<f64>,
    /// Whether that is a fraction of the price.
    #[serde(
        alias = "trailingAsPercentage",
        deserialize_with = "flag::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub trailing_percentage: Option<bool>,
    /// The group of a combo.
    #[serde(deserialize_with = "object::option", skip_serializing_if = "Option::is_none")]
    pub group_order_manager: Option<GroupOrder>,
    /// The price that wakes a limit-if-touched.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub trigger_price: Option<f64>,
    /// Whether it was touched.
    #[serde(deserialize_with = "flag::option", skip_serializing_if = "Option::is_none")]
    pub trigger_touched: Option<bool>,
}

impl Order {
    /// When it was placed: `time`, or where that is missing `created_time`.
    #[must_use]
    pub fn placed(&self) -> Option<Timestamp> {
        self.time.or(self.created_time)
    }

    /// How long the order stands. An empty value, in all its forms, means until it is withdrawn.
    #[must_use]
    pub fn time_in_force(&self) -> TimeInForce {
        let value = self.properties.get("timeInForce").unwrap_or(&Value::Null);
        let class = value.get("$type").and_then(Value::as_str).unwrap_or_default();
        let number = value.as_i64();
        if class.contains("DayTimeInForce") || number == Some(1) {
            return TimeInForce::Day;
        }
        if class.contains("GoodTilDate") || number == Some(2) {
            let expiry = value.get("Expiry").or_else(|| value.get("expiry")).and_then(Value::as_str);
            return TimeInForce::GoodTilDate(expiry.and_then(|text| date::parse(text).ok().flatten()));
        }
        if class.is_empty() || class.contains("GoodTilCanceled") {
            return TimeInForce::GoodTilCanceled;
        }
        TimeInForce::Other(class.to_owned())
    }
}

/// How long an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeInForce {
    /// Until it is withdrawn.
    GoodTilCanceled,
    /// Until the end of the day.
    Day,
    /// Until a date, if the service names it.
    GoodTilDate(Option<Timestamp>),
    /// A class this version does not know.
    Other(String),
}

/// The market at the moment an order was sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderSubmissionData {
    /// The bid.
    #[serde(deserialize_with = "number::option")]
    pub bid_price: Option<f64>,
    /// The ask.
    #[serde(deserialize_with = "number::option")]
    pub ask_price: Option<f64>,
    /// The last trade.
    #[serde(deserialize_with = "number::option")]
    pub last_price: Option<f64>,
}

/// The orders of a combo.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupOrder {
    /// The group's number.
    #[serde(deserialize_with = "number::option_integer")]
    pub id: Option<i64>,
    /// Units of the whole combo.
    #[serde(deserialize_with = "number::option")]
    pub quantity: Option<f64>,
    /// How many legs.
    #[serde(deserialize_with = "number::option_integer")]
    pub count: Option<i64>,
    /// Net limit.
    #[serde(deserialize_with = "number::option")]
    pub limit_price: Option<f64>,
    /// The legs' orders.
    #[serde(deserialize_with = "list::of")]
    pub order_ids: Vec<i64>,
    /// Which way the combo goes.
    pub direction: Option<OrderDirection>,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderEvent {
    /// `{algorithmId}-{orderId}-{orderEventId}`.
    #[serde(deserialize_with = "text::option")]
    pub id: Option<String>,
    /// The backtest or deployment.
    #[serde(alias = "algorithm-id", deserialize_with = "text::option")]
    pub algorithm_id: Option<String>,
    /// The order.
    #[serde(alias = "order-id", deserialize_with = "number::option_integer")]
    pub order_id: Option<i64>,
    /// The event's number within the order.
    #[serde(alias = "order-event-id", deserialize_with = "number::option_integer")]
    pub order_event_id: Option<i64>,
    /// The security identifier.
    #[serde(deserialize_with = "text::option")]
    pub symbol: Option<String>,
    /// The ticker.
    #[serde(alias = "symbol-value", deserialize_with = "text::option")]
    pub symbol_value: Option<String>,
    /// The ticker at the security's first day.
    #[serde(alias = "symbol-permtick", deserialize_with = "text::option")]
    pub symbol_permtick: Option<String>,
    /// When.
    #[serde(with = "date::unix")]
    pub time: Option<Timestamp>,
    /// The status the order then had.
    pub status: Option<OrderEventStatus>,
    /// The fee.
    #[serde(alias = "order-fee-amount", deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub order_fee_amount: Option<f64>,
    /// The currency of the fee.
    #[serde(alias = "order-fee-currency", deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub order_fee_currency: Option<String>,
    /// The price of this execution.
    #[serde(alias = "fill-price", deserialize_with = "number::option")]
    pub fill_price: Option<f64>,
    /// The currency of the price.
    #[serde(alias = "fill-price-currency", deserialize_with = "text::option")]
    pub fill_price_currency: Option<String>,
    /// The units of this execution; negative sells.
    #[serde(alias = "fill-quantity", deserialize_with = "number::option")]
    pub fill_quantity: Option<f64>,
    /// Which way.
    pub direction: Option<OrderEventDirection>,
    /// What LEAN says about it.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether an option was assigned.
    #[serde(alias = "is-assignment", deserialize_with = "flag::or_false")]
    pub is_assignment: bool,
    /// The units of the order.
    #[serde(deserialize_with = "number::option")]
    pub quantity: Option<f64>,
    /// The stop then in force.
    #[serde(alias = "stop-price", deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<f64>,
    /// The limit then in force.
    #[serde(alias = "limit-price", deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<f64>,
    /// Whether the option was in the money.
    #[serde(deserialize_with = "flag::option", skip_serializing_if = "Option::is_none")]
    pub is_in_the_money: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn order(properties: &str) -> Order {
        serde_json::from_str(&format!("{{\"id\":1,\"properties\":{properties}}}")).unwrap()
    }

    #[test]
    fn an_empty_time_in_force_stands_until_withdrawn() {
        for json in ["[]", "{}", "null", r#"{"timeInForce":[]}"#, r#"{"timeInForce":{}}"#, r#"{"timeInForce":0}"#] {
            assert_eq!(order(json).time_in_force(), TimeInForce::GoodTilCanceled, "{json}");
        }
    }

    #[test]
    fn reads_the_other_times_in_force() {
        let day = r#"{"timeInForce":{"$type":"QuantConnect.Orders.TimeInForces.DayTimeInForce"}}"#;
        assert_eq!(order(day).time_in_force(), TimeInForce::Day);
        let dated = r#"{"timeInForce":{"$type":"X.GoodTilDateTimeInForce","Expiry":"2024-01-02T00:00:00Z"}}"#;
        let expiry: Timestamp = "2024-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(order(dated).time_in_force(), TimeInForce::GoodTilDate(Some(expiry)));
    }

    #[test]
    fn a_missing_time_falls_back_to_the_making() {
        let order: Order =
            serde_json::from_str(r#"{"id":1,"time":null,"createdTime":"2024-01-02T00:00:00Z"}"#).unwrap();
        assert!(order.placed().is_some());
    }

    #[test]
    fn old_events_in_kebab_case_read_too() {
        let event: OrderEvent =
            serde_json::from_str(r#"{"order-id":3,"fill-price":"1.5","time":1700000000.5,"status":"filled"}"#).unwrap();
        assert_eq!((event.order_id, event.fill_price), (Some(3), Some(1.5)));
        assert_eq!(event.time.unwrap().as_millisecond(), 1_700_000_000_500);
    }
}
