//! Traps that a naive reader of LEAN folders falls into, one claim each. The table in `docs/data.md` says which test
//! stands for which trap; the last test here holds the table to its word.

use super::market::{self, FIRST, LAST, close_on};
use jiff::civil::date;
use qc_data::chain::{self, ChainFilter};
use qc_data::write::{HoursEntry, LeanWriter, zip_of};
use qc_data::{
    DataFolder, Field, HistoryRequest, LocalTime, Normalization, Resolution, SecurityType, Sid, SymbolHistory,
    SymbolQuery, Window, history,
};
use tempfile::TempDir;

/// A folder with US hours for several types, and texts: a path that ends in `.zip` gets the text as its only entry.
fn folder(files: &[(&str, &str)]) -> (TempDir, DataFolder) {
    let dir = tempfile::tempdir().unwrap();
    let us = |kind, market: &str| HoursEntry {
        security_type: kind,
        market: market.into(),
        ..HoursEntry::us_equity(2019, 2020)
    };
    let hours = [
        us(SecurityType::Equity, "usa"),
        us(SecurityType::Option, "usa"),
        us(SecurityType::Future, "cme"),
        HoursEntry::always_open(SecurityType::Crypto, "coinbase"),
    ];
    LeanWriter::create(dir.path()).unwrap().market_hours(&hours).unwrap();
    for (path, text) in files {
        let (path, entry) = path.split_once('#').unwrap_or((path, "x.csv"));
        let place = dir.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let bytes =
            if path.ends_with(".zip") { zip_of([(entry, text.as_bytes())]).unwrap() } else { text.as_bytes().to_vec() };
        std::fs::write(place, bytes).unwrap();
    }
    let folder = DataFolder::open(dir.path()).unwrap();
    (dir, folder)
}

fn load(
    folder: &DataFolder,
    query: impl Into<SymbolQuery>,
    days: (&str, &str),
    resolution: Resolution,
) -> SymbolHistory {
    let window = Window::dates(days.0.parse().unwrap(), days.1.parse().unwrap());
    history::load(folder, &HistoryRequest::new([query.into()], window, resolution)).unwrap().series.remove(0)
}

fn ends(series: &SymbolHistory) -> Vec<String> {
    series.times.iter().map(ToString::to_string).collect()
}

const WEEK: (&str, &str) = ("2019-07-01", "2019-07-05");

#[test]
fn factor_files_are_named_by_the_company_and_prices_by_the_ticker() {
    // Prices of OLD lie in old.zip, its factors in new.csv: the share is called NEW today.
    let market = market::write();
    let series = load(&market.folder(), "NEW", ("2019-02-01", "2019-02-01"), Resolution::Daily);
    let raw = close_on(date(2019, 2, 1));
    assert!((series.closes().unwrap()[0] - raw * 0.5 * 0.983333333).abs() < 1e-6);
    assert_eq!(series.adjustment.to_string(), "Adjusted");
}

#[test]
fn volumes_are_divided_by_the_whole_factor_and_halves_go_to_the_even_number() {
    // 1 / 8: volumes 4, 12 and 20 become 0.5, 1.5 and 2.5.
    let bars = "20190701 00:00,80000,80000,80000,80000,4\n20190702 00:00,80000,80000,80000,80000,12\n20190703 00:00,80000,80000,80000,80000,20\n";
    let factors = "20190601,1,8,1\n20190705,1,8,1\n20501231,1,1,0\n";
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip", bars), ("equity/usa/factor_files/x.csv", factors)]);
    let series = load(&folder, "X", WEEK, Resolution::Daily);
    assert_eq!(series.columns.get(Field::Volume).unwrap(), [0.0, 2.0, 2.0]);
    assert_eq!(series.closes().unwrap(), [64.0, 64.0, 64.0], "a factor above one is a reverse split");
}

#[test]
fn total_return_counts_dividends_from_the_start_of_the_request() {
    let market = market::write();
    let last_close = |first| {
        let request = HistoryRequest::new(["NEW"], Window::dates(first, LAST), Resolution::Daily);
        let series =
            history::load(&market.folder(), &request.normalized(Normalization::TotalReturn)).unwrap().series.remove(0);
        *series.closes().unwrap().last().unwrap()
    };
    // The dividend of 1.00 was paid on 1 October.
    assert!((last_close(FIRST) - last_close(date(2019, 11, 1)) - 1.0).abs() < 1e-9);
}

