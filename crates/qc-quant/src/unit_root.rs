//! Tests whether one series has a unit root, and the vocabulary they share: trends, lag rules, critical values.

pub mod adf;
pub(crate) mod dickey_fuller;
pub mod kpss;
pub mod mackinnon;
pub mod phillips_perron;
pub mod variance_ratio;
pub mod verdict;

use std::fmt;

use crate::error::{Error, Result};

/// Deterministic terms of a regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Trend {
    /// No deterministic term ("n").
    None,
    /// A constant ("c").
    #[default]
    Constant,
    /// A constant and a linear trend ("ct").
    Linear,
    /// A constant, a linear and a quadratic trend ("ctt").
    Quadratic,
}

impl Trend {
    /// Number of deterministic regressors.
    pub fn terms(self) -> usize {
        self as usize
    }

    /// The usual abbreviation: n, c, ct or ctt.
    pub fn code(self) -> &'static str {
        match self {
            Self::None => "n",
            Self::Constant => "c",
            Self::Linear => "ct",
            Self::Quadratic => "ctt",
        }
    }

    /// The trend with that abbreviation.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::None, Self::Constant, Self::Linear, Self::Quadratic].into_iter().find(|trend| trend.code() == code)
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How the number of lagged differences is found.
///
/// The criteria are compared on the common sample that the largest lag leaves; the regression of
/// the lag chosen is then run on all rows it can use. Ties go to the smaller lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LagRule {
    /// This many.
    Fixed(usize),
    /// Smallest Akaike criterion, n ln(RSS/n) + 2k.
    #[default]
    Aic,
    /// Smallest Bayes (Schwarz) criterion, n ln(RSS/n) + k ln n.
    Bic,
    /// Largest lag whose own coefficient has |t| of at least 1.645, else 0.
    TStat,
}

impl fmt::Display for LagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(lags) => write!(f, "fixed({lags})"),
            Self::Aic => f.write_str("aic"),
            Self::Bic => f.write_str("bic"),
            Self::TStat => f.write_str("t-stat"),
        }
    }
}

/// Values below which a statistic rejects at the usual levels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CriticalValues {
    /// At 1 percent.
    pub one_percent: f64,
    /// At 5 percent.
    pub five_percent: f64,
    /// At 10 percent.
    pub ten_percent: f64,
}

impl CriticalValues {
    /// The three values with their usual names, "1%", "5%" and "10%".
    pub fn named(&self) -> [(&'static str, f64); 3] {
        [("1%", self.one_percent), ("5%", self.five_percent), ("10%", self.ten_percent)]
    }
}

/// Largest number of lags a Dickey-Fuller regression on `n_rows` can search: (T - 1) / 2 - 1 - terms.
pub fn lag_limit(n_rows: usize, trend: Trend) -> usize {
    (n_rows.saturating_sub(1) / 2).saturating_sub(1 + trend.terms())
}

/// Default largest lag: Schwert's ceil(12 (T/100)^(1/4)), at most [`lag_limit`].
pub fn default_max_lags(n_rows: usize, trend: Trend) -> usize {
    let schwert = (12.0 * (n_rows as f64 / 100.0).powf(0.25)).ceil() as usize;
    schwert.min(lag_limit(n_rows, trend))
}

/// The largest lag to search for a rule, an optional wish and the rows there are.
pub(crate) fn resolve_max_lags(
    what: &str,
    n_rows: usize,
    trend: Trend,
    rule: LagRule,
    max_lags: Option<usize>,
    spare_rows: usize,
) -> Result<usize> {
    // n = T - 1 - p rows for p lags, the level and the trend terms, and one degree of freedom left
    let needed = |lags: usize| lags.saturating_mul(2).saturating_add(trend.terms() + 3);
    if let LagRule::Fixed(lags) = rule {
        let needed = needed(lags).max(lags.saturating_add(3 + trend.terms() + spare_rows));
        return if n_rows < needed {
            Err(Error::too_few_rows(format!("{what} with {lags} lags and trend {trend}"), needed, n_rows))
        } else {
            limit_lags(what, n_rows, lags)
        };
    }
    let smallest = needed(0).max(3 + trend.terms() + spare_rows);
    if n_rows < smallest {
        return Err(Error::too_few_rows(format!("{what} with trend {trend}"), smallest, n_rows));
    }
    match max_lags {
        None => Ok(default_max_lags(n_rows, trend)),
        Some(wish) => {
            let limit = lag_limit(n_rows, trend);
            if limit < wish {
                return Err(Error::out_of_range(format!("max_lags on {n_rows} rows"), 0.0, limit as f64, wish as f64));
            }
            limit_lags(what, n_rows, wish)
        }
    }
}

/// Most lags cubed (a factor of their cross products), and rows times lags, that a regression takes on.
pub const MOST_STEPS: u64 = 20_000_000_000;

fn limit_lags(what: &str, n_rows: usize, lags: usize) -> Result<usize> {
    Error::limit_work(&format!("{what} (rows times lags)"), MOST_STEPS, &[n_rows, lags])?;
    Error::limit_work(&format!("{what} (lags cubed)"), MOST_STEPS, &[lags, lags, lags])?;
    Ok(lags)
}
