//! A spread through time with bands of one and two standard deviations around its centre.

use super::{
    Chart,
    frame::{Frame, SMALL},
    require_finite, require_length,
    svg::{Anchor, FAINT, INK, PALETTE},
};
use crate::error::Result;

/// A series and what it is expected to stay within.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// First line above the picture.
    pub title: String,
    /// Second line, smaller.
    pub subtitle: String,
    /// What the scale measures.
    pub y_label: String,
    /// One label for each point, oldest first.
    pub labels: Vec<String>,
    /// The spread.
    pub values: Vec<f64>,
    /// Where it is expected, row by row.
    pub centre: Vec<f64>,
    /// Its standard deviation, row by row.
    pub deviation: Vec<f64>,
}

impl Spread {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty), [`Error::Length`](crate::Error::Length),
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn draw(&self) -> Result<Chart> {
        for (what, values) in
            [("a spread", &self.values), ("its centre", &self.centre), ("its deviation", &self.deviation)]
        {
            require_length(what, self.labels.len(), values.len())?;
            require_finite(what, values)?;
        }
        let band = |z: f64| -> Vec<f64> { self.centre.iter().zip(&self.deviation).map(|(c, s)| c + z * s).collect() };
        // The scale follows the spread and the last band; a filter's wide first bands are cut off.
        let (c, s) = (self.centre.last().copied().unwrap_or(0.0), self.deviation.last().copied().unwrap_or(0.0));
        let low = self.values.iter().copied().fold(c - 2.2 * s, f64::min);
        let high = self.values.iter().copied().fold(c + 2.2 * s, f64::max);
        let n = self.labels.len();
        let mut frame = Frame::new(&self.title, &self.subtitle, &self.y_label, n, (low, high), 44.0);
        let clipped = |frame: &Frame, z: f64| -> Vec<(f64, f64)> {
            let inside: Vec<f64> = band(z).into_iter().map(|value| value.clamp(low, high)).collect();
            frame.points(&inside)
        };
        let mut inner = clipped(&frame, 1.0);
        inner.extend(clipped(&frame, -1.0).into_iter().rev());
        frame.svg.area(&inner, PALETTE[5], 0.22);
        for z in [-2.0, 2.0] {
            let line = clipped(&frame, z);
            frame.svg.dashed(&line, PALETTE[1], 1.4);
        }
        let middle = clipped(&frame, 0.0);
        frame.svg.polyline(&middle, FAINT, 1.0);
        let points = frame.points(&self.values);
        frame.svg.polyline(&points, PALETTE[0], 1.6);
        for (z, name) in [(-2.0, "−2σ"), (-1.0, "−1σ"), (0.0, "0"), (1.0, "+1σ"), (2.0, "+2σ")] {
            let y = frame.y(c + z * s) + 4.5;
            frame.svg.text((frame.right() + 8.0, y), SMALL, Anchor::Start, INK, name);
        }
        frame.labels(&self.labels);
        Ok(frame.svg.finish())
    }
}
