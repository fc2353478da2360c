//! Portfolios: how given weights did.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::{
    Reply, ToolError,
    analysis::performance::{self, PolicyArg},
    compute::Stop,
    ctx::Ctx,
    prices,
    quantbook::OpenSource,
    research::ResearchArgs,
    server::QcServer,
    study::Study,
};

/// Arguments of `calculate_portfolio_performance`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PerformanceArgs {
    /// Tickers, such as ["SPY", "IWM"]
    symbols: Vec<String>,
    /// One weight per ticker, used as given (the rest of 1 is cash), such as [0.6, 0.4]
    weights: Vec<f64>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Ticker to compare with, such as SPY
    benchmark_symbol: Option<String>,
    /// What happens to the weights between bars. Default: constant_weights
    policy: Option<PolicyArg>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

#[tool_router(router = portfolio_read, vis = "pub(crate)")]
impl QcServer {
    /// Measure a portfolio of given weights: return, volatility, Sharpe, Sortino, drawdown, tails, and beta, alpha and
    /// tracking error against a benchmark.
    #[tool(title = "Portfolio performance")]
    async fn calculate_portfolio_performance(
        &self,
        Parameters(args): Parameters<PerformanceArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let mut question = study.question(&args.symbols, window)?;
        performance::check_weights(&question.symbols, &args.weights)?;
        let symbols = question.symbols.clone();
        let benchmark = args.benchmark_symbol.as_deref().map(|text| text.trim().to_ascii_uppercase());
        question.also(benchmark.as_deref());
        let ask = performance::Ask {
            symbols,
            weights: args.weights.clone(),
            benchmark,
            policy: args.policy.unwrap_or_default(),
            periods_per_year: args.shared.periods_per_year()?,
        };
        let risk_free = args.shared.risk_free();
        let measure = move |source: &OpenSource, _: &Stop| {
            let prices = prices::load(source, &question)?;
            let annual_rate = risk_free.annual(&source.folder, &prices.panel)?;
            let found = performance::run(&prices, &ask, annual_rate)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(measure).await?;
        study.finish("calculate_portfolio_performance", &args, &prices, found)
    }
}
