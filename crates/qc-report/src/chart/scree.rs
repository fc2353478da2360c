//! Shares of variance: a bar for each component, a line for their sum.

use super::{
    Chart,
    frame::{Frame, SMALL},
    require_finite,
    svg::{Anchor, INK, PALETTE},
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
}

impl Scree {
    /// Draws it; of more than 30 components the first 30.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty), [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn draw(&self) -> Result<Chart> {
        require_finite("shares of variance", &self.ratios)?;
        let shown: Vec<f64> = self.ratios.iter().take(MOST).map(|ratio| 100.0 * ratio).collect();
        let n = shown.len();
        let mut frame = Frame::new(&self.title, &self.subtitle, "share of variance, percent", n, (0.0, 100.0), 0.0);
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(n);
        let (bars, line) = (PALETTE[0], PALETTE[1]);
        for (i, share) in shown.iter().enumerate() {
            let (x, width) = frame.bar(i);
            let (top, zero) = (frame.y(*share), frame.y(0.0));
            frame.svg.rect((x - 0.5 * width, top), (width, (zero - top).max(0.0)), bars);
            sum += share;
            sums.push((x, frame.y(sum)));
        }
        frame.svg.polyline(&sums, line, 2.0);
        let values_fit = n <= 12;
        for (i, at) in sums.iter().enumerate() {
            frame.svg.dot(*at, 4.0, line);
            if let (true, Some(share)) = (values_fit, shown.get(i)) {
                // The first sum is the first bar: one figure says both. Others stand inside tall bars, above short ones.
                let (x, _) = frame.bar(i);
                let y = frame.y(*share);
                let is_tall = 9.0 < *share;
                let (y, colour) = if is_tall { (y + 18.0, "#ffffff") } else { (y - 6.0, INK) };
                frame.svg.text((x, y), SMALL, Anchor::Middle, colour, &format!("{share:.1}"));
            }
        }
        frame.legend(&[("each component", bars), ("all up to it", line)]);
        let labels: Vec<String> = (1..=n).map(|i| format!("PC{i}")).collect();
        frame.bar_labels(&labels);
        Ok(frame.svg.finish())
    }
}
