//! Optimizations: estimated, paid, followed, compared, aborted.

use std::time::Duration;

use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::optimizations::{
    AbortOptimization, CreateOptimization, DeleteOptimization, EstimateOptimization, GRID_SEARCH, ListOptimizations,
    ReadOptimization, UpdateOptimization,
};
use qc_api::ids::{CompileId, ProjectId};
use qc_api::model::{OptimizationNode, OptimizationParameter, OptimizationStatus, OptimizationTarget, TargetDirection};
use qc_sim::seed;

use crate::{built, read as read_backtest, sentence, session};

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
