//! The tool that writes a strategy as LEAN code.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Reply, ToolError,
    analysis::performance,
    args::WeightsArg,
    ctx::Ctx,
    flows::export::{self, Common, Pair, Rebalance},
    own, prices,
    server::QcServer,
};

/// What is written.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
enum KindArg {
    TargetWeights,
    Pairs,
    Dockerfile,
}

/// Arguments of `export_strategy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ExportArgs {
    /// What is written
    kind: KindArg,
    /// Tickers of the weights; for pairs two, the dependent first
    symbols: Option<Vec<String>>,
    /// One weight per ticker, or qc://research/ID
    weights: Option<WeightsArg>,
    /// Default: monthly
    rebalance: Option<Rebalance>,
    /// Default: SPY
    #[schemars(extend("x-hidden" = true))]
    benchmark_symbol: Option<String>,
    /// Pairs: log(first) = intercept + hedge_ratio log(second)
    intercept: Option<f64>,
    /// Of the logs
    hedge_ratio: Option<f64>,
    /// Pairs: standard deviation of the spread
    spread_std: Option<f64>,
    /// Default: 2
    #[schemars(extend("x-hidden" = true))]
    entry_z: Option<f64>,
    /// Default: 0.5
    #[schemars(extend("x-hidden" = true))]
    exit_z: Option<f64>,
    /// Default: 4
    #[schemars(extend("x-hidden" = true))]
    stop_z: Option<f64>,
    /// Default: 1
    #[schemars(extend("x-hidden" = true))]
    confirm_days: Option<u32>,
    /// Default: 30
    #[schemars(extend("x-hidden" = true))]
    max_days: Option<u32>,
    /// Pairs: sum of both legs; default 1
    #[schemars(extend("x-hidden" = true))]
    gross: Option<f64>,
    /// First day of a backtest
    start_date: Option<String>,
    /// Last day
    end_date: Option<String>,
    /// Default: 100000
    #[schemars(extend("x-hidden" = true))]
    cash: Option<f64>,
    /// Fall from the peak that sells everything, such as 0.1. Default: none
    max_loss: Option<f64>,
    /// Container image with a tag
    #[schemars(extend("x-hidden" = true))]
    image: Option<String>,
}

#[tool_router(router = exporting_read, vis = "pub(crate)")]
impl QcServer {
    /// Write a strategy as LEAN code: target weights on a schedule, or a pair; or a Dockerfile. Checked against LEAN's stubs, not run in LEAN: backtest it.
    #[tool(title = "Export strategy")]
    async fn export_strategy(&self, Parameters(args): Parameters<ExportArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let (name, text, what) = match args.kind {
            KindArg::Dockerfile => {
                ("Dockerfile", export::dockerfile(args.image.as_deref())?, "a container file".to_owned())
            }
            KindArg::Pairs => {
                let code = export::pairs(&pair(&args)?, &common(&args)?)?;
                ("main.py", code, "a pair".to_owned())
            }
            KindArg::TargetWeights => {
                let weights = weights(self, &ctx, &args)?;
                let n = weights.iter().filter(|(_, weight)| *weight != 0.0).count();
                let benchmark = args.benchmark_symbol.as_deref();
                let rebalance = args.rebalance.unwrap_or_default();
                let code = export::target_weights(&weights, rebalance, benchmark, &common(&args)?)?;
                ("main.py", code, format!("{n} weights"))
            }
        };
        let mut reply = Reply::new(format!(
            "{name}: {what}, {} lines; checked against LEAN's stubs and a stand-in, not run in LEAN",
            text.lines().count()
        ))
        .data(json!({"name": name, "content": text}));
        if matches!(args.kind, KindArg::Dockerfile) {
            reply = reply.field(
                "commands",
                "docker build and docker run as its first lines say; pushing an image is the user's own command",
            );
        }
        Ok(reply.next(if name == "main.py" { "run_backtest with files holding main.py" } else { "sync_project" }))
    }
}

fn common(args: &ExportArgs) -> Result<Common, ToolError> {
    let (start, end) =
        (args.start_date.as_deref().unwrap_or("2015-01-01"), args.end_date.as_deref().unwrap_or("2024-12-31"));
    prices::parse_window(start, end)?;
    let date = |text: &str| {
        let day = text.trim();
        day.get(..10).unwrap_or(day).parse().map_err(|_| ToolError::argument("dates are written YYYY-MM-DD"))
    };
    let (start, end) = (date(start)?, date(end)?);
    Ok(Common { start, end, cash: args.cash.unwrap_or(100_000.0), max_loss: args.max_loss.unwrap_or_default() })
}

fn pair(args: &ExportArgs) -> Result<Pair, ToolError> {
    let Some([y, x]) = args.symbols.as_deref() else {
        return Err(ToolError::argument("a pair takes two symbols, the dependent one first; nothing was written"));
    };
    let (Some(hedge_ratio), Some(spread_std)) = (args.hedge_ratio, args.spread_std) else {
        let message = "a pair takes hedge_ratio, intercept and spread_std of log prices, as `test_cointegration` answers them; nothing was written";
        return Err(ToolError::argument(message));
    };
    Ok(Pair {
        y: y.clone(),
        x: x.clone(),
        intercept: args.intercept.unwrap_or_default(),
        hedge_ratio,
        spread_std,
        entry_z: args.entry_z.unwrap_or(2.0),
        exit_z: args.exit_z.unwrap_or(0.5),
        stop_z: args.stop_z.unwrap_or(4.0),
        confirm_days: args.confirm_days.unwrap_or(1),
        max_days: args.max_days.unwrap_or(30),
        gross: args.gross.unwrap_or(1.0),
    })
}

fn weights(server: &QcServer, ctx: &Ctx, args: &ExportArgs) -> Result<Vec<(String, f64)>, ToolError> {
    let given = args.symbols.as_deref().unwrap_or_default();
    match &args.weights {
        None => Err(ToolError::argument(
            "weights are missing: one number per symbol, or qc://research/ID; nothing was written",
        )),
        Some(WeightsArg::Numbers(numbers)) => {
            performance::check_weights(given, numbers)?;
            Ok(given.iter().cloned().zip(numbers.iter().copied()).collect())
        }
        Some(WeightsArg::Named(named)) => {
            let (symbols, weights) = performance::weights_of(given, &WeightsArg::pairs(named))?;
            Ok(symbols.into_iter().zip(weights).collect())
        }
        Some(WeightsArg::From(text)) => {
            let found = own::weights::read(server.desk(), ctx.caller_key(), text)?;
            let (symbols, weights) = performance::weights_of(given, &found)?;
            Ok(symbols.into_iter().zip(weights).collect())
        }
    }
}
