//! Series of the caller's own, so that a result can be passed on without retyping it.
//!
//! | Written | Means |
//! |---|---|
//! | `qc://research/{id}`, `qc://research/{id}#hedge_ratio` | a kept result: its equity or spread, or the named series |
//! | `qc://backtests/{project}/{backtest}`, `backtest:{project}/latest` | the equity of a backtest of the account |
//! | `file:PATH#COLUMN` | a column of a CSV or Parquet file below the folders this server may read |
//! | `returns:` before one of them | its values are simple returns as fractions, compounded to a level |
//!
//! A kept result belongs to its caller: a stranger's is as unknown as one that never was. Rows are days: the last value
//! of each counts, a moment before the New York session opens belongs to the day before, a weekend to its Friday.

mod kept;
pub(crate) mod weights;

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, civil::Date, civil::Weekday, tz::TimeZone};
use qc_api::{
    endpoints::backtests::ReadBacktestChart,
    model::{Backtest, Chart, Point},
};
use qc_data::table::{Table, TableOptions};
use serde::Serialize;
use serde_json::Value;

use crate::{
    args::{BacktestArg, ProjectArg, quote},
    ctx::Ctx,
    desk::Desk,
    error::{Kind, ToolError, Topic},
    flows::{
        backtest::{self, Run},
        find,
    },
    imports, reply,
};

/// Points of a backtest's equity that are asked for.
const POINTS: i64 = 10_000;
/// A step of more calendar days than this is coarser than daily; a long weekend has four.
const DAILY: i32 = 4;

/// Dates and values of a caller's own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnSeries {
    /// What it is called in an answer: our own words.
    pub(crate) name: String,
    /// Trading days, ascending, each once.
    pub(crate) dates: Vec<Date>,
    /// A value for each.
    pub(crate) values: Vec<f64>,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Of the residual of a cointegrating regression: the p-value that belongs to it, which an ordinary one does not.
    pub(crate) cointegration_p_value: Option<f64>,
    /// Whether it was made from synthetic data.
    pub(crate) synthetic: bool,
}

/// Where a series comes from, for an answer's provenance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Origin {
    /// What it is called in the answer.
    pub(crate) series: String,
    /// Its address, or the file.
    pub(crate) from: Value,
    /// What of it was taken.
    pub(crate) taken: Value,
    /// Rows it has.
    pub(crate) rows: usize,
    /// Its first day.
    pub(crate) first_date: String,
    /// Its last day.
    pub(crate) last_date: String,
}

/// What a text that names a series means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form<'a> {
    Research { id: &'a str, part: Option<&'a str> },
    Backtest { project: &'a str, backtest: &'a str },
    File { path: &'a str, column: Option<&'a str> },
}

/// Whether a text is one of the forms above, and no symbol.
pub(crate) fn is_one(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    ["qc://", "backtest:", "file:", "returns:"].iter().any(|form| text.starts_with(form))
}

/// Whether a member of `symbols` is a series: there `file:PATH` alone stands for a list of symbols.
pub(crate) fn is_series(text: &str) -> bool {
    let is_list = text.trim().to_ascii_lowercase().starts_with("file:") && !text.contains('#');
    is_one(text) && !is_list
}

