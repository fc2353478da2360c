//! The nodes of an organization, who uses them, and which of them a project may use.

use qc_api::endpoints::nodes::{ProjectNodes, ReadNodes, ReadProjectNodes, UpdateProjectNodes};
use qc_api::model::{Node, NodePrice, Nodes};

use crate::endpoints::backtests;
use crate::refuse::Answer;
use crate::world::{Call, Machine, Organization, Project, World};

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadNodes) -> Answer<Nodes> {
    let organization = world.organization(call, Some(request.organization_id.as_str()))?;
    Ok(nodes(world, call, organization, None))
}

pub(crate) fn of_project(world: &mut World, call: &Call<'_>, request: ReadProjectNodes) -> Answer<ProjectNodes> {
    shown(world, call, request.project_id.0)
}

/// Nothing chosen means that the service chooses. Unknown nodes are not refused, as at the real service.
pub(crate) fn update(world: &mut World, call: &Call<'_>, request: UpdateProjectNodes) -> Answer<ProjectNodes> {
    let project = world.project_mut(call, request.project_id.0)?;
    project.nodes = request.nodes.into_iter().map(|node| node.0).collect();
    shown(world, call, request.project_id.0)
}

fn shown(world: &World, call: &Call<'_>, id: i64) -> Answer<ProjectNodes> {
    let project = world.project(call, id)?;
    let organization = world.organization_of(project)?;
    Ok(ProjectNodes {
        nodes: nodes(world, call, organization, Some(project)),
        auto_select_node: project.nodes.is_empty(),
    })
}

fn nodes(world: &World, call: &Call<'_>, organization: &Organization, project: Option<&Project>) -> Nodes {
    let all = |machines: &[Machine]| machines.iter().map(|machine| node(world, call, machine, project)).collect();
    Nodes {
        backtest: all(&organization.backtest_nodes),
        research: all(&organization.research_nodes),
        live: all(&organization.live_nodes),
    }
}

fn node(world: &World, call: &Call<'_>, machine: &Machine, project: Option<&Project>) -> Node {
    let live = world.deployments.values().find(|d| d.is_active(call.now) && d.node == machine.name).map(|d| d.project);
    let user = backtests::user_of_node(world, call, &machine.name).or(live).and_then(|id| world.projects.get(&id));
    let (cores, ghz, gigabytes, has_gpu) = hardware(&machine.sku);
    Node {
        id: machine.id.as_str().into(),
        name: machine.name.clone(),
        sku: machine.sku.clone(),
        description: Some(format!("{cores} cores at {ghz} GHz, {gigabytes} GB")),
        speed: Some(ghz),
        price: Some(NodePrice { monthly: Some(0.0), yearly: Some(0.0) }),
        cpu: Some(cores),
        ram: Some(gigabytes),
        // Empty, not missing, while idle: the official command line wants text.
        used_by: Some(user.and_then(|u| world.account(u.owner).ok()).map(|a| a.name.clone()).unwrap_or_default()),
        project_name: Some(user.map(|user| user.name.clone()).unwrap_or_default()),
        project_id: user.map(|user| user.id.into()),
        busy: user.is_some(),
        assets: Some(0),
        active: project.is_some_and(|project| project.nodes.contains(&machine.id)),
        has_gpu,
        ..Node::default()
    }
}

/// Cores, GHz, GB and whether there is a graphics card, for the documented models.
fn hardware(sku: &str) -> (i64, f64, f64, bool) {
    match sku {
        "B-MICRO" => (2, 3.0, 8.0, false),
        "B2-8" => (2, 4.9, 8.0, false),
        "B4-12" | "R4-12" => (4, 4.9, 12.0, false),
        "B4-16-GPU" => (4, 3.0, 16.0, true),
        "B8-16" => (8, 4.9, 16.0, false),
        "R1-4" => (1, 2.4, 4.0, false),
        _ => (1, 2.6, 2.0, false),
    }
}
