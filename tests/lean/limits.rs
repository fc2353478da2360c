//! How much is answered at once, and days that lie far out: an error in words, never a panic and never a full memory.

use super::market::{self, FIRST};
use jiff::civil::{Date, date};
use qc_data::alternative::{self, Layout};
use qc_data::chain::{self, ChainFilter};
use qc_data::write::zip_of;
use qc_data::{
    BarSize, DataFolder, Error, HistoryRequest, Resolution, SecurityType, SymbolQuery, Window, history, universe,
};
use std::time::Instant;

#[test]
fn filling_forward_for_centuries_is_refused_before_it_is_done() {
    let market = market::write();
    let folder = market.folder();
    let shelf = market.path_of("equity/usa/second/fund");
    std::fs::create_dir_all(&shelf).unwrap();
    let zip = zip_of([("x.csv", b"34200000,10000,10000,10000,10000,1\n".as_slice())]).unwrap();
    std::fs::write(shelf.join("20190702_trade.zip"), zip).unwrap();
    let until = |last: Date| {
        let request = HistoryRequest::new(["FUND"], Window::dates(date(2019, 7, 2), last), Resolution::Second);
        history::load(&folder, &request.filled_forward(true))
    };
    let started = Instant::now();
    let refused = until(date(2199, 12, 31)).unwrap_err();
    assert!(matches!(refused, Error::TooMany { what: "numbers of one history", .. }), "{refused}");
    assert!(started.elapsed().as_secs() < 20, "the refusal must not cost what the answer would");
    // What fits is answered: a session of seconds, the first of them real.
    let day = until(date(2019, 7, 2)).unwrap();
    assert_eq!((day.series[0].n_rows(), day.series[0].n_filled()), (23_400, 23_399));
    // Without filling the same window holds one row.
    let request =
        HistoryRequest::new(["FUND"], Window::dates(date(2019, 7, 2), date(2199, 12, 31)), Resolution::Second);
    assert_eq!(history::load(&folder, &request).unwrap().series[0].n_rows(), 1);
}

#[test]
fn days_beyond_all_markets_are_errors_or_empty() {
    let market = market::write();
    let folder = market.folder();
    let windows = [
        Window::dates(Date::MIN, Date::MAX),
        Window::dates(date(1600, 1, 1), date(2020, 1, 1)),
        Window::range(date(2020, 1, 1).into(), Date::MAX.into()),
        Window::Periods { count: 5, end: Date::MAX.into() },
    ];
    let fund = folder.resolve(&"FUND".into()).unwrap();
    for window in windows {
        for bars in [BarSize::Stored(Resolution::Daily), BarSize::Stored(Resolution::Minute), BarSize::Weekly] {
            let request = HistoryRequest::new(["NEW"], window, bars).filled_forward(true);
            assert!(matches!(history::load(&folder, &request), Err(Error::Unsupported { .. })), "{window:?} {bars}");
        }
        assert!(universe::etf_history(&folder, &fund, window).is_err());
        assert!(universe::coarse_history(&folder, window).is_err());
    }
    for day in [Date::MIN, Date::MAX] {
        drop(universe::etf_on(&folder, &fund, day).unwrap());
        drop(chain::on(&folder, &SymbolQuery::new("NEW", SecurityType::Option), day, &ChainFilter::default()));
        for kind in ["etf_weights", "coarse", "interest_rate"] {
            drop(alternative::read(&folder, kind, Some(&"FUND".into()), &Layout::default(), (Date::MIN, day)));
        }
    }
    // Ten million bars back from the beginning of 2019 end in 1800, not before all time.
    let periods = Window::Periods { count: 10_000_000, end: date(2019, 2, 1).into() };
    let request = HistoryRequest::new(["NEW"], periods, Resolution::Daily);
    assert_eq!(history::load(&folder, &request).unwrap().series[0].n_rows(), 21);
}

#[test]
fn map_and_factor_rows_of_the_last_year_of_the_calendar_are_read() {
    for (path, text) in [
        ("equity/usa/map_files/new.csv", "99991230,new\n99991231,new\n"),
        ("equity/usa/map_files/new.csv", "00010101,new\n00010102,new\n"),
        ("equity/usa/factor_files/new.csv", "99991231,1,1,1\n"),
        ("equity/usa/factor_files/new.csv", "00010101,1,1,1\n"),
    ] {
        let market = market::write();
        std::fs::write(market.path_of(path), text).unwrap();
        let request = HistoryRequest::new(["NEW"], Window::dates(FIRST, date(2020, 1, 31)), Resolution::Daily);
        drop(history::load(&market.folder(), &request.filled_forward(true)));
        drop(market.folder().inventory().unwrap());
    }
}

#[test]
fn a_security_master_whose_entries_share_their_bytes_is_refused() {
    let market = market::write();
    let text = b"20190102,new\n20501231,new\n".repeat(400);
    let zip = zip_of([("new.csv", text.as_slice())]).unwrap();
    // The directory lists the one entry a thousand times: 10 MB from a file of 60 kB, each entry within its ratio.
    let end = zip.len() - 22;
    let start = u32::from_le_bytes(zip[end + 16..end + 20].try_into().unwrap()) as usize;
    let (local, entry) = (&zip[..start], &zip[start..end]);
    let n = 1_000_u16;
    let mut bomb = local.to_vec();
    (0..n).for_each(|_| bomb.extend_from_slice(entry));
    let size = (bomb.len() - start) as u32;
    bomb.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bomb.extend_from_slice(&n.to_le_bytes());
    bomb.extend_from_slice(&n.to_le_bytes());
    bomb.extend_from_slice(&size.to_le_bytes());
    bomb.extend_from_slice(&(start as u32).to_le_bytes());
    bomb.extend_from_slice(&[0, 0]);
    std::fs::write(market.path_of("equity/usa/map_files/map_files_20200102.zip"), bomb).unwrap();
    let refused = market.folder().resolve(&"NEW".into()).unwrap_err();
    assert!(matches!(refused, Error::TooLarge { found, .. } if found == 1_000 * text.len() as u64), "{refused}");
}

#[test]
fn errors_name_files_from_the_folder_on() {
    let market = market::write();
    let path = market.path().display().to_string();
    std::fs::write(market.path_of("equity/usa/daily/fund.zip"), b"damaged").unwrap();
    std::fs::write(market.path_of("equity/usa/map_files/new.csv"), b"damaged").unwrap();
    std::fs::create_dir_all(market.path_of("alternative/interest-rate/usa/interest-rate.csv")).unwrap();
    let folder = DataFolder::open(market.path()).unwrap();
    let request =
        |symbol: &str| HistoryRequest::new([symbol], Window::dates(FIRST, date(2020, 1, 31)), Resolution::Daily);
    let mut told: Vec<String> = Vec::new();
    for symbol in ["FUND", "NEW", "NONE"] {
        match history::load(&folder, &request(symbol)) {
            Ok(history) => told.extend(history.notes.into_iter().map(|note| note.text)),
            Err(error) => told.push(error.to_string()),
        }
    }
    told.extend(folder.inventory().unwrap().damaged.into_iter().map(|damaged| damaged.problem));
    told.push(qc_data::reference::interest_rate(&folder).unwrap_err().to_string());
    assert!(5 <= told.len());
    for text in told {
        assert!(!text.contains(&path) && !text.contains("/tmp"), "{text}");
    }
}
