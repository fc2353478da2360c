//! Moments in their many clothes: `2024-01-02 03:04:05` (UTC without saying so), ISO 8601 with or without a
//! zone and with seven fractional digits, a bare date, Unix seconds.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Reads a text in any known form. `Ok(None)` for texts that stand for "never".
///
/// # Errors
/// When the text is no moment.
pub fn parse(text: &str) -> Result<Option<Timestamp>, String> {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0000-00-00") {
        return Ok(None); // PHP's empty date
    }
    if text.starts_with("0001-01-01") {
        return Ok(None); // .NET's default(DateTime), written for "not set"
    }
    let wrong = || format!("a date was expected, found the text {:?}", super::number::short(text));
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(Some(moment));
    }
    if let Ok(civil) = text.parse::<DateTime>() {
        return civil.to_zoned(TimeZone::UTC).map(|zoned| Some(zoned.timestamp())).map_err(|_| wrong());
    }
    if let Ok(date) = text.parse::<Date>() {
        return date.to_zoned(TimeZone::UTC).map(|zoned| Some(zoned.timestamp())).map_err(|_| wrong());
    }
    text.parse::<f64>().ok().and_then(from_unix).map(Some).ok_or_else(wrong)
}

/// The moment `seconds` after 1970, to the microsecond.
pub(crate) fn from_unix(seconds: f64) -> Option<Timestamp> {
    // Beyond the years -9999 and 9999 there is no moment; within this bound the cast below cannot overflow.
    const FARTHEST: f64 = 400_000_000_000.0;
    if !(-FARTHEST < seconds && seconds < FARTHEST) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation)]
    let micros = (seconds * 1e6).round() as i64;
    const SECOND: i64 = 1_000_000;
    let nanos = i32::try_from(micros.rem_euclid(SECOND) * 1_000).ok()?;
    // Doubles are 31 microseconds apart at the ends of time: a moment there may be read as one beyond its end.
    let at_end = |end: &Timestamp| (micros - end.as_microsecond()).abs() <= SECOND;
    let beyond = || [Timestamp::MIN, Timestamp::MAX].into_iter().find(at_end);
    Timestamp::new(micros.div_euclid(SECOND), nanos).ok().or_else(beyond)
}

/// The first second of the year 0, in Unix seconds.
const YEAR_ZERO: i64 = -62_167_219_200;

/// Seconds since 1970, with the fraction.
#[allow(clippy::cast_precision_loss)] // microseconds since 1970 stay exact until the year 2255
pub(crate) fn to_unix(moment: Timestamp) -> f64 {
    moment.as_microsecond() as f64 / 1e6
}

struct MomentVisitor;

impl<'de> Visitor<'de> for MomentVisitor {
    type Value = Option<Timestamp>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        parse(text).map_err(E::custom)
    }
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Self::Value, E> {
        from_unix(seconds).map(Some).ok_or_else(|| E::custom(format!("unix seconds were expected, found {seconds}")))
    }
    #[allow(clippy::cast_precision_loss)]
    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Self::Value, E> {
        self.visit_f64(seconds as f64)
    }
    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Self::Value, E> {
        self.visit_f64(seconds as f64)
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        if flag { Err(E::invalid_type(serde::de::Unexpected::Bool(flag), &self)) } else { Ok(None) }
    }
    absent!(None);
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_any(MomentVisitor)
}

/// For members the service's database writes: `2024-01-02 03:04:05`, UTC.
pub mod spaced {
    use super::{Deserializer, Serializer, Timestamp};

    /// Reads any known form.
    ///
    /// # Errors
    /// When the value is no moment.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        super::read(deserializer)
    }

    /// Writes `2024-01-02 03:04:05`.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match moment {
            // Years before the first need six digits to be read again, which this form has no room for.
            Some(moment) if moment.as_second() < super::YEAR_ZERO => serializer.collect_str(moment),
            Some(moment) => serializer.collect_str(&moment.strftime("%Y-%m-%d %H:%M:%S")),
            None => serializer.serialize_none(),
        }
    }
}

/// For members LEAN writes: `2024-01-02T03:04:05Z`.
pub mod iso {
    use super::{Deserializer, Serializer, Timestamp};

    /// Reads any known form.
    ///
    /// # Errors
    /// When the value is no moment.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        super::read(deserializer)
    }

    /// Writes `2024-01-02T03:04:05Z`.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) => serializer.collect_str(moment),
            None => serializer.serialize_none(),
        }
    }
}

/// For members in Unix seconds: order events and insights.
pub mod unix {
    use super::{Deserializer, Serializer, Timestamp};

    /// Reads any known form.
    ///
    /// # Errors
    /// When the value is no moment.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        super::read(deserializer)
    }

    /// Writes Unix seconds.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match moment {
            Some(moment) if moment.subsec_nanosecond() == 0 => serializer.serialize_i64(moment.as_second()),
            Some(moment) => serializer.serialize_f64(super::to_unix(*moment)),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_moment_reads_alike() {
        let expected: Timestamp = "2023-06-07T08:09:10Z".parse().unwrap();
        for text in [
            "2023-06-07 08:09:10",
            "2023-06-07T08:09:10Z",
            "2023-06-07T08:09:10",
            "2023-06-07T08:09:10.0000000Z",
            "2023-06-07T10:09:10+02:00",
            "1686125350",
        ] {
            assert_eq!(parse(text), Ok(Some(expected)), "{text}");
        }
        assert_eq!(parse("2023-06-07"), Ok(Some("2023-06-07T00:00:00Z".parse().unwrap())));
    }

    #[test]
    fn never_is_none_and_nonsense_an_error() {
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("0000-00-00 00:00:00"), Ok(None));
        assert_eq!(parse("0001-01-01T00:00:00"), Ok(None));
        assert!(parse("soon").unwrap_err().contains("soon"));
        assert!(parse("1e300").is_err());
        assert!(parse("253402207202").is_err());
    }

    #[test]
    fn early_years_survive_being_written() {
        for text in
            ["-000044-03-15T00:00:00Z", "-000001-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "0099-12-31T23:59:59Z"]
        {
            let moment: Timestamp = text.parse().unwrap();
            let written = spaced::serialize(&Some(moment), serde_json::value::Serializer).unwrap();
            assert_eq!(parse(written.as_str().unwrap()), Ok(Some(moment)), "{written}");
        }
    }

    #[test]
    fn the_ends_of_time_come_back_from_unix_seconds() {
        let late: Timestamp = "9999-12-30T22:00:00.99Z".parse().unwrap();
        for moment in [Timestamp::MIN, late, Timestamp::MAX] {
            let again = from_unix(to_unix(moment)).unwrap();
            assert!(moment.duration_since(again).as_secs_f64().abs() < 1e-3, "{moment}");
        }
    }
}
