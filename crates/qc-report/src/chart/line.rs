//! Lines over time: prices, equity.

use super::{Chart, frame::Frame, require_finite, require_length, svg::PALETTE};
use crate::error::Result;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// What it is called.
    pub name: String,
    /// One number for each label.
    pub values: Vec<f64>,
}

/// Lines over the same labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// First line above the picture.
    pub title: String,
    /// Second line, smaller.
    pub subtitle: String,
    /// What the scale measures.
    pub y_label: String,
    /// One label for each point, oldest first.
    pub labels: Vec<String>,
    /// At most seven are told apart by colour.
    pub traces: Vec<Trace>,
}

impl Line {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty), [`Error::Length`](crate::Error::Length),
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn draw(&self) -> Result<Chart> {
        let mut all = Vec::new();
        for trace in &self.traces {
            require_length("a line, one value per label", self.labels.len(), trace.values.len())?;
            all.extend_from_slice(&trace.values);
        }
        require_finite("a line", &all)?;
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut frame = Frame::new(&self.title, &self.subtitle, &self.y_label, self.labels.len(), (low, high), 0.0);
        let colours = PALETTE.iter().cycle();
        for (trace, colour) in self.traces.iter().zip(colours.clone()) {
            let points = frame.points(&trace.values);
            frame.svg.polyline(&points, colour, 1.8);
        }
        if 1 < self.traces.len() {
            let names: Vec<(&str, &str)> =
                self.traces.iter().zip(colours).map(|(trace, colour)| (trace.name.as_str(), *colour)).collect();
            frame.legend(&names);
        }
        frame.labels(&self.labels);
        Ok(frame.svg.finish())
    }
}
