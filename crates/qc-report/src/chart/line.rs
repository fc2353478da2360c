//! Lines over time, in one or more areas above each other: prices, equity and its falls, a spread in its bands.

use super::{
    Chart, HEIGHT, WIDTH,
    frame::{Frame, SMALL, Unit, heading},
    svg::{Anchor, FAINT, INK, PALETTE, Svg, fitted},
};
use crate::error::{Error, Result};

/// Edges of the space for all areas.
const TOP: f64 = 96.0;
const BOTTOM: f64 = HEIGHT as f64 - 48.0;
/// Space between two areas; a legend stands in it.
const BETWEEN: f64 = 34.0;
/// Space for the names of bands on the right.
const BAND_NAMES: f64 = 44.0;

/// How the values of a trace are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A line through all known values.
    #[default]
    Line,
    /// A dot for each.
    Dots,
    /// A bar from zero for each.
    Bars,
    /// A line with the space to zero filled.
    Area,
}

/// Values under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// What they are called.
    pub name: String,
    /// One for each label; `None` where there is none.
    pub values: Vec<Option<f64>>,
    /// How they are drawn.
    pub form: Form,
}

impl Trace {
    /// A line with a value for each label.
    pub fn line(name: impl Into<String>, values: &[f64]) -> Self {
        Trace { name: name.into(), values: values.iter().copied().map(Some).collect(), form: Form::Line }
    }

    /// The same values in another form.
    #[must_use]
    pub fn drawn(self, form: Form) -> Self {
        Trace { form, ..self }
    }
}

/// An area with a scale of its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pane {
    /// What the scale measures.
    pub y_label: String,
    /// How its numbers are written.
    pub unit: Unit,
    /// Seven are told apart by colour.
    pub traces: Vec<Trace>,
    /// Where the first trace is expected, for each label: centre and standard deviation.
    pub bands: Vec<Option<(f64, f64)>>,
    /// Values marked by a dashed line through the whole area.
    pub levels: Vec<f64>,
}

/// A moment marked by an upright line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Index of the label.
    pub row: usize,
    /// A few words.
    pub text: String,
}

/// Areas over the same labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// First line above the picture.
    pub title: String,
    /// Second line, smaller.
    pub subtitle: String,
    /// One label for each point, oldest first.
    pub labels: Vec<String>,
    /// From above; the first is the largest.
    pub panes: Vec<Pane>,
    /// Moments of note.
    pub marks: Vec<Mark>,
}

