//! The user's own tables: as the source of a workbook, as new files of a folder, and what is refused.

use std::path::Path;

use serde_json::json;

use crate::research::{Desk, MARKET, close, market_copy, over};

const WIDE: &str = "date,AAA,BBB\n2024-01-02,10.5,200\n2024-01-03,10.75,201.5\n2024-01-04,10.25,\n2024-01-05,11,203\n";

async fn desk(data: &Path, files: &Path, more: &[&str]) -> Desk {
    let roots = format!("{},{}", files.display(), data.display());
    let mut flags = vec!["--data-folder", data.to_str().unwrap(), "--file-roots", &roots];
    flags.extend(more);
    Desk::with(&flags).await
}

#[tokio::test]
async fn a_file_becomes_the_source_of_a_workbook() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("prices.csv"), WIDE).unwrap();
    let desk = desk(MARKET.path(), files.path(), &[]).await;
    let taken = desk.ok("import_data", json!({"path": "prices.csv", "instance_name": "mine"})).await;
    assert_eq!((taken["shape"].as_str(), taken["date_format"].as_str()), (Some("wide"), Some("YYYY-MM-DD")));
    assert_eq!(taken["symbols"]["rows"][1], json!(["BBB", 3, "2024-01-02", "2024-01-05", 1, 0, 0]));

    let mut ask = over(&["AAA"], "2024-01-02", "2024-01-05");
    ask["instance_name"] = json!("mine");
    let bars = desk.ok("get_history", ask).await;
    assert_eq!(bars["provenance"]["source"], "prices.csv");
    assert!(bars["symbols"][0]["adjustment"].as_str().unwrap().starts_with("NONE"), "{}", bars["symbols"]);
    let closes: Vec<f64> =
        bars["table"]["rows"].as_array().unwrap().iter().map(|row| row[5].as_f64().unwrap()).collect();
    assert_eq!(closes, [10.5, 10.75, 10.25, 11.0]);

    let mut ask = json!({"symbols": ["AAA"], "weights": [1.0], "start_date": "2024-01-02", "end_date": "2024-01-05", "instance_name": "mine"});
    let whole = desk.ok("calculate_portfolio_performance", ask.take()).await;
    close(&whole["performance_metrics"]["total_return"], 11.0 / 10.5 - 1.0, 1e-12);
    // The same by naming the file as a source; the other workbooks read what they read.
    let made = desk.ok("initialize_quantbook", json!({"instance_name": "again", "source": "prices.csv"})).await;
    assert_eq!(made["table"]["n_symbols"], 2);
    desk.ok("get_history", over(&["KO"], "2024-01-02", "2024-01-05")).await;
}

#[tokio::test]
async fn a_changed_file_is_read_anew() {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("prices.csv");
    std::fs::write(&path, WIDE).unwrap();
    let desk = desk(MARKET.path(), files.path(), &[]).await;
    desk.ok("import_data", json!({"path": "prices.csv"})).await;
    std::fs::write(&path, WIDE.replace("11,203", "12.5,203")).unwrap();
    let bars = desk.ok("get_history", over(&["AAA"], "2024-01-05", "2024-01-05")).await;
    assert_eq!(bars["table"]["rows"][0][5], 12.5);
}

#[tokio::test]
async fn new_files_of_a_folder_are_made_once() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(files.path().join("p.csv"), "Datum;Kurs\n02.01.2024;10,5\n03.01.2024;10,75\n31.01.2024;11\n")
        .unwrap();
    let desk = desk(data.path(), files.path(), &[]).await;
    let ask = json!({"path": "p.csv", "into": "folder", "symbol": "OWN", "columns": []});
    // One column that is no field is a table of one symbol called Kurs unless the columns are named.
    let plain = desk.ok("import_data", ask).await;
    assert_eq!(plain["date_format"], "DD.MM.YYYY");
    assert_eq!(plain["symbols"]["rows"][0][0], "KURS");
    assert!(data.path().join("equity/usa/daily/kurs.zip").is_file());
    let bars = desk.ok("get_history", over(&["KURS"], "2024-01-02", "2024-01-03")).await;
    assert_eq!(bars["table"]["rows"][1][5], 10.75);
    let again = desk.refused("import_data", json!({"path": "p.csv", "into": "folder"})).await;
    assert!(again.contains("never replaced"), "{again}");
}

