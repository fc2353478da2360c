//! The user's own tables, their way into a LEAN folder, and alternative data.

use super::cases::given_folder;
use super::market;
use jiff::civil::date;
use qc_data::alternative::{self, Layout};
use qc_data::import::{ImportOptions, Stamp};
use qc_data::table::{DateFormat, DecimalMark, Shape, Table, TableOptions};
use qc_data::{
    DataFolder, Error, Field, HistoryRequest, QuantBook, Resolution, SecurityType, SymbolQuery, Window, history,
};

fn csv(text: &str) -> Result<Table, Error> {
    Table::read("folder/prices.csv", text.as_bytes(), &TableOptions::default())
}

#[test]
fn long_and_wide_files_are_the_same_table() {
    let wide = csv("date,SPY,IWM\n2024-01-02,1.5,\n2024-01-03,2.5,7\n").unwrap();
    let long = csv("symbol,date,close\nSPY,2024-01-02,1.5\nSPY,2024-01-03,2.5\nIWM,2024-01-03,7\n").unwrap();
    assert_eq!((wide.found.shape, long.found.shape), (Shape::Wide, Shape::Long));
    assert_eq!(wide.times, long.times);
    for symbol in ["SPY", "IWM"] {
        let (a, b) = (wide.column(symbol, "close").unwrap(), long.column(symbol, "close").unwrap());
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }
    let aligned = wide.align(Field::Close);
    assert_eq!((aligned.symbols, aligned.dates[0]), (vec!["SPY".to_owned(), "IWM".to_owned()], date(2024, 1, 2)));
    let inline = Table::inline(
        &["2024-01-02".to_owned(), "2024-01-03".to_owned()],
        vec![("SPY".to_owned(), vec![1.5, 2.5]), ("IWM".to_owned(), vec![f64::NAN, 7.0])],
        &TableOptions::default(),
    );
    assert_eq!(inline.unwrap().column("SPY", "close"), wide.column("SPY", "close"));
}

#[test]
fn the_fields_of_one_symbol_take_the_name_of_the_file() {
    let table =
        csv("Date;Open;High;Low;Last;Volume;Comment\n03.01.2024;1,5;2;1;1,75;100;x\n02.01.2024;1;1;1;1;50;\n").unwrap();
    assert_eq!((table.found.shape, table.found.separator), (Shape::Fields, Some(';')));
    assert_eq!(table.found.date_format, "DD.MM.YYYY");
    assert_eq!(table.column("PRICES", "close").unwrap(), [1.0, 1.75], "sorted, with decimal commas");
    assert_eq!(table.found.notes.len(), 3, "{:?}", table.found.notes);
}

#[test]
fn points_beside_decimal_commas_part_thousands_or_are_refused() {
    // The prices have decimal commas, so the volumes' points part thousands, whatever separates the cells.
    for text in [
        "date\tclose\tvolume\n2024-01-02\t1,5\t1.234\n2024-01-03\t2,25\t2.500\n",
        "date|close|volume\n2024-01-02|1,5|1.234\n2024-01-03|2,25|2.500\n",
        "date,close,volume\n2024-01-02,\"1,5\",1.234\n2024-01-03,\"2,25\",2.500\n",
    ] {
        let table = csv(text).unwrap();
        assert_eq!(table.column("PRICES", "close").unwrap(), [1.5, 2.25], "{text}");
        assert_eq!(table.column("PRICES", "volume").unwrap(), [1_234.0, 2_500.0], "{text}");
    }
    // One column with a comma, one with a point: the third may be either.
    let torn = csv("date\ta\tb\tc\n2024-01-02\t1,5\t2.5\t1.234\n").unwrap_err();
    assert!(matches!(torn, Error::Cell { line: 2, column: 4, .. }), "{torn}");
    let declared = TableOptions { decimal_mark: Some(DecimalMark::Point), ..TableOptions::default() };
    let told = Table::read("p.csv", b"date\ta\tx\n2024-01-02\t15\t1.234\n", &declared).unwrap();
    assert_eq!(told.column("x", "close").unwrap(), [1.234]);
    assert_eq!(csv("date\ta\tx\n2024-01-02\t15\t1.234\n").unwrap().column("x", "close").unwrap(), [1.234]);
}

