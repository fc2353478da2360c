//! Closed trades: a position opened and closed again.
//!
//! Source: LEAN's `Trade.cs`; documentation of 2026 for trades with their orders.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::{Order, Symbol};
use crate::wire::open_enum::open_code;
use crate::wire::{date, flag, list, number, span, text};

open_code! {
    /// Which way a trade bet.
    pub enum TradeDirection {
        /// On a rising price.
        Long = 0,
        /// On a falling price.
        Short = 1,
    }
}

/// A closed trade; with its orders where the endpoint gives them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClosedTrade {
    /// Its identifier, in newer answers.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The security, in older answers; see [`ClosedTrade::securities`].
    #[serde(deserialize_with = "object_or_text", skip_serializing_if = "Option::is_none")]
    pub symbol: Option<Symbol>,
    /// The securities, in newer answers.
    #[serde(deserialize_with = "list::of", skip_serializing_if = "Vec::is_empty")]
    pub symbols: Vec<Symbol>,
    /// When it was opened.
    #[serde(with = "date::iso")]
    pub entry_time: Option<Timestamp>,
    /// Mean price of opening.
    #[serde(deserialize_with = "number::option")]
    pub entry_price: Option<f64>,
    /// Which way it bet.
    pub direction: Option<TradeDirection>,
    /// How many units, positive.
    #[serde(deserialize_with = "number::option")]
    pub quantity: Option<f64>,
    /// When it was closed.
    #[serde(with = "date::iso")]
    pub exit_time: Option<Timestamp>,
    /// Mean price of closing.
    #[serde(deserialize_with = "number::option")]
    pub exit_price: Option<f64>,
    /// Profit or loss before fees.
    #[serde(deserialize_with = "number::option")]
    pub profit_loss: Option<f64>,
    /// Fees paid.
    #[serde(deserialize_with = "number::option")]
    pub total_fees: Option<f64>,
    /// Maximum adverse excursion: the worst paper result, negative or zero.
    #[serde(deserialize_with = "number::option")]
    pub mae: Option<f64>,
    /// Maximum favourable excursion: the best paper result.
    #[serde(deserialize_with = "number::option")]
    pub mfe: Option<f64>,
    /// Time between entry and exit.
    #[serde(with = "span")]
    pub duration: Option<SignedDuration>,
    /// Fall from the best moment to the end.
    #[serde(deserialize_with = "number::option")]
    pub end_trade_drawdown: Option<f64>,
    /// Whether LEAN counts it as won.
    #[serde(deserialize_with = "flag::option", skip_serializing_if = "Option::is_none")]
    pub is_win: Option<bool>,
    /// The orders behind it, by number.
    #[serde(deserialize_with = "list::of", skip_serializing_if = "Vec::is_empty")]
    pub order_ids: Vec<i64>,
    /// The orders behind it, where the endpoint gives them.
    #[serde(deserialize_with = "list::of", skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<Order>,
}

fn object_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Symbol>, D::Error> {
    // `Symbol` reads texts itself, so only emptiness is left to tell apart.
    let symbol: Option<Symbol> = Option::deserialize(deserializer)?;
    Ok(symbol.filter(|symbol| !symbol.name().is_empty()))
}

impl ClosedTrade {
    /// The securities traded, whichever member names them.
    pub fn securities(&self) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter().chain(if self.symbols.is_empty() { self.symbol.as_ref() } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_trades_name_their_securities_alike() {
        for json in [
            r#"{"symbol":{"value":"SPY","id":"SPY R735QTJ8XC9X"},"duration":"1.00:00:00"}"#,
            r#"{"symbols":[{"value":"SPY","id":"SPY R735QTJ8XC9X"}],"duration":"1.00:00:00"}"#,
        ] {
            let trade: ClosedTrade = serde_json::from_str(json).unwrap();
            assert_eq!(trade.securities().map(Symbol::name).collect::<Vec<_>>(), ["SPY"], "{json}");
            assert_eq!(trade.duration, Some(SignedDuration::from_hours(24)));
        }
    }
}
