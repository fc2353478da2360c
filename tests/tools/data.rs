//! Market data through the tools: what comes back, how much of it, and what is said when there is none.

use std::path::Path;

use serde_json::{Value, json};

use crate::research::{Desk, close, market_copy, number, over};

#[tokio::test]
async fn history_shows_the_newest_rows_and_keeps_all() {
    let desk = Desk::synthetic().await;
    let answer = desk.ok("get_history", over(&["KO", "PEP"], "2024-01-01", "2024-12-31")).await;
    let rows = answer["table"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 20, "the default limit, shared by the symbols");
    assert_eq!(answer["table"]["columns"], json!(["symbol", "time", "open", "high", "low", "close", "volume"]));
    assert_eq!(rows.last().unwrap()[0], "PEP");
    assert_eq!(rows.last().unwrap()[1], "2024-12-31 16:00:00", "times are ends of bars on the exchange's clock");
    let kept = desk.kept(&answer).await;
    assert_eq!(kept["result"]["KO"]["close"].as_array().unwrap().len(), 252, "2024 had 252 trading days");
    close(kept["result"]["PEP"]["close"].as_array().unwrap().last().unwrap(), number(&rows.last().unwrap()[5]), 1e-11);
    assert_eq!(kept["arguments"]["normalization"], "Adjusted");
    assert!(answer["summary"].as_str().unwrap().contains("SYNTHETIC"));
}

#[tokio::test]
async fn an_answer_stays_small_unless_a_limit_asks_for_more() {
    let desk = Desk::synthetic().await;
    let small = desk.call("get_history", over(&["KO"], "2016-01-01", "2024-12-31")).await;
    assert!(small.text.len() < 4_000, "{} bytes", small.text.len());
    let mut wide = over(&["KO"], "2016-01-01", "2024-12-31");
    wide["limit"] = json!(500);
    let wide = desk.call("get_history", wide).await;
    assert_eq!(wide.data["table"]["rows"].as_array().unwrap().len(), 500);
}

