//! Data files of QuantConnect, paid from credit: what they cost, and buying them into the data folder.

use qc_data::Resolution;
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::{
    Reply, ToolError, Untrusted,
    args::quote,
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{
        downloads::{self, Quote, Sort, Wanted},
        find,
        grid::QCC_PER_USD,
    },
    prices,
    quantbook::Source,
    server::QcServer,
    study::open_source,
    symbols,
};

/// Most symbols of one request.
const MOST_SYMBOLS: usize = 50;
/// For how long one call goes on buying.
const PATIENCE: Duration = Duration::from_secs(40);
/// Paths named in an answer.
const NAMED: usize = 10;

/// Which data files are meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct FilesArgs {
    /// Such as ["SPY", "forex:EURUSD", "crypto:coinbase:BTCUSD", "option:SPY"]; tickers of that time
    symbols: Vec<String>,
    /// Tick, Second, Minute, Hour or Daily (default)
    resolution: Option<String>,
    /// First day; needed for ticks, seconds, minutes and universes
    start_date: Option<String>,
    /// Last day, included
    end_date: Option<String>,
    /// trade, quote, openinterest, or universe (chains, members of a fund); default all bars
    data_type: Option<String>,
    /// Organization that pays
    organization_id: Option<String>,
}

/// Arguments of `download_data`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct BuyArgs {
    #[serde(flatten)]
    files: FilesArgs,
    /// Token of the preview
    confirm_token: Option<String>,
}

/// What a preview showed.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    files: usize,
    qcc: f64,
}

#[tool_router(router = downloads_read, vis = "pub(crate)")]
impl QcServer {
    /// Tell what QuantConnect's data files of these symbols would cost (100 QCC are 1 USD) and which are here already.
    /// Buys nothing.
    #[tool(title = "Price data files")]
    async fn price_data_download(&self, Parameters(args): Parameters<FilesArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let order = order(self, &ctx, args).await?;
        Ok(order.reply().next("`download_data` buys them"))
    }
}

#[tool_router(router = downloads_create, vis = "pub(crate)")]
impl QcServer {
    /// Buy data files of QuantConnect into the data folder, paid from credit. Without confirm_token: shows files and cost;
    /// show the user, then call again with the token and the same arguments.
    #[tool(title = "Buy data files")]
    async fn download_data(&self, Parameters(args): Parameters<BuyArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let order = order(self, &ctx, args.files).await?;
        let count = order.quote.to_buy().count();
        let cost = order.quote.cost();
        let Some(token) = args.confirm_token else {
            if count == 0 {
                return Ok(order.reply());
            }
            ctx.can_spend(cost).await?;
            let preview = ctx.preview(&Shown { files: count, qcc: cost }).await?;
            return Ok(order
                .reply()
                .field("preview", "nothing is bought yet")
                .field("confirm_token", preview.token)
                .field("confirm_until", preview.expires)
                .next("download_data"));
        };
        let (shown, ticket): (Shown, _) = ctx.redeem(&token).await?;
        // Files that came here meanwhile are no reason to ask again; more of them, or dearer ones, are.
        if shown.files < count || shown.qcc + 1e-6 < cost {
            let message = format!(
                "it was {} files for {:.2} QCC in the preview and is {count} for {cost:.2} QCC now; nothing was bought",
                shown.files, shown.qcc
            );
            return Err(ToolError::new(Kind::Forbidden, Topic::Preview, message));
        }
        if count == 0 {
            return Ok(order.reply());
        }
        ctx.can_spend(cost).await?;
        let bought =
            downloads::buy(&ctx, self.desk(), &order.folder, &order.quote, ticket, Instant::now() + PATIENCE).await?;
        let stored = bought.stored.len();
        let left = count - stored - usize::from(bought.lost.is_some());
        let mut reply = Reply::new(format!(
            "{stored} of {count} files are bought and stored for {:.2} QCC{}",
            bought.cost,
            if left == 0 { String::new() } else { format!("; {left} are left, call it again without confirm_token") }
        ))
        .field("stored", stored)
        .field("left", left)
        .field("cost_qcc", bought.cost)
        .field("cost_usd", bought.cost / QCC_PER_USD)
        .field("balance_qcc", bought.balance)
        .field("untrusted_files", bought.stored.iter().take(NAMED).map(|path| foreign(path)).collect::<Vec<_>>());
        if let Some(path) = &bought.lost {
            reply = reply.field("untrusted_paid_and_not_stored", foreign(path));
        }
        if let Some(error) = bought.stopped {
            reply = reply.field("stopped_by", error.message);
        }
        Ok(reply.next("`describe_data` with a symbol shows its dates"))
    }
}

