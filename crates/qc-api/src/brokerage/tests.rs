//! Every brokerage: what it needs, what is refused, and when it is certainly paper.

use serde_json::{Map as Members, Value, json};

use super::specs::BROKERAGES;
use super::*;

const SECRET: &str = "s3cr3t-value";

/// Settings that fit a row: texts are secrets, words the first allowed one.
fn settings(spec: &Spec) -> Members<String, Value> {
    let mut members = Members::new();
    members.insert("id".into(), spec.id.into());
    for field in spec.fields.iter().filter(|field| field.required) {
        let value = match field.form {
            Form::Text => SECRET.into(),
            Form::OneOf(words) => words[0].into(),
            Form::Integer => json!(8194),
            Form::Flag => json!(true),
            Form::Time => "22:00:00".into(),
        };
        members.insert(field.name.into(), value);
    }
    if spec.cash == Extra::Required {
        members.insert("cash".into(), json!([{"amount": 1000.0, "currency": "USD"}]));
    }
    members
}

fn read(members: &Members<String, Value>) -> Result<Brokerage> {
    Brokerage::from_json(&Value::Object(members.clone()).to_string())
}

fn money(json: Value) -> Money {
    Brokerage::from_json(&json.to_string()).unwrap().money()
}

#[test]
fn every_brokerage_takes_what_it_needs_and_sends_it_unchanged() {
    for spec in BROKERAGES {
        let members = settings(spec);
        let brokerage = read(&members).unwrap();
        assert_eq!(brokerage.spec().title, spec.title);
        assert_eq!(serde_json::to_value(&brokerage).unwrap(), Value::Object(members), "{}", spec.title);
    }
    assert_eq!(BROKERAGES.len(), 23);
}

#[test]
fn every_missing_member_is_named() {
    for spec in BROKERAGES {
        for field in spec.fields.iter().filter(|field| field.required) {
            let mut members = settings(spec);
            members.shift_remove(field.name);
            let error = read(&members).unwrap_err().to_string();
            assert!(error.contains(field.name) && !error.contains(SECRET), "{error}");
        }
    }
}

