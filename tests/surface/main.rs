//! The list of tools as a product: small, flat, unique, documented, and unchanged unless accepted.

mod budgets;
mod contract;
mod hints;
mod pages;
mod readme;
mod schemas;
mod snapshots;
mod words;

use qc_mcp_tools::{QcServer, Settings, Transport, Upstream};

/// A server with these flags; it reaches nothing.
fn server(flags: &[&str]) -> QcServer {
    let settings = Settings::isolated(Transport::Stdio, flags.iter().copied()).unwrap();
    QcServer::new(settings, Upstream::Configured).unwrap()
}

/// A server with every tool there is.
fn everything() -> QcServer {
    server(&["--toolsets", "all,discover", "--mode", "live", "--allow-live-orgs", "abc"])
}
