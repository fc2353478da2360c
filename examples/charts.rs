//! Every kind of picture, from prices: equity with its falls, rolling Sharpe ratio, months, correlations, scree, a spread
//! in its bands, exposure.
//!
//! ```text
//! cargo run -p qc-examples --example charts            # into a temporary folder
//! cargo run -p qc-examples --example charts -- ./out   # into a folder of yours, as SVG and PNG
//! ```
//!
//! Offline, on a synthetic market: the figures are of invented prices.

use std::{error::Error, fs, path::PathBuf};

use qc_data::{DataFolder, Field, HistoryRequest, Resolution, Window, history};
use qc_quant::{
    Index, MissingPolicy, Panel,
    cointegration::engle_granger,
    pca,
    performance::{RiskFree, calendar, drawdown, equity_curve, rolling},
    portfolio::{self, Policy},
    returns,
    stats::correlation,
};
use qc_report::chart::{Form, HeatMap, Line, Months, Pane, Picture, Scree, Trace, Unit, Year};

const NAMES: [&str; 12] = ["AAPL", "MSFT", "AMZN", "GOOGL", "KO", "PEP", "PG", "WMT", "JPM", "BAC", "XOM", "CVX"];
/// Trading days of half a year, and of two months.
const HALF_YEAR: usize = 126;
const LOOKBACK: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let market = tempfile::tempdir()?;
    qc_sim::market::write(market.path(), qc_sim::market::DEMO_SEED)?;
    let folder = DataFolder::open(market.path())?;
    let window = Window::dates("2019-01-01".parse()?, "2024-12-31".parse()?);
    let names = NAMES.into_iter().chain(["SPY"]);
    let closes = history::load(&folder, &HistoryRequest::new(names, window, Resolution::Daily))?.align(Field::Close);
    let days: Vec<String> = closes.dates.iter().map(ToString::to_string).collect();
    let dates = closes.dates.clone();
    let (prices, _) =
        Panel::with_missing(closes.symbols, Index::Dates(closes.dates), closes.columns, MissingPolicy::DropRows)?;
    let all = returns::simple(&prices)?;
    let shares = all.select(&NAMES.map(str::to_owned))?;
    let own = portfolio::returns(&shares, &[1.0 / NAMES.len() as f64; 12], Policy::ConstantWeights, 0.0)?;
    let (own, market) = (own.values(), all.column_of("SPY")?);

    let pictures = [
        ("equity", equity(&days, own, market)),
        ("rolling_sharpe", rolling_sharpe(&days, own, market)?),
        ("months", months(&dates, own)?),
        ("correlation", correlations(&shares)?),
        ("scree", scree(&shares)?),
        ("spread", spread(&prices, &days)?),
        ("exposure", exposure(&prices, &days)?),
    ];
    let kept = tempfile::tempdir()?;
    let folder = std::env::args().nth(1).map_or_else(|| kept.path().to_path_buf(), PathBuf::from);
    fs::create_dir_all(&folder)?;
    for (name, picture) in &pictures {
        let chart = picture.draw()?;
        fs::write(folder.join(format!("{name}.svg")), chart.svg())?;
        fs::write(folder.join(format!("{name}.png")), chart.png()?)?;
        println!("{name}: {} by {}", chart.size().0, chart.size().1);
    }
    println!("{} pictures in {}", pictures.len(), folder.display());
    Ok(())
}

fn line(title: &str, subtitle: &str, labels: &[String], panes: Vec<Pane>) -> Picture {
    Picture::Line(Line {
        title: title.into(),
        subtitle: format!("SYNTHETIC data. {subtitle}"),
        labels: labels.to_vec(),
        panes,
        marks: Vec::new(),
    })
}

fn equity(days: &[String], own: &[f64], market: &[f64]) -> Picture {
    let (curve, beside) = (equity_curve(own), equity_curve(market));
    let fall = Trace::line("twelve shares", &drawdown::underwater(&curve)).drawn(Form::Area);
    let growth = vec![Trace::line("twelve shares", &curve), Trace::line("SPY", &beside)];
    let panes = vec![
        Pane { y_label: "value of 1".into(), traces: growth, ..Pane::default() },
        Pane { y_label: "drawdown".into(), unit: Unit::Percent, traces: vec![fall], ..Pane::default() },
    ];
    line("Growth of 1 and its falls", "Equal weights, traded back every day, before costs", days, panes)
}

