//! The points of a series: pairs, candles, dots with a text, tuples.
//!
//! Source: LEAN's `CandlestickJsonConverter`, `ChartPointJsonConverter`.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::{date, number, text};

/// One point of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// A value over x; x is Unix seconds in every series over time.
    Value {
        /// Where.
        x: f64,
        /// How much; absent where the series has a gap.
        y: Option<f64>,
    },
    /// A candle at a moment (Unix seconds).
    Candle {
        /// When.
        x: f64,
        /// The first value.
        open: Option<f64>,
        /// The largest.
        high: Option<f64>,
        /// The smallest.
        low: Option<f64>,
        /// The last.
        close: Option<f64>,
    },
    /// A dot with a text.
    Dot {
        /// Where.
        x: f64,
        /// How much.
        y: Option<f64>,
        /// The text shown at it.
        tooltip: String,
    },
    /// Three or more coordinates, such as of a dot in space.
    Tuple(Vec<Option<f64>>),
}

impl Point {
    /// The first coordinate.
    #[must_use]
    pub fn x(&self) -> Option<f64> {
        match self {
            Self::Value { x, .. } | Self::Candle { x, .. } | Self::Dot { x, .. } => Some(*x),
            Self::Tuple(values) => values.first().copied().flatten(),
        }
    }

    /// The moment, in series over time.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.x().and_then(date::from_unix)
    }

    /// The value; of a candle its close.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value { y, .. } | Self::Dot { y, .. } => *y,
            Self::Candle { close, .. } => *close,
            Self::Tuple(values) => values.get(1).copied().flatten(),
        }
    }
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value { x, y } => {
                let mut list = serializer.serialize_seq(Some(2))?;
                element(&mut list, Some(*x))?;
                element(&mut list, *y)?;
                list.end()
            }
            Self::Candle { x, open, high, low, close } => {
                let mut list = serializer.serialize_seq(Some(5))?;
                for value in [Some(*x), *open, *high, *low, *close] {
                    element(&mut list, value)?;
                }
                list.end()
            }
            Self::Dot { x, y, tooltip } => {
                let mut members = serializer.serialize_map(Some(3))?;
                members.serialize_entry("x", &Coordinate(Some(*x)))?;
                members.serialize_entry("y", &Coordinate(*y))?;
                members.serialize_entry("tooltip", tooltip)?;
                members.end()
            }
            Self::Tuple(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    element(&mut list, *value)?;
                }
                list.end()
            }
        }
    }
}

fn element<S: SerializeSeq>(list: &mut S, value: Option<f64>) -> Result<(), S::Error> {
    list.serialize_element(&Coordinate(value))
}

/// Writes whole numbers without a fraction, as the service does with times.
struct Coordinate(Option<f64>);

impl Serialize for Coordinate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_none(),
            Some(value) => match number::whole(value) {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(value),
            },
        }
    }
}

/// Reads points in every known form and leaves out what is none.
pub(crate) fn points<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Point>, D::Error> {
    let points: Vec<MaybePoint> = crate::wire::list::of(deserializer)?;
    Ok(points.into_iter().filter_map(|point| point.0).collect())
}

/// A point, or something that is none: any JSON is read without an error.
struct MaybePoint(Option<Point>);

impl<'de> Deserialize<'de> for MaybePoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PointVisitor).map(Self)
    }
}

struct PointVisitor;

