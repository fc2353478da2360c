//! A typed client of the QuantConnect REST API v2.
//!
//! A request is a value and the value is the endpoint: [`Client::send`] takes it and gives the answer.
//!
//! ```no_run
//! use qc_api::endpoints::{backtests::CreateBacktest, backtests::ReadBacktest, compile::CreateCompile, compile::ReadCompile};
//! use qc_api::{Client, Config, Credentials, Error};
//!
//! # async fn example(project_id: qc_api::ids::ProjectId) -> qc_api::Result<()> {
//! let credentials = Credentials::from_env()?.ok_or_else(|| Error::Config("not signed in".into()))?;
//! let client = Client::new(Config::new(credentials))?;
//! let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
//! client.wait(&ReadCompile { project_id, compile_id: compile_id.clone() }).await?;
//! let request = CreateBacktest { project_id, compile_id, backtest_name: "first".into(), ..Default::default() };
//! let backtest_id = client.send(&request).await?.backtest.backtest_id;
//! let backtest = client.wait(&ReadBacktest { project_id, backtest_id }).await?.backtest;
//! let sharpe = backtest.statistics.figure("Sharpe Ratio").map(|figure| figure.value);
//! # let _ = sharpe;
//! # Ok(())
//! # }
//! ```
//!
//! The same lines as a program that needs no account: `cargo run -p qc-examples --example run_backtest`. The folder
//! `examples` has one for each thing people do: sign in, page orders, sweep parameters, look at what runs live, use the
//! object store.
//!
//! # Where things are
//!
//! | Module | What it is for |
//! |---|---|
//! | [`endpoints`](mod@endpoints) | the requests, by resource; [`ENDPOINTS`] is the table of all with what each changes, costs and reaches |
//! | [`model`] | what answers hold: backtests, charts, orders, trades, insights, statistics, deployments, projects |
//! | [`error`] | what can go wrong, with a predicate for each ([the table](error)) |
//! | [`auth`] | credentials: given, from the environment, from lean-cli; the signature |
//! | [`poll`] | waiting for long work: [`Client::wait`] |
//! | [`paging`] | walking long lists: [`Client::rows`], [`Client::all`], [`Client::objects`] |
//! | [`download`] | what pre-signed links point to: [`Client::download`], [`Client::download_objects`] |
//! | [`lookup`] | after a lost answer: what a creating call may have made |
//! | [`brokerage`] | settings of a deployment, checked and masked, and whether it moves real money |
//! | [`ids`] | identifiers that cannot be mixed up |
//! | [`wire`] | how odd answers are read, one oddity per file |
//! | [`clock`] | where time comes from; a test hands in its own |
//!
//! | Resource | Requests |
//! |---|---|
//! | [`account`](endpoints::account), [`organizations`](endpoints::organizations) | sign in, credit, user; organizations, keys for encryption |
//! | [`projects`](endpoints::projects), [`files`](endpoints::files) | create, read, update, delete; rename, patch |
//! | [`collaboration`](endpoints::collaboration), [`libraries`](endpoints::libraries), [`nodes`](endpoints::nodes) | who may see and edit a project, what it uses, what it runs on |
//! | [`compile`](endpoints::compile) | create, read |
//! | [`backtests`](endpoints::backtests) | create, read, list, chart, orders, insights, trades, logs, report, name, note, tags, delete |
//! | [`optimizations`](endpoints::optimizations) | estimate, create, read, list, rename, abort, delete |
//! | [`live`](endpoints::live), [`live_commands`](endpoints::live_commands), [`connections`](endpoints::connections) | deploy, read, list, portfolio, chart, orders, trades, insights, logs, stop, liquidate; commands; login at brokerages |
//! | [`object_store`](endpoints::object_store) | write, download in two steps, properties, list, delete |
//! | [`lean`](endpoints::lean), [`data`](endpoints::data) | versions and environments of LEAN; prices, lists and links of data |
//! | [`assist`](endpoints::assist), [`community`](endpoints::community) | checks, completion and search for authors; reports of faulty data, news |
//!
//! # What it promises
//! - **Nothing that creates is sent twice.** Reads and plain updates are repeated after a failure, with growing
//!   waits; a creating call whose answer was lost ends in [`Error::MaybeCreated`], and [`lookup`] finds what it made.
//! - **Odd answers read.** `[]` for an empty map, numbers and booleans as text, dates in five forms, unknown words
//!   and members: see [`wire`]. What cannot be read is an [`Error::Shape`] that names the place.
//! - **Secrets stay secret.** The token never travels, never prints and is wiped after use; redirects are not
//!   followed; only https, or http on loopback, sees a signed header; links are fetched without it.
//! - **One clock.** Signing, waiting and polling go through [`Clock`], so tests need not sleep.
//!
//! # Units
//!
//! | What | Unit |
//! |---|---|
//! | moments | [`jiff::Timestamp`], UTC, whatever the service wrote |
//! | durations | [`std::time::Duration`] on our side, [`jiff::SignedDuration`] in answers |
//! | [`PortfolioStatistics`](model::PortfolioStatistics), [`TradeStatistics`](model::TradeStatistics) | rates are fractions: 0.01 is one percent |
//! | [`Statistics`](model::Statistics), [`BacktestSummary`](model::BacktestSummary), points of an optimization | as displayed: rates in percent; [`Figure::fraction`](wire::display::Figure::fraction) converts |
//! | prices and amounts | the currency the answer names, else the account's |
//! | credit | QCC; 100 QCC are one US dollar |
//! | progress | a share, 0 to 1 |
//! | positions in lists | from 0, `start` included, `end` not |
//!
//! # Sources
//! QuantConnect's API description (`QuantConnect-Platform-2.0.0.yaml`) and documentation; what its own clients do: LEAN's
//! `Api`, lean-cli, the MCP server. Where they leave something open, the item says so.

pub mod auth;
pub mod brokerage;
pub mod clock;
pub mod document;
pub mod download;
pub mod endpoint;
pub mod endpoints;
pub mod error;
pub mod ids;
pub mod lookup;
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
pub use endpoint::{Cost, Effect, Encoding, Endpoint, EndpointInfo, Part, PartContent, Reach};
pub use endpoints::{ENDPOINTS, endpoints};
pub use error::{Error, Result};
pub use judge::read_reply;
pub use limit::Rate;
pub use retry::RetryPolicy;