/// A path of the service's.
fn foreign(path: &str) -> Untrusted {
    Untrusted::new(path).shortened(200)
}

/// A request, checked and priced.
struct Order {
    wanted: Vec<Wanted>,
    quote: Quote,
    folder: qc_data::DataFolder,
    balance: Option<f64>,
    signed: Option<bool>,
    simulated: bool,
}

async fn order(server: &QcServer, ctx: &Ctx, args: FilesArgs) -> Result<Order, ToolError> {
    let wanted = wanted(&args)?;
    // Bought files are one organisation's own; a folder that several people share is not the place for them.
    if !server.settings().caller_is_here() {
        let message =
            "data files are bought into the folder of this computer's own user, and this server serves others";
        return Err(ToolError::new(Kind::Forbidden, Topic::DataFolder, message));
    }
    let folder = open_source(server, ctx, &Source::Auto).await?.folder;
    let organization_id = find::organization(&ctx.door, args.organization_id.as_deref()).await?;
    let quote = downloads::quote(ctx, &folder, organization_id.clone(), &wanted).await?;
    let request = qc_api::endpoints::organizations::ReadOrganization { organization_id: Some(organization_id) };
    // Balance and agreement are for information: a role that may not read them can still be asked to buy.
    let organization = ctx.door.send(&request).await.ok().map(|reply| reply.organization);
    let balance = organization.as_ref().and_then(|it| it.credit.as_ref()?.balance);
    let signed = organization.as_ref().and_then(|it| Some(it.data.as_ref()?.signed_time.is_some()));
    Ok(Order { wanted, quote, folder, balance, signed, simulated: ctx.door.is_simulated() })
}

/// Reads the arguments.
fn wanted(args: &FilesArgs) -> Result<Vec<Wanted>, ToolError> {
    let n = args.symbols.len();
    if n == 0 || MOST_SYMBOLS < n {
        return Err(ToolError::argument(format!("`symbols` holds {n} names; 1 to {MOST_SYMBOLS} are taken at once")));
    }
    let resolution = args.resolution.as_deref().map_or(Ok(Resolution::Daily), str::parse::<Resolution>)?;
    let sort = match args.data_type.as_deref().map(|text| text.trim().to_ascii_lowercase().replace('_', "")) {
        None => Sort::Bars,
        Some(word) => match word.as_str() {
            "trade" | "trades" => Sort::Trade,
            "quote" | "quotes" => Sort::Quote,
            "openinterest" => Sort::OpenInterest,
            "universe" | "universes" | "chain" => Sort::Universe,
            other => {
                return Err(ToolError::argument(format!(
                    "data_type must be trade, quote, openinterest or universe, found `{}`",
                    quote(other)
                )));
            }
        },
    };
    let days = match (&args.start_date, &args.end_date) {
        (Some(start), Some(end)) => {
            let (first, last) = (prices::parse_day("start_date", start)?, prices::parse_day("end_date", end)?);
            if last < first {
                let message = format!("end_date {last} is before start_date {first}");
                return Err(ToolError::new(Kind::InvalidArgument, Topic::Dates, message));
            }
            Some((first, last))
        }
        (None, None) => None,
        _ => {
            let message = "start_date and end_date come together";
            return Err(ToolError::new(Kind::InvalidArgument, Topic::Dates, message));
        }
    };
    let mut all = Vec::new();
    for text in &args.symbols {
        let (name, kind, market) = symbols::plain(text)?;
        let one = Wanted { ticker: name, kind, market, resolution, sort, days };
        if one.is_by_day() && days.is_none() {
            let message = "these files are by day: start_date and end_date are needed";
            return Err(ToolError::new(Kind::InvalidArgument, Topic::Dates, message));
        }
        all.push(one);
    }
    Ok(all)
}