#[test]
fn a_long_file_whose_rows_meet_nowhere_is_not_spread_out() {
    let rows: String =
        (0..4_000).map(|n| format!("2024-01-02 {:02}:{:02}:{:02},S{n},1\n", n / 3_600, n / 60 % 60, n % 60)).collect();
    let refused = csv(&format!("date,symbol,close\n{rows}")).unwrap_err();
    assert!(matches!(refused, Error::TooMany { limit: 10_000_000, found: 16_000_000, .. }), "{refused}");
}

#[test]
fn what_can_be_read_in_two_ways_is_refused_until_it_is_declared() {
    let text = "date,SPY\n01/02/2024,1\n02/02/2024,2\n";
    assert!(matches!(csv(text), Err(Error::Cell { line: 2, column: 1, .. })));
    let declared = TableOptions { date_format: Some(DateFormat::DayMonthYear('/')), ..TableOptions::default() };
    let table = Table::read("p.csv", text.as_bytes(), &declared).unwrap();
    assert_eq!(table.times[0].date(), date(2024, 2, 1));
}

#[test]
fn damage_is_named_by_line_and_column_and_never_quoted() {
    let error = csv("date,SPY\n2024-01-02,1\n2024-01-03,secret\n").unwrap_err().to_string();
    assert_eq!(error, "folder/prices.csv, line 3, column 2: expected a number");
    let twice = csv("date,SPY\n2024-01-02,1\n2024-01-02,2\n").unwrap_err();
    assert!(matches!(twice, Error::Cell { line: 3, .. }), "{twice}");
    assert!(csv("date,SPY\n2024-01-02,1e999\n").is_err(), "no infinity");
    assert!(csv("a,b\nx,y\n").is_err());
    let mixed = csv("date,SPY\n2024-01-02T10:00:00Z,1\n2024-01-02T11:00:00,1\n").unwrap_err();
    assert!(mixed.to_string().contains("offset"), "{mixed}");
}

#[test]
fn lines_of_errors_are_those_of_the_file() {
    // A cell over three lines, a blank line, a comment column: the bad number stands on line 7.
    let text = "date,note,SPY\n2024-01-02,\"a\nb\nc\",1\n\n2024-01-03,x,2\n2024-01-04,x,secret\n";
    let error = csv(text).unwrap_err();
    assert!(matches!(error, Error::Cell { line: 7, column: 3, .. }), "{error}");
    let twice = csv("SPY,date\n1,2024-01-02\n\n\n2,2024-01-02\n").unwrap_err();
    assert!(matches!(twice, Error::Cell { line: 5, column: 2, .. }), "{twice}");
    let long = csv("symbol,close,date\nA,1,2024-01-02\n\nA,2,2024-01-02\n").unwrap_err();
    assert!(matches!(long, Error::Cell { line: 4, column: 3, .. }), "{long}");
    // Without header the first row is line 1.
    let options = TableOptions { header: vec!["date".into(), "SPY".into()], ..TableOptions::default() };
    let bare = Table::read("b.csv", b"2024-01-02,1\n2024-01-03,secret\n", &options).unwrap_err();
    assert!(matches!(bare, Error::Cell { line: 2, column: 2, .. }), "{bare}");
}

#[test]
fn a_comma_in_a_number_is_understood_from_its_column_or_refused() {
    let thousands = csv("date,SPY,IWM\n2024-01-02,\"1,234\",\"2,000\"\n2024-01-03,\"1,234.5\",7\n").unwrap();
    assert_eq!(thousands.column("SPY", "close").unwrap(), [1_234.0, 1_234.5]);
    assert_eq!(thousands.column("IWM", "close").unwrap(), [2_000.0, 7.0], "as the other column has it");
    assert!(
        thousands.found.notes.contains(&"numbers are written as 1,234.5".to_owned()),
        "{:?}",
        thousands.found.notes
    );
    let commas = csv("date;SPY\n2024-01-02;1,234\n2024-01-03;1.234,5\n").unwrap();
    assert_eq!(commas.column("SPY", "close").unwrap(), [1.234, 1_234.5]);
    let text = "date;SPY\n2024-01-02;7\n2024-01-03;1,234\n";
    let open = csv(text).unwrap_err();
    assert!(
        matches!(open, Error::Cell { line: 3, column: 2, expected, .. } if expected.contains("one way only")),
        "{open}"
    );
    let declared = |mark| {
        let options = TableOptions { decimal_mark: Some(mark), ..TableOptions::default() };
        Table::read("p.csv", text.as_bytes(), &options).unwrap().column("SPY", "close").unwrap()[1]
    };
    assert_eq!((declared(DecimalMark::Comma), declared(DecimalMark::Point)), (1.234, 1_234.0));
    assert!(csv("date;SPY\n2024-01-02;1,5\n2024-01-03;1.5\n").is_err(), "one of the two is a mistake");
}

