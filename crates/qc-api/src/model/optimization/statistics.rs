//! The statistics of one backtest of an optimization: by position in old answers, by the position's number in newer ones.
//!
//! Source: LEAN's `OptimizationBacktestJsonConverter`.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

use crate::wire::{Map, number};

/// The statistics of one backtest of an optimization, by title.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OptimizationStatistics(pub Map<Option<f64>>);

impl OptimizationStatistics {
    /// The figure of a title such as `Sharpe Ratio`.
    #[must_use]
    pub fn figure(&self, title: &str) -> Option<f64> {
        self.0.get(title).copied().flatten()
    }
}

/// The titles by position: old answers hold an array, newer ones a map by the position's number.
const TITLES: [&str; 25] = [
    "Alpha",
    "Annual Standard Deviation",
    "Annual Variance",
    "Average Loss",
    "Average Win",
    "Beta",
    "Compounding Annual Return",
    "Drawdown",
    "Estimated Strategy Capacity",
    "Expectancy",
    "Information Ratio",
    "Loss Rate",
    "Net Profit",
    "Probabilistic Sharpe Ratio",
    "Profit-Loss Ratio",
    "Sharpe Ratio",
    "Total Fees",
    "Total Orders",
    "Tracking Error",
    "Treynor Ratio",
    "Win Rate",
    "Sortino Ratio",
    "Start Equity",
    "End Equity",
    "Drawdown Recovery",
];

fn title_of(key: &str) -> String {
    let position = key.parse::<usize>().ok();
    position.and_then(|at| TITLES.get(at)).map_or_else(|| key.to_owned(), |title| (*title).to_owned())
}

/// Writes the map by position, as newer answers do.
pub(super) fn numbered<S: Serializer>(statistics: &OptimizationStatistics, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(statistics.0.iter().map(|(title, value)| {
        let position = TITLES.iter().position(|known| known == title);
        (position.map_or_else(|| title.clone(), |at| at.to_string()), value)
    }))
}

impl<'de> Deserialize<'de> for OptimizationStatistics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatisticsVisitor)
    }
}

/// A number in a place where serde wants a type.
struct Figure(Option<f64>);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number::option(deserializer).map(Self)
    }
}

struct StatisticsVisitor;

impl<'de> Visitor<'de> for StatisticsVisitor {
    type Value = OptimizationStatistics;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("statistics by position or by title")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut statistics = Map::new();
        while let Some((key, Figure(value))) = access.next_entry::<String, Figure>()? {
            statistics.insert(title_of(&key), value);
        }
        Ok(OptimizationStatistics(statistics))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut statistics = Map::new();
        while let Some(Figure(value)) = access.next_element()? {
            statistics.insert(title_of(&statistics.len().to_string()), value);
        }
        Ok(OptimizationStatistics(statistics))
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(OptimizationStatistics::default())
    }
}

#[cfg(test)]
mod tests {
    use crate::model::OptimizationBacktest;

    #[test]
    fn statistics_read_by_position_and_by_number() {
        let by_position = r#"{"statistics":[0.1,null,"0.3"]}"#;
        let by_number = r#"{"statistics":{"0":"0.1","1":null,"2":0.3,"My Own":5}}"#;
        for json in [by_position, by_number] {
            let backtest: OptimizationBacktest = serde_json::from_str(json).unwrap();
            assert_eq!(backtest.statistics.figure("Alpha"), Some(0.1), "{json}");
            assert_eq!(backtest.statistics.figure("Annual Standard Deviation"), None);
            assert_eq!(backtest.statistics.figure("Annual Variance"), Some(0.3));
        }
    }
}
