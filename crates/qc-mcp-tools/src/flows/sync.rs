//! A folder of this computer and a project brought to the same files: planned first, three ways by hash (here, there, and
//! what both were when they were last the same), done exactly as planned or not at all.
//!
//! | here | there | then |
//! |---|---|---|
//! | as last time | changed | written here |
//! | changed | as last time | written there |
//! | changed | changed otherwise | a conflict: nothing, unless one side is preferred |
//! | only here, never synced | | made there |
//! | | only there, never synced | made here |
//! | gone | as last time | deleted there if `delete` says so, else nothing |
//! | as last time | gone | nothing: files here are never deleted |

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use qc_api::{
    endpoints::files::{DeleteFile, ReadFiles},
    ids::ProjectId,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{files, lock};
use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    gate::Deed,
    plans,
    roots::synced::{self as folder, Dir},
    store::{self, Store as _},
};

/// Which way files may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// From here to the project.
    Push,
    /// From the project to here.
    Pull,
}

/// Which side wins where both changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// This computer's.
    Local,
    /// The project's.
    Cloud,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) project_id: ProjectId,
    pub(crate) direction: Direction,
    pub(crate) prefer: Option<Side>,
    /// Whether files that are gone here go there.
    pub(crate) delete: bool,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// Made in the project.
    CreateThere,
    /// Written over in the project.
    UpdateThere,
    /// Deleted in the project.
    DeleteThere,
    /// Made here.
    CreateHere,
    /// Written over here.
    UpdateHere,
    /// Nothing: both sides changed.
    Conflict,
    /// Nothing: it is gone there and stays here.
    GoneThere,
    /// Nothing: it is gone here and stays there.
    GoneHere,
    /// Nothing: its name or content cannot be on the other side.
    Refused,
}

impl Action {
    fn is_done(self) -> bool {
        matches!(
            self,
            Action::CreateThere | Action::UpdateThere | Action::DeleteThere | Action::CreateHere | Action::UpdateHere
        )
    }
}

/// One file of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) action: Action,
    /// Why nothing is done, where that needs a word.
    pub(crate) why: Option<String>,
}

/// What would be done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) same: usize,
    pub(crate) ignored: usize,
    pub(crate) cautions: Vec<String>,
    /// The name of exactly this plan.
    pub(crate) id: String,
    local: BTreeMap<String, String>,
    cloud: BTreeMap<String, String>,
    base: Base,
}

impl Plan {
    /// How many files would change.
    pub(crate) fn n_changes(&self) -> usize {
        self.steps.iter().filter(|step| step.action.is_done()).count()
    }
}

/// Hashes of the files when both sides were last the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Base {
    files: BTreeMap<String, String>,
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Says what would be done; changes nothing.
///
/// # Errors
/// A folder that cannot be read; what the service says.
pub(crate) async fn plan(ctx: &Ctx, dir: &Dir, place: &str, ask: Ask) -> Result<Plan, ToolError> {
    let folder::Local { files: local, refused, n_ignored } = folder::read(dir)?;
    let request = ReadFiles { project_id: ask.project_id, ..ReadFiles::default() };
    let found = ctx.door.send(&request).await?.files;
    let cloud: BTreeMap<String, String> =
        found.into_iter().filter(|file| !file.is_library).map(|file| (file.name, file.content)).collect();
    let base = read_base(ctx, place, ask.project_id).await?;
    let (mut steps, same) = compared(&local, &cloud, &base, ask);
    steps.retain(|step| !refused.iter().any(|(name, _)| *name == step.name));
    steps.extend(refused.into_iter().map(|(name, why)| Step { name, action: Action::Refused, why: Some(why) }));
    steps.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hashed = Sha256::new();
    let of = |side: &BTreeMap<String, String>, name: &str| side.get(name).map(|text| hash(text)).unwrap_or_default();
    for step in &steps {
        hashed.update(format!(
            "{:?} {} {} {}\n",
            step.action,
            step.name,
            of(&local, &step.name),
            of(&cloud, &step.name)
        ));
    }
    let id = hex::encode(hashed.finalize()).chars().take(16).collect();
    let cautions = cautions(&steps, &local, &cloud);
    Ok(Plan { steps, same, ignored: n_ignored, cautions, id, local, cloud, base })
}

