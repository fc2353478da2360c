//! Data files bought from QuantConnect: which files a request means, what each costs, and fetching them, one after the
//! other, into the data folder. The layout is LEAN's; a price is the first whose pattern fits the path, as lean-cli does it.

use jiff::civil::Date;
use qc_api::{
    endpoints::data::{DataPrice, ListData, ReadData, ReadDataPrices},
    ids::OrganizationId,
};
use qc_data::{DataFolder, Resolution, SecurityType};
use regex::bytes::{Regex, RegexBuilder};

use crate::{
    ctx::Ctx,
    desk::Desk,
    error::{Kind, ToolError, Topic},
    gate::{Deed, Door, Ticket},
    reply::Untrusted,
};

/// Most files of one request.
pub(crate) const MOST_FILES: usize = 1_000;
/// Largest pattern of a price, compiled, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// What somebody wants to have.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) ticker: String,
    pub(crate) kind: SecurityType,
    pub(crate) market: String,
    pub(crate) resolution: Resolution,
    pub(crate) sort: Sort,
    /// First and last day, both included; asked for where files are by day.
    pub(crate) days: Option<(Date, Date)>,
}

/// Which sort of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Every sort of bars.
    Bars,
    Trade,
    Quote,
    OpenInterest,
    /// Chains of options and futures, members of funds.
    Universe,
}

impl Sort {
    /// The word in the name of a file; bars of shares and currencies by the hour and day have none.
    fn word(self) -> Option<&'static str> {
        match self {
            Sort::Bars | Sort::Universe => None,
            Sort::Trade => Some("trade"),
            Sort::Quote => Some("quote"),
            Sort::OpenInterest => Some("openinterest"),
        }
    }
}

impl Wanted {
    /// Whether files are by day, so that days have to be named.
    pub(crate) fn is_by_day(&self) -> bool {
        self.sort == Sort::Universe || !matches!(self.resolution, Resolution::Hour | Resolution::Daily)
    }

    /// What the paths of its files begin with.
    fn prefix(&self) -> String {
        let (kind, market, ticker) = (self.kind.folder(), &self.market, self.ticker.to_ascii_lowercase());
        match (self.sort, self.kind, self.is_by_day()) {
            (Sort::Universe, SecurityType::Equity, _) => format!("{kind}/{market}/universes/etf/{ticker}/"),
            (Sort::Universe, ..) => format!("{kind}/{market}/universes/{ticker}/"),
            (_, _, true) => format!("{kind}/{market}/{}/{ticker}/", self.resolution.folder()),
            (_, _, false) => format!("{kind}/{market}/{}/{ticker}", self.resolution.folder()),
        }
    }

    /// Whether a file below the prefix is one of those meant.
    fn means(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix(&self.prefix()) else { return false };
        let Some((stem, ending)) = rest.rsplit_once('.') else { return false };
        if stem.contains('/') || !matches!(ending, "zip" | "csv") {
            return false;
        }
        let mut words = stem.split('_').filter(|word| !word.is_empty());
        if self.is_by_day() {
            let day = words.next().and_then(day_of);
            if !self.days.is_none_or(|(first, last)| day.is_some_and(|day| first <= day && day <= last)) {
                return false;
            }
        } else if !(stem.is_empty() || stem.starts_with('_')) {
            return false; // another ticker that begins alike
        }
        match self.sort.word() {
            None => true,
            Some("trade") if stem.is_empty() => true,
            Some(word) => words.any(|other| other == word),
        }
    }

    /// Map and factor file, which adjusting and renames of US shares need.
    fn beside(&self) -> Vec<String> {
        if self.kind != SecurityType::Equity || self.market != "usa" || self.sort == Sort::Universe {
            return Vec::new();
        }
        let ticker = self.ticker.to_ascii_lowercase();
        ["map_files", "factor_files"].iter().map(|folder| format!("equity/usa/{folder}/{ticker}.csv")).collect()
    }
}

/// The day that eight digits are.
fn day_of(digits: &str) -> Option<Date> {
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i16>().ok();
    if digits.len() != 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Date::new(number(0..4)?, i8::try_from(number(4..6)?).ok()?, i8::try_from(number(6..8)?).ok()?).ok()
}

/// One file of a quote.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) path: String,
    /// Which of the wanted it belongs to.
    pub(crate) of: usize,
    pub(crate) is_here: bool,
    /// In QCC; `None` where it has no price or cannot be bought.
    pub(crate) price: Option<f64>,
}

/// What a request comes to.
#[derive(Debug, Clone)]
pub(crate) struct Quote {
    pub(crate) organization_id: OrganizationId,
    pub(crate) items: Vec<Item>,
    /// Wanted of which QuantConnect has no file.
    pub(crate) unknown: Vec<usize>,
    /// US shares without map or factor file there.
    pub(crate) unadjusted: Vec<usize>,
    pub(crate) agreement: Option<String>,
}

impl Quote {
    /// The files that would be bought.
    pub(crate) fn to_buy(&self) -> impl Iterator<Item = (&Item, f64)> {
        self.items.iter().filter(|item| !item.is_here).filter_map(|item| Some((item, item.price?)))
    }