#[tokio::test]
async fn both_days_are_included_and_the_fields_are_the_ones_asked_for() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO"], "2024-01-02", "2024-01-03");
    ask["fields"] = json!("close, volume");
    let answer = desk.ok("get_history", ask).await;
    assert_eq!(answer["table"]["columns"], json!(["symbol", "time", "close", "volume"]));
    assert_eq!(answer["table"]["rows"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn raw_and_adjusted_differ_before_a_split_and_meet_at_the_end() {
    let desk = Desk::synthetic().await;
    let ask = |normalization: &str| json!({"symbols": ["AAPL"], "start_date": "2018-01-02", "end_date": "2025-12-31", "normalization": normalization, "fields": ["close"]});
    let raw = desk.ok("get_history", ask("Raw")).await;
    let adjusted = desk.ok("get_history", ask("Adjusted")).await;
    assert_eq!(raw["symbols"][0]["adjustment"], "Raw");
    assert_eq!(adjusted["symbols"][0]["adjustment"], "Adjusted");
    let (raw, adjusted) = (desk.kept(&raw).await, desk.kept(&adjusted).await);
    let at = |kept: &serde_json::Value, row: usize| number(&kept["result"]["AAPL"]["close"][row]);
    let last = raw["result"]["AAPL"]["close"].as_array().unwrap().len() - 1;
    assert!(1.5 < at(&raw, 0) / at(&adjusted, 0), "a split lies in between");
    close(&raw["result"]["AAPL"]["close"][last], at(&adjusted, last), 0.02); // at most one dividend apart
}

#[tokio::test]
async fn saving_makes_a_new_file_once() {
    let out = tempfile::tempdir().unwrap();
    let folder = crate::research::MARKET.path().to_str().unwrap();
    let desk = Desk::with(&["--data-folder", folder, "--output-dir", out.path().to_str().unwrap()]).await;
    let mut ask = over(&["KO"], "2024-01-02", "2024-01-31");
    ask["save_as"] = json!("bars/ko.csv");
    assert_eq!(desk.ok("get_history", ask.clone()).await["saved_as"], "bars/ko.csv");
    let text = std::fs::read_to_string(out.path().join("bars/ko.csv")).unwrap();
    assert_eq!(text.lines().next(), Some("symbol,time,open,high,low,close,volume,is_filled"));
    assert_eq!(text.lines().count(), 22, "21 trading days in January 2024");
    let again = desk.refused("get_history", ask.clone()).await;
    assert!(again.contains("never overwritten"), "{again}");
    ask["save_as"] = json!("../ko.csv");
    assert!(desk.refused("get_history", ask).await.contains("`..` is not allowed"));
}

#[tokio::test]
async fn without_an_output_folder_saving_names_the_setting() {
    let desk = Desk::synthetic().await;
    let mut ask = over(&["KO"], "2024-01-02", "2024-01-31");
    ask["save_as"] = json!("ko.csv");
    assert!(desk.refused("get_history", ask).await.contains("QC_MCP_OUTPUT_DIR"));
}

#[tokio::test]
async fn an_unknown_symbol_is_named_with_what_the_folder_has() {
    let desk = Desk::synthetic().await;
    for (tool, arguments) in [
        ("get_history", over(&["ZZZZ"], "2024-01-02", "2024-01-31")),
        ("add_equity", json!({"ticker": "ZZZZ"})),
        ("perform_pca_analysis", over(&["KO", "ZZZZ"], "2024-01-02", "2024-03-31")),
    ] {
        let text = desk.refused(tool, arguments).await;
        assert!(text.contains("ZZZZ") && text.contains("describe_data"), "{tool}: {text}");
    }
}

#[tokio::test]
async fn dates_that_are_inverted_empty_or_none_are_told_apart() {
    let desk = Desk::synthetic().await;
    let inverted = desk.refused("get_history", over(&["KO"], "2024-02-01", "2024-01-01")).await;
    assert!(inverted.contains("end_date 2024-01-01 is before start_date 2024-02-01"), "{inverted}");
    let weekend = desk.refused("get_history", over(&["KO"], "2024-01-06", "2024-01-07")).await;
    assert!(weekend.contains("no daily data for KO from 2024-01-06 to 2024-01-07"), "{weekend}");
    let no_date = desk.refused("get_history", over(&["KO"], "soon", "2024-01-07")).await;
    assert!(no_date.contains("start_date `soon` is not a date"), "{no_date}");
    let early = desk.refused("get_history", over(&["KO"], "1980-01-01", "1980-12-31")).await;
    assert!(early.contains("KO") && early.contains("hint: "), "{early}");
}

#[tokio::test]
async fn duplicates_and_wrong_words_are_refused_before_anything_is_read() {
    let desk = Desk::synthetic().await;
    let twice = desk.refused("get_history", over(&["KO", "ko"], "2024-01-02", "2024-01-31")).await;
    assert!(twice.contains("KO is given more than once"), "{twice}");
    for (argument, value, says) in [
        ("resolution", json!("fortnight"), "resolution"),
        ("normalization", json!("Sideways"), "normalization"),
        ("fields", json!(["colour"]), "field"),
        ("limit", json!(0), "limit"),
        ("instance_name", json!("nobody"), "no workbook `nobody`"),
    ] {
        let mut ask = over(&["KO"], "2024-01-02", "2024-01-31");
        ask[argument] = value;
        let text = desk.refused("get_history", ask).await;
        assert!(text.contains(says), "{argument}: {text}");
    }
}

#[tokio::test]
async fn without_a_data_folder_the_setting_and_the_demo_are_named() {
    let nowhere = tempfile::tempdir().unwrap();
    let desk = Desk::over(&nowhere.path().join("missing")).await;
    let text = desk.refused("get_history", over(&["KO"], "2024-01-02", "2024-01-31")).await;
    assert!(text.contains("QC_DATA_FOLDER") && text.contains("--demo"), "{text}");
}

fn overwrite(folder: &Path, file: &str, bytes: &[u8]) {
    let path = folder.join(file);
    assert!(path.is_file(), "{file} is part of the market");
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_corrupt_zip_names_the_file_and_the_server_goes_on() {
    let copy = market_copy();
    overwrite(copy.path(), "equity/usa/daily/ko.zip", b"PK\x03\x04 this is no zip");
    let desk = Desk::over(copy.path()).await;
    let text = desk.refused("get_history", over(&["KO"], "2024-01-02", "2024-01-31")).await;
    assert!(text.contains("equity/usa/daily/ko.zip"), "{text}");
    assert!(!text.contains("this is no zip"), "no content of the file: {text}");
    desk.ok("get_history", over(&["PEP"], "2024-01-02", "2024-01-31")).await;
}

#[tokio::test]
async fn a_truncated_factor_file_means_unadjusted_and_is_said_plainly() {
    let copy = market_copy();
    let file = "equity/usa/factor_files/ko.csv";
    // Cut behind a comma: LEAN ignores a whole factor file for one line it cannot read.
    let whole = std::fs::read_to_string(copy.path().join(file)).unwrap();
    let middle = whole[whole.len() / 2..].find(',').unwrap() + whole.len() / 2;
    overwrite(copy.path(), file, &whole.as_bytes()[..=middle]);
    let desk = Desk::over(copy.path()).await;
    let answer = desk.ok("perform_pca_analysis", over(&["KO", "PEP"], "2020-01-01", "2023-12-31")).await;
    let differs = &answer["provenance"]["adjustment_differs"][0];
    let pep_differs = answer["provenance"]["adjustment"].as_str().unwrap().starts_with("NONE");
    assert!(pep_differs || differs["note"].as_str().unwrap().starts_with("NONE"), "{}", answer["provenance"]);
    assert!(answer["warnings"].to_string().contains("KO"), "{}", answer["warnings"]);
}

#[tokio::test]
async fn describe_data_lists_the_folder_and_a_symbol() {
    let desk = Desk::synthetic().await;
    let folder = desk.ok("describe_data", json!({})).await;
    assert_eq!(folder["synthetic"], true);
    assert!(folder.to_string().contains("KO"));
    let split = desk.ok("describe_data", json!({"symbol": "AAPL"})).await;
    assert!(!split["splits"].as_array().unwrap().is_empty(), "{split}");
    let missing = desk.call("describe_data", json!({"symbol": "ZZZZ"})).await;
    assert!(missing.text.contains("ZZZZ"), "{}", missing.text);
}

#[tokio::test]
async fn real_closes_are_adjusted_as_the_factor_file_says() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    // The daily file says 2054300 (x 10000) for 2015-01-02; times the factor of that day, computed by hand with pandas.
    let mut ask = over(&["SPY"], "2015-01-02", "2015-01-02");
    ask["fields"] = json!(["close"]);
    let answer = desk.ok("get_history", ask).await;
    close(&answer["table"]["rows"][0][2], 182.096_870_283, 1e-12);
    assert_eq!(answer["symbols"][0]["adjustment"], "Adjusted");
    assert_eq!(answer["provenance"]["synthetic"], false);
}

#[tokio::test]
async fn consolidated_bars_are_kept_in_the_cache_folder() {
    let market = crate::research::market_copy();
    let cache = tempfile::tempdir().unwrap();
    let place = cache.path().join("bars");
    let flags =
        ["--data-folder", market.path().to_str().unwrap(), "--cache-dir", place.to_str().unwrap(), "--cache-mb", "1"];
    let mut ask = over(&["KO"], "2024-01-01", "2024-12-31");
    ask["resolution"] = json!("weekly");
    let first = Desk::with(&flags).await.ok("get_history", ask.clone()).await;
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "one answer is kept");
    let again = Desk::with(&flags).await.ok("get_history", ask).await;
    assert_eq!(again["table"], first["table"]);
}

#[tokio::test]
async fn a_continuous_future_follows_the_contract_that_is_asked_for() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    // 18 December 2013: open interest moved to March on the 17th, the December contract was traded until the 20th.
    // Closes of es_trade: 201312 1810, 201403 1803.75, 201406 1797.25.
    for (mode, depth, expected) in [
        (None, None, 1_803.75),
        (Some("OpenInterest"), Some(0), 1_803.75),
        (Some("LastTradingDay"), None, 1_810.0),
        (Some("OpenInterest"), Some(1), 1_797.25),
    ] {
        let ask = json!({"symbols": ["future:ES"], "start_date": "2013-12-18", "end_date": "2013-12-18",
            "normalization": "Raw", "fields": ["close"], "data_mapping_mode": mode, "contract_depth_offset": depth});
        let answer = desk.ok("get_history", ask).await;
        close(&answer["table"]["rows"][0][2], expected, 1e-9);
    }
    let ask = json!({"symbols": ["future:ES"], "start_date": "2013-12-18", "end_date": "2013-12-18",
        "contract_depth_offset": 13});
    assert!(desk.refused("get_history", ask).await.contains("from 0 to 12"));
}

