//! Universes: the members of exchange traded funds.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::{
    Reply, ToolError, catalogue, ctx::Ctx, funds, prices, quantbook::OpenSource, research::ResearchArgs,
    server::QcServer, sheet, study::Study, symbols::Symbols,
};

/// Arguments of `get_etf_constituents`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ConstituentsArgs {
    /// Fund, such as SPY
    etf_ticker: String,
    /// Day, YYYY-MM-DD: the members known at its beginning
    date: String,
    /// Also give members that are more than 60 weekdays old. Default: false
    allow_stale: Option<bool>,
    /// Members to show, the heaviest. Default: 20
    limit: Option<i64>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

/// Arguments of `add_etf_universe_securities`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct AddMembersArgs {
    /// Fund, such as SPY
    etf_ticker: String,
    /// Day, YYYY-MM-DD: the members known at its beginning
    date: String,
    #[serde(flatten)]
    shared: ResearchArgs,
}

#[tool_router(router = universe_read, vis = "pub(crate)")]
impl QcServer {
    /// Read the members of a fund with their weights as they were known on a day, and how old the file is. Use
    /// symbols=["etf:SPY@2020-12-01"] to analyse them.
    #[tool(title = "ETF constituents")]
    async fn get_etf_constituents(
        &self,
        Parameters(args): Parameters<ConstituentsArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let day = prices::parse_day("date", &args.date)?;
        let limit = sheet::limit(args.limit)?;
        let (fund, stale) = (args.etf_ticker.clone(), args.allow_stale.unwrap_or(false));
        let read = move |source: &_, _: &_| Ok(funds::members(source, &fund, day, stale)?.sheet(source, limit));
        let sheet = study.run(read).await?;
        study.finish_table("get_etf_constituents", &args, &sheet).await
    }
}

#[tool_router(router = universe_update, vis = "pub(crate)")]
impl QcServer {
    /// Add the members of a fund on a day to a research workbook; members without stored prices are counted and left
    /// out.
    #[tool(title = "Add ETF members")]
    async fn add_etf_universe_securities(
        &self,
        Parameters(args): Parameters<AddMembersArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        let day = prices::parse_day("date", &args.date)?;
        let bars = args.shared.bars()?;
        let fund = args.etf_ticker.clone();
        let read = move |source: &OpenSource, _: &_| {
            let members = funds::members(source, &fund, day, false)?;
            let mut symbols = Symbols::default();
            symbols.notes = members.notes();
            let without = symbols.join_members(&members, source)?;
            let found = catalogue::look_up_held(source, &symbols, bars)?;
            Ok((members, found, without))
        };
        let (members, found, mut without) = study.run(read).await?;
        let n_without = without.len();
        /// Members without prices that are named.
        const NAMED: usize = 20;
        without.truncate(NAMED);
        let (book, n_new) = study.subscribe(found.subscriptions())?;
        Ok(found
            .reply(&book, n_new)
            .field("etf", members.fund())
            .field("n_without_prices", n_without)
            .field("without_prices", without)
            .field("warnings", members.warnings()))
    }
}
