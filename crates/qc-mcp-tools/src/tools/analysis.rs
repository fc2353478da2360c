//! Statistics of prices: principal components, cointegration, correlation.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::{
    Reply, ToolError,
    analysis::{
        cointegration::{self, TrendArg},
        correlation::{self, CorrelationMethod},
        johansen::{self, CaseArg},
        mean_reversion::{self, Hedge},
        pca::{self, PcaMode},
    },
    ctx::Ctx,
    prices,
    research::{ResearchArgs, count, rows},
    server::QcServer,
    study::Study,
};

/// Arguments of `perform_pca_analysis`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PcaArgs {
    /// Tickers, at least two, such as ["GOOGL", "AMZN", "MSFT"]
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Components to keep. Default: all
    n_components: Option<i64>,
    /// What is decomposed. Default: correlation
    mode: Option<PcaMode>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `test_cointegration`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CointegrationArgs {
    /// Ticker on the left of the regression, such as KO
    symbol1: String,
    /// Ticker on the right, such as PEP
    symbol2: String,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Also test windows of this many bars that move through time, such as 250
    rolling_window: Option<i64>,
    /// Also test before and from this day on, YYYY-MM-DD
    split_date: Option<String>,
    /// Bars for the current z-score. Default: all
    lookback_period: Option<i64>,
    /// Deterministic terms. Default: c
    trend: Option<TrendArg>,
    /// Lagged differences: aic, bic, t-stat or a number. Default: aic
    lags: Option<String>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `calculate_correlation_matrix`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct CorrelationArgs {
    /// Tickers, at least two, such as ["SPY", "IWM", "EEM"]
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Measure of dependence. Default: pearson
    method: Option<CorrelationMethod>,
    /// Also follow every pair over windows of this many returns, such as 60 (at most 10 symbols)
    rolling: Option<i64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `analyze_mean_reversion`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct MeanReversionArgs {
    /// Tickers, such as ["KO", "PEP"]; exactly two with a hedge
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Closes for mean and deviation, the last included. Default: 30
    lookback_period: Option<i64>,
    /// How two tickers become one spread. Default: none
    hedge: Option<Hedge>,
    /// Size of z that is a signal. Default: 1
    entry_z: Option<f64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `test_johansen_cointegration`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct JohansenArgs {
    /// Tickers, 2 to 12, such as ["KO", "PEP", "PG"]
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Lagged differences, from 0. Default: 1
    lags: Option<i64>,
    /// The same said as VAR order (= lags + 1); give one of the two
    var_order: Option<i64>,
    /// Deterministic terms. Default: restricted_constant
    case: Option<CaseArg>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

#[tool_router(router = analysis_read, vis = "pub(crate)")]
impl QcServer {
    /// Find the principal components of simple returns: variance shares, weights per symbol, number of independent
    /// bets. Symbols need no adding first.
    #[tool(title = "Principal components")]
    async fn perform_pca_analysis(&self, Parameters(args): Parameters<PcaArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&args.symbols, window)?.at_least(2, "principal components")?;
        let (mode, kept) = (args.mode.unwrap_or_default(), count("n_components", args.n_components)?);
        let (prices, found) = study.compute(question, move |prices, _| pca::run(prices, mode, kept)).await?;
        study.finish("perform_pca_analysis", &args, &prices, found)
    }

    /// Test whether two log prices are cointegrated (Engle-Granger, both directions) and describe their spread:
    /// vector, z-score, half-life, p-values of both halves.
    #[tool(title = "Cointegration")]
    async fn test_cointegration(
        &self,
        Parameters(args): Parameters<CointegrationArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&[args.symbol1.clone(), args.symbol2.clone()], window)?;
        let ask = cointegration::Ask {
            trend: args.trend.unwrap_or_default(),
            lags: args.lags.clone(),
            rolling_window: rows("rolling_window", args.rolling_window)?,
            split_date: args.split_date.as_deref().map(|text| prices::parse_day("split_date", text)).transpose()?,
            lookback_period: rows("lookback_period", args.lookback_period)?,
        };
        let (prices, found) =
            study.compute(question, move |prices, stop| cointegration::run(prices, &ask, stop)).await?;
        study.finish("test_cointegration", &args, &prices, found)
    }

    /// Correlate simple returns (Pearson, Spearman, Kendall or distance) and name the pairs that stand out, with
    /// p-values adjusted for their number.
    #[tool(title = "Correlation matrix")]
    async fn calculate_correlation_matrix(
        &self,
        Parameters(args): Parameters<CorrelationArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&args.symbols, window)?.at_least(2, "a correlation matrix")?;
        let (method, rolling) = (args.method.unwrap_or_default(), rows("rolling", args.rolling)?);
        let (prices, found) =
            study.compute(question, move |prices, stop| correlation::run(prices, method, rolling, stop)).await?;
        study.finish("calculate_correlation_matrix", &args, &prices, found)
    }

    /// Judge whether prices (or with hedge=ols the spread of two) come back: z-score and signal, ADF, KPSS, half-life,
    /// Hurst exponent, variance ratios. Each symbol on its own history.
    #[tool(title = "Mean reversion")]
    async fn analyze_mean_reversion(
        &self,
        Parameters(args): Parameters<MeanReversionArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&args.symbols, window)?;
        let ask = mean_reversion::Ask {
            lookback: rows("lookback_period", args.lookback_period)?.unwrap_or(30),
            hedge: args.hedge.unwrap_or_default(),
            entry_z: args.entry_z.unwrap_or(1.0),
        };
        let (prices, found) =
            study.compute_loading(move |source, stop| mean_reversion::run(source, &question, ask, stop)).await?;
        study.finish("analyze_mean_reversion", &args, &prices, found)
    }

    /// Test how many cointegrating relations hold 2 to 12 log prices together (Johansen, trace and largest eigenvalue),
    /// with vectors and adjustment speeds.
    #[tool(title = "Johansen cointegration")]
    async fn test_johansen_cointegration(
        &self,
        Parameters(args): Parameters<JohansenArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&args.symbols, window)?.at_least(2, "Johansen's test")?;
        let (lags, case) = (johansen::lagged_differences(args.lags, args.var_order)?, args.case.unwrap_or_default());
        let (prices, found) = study.compute(question, move |prices, _| johansen::run(prices, lags, case)).await?;
        study.finish("test_johansen_cointegration", &args, &prices, found)
    }
}
