//! Which running algorithms move real money, as far as anybody can know: QuantConnect's own paper brokerage, and
//! deployments that this server started and recorded as paper. Everything else is real.

use qc_api::{
    brokerage::Money,
    endpoints::{live::ListLive, projects::ReadProjects},
    ids::ProjectId,
    model::LiveSummary,
};
use serde::{Deserialize, Serialize};

use super::Door;
use crate::{
    error::ToolError,
    store::{self, Store as _},
};

/// What is recorded of a deployment of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Deployed {
    money: Money2,
    project: i64,
}

/// The word for money in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Money2 {
    Paper,
    Real,
}

/// Records what a deployment of this server is, so that a paper account at a brokerage is known again.
///
/// # Errors
/// When state cannot be kept; the deployment then counts as real.
pub async fn record(door: &Door, deploy_id: &str, project: ProjectId, money: Money) -> Result<(), ToolError> {
    let account = door.account().await?;
    let money = if money == Money::Paper { Money2::Paper } else { Money2::Real };
    let body = account.seal(&Deployed { money, project: project.0 })?;
    door.state().update(&account.name, store::Kind::Deployment, deploy_id, &mut |_| Some(body.clone()))?;
    Ok(())
}

/// Whether a deployment moves real money.
pub async fn of_running(door: &Door, project: ProjectId, deploy_id: Option<&str>, brokerage: Option<&str>) -> Money {
    if Money::of_running(brokerage) == Money::Paper {
        return Money::Paper;
    }
    let (Some(deploy_id), Ok(account)) = (deploy_id, door.account().await) else { return Money::Real };
    let record = door.state().get(&account.name, store::Kind::Deployment, deploy_id).ok().flatten();
    match record.and_then(|record| account.open::<Deployed>(&record.body)) {
        Some(Deployed { money: Money2::Paper, project: recorded }) if recorded == project.0 => Money::Paper,
        _ => Money::Real,
    }
}

/// Every deployment of the account that has not certainly ended.
pub async fn running(door: &Door) -> Result<Vec<LiveSummary>, ToolError> {
    let live = door.send(&ListLive::default()).await?.live;
    Ok(live.into_iter().filter(|live| !live.status.as_ref().is_some_and(|status| status.is_terminal())).collect())
}

/// Whether something that moves real money runs from this project, or uses it as a library; with `None`, whether
/// anything moves real money. If that cannot be read, it does.
pub async fn is_in_real_use(door: &Door, project: Option<ProjectId>) -> bool {
    let Ok(running) = running(door).await else { return true };
    let mut real = Vec::new();
    for live in running {
        let deploy_id = live.deploy_id.as_ref().map(|id| id.as_str());
        if of_running(door, live.project_id, deploy_id, live.brokerage.as_deref()).await == Money::Real {
            real.push(live.project_id);
        }
    }
    let Some(project) = project else { return !real.is_empty() };
    if real.contains(&project) {
        return true;
    }
    for user in real {
        match door.send(&ReadProjects::one(user)).await {
            Ok(reply) => {
                let uses =
                    reply.projects.iter().flat_map(|it| &it.libraries).any(|library| library.project_id == project);
                if uses {
                    return true;
                }
            }
            Err(_) => return true,
        }
    }
    false
}
