//! Sweeps a grid of parameters: what it would cost, the optimization, its progress, the points by Sharpe ratio. At the
//! simulator: its points differ because the figures are drawn from the synthetic market, not because code was run.
//!
//! ```text
//! cargo run -p qc-examples --example sweep
//! ```

use std::error::Error;

use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::compile::{CreateCompile, ReadCompile};
use qc_api::endpoints::optimizations::{CreateOptimization, EstimateOptimization, GRID_SEARCH, ReadOptimization};
use qc_api::model::{OptimizationCost, OptimizationNode, OptimizationParameter, OptimizationTarget, TargetDirection};
use qc_sim::{Sim, seed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start().await?;
    let client = sim.client()?;
    let project_id = seed::PAIR_PROJECT_ID.into();
    let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
    client.wait(&ReadCompile { project_id, compile_id: compile_id.clone() }).await?;

    let parameters = vec![
        OptimizationParameter::range("lookback", 20.0, 60.0, 20.0)?,
        OptimizationParameter::range("threshold", 1.0, 2.0, 0.5)?,
    ];
    let (node_type, parallel_nodes) = (OptimizationNode::O2_8, 3);
    let estimate = EstimateOptimization {
        project_id,
        name: "sweep".into(),
        target: OptimizationTarget::SharpeRatio,
        target_to: TargetDirection::Max,
        target_value: None,
        strategy: GRID_SEARCH.into(),
        compile_id: Some(compile_id.clone()),
        parameters: parameters.clone(),
        constraints: Vec::new(),
        node_type: Some(node_type.clone()),
        parallel_nodes: Some(parallel_nodes),
    };
    let seconds = client.send(&estimate).await?.estimate.time.ok_or("the service gave no estimate")?;
    let cost = OptimizationCost::of(&parameters, seconds, &node_type, parallel_nodes).ok_or("no price is known")?;
    println!("{} backtests of about {seconds} s, {:.2} USD", cost.backtests, cost.usd);

    let request = CreateOptimization {
        project_id,
        name: "sweep".into(),
        target: OptimizationTarget::SharpeRatio,
        target_to: TargetDirection::Max,
        target_value: None,
        strategy: GRID_SEARCH.into(),
        compile_id,
        parameters,
        constraints: Vec::new(),
        estimated_cost: cost.usd,
        node_type,
        parallel_nodes,
    };
    let optimization_id = client.send(&request).await?.optimizations.swap_remove(0).optimization_id;
    let mut told = None;
    let report = |step: &qc_api::poll::Progress| {
        if step.share != told {
            told = step.share;
            println!("  {} {:>4.0} %", step.state, 100.0 * step.share.unwrap_or_default());
        }
    };
    let done = client.wait_with(&ReadOptimization { optimization_id }, None, report).await?.optimization;

    let mut points: Vec<_> = done.backtests.values().collect();
    let sharpe =
        |point: &qc_api::model::OptimizationBacktest| point.statistics.figure("Sharpe Ratio").unwrap_or(f64::MIN);
    points.sort_by(|a, b| sharpe(b).total_cmp(&sharpe(a)));
    for point in points {
        let values: Vec<_> = point.parameter_set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        println!("{:<32}Sharpe ratio {:>7.3}", values.join(" "), sharpe(point));
    }
    let credit = client.send(&ReadAccount::default()).await?.credit_balance.unwrap_or_default();
    println!("{credit} QCC left");
    Ok(())
}
