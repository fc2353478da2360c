//! Optimizations: estimate, start, read, list, rename, stop and delete them.

use qc_api::{
    endpoints::optimizations::{
        AbortOptimization, CreateOptimization, DeleteOptimization, EstimateOptimization, GRID_SEARCH,
        ListOptimizations, ReadOptimization, UpdateOptimization,
    },
    ids::{CompileId, OptimizationId, ProjectId},
    lookup::LookUp as _,
    model::{Constraint, OptimizationNode, OptimizationParameter, OptimizationTarget, TargetDirection},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Reply, ToolError,
    args::{ProjectArg, quote},
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{
        find,
        grid::{self, QCC_PER_USD},
    },
    gate::Deed,
    jobs::Cloud,
    server::QcServer,
};

mod shown;

pub(super) use shown::result;
use shown::row;

/// Rows of a list unless the caller asks for more.
pub(super) const LISTED: usize = 20;

/// A parameter of the grid.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct GridArg {
    /// Name in the code
    name: String,
    /// Smallest value
    min: f64,
    /// Largest value
    max: f64,
    /// Distance
    step: f64,
}

/// What a result must fulfil.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ConstraintArg {
    /// As target
    target: String,
    /// <=, <, >=, >, == or !=
    operator: String,
    /// Compared with; return, drawdown and probability as fractions, 0.2 is 20 %
    #[serde(alias = "targetValue", alias = "target-value")]
    target_value: f64,
}

/// What an optimization is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct PlanArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// [{name, min, max, step}]; the code reads them with get_parameter
    parameters: Vec<GridArg>,
    /// sharpe_ratio (default), compounding_annual_return, probabilistic_sharpe_ratio or drawdown
    target: Option<String>,
    /// max or min; default max, for drawdown min
    target_to: Option<String>,
    /// Value that ends the search, as a fraction: 0.2 is 20 %
    target_value: Option<f64>,
    /// [{target, operator, target_value}]
    constraints: Option<Vec<ConstraintArg>>,
    /// Id from compile_project
    compile_id: Option<String>,
    /// O2-8 (default), O4-12 or O8-16
    node_type: Option<String>,
    /// Nodes at once; default half of the most
    parallel_nodes: Option<i64>,
    /// Name of the optimization
    name: Option<String>,
    /// Only grid search runs
    #[schemars(extend("x-hidden" = true))]
    strategy: Option<String>,
}

/// The same, checked.
#[derive(Clone)]
pub(super) struct Plan {
    project_id: ProjectId,
    name: String,
    target: OptimizationTarget,
    target_to: TargetDirection,
    target_value: Option<f64>,
    compile_id: Option<CompileId>,
    parameters: Vec<OptimizationParameter>,
    constraints: Vec<Constraint>,
    node_type: OptimizationNode,
    parallel_nodes: i64,
}

/// Arguments of `create_optimization`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CreateArgs {
    #[serde(flatten)]
    plan: PlanArgs,
    /// Token of the preview
    confirm_token: Option<String>,
    /// What the caller thinks it costs; our own estimate counts
    #[serde(rename = "estimated_cost")]
    #[schemars(extend("x-hidden" = true))]
    _estimated_cost: Option<f64>,
}

/// What a preview showed.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    usd: f64,
    qcc: f64,
}

/// Arguments of the tools that name one optimization.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct OneArgs {
    /// Id, such as O-0123abc
    optimization_id: String,
}

/// Arguments of `read_optimization`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Id, such as O-0123abc
    optimization_id: String,
    /// Most backtests shown, best first; default 20
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
}

/// Arguments of `list_optimizations`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ListArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Most optimizations shown; default 20
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<i64>,
}

/// Arguments of `update_optimization`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct UpdateArgs {
    /// Id, such as O-0123abc
    optimization_id: String,
    /// New name
    name: String,
}