fn form_of(text: &str) -> Result<(Form<'_>, bool), ToolError> {
    let text = text.trim();
    let strip = |text: &str, form: &str| -> Option<usize> {
        text.get(..form.len()).filter(|head| head.eq_ignore_ascii_case(form)).map(|head| head.len())
    };
    let (text, is_returns) = match strip(text, "returns:") {
        Some(at) => (text.get(at..).unwrap_or_default().trim(), true),
        None => (text, false),
    };
    let rest = |form: &str| strip(text, form).and_then(|at| text.get(at..));
    let parted = |text| match str::rsplit_once(text, '#') {
        Some((head, part)) => (head, Some(part.trim()).filter(|part| !part.is_empty())),
        None => (text, None),
    };
    let form = if let Some(rest) = rest("qc://research/") {
        let (id, part) = parted(rest);
        Some(Form::Research { id, part })
    } else if let Some(rest) = rest("qc://backtests/").or_else(|| rest("backtest:")) {
        // A project's name may hold a slash, an id never does.
        rest.trim_end_matches('/').rsplit_once('/').map(|(project, backtest)| Form::Backtest { project, backtest })
    } else if let Some(rest) = rest("file:") {
        let (path, column) = parted(rest);
        Some(Form::File { path: path.trim(), column })
    } else {
        None
    };
    let wrong = || {
        let message = format!(
            "`{}` names no series: write a ticker, qc://research/ID, qc://backtests/PROJECT/BACKTEST or file:PATH#COLUMN",
            quote(text)
        );
        ToolError::argument(message)
    };
    form.map(|form| (form, is_returns)).ok_or_else(wrong)
}

/// Reads the series that `text` names.
///
/// # Errors
/// A text that is no form, [`Kind::NotFound`] for a result, backtest, file or column that is not there (a stranger's
/// included), numbers that are no series.
pub(crate) async fn read(desk: &Desk, ctx: &Ctx, text: &str) -> Result<OwnSeries, ToolError> {
    let (form, is_returns) = form_of(text)?;
    let series = match form {
        Form::Research { id, part } => kept::series(&desk.research(ctx.caller_key(), id)?, id, part, is_returns)?,
        Form::Backtest { project, backtest } => of_backtest(ctx, project, backtest, is_returns).await?,
        Form::File { path, column } => {
            let (desk, path) = (desk.clone(), path.to_owned());
            let column = column.map(ToOwned::to_owned);
            let inner = desk.clone();
            let job = move |_: &_| of_file(&inner, &path, column.as_deref(), is_returns);
            desk.run(ctx.caller_key(), &ctx.cancel, job).await?
        }
    };
    // The p-value of a residual is not that of what its values compound to.
    let cointegration_p_value = series.cointegration_p_value.filter(|_| !is_returns);
    Ok(OwnSeries { cointegration_p_value, ..series })
}

/// A kept result of the caller: the member of its result at `path`, and the tool that made it.
///
/// # Errors
/// [`Kind::NotFound`] for a stranger's id as for one that never was.
pub(crate) fn kept_result(desk: &Desk, caller: &str, text: &str) -> Result<(Value, Option<String>), ToolError> {
    let (form, _) = form_of(text)?;
    let Form::Research { id, part } = form else {
        return Err(ToolError::argument("weights come as a list of numbers, or as qc://research/ID"));
    };
    let record: Value = serde_json::from_str(&desk.research(caller, id)?).unwrap_or_default();
    Ok((record, part.map(ToOwned::to_owned)))
}

/// The equity of a backtest of the caller's account.
async fn of_backtest(ctx: &Ctx, project: &str, backtest: &str, is_returns: bool) -> Result<OwnSeries, ToolError> {
    let project = project.trim();
    let wanted = project.parse().map_or_else(|_| ProjectArg::Name(project.to_owned()), ProjectArg::Id);
    let project_id = find::project(&ctx.door, &wanted).await?;
    let backtest_id = find::backtest(&ctx.door, project_id, &BacktestArg(backtest.to_owned())).await?;
    let run = Run { project_id, backtest_id };
    let facts = backtest::read(&ctx.door, &run).await?;
    let days = equity_of(ctx, &run, &facts, is_returns).await?;
    if days.len() < 2 {
        let message = format!("the equity of the backtest has {} days, a series needs 2", days.len());
        return Err(ToolError::new(Kind::TooFewRows, Topic::Backtest, message));
    }
    let id: String = run.backtest_id.as_str().chars().take(8).collect();
    let from = Value::String(format!("qc://backtests/{}/{}", run.project_id, run.backtest_id));
    Ok(OwnSeries::new(format!("backtest-{id}"), from, Value::from("equity"), days, false))
}

