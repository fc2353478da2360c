//! Market data: add securities to a workbook, read their history, see what the folder holds.

mod lists;
mod other;

use qc_data::{Field, MappingMode, Normalization, SecurityType};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Reply, ToolError, catalogue,
    ctx::Ctx,
    market::{self, HistoryQuestion},
    prices,
    quantbook::FutureTerms,
    research::ResearchArgs,
    server::QcServer,
    sheet,
    study::Study,
    symbols::Symbols,
};

/// Arguments of `add_equity`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct AddEquityArgs {
    /// Ticker, such as SPY
    ticker: String,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `add_multiple_equities`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct AddEquitiesArgs {
    /// Tickers, such as ["SPY", "IWM"]
    tickers: Vec<String>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `add_security`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct AddSecurityArgs {
    /// Ticker such as EURUSD, root of a future such as ES, or a security identifier
    symbol: String,
    /// Type of the security
    security_type: TypeArg,
    /// Market, such as oanda. Default: the usual one of the type
    market: Option<String>,
    /// Continuous futures: LastTradingDay, FirstDayMonth, OpenInterest or OpenInterestAnnual. Default: the market's
    #[schemars(extend("x-hidden" = true))]
    data_mapping_mode: Option<String>,
    /// Continuous futures: BackwardsRatio, BackwardsPanamaCanal, ForwardPanamaCanal or Raw. Default: BackwardsRatio
    #[schemars(extend("x-hidden" = true))]
    data_normalization_mode: Option<String>,
    /// Continuous futures: how many contracts behind the front one, 0 to 12. Default: 0
    #[schemars(extend("x-hidden" = true))]
    contract_depth_offset: Option<i64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

impl AddSecurityArgs {
    /// How a continuous future is followed, if anything is said about it.
    fn future(&self) -> Result<Option<FutureTerms>, ToolError> {
        let terms = FutureTerms {
            data_mapping_mode: self.data_mapping_mode.clone(),
            data_normalization_mode: self.data_normalization_mode.clone(),
            contract_depth_offset: contract_depth(self.contract_depth_offset)?,
        };
        if terms == FutureTerms::default() {
            return Ok(None);
        }
        if self.security_type != TypeArg::Future || self.symbol.trim().contains(' ') {
            return Err(ToolError::argument(
                "data_mapping_mode, data_normalization_mode and contract_depth_offset are for continuous futures: security_type future and a root such as ES",
            ));
        }
        let followed = terms.followed()?;
        let meets = |mode: &Normalization| {
            use Normalization as N;
            matches!(mode, N::Raw | N::BackwardsRatio | N::BackwardsPanamaCanal | N::ForwardPanamaCanal)
        };
        if let Some(mode) = followed.normalization.filter(|mode| !meets(mode)) {
            return Err(ToolError::argument(format!(
                "data_normalization_mode {mode} is not for futures: BackwardsRatio, BackwardsPanamaCanal, ForwardPanamaCanal or Raw"
            )));
        }
        Ok(Some(terms))
    }
}

/// Types of securities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
pub(super) enum TypeArg {
    /// Shares and funds
    Equity,
    /// Currency pairs
    Forex,
    /// Crypto currencies
    Crypto,
    /// Perpetual and dated crypto futures
    CryptoFuture,
    /// Futures
    Future,
    /// Indices
    Index,
    /// Contracts for difference
    Cfd,
    /// Options on shares
    Option,
    /// Options on indices
    IndexOption,
    /// Options on futures
    FutureOption,
}

impl From<TypeArg> for SecurityType {
    fn from(given: TypeArg) -> SecurityType {
        match given {
            TypeArg::Equity => SecurityType::Equity,
            TypeArg::Forex => SecurityType::Forex,
            TypeArg::Crypto => SecurityType::Crypto,
            TypeArg::CryptoFuture => SecurityType::CryptoFuture,
            TypeArg::Future => SecurityType::Future,
            TypeArg::Index => SecurityType::Index,
            TypeArg::Cfd => SecurityType::Cfd,
            TypeArg::Option => SecurityType::Option,
            TypeArg::IndexOption => SecurityType::IndexOption,
            TypeArg::FutureOption => SecurityType::FutureOption,
        }
    }
}

/// Arguments of `get_history`: the shared ones are spelled out, because `normalization` is listed here.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct HistoryArgs {
    /// Such as ["SPY", "forex:EURUSD", "future:ES", "etf:SPY@2020-12-01", "chain:SPY@2020-12-01", "list:NAME", "file:PATH"], or identifiers
    symbols: Vec<String>,
    /// First day, YYYY-MM-DD (or a time, RFC 3339)
    start_date: String,
    /// Last day, included, YYYY-MM-DD (or a time, RFC 3339)
    end_date: String,
    /// Tick, Second, Minute, Hour, Daily (default), 15m, weekly, monthly
    resolution: Option<String>,
    /// Columns, such as ["close", "volume"]. Default: all that hold data
    fields: Option<Vec<String>>,
    /// Raw, Adjusted, SplitAdjusted, TotalReturn, ScaledRaw; of futures BackwardsRatio. Default: by type
    normalization: Option<String>,
    /// Repeat the last bar where one is missing, marked is_filled. Default: true
    fill_forward: Option<bool>,
    /// Include pre- and post-market and night sessions (hours and finer). Default: false
    extended_market_hours: Option<bool>,
    /// Continuous futures: LastTradingDay, FirstDayMonth, OpenInterest or OpenInterestAnnual. Default: the market's
    #[schemars(extend("x-hidden" = true))]
    data_mapping_mode: Option<String>,
    /// Continuous futures: how many contracts behind the front one, 0 to 12. Default: 0
    #[schemars(extend("x-hidden" = true))]
    contract_depth_offset: Option<i64>,
    /// Rows to show, the newest; all rows are in the linked resource. Default: 20
    limit: Option<i64>,
    /// Workbook. Default: default
    instance_name: Option<String>,
    /// Rows without a bar are no question here; taken because every research tool takes it
    #[schemars(extend("x-hidden" = true))]
    missing: Option<String>,
    /// New file below the output folder for all rows: name.csv or name.json
    #[schemars(extend("x-hidden" = true))]
    save_as: Option<String>,
    /// Adds a picture. Default: false
    #[schemars(extend("x-hidden" = true))]
    chart: Option<bool>,
    /// Annual rate; not used by history
    #[schemars(extend("x-hidden" = true))]
    risk_free_rate: Option<String>,
    /// Observations a year; not used by history
    #[schemars(extend("x-hidden" = true))]
    periods_per_year: Option<f64>,
}

impl HistoryArgs {
    fn shared(&self) -> ResearchArgs {
        ResearchArgs {
            instance_name: self.instance_name.clone(),
            resolution: self.resolution.clone(),
            normalization: self.normalization.clone(),
            missing: self.missing.clone(),
            save_as: self.save_as.clone(),
            chart: self.chart,
            risk_free_rate: self.risk_free_rate.clone().map(Value::String),
            periods_per_year: self.periods_per_year,
            wait_seconds: None,
        }
    }

    fn question(&self, shared: &ResearchArgs, symbols: Symbols) -> Result<HistoryQuestion, ToolError> {
        let fields = self.fields.iter().flatten().map(|name| name.parse::<Field>()).collect::<Result<_, _>>()?;
        Ok(HistoryQuestion {
            symbols,
            window: prices::parse_window(&self.start_date, &self.end_date)?,
            bars: shared.bars()?,
            normalization: shared.normalization_asked()?,
            fill_forward: self.fill_forward.unwrap_or(true),
            extended_market_hours: self.extended_market_hours.unwrap_or(false),
            mapping: self.data_mapping_mode.as_deref().map(str::parse::<MappingMode>).transpose()?,
            contract_depth: contract_depth(self.contract_depth_offset)?,
            fields,
            limit: sheet::limit(self.limit)?,
        })
    }
}

/// Arguments of `describe_data`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DescribeArgs {
    /// Symbol to look into. Default: the whole folder
    symbol: Option<String>,
    /// Rows of the inventory to show; all are in the linked resource. Default: 20
    limit: Option<i64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

#[tool_router(router = data_update, vis = "pub(crate)")]
impl QcServer {
    /// Add a US equity to a research workbook and say which dates the source holds for it. Not needed before an
    /// analysis: analyses add their symbols themselves.
    #[tool(title = "Add equity")]
    async fn add_equity(&self, Parameters(args): Parameters<AddEquityArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        add(self, &ctx, &[as_share(&args.ticker)], &args.shared, None).await
    }

    /// Add several US equities to a research workbook and say which dates the source holds for each.
    #[tool(title = "Add equities")]
    async fn add_multiple_equities(
        &self,
        Parameters(args): Parameters<AddEquitiesArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let tickers: Vec<String> = args.tickers.iter().map(|ticker| as_share(ticker)).collect();
        add(self, &ctx, &tickers, &args.shared, None).await
    }

    /// Add a security of any type to a research workbook: forex, crypto, futures, indices, CFDs, options. Its ticker then
    /// means that security in every tool of the workbook.
    #[tool(title = "Add security")]
    async fn add_security(&self, Parameters(args): Parameters<AddSecurityArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let is_identifier = args.symbol.trim().contains(' ');
        let symbol = match (is_identifier, args.symbol.contains(':')) {
            (true, _) => args.symbol.clone(),
            (false, true) => {
                return Err(ToolError::argument("symbol is a ticker or an identifier, without a type before it"));
            }
            (false, false) => {
                let market = args.market.as_deref().map(|market| format!("{market}:")).unwrap_or_default();
                format!("{}:{market}{}", SecurityType::from(args.security_type), args.symbol.trim())
            }
        };
        let future = args.future()?;
        add(self, &ctx, &[symbol], &args.shared, future).await
    }
}

#[tool_router(router = data_read, vis = "pub(crate)")]
impl QcServer {
    /// Read price bars of one or more symbols, times being the end of each bar on the exchange's clock. Shows the
    /// newest rows; all rows are in the linked resource or in the file named by save_as.
    #[tool(title = "Price history")]
    async fn get_history(&self, Parameters(args): Parameters<HistoryArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let shared = args.shared();
        let study = Study::begin(self, &ctx, &shared).await?;
        let question = args.question(&shared, study.symbols(&args.symbols).await?)?;
        let bars = study.run(move |source, _| market::read(source, &question)).await?;
        study.finish_history("get_history", &args, &bars).await
    }

    /// Tell what the data source holds: first and last bar, gaps, splits and dividends of every symbol; for one symbol
    /// each of them by date. Start here when a symbol is unknown.
    #[tool(title = "Describe data")]
    async fn describe_data(&self, Parameters(args): Parameters<DescribeArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        if let Some(symbol) = args.symbol.as_deref().map(str::trim).filter(|symbol| !symbol.is_empty()) {
            let (name, meant) = study.symbol(symbol).await?;
            return study.run(move |source, _| catalogue::one(source, &name, meant)).await;
        }
        let limit = sheet::limit(args.limit)?;
        let sheet = study.run(move |source, _| catalogue::whole(source, limit)).await?;
        study.finish_table("describe_data", &args, &sheet).await
    }
}

/// How many contracts behind the front one.
fn contract_depth(given: Option<i64>) -> Result<Option<usize>, ToolError> {
    /// No exchange lists more months of one product that are traded.
    const DEEPEST: i64 = 12;
    match given {
        None => Ok(None),
        Some(depth @ 0..=DEEPEST) => Ok(Some(depth as usize)),
        Some(depth) => Err(ToolError::argument(format!(
            "contract_depth_offset is {depth}; it is a whole number from 0 to {DEEPEST}"
        ))),
    }
}

/// A plain ticker means the share, whatever else the workbook knows by it.
fn as_share(ticker: &str) -> String {
    let ticker = ticker.trim();
    if ticker.is_empty() || ticker.contains([' ', ':']) { ticker.to_owned() } else { format!("equity:{ticker}") }
}

/// Adds tickers to the workbook of `shared`.
async fn add(
    server: &QcServer,
    ctx: &Ctx,
    tickers: &[String],
    shared: &ResearchArgs,
    future: Option<FutureTerms>,
) -> Result<Reply, ToolError> {
    let study = Study::begin(server, ctx, shared).await?;
    let symbols = study.symbols(tickers).await?;
    let bars = shared.bars()?;
    let found = study.run(move |source, _| catalogue::look_up(source, &symbols, bars)).await?;
    let mut subscriptions = found.subscriptions();
    for subscription in &mut subscriptions {
        subscription.future.clone_from(&future);
    }
    let (book, n_new) = study.subscribe(subscriptions)?;
    let reply = found.reply(&book, n_new);
    Ok(match future {
        Some(future) => reply.field("continuous_future", future),
        None => reply,
    })
}
