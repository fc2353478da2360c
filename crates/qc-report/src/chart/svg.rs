//! Elements of an SVG text; every piece of foreign text is escaped here.

use std::fmt::Write;

use super::Chart;

/// Name of the embedded font.
pub(crate) const FONT: &str = "DejaVu Sans";
/// Text and axes.
pub(crate) const INK: &str = "#222222";
/// Text on a coloured cell: dark on every ground.
pub(super) const ON_COLOUR: &str = "#222223";
/// What stands back: grid, ticks, subtitles.
pub(crate) const FAINT: &str = "#6b6b6b";
/// Lines of the grid.
pub(crate) const GRID: &str = "#e4e4e4";
/// Okabe and Ito's colours, those that stand out on white.
pub(crate) const PALETTE: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/// Where a text is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// A picture under construction.
#[derive(Debug)]
pub(crate) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Svg { body: String::new(), width, height }
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        let _ = write!(
            self.body,
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}" stroke-width="{width}"/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    pub(crate) fn dashed(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        self.path(points, colour, width, r#" stroke-dasharray="6 4""#);
    }

    pub(crate) fn polyline(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        self.path(points, colour, width, "");
    }

    fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64, more: &str) {
        let list: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"{more}/>"#,
            list.join(" ")
        );
    }

    pub(crate) fn area(&mut self, points: &[(f64, f64)], colour: &str, opacity: f64) {
        let list: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(self.body, r#"<polygon points="{}" fill="{colour}" fill-opacity="{opacity}"/>"#, list.join(" "));
    }

    pub(crate) fn rect(&mut self, at: (f64, f64), size: (f64, f64), colour: &str) {
        let _ = write!(
            self.body,
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/>"#,
            at.0, at.1, size.0, size.1
        );
    }

    pub(crate) fn dot(&mut self, at: (f64, f64), radius: f64, colour: &str) {
        let _ = write!(self.body, r#"<circle cx="{:.1}" cy="{:.1}" r="{radius}" fill="{colour}"/>"#, at.0, at.1);
    }

    pub(crate) fn text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, colour: &str, text: &str) {
        self.write_text(at, size, anchor, colour, text, "");
    }

    /// Text that runs upwards from its point.
    pub(crate) fn upright(&mut self, at: (f64, f64), size: f64, anchor: Anchor, colour: &str, text: &str) {
        let turn = format!(r#" transform="rotate(-90 {:.1} {:.1})""#, at.0, at.1);
        self.write_text(at, size, anchor, colour, text, &turn);
    }

    fn write_text(&mut self, at: (f64, f64), size: f64, anchor: Anchor, colour: &str, text: &str, more: &str) {
        let _ = write!(
            self.body,
            r#"<text x="{:.1}" y="{:.1}" font-size="{size}" text-anchor="{}" fill="{colour}"{more}>{}</text>"#,
            at.0,
            at.1,
            anchor.name(),
            escape(text)
        );
    }

    /// Another picture within this one, as wide as `width`; how tall it is then.
    pub(crate) fn embed(&mut self, chart: &Chart, at: (f64, f64), width: f64) -> f64 {
        let (own_width, own_height) = (f64::from(chart.width), f64::from(chart.height));
        let height = own_height * width / own_width;
        let _ = write!(
            self.body,
            r#"<svg x="{:.1}" y="{:.1}" width="{width:.1}" height="{height:.1}" viewBox="0 0 {own_width} {own_height}">{}</svg>"#,
            at.0,
            at.1,
            chart.body()
        );
        height
    }

    pub(crate) fn finish(self) -> Chart {
        let (width, height) = (self.width, self.height);
        let svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="{FONT}, sans-serif"><rect width="{width}" height="{height}" fill="#ffffff"/>{}</svg>"##,
            self.body
        );
        Chart { svg, width: width.ceil() as u32, height: height.ceil() as u32 }
    }
}

/// About how wide a text is drawn, in pixels: a little more than the mean of the font's letters and digits.
pub(crate) fn width_of(text: &str, size: f64) -> f64 {
    const PER_LETTER: f64 = 0.62;
    text.chars().count() as f64 * size * PER_LETTER
}

/// As much of a text as fits in `room` pixels.
pub(crate) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width_of(text, size) <= room {
        return text.to_owned();
    }
    let most = (room / width_of("x", size)).floor() as usize;
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Text as it may stand in XML; characters XML does not know are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}' | '\u{202A}'..='\u{202E}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((0.0, 0.0), 10.0, Anchor::Start, INK, "</text><script>alert(\"1\")&\u{1b}[31m\u{202e}");
        let chart = svg.finish();
        assert!(chart.svg().contains("&lt;/text&gt;&lt;script&gt;alert(&quot;1&quot;)&amp;[31m</text>"));
        assert!(!chart.svg().contains("<script"));
    }
}
