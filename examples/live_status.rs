//! What runs live, what it holds and what it did last: reading only. With credentials in the environment at
//! QuantConnect; without them at the simulator, where a paper deployment is made first to have something to show.
//!
//! ```text
//! cargo run -p qc-examples --example live_status
//! ```

use std::error::Error;

use qc_api::brokerage::Brokerage;
use qc_api::endpoints::compile::{CreateCompile, ReadCompile};
use qc_api::endpoints::live::{CreateLive, ListLive, ReadLive, ReadLiveLogs, ReadLiveOrders, ReadLivePortfolio};
use qc_api::endpoints::nodes::ReadProjectNodes;
use qc_api::model::{LiveStatus, LiveSummary};
use qc_api::wire::Map;
use qc_api::{Client, Config, Credentials};
use qc_sim::{Sim, seed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start().await?;
    let client = match Credentials::from_env()? {
        Some(credentials) => Client::new(Config::new(credentials))?,
        None => {
            let client = sim.client()?;
            deploy_on_paper(&client).await?;
            client
        }
    };
    let running = ListLive { status: Some(LiveStatus::Running), ..ListLive::default() };
    let deployments = client.send(&running).await?.live;
    println!("{} running at {}", deployments.len(), client.base_url());
    for deployment in deployments {
        show(&client, &deployment).await?;
    }
    Ok(())
}

async fn show(client: &Client, deployment: &LiveSummary) -> Result<(), Box<dyn Error>> {
    let project_id = deployment.project_id;
    let status = client.send(&ReadLive { project_id, deploy_id: None }).await?;
    let since = status.launched.map_or("unknown".to_owned(), |at| at.to_string());
    println!(
        "project {project_id} on {}, since {since}",
        deployment.brokerage.as_deref().unwrap_or("an unnamed brokerage")
    );

    // As of some minutes ago: the service takes snapshots.
    let portfolio = client.send(&ReadLivePortfolio { project_id }).await?.portfolio.unwrap_or_default();
    for (id, holding) in &portfolio.holdings {
        let ticker = id.split(' ').next().unwrap_or(id);
        println!(
            "  {ticker:<6}{:>10} at {:>10.2} = {:>12.2}",
            holding.quantity, holding.market_price, holding.market_value
        );
    }
    for (currency, cash) in &portfolio.cash {
        println!("  {currency:<6}{:>38.2}", cash.amount);
    }

    // Orders may say `loading` at first; the walk waits for them.
    let orders = client.all(ReadLiveOrders { project_id, ..Default::default() }).await?;
    println!("  {} orders, the last: {}", orders.len(), orders.last().map_or("none", |order| order.symbol.name()));
    if let Some(algorithm_id) = status.deploy_id {
        let logs = ReadLiveLogs { project_id, algorithm_id, format: "json".into(), ..Default::default() };
        let lines = client.all(logs).await?;
        for line in lines.iter().rev().take(3).rev() {
            println!("  | {line}");
        }
    }
    Ok(())
}

/// QuantConnect's own paper brokerage, at the simulator: no account, no market, no money.
async fn deploy_on_paper(client: &Client) -> Result<(), Box<dyn Error>> {
    let project_id = seed::PAIR_PROJECT_ID.into();
    let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
    client.wait(&ReadCompile { project_id, compile_id: compile_id.clone() }).await?;
    let nodes = client.send(&ReadProjectNodes { project_id }).await?.nodes;
    let node_id = nodes.free_live().ok_or("no live node is free")?.id.clone();
    let request = CreateLive {
        version_id: (-1).into(),
        project_id,
        compile_id,
        node_id,
        brokerage: Brokerage::paper(),
        data_providers: Map::new(),
        automatic_redeploy: None,
        notification: None,
        parameters: Map::new(),
        signature: None,
    };
    client.send(&request).await?;
    let status = client.wait(&ReadLive { project_id, deploy_id: None }).await?.status;
    println!("simulated deployment: {}", status.map_or("unknown".to_owned(), |status| status.to_string()));
    Ok(())
}