/// The equity of a backtest, day by day.
///
/// # Errors
/// A chart that cannot be read, or holds no equity.
pub(crate) async fn equity_of(
    ctx: &Ctx,
    run: &Run,
    facts: &Backtest,
    is_returns: bool,
) -> Result<Vec<(Date, f64)>, ToolError> {
    chart_days(ctx, run, facts, ("Strategy Equity", "equity"), is_returns).await
}

/// The equity of a chart that was read, day by day.
///
/// # Errors
/// Times outside the calendar.
pub(crate) fn equity_days(chart: &Chart) -> Result<Vec<(Date, f64)>, ToolError> {
    days_of(points_of(chart, "equity"), false)
}

/// The benchmark of a backtest, day by day.
///
/// # Errors
/// A chart that cannot be read.
pub(crate) async fn benchmark_of(ctx: &Ctx, run: &Run, facts: &Backtest) -> Result<Vec<(Date, f64)>, ToolError> {
    chart_days(ctx, run, facts, ("Benchmark", "benchmark"), false).await
}

/// A series of a chart of a backtest, day by day.
async fn chart_days(
    ctx: &Ctx,
    run: &Run,
    facts: &Backtest,
    (name, series): (&str, &str),
    is_returns: bool,
) -> Result<Vec<(Date, f64)>, ToolError> {
    /// A day, so that the last close is within.
    const DAY: i64 = 86_400;
    let request = ReadBacktestChart {
        project_id: run.project_id,
        backtest_id: run.backtest_id.clone(),
        name: name.to_owned(),
        count: POINTS,
        start: facts.backtest_start.map(|at| at.as_second() - DAY),
        end: facts.backtest_end.or(facts.created).map(|at| at.as_second() + DAY),
    };
    let chart = backtest::chart(&ctx.door, &request, &ctx.progress).await?;
    days_of(points_of(&chart, series), is_returns)
}

/// The points of a series, candles by their close.
fn points_of(chart: &Chart, name: &str) -> Vec<(Timestamp, f64)> {
    let Some((_, series)) = chart.series.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        return Vec::new();
    };
    let of = |point: &Point| {
        let value = match point {
            Point::Value { y, .. } | Point::Dot { y, .. } => *y,
            Point::Candle { close, .. } => *close,
            Point::Tuple(_) => None,
        };
        let at = point.x().filter(|x| x.is_finite() && x.abs() < 1e11)?;
        Some((Timestamp::from_second(at as i64).ok()?, value.filter(|value| value.is_finite())?))
    };
    series.values.iter().filter_map(of).collect()
}

