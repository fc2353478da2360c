//! The tool that is long the best and short the worst of a universe.

use jiff::{ToSpan as _, civil::Date};
use qc_data::{Window, table::attributes::Attributes};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::{
    Reply, ToolError,
    analysis::long_short::{self, Again, Ask, Combine, LOOKBACK, Signal, Sizing},
    compute::Stop,
    ctx::Ctx,
    imports,
    membership::{self, Membership},
    prices::{self, Question},
    quantbook::OpenSource,
    research::ResearchArgs,
    server::QcServer,
    study::Study,
};

/// Calendar days that hold the rows a choice looks back, with holidays to spare.
const BEFORE: i64 = LOOKBACK as i64 * 7 / 5 + 40;

/// Arguments of `build_long_short_portfolio`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct LongShortArgs {
    /// Names to choose from, such as ["etf:SPY"] (members known on each day) or tickers
    universe: Vec<String>,
    /// momentum, volatility, reversal, or columns of attributes (a minus before one turns it)
    signals: Vec<String>,
    /// How signals become one choice
    #[schemars(extend("x-hidden" = true))]
    combine: Option<Combine>,
    /// Buckets; the outer ones are the legs. Default: 3
    #[schemars(extend("x-hidden" = true))]
    quantiles: Option<i64>,
    /// When it is chosen again. Default: monthly
    rebalance: Option<Again>,
    /// Day of the choice with rebalance=none. Default: start_date
    as_of: Option<String>,
    /// First day that is measured
    start_date: String,
    /// Last day, included
    end_date: String,
    /// Within a leg. Default: equal
    sizing: Option<Sizing>,
    /// Largest share of a leg, such as 0.05
    max_weight: Option<f64>,
    /// Gross exposure of both legs. Default: 2
    #[schemars(extend("x-hidden" = true))]
    gross: Option<f64>,
    /// Ticker to whose beta the legs are sized to be neutral
    beta_neutral_to: Option<String>,
    /// Ticker to compare with
    benchmark_symbol: Option<String>,
    /// Annual volatility, such as 0.1
    target_volatility: Option<f64>,
    /// Basis points of what is traded. Default: 0
    #[schemars(extend("x-hidden" = true))]
    cost_bps: Option<f64>,
    /// CSV with symbol, available_date and facts
    attributes: Option<String>,
    /// Conditions on those facts
    attribute_filters: Option<Vec<String>>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

#[tool_router(router = long_short_read, vis = "pub(crate)")]
impl QcServer {
    /// Long the best and short the worst of a universe by signals known on each day: sized, capped, beta neutral, held to the next choice, measured.
    #[tool(title = "Long-short portfolio")]
    async fn build_long_short_portfolio(
        &self,
        Parameters(args): Parameters<LongShortArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let study = Study::begin(self, &ctx, &args.shared).await?;
        prices::parse_window(&args.start_date, &args.end_date)?;
        let start = prices::parse_day("start_date", &args.start_date)?;
        let as_of = args.as_of.as_deref().map(|day| prices::parse_day("as_of", day)).transpose()?;
        let again = args.rebalance.unwrap_or_default();
        if as_of.is_some() && again != Again::None {
            return Err(ToolError::argument("as_of is the day of one choice: give rebalance=none with it"));
        }
        if args.beta_neutral_to.is_some()
            && args.benchmark_symbol.is_some()
            && args.beta_neutral_to != args.benchmark_symbol
        {
            return Err(ToolError::argument("beta_neutral_to and benchmark_symbol name two benchmarks: give one"));
        }
        let first = as_of.map_or(start, |day| day.min(start)).saturating_sub(BEFORE.days());
        let window = prices::parse_window(&first.to_string(), &args.end_date)?;
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
        let (mut question, membership) =
            universe(&study, &args, (as_of.map_or(start, |day| day.min(start)), window)).await?;
        let symbols = question.symbols.clone();
        let named = args.beta_neutral_to.as_deref().or(args.benchmark_symbol.as_deref());
        let benchmark = study.also(&mut question, "benchmark_symbol", named).await?;
        let mut ask = Ask {
            signals: Signal::read_all(&args.signals, facts.as_ref())?,
            combine: args.combine.unwrap_or_default(),
            quantiles: usize::try_from(args.quantiles.unwrap_or(3)).unwrap_or_default(),
            sizing: args.sizing.unwrap_or_default(),
            max_weight: args.max_weight,
            gross: args.gross.unwrap_or(2.0),
            target_volatility: args.target_volatility,
            cost_bps: args.cost_bps.unwrap_or_default(),
            again,
            as_of,
            start,
            benchmark,
            is_beta_neutral: args.beta_neutral_to.is_some(),
            facts,
            filters,
            symbols,
            membership,
        };
        check(&ask)?;
        let usual = args.shared.periods_per_year()?;
        let (risk_free, given) = (args.shared.risk_free(), args.shared.periods_per_year);
        let job = move |source: &OpenSource, _: &Stop| {
            let mut ragged = prices::load_ragged(source, &question)?;
            let year = ragged.prices.periods_per_year(given, usual);
            let rate = risk_free.annual(&source.folder, &mut ragged.prices)?;
            ask.symbols = ragged.prices.present(&ask.symbols);
            let found = long_short::run(&ragged, &ask, year, rate)?;
            Ok((ragged.prices, found))
        };
        let (prices, found) = study.compute_loading(job).await?;
        study.finish("build_long_short_portfolio", &args, &prices, found).await
    }
}

/// The names to load, and who of them belonged when. Members of a fund without a day are those known on each day.
async fn universe(
    study: &Study<'_>,
    args: &LongShortArgs,
    (first, window): (Date, Window),
) -> Result<(Question, Option<Membership>), ToolError> {
    let (funds, mut wanted) = membership::split(&args.universe);
    if funds.is_empty() {
        return Ok((study.question(&wanted, window).await?, None));
    }
    let days = membership::days_to_ask(first, prices::parse_day("end_date", &args.end_date)?);
    let read = move |source: &OpenSource, stop: &Stop| Membership::load(source, &funds, &days, stop);
    let mut membership = study.run(read).await?;
    let fixed = if wanted.is_empty() { Vec::new() } else { study.question(&wanted, window).await?.symbols };
    membership.always(fixed);
    wanted.extend(membership.identifiers().cloned());
    Ok((study.question(&wanted, window).await?, Some(membership)))
}

fn check(ask: &Ask) -> Result<(), ToolError> {
    let wrong = |message: String| Err(ToolError::argument(format!("{message}; nothing was computed")));
    if !(2..=20).contains(&ask.quantiles) {
        return wrong(format!("quantiles lie between 2 and 20, found {}", ask.quantiles));
    }
    if !(0.0 < ask.gross && ask.gross <= 4.0) {
        return wrong(format!("gross lies above 0 and at most 4, found {}", ask.gross));
    }
    if ask.max_weight.is_some_and(|cap| !(0.0 < cap && cap <= 1.0)) {
        return wrong("max_weight is a share of a leg, above 0 and at most 1".into());
    }
    if ask.target_volatility.is_some_and(|target| !(0.0 < target && target <= 2.0)) {
        return wrong("target_volatility is a fraction a year, such as 0.1".into());
    }
    if !(0.0..1_000.0).contains(&ask.cost_bps) {
        return wrong(format!("cost_bps lies between 0 and 1000, found {}", ask.cost_bps));
    }
    Ok(())
}
