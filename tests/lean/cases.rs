//! The reference cases: every one is run, by family (security type and resolution).

use qc_data::history::MappingMode;
use qc_data::{DataFolder, Field, History, HistoryRequest, Normalization, SymbolQuery, Window, history};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Families that are read. A family of the file that does not stand here fails the suite.
const COVERED: &[&str] = &[
    "equity/daily",
    "equity/hour",
    "equity/minute",
    "equity/second",
    "equity/tick",
    "forex/daily",
    "forex/hour",
    "forex/minute",
    "forex/second",
    "forex/tick",
    "cfd/daily",
    "cfd/hour",
    "cfd/minute",
    "cfd/second",
    "cfd/tick",
    "crypto/daily",
    "crypto/hour",
    "crypto/minute",
    "crypto/second",
    "crypto/tick",
    "cryptofuture/daily",
    "cryptofuture/hour",
    "cryptofuture/minute",
    "cryptofuture/second",
    "cryptofuture/tick",
    "index/daily",
    "index/hour",
    "index/minute",
    "index/second",
    "index/tick",
    "future/daily",
    "future/hour",
    "future/minute",
    "future/second",
    "future/tick",
    "continuous future/daily",
    "continuous future/hour",
    "continuous future/minute",
    "continuous future/second",
    "continuous future/tick",
    "option/daily",
    "option/hour",
    "option/minute",
    "option/second",
    "option/tick",
    "indexoption/daily",
    "indexoption/hour",
    "indexoption/minute",
    "indexoption/second",
    "indexoption/tick",
    "futureoption/daily",
    "futureoption/hour",
    "futureoption/minute",
    "futureoption/second",
    "futureoption/tick",
];

/// Largest relative difference: f64 against the reference's 28 decimal digits.
const TOLERANCE: f64 = 1e-9;

