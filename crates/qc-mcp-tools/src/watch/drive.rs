//! The loop behind a watcher.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qc_api::{
    brokerage::Money,
    endpoints::live::{LiquidateLive, ReadLiveChart},
    ids::ProjectId,
    model::Point,
};

use super::{
    Lease, OWNER, Watch,
    judge::{Sight, Verdict, Worth},
};
use crate::{
    caller::{Caller, CallerKey},
    ctx::Progress,
    error::{Kind, ToolError},
    flows::live::{self, hours, hours::Calendar, status},
    gate::{Deed, Door},
    server::QcServer,
    store::{self, Store as _},
};

/// How often a request to sell that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// Open market hours after which the newest equity is too old to tell anything.
const STALE_HOURS: f64 = 0.5;
/// The chart of the equity, and in how many points it is read.
const POINTS: i64 = 1_000;
/// The name of the tool in the audit.
const TOOL: &str = "guard_live_algorithm";

/// When to look next.
enum Next {
    In(Duration),
    Never,
}

impl QcServer {
    /// Goes on with the watchers that an earlier process left, if there are any; each looks at once. Called when the
    /// program starts.
    pub async fn resume_watchers(&self) {
        let names = match self.state().list(OWNER, store::Kind::Watch) {
            Ok(records) => records.into_iter().map(|record| record.name).collect::<Vec<String>>(),
            Err(error) => return tracing::error!(%error, "watchers cannot be read"),
        };
        if names.is_empty() {
            return;
        }
        let door = Door::new(self.clone(), Caller::owner());
        match super::all(&door).await {
            Ok(known) => {
                if known.len() < names.len() {
                    let n = names.len() - known.len();
                    tracing::error!("{n} watchers belong to other credentials: nobody drives them here");
                }
                for watch in known.into_iter().filter(|watch| !watch.is_over()) {
                    tracing::warn!("the watcher of project {} goes on", watch.project_id);
                    self.keep_watch(&watch, true);
                }
            }
            Err(error) => tracing::error!(error = %error.message, "{} watchers have no credentials here", names.len()),
        }
    }

    /// Drives a watcher until it is over; `takes_over` also from another process, as one that starts does: the other may
    /// be gone, and if it is not, it sees that it lost the lease.
    pub(crate) fn keep_watch(&self, watch: &Watch, takes_over: bool) {
        let (server, name, caller) = (self.clone(), watch.name(), watch.caller.clone());
        if !self.watchers().begin(&name) {
            return;
        }
        tokio::spawn(async move {
            let door = Door::new(server.clone(), Caller { key: CallerKey::new(caller), visitor: None });
            let mut takes_over = takes_over;
            loop {
                let next = match look(&server, &door, &name, takes_over).await {
                    Ok(next) => {
                        takes_over = false;
                        next
                    }
                    Err(error) => {
                        tracing::error!(error = %error.message, "the watcher of project {name} could not look");
                        Next::In(RETRY)
                    }
                };
                match next {
                    Next::In(pause) => tokio::time::sleep(pause).await,
                    Next::Never => break,
                }
            }
            server.watchers().end(&name);
        });
    }
}

/// One look: takes the lease, reads, judges, sells if need be, writes down.
async fn look(server: &QcServer, door: &Door, name: &str, takes_over: bool) -> Result<Next, ToolError> {
    let pace = Duration::from_secs(u64::from(server.settings().guard_seconds));
    let Some(mut watch) = lease(server, door, name, (pace, takes_over)).await? else { return Ok(Next::Never) };
    if watch.lease.as_ref().is_some_and(|lease| lease.holder != server.holder()) {
        // Another process looks. If it ends, its lease does.
        return Ok(Next::In(pace));
    }
    let now = door.now().await?;
    if let Some(since) = watch
        .looked
        .filter(|looked| 3 * i64::from(server.settings().guard_seconds) < now.duration_since(*looked).as_secs())
    {
        let longest = watch.gap.map_or(0, |(from, to)| to.duration_since(from).as_secs());
        let seconds = now.duration_since(since).as_secs();
        if longest < seconds {
            watch.gap = Some((since, now));
        }
        door.write_down(TOOL, &deed(&watch), &format!("nobody looked for {seconds} s; now somebody does"));
    }
    let sight = sight(door, &watch, now, &calendar(server).await).await;
    match watch.judge(sight, now) {
        Verdict::Nothing => {}
        Verdict::Alarm => {
            let why = watch.blind.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
            tracing::error!("the watcher of project {} CANNOT SEE: {why}", watch.project_id);
            door.write_down(TOOL, &deed(&watch), &format!("the watcher cannot see: {why}"));
        }
        Verdict::Sell => sell(door, &mut watch, now).await,
        Verdict::End => {
            let why = watch.ended.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
            door.write_down(TOOL, &deed(&watch), &format!("the watcher ended: {why}"));
        }
    }
    let is_over = watch.is_over();
    let next = if watch.failure.is_some() { RETRY.min(pace) } else { pace };
    write(door, name, watch).await?;
    Ok(if is_over { Next::Never } else { Next::In(next) })
}

/// Takes the lease of a watcher, unless another process has it; `None` when there is nothing to watch.
async fn lease(
    server: &QcServer,
    door: &Door,
    name: &str,
    (pace, takes_over): (Duration, bool),
) -> Result<Option<Watch>, ToolError> {
    let account = door.account().await?;
    let now = Timestamp::now();
    let held =
        SignedDuration::try_from(pace * 3).unwrap_or(SignedDuration::from_mins(3)) + SignedDuration::from_secs(30);
    let mut found: Option<Watch> = None;
    let mut failed = None;
    door.state().update(OWNER, store::Kind::Watch, name, &mut |body| {
        let body = body?;
        let Some(mut watch) = account.open::<Watch>(body) else { return Some(body.to_vec()) };
        let is_free = watch.lease.as_ref().is_none_or(|lease| lease.holder == server.holder() || lease.until <= now);
        if (is_free || takes_over) && !watch.is_over() {
            watch.lease =
                Some(Lease { holder: server.holder().to_owned(), until: now.checked_add(held).unwrap_or(now) });
        }
        let sealed = account.seal(&watch);
        found = (!watch.is_over()).then_some(watch);
        sealed.map_err(|error| failed = Some(error)).ok().or_else(|| Some(body.to_vec()))
    })?;
    failed.map_or(Ok(found), Err)
}

