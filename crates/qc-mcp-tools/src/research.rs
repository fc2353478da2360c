//! The arguments every research tool takes, read and checked.

use jiff::civil::Date;
use qc_data::{
    BarSize, DataFolder, Normalization, Resolution,
    reference::{self, InterestRate},
};
use qc_quant::{Label, MissingPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::{Kind, ToolError, Topic},
    prices::{self, Prices},
    quantbook,
};

/// The arguments every research tool takes. Those marked `x-hidden` are described once, in the server's
/// instructions, and accepted everywhere.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ResearchArgs {
    /// Workbook. Default: default
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instance_name: Option<String>,
    /// Tick, Second, Minute, Hour, Daily (default), 15m, weekly, monthly
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resolution: Option<String>,
    /// Raw, Adjusted, SplitAdjusted, TotalReturn or ScaledRaw. Default: Adjusted
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hidden" = true))]
    pub(crate) normalization: Option<String>,
    /// Rows in which a symbol has no bar: drop_rows or error. Default: drop_rows
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hidden" = true))]
    pub(crate) missing: Option<String>,
    /// New file below the output folder for the full result: name.json or name.csv; for its picture name.svg or name.png
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hidden" = true))]
    pub(crate) save_as: Option<String>,
    /// Adds a picture of the result. Default: false
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hidden" = true))]
    pub(crate) chart: Option<bool>,
    /// Annual rate as a fraction, or `lean` for the folder's interest-rate file. Default: 0
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hidden" = true), with = "String")]
    pub(crate) risk_free_rate: Option<Value>,
    /// Observations a year. Default: those of the exchange and resolution
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-hidden" = true))]
    pub(crate) periods_per_year: Option<f64>,
    /// Seconds to wait before the answer is a job for wait_for_job. Default: 45
    #[serde(skip_serializing)]
    #[schemars(extend("x-hidden" = true))]
    pub(crate) wait_seconds: Option<f64>,
}

impl ResearchArgs {
    /// The workbook meant.
    pub(crate) fn instance(&self) -> &str {
        quantbook::name_or_default(self.instance_name.as_deref())
    }

    /// The bars meant.
    ///
    /// # Errors
    /// A word that names no bars.
    pub(crate) fn bars(&self) -> Result<BarSize, ToolError> {
        match &self.resolution {
            Some(text) => Ok(text.parse::<BarSize>()?),
            None => Ok(BarSize::Stored(Resolution::Daily)),
        }
    }

    /// The adjustment meant.
    ///
    /// # Errors
    /// A word that names no adjustment.
    pub(crate) fn normalization(&self) -> Result<Normalization, ToolError> {
        match &self.normalization {
            Some(text) => Ok(text.parse::<Normalization>()?),
            None => Ok(Normalization::Adjusted),
        }
    }

    /// The adjustment asked for, if one: each type of security has its usual one.
    ///
    /// # Errors
    /// A word that names no adjustment.
    pub(crate) fn normalization_asked(&self) -> Result<Option<Normalization>, ToolError> {
        self.normalization.as_ref().map(|text| Ok(text.parse::<Normalization>()?)).transpose()
    }

    pub(crate) fn missing(&self) -> Result<MissingPolicy, ToolError> {
        match self.missing.as_deref().map(str::trim) {
            None | Some("drop_rows") => Ok(MissingPolicy::DropRows),
            Some("error") => Ok(MissingPolicy::Error),
            Some(other) => {
                let shown: String = other.chars().filter(char::is_ascii_graphic).take(30).collect();
                Err(ToolError::argument(format!("missing must be drop_rows or error, found `{shown}`")))
            }
        }
    }

    /// Observations a year: the caller's, else those of the bars.
    ///
    /// # Errors
    /// A word that names no bars; ticks, which have no such number.
    pub(crate) fn periods_per_year(&self) -> Result<f64, ToolError> {
        let usual = prices::periods_per_year(self.bars()?);
        self.periods_per_year.or(usual).ok_or_else(|| {
            ToolError::argument(
                "ticks have no number of observations a year: give periods_per_year, or a resolution of bars",
            )
        })
    }

