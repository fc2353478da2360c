//! A kept result computed again: the same figures from the same files, and what is said when a file changed.

use std::fs;

use serde_json::json;

use crate::research::{Desk, market_copy, over};

const DAILY: &str = "equity/usa/daily";

fn hash(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}

#[tokio::test]
async fn the_same_files_give_the_same_result_and_a_changed_file_is_named() {
    let folder = market_copy();
    let desk = Desk::over(folder.path()).await;
    let first = desk
        .ok("test_cointegration", {
            let mut ask = over(&[], "2022-01-03", "2023-12-29");
            ask.as_object_mut().unwrap().remove("symbols");
            ask["symbol1"] = json!("KO");
            ask["symbol2"] = json!("PEP");
            ask
        })
        .await;
    let id = first["research_id"].as_str().unwrap().to_owned();

    // The kept result names every file and its hash, as anybody can compute it.
    let kept = desk.kept(&first).await;
    let files = kept["data"]["files"].as_array().unwrap();
    assert_eq!(kept["data"]["n_files"], files.len());
    let ko = format!("{DAILY}/ko.zip");
    for needed in [
        ko.as_str(),
        "equity/usa/daily/pep.zip",
        "equity/usa/map_files/ko.csv",
        "equity/usa/factor_files/ko.csv",
        "market-hours/market-hours-database.json",
    ] {
        let found =
            files.iter().find(|file| file[0] == needed).unwrap_or_else(|| panic!("{needed} is not among {files:?}"));
        assert_eq!(found[1], hash(&fs::read(folder.path().join(needed)).unwrap()));
    }
    assert!(files.iter().all(|file| !file[0].as_str().unwrap().contains("spy.")), "only what was read: {files:?}");

    let again = desk.ok("rerun_research", json!({"id": id})).await;
    assert_eq!(
        (&again["n_changed"], &again["same_data"], &again["same_version"]),
        (&json!(0), &json!(true), &json!(true))
    );
    assert_ne!(again["research_id"], json!(id));
    assert_eq!(again["tool"], "test_cointegration");

    // Another company's prices under the name of one of the two.
    fs::copy(folder.path().join(format!("{DAILY}/spy.zip")), folder.path().join(&ko)).unwrap();
    let other = desk.ok("rerun_research", json!({"id": format!("qc://research/{id}")})).await;
    assert_eq!((&other["same_data"], &other["files_changed"]), (&json!(false), &json!([ko])));
    assert!(0.0 < other["largest_relative_change"].as_f64().unwrap() && 0 < other["n_changed"].as_u64().unwrap());
    let changed = other["changed"].as_array().unwrap();
    assert!(changed.iter().any(|change| change["at"] == "/result/cointegration_statistic"), "{changed:?}");
}

#[tokio::test]
async fn an_unknown_id_and_a_stranger_s_are_refused_alike() {
    let desk = Desk::synthetic().await;
    for id in ["0123456789abcdef0123456789abcdef", "../x", "qc://research/"] {
        let error = desk.refused("rerun_research", json!({"id": id})).await;
        assert!(error.contains("no kept research result with that id"), "{error}");
    }
}

#[tokio::test]
async fn drawn_numbers_come_again_with_their_seed() {
    let desk = Desk::synthetic().await;
    let ask = json!({"series": "KO", "benchmark": "SPY", "start_date": "2023-01-03", "end_date": "2024-12-31", "replicates": 199, "chart": true});
    let first = desk.ok("bootstrap_alpha", ask).await;
    let again = desk.ok("rerun_research", json!({"id": first["research_id"]})).await;
    assert_eq!((&again["n_changed"], &again["same_data"]), (&json!(0), &json!(true)), "{again}");
}
