//! Signs in and prints the account: with `QUANTCONNECT_USER_ID` and `QUANTCONNECT_API_TOKEN` at QuantConnect, without them
//! at the simulator; then shows what a wrong token is answered.
//!
//! ```text
//! cargo run -p qc-examples --example sign_in
//! ```

use std::error::Error;

use qc_api::endpoints::account::{Authenticate, ReadAccount};
use qc_api::{Client, Config, Credentials};
use qc_sim::Sim;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sim = Sim::start().await?;
    let config = match Credentials::from_env()? {
        Some(credentials) => Config::new(credentials),
        None => simulated(&sim, sim.credentials()?),
    };
    let client = Client::new(config)?;
    client.send(&Authenticate {}).await?;
    println!("signed in as user {} at {}", client.credentials().user_id(), client.base_url());

    let account = client.send(&ReadAccount::default()).await?;
    let credit = account.credit_balance.map_or("unknown".to_owned(), |credit| format!("{credit} QCC"));
    println!("organization {}, credit {credit}", account.organization_id);

    // The simulator checks signatures for real, so a wrong token fails as it would at QuantConnect.
    let stranger = Credentials::new(client.credentials().user_id(), "0123456789abcdef0123456789abcdef")?;
    match Client::new(simulated(&sim, stranger))?.send(&Authenticate {}).await {
        Ok(_) => Err("a wrong token was accepted".into()),
        Err(error) if error.is_auth() => {
            println!("a wrong token: {error}");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn simulated(sim: &Sim, credentials: Credentials) -> Config {
    let mut config = Config::new(credentials);
    config.base_url = sim.base_url().to_owned();
    config.clock = sim.clock();
    config
}
