//! Options, options on indices and futures, open interest: cases made by hand from the files of the sample folder.
//!
//! Each case quotes the line of the file it comes from and shows the arithmetic. Prices of options on shares and indices
//! are stored in ten-thousandths, of options on futures as they are.

use super::cases::given_folder;
use qc_data::sid::{OptionRight, OptionStyle, OptionTerms};
use qc_data::{
    DataFolder, Field, HistoryRequest, Resolution, SecurityType, Sid, SymbolHistory, SymbolQuery, Window, history,
};

/// A contract by its terms: `(symbol, type, market)`, `(expiry, strike, right)`, identifier of the underlying.
fn contract(
    folder: &DataFolder,
    (symbol, kind, market): (&str, SecurityType, &str),
    (expiry, strike, right): (&str, &str, OptionRight),
    underlying: &str,
) -> SymbolQuery {
    let european = kind == SecurityType::IndexOption;
    let style = if european { OptionStyle::European } else { OptionStyle::American };
    let terms = OptionTerms { expiry: expiry.parse().unwrap(), strike: strike.parse().unwrap(), right, style };
    let sid = Sid::option(symbol, kind, market, terms, underlying.parse().unwrap()).unwrap();
    SymbolQuery::Security(folder.security(&sid, None).unwrap())
}

fn load(
    folder: &DataFolder,
    query: SymbolQuery,
    first: &str,
    last: &str,
    resolution: Resolution,
    fill: bool,
) -> SymbolHistory {
    let window = Window::dates(first.parse().unwrap(), last.parse().unwrap());
    let request = HistoryRequest::new([query], window, resolution).with_open_interest().filled_forward(fill);
    history::load(folder, &request).unwrap().series.remove(0)
}

/// Compares cells of a row, found by its time; `None` for a missing cell.
#[track_caller]
fn check(series: &SymbolHistory, time: &str, cells: &[(Field, Option<f64>)]) {
    let row = series.times.iter().position(|at| at.to_string() == time);
    let row = row.unwrap_or_else(|| panic!("no row at {time}: {:?}", series.times));
    for (field, expected) in cells {
        let ours = series.columns.get(*field).map(|column| column[row]).filter(|value| !value.is_nan());
        match (ours, expected) {
            (None, None) => {}
            (Some(ours), Some(theirs)) if (ours - theirs).abs() <= 1e-9 * theirs.abs() => {}
            _ => panic!("{time} {field}: {ours:?}, expected {expected:?}"),
        }
    }
}

const CALL: OptionRight = OptionRight::Call;
const PUT: OptionRight = OptionRight::Put;
const AAPL: (&str, SecurityType, &str) = ("AAPL", SecurityType::Option, "usa");
const TWX: (&str, SecurityType, &str) = ("AOL", SecurityType::Option, "usa");
const TWX_SHARE: &str = "AOL R735QTJ8XC9X";

#[test]
fn a_year_of_an_option_on_a_share() {
    let Some(folder) = given_folder() else { return };
    let call = contract(&folder, AAPL, ("2016-01-15", "100", CALL), "AAPL R735QTJ8XC9X");
    let series = load(&folder, call, "2015-01-01", "2016-01-15", Resolution::Daily, false);
    assert_eq!(series.security.ticker, "AAPL  160115C00100000");
    assert_eq!(series.n_rows(), 250, "250 lines of aapl_2015_trade_american.zip, each on an open day");
    // 20150102 00:00,186300,186300,163500,176600,1463 and bids 181000,186000,162000,175500,224, asks 183500,..,177500,103
    check(
        &series,
        "2015-01-02 16:00:00",
        &[
            (Field::Open, Some(18.63)),
            (Field::Low, Some(16.35)),
            (Field::Close, Some(17.66)),
            (Field::Volume, Some(1_463.0)),
            (Field::BidClose, Some(17.55)),
            (Field::BidSize, Some(224.0)),
            (Field::AskClose, Some(17.75)),
            (Field::AskSize, Some(103.0)),
            (Field::OpenInterest, None),
        ],
    );
    // The closes of all lines add up to 56264500 ten-thousandths, the volumes to 298404 contracts.
    let sum = |field| series.columns.get(field).unwrap().iter().sum::<f64>();
    assert!((sum(Field::Close) - 5_626.45).abs() < 1e-6);
    assert_eq!(sum(Field::Volume), 298_404.0);
    // There is no aapl_2016_trade_american.zip: the ten sessions from 4 to 15 January 2016 are a gap that is told.
    let tail = series.gaps.iter().find(|gap| gap.is_tail).unwrap();
    assert_eq!((tail.first.to_string().as_str(), tail.n_days), ("2016-01-04", 10));
}

