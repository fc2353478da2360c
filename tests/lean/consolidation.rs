//! Bars of any size made from finer ones: anchored at the opening, never across a close, filled and short ones marked.

use super::cases::given_folder;
use super::market::{self, HOUR};
use jiff::civil::{Date, date};
use qc_data::write::{HoursEntry, LeanWriter, TradeBar};
use qc_data::{
    BarSize, DataFolder, Field, HistoryRequest, LocalTime, Normalization, Resolution, SecurityType, SymbolHistory,
    SymbolQuery, Window, history,
};
use tempfile::TempDir;

const MINUTE: i64 = HOUR / 60;

/// A minute bar that begins so many minutes after midnight: its number is its price, 100 shares are traded.
fn minute(day: Date, number: i64) -> TradeBar {
    let price = number as f64;
    let time = LocalTime::from_nanos(LocalTime::midnight(day).as_nanos() + number * MINUTE);
    TradeBar { time, open: price - 0.25, high: price + 0.5, low: price - 0.5, close: price, volume: 100.0 }
}

/// A folder with minute bars of one share, X.
fn folder_of(bars: &[TradeBar], data_time_zone: &str) -> (TempDir, DataFolder) {
    let dir = tempfile::tempdir().unwrap();
    let writer = LeanWriter::create(dir.path()).unwrap();
    let hours = HoursEntry { data_time_zone: data_time_zone.into(), ..HoursEntry::us_equity(2019, 2019) };
    writer.market_hours(&[hours, HoursEntry::always_open(SecurityType::Crypto, "coinbase")]).unwrap();
    writer.trade_bars(SecurityType::Equity, "usa", "x", Resolution::Minute, bars).unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    (dir, folder)
}

fn bars(folder: &DataFolder, size: &str, (first, last): (Date, Date), fill: bool) -> SymbolHistory {
    let request = HistoryRequest::new(["X"], Window::dates(first, last), size.parse::<BarSize>().unwrap());
    let request = request.normalized(Normalization::Raw).filled_forward(fill);
    history::load(folder, &request).unwrap().series.remove(0)
}

fn ends(series: &SymbolHistory) -> Vec<String> {
    series.times.iter().map(ToString::to_string).collect()
}

fn column(series: &SymbolHistory, field: Field) -> &[f64] {
    series.columns.get(field).unwrap()
}

#[test]
fn an_early_close_ends_the_last_bar_which_is_marked_short() {
    // 3 July 2019 closes at 13:00: minutes 570 (9:30) to 779 (12:59).
    let day = date(2019, 7, 3);
    let all: Vec<TradeBar> = (570..780).map(|number| minute(day, number)).collect();
    let (_dir, folder) = folder_of(&all, "America/New_York");
    let series = bars(&folder, "60m", (day, day), false);
    let times = ["2019-07-03 10:30:00", "2019-07-03 11:30:00", "2019-07-03 12:30:00", "2019-07-03 13:00:00"];
    assert_eq!(ends(&series), times);
    assert_eq!(series.is_short, [false, false, false, true]);
    assert_eq!(column(&series, Field::Open), [569.75, 629.75, 689.75, 749.75]);
    assert_eq!(column(&series, Field::High), [629.5, 689.5, 749.5, 779.5]);
    assert_eq!(column(&series, Field::Low), [569.5, 629.5, 689.5, 749.5]);
    assert_eq!(column(&series, Field::Close), [629.0, 689.0, 749.0, 779.0]);
    assert_eq!(column(&series, Field::Volume), [6_000.0, 6_000.0, 6_000.0, 3_000.0]);
    // A whole day of 390 minutes leaves half an hour too: 4h bars end at 13:30 and 16:00.
    let day = date(2019, 7, 2);
    let all: Vec<TradeBar> = (570..960).map(|number| minute(day, number)).collect();
    let (_dir, folder) = folder_of(&all, "America/New_York");
    let series = bars(&folder, "4h", (day, day), false);
    assert_eq!(
        (ends(&series), series.is_short.clone()),
        (vec!["2019-07-02 13:30:00".to_owned(), "2019-07-02 16:00:00".to_owned()], vec![false, true])
    );
}

