//! How a simulator is set up: its clock, its seed, its oddities, how long its jobs take.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::market;
use crate::quirks::Quirks;
use crate::world::{Quotas, Tier};

/// Settings of a simulator; the default is what tests want: virtual time, any port, every oddity on.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// Whose time jobs and signatures follow.
    pub clock: ClockMode,
    /// Seed of identifiers and of the synthetic market.
    pub seed: u64,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Oddities of the real service laid over the answers.
    pub quirks: Quirks,
    /// How long jobs take on the simulator's clock; `None` takes what suits the clock.
    pub jobs: Option<JobTimes>,
    /// Age at which a signature stops to be valid.
    pub signature_window: Duration,
    /// How wrong credentials are answered.
    pub auth_failure: AuthFailure,
    /// Where the market's LEAN data folder is written, if at all.
    pub folder: FolderMode,
    /// Plan of the seeded account's organization: it sets the quotas.
    pub tier: Tier,
    /// Organizations beside the two that are always there; an account of [`seed`](crate::seed) may be a member too.
    pub organizations: Vec<SimOrganization>,
    /// Accounts beside the two that are always there.
    pub accounts: Vec<SimAccount>,
    /// Quotas of every organization, in place of those of its plan.
    pub quotas: Option<Quotas>,
    /// Backtests an account may start within a minute before the throttle speaks; `None` switches it off.
    pub backtests_per_minute: Option<usize>,
    /// A file the world is read from at the start, if it exists, and written to after each change.
    pub saved_world: Option<PathBuf>,
    /// How many requests the journal keeps, the last ones; `None` keeps all of them, as tests want it.
    pub journal: Option<usize>,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            clock: ClockMode::Virtual,
            seed: market::DEMO_SEED,
            port: 0,
            quirks: Quirks::default(),
            jobs: None,
            signature_window: Duration::from_secs(7200),
            auth_failure: AuthFailure::default(),
            folder: FolderMode::None,
            tier: Tier::Team,
            organizations: Vec::new(),
            accounts: Vec::new(),
            quotas: None,
            backtests_per_minute: None,
            saved_world: None,
            journal: None,
        }
    }
}

impl SimOptions {
    /// How many requests the journal of a server that runs for long should keep.
    pub const LONG_RUNNING_JOURNAL: usize = 1000;

    /// What a demo wants: real time with jobs of a second or two, the market on disk, and a journal that does not grow for ever.
    pub fn demo() -> Self {
        Self {
            clock: ClockMode::Real,
            folder: FolderMode::Temporary,
            journal: Some(Self::LONG_RUNNING_JOURNAL),
            ..Self::default()
        }
    }

    pub(crate) fn job_times(&self) -> JobTimes {
        self.jobs.unwrap_or(match self.clock {
            ClockMode::Virtual | ClockMode::VirtualFrom(_) => JobTimes::REALISTIC,
            ClockMode::Real => JobTimes::FAST,
        })
    }
}

/// An organization to add: with a free plan it has the nodes of one, with any other those of the seeded one.
#[derive(Debug, Clone, PartialEq)]
pub struct SimOrganization {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its plan, which sets the quotas.
    pub tier: Tier,
    /// User ids, the owner first.
    pub members: Vec<i64>,
    /// Balance in QCC.
    pub credit: f64,
}

/// An account to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimAccount {
    /// User id.
    pub id: i64,
    /// API token: it opens nothing but the simulator.
    pub token: String,
    /// Its name.
    pub name: String,
    /// The identifier by which it is invited to projects.
    pub public_id: String,
    /// The organization meant when a request names none; it must be a member of it.
    pub organization: String,
}

/// Whose time the simulator follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockMode {
    /// Virtual time from a fixed moment; it moves when somebody sleeps on it.
    #[default]
    Virtual,
    /// Virtual time from this moment.
    VirtualFrom(Timestamp),
    /// The computer's clock.
    Real,
}

/// How long each kind of job takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobTimes {
    /// From `compile/create` to its result.
    pub compile: Duration,
    /// From `backtests/create` to its first progress.
    pub backtest_queue: Duration,
    /// From the first progress to completion.
    pub backtest_run: Duration,
    /// What a launch on the free node model waits longer in the queue (documented).
    pub free_node_delay: Duration,
    /// From completion to the statistics: a backtest may be complete and lack them for a moment.
    pub statistics: Duration,
    /// From the first request of a chart to its points.
    pub chart: Duration,
    /// From the first request of a report to its document.
    pub report: Duration,
    /// From `optimizations/create` to its last backtest, per backtest.
    pub optimization_step: Duration,
    /// From `live/create` to an algorithm that runs.
    pub live_start: Duration,
    /// From the first `object/get` to the link.
    pub download: Duration,
}

impl JobTimes {
    /// Times as a user of the service sees them; they cost nothing on a virtual clock.
    pub const REALISTIC: Self = Self {
        compile: Duration::from_secs(4),
        backtest_queue: Duration::from_secs(5),
        backtest_run: Duration::from_secs(30),
        free_node_delay: Duration::from_secs(20),
        statistics: Duration::from_secs(3),
        chart: Duration::from_secs(5),
        report: Duration::from_secs(15),
        optimization_step: Duration::from_secs(20),
        live_start: Duration::from_secs(45),
        download: Duration::from_secs(6),
    };

    /// Short enough to watch.
    pub const FAST: Self = Self {
        compile: Duration::from_millis(300),
        backtest_queue: Duration::from_millis(200),
        backtest_run: Duration::from_millis(1200),
        free_node_delay: Duration::from_millis(800),
        statistics: Duration::from_millis(100),
        chart: Duration::ZERO,
        report: Duration::from_millis(500),
        optimization_step: Duration::from_millis(150),
        live_start: Duration::from_millis(1500),
        download: Duration::from_millis(500),
    };

    /// Everything is done at once.
    pub const NONE: Self = Self {
        compile: Duration::ZERO,
        backtest_queue: Duration::ZERO,
        backtest_run: Duration::ZERO,
        free_node_delay: Duration::ZERO,
        statistics: Duration::ZERO,
        chart: Duration::ZERO,
        report: Duration::ZERO,
        optimization_step: Duration::ZERO,
        live_start: Duration::ZERO,
        download: Duration::ZERO,
    };
}

/// How wrong credentials are answered; all three have been observed of the real service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthFailure {
    /// HTTP 200 with `success: false` and a sentence.
    #[default]
    Sentence,
    /// HTTP 401 with the sentence in the body.
    Unauthorized,
    /// HTTP 500 with an empty body.
    ServerError,
}

/// Where the market's LEAN data folder is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FolderMode {
    /// Nowhere; backtests draw their prices in memory.
    #[default]
    None,
    /// To a temporary folder that goes with the simulator.
    Temporary,
    /// To this folder, which is made if need be and stays.
    At(PathBuf),
}
