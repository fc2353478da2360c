//! Security identifiers and tickers of the reference file.

use qc_data::sid::{OptionRight, OptionStyle};
use qc_data::{DataFolder, Sid, SymbolQuery};
use serde_json::Value;

#[test]
fn every_reference_identifier_decodes_and_prints_as_published() {
    let Some((file, _)) = super::cases::given() else { return };
    for vector in file["sid_vectors"].as_array().unwrap() {
        let text = vector["sid"].as_str().unwrap();
        let sid: Sid = text.parse().unwrap();
        assert_eq!(sid.to_string(), text);
        check(&sid, vector);
    }
}

fn check(sid: &Sid, vector: &Value) {
    let text = |key: &str| vector[key].as_str().unwrap();
    assert_eq!(sid.symbol(), text("symbol"));
    assert_eq!(sid.security_type().folder(), text("security_type"));
    assert_eq!(sid.market(), text("market"));
    assert_eq!(sid.date().to_string(), text("date"));
    assert_eq!(sid.strike().as_f64(), text("strike").parse::<f64>().unwrap());
    assert_eq!(matches!(sid.right(), OptionRight::Put), text("right") == "put");
    assert_eq!(matches!(sid.style(), OptionStyle::European), text("style") == "european");
    match sid.underlying() {
        Some(underlying) => check(underlying, &vector["underlying"]),
        None => assert!(vector["underlying"].is_null()),
    }
}

#[test]
fn tickers_mean_the_company_that_used_them() {
    let Some((_, folder)) = super::cases::given() else { return };
    let folder = DataFolder::open(folder).unwrap();
    let sid = |ticker: &str, date: Option<&str>| {
        let mut query = SymbolQuery::from(ticker);
        if let SymbolQuery::Ticker { date: day, .. } = &mut query {
            *day = date.map(|date| date.parse().unwrap());
        }
        folder.resolve(&query).unwrap().sid.to_string()
    };
    for (ticker, date, expected) in [
        ("AAPL", None, "AAPL R735QTJ8XC9X"),
        ("bac", None, "NB R735QTJ8XC9X"),
        ("GOOG", None, "GOOCV VP83T1ZUHROL"),
        ("GOOG", Some("2014-04-02"), "GOOG T1AZ164W5VTX"),
        ("GOOG", Some("2014-04-03"), "GOOCV VP83T1ZUHROL"),
        ("GOOGL", None, "GOOG T1AZ164W5VTX"),
        ("FB", Some("2003-01-02"), "FB ROGEM6TFIF6T"),
        ("FB", None, "FB V6OIPNZEM8V9"),
        ("AMZN", None, "AMZN 2T"),
    ] {
        assert_eq!(sid(ticker, date), expected, "{ticker} {date:?}");
    }
}