#[test]
fn unknown_doubled_and_misspelled_members_are_refused_without_their_values() {
    for spec in BROKERAGES {
        let mut members = settings(spec);
        members.insert("environment".into(), SECRET.into());
        let error = read(&members).unwrap_err().to_string();
        assert!(error.contains("environment is not known") && !error.contains(SECRET), "{error}");
        for field in spec.fields {
            let mut members = settings(spec);
            if let Form::OneOf(words) = field.form {
                for wrong in [words[0].to_uppercase(), format!("{} ", words[0]), SECRET.to_owned()] {
                    if words.contains(&wrong.as_str()) {
                        continue;
                    }
                    members.insert(field.name.into(), wrong.into());
                    let error = read(&members).unwrap_err().to_string();
                    assert!(error.contains(field.name) && !error.contains(SECRET), "{error}");
                }
            }
        }
    }
    let doubled = r#"{"id":"AlpacaBrokerage","alpaca-access-token":"t","alpaca-environment":"paper","alpaca-environment":"live"}"#;
    assert!(Brokerage::from_json(doubled).unwrap_err().to_string().contains("alpaca-environment stands twice"));
    assert!(Brokerage::from_json(r#"{"id":"Robinhood"}"#).unwrap_err().to_string().contains("Robinhood"));
    assert!(Brokerage::from_json(r#"{"id":"QuantConnectBrokerage","id":"KrakenBrokerage"}"#).is_err());
    assert!(Brokerage::from_json(r#"{}"#).is_err());
}

#[test]
fn nothing_prints_a_setting() {
    for spec in BROKERAGES {
        let brokerage = read(&settings(spec)).unwrap();
        assert!(!format!("{brokerage:?}").contains(SECRET), "{brokerage:?}");
        if let Some(provider) = DataProvider::of(&brokerage) {
            assert!(!format!("{provider:?}").contains(SECRET), "{provider:?}");
        }
    }
}

#[test]
fn paper_is_paper_only_as_listed() {
    // Every brokerage, with every combination of its words: paper exactly where the list says so.
    let listed = |brokerage: &Brokerage| {
        let word = |name| brokerage.text(name).unwrap_or_default();
        match brokerage.id() {
            "QuantConnectBrokerage" => true,
            "AlpacaBrokerage" => word("alpaca-environment") == "paper",
            "TradierBrokerage" => word("tradier-environment") == "paper",
            "TradeStationBrokerage" => word("trade-station-environment") == "paper",
            "OandaBrokerage" => word("oanda-environment") == "Practice",
            "TradingTechnologiesBrokerage" => word("tt-rest-environment") == "uat",
            "BinanceBrokerage" => brokerage.spec().title == "Binance" && word("binance-use-testnet") == "paper",
            "BybitBrokerage" => word("bybit-use-testnet") == "paper",
            _ => false, // the account below is no paper account of Interactive Brokers
        }
    };
    let (mut paper, mut real) = (0, 0);
    for spec in BROKERAGES {
        for field in spec.fields.iter() {
            let Form::OneOf(words) = field.form else { continue };
            for word in words {
                let mut members = settings(spec);
                members.insert(field.name.into(), (*word).into());
                let brokerage = read(&members).unwrap();
                let expected = if listed(&brokerage) { Money::Paper } else { Money::Real };
                assert_eq!(brokerage.money(), expected, "{brokerage:?}");
                *(if expected == Money::Paper { &mut paper } else { &mut real }) += 1;
            }
        }
        let plain = read(&settings(spec)).unwrap();
        assert_eq!(plain.money() == Money::Paper, listed(&plain), "{plain:?}");
    }
    assert!(6 <= paper && 10 <= real, "{paper} {real}");
}

#[test]
fn interactive_brokers_is_judged_by_account_and_mode() {
    let ib = |account: &str, mode: Option<&str>| {
        let mut members = json!({
            "id": "InteractiveBrokersBrokerage", "ib-user-name": "u", "ib-password": "p",
            "ib-weekly-restart-utc-time": "22:00:00", "ib-account": account,
        });
        if let Some(mode) = mode {
            members["ib-trading-mode"] = mode.into();
        }
        money(members)
    };
    assert_eq!(ib("DU1234567", None), Money::Paper);
    assert_eq!(ib("DU1234567", Some("paper")), Money::Paper);
    assert_eq!(ib("DU1234567", Some("live")), Money::Real);
    for account in ["U1234567", "DU", "DUX123", "du1234567", "DU123 ", " DU123", "F123", "DF123"] {
        assert_eq!(ib(account, None), Money::Real, "{account}");
        assert_eq!(ib(account, Some("paper")), Money::Real, "{account}");
    }
}

#[test]
fn futures_of_binance_have_no_testnet_and_are_real() {
    let members = json!({
        "id": "BinanceBrokerage", "binance-exchange-name": "Binance-USDM-Futures", "binance-api-key": "k",
        "binance-api-secret": "s", "binance-use-testnet": "paper",
    });
    assert!(Brokerage::from_json(&members.to_string()).unwrap_err().to_string().contains("binance-use-testnet"));
}

#[test]
fn sources_of_data_have_their_own_rules() {
    let read = |json: Value| serde_json::from_str::<DataProvider>(&json.to_string()).map_err(|error| error.to_string());
    assert!(read(json!({"id": "QuantConnectBrokerage"})).is_ok());
    assert!(read(json!({"id": "Polygon", "polygon-api-key": "k"})).is_ok());
    assert!(read(json!({"id": "Polygon"})).unwrap_err().contains("polygon-api-key"));
    assert!(read(json!({"id": "AlpacaBrokerage", "alpaca-api-key": "k", "alpaca-api-secret": "s"})).is_ok());
    assert!(read(json!({"id": "AlpacaBrokerage", "alpaca-access-token": "t"})).is_err());
    assert!(read(json!({"id": "RBIBrokerage", "rbi-account": "a"})).unwrap_err().contains("gives no data"));
    assert!(read(json!({"id": "QuantConnectBrokerage", "cash": []})).is_err());
}

#[test]
fn an_account_shows_its_last_four_characters() {
    let account = |account: &str| {
        let json = json!({"id": "RBIBrokerage", "rbi-on-behalf-of-comp-id": "c", "rbi-account": account});
        Brokerage::from_json(&json.to_string()).unwrap().masked_account().unwrap()
    };
    assert_eq!(account("DU1234567"), "****4567");
    assert_eq!(account("12"), "****2");
}

#[test]
fn a_running_deployment_is_paper_only_under_one_name() {
    assert_eq!(Money::of_running(Some("PaperBrokerage")), Money::Paper);
    for name in ["AlpacaBrokerage", "paperbrokerage", "PaperBrokerage ", "Paper", "QuantConnectBrokerage", ""] {
        assert_eq!(Money::of_running(Some(name)), Money::Real, "{name}");
    }
    assert_eq!(Money::of_running(None), Money::Real);
}
