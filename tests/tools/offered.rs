//! No answer sends its reader to a tool that this server does not offer in its mode and list.

use std::collections::BTreeSet;

use qc_sim::{FolderMode, SimOptions, seed};
use rmcp::model::Tool;
use serde_json::{Value, json};
use support::session::Session;

/// Words of a text that look like names of tools.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| word.contains('_'))
}

async fn session(flags: &[&str]) -> Session {
    Session::with(flags, SimOptions { folder: FolderMode::Temporary, ..SimOptions::default() }).await
}

/// What a tool takes of these values.
fn taken(tool: &Tool, values: &Value) -> Value {
    let properties = tool.input_schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let of = values.as_object().unwrap().iter().filter(|(name, _)| properties.contains_key(*name));
    Value::Object(of.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[tokio::test]
async fn what_to_call_next_can_be_called_whatever_the_list_and_the_mode() {
    let every = session(&["--toolsets", "all", "--mode", "live", "--allow-live-orgs", "abc"]).await;
    let every: BTreeSet<String> = every.tools().await.into_iter().map(|tool| tool.name.into_owned()).collect();
    let right = json!({
        "project_id": seed::PAIR_PROJECT_ID, "name": "main.py", "content": "x = 1", "query": "momentum", "code": "x = 1",
        "symbols": ["KO", "PEP"], "tickers": ["KO"], "ticker": "KO", "symbol": "KO", "symbol1": "KO", "symbol2": "PEP",
        "start_date": "2023-01-03", "end_date": "2023-12-29", "date": "2023-06-01", "etf_ticker": "SPY",
        "weights": [0.5, 0.5], "portfolio_symbols": ["KO", "PEP"], "benchmark_symbol": "SPY", "instance_name": "default",
    });
    let wrong = json!({
        "project_id": 7, "name": "none.py", "content": "x", "compile_id": "none", "backtest_id": "none", "backtest_name": "n",
        "optimization_id": "none", "job": "work.none", "key": "none", "symbols": ["NOPE", "KO"], "tickers": ["NOPE"],
        "ticker": "NOPE", "symbol": "NOPE", "symbol1": "NOPE", "symbol2": "KO", "start_date": "2023-01-03", "end_date": "2023-12-29",
        "date": "2023-06-01", "etf_ticker": "NOPE", "instance_name": "none", "id": "0", "chart": "none", "new_file_name": "a.py",
        "old_file_name": "none.py", "old_text": "x", "new_text": "y", "patch": "x", "path": "none.csv",
    });
    let (mut n_next, mut n_hints, mut n_explained) = (0, 0, 0);
    for (toolsets, mode) in [
        ("core", "paper"),
        ("core", "read-only"),
        ("default", "read-only"),
        ("default", "paper"),
        ("projects", "paper"),
        ("compile", "research"),
        ("files", "paper"),
        ("backtests", "read-only"),
        ("quantbook", "paper"),
        ("analysis", "paper"),
        ("universe", "paper"),
    ] {
        let session = session(&["--toolsets", toolsets, "--mode", mode]).await;
        let tools = session.tools().await;
        let offered: BTreeSet<String> = tools.iter().map(|tool| tool.name.to_string()).collect();
        for tool in &tools {
            for values in [&wrong, &right] {
                let name: &'static str = tool.name.to_string().leak();
                let Ok(answer) = session.try_call(name, taken(tool, values)).await else { continue };
                let (text, facts) = (answer.text(), answer.structured());
                if let Some(next) = facts.get("next").and_then(Value::as_str) {
                    n_next += 1;
                    for word in words(next).filter(|word| every.contains(*word)) {
                        assert!(offered.contains(word), "{toolsets}, {mode}: {name} leads to {word}: {text}");
                    }
                    answer.checked();
                }
                for hint in text.lines().filter_map(|line| line.strip_prefix("hint: ")).filter(|_| answer.is_error()) {
                    n_hints += 1;
                    for word in words(hint).filter(|word| every.contains(*word) && !offered.contains(*word)) {
                        n_explained += 1;
                        let said = [
                            format!("`{word}` is not offered here: its group"),
                            format!("`{word}` needs a higher mode"),
                        ];
                        let is_said = said.iter().any(|said| text.contains(said));
                        assert!(is_said, "{toolsets}, {mode}: {name} leads to {word}: {text}");
                    }
                }
            }
        }
    }
    println!("{n_next} next, {n_hints} hints, {n_explained} of them explained");
    assert!(10 <= n_next && 100 <= n_hints && 10 <= n_explained, "{n_next} {n_hints} {n_explained}");
}
