//! Looking at work at QuantConnect, and waiting for it. What is found is the service's own answer; that the work goes
//! on there, whatever happens here, is what makes its handle need no record.

use std::time::Duration;

use qc_api::{
    endpoints::{
        backtests::ReadBacktest,
        compile::{CompileReply, CompileState, ReadCompile},
        optimizations::ReadOptimization,
    },
    ids::ProjectId,
    model::{Backtest, Optimization},
    poll::Schedule,
};

use tokio::time::Instant;

use super::{Cloud, Status, Step};
use crate::{
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    flows::backtest::Run,
    gate::Door,
};

/// How much longer than asked for the last look may take.
const GRACE: Duration = Duration::from_secs(5);

/// What a look at work found.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// A backtest.
    Backtest(Run, Box<Backtest>),
    /// A compile.
    Compile(ProjectId, Box<CompileReply>),
    /// An optimization.
    Optimization(Box<Optimization>),
}

impl Seen {
    /// How far it is.
    pub(crate) fn status(&self) -> Status {
        match self {
            Seen::Backtest(_, backtest) if backtest.failure().is_some() => Status::Failed,
            Seen::Backtest(_, backtest) if backtest.is_finished() => Status::Done,
            Seen::Backtest(_, backtest) if backtest.status.is_queued() => Status::Queued,
            Seen::Compile(_, reply) if reply.state == CompileState::BuildError => Status::Failed,
            Seen::Compile(_, reply) if reply.state.is_finished() => Status::Done,
            Seen::Compile(_, reply) if reply.state == CompileState::InQueue => Status::Queued,
            Seen::Optimization(found) if found.status.as_ref().is_some_and(|status| status.is_finished()) => {
                Status::Done
            }
            _ => Status::Running,
        }
    }

    /// Whether it is over and will not gain a part: a backtest's figures of the whole run may come a little later.
    fn is_settled(&self) -> bool {
        let is_partial = match self {
            Seen::Backtest(_, backtest) => backtest.failure().is_none() && backtest.total_performance.is_none(),
            Seen::Compile(..) | Seen::Optimization(_) => false,
        };
        self.status().is_over() && !is_partial
    }

    /// Where it stands.
    pub(crate) fn step(&self) -> Step {
        let (what, share) = match self {
            Seen::Backtest(_, backtest) => ("backtest", backtest.share_done()),
            Seen::Compile(..) => ("compile", None),
            Seen::Optimization(found) => ("optimization", found.share_done()),
        };
        let name = format!("{what} {}", self.status().id());
        Step { name, done: share.unwrap_or_default(), total: share.map(|_| 1.0) }
    }
}

/// Looks once.
///
/// # Errors
/// What the door says.
pub(crate) async fn look(door: &Door, work: &Cloud) -> Result<Seen, ToolError> {
    Ok(match work.clone() {
        Cloud::Backtest { project_id, backtest_id } => {
            let request = ReadBacktest { project_id, backtest_id: backtest_id.clone() };
            let backtest = door.send(&request).await?.backtest;
            Seen::Backtest(Run { project_id, backtest_id }, Box::new(backtest))
        }
        Cloud::Compile { project_id, compile_id } => {
            Seen::Compile(project_id, Box::new(door.send(&ReadCompile { project_id, compile_id }).await?))
        }
        Cloud::Optimization { optimization_id } => {
            Seen::Optimization(Box::new(door.send(&ReadOptimization { optimization_id }).await?.optimization))
        }
    })
}

/// Looks until the work is over or `patience` is, and answers the last look. A failure that may pass is waited over.
///
/// # Errors
/// What the door says, for a failure that lasts.
pub(crate) async fn wait(
    door: &Door,
    work: &Cloud,
    patience: Duration,
    progress: &Progress,
) -> Result<Seen, ToolError> {
    let schedule = match work {
        Cloud::Compile { .. } => Schedule::COMPILE,
        Cloud::Backtest { .. } | Cloud::Optimization { .. } => Schedule::LONG_JOB,
    };
    let mut pauses = schedule.waits();
    let begun = door.now().await?;
    // A look takes its time too: the caller's host does not wait for ever.
    let end = Instant::now() + patience + GRACE;
    let mut over_since = None;
    loop {
        let seen = tokio::time::timeout_at(end, look(door, work)).await.unwrap_or_else(|_| {
            Err(ToolError::new(Kind::Unavailable, Topic::General, "QuantConnect did not answer in time"))
        });
        let passed = Duration::try_from(door.now().await?.duration_since(begun)).unwrap_or(Duration::ZERO);
        let left = patience.saturating_sub(passed);
        let mut pause = pauses.next().unwrap_or(schedule.then);
        match &seen {
            Ok(seen) if seen.is_settled() || left.is_zero() => return Ok(seen.clone()),
            Ok(seen) if seen.status().is_over() => {
                let since = *over_since.get_or_insert(passed);
                if Schedule::SETTLE.give_up <= passed.saturating_sub(since) {
                    return Ok(seen.clone());
                }
                pause = Schedule::SETTLE.then;
            }
            Ok(seen) => {
                let Step { name, done, total } = seen.step();
                match total {
                    Some(_) => progress.report(done, total, format!("{name}, {:.0} %", 100.0 * done)),
                    None => progress.report(passed.as_secs_f64(), Some(patience.as_secs_f64()), name),
                }
            }
            Err(error) if error.retryable && !left.is_zero() => {}
            Err(_) => return seen,
        }
        // By this computer's clock the time may be over before it is by the service's.
        if end <= Instant::now() {
            return seen;
        }
        door.sleep(pause.min(left)).await?;
    }
}