/// The file of cases and the folder they are about, if the surroundings give them.
pub(crate) fn given() -> Option<(Value, PathBuf)> {
    let folder = support::paths::shared("data/lean")?;
    let file = support::paths::path_from_env("QC_HISTORY_CASES")
        .unwrap_or_else(|| folder.with_file_name("lean-history-cases.json"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Some((serde_json::from_str(&text).unwrap(), folder))
}

/// The sample folder, if the surroundings give it.
pub(crate) fn given_folder() -> Option<DataFolder> {
    Some(DataFolder::open(support::paths::shared("data/lean")?).unwrap())
}

fn family(case: &Value) -> String {
    let request = &case["request"];
    let continuous = if request["data_mapping_mode"].is_null() { "" } else { "continuous " };
    format!("{continuous}{}/{}", request["security_type"].as_str().unwrap(), request["resolution"].as_str().unwrap())
}

#[test]
fn every_reference_case_is_read_as_the_reference_reads_it() {
    let Some((file, folder)) = given() else { return };
    let mut failures = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in file["cases"].as_array().unwrap() {
        let family = family(case);
        if !COVERED.contains(&family.as_str()) {
            failures.push(format!("unknown family {family} of case {}", case["id"]));
            continue;
        }
        for (mode, expected) in case["results"].as_object().unwrap() {
            *counts.entry(family.clone()).or_default() += 1;
            if let Err(problem) = check(&folder, &case["request"], mode, expected) {
                failures.push(format!("{} {mode}: {problem}", case["id"].as_str().unwrap()));
            }
        }
    }
    println!("checked: {counts:?}");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Checks one case in all its modes, if the surroundings give it.
pub(crate) fn passes(id: &str) {
    let Some((file, folder)) = given() else { return };
    let cases = file["cases"].as_array().unwrap();
    let Some(case) = cases.iter().find(|case| case["id"].as_str() == Some(id)) else {
        return support::paths::skipping(&format!("the given cases have no {id}"));
    };
    for (mode, expected) in case["results"].as_object().unwrap() {
        check(&folder, &case["request"], mode, expected).unwrap();
    }
}

#[test]
fn a_case_that_was_changed_fails() {
    let Some((file, folder)) = given() else { return };
    let case = &file["cases"][0];
    let (mode, expected) = case["results"].as_object().unwrap().iter().next().unwrap();
    check(&folder, &case["request"], mode, expected).unwrap();
    let nudge = |pointer: &str, change: &dyn Fn(&Value) -> Value| {
        let mut changed = expected.clone();
        let cell = changed.pointer_mut(pointer).unwrap();
        *cell = change(cell);
        assert!(check(&folder, &case["request"], mode, &changed).is_err(), "{pointer}");
    };
    let times = |factor: f64| move |value: &Value| Value::from(value.as_f64().unwrap() * factor);
    nudge("/count", &|value| Value::from(value.as_i64().unwrap() + 1));
    nudge("/sum_close", &times(1.0 + 1e-8));
    nudge("/first/0/close", &times(1.0 + 1e-8));
    nudge("/last/0/time", &|_| Value::from("2014-06-09 16:00:01"));
    nudge("/columns", &|_| Value::from(vec!["close"]));
    nudge("/first/0/ticker", &|_| Value::from("ELSE"));
}

fn request(request: &Value, mode: &str, folder: &DataFolder) -> HistoryRequest {
    let text = |key: &str| request[key].as_str();
    let sid = text("sid").unwrap().parse().unwrap();
    let mut security = folder.security(&sid, None).unwrap();
    security.ticker = text("ticker").unwrap().to_owned();
    let end = text("end").unwrap().parse().unwrap();
    let window = match request["periods"].as_u64() {
        Some(count) => Window::Periods { count: count as usize, end },
        None => Window::range(text("start").unwrap().parse().unwrap(), end),
    };
    let resolution: qc_data::Resolution = text("resolution").unwrap().parse().unwrap();
    let mut asked = HistoryRequest::new([SymbolQuery::from(security)], window, resolution)
        .normalized(mode.parse::<Normalization>().unwrap())
        .filled_forward(request["fill_forward"].as_bool().unwrap());
    asked.extended_market_hours = request["extended_market_hours"].as_bool().unwrap();
    asked.mapping = request["data_mapping_mode"].as_u64().map(mapping);
    asked.contract_depth = request["contract_depth_offset"].as_u64().unwrap_or(0) as usize;
    asked.algorithm_time_zone = jiff::tz::TimeZone::get(text("algorithm_time_zone").unwrap()).unwrap();
    asked
}

fn mapping(code: u64) -> MappingMode {
    let modes = [
        MappingMode::LastTradingDay,
        MappingMode::FirstDayMonth,
        MappingMode::OpenInterest,
        MappingMode::OpenInterestAnnual,
    ];
    modes[code as usize]
}

/// Runs one mode of a case and compares everything the case states.
fn check(folder: &Path, asked: &Value, mode: &str, expected: &Value) -> Result<(), String> {
    let folder = DataFolder::open(folder).unwrap();
    let history = history::load(&folder, &request(asked, mode, &folder)).map_err(|error| error.to_string())?;
    compare(&history, expected)
}

fn compare(history: &History, expected: &Value) -> Result<(), String> {
    let series = &history.series[0];
    let same = |what: &str, ours: usize, theirs: &Value| match theirs.as_u64() == Some(ours as u64) {
        true => Ok(()),
        false => Err(format!("{what}: {ours}, expected {theirs}")),
    };
    same("count", series.n_rows(), &expected["count"])?;
    same("fill_forward_count", series.n_filled(), &expected["fill_forward_count"])?;
    let columns: Vec<&str> = series.columns.visible_fields().iter().map(|field| field.name()).collect();
    let theirs: Vec<&str> = expected["columns"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    if columns != theirs {
        return Err(format!("columns: {columns:?}, expected {theirs:?}"));
    }
    for (key, field) in
        [("sum_close", Field::Close), ("sum_volume", Field::Volume), ("sum_lastprice", Field::LastPrice)]
    {
        let Some(theirs) = expected[key].as_f64() else { continue };
        let ours: f64 = series.columns.get(field).unwrap_or_default().iter().filter(|v| !v.is_nan()).sum();
        close(key, ours, theirs)?;
    }
    let first = expected["first"].as_array().unwrap();
    let last = expected["last"].as_array().unwrap();
    for (at, row) in first.iter().enumerate() {
        compare_row(series, at, row, &columns)?;
    }
    for (at, row) in last.iter().enumerate() {
        compare_row(series, series.n_rows() - last.len() + at, row, &columns)?;
    }
    Ok(())
}

fn compare_row(series: &qc_data::SymbolHistory, row: usize, expected: &Value, columns: &[&str]) -> Result<(), String> {
    let time = series.times[row].to_string();
    if expected["time"].as_str() != Some(time.as_str()) {
        return Err(format!("row {row}: time {time}, expected {}", expected["time"]));
    }
    if expected["ticker"].as_str() != Some(series.ticker_at(row)) {
        return Err(format!("row {row}: ticker {}, expected {}", series.ticker_at(row), expected["ticker"]));
    }
    if expected["fill_forward"].as_bool().unwrap_or(false) != series.is_filled[row] {
        return Err(format!("row {row} ({time}): filled {}", series.is_filled[row]));
    }
    for name in columns {
        let ours = series.columns.get(name.parse().unwrap()).unwrap()[row];
        match expected[name].as_f64() {
            Some(theirs) => close(&format!("row {row} ({time}) {name}"), ours, theirs)?,
            None if ours.is_nan() => {}
            None => return Err(format!("row {row} ({time}) {name}: {ours}, expected a missing cell")),
        }
    }
    Ok(())
}

fn close(what: &str, ours: f64, theirs: f64) -> Result<(), String> {
    if ours == theirs || (ours - theirs).abs() <= TOLERANCE * theirs.abs() {
        return Ok(());
    }
    Err(format!("{what}: {ours}, expected {theirs}"))
}
