//! Cleaning up: scratch projects of an account, or old backtests of a project. First they are listed; deleted is exactly
//! the list that was shown, or nothing.

use jiff::{SignedDuration, Timestamp};
use qc_api::{
    endpoints::{
        backtests::{DeleteBacktest, ListBacktests},
        projects::DeleteProject,
    },
    ids::{BacktestId, ProjectId},
    model::{BacktestSummary, Project},
};
use sha2::{Digest as _, Sha256};

use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    flows::find,
    gate::{Deed, money},
};

/// How names begin that people give to what they mean to throw away.
const SCRATCH: [&str; 9] = ["clone of ", "copy of ", "scratch", "tmp", "temp", "test", "untitled", "sandbox", "delete"];
/// Where deleted projects lie.
const BIN: &str = "recycle bin/";

/// What may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    /// The project whose backtests are meant; the account's scratch projects if there is none.
    pub(crate) project: Option<ProjectId>,
    pub(crate) older_than_days: u32,
    /// The newest backtests that stay, whatever their age.
    pub(crate) keep: usize,
}

/// One thing that may go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Project(Box<Project>),
    Backtest(ProjectId, Box<BacktestSummary>),
}

impl Item {
    fn key(&self) -> String {
        match self {
            Item::Project(project) => format!("project {}", project.project_id),
            Item::Backtest(project_id, run) => format!("backtest {project_id} {}", run.backtest_id),
        }
    }

    fn deed(&self) -> Deed {
        match self {
            Item::Project(project) => {
                let request = DeleteProject { project_id: project.project_id };
                Deed::new("delete a scratch project", &request).project(project.project_id)
            }
            Item::Backtest(project_id, run) => {
                Deed::new("delete an old backtest", &request(*project_id, &run.backtest_id)).project(*project_id)
            }
        }
    }
}

fn request(project_id: ProjectId, backtest_id: &BacktestId) -> DeleteBacktest {
    DeleteBacktest { project_id, backtest_id: backtest_id.clone() }
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Oldest first, no more than one call may delete.
    pub(crate) items: Vec<Item>,
    /// Those beyond that.
    pub(crate) more: usize,
    /// Things that were looked at and stay.
    pub(crate) stay: usize,
    /// The name of exactly this list.
    pub(crate) id: String,
}

/// Lists what may go; changes nothing.
pub(crate) async fn plan(ctx: &Ctx, ask: Ask) -> Result<Plan, ToolError> {
    let now = ctx.door.now().await?;
    let before = now.checked_sub(SignedDuration::from_hours(24 * i64::from(ask.older_than_days)));
    let before = before.map_err(|_| ToolError::argument("`older_than_days` lies before all dates"))?;
    let (mut items, looked_at) = match ask.project {
        Some(project_id) => {
            let request = ListBacktests { project_id, include_statistics: Some(true) };
            let runs = ctx.door.send(&request).await?.backtests;
            let n = runs.len();
            (old_backtests(project_id, runs, before, ask.keep), n)
        }
        None => {
            // If it cannot be read what runs, nothing is scratch.
            let running: Vec<ProjectId> =
                money::running(&ctx.door).await?.into_iter().map(|live| live.project_id).collect();
            let projects = find::all_projects(&ctx.door).await?;
            let n = projects.len();
            (scratch(projects, &running, before), n)
        }
    };
    let stay = looked_at - items.len();
    let most = usize::try_from(ctx.door.settings().deletes_per_call).unwrap_or(usize::MAX);
    let more = items.len().saturating_sub(most);
    items.truncate(most);
    let mut hash = Sha256::new();
    for item in &items {
        hash.update(item.key().as_bytes());
        hash.update([0]);
    }
    let id = hex::encode(hash.finalize()).chars().take(16).collect();
    Ok(Plan { items, more, stay, id })
}

/// Finished backtests from before a moment, but for the newest, the best and those that somebody gave a tag.
fn old_backtests(project_id: ProjectId, mut runs: Vec<BacktestSummary>, before: Timestamp, keep: usize) -> Vec<Item> {
    runs.sort_by_key(|run| std::cmp::Reverse(run.created));
    let best = runs
        .iter()
        .filter(|run| run.sharpe_ratio.is_some_and(f64::is_finite))
        .max_by(|a, b| a.sharpe_ratio.unwrap_or(f64::MIN).total_cmp(&b.sharpe_ratio.unwrap_or(f64::MIN)))
        .map(|run| run.backtest_id.clone());
    let old = runs.into_iter().skip(keep).filter(|run| {
        let is_over = run.status.is_completed() || run.status.is_error();
        is_over
            && run.created.is_some_and(|at| at < before)
            && run.tags.is_empty()
            && best != Some(run.backtest_id.clone())
    });
    let mut old: Vec<Item> = old.map(|run| Item::Backtest(project_id, Box::new(run))).collect();
    old.reverse();
    old
}

