//! Waiting for long work: ask, wait, ask again, until it is done or time is up.
//!
//! All waiting goes through the [`Clock`]; the work itself goes on at the service whatever happens here. [`until`]
//! waits for anything; [`Awaited`] says of each reading request when its answer is the one waited for, and
//! [`crate::Client::wait`] is the short way: send, wait, send again.

mod awaited;

use std::time::Duration;

use futures::future::{Either, select};

use crate::clock::Clock;
use crate::error::{Error, Result};

pub use awaited::{Awaited, wait};

/// When to ask: groups of equal waits, the last one for ever, and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// How often each wait is used, in order; afterwards [`Schedule::then`].
    pub first: &'static [(u32, Duration)],
    /// The wait once the first ones are used up.
    pub then: Duration,
    /// The time after which official clients give up.
    pub give_up: Duration,
}

impl Schedule {
    /// Backtests and optimizations: lean-cli's rhythm, for up to 24 h.
    pub const LONG_JOB: Self = Self {
        first: &[
            (4, Duration::from_millis(250)),
            (9, Duration::from_secs(1)),
            (10, Duration::from_secs(2)),
            (54, Duration::from_secs(5)),
        ],
        then: Duration::from_secs(10),
        give_up: Duration::from_secs(24 * 3_600),
    };
    /// Compiling: seldom more than a few seconds, at most a minute.
    pub const COMPILE: Self = Self {
        first: &[(4, Duration::from_millis(250)), (9, Duration::from_secs(1))],
        then: Duration::from_secs(2),
        give_up: Duration::from_secs(60),
    };
    /// The rest of a backtest that has just completed: every 10 s for a minute, as lean-cli does.
    pub const SETTLE: Self = Self { first: &[], then: Duration::from_secs(10), give_up: Duration::from_secs(60) };
    /// Charts (and orders of live runs) that answer `loading`: every 5 s for a minute.
    pub const CHART: Self = Self { first: &[], then: Duration::from_secs(5), give_up: Duration::from_secs(60) };
    /// The service's report: every 10 s for a minute.
    pub const REPORT: Self = Self { first: &[], then: Duration::from_secs(10), give_up: Duration::from_secs(60) };
    /// A download from the object store: every 3 s for 5 minutes.
    pub const DOWNLOAD: Self = Self { first: &[], then: Duration::from_secs(3), give_up: Duration::from_secs(300) };
    /// A deployment on its way to running: every 10 s for 3 minutes.
    pub const DEPLOY: Self = Self { first: &[], then: Duration::from_secs(10), give_up: Duration::from_secs(180) };

    /// A login at a brokerage: every 5 s for 7 minutes.
    pub const LOGIN: Self = Self { first: &[], then: Duration::from_secs(5), give_up: Duration::from_secs(420) };

    /// The waits in order, without end.
    pub fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let then = self.then;
        self.first
            .iter()
            .flat_map(|&(times, wait)| std::iter::repeat_n(wait, times as usize))
            .chain(std::iter::repeat(then))
    }
}

/// What one look at the work found.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<T> {
    /// It is done.
    Done(T),
    /// It is not.
    Waiting(Progress),
}

/// How far the work is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// The share done, 0 to 1, if the service says.
    pub share: Option<f64>,
    /// The state in the service's words.
    pub state: String,
}

/// The time a look may take that begins right before the end, or at it.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// What `look` finds, or `None` when `left` is over before it has found anything. It is then dropped.
async fn within<T>(clock: &dyn Clock, left: Duration, look: impl Future<Output = T>) -> Option<T> {
    match select(std::pin::pin!(look), clock.limit(left.max(LAST_LOOK))).await {
        Either::Left((found, _)) => Some(found),
        Either::Right(_) => None,
    }
}

