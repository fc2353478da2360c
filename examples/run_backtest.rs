//! Ten lines that run a backtest: with credentials and a project's number at QuantConnect, else at the simulator.
//!
//! ```text
//! cargo run -p qc-examples --example run_backtest            # offline, on the simulator's own project
//! cargo run -p qc-examples --example run_backtest 12345678   # with QUANTCONNECT_USER_ID and QUANTCONNECT_API_TOKEN
//! ```

use std::error::Error;

use qc_api::endpoints::backtests::{CreateBacktest, ReadBacktest};
use qc_api::endpoints::compile::{CreateCompile, ReadCompile};
use qc_api::ids::ProjectId;
use qc_api::{Client, Config, Credentials, Result};
use qc_sim::{Sim, seed};

/// The ten lines.
async fn run(client: &Client, project_id: ProjectId) -> Result<()> {
    let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
    let built = client.wait(&ReadCompile { project_id, compile_id: compile_id.clone() }).await?;
    println!("{}: {}", built.state, built.logs.first().map_or("", |line| line.as_str()));
    let request = CreateBacktest { project_id, compile_id, backtest_name: "ten lines".into(), ..Default::default() };
    let backtest_id = client.send(&request).await?.backtest.backtest_id;
    let request = ReadBacktest { project_id, backtest_id };
    let done = client.wait_with(&request, None, |step| println!("  {}", step.state)).await?.backtest;
    let shown = |title| done.statistics.text(title).unwrap_or("none").to_owned();
    println!("{} Sharpe ratio {}, drawdown {}", done.status, shown("Sharpe Ratio"), shown("Drawdown"));
    done.failure().map_or(Ok(()), |why| Err(qc_api::Error::Config(format!("the algorithm failed: {why}"))))
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let sim = Sim::start().await?;
    let project = std::env::args().nth(1).and_then(|number| number.parse().ok()).map(ProjectId);
    match (Credentials::from_env()?, project) {
        (Some(credentials), Some(project)) => run(&Client::new(Config::new(credentials))?, project).await?,
        _ => run(&sim.client()?, seed::PAIR_PROJECT_ID.into()).await?,
    }
    Ok(())
}