/// The account's own projects whose names say that they were made to be thrown away, untouched since a moment, from
/// which nothing runs and which no other project uses.
fn scratch(mut projects: Vec<Project>, running: &[ProjectId], before: Timestamp) -> Vec<Item> {
    let used: Vec<ProjectId> = projects.iter().flat_map(|it| &it.libraries).map(|library| library.project_id).collect();
    projects.sort_by_key(|project| project.modified);
    let scratch = projects.into_iter().filter(|project| {
        project.owner
            && is_scratch_name(&project.name)
            && project.modified.is_some_and(|at| at < before)
            && !running.contains(&project.project_id)
            && !used.contains(&project.project_id)
    });
    scratch.map(|project| Item::Project(Box::new(project))).collect()
}

fn is_scratch_name(name: &str) -> bool {
    let name = name.to_lowercase();
    if name.starts_with(BIN) {
        return false;
    }
    let last = name.rsplit('/').next().unwrap_or_default().trim();
    let is_whole_word = |word: &str| {
        last.strip_prefix(word).is_some_and(|rest| word.ends_with(' ') || !rest.starts_with(char::is_alphabetic))
    };
    SCRATCH.iter().any(|word| is_whole_word(word)) || last.ends_with(" copy") || last.contains("(copy)")
}

/// Deletes what a plan lists; the outcome of each stands at its place.
///
/// # Errors
/// When the list is another one by now, or mode, budget or the human does not allow it: then nothing was deleted.
pub(crate) async fn delete(ctx: &Ctx, ask: Ask, id: &str) -> Result<(Plan, Vec<Result<(), ToolError>>), ToolError> {
    let plan = plan(ctx, ask).await?;
    if plan.id != id.trim() {
        let message = "what would be deleted is not the list that was shown; nothing was deleted";
        return Err(ToolError::new(Kind::Refused, Topic::Preview, message));
    }
    if plan.items.is_empty() {
        return Ok((plan, Vec::new()));
    }
    let permits = ctx.permit_all(plan.items.iter().map(Item::deed).collect()).await?;
    let mut outcomes = Vec::with_capacity(permits.len());
    for (item, permit) in plan.items.iter().zip(permits) {
        let outcome = match item {
            Item::Project(project) => {
                let request = DeleteProject { project_id: project.project_id };
                ctx.door.send_with(permit, &request).await.map(drop)
            }
            Item::Backtest(project_id, run) => {
                ctx.door.send_with(permit, &request(*project_id, &run.backtest_id)).await.map(drop)
            }
        };
        outcomes.push(outcome);
        let (done, all) = (outcomes.len(), plan.items.len());
        ctx.progress.report(done as f64, Some(all as f64), format!("{done} of {all} deleted"));
    }
    Ok((plan, outcomes))
}

#[cfg(test)]
mod tests {
    use qc_api::model::BacktestStatus;

    use super::*;

    #[test]
    fn names_say_what_is_scratch() {
        for name in ["test", "Test 3", "Clone of: x".replace(':', "").as_str(), "a/b/tmp_1", "Untitled", "Pairs copy"] {
            assert!(is_scratch_name(name), "{name}");
        }
        for name in ["Tests of momentum", "Temperature", "Contest", "Pairs", "Recycle Bin/test", "test/Pairs", ""] {
            assert!(!is_scratch_name(name), "{name}");
        }
    }

    #[test]
    fn the_newest_the_best_the_tagged_and_the_running_stay() {
        let at = |day: i64| Timestamp::from_second(day * 86_400).ok();
        let run = |name: &str, day, sharpe| BacktestSummary {
            backtest_id: name.into(),
            created: at(day),
            sharpe_ratio: Some(sharpe),
            status: BacktestStatus::from("Completed"),
            ..BacktestSummary::default()
        };
        let mut runs = vec![run("old", 1, 0.1), run("best", 2, 3.0), run("tagged", 3, 0.2), run("running", 4, 0.3)];
        runs.extend([run("older", 0, 0.0), run("new", 90, 0.4), run("recent", 80, 0.4)]);
        runs[2].tags = vec!["paper".into()];
        runs[3].status = BacktestStatus::from("In Progress...");
        let names = |items: Vec<Item>| items.iter().map(Item::key).collect::<Vec<_>>();
        let old = old_backtests(ProjectId(7), runs.clone(), at(60).unwrap(), 1);
        assert_eq!(names(old), ["backtest 7 older", "backtest 7 old"]);
        // The newest stay whatever their age.
        assert!(old_backtests(ProjectId(7), runs, at(60).unwrap(), 7).is_empty());
    }

    #[test]
    fn what_runs_or_is_used_is_no_scratch() {
        let project = |id: i64, name: &str, owner| Project {
            project_id: ProjectId(id),
            name: name.into(),
            owner,
            modified: Timestamp::from_second(10).ok(),
            ..Project::default()
        };
        let projects = vec![
            project(1, "test", true),
            project(2, "test 2", true),
            project(3, "test 3", false),
            project(4, "Pairs", true),
        ];
        let of = |running: &[ProjectId], before| {
            scratch(projects.clone(), running, Timestamp::from_second(before).unwrap()).len()
        };
        assert_eq!(of(&[], 11), 2);
        assert_eq!(of(&[ProjectId(1)], 11), 1);
        assert_eq!(of(&[], 10), 0);
    }
}
