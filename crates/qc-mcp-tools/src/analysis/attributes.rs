//! Conditions on facts of a file (sector, capitalisation, book-to-market), judged by what was known on a day.

use jiff::civil::Date;
use qc_data::table::attributes::{Attributes, Fact};
use serde_json::{Value, json};

use crate::{args::quote, error::ToolError};

/// Most conditions of one question.
const MOST: usize = 20;

/// One condition, such as `sector in Energy|Banks` or `market_cap >= 1e9`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    written: String,
    name: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    AtLeast(f64),
    AtMost(f64),
    Above(f64),
    Below(f64),
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
}

/// Signs that part a name from what it is compared with; the longer ones first.
const SIGNS: [&str; 7] = [">=", "<=", "!=", "==", ">", "<", "="];

impl Condition {
    /// Reads conditions as callers write them, on facts that `known` has.
    ///
    /// # Errors
    /// A text that is no condition, a name the file has not.
    pub(crate) fn read_all(texts: &[String], known: &[String]) -> Result<Vec<Condition>, ToolError> {
        if MOST < texts.len() {
            return Err(ToolError::argument(format!(
                "attribute_filters takes {MOST} conditions, found {}",
                texts.len()
            )));
        }
        texts.iter().map(|text| Condition::read(text, known)).collect()
    }

    fn read(text: &str, known: &[String]) -> Result<Condition, ToolError> {
        let wrong = || {
            ToolError::argument(format!(
                "`{}` is no condition: write a name of the file, one of >= <= > < = != or in, and a value, such as `market_cap >= 1e9` or `sector in Energy|Banks`",
                quote(text)
            ))
        };
        let words = |text: &str| -> Vec<String> {
            text.split('|').map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty()).collect()
        };
        let found = SIGNS.iter().filter_map(|sign| Some((text.find(sign)?, *sign)));
        // Of two signs the one that comes first, of those the longer: `>=` is not `>` and something.
        let first = found.min_by_key(|(at, sign)| (*at, std::cmp::Reverse(sign.len())));
        let (name, test) = match first {
            Some((at, sign)) => {
                let (name, rest) = text.split_at(at);
                let value = rest.get(sign.len()..).unwrap_or_default().trim();
                let number = || value.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(wrong);
                let test = match sign {
                    ">=" => Test::AtLeast(number()?),
                    "<=" => Test::AtMost(number()?),
                    ">" => Test::Above(number()?),
                    "<" => Test::Below(number()?),
                    "!=" => Test::NoneOf(words(value)),
                    _ => Test::OneOf(words(value)),
                };
                (name, test)
            }
            None => {
                let (name, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
                let rest = rest.trim();
                let listed = rest.get(..3).filter(|head| head.eq_ignore_ascii_case("in ")).and_then(|_| rest.get(3..));
                (name, Test::OneOf(words(listed.ok_or_else(wrong)?)))
            }
        };
        if matches!(&test, Test::OneOf(words) | Test::NoneOf(words) if words.is_empty()) {
            return Err(wrong());
        }
        let name = name.trim();
        let Some(known_as) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
            let message = format!("the attributes file has no column `{}`: it has {}", quote(name), known.join(", "));
            return Err(ToolError::argument(message));
        };
        Ok(Condition { written: text.trim().to_owned(), name: known_as.clone(), test })
    }

    /// Why a fact does not meet it, if it does not.
    fn failure(&self, fact: Option<&Fact>) -> Option<String> {
        let Some(fact) = fact else { return Some(format!("{}: nothing known", self.name)) };
        let text = match fact {
            Fact::Text(text) => text.to_ascii_lowercase(),
            Fact::Number(value) => value.to_string(),
        };
        let meets = |is_met: &dyn Fn(f64) -> bool| match fact {
            Fact::Number(value) => is_met(*value),
            Fact::Text(_) => false,
        };
        // A number equals a number however it is written.
        let is_one = |words: &[String]| {
            words
                .iter()
                .any(|word| *word == text || word.parse::<f64>().is_ok_and(|word| meets(&|value| value == word)))
        };
        let is_met = match &self.test {
            Test::AtLeast(least) => meets(&|value| *least <= value),
            Test::AtMost(most) => meets(&|value| value <= *most),
            Test::Above(limit) => meets(&|value| *limit < value),
            Test::Below(limit) => meets(&|value| value < *limit),
            Test::OneOf(words) => is_one(words),
            Test::NoneOf(words) => !is_one(words),
        };
        let shown: String = text.chars().take(40).collect();
        (!is_met).then(|| format!("{} is {}, asked: {}", self.name, quote(&shown), quote(&self.written)))
    }
}

/// One symbol's facts and the conditions it fails.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// The symbol.
    pub(crate) symbol: String,
    /// For the answer: what was known, and since when.
    pub(crate) facts: Value,
    /// One sentence for each condition it fails.
    pub(crate) failed: Vec<String>,
}

/// Judges symbols by what was known of them at the end of `day`.
pub(crate) fn judge(attributes: &Attributes, conditions: &[Condition], symbols: &[String], day: Date) -> Vec<Judged> {
    let of = |symbol: &String| {
        let Some(known) = attributes.known(symbol, day) else {
            let failed = vec![format!("attributes: no row available by {day}")];
            return Judged { symbol: symbol.clone(), facts: Value::Null, failed };
        };
        let shown = conditions.iter().map(|condition| {
            let value = match known.get(&condition.name) {
                Some(Fact::Number(value)) => super::number(*value),
                Some(Fact::Text(text)) => json!(text.chars().take(40).collect::<String>()),
                None => Value::Null,
            };
            (condition.name.clone(), value)
        });
        let mut facts: serde_json::Map<String, Value> = shown.collect();
        facts.insert("available_date".into(), json!(known.available().to_string()));
        let failed = conditions.iter().filter_map(|condition| condition.failure(known.get(&condition.name))).collect();
        Judged { symbol: symbol.clone(), facts: Value::Object(facts), failed }
    };
    symbols.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn failed(text: &str) -> Vec<String> {
        let file = "symbol,available_date,sector,cap,beta\nA,2020-01-01,Energy,2e9,0.8\nB,2020-01-01,Big Banks,5e8,\nC,2021-01-01,Energy,9e9,1\n";
        let facts = Attributes::read("a.csv", file.as_bytes()).unwrap();
        let conditions = Condition::read_all(&[text.to_owned()], &facts.names).unwrap();
        let all: Vec<String> = ["A", "B", "C"].map(ToOwned::to_owned).to_vec();
        let judged = judge(&facts, &conditions, &all, date(2020, 6, 1));
        judged.into_iter().filter(|one| !one.failed.is_empty()).map(|one| one.symbol).collect()
    }

    #[test]
    fn conditions_mean_what_they_say_and_what_is_not_known_fails() {
        for (text, expected) in [
            ("cap >= 1e9", vec!["B", "C"]),
            ("CAP<2e9", vec!["A", "C"]),
            ("sector in energy|utilities", vec!["B", "C"]),
            ("sector = Big Banks", vec!["A", "C"]),
            ("sector != Energy", vec!["A", "C"]),
            ("beta > 0", vec!["B", "C"]),
            ("beta = 0.80", vec!["B", "C"]),
            ("sector > 3", vec!["A", "B", "C"]),
        ] {
            assert_eq!(failed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_said() {
        let known = ["cap".to_owned()];
        for text in ["cap", "cap about 3", "cap >= much", "size >= 3", "cap in ", "cap =", ">= 3"] {
            assert!(Condition::read_all(&[text.to_owned()], &known).is_err(), "{text}");
        }
    }
}
