//! The sheet as pages in the proportions of A4: blocks one below the other, each as tall as it needs to be, a new page
//! where one does not fit.

use super::{Figure, Listing, TearSheet, Value};
use crate::{
    chart::{
        Chart,
        svg::{Anchor, FAINT, GRID, INK, Svg, fitted, width_of},
    },
    error::Result,
};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 1358.0;
const LEFT: f64 = 24.0;
const RIGHT: f64 = WIDTH - 24.0;
const BOTTOM: f64 = HEIGHT - 46.0;
const TEXT: f64 = 13.0;
const LINE: f64 = 21.0;
/// Ground of notices, and of the figures at the top.
const NOTICE: &str = "#fff3d6";
const TILE: &str = "#f3f5f7";
/// Figures that stand large at the top.
const TILES: usize = 6;
/// Pictures are a little narrower than the page.
const PICTURE: f64 = 0.9 * (RIGHT - LEFT);

/// Pages under construction.
struct Pages<'a> {
    sheet: &'a TearSheet,
    done: Vec<Svg>,
    now: Svg,
    y: f64,
}

pub(super) fn layout(sheet: &TearSheet) -> Result<Vec<Chart>> {
    let mut pages = Pages { sheet, done: Vec::new(), now: Svg::new(WIDTH, HEIGHT), y: 0.0 };
    pages.heading();
    for notice in &sheet.notices {
        pages.notice(notice);
    }
    pages.tiles();
    let mut pictures = sheet.pictures.iter();
    if let Some(first) = pictures.next() {
        pages.picture(&first.draw()?);
    }
    pages.figures();
    for picture in pictures {
        pages.picture(&picture.draw()?);
    }
    for listing in &sheet.tables {
        pages.listing(listing);
    }
    pages.footer();
    Ok(pages.finish())
}

impl Pages<'_> {
    /// Makes room for a block.
    fn need(&mut self, height: f64) {
        if BOTTOM < self.y + height {
            self.done.push(std::mem::replace(&mut self.now, Svg::new(WIDTH, HEIGHT)));
            self.y = 34.0;
        }
    }

    fn heading(&mut self) {
        self.now.text((LEFT, 50.0), 26.0, Anchor::Start, INK, &fitted(&self.sheet.title, 26.0, RIGHT - LEFT));
        self.now.text((LEFT, 76.0), 14.0, Anchor::Start, FAINT, &fitted(&self.sheet.subtitle, 14.0, RIGHT - LEFT));
        self.now.line((LEFT, 92.0), (RIGHT, 92.0), INK, 1.5);
        self.y = 106.0;
    }

    fn notice(&mut self, text: &str) {
        for line in lines(text, TEXT, RIGHT - LEFT - 24.0) {
            self.need(26.0);
            self.now.rect((LEFT, self.y), (RIGHT - LEFT, 26.0), NOTICE);
            self.now.text((LEFT + 12.0, self.y + 17.5), TEXT, Anchor::Start, INK, &line);
            self.y += 26.0;
        }
        self.y += 6.0;
    }

    fn tiles(&mut self) {
        let shown: Vec<&Figure> = self.sheet.figures.iter().take(TILES).collect();
        if shown.is_empty() {
            return;
        }
        self.need(84.0);
        let width = (RIGHT - LEFT - 10.0 * (shown.len() - 1) as f64) / shown.len() as f64;
        for (at, figure) in shown.into_iter().enumerate() {
            let x = LEFT + at as f64 * (width + 10.0);
            self.now.rect((x, self.y), (width, 74.0), TILE);
            self.now.text(
                (x + 12.0, self.y + 22.0),
                12.0,
                Anchor::Start,
                FAINT,
                &fitted(&figure.name, 12.0, width - 16.0),
            );
            self.now.text(
                (x + 12.0, self.y + 48.0),
                20.0,
                Anchor::Start,
                INK,
                &fitted(&figure.value.shown(), 20.0, width - 16.0),
            );
            if let (Some(name), Some(beside)) = (&self.sheet.benchmark, &figure.beside) {
                let text = fitted(&format!("{name} {}", beside.shown()), 11.0, width - 16.0);
                self.now.text((x + 12.0, self.y + 66.0), 11.0, Anchor::Start, FAINT, &text);
            }
        }
        self.y += 84.0;
    }

    fn picture(&mut self, chart: &Chart) {
        let (width, height) = chart.size();
        let tall = f64::from(height) * PICTURE / f64::from(width);
        self.need(tall);
        let left = LEFT + 0.5 * (RIGHT - LEFT - PICTURE);
        self.y += self.now.embed(chart, (left, self.y), PICTURE) + 6.0;
    }

    /// All figures in two columns beside each other.
    fn figures(&mut self) {
        let all = &self.sheet.figures;
        let n = all.len().div_ceil(2);
        if n == 0 {
            return;
        }
        self.need(LINE * (n as f64 + 1.0) + 14.0);
        let width = 0.5 * (RIGHT - LEFT) - 14.0;
        let top = self.y;
        for (half, figures) in all.chunks(n).enumerate() {
            let left = LEFT + half as f64 * (width + 28.0);
            let right = left + width;
            let (own, beside) = (right - if self.sheet.benchmark.is_some() { 110.0 } else { 0.0 }, right);
            self.y = top + LINE;
            if let Some(name) = &self.sheet.benchmark {
                self.now.text((own, self.y - 6.0), 11.0, Anchor::End, FAINT, "account");
                self.now.text((beside, self.y - 6.0), 11.0, Anchor::End, FAINT, &fitted(name, 11.0, 104.0));
            }
            for figure in figures {
                self.now.line((left, self.y), (right, self.y), GRID, 1.0);
                self.y += LINE;
                let name = fitted(&figure.name, TEXT, own - left - 70.0);
                self.now.text((left, self.y - 6.0), TEXT, Anchor::Start, FAINT, &name);
                self.now.text((own, self.y - 6.0), TEXT, Anchor::End, INK, &figure.value.shown());
                if let Some(value) = figure.beside.as_ref().filter(|_| self.sheet.benchmark.is_some()) {
                    self.now.text((beside, self.y - 6.0), TEXT, Anchor::End, INK, &value.shown());
                }
            }
        }
        self.y = top + LINE * (n as f64 + 1.0) + 14.0;
    }

    fn listing(&mut self, listing: &Listing) {
        self.need(4.0 * LINE);
        self.y += 8.0;
        self.now.text((LEFT, self.y + 16.0), 16.0, Anchor::Start, INK, &fitted(&listing.title, 16.0, RIGHT - LEFT));
        self.y += 24.0;
        let ends = ends(listing);
        let heads: Vec<Value> = listing.columns.iter().map(|name| Value::Text(name.clone())).collect();
        self.row(&heads, &ends, FAINT);
        for row in &listing.rows {
            self.need(LINE);
            self.now.line((LEFT, self.y), (RIGHT, self.y), GRID, 1.0);
            self.row(row, &ends, INK);
        }
        self.y += 10.0;
    }

    fn row(&mut self, cells: &[Value], ends: &[f64], colour: &str) {
        self.y += LINE;
        let mut left = LEFT;
        for (at, (cell, end)) in cells.iter().zip(ends).enumerate() {
            let text = fitted(&cell.shown(), TEXT, end - left - 8.0);
            let (x, anchor) = if at == 0 { (LEFT, Anchor::Start) } else { (*end, Anchor::End) };
            self.now.text((x, self.y - 6.0), TEXT, anchor, colour, &text);
            left = *end;
        }
    }

    fn footer(&mut self) {
        self.y += 8.0;
        for text in &self.sheet.footer {
            for line in lines(text, 11.0, RIGHT - LEFT) {
                self.need(16.0);
                self.y += 16.0;
                self.now.text((LEFT, self.y - 4.0), 11.0, Anchor::Start, FAINT, &line);
            }
        }
    }

    fn finish(mut self) -> Vec<Chart> {
        self.done.push(self.now);
        let n = self.done.len();
        let number = |(at, mut svg): (usize, Svg)| {
            svg.text((RIGHT, HEIGHT - 20.0), 11.0, Anchor::End, FAINT, &format!("{} of {n}", at + 1));
            svg.finish()
        };
        self.done.into_iter().enumerate().map(number).collect()
    }
}

