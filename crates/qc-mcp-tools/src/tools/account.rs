//! The account: its organisations, its credit, and what is going on in it.

use qc_api::{
    endpoints::{
        account::ReadAccount,
        organizations::{ListOrganizations, Organization},
    },
    ids::OrganizationId,
    model::{LiveStatus, Node, Nodes, OptimizationStatus},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    ctx::Ctx,
    flows::{
        find,
        overview::{self, Overview},
    },
    plans,
    server::QcServer,
};

/// Arguments of `read_account` and `account_overview`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Organisation; default yours
    organization_id: Option<String>,
}

#[tool_router(router = account_read, vis = "pub(crate)")]
impl QcServer {
    /// Read the account's organisation and its credit in QCC (100 QCC are 1 USD).
    #[tool(title = "Read account")]
    async fn read_account(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let organization_id = args.organization_id.as_deref().map(find::valid_id).transpose()?.map(OrganizationId);
        let account = ctx.door.send(&ReadAccount { organization_id }).await?;
        let credit = account.credit_balance.map_or_else(|| "not told".to_owned(), |credit| format!("{credit:.2} QCC"));
        // Of the card only whether there is one: the rest helps nobody here.
        Ok(Reply::new(format!("credit: {credit}")).data(json!({
            "organization_id": account.organization_id,
            "credit_balance_qcc": account.credit_balance,
            "has_card": account.card.is_some(),
        })))
    }

    /// List the organisations you belong to: id, name, plan, members, which one is preferred.
    #[tool(title = "List organisations")]
    async fn list_organizations(&self, ctx: Ctx) -> Result<Reply, ToolError> {
        let organizations = ctx.door.send(&ListOrganizations {}).await?.organizations;
        let rows: Vec<Value> = organizations
            .iter()
            .map(|one| {
                json!({
                    "organization_id": one.id,
                    "name": Untrusted::new(one.name.as_str()).shortened(80),
                    "plan": plan_name(one.kind.as_deref()),
                    "members": one.members,
                    "preferred": one.preferred,
                })
            })
            .collect();
        Ok(Reply::new(format!("{} organisation(s)", rows.len())).field("organizations", rows))
    }

    /// Look at the whole account in one call: credit, nodes and who uses them, running backtests, optimizations and live
    /// algorithms, recent projects, quotas of the plan.
    #[tool(title = "Account overview")]
    async fn account_overview(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let organization_id = args.organization_id.as_deref().map(find::valid_id).transpose()?.map(OrganizationId);
        Ok(overview_reply(&overview::read(&ctx.door, organization_id).await?))
    }
}

/// The plan in our words, if it is one of those documented.
fn plan_name(kind: Option<&str>) -> Option<&'static str> {
    Some(plans::named(kind?)?.name)
}

fn overview_reply(found: &Overview) -> Reply {
    let credit =
        found.account.credit_balance.map_or_else(|| "not told".to_owned(), |credit| format!("{credit:.2} QCC"));
    // What could not be read is never counted as none.
    let live = match &found.live {
        Some(live) => format!("{} live algorithm(s) run", live.len()),
        None => "whether live algorithms run COULD NOT BE READ".to_owned(),
    };
    let runs = match (&found.n_projects, found.missing.contains(&"runs of a project")) {
        (None, _) => "projects and what runs in them could not be read".to_owned(),
        (Some(n), in_part) => format!(
            "{} backtest(s) and {} optimization(s) at work in the {} of {n} project(s) looked into{}",
            found.backtests.len(),
            found.optimizations.len(),
            found.looked_into,
            if in_part { ", some of which could not be read" } else { "" },
        ),
    };
    let summary = format!("credit {credit}; {live}; {runs}");
    let backtests: Vec<Value> = found
        .backtests
        .iter()
        .map(|(project_id, run)| {
            json!({
                "project_id": project_id,
                "backtest_id": run.backtest_id,
                "name": Untrusted::new(run.name.as_str()).shortened(60),
                "created": run.created,
            })
        })
        .collect();
    let optimizations: Vec<Value> = found
        .optimizations
        .iter()
        .map(|(project_id, run)| {
            json!({
                "project_id": project_id,
                "optimization_id": run.optimization_id,
                "name": Untrusted::new(run.name.as_str()).shortened(60),
                "status": run.status.as_ref().map(|status| known(status, OptimizationStatus::KNOWN)),
            })
        })
        .collect();
    let live: Option<Vec<Value>> = found.live.as_ref().map(|live| {
        live.iter()
            .map(|run| {
                json!({
                    "project_id": run.project_id,
                    "deploy_id": run.deploy_id,
                    "status": run.status.as_ref().map(|status| known(status, LiveStatus::KNOWN)),
                    "launched": run.launched,
                    "brokerage": run.brokerage.as_deref().map(|name| Untrusted::new(name).shortened(40)),
                    "equity": run.equity,
                })
            })
            .collect()
    });
    let recent: Vec<Value> = found
        .recent
        .iter()
        .map(|project| {
            json!({
                "project_id": project.project_id,
                "name": Untrusted::new(project.name.as_str()).shortened(60),
                "modified": project.modified,
            })
        })
        .collect();
    let mut reply = Reply::new(summary).data(json!({
        "organization_id": found.account.organization_id,
        "organization": found.organization.as_ref().map(|one| Untrusted::new(one.name.as_str()).shortened(60)),
        "credit_balance_qcc": found.account.credit_balance,
        "nodes": found.nodes.as_ref().map(nodes),
        "running_backtests": backtests,
        "running_optimizations": optimizations,
        "running_live": live,
        "recent_projects": recent,
        "projects": found.n_projects,
        "runs_looked_for_in_projects": found.looked_into,
        "object_store_bytes": found.object_store_bytes,
    }));
    if let Some(organization) = &found.organization {
        reply = reply.field("quotas", quotas(organization));
    }
    if !found.missing.is_empty() {
        reply = reply.field("not_readable", &found.missing);
    }
    reply
}

/// What the plan allows, from QuantConnect's documentation.
fn quotas(organization: &Organization) -> Value {
    match plans::of(organization) {
        Some(plan) => json!({
            "plan": plan.name,
            "files_per_project": plan.files,
            "file_kb": plan.file_kb,
            "log_kb_per_backtest": plan.log_kb,
            "log_kb_per_day": plan.daily_log_kb,
            "source": "QuantConnect's documentation; null is unlimited",
        }),
        None => json!({"plan": "not one of the documented ones"}),
    }
}

/// How many nodes there are of each kind, and who uses the busy ones.
fn nodes(all: &Nodes) -> Value {
    let kind = |nodes: &[Node]| {
        let busy: Vec<Value> = nodes
            .iter()
            .filter(|node| node.busy)
            .map(|node| {
                json!({
                    "node_id": node.id,
                    "used_by": node.used_by.as_deref().map(|name| Untrusted::new(name).shortened(60)),
                    "project_id": node.project_id,
                })
            })
            .collect();
        json!({"total": nodes.len(), "free": nodes.len() - busy.len(), "busy": busy})
    };
    json!({"backtest": kind(&all.backtest), "research": kind(&all.research), "live": kind(&all.live)})
}

/// A word of the service, if we know it.
fn known<T: PartialEq + ToString>(word: &T, known: &[T]) -> String {
    if known.contains(word) { word.to_string() } else { "other".to_owned() }
}
