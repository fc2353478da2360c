//! Universes: the reference cases, and a fund that the tests write themselves.

use super::market::{self, FIRST};
use jiff::civil::date;
use qc_data::universe::{self, Collection};
use qc_data::write::Constituent;
use qc_data::{DataFolder, Error, Window};
use serde_json::Value;

#[test]
fn every_reference_universe_is_read_as_the_reference_reads_it() {
    let Some((file, folder)) = super::cases::given() else { return };
    let folder = DataFolder::open(folder).unwrap();
    for case in file["universe_cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let time = |key: &str| case[key].as_str().unwrap().parse().unwrap();
        let window = Window::range(time("start"), time("end"));
        let expected = case["collections"].as_array().unwrap();
        if name.starts_with("coarse") {
            let ours = universe::coarse_history(&folder, window).unwrap();
            assert_eq!(Some(ours.len() as u64), case["count"].as_u64(), "{name}");
            for (ours, theirs) in ours.iter().zip(expected) {
                same_head(name, ours, theirs);
                same_coarse(&ours.members, theirs);
            }
            continue;
        }
        let ticker = name.split_whitespace().nth(1).unwrap_or_else(|| panic!("unknown universe {name}"));
        assert!(name.starts_with("etf "), "unknown universe {name}");
        let etf = folder.resolve(&ticker.into()).unwrap();
        let ours = universe::etf_history(&folder, &etf, window).unwrap();
        assert_eq!(Some(ours.len() as u64), case["count"].as_u64(), "{name}");
        for (ours, theirs) in ours.iter().zip(expected) {
            same_head(name, ours, theirs);
            same_members(name, &ours.members, theirs);
        }
    }
}

fn same_head<T>(name: &str, ours: &Collection<T>, theirs: &Value) {
    assert_eq!(Some(ours.time.to_string().as_str()), theirs["time"].as_str(), "{name}");
    assert_eq!(Some(ours.is_filled), theirs["fill_forward"].as_bool(), "{name} {}", ours.time);
}

fn near(ours: f64, theirs: &Value) {
    let theirs = theirs.as_f64().or_else(|| theirs.as_str().and_then(|text| text.parse().ok())).unwrap();
    assert!((ours - theirs).abs() <= 1e-9 * theirs.abs(), "{ours}, expected {theirs}");
}

fn same_members(name: &str, ours: &[Constituent], theirs: &Value) {
    assert_eq!(Some(ours.len() as u64), theirs["constituents"].as_u64(), "{name}");
    near(ours.iter().filter_map(|member| member.weight).sum(), &theirs["sum_weight"]);
    let without = |cell: &dyn Fn(&Constituent) -> Option<f64>| ours.iter().filter(|m| cell(m).is_none()).count() as u64;
    assert_eq!(Some(without(&|m| m.weight)), theirs["null_weight"].as_u64());
    assert_eq!(Some(without(&|m| m.market_value)), theirs["null_market_value"].as_u64());
    let first = &theirs["first"];
    assert_eq!(Some(ours[0].ticker.as_str()), first["ticker"].as_str());
    assert_eq!(Some(ours[0].sid.as_str()), first["sid"].as_str());
    if let Some(aapl) = theirs["aapl"].as_array() {
        let ours = ours.iter().find(|member| member.ticker == "AAPL").unwrap();
        assert_eq!(Some(ours.sid.as_str()), aapl[1].as_str());
        assert_eq!(ours.last_update.unwrap().to_string().replace('-', ""), aapl[2].as_str().unwrap());
        near(ours.weight.unwrap(), &aapl[3]);
        near(ours.shares_held.unwrap(), &aapl[4]);
    }
}

fn same_coarse(ours: &[universe::Coarse], theirs: &Value) {
    assert_eq!(Some(ours.len() as u64), theirs["rows"].as_u64());
    near(ours.iter().map(|row| row.dollar_volume).sum(), &theirs["sum_dollar_volume"]);
    let with_data = ours.iter().filter(|row| row.has_fundamental_data).count() as u64;
    assert_eq!(Some(with_data), theirs["has_fundamental_true"].as_u64());
    let aapl = ours.iter().find(|row| row.ticker == "AAPL").unwrap();
    near(aapl.adjusted_price(), &theirs["aapl_adjusted_price"]);
    near(aapl.price, &theirs["aapl"][2]);
    near(aapl.volume, &theirs["aapl"][3]);
}

#[test]
fn members_are_known_the_day_after_and_repeated_on_open_days() {
    let market = market::write();
    let folder = market.folder();
    let fund = folder.resolve(&"FUND".into()).unwrap();
    let window = Window::range(date(2019, 6, 3).into(), date(2019, 6, 8).into());
    let collections = universe::etf_history(&folder, &fund, window).unwrap();
    let times: Vec<String> = collections.iter().map(|c| c.time.date().to_string()).collect();
    assert_eq!(times, ["2019-06-04", "2019-06-05", "2019-06-06", "2019-06-07", "2019-06-08"]);
    assert_eq!(collections.iter().filter(|c| !c.is_filled).count(), 1);
    assert!(universe::etf_on(&folder, &fund, date(2019, 6, 3)).unwrap().is_none(), "not known on its own day");
    let known = universe::etf_on(&folder, &fund, date(2019, 12, 1)).unwrap().unwrap();
    assert_eq!((known.file_date, known.members.len()), (date(2019, 6, 3), 1));
    let none = folder.resolve(&"NEW".into()).unwrap();
    assert!(universe::etf_on(&folder, &none, FIRST).unwrap().is_none());
}

#[test]
fn damaged_members_are_named() {
    let market = market::write();
    std::fs::write(market.path_of("equity/usa/universes/etf/fund/20190603.csv"), "NEW,OLD 2T,20190603,x\n").unwrap();
    let folder = market.folder();
    let fund = folder.resolve(&"FUND".into()).unwrap();
    let error = universe::etf_on(&folder, &fund, date(2019, 7, 1)).unwrap_err();
    assert!(matches!(&error, Error::Cell { line: 1, column: 4, .. }), "{error}");
}
