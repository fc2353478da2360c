//! What charts with two axes share: title, plot areas with round ticks, labels along the bottom.

use super::{
    WIDTH,
    svg::{Anchor, FAINT, GRID, INK, Svg, fitted, width_of},
};

/// Right edge of every plot area.
const RIGHT: f64 = WIDTH as f64 - 28.0;
/// Sizes of text.
pub(super) const TITLE: f64 = 20.0;
pub(super) const SMALL: f64 = 13.0;
/// Most points of a line; about two for each column of pixels.
const MOST_POINTS: usize = 1600;
/// Room that a mirrored label of the scale takes beside its numbers.
const BESIDE_NUMBERS: f64 = 44.0;

/// How the numbers of a scale are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// As they are.
    #[default]
    Plain,
    /// Fractions as percent.
    Percent,
}

/// A plot area with a scale on its left.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    low: f64,
    high: f64,
    n: usize,
    unit: Unit,
}

/// Title and the line below it.
pub(super) fn heading(svg: &mut Svg, width: f64, title: &str, subtitle: &str) {
    svg.text((24.0, 36.0), TITLE, Anchor::Start, INK, &fitted(title, TITLE, width - 48.0));
    svg.text((24.0, 60.0), SMALL, Anchor::Start, FAINT, &fitted(subtitle, SMALL, width - 48.0));
}

impl Frame {
    /// An area for `n` points between `low` and `high`, from `top` down to `bottom`.
    pub(super) fn new(n: usize, (low, high): (f64, f64), (top, bottom): (f64, f64), unit: Unit) -> Self {
        // A flat line gets room above and below.
        let size = low.abs().max(high.abs());
        let pad = if 1e-9 * size < high - low { 0.04 * (high - low) } else { (0.5 * size).max(1e-6) };
        let mut frame = Frame { left: 0.0, right: RIGHT, top, bottom, low: low - pad, high: high + pad, n, unit };
        let widest = frame.ticks().iter().map(|(_, text)| width_of(text, SMALL)).fold(16.0, f64::max);
        frame.left = widest + BESIDE_NUMBERS;
        frame
    }

    /// The same area with other edges, so that areas above each other share theirs.
    pub(super) fn between(self, left: f64, room: f64) -> Self {
        Frame { left, right: RIGHT - room, ..self }
    }

    pub(super) fn left(&self) -> f64 {
        self.left
    }

    pub(super) fn right(&self) -> f64 {
        self.right
    }

    pub(super) fn top(&self) -> f64 {
        self.top
    }

    pub(super) fn bottom(&self) -> f64 {
        self.bottom
    }

    /// The numbers of the scale: where, and how they are written.
    fn ticks(&self) -> Vec<(f64, String)> {
        let most = ((self.bottom - self.top) / 36.0).floor().clamp(4.0, 8.0);
        let factor = if self.unit == Unit::Percent { 100.0 } else { 1.0 };
        let ticks = ticks(factor * self.low, factor * self.high, most);
        let step = if let [first, second, ..] = ticks.as_slice() { second - first } else { 1.0 };
        let sign = if self.unit == Unit::Percent { " %" } else { "" };
        ticks.into_iter().map(|value| (value / factor, format!("{}{sign}", number(value, step)))).collect()
    }

    /// Draws grid, numbers and the name of the scale.
    pub(super) fn scale(&self, svg: &mut Svg, y_label: &str) {
        for (value, text) in self.ticks() {
            let y = self.y(value);
            let colour = if value == 0.0 { FAINT } else { GRID };
            svg.line((self.left, y), (self.right, y), colour, 1.0);
            svg.text((self.left - 8.0, y + 4.5), SMALL, Anchor::End, FAINT, &text);
        }
        let name = fitted(y_label, SMALL, self.bottom - self.top + 20.0);
        svg.upright((18.0, 0.5 * (self.top + self.bottom)), SMALL, Anchor::Middle, FAINT, &name);
    }