    /// What they cost together, in QCC.
    pub(crate) fn cost(&self) -> f64 {
        self.to_buy().map(|(_, price)| price).sum()
    }
}

/// The prices of an organization, in the order in which they count.
struct Prices(Vec<(Option<Regex>, Option<f64>)>);

impl Prices {
    fn new(prices: &[DataPrice]) -> Prices {
        let compiled = |price: &DataPrice| {
            RegexBuilder::new(price.pattern()).unicode(false).multi_line(true).size_limit(PATTERN_BYTES).build().ok()
        };
        Prices(prices.iter().map(|price| (compiled(price), price.price)).collect())
    }

    /// The price of a file; none where a pattern that cannot be read stands before the one that fits.
    fn of(&self, path: &str) -> Option<f64> {
        for (pattern, price) in &self.0 {
            match pattern {
                None => return None,
                Some(pattern) if pattern.is_match(path.as_bytes()) => {
                    return price.filter(|price| price.is_finite() && 0.0 <= *price);
                }
                Some(_) => {}
            }
        }
        None
    }
}

/// Asks which files there are and what they cost; buys nothing.
///
/// # Errors
/// What the service answers; more files than one request may mean.
pub(crate) async fn quote(
    ctx: &Ctx,
    folder: &DataFolder,
    organization_id: OrganizationId,
    wanted: &[Wanted],
) -> Result<Quote, ToolError> {
    let reply = ctx.door.send(&ReadDataPrices { organization_id: organization_id.clone() }).await?;
    let prices = Prices::new(&reply.prices);
    let mut quote = Quote {
        organization_id,
        items: Vec::new(),
        unknown: Vec::new(),
        unadjusted: Vec::new(),
        agreement: reply.agreement,
    };
    let add = |items: &mut Vec<Item>, path: String, of: usize| -> Result<(), ToolError> {
        if items.iter().any(|item| item.path == path) {
            return Ok(());
        }
        if items.len() == MOST_FILES {
            let message = format!(
                "more than {MOST_FILES} files are meant, up to symbol {} of {}; nothing was bought",
                of + 1,
                wanted.len()
            );
            return Err(ToolError::new(Kind::TooLarge, Topic::Dates, message));
        }
        // A name that is none of LEAN's is nothing to put into the folder.
        let Ok(is_here) = folder.has_file(&path) else { return Ok(()) };
        let price = prices.of(&path);
        items.push(Item { path, of, is_here, price });
        Ok(())
    };
    #[allow(clippy::cast_precision_loss)] // a few symbols
    for (of, one) in wanted.iter().enumerate() {
        ctx.progress.report(of as f64, Some(wanted.len() as f64), "files and prices are looked up");
        let mut files: Vec<String> = listed(&ctx.door, &one.prefix()).await?;
        files.retain(|path| one.means(path));
        files.sort_unstable();
        if files.is_empty() {
            quote.unknown.push(of);
            continue;
        }
        for path in files {
            add(&mut quote.items, path, of)?;
        }
        let mut has_all = true;
        for path in one.beside() {
            let is_there = folder.has_file(&path)? || listed(&ctx.door, &path).await?.contains(&path);
            has_all &= is_there;
            if is_there {
                add(&mut quote.items, path, of)?;
            }
        }
        if !has_all {
            quote.unadjusted.push(of);
        }
    }
    Ok(quote)
}

