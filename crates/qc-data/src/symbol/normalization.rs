//! How prices are adjusted for splits, dividends and futures rolls.

use crate::error::{Error, Result, shown};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How prices are adjusted for splits, dividends and futures rolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Normalization {
    /// As traded.
    Raw,
    /// Splits and dividends, scaled to today's prices.
    Adjusted,
    /// Splits only.
    SplitAdjusted,
    /// Splits, plus the cash dividends paid since the start of the request.
    TotalReturn,
    /// Splits and dividends, scaled to prices at the end of the request.
    ScaledRaw,
    /// Continuous futures: earlier contracts multiplied to meet the last one.
    BackwardsRatio,
    /// Continuous futures: earlier contracts shifted to meet the last one.
    BackwardsPanamaCanal,
    /// Continuous futures: later contracts shifted to meet the first one.
    ForwardPanamaCanal,
}

/// Every normalisation with LEAN's name.
const NORMALIZATIONS: [(Normalization, &str); 8] = [
    (Normalization::Raw, "Raw"),
    (Normalization::Adjusted, "Adjusted"),
    (Normalization::SplitAdjusted, "SplitAdjusted"),
    (Normalization::TotalReturn, "TotalReturn"),
    (Normalization::ScaledRaw, "ScaledRaw"),
    (Normalization::BackwardsRatio, "BackwardsRatio"),
    (Normalization::BackwardsPanamaCanal, "BackwardsPanamaCanal"),
    (Normalization::ForwardPanamaCanal, "ForwardPanamaCanal"),
];

impl Normalization {
    /// LEAN's name: `SplitAdjusted`.
    pub fn name(self) -> &'static str {
        NORMALIZATIONS.iter().find(|(n, _)| *n == self).map_or("Raw", |(_, name)| name)
    }
}

impl fmt::Display for Normalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Normalization {
    type Err = Error;

    /// Case and `_`, `-`, spaces do not matter.
    fn from_str(text: &str) -> Result<Normalization> {
        let plain: String = text.chars().filter(char::is_ascii_alphabetic).collect();
        NORMALIZATIONS.iter().find(|(_, name)| name.eq_ignore_ascii_case(&plain)).map(|(n, _)| *n).ok_or_else(|| {
            Error::Unknown {
                what: "normalization",
                text: shown(text),
                known: "Raw, Adjusted, SplitAdjusted, TotalReturn, ScaledRaw, BackwardsRatio, BackwardsPanamaCanal, ForwardPanamaCanal",
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_its_own_name() {
        for (normalization, name) in NORMALIZATIONS {
            assert_eq!(name.to_uppercase().parse::<Normalization>().unwrap(), normalization);
        }
    }
}
