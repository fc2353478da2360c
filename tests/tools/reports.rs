//! Tear sheets and analyses of trades against the simulator: figures that agree with the service's own, files, links.

use qc_sim::{FolderMode, SimOptions};
use serde_json::{Value, json};
use support::session::Session;

const CODE: &str = "from AlgorithmImports import *\n\nclass Mine(QCAlgorithm):\n    def initialize(self):\n        \
    self.set_start_date(2021, 1, 1)\n        self.set_end_date(2022, 12, 31)\n        self.set_cash(100000)\n        \
    for ticker in [\"SPY\", \"KO\"]:\n            self.add_equity(ticker)\n        \
    self.schedule.on(self.date_rules.month_start(\"SPY\"), self.time_rules.at(10, 0), self.rebalance)\n\n    \
    def rebalance(self):\n        for ticker in [\"SPY\", \"KO\"]:\n            self.set_holdings(ticker, 0.4)\n";

async fn run(session: &Session) -> Value {
    let ask = json!({"project": "Sheet", "files": {"main.py": CODE}, "name": "first"});
    let mut answer = session.ok("run_backtest", ask).await;
    for _ in 0..20 {
        if answer["status"] == "completed" {
            return answer;
        }
        answer = session.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    panic!("it never ended: {answer}");
}

fn near(a: f64, b: f64, within: f64) -> bool {
    (a - b).abs() <= within
}

#[tokio::test]
async fn trades_add_up_to_what_the_account_gained() {
    let session = Session::start().await;
    let done = run(&session).await;
    let found = session.ok("analyze_trades", json!({"project": "Sheet"})).await;
    let of = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value}: {found}"));
    assert_eq!((&found["round_trips_from"], &found["backtest_id"]), (&json!("closed_trades"), &done["backtest_id"]));
    let statistics = &done["statistics"];
    let change = of(&statistics["end_equity"]["value"]) - of(&statistics["start_equity"]["value"]);
    let reconciled = &found["reconciliation"];
    assert!(near(of(&reconciled["change"]), change, 0.01), "{found}");
    let parts = of(&reconciled["closed_trades"]) + of(&reconciled["open_positions"]) - of(&reconciled["open_fees"]);
    assert!(near(parts + of(&reconciled["unexplained"]), change, 0.01), "{found}");
    assert!(near(of(&reconciled["unexplained"]), 0.0, 1.0), "everything is sold at the end: {found}");
    // The parts of each table are the whole.
    for table in ["by_symbol", "by_month", "by_side", "by_holding_time"] {
        let rows = found[table]["rows"].as_array().unwrap();
        let net: f64 = rows.iter().map(|row| of(&row[2])).sum();
        let trades: i64 = rows.iter().map(|row| row[1].as_i64().unwrap()).sum();
        assert!(near(net, of(&found["all"]["net"]), 0.01 * rows.len() as f64), "{table}: {found}");
        assert_eq!(json!(trades), found["all"]["trades"], "{table}");
    }
    let size = found.to_string().len();
    assert!(size < 8_000, "{size}");
    // A run that holds to the end of its dates and has no closed trade is told as such, not as an error.
    let csv = session
        .read(&format!("qc://backtests/{}/{}/trades.csv", found["project_id"], done["backtest_id"].as_str().unwrap()))
        .await
        .unwrap();
    assert_eq!(csv.lines().count() - 1, usize::try_from(found["all"]["trades"].as_i64().unwrap()).unwrap());
}

#[tokio::test]
async fn a_backtest_without_orders_is_an_error_that_says_so() {
    let session = Session::start().await;
    let idle = CODE.replace("self.add_equity(ticker)", "pass");
    let ask = json!({"project": "Idle", "files": {"main.py": idle}});
    let mut answer = session.ok("run_backtest", ask).await;
    while answer["status"] != "completed" {
        answer = session.ok("wait_for_job", json!({"job": answer["job"]})).await;
    }
    let text = session.err("analyze_trades", json!({"project": "Idle"})).await;
    assert!(text.contains("no closed trades"), "{text}");
}