#[test]
fn history_begins_the_day_before_the_first_factor_in_every_mode() {
    let bars = "20190701 00:00,10000,10000,10000,10000,1\n20190702 00:00,10000,10000,10000,10000,1\n20190703 00:00,10000,10000,10000,10000,1\n20190705 00:00,10000,10000,10000,10000,1\n";
    let factors = "20190705,1,1,1\n20501231,1,1,0\n";
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip", bars), ("equity/usa/factor_files/x.csv", factors)]);
    for mode in [Normalization::Raw, Normalization::Adjusted] {
        let window = Window::dates(date(2019, 7, 1), date(2019, 7, 5));
        let request = HistoryRequest::new(["X"], window, Resolution::Daily).normalized(mode);
        let series = history::load(&folder, &request).unwrap().series.remove(0);
        // The bar of the 3rd ends at midnight of the 4th, the first moment that is allowed.
        assert_eq!(ends(&series), ["2019-07-03 13:00:00", "2019-07-05 16:00:00"], "{mode}");
    }
}

#[test]
fn the_first_entry_of_a_share_counts_whatever_its_name() {
    let bars = "20190702 00:00,10000,10000,10000,10000,1\n";
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip#y/other_name.csv", bars)]);
    assert_eq!(load(&folder, "X", WEEK, Resolution::Daily).n_rows(), 1);
}

#[test]
fn contracts_are_found_by_the_name_of_their_entry_in_any_case() {
    let (dir, folder) = folder(&[]);
    let one = b"20190702 00:00,1,1,1,1,1\n".as_slice();
    let two = b"20190702 00:00,2,2,2,2,2\n".as_slice();
    let zip = zip_of([("es_trade_201909.csv", one), ("ES_Trade_201912.CSV", two)]).unwrap();
    std::fs::create_dir_all(dir.path().join("future/cme/daily")).unwrap();
    std::fs::write(dir.path().join("future/cme/daily/es_trade.zip"), zip).unwrap();
    let december = Sid::future("ES", date(2019, 12, 20), "cme").unwrap().to_string();
    let series = load(&folder, SymbolQuery::new(december, SecurityType::Future), WEEK, Resolution::Daily);
    assert_eq!(series.closes().unwrap(), [2.0]);
}

#[test]
fn a_zip_with_a_doubled_ending_is_not_there() {
    let (_dir, folder) = folder(&[("equity/usa/minute/x/20190702_trade.zip.zip", "34200000,1,1,1,1,1\n")]);
    assert_eq!(load(&folder, "X", WEEK, Resolution::Minute).n_rows(), 0);
}

#[test]
fn shares_have_no_quotes_by_the_hour_or_day() {
    let bars = "20190702 00:00,10000,10000,10000,10000,1\n";
    let quotes = "20190702 00:00,1,1,1,1,1,1,1,1,1,1\n";
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip", bars), ("equity/usa/daily/x_quote.zip", quotes)]);
    let series = load(&folder, "X", WEEK, Resolution::Daily);
    assert!(series.columns.get(Field::BidClose).is_none());
}

#[test]
fn an_evening_in_new_york_lies_in_the_next_file_of_utc() {
    let (dir, _) = folder(&[("equity/usa/minute/x/20190703_trade.zip", "0,10000,10000,10000,10000,1\n")]);
    let hours = HoursEntry { data_time_zone: "UTC".into(), ..HoursEntry::us_equity(2019, 2019) };
    std::fs::remove_file(dir.path().join("market-hours/market-hours-database.json")).unwrap();
    LeanWriter::create(dir.path()).unwrap().market_hours(&[hours]).unwrap();
    // Midnight UTC of the 3rd is 20:00 on the 2nd in New York, the end of extended hours; one minute earlier is inside.
    let text = "86340000,10000,10000,10000,10000,1\n";
    std::fs::write(
        dir.path().join("equity/usa/minute/x/20190702_trade.zip"),
        zip_of([("x.csv", text.as_bytes())]).unwrap(),
    )
    .unwrap();
    let window = Window::dates(date(2019, 7, 2), date(2019, 7, 2));
    let mut request = HistoryRequest::new(["X"], window, Resolution::Minute);
    request.extended_market_hours = true;
    let series = history::load(&DataFolder::open(dir.path()).unwrap(), &request).unwrap().series.remove(0);
    assert_eq!(ends(&series), ["2019-07-02 20:00:00"]);
}

