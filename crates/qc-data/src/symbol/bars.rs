//! The steps at which data is stored, and the bars that callers want.

use crate::error::{Error, Result, shown};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The step at which data is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// Every trade and quote.
    Tick,
    /// One second.
    Second,
    /// One minute.
    Minute,
    /// One hour.
    Hour,
    /// One day.
    Daily,
}

impl Resolution {
    /// All resolutions, finest first.
    pub const ALL: [Resolution; 5] =
        [Resolution::Tick, Resolution::Second, Resolution::Minute, Resolution::Hour, Resolution::Daily];

    /// Folder name: `daily`.
    pub fn folder(self) -> &'static str {
        match self {
            Resolution::Tick => "tick",
            Resolution::Second => "second",
            Resolution::Minute => "minute",
            Resolution::Hour => "hour",
            Resolution::Daily => "daily",
        }
    }

    /// Bars as they are stored at this step.
    pub fn into_bars(self) -> BarSize {
        BarSize::Stored(self)
    }

    /// Length of a bar in nanoseconds; 0 for ticks.
    pub(crate) fn nanos(self) -> i64 {
        match self {
            Resolution::Tick => 0,
            Resolution::Second => crate::time::SECOND,
            Resolution::Minute => crate::time::MINUTE,
            Resolution::Hour => crate::time::HOUR,
            Resolution::Daily => crate::time::DAY,
        }
    }

    /// Whether one file holds the whole history (hour and daily) instead of one day.
    pub(crate) fn one_file(self) -> bool {
        matches!(self, Resolution::Hour | Resolution::Daily)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

impl FromStr for Resolution {
    type Err = Error;

    fn from_str(text: &str) -> Result<Resolution> {
        let wanted = text.trim().to_ascii_lowercase();
        Resolution::ALL.into_iter().find(|r| r.folder() == wanted).ok_or_else(|| Error::Unknown {
            what: "resolution",
            text: shown(text),
            known: "Tick, Second, Minute, Hour, Daily",
        })
    }
}

/// The bars a caller wants: stored ones, or bars consolidated from the next finer stored resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
#[non_exhaustive]
pub enum BarSize {
    /// Bars as stored.
    Stored(Resolution),
    /// Bars of this many seconds.
    Seconds(u32),
    /// Bars of this many minutes.
    Minutes(u32),
    /// Bars of this many hours.
    Hours(u32),
    /// One bar a calendar week (Monday to Sunday).
    Weekly,
    /// One bar a calendar month.
    Monthly,
}

impl BarSize {
    /// The stored resolution that is read for these bars.
    pub fn source(self) -> Resolution {
        match self {
            BarSize::Stored(resolution) => resolution,
            BarSize::Seconds(_) => Resolution::Second,
            BarSize::Minutes(_) => Resolution::Minute,
            BarSize::Hours(_) => Resolution::Minute,
            BarSize::Weekly | BarSize::Monthly => Resolution::Daily,
        }
    }
}

impl From<Resolution> for BarSize {
    fn from(resolution: Resolution) -> BarSize {
        BarSize::Stored(resolution)
    }
}

impl From<BarSize> for String {
    fn from(size: BarSize) -> String {
        size.to_string()
    }
}

impl fmt::Display for BarSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BarSize::Stored(resolution) => resolution.fmt(f),
            BarSize::Seconds(n) => write!(f, "{n}s"),
            BarSize::Minutes(n) => write!(f, "{n}m"),
            BarSize::Hours(n) => write!(f, "{n}h"),
            BarSize::Weekly => f.write_str("weekly"),
            BarSize::Monthly => f.write_str("monthly"),
        }
    }
}

impl FromStr for BarSize {
    type Err = Error;

    /// Reads `Daily`, `minute`, `15m`, `30s`, `4h`, `weekly`, `monthly`. `1m`, `1s`, `1h` mean the stored resolution.
    fn from_str(text: &str) -> Result<BarSize> {
        let wanted = text.trim().to_ascii_lowercase();
        if let Ok(resolution) = wanted.parse::<Resolution>() {
            return Ok(BarSize::Stored(resolution));
        }
        match wanted.as_str() {
            "weekly" => return Ok(BarSize::Weekly),
            "monthly" => return Ok(BarSize::Monthly),
            _ => {}
        }
        let unknown = || Error::Unknown {
            what: "resolution",
            text: shown(text),
            known: "Tick, Second, Minute, Hour, Daily, <n>s, <n>m, <n>h, weekly, monthly",
        };
        let digits: String = wanted.chars().take_while(char::is_ascii_digit).collect();
        let unit = wanted.get(digits.len()..).unwrap_or_default().trim();
        let count: u32 = digits.parse().map_err(|_| unknown())?;
        match (unit, count) {
            ("s", 1) => Ok(BarSize::Stored(Resolution::Second)),
            ("m", 1) => Ok(BarSize::Stored(Resolution::Minute)),
            ("h", 1) => Ok(BarSize::Stored(Resolution::Hour)),
            ("s", 2..=86_400) => Ok(BarSize::Seconds(count)),
            ("m", 2..=1_440) => Ok(BarSize::Minutes(count)),
            ("h", 2..=24) => Ok(BarSize::Hours(count)),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_sizes_read_as_they_print() {
        for text in ["tick", "second", "minute", "hour", "daily", "15m", "30s", "4h", "weekly", "monthly"] {
            assert_eq!(text.parse::<BarSize>().unwrap().to_string(), text);
        }
        assert_eq!("1m".parse::<BarSize>().unwrap(), BarSize::Stored(Resolution::Minute));
        assert!("0m".parse::<BarSize>().is_err());
        assert!("-5m".parse::<BarSize>().is_err());
    }
}
