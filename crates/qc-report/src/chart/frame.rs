//! What charts with two axes share: title, plot area, round ticks, labels along the bottom.

use super::{
    HEIGHT, WIDTH,
    svg::{Anchor, FAINT, GRID, INK, Svg, fitted, width_of},
};

/// Edges of the plot area.
const LEFT: f64 = 84.0;
const RIGHT: f64 = WIDTH as f64 - 28.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = HEIGHT as f64 - 52.0;
/// Sizes of text.
pub(super) const TITLE: f64 = 20.0;
pub(super) const SMALL: f64 = 13.0;
/// Most columns of pixels that get a point of their own.
const MOST_POINTS: usize = 1600;

/// A plot area with a scale on its left.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) svg: Svg,
    low: f64,
    high: f64,
    n: usize,
    right: f64,
}

/// Title and the line below it.
pub(super) fn heading(svg: &mut Svg, width: f64, title: &str, subtitle: &str) {
    svg.text((24.0, 36.0), TITLE, Anchor::Start, INK, &fitted(title, TITLE, width - 48.0));
    svg.text((24.0, 60.0), SMALL, Anchor::Start, FAINT, &fitted(subtitle, SMALL, width - 48.0));
}

impl Frame {
    /// A frame for `n` points between `low` and `high`, with `room` pixels left free on the right.
    pub(super) fn new(title: &str, subtitle: &str, y_label: &str, n: usize, range: (f64, f64), room: f64) -> Self {
        let mut svg = Svg::new(f64::from(WIDTH), f64::from(HEIGHT));
        heading(&mut svg, f64::from(WIDTH), title, subtitle);
        let (low, high) = range;
        // A flat line gets room above and below.
        let pad = if low < high { 0.04 * (high - low) } else { 0.5 * low.abs().max(1e-6) };
        let mut frame = Frame { svg, low: low - pad, high: high + pad, n, right: RIGHT - room };
        frame.scale(y_label);
        frame
    }

    fn scale(&mut self, y_label: &str) {
        let ticks = ticks(self.low, self.high);
        let step = match ticks.as_slice() {
            [first, second, ..] => second - first,
            _ => 1.0,
        };
        for value in ticks {
            let y = self.y(value);
            self.svg.line((LEFT, y), (self.right, y), GRID, 1.0);
            self.svg.text((LEFT - 8.0, y + 4.5), SMALL, Anchor::End, FAINT, &number(value, step));
        }
        self.svg.upright((18.0, 0.5 * (TOP + BOTTOM)), SMALL, Anchor::Middle, FAINT, y_label);
    }

    pub(super) fn right(&self) -> f64 {
        self.right
    }

    pub(super) fn x(&self, point: usize) -> f64 {
        let last = self.n.saturating_sub(1).max(1) as f64;
        LEFT + point as f64 / last * (self.right - LEFT)
    }