#[tokio::test]
async fn the_report_has_the_services_figures_a_picture_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--toolsets", "all", "--output-dir", folder.path().to_str().unwrap()];
    let session = Session::with(&flags, SimOptions::default()).await;
    let done = run(&session).await;
    let ask = json!({"project": "Sheet", "save_as": "r.html, r.pdf, r.png, r.csv", "title": "<i>Mine</i>"});
    let answer = session.call("backtest_report", ask.clone()).await;
    let found = answer.structured();
    let of = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value}: {found}"));
    let (own, service) = (&found["performance_metrics"], &done["statistics"]);
    let percent = |name: &str| of(&service[name]["value"]) / 100.0;
    assert!(near(of(&own["total_return"]), percent("net_profit"), 1e-4), "{found}");
    assert!(near(-of(&own["max_drawdown"]), percent("drawdown"), 2e-3), "{found}");
    assert!(near(of(&own["annualized_return"]), percent("compounding_annual_return"), 5e-3), "{found}");
    assert_eq!(found["months"]["count"], 24, "{found}");
    assert!(found["benchmark_comparison"]["beta"].is_number(), "{found}");
    let picture = answer.0.content.iter().find_map(|content| content.as_image()).expect("a picture");
    assert!(picture.mime_type == "image/png" && picture.data.len() < 240_000, "{} characters", picture.data.len());
    let size = found.to_string().len();
    assert!(size < 6_000, "{size}");
    // The files are what their names say; a second time none is overwritten.
    let file = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let html = String::from_utf8(file("r.html")).unwrap();
    assert!(html.contains("&lt;i&gt;Mine&lt;/i&gt;") && !html.contains("<i>Mine"), "escaped");
    assert!(html.contains("default-src 'none'") && !html.contains("<script") && !html.contains("src=\"http"));
    assert!(file("r.pdf").starts_with(b"%PDF") && file("r.png").starts_with(b"\x89PNG"));
    let csv = String::from_utf8(file("r.csv")).unwrap();
    assert!(
        csv.starts_with("section,row,column,value\n") && csv.contains("\nReturns by month,2021-01,return,"),
        "{csv:.300}"
    );
    assert!(session.err("backtest_report", ask).await.contains("r.html"), "exists already");
    let text = session.err("backtest_report", json!({"project": "Sheet", "save_as": "r.docx"})).await;
    assert!(text.contains(".html, .pdf, .png or .csv"), "{text}");
    // The link gives the same page, without the title that a caller chose for a file.
    let uri = found["resources"][0].as_str().unwrap();
    assert!(session.read(uri).await.unwrap().contains("Returns by month"), "{uri}");
}

#[tokio::test]
async fn a_portfolio_and_a_backtest_have_tear_sheets_too() {
    let options = SimOptions { folder: FolderMode::Temporary, ..SimOptions::default() };
    let session = Session::with(&["--toolsets", "all", "--demo"], options).await;
    let done = run(&session).await;
    let dates = json!({"start_date": "2021-01-04", "end_date": "2022-12-30", "benchmark_symbol": "SPY"});
    let with = |more: Value| {
        let mut all = dates.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    let portfolio = with(json!({"symbols": ["KO", "PEP"], "weights": [0.5, 0.5]}));
    let found = session.ok("create_tear_sheet", portfolio.clone()).await;
    // Weights by ticker, as answers show them, are the same portfolio; a name too many is not left out in silence.
    let mut named = portfolio.clone();
    let pairs = portfolio["symbols"].as_array().unwrap().iter().zip(portfolio["weights"].as_array().unwrap());
    named["weights"] = pairs.map(|(name, weight)| (name.as_str().unwrap().to_lowercase(), weight.clone())).collect();
    named.as_object_mut().unwrap().remove("symbols");
    let by_name = session.ok("create_tear_sheet", named.clone()).await;
    assert_eq!(by_name["performance_metrics"], found["performance_metrics"], "{by_name}");
    named["symbols"] = json!([portfolio["symbols"][0]]);
    let text = session.err("create_tear_sheet", named).await;
    assert!(text.contains("symbols lack"), "{text}");
    let same = session.ok("calculate_portfolio_performance", portfolio).await;
    for name in ["total_return", "sharpe_ratio", "max_drawdown", "sortino_ratio"] {
        let (a, b) = (&found["performance_metrics"][name], &same["performance_metrics"][name]);
        assert!(near(a.as_f64().unwrap(), b.as_f64().unwrap(), 1e-5), "{name}: {a} {b}");
    }
    assert!(found["notices"][0].as_str().unwrap().starts_with("SYNTHETIC"), "{found}");
    let page =
        found["resources"].as_array().unwrap().iter().find(|uri| uri.as_str().unwrap().ends_with("tear_sheet.html"));
    assert!(session.read(page.unwrap().as_str().unwrap()).await.unwrap().contains("SYNTHETIC data"));
    let series = format!("qc://backtests/{}/{}", done["project_id"], done["backtest_id"].as_str().unwrap());
    let of_run = session.ok("create_tear_sheet", with(json!({"series": series}))).await;
    assert!(of_run["performance_metrics"]["sharpe_ratio"].is_number(), "{of_run}");
    // Weights that were found on the days they are measured on.
    let weights = session
        .ok(
            "optimize_portfolio",
            json!({"symbols": ["KO", "PEP", "AAPL"], "start_date": "2021-01-04",
        "end_date": "2021-12-31", "method": "min_variance"}),
        )
        .await;
    let id = format!("qc://research/{}", weights["research_id"].as_str().unwrap());
    let inside = session.call("create_tear_sheet", with(json!({"weights": id}))).await;
    assert!(
        inside.text().starts_with("IN-SAMPLE: the weights were found on data up to 2021-12-31"),
        "{}",
        inside.text()
    );
    let mut later = with(json!({"weights": id}));
    later["start_date"] = json!("2022-01-03");
    assert!(!session.call("create_tear_sheet", later).await.text().contains("IN-SAMPLE"));
    for bad in [json!({}), json!({"symbols": ["KO", "PEP"]}), json!({"series": series, "symbols": ["KO"]})] {
        session.err("create_tear_sheet", with(bad)).await;
    }
}