#[test]
fn the_minute_at_midnight_is_a_row_like_any_other() {
    let (_dir, folder) =
        folder(&[("crypto/coinbase/minute/btcusd/20190707_trade.zip", "0,1,1,1,1,1\n60000,2,2,2,2,2\n")]);
    let query = SymbolQuery::new("BTCUSD", SecurityType::Crypto);
    let series = load(&folder, query, ("2019-07-07", "2019-07-07"), Resolution::Minute);
    assert_eq!(ends(&series), ["2019-07-07 00:01:00", "2019-07-07 00:02:00"], "a Sunday");
}

#[test]
fn daily_rows_of_closed_days_are_dropped() {
    // Independence Day and a Saturday.
    let bars = "20190703 00:00,10000,10000,10000,10000,1\n20190704 00:00,10000,10000,10000,10000,1\n20190706 00:00,10000,10000,10000,10000,1\n20190708 00:00,10000,10000,10000,10000,1\n";
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip", bars)]);
    let series = load(&folder, "X", ("2019-07-01", "2019-07-08"), Resolution::Daily);
    assert_eq!(ends(&series), ["2019-07-03 13:00:00", "2019-07-08 16:00:00"]);
}

#[test]
fn rows_that_end_no_later_than_the_last_one_are_skipped_not_sorted() {
    let text = "34200000,1,1,1,1,1\n34320000,3,3,3,3,3\n34260000,2,2,2,2,2\n34320000,9,9,9,9,9\n34380000,4,4,4,4,4\n";
    let (_dir, folder) = folder(&[("crypto/coinbase/minute/btcusd/20190702_trade.zip", text)]);
    let query = SymbolQuery::new("BTCUSD", SecurityType::Crypto);
    let series = load(&folder, query, ("2019-07-02", "2019-07-02"), Resolution::Minute);
    assert_eq!(series.closes().unwrap(), [1.0, 3.0, 4.0]);
}

#[test]
fn reading_stops_at_the_first_row_behind_the_window() {
    let bars = "20190701 00:00,10000,10000,10000,10000,1\n20190801 00:00,10000,10000,10000,10000,1\n20190703 00:00,10000,10000,10000,10000,1\n";
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip", bars)]);
    assert_eq!(ends(&load(&folder, "X", WEEK, Resolution::Daily)), ["2019-07-01 16:00:00"]);
}

#[test]
fn rows_beyond_the_day_of_their_file_are_ignored() {
    let text = "34200000,1,1,1,1,1\n120600000,2,2,2,2,2\n"; // the second is 9:30 of the next day
    let (_dir, folder) = folder(&[("crypto/coinbase/minute/btcusd/20190702_trade.zip", text)]);
    let query = SymbolQuery::new("BTCUSD", SecurityType::Crypto);
    let series = load(&folder, query, ("2019-07-02", "2019-07-03"), Resolution::Minute);
    assert_eq!(ends(&series), ["2019-07-02 09:31:00"]);
}

#[test]
fn columns_without_any_number_vanish_from_the_frame() {
    let bars = "20190702 00:00,10000,10000,10000,10000,0\n20190703 00:00,10000,10000,10000,10000,0\n";
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip", bars)]);
    let mut series = load(&folder, "X", WEEK, Resolution::Daily);
    assert!(series.columns.get(Field::Volume).is_some());
    series.columns.drop_empty();
    let names: Vec<&str> = series.columns.fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["close", "high", "low", "open"]);
}

#[test]
fn the_end_of_2050_means_for_ever() {
    let market = market::write();
    let new = market.folder().describe_symbol(&"NEW".into()).unwrap();
    assert_eq!((new.delisted, new.names.last().unwrap().until), (None, None));
}

#[test]
fn a_delisted_company_keeps_its_ticker_for_the_days_it_had_it() {
    let maps = [
        ("equity/usa/map_files/x.csv", "20200106,x\n20501231,x\n"),
        ("equity/usa/map_files/x.1.csv", "20190102,x\n20190731,x\n"),
    ];
    let bars = (
        "equity/usa/daily/x.zip",
        "20190702 00:00,10000,10000,10000,10000,1\n20200107 00:00,20000,20000,20000,20000,1\n",
    );
    let (_dir, folder) = folder(&[maps[0], maps[1], bars]);
    let then = SymbolQuery::Ticker {
        ticker: "X".into(),
        security_type: SecurityType::Equity,
        market: None,
        date: Some(date(2019, 7, 1)),
    };
    let whole = ("2019-01-01", "2020-12-31");
    assert_eq!(load(&folder, then, whole, Resolution::Daily).closes().unwrap(), [1.0]);
    assert_eq!(load(&folder, "X", whole, Resolution::Daily).closes().unwrap(), [2.0]);
}

