//! What is no plain price: chains, alternative data, tables of the user's own.

use qc_data::{SecurityType, alternative::Layout, chain::ChainFilter, sid::OptionRight, table::DateFormat};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use super::TypeArg;
use crate::{
    Reply, ToolError, alternative,
    chains::{self, ChainQuestion},
    ctx::Ctx,
    imports, prices,
    quantbook::{TableLayout, TableSource},
    research::ResearchArgs,
    server::QcServer,
    sheet,
    study::Study,
    symbols::Symbols,
};

/// Calls or puts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum RightArg {
    /// Rights to buy
    Call,
    /// Rights to sell
    Put,
}

/// Arguments of `get_chain`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ChainArgs {
    /// Underlying or root, such as SPY, SPX or ES
    symbol: String,
    /// Day, YYYY-MM-DD: the contracts known at its beginning
    date: String,
    /// Default: the first that has a chain
    security_type: Option<TypeArg>,
    /// Calls or puts only
    right: Option<RightArg>,
    /// First expiry, YYYY-MM-DD
    expiry_from: Option<String>,
    /// Last expiry, YYYY-MM-DD
    expiry_to: Option<String>,
    /// Lowest strike
    strike_from: Option<f64>,
    /// Highest strike
    strike_to: Option<f64>,
    /// Also one over 60 weekdays old
    allow_stale: Option<bool>,
    /// Contracts to show; all are in the linked resource. Default: 20
    limit: Option<i64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `add_alternative_data`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct AddAlternativeArgs {
    /// interest_rate, shortable, coarse, etf_weights, margins, funding, or a path below alternative/
    data_type: String,
    /// Symbol, for kinds that belong to one
    symbol: Option<String>,
    /// Whose shares are lent (shortable)
    brokerage: Option<String>,
    /// Workbook. Default: default
    instance_name: Option<String>,
}

/// Arguments of `get_alternative_data_history`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct AlternativeArgs {
    /// interest_rate, shortable, coarse, etf_weights, margins, funding, or a path below alternative/ such as vendor/kind
    data_type: String,
    /// Symbols, for kinds that belong to some; a fund for etf_weights
    symbols: Option<Vec<String>>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Whose shares are lent (shortable)
    brokerage: Option<String>,
    /// Column names of a file without header, such as ["date", "value"]
    columns: Option<Vec<String>>,
    /// How dates are written, such as DD/MM/YYYY. Default: found out
    date_format: Option<String>,
    /// Rows to show, the newest; all are in the linked resource. Default: 20
    limit: Option<i64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Where imported bars go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum IntoArg {
    /// The workbook reads its prices from the file; nothing is written
    #[default]
    Workbook,
    /// New files in the LEAN folder of the workbook
    Folder,
}

/// What the time of a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum StampArg {
    /// Beginning of the bar
    Start,
    /// End of the bar
    End,
}

/// Arguments of `import_data`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ImportArgs {
    /// CSV or Parquet file below the folders this server may read
    path: String,
    /// Where the bars go. Default: workbook
    into: Option<IntoArg>,
    /// Symbol of a file that holds one. Default: the name of the file
    symbol: Option<String>,
    /// Column of the symbols of a long file. Default: found out
    symbol_column: Option<String>,
    /// Column of the dates. Default: found out
    date_column: Option<String>,
    /// How dates are written, such as DD/MM/YYYY. Default: found out
    date_format: Option<String>,
    /// 1,234.5 or 1.234,5, if unclear
    decimal_mark: Option<String>,
    /// Column names of a file without header
    columns: Option<Vec<String>>,
    /// equity, crypto or index. Default: equity
    security_type: Option<TypeArg>,
    /// Market. Default: the usual one of the type
    market: Option<String>,
    /// Second, Minute, Hour or Daily. Default: found out
    resolution: Option<String>,
    /// What the times of intraday rows mean. Default: start
    stamp: Option<StampArg>,
    /// Workbook. Default: default
    instance_name: Option<String>,
}

#[tool_router(router = other_read, vis = "pub(crate)")]
impl QcServer {
    /// Read an option or future chain as it was known on a day: contracts with identifiers, expiries, strikes, prices, open
    /// interest, implied volatility and greeks where stored.
    #[tool(title = "Chain")]
    async fn get_chain(&self, Parameters(args): Parameters<ChainArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let (name, meant) = study.symbol(&args.symbol).await?;
        let day = |argument: &str, text: &Option<String>| {
            text.as_deref().map(|text| prices::parse_day(argument, text)).transpose()
        };
        let right = args.right.map(|right| if right == RightArg::Call { OptionRight::Call } else { OptionRight::Put });
        let filter = ChainFilter {
            right,
            expiry_from: day("expiry_from", &args.expiry_from)?,
            expiry_to: day("expiry_to", &args.expiry_to)?,
            strike_from: args.strike_from,
            strike_to: args.strike_to,
        };
        let question = ChainQuestion {
            name,
            meant,
            security_type: args.security_type.map(SecurityType::from),
            day: prices::parse_day("date", &args.date)?,
            filter,
            limit: sheet::limit(args.limit)?,
            allow_stale: args.allow_stale.unwrap_or(false),
        };
        let sheet = study.run(move |source, _| chains::read(source, &question)).await?;
        study.finish_table("get_chain", &args, &sheet).await
    }

