//! Chains of options and futures: cases made by hand from the files of the sample folder.

use super::cases::given_folder;
use jiff::civil::date;
use qc_data::chain::{self, Chain, ChainFilter};
use qc_data::sid::OptionRight;
use qc_data::{BarSize, DataFolder, HistoryRequest, QuantBook, Resolution, SecurityType, SymbolQuery, Window};

fn on(folder: &DataFolder, ticker: &str, kind: SecurityType, day: &str, filter: ChainFilter) -> Chain {
    chain::on(folder, &SymbolQuery::new(ticker, kind), day.parse().unwrap(), &filter).unwrap().unwrap()
}

#[test]
fn a_file_is_known_the_day_after() {
    let Some(folder) = given_folder() else { return };
    let chain = on(&folder, "TWX", SecurityType::Option, "2014-06-06", ChainFilter::default());
    assert_eq!(chain.file_date, date(2014, 6, 5));
    assert_eq!(chain.known_from().to_string(), "2014-06-06 00:00:00");
    // 186 lines: a header, the underlying (,,,70.8800,71.2200,70.8800,71.2200,0) and 184 contracts.
    assert_eq!((chain.contracts.len(), chain.underlying[0].close), (184, 71.22));
    // 20140621,42.5,C,27.3750,29.1000,26.9250,28.1000,0,,1.0230251,0.9816242,0.0011596,0.0024187,0.0489239,0.0172750
    let first = &chain.contracts[0];
    let security = first.security.as_ref().unwrap();
    assert_eq!(security.ticker, "TWX   140621C00042500");
    assert_eq!(security.sid.to_string(), "AOL VRKS95ENPM9Y|AOL R735QTJ8XC9X");
    assert_eq!((first.strike, first.right, first.close), (Some(42.5), Some(OptionRight::Call), Some(28.1)));
    assert_eq!((first.open_interest, first.implied_volatility), (None, Some(1.023_025_1)));
    assert_eq!((first.delta, first.theta), (Some(0.981_624_2), Some(0.048_923_9)));
    let twx = SymbolQuery::new("TWX", SecurityType::Option);
    assert!(chain::on(&folder, &twx, date(2014, 6, 4), &ChainFilter::default()).unwrap().is_none(), "no earlier file");
}

#[test]
fn a_filter_takes_what_it_names() {
    let Some(folder) = given_folder() else { return };
    let filter = ChainFilter {
        right: Some(OptionRight::Put),
        expiry_to: Some(date(2014, 6, 30)),
        strike_from: Some(60.0),
        strike_to: Some(70.0),
        ..ChainFilter::default()
    };
    let chain = on(&folder, "TWX", SecurityType::Option, "2014-06-06", filter);
    assert!(!chain.contracts.is_empty());
    for contract in &chain.contracts {
        assert_eq!((contract.right, contract.expiry), (Some(OptionRight::Put), Some(date(2014, 6, 21))));
        assert!((60.0..=70.0).contains(&contract.strike.unwrap()));
    }
}

#[test]
fn chains_of_indices_and_weeklies() {
    let Some(folder) = given_folder() else { return };
    let chain = on(&folder, "SPX", SecurityType::IndexOption, "2021-01-05", ChainFilter::default());
    // 20210115,3200,C,518.8800,537.5000,499.9000,530.1800,6,11755,0.4440336,..
    let first = &chain.contracts[0];
    assert_eq!(first.security.as_ref().unwrap().sid.to_string(), "SPX XL80P3GHIA9A|SPX 31");
    assert_eq!((first.open_interest, first.volume), (Some(11_755.0), Some(6.0)));
    let weekly = on(&folder, "SPXW", SecurityType::IndexOption, "2021-01-05", ChainFilter::default());
    let sid = &weekly.contracts[0].security.as_ref().unwrap().sid;
    assert_eq!((sid.symbol(), sid.underlying().unwrap().symbol()), ("SPXW", "SPX"));
}

#[test]
fn future_chains_name_contracts_by_their_month() {
    let Some(folder) = given_folder() else { return };
    let chain = on(&folder, "ES", SecurityType::Future, "2013-10-08", ChainFilter::default());
    // 201312,1669,1671.5,1646.5,1646.5,2109007,2723644 in 20131007.csv; expires on 20 December 2013, a third Friday.
    let front = &chain.contracts[0];
    assert_eq!((front.month.as_deref(), front.expiry), (Some("201312"), Some(date(2013, 12, 20))));
    assert_eq!(front.security.as_ref().unwrap().sid.to_string(), "ES VMKLFZIH2MTD");
    assert_eq!((front.close, front.open_interest), (Some(1_646.5), Some(2_723_644.0)));
    // Gold is traded at COMEX, which nobody had to say: 201310 expires on the third last business day, 29 October.
    let gold = on(&folder, "GC", SecurityType::Future, "2013-10-07", ChainFilter::default());
    assert_eq!(gold.contracts[0].security.as_ref().unwrap().sid.to_string(), "GC VL5E74HP3EE5");
}

