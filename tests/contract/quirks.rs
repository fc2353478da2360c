//! The oddities of the real service are there by default, on the wire, and the client reads through them.

use qc_api::endpoints;
use qc_sim::{Quirks, Sim, SimOptions, seed};
use serde_json::{Value, json};

use crate::{backtested, session};

async fn raw(client: &qc_api::Client, path: &str, body: Value) -> Value {
    let info = endpoints().find(|info| info.path == path).unwrap();
    client.send_raw(info, &body).await.unwrap()
}

#[tokio::test]
async fn empty_maps_are_lists_dates_have_a_space_and_decimals_are_text() {
    let (sim, client) = session().await;
    let project_id = seed::PAIR_PROJECT_ID;
    let backtest = backtested(&sim, &client, project_id.into()).await;
    let body = json!({ "projectId": project_id, "backtestId": backtest.backtest_id });
    let answer = raw(&client, "backtests/read", body.clone()).await;
    let shown = &answer["backtest"];
    assert_eq!(shown["parameterSet"], json!([]));
    assert_eq!(shown["created"], json!("2026-01-05 14:31:00"));
    assert!(shown["totalPerformance"]["portfolioStatistics"]["sharpeRatio"].is_string());
    let mut window = body;
    window["start"] = json!(0);
    window["end"] = json!(1);
    let orders = raw(&client, "backtests/orders/read", window).await;
    assert_eq!(orders["orders"][0]["properties"]["timeInForce"], json!([]));
    assert!(orders["orders"][0]["time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn client_and_simulator_agree_without_the_oddities_too() {
    let dressed = session().await;
    let plain_sim = Sim::start_with(SimOptions { quirks: Quirks::NONE, ..SimOptions::default() }).await.unwrap();
    let plain = plain_sim.client().unwrap();
    let a = backtested(&dressed.0, &dressed.1, seed::BASKET_PROJECT_ID.into()).await;
    let b = backtested(&plain_sim, &plain, seed::BASKET_PROJECT_ID.into()).await;
    assert_eq!(a.statistics, b.statistics);
    assert_eq!(a.created, b.created);
    let sharpe = |backtest: &qc_api::model::Backtest| {
        backtest.total_performance.as_ref().unwrap().portfolio_statistics.as_ref().unwrap().sharpe_ratio.unwrap()
    };
    // Four decimal places survive the way through text.
    assert!((sharpe(&a) - sharpe(&b)).abs() <= 5e-5);
}