/// The files whose path begins so; none where the service knows nothing of the kind.
async fn listed(door: &Door, prefix: &str) -> Result<Vec<String>, ToolError> {
    let first = prefix.split('/').next().unwrap_or_default();
    match door.send(&ListData { file_path: prefix.to_owned() }).await {
        // The service leaves the first folder out.
        Ok(reply) => Ok(reply.objects.into_iter().map(|path| format!("{first}/{path}")).collect()),
        Err(error) if error.kind == Kind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What became of the files of a quote.
#[derive(Debug, Default)]
pub(crate) struct Bought {
    /// Stored in the folder.
    pub(crate) stored: Vec<String>,
    /// What they cost by the service's own word, in QCC.
    pub(crate) cost: f64,
    /// What is left, in QCC.
    pub(crate) balance: Option<f64>,
    /// Paid and not stored.
    pub(crate) lost: Option<String>,
    /// Why it stopped before the end.
    pub(crate) stopped: Option<ToolError>,
}

/// Buys and stores the files of a quote, until all are there, one fails or `until` is over. What was previewed is paid
/// at most: a file that became dearer stops it.
pub(crate) async fn buy(
    ctx: &Ctx,
    desk: &Desk,
    folder: &DataFolder,
    quote: &Quote,
    ticket: Ticket,
    until: std::time::Instant,
) -> Result<Bought, ToolError> {
    let all: Vec<(&Item, f64)> = quote.to_buy().collect();
    let mut bought = Bought::default();
    let mut ticket = Some(ticket);
    #[allow(clippy::cast_precision_loss)] // at most a thousand
    for (n, (item, price)) in all.iter().enumerate() {
        if 0 < n && until <= std::time::Instant::now() {
            break;
        }
        ctx.progress.report(n as f64, Some(all.len() as f64), format!("file {} of {}", n + 1, all.len()));
        let request = ReadData::link(item.path.as_str(), quote.organization_id.clone());
        let deed = Deed::new("buy a data file", &request)
            .organization(quote.organization_id.to_string())
            .estimate(*price)
            .foreign("file", Untrusted::new(item.path.as_str()));
        let deed = match ticket.take() {
            Some(ticket) => deed.previewed(ticket),
            None => deed,
        };
        let step = async {
            let permit = ctx.permit(deed).await?;
            ctx.door.send_with(permit, &request).await
        };
        let link = match step.await {
            Ok(link) => link,
            // Nothing was bought: the whole call failed.
            Err(error) if n == 0 => return Err(error),
            Err(error) => {
                bought.stopped = Some(error);
                break;
            }
        };
        bought.cost += link.cost.unwrap_or(*price);
        bought.balance = link.balance.or(bought.balance);
        if let Err(error) = store(ctx, desk, folder, item, &link.link).await {
            bought.lost = Some(item.path.clone());
            bought.stopped = Some(error);
            break;
        }
        bought.stored.push(item.path.clone());
    }
    Ok(bought)
}

/// Fetches a bought file and puts it into the folder.
async fn store(
    ctx: &Ctx,
    desk: &Desk,
    folder: &DataFolder,
    item: &Item,
    link: &qc_api::endpoints::connections::Secret,
) -> Result<(), ToolError> {
    let bytes = ctx.door.fetch(link, qc_data::folder::MAX_FILE_BYTES).await?;
    let (folder, path) = (folder.clone(), item.path.clone());
    // What is paid is stored, also where the client has hung up meanwhile.
    let uncancelled = tokio_util::sync::CancellationToken::new();
    desk.run(ctx.caller_key(), &uncancelled, move |_| Ok(folder.add_file(&path, &bytes)?)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(kind: SecurityType, resolution: Resolution, sort: Sort) -> Wanted {
        let day = |day| jiff::civil::date(2020, 1, day);
        Wanted { ticker: "SPY".into(), kind, market: "usa".into(), resolution, sort, days: Some((day(2), day(3))) }
    }

    #[test]
    fn files_are_told_apart_by_name() {
        let daily = wanted(SecurityType::Equity, Resolution::Daily, Sort::Bars);
        assert_eq!(daily.prefix(), "equity/usa/daily/spy");
        assert!(daily.means("equity/usa/daily/spy.zip") && !daily.means("equity/usa/daily/spyg.zip"));
        let minute = wanted(SecurityType::Equity, Resolution::Minute, Sort::Trade);
        let file = |name: &str| format!("equity/usa/minute/spy/{name}");
        assert!(minute.means(&file("20200102_trade.zip")) && minute.means(&file("20200103_trade.zip")));
        for other in [
            "20200102_quote.zip",
            "20200104_trade.zip",
            "20200101_trade.zip",
            "x/20200102_trade.zip",
            "20209999_trade.zip",
        ] {
            assert!(!minute.means(&file(other)), "{other}");
        }
        let options = wanted(SecurityType::Option, Resolution::Daily, Sort::Quote);
        assert!(options.means("option/usa/daily/spy_2014_quote_american.zip"));
        assert!(!options.means("option/usa/daily/spy_2014_trade_american.zip"));
        assert!(!options.means("option/usa/daily/spyx_2014_quote_american.zip"));
        let chain = wanted(SecurityType::Option, Resolution::Daily, Sort::Universe);
        assert!(chain.means("option/usa/universes/spy/20200103.csv"));
        let fund = wanted(SecurityType::Equity, Resolution::Daily, Sort::Universe);
        assert!(fund.means("equity/usa/universes/etf/spy/20200102.csv") && fund.beside().is_empty());
    }

    #[test]
    fn the_first_pattern_that_fits_is_the_price() {
        let price = |regex: &str, price| DataPrice { regex: regex.into(), price, ..DataPrice::default() };
        let prices = Prices::new(&[
            price("/^equity\\/usa\\/map_files\\/[^\\/]+.csv$/m", Some(0.0)),
            price("/^equity\\/usa\\/(daily|hour)\\/.*/m", Some(100.0)),
            price("^equity", Some(5.0)),
            price("^crypto", None),
            price("(", Some(1.0)),
            price("^forex", Some(3.0)),
        ]);
        assert_eq!(prices.of("equity/usa/map_files/spy.csv"), Some(0.0));
        assert_eq!(prices.of("equity/usa/daily/spy.zip"), Some(100.0));
        assert_eq!(prices.of("equity/usa/minute/spy/20200102_trade.zip"), Some(5.0));
        assert_eq!(prices.of("crypto/gdax/daily/btcusd_trade.zip"), None, "it is not for sale");
        assert_eq!(prices.of("forex/oanda/daily/eurusd.zip"), None, "a pattern before it cannot be read");
    }
}
