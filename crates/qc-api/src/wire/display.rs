//! Figures dressed for people: `"$1,234.50"`, `"-$24.70"`, `"$-4.94"`, `"0.57 %"`, `"27%"`, `"318"`.

use std::fmt;

use serde::Serialize;

/// What a displayed figure counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// A bare number.
    Plain,
    /// Hundredths.
    Percent,
    /// Money; the symbol as it was written, such as `$` or `€` or `USDT`.
    Currency(String),
}

/// A figure with its unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The number as displayed: 52.602 for `"52.602%"`.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
}

impl Figure {
    /// Percents as a fraction (0.526 for 52.6 %); everything else unchanged.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if self.unit == Unit::Percent { self.value / 100.0 } else { self.value }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Unit::Plain => write!(f, "{}", self.value),
            Unit::Percent => write!(f, "{}%", self.value),
            Unit::Currency(symbol) => {
                write!(f, "{}{symbol}{}", if self.value < 0.0 { "-" } else { "" }, self.value.abs())
            }
        }
    }
}

/// Reads a displayed figure. The sign counts wherever it stands; thousands separators, spaces and the currency
/// symbol do not. `None` for a text that is no figure, such as a security identifier.
///
/// ```
/// use qc_api::wire::display::{Unit, parse};
///
/// let unrealized = parse("$-4.94").unwrap();
/// assert_eq!((unrealized.value, unrealized.unit), (-4.94, Unit::Currency("$".into())));
/// assert_eq!(parse("0.57 %").unwrap().fraction(), 0.005699999999999999);
/// assert_eq!(parse("SPY R735QTJ8XC9X"), None);
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<Figure> {
    let mut number = String::new();
    let mut symbol = String::new();
    let (mut negative, mut percent, mut ended) = (false, false, false);
    for (at, letter) in text.trim().char_indices() {
        match letter {
            '0'..='9' | '.' if ended => return None, // a second number: a date, an identifier
            '0'..='9' | '.' => number.push(letter),
            // An exponent: LEAN writes very small decimals as 1E-07.
            'e' | 'E' if ends_in_digit(&number) && exponent_follows(text.trim(), at) => number.push('e'),
            '-' | '\u{2212}' | '+' if number.ends_with('e') => number.push(if letter == '+' { '+' } else { '-' }),
            '-' | '\u{2212}' if negative || !number.is_empty() => return None,
            '-' | '\u{2212}' => negative = true,
            '+' if number.is_empty() => {}
            ',' | '_' => {}
            '%' if percent || number.is_empty() => return None,
            '%' => percent = true,
            letter if letter.is_whitespace() => ended |= !number.is_empty(),
            letter => {
                ended |= !number.is_empty();
                symbol.push(letter);
            }
        }
    }
    // A currency symbol is short (longest seen: stable coins of five letters) and no percent has one.
    if 5 < symbol.chars().count() || (percent && !symbol.is_empty()) {
        return None;
    }
    let value: f64 = number.parse().ok().filter(|value: &f64| value.is_finite())?;
    let unit = match (percent, symbol.is_empty()) {
        (true, _) => Unit::Percent,
        (false, true) => Unit::Plain,
        (false, false) => Unit::Currency(symbol),
    };
    Some(Figure { value: if negative { -value } else { value }, unit })
}

fn ends_in_digit(number: &str) -> bool {
    number.ends_with(|letter: char| letter.is_ascii_digit()) && !number.contains('e')
}

fn exponent_follows(text: &str, at: usize) -> bool {
    let rest = text.get(at + 1..).unwrap_or_default().trim_start_matches(['-', '+']);
    rest.starts_with(|letter: char| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_documented_display() {
        let dollars = || Unit::Currency("$".to_owned());
        for (text, value, unit) in [
            ("$1,234.50", 1234.5, dollars()),
            ("-$24.70", -24.7, dollars()),
            ("$-4.94", -4.94, dollars()),
            ("0.57 %", 0.57, Unit::Percent),
            ("-12.3%", -12.3, Unit::Percent),
            ("27%", 27.0, Unit::Percent),
            ("318", 318.0, Unit::Plain),
            ("-1.707", -1.707, Unit::Plain),
            ("$6300000.00", 6_300_000.0, dollars()),
            ("€10", 10.0, Unit::Currency("€".to_owned())),
            ("12.5 USDT", 12.5, Unit::Currency("USDT".to_owned())),
            ("1E-07", 1e-7, Unit::Plain),
        ] {
            assert_eq!(parse(text), Some(Figure { value, unit }), "{text}");
        }
    }

    #[test]
    fn what_is_no_figure_is_none() {
        for text in ["", "-", "%", "SPY R735QTJ8XC9X", "2024-01-02", "00:10:00", "1.2.3", "BTCUSD 2XR", "--1", "five"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
