//! The oddities of the real service are there by default, on the wire, and the client reads through them.

use qc_api::endpoints;
use qc_api::ids::ProjectId;
use qc_sim::{Quirks, Sim, SimOptions, seed};
use serde_json::{Value, json};

use crate::by_hand::ask;
use crate::{backtested, built, grid, live, session};

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

#[tokio::test]
async fn every_oddity_is_on_by_default_and_has_a_switch_of_its_own() {
    // What to ask, where to look, how it looks with the oddity and without.
    type Case = (&'static str, fn(&mut Quirks) -> &mut bool, &'static str, &'static str, &'static str);
    const CASES: [Case; 7] = [
        (
            "empty maps",
            |q| &mut q.empty_maps_as_lists,
            "backtests/read",
            r#""parameterSet":[]"#,
            r#""parameterSet":{}"#,
        ),
        (
            "dates",
            |q| &mut q.space_dates,
            "backtests/read",
            r#""created":"2026-01-05 14:31:00""#,
            r#""created":"2026-01-05T14:31:00Z""#,
        ),
        ("decimals", |q| &mut q.decimals_as_text, "backtests/read", r#""winRate":""#, r#""winRate":0."#),
        ("slashes", |q| &mut q.escaped_slashes, "files/read", r"a\/b.py", "a/b.py"),
        ("flags", |q| &mut q.flags_as_numbers, "projects/nodes/read", r#""hasGpu":0"#, r#""hasGpu":false"#),
        (
            "lists",
            |q| &mut q.numbered_statistics_as_lists,
            "optimizations/read",
            r#""statistics":["#,
            r#""statistics":{""#,
        ),
        ("form", |q| &mut q.form_flags_as_text, "projects/read", r#""autoRestart":"false""#, r#""autoRestart":false"#),
    ];
    for (name, switch, path, with, without) in CASES {
        for is_on in [true, false] {
            let mut quirks = Quirks::default();
            assert!(*switch(&mut quirks), "{name} is off by default");
            *switch(&mut quirks) = is_on;
            let sim = Sim::start_with(SimOptions { quirks, ..SimOptions::default() }).await.unwrap();
            let text = shown(&sim, path).await;
            let (wanted, other) = if is_on { (with, without) } else { (without, with) };
            assert!(text.contains(wanted), "{name} {is_on}: {wanted} in {text:.2000}");
            assert!(!text.contains(other), "{name} {is_on}: {other}");
        }
    }
}

/// The bytes of an answer about a project with a backtest, an optimization and a deployment.
async fn shown(sim: &Sim, path: &str) -> String {
    let client = sim.client().unwrap();
    let project_id = ProjectId(seed::PAIR_PROJECT_ID);
    let backtest = backtested(sim, &client, project_id).await;
    live::deployed(sim, &client, project_id).await;
    let compile_id = built(sim, &client, project_id).await;
    let slash = json!({ "projectId": project_id, "name": "a/b.py", "content": "x" });
    raw(&client, "files/create", slash).await;
    let grid = serde_json::to_value(grid(project_id, compile_id)).unwrap();
    let made = raw(&client, "optimizations/create", grid).await["optimizations"][0]["optimizationId"].clone();
    sim.clock().advance(std::time::Duration::from_secs(600));
    let body = json!({ "projectId": project_id, "backtestId": backtest.backtest_id, "optimizationId": made });
    let answer =
        ask(sim, &format!("POST /{path}"), &["Content-Type: application/json"], body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 200);
    answer.text()
}
