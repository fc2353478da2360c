//! SVG to PNG with the one font of this crate: nothing of the machine's fonts or files is read.

use std::sync::{Arc, LazyLock};

use resvg::{tiny_skia::Pixmap, usvg};

use crate::error::{Error, Result};

/// Latin, Greek and a few signs of DejaVu Sans 2.37; licence beside it.
static FONT: &[u8] = include_bytes!("../../fonts/DejaVuSans-subset.ttf");

/// Read when the first picture is rendered.
static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(super::svg::FONT);
    Arc::new(fonts)
});

/// A picture as what is drawn, whatever draws it.
pub(crate) fn tree(svg: &str) -> Result<usvg::Tree> {
    let options = usvg::Options {
        fontdb: FONTS.clone(),
        font_family: super::svg::FONT.to_owned(),
        resources_dir: None,
        ..usvg::Options::default()
    };
    usvg::Tree::from_str(svg, &options).map_err(|error| Error::Picture { reason: error.to_string() })
}

/// Renders at the picture's own size.
pub(crate) fn render(svg: &str) -> Result<Vec<u8>> {
    let failed = |reason: String| Error::Picture { reason };
    let tree = tree(svg)?;
    let size = tree.size().to_int_size();
    let mut pixels =
        Pixmap::new(size.width(), size.height()).ok_or_else(|| failed("the picture has no size".to_owned()))?;
    resvg::render(&tree, usvg::Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(error.to_string()))
}