#[test]
fn filling_forward_ends_with_the_contract() {
    let Some(folder) = given_folder() else { return };
    let call = contract(&folder, AAPL, ("2016-01-15", "100", CALL), "AAPL R735QTJ8XC9X");
    let series = load(&folder, call, "2015-12-30", "2016-02-26", Resolution::Daily, true);
    // Two bars of December, and the ten sessions until 15 January, the last day of the contract.
    assert_eq!((series.n_rows(), series.n_filled()), (12, 10));
    assert_eq!(series.times.last().unwrap().to_string(), "2016-01-15 16:00:00");
    check(&series, "2016-01-15 16:00:00", &[(Field::Close, Some(5.9)), (Field::Volume, Some(0.0))]);
}

#[test]
fn a_day_without_trade_shows_the_middle_of_bid_and_ask_and_the_open_interest() {
    let Some(folder) = given_folder() else { return };
    let call = contract(&folder, TWX, ("2016-01-15", "100", CALL), TWX_SHARE);
    let series = load(&folder, call.clone(), "2014-06-05", "2014-06-06", Resolution::Daily, false);
    assert_eq!(series.n_rows(), 2);
    // 20140605 00:00,1900,5700,1900,5700,173,9200,22700,9200,9200,332; open interest 20140605 00:00,21
    // open (0.19 + 0.92) / 2, high (0.57 + 2.27) / 2, low (0.19 + 0.92) / 2, close (0.57 + 0.92) / 2
    check(
        &series,
        "2014-06-05 16:00:00",
        &[
            (Field::Open, Some(0.555)),
            (Field::High, Some(1.42)),
            (Field::Low, Some(0.555)),
            (Field::Close, Some(0.745)),
            (Field::OpenInterest, Some(21.0)),
        ],
    );
    assert!(series.columns.get(Field::Volume).is_none(), "nothing was traded");
    // Minute files tell the open interest at 23520000 ms = 06:32:00, before the session.
    let series = load(&folder, call, "2014-06-05", "2014-06-05", Resolution::Minute, false);
    check(&series, "2014-06-05 06:32:00", &[(Field::OpenInterest, Some(21.0)), (Field::Close, None)]);
}

#[test]
fn minutes_of_a_contract_that_expires_on_a_saturday() {
    let Some(folder) = given_folder() else { return };
    let call = contract(&folder, TWX, ("2014-06-21", "60", CALL), TWX_SHARE);
    let series = load(&folder, call, "2014-06-05", "2014-06-05", Resolution::Minute, false);
    // 39660000,110000,110000,110000,110000,49: 39660 s = 11:01, the bar ends at 11:02; one of five trades.
    let volume = series.columns.get(Field::Volume).unwrap();
    assert_eq!(volume.iter().filter(|volume| !volume.is_nan()).count(), 5);
    check(&series, "2014-06-05 11:02:00", &[(Field::Close, Some(11.0)), (Field::Volume, Some(49.0))]);
}

