//! A look at code before it is uploaded: names of indicators and of the algorithm that are overwritten, reserved names of
//! charts, too many series, files too large, code that would carry dataset values out of the cloud. It warns, it never
//! stands in the way, and it says what it cannot see.

mod tokens;

use std::collections::BTreeSet;

use tokens::{Dialect, Token};

use crate::plans;

/// What a look cannot see; told with every answer.
pub(crate) const BLIND: &str = "it reads names, calls and texts, not what values flow where: what goes through variables, \
    helper functions, other modules or notebooks is not seen; no finding is no proof";

/// A remark on code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule, in one word.
    pub(crate) rule: &'static str,
    /// Which file, by its place in the list.
    pub(crate) file: usize,
    /// Which line, from 1; 0 for the whole file.
    pub(crate) line: usize,
    /// What is wrong and what to do, in our words.
    pub(crate) text: String,
}

/// Methods of an algorithm that make indicators, in Python's spelling (LEAN, `QCAlgorithm.Indicators.cs`).
const INDICATORS: &str = "abands ad addiff adosc adr advr adx adxr alma ao apo aps ar arima aroon asi atr bb bop cc cci \
    chop cks cmf cmo co cov crsi dch dem dema do dpo ema emv fi fish frama he heikin_ashi hma ht ibs ichimoku identity \
    iv kama kch ker kst kvo logr lsma lwma macd mad mama mass max mfi mgd midpoint midprice min mom momersion momp mosc msi \
    natr nhnl nhnlv obv pphl ppo psar pso rc rdv rma roc rocp rocr rsi rsv rvi sarext si sm sma sobv sortino sr srsi stc \
    std sto str sum swiss tdd tds tema tp tr trima trin trix tsf tsi ultosc var vidya vp vtx vwap vwma wilr wto wwma \
    zlema zz";

/// Members of an algorithm that code must not replace.
const MEMBERS: &str = "portfolio securities transactions schedule time utc_time notify date_rules time_rules insights \
    history log debug error plot buy sell order market_order limit_order set_holdings liquidate add_equity train";

/// Names of charts that LEAN keeps for itself (QuantConnect's documentation, Charting).
const CHARTS: [&str; 3] = ["Assets Sales Volume", "Exposure", "Portfolio Margin"];

/// Series that LEAN keeps for itself on its own charts (same page).
const SERIES: [(&str, &str); 6] = [
    ("Strategy Equity", "Equity"),
    ("Strategy Equity", "Return"),
    ("Capacity", "Strategy Capacity"),
    ("Drawdown", "Equity Drawdown"),
    ("Benchmark", "Benchmark"),
    ("Portfolio Turnover", "Portfolio Turnover"),
];

/// Series of all charts together that small plans draw.
const MOST_SERIES: usize = 10;

/// Calls whose arguments leave the cloud, without underscores and in lower case.
const EXITS: &str = "log debug error plot setruntimestatistic setsummarystatistic email sms web telegram ftp save savebytes \
    savejson savexml savestring";

/// Whose calls carry values out.
const OWNERS: &str = "self this base algorithm algo qcalgorithm notify objectstore";

/// Tokens of one call that are looked at.
const MOST_ARGUMENTS: usize = 500;

/// Members that hold dataset values, without underscores and in lower case.
const VALUES: &str = "close open high low volume price bidprice askprice bidsize asksize lastprice bid ask openinterest \
    history tocsv tojson serialize dataframe";

/// All remarks, file by file.
pub(crate) fn look(files: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut series: BTreeSet<(String, String)> = BTreeSet::new();
    let mut last_plot = None;
    for (file, (name, code)) in files.iter().enumerate() {
        findings.extend(size(file, code.len()));
        let Some(dialect) = dialect(name) else { continue };
        let tokens = tokens::of(code, dialect);
        if dialect == Dialect::Python {
            findings.extend(overwritten(file, &tokens));
        }
        findings.extend(charts(file, &tokens));
        findings.extend(exits(file, &tokens));
        for (line, chart, one) in plots(&tokens) {
            if series.insert((chart, one)) && MOST_SERIES < series.len() {
                last_plot.get_or_insert((file, line));
            }
        }
    }
    if let Some((file, line)) = last_plot {
        let text = format!(
            "{} series are plotted; small plans draw {MOST_SERIES} in all, about 5 of them LEAN's own: plot fewer",
            series.len()
        );
        findings.push(Finding { rule: "series", file, line, text });
    }
    findings
}