#[test]
fn bars_follow_the_exchanges_clock_through_the_change_to_summer_time() {
    // Files on UTC: 9:30 in New York is minute 870 on Friday, 8 March and minute 810 on Monday, 11 March 2019.
    let (friday, monday) = (date(2019, 3, 8), date(2019, 3, 11));
    let mut all: Vec<TradeBar> = (870..1_260).map(|number| minute(friday, number)).collect();
    all.extend((810..1_200).map(|number| minute(monday, number)));
    let (_dir, folder) = folder_of(&all, "UTC");
    let series = bars(&folder, "15m", (friday, monday), false);
    assert_eq!(series.n_rows(), 26 + 26);
    let times = ends(&series);
    assert_eq!((times[0].as_str(), times[25].as_str()), ("2019-03-08 09:45:00", "2019-03-08 16:00:00"));
    assert_eq!((times[26].as_str(), times[51].as_str()), ("2019-03-11 09:45:00", "2019-03-11 16:00:00"));
    assert_eq!((column(&series, Field::Open)[0], column(&series, Field::Open)[26]), (869.75, 809.75));
    assert!(series.is_short.iter().all(|short| !short));
}

#[test]
fn missing_minutes_leave_what_there_is_and_fill_marks_what_there_is_not() {
    // Of the second quarter of an hour (585..599) nothing, of the third (600..614) minute 607 alone.
    let day = date(2019, 7, 2);
    let all: Vec<TradeBar> = (570..585).chain([607]).chain(615..660).map(|number| minute(day, number)).collect();
    let (_dir, folder) = folder_of(&all, "America/New_York");
    let series = bars(&folder, "15m", (day, day), false);
    assert_eq!(ends(&series)[..2], ["2019-07-02 09:45:00", "2019-07-02 10:15:00"]);
    let row = |field| column(&series, field)[1];
    assert_eq!((row(Field::Open), row(Field::High), row(Field::Low), row(Field::Close)), (606.75, 607.5, 606.5, 607.0));
    assert_eq!(row(Field::Volume), 100.0);
    assert!(!series.is_short[1], "a bar with gaps is not a short one");
    let filled = bars(&folder, "15m", (day, day), true);
    assert_eq!(filled.n_rows(), 26, "until the close");
    assert_eq!((filled.is_filled[1], filled.is_filled[2]), (true, false));
    assert_eq!((column(&filled, Field::Close)[1], column(&filled, Field::Volume)[1]), (584.0, 0.0));
    assert_eq!((column(&filled, Field::Volume)[2], column(&filled, Field::Close)[2]), (100.0, 607.0));
    assert!(filled.is_filled[6..].iter().all(|filled| *filled), "behind 11:00 everything is repeated");
    let history = history::load(
        &folder,
        &HistoryRequest::new(["X"], Window::dates(day, day), BarSize::Minutes(15)).filled_forward(true),
    );
    assert_eq!(history.unwrap().align(Field::Close).n_rows(), 5, "statistics never see filled bars");
}

