//! QuantConnect in memory: a simulator of the REST API and a small synthetic market.
//!
//! [`Sim::start`] serves the API on 127.0.0.1 with the real service's rules, sentences and oddities. Time is virtual
//! unless asked otherwise, every request is written to a [`Journal`], misbehaviour is made on demand by [`Faults`], and
//! signatures are checked for real. Backtests are not run: they hold what was named in the code on the prices of
//! [`market`], which are drawn from a seed, and say so.
//!
//! ```
//! # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! use qc_api::endpoints::projects::ReadProjects;
//!
//! let sim = qc_sim::Sim::start().await?;
//! let answer = sim.client()?.send(&ReadProjects::default()).await?;
//! assert_eq!(answer.projects.len(), 2);
//! assert_eq!(sim.journal().paths(), ["projects/read"]);
//! # Ok(()) }
//! # tokio::runtime::Runtime::new().unwrap().block_on(doc()).unwrap();
//! ```

mod body;
mod clock;
mod code;
mod endpoints;
mod error;
mod faults;
mod journal;
pub mod market;
mod options;
mod patch;
mod quirks;
mod refuse;
mod report;
mod routes;
mod run;
pub mod seed;
mod server;
mod shelf;
mod signature;
mod sim;
mod ticket;
mod world;

pub use clock::SimClock;
pub use error::{Error, Result};
pub use faults::{Fault, Faults};
pub use journal::{Entry, Journal};
pub use options::{AuthFailure, ClockMode, FolderMode, JobTimes, SimAccount, SimOptions, SimOrganization};
pub use quirks::Quirks;
pub use sim::Sim;
pub use world::{Quotas, Tier};

use sim::Shared;

/// Locks, whatever became of the thread that held the lock before: the simulator has no invariant a panic could break.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
