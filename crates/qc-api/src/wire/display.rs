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

/// The symbols of letters that LEAN writes right before an amount (its `Currencies`); other letters there are part of a
/// word.
const LETTERS: &[&str] = &["Ag", "Au", "Fr", "Ft", "Kč", "kr", "R", "Rp", "RM", "zł"];

/// Reads a displayed figure. The sign counts wherever it stands; thousands separators, spaces and the currency
/// symbol do not. `None` for a text that is no figure, such as a security identifier: letters count as a currency only
/// where LEAN writes one, before an amount with decimals or after it (`12.5 USDT`).
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
    let (mut before, mut after) = (String::new(), String::new());
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
            ',' if !number.is_empty() && !ended => number.push(','),
            '%' if percent || number.is_empty() => return None,
            '%' => (percent, ended) = (true, true),
            letter if letter.is_whitespace() => ended |= !number.is_empty(),
            letter if number.is_empty() => before.push(letter),
            // Letters right behind digits are the rest of a word: 2XR, 5k.
            letter if !ended && letter.is_alphanumeric() => return None,
            letter => {
                ended = true;
                after.push(letter);
            }
        }
    }
    let symbol = match (before.is_empty(), after.is_empty()) {
        (true, true) => None,
        (false, true) if goes_before(&before, &number) => Some(before),
        (true, false) if goes_before(&after, "") || is_code(&after) => Some(after),
        _ => return None,
    };
    let value: f64 = ungrouped(&number)?.parse().ok().filter(|value: &f64| value.is_finite())?;
    let unit = match (percent, symbol) {
        (true, Some(_)) => return None,
        (true, None) => Unit::Percent,
        (false, None) => Unit::Plain,
        (false, Some(symbol)) => Unit::Currency(symbol),
    };
    Some(Figure { value: if negative { -value } else { value }, unit })
}

/// The number without its separators of thousands; `None` where commas do not stand before groups of three digits.
fn ungrouped(number: &str) -> Option<String> {
    let (whole, rest) = number.split_at(number.find(['.', 'e']).unwrap_or(number.len()));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.contains(',');
    let fits = !grouped || ((1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3));
    (fits && !rest.contains(',')).then(|| whole.replace(',', "") + rest)
}

/// Whether a symbol may stand before `number`.
fn goes_before(symbol: &str, number: &str) -> bool {
    // LEAN writes two coins with signs that others use for notes.
    let is_amount = number.contains('.') || !["*", "✕"].contains(&symbol);
    (is_amount && is_sign(symbol)) || (number.contains('.') && (LETTERS.contains(&symbol) || is_code(symbol)))
}

/// A currency sign, perhaps behind the letters of its country: `$`, `€`, `NT$`, `R$`.
fn is_sign(symbol: &str) -> bool {
    const SIGNS: &str = "$¢£¤¥฿₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₶₷₸₹₺₻₼₽₾₿﷼ɃŁΞξε✕*";
    let mut letters = symbol.chars();
    let sign = letters.next_back().is_some_and(|sign| SIGNS.contains(sign));
    sign && symbol.chars().count() <= 3 && letters.all(|letter| letter.is_ascii_uppercase())
}

/// A code such as `USD` or `USDT`.
fn is_code(symbol: &str) -> bool {
    (3..=5).contains(&symbol.len()) && symbol.bytes().all(|letter| letter.is_ascii_uppercase())
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
            ("NT$1,000.00", 1000.0, Unit::Currency("NT$".to_owned())),
            ("kr1,000.50", 1000.5, Unit::Currency("kr".to_owned())),
            ("R-735.00", -735.0, Unit::Currency("R".to_owned())),
            ("-USDT12.50", -12.5, Unit::Currency("USDT".to_owned())),
            ("*12.50", 12.5, Unit::Currency("*".to_owned())),
            ("-$1,234,567.89", -1_234_567.89, dollars()),
            ("12,345", 12_345.0, Unit::Plain),
        ] {
            assert_eq!(parse(text), Some(Figure { value, unit }), "{text}");
        }
    }

    #[test]
    fn what_is_no_figure_is_none() {
        for text in ["", "-", "%", "SPY R735QTJ8XC9X", "2024-01-02", "00:10:00", "1.2.3", "BTCUSD 2XR", "--1", "five"] {
            assert_eq!(parse(text), None, "{text}");
        }
        for identifier in [
            "R735",
            "SPY1",
            "A1",
            "v2",
            "v2.0",
            "GPT4",
            "#5",
            "(5)",
            "=5",
            "~5",
            "5k",
            "5x",
            "5:",
            "ES 25",
            "SPY 5",
            "LN-4",
            "Q1",
            "1st",
            "M1_20240131",
            "a$5",
            "5 %$",
            "$5%",
            "$5 USD",
            ",5",
            "node 1",
            "Node-1.5",
            "\u{a0}x1",
            "1.5b",
            "1,2,3",
            "3,14",
            "1,2345",
            "1234,567",
            "1,234,",
            "1.234,567",
            "5, 000",
            "2024_01",
            "*5",
            "5*",
            "5 *",
        ] {
            assert_eq!(parse(identifier), None, "{identifier}");
        }
    }
}
