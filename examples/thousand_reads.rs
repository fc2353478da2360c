//! A thousand reads at once, ten times over, against the simulator: how many failed, how fast, and what the process
//! holds in memory after each round (on Linux; simulator and client share the process).
//!
//! ```text
//! cargo run --release -p qc-examples --example thousand_reads
//! ```

use std::error::Error;
use std::time::Instant;

use futures::future::join_all;
use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::projects::ReadProjects;
use qc_api::{Client, Config};
use qc_sim::Sim;

const READS: usize = 1_000;
/// Requests in flight at once; the rest wait their turn in the client.
const IN_FLIGHT: usize = 200;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start().await?;
    let mut config = Config::new(sim.credentials()?);
    config.base_url = sim.base_url().to_owned();
    config.clock = sim.clock();
    config.max_concurrent = IN_FLIGHT;
    let client = Client::new(config)?;
    for round in 1..=10 {
        let began = Instant::now();
        let (projects, account) = (ReadProjects::default(), ReadAccount::default());
        let outcomes = join_all((0..READS).map(|at| {
            let (client, projects, account) = (&client, &projects, &account);
            async move {
                if at % 2 == 0 { client.send(projects).await.map(drop) } else { client.send(account).await.map(drop) }
            }
        }))
        .await;
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        let rate = READS as f64 / began.elapsed().as_secs_f64();
        let memory = resident_megabytes().map_or("unknown".to_owned(), |megabytes| format!("{megabytes:.1} MB"));
        println!("round {round:>2}: {READS} reads, {failed} failed, {rate:>6.0} per second, {memory} resident");
        sim.journal().clear(); // the simulator remembers every request; that is its memory, not the client's
        if 0 < failed {
            return Err(format!("{failed} of {READS} reads failed").into());
        }
    }
    Ok(())
}

/// Resident memory of this process, where the system tells.
fn resident_megabytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}
