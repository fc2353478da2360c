//! An account's path as a tear sheet: figures, months, falls, pictures. What is drawn and listed here is computed by
//! qc-quant and written down by qc-report.

use jiff::civil::Date;
use qc_quant::performance::{Performance, PerformanceOptions, RiskFree, calendar, drawdown, rolling, summary};
use qc_report::{
    chart::{Line, Months, Pane, Picture, Trace, Year},
    tear_sheet::{Figure, Listing, TearSheet, Value},
};

use super::{pictures, steps};
use crate::error::{Kind, ToolError, Topic};

/// Falls that are listed.
const FALLS: usize = 5;
/// Rows of a rolling Sharpe ratio: half a year of days, or a quarter where there is less than a year.
const WINDOWS: [usize; 2] = [126, 63];

/// An account and what is said about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) notices: Vec<String>,
    /// Days, increasing; the first is that of the first value.
    pub(crate) dates: Vec<Date>,
    /// The account's value on each.
    pub(crate) values: Vec<f64>,
    /// Name of the benchmark and its value on each.
    pub(crate) benchmark: Option<(String, Vec<f64>)>,
    pub(crate) periods_per_year: f64,
    /// Riskless, a year, a fraction.
    pub(crate) annual_rate: f64,
    /// Pictures and tables behind our own.
    pub(crate) pictures: Vec<Picture>,
    pub(crate) tables: Vec<Listing>,
    pub(crate) footer: Vec<String>,
}

/// The sheet, and the figures it is made of.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) sheet: TearSheet,
    pub(crate) performance: Performance,
    pub(crate) months: Vec<calendar::Period>,
    pub(crate) years: Vec<calendar::Period>,
    pub(crate) falls: Vec<Fall>,
}

/// A fall of the account, with its days.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Fall {
    pub(crate) depth: f64,
    pub(crate) peak: String,
    pub(crate) trough: String,
    /// Absent while it lasts.
    pub(crate) recovery: Option<String>,
    /// Calendar days from the peak to the recovery, or to the end.
    pub(crate) days: i64,
}

/// Writes the sheet of an account.
///
/// # Errors
/// [`Kind::TooFewRows`] below three values; values that are no account.
pub(crate) fn write(account: Account) -> Result<Written, ToolError> {
    if account.values.len() < 3 || account.dates.len() != account.values.len() {
        let message = format!("a tear sheet needs values on 3 days, found {}", account.values.len());
        return Err(ToolError::new(Kind::TooFewRows, Topic::General, message));
    }
    if let Some(value) = account.values.iter().find(|value| !(value.is_finite() && 0.0 < **value)) {
        let message = format!("the account is worth {value} on a day: a return from or to that is none");
        return Err(ToolError::new(Kind::BadData, Topic::General, message));
    }
    let returns = steps(&account.values);
    let days = account.dates.get(1..).unwrap_or_default();
    let rate = account.annual_rate / account.periods_per_year;
    let options = PerformanceOptions {
        periods_per_year: account.periods_per_year,
        risk_free: RiskFree::Constant(rate),
        ..PerformanceOptions::default()
    };
    let beside = account.benchmark.as_ref().map(|(_, values)| steps(values));
    let own = summary(&returns, beside.as_deref(), &options)?;
    let other = beside.as_deref().map(|returns| summary(returns, None, &options)).transpose()?;
    let (months, years) = (calendar::months(days, &returns)?, calendar::years(days, &returns)?);
    let first = account.values.first().copied().unwrap_or(1.0);
    let curve: Vec<f64> = account.values.iter().map(|value| value / first).collect();
    let falls = falls(&curve, &account.dates)?;
    let mut sheet = TearSheet {
        title: account.title.clone(),
        subtitle: account.subtitle.clone(),
        notices: account.notices.clone(),
        benchmark: account.benchmark.as_ref().map(|(name, _)| name.clone()),
        figures: figures(&own, other.as_ref()),
        pictures: vec![growth(&account, &curve), calendar_of(&months, &years)],
        tables: vec![listed(&falls)],
        footer: account.footer.clone(),
    };
    sheet.pictures.extend(rolling_sharpe(&account, &returns, &options)?);
    if let Some(returns) = &beside {
        let others = calendar::years(days, returns)?;
        sheet.tables.push(by_year(&years, &others, account.benchmark.as_ref().map_or("benchmark", |(name, _)| name)));
    }
    sheet.pictures.extend(account.pictures);
    sheet.tables.extend(account.tables);
    sheet.footer.extend(definitions(account.periods_per_year, account.annual_rate));
    sheet.notices.extend(own.warnings.iter().cloned());
    Ok(Written { sheet, performance: own, months, years, falls })
}

fn percent(value: f64) -> Value {
    Value::Percent(value)
}

fn or_missing(value: Option<f64>, of: fn(f64) -> Value) -> Value {
    value.map_or(Value::Missing, of)
}

