//! Optimizations: estimated, paid, followed, compared, aborted.

use std::time::Duration;

use qc_api::Client;
use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::optimizations::{
    AbortOptimization, CreateOptimization, DeleteOptimization, EstimateOptimization, GRID_SEARCH, ListOptimizations,
    ReadOptimization, UpdateOptimization,
};
use qc_api::ids::{CompileId, ProjectId};
use qc_api::model::{
    Constraint, ConstraintOperator, Optimization, OptimizationNode, OptimizationParameter, OptimizationStatus,
    OptimizationSummary, OptimizationTarget, TargetDirection,
};
use qc_sim::{JobTimes, Sim, SimOptions, seed};

use crate::{algorithm, built, project_with, read as read_backtest, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

fn request(compile_id: CompileId) -> CreateOptimization {
    CreateOptimization {
        project_id: PAIR,
        name: "Grid".into(),
        target: OptimizationTarget::SharpeRatio,
        target_to: TargetDirection::Max,
        target_value: None,
        strategy: GRID_SEARCH.into(),
        compile_id,
        parameters: vec![
            OptimizationParameter::range("fast", 10.0, 30.0, 10.0).unwrap(),
            OptimizationParameter::range("slow", 50.0, 60.0, 5.0).unwrap(),
        ],
        constraints: Vec::new(),
        estimated_cost: 0.5,
        node_type: OptimizationNode::O2_8,
        parallel_nodes: 3,
    }
}

#[tokio::test]
async fn a_grid_is_searched_and_paid_for() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let estimate = EstimateOptimization {
        project_id: PAIR,
        name: "Grid".into(),
        target: OptimizationTarget::SharpeRatio,
        target_to: TargetDirection::Max,
        target_value: None,
        strategy: GRID_SEARCH.into(),
        compile_id: None,
        parameters: request(compile_id.clone()).parameters,
        constraints: Vec::new(),
        node_type: None,
        parallel_nodes: None,
    };
    assert!(0.0 < client.send(&estimate).await.unwrap().estimate.time.unwrap());
    let nothing = EstimateOptimization { parameters: Vec::new(), ..estimate };
    assert!(sentence(client.send(&nothing).await).contains("there are none"));
    let created = client.send(&request(compile_id)).await.unwrap().optimizations.remove(0);
    assert_eq!(created.status, Some(OptimizationStatus::New));
    let account = client.send(&ReadAccount::default()).await.unwrap();
    assert_eq!(account.credit_balance, Some(9_950.0));

    // Nine points on three nodes, twenty seconds each.
    let read = ReadOptimization { optimization_id: created.optimization_id.clone() };
    sim.clock().advance(Duration::from_secs(25));
    let running = client.send(&read).await.unwrap().optimization;
    assert_eq!((running.status, running.backtests.len()), (Some(OptimizationStatus::Running), 3));
    sim.clock().advance(Duration::from_secs(60));
    let done = client.send(&read).await.unwrap().optimization;
    assert_eq!((done.status.clone(), done.share_done()), (Some(OptimizationStatus::Completed), Some(1.0)));
    assert_eq!(done.backtests.len(), 9);
    // Each point is a backtest like any other, with the same figures.
    for (id, point) in &done.backtests {
        let backtest = read_backtest(&client, PAIR, id.as_str().into()).await;
        assert_eq!(backtest.optimization_id.as_ref(), Some(&created.optimization_id));
        let sharpe = backtest.total_performance.unwrap().portfolio_statistics.unwrap().sharpe_ratio.unwrap();
        assert!((sharpe - point.statistics.figure("Sharpe Ratio").unwrap()).abs() < 1e-3);
        let set: Vec<&String> = point.parameter_set.keys().collect();
        assert_eq!(backtest.parameter_set.keys().collect::<Vec<_>>(), set);
    }
    let sharpes: Vec<f64> =
        done.backtests.values().map(|point| point.statistics.figure("Sharpe Ratio").unwrap()).collect();
    let best = sharpes.iter().copied().fold(f64::MIN, f64::max);
    let listed = client.send(&ListOptimizations { project_id: PAIR }).await.unwrap().optimizations.remove(0);
    assert_eq!(listed.sharpe_ratio, Some(best));
    let profits: std::collections::BTreeSet<String> =
        done.backtests.values().map(|point| format!("{:?}", point.statistics.figure("Net Profit"))).collect();
    assert!(1 < profits.len(), "every point has the same profit");
    assert!(
        sentence(client.send(&AbortOptimization { optimization_id: created.optimization_id }).await)
            .contains("not running")
    );
}

