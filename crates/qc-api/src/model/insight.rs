//! Insights: what an alpha model expected, and how it came.
//!
//! Source: API description, `Insight`; LEAN's `InsightJsonConverter`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::open_enum::open_enum;
use crate::wire::{date, flag, number, text};

open_enum! {
    /// What an insight is about.
    pub enum InsightKind {
        /// The price.
        Price = "price" | "0",
        /// The volatility.
        Volatility = "volatility" | "1",
    }
}

open_enum! {
    /// Which way an insight points.
    pub enum InsightDirection {
        /// Down.
        Down = "down" | "-1",
        /// Nowhere.
        Flat = "flat" | "0",
        /// Up.
        Up = "up" | "1",
    }
}

/// An expectation of an alpha model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Insight {
    /// 32 hexadecimal digits.
    #[serde(deserialize_with = "text::string")]
    pub id: String,
    /// The group it was given out with.
    #[serde(alias = "group-id", deserialize_with = "text::option")]
    pub group_id: Option<String>,
    /// The model that made it.
    #[serde(alias = "source-model", deserialize_with = "text::option")]
    pub source_model: Option<String>,
    /// When it was made.
    #[serde(alias = "generated-time", alias = "createdTime", alias = "created-time", with = "date::unix")]
    pub generated_time: Option<Timestamp>,
    /// When it ends.
    #[serde(alias = "close-time", with = "date::unix")]
    pub close_time: Option<Timestamp>,
    /// The security identifier.
    #[serde(deserialize_with = "text::option")]
    pub symbol: Option<String>,
    /// The ticker.
    #[serde(deserialize_with = "text::option")]
    pub ticker: Option<String>,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: Option<InsightKind>,
    /// The price when it was made.
    #[serde(alias = "reference-value", alias = "referenceValue", deserialize_with = "number::option")]
    pub reference: Option<f64>,
    /// The price when it ended.
    #[serde(
        alias = "reference-final",
        alias = "referenceValueFinal",
        alias = "reference-value-final",
        deserialize_with = "number::option"
    )]
    pub reference_final: Option<f64>,
    /// Which way it points.
    pub direction: Option<InsightDirection>,
    /// How long it lasts, in seconds.
    #[serde(deserialize_with = "number::option")]
    pub period: Option<f64>,
    /// Expected return, as a fraction.
    #[serde(deserialize_with = "number::option")]
    pub magnitude: Option<f64>,
    /// Confidence, 0 to 1.
    #[serde(deserialize_with = "number::option")]
    pub confidence: Option<f64>,
    /// Weight in the portfolio.
    #[serde(deserialize_with = "number::option")]
    pub weight: Option<f64>,
    /// Whether the scores are final.
    #[serde(
        alias = "scoreIsFinal",
        alias = "score-final",
        alias = "score-is-final",
        deserialize_with = "flag::or_false"
    )]
    pub score_final: bool,
    /// Score of the direction, 0 to 1.
    #[serde(alias = "score-direction", deserialize_with = "number::option")]
    pub score_direction: Option<f64>,
    /// Score of the magnitude, 0 to 1.
    #[serde(alias = "score-magnitude", deserialize_with = "number::option")]
    pub score_magnitude: Option<f64>,
    /// Estimated value, in the account's currency.
    #[serde(alias = "estimated-value", deserialize_with = "number::option")]
    pub estimated_value: Option<f64>,
    /// A note of the algorithm.
    #[serde(deserialize_with = "text::option")]
    pub tag: Option<String>,
}