/// Writes down what was seen, unless the watcher was set up anew or removed meanwhile.
async fn write(door: &Door, name: &str, watch: Watch) -> Result<(), ToolError> {
    let account = door.account().await?;
    let sealed = account.seal(&watch)?;
    door.state().update(OWNER, store::Kind::Watch, name, &mut |body| {
        let body = body?;
        let is_same =
            account.open::<Watch>(body).is_some_and(|kept| kept.armed == watch.armed && kept.lease == watch.lease);
        Some(if is_same { sealed.clone() } else { body.to_vec() })
    })?;
    Ok(())
}

/// The calendar of the data folder, where the server has one: a holiday makes nothing stale.
async fn calendar(server: &QcServer) -> Calendar {
    let place = server.data_folder().await.ok();
    let source = place.and_then(|place| server.desk().books().open_place(&place.path, "lean").ok());
    Calendar::of(source.map(|source| source.folder))
}

/// Looks at the deployment.
async fn sight(door: &Door, watch: &Watch, now: Timestamp, calendar: &Calendar) -> Sight {
    let live = match live::read(door, watch.project_id, None).await {
        Ok((live, _)) => live,
        Err(error) => return Sight::Blind(format!("the deployment cannot be read: {}", error.kind.id())),
    };
    match &live.deploy_id {
        Some(id) if *id == watch.deploy_id => {}
        Some(_) => return Sight::Gone("another deployment of the project runs, which this one does not watch"),
        None => return Sight::Blind("the service does not say which deployment it is".to_owned()),
    }
    if live.status.as_ref().is_some_and(|status| status.is_terminal()) {
        return Sight::Gone("the deployment has ended");
    }
    let (points, opening) = match equity(door, watch.project_id, live.launched, now).await {
        Ok(found) => found,
        Err(error) => return Sight::Blind(format!("its equity cannot be read: {}", error.kind.id())),
    };
    let Some((at, last)) = points.last().copied() else { return Sight::Blind("it has no equity yet".to_owned()) };
    let newest = Timestamp::from_second(at as i64).unwrap_or(now);
    let week = hours::Week::of(live.security_types.as_deref());
    let (age, _) = calendar.between(newest, now, week);
    if STALE_HOURS < age {
        return Sight::Blind(format!("its newest equity is {:.0} open minutes old", 60.0 * age));
    }
    let own = |(at, _): &(f64, f64)| live.launched.is_none_or(|launched| launched.as_second() as f64 <= *at);
    Sight::Worth(Worth {
        now: live.runtime_statistics.figure("Equity").map_or(last, |figure| figure.value),
        before_today: status::today(&points, hours::start_of_day(now)).map(|today| today.from),
        first: opening.or_else(|| points.iter().find(|point| own(point)).map(|(_, value)| *value)),
        highest: points.iter().filter(|point| own(point)).map(|(_, value)| *value).chain(opening).reduce(f64::max),
    })
}

/// The equity since it was started, oldest first, and what it began with.
async fn equity(
    door: &Door,
    project_id: ProjectId,
    launched: Option<Timestamp>,
    now: Timestamp,
) -> Result<(Vec<(f64, f64)>, Option<f64>), ToolError> {
    let start = launched.unwrap_or(Timestamp::UNIX_EPOCH).as_second();
    let request = ReadLiveChart { project_id, name: status::EQUITY.into(), count: POINTS, start, end: now.as_second() };
    let chart = live::chart(door, &Progress::default(), &request).await?;
    let opening = chart.series.get(status::SERIES).and_then(|series| match series.values.first() {
        Some(Point::Candle { open, .. }) => *open,
        _ => None,
    });
    Ok((status::closes(&chart), opening))
}

fn deed(watch: &Watch) -> Deed {
    let request = LiquidateLive { project_id: watch.project_id };
    Deed::new("sell everything and stop: the limit of loss was reached", &request)
        .project(watch.project_id)
        .deployment(watch.deploy_id.as_str())
        .money(if watch.is_real { Money::Real } else { Money::Paper })
}

/// Asks the service to sell everything, as a human agreed to when the watcher was set up.
async fn sell(door: &Door, watch: &mut Watch, now: Timestamp) {
    let lost = watch.loss.unwrap_or_default();
    let why = format!("lost {lost:.3} % of {}, the limit is {} %", watch.basis.word(), watch.max_loss);
    tracing::error!("the watcher of project {} SELLS EVERYTHING: {why}", watch.project_id);
    let outcome = match door.agreed(TOOL, deed(watch), &why) {
        Ok(permit) => door.send_with(permit, &LiquidateLive { project_id: watch.project_id }).await.map(drop),
        Err(error) => Err(error),
    };
    let outcome = outcome.map_err(|error| match error.kind {
        Kind::MaybeCreated => "the answer was lost; whether it sells shows at the next look".to_owned(),
        _ => error.text(),
    });
    if let Err(why) = &outcome {
        let page = crate::gate::page(Some(watch.project_id));
        tracing::error!(
            "the watcher of project {} COULD NOT SELL ({why}); a human can do it at {page}",
            watch.project_id
        );
    }
    watch.asked_to_sell(outcome, now);
}
