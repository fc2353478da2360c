//! Securities as LEAN names them.
//!
//! Source: LEAN's `Symbol`, `SecurityIdentifier`, `SecurityType`.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::wire::open_enum::open_code;
use crate::wire::{members, text};

/// A security: the ticker people say and the identifier that never changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Symbol {
    /// The ticker, such as `SPY`.
    pub value: String,
    /// The security identifier, such as `SPY R735QTJ8XC9X`.
    pub id: String,
    /// The ticker at the security's first day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permtick: Option<String>,
    /// What an option or a future is written on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underlying: Option<Box<Symbol>>,
}

impl Symbol {
    /// The name to show: the ticker, else the identifier.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.value.is_empty() { &self.id } else { &self.value }
    }
}

/// The object form; [`Symbol`] itself also reads a bare text.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SymbolMembers {
    #[serde(deserialize_with = "text::string", alias = "Value")]
    value: String,
    #[serde(deserialize_with = "text::string", alias = "ID", alias = "Id")]
    id: String,
    #[serde(deserialize_with = "text::option", alias = "Permtick")]
    permtick: Option<String>,
    #[serde(alias = "Underlying")]
    underlying: Option<Box<Symbol>>,
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SymbolVisitor)
    }
}

struct SymbolVisitor;

impl<'de> Visitor<'de> for SymbolVisitor {
    type Value = Symbol;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a symbol object or its text")
    }
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        let SymbolMembers { value, id, permtick, underlying } = SymbolMembers::deserialize(members::Object(access))?;
        Ok(Symbol { value, id, permtick, underlying })
    }
    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        // A bare text is an identifier when it has two parts, else a ticker.
        let mut symbol = Symbol::default();
        match name.split_once(' ') {
            Some((ticker, _)) => {
                ticker.clone_into(&mut symbol.value);
                name.clone_into(&mut symbol.id);
            }
            None => name.clone_into(&mut symbol.value),
        }
        Ok(symbol)
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Symbol::default())
    }
}

open_code! {
    /// The kind of a security.
    pub enum SecurityType {
        /// No particular kind: custom data.
        Base = 0,
        /// A share or fund.
        Equity = 1,
        /// An option on an equity.
        Option = 2,
        /// A commodity.
        Commodity = 3,
        /// A currency pair.
        Forex = 4,
        /// A future.
        Future = 5,
        /// A contract for difference.
        Cfd = 6,
        /// A cryptocurrency pair.
        Crypto = 7,
        /// An option on a future.
        FutureOption = 8,
        /// An index.
        Index = 9,
        /// An option on an index.
        IndexOption = 10,
        /// A future on a cryptocurrency.
        CryptoFuture = 11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_objects_texts_and_old_casing() {
        let expected = Symbol { value: "SPY".into(), id: "SPY R735QTJ8XC9X".into(), ..Symbol::default() };
        for json in [
            r#"{"value":"SPY","id":"SPY R735QTJ8XC9X"}"#,
            r#"{"Value":"SPY","ID":"SPY R735QTJ8XC9X"}"#,
            r#""SPY R735QTJ8XC9X""#,
        ] {
            assert_eq!(serde_json::from_str::<Symbol>(json).unwrap(), expected, "{json}");
        }
    }
}
