//! Which answer is the one waited for, request by request.
//!
//! States and rhythms as the official clients know them: lean-cli's `task_manager.py` and `backtest_runner.py`,
//! LEAN's `Api.cs`, the tests of QuantConnect's own MCP server.

use std::time::Duration;

use super::{Progress, Schedule, Step, until, within};
use crate::clock::Clock;
use crate::endpoint::Endpoint;
use crate::endpoints::backtests::{BacktestReply, ReadBacktest, ReadBacktestChart, ReadBacktestReport, ReportReply};
use crate::endpoints::compile::{CompileReply, ReadCompile};
use crate::endpoints::connections::{ConnectionReply, ReadConnection};
use crate::endpoints::live::{LiveOrdersReply, ReadLive, ReadLiveChart, ReadLiveOrders};
use crate::endpoints::object_store::{DownloadReply, ReadDownload};
use crate::endpoints::optimizations::{OptimizationReply, ReadOptimization};
use crate::error::{Error, Result};
use crate::model::{ChartReply, LiveAlgorithm};

/// A reading request that is repeated until what it reads is ready.
///
/// | Request | Waited for | Asked | Given up after |
/// |---|---|---|---|
/// | [`ReadCompile`] | an end, good or bad | 0.25 s, 1 s, 2 s | 60 s |
/// | [`ReadBacktest`] | failure, or statistics (and up to 60 s more for the figures of the whole run) | 0.25 s .. 10 s | 24 h |
/// | [`ReadBacktestChart`], [`ReadLiveChart`] | the chart instead of `loading` | 5 s | 60 s |
/// | [`ReadLiveOrders`] | orders instead of `loading` | 5 s | 60 s |
/// | [`ReadBacktestReport`] | the page | 10 s | 60 s |
/// | [`ReadOptimization`] | completed or aborted | 0.25 s .. 10 s | 24 h |
/// | [`ReadLive`] | the end of starting: running, failed, or an end | 10 s | 3 min |
/// | [`ReadDownload`] | the link | 3 s | 5 min |
/// | [`ReadConnection`] | the tokens; a refusal only means "not yet" | 5 s | 7 min |
pub trait Awaited: Endpoint + Clone {
    /// When official clients ask, and when they give up.
    const SCHEDULE: Schedule;

    /// Whether an answer is the one waited for, or how far the work is.
    fn step(reply: Self::Reply) -> Step<Self::Reply>;

    /// Whether a failure only means that it is too early.
    fn is_too_early(_error: &Error) -> bool {
        false
    }

    /// Whether an answer that is ready may still gain a part; then it is asked for a little longer
    /// ([`Schedule::SETTLE`]), and given as it is when that time is over.
    fn is_partial(_reply: &Self::Reply) -> bool {
        false
    }
}

/// Sends `request` until its answer is the one waited for.
///
/// `send` sends one request; `report` hears every step that is not the last; `deadline` stands in place of the
/// schedule's own end. [`crate::Client::wait`] is this with a client.
///
/// # Errors
/// [`Error::DeadlinePassed`] when time is up (the work goes on at the service); whatever `send` returns otherwise.
pub async fn wait<E, S, Fut>(
    request: &E,
    clock: &dyn Clock,
    deadline: Option<Duration>,
    report: impl FnMut(&Progress),
    send: S,
) -> Result<E::Reply>
where
    E: Awaited,
    S: Fn(E) -> Fut,
    Fut: Future<Output = Result<E::Reply>>,
{
    let start = clock.now();
    let look = || async {
        match send(request.clone()).await {
            Ok(reply) => Ok(E::step(reply)),
            Err(error) if E::is_too_early(&error) => {
                Ok(Step::Waiting(Progress { share: None, state: error.to_string() }))
            }
            Err(error) => Err(error),
        }
    };
    let mut reply = until(clock, E::SCHEDULE, deadline, report, look).await?;
    let passed = || Duration::try_from(clock.now().duration_since(start)).unwrap_or(Duration::ZERO);
    let end = deadline.unwrap_or(Duration::MAX).min(passed().saturating_add(Schedule::SETTLE.give_up));
    while E::is_partial(&reply) {
        let left = end.saturating_sub(passed());
        if left.is_zero() {
            break;
        }
        clock.sleep(Schedule::SETTLE.then.min(left)).await;
        // From here on nothing can take away what is ready: neither a failure nor an answer that goes back.
        match within(clock, end.saturating_sub(passed()), send(request.clone())).await {
            Some(Ok(again)) => match E::step(again) {
                Step::Done(again) => reply = again,
                Step::Waiting(_) => break,
            },
            Some(Err(_)) => {}
            None => break,
        }
    }
    Ok(reply)
}

