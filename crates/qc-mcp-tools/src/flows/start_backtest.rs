//! Starting a backtest once: the same start within ten minutes is the same run, and a start whose answer was lost is
//! looked for, never sent again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qc_api::{endpoints::backtests::CreateBacktest, ids::BacktestId, lookup::LookUp as _, model::Backtest};

use super::backtest::{self, Run};
use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    gate::{Deed, Door, Permit},
    jobs::{Claimed, Once},
};

/// How long the same start of another call is waited for.
const SIBLING: Duration = Duration::from_secs(10);
/// Pause between two looks at it.
const PAUSE: Duration = Duration::from_millis(250);
/// How often a run whose start got no answer is looked for, and the pause between.
const LOOKS: u32 = 4;
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// A backtest that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) backtest: Backtest,
    /// How long ago the same start made it, if it was not made now.
    pub(crate) before: Option<SignedDuration>,
}

/// Starts a backtest, or answers the one that the same start made within the last ten minutes.
///
/// # Errors
/// [`Kind::MaybeCreated`] when a start got no answer and no run of it can be found; what gate and service say.
pub(crate) async fn start(ctx: &Ctx, request: &CreateBacktest) -> Result<Started, ToolError> {
    start_permitted(ctx, request, &mut None).await
}

/// As [`start`], with a permit that was given before, where there is one; it stays there when the service refuses the
/// start, so that a later try is not counted again.
///
/// # Errors
/// As [`start`].
pub(crate) async fn start_permitted(
    ctx: &Ctx,
    request: &CreateBacktest,
    given: &mut Option<Permit>,
) -> Result<Started, ToolError> {
    let mut once = Once::new(&ctx.door, "backtest", request).await?;
    let mut waited = Duration::ZERO;
    let left = loop {
        let now = ctx.door.now().await?;
        match once.claim(now)? {
            Claimed::Mine(at) => break at,
            Claimed::Made { id, at } => match read(&ctx.door, request, &id).await {
                Ok(backtest) => return Ok(Started { backtest, before: Some(now.duration_since(at)) }),
                // Deleted since.
                Err(error) if error.kind == Kind::NotFound => once.release()?,
                Err(error) => return Err(error),
            },
            // Another call may still be waiting for its answer.
            Claimed::Pending(_) if waited < SIBLING => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
            }
            Claimed::Pending(at) => {
                let Some(backtest) = find(&ctx.door, &once, request, at).await? else {
                    return Err(doubtful(now.duration_since(at)));
                };
                once.made(backtest.backtest_id.as_str(), at)?;
                return Ok(Started { backtest, before: Some(now.duration_since(at)) });
            }
        }
    };
    let permit = match given.take() {
        Some(permit) => permit,
        None => ctx.permit(Deed::new("start a backtest", request).project(request.project_id)).await?,
    };
    once.leaves();
    match ctx.door.send_or_keep(permit, request).await {
        Ok(reply) => {
            once.made(reply.backtest.backtest_id.as_str(), left)?;
            Ok(Started { backtest: reply.backtest, before: None })
        }
        Err((error, _)) if error.kind == Kind::MaybeCreated => {
            for look in 0..LOOKS {
                if 0 < look {
                    ctx.door.sleep(LOOK_PAUSE).await?;
                }
                // What cannot be read now is as good as not there yet.
                if let Ok(Some(backtest)) = find(&ctx.door, &once, request, left).await {
                    once.made(backtest.backtest_id.as_str(), left)?;
                    return Ok(Started { backtest, before: None });
                }
            }
            Err(error)
        }
        Err((error, kept)) => {
            *given = kept;
            once.release()?;
            Err(error)
        }
    }
}

async fn read(door: &Door, request: &CreateBacktest, id: &str) -> Result<Backtest, ToolError> {
    let run = Run { project_id: request.project_id, backtest_id: BacktestId(id.to_owned()) };
    backtest::read(door, &run).await
}

/// The run that this start, having left at `left`, made: the only one of its name and parameters that no other start
/// made.
async fn find(
    door: &Door,
    once: &Once,
    request: &CreateBacktest,
    left: Timestamp,
) -> Result<Option<Backtest>, ToolError> {
    let mut found = request.candidates(door.send(&request.listing()).await?, left);
    found.retain(|row| row.parameter_set.is_empty() || row.parameter_set == request.parameters);
    let mut own = Vec::new();
    for row in found {
        if !once.is_of_another(row.backtest_id.as_str())? {
            own.push(row.backtest_id);
        }
    }
    match own.as_slice() {
        [only] => read(door, request, only.as_str()).await.map(Some),
        _ => Ok(None),
    }
}

fn doubtful(since: SignedDuration) -> ToolError {
    let message = format!(
        "the same backtest was asked for {} s ago, its answer was lost, and no run of it can be found; nothing was sent \
         (another backtest_name starts one all the same)",
        since.as_secs()
    );
    ToolError::new(Kind::MaybeCreated, Topic::Backtest, message)
}
