//! What a series is exposed to: its excess returns on returns of factors, with errors that allow for autocorrelation.

use jiff::{ToSpan, civil::Date};
use qc_data::table::factors::{FactorFrequency, FactorUnit, Factors, Layout};
use qc_quant::{
    Index, Panel, Series,
    performance::equity_curve,
    returns,
    stats::{
        hac, moments,
        ols::{self, Errors},
    },
};
use qc_report::chart::{Line, Picture};
use serde_json::{Map, Value, json};

use super::{number, p_text, percent, pictures};
use crate::{
    error::{Kind, ToolError, Topic},
    own::{self, Frequency},
    prices::Prices,
    reply::{self, Untrusted},
    study::Found,
};

/// Standard deviation a period above which returns are taken for percent.
const LIKELY_PERCENT: f64 = 0.2;
/// Most factors of one regression that nobody chose by name.
const MOST_UNCHOSEN: usize = 10;
/// Calendar days by which a price may be older than the end of a week, month or quarter.
const STALE_DAYS: i64 = 8;
/// Series an answer shows in full.
const BRIEF_SERIES: usize = 8;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Columns of the prices that are regressed, each by itself.
    pub(crate) names: Vec<String>,
    /// The file of factors.
    pub(crate) factors: Factors,
    /// Whether the caller said how its numbers are written.
    pub(crate) unit_given: bool,
    /// Its name, safe to show.
    pub(crate) file: String,
    /// Factors wanted; all but the riskless rate if none is named.
    pub(crate) wanted: Option<Vec<String>>,
    /// Autocovariances counted; by Newey and West's rule if absent.
    pub(crate) lags: Option<usize>,
    /// First and last day asked for.
    pub(crate) window: (Date, Date),
    /// Observations a year, if the caller says.
    pub(crate) periods_per_year: Option<f64>,
    /// Whether the caller gave a riskless rate: then the file's own is left alone.
    pub(crate) own_rate: bool,
}

/// The days before the window that prices are read for, so that its first period has a beginning.
pub(crate) fn days_before(frequency: FactorFrequency) -> i64 {
    match frequency {
        FactorFrequency::Daily => 7,
        FactorFrequency::Weekly => 16,
        FactorFrequency::Monthly => 40,
        FactorFrequency::Slower => 380,
    }
}

/// The chosen factors: names that may be printed, and their returns.
struct Chosen<'a> {
    names: Vec<String>,
    foreign: Vec<(String, String)>,
    values: Vec<&'a [f64]>,
    riskless: Option<&'a [f64]>,
}

/// Regresses each series and shapes the answer.
///
/// # Errors
/// Factors that are not there or look like percent, frequencies that do not meet, too few rows, collinear factors.
pub(crate) fn run(prices: &Prices, ask: &Ask, annual_rate: f64) -> Result<Found, ToolError> {
    let chosen = choose(ask)?;
    let frequency = frequency_of(&ask.factors);
    let coarse = prices.frequency.unwrap_or(Frequency::Daily);
    if frequency < coarse {
        let message = format!(
            "the series is {}, the factors are {}: give the {} file of the factors",
            coarse.name(),
            frequency.name(),
            coarse.name()
        );
        return Err(ToolError::argument(message));
    }
    let year = ask.periods_per_year.unwrap_or(frequency.per_year());
    let rate = annual_rate / year;
    let mut reports = Vec::new();
    let mut picture = None;
    for name in &ask.names {
        let rows = matched(prices, ask, name)?;
        // Rows in which every factor has a value.
        let has = |row: &usize| {
            chosen
                .values
                .iter()
                .chain(chosen.riskless.iter())
                .all(|values| values.get(*row).is_some_and(|v| v.is_finite()))
        };
        let (without, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(row, _)| !has(row));
        let needed = chosen.names.len() + 2;
        if rows.len() < needed {
            let message = format!(
                "{name}: {} {} rows have a return and every factor, {needed} are needed ({} lack a factor; the factors are of {} to {})",
                rows.len(),
                frequency.name(),
                without.len(),
                ask.factors.dates.first().map(ToString::to_string).unwrap_or_default(),
                ask.factors.dates.last().map(ToString::to_string).unwrap_or_default()
            );
            return Err(ToolError::new(Kind::TooFewRows, Topic::General, message));
        }
        let (report, drawn) = regress(name, &chosen, ask, &rows, without.len(), frequency, (rate, year))?;
        if picture.is_none() {
            picture = Some(drawn);
        }
        reports.push(report);
    }
    Ok(shape(prices, ask, &chosen, frequency, (annual_rate, year), reports, picture))
}