impl<'de> Visitor<'de> for PointVisitor {
    type Value = Option<Point>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a point")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let Some(Cell(x)) = access.next_element()? else { return Ok(None) };
        let Some(Cell(y)) = access.next_element()? else { return Ok(None) };
        let Some(Cell(third)) = access.next_element()? else {
            return Ok(x.number().zip(y.known()).map(|(x, y)| Point::Value { x, y }));
        };
        let mut more = Vec::new();
        while let Some(Cell(value)) = access.next_element()? {
            if more.len() < 8 {
                more.push(value); // no known point has more than five coordinates
            }
        }
        if let (Some(x), [low, close]) = (x.number(), more.as_slice()) {
            return Ok(match (y.known(), third.known(), low.known(), close.known()) {
                (Some(open), Some(high), Some(low), Some(close)) => Some(Point::Candle { x, open, high, low, close }),
                _ => None,
            });
        }
        let values: Option<Vec<_>> = [x, y, third].into_iter().chain(more).map(|value| value.known()).collect();
        Ok(values.map(Point::Tuple))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let (mut x, mut y, mut tooltip) = (Seen::Other, Seen::Number(0.0), None); // a missing y counts as zero
        let mut candle = [None; 4];
        let mut is_candle = false;
        while let Some(name) = access.next_key::<String>()? {
            let mut value = || access.next_value::<Cell>().map(|cell| cell.0);
            match name.to_ascii_lowercase().as_str() {
                "x" | "time" => x = value()?,
                "y" => y = value()?,
                "o" | "open" => (candle[0], is_candle) = (value()?.number(), true),
                "h" | "high" => (candle[1], is_candle) = (value()?.number(), true),
                "l" | "low" => (candle[2], is_candle) = (value()?.number(), true),
                "c" | "close" => (candle[3], is_candle) = (value()?.number(), true),
                "tooltip" => tooltip = access.next_value::<text::Loose>()?.0,
                _ => {
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        let [open, high, low, close] = candle;
        Ok(match (x.number(), y.known(), tooltip) {
            (Some(x), _, _) if is_candle => Some(Point::Candle { x, open, high, low, close }),
            (Some(x), Some(y), Some(tooltip)) => Some(Point::Dot { x, y, tooltip }),
            (Some(x), Some(y), None) => Some(Point::Value { x, y }),
            _ => None,
        })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A coordinate as found.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Number(f64),
    Null,
    Other,
}

impl Seen {
    fn number(self) -> Option<f64> {
        if let Self::Number(value) = self { Some(value) } else { None }
    }
    /// The coordinate where a gap is allowed; `None` when it is neither a number nor null.
    fn known(self) -> Option<Option<f64>> {
        match self {
            Self::Number(value) => Some(Some(value)),
            Self::Null => Some(None),
            Self::Other => None,
        }
    }
}

/// Reads any JSON as a coordinate.
struct Cell(Seen);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor).map(Self)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a coordinate")
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(if value.is_finite() { Seen::Number(value) } else { Seen::Null })
    }
    #[allow(clippy::cast_precision_loss)] // times and amounts stay below 2^53
    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Seen::Number(value as f64))
    }
    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Seen::Number(value as f64))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Seen::Other)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(match number::read(text) {
            Ok(Some(value)) => Seen::Number(value),
            Ok(None) => Seen::Null,
            Err(()) => Seen::Other,
        })
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Seen::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Seen::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Seen::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Series;

    fn read(json: &str) -> Vec<Point> {
        serde_json::from_str::<Series>(&format!("{{\"values\":{json}}}")).unwrap().values
    }

    #[test]
    fn reads_every_documented_point() {
        assert_eq!(read("[[1700000000, 5]]"), [Point::Value { x: 1.7e9, y: Some(5.0) }]);
        assert_eq!(read("[[1700000000, null]]"), [Point::Value { x: 1.7e9, y: None }]);
        assert_eq!(read(r#"[{"x": 1, "y": "2.5"}]"#), [Point::Value { x: 1.0, y: Some(2.5) }]);
        assert_eq!(read(r#"[{"x": 1}]"#), [Point::Value { x: 1.0, y: Some(0.0) }]);
        let dot = Point::Dot { x: 1.0, y: None, tooltip: "here".into() };
        assert_eq!(read(r#"[{"x": 1, "y": null, "tooltip": "here"}]"#), [dot]);
        for tooltip in ["[]", "{}", "[1, {}]", r#"{"text": ["here"]}"#, "null"] {
            let json = format!(r#"[{{"x": 1, "y": 2, "tooltip": {tooltip}}}]"#);
            assert_eq!(read(&json), [Point::Value { x: 1.0, y: Some(2.0) }], "{json}");
        }
        let candle = Point::Candle { x: 1.0, open: Some(2.0), high: Some(3.0), low: None, close: Some(2.5) };
        assert_eq!(read("[[1, 2, 3, null, 2.5]]"), [candle]);
        assert_eq!(read("[[1, 2, 3]]"), [Point::Tuple(vec![Some(1.0), Some(2.0), Some(3.0)])]);
    }

    #[test]
    fn what_is_no_point_is_left_out() {
        assert_eq!(read(r#"[[], [1], "x", 5, null, true, [1, "x"], [[1], 2], {"y": 1}, [1, {}], [1, 2]]"#).len(), 1);
    }

    #[test]
    fn points_survive_a_round_trip() {
        let json = r##"[[1700000000,5.5],[1,2,3,null,2.5],{"x":1,"y":2,"tooltip":"t"},[1,2,3]]"##;
        let series: Series = serde_json::from_str(&format!("{{\"values\":{json}}}")).unwrap();
        assert_eq!(serde_json::to_string(&series.values).unwrap(), json);
    }
}