#[test]
fn chains_of_options_on_futures_unite_the_underlying_contracts() {
    let Some(folder) = given_folder() else { return };
    let chain = on(&folder, "ES", SecurityType::FutureOption, "2020-01-07", ChainFilter::default());
    // 106 lines for March and 109 for June 2020, each with a header and an underlying.
    assert_eq!((chain.contracts.len(), chain.underlying.len()), (104 + 107, 2));
    assert_eq!(chain.underlying[0].volume, 904_566.0);
    let first = &chain.contracts[0];
    let sid = &first.security.as_ref().unwrap().sid;
    assert_eq!((first.month.as_deref(), first.strike, first.close), (Some("202003"), Some(3_000.0), Some(266.625)));
    assert_eq!((sid.date(), sid.underlying().unwrap().date()), (date(2020, 3, 20), date(2020, 3, 20)));
}

#[test]
fn history_of_a_chain_is_the_history_of_its_contracts() {
    let Some(folder) = given_folder() else { return };
    let filter = ChainFilter {
        right: Some(OptionRight::Call),
        strike_from: Some(100.0),
        strike_to: Some(100.0),
        ..ChainFilter::default()
    };
    let window = Window::dates(date(2014, 6, 5), date(2014, 6, 6));
    let request = HistoryRequest::new(Vec::<SymbolQuery>::new(), window, Resolution::Daily);
    let twx = SymbolQuery::new("TWX", SecurityType::Option);
    let history = chain::history(&folder, &twx, &filter, &request).unwrap();
    let tickers: Vec<&str> = history.series.iter().map(|series| series.security.ticker.as_str()).collect();
    assert!(tickers.contains(&"TWX   160115C00100000"), "{tickers:?}");
    let series = history.series.iter().find(|series| series.security.ticker == "TWX   160115C00100000").unwrap();
    assert_eq!(series.n_rows(), 2);
}

#[test]
fn a_greek_that_is_no_number_is_left_out_and_named() {
    let Some(folder) = given_folder() else { return };
    // Line 17 of spy/20240105.csv: 20240109,412,C,55.4850,58.7900,54.3800,56.0250,0,,0.5018704,0.9979429,0.0003795,
    // 0.0029132,-0.0218174,-0.0009296.0025941: the last cell, rho, is two numbers in one.
    let chain = on(&folder, "SPY", SecurityType::Option, "2024-01-06", ChainFilter::default());
    let is_it = |contract: &&chain::Contract| {
        (contract.strike, contract.right, contract.expiry)
            == (Some(412.0), Some(OptionRight::Call), Some(date(2024, 1, 9)))
    };
    let contract = chain.contracts.iter().find(is_it).unwrap();
    assert_eq!((contract.close, contract.theta, contract.rho), (Some(56.025), Some(-0.021_817_4), None));
    let notes: Vec<String> =
        chain.notes.iter().map(|note| format!("{}: {}", note.symbol.as_deref().unwrap_or("?"), note.text)).collect();
    let told = "SPY   240109C00412000: a greek in option/usa/universes/spy/20240105.csv, line 17, column 15 is no number; it is left out";
    assert_eq!(notes, [told]);
    // Not told to somebody who did not ask for the contract.
    let puts = ChainFilter { right: Some(OptionRight::Put), ..ChainFilter::default() };
    assert_eq!(on(&folder, "SPY", SecurityType::Option, "2024-01-06", puts).notes, []);
}

#[test]
fn a_book_reads_the_history_of_a_chain() {
    let Some(folder) = given_folder() else { return };
    let mut book = QuantBook::over(folder);
    book.set_start_date(date(2014, 6, 7));
    let twx = SymbolQuery::new("TWX", SecurityType::Option);
    let filter = ChainFilter {
        right: Some(OptionRight::Call),
        strike_from: Some(100.0),
        strike_to: Some(100.0),
        ..ChainFilter::default()
    };
    let days = (date(2014, 6, 5), date(2014, 6, 7));
    let history = book.option_history(twx, &filter, days, BarSize::Stored(Resolution::Daily)).unwrap();
    let series = history.series.iter().find(|series| series.security.ticker == "TWX   160115C00100000").unwrap();
    // (0.57 + 0.92) / 2 on the 5th; see the tests of options.
    assert!((series.closes().unwrap()[0] - 0.745).abs() < 1e-9);
    // ES of October 2013: the contracts listed in 20131004.csv and 20131007.csv, in the order of the files.
    book.set_start_date(date(2013, 10, 9));
    let es = SymbolQuery::new("ES", SecurityType::Future);
    let days = (date(2013, 10, 7), date(2013, 10, 9));
    let history = book.future_history(es, &ChainFilter::default(), days, BarSize::Stored(Resolution::Daily)).unwrap();
    assert_eq!(history.series[0].security.sid.to_string(), "ES VMKLFZIH2MTD");
    // 20131007 00:00,..,1668,..: the line of es_trade_201312.csv.
    assert_eq!(history.series[0].closes().unwrap()[0], 1_668.0);
}
