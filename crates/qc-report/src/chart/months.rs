//! Returns of months as colours: a row for each year, orange for losses, blue for gains, and the year's own at its end.

use super::{
    Chart, WIDTH,
    frame::{SMALL, heading},
    heat_map::colour,
    svg::{Anchor, FAINT, GRID, INK, ON_COLOUR, Svg},
};
use crate::error::{Error, Result};

/// Most years of one picture.
const MOST_YEARS: usize = 60;
const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const TOP: f64 = 104.0;
const LEFT: f64 = 76.0;
const ROW: f64 = 27.0;
/// Space between December and the year.
const GAP: f64 = 10.0;

/// Returns of the months of a year.
#[derive(Debug, Clone, PartialEq)]
pub struct Year {
    /// The year.
    pub year: i64,
    /// Fractions, January first; `None` where the series has no month.
    pub months: [Option<f64>; 12],
    /// The year's return, as far as it goes.
    pub total: f64,
}

/// A calendar of returns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Months {
    /// First line above the picture.
    pub title: String,
    /// Second line, smaller.
    pub subtitle: String,
    /// Oldest first.
    pub years: Vec<Year>,
}

impl Months {
    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NotFinite`], [`Error::TooMany`] beyond 60 years.
    pub fn draw(&self) -> Result<Chart> {
        let n = self.years.len();
        if n == 0 {
            return Err(Error::Empty { what: "a calendar of returns" });
        }
        if MOST_YEARS < n {
            return Err(Error::TooMany { what: "years of a calendar", limit: MOST_YEARS, found: n });
        }
        for (row, year) in self.years.iter().enumerate() {
            if !year.months.iter().flatten().chain([&year.total]).all(|value| value.is_finite()) {
                return Err(Error::NotFinite { what: "a calendar of returns", row });
            }
        }
        let width = f64::from(WIDTH);
        let height = TOP + ROW * n as f64 + 28.0;
        let mut svg = Svg::new(width, height);
        heading(&mut svg, width, &self.title, &self.subtitle);
        let cell = ((width - LEFT - GAP - 28.0) / 13.0).floor();
        let x_of = |column: usize| LEFT + cell * column as f64 + if column == 12 { GAP } else { 0.0 };
        for (column, name) in NAMES.iter().chain([&"Year"]).enumerate() {
            svg.text((x_of(column) + 0.5 * cell, TOP - 10.0), SMALL, Anchor::Middle, FAINT, name);
        }
        let months = || self.years.iter().flat_map(|year| year.months.iter().flatten().copied());
        let (of_months, of_years) = (scale(months()), scale(self.years.iter().map(|year| year.total)));
        for (row, year) in self.years.iter().enumerate() {
            let y = TOP + ROW * row as f64;
            svg.text((LEFT - 12.0, y + 18.0), SMALL, Anchor::End, INK, &year.year.to_string());
            let cells = year.months.iter().map(|value| (*value, of_months)).chain([(Some(year.total), of_years)]);
            for (column, (value, scale)) in cells.enumerate() {
                let x = x_of(column);
                let Some(value) = value else {
                    svg.line((x + 0.5 * cell - 4.0, y + 0.5 * ROW), (x + 0.5 * cell + 4.0, y + 0.5 * ROW), GRID, 1.0);
                    continue;
                };
                let share = value / scale;
                svg.rect((x, y), (cell - 1.5, ROW - 1.5), &colour(share));
                let ink = if (if share < 0.0 { 0.85 } else { 0.65 }) < share.abs() { "#ffffff" } else { ON_COLOUR };
                svg.text((x + 0.5 * cell, y + 18.0), SMALL, Anchor::Middle, ink, &percent(value));
            }
        }
        Ok(svg.finish())
    }
}

/// What is drawn in full colour: the largest but for the outer twentieth, so that one month does not make all others pale.
fn scale(values: impl Iterator<Item = f64>) -> f64 {
    let mut sizes: Vec<f64> = values.map(f64::abs).collect();
    sizes.sort_by(f64::total_cmp);
    let at = (0.95 * sizes.len() as f64).ceil() as usize;
    sizes.get(at.saturating_sub(1)).copied().filter(|size| 0.0 < *size).unwrap_or(1.0)
}

/// A return in percent, with a decimal where there is room.
fn percent(value: f64) -> String {
    let percent = 100.0 * value;
    let text = if percent.abs() < 99.95 { format!("{percent:.1}") } else { format!("{percent:.0}") };
    if text == "-0.0" { "0.0".to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_month_stands_in_its_cell_and_what_is_missing_is_a_dash() {
        let mut months = [None; 12];
        months[1] = Some(-0.1234);
        months[2] = Some(-0.0001);
        let years = vec![Year { year: 2020, months, total: 1.5 }];
        let map = Months { title: "<t>".into(), subtitle: String::new(), years };
        let chart = map.draw().unwrap();
        assert_eq!(chart.svg().matches("<rect").count(), 1 + 3, "background, two months, the year");
        for text in [">−12.3<", ">0.0<", ">150<", ">2020<", "&lt;t&gt;"] {
            assert!(chart.svg().contains(text), "{text}");
        }
        assert!(!chart.png().unwrap().is_empty());
        assert!(matches!(Months::default().draw(), Err(Error::Empty { .. })));
        let bad = Months { years: vec![Year { year: 1, months: [None; 12], total: f64::NAN }], ..map };
        assert!(matches!(bad.draw(), Err(Error::NotFinite { row: 0, .. })));
    }
}
