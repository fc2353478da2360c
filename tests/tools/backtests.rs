//! Backtests through the tools: the whole story, and each reader.

use qc_sim::seed;
use serde_json::{Value, json};
use std::time::Duration;
use support::session::Session;

const PROJECT: i64 = seed::PAIR_PROJECT_ID;

/// Compiles the seeded project and runs it to its end.
async fn finished(session: &Session) -> String {
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    let arguments = json!({"project_id": PROJECT, "compile_id": compile["compile_id"], "backtest_name": "first run"});
    let started = session.ok("create_backtest", arguments).await;
    let id = started["backtest_id"].as_str().unwrap().to_owned();
    for _ in 0..100 {
        session.sim.clock().advance(Duration::from_secs(5));
        let read = session.ok("read_backtest", json!({"project_id": PROJECT, "backtest_id": id})).await;
        if read["status"] == "completed" && read.get("statistics").is_some() {
            return id;
        }
    }
    panic!("the backtest never ended");
}

fn rows<'a>(answer: &'a Value, name: &str) -> &'a Vec<Value> {
    let table = &answer[name];
    table
        .get("untrusted_rows")
        .or_else(|| table.get("rows"))
        .and_then(Value::as_array)
        .unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn create_backtest_then_read_statistics_chart_orders_and_trades() {
    let session = Session::start().await;
    let id = finished(&session).await;
    let read = session.ok("read_backtest", json!({"project_id": PROJECT, "backtest_id": "latest"})).await;
    assert_eq!(read["backtest_id"], id.as_str());
    assert!(read["statistics"]["sharpe_ratio"]["value"].is_number(), "{read}");
    assert_eq!(read["statistics"]["net_profit"]["unit"], "%", "{read}");
    assert!(read.to_string().len() <= 20_000);
    let names: Vec<&str> = read["untrusted_charts"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(names.contains(&"Strategy Equity"), "{names:?}");

    let chart = session
        .ok(
            "read_backtest_chart",
            json!({"project_id": PROJECT, "backtest_id": id, "name": "Strategy Equity", "count": 50}),
        )
        .await;
    assert!(!chart["series"][0]["points"].as_array().unwrap().is_empty(), "{chart}");
    let with_chart = session
        .ok("read_backtest", json!({"project_id": PROJECT, "backtest_id": id, "chart": "Strategy Equity"}))
        .await;
    assert!(with_chart["chart"]["series"].is_array());

    let orders = session.ok("read_backtest_orders", json!({"project_id": PROJECT, "backtest_id": id})).await;
    assert!(!rows(&orders, "orders").is_empty());
    session.ok("read_backtest_insights", json!({"project_id": PROJECT, "backtest_id": id})).await;
    session.ok("read_backtest_trades", json!({"project_id": PROJECT, "backtest_id": id})).await;
}

#[tokio::test]
async fn all_orders_come_as_a_csv_behind_a_link() {
    let session = Session::start().await;
    let id = finished(&session).await;
    let answer =
        session.call("read_backtest_orders", json!({"project_id": PROJECT, "backtest_id": id, "all": "true"})).await;
    let structured = answer.checked();
    let links = answer.links();
    assert_eq!(links, [format!("qc://backtests/{PROJECT}/{id}/orders.csv")]);
    assert_eq!(structured["resources"], json!(links));
    let csv = session.read(&links[0]).await.unwrap();
    assert!(
        csv.starts_with("id,time,untrusted_symbol,direction,type,quantity,price,value,currency,fee,fee_currency,status,untrusted_tag\n"),
        "{csv}"
    );
    assert_eq!(csv.lines().count() as u64, 1 + structured["count"].as_u64().unwrap());
    for (part, columns) in [
        ("trades.csv", "untrusted_symbol,direction,quantity,entry_time,entry_price,exit_time,exit_price"),
        ("insights.csv", "generated,close,untrusted_symbol,type,direction"),
    ] {
        let text = session.read(&format!("qc://backtests/{PROJECT}/{id}/{part}")).await.unwrap();
        assert!(text.starts_with(columns), "{part}: {}", text.lines().next().unwrap_or_default());
    }
    // The page made for the link is kept; an address nobody made before is read anew.
    let reads = session.sim.journal().of("backtests/orders/read").len();
    session.read(&links[0]).await.unwrap();
    assert_eq!(session.sim.journal().of("backtests/orders/read").len(), reads);
}

#[tokio::test]
async fn lists_newest_first_with_figures() {
    let session = Session::start().await;
    let id = finished(&session).await;
    let list = session.ok("list_backtests", json!({"project_id": "Pair of Staples"})).await;
    assert_eq!((&list["total"], &list["backtests"][0]["backtest_id"]), (&json!(1), &json!(id)));
    assert!(list["backtests"][0]["sharpe_ratio"].is_number(), "{list}");
    let empty = session.ok("list_backtests", json!({"project_id": seed::BASKET_PROJECT_ID})).await;
    assert!(empty["summary"].as_str().unwrap().contains("create_backtest"), "{empty}");
}

#[tokio::test]
async fn logs_come_as_text_and_can_be_searched() {
    let session = Session::start().await;
    let id = finished(&session).await;
    let all = session.call("read_backtest_logs", json!({"project_id": PROJECT, "backtest_id": id})).await;
    assert!(!all.is_error(), "{}", all.text());
    let none = session
        .ok("read_backtest_logs", json!({"project_id": PROJECT, "backtest_id": id, "query": "no such words"}))
        .await;
    assert!(none["summary"].as_str().unwrap().contains("leave query out"), "{none}");
    let text = session
        .err("read_backtest_logs", json!({"project_id": PROJECT, "backtest_id": id, "start": 5, "end": 5}))
        .await;
    assert!(text.contains("start below the end"), "{text}");
}

#[tokio::test]
async fn latest_of_no_backtests_and_unknown_ids_name_the_next_call() {
    let session = Session::start().await;
    let text = session.err("read_backtest", json!({"project_id": PROJECT, "backtest_id": "latest"})).await;
    assert!(text.contains("has no backtests") && text.contains("list_backtests"), "{text}");
    let text = session
        .err("read_backtest", json!({"project_id": PROJECT, "backtest_id": "0123456789abcdef0123456789abcdef"}))
        .await;
    assert!(text.contains("list_backtests"), "{text}");
    let text = session
        .err("create_backtest", json!({"project_id": PROJECT, "compile_id": "0123-4567", "backtest_name": "x"}))
        .await;
    assert!(text.contains("compile_project"), "{text}");
}

#[tokio::test]
async fn too_wide_a_page_is_refused_before_sending() {
    let session = Session::start().await;
    let arguments =
        json!({"project_id": PROJECT, "backtest_id": "0123456789abcdef0123456789abcdef", "start": 0, "end": 500});
    let text = session.err("read_backtest_orders", arguments).await;
    assert!(text.contains("at most 100 apart"), "{text}");
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn parameters_reach_the_run() {
    let session = Session::start().await;
    let compile = session.ok("compile_project", json!({"project_id": PROJECT})).await;
    let arguments = json!({"project_id": PROJECT, "compile_id": compile["compile_id"], "backtest_name": "p", "parameters": "{\"lookback\": 20}"});
    let started = session.ok("create_backtest", arguments).await;
    let read = session.ok("read_backtest", json!({"project_id": PROJECT, "backtest_id": started["backtest_id"]})).await;
    assert_eq!(read["untrusted_parameters"], json!([["lookback", "20"]]), "{read}");
}

#[tokio::test]
async fn renames_tags_and_deletes() {
    let session = Session::start().await;
    let id = finished(&session).await;
    let arguments = json!({"project_id": PROJECT, "backtest_id": "latest", "name": "renamed", "tags": "a, b"});
    let changed = session.ok("update_backtest", arguments).await;
    assert_eq!(changed["changed"], json!(["name", "tags"]));
    let list = session.ok("list_backtests", json!({"project_id": PROJECT})).await;
    assert_eq!(list["backtests"][0]["untrusted_name"], "renamed");
    session.ok("delete_backtest", json!({"project_id": PROJECT, "backtest_id": id})).await;
    let list = session.ok("list_backtests", json!({"project_id": PROJECT})).await;
    assert_eq!(list["total"], 0);
}

#[tokio::test]
async fn quantconnects_report_is_linked_or_saved_and_labelled_as_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let session = Session::with(&["--toolsets", "all", "--output-dir", out], qc_sim::SimOptions::default()).await;
    let id = finished(&session).await;
    let arguments = json!({"project_id": PROJECT, "backtest_id": id});
    let answer = session.call("read_backtest_report", arguments.clone()).await;
    assert!(!answer.is_error(), "{}", answer.text());
    assert!(!answer.text().contains("<html"), "{}", answer.text());
    assert_eq!(answer.links(), [format!("qc://backtests/{PROJECT}/{id}/report.html")]);
    let page = session.read(&answer.links()[0]).await.unwrap();
    assert!(page.starts_with("<untrusted-") && page.contains("<html"), "{page}");

    let arguments = json!({"project_id": PROJECT, "backtest_id": id, "save_as": "first"});
    let saved = session.ok("read_backtest_report", arguments.clone()).await;
    assert_eq!(saved["saved_as"], "first.html", "{saved}");
    let text = std::fs::read_to_string(folder.path().join("first.html")).unwrap();
    assert!(text.starts_with("<!-- QuantConnect's own report of backtest"), "{text}");
    let text = session.err("read_backtest_report", arguments).await;
    assert!(text.contains("choose another name"), "{text}");
}

#[tokio::test]
async fn a_chart_comes_as_a_picture() {
    let session = Session::start().await;
    let id = finished(&session).await;
    let ask = |name: &str| json!({"project_id": PROJECT, "backtest_id": id, "name": name, "format": "png"});
    for name in ["Strategy Equity", "Drawdown", "Benchmark"] {
        let answer = session.call("read_backtest_chart", ask(name)).await;
        assert!(!answer.is_error(), "{name}: {}", answer.text());
        let facts = answer.checked();
        assert!(facts.get("series").is_none(), "a picture or numbers, not both");
        let images: Vec<_> = answer.0.content.iter().filter_map(|block| block.as_image()).collect();
        let [image] = images.as_slice() else { panic!("{name}: one picture is wanted") };
        let png = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, &image.data).unwrap();
        if let Some(folder) = std::env::var_os("QC_TEST_PICTURES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("backtest-{name}.png")), &png).unwrap();
        }
        assert!(png.len() <= 150_000 && facts["png_bytes"] == json!(png.len()), "{name}: {}", png.len());
        let pixels = resvg::tiny_skia::Pixmap::decode_png(&png).unwrap();
        assert!(200 < crate::pictures::dark(&pixels, 20..900, 15..45), "{name}: a title");
        assert!(100 < crate::pictures::dark(&pixels, 22..100, 84..500), "{name}: numbers on the left");
    }
    let text = session.err("read_backtest_chart", ask("No such chart")).await;
    assert!(text.contains("hint:"), "{text}");
}