/// A column of a file of the caller.
fn of_file(desk: &Desk, path: &str, column: Option<&str>, is_returns: bool) -> Result<OwnSeries, ToolError> {
    let (bytes, shown) = desk.read_bytes(path, imports::MAX_FILE_BYTES)?;
    let table = Table::read(&shown, &bytes, &TableOptions::default())?;
    let found = match column {
        Some(wanted) => {
            let is = |text: &str| text.eq_ignore_ascii_case(wanted);
            let by_both = |symbol: &str, field: &str| is(&format!("{symbol}.{field}"));
            let mut found = table.columns.iter().filter(|c| by_both(&c.symbol, &c.field));
            let symbol_close = table.columns.iter().find(|c| is(&c.symbol) && c.field == "close");
            found.next().or(symbol_close).or_else(|| {
                let mut named = table.columns.iter().filter(|c| is(&c.field));
                named.next().filter(|_| named.next().is_none())
            })
        }
        None => match table.columns.as_slice() {
            [only] => Some(only),
            several => {
                let mut closes = several.iter().filter(|c| c.field == "close");
                closes.next().filter(|_| closes.next().is_none())
            }
        },
    };
    let Some(found) = found else {
        let names: Vec<String> = table
            .columns
            .iter()
            .take(20)
            .map(|c| if c.field == "close" { c.symbol.clone() } else { c.field.clone() })
            .collect();
        let message = format!("the file has {} columns of numbers: name one as file:PATH#COLUMN", table.columns.len());
        return Err(ToolError::argument(message).said(names.join(", ")));
    };
    let daily = table.is_daily();
    let zone = table.time_zone.clone();
    let mut rows = Vec::new();
    for (at, value) in table.times.iter().zip(&found.values).filter(|(_, value)| value.is_finite()) {
        let day = match &zone {
            Some(zone) if !daily => {
                let at = at.to_datetime().to_zoned(zone.clone()).map(|at| at.timestamp());
                at.map_err(|_| ToolError::new(Kind::BadData, Topic::Path, "a time of the file is out of range"))
                    .and_then(day_of)?
            }
            _ => at.date(),
        };
        rows.push((day, *value));
    }
    let days = settle(rows, is_returns)?;
    if days.len() < 2 {
        let message = format!("the column has numbers on {} days, a series needs 2", days.len());
        return Err(ToolError::new(Kind::TooFewRows, Topic::Path, message));
    }
    let label = if found.field == "close" { &found.symbol } else { &found.field };
    let name = if reply::is_ticker(label) { label.to_ascii_uppercase() } else { "column".to_owned() };
    let from = reply::ticker(&shown);
    Ok(OwnSeries::new(name, from, reply::ticker(label), days, false))
}

/// The last value of each trading day.
fn days_of(points: Vec<(Timestamp, f64)>, is_returns: bool) -> Result<Vec<(Date, f64)>, ToolError> {
    let mut points = points;
    points.sort_by_key(|(at, _)| *at);
    let rows = points.into_iter().map(|(at, value)| Ok((day_of(at)?, value))).collect::<Result<_, ToolError>>()?;
    settle(rows, is_returns)
}

/// Rows in their order as one value a day: returns are compounded over every row first, then the last value of a day
/// counts. A row of a weekend is its Friday's where that has none; a series that has Saturdays as a rule is of a market
/// that never closes, and keeps them.
fn settle(rows: Vec<(Date, f64)>, is_returns: bool) -> Result<Vec<(Date, f64)>, ToolError> {
    let (dates, mut values): (Vec<Date>, Vec<f64>) = rows.into_iter().unzip();
    if is_returns {
        values = compounded(&values)?;
    }
    let days: BTreeMap<Date, f64> = dates.into_iter().zip(values).collect();
    let count = |weekday: Weekday| days.keys().filter(|day| day.weekday() == weekday).count();
    let all: Vec<Date> = days.keys().copied().collect();
    let never_closes = usual_step(&all) == Some(1) && count(Weekday::Friday) < 2 * count(Weekday::Saturday);
    if never_closes {
        return Ok(days.into_iter().collect());
    }
    let mut settled = BTreeMap::new();
    for (day, value) in &days {
        let weekday = on_weekday(*day);
        if weekday == *day || !days.contains_key(&weekday) {
            settled.insert(weekday, *value);
        }
    }
    Ok(settled.into_iter().collect())
}

/// Simple returns as the level they lead to; the row before the first is lost, as nothing says when it was.
fn compounded(values: &[f64]) -> Result<Vec<f64>, ToolError> {
    /// A standard deviation of fractions above this is more likely one of percent.
    const LIKELY_PERCENT: f64 = 0.2;
    let wrong = |message| ToolError::new(Kind::BadData, Topic::Argument, message);
    let worst = values.iter().copied().fold(f64::INFINITY, f64::min);
    if worst <= -1.0 {
        return Err(wrong(format!("returns are fractions above -1, found {worst}: percent must be divided by 100")));
    }
    let deviation = if 2 < values.len() { qc_quant::stats::moments::std_dev(values) } else { 0.0 };
    if LIKELY_PERCENT < deviation {
        return Err(wrong(format!(
            "returns are fractions; a standard deviation of {deviation:.3} a row looks like percent, which must be divided by 100"
        )));
    }
    Ok(qc_quant::performance::equity_curve(values).into_iter().skip(1).collect())
}

