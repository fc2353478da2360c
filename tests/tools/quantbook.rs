//! Workbooks through the tools: `default` is always there, sources differ, names stay with their caller.

use serde_json::json;

use crate::research::{Desk, MARKET, market_copy, over};

#[tokio::test]
async fn default_exists_without_being_made() {
    let desk = Desk::synthetic().await;
    let list = desk.ok("list_quantbook_instances", json!({})).await;
    assert_eq!(list["count"], 1);
    assert_eq!(list["instances"][0]["instance_name"], "default");
    let info = desk.ok("get_quantbook_info", json!({})).await;
    assert_eq!(info["synthetic"], true);
    assert_eq!(info["securities"], json!([]));
}

#[tokio::test]
async fn a_workbook_is_made_used_listed_and_removed() {
    let desk = Desk::synthetic().await;
    desk.ok("initialize_quantbook", json!({"instance_name": "pairs"})).await;
    desk.ok("add_multiple_equities", json!({"tickers": ["KO", "PEP"], "instance_name": "pairs"})).await;
    let info = desk.ok("get_quantbook_info", json!({"instance_name": "pairs"})).await;
    let symbols: Vec<&str> =
        info["securities"].as_array().unwrap().iter().map(|s| s["symbol"].as_str().unwrap()).collect();
    assert_eq!(symbols, ["KO", "PEP"]);
    assert_eq!(desk.ok("list_quantbook_instances", json!({})).await["count"], 2);
    desk.ok("remove_quantbook_instance", json!({"instance_name": "pairs"})).await;
    let gone = desk.refused("get_quantbook_info", json!({"instance_name": "pairs"})).await;
    assert!(gone.contains("no workbook `pairs`") && gone.contains("list_quantbook_instances"), "{gone}");
}

#[tokio::test]
async fn an_analysis_adds_its_symbols_by_itself_once() {
    let desk = Desk::synthetic().await;
    for _ in 0..2 {
        desk.ok("calculate_correlation_matrix", over(&["KO", "PEP"], "2023-01-01", "2023-12-31")).await;
    }
    let info = desk.ok("get_quantbook_info", json!({})).await;
    assert_eq!(info["n_securities"], 2);
    assert_eq!(info["results"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_folder_below_the_roots_is_a_source_and_one_outside_is_not() {
    let copy = market_copy();
    let here = copy.path().to_str().unwrap();
    let desk = Desk::with(&["--data-folder", MARKET.path().to_str().unwrap(), "--file-roots", here]).await;
    let made = desk.ok("initialize_quantbook", json!({"instance_name": "own", "source": here})).await;
    assert_eq!(made["synthetic"], true);
    let bars = json!({"symbols": ["KO"], "start_date": "2024-01-02", "end_date": "2024-01-05", "instance_name": "own"});
    assert_eq!(desk.ok("get_history", bars).await["symbols"][0]["rows"], 4);

    let there = desk.refused("initialize_quantbook", json!({"instance_name": "x", "source": "/etc"})).await;
    let nowhere = desk.refused("initialize_quantbook", json!({"instance_name": "x", "source": "/nowhere"})).await;
    assert_eq!(there.replace("/etc", "X"), nowhere.replace("/nowhere", "X"), "existing and missing answer alike");
    assert!(there.contains("QC_MCP_FILE_ROOTS"), "{there}");
}

#[tokio::test]
async fn without_the_demo_there_is_no_demo_source() {
    let desk = Desk::synthetic().await;
    let text = desk.refused("initialize_quantbook", json!({"instance_name": "x", "source": "demo"})).await;
    assert!(text.contains("--demo"), "{text}");
}
