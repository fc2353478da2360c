//! Damaged folders and impossible requests: each is an answer that names the place, and never a panic.

use super::market::{self, FIRST, LAST};
use jiff::civil::date;
use qc_data::{
    DataFolder, Error, FactorState, History, HistoryRequest, Normalization, Resolution, SecurityType, SymbolQuery,
    Window, history,
};

fn load(folder: &DataFolder, symbol: &str, window: Window) -> Result<History, Error> {
    history::load(folder, &HistoryRequest::new([symbol], window, Resolution::Daily))
}

fn year(folder: &DataFolder, symbol: &str) -> Result<History, Error> {
    load(folder, symbol, Window::dates(FIRST, LAST))
}

#[test]
fn an_unknown_symbol_has_no_rows_and_says_what_was_looked_for() {
    let history = year(&market::write().folder(), "NOPE").unwrap();
    assert_eq!(history.series[0].n_rows(), 0);
    let error = history.require_rows().unwrap_err().to_string();
    let found = "no file; under equity/usa/daily the folder has 3: FUND, NEW, OLD";
    assert_eq!(error, format!("no daily data for NOPE from 2019-01-02 to 2019-12-31: {found}"));
}

#[test]
fn an_empty_range_says_what_there_is() {
    let market = market::write();
    let folder = market.folder();
    let closed = load(&folder, "NEW", Window::dates(date(2019, 1, 5), date(2019, 1, 6))).unwrap();
    assert!(closed.require_rows().unwrap_err().to_string().contains("closed for the whole window"));
    let early = load(&folder, "NEW", Window::dates(date(2018, 3, 1), date(2018, 3, 31))).unwrap();
    assert!(early.require_rows().unwrap_err().to_string().contains("listed from 2019-01-02"));
    let late = load(&folder, "FUND", Window::dates(date(2020, 3, 2), date(2020, 3, 31))).unwrap();
    assert!(late.require_rows().unwrap_err().to_string().contains("daily data from 2019-01-02 to 2019-12-31"));
}

