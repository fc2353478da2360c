//! How a strategy did: growth, risk, drawdowns, tails, and against a benchmark.

pub mod benchmark;
pub mod calendar;
pub mod deflated_sharpe;
pub mod drawdown;
pub mod robust;
pub mod rolling;
pub mod sharpe;
pub mod summary;
pub mod sweep;
pub mod tails;

pub use benchmark::{BenchmarkStatistics, against};
pub use drawdown::{Drawdown, equity_curve};
pub use summary::{Performance, PerformanceOptions, RiskFree, summary};