/// Asks until the work is done.
///
/// `look` is called first at once and then after each wait of `schedule`; `report` hears every step that is not
/// the last. Ends after `deadline` (default: the schedule's own end) with a last look exactly at that moment. A look
/// that is still under way at the end is dropped, so it must be one that changes nothing; one that began less than five
/// seconds before the end has five seconds.
///
/// # Errors
/// [`Error::DeadlinePassed`] when time is up; whatever `look` returns otherwise.
pub async fn until<T, F, Fut>(
    clock: &dyn Clock,
    schedule: Schedule,
    deadline: Option<Duration>,
    mut report: impl FnMut(&Progress),
    mut look: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Step<T>>>,
{
    let start = clock.now();
    let deadline = deadline.unwrap_or(schedule.give_up);
    let waited = || Duration::try_from(clock.now().duration_since(start)).unwrap_or(Duration::ZERO);
    let mut last = String::new();
    for wait in schedule.waits() {
        let Some(found) = within(clock, deadline.saturating_sub(waited()), look()).await else { break };
        let progress = match found? {
            Step::Done(result) => return Ok(result),
            Step::Waiting(progress) => progress,
        };
        report(&progress);
        last = progress.state;
        let left = deadline.saturating_sub(waited());
        if left.is_zero() {
            break;
        }
        clock.sleep(wait.min(left)).await;
    }
    if last.is_empty() {
        "no answer so far".clone_into(&mut last);
    }
    Err(Error::DeadlinePassed { waited: waited(), last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::VirtualClock;

    #[test]
    fn the_official_rhythm() {
        let waits: Vec<_> = Schedule::LONG_JOB.waits().take(80).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits[..5], [250, 250, 250, 250, 1000]);
        assert_eq!(
            (waits[12], waits[13], waits[22], waits[23], waits[76], waits[77]),
            (1000, 2000, 2000, 5000, 5000, 10_000)
        );
    }

    #[tokio::test]
    async fn ends_with_the_work_and_reports_on_the_way() {
        let clock = VirtualClock::default();
        let (mut seen, mut looks) = (Vec::new(), 0);
        let result = until(
            &clock,
            Schedule::CHART,
            None,
            |progress| seen.push(progress.share),
            || {
                looks += 1;
                let step = if looks < 3 {
                    Step::Waiting(Progress { share: Some(f64::from(looks) / 4.0), state: "loading".into() })
                } else {
                    Step::Done("chart")
                };
                async { Ok(step) }
            },
        )
        .await;
        assert_eq!(result, Ok("chart"));
        assert_eq!(seen, [Some(0.25), Some(0.5)]);
        assert_eq!(clock.elapsed(), Duration::from_secs(10));
    }

    /// A clock on which time passes while a look is under way.
    #[derive(Debug, Default)]
    struct Running(std::sync::Arc<VirtualClock>);

    impl Clock for Running {
        fn now(&self) -> jiff::Timestamp {
            self.0.now()
        }
        fn sleep(&self, duration: Duration) -> futures::future::BoxFuture<'static, ()> {
            self.0.sleep(duration)
        }
        fn limit(&self, duration: Duration) -> futures::future::BoxFuture<'static, ()> {
            let clock = self.0.clone();
            Box::pin(async move { clock.sleep(duration).await })
        }
    }

    #[tokio::test]
    async fn a_look_that_does_not_come_back_ends_with_the_deadline() {
        for (deadline, expected) in [(30, 30), (2, 5)] {
            let clock = Running::default();
            let deadline = Some(Duration::from_secs(deadline));
            let look = || std::future::pending::<Result<Step<()>>>();
            let error = until(&clock, Schedule::LOGIN, deadline, |_| {}, look).await.unwrap_err();
            let waited = Duration::from_secs(expected);
            assert_eq!(error, Error::DeadlinePassed { waited, last: "no answer so far".into() });
        }
        // One that came back before is what the error tells of.
        let clock = Running::default();
        let mut looks = 0;
        let look = || {
            looks += 1;
            let first = looks == 1;
            async move {
                if !first {
                    std::future::pending::<()>().await;
                }
                Ok(Step::<()>::Waiting(Progress { share: None, state: "not signed in yet".into() }))
            }
        };
        let error = until(&clock, Schedule::LOGIN, None, |_| {}, look).await.unwrap_err();
        let waited = Schedule::LOGIN.give_up;
        assert_eq!(error, Error::DeadlinePassed { waited, last: "not signed in yet".into() });
    }

    #[tokio::test]
    async fn gives_up_at_the_deadline_with_a_last_look() {
        let clock = VirtualClock::default();
        let mut looks = 0;
        let look = || {
            looks += 1;
            async { Ok(Step::<()>::Waiting(Progress { share: None, state: "loading".into() })) }
        };
        let error = until(&clock, Schedule::CHART, Some(Duration::from_secs(12)), |_| {}, look).await.unwrap_err();
        assert_eq!(error, Error::DeadlinePassed { waited: Duration::from_secs(12), last: "loading".into() });
        assert_eq!(looks, 4); // at 0, 5, 10 and 12 s
    }
}