fn compared(
    local: &BTreeMap<String, String>,
    cloud: &BTreeMap<String, String>,
    base: &Base,
    ask: Ask,
) -> (Vec<Step>, usize) {
    let names: BTreeSet<&String> = local.keys().chain(cloud.keys()).collect();
    let mut by_case: BTreeMap<String, usize> = BTreeMap::new();
    for name in &names {
        *by_case.entry(name.to_lowercase()).or_default() += 1;
    }
    let (push, pull) = (ask.direction != Direction::Pull, ask.direction != Direction::Push);
    let (mut steps, mut same) = (Vec::new(), 0);
    for name in names {
        let (here, there) = (local.get(name), cloud.get(name));
        let last = base.files.get(name);
        let is_last = |text: Option<&String>| text.map(|text| hash(text)).as_ref() == last && last.is_some();
        let action = match (here, there) {
            (Some(here), Some(there)) if here == there => {
                same += 1;
                continue;
            }
            (Some(_), Some(_)) => match (is_last(here), is_last(there), ask.prefer) {
                (true, false, _) if pull => Action::UpdateHere,
                (false, true, _) if push => Action::UpdateThere,
                (_, _, Some(Side::Local)) if push => Action::UpdateThere,
                (_, _, Some(Side::Cloud)) if pull => Action::UpdateHere,
                (true, false, _) | (false, true, _) => continue,
                _ => Action::Conflict,
            },
            (Some(_), None) if last.is_some() => Action::GoneThere,
            (Some(_), None) if push => Action::CreateThere,
            (None, Some(_)) if last.is_some() => match ask.delete && push && is_last(there) {
                true => Action::DeleteThere,
                false => Action::GoneHere,
            },
            (None, Some(_)) if pull => Action::CreateHere,
            _ => continue,
        };
        let why = match action {
            Action::CreateHere | Action::UpdateHere => folder::refusal(name).map(ToOwned::to_owned),
            _ => None,
        };
        let collides = by_case.get(&name.to_lowercase()).is_some_and(|n| 1 < *n);
        let why = why.or_else(|| collides.then(|| "another name differs only in capital letters".to_owned()));
        let action = if why.is_some() { Action::Refused } else { action };
        steps.push(Step { name: name.clone(), action, why });
    }
    (steps, same)
}

fn cautions(steps: &[Step], local: &BTreeMap<String, String>, cloud: &BTreeMap<String, String>) -> Vec<String> {
    let mut cautions = Vec::new();
    let goes = |step: &&Step| matches!(step.action, Action::CreateThere | Action::UpdateThere);
    let largest =
        steps.iter().filter(goes).filter_map(|step| local.get(&step.name)).map(String::len).max().unwrap_or(0);
    let small = plans::too_small_for(largest);
    if !small.is_empty() {
        cautions.push(format!(
            "the largest file to be sent has {largest} bytes: too many for the plan(s) {}",
            small.join(", ")
        ));
    }
    let made = steps.iter().filter(|step| step.action == Action::CreateThere).count();
    let n = cloud.len() + made;
    if 0 < made && 25 < n {
        cautions.push(format!("the project would have {n} files; the Free plan has 25, others 50 to 250"));
    }
    cautions
}

/// Does what a plan says, if it is still the plan.
///
/// # Errors
/// [`Kind::Refused`] if files have changed since; budgets and what the service says for the first step. Later failures are
/// outcomes.
pub(crate) async fn apply(
    ctx: &Ctx,
    dir: &Dir,
    place: &str,
    ask: Ask,
    id: &str,
) -> Result<(Plan, Vec<Result<(), String>>), ToolError> {
    let plan = plan(ctx, dir, place, ask).await?;
    if plan.id != id.trim() {
        let message = format!("files have changed since plan {id}: the plan is {} now; nothing was done", plan.id);
        return Err(ToolError::new(Kind::Refused, Topic::File, message));
    }
    let project_id = ask.project_id;
    let doomed: Vec<DeleteFile> = plan
        .steps
        .iter()
        .filter(|step| step.action == Action::DeleteThere)
        .map(|step| DeleteFile { project_id, name: step.name.clone(), ..DeleteFile::default() })
        .collect();
    let deeds: Vec<Deed> = doomed
        .iter()
        .map(|request| Deed::new("delete a file that is gone here", request).project(project_id))
        .collect();
    let permits = if deeds.is_empty() { Vec::new() } else { ctx.permit_all(deeds).await? };
    let mut permits = permits.into_iter().zip(&doomed);
    let mut base = plan.base.clone();
    // What is the same on both sides is known to be.
    for (name, text) in &plan.local {
        if plan.cloud.get(name) == Some(text) {
            base.files.insert(name.clone(), hash(text));
        }
    }
    let total = plan.n_changes();
    let mut outcomes = Vec::with_capacity(plan.steps.len());
    let mut done = 0;
    for step in &plan.steps {
        let (here, there) = (plan.local.get(&step.name), plan.cloud.get(&step.name));
        let outcome = match (step.action, here, there) {
            (Action::CreateThere, Some(text), _) => send(ctx, project_id, &step.name, text, false).await,
            (Action::UpdateThere, Some(text), _) => send(ctx, project_id, &step.name, text, true).await,
            (Action::CreateHere, _, Some(text)) => folder::write(dir, &step.name, None, text),
            (Action::UpdateHere, Some(before), Some(text)) => folder::write(dir, &step.name, Some(before), text),
            (Action::DeleteThere, ..) => match permits.next() {
                Some((permit, request)) => {
                    ctx.door.send_with(permit, request).await.map(drop).map_err(|error| error.text())
                }
                None => Err("it was not permitted".to_owned()),
            },
            _ => Ok(()),
        };
        if outcome.is_ok() {
            match step.action {
                Action::CreateThere | Action::UpdateThere => remember(&mut base, &step.name, here),
                Action::CreateHere | Action::UpdateHere => remember(&mut base, &step.name, there),
                Action::DeleteThere => remember(&mut base, &step.name, None),
                _ => {}
            }
        }
        if step.action.is_done() {
            done += 1;
            ctx.progress.report(done as f64, Some(total as f64), format!("{done} of {total} files"));
        }
        outcomes.push(outcome);
    }
    write_base(ctx, place, project_id, &base).await?;
    Ok((plan, outcomes))
}