#[tokio::test]
async fn a_future_of_the_workbook_is_followed_as_it_was_added() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    // Closes of es_trade on 18 December 2013: 201312 1810, 201403 1803.75, 201406 1797.25.
    let ask = |more: Value| {
        let mut ask =
            json!({"symbols": ["ES"], "start_date": "2013-12-18", "end_date": "2013-12-18", "fields": ["close"]});
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask
    };
    let add = |more: Value| {
        let mut add = json!({"symbol": "ES", "security_type": "future", "market": "cme"});
        add.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        add
    };
    let last = add(json!({"data_mapping_mode": "LastTradingDay", "data_normalization_mode": "Raw"}));
    let added = desk.ok("add_security", last).await;
    assert_eq!(added["continuous_future"]["data_mapping_mode"], "LastTradingDay");
    close(&desk.ok("get_history", ask(json!({}))).await["table"]["rows"][0][2], 1_810.0, 1e-9);
    // What a question says itself comes first.
    let asked = ask(json!({"data_mapping_mode": "OpenInterest"}));
    close(&desk.ok("get_history", asked).await["table"]["rows"][0][2], 1_803.75, 1e-9);
    // Adding it again changes how it is followed, and the workbook says so.
    let deeper =
        add(json!({"data_mapping_mode": "OpenInterest", "data_normalization_mode": "Raw", "contract_depth_offset": 1}));
    desk.ok("add_security", deeper).await;
    close(&desk.ok("get_history", ask(json!({}))).await["table"]["rows"][0][2], 1_797.25, 1e-9);
    let info = desk.ok("get_quantbook_info", json!({})).await;
    let securities = info["securities"].as_array().unwrap();
    assert_eq!(securities.iter().filter(|known| known["resolution"] == "daily").count(), 1, "{info}");
    assert_eq!(securities[0]["continuous_future"]["contract_depth_offset"], 1);
    for (more, says) in [
        (json!({"data_mapping_mode": "Never"}), "mapping mode"),
        (json!({"data_normalization_mode": "TotalReturn"}), "not for futures"),
        (json!({"contract_depth_offset": 13}), "from 0 to 12"),
    ] {
        let text = desk.refused("add_security", add(more.clone())).await;
        assert!(text.contains(says), "{more}: {text}");
    }
    let share = json!({"symbol": "SPY", "security_type": "equity", "contract_depth_offset": 1});
    assert!(desk.refused("add_security", share).await.contains("continuous futures"));
}