fn frequency_of(factors: &Factors) -> Frequency {
    match factors.frequency {
        FactorFrequency::Daily => Frequency::Daily,
        FactorFrequency::Weekly => Frequency::Weekly,
        FactorFrequency::Monthly => Frequency::Monthly,
        FactorFrequency::Slower => Frequency::of(&factors.dates),
    }
}

/// The columns meant, after a look at their size.
fn choose(ask: &Ask) -> Result<Chosen<'_>, ToolError> {
    let factors = &ask.factors;
    let is_rate = |name: &str| name.eq_ignore_ascii_case("rf");
    let all = || {
        let names: Vec<&str> = factors.columns.iter().map(|column| column.name.as_str()).collect();
        names.join(", ")
    };
    let columns: Vec<_> = match &ask.wanted {
        Some(wanted) => wanted
            .iter()
            .map(|name| {
                factors.column(name).ok_or_else(|| {
                    let message = format!(
                        "the file has no factor of the name at place {}; it has",
                        1 + wanted.iter().position(|w| w == name).unwrap_or(0)
                    );
                    ToolError::argument(message).said(all())
                })
            })
            .collect::<Result<_, _>>()?,
        None => factors.columns.iter().filter(|column| !is_rate(&column.name)).collect(),
    };
    if ask.wanted.is_none() && MOST_UNCHOSEN < columns.len() {
        let message = format!("the file has {} factors: name those meant in factor_names", columns.len());
        return Err(ToolError::argument(message).said(all()));
    }
    if columns.is_empty() {
        return Err(ToolError::argument("the file has no factor beside the riskless rate"));
    }
    let mut chosen = Chosen { names: Vec::new(), foreign: Vec::new(), values: Vec::new(), riskless: None };
    for (i, column) in columns.iter().enumerate() {
        let known: Vec<f64> = column.values.iter().copied().filter(|value| value.is_finite()).collect();
        let name = if reply::is_ticker(&column.name) { column.name.clone() } else { format!("factor{}", i + 1) };
        let spread = if 1 < known.len() { moments::std_dev(&known) } else { 0.0 };
        if LIKELY_PERCENT < spread && factors.unit == FactorUnit::Fraction && !ask.unit_given {
            let message = format!(
                "{name} has a standard deviation of {spread:.2} a period, which looks like percent: say factor_unit=percent, or fraction if it really is one"
            );
            return Err(ToolError::argument(message));
        }
        if name != column.name {
            chosen.foreign.push((name.clone(), column.name.clone()));
        }
        chosen.names.push(name);
        chosen.values.push(&column.values);
    }
    chosen.riskless =
        factors.columns.iter().find(|column| is_rate(&column.name)).map(|column| column.values.as_slice());
    if ask.own_rate {
        chosen.riskless = None;
    }
    Ok(chosen)
}