impl Line {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`], [`Error::NotFinite`].
    pub fn draw(&self) -> Result<Chart> {
        let n = self.labels.len();
        if self.panes.is_empty() || n == 0 {
            return Err(Error::Empty { what: "a line" });
        }
        let mut svg = Svg::new(f64::from(WIDTH), f64::from(HEIGHT));
        heading(&mut svg, f64::from(WIDTH), &self.title, &self.subtitle);
        let mut frames = Vec::with_capacity(self.panes.len());
        for (pane, edges) in self.panes.iter().zip(edges(self.panes.len())) {
            frames.push(Frame::new(n, pane.range(n)?, edges, pane.unit));
        }
        let left = frames.iter().map(Frame::left).fold(0.0, f64::max);
        let room = if self.panes.iter().any(|pane| !pane.bands.is_empty()) { BAND_NAMES } else { 0.0 };
        let frames: Vec<Frame> = frames.into_iter().map(|frame| frame.between(left, room)).collect();
        for (i, (pane, frame)) in self.panes.iter().zip(&frames).enumerate() {
            frame.scale(&mut svg, &pane.y_label);
            self.mark(&mut svg, frame, i == 0);
            pane.draw(&mut svg, frame);
        }
        if let Some(frame) = frames.last() {
            frame.labels(&mut svg, &self.labels);
        }
        Ok(svg.finish())
    }

    /// Upright lines through an area; their words stand in the first one.
    fn mark(&self, svg: &mut Svg, frame: &Frame, with_words: bool) {
        for mark in self.marks.iter().filter(|mark| mark.row < self.labels.len()) {
            let x = frame.x(mark.row);
            svg.dashed(&[(x, frame.top()), (x, frame.bottom())], INK, 1.2);
            if with_words {
                // Words stay inside the picture: to the left of a line in the right half.
                let is_right = 0.5 * (frame.left() + frame.right()) < x;
                let (at, anchor) = if is_right { (x - 6.0, Anchor::End) } else { (x + 6.0, Anchor::Start) };
                svg.text((at, frame.top() + 14.0), SMALL, anchor, INK, &fitted(&mark.text, SMALL, 320.0));
            }
        }
    }
}

/// Top and bottom of each of `n` areas: the first takes three fifths beside one other, half beside more.
fn edges(n: usize) -> Vec<(f64, f64)> {
    let space = BOTTOM - TOP - BETWEEN * n.saturating_sub(1) as f64;
    let first = match n {
        1 => space,
        2 => 0.62 * space,
        _ => 0.46 * space,
    };
    let other = (space - first) / n.saturating_sub(1).max(1) as f64;
    let mut top = TOP;
    (0..n)
        .map(|i| {
            let bottom = top + if i == 0 { first } else { other };
            let edge = (top, bottom);
            top = bottom + BETWEEN;
            edge
        })
        .collect()
}

impl Pane {
    /// Smallest and largest of what is drawn, after checking it.
    fn range(&self, n: usize) -> Result<(f64, f64)> {
        let what = "a line, one value per label";
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for trace in &self.traces {
            if trace.values.len() != n {
                return Err(Error::Length { what, needed: n, found: trace.values.len() });
            }
            for (row, value) in trace.values.iter().enumerate().filter_map(|(row, value)| Some((row, (*value)?))) {
                if !value.is_finite() {
                    return Err(Error::NotFinite { what: "a line", row });
                }
                (low, high) = (low.min(value), high.max(value));
            }
            if matches!(trace.form, Form::Bars | Form::Area) {
                (low, high) = (low.min(0.0), high.max(0.0));
            }
        }
        if high < low {
            return Err(Error::Empty { what: "a line" });
        }
        if !self.bands.is_empty() && self.bands.len() != n {
            return Err(Error::Length { what: "a band, one pair per label", needed: n, found: self.bands.len() });
        }
        for (row, (centre, deviation)) in self.bands.iter().enumerate().filter_map(|(row, band)| Some((row, (*band)?)))
        {
            if !(centre.is_finite() && deviation.is_finite()) {
                return Err(Error::NotFinite { what: "a band", row });
            }
        }
        let most = 0.6 * (high - low);
        let (floor, ceiling) = (low - most, high + most);
        // The scale follows the values; bands far outside (the first of a filter) are cut off.
        for (centre, deviation) in self.bands.iter().flatten() {
            low = low.min((centre - 2.2 * deviation).max(floor));
            high = high.max((centre + 2.2 * deviation).min(ceiling));
        }
        for level in self.levels.iter().filter(|level| level.is_finite()) {
            (low, high) = (low.min(*level), high.max(*level));
        }
        // The last band is what stands now: all of it is shown.
        if let Some((centre, deviation)) = self.bands.iter().rev().find_map(|band| *band) {
            (low, high) = (low.min(centre - 2.2 * deviation), high.max(centre + 2.2 * deviation));
        }
        Ok((low, high))
    }

    fn draw(&self, svg: &mut Svg, frame: &Frame) {
        self.draw_bands(svg, frame);
        for level in &self.levels {
            let y = frame.y(*level);
            svg.dashed(&[(frame.left(), y), (frame.right(), y)], PALETTE[1], 1.2);
        }
        for (trace, colour) in self.traces.iter().zip(PALETTE.iter().cycle()) {
            let points = frame.points(&trace.values);
            match trace.form {
                Form::Dots => points.iter().for_each(|at| svg.dot(*at, 3.0, colour)),
                Form::Bars => {
                    let width = (0.7 * frame.bar(0).1).clamp(1.0, 24.0);
                    let zero = frame.y(0.0);
                    for (x, y) in &points {
                        svg.rect((x - 0.5 * width, y.min(zero)), (width, (y - zero).abs().max(0.5)), colour);
                    }
                }
                Form::Area | Form::Line => {
                    if let (Form::Area, [first, .., last]) = (trace.form, points.as_slice()) {
                        let zero = frame.y(0.0);
                        let mut around = vec![(first.0, zero)];
                        around.extend_from_slice(&points);
                        around.push((last.0, zero));
                        svg.area(&around, colour, 0.25);
                    }
                    match points.as_slice() {
                        [only] => svg.dot(*only, 4.0, colour),
                        _ => svg.polyline(&points, colour, 1.6),
                    }
                }
            }
        }
        if 1 < self.traces.len() || !self.bands.is_empty() {
            let names: Vec<(&str, &str)> =
                self.traces.iter().zip(PALETTE.iter().cycle()).map(|(t, colour)| (t.name.as_str(), *colour)).collect();
            frame.legend(svg, &names);
        }
    }

    /// One standard deviation around the centre filled, two dashed, and their names at the last of them.
    fn draw_bands(&self, svg: &mut Svg, frame: &Frame) {
        let Some((centre, deviation)) = self.bands.iter().rev().find_map(|band| *band) else { return };
        let line = |z: f64| -> Vec<(f64, f64)> {
            let of = |band: &Option<(f64, f64)>| band.map(|(c, s)| c + z * s);
            let values: Vec<Option<f64>> = self.bands.iter().map(of).collect();
            let inside = |(x, y): (f64, f64)| (x, y.clamp(frame.top(), frame.bottom()));
            frame.points(&values).into_iter().map(inside).collect()
        };
        let mut inner = line(1.0);
        inner.extend(line(-1.0).into_iter().rev());
        svg.area(&inner, PALETTE[5], 0.25);
        for z in [-2.0, 2.0] {
            svg.dashed(&line(z), PALETTE[1], 1.4);
        }
        svg.polyline(&line(0.0), FAINT, 1.0);
        if (frame.y(centre + deviation) - frame.y(centre)).abs() < 13.0 {
            // Too narrow for five names: the outer two say it.
            for (z, name) in [(-2.0, "−2σ"), (2.0, "+2σ")] {
                let y = frame.y(centre + z * deviation) + 4.5 - 3.0 * z;
                svg.text((frame.right() + 8.0, y), SMALL, Anchor::Start, INK, name);
            }
            return;
        }
        for (z, name) in [(-2.0, "−2σ"), (-1.0, "−1σ"), (0.0, "mean"), (1.0, "+1σ"), (2.0, "+2σ")] {
            let y = frame.y(centre + z * deviation) + 4.5;
            svg.text((frame.right() + 8.0, y), SMALL, Anchor::Start, INK, name);
        }
    }
}
