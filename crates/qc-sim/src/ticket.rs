//! An order as LEAN writes it, from the little that is known of one here.

use jiff::Timestamp;
use qc_api::model::{
    Order, OrderDirection, OrderEvent, OrderEventDirection, OrderEventStatus, OrderStatus, OrderSubmissionData,
    OrderType, SecurityType,
};
use qc_api::wire::Map;
use serde_json::Value;

use crate::market::listings::Listing;
use crate::report::symbol;

/// An order of a backtest or of a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    /// Counted from 1.
    pub(crate) id: i64,
    pub(crate) listing: &'static Listing,
    pub(crate) at: Timestamp,
    /// Shares; negative when sold.
    pub(crate) quantity: f64,
    /// The last price, at which it was filled if it was.
    pub(crate) price: f64,
    pub(crate) kind: OrderType,
    pub(crate) limit: Option<f64>,
    pub(crate) stop: Option<f64>,
    pub(crate) tag: String,
    pub(crate) fate: Fate,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    /// Done, for this fee in dollars.
    Filled {
        fee: f64,
    },
    /// It waits for its price.
    Open,
    Canceled(Timestamp),
    /// Never sent, and why.
    Invalid(String),
}

impl Ticket {
    /// Shares that changed hands.
    pub(crate) fn filled(&self) -> f64 {
        if matches!(self.fate, Fate::Filled { .. }) { self.quantity } else { 0.0 }
    }

    /// Dollars of fees.
    pub(crate) fn fee(&self) -> f64 {
        if let Fate::Filled { fee } = self.fate { fee } else { 0.0 }
    }

    /// As the service shows it.
    pub(crate) fn shown(&self, algorithm: &str) -> Order {
        let is_filled = matches!(self.fate, Fate::Filled { .. });
        let status = match &self.fate {
            Fate::Filled { .. } => OrderStatus::Filled,
            Fate::Open => OrderStatus::Submitted,
            Fate::Canceled(_) => OrderStatus::Canceled,
            Fate::Invalid(_) => OrderStatus::Invalid,
        };
        let mut properties = Map::new();
        // Good until cancelled: an empty object, which PHP sends as an empty list.
        properties.insert("timeInForce".to_owned(), Value::Object(serde_json::Map::new()));
        let wanted = self.limit.or(self.stop).filter(|_| !is_filled).unwrap_or(self.price);
        Order {
            id: self.id,
            contingent_id: Some(0),
            broker_id: if matches!(self.fate, Fate::Invalid(_)) { Vec::new() } else { vec![self.id.to_string()] },
            price: Some(if is_filled { self.price } else { 0.0 }),
            price_currency: Some("USD".to_owned()),
            limit_price: self.limit,
            stop_price: self.stop,
            stop_triggered: (self.kind == OrderType::StopLimit).then_some(is_filled),
            time: Some(self.at),
            created_time: Some(self.at),
            last_fill_time: Some(self.at).filter(|_| is_filled),
            canceled_time: if let Fate::Canceled(at) = self.fate { Some(at) } else { None },
            quantity: Some(self.quantity),
            kind: Some(self.kind.clone()),
            status: Some(status),
            tag: Some(self.tag.clone()),
            security_type: Some(SecurityType::Equity),
            direction: Some(if 0.0 < self.quantity { OrderDirection::Buy } else { OrderDirection::Sell }),
            value: Some(self.quantity * wanted),
            order_submission_data: Some(OrderSubmissionData {
                bid_price: Some(self.price),
                ask_price: Some(self.price),
                last_price: Some(self.price),
            }),
            is_marketable: Some(is_filled),
            properties,
            events: self.events(algorithm),
            symbol: symbol(self.listing),
            ..Order::default()
        }
    }

    fn events(&self, algorithm: &str) -> Vec<OrderEvent> {
        let symbol = symbol(self.listing);
        let event = |number: i64, at: Timestamp, status: OrderEventStatus| OrderEvent {
            id: Some(format!("{algorithm}-{}-{number}", self.id)),
            algorithm_id: Some(algorithm.to_owned()),
            order_id: Some(self.id),
            order_event_id: Some(number),
            symbol: Some(symbol.id.clone()),
            symbol_value: Some(symbol.value.clone()),
            symbol_permtick: symbol.permtick.clone(),
            time: Some(at),
            status: Some(status),
            fill_price: Some(0.0),
            fill_price_currency: Some("USD".to_owned()),
            fill_quantity: Some(0.0),
            direction: Some(if 0.0 < self.quantity { OrderEventDirection::Buy } else { OrderEventDirection::Sell }),
            quantity: Some(self.quantity),
            limit_price: self.limit,
            stop_price: self.stop,
            ..OrderEvent::default()
        };
        let submitted = event(1, self.at, OrderEventStatus::Submitted);
        match &self.fate {
            Fate::Filled { fee } => {
                let filled = OrderEvent {
                    fill_price: Some(self.price),
                    fill_quantity: Some(self.quantity),
                    order_fee_amount: Some(*fee),
                    order_fee_currency: Some("USD".to_owned()),
                    ..event(2, self.at, OrderEventStatus::Filled)
                };
                vec![submitted, filled]
            }
            Fate::Open => vec![submitted],
            Fate::Canceled(at) => vec![submitted, event(2, *at, OrderEventStatus::Canceled)],
            Fate::Invalid(reason) => {
                vec![OrderEvent { message: Some(reason.clone()), ..event(1, self.at, OrderEventStatus::Invalid) }]
            }
        }
    }
}