    pub(super) fn x(&self, point: usize) -> f64 {
        match self.n {
            0 | 1 => 0.5 * (self.left + self.right),
            n => self.left + point as f64 / (n - 1) as f64 * (self.right - self.left),
        }
    }

    /// Middle and width of bar `i` of `n`.
    pub(super) fn bar(&self, i: usize) -> (f64, f64) {
        let slot = (self.right - self.left) / self.n.max(1) as f64;
        (self.left + (i as f64 + 0.5) * slot, (0.7 * slot).min(90.0))
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)
    }

    /// The points of a line: of many rows in one column of pixels, the smallest and largest, so that no peak is lost.
    pub(super) fn points(&self, values: &[Option<f64>]) -> Vec<(f64, f64)> {
        let known: Vec<(usize, f64)> =
            values.iter().enumerate().filter_map(|(row, value)| value.map(|value| (row, value))).collect();
        let at = |(row, value): (usize, f64)| (self.x(row), self.y(value));
        if known.len() <= MOST_POINTS {
            return known.into_iter().map(at).collect();
        }
        let per = known.len().div_ceil(MOST_POINTS / 2);
        let mut points = Vec::with_capacity(MOST_POINTS + 2);
        for rows in known.chunks(per) {
            let low = rows.iter().min_by(|a, b| a.1.total_cmp(&b.1));
            let high = rows.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            let mut both: Vec<(usize, f64)> = low.into_iter().chain(high).copied().collect();
            both.sort_by_key(|(row, _)| *row);
            both.dedup();
            points.extend(both.into_iter().map(at));
        }
        points
    }

    /// As many labels along the bottom as fit without touching.
    pub(super) fn labels(&self, svg: &mut Svg, labels: &[String]) {
        let bottom = self.bottom;
        svg.line((self.left, bottom), (self.right, bottom), INK, 1.0);
        let short: Vec<String> = labels.iter().map(|label| fitted(label, SMALL, 150.0)).collect();
        let widest = short.iter().map(|label| width_of(label, SMALL)).fold(20.0, f64::max);
        let most = (((self.right - self.left) / (widest + 28.0)).floor() as usize).clamp(2, 9);
        let n = short.len();
        let shown = most.min(n);
        for i in 0..shown {
            let at = if shown < 2 { 0 } else { i * (n - 1) / (shown - 1) };
            let x = self.x(at);
            let anchor = match i {
                _ if shown < 2 => Anchor::Middle,
                0 => Anchor::Start,
                i if i + 1 == shown => Anchor::End,
                _ => Anchor::Middle,
            };
            svg.line((x, bottom), (x, bottom + 5.0), INK, 1.0);
            if let Some(label) = short.get(at) {
                svg.text((x, bottom + 22.0), SMALL, anchor, FAINT, label);
            }
        }
    }

    /// Labels below bars, each under its own, as many as fit.
    pub(super) fn bar_labels(&self, svg: &mut Svg, labels: &[String]) {
        svg.line((self.left, self.bottom), (self.right, self.bottom), INK, 1.0);
        let slot = (self.right - self.left) / self.n.max(1) as f64;
        let widest = labels.iter().map(|label| width_of(label, SMALL)).fold(10.0, f64::max);
        let every = ((widest + 10.0) / slot).ceil().max(1.0) as usize;
        for (i, label) in labels.iter().enumerate().step_by(every) {
            let (x, _) = self.bar(i);
            svg.text((x, self.bottom + 22.0), SMALL, Anchor::Middle, FAINT, label);
        }
    }

    /// Names of lines with their colours, above the area.
    pub(super) fn legend(&self, svg: &mut Svg, names: &[(&str, &str)]) {
        /// Room for the words that count the rest.
        const REST: f64 = 100.0;
        // A name alone may take the whole line.
        let most = ((self.right - self.left) / names.len().max(1) as f64 - 44.0).max(180.0);
        let mut x = self.left;
        for (i, (name, colour)) in names.iter().enumerate() {
            let short = fitted(name, SMALL, most);
            let width = width_of(&short, SMALL) + 44.0;
            let is_last = i + 1 == names.len();
            if self.right < x + width + if is_last { 0.0 } else { REST } {
                let left = format!("and {} more", names.len() - i);
                svg.text((x, self.top - 10.0), SMALL, Anchor::Start, FAINT, &left);
                return;
            }
            svg.line((x, self.top - 14.5), (x + 20.0, self.top - 14.5), colour, 3.0);
            svg.text((x + 26.0, self.top - 10.0), SMALL, Anchor::Start, INK, &short);
            x += width;
        }
    }
}

