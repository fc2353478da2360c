//! The API clients, one per set of credentials, made at first use. Only the door asks for them.

use std::sync::{Mutex, PoisonError};

use qc_api::{Client, Config, Credentials};

use crate::{error::ToolError, server::World, settings::Settings};

/// The most clients kept; the oldest goes first.
const MOST: usize = 256;

/// Clients by credentials.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    kept: Mutex<Vec<(Credentials, Client)>>,
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
        if let Some((_, client)) = kept.iter().find(|(known, _)| *known == credentials) {
            return Ok(client.clone());
        }
        let client = match kept.first() {
            // All clients share one set of connections.
            Some((_, first)) => first.with_credentials(credentials.clone())?,
            None => Client::new(config(credentials.clone(), world, settings))?,
        };
        if MOST <= kept.len() {
            kept.remove(0);
        }
        kept.push((credentials, client.clone()));
        Ok(client)
    }

    /// Forgets the client of `credentials`, and the credentials with it.
    pub(crate) fn forget(&self, credentials: &Credentials) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != credentials);
    }
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