fn dialect(name: &str) -> Option<Dialect> {
    match name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())?.as_str() {
        "py" => Some(Dialect::Python),
        "cs" => Some(Dialect::CSharp),
        _ => None,
    }
}

/// A file that some plan does not take.
fn size(file: usize, bytes: usize) -> Option<Finding> {
    let too_small = plans::too_small_for(bytes);
    if too_small.is_empty() {
        return None;
    }
    let text = format!("{bytes} bytes are too many for the plan(s) {}: split the file", too_small.join(", "));
    Some(Finding { rule: "size", file, line: 0, text })
}

/// `self.rsi = ...` where the algorithm has a method or member of that name.
fn overwritten(file: usize, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in tokens.windows(5) {
        let [owner, dot, name, equals, after] = at else { continue };
        let assigns = owner.word() == Some("self") && dot.is('.') && equals.is('=') && !after.is('=');
        let Some(word) = name.word().filter(|_| assigns) else { continue };
        let text = if of(INDICATORS, word) {
            format!("self.{word} replaces the method of QCAlgorithm that makes the indicator; write self._{word}")
        } else if of(MEMBERS, word) {
            format!("self.{word} replaces a member of QCAlgorithm; choose another name")
        } else {
            continue;
        };
        findings.push(Finding { rule: "overwritten", file, line: name.line, text });
    }
    findings
}

/// Whether `word` stands in a list of words.
fn of(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// Lower case and without underscores, so that Python's and C#'s spelling are one.
fn plain(word: &str) -> String {
    word.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// `Chart("Exposure")`, `plot("Exposure", ...)`, and LEAN's own series.
fn charts(file: usize, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in tokens.windows(3) {
        let [call, open, name] = at else { continue };
        let names_chart =
            call.word().is_some_and(|word| ["chart", "plot", "plotindicator"].contains(&plain(word).as_str()));
        let Some(chart) = name.text().filter(|_| names_chart && open.is('(')) else { continue };
        if let Some(reserved) = CHARTS.iter().find(|reserved| **reserved == chart) {
            let text = format!("the chart name \"{reserved}\" is LEAN's own: choose another");
            findings.push(Finding { rule: "chart", file, line: name.line, text });
        }
    }
    for (line, chart, series) in plots(tokens) {
        if SERIES.contains(&(chart.as_str(), series.as_str())) {
            let text = "that series of that chart is LEAN's own: choose another name".to_owned();
            findings.push(Finding { rule: "chart", file, line, text });
        }
    }
    findings
}

/// `plot("chart", "series", ...)` with both names given as texts: line, chart, series.
fn plots(tokens: &[Token]) -> impl Iterator<Item = (usize, String, String)> {
    tokens.windows(5).filter_map(|at| {
        let [call, open, chart, comma, series] = at else { return None };
        let is_plot = call.word().is_some_and(|word| plain(word) == "plot") && open.is('(') && comma.is(',');
        let (chart, series) = (chart.text()?, series.text()?);
        is_plot.then(|| (call.line, chart.to_owned(), series.to_owned()))
    })
}

/// Calls that carry values out, with a dataset's value among their arguments.
fn exits(file: usize, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(word) = token.word() else { continue };
        let follows = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| token.is('.'));
        let opens = tokens.get(at + 1).is_some_and(|token| token.is('('));
        let name = plain(word);
        // In C# the algorithm's own methods are called without `this`.
        let is_bare = word.starts_with(char::is_uppercase);
        if !opens || !(follows || is_bare) || !of(EXITS, &name) || (follows && !is_the_algorithms(tokens, at)) {
            continue;
        }
        let arguments = tokens.get(at + 2..).unwrap_or_default();
        if let Some(value) = value_among(arguments) {
            let text = format!(
                "{name}(...) is given {value}: dataset values must not leave the cloud, not by logs, charts, messages, \
                 statistics or the object store; give a result such as a return or a count instead"
            );
            findings.push(Finding { rule: "export", file, line: token.line, text });
        }
    }
    findings
}

