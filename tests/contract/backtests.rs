//! Backtests: started, followed, read in pieces; and all pieces tell the same story.

use std::time::Duration;

use qc_api::endpoints::backtests::{
    CreateBacktest, DeleteBacktest, ListBacktests, ReadBacktest, ReadBacktestChart, ReadBacktestInsights,
    ReadBacktestLogs, ReadBacktestOrders, ReadBacktestReport, ReadBacktestTrades, UpdateBacktest, UpdateBacktestTags,
};
use qc_api::endpoints::compile::CreateCompile;
use qc_api::endpoints::files::UpdateFileContent;
use qc_api::endpoints::projects::CreateProject;
use qc_api::ids::{BacktestId, CompileId, ProjectId};
use qc_api::model::{Backtest, Chart, Language, Order, OrderStatus};
use qc_api::{Client, paging};
use qc_sim::{Sim, SimOptions, seed};

use crate::{algorithm, backtested, built, project_with, read, second_client, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);
const BASKET: ProjectId = ProjectId(seed::BASKET_PROJECT_ID);

fn start(project_id: ProjectId, compile_id: &CompileId) -> CreateBacktest {
    let (compile_id, backtest_name) = (compile_id.clone(), "Run".to_owned());
    CreateBacktest { project_id, compile_id, backtest_name, ..CreateBacktest::default() }
}

/// A chart, waited for as the service wants it.
async fn chart(sim: &Sim, client: &Client, backtest: &Backtest, name: &str) -> Chart {
    let request = ReadBacktestChart {
        project_id: backtest.project_id.unwrap(),
        backtest_id: backtest.backtest_id.clone(),
        name: name.into(),
        count: 10_000,
        ..ReadBacktestChart::default()
    };
    let loading = client.send(&request).await.unwrap();
    assert_eq!((loading.chart, loading.status.as_deref()), (None, Some("loading")));
    sim.clock().advance(Duration::from_secs(5));
    client.send(&request).await.unwrap().chart.unwrap()
}

