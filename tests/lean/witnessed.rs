//! What an independent port of LEAN's readers found that no given case shows, pinned with the smallest folders that show it.

use jiff::civil::date;
use qc_data::history::MappingMode;
use qc_data::write::{HoursEntry, LeanWriter, zip_of};
use qc_data::{
    DataFolder, HistoryRequest, Normalization, Resolution, SecurityType, Sid, SymbolHistory, SymbolQuery, Window,
    history,
};
use std::path::Path;

fn write(folder: &Path, path: &str, bytes: &[u8]) {
    let place = folder.join(path);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, bytes).unwrap();
}

fn zipped(folder: &Path, path: &str, entries: &[(&str, &str)]) {
    write(folder, path, &zip_of(entries.iter().map(|(name, text)| (*name, text.as_bytes()))).unwrap());
}

fn ends(series: &SymbolHistory) -> Vec<String> {
    series.times.iter().map(ToString::to_string).collect()
}

/// X was delisted on Friday 2019-07-05; another company took the ticker in September.
fn reused() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    LeanWriter::create(dir.path()).unwrap().market_hours(&[HoursEntry::us_equity(2019, 2020)]).unwrap();
    write(dir.path(), "equity/usa/map_files/x.csv", b"20190903,x\n20501231,x\n");
    write(dir.path(), "equity/usa/map_files/x.1.csv", b"20190601,x\n20190705,x\n");
    let days = "20190703 00:00,10000,10000,10000,10000,5\n20190705 00:00,20000,20000,20000,20000,5\n20190903 00:00,90000,90000,90000,90000,5\n";
    zipped(dir.path(), "equity/usa/daily/x.zip", &[("x.csv", days)]);
    let hours = "20190705 14:00,10000,10000,10000,10000,5\n20190705 15:00,20000,20000,20000,20000,5\n20190903 09:00,90000,90000,90000,90000,5\n";
    zipped(dir.path(), "equity/usa/hour/x.zip", &[("x.csv", hours)]);
    dir
}

fn first_company(folder: &Path, last: jiff::civil::Date, resolution: Resolution, fill: bool) -> SymbolHistory {
    let then = SymbolQuery::Ticker {
        ticker: "X".into(),
        security_type: SecurityType::Equity,
        market: None,
        date: Some(date(2019, 7, 1)),
    };
    let window = Window::dates(date(2019, 7, 1), last);
    let request = HistoryRequest::new([then], window, resolution).normalized(Normalization::Raw).filled_forward(fill);
    history::load(&DataFolder::open(folder).unwrap(), &request).unwrap().series.remove(0)
}

#[test]
fn a_delisted_share_is_repeated_twice_more_where_another_company_follows_in_the_window() {
    let dir = reused();
    let known = ["2019-07-03 13:00:00", "2019-07-05 16:00:00"];
    let series = first_company(dir.path(), date(2019, 9, 30), Resolution::Daily, true);
    assert_eq!(ends(&series), [known[0], known[1], "2019-07-08 16:00:00", "2019-07-09 16:00:00"]);
    assert_eq!(series.is_filled, [false, false, true, true], "marked, so no statistic reads them");
    assert_eq!(series.closes().unwrap(), [1.0, 2.0, 2.0, 2.0], "and never the other company's price");
    // Where the window ends before the other company begins nothing follows; nor where nothing is filled.
    for (last, fill) in [(date(2019, 8, 30), true), (date(2019, 9, 30), false)] {
        assert_eq!(ends(&first_company(dir.path(), last, Resolution::Daily, fill)), known, "{last} {fill}");
    }
    let hours = first_company(dir.path(), date(2019, 9, 30), Resolution::Hour, true);
    assert_eq!(
        ends(&hours),
        ["2019-07-05 15:00:00", "2019-07-05 16:00:00", "2019-07-08 10:00:00", "2019-07-08 11:00:00"]
    );
}

#[test]
fn a_continuous_future_stays_with_its_last_contract_behind_the_last_row_of_its_map() {
    let dir = tempfile::tempdir().unwrap();
    let hours =
        HoursEntry { security_type: SecurityType::Future, market: "cme".into(), ..HoursEntry::us_equity(2019, 2020) };
    LeanWriter::create(dir.path()).unwrap().market_hours(&[hours]).unwrap();
    let contract = Sid::future("ES", date(2019, 9, 20), "cme").unwrap().to_string();
    // The rows of this mode end on the 2nd, those of another one on the 8th.
    let map = format!("18991230,es,CME\n20190702,{0},CME,2\n20190708,{0},CME,0\n", contract.to_lowercase());
    write(dir.path(), "future/cme/map_files/es.csv", map.as_bytes());
    let day = |day: u32, price: u32| format!("201907{day:02} 00:00,{price},{price},{price},{price},5\n");
    let rows: String =
        [(1, 10), (2, 20), (3, 30), (5, 50), (9, 90)].iter().map(|(at, price)| day(*at, *price)).collect();
    zipped(dir.path(), "future/cme/daily/es_trade.zip", &[("es_trade_201909.csv", &rows)]);
    for (at, price) in [("02", 2), ("03", 3), ("08", 8), ("09", 9)] {
        let entry = format!("201907{at}_es_minute_trade_201909.csv");
        let row = format!("36000000,{price},{price},{price},{price},1\n");
        zipped(dir.path(), &format!("future/cme/minute/es/201907{at}_trade.zip"), &[(&entry, &row)]);
    }
    let es = SymbolQuery::Ticker {
        ticker: "ES".into(),
        security_type: SecurityType::Future,
        market: Some("cme".into()),
        date: None,
    };
    let closes = |first, resolution| {
        let window = Window::dates(first, date(2019, 7, 12));
        let mut request = HistoryRequest::new([es.clone()], window, resolution).normalized(Normalization::Raw);
        request.mapping = Some(MappingMode::OpenInterest);
        let folder = DataFolder::open(dir.path()).unwrap();
        history::load(&folder, &request).unwrap().series.remove(0).closes().unwrap_or_default().to_vec()
    };
    assert_eq!(closes(date(2019, 7, 1), Resolution::Daily), [10.0, 20.0, 30.0, 50.0, 90.0]);
    // Files of days are looked for as long as any mode has rows.
    assert_eq!(closes(date(2019, 7, 1), Resolution::Minute), [2.0, 3.0, 8.0]);
    assert!(closes(date(2019, 7, 3), Resolution::Daily).is_empty(), "nothing was followed when the window began");
}
