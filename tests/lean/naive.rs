//! One test for each of the 34 traps, against the naive reader that falls into it.
//!
//! Each writes the smallest folder that holds the trap, works out by a few naive lines what the naive reader makes of the
//! same bytes, and states what is right: ours must be that, the naive answer must differ, so none of these tests can pass
//! for a reader that fell in. The table in `docs/data.md` says what each trap is, and names the tests beside these.

use jiff::civil::{Date, date};
use qc_data::history::MappingMode;
use qc_data::sid::{OptionRight, OptionStyle, OptionTerms};
use qc_data::universe;
use qc_data::write::{HoursEntry, LeanWriter, Session, SessionState, zip_of};
use qc_data::{
    DataFolder, Field, HistoryRequest, Normalization, Resolution, SecurityType, Sid, SymbolHistory, SymbolQuery,
    Window, history,
};
use std::fmt::Debug;
use std::path::PathBuf;

/// Ours is right and the naive answer is not.
#[track_caller]
fn told_apart<T: PartialEq + Debug>(right: T, ours: T, naive: T) {
    assert_eq!(ours, right, "ours");
    assert_ne!(naive, right, "the naive reader is right too, so nothing is shown");
}

/// Name and bytes of an entry.
type Entry<'a> = (&'a str, &'a [u8]);

/// A folder of texts: a path with `#entry` is a zip with that entry; entries of one zip are given one after the other.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let us = |kind, market: &str| HoursEntry {
            security_type: kind,
            market: market.into(),
            ..HoursEntry::us_equity(2019, 2020)
        };
        let place = Place { dir: tempfile::tempdir().unwrap() };
        place.hours(&[
            us(SecurityType::Equity, "usa"),
            us(SecurityType::Option, "usa"),
            us(SecurityType::Future, "cme"),
            us(SecurityType::Future, "nymex"),
            HoursEntry::always_open(SecurityType::Crypto, "coinbase"),
        ]);
        let mut zips: Vec<(&str, Vec<Entry<'_>>)> = Vec::new();
        for (path, text) in files {
            let Some((zip, entry)) = path.split_once('#') else {
                place.write(path, text.as_bytes());
                continue;
            };
            match zips.last_mut().filter(|(known, _)| *known == zip) {
                Some((_, entries)) => entries.push((entry, text.as_bytes())),
                None => zips.push((zip, vec![(entry, text.as_bytes())])),
            }
        }
        for (zip, entries) in zips {
            place.write(zip, &zip_of(entries).unwrap());
        }
        place
    }

    fn hours(&self, entries: &[HoursEntry]) {
        drop(std::fs::remove_file(self.path("market-hours/market-hours-database.json")));
        LeanWriter::create(self.dir.path()).unwrap().market_hours(entries).unwrap();
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        std::fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        std::fs::write(self.path(file), bytes).unwrap();
    }

    fn folder(&self) -> DataFolder {
        DataFolder::open(self.dir.path()).unwrap()
    }

    fn load(&self, request: &HistoryRequest) -> SymbolHistory {
        history::load(&self.folder(), request).unwrap().series.remove(0)
    }

    /// The naive reader: the cells of the first entry of a zip, line by line.
    fn cells(&self, zip: &str) -> Vec<Vec<String>> {
        let bytes = std::fs::read(self.path(zip)).unwrap();
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let text = std::io::read_to_string(zip.by_index(0).unwrap()).unwrap();
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    /// The naive reader's closes, in ten-thousandths where prices are kept so.
    fn closes(&self, zip: &str, scale: f64) -> Vec<f64> {
        self.cells(zip).iter().map(|cells| cells[4].parse::<f64>().unwrap() / scale).collect()
    }

    /// The naive reader's times as they stand in the file.
    fn stamps(&self, zip: &str) -> Vec<String> {
        self.cells(zip).iter().map(|cells| cells[0].clone()).collect()
    }
}

