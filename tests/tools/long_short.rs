//! Long the best, short the worst: what was known then alone decides, legs keep their caps, betas cancel out.

use qc_sim::{FolderMode, SimOptions};
use serde_json::{Value, json};
use support::session::Session;

const NAMES: [&str; 10] = ["KO", "PEP", "CVX", "XOM", "AAPL", "MSFT", "AMZN", "GOOGL", "WMT", "QQQ"];

async fn session() -> Session {
    let options = SimOptions { folder: FolderMode::Temporary, ..SimOptions::default() };
    Session::with(&["--toolsets", "all", "--demo"], options).await
}

fn ask(more: Value) -> Value {
    let mut all = json!({"universe": NAMES, "signals": ["momentum_12_1", "volatility"], "start_date": "2018-01-02",
        "end_date": "2020-12-31"});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

async fn kept(session: &Session, answer: &Value) -> Value {
    let uri = format!("qc://research/{}", answer["research_id"].as_str().unwrap());
    serde_json::from_str::<Value>(&session.read(&uri).await.unwrap()).unwrap()["result"].clone()
}

fn weights(of: &Value) -> Vec<(String, f64)> {
    of.as_object().unwrap().iter().map(|(name, weight)| (name.clone(), weight.as_f64().unwrap())).collect()
}

#[tokio::test]
async fn legs_are_sized_capped_neutral_and_scaled() {
    let session = session().await;
    let more =
        json!({"sizing": "hrp", "max_weight": 0.4, "beta_neutral_to": "SPY", "target_volatility": 0.1, "cost_bps": 5});
    let found = session.ok("build_long_short_portfolio", ask(more)).await;
    let result = kept(&session, &found).await;
    let choices = result["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 36, "the close before the start, then the end of each month but the last: {found}");
    for choice in choices {
        let (long, short): (Vec<f64>, Vec<f64>) =
            weights(&choice["weights"]).into_iter().map(|(_, w)| w).partition(|w| 0.0 < *w);
        assert_eq!((json!(long.len()), json!(short.len())), (choice["long"].clone(), choice["short"].clone()));
        for leg in [&long, &short] {
            let total: f64 = leg.iter().map(|weight| weight.abs()).sum();
            assert!(leg.iter().all(|weight| weight.abs() <= 0.4 * total + 1e-9), "{choice}");
        }
        assert!(choice["beta_before"].as_f64().unwrap().abs() < 1e-9, "{choice}");
        let volatility = choice["volatility_before"].as_f64().unwrap();
        assert!((volatility - 0.1).abs() < 1e-9 || volatility < 0.1, "{choice}");
    }
    let values = result["equity"]["value"].as_array().unwrap();
    let (first, last) = (values[0].as_f64().unwrap(), values.last().unwrap().as_f64().unwrap());
    let total = found["performance_metrics"]["total_return"].as_f64().unwrap();
    assert!((last / first - 1.0 - total).abs() < 1e-9, "{found}");
    assert!(found["benchmark_comparison"]["beta"].as_f64().unwrap().abs() < 0.6, "{found}");
    assert_eq!(first, 1.0, "before the first purchase, whose costs are in the first return");
    // The result is an account and weights that other tools take.
    let id = format!("qc://research/{}", found["research_id"].as_str().unwrap());
    let sheet = json!({"series": id, "start_date": "2018-01-02", "end_date": "2020-12-31", "benchmark_symbol": "SPY"});
    let sheet = session.ok("create_tear_sheet", sheet).await;
    let (a, b) = (&sheet["performance_metrics"]["sharpe_ratio"], &found["performance_metrics"]["sharpe_ratio"]);
    assert!((a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-3, "{a} {b}");
    let code = session.ok("export_strategy", json!({"kind": "target_weights", "weights": id})).await;
    assert!(code["content"].as_str().unwrap().contains("WEIGHTS"), "{code}");
}

#[tokio::test]
async fn a_choice_knows_nothing_of_what_comes_later() {
    let session = session().await;
    let long = session.ok("build_long_short_portfolio", ask(json!({}))).await;
    let mut shorter = ask(json!({}));
    shorter["end_date"] = json!("2019-06-28");
    let short = session.ok("build_long_short_portfolio", shorter).await;
    let (all, some) = (kept(&session, &long).await, kept(&session, &short).await);
    let (all, some) = (all["choices"].as_array().unwrap(), some["choices"].as_array().unwrap());
    assert!(some.len() < all.len());
    assert_eq!(some[..], all[..some.len()], "choices do not change when later days are read");
}

#[tokio::test]
async fn a_measurement_before_the_choice_says_in_sample_first() {
    let session = session().await;
    let inside = ask(json!({"rebalance": "none", "as_of": "2020-06-30"}));
    let text = session.call("build_long_short_portfolio", inside).await.text();
    assert!(text.starts_with("IN-SAMPLE: the portfolio was chosen on 2020-06-30"), "{text}");
    let mut after = ask(json!({"rebalance": "none", "as_of": "2017-12-29"}));
    after["start_date"] = json!("2018-01-02");
    let text = session.call("build_long_short_portfolio", after).await.text();
    assert!(!text.contains("IN-SAMPLE"), "{text}");
    for (bad, word) in [
        (json!({"as_of": "2020-06-30"}), "rebalance=none"),
        (json!({"signals": ["charm"]}), "no signal"),
        (json!({"signals": []}), "empty"),
        (json!({"quantiles": 9}), "no portfolio could be formed"),
        (json!({"gross": 9}), "gross"),
        (json!({"max_weight": 2}), "max_weight"),
        (json!({"start_date": "2015-02-02"}), "rows before the first choice"),
        (json!({"attribute_filters": ["sector in Energy"]}), "need attributes"),
    ] {
        let text = session.err("build_long_short_portfolio", ask(bad.clone())).await;
        assert!(text.contains(word), "{bad}: {text}");
    }
}

#[tokio::test]
async fn members_of_a_fund_are_those_that_were_known_on_each_day() {
    let session = session().await;
    let more = json!({"universe": ["etf:SPY"], "quantiles": 2, "start_date": "2022-07-01", "end_date": "2023-03-31"});
    let found = session.ok("build_long_short_portfolio", ask(more.clone())).await;
    assert_eq!(found["universe"]["funds"][0]["etf"], "SPY", "{found}");
    let result = kept(&session, &found).await;
    // Twitter was a member until it was bought; it was chosen, and never after the first file without it.
    let with_it = |choice: &Value| choice["weights"].get("TWTR").is_some();
    let choices = result["choices"].as_array().unwrap();
    let (before, after): (Vec<&Value>, Vec<&Value>) =
        choices.iter().partition(|choice| choice["day"].as_str().unwrap() < "2022-10-28");
    assert!(before.iter().all(|choice| with_it(choice)) && !before.is_empty(), "{result}");
    assert!(!after.iter().any(|choice| with_it(choice)) && !after.is_empty(), "{result}");
    // Each choice had as many to choose from as the fund had members, by an answer that shares nothing with it.
    for choice in choices {
        let asked = json!({"etf_ticker": "SPY", "date": choice["day"]});
        let members = session.ok("get_etf_constituents", asked).await;
        // Its last day of trading was 27 October; the file of the 30th of September had it still.
        let gone = u64::from(choice["day"] == "2022-10-31");
        assert_eq!(choice["eligible"].as_u64(), members["n_members"].as_u64().map(|n| n - gone), "{choice} {members}");
    }
    // One list, of a day before the sale, keeps it as long as it has prices; funds and names may be mixed.
    let mut mixed = more;
    mixed["universe"] = json!(["etf:QQQ", "KO", "JPM"]);
    let found = session.ok("build_long_short_portfolio", ask(mixed)).await;
    let result = kept(&session, &found).await;
    assert!(result["choices"][0]["weights"].get("KO").is_some(), "{result}");
    let text = session.err("build_long_short_portfolio", ask(json!({"universe": ["etf:KO"]}))).await;
    assert!(text.contains("no constituents of KO"), "{text}");
}