#[test]
fn weeks_and_months_are_made_of_daily_bars() {
    let market = market::write();
    let folder = market.folder();
    let load = |size: &str, first, last| {
        let request = HistoryRequest::new(["NEW"], Window::dates(first, last), size.parse::<BarSize>().unwrap());
        history::load(&folder, &request.normalized(Normalization::Raw)).unwrap().series.remove(0)
    };
    // Independence Day leaves four sessions from Monday to Friday.
    let series = load("weekly", date(2019, 7, 1), date(2019, 7, 14));
    assert_eq!(ends(&series), ["2019-07-05 16:00:00", "2019-07-12 16:00:00"]);
    let (monday, friday) = (market::close_on(date(2019, 7, 1)), market::close_on(date(2019, 7, 5)));
    assert!((column(&series, Field::Open)[0] - (monday - 0.5)).abs() < 1e-9);
    assert!((column(&series, Field::Close)[0] - friday).abs() < 1e-9);
    assert_eq!(column(&series, Field::Volume), [4.0 * 1_001.0, 5.0 * 1_001.0]);
    assert_eq!(series.is_short, [false, false]);
    // From Wednesday to Tuesday both weeks are cut off.
    assert_eq!(load("weekly", date(2019, 7, 3), date(2019, 7, 9)).is_short, [true, true]);
    let months = load("monthly", date(2019, 1, 1), date(2019, 12, 31));
    assert_eq!((months.n_rows(), ends(&months)[4].as_str()), (12, "2019-05-31 16:00:00"));
    assert!(months.is_short.iter().all(|short| !short));
}

#[test]
fn hours_will_do_where_the_exchange_opens_on_the_hour() {
    let market = market::write();
    let start = LocalTime::midnight(date(2019, 1, 5)).as_nanos();
    let hours: Vec<TradeBar> = (0..48)
        .map(|hour| TradeBar {
            time: LocalTime::from_nanos(start + hour * HOUR),
            open: hour as f64 + 1.0,
            high: hour as f64 + 2.0,
            low: hour as f64 + 0.5,
            close: hour as f64 + 1.5,
            volume: 1.0,
        })
        .collect();
    let writer = LeanWriter::create(market.path()).unwrap();
    writer.trade_bars(SecurityType::Crypto, "coinbase", "btcusd", Resolution::Hour, &hours).unwrap();
    let query = SymbolQuery::new("BTCUSD", SecurityType::Crypto);
    let window = Window::dates(date(2019, 1, 5), date(2019, 1, 6));
    let load = |size| {
        let request = HistoryRequest::new([query.clone()], window, BarSize::Hours(size));
        history::load(&market.folder(), &request).unwrap().series.remove(0)
    };
    let four = load(4);
    assert_eq!((four.n_rows(), ends(&four)[0].as_str()), (12, "2019-01-05 04:00:00"));
    assert_eq!((column(&four, Field::Open)[1], column(&four, Field::Close)[1]), (5.0, 8.5));
    // A market that never closes begins anew at midnight: 7, 14, 21 and a short bar of three hours.
    let seven = load(7);
    assert_eq!(
        ends(&seven)[..4],
        ["2019-01-05 07:00:00", "2019-01-05 14:00:00", "2019-01-05 21:00:00", "2019-01-06 00:00:00"]
    );
    assert_eq!(seven.is_short[..4], [false, false, false, true]);
}

#[test]
fn bars_are_kept_on_disk_until_a_source_changes() {
    let day = date(2019, 7, 2);
    let all: Vec<TradeBar> = (570..960).map(|number| minute(day, number)).collect();
    let (dir, _) = folder_of(&all, "America/New_York");
    let cache = tempfile::tempdir().unwrap();
    let open = || {
        let folder = DataFolder::open(dir.path()).unwrap();
        folder.keep_derived_in(cache.path()).unwrap();
        folder
    };
    let first = bars(&open(), "15m", (day, day), false);
    let kept: Vec<_> = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    let same = |other: &SymbolHistory| {
        assert_eq!((&other.times, &other.columns), (&first.times, &first.columns));
        assert_eq!((&other.is_short, &other.is_filled), (&first.is_short, &first.is_filled));
        assert_eq!(
            (&other.tickers, other.first_real, other.last_real),
            (&first.tickers, first.first_real, first.last_real)
        );
    };
    // Answered from disk: the minutes are not read at all.
    let folder = open();
    same(&bars(&folder, "15m", (day, day), false));
    assert_eq!(folder.cached_bytes(), 0);
    // Any damage makes the file worthless, never the answer wrong.
    let good = std::fs::read(&kept[0]).unwrap();
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&kept[0], bad).unwrap();
        same(&bars(&open(), "15m", (day, day), false));
    }
    std::fs::write(&kept[0], &good[..good.len() / 2]).unwrap();
    same(&bars(&open(), "15m", (day, day), false));
    // Another file of the day gives another answer.
    let zip = dir.path().join("equity/usa/minute/x/20190702_trade.zip");
    std::fs::remove_file(&zip).unwrap();
    let fewer: Vec<TradeBar> = (570..600).map(|number| minute(day, number)).collect();
    LeanWriter::create(dir.path())
        .unwrap()
        .trade_bars(SecurityType::Equity, "usa", "x", Resolution::Minute, &fewer)
        .unwrap();
    assert_eq!(bars(&open(), "15m", (day, day), false).n_rows(), 2);
    assert_eq!(bars(&open(), "30m", (day, day), false).n_rows(), 1, "another request has a file of its own");
}