/// Waiting in a state of the service, with the share done if it says one.
fn waiting<T>(share: Option<f64>, state: impl Into<String>) -> Step<T> {
    Step::Waiting(Progress { share: share.filter(|share| (0.0..=1.0).contains(share)), state: state.into() })
}

impl Awaited for ReadCompile {
    const SCHEDULE: Schedule = Schedule::COMPILE;
    fn step(reply: CompileReply) -> Step<CompileReply> {
        if reply.state.is_finished() { Step::Done(reply) } else { waiting(None, reply.state.as_str()) }
    }
}

impl Awaited for ReadBacktest {
    const SCHEDULE: Schedule = Schedule::LONG_JOB;
    fn step(reply: BacktestReply) -> Step<BacktestReply> {
        if reply.backtest.is_finished() {
            return Step::Done(reply);
        }
        waiting(reply.backtest.share_done(), reply.backtest.status.0)
    }
    fn is_partial(reply: &BacktestReply) -> bool {
        reply.backtest.failure().is_none() && reply.backtest.total_performance.is_none()
    }
}

/// A chart is there, or the service says how far it is with it.
fn chart_step(reply: ChartReply) -> Step<ChartReply> {
    if reply.chart.is_some() {
        return Step::Done(reply);
    }
    waiting(reply.progress, reply.status.unwrap_or_else(|| "loading".to_owned()))
}

impl Awaited for ReadBacktestChart {
    const SCHEDULE: Schedule = Schedule::CHART;
    fn step(reply: ChartReply) -> Step<ChartReply> {
        chart_step(reply)
    }
}

impl Awaited for ReadLiveChart {
    const SCHEDULE: Schedule = Schedule::CHART;
    fn step(reply: ChartReply) -> Step<ChartReply> {
        chart_step(reply)
    }
}

impl Awaited for ReadLiveOrders {
    const SCHEDULE: Schedule = Schedule::CHART;
    fn step(reply: LiveOrdersReply) -> Step<LiveOrdersReply> {
        match reply.loading() {
            Some(progress) => Step::Waiting(progress),
            None => Step::Done(reply),
        }
    }
}

impl Awaited for ReadBacktestReport {
    const SCHEDULE: Schedule = Schedule::REPORT;
    fn step(reply: ReportReply) -> Step<ReportReply> {
        if reply.report.is_some() { Step::Done(reply) } else { waiting(None, "generating") }
    }
}

impl Awaited for ReadOptimization {
    const SCHEDULE: Schedule = Schedule::LONG_JOB;
    fn step(reply: OptimizationReply) -> Step<OptimizationReply> {
        let optimization = &reply.optimization;
        if optimization.status.as_ref().is_some_and(|status| status.is_finished()) {
            return Step::Done(reply);
        }
        let state = optimization.status.as_ref().map_or("unknown", |status| status.as_str());
        waiting(optimization.share_done(), state)
    }
}

impl Awaited for ReadLive {
    const SCHEDULE: Schedule = Schedule::DEPLOY;
    fn step(reply: LiveAlgorithm) -> Step<LiveAlgorithm> {
        match &reply.status {
            Some(status) if status.is_starting() => waiting(None, status.as_str()),
            _ => Step::Done(reply),
        }
    }
}