/// Where columns end: the first as wide as its longest text, the others share what is left.
fn ends(listing: &Listing) -> Vec<f64> {
    let firsts = listing.rows.iter().filter_map(|row| row.first()).map(Value::shown);
    let widest = firsts.map(|text| width_of(&text, TEXT)).fold(90.0, f64::max).min(0.4 * (RIGHT - LEFT));
    let others = listing.columns.len().saturating_sub(1).max(1) as f64;
    let each = (RIGHT - LEFT - widest) / others;
    (0..listing.columns.len()).map(|at| LEFT + widest + each * at as f64).collect()
}

/// Text in lines that fit.
fn lines(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let longer = lines.last().map(|line| format!("{line} {word}")).filter(|line| width_of(line, size) <= room);
        match (longer, lines.last_mut()) {
            (Some(longer), Some(last)) => *last = longer,
            _ => lines.push(fitted(word, size, room)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_into_lines_that_fit() {
        let found = lines("one two three", 10.0, 60.0);
        assert_eq!(found, ["one two", "three"]);
        assert!(lines(&"x".repeat(100), 10.0, 60.0)[0].ends_with('…'));
    }

    #[test]
    fn what_does_not_fit_goes_to_the_next_page() {
        let row = |n: usize| vec![Value::Text(format!("row {n}")), Value::Ratio(n as f64)];
        let listing = Listing {
            title: "Many".into(),
            columns: vec!["name".into(), "value".into()],
            rows: (0..200).map(row).collect(),
        };
        let sheet = TearSheet { title: "T".into(), tables: vec![listing], ..TearSheet::default() };
        let pages = sheet.pages().unwrap();
        assert_eq!(pages.len(), 4);
        let all: String = pages.iter().map(Chart::svg).collect();
        for n in [0, 57, 199] {
            assert_eq!(all.matches(&format!(">row {n}<")).count(), 1, "{n}");
        }
        assert!(all.contains(">4 of 4<"));
    }
}