    /// Read alternative data: interest rates, shares to short, coarse fundamentals, ETF weights, margins, funding, or any
    /// CSV below alternative/. Shows the newest rows; all are in the linked resource.
    #[tool(title = "Alternative data")]
    async fn get_alternative_data_history(
        &self,
        Parameters(args): Parameters<AlternativeArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let symbols = symbols_of(&study, args.symbols.as_deref().unwrap_or_default()).await?;
        let question = alternative::Question {
            kind: args.data_type.clone(),
            symbols,
            layout: Layout {
                columns: args.columns.clone().unwrap_or_default(),
                date_format: args.date_format.as_deref().map(str::parse::<DateFormat>).transpose()?,
                brokerage: args.brokerage.clone(),
            },
            days: prices::parse_window(&args.start_date, &args.end_date)?.days(),
            limit: sheet::limit(args.limit)?,
        };
        let sheet = study.run(move |source, stop| alternative::read(source, &question, stop)).await?;
        study.finish_table("get_alternative_data_history", &args, &sheet).await
    }
}

#[tool_router(router = other_update, vis = "pub(crate)")]
impl QcServer {
    /// Add alternative data to a research workbook and say which rows the source holds. Not needed before
    /// get_alternative_data_history.
    #[tool(title = "Add alternative data")]
    async fn add_alternative_data(
        &self,
        Parameters(args): Parameters<AddAlternativeArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let shared = ResearchArgs { instance_name: args.instance_name.clone(), ..ResearchArgs::default() };
        let study = Study::begin(self, &ctx, &shared).await?;
        let given: Vec<String> = args.symbol.iter().cloned().collect();
        let question = alternative::Question {
            kind: args.data_type.clone(),
            symbols: symbols_of(&study, &given).await?,
            layout: Layout { brokerage: args.brokerage.clone(), ..Layout::default() },
            days: alternative::all_days(),
            limit: 1,
        };
        let (facts, subscriptions) =
            study.run(move |source, stop| alternative::look_up(source, &question, stop)).await?;
        let (book, n_new) = study.subscribe(subscriptions)?;
        let what = if n_new == 0 { "was there already" } else { "was added" };
        Ok(Reply::new(format!(
            "The data {what}; workbook `{}` holds {} securities.",
            book.name,
            book.subscriptions.len()
        ))
        .field("instance_name", &book.name)
        .field("data_type", crate::reply::ticker(args.data_type.trim()))
        .field("added", facts)
        .next("`get_alternative_data_history` reads the rows"))
    }

    /// Take a CSV or Parquet file of prices (long or wide, any usual form of dates) into a research workbook, or as new files
    /// into its LEAN folder; existing files are never replaced. Says how the file was understood.
    #[tool(title = "Import prices")]
    async fn import_data(&self, Parameters(args): Parameters<ImportArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let shared = ResearchArgs { instance_name: args.instance_name.clone(), ..ResearchArgs::default() };
        let table = TableSource {
            path: args.path.trim().to_owned(),
            layout: Box::new(TableLayout {
                symbol: args.symbol.clone(),
                symbol_column: args.symbol_column.clone(),
                date_column: args.date_column.clone(),
                date_format: args.date_format.clone(),
                decimal_mark: args.decimal_mark.clone(),
                columns: args.columns.clone().unwrap_or_default(),
                security_type: args.security_type.map(|given| SecurityType::from(given).to_string()),
                market: args.market.clone(),
                resolution: args.resolution.clone(),
                ends: args.stamp == Some(StampArg::End),
            }),
        };
        match args.into.unwrap_or_default() {
            IntoArg::Workbook => imports::into_workbook(self, &ctx, &shared, table).await,
            IntoArg::Folder => imports::into_folder(self, &ctx, &shared, table).await,
        }
    }
}

/// Symbols that may be left out.
async fn symbols_of(study: &Study<'_>, given: &[String]) -> Result<Symbols, ToolError> {
    if given.is_empty() { Ok(Symbols::default()) } else { study.symbols(given).await }
}
