//! A matrix of correlations as colours: orange below zero, blue above, white at zero.

use super::{
    Chart, HEIGHT, WIDTH,
    frame::{SMALL, heading},
    require_finite, require_length,
    svg::{Anchor, FAINT, GRID, INK, ON_COLOUR, Svg, fitted, width_of},
};
use crate::error::{Error, Result};

/// Most names of one picture; cells of more would be smaller than their names.
const MOST_NAMES: usize = 100;
/// Names up to which numbers stand in the cells.
const NUMBERS: usize = 14;
/// Ends of the scale: Okabe and Ito's vermilion and blue.
const BELOW: [f64; 3] = [213.0, 94.0, 0.0];
const ABOVE: [f64; 3] = [0.0, 114.0, 178.0];

/// Correlations of all pairs of names.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// First line above the picture.
    pub title: String,
    /// Second line, smaller.
    pub subtitle: String,
    /// Names of rows and columns.
    pub names: Vec<String>,
    /// Rows one after the other, between -1 and 1.
    pub values: Vec<f64>,
}

impl HeatMap {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`], [`Error::NotFinite`], [`Error::TooMany`] beyond 100 names.
    pub fn draw(&self) -> Result<Chart> {
        let n = self.names.len();
        require_finite("correlations", &self.values)?;
        require_length("correlations, a square", n * n, self.values.len())?;
        if MOST_NAMES < n {
            return Err(Error::TooMany { what: "names of a heat map", limit: MOST_NAMES, found: n });
        }
        const TOP: f64 = 84.0;
        const LEGEND: f64 = 96.0;
        let (width, height) = (f64::from(WIDTH), f64::from(HEIGHT) + 220.0);
        let label = self.names.iter().map(|name| width_of(name, SMALL)).fold(24.0, f64::max).min(120.0);
        // Names stand upright below the columns where they are wider than a cell.
        let cell = ((width - 24.0 - label - LEGEND - 20.0) / n as f64).min((height - TOP - label - 30.0) / n as f64);
        // Whole pixels: edges stay sharp, and the picture small.
        let cell = if 3.0 <= cell { cell.floor() } else { cell };
        let (left, side) = ((24.0 + label + 8.0).round(), cell * n as f64);
        let width = left + side + LEGEND + 24.0;
        let mut svg = Svg::new(width, height);
        heading(&mut svg, width, &self.title, &self.subtitle);
        let every = (15.0 / cell).ceil().max(1.0) as usize;
        let is_wide = self.names.iter().all(|name| width_of(name, SMALL) + 6.0 <= cell);
        for (row, line) in self.values.chunks(n).enumerate() {
            let y = TOP + row as f64 * cell;
            for (column, value) in line.iter().enumerate() {
                let x = left + column as f64 * cell;
                svg.rect((x, y), (cell, cell), &colour(*value));
                if n <= NUMBERS {
                    let dark = if *value < 0.0 { 0.85 } else { 0.65 };
                    let ink = if value.abs() < dark { ON_COLOUR } else { "#ffffff" };
                    let size = SMALL.min(0.3 * cell);
                    svg.text((x + 0.5 * cell, y + 0.5 * cell + 0.35 * size), size, Anchor::Middle, ink, &two(*value));
                }
            }
        }
        // Without an edge a white cell would not end.
        let (right, bottom) = (left + side, TOP + side);
        for (from, to) in [
            ((left, TOP), (right, TOP)),
            ((left, bottom), (right, bottom)),
            ((left, TOP), (left, bottom)),
            ((right, TOP), (right, bottom)),
        ] {
            svg.line(from, to, GRID, 1.0);
        }
        for (i, name) in self.names.iter().enumerate().step_by(every) {
            let (short, middle) = (fitted(name, SMALL, label), (i as f64 + 0.5) * cell);
            svg.text((left - 8.0, TOP + middle + 4.5), SMALL, Anchor::End, INK, &short);
            if is_wide {
                svg.text((left + middle, TOP + side + 18.0), SMALL, Anchor::Middle, INK, &short);
            } else {
                svg.upright((left + middle + 4.5, TOP + side + 8.0), SMALL, Anchor::End, INK, &short);
            }
        }
        let (x, steps, tall) = (left + side + 24.0, 40, side.min(320.0));
        for step in 0..steps {
            let value = 1.0 - 2.0 * f64::from(step) / f64::from(steps - 1);
            let each = tall / f64::from(steps);
            svg.rect((x, TOP + f64::from(step) * each), (16.0, each + 0.3), &colour(value));
        }
        for (value, name) in [(1.0, "+1"), (0.5, "+0.5"), (0.0, "0"), (-0.5, "−0.5"), (-1.0, "−1")] {
            let y = TOP + (1.0 - value) / 2.0 * (tall - 8.0) + 9.0;
            svg.text((x + 22.0, y), SMALL, Anchor::Start, FAINT, name);
        }
        Ok(svg.finish())
    }
}

/// A correlation with two decimals, without a needless nought.
fn two(value: f64) -> String {
    let text = format!("{value:.2}").replace('-', "−");
    if text == "−0.00" { "0.00".to_owned() } else { text }
}

pub(super) fn colour(value: f64) -> String {
    let share = value.abs().min(1.0);
    let end = if value < 0.0 { BELOW } else { ABOVE };
    let [r, g, b] = end.map(|part| (255.0 + share * (part - 255.0)).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}
