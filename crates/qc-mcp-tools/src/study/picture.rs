//! How a result becomes a picture: drawn on the pool when the caller asked for one, a PNG in the answer, the same as SVG
//! behind a link or in a file.

use qc_report::chart::Picture;
use serde_json::{Map, Value, json};

use super::Study;
use crate::{
    error::{Kind, ToolError, Topic},
    reply::Reply,
    roots::Format,
};

/// The most bytes of a picture in an answer; a larger one is behind the link alone.
const MOST_BYTES: usize = 150_000;

/// What came of the wish for a picture.
#[derive(Debug)]
pub(super) enum Drawn {
    /// Nobody asked.
    Unasked,
    /// There is none, for this reason.
    Nothing(String),
    /// The picture.
    Done { title: String, size: (u32, u32), svg: String, png: Vec<u8> },
}

/// The kind of picture a file's name asks for.
pub(super) fn format_of(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    match name.rsplit_once('.') {
        Some((_, "svg")) => Some(Format::Svg),
        Some((_, "png")) => Some(Format::Png),
        _ => None,
    }
}

impl Drawn {
    /// The content of a file of that kind.
    ///
    /// # Errors
    /// Without a picture.
    pub(super) fn bytes(&self, format: Format) -> Result<&[u8], ToolError> {
        match self {
            Drawn::Done { svg, .. } if format == Format::Svg => Ok(svg.as_bytes()),
            Drawn::Done { png, .. } => Ok(png),
            Drawn::Nothing(why) => {
                Err(ToolError::new(Kind::InvalidArgument, Topic::Path, format!("there is no picture to save: {why}")))
            }
            Drawn::Unasked => Err(ToolError::new(Kind::Internal, Topic::Path, "a picture was not drawn")),
        }
    }
}

impl Study<'_> {
    /// Whether `save_as` names a picture.
    pub(super) fn wants_picture_file(&self) -> bool {
        self.save_name().and_then(format_of).is_some()
    }

    /// Draws what there is to draw, if the caller asked.
    ///
    /// # Errors
    /// When the request was cancelled.
    pub(super) async fn draw(&self, picture: Option<Picture>) -> Result<Drawn, ToolError> {
        if self.shared.chart != Some(true) && !self.wants_picture_file() {
            return Ok(Drawn::Unasked);
        }
        let Some(picture) = picture else {
            return Ok(Drawn::Nothing("this result has nothing to draw".to_owned()));
        };
        self.desk
            .run(self.caller(), &self.ctx.cancel, move |_| {
                let drawn = picture.draw().and_then(|chart| Ok((chart.png()?, chart)));
                Ok(match drawn {
                    Ok((png, chart)) => Drawn::Done {
                        title: picture.title().to_owned(),
                        size: chart.size(),
                        svg: chart.svg().to_owned(),
                        png,
                    },
                    Err(error) => Drawn::Nothing(error.to_string()),
                })
            })
            .await
    }

    /// Adds the picture to an answer: the PNG beside the text, the SVG behind a link if the result is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn show(&self, reply: Reply, drawn: Drawn, id: Option<&str>) -> Result<Reply, ToolError> {
        if self.shared.chart != Some(true) {
            return Ok(reply);
        }
        let (title, (width, height), svg, png) = match drawn {
            Drawn::Unasked => return Ok(reply),
            Drawn::Nothing(why) => return Ok(reply.field("chart", format!("none: {why}"))),
            Drawn::Done { title, size, svg, png } => (title, size, svg, png),
        };
        let mut facts = Map::new();
        facts.insert("title".into(), json!(title));
        facts.insert("width".into(), json!(width));
        facts.insert("height".into(), json!(height));
        facts.insert("png_bytes".into(), json!(png.len()));
        let uri = match id.map(|id| self.desk.keep_picture(self.caller(), id, &svg)).transpose() {
            Ok(uri) => uri,
            Err(error) if error.kind == Kind::TooLarge => None,
            Err(error) => return Err(error),
        };
        if let Some(uri) = &uri {
            facts.insert("svg".into(), json!(uri));
        }
        let is_small = png.len() <= MOST_BYTES;
        if !is_small {
            facts.insert("left_out".into(), json!(format!("a picture in an answer has at most {MOST_BYTES} bytes")));
        }
        let mut reply = reply.field("chart", Value::Object(facts));
        if is_small {
            reply = reply.picture(png);
        }
        Ok(match uri {
            Some(uri) => reply.link(uri, "chart", "image/svg+xml"),
            None => reply,
        })
    }
}