#[tool_router(router = optimizations_read, vis = "pub(crate)")]
impl QcServer {
    /// Estimate how long an optimization takes and what it costs, beside the balance. Needs an earlier backtest of the project.
    #[tool(title = "Estimate optimization")]
    async fn estimate_optimization_time(
        &self,
        Parameters(args): Parameters<PlanArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let plan = plan(&ctx, args).await?;
        Ok(estimate(&ctx, &plan).await?.reply(&plan))
    }

    /// Read an optimization: status, progress, and its backtests with parameters and figures, best first.
    #[tool(title = "Read optimization")]
    async fn read_optimization(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let optimization_id = optimization_id(&args.optimization_id)?;
        let found = ctx.door.send(&ReadOptimization { optimization_id }).await?.optimization;
        let limit = args.limit.and_then(|limit| usize::try_from(limit).ok());
        let reply = result(&found, limit.unwrap_or(LISTED));
        Ok(if limit.is_some() { reply.allow(100_000) } else { reply })
    }

    /// List a project's optimizations, newest first.
    #[tool(title = "List optimizations")]
    async fn list_optimizations(&self, Parameters(args): Parameters<ListArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let mut list = ctx.door.send(&ListOptimizations { project_id }).await?.optimizations;
        list.sort_by_key(|one| std::cmp::Reverse(one.created));
        let limit = args.limit.and_then(|limit| usize::try_from(limit).ok());
        let rows: Vec<Value> = list.iter().take(limit.unwrap_or(LISTED)).map(row).collect();
        let summary = match list.len() {
            0 => format!(
                "project {project_id} has no optimizations yet; `estimate_optimization_time` tells what one costs"
            ),
            total => format!("{} of {total} optimizations of project {project_id}, newest first", rows.len()),
        };
        let reply =
            Reply::new(summary).field("project_id", project_id).field("total", list.len()).field("optimizations", rows);
        Ok(if limit.is_some() { reply.allow(100_000) } else { reply })
    }
}

#[tool_router(router = optimizations_update, vis = "pub(crate)")]
impl QcServer {
    /// Give an optimization a new name.
    #[tool(title = "Rename optimization")]
    async fn update_optimization(
        &self,
        Parameters(args): Parameters<UpdateArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let optimization_id = optimization_id(&args.optimization_id)?;
        let name = args.name.trim();
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ToolError::argument("`name` is empty or holds control characters; nothing was sent"));
        }
        let request = UpdateOptimization { optimization_id, name: name.to_owned() };
        ctx.door.send(&request).await?;
        Ok(Reply::new(format!("optimization {} is renamed", request.optimization_id))
            .field("optimization_id", request.optimization_id))
    }

    /// Stop a running optimization; backtests that are finished stay.
    #[tool(title = "Abort optimization")]
    async fn abort_optimization(&self, Parameters(args): Parameters<OneArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let request = AbortOptimization { optimization_id: optimization_id(&args.optimization_id)? };
        ctx.door.send(&request).await?;
        Ok(Reply::new(format!("optimization {} is stopped", request.optimization_id))
            .field("optimization_id", request.optimization_id)
            .next("read_optimization"))
    }
}

