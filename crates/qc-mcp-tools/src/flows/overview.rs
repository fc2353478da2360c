//! Everything about an account at one look: credit, nodes and who uses them, what runs, recent projects, quotas.

use std::cmp::Reverse;

use futures::future::{join, join_all, join4};
use qc_api::{
    endpoints::{
        account::{Account, ReadAccount},
        backtests::ListBacktests,
        live::ListLive,
        nodes::ReadNodes,
        object_store::ListObjects,
        optimizations::ListOptimizations,
        organizations::{Organization, ReadOrganization},
    },
    ids::{OrganizationId, ProjectId},
    model::{BacktestSummary, LiveSummary, Nodes, OptimizationSummary, Project},
};

use crate::{error::ToolError, flows::find, gate::Door};

/// Projects shown, and looked into for what runs.
const RECENT: usize = 5;
/// Projects looked into at most.
const MOST_PROJECTS: usize = 10;

/// What was found; a part that could not be read is `None` and named in `missing`.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    pub(crate) account: Account,
    pub(crate) organization: Option<Organization>,
    pub(crate) nodes: Option<Nodes>,
    /// Deployments that are not over, of every organization of the account.
    pub(crate) live: Option<Vec<LiveSummary>>,
    pub(crate) recent: Vec<Project>,
    pub(crate) n_projects: Option<usize>,
    pub(crate) backtests: Vec<(ProjectId, BacktestSummary)>,
    pub(crate) optimizations: Vec<(ProjectId, OptimizationSummary)>,
    pub(crate) object_store_bytes: Option<i64>,
    /// How many projects were looked into for what runs.
    pub(crate) looked_into: usize,
    /// The parts that could not be read.
    pub(crate) missing: Vec<&'static str>,
}

/// Reads all of it; only the account itself must be readable.
pub(crate) async fn read(door: &Door, organization_id: Option<OrganizationId>) -> Result<Overview, ToolError> {
    let account = door.send(&ReadAccount { organization_id }).await?;
    let id = account.organization_id.clone();
    let mut found = Overview { account, ..Overview::default() };
    let (organization, nodes, live, projects) =
        join4(read_organization(door, &id), read_nodes(door, &id), running(door), find::all_projects(door)).await;
    let mut missing = Vec::new();
    found.organization = part(organization, "organization", &mut missing);
    found.nodes = part(nodes, "nodes", &mut missing);
    found.live = part(live, "live", &mut missing);
    let projects = part(projects, "projects", &mut missing).map(|mut projects| {
        projects.retain(|project| project.organization_id.as_ref().is_none_or(|of| *of == id));
        projects.sort_by_key(|project| Reverse(project.modified));
        projects
    });
    found.n_projects = projects.as_ref().map(Vec::len);
    let mut projects = projects.unwrap_or_default();

    let ids = worth_a_look(&projects, found.nodes.as_ref());
    found.looked_into = ids.len();
    let (runs, store) = join(
        join_all(ids.iter().map(|id| of_project(door, *id))),
        door.send(&ListObjects { organization_id: id, ..ListObjects::default() }),
    )
    .await;
    found.object_store_bytes = part(store, "object store", &mut missing).and_then(|store| store.object_storage_used);
    for run in runs {
        match run {
            Ok((backtests, optimizations)) => {
                found.backtests.extend(backtests);
                found.optimizations.extend(optimizations);
            }
            Err(_) if missing.contains(&"runs of a project") => {}
            Err(_) => missing.push("runs of a project"),
        }
    }
    projects.truncate(RECENT);
    found.recent = projects;
    found.missing = missing;
    Ok(found)
}

fn part<T>(read: Result<T, ToolError>, name: &'static str, missing: &mut Vec<&'static str>) -> Option<T> {
    if read.is_err() {
        missing.push(name);
    }
    read.ok()
}

async fn read_organization(door: &Door, id: &OrganizationId) -> Result<Organization, ToolError> {
    Ok(door.send(&ReadOrganization { organization_id: Some(id.clone()) }).await?.organization)
}

async fn read_nodes(door: &Door, id: &OrganizationId) -> Result<Nodes, ToolError> {
    door.send(&ReadNodes { organization_id: id.clone() }).await
}

/// The deployments that are not certainly over.
pub(crate) async fn running(door: &Door) -> Result<Vec<LiveSummary>, ToolError> {
    let mut live = door.send(&ListLive::default()).await?.live;
    live.retain(|run| !run.status.as_ref().is_some_and(|status| status.is_terminal()));
    Ok(live)
}

/// The projects that nodes work for, then the newest ones.
fn worth_a_look(projects: &[Project], nodes: Option<&Nodes>) -> Vec<ProjectId> {
    let busy = nodes.into_iter().flat_map(|nodes| &nodes.backtest).filter(|node| node.busy);
    let mut ids: Vec<ProjectId> = Vec::new();
    for id in busy.filter_map(|node| node.project_id).chain(projects.iter().take(RECENT).map(|p| p.project_id)) {
        if !ids.contains(&id) && projects.iter().any(|project| project.project_id == id) {
            ids.push(id);
        }
    }
    ids.truncate(MOST_PROJECTS);
    ids
}

type Runs = (Vec<(ProjectId, BacktestSummary)>, Vec<(ProjectId, OptimizationSummary)>);

/// The backtests and optimizations of a project that are at work.
async fn of_project(door: &Door, project_id: ProjectId) -> Result<Runs, ToolError> {
    let mut backtests = door.send(&ListBacktests { project_id, include_statistics: Some(false) }).await?.backtests;
    backtests.retain(|run| !run.status.is_completed() && !run.status.is_error());
    let mut optimizations = door.send(&ListOptimizations { project_id }).await?.optimizations;
    optimizations.retain(|run| run.status.as_ref().is_some_and(|status| !status.is_finished()));
    let backtests = backtests.into_iter().map(|run| (project_id, run)).collect();
    let optimizations = optimizations.into_iter().map(|run| (project_id, run)).collect();
    Ok((backtests, optimizations))
}
