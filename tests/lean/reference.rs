//! Reference data of the sample folder: values quoted from its files.

use super::cases::given_folder;
use super::market;
use jiff::civil::date;
use qc_data::reference::{self, InterestRate};
use qc_data::universe;
use qc_data::{Error, Resolution, SecurityType, SymbolQuery, Window};

#[test]
fn rates_are_fractions_carried_forward() {
    let Some(folder) = given_folder() else { return };
    let rate: InterestRate = reference::interest_rate(&folder).unwrap();
    // 2003-01-09,2.25 / 2003-06-26,2.00: percent a year
    assert_eq!((rate.on(date(2003, 6, 25)), rate.on(date(2003, 6, 26))), (0.0225, 0.02));
    assert_eq!((rate.on(date(1998, 1, 1)), rate.from_file), (0.0225, true));
}

#[test]
fn without_a_file_the_rate_is_leans_one_percent() {
    let market = market::write();
    let rate = reference::interest_rate(&market.folder()).unwrap();
    assert_eq!((rate.on(date(2019, 1, 1)), rate.from_file), (0.01, false));
}

#[test]
fn shares_to_borrow_with_rates_as_fractions() {
    let Some(folder) = given_folder() else { return };
    let aapl = folder.resolve(&"AAPL".into()).unwrap();
    // 20131004,1000,3.8500,  and for SPY  20131004,1000,,0.2500
    let first = &reference::shortable(&folder, "testbrokerage", &aapl).unwrap()[0];
    assert_eq!((first.date, first.quantity, first.fee_rate), (date(2013, 10, 4), Some(1_000.0), 0.0));
    assert!((first.rebate_rate - 0.0385).abs() < 1e-15);
    let spy = folder.resolve(&"SPY".into()).unwrap();
    assert_eq!(reference::shortable(&folder, "testbrokerage", &spy).unwrap()[0].fee_rate, 0.0025);
    let all = reference::shortable_on(&folder, "usa", "testbrokerage", date(2014, 3, 25)).unwrap();
    assert_eq!(all[0], ("AAPL".to_owned(), 400.0));
    let none = reference::shortable(&folder, "nobody", &spy).unwrap();
    assert!(none.is_empty());
    assert!(matches!(reference::shortable(&folder, "../x", &spy), Err(Error::BadName { .. })));
}

#[test]
fn margins_and_funding() {
    let Some(folder) = given_folder() else { return };
    let es = folder.resolve(&SymbolQuery::new("ES", SecurityType::Future)).unwrap();
    // 20120326,4375,3500
    let first = reference::margins(&folder, &es).unwrap()[0];
    assert_eq!((first.from, first.initial, first.maintenance), (date(2012, 3, 26), 4_375.0, 3_500.0));
    let btc = folder.resolve(&SymbolQuery::new("BTCUSD", SecurityType::CryptoFuture)).unwrap();
    // 20201229 08:00:00,0.00046053
    let second = reference::funding(&folder, &btc).unwrap()[1];
    assert_eq!((second.time.to_string().as_str(), second.rate), ("2020-12-29 08:00:00", 0.000_460_53));
}

#[test]
fn properties_and_foreign_identifiers() {
    let Some(folder) = given_folder() else { return };
    let wheat = SymbolQuery::new("KE", SecurityType::Future);
    let wheat = folder.resolve(&wheat).unwrap();
    assert_eq!(wheat.market.as_str(), "cbot", "the database knows where it is traded");
    // cbot,KE,future,KC HRW Wheat Futures,USD,5000.0,0.0025,1.0,,1,100
    let properties = reference::properties(&folder, &wheat).unwrap().unwrap();
    assert_eq!((properties.contract_multiplier, properties.price_magnifier), (5_000.0, 100.0));
    let canada = folder.resolve(&SymbolQuery::new("6C", SecurityType::Future)).unwrap();
    let step = reference::properties(&folder, &canada).unwrap().unwrap().minimum_price_variation;
    assert_eq!(step, Some(5e-5), "written as 5e-05");
    let aapl = folder.resolve(&"AAPL".into()).unwrap();
    assert_eq!(reference::security_ids(&folder, &aapl.sid).unwrap().unwrap().isin.as_deref(), Some("US0378331005"));
}

#[test]
fn a_named_universe_may_select_nobody() {
    let Some(folder) = given_folder() else { return };
    let window = Window::dates(date(2013, 10, 8), date(2013, 10, 10));
    let days = universe::constituent_history(&folder, "usa", Resolution::Daily, "qctest", window).unwrap();
    // 20131007.csv: AAPL, QQQ; 20131008.csv: NONE; 20131009.csv: FB, SPY; each known the day after
    let names: Vec<Vec<&str>> =
        days.iter().map(|day| day.members.iter().map(|member| member.ticker.as_str()).collect()).collect();
    assert_eq!(names, [vec!["AAPL", "QQQ"], vec![], vec!["FB", "SPY"]]);
}