#[test]
fn days_keep_their_date_whatever_the_offset() {
    // pandas writes days of a clock with summer time like this; in UTC the second lies an hour earlier.
    let new_york = csv("date,SPY\n2024-03-08 00:00:00-05:00,1\n2024-03-11 00:00:00-04:00,2\n").unwrap();
    assert!(new_york.is_daily());
    assert_eq!(new_york.times[1].date(), date(2024, 3, 11));
    let tokyo = csv("date,SPY\n2024-03-08 00:00:00+09:00,1\n2024-03-11 00:00:00+09:00,2\n").unwrap();
    assert_eq!((tokyo.times[0].date(), tokyo.time_zone), (date(2024, 3, 8), None), "in UTC it is the day before");
}

#[test]
fn an_import_refuses_what_would_be_known_too_early_or_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let refused = |text: &str, resolution| {
        let options = ImportOptions { resolution, ..ImportOptions::default() };
        folder.import(&csv(text).unwrap(), &options).unwrap_err().to_string()
    };
    let fives = "time,XYZ\n2019-07-02 09:30,1\n2019-07-02 09:35,1\n2019-07-02 09:40,1\n";
    assert!(refused(fives, Some(Resolution::Minute)).contains("bars of 300 seconds as minute bars"));
    // One row off the beat of five minutes, and one symbol among minutes: the step that most rows keep tells.
    let off = "time,XYZ\n2019-07-02 09:30,1\n2019-07-02 09:35,1\n2019-07-02 09:40,1\n2019-07-02 09:45,1\n2019-07-02 09:50,1\n2019-07-02 09:52,1\n";
    assert!(refused(off, Some(Resolution::Minute)).contains("bars of 300 seconds as minute bars"));
    // By chance three of four steps of one share among three are two minutes long: it was hardly traded.
    let thin = [31, 33, 35, 37, 44];
    let rows: String =
        (30..51).map(|n| format!("2019-07-02 09:{n},1,1,{}\n", if thin.contains(&n) { "2" } else { "" })).collect();
    let other = tempfile::tempdir().unwrap();
    let options = ImportOptions { resolution: Some(Resolution::Minute), ..ImportOptions::default() };
    let table = csv(&format!("time,ABC,DEF,XYZ\n{rows}")).unwrap();
    let stored = DataFolder::open(other.path()).unwrap().import(&table, &options).unwrap();
    assert_eq!(stored.symbols.iter().map(|symbol| symbol.rows).collect::<Vec<_>>(), [21, 21, 5]);
    let rows: String =
        (30..51).map(|n| format!("2019-07-02 09:{n},1,{}\n", if n % 5 == 0 { "2" } else { "" })).collect();
    let one = format!("time,ABC,XYZ\n{rows}");
    assert!(refused(&one, Some(Resolution::Minute)).contains("bars of 300 seconds as minute bars"));
    let halves = "time,XYZ\n2019-07-02 09:30:00,1\n2019-07-02 09:31:00,1\n2019-07-02 09:32:30,1\n2019-07-02 09:33:30,1\n2019-07-02 09:34:30,1\n";
    assert!(refused(halves, Some(Resolution::Minute)).contains("a bar that begins at 2019-07-02 09:32:30"));
    let half_hours = "time,XYZ\n2019-07-02 09:30,1\n2019-07-02 10:30,1\n2019-07-02 11:30,1\n";
    assert!(refused(half_hours, Some(Resolution::Hour)).contains("full hour"));
    assert!(refused(fives, Some(Resolution::Tick)).contains("ticks"));
    let day = |cells: &str| refused(&format!("date,open,high,low,close,volume\n2019-07-02,{cells}\n"), None);
    for (cells, reason) in [
        ("10,9,8,9,5", "a high below another price"),
        ("10,11,10.5,11,5", "a low above another price"),
        ("10,11,-1,10,5", "a price below zero"),
        ("-10,11,-10,10,5", "a price below zero"),
        ("10,11,9,10,-5", "a volume below zero"),
    ] {
        assert!(day(cells).contains(reason), "{cells}: {}", day(cells));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was written, not even market hours");
    // The last digits of prices that another program adjusted are no contradiction; the stored bar is whole.
    let nearly = "date,open,high,low,close,volume\n2019-07-02,10,10.9999999,9,11,5\n";
    folder.import(&csv(nearly).unwrap(), &ImportOptions::default()).unwrap();
    let window = Window::dates(date(2019, 7, 2), date(2019, 7, 2));
    let series = history::load(&folder, &HistoryRequest::new(["PRICES"], window, Resolution::Daily)).unwrap();
    let columns = &series.series[0].columns;
    assert_eq!(columns.get(Field::High).unwrap(), columns.get(Field::Close).unwrap());
}