#[test]
fn hours_of_options_on_shares_and_indices() {
    let Some(folder) = given_folder() else { return };
    let call = contract(&folder, TWX, ("2014-06-21", "60", CALL), TWX_SHARE);
    let series = load(&folder, call, "2014-06-05", "2014-06-05", Resolution::Hour, false);
    // Seven hours with quotes, three of them with trades, and 20140605 06:00,0: the open interest of a moment.
    assert_eq!(series.n_rows(), 8);
    check(&series, "2014-06-05 06:00:00", &[(Field::OpenInterest, Some(0.0)), (Field::Close, None)]);
    // 20140605 09:00,103000,103000,102500,103000,826,107500,110000,107500,109500,433: no trade, so the middle:
    // (10.3 + 10.75) / 2, (10.3 + 11) / 2, (10.25 + 10.75) / 2, (10.3 + 10.95) / 2
    let quoted = [
        (Field::Open, Some(10.525)),
        (Field::High, Some(10.65)),
        (Field::Low, Some(10.5)),
        (Field::Close, Some(10.625)),
        (Field::Volume, None),
    ];
    check(&series, "2014-06-05 10:00:00", &quoted);
    // 20140605 11:00,110000,110000,110000,110000,49 beside 105000,110000,105000,109000,1186,110500,..,113500,66
    let traded = [
        (Field::Close, Some(11.0)),
        (Field::Volume, Some(49.0)),
        (Field::BidClose, Some(10.9)),
        (Field::BidSize, Some(1_186.0)),
        (Field::AskClose, Some(11.35)),
    ];
    check(&series, "2014-06-05 12:00:00", &traded);
    // Of the index, on New York's clock in the file and on Chicago's in the answer: 20210104 11:00 begins at 10:00 there.
    // 20210104 11:00,4968900,4968900,4959000,4959000,25479; open interest 20210104 06:00,11755 is told at 5:00.
    let spx = contract(&folder, ("SPX", SecurityType::IndexOption, "usa"), ("2021-01-15", "3200", CALL), "SPX 31");
    let series = load(&folder, spx, "2021-01-04", "2021-01-04", Resolution::Hour, false);
    assert_eq!(series.n_rows(), 7 + 1);
    let traded = [(Field::Open, Some(496.89)), (Field::Close, Some(495.9)), (Field::Volume, Some(25_479.0))];
    check(&series, "2021-01-04 11:00:00", &traded);
    check(&series, "2021-01-04 05:00:00", &[(Field::OpenInterest, Some(11_755.0))]);
    // 20210104 09:00 with 5473000 and 5517000 at its end: (547.3 + 551.7) / 2, half an hour of the session.
    check(&series, "2021-01-04 09:00:00", &[(Field::Close, Some(549.5)), (Field::Volume, None)]);
}

#[test]
fn options_of_a_renamed_share_change_their_files_with_it() {
    let Some(folder) = given_folder() else { return };
    // News Corp was NWSA until 2013-06-28 and FOXA from the next session on.
    let fox = ("NWSA", SecurityType::Option, "usa");
    let call = contract(&folder, fox, ("2013-07-20", "20", CALL), "NWSA T3MO1488O0H1");
    let series = load(&folder, call, "2013-06-24", "2013-07-05", Resolution::Daily, false);
    // nwsa_2013_quote: 20130627 ..,126000,14,..,131000,82 and 20130628 ..,124000,14,..,128000,50
    // foxa_2013_quote: 20130702 00:00,94000,95000,78000,82000,34,98000,114000,95000,102000,34
    let times: Vec<String> = series.times.iter().map(ToString::to_string).collect();
    assert_eq!(times, ["2013-06-27 16:00:00", "2013-06-28 16:00:00", "2013-07-02 16:00:00"]);
    check(&series, &times[0], &[(Field::Close, Some((12.6 + 13.1) / 2.0))]);
    check(
        &series,
        &times[2],
        &[(Field::BidClose, Some(8.2)), (Field::AskClose, Some(10.2)), (Field::Close, Some(9.2))],
    );
}

#[test]
fn options_on_an_index_end_with_its_session() {
    let Some(folder) = given_folder() else { return };
    let spx = ("SPX", SecurityType::IndexOption, "usa");
    let call = contract(&folder, spx, ("2021-01-15", "3200", CALL), "SPX 31");
    let series = load(&folder, call.clone(), "2021-01-01", "2021-01-15", Resolution::Daily, false);
    // 15:15 Chicago. Trades: 20210104 00:00,5160400,5160400,4850900,4875100,25484; no trade on the 14th, when the quotes
    // end at 5970000 and 6001000: (597 + 600.1) / 2 = 598.55. Open interest 11755 and 11749.
    assert_eq!(series.n_rows(), 2);
    let traded = [(Field::Close, Some(487.51)), (Field::Volume, Some(25_484.0)), (Field::OpenInterest, Some(11_755.0))];
    check(&series, "2021-01-04 15:15:00", &traded);
    let quoted = [(Field::Close, Some(598.55)), (Field::Volume, None), (Field::OpenInterest, Some(11_749.0))];
    check(&series, "2021-01-14 15:15:00", &quoted);
    // Files are on New York's clock: 34200000 ms = 9:30 there, 8:30 in Chicago, the bar ends at 8:31.
    // 34200000,5649000,5668000,5629000,5641000,115,5708000,5710000,5683000,5691000,115
    let series = load(&folder, call, "2021-01-04", "2021-01-04", Resolution::Minute, false);
    assert_eq!(series.n_rows(), 1 + 405, "a line of open interest at 5:30 and 405 minutes");
    check(&series, "2021-01-04 08:31:00", &[(Field::BidClose, Some(564.1)), (Field::AskClose, Some(569.1))]);
}