#[test]
fn inverted_dates_are_refused_with_both() {
    let market = market::write();
    let folder = market.folder();
    let error = load(&folder, "NEW", Window::dates(LAST, FIRST)).unwrap_err();
    assert!(error.to_string().contains("starts at 2019-12-31") && error.to_string().contains("ends at 2019-01-02"));
    let (start, end) = (FIRST.into(), FIRST.into());
    assert!(load(&folder, "NEW", Window::range(start, end)).is_err());
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let market = market::write();
    let folder = market.folder();
    for name in ["../old", "..", "a/b", "/etc/passwd", "C:\\x", "\0", ""] {
        assert!(matches!(year(&folder, name), Err(Error::BadName { .. })), "{name:?}");
    }
    let query = SymbolQuery::Ticker {
        ticker: "new".into(),
        security_type: SecurityType::Equity,
        market: Some("../usa".into()),
        date: None,
    };
    assert!(matches!(folder.resolve(&query), Err(Error::BadName { .. })));
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder_are_not_followed() {
    let (market, other) = (market::write(), market::write());
    let zip = market.path_of("equity/usa/daily/fund.zip");
    std::fs::remove_file(&zip).unwrap();
    std::os::unix::fs::symlink(other.path_of("equity/usa/daily/fund.zip"), &zip).unwrap();
    assert!(matches!(year(&market.folder(), "FUND"), Err(Error::Io { .. })));
}

#[test]
fn a_corrupt_zip_names_the_file() {
    let market = market::write();
    let path = market.path_of("equity/usa/daily/fund.zip");
    let good = std::fs::read(&path).unwrap();
    for bad in [Vec::new(), b"not a zip".to_vec(), good[..good.len() / 2].to_vec()] {
        std::fs::write(&path, bad).unwrap();
        let error = year(&market.folder(), "FUND").unwrap_err();
        assert!(matches!(&error, Error::Damaged { file, .. } if file == "equity/usa/daily/fund.zip"), "{error}");
    }
    let mut flipped = good.clone();
    flipped[60] ^= 0x55; // inside the packed data
    std::fs::write(&path, flipped).unwrap();
    assert!(matches!(year(&market.folder(), "FUND"), Err(Error::Damaged { .. })));
}

#[test]
fn a_damaged_cell_names_file_line_and_column_but_not_itself() {
    let market = market::write();
    let path = market.path_of("equity/usa/daily/fund.zip");
    let text = "20190102 00:00,1,2,3,4,5\n20190103 00:00,1,secret,3,4,5\n";
    write_zip(&path, "fund.csv", text.as_bytes());
    let error = year(&market.folder(), "FUND").unwrap_err().to_string();
    assert_eq!(error, "equity/usa/daily/fund.zip#fund.csv, line 2, column 3: expected a decimal number");
}

#[test]
fn a_zip_bomb_is_refused_before_it_is_unpacked() {
    let market = market::write();
    let path = market.path_of("equity/usa/daily/fund.zip");
    write_zip(&path, "fund.csv", &vec![b'0'; 256 << 20]);
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
    assert!(matches!(year(&market.folder(), "FUND"), Err(Error::TooLarge { .. })));
}

#[test]
fn a_truncated_factor_file_leaves_prices_unadjusted_and_says_so() {
    let market = market::write();
    let path = market.path_of("equity/usa/factor_files/new.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 30]).unwrap();
    let adjusted = HistoryRequest::new(["NEW"], Window::dates(FIRST, LAST), Resolution::Daily);
    let raw = adjusted.clone().normalized(Normalization::Raw);
    let (adjusted, raw) =
        (history::load(&market.folder(), &adjusted).unwrap(), history::load(&market.folder(), &raw).unwrap());
    let (adjusted, raw) = (&adjusted.series[0], &raw.series[0]);
    assert_eq!(adjusted.closes(), raw.closes());
    assert!(matches!(&adjusted.adjustment.factors, FactorState::Broken(place) if place.contains("line")));
}

#[test]
fn damaged_map_files_and_hours_are_named() {
    let market = market::write();
    std::fs::write(market.path_of("equity/usa/map_files/new.csv"), "2019x102,old\n").unwrap();
    let error = year(&market.folder(), "NEW").unwrap_err().to_string();
    assert_eq!(error, "equity/usa/map_files/new.csv, line 1, column 1: expected a date YYYYMMDD");
    let market = market::write();
    std::fs::write(market.path_of("market-hours/market-hours-database.json"), "{\"entries\": {").unwrap();
    assert!(year(&market.folder(), "NEW").unwrap_err().to_string().contains("market-hours-database.json"));
    std::fs::remove_file(market.path_of("market-hours/market-hours-database.json")).unwrap();
    assert!(matches!(year(&market.folder(), "NEW"), Err(Error::Missing { .. })));
}

#[test]
fn requests_without_meaning_are_refused() {
    let market = market::write();
    let folder = market.folder();
    let request = HistoryRequest::new(["NEW"], Window::dates(FIRST, LAST), Resolution::Daily);
    let panama = request.clone().normalized(Normalization::BackwardsPanamaCanal);
    assert!(matches!(history::load(&folder, &panama), Err(Error::Normalization { .. })));
    let many = HistoryRequest::new((0..6_000).map(|n| format!("S{n}")), request.window, Resolution::Daily);
    assert!(matches!(history::load(&folder, &many), Err(Error::TooMany { .. })));
    assert!(matches!(DataFolder::open("/nowhere/at/all"), Err(Error::Folder { .. })));
}

#[test]
fn a_blank_folder_answers_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let error = year(&DataFolder::open(dir.path()).unwrap(), "SPY").unwrap_err().to_string();
    assert_eq!(error, "market-hours/market-hours-database.json is missing in the data folder");
}

fn write_zip(path: &std::path::Path, entry: &str, bytes: &[u8]) {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    zip.start_file(entry, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap();
}