#[test]
fn the_retired_code_of_gdax_is_coinbase_but_another_identifier() {
    let (old, new): (Sid, Sid) = ("BTCUSD XJ".parse().unwrap(), "BTCUSD 2XR".parse().unwrap());
    assert_eq!((old.market(), new.market()), ("coinbase", "coinbase"));
    assert_ne!(old, new);
    assert_eq!(Sid::plain("BTCUSD", SecurityType::Crypto, "coinbase").unwrap(), new);
}

#[test]
fn suspicious_ticks_are_given_and_marked() {
    let text = "34200000,10000,5,Q,0,0\n34200000,10100,6,Q,0,1\n";
    let (_dir, folder) = folder(&[("equity/usa/tick/x/20190702_trade.zip", text)]);
    let series = load(&folder, "X", WEEK, Resolution::Tick);
    assert_eq!(series.columns.get(Field::Suspicious).unwrap(), [0.0, 1.0]);
}

#[test]
fn bank_holidays_do_not_close_and_an_early_close_before_a_late_open_leaves_a_hole() {
    let (dir, _) = folder(&[(
        "future/cme/minute/es/20190702_trade.zip#20190702_es_minute_trade_201909.csv",
        "36000000,1,1,1,1,1\n43200000,2,2,2,2,2\n50400000,3,3,3,3,3\n",
    )]);
    let entry = r#"{"entries": {"Future-cme-[*]": {"dataTimeZone": "America/New_York", "exchangeTimeZone": "America/New_York",
        "tuesday": [{"start": "09:30:00", "end": "17:00:00", "state": "market"}], "bankHolidays": ["7/2/2019"],
        "earlyCloses": {"7/2/2019": "11:00:00"}, "lateOpens": {"7/2/2019": "13:00:00"}}}}"#;
    std::fs::write(dir.path().join("market-hours/market-hours-database.json"), entry).unwrap();
    let sid = Sid::future("ES", date(2019, 9, 20), "cme").unwrap().to_string();
    let folder = DataFolder::open(dir.path()).unwrap();
    let series = load(&folder, SymbolQuery::new(sid, SecurityType::Future), WEEK, Resolution::Minute);
    assert_eq!(ends(&series), ["2019-07-02 10:01:00", "2019-07-02 14:01:00"], "noon lies in the hole");
}

#[test]
fn options_have_a_file_for_each_year_and_a_chain_of_their_own() {
    let call = "x_trade_american_call_425000_20200117.csv";
    let (_dir, folder) = folder(&[
        (&format!("option/usa/daily/x_2019_trade_american.zip#{call}"), "20191231 00:00,15000,15000,15000,15000,7\n"),
        (&format!("option/usa/daily/x_2020_trade_american.zip#{call}"), "20200102 00:00,25000,25000,25000,25000,8\n"),
        (
            "option/usa/universes/x/20191230.csv",
            "#expiry\n,,,40,41,39,40.5,100\n20200117,42.5,C,1,2,0.5,1.5,7,3,0.25,0.5,0,0,0,0\n",
        ),
    ]);
    let query = SymbolQuery::new("X", SecurityType::Option);
    let chain = chain::on(&folder, &query, date(2019, 12, 31), &ChainFilter::default()).unwrap().unwrap();
    let contract = chain.contracts[0].security.clone().unwrap();
    assert_eq!((contract.ticker.as_str(), chain.underlying[0].close), ("X     200117C00042500", 40.5));
    let series = load(&folder, contract, ("2019-12-01", "2020-01-10"), Resolution::Daily);
    assert_eq!(series.closes().unwrap(), [1.5, 2.5]);
}

