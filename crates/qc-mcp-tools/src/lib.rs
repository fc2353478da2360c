//! The MCP floor: every tool, its guards and its answers.
//!
//! [`QcServer`] is an rmcp `ServerHandler`; the binaries give it [`Settings`] and a transport. The table of
//! contents is [`tools::SHELVES`]; a request runs `server` -> `coerce` -> a function in `tools/` -> `gate::Door` ->
//! `qc_api`, and comes back as a [`reply::Reply`] or an [`error::ToolError`].
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use qc_mcp_tools::{QcServer, Settings, Transport, Upstream};
//! let settings = Settings::from_args(Transport::Stdio)?;
//! let server = QcServer::new(settings, Upstream::Configured)?;
//! # let _ = server; Ok(()) }
//! ```

mod alternative;
mod analysis;
pub mod args;
pub mod caller;
mod catalogue;
mod chains;
mod clients;
mod coerce;
mod complete;
pub mod compute;
mod convert;
pub mod ctx;
mod desk;
pub mod error;
mod flows;
mod funds;
pub mod gate;
pub mod hint;
mod imports;
mod jobs;
mod kept;
pub mod keys;
mod lists;
pub mod logs;
mod machine;
mod market;
mod membership;
mod metrics;
mod own;
mod pages;
mod plans;
mod prices;
mod private;
pub mod prompts;
mod quantbook;
pub mod reference;
pub mod reply;
mod research;
pub mod resources;
pub mod roots;
mod schema;
pub mod server;
pub mod settings;
mod sheet;
pub mod shelf;
mod state;
mod stop;
pub mod store;
mod study;
mod symbols;
pub mod tools;
pub mod visitor;
mod watch;

pub use error::ToolError;
pub use reply::{Reply, Untrusted};
pub use server::{QcServer, Upstream, UpstreamWorld};
pub use settings::{Settings, Transport};
pub use stop::told_to_stop;

/// Fetches the public keys of an issuer: at most so many bytes, https or (with `loopback`) http from this computer.
///
/// # Errors
/// What went wrong on the way.
pub async fn fetch_keys(issuer: &settings::Issuer, limit: u64) -> Result<Vec<u8>, String> {
    qc_api::document::fetch(&issuer.jwks_url, issuer.loopback, limit).await.map_err(|error| error.to_string())
}