/// Rows of the factor file with the return of a series over the same time.
fn matched(prices: &Prices, ask: &Ask, name: &str) -> Result<Vec<(usize, f64)>, ToolError> {
    let (first, last) = ask.window;
    let factors = &ask.factors;
    if factors.frequency == FactorFrequency::Daily {
        let all = returns::simple(&prices.panel)?;
        let values = all.column_of(name)?;
        let of = |(row, value): (usize, &f64)| {
            let day = all.index().trading_date(row).filter(|day| first <= *day && *day <= last)?;
            Some((factors.dates.binary_search(&day).ok()?, *value))
        };
        return Ok(values.iter().enumerate().filter_map(of).collect());
    }
    let days: Vec<Date> = (0..prices.panel.n_rows()).filter_map(|row| prices.panel.index().trading_date(row)).collect();
    // The last row on or before a day, if it is not too old to be the price of that day.
    let row_at = |day: Date| -> Option<usize> {
        let row = days.partition_point(|known| *known <= day).checked_sub(1)?;
        let oldest = day.checked_sub(STALE_DAYS.days()).ok()?;
        days.get(row).filter(|known| oldest < **known).map(|_| row)
    };
    let mut spans = Vec::new();
    let mut rows = Vec::new();
    let apart = |a: Date, b: Date| a.until(b).map_or(0, |span| span.get_days());
    let mut steps: Vec<i32> = factors
        .dates
        .windows(2)
        .filter_map(|pair| if let [a, b] = pair { Some(apart(*a, *b)) } else { None })
        .collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(i32::MAX);
    for (row, end) in factors.dates.iter().enumerate() {
        let before = match factors.frequency {
            FactorFrequency::Monthly => end.first_of_month().yesterday().ok(),
            _ => row.checked_sub(1).and_then(|before| factors.dates.get(before)).copied(),
        };
        let Some(before) = before else { continue };
        // After a row the file lacks, a factor's period is not the one since the row before.
        if factors.frequency != FactorFrequency::Monthly && 3 * usual < 2 * apart(before, *end) {
            continue;
        }
        // A whole period lies in the window; its last day may be of a weekend after it.
        let begins = before.tomorrow().unwrap_or(before);
        if begins < first || last < own::on_weekday(*end) {
            continue;
        }
        if let (Some(from), Some(to)) = (row_at(before), row_at(*end))
            && from < to
        {
            spans.push((from, to));
            rows.push(row);
        }
    }
    let values = returns::over(prices.panel.column_of(name)?, &spans)?;
    Ok(rows.into_iter().zip(values).collect())
}

/// One regression: its figures, and what its factors explain through time.
fn regress(
    name: &str,
    chosen: &Chosen<'_>,
    ask: &Ask,
    rows: &[(usize, f64)],
    without: usize,
    frequency: Frequency,
    (rate, year): (f64, f64),
) -> Result<(Value, Picture), ToolError> {
    let dates: Vec<Date> = rows.iter().filter_map(|(row, _)| ask.factors.dates.get(*row)).copied().collect();
    let riskless = |row: usize| chosen.riskless.and_then(|values| values.get(row)).copied().unwrap_or(rate);
    let excess: Vec<f64> = rows.iter().map(|(row, value)| value - riskless(*row)).collect();
    let columns: Vec<Vec<f64>> = chosen
        .values
        .iter()
        .map(|values| rows.iter().map(|(row, _)| values.get(*row).copied().unwrap_or(f64::NAN)).collect())
        .collect();
    let index = Index::Dates(dates.clone());
    let y = Series::new(name, index.clone(), excess.clone())?;
    let fit = ols::fit(&y, &Panel::new(chosen.names.clone(), index, columns)?)?;
    let lags = ask.lags.unwrap_or_else(|| hac::automatic_lags(fit.n_obs));
    let found = fit.inference(Errors::HacLags { lags, corrected: true })?;
    let at = |values: &[f64], i: usize| values.get(i).copied().unwrap_or(f64::NAN);
    let mut betas = Map::new();
    for (i, factor) in chosen.names.iter().enumerate() {
        let i = i + 1;
        betas.insert(
            factor.clone(),
            json!({
                "beta": number(at(&fit.coefficients, i)), "std_error": number(at(&found.standard_errors, i)),
                "t_statistic": number(at(&found.t, i)), "pvalue": number(at(&found.p_values, i)),
                "variance_inflation": number(at(&fit.variance_inflation, i - 1)),
            }),
        );
    }
    let alpha = at(&fit.coefficients, 0);
    let report = json!({
        "series": name,
        "alpha": number(alpha * year),
        "alpha_per_period": number(alpha),
        "alpha_std_error": number(at(&found.standard_errors, 0) * year),
        "alpha_t_statistic": number(at(&found.t, 0)),
        "alpha_pvalue": number(at(&found.p_values, 0)),
        "betas": betas,
        "r_squared": number(fit.r_squared),
        "adjusted_r_squared": number(fit.adjusted_r_squared),
        "residual_volatility": number(moments::std_dev(&fit.residuals) * year.sqrt()),
        "durbin_watson": number(fit.durbin_watson),
        "condition_number": number(fit.condition_number),
        "newey_west_lags": lags,
        "n_observations": fit.n_obs,
        "first_date": dates.first().map(ToString::to_string),
        "last_date": dates.last().map(ToString::to_string),
        "rows_without_a_factor": without,
    });
    let explained: Vec<f64> = excess.iter().zip(&fit.residuals).map(|(y, e)| y - e - alpha).collect();
    let (own, part) = (equity_curve(&excess), equity_curve(&explained));
    let mut line: Line = pictures::growth(
        format!("Excess returns of {name}, and what {} factors explain of them", chosen.names.len()),
        format!("{} {} returns, without the constant", fit.n_obs, frequency.name()),
        dates.iter().map(ToString::to_string).collect(),
        &[(name, own.get(1..).unwrap_or_default()), ("betas times factors", part.get(1..).unwrap_or_default())],
    );
    line.panes.truncate(1);
    Ok((report, Picture::Line(line)))
}