impl Awaited for ReadDownload {
    const SCHEDULE: Schedule = Schedule::DOWNLOAD;
    fn step(reply: DownloadReply) -> Step<DownloadReply> {
        let ready = reply.url.as_ref().is_some_and(|url| !url.expose().is_empty());
        if ready { Step::Done(reply) } else { waiting(None, "packing") }
    }
}

impl Awaited for ReadConnection {
    const SCHEDULE: Schedule = Schedule::LOGIN;
    fn step(reply: ConnectionReply) -> Step<ConnectionReply> {
        if reply.authorization.is_some() { Step::Done(reply) } else { waiting(None, "not signed in yet") }
    }
    fn is_too_early(error: &Error) -> bool {
        matches!(error, Error::Refused { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::endpoints::connections::Connection;
    use crate::ids::ProjectId;
    use crate::model::{Backtest, BacktestStatus, Statistics};
    use crate::testing::VirtualClock;

    /// Answers in turn, the last one for ever; gives what came, how often was asked, what was reported.
    async fn run<E: Awaited>(
        request: E,
        deadline: Option<u64>,
        answers: Vec<Result<E::Reply>>,
    ) -> (Result<E::Reply>, usize, Vec<Progress>, u64)
    where
        E::Reply: Clone,
    {
        let clock = VirtualClock::default();
        let asked = RefCell::new(0_usize);
        let mut reported = Vec::new();
        let send = |_: E| {
            let answer = answers[(*asked.borrow()).min(answers.len() - 1)].clone();
            *asked.borrow_mut() += 1;
            async { answer }
        };
        let deadline = deadline.map(Duration::from_secs);
        let outcome = wait(&request, &clock, deadline, |step| reported.push(step.clone()), send).await;
        (outcome, asked.into_inner(), reported, clock.elapsed().as_secs())
    }

    fn read() -> ReadBacktest {
        ReadBacktest { project_id: ProjectId(1), backtest_id: "b".into() }
    }

    fn backtest(status: &str, finished: bool, whole: bool) -> BacktestReply {
        let figures = if finished {
            [("Sharpe Ratio".to_owned(), "1".to_owned())].into_iter().collect()
        } else {
            Statistics::default()
        };
        let backtest = Backtest {
            status: BacktestStatus::from(status),
            completed: finished,
            statistics: figures.clone(),
            runtime_statistics: figures,
            total_performance: whole.then(Default::default),
            ..Backtest::default()
        };
        BacktestReply { backtest, debugging: false }
    }

    #[tokio::test]
    async fn a_backtest_is_followed_to_its_end_and_its_steps_are_told() {
        let answers = vec![
            Ok(backtest("In Queue...", false, false)),
            Ok(backtest("Running: 40%", false, false)),
            Ok(backtest("Completed.", true, true)),
        ];
        let (reply, asked, steps, _) = run(read(), None, answers).await;
        assert!(reply.unwrap().backtest.is_finished());
        assert_eq!(asked, 3);
        assert_eq!(steps.iter().map(|step| step.state.as_str()).collect::<Vec<_>>(), ["In Queue...", "Running: 40%"]);
        assert_eq!(steps[1].share, Some(0.4));
    }

    #[tokio::test]
    async fn a_completed_backtest_is_given_a_minute_for_the_rest_of_its_figures() {
        let partial = || Ok(backtest("Completed.", true, false));
        let (reply, asked, _, seconds) =
            run(read(), None, vec![partial(), partial(), Ok(backtest("Completed.", true, true))]).await;
        assert!(reply.unwrap().backtest.total_performance.is_some());
        assert_eq!((asked, seconds), (3, 20));
        let (reply, asked, _, seconds) = run(read(), None, vec![partial()]).await;
        assert!(reply.unwrap().backtest.total_performance.is_none(), "what there is is given in the end");
        assert_eq!((asked, seconds), (7, 60)); // lean-cli: six times ten seconds
        let (_, _, _, seconds) = run(read(), Some(5), vec![partial()]).await;
        assert_eq!(seconds, 5, "the caller's deadline holds for that as well");
    }

    #[tokio::test]
    async fn a_finished_backtest_is_not_lost_when_a_later_read_fails() {
        let partial = || Ok(backtest("Completed.", true, false));
        let broken = || {
            Err(Error::Status {
                endpoint: "backtests/read".into(),
                status: 500,
                safe_to_repeat: true,
                messages: vec![],
            })
        };
        let (reply, asked, ..) = run(read(), None, vec![partial(), broken()]).await;
        assert!(reply.unwrap().backtest.is_finished(), "what there is is given");
        assert_eq!(asked, 7);
        let whole = Ok(backtest("Completed.", true, true));
        let (reply, asked, ..) = run(read(), None, vec![partial(), broken(), whole]).await;
        assert!(reply.unwrap().backtest.total_performance.is_some(), "a failure in between costs nothing");
        assert_eq!(asked, 3);
        let back = Ok(backtest("Running: 10%", false, false));
        assert!(run(read(), None, vec![partial(), back]).await.0.unwrap().backtest.is_finished());
    }

    #[tokio::test]
    async fn a_failed_backtest_is_not_waited_for() {
        let mut failed = backtest("Runtime Error", false, false);
        failed.backtest.error = Some("division by zero".into());
        let (reply, asked, _, _) = run(read(), None, vec![Ok(failed)]).await;
        assert_eq!((reply.unwrap().backtest.failure().map(str::to_owned), asked), (Some("division by zero".into()), 1));
    }

    #[tokio::test]
    async fn a_chart_that_never_comes_ends_after_a_minute() {
        let loading = ChartReply { chart: None, progress: Some(0.5), status: Some("loading".into()) };
        let request = ReadBacktestChart { name: "Strategy Equity".into(), ..Default::default() };
        let (reply, asked, steps, seconds) = run(request, None, vec![Ok(loading)]).await;
        let error = reply.unwrap_err();
        assert!(error.is_timeout() && error.to_string().contains("loading"), "{error}");
        assert_eq!((asked, seconds, steps[0].share), (13, 60, Some(0.5)));
    }

    #[tokio::test]
    async fn a_login_is_waited_for_through_refusals_but_not_through_other_failures() {
        let refused = || Err(Error::Refused { endpoint: "live/auth0/read".into(), messages: vec![] });
        let done = ConnectionReply { authorization: Some(Default::default()) };
        let request = ReadConnection { brokerage: Connection::Alpaca };
        let (reply, asked, _, seconds) = run(request.clone(), None, vec![refused(), refused(), Ok(done)]).await;
        assert!(reply.is_ok());
        assert_eq!((asked, seconds), (3, 10));
        let unauthorized = Error::Unauthorized { endpoint: "x".into(), messages: vec![], clock_skew: None };
        let (reply, asked, ..) = run(request, None, vec![Err(unauthorized)]).await;
        assert!(reply.unwrap_err().is_auth());
        assert_eq!(asked, 1);
    }

    #[tokio::test]
    async fn a_refusal_ends_every_other_wait() {
        let refused = Error::Refused { endpoint: "backtests/read".into(), messages: vec!["not found".into()] };
        let (reply, asked, ..) = run(read(), None, vec![Err(refused.clone())]).await;
        assert_eq!((reply.unwrap_err(), asked), (refused, 1));
    }

    #[tokio::test]
    async fn a_share_that_is_none_is_not_told() {
        let mut odd = backtest("Running", false, false);
        odd.backtest.progress = Some(17.0);
        let (_, _, steps, _) = run(read(), Some(1), vec![Ok(odd)]).await;
        assert_eq!(steps[0].share, None);
    }
}
