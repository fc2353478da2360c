//! What names are ranked by.

use qc_data::table::attributes::{Attributes, Fact};
use qc_quant::stats::moments::std_dev;

use super::{LOOKBACK, MONTH, QUARTER, steps};
use crate::error::ToolError;

/// What a name is ranked by; larger is better.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Signal {
    /// Return of the year but for its last month.
    Momentum,
    /// Loss of the last month.
    Reversal,
    /// How little it moved in a quarter.
    Volatility,
    /// A column of the attributes file, its sign turned where a minus stands before it.
    Attribute(String, f64),
}

impl Signal {
    /// Reads signals.
    ///
    /// # Errors
    /// A word that is none, a column the file has not.
    pub(crate) fn read_all(texts: &[String], facts: Option<&Attributes>) -> Result<Vec<Signal>, ToolError> {
        let read = |text: &String| {
            let name = text.trim();
            match name.to_ascii_lowercase().as_str() {
                "momentum_12_1" | "momentum" => return Ok(Signal::Momentum),
                "reversal" => return Ok(Signal::Reversal),
                "volatility" => return Ok(Signal::Volatility),
                _ => {}
            }
            let (column, sign) = name.strip_prefix('-').map_or((name, 1.0), |column| (column, -1.0));
            let known = facts.and_then(|facts| facts.names.iter().find(|known| known.eq_ignore_ascii_case(column)));
            known.map(|known| Signal::Attribute(known.clone(), sign)).ok_or_else(|| {
                let columns =
                    facts.map_or_else(|| "no attributes file was given".to_owned(), |facts| facts.names.join(", "));
                ToolError::argument(format!(
                    "`{}` is no signal: momentum_12_1, volatility, reversal, or a column of attributes ({columns})",
                    crate::args::quote(text)
                ))
            })
        };
        let signals: Vec<Signal> = texts.iter().map(read).collect::<Result<_, ToolError>>()?;
        if signals.is_empty() { Err(ToolError::argument("signals are empty: name one at least")) } else { Ok(signals) }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Signal::Momentum => "momentum_12_1".to_owned(),
            Signal::Reversal => "reversal".to_owned(),
            Signal::Volatility => "volatility".to_owned(),
            Signal::Attribute(name, sign) if *sign < 0.0 => format!("-{name}"),
            Signal::Attribute(name, _) => name.clone(),
        }
    }

    /// The score of a name on a row, from what was known then.
    pub(super) fn score(&self, prices: &[f64], row: usize, fact: Option<&Fact>) -> Option<f64> {
        let at = |back: usize| row.checked_sub(back).and_then(|row| prices.get(row)).copied();
        let score = match self {
            Signal::Momentum => at(MONTH)? / at(LOOKBACK)? - 1.0,
            Signal::Reversal => 1.0 - at(0)? / at(MONTH)?,
            Signal::Volatility => -std_dev(&steps(prices.get(row.checked_sub(QUARTER)?..=row)?)),
            Signal::Attribute(_, sign) => match fact? {
                Fact::Number(value) => sign * value,
                Fact::Text(_) => return None,
            },
        };
        Some(score).filter(|score| score.is_finite())
    }
}
