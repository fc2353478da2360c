//! Companies that used one ticker one after the other are told apart wherever files are named by tickers: chains, members
//! of funds, shares to be lent, and the list of what there is. And files that say who is who may change at any time.

use super::market;
use jiff::civil::{Date, date};
use qc_data::alternative::{self, Layout};
use qc_data::chain::{self, ChainFilter};
use qc_data::write::{HoursEntry, LeanWriter, zip_of};
use qc_data::{
    DataFolder, HistoryRequest, Resolution, Security, SecurityType, SymbolQuery, Window, history, reference, universe,
};
use tempfile::TempDir;

/// X belonged to one company until July 2019 and belongs to another one since 6 January 2020.
fn folder(files: &[(&str, &str)]) -> (TempDir, DataFolder) {
    let dir = tempfile::tempdir().unwrap();
    let us = HoursEntry::us_equity(2019, 2020);
    let options = HoursEntry { security_type: SecurityType::Option, ..us.clone() };
    LeanWriter::create(dir.path()).unwrap().market_hours(&[us, options]).unwrap();
    let maps = [
        ("equity/usa/map_files/x.csv", "20200106,x\n20501231,x\n"),
        ("equity/usa/map_files/x.1.csv", "20190102,x\n20190731,x\n"),
    ];
    for (path, text) in maps.iter().chain(files) {
        let place = dir.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let bytes = if path.ends_with(".zip") {
            zip_of([("x.csv", text.as_bytes())]).unwrap()
        } else {
            text.as_bytes().to_vec()
        };
        std::fs::write(place, bytes).unwrap();
    }
    let folder = DataFolder::open(dir.path()).unwrap();
    (dir, folder)
}

fn x(folder: &DataFolder, kind: SecurityType, day: Date) -> Security {
    let ticker = SymbolQuery::Ticker { ticker: "X".into(), security_type: kind, market: None, date: Some(day) };
    folder.resolve(&ticker).unwrap()
}

const OLD: Date = date(2019, 7, 1);
const NEW: Date = date(2020, 2, 3);

#[test]
fn a_chain_is_of_one_company() {
    let row = |strike: u32| format!("20200117,{strike},C,1,2,0.5,1.5,7,3,0.25,0.5,0,0,0,0\n");
    let (old, new) = (row(10), row(20));
    let (_dir, folder) = folder(&[
        ("option/usa/universes/x/20190702.csv", &old),
        ("option/usa/universes/x/20190903.csv", &row(15)), // after the delisting of the one, before the listing of the other
        ("option/usa/universes/x/20200107.csv", &new),
    ]);
    let strikes = |company: Date, day: Date| -> Option<(Date, Vec<f64>)> {
        let query = SymbolQuery::Security(x(&folder, SecurityType::Option, company));
        let chain = chain::on(&folder, &query, day, &ChainFilter::default()).unwrap()?;
        Some((chain.file_date, chain.contracts.iter().filter_map(|contract| contract.strike).collect()))
    };
    assert_eq!(strikes(OLD, date(2020, 3, 2)), Some((date(2019, 7, 2), vec![10.0])));
    assert_eq!(strikes(NEW, date(2020, 3, 2)), Some((date(2020, 1, 7), vec![20.0])));
    assert_eq!(strikes(NEW, date(2020, 1, 7)), None, "what the other company's file says is no chain of this one");
}

