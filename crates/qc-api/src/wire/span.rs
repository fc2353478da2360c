//! Time spans as .NET writes them: `[-][d.]hh:mm:ss[.fffffff]`.

use std::fmt;

use jiff::SignedDuration;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// The longest span .NET knows, in whole seconds; beyond it nothing is a time span.
const LONGEST: i64 = 922_337_203_686;

fn within(span: SignedDuration) -> Option<SignedDuration> {
    (-LONGEST..=LONGEST).contains(&span.as_secs()).then_some(span)
}

/// Reads `[-][d.]hh:mm:ss[.fffffff]`. `None` for what is no span, or one that .NET cannot hold.
#[must_use]
pub fn parse(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut fields = rest.split(':');
    let (first, minutes, seconds) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let (days, hours) = match first.split_once('.') {
        Some((days, hours)) => (digits(days)?, digits(hours)?),
        None => (0, digits(first)?),
    };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let nanos = if fraction.is_empty() {
        0
    } else {
        let kept: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
        i32::try_from(digits(&kept)?).ok()?
    };
    let total = days
        .checked_mul(24)?
        .checked_add(hours)?
        .checked_mul(60)?
        .checked_add(digits(minutes)?)?
        .checked_mul(60)?
        .checked_add(digits(seconds)?)?;
    let span = within(SignedDuration::from_secs(total))?.checked_add(SignedDuration::from_nanos(nanos.into()))?;
    Some(if negative { -span } else { span })
}

fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Writes the form [`parse`] reads.
#[must_use]
pub fn format(span: SignedDuration) -> String {
    let sign = if span.is_negative() { "-" } else { "" };
    let span = span.unsigned_abs();
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let days = if 0 < days { format!("{days}.") } else { String::new() };
    // .NET counts in ticks of 100 ns and writes seven digits or none.
    let ticks = span.subsec_nanos() / 100;
    let fraction = if 0 < ticks { format!(".{ticks:07}") } else { String::new() };
    format!("{sign}{days}{hours:02}:{minutes:02}:{:02}{fraction}", seconds % 60)
}

/// Reads a span from its text, from a number of seconds, or `None` from null and the empty text.
///
/// # Errors
/// When the value is no time span.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SignedDuration>, D::Error> {
    deserializer.deserialize_any(SpanVisitor)
}

/// Writes .NET's form.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(span: &Option<SignedDuration>, serializer: S) -> Result<S::Ok, S::Error> {
    match span {
        Some(span) => serializer.serialize_str(&format(*span)),
        None => serializer.serialize_none(),
    }
}

struct SpanVisitor;

impl<'de> Visitor<'de> for SpanVisitor {
    type Value = Option<SignedDuration>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time span such as 1.02:03:04")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        parse(text).map(Some).ok_or_else(|| {
            E::custom(format!("a time span was expected, found the text {:?}", super::number::short(text)))
        })
    }
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Self::Value, E> {
        let span = SignedDuration::try_from_secs_f64(seconds).ok().and_then(within);
        span.map(Some).ok_or_else(|| E::custom(format!("seconds were expected, found {seconds}")))
    }
    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
        let span = within(SignedDuration::from_secs(seconds));
        span.map(Some).ok_or_else(|| E::custom(format!("seconds were expected, found {seconds}")))
    }
    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Self::Value, E> {
        self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
    absent!(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_dot_net_spans() {
        for (text, seconds, nanos) in [
            ("00:00:00", 0, 0),
            ("23:59:59", 86_399, 0),
            ("2.03:04:05", 183_845, 0),
            ("-00:00:01.5000000", -1, -500_000_000),
            ("10675199.02:48:05.4775807", 922_337_203_685, 477_580_700),
        ] {
            let span = parse(text).unwrap();
            assert_eq!((span.as_secs(), span.subsec_nanos()), (seconds, nanos), "{text}");
            assert_eq!(format(span), text);
        }
        for text in [
            "",
            "1",
            "1:2",
            "a:b:c",
            "1:2:3:4",
            "99999999999999999999:00:00",
            "9223372036854775807.00:00:00",
            "10675200.02:48:07",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        for json in ["-9223372036854775808", "18446744073709551615", "1e300"] {
            assert!(deserialize(&mut serde_json::Deserializer::from_str(json)).is_err(), "{json}");
        }
    }
}
