//! Shares of variance: a bar for each component, a line for their sum.

use super::{
    Chart, HEIGHT, WIDTH,
    frame::{Frame, SMALL, Unit, heading},
    require_finite, require_length,
    svg::{Anchor, INK, PALETTE, Svg},
};
use crate::error::Result;

/// Components shown; what comes after them is dust.
const MOST: usize = 30;

/// Shares of variance of principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct Scree {
    /// First line above the picture.
    pub title: String,
    /// Second line, smaller.
    pub subtitle: String,
    /// Fractions of the variance, largest first.
    pub ratios: Vec<f64>,
    /// Their running sums.
    pub cumulative: Vec<f64>,
}

impl Scree {
    /// Draws it; of more than 30 components the first 30.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty), [`Error::Length`](crate::Error::Length),
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn draw(&self) -> Result<Chart> {
        require_finite("shares of variance", &self.ratios)?;
        require_finite("sums of shares of variance", &self.cumulative)?;
        require_length("sums of shares of variance", self.ratios.len(), self.cumulative.len())?;
        let shown: Vec<f64> = self.ratios.iter().take(MOST).copied().collect();
        let n = shown.len();
        let mut svg = Svg::new(f64::from(WIDTH), f64::from(HEIGHT));
        heading(&mut svg, f64::from(WIDTH), &self.title, &self.subtitle);
        let frame = Frame::new(n, (0.0, 1.0), (96.0, f64::from(HEIGHT) - 52.0), Unit::Percent);
        frame.scale(&mut svg, "share of variance");
        let mut sums = Vec::with_capacity(n);
        let (bars, line) = (PALETTE[0], PALETTE[1]);
        for (i, (share, sum)) in shown.iter().zip(&self.cumulative).enumerate() {
            let (x, width) = frame.bar(i);
            let (top, zero) = (frame.y(*share), frame.y(0.0));
            svg.rect((x - 0.5 * width, top), (width, (zero - top).max(0.0)), bars);
            sums.push((x, frame.y(*sum)));
        }
        svg.polyline(&sums, line, 2.0);
        let values_fit = n <= 12;
        for (i, at) in sums.iter().enumerate() {
            svg.dot(*at, 4.0, line);
            if let (true, Some(share)) = (values_fit, shown.get(i)) {
                // The first sum is the first bar: one figure says both. Others stand inside tall bars, above short ones.
                let (x, _) = frame.bar(i);
                let y = frame.y(*share);
                let is_tall = 0.09 < *share;
                let (y, colour) = if is_tall { (y + 18.0, "#ffffff") } else { (y - 6.0, INK) };
                svg.text((x, y), SMALL, Anchor::Middle, colour, &format!("{:.1}", 100.0 * share));
            }
        }
        frame.legend(&mut svg, &[("each component", bars), ("all up to it", line)]);
        let labels: Vec<String> = (1..=n).map(|i| format!("PC{i}")).collect();
        frame.bar_labels(&mut svg, &labels);
        Ok(svg.finish())
    }
}
