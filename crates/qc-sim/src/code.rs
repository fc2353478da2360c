//! Reads an algorithm's text without running it: what it trades, when, with how much, and what obviously breaks.
//!
//! A simulated compile and a simulated backtest need no more. Python and C# are told apart by the file's name.

mod check;
mod tokens;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub(crate) use self::check::check;
use self::tokens::{Kind, Token, Tokens};

/// A file as the reader needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

/// What the text of a project says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Program {
    /// Tickers of subscribed equities, in order of appearance.
    pub(crate) tickers: Vec<String>,
    pub(crate) start: Option<Date>,
    /// The code asks for parameters `start_date` and `end_date`: their values are its dates.
    pub(crate) is_dated_by_parameters: bool,
    pub(crate) end: Option<Date>,
    pub(crate) cash: Option<f64>,
    /// Weights are restored at the first session of each month.
    pub(crate) rebalances_monthly: bool,
    pub(crate) emits_insights: bool,
    pub(crate) raises: Option<Raise>,
}

/// A statement that would end the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Raise {
    pub(crate) file: String,
    /// Line of the statement, counted from 1.
    pub(crate) line: usize,
    pub(crate) function: String,
    pub(crate) message: String,
    pub(crate) in_initialize: bool,
}

/// A place where a build stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BuildError {
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// Counted from 0, as the service prints it.
    pub(crate) column: usize,
    pub(crate) message: String,
}

/// Dollars a program may begin with: whatever it names beyond is cut, so that no figure of a run is beyond all numbers.
const MOST_CASH: f64 = 1e12;

