//! Pages as PDF: each is drawn from its SVG, text stays text, the font is part of the file.

use krilla::{Document, geom::Size, metadata::Metadata, page::PageSettings};
use krilla_svg::{SurfaceExt, SvgSettings};

use crate::{
    chart::{Chart, png},
    error::{Error, Result},
};

/// A4 in points.
const A4: (f32, f32) = (595.28, 841.89);

pub(super) fn render(title: &str, pages: &[Chart]) -> Result<Vec<u8>> {
    let refused = |reason: &str| Error::Picture { reason: reason.to_owned() };
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(title.to_owned()).creator("quantconnect-mcp".to_owned()));
    for page in pages {
        let tree = png::tree(page.svg())?;
        let settings = PageSettings::from_wh(A4.0, A4.1).ok_or_else(|| refused("a page has no size"))?;
        let size = Size::from_wh(A4.0, A4.1).ok_or_else(|| refused("a page has no size"))?;
        let mut sheet = document.start_page_with(settings);
        let mut surface = sheet.surface();
        surface.draw_svg(&tree, size, SvgSettings::default()).ok_or_else(|| refused("a page cannot be drawn"))?;
        surface.finish();
        sheet.finish();
    }
    document.finish().map_err(|error| Error::Picture { reason: format!("{error:?}") })
}
