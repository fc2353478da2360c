//! Portfolios: how given weights did, weights by a rule, trading pairs, and choosing what to hold.

use std::collections::HashMap;

use qc_data::table::attributes::Attributes;
use qc_quant::{
    MissingPolicy,
    portfolio::{mean_variance::Bounds, screen::Criteria},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::{
    Reply, ToolError,
    analysis::{
        equal_weight::{self, Frequency},
        optimize::{self, Rule},
        pairs_trading::{self, FillArg, HedgeArg},
        performance::{self, PolicyArg},
        screening,
        selection::{self, SelectMethod},
        sparse,
    },
    args::WeightsArg,
    compute::Stop,
    ctx::Ctx,
    imports, own,
    prices::{self, Prices},
    quantbook::OpenSource,
    research::{ResearchArgs, count, rows},
    server::QcServer,
    study::Study,
};

/// Arguments of `calculate_portfolio_performance`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PerformanceArgs {
    /// Tickers, such as ["SPY", "IWM"]; not needed where weights name a result
    symbols: Option<Vec<String>>,
    /// One weight per ticker, used as given (the rest of 1 is cash), such as [0.6, 0.4]; or qc://research/ID
    weights: WeightsArg,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Ticker or series to compare with, such as SPY or qc://backtests/PROJECT/ID
    benchmark_symbol: Option<String>,
    /// What happens to the weights between bars. Default: constant_weights
    policy: Option<PolicyArg>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `sparse_optimization`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct SparseArgs {
    /// Tickers to choose from, such as ["KO", "PEP", "MSFT"]
    portfolio_symbols: Vec<String>,
    /// Ticker that is followed, such as SPY
    benchmark_symbol: String,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Accepted for older prompts: the solver stops by itself. Default: 20
    #[schemars(extend("x-hidden" = true))]
    max_iterations: Option<i64>,
    /// Accepted for older prompts, as max_iterations. Default: 0.001
    #[schemars(extend("x-hidden" = true))]
    tolerance: Option<f64>,
    /// Largest weight. Default: 0.1
    max_weight: Option<f64>,
    /// Where the penalty bends; 0.5 means unset (1e-7). Default: 0.5
    #[schemars(extend("x-hidden" = true))]
    penalty_param: Option<f64>,
    /// Shortfall per bar beyond which misses count straight. Default: 0.0001
    #[schemars(extend("x-hidden" = true))]
    huber_param: Option<f64>,
    /// Price of holding an asset; 0.01 means found on a hold-out. Default: 0.01
    lambda_param: Option<f64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `optimize_equal_weight_portfolio`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct EqualWeightArgs {
    /// Tickers, such as ["SPY", "IWM"]
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// When weights are traded back. Default: monthly
    rebalance_frequency: Option<Frequency>,
    /// Cost of what is traded, basis points. Default: 0
    cost_bps: Option<f64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `optimize_portfolio`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct OptimizeArgs {
    /// Tickers, such as ["SPY", "IWM", "EEM"]
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// hrp, min_cvar, min_variance, max_sharpe, risk_parity; several by commas are compared. Default: hrp
    method: Option<String>,
    /// Smallest weight. Default: 0
    min_weight: Option<f64>,
    /// Largest weight. Default: 1
    max_weight: Option<f64>,
    /// Those of symbols that are held short: a long and a short book of half of gross each
    short_symbols: Option<Vec<String>>,
    /// Gross exposure of both books. Default: 2
    gross: Option<f64>,
    /// Long less short of both books; default 0
    net: Option<f64>,
    /// Confidence of the expected shortfall. Default: 0.95
    confidence: Option<f64>,
    /// Largest annual volatility, such as 0.1
    target_volatility: Option<f64>,
    /// Ticker whose beta is to be nil, such as SPY
    beta_neutral_to: Option<String>,
    /// Method whose weights are stayed near. Default with max_deviation: hrp
    start_from: Option<String>,
    /// Largest distance from them per weight, such as 0.05
    max_deviation: Option<f64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `backtest_pairs_strategy`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PairsArgs {
    /// Pairs such as ["KO/PEP"]; or give symbol1 and symbol2
    pairs: Option<Vec<String>>,
    /// Ticker bought when the spread is bought
    symbol1: Option<String>,
    /// Ticker sold against it
    symbol2: Option<String>,
    /// First day of the fit, YYYY-MM-DD
    fit_start: String,
    /// Last day of the fit, before start_date
    fit_end: String,
    /// First day traded, YYYY-MM-DD
    start_date: String,
    /// Last day traded, included, YYYY-MM-DD
    end_date: String,
    /// Size of z that opens. Default: 2
    entry_z: Option<f64>,
    /// z that closes. Default: 0.5
    exit_z: Option<f64>,
    /// Size of z that gives up. Default: 4
    stop_z: Option<f64>,
    /// Bars of the rolling mean and deviation. Default: 60
    lookback_period: Option<i64>,
    /// Closes in a row beyond entry_z. Default: 1
    confirm_bars: Option<i64>,
    /// Longest holding: bars, or 3*half_life. Default: none
    max_holding: Option<String>,
    /// Where the hedge ratio comes from. Default: ols
    hedge: Option<HedgeArg>,
    /// Bars between new fits. Default: never
    refit: Option<i64>,
    /// When orders are filled. Default: next_open
    fill: Option<FillArg>,
    /// Cost per side and leg, basis points. Default: 5
    cost_bps: Option<f64>,
    /// Gross exposure of a pair at entry as a share of value. Default: 0.2
    max_pair_nav: Option<f64>,
    /// Gross exposure of all pairs as a share of value. Default: 1
    max_gross: Option<f64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `select_uncorrelated_assets`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct SelectArgs {
    /// Tickers to choose from
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// How many. Default: 5
    num_assets: Option<i64>,
    /// What makes a set good. Default: lowest_correlation
    method: Option<SelectMethod>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `screen_assets_by_criteria`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ScreenArgs {
    /// Tickers to screen. Default: those of attributes
    symbols: Option<Vec<String>>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Least annual return as a fraction, such as 0.05
    min_return: Option<f64>,
    /// Largest annual volatility, such as 0.3
    max_volatility: Option<f64>,
    /// Least annual Sharpe ratio, such as 0.5
    min_sharpe: Option<f64>,
    /// Largest signed correlation with benchmark_symbol
    max_correlation: Option<f64>,
    /// Ticker for max_correlation, such as SPY
    benchmark_symbol: Option<String>,
    /// Least raw close on end_date, such as 5
    min_price: Option<f64>,
    /// Least raw close times volume on end_date, such as 1000000
    min_dollar_volume: Option<f64>,
    /// CSV with the columns symbol, available_date and facts; the last row available by end_date counts
    attributes: Option<String>,
    /// Conditions on those facts, such as ["sector in Energy|Banks", "market_cap >= 1e9"]
    attribute_filters: Option<Vec<String>>,
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
        let given = args.symbols.as_deref().unwrap_or_default();
        let (symbols, weights) = match &args.weights {
            WeightsArg::Numbers(numbers) => (given.to_vec(), numbers.clone()),
            WeightsArg::Named(named) => performance::weights_of(given, &WeightsArg::pairs(named))?,
            WeightsArg::From(text) => {
                let found = own::weights::read(study.desk(), ctx.caller_key(), text)?;
                performance::weights_of(given, &found)?
            }
        };
        let (mut question, symbols) = if symbols.iter().any(|text| own::is_series(text)) {
            let (mut question, mut names) = (study.empty(window)?, Vec::new());
            for text in &symbols {
                names.push(study.include(&mut question, "symbols", text).await?);
            }
            (question, names)
        } else {
            let question = study.question(&symbols, window).await?;
            let names = question.symbols.clone();
            (question, names)
        };
        performance::check_weights(&symbols, &weights)?;
        // A path is made of all its steps: where a row is left out, the return spans it.
        if question.missing == MissingPolicy::DropRows {
            question.missing = MissingPolicy::DropRowsAllowGaps;
        }
        let benchmark = match &args.benchmark_symbol {
            Some(text) => Some(study.include(&mut question, "benchmark_symbol", text).await?),
            None => None,
        };
        let mut ask = performance::Ask {
            symbols,
            weights,
            benchmark,
            policy: args.policy.unwrap_or_default(),
            periods_per_year: args.shared.periods_per_year()?,
        };
        let (risk_free, given) = (args.shared.risk_free(), args.shared.periods_per_year);
        let measure = move |source: &OpenSource, _: &Stop| {
            let mut prices = prices::load(source, &question)?;
            ask.periods_per_year = prices.periods_per_year(given, ask.periods_per_year);
            let annual_rate = risk_free.annual(&source.folder, &mut prices)?;
            let found = performance::run(&prices, &ask, annual_rate)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(measure).await?;
        study.finish("calculate_portfolio_performance", &args, &prices, found).await
    }

    /// Choose few assets that follow a benchmark without falling behind it (sparse index tracking), with weights and the
    /// tracking error on held-out rows, which choose lambda unless it is given.
    #[tool(title = "Sparse tracking")]
    async fn sparse_optimization(
        &self,
        Parameters(args): Parameters<SparseArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let mut question = study.question(&args.portfolio_symbols, window).await?.at_least(2, "sparse tracking")?;
        let symbols = question.symbols.clone();
        let benchmark = study.also(&mut question, "benchmark_symbol", Some(&args.benchmark_symbol)).await?;
        let mut ask = sparse::Ask {
            symbols,
            benchmark: benchmark.ok_or_else(|| ToolError::argument("benchmark_symbol is empty"))?,
            max_weight: args.max_weight.unwrap_or(0.1),
            penalty_param: args.penalty_param.unwrap_or(sparse::PENALTY_UNSET),
            huber_param: args.huber_param.unwrap_or(1e-4),
            lambda_param: args.lambda_param.unwrap_or(sparse::LAMBDA_UNSET),
            periods_per_year: args.shared.periods_per_year()?,
        };
        let given = args.shared.periods_per_year;
        let job = move |prices: &Prices, stop: &Stop| {
            ask.periods_per_year = prices.periods_per_year(given, ask.periods_per_year);
            sparse::run(prices, &ask, stop)
        };
        let (prices, found) = study.compute(question, job).await?;
        study.finish("sparse_optimization", &args, &prices, found).await
    }

    /// Hold equal weights, traded back by a rule: return, turnover, costs, and what each symbol added.
    #[tool(title = "Equal weights")]
    async fn optimize_equal_weight_portfolio(
        &self,
        Parameters(args): Parameters<EqualWeightArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&args.symbols, window).await?;
        let mut ask = equal_weight::Ask {
            frequency: args.rebalance_frequency.unwrap_or_default(),
            cost_bps: args.cost_bps.unwrap_or(0.0),
            periods_per_year: args.shared.periods_per_year()?,
        };
        let (risk_free, given) = (args.shared.risk_free(), args.shared.periods_per_year);
        let job = move |source: &OpenSource, _: &Stop| {
            let mut prices = prices::load(source, &question)?;
            ask.periods_per_year = prices.periods_per_year(given, ask.periods_per_year);
            let annual_rate = risk_free.annual(&source.folder, &mut prices)?;
            let found = equal_weight::run(&prices, ask, annual_rate)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(job).await?;
        study.finish("optimize_equal_weight_portfolio", &args, &prices, found).await
    }

    /// Find weights by one or several rules and compare them in sample: return, volatility, tail loss, risk shares. Long
    /// and short books, beta neutrality and a volatility cap on request.
    #[tool(title = "Optimize a portfolio")]
    async fn optimize_portfolio(
        &self,
        Parameters(args): Parameters<OptimizeArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let mut question = study.question(&args.symbols, window).await?.at_least(2, "an optimisation")?;
        let symbols = question.symbols.clone();
        let short = study.among(&question, "short_symbols", args.short_symbols.as_deref().unwrap_or_default()).await?;
        let neutral_to = study.also(&mut question, "beta_neutral_to", args.beta_neutral_to.as_deref()).await?;
        if (args.gross.is_some() || args.net.is_some()) && short.is_empty() {
            let message = "gross and net are those of a long and a short book: name short_symbols, or leave them out (weights of one book add up to 1)";
            return Err(ToolError::argument(message));
        }
        let mut ask = optimize::Ask {
            symbols,
            short,
            rules: Rule::parse(args.method.as_deref())?,
            bounds: Bounds { lower: args.min_weight.unwrap_or(0.0), upper: args.max_weight.unwrap_or(1.0) },
            gross: args.gross.unwrap_or(2.0),
            net: args.net.unwrap_or(0.0),
            confidence: args.confidence.unwrap_or(0.95),
            target_volatility: args.target_volatility,
            neutral_to,
            start_from: Rule::named(args.start_from.as_deref())?,
            max_deviation: args.max_deviation,
            periods_per_year: args.shared.periods_per_year()?,
        };
        let (risk_free, given) = (args.shared.risk_free(), args.shared.periods_per_year);
        let job = move |source: &OpenSource, stop: &Stop| {
            let mut prices = prices::load(source, &question)?;
            ask.periods_per_year = prices.periods_per_year(given, ask.periods_per_year);
            let annual_rate = risk_free.annual(&source.folder, &mut prices)?;
            let found = optimize::run(&prices, &ask, annual_rate, stop)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(job).await?;
        study.finish("optimize_portfolio", &args, &prices, found).await
    }

    /// Trade the spreads of one or more pairs by z-score from one account, with the relation fitted on an earlier window:
    /// trades, costs, attribution by pair and leg.
    #[tool(title = "Pairs backtest")]
    async fn backtest_pairs_strategy(
        &self,
        Parameters(args): Parameters<PairsArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let pairs = pairs_trading::pairs_of(args.pairs.as_deref(), args.symbol1.as_deref(), args.symbol2.as_deref())?;
        prices::parse_window(&args.fit_start, &args.fit_end)?;
        prices::parse_window(&args.start_date, &args.end_date)?;
        let (fitted, first) =
            (prices::parse_day("fit_end", &args.fit_end)?, prices::parse_day("start_date", &args.start_date)?);
        if first <= fitted {
            let message =
                format!("fit_end {fitted} must lie before start_date {first}: a fit on traded rows looks ahead");
            return Err(ToolError::argument(message));
        }
        let mut symbols: Vec<String> = pairs.iter().flat_map(|(y, x)| [y.clone(), x.clone()]).collect();
        symbols.sort_unstable();
        symbols.dedup();
        // One window, so that what lies between both is known when trading begins.
        let question = study.question(&symbols, prices::parse_window(&args.fit_start, &args.end_date)?).await?;
        let pairs = pairs_trading::by_name(&pairs, &symbols, &question.symbols)?;
        let mut ask = pairs_trading::Ask {
            pairs,
            entry: args.entry_z.unwrap_or(2.0),
            exit: args.exit_z.unwrap_or(0.5),
            stop: args.stop_z.unwrap_or(4.0),
            lookback: rows("lookback_period", args.lookback_period)?.unwrap_or(60),
            confirm_bars: count("confirm_bars", args.confirm_bars)?.unwrap_or(1),
            max_holding: args.max_holding.clone(),
            hedge: args.hedge.unwrap_or_default(),
            refit: count("refit", args.refit)?,
            fill: args.fill.unwrap_or_default(),
            cost_bps: args.cost_bps.unwrap_or(5.0),
            max_pair_nav: args.max_pair_nav.unwrap_or(0.2),
            max_gross: args.max_gross.unwrap_or(1.0),
            periods_per_year: args.shared.periods_per_year()?,
            fit_end: fitted,
            start: first,
        };
        let given = args.shared.periods_per_year;
        if args.shared.risk_free_rate.is_some() {
            let message =
                "risk_free_rate is not taken here: the account's cash earns none, so none is taken off its returns";
            return Err(ToolError::argument(message));
        }
        let job = move |source: &OpenSource, stop: &Stop| {
            let (prices, opens) = if ask.fill == FillArg::NextOpen {
                let (prices, opens) = prices::load_with_opens(source, &question)?;
                (prices, Some(opens))
            } else {
                (prices::load(source, &question)?, None)
            };
            ask.periods_per_year = prices.periods_per_year(given, ask.periods_per_year);
            let found = pairs_trading::run(&prices, opens.as_ref(), &ask, stop)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(job).await?;
        study.finish("backtest_pairs_strategy", &args, &prices, found).await
    }
}

#[tool_router(router = universe_choice, vis = "pub(crate)")]
impl QcServer {
    /// Choose the assets that go least together: least mean correlation of returns within the chosen set.
    #[tool(title = "Uncorrelated assets")]
    async fn select_uncorrelated_assets(
        &self,
        Parameters(args): Parameters<SelectArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let question = study.question(&args.symbols, window).await?.at_least(2, "a selection")?;
        let (wanted, method) = (count("num_assets", args.num_assets)?.unwrap_or(5), args.method.unwrap_or_default());
        let (prices, found) =
            study.compute(question, move |prices, _| selection::select(prices, wanted, method)).await?;
        study.finish("select_uncorrelated_assets", &args, &prices, found).await
    }

    /// Keep the assets that meet limits on return, volatility, Sharpe ratio, correlation, price, dollar volume and facts of
    /// a file; with the reason for each that fails.
    #[tool(title = "Screen assets")]
    async fn screen_assets_by_criteria(
        &self,
        Parameters(args): Parameters<ScreenArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let as_of = prices::parse_day("end_date", &args.end_date)?;
        let filters = args.attribute_filters.clone().unwrap_or_default();
        let facts = match &args.attributes {
            Some(path) => {
                let (desk, path) = (study.desk().clone(), path.trim().trim_start_matches("file:").to_owned());
                let read = move |_: &OpenSource, _: &Stop| {
                    let (bytes, shown) = desk.read_bytes(&path, imports::MAX_FILE_BYTES)?;
                    Ok(Attributes::read(&shown, &bytes)?)
                };
                Some(study.run(read).await?)
            }
            None if filters.is_empty() => None,
            None => return Err(ToolError::argument("attribute_filters need attributes: the file they are about")),
        };
        let given = args.symbols.clone().unwrap_or_default();
        let mut question = match (&facts, given.is_empty()) {
            (Some(facts), true) => {
                let all: Vec<String> = facts.symbols().into_iter().map(ToOwned::to_owned).collect();
                let mut question = study.question(&all, window).await?;
                // A company of the file without prices is one more that fails, no mistake of the caller's.
                question.grouped.extend(question.symbols.iter().cloned());
                question
            }
            (None, true) => return Err(ToolError::argument("give symbols, or attributes to take those of the file")),
            _ => study.question(&given, window).await?,
        };
        let symbols = question.symbols.clone();
        let mut judged = None;
        if let Some(facts) = &facts {
            let (all, left) = screening::by_facts(facts, &filters, &symbols, as_of)?;
            (judged, question.symbols) = (Some(all), left);
        }
        let wanted = question.clone();
        let ask = screening::Ask {
            symbols,
            facts: judged,
            benchmark: study.also(&mut question, "benchmark_symbol", args.benchmark_symbol.as_deref()).await?,
            criteria: Criteria {
                min_return: args.min_return,
                max_volatility: args.max_volatility,
                min_sharpe: args.min_sharpe,
                max_correlation: args.max_correlation,
                ..Criteria::default()
            },
            min_price: args.min_price,
            min_dollar_volume: args.min_dollar_volume,
            as_of,
        };
        ask.check()?;
        let usual = args.shared.periods_per_year()?;
        let (risk_free, given) = (args.shared.risk_free(), args.shared.periods_per_year);
        let job = move |source: &OpenSource, _: &Stop| {
            let mut prices = prices::load(source, &question)?;
            let year = prices.periods_per_year(given, usual);
            let rate = risk_free.annual(&source.folder, &mut prices)? / year;
            let levels = if ask.wants_levels() { prices::raw_levels(source, &wanted, as_of)? } else { HashMap::new() };
            let ask = screening::Ask { criteria: Criteria { risk_free: rate, ..ask.criteria }, ..ask };
            let found = screening::run(&prices, &levels, &ask, year)?;
            Ok((prices, found))
        };
        let (prices, found) = study.compute_loading(job).await?;
        study.finish("screen_assets_by_criteria", &args, &prices, found).await
    }
}
