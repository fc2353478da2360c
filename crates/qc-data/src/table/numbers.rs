//! How numbers are written: `1,234.5` or `1.234,5`, found out from all cells of a column.
//!
//! `1,234` alone reads both ways, a thousandfold apart. Another cell of the column decides, else another column of the
//! file (it was written by the same program); where nothing does, the file is refused until a caller declares it.

use std::fmt;

/// What stands between whole and fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1234.5`; a comma parts thousands: `1,234.5`.
    Point,
    /// `1234,5`; a point parts thousands: `1.234,5`.
    Comma,
}

impl fmt::Display for DecimalMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecimalMark::Point => "1,234.5",
            DecimalMark::Comma => "1.234,5",
        })
    }
}

/// What the cells of a column say about the mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// No cell has a mark, or every one reads the same.
    None,
    /// Some cell reads in one way only.
    Is(DecimalMark),
    /// Cells read in two ways; the row of the first one.
    Open(usize),
    /// Some cells look like `1.234` and none decides: decimal points, unless the file has decimal commas elsewhere; the row
    /// of the first one.
    Points(usize),
    /// One cell reads in one way only, another in the other way only; the row of the second.
    Torn(usize),
}

/// What a column says. `points` is true where a point is a decimal point unless proven otherwise.
pub(super) fn evidence(cells: &[String], points: bool) -> Evidence {
    let (mut open, mut pointed, mut is) = (None, None, None);
    for (row, cell) in cells.iter().enumerate() {
        let cell = cell.trim();
        if !cell.contains([',', '.']) {
            continue;
        }
        let says = match (read(cell, DecimalMark::Point), read(cell, DecimalMark::Comma)) {
            (Some(_), None) => DecimalMark::Point,
            (None, Some(_)) => DecimalMark::Comma,
            (Some(a), Some(b)) if a != b && points && !cell.contains(',') => {
                pointed = pointed.or(Some(row));
                continue;
            }
            (Some(a), Some(b)) if a != b => {
                open = open.or(Some(row));
                continue;
            }
            _ => continue,
        };
        match is {
            Some(known) if known != says => return Evidence::Torn(row),
            _ => is = Some(says),
        }
    }
    match (is, open) {
        (Some(mark), _) => Evidence::Is(mark),
        (None, Some(row)) => Evidence::Open(row),
        (None, None) => pointed.map_or(Evidence::None, Evidence::Points),
    }
}

/// A number; `None` for anything else, infinite ones included.
pub(super) fn read(cell: &str, mark: DecimalMark) -> Option<f64> {
    let cell = cell.trim();
    if !cell.bytes().all(|b| b.is_ascii_digit() || b"+-.eE,".contains(&b)) {
        return None;
    }
    let (decimal, thousands) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let value = if cell.contains([',', '.']) {
        let (whole, rest) = cell.split_once(decimal).map_or((cell, None), |(whole, rest)| (whole, Some(rest)));
        let whole = if whole.contains(thousands) { ungrouped(whole, thousands)? } else { whole.to_owned() };
        match rest {
            Some(rest) if rest.contains([',', '.']) => return None,
            Some(rest) => format!("{whole}.{rest}").parse::<f64>(),
            None => whole.parse::<f64>(),
        }
    } else {
        cell.parse::<f64>()
    };
    value.ok().filter(|value| value.is_finite())
}

/// `1,234,567` without its commas: one to three digits, the first not zero, then groups of three.
fn ungrouped(whole: &str, thousands: char) -> Option<String> {
    let (sign, digits) = match whole.strip_prefix(['-', '+']) {
        Some(digits) => (whole.get(..1)?, digits),
        None => ("", whole),
    };
    let mut groups = digits.split(thousands);
    let first = groups.next()?;
    let fits = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let number = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let all = fits && number(first) && groups.all(|group| group.len() == 3 && number(group));
    all.then(|| format!("{sign}{}", digits.replace(thousands, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(cells: &[&str], points: bool) -> Evidence {
        let cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        evidence(&cells, points)
    }

    #[test]
    fn one_cell_decides_for_its_column() {
        assert_eq!(says(&["1,234", "1,234.50"], true), Evidence::Is(DecimalMark::Point));
        assert_eq!(says(&["1,234", "1,234,567"], true), Evidence::Is(DecimalMark::Point));
        assert_eq!(says(&["1,234", "1,5"], true), Evidence::Is(DecimalMark::Comma));
        assert_eq!(says(&["1,234", "0,123"], true), Evidence::Is(DecimalMark::Comma));
        assert_eq!(says(&["1,234", "1.234,5"], true), Evidence::Is(DecimalMark::Comma));
        assert_eq!(says(&["1,234", "12.5"], true), Evidence::Is(DecimalMark::Point));
    }

    #[test]
    fn what_reads_both_ways_stays_open() {
        assert_eq!(says(&["5", "1,234"], true), Evidence::Open(1));
        assert_eq!(says(&["7", "1.234"], true), Evidence::Points(1), "a decimal point, if no other column objects");
        assert_eq!(says(&["1.000", "0.0"], true), Evidence::Is(DecimalMark::Point), "no thousands begin with zero");
        assert_eq!(says(&["1.234"], false), Evidence::Open(0));
        assert_eq!(says(&["1,5", "2.5"], false), Evidence::Torn(1));
        assert_eq!(says(&["1", "x", ""], false), Evidence::None);
    }

    #[test]
    fn numbers_read_as_their_mark_says() {
        for (cell, point, comma) in [
            ("1,234", Some(1_234.0), Some(1.234)),
            ("-1,234,567.5", Some(-1_234_567.5), None),
            ("1.234,5", None, Some(1_234.5)),
            ("1,5e-3", None, Some(0.0015)),
            ("2.5E3", Some(2_500.0), None),
            ("7", Some(7.0), Some(7.0)),
            (".5", Some(0.5), None),
            ("12,34,567", None, None),
            ("1,2,3", None, None),
            ("1e999", None, None),
            ("--1", None, None),
            ("", None, None),
        ] {
            assert_eq!((read(cell, DecimalMark::Point), read(cell, DecimalMark::Comma)), (point, comma), "{cell}");
        }
    }
}
