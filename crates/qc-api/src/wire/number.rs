//! Numbers that may come as text: LEAN rounds its decimals and writes them in quotes.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a number from a JSON number or a numeric text. Null, the empty text and words for "not a number"
/// are `None`, for a figure that does not exist is absent, not zero.
///
/// # Errors
/// When the value is a text that is no number, an array or an object.
pub fn option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(NumberVisitor)
}

/// Like [`option`] for a number that must be there.
///
/// # Errors
/// As [`option`], and when there is none.
pub fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    option(deserializer)?.ok_or_else(|| D::Error::custom("a number is missing"))
}

/// Like [`option`] where LEAN leaves out zeros: none is 0.
///
/// # Errors
/// As [`option`].
pub fn or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    option(deserializer).map(Option::unwrap_or_default)
}

/// Reads a whole number from a JSON number or a numeric text; `12.0` is 12.
///
/// # Errors
/// When the value is no whole number.
pub fn option_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(IntegerVisitor)
}

/// Like [`option_integer`] for a number that must be there.
///
/// # Errors
/// As [`option_integer`], and when there is none.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    option_integer(deserializer)?.ok_or_else(|| D::Error::custom("a whole number is missing"))
}

/// What a text says as a number: `Ok(None)` for texts that stand for "none".
pub(crate) fn read(text: &str) -> Result<Option<f64>, ()> {
    let text = text.trim();
    if matches!(text, "" | "-" | "null") {
        return Ok(None);
    }
    match text.parse::<f64>() {
        // Rust reads "NaN" and "Infinity"; LEAN writes them for ratios that do not exist.
        Ok(number) if number.is_finite() => Ok(Some(number)),
        Ok(_) => Ok(None),
        Err(_) => Err(()),
    }
}

/// The whole number equal to `number`, if there is one that an `i64` and an `f64` both hold exactly.
pub(crate) fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    // The cast is exact: the value is whole and below 2^53. At 2^53 itself the number written may have been the next one.
    #[allow(clippy::cast_possible_truncation)]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// PHP writes false for a value that is not there; true is no number.
fn nothing<E: Error>(flag: bool, expected: &dyn serde::de::Expected) -> Result<(), E> {
    if flag { Err(E::invalid_type(serde::de::Unexpected::Bool(flag), expected)) } else { Ok(()) }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a numeric text")
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(number.is_finite().then_some(number))
    }
    #[allow(clippy::cast_precision_loss)] // amounts beyond 2^53 lose digits in every JSON reader
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }
    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        nothing(flag, &self).map(|()| None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        read(text).map_err(|()| E::custom(format!("a number was expected, found the text {:?}", short(text))))
    }
    absent!(None);
}

struct IntegerVisitor;

impl<'de> Visitor<'de> for IntegerVisitor {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or its text")
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        i64::try_from(number)
            .map(Some)
            .map_err(|_| E::custom(format!("a whole number was expected, found {number}, which is too large")))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        whole(number)
            .map(Some)
            .ok_or_else(|| E::custom(format!("a whole number was expected, found the number {number}")))
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        nothing(flag, &self).map(|()| None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if let Ok(number) = text.trim().parse::<i64>() {
            return Ok(Some(number));
        }
        match read(text) {
            Ok(None) => Ok(None),
            Ok(Some(number)) => self.visit_f64(number),
            Err(()) => Err(E::custom(format!("a whole number was expected, found the text {:?}", short(text)))),
        }
    }
    absent!(None);
}

/// The first characters of a text, for error messages.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Result<Option<f64>, String> {
        option(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string())
    }
    fn count(json: &str) -> Result<Option<i64>, String> {
        option_integer(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_numbers_and_their_texts() {
        assert_eq!(number("1.5"), Ok(Some(1.5)));
        assert_eq!(number("\"-1.5000\""), Ok(Some(-1.5)));
        assert_eq!(number("\"1E-07\""), Ok(Some(1e-7)));
        assert_eq!(number("null"), Ok(None));
        assert_eq!(number("\"\""), Ok(None));
        assert_eq!(number("\"NaN\""), Ok(None));
        assert!(number("\"many\"").unwrap_err().contains("found the text \"many\""));
        assert!(number("[]").is_err());
    }

    #[test]
    fn false_is_no_number_and_true_is_an_error() {
        assert_eq!((number("false"), count("false")), (Ok(None), Ok(None)));
        assert!(number("true").is_err() && count("true").is_err());
        assert!(integer(&mut serde_json::Deserializer::from_str("false")).unwrap_err().to_string().contains("missing"));
    }

    #[test]
    fn a_double_is_whole_where_no_other_whole_number_could_be_meant() {
        assert_eq!(count("9007199254740991.0"), Ok(Some(9_007_199_254_740_991)));
        assert_eq!(count("9007199254740993"), Ok(Some(9_007_199_254_740_993)), "written as a whole number it is exact");
        for text in ["9007199254740992.0", "9007199254740993.0", "-9007199254740993.0", "\"9007199254740993.0\""] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_whole_numbers_only() {
        assert_eq!(count("12"), Ok(Some(12)));
        assert_eq!(count("12.0"), Ok(Some(12)));
        assert_eq!(count("\"12\""), Ok(Some(12)));
        assert_eq!(count("\"9223372036854775807\""), Ok(Some(i64::MAX)));
        assert!(count("12.5").is_err());
        assert!(count("18446744073709551615").is_err());
    }
}