#[tokio::test]
async fn a_chain_stands_for_its_contracts() {
    let Some(folder) = support::paths::shared("data/lean") else { return };
    let desk = Desk::over(&folder).await;
    let ask = |symbols: Value| json!({"symbols": symbols, "start_date": "2014-06-06", "end_date": "2014-06-06", "fields": ["close"], "limit": 1000});
    let whole = desk.ok("get_history", ask(json!(["chain:TWX@2014-06-06"]))).await;
    let chain = desk.ok("get_chain", json!({"symbol": "TWX", "date": "2014-06-06", "limit": 1000})).await;
    let read = whole["symbols"].as_array().unwrap();
    let n_contracts = chain["n_contracts"].as_u64().unwrap() as usize;
    assert!(1 < read.len() && read.len() <= n_contracts, "{} of {n_contracts}", read.len());
    // The same as one contract named by its identifier.
    let name = |row: &Value| row["symbol"].as_str().unwrap().to_owned();
    let sid = chain["contracts"]["rows"].as_array().unwrap().iter().map(|row| row[0].as_str().unwrap().to_owned());
    let mut compared = 0;
    for sid in sid {
        let answer = desk.call("get_history", ask(json!([sid]))).await;
        if answer.is_error {
            continue;
        }
        let one = answer.data;
        // Of many symbols the first are told about.
        let Some(series) = read.iter().find(|series| name(series) == name(&one["symbols"][0])) else { continue };
        assert_eq!(series["rows"], one["symbols"][0]["rows"]);
        compared += 1;
    }
    assert!(0 < compared);
    let none = desk.refused("get_history", ask(json!(["chain:IBM@2014-06-06"]))).await;
    assert!(none.contains("no chain of IBM"), "{none}");
}