/// Round numbers between `low` and `high`, about `most` of them.
fn ticks(low: f64, high: f64, most: f64) -> Vec<f64> {
    let raw = (high - low) / most;
    if !(0.0 < raw && raw.is_finite()) {
        return vec![low];
    }
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|s| s * power).find(|s| raw <= *s).unwrap_or(10.0 * power);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    // Beyond 2^53 steps from zero the numbers would not differ.
    if !(first.abs() < 9e15 && last.abs() < 9e15) {
        return vec![low, high];
    }
    let (first, last) = (first as i64, last as i64);
    (first..=last.min(first.saturating_add(20))).map(|i| i as f64 * step).collect()
}

/// A number with as many decimals as its step needs, thousands apart, with a real minus sign.
pub(super) fn number(value: f64, step: f64) -> String {
    let text = if value != 0.0 && (value.abs() < 1e-4 || 1e9 <= value.abs()) {
        format!("{value:.2e}")
    } else {
        let decimals = (0..7).find(|d| {
            let scaled = step * 10f64.powi(*d);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0) && 1.0 <= scaled.round()
        });
        let text = format!("{value:.*}", decimals.unwrap_or(6) as usize);
        if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
            text.replace('-', "")
        } else {
            grouped(&text)
        }
    };
    text.replace('-', "−")
}

/// `1234567.5` as `1,234,567.5`; four digits stay together.
pub(crate) fn grouped(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, rest) = digits.find('.').map_or((digits, ""), |dot| digits.split_at(dot));
    if whole.len() <= 4 {
        return text.to_owned();
    }
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if 0 < i && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 1.0, 6.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(number(0.6000000000000001, 0.2), "0.6");
        let of = |value, step| number(value, step);
        assert_eq!((of(-0.0, 0.5), of(250.0, 50.0), of(0.025, 0.025)), ("0.0".into(), "250".into(), "0.025".into()));
        assert_eq!((of(-1_050_000.0, 50_000.0), of(1234.0, 1.0)), ("−1,050,000".into(), "1234".into()));
        assert_eq!(ticks(1.0, 1.0, 6.0).len(), 1);
        assert_eq!(ticks(1e300, 1e300 + 1.5e284, 6.0).len(), 2);
    }

    #[test]
    fn a_peak_of_one_row_among_many_is_drawn() {
        let mut values = vec![Some(0.0); 100_000];
        values[61_234] = Some(1.0);
        let frame = Frame::new(values.len(), (0.0, 1.0), (90.0, 480.0), Unit::Plain);
        let points = frame.points(&values);
        assert!(points.len() <= MOST_POINTS + 2);
        assert!(points.iter().any(|(_, y)| (y - frame.y(1.0)).abs() < 1e-9));
    }

    #[test]
    fn equal_values_have_a_scale_around_them() {
        for value in [0.0, 1.0, -250.0, 1e-12, 1e12] {
            let frame = Frame::new(3, (value, value), (90.0, 480.0), Unit::Plain);
            let y = frame.y(value);
            assert!((frame.top..=frame.bottom).contains(&y) && !frame.ticks().is_empty(), "{value}: {y}");
        }
    }
}