#[tokio::test]
async fn nothing_is_written_where_it_must_not_be() {
    let (data, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(files.path().join("p.csv"), WIDE).unwrap();
    let read_only = desk(data.path(), files.path(), &["--mode", "read-only"]).await;
    let text = read_only.refused("import_data", json!({"path": "p.csv", "into": "folder"})).await;
    assert!(text.contains("read-only"), "{text}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    read_only.ok("import_data", json!({"path": "p.csv"})).await;
    // A folder that may be read is not for that reason one to write into.
    let paper = desk(data.path(), files.path(), &[]).await;
    let book = json!({"instance_name": "other", "source": files.path().to_str().unwrap()});
    paper.ok("initialize_quantbook", book).await;
    let elsewhere = json!({"path": "p.csv", "into": "folder", "instance_name": "other"});
    let text = paper.refused("import_data", elsewhere).await;
    assert!(text.contains("own data folder"), "{text}");
    assert!(!files.path().join("equity").exists());
    let market = market_copy();
    let synthetic = desk(market.path(), files.path(), &[]).await;
    let text = synthetic.refused("import_data", json!({"path": "p.csv", "into": "folder"})).await;
    assert!(text.contains("synthetic market"), "{text}");
    assert!(!market.path().join("equity/usa/daily/aaa.zip").exists());
}

#[tokio::test]
async fn bad_files_are_named_with_line_and_column_and_never_quoted() {
    let files = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("cell.csv", "date,AAA\n2024-01-02,10\n2024-01-03,secret words\n"),
        ("dates.csv", "date,AAA\n01/02/2024,10\n03/04/2024,11\n"),
        ("negative.csv", "date,AAA\n2024-01-02,10\n2024-01-03,-3\n2024-01-04,10\n"),
        ("hostile.csv", "date,../../etc\n2024-01-02,10\n2024-01-03,11\n"),
        ("empty.csv", ""),
        ("sheet.xlsx", "x"),
        ("good.csv", WIDE),
    ] {
        std::fs::write(files.path().join(name), text).unwrap();
    }
    let desk = desk(MARKET.path(), files.path(), &[]).await;
    for (arguments, says) in [
        (json!({"path": "cell.csv"}), "line 3"),
        (json!({"path": "dates.csv"}), "expected"),
        (json!({"path": "negative.csv"}), "below zero"),
        (json!({"path": "hostile.csv"}), "hint: "),
        (json!({"path": "empty.csv"}), "hint: "),
        (json!({}), "missing path"),
        (json!({"path": 7}), "hint: "),
        (json!({"path": "../x.csv"}), "`..` is not allowed"),
        (json!({"path": "/etc/passwd"}), "QC_MCP_FILE_ROOTS"),
        (json!({"path": "nothing.csv"}), "QC_MCP_FILE_ROOTS"),
        (json!({"path": "cell.csv", "decimal_mark": "x"}), "decimal_mark"),
        (json!({"path": "cell.csv", "resolution": "fortnight"}), "resolution"),
        (json!({"path": "good.csv", "security_type": "forex"}), "forex"),
        (json!({"path": "cell.csv", "into": "cloud"}), "into"),
    ] {
        let text = desk.refused("import_data", arguments.clone()).await;
        assert!(text.contains(says) && !text.contains("secret"), "{arguments}: {text}");
    }
    let text = desk.refused("initialize_quantbook", json!({"source": "sheet.xlsx"})).await;
    assert!(text.contains("CSV or Parquet"), "{text}");
    // None of it changed the workbook.
    desk.ok("get_history", over(&["KO"], "2024-01-02", "2024-01-05")).await;
}

#[tokio::test]
async fn a_declared_order_of_day_and_month_decides() {
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("d.csv"), "date,AAA\n01/02/2024,10\n02/02/2024,11\n05/02/2024,12\n").unwrap();
    let desk = desk(MARKET.path(), files.path(), &[]).await;
    let taken = desk.ok("import_data", json!({"path": "d.csv", "date_format": "DD/MM/YYYY"})).await;
    assert_eq!(taken["symbols"]["rows"][0][2], "2024-02-01");
}
