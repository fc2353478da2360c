//! Booleans that may come as 0 and 1 or as text: the service changed its mind in February 2026.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a boolean from `true`, `1`, `"true"`, `"1"` and their opposites; null and the empty text are `None`.
///
/// # Errors
/// When the value is anything else.
pub fn option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    deserializer.deserialize_any(FlagVisitor)
}

/// Like [`option`]; none is false.
///
/// # Errors
/// As [`option`].
pub fn or_false<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    option(deserializer).map(Option::unwrap_or_default)
}

/// What a text says as a boolean.
pub(crate) fn read(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(flag))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number != 0))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number != 0))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number != 0.0))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        read(text).map(Some).ok_or_else(|| {
            E::custom(format!("true or false was expected, found the text {:?}", super::number::short(text)))
        })
    }
    absent!(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_known_form() {
        let flag =
            |json: &str| option(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string());
        for json in ["true", "1", "\"true\"", "\"True\"", "\"1\""] {
            assert_eq!(flag(json), Ok(Some(true)), "{json}");
        }
        for json in ["false", "0", "\"false\"", "\"0\""] {
            assert_eq!(flag(json), Ok(Some(false)), "{json}");
        }
        assert_eq!(flag("null"), Ok(None));
        assert!(flag("\"maybe\"").is_err());
    }
}
