//! Order commands, as LEAN reads them: `{"$type": "OrderCommand", "symbol": {..}, "order_type": "limit", ..}`.

use qc_api::model::OrderType;
use serde_json::Value;

/// An order that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) ticker: String,
    /// Shares; negative sells.
    pub(super) quantity: f64,
    pub(super) kind: OrderType,
    pub(super) limit: Option<f64>,
    pub(super) stop: Option<f64>,
    pub(super) tag: String,
}

impl Wanted {
    /// At once, at any price.
    pub(super) fn market() -> Self {
        Self {
            ticker: String::new(),
            quantity: 0.0,
            kind: OrderType::Market,
            limit: None,
            stop: None,
            tag: String::new(),
        }
    }

    /// `None` for every other command, and for an order of nothing or of no security.
    pub(super) fn read(command: &Value) -> Option<Self> {
        if command.get("$type").and_then(Value::as_str) != Some("OrderCommand") {
            return None;
        }
        let symbol = member(command, "symbol")?;
        let name = symbol.get("value").or_else(|| symbol.get("id")).unwrap_or(symbol).as_str()?;
        let kind = member(command, "order_type").map_or(Some(OrderType::Market), kind)?;
        let price = |name: &str| member(command, name).and_then(number).filter(|price| 0.0 < *price);
        let has = |kinds: &[OrderType]| kinds.contains(&kind);
        Some(Self {
            ticker: name.split(' ').next()?.to_uppercase(),
            quantity: member(command, "quantity").and_then(number)?,
            limit: price("limit_price").filter(|_| has(&[OrderType::Limit, OrderType::StopLimit])),
            stop: price("stop_price").filter(|_| has(&[OrderType::StopMarket, OrderType::StopLimit])),
            tag: member(command, "tag").and_then(Value::as_str).unwrap_or_default().to_owned(),
            kind,
        })
    }

    /// Why an order of this kind cannot be sent.
    pub(super) fn problem(&self) -> Option<String> {
        let lacks = |name: &str| Some(format!("the order has no {name} price"));
        match self.kind {
            OrderType::Market => None,
            OrderType::Limit if self.limit.is_none() => lacks("limit"),
            OrderType::StopMarket | OrderType::StopLimit if self.stop.is_none() => lacks("stop"),
            OrderType::StopLimit if self.limit.is_none() => lacks("limit"),
            OrderType::Limit | OrderType::StopMarket | OrderType::StopLimit => None,
            _ => Some("simulated deployments take market, limit, stop market and stop limit orders".to_owned()),
        }
    }

    /// Whether it is filled at this price; prices stand still, so that what is not filled now waits for ever.
    pub(super) fn is_met(&self, quantity: f64, price: f64) -> bool {
        let buys = 0.0 < quantity;
        let within = self.limit.is_none_or(|limit| if buys { price <= limit } else { limit <= price });
        let passed = self.stop.is_none_or(|stop| if buys { stop <= price } else { price <= stop });
        within && passed
    }
}

/// LEAN's names are read in both spellings: `limit_price` and `limitPrice`.
fn member<'a>(command: &'a Value, name: &str) -> Option<&'a Value> {
    let plain = |key: &str| key.replace('_', "").to_lowercase();
    command.as_object()?.iter().find(|(key, _)| plain(key) == plain(name)).map(|(_, value)| value)
}

/// A finite number, written as one or as text.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

/// `limit`, `StopMarket`, `stop_market` or LEAN's number.
fn kind(value: &Value) -> Option<OrderType> {
    if let Some(number) = value.as_i64() {
        return serde_json::from_value(Value::from(number)).ok();
    }
    let word = value.as_str()?.replace('_', "").to_lowercase();
    const KINDS: [(&str, OrderType); 12] = [
        ("market", OrderType::Market),
        ("limit", OrderType::Limit),
        ("stopmarket", OrderType::StopMarket),
        ("stoplimit", OrderType::StopLimit),
        ("marketonopen", OrderType::MarketOnOpen),
        ("marketonclose", OrderType::MarketOnClose),
        ("optionexercise", OrderType::OptionExercise),
        ("limitiftouched", OrderType::LimitIfTouched),
        ("combomarket", OrderType::ComboMarket),
        ("combolimit", OrderType::ComboLimit),
        ("comboleglimit", OrderType::ComboLegLimit),
        ("trailingstop", OrderType::TrailingStop),
    ];
    KINDS.into_iter().find(|(name, _)| *name == word).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(kind: Value, quantity: Value, limit: f64, stop: f64) -> Wanted {
        Wanted::read(&json!({
            "$type": "OrderCommand", "symbol": { "id": "KO R735QTJ8XC9X", "value": "KO" }, "order_type": kind,
            "quantity": quantity, "limit_price": limit, "stop_price": stop, "tag": "by hand",
        }))
        .unwrap()
    }

    #[test]
    fn orders_are_read_as_lean_writes_them() {
        let market = order(json!("market"), json!("5"), 0.0, 0.0);
        assert_eq!((market.ticker.as_str(), market.quantity, market.tag.as_str()), ("KO", 5.0, "by hand"));
        assert_eq!((market.kind, market.limit, market.stop), (OrderType::Market, None, None));
        assert_eq!(order(json!("stop_limit"), json!(1), 5.0, 6.0).kind, OrderType::StopLimit);
        assert_eq!(order(json!(1), json!(1), 5.0, 6.0).limit, Some(5.0));
        assert_eq!(Wanted::read(&json!({ "note": "hello" })), None);
        let endless = json!({ "$type": "OrderCommand", "symbol": "KO", "quantity": "inf" });
        assert_eq!(Wanted::read(&endless), None);
    }

    #[test]
    fn a_price_is_met_from_the_side_the_order_waits_on() {
        let limit = order(json!("limit"), json!(1), 50.0, 0.0);
        assert!(limit.is_met(1.0, 49.0) && !limit.is_met(1.0, 51.0));
        assert!(limit.is_met(-1.0, 51.0) && !limit.is_met(-1.0, 49.0));
        let stop = order(json!("StopMarket"), json!(1), 0.0, 50.0);
        assert!(stop.is_met(1.0, 51.0) && !stop.is_met(1.0, 49.0) && stop.is_met(-1.0, 49.0));
        assert!(order(json!("limit"), json!(1), 0.0, 0.0).problem().unwrap().contains("limit price"));
        assert!(order(json!("market_on_open"), json!(1), 0.0, 0.0).problem().unwrap().contains("market, limit"));
    }
}
