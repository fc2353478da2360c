//! The tear sheet of a backtest: its equity day by day, beside its benchmark, with its trades where they are few.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};
use qc_api::model::Backtest;
use qc_report::{
    chart::Picture,
    tear_sheet::{Listing, Value},
};

use super::{
    backtest::{self, Run},
    backtest_picture, trades,
};
use crate::{
    analysis::tear_sheet::{self, Account, Written},
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    gate, own, reply,
};

/// Trading days a year.
const PERIODS: f64 = 252.0;
/// Orders up to which trades are read as well: ten pages.
const FEW_ORDERS: f64 = 1_000.0;
/// Securities listed.
const SECURITIES: usize = 12;

/// What was written.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) written: Written,
    pub(crate) backtest: Backtest,
    pub(crate) first: Date,
    pub(crate) last: Date,
    pub(crate) n_days: usize,
}

/// Reads a backtest and writes its sheet, without names from elsewhere unless `title` gives one.
///
/// # Errors
/// What the service says; [`Kind::TooFewRows`] for a backtest without an equity curve.
pub(crate) async fn of_backtest(ctx: &Ctx, run: &Run, title: Option<String>) -> Result<Report, ToolError> {
    let found = backtest::read(&ctx.door, run).await?;
    ctx.progress.report(1.0, Some(4.0), "the backtest is read");
    let equity = own::equity_of(ctx, run, &found, false).await?;
    ctx.progress.report(2.0, Some(4.0), "its equity is read");
    if equity.len() < 3 {
        let message = format!("the backtest has an equity curve of {} day(s); a tear sheet needs 3", equity.len());
        return Err(ToolError::new(Kind::TooFewRows, Topic::Backtest, message));
    }
    let benchmark = own::benchmark_of(ctx, run, &found).await.ok().filter(|days| !days.is_empty());
    ctx.progress.report(3.0, Some(4.0), "its benchmark is read");
    let (dates, values): (Vec<Date>, Vec<f64>) = equity.into_iter().unzip();
    let mut notices = notices(&found);
    let benchmark = benchmark.and_then(|days| beside(&dates, &days));
    if benchmark.is_none() {
        notices.push("the backtest's benchmark has no value on the first day: the account stands alone".to_owned());
    }
    let id = gate::shown_id(run.backtest_id.as_str());
    let (first, last) = (dates.first().copied().unwrap_or_default(), dates.last().copied().unwrap_or_default());
    let account = Account {
        title: title.unwrap_or_else(|| format!("Backtest {}", id.chars().take(8).collect::<String>())),
        subtitle: format!("project {}, backtest {id}, {first} to {last}, {} days", run.project_id, dates.len()),
        notices,
        pictures: exposure(ctx, run, &found).await.into_iter().collect(),
        tables: by_security(ctx, run, &found).await.into_iter().collect(),
        benchmark: benchmark.map(|values| ("benchmark".to_owned(), values)),
        periods_per_year: PERIODS,
        footer: vec![
            "The account's value is that of the backtest's chart of its equity, the last of each day.".to_owned(),
        ],
        dates,
        values,
        annual_rate: 0.0,
    };
    let n_days = account.dates.len();
    // Drawing and sums are a few milliseconds; the door is not held meanwhile.
    let written = tear_sheet::write(account)?;
    ctx.progress.report(4.0, Some(4.0), "written");
    Ok(Report { written, backtest: found, first, last, n_days })
}

/// What a reader has to know first.
fn notices(backtest: &Backtest) -> Vec<String> {
    let mut notices =
        vec!["A backtest: these are results on past data, in-sample for whatever was chosen on them.".to_owned()];
    if backtest.failure().is_some() {
        notices.insert(0, "The backtest ended with an error: the curve stops there.".to_owned());
    } else if !backtest.is_finished() {
        notices.insert(0, "The backtest still runs: this is the curve so far.".to_owned());
    }
    notices
}

/// The benchmark's value on each day, the last known one where it has none; `None` if it begins more than days later.
fn beside(dates: &[Date], days: &[(Date, f64)]) -> Option<Vec<f64>> {
    let known: BTreeMap<Date, f64> = days.iter().copied().filter(|(_, value)| 0.0 < *value).collect();
    // The first sample of an account is taken before the first session, the benchmark's behind it.
    const LATE: i64 = 5;
    let (first, value) = known.first_key_value()?;
    let is_near = first.checked_sub(LATE.days()).is_ok_and(|early| dates.first().is_some_and(|day| early <= *day));
    let on = |day: &Date| known.range(..=*day).next_back().map(|(_, value)| *value).or(is_near.then_some(*value));
    dates.iter().map(on).collect()
}

/// The picture of how much was invested, if the backtest has one.
async fn exposure(ctx: &Ctx, run: &Run, found: &Backtest) -> Option<Picture> {
    let request = backtest::whole_chart(run, found, "Exposure".to_owned(), 4_000);
    let chart = backtest::chart(&ctx.door, &request, &ctx.progress).await.ok()?;
    let shown = backtest_picture::arrange(&chart, "share of the account, by side".to_owned()).ok()?;
    match shown.picture {
        Picture::Line(mut line) => {
            line.title = "Exposure".to_owned();
            for pane in &mut line.panes {
                pane.y_label = "share".to_owned();
            }
            for (at, trace) in line.panes.iter_mut().flat_map(|pane| pane.traces.iter_mut()).enumerate() {
                if !trace.name.chars().all(|c| c.is_ascii_alphanumeric() || " -/".contains(c)) || 40 < trace.name.len()
                {
                    trace.name = format!("series {}", at + 1);
                }
            }
            Some(Picture::Line(line))
        }
        other => Some(other),
    }
}

/// Profit by security, where orders are few enough to be read along.
async fn by_security(ctx: &Ctx, run: &Run, found: &Backtest) -> Option<Listing> {
    let orders = backtest::figures(&found.statistics).get("total_orders")?.get("value")?.as_f64()?;
    if !(1.0..=FEW_ORDERS).contains(&orders) {
        return None;
    }
    let analysis = trades::analyze(ctx, run).await.ok()?.analysis?;
    let row = |(name, group): &(String, qc_quant::trades::Group)| {
        let name = if reply::is_ticker(name) { name.clone() } else { "other".to_owned() };
        vec![
            Value::Text(name),
            Value::Count(group.n_trades as u64),
            Value::Money(group.net),
            group.hit_rate().map_or(Value::Missing, Value::Percent),
            group.profit_factor().map_or(Value::Missing, Value::Ratio),
            Value::Money(group.fees),
        ]
    };
    Some(Listing {
        title: "Closed trades by security, after fees".to_owned(),
        columns: ["security", "trades", "net", "won", "profit factor", "fees"].map(ToOwned::to_owned).to_vec(),
        rows: analysis.by_symbol.iter().take(SECURITIES).map(row).collect(),
    })
}
