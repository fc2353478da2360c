//! Charts: named series of points.
//!
//! Source: API description; LEAN's `SeriesJsonConverter`.

mod point;

use serde::{Deserialize, Serialize};

use crate::model::Symbol;
use crate::wire::open_enum::open_code;
use crate::wire::{Map, flag, map, number, object, text};

pub use point::Point;
pub(crate) use point::points;

/// A chart. In a backtest's own answer only the name is filled; `backtests/chart/read` gives the series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Chart {
    /// Its name, such as `Strategy Equity`.
    #[serde(alias = "Name", deserialize_with = "text::string")]
    pub name: String,
    /// 0 overlay, 1 stacked; obsolete.
    #[serde(deserialize_with = "number::option_integer", skip_serializing_if = "Option::is_none")]
    pub chart_type: Option<i64>,
    /// The series by name.
    #[serde(alias = "Series", deserialize_with = "map::of")]
    pub series: Map<Series>,
    /// The security it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<Symbol>,
    /// Whether its legend is hidden.
    #[serde(deserialize_with = "flag::option", skip_serializing_if = "Option::is_none")]
    pub legend_disabled: Option<bool>,
}

open_code! {
    /// How a series is drawn.
    pub enum SeriesKind {
        /// A line.
        Line = 0,
        /// Dots.
        Scatter = 1,
        /// Open, high, low, close.
        Candle = 2,
        /// Bars.
        Bar = 3,
        /// Flags.
        Flag = 4,
        /// Areas above each other.
        StackedArea = 5,
        /// Shares of a whole.
        Pie = 6,
        /// Nested rectangles.
        Treemap = 7,
        /// Coloured cells.
        Heatmap = 9,
        /// Dots in space.
        Scatter3d = 10,
    }
}

/// A series of a [`Chart`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Series {
    /// Its name, such as `Equity`.
    #[serde(alias = "Name", deserialize_with = "text::string")]
    pub name: String,
    /// The unit of its values: `$`, `%` or nothing.
    #[serde(alias = "Unit", deserialize_with = "text::string")]
    pub unit: String,
    /// The pane it is drawn in.
    #[serde(deserialize_with = "number::option_integer")]
    pub index: Option<i64>,
    /// How it is drawn.
    #[serde(rename = "seriesType", alias = "SeriesType")]
    pub kind: Option<SeriesKind>,
    /// The layer it is drawn in.
    #[serde(deserialize_with = "number::option_integer", skip_serializing_if = "Option::is_none")]
    pub z_index: Option<i64>,
    /// The name of its pane.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub index_name: Option<String>,
    /// A template for the text shown at a point.
    #[serde(deserialize_with = "text::loose", skip_serializing_if = "Option::is_none")]
    pub tooltip: Option<String>,
    /// The points, oldest first. What is no point at all is left out.
    #[serde(alias = "Values", deserialize_with = "points")]
    pub values: Vec<Point>,
    /// `#RRGGBB`, or empty.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// The shape of its dots.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub scatter_marker_symbol: Option<String>,
}

/// The answer to a chart request: the chart, or how far the service is with it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChartReply {
    /// The chart, once it is there.
    #[serde(deserialize_with = "object::option", skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// How far the service is, 0 to 1, while it is not.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// `loading`, while it is not.
    #[serde(deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_is_no_text_is_none() {
        for tooltip in ["[]", "{}", "[1]", r#"{"a":{}}"#] {
            let json = format!(r#"{{"name":"a","tooltip":{tooltip},"values":[]}}"#);
            assert_eq!(serde_json::from_str::<Series>(&json).unwrap().tooltip, None, "{json}");
        }
    }
}
