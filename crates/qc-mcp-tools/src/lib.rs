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

pub mod args;
pub mod caller;
mod clients;
mod coerce;
pub mod compute;
pub mod ctx;
pub mod error;
mod flows;
pub mod gate;
pub mod hint;
mod kept;
pub mod logs;
mod machine;
mod metrics;
pub mod prompts;
pub mod reference;
pub mod reply;
pub mod resources;
pub mod roots;
mod schema;
pub mod server;
pub mod settings;
pub mod shelf;
pub mod store;
pub mod tools;

pub use error::ToolError;
pub use reply::{Reply, Untrusted};
pub use server::{QcServer, Upstream, UpstreamWorld};
pub use settings::{Settings, Transport};
