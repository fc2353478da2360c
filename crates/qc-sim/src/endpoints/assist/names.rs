//! A few names of LEAN's API with what they are for. The service has an index of all of them; these are the commonest.

use crate::code;

/// A name as Python and as C# write it, and what it does.
pub(super) struct Name {
    pub(super) python: &'static str,
    pub(super) csharp: &'static str,
    pub(super) purpose: &'static str,
}

const fn name(python: &'static str, csharp: &'static str, purpose: &'static str) -> Name {
    Name { python, csharp, purpose }
}

/// In alphabetical order of their Python spelling.
pub(super) const NAMES: [Name; 36] = [
    name("add_alpha", "AddAlpha", "adds a model that emits insights"),
    name("add_crypto", "AddCrypto", "subscribes to a crypto currency"),
    name("add_equity", "AddEquity", "subscribes to a share by its ticker"),
    name("add_forex", "AddForex", "subscribes to a pair of currencies"),
    name("add_future", "AddFuture", "subscribes to a future"),
    name("add_option", "AddOption", "subscribes to the options of a share"),
    name("add_risk_management", "AddRiskManagement", "adds a model that limits losses"),
    name("add_universe", "AddUniverse", "subscribes to a changing set of securities"),
    name("calculate_order_quantity", "CalculateOrderQuantity", "turns a target weight into a number of shares"),
    name("date_rules", "DateRules", "days on which something is scheduled"),
    name("debug", "Debug", "writes a message to the console"),
    name("emit_insights", "EmitInsights", "emits insights by hand"),
    name("error", "Error", "writes an error to the log"),
    name("get_parameter", "GetParameter", "reads a parameter of the project"),
    name("history", "History", "asks for bars of the past"),
    name("initialize", "Initialize", "is called once, before the first data"),
    name("limit_order", "LimitOrder", "buys or sells at a price or better"),
    name("liquidate", "Liquidate", "sells what is held"),
    name("log", "Log", "writes a line to the log"),
    name("market_on_close_order", "MarketOnCloseOrder", "buys or sells in the closing auction"),
    name("market_on_open_order", "MarketOnOpenOrder", "buys or sells in the opening auction"),
    name("market_order", "MarketOrder", "buys or sells at once"),
    name("on_data", "OnData", "is called with each slice of data"),
    name("on_order_event", "OnOrderEvent", "is called when an order changes"),
    name("on_securities_changed", "OnSecuritiesChanged", "is called when the universe changes"),
    name("plot", "Plot", "adds a point to a chart"),
    name("set_benchmark", "SetBenchmark", "chooses what the run is compared with"),
    name("set_brokerage_model", "SetBrokerageModel", "chooses whose fees and rules are modelled"),
    name("set_cash", "SetCash", "sets the cash at the start"),
    name("set_end_date", "SetEndDate", "sets the last day of a backtest"),
    name("set_holdings", "SetHoldings", "brings a security to a target weight"),
    name("set_start_date", "SetStartDate", "sets the first day of a backtest"),
    name("set_warm_up", "SetWarmUp", "reads data before the first day"),
    name("stop_limit_order", "StopLimitOrder", "a limit order once a price is passed"),
    name("stop_market_order", "StopMarketOrder", "buys or sells once a price is passed"),
    name("time_rules", "TimeRules", "times of day at which something is scheduled"),
];

/// The names that begin so, in the spelling of the language.
pub(super) fn starting_with(word: &str, python: bool) -> impl Iterator<Item = &'static str> {
    let names = NAMES.iter().map(move |name| if python { name.python } else { name.csharp });
    names.filter(move |name| name.starts_with(word))
}

/// The text with these names in their Python spelling where they are names of something else (`self.SetCash`) or of a
/// method that is defined; texts and comments stay.
pub(super) fn with_underscores(file: &str, text: &str) -> String {
    let mut words = code::words(file, text).into_iter().peekable();
    let mut changed = String::with_capacity(text.len() + text.len() / 8);
    for (at, line) in text.split('\n').enumerate() {
        if 0 < at {
            changed.push('\n');
        }
        let line: Vec<char> = line.chars().collect();
        // How far the line has been taken over.
        let mut taken = 0;
        while let Some((word, _, column)) = words.next_if(|(_, number, _)| *number <= at + 1) {
            let Some(name) = NAMES.iter().find(|name| name.csharp == word) else { continue };
            let end = column + word.chars().count();
            let before = line.get(..column).unwrap_or_default();
            let Some(between) = line.get(taken..column).filter(|_| end <= line.len()) else { continue };
            if before.ends_with(&['.']) || before.ends_with(&['d', 'e', 'f', ' ']) {
                changed.extend(between);
                changed.push_str(name.python);
                taken = end;
            }
        }
        changed.extend(line.get(taken..).unwrap_or_default());
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_change_and_nothing_else() {
        let text = "class A(QCAlgorithm):\n    def Initialize(self):\n        self.SetCash(1); self.SetCash(2)  # SetCash\n        \
                    self.MyOwn('self.SetCash')\n        é = self.Debug(\"ü\")\nSetCash = 3\n";
        let changed = with_underscores("main.py", text);
        let expected = "class A(QCAlgorithm):\n    def initialize(self):\n        self.set_cash(1); self.set_cash(2)  # SetCash\n        \
                        self.MyOwn('self.SetCash')\n        é = self.debug(\"ü\")\nSetCash = 3\n";
        assert_eq!(changed, expected);
    }

    #[test]
    fn a_long_line_takes_no_longer_than_many_short_ones() {
        let calls = |between: &str, call: &str| vec![format!("self.{call}(1)"); 60_000].join(between);
        let began = std::time::Instant::now();
        assert_eq!(with_underscores("main.py", &calls("; ", "SetCash")), calls("; ", "set_cash"));
        // Each name looked at the whole line before it: minutes.
        assert!(began.elapsed() < std::time::Duration::from_secs(15), "{:?}", began.elapsed());
        assert_eq!(with_underscores("main.py", &calls("\n", "SetCash")), calls("\n", "set_cash"));
    }

    #[test]
    fn names_are_sorted_and_spelled_alike() {
        assert!(NAMES.windows(2).all(|pair| pair[0].python < pair[1].python));
        for name in NAMES {
            assert_eq!(name.python.replace('_', ""), name.csharp.to_lowercase());
        }
    }
}
