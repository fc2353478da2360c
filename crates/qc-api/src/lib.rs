//! A typed client of the QuantConnect REST API v2.
//!
//! A request is a value and the value is the endpoint: [`Client::send`] takes it and gives the answer.
//!
//! ```no_run
//! use qc_api::endpoints::{backtests::CreateBacktest, backtests::ReadBacktest, compile::CreateCompile};
//! use qc_api::poll::{Progress, Schedule, Step, until};
//! use qc_api::{Client, Config, Credentials, Error};
//!
//! # async fn example(project_id: qc_api::ids::ProjectId) -> qc_api::Result<()> {
//! let credentials = Credentials::from_env()?.ok_or_else(|| Error::Config("not signed in".into()))?;
//! let client = Client::new(Config::new(credentials))?;
//! let compile_id = client.send(&CreateCompile { project_id }).await?.compile_id;
//! let request = CreateBacktest { project_id, compile_id, backtest_name: "first".into(), ..Default::default() };
//! let backtest_id = client.send(&request).await?.backtest.backtest_id;
//! let done = until(&**client.clock(), Schedule::LONG_JOB, None, |_| {}, || async {
//!     let backtest = client.send(&ReadBacktest { project_id, backtest_id: backtest_id.clone() }).await?.backtest;
//!     let progress = Progress { share: backtest.share_done(), state: backtest.status.to_string() };
//!     Ok(if backtest.is_finished() { Step::Done(backtest) } else { Step::Waiting(progress) })
//! })
//! .await?;
//! let sharpe = done.statistics.figure("Sharpe Ratio").map(|figure| figure.value);
//! # let _ = sharpe;
//! # Ok(())
//! # }
//! ```
//!
//! The whole way, from a new project to its orders, is the example program `first_backtest`; it needs no account.
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
//! Beside them: [`poll`] waits for long work, [`paging`] walks long lists, [`brokerage`] checks the settings of a
//! deployment and says whether it moves real money.
//!
//! # What it promises
//! - **Nothing that creates is sent twice.** Reads and plain updates are repeated after a failure, with growing
//!   waits; a creating call whose answer was lost ends in [`Error::MaybeCreated`], and [`lookup`] finds what it made.
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
pub use endpoint::{Cost, Effect, Encoding, Endpoint, EndpointInfo, Reach};
pub use endpoints::{ENDPOINTS, endpoints};
pub use error::{Error, Result};
pub use judge::read_reply;
pub use limit::Rate;
pub use retry::RetryPolicy;
