//! What answers draw: the curves of accounts with their falls, spreads in their bands. The numbers are those of the
//! answer; nothing is estimated here.

use qc_quant::{Index, performance::drawdown};
use qc_report::chart::{Form, Line, Pane, Picture, Trace, Unit};

use super::label;

/// Most lines of one picture: more are not told apart.
pub(super) const MOST_LINES: usize = 7;

/// Labels of all rows as they stand below a picture.
pub(super) fn labels(index: &Index) -> Vec<String> {
    (0..index.len()).map(|row| short(&label(index.label(row)))).collect()
}

/// A moment without what nobody reads below an axis: `2020-01-02T21:00:00Z` is `2020-01-02 21:00`.
pub(super) fn short(label: &str) -> String {
    match label.split_once('T') {
        Some((day, time)) => format!("{day} {}", time.get(..5).unwrap_or(time)),
        None => label.to_owned(),
    }
}

/// The line below a title: the last one of a summary. That data is synthetic stands first, where nothing cuts it off.
pub(crate) fn below(summary: &str) -> String {
    const SYNTHETIC: &str = " SYNTHETIC data";
    let line = summary.lines().last().unwrap_or_default();
    match line.split_once(SYNTHETIC) {
        Some((before, _)) => format!("{}. {before}", SYNTHETIC.trim_start()),
        None => line.to_owned(),
    }
}

/// As [`below`], with the returns that the curves lack in front: those beside rows that were left out, which no figure of
/// the sample may hold.
pub(super) fn below_sample(summary: &str, n_prices: usize, n_returns: usize) -> String {
    let line = below(summary);
    match n_prices.saturating_sub(1 + n_returns) {
        0 => line,
        n => format!("{n} return(s) beside left-out rows are not in the curves. {line}"),
    }
}

/// Curves of values that start at 1, and below them how far the first is from its peak.
pub(super) fn growth(title: String, subtitle: String, labels: Vec<String>, curves: &[(&str, &[f64])]) -> Line {
    let traces = curves.iter().take(MOST_LINES).map(|(name, curve)| Trace::line(*name, curve)).collect();
    let mut panes = vec![Pane { y_label: "value of 1".to_owned(), traces, ..Pane::default() }];
    if let Some((name, first)) = curves.first() {
        let fall = Trace::line(*name, &drawdown::underwater(first)).drawn(Form::Area);
        panes.push(Pane { y_label: "drawdown".to_owned(), unit: Unit::Percent, traces: vec![fall], ..Pane::default() });
    }
    Line { title, subtitle, labels, panes, marks: Vec::new() }
}

/// A series with bands of one and two standard deviations around its centre.
pub(super) fn banded(name: &str, y_label: &str, values: &[f64], bands: Vec<Option<(f64, f64)>>) -> Pane {
    Pane { y_label: y_label.to_owned(), traces: vec![Trace::line(name, values)], bands, ..Pane::default() }
}

/// The prediction errors of a filter in their bands, from the row on where the first guess no longer rules them: it is so
/// wide that nothing else would be seen.
pub(super) fn errors(name: &str, y_label: &str, errors: &[f64], variances: &[f64]) -> Pane {
    /// Deviations beyond this multiple of the last one are those of the first guess.
    const SETTLED: f64 = 5.0;
    let last = variances.last().copied().unwrap_or_default().sqrt();
    let from = variances.iter().position(|variance| variance.sqrt() <= SETTLED * last).unwrap_or(0);
    let values = errors.iter().enumerate().map(|(row, error)| (from <= row).then_some(*error)).collect();
    let bands = variances.iter().enumerate().map(|(row, v)| (from <= row).then(|| (0.0, v.sqrt()))).collect();
    let trace = Trace { name: name.to_owned(), values, form: Form::Line };
    Pane { y_label: y_label.to_owned(), traces: vec![trace], bands, ..Pane::default() }
}

/// A picture of one area.
pub(super) fn alone(title: String, subtitle: String, labels: Vec<String>, pane: Pane) -> Picture {
    Picture::Line(Line { title, subtitle, labels, panes: vec![pane], marks: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_that_lack_returns_say_so() {
        let summary = "two lines\n250 simple returns. SYNTHETIC data.";
        assert_eq!(below_sample(summary, 251, 250), below(summary));
        assert!(below_sample(summary, 251, 240).starts_with("10 return(s) beside left-out rows"));
    }
}