type Take = fn(&Performance) -> Value;

/// Name and how it is taken.
const FIGURES: &[(&str, Take)] = &[
    ("Total return", |of| percent(of.total_return)),
    ("Return a year", |of| or_missing(of.cagr, percent)),
    ("Volatility a year", |of| percent(of.volatility)),
    ("Sharpe ratio", |of| or_missing(of.sharpe, Value::Ratio)),
    ("Deepest fall", |of| percent(of.max_drawdown.depth)),
    ("Sortino ratio", |of| or_missing(of.sortino, Value::Ratio)),
    ("Calmar ratio", |of| or_missing(of.calmar, Value::Ratio)),
    ("Days that gained", |of| or_missing(of.hit_rate, percent)),
    ("Best day", |of| percent(of.best)),
    ("Worst day", |of| percent(of.worst)),
    ("Value at risk, 95 %, a day", |of| percent(of.value_at_risk)),
    ("Expected shortfall, 95 %, a day", |of| percent(of.conditional_value_at_risk)),
    ("Skewness", |of| or_missing(of.skewness, Value::Ratio)),
    ("Excess kurtosis", |of| or_missing(of.excess_kurtosis, Value::Ratio)),
    ("Gains over losses", |of| or_missing(of.profit_factor, Value::Ratio)),
    ("Ulcer index", |of| percent(of.ulcer_index)),
    ("Standard error of Sharpe", |of| or_missing(of.sharpe_standard_error_robust, Value::Ratio)),
    ("Probability that Sharpe > 0", |of| or_missing(of.sharpe_probability_positive, percent)),
];

fn figures(own: &Performance, other: Option<&Performance>) -> Vec<Figure> {
    let of =
        |(name, take): &(&str, Take)| Figure { name: (*name).to_owned(), value: take(own), beside: other.map(take) };
    let mut figures: Vec<Figure> = FIGURES.iter().map(of).collect();
    if let Some(against) = &own.benchmark {
        figures.extend([
            Figure::new("Beta", Value::Ratio(against.beta)),
            Figure::new("Alpha a year", percent(against.alpha_annual)),
            Figure::new("t of alpha", or_missing(against.alpha_t, Value::Ratio)),
            Figure::new("Correlation", or_missing(against.correlation, Value::Ratio)),
            Figure::new("Tracking error a year", percent(against.tracking_error)),
            Figure::new("Information ratio", or_missing(against.information_ratio, Value::Ratio)),
        ]);
    }
    figures
}

fn growth(account: &Account, curve: &[f64]) -> Picture {
    let labels: Vec<String> = account.dates.iter().map(ToString::to_string).collect();
    let market: Option<(&str, Vec<f64>)> = account.benchmark.as_ref().map(|(name, values)| {
        let first = values.first().copied().unwrap_or(1.0);
        (name.as_str(), values.iter().map(|value| value / first).collect())
    });
    let mut curves: Vec<(&str, &[f64])> = vec![("account", curve)];
    curves.extend(market.as_ref().map(|(name, values)| (*name, values.as_slice())));
    let (first, last) = (labels.first().cloned().unwrap_or_default(), labels.last().cloned().unwrap_or_default());
    let subtitle =
        format!("{first} to {last}, daily, value of 1 at the start; below, the distance from the highest value");
    Picture::Line(pictures::growth("Growth and falls".to_owned(), subtitle, labels, &curves))
}

fn calendar_of(months: &[calendar::Period], years: &[calendar::Period]) -> Picture {
    let year = |year: &calendar::Period| {
        let mut row = Year { year: i64::from(year.year), months: [None; 12], total: year.value };
        for month in months.iter().filter(|month| month.year == year.year) {
            let at = usize::try_from(month.month - 1).unwrap_or_default();
            if let Some(slot) = row.months.get_mut(at) {
                *slot = Some(month.value);
            }
        }
        row
    };
    /// The picture holds so many years; older ones stay in the table of years.
    const MOST: usize = 60;
    let years: Vec<Year> = years.iter().skip(years.len().saturating_sub(MOST)).map(year).collect();
    let subtitle = "percent; the first and last month are as long as the account's days in them".to_owned();
    Picture::Months(Months { title: "Returns by month".to_owned(), subtitle, years })
}

fn rolling_sharpe(
    account: &Account,
    returns: &[f64],
    options: &PerformanceOptions,
) -> Result<Option<Picture>, ToolError> {
    let Some(window) = WINDOWS.into_iter().find(|window| 2 * window <= returns.len()) else { return Ok(None) };
    let values = rolling::sharpe(returns, window, options.periods_per_year, &options.risk_free)?;
    if values.iter().flatten().next().is_none() {
        return Ok(None);
    }
    let labels: Vec<String> = account.dates.iter().skip(1).map(ToString::to_string).collect();
    let from = window - 1;
    let trace = Trace { values: values.get(from..).unwrap_or_default().to_vec(), ..Trace::line("account", &[]) };
    let pane = Pane { y_label: "Sharpe ratio".to_owned(), traces: vec![trace], levels: vec![0.0], ..Pane::default() };
    Ok(Some(Picture::Line(Line {
        title: "Rolling Sharpe ratio".to_owned(),
        subtitle: format!("of the last {window} trading days, annual"),
        labels: labels.get(from..).unwrap_or_default().to_vec(),
        panes: vec![pane],
        marks: Vec::new(),
    })))
}

