//! From an idea to its figures.

use serde_json::{Value, json};

use crate::story::Story;

const CODE: &str = "from AlgorithmImports import *\n\nclass MyAwesomeStrategy(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(2022, 1, 1)\n        self.set_end_date(2022, 12, 31)\n        self.set_cash(100000)\n        \
    self.size = float(self.get_parameter(\"size\", 0.5))\n        self.spy = self.add_equity(\"SPY\").symbol\n\n    \
    def on_data(self, data):\n        if not self.portfolio.invested:\n            self.set_holdings(self.spy, self.size)\n";

/// The run's answer once it is over; waiting is a call too.
async fn over(story: &Story, mut answer: Value) -> Value {
    while answer["status"] != "completed" {
        assert!(["queued", "running"].contains(&answer["status"].as_str().unwrap()), "{answer}");
        answer = story.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    answer
}

/// "I need to manage my QuantConnect projects. First, create a new Python project named 'My_Awesome_Strategy'. Then, create
/// a file inside it called 'main.py' and add this code: ... After that, compile it and run a backtest named 'Initial Run'.
/// When it's done, show me the performance results."
#[tokio::test]
async fn a_project_a_file_a_compile_and_a_backtest_are_one_call() {
    let story = Story::begin(&[]).await;
    let ask = json!({"project": "My_Awesome_Strategy", "files": {"main.py": CODE}, "name": "Initial Run"});
    let run = story.ok("run_backtest", ask).await;
    let done = over(&story, run).await;
    assert_eq!(done["untrusted_name"], "Initial Run");
    let figures = &done["statistics"];
    for name in ["sharpe_ratio", "net_profit", "drawdown", "total_orders"] {
        assert!(figures[name]["value"].is_number(), "{name}: {done}");
    }
    assert_eq!(figures["net_profit"]["unit"], "%");
    // What left: one project, one compile, one backtest.
    let journal = story.session.sim.journal();
    for path in ["projects/create", "compile/create", "backtests/create"] {
        assert_eq!(journal.of(path).len(), 1, "{path}");
    }
    story.took(1, 4_000);
}

/// "Which of my last backtests is best, and what did I change?"
#[tokio::test]
async fn the_best_of_three_and_what_differs_is_one_call() {
    let story = Story::begin(&[]).await;
    for size in [0.25, 0.5, 1.0] {
        let ask = json!({"project": "Sizes", "files": {"main.py": CODE}, "parameters": {"size": size}});
        over(&story, story.ok("run_backtest", ask).await).await;
    }
    assert_eq!(story.session.sim.journal().of("compile/create").len(), 1, "one code, one compile");
    let found = story.ok("compare_backtests", json!({"project": "Sizes"})).await;
    let differ = &found["parameters_that_differ"][0];
    assert_eq!(differ["untrusted_name"], "size", "{found}");
    assert_eq!(differ["untrusted_values"], json!(["0.25", "0.5", "1.0"]));
    let row = found["figures"].as_array().unwrap().iter().find(|row| row["figure"] == "net_profit").unwrap();
    let profits: Vec<f64> = row["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    let best = (0..3).max_by(|a, b| profits[*a].total_cmp(&profits[*b])).unwrap();
    assert_eq!(found["best"]["net_profit"], found["backtests"][best]["backtest_id"]);
    story.took(4, 13_000);
}