#[tokio::test]
async fn it_is_renamed_aborted_and_deleted() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let id = client.send(&request(compile_id)).await.unwrap().optimizations.remove(0).optimization_id;
    client.send(&UpdateOptimization { optimization_id: id.clone(), name: "Renamed".into() }).await.unwrap();
    sim.clock().advance(Duration::from_secs(25));
    client.send(&AbortOptimization { optimization_id: id.clone() }).await.unwrap();
    sim.clock().advance(Duration::from_secs(600));
    let aborted = client.send(&ReadOptimization { optimization_id: id.clone() }).await.unwrap().optimization;
    assert_eq!((aborted.name.as_str(), aborted.status), ("Renamed", Some(OptimizationStatus::Aborted)));
    assert_eq!(aborted.backtests.len(), 3);
    client.send(&DeleteOptimization { optimization_id: id.clone() }).await.unwrap();
    assert!(client.send(&ReadOptimization { optimization_id: id }).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn impossible_grids_and_empty_purses_are_refused() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let with = |change: fn(&mut CreateOptimization)| {
        let mut request = request(compile_id.clone());
        change(&mut request);
        request
    };
    for request in [
        with(|request| request.parameters.clear()),
        with(|request| request.parameters[0].step = Some(0.0)),
        with(|request| request.parallel_nodes = 25),
        with(|request| request.strategy = "Euler".into()),
        with(|request| request.estimated_cost = 1e6),
        with(|request| request.compile_id = "nope".into()),
    ] {
        sentence(client.send(&request).await);
    }
    assert!(client.send(&ListOptimizations { project_id: PAIR }).await.unwrap().optimizations.is_empty());
}

#[tokio::test]
async fn nobody_pays_less_than_the_rule_says() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let mut balance = 10_000.0;
    for estimated_cost in [-5.0, 0.0, 0.01] {
        client.send(&CreateOptimization { estimated_cost, ..request(compile_id.clone()) }).await.unwrap();
        // Nine backtests of 20 s: (30 + 1.5 * 20) * 9 / 3600 = 0.15 h at 0.15 USD are 0.0225, rounded up 0.03 USD.
        balance -= 3.0;
        assert_eq!(client.send(&ReadAccount::default()).await.unwrap().credit_balance, Some(balance));
    }
}

#[tokio::test]
async fn an_optimization_is_done_when_its_last_backtest_is() {
    // Three times a tenth of a second is more than 0.3 s in binary fractions.
    let jobs = JobTimes { optimization_step: Duration::from_millis(100), ..JobTimes::REALISTIC };
    let sim = Sim::start_with(SimOptions { jobs: Some(jobs), ..SimOptions::default() }).await.unwrap();
    let client = sim.client().unwrap();
    let compile_id = built(&sim, &client, PAIR).await;
    let parameters = vec![OptimizationParameter::range("fast", 1.0, 3.0, 1.0).unwrap()];
    let three = CreateOptimization { parameters, parallel_nodes: 1, ..request(compile_id) };
    let optimization_id = client.send(&three).await.unwrap().optimizations.remove(0).optimization_id;
    sim.clock().advance(Duration::from_millis(300));
    let read = client.send(&ReadOptimization { optimization_id }).await.unwrap().optimization;
    assert_eq!((read.status, read.backtests.len()), (Some(OptimizationStatus::Completed), 3));
    for id in read.backtests.keys() {
        assert!(read_backtest(&client, PAIR, id.as_str().into()).await.completed, "{id}");
    }
}

/// Runs a grid to its end.
async fn searched(sim: &Sim, client: &Client, request: &CreateOptimization) -> Optimization {
    let made = client.send(request).await.unwrap().optimizations.remove(0).optimization_id;
    sim.clock().advance(Duration::from_secs(600));
    client.send(&ReadOptimization { optimization_id: made }).await.unwrap().optimization
}

async fn summary(client: &Client, project_id: ProjectId) -> OptimizationSummary {
    client.send(&ListOptimizations { project_id }).await.unwrap().optimizations.remove(0)
}

