//! The charts LEAN draws of every run.

use jiff::Timestamp;
use qc_api::model::{Chart, Point, Series, SeriesKind};
use qc_api::wire::Map;

use super::{Day, Run};

/// All charts, in LEAN's order.
pub(crate) fn of(run: &Run) -> Map<Chart> {
    let percent = 100.0;
    let ratio = |day: &Day| if day.equity == 0.0 { 0.0 } else { day.holdings / day.equity };
    let mut peak = run.start_equity;
    let drawdown = line(run, |day| {
        peak = peak.max(day.equity);
        percent * (day.equity / peak - 1.0)
    });
    let charts = [
        chart("Strategy Equity", [equity(run), series("Return", "%", 1, SeriesKind::Bar, returns(run))]),
        chart("Capacity", [series("Strategy Capacity", "$", 0, SeriesKind::Line, line(run, |day| 20.0 * day.equity))]),
        chart("Drawdown", [series("Equity Drawdown", "%", 0, SeriesKind::Line, drawdown)]),
        chart("Benchmark", [series("Benchmark", "$", 0, SeriesKind::Line, line(run, |day| day.benchmark))]),
        chart(
            "Exposure",
            [
                series("Equity - Long Ratio", "", 0, SeriesKind::Line, line(run, ratio)),
                series("Equity - Short Ratio", "", 0, SeriesKind::Line, line(run, |_| 0.0)),
            ],
        ),
        chart("Assets Sales Volume", sales(run)),
        chart(
            "Portfolio Turnover",
            [series(
                "Portfolio Turnover",
                "%",
                0,
                SeriesKind::Line,
                line(run, |day| percent * day.turnover / day.equity),
            )],
        ),
        chart("Portfolio Margin", margins(run)),
    ];
    charts.into_iter().map(|chart| (chart.name.clone(), chart)).collect()
}

/// At most `count` points of each series between two moments (Unix seconds), spread evenly; the last one stays.
pub(crate) fn sampled(chart: &Chart, count: usize, start: i64, end: i64) -> Chart {
    let mut chart = chart.clone();
    for series in chart.series.values_mut() {
        let inside = |point: &Point| point.x().is_some_and(|x| start as f64 <= x && x <= end as f64);
        series.values.retain(inside);
        let n = series.values.len();
        if count < n {
            let last = n - 1;
            let steps = count.saturating_sub(1).max(1);
            let wanted: Vec<usize> = (0..count).map(|step| last - (count - 1 - step) * last / steps).collect();
            let mut at = 0;
            series.values.retain(|_| {
                at += 1;
                wanted.binary_search(&(at - 1)).is_ok()
            });
        }
    }
    chart
}

fn equity(run: &Run) -> Series {
    let first = run.days.first().map(|day| candle(day.opened, run.start_equity, run.start_equity));
    let values =
        first.into_iter().chain(run.days.iter().map(|day| candle(day.at, day.equity_at_open, day.equity))).collect();
    series("Equity", "$", 0, SeriesKind::Candle, values)
}

/// The portfolio is known at the open and the close; what it was between is not.
fn candle(at: Timestamp, open: f64, close: f64) -> Point {
    let [open, close] = [open, close].map(|value| (value * 1e4).round() / 1e4);
    Point::Candle {
        x: seconds(at),
        open: Some(open),
        high: Some(open.max(close)),
        low: Some(open.min(close)),
        close: Some(close),
    }
}

fn returns(run: &Run) -> Vec<Point> {
    run.days.iter().zip(run.returns()).map(|(day, change)| point(day.at, 100.0 * change)).collect()
}

/// Dollars traded per security up to the end.
fn sales(run: &Run) -> Vec<Series> {
    let end = run.days.last().map(|day| day.at);
    run.assets
        .iter()
        .enumerate()
        .map(|(index, asset)| {
            let traded: f64 = run
                .fills
                .iter()
                .filter(|fill| fill.ticker == index)
                .map(|fill| (fill.quantity * fill.price).abs())
                .sum();
            series(
                asset.listing.ticker,
                "$",
                0,
                SeriesKind::Treemap,
                end.map(|at| point(at, traded)).into_iter().collect(),
            )
        })
        .collect()
}