#[test]
fn options_on_futures_keep_their_prices_and_drop_sundays() {
    let Some(folder) = given_folder() else { return };
    let es = ("ES", SecurityType::FutureOption, "cme");
    let future = Sid::future("ES", "2020-03-20".parse().unwrap(), "cme").unwrap().to_string();
    let put = contract(&folder, es, ("2020-03-20", "2930", PUT), &future);
    let series = load(&folder, put, "2020-01-01", "2020-01-10", Resolution::Daily, false);
    // Five lines, the first 20200102 00:00,18,18,15.5,15.5,15
    assert_eq!(series.n_rows(), 5);
    let first = [(Field::Open, Some(18.0)), (Field::Close, Some(15.5)), (Field::Volume, Some(15.0))];
    check(&series, "2020-01-02 17:00:00", &first);
    // Hours are on UTC: 20200102 14:00,23.75,25,23.75,25,53 is 9:00 to 10:00 in New York, the first in the session.
    let put = contract(&folder, es, ("2020-03-20", "3000", PUT), &future);
    let series = load(&folder, put, "2020-01-02", "2020-01-02", Resolution::Hour, false);
    assert_eq!(series.times[0].to_string(), "2020-01-02 10:00:00");
    check(&series, "2020-01-02 10:00:00", &[(Field::Close, Some(25.0)), (Field::Volume, Some(53.0))]);
}

#[test]
fn one_sided_quotes_of_an_option_on_gold() {
    let Some(folder) = given_folder() else { return };
    let og = ("OG", SecurityType::FutureOption, "comex");
    let future = Sid::future("GC", "2020-04-28".parse().unwrap(), "comex").unwrap().to_string();
    let call = contract(&folder, og, ("2020-02-25", "1600", CALL), &future);
    let window = Window::dates("2020-01-06".parse().unwrap(), "2020-01-06".parse().unwrap());
    let mut request = HistoryRequest::new([call], window, Resolution::Minute);
    request.extended_market_hours = true;
    let series = history::load(&folder, &request).unwrap().series.remove(0);
    // 72000000 ms UTC = 20:00, 15:00 in New York; the bar ends at 15:01.
    // 82740000,9.4,9.4,9.4,9.4,1,,,,,0: a bid alone, 17:59 in New York, the hour in which the exchange is closed.
    // 82860000,24,24,0.1,0.1,1,28.2,28.2,28.2,28.2,7: 18:01, close (0.1 + 28.2) / 2
    let noon = [(Field::BidClose, Some(0.1)), (Field::AskClose, Some(20.4)), (Field::Close, Some(10.25))];
    check(&series, "2020-01-06 15:01:00", &noon);
    check(&series, "2020-01-06 18:02:00", &[(Field::Close, Some(14.15)), (Field::AskSize, Some(7.0))]);
    assert!(!series.times.iter().any(|at| at.to_string() == "2020-01-06 18:00:00"));
    // 82800000,0.1,0.1,0.1,0.1,1,,,,,0: 18:00, a bid alone is the price.
    check(&series, "2020-01-06 18:01:00", &[(Field::Close, Some(0.1)), (Field::AskClose, None)]);
}

#[test]
fn open_interest_of_a_future_has_no_sundays() {
    let Some(folder) = given_folder() else { return };
    let es = SymbolQuery::new("ES VMKLFZIH2MTD", SecurityType::Future);
    let series = load(&folder, es, "2013-10-04", "2013-10-11", Resolution::Daily, false);
    // 20131006 (a Sunday) 2691941 is dropped; 20131007 2674467, .., 20131011 2678669
    let interest: Vec<f64> = series.columns.get(Field::OpenInterest).unwrap().to_vec();
    assert_eq!(interest, [2_674_467.0, 2_692_235.0, 2_723_644.0, 2_703_379.0, 2_678_669.0]);
    assert_eq!(series.times[0].to_string(), "2013-10-07 17:00:00");
}