#[test]
fn members_and_loans_are_of_one_company() {
    let (_dir, folder) = folder(&[
        ("equity/usa/universes/etf/x/20190702.csv", "AAA,AAA 2T,20190702,1,1,1\n"),
        ("equity/usa/universes/etf/x/20200107.csv", "BBB,BBB 2T,20200107,1,1,1\n"),
        ("equity/usa/shortable/b/symbols/x.csv", "20190702,100\n20190903,150\n20200107,200\n"),
    ]);
    let window = Window::dates(date(2019, 7, 1), date(2020, 1, 31));
    for (company, member, file, quantity) in
        [(OLD, "AAA", date(2019, 7, 2), 100.0), (NEW, "BBB", date(2020, 1, 7), 200.0)]
    {
        let share = x(&folder, SecurityType::Equity, company);
        let known = universe::etf_on(&folder, &share, date(2020, 3, 2)).unwrap().unwrap();
        assert_eq!((known.file_date, known.members[0].ticker.as_str()), (file, member));
        let days = universe::etf_history(&folder, &share, window).unwrap();
        assert!(days.iter().all(|day| day.file_date == file), "{member}");
        // The one is delisted on 31 July 2019 and known for the last time on the morning after; the other stays.
        let last = days.last().unwrap().time.date();
        assert_eq!(last, if company == OLD { date(2019, 8, 1) } else { date(2020, 1, 31) }, "{member}");
        let lent = reference::shortable(&folder, "b", &share).unwrap();
        assert_eq!(lent.iter().map(|row| row.quantity).collect::<Vec<_>>(), [Some(quantity)]);
    }
}

#[test]
fn weights_of_members_that_shared_a_ticker_stay_apart() {
    let (_dir, folder) = folder(&[
        ("equity/usa/map_files/f.csv", "20190102,f\n20501231,f\n"),
        ("equity/usa/universes/etf/f/20190702.csv", "X,X V6OIPNZEM8V9,20190702,0.1,1,1\nY,Y 2T,20190702,0.9,1,1\n"),
        ("equity/usa/universes/etf/f/20190703.csv", "X,X 2T,20190703,0.2,1,1\nZ,Y 2T,20190703,0.8,1,1\n"),
    ]);
    let days = (date(2019, 7, 1), date(2019, 7, 31));
    let table =
        alternative::read(&folder, "etf_weights", Some(&"F".into()), &Layout::default(), days).unwrap().unwrap();
    let rows = |symbol: &str| format!("{:?}", table.column(symbol, "weight"));
    assert_eq!(rows("Z"), "Some([0.9, 0.8])", "a renamed member is one column");
    assert_eq!(rows("X (X V6OIPNZEM8V9)"), "Some([0.1, NaN])");
    assert_eq!(rows("X (X 2T)"), "Some([NaN, 0.2])");
}

#[test]
fn days_of_fine_bars_are_counted_for_one_company() {
    let bar = "34200000,10000,10000,10000,10000,1\n";
    let (_dir, folder) = folder(&[
        ("equity/usa/minute/x/20190702_trade.zip", bar),
        ("equity/usa/minute/x/20200107_trade.zip", bar),
        ("equity/usa/minute/x/20200108_trade.zip", bar),
    ]);
    let days = |company| {
        let share = SymbolQuery::Security(x(&folder, SecurityType::Equity, company));
        let stored = folder.describe_symbol(&share).unwrap().stored;
        (stored[0].first, stored[0].count)
    };
    assert_eq!(days(OLD), (date(2019, 7, 2), 1));
    assert_eq!(days(NEW), (date(2020, 1, 7), 2));
}

#[test]
fn a_map_file_that_is_changed_in_place_is_read_again() {
    let market = market::write();
    let folder = market.folder();
    let before = folder.resolve(&"NEW".into()).unwrap();
    let request = HistoryRequest::new(["NEW"], Window::dates(market::FIRST, market::LAST), Resolution::Daily);
    let rows = || history::load(&folder, &request).unwrap().series[0].n_rows();
    assert_eq!(rows(), market.days.len());
    // The company is listed from February on now; the folder's own time of change stays as it was.
    let path = market.path_of("equity/usa/map_files/new.csv");
    let shelf = path.parent().unwrap().to_owned();
    let age = || std::fs::metadata(&shelf).unwrap().modified().unwrap();
    let old = age();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("20190102", "20190201", 1).replace(",Q", ",NQ")).unwrap();
    assert_eq!(age(), old);
    assert!(rows() < market.days.len());
    assert_ne!(folder.resolve(&"NEW".into()).unwrap().sid, before.sid);
}