/// Whether the member called at `at` belongs to the algorithm, its messages or its object store, and not to a module of
/// mathematics or plotting: `self.log`, `algorithm.debug`, `self.notify.email`, `self.object_store.save`.
fn is_the_algorithms(tokens: &[Token], at: usize) -> bool {
    let owner = at.checked_sub(2).and_then(|before| tokens.get(before)).and_then(Token::word);
    owner.is_some_and(|owner| of(OWNERS, &plain(owner)))
}

/// The first dataset value before the call's closing parenthesis: a member such as `.close`, or a call of `history`.
fn value_among(tokens: &[Token]) -> Option<String> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().take(MOST_ARGUMENTS).enumerate() {
        if token.is('(') {
            depth += 1;
        } else if token.is(')') {
            depth = depth.checked_sub(1)?;
        }
        let follows = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| token.is('.'));
        let Some(word) = token.word().filter(|_| follows) else { continue };
        let name = plain(word);
        if !of(VALUES, &name) {
            continue;
        }
        return Some(format!(".{name}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(code: &str) -> Vec<(&'static str, usize)> {
        look(&[("main.py", code)]).iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn indicators_and_members_that_are_overwritten_are_found() {
        assert_eq!(rules("a = 1\nself.rsi = self.rsi('SPY', 14)"), [("overwritten", 2)]);
        assert_eq!(rules("self.portfolio = {}"), [("overwritten", 1)]);
        for fine in [
            "self._rsi = self.rsi('SPY', 14)",
            "if self.time == x: pass",
            "rsi = 1",
            "# self.rsi = 1",
            "\"self.rsi = 1\"",
        ] {
            assert_eq!(rules(fine), [], "{fine}");
        }
    }

    #[test]
    fn reserved_charts_and_series_are_found() {
        assert_eq!(rules("self.plot('Exposure', 'x', 1)"), [("chart", 1)]);
        assert_eq!(rules("chart = Chart(\"Portfolio Margin\")"), [("chart", 1)]);
        assert_eq!(rules("self.plot('Drawdown', 'Equity Drawdown', 1)"), [("chart", 1)]);
        assert_eq!(rules("self.plot('Drawdown', 'mine', 1)"), []);
        let many: String = (0..12).map(|i| format!("self.plot('c', 's{i}', 1)\n")).collect();
        assert_eq!(rules(&many), [("series", 11)]);
    }

    #[test]
    fn values_that_would_leave_are_found_where_they_can_be_seen() {
        for code in [
            "self.log(f'{bar.close}')",
            "self.debug(str(data['SPY'].price))",
            "self.plot('c', 's', self.securities['SPY'].close)",
            "self.object_store.save('k', self.history(spy, 10).to_csv())",
            "self.notify.email('a', 'b', str(x.bid_price))",
            "self.algorithm.log(str(x.price))",
        ] {
            assert_eq!(rules(code), [("export", 1)], "{code}");
        }
        for fine in [
            "self.log('close')",
            "self.log(f'{n} trades'); x = bar.close",
            "x = math.log(2)",
            "log(bar.close)",
            "r = np.log(df.close)",
            "plt.plot(x.close)",
            "logger.error(x.open)",
        ] {
            assert_eq!(rules(fine), [], "{fine}");
        }
        let sharp = look(&[("Main.cs", "Log($\"{bar.Close}\");\nvar x = bar.Close;")]);
        assert_eq!((sharp.len(), sharp[0].rule, sharp[0].line), (1, "export", 1));
    }

    #[test]
    fn large_files_name_the_plans_that_do_not_take_them() {
        let findings = look(&[("a.py", &"x = 1\n".repeat(12_000))]);
        assert_eq!((findings[0].rule, findings[0].line), ("size", 0));
        assert!(findings[0].text.contains("Free, Quant Researcher: "), "{}", findings[0].text);
    }
}