fn remember(base: &mut Base, name: &str, text: Option<&String>) {
    match text {
        Some(text) => base.files.insert(name.to_owned(), hash(text)),
        None => base.files.remove(name),
    };
}

async fn send(ctx: &Ctx, project_id: ProjectId, name: &str, text: &str, is_there: bool) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty, which QuantConnect refuses".to_owned());
    }
    let write = || {
        async {
            match is_there {
                true => files::update(&ctx.door, project_id, name, text).await,
                false => files::create(&ctx.door, project_id, name, text).await.map(drop),
            }
        }
        .boxed()
    };
    lock::held(&ctx.door, project_id, write).await.map(drop).map_err(|error| error.text())
}

/// The record's name: this project in this folder.
fn record_name(place: &str, project_id: ProjectId) -> String {
    hash(&format!("{project_id}\n{place}")).chars().take(32).collect()
}

async fn read_base(ctx: &Ctx, place: &str, project_id: ProjectId) -> Result<Base, ToolError> {
    let account = ctx.door.account().await?;
    let record = ctx.door.state().get(&account.name, store::Kind::Sync, &record_name(place, project_id))?;
    // One that was tampered with counts as none: whatever differs is a conflict then.
    Ok(record.and_then(|record| account.open(&record.body)).unwrap_or_default())
}

async fn write_base(ctx: &Ctx, place: &str, project_id: ProjectId, base: &Base) -> Result<(), ToolError> {
    let account = ctx.door.account().await?;
    let body = account.seal(base)?;
    let name = record_name(place, project_id);
    ctx.door.state().update(&account.name, store::Kind::Sync, &name, &mut |_| Some(body.clone()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn actions(ask: Ask) -> Vec<(String, Action)> {
        let local =
            side(&[("a.py", "1"), ("b.py", "new"), ("c.py", "1"), ("d.py", "mine"), ("e.py", "1"), ("f.py", "x")]);
        let cloud =
            side(&[("a.py", "1"), ("b.py", "1"), ("c.py", "new"), ("d.py", "theirs"), ("g.py", "y"), ("h.py", "1")]);
        let known = ["a.py", "b.py", "c.py", "d.py", "e.py", "h.py"];
        let base = Base { files: known.iter().map(|name| ((*name).to_owned(), hash("1"))).collect() };
        let (steps, same) = compared(&local, &cloud, &base, ask);
        assert_eq!(same, 1);
        steps.into_iter().map(|step| (step.name, step.action)).collect()
    }

    #[test]
    fn three_ways_decide_what_is_done() {
        let ask = Ask { project_id: ProjectId(1), direction: Direction::Both, prefer: None, delete: false };
        let of = |ask| -> Vec<Action> { actions(ask).into_iter().map(|(_, action)| action).collect() };
        use Action::{Conflict, CreateHere, CreateThere, DeleteThere, GoneHere, GoneThere, UpdateHere, UpdateThere};
        assert_eq!(of(ask), [UpdateThere, UpdateHere, Conflict, GoneThere, CreateThere, CreateHere, GoneHere]);
        assert_eq!(of(Ask { delete: true, ..ask })[6], DeleteThere);
        assert_eq!(of(Ask { prefer: Some(Side::Cloud), ..ask })[2], UpdateHere);
        assert_eq!(of(Ask { prefer: Some(Side::Local), ..ask })[2], UpdateThere);
        let push = Ask { direction: Direction::Push, ..ask };
        assert!(of(push).iter().all(|action| ![UpdateHere, CreateHere].contains(action)));
        let pull = Ask { direction: Direction::Pull, delete: true, ..ask };
        assert!(of(pull).iter().all(|action| ![UpdateThere, CreateThere, DeleteThere].contains(action)));
    }

    #[test]
    fn names_that_differ_in_capitals_alone_are_left() {
        let ask = Ask { project_id: ProjectId(1), direction: Direction::Both, prefer: None, delete: false };
        let (steps, _) = compared(&side(&[("A.py", "1")]), &side(&[("a.py", "2")]), &Base::default(), ask);
        assert!(steps.iter().all(|step| step.action == Action::Refused), "{steps:?}");
    }
}
