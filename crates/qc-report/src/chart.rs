//! Pictures of results: a line, a heat map, a scree, a spread with its bands.
//!
//! Every picture is one SVG text; [`Chart::png`] renders that same text with one font that is part of the program, so
//! that a picture looks alike on every machine. Colours are those of Okabe and Ito (2008), which people with colour
//! blindness tell apart; the heat map runs from orange over white to blue.

mod frame;
mod heat_map;
mod line;
mod png;
mod scree;
mod spread;
mod svg;

pub use heat_map::HeatMap;
pub use line::{Line, Trace};
pub use scree::Scree;
pub use spread::Spread;

use crate::error::{Error, Result};

/// Width of every picture, in pixels.
pub const WIDTH: u32 = 960;
/// Height of every picture but large heat maps, in pixels.
pub const HEIGHT: u32 = 540;

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    svg: String,
}

impl Chart {
    /// The picture as SVG: no script, no reference to anything outside.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The same picture as PNG.
    ///
    /// # Errors
    /// [`Error::Picture`] if the renderer refuses it.
    pub fn png(&self) -> Result<Vec<u8>> {
        png::render(&self.svg)
    }
}

/// Refuses numbers that cannot be drawn, and nothing at all.
fn require_finite(what: &'static str, values: &[f64]) -> Result<()> {
    if values.is_empty() {
        return Err(Error::Empty { what });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(row) => Err(Error::NotFinite { what, row }),
        None => Ok(()),
    }
}

fn require_length(what: &'static str, needed: usize, found: usize) -> Result<()> {
    if needed == found { Ok(()) } else { Err(Error::Length { what, needed, found }) }
}
