//! A tear sheet from prices: returns of a portfolio, its figures, months and falls, as HTML, PDF, PNG and CSV.
//!
//! ```text
//! cargo run -p qc-examples --example tear_sheet            # into a temporary folder
//! cargo run -p qc-examples --example tear_sheet -- ./out   # into a folder of yours
//! ```
//!
//! Offline, on a synthetic market: the figures are of invented prices.

use std::{error::Error, fs, path::PathBuf};

use qc_data::{DataFolder, Field, HistoryRequest, Resolution, Window, history};
use qc_quant::{
    Index, MissingPolicy, Panel,
    performance::{self, Performance, PerformanceOptions, RiskFree, calendar, drawdown, equity_curve, rolling},
    portfolio::{self, Policy},
    returns,
};
use qc_report::{
    chart::{Form, Line, Months, Pane, Picture, Trace, Unit, Year},
    tear_sheet::{Figure, Listing, TearSheet, Value},
};

const HELD: [(&str, f64); 3] = [("AAPL", 0.3), ("KO", 0.4), ("PEP", 0.3)];
const BENCHMARK: &str = "SPY";
/// Trading days of half a year.
const WINDOW: usize = 126;

fn main() -> Result<(), Box<dyn Error>> {
    let market = tempfile::tempdir()?;
    qc_sim::market::write(market.path(), qc_sim::market::DEMO_SEED)?;
    let folder = DataFolder::open(market.path())?;
    let window = Window::dates("2015-01-01".parse()?, "2024-12-31".parse()?);
    let names = HELD.iter().map(|(name, _)| *name).chain([BENCHMARK]);
    let closes = history::load(&folder, &HistoryRequest::new(names, window, Resolution::Daily))?.align(Field::Close);
    let dates = closes.dates.clone();
    let (prices, _) =
        Panel::with_missing(closes.symbols, Index::Dates(closes.dates), closes.columns, MissingPolicy::DropRows)?;

    let all = returns::simple(&prices)?;
    let held = all.select(&HELD.map(|(name, _)| name.to_owned()))?;
    let own = portfolio::returns(&held, &HELD.map(|(_, weight)| weight), Policy::ConstantWeights, 0.0)?;
    let market = all.column_of(BENCHMARK)?;
    let options = PerformanceOptions::default();
    let (mine, theirs) =
        (performance::summary(own.values(), Some(market), &options)?, performance::summary(market, None, &options)?);

    let sheet = TearSheet {
        title: "Three shares, traded back to their weights every day".into(),
        subtitle: "SYNTHETIC prices, 2015 to 2024, before costs".into(),
        notices: vec!["SYNTHETIC data: nothing here was ever traded.".into()],
        benchmark: Some(BENCHMARK.into()),
        figures: figures(&mine, &theirs),
        pictures: vec![
            growth(&dates, own.values(), market),
            months(&dates, own.values())?,
            rolling_sharpe(&dates, own.values(), market)?,
        ],
        tables: vec![falls(&dates, own.values())?],
        footer: vec!["Made by the example tear_sheet of quantconnect-mcp.".into()],
    };

    let kept = tempfile::tempdir()?;
    let folder = std::env::args().nth(1).map_or_else(|| kept.path().to_path_buf(), PathBuf::from);
    fs::create_dir_all(&folder)?;
    let pages = sheet.pages()?;
    fs::write(folder.join("tear_sheet.html"), sheet.html()?)?;
    fs::write(folder.join("tear_sheet.pdf"), sheet.pdf()?)?;
    fs::write(folder.join("tear_sheet.csv"), sheet.csv()?.as_str())?;
    if let Some(first) = pages.first() {
        fs::write(folder.join("tear_sheet.png"), first.png()?)?;
    }
    println!("{} pages: HTML, PDF, PNG and CSV in {}", pages.len(), folder.display());
    println!("Sharpe ratio {:.2}, benchmark {:.2}", mine.sharpe.unwrap_or(f64::NAN), theirs.sharpe.unwrap_or(f64::NAN));
    Ok(())
}