#[test]
fn bars_of_weeks_are_told_to_be_days() {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let weeks = csv("date,XYZ\n2019-07-05,1\n2019-07-12,2\n2019-07-19,3\n").unwrap();
    let told = folder.import(&weeks, &ImportOptions::default()).unwrap();
    assert!(told.notes.iter().any(|note| note.contains("at least 7 days apart")), "{:?}", told.notes);
}

fn imported(text: &str, options: &ImportOptions) -> (tempfile::TempDir, DataFolder) {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    folder.import(&csv(text).unwrap(), options).unwrap();
    (dir, folder)
}

#[test]
fn minutes_that_are_rarely_traded_are_minutes() {
    let (_dir, folder) = imported(
        "time,XYZ\n2019-07-02 09:30,1\n2019-07-02 09:35,1\n2019-07-02 09:42,1\n2019-07-02 09:47,1\n2019-07-02 10:17,1\n2019-07-03 09:30,1\n",
        &ImportOptions { resolution: Some(Resolution::Minute), ..ImportOptions::default() },
    );
    let window = Window::dates(date(2019, 7, 2), date(2019, 7, 3));
    let history = history::load(&folder, &HistoryRequest::new(["XYZ"], window, Resolution::Minute)).unwrap();
    assert_eq!(history.series[0].n_rows(), 6);
}

#[test]
fn a_table_becomes_part_of_a_folder_in_one_call() {
    let text = "date,AAA,BBB\n2019-07-02,10.25,20\n2019-07-03,10.5,\n2019-07-04,11,21\n2019-07-05,11.12345,22\n";
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let told = folder.import(&csv(text).unwrap(), &ImportOptions::default()).unwrap();
    assert_eq!((told.resolution, told.symbols.len()), (Resolution::Daily, 2));
    let (aaa, bbb) = (&told.symbols[0], &told.symbols[1]);
    assert_eq!((aaa.rows, aaa.on_closed_days, aaa.rounded), (4, 1, 1), "4 July is a holiday");
    assert_eq!((bbb.rows, bbb.without_price), (3, 1));
    let request = HistoryRequest::new(["AAA"], Window::dates(date(2019, 7, 1), date(2019, 7, 5)), Resolution::Daily);
    let history = history::load(&folder, &request).unwrap();
    assert_eq!(history.series[0].closes().unwrap(), [10.25, 10.5, 11.1235]);
    assert_eq!(history.series[0].times[1].to_string(), "2019-07-03 13:00:00", "the early close by rule");
    assert!(history.notes.iter().any(|note| note.text.contains("not adjusted")));
    let again = folder.import(&csv(text).unwrap(), &ImportOptions::default());
    assert!(matches!(again, Err(Error::Io { .. })), "nothing is replaced");
    let hostile = csv("date,../x\n2019-07-02,1\n2019-07-03,1\n").unwrap();
    assert!(matches!(folder.import(&hostile, &ImportOptions::default()), Err(Error::BadName { .. })));
}