#[tokio::test]
async fn a_tail_and_a_range_of_a_log_are_not_both_taken() {
    let session = Session::start().await;
    for extra in [json!({"end": 100}), json!({"start": 1})] {
        let mut arguments =
            json!({"project_id": PROJECT, "backtest_id": "0123456789abcdef0123456789abcdef", "tail": 20});
        arguments.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let text = session.err("read_backtest_logs", arguments).await;
        assert!(text.contains("not both"), "{text}");
    }
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn a_moment_without_a_zone_keeps_its_time() {
    let session = Session::start().await;
    let id = finished(&session).await;
    let ask = json!({"project_id": PROJECT, "backtest_id": id, "name": "Strategy Equity",
        "start": "2023-06-01 15:30:00", "end": "2023-06-01T16:30"});
    let chart = session.ok("read_backtest_chart", ask).await;
    assert_eq!((&chart["start"], &chart["end"]), (&json!(1_685_633_400), &json!(1_685_637_000)), "{chart}");
}

#[tokio::test]
async fn when_the_tags_fail_the_name_that_changed_is_told() {
    let session = Session::start().await;
    let id = finished(&session).await;
    session.sim.faults().always("backtests/tags/update", qc_sim::Fault::Refuse("no tags today".into()));
    let arguments = json!({"project_id": PROJECT, "backtest_id": id, "name": "renamed", "tags": "a"});
    let text = session.err("update_backtest", arguments).await;
    assert!(text.contains("name changed, the tags did not"), "{text}");
}