impl Order {
    /// A symbol as it was understood.
    fn name(&self, of: usize) -> String {
        self.wanted
            .get(of)
            .map_or_else(String::new, |one| format!("{}:{}:{}", one.kind.folder(), one.market, one.ticker))
    }

    fn names(&self, of: &[usize]) -> Vec<String> {
        of.iter().map(|of| self.name(*of)).collect()
    }

    /// What the request comes to, symbol by symbol.
    fn reply(&self) -> Reply {
        let quote = &self.quote;
        let (count, cost) = (quote.to_buy().count(), quote.cost());
        let here = quote.items.iter().filter(|item| item.is_here).count();
        let unpriced = quote.items.iter().filter(|item| !item.is_here && item.price.is_none()).count();
        let simulated = if self.simulated { "SIMULATED: " } else { "" };
        let mut reply = Reply::new(format!(
            "{simulated}{count} files for {cost:.2} QCC ({:.2} USD) would be bought; {here} of {} are in the folder already",
            cost / QCC_PER_USD,
            quote.items.len(),
        ))
        .field("organization_id", &quote.organization_id)
        .field("files_to_buy", count)
        .field("cost_qcc", cost)
        .field("cost_usd", cost / QCC_PER_USD)
        .field("balance_qcc", self.balance)
        .field("files_here", here)
        .field("agreement_signed", self.signed)
        .field("symbols", self.rows())
        .field("untrusted_files", quote.to_buy().take(NAMED).map(|(item, price)| json!([foreign(&item.path), price])).collect::<Vec<_>>());
        let mut warnings: Vec<String> = Vec::new();
        if let Some(agreement) = &quote.agreement {
            reply = reply.field("agreement", Untrusted::new(agreement.as_str()).shortened(200));
        }
        if self.signed == Some(false) {
            warnings.push(
                "the organisation has not signed the data agreement; a human signs it on the website first".into(),
            );
        }
        if 0 < unpriced {
            warnings.push(format!("{unpriced} files have no price and are left out: they are not sold one by one"));
        }
        if !quote.unknown.is_empty() {
            reply = reply.field("not_found", self.names(&quote.unknown));
            warnings.push(
                "QuantConnect lists no file for the symbols in not_found: look at ticker, market, days and data_type"
                    .into(),
            );
        }
        if !quote.unadjusted.is_empty() {
            reply = reply.field("without_factors", self.names(&quote.unadjusted));
            warnings.push(
                "no map or factor file is sold beside the symbols in without_factors (the US Equity Security Master is a \
                 subscription of its own): their prices stay unadjusted"
                    .into(),
            );
        }
        if 0 < here {
            warnings.push("files that are here are never replaced; move one away to buy its newer state".into());
        }
        if warnings.is_empty() { reply } else { reply.field("warnings", warnings) }
    }

    fn rows(&self) -> Value {
        let row = |(of, _): (usize, &Wanted)| {
            let mine = || self.quote.items.iter().filter(move |item| item.of == of);
            let buy = || mine().filter(|item| !item.is_here).filter_map(|item| item.price);
            json!([
                self.name(of),
                mine().count(),
                mine().filter(|item| item.is_here).count(),
                buy().count(),
                buy().sum::<f64>()
            ])
        };
        let rows: Vec<Value> = self.wanted.iter().enumerate().map(row).collect();
        json!({"columns": ["symbol", "files", "here", "to_buy", "qcc"], "rows": rows})
    }
}