#[tokio::test]
async fn code_that_raises_fails_at_every_point() {
    let (sim, client) = session().await;
    let code = algorithm(&["self.add_equity(\"KO\")", "raise ValueError(\"no luck\")"]);
    let project_id = project_with(&client, "Raises", &code).await;
    let compile_id = built(&sim, &client, project_id).await;
    let failed = searched(&sim, &client, &CreateOptimization { project_id, ..request(compile_id) }).await;
    let count = |name: &str| failed.runtime_statistics.text(name).unwrap().to_owned();
    assert_eq!([count("Completed"), count("Failed"), count("Total")], ["0", "9", "9"]);
    assert_eq!((failed.status.clone(), failed.share_done()), (Some(OptimizationStatus::Completed), Some(1.0)));
    for (id, point) in &failed.backtests {
        assert_eq!((point.exit_code, point.equity.len()), (Some(1), 0), "{id}");
        assert_eq!(point.statistics.figure("Sharpe Ratio"), None);
        let backtest = read_backtest(&client, project_id, id.as_str().into()).await;
        assert!(backtest.status.is_error() && backtest.failure().unwrap().contains("no luck"));
    }
    let row = summary(&client, project_id).await;
    assert_eq!((row.sharpe_ratio, row.psr, row.trades), (None, None, None));
}

#[tokio::test]
async fn the_best_point_keeps_all_constraints_and_goes_in_the_direction_asked_for() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let all = searched(&sim, &client, &request(compile_id.clone())).await;
    let figures: Vec<[f64; 2]> = all
        .backtests
        .values()
        .map(|p| ["Sharpe Ratio", "Drawdown"].map(|name| p.statistics.figure(name).unwrap()))
        .collect();
    let mut falls: Vec<f64> = figures.iter().map(|[_, drawdown]| *drawdown).collect();
    falls.sort_by(f64::total_cmp);
    // A limit in the middle, as a fraction: points above it do not count, however good they are.
    let limit = (falls[3] + falls[4]) / 2.0 / 100.0;
    let drawdown = |operator| Constraint { target: OptimizationTarget::Drawdown, operator, target_value: limit };
    for (operator, counts) in [
        (ConstraintOperator::Less, (|fall, limit| fall < limit) as fn(f64, f64) -> bool),
        (ConstraintOperator::GreaterOrEqual, |fall, limit| limit <= fall),
    ] {
        for (target_to, better) in
            [(TargetDirection::Max, f64::max as fn(f64, f64) -> f64), (TargetDirection::Min, f64::min)]
        {
            let constrained = CreateOptimization {
                target_to,
                constraints: vec![drawdown(operator.clone())],
                ..request(compile_id.clone())
            };
            searched(&sim, &client, &constrained).await;
            let counted = figures.iter().filter(|[_, fall]| counts(*fall / 100.0, limit)).map(|[sharpe, _]| *sharpe);
            assert_eq!(summary(&client, PAIR).await.sharpe_ratio, counted.reduce(better), "{operator:?}");
        }
    }
    // None keeps this one.
    let never = Constraint { target_value: -1.0, ..drawdown(ConstraintOperator::Less) };
    searched(&sim, &client, &CreateOptimization { constraints: vec![never], ..request(compile_id.clone()) }).await;
    assert_eq!(summary(&client, PAIR).await.sharpe_ratio, None);
    // The drawdown itself may be what counts: the smallest is the best.
    let safest = CreateOptimization {
        target: OptimizationTarget::Drawdown,
        target_to: TargetDirection::Min,
        ..request(compile_id.clone())
    };
    searched(&sim, &client, &safest).await;
    let least = figures.iter().find(|[_, fall]| *fall == falls[0]).unwrap();
    assert_eq!(summary(&client, PAIR).await.sharpe_ratio, Some(least[0]));
    for odd in [
        CreateOptimization { target: OptimizationTarget::from_word("Luck"), ..request(compile_id.clone()) },
        CreateOptimization {
            constraints: vec![drawdown(ConstraintOperator::from_word("Near"))],
            ..request(compile_id)
        },
    ] {
        assert!(sentence(client.send(&odd).await).contains("unknown"));
    }
}

#[tokio::test]
async fn a_search_ends_with_the_round_that_reaches_the_value_asked_for() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let all = searched(&sim, &client, &request(compile_id.clone())).await;
    let first = all.backtests.values().next().unwrap().statistics.figure("Sharpe Ratio").unwrap();
    let modest = CreateOptimization { target_value: Some(first - 0.5), ..request(compile_id.clone()) };
    let soon = searched(&sim, &client, &modest).await;
    assert_eq!(
        (soon.status.clone(), soon.share_done(), soon.backtests.len()),
        (Some(OptimizationStatus::Completed), Some(1.0), 3)
    );
    let endless = CreateOptimization { target_value: Some(1e9), ..request(compile_id) };
    assert_eq!(searched(&sim, &client, &endless).await.backtests.len(), 9);
}