#[tool_router(router = optimizations_create, vis = "pub(crate)")]
impl QcServer {
    /// Start an optimization, paid from credit. Without confirm_token: shows backtests, cost and balance; show the user, then call again with the token and the same arguments.
    #[tool(title = "Create optimization")]
    async fn create_optimization(
        &self,
        Parameters(args): Parameters<CreateArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let plan = plan(&ctx, args.plan).await?;
        let Some(compile_id) = plan.compile_id.clone() else {
            return Err(ToolError::argument("missing compile_id; `compile_project` returns one; nothing was sent"));
        };
        let points = grid::points(&plan.parameters)?;
        let Some(token) = args.confirm_token else {
            let estimate = estimate(&ctx, &plan).await?;
            let shown = Shown { usd: estimate.cost.usd, qcc: estimate.cost.usd * QCC_PER_USD };
            let request = request(plan.clone(), compile_id, shown.usd);
            if let Err(refused) = ctx.foresee(&deed(&request, &shown, points)).await {
                return Ok(estimate.reply(&plan).field("would_be_refused", refused.message));
            }
            let preview = ctx.preview(&shown).await?;
            return Ok(estimate
                .reply(&plan)
                .field("preview", "nothing is started yet")
                .field("confirm_token", preview.token)
                .field("confirm_until", preview.expires)
                .next("create_optimization"));
        };
        let (shown, ticket): (Shown, _) = ctx.redeem(&token).await?;
        let backtests = points;
        let request = request(plan, compile_id, shown.usd);
        let deed = deed(&request, &shown, points).previewed(ticket);
        let permit = ctx.permit(deed).await?;
        let left = ctx.door.now().await?;
        let id = match ctx.door.send_with(permit, &request).await {
            Ok(made) => made.optimizations.first().map(|one| one.optimization_id.clone()),
            Err(error) if error.kind == Kind::MaybeCreated => {
                // The token is spent, so nothing is sent again: what came of it can only be looked for.
                let found = ctx.door.send(&request.listing()).await.map(|listed| request.candidates(listed, left));
                match found.as_deref() {
                    Ok([only]) => Some(only.optimization_id.clone()),
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let name = id.as_ref().map_or_else(|| "an optimization".to_owned(), |id| format!("optimization {id}"));
        let reply = Reply::new(format!("{name} is started, {backtests:.0} backtests, about {:.0} QCC", shown.qcc))
            .field("project_id", request.project_id)
            .field("optimization_id", &id)
            .field("cost_qcc", shown.qcc);
        Ok(match id {
            Some(optimization_id) => {
                let job = ctx.door.handle(&Cloud::Optimization { optimization_id })?;
                reply.field("job", job).next("wait_for_job")
            }
            None => reply.next("list_optimizations"),
        })
    }
}

#[tool_router(router = optimizations_delete, vis = "pub(crate)")]
impl QcServer {
    /// Delete an optimization with its backtests. There is no undo.
    #[tool(title = "Delete optimization")]
    async fn delete_optimization(&self, Parameters(args): Parameters<OneArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let request = DeleteOptimization { optimization_id: optimization_id(&args.optimization_id)? };
        let permit = ctx.permit(Deed::new("delete an optimization", &request)).await?;
        ctx.door.send_with(permit, &request).await?;
        Ok(Reply::new(format!("optimization {} is deleted", request.optimization_id))
            .field("optimization_id", request.optimization_id))
    }
}

/// An id as the service writes those of optimizations.
fn optimization_id(text: &str) -> Result<OptimizationId, ToolError> {
    let id = find::valid_id(text)?;
    match id.strip_prefix("O-") {
        Some(rest) if !rest.is_empty() => Ok(OptimizationId(id)),
        _ => Err(ToolError::argument(format!("`{}` is no id of an optimization: they begin with O-", quote(text)))),
    }
}

/// Checks everything that can be checked without asking, then finds the project.
pub(super) async fn plan(ctx: &Ctx, args: PlanArgs) -> Result<Plan, ToolError> {
    if args.strategy.as_deref().is_some_and(|strategy| !strategy.to_lowercase().contains("grid")) {
        return Err(ToolError::argument("`strategy`: only the grid search runs in QuantConnect's cloud; leave it out"));
    }
    let target = grid::target(args.target.as_deref().unwrap_or("sharpe_ratio"))?;
    let target_to = grid::direction(args.target_to.as_deref(), &target)?;
    let of = |one: &GridArg| grid::parameter(&one.name, one.min, one.max, one.step);
    let parameters = args.parameters.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    grid::points(&parameters)?;
    let of = |one: &ConstraintArg| grid::constraint(&one.target, &one.operator, one.target_value);
    let constraints = args.constraints.iter().flatten().map(of).collect::<Result<Vec<_>, _>>()?;
    let node_type = grid::node(args.node_type.as_deref())?;
    if let Some(value) = args.target_value {
        grid::check_value(&target, value)?;
    }
    let parallel_nodes = grid::parallel(args.parallel_nodes, &node_type)?;
    let compile_id = args.compile_id.as_deref().map(find::valid_id).transpose()?.map(CompileId);
    Ok(Plan {
        project_id: find::project(&ctx.door, &args.project_id).await?,
        name: args.name.unwrap_or_else(|| "optimization".to_owned()),
        target,
        target_to,
        target_value: args.target_value,
        compile_id,
        parameters,
        constraints,
        node_type,
        parallel_nodes,
    })
}

/// What an optimization takes, by the service's time and lean-cli's prices.
pub(super) struct Estimate {
    seconds: f64,
    cost: qc_api::model::OptimizationCost,
    balance_qcc: Option<f64>,
}

/// The request that starts it.
fn request(plan: Plan, compile_id: CompileId, usd: f64) -> CreateOptimization {
    CreateOptimization {
        project_id: plan.project_id,
        name: plan.name,
        target: plan.target,
        target_to: plan.target_to,
        target_value: plan.target_value,
        strategy: GRID_SEARCH.to_owned(),
        compile_id,
        parameters: plan.parameters,
        constraints: plan.constraints,
        estimated_cost: usd,
        node_type: plan.node_type,
        parallel_nodes: plan.parallel_nodes,
    }
}

/// What the guards judge.
fn deed(request: &CreateOptimization, shown: &Shown, points: f64) -> Deed {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a whole number below 10,001
    let runs = points as u32;
    Deed::new("start an optimization", request)
        .project(request.project_id)
        .estimate(shown.qcc)
        .runs(runs)
        .line(format!("{points:.0} backtests, about {:.0} QCC ({:.2} USD)", shown.qcc, shown.usd))
}

/// Asks the service for the time of one backtest and reckons the cost from it.
pub(super) async fn estimate(ctx: &Ctx, plan: &Plan) -> Result<Estimate, ToolError> {
    let request = EstimateOptimization {
        project_id: plan.project_id,
        name: plan.name.clone(),
        target: plan.target.clone(),
        target_to: plan.target_to.clone(),
        target_value: plan.target_value,
        strategy: GRID_SEARCH.to_owned(),
        compile_id: plan.compile_id.clone(),
        parameters: plan.parameters.clone(),
        constraints: plan.constraints.clone(),
        node_type: Some(plan.node_type.clone()),
        parallel_nodes: Some(plan.parallel_nodes),
    };
    let told = ctx.door.send(&request).await?.estimate;
    let Some(seconds) = told.time.filter(|seconds| seconds.is_finite() && 0.0 < *seconds) else {
        let message = "optimizations/estimate told no time of a backtest, so nobody can say what it costs";
        return Err(ToolError::new(Kind::BadAnswer, Topic::Optimization, message));
    };
    let cost = grid::cost(&plan.parameters, seconds, &plan.node_type, plan.parallel_nodes)?;
    Ok(Estimate { seconds, cost, balance_qcc: told.balance })
}

impl Estimate {
    fn reply(&self, plan: &Plan) -> Reply {
        let cost = &self.cost;
        let qcc = cost.usd * QCC_PER_USD;
        Reply::new(format!(
            "{:.0} backtests, about {:.2} h on {} {} nodes, about {qcc:.0} QCC ({:.2} USD); balance {}",
            cost.backtests,
            cost.hours,
            plan.parallel_nodes,
            plan.node_type.as_str(),
            cost.usd,
            self.balance_qcc.map_or_else(|| "not told".to_owned(), |qcc| format!("{qcc:.0} QCC")),
        ))
        .data(json!({
            "project_id": plan.project_id,
            "backtests": cost.backtests,
            "seconds_per_backtest": self.seconds,
            "node_hours": cost.node_hours,
            "hours": cost.hours,
            "cost_usd": cost.usd,
            "cost_qcc": qcc,
            "balance_qcc": self.balance_qcc,
            "node_type": plan.node_type.as_str(),
            "parallel_nodes": plan.parallel_nodes,
            "target": grid::short(&plan.target),
            "target_to": plan.target_to.as_str(),
            "parameters": grid::shown(&plan.parameters),
            "rule": "time from QuantConnect, cost as lean-cli reckons it",
        }))
    }
}