#[test]
fn consolidated_bars_hold_what_the_minutes_hold() {
    let Some(folder) = given_folder() else { return };
    let window = Window::dates(date(2013, 10, 7), date(2013, 10, 11));
    let load = |bars: BarSize| {
        let request = HistoryRequest::new(["SPY"], window, bars);
        history::load(&folder, &request).unwrap().series.remove(0)
    };
    let (minutes, quarters) = (load(BarSize::Stored(Resolution::Minute)), load(BarSize::Minutes(15)));
    assert_eq!((minutes.n_rows(), quarters.n_rows()), (5 * 390, 5 * 26));
    for row in 0..quarters.n_rows() {
        let part = row * 15..row * 15 + 15;
        let cells = |field| column(&minutes, field)[part.clone()].to_vec();
        let ours = |field| column(&quarters, field)[row];
        assert_eq!(quarters.times[row], minutes.times[part.end - 1]);
        assert_eq!(ours(Field::Open), cells(Field::Open)[0]);
        assert_eq!(ours(Field::Close), cells(Field::Close)[14]);
        assert_eq!(ours(Field::High), cells(Field::High).into_iter().fold(f64::MIN, f64::max));
        assert_eq!(ours(Field::BidLow), cells(Field::BidLow).into_iter().fold(f64::MAX, f64::min));
        assert_eq!(ours(Field::Volume), cells(Field::Volume).iter().sum::<f64>());
        assert_eq!(ours(Field::AskSize), cells(Field::AskSize)[14]);
    }
}

#[test]
fn kept_bars_are_made_again_when_a_security_master_changes() {
    let day = date(2019, 7, 2);
    let all: Vec<TradeBar> = (570..960).map(|number| minute(day, number)).collect();
    let (dir, _) = folder_of(&all, "America/New_York");
    let cache = tempfile::tempdir().unwrap();
    let shelf = dir.path().join("equity/usa/factor_files");
    std::fs::create_dir_all(&shelf).unwrap();
    let deliver = |split: &str| {
        let text = format!("20190601,1,{split},1\n20190705,1,{split},1\n20501231,1,1,0\n");
        let zip = qc_data::write::zip_of([("x.csv", text.as_bytes())]).unwrap();
        std::fs::write(shelf.join("factor_files_20200102.zip"), zip).unwrap();
    };
    let first_open = || {
        let folder = DataFolder::open(dir.path()).unwrap();
        folder.keep_derived_in(cache.path()).unwrap();
        let request = HistoryRequest::new(["X"], Window::dates(day, day), BarSize::Minutes(15));
        history::load(&folder, &request).unwrap().series[0].columns.get(Field::Open).unwrap()[0]
    };
    deliver("0.5");
    let half = first_open();
    assert_eq!(first_open(), half);
    deliver("0.25");
    assert_eq!(first_open(), half / 2.0, "the zip was delivered anew under its old name");
}
