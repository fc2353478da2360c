//! The nodes a project may use.

use qc_api::{
    endpoints::nodes::{ProjectNodes, ReadProjectNodes, UpdateProjectNodes},
    ids::{NodeId, ProjectId},
    model::Node,
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::{ProjectArg, quote},
    ctx::Ctx,
    flows::find,
    server::QcServer,
};

/// Arguments of `read_project_nodes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Project id or name
    project_id: ProjectArg,
}

/// Arguments of `update_project_nodes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct UpdateArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Ids of the nodes it may use; empty lets QuantConnect choose
    nodes: Vec<String>,
}

#[tool_router(router = nodes_read, vis = "pub(crate)")]
impl QcServer {
    /// Read the nodes a project may use, and which of them are busy and by whom.
    #[tool(title = "Read project nodes")]
    async fn read_project_nodes(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        Ok(shown(project_id, &ctx.door.send(&ReadProjectNodes { project_id }).await?))
    }
}

#[tool_router(router = nodes_update, vis = "pub(crate)")]
impl QcServer {
    /// Choose the nodes a project may use. read_project_nodes lists their ids.
    #[tool(title = "Update project nodes")]
    async fn update_project_nodes(
        &self,
        Parameters(args): Parameters<UpdateArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let known = ctx.door.send(&ReadProjectNodes { project_id }).await?.nodes;
        let mut nodes = Vec::new();
        for id in &args.nodes {
            // The service takes any text for a node.
            let id = NodeId(find::valid_id(id)?);
            if !all(&known).any(|(_, node)| node.id == id) {
                let ids: Vec<&str> = all(&known).map(|(_, node)| node.id.as_str()).collect();
                let message =
                    format!("there is no node `{}`; known: {}; nothing was sent", quote(id.as_str()), ids.join(", "));
                return Err(ToolError::argument(message));
            }
            nodes.push(id);
        }
        Ok(shown(project_id, &ctx.door.send(&UpdateProjectNodes { project_id, nodes }).await?))
    }
}

fn all(nodes: &qc_api::model::Nodes) -> impl Iterator<Item = (&'static str, &Node)> {
    let backtest = nodes.backtest.iter().map(|node| ("backtest", node));
    let research = nodes.research.iter().map(|node| ("research", node));
    backtest.chain(research).chain(nodes.live.iter().map(|node| ("live", node)))
}

fn shown(project_id: ProjectId, found: &ProjectNodes) -> Reply {
    let rows: Vec<Value> = all(&found.nodes)
        .map(|(kind, node)| {
            json!({
                "node_id": node.id,
                "kind": kind,
                "name": Untrusted::new(node.name.as_str()).shortened(60),
                "chosen": node.active,
                "busy": node.busy,
                "used_by": node.used_by.as_deref().filter(|name| !name.is_empty()).map(|name| Untrusted::new(name).shortened(60)),
                "cores": node.cpu,
                "memory_gb": node.ram,
                "gpu": node.has_gpu,
            })
        })
        .collect();
    let busy = all(&found.nodes).filter(|(_, node)| node.busy).count();
    let choice =
        if found.auto_select_node { "QuantConnect chooses among them" } else { "only the chosen ones are used" };
    Reply::new(format!("project {project_id}: {} nodes, {busy} busy; {choice}", rows.len()))
        .field("project_id", project_id)
        .field("auto_select_node", found.auto_select_node)
        .field("nodes", rows)
}