async fn orders(client: &Client, backtest: &Backtest) -> Vec<Order> {
    let request = ReadBacktestOrders {
        project_id: backtest.project_id.unwrap(),
        backtest_id: backtest.backtest_id.clone(),
        start: 0,
        end: 100,
    };
    paging::collect(request, 0, usize::MAX, |request| {
        let client = client.clone();
        async move { client.send(&request).await }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_backtest_waits_runs_and_completes() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let created = client.send(&start(PAIR, &compile_id)).await.unwrap().backtest;
    assert!(created.status.is_queued() && !created.completed && created.parameter_set.is_empty());
    sim.clock().advance(Duration::from_secs(20));
    let running = read(&client, PAIR, created.backtest_id.clone()).await;
    assert_eq!(running.status.running(), running.progress);
    assert_eq!((running.progress, running.is_finished()), (Some(0.5), false));
    // Complete, but for a moment without its statistics: not the end yet.
    sim.clock().advance(Duration::from_secs(16));
    let early = read(&client, PAIR, created.backtest_id.clone()).await;
    assert!(early.completed && early.statistics.is_empty() && early.total_performance.is_none());
    assert!(!early.is_finished() && early.failure().is_none());
    sim.clock().advance(Duration::from_secs(4));
    let done = read(&client, PAIR, created.backtest_id).await;
    assert!(done.is_finished() && done.status.is_completed() && done.failure().is_none());
    assert!(done.total_performance.is_some());
}

#[tokio::test]
async fn statistics_charts_orders_and_trades_tell_one_story() {
    let (sim, client) = session().await;
    let backtest = backtested(&sim, &client, BASKET).await;
    let orders = orders(&client, &backtest).await;
    assert!(100 < orders.len(), "the story needs more than one page of orders, has {}", orders.len());
    assert_eq!(backtest.statistics.text("Total Orders"), Some(orders.len().to_string().as_str()));
    assert!(orders.iter().all(|order| order.status == Some(OrderStatus::Filled)));

    // The cash that the fills leave is the last point of the equity chart and the statistic.
    let spent: f64 = orders.iter().map(|order| order.value.unwrap()).sum();
    let fees: f64 = orders.iter().flat_map(|order| &order.events).filter_map(|event| event.order_fee_amount).sum();
    let end = 250_000.0 - spent - fees;
    let equity = chart(&sim, &client, &backtest, "Strategy Equity").await;
    let curve = &equity.series["Equity"].values;
    assert!((curve.last().unwrap().value().unwrap() - end).abs() < 0.01);
    assert!((backtest.statistics.figure("End Equity").unwrap().value - end).abs() < 0.01);
    assert!((backtest.runtime_statistics.figure("Equity").unwrap().value - end).abs() < 0.01);
    assert!((backtest.statistics.figure("Total Fees").unwrap().value - fees).abs() < 0.01);

    // The drawdown of the curve is the statistic.
    let (mut peak, mut worst) = (0.0_f64, 0.0_f64);
    for value in curve.iter().filter_map(|point| point.value()) {
        peak = peak.max(value);
        worst = worst.max(1.0 - value / peak);
    }
    let total = backtest.total_performance.as_ref().unwrap();
    let portfolio = total.portfolio_statistics.as_ref().unwrap();
    assert!((portfolio.drawdown.unwrap() - worst).abs() < 1e-4, "{worst}");

    // The closed trades earn what the equity gained.
    let earned: f64 =
        total.closed_trades.iter().map(|trade| trade.profit_loss.unwrap() - trade.total_fees.unwrap()).sum();
    assert!((earned - (end - 250_000.0)).abs() < 1.0, "{earned}");
    let trades =
        ReadBacktestTrades { project_id: BASKET, backtest_id: backtest.backtest_id.clone(), start: 0, end: 100 };
    let page = client.send(&trades).await.unwrap();
    assert_eq!(page.length, Some(total.closed_trades.len() as i64));
    assert!(page.trades.iter().all(|trade| trade.orders.len() == 2));
}

#[tokio::test]
async fn every_chart_that_is_named_can_be_read() {
    let (sim, client) = session().await;
    let backtest = backtested(&sim, &client, PAIR).await;
    assert!(7 < backtest.charts.len());
    for name in backtest.charts.keys() {
        assert!(!chart(&sim, &client, &backtest, name).await.series.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_log_says_that_nothing_was_run_and_can_be_searched() {
    let (sim, client) = session().await;
    let backtest = backtested(&sim, &client, PAIR).await;
    let log = |query: &str| ReadBacktestLogs {
        project_id: PAIR,
        backtest_id: backtest.backtest_id.clone(),
        start: 0,
        end: 200,
        query: query.into(),
    };
    let all = client.send(&log("")).await.unwrap();
    assert!(all.logs.iter().any(|line| line.contains("was not run") && line.contains("synthetic")), "{:?}", all.logs);
    let bought = client.send(&log("BOUGHT")).await.unwrap();
    assert_eq!((bought.length, bought.logs.len()), (Some(2), 2));
    let wide = ReadBacktestLogs { end: 201, ..log("") };
    assert!(sentence(client.send(&wide).await).contains("200 or less"));
}

#[tokio::test]
async fn insights_come_from_code_that_speaks_of_them() {
    let (sim, client) = session().await;
    for (project_id, some) in [(PAIR, false), (BASKET, true)] {
        let backtest = backtested(&sim, &client, project_id).await;
        let request = ReadBacktestInsights { project_id, backtest_id: backtest.backtest_id, start: 0, end: 100 };
        assert_eq!(!client.send(&request).await.unwrap().insights.is_empty(), some);
    }
}

#[tokio::test]
async fn an_error_in_initialize_ends_the_run_and_says_where() {
    let (sim, client) = session().await;
    let code = algorithm(&["self.add_equity(\"KO\")", "raise ValueError(\"no luck\")"]);
    let project_id = project_with(&client, "Raises", &code).await;
    let backtest = backtested(&sim, &client, project_id).await;
    assert!(backtest.has_initialize_error && backtest.status.is_error());
    assert!(backtest.failure().unwrap().contains("no luck"));
    assert!(backtest.stacktrace.as_deref().unwrap().contains("main.py: line 6"), "{:?}", backtest.stacktrace);
    assert!(backtest.statistics.is_empty());
}

#[tokio::test]
async fn later_edits_do_not_change_what_was_compiled() {
    let (sim, client) = session().await;
    let code =
        |ticker: &str| algorithm(&["self.set_start_date(2024, 1, 2)", &format!("self.add_equity(\"{ticker}\")")]);
    let project_id = project_with(&client, "Edits", &code("KO")).await;
    let compile_id = built(&sim, &client, project_id).await;
    let update = UpdateFileContent { project_id, name: "main.py".into(), content: code("IBM"), ..Default::default() };
    client.send(&update).await.unwrap();
    let backtest_id = client.send(&start(project_id, &compile_id)).await.unwrap().backtest.backtest_id;
    sim.clock().advance(Duration::from_secs(120));
    let backtest = read(&client, project_id, backtest_id).await;
    let tickers: Vec<String> = orders(&client, &backtest).await.into_iter().map(|order| order.symbol.value).collect();
    assert_eq!(tickers, ["KO", "KO"]);
}

#[tokio::test]
async fn lists_are_newest_first_with_statistics_on_request() {
    let (sim, client) = session().await;
    let first = backtested(&sim, &client, PAIR).await;
    let second = backtested(&sim, &client, PAIR).await;
    let list = |include_statistics| ListBacktests { project_id: PAIR, include_statistics };
    let plain = client.send(&list(None)).await.unwrap();
    let ids: Vec<&BacktestId> = plain.backtests.iter().map(|summary| &summary.backtest_id).collect();
    assert_eq!(ids, [&second.backtest_id, &first.backtest_id]);
    assert_eq!((plain.count, plain.backtests[0].sharpe_ratio), (Some(2), None));
    let full = client.send(&list(Some(true))).await.unwrap();
    let figures = first.total_performance.unwrap().portfolio_statistics.unwrap();
    assert!((full.backtests[1].sharpe_ratio.unwrap() - figures.sharpe_ratio.unwrap()).abs() < 1e-3);
}

#[tokio::test]
async fn names_notes_and_tags_change_alone() {
    let (sim, client) = session().await;
    let backtest = backtested(&sim, &client, PAIR).await;
    let id = &backtest.backtest_id;
    let note = UpdateBacktest {
        project_id: PAIR,
        backtest_id: id.clone(),
        note: Some("kept".into()),
        ..UpdateBacktest::default()
    };
    client.send(&note).await.unwrap();
    let name = UpdateBacktest { note: None, name: Some("Renamed".into()), ..note };
    client.send(&name).await.unwrap();
    let tags = UpdateBacktestTags { project_id: PAIR, backtest_id: id.clone(), tags: vec!["a".into(), "b".into()] };
    client.send(&tags).await.unwrap();
    let read = read(&client, PAIR, id.clone()).await;
    assert_eq!((read.name.as_str(), read.note.as_deref()), ("Renamed", Some("kept")));
    let list = client.send(&ListBacktests { project_id: PAIR, include_statistics: None }).await.unwrap();
    assert_eq!(list.backtests[0].tags, ["a", "b"]);
}

#[tokio::test]
async fn deleting_stops_a_run_and_frees_its_node() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let first = client.send(&start(PAIR, &compile_id)).await.unwrap().backtest.backtest_id;
    client.send(&start(PAIR, &compile_id)).await.unwrap();
    assert!(sentence(client.send(&start(PAIR, &compile_id)).await).starts_with("There are no spare nodes available"));
    let delete = DeleteBacktest { project_id: PAIR, backtest_id: first.clone() };
    client.send(&delete).await.unwrap();
    client.send(&start(PAIR, &compile_id)).await.unwrap();
    let gone = client.send(&ReadBacktest { project_id: PAIR, backtest_id: first }).await.unwrap_err();
    assert!(gone.is_not_found(), "{gone}");
}

#[tokio::test]
async fn the_throttle_speaks_after_too_many_starts() {
    let sim = Sim::start_with(SimOptions { backtests_per_minute: Some(1), ..SimOptions::default() }).await.unwrap();
    let client = sim.client().unwrap();
    let compile_id = built(&sim, &client, PAIR).await;
    client.send(&start(PAIR, &compile_id)).await.unwrap();
    let error = client.send(&start(PAIR, &compile_id)).await.unwrap_err();
    assert!(error.is_rate_limited(), "{error:?}");
    // Another account's starts are its own, and deleting gives none back.
    let second = second_client(&sim);
    let own = project_with(&second, "Own", &algorithm(&["self.add_equity(\"KO\")"])).await;
    let list = client.send(&ListBacktests { project_id: PAIR, include_statistics: None }).await.unwrap().backtests;
    client.send(&DeleteBacktest { project_id: PAIR, backtest_id: list[0].backtest_id.clone() }).await.unwrap();
    assert!(client.send(&start(PAIR, &compile_id)).await.unwrap_err().is_rate_limited());
    let compile = second.send(&CreateCompile { project_id: own }).await.unwrap().compile_id;
    sim.clock().advance(Duration::from_secs(30));
    second.send(&start(own, &compile)).await.unwrap();
    sim.clock().advance(Duration::from_secs(31));
    client.send(&start(PAIR, &compile_id)).await.unwrap();
}

#[tokio::test]
async fn a_report_is_made_on_request() {
    let (sim, client) = session().await;
    let backtest = backtested(&sim, &client, PAIR).await;
    let request = ReadBacktestReport { project_id: PAIR, backtest_id: backtest.backtest_id };
    assert!(client.send(&request).await.unwrap().generating);
    sim.clock().advance(Duration::from_secs(20));
    let report = client.send(&request).await.unwrap().report.unwrap();
    assert!(report.contains("Sharpe Ratio") && report.contains("synthetic"));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let (sim, client) = session().await;
    let backtest = backtested(&sim, &client, PAIR).await;
    let id = backtest.backtest_id.clone();
    assert!(sentence(client.send(&start(PAIR, &"nope".into())).await).contains("not found"));
    let wide = ReadBacktestOrders { project_id: PAIR, backtest_id: id.clone(), start: 0, end: 200 };
    assert!(sentence(client.send(&wide).await).contains("100 or less"));
    let unknown = ReadBacktestOrders { backtest_id: " ".into(), end: 100, ..wide };
    assert!(client.send(&unknown).await.unwrap_err().is_not_found());
    let chart = ReadBacktestChart {
        project_id: PAIR,
        backtest_id: id,
        name: "No Such Chart".into(),
        count: 10,
        ..ReadBacktestChart::default()
    };
    assert!(client.send(&chart).await.unwrap_err().is_not_found());
    let backwards = ReadBacktestChart { start: Some(2), end: Some(1), name: "Benchmark".into(), ..chart };
    assert!(sentence(client.send(&backwards).await).contains("Range"));
}

#[tokio::test]
async fn csharp_is_read_with_all_its_texts() {
    let (sim, client) = session().await;
    let request = CreateProject { name: "Sharp".into(), language: Language::CSharp, organization_id: None };
    let project_id = client.send(&request).await.unwrap().projects[0].project_id;
    let code = r#"public class A : QCAlgorithm {
  public override void Initialize() {
    SetStartDate(2024, 1, 2);
    var folder = @"C:\data\";   // the backslash before the quote is a letter
    var pattern = $@"^{folder}\d+""x""$"; var raw = """ ( " """; var letter = '"';
    AddEquity("KO");
  }
}
"#;
    let update = UpdateFileContent { project_id, name: "Main.cs".into(), content: code.into(), ..Default::default() };
    client.send(&update).await.unwrap();
    let backtest = backtested(&sim, &client, project_id).await;
    let traded: Vec<String> = orders(&client, &backtest).await.into_iter().map(|order| order.symbol.value).collect();
    assert_eq!(traded, ["KO", "KO"]);
}
