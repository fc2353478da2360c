//! A chart of a backtest as a picture: one area for each of its panes, all series over one clock.

use qc_api::model::{Chart, Point, Series, SeriesKind};
use qc_report::chart::{Form, Line, Pane, Picture, Trace};

use crate::{
    error::{Kind, ToolError, Topic},
    reply::Untrusted,
};

/// Areas of one picture.
const MOST_PANES: usize = 4;
/// Seconds beyond which days alone stand below the picture.
const WEEK: i64 = 7 * 86_400;

/// Moments (Unix seconds) with a value each.
type Points = Vec<(i64, f64)>;

/// A picture and what it leaves out.
#[derive(Debug)]
pub(crate) struct Shown {
    /// What is drawn.
    pub(crate) picture: Picture,
    /// How many series.
    pub(crate) drawn: usize,
    /// How many were not: without points over time, or in panes beyond the fourth.
    pub(crate) left_out: usize,
}

/// Arranges the series of a chart.
///
/// # Errors
/// [`Kind::NotFound`] if no series has points over time.
pub(crate) fn arrange(chart: &Chart, subtitle: String) -> Result<Shown, ToolError> {
    let mut series: Vec<(i64, &Series, Points)> = chart
        .series
        .iter()
        .map(|(_, series)| (series.index.unwrap_or(0), series, points(series)))
        .filter(|(_, _, points)| !points.is_empty())
        .collect();
    // Panes in the order of their numbers, series in the service's order within each.
    series.sort_by_key(|(pane, ..)| *pane);
    let mut numbers: Vec<i64> = series.iter().map(|(pane, ..)| *pane).collect();
    numbers.dedup();
    numbers.truncate(MOST_PANES);
    series.retain(|(pane, ..)| numbers.contains(pane));
    if series.is_empty() {
        let message = "the chart has no points over time in that range: nothing can be drawn";
        return Err(ToolError::new(Kind::NotFound, Topic::Chart, message));
    }
    let mut times: Vec<i64> = series.iter().flat_map(|(_, _, points)| points.iter().map(|(at, _)| *at)).collect();
    times.sort_unstable();
    times.dedup();
    let mut panes: Vec<Pane> = Vec::new();
    for number in &numbers {
        let mut pane = Pane::default();
        for (_, series, points) in series.iter().filter(|(pane, ..)| pane == number) {
            let mut values = vec![None; times.len()];
            for (at, value) in points {
                if let Some(slot) = times.binary_search(at).ok().and_then(|row| values.get_mut(row)) {
                    *slot = Some(*value);
                }
            }
            let unit = clean(&series.unit, 8);
            if pane.traces.is_empty() {
                let name = clean(series.index_name.as_deref().unwrap_or(&series.name), 40);
                pane.y_label = if unit.is_empty() { name } else { format!("{name} ({unit})") };
            }
            let form = match series.kind {
                Some(SeriesKind::Scatter | SeriesKind::Flag) => Form::Dots,
                Some(SeriesKind::Bar) => Form::Bars,
                _ => Form::Line,
            };
            pane.traces.push(Trace { name: clean(&series.name, 40), values, form });
        }
        panes.push(pane);
    }
    let span = times.last().zip(times.first()).map_or(0, |(last, first)| last - first);
    let (drawn, all) = (series.len(), chart.series.len());
    let picture = Picture::Line(Line {
        title: clean(&chart.name, 80),
        subtitle,
        labels: times.iter().map(|at| label(*at, WEEK < span)).collect(),
        panes,
        marks: Vec::new(),
    });
    Ok(Shown { picture, drawn, left_out: all - drawn })
}

/// The points that have a moment and a value, oldest first; a candle is its close.
fn points(series: &Series) -> Points {
    let of = |point: &Point| {
        let value = match point {
            Point::Value { y, .. } | Point::Dot { y, .. } => *y,
            Point::Candle { close, .. } => *close,
            Point::Tuple(_) => None,
        };
        let at = point.x().filter(|x| x.is_finite() && x.abs() < 1e11)?;
        Some((at as i64, value.filter(|value| value.is_finite())?))
    };
    let mut points: Points = series.values.iter().filter_map(of).collect();
    points.sort_by_key(|(at, _)| *at);
    points
}

/// A moment as it stands below the picture.
fn label(seconds: i64, days: bool) -> String {
    let Ok(at) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    let text = at.to_string();
    if days {
        text.get(..10).unwrap_or_default().to_owned()
    } else {
        text.get(..16).unwrap_or_default().replace('T', " ")
    }
}

fn clean(text: &str, most: usize) -> String {
    Untrusted::new(text).shortened(most).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, index: i64, kind: SeriesKind, values: Vec<Point>) -> (String, Series) {
        let series =
            Series { name: name.to_owned(), index: Some(index), kind: Some(kind), values, ..Series::default() };
        (name.to_owned(), series)
    }

    #[test]
    fn panes_share_one_clock_and_candles_are_their_closes() {
        let candle = |x: f64, close: f64| Point::Candle { x, open: None, high: None, low: None, close: Some(close) };
        let value = |x: f64, y: f64| Point::Value { x, y: Some(y) };
        let chart = Chart {
            name: "Strategy Equity".to_owned(),
            series: [
                series("Return", 1, SeriesKind::Bar, vec![value(86_400.0, 0.5)]),
                series("Equity", 0, SeriesKind::Candle, vec![candle(86_400.0, 101.0), candle(0.0, 100.0)]),
                series("Share", 0, SeriesKind::Pie, vec![Point::Tuple(vec![Some(1.0)])]),
            ]
            .into_iter()
            .collect(),
            ..Chart::default()
        };
        let shown = arrange(&chart, String::new()).unwrap();
        assert_eq!((shown.drawn, shown.left_out), (2, 1));
        let Picture::Line(line) = shown.picture else { panic!("a line is wanted") };
        assert_eq!(line.labels, ["1970-01-01 00:00", "1970-01-02 00:00"]);
        assert_eq!(line.panes[0].traces[0].values, [Some(100.0), Some(101.0)]);
        assert_eq!(
            (line.panes[1].traces[0].values.clone(), line.panes[1].traces[0].form),
            (vec![None, Some(0.5)], Form::Bars)
        );
    }

    #[test]
    fn a_chart_without_points_is_no_picture() {
        let error = arrange(&Chart::default(), String::new()).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
    }
}