fn rolling_sharpe(days: &[String], own: &[f64], market: &[f64]) -> Result<Picture, Box<dyn Error>> {
    let trace = |name: &str, returns: &[f64]| -> Result<Trace, Box<dyn Error>> {
        let values = rolling::sharpe(returns, HALF_YEAR, 252.0, &RiskFree::default())?;
        Ok(Trace { values: values[HALF_YEAR - 1..].to_vec(), ..Trace::line(name, &[]) })
    };
    let traces = vec![trace("twelve shares", own)?, trace("SPY", market)?];
    let pane = Pane { y_label: "Sharpe ratio".into(), traces, levels: vec![0.0], ..Pane::default() };
    Ok(line("Rolling Sharpe ratio", "Of half a year, annual", &days[HALF_YEAR..], vec![pane]))
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
    let subtitle = "SYNTHETIC data. Percent".into();
    Ok(Picture::Months(Months { title: "Returns by month".into(), subtitle, years }))
}

fn correlations(shares: &Panel) -> Result<Picture, Box<dyn Error>> {
    let found = correlation::matrix(shares, correlation::Method::Pearson)?;
    let n = shares.n_symbols();
    let values = (0..n * n).map(|at| found.values[(at / n, at % n)]).collect();
    Ok(Picture::HeatMap(HeatMap {
        title: "Correlation of daily returns".into(),
        subtitle: format!("SYNTHETIC data. Pearson, {} days", shares.n_rows()),
        names: shares.symbols().to_vec(),
        values,
    }))
}

fn scree(shares: &Panel) -> Result<Picture, Box<dyn Error>> {
    let fitted = pca::fit(shares, &pca::PcaOptions { mode: pca::Mode::Correlation, n_components: None })?;
    Ok(Picture::Scree(Scree {
        title: "Principal components of twelve shares".into(),
        subtitle: format!("SYNTHETIC data. {:.1} effective bets", fitted.effective_bets),
        ratios: fitted.ratio.clone(),
        cumulative: fitted
            .ratio
            .iter()
            .scan(0.0, |sum, ratio| {
                *sum += ratio;
                Some(*sum)
            })
            .collect(),
    }))
}

/// The spread of KO on PEP, and its z-score against the last two months.
fn spread(prices: &Panel, days: &[String]) -> Result<Picture, Box<dyn Error>> {
    let logs = returns::log_prices(prices)?;
    let test = engle_granger::pair(&logs, "KO", "PEP", &Default::default())?.forward;
    let (ko, pep) = (logs.column_of("KO")?, logs.column_of("PEP")?);
    let values: Vec<f64> = ko.iter().zip(pep).map(|(y, x)| y - test.slopes[0] * x).collect();
    let centre = values.iter().sum::<f64>() / values.len() as f64;
    let values: Vec<f64> = values.iter().map(|value| value - centre).collect();
    let z = |row: usize| {
        let past = &values[row + 1 - LOOKBACK..=row];
        let mean = past.iter().sum::<f64>() / LOOKBACK as f64;
        let variance = past.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (LOOKBACK - 1) as f64;
        (values[row] - mean) / variance.sqrt()
    };
    let z: Vec<Option<f64>> = (0..values.len()).map(|row| (LOOKBACK <= row + 1).then(|| z(row))).collect();
    let bands = vec![Some((0.0, test.residual_std)); values.len()];
    let panes = vec![
        Pane { y_label: "log price".into(), traces: vec![Trace::line("KO on PEP", &values)], bands, ..Pane::default() },
        Pane {
            y_label: "z".into(),
            traces: vec![Trace { values: z, ..Trace::line("z of 60 days", &[]) }],
            levels: vec![-2.0, 2.0],
            ..Pane::default()
        },
    ];
    let subtitle = format!("ln KO less {:.3} ln PEP, bands of 1 and 2 standard deviations", test.slopes[0]);
    Ok(line("Spread of KO and PEP", &subtitle, days, panes))
}

/// How much of a portfolio that follows the trend of each share is held long: above its mean of half a year or not.
fn exposure(prices: &Panel, days: &[String]) -> Result<Picture, Box<dyn Error>> {
    let mut held = vec![0.0; prices.n_rows()];
    for name in NAMES {
        let column = prices.column_of(name)?;
        for row in HALF_YEAR..column.len() {
            let mean = column[row - HALF_YEAR..row].iter().sum::<f64>() / HALF_YEAR as f64;
            held[row] += if mean < column[row] { 1.0 / NAMES.len() as f64 } else { 0.0 };
        }
    }
    let trace = Trace::line("long", &held[HALF_YEAR..]).drawn(Form::Area);
    let pane = Pane { y_label: "share of value".into(), unit: Unit::Percent, traces: vec![trace], ..Pane::default() };
    Ok(line("Exposure", "Shares above their mean of half a year, alike", &days[HALF_YEAR..], vec![pane]))
}
