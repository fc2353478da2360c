//! The API clients, one per set of credentials, made at first use. Only the door asks for them.
//!
//! Credentials that came with a request are forgotten some minutes after the last one; what still runs for their owner
//! has a client of its own.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use qc_api::{Client, Config, Credentials};

use crate::{error::ToolError, server::World, settings::Settings};

/// The most clients kept; the one not used for longest goes first.
const MOST: usize = 256;
/// How long credentials of a request are kept after its caller's last one.
const IDLE: Duration = Duration::from_secs(300);
/// How often that is looked at.
const ROUND: Duration = Duration::from_secs(60);

/// Clients by credentials.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    kept: Arc<Mutex<Vec<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    credentials: Credentials,
    client: Client,
    used: Instant,
}

impl Clients {
    /// The client that signs with `credentials`.
    pub(crate) fn get(
        &self,
        credentials: Credentials,
        world: &World,
        settings: &Settings,
    ) -> Result<Client, ToolError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = kept.iter_mut().find(|entry| entry.credentials == credentials) {
            entry.used = Instant::now();
            return Ok(entry.client.clone());
        }
        let client = match kept.first() {
            // All clients share one set of connections.
            Some(first) => first.client.with_credentials(credentials.clone())?,
            None => Client::new(config(credentials.clone(), world, settings))?,
        };
        if MOST <= kept.len() {
            let oldest = kept.iter().enumerate().min_by_key(|(_, entry)| entry.used).map(|(at, _)| at);
            kept.swap_remove(oldest.unwrap_or_default());
        }
        if settings.team.by_headers() && kept.is_empty() {
            tokio::spawn(rounds(Arc::downgrade(&self.kept)));
        }
        kept.push(Entry { credentials, client: client.clone(), used: Instant::now() });
        Ok(client)
    }

    /// Forgets the client of `credentials`, and the credentials with it.
    pub(crate) fn forget(&self, credentials: &Credentials) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|entry| entry.credentials != *credentials);
    }
}

/// Looks for idle clients until there are none left at all; the next one begins again.
async fn rounds(kept: Weak<Mutex<Vec<Entry>>>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        forget_idle(&mut kept, Instant::now());
        if kept.is_empty() {
            return;
        }
    }
}

fn forget_idle(kept: &mut Vec<Entry>, now: Instant) {
    kept.retain(|entry| now.saturating_duration_since(entry.used) < IDLE);
}

/// How requests to the world look.
fn config(credentials: Credentials, world: &World, settings: &Settings) -> Config {
    Config {
        base_url: world.base_url.clone(),
        clock: world.clock.clone(),
        user_agent: concat!("quantconnect-mcp/", env!("CARGO_PKG_VERSION")).into(),
        code_source: Some(settings.agent_name.clone()),
        ..Config::new(credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Transport;

    fn world() -> World {
        World {
            base_url: "http://127.0.0.1:9/api/v2".into(),
            clock: Arc::new(qc_api::SystemClock),
            credentials: None,
            data_folder: None,
            _keep_alive: None,
        }
    }

    fn credentials(number: usize) -> Credentials {
        Credentials::new(number.to_string(), "token").unwrap()
    }

    #[tokio::test]
    async fn credentials_of_requests_are_forgotten_when_their_caller_is_gone() {
        let settings = Settings::isolated(Transport::Http, ["--credentials", "headers"]).unwrap();
        let (clients, world) = (Clients::default(), world());
        for number in [1, 2] {
            clients.get(credentials(number), &world, &settings).unwrap();
        }
        let mut kept = clients.kept.lock().unwrap();
        let begun = kept[0].used;
        kept[1].used = begun + Duration::from_secs(200);
        forget_idle(&mut kept, begun + IDLE);
        assert_eq!(kept.iter().map(|entry| entry.credentials.user_id()).collect::<Vec<_>>(), ["2"]);
        forget_idle(&mut kept, begun + 2 * IDLE);
        assert!(kept.is_empty());
    }

    #[tokio::test]
    async fn made_up_credentials_push_out_none_that_are_in_use() {
        let settings = Settings::isolated(Transport::Http, ["--credentials", "headers"]).unwrap();
        let (clients, world) = (Clients::default(), world());
        clients.get(credentials(1), &world, &settings).unwrap();
        for number in 2..2 * MOST {
            clients.get(credentials(number), &world, &settings).unwrap();
            clients.get(credentials(1), &world, &settings).unwrap();
        }
        let kept = clients.kept.lock().unwrap();
        assert!(kept.len() == MOST && kept.iter().any(|entry| entry.credentials.user_id() == "1"));
    }
}
