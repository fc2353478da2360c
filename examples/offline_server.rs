//! Serves the simulated QuantConnect on a port, for anyone who tests a client of its REST API.
//!
//! ```text
//! cargo run -p qc-examples --example offline_server                 # http://127.0.0.1:5612/api/v2
//! cargo run -p qc-examples --example offline_server -- 8080         # another port
//! cargo run -p qc-examples --example offline_server -- 8080 ./data  # and the market as a LEAN folder, kept
//! ```
//!
//! Port 5612 is where the official command line looks with `QC_API=local`. The account is always the same one; its
//! token is no secret, for it opens nothing but this program. Jobs take about a second. A backtest is not run: it
//! holds the symbols named in the code, on a synthetic market, and says so. Everything is forgotten at the end.
//!
//! ```text
//! token=simulated-token-of-no-value; now=$(date +%s)
//! hash=$(printf '%s:%s' "$token" "$now" | sha256sum | cut -d' ' -f1)
//! curl -u "123456:$hash" -H "Timestamp: $now" -d '{}' -H 'Content-Type: application/json' \
//!   http://127.0.0.1:5612/api/v2/projects/read
//! ```

use std::error::Error;

use qc_sim::{ClockMode, FolderMode, Sim, SimOptions, seed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(5612), |port| port.parse())?;
    let folder = arguments.next().map_or(FolderMode::None, |folder| FolderMode::At(folder.into()));
    let sim = Sim::start_with(SimOptions { clock: ClockMode::Real, port, folder, ..SimOptions::default() }).await?;

    println!("QuantConnect, simulated: {}", sim.base_url());
    println!("user id      {}", seed::USER_ID);
    println!("api token    {}", seed::TOKEN);
    println!("organization {}", seed::ORGANIZATION_ID);
    if let Some(folder) = sim.data_folder() {
        println!("data folder  {} (synthetic prices)", folder.display());
    }
    println!("stop with ctrl-c");
    tokio::signal::ctrl_c().await?;
    println!("{} requests were served", sim.journal().len());
    Ok(())
}
