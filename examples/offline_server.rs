//! Serves the simulated QuantConnect on a port, for anyone who tests a client of its REST API.
//!
//! ```text
//! cargo run -p qc-examples --example offline_server                        # http://127.0.0.1:5612/api/v2
//! cargo run -p qc-examples --example offline_server -- --port 8080         # another port; 0 takes a free one
//! cargo run -p qc-examples --example offline_server -- --data ./market     # and the market as a LEAN folder, kept
//! cargo run -p qc-examples --example offline_server -- --world ./world.json  # goes on where it ended
//! cargo run -p qc-examples --example offline_server -- --plan institution  # free, researcher, team, firm, institution
//! ```
//!
//! Port 5612 is where the official command line looks with `QC_API=local`. The accounts are always the same; their
//! tokens are no secrets, for they open nothing but this program. Jobs take about a second. A backtest is not run: it
//! holds the symbols named in the code, on a synthetic market, and says so. `docs/offline-server.md` has the rest.
//!
//! ```text
//! token=simulated-token-of-no-value; now=$(date +%s)
//! hash=$(printf '%s:%s' "$token" "$now" | sha256sum | cut -d' ' -f1)
//! curl -u "123456:$hash" -H "Timestamp: $now" -d '{}' -H 'Content-Type: application/json' \
//!   http://127.0.0.1:5612/api/v2/projects/read
//! ```

use std::error::Error;

use qc_sim::{ClockMode, FolderMode, Sim, SimOptions, Tier, seed};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start_with(options(std::env::args().skip(1))?).await?;
    println!("QuantConnect, simulated: {}", sim.base_url());
    println!("user id      {}", seed::USER_ID);
    println!("api token    {}", seed::TOKEN);
    println!("organization {}", seed::ORGANIZATION_ID);
    println!("second user  {} {}", seed::COLLABORATOR_ID, seed::COLLABORATOR_TOKEN);
    if let Some(folder) = sim.data_folder() {
        println!("data folder  {} (synthetic prices)", folder.display());
    }
    println!("stop with ctrl-c");
    tokio::signal::ctrl_c().await?;
    println!("{} requests were served", sim.journal().len());
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<SimOptions, Box<dyn Error>> {
    let journal = Some(SimOptions::LONG_RUNNING_JOURNAL);
    let mut options = SimOptions { clock: ClockMode::Real, port: 5612, journal, ..SimOptions::default() };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => options.port = value.parse()?,
            "--data" => options.folder = FolderMode::At(value.into()),
            "--world" => options.saved_world = Some(value.into()),
            "--plan" => {
                options.tier = match value.as_str() {
                    "free" => Tier::Free,
                    "researcher" => Tier::Researcher,
                    "team" => Tier::Team,
                    "firm" => Tier::TradingFirm,
                    "institution" => Tier::Institution,
                    _ => return Err(format!("no such plan: {value}").into()),
                }
            }
            _ => return Err(format!("unknown argument {name}: there are --port, --data, --world and --plan").into()),
        }
    }
    Ok(options)
}