    /// Middle and width of bar `i` of `n`.
    pub(super) fn bar(&self, i: usize) -> (f64, f64) {
        let slot = (self.right - LEFT) / self.n.max(1) as f64;
        (LEFT + (i as f64 + 0.5) * slot, (0.7 * slot).min(90.0))
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP)
    }

    /// The points of a line: of many rows in one column of pixels, the smallest and largest, so that no peak is lost.
    pub(super) fn points(&self, values: &[f64]) -> Vec<(f64, f64)> {
        let at = |(i, value): (usize, &f64)| (self.x(i), self.y(*value));
        if values.len() <= MOST_POINTS {
            return values.iter().enumerate().map(at).collect();
        }
        let per = values.len().div_ceil(MOST_POINTS / 2);
        let mut points = Vec::with_capacity(MOST_POINTS + 2);
        for (chunk_at, chunk) in values.chunks(per).enumerate() {
            let rows = chunk.iter().enumerate().map(|(i, value)| (chunk_at * per + i, value));
            let low = rows.clone().min_by(|a, b| a.1.total_cmp(b.1));
            let high = rows.max_by(|a, b| a.1.total_cmp(b.1));
            let mut both: Vec<(usize, &f64)> = low.into_iter().chain(high).collect();
            both.sort_by_key(|(row, _)| *row);
            both.dedup();
            points.extend(both.into_iter().map(at));
        }
        points
    }

    /// As many labels along the bottom as fit without touching.
    pub(super) fn labels(&mut self, labels: &[String]) {
        self.svg.line((LEFT, BOTTOM), (self.right, BOTTOM), INK, 1.0);
        let short: Vec<String> = labels.iter().map(|label| fitted(label, SMALL, 150.0)).collect();
        let widest = short.iter().map(|label| width_of(label, SMALL)).fold(20.0, f64::max);
        let most = (((self.right - LEFT) / (widest + 28.0)).floor() as usize).clamp(2, 9);
        let n = short.len();
        let shown = most.min(n);
        for i in 0..shown {
            let at = if shown < 2 { 0 } else { i * (n - 1) / (shown - 1) };
            let x = self.x(at);
            let anchor = match i {
                0 => Anchor::Start,
                i if i + 1 == shown => Anchor::End,
                _ => Anchor::Middle,
            };
            self.svg.line((x, BOTTOM), (x, BOTTOM + 5.0), INK, 1.0);
            if let Some(label) = short.get(at) {
                self.svg.text((x, BOTTOM + 22.0), SMALL, anchor, FAINT, label);
            }
        }
    }

    /// Labels below bars, each under its own, as many as fit.
    pub(super) fn bar_labels(&mut self, labels: &[String]) {
        self.svg.line((LEFT, BOTTOM), (self.right, BOTTOM), INK, 1.0);
        let slot = (self.right - LEFT) / self.n.max(1) as f64;
        let widest = labels.iter().map(|label| width_of(label, SMALL)).fold(10.0, f64::max);
        let every = ((widest + 10.0) / slot).ceil().max(1.0) as usize;
        for (i, label) in labels.iter().enumerate().step_by(every) {
            let (x, _) = self.bar(i);
            self.svg.text((x, BOTTOM + 22.0), SMALL, Anchor::Middle, FAINT, label);
        }
    }

    /// Names of lines with their colours, above the plot.
    pub(super) fn legend(&mut self, names: &[(&str, &str)]) {
        let mut x = LEFT;
        for (i, (name, colour)) in names.iter().enumerate() {
            let short = fitted(name, SMALL, 160.0);
            let width = width_of(&short, SMALL) + 44.0;
            if self.right < x + width && i + 1 < names.len() {
                let left = format!("and {} more", names.len() - i);
                self.svg.text((x, TOP - 10.0), SMALL, Anchor::Start, FAINT, &left);
                return;
            }
            self.svg.line((x, TOP - 14.5), (x + 20.0, TOP - 14.5), colour, 3.0);
            self.svg.text((x + 26.0, TOP - 10.0), SMALL, Anchor::Start, INK, &short);
            x += width;
        }
    }
}

/// Round numbers between `low` and `high`, five to nine of them.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let raw = (high - low) / 6.0;
    if !(0.0 < raw && raw.is_finite()) {
        return vec![low];
    }
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|s| s * power).find(|s| raw <= *s).unwrap_or(10.0 * power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last.min(first.saturating_add(20))).map(|i| i as f64 * step).collect()
}

/// A number with as many decimals as its step needs.
pub(super) fn number(value: f64, step: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-4 || 1e6 <= value.abs()) {
        return format!("{value:.2e}");
    }
    let decimals = (0..6).find(|d| {
        let scaled = step * 10f64.powi(*d);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0) && 1.0 <= scaled.round()
    });
    let text = format!("{value:.*}", decimals.unwrap_or(4) as usize);
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') { text.replace('-', "") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 1.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(number(0.6000000000000001, 0.2), "0.6");
        assert_eq!(
            (number(-0.0, 0.5), number(250.0, 50.0), number(0.025, 0.025)),
            ("0.0".into(), "250".into(), "0.025".into())
        );
        assert!(ticks(1.0, 1.0).len() == 1);
    }

    #[test]
    fn a_peak_of_one_row_among_many_is_drawn() {
        let mut values = vec![0.0; 100_000];
        values[61_234] = 1.0;
        let frame = Frame::new("", "", "", values.len(), (0.0, 1.0), 0.0);
        let points = frame.points(&values);
        assert!(points.len() <= MOST_POINTS + 2);
        assert!(points.iter().any(|(_, y)| (y - frame.y(1.0)).abs() < 1e-9));
    }
}