/// The day, weekends included, whose close a moment belongs to.
pub(crate) fn day_of(at: Timestamp) -> Result<Date, ToolError> {
    let far = |_| ToolError::new(Kind::BadData, Topic::General, "a time lies outside the calendar");
    let local = at.to_zoned(TimeZone::get("America/New_York").map_err(far)?);
    // What is known when the session opens, its first minute included, is what the day before closed with.
    let is_before = (local.hour(), local.minute()) <= (9, 30);
    if is_before { local.date().yesterday().map_err(far) } else { Ok(local.date()) }
}

/// A day of the weekend is its Friday.
pub(crate) fn on_weekday(day: Date) -> Date {
    let back = match day.weekday() {
        Weekday::Saturday => 1,
        Weekday::Sunday => 2,
        _ => 0,
    };
    day.checked_sub(back.days()).unwrap_or(day)
}

impl OwnSeries {
    fn new(name: String, from: Value, taken: Value, days: Vec<(Date, f64)>, synthetic: bool) -> Self {
        let (dates, values): (Vec<Date>, Vec<f64>) = days.into_iter().unzip();
        let day = |date: Option<&Date>| date.map(ToString::to_string).unwrap_or_default();
        let origin = Origin {
            series: name.clone(),
            from,
            taken,
            rows: dates.len(),
            first_date: day(dates.first()),
            last_date: day(dates.last()),
        };
        OwnSeries { name, dates, values, origin, cointegration_p_value: None, synthetic }
    }

    /// The rows from `first` to `last`, both included.
    pub(crate) fn within(&self, first: Date, last: Date) -> impl Iterator<Item = (Date, f64)> {
        self.dates
            .iter()
            .copied()
            .zip(self.values.iter().copied())
            .filter(move |(day, _)| first <= *day && *day <= last)
    }
}

/// The usual number of calendar days from one date to the next: the median.
fn usual_step(dates: &[Date]) -> Option<i32> {
    let mut steps: Vec<i32> = dates
        .windows(2)
        .filter_map(|pair| if let [a, b] = pair { Some(a.until(*b).ok()?.get_days()) } else { None })
        .collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied()
}

/// How often a series has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frequency {
    /// Every trading day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every quarter.
    Quarterly,
    /// Every year.
    Yearly,
}

impl Frequency {
    /// The frequency of dates, by their usual distance.
    pub(crate) fn of(dates: &[Date]) -> Self {
        match usual_step(dates).unwrap_or(1) {
            ..=DAILY => Frequency::Daily,
            5..=15 => Frequency::Weekly,
            16..=45 => Frequency::Monthly,
            46..=180 => Frequency::Quarterly,
            _ => Frequency::Yearly,
        }
    }

