//! Walks the orders of a backtest: rows one by one with no more requests than needed, then all at once, then the log
//! lines that hold a word. At the simulator, whose journal shows what was asked.
//!
//! ```text
//! cargo run -p qc-examples --example page_orders
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::pin;

use futures::TryStreamExt as _;
use qc_api::endpoints::backtests::{CreateBacktest, ReadBacktest, ReadBacktestLogs, ReadBacktestOrders};
use qc_api::endpoints::compile::{CreateCompile, ReadCompile};
use qc_sim::{Sim, seed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start().await?;
    let client = sim.client()?;
    let project_id = seed::BASKET_PROJECT_ID.into();
    let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
    client.wait(&ReadCompile { project_id, compile_id: compile_id.clone() }).await?;
    let request = CreateBacktest { project_id, compile_id, backtest_name: "orders".into(), ..Default::default() };
    let backtest_id = client.send(&request).await?.backtest.backtest_id;
    client.wait(&ReadBacktest { project_id, backtest_id: backtest_id.clone() }).await?;

    // One by one: the second window is asked for only if somebody wants the 101st order.
    let list = ReadBacktestOrders { project_id, backtest_id: backtest_id.clone(), ..Default::default() };
    let mut orders = pin!(client.rows(list.clone()));
    for _ in 0..3 {
        let Some(order) = orders.try_next().await? else { break };
        let (when, quantity) = (order.placed().map(|at| at.to_string()), order.quantity.unwrap_or_default());
        println!(
            "{} {:>5} {quantity:>8} at {:>10.2}",
            when.unwrap_or_default(),
            order.symbol.name(),
            order.price.unwrap_or_default()
        );
    }
    println!("three orders took {} request(s)", sim.journal().of("backtests/orders/read").len());

    let all = client.all(list).await?;
    let mut by_ticker: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for order in &all {
        let entry = by_ticker.entry(order.symbol.name()).or_default();
        entry.0 += 1;
        entry.1 += order.value.unwrap_or_default().abs();
    }
    println!("{} orders in windows of 100:", all.len());
    for (ticker, (count, turnover)) in by_ticker {
        println!("  {ticker:<6}{count:>5} orders{turnover:>16.2} USD traded");
    }

    let logs = ReadBacktestLogs { project_id, backtest_id, query: "sold".into(), ..Default::default() };
    let lines = client.all(logs).await?;
    println!(
        "{} log lines hold \"sold\", the first: {}",
        lines.len(),
        lines.first().map_or("none", |line| line.as_str())
    );
    Ok(())
}