fn falls(curve: &[f64], dates: &[Date]) -> Result<Vec<Fall>, ToolError> {
    let at = |point: usize| dates.get(point).copied().unwrap_or_default();
    let fall = |fall: drawdown::Drawdown| {
        let end = fall.recovery.map_or_else(|| dates.last().copied().unwrap_or_default(), at);
        Fall {
            depth: fall.depth,
            peak: at(fall.peak).to_string(),
            trough: at(fall.trough).to_string(),
            recovery: fall.recovery.map(|point| at(point).to_string()),
            days: i64::from((end - at(fall.peak)).get_days()),
        }
    };
    Ok(drawdown::table(curve, FALLS)?.into_iter().filter(|fall| fall.depth < 0.0).map(fall).collect())
}

fn listed(falls: &[Fall]) -> Listing {
    let text = |text: &str| Value::Text(text.to_owned());
    let row = |(rank, fall): (usize, &Fall)| {
        vec![
            Value::Count(rank as u64 + 1),
            percent(fall.depth),
            text(&fall.peak),
            text(&fall.trough),
            fall.recovery.as_deref().map_or_else(|| text("not yet"), text),
            Value::Count(fall.days.unsigned_abs()),
        ]
    };
    Listing {
        title: "Deepest falls".to_owned(),
        columns: ["rank", "depth", "peak", "trough", "recovery", "days"].map(ToOwned::to_owned).to_vec(),
        rows: falls.iter().enumerate().map(row).collect(),
    }
}

fn by_year(own: &[calendar::Period], others: &[calendar::Period], name: &str) -> Listing {
    let row = |(own, other): (&calendar::Period, &calendar::Period)| {
        let year = Value::Text(own.year.to_string());
        vec![year, percent(own.value), percent(other.value), percent(own.value - other.value)]
    };
    Listing {
        title: "Returns by year".to_owned(),
        columns: ["year", "account", name, "difference"].map(ToOwned::to_owned).to_vec(),
        rows: own.iter().zip(others).map(row).collect(),
    }
}

fn definitions(periods: f64, rate: f64) -> Vec<String> {
    vec![
        format!(
            "Simple returns from close to close; {periods} periods a year; riskless rate {:.2} % a year. Return a year is \
             geometric; volatility and Sharpe ratio are of sample deviations; the standard error of the Sharpe ratio allows \
             for autocorrelation; value at risk and expected shortfall are of the sample, positive.",
            100.0 * rate
        ),
        format!(
            "Made by quantconnect-mcp {}. Past results say nothing certain about later ones.",
            env!("CARGO_PKG_VERSION")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};

    use super::*;

    fn account(n: i64) -> Account {
        let dates = (0..n).map(|day| date(2020, 1, 1).checked_add(day.days()).unwrap()).collect();
        let values: Vec<f64> = (0..n).map(|day| 100.0 + (day as f64 / 9.0).sin() * 8.0 + day as f64 / 10.0).collect();
        let market = values.iter().map(|value| value.sqrt()).collect();
        Account {
            title: "<b>".into(),
            dates,
            values,
            benchmark: Some(("SPY".into(), market)),
            periods_per_year: 252.0,
            ..Account::default()
        }
    }

    #[test]
    fn a_sheet_has_its_figures_months_falls_and_pictures() {
        let found = write(account(400)).unwrap();
        let sheet = &found.sheet;
        assert_eq!((sheet.pictures.len(), sheet.tables.len(), found.months.len(), found.years.len()), (3, 2, 14, 2));
        assert_eq!(found.falls.len(), 5);
        assert!(found.falls.windows(2).all(|two| two[0].depth <= two[1].depth));
        let html = sheet.html().unwrap();
        assert!(html.contains("&lt;b&gt;") && !html.contains("<b>&lt;") && !html.contains("<script"), "escaped");
        assert!(html.contains("default-src 'none'") && !html.contains("http://") || html.matches("http").count() < 20);
        assert!(sheet.pdf().unwrap().len() > 10_000);
        // Short paths have no rolling ratio.
        assert_eq!(write(account(60)).unwrap().sheet.pictures.len(), 2);
        assert_eq!(write(account(2)).unwrap_err().kind, Kind::TooFewRows);
        let broken = Account { values: vec![1.0, 0.0, 1.0], ..account(3) };
        assert_eq!(write(broken).unwrap_err().kind, Kind::BadData);
    }
}