#[test]
fn continuous_futures_follow_the_map_of_their_mode_and_meet_at_the_roll() {
    let (dir, folder) = folder(&[
        (
            "future/cme/map_files/es.csv",
            "18991230,es,CME\n20190702,es sep,CME,2\n20501231,es dec,CME,2\n20190701,es sep,CME,0\n20501231,es dec,CME,0\n",
        ),
        (
            "future/cme/factor_files/es.csv",
            "{\"Date\":\"2019-07-02T00:00:00\",\"BackwardsRatioScale\":[0.5],\"BackwardsPanamaCanalScale\":[-10],\"ForwardPanamaCanalScale\":[0],\"DataMappingMode\":2}\n{\"Date\":\"2050-12-31T00:00:00\",\"BackwardsRatioScale\":[1],\"BackwardsPanamaCanalScale\":[0],\"ForwardPanamaCanalScale\":[10],\"DataMappingMode\":2}",
        ),
    ]);
    let (sep, dec) = (date(2019, 9, 20), date(2019, 12, 20));
    let sid = |day| Sid::future("ES", day, "cme").unwrap().to_string();
    let map = dir.path().join("future/cme/map_files/es.csv");
    let text = std::fs::read_to_string(&map).unwrap();
    std::fs::write(&map, text.replace("es sep", &sid(sep).to_lowercase()).replace("es dec", &sid(dec).to_lowercase()))
        .unwrap();
    let rows = |price: u32| {
        (1..4).map(|day| format!("2019070{day} 00:00,{price},{price},{price},{price},5\n")).collect::<String>()
    };
    let (front, back) = (rows(100), rows(110));
    let zip = zip_of([("es_trade_201909.csv", front.as_bytes()), ("es_trade_201912.csv", back.as_bytes())]).unwrap();
    std::fs::create_dir_all(dir.path().join("future/cme/daily")).unwrap();
    std::fs::write(dir.path().join("future/cme/daily/es_trade.zip"), zip).unwrap();
    let es = SymbolQuery::Ticker {
        ticker: "ES".into(),
        security_type: SecurityType::Future,
        market: Some("cme".into()),
        date: None,
    };
    let closes = |mode, mapping| {
        let window = Window::dates(date(2019, 7, 1), date(2019, 7, 3));
        let mut request = HistoryRequest::new([es.clone()], window, Resolution::Daily).normalized(mode);
        request.mapping = mapping;
        let series = history::load(&folder, &request).unwrap().series.remove(0);
        assert_eq!(series.columns.get(Field::Volume).unwrap(), [5.0; 3], "volumes are never scaled");
        (series.closes().unwrap().to_vec(), series.ticker_at(2).to_owned())
    };
    use qc_data::history::MappingMode;
    assert_eq!(closes(Normalization::Raw, None), (vec![100.0, 100.0, 110.0], sid(dec)));
    assert_eq!(closes(Normalization::Raw, Some(MappingMode::LastTradingDay)).0, [100.0, 110.0, 110.0]);
    assert_eq!(closes(Normalization::BackwardsRatio, None).0, [50.0, 50.0, 110.0]);
    assert_eq!(closes(Normalization::BackwardsPanamaCanal, None).0, [90.0, 90.0, 110.0]);
    assert_eq!(closes(Normalization::ForwardPanamaCanal, None).0, [100.0, 100.0, 120.0]);
}

#[test]
fn a_missing_file_of_the_old_ticker_leaks_as_lean_leaks() {
    super::cases::passes("bac-daily-missing-nb");
}

#[test]
fn time_stamps_are_ends_of_bars() {
    let (_dir, folder) = folder(&[("equity/usa/hour/x.zip", "20190702 09:00,10000,10000,10000,10000,1\n")]);
    let series = load(&folder, "X", WEEK, Resolution::Hour);
    assert_eq!(
        series.times,
        [LocalTime::from_nanos(LocalTime::midnight(date(2019, 7, 2)).as_nanos() + 10 * market::HOUR)]
    );
}

#[test]
fn every_trap_has_a_test_that_exists() {
    let root = support::paths::workspace_root();
    let page = std::fs::read_to_string(root.join("docs/data.md")).unwrap();
    let mut sources = String::new();
    for folder in ["tests/lean", "crates/qc-data/src"] {
        let mut open = vec![root.join(folder)];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                match path.is_dir() {
                    true => open.push(path),
                    false => sources.push_str(&std::fs::read_to_string(path).unwrap()),
                }
            }
        }
    }
    for trap in 1..=34 {
        let row = page.lines().find(|line| line.starts_with(&format!("| {trap} |")));
        let row = row.unwrap_or_else(|| panic!("trap {trap} is not in docs/data.md"));
        let names: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "trap {trap} names no test");
        for name in names {
            assert!(sources.contains(&format!("fn {name}()")), "trap {trap}: there is no test {name}");
        }
        assert!(
            sources.contains(&format!("fn trap_{trap:02}_")),
            "trap {trap}: no test tells it from the naive reading"
        );
    }
}