    /// Observations a year.
    pub(crate) fn per_year(self) -> f64 {
        match self {
            Frequency::Daily => 252.0,
            Frequency::Weekly => 52.0,
            Frequency::Monthly => 12.0,
            Frequency::Quarterly => 4.0,
            Frequency::Yearly => 1.0,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Frequency::Daily => "daily",
            Frequency::Weekly => "weekly",
            Frequency::Monthly => "monthly",
            Frequency::Quarterly => "quarterly",
            Frequency::Yearly => "yearly",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn forms_are_told_apart_and_symbols_are_none() {
        let id = "0123456789abcdef0123456789abcdef";
        let of = |text: &'static str| form_of(text).unwrap();
        assert_eq!(
            of("qc://research/0123456789abcdef0123456789abcdef#equity").0,
            Form::Research { id, part: Some("equity") }
        );
        assert_eq!(of(" backtest:My/Project/latest").0, Form::Backtest { project: "My/Project", backtest: "latest" });
        assert_eq!(of("qc://backtests/12/ab-3").0, Form::Backtest { project: "12", backtest: "ab-3" });
        assert_eq!(of("returns:File:a/b.csv#NAV"), (Form::File { path: "a/b.csv", column: Some("NAV") }, true));
        assert_eq!(of("file:b.csv").0, Form::File { path: "b.csv", column: None });
        for text in ["qc://projects/1", "backtest:12", "returns:SPY"] {
            assert!(form_of(text).is_err() && is_one(text), "{text}");
        }
        assert!(!is_one("SPY") && !is_one("forex:EURUSD") && !is_one("SPY R735QTJ8XC9X"));
    }

    #[test]
    fn moments_belong_to_the_close_before_them() {
        let day = |text: &str| day_of(text.parse().unwrap()).unwrap();
        // The close of a Friday, the midnight after it, and the opening on Monday.
        assert_eq!(day("2024-06-07T20:00:00Z"), date(2024, 6, 7));
        assert_eq!(day("2024-06-08T04:00:00Z"), date(2024, 6, 7));
        // That of the opening on Monday is Sunday's, which is Friday's where Friday has none of its own.
        assert_eq!(day("2024-06-10T13:30:00Z"), date(2024, 6, 9));
        assert_eq!(day("2024-06-10T13:31:00Z"), date(2024, 6, 10));
    }

    #[test]
    fn the_usual_distance_is_the_frequency() {
        let days = |step: i64, n: i64| -> Vec<Date> {
            (0..n).map(|i| date(2020, 1, 1).checked_add((step * i).days()).unwrap()).collect()
        };
        assert_eq!(Frequency::of(&days(1, 10)), Frequency::Daily);
        assert_eq!(Frequency::of(&days(7, 10)), Frequency::Weekly);
        assert_eq!(Frequency::of(&days(30, 10)), Frequency::Monthly);
        assert_eq!(Frequency::of(&days(91, 10)), Frequency::Quarterly);
        assert_eq!(Frequency::of(&days(365, 3)), Frequency::Yearly);
    }

    #[test]
    fn returns_become_a_level_and_percent_is_refused() {
        assert_eq!(compounded(&[0.5, -0.5]).unwrap(), [1.5, 0.75]);
        assert_eq!(compounded(&[0.5, -2.5]).unwrap_err().kind, Kind::BadData);
        assert!(compounded(&[0.5, -0.3, 0.4, -0.6]).unwrap_err().message.contains("looks like percent"));
    }

    #[test]
    fn every_return_counts_and_weekends_stay_where_the_market_never_closes() {
        // Friday, Saturday, Sunday, Monday; three returns of Friday.
        let rows = |days: &[i8]| -> Vec<(Date, f64)> { days.iter().map(|day| (date(2024, 6, *day), 0.1)).collect() };
        let found = settle(rows(&[6, 7, 7, 7, 10]), true).unwrap();
        assert_eq!(found.len(), 3);
        assert!((found[1].1 - 1.1_f64.powi(4)).abs() < 1e-12 && (found[2].1 - 1.1_f64.powi(5)).abs() < 1e-12);
        // One stray Sunday beside a Friday is no row of its own, and its return is not lost.
        let found = settle(rows(&[3, 4, 5, 6, 7, 9, 10, 11]), true).unwrap();
        assert_eq!(found.len(), 7);
        assert!((found[6].1 - 1.1_f64.powi(8)).abs() < 1e-12);
        // Alone it stands for Friday.
        assert_eq!(settle(rows(&[5, 6, 9, 10]), false).unwrap()[2].0, date(2024, 6, 7));
        let all: Vec<i8> = (1..=28).collect();
        assert_eq!(settle(rows(&all), true).unwrap().len(), 28, "a market that never closes");
    }
}