/// July 2019: the 4th is a holiday, the 3rd ends at 13:00.
fn july(first: i8, last: i8) -> Window {
    Window::dates(date(2019, 7, first), date(2019, 7, last))
}

fn ask(query: impl Into<SymbolQuery>, window: Window, resolution: Resolution) -> HistoryRequest {
    HistoryRequest::new([query.into()], window, resolution).normalized(Normalization::Raw)
}

fn of_type(ticker: &str, kind: SecurityType) -> SymbolQuery {
    SymbolQuery::new(ticker, kind)
}

fn ends(series: &SymbolHistory) -> Vec<String> {
    series.times.iter().map(|at| at.to_string()[..16].to_owned()).collect()
}

fn closes(series: &SymbolHistory) -> Vec<f64> {
    series.closes().unwrap_or_default().to_vec()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A daily line with one price, in ten-thousandths.
fn day(date: &str, price: u32) -> String {
    volume(date, price, 1)
}

fn volume(date: &str, price: u32, volume: u32) -> String {
    let price = price * 10_000;
    format!("{date} 00:00,{price},{price},{price},{price},{volume}\n")
}

/// A line of any other file, unscaled.
fn line(time: &str, price: u32) -> String {
    format!("{time},{price},{price},{price},{price},1\n")
}

const DAILY: &str = "equity/usa/daily/x.zip";
const DAILY_ENTRY: &str = "equity/usa/daily/x.zip#x.csv";
const COIN: &str = "crypto/coinbase/minute/btcusd/20190702_trade.zip";
const COIN_ENTRY: &str = "crypto/coinbase/minute/btcusd/20190702_trade.zip#x.csv";

#[test]
fn trap_01_the_time_of_a_row_is_its_end() {
    let place = Place::new(&[("equity/usa/hour/x.zip#x.csv", "20190702 09:00,10000,10000,10000,10000,1\n")]);
    let ours = ends(&place.load(&ask("X", july(2, 2), Resolution::Hour)));
    told_apart(texts(&["2019-07-02 10:00"]), ours, texts(&["2019-07-02 09:00"]));
    assert_eq!(place.stamps("equity/usa/hour/x.zip"), ["20190702 09:00"], "which is what stands in the file");
}

#[test]
fn trap_02_the_start_is_left_out_and_the_end_is_not() {
    let place = Place::new(&[(DAILY_ENTRY, &(day("20190701", 1) + &day("20190702", 2)))]);
    let at = |day| date(2019, 7, day).at(16, 0, 0, 0);
    let (start, end) = (at(1), at(2));
    let ours = closes(&place.load(&ask("X", Window::range(start, end), Resolution::Daily)));
    let naive = [(at(1), 1.0), (at(2), 2.0)].into_iter().filter(|(at, _)| start <= *at && *at < end);
    told_apart(vec![2.0], ours, naive.map(|(_, close)| close).collect());
}

#[test]
fn trap_03_the_times_of_a_request_are_new_yorks() {
    let rows: String = (0..24).map(|hour| line(&format!("20190702 {hour:02}:00"), hour + 1)).collect();
    let zip = "crypto/coinbase/hour/btcusd_trade.zip";
    let place = Place::new(&[(&format!("{zip}#x.csv"), &rows)]);
    let window = Window::range(date(2019, 7, 2).at(0, 0, 0, 0), date(2019, 7, 2).at(1, 0, 0, 0));
    let ours = closes(&place.load(&ask(of_type("BTCUSD", SecurityType::Crypto), window, Resolution::Hour)));
    // From midnight to one o'clock on the file's clock ends one bar; in New York it is four hours later then.
    told_apart(vec![5.0], ours, place.closes(zip, 1.0)[..1].to_vec());
}

#[test]
fn trap_04_files_are_named_by_tickers_and_hold_several_companies() {
    let place = Place::new(&[
        (DAILY_ENTRY, &(day("20190701", 1) + &day("20190705", 2))),
        ("equity/usa/map_files/x.csv", "20190703,x\n20501231,x\n"),
    ]);
    let ours = closes(&place.load(&ask("X", july(1, 5), Resolution::Daily)));
    told_apart(vec![2.0], ours, place.closes(DAILY, 10_000.0));
}

/// OLD until the 2nd of July, NEW from the 3rd on; both files have all days.
fn renamed(more: &[(&str, &str)]) -> Place {
    let all = |price: u32| ["20190701", "20190702", "20190703"].map(|at| day(at, price)).concat();
    let (old, new) = (all(1), all(9));
    let mut files = vec![
        ("equity/usa/daily/old.zip#x.csv", old.as_str()),
        ("equity/usa/daily/new.zip#x.csv", new.as_str()),
        ("equity/usa/map_files/new.csv", "20190701,old\n20190702,old\n20501231,new\n"),
    ];
    files.extend(more);
    Place::new(&files)
}

#[test]
fn trap_05_a_row_of_a_map_is_the_last_day_of_its_name() {
    let place = renamed(&[]);
    let ours = closes(&place.load(&ask("NEW", july(1, 3), Resolution::Daily)));
    // The naive reader takes the row's day as the first one of the new name.
    let (old, new) = (place.closes("equity/usa/daily/old.zip", 1e4), place.closes("equity/usa/daily/new.zip", 1e4));
    let naive = (0..3).map(|at| if at < 1 { old[at] } else { new[at] }).collect();
    told_apart(vec![1.0, 1.0, 9.0], ours, naive);
}

/// Days at 8.00 and a split on the 3rd: the row of the 2nd halves what lies before.
fn split(factors: &str) -> Place {
    let rows = ["20190701", "20190702", "20190703"].map(|at| day(at, 8)).concat();
    Place::new(&[(DAILY_ENTRY, &rows), ("equity/usa/factor_files/x.csv", factors)])
}

const HALVED: &str = "20190601,1,0.5,1\n20190702,1,0.5,16\n20501231,1,1,0\n";

#[test]
fn trap_06_a_row_of_factors_is_the_last_day_before_the_event() {
    let place = split(HALVED);
    let request = ask("X", july(1, 3), Resolution::Daily).normalized(Normalization::Adjusted);
    let naive =
        place.closes(DAILY, 1e4).into_iter().zip(1..).map(|(close, day)| if day < 2 { close / 2.0 } else { close });
    told_apart(vec![4.0, 4.0, 8.0], closes(&place.load(&request)), naive.collect());
}

#[test]
fn trap_07_factors_are_named_by_the_company() {
    let of_company = ("equity/usa/factor_files/new.csv", "20190601,1,0.5,1\n20190705,1,0.5,1\n20501231,1,1,0\n");
    let of_ticker = ("equity/usa/factor_files/old.csv", "20190601,1,0.1,1\n20190705,1,0.1,1\n20501231,1,1,0\n");
    let place = renamed(&[of_company, of_ticker]);
    let request = ask("NEW", july(1, 1), Resolution::Daily).normalized(Normalization::Adjusted);
    told_apart(vec![0.5], closes(&place.load(&request)), vec![place.closes("equity/usa/daily/old.zip", 1e4)[0] * 0.1]);
}

#[test]
fn trap_08_volumes_are_divided_and_halves_go_to_the_even_number() {
    let volumes = [4, 12, 20];
    let rows: String = (1..).zip(volumes).map(|(at, n)| volume(&format!("2019070{at}"), 8, n)).collect();
    let place = Place::new(&[
        (DAILY_ENTRY, &rows),
        ("equity/usa/factor_files/x.csv", "20190601,1,8,1\n20190705,1,8,1\n20501231,1,1,0\n"),
    ]);
    let request = ask("X", july(1, 3), Resolution::Daily).normalized(Normalization::Adjusted);
    let ours = place.load(&request).columns.get(Field::Volume).unwrap().to_vec();
    let raw = volumes.map(f64::from).to_vec();
    told_apart(vec![0.0, 2.0, 2.0], ours.clone(), raw.clone());
    told_apart(vec![0.0, 2.0, 2.0], ours, raw.iter().map(|volume| (volume / 8.0).round()).collect());
}

#[test]
fn trap_09_factors_above_one_are_reverse_splits() {
    let place = split("20190601,1,8,1\n20190702,1,8,1\n20501231,1,1,0\n");
    let request = ask("X", july(1, 3), Resolution::Daily).normalized(Normalization::Adjusted);
    let naive = place.closes(DAILY, 1e4).iter().map(|close| close * 8_f64.min(1.0)).collect();
    told_apart(vec![64.0, 64.0, 8.0], closes(&place.load(&request)), naive);
}

/// A dividend of 1.00 (of 10.00) on the 2nd, one of 2.00 (of 8.00) on the 8th.
fn dividends() -> Place {
    let rows = ["20190701", "20190702", "20190703", "20190705", "20190708", "20190709"].map(|at| day(at, 8)).concat();
    let factors = "20190601,0.675,1,1\n20190701,0.675,1,10\n20190705,0.75,1,8\n20501231,1,1,0\n";
    Place::new(&[(DAILY_ENTRY, &rows), ("equity/usa/factor_files/x.csv", factors)])
}

#[test]
fn trap_10_total_return_begins_with_the_request() {
    let place = dividends();
    let last = |first| {
        let request = ask("X", july(first, 9), Resolution::Daily).normalized(Normalization::TotalReturn);
        *closes(&place.load(&request)).last().unwrap()
    };
    told_apart(11.0, last(1), 8.0); // nothing paid
    // The naive reader adds up all dividends of the file, whenever the request begins.
    told_apart(10.0, last(3), last(1));
}

#[test]
fn trap_11_scaled_raw_ends_with_the_request() {
    let place = dividends();
    let first = |mode, last| closes(&place.load(&ask("X", july(1, last), Resolution::Daily).normalized(mode)))[0];
    // On the 3rd the second dividend has not been paid: 0.675 / 0.75.
    told_apart(8.0 * 0.9, first(Normalization::ScaledRaw, 3), first(Normalization::Adjusted, 3));
}

#[test]
fn trap_12_one_bad_line_of_factors_and_nothing_is_adjusted() {
    let place = split(&HALVED.replace("\n2019", "\n\n2019"));
    let request = ask("X", july(1, 3), Resolution::Daily).normalized(Normalization::Adjusted);
    let ours = place.load(&request);
    // The naive reader steps over the blank line, as one that reads the file without it does.
    told_apart(vec![8.0; 3], closes(&ours), closes(&split(HALVED).load(&request)));
    assert!(ours.adjustment.to_string().contains("line 2"), "and it is said: {}", ours.adjustment);
}

#[test]
fn trap_13_filled_rows_are_no_data() {
    let place = Place::new(&[(DAILY_ENTRY, &(day("20190701", 1) + &day("20190705", 5)))]);
    let request = ask("X", july(1, 8), Resolution::Daily).filled_forward(true);
    let history = history::load(&place.folder(), &request).unwrap();
    // Five open days: two real, three stale copies. The naive mean is of all of them.
    let mean = |cells: &[f64]| cells.iter().sum::<f64>() / cells.len() as f64;
    told_apart(3.0, mean(&history.align(Field::Close).columns[0]), mean(&closes(&history.series[0])));
    assert_eq!((history.series[0].n_rows(), history.series[0].n_filled()), (5, 3));
}

#[test]
fn trap_14_options_have_a_file_for_each_year() {
    let entry = "x_trade_american_call_425000_20200117.csv";
    let zip = |year: u16| format!("option/usa/daily/x_{year}_trade_american.zip");
    let place = Place::new(&[
        (&format!("{}#{entry}", zip(2019)), &day("20191231", 1)),
        (&format!("{}#{entry}", zip(2020)), &day("20200102", 2)),
    ]);
    let share = place.folder().resolve(&"X".into()).unwrap().sid;
    let terms = OptionTerms {
        expiry: date(2020, 1, 17),
        strike: "42.5".parse().unwrap(),
        right: OptionRight::Call,
        style: OptionStyle::American,
    };
    let contract = Sid::option("X", SecurityType::Option, "usa", terms, share);
    let window = Window::dates(date(2019, 12, 1), date(2020, 1, 10));
    let query = of_type(&contract.unwrap().to_string(), SecurityType::Option);
    told_apart(
        vec![1.0, 2.0],
        closes(&place.load(&ask(query, window, Resolution::Daily))),
        place.closes(&zip(2019), 1e4),
    );
}

#[test]
fn trap_15_entries_are_found_by_contract_and_a_shares_by_place() {
    let zip = "future/cme/daily/es_trade.zip";
    let place = Place::new(&[
        (&format!("{zip}#es_trade_201909.csv"), &line("20190702 00:00", 1)),
        (&format!("{zip}#ES_Trade_201912.CSV"), &line("20190702 00:00", 2)),
        ("equity/usa/daily/y.zip#y/other.csv", &day("20190702", 3)),
    ]);
    let december = Sid::future("ES", date(2019, 12, 20), "cme").unwrap().to_string();
    let ours = place.load(&ask(of_type(&december, SecurityType::Future), july(2, 2), Resolution::Daily));
    told_apart(vec![2.0], closes(&ours), place.closes(zip, 1.0));
    // For shares it is the other way round: who looks for `y.csv` finds nothing.
    told_apart(vec![3.0], closes(&place.load(&ask("Y", july(2, 2), Resolution::Daily))), vec![]);
}

#[test]
fn trap_16_shares_have_no_quotes_by_the_day() {
    let quotes = "equity/usa/daily/x_quote.zip";
    let place = Place::new(&[
        (DAILY_ENTRY, &day("20190702", 1)),
        (&format!("{quotes}#x.csv"), "20190702 00:00,1,1,1,1,1,1,1,1,1,1\n"),
    ]);
    let ours = place.load(&ask("X", july(2, 2), Resolution::Daily));
    told_apart(false, ours.columns.get(Field::BidClose).is_some(), place.path(quotes).is_file());
}

#[test]
fn trap_17_the_first_hour_begins_before_the_opening() {
    let zip = "equity/usa/hour/x.zip";
    let rows: String = (9..16).map(|hour| line(&format!("20190702 {hour:02}:00"), hour * 10_000)).collect();
    let place = Place::new(&[(&format!("{zip}#x.csv"), &rows)]);
    let ours = place.load(&ask("X", july(2, 2), Resolution::Hour)).n_rows();
    told_apart(7, ours, place.stamps(zip).iter().filter(|at| "09:30" <= &at[9..]).count());
}

#[test]
fn trap_18_days_of_currencies_jump_with_summer_time() {
    let zip = "forex/oanda/daily/eurusd.zip";
    let quote = |day: &str| format!("{day} 00:00,1,1,1,1,0,1,1,1,1,0\n");
    let place = Place::new(&[(&format!("{zip}#x.csv"), &(quote("20190307") + &quote("20190311")))]);
    let all_day = vec![Session { start: 0, end: 86_400_000_000_000, state: SessionState::Market }];
    place.hours(&[HoursEntry {
        exchange_time_zone: "America/New_York".into(),
        week: [vec![], all_day.clone(), all_day.clone(), all_day.clone(), all_day.clone(), all_day, vec![]],
        ..HoursEntry::always_open(SecurityType::Forex, "oanda")
    }]);
    let window = Window::dates(date(2019, 3, 4), date(2019, 3, 15));
    let ours = place.load(&ask(of_type("EURUSD", SecurityType::Forex), window, Resolution::Daily));
    // A day of UTC ends at 19:00 in New York in winter; the naive reader takes five hours off all year round.
    let naive = place.stamps(zip).into_iter().map(|at| {
        let day: Date = at[..8].parse().unwrap();
        day.at(19, 0, 0, 0).to_string().replace('T', " ")[..16].to_owned()
    });
    told_apart(texts(&["2019-03-07 19:00", "2019-03-11 20:00"]), ends(&ours), naive.collect());
}

#[test]
fn trap_19_an_evening_lies_in_the_file_of_the_next_day_of_utc() {
    let place = Place::new(&[("equity/usa/minute/x/20190103_trade.zip#x.csv", &line("1800000", 10_000))]);
    place.hours(&[HoursEntry { data_time_zone: "UTC".into(), ..HoursEntry::us_equity(2019, 2019) }]);
    let mut request = ask("X", Window::dates(date(2019, 1, 2), date(2019, 1, 2)), Resolution::Minute);
    request.extended_market_hours = true;
    // Half past midnight of the 3rd is half past seven in the evening of the 2nd; the file of the 2nd is not even there.
    let naive = place.path("equity/usa/minute/x/20190102_trade.zip").is_file().then(|| "2019-01-02 19:31".to_owned());
    told_apart(texts(&["2019-01-02 19:31"]), ends(&place.load(&request)), naive.into_iter().collect());
}

#[test]
fn trap_20_midnight_is_a_time() {
    let place = Place::new(&[(COIN_ENTRY, &(line("0", 1) + &line("60000", 2)))]);
    let ours = place.load(&ask(of_type("BTCUSD", SecurityType::Crypto), july(2, 2), Resolution::Minute));
    told_apart(2, ours.n_rows(), place.stamps(COIN).iter().filter(|at| at.as_str() != "0").count());
}

#[test]
fn trap_21_daily_rows_of_sundays_are_dropped() {
    let zip = "future/cme/daily/es_trade.zip";
    // A Sunday and a Monday.
    let rows = line("20190707 00:00", 1) + &line("20190708 00:00", 2);
    let place = Place::new(&[(&format!("{zip}#es_trade_201909.csv"), &rows)]);
    let sid = Sid::future("ES", date(2019, 9, 20), "cme").unwrap().to_string();
    let ours = place.load(&ask(of_type(&sid, SecurityType::Future), july(5, 8), Resolution::Daily));
    told_apart(vec![2.0], closes(&ours), place.closes(zip, 1.0));
}

#[test]
fn trap_22_entries_carry_the_month_of_the_contract_and_not_of_its_expiry() {
    let zip = "future/nymex/daily/cl_trade.zip";
    let (expiry, rows) = (date(2019, 8, 20), |price| line("20190702 00:00", price));
    let place = Place::new(&[
        (&format!("{zip}#cl_trade_201908.csv"), &rows(1)),
        (&format!("{zip}#cl_trade_201909.csv"), &rows(2)),
    ]);
    let sid = Sid::future("CL", expiry, "nymex").unwrap().to_string();
    let ours = place.load(&ask(of_type(&sid, SecurityType::Future), july(2, 2), Resolution::Daily));
    // By the month of expiry, August, the first entry is meant.
    told_apart(vec![2.0], closes(&ours), place.closes(zip, 1.0));
}

#[test]
fn trap_23_rows_that_go_back_are_skipped_and_not_sorted() {
    let rows = [("34200000", 1), ("34320000", 3), ("34260000", 2), ("34380000", 4)].map(|(at, price)| line(at, price));
    let place = Place::new(&[(COIN_ENTRY, &rows.concat())]);
    let ours = place.load(&ask(of_type("BTCUSD", SecurityType::Crypto), july(2, 2), Resolution::Minute));
    let mut naive = place.cells(COIN);
    naive.sort();
    told_apart(vec![1.0, 3.0, 4.0], closes(&ours), naive.iter().map(|cells| cells[4].parse().unwrap()).collect());
}

#[test]
fn trap_24_reading_stops_behind_the_window() {
    let place = Place::new(&[(DAILY_ENTRY, &(day("20190701", 1) + &day("20190801", 2) + &day("20190703", 3)))]);
    let ours = place.load(&ask("X", july(1, 5), Resolution::Daily)).n_rows();
    told_apart(1, ours, place.stamps(DAILY).iter().filter(|at| ("20190701".."20190706").contains(&&at[..8])).count());
}

#[test]
fn trap_25_rows_beyond_the_day_of_their_file_are_ignored() {
    // The second row is half past nine of the next day.
    let place = Place::new(&[(COIN_ENTRY, &(line("34200000", 1) + &line("120600000", 2)))]);
    let ours = place.load(&ask(of_type("BTCUSD", SecurityType::Crypto), july(2, 3), Resolution::Minute));
    told_apart(vec![1.0], closes(&ours), place.closes(COIN, 1.0));
}

#[test]
fn trap_26_columns_of_nothing_vanish() {
    let place = Place::new(&[(DAILY_ENTRY, &volume("20190702", 1, 0))]);
    let ours = place.load(&ask("X", july(2, 2), Resolution::Daily));
    told_apart(4, ours.columns.visible_fields().len(), place.cells(DAILY)[0].len() - 1);
}

#[test]
fn trap_27_the_end_of_2050_is_no_delisting() {
    let map = "20190701,x\n20501231,x\n";
    let place = Place::new(&[(DAILY_ENTRY, &day("20190702", 1)), ("equity/usa/map_files/x.csv", map)]);
    let ours = place.folder().describe_symbol(&"X".into()).unwrap().delisted;
    told_apart(None, ours, map.lines().last().and_then(|row| row[..8].parse().ok()));
}

#[test]
fn trap_28_a_ticker_means_another_company_at_another_time() {
    let place = Place::new(&[
        ("equity/usa/map_files/x.csv", "20200106,x\n20501231,x\n"),
        ("equity/usa/map_files/x.1.csv", "20190102,x\n20190731,x\n"),
    ]);
    let folder = place.folder();
    let on =
        |day| SymbolQuery::Ticker { ticker: "X".into(), security_type: SecurityType::Equity, market: None, date: day };
    let sid = |day| folder.resolve(&on(day)).unwrap().sid;
    // The naive reader asks for the ticker of today.
    told_apart(Sid::equity("X", date(2019, 1, 2), "usa").unwrap(), sid(Some(date(2019, 7, 1))), sid(None));
}

#[test]
fn trap_29_two_identifiers_of_one_market_stay_two() {
    let old: Sid = "BTCUSD XJ".parse().unwrap();
    // The naive reader keeps the market's name, and writes it with the number it has today.
    let naive = Sid::plain(old.symbol(), old.security_type(), old.market()).unwrap();
    told_apart("BTCUSD XJ".to_owned(), old.to_string(), naive.to_string());
}

#[test]
fn trap_30_suspicious_ticks_are_rows() {
    let zip = "equity/usa/tick/x/20190702_trade.zip";
    let place = Place::new(&[(&format!("{zip}#x.csv"), "34200000,10000,5,Q,0,0\n34200000,10100,6,Q,0,1\n")]);
    let ours = place.load(&ask("X", july(2, 2), Resolution::Tick));
    told_apart(2, ours.n_rows(), place.cells(zip).iter().filter(|cells| cells[5] == "0").count());
    assert_eq!(ours.columns.get(Field::Suspicious).unwrap(), [0.0, 1.0]);
}

#[test]
fn trap_31_bank_holidays_are_open_and_a_day_may_have_a_hole() {
    let zip = "future/cme/minute/es/20190702_trade.zip";
    let rows = ["36000000", "43200000", "50400000"].map(|at| line(at, 1)).concat();
    let place = Place::new(&[(&format!("{zip}#20190702_es_minute_trade_201909.csv"), &rows)]);
    let entry = r#"{"entries": {"Future-cme-[*]": {"dataTimeZone": "America/New_York", "exchangeTimeZone": "America/New_York",
        "tuesday": [{"start": "09:30:00", "end": "17:00:00", "state": "market"}], "bankHolidays": ["7/2/2019"],
        "earlyCloses": {"7/2/2019": "11:00:00"}, "lateOpens": {"7/2/2019": "13:00:00"}}}}"#;
    place.write("market-hours/market-hours-database.json", entry.as_bytes());
    let sid = Sid::future("ES", date(2019, 9, 20), "cme").unwrap().to_string();
    let ours = ends(&place.load(&ask(of_type(&sid, SecurityType::Future), july(2, 2), Resolution::Minute)));
    let right = texts(&["2019-07-02 10:01", "2019-07-02 14:01"]);
    told_apart(right.clone(), ours.clone(), vec![]); // closed all day
    told_apart(right.clone(), ours.clone(), right[..1].to_vec()); // closed from eleven on
    told_apart(right, ours, texts(&["2019-07-02 10:01", "2019-07-02 12:01", "2019-07-02 14:01"])); // open all day
}

