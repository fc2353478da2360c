//! A typed client of the QuantConnect REST API v2.
//!
//! A request is a value and the value is the endpoint: [`Client::send`] takes it and gives the answer.
//!
//! ```no_run
//! use qc_api::endpoints::{account::ReadAccount, projects::CreateProject};
//! use qc_api::model::Language;
//! use qc_api::{Client, Config, Credentials};
//!
//! # async fn example() -> qc_api::Result<()> {
//! let credentials = Credentials::from_env()?.ok_or_else(|| qc_api::Error::Config("not signed in".into()))?;
//! let client = Client::new(Config::new(credentials))?;
//! let account = client.send(&ReadAccount::default()).await?;
//! let request = CreateProject { name: "Pairs".into(), language: Language::Python, organization_id: None };
//! let project = client.send(&request).await?.projects.remove(0);
//! # let _ = (account, project);
//! # Ok(())
//! # }
//! ```
//!
//! | Resource | Requests |
//! |---|---|
//! | [`endpoints::account`] | sign in, credit |
//! | [`endpoints::projects`] | create, read, update, delete |
//! | [`endpoints::files`] | create, read, update, rename, patch, delete |
//! | [`endpoints::compile`] | create, read |
//! | [`endpoints::backtests`] | create, read, list, chart, orders, insights, trades, logs, report, update, tags, delete |
//!
//! # What it promises
//! - **Nothing that creates is sent twice.** Reads and plain updates are repeated after a failure, with growing
//!   waits; a creating call whose answer was lost ends in [`Error::MaybeCreated`].
//! - **Odd answers read.** `[]` for an empty map, numbers and booleans as text, dates in five forms, unknown words
//!   and members: see [`wire`]. What cannot be read is an [`Error::Shape`] that names the place.
//! - **Secrets stay secret.** The token never travels, never prints and is wiped after use; redirects are not
//!   followed; only https, or http on loopback, sees a signed header.
//! - **One clock.** Signing, waiting and polling go through [`Clock`], so tests need not sleep.

pub mod auth;
pub mod brokerage;
pub mod clock;
pub mod endpoint;
pub mod endpoints;
pub mod error;
pub mod ids;
pub mod model;
pub mod paging;
pub mod poll;
pub mod wire;

mod client;
mod envelope;
mod judge;
mod limit;
mod retry;
#[cfg(test)]
mod testing;
mod tls;
mod transport;

pub use auth::Credentials;
pub use client::{BASE_URL, Client, Config};
pub use clock::{Clock, SystemClock};
pub use endpoint::{Cost, Effect, Encoding, Endpoint, EndpointInfo, Reach};
pub use endpoints::{ENDPOINTS, endpoints};
pub use error::{Error, Result};
pub use judge::read_reply;
pub use limit::Rate;
pub use retry::RetryPolicy;
