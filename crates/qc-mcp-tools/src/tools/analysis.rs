//! Statistics of prices: principal components, cointegration, correlation.

use qc_data::table::factors::{FactorUnit, Factors};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::{
    Reply, ToolError,
    analysis::{
        bootstrap,
        cointegration::{self, TrendArg},
        correlation::{self, CorrelationMethod},
        factors,
        johansen::{self, CaseArg},
        kalman,
        mean_reversion::{self, Hedge},
        pairs_scan::{self, Adjustment, AggregateArg},
        pca::{self, PcaMode},
        regimes::{self, RegimeMethod},
    },
    compute::Stop,
    ctx::Ctx,
    imports,
    prices::{self, Prices},
    quantbook::OpenSource,
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
    symbols: Option<Vec<String>>,
    /// A spread instead of symbols: qc://research/ID, qc://backtests/PROJECT/ID or file:PATH#COLUMN
    spread: Option<String>,
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

/// Arguments of `find_cointegrated_pairs`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PairScanArgs {
    /// Tickers, 2 to 1000, such as ["KO", "PEP", "PG"]
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// p-value that decides. Default: holm
    adjust: Option<Adjustment>,
    /// Level at which a pair passes. Default: 0.05
    alpha: Option<f64>,
    /// Least distance correlation of returns, such as 0.3
    min_distance_correlation: Option<f64>,
    /// Length of moving windows for it, such as 60d. Default: all rows
    window: Option<String>,
    /// From one window to the next, such as 5d. Default: 1bars
    step: Option<String>,
    /// What stands for all windows. Default: last
    aggregate: Option<AggregateArg>,
    /// Longest half-life, such as 30d or 40bars
    max_half_life: Option<String>,
    /// Largest Hurst exponent of the spread, such as 0.45
    max_hurst: Option<f64>,
    /// Deterministic terms. Default: c
    trend: Option<TrendArg>,
    /// Lagged differences: aic, bic, t-stat or a number. Default: aic
    lags: Option<String>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `estimate_kalman_hedge_ratio`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct KalmanArgs {
    /// Ticker on the left, such as KO
    symbol1: String,
    /// Ticker on the right, such as PEP
    symbol2: String,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// How freely slope and constant walk, 0 to 1, such as 0.0001. Default: estimated
    delta: Option<f64>,
    /// Variance of the noise around the relation. Default: estimated
    observation_variance: Option<f64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `test_regime_change`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RegimeArgs {
    /// Ticker whose returns are tested, such as SPY; or a series: qc://research/ID, qc://backtests/PROJECT/ID, file:PATH#COLUMN
    series: String,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// sup_f: one break; markov: two states. Default: sup_f
    method: Option<RegimeMethod>,
    /// Day of a known break, YYYY-MM-DD. Default: searched
    break_date: Option<String>,
    /// Tests alpha and beta to this ticker or series instead of the mean
    benchmark_symbol: Option<String>,
    /// Resamples for markov, 199 or more. Default: 199
    replicates: Option<i64>,
    /// Seed of the resamples. Default: 0
    seed: Option<u64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `bootstrap_alpha`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct BootstrapArgs {
    /// Ticker whose alpha is tested, such as MSFT; or a series: qc://research/ID, qc://backtests/PROJECT/ID, file:PATH#COLUMN
    series: String,
    /// Ticker or series it is measured against, such as SPY
    benchmark: String,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Resamples. Default: 5000
    replicates: Option<i64>,
    /// Mean block length in bars. Default: chosen by Politis and White's rule
    block_length: Option<f64>,
    /// Seed of the resamples. Default: 0
    seed: Option<u64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// How factor returns are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "snake_case")]
enum FactorUnitArg {
    /// 1 is one percent.
    Percent,
    /// 0.01 is one percent.
    Fraction,
}

/// Arguments of `calculate_factor_exposures`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct FactorArgs {
    /// Tickers, each regressed by itself, such as ["MSFT"]; or give series
    symbols: Option<Vec<String>>,
    /// One series instead: qc://research/ID, qc://backtests/PROJECT/ID or file:PATH#COLUMN
    series: Option<String>,
    /// CSV of factor returns: Ken French's or AQR's layout, or own columns with a date
    factors: String,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Columns to use, such as ["Mkt-RF", "SMB"]. Default: all but RF
    factor_names: Option<Vec<String>>,
    /// How the file's numbers are written. Default: percent in Ken French's layout, else fraction
    factor_unit: Option<FactorUnitArg>,
    /// Lags of the Newey-West errors, from 0. Default: floor(4 (T/100)^(2/9))
    lags: Option<i64>,
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
        let question = study.question(&args.symbols, window).await?.at_least(2, "principal components")?;
        let (mode, kept) = (args.mode.unwrap_or_default(), count("n_components", args.n_components)?);
        let (prices, found) = study.compute(question, move |prices, _| pca::run(prices, mode, kept)).await?;
        study.finish("perform_pca_analysis", &args, &prices, found).await
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
        let question = study.question(&[args.symbol1.clone(), args.symbol2.clone()], window).await?;
        let ask = cointegration::Ask {
            trend: args.trend.unwrap_or_default(),
            lags: args.lags.clone(),
            rolling_window: rows("rolling_window", args.rolling_window)?,
            split_date: args.split_date.as_deref().map(|text| prices::parse_day("split_date", text)).transpose()?,
            lookback_period: rows("lookback_period", args.lookback_period)?,
        };
        let (prices, found) =
            study.compute(question, move |prices, stop| cointegration::run(prices, &ask, stop)).await?;
        study.finish("test_cointegration", &args, &prices, found).await
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
        let question = study.question(&args.symbols, window).await?.at_least(2, "a correlation matrix")?;
        let (method, rolling) = (args.method.unwrap_or_default(), rows("rolling", args.rolling)?);
        let (prices, found) =
            study.compute(question, move |prices, stop| correlation::run(prices, method, rolling, stop)).await?;
        study.finish("calculate_correlation_matrix", &args, &prices, found).await
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
        let ask = mean_reversion::Ask {
            lookback: rows("lookback_period", args.lookback_period)?.unwrap_or(30),
            hedge: args.hedge.unwrap_or_default(),
            entry_z: args.entry_z.unwrap_or(1.0),
        };
        let symbols = args.symbols.as_deref().unwrap_or_default();
        let question = match &args.spread {
            Some(spread) => {
                if !symbols.is_empty() || ask.hedge != Hedge::None {
                    return Err(ToolError::argument("give symbols (and a hedge) or a spread, not both"));
                }
                let mut question = study.empty(window)?;
                study.include(&mut question, "spread", spread).await?;
                question
            }
            None => study.question(symbols, window).await?,
        };
        let (prices, found) =
            study.compute_loading(move |source, stop| mean_reversion::run(source, &question, ask, stop)).await?;
        study.finish("analyze_mean_reversion", &args, &prices, found).await
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
        let question = study.question(&args.symbols, window).await?.at_least(2, "Johansen's test")?;
        let (lags, case) = (johansen::lagged_differences(args.lags, args.var_order)?, args.case.unwrap_or_default());
        let (prices, found) = study.compute(question, move |prices, _| johansen::run(prices, lags, case)).await?;
        study.finish("test_johansen_cointegration", &args, &prices, found).await
    }

    /// Screen all pairs of a universe for cointegration, adjusted for their number, then by half-life, Hurst exponent and
    /// distance correlation. Shows how many pairs each filter left, and near misses.
    #[tool(title = "Cointegrated pairs")]
    async fn find_cointegrated_pairs(
        &self,
        Parameters(args): Parameters<PairScanArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&args.symbols, window).await?.at_least(2, "a scan of pairs")?;
        let test = cointegration::Ask {
            trend: args.trend.unwrap_or_default(),
            lags: args.lags.clone(),
            ..cointegration::Ask::default()
        };
        let longest = args.max_half_life.as_deref();
        let ask = pairs_scan::Ask {
            options: test.options()?,
            adjustment: args.adjust.unwrap_or_default(),
            alpha: args.alpha.unwrap_or(pairs_scan::ALPHA),
            min_distance_correlation: args.min_distance_correlation,
            windows: pairs_scan::windows_of(
                args.window.as_deref(),
                args.step.as_deref(),
                args.aggregate,
                args.min_distance_correlation.is_some(),
            )?,
            max_half_life: longest.map(|text| pairs_scan::Length::read("max_half_life", text)).transpose()?,
            max_hurst: args.max_hurst,
            bars: args.shared.bars()?,
        };
        let (prices, found) = study.compute(question, move |prices, stop| pairs_scan::run(prices, &ask, stop)).await?;
        study.finish("find_cointegrated_pairs", &args, &prices, found).await
    }

    /// Follow the hedge ratio of two log prices through time with a Kalman filter: ratio now with its error, z-score of the
    /// last row against what was predicted.
    #[tool(title = "Kalman hedge ratio")]
    async fn estimate_kalman_hedge_ratio(
        &self,
        Parameters(args): Parameters<KalmanArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&[args.symbol1.clone(), args.symbol2.clone()], window).await?;
        let ask = kalman::Ask { delta: args.delta, observation_variance: args.observation_variance };
        let (prices, found) = study.compute(question, move |prices, stop| kalman::run(prices, ask, stop)).await?;
        study.finish("estimate_kalman_hedge_ratio", &args, &prices, found).await
    }

    /// Test whether the returns of a ticker (or their alpha and beta to a benchmark) changed, at a known or unknown day, or
    /// move between two volatility states.
    #[tool(title = "Regime change")]
    async fn test_regime_change(&self, Parameters(args): Parameters<RegimeArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let mut question = study.empty(window)?;
        let series = study.include(&mut question, "series", &args.series).await?;
        let benchmark = match &args.benchmark_symbol {
            Some(text) => Some(study.include(&mut question, "benchmark_symbol", text).await?),
            None => None,
        };
        if benchmark.as_ref() == Some(&series) {
            return Err(ToolError::argument(format!("benchmark_symbol {series} is the series itself")));
        }
        let mut ask = regimes::Ask {
            series,
            benchmark,
            method: args.method.unwrap_or_default(),
            break_date: args.break_date.as_deref().map(|text| prices::parse_day("break_date", text)).transpose()?,
            replicates: count("replicates", args.replicates)?.unwrap_or(199),
            is_resampled: args.replicates.is_some() || args.seed.is_some(),
            seed: args.seed.unwrap_or(0),
            periods_per_year: args.shared.periods_per_year()?,
        };
        let given = args.shared.periods_per_year;
        let job = move |prices: &Prices, stop: &Stop| {
            ask.periods_per_year = prices.periods_per_year(given, ask.periods_per_year);
            regimes::run(prices, &ask, stop)
        };
        let (prices, found) = study.compute(question, job).await?;
        study.finish("test_regime_change", &args, &prices, found).await
    }

    /// Tell alpha from luck: regress a ticker's excess returns on a benchmark and resample them in blocks for a p-value
    /// that allows for dependence.
    #[tool(title = "Bootstrap alpha")]
    async fn bootstrap_alpha(&self, Parameters(args): Parameters<BootstrapArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let mut question = study.empty(window)?;
        let series = study.include(&mut question, "series", &args.series).await?;
        let benchmark = study.include(&mut question, "benchmark", &args.benchmark).await?;
        if series == benchmark {
            return Err(ToolError::argument(format!(
                "series and benchmark are both {series}; two different symbols or series are needed"
            )));
        }
        let mut ask = bootstrap::Ask {
            series,
            benchmark,
            block_length: args.block_length,
            replicates: count("replicates", args.replicates)?.unwrap_or(5000),
            seed: args.seed.unwrap_or(0),
            periods_per_year: args.shared.periods_per_year()?,
        };
        let (risk_free, given) = (args.shared.risk_free(), args.shared.periods_per_year);
        let job = move |source: &OpenSource, stop: &Stop| {
            let mut prices = prices::load(source, &question)?;
            ask.periods_per_year = prices.periods_per_year(given, ask.periods_per_year);
            let annual_rate = risk_free.annual(&source.folder, &mut prices)?;
            let found = bootstrap::run(&prices, &ask, annual_rate, stop)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(job).await?;
        study.finish("bootstrap_alpha", &args, &prices, found).await
    }

    /// Regress excess returns on factors of a file (Fama-French, QMJ, own): annual alpha, betas with Newey-West errors, R².
    /// Daily factors meet daily returns, monthly ones compounded months.
    #[tool(title = "Factor exposures")]
    async fn calculate_factor_exposures(
        &self,
        Parameters(args): Parameters<FactorArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let first = prices::parse_day("start_date", &args.start_date)?;
        let last = prices::parse_day("end_date", &args.end_date)?;
        let (desk, path) = (study.desk().clone(), args.factors.trim().trim_start_matches("file:").to_owned());
        let unit = args.factor_unit.map(|unit| match unit {
            FactorUnitArg::Percent => FactorUnit::Percent,
            FactorUnitArg::Fraction => FactorUnit::Fraction,
        });
        let read = move |_: &OpenSource, _: &Stop| {
            let (bytes, shown) = desk.read_bytes(&path, imports::MAX_FILE_BYTES)?;
            Ok((Factors::read(&shown, &bytes, unit)?, shown))
        };
        let (factors, file) = study.run(read).await?;
        let symbols = args.symbols.as_deref().unwrap_or_default();
        let mut question = match (&args.series, symbols) {
            (Some(text), []) => {
                let mut question = study.empty(window)?;
                study.include(&mut question, "series", text).await?;
                question
            }
            (None, [_, ..]) => study.question(symbols, window).await?,
            _ => return Err(ToolError::argument("give symbols or a series, one of the two")),
        };
        // The first month needs the close of the one before it.
        let before = jiff::Span::new().days(factors::days_before(factors.frequency));
        question.window = qc_data::Window::dates(first.saturating_sub(before), last);
        let names = question.symbols.iter().cloned().chain(question.own.iter().map(|own| own.name.clone())).collect();
        let lags = match args.lags {
            None => None,
            Some(lags) => Some(
                usize::try_from(lags)
                    .map_err(|_| ToolError::argument(format!("lags must be at least 0, found {lags}")))?,
            ),
        };
        let ask = factors::Ask {
            names,
            factors,
            unit_given: unit.is_some(),
            file,
            wanted: args.factor_names.clone().filter(|names| !names.is_empty()),
            lags,
            window: (first, last),
            periods_per_year: args.shared.periods_per_year,
            own_rate: args.shared.risk_free_rate.is_some(),
        };
        let risk_free = args.shared.risk_free();
        let job = move |source: &OpenSource, _: &Stop| {
            let mut prices = prices::load(source, &question)?;
            let annual_rate = risk_free.annual(&source.folder, &mut prices)?;
            let found = factors::run(&prices, &ask, annual_rate)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(job).await?;
        study.finish("calculate_factor_exposures", &args, &prices, found).await
    }
}