fn figures(mine: &Performance, theirs: &Performance) -> Vec<Figure> {
    let ratio = |value: Option<f64>| value.map_or(Value::Missing, Value::Ratio);
    let both = |name: &str, of: &dyn Fn(&Performance) -> Value| Figure {
        name: name.to_owned(),
        value: of(mine),
        beside: Some(of(theirs)),
    };
    vec![
        both("Total return", &|of| Value::Percent(of.total_return)),
        both("Return a year", &|of| of.cagr.map_or(Value::Missing, Value::Percent)),
        both("Volatility a year", &|of| Value::Percent(of.volatility)),
        both("Sharpe ratio", &|of| ratio(of.sharpe)),
        both("Deepest fall", &|of| Value::Percent(of.max_drawdown.depth)),
        both("Sortino ratio", &|of| ratio(of.sortino)),
        both("Expected shortfall, 95 %, a day", &|of| Value::Percent(of.conditional_value_at_risk)),
        both("Standard error of Sharpe", &|of| ratio(of.sharpe_standard_error_robust)),
    ]
}

fn labels(dates: &[jiff::civil::Date]) -> Vec<String> {
    dates.iter().map(ToString::to_string).collect()
}

fn growth(dates: &[jiff::civil::Date], own: &[f64], market: &[f64]) -> Picture {
    let (curve, beside) = (equity_curve(own), equity_curve(market));
    let fall = Trace::line("portfolio", &drawdown::underwater(&curve)).drawn(Form::Area);
    Picture::Line(Line {
        title: "Growth and falls".into(),
        subtitle: "value of 1 at the start; below, the distance from the highest value".into(),
        labels: labels(dates),
        panes: vec![
            Pane {
                y_label: "value of 1".into(),
                traces: vec![Trace::line("portfolio", &curve), Trace::line(BENCHMARK, &beside)],
                ..Pane::default()
            },
            Pane { y_label: "fall".into(), unit: Unit::Percent, traces: vec![fall], ..Pane::default() },
        ],
        marks: Vec::new(),
    })
}

fn months(dates: &[jiff::civil::Date], own: &[f64]) -> Result<Picture, Box<dyn Error>> {
    let ends = &dates[1..];
    let (months, years) = (calendar::months(ends, own)?, calendar::years(ends, own)?);
    let year = |year: &calendar::Period| {
        let mut row = Year { year: i64::from(year.year), months: [None; 12], total: year.value };
        for month in months.iter().filter(|month| month.year == year.year) {
            row.months[month.month as usize - 1] = Some(month.value);
        }
        row
    };
    let years = years.iter().map(year).collect();
    Ok(Picture::Months(Months { title: "Returns by month".into(), subtitle: "percent".into(), years }))
}

fn rolling_sharpe(dates: &[jiff::civil::Date], own: &[f64], market: &[f64]) -> Result<Picture, Box<dyn Error>> {
    let trace = |name: &str, returns: &[f64]| -> Result<Trace, Box<dyn Error>> {
        let values = rolling::sharpe(returns, WINDOW, 252.0, &RiskFree::default())?;
        Ok(Trace { values: values[WINDOW - 1..].to_vec(), ..Trace::line(name, &[]) })
    };
    Ok(Picture::Line(Line {
        title: "Rolling Sharpe ratio".into(),
        subtitle: "of half a year, annual".into(),
        labels: labels(&dates[WINDOW..]),
        panes: vec![Pane {
            y_label: "Sharpe ratio".into(),
            traces: vec![trace("portfolio", own)?, trace(BENCHMARK, market)?],
            levels: vec![0.0],
            ..Pane::default()
        }],
        marks: Vec::new(),
    }))
}

fn falls(dates: &[jiff::civil::Date], own: &[f64]) -> Result<Listing, Box<dyn Error>> {
    let day = |point: usize| Value::Text(dates[point].to_string());
    let row = |fall: drawdown::Drawdown| {
        let recovery = fall.recovery.map_or(Value::Text("not yet".into()), day);
        vec![day(fall.peak), day(fall.trough), recovery, Value::Percent(fall.depth)]
    };
    Ok(Listing {
        title: "Deepest falls".into(),
        columns: ["peak", "trough", "recovery", "depth"].map(String::from).to_vec(),
        rows: drawdown::table(&equity_curve(own), 5)?.into_iter().map(row).collect(),
    })
}