#[test]
fn minutes_in_utc_land_on_the_exchanges_clock() {
    let text = "time,XYZ\n2019-07-02T13:30:00Z,10\n2019-07-02T13:31:00Z,11\n2019-07-02T13:32:00Z,12\n";
    let (_dir, folder) = imported(text, &ImportOptions::default());
    let window = Window::dates(date(2019, 7, 2), date(2019, 7, 2));
    let load = |folder: &DataFolder| {
        history::load(folder, &HistoryRequest::new(["XYZ"], window, Resolution::Minute)).unwrap().series.remove(0)
    };
    assert_eq!(load(&folder).times[0].to_string(), "2019-07-02 09:31:00", "13:30 UTC opens the session in New York");
    let (_dir, folder) = imported(text, &ImportOptions { stamp: Stamp::End, ..ImportOptions::default() });
    assert_eq!(load(&folder).n_rows(), 2, "the bar from 9:29 to 9:30 lies before the session");
    let odd = csv("time,XYZ\n2019-07-02 09:30,1\n2019-07-02 09:35,1\n2019-07-02 09:40,1\n").unwrap();
    let error = folder.import(&odd, &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("300 seconds"), "{error}");
}

#[test]
fn alternative_data_by_name_by_header_and_by_layout() {
    let market = market::write();
    let write = |path: &str, text: &str| {
        let path = market.path_of(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("alternative/vendor/mood/new.csv", "date,mood,count\n2019-06-03,0.5,10\n2019-06-04,0.75,11\n");
    write("alternative/vendor/bare/new.csv", "20190603,1.5\n20190604,2.5\n");
    let folder = market.folder();
    let all = (date(2019, 1, 1), date(2019, 12, 31));
    let new = SymbolQuery::from("NEW");
    let read = |kind: &str, layout: &Layout, days| alternative::read(&folder, kind, Some(&new), layout, days);
    let mood = read("vendor/mood", &Layout::default(), all).unwrap().unwrap();
    assert_eq!(mood.column("NEW", "mood").unwrap(), [0.5, 0.75]);
    assert_eq!(read("vendor/mood", &Layout::default(), (date(2019, 6, 4), all.1)).unwrap().unwrap().n_rows(), 1);
    let layout = Layout { columns: vec!["date".into(), "score".into()], ..Layout::default() };
    assert_eq!(read("vendor/bare", &layout, all).unwrap().unwrap().column("NEW", "score").unwrap(), [1.5, 2.5]);
    assert!(read("vendor/nothing", &Layout::default(), all).unwrap().is_none());
    assert!(matches!(read("../equity", &Layout::default(), all), Err(Error::BadName { .. })));
    assert!(alternative::read(&folder, "margins", None, &Layout::default(), all).is_err(), "needs a symbol");
    let weights = alternative::read(&folder, "etf_weights", Some(&"FUND".into()), &Layout::default(), all).unwrap();
    let weights = weights.unwrap();
    assert_eq!((weights.column("NEW", "weight").unwrap()[0], weights.times[0].date()), (1.0, date(2019, 6, 4)));
}

#[test]
fn known_kinds_of_the_sample_folder() {
    let Some(folder) = given_folder() else { return };
    let days = (date(2003, 1, 1), date(2003, 12, 31));
    let rate = alternative::read(&folder, "interest_rate", None, &Layout::default(), days).unwrap().unwrap();
    assert_eq!(rate.column("", "rate").unwrap(), [0.0225, 0.02]);
    let lent = Layout { brokerage: Some("testbrokerage".into()), ..Layout::default() };
    let days = (date(2013, 1, 1), date(2014, 12, 31));
    let spy = alternative::read(&folder, "shortable", Some(&"SPY".into()), &lent, days).unwrap().unwrap();
    assert_eq!(spy.column("SPY", "fee_rate").unwrap()[0], 0.0025);
}

#[test]
fn the_dated_zips_of_the_security_master_are_read() {
    let market = market::write();
    let (maps, factors) = (market.path_of("equity/usa/map_files"), market.path_of("equity/usa/factor_files"));
    let window = Window::dates(market::FIRST, market::LAST);
    let load = || {
        let request = HistoryRequest::new(["NEW"], window, Resolution::Daily);
        history::load(&market.folder(), &request).unwrap().series.remove(0)
    };
    let loose = load();
    let pack = |folder: &std::path::Path, kind: &str| {
        let text = std::fs::read(folder.join("new.csv")).unwrap();
        std::fs::remove_file(folder.join("new.csv")).unwrap();
        let zip = |entries: &[(&str, &[u8])]| qc_data::write::zip_of(entries.iter().copied()).unwrap();
        std::fs::write(folder.join(format!("{kind}_20200102.zip")), zip(&[("new.csv", &text)])).unwrap();
        // An older delivery is not looked at, even where it is damaged.
        std::fs::write(folder.join(format!("{kind}_20191231.zip")), b"damaged").unwrap();
    };
    pack(&maps, "map_files");
    pack(&factors, "factor_files");
    let zipped = load();
    assert_eq!((&zipped.times, &zipped.columns), (&loose.times, &loose.columns));
    assert_eq!(zipped.adjustment.to_string(), "Adjusted");
    std::fs::write(maps.join("map_files_20200103.zip"), b"damaged").unwrap();
    assert!(matches!(market.folder().resolve(&"NEW".into()), Err(Error::Damaged { .. })));
}

#[test]
fn a_quantbook_reads_like_pythons() {
    let market = market::write();
    let mut qb = QuantBook::open(market.path()).unwrap();
    qb.set_start_date(date(2019, 7, 10));
    let new = qb.add_equity("NEW", Resolution::Daily).unwrap();
    let bars = qb.history([&new], 5, None).unwrap();
    // The five sessions before 10 July: 2, 3, 5, 8 and 9.
    let times: Vec<String> = bars.series[0].times.iter().map(|at| at.date().to_string()).collect();
    assert_eq!(times, ["2019-07-02", "2019-07-03", "2019-07-05", "2019-07-08", "2019-07-09"]);
    let between = qb.history([&new], (date(2019, 7, 1), date(2019, 7, 3)), None).unwrap();
    assert_eq!(between.series[0].n_rows(), 2, "the last midnight leaves the third out");
    let later = qb.history([&new], (date(2019, 7, 8), date(2019, 8, 1)), None).unwrap();
    assert_eq!(later.series[0].n_rows(), 2, "nothing beyond the book's present");
    let hours = qb.history(["NEW"], jiff::SignedDuration::from_hours(48), Resolution::Hour.into_bars()).unwrap();
    assert_eq!(hours.series[0].n_rows(), 14);
    assert_eq!(qb.universe("FUND", date(2019, 6, 3), date(2019, 6, 8)).unwrap().len(), 5);
    assert_eq!(qb.securities().len(), 1);
}

#[test]
fn one_call_describes_everything_in_the_folder() {
    let market = market::write();
    let all = market.folder().inventory().unwrap();
    assert!(all.synthetic && all.damaged.is_empty());
    let names: Vec<&str> = all.symbols.iter().map(|symbol| symbol.security.ticker.as_str()).collect();
    assert_eq!(names, ["FUND", "NEW", "OLD"]);
    let new = &all.symbols[1];
    assert_eq!((new.splits.len(), new.dividends.len(), new.stored[0].first), (1, 1, market::FIRST));
    assert_eq!(all.symbols[0].stored[0].gaps.len(), 1);
    std::fs::write(market.path_of("equity/usa/daily/fund.zip"), b"damaged").unwrap();
    let all = market.folder().inventory().unwrap();
    assert_eq!((all.symbols.len(), all.damaged.len()), (2, 1), "a damaged file spoils its own symbol only");
    let Some(folder) = given_folder() else { return };
    let all = folder.inventory().unwrap();
    assert!(all.damaged.is_empty(), "{:?}", all.damaged);
    let of = |ticker: &str, kind| {
        all.symbols.iter().find(|s| s.security.ticker == ticker && s.security.security_type == kind).unwrap()
    };
    let aapl = of("AAPL", SecurityType::Equity);
    let daily = aapl.stored.iter().find(|stored| stored.resolution == Resolution::Daily).unwrap();
    assert_eq!((daily.first, daily.last, daily.count), (date(1998, 1, 2), date(2021, 3, 31), 5_849));
    // The factor file has seven digits: 0.0357143 / 0.25 is nearly one in seven.
    assert!(aapl.splits.iter().any(|s| s.date == date(2014, 6, 9) && (s.shares_per_share - 7.0).abs() < 1e-4));
    // es_trade.zip, es_quote.zip and es_openinterest.zip of the daily folder.
    let es = of("ES", SecurityType::Future);
    assert!(5 <= es.stored.iter().find(|stored| stored.resolution == Resolution::Daily).unwrap().contracts);
    let twx = of("TWX", SecurityType::Option);
    let daily = twx.stored.iter().find(|stored| stored.resolution == Resolution::Daily).unwrap();
    assert_eq!((daily.first, daily.last, daily.contracts), (date(2014, 6, 5), date(2014, 6, 6), 184));
}