fn shape(
    prices: &Prices,
    ask: &Ask,
    chosen: &Chosen<'_>,
    frequency: Frequency,
    (annual_rate, year): (f64, f64),
    reports: Vec<Value>,
    picture: Option<Picture>,
) -> Found {
    let figure = |report: &Value, name: &str| report.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let lines: Vec<String> = reports
        .iter()
        .take(3)
        .map(|report| {
            format!(
                "{}: alpha {} a year ({}), R² {:.2}, {} {} rows.",
                report.get("series").and_then(Value::as_str).unwrap_or_default(),
                percent(figure(report, "alpha")),
                p_text(figure(report, "alpha_pvalue")),
                figure(report, "r_squared"),
                report.get("n_observations").and_then(Value::as_u64).unwrap_or_default(),
                frequency.name()
            )
        })
        .collect();
    let more = reports.len().saturating_sub(lines.len());
    let more = if more == 0 { String::new() } else { format!(" And {more} more.") };
    let synthetic = if prices.provenance.synthetic { " SYNTHETIC data." } else { "" };
    let riskless = if chosen.riskless.is_some() { "the file's RF" } else { "the given rate" };
    let summary = format!(
        "{}{more}\n{} returns less {riskless} on {}, Newey-West errors, adjustment {}.{synthetic}",
        lines.join(" "),
        frequency.name(),
        super::names(&chosen.names),
        prices.provenance.adjustment
    );
    let layout = match ask.factors.layout {
        Layout::KenFrench => "ken_french",
        Layout::Aqr => "aqr",
        Layout::Own => "own",
    };
    let mut file = Map::new();
    file.insert("file".into(), reply::ticker(&ask.file));
    file.insert("layout".into(), json!(layout));
    file.insert("read_as".into(), json!(if ask.factors.unit == FactorUnit::Percent { "percent" } else { "fractions" }));
    file.insert("frequency".into(), json!(frequency.name()));
    file.insert("rows".into(), json!(ask.factors.dates.len()));
    file.insert("first_date".into(), json!(ask.factors.dates.first().map(ToString::to_string)));
    file.insert("last_date".into(), json!(ask.factors.dates.last().map(ToString::to_string)));
    file.insert("notes".into(), json!(ask.factors.notes));
    let foreign: Vec<Value> = chosen
        .foreign
        .iter()
        .map(|(name, title)| json!([name, Untrusted::new(title.as_str()).shortened(64)]))
        .collect();
    if !foreign.is_empty() {
        file.insert("names_in_the_file".into(), Value::Array(foreign));
    }
    let mut brief = Map::new();
    brief.insert("exposures".into(), reports.iter().take(BRIEF_SERIES).cloned().collect());
    brief.insert("factors".into(), json!(chosen.names));
    brief.insert("factor_file".into(), Value::Object(file));
    brief.insert("frequency".into(), json!(frequency.name()));
    brief.insert(
        "risk_free".into(),
        if chosen.riskless.is_some() { json!("RF of the file") } else { number(annual_rate) },
    );
    brief.insert("periods_per_year".into(), number(year));
    let mut full = Map::new();
    full.insert("exposures".into(), Value::Array(reports));
    full.insert(
        "units".into(),
        json!({
            "alpha": "annual, arithmetic: the constant times periods_per_year",
            "beta": "return of the series per return of the factor",
            "std_error": "Newey and West, Bartlett weights, times n/(n - k)",
            "pvalue": "two-sided, Student with n - k degrees of freedom",
            "residual_volatility": "annual",
        }),
    );
    Found { summary, brief, more: full, picture, ..Found::default() }
}