#[test]
fn trap_32_a_universe_is_known_the_day_after() {
    let place = Place::new(&[("equity/usa/universes/etf/x/20190702.csv", "A,A 2T,20190702,1,1,1\n")]);
    let folder = place.folder();
    let fund = folder.resolve(&"X".into()).unwrap();
    let ours = universe::etf_history(&folder, &fund, july(2, 3)).unwrap();
    let times: Vec<String> = ours.iter().map(|known| known.time.to_string()[..16].to_owned()).collect();
    told_apart("2019-07-03 00:00".to_owned(), times[0].clone(), "2019-07-02 00:00".to_owned());
}

#[test]
fn trap_33_a_missing_file_of_the_old_ticker_leaks_as_lean_leaks() {
    let place = renamed(&[]);
    std::fs::remove_file(place.path("equity/usa/daily/old.zip")).unwrap();
    let ours = closes(&place.load(&ask("NEW", july(1, 3), Resolution::Daily)));
    // A reader that is cleverer than the engine shows the new ticker's own days only.
    let naive = place.closes("equity/usa/daily/new.zip", 1e4)[2..].to_vec();
    told_apart(vec![9.0; 3], ours, naive);
}

#[test]
fn trap_34_what_is_missing_is_no_error() {
    let place = Place::new(&[]);
    let ours = history::load(&place.folder(), &ask("X", july(1, 3), Resolution::Daily)).map(|h| h.series[0].n_rows());
    told_apart(true, ours == Ok(0), std::fs::read(place.path(DAILY)).is_ok());
}

#[test]
fn a_continuous_future_is_named_by_its_mapping() {
    // Not one of the 34, but their neighbour: which contract is read depends on the mode asked for.
    let sid = |day| Sid::future("ES", day, "cme").unwrap().to_string();
    let (sep, dec) = (sid(date(2019, 9, 20)), sid(date(2019, 12, 20)));
    let map =
        format!("18991230,es,CME\n20501231,{0},CME,2\n20501231,{1},CME,0\n", sep.to_lowercase(), dec.to_lowercase());
    let zip = "future/cme/daily/es_trade.zip";
    let place = Place::new(&[
        ("future/cme/map_files/es.csv", &map),
        (&format!("{zip}#es_trade_201909.csv"), &line("20190702 00:00", 1)),
        (&format!("{zip}#es_trade_201912.csv"), &line("20190702 00:00", 2)),
    ]);
    let mut request = ask(of_type("ES", SecurityType::Future), july(2, 2), Resolution::Daily);
    request.mapping = Some(MappingMode::LastTradingDay);
    told_apart(vec![2.0], closes(&place.load(&request)), place.closes(zip, 1.0));
}