/// Reads the whole project; `known` says which tickers have prices, for code that subscribes in a loop.
pub(crate) fn read(files: &[Source<'_>], known: impl Fn(&str) -> bool) -> Program {
    let mut program = Program::default();
    for file in files.iter().filter(|file| is_code(file.name)) {
        let tokens = Tokens::of(file);
        let mut add = |ticker: &str| {
            if !program.tickers.iter().any(|have| have == ticker) {
                program.tickers.push(ticker.to_owned());
            }
        };
        let mut in_a_loop = false;
        for arguments in tokens.calls(&["add_equity", "AddEquity"]) {
            match arguments.first() {
                Some(Token { kind: Kind::Text(ticker), .. }) => add(&ticker.to_uppercase()),
                _ => in_a_loop = true,
            }
        }
        if in_a_loop {
            for text in tokens.texts() {
                for word in text.split([' ', ',']).filter(|word| known(word)) {
                    add(word);
                }
            }
        }
        let date = |names: &[&str]| tokens.calls(names).next().and_then(as_date);
        program.start = program.start.or_else(|| date(&["set_start_date", "SetStartDate"]));
        program.end = program.end.or_else(|| date(&["set_end_date", "SetEndDate"]));
        program.is_dated_by_parameters |= tokens.texts().any(|text| text == "start_date");
        let cash = tokens.calls(&["set_cash", "SetCash"]).next().and_then(|arguments| numbers(arguments).next());
        program.cash = program.cash.or(cash.filter(|cash| 0.0 < *cash).map(|cash| cash.min(MOST_CASH)));
        program.rebalances_monthly |= tokens.has_word(&["month_start", "MonthStart", "month_end", "MonthEnd"]);
        program.emits_insights |= tokens.has_word(&["Insight", "emit_insights", "EmitInsights"]);
        program.raises = program.raises.take().or_else(|| find_raise(file));
    }
    program
}

/// The words of a file outside texts and comments, each with its line (from 1) and its column (from 0).
pub(crate) fn words(name: &str, text: &str) -> Vec<(String, usize, usize)> {
    let word = |token: Token| match token.kind {
        Kind::Word(word) => Some((word, token.line, token.column)),
        _ => None,
    };
    Tokens::of(&Source { name, text }).all.into_iter().filter_map(word).collect()
}

fn is_code(name: &str) -> bool {
    is_python(name) || name.ends_with(".cs")
}

fn is_python(name: &str) -> bool {
    name.ends_with(".py")
}

fn numbers(arguments: &[Token]) -> impl Iterator<Item = f64> {
    arguments.iter().filter_map(|token| match &token.kind {
        Kind::Number(digits) => digits.replace('_', "").trim_end_matches(['m', 'M', 'd', 'f']).parse().ok(),
        _ => None,
    })
}

/// `2020, 1, 31`, alone or inside `datetime(...)`.
fn as_date(arguments: &[Token]) -> Option<Date> {
    let mut parts = numbers(arguments).map(|number| number as i64);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// An unconditional `raise` (Python) or `throw` (C#) in a function the engine calls first.
fn find_raise(file: &Source<'_>) -> Option<Raise> {
    let python = is_python(file.name);
    for (function, in_initialize) in [("initialize", true), ("Initialize", true), ("on_data", false), ("OnData", false)]
    {
        let heads: &[String] =
            &if python { vec![format!("def {function}(")] } else { vec![format!("void {function}(")] };
        let mut lines = file
            .text
            .lines()
            .enumerate()
            .skip_while(|(_, line)| !heads.iter().any(|head| line.contains(head.as_str())));
        let Some((_, head)) = lines.next() else { continue };
        let mut body = None;
        for (at, line) in lines {
            let statement = line.trim();
            if statement.is_empty() || statement.starts_with('#') || statement.starts_with("//") || statement == "{" {
                continue;
            }
            if indent(line) <= indent(head) {
                break;
            }
            // Only statements of the body itself run for sure; deeper ones hang on a condition.
            if indent(line) != *body.get_or_insert(indent(line)) {
                continue;
            }
            let keyword = if python { "raise" } else { "throw" };
            let Some(what) = statement.strip_prefix(keyword) else { continue };
            if what.is_empty() || what.starts_with([' ', ';', '(']) {
                let line_text = Source { name: file.name, text: line };
                let message = Tokens::of(&line_text)
                    .texts()
                    .next()
                    .map_or_else(|| what.trim().trim_end_matches(';').to_owned(), str::to_owned);
                return Some(Raise {
                    file: file.name.to_owned(),
                    line: at + 1,
                    function: function.to_owned(),
                    message,
                    in_initialize,
                });
            }
        }
    }
    None
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn python(text: &str) -> [Source<'_>; 1] {
        [Source { name: "main.py", text }]
    }

    const ALGORITHM: &str = r#"
from AlgorithmImports import *

class Demo(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2020, 1, 2)   # a Thursday
        self.set_end_date(datetime(2021, 12, 31))
        self.set_cash(250_000)
        self.add_equity("KO", Resolution.DAILY)
        self.add_equity('pep')
        # self.add_equity("IBM")
"#;

    #[test]
    fn reads_dates_cash_and_tickers_and_skips_comments() {
        let program = read(&python(ALGORITHM), |_| true);
        assert_eq!(program.tickers, ["KO", "PEP"]);
        assert_eq!((program.start, program.end), (Some(date(2020, 1, 2)), Some(date(2021, 12, 31))));
        assert_eq!(program.cash, Some(250_000.0));
        assert_eq!(program.raises, None);
    }

    #[test]
    fn finds_tickers_of_a_loop_among_the_texts() {
        let text = "for t in ['KO', \"PEP\", 'hello']:\n    self.add_equity(t, Resolution.DAILY)\n";
        assert_eq!(read(&python(text), |word| ["KO", "PEP"].contains(&word)).tickers, ["KO", "PEP"]);
    }

    #[test]
    fn a_raise_in_initialize_ends_the_run_unless_it_hangs_on_a_condition() {
        let text = "class A:\n  def initialize(self):\n    x = 1\n    raise ValueError(\"no luck\")\n";
        let raise = read(&python(text), |_| true).raises.unwrap();
        assert_eq!((raise.line, raise.message.as_str(), raise.in_initialize), (4, "no luck", true));
        let text = "class A:\n  def initialize(self):\n    if False:\n      raise ValueError(\"x\")\n    y = 2\n";
        assert_eq!(read(&python(text), |_| true).raises, None);
    }

    #[test]
    fn reads_csharp_too() {
        let text = "public class A : QCAlgorithm {\n  public override void Initialize() {\n    SetCash(5000m); // x\n    \
                    AddEquity(\"SPY\");\n    throw new Exception(\"stop\");\n  }\n}\n";
        let files = [Source { name: "Main.cs", text }];
        let program = read(&files, |_| true);
        assert_eq!((program.tickers, program.cash), (vec!["SPY".to_owned()], Some(5000.0)));
        assert_eq!(program.raises.map(|raise| raise.message), Some("stop".to_owned()));
        assert_eq!(check(&files), []);
    }

    #[test]
    fn sound_code_builds() {
        assert_eq!(check(&python(ALGORITHM)), []);
        let text = "if (a and\n    b):\n  x = {'a': [1, 2], \"b\": '''long\n text''' }\nelse:\n  y = x[1:2]\n";
        assert_eq!(check(&python(text)), []);
    }

    #[test]
    fn obvious_mistakes_stop_the_build_at_their_line() {
        let place = |text: &str| {
            let errors = check(&python(text));
            errors.first().map(|e| (e.line, e.message.clone()))
        };
        assert_eq!(place("x = 1\ny = (2,\n"), Some((2, "'(' was never closed".to_owned())));
        assert_eq!(place("x = 1)\n"), Some((1, "unmatched ')'".to_owned())));
        assert_eq!(place("x = 'abc\n"), Some((1, "unterminated string literal".to_owned())));
        assert_eq!(place("\n\nSYNTAX_ERROR\n"), Some((3, "invalid syntax".to_owned())));
        assert_eq!(place("def f(x)\n    return x\n"), Some((1, "expected ':'".to_owned())));
    }

    #[test]
    fn files_that_are_not_code_are_left_alone() {
        assert_eq!(check(&[Source { name: "research.ipynb", text: "{\"a\": (" }]), []);
    }
}