    /// The riskless rate meant.
    pub(crate) fn risk_free(&self) -> RiskFreeRate {
        let Some(value) = &self.risk_free_rate else { return RiskFreeRate::Annual(0.0) };
        number_of(value).map_or(RiskFreeRate::OfFolder, RiskFreeRate::Annual)
    }

    /// Refuses values that cannot be.
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        if let Some(periods) = self.periods_per_year
            && !(0.0 < periods && periods <= 31_622_400.0)
        {
            return Err(ToolError::argument(format!("periods_per_year must be above 0, found {periods}")));
        }
        match &self.risk_free_rate {
            None => Ok(()),
            Some(value) => {
                let number = number_of(value);
                let is_lean = value.as_str().is_some_and(|text| text.trim().eq_ignore_ascii_case("lean"));
                if is_lean || number.is_some_and(|rate: f64| (-1.0..=1.0).contains(&rate)) {
                    return Ok(());
                }
                let found = crate::args::quote(&value.to_string());
                let message = format!("risk_free_rate must be a fraction between -1 and 1, or `lean`, found `{found}`");
                Err(ToolError::argument(message))
            }
        }
    }
}

/// A count of at least one, if given.
///
/// # Errors
/// [`Kind::InvalidArgument`] naming the argument.
pub(crate) fn count(argument: &str, given: Option<i64>) -> Result<Option<usize>, ToolError> {
    at_least(argument, given, 1)
}

/// A number of rows of at least two, if given.
///
/// # Errors
/// [`Kind::InvalidArgument`] naming the argument.
pub(crate) fn rows(argument: &str, given: Option<i64>) -> Result<Option<usize>, ToolError> {
    at_least(argument, given, 2)
}

fn at_least(argument: &str, given: Option<i64>, least: i64) -> Result<Option<usize>, ToolError> {
    let Some(given) = given else { return Ok(None) };
    match usize::try_from(given) {
        Ok(value) if least <= given => Ok(Some(value)),
        _ => Err(ToolError::argument(format!("{argument} must be at least {least}, found {given}"))),
    }
}

/// The riskless rate of a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RiskFreeRate {
    /// A fraction a year.
    Annual(f64),
    /// The mean of the folder's interest-rate file over the window, as LEAN's Sharpe ratio takes it.
    OfFolder,
}

impl RiskFreeRate {
    /// The rate a year from the first to the last row of `prices`, as a fraction; where the file does not reach as far, that
    /// becomes one of their warnings.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`] where the folder has no interest-rate file.
    pub(crate) fn annual(self, folder: &DataFolder, prices: &mut Prices) -> Result<f64, ToolError> {
        let rate = match self {
            RiskFreeRate::Annual(rate) => return Ok(rate),
            RiskFreeRate::OfFolder => reference::interest_rate(folder)?,
        };
        if !rate.from_file {
            let message = "the data folder has no interest-rate file: give risk_free_rate as a fraction a year";
            return Err(ToolError::new(Kind::InvalidArgument, Topic::Argument, message));
        }
        let day = |label: Label| match label {
            Label::Date(day) => Some(day),
            Label::Instant(at) => Some(at.to_zoned(jiff::tz::TimeZone::UTC).date()),
            Label::Row(_) => None,
        };
        match (day(prices.panel.first_label()), day(prices.panel.last_label())) {
            (Some(first), Some(last)) => {
                prices.warnings.extend(carried(&rate, first, last));
                Ok(rate.mean(first, last))
            }
            _ => Err(ToolError::new(Kind::Internal, Topic::General, "prices without dates have no interest rate")),
        }
    }
}

/// What to say of an interest-rate file that does not reach over the whole window.
fn carried(rate: &InterestRate, first: Date, last: Date) -> Option<String> {
    let (begins, oldest) = *rate.points.first()?;
    let (ends, newest) = *rate.points.last()?;
    if ends < last {
        let newest = 100.0 * newest;
        return Some(format!(
            "the interest-rate file ends on {ends}: its last rate, {newest:.2} % a year, is carried forward to {last}"
        ));
    }
    let oldest = 100.0 * oldest;
    (first < begins)
        .then(|| format!("the interest-rate file begins on {begins}: its first rate, {oldest:.2} % a year, is carried back to {first}"))
}

fn number_of(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}
