//! Pictures of results: lines (equity, a spread with its bands), a heat map, a scree, a
//! calendar of returns.
//!
//! Every picture is one SVG text; [`Chart::png`] renders that same text with one font that is part of the program, so
//! that a picture looks alike on every machine. Colours are those of Okabe and Ito (2008), which people with colour
//! blindness tell apart; the heat map runs from orange over white to blue.

mod frame;
mod heat_map;
mod line;
mod months;
pub(crate) mod png;
mod scree;
pub(crate) mod svg;

pub use frame::Unit;
pub(crate) use frame::grouped;
pub use heat_map::HeatMap;
pub use line::{Form, Line, Mark, Pane, Trace};
pub use months::{Months, Year};
pub use scree::Scree;

use crate::error::{Error, Result};

/// Width of every picture, in pixels.
pub const WIDTH: u32 = 960;
/// Height of every picture but large heat maps, in pixels.
pub const HEIGHT: u32 = 540;

/// What is to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Lines over time.
    Line(Line),
    /// A matrix as colours.
    HeatMap(HeatMap),
    /// Shares of variance.
    Scree(Scree),
    /// A calendar of returns.
    Months(Months),
}

impl Picture {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`], [`Error::NotFinite`], [`Error::TooMany`].
    pub fn draw(&self) -> Result<Chart> {
        match self {
            Picture::Line(line) => line.draw(),
            Picture::HeatMap(map) => map.draw(),
            Picture::Scree(scree) => scree.draw(),
            Picture::Months(months) => months.draw(),
        }
    }

    /// Its first line.
    pub fn title(&self) -> &str {
        match self {
            Picture::Line(line) => &line.title,
            Picture::HeatMap(map) => &map.title,
            Picture::Scree(scree) => &scree.title,
            Picture::Months(months) => &months.title,
        }
    }
}

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    svg: String,
    width: u32,
    height: u32,
}

impl Chart {
    /// The picture as SVG: no script, no reference to anything outside.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Width and height, in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// What stands between the tags of the outermost element.
    pub(crate) fn body(&self) -> &str {
        let inside = self.svg.split_once('>').map_or("", |(_, inside)| inside);
        inside.strip_suffix("</svg>").unwrap_or(inside)
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