/// Percent of the portfolio in each security, at each close.
fn margins(run: &Run) -> Vec<Series> {
    run.assets
        .iter()
        .enumerate()
        .map(|(index, asset)| {
            let mut fills = run.fills.iter().filter(|fill| fill.ticker == index).peekable();
            let mut held = 0.0;
            let values = run
                .days
                .iter()
                .enumerate()
                .map(|(at, day)| {
                    while let Some(fill) = fills.next_if(|fill| fill.day <= at) {
                        held += fill.quantity;
                    }
                    let price = asset.prices.bars.get(at).map_or(0.0, |bar| bar.close);
                    point(day.at, 100.0 * held * price / day.equity)
                })
                .collect();
            series(asset.listing.ticker, "%", 0, SeriesKind::StackedArea, values)
        })
        .collect()
}

fn line(run: &Run, mut value: impl FnMut(&Day) -> f64) -> Vec<Point> {
    run.days.iter().map(|day| point(day.at, value(day))).collect()
}

fn point(at: Timestamp, value: f64) -> Point {
    Point::Value { x: seconds(at), y: Some((value * 1e6).round() / 1e6) }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

fn series(name: &str, unit: &str, index: i64, kind: SeriesKind, values: Vec<Point>) -> Series {
    let plain = kind != SeriesKind::Candle;
    Series {
        name: name.to_owned(),
        unit: unit.to_owned(),
        index: Some(index),
        kind: Some(kind),
        values,
        color: plain.then(String::new),
        scatter_marker_symbol: plain.then(|| "none".to_owned()),
        ..Series::default()
    }
}

fn chart(name: &str, series: impl IntoIterator<Item = Series>) -> Chart {
    Chart {
        name: name.to_owned(),
        chart_type: Some(0),
        series: series.into_iter().map(|series| (series.name.clone(), series)).collect(),
        ..Chart::default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::market::Market;
    use crate::run::Plan;

    fn run() -> Run {
        let plan = Plan {
            tickers: vec!["KO".into(), "IBM".into()],
            first: date(2023, 1, 3),
            last: date(2023, 12, 29),
            cash: 10_000.0,
            rebalances_monthly: false,
            emits_insights: false,
            invested: 1.0,
        };
        Run::of(plan, &Market::new(7))
    }

    #[test]
    fn the_default_charts_are_there() {
        let charts = of(&run());
        for name in [
            "Strategy Equity",
            "Capacity",
            "Drawdown",
            "Benchmark",
            "Exposure",
            "Assets Sales Volume",
            "Portfolio Turnover",
            "Portfolio Margin",
        ] {
            assert!(charts.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_equity_chart_begins_with_the_cash_and_ends_with_the_equity() {
        let run = run();
        let charts = of(&run);
        let points = &charts["Strategy Equity"].series["Equity"].values;
        assert_eq!(points.len(), run.days.len() + 1);
        assert_eq!(points[0].value(), Some(10_000.0));
        assert!((points.last().unwrap().value().unwrap() - run.end_equity()).abs() < 1e-4);
    }

    #[test]
    fn a_sample_has_as_many_points_as_asked_and_keeps_the_last() {
        let charts = of(&run());
        let whole = &charts["Benchmark"];
        let sample = sampled(whole, 10, 0, i64::MAX);
        let (points, all) = (&sample.series["Benchmark"].values, &whole.series["Benchmark"].values);
        assert_eq!((points.len(), points.last()), (10, all.last()));
        let (first, second) = (all[0].x().unwrap() as i64, all[1].x().unwrap() as i64);
        assert_eq!(sampled(whole, 10, first, second).series["Benchmark"].values.len(), 2);
    }
}
